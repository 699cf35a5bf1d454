"""Ten steps of both presets, at full size, against the paper's page and its released code written down a second time.

transcriptions.py computes by hand in float64, and in PyTorch. It starts from the same weights; every z, every order of
the data and every dropout mask are drawn once more, from streams of the same seed. After each step all parameters and
both losses must be the same. 400 images make an epoch of 4 minibatches, so that momentum rises and the order changes.

Then each detail that ports of this code get wrong is got wrong on purpose: the comparison sees it.
"""

import ast
import math
import os
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from gan import settings as presets
from gan.data import Dataset, load, mnist
from gan.training import Training
from minigrad import Generator
from minigrad.fused.mlp import Run
from minigrad.optim import Pylearn2Momentum

SOURCE = Path(__file__).with_name("transcriptions.py")
SPEC = util.spec_from_file_location("transcriptions", SOURCE)
transcriptions = util.module_from_spec(SPEC)
SPEC.loader.exec_module(transcriptions)
InNumPy = transcriptions.InNumPy

STEPS, IMAGES = 10, 400
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}  # of the largest number of the same parameter
SIMULTANEOUS = None  # in the place of k: the preset `authors`
# In float32 a ReLU or a maxout so near a tie that rounding decides it ends the comparison: these seeds keep away.
SEEDS = {"mnist": {SIMULTANEOUS: 28, 1: 175, 2: 80}, "digits": {SIMULTANEOUS: 53, 1: 24, 2: 157}}
NEAREST_TIE = 4e-7  # in standard deviations of the sums


@pytest.fixture(scope="module")
def source():
    """(name, (400, 784) bytes): MNIST where it is at hand, else scikit-learn's digits, enlarged and framed in black."""
    name = "train-images-idx3-ubyte"
    given = os.environ.get("MINIGRAD_MNIST_DIR")
    folder = Path(given) if given else mnist.cache_dir()
    if any((folder / file).is_file() for file in (name, f"{name}.gz")):
        return "mnist", mnist.read(name, folder)[:IMAGES].reshape(IMAGES, 784)
    small = np.uint8(np.rint(load("digits").train[:IMAGES] * 255)).reshape(IMAGES, 8, 8)
    large = small.repeat(3, axis=1).repeat(3, axis=2)
    return "digits", np.pad(large, ((0, 0), (2, 2), (2, 2))).reshape(IMAGES, 784)


class Draws:
    """What a Training of this seed draws, drawn again."""

    def __init__(self, seed):
        _, self.masks, self.z, self.orders, *_ = Generator(seed).split(6)

    def noise(self):
        return self.z.uniform(-math.sqrt(3), math.sqrt(3), (100, 100)).astype(np.float64)

    def order(self, n):
        return self.orders.permutation(n)

    def mask(self, keep, shape):
        return self.masks.bernoulli(keep, shape)


def begun(source, k, kernels, dtype):
    """A Training before its first step, its numbers in this precision."""
    (name, images), preset = source, {"preset": "authors"} if k is SIMULTANEOUS else {"preset": "paper", "k": k}
    train = np.divide(images, 255, dtype=np.float32)
    dataset = Dataset(name="mnist", train=train, valid=train[:100], test=train[:1], image_shape=(28, 28))
    training = Training(presets.make("mnist", seed=SEEDS[name][k], kernels=kernels, **preset), dataset)
    for net in (training.G, training.D):
        for p in net.parameters():
            p.data = p.data.astype(dtype)
    training.minibatches.data = training.minibatches.data.astype(dtype)
    draw = training.game.noise
    training.game.noise = lambda: draw().astype(dtype)
    return training


def transcribed(source, k, page, training):
    """The same before its first step, on a page of transcriptions.py."""
    name, images = source
    states = {"G": training.G.state_dict(), "D": training.D.state_dict()}
    return page(states, images, Draws(SEEDS[name][k]), k)


def wrong_room(*_):
    raise AssertionError("these are not the kernels that the settings name")


