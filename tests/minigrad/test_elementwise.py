"""The elementwise families where they are a choice: kinks, the far ends, integers, exact values, names, errors.

That their values and derivatives are right elsewhere, test_ops_oracles.py proves.
"""

import itertools
import math
import operator
import subprocess
import sys
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, gradients, ops

INF, NAN = np.inf, np.nan
FLOATS = ["float32", "float64"]


def derivative(f, x, order=1):
    """The derivative of f at every element of x, of an order."""
    x = Tensor(x, requires_grad=True)
    out = f(x)
    for _ in range(order):
        out = gradients(out, x, np.ones(out.shape), create_graph=True)
    return out.detach().data


def of_pytorch(torch, f, arrays):
    xs = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = f(*xs)
    return out.detach().numpy(), [g.numpy() for g in torch.autograd.grad(out.sum(), xs)]


def functional(name):
    return lambda m: getattr(m if m is ops else m.nn.functional, name)


# ------------------------------------------------------------------------------------------------------ kinks

# name: (function of (minigrad.ops or torch) -> function of the arguments, arguments, gradients)
KINKS = {
    "elu at 0": (functional("elu"), [[0.0, -0.0]], [[1, 1]]),
    "selu at 0": (functional("selu"), [[0.0]], [[1.0507009873554805 * 1.6732632423543773]]),
    "celu at 0": (functional("celu"), [[0.0]], [[1]]),
    "relu6 at its bounds": (functional("relu6"), [[-1.0, 0.0, 3.0, 6.0, 7.0]], [[0, 0, 1, 0, 0]]),
    "hardtanh at its bounds": (functional("hardtanh"), [[-2.0, -1.0, 0.0, 1.0, 2.0]], [[0, 0, 1, 0, 0]]),
    "hardsigmoid at its bounds": (functional("hardsigmoid"), [[-4.0, -3.0, 0.0, 3.0]], [[0, 0, 1 / 6, 0]]),
    "hardswish at its bounds": (functional("hardswish"), [[-4.0, -3.0, 0.0, 3.0, 4.0]], [[0, 0, 0.5, 1, 1]]),
    "softshrink at its bounds": (functional("softshrink"), [[-0.5, 0.0, 0.5, 0.6]], [[0, 0, 0, 1]]),
    "hardshrink at its bounds": (functional("hardshrink"), [[-0.5, 0.0, 0.5, 0.6]], [[0, 0, 0, 1]]),
    "threshold": (lambda m: lambda x: functional("threshold")(m)(x, 0.5, 9.0), [[0.0, 0.5, 0.6]], [[0, 0, 1]]),
    "softsign at 0": (functional("softsign"), [[0.0]], [[1]]),
    "prelu at 0": (functional("prelu"), [[0.0, -1.0, 2.0], [0.2]], [[0.2, 0.2, 1], [-1]]),
    "fmax of equals": (lambda m: m.fmax, [[1.0, 2.0], [1.0, 1.0]], [[1, 1], [0, 0]]),
    "fmin of equals": (lambda m: m.fmin, [[1.0, 2.0], [1.0, 1.0]], [[1, 0], [0, 1]]),
    "fmax of nan": (lambda m: m.fmax, [[NAN, 1.0, NAN], [1.0, NAN, NAN]], [[0, 1, 1], [1, 0, 0]]),
    "fmin of nan": (lambda m: m.fmin, [[NAN, 1.0, NAN], [1.0, NAN, NAN]], [[0, 1, 1], [1, 0, 0]]),
    "copysign at 0": (
        lambda m: m.copysign,
        [[0.0, -0.0, 1.0, -2.0, -2.0], [-1.0, 1.0, -1.0, -0.0, 0.0]],
        [[0, 0, -1, 1, -1], [0] * 5],
    ),
    "nan_to_num": (lambda m: m.nan_to_num, [[NAN, INF, -INF, 2.0]], [[0, 0, 0, 1]]),
    "asin at its ends": (lambda m: m.asin, [[-1.0, 1.0]], [[INF, INF]]),
    "acos at its ends": (lambda m: m.acos, [[-1.0, 1.0]], [[-INF, -INF]]),
    "acosh at 1": (lambda m: m.acosh, [[1.0]], [[INF]]),
    "atanh at its ends": (lambda m: m.atanh, [[-1.0, 1.0]], [[INF, INF]]),
    "atan2 on its cut": (lambda m: m.atan2, [[0.0, -0.0], [-1.0, -1.0]], [[-1, -1], [0, 0]]),
    "rsqrt at 0": (lambda m: m.rsqrt, [[0.0]], [[-INF]]),
    "log1p at -1": (lambda m: m.log1p, [[-1.0]], [[INF]]),
    "sinc at 0": (lambda m: m.sinc, [[0.0]], [[0]]),
    "logit at its ends": (lambda m: m.logit, [[0.0, 1.0]], [[INF, INF]]),
    "logit limited": (lambda m: lambda x: m.logit(x, 0.25), [[0.0, 0.25, 0.5, 0.8]], [[0, 16 / 3, 4, 0]]),
    "erfinv at its ends": (lambda m: m.erfinv, [[-1.0, 1.0]], [[INF, INF]]),
    "fmod of a whole quotient": (lambda m: m.fmod, [[3.0, -3.0, 5.0], [1.5, 1.5, INF]], [[1, 1, 1], [-2, 2, 0]]),
    "remainder of a whole quotient": (
        lambda m: m.remainder,
        [[3.0, -3.0, 3.5, 5.0], [1.5, 1.5, -2.0, INF]],
        [[1, 1, 1, 1], [-2, 2, 2, 0]],
    ),
    "frac at a whole number": (lambda m: m.frac, [[1.0, 0.0, -2.0]], [[1, 1, 1]]),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", KINKS)
def test_kinks(name, dtype, torch):
    function, arguments, expected = KINKS[name]
    arguments = [np.array(a, dtype) for a in arguments]
    value, theirs = of_pytorch(torch, function(torch), arguments)
    xs = [Tensor(a, requires_grad=True) for a in arguments]
    out = function(ops)(*xs)
    np.testing.assert_allclose(out.detach().data, value, rtol=1e-6)
    for found, other, wanted in zip(gradients(out, xs, np.ones(out.shape)), theirs, expected, strict=True):
        np.testing.assert_allclose(found.data, wanted, rtol=1e-6)
        np.testing.assert_allclose(other, wanted, rtol=1e-6)


def test_where_pytorchs_derivatives_are_nan_and_ours_are_not():
    zero = Tensor([0.0], requires_grad=True)
    for f in (ops.hypot, ops.atan2):  # PyTorch agrees on atan2
        x, y = Tensor([0.0], requires_grad=True), Tensor([0.0], requires_grad=True)
        assert [g.tolist() for g in gradients(f(x, y), [x, y])] == [[0], [0]]
    assert gradients(ops.xlogy(0.0, zero), zero).tolist() == [0]
    for f in (ops.logaddexp, ops.logaddexp2):
        for a, b, shares in ((-INF, -INF, (0.5, 0.5)), (INF, INF, (0.5, 0.5)), (INF, 1, (1, 0)), (1, -INF, (1, 0))):
            x, y = Tensor([a], requires_grad=True, dtype=float), Tensor([b], requires_grad=True, dtype=float)
            assert [g.item() for g in gradients(f(x, y), [x, y])] == pytest.approx(shares)
    assert derivative(ops.sinc, [0.0], order=2) == pytest.approx(-(math.pi**2) / 3)
    assert derivative(ops.sinc, [0.0], order=4) == pytest.approx(math.pi**4 / 5)


@pytest.mark.parametrize("order", range(6))
def test_sinc_is_the_integral_it_is(order):
    """The derivative of sin(u) / u of order n is the integral of t^n cos(u t + n pi / 2) over t from 0 to 1."""
    u = np.array([0.0, 1e-8, 0.3, -1.0, 1.9, 2.1, 3.3, -5.7, 6.5, 30.0])
    t, w = np.polynomial.legendre.leggauss(60)
    t, w = (t + 1) / 2, w / 2
    exact = (w * t**order * np.cos(u[:, None] * t + order * math.pi / 2)).sum(1)
    np.testing.assert_allclose(derivative(ops.sinc, u / math.pi, order) / math.pi**order, exact, rtol=0, atol=2e-13)


# ---------------------------------------------------------------------------------------------- the far ends

ACTIVATIONS = """
elu selu celu gelu silu mish relu6 hardtanh hardsigmoid hardswish softsign tanhshrink softshrink hardshrink
sigmoid tanh softplus logsigmoid relu leaky_relu
"""
SPELLINGS = {
    **{name: getattr(ops, name) for name in ACTIVATIONS.split()},
    "gelu tanh": lambda x: ops.gelu(x, "tanh"),
    "celu 0.01": lambda x: ops.celu(x, 0.01),
    "threshold": lambda x: ops.threshold(x, 0.5, 9.0),
    "prelu": lambda x: ops.prelu(x, np.full(1, 0.25, x.dtype)),
}
AT_MINUS_INFINITY = {  # the value there; the derivative is 0 unless the value is infinite
    **dict.fromkeys(["gelu", "silu", "mish", "relu6", "hardsigmoid", "hardswish", "sigmoid", "softplus", "relu"], 0),
    **{"gelu tanh": 0, "elu": -1, "celu": -1, "hardtanh": -1, "softsign": -1, "tanh": -1},
    **{"selu": -1.7580993408473766, "celu 0.01": -0.01, "threshold": 9},
}
AT_INFINITY = {"relu6": 6, "hardtanh": 1, "hardsigmoid": 1, "softsign": 1, "sigmoid": 1, "tanh": 1, "logsigmoid": 0}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_no_activation_overflows_at_any_order(name, dtype):
    """Nor is anything nan, nor any derivative infinite, from -inf over the largest numbers and +-1e4 to inf."""
    f, largest = SPELLINGS[name], np.finfo(dtype).max
    x = np.array([-INF, -largest, -1e4, -800, -100, -20, -3, 0, 3, 20, 100, 800, 1e4, largest, INF], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = f(Tensor(x)).data
        assert out.dtype == dtype
        assert not np.isnan(out).any()
        t = Tensor(x, requires_grad=True)
        g = f(t)
        for _ in range(3):
            if g.requires_grad:
                g = gradients(g, t, np.ones(x.shape), create_graph=True, allow_unused=True)
                if g is None:
                    break
                assert g.dtype == dtype
                assert np.isfinite(g.data).all()
    first = derivative(f, x)
    assert out[0] == pytest.approx(AT_MINUS_INFINITY.get(name, -INF), rel=1e-6)
    assert out[-1] == AT_INFINITY.get(name, INF)
    assert (first[0] == 0) == (name in AT_MINUS_INFINITY)
    assert (first[-1] == 0) == (name in AT_INFINITY)


@pytest.mark.parametrize("name", [n for n in SPELLINGS if n in ACTIVATIONS.split()])
def test_activations_far_out_are_pytorchs(name, torch):
    x = np.array([-1e4, -800.0, -100.0, -30.0, -9.0, -6.5, 6.5, 9.0, 30.0, 100.0, 800.0, 1e4])
    value, (first,) = of_pytorch(torch, getattr(torch.nn.functional, name), [x])
    np.testing.assert_allclose(SPELLINGS[name](x), value, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(derivative(SPELLINGS[name], x), first, rtol=1e-9, atol=1e-7)


def test_the_lower_tails_keep_their_digits():
    """Where 1 + erf or 1 + tanh would round to 0."""
    x = -10.0
    assert ops.gelu(x) == pytest.approx(x * 7.619853024160593e-24, rel=1e-12)  # P(Z <= -10)
    assert ops.gelu(x, "tanh") == pytest.approx(x / (1 + math.exp(math.sqrt(8 / math.pi) * 54.715)), rel=1e-12)
    assert ops.mish(-40.0) == pytest.approx(-40 * math.exp(-40), rel=1e-12)
    assert ops.erfc(10.0) == pytest.approx(2.088487583762545e-45, rel=1e-12)
    assert ops.logit(0.5 + 1e-9) == pytest.approx(4 * (0.5 + 1e-9 - 0.5), rel=1e-14)
    assert ops.expm1(1e-12) == pytest.approx(1e-12, rel=1e-11)
    assert ops.log1p(1e-12) == pytest.approx(1e-12, rel=1e-11)


def test_infinite_values_come_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (ops.log, ops.log2, ops.log10):
            assert f(Tensor([0.0, INF])).tolist() == [-INF, INF]
        assert ops.log1p(Tensor([-1.0])).tolist() == [-INF]
        assert ops.rsqrt(Tensor([0.0, INF])).tolist() == [INF, 0]
        assert ops.atanh(Tensor([-1.0, 1.0])).tolist() == [-INF, INF]
        assert ops.logit(Tensor([0.0, 1.0])).tolist() == [-INF, INF]
        assert ops.erfinv(Tensor([-1.0, 1.0])).tolist() == [-INF, INF]
        assert ops.lgamma(Tensor([0.0, -1.0, INF])).tolist() == [INF, INF, INF]
        for f in (ops.sinh, ops.cosh, ops.exp2, ops.expm1, ops.exp):
            assert f(Tensor([1e4])).tolist() == [INF]
        assert ops.square(Tensor([1e200])).tolist() == [INF]
        assert ops.xlogy(Tensor([0.0, 0.0, 0.0, 2.0]), Tensor([0.0, -1.0, INF, 0.0])).tolist() == [0, 0, 0, -INF]
        assert ops.logaddexp(Tensor([-INF, INF, 1e4]), Tensor([-INF, 0.0, -1e4])).tolist() == [-INF, INF, 1e4]


@pytest.mark.parametrize("dtype", FLOATS)
def test_large_arguments_leave_room_for_their_squares(dtype):
    """x * x would overflow in hypot, atan2 and asinh, and their derivatives would be 0 or nan."""
    big = np.array([np.finfo(dtype).max / 4], dtype)
    x, y = Tensor(big, requires_grad=True), Tensor(big, requires_grad=True)
    np.testing.assert_allclose([g.item() for g in gradients(ops.hypot(x, y), [x, y])], math.sqrt(0.5), rtol=1e-6)
    scaled = [g.item() * float(big[0]) for g in gradients(ops.atan2(x, y), [x, y])]
    np.testing.assert_allclose(scaled, [0.5, -0.5], rtol=1e-6)
    np.testing.assert_allclose(derivative(ops.asinh, big).item() * float(big[0]), 1, rtol=1e-6)


# -------------------------------------------------------------------------------------------- dtypes and values

TO_FLOAT = """
sin cos tan sinh cosh asinh atan sinc deg2rad rad2deg exp exp2 expm1 log1p sqrt cbrt sigmoid tanh
log log2 log10 rsqrt acosh erf erfc lgamma digamma reciprocal
softplus logsigmoid silu mish gelu elu selu celu softsign tanhshrink hardsigmoid hardswish
"""


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64"])
@pytest.mark.parametrize("name", TO_FLOAT.split())
def test_integers_become_float64(name, dtype):
    x = np.ones(3, dtype)
    out = getattr(ops, name)(Tensor(x))
    assert out.dtype == np.float64
    np.testing.assert_array_equal(out.data, getattr(ops, name)(x.astype(float)))


@pytest.mark.parametrize(
    "name", ["atan2", "hypot", "logaddexp", "logaddexp2", "xlogy", "copysign", "heaviside", "float_power", "divide"]
)
def test_two_integers_become_float64(name):
    f = getattr(ops, name)
    for a, b in itertools.product(["bool", "int8", "int64"], repeat=2):
        assert f(Tensor(np.ones(2, a)), Tensor(np.ones(2, b))).dtype == np.float64
        assert f(Tensor(np.ones(2, a)), 2).dtype == np.float64
    if name != "float_power":
        assert f(Tensor(np.ones(2, "float32")), 2).dtype == np.float32
        assert f(Tensor(np.ones(2, "float32")), Tensor(np.ones(2))).dtype == np.float64
        assert f(2.0, Tensor(np.ones(2, "float32"))).dtype == np.float32


def test_what_is_whole_stays_whole():
    x = Tensor([7, -7])
    for f in (ops.floor, ops.ceil, ops.trunc, ops.round, ops.frac, ops.square, ops.positive, ops.sign, ops.abs):
        assert f(x).dtype == np.int64
    assert (x // 2).tolist() == [3, -4]
    assert (x % 3).tolist() == [1, 2]
    assert ops.fmod(x, 3).tolist() == [1, -1]
    assert [t.tolist() for t in divmod(x, 3)] == [[2, -3], [1, 2]]
    assert [t.tolist() for t in divmod(7, Tensor([2, 3]))] == [[3, 2], [1, 1]]
    assert x.round(decimals=-1).tolist() == [10, -10]
    copy = x.floor()
    copy += 1
    assert x.tolist() == [7, -7]
    for name in ("floor", "ceil", "trunc", "round"):
        assert getattr(Tensor([True, False]), name)().dtype == bool
    assert (Tensor([6]) & 3).tolist() == [2]
    assert (Tensor([6]) ^ 3).tolist() == [5]
    assert (~Tensor([6])).tolist() == [-7]
    assert ops.logical_and(Tensor([6]), 3).tolist() == [True]


ODD = np.array([-INF, -2.5, -1.0, -0.5, -0.0, 0.0, 0.3, 1.0, 1.5, 2.5, 7.0, INF, NAN])
NUMPYS = """
arcsin arccos arctan sin cos tan sinh cosh tanh arcsinh arccosh arctanh sinc deg2rad rad2deg radians degrees
exp exp2 expm1 log log1p log2 log10 sqrt cbrt square absolute sign floor ceil trunc round
positive negative isnan isinf isposinf isneginf isfinite signbit logical_not nan_to_num
"""
NUMPYS_OF_TWO = """
arctan2 hypot logaddexp logaddexp2 copysign heaviside fmod remainder mod floor_divide fmax fmin isclose
maximum minimum logical_and logical_or logical_xor float_power true_divide not_equal less
"""


@pytest.mark.parametrize("dtype", ["float16", *FLOATS])
@pytest.mark.parametrize("name", NUMPYS.split())
def test_values_are_numpys(name, dtype):
    x = ODD.astype(dtype)
    with np.errstate(all="ignore"):
        ours, theirs = getattr(mg, name, getattr(ops, name))(Tensor(x)), getattr(np, name)(x)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.data, theirs, rtol=2 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NUMPYS_OF_TWO.split())
def test_values_of_two_are_numpys(name, dtype):
    x, y = ODD.astype(dtype)[:, None], ODD.astype(dtype)
    with np.errstate(all="ignore"):
        ours, theirs = getattr(mg, name)(Tensor(x), Tensor(y)), getattr(np, name)(x, y)
        assert type(getattr(ops, name)(x[:, 0], 2.0)) is np.ndarray  # bare in, bare out
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.data, theirs, rtol=1e-15)


def test_allclose_is_a_bool():
    x = Tensor([1.0, NAN], requires_grad=True)
    assert ops.allclose(x, x) is False
    assert x.allclose(x, equal_nan=True) is True
    assert ops.allclose(np.ones(2), np.ones(2) + 1e-9) is True
    assert ops.allclose(np.ones(0), np.ones((3, 0))) is True
    assert Tensor([1.0]).allclose([1.2], rtol=0.3) is True


def test_lerp_is_exact_at_both_ends():
    x, end = Tensor([0.1, 1e16, -3.0]), Tensor([0.7, 1.0, 1e-3])
    for zero, one in ((0, 1), (Tensor(0.0), Tensor(1.0)), (np.zeros(3), np.ones(3))):
        assert x.lerp(end, zero).tolist() == x.tolist()
        assert x.lerp(end, one).tolist() == end.tolist()


def test_fmods_derivative_is_right_where_the_quotient_rounds_up_to_a_whole_number():
    """1 / 0.1 is 10.0, but 0.1 is a little more than a tenth: it fits nine times."""
    x, y = Tensor([1.0]), Tensor([0.1], requires_grad=True)
    for f in (ops.fmod, ops.remainder):
        out = f(x, y)
        assert out.item() > 0.09
        assert gradients(out, y).tolist() == [-9]


def test_the_operators():
    x = Tensor([5.5, -5.5])
    assert +x is x
    for f in (operator.mod, operator.floordiv, divmod):
        for a, b in ((x, 2.0), (7.0, x), (x, Tensor([2.0, 3.0])), (np.array([7.0, 8.0]), x)):
            ours, theirs = f(a, b), f(np.asarray(a), np.asarray(b))
            np.testing.assert_array_equal(ours, theirs)
    true, mixed = Tensor([True, True]), Tensor([True, False])
    assert (true ^ mixed).tolist() == (np.array([True, True]) ^ mixed).tolist() == [False, True]


def test_second_names_are_the_same_functions():
    for name in ops.aliases.__all__:
        function = getattr(ops, name)
        assert getattr(Tensor, name) is function
        assert any(getattr(ops, n) is function for n in ops.__all__ if n != name)
        if name not in ("pow", "round"):
            assert getattr(mg, name) is function
    assert not {"pow", "round", "abs", "sum"} & set(mg.__all__)


# ----------------------------------------------------------------------------------------------------- errors

X = Tensor(np.ones((2, 3)), requires_grad=True)
SENTENCES = [
    (lambda: X.glu(), ValueError, r"glu of \(2, 3\): dim -1 has two halves only where its length is even"),
    (lambda: Tensor(1.0).glu(), ValueError, r"glu of \(\)"),
    (lambda: X.prelu(np.ones(2)), ValueError, r"prelu of \(2, 3\): needs one weight or 3, .*not those of \(2,\)"),
    (lambda: X.prelu(np.ones((3, 1))), ValueError, r"prelu of \(2, 3\): .*\(3, 1\)"),
    (lambda: X[0].prelu(np.ones(3)), ValueError, r"prelu of \(3,\): needs one weight or 1"),
    (lambda: X.gelu("erf"), ValueError, 'gelu: approximate is "none" or "tanh", got \'erf\''),
    (lambda: X.celu(0.0), ValueError, "celu divides by alpha, which must not be 0"),
    (lambda: X.hardtanh(1, -1), ValueError, "hardtanh: min_val=1 is larger than max_val=-1"),
    (lambda: X.softshrink(-1), ValueError, "softshrink: lambd is 0 or more, got -1"),
    (lambda: X.hardshrink(-1), ValueError, "hardshrink: lambd is 0 or more, got -1"),
    (lambda: X.softmin(), TypeError, r"softmax needs the dimension .* dim=-1"),
    (lambda: X.polygamma(-1), ValueError, "polygamma: the order n is 0 or more, got -1"),
    (lambda: +(X > 0), TypeError, "positive of bool: a boolean has no sign"),
    (lambda: X ^ X, TypeError, r"bitwise_xor of \(2, 3\) float64, \(2, 3\) float64: .*not supported"),
    (lambda: X % np.ones(2), ValueError, r"remainder of \(2, 3\) float64, \(2,\) float64: .*broadcast"),
    (lambda: X.atan2(np.ones(2)), ValueError, r"atan2 of \(2, 3\) float64, \(2,\) float64: .*broadcast"),
    (lambda: X.isclose(np.ones(2)), ValueError, r"isclose of \(2, 3\) float64, \(2,\) float64: .*broadcast"),
    (lambda: X.logit(0.6), ValueError, "logit: eps is between 0 and 0.5, got 0.6"),
]


@pytest.mark.parametrize(("act", "kind", "sentence"), SENTENCES, ids=[s for *_, s in SENTENCES])
def test_bad_input_gets_a_sentence(act, kind, sentence):
    with pytest.raises(kind, match=sentence):
        act()


def test_scipy_is_loaded_by_the_first_function_that_needs_it():
    script = """
import sys, minigrad as mg
x = mg.Tensor([0.5])
x.sin(), x.silu(), x.gelu("tanh"), x.logit(), x.logaddexp(x)
assert "scipy" not in sys.modules
x.gelu()
assert "scipy.special" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
