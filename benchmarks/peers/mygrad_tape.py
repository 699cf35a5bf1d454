"""MyGrad, without its guard against writing into arrays of a graph, as its documentation advises for speed."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu

from ..cases import GAN, MLP, Array, Chain, Draws, GANInputs, MLPInputs, flat, in_pairs, noise
from ..reference import CHAIN_X
from . import Step

LIBRARY = "mygrad"


def setup(threads: int) -> None:
    """NumPy's threads are set by the environment."""
    mg.turn_memory_guarding_off()


def leaves(values: list[Array]) -> list[Any]:
    return [mg.tensor(v, copy=True) for v in values]


def chain(case: Chain) -> Step:
    last: list[Any] = []

    def run() -> None:
        x = mg.tensor(CHAIN_X)
        y = x
        if case.op == "mul":
            for _ in range(case.length):
                y = y * x
        else:
            for _ in range(case.length):
                y = y + x
        y.backward()
        last[:] = [x]

    return Step(run, lambda: {"gradient": [last[0].grad]})


def network(params: list[Any], x: Any) -> Any:
    *hidden, (w, b) = in_pairs(params)
    for v, c in hidden:
        x = relu(x @ v.T + c)
    return x @ w.T + b


def gradients_of(params: list[Any]) -> list[Array]:
    found = [p.grad for p in params]
    for p in params:
        p.null_grad()
    return found


def mlp(case: MLP, inputs: MLPInputs) -> Step:
    params = leaves(flat(inputs.layers))
    x, y = inputs.x, inputs.y
    last: dict[str, Any] = {}

    def forward() -> None:
        with mg.no_autodiff:
            last["output"] = [network(params, x).data]

    def backward() -> None:
        loss = mg.mean((network(params, x) - y) ** 2)
        loss.backward()
        last["gradients"] = gradients_of(params)
        last["loss"] = [loss.data]

    def step() -> None:
        backward()
        for p, g in zip(params, last["gradients"], strict=True):
            p.data -= case.lr * g

    def read() -> dict[str, list[Any]]:
        return last | {"parameters": [p.data for p in params]}

    return Step({"forward": forward, "gradients": backward, "step": step}[case.what], read)


def softplus(a: Any) -> Any:
    return mg.logaddexp(a, np.float32(0))


def gan(case: GAN, inputs: GANInputs, draws: Draws | None) -> Step:
    rng, m, drops = np.random.default_rng(1), case.batch, case.drops()
    G, D = leaves(flat(inputs.G)), leaves(flat(inputs.D))
    v_G, v_D = [np.zeros_like(p.data) for p in G], [np.zeros_like(p.data) for p in D]
    batches = cycle(list(inputs.x))
    half, one, scale = (
        np.float32(0.5),
        np.float32(1),
        np.float32(case.scale),
    )  # of Python's numbers MyGrad makes float64

    def masks(rows: int) -> list[Any]:
        return [rng.random((rows, n), dtype=np.float32) >= np.float32(p) if p else None for n, p in drops]

    def discriminator(D: list[Any], x: Any, masks: Any) -> Any:
        for i, ((w, b), mask) in enumerate(zip(in_pairs(D), masks, strict=True)):
            if mask is not None:
                x = x * (mask * np.float32(1 / (1 - drops[i][1])))
            x = x @ w.T + b
            if i < len(drops) - 1:
                x = mg.max(mg.reshape(x, (len(x), -1, case.pieces)), axis=-1)
        return x

    def generator(z: Array) -> Any:
        return half * (one + mg.tanh(half * network(G, z)))

    last: list[Any] = []

    def move(params: list[Any], velocities: list[Array], gradients: list[Array]) -> None:
        for p, v, g in zip(params, velocities, gradients, strict=True):
            v *= case.momentum
            v -= case.lr * g
            p.data += v

    def run() -> None:
        with mg.no_autodiff:
            samples = generator(draws.z_d if draws else noise(rng, (m, case.noise))).data
        x = np.concatenate([next(batches), samples])
        a = discriminator(D, x, draws.masks_d if draws else masks(2 * m))
        d_loss = scale * (mg.mean(softplus(-a[:m])) + mg.mean(softplus(a[m:])))
        d_loss.backward()
        gradients_D = gradients_of(D)
        move(D, v_D, gradients_D)
        constants = [p.data for p in D]  # arrays: nothing flows into them
        z = draws.z_g if draws else noise(rng, (m, case.noise))
        g_loss = mg.mean(softplus(-discriminator(constants, generator(z), draws.masks_g if draws else masks(m))))
        g_loss.backward()
        gradients_G = gradients_of(G)
        move(G, v_G, gradients_G)
        last[:] = [d_loss.item(), g_loss.item(), gradients_D, gradients_G]

    def read() -> dict[str, list[Any]]:
        return {
            "losses": [np.array(last[:2])],
            "gradients D": last[2],
            "gradients G": last[3],
            "parameters D": [p.data for p in D],
            "parameters G": [p.data for p in G],
        }

    return Step(run, read)
