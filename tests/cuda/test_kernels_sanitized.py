"""Every kernel under AddressSanitizer and ThreadSanitizer; and errors planted in them, which must be seen."""

import numpy as np
import pytest

from minigrad import optim
from minigrad.fused.cuda import launch, module
from minigrad.fused.cuda.source import FAMILIES, signatures, source
from tests.cuda import standin

pytestmark = pytest.mark.skipif(not standin.available(), reason="not run: there is no g++ on this machine")

STATE = np.array([3, 0, 0, 0, 11, 12, 2, 0], np.uint64)


class Tried(launch.Kernels):
    """Kernels that remember which of them ran."""

    def __init__(self, library):
        super().__init__(library)
        self.ran = set()

    def launch(self, kernel, grid, block, **given):
        self.ran.add(kernel)
        super().launch(kernel, grid, block, **given)


def everything(cupy, k, m, n):
    """All kernels at (m, n) rows and columns, each array of its exact size."""
    rng = np.random.default_rng(0)

    def put(*shape, dtype="float32"):
        high = 2 if dtype == "uint8" else 1 << 20
        whole = np.dtype(dtype).kind in "iu"
        return cupy.asarray((rng.integers(0, high, shape) if whole else rng.standard_normal(shape)).astype(dtype))

    state, numbers = cupy.asarray(STATE), cupy.asarray(np.array([0.1, 0.5, 1, 0.1, 1, 1]))
    mask = put(m, n, dtype="uint8")
    k.uniform(put(n), state, 1, -1, 1, 3)
    for p in (0.5, 0.8):
        k.bernoulli(mask, state, 3, p)
    k.masks(mask, state, cupy.asarray(np.array([[0, m * n // 2, 0, -1], [m * n // 2, m * n, 9, 1000]])))
    k.advance(state, 3, 5)
    clock, draws = cupy.asarray(np.zeros(2, "int64")), cupy.asarray(np.ones((1, 2), "int64"))
    decay, ramp = optim.ExponentialDecay(0.1, 2), optim.LinearRamp(0, 1, 3)
    k.end_step(clock, numbers, state.reshape(1, 8), draws, 7, decay, ramp)

    order, place = cupy.asarray(np.arange(m, dtype="int32")[::-1].copy()), cupy.asarray(np.ones(1, "int64"))
    k.gather(put(m, n), put(m, n), order, place, mask, 2.0)
    k.dropout(put(m, n), mask, 2.0, put(m, n))
    k.scale_rows(put(m, n), put(m), put(n))
    y = put(m, n)
    for name in ("relu", "softplus"):
        k.bias_activation(y, put(n), name, 0.1, mask, 2.0, put(m, n))
        k.activation_backward(put(m, n), y, name, put(n), 0.1, mask, 2.0, put(m))
    k.head(y, put(n), put(1), put(m))
    k.head_backward(y, put(n), put(m), put(m, n), put(n), put(1))
    winner = put(m, n, dtype="uint8")
    k.bias_maxout(put(m, 3 * n), put(3 * n), y, winner, mask, 2.0)
    k.maxout_backward(put(m, n), winner, put(m, 3 * n), put(3 * n), mask, 2.0, put(m))
    k.maxout_backward(put(n), winner, put(m, 3 * n))
    k.gan_losses(put(m), put(m), 0.5, "minimax", put(m), put(m), put(m), put(4, dtype="float64"))
    for loss in (k.bce_with_logits, k.mse):
        loss(put(m, n), put(m, n), 1.0, put(m, n), put(1))
    k.momentum(put(n), put(n), put(n), numbers)
    k.sgd(put(n), put(n), put(n), numbers)
    k.adam(put(n), put(n), abs(put(n)), put(n), numbers, cupy.asarray(np.zeros(2, "uint32")))
    k.max_norm(put(m, n), 1.0)
    segments = cupy.asarray(np.array([*((n * i, n, i % 2) for i in range(m))], "int32"))
    k.momentum_max_norm(put(m, n), put(m, n), put(m, n), numbers, segments, 1.0)


SIZES = {"address": [(1, 1), (31, 33), (515, 5)], "thread": [(3, 35)]}  # the second is a thousand times as slow


# Whether two threads race does not hang on the order in which they run: "thread" in one of them.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("sanitizer", "order"), [("address", "forward"), ("address", "reversed"), ("thread", "forward")]
)
def test_no_kernel_leaves_its_arrays_and_no_two_threads_race(fake_cupy, sanitizer, order):
    k = Tried(fake_cupy)
    with standin.running(order, sanitizer):
        for m, n in SIZES[sanitizer]:
            everything(fake_cupy, k, m, n)
    assert k.ran == {kernel for family in FAMILIES for kernel in signatures(family)}


@pytest.mark.slow
@pytest.mark.parametrize("order", ["forward", "reversed"])
def test_blocks_that_add_up_do_not_race(fake_cupy, order):
    """Sums in several chunks: the last block to arrive reads what the others wrote."""
    k = launch.Kernels(fake_cupy)
    a, grad, loss = (fake_cupy.asarray(np.ones(n, "f")) for n in (600, 600, 1))
    with standin.running(order, "thread"):
        np.testing.assert_array_equal(backward(fake_cupy, k, 600, 3), np.full(3, 600))
        k.mse(a, fake_cupy.asarray(np.zeros(600, "f")), 0.5, grad, loss)
    assert loss.get() == 300


def planted(monkeypatch, cupy, old, new, family="affine"):
    """The kernels with this text of their family, or of common.cuh, replaced."""
    assert source(family).count(old) == 1
    monkeypatch.setattr(module, "source", lambda name: source(name).replace(old, new))
    return launch.Kernels(cupy)


def backward(cupy, k, m=600, n=33):
    g, y, db = (cupy.asarray(np.ones(shape, "f")) for shape in ((m, n), (m, n), (n,)))
    k.activation_backward(g, y, "identity", db)
    return db.get()


PLANTED = {
    "no barrier before the sums are read": ("sums[y][x] = sum;\n    __syncthreads();", "sums[y][x] = sum;", "race"),
    "no barrier before a block arrives": (
        "__syncthreads();  // all of this block have written",
        "",
        "race",
    ),
    "a barrier that some do not reach": (
        "float sum = 0;\n    if (column < columns)",
        "float sum = 0;\n    if (x < 3) __syncthreads();\n    if (column < columns)",
        "wait at different|deadlock",
    ),
    "one column too many": ("if (column < columns)\n", "if (column <= columns)\n", "heap-buffer-overflow"),
    "two blocks for the same rows": ("int first = blockIdx.y * CHUNK", "int first = blockIdx.y * (CHUNK - 1)", "race"),
}


def test_without_an_error_there_is_none(fake_cupy):
    np.testing.assert_array_equal(backward(fake_cupy, launch.Kernels(fake_cupy)), np.full(33, 600))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_seen(fake_cupy, monkeypatch, name):
    old, new, report = PLANTED[name]
    k = planted(monkeypatch, fake_cupy, old, new)
    sanitizer = {"race": "thread", "heap-buffer-overflow": "address"}.get(report)
    with standin.running(sanitizer=sanitizer), pytest.raises(RuntimeError, match=report):
        backward(fake_cupy, k)


def test_a_missing_barrier_gives_a_wrong_sum(fake_cupy, monkeypatch):
    """Even without a sanitizer: threads run one after another, and shared memory is poisoned."""
    old, new, _ = PLANTED["no barrier before the sums are read"]
    db = backward(fake_cupy, planted(monkeypatch, fake_cupy, old, new))
    assert not np.array_equal(db, np.full(33, 600))
