"""check_op: awkward right ops pass, planted ones are found, the counterexample is small and can be pasted."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import minigrad as mg
from minigrad import derivatives, op, ops
from minigrad.testing import Engine, OpError, check_at, check_op, properties
from minigrad.testing.catalogue import CASES
from minigrad.testing.engines import MINIGRAD
from minigrad.testing.measure import Point
from minigrad.testing.properties import Finding
from minigrad.testing.strategies import arrays, broadcastable, mlps, programs, shapes, tensors

FEW = 12
ANY = arrays(shapes(max_dims=2))
POSITIVE = arrays(shapes(max_dims=2), st.floats(0.3, 3))


def planted(forward, *rules):
    wrong = op(forward)
    derivatives(wrong, *rules)
    return wrong


def square(x):
    return x * x


def product(x, y):
    return x * y


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


SAMPLE = ["add", "power:array", "matmul", "where", "clip", "maxout", "amax:axis", "std", "softmax", "getitem:pairs"]


@pytest.mark.parametrize("name", SAMPLE)
def test_no_false_alarm_on_the_catalogue(name):
    (case,) = (c for c in CASES if c.name == name)
    inputs = case.inputs.map(lambda drawn: [*drawn[0], *drawn[1]])
    report = check_op(lambda *args: case.ours(mg.ops, *args), inputs, name=name, max_examples=FEW)
    assert report.passed["gradient"] > FEW // 2


AWKWARD = {
    "relu": (mg.relu, [ANY]),
    "abs": (mg.abs, [ANY]),
    "clip": (lambda x: mg.clip(x, -0.5, 1.0), [ANY]),
    "largest of ties": (mg.amax, [arrays(shapes(1, 2, 1), st.sampled_from([0.0, 1.0]))]),
    "first of ties": (lambda x: mg.max(x, -1).values, [arrays(shapes(1, 2, 1), st.sampled_from([0.0, 1.0]))]),
    "maximum": (mg.maximum, broadcastable(2, st.sampled_from([0.0, 1.0, 2.0]), max_dims=2)),
    "norm": (lambda x: mg.std(x, correction=0), [arrays(shapes(1, 2, 1), st.sampled_from([0.0, 1.0]))]),
    "sqrt near 0": (mg.sqrt, [arrays(shapes(max_dims=1), st.sampled_from([0.0, 1e-9, 1e-4, 0.01, 1.0, 4.0]))]),
    "log near 0": (mg.log, [arrays(shapes(max_dims=1), st.sampled_from([1e-300, 1e-7, 0.01, 1.0, 1e9]))]),
    "a kink in the slope": (lambda x: mg.relu(x) * x, [ANY]),
    "steps": (lambda x: mg.where(x > 0, x + 1, x), [ANY]),
    "constant": (lambda x: mg.sign(x) * 2, [ANY]),
    "several outputs": (lambda x: (mg.exp(x), x.sum(), x * 3), [ANY]),
    "steep": (lambda x: mg.exp(20 * x), [ANY]),
    "tiny": (lambda x: 1e-20 * x * x, [ANY]),
    "an integer beside": (lambda x, i: x[i], [arrays((3,)), st.lists(st.integers(0, 2), max_size=3).map(np.int64)]),
    "another domain": (lambda x: (mg.sqrt(x), assume(bool((x.data >= 0).all())))[0], [ANY]),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_no_false_alarm_at_kinks_and_edges(name):
    fn, inputs = AWKWARD[name]
    check_op(fn, inputs, max_examples=2 * FEW)


def test_a_report_says_what_was_asked():
    report = check_op(mg.tanh, [ANY], max_examples=FEW)
    assert report.examples >= FEW
    assert set(report.passed) >= {"purity", "gradient", "linearity", "second_order", "two_calls", "float32", "layouts"}
    assert report.complex_step
    assert str(report).startswith(f"tanh on minigrad: {report.examples} examples in ")


def test_the_complex_step_is_left_where_a_function_is_not_analytic():
    assert not check_op(lambda x: mg.abs(x) * 2, [ANY], max_examples=FEW).complex_step


def test_the_counterexample_is_the_smallest():
    wrong = planted(product, lambda g, out, x, y: g * y, lambda g, out, x, y: -g * x)
    with pytest.raises(OpError) as error:
        check_op(wrong, broadcastable(2))
    assert [a.tolist() for a in error.value.inputs] in ([1.0, 0.0], [1.0, 1.0], [0.125, 0.0])
    text = str(error.value)
    assert text.startswith("product on minigrad: the gradient of input 1 is not that of differences")
    assert "d<v, fn>/d x1:  analytic -" in text
    assert " ± " in text
    assert "the wrong sign, in the rule of input 1" in text


@pytest.mark.parametrize("factor", [-1, 1 + 1e-6, 3])
def test_the_pasted_test_fails_too(factor):
    wrong = planted(square, lambda g, out, x: g * x * (2 * factor))
    with pytest.raises(OpError) as error:
        check_op(wrong, [ANY], name="wrong")
    namespace = {"wrong": wrong}
    exec(str(error.value).partition("As a test:")[2], namespace)
    (test,) = (f for name, f in namespace.items() if name.startswith("test_"))
    with pytest.raises(OpError, match="the gradient of input 0"):
        test()


class Reached:
    """Functions of all kinds, half of them right."""

    def method(self, x):
        return Halved.apply(x)

    @classmethod
    def of_class(cls, x):
        return Halved.apply(x)

    @staticmethod
    def static(x):
        return Halved.apply(x)


def half(x):
    return Halved.apply(x)


@pytest.mark.parametrize(
    ("fn", "root"),
    [(Halved.apply, "Halved"), (half, "half"), (Reached.of_class, "Reached"), (Reached.static, "Reached")],
)
def test_a_function_that_a_module_knows_is_imported_by_the_pasted_test(fn, root):
    with pytest.raises(OpError) as error:
        check_op(fn, [ANY], max_examples=FEW)
    text = str(error.value).partition("As a test:")[2]
    assert f"from {__name__} import {root}\n" in text
    assert "put the function here" not in text
    namespace = {}
    exec(text, namespace)
    (test,) = (f for name, f in namespace.items() if name.startswith("test_"))
    with pytest.raises(OpError, match="the gradient of input 0"):
        test()


@pytest.mark.parametrize(
    ("fn", "name", "called"),
    [
        (
            lambda x: Halved.apply(x),
            None,
            r"fn = \.\.\.  # put the function here: <lambda>, line \d+ of test_check_op\.py",
        ),
        (
            Reached().method,
            None,
            r"fn = \.\.\.  # put the function here: Reached\.method, line \d+ of test_check_op\.py",
        ),
        (
            lambda x: Halved.apply(x),
            "mine",
            r"# put the function here, as mine: <lambda>, line \d+ of test_check_op\.py",
        ),
    ],
)
def test_a_function_without_a_name_is_asked_for_in_a_comment(fn, name, called):
    with pytest.raises(OpError, match=called) as error:
        check_op(fn, [ANY], max_examples=FEW, name=name)
    text = str(error.value).partition("As a test:")[2].replace("fn = ...", "fn = given")
    namespace = {"given": fn, "mine": fn}
    exec(text, namespace)
    (test,) = (f for name, f in namespace.items() if name.startswith("test_"))
    with pytest.raises(OpError, match="the gradient of input 0"):
        test()


def test_an_engine_of_ones_own_is_asked_for_in_a_comment():
    mine = Engine("mine", MINIGRAD.value, MINIGRAD.vjp)
    with pytest.raises(OpError, match=r"engine = \.\.\.  # put your Engine here, 'mine'\n.*\n.*engine=engine\)"):
        check_op(half, [ANY], engine=mine, max_examples=FEW)


def test_a_wrong_rule_is_found_beside_the_kink():
    wrong = planted(lambda x: np.maximum(x, 0), lambda g, out, x: 2 * g * (x > 0))
    with pytest.raises(OpError) as error:
        check_op(wrong, [ANY])
    assert (error.value.inputs[0] > 0).any()


def test_ties_may_share_as_they_like_but_not_more_than_there_is():
    def larger(x, y):
        return np.maximum(x, y)

    both = planted(larger, lambda g, out, x, y: g * (x >= y), lambda g, out, x, y: g * (y >= x))
    first = planted(larger, lambda g, out, x, y: g * (x >= y), lambda g, out, x, y: g * (y > x))
    inputs = [arrays((2,), st.sampled_from([0.0, 1.0]))] * 2
    check_op(first, inputs, max_examples=FEW)
    with pytest.raises(OpError, match="ties"):
        check_op(both, inputs)


def test_a_function_that_cannot_be_judged_is_said():
    with pytest.raises(OpError, match=r"nearly none could be judged \(\d+ times for values that are not finite\)"):
        check_op(lambda x: mg.sqrt(-x * x - 1), [arrays((2,))])
    with pytest.raises(OpError, match="kinks, or a domain's edge"):
        check_op(lambda x: mg.abs(x), [st.just(np.zeros(2))])
    with pytest.raises(OpError, match="these inputs cannot be judged"):
        check_at(mg.abs, [np.zeros(2)])


NO_TENSORS = {
    "None": lambda x: None,
    "a float": lambda x: float(x.sum()),
    "a string": lambda x: "x",
    "an array": lambda x: x.detach().numpy() ** 2,
    "a float beside": lambda x: (x * 2, 3.0),
    "None beside": lambda x: (x * 2, None),
    "an array within": lambda x: {"y": [x * 2, x.detach().numpy()]},
}


@pytest.mark.parametrize("name", NO_TENSORS)
def test_what_is_no_tensor_is_refused(name):
    with pytest.raises(OpError, match=r"fn returned .*, which is not a Tensor, so that no gradient can be judged"):
        check_op(NO_TENSORS[name], [ANY], max_examples=FEW)


@pytest.mark.parametrize("arranged", [lambda y: {"y": y}, lambda y: [[y * 1, y]], lambda y: (y, {"a": (y,)})])
def test_every_leaf_is_judged(arranged):
    check_op(lambda x: arranged(x * x), [ANY], max_examples=FEW)
    with pytest.raises(OpError, match="the gradient of input 0 is not that of differences"):
        check_op(lambda x: arranged(Halved.apply(x)), [ANY], max_examples=FEW)


def test_nothing_judged_is_no_pass():
    for fn in (lambda x: (), lambda x: x.sum() > 0):
        with pytest.raises(OpError, match=r"for want of a floating output.*Let fn return a floating array"):
            check_op(fn, [ANY], max_examples=2)
    for strategy in (st.floats(-1, 1), st.just(np.arange(3))):
        with pytest.raises(OpError, match=r"for want of a floating array among the inputs.*Draw NumPy arrays"):
            check_op(lambda x: mg.exp(x) * 1.0, [strategy], max_examples=2)
    with pytest.raises(OpError, match="no example to draw"):
        check_op(mg.exp, [st.nothing()])
    with pytest.raises(OpError, match="these inputs cannot be judged, for want of a floating output"):
        check_at(lambda x: [], [np.ones(2)])
    with pytest.raises(OpError, match="times by an assume inside of fn"):
        check_op(lambda x: (Halved.apply(x), assume(False))[0], [ANY])
    with pytest.raises(OpError, match="every draw of inputs is without elements"):
        check_op(Halved.apply, [arrays((0,))], edges=False)
    with pytest.raises(OpError, match=r"for floating inputs that are not float64.*Draw float64"):
        check_op(mg.exp, [arrays((3,), st.floats(0.5, 1, width=32), np.float32)])


def test_an_input_that_is_never_judged_is_no_pass():
    wrong = planted(np.abs, lambda g, out, x: 5 * g)
    with pytest.raises(OpError, match=r"input 1 could be judged in none of \d+ draws.*away from kinks"):
        check_op(lambda x, y: x.sum() + wrong(y) * np.arange(1, 4), [arrays((2,)), st.just(np.zeros(3))], edges=False)


def test_one_strategy_of_the_only_argument():
    assert check_op(mg.exp, ANY, max_examples=FEW).passed["gradient"]


def test_only_what_was_answered_counts():
    passed = check_op(mg.tanh, [ANY], max_examples=FEW).passed
    assert not {"broadcasting", "repeated_input"} & set(passed)
    assert {"broadcasting", "repeated_input"} <= set(check_op(mg.multiply, broadcastable(2)).passed)


@pytest.mark.parametrize("seed", [0, 1])
def test_at_a_point_everything_is_asked(seed):
    with pytest.raises(OpError, match="in the reference"):
        check_at(mg.exp, [np.ones(2)], reference=mg.sin, seed=seed)


@pytest.mark.parametrize("at", [1e3, 1e7, 1e14])
def test_large_inputs_are_no_false_alarm(at):
    """sin of 1e7 goes round many times in a step relative to it; beside 1e14 a small one is lost."""
    for fn in (mg.sin, lambda x: x * x, lambda x: x - 1):
        found = None
        try:
            check_at(fn, [np.array(at)])
        except OpError as error:
            found = error
        assert found is None or found.property is None, found  # not judged, but not called wrong


def test_a_point_where_all_is_zero_is_judged():
    check_at(mg.square, [np.array(0.0)])
    with pytest.raises(OpError, match="not that of differences"):
        check_at(planted(square, lambda g, out, x: g * (2 * x + 1e-3)), [np.array(0.0)])


def test_a_shape_that_changes_from_call_to_call_is_said():
    calls = itertools.count()
    with pytest.raises(OpError, match=r"two equal calls: output 0 is of shape \(1,\), and \(2,\) the second time"):
        check_at(lambda x: x[:1] if next(calls) % 2 else x * 1, [np.ones(2)])


def test_two_arguments_of_different_shapes_may_be_one():
    """Where broadcasting keeps equal shapes away, f(x, x) is asked all the same."""
    wrong = planted(product, lambda g, out, x, y: g * y, lambda g, out, x, y: 0 * g * x if x is y else g * x)
    with pytest.raises(OpError, match=r"input 0 given as input 1 too|all inputs moved by t"):
        check_op(wrong, st.tuples(arrays((2,), st.floats(1, 2)), arrays((), st.floats(1, 2))), edges=False)


def test_a_users_array_stays_the_users():
    x = np.ones(3)
    check_at(mg.exp, [x])
    x += 1
    assert x.flags.writeable


@pytest.mark.parametrize("engine", ["minigrad", "torch", "jax"])
def test_constants_of_the_engine_are_passed_on(engine, require):
    library = mg if engine == "minigrad" else require(engine)
    make = {"minigrad": lambda: mg.tensor([1.0, 2.0]), "torch": lambda: library.ones(2, dtype=library.float64),
            "jax": lambda: np.float64(2)}[engine]  # fmt: skip
    options = {"engine": engine, "float32": False, "max_examples": FEW}  # a constant of float64 makes all float64
    passed = check_op(lambda x, w: x * x * w, st.tuples(arrays((2,)), st.just(make())), **options).passed
    assert passed["second_order"]
    if engine == "minigrad":
        w = mg.tensor([1.0, 2.0], requires_grad=True)
        passed = check_op(lambda x, w: x * x * w, st.tuples(arrays((2,)), st.just(w)), **options).passed
        assert passed["second_order"]


def test_without_second_order_a_missing_forward_mode_is_not_asked_for(require):
    torch = require("torch")

    class Once(torch.autograd.Function):
        """x^2; its backward leaves the engine."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return torch.from_numpy(np.asarray(2 * g.detach().numpy() * x.detach().numpy()))

    passed = check_op(Once.apply, [ANY], engine="torch", order=1, max_examples=FEW).passed
    assert passed["gradient"]
    assert not passed["forward_mode"]
    with pytest.raises(OpError) as error:
        check_op(Once.apply, [ANY], engine="torch")
    assert error.value.property in ("forward_mode", "second_order")


