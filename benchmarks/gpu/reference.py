"""What is right: the training step in float64 by plain NumPy, from the pieces of benchmarks/reference.py."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..cases import Array, Draws, Layers, flat
from ..reference import FUNCTIONS, Results, backward, discriminator, discriminator_backward, forward, sigmoid, wide
from .cases import TrainingStep, checked, inputs_of, minibatch

TOLERANCES = {"float32": 2e-3, "tf32": 0.2}
"""Largest relative error of a right peer. TF32 rounds operands by up to 2^-11, and a piece of a maxout unit that is
larger by less than that may lose, which sends a row's gradient to the other piece: at the paper's sizes that comes to
0.03 in three steps and to 0.08 in ten. A wrong factor, a missing term or mask are far beyond."""


def step(case: TrainingStep) -> Results:
    """After ``case.steps`` steps: losses of the last one, velocities and parameters."""
    inputs = inputs_of(case)
    G, D = wide(inputs.G), wide(inputs.D)
    v_G, v_D = still(G), still(D)
    losses = (0.0, 0.0)
    for t, draws in enumerate(inputs.draws):
        x, lr = minibatch(case, inputs, t).astype(np.float64), case.lr / case.decay**t
        if case.update == "simultaneous":
            losses, g_D, g_G = together(case, G, D, x, draws)
            D, v_D = moved(case, D, v_D, g_D, lr)
        else:
            d_loss, g_D = of_D(case, G, D, x, draws)
            D, v_D = moved(case, D, v_D, g_D, lr)
            g_loss, g_G = of_G(case, G, D, draws)
            losses = d_loss, g_loss
        G, v_G = moved(case, G, v_G, g_G, lr)
    return {
        "losses": [np.array(losses)],
        "velocity D": flat(v_D),
        "velocity G": flat(v_G),
        "parameters D": flat(D),
        "parameters G": flat(G),
    }


def of_D(case: TrainingStep, G: Layers, D: Layers, x: Array, draws: Draws) -> tuple[float, Layers]:
    """D's loss, -scale V, and its gradients."""
    samples = sigmoid(forward(G, draws.z_d.astype(np.float64))[-1])
    a, memory = discriminator(case, D, np.concatenate([x, samples]), draws.masks_d)
    d_loss, d = loss_D(case, a)
    return d_loss, discriminator_backward(case, D, memory, d)[0]


def of_G(case: TrainingStep, G: Layers, D: Layers, draws: Draws) -> tuple[float, Layers]:
    """G's non-saturating loss and its gradients."""
    *hidden, logits = forward(G, draws.z_g.astype(np.float64))
    samples = sigmoid(logits)
    a, memory = discriminator(case, D, samples, draws.masks_g)
    _, d = discriminator_backward(case, D, memory, (sigmoid(a) - 1) / case.batch)
    return float(np.logaddexp(0, -a).mean()), backward(G, hidden, d * samples * (1 - samples))[0]


def together(case: TrainingStep, G: Layers, D: Layers, x: Array, draws: Draws) -> tuple[Any, Layers, Layers]:
    """Both losses and both gradients, at the same parameters, from one pass."""
    m = case.batch
    *hidden, logits = forward(G, draws.z_d.astype(np.float64))
    samples = sigmoid(logits)
    a, memory = discriminator(case, D, np.concatenate([x, samples]), draws.masks_d)
    d_loss, d = loss_D(case, a)
    g_D, _ = discriminator_backward(case, D, memory, d)
    of_samples = np.concatenate([np.zeros((m, 1)), (sigmoid(a[m:]) - 1) / m])
    _, dx = discriminator_backward(case, D, memory, of_samples)
    g_G, _ = backward(G, hidden, dx[m:] * samples * (1 - samples))
    return (d_loss, float(np.logaddexp(0, -a[m:]).mean())), g_D, g_G


def loss_D(case: TrainingStep, a: Array) -> tuple[float, Array]:
    """From the logits of data, then samples; and its derivative for them."""
    m = case.batch
    loss = case.scale * (np.logaddexp(0, -a[:m]).mean() + np.logaddexp(0, a[m:]).mean())
    return float(loss), np.concatenate([sigmoid(a[:m]) - 1, sigmoid(a[m:])]) * case.scale / m


def still(layers: Layers) -> Layers:
    return [(np.zeros_like(w), np.zeros_like(b)) for w, b in layers]


def moved(case: TrainingStep, layers: Layers, v: Layers, g: Layers, lr: float) -> tuple[Layers, Layers]:
    """Momentum as pylearn2 has it, then the largest norm."""
    new_v, new = [], []
    for (w, b), (v_w, v_b), (g_w, g_b) in zip(layers, v, g, strict=True):
        v_w, v_b = case.momentum * v_w - lr * g_w, case.momentum * v_b - lr * g_b
        new_v.append((v_w, v_b))
        new.append((limited(w + v_w, case.max_norm), b + v_b))
    return new, new_v


def limited(w: Array, largest: float) -> Array:
    """As ``gan.networks.limit_norms``."""
    if not largest:
        return w
    norms = np.linalg.norm(w, axis=1, keepdims=True)
    return w * np.minimum(norms, largest) / (1e-7 + norms)


def start(case: TrainingStep) -> Results:
    """The parameters before."""
    inputs = inputs_of(case)
    return {"parameters D": flat(inputs.D), "parameters G": flat(inputs.G)}


@lru_cache(1)
def _of_check(case: TrainingStep) -> Results:
    return step(case)


def of_check(case: TrainingStep) -> Results:
    """What every peer has to give in this case's check: the same numbers in every precision."""
    return _of_check(replace(checked(case), precision="float32"))


FUNCTIONS[TrainingStep.kind] = of_check
