"""The Dirac GAN: trajectories against recurrences written out, eigenvalues against gan/algorithm.py's own steps."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from gan.errors import UserError
from gan.theory import dirac
from gan.theory.dirac import UPDATES, eigenvalues, game, jacobian, radius, trajectory

OBJECTIVES = ("minimax", "non_saturating")
both = pytest.mark.parametrize("objective", OBJECTIVES)
updates = pytest.mark.parametrize("update", UPDATES)


@pytest.fixture(scope="module")
def results():
    return dirac.experiment()


def test_every_claim_holds(results):
    assert [c["says"] for c in results["claims"] if not c["holds"]] == []
    assert len(results["claims"]) == 16 + 6 + 4 + 8 + 2


def by_hand(update, objective, steps, rate, momentum=0.0, penalty=0.0, spread=0.0, start=(1.0, 0.0)):
    """Mescheder et al.'s equations, with the expectation over x = +-spread, z = +-spread."""
    theta, psi = start
    v_theta = v_psi = 0.0
    x = np.array([-spread, spread])
    path = [(theta, psi)]
    for _ in range(steps):
        fake, seen = theta + x, psi
        slope = (-x * expit(-psi * x)).mean() + (fake * expit(psi * fake)).mean()  # of -V by psi
        v_psi = momentum * v_psi + slope + penalty * psi
        psi = psi - rate * v_psi
        if update == "alternating":
            seen = psi
        pull = seen * (expit(seen * fake) if objective == "minimax" else expit(-seen * fake)).mean()
        v_theta = momentum * v_theta - pull
        theta = theta - rate * v_theta
        path.append((theta, psi))
    return np.array(path)


SETTINGS = [
    {"rate": 0.1},
    {"rate": 0.5, "start": (0.3, -0.8)},
    {"rate": 0.2, "momentum": 0.6},
    {"rate": 0.2, "penalty": 0.7},
    {"rate": 0.2, "spread": 1.3, "momentum": 0.3, "penalty": 0.1},
]


@updates
@both
@pytest.mark.parametrize("settings", SETTINGS)
def test_trajectories_are_those_of_the_equations(update, objective, settings):
    found = trajectory(update, objective, 40, **settings)
    np.testing.assert_allclose(found, by_hand(update, objective, 40, **settings), atol=1e-11)


@updates
@both
@pytest.mark.parametrize("at", [(0.0, 0.0), (0.7, -0.4)])
def test_the_jacobian_is_that_of_the_algorithms_own_step(update, objective, at):
    """Central differences of gan/algorithm.py's functions, also away from the equilibrium."""
    linear = {"rate": 0.3, "momentum": 0.4, "penalty": 0.2, "spread": 0.6}

    def step(state):
        played = game(objective, start=tuple(state[:2]), **linear)
        for optimizer, v in ((played.optimizer_G, state[2]), (played.optimizer_D, state[3])):
            optimizer.state[0] = {"momentum_buffer": np.array([v])}
        UPDATES[update](played)
        buffers = [o.state[0]["momentum_buffer"].item() for o in (played.optimizer_G, played.optimizer_D)]
        return np.array([played.G.theta.item(), played.D.psi.item(), *buffers])

    centre, h = np.array([*at, 0.0, 0.0]), 1e-5
    columns = [(step(centre + e) - step(centre - e)) / (2 * h) for e in h * np.eye(4)]
    np.testing.assert_allclose(jacobian(update, objective, at=at, **linear), np.transpose(columns), atol=1e-8)


def sizes(z):
    return np.sort(np.abs(z))


@updates
@both
@given(st.floats(0.01, 2), st.sampled_from([0.0, 0.3, 0.9]), st.sampled_from([0.0, 0.4]), st.sampled_from([0.0, 0.8]))
def test_eigenvalues_are_those_of_the_formula(update, objective, rate, momentum, penalty, spread):
    found = np.linalg.eigvals(jacobian(update, objective, rate, momentum, penalty, spread))
    expected = eigenvalues(update, rate, momentum, penalty + spread**2 / 2)
    np.testing.assert_allclose(sizes(found), sizes(expected), atol=1e-6)


