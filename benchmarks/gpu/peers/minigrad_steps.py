"""minigrad's training step on a device, which its three peers share: plain ops, fused kernels, one captured graph.

The players draw noise and masks from streams of their own, on the device; in a check these are the very numbers that
the other peers are given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad
from gan.algorithm import Game
from gan.data.minibatches import Minibatches
from gan.networks import MaxNorm
from gan.objectives import non_saturating_loss
from minigrad import Generator, optim
from minigrad.device import cupy, put

from ...cases import Array, flat
from ...peers.minigrad_fused import discriminator, generator, take
from ..cases import Inputs, TrainingStep, streams
from . import DeviceStep

LIBRARIES = ("cupy",)


def setup(device: str) -> None:
    """In a rehearsal the stand-in is CuPy, and its cuBLAS cuBLAS."""
    if device == "cpu":
        from tests.cuda import standin
        from tests.cuda.standin import cublas

        standin.install()
        cublas.install()


class Rounds(Minibatches):
    """On the device, in the same order in every epoch, which is written anew for each, as in training."""

    def __init__(self, data: Array, order: Array, batch_size: int) -> None:
        self.given = put(order.astype(np.int64), "cuda")
        super().__init__(data, batch_size, Generator(0), "cuda")

    def _shuffle(self) -> None:
        self._start = self.generator.state_dict()
        self.order, self.position = self.given.copy(), 0


class Training:
    """The players and how they move, on the device."""

    def __init__(self, case: TrainingStep, inputs: Inputs, use_kernels: str) -> None:
        minigrad.use_kernels(use_kernels)
        minigrad.set_float32_matmul_precision("high" if case.precision == "tf32" else "highest")
        self.case = case
        self.z, self.masks = streams()
        self.G, self.D = generator(case), discriminator(case, self.masks)
        take(self.G, flat(inputs.G))
        take(self.D, flat(inputs.D))
        self.G.to("cuda")
        self.D.to("cuda")
        self.moves = [
            optim.Pylearn2Momentum(net.parameters(), lr=case.lr, momentum=case.momentum) for net in (self.G, self.D)
        ]
        moving: list[Any] = list(self.moves)
        if case.max_norm:
            moving = [MaxNorm(o, net, case.max_norm) for o, net in zip(moving, (self.G, self.D), strict=True)]
        self.data = Rounds(inputs.data, inputs.order, case.batch)
        self.game = Game(self.G, self.D, *moving, self.data, self.noise, non_saturating_loss, case.scale)
        self.decay = optim.ExponentialDecay(case.lr, case.decay)
        self.losses: Callable[[], tuple[Any, Any]] = lambda: (np.nan, np.nan)

    def noise(self) -> Array:
        case = self.case
        return self.z.uniform(-(3**0.5), 3**0.5, (case.batch, case.noise), device="cuda")

    def read(self) -> dict[str, list[Any]]:
        velocity = lambda o: [put(o.state[i]["velocity"], "cpu") for i in range(len(o.parameters()))]
        parameters = lambda net: [put(p.data, "cpu").copy() for p in net.parameters()]
        return {
            "losses": [np.array([float(v) for v in self.losses()])],
            "velocity D": velocity(self.moves[1]),
            "velocity G": velocity(self.moves[0]),
            "parameters D": parameters(self.D),
            "parameters G": parameters(self.G),
        }


def timed(training: Training, run: Callable[[], Any]) -> DeviceStep:
    """With CUDA events, on the stream that is current where the step is called."""
    cuda = cupy().cuda

    def mark() -> Any:
        event = cuda.Event()
        event.record()
        return event

    return DeviceStep(
        run,
        training.read,
        lambda: cuda.Device().synchronize(),
        mark,
        lambda a, b: cuda.get_elapsed_time(a, b) * 1e-3,
    )
