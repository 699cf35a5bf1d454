"""One set of questions for every engine: adapters answer as minigrad does, and check_op finds bugs in their houses."""

import importlib
import sys

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad
from minigrad.testing import OpError, check_op
from minigrad.testing.adapters import adapter
from minigrad.testing.engines import Engine, engine_named

NAMES = {"torch": "torch", "jax": "jax.numpy", "autograd": "autograd.numpy", "mygrad": "mygrad"}
VECTORS = [hnp.arrays(np.float64, hnp.array_shapes(max_dims=2, max_side=3), elements=st.floats(-3, 3))]
PAIRS = [hnp.arrays(np.float64, (2,), elements=st.floats(-3, 3))]
# JAX compiles every function for every shape.
DOMAIN = {"torch": VECTORS, "jax": PAIRS, "autograd": VECTORS, "mygrad": VECTORS}
EXAMPLES = {"torch": 12, "jax": 3, "autograd": 12, "mygrad": 12}


@pytest.fixture(params=NAMES)
def engine(request, require):
    require(request.param)
    return engine_named(request.param)


def numpy_like(engine):
    return minigrad if engine.name == "minigrad" else importlib.import_module(NAMES[engine.name])


def inputs():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(3,))
    x.flags.writeable = y.flags.writeable = False
    return [x, y, np.array([0, 2, 0]), 2.0]


def two_outputs(engine):
    m = numpy_like(engine)
    return lambda x, y, i, s: (m.exp(x) * y[i] * s, y.sum())


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert type(a) is np.ndarray
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-13)


MINIGRAD = engine_named("minigrad")


def test_values_and_gradients_are_those_of_minigrad(engine):
    given, seeds = inputs(), [np.full((2, 3), 0.5), np.array(-2.0)]
    f, g = two_outputs(engine), two_outputs(MINIGRAD)
    same(engine.value(f, given), MINIGRAD.value(g, given))
    same(engine.vjp(f, given, seeds), MINIGRAD.vjp(g, given, seeds))
    assert given[0].flags.writeable is False


def test_forward_mode_is_the_transpose(engine):
    if engine.jvp is None:
        assert engine.name == "mygrad"
        return
    given, seeds = inputs(), [np.full((2, 3), 0.5), np.array(-2.0)]
    u = [np.ones((2, 3)), np.arange(3.0), None, None]
    pushed = engine.jvp(two_outputs(engine), given, u)
    pulled = MINIGRAD.vjp(two_outputs(MINIGRAD), given, seeds)
    left = sum(np.sum(v * t) for v, t in zip(seeds, pushed, strict=True))
    assert left == pytest.approx(sum(np.sum(g * t) for g, t in zip(pulled, u, strict=True) if g is not None), rel=1e-13)


def test_second_derivatives_are_those_of_minigrad(engine):
    if engine.gradient is None:
        assert engine.name == "mygrad"
        return
    given = [*inputs(), np.full((2, 3), 0.5), np.array(-2.0)]
    seeds = [np.arange(6.0).reshape(2, 3), np.ones(3)]
    first, ours = engine.gradient(two_outputs(engine), 4), MINIGRAD.gradient(two_outputs(MINIGRAD), 4)
    same(engine.value(first, given), MINIGRAD.value(ours, given))
    same(engine.vjp(first, given, seeds), MINIGRAD.vjp(ours, given, seeds))