def iterate(training):
    """One step, by the kernels that the settings name and by no others."""
    with pytest.MonkeyPatch.context() as patch:
        if training.settings.kernels == "fused":
            patch.setattr(Run, "_plain", wrong_room)
            patch.setattr(Pylearn2Momentum, "update", wrong_room)
        else:
            patch.setattr(Run, "__call__", wrong_room)
        return training.iterate()


def error(training, numbers, page, losses):
    """The largest relative error of all parameters and both losses."""
    found = [abs(numbers[name] / loss - 1) for name, loss in zip(("d_loss", "g_loss"), losses, strict=True)]
    for player, net in (("G", training.G), ("D", training.D)):
        for p, w in zip(net.parameters(), map(np.asarray, page.theta[player]), strict=True):
            # D's output bias, one number, is what is left where 1/2 and almost 1/2, times the rate of 0.1, cancel
            found.append(np.abs(p.data - w).max() / (np.abs(w).max() if w.size > 1 else 0.1))
    return max(found)


def assert_ten_steps(source, k, page):
    trainings = {
        (kernels, dtype): begun(source, k, kernels, dtype) for kernels in ("plain", "fused") for dtype in TOLERANCE
    }
    page = transcribed(source, k, page, trainings["plain", "float32"])
    for step in range(STEPS):
        losses = page.step()
        for (kernels, dtype), training in trainings.items():
            worst = error(training, iterate(training), page, losses)
            assert worst <= TOLERANCE[dtype], f"{kernels}, {dtype}, step {step + 1}"
    for training in trainings.values():
        streams = training.masks, training.z, training.minibatches.generator
        drawn = page.draws.masks, page.draws.z, page.draws.orders
        assert [s.state_dict() for s in streams] == [s.state_dict() for s in drawn]  # nobody drew more
    return page


@pytest.mark.parametrize("k", [SIMULTANEOUS, 1, 2], ids=["authors", "paper, k=1", "paper, k=2"])
def test_ten_steps_by_hand(source, k):
    page = assert_ten_steps(source, k, InNumPy)
    assert page.taken // page.per_epoch >= 2  # the third epoch has begun
    assert page.nearest_tie > NEAREST_TIE


def test_ten_steps_in_pytorch(source, torch):
    assert_ten_steps(source, SIMULTANEOUS, transcriptions.in_pytorch(torch))


def test_the_transcriptions_owe_nothing_to_the_project():
    imports = [n for n in ast.walk(ast.parse(SOURCE.read_text())) if isinstance(n, (ast.Import, ast.ImportFrom))]
    assert [ast.unparse(n) for n in imports] == ["import numpy as np"]


# --------------------------------------------------------------------------------------- what ports get wrong

M, KEEP, PIECES = transcriptions.M, transcriptions.KEEP, transcriptions.PIECES


class RateDecaysPerEpoch(InNumPy):
    def learning_rate(self):
        return 0.1 / 1.000004**self.epochs_seen


class MomentumRisesPerStep(InNumPy):
    def momentum(self):
        return 0.5 + 0.2 * min(1.0, self.t / 249)


class MomentumOfPyTorch(InNumPy):
    def move(self, player, gradient):
        for w, v, g in zip(self.theta[player], self.inc[player], gradient, strict=True):
            v *= self.m
            v += g
            w -= self.lr * v


class NoDropoutInDForG(InNumPy):
    def g_gradient(self, z, masks):
        return super().g_gradient(z, [np.full(m.shape, keep) for m, keep in zip(masks, KEEP, strict=True)])


class MasksOfItsOwnForG(InNumPy):
    def g_gradient(self, z, masks):
        return super().g_gradient(z, self.masks())


class DMovesBeforeG(InNumPy):
    def simultaneous(self):
        z, x, masks_x, masks_z = self.draws.noise(), self.minibatch(), self.masks(), self.masks()
        d_loss, of_d = self.d_gradient(z, x, masks_x, masks_z)
        self.move("D", of_d)
        g_loss, of_g = self.g_gradient(z, masks_z)
        self.move("G", of_g)
        return d_loss, g_loss


class OutputBiasZero(InNumPy):
    def output_bias(self):
        return np.zeros(784)


