"""The checker is checked: right derivatives pass, planted wrong ones are named, and what cannot be judged is said."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor
from minigrad.engine import derivatives, op
from minigrad.testing import GradcheckError, gradcheck, gradgradcheck


class Halved(mg.autograd.Function):
    """x^2 with half of its gradient."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x


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
        (lambda x: x.abs(), 1e-6),
        (lambda x: x.relu(), 0.0),
        (lambda x: x.sqrt(), 1e-5),
        (lambda x: mg.log(x), 1e-6),
        (lambda x: mg.log(x), 1e-3),
        (lambda x: x * 0 + np.random.default_rng().normal(), 1.0),
    ],
    ids=[
        "beside a kink",
        "on a kink",
        "near an infinite slope",
        "near the edge of the domain",
        "a step from it",
        "not repeatable",
    ],
)
def test_what_cannot_be_judged_is_said(f, at):
    with pytest.raises(GradcheckError, match=r"settle on no value|the slope jumps by 1 there: at a kink"):
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
        numeric, bar, jump = _differences(f, [x], x, 1e-3)
        error = np.abs(np.diag(numeric) - derivative(x.detach().data))
        assert (error <= np.diag(bar)).all()
        assert (np.diag(bar) <= 1e-9 * (1 + np.abs(np.diag(numeric)))).all()
        assert (np.diag(jump) <= 1e-6 * (1 + np.abs(np.diag(numeric)))).all()


def test_tolerances_are_on_top_of_the_bar():
    wrong = sine(lambda g, out, x: g * mg.sqrt(1 - out * out) * 1.001)
    x = Tensor([0.3], requires_grad=True)
    assert gradcheck(wrong, x, rtol=0.01)
    assert gradcheck(wrong, x, atol=0.01)
    assert not gradcheck(wrong, x, raise_exception=False)
    with pytest.raises(GradcheckError, match=r"\(1 of 1 derivatives disagree\)$"):  # and nothing of a kink
        gradcheck(wrong, x)


def test_given_grad_outputs_are_used():
    x = Tensor([0.3, 0.5], requires_grad=True)
    v = Tensor([1.0, 2.0], requires_grad=True)
    assert gradgradcheck(RIGHT, x, v)
    assert gradgradcheck(lambda x: (RIGHT(x), x * x), x, [v, Tensor([1.0, 0.0])])


# ------------------------------------------------------------------------------------- what func may return


BOTH = pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
NO_TENSORS = {
    "None": lambda x: None,
    "a float": lambda x: float(x.sum()),
    "a string": lambda x: "x",
    "an array": lambda x: x.detach().numpy() ** 2,
    "a float beside": lambda x: (x * 2, 3.0),
    "None beside": lambda x: (x * 2, None),
    "an array within": lambda x: {"y": [x * 2, x.detach().numpy()]},
}


@BOTH
@pytest.mark.parametrize("name", NO_TENSORS)
def test_what_is_no_tensor_is_refused(check, name):
    for settings in ({}, {"raise_exception": False}):
        with pytest.raises(TypeError, match=r"func returned .*, which is not a Tensor, so that no gradient can be"):
            check(NO_TENSORS[name], leaf(2), **settings)


@BOTH
@pytest.mark.parametrize("nothing", [(), [], {}, [(), {}]], ids=repr)
def test_nothing_is_no_pass(check, nothing):
    with pytest.raises(ValueError, match="func returned no Tensor"):
        check(lambda x: nothing, leaf(2))


NESTED = {
    "a dict": (lambda y, x: {"y": y}, "output['y']"),
    "lists": (lambda y, x: [[x, y]], "output[0][1]"),
    "a dict in a tuple": (lambda y, x: (x, {"a": x, "b": (y,)}), "output[1]['b'][0]"),
}


@pytest.mark.parametrize("name", NESTED)
def test_every_leaf_is_judged(name):
    arranged, place = NESTED[name]
    x = leaf(2)
    assert gradcheck(lambda x: arranged(x**3, x * 1), x)
    assert gradgradcheck(lambda x: arranged(x**3, x * 1), x)
    with pytest.raises(GradcheckError) as error:
        gradcheck(lambda x: arranged(Halved.apply(x), x * 1), x)
    assert str(error.value).startswith(f"d {place}[")
    assert not gradgradcheck(lambda x: arranged(x * Halved.apply(x), x * 1), x, raise_exception=False)


