"""What is measured: one frozen dataclass for each kind of case, and the arrays that every peer starts from.

Weights have PyTorch's layout (out, in). All peers get equal arrays, since each draws them from the case's own seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

Array = np.ndarray[Any, Any]
Layers = list[tuple[Array, Array]]  # (weight, bias) of each layer

BATCHES = 8  # minibatches that a GAN's steps take in turn


@dataclass(frozen=True)
class Chain:
    """A graph of scalars: y = x op x op ... in float64, built and differentiated."""

    kind: ClassVar[str] = "chain"
    op: str = "mul"  # "mul": x^(length + 1); "add": (length + 1) x
    length: int = 100

    @property
    def title(self) -> str:
        verb = {"mul": "multiplications", "add": "additions"}[self.op]
        return f"{self.length:,} scalar {verb}, forward and backward"


@dataclass(frozen=True)
class MLP:
    """``layers`` Linear layers of one width, ReLU between, mean squared error against a fixed target."""

    kind: ClassVar[str] = "mlp"
    width: int
    batch: int
    layers: int = 3
    what: str = "step"  # "forward"; "gradients": forward and backward; "step": and SGD
    lr: float = 0.01
    seed: int = 0

    @property
    def title(self) -> str:
        what = {"forward": "forward", "gradients": "forward + backward", "step": "full SGD step"}[self.what]
        return f"MLP {self.layers} x {self.width}, batch {self.batch}, {what}"


@dataclass(frozen=True)
class GAN:
    """One iteration of Algorithm 1 with k = 1: an update of D, then one of G, both with momentum."""

    kind: ClassVar[str] = "gan"
    name: str
    batch: int
    noise: int
    generator: tuple[int, ...]  # widths of the hidden ReLU layers
    dimension: int  # of x
    discriminator: tuple[int, ...]  # numbers of maxout units
    pieces: int
    dropout: tuple[float, float] = (0.2, 0.5)  # of x, of hidden units
    spread: tuple[float, float] = (0.05, 0.005)  # first weights of G and D, uniform on +- this
    lr: float = 0.1
    momentum: float = 0.5
    scale: float = 1.0  # the factor of V in D's loss
    source: str = ""  # a file with weights and minibatches from the middle of a run
    seed: int = 0

    @property
    def title(self) -> str:
        return f"GAN step, {self.name}"

    @property
    def widths_G(self) -> tuple[int, ...]:
        return (self.noise, *self.generator, self.dimension)

    @property
    def widths_D(self) -> tuple[int, ...]:
        return (self.dimension, *self.discriminator)

    def drops(self) -> list[tuple[int, float]]:
        """(width, probability of dropping) in front of each layer of D."""
        return [(n, self.dropout[i > 0]) for i, n in enumerate(self.widths_D)]


@dataclass(frozen=True)
class Optimiser:
    """One update of the given arrays from given gradients: no graph."""

    kind: ClassVar[str] = "optimiser"
    rule: str  # "sgd", "momentum", "adam"
    shapes: tuple[tuple[int, ...], ...] = ()
    lr: float = 0.01
    momentum: float = 0.5
    seed: int = 0

    @property
    def title(self) -> str:
        return f"optimiser {self.rule}, {self.numbers:,} parameters in {len(self.shapes)} arrays"

    @property
    def numbers(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes)


@dataclass(frozen=True)
class HVP:
    """H v, the Hessian of a small tanh network's mean squared error times a vector, float32."""

    kind: ClassVar[str] = "hvp"
    widths: tuple[int, ...] = (32, 64, 64, 1)
    batch: int = 64
    seed: int = 0

    @property
    def title(self) -> str:
        return f"Hessian-vector product, tanh MLP {'-'.join(map(str, self.widths))}, batch {self.batch}"


Case = Chain | MLP | GAN | Optimiser | HVP
KINDS: dict[str, type[Case]] = {kind.kind: kind for kind in (Chain, MLP, GAN, Optimiser, HVP)}


def to_json(case: Case) -> dict[str, Any]:
    return {"kind": case.kind, **asdict(case)}


def from_json(fields: dict[str, Any]) -> Case:
    """The inverse of ``to_json``, also of what JSON made of it: lists are tuples again."""

    def frozen(value: Any) -> Any:
        return tuple(map(frozen, value)) if isinstance(value, list) else value

    return KINDS[fields["kind"]](**{name: frozen(value) for name, value in fields.items() if name != "kind"})


PAPER = GAN("paper, 100-1200-1200-784 and 240x5-240x5", 100, 100, (1200, 1200), 784, (240, 240), 5)
SMALL = GAN("small, 16-128-64 and 64x2-64x2", 64, 16, (128,), 64, (64, 64), 2, spread=(0.05, 0.05))
DIGITS = GAN("digits, 20-128-128-64 and 64x5-64x5", 100, 20, (128, 128), 64, (64, 64), 5, spread=(0.05, 0.05))
TINY = GAN("tiny", 6, 5, (8, 7), 10, (6, 4), 3, spread=(0.5, 0.5))  # for tests


