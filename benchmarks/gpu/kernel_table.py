"""Every kernel at the sizes of a step: what is called, which arrays it reads and writes, and what comes out.

What is expected is computed in float64 by plain NumPy. tests/cuda/test_kernels_run.py goes through the corners; here
the sizes are those that are timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad import Generator
from minigrad.device import put
from minigrad.fused.cuda.launch import FAIR, kernels
from minigrad.fused.cuda.streams import packed

Array = Any

EXAMPLES = 60_000
RATE, MOMENTUM, LIMIT = 0.1, 0.5, 1.9365


@dataclass
class Work:
    """``call`` launches the kernel once; ``results`` pairs what it has written with what it should be."""

    call: Callable[[], None]
    reads: Iterable[Array]
    writes: Iterable[Array]
    results: Callable[[], list[tuple[Array, Array]]]

    @property
    def bytes(self) -> int:
        """Each array once, as it is read and as it is written. Scratch memory is left out."""
        return sum(int(a.nbytes) for a in (*self.reads, *self.writes))


class Arrays:
    """Sizes, and arrays in host and device memory."""

    def __init__(self, rows: int, small: bool = False) -> None:
        self.m = rows
        self.hidden, self.x, self.units, self.pieces = (7, 11, 5, 3) if small else (1200, 784, 240, 5)
        self.noise = 4 if small else 100
        self.examples = 4 * rows if small else max(EXAMPLES, rows)
        self.parameters = 1_001 if small else 3_735_425
        self.rng = np.random.default_rng(0)
        self.kernels = kernels()

    def normal(self, *shape: int) -> tuple[Array, Array]:
        """The same numbers in host memory, in float64, and in device memory, in float32."""
        x = self.rng.standard_normal(shape, dtype=np.float32)
        return x.astype(np.float64), put(x, "cuda")

    def mask(self, *shape: int) -> tuple[Array, Array]:
        x = self.rng.integers(0, 2, shape, dtype=np.uint8)
        return x, put(x, "cuda")

    def poison(self, *shape: int, dtype: Any = np.float32) -> Array:
        """Written to by nobody yet."""
        return put(np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 255, dtype), "cuda")

    def numbers(self, *values: float, dtype: Any = np.float64) -> Array:
        return put(np.array(values, dtype), "cuda")


def uniform(s: Arrays) -> Work:
    generator, out = Generator(3), s.poison(2 * s.m, s.noise)
    state = put(packed(generator), "cuda")
    expected = generator.uniform(-1, 2, out.shape)
    return Work(lambda: s.kernels.uniform(out, state, 0, -1, 2), [state], [out], lambda: [(out, expected)])


def bernoulli(s: Arrays) -> Work:
    generator, out = Generator(3), s.poison(2 * s.m, s.x, dtype=np.uint8)
    state = put(packed(generator), "cuda")
    expected = generator.bernoulli(0.8, out.shape)
    return Work(lambda: s.kernels.bernoulli(out, state, 0, 0.8), [state], [out], lambda: [(out, expected)])


def masks(s: Arrays) -> Work:
    """A fair coin for each hidden unit of D, layer by layer."""
    generator, n = Generator(3), s.m * s.units
    first, words = -(-n // 8) * 8, -(-n // 64)
    out, state = s.poison(first + n, dtype=np.uint8), put(packed(generator), "cuda")
    segments = put(np.array([(0, n, 0, FAIR), (first, n, words, FAIR)], np.int64), "cuda")
    a, b = generator.bernoulli(0.5, n), generator.bernoulli(0.5, n)
    expected = np.concatenate([a, np.full(first - n, 255), b]).astype(np.uint8)
    return Work(lambda: s.kernels.masks(out, state, segments), [segments], [out], lambda: [(out, expected)])


def advance(s: Arrays) -> Work:
    generator = Generator(3)
    state = put(packed(generator), "cuda")
    generator.bernoulli(0.5, 640)
    return Work(lambda: s.kernels.advance(state, 10), [state], [state], lambda: [(state, packed(generator))])


def end_step(s: Arrays) -> Work:
    generator = Generator(3)
    states, draws = put(packed(generator)[None], "cuda"), s.numbers([10, 0], dtype=np.int64)
    clock, numbers = s.numbers(0, 0, dtype=np.int64), s.numbers(RATE, MOMENTUM)
    generator.bernoulli(0.5, 640)
    return Work(
        lambda: s.kernels.end_step(clock, numbers, states, draws, s.m),
        [states, draws, clock, numbers],
        [states, clock, numbers],
        lambda: [(states, packed(generator)[None]), (clock, np.array([1, s.m]))],
    )


def gather(s: Arrays) -> Work:
    (data, on_device), (mask, kept) = s.normal(s.examples, s.x), s.mask(s.m, s.x)
    order = s.rng.permutation(s.examples).astype(np.int32)
    rows, place, out = put(order, "cuda"), s.numbers(0, dtype=np.int64), s.poison(s.m, s.x)
    return Work(
        lambda: s.kernels.gather(out, on_device, rows, place, kept, 1.25),
        [out, kept, rows[: s.m]],  # as many of the data as come out
        [out],
        lambda: [(out, data[order[: s.m]] * mask * 1.25)],
    )


def dropout(s: Arrays) -> Work:
    (x, on_device), (mask, kept), out = s.normal(2 * s.m, s.x), s.mask(2 * s.m, s.x), s.poison(2 * s.m, s.x)
    return Work(
        lambda: s.kernels.dropout(on_device, kept, 1.25, out),
        [on_device, kept],
        [out],
        lambda: [(out, x * mask * 1.25)],
    )


def scale_rows(s: Arrays) -> Work:
    (u, on_device), (factor, rows), db = s.normal(2 * s.m, s.units * s.pieces), s.normal(2 * s.m, 1), s.poison(1)
    db = s.poison(u.shape[1])
    return Work(
        lambda: s.kernels.scale_rows(on_device, rows, db),
        [on_device, rows],
        [on_device, db],
        lambda: [(on_device, u * factor), (db, (u * factor).sum(0))],
    )


def bias_activation(s: Arrays) -> Work:
    (x, y), (bias, b) = s.normal(2 * s.m, s.hidden), s.normal(s.hidden)
    return Work(lambda: s.kernels.bias_activation(y, b, "relu"), [y, b], [y], lambda: [(y, np.maximum(x + bias, 0))])


def activation_backward(s: Arrays) -> Work:
    (g, own), (y, out), db = s.normal(s.m, s.hidden), s.normal(s.m, s.hidden), s.poison(s.hidden)
    dx = g * (y > 0)
    return Work(
        lambda: s.kernels.activation_backward(own, out, "relu", db),
        [own, out],
        [own, db],
        lambda: [(own, dx), (db, dx.sum(0))],
    )


def head(s: Arrays) -> Work:
    (h, x), (w, weight), (b, bias), a = (
        s.normal(2 * s.m, s.units),
        s.normal(1, s.units),
        s.normal(1),
        s.poison(2 * s.m, 1),
    )
    return Work(lambda: s.kernels.head(x, weight, bias, a), [x, weight, bias], [a], lambda: [(a, h @ w.T + b)])


def head_backward(s: Arrays) -> Work:
    (h, x), (w, weight), (da, g) = s.normal(2 * s.m, s.units), s.normal(1, s.units), s.normal(2 * s.m, 1)
    dh, dw, db = s.poison(2 * s.m, s.units), s.poison(1, s.units), s.poison(1)
    return Work(
        lambda: s.kernels.head_backward(x, weight, g, dh, dw, db),
        [x, weight, g],
        [dh, dw, db],
        lambda: [(dh, da * w), (dw, da.T @ h), (db, da.sum(0))],
    )


def bias_maxout(s: Arrays) -> Work:
    (a, on_device), (bias, b) = s.normal(2 * s.m, s.units * s.pieces), s.normal(s.units * s.pieces)
    y, winner, (mask, kept) = (
        s.poison(2 * s.m, s.units),
        s.poison(2 * s.m, s.units, dtype=np.uint8),
        s.mask(2 * s.m, s.units),
    )
    pieces = (a + bias).reshape(2 * s.m, s.units, s.pieces)
    return Work(
        lambda: s.kernels.bias_maxout(on_device, b, y, winner, kept, 2.0),
        [on_device, b, kept],
        [y, winner],
        lambda: [(y, pieces.max(-1) * mask * 2)],
    )


def maxout_backward(s: Arrays) -> Work:
    (g, on_device), (mask, kept) = s.normal(2 * s.m, s.units), s.mask(2 * s.m, s.units)
    winners = s.rng.integers(0, s.pieces, g.shape, dtype=np.uint8)
    winner, da, db = put(winners, "cuda"), s.poison(2 * s.m, s.units * s.pieces), s.poison(s.units * s.pieces)
    spread = ((winners[..., None] == np.arange(s.pieces)) * (g * mask * 2)[..., None]).reshape(da.shape)
    return Work(
        lambda: s.kernels.maxout_backward(on_device, winner, da, db, kept, 2.0),
        [on_device, winner, kept],
        [da, db],
        lambda: [(da, spread), (db, spread.sum(0))],
    )


def gan_losses(s: Arrays) -> Work:
    (real, a_real), (fake, a_fake) = s.normal(s.m, 1), s.normal(s.m, 1)
    da_real, da_fake, dg_fake = (s.poison(s.m, 1) for _ in range(3))
    sums = s.numbers(0, 0, 0, 0)
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    d_loss = 0.5 * (np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean())
    means = [d_loss, np.logaddexp(0, -fake).mean(), sigmoid(real).mean(), sigmoid(fake).mean()]
    return Work(
        lambda: s.kernels.gan_losses(a_real, a_fake, 0.5, "non_saturating", da_real, da_fake, dg_fake, sums),
        [a_real, a_fake, sums],
        [da_real, da_fake, dg_fake, sums],
        lambda: [
            (da_real, 0.5 * (sigmoid(real) - 1) / s.m),
            (da_fake, 0.5 * sigmoid(fake) / s.m),
            (dg_fake, (sigmoid(fake) - 1) / s.m),
            (sums, np.array(means)),
        ],
    )


def bce_with_logits(s: Arrays) -> Work:
    (a, logits), (t, targets) = s.normal(s.m, s.x), s.mask(s.m, s.x)
    targets, grad, loss = targets.astype(np.float32), s.poison(s.m, s.x), s.poison(1)
    return Work(
        lambda: s.kernels.bce_with_logits(logits, targets, 1 / a.size, grad, loss),
        [logits, targets],
        [grad, loss],
        lambda: [
            (grad, (1 / (1 + np.exp(-a)) - t) / a.size),
            (loss, np.array([((1 - t) * a + np.logaddexp(0, -a)).mean()])),
        ],
    )


def mse(s: Arrays) -> Work:
    (a, x), (t, targets), grad, loss = s.normal(s.m, s.x), s.normal(s.m, s.x), s.poison(s.m, s.x), s.poison(1)
    return Work(
        lambda: s.kernels.mse(x, targets, 1 / a.size, grad, loss),
        [x, targets],
        [grad, loss],
        lambda: [(grad, 2 * (a - t) / a.size), (loss, np.array([((a - t) ** 2).mean()]))],
    )


def flat(s: Arrays, count: int) -> list[tuple[Array, Array]]:
    """As many buffers of all parameters: the parameters, their gradients, states."""
    return [s.normal(s.parameters) for _ in range(count)]


def momentum(s: Arrays) -> Work:
    (p, x), (v, velocity), (g, grad) = flat(s, 3)
    numbers = s.numbers(RATE, MOMENTUM)
    new = MOMENTUM * v - RATE * g
    return Work(
        lambda: s.kernels.momentum(x, velocity, grad, numbers),
        [x, velocity, grad],
        [x, velocity],
        lambda: [(velocity, new), (x, p + new)],
    )


def sgd(s: Arrays) -> Work:
    (p, x), (v, buffer), (g, grad) = flat(s, 3)
    numbers = s.numbers(RATE, MOMENTUM, 1, 0, 1)
    new = MOMENTUM * v + g
    return Work(
        lambda: s.kernels.sgd(x, buffer, grad, numbers),
        [x, buffer, grad],
        [x, buffer],
        lambda: [(buffer, new), (x, p - RATE * new)],
    )


def adam(s: Arrays) -> Work:
    """The first step, from moments of 0."""
    (p, x), (g, grad) = flat(s, 2)
    m, v = (put(np.zeros(s.parameters, np.float32), "cuda") for _ in range(2))
    numbers, clock = s.numbers(RATE, 0.9, 0.999, 1e-8, 0, 1), s.numbers(0, 0, dtype=np.uint32)
    return Work(
        lambda: s.kernels.adam(x, m, v, grad, numbers, clock),
        [x, m, v, grad],
        [x, m, v],
        lambda: [(m, 0.1 * g), (v, 0.001 * g * g), (x, p - RATE * g / (np.abs(g) + 1e-8))],
    )


def limited(w: Array) -> Array:
    norms = np.linalg.norm(w, axis=1, keepdims=True)
    return w * np.minimum(norms, LIMIT) / (1e-7 + norms)


def max_norm(s: Arrays) -> Work:
    w, x = s.normal(s.hidden, s.hidden)
    return Work(lambda: s.kernels.max_norm(x, LIMIT), [x], [x], lambda: [(x, limited(w))])


def momentum_max_norm(s: Arrays) -> Work:
    n = s.hidden
    (p, x), (v, velocity), (g, grad) = (s.normal(n * n) for _ in range(3))
    segments = put(np.array([(i * n, n, 1) for i in range(n)], np.int32), "cuda")
    numbers = s.numbers(RATE, MOMENTUM)
    new = MOMENTUM * v - RATE * g
    return Work(
        lambda: s.kernels.momentum_max_norm(x, velocity, grad, numbers, segments, LIMIT),
        [x, velocity, grad, segments],
        [x, velocity],
        lambda: [(velocity, new), (x, limited((p + new).reshape(n, n)).ravel())],
    )


KERNELS: dict[str, Callable[[Arrays], Work]] = {
    make.__name__: make
    for make in (
        *(uniform, bernoulli, masks, advance, end_step, gather, dropout, scale_rows, bias_activation),
        *(activation_backward, head, head_backward, bias_maxout, maxout_backward, gan_losses, bce_with_logits, mse),
        *(momentum, sgd, adam, max_norm, momentum_max_norm),
    )
}
