"""NumPy without automatic differentiation: derivatives by hand, in place, in buffers that are allocated once."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np

from ..cases import GAN, MLP, Array, Draws, GANInputs, Layers, MLPInputs, Optimiser, flat
from ..reference import OPTIMISER_STEPS
from . import Step

LIBRARY = "numpy"

f4 = np.float32


def setup(threads: int) -> None:
    """NumPy's threads are set by the environment."""


def empty(*shape: int) -> Array:
    return np.zeros(shape, f4)  # zeros, whose pages exist before the first step


class Dense:
    """x W^T + b with its gradients, and the rows it is used on."""

    def __init__(self, weight: Array, bias: Array, rows: int) -> None:
        self.w, self.b = weight.copy(), bias.copy()
        self.g_w, self.g_b = np.zeros_like(weight), np.zeros_like(bias)
        self.v_w, self.v_b = np.zeros_like(weight), np.zeros_like(bias)
        self.out, self.d_in = empty(rows, weight.shape[0]), empty(rows, weight.shape[1])
        self.ones = np.ones(rows, f4)

    def forward(self, x: Array) -> Array:
        a = np.matmul(x, self.w.T, out=self.out[: len(x)])
        a += self.b
        return a

    def of_weights(self, x: Array, d: Array) -> None:
        np.matmul(d.T, x, out=self.g_w)
        np.matmul(self.ones[: len(d)], d, out=self.g_b)

    def of_input(self, d: Array) -> Array:
        return np.matmul(d, self.w, out=self.d_in[: len(d)])

    def descend(self, lr: float) -> None:
        for p, g in ((self.w, self.g_w), (self.b, self.g_b)):
            g *= f4(lr)
            p -= g

    def descend_with_momentum(self, lr: float, momentum: float) -> None:
        for p, g, v in ((self.w, self.g_w, self.v_w), (self.b, self.g_b, self.v_b)):
            g *= f4(lr)
            v *= f4(momentum)
            v -= g
            p += v


class ReluNet:
    """Dense layers with ReLU between."""

    def __init__(self, layers: Layers, rows: int) -> None:
        self.layers = [Dense(w, b, rows) for w, b in layers]
        self.active = [np.zeros((rows, w.shape[0]), bool) for w, _ in layers[:-1]]
        self.inputs: list[Array] = []

    def forward(self, x: Array) -> Array:
        self.inputs = [x]
        for layer in self.layers[:-1]:
            a = layer.forward(self.inputs[-1])
            self.inputs.append(np.maximum(a, 0, out=a))
        return self.layers[-1].forward(self.inputs[-1])

    def backward(self, d: Array) -> None:
        for i in reversed(range(len(self.layers))):
            self.layers[i].of_weights(self.inputs[i], d)
            if i:
                d = self.layers[i].of_input(d)
                d *= np.greater(self.inputs[i], 0, out=self.active[i - 1][: len(d)])


def mlp(case: MLP, inputs: MLPInputs) -> Step:
    net = ReluNet(inputs.layers, case.batch)
    x, y = inputs.x, inputs.y
    d = empty(case.batch, case.width)
    last: dict[str, Any] = {}

    def forward() -> None:
        last["output"] = [net.forward(x)]

    def backward() -> None:
        np.subtract(net.forward(x), y, out=d)
        flat_d = d.ravel()
        last["loss"] = [np.dot(flat_d, flat_d) / f4(d.size)]
        np.multiply(d, f4(2 / d.size), out=d)
        net.backward(d)

    def step() -> None:
        backward()
        for layer in net.layers:
            layer.descend(case.lr)

    def read() -> dict[str, list[Any]]:
        factor = f4(case.lr) if case.what == "step" else f4(1)  # which the update has multiplied into them
        return last | {
            "gradients": flat([(l.g_w / factor, l.g_b / factor) for l in net.layers]),
            "parameters": flat([(l.w, l.b) for l in net.layers]),
        }

    return Step({"forward": forward, "gradients": backward, "step": step}[case.what], read)


