"""Trained players at work: noise, samples, D's logits; and the two that a run has saved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import Generator, Tensor, no_grad, use_kernels
from minigrad.nn import Module

from .errors import UserError
from .networks import discriminator_network, generator_network
from .run_folder import RunFolder
from .settings import Settings, from_dict

Array = np.ndarray[Any, Any]


def draw_noise(settings: Settings, m: int, stream: Generator, device: str = "cpu") -> Any:
    """(m, noise_dim) draws of p_z, of unit variance in each coordinate: the same numbers on every device."""
    size, a = (m, settings.noise_dim), math.sqrt(3)
    if settings.noise == "uniform":
        return stream.uniform(-a, a, size, device=device)
    return stream.normal(0, 1, size, device=device)


@no_grad()
def generate(G: Module, z: Array) -> Array:
    """G(z) of z and for use on the cpu, a thousand at a time: (n, noise_dim) -> (n, dimension).

    Nobody waits for kernels for that.
    """
    with use_kernels("plain"), np.errstate(over="ignore", invalid="ignore"):  # who takes the samples checks them
        return np.concatenate([_applied(G, part) for part in np.array_split(z, 1 + len(z) // 1000)])


@no_grad()
def logits(D: Module, x: Array) -> Array:
    """D's logits at x without dropout, a thousand at a time: (n, dimension) -> (n,)."""
    was = D.training
    D.eval()
    try:
        with use_kernels("plain"), np.errstate(over="ignore", invalid="ignore"):  # who takes them checks them
            return np.concatenate([_applied(D, part)[:, 0] for part in np.array_split(x, 1 + len(x) // 1000)])
    finally:
        D.train(was)


def _applied(network: Module, part: Array) -> Array:
    """Computed where the network is, for use on the cpu."""
    where = next(network.parameters()).device
    return network(Tensor(part, device=where)).cpu().numpy()  # type: ignore[no-any-return]


class Player:
    """The trained G of a run, to draw from, and its D. Needs the checkpoint only (the last or the best), no data."""

    def __init__(self, run: RunFolder, best: bool = False) -> None:
        file = run.best_file if best else run.checkpoint_file
        if best and not file.exists():
            raise UserError(f"{run.path} holds no best checkpoint yet: none of its steps had a Parzen estimate")
        arrays, metadata = run.load_checkpoint(best)
        try:
            self.settings = from_dict(metadata["settings"])
            self.step, shape = int(metadata["step"]), metadata["image_shape"]
            self.image_shape: tuple[int, ...] | None = tuple(int(n) for n in shape) if shape else None
            self.G = generator_network(self.settings, int(metadata["dimension"]), None, Generator(0))
            self.D = discriminator_network(self.settings, int(metadata["dimension"]), Generator(0), Generator(0))
            for name, net in (("G", self.G), ("D", self.D)):
                net.load_state_dict({k[2:]: v for k, v in arrays.items() if k.startswith(f"{name}.")})
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{file} does not fit its settings: {error}; train anew") from None

    def draw(self, n: int, seed: int) -> Array:
        """``n`` samples (n, dimension) from fresh noise."""
        return generate(self.G, draw_noise(self.settings, n, Generator(seed)))