def test_an_error_in_a_forward_rule_is_no_missing_forward_mode(require):
    torch = require("torch")

    class Slip(torch.autograd.Function):
        """x + 1, whose forward rule raises."""

        @staticmethod
        def forward(ctx, x):
            return x + 1

        @staticmethod
        def backward(ctx, g):
            return g

        @staticmethod
        def jvp(ctx, t):
            raise RuntimeError("a slip")

    for order in (1, 2):
        with pytest.raises(OpError, match=r"RuntimeError: a slip \(property: forward_mode\)"):
            check_op(Slip.apply, [ANY], engine="torch", order=order)


def test_writing_into_an_input_is_seen_where_protection_is_not(require):
    """PyTorch does not know NumPy's write protection, and clamping twice is clamping once."""
    require("torch")
    with pytest.raises(OpError, match="fn writes into input 0"):
        check_op(lambda x: (x.data.clamp_(min=0), x * 2)[1], [ANY], engine="torch")


def doubled(x):
    return x + x


def test_the_pasted_test_has_the_options_of_the_check():
    with pytest.raises(OpError) as error:
        check_op(mg.exp, [ANY], reference=doubled, float32=False, order=1)
    assert "reference=doubled" in str(error.value)
    assert "float32=False" in str(error.value)
    assert "order=1" in str(error.value)
    with pytest.raises(OpError) as error:
        check_op(mg.exp, [ANY], reference=lambda x: x)
    assert "reference = ...  # put the reference here" in str(error.value)
    with pytest.raises(OpError, match="1 floating outputs, the reference has 2"):
        check_op(mg.exp, [ANY], reference=lambda x: (x, x))


