"""Changes in place, for values that no gradient flows through: parameter updates, statistics, buffers.

While ops are recorded, a Tensor that requires gradients is never overwritten: ``x += y`` makes a new Tensor (and is
refused for a leaf, which would no longer be one). Inside ``no_grad`` all of these write into the array itself, and a
backward pass that still needs the old value raises.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np

from .device import beside, is_array, writable
from .device import put as put_on
from .engine import Tensor
from .errors import ShapeError
from .ops import (
    abs,
    add,
    addcdiv,
    addcmul,
    ceil,
    clip,
    divide,
    exp,
    floor,
    floor_divide,
    index_add,
    index_copy,
    index_fill,
    index_put,
    lerp,
    log,
    masked_fill,
    masked_scatter,
    multiply,
    nan_to_num,
    negative,
    power,
    put,
    reciprocal,
    relu,
    remainder,
    renorm,
    round,
    rsqrt,
    scatter,
    scatter_add,
    scatter_reduce,
    sigmoid,
    sign,
    sqrt,
    square,
    squeeze,
    subtract,
    t,
    tanh,
    transpose,
    tril,
    triu,
    trunc,
    unsqueeze,
)
from .random import Generator, default_generator
from .recording import thread
from .spellings import spelled
from .versions import version


def _write(x: Tensor, value: Any, index: Any = ..., what: str = "changing") -> Tensor:
    if isinstance(value, Tensor) and value._requires_grad and thread.recording:
        raise RuntimeError(
            f"{what} a Tensor in place drops the gradient of the value; detach() it, or use where or cat"
        )
    value = value._data if isinstance(value, Tensor) else value
    value = beside(value, x._data) if is_array(value) else value
    index = tuple(i._data if isinstance(i, Tensor) else i for i in index) if isinstance(index, tuple) else index
    index = index._data if isinstance(index, Tensor) else index
    _refuse_recorded(x, what)
    array = writable(x._data)
    try:
        array[index] = value
    except (ValueError, IndexError, TypeError) as error:
        kind = ShapeError if type(error) is ValueError else type(error)
        raise kind(f"{what} a Tensor of shape {x.shape} in place with {np.shape(value)}: {error}") from None
    x.data = array
    return x


def _refuse_recorded(x: Tensor, what: str) -> None:
    if x._requires_grad and thread.recording:
        raise RuntimeError(
            f"{what} a Tensor of shape {x.shape} in place while its gradients are recorded; do it inside no_grad()"
        )


def copy_(x: Tensor, value: Any) -> Tensor:
    """Overwrite with ``value`` (broadcast, converted to this dtype, copied to this device)."""
    return _write(x, value, what="overwriting")


def fill_(x: Tensor, value: float) -> Tensor:
    """Overwrite every element with one number."""
    return _write(x, value, what="overwriting")


def zero_(x: Tensor) -> Tensor:
    """Overwrite with zeros."""
    return _write(x, 0, what="overwriting")


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``."""
    _write(x, value, index)


def _augmented(op: Any) -> Callable[[Tensor, Any], Tensor]:
    def assign(x: Tensor, y: Any) -> Tensor:
        needed = x._requires_grad or (isinstance(y, Tensor) and y._requires_grad)
        if needed and thread.recording:
            if x._requires_grad and x._op is None:
                raise RuntimeError("a leaf that requires gradients is changed in place; do it inside no_grad()")
            out = op(x, y)
            _require_fit(out, x, op.__name__)
            return out if out.dtype == x.dtype else out.astype(x.dtype)  # type: ignore[no-any-return]
        value = op(x._data, y._data if isinstance(y, Tensor) else y)
        _require_fit(value, x, op.__name__)
        return _write(x, value)

    return assign


def _overwriting(op: Any) -> Callable[..., Tensor]:
    """``op`` as PyTorch's method with an underscore, which writes the result over the first argument."""

    def assign(x: Tensor, *args: Any, **settings: Any) -> Tensor:
        _refuse_recorded(x, "changing")
        value = op(x._data, *args, **settings)
        _require_fit(value, x, op.__name__.strip("_"))
        return _write(x, value)

    return update_wrapper(assign, op)


def _require_fit(value: Any, x: Tensor, name: str) -> None:
    """What takes the place of ``x`` has its shape and its kind of dtype."""
    if value.shape != x.shape:
        raise ShapeError(f"{name} in place: a result of shape {value.shape} does not fit a Tensor of {x.shape}")
    if not np.can_cast(value.dtype, x.dtype, "same_kind"):
        raise TypeError(f"{name} in place: a result of {value.dtype} does not fit a Tensor of {x.dtype}")


def requires_grad_(x: Tensor, requires_grad: bool = True) -> Tensor:
    """Set ``requires_grad`` and return the Tensor."""
    x.requires_grad = requires_grad
    return x


def detach_(x: Tensor) -> Tensor:
    """Make a leaf of this Tensor: forget how it was made, and that it requires gradients.

    Through it no gradient flows any more, also none from what was computed from it before.
    """
    if x._op is not None:
        x._op, x._args, x._settings = None, (), {}
    x.requires_grad = False
    return x


# ------------------------------------------------------------------------------------------------ other shapes


def _reshaping(op: Any) -> Callable[..., Tensor]:
    """``op`` as PyTorch's method with an underscore: the Tensor gets the new shape, and keeps its memory."""

    def assign(x: Tensor, *args: Any, **settings: Any) -> Tensor:
        _refuse_recorded(x, "changing the shape of")
        x.data = op(x._data, *args, **settings)
        return x

    return update_wrapper(assign, op)


