"""PyTorch eager, as its tutorials write it, with the fused optimisers (which are faster on a CPU than the default)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..cases import GAN, HVP, MLP, Array, Chain, Draws, GANInputs, HVPInputs, Layers, MLPInputs, Optimiser, flat
from ..reference import CHAIN_X, OPTIMISER_STEPS
from . import Step

LIBRARY = "torch"

Compile = Callable[[Any], Any]


def setup(threads: int) -> None:
    torch.set_num_threads(threads)


def as_it_is(function: Any) -> Any:
    """Eager."""
    return function


def tensors(values: list[Array]) -> list[torch.Tensor]:
    """Copies, in PyTorch's memory."""
    return [torch.tensor(v) for v in values]


def arrays(values: Any) -> list[Array]:
    return [v.detach().numpy().copy() for v in values]


def chain(case: Chain) -> Step:
    last: list[torch.Tensor] = []

    def run() -> None:
        x = torch.tensor(CHAIN_X, dtype=torch.float64, requires_grad=True)
        y = x
        if case.op == "mul":
            for _ in range(case.length):
                y = y * x
        else:
            for _ in range(case.length):
                y = y + x
        y.backward()
        last[:] = [x]

    return Step(run, lambda: {"gradient": [last[0].grad.numpy()]})


def take(net: nn.Module, layers: Layers) -> None:
    """Set all parameters."""
    with torch.no_grad():
        for p, a in zip(net.parameters(), flat(layers), strict=True):
            p.copy_(torch.from_numpy(a))


def mlp(case: MLP, inputs: MLPInputs, compiled: Compile = as_it_is) -> Step:
    parts: list[nn.Module] = []
    for _ in range(case.layers):
        parts += [nn.Linear(case.width, case.width), nn.ReLU()]
    net = nn.Sequential(*parts[:-1])
    take(net, inputs.layers)
    x, y = tensors([inputs.x, inputs.y])
    params = list(net.parameters())
    optimizer = torch.optim.SGD(params, lr=case.lr, fused=True)
    output = compiled(lambda: net(x))
    criterion = compiled(lambda: F.mse_loss(net(x), y))
    last: dict[str, Any] = {}

    def forward() -> None:
        with torch.no_grad():
            last["output"] = [output()]

    def backward() -> None:
        loss = criterion()
        last["gradients"] = torch.autograd.grad(loss, params)
        last["loss"] = [loss]

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion()
        loss.backward()
        optimizer.step()
        last["loss"] = [loss]

    def read() -> dict[str, list[Any]]:
        results = {name: arrays(values) for name, values in last.items()}
        if case.what == "step":
            results |= {"gradients": arrays(p.grad for p in params), "parameters": arrays(params)}
        return results

    return Step({"forward": forward, "gradients": backward, "step": step}[case.what], read)


class Maxout(nn.Module):
    """The largest of ``pieces`` neighbouring affine maps."""

    def __init__(self, n: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear, self.pieces = nn.Linear(n, units * pieces), pieces

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x).unflatten(-1, (-1, self.pieces)).amax(-1)


class Discriminator(nn.Module):
    """Dropout, then a layer, in turn; the masks may be given."""

    def __init__(self, case: GAN) -> None:
        super().__init__()
        self.drops = [p for _, p in case.drops()]
        widths = case.widths_D
        hidden = [Maxout(n, m, case.pieces) for n, m in pairwise(widths)]
        self.layers = nn.ModuleList([*hidden, nn.Linear(widths[-1], 1)])

    def forward(self, x: torch.Tensor, masks: list[Any] | None) -> torch.Tensor:
        for i, (p, layer) in enumerate(zip(self.drops, self.layers, strict=True)):
            if masks is None:
                x = F.dropout(x, p)
            elif masks[i] is not None:
                x = x * masks[i] / (1 - p)
            x = layer(x)
        return x


