"""What is a choice rather than mathematics: kinks, ties, dtypes, defaults, and the far ends of the number line.

Each choice is written out as a number, and PyTorch is asked whether it chose the same.
"""

import itertools
import warnings

import numpy as np
import pytest

from minigrad import Tensor, gradients, ops
from minigrad.nn import functional as F

INF = np.inf
FLOATS = ["float32", "float64"]


def minigrad_gradients(f, arrays):
    xs = [Tensor(a, requires_grad=True) for a in arrays]
    out = f(ops, *xs).sum()
    found = gradients(out, xs, allow_unused=True) if out.requires_grad else [None] * len(xs)
    return [np.zeros(x.shape) if g is None else g.data for g, x in zip(found, xs, strict=True)]


def torch_gradients(torch, f, arrays):
    xs = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = f(torch, *xs).sum()
    found = torch.autograd.grad(out, xs, allow_unused=True) if out.requires_grad else [None] * len(xs)
    return [np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(found, xs, strict=True)]


# --------------------------------------------------------------------------------------------- kinks and ties

# name: (expression, PyTorch's expression or None for the same, arguments, gradients)
KINKS = {
    "relu at 0": (lambda m, x: m.relu(x), None, [[0.0, -0.0, 1.0]], [[0, 0, 1]]),
    "leaky_relu at 0": (
        lambda m, x: m.leaky_relu(x, 0.2),
        lambda t, x: t.nn.functional.leaky_relu(x, 0.2),
        [[0.0, -0.0, 1.0]],
        [[0.2, 0.2, 1]],
    ),
    "abs at 0": (lambda m, x: m.abs(x), None, [[0.0, -0.0, -2.0]], [[0, 0, -1]]),
    "sign at 0": (lambda m, x: m.sign(x), None, [[0.0, -1.0]], [[0, 0]]),
    "sqrt at 0": (lambda m, x: m.sqrt(x), None, [[0.0, 4.0]], [[INF, 0.25]]),
    "std of equals": (lambda m, x: m.std(x), None, [[2.0, 2.0, 2.0]], [[0, 0, 0]]),
    "clip at its bounds": (lambda m, x: m.clip(x, 0, 1), None, [[-1.0, 0.0, 0.5, 1.0, 2.0]], [[0, 1, 1, 1, 0]]),
    "clip at min": (lambda m, x: m.clip(x, min=0), None, [[-1.0, 0.0, 1.0]], [[0, 1, 1]]),
    "clip at max": (lambda m, x: m.clip(x, max=0), None, [[-1.0, 0.0, 1.0]], [[1, 1, 0]]),
    "clip at tensors": (
        lambda m, x, low, high: m.clip(x, low, high),
        None,
        [[-1.0, 0.0, 0.5, 1.0, 2.0], [0.0] * 5, [1.0] * 5],
        [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]],
    ),
    "clip between equal tensors": (  # PyTorch's clamp gives the first element's gradient to nobody
        lambda m, x, low, high: m.clip(x, low, high),
        lambda m, x, low, high: m.where(x == high, x, high) + 0 * low,
        [[0.0, 1.0, 2.0], [1.0] * 3, [1.0] * 3],
        [[0, 1, 0], [0, 0, 0], [1, 0, 1]],
    ),
    "clip between crossed tensors": (
        lambda m, x, low, high: m.clip(x, low, high),
        None,
        [[0.0, 1.5, 3.0], [2.0] * 3, [1.0] * 3],
        [[0, 0, 0], [0, 0, 0], [1, 1, 1]],
    ),
    "maximum of equals": (
        lambda m, x, y: m.maximum(x, y),
        None,
        [[1.0, 1.0, 0.0], [1.0, 2.0, -0.0]],
        [[0.5, 0, 0.5], [0.5, 1, 0.5]],
    ),
    "minimum of equals": (lambda m, x, y: m.minimum(x, y), None, [[1.0, 1.0], [1.0, 2.0]], [[0.5, 1], [0.5, 0]]),
    "maximum with itself": (lambda m, x: m.maximum(x, x), None, [[1.0]], [[1]]),
    "amax shares": (lambda m, x: m.amax(x, 0), None, [[1.0, 3.0, 3.0, 3.0]], [[0, 1 / 3, 1 / 3, 1 / 3]]),
    "amin shares": (lambda m, x: m.amin(x, 0), None, [[1.0, 1.0, 3.0]], [[0.5, 0.5, 0]]),
    "amax over two dims": (
        lambda m, x: m.amax(x, (0, 1)),
        None,
        [[[2.0, 2.0], [1.0, 2.0]]],
        [[[1 / 3] * 2, [0, 1 / 3]]],
    ),
    "max of all shares": (lambda m, x: m.max(x), None, [[[3.0, 1.0], [3.0, 3.0]]], [[[1 / 3, 0], [1 / 3, 1 / 3]]]),
    "min of all shares": (lambda m, x: m.min(x), None, [[1.0, 1.0, 3.0]], [[0.5, 0.5, 0]]),
    "max(dim) takes the first": (lambda m, x: m.max(x, 0).values, None, [[1.0, 3.0, 3.0]], [[0, 1, 0]]),
    "min(dim) takes the first": (lambda m, x: m.min(x, 0).values, None, [[3.0, 1.0, 1.0]], [[0, 1, 0]]),
    "maxout takes the first": (
        lambda m, x: m.maxout(x, 3),
        lambda t, x: x.reshape(2, 3).max(-1).values,
        [[1.0, 2.0, 2.0, 5.0, 5.0, 5.0]],
        [[0, 1, 0, 1, 0, 0]],
    ),
    "x ** 0": (lambda m, x: x**0, None, [[0.0, 2.0]], [[0, 0]]),
    "x ** 1": (lambda m, x: x**1, None, [[0.0, 2.0]], [[1, 1]]),
    "x ** 2": (lambda m, x: x**2, None, [[0.0, 2.0]], [[0, 4]]),
    "x ** 0.5": (lambda m, x: x**0.5, None, [[0.0, 4.0]], [[INF, 0.25]]),
    "x ** y at 0": (
        lambda m, x, y: x**y,
        None,
        [[0.0, 0.0, 0.0, 0.0, 2.0], [0.0, 0.5, 1.0, 2.0, 0.0]],
        [[0, INF, 1, 0, 0], [0, 0, 0, 0, np.log(2)]],
    ),
    "0 ** y": (lambda m, y: 0**y, None, [[0.0, 1.0, 2.0]], [[0, 0, 0]]),
    "x ** 3.0": (lambda m, x: x**3.0, None, [[-2.0, -0.0]], [[12, 0]]),
    "where at either side": (lambda m, x, y: m.where(x > y, x, y), None, [[0.0, 1.0], [0.0, 0.0]], [[0, 1], [1, 0]]),
    "an element taken twice": (lambda m, x: x[[0, 0, 2]], None, [[1.0, 2.0, 3.0]], [[2, 0, 1]]),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", KINKS)
