"""Precision, recall, density and coverage: by hand, by brute force, and where the truth is known."""

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan.errors import UserError
from gan.evaluate import parzen
from gan.evaluate.coverage import expected_coverage, prdc


def rng(seed=0):
    return np.random.default_rng(seed)


def naive(samples, real, k, density_k):
    """The formulas, set by set and point by point, in exact arithmetic for integers."""

    def balls(points, k):
        others = lambda i: sorted(((points[i] - p) ** 2).sum() for j, p in enumerate(points) if j != i)
        return [(point, others(i)[k - 1]) for i, point in enumerate(points)]

    def inside(x, ball):
        return ((x - ball[0]) ** 2).sum() <= ball[1]

    precision = [any(inside(y, ball) for ball in balls(real, k)) for y in samples]
    recall = [any(inside(x, ball) for ball in balls(samples, k)) for x in real]
    counts = [sum(inside(y, ball) for y in samples) for ball in balls(real, density_k)]
    covered = [count > 0 for count in counts]
    return np.mean(precision), np.mean(recall), sum(counts) / (density_k * len(samples)), np.mean(covered)


def numbers(result):
    return result.precision, result.recall, result.density, result.coverage


def column(*values):
    return np.array(values, dtype=np.float64)[:, None]


# by hand


def test_a_line_by_hand():
    real, samples = column(0, 1, 3, 10), column(2.25, 4, 20)
    result = prdc(samples, real, k=1, density_k=1)
    # balls of the real points: -1 to 1, 0 to 2, 1 to 5, 3 to 17. 2.25 is in one, 4 in two, 20 in none
    assert result.precision == 2 / 3
    assert result.density == (1 + 2 + 0) / 3
    assert result.coverage == 2 / 4
    # balls of the samples: .5 to 4, 2.25 to 5.75, 4 to 36
    assert result.recall == 3 / 4
    assert (result.k, result.density_k, result.n_samples, result.n_real, result.dimension) == (1, 1, 3, 4, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.recall = 1.0


def test_k_counts_other_points():
    real = column(0, 1, 3, 7)
    for k, reach in ((1, 1), (2, 3), (3, 7)):  # the ball of 0
        inside, outside = column(-reach, -reach, -reach, -reach), column(*[-reach - 0.01] * 4)
        assert prdc(inside, real, k=k, density_k=1).precision == 1
        assert prdc(outside, real, k=k, density_k=1).precision == 0
        assert prdc(inside, real, k=1, density_k=k).density == pytest.approx(1 / k)
        assert prdc(outside, real, k=1, density_k=k).coverage == 0


def test_an_outlier_spoils_precision_and_not_density():
    real = np.concatenate([rng().normal(size=(200, 2)), [[100.0, 100.0]]])
    bad = rng(1).uniform(60, 90, size=(200, 2))
    result = prdc(bad, real)
    assert result.precision == 1
    assert result.density == pytest.approx(1 / 5)
    assert result.coverage == pytest.approx(1 / 201)
    assert result.recall < 0.01 + 1 / 201


# brute force


@st.composite
def problems(draw):
    """(samples, real, k, density_k): few integers, so that points and distances coincide, or anything."""
    m, n, d = draw(st.integers(3, 12)), draw(st.integers(3, 12)), draw(st.integers(1, 4))
    random = rng(draw(st.integers(0, 2**32 - 1)))
    offset = draw(st.sampled_from([0, 1, -300]))
    if draw(st.booleans()):
        sets = (random.integers(0, 4, (size, d)) + offset for size in (m, n))
        return *sets, draw(st.integers(1, min(m, n) - 1)), draw(st.integers(1, n - 1))
    sets = (random.normal(size=(size, d)) for size in (m, n))
    return *sets, draw(st.integers(1, min(m, n) - 1)), draw(st.integers(1, n - 1))


@settings(deadline=None)
@given(problems(), st.sampled_from([1, 4, 50]), st.sampled_from([1.0, 0.1, 1 / 255]))
def test_equals_the_formulas(problem, block, unit):
    samples, real, k, density_k = problem
    points = ((a * unit).astype(np.float64) for a in (samples, real))  # of a unit that floats cannot hold too
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parzen, "BUDGET", 16 * block**2 + 32 * block * samples.shape[1])
        result = prdc(*points, k=k, density_k=density_k)
    assert numbers(result) == pytest.approx(naive(samples, real, k, density_k), abs=1e-12)


def test_both_directions_are_those_of_the_other_with_the_sets_exchanged():
    a, b = rng().normal(size=(150, 3)), rng(1).normal(0.7, 0.8, size=(90, 3))
    one, other = prdc(a, b), prdc(b, a)
    assert (one.precision, one.recall) == (other.recall, other.precision)
    assert one.precision != one.recall


# where the truth is known


