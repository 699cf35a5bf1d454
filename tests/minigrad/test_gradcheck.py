"""The checker is checked: right derivatives pass, planted wrong ones are named, and what cannot be judged is said."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor
from minigrad.engine import derivatives, op
from minigrad.testing import GradcheckError, gradcheck, gradgradcheck


def leaf(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True)


def op_with(forward, *rules):
    planted = op(forward)
    derivatives(planted, *rules)
    return planted


def sine(*rules):
    def sin(x):
        return np.sin(x)

    return op_with(sin, *rules)


RIGHT = sine(lambda g, out, x: g * mg.sqrt(1 - out * out))  # for |x| < pi/2


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (lambda x: (x * x).sum(), [leaf(3)]),
        (lambda x, y: x @ y, [leaf(2, 3), leaf(3, 2)]),
        (lambda x, y: (x * y, mg.exp(x).sum(0)), (leaf(2, 3), leaf(3))),
        (lambda x: x.max(0), leaf(2, 2)),  # indices are passed over
        (lambda x, c: x * c, [leaf(2), Tensor([1.0, 2.0])]),
        (lambda x, c: x * c, [leaf(2), 3.0]),
        (lambda x: x.reshape(8, 8) @ x.reshape(8, 8), leaf(64)),  # more outputs than rows
        (lambda x: (x * 1e6) ** 3, leaf(3)),
        (lambda x: (x * 1e-6) ** 3, leaf(3)),
        (lambda x: x * 2, leaf(0, 3)),
        (lambda x: x * 2, leaf()),
        (lambda x: (x.sum(), x.detach() * 0 + 1), leaf(2)),
    ],
)
def test_right_derivatives_pass(check, f, inputs):
    assert check(f, inputs) is True


def test_a_closure_over_the_inputs_is_checked_too():
    w, x = leaf(3, seed=1), Tensor([1.0, 2.0, 3.0])
    assert gradcheck(lambda _: mg.tanh(w * x), w)
    wrong = sine(lambda g, out, x: -g)
    with pytest.raises(GradcheckError):
        gradcheck(lambda _: wrong(w * x), w)


def test_inputs_come_back_as_they_were():
    x = leaf(3)
    array = x.data
    array.flags.writeable = False
    gradgradcheck(lambda x: x**3, x)
    assert x.data is array
    assert x.grad is None
    x = leaf(3)
    array = x.data
    with pytest.raises(ZeroDivisionError):
        gradcheck(lambda x: x * (1 / (x.data is array)), x)
    assert x.data is array


WRONG = {
    "sign": lambda g, out, x: g * -mg.sqrt(1 - out * out),
    "factor": lambda g, out, x: g * mg.sqrt(1 - out * out) * 1.0001,
    "a hair": lambda g, out, x: g * mg.sqrt(1 - out * out) * (1 + 1e-6),
    "no cotangent": lambda g, out, x: mg.sqrt(1 - out * out),
    "nothing": lambda g, out, x: g * 0,
    "nan": lambda g, out, x: g * np.nan,
    "one element": lambda g, out, x: g * mg.sqrt(1 - out * out) * np.array([1, 1, 2]),
    "mixed elements": lambda g, out, x: g[::-1] * mg.sqrt(1 - out * out),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_planted_mistake_is_found(name):
    x = Tensor([0.3, 0.5, 0.7], requires_grad=True)
    wrong = sine(WRONG[name])
    assert gradcheck(RIGHT, x)
    assert not gradcheck(wrong, x, raise_exception=False)
    with pytest.raises(
        GradcheckError, match=r"d output 0\[\d\] / d input 0\[\d\]: analytic .*, numeric .* ± .*disagree"
    ):
        gradcheck(wrong, x)


def test_a_mistake_in_the_second_derivative_only():
    x = Tensor([0.3, 0.5], requires_grad=True)
    stuck = sine(lambda g, out, x: g * np.cos(getattr(x, "data", x)))  # right, but without its own history
    assert gradcheck(stuck, x)
    assert not gradgradcheck(stuck, x, raise_exception=False)
    with pytest.raises(GradcheckError, match="output i is the gradient of the i-th input"):
        gradgradcheck(stuck, x)
    assert gradgradcheck(RIGHT, x)


def test_the_sentence_says_where_and_by_how_much():
    double = op_with(lambda x: 2 * x, lambda g, out, x: g * np.array([[2, 2, 2], [2, 2, 3]]))
    y = leaf(2, 3)
    with pytest.raises(GradcheckError) as error:
        gradcheck(lambda x, y: (x * 1, double(y)), [leaf(2), y])
    text = str(error.value)
    assert text.startswith("d output 1[1, 2] / d input 1[1, 2]: analytic 3, numeric 2")
    assert text.endswith("(1 of 48 derivatives disagree)")
    assert len(text) < 200


def test_with_many_outputs_the_input_is_named():
    wrong = sine(lambda g, out, x: g * (1 - out * out))
    with pytest.raises(GradcheckError, match=r"d random weighted sum \d+ of the outputs / d input 0\[\d+\]"):
        gradcheck(wrong, leaf(50))


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: x.abs(), 1e-4),
        (lambda x: x.relu(), 0.0),
        (lambda x: x.sqrt(), 1e-5),
        (lambda x: mg.log(x), 1e-4),
        (lambda x: x * 0 + np.random.default_rng().normal(), 1.0),
    ],
    ids=["beside a kink", "on a kink", "near an infinite slope", "near the edge of the domain", "not repeatable"],
)
def test_what_cannot_be_judged_is_said(f, at):
    with pytest.raises(GradcheckError, match=r"settle on no value|disagree"):
        gradcheck(f, Tensor([at], requires_grad=True))


def test_gradients_that_change_from_call_to_call():
    noise = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match=r"input 0: two equal calls gave gradients that differ by"):
        gradcheck(lambda x: x * noise.normal(), leaf(2))


def test_bad_arguments_get_a_sentence():
    with pytest.raises(ValueError, match=r"needs float64: the rounding of float32 \(input 1\) would hide mistakes"):
        gradcheck(lambda x, y: x * y, [leaf(2), Tensor([1.0, 2.0], requires_grad=True, dtype="float32")])
    with pytest.raises(ValueError, match="at least one input that requires grad"):
        gradcheck(lambda x: x, Tensor([1.0]))


def test_the_error_bar_covers_the_error():
    """For functions whose derivative is known, over many scales of x."""
    from minigrad.testing.gradcheck import _differences

    for f, derivative in (
        (mg.exp, np.exp),
        (mg.tanh, lambda x: 1 - np.tanh(x) ** 2),
        (lambda x: x**5, lambda x: 5 * x**4),
    ):
        x = Tensor(np.linspace(-4, 4, 41), requires_grad=True)
        numeric, bar = _differences(f, [x], x, 1e-3)
        error = np.abs(np.diag(numeric) - derivative(x.detach().data))
        assert (error <= np.diag(bar)).all()
        assert (np.diag(bar) <= 1e-9 * (1 + np.abs(np.diag(numeric)))).all()


def test_tolerances_are_on_top_of_the_bar():
    wrong = sine(lambda g, out, x: g * mg.sqrt(1 - out * out) * 1.001)
    x = Tensor([0.3], requires_grad=True)
    assert gradcheck(wrong, x, rtol=0.01)
    assert gradcheck(wrong, x, atol=0.01)
    assert not gradcheck(wrong, x, raise_exception=False)


def test_given_grad_outputs_are_used():
    x = Tensor([0.3, 0.5], requires_grad=True)
    v = Tensor([1.0, 2.0], requires_grad=True)
    assert gradgradcheck(RIGHT, x, v)
    assert gradgradcheck(lambda x: (RIGHT(x), x * x), x, [v, Tensor([1.0, 0.0])])
