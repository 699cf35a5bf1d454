"""minigrad, as its users write it, with its fused kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, pairwise
from typing import Any

import numpy as np

import minigrad
from gan.algorithm import Game, alternating
from gan.objectives import non_saturating_loss
from minigrad import Generator, Tensor, gradients, nn, no_grad, optim, use_kernels
from minigrad.nn import functional as F

from ..cases import GAN, HVP, MLP, Array, Chain, Draws, GANInputs, HVPInputs, MLPInputs, Optimiser, flat
from ..reference import CHAIN_X, OPTIMISER_STEPS
from . import Step

LIBRARY = "minigrad"


def setup(threads: int) -> None:
    minigrad.use_kernels("fused")
    minigrad.set_num_threads(threads)


def chain(case: Chain) -> Step:
    last: list[Tensor] = []

    def run() -> None:
        x = Tensor(CHAIN_X, requires_grad=True)
        y = x
        if case.op == "mul":
            for _ in range(case.length):
                y = y * x
        else:
            for _ in range(case.length):
                y = y + x
        y.backward()
        last[:] = [x]

    return Step(run, lambda: {"gradient": [last[0].grad.data]})


def mlp(case: MLP, inputs: MLPInputs) -> Step:
    parts: list[nn.Module] = []
    for _ in range(case.layers):
        parts += [nn.Linear(case.width, case.width), nn.ReLU()]
    net = nn.Sequential(*parts[:-1])
    take(net, flat(inputs.layers))
    x, y = Tensor(inputs.x), Tensor(inputs.y)
    optimizer = optim.SGD(net.parameters(), lr=case.lr)
    last: dict[str, list[Any]] = {}

    def forward() -> None:
        with no_grad():
            last["output"] = [net(x).data]

    def backward() -> None:
        loss = F.mse_loss(net(x), y)
        last["gradients"] = [
            g.data for g in gradients(loss, optimizer.parameters())
        ]  # all of them computed, not put off
        last["loss"] = [loss.data]

    def step() -> None:
        loss = F.mse_loss(net(x), y)
        optimizer.minimize(loss)
        last["loss"] = [loss.data]

    def read() -> dict[str, list[Any]]:
        results = dict(last)
        if case.what == "step":  # the step keeps no gradients: once more from the first parameters
            results["parameters"] = arrays(net)
            take(net, flat(inputs.layers))
            results["gradients"] = [g.data for g in gradients(F.mse_loss(net(x), y), optimizer.parameters())]
        return results

    return Step({"forward": forward, "gradients": backward, "step": step}[case.what], read)


class Given:
    """In place of a Generator: masks that are given."""

    def __init__(self, masks: Iterator[Array]) -> None:
        self.masks = masks

    def bernoulli(self, p: float, size: Any, device: Any = None) -> Array:
        mask = next(self.masks)
        assert mask.shape == tuple(size), (mask.shape, size)
        return mask


def gan(case: GAN, inputs: GANInputs, draws: Draws | None) -> Step:
    bound, size, z = 3**0.5, (case.batch, case.noise), Generator(1)
    noise: Callable[[], Array] = lambda: z.uniform(-bound, bound, size)
    masks: Any = Generator(2)
    if draws is not None:
        noise, masks = iter([draws.z_d, draws.z_g]).__next__, Given(in_order(case, draws))
    G, D = generator(case), discriminator(case, masks)
    take(G, flat(inputs.G))
    take(D, flat(inputs.D))
    moves = [optim.Pylearn2Momentum(net.parameters(), lr=case.lr, momentum=case.momentum) for net in (G, D)]
    game = Game(G, D, *moves, cycle(list(inputs.x)), noise, non_saturating_loss, case.scale)
    last: list[Any] = []

    def run() -> None:
        last[:] = [alternating(game)]

    def read() -> dict[str, list[Any]]:
        """The gradients are those of a velocity that was 0."""
        velocities = [[o.state[i]["velocity"] for i in range(len(o.parameters()))] for o in moves]
        return {
            "losses": [np.array([last[0].d_loss.item(), last[0].g_loss.item()])],
            "gradients G": [v / -case.lr for v in velocities[0]],
            "gradients D": [v / -case.lr for v in velocities[1]],
            "parameters G": arrays(G),
            "parameters D": arrays(D),
        }

    return Step(run, read)


def generator(case: GAN) -> nn.Sequential:
    widths, parts = case.widths_G, []
    for n, m in pairwise(widths):
        parts += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*parts[:-1], nn.Sigmoid())


def discriminator(case: GAN, masks: Generator) -> nn.Sequential:
    parts: list[nn.Module] = []
    for i, (n, p) in enumerate(case.drops()):
        parts.append(nn.Dropout(p, generator=masks))
        last = i == len(case.discriminator)
        parts.append(nn.Linear(n, 1) if last else nn.Maxout(n, case.discriminator[i], case.pieces))
    return nn.Sequential(*parts)


def in_order(case: GAN, draws: Draws) -> Iterator[Array]:
    """D sees data, then samples, then G's samples: the masks, in the order in which it asks for them."""
    m = case.batch
    of_D = [mask for mask in draws.masks_d if mask is not None]
    of_G = [mask for mask in draws.masks_g if mask is not None]
    for mask in [k[:m] for k in of_D] + [k[m:] for k in of_D] + of_G:
        yield mask.astype(bool)


def take(net: nn.Module, values: list[Array]) -> None:
    """Set all parameters."""
    names = [name for name, _ in net.named_parameters()]
    net.load_state_dict(dict(zip(names, values, strict=True)))


def arrays(net: nn.Module) -> list[Array]:
    return [p.data.copy() for p in net.parameters()]


def optimiser(case: Optimiser, inputs: tuple[list[Array], list[Array]]) -> Step:
    params = [nn.Parameter(p) for p in inputs[0]]
    grads = [Tensor(g) for g in inputs[1]]
    made: optim.Optimizer
    match case.rule:
        case "sgd":
            made = optim.SGD(params, lr=case.lr)
        case "momentum":
            made = optim.Pylearn2Momentum(params, lr=case.lr, momentum=case.momentum)
        case "adam":
            made = optim.Adam(params, lr=case.lr)

    def read() -> dict[str, list[Any]]:
        for _ in range(OPTIMISER_STEPS - 1):
            made.step(grads)
        return {"parameters": [p.data for p in params]}

    return Step(lambda: made.step(grads), read)


def hvp(case: HVP, inputs: HVPInputs) -> Step:
    parts: list[nn.Module] = []
    for w, _ in inputs.layers:
        parts += [nn.Linear(w.shape[1], w.shape[0]), nn.Tanh()]
    net = nn.Sequential(*parts[:-1])
    take(net, flat(inputs.layers))
    params, v = list(net.parameters()), [Tensor(a) for a in flat(inputs.v)]
    x, y = Tensor(inputs.x), Tensor(inputs.y)
    last: list[Any] = []

    def run() -> None:
        with use_kernels("auto"):  # which sees that gradients of gradients are wanted
            hessian_times_v()

    def hessian_times_v() -> None:
        slopes = gradients(F.mse_loss(net(x), y), params, create_graph=True)
        last[:] = gradients(list(slopes), params, grad_outputs=v)

    return Step(run, lambda: {"hvp": [h.data for h in last]})
