"""What a run measures along the way on validation examples, with noise and without dropout: the same at every step.

    d_loss, jsd, jsd_error    the gauge: -V / 2, its lower bound of JSD(p_data || p_g), and their standard error; nats
    parzen, sigma             mean log-likelihood of the validation examples under the Parzen window, and its width
    distance                  mean squared distance of a validation example to its nearest sample

Nothing here moves a random stream of the training or sees a test example.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import Generator
from minigrad.nn import Module

from .data import Dataset
from .evaluate import POINT_SIGMAS, SELECTION, SIGMAS, select_sigma
from .evaluate.gauge import Gauge, gauge
from .sampling import draw_noise, generate, logits
from .settings import Settings

Array = np.ndarray[Any, Any]

SAMPLES = 10_000  # of the Parzen window, as in the paper; the gauge takes the first SELECTION


class Validation:
    """The first 1000 validation examples, and noise of its own for 10,000 samples."""

    def __init__(self, settings: Settings, dataset: Dataset, stream: Generator) -> None:
        self.x = dataset.valid[:SELECTION]
        self.sigmas = SIGMAS if dataset.image_shape else POINT_SIGMAS
        self.settings, self.start = settings, stream.state_dict()

    def _noise(self, n: int) -> Any:
        """The first n draws, the same ones every time."""
        stream = Generator()
        stream.load_state_dict(self.start)
        return draw_noise(self.settings, n, stream)

    def read(self, G: Module, D: Module) -> Gauge:
        """The JSD gauge of D at the examples and at 1000 samples."""
        return gauge(logits(D, self.x), logits(D, generate(G, self._noise(SELECTION))))

    def gauge(self, G: Module, D: Module) -> dict[str, float]:
        """The same as numbers for a line."""
        g = self.read(G, D)
        return {"d_loss": g.d_loss, "jsd": g.jsd, "jsd_error": g.standard_error}

    def parzen(self, G: Module) -> dict[str, float]:
        """The Parzen estimate of G, as in the paper but of the validation examples that choose the width."""
        chosen = select_sigma(self.x, generate(G, self._noise(SAMPLES)), self.sigmas)
        return {"parzen": chosen.validation, "sigma": chosen.sigma, "distance": chosen.distance}
