"""How good a trained generator is: the paper's Gaussian Parzen window."""

from .parzen import SIGMAS, Parzen, evaluate, log_likelihood, select_sigma

__all__ = ["SIGMAS", "Parzen", "evaluate", "log_likelihood", "select_sigma"]