@given(st.floats(0.01, 3.9))
def test_eigenvalues_without_momentum_and_damping(rate):
    simultaneous, alternating = (np.sort_complex(eigenvalues(update, rate)) for update in UPDATES)
    np.testing.assert_allclose(simultaneous, [0, 0, 1 - 0.5j * rate, 1 + 0.5j * rate], atol=1e-12)
    np.testing.assert_allclose(sizes(alternating), [0, 0, 1, 1], atol=1e-12)
    assert alternating.sum().real == pytest.approx(2 - rate**2 / 4)


def test_alternating_leaves_the_unit_circle_at_rate_4():
    assert sizes(eigenvalues("alternating", 4.1)).max() > 1.3


def test_eigenvalues_with_an_R1_penalty_are_those_of_the_paper():
    """1 + h (-g / 2 +- sqrt(g^2 / 4 - 1 / 4)), Mescheder et al. for f'(0) = 1/2."""
    for g in (0.3, 3.0):
        expected = 1 + 0.1 * (-g / 2 + np.array([-1, 1]) * np.sqrt(complex(g * g / 4 - 0.25)))
        np.testing.assert_allclose(sizes(eigenvalues("simultaneous", 0.1, damping=g))[2:], sizes(expected), atol=1e-12)


@updates
@both
@pytest.mark.parametrize("scheme", ["plain", "momentum", "R1 penalty", "instance noise"])
def test_near_the_equilibrium_a_trajectory_grows_as_its_largest_eigenvalue(update, objective, scheme):
    linear = {name: setting for name, setting in dirac.SCHEMES[scheme].items() if name != "steps"}
    r = radius(trajectory(update, objective, 200, rate=0.2, start=(1e-8, 0.0), **linear))
    expected = abs(np.linalg.eigvals(jacobian(update, objective, rate=0.2, **linear))).max()
    assert (r[-1] / r[0]) ** (1 / 200) == pytest.approx(expected, abs=3e-3)


def test_the_three_fates():
    """Outwards, onto a circle of radius sqrt(2 h), slowly inwards: other rates than the experiment's."""
    out = radius(trajectory("simultaneous", "minimax", 300, rate=0.3))
    assert np.diff(out).min() >= 0
    assert out[-1] > 2
    for start in (0.3, 1.5):
        cycle = radius(trajectory("simultaneous", "non_saturating", 600, rate=0.3, start=(start, 0.0)))[-42:]
        assert cycle.mean() == pytest.approx(math.sqrt(0.6), rel=0.02)
    inwards = radius(trajectory("alternating", "non_saturating", 600, rate=0.3, start=(0.5, 0.0)))
    assert inwards[-1] ** -2 - 4 == pytest.approx(600 * 0.3 / 8, rel=0.1)  # more as h goes to 0


def test_the_updates_swapped_are_noticed(monkeypatch):
    swapped = dict(zip(UPDATES, reversed(UPDATES.values()), strict=True))
    monkeypatch.setattr(dirac, "UPDATES", swapped)
    monkeypatch.setattr(dirac, "SCHEMES", {"plain": {"steps": 500}})
    monkeypatch.setattr(dirac, "LARGE_STEPS", 10)
    wrong = " ".join(c["says"] for c in dirac.experiment()["claims"] if not c["holds"])
    for says in ("grows by 1 + (h D(theta))^2", "minimax: radius at the end", "radius of the last turn", "t / 8"):
        assert says in wrong


@pytest.mark.parametrize(
    ("update", "objective", "words"),
    [
        ("both", "minimax", "update is 'both'; choose simultaneous or alternating"),
        ("alternating", "hinge", "objective is 'hinge'; choose minimax or non_saturating"),
    ],
)
def test_what_does_not_exist_gets_a_sentence(update, objective, words):
    for f in (jacobian, lambda *args: trajectory(*args, 1)):
        with pytest.raises(UserError, match=words):
            f(update, objective)


def test_results_are_json_and_the_picture_is_drawn_from_it(results):
    loaded = json.loads(json.dumps(results, allow_nan=False))
    assert loaded == results
    figure = dirac.draw(loaded)
    figure.canvas.draw()
    left, middle, right = figure.axes
    assert len(left.lines) == len(middle.lines) == 4
    ends = sorted(line.get_ydata()[-1] for line in right.lines)
    np.testing.assert_allclose(ends[2:4], [math.sqrt(0.4), 1], atol=0.05)
    assert ends[0] < 1e-3
    assert ends[1] < 0.25
    assert ends[4] > 2