def test_kinks_and_ties(name, dtype, torch):
    ours, theirs, arguments, expected = KINKS[name]
    arguments = [np.array(a, dtype) for a in arguments]
    for found, wanted in zip(minigrad_gradients(ours, arguments), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    for found, wanted in zip(torch_gradients(torch, theirs or ours, arguments), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_second_derivatives_at_zero():
    x = Tensor([0.0], requires_grad=True)
    for n, expected in ((2, 2.0), (3, 0.0), (4, 0.0)):
        (g,) = gradients((x**n).sum(), [x], create_graph=True)
        np.testing.assert_array_equal(gradients(g.sum(), x).data, [expected])


@pytest.mark.parametrize("dtype", FLOATS)
def test_var_and_std_are_unbiased_unless_told(dtype):
    a = np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)
    x, close = Tensor(a), {"rtol": 1e-6 if dtype == "float32" else 1e-14}
    np.testing.assert_allclose(x.var().data, a.var(ddof=1), **close)
    np.testing.assert_allclose(x.std(0).data, a.std(0, ddof=1), **close)
    np.testing.assert_allclose(x.var(1, unbiased=False).data, a.var(1), **close)
    np.testing.assert_allclose(x.std(correction=0).data, a.std(), **close)
    with pytest.warns(RuntimeWarning, match=r"var .*\(3, 4\).*more than 3 elements"):
        assert not np.isfinite(x.var(0, correction=3).data).any()


# ------------------------------------------------------------------------------------------------------ dtypes

DTYPES = ["bool", "int32", "int64", "float16", "float32", "float64"]
BINARY = {
    "add": lambda x, y: x + y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
    "less": lambda x, y: x < y,
    "maximum": lambda x, y: (np if isinstance(x, np.ndarray | np.generic) else ops).maximum(x, y),
    "where": lambda x, y: (np if isinstance(x, np.ndarray | np.generic) else ops).where(x > 0, x, y),
}


@pytest.mark.parametrize(("a", "b"), list(itertools.product(DTYPES, DTYPES)))
@pytest.mark.parametrize("name", BINARY)
def test_promotion_is_numpys(name, a, b):
    f = BINARY[name]
    for x, y in itertools.product((np.ones(2, a), np.ones((), a)[()]), (np.ones(2, b), np.ones((), b)[()])):
        assert f(Tensor(x), Tensor(y)).dtype == f(x, y).dtype


@pytest.mark.parametrize("number", [2, 2.5, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_python_numbers_are_weak(dtype, number):
    x = np.ones(2, dtype)
    for f in BINARY.values():
        assert f(Tensor(x), number).dtype == f(x, number).dtype
    for f in (BINARY["add"], BINARY["multiply"], BINARY["divide"], BINARY["power"]):
        assert f(number, Tensor(x)).dtype == f(number, x).dtype
        assert f(number, Tensor(x[0])).dtype == f(number, x[0]).dtype


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (2, 4)])
def test_a_function_keeps_its_arguments_dtype(dtype, shape):
    x = Tensor(np.full(shape, 0.5), requires_grad=True, dtype=dtype)
    unary = "abs exp log sqrt sign sigmoid tanh softplus logsigmoid relu leaky_relu clone negative"
    reductions = "sum mean amax amin max min logsumexp"
    outs = [getattr(x, name)() for name in f"{unary} {reductions}".split()]
    outs += [x**2, x**0.5, 2**x, x.clip(0, 1), x.clip(min=0), x.reshape(-1), x[..., None], ops.where(x > 0, x, 0.0)]
    if shape:
        outs += [x.var(), x.std(1), x.softmax(1), x.log_softmax(0), x.max(1).values, x.maxout(2), x @ x.T, x[[0, 0]]]
    for out in outs:
        assert out.dtype == dtype
        if out.requires_grad:
            (g,) = gradients(out, [x], [np.ones(out.shape)], create_graph=True)
            assert g.dtype == dtype


def test_gradients_come_in_their_arguments_dtype():
    x = Tensor([1.0, 2.0], requires_grad=True, dtype="float32")
    y = Tensor([[3.0], [4.0]], requires_grad=True)
    out = x * y
    assert out.dtype == np.float64
    for create_graph in (False, True):
        gx, gy = gradients(out, [x, y], [Tensor(np.ones((2, 2)))], retain_graph=True, create_graph=create_graph)
        assert (gx.dtype, gy.dtype) == (np.float32, np.float64)
    g = gradients((gx * gx).sum(), y)
    np.testing.assert_allclose(g.data, [[28.0], [28.0]])
    (x * 2).backward(np.ones(2))  # float64 given for a float32 result
    assert x.grad.dtype == np.float32
    (g,) = gradients(z := x * 1, [z], [Tensor(np.ones(2))])
    assert g.dtype == np.float32


@pytest.mark.parametrize("data", [1, [1, 2], True, np.arange(3, dtype=np.uint8)])
def test_only_floats_require_grad(data):
    with pytest.raises(TypeError, match=r"only floating Tensors can require gradients, not .*dtype=float"):
        Tensor(data, requires_grad=True)
    t = Tensor(data)
    with pytest.raises(TypeError, match="only floating Tensors"):
        t.requires_grad = True
    assert Tensor(data, requires_grad=True, dtype=float).requires_grad


def test_a_float_made_whole_has_no_gradient():
    x = Tensor([1.5], requires_grad=True)
    for dtype in (int, bool, "uint8"):
        assert not x.astype(dtype=dtype).requires_grad
        assert not x.to(dtype).requires_grad
    assert x.astype(dtype="float16").requires_grad


def test_integers_stay_integers():
    x = Tensor([3, 1, 2])
    for out in (x + 1, x * 2, x**2, x.sum(), x.max(), x.clip(1, 2), x.clip(min=2), x.abs(), -x, x[0], x.argmax()):
        assert out.dtype == np.int64
    assert x.clip(min=2).tolist() == [3, 2, 2]
    for out in (x / 2, x.mean(), x * 0.5, x.exp()):
        assert out.dtype == np.float64


@pytest.mark.parametrize(
    ("data", "dtype"),
    [([1, 2], "int64"), ([1.0], "float64"), ([True], "bool"), (np.float32(1), "float32"), (2, "int64")],
)
def test_a_new_tensor_has_numpys_dtype(data, dtype):
    assert Tensor(data).dtype == dtype
    assert Tensor(data, dtype="float32").dtype == np.float32
    assert Tensor(Tensor(data)).dtype == dtype


# --------------------------------------------------------------------------------------------- the far ends

FAR = [-1e30, -1e4, -100.0, 0.0, 100.0, 1e4, 1e30]
ACTIVATIONS = {
    "sigmoid": (lambda m, x: m.sigmoid(x), None),
    "tanh": (lambda m, x: m.tanh(x), None),
    "softplus": (lambda m, x: m.softplus(x), lambda t, x: t.nn.functional.softplus(x)),
    "logsigmoid": (lambda m, x: m.logsigmoid(x), lambda t, x: t.nn.functional.logsigmoid(x)),
    "relu": (lambda m, x: m.relu(x), None),
    "leaky_relu": (lambda m, x: m.leaky_relu(x), lambda t, x: t.nn.functional.leaky_relu(x)),
}


def quietly(f, arrays):
    """Value, gradients and second gradients of f, where a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        xs = [Tensor(a, requires_grad=True) for a in arrays]
        out = f(ops, *xs)
        first = gradients(out, xs, [np.ones(out.shape)], create_graph=True)
        tracked = [g for g in first if g.requires_grad]
        second = gradients(tracked, xs, [np.ones(g.shape) for g in tracked], allow_unused=True) if tracked else []
    return out.detach().data, [g.detach().data for g in first], [g.data for g in second if g is not None]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_at_the_far_ends(name, dtype, torch):
    ours, theirs = ACTIVATIONS[name]
    x = np.array([*FAR, -INF, INF], dtype)
    out, (first,), second = quietly(ours, [x])
    assert not np.isnan([out, first, *second]).any()
    assert out.dtype == first.dtype == dtype
    t = torch.tensor(x, requires_grad=True)
    wanted = (theirs or ours)(torch, t)
    wanted.backward(torch.ones(len(x)))
    np.testing.assert_allclose(out, wanted.detach().numpy(), rtol=1e-6, atol=1e-40)
    np.testing.assert_allclose(first, t.grad.numpy(), rtol=1e-6, atol=1e-40)


ROWS = [[a, b, c] for a, b, c in itertools.product([-1e30, -1e4, 0.0, 1e4, 1e30], repeat=3)]
OVER_A_DIM = {
    "logsumexp": lambda m, x: m.logsumexp(x, -1),
    "softmax": lambda m, x: m.softmax(x, -1),
    "log_softmax": lambda m, x: m.log_softmax(x, -1),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", OVER_A_DIM)
def test_sums_of_exponentials_at_the_far_ends(name, dtype, torch):
    x = np.array([*ROWS, [-INF, 0.0, 1.0], [-INF, -1e4, -1e4]], dtype)
    out, (first,), second = quietly(OVER_A_DIM[name], [x])
    assert not any(np.isnan(a).any() for a in [out, first, *second])
    exact = OVER_A_DIM[name](torch, torch.tensor(x.astype(np.float64))).numpy()
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(out, exact.astype(dtype), rtol=1e-6)
    if name == "logsumexp":  # softmax: PyTorch's own would be [1, 1] at [1e30, 1e30]
        weights = torch.softmax(torch.tensor(x.astype(np.float64)), -1).numpy()
        np.testing.assert_allclose(first, weights, rtol=1e-5, atol=1e-40)


@pytest.mark.parametrize("dtype", FLOATS)
def test_close_logits_far_from_zero_keep_their_distance(dtype):
    """1e4 + [0, 1, 2] in float32: taking the logarithm before the difference would lose three digits."""
    near = np.array([0.0, 1.0, 2.0], dtype)
    for f in (ops.softmax, ops.log_softmax):
        np.testing.assert_allclose(f(near + dtype_of(1e4, dtype), dim=0), f(near, dim=0), rtol=1e-6)


def dtype_of(number, dtype):
    return np.dtype(dtype).type(number)


def test_logsumexp_where_infinity_is_the_answer():
    assert Tensor([INF, 1.0]).logsumexp().item() == INF
    assert Tensor([-INF, -INF]).logsumexp().item() == -INF
    assert Tensor([-INF, 2.0]).logsumexp().item() == 2.0


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("pos_weight", [None, 3.0])
def test_binary_cross_entropy_at_the_far_ends(target, pos_weight, dtype, torch):
    x = np.array(FAR, dtype)
    y = np.full(len(x), target, dtype)
    out, (first,), second = quietly(
        lambda m, a: F.binary_cross_entropy_with_logits(a, y, reduction="none", pos_weight=pos_weight), [x]
    )
    assert not np.isnan([out, first, *second]).any()
    assert out.dtype == first.dtype == dtype
    assert (out >= 0).all()
    t = torch.tensor(x, requires_grad=True)
    weight = None if pos_weight is None else torch.tensor(pos_weight, dtype=t.dtype)
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(
        t, torch.tensor(y), reduction="none", pos_weight=weight
    )
    wanted.sum().backward()
    np.testing.assert_allclose(out, wanted.detach().numpy(), rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(first, t.grad.numpy(), rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("dtype", FLOATS)
def test_other_functions_at_plus_and_minus_ten_thousand(dtype):
    x = np.array([-1e4, -1.0, 1.0, 1e4], dtype)
    for f in (
        lambda m, x: m.maxout(x, 2),
        lambda m, x: F.mse_loss(x, ops.clone(x) * 0),
        lambda m, x: m.abs(x),
        lambda m, x: m.clip(x, -2, 2),
        lambda m, x: m.amax(x),
        lambda m, x: m.var(x),
        lambda m, x: m.std(x),
        lambda m, x: m.mean(x),
        lambda m, x: m.exp(x),  # inf, as IEEE says
        lambda m, x: x**2,
    ):
        out, (first,), second = quietly(f, [x])
        assert not any(np.isnan(a).any() for a in [out, first, *second])


def test_derivatives_are_infinite_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Tensor([0.0], requires_grad=True)
        assert gradients(x.sqrt(), x).tolist() == [INF]
        assert gradients(x**0.5, x).tolist() == [INF]
