"""Matrix products by rows, through cuBLAS by columns: the stand-in's, or the real one where there is a GPU."""

import numpy as np
import pytest

from minigrad.device import set_float32_matmul_precision
from minigrad.fused.cuda import cublas, lt
from minigrad.fused.cuda.blas import Blas, Product
from minigrad.fused.cuda.graph import CaptureError, capture

F32 = np.float32
transposes = pytest.mark.parametrize(("ta", "tb"), [(False, False), (False, True), (True, False), (True, True)])


@pytest.fixture
def cp(cupy_cublas):
    return cupy_cublas


@pytest.fixture
def stream(cp):
    with cp.cuda.Stream(non_blocking=True) as s:
        yield s


@pytest.fixture
def blas(stream):
    return Blas(stream)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=F32)


def matrices(m, n, k, ta, tb):
    """Of the host: a and b as they are given, op(a) and op(b)."""
    a, b = normal(*((k, m) if ta else (m, k))), normal(*((n, k) if tb else (k, n)), seed=1)
    return a, b, a.T if ta else a, b.T if tb else b


def close(out, expected, k):
    """Within the rounding of k additions."""
    np.testing.assert_allclose(out.get(), expected, rtol=0, atol=1e-5 * max(k, 8) ** 0.5)


@transposes
@pytest.mark.parametrize(
    ("m", "n", "k"), [(1, 1, 1), (2, 3, 4), (1, 33, 31), (31, 1, 33), (33, 31, 1), (100, 240, 33), (31, 100, 240)]
)
def test_a_product_is_matmuls(cp, blas, m, n, k, ta, tb):
    a, b, op_a, op_b = matrices(m, n, k, ta, tb)
    out = cp.empty((m, n), F32)
    out.fill(np.nan)  # with beta = 0 what was there does not matter
    blas.gemm(cp.asarray(a), cp.asarray(b), out, transpose_a=ta, transpose_b=tb)
    close(out, op_a.astype(float) @ op_b, k)


def test_the_products_of_the_papers_step(cp, blas):
    """Forward, the gradient of the input, the gradient of the weight (out, in) of a layer 1200 -> 784, batch 100."""
    x, w, g = normal(100, 1200), normal(784, 1200, seed=1), normal(100, 784, seed=2)
    dx, dw, y = cp.empty((100, 1200), F32), cp.empty((784, 1200), F32), cp.empty((100, 784), F32)
    on = [cp.asarray(v) for v in (x, w, g)]
    blas.gemm(on[0], on[1], y, transpose_b=True)
    blas.gemm(on[2], on[1], dx)
    blas.gemm(on[2], on[0], dw, transpose_a=True)
    for out, expected, k in ((y, x.astype(float) @ w.T, 1200), (dx, g.astype(float) @ w, 784), (dw, g.T @ x, 100)):
        close(out, expected, k)


@transposes
def test_columns_and_rows_of_larger_arrays(cp, blas, ta, tb):
    a, b, op_a, op_b = matrices(5, 6, 7, ta, tb)
    held = [cp.asarray(np.pad(v, ((2, 1), (3, 4)))) for v in (a, b, np.zeros((5, 6), F32))]
    views = [h[2:-1, 3:-4] for h in held]
    blas.gemm(*views, transpose_a=ta, transpose_b=tb)
    close(views[2], op_a.astype(float) @ op_b, 7)
    whole = held[2].get()
    whole[2:-1, 3:-4] = 0
    assert not whole.any(), "it wrote beside out"


def test_one_row_or_column_of_a_larger_array(cp, blas):
    """The distance between rows says nothing where there is one, nor that between columns."""
    held = cp.asarray(normal(6, 8))
    for a in (held[2:3], held[:, 4:5], held[3:4, 2:3], cp.asarray(normal(6, 1)).T):
        out = cp.empty((a.shape[1], a.shape[1]), F32)
        blas.gemm(a, a, out, transpose_a=True)
        close(out, a.get().T.astype(float) @ a.get(), 8)


def test_alpha_and_beta_are_numbers(cp, blas):
    a, b, c = normal(4, 3), normal(3, 5, seed=1), normal(4, 5, seed=2)
    out = cp.asarray(c)
    blas.gemm(cp.asarray(a), cp.asarray(b), out, alpha=-0.5, beta=0.25)
    close(out, -0.5 * (a.astype(float) @ b) + 0.25 * c, 3)
    blas.gemm(cp.asarray(a), cp.asarray(b), out, alpha=np.float32(2), beta=1)
    close(out, 1.5 * (a.astype(float) @ b) + 0.25 * c, 3)


