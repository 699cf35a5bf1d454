"""Ratios of times that were measured in the same rounds, with bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True)
class Ratio:
    """The median, and where it lies with 95% confidence."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


def ratio(ours: list[float], theirs: list[float], seed: int = 0) -> Ratio:
    """Median over rounds of ours / theirs, and the percentile bootstrap of that median."""
    ratios = np.array(ours) / np.array(theirs)
    rounds = np.random.default_rng(seed).integers(0, len(ratios), (RESAMPLES, len(ratios)))
    medians = np.median(ratios[rounds], axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return Ratio(float(np.median(ratios)), float(low), float(high))


def median(times: list[float]) -> float:
    return float(np.median(times))
