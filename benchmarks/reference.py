"""What is right: every case in float64, plain NumPy, derivatives by hand, no thought of speed.

Each function returns {name: arrays}: what a peer's step has to give. "gradients ..." are compared as they are,
"parameters ..." by how far the step moved them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .cases import (
    GAN,
    HVP,
    MLP,
    Array,
    Case,
    Chain,
    Layers,
    Optimiser,
    flat,
    gan_inputs,
    hvp_inputs,
    mlp_inputs,
    optimiser_inputs,
)

Results = dict[str, list[Array]]

OPTIMISER_STEPS = 3  # enough for momentum and for Adam's bias corrections to show
TOLERANCE = 2e-3  # float32, and a maxout whose pieces nearly tie; a wrong factor or a missing term is far beyond


def reference(case: Case) -> Results:
    """The numbers of one step."""
    return FUNCTIONS[case.kind](case)


def wide(layers: Layers) -> Layers:
    return [(w.astype(np.float64), b.astype(np.float64)) for w, b in layers]


def chain(case: Chain) -> Results:
    x, n = CHAIN_X, case.length
    return {"gradient": [np.array((n + 1) * x**n if case.op == "mul" else n + 1.0)]}


CHAIN_X = 1.0001


def mlp(case: MLP) -> Results:
    inputs = mlp_inputs(case)
    layers, y = wide(inputs.layers), inputs.y.astype(np.float64)
    *hidden, out = forward(layers, inputs.x.astype(np.float64))
    if case.what == "forward":
        return {"output": [out]}
    gradients, _ = backward(layers, hidden, 2 * (out - y) / y.size)
    results: Results = {"loss": [np.mean((out - y) ** 2)], "gradients": flat(gradients)}
    if case.what == "step":
        results["parameters"] = [p - case.lr * g for p, g in zip(flat(layers), flat(gradients), strict=True)]
    return results


def forward(layers: Layers, x: Array) -> list[Array]:
    """The input of each layer, then the output."""
    values = [x]
    for i, (w, b) in enumerate(layers):
        a = values[-1] @ w.T + b
        values.append(np.maximum(a, 0) if i < len(layers) - 1 else a)
    return values


def backward(layers: Layers, inputs: list[Array], d: Array) -> tuple[Layers, Array]:
    """Gradients of the layers and of x, for the gradient d of the output before any last nonlinearity."""
    gradients: Layers = []
    for i in reversed(range(len(layers))):
        gradients.insert(0, (d.T @ inputs[i], d.sum(0)))
        d = d @ layers[i][0]
        if i:
            d = d * (inputs[i] > 0)
    return gradients, d


def gan(case: GAN) -> Results:
    inputs = gan_inputs(case)
    G, D, draws, m = wide(inputs.G), wide(inputs.D), inputs.draws, case.batch
    samples = sigmoid(forward(G, draws.z_d.astype(np.float64))[-1])
    a, memory = discriminator(case, D, np.concatenate([inputs.x[0], samples]), draws.masks_d)
    d_loss = case.scale * (np.logaddexp(0, -a[:m]).mean() + np.logaddexp(0, a[m:]).mean())
    d = np.concatenate([sigmoid(a[:m]) - 1, sigmoid(a[m:])]) * case.scale / m
    gradients_D, _ = discriminator_backward(case, D, memory, d)
    D = moved(D, gradients_D, case.lr)

    *hidden, logits = forward(G, draws.z_g.astype(np.float64))
    samples = sigmoid(logits)
    a, memory = discriminator(case, D, samples, draws.masks_g)
    _, d = discriminator_backward(case, D, memory, (sigmoid(a) - 1) / m)
    gradients_G, _ = backward(G, hidden, d * samples * (1 - samples))
    return {
        "losses": [np.array([d_loss, np.logaddexp(0, -a).mean()])],
        "gradients D": flat(gradients_D),
        "gradients G": flat(gradients_G),
        "parameters D": flat(D),
        "parameters G": flat(moved(G, gradients_G, case.lr)),
    }


def moved(layers: Layers, gradients: Layers, lr: float) -> Layers:
    """The first step of momentum, from a velocity of 0."""
    return [(w - lr * dw, b - lr * db) for (w, b), (dw, db) in zip(layers, gradients, strict=True)]


def discriminator(case: GAN, D: Layers, x: Array, masks: list[Any]) -> tuple[Array, list[Any]]:
    """Logits (rows, 1); of each layer its mask over the probability of keeping, its input, and the largest pieces."""
    memory = []
    for i, ((w, b), mask) in enumerate(zip(D, masks, strict=True)):
        factor = np.ones_like(x) if mask is None else mask / (1 - case.drops()[i][1])
        x = x * factor
        a = x @ w.T + b
        if i == len(D) - 1:
            return a, [*memory, (factor, x, None)]
        pieces = a.reshape(len(x), -1, case.pieces)
        memory.append((factor, x, pieces.argmax(-1)))
        x = pieces.max(-1)
    raise AssertionError("a discriminator ends in a linear layer")


def discriminator_backward(case: GAN, D: Layers, memory: list[Any], d: Array) -> tuple[Layers, Array]:
    gradients: Layers = []
    for (w, _), (factor, x, largest) in zip(reversed(D), reversed(memory), strict=True):
        if largest is not None:
            spread = np.zeros((*d.shape, case.pieces))
            np.put_along_axis(spread, largest[..., None], d[..., None], -1)
            d = spread.reshape(len(d), -1)
        gradients.insert(0, (d.T @ x, d.sum(0)))
        d = (d @ w) * factor
    return gradients, d


def sigmoid(a: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * a))


def optimiser(case: Optimiser) -> Results:
    """After ``OPTIMISER_STEPS`` steps with the same gradients."""
    params, grads = optimiser_inputs(case)
    results = []
    for p, g in zip(params, grads, strict=True):
        p, g = p.astype(np.float64), g.astype(np.float64)
        v, m, s = 0.0, 0.0, 0.0
        for t in range(1, OPTIMISER_STEPS + 1):
            if case.rule == "adam":
                m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
                p = p - case.lr * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
            else:
                v = (case.momentum if case.rule == "momentum" else 0) * v + g
                p = p - case.lr * v
        results.append(p)
    return {"parameters": results}


def hvp(case: HVP) -> Results:
    """The derivative of the gradient in the direction v: forward-mode through backpropagation (Pearlmutter, 1994)."""
    inputs = hvp_inputs(case)
    layers, v = wide(inputs.layers), wide(inputs.v)
    h, dh = inputs.x.astype(np.float64), np.zeros(inputs.x.shape)  # d...: the derivative along v
    values = [(h, dh)]
    for i, ((w, b), (dw, db)) in enumerate(zip(layers, v, strict=True)):
        a, da = h @ w.T + b, dh @ w.T + h @ dw.T + db
        last = i == len(layers) - 1
        h = a if last else np.tanh(a)
        dh = da if last else (1 - h * h) * da
        values.append((h, dh))
    y = inputs.y
    g, dg = 2 * (h - y) / y.size, 2 * dh / y.size
    out: Layers = []
    for (w, _), (dw, _), ((h, dh), _) in zip(layers[::-1], v[::-1], [*pairwise(values)][::-1], strict=True):
        out.insert(0, (dg.T @ h + g.T @ dh, dg.sum(0)))
        below, dbelow = g @ w, dg @ w + g @ dw
        g, dg = below * (1 - h * h), dbelow * (1 - h * h) - 2 * below * h * dh
    return {"hvp": flat(out)}


FUNCTIONS: dict[str, Any] = {"chain": chain, "mlp": mlp, "gan": gan, "optimiser": optimiser, "hvp": hvp}


# -------------------------------------------------------------------------------------------- comparison


def start(case: Case) -> Results:
    """The parameters before the step, by the names of ``reference``."""
    match case:
        case GAN():
            inputs = gan_inputs(case)
            return {"parameters D": flat(inputs.D), "parameters G": flat(inputs.G)}
        case MLP():
            return {"parameters": flat(mlp_inputs(case).layers)}
        case Optimiser():
            return {"parameters": optimiser_inputs(case)[0]}
    return {}


def errors(results: Results, exact: Results, before: Results) -> dict[str, float]:
    """By name the largest relative error ``|result - exact| / |exact|`` (2-norms) among its arrays.

    Of parameters it is the error of their change, less what float32 rounds away. An array that is next to nothing
    beside the others of its name, a gradient whose terms cancel, is measured against a thousandth of theirs.
    """
    worst = {}
    for name, arrays in exact.items():
        got = results.get(name, [])
        if len(got) != len(arrays) or any(np.shape(a) != np.shape(b) for a, b in zip(got, arrays, strict=True)):
            worst[name] = float("inf")
            continue
        changes, sizes = [], []
        for i, (a, b) in enumerate(zip(got, arrays, strict=True)):
            old = before[name][i] if name in before else None
            rounding = 0.0 if old is None else 2.0**-22 * norm(old)
            change = norm(np.asarray(a, np.float64) - b)
            changes.append(max(change - rounding, 0) if np.isfinite(change) else float("inf"))
            sizes.append(norm(b if old is None else b - old))
        least = 1e-3 * max(sizes)
        ratios = [c / max(s, least) if c else 0.0 for c, s in zip(changes, sizes, strict=True)]
        worst[name] = float(max(ratios))
    return worst


def norm(a: Array) -> float:
    return float(np.linalg.norm(np.asarray(a, np.float64)))


# ------------------------------------------------------------------------------------------------- files


def write(path: str, results: Results) -> None:
    np.savez(path, **{f"{name}|{i}": a for name, arrays in results.items() for i, a in enumerate(arrays)})


def read(path: str) -> Results:
    """What ``write`` wrote."""
    results: Results = {}
    with np.load(path) as file:
        for key in file.files:  # in the order of writing
            results.setdefault(key.rpartition("|")[0], []).append(file[key])
    return results
