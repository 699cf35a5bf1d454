"""How good a trained generator is: the paper's Gaussian Parzen window, and the divergence that D's loss measures."""

from .gauge import Gauge, gauge, reading
from .parzen import POINT_SIGMAS, SELECTION, SIGMAS, Parzen, Selection, evaluate, log_likelihood, select_sigma

__all__ = [
    "POINT_SIGMAS",
    "SELECTION",
    "SIGMAS",
    "Gauge",
    "Parzen",
    "Selection",
    "evaluate",
    "gauge",
    "log_likelihood",
    "reading",
    "select_sigma",
]
