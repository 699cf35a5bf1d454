"""The libraries that mutants are planted in, each through its own mechanism for users' functions.

minigrad: ``op`` and ``derivatives``. PyTorch: ``autograd.Function``. JAX: ``custom_vjp``. HIPS autograd: ``primitive``
and ``defvjp``. MyGrad: ``Operation``. And bare NumPy, a forward and its rules, for checkers of plain functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from ... import ops
from ...engine import Tensor, derivatives, op
from ..adapters import package, writable_memory
from .mutant import Definition

# What a library must have for a mistake to be possible in it.
FEATURES = {
    "writing": "functions may write into arrays",
    "layout": "functions see how an array lies in memory",
    "identity": "functions see that two arguments are one array",
    "second": "second derivatives",
    "float32": "float32 arrays",
}
_IMMUTABLE = {
    "writing": "JAX's arrays cannot be written",
    "layout": "JAX's arrays have no strides",
    "identity": "JAX's tracers hide which array they stand for",
}

# By NumPy's names, in all of the libraries. `matmul` is `@`.
_SHARED = ("exp", "log", "sqrt", "abs", "sign", "tanh", "where", "maximum", "minimum", "clip", "sum", "mean", "reshape")


@dataclass(frozen=True)
class Library:
    """``function(definition)`` is the op as a function of the library's own arrays; ``wrap`` makes one of NumPy's.

    ``lacks``: the features that it does not have, and why.
    """

    name: str
    function: Callable[[Definition], Callable[..., Any]]
    wrap: Callable[[Any], Any]
    lacks: Mapping[str, str]


def library(name: str) -> Library:
    """The library called ``name``, loaded now: minigrad, torch, jax, autograd, mygrad or numpy."""
    return _LIBRARIES[name]()


def _names(module: Any, **others: Any) -> Any:
    """The functions that a definition is written in. Each function made has ``memory``, a dict, of its own."""
    return SimpleNamespace(**{name: getattr(module, name) for name in _SHARED} | others)


def _fresh(m: Any) -> Any:
    return SimpleNamespace(**vars(m), memory={})


def _numbers(like: Any, *shape: int) -> Any:
    """Numbers that nobody can repeat: a mistake's own noise."""
    return np.random.default_rng().uniform(0.5, 1.5, shape or like.shape)


def _cast(constant: Any, like: Any) -> Any:
    return np.asarray(constant, like.dtype)


def _into(buffer: Any, value: Any) -> Any:
    buffer[...] = value
    return buffer


def _is_contiguous(x: Any) -> bool:
    return bool(x.flags.c_contiguous)


def _numpy_names(module: Any, **others: Any) -> Any:
    """Of NumPy, or of a library that copies it."""
    names: dict[str, Any] = {
        "permute": module.transpose,
        "spread": module.broadcast_to,
        "join": module.concatenate,
        "stack": module.stack,
        "constant": _cast,
        "noise": _numbers,
        "detach": lambda x: x,
        "same": lambda x, y: x is y,
        "is_contiguous": _is_contiguous,
        "is_single": lambda x: x.dtype == np.float32,
        "double": lambda x: np.asarray(x).astype(np.float64),
        "half": lambda x: x.astype(np.float16).astype(x.dtype),
        "single": lambda x: x.astype(np.float32).astype(x.dtype),
        "empty": lambda x: np.empty(x.shape, x.dtype),
        "into": _into,
    }
    return _names(module, **names | others)


_NUMPY = _numpy_names(np)


def fresh(a: Any) -> Any:
    """A writable copy with the layout of ``a``, as far as steps forward go."""
    if a.flags.c_contiguous:  # so is what is empty
        return np.array(a, order="C")
    if a.flags.f_contiguous:
        return np.array(a, order="F")
    room = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    room[..., ::2] = a
    return room[..., ::2]


# ------------------------------------------------------------------------------------------------- minigrad


def _data(x: Any) -> Any:
    return x._data if isinstance(x, Tensor) else x


def _minigrad() -> Library:
    names = _names(
        ops,
        permute=ops.permute,
        spread=ops.expand,
        join=ops.cat,
        stack=ops.stack,
        constant=_cast,
        noise=_numbers,
        detach=lambda x: x.detach() if isinstance(x, Tensor) else x,
        same=lambda x, y: _data(x) is _data(y),
        is_contiguous=lambda x: _is_contiguous(_data(x)),
        is_single=lambda x: x.dtype == np.float32,
        half=lambda x: ops.astype(ops.astype(x, np.float16), x.dtype),
        single=lambda x: ops.astype(ops.astype(x, np.float32), x.dtype),
        empty=_NUMPY.empty,
        into=lambda buffer, value: _into(buffer, _data(value)),
    )

    def function(definition: Definition) -> Callable[..., Any]:
        m, bare = _fresh(names), _fresh(_NUMPY)
        bare.memory = m.memory

        def planted(*args: Any) -> Any:
            return definition.forward(bare, *args)

        apply = op(planted)
        derivatives(apply, *(lambda g, out, *args, r=r: r(m, g, out, *args) for r in definition.rules))
        return apply

    return Library("minigrad", function, lambda a: Tensor(a, requires_grad=a.dtype.kind == "f"), {})


# ------------------------------------------------------------------------------------------------- the peers