class WholeV(InNumPy):
    def d_gradient(self, *args):
        self.scale = 1.0
        return super().d_gradient(*args)


class HalfV(InNumPy):
    def d_gradient(self, *args):
        self.scale = 0.5
        return super().d_gradient(*args)


class SaturatingLoss(InNumPy):
    def g_gradient(self, z, masks):
        y, kept = self.G(z)
        a, *of_d = self.D(y, masks)
        _, d0 = self.D_back(*of_d, masks, -transcriptions.sigmoid(a) / M)
        of_g = self.G_back(kept, y, (d0 @ self.theta["D"][0]) * masks[0] / 0.8)
        return transcriptions.softplus(-a).mean(), of_g  # the same number is shown, another is descended


class ReLUInD(InNumPy):
    def maxout(self, a):
        a = a.reshape(M, 240, PIECES)[:, :, 0]
        return np.maximum(a, 0), a > 0

    def maxout_back(self, d_h, won):
        d_a = np.zeros((M, 240, PIECES))
        d_a[:, :, 0] = d_h * won
        return d_a.reshape(M, -1)


class ZeroInTheMaximum(InNumPy):
    def maxout(self, a):
        h, won = super().maxout(a)
        return np.maximum(h, 0), (won, h > 0)

    def maxout_back(self, d_h, won):
        return super().maxout_back(d_h * won[1], won[0])


class PiecesFarApart(InNumPy):
    def maxout(self, a):
        return super().maxout(a.reshape(M, PIECES, 240).transpose(0, 2, 1))

    def maxout_back(self, d_h, won):
        return super().maxout_back(d_h, won).reshape(M, 240, PIECES).transpose(0, 2, 1).reshape(M, -1)


class PixelsFromMinusOne(InNumPy):
    def pixels(self, images):
        return 2 * super().pixels(images) - 1


class OneOrderForAllEpochs(InNumPy):
    def minibatch(self):
        place = self.taken % self.per_epoch
        if self.taken == 0:
            self.order = self.draws.order(len(self.x))
        self.taken += 1
        return self.x[self.order[place * M : (place + 1) * M]]


class NoiseOfDForG(InNumPy):
    def d_gradient(self, z, *args):
        self.kept = z
        return super().d_gradient(z, *args)

    def g_gradient(self, z, masks):
        return super().g_gradient(self.kept, masks)


class MasksOfDForG(InNumPy):
    def d_gradient(self, z, x, masks_x, masks_z):
        self.kept = masks_z
        return super().d_gradient(z, x, masks_x, masks_z)

    def g_gradient(self, z, masks):
        return super().g_gradient(z, self.kept)


OF_THE_RELEASED_CODE = [
    RateDecaysPerEpoch,
    MomentumRisesPerStep,
    MomentumOfPyTorch,
    NoDropoutInDForG,
    MasksOfItsOwnForG,
    DMovesBeforeG,
    OutputBiasZero,
    WholeV,
    SaturatingLoss,
    ReLUInD,
    ZeroInTheMaximum,
    PiecesFarApart,
    PixelsFromMinusOne,
    OneOrderForAllEpochs,
]
OF_ALGORITHM_1 = [HalfV, NoiseOfDForG, MasksOfDForG, NoDropoutInDForG, MomentumRisesPerStep]


@pytest.mark.parametrize(
    ("k", "mutant"),
    [(SIMULTANEOUS, m) for m in OF_THE_RELEASED_CODE] + [(1, m) for m in OF_ALGORITHM_1],
    ids=lambda v: getattr(v, "__name__", {SIMULTANEOUS: "authors", 1: "paper"}.get(v)),
)
def test_the_comparison_sees(source, k, mutant):
    """By a thousand times what is tolerated."""
    training = begun(source, k, "fused", "float64")
    page = transcribed(source, k, mutant, training)
    worst = 0.0
    for _ in range(STEPS):
        losses = page.step()
        worst = max(worst, error(training, iterate(training), page, losses))
        if worst > 1000 * TOLERANCE["float64"]:
            return
    pytest.fail(f"ten steps differ by {worst:.1e} only")