@pytest.mark.parametrize("on_device", ["alpha", "beta", "alpha beta"])
def test_alpha_and_beta_lie_on_the_device(cp, blas, on_device):
    """Each of them, and beside a number; a product with numbers after it reads them from the host again."""
    a, b, c = normal(4, 3), normal(3, 5, seed=1), normal(4, 5, seed=2)
    scalars = {"alpha": -0.5, "beta": 0.25}
    given = {k: cp.asarray([v], F32) if k in on_device.split() else v for k, v in scalars.items()}
    out = cp.asarray(c)
    blas.gemm(cp.asarray(a), cp.asarray(b), out, **given)
    close(out, -0.5 * (a.astype(float) @ b) + 0.25 * c, 3)
    blas.gemm(cp.asarray(a), cp.asarray(b), out, alpha=2.0)
    close(out, 2 * (a.astype(float) @ b), 3)


def test_each_number_beside_a_scalar_on_the_device_is_itself(cp, blas):
    one, out = cp.ones((1, 1), F32), cp.zeros((1, 1), F32)
    scalar = cp.asarray(3.0, F32)  # without dimensions
    for beta, expected in ((0.0, 3), (1.0, 6), (0.5, 6), (0.0, 3)):
        blas.gemm(one, one, out, alpha=scalar, beta=beta)
        assert out.get() == expected


def test_momentum_is_one_product_and_replays_read_its_schedule(cp, blas, stream):
    """v = mu v - lr g with g = x.T @ d: out is the velocity."""
    x, d = normal(6, 3), normal(6, 4, seed=1)
    numbers, v = cp.asarray([-0.1, 0.5], F32), cp.zeros((3, 4), F32)
    on = cp.asarray(x), cp.asarray(d)
    graph = capture(
        lambda: blas.gemm(*on, v, transpose_a=True, alpha=numbers[:1], beta=numbers[1:]), warmups=1, stream=stream
    )
    expected = -0.1 * (x.T.astype(float) @ d)
    close(v, expected, 6)
    for lr, momentum in ((0.1, 0.5), (0.01, 0.9), (0.5, 0.0)):
        numbers.set(np.array([-lr, momentum], F32))
        graph.replay()
        expected = momentum * expected - lr * (x.T.astype(float) @ d)
        close(v, expected, 6)


def test_tf32_rounds_the_factors_to_10_bits(cp, stream):
    a, b = normal(64, 512), normal(512, 128, seed=1)  # rows of a multiple of 16 bytes, as TF32 wants them
    exact, outs = a.astype(float) @ b, []
    for precision in ("highest", "high"):
        outs.append(cp.empty((64, 128), F32))
        Blas(stream, precision).gemm(cp.asarray(a), cp.asarray(b), outs[-1])
    errors = [np.abs(out.get() - exact).max() for out in outs]
    bound = 2.0**-10 * (np.abs(a).astype(float) @ np.abs(b)).max()
    assert errors[0] < 5e-4
    assert 10 * errors[0] < errors[1] < bound


def test_the_precision_is_the_setting_of_then(cp, stream):
    assert Blas(stream).precision == "highest"
    set_float32_matmul_precision("high")
    try:
        assert Blas(stream).precision == "high"
    finally:
        set_float32_matmul_precision("highest")
    with pytest.raises(ValueError, match=r'"highest" \(float32\) or "high" \(TF32\), got \'medium\''):
        Blas(stream, "medium")


def test_nothing_is_computed_for_no_rows(cp, blas):
    blas.gemm(cp.empty((0, 3), F32), cp.empty((3, 4), F32), cp.empty((0, 4), F32))
    blas.gemm(cp.empty((2, 3), F32), cp.empty((3, 0), F32), cp.empty((2, 0), F32))


