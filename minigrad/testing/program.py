"""Random programs: straight lines of ops on a few inputs; any value may be used again. Their repr is their code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .report import code

_BY_ELEMENT = ("tanh", "sigmoid", "negative", "softplus", "sin", "atan")
_REDUCING = ("sum", "mean", "prod", "logsumexp")
_ALONG = ("softmax", "cumsum")
_SMOOTH_OF_ONE = (*_BY_ELEMENT, *_REDUCING, *_ALONG, "transpose", "reshape", "flip")
_KINKED_OF_ONE = ("relu", "abs", "amax")
_OF_TWO = ("add", "multiply", "subtract", "matmul", "cat")
_KINKED_OF_TWO = ("maximum", "minimum")


@dataclass(frozen=True)
class Step:
    """One line of a program: the op, the numbers of the values it takes, and what else it is given."""

    op: str
    arguments: tuple[int, ...]
    settings: tuple[Any, ...] = ()

    def line(self, m: str = "m") -> str:
        """The expression."""
        names = [f"x{i}" for i in self.arguments]
        if self.op == "cat":
            names = [f"({', '.join(names)})"]
        module = f"{m}.nn.functional" if self.op == "softplus" else m
        return f"{module}.{self.op}({', '.join([*names, *map(repr, self.settings)])})"


@dataclass(frozen=True, repr=False)
class Program:
    """A function of arrays that runs wherever ops have PyTorch's names.

    ``program(minigrad, *Tensors)``, ``program(torch, *tensors)``; ``inputs`` are arrays to begin with.
    """

    inputs: tuple[Any, ...]
    steps: tuple[Step, ...]

    def __call__(self, m: Any, *xs: Any) -> Any:
        """The value of the last step."""
        values = list(xs)
        for step in self.steps:
            f = getattr(m.nn.functional if step.op == "softplus" else m, step.op)
            given = [values[i] for i in step.arguments]
            values.append(f(tuple(given), *step.settings) if step.op == "cat" else f(*given, *step.settings))
        return values[-1]

    def on(self, m: Any) -> Callable[..., Any]:
        """The same as a function of its inputs alone."""
        return lambda *xs: self(m, *xs)

    @property
    def code(self) -> str:
        """A Python function of m, minigrad or torch, and the inputs."""
        n = len(self.inputs)
        lines = [f"    x{n + i} = {step.line()}" for i, step in enumerate(self.steps)]
        arguments = ", ".join(["m", *(f"x{i}" for i in range(n))])
        return "\n".join([f"def program({arguments}):", *lines, f"    return x{n + len(self.steps) - 1}"])

    def __repr__(self) -> str:
        return "\n".join(["", self.code, "", *(f"x{i} = {code(a)}" for i, a in enumerate(self.inputs))])


@st.composite
def programs(draw: Any, elements: Any = None, *, max_inputs: int = 3, max_steps: int = 6, kinks: bool = False) -> Any:
    """A Program of 1 to ``max_steps`` steps on float64 arrays of up to two dimensions, broadcasting among them.

    ``kinks``: relu, abs, amax, maximum and minimum too. Simpler ones have fewer steps, inputs and elements.
    """
    elements = st.integers(-8, 8).map(lambda k: k / 4) if elements is None else elements
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    shapes = st.sampled_from([(), (columns,), (rows, 1), (rows, columns), (columns, rows)])
    known: list[tuple[int, ...]] = [draw(shapes) for _ in range(draw(st.integers(1, max_inputs)))]
    count = len(known)
    steps: list[Step] = []
    for _ in range(max_steps):
        step = draw(_steps(known, kinks, bool(steps)))
        if step is None:
            break
        steps.append(step[0])
        known.append(step[1])
    # The numbers come last, so that a smaller shape or a missing step leaves the choices before them as they are.
    inputs = []
    for shape in known[:count]:
        size = int(np.prod(shape))
        inputs.append(np.array(draw(st.lists(elements, min_size=size, max_size=size)), np.float64).reshape(shape))
    return _without_dead_code(inputs, steps)


def _without_dead_code(inputs: list[Any], steps: list[Step]) -> Program:
    """Only the inputs and steps that the last value comes from, numbered anew."""
    n = len(inputs)
    alive = {n + len(steps) - 1}
    for number in range(n + len(steps) - 1, n - 1, -1):
        if number in alive:
            alive.update(steps[number - n].arguments)
    new = {old: k for k, old in enumerate(sorted(alive))}
    kept = (Step(s.op, tuple(new[i] for i in s.arguments), s.settings) for k, s in enumerate(steps) if n + k in alive)
    return Program(tuple(a for k, a in enumerate(inputs) if k in alive), tuple(kept))


@st.composite
def _steps(draw: Any, known: list[tuple[int, ...]], kinks: bool, may_end: bool) -> Any:
    """A step that these shapes allow, with the shape of its value; None: the end."""
    if may_end and draw(st.integers(0, 4)) == 0:
        return None
    last = len(known) - 1
    i = last - draw(st.integers(0, last))  # the newest value is the simplest choice: all steps then count
    x = known[i]
    of_two = [(op, k) for op in _OF_TWO + _KINKED_OF_TWO * kinks for k, y in enumerate(known) if _fit(op, x, y)]
    of_one = [op for op in _SMOOTH_OF_ONE + _KINKED_OF_ONE * kinks if _applies(op, x)]
    if of_two and draw(st.booleans()):
        op, k = draw(st.sampled_from(of_two))
        if op == "matmul":
            return Step(op, (i, k)), (x[0], known[k][1])
        if op == "cat":
            return Step(op, (i, k), (0,)), (x[0] + known[k][0], *x[1:])
        return Step(op, (i, k)), np.broadcast_shapes(x, known[k])
    op = draw(st.sampled_from(of_one))
    if op in (*_REDUCING, "amax"):
        d = draw(st.integers(0, len(x) - 1))
        return Step(op, (i,), (d,)), (*x[:d], *x[d + 1 :])
    if op in _ALONG:
        return Step(op, (i,), (len(x) - 1,)), x
    if op == "flip":
        return Step(op, (i,), ((0,),)), x
    if op == "transpose":
        return Step(op, (i,), (0, 1)), x[::-1]
    if op == "reshape":
        return Step(op, (i,), ((-1,),)), (int(np.prod(x)),)
    return Step(op, (i,)), x


def _applies(op: str, x: tuple[int, ...]) -> bool:
    return len(x) >= (2 if op == "transpose" else 0 if op in (*_BY_ELEMENT, "relu", "abs") else 1)


def _fit(op: str, x: tuple[int, ...], y: tuple[int, ...]) -> bool:
    if op == "matmul":
        return len(x) == len(y) == 2 and x[1] == y[0]
    if op == "cat":
        return len(x) == len(y) >= 1 and x[1:] == y[1:] and x[0] + y[0] <= 6
    try:
        return len(np.broadcast_shapes(x, y)) >= 0
    except ValueError:
        return False
