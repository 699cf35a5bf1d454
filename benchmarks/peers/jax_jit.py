"""JAX: each whole step in one jit, which may write over the old parameters (donated buffers)."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..cases import GAN, HVP, MLP, Array, Chain, Draws, GANInputs, HVPInputs, Layers, MLPInputs, Optimiser, flat
from ..reference import CHAIN_X, OPTIMISER_STEPS
from . import Step

LIBRARY = "jax"


def setup(threads: int) -> None:
    """XLA takes as many threads as the process may use cores: the worker has set that."""


def ours(layers: Layers) -> Any:
    """Weights (in, out), the layout of x @ w."""
    return [(jnp.array(w.T), jnp.array(b)) for w, b in layers]


def theirs(layers: Any) -> list[Array]:
    return flat([(np.array(w).T, np.array(b)) for w, b in layers])


def chain(case: Chain) -> Step:
    """Compiled where the graph is the same every time; graphs of additions are built anew, as in the other peers."""

    def f(x: Any) -> Any:
        y = x
        for _ in range(case.length):
            y = y * x if case.op == "mul" else y + x
        return y

    derivative = jax.grad(f)
    if case.op == "mul":
        derivative = jax.jit(derivative)
    last: list[Any] = []

    def run() -> None:
        last[:] = [derivative(CHAIN_X)]

    return Step(run, lambda: {"gradient": [np.asarray(last[0])]}, lambda: jax.block_until_ready(last))


def network(layers: Any, x: Any, between: Any = jax.nn.relu) -> Any:
    *hidden, (w, b) = layers
    for v, c in hidden:
        x = between(x @ v + c)
    return x @ w + b


def mlp(case: MLP, inputs: MLPInputs) -> Step:
    x, y = jnp.array(inputs.x), jnp.array(inputs.y)
    state: dict[str, Any] = {"layers": ours(inputs.layers)}

    def criterion(layers: Any, x: Any, y: Any) -> Any:
        return jnp.mean((network(layers, x) - y) ** 2)

    slope = jax.jit(jax.value_and_grad(criterion))
    only = jax.jit(network)

    @partial(jax.jit, donate_argnums=0)
    def moved(layers: Any, x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(criterion)(layers, x, y)
        return loss, jax.tree.map(lambda p, g: p - case.lr * g, layers, gradients)

    def forward() -> None:
        state["output"] = only(state["layers"], x)

    def backward() -> None:
        state["loss"], state["gradients"] = slope(state["layers"], x, y)

    def step() -> None:
        state["loss"], state["layers"] = moved(state["layers"], x, y)

    def read() -> dict[str, list[Any]]:
        if case.what == "forward":
            return {"output": [np.asarray(state["output"])]}
        gradients = state["gradients"] if case.what == "gradients" else slope(ours(inputs.layers), x, y)[1]
        return {
            "loss": [np.asarray(state["loss"])],
            "gradients": theirs(gradients),
            "parameters": theirs(state["layers"]),
        }

    run = {"forward": forward, "gradients": backward, "step": step}[case.what]
    return Step(run, read, lambda: jax.block_until_ready(state))


def gan(case: GAN, inputs: GANInputs, draws: Draws | None) -> Step:
    m, drops = case.batch, case.drops()
    # a cheaper generator of random bits than JAX's default
    key = jax.random.key(0, impl="rbg")

    def drawn(key: Any) -> Any:
        def masks(key: Any, rows: int) -> Any:
            keys = jax.random.split(key, len(drops))
            return [jax.random.bernoulli(k, 1 - p, (rows, n)) if p else None for k, (n, p) in zip(keys, drops)]  # noqa: B905

        next_key, *k = jax.random.split(key, 5)
        z = [jax.random.uniform(k[i], (m, case.noise), minval=-(3**0.5), maxval=3**0.5) for i in (0, 1)]
        return next_key, (z[0], masks(k[2], 2 * m), z[1], masks(k[3], m))

    def discriminator(D: Any, x: Any, masks: Any) -> Any:
        for i, ((w, b), mask) in enumerate(zip(D, masks, strict=True)):
            if mask is not None:
                x = jnp.where(mask, x / (1 - drops[i][1]), 0)
            x = x @ w + b
            if i < len(D) - 1:
                x = x.reshape(len(x), -1, case.pieces).max(-1)
        return x

    def generator(G: Any, z: Any) -> Any:
        return jax.nn.sigmoid(network(G, z))

    def loss_D(D: Any, x: Any, samples: Any, masks: Any) -> Any:
        a = discriminator(D, jnp.concatenate([x, samples]), masks)
        return case.scale * (jax.nn.softplus(-a[:m]).mean() + jax.nn.softplus(a[m:]).mean())

    def loss_G(G: Any, D: Any, z: Any, masks: Any) -> Any:
        return jax.nn.softplus(-discriminator(D, generator(G, z), masks)).mean()

    def moved(p: Any, v: Any, g: Any) -> Any:
        v = jax.tree.map(lambda v, g: case.momentum * v - case.lr * g, v, g)
        return jax.tree.map(jnp.add, p, v), v

    @partial(jax.jit, donate_argnums=0)
    def iteration(state: Any, x: Any, given: Any) -> Any:
        G, D, v_G, v_D, key = state
        if given is None:
            key, given = drawn(key)
        z_d, masks_d, z_g, masks_g = given
        samples = lax.stop_gradient(generator(G, z_d))
        d_loss, g = jax.value_and_grad(loss_D)(D, x, samples, masks_d)
        D, v_D = moved(D, v_D, g)
        g_loss, g = jax.value_and_grad(loss_G)(G, D, z_g, masks_g)
        G, v_G = moved(G, v_G, g)
        return (G, D, v_G, v_D, key), (d_loss, g_loss)

    G, D = ours(inputs.G), ours(inputs.D)
    now: list[Any] = [(G, D, jax.tree.map(jnp.zeros_like, G), jax.tree.map(jnp.zeros_like, D), key), None]
    batches = [jnp.array(x) for x in inputs.x]
    given = None
    if draws:
        masks_d, masks_g = ([k if k is None else jnp.array(k > 0) for k in ms] for ms in (draws.masks_d, draws.masks_g))
        given = (jnp.array(draws.z_d), masks_d, jnp.array(draws.z_g), masks_g)
    count = 0

    def run() -> None:
        nonlocal count
        now[:] = iteration(now[0], batches[count % len(batches)], given)
        count += 1

    def read() -> dict[str, list[Any]]:
        G, D, v_G, v_D, _ = now[0]
        return {
            "losses": [np.array([float(v) for v in now[1]])],
            "gradients G": [v / -case.lr for v in theirs(v_G)],
            "gradients D": [v / -case.lr for v in theirs(v_D)],
            "parameters G": theirs(G),
            "parameters D": theirs(D),
        }

    return Step(run, read, lambda: jax.block_until_ready(now))


def optimiser(case: Optimiser, inputs: tuple[list[Array], list[Array]]) -> Step:
    params, grads = ([jnp.array(a) for a in arrays] for arrays in inputs)

    @partial(jax.jit, donate_argnums=0)
    def moved(state: Any, grads: Any) -> Any:
        p, m, s, t = state
        t = t + 1
        if case.rule == "sgd":
            return jax.tree.map(lambda p, g: p - case.lr * g, p, grads), m, s, t
        if case.rule == "momentum":
            m = jax.tree.map(lambda m, g: case.momentum * m - case.lr * g, m, grads)
            return jax.tree.map(jnp.add, p, m), m, s, t
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        s = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, s, grads)
        a, b = 1 - 0.9**t, 1 - 0.999**t
        return jax.tree.map(lambda p, m, s: p - case.lr * (m / a) / (jnp.sqrt(s / b) + 1e-8), p, m, s), m, s, t

    zeros = lambda: [jnp.zeros_like(p) for p in params]
    moments = {"sgd": (None, None), "momentum": (zeros(), None), "adam": (zeros(), zeros())}[case.rule]
    now = [(params, *moments, 0.0)]

    def run() -> None:
        now[0] = moved(now[0], grads)

    def read() -> dict[str, list[Any]]:
        for _ in range(OPTIMISER_STEPS - 1):
            run()
        return {"parameters": [np.array(p) for p in now[0][0]]}

    return Step(run, read, lambda: jax.block_until_ready(now))


def hvp(case: HVP, inputs: HVPInputs) -> Step:
    """Forward over reverse, which is how JAX's documentation does it."""
    layers, v = ours(inputs.layers), ours(inputs.v)
    x, y = jnp.array(inputs.x), jnp.array(inputs.y)
    slope = jax.grad(lambda layers: jnp.mean((network(layers, x, jnp.tanh) - y) ** 2))
    product = jax.jit(lambda layers, v: jax.jvp(slope, (layers,), (v,))[1])
    last: list[Any] = []

    def run() -> None:
        last[:] = [product(layers, v)]

    return Step(run, lambda: {"hvp": theirs(last[0])}, lambda: jax.block_until_ready(last))