def test_broadcasting_is_asked_for_where_it_is_promised():
    def same_shape(x, y):
        if np.shape(x) != np.shape(y):
            raise ValueError("shapes differ")
        return x * y

    inputs = arrays((2, 2)).flatmap(lambda a: st.tuples(st.just(a), st.just(a + 1)))
    f = planted(same_shape, lambda g, out, x, y: g * y, lambda g, out, x, y: g * x)
    check_op(f, inputs, max_examples=FEW)
    with pytest.raises(OpError, match="inputs that broadcast are refused"):
        check_op(f, inputs, broadcasts=True)


def test_a_sum_over_a_repeated_dimension_is_not_broadcasting():
    """k = 1 repeated is another sum, but at 0 of the same value, as where the product is next to nothing."""
    check_at(lambda x, y: ops.einsum("nk,km->nm", x, y), [np.array([[0.0]]), np.array([[0.0, 1.0]])])
    check_at(lambda x, y: ops.einsum("nk,km->nm", x, y), [np.array([[1e-200]]), np.array([[0.0, 1e-200]])])
    check_at(lambda x, y: 1 + ops.einsum("nk,km->nm", x, y), [np.array([[1e-17]]), np.array([[1.0, 2.0]])])


def test_what_cancels_inside_is_no_mistake_of_float32():
    """exp(6e-8) is 1 in float32: its logarithm is 0, and right."""
    check_at(lambda x: mg.log(mg.exp(x)), [np.array([6e-8])])

    def defined_off_zero(x):
        if not x.data.all():
            raise ValueError("0 has no sign")
        return 2 * x

    check_at(defined_off_zero, [np.array([1e-60])])  # which is 0 in float32
    with pytest.raises(OpError, match=r"0\.5, and 0\.49\d* in float32"):
        check_at(lambda x: x * 0.5 if x.dtype == np.float64 else x * 0.499, [np.array(1.0)])


