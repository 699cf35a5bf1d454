"""A Generator repeats, splits and is saved exactly, and its numbers are distributed as promised."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad import Generator, manual_seed, random

METHODS = {
    "uniform": lambda g: g.uniform(-1, 3, 5),
    "uniform float64": lambda g: g.uniform(-1, 3, (2, 3), np.float64),
    "normal": lambda g: g.normal(1, 2, 5),
    "normal float64": lambda g: g.normal(1, 2, 3, "float64"),
    "bernoulli": lambda g: g.bernoulli(0.3, 7),
    "permutation": lambda g: g.permutation(9),
    "integers": lambda g: g.integers(-5, 100, 3),
    "split": lambda g: np.stack([child.uniform(0, 1, 3) for child in g.split(2)]),
}
methods = st.sampled_from(sorted(METHODS))
seeds = st.integers(0, 2**128)


def draws(generator, names=tuple(METHODS)):
    """Bytes, so that equal means equal."""
    return [METHODS[name](generator).tobytes() for name in names]


# ----------------------------------------------------------------------------------------- same and different


def test_the_first_numbers_of_seed_2014():
    """Golden: these change only together with every published result."""
    g = Generator(2014)
    np.testing.assert_array_equal(g.uniform(0, 1, 4), np.float32([0.715659, 0.4927091, 0.9271032, 0.83845186]))
    np.testing.assert_allclose(g.uniform(-1, 2, 3, float), [0.72741977, 1.95981754, 0.73664927], rtol=1e-8)
    np.testing.assert_allclose(g.normal(0, 1, 4), [0.87065464, -1.223711, -1.287776, 0.23882344], rtol=1e-6)
    np.testing.assert_allclose(g.normal(1, 2, 3, float), [-1.80902623, 2.9638783, -2.08347378], rtol=1e-8)
    assert g.bernoulli(0.5, 12).tolist() == [True, True, *[False] * 4, True, False, True, *[False] * 3]
    assert g.bernoulli(0.8, 6).tolist() == [False, *[True] * 5]
    assert g.permutation(10).tolist() == [3, 1, 8, 5, 7, 6, 2, 9, 4, 0]
    assert g.integers(0, 100, 8).tolist() == [75, 51, 9, 90, 72, 60, 29, 69]
    first, second = (child.uniform(0, 1, 2, float) for child in g.split(2))
    np.testing.assert_allclose(first, [0.998199605524826, 0.9506366655783471], rtol=1e-15)
    np.testing.assert_allclose(second, [0.11241009474835428, 0.5446309796402359], rtol=1e-15)
    assert g.state_dict()["key"] == [16453639914185289310, 16046336184420797382]
    assert g.state_dict()["counter"] == [7, 0, 0, 0]


@given(seeds, st.lists(methods, max_size=6))
def test_same_seed_same_numbers(seed, names):
    g = Generator(seed)
    first = draws(g, names)
    assert draws(Generator(seed), names) == first
    assert draws(g.manual_seed(seed), names) == first


@given(seeds, seeds)
def test_other_seed_other_numbers(a, b):
    same = np.array_equal(Generator(a).uniform(0, 1, 4, float), Generator(b).uniform(0, 1, 4, float))
    assert same == (a == b)


def test_numpy_integers_are_seeds_too():
    assert draws(Generator(np.int64(3))) == draws(Generator(np.uint8(3))) == draws(Generator(3))
    json.dumps(Generator(np.int64(3)).state_dict())


def test_the_default_generator_starts_from_seed_0_or_from_what_is_said():
    manual_seed(0)
    assert draws(random.default_generator) == draws(Generator(0))
    assert manual_seed(5) is random.default_generator
    assert minigrad.manual_seed is manual_seed
    assert draws(random.default_generator) == draws(Generator(5))


# --------------------------------------------------------------------------------------------------- split


def unit(generator):
    return generator.uniform(0, 1, 4000, np.float64)


@given(seeds)
def test_split_generators_share_nothing_with_each_other_or_their_parent(seed):
    parent = Generator(seed)
    family = [*parent.split(3), *parent.split(2), parent]
    family += family[0].split(2)
    streams = [unit(g) for g in family]
    assert len(np.unique(np.concatenate(streams))) == 8 * 4000
    correlation = np.corrcoef(streams) - np.eye(8)
    assert np.abs(correlation).max() < 7 / math.sqrt(4000)


@given(seeds, st.lists(methods, max_size=3))
def test_split_repeats_and_neither_moves_nor_depends_on_the_stream(seed, names):
    plain, splitting = Generator(seed), Generator(seed)
    children = splitting.split(2)
    without = [name for name in names if name != "split"]
    assert draws(splitting, without) == draws(plain, without)
    assert [draws(g) for g in plain.split(2)] == [draws(g) for g in children]
    assert draws(plain.split(1)[0]) == draws(splitting.split(1)[0])


def test_split_counts():
    g = Generator(1)
    assert len(g.split()) == 2
    assert g.split(0) == []
    assert len(g.split(np.int64(3))) == 3
    assert [draws(c) for c in Generator(1).split(5)] == [draws(c) for c in [*Generator(1).split(2), *children_2_to_4()]]


def children_2_to_4():
    g = Generator(1)
    g.split(2)
    return g.split(3)


# --------------------------------------------------------------------------------------------------- state


@given(seeds, st.lists(methods, max_size=8), st.booleans())
def test_a_saved_state_goes_on_exactly_through_json(seed, names, from_a_child):
    g = Generator(seed).split(2)[1] if from_a_child else Generator(seed)
    draws(g, names)
    text = json.dumps(g.state_dict())
    assert json.dumps(g.state_dict()) == text  # looking changes nothing
    restored = Generator(1)
    draws(restored, ["bernoulli", "split"])  # leaves half a word in its buffer
    restored.load_state_dict(json.loads(text))
    assert json.dumps(restored.state_dict()) == text
    expected = draws(g)
    assert draws(restored) == expected
    assert json.dumps(restored.state_dict()) == json.dumps(g.state_dict())
    restored.load_state_dict(json.loads(text))
    assert draws(restored) == expected


WRONG = {
    "entropy": (None, -1, 1.5, "3", True, [1], 12345),
    "spawn_key": (None, 3, [-1], [1.0], [True], ["0"], [2**32], [7], (1,)),
    "n_children_spawned": (None, -1, 2**32, 1.0, True, []),
    "counter": (None, 0, [], [0] * 3, [0] * 5, [0, 0, 0, -1], [0, 0, 0, 2**64], [0, 0, 0, 0.5], [[0], 0, 0, 0]),
    "key": ([], [0] * 2, [0] * 4, [1.0, 2.0], "ab"),
    "buffer": ([], [0] * 3, [0] * 5, [0, 0, 0, -1], [None] * 4, [math.nan] * 4),
    "buffer_pos": (None, -1, 0, 5, 2**40, 2.0, "1", True),
    "has_uint32": (None, -1, 2, 1.0, True),
    "uinteger": (None, -1, 2**32, 1.0, math.nan),
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in WRONG.items() for v in values], ids=str)
def test_a_damaged_state_is_refused_and_changes_nothing(field, value):
    g = Generator(4)
    g.split()
    before = g.state_dict()
    assert before.keys() == WRONG.keys()
    state = {**Generator(5).state_dict(), field: value}
    with pytest.raises(ValueError, match=r"this is not the state of a Generator: its (\w+) (cannot be right|does not)"):
        g.load_state_dict(state)
    del state[field]
    for other in (state, {**before, "more": 1}, {}, None, [], "state", 3):
        with pytest.raises(ValueError, match="not the state of a Generator, which has the fields entropy, spawn_key"):
            g.load_state_dict(other)
    assert g.state_dict() == before


numbers = st.one_of(st.integers(-1, 5), st.integers(-(2**70), 2**70), st.floats(), st.none(), st.text(max_size=2))


@given(seeds, st.sampled_from(sorted(WRONG)), st.one_of(numbers, st.lists(numbers, max_size=5)))
def test_any_state_is_taken_whole_or_refused(seed, field, value):
    g = Generator(4)
    before = g.state_dict()
    state = {**Generator(seed).state_dict(), field: value}
    try:
        g.load_state_dict(state)
    except ValueError:
        assert g.state_dict() == before
    else:
        assert g.state_dict() == state
        draws(g)


# -------------------------------------------------------------------------------------------- distributions

N = 4000
SAFE = 3.5 / math.sqrt(N)  # Kolmogorov, Smirnov, Hoeffding: exceeded with probability 2 e^(-2 * 3.5^2) = 5e-11


def distance_from(cdf, x):
    """The largest difference between the distribution of x and that of which it should be a sample."""
    steps = np.arange(len(x) + 1) / len(x)
    p = cdf(np.sort(x.astype(float)))
    return max((p - steps[:-1]).max(), (steps[1:] - p).max())


@given(seeds, st.sampled_from(["float32", "float64"]), st.floats(-100, 100), st.floats(0.01, 100))
def test_uniform(seed, dtype, low, width):
    x = Generator(seed).uniform(low, low + width, N, dtype)
    assert x.dtype == dtype
    ends = np.asarray([low, low + width], dtype)
    assert ends[0] <= x.min()
    assert x.max() <= ends[1] + 2 * np.spacing(np.abs(ends).max())  # rounding
    assert distance_from(lambda x: np.clip((x - low) / width, 0, 1), x) < SAFE + 1e-3


@given(seeds, st.sampled_from(["float32", "float64"]), st.floats(-100, 100), st.floats(0.01, 100))
def test_normal(seed, dtype, mean, std):
    x = Generator(seed).normal(mean, std, N, dtype)
    assert x.dtype == dtype
    cdf = np.vectorize(lambda x: 0.5 * math.erfc((mean - x) / std / math.sqrt(2)))
    assert distance_from(cdf, x) < SAFE + 1e-3


@given(seeds, st.floats(0, 1))
def test_bernoulli(seed, p):
    x = Generator(seed).bernoulli(p, N)
    assert x.dtype == bool
    assert abs(x.mean() - p) < SAFE
    assert not Generator(seed).bernoulli(0, N).any()
    assert Generator(seed).bernoulli(1, N).all()


@given(seeds, st.integers(-(2**40), 2**40), st.integers(1, 2**50))
def test_integers(seed, low, count):
    x = Generator(seed).integers(low, low + count, N)
    assert x.dtype == np.int64
    assert low <= x.min() <= x.max() < low + count
    assert distance_from(lambda x: (x - low + 1) / count, x) < SAFE + 1 / count


@given(seeds, st.integers(0, 200))
def test_permutation(seed, n):
    x = Generator(seed).permutation(n)
    assert x.dtype == np.int64
    assert sorted(x.tolist()) == list(range(n))


def test_every_place_gets_every_number_of_a_permutation_equally_often():
    g = Generator(8)
    counts = np.zeros((5, 5))
    for _ in range(N):
        counts[np.arange(5), g.permutation(5)] += 1
    assert np.abs(counts - N / 5).max() < 5 * math.sqrt(N * 0.2 * 0.8)


@pytest.mark.parametrize("size", [(), 0, 3, (2, 3), (0, 2), (1, 1, 4)], ids=str)
def test_sizes_and_dtypes(size):
    g = Generator(9)
    shape = np.empty(size).shape
    drawn = {
        "float32": [g.uniform(0, 1, size), g.normal(0, 1, size)],
        "float64": [g.uniform(0, 1, size, float), g.normal(0, 1, size, "float64")],
        "bool": [g.bernoulli(0.5, size)],
        "int64": [g.integers(0, 5, size)],
    }
    for dtype, arrays in drawn.items():
        assert [(a.shape, a.dtype.name) for a in arrays] == [(shape, dtype)] * len(arrays)


# -------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True, [1], np.float32(1), 2j], ids=repr)
def test_a_bad_seed_gets_a_sentence(seed):
    g = Generator(1)
    before = g.state_dict()
    for start in (Generator, g.manual_seed):
        with pytest.raises(ValueError, match=r"a seed is an integer >= 0, got "):
            start(seed)
    assert g.state_dict() == before


@pytest.mark.parametrize("n", [-1, 1.5, "2", True, None], ids=repr)
def test_a_bad_number_of_parts_gets_a_sentence(n):
    with pytest.raises(ValueError, match="split makes an integer number of generators, got "):
        Generator(1).split(n)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_a_bad_probability_gets_a_sentence(p):
    with pytest.raises(ValueError, match=f"a probability between 0 and 1, got p={p}"):
        Generator(1).bernoulli(p, 3)
