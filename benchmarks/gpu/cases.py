"""What is measured: a training step of the GAN whose data, noise, masks and schedules all live on the device.

It is the step of benchmarks/cases.py with the three things that a loop around it does: the minibatch is gathered from
a shuffled data set, the learning rate decays at every step, and weights may keep a largest norm. The same arrays
start every peer, since each draws them from the case's seed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minigrad import Generator

from ..cases import GAN, KINDS, PAPER, TINY, Array, Draws, Layers, players_of

PRECISIONS = ("float32", "tf32")
CHECKED_STEPS = 3  # at least: the first shows neither momentum nor schedules
CHECKED_ROWS = 20_000  # a check computes no more rows than these, in float64


@dataclass(frozen=True)
class TrainingStep(GAN):
    """``steps`` iterations in one call of Algorithm 1 with k = 1 ("alternating"), or of the released code.

    Momentum is pylearn2's, ``v = momentum v - lr g; p += v``, with ``lr / decay^t`` at step t. After it every row of
    a weight (out, in) is scaled to a norm of at most ``max_norm``; 0: any.
    """

    kind: ClassVar[str] = "step"
    update: str = "alternating"  # or "simultaneous": shared noise and masks, both gradients before either update
    precision: str = "float32"  # of products: "tf32" rounds their operands to 10 bits of mantissa
    steps: int = 1
    decay: float = 1.000004
    max_norm: float = 0.0
    examples: int = 60_000

    @property
    def title(self) -> str:
        each = "" if self.steps == 1 else f", {self.steps} steps a call"
        limit = ", max-norm" if self.max_norm else ""
        return f"batch {self.batch:,}, {self.precision}, {self.update}{limit}{each}"


KINDS[TrainingStep.kind] = TrainingStep


def step_of(gan: GAN, **changes: Any) -> TrainingStep:
    """The step of the same players; ``changes``: fields of TrainingStep."""
    return TrainingStep(**{**asdict(gan), **changes})


PAPER_STEP = step_of(PAPER, name="paper")
TINY_STEP = step_of(TINY, examples=31)


def checked(case: TrainingStep) -> TrainingStep:
    """The case that is compared with float64 in its stead: other steps a call, at least one."""
    steps = min(max(case.steps, CHECKED_STEPS), CHECKED_ROWS // case.batch)
    return replace(case, steps=max(steps, 1))


@dataclass
class Inputs:
    """Players, data set, the order in which it is gone through, and the random numbers of the steps of a check."""

    G: Layers
    D: Layers
    data: Array  # (examples, dimension) float32
    order: Array  # (examples,) int32; minibatch t is data[order[t batch: (t + 1) batch]], over and over
    draws: list[Draws] = field(repr=False)


def inputs_of(case: TrainingStep, checked: bool = True) -> Inputs:
    """Equal for every number of steps and precision; random numbers only for what is ``checked``."""
    rng = np.random.default_rng(case.seed)
    G, D = players_of(case, rng)
    if case.examples < case.batch:
        raise ValueError(f"a minibatch of {case.batch} is more than the {case.examples} examples")
    data = rng.random((case.examples, case.dimension), dtype=np.float32)
    order = rng.permutation(case.examples).astype(np.int32)
    z, masks = streams()
    return Inputs(G, D, data, order, [drawn(case, z, masks) for _ in range(case.steps * checked)])


def streams() -> tuple[Generator, Generator]:
    """Of noise and of masks: what a check's peers are given, and what minigrad draws by itself on the device."""
    return Generator(1), Generator(2)


def drawn(case: TrainingStep, z: Generator, masks: Generator) -> Draws:
    """The random numbers of a step, in the order in which gan/algorithm.py draws them.

    In a simultaneous update D's samples, and their masks, are G's too.
    """

    def noise() -> Array:
        return z.uniform(-(3**0.5), 3**0.5, (case.batch, case.noise))

    def of_a_pass() -> list[Array | None]:
        return [masks.bernoulli(1 - p, (case.batch, n)).astype("f") if p else None for n, p in case.drops()]

    def over(a: Array | None, b: Array | None) -> Array | None:
        return None if a is None or b is None else np.concatenate([a, b])

    z_d, of_data, of_samples = noise(), of_a_pass(), of_a_pass()
    masks_d = [over(a, b) for a, b in zip(of_data, of_samples, strict=True)]
    if case.update == "simultaneous":
        return Draws(z_d, masks_d, z_d, of_samples)
    return Draws(z_d, masks_d, noise(), of_a_pass())


def minibatch(case: TrainingStep, inputs: Inputs, t: int) -> Array:
    """The t-th one."""
    place = t % (case.examples // case.batch) * case.batch
    return inputs.data[inputs.order[place : place + case.batch]]


# ----------------------------------------------------------------------------------------------------- products


class Product(NamedTuple):
    """``out (m, n) = op(a) op(b)`` over k, row-major; in memory a is (k, m) if turned_a, b is (n, k) if turned_b."""

    what: str
    m: int
    n: int
    k: int
    turned_a: bool = False
    turned_b: bool = False

    @property
    def flops(self) -> int:
        return 2 * self.m * self.n * self.k

    @property
    def bytes(self) -> int:
        """Each operand once, the result once, float32."""
        return 4 * (self.m * self.k + self.k * self.n + self.m * self.n)


def forward(player: str, rows: int, layers: list[tuple[int, int]]) -> list[Product]:
    return [Product(f"{player}{i} forward", rows, m, n, turned_b=True) for i, (n, m) in enumerate(layers, 1)]


def backward(player: str, rows: int, layers: list[tuple[int, int]], weights: bool = True, x: int = 0) -> list[Product]:
    """Gradients of weights, and of the inputs of all layers but the first; of that for ``x`` rows."""
    found = []
    for i, (n, m) in reversed(list(enumerate(layers, 1))):
        if weights:
            found.append(Product(f"{player}{i} dW", m, n, rows, turned_a=True))
        r = rows if i > 1 else x
        if r:
            found.append(Product(f"{player}{i} dx", r, n, m))
    return found


def products(case: TrainingStep) -> list[Product]:
    """The dense products of one step that no rearrangement saves.

    G runs once for both updates, since its parameters do not change between them; D sees data and samples at once;
    G's update needs no gradient of D's weights; and of a simultaneous update one pass back through D serves both
    losses, because D is linear in the gradient of each row's logit. D's last layer has one unit: no product.
    """
    m = case.batch
    G = list(pairwise(case.widths_G))
    D = [(n, u * case.pieces) for n, u in pairwise(case.widths_D)]
    of_D, of_G = partial(backward, "D"), partial(backward, "G")
    if case.update == "simultaneous":
        return forward("G", m, G) + forward("D", 2 * m, D) + of_D(2 * m, D, x=m) + of_G(m, G)
    first = forward("G", 2 * m, G) + forward("D", 2 * m, D) + of_D(2 * m, D)
    return first + forward("D", m, D) + of_D(m, D, weights=False, x=m) + of_G(m, G)