def test_nothing_is_judged_where_float64_has_fewer_digits():
    def quotient(x):
        return x / x * x

    with pytest.raises(OpError, match=r"nearly none could be judged \(\d+ times for inputs below 1e-290"):
        check_op(quotient, st.just([np.array([1.3e-313])]), max_examples=10, edges=False)
    assert check_op(quotient, st.just([np.array([1.3e-213, 0.5])]), max_examples=10, edges=False)


@pytest.mark.parametrize("n", [20, 60])
def test_where_a_gradient_of_many_elements_is_wrong(n):
    """Above 40 elements directions are drawn, but what is wrong is said element by element."""
    wrong = planted(square, lambda g, out, x: g * 2 * x * (np.arange(n) != 13))
    with pytest.raises(OpError) as error:
        check_at(wrong, [np.linspace(1, 2, n)])
    (line,) = re.findall(r"^    d<v, fn>.*", str(error.value), re.M)
    assert re.fullmatch(r" {4}d<v, fn>/d x0\[13\]:  analytic -?0   numeric -?\d\.\d+ ± .*", line)


def test_of_too_many_elements_no_matrix_is_shown():
    wrong = planted(square, lambda g, out, x: g * x)
    with pytest.raises(OpError, match="\n    input 0: 2,000 elements, too many to say which is wrong\n"):
        check_at(wrong, [np.linspace(1, 2, 2000)])


