"""Dropout: the formula with the mask as an argument, and PyTorch's functions, which draw the mask from a generator.

``masked_dropout`` is what is differentiated, fused and tested. The others draw a mask, and call it.
"""

from __future__ import annotations

import math
from typing import Any

from ... import random
from ...device import device_of
from ...random import Generator

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "feature_alpha_dropout", "masked_dropout"]

SELU_AT_MINUS_INFINITY = -1.7580993408473766


def masked_dropout(x: Any, mask: Any, p: float = 0.5) -> Any:
    """Inverted dropout (Srivastava et al., 2014): ``x mask / (1 - p)``, mask True where an element is kept.

    ``p`` is the probability of dropping. The mask is an argument: ``nn.Dropout`` draws it. One that broadcasts, such as
    (N, C, 1, 1) for (N, C, H, W), drops whole channels.
    """
    _check(p)
    return x * (mask * x.dtype.type(0 if p == 1 else 1 / (1 - p)))


def dropout(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """``masked_dropout`` with a coin for each element: dropped with probability ``p``, others by 1 / (1 - p).

    The coins come from ``generator``, as do those of ``nn.Dropout``: from ``minigrad.random.default_generator`` if it
    is None. Not ``training``, or p = 0: the input, and nothing is drawn. ``inplace`` is taken for PyTorch's sake; the
    value is the same, and nothing is changed in place.
    """
    return _dropped(input, input.shape, p, training, generator)


def dropout1d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """As ``dropout``, but whole channels of (N, C, L) or (C, L) at once: one coin for each (Tompson et al., 2015)."""
    return _dropped(input, _channels("dropout1d", input, (2, 3)), p, training, generator)


def dropout2d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """As ``dropout``, but whole channels of (N, C, H, W), or (N, C, L), at once."""
    return _dropped(input, _channels("dropout2d", input, (3, 4)), p, training, generator)


def alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """``a (x mask + s (1 - mask) - s p)`` with ``1 / a^2 = (1 + s^2 p) (1 - p)``: what is dropped is s = -1.7581.

    s is ``selu`` at minus infinity, and a keeps mean 0 and variance 1 (Klambauer et al., 2017). Drawn as ``dropout``.
    """
    return _alpha_dropped(input, input.shape, p, training, generator)


def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """As ``alpha_dropout``, but whole channels of (N, C, ...) at once."""
    if input.ndim < 2:
        raise ValueError(f"feature_alpha_dropout takes inputs (N, C, ...), got {tuple(input.shape)}")
    shape = (*input.shape[:2], *[1] * (input.ndim - 2))
    return _alpha_dropped(input, shape, p, training, generator)


def _alpha_dropped(x: Any, shape: tuple[int, ...], p: float, training: bool, generator: Generator | None) -> Any:
    mask = draw_mask(x, shape, p, training, generator)
    if mask is None:
        return x
    s, number = SELU_AT_MINUS_INFINITY, x.dtype.type
    a = 0.0 if p == 1 else 1 / math.sqrt((1 + s * s * p) * (1 - p))
    return x * (mask * number(a)) + (~mask * number(a * s) - number(a * s * p))


def _dropped(x: Any, shape: tuple[int, ...], p: float, training: bool, generator: Generator | None) -> Any:
    mask = draw_mask(x, shape, p, training, generator)
    return x if mask is None else masked_dropout(x, mask, p)


def draw_mask(x: Any, shape: tuple[int, ...], p: float, training: bool, generator: Generator | None) -> Any:
    """A mask of this shape on the device of x, True with probability 1 - p; None if nothing is to be dropped."""
    _check(p)
    if not training or p == 0:
        return None
    return (generator or random.default_generator).bernoulli(1 - p, shape, device_of(x))


def _channels(name: str, x: Any, dims: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one coin for each channel."""
    if x.ndim not in dims:
        raise ValueError(f"{name} takes inputs of {' or '.join(map(str, dims))} dimensions, got {tuple(x.shape)}")
    kept = 1 if x.ndim == 2 else 2
    return (*x.shape[:kept], *[1] * (x.ndim - kept))


def _check(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout drops with a probability between 0 and 1, got p={p}")
