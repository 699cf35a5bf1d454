"""How good a trained generator is: the paper's Gaussian Parzen window."""

from .parzen import POINT_SIGMAS, SIGMAS, Parzen, evaluate, log_likelihood, select_sigma

__all__ = ["POINT_SIGMAS", "SIGMAS", "Parzen", "evaluate", "log_likelihood", "select_sigma"]