def gan(case: GAN, inputs: GANInputs, draws: Draws | None, compiled: Compile = as_it_is, frozen: bool = False) -> Step:
    parts: list[nn.Module] = []
    for n, m in zip(case.widths_G[:-1], case.widths_G[1:], strict=True):
        parts += [nn.Linear(n, m), nn.ReLU()]
    G, D = nn.Sequential(*parts[:-1], nn.Sigmoid()), Discriminator(case)
    take(G, inputs.G)
    take(D, inputs.D)
    move_G, move_D = (
        torch.optim.SGD(net.parameters(), lr=case.lr, momentum=case.momentum, fused=True) for net in (G, D)
    )
    batches = cycle(tensors(list(inputs.x)))
    m = case.batch
    # one pass of D over data and samples, each half weighed by itself: faster than two passes
    y = torch.cat([torch.ones(m, 1), torch.zeros(m, 1)])
    ones = torch.ones(m, 1)
    factor = case.scale / m

    def given(values: list[Any] | None) -> list[Any] | None:
        return values and [None if v is None else torch.tensor(v) for v in values]

    z_d, z_g = (torch.tensor(draws.z_d), torch.tensor(draws.z_g)) if draws else (None, None)
    masks_d, masks_g = given(draws and draws.masks_d), given(draws and draws.masks_g)

    def noise() -> torch.Tensor:
        return (torch.rand(m, case.noise) - 0.5) * 12**0.5

    def loss_D(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            fake = G(noise() if z_d is None else z_d)
        logits = D(torch.cat([x, fake]), masks_d)
        return F.binary_cross_entropy_with_logits(logits, y, reduction="sum") * factor

    def loss_G() -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(D(G(noise() if z_g is None else z_g), masks_g), ones)

    loss_D, loss_G = compiled(loss_D), compiled(loss_G)
    last: dict[str, Any] = {}

    def run() -> None:
        move_D.zero_grad(set_to_none=True)
        d_loss = loss_D(next(batches))
        d_loss.backward()
        if draws:
            last["gradients D"] = arrays(p.grad for p in D.parameters())
        move_D.step()
        if frozen:
            D.requires_grad_(False)
        move_G.zero_grad(set_to_none=True)
        g_loss = loss_G()
        g_loss.backward()
        move_G.step()
        if frozen:
            D.requires_grad_(True)
        last["losses"] = [d_loss.detach(), g_loss.detach()]

    def read() -> dict[str, list[Any]]:
        return {
            "losses": [np.array([float(v) for v in last["losses"]])],
            "gradients D": last["gradients D"],
            "gradients G": arrays(p.grad for p in G.parameters()),
            "parameters D": arrays(D.parameters()),
            "parameters G": arrays(G.parameters()),
        }

    return Step(run, read)


def optimiser(case: Optimiser, inputs: tuple[list[Array], list[Array]]) -> Step:
    params = [nn.Parameter(p) for p in tensors(inputs[0])]
    for p, g in zip(params, tensors(inputs[1]), strict=True):
        p.grad = g
    if case.rule == "adam":
        made: Any = torch.optim.Adam(params, lr=case.lr, fused=True)
    else:
        momentum = case.momentum if case.rule == "momentum" else 0.0
        made = torch.optim.SGD(params, lr=case.lr, momentum=momentum, fused=True)

    def read() -> dict[str, list[Any]]:
        for _ in range(OPTIMISER_STEPS - 1):
            made.step()
        return {"parameters": arrays(params)}

    return Step(made.step, read)


def hvp(case: HVP, inputs: HVPInputs) -> Step:
    parts: list[nn.Module] = []
    for w, _ in inputs.layers:
        parts += [nn.Linear(w.shape[1], w.shape[0]), nn.Tanh()]
    net = nn.Sequential(*parts[:-1])
    take(net, inputs.layers)
    params, v = list(net.parameters()), tensors(flat(inputs.v))
    x, y = tensors([inputs.x, inputs.y])
    last: list[torch.Tensor] = []

    def run() -> None:
        slopes = torch.autograd.grad(F.mse_loss(net(x), y), params, create_graph=True)
        last[:] = torch.autograd.grad(slopes, params, grad_outputs=v)

    return Step(run, lambda: {"hvp": arrays(last)})