def sigmoid_(a: Array) -> Array:
    """In place; tanh is the fastest of NumPy's functions that it can be made of."""
    a *= f4(0.5)
    np.tanh(a, out=a)
    a *= f4(0.5)
    a += f4(0.5)
    return a


class MaxoutNet:
    """Dropout and maxout layers, then dropout and a linear unit.

    Rows of the weights are ordered piece by piece, (pieces, units): then each piece is one block of columns.
    """

    def __init__(self, case: GAN, layers: Layers, rows: int) -> None:
        self.pieces, self.drops = case.pieces, case.drops()
        *hidden, last = layers
        turned = [(self.by_piece(w), self.by_piece(b)) for w, b in hidden]
        self.layers = [Dense(w, b, rows) for w, b in (*turned, last)]
        self.factor = [empty(rows, n) for n, _ in self.drops]
        self.kept = [np.zeros((rows, n), bool) for n, _ in self.drops]
        self.inputs = [empty(rows, n) for n, _ in self.drops]
        self.out = [empty(rows, n) for n, _ in self.drops[1:]]
        self.free = [np.zeros((rows, n), bool) for n, _ in self.drops[1:]]
        self.d = [empty(rows, n * case.pieces) for n, _ in self.drops[1:]]
        self.rng = np.random.default_rng(1)

    def by_piece(self, a: Array) -> Array:
        units = len(a) // self.pieces
        return np.ascontiguousarray(a.reshape(units, self.pieces, -1).swapaxes(0, 1)).reshape(a.shape)

    def by_unit(self, a: Array) -> Array:
        units = len(a) // self.pieces
        return a.reshape(self.pieces, units, -1).swapaxes(0, 1).reshape(a.shape)

    def dropout(self, i: int, x: Array, masks: list[Any] | None) -> Array:
        p = self.drops[i][1]
        if not p:
            return x
        factor, kept = self.factor[i][: len(x)], self.kept[i][: len(x)]
        if masks is None:
            self.rng.random(dtype=f4, out=factor)
            np.greater_equal(factor, f4(p), out=kept)
        else:
            kept[:] = masks[i] > 0
        np.multiply(kept, f4(1 / (1 - p)), out=factor)
        return np.multiply(x, factor, out=self.inputs[i][: len(x)])

    def forward(self, x: Array, masks: list[Any] | None) -> Array:
        rows, self.seen = len(x), []
        for i, layer in enumerate(self.layers):
            x = self.dropout(i, x, masks)
            self.seen.append(x)
            a = layer.forward(x)
            if i == len(self.layers) - 1:
                return a
            n = self.drops[i + 1][0]
            x = self.out[i][:rows]
            np.maximum(a[:, :n], a[:, -n:], out=x)
            for k in range(1, self.pieces - 1):
                np.maximum(x, a[:, k * n : (k + 1) * n], out=x)
        raise AssertionError("a discriminator ends in a linear layer")

    def backward(self, d: Array, weights: bool) -> Array:
        """The gradient of x if ``weights`` is False, else of the weights only."""
        rows = len(d)
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            if i < len(self.layers) - 1:
                d = self.to_largest(i, d)
            if weights:
                layer.of_weights(self.seen[i], d)
            if i or not weights:
                d = layer.of_input(d)
                if self.drops[i][1]:
                    d *= self.factor[i][:rows]
        return d

    def to_largest(self, i: int, d: Array) -> Array:
        """d to the first of the largest pieces, 0 to the others."""
        rows, n = d.shape
        a, largest, free, spread = self.layers[i].out[:rows], self.out[i][:rows], self.free[i][:rows], self.d[i][:rows]
        free[:] = True
        for k in range(self.pieces):
            block = slice(k * n, (k + 1) * n)
            here = a[:, block] == largest
            here &= free
            free ^= here
            np.multiply(d, here, out=spread[:, block])
        return spread