def shapes_of(gan: GAN) -> tuple[tuple[int, ...], ...]:
    """Shapes of all parameters of both players."""
    pieces = [gan.pieces] * len(gan.discriminator) + [1]
    shapes: list[tuple[int, ...]] = []
    for n, m in pairwise(gan.widths_G):
        shapes += [(m, n), (m,)]
    for (n, m), p in zip(pairwise((*gan.widths_D, 1)), pieces, strict=True):
        shapes += [(m * p, n), (m * p,)]
    return tuple(shapes)


# ------------------------------------------------------------------------------------------------ arrays


def _layers(rng: np.random.Generator, sizes: list[tuple[int, int]], spread: float | None) -> Layers:
    """Uniform on +- spread, or He's bound, which keeps the variance through any number of ReLU layers."""

    def draw(bound: float, *shape: int) -> Array:
        return (rng.random(shape, dtype=np.float32) * 2 - 1) * np.float32(bound)

    bounds = [np.sqrt(6 / n) if spread is None else spread for n, _ in sizes]
    return [(draw(b, m, n), draw(b / 2, m)) for b, (n, m) in zip(bounds, sizes, strict=True)]


@dataclass
class MLPInputs:
    """The layers, a minibatch and its target."""

    layers: Layers
    x: Array
    y: Array


def mlp_inputs(case: MLP) -> MLPInputs:
    rng = np.random.default_rng(case.seed)
    layers = _layers(rng, [(case.width, case.width)] * case.layers, None)
    x, y = (rng.standard_normal((case.batch, case.width), dtype=np.float32) for _ in range(2))
    return MLPInputs(layers, x, y * 10)  # far from what the network says: no gradient is small by accident


@dataclass
class Draws:
    """The random numbers of one GAN step. ``masks``: 1 where kept, in front of each layer of D; None: no dropout."""

    z_d: Array  # (batch, noise), of D's update
    masks_d: list[Array | None]  # (2 batch, width): data, then samples
    z_g: Array
    masks_g: list[Array | None]  # (batch, width)


@dataclass
class GANInputs:
    """The players, minibatches and, to check a step with, its random numbers."""

    G: Layers
    D: Layers
    x: Array  # (minibatches, batch, dimension)
    draws: Draws = field(repr=False)


def gan_inputs(case: GAN) -> GANInputs:
    rng = np.random.default_rng(case.seed)
    G, D = players_of(case, rng)
    x = rng.random((BATCHES, case.batch, case.dimension), dtype=np.float32)
    if case.source:
        with np.load(case.source) as file:
            G = [(file[f"G{i}.weight"], file[f"G{i}.bias"]) for i in range(len(G))]
            D = [(file[f"D{i}.weight"], file[f"D{i}.bias"]) for i in range(len(D))]
            x = file["x"]
    return GANInputs(G, D, x, _draws(case, rng))


def players_of(case: GAN, rng: np.random.Generator) -> tuple[Layers, Layers]:
    """G and D, as training starts."""
    shapes = [(s[1], s[0]) for s in shapes_of(case) if len(s) == 2]
    of_G = len(case.generator) + 1
    return _layers(rng, shapes[:of_G], case.spread[0]), _layers(rng, shapes[of_G:], case.spread[1])


def _draws(case: GAN, rng: np.random.Generator) -> Draws:
    def masks(rows: int) -> list[Array | None]:
        return [(rng.random((rows, n), dtype=np.float32) >= p).astype("f") if p else None for n, p in case.drops()]

    def z() -> Array:
        return noise(rng, (case.batch, case.noise))

    return Draws(z(), masks(2 * case.batch), z(), masks(case.batch))


def noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """p_z: uniform, of unit variance."""
    z = rng.random(shape, dtype=np.float32)
    z -= np.float32(0.5)
    z *= np.float32(np.sqrt(12))
    return z


def optimiser_inputs(case: Optimiser) -> tuple[list[Array], list[Array]]:
    """Parameters and their gradients."""
    rng = np.random.default_rng(case.seed)
    p, g = ([rng.standard_normal(s, dtype=np.float32) for s in case.shapes] for _ in range(2))
    return p, g


@dataclass
class HVPInputs:
    """The layers, the direction v (shaped like them), a minibatch and its target."""

    layers: Layers
    v: Layers
    x: Array
    y: Array


def hvp_inputs(case: HVP) -> HVPInputs:
    rng = np.random.default_rng(case.seed)
    sizes = list(pairwise(case.widths))
    layers, v = _layers(rng, sizes, None), _layers(rng, sizes, 1.0)
    x = rng.standard_normal((case.batch, case.widths[0]), dtype=np.float32)
    y = rng.standard_normal((case.batch, case.widths[-1]), dtype=np.float32)
    return HVPInputs(layers, v, x, y)


def flat(layers: Layers) -> list[Array]:
    """weight, bias, weight, bias, ..."""
    return [array for layer in layers for array in layer]


def in_pairs(arrays: Any) -> Iterator[tuple[Any, Any]]:
    """The inverse of ``flat``."""
    every = iter(arrays)
    return zip(every, every, strict=True)
