"""How good a trained generator is: the paper's Gaussian Parzen window, and what was found out since."""

from .parzen import POINT_SIGMAS, SELECTION, SIGMAS, Parzen, Selection, evaluate, log_likelihood, select_sigma

__all__ = [
    "POINT_SIGMAS",
    "SELECTION",
    "SIGMAS",
    "Parzen",
    "Selection",
    "evaluate",
    "log_likelihood",
    "select_sigma",
]