def gan(case: GAN, inputs: GANInputs, draws: Draws | None) -> Step:
    m, rng = case.batch, np.random.default_rng(2)
    G, D = ReluNet(inputs.G, m), MaxoutNet(case, inputs.D, 2 * m)
    batches = cycle(list(inputs.x))
    x, z = empty(2 * m, case.dimension), empty(m, case.noise)
    slope = empty(m, case.dimension)
    loss = np.zeros(2)

    def noise(given: Array | None) -> Array:
        if given is None:
            rng.random(dtype=f4, out=z)
            np.subtract(z, f4(0.5), out=z)
            np.multiply(z, f4(12**0.5), out=z)
        else:
            z[:] = given
        return z

    def run() -> None:
        x[:m] = next(batches)
        x[m:] = G.forward(noise(draws and draws.z_d))
        sigmoid_(x[m:])
        a = D.forward(x, draws and draws.masks_d)
        np.negative(a[:m], out=a[:m])
        loss[0] = case.scale * np.logaddexp(a, f4(0)).sum() / m
        d = sigmoid_(a)
        np.negative(d[:m], out=d[:m])
        d *= f4(case.scale / m)
        D.backward(d, weights=True)
        for layer in D.layers:
            layer.descend_with_momentum(case.lr, case.momentum)

        samples = sigmoid_(G.forward(noise(draws and draws.z_g)))
        a = D.forward(samples, draws and draws.masks_g)
        np.negative(a, out=a)
        loss[1] = np.logaddexp(a, f4(0)).sum() / m
        d = sigmoid_(a)
        d *= f4(-1 / m)
        d = D.backward(d, weights=False)
        np.subtract(f4(1), samples, out=slope)
        np.multiply(slope, samples, out=slope)
        d *= slope
        G.backward(d)
        for layer in G.layers:
            layer.descend_with_momentum(case.lr, case.momentum)

    def read() -> dict[str, list[Any]]:
        by_unit = [D.by_unit] * len(case.discriminator) + [np.asarray]
        turned = list(zip(D.layers, by_unit, strict=True))
        return {
            "losses": [loss],
            "gradients G": flat([(l.v_w / -case.lr, l.v_b / -case.lr) for l in G.layers]),
            "gradients D": flat([(f(l.v_w) / -case.lr, f(l.v_b) / -case.lr) for l, f in turned]),
            "parameters G": flat([(l.w, l.b) for l in G.layers]),
            "parameters D": flat([(f(l.w), f(l.b)) for l, f in turned]),
        }

    return Step(run, read)


def optimiser(case: Optimiser, inputs: tuple[list[Array], list[Array]]) -> Step:
    params = [p.copy() for p in inputs[0]]
    grads = inputs[1]
    m, s, a, b = ([np.zeros_like(p) for p in params] for _ in range(4))
    steps = 0

    def sgd() -> None:
        for p, g, t in zip(params, grads, a, strict=True):
            np.multiply(g, f4(case.lr), out=t)
            p -= t

    def momentum() -> None:
        for p, g, v, t in zip(params, grads, m, a, strict=True):
            np.multiply(g, f4(case.lr), out=t)
            v *= f4(case.momentum)
            v -= t
            p += v

    def adam() -> None:
        nonlocal steps
        steps += 1
        rate = f4(case.lr / (1 - 0.9**steps))
        root = f4((1 - 0.999**steps) ** -0.5)
        for p, g, m_p, s_p, t, u in zip(params, grads, m, s, a, b, strict=True):
            m_p *= f4(0.9)
            m_p += np.multiply(g, f4(0.1), out=t)
            s_p *= f4(0.999)
            np.multiply(g, g, out=t)
            s_p += np.multiply(t, f4(0.001), out=t)
            np.sqrt(s_p, out=t)
            t *= root
            t += f4(1e-8)
            np.multiply(m_p, rate, out=u)
            u /= t
            p -= u

    run = {"sgd": sgd, "momentum": momentum, "adam": adam}[case.rule]

    def read() -> dict[str, list[Any]]:
        for _ in range(OPTIMISER_STEPS - 1):
            run()
        return {"parameters": params}

    return Step(run, read)
