"""A Game on a CUDA device: the whole iteration as kernels over buffers made once, captured as one CUDA graph.

Equals gan/algorithm.py: the same updates, noise, masks and minibatches, from the same random streams. What the
mathematics lets one leave out is left out, exactly:

- G moves last, so the samples of an iteration are computed at once, for D's updates and for G's own;
- D sees data and samples in one pass, their masks drawn in the order in which two passes would draw them;
- in G's update D's own gradients are not computed;
- D is a maxout network that ends in one logit, so the gradient of a loss for what D computes is the gradient of the
  logit, each row times the loss's derivative: ``simultaneous`` goes back through D once for both losses.

What changes from step to step lies in device memory: learning rate, momentum, random states, place in the data. The
last kernel moves it on; the host writes the order of the data at the start of an epoch, and Gaussian noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad import Generator
from minigrad.device import like, put
from minigrad.fused.cuda import descent, mlp
from minigrad.fused.cuda.descent import Descent, numbers_of
from minigrad.fused.cuda.launch import kernels, threshold
from minigrad.fused.cuda.mlp import MLP, Drop, Pass
from minigrad.fused.cuda.program import Program
from minigrad.fused.cuda.streams import packed, unpack
from minigrad.nn import Dropout, Linear, Maxout, Sequential
from minigrad.optim import SGD, ExponentialDecay, LinearRamp
from minigrad.versions import mark_changed

from .algorithm import Game
from .data.minibatches import Minibatches
from .networks import MaxNorm
from .objectives import GENERATOR_LOSSES

Array = Any
Gemm = Callable[..., None]

SUMS = ("d_loss", "g_loss", "d_real", "d_fake")  # as gan_losses adds them up
BOUND = math.sqrt(3)  # uniform noise of unit variance


class CapturedGame:
    """Algorithm 1's iteration (``update="alternating"``) or the released code's ("simultaneous"), many at a time.

    ``z``: the stream of uniform noise, drawn on the device; None: ``game.noise()`` is called before every iteration,
    and its float32 arrays are copied. ``steps``: iterations taken already, where ``decay`` of the learning rate and
    ``ramp`` of the momentum, by epochs, go on. ``captured=False``: kernel by kernel, to look for a fault.
    The players' parameters and the optimisers' state become views of buffers here. Random streams and Adam's count of
    steps are the device's own until ``write_back``.
    """

    def __init__(
        self,
        game: Game,
        update: str = "alternating",
        k: int = 1,
        z: Generator | None = None,
        decay: ExponentialDecay | None = None,
        ramp: LinearRamp | None = None,
        steps: int = 0,
        captured: bool = True,
    ) -> None:
        assert isinstance(game.data, Minibatches)
        self.game, self.data, self.decay, self.ramp = game, game.data, decay, ramp
        self.simultaneous, self.k = update == "simultaneous", k
        self.kind = next(name for name, loss in GENERATOR_LOSSES.items() if loss is game.generator_loss)
        m = self.m = self.data.batch_size
        self.own = 0 if self.simultaneous else 1  # minibatches of samples for G's update alone
        samples, rows = (k + self.own) * m, (2 * k + self.own) * m

        assert isinstance(game.G, Sequential)
        assert isinstance(game.D, Sequential)
        (G, limit), (D, _) = (_unwrapped(o) for o in (game.optimizer_G, game.optimizer_D))
        self.G, self.D = MLP(game.G, samples), MLP(game.D, 2 * m)
        self.numbers = numbers_of(G)
        self.move_G, self.move_D = Descent(self.G, G, self.numbers, limit), Descent(self.D, D, self.numbers, limit)

        self.kernels = kernels()
        self.examples = put(self.data.data, "cuda")
        self.order = _zeros(max(len(self.examples), k * m), np.int32)
        self.order_of: Any = None  # the Minibatches' order that it holds
        self.clock = put(np.array([steps, 0], np.int64), "cuda")
        self.z = _zeros((samples, self.G.widths[0]), np.float32)
        self.inputs = _zeros((rows, self.D.widths[0]), np.float32)
        self.da = _zeros((m, 1), np.float32)  # G's loss by the logits
        self.sums = _zeros(len(SUMS), np.float64)

        self.z_stream, self.mask_stream = z, _stream_of(self.D)
        words = self._masks(rows)
        states = [packed(s or Generator()) for s in (self.mask_stream, z)]
        self.states = put(np.stack(states), "cuda")
        self.draws = put(np.array([[words, 0], [0, 0 if z is None else self.z.size]], np.int64), "cuda")
        self._passes()

        self.program = Program(self.step, self._watched, captured)

    # ------------------------------------------------------------------------------------------- buffers

    def _masks(self, rows: int) -> int:
        """Room for the masks of all passes of a step, and where each is drawn; how many words that takes."""
        starts, size = {}, 0
        for i, width in enumerate(self.D.widths[:-1]):
            if self.D.drops(i):
                starts[i] = size
                size += -(-rows * width // 64) * 64
        self.mask_bytes = _zeros(size, np.uint8)
        self.masks: list[Array | None] = [None] * len(self.D.dropouts)
        segments, word = [], 0
        for group in range(rows // self.m):  # as D's passes draw them: of data, of samples, ..., layer by layer
            for i, start in starts.items():
                n, dropout = self.m * self.D.widths[i], self.D.dropouts[i]
                assert dropout is not None
                keep = 1 - dropout.p
                segments.append((start + group * n, n, word, threshold(keep)))
                word += -(-n // (64 if keep == 0.5 else 4))
        for i, start in starts.items():
            self.masks[i] = self.mask_bytes[start : start + rows * self.D.widths[i]].reshape(rows, -1)
        self.segments = put(np.array(segments, np.int64).reshape(-1, 4), "cuda") if segments else None
        return word

    def _passes(self) -> None:
        """D's inputs are x and samples of each of its updates, then the samples of G's; the passes through them."""
        m, k = self.m, self.k
        ends = [2 * m * (j + 1) for j in range(k)]
        self.updates = [self._through_D(end - 2 * m, end) for end in ends]
        self.hidden_G = Pass(self.G, 0, len(self.z), self.z)
        # G's last layer writes into D's inputs: where these are apart, a part at a time
        starts = [(j * m, ends[j] - m) for j in range(k)]
        self.outputs = [self._to_D(a, a + m, to) for a, to in starts[:-1]]
        a, to = starts[-1]
        self.outputs.append(self._to_D(a, len(self.z), to))
        if self.simultaneous:
            self.judged, self.moved = self.updates[0], self._to_D(0, m, m)
        else:
            self.judged, self.moved = (
                self._through_D(2 * k * m, (2 * k + 1) * m),
                self._to_D(k * m, (k + 1) * m, 2 * k * m),
            )

    def _through_D(self, start: int, stop: int) -> Pass:
        masks = [None if mask is None else mask[start:stop] for mask in self.masks]
        return Pass(self.D, 0, stop - start, self.inputs[start:stop], masks[1:], head=True)

    def _to_D(self, start: int, stop: int, to: int) -> Pass:
        x, mask = self.inputs[to : to + stop - start], self.masks[0]
        if mask is None:
            return Pass(self.G, start, stop, self.z[start:stop], out=x)
        return Pass(self.G, start, stop, self.z[start:stop], drop=Drop(mask[to : to + len(x)], self.D.scale(0), x))

    # ---------------------------------------------------------------------------------------------- a step

    def step(self, gemm: Gemm) -> None:
        """One iteration, on the current stream."""
        self._draw()
        self.hidden_G.forward(gemm, slice(0, -1))
        for part in self.outputs:
            part.forward(gemm, slice(-1, None))
        if self.simultaneous:
            self._both(gemm)
        else:
            for update in self.updates:
                self._move_D(gemm, update, self.sums if update is self.updates[-1] else None)
            self._move_G(gemm)
        self.kernels.end_step(
            self.clock,
            self.numbers,
            self.states,
            self.draws,
            self.k * self.m,
            self.decay,
            self.ramp,
            self.k,
            self.data.per_epoch,
        )

    def _draw(self) -> None:
        """Noise, masks and minibatches."""
        kernels = self.kernels
        if self.z_stream is not None:
            kernels.uniform(self.z, self.states[1], 0, -BOUND, BOUND)
        if self.segments is not None:
            kernels.masks(self.mask_bytes, self.states[0], self.segments)
        for j in range(self.k):
            at = slice(2 * j * self.m, (2 * j + 1) * self.m)
            mask = None if self.masks[0] is None else self.masks[0][at]
            rows = self.order[j * self.m :]
            kernels.gather(self.inputs[at], self.examples, rows, self.clock[1:], mask, self.D.scale(0))

    def _losses(self, D: Pass, sums: Array | None) -> None:
        """D's loss of a pass through it, its derivatives for the logits into the head's g."""
        a, da, m = D.last.y, D.last.g, self.m
        scale = self.game.discriminator_scale
        dg = self.da if self.simultaneous else None
        self.kernels.gan_losses(a[:m], a[m:], scale, self.kind, da[:m], da[m:], dg, sums)

    def _move_D(self, gemm: Gemm, D: Pass, sums: Array | None) -> None:
        D.forward(gemm)
        self._losses(D, sums)
        D.backward(gemm)
        self.move_D.step()

    def _move_G(self, gemm: Gemm) -> None:
        D, G = self.judged, self.moved
        D.forward(gemm)
        self.kernels.gan_losses(None, D.last.y, 1.0, self.kind, dg_fake=self.da, sums=self.sums)
        D.chain(gemm, G.last.g)
        G.backward(gemm, row_scale=self.da)
        self.move_G.step()

    def _both(self, gemm: Gemm) -> None:
        """One way back through D for both losses; both players move when both have their gradients."""
        D, G = self.judged, self.moved
        D.forward(gemm)
        self._losses(D, self.sums)
        D.chain(gemm, G.last.g, slice(self.m, None), D.last.g)
        G.backward(gemm, row_scale=self.da)
        D.finish_chain(gemm, D.last.g)
        self.move_G.step()
        self.move_D.step()

    # ------------------------------------------------------------------------------------------ many steps

    def run(self, n: int = 1) -> None:
        """``n`` iterations. The host does not wait for them, nor see their losses: ask ``losses``."""
        while n:
            at_once = self._feed(n if self.z_stream is not None else 1)
            if self.z_stream is None:
                for part in np.split(self.z, self.k + self.own):
                    part[...] = put(self.game.noise(), "cuda")
            self.program.run(at_once)
            n -= at_once
        for parameter in self.G.parameters + self.D.parameters:
            mark_changed(parameter)

    def _feed(self, most: int) -> int:
        """See to it that the order of the data is on the device for the next steps; how many, ``most`` or less."""
        data, m = self.data, self.m
        steps = min(data.ahead() // self.k, most)
        if steps:
            if self.order_of is not data.order:
                self._write(data.order, data.position * m)
                self.order_of = data.order
            data.position += steps * self.k
            return steps
        self._write(np.concatenate([data.rows() for _ in range(self.k)]), 0)  # an epoch ends within the step
        self.order_of = None
        return 1

    def _write(self, order: Array, place: int) -> None:
        self.order[: len(order)] = put(order, "cuda")
        self.clock[1] = place

    def _watched(self) -> Iterator[Array]:
        """What others may put other arrays in the place of."""
        for player, move in ((self.G, self.move_G), (self.D, self.move_D)):
            yield from (p._data for p in player.parameters)
            for state in move.optimizer.state.values():
                yield from (v for v in state.values() if hasattr(v, "data"))

    def losses(self) -> dict[str, float]:
        """Sums over the iterations since they were last asked for: the losses, and D's mean verdicts. Waits."""
        sums = self.sums.get()
        self.sums.fill(0)
        return dict(zip(SUMS, map(float, sums), strict=True))

    def write_back(self) -> None:
        """Bring the random streams, and Adam's count of steps, to where the device is. Waits."""
        for stream, words in zip((self.mask_stream, self.z_stream), self.states.get(), strict=True):
            if stream is not None and (words != packed(stream)).any():
                unpack(words, stream)
        self.move_G.write_back()
        self.move_D.write_back()


