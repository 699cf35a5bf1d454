"""Other engines as the checks see them: PyTorch, JAX, HIPS autograd and MyGrad, each loaded when it is asked for.

Every adapter is a function that loads its package and returns an `Engine` (minigrad/testing/engines.py). One of your
own needs two functions, ``value`` and ``vjp``, and goes where a name would: ``check_op(..., engine=Engine(...))``.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from .engines import Engine, NoForwardMode, arrays_in, is_floating


def package(module: str) -> Any:
    """The imported module of a package that minigrad does not need. ImportError says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]  # what these four are called on the index as well
        raise ImportError(f"this needs the package {name}: pip install {name} ({error})") from error


def adapter(name: str) -> Engine:
    """The engine called ``name``: "torch", "jax", "autograd" or "mygrad".

    Raises ValueError for another name, ImportError where the package is not installed.
    """
    if name not in _ADAPTERS:
        raise ValueError(f"no engine is called {name!r}: say minigrad, {', '.join(_ADAPTERS)}, or give an Engine")
    return _ADAPTERS[name]()


def writable_memory(a: Any) -> Any:
    """``a``, or where its steps are negative a copy: what PyTorch can wrap."""
    return a.copy() if any(step < 0 for step in a.strides) else a


# -------------------------------------------------------------------------------------------------- PyTorch