UNTRACKED = {
    "beside one that is": lambda x: (x * 2, x.detach() ** 2),
    "integers beside": lambda x: (x * 2, x.argmax()),
    "alone": lambda x: x.detach() ** 2,
    "alone, linear": lambda x: x.detach() * 2,
    "alone, constant": lambda x: x.detach() * 0 + 1,
    "integers alone": lambda x: x.argmax(),
}


@pytest.mark.parametrize("name", UNTRACKED)
def test_outputs_that_do_not_require_grad_are_taken_as_pytorch_takes_them(name, torch):
    ours, theirs = leaf(3), torch.tensor(leaf(3).detach().numpy(), requires_grad=True)
    f = UNTRACKED[name]
    assert gradcheck(f, ours, raise_exception=False) == torch.autograd.gradcheck(f, theirs, raise_exception=False)


@BOTH
def test_a_function_outside_of_the_graph_is_said(check):
    for f in (UNTRACKED["alone"], lambda x: Tensor(x.detach().numpy() * 2)):
        with pytest.raises(
            GradcheckError, match=r"d output 0\[\d\] / d input 0\[\d\]: analytic 0, .*; no output requires grad"
        ):
            check(f, leaf(2))
    assert check(lambda x: mg.sign(x), leaf(2))  # which has no gradient, and needs none


def test_gradients_outside_of_the_graph_are_judged_beside_others():
    """Untracked gradients are no untracked outputs: one that leaves the graph is not passed over."""

    class Stuck(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g.detach().numpy() * ctx.x.detach().numpy()

    assert gradcheck(lambda x, y: Stuck.apply(x) + y**2, [leaf(2), leaf(2)])
    with pytest.raises(GradcheckError, match="d output 0"):
        gradgradcheck(lambda x, y: Stuck.apply(x) + y**2, [leaf(2), leaf(2)])


# ------------------------------------------------------------------------------------- PyTorch's arguments


def test_the_arguments_are_those_of_pytorch(torch):
    from inspect import signature

    for ours, theirs in (
        (mg.autograd.gradcheck, torch.autograd.gradcheck),
        (mg.autograd.gradgradcheck, torch.autograd.gradgradcheck),
    ):
        mine, right = signature(ours).parameters, signature(theirs).parameters
        assert list(mine) == list(right)
        assert [p.kind for p in mine.values()] == [p.kind for p in right.values()]
        tuned = ("eps", "atol", "rtol")  # made for another numeric side
        assert {k: p.default for k, p in mine.items() if k not in tuned} == {
            k: p.default for k, p in right.items() if k not in tuned
        }
    assert mg.autograd.gradcheck is gradcheck
    assert mg.autograd.gradgradcheck is gradgradcheck
    with pytest.raises(AttributeError, match="no attribute gradchek"):
        mg.autograd.gradchek  # noqa: B018


def test_arguments_that_mean_nothing_here():
    assert gradcheck(mg.sin, leaf(2), check_grad_dtypes=True, masked=True)
    assert gradgradcheck(mg.sin, leaf(2), check_grad_dtypes=True, masked=True)
    for check, name in (
        (gradcheck, "check_batched_grad"),
        (gradcheck, "check_batched_forward_grad"),
        (gradgradcheck, "check_batched_grad"),
    ):
        with pytest.raises(ValueError, match=f"{name}=True asks for vmap"):
            check(mg.sin, leaf(2), **{name: True})
    with pytest.raises(ValueError, match="let check_backward_ad or check_forward_ad be True"):
        gradcheck(mg.sin, leaf(2), check_backward_ad=False)
    with pytest.raises(ValueError, match="let check_rev_over_rev or check_fwd_over_rev be True"):
        gradgradcheck(mg.sin, leaf(2), check_rev_over_rev=False)


class Pair(mg.autograd.Function):
    """(x^2, x^3), with a backward that may fail to expect no gradient for one of them."""

    careful = False

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x**2, x**3

    @classmethod
    def pulled(cls, x, g, h):
        if cls.careful:
            return (0 if g is None else 2 * x * g) + (0 if h is None else 3 * x**2 * h)
        return 2 * x * g + 3 * x**2 * h

    @staticmethod
    def backward(ctx, g, h):
        return Pair.pulled(*ctx.saved_tensors, g, h)


class Careful(Pair):
    @staticmethod
    def backward(ctx, g, h):
        return Careful.pulled(*ctx.saved_tensors, g, h)

    careful = True


@BOTH
def test_an_output_without_a_gradient(check):
    assert check(Careful.apply, leaf(2))
    assert check(Pair.apply, leaf(2), check_undefined_grad=False)


def test_an_output_without_a_gradient_is_named():
    with pytest.raises(GradcheckError, match=r"output 0 gets no gradient, and the derivative raises TypeError: .*None"):
        gradcheck(Pair.apply, leaf(2))

    class Other(Careful):
        @staticmethod
        def backward(ctx, g, h):
            return Careful.pulled(*ctx.saved_tensors, g, h) + (1 if h is None else 0)

    with pytest.raises(GradcheckError, match="output 1: no gradient is not the same as a gradient of zeros"):
        gradcheck(Other.apply, leaf(2))


@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (lambda x: mg.tanh(x), [leaf(2, 3)]),
        (lambda x, y: (x @ y, y.detach() * 2, x.sum()), [leaf(2, 3), leaf(3, 2)]),
        (lambda x: x.reshape(8, 8) @ x.reshape(8, 8), [leaf(64)]),
        (lambda x, y: (x * 2, y * 3), [leaf(0, 3), leaf()]),
        (lambda x, y: x * 2, [leaf(2), leaf(2)]),
    ],
)
@pytest.mark.parametrize("fast_mode", [False, True])
def test_forward_and_fast_modes_pass_what_is_right(f, inputs, fast_mode):
    assert gradcheck(f, inputs, check_forward_ad=True, fast_mode=fast_mode)
    assert gradcheck(f, inputs, check_forward_ad=True, check_backward_ad=False, fast_mode=fast_mode)
    assert gradgradcheck(f, inputs, check_fwd_over_rev=True, gen_non_contig_grad_outputs=True, fast_mode=fast_mode)