def unfit(game: Game, ramp: LinearRamp | None = None) -> str | None:
    """Why a Game cannot be computed here, in words; None if it can."""
    for name, network, moved in (("G", game.G, game.optimizer_G), ("D", game.D, game.optimizer_D)):
        assert isinstance(network, Sequential)
        optimizer, _ = _unwrapped(moved)
        reason = mlp.unfit(network) or descent.unfit(optimizer)
        if reason:
            return f"{name}: {reason}"
        (group,) = optimizer.param_groups
        if isinstance(optimizer, SGD) and not group["momentum"] and ramp is not None and ramp.end:
            return f"{name}: SGD's momentum begins at 0, and its first velocity would not be the gradient"
    layers = [layer for layer in game.D.children() if not isinstance(layer, Dropout)]
    *hidden, last = layers
    maxout = hidden and all(isinstance(layer, Maxout) for layer in hidden)
    if not maxout or not isinstance(last, Linear) or last.out_features != 1 or isinstance(last, Maxout):
        return "D: it is not a network of Maxout layers that ends in one logit"
    if len({id(layer.generator) for layer in game.D.children() if isinstance(layer, Dropout)}) > 1:
        return "D: its Dropouts draw from several streams"
    return None


def _zeros(shape: Any, dtype: Any) -> Array:
    return np.zeros(shape, dtype, like=like("cuda"))


def _unwrapped(optimizer: Any) -> tuple[Any, float]:
    """The optimiser, and the limit of norms that it is wrapped in, 0 for none."""
    return (optimizer.optimizer, optimizer.largest) if isinstance(optimizer, MaxNorm) else (optimizer, 0.0)


def _stream_of(D: MLP) -> Generator | None:
    """Where D's masks come from."""
    streams = [d.generator for i, d in enumerate(D.dropouts) if d is not None and D.drops(i)]
    return streams[0] if streams else None
