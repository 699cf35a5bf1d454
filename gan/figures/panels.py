"""The panels of figure 1: a run of Algorithm 1 on the line, and four moments found in it by criteria.

The paper draws a schema of a pair near convergence whose p_g is displaced. Here such a pair is trained: from random
weights on data N(SHIFT, 1); when p_g is there, the data moves to N(0, 1), and Algorithm 1 just goes on.

A panel is a state after the move that meets a criterion, made of Conditions, which the files quote:

    (a) in the inner loop of the next iteration, the first update of D after which D is partly right; p_g is displaced
    (b) the inner loop goes on, with a large k, until D is near D*
    (c) updates of G against that D, until p_g has moved visibly to where D is larger
    (d) the state of the run with p_g nearest to p_data, among those with D near 1/2 from which on p_g stays there

(a) to (c) are states of a copy: the run goes on with its own k. Its inner loop is the copy's, as long as it lasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad import no_grad, use_kernels

from .. import settings as presets
from ..algorithm import descend
from ..data import Dataset, load
from ..errors import UserError
from ..objectives import discriminator_loss
from ..settings import Settings
from ..training import Training, blas_threads
from .line import SETTINGS, Gaussian, Snapshot, Values, players, snapshot

SHIFT, MOVE = 1.5, 200
"""The data is N(SHIFT, 1) up to iteration MOVE, and N(0, 1), the data set `gaussian`, from there on."""
X: Values = np.linspace(-4.5, SHIFT + 4.5, 526)
"""Where curves are computed, and the grid of the quadratures."""
X.setflags(write=False)


@dataclass(frozen=True)
class Condition:
    """``measure <= limit`` or ``measure >= limit`` for a number of a Snapshot. Its str is what the figure quotes."""

    measure: str
    sign: str
    limit: float

    def met(self, s: Snapshot) -> bool:
        """Whether it holds."""
        return self.excess(s) <= 0

    def excess(self, s: Snapshot) -> float:
        """By how much the number is on the wrong side."""
        difference: float = getattr(s, self.measure) - self.limit
        return difference if self.sign == "<=" else -difference

    def __str__(self) -> str:
        return f"{self.measure} {self.sign} {self.limit:.3g}"


Conditions = tuple[Condition, ...]

# Lengths in standard deviations of the data, divergences in nats: the JSD is at most ln 2 = .69.
A = (
    Condition("offset", ">=", 0.5),
    Condition("spread", ">=", 0.8),
    Condition("spread", "<=", 1.25),
    Condition("d_error", ">=", 0.05),
    Condition("d_right", ">=", 0.75),
)
B = (Condition("d_error", "<=", 0.035),)
CLOSER = 0.7  # (c) has at most so much of the offset of (b)
EQUAL, FLAT = Condition("jsd", "<=", 0.04), Condition("d_flat", "<=", 0.1)  # (d)
LOOKS = {"a": range(1, 31), "b": range(10, 1001, 10), "c": range(1, 51)}
"""After how many more updates (a), (b) and (c) are looked for."""


@dataclass(frozen=True)
class Panel:
    """A panel of the figure: a state, and the criterion by which it was found."""

    snapshot: Snapshot
    criterion: str


@dataclass(frozen=True)
class Run:
    """A run of Algorithm 1: its settings, snapshots in order, and the panels "a" to "d"."""

    settings: Settings
    snapshots: list[Snapshot]
    panels: dict[str, Panel]


def run(seed: int = 0, **overrides: Any) -> Run:
    """Train, and find the panels: 5 to 10 seconds.

    ``overrides`` are settings (gan/settings.py) to replace the preset's or those of `line.SETTINGS`. Snapshots are
    taken at every iteration of the first 20 and of the first 20 after the move, and then one in 10 % more, and twice
    at iteration MOVE, beside the old and the new data. UserError for settings that do not fit, and if the criterion of
    a panel is met nowhere: it says which, and the nearest value.
    """
    s = presets.make("gaussian", "paper", **{**SETTINGS, "seed": seed, **overrides})
    if (s.noise_dim, s.noise, s.update) != (1, "uniform", "alternating") or s.steps <= MOVE:
        raise UserError(
            f"figure 1 needs one dimension of uniform noise, alternating updates and more than {MOVE} steps; noise_dim "
            f"is {s.noise_dim}, noise {s.noise}, update {s.update}, steps {s.steps}"
        )
    here, there = Gaussian(0.0, 1.0), Gaussian(SHIFT, 1.0)
    points = load("gaussian", seed=seed)
    train, valid, test = (part + np.float32(SHIFT) for part in (points.train, points.valid, points.test))
    shifted = Dataset("gaussian", train, valid, test, image_shape=None)
    training, copy = players(s, shifted), players(s, points)
    snapshots = [snapshot(training, there, X)]

    def look(data: Gaussian) -> None:
        training.require_finite()
        snapshots.append(snapshot(training, data, X))

    with blas_threads(training):
        for start, end, data in ((0, MOVE, there), (MOVE, s.steps, here)):
            if start:
                training.minibatches.data = points.train
                copy.restore(*training.state())
                look(data)
            for step in range(start + 1, end + 1):
                training.iterate()
                if step - snapshots[-1].step >= max(1, (step - start) // 10) or step == end:
                    look(data)
        panels = _on_a_copy(copy, here)
    return Run(s, snapshots, panels | {"d": _end([s for s in snapshots if s.step > MOVE])})


def _meet(panel: str, snapshots: list[Snapshot], conditions: Conditions) -> list[Snapshot]:
    """Those that meet all conditions."""
    for condition in conditions:
        met = [s for s in snapshots if condition.met(s)]
        if not met:
            nearest = min(snapshots, key=condition.excess)
            raise UserError(
                f"figure 1 ({panel}) needs {_and(conditions)}, and none of its states has {condition}: the nearest has "
                f"{condition.measure} = {getattr(nearest, condition.measure):.3g}, at iteration {nearest.step}; "
                "try another seed, or more steps"
            )
        snapshots = met
    return snapshots


def _and(conditions: Conditions) -> str:
    return " and ".join(map(str, conditions))


def _on_a_copy(copy: Training, data: Gaussian) -> dict[str, Panel]:
    """Panels (a) to (c): an iteration of Algorithm 1 with a large k, and perhaps more updates of G."""
    game, done = copy.game, {"D": 0, "G": 0}

    def update(player: str) -> None:
        if player == "D":
            z = game.noise()
            x = next(game.data)
            with no_grad():
                fake = game.G(z)
            descend(discriminator_loss(game.D(x), game.D(fake), game.discriminator_scale), game.optimizer_D)
        else:
            descend(game.generator_loss(game.D(game.G(game.noise()))), game.optimizer_G)
        done[player] += 1

    def until(panel: str, conditions: Conditions, player: str) -> Snapshot:
        seen: list[Snapshot] = []
        for _ in LOOKS[panel]:
            for _ in range(LOOKS[panel].step):
                update(player)
            seen.append(snapshot(copy, data, X, done["D"], done["G"]))
            if all(condition.met(seen[-1]) for condition in conditions):
                return seen[-1]
        return _meet(panel, seen, conditions)[0]  # raises: none met them all

    with use_kernels(copy.settings.kernels):
        a = until("a", A, "D")
        b = until("b", B, "D")
        closer = (Condition("offset", "<=", CLOSER * b.offset), Condition("d_fake", ">=", b.d_fake))
        c = until("c", closer, "G")
    return {
        "a": Panel(a, f"G of iteration {MOVE}, and the first update of D after the move with {_and(A)}"),
        "b": Panel(b, f"(a) after the fewest more updates of D, in tens, with {_and(B)}"),
        "c": Panel(c, f"(b) after the fewest updates of G with {_and(closer)}, {CLOSER:g} of (b)'s and just (b)'s"),
    }


def _end(snapshots: list[Snapshot]) -> Panel:
    """Panel (d). A run that only oscillates does not stay at p_data, and has none."""
    _meet("d", snapshots[-1:], (EQUAL,))
    away = max((i for i, s in enumerate(snapshots) if not EQUAL.met(s)), default=-1)
    d = min(_meet("d", snapshots[away + 1 :], (FLAT,)), key=lambda s: s.jsd)
    return Panel(d, f"{EQUAL} from here to the end of the run, and {FLAT}; of these, the smallest jsd")
