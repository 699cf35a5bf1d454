"""tinygrad: whole steps under TinyJit. On a CPU it needs clang, to compile with.

It reads the environment when it is imported: DEV=CPU is the device, TRAINING=1 lets dropout drop.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tinygrad import Device, Tensor, TinyJit
from tinygrad.nn.optim import SGD

from ..cases import GAN, MLP, Array, Draws, GANInputs, MLPInputs, flat, in_pairs
from . import Step

LIBRARY = "tinygrad"


def setup(threads: int) -> None:
    """tinygrad takes as many threads as it may use cores."""
    try:
        (Tensor([1.0]) + 1).numpy()
    except Exception as error:
        raise RuntimeError(f"tinygrad runs on no device here: {str(error).splitlines()[0]}") from error


def leaves(values: list[Array]) -> list[Tensor]:
    return [Tensor(v.copy()).realize() for v in values]


def arrays(values: Any) -> list[Array]:
    return [v.numpy().copy() for v in values]


def network(params: list[Tensor], x: Tensor) -> Tensor:
    *hidden, (w, b) = in_pairs(params)
    for v, c in hidden:
        x = x.linear(v.T, c).relu()
    return x.linear(w.T, b)


def update(loss: Tensor, optimizer: Any) -> list[Tensor]:
    """What has to be computed to move the optimiser's parameters."""
    for p, g in zip(optimizer.params, loss.gradient(*optimizer.params), strict=True):
        p.grad = g
    return optimizer.schedule_step()


def wait() -> None:
    Device[Device.DEFAULT].synchronize()


def mlp(case: MLP, inputs: MLPInputs) -> Step:
    params = leaves(flat(inputs.layers))
    x, y = Tensor(inputs.x).realize(), Tensor(inputs.y).realize()
    optimizer = SGD(params, lr=case.lr)
    last: dict[str, Any] = {}

    def criterion() -> Tensor:
        return ((network(params, x) - y) ** 2).mean()

    @TinyJit
    def output(x: Tensor) -> Tensor:
        return network(params, x).realize()

    @TinyJit
    def slope(x: Tensor) -> Any:
        loss = criterion()
        gradients = loss.gradient(*params)
        return loss.realize(*gradients), *gradients

    @TinyJit
    def moved(x: Tensor) -> Tensor:
        loss = criterion()
        return loss.realize(*update(loss, optimizer))

    def forward() -> None:
        last["output"] = [output(x)]

    def backward() -> None:
        loss, *gradients = slope(x)
        last["loss"], last["gradients"] = [loss], gradients

    def step() -> None:
        last["loss"] = [moved(x)]

    def read() -> dict[str, list[Any]]:
        results = {name: arrays(values) for name, values in last.items()}
        if case.what == "step":
            results["parameters"] = arrays(params)
            for p, a in zip(params, flat(inputs.layers), strict=True):
                p.assign(Tensor(a)).realize()
            results["gradients"] = arrays(slope(x)[1:])
        return results

    return Step({"forward": forward, "gradients": backward, "step": step}[case.what], read, wait)


def gan(case: GAN, inputs: GANInputs, draws: Draws | None) -> Step:
    m, drops = case.batch, case.drops()
    G, D = leaves(flat(inputs.G)), leaves(flat(inputs.D))
    move_G, move_D = (SGD(params, lr=case.lr, momentum=case.momentum) for params in (G, D))
    batches = [Tensor(x.copy()).realize() for x in inputs.x]

    def given(values: list[Any] | None) -> list[Any] | None:
        return values and [None if v is None else Tensor(v).realize() for v in values]

    z_d, z_g = (Tensor(draws.z_d).realize(), Tensor(draws.z_g).realize()) if draws else (None, None)
    masks_d, masks_g = given(draws and draws.masks_d), given(draws and draws.masks_g)

    def noise(z: Tensor | None) -> Tensor:
        return (Tensor.rand(m, case.noise) - 0.5) * 12**0.5 if z is None else z

    def discriminator(x: Tensor, masks: list[Any] | None) -> Tensor:
        for i, (w, b) in enumerate(in_pairs(D)):
            p = drops[i][1]
            if masks is None:
                x = x.dropout(p)
            elif masks[i] is not None:
                x = x * masks[i] / (1 - p)
            x = x.linear(w.T, b)
            if i < len(drops) - 1:
                x = x.reshape(x.shape[0], -1, case.pieces).max(-1)
        return x

    def generator(z: Tensor) -> Tensor:
        return network(G, z).sigmoid()

    @TinyJit
    def iteration(x: Tensor) -> Any:
        samples = generator(noise(z_d)).detach()
        a = discriminator(x.cat(samples), masks_d)
        d_loss = case.scale * ((-a[:m]).softplus().mean() + a[m:].softplus().mean())
        d_loss.realize(*update(d_loss, move_D))
        g_loss = (-discriminator(generator(noise(z_g)), masks_g)).softplus().mean()
        g_loss.realize(*update(g_loss, move_G))
        return d_loss, g_loss

    last: list[Any] = []
    count = 0

    def run() -> None:
        nonlocal count
        last[:] = iteration(batches[count % len(batches)])
        count += 1

    def read() -> dict[str, list[Any]]:
        return {
            "losses": [np.array([v.item() for v in last])],
            "gradients G": arrays(move_G.b),
            "gradients D": arrays(move_D.b),
            "parameters G": arrays(G),
            "parameters D": arrays(D),
        }

    return Step(run, read, wait)
