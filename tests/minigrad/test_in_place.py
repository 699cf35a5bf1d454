"""Changes in place: a walk never takes a new value for the old one, and what cannot be recorded is refused."""

import inspect

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, gradients, no_grad, ops
from minigrad.ops.windows import Geometry


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


CHANGED = "changed in place after it was recorded, and its gradient needs the old value"

# Each is (m, x, w) -> (result, Tensor that is changed under no_grad); m is minigrad or torch, x and w are leaves.


def same(t):
    return t, t


NOTICED = {
    "a leaf": lambda m, x, w: (x * x, x),
    "the other factor": lambda m, x, w: (x * w, w),
    "the result of exp": lambda m, x, w: same(x.exp()),
    "the result of sqrt": lambda m, x, w: same(x.sqrt()),
    "the result of sigmoid": lambda m, x, w: same(x.sigmoid()),
    "an intermediate": lambda m, x, w: (lambda y: (y * y, y))(x + 1),
    "a view of the argument": lambda m, x, w: (x * x, x.reshape(4)),
    "a view of a view": lambda m, x, w: (x * x, x.T[1:]),
    "what the argument is a view of": lambda m, x, w: (lambda v: (v * v, x))(x[1:]),
    "another view of it": lambda m, x, w: (lambda v: (v * v, x[:1]))(x.reshape(4)),
    "what shares memory by detach": lambda m, x, w: (x * x, x.detach()),
    "a factor far back": lambda m, x, w: ((x * w).sum() * 2 + 1, w),
    "a weight": lambda m, x, w: (x @ w, w),
    "a divisor": lambda m, x, w: (x / w, w),
    "a base": lambda m, x, w: (x**2, x),
    "a logarithm's argument": lambda m, x, w: (x.log(), x),
    "relu's": lambda m, x, w: same(x.relu()),
}
NOT_NEEDED = {
    "a term": lambda m, x, w: (x + w, x),
    "a sum": lambda m, x, w: same(x + w),
    "what is summed": lambda m, x, w: (x.sum(), x),
    "what is averaged": lambda m, x, w: (x.mean(), x),
    "what is moved": lambda m, x, w: (x.T.reshape(4)[1:] - 1, x),
    "what is joined": lambda m, x, w: (m.cat([x, w]), w),
    "a copy": lambda m, x, w: (lambda y: (y * y, x))(x.clone()),
    "the original of a copy": lambda m, x, w: (x * x, x.clone()),
    "another leaf": lambda m, x, w: (x * x, w),
    "nothing else": lambda m, x, w: (-x, x),
}
# The check is for each op as a whole, not for each saved value as in PyTorch, so it can be too careful.
TOO_CAREFUL = {
    "the factor of a constant": lambda m, x, w: (x * w.detach().clone(), x),
    "the result of a product": lambda m, x, w: same(x * w),
}