@cache
def _torch() -> Engine:
    torch = package("torch")
    forward = package("torch.autograd.forward_ad")

    def wrapped(a: Any, requires_grad: bool = False) -> Any:
        """A tensor on the array's own memory, write protection apart, which PyTorch does not know."""
        if not isinstance(a, np.ndarray):
            return a
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
            return torch.from_numpy(writable_memory(a)).requires_grad_(requires_grad and is_floating(a))

    @cache
    def warm_up() -> None:
        """PyTorch's first dual number loads rules that it then says are deprecated; later warnings are the user's."""
        with warnings.catch_warnings(), forward.dual_level():
            warnings.simplefilter("ignore")
            forward.make_dual(torch.zeros(()), torch.zeros(()))

    def is_floating_tensor(t: Any) -> bool:
        return isinstance(t, torch.Tensor) and (t.is_floating_point() or t.is_complex())

    def floating(outs: Any) -> list[Any]:
        found = arrays_in(outs, lambda t: isinstance(t, torch.Tensor), "a torch.Tensor")
        return [t for _, t in found if is_floating_tensor(t)]

    def pulled(outs: list[Any], wrt: list[Any], seeds: Sequence[Any], create_graph: bool = False) -> list[Any]:
        pairs = [(out, v) for out, v in zip(outs, seeds, strict=True) if out.requires_grad]
        if not pairs or not wrt:
            return [torch.zeros_like(t) for t in wrt]
        tracked, given = zip(*pairs, strict=True)
        found = torch.autograd.grad(tracked, wrt, given, create_graph=create_graph, allow_unused=True)
        return [torch.zeros_like(t) if g is None else g for t, g in zip(wrt, found, strict=True)]

    def value(fn: Callable[..., Any], inputs: Sequence[Any]) -> list[Any]:
        return [t.detach().numpy() for t in floating(fn(*map(wrapped, inputs)))]

    def vjp(fn: Callable[..., Any], inputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        arguments = [wrapped(a, True) for a in inputs]
        wrt = [t for a, t in zip(inputs, arguments, strict=True) if is_floating(a)]
        found = iter(pulled(floating(fn(*arguments)), wrt, [wrapped(np.asarray(v)) for v in cotangents]))
        return [next(found).numpy(force=True) if is_floating(a) else None for a in inputs]

    def jvp(fn: Callable[..., Any], inputs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """Forward mode."""
        arguments = [wrapped(a) for a in inputs]
        warm_up()
        try:
            with forward.dual_level():
                duals = [
                    forward.make_dual(t, wrapped(u)) if is_floating(a) else t
                    for a, t, u in zip(inputs, arguments, tangents, strict=True)
                ]
                outs = [forward.unpack_dual(t) for t in floating(fn(*duals))]
                return [
                    (torch.zeros_like(t.primal) if t.tangent is None else t.tangent).numpy(force=True) for t in outs
                ]
        except NotImplementedError as error:  # any other error is a mistake in a forward rule
            raise NoForwardMode from error

    def gradient(fn: Callable[..., Any], count: int) -> Callable[..., tuple[Any, ...]]:
        def first(*args: Any) -> tuple[Any, ...]:
            with torch.enable_grad():
                tracked = [
                    t.detach().requires_grad_() if is_floating_tensor(t) and not t.requires_grad else t
                    for t in args[:count]
                ]
                wrt = [t for t in tracked if is_floating_tensor(t)]
                return tuple(pulled(floating(fn(*tracked)), wrt, args[count:], create_graph=True))

        return first

    return Engine("torch", value, vjp, jvp, gradient)


# ------------------------------------------------------------------------------ JAX and HIPS autograd, alike


def _functional(
    name: str,
    wrap: Callable[[Any], Any],
    bundle: Callable[[Any], Any],
    make_vjp: Callable[[Callable[..., Any], Any], tuple[Any, Any]],
    make_jvp: Callable[[Callable[..., Any], Any, Any], Any],
    lacking: type[Exception],
    is_array: Callable[[Any], bool],
    expected: str,
) -> Engine:
    """An engine whose transforms take a function of one tuple of arrays that returns a tuple of arrays.

    ``make_vjp(f, xs)`` is (f(xs), its pullback), ``make_jvp(f, xs, ts)`` the tangents, which may raise ``lacking``.
    ``is_array``: whether a function may return this; ``expected``: the name of what it may.
    """

    def of_floating(fn: Callable[..., Any], inputs: Sequence[Any], floating: Sequence[bool]) -> Callable[..., Any]:
        """``fn`` as a function of its floating inputs alone, with its floating outputs."""

        def f(xs: Any) -> Any:
            place = iter(range(len(inputs)))
            given = (xs[next(place)] if is_x else a for a, is_x in zip(inputs, floating, strict=True))
            outs = arrays_in(fn(*given), is_array, expected)
            return bundle([out for _, out in outs if np.dtype(getattr(out, "dtype", type(out))).kind in "fc"])

        return f

    def prepared(fn: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Callable[..., Any], Any]:
        floating = [is_floating(a) for a in inputs]
        given = [wrap(a) if isinstance(a, np.ndarray) else a for a in inputs]
        return of_floating(fn, given, floating), bundle([a for a, is_x in zip(given, floating, strict=True) if is_x])

    def value(fn: Callable[..., Any], inputs: Sequence[Any]) -> list[Any]:
        given = [wrap(a) if isinstance(a, np.ndarray) else a for a in inputs]
        return [np.asarray(out) for out in of_floating(fn, given, [False] * len(given))(())]

    def vjp(fn: Callable[..., Any], inputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        f, xs = prepared(fn, inputs)
        if not len(xs):
            return [None] * len(inputs)
        _, pull = make_vjp(f, xs)
        found = iter(pull(bundle([wrap(np.asarray(v)) for v in cotangents])))
        return [np.asarray(next(found)) if is_floating(a) else None for a in inputs]

    def jvp(fn: Callable[..., Any], inputs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """Forward mode."""
        f, xs = prepared(fn, inputs)
        pushed = bundle([wrap(u) for a, u in zip(inputs, tangents, strict=True) if is_floating(a)])
        try:
            return [np.asarray(t) for t in make_jvp(f, xs, pushed)]
        except lacking as error:
            raise NoForwardMode from error

    def gradient(fn: Callable[..., Any], count: int) -> Callable[..., tuple[Any, ...]]:
        def first(*args: Any) -> tuple[Any, ...]:
            floating = [np.dtype(getattr(a, "dtype", object)).kind == "f" for a in args[:count]]
            xs = bundle([a for a, is_x in zip(args, floating, strict=False) if is_x])
            _, pull = make_vjp(of_floating(fn, args[:count], floating), xs)
            found = pull(bundle(list(args[count:])))
            return tuple(found[i] for i in range(sum(floating)))

        return first

    return Engine(name, value, vjp, jvp, gradient)


@cache
def _jax() -> Engine:
    jax = package("jax")

    def make_vjp(f: Callable[..., Any], xs: Any) -> tuple[Any, Any]:
        outs, pull = jax.vjp(f, xs)
        return outs, lambda seeds: pull(seeds)[0]

    # JAX raises TypeError for the forward mode of a custom_vjp
    plain = _functional(
        "jax",
        jax.numpy.asarray,
        tuple,
        make_vjp,
        lambda f, xs, ts: jax.jvp(f, (xs,), (ts,))[1],
        TypeError,
        lambda out: isinstance(out, jax.Array),  # those that are traced too
        "a jax.Array",
    )

    def in_float64(function: Callable[..., Any]) -> Callable[..., Any]:
        """The user's setting holds again afterwards; it is not touched in other threads."""

        def run(*args: Any) -> Any:
            with jax.enable_x64(True):
                return function(*args)

        return run

    assert plain.jvp is not None
    return Engine("jax", in_float64(plain.value), in_float64(plain.vjp), in_float64(plain.jvp), plain.gradient)


@cache
def _autograd() -> Engine:
    core = package("autograd.core")
    package("autograd.numpy")  # registers the arrays
    bundle, isbox = package("autograd.builtins").tuple, package("autograd.tracer").isbox

    def make_vjp(f: Callable[..., Any], xs: Any) -> tuple[Any, Any]:
        pull, outs = core.make_vjp(f, xs)
        return outs, pull

    # HIPS autograd raises NotImplementedError for a primitive without defjvp
    return _functional(
        "autograd",
        lambda a: a,
        bundle,
        make_vjp,
        lambda f, xs, ts: core.make_jvp(f, xs)(ts)[1],
        NotImplementedError,
        lambda out: isinstance(out, (np.ndarray, np.generic, float)) or isbox(out),  # it differentiates floats as well
        "an array of autograd.numpy",
    )


# --------------------------------------------------------------------------------------------------- MyGrad


@cache
def _mygrad() -> Engine:
    mygrad = package("mygrad")

    def wrapped(a: Any, constant: bool) -> Any:
        if not isinstance(a, np.ndarray):
            return a
        return mygrad.tensor(a, copy=False, constant=constant or not is_floating(a))

    def floating(outs: Any) -> list[Any]:
        found = arrays_in(outs, lambda t: isinstance(t, mygrad.Tensor), "a mygrad.Tensor")
        return [t for _, t in found if t.dtype.kind in "fc"]

    def value(fn: Callable[..., Any], inputs: Sequence[Any]) -> list[Any]:
        return [np.asarray(t.data) for t in floating(fn(*map(partial(wrapped, constant=True), inputs)))]

    def vjp(fn: Callable[..., Any], inputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        arguments = [wrapped(a, False) for a in inputs]
        outs = floating(fn(*arguments))
        pairs = [(t, v) for t, v in zip(outs, cotangents, strict=True) if not t.constant]
        if len(pairs) == 1:
            pairs[0][0].backward(pairs[0][1])
        elif pairs:  # one walk for all of them: each walk clears the graph
            mygrad.add_sequence(*((t * v).sum() for t, v in pairs)).backward()
        return [
            None if not is_floating(a) else np.zeros(a.shape, a.dtype) if t.grad is None else np.asarray(t.grad)
            for a, t in zip(inputs, arguments, strict=True)
        ]

    return Engine("mygrad", value, vjp)  # it has no forward mode and no second order


_ADAPTERS: dict[str, Callable[[], Engine]] = {
    "torch": _torch,
    "jax": _jax,
    "autograd": _autograd,
    "mygrad": _mygrad,
}