REFUSALS = {
    "a of the host": (lambda cp: (normal(2, 3), 0, 0), TypeError, "a is an array of the GPU, got ndarray"),
    "float64": (lambda cp: (0, cp.zeros((3, 4)), 0), TypeError, r"b is a float32 matrix, got \(3, 4\) float64"),
    "a vector": (lambda cp: (0, 0, cp.zeros(4, F32)), TypeError, r"out is a float32 matrix, got \(4,\)"),
    "sizes": (lambda cp: (0, cp.zeros((4, 4), F32), 0), ValueError, r"\(2, 3\) @ b \(4, 4\) into out \(2, 4\)"),
    "out's size": (lambda cp: (0, 0, cp.zeros((4, 2), F32)), ValueError, r"into out \(4, 2\)"),
    "nothing to sum": (lambda cp: (cp.zeros((2, 0), F32), cp.zeros((0, 4), F32), 0), ValueError, "sums over nothing"),
    "a transpose": (
        lambda cp: (cp.zeros((3, 2), F32).T, 0, 0),
        ValueError,
        "give the array itself and transpose_a=True",
    ),
    "steps": (lambda cp: (0, cp.zeros((3, 8), F32)[:, ::2], 0), ValueError, "lie side by side"),
    "one row repeated": (lambda cp: (cp.broadcast_to(cp.zeros(3, F32), (2, 3)), 0, 0), ValueError, "do not overlap"),
    "backward": (lambda cp: (cp.zeros((2, 3), F32)[::-1], 0, 0), ValueError, "rows do not overlap"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_gets_a_sentence(cp, blas, case):
    make, kind, sentence = REFUSALS[case]
    good = cp.zeros((2, 3), F32), cp.zeros((3, 4), F32), cp.zeros((2, 4), F32)
    given = [g if isinstance(x, int) else x for x, g in zip(make(cp), good, strict=True)]
    with pytest.raises(kind, match=sentence):
        blas.gemm(*given)
    blas.gemm(*good)


def test_the_transpose_that_was_asked_for_is_in_the_sentence(cp, blas):
    with pytest.raises(ValueError, match=r"a \(2, 3\)\.T @ b \(3, 4\)\.T into out \(2, 4\)"):
        blas.gemm(*(cp.zeros(s, F32) for s in ((2, 3), (3, 4), (2, 4))), transpose_a=True, transpose_b=True)


def test_out_shares_no_memory_with_a_or_b(cp, blas):
    flat = cp.zeros(27, F32)
    a, b, shifted = flat[:9].reshape(3, 3), flat[9:18].reshape(3, 3), flat[4:13].reshape(3, 3)
    for given, name in (((a, b, a), "a"), ((a, b, b), "b"), ((a, flat[18:].reshape(3, 3), shifted), "a")):
        with pytest.raises(ValueError, match=f"out shares memory with {name}"):
            blas.gemm(*given)
    blas.gemm(a, b, flat[18:].reshape(3, 3))  # right behind b
    blas.gemm(b, flat[18:].reshape(3, 3), a)  # right before it
    whole = cp.zeros((3, 6), F32)
    blas.gemm(whole[:, :3], b, whole[:, 3:])  # columns beside each other
    with pytest.raises(ValueError, match="out shares memory with a"):
        blas.gemm(whole[:, :3], b, whole[:, :3])


def test_scalars_of_another_kind_get_a_sentence(cp, blas):
    a = cp.zeros((2, 2), F32)
    for bad in (cp.zeros(2, F32), cp.zeros(1)):
        with pytest.raises(TypeError, match="alpha is a number or a float32 array of one element, got"):
            blas.gemm(a, cp.zeros((2, 2), F32), cp.zeros((2, 2), F32), alpha=bad)


def test_a_product_belongs_to_its_stream(cp, blas):
    a, b, c = (cp.zeros((2, 2), F32) for _ in range(3))
    with cp.cuda.Stream(non_blocking=True), pytest.raises(CaptureError, match="call gemm inside `with stream:`"):
        blas.gemm(a, b, c)


# --------------------------------------------------------------------------------- the algorithms of cuBLASLt


@pytest.fixture
def milliseconds(fake_cupy, monkeypatch):
    """What the stand-in's events say that each graph took, in the order of asking."""
    times = []
    monkeypatch.setattr(fake_cupy.cuda, "get_elapsed_time", lambda start, stop: times.pop(0))
    return times


@pytest.fixture
def tuned(fake_cublas, fake_cupy):
    with fake_cupy.cuda.Stream(non_blocking=True) as stream:
        yield Blas(stream, tune=True)


@transposes
def test_the_fastest_algorithm_is_chosen_once(tuned, fake_cupy, milliseconds, ta, tb):
    cp = fake_cupy
    a, b, op_a, op_b = matrices(5, 6, 7, ta, tb)
    on, out = (cp.asarray(a), cp.asarray(b)), cp.asarray(normal(5, 6))
    before = out.get()
    milliseconds += [9, 8, 9, *[7, 6, 8], *[9, 5, 9]]  # cuBLAS's own, algorithms 1 and 3; 2 and 4 cannot run
    tuned.gemm(*on, out, transpose_a=ta, transpose_b=tb, alpha=2.0, beta=3.0)
    close(out, 2 * (op_a.astype(float) @ op_b) + 3 * before, 7)
    graph = capture(lambda: tuned.gemm(*on, out, transpose_a=ta, transpose_b=tb), stream=tuned.stream)
    assert graph.nodes == [f"sgemm_{'nt'[tb]}{'nt'[ta]}_algorithm3"]
    (((product, alignments, mode), choice),) = tuned.choices.items()
    assert product == Product(tb, ta, 6, 5, 7, b.shape[1], a.shape[1], 6)
    assert (alignments, mode) == ((256, 256, 256), cublas.HOST)
    assert choice.milliseconds == (8 / 20, 6 / 20, 5 / 20, float("inf"))
    assert not milliseconds


def test_cublass_own_algorithm_is_one_of_those_timed(tuned, fake_cupy, milliseconds):
    a, out = fake_cupy.asarray(normal(4, 4)), fake_cupy.empty((4, 4), F32)
    milliseconds += [1, 1, 1, *[2, 2, 2], *[3, 3, 3]]
    graph = capture(lambda: tuned.gemm(a, a, out), stream=tuned.stream)
    assert graph.nodes == ["sgemm_nn"]
    close(out, a.get().astype(float) @ a.get(), 4)


def test_a_choice_is_for_its_alignment_and_its_kind_of_scalars(tuned, fake_cupy):
    """Arrays of a flat buffer begin anywhere; an algorithm for aligned ones is not used on them."""
    cp = fake_cupy
    flat, beta = cp.asarray(normal(200)), cp.asarray([0.5], F32)
    for start, given in ((0, 0.5), (64, 0.5), (1, 0.5), (2, 0.5), (4, beta), (65, 0.5)):
        a, out = flat[start : start + 12].reshape(3, 4), cp.asarray(normal(3, 3))
        expected = a.get().astype(float) @ a.get().T + 0.5 * out.get()
        tuned.gemm(a, a, out, transpose_b=True, beta=given)
        close(out, expected, 4)
    assert [key[1:] for key in tuned.choices] == [
        ((256, 256, 256), cublas.HOST), ((4, 4, 256), cublas.HOST), ((8, 8, 256), cublas.HOST),
        ((16, 16, 256), cublas.DEVICE),
    ]  # fmt: skip
    assert all(np.isfinite(choice.milliseconds).sum() == 3 for choice in tuned.choices.values())
    assert all(np.isfinite(choice.milliseconds[0]) for choice in tuned.choices.values())


def test_there_is_nothing_to_choose_for_no_rows(tuned, fake_cupy):
    tuned.gemm(*(fake_cupy.empty(shape, F32) for shape in ((0, 3), (3, 4), (0, 4))))
    tuned.gemm(*(fake_cupy.empty(shape, F32) for shape in ((3, 3), (3, 0), (3, 0))))
    assert not tuned.choices


def test_no_algorithm_is_chosen_in_a_capture(tuned, fake_cupy):
    a, out = fake_cupy.asarray(normal(4, 3)), fake_cupy.empty((4, 4), F32)
    runs = iter([False, True])

    def step():
        tuned.gemm(a, a, out, transpose_b=True)
        if next(runs):
            tuned.gemm(a[:2], a, out[:2], transpose_b=True)

    with pytest.raises(CaptureError, match="gemm of m, n, k = 2, 4, 3 has not run before the capture"):
        capture(step, warmups=1, stream=tuned.stream)


def test_where_cublaslt_has_nothing_cublas_goes_on(tuned, fake_cupy, monkeypatch):
    def nothing(*arguments):
        raise cublas.CublasError("cublasLtMatmulAlgoGetHeuristic", 15)

    monkeypatch.setattr(lt.Tuner, "_candidates", lambda *arguments: nothing())
    with pytest.raises(cublas.CublasError):
        tuned.gemm(*(fake_cupy.empty((2, 2), F32) for _ in range(3)))
    monkeypatch.undo()
    monkeypatch.setattr(cublas.lt(), "cublasLtMatmulAlgoGetHeuristic", nothing)
    a, out = fake_cupy.asarray(normal(4, 4)), fake_cupy.empty((4, 4), F32)
    tuned.gemm(a, a, out)
    close(out, a.get().astype(float) @ a.get(), 4)
    assert [len(choice.milliseconds) for choice in tuned.choices.values()] == [1]


@pytest.mark.gpu
def test_tuning_on_a_gpu(gpu):
    cp = gpu
    with cp.cuda.Stream(non_blocking=True) as stream:
        blas = Blas(stream, tune=True)
        a, b, out = cp.asarray(normal(100, 1200)), cp.asarray(normal(1200, 1200)), cp.empty((100, 1200), F32)
        blas.gemm(a, b, out)
        close(out, a.get().astype(float) @ b.get(), 1200)
        (choice,) = blas.choices.values()
    assert len(choice.milliseconds) > 1
    assert 0 < min(choice.milliseconds) < 1