@pytest.mark.parametrize("n", [3, 60])
def test_a_second_derivative_of_many_elements_is_wrong_along_a_direction(n):
    cut = planted(lambda x: x * x * x, lambda g, out, x: g * 3 * x * mg.Tensor(getattr(x, "_data", x)))
    with pytest.raises(OpError) as error:
        check_at(cut, [np.linspace(1, 2, n)])
    assert error.value.property == "second_order"
    of_elements = re.findall(r"^    d<vjp\(v\), u>/d x0\[\d+\]:", str(error.value), re.M)
    along = re.search(r"along a direction of input 0 it is (\S+), by differences (\S+) ± ", str(error.value))
    assert (len(of_elements), along is None) == ((n, True) if n == 3 else (0, False))
    if along:
        assert float(along[1]) == pytest.approx(float(along[2]) / 2, rel=1e-6)  # one of the two x is constant


def test_a_reference():
    assert check_op(mg.softplus, [ANY], reference=lambda x: mg.log(1 + mg.exp(x)), max_examples=FEW)
    with pytest.raises(OpError, match=r"output 0 is .* in the reference"):
        check_op(mg.softplus, [ANY], reference=lambda x: mg.log(1 + mg.exp(x)) * (1 + 1e-6), max_examples=FEW)


def test_an_engine_of_ones_own_needs_two_functions():
    two = Engine("two", MINIGRAD.value, MINIGRAD.vjp)
    report = check_op(mg.tanh, [ANY], engine=two, max_examples=FEW)
    assert report.engine == "two"
    pushed = Engine("three", MINIGRAD.value, MINIGRAD.vjp, lambda fn, inputs, tangents: [np.ones(inputs[0].shape)])
    with pytest.raises(OpError, match="forward mode"):
        check_op(lambda x: x * 2, [ANY], engine=pushed)