@pytest.mark.parametrize("name", WRONG)
def test_forward_and_fast_modes_find_what_is_wrong(name):
    x, wrong = Tensor([0.3, 0.5, 0.7], requires_grad=True), sine(WRONG[name])
    with pytest.raises(
        GradcheckError, match="d random weighted sum 0 of the outputs / d a random direction of input 0"
    ):
        gradcheck(wrong, x, fast_mode=True)
    assert not gradcheck(wrong, x, check_forward_ad=True, check_backward_ad=False, raise_exception=False)


def test_fast_mode_finds_a_transposed_derivative():
    """v^T J v would be that of J^T too."""
    matrix = np.random.default_rng(0).normal(size=(5, 5))
    for forward, rule in (
        (lambda x: np.cumsum(x), lambda g, out, x: mg.cumsum(g, 0)),
        (lambda x: matrix @ x, lambda g, out, x: matrix @ g),
    ):
        wrong = op_with(forward, rule)
        assert not gradcheck(wrong, leaf(5), raise_exception=False)
        assert not gradcheck(wrong, leaf(5), fast_mode=True, raise_exception=False)
    once = op_with(lambda x: x * (matrix @ x), lambda g, out, x: g * (matrix @ x) + matrix.T @ (g * x))
    assert gradcheck(once, leaf(5), fast_mode=True)
    assert gradgradcheck(once, leaf(5), fast_mode=True)


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (mg.sin, [1000.0, -3000.0]),
        (lambda x: mg.sin(100 * x), [10.0]),
        (mg.log, [1000.0, 0.1]),
        (mg.exp, [700.0]),
        (mg.abs, [1e-4]),
    ],
    ids=["far from 0", "quick", "of two sizes", "steep", "beside a kink"],
)
def test_a_smaller_step_is_taken_where_one_is_needed(f, at):
    x = Tensor(at, requires_grad=True)
    for fast_mode in (False, True):
        assert gradcheck(f, x, fast_mode=fast_mode)
    assert not gradcheck(lambda x: Wider.apply(f(x)), x, raise_exception=False)


class Wider(mg.autograd.Function):
    """x with a gradient that is too large by 1e-5 of it."""

    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g * (1 + 1e-5)


def test_the_graph_of_before_holds_afterwards():
    x = leaf(3)
    y = (x**3).sum()
    assert gradcheck(lambda x: x**2, x)
    assert x._version == 0
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * x.detach().numpy() ** 2)


def test_fast_mode_calls_few_times():
    calls = []
    assert gradcheck(lambda x: (calls.append(1), x**3)[1], leaf(50), fast_mode=True)
    assert len(calls) < 12


def test_grad_outputs_with_gaps():
    seen = []

    def rule(g, out, x):
        seen.append((g.data if isinstance(g, Tensor) else g).strides)
        return g * mg.cos(x)

    assert gradgradcheck(sine(rule), leaf(2, 3), gen_non_contig_grad_outputs=True)
    assert (48, 16) in seen