@cache
def _torch() -> Library:
    torch = package("torch")
    names = _names(
        torch,
        permute=torch.permute,
        spread=torch.broadcast_to,
        join=torch.cat,
        stack=torch.stack,
        constant=lambda c, like: torch.tensor(c, dtype=like.dtype),
        noise=lambda like, *shape: torch.tensor(_numbers(like, *shape)),
        detach=lambda x: x.detach(),
        same=lambda x, y: x.shape == y.shape and x.data_ptr() == y.data_ptr(),
        is_contiguous=lambda x: x.is_contiguous(),
        is_single=lambda x: x.dtype == torch.float32,
        double=lambda x: x.double(),
        half=lambda x: x.half().to(x.dtype),
        single=lambda x: x.float().to(x.dtype),
        empty=torch.empty_like,
        into=lambda buffer, value: buffer.copy_(value),
    )

    def function(definition: Definition) -> Callable[..., Any]:
        m = _fresh(names)

        class Planted(torch.autograd.Function):  # type: ignore[misc, name-defined]
            @staticmethod
            def forward(ctx: Any, *args: Any) -> Any:
                out = definition.forward(m, *args)
                ctx.save_for_backward(out, *args)
                return out

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                saved = ctx.saved_tensors
                found = tuple(r(m, g, *saved) for r in definition.rules)
                return found if len(found) > 1 else found[0]

        return Planted.apply  # type: ignore[no-any-return]

    def wrap(a: Any) -> Any:
        """In the same layout; empty ones in PyTorch's own: NumPy's have strides of 0, which gradcheck refuses."""
        t = torch.from_numpy(writable_memory(fresh(a))) if a.size else torch.zeros(a.shape, dtype=torch.float64)
        return t.requires_grad_()

    return Library("torch", function, wrap, {})


@cache
def _jax() -> Library:
    jax = package("jax")
    jnp = jax.numpy
    names = _numpy_names(
        jnp,
        constant=lambda c, like: jnp.asarray(c, like.dtype),
        detach=jax.lax.stop_gradient,
        double=lambda x: jnp.asarray(x, jnp.float64),
    )

    def function(definition: Definition) -> Callable[..., Any]:
        m = _fresh(names)

        def forward(*args: Any) -> Any:
            return definition.forward(m, *args)

        planted = jax.custom_vjp(forward)

        def remember(*args: Any) -> Any:
            out = planted(*args)
            return out, (out, args)

        planted.defvjp(remember, lambda kept, g: tuple(r(m, g, kept[0], *kept[1]) for r in definition.rules))
        return planted  # type: ignore[no-any-return]

    return Library("jax", function, np.array, _IMMUTABLE)


@cache
def _autograd() -> Library:
    core, extend = package("autograd.tracer"), package("autograd.extend")

    def detach(x: Any) -> Any:
        while core.isbox(x):
            x = core.getval(x)
        return x

    anp = package("autograd.numpy")
    names = _numpy_names(
        anp,
        detach=detach,
        same=lambda x, y: detach(x) is detach(y),
        is_contiguous=lambda x: _is_contiguous(detach(x)),
        constant=lambda c, like: _cast(c, detach(like)),
        into=lambda buffer, value: _into(buffer, detach(value)),
    )

    def function(definition: Definition) -> Callable[..., Any]:
        m, bare = _fresh(names), _fresh(_NUMPY)
        bare.memory = m.memory

        planted = extend.primitive(lambda *args: definition.forward(bare, *args))
        rules = [lambda out, *args, r=r: lambda g: r(m, g, out, *args) for r in definition.rules]
        extend.defvjp(planted, *rules)
        return planted  # type: ignore[no-any-return]

    return Library("autograd", function, fresh, {})


@cache
def _mygrad() -> Library:
    mygrad = package("mygrad")
    base = package("mygrad.operation_base").Operation

    def function(definition: Definition) -> Callable[..., Any]:
        m = _fresh(_NUMPY)

        class Planted(base):  # type: ignore[misc, valid-type]
            def __call__(self, *args: Any) -> Any:
                self.variables = args
                self.out = definition.forward(m, *(a.data for a in args))
                return self.out

            def backward_var(self, grad: Any, index: int, **_: Any) -> Any:
                return definition.rules[index](m, grad, self.out, *(a.data for a in self.variables))

        return lambda *args: mygrad.execute_op(Planted, *args)

    return Library("mygrad", function, mygrad.tensor, {"second": "MyGrad has no second derivatives"})


def _bare() -> Library:
    def function(definition: Definition) -> Callable[..., Any]:
        """``f(*args)``, and ``f.pull(g, *args)``, its gradients."""
        m = _fresh(_NUMPY)

        def planted(*args: Any) -> Any:
            return definition.forward(m, *args)

        def pull(g: Any, *args: Any) -> list[Any]:
            out = definition.forward(m, *args)
            return [r(m, g, out, *args) for r in definition.rules]

        planted.pull = pull  # type: ignore[attr-defined]
        return planted

    return Library("numpy", function, fresh, {"second": "a plain function has no second derivatives here"})


_LIBRARIES: dict[str, Callable[[], Library]] = {
    "minigrad": _minigrad,
    "torch": _torch,
    "jax": _jax,
    "autograd": _autograd,
    "mygrad": _mygrad,
    "numpy": _bare,
}
