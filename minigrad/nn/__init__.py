"""Neural networks: Module and Parameter, layers, their formulas (functional), starts (init), clipping (utils)."""

from . import functional, init, utils
from .layers import (
    BCEWithLogitsLoss,
    Dropout,
    LeakyReLU,
    Linear,
    Maxout,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
)
from .module import Module, Parameter, Sequential

__all__ = [
    "BCEWithLogitsLoss",
    "Dropout",
    "LeakyReLU",
    "Linear",
    "Maxout",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "functional",
    "init",
    "utils",
]
