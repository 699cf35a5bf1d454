"""JAX: all steps of a call in one jit, a lax.scan if there are several, which may write over the old state."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...peers.jax_jit import network, ours, theirs
from ..cases import Inputs, TrainingStep
from . import DeviceStep

LIBRARIES = ("jax",)
SEVERAL = True


def setup(device: str) -> None:
    """The environment says which device: benchmarks/gpu/team.py."""
    if jax.default_backend() != {"cuda": "gpu"}.get(device, device):
        raise RuntimeError(f"JAX computes on {jax.default_backend()}, not on {device}")


def step(case: TrainingStep, inputs: Inputs, device: str) -> DeviceStep:
    m, drops, end = case.batch, case.drops(), case.examples // case.batch * case.batch

    def drawn(key: Any) -> Any:
        def masks(key: Any, rows: int) -> Any:
            keys = jax.random.split(key, len(drops))
            return [
                jax.random.bernoulli(k, 1 - p, (rows, n)) if p else None for k, (n, p) in zip(keys, drops, strict=True)
            ]

        k = jax.random.split(key, 4)
        z = [jax.random.uniform(k[i], (m, case.noise), minval=-(3**0.5), maxval=3**0.5) for i in (0, 1)]
        return z[0], masks(k[2], 2 * m), z[1], masks(k[3], m)

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

    def of_D(a: Any) -> Any:
        return case.scale * (jax.nn.softplus(-a[:m]).mean() + jax.nn.softplus(a[m:]).mean())

    def of_G(a: Any) -> Any:
        return jax.nn.softplus(-a).mean()

    def loss_D(D: Any, x: Any, samples: Any, masks: Any) -> Any:
        return of_D(discriminator(D, jnp.concatenate([x, samples]), masks))

    def loss_G(G: Any, D: Any, z: Any, masks: Any) -> Any:
        return of_G(discriminator(D, generator(G, z), masks))

    def limited(w: Any) -> Any:
        """Weights are (in, out) here: a unit's incoming ones are a column."""
        if not case.max_norm or w.ndim == 1:
            return w
        norms = jnp.linalg.norm(w, axis=0)
        return w * (jnp.minimum(norms, case.max_norm) / (1e-7 + norms))

    def moved(p: Any, v: Any, g: Any, lr: Any) -> Any:
        v = jax.tree.map(lambda v, g: case.momentum * v - lr * g, v, g)
        return jax.tree.map(lambda p, v: limited(p + v), p, v), v

    def alternating(G: Any, D: Any, x: Any, given: Any) -> Any:
        """D's loss and gradients, and what computes G's with the D that has moved."""
        z_d, masks_d, z_g, masks_g = given
        samples = lax.stop_gradient(generator(G, z_d))
        d_loss, g_D = jax.value_and_grad(loss_D)(D, x, samples, masks_d)
        return d_loss, g_D, lambda D: jax.value_and_grad(loss_G)(G, D, z_g, masks_g)

    def simultaneous(G: Any, D: Any, x: Any, given: Any) -> Any:
        """The same; one pass forward, one back for each loss, D as it was."""
        z, masks, _, _ = given
        samples, back_G = jax.vjp(lambda G: generator(G, z), G)
        a, back_D = jax.vjp(lambda D, s: discriminator(D, jnp.concatenate([x, s]), masks), D, samples)
        d_loss, d = jax.value_and_grad(of_D)(a)
        g_loss, g = jax.value_and_grad(lambda a: of_G(a[m:]))(a)
        g_D, _ = back_D(d)
        (g_G,) = back_G(back_D(g)[1])
        return d_loss, g_D, lambda D: (g_loss, g_G)

    gradients = simultaneous if case.update == "simultaneous" else alternating

    def iteration(data: Any, order: Any, state: Any, given: Any) -> Any:
        G, D, v_G, v_D, key, place, lr = state
        key, now = jax.random.split(key)
        x = data[lax.dynamic_slice(order, (place,), (m,))]
        d_loss, g_D, then = gradients(G, D, x, drawn(now) if given is None else given)
        D, v_D = moved(D, v_D, g_D, lr)
        g_loss, g_G = then(D)
        G, v_G = moved(G, v_G, g_G, lr)
        return (G, D, v_G, v_D, key, (place + m) % end, lr / case.decay), (d_loss, g_loss)

    @partial(jax.jit, donate_argnums=0)
    def call(state: Any, data: Any, order: Any, given: Any) -> Any:
        one = partial(iteration, data, order)
        with jax.default_matmul_precision({"float32": "highest", "tf32": "tensorfloat32"}[case.precision]):
            if case.steps == 1:
                return one(state, given and jax.tree.map(lambda a: a[0], given))
            state, losses = lax.scan(one, state, given, case.steps)
            return state, jax.tree.map(lambda a: a[-1], losses)

    G, D = ours(inputs.G), ours(inputs.D)
    key = jax.random.key(0, impl="rbg")  # cheaper random bits than JAX's default
    still = jax.tree.map(jnp.zeros_like, (G, D))
    now: list[Any] = [(G, D, *still, key, jnp.int32(0), jnp.float32(case.lr)), None]
    data, order, given = jnp.array(inputs.data), jnp.array(inputs.order), stacked(inputs)

    def run() -> None:
        now[:] = call(now[0], data, order, given)

    def read() -> dict[str, list[Any]]:
        G, D, v_G, v_D, *_ = now[0]
        found = {"velocity D": v_D, "velocity G": v_G, "parameters D": D, "parameters G": G}
        losses = [np.array([float(v) for v in now[1]])]
        return {"losses": losses, **{name: theirs(layers) for name, layers in found.items()}}

    return DeviceStep(run, read, lambda: jax.block_until_ready(now))


def stacked(inputs: Inputs) -> Any:
    """The random numbers of all steps, to be scanned over; None if the step draws its own."""
    if not inputs.draws:
        return None
    each = [
        (
            d.z_d,
            [k if k is None else k > 0 for k in d.masks_d],
            d.z_g,
            [k if k is None else k > 0 for k in d.masks_g],
        )
        for d in inputs.draws
    ]
    return jax.tree.map(lambda *arrays: jnp.array(np.stack(arrays)), *each)