def raises(m, f, change):
    make = mg.Tensor if m is mg else m.tensor
    x, w = make([[0.5, 1.5], [2.5, 3.5]], requires_grad=True), make([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    out, target = f(m, x, w)
    with m.no_grad():
        change(target)
    try:
        out.sum().backward()
    except RuntimeError as error:
        message = str(error)
    else:
        return False
    assert x.grad is w.grad is None
    assert m is not mg or CHANGED in message
    return True


def iadd(t):
    t += 1


def imul(t):
    t *= 2


CHANGES = {
    "zero_": lambda t: t.zero_(),
    "fill_": lambda t: t.fill_(3.0),
    "copy_": lambda t: t.copy_(t + 1),
    "setitem": lambda t: t.__setitem__(0, 5.0),
    "+=": iadd,
    "*=": imul,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", NOTICED)
def test_a_change_of_a_needed_value_is_noticed(name, change, torch):
    assert raises(torch, NOTICED[name], CHANGES[change])
    assert raises(mg, NOTICED[name], CHANGES[change])


@pytest.mark.parametrize("name", NOT_NEEDED)
def test_a_change_of_what_no_rule_reads_is_allowed(name, torch):
    assert not raises(torch, NOT_NEEDED[name], CHANGES["zero_"])
    assert not raises(mg, NOT_NEEDED[name], CHANGES["zero_"])


@pytest.mark.parametrize("name", TOO_CAREFUL)
def test_where_the_check_is_more_careful_than_pytorchs(name, torch):
    assert not raises(torch, TOO_CAREFUL[name], CHANGES["zero_"])
    assert raises(mg, TOO_CAREFUL[name], CHANGES["zero_"])


def test_the_message_names_the_op_and_the_shape():
    x = leaf(1, 2, 3)
    y, e = x * x, x.exp()
    with no_grad():
        x += 1
        e.zero_()
    with pytest.raises(RuntimeError, match=r"an argument of multiply, of shape \(3,\), was changed in place"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match=r"the result of exp, of shape \(3,\), was changed in place"):
        e.sum().backward()


def test_a_new_array_as_data_is_noticed():
    x = leaf(1, 2)
    y = x * x
    x.data = np.array([3.0, 4.0])
    with pytest.raises(RuntimeError, match=CHANGED):
        y.sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [6, 8]


def test_a_scalar_changes_too():
    x = Tensor(3.0, requires_grad=True)
    y = x * x
    with no_grad():
        x += 1
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward()
    (x * x).backward()
    assert x.grad.item() == 8


def test_a_change_before_recording_or_after_the_walk_is_harmless():
    x = leaf(1, 2)
    for _ in range(3):
        with no_grad():
            x -= 0.5
        x.grad = None
        (x * x).sum().backward()
        assert x.grad.tolist() == (2 * x.detach()).tolist()


def test_a_change_is_noticed_on_the_path_only():
    x, w = leaf(1, 2), leaf(3, 4)
    y = (x * x).sum() + (w * w).sum()
    with no_grad():
        w.zero_()
    assert gradients(y, x, retain_graph=True).tolist() == [2, 4]
    with pytest.raises(RuntimeError, match=CHANGED):
        gradients(y, w)


def test_an_index_is_kept_as_it_was():
    x, rows = leaf(1, 2, 3), np.array([0, 0])
    index, mask = Tensor([2, 1]), np.array([True, False, False])
    out = x[rows].sum() + 10 * x[index].sum() + 100 * x[mask].sum()
    along = 1000 * ops.take_along_dim(x, rows, 0).sum()
    rows[:] = 2
    mask[:] = True
    index.zero_()
    assert gradients(out + along, x).tolist() == [2102, 10, 10]


# --------------------------------------------------------------------------------------- the functions themselves


def test_augmented_assignment_records_or_writes():
    x = leaf(1, 2)
    y = x * 1
    before = y
    y += x
    y *= 2
    y -= 1
    y /= 2
    assert y is not before
    assert before.tolist() == [1, 2]
    assert gradients(y.sum(), x).tolist() == [2, 2]
    with pytest.raises(RuntimeError, match=r"a leaf that requires gradients is changed in place; .* no_grad"):
        x += 1
    c = Tensor([1.0, 2.0])
    alias, array = c, c.data
    c += 1
    c /= 2
    assert c is alias
    assert array.tolist() == [1, 1.5]
    c *= x  # x requires a gradient, so this is a new Tensor
    assert c is not alias
    assert gradients(c.sum(), x).tolist() == [1, 1.5]


def test_in_place_keeps_memory_and_dtype():
    x = Tensor([1.0, 2.0], requires_grad=True, dtype="float32")
    array = x.data
    with no_grad():
        x -= 0.5
        x *= np.ones(2)  # float64
        x[0] = 7
        x[Tensor([1])] = Tensor([8.0])
        x[1:, ...] += 1
        assert x.copy_(x + 1) is x
    assert x.data is array
    assert x.dtype == np.float32
    assert x.is_leaf
    assert x.requires_grad
    assert array.tolist() == [8, 10]
    whole = Tensor([1, 2])
    whole += 3
    assert whole.tolist() == [4, 5]
    with pytest.raises(TypeError, match="add in place: a result of float64 does not fit a Tensor of int64"):
        whole += 0.5


@pytest.mark.parametrize(
    "change", [lambda x: x.zero_(), lambda x: x.fill_(1), lambda x: x.copy_(2), lambda x: x.__setitem__(0, 1)]
)
def test_a_tensor_that_requires_grad_is_not_overwritten_while_recording(change):
    for x in (leaf(1, 2), leaf(1, 2) * 2):
        with pytest.raises(RuntimeError, match=r"Tensor of shape \(2,\) in place while its gradients are recorded"):
            change(x)
        assert x.tolist() in ([1, 2], [2, 4])


def test_a_value_with_a_gradient_is_not_swallowed():
    x, buffer = leaf(1, 2), Tensor([0.0, 0.0])
    for change in (lambda: buffer.copy_(x), lambda: buffer.__setitem__(0, x[0])):
        with pytest.raises(RuntimeError, match="drops the gradient of the value; detach"):
            change()
    buffer.copy_(x.detach())
    with no_grad():
        buffer[0] = x[1]
    assert buffer.tolist() == [2, 2]


def test_bad_values_get_a_sentence():
    x = Tensor(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"overwriting a Tensor of shape \(2, 3\) in place with \(4,\)"):
        x.copy_(np.ones(4))
    with pytest.raises(IndexError, match=r"changing a Tensor of shape \(2, 3\) in place"):
        x[5] = 1
    with pytest.raises(ValueError, match=r"add in place: .*\(2, 2, 3\) does not fit a Tensor of \(2, 3\)"):
        x += np.ones((2, 2, 3))
    with pytest.raises(ValueError, match="read-only"):
        Tensor([1.0]).expand(3).zero_()


def test_data_takes_what_a_tensor_takes():
    x = leaf(1, 2)
    x.data = Tensor([3.0, 4.0])
    assert type(x.data) is np.ndarray
    x.data = [5.0, 6.0]
    assert x.tolist() == [5, 6]
    for bad in ([1, 2], ["a"], None):
        with pytest.raises(TypeError, match="cannot become"):
            x.data = bad
    whole = Tensor([1, 2])
    whole.data = [True]
    assert whole.dtype == bool


UNDERSCORED = {
    **{
        f"{name}_": ()
        for name in ("relu", "sigmoid", "tanh", "tril", "triu", "floor", "ceil", "round", "trunc", "sign")
    },
    **{"rsqrt_": (), "nan_to_num_": (), "remainder_": (0.7,), "floor_divide_": (0.7,), "renorm_": (2, 0, 1.5)},
    "abs_": (),
    "add_": (2.0,),
    "addcdiv_": (0.5, 4.0),
    "addcmul_": (0.5, 4.0),
    "clamp_": (0.5, 1.5),
    "clip_": (None, 1.5),
    "div_": (2.0,),
    "exp_": (),
    "lerp_": (3.0, 0.25),
    "log_": (),
    "mul_": (2.0,),
    "neg_": (),
    "pow_": (2,),
    "reciprocal_": (),
    "sqrt_": (),
    "square_": (),
    "sub_": (2.0,),
}


@pytest.mark.parametrize("name", UNDERSCORED)
def test_an_underscore_writes_the_result_over_its_argument(name, torch):
    arguments = UNDERSCORED[name]
    x = Tensor([[0.25, 1.0], [2.0, 4.0]], requires_grad=True, dtype="float32")
    wanted = getattr(x.detach(), name[:-1])(*arguments)
    theirs = getattr(torch.tensor(x.tolist()), name)(
        *(torch.tensor(a) if name.startswith(("addc", "lerp")) else a for a in arguments)
    )
    array, product = x.data, x * x
    with no_grad():
        assert getattr(x, name)(*arguments) is x
    assert x.data is array
    assert (x.dtype, x.is_leaf, x.requires_grad) == (np.float32, True, True)
    np.testing.assert_array_equal(array, wanted.data)
    np.testing.assert_allclose(array, theirs.numpy(), rtol=1e-6)
    with pytest.raises(RuntimeError, match=CHANGED):
        product.sum().backward()
    before = x.tolist()
    for t in (x, x * 1):
        with pytest.raises(RuntimeError, match=r"Tensor of shape \(2, 2\) in place while its gradients are recorded"):
            getattr(t, name)(*arguments)
        assert t.tolist() == before


def test_underscored_methods_take_pytorchs_arguments_and_refuse_what_is_lost():
    x = Tensor([1.0, 2.0])
    assert x.add_(Tensor([1.0, 1.0]), alpha=-0.5).tolist() == [0.5, 1.5]
    assert x.sub_(1, alpha=2).tolist() == [-1.5, -0.5]
    assert x.addcmul_(x, x, value=2).tolist() == [3, 0]
    assert x.clamp_(max=1).tolist() == [1, 0]
    assert x.square_().neg_().abs_().mul_(4).sqrt_().tolist() == [2, 0]
    w = leaf(1, 2)
    with pytest.raises(RuntimeError, match="drops the gradient of the value; detach"):
        x.add_(w)
    with pytest.raises(ValueError, match=r"multiply in place: a result of shape \(3, 2\) does not fit"):
        x.mul_(np.ones((3, 2)))
    with pytest.raises(TypeError, match="exp in place: a result of float64 does not fit a Tensor of int64"):
        Tensor([1, 2]).exp_()
    assert Tensor(4.0).sqrt_().item() == 2


def test_more_augmented_assignments():
    x, alias = Tensor([5.0, 7.0]), None
    alias = x
    x **= 2
    x %= 10
    x //= 2
    assert x is alias
    assert x.tolist() == [2, 4]
    y = leaf(2, 3)
    z = y * 1
    z **= 3
    z %= 10
    assert z.tolist() == [8, 7]
    assert gradients(z.sum(), y).tolist() == [12, 27]


# ------------------------------------------------------------------------ "linear" ops keep their word: see `op`

ARGUMENTS = {
    "add": ([2, 3], [2, 3]),
    "subtract": ([2, 3], [2, 3]),
    "cat": ([2, 3], [2, 3]),
    "add_along": ([2, 3], [2, 3]),
    "put_along": ([2, 3], [2, 3]),
    "index_add": ([2, 3], [2, 3]),
    "index_copy": ([2, 3], [2, 3]),
    "repeated": ([2, 2, 3],),
    **{name: ([1, 2, 4],) for name in ("pick", "window_sums")},
    **{name: ([1, 2, 3],) for name in ("place", "to_all_of_window")},
}
IN_WINDOWS = {"geometry": Geometry(size=(4,), kernel=(2,), positions=(3,), stride=(1,), padding=(0,), dilation=(1,))}
MAXIMA = np.array([[[1, 1, 2], [0, 2, 3]]])
SETTINGS = {
    "sum": {"dims": (0,), "keepdim": False},
    "mean": {"dims": (0,), "keepdim": False},
    "astype": {"dtype": "float64"},
    "reshape": {"shape": (3, 2)},
    "permute": {"dims": (1, 0)},
    "expand": {"shape": (4, 2, 3)},
    "cat": {"dim": 0, "starts": (0, 2, 4)},
    "getitem": {"index": (np.array([0, 0, 1]),)},
    "scatter": {"index": (np.array([0, 0]),), "shape": (2, 3)},
    "take_along": {"indices": np.array([[0, 1, 1]]), "dim": 0},
    "put_along": {"indices": np.array([[0, 1, 1], [0, 0, 0]]), "dim": 0},
    "add_along": {"indices": np.array([[0, 1, 1], [0, 0, 0]]), "dim": 0},
    "index_select": {"index": np.array([1, 1, 0]), "dim": 0},
    "index_add": {"index": np.array([1, 1]), "dim": 0},
    "index_copy": {"index": np.array([1, 1]), "dim": 0},
    "narrow": {"dim": 1, "start": 1, "length": 2},
    "embed": {"dim": 1, "start": 1, "total": 5},
    "flip": {"dims": (0, 1)},
    "roll": {"shifts": (1, 2), "dims": (0, 1)},
    "tile": {"counts": (2, 2)},
    "pad": {"widths": ((-1, 2), (1, 0)), "value": 1.0},
    "unfold": {"dim": 1, "size": 2, "step": 1},
    "fold": {"dim": 0, "size": 3, "step": 2, "total": 6},
    "tril": {"diagonal": 0},
    "triu": {"diagonal": 0},
    "diagonal": {"offset": 1, "dim1": 0, "dim2": 1},
    "embed_diagonal": {"offset": -1, "dim1": 0, "dim2": 1, "lengths": (4, 5)},
    "cumsum": {"dim": 1},
    "cumsum_from_the_end": {"dim": 1},
    "repeated": {"names": (0, 0, 1), "shape": (2, 2, 3)},
    "spread_repeated": {"names": (0, 0, 1), "shape": (2, 2, 3)},
    "pick": {"indices": MAXIMA},
    "place": {"indices": MAXIMA, "shape": (1, 2, 4)},
    "window_sums": IN_WINDOWS,
    "to_all_of_window": IN_WINDOWS,
}
FAMILIES = [m for m in vars(ops).values() if inspect.ismodule(m)]
LINEAR = {
    f.__name__: f for family in FAMILIES for f in vars(family).values() if getattr(f, "linear", False) and f.rules
}


def test_every_linear_op_is_checked():
    known = {"add", "subtract", "negative", "clone", "contiguous", *SETTINGS}
    assert set(LINEAR) == known


@pytest.mark.parametrize("name", sorted(LINEAR))
def test_linear_ops_read_no_values(name):
    """The same gradient where all values are overwritten, unseen by the engine, between the two passes."""
    f, rng = LINEAR[name], np.random.default_rng(0)
    xs = [Tensor(rng.normal(size=s), requires_grad=True) for s in ARGUMENTS.get(name, ([2, 3],))]
    out = f(*xs, **SETTINGS.get(name, {}))
    seed = rng.normal(size=out.shape)
    clean = [g.data for g in gradients(out, xs, [seed], retain_graph=True)]
    for x in (out, *xs):
        x._data = np.full(x.shape, np.nan)
    for before, after in zip(clean, gradients(out, xs, [seed]), strict=True):
        np.testing.assert_array_equal(before, after.data)


def test_indexed_changes_are_pytorchs(torch):
    index, mask = np.array([2, 0, 2]), np.array([True, False, True])
    for name, *given in [
        ("index_put_", (index,), np.ones(3)),
        ("index_put_", (index,), np.arange(3.0), True),
        ("put_", index, np.arange(3.0), True),
        ("scatter_reduce_", 0, index, np.arange(3.0), "amax"),
        ("masked_scatter_", mask, np.array([7.0, 8.0])),
    ]:
        x, t = Tensor([0.5, 1.0, 2.0]), torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
        array = x.data
        assert getattr(x, name)(*given) is x
        theirs = [tuple(map(torch.tensor, g)) if type(g) is tuple else g for g in given]
        getattr(t, name)(*(torch.tensor(g) if isinstance(g, np.ndarray) else g for g in theirs))
        assert x.data is array
        np.testing.assert_array_equal(array, t.numpy())


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (7, 3), (2, 2, 2), (0, 3)])
def test_a_diagonal_is_filled_as_by_pytorch(shape, wrap, torch):
    x, t = mg.zeros(*shape), torch.zeros(shape)
    np.testing.assert_array_equal(x.fill_diagonal_(5, wrap=wrap).data, t.fill_diagonal_(5, wrap=wrap).numpy())


def test_a_diagonal_of_other_dimensions_is_refused():
    for shape in [(3,), (2, 3, 2)]:
        with pytest.raises(RuntimeError, match="fill_diagonal_ is of a matrix"):
            mg.zeros(*shape).fill_diagonal_(1)


RESHAPED = {
    "t_": lambda x: x.t_(),
    "transpose_": lambda x: x.transpose_(0, -1),
    "unsqueeze_": lambda x: x.unsqueeze_(1),
    "squeeze_": lambda x: x.unsqueeze_(0).squeeze_(),
}


@pytest.mark.parametrize("name", RESHAPED)
def test_a_shape_is_changed_in_place_in_the_same_memory(name, torch):
    x, t = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True), torch.arange(6.0).reshape(2, 3)
    array, wanted = x.data, RESHAPED[name](t).numpy()
    product = x * x
    with no_grad():
        assert RESHAPED[name](x) is x
    np.testing.assert_array_equal(x.data, wanted)
    assert np.shares_memory(x.data, array)
    with pytest.raises(RuntimeError, match=CHANGED):
        product.sum().backward()
    with pytest.raises(RuntimeError, match=r"changing the shape of a Tensor of .* while its gradients are recorded"):
        RESHAPED[name](x)


