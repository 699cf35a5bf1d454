"""Hypothesis strategies for those who differentiate: arrays, Tensors, shapes that broadcast, networks, programs.

All shrink: to fewer elements, to smaller and rounder numbers, to fewer layers and steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.strategies import SearchStrategy

from .. import nn
from ..engine import Tensor
from ..random import Generator
from .engines import Engine, is_floating
from .kinks import is_smooth
from .measure import drawn
from .program import Program, Step, programs

__all__ = [
    "Network",
    "Program",
    "Step",
    "arrays",
    "away_from_kinks",
    "broadcastable",
    "mlps",
    "programs",
    "shapes",
    "tensors",
    "well_conditioned",
]


def numbers(low: float = -3.0, high: float = 3.0) -> SearchStrategy[float]:
    """Floats between ``low`` and ``high``: eighths, which are easy to read, and any."""
    first, last = math.ceil(8 * low), math.floor(8 * high)
    eighths = st.integers(first, last).map(lambda k: k / 8) if first <= last else st.nothing()
    return eighths | st.floats(low, high)


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 3) -> SearchStrategy[Any]:
    """Shapes, also without dimensions and without elements unless told otherwise."""
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def arrays(shape: Any = None, elements: Any = None, dtype: Any = np.float64) -> SearchStrategy[Any]:
    """Arrays of a shape (or a strategy of shapes; default ``shapes()``) and of ``elements`` (default in [-3, 3])."""
    elements = numbers() if elements is None else elements
    return hnp.arrays(dtype, shapes() if shape is None else shape, elements=elements, fill=st.nothing())


def tensors(shape: Any = None, elements: Any = None, dtype: Any = np.float64) -> SearchStrategy[Tensor]:
    """Leaves that require grad, of ``arrays(...)``."""
    return arrays(shape, elements, dtype).map(lambda a: Tensor(a, requires_grad=True))


def broadcastable(n: int, elements: Any = None, **options: int) -> SearchStrategy[tuple[Any, ...]]:
    """Tuples of ``n`` arrays that broadcast together; ``options``: those of ``shapes``."""
    options = {"max_dims": 3, "min_side": 0, "max_side": 3, **options}
    together = hnp.mutually_broadcastable_shapes(num_shapes=n, **options)  # type: ignore[arg-type]
    return together.flatmap(lambda s: st.tuples(*(arrays(shape, elements) for shape in s.input_shapes)))


@st.composite
def well_conditioned(draw: Any, n: Any = None, *, symmetric: bool = False) -> Any:
    """(n, n) matrices that can be inverted: the diagonal outweighs its row by 1 or more, the rest is in [-1, 1].

    ``n``: a number or a strategy, default 1 to 3. ``symmetric``: and positive definite.
    """
    size = draw(n) if isinstance(n, SearchStrategy) else draw(st.integers(1, 3)) if n is None else n
    a = draw(arrays((size, size), numbers(-1.0, 1.0)))
    a = (a + a.T) / 2 if symmetric else a
    a = a - np.diag(np.diag(a))
    return a + np.diag(np.abs(a).sum(1) + 1 + draw(arrays((size,), numbers(0.0, 1.0))))


@st.composite
def away_from_kinks(draw: Any, fn: Callable[..., Any], strategy: Any, *, engine: str | Engine = "minigrad") -> Any:
    """What ``strategy`` draws, where ``fn`` is smooth there (``is_smooth``); what is not is moved a little, once.

    ``strategy``: of one array, of a tuple or list of arguments, or a sequence of strategies, one for each argument.
    """
    given = draw(strategy if isinstance(strategy, SearchStrategy) else st.tuples(*strategy))
    inputs = list(given) if isinstance(given, (tuple, list)) else [given]
    if not is_smooth(fn, inputs, engine):
        inputs = [a + drawn([a], k)[0] / 8 if is_floating(a) else a for k, a in enumerate(inputs)]
        assume(is_smooth(fn, inputs, engine))
    return type(given)(inputs) if isinstance(given, (tuple, list)) else inputs[0]


ACTIVATIONS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softplus": nn.Softplus, "relu": nn.ReLU}


@dataclass(frozen=True)
class Network:
    """A random network with an input, said by what makes it: sizes, activation, rows of the input, seed.

    ``net`` is a minigrad.nn.Sequential of float64, ``x`` an array (batch, sizes[0]); both are made anew by each look.
    """

    sizes: tuple[int, ...]
    activation: str
    batch: int
    seed: int

    @property
    def net(self) -> nn.Sequential:
        """Linear layers of these sizes with the activation between them."""
        generator, parts = Generator(self.seed), []
        for a, b in zip(self.sizes, self.sizes[1:], strict=False):
            parts += [nn.Linear(a, b, dtype=np.float64, generator=generator), ACTIVATIONS[self.activation]()]
        return nn.Sequential(*parts[:-1])

    @property
    def x(self) -> Any:
        """Standard normal numbers."""
        return np.random.default_rng(self.seed).standard_normal((self.batch, self.sizes[0]))


def mlps(max_layers: int = 3, max_width: int = 4, activations: Sequence[str] = tuple(ACTIVATIONS)) -> Any:
    """Networks of 1 to ``max_layers`` linear layers: ``Network`` with ``.net`` and ``.x``."""
    return st.builds(
        Network,
        st.lists(st.integers(1, max_width), min_size=2, max_size=max_layers + 1).map(tuple),
        st.sampled_from(list(activations)),
        st.integers(1, 3),
        st.integers(0, 99),
    )
