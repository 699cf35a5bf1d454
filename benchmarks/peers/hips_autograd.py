"""HIPS autograd: NumPy's functions, differentiated; updates in place by NumPy."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad, value_and_grad

from ..cases import GAN, HVP, MLP, Array, Chain, Draws, GANInputs, HVPInputs, MLPInputs, flat, in_pairs, noise
from ..reference import CHAIN_X
from . import Step

LIBRARY = "autograd"


def setup(threads: int) -> None:
    """NumPy's threads are set by the environment."""


def copies(values: list[Array]) -> list[Array]:
    return [v.copy() for v in values]


def chain(case: Chain) -> Step:
    def f(x: Any) -> Any:
        y = x
        if case.op == "mul":
            for _ in range(case.length):
                y = y * x
        else:
            for _ in range(case.length):
                y = y + x
        return y

    derivative = grad(f)
    last: list[Any] = []

    def run() -> None:
        last[:] = [derivative(CHAIN_X)]

    return Step(run, lambda: {"gradient": [np.array(last[0])]})


def network(params: list[Any], x: Any, between: Any = lambda a: anp.maximum(a, 0)) -> Any:
    """Params: weight, bias, weight, bias, ..."""
    *hidden, (w, b) = in_pairs(params)
    for v, c in hidden:
        x = between(x @ v.T + c)
    return x @ w.T + b


def mlp(case: MLP, inputs: MLPInputs) -> Step:
    params = copies(flat(inputs.layers))
    x, y = inputs.x, inputs.y
    slope = value_and_grad(lambda params: anp.mean((network(params, x) - y) ** 2))
    last: dict[str, Any] = {}

    def forward() -> None:
        last["output"] = [network(params, x)]

    def backward() -> None:
        loss, last["gradients"] = slope(params)
        last["loss"] = [np.array(loss)]

    def step() -> None:
        backward()
        for p, g in zip(params, last["gradients"], strict=True):
            p -= case.lr * g

    def read() -> dict[str, list[Any]]:
        return last | {"parameters": params}

    return Step({"forward": forward, "gradients": backward, "step": step}[case.what], read)


def softplus(a: Any) -> Any:
    return anp.logaddexp(a, 0)


def gan(case: GAN, inputs: GANInputs, draws: Draws | None) -> Step:
    rng, m, drops = np.random.default_rng(1), case.batch, case.drops()
    G, D = copies(flat(inputs.G)), copies(flat(inputs.D))
    v_G, v_D = [np.zeros_like(p) for p in G], [np.zeros_like(p) for p in D]
    batches = cycle(list(inputs.x))

    def masks(rows: int) -> list[Any]:
        return [rng.random((rows, n), dtype=np.float32) >= np.float32(p) if p else None for n, p in drops]

    def discriminator(D: Any, x: Any, masks: Any) -> Any:
        for i, ((w, b), mask) in enumerate(zip(in_pairs(D), masks, strict=True)):
            if mask is not None:
                x = x * (mask * np.float32(1 / (1 - drops[i][1])))
            x = x @ w.T + b
            if i < len(drops) - 1:
                x = anp.max(anp.reshape(x, (len(x), -1, case.pieces)), axis=-1)
        return x

    def generator(G: Any, z: Any) -> Any:
        return 0.5 * (1 + anp.tanh(0.5 * network(G, z)))

    def loss_D(D: Any, x: Any, masks: Any) -> Any:
        a = discriminator(D, x, masks)
        return case.scale * (anp.mean(softplus(-a[:m])) + anp.mean(softplus(a[m:])))

    def loss_G(G: Any, z: Any, masks: Any) -> Any:
        return anp.mean(softplus(-discriminator(D, generator(G, z), masks)))

    slope_D, slope_G = value_and_grad(loss_D), value_and_grad(loss_G)
    last: list[Any] = []

    def move(params: list[Array], velocities: list[Array], gradients: list[Array]) -> None:
        for p, v, g in zip(params, velocities, gradients, strict=True):
            v *= case.momentum
            v -= case.lr * g
            p += v

    def run() -> None:
        z = draws.z_d if draws else noise(rng, (m, case.noise))
        x = np.concatenate([next(batches), generator(G, z)])
        d_loss, gradients_D = slope_D(D, x, draws.masks_d if draws else masks(2 * m))
        move(D, v_D, gradients_D)
        z = draws.z_g if draws else noise(rng, (m, case.noise))
        g_loss, gradients_G = slope_G(G, z, draws.masks_g if draws else masks(m))
        move(G, v_G, gradients_G)
        last[:] = [d_loss, g_loss, gradients_D, gradients_G]

    def read() -> dict[str, list[Any]]:
        return {
            "losses": [np.array(last[:2], np.float64)],
            "gradients D": last[2],
            "gradients G": last[3],
            "parameters D": D,
            "parameters G": G,
        }

    return Step(run, read)


def hvp(case: HVP, inputs: HVPInputs) -> Step:
    params, v, x, y = flat(inputs.layers), flat(inputs.v), inputs.x, inputs.y
    slope = grad(lambda params: anp.mean((network(params, x, anp.tanh) - y) ** 2))
    product = grad(lambda params: sum(anp.sum(g * d) for g, d in zip(slope(params), v, strict=True)))
    last: list[Any] = []

    def run() -> None:
        last[:] = product(params)

    return Step(run, lambda: {"hvp": last})
