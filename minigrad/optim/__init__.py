"""Optimisers, in order of increasing complexity, and what changes their settings over time.

optimizer (what all share) -> sgd -> averaging -> adaptive -> adam; schedules (any setting, by any function of time),
lr_scheduler (the learning rate, PyTorch's names), swa_utils (averages of parameters). Names and numbers are PyTorch's.
"""

from . import lr_scheduler, swa_utils
from .adam import Adam, Adamax, AdamW, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop
from .averaging import ASGD, Rprop
from .optimizer import Move, Optimizer
from .schedules import ExponentialDecay, LinearRamp, Schedule, Scheduler
from .sgd import SGD, Pylearn2Momentum

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ExponentialDecay",
    "LinearRamp",
    "Move",
    "NAdam",
    "Optimizer",
    "Pylearn2Momentum",
    "RAdam",
    "RMSprop",
    "Rprop",
    "Schedule",
    "Scheduler",
    "lr_scheduler",
    "swa_utils",
]