def test_the_same_points_score_one_even_if_all_are_there_many_times():
    points = np.repeat(rng().integers(0, 255, (20, 30)) / 255, 10, axis=0)
    result = prdc(points, points)
    assert (result.precision, result.recall, result.coverage) == (1, 1, 1)
    assert result.density == 10 / 5


def test_expected_coverage_by_hand():
    assert expected_coverage(2, 1, 1) == 1 / 2  # the nearer of one real point and one sample
    assert expected_coverage(3, 2, 2) == pytest.approx(1 - 2 / 4 * 1 / 3)
    assert expected_coverage(10_000, 10_000, 5) == pytest.approx(1 - 2**-5, abs=1e-4)


@pytest.mark.parametrize("dimension", [2, 20])
def test_one_distribution_gives_what_theory_says_in_any_dimension(dimension):
    random = rng(dimension)
    results = [prdc(random.normal(size=(600, dimension)), random.normal(size=(400, dimension))) for _ in range(10)]
    coverage, density = ([getattr(r, name) for r in results] for name in ("coverage", "density"))
    error = np.std(coverage) / math.sqrt(10) + 1e-3
    assert np.mean(coverage) == pytest.approx(expected_coverage(400, 600), abs=4 * error)
    assert np.mean(density) == pytest.approx(1, abs=4 * np.std(density) / math.sqrt(10))
    if dimension == 2:
        assert min(r.precision for r in results) > 0.93
        assert min(r.recall for r in results) > 0.93


def test_disjoint_sets_score_nothing():
    assert numbers(prdc(rng().random((100, 5)), 10 + rng(1).random((100, 5)))) == (0, 0, 0, 0)


def test_a_dropped_mode_costs_recall_and_coverage_and_not_precision():
    centres = 20 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    draw = lambda seed, modes: centres[rng(seed).integers(0, modes, 1000)] + rng(seed + 9).normal(size=(1000, 2))
    real, whole, half = draw(0, 4), draw(1, 4), draw(2, 2)
    share = (real[:, 0] < 10).mean()  # of the two modes that are left
    full, dropped = prdc(whole, real), prdc(half, real)
    assert min(numbers(full)) > 0.9
    assert dropped.precision > 0.95
    assert dropped.density > 0.9
    assert dropped.recall == pytest.approx(share, abs=0.03)
    assert dropped.coverage == pytest.approx(share, abs=0.03)


def test_bad_samples_cost_precision_and_density_and_not_recall():
    real, good = rng().normal(size=(1000, 2)), rng(1).normal(size=(1000, 2))
    spoiled = good.copy()
    spoiled[:500] += 100
    full, half = prdc(good, real), prdc(spoiled, real)
    assert half.precision == pytest.approx(full.precision / 2, abs=0.02)
    assert half.density == pytest.approx(full.density / 2, abs=0.05)
    assert half.recall > full.recall - 0.05


def test_features_are_where_distances_are_taken():
    samples, real = rng().random((50, 4), dtype=np.float32), rng(1).random((60, 4), dtype=np.float32)
    features = lambda points: points[:, :3] ** 2
    result = prdc(samples, real, features=features)
    assert result == prdc(features(samples), features(real))
    assert result != prdc(samples, real)
    assert result.dimension == 3


# errors

GOOD = rng().random((9, 3))


def test_bad_input_gets_a_sentence():
    with pytest.raises(UserError, match=r"samples and real must have .* real is \(9, 2\)"):
        prdc(GOOD, GOOD[:, :2])
    with pytest.raises(UserError, match=r"features of the samples of shape \(9, 3\) must hold finite numbers"):
        prdc(GOOD, GOOD, features=lambda points: points * np.nan)
    for wrong in ({"k": 0}, {"k": 9}, {"density_k": 0}, {"density_k": 9}):
        with pytest.raises(UserError, match=r"k and density_k must be at least 1 and below .* 9 samples and 9 real"):
            prdc(GOOD, GOOD, **wrong)
    with pytest.raises(UserError, match="3 samples and 9 real"):
        prdc(GOOD[:3], GOOD)
    assert prdc(GOOD[:3], GOOD, k=2).density_k == 5  # whose balls are the real points' alone


# size

# On Linux the peak of this process's own memory: ru_maxrss keeps what the parent held when it forked.
FULL_SIZE = """
import pathlib, resource, sys
import numpy as np
from gan.evaluate.coverage import prdc
random = np.random.default_rng(0)
samples, real = (random.random((10_000, 784), dtype=np.float32) for _ in range(2))
assert 0.9 < prdc(samples, real).density < 1.1
status = pathlib.Path("/proc/self/status")
if status.exists():
    print(next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.slow
def test_the_full_size_fits_in_half_a_gibibyte():
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", FULL_SIZE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**29
