"""grad, vjp, jvp, jacobian, hessian, hvp: against JAX and PyTorch, nested in every order, and their identities."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg
from minigrad import Tensor, enable_grad, gradients, no_grad
from minigrad.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

Pair = namedtuple("Pair", "w b")
RNG = np.random.default_rng(0)
NET = {"layers": [Pair(RNG.normal(size=(2, 3)), RNG.normal(size=2)), Pair(RNG.normal(size=(1, 2)), None)], "s": 0.7}
OTHER = {"layers": [Pair(RNG.normal(size=(2, 3)), RNG.normal(size=2)), Pair(RNG.normal(size=(1, 2)), None)], "s": 0.2}
X = RNG.normal(size=(3, 4))


def network(m):
    """The same function of NET and X for minigrad or jax.numpy."""

    def f(net, x):
        for layer in net["layers"]:
            x = m.tanh(layer.w @ x + (0 if layer.b is None else layer.b.reshape(-1, 1)))
        return (x * x).sum() * net["s"]

    return f


@pytest.fixture(scope="module")
def jax(require):
    module = require("jax")
    module.config.update("jax_enable_x64", True)
    return module


def close(ours, theirs, rtol=1e-9):
    """Equal containers (JAX's may have their keys in another order) with nearly equal numbers."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            close(ours[key], theirs[key], rtol)
    elif isinstance(theirs, (list, tuple)):
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            close(a, b, rtol)
    elif theirs is None:
        assert ours is None
    else:
        ours = ours.detach().data if isinstance(ours, Tensor) else ours
        assert np.shape(ours) == np.shape(theirs)
        np.testing.assert_allclose(ours, np.asarray(theirs), rtol=rtol, atol=1e-12)


# ------------------------------------------------------------------------------------------------- against JAX


def test_nested_structures_as_jax(jax):
    ours, theirs = network(mg), network(jax.numpy)
    for argnums in (0, 1, -1, (0,), (1, 0)):
        close(grad(ours, argnums)(NET, X), jax.grad(theirs, argnums)(NET, X))
        close(value_and_grad(ours, argnums)(NET, X), jax.value_and_grad(theirs, argnums)(NET, X))
        close(jacobian(grad(ours, 0), argnums)(NET, X), jax.jacrev(jax.grad(theirs, 0), argnums)(NET, X))
        close(hessian(ours, argnums)(NET, X), jax.hessian(theirs, argnums)(NET, X))
    close(jvp(ours, (NET, X), (OTHER, X)), jax.jvp(theirs, (NET, X), (OTHER, X)))
    close(hvp(ours, (NET, X), (OTHER, X)), jax.jvp(jax.grad(theirs, (0, 1)), (NET, X), (OTHER, X))[1])
    for f, other in ((ours, theirs), (grad(ours), jax.grad(theirs))):
        value, pull = vjp(f, NET, X)
        wanted, pull_wanted = jax.vjp(other, NET, X)
        close(value, wanted)
        for _ in range(2):
            close(pull(value), pull_wanted(wanted))


def test_functions_that_return_structures_as_jax(jax):
    def f(x, y):
        return {"a": [x * y, None], "b": (x.sum(), Pair(y, x**2))}

    x, y = RNG.normal(size=(2, 3))
    close(jacobian(f, (0, 1))(x, y), jax.jacrev(f, (0, 1))(x, y))
    close(jacobian(f, 1)(x, y), jax.jacrev(f, 1)(x, y))
    close(jacobian(jacobian(f))(x, y), jax.jacrev(jax.jacrev(f))(x, y))
    close(jvp(f, (x, y), (y, x)), jax.jvp(f, (x, y), (y, x)))
    value, pull = vjp(f, x, y)
    close(pull(value), jax.vjp(f, x, y)[1](value))


def test_has_aux_as_jax(jax):
    def f(x):
        return (x * x).sum(), {"twice": 2 * x, "name": "aux"}

    def jacobians(x):
        return x * x, [x.sum()]

    x = RNG.normal(size=3)
    found, aux = grad(f, has_aux=True)(x)
    close(found, jax.grad(lambda x: f(x)[0])(x))
    assert aux["name"] == "aux"
    assert type(aux["twice"]) is np.ndarray
    (value, aux), again = value_and_grad(f, has_aux=True)(x)
    assert value == (x * x).sum()
    assert again.tolist() == found.tolist()
    close(jacobian(jacobians, has_aux=True)(x), jax.jacrev(jacobians, has_aux=True)(x))
    close(jvp(jacobians, (x,), (x,), has_aux=True), jax.jvp(jacobians, (x,), (x,), has_aux=True))
    value, pull, aux = vjp(jacobians, x, has_aux=True)
    close((value, aux), jacobians(x))
    close(pull(x), (2 * x * x,))


NESTED = {
    "four times": lambda T, x: T.grad(T.grad(T.grad(T.grad(lambda a: a**5 + a**3))))(x),
    "by closure": lambda T, x: T.grad(lambda a: a * T.grad(lambda b: a * b**3)(3.0))(x),
    "by closure, three deep": lambda T, x: T.grad(
        lambda a: T.grad(lambda b: T.grad(lambda c: a**2 * b**3 * c**4)(1.5))(2.0)
    )(x),
    "the outer at the inner's point": lambda T, x: T.grad(lambda a: a * T.grad(lambda b: b * a)(a))(x),
    "perturbation confusion": lambda T, x: T.grad(lambda a: a * T.grad(lambda b: a + b)(1.0))(x),
    "jvp in grad": lambda T, x: T.grad(lambda a: T.jvp(lambda b: a * b**3, (a,), (a * 2,))[1])(x),
    "grad in jvp": lambda T, x: T.jvp(lambda a: T.grad(lambda b: a * b**3)(a), (x,), (0.3,)),
    "jvp in jvp": lambda T, x: T.jvp(lambda a: T.jvp(lambda b: a * b**3, (a * a,), (a,))[1], (x,), (0.3,)),
    "vjp in grad": lambda T, x: T.grad(lambda a: T.vjp(lambda b: a * b**3, a)[1](a)[0])(x),
    "grad in vjp": lambda T, x: T.vjp(lambda a: T.grad(lambda b: b**4)(a), x)[1](2.0),
    "an inner that does not depend": lambda T, x: T.grad(lambda a: a * T.grad(lambda b: b**2)(3.0))(x),
    "value and gradient": lambda T, x: T.grad(lambda a: sum(T.value_and_grad(lambda b: a * b**2)(a)))(x),
}


@pytest.mark.parametrize("name", NESTED)
def test_any_order_of_nesting_as_jax(name, jax):
    close(NESTED[name](mg.transforms, 1.3), NESTED[name](jax, 1.3))


def test_jacobians_of_jacobians_as_jax(jax):
    def f(x):
        return x**3 * x.sum()

    x = RNG.normal(size=3)
    close(jacobian(jacobian(jacobian(f)))(x), jax.jacrev(jax.jacrev(jax.jacrev(f)))(x))
    close(hessian(lambda x: f(x).sum())(x), jax.hessian(lambda x: f(x).sum())(x))
    close(jacobian(lambda x: hessian(lambda y: f(y * x).sum())(x).sum())(x), _by_jax(jax, f)(x))


def _by_jax(jax, f):
    return jax.jacrev(lambda x: jax.hessian(lambda y: f(y * x).sum())(x).sum())


# --------------------------------------------------------------------------------------------- against PyTorch


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # raised where torch.func is first used
def test_as_torch_func(torch):
    def f(x, w):
        return (x @ w).tanh().sum(0)

    def scalar(x, w):
        return f(x, w).sum()

    x, w, v = RNG.normal(size=(2, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
    tx, tw, tv = (torch.tensor(a) for a in (x, w, v))
    theirs = torch.func
    close(jacobian(f, (0, 1))(x, w), theirs.jacrev(f, (0, 1))(tx, tw))
    close(grad(scalar, (0, 1))(x, w), theirs.grad(scalar, (0, 1))(tx, tw))
    close(hessian(scalar, 1)(x, w), theirs.hessian(scalar, 1)(tx, tw))
    close(vjp(f, x, w)[1](v), theirs.vjp(f, tx, tw)[1](tv))
    close(jvp(f, (x, w), (w.T, x.T)), theirs.jvp(f, (tx, tw), (tw.T, tx.T)))
    close(hvp(scalar, (x, w), (w.T, x.T)), theirs.jvp(theirs.grad(scalar, (0, 1)), (tx, tw), (tw.T, tx.T))[1])


def test_inside_the_engine_as_inside_torch(torch):
    """A transform of a function that closes over a leaf is itself recorded."""
    w, tw = Tensor([1.0, 2.0], requires_grad=True), torch.tensor([1.0, 2.0], requires_grad=True, dtype=torch.float64)
    x = np.array([3.0, 4.0])
    found = grad(lambda x: (w * x**3).sum())(x)
    wanted = torch.func.grad(lambda x: (tw * x**3).sum())(torch.tensor(x))
    assert type(found) is Tensor
    close(found, wanted.detach())
    found.sum().backward()
    wanted.sum().backward()
    close(w.grad, tw.grad)
    w.grad = tw.grad = None
    value, found = value_and_grad(lambda x: (w * x).exp().sum())(x)
    (value + found.sum()).backward()
    value, wanted = torch.func.grad_and_value(lambda x: (tw * x).exp().sum())(torch.tensor(x))[::-1]
    (value + wanted.sum()).backward()
    close(w.grad, tw.grad)


# -------------------------------------------------------------------------------------------- what comes back


def test_arrays_for_arrays_and_tensors_for_tensors():
    def f(a, b):
        return (a * a * b).sum()

    array, tensor = np.array([1.0, 2.0]), Tensor([1.0, 2.0])
    assert [type(g) for g in grad(f, (0, 1))(array, tensor)] == [np.ndarray, Tensor]
    assert type(grad(f)(2.0, array)) is np.float64
    assert type(value_and_grad(f)(array, tensor)[0]) is np.float64
    assert type(value_and_grad(f)(tensor, array)[0]) is Tensor
    assert type(jacobian(f)(array, 1.0)) is np.ndarray
    assert type(jacobian(f)(tensor, 1.0)) is Tensor
    assert type(hessian(f)(array, 1.0)) is np.ndarray
    assert [type(t) for t in jvp(f, (array, array), (tensor, array))] == [np.float64, np.float64]
    assert [type(t) for t in jvp(f, (tensor, array), (array, array))] == [Tensor, Tensor]
    assert type(hvp(f, (array, 1.0), (array, 1.0))[0]) is np.ndarray


def test_arguments_stay_as_they_are():
    x = Tensor([1.0, 2.0])
    g = grad(lambda x: (x * x).sum())(x)
    assert not x.requires_grad
    assert x.grad is None
    assert not g.requires_grad
    array = np.array([1.0, 2.0])
    g = grad(lambda x: x.sum())(array)
    g[:] = 7
    assert array.tolist() == [1, 2]


def test_a_leaf_is_passed_through_and_not_added_to():
    x = Tensor([1.0, 2.0], requires_grad=True)
    g = grad(lambda x: (x**3).sum())(x)
    assert x.grad is None
    assert gradients(g.sum(), x).tolist() == [6, 12]
    with no_grad():
        g = grad(lambda x: (x**3).sum())(x)
    assert not g.requires_grad
    assert type(g) is Tensor


def test_inside_no_grad_derivatives_are_taken_but_have_no_history():
    w = Tensor([2.0], requires_grad=True)
    with no_grad():
        assert type(grad(lambda x: (w * x * x).sum())(np.ones(1))) is np.ndarray
        assert grad(grad(lambda x: x**3))(2.0) == 12
        assert jvp(lambda x: w * x, (np.ones(1),), (np.ones(1),))[1].tolist() == [2]
    assert grad(lambda x: x * no_grad()(lambda: x * x)())(3.0) == 9
    with no_grad(), enable_grad():
        assert type(grad(lambda x: (w * x * x).sum())(np.ones(1))) is Tensor


def test_no_dependence_gives_zeros_as_in_jax(jax):
    for f in (lambda x: 3.0, lambda x: np.float64(3), lambda x: Tensor(3.0), lambda x: (x * 0).detach().sum()):
        assert grad(f)(np.ones(2)).tolist() == [0, 0]
    assert grad(lambda x: {"unused": x}["unused"].sum() * 0 + 1)(np.ones(2)).tolist() == [0, 0]
    close(grad(lambda p: p["a"].sum())({"a": X, "b": X}), jax.grad(lambda p: p["a"].sum())({"a": X, "b": X}))
    close(jacobian(lambda x: np.ones(2))(X), jax.jacrev(lambda x: jax.numpy.ones(2))(X))
    close(jvp(lambda x: np.ones(2), (X,), (X,)), jax.jvp(lambda x: jax.numpy.ones(2), (X,), (X,)))
    close(hessian(lambda x: x.sum())(np.ones(2)), np.zeros((2, 2)))
    close(hvp(lambda x: x.sum(), (np.ones(2),), (np.ones(2),)), (np.zeros(2),))
    assert grad(lambda x: x.sum(), ())(X) == ()


def test_shapes_without_elements_and_without_dimensions():
    assert jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)
    assert jacobian(lambda x: x * 2)(np.ones((2, 0))).shape == (2, 0, 2, 0)
    assert jacobian(lambda x: x.sum())(3.0).shape == ()
    assert jacobian(lambda x: x.reshape(1, 1))(3.0).shape == (1, 1)
    assert grad(lambda x: x.sum())(np.ones((0, 2))).shape == (0, 2)


def test_float32_stays_float32():
    x = np.ones(3, np.float32)
    for result in (
        *value_and_grad(lambda x: (x * x).sum())(x),
        jacobian(lambda x: x * 2)(x),
        hessian(lambda x: (x**3).sum())(x),
        *jvp(lambda x: x * x, (x,), (np.ones(3),)),
        *vjp(lambda x: x * x, x)[1](np.ones(3)),
        *hvp(lambda x: (x**3).sum(), (x,), (np.ones(3),)),
    ):
        assert result.dtype == np.float32


def test_containers_keep_their_kinds_and_orders():
    tree = OrderedDict(z=[np.ones(2)], a=(Pair(1.0, None), {}))
    found = grad(lambda t: t["z"][0].sum() * t["a"][0].w)(tree)
    assert type(found) is OrderedDict
    assert list(found) == ["z", "a"]
    assert type(found["a"][0]) is Pair
    assert found["a"][0].b is None
    assert found["a"][1] == {}
    swapped = {"b": np.ones(2), "a": 2 * np.ones(2)}
    product = jvp(lambda t: t["a"] * t["b"], ({"a": np.ones(2), "b": np.ones(2)},), (swapped,))[1]
    assert product.tolist() == [3, 3]


def test_settings_by_name_and_the_names_of_what_is_made():
    def power(x, *, n):
        """Raise."""
        return x**n

    assert grad(power)(3.0, n=2) == 6
    assert grad(power).__name__ == "grad(power)"
    assert grad(power).__doc__ == "Raise."
    assert hessian(power).__name__ == "hessian(power)"


def test_a_graph_that_a_transform_made_is_freed(monkeypatch):
    """No reference cycles: what f computed goes when its result goes."""
    import gc
    import weakref

    kept = []

    def f(x):
        h = x * x
        kept.append(weakref.ref(h))
        return (h * x).sum()

    gc.disable()
    try:
        for made in (grad(f), hessian(f), lambda x: jvp(f, (x,), (x,)), lambda x: vjp(f, x)[0]):
            made(np.ones(2))
        assert all(r() is None for r in kept)
    finally:
        gc.enable()


# -------------------------------------------------------------------------------------------------- bad input

SENTENCES = [
    (lambda: grad(lambda x: x)(np.ones(3)), ValueError, r"whose value is one number; it returned \(3,\)"),
    (lambda: grad(lambda x: x[:1])(np.ones(3)), ValueError, r"it returned \(1,\)"),
    (lambda: grad(lambda x: (x.sum(), x.sum()))(np.ones(3)), ValueError, r"it returned \(\), \(\)"),
    (lambda: grad(lambda x: None)(np.ones(3)), ValueError, "it returned None"),
    (lambda: grad(lambda x: 3)(np.ones(3)), TypeError, "whose value is floating; it returned int64"),
    (lambda: grad(lambda x: "a")(np.ones(3)), TypeError, "real numbers or booleans"),
    (lambda: grad(lambda x: x)(3), TypeError, r"grad: argument 0 is int64, .* give floating numbers, or see argnums"),
    (lambda: hessian(lambda x: x)(True), TypeError, "argument 0 is bool"),
    (lambda: grad(lambda x: x)(Tensor([1])), TypeError, "argument 0 is int64"),
    (lambda: grad(lambda p: p)({"w": [1.0, "a"]}), TypeError, r"argument 0\['w'\]\[1\] is a str, .* no derivative"),
    (lambda: grad(lambda p: p)(Pair(1.0, 1)), TypeError, r"argument 0.b is int64"),
    (lambda: grad(lambda x: x, 1)(1.0), ValueError, "argnums has 1, but the function was called with 1 arguments"),
    (lambda: grad(lambda x: x, (0, -1))(1.0), ValueError, r"argnums \(0, -1\) has a number twice"),
    (
        lambda: grad(lambda x: x, has_aux=True)(1.0),
        TypeError,
        r"returns \(value, aux\), got Tensor",
    ),
    (lambda: jvp(lambda x: x, 1.0, 1.0), TypeError, r"primals and tangents as tuples, \(x,\) for one; got float"),
    (lambda: jvp(lambda x: x, (1.0,), (1.0, 2.0)), ValueError, "jvp: the tangent is not arranged .* a tuple of 1, got"),
    (lambda: jvp(lambda x: x, ({"a": 1.0},), ({"b": 1.0},)), ValueError, r"\[0\] needs a dict with the keys \['a'\]"),
    (lambda: jvp(lambda x: x, (np.ones(2),), (np.ones(3),)), ValueError, r"a tangent has shape \(3,\), .* to \(2,\)"),
    (lambda: vjp(lambda x: x, np.ones(2))[1](np.ones(3)), ValueError, r"a cotangent has shape \(3,\), .* to \(2,\)"),
    (
        lambda: vjp(lambda x: [x, None], 1.0)[1](1.0),
        ValueError,
        "cotangent is not arranged .* a list of 2, got 1.0",
    ),
    (lambda: vjp(lambda x: [x, None], 1.0)[1]([1.0, 1.0]), ValueError, r"\[1\] needs None, got 1.0"),
    (lambda: vjp(lambda x: [x, 1.0], 1.0)[1]([1.0, None]), ValueError, r"\[1\] needs an array, got None"),
    (lambda: hvp(lambda x: x, (1.0,), (np.ones(2),)), ValueError, r"hvp: a tangent has shape \(2,\), .* to \(\)"),
    (lambda: hvp(lambda x: x, 1.0, 1.0), TypeError, "hvp takes primals and tangents as tuples"),
]


@pytest.mark.parametrize(("act", "kind", "sentence"), SENTENCES, ids=[s for *_, s in SENTENCES])
def test_bad_input_gets_a_sentence(act, kind, sentence):
    with pytest.raises(kind, match=sentence):
        act()


# ------------------------------------------------------------------------------------------------- identities

UNARY = {
    "tanh": mg.tanh,
    "square": lambda x: x * x,
    "softplus": mg.softplus,
    "exp": lambda x: (x * 0.3).exp(),
    "softmax": lambda x: x.softmax(0),
    "cube": lambda x: x**3 * 0.1,
    "reverse": lambda x: mg.cat([x[1:], x[:1]]) * x,
    "sigmoid": mg.sigmoid,
}
vectors = hnp.arrays(float, 3, elements=st.floats(-2, 2, width=32))
functions = st.lists(st.sampled_from(sorted(UNARY)), min_size=1, max_size=4).map(
    lambda names: lambda x: [x := UNARY[name](x) for name in names][-1]
)
near = {"rtol": 1e-8, "atol": 1e-10}


@given(f=functions, x=vectors, t=vectors, v=vectors)
def test_jvp_and_vjp_are_adjoint(f, x, t, v):
    value, tangent = jvp(f, (x,), (t,))
    again, pull = vjp(f, x)
    (cotangent,) = pull(v)
    np.testing.assert_array_equal(value, again)
    np.testing.assert_allclose(v @ tangent, cotangent @ t, **near)
    J = jacobian(f)(x)
    np.testing.assert_allclose(J @ t, tangent, **near)
    np.testing.assert_allclose(v @ J, cotangent, **near)


@given(f=functions, x=vectors, t=vectors)
def test_hvp_is_the_jvp_of_the_gradient_and_the_hessian_is_symmetric(f, x, t):
    def scalar(x):
        return (f(x) * mg.tanh(x)).sum()

    H = hessian(scalar)(x)
    (product,) = hvp(scalar, (x,), (t,))
    np.testing.assert_allclose(H, H.T, **near)
    np.testing.assert_allclose(H @ t, product, **near)
    np.testing.assert_allclose(jvp(grad(scalar), (x,), (t,))[1], product, **near)


@given(f=functions, g=functions, x=vectors)
def test_the_chain_rule(f, g, x):
    np.testing.assert_allclose(
        jacobian(lambda x: f(g(x)))(x), jacobian(f)(np.asarray(g(Tensor(x)))) @ jacobian(g)(x), **near
    )