DRAWN = {
    "uniform_": ((-1, 3), 1, 4 / 12**0.5),
    "normal_": ((2, 0.5), 2, 0.5),
    "bernoulli_": ((0.25,), 0.25, (0.25 * 0.75) ** 0.5),
    "exponential_": ((4.0,), 0.25, 0.25),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", DRAWN)
def test_draws_in_place_are_the_generators(name, dtype):
    given, mean, deviation = DRAWN[name]
    x, n = mg.zeros(100, 200, dtype=dtype, requires_grad=True), 20_000
    array = x.data
    with no_grad():
        assert getattr(x, name)(*given, generator=mg.Generator(3)) is x
    assert x.data is array
    assert abs(array.mean() - mean) < 5 * deviation / n**0.5
    assert abs(array.std() - deviation) < 0.05 * deviation
    again = getattr(mg.zeros(100, 200, dtype=dtype), name)(*given, generator=mg.Generator(3))
    np.testing.assert_array_equal(again.data, array)
    with pytest.raises(RuntimeError, match="while its gradients are recorded"):
        getattr(x, name)(*given)
    mg.manual_seed(5)
    first = getattr(mg.zeros(4, dtype=dtype), name)(*given)
    mg.manual_seed(5)
    np.testing.assert_array_equal(getattr(mg.zeros(4, dtype=dtype), name)(*given).data, first.data)


def test_each_element_may_have_its_own_probability():
    p = Tensor([0.0, 1.0, 0.0])
    assert mg.zeros(2, 3).bernoulli_(p).tolist() == [[0, 1, 0], [0, 1, 0]]
    assert mg.zeros(2, dtype="int64").bernoulli_(1).tolist() == [1, 1]


def test_draws_in_place_refuse_what_no_distribution_has():
    x = mg.zeros(2)
    for act, sentence in [
        (lambda: x.uniform_(2, 1), "between a <= b"),
        (lambda: x.normal_(0, -1), "standard deviation of 0 or more"),
        (lambda: x.bernoulli_(1.5), "probability between 0 and 1"),
        (lambda: x.exponential_(0), "a rate above 0"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            act()
    assert x.tolist() == [0, 0]