def test_minigrad_is_asked_for_its_forward_mode_where_rules_can_be_differentiated():
    assert check_op(mg.tanh, [ANY], max_examples=FEW).passed["forward_mode"]
    assert not check_op(mg.tanh, [ANY], max_examples=FEW, order=1).passed["forward_mode"]


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        (lambda g, out, x: 2 * g * x, False),
        (lambda g, out, x: 3 * g * x, False),  # a factor is on both sides: gradient finds it
        (lambda g, out, x: 2 * g * x * (1 + 1e-11 * isinstance(x, mg.Tensor)), True),
        (lambda g, out, x: 2 * x * mg.sin(g), True),
        (lambda g, out, x: 2 * x * (g.data if isinstance(g, mg.Tensor) else g), True),
    ],
    ids=["right", "a factor", "another when recorded", "not linear", "the cotangent leaves the graph"],
)
def test_what_minigrads_forward_mode_is_independent_of(rule, seen):
    point = Point(planted(square, rule), [np.array([1.5, -2.0])], MINIGRAD)
    if seen:
        with pytest.raises(Finding, match=r"by reverse mode is .* by forward mode"):
            properties.forward_mode(point)
    else:
        properties.forward_mode(point)


def test_the_same_examples_every_time():
    seen = []
    for seed in (None, None, 1):
        drawn = []
        check_op(lambda x, d=drawn: (d.append(x.shape), x * 2)[1], [ANY], max_examples=5, seed=seed, order=1)
        seen.append(drawn)
    assert seen[0] == seen[1] != seen[2]


def test_networks_and_programs_have_right_derivatives():
    check_op(lambda x, n: n.net(x), mlps().map(lambda n: (n.x, n)), max_examples=FEW, float32=False, edges=False)
    run = lambda *args: args[-1](mg, *args[:-1])
    check_op(run, programs(kinks=True).map(lambda p: (*p.inputs, p)), max_examples=FEW, edges=False, broadcasts=False)
    check_op(lambda x: x * 2, tensors((2,)).map(lambda t: [t.detach().data]), max_examples=FEW)


def test_gradcheck_needs_no_hypothesis():
    script = "import sys, minigrad.testing as t; t.gradcheck, t.check_at; assert 'hypothesis' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stderr == ""
