"""All settings of a run in one block, and the two presets: ``paper`` and ``authors``.

They differ because the paper prints Algorithm 1 and its released code does something else (see gan/algorithm.py):

    paper    Algorithm 1 as printed: k updates of D on the whole V, then one of G, each with noise and masks of its own
    authors  the released configuration: one simultaneous update from shared noise and masks, and 1/2 V for D

The paper names no other settings; in both presets they are those of the released MNIST configuration, with the loss
for G that the paper's text recommends (Algorithm 1 prints the other one: ``objective="minimax"``). For other data
sets than MNIST both presets change what ``ADAPTED`` lists: for faces and CIFAR-10 to the released configurations.

The released one for faces has two stages: 50 epochs, then 22 of a G that has two new layers below the trained ones:

    gan train --preset authors --data drawn_faces --epochs 50 --out stage1
    gan train --preset authors --data drawn_faces --epochs 22 --generator-layers 8000,100,8000,8000 --pretrained stage1
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from .errors import UserError

WIDEST = 100_000  # units of a layer: beyond it lie slips of the keyboard, and no memory
MOST = 10**9  # samples at once, likewise


def _setting(default: Any, help: str, choices: tuple[str, ...] = (), low: float = 0, high: float = float("inf")) -> Any:
    """A field with what the command line shows, and what it may hold: of ``choices``, or low <= value <= high."""
    return field(default=default, metadata={"help": help, "choices": choices, "low": low, "high": high})


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run. The defaults are the released MNIST configuration."""

    data: str = _setting(
        "mnist", "data set", ("digits", "mnist", "ring", "grid", "gaussian", "faces", "drawn_faces", "cifar10")
    )
    preset: str = _setting("authors", "Algorithm 1 as printed, or the released code", ("paper", "authors"))
    seed: int = _setting(0, "seed of every random number")
    steps: int = _setting(25_000, "iterations: updates of G", low=1, high=10**12)

    update: str = _setting("simultaneous", "order of the updates", ("alternating", "simultaneous"))
    k: int = _setting(1, "updates of D for each of G (alternating)", low=1, high=1000)
    objective: str = _setting("non_saturating", "what G descends", ("minimax", "non_saturating"))
    discriminator_scale: float = _setting(0.5, "factor of V in D's loss", low=1e-9)
    batch_size: int = _setting(100, "examples in a minibatch", low=1)

    noise: str = _setting("uniform", "p_z, of unit variance: uniform on +-sqrt 3, or gaussian", ("uniform", "gaussian"))
    noise_dim: int = _setting(100, "dimension of z", low=1, high=WIDEST)
    generator_layers: tuple[int, ...] = _setting((1200, 1200), "widths of G's hidden layers", low=1, high=WIDEST)
    generator_activations: tuple[str, ...] = _setting(
        ("relu",), "activations of G's hidden layers, relu or sigmoid, repeated to fit", ("relu", "sigmoid")
    )
    generator_sigmoid_bias: float = _setting(0.0, "biases of hidden sigmoid layers start here", low=-100, high=100)
    generator_output: str = _setting("sigmoid", "G's last layer", ("sigmoid", "linear"))
    generator_init: float = _setting(0.05, "G's weights start uniform on +- this", high=100)
    generator_output_init: float = _setting(0.0, "G's last layer's weights on +- this; 0: as the others", high=100)
    generator_output_sparse: int = _setting(
        0, "nonzero weights, from N(0, 1), of each unit of G's last layer; 0: all uniform", high=WIDEST
    )
    generator_bias: str = _setting(
        "marginals", "G's output bias: logit of the mean of the data, or 0", ("marginals", "zero")
    )
    pretrained: str = _setting("", "run whose G is put on top of this G's first layers when training starts")
    discriminator_layers: tuple[int, ...] = _setting((240, 240), "numbers of D's maxout units", low=1, high=WIDEST)
    pieces: int = _setting(5, "affine pieces of a maxout unit", low=1, high=1000)
    discriminator_init: float = _setting(0.005, "D's weights start uniform on +- this", high=100)
    dropout_input: float = _setting(0.2, "probability of dropping an input of D", high=0.99)
    dropout_hidden: float = _setting(0.5, "probability of dropping a hidden unit of D", high=0.99)

    max_norm: float = _setting(0.0, "a unit's incoming weights keep their norm up to this, in both players; 0: any")
    optimizer: str = _setting("pylearn2_momentum", "rule for both players", ("pylearn2_momentum", "sgd", "adam"))
    learning_rate: float = _setting(0.1, "learning rate at the start", low=1e-12)
    learning_rate_decay: float = _setting(1.000004, "its divisor at every iteration", low=1)
    learning_rate_min: float = _setting(1e-6, "its lowest value")
    momentum_start: float = _setting(0.5, "momentum in the first epoch", high=0.999)
    momentum_end: float = _setting(0.7, "momentum when the ramp has ended", high=0.999)
    momentum_epochs: int = _setting(250, "epoch in which the ramp ends", low=2)

    device: str = _setting("cpu", "where the players are: the processor, or a GPU", ("cpu", "cuda"))
    kernels: str = _setting("fused", "compiled code for whole networks, or op by op", ("fused", "plain"))

    log_every: int = _setting(100, "iterations between lines of metrics.jsonl", low=1)
    validate_every: int = _setting(500, "iterations between lines of validation.jsonl", low=1)
    parzen_every: int = _setting(2500, "iterations between Parzen estimates in them", low=1)
    sample_every: int = _setting(500, "iterations between pictures", low=1)
    checkpoint_every: int = _setting(500, "iterations between checkpoints", low=1)

    def __post_init__(self) -> None:
        for f in fields(self):
            _check(f.name, getattr(self, f.name), f.metadata, f.type)
        if self.update == "simultaneous" and self.k != 1:
            raise UserError(
                f"k is {self.k}, but a simultaneous update moves D once; set update to alternating, or k to 1"
            )
        if self.generator_bias == "marginals" and self.generator_output == "linear":
            raise UserError("generator_bias marginals is a logit: it needs generator_output sigmoid, not linear")
        if len(self.generator_activations) > len(self.generator_layers):
            raise UserError(
                f"generator_activations are {len(self.generator_activations)}, but generator_layers are"
                f" {len(self.generator_layers)}; give each layer one activation at most"
            )
        if self.generator_output_sparse and self.generator_output_init:
            raise UserError(
                f"generator_output_init {self.generator_output_init:g} and generator_output_sparse"
                f" {self.generator_output_sparse} both start the same weights; set one of them to 0"
            )
        if self.generator_output_sparse > self.generator_layers[-1]:
            raise UserError(
                f"generator_output_sparse is {self.generator_output_sparse}, but G's last layer has"
                f" {self.generator_layers[-1]} inputs; it must be at most that"
            )

    def as_dict(self) -> dict[str, Any]:
        """Field by field, as JSON has it."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


PAPER = {"update": "alternating", "discriminator_scale": 1.0}
PRESETS: dict[str, dict[str, Any]] = {"paper": PAPER, "authors": {}}

# Smaller data, smaller players; their first weights are larger, since fewer of them add up. Points have no pixels to
# drop, and Adam's steps of one size suit modes much narrower than the gaps between them.
_POINTS = {
    "generator_output": "linear",
    "generator_bias": "zero",
    "dropout_input": 0.0,
    "dropout_hidden": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.001,
}
_PLANE = {
    **_POINTS,
    "steps": 10_000,
    "parzen_every": 10_000,  # the density is known here
    "noise_dim": 2,
    "generator_layers": (128, 128),
    "generator_init": 0.1,
    "discriminator_layers": (64, 64),
    "discriminator_init": 0.1,
}
# tfd_pretrain/pretrain.yaml, whose data the Toronto Face Dataset is, and cifar10_fully_connected.yaml.
_FACES = {
    "steps": 10_000,  # 50 epochs of the drawn faces
    "noise": "gaussian",
    "generator_layers": (8000, 8000),
    "generator_activations": ("relu", "sigmoid"),
    "generator_sigmoid_bias": -2.0,
    "generator_output_sparse": 100,
    "discriminator_layers": (1200, 1200),
    "max_norm": 1.9365,
    "learning_rate": 0.05,
}
_CIFAR10 = {
    "noise": "gaussian",
    "generator_layers": (8000, 8000),
    "generator_activations": ("relu", "sigmoid"),
    "generator_output": "linear",
    "generator_output_init": 0.5,
    "generator_bias": "zero",
    "discriminator_layers": (1600, 1600),
    "learning_rate": 0.025,
}
ADAPTED: dict[str, dict[str, Any]] = {
    "mnist": {},
    "digits": {
        "steps": 15_000,
        "noise_dim": 20,
        "generator_layers": (128, 128),
        "discriminator_layers": (64, 64),
        "discriminator_init": 0.05,
    },
    "ring": _PLANE,
    "grid": _PLANE,
    "gaussian": {
        **_POINTS,
        "steps": 5_000,
        "noise_dim": 1,
        "generator_layers": (32, 32),
        "generator_init": 0.3,
        "discriminator_layers": (32, 32),
        "discriminator_init": 0.3,
    },
    "faces": _FACES,
    "drawn_faces": _FACES,
    "cifar10": _CIFAR10,
}


YOUNGER = {  # settings that runs of version 0.1.0, and of its first successors, did not write down
    *("validate_every", "parzen_every", "max_norm", "pretrained", "generator_activations", "generator_sigmoid_bias"),
    *("generator_output_init", "generator_output_sparse", "device"),
}


def make(data: str, preset: str, **overrides: Any) -> Settings:
    """The preset for a data set, with single settings overridden. UserError for what does not exist."""
    names = [f.name for f in fields(Settings)]
    for name, value, known in (("data set", data, ADAPTED), ("preset", preset, PRESETS)):
        if value not in known:
            raise UserError(f"there is no {name} {value!r}; choose {_one_of(known)}")
    for name in overrides:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            raise UserError(f"there is no setting {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
    return Settings(**{"data": data, "preset": preset, **PRESETS[preset], **ADAPTED[data], **overrides})


def with_length(settings: Settings, steps: int | None, epochs: int | None, examples: int) -> Settings:
    """As many iterations as asked for, directly or in passes over this number of training examples."""
    if epochs is not None:
        if epochs < 1:
            raise UserError(f"epochs is {epochs}; it must be at least 1")
        per_epoch = max(examples // settings.batch_size, 1)
        steps = -(-epochs * per_epoch // (settings.k if settings.update == "alternating" else 1))
    return settings if steps is None else replace(settings, steps=steps)


def from_dict(saved: Mapping[str, Any]) -> Settings:
    """The inverse of ``as_dict``. UserError where a setting is missing, unknown or wrong.

    Those in YOUNGER may be missing: the run is older than they are, and went as their defaults have it.
    """
    names = {f.name for f in fields(Settings)}
    wrong = sorted((saved.keys() ^ names) - (YOUNGER - saved.keys()))
    if wrong:
        raise UserError(f"these are not the settings of this version: {', '.join(wrong)} missing or unknown")
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in saved.items()}
    return Settings(**values)


def require_own(own: Mapping[str, Any], asked: Mapping[str, Any], run: Any) -> None:
    """UserError if what is asked of a run is not what its settings say; None asks for nothing."""
    for name, value in asked.items():
        if value is not None and (list(value) if isinstance(value, tuple) else value) != own.get(name):
            raise UserError(
                f"{name} is {own.get(name)!r} in the run {run}, not {value!r}; leave it out, or start a new run"
            )


def _check(name: str, value: Any, allowed: Mapping[str, Any], kind: Any) -> None:
    several, text, choices = "tuple" in str(kind), "str" in str(kind), allowed["choices"]
    noun = "name" if text else "number"
    if isinstance(value, tuple) != several:
        raise UserError(f"{name} is {value!r}; it must be {f'{noun}s' if several else f'one {noun}'}")
    if value == ():
        raise UserError(f"{name} is empty; give at least one {noun}")
    for part in value if several else (value,):
        if choices:
            if part not in choices:
                raise UserError(f"{name} is {value!r}; choose {_one_of(choices)}")
        elif not text:
            _check_number(name, value, part, "int" in str(kind), allowed)
        elif not isinstance(part, str):
            raise UserError(f"{name} is {value!r}; it must be one name")


def _check_number(name: str, value: Any, number: Any, whole: bool, allowed: Mapping[str, Any]) -> None:
    if isinstance(number, bool) or not isinstance(number, int if whole else (int, float)):
        raise UserError(f"{name} is {value!r}; it must be {'a whole number' if whole else 'a number'}")
    if not allowed["low"] <= number <= allowed["high"] or number == float("inf"):
        limits = f"at least {allowed['low']:g}" + (
            f" and at most {allowed['high']:g}" if allowed["high"] < float("inf") else ""
        )
        raise UserError(f"{name} is {value!r}; it must be {limits}")


def _one_of(names: Any) -> str:
    *most, last = list(names)
    return f"{', '.join(most)} or {last}" if most else str(last)