def fill_diagonal_(x: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Overwrite the main diagonal with one number: of a matrix, or of more dimensions of one length.

    ``wrap`` goes on below the square part of a tall matrix, one row left out, as NumPy's fill_diagonal does.
    """
    if x.ndim < 2 or (x.ndim > 2 and len(set(x.shape)) > 1):
        raise ShapeError(f"fill_diagonal_ is of a matrix, or of dimensions of one length; got shape {x.shape}")
    if x.ndim == 2 and wrap and x.shape[1]:
        numbers = np.arange(0, x.shape[0] * x.shape[1], x.shape[1] + 1)
        return _write(x, fill_value, (numbers // x.shape[1], numbers % x.shape[1]), "filling")
    return _write(x, fill_value, (np.arange(min(x.shape)),) * x.ndim, "filling")


# ----------------------------------------------------------------------------------------------------- by chance


def _overdrawn(x: Tensor, draw: Callable[..., Any], generator: Generator | None, *numbers: float) -> Tensor:
    """Overwrite with what a generator draws, in at least float32."""
    _refuse_recorded(x, "drawing")
    dtype = "float64" if x.dtype == np.float64 else "float32"
    return _write(x, draw(default_generator if generator is None else generator, *numbers, x.shape, dtype))


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with draws from U[a, b)."""
    if a > b:
        raise ValueError(f"uniform_ draws between a <= b, got a={a} and b={b}")
    return _overdrawn(x, Generator.uniform, generator, a, b)


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with draws from N(mean, std^2)."""
    if std < 0:
        raise ValueError(f"normal_ needs a standard deviation of 0 or more, got std={std}")
    return _overdrawn(x, Generator.normal, generator, mean, std)


def bernoulli_(x: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with 1 at a probability of ``p``, a number or one for each element (broadcast), else with 0."""
    _refuse_recorded(x, "drawing")
    source = default_generator if generator is None else generator
    if isinstance(p, (int, float)):
        return _write(x, source.bernoulli(p, x.shape))
    return _write(x, source.uniform(0, 1, x.shape, "float64") < put_on(getattr(p, "_data", p), "cpu"))


def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with draws of the density ``lambd exp(-lambd t)`` of t > 0."""
    if not lambd > 0:
        raise ValueError(f"exponential_ needs a rate above 0, got lambd={lambd}")
    return _overdrawn(x, lambda source, *given: -np.log1p(-source.uniform(0, 1, *given)) / lambd, generator)


for _name, _function in {
    "copy_": copy_,
    "fill_": fill_,
    "zero_": zero_,
    "requires_grad_": requires_grad_,
    "masked_fill_": _overwriting(masked_fill),
    "index_fill_": _overwriting(index_fill),
    "index_copy_": _overwriting(index_copy),
    "index_add_": _overwriting(index_add),
    "scatter_": _overwriting(scatter),
    "scatter_add_": _overwriting(scatter_add),
    "index_put_": _overwriting(index_put),
    "put_": _overwriting(put),
    "scatter_reduce_": _overwriting(scatter_reduce),
    "masked_scatter_": _overwriting(masked_scatter),
    "fill_diagonal_": fill_diagonal_,
    "t_": _reshaping(t),
    "transpose_": _reshaping(transpose),
    "unsqueeze_": _reshaping(unsqueeze),
    "squeeze_": _reshaping(squeeze),
    "uniform_": uniform_,
    "normal_": normal_,
    "bernoulli_": bernoulli_,
    "exponential_": exponential_,
    "detach_": detach_,
    "_version": property(version),
    "__setitem__": setitem,
    "__iadd__": _augmented(add),
    "__isub__": _augmented(subtract),
    "__imul__": _augmented(multiply),
    "__itruediv__": _augmented(divide),
    "__ifloordiv__": _augmented(floor_divide),
    "__imod__": _augmented(remainder),
    "__ipow__": _augmented(power),
    "abs_": _overwriting(abs),
    "add_": _overwriting(add),
    "addcdiv_": _overwriting(addcdiv),
    "addcmul_": _overwriting(addcmul),
    "clamp_": _overwriting(clip),
    "clip_": _overwriting(clip),
    "div_": _overwriting(divide),
    "exp_": _overwriting(exp),
    "lerp_": _overwriting(lerp),
    "log_": _overwriting(log),
    "mul_": _overwriting(multiply),
    "neg_": _overwriting(negative),
    "pow_": _overwriting(power),
    "reciprocal_": _overwriting(reciprocal),
    "sqrt_": _overwriting(sqrt),
    "square_": _overwriting(square),
    "sub_": _overwriting(subtract),
    "relu_": _overwriting(relu),
    "sigmoid_": _overwriting(sigmoid),
    "tanh_": _overwriting(tanh),
    "tril_": _overwriting(tril),
    "triu_": _overwriting(triu),
    "floor_": _overwriting(floor),
    "ceil_": _overwriting(ceil),
    "round_": _overwriting(round),
    "trunc_": _overwriting(trunc),
    "sign_": _overwriting(sign),
    "rsqrt_": _overwriting(rsqrt),
    "nan_to_num_": _overwriting(nan_to_num),
    "renorm_": _overwriting(renorm),
    "remainder_": _overwriting(remainder),
    "floor_divide_": _overwriting(floor_divide),
}.items():
    setattr(Tensor, _name, spelled(_function) if callable(_function) else _function)
