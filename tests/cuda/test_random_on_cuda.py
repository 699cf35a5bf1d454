"""One random stream, two devices: the same seed gives the same numbers and coins, and leaves the same state."""

import itertools
import random

import numpy as np
import pytest

import minigrad
from minigrad import Generator, Tensor, nn, use_kernels


@pytest.fixture(autouse=True)
def cupy(cupy_module):
    return cupy_module


def same(here, there, cupy):
    assert isinstance(there, cupy.ndarray)
    assert here.shape == there.shape
    assert here.dtype == there.dtype
    np.testing.assert_array_equal(there.get(), here)


DRAWS = {
    "uniform": lambda g, n, place: g.uniform(-1.7, 2.3, n, device=place),
    "uniform64": lambda g, n, place: g.uniform(0, 1, n, np.float64, place),
    "normal": lambda g, n, place: g.normal(1, 2, n, device=place),
    "fair": lambda g, n, place: g.bernoulli(0.5, n, place),
    "coins": lambda g, n, place: g.bernoulli(0.8, n, place),
    "sure": lambda g, n, place: g.bernoulli(1.0, n, place),
    "never": lambda g, n, place: g.bernoulli(0.0, n, place),
    "permutation": lambda g, n, place: g.permutation(n, place),
    "integers": lambda g, n, place: g.integers(0, 10, n, place),
}


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 1201])
def test_the_same_numbers_and_the_same_state(kind, n, cupy):
    here, there = Generator(7), Generator(7)
    for _ in range(3):
        same(np.asarray(DRAWS[kind](here, n, "cpu")), DRAWS[kind](there, n, "cuda"), cupy)
        assert here.state_dict() == there.state_dict()


@pytest.mark.parametrize("seed", range(20))
def test_draws_of_all_kinds_on_either_device_follow_one_another(seed, cupy):
    here, there, chance = Generator(seed), Generator(seed), random.Random(seed)
    for _ in range(12):
        kind, n, on_cuda = chance.choice(sorted(DRAWS)), chance.randrange(70), chance.random() < 0.5
        expected = np.asarray(DRAWS[kind](here, n, "cpu"))
        got = DRAWS[kind](there, n, "cuda" if on_cuda else "cpu")
        np.testing.assert_array_equal(got.get() if on_cuda else got, expected)
        assert here.state_dict() == there.state_dict(), (kind, n, on_cuda)


def test_skip_is_drawing():
    for first, words, halves in itertools.product(range(6), range(6), range(6)):
        here, there = Generator(3), Generator(3)
        for g in (here, there):
            g.uniform(0, 1, first)
        here.bernoulli(0.3, 4 * words)
        here.uniform(0, 1, halves)
        there.skip(words, halves)
        assert here.state_dict() == there.state_dict(), (first, words, halves)


def test_skip_does_not_go_back():
    with pytest.raises(ValueError, match="cannot go back"):
        Generator(0).skip(-1)
    with pytest.raises(ValueError, match="cannot go back"):
        Generator(0).skip(1, halves=-1)


def test_a_counter_that_runs_over():
    """Every word of the counter carries into the next, and after the last number comes 0."""
    state = Generator(5).state_dict()
    for counter in ([2**64 - 2, 0, 0, 0], [2**64 - 1, 2**64 - 1, 5, 0], [2**64 - 2] + [2**64 - 1] * 3):
        here, there = Generator(), Generator()
        for g in (here, there):
            g.load_state_dict({**state, "counter": counter})
        for n in (9, 40):
            np.testing.assert_array_equal(there.uniform(0, 1, n, device="cuda").get(), here.uniform(0, 1, n))
            assert here.state_dict() == there.state_dict()


def test_a_stream_that_is_restored_or_started_anew(cupy):
    g = Generator(1)
    first = g.uniform(0, 1, 9, device="cuda").get()
    state = g.state_dict()
    second = g.bernoulli(0.5, 100, "cuda").get()
    g.load_state_dict(state)
    np.testing.assert_array_equal(g.bernoulli(0.5, 100, "cuda").get(), second)
    g.manual_seed(1)
    np.testing.assert_array_equal(g.uniform(0, 1, 9, device="cuda").get(), first)
    g.manual_seed(2)  # from the beginning, where the other key's copy was made
    np.testing.assert_array_equal(g.uniform(0, 1, 9, device="cuda").get(), Generator(2).uniform(0, 1, 9))
    other = Generator(2)
    np.testing.assert_array_equal(other.uniform(0, 1, 9, device="cuda").get(), Generator(2).uniform(0, 1, 9))


def test_a_draw_copies_nothing_after_the_first(cupy, monkeypatch):
    """The state in the device's memory serves until the stream is put elsewhere."""
    from minigrad.fused.cuda import draws

    copies = []
    put = draws.put
    monkeypatch.setattr(draws, "put", lambda *given: copies.append(given) or put(*given))
    g = Generator(4)
    for _ in range(5):
        g.uniform(0, 1, 100, device="cuda")
        g.bernoulli(0.5, 100, "cuda")
        g.normal(0, 1, 10)
    assert len(copies) == 1


def test_without_kernels_the_same_numbers_are_copied(cupy, monkeypatch):
    from minigrad.fused.cuda import draws

    monkeypatch.setattr(draws, "kernels", lambda: pytest.fail("no kernel was asked for"))
    with use_kernels("plain"):
        for kind in DRAWS:
            same(np.asarray(DRAWS[kind](Generator(3), 33, "cpu")), DRAWS[kind](Generator(3), 33, "cuda"), cupy)


def test_shapes(cupy):
    for shape in ((), (2, 3), (0, 4), 5, [2, 2]):
        same(np.asarray(Generator(1).uniform(0, 1, shape)), Generator(1).uniform(0, 1, shape, device="cuda"), cupy)
        same(np.asarray(Generator(1).bernoulli(0.25, shape)), Generator(1).bernoulli(0.25, shape, "cuda"), cupy)


def test_tensors_of_random_numbers(cupy):
    for draw in (minigrad.rand, minigrad.randn):
        for dtype in (np.float32, np.float64):
            here, there = (draw(3, 5, generator=Generator(2), dtype=dtype, device=d) for d in ("cpu", "cuda"))
            assert there.is_cuda
            np.testing.assert_array_equal(there.cpu().numpy(), here.numpy())
    minigrad.manual_seed(6)
    here = minigrad.rand(4, dtype="float32")
    minigrad.manual_seed(6)
    np.testing.assert_array_equal(minigrad.rand(4, dtype="float32", device="cuda").cpu().numpy(), here.numpy())


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Dropout, (6, 7)), (nn.Dropout1d, (3, 4, 5)), (nn.Dropout2d, (3, 4, 2, 2))]
)
@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_drops_the_same(layer, shape, p):
    x = np.arange(1.0, np.prod(shape) + 1, dtype=np.float32).reshape(shape)
    here, there = layer(p, generator=Generator(0)), layer(p, generator=Generator(0))
    for _ in range(2):
        y, z = here(Tensor(x)), there(Tensor(x, device="cuda"))
        assert z.is_cuda
        np.testing.assert_array_equal(z.cpu().numpy(), y.numpy())
