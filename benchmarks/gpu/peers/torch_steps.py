"""PyTorch's training step, which its three peers share: eager, compiled, captured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ...cases import Array
from ...peers.torch_eager import Discriminator, arrays, take
from ..cases import Inputs, TrainingStep
from . import DeviceStep

LIBRARIES = ("torch",)


def setup(device: str) -> None:
    if device == "cpu":
        torch.set_num_threads(1)


def as_it_is(function: Any) -> Any:
    return function


class Training:
    """The players, their optimisers and the data, all on the device.

    torch.optim.SGD has ``u = mu u + g; p -= lr u``. With mu = momentum * decay and lr divided by decay after each
    step, ``-lr u`` is pylearn2's v: the fused optimiser serves. Every method works in place on memory that stays.
    """

    def __init__(self, case: TrainingStep, inputs: Inputs, device: str, static: bool) -> None:
        self.case, self.static, self.m = case, static, case.batch
        torch.set_float32_matmul_precision("high" if case.precision == "tf32" else "highest")
        self.start, self.device = (inputs.G, inputs.D), device
        self.G, self.D = generator(case).to(device), Discriminator(case).to(device)
        self.data, self.order = (torch.tensor(a, device=device) for a in (inputs.data, inputs.order))
        # a captured graph reads what changes from the device; eager code is quicker with Python's numbers
        self.lr: Any = torch.tensor(case.lr, device=device) if static else case.lr
        self.place: Any = torch.zeros((), dtype=torch.int64, device=device) if static else 0
        self.rows = torch.arange(self.m, device=device)
        # one pass of D over data and samples, each half weighed by itself: faster than two passes
        self.y = torch.cat([torch.ones(self.m, 1), torch.zeros(self.m, 1)]).to(device)
        self.ones = torch.ones(self.m, 1, device=device)
        self.draws = [self.on_device(draws) for draws in inputs.draws]
        self.losses: Any = None
        self.moves = [
            torch.optim.SGD(net.parameters(), lr=self.lr, momentum=case.momentum * case.decay, fused=True)
            for net in (self.G, self.D)
        ]
        self.restore()

    def on_device(self, draws: Any) -> dict[str, Any]:
        def put(value: Any) -> Any:
            if isinstance(value, list):
                return [put(v) for v in value]
            return None if value is None else torch.tensor(value, device=self.device)

        return {name: put(value) for name, value in vars(draws).items()}

    def restore(self) -> None:
        """As before the first step, in the same memory."""
        for net, layers, move in zip((self.G, self.D), self.start, self.moves, strict=True):
            take(net, layers)
            for state in move.state.values():
                if state.get("momentum_buffer") is not None:
                    state["momentum_buffer"].zero_()
        if self.static:
            self.lr.fill_(self.case.lr)
            self.place.zero_()

    def noise(self) -> torch.Tensor:
        return (torch.rand(self.m, self.case.noise, device=self.device) - 0.5) * 12**0.5

    def minibatch(self) -> torch.Tensor:
        end = self.case.examples // self.m * self.m
        if self.static:
            x = self.data[self.order[self.place + self.rows]]
            self.place.add_(self.m).remainder_(end)
            return x
        x = self.data[self.order[self.place : self.place + self.m]]
        self.place = (self.place + self.m) % end
        return x

    def moved(self, player: int) -> None:
        self.moves[player].step()
        if self.case.max_norm:
            with torch.no_grad():
                for w in (self.G, self.D)[player].parameters():
                    if w.ndim == 2:
                        norms = torch.linalg.vector_norm(w, dim=1, keepdim=True)
                        w.mul_(norms.clamp(max=self.case.max_norm) / (1e-7 + norms))

    def schedules(self) -> None:
        if self.static:
            self.lr.div_(self.case.decay)
            return
        for move in self.moves:
            move.param_groups[0]["lr"] /= self.case.decay

    def loss_D(self, x: torch.Tensor, z: torch.Tensor, masks: Any) -> torch.Tensor:
        with torch.no_grad():
            fake = self.G(z)
        return self.of_D(self.D(torch.cat([x, fake]), masks))

    def of_D(self, logits: torch.Tensor) -> torch.Tensor:
        total = F.binary_cross_entropy_with_logits(logits, self.y, reduction="sum")
        return total * (self.case.scale / self.m)

    def of_G(self, logits: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(logits, self.ones)

    def loss_G(self, z: torch.Tensor, masks: Any) -> torch.Tensor:
        return self.of_G(self.D(self.G(z), masks))

    def alternating(self, t: int, loss_D: Any, loss_G: Any) -> None:
        """D's update, then G's, in which D is frozen: nothing computes D's gradients there."""
        given = self.draws[t] if self.draws else {}
        move_G, move_D = self.moves
        x = self.minibatch()
        move_D.zero_grad(set_to_none=True)
        d_loss = loss_D(x, given["z_d"] if given else self.noise(), given.get("masks_d"))
        d_loss.backward()
        self.moved(1)
        self.D.requires_grad_(False)
        move_G.zero_grad(set_to_none=True)
        g_loss = loss_G(given["z_g"] if given else self.noise(), given.get("masks_g"))
        g_loss.backward()
        self.moved(0)
        self.D.requires_grad_(True)
        self.losses = d_loss.detach(), g_loss.detach()
        self.schedules()

    def simultaneous(self, t: int) -> None:
        """One pass for both players; each gradient is asked for alone, so that no other is computed with it."""
        given = self.draws[t] if self.draws else {}
        x = self.minibatch()
        fake = self.G(given["z_d"] if given else self.noise())
        logits = self.D(torch.cat([x, fake]), given.get("masks_d"))
        both = self.of_D(logits), self.of_G(logits[self.m :])
        nets = self.D, self.G
        slopes = [
            torch.autograd.grad(loss, list(net.parameters()), retain_graph=net is self.D)
            for loss, net in zip(both, nets, strict=True)
        ]
        for net, grads in zip(nets, slopes, strict=True):
            for p, g in zip(net.parameters(), grads, strict=True):
                p.grad = g
        self.moved(0)
        self.moved(1)
        self.losses = both[0].detach(), both[1].detach()
        self.schedules()

    def velocity(self, player: int) -> list[Array]:
        """pylearn2's, of the last step, whose learning rate is no longer the next one's."""
        lr = float(self.lr if self.static else self.moves[player].param_groups[0]["lr"]) * self.case.decay
        return [-lr * arrays([s["momentum_buffer"].cpu()])[0] for s in self.moves[player].state.values()]

    def read(self) -> dict[str, list[Any]]:
        return {
            "losses": [np.array([float(v) for v in self.losses])],
            "velocity D": self.velocity(1),
            "velocity G": self.velocity(0),
            "parameters D": arrays([p.cpu() for p in self.D.parameters()]),
            "parameters G": arrays([p.cpu() for p in self.G.parameters()]),
        }


def generator(case: TrainingStep) -> nn.Sequential:
    parts: list[nn.Module] = []
    for n, m in zip(case.widths_G[:-1], case.widths_G[1:], strict=True):
        parts += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*parts[:-1], nn.Sigmoid())


def timed(training: Training, run: Callable[[], Any]) -> DeviceStep:
    """With CUDA events on a GPU."""
    if training.device == "cpu":
        return DeviceStep(run, training.read)

    def mark() -> Any:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    return DeviceStep(run, training.read, torch.cuda.synchronize, mark, lambda a, b: a.elapsed_time(b) * 1e-3)


def each(training: Training, one: Callable[[int], Any]) -> Callable[[], Any]:
    """The steps of a call, one after the other."""

    def run() -> None:
        for t in range(training.case.steps):
            one(t)

    return run