@pytest.mark.parametrize("shape", [(), (0, 2), (2,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_types_stay(engine, shape, dtype):
    x = np.ones(shape, dtype)
    (value,) = engine.value(lambda x: x * x, [x])
    (gradient,) = engine.vjp(lambda x: x * x, [x], [np.full(shape, 2, dtype)])
    assert (value.shape, value.dtype, gradient.shape, gradient.dtype) == (shape, dtype, shape, dtype)
    np.testing.assert_array_equal(gradient, np.full(shape, 4))


def test_no_dependence_is_zeros(engine):
    x, y = np.ones(2), np.ones((1, 3))
    found = engine.vjp(lambda x, y: x * 2, [x, y], [np.ones(2)])
    np.testing.assert_array_equal(found[1], np.zeros((1, 3)))


def test_jax_computes_in_float64_and_the_setting_stays(require):
    jax = require("jax")
    before = jax.config.jax_enable_x64
    (found,) = engine_named("jax").vjp(lambda x: x * x, [np.array([1 / 3])], [np.ones(1)])
    assert found.dtype == np.float64
    assert jax.config.jax_enable_x64 == before
    assert jax.numpy.ones(1).dtype == (np.float64 if before else np.float32)


def test_an_unknown_name_is_said():
    with pytest.raises(
        ValueError, match="no engine is called 'theano': say minigrad, torch, jax, autograd, mygrad, or"
    ):
        adapter("theano")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_said(name, monkeypatch):
    from minigrad.testing import adapters

    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"needs the package {name}: pip install {name}"):
        adapters.package(name)


# ------------------------------------------------------------ custom functions, as each library's users write them


def torch_square(factor, torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return factor * g * x

    return Square.apply


def jax_square(factor, jax):
    square = jax.custom_vjp(lambda x: x * x)
    square.defvjp(lambda x: (x * x, x), lambda x, g: (factor * g * x,))
    return square


def autograd_square(factor, _):
    from autograd.extend import defvjp, primitive

    square = primitive(lambda x: x * x)
    defvjp(square, lambda out, x: lambda g: factor * g * x)
    return square


def mygrad_square(factor, mygrad):
    from mygrad.operation_base import Operation

    class Square(Operation):
        def __call__(self, x):
            self.variables = (x,)
            return x.data * x.data

        def backward_var(self, grad, index, **kwargs):
            return factor * grad * self.variables[0].data

    return lambda x: mygrad.execute_op(Square, x)


SQUARES = {"torch": torch_square, "jax": jax_square, "autograd": autograd_square, "mygrad": mygrad_square}


@pytest.mark.parametrize("name", SQUARES)
def test_a_right_custom_function_passes(name, require):
    order = 1 if name == "mygrad" else 2
    report = check_op(
        SQUARES[name](2, require(name)), DOMAIN[name], engine=name, max_examples=EXAMPLES[name], order=order
    )
    assert report.engine == name


@pytest.mark.parametrize("name", SQUARES)
def test_a_wrong_custom_function_is_found(name, require):
    with pytest.raises(OpError, match="gradient"):
        check_op(SQUARES[name](1, require(name)), DOMAIN[name], engine=name, max_examples=EXAMPLES[name], order=1)


def complex_step_engine(factor):
    """An engine for analytic functions of NumPy arrays, as somebody might have one: two functions, no graph."""

    def value(fn, inputs):
        return [np.asarray(fn(*inputs))]

    def gradient_of(fn, inputs, k, v):
        found = np.zeros(inputs[k].shape)
        for at in np.ndindex(found.shape):
            moved = inputs[k].astype(np.complex128)
            moved[at] += 1e-30j
            found[at] = factor * np.sum(v * np.imag(fn(*inputs[:k], moved, *inputs[k + 1 :]))) / 1e-30
        return found.astype(inputs[k].dtype)

    def vjp(fn, inputs, cotangents):
        return [gradient_of(as_one(fn), list(inputs), k, cotangents[0]) for k in range(len(inputs))]

    def as_one(fn):
        """Also of a function that returns its one output in a tuple."""
        return lambda *args: out[0] if isinstance(out := fn(*args), tuple) else out

    return Engine("complex step", lambda fn, inputs: value(as_one(fn), inputs), vjp)


def test_two_functions_make_an_engine():
    assert check_op(np.sin, VECTORS, engine=complex_step_engine(1), max_examples=12).engine == "complex step"
    with pytest.raises(OpError, match="gradient"):
        check_op(np.sin, VECTORS, engine=complex_step_engine(1.001), max_examples=12)


CONSTANT = {"torch": "a torch.Tensor", "jax": "a jax.Array", "mygrad": "a mygrad.Tensor"}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_array_of_the_engine_is_refused(name, require):
    require(name)
    expected = CONSTANT.get(name, "an array of autograd.numpy")
    returned = [None, "x", {"y": [None]}, *([3.0, np.ones(2)] if name in CONSTANT else [])]
    for constant in returned:
        with pytest.raises(OpError, match=f"fn returned .* which is not {expected}, so that no gradient can be judged"):
            check_op(lambda x, c=constant: c, PAIRS, engine=name, max_examples=1)


@pytest.mark.parametrize("name", NAMES)
def test_every_leaf_is_judged(name, require):
    order, square = 1 if name == "mygrad" else 2, SQUARES[name](2, require(name))
    options = {"engine": name, "max_examples": EXAMPLES[name], "order": order, "edges": False, "float32": False}
    assert check_op(lambda x: {"y": [square(x), x * 3]}, PAIRS, **options)
    wrong = SQUARES[name](1, require(name))
    with pytest.raises(OpError, match="gradient"):
        check_op(lambda x: {"y": [x * 3, wrong(x)]}, PAIRS, **options)


def test_autograd_differentiates_floats(require):
    primitive = require("autograd.extend").primitive
    require("autograd.extend").defvjp(
        total := primitive(lambda x: float(np.sum(x))), lambda out, x: lambda g: g + 0 * x
    )
    assert check_op(total, PAIRS, engine="autograd", max_examples=4, float32=False, order=1, edges=False)
    with pytest.raises(OpError, match="the derivative raises TypeError"):  # float() of what is traced
        check_op(lambda x: float(x.sum()), PAIRS, engine="autograd", max_examples=4)
