"""What PyTorch and NumPy users rely on without thinking: integers, dtypes, modes, memory after a backward pass."""

import gc
import tracemalloc
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, gradients, is_grad_enabled, nn, no_grad, optim, set_grad_enabled


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "bool"])
def test_integers_do_not_wrap_around(dtype, torch):
    info = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = np.array([info[0], 1, info[1]]).astype(dtype)
    x, t = Tensor(values), torch.from_numpy(values)
    assert x.amin().item() == values.min()
    assert x.min().item() == values.min()
    assert x.max().item() == values.max()
    small = np.array([0, 1, 5]).astype(dtype)
    x, t = Tensor(small), torch.from_numpy(small).double()
    for name in ("sigmoid", "logsigmoid", "softplus"):
        theirs = getattr(torch.nn.functional, name)(t).numpy()
        assert np.allclose(getattr(mg, name)(x).data, theirs, rtol=1e-12, atol=1e-8), name
    assert np.allclose(x.logsumexp().item(), t.logsumexp(0).item())
    assert np.allclose(x.log_softmax(0).data, t.log_softmax(0).numpy())


def test_a_flag_is_no_dimension():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    for name in ("sum", "mean", "var", "amax", "max", "argmax", "logsumexp"):
        with pytest.raises(TypeError, match="a dimension is a number, got False"):
            getattr(x, name)(False)
    with pytest.raises(TypeError):
        x.var(1, False)  # PyTorch's old second argument is unbiased, sum's is keepdim: neither is guessed
    with pytest.raises(TypeError, match="two names for one argument"):
        x.max(dim=0, axis=1)
    assert x.argmax(axis=1, keepdims=True).tolist() == [[2], [2]]


def test_a_loss_that_is_kept_holds_no_activations():
    losses = []
    big = Tensor(np.zeros(100_000), requires_grad=True)
    gc.disable()
    try:
        tracemalloc.start()
        for _ in range(5):
            loss = (big.exp().sum() + 1).mean() * 1.0
            loss = (loss + big.exp().mean()) + 0
            loss.backward()
            losses.append(loss)
            big.grad = None
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < 100_000 * 8  # not even one of ten activations
    with pytest.raises(RuntimeError, match="freed by an earlier backward pass"):
        losses[0].backward()


def test_what_is_linear_in_its_leaves_can_be_walked_again():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = (x + x).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4, 4]


def test_augmented_assignment_keeps_dtype_and_shape_while_recording_too():
    w = Tensor(np.ones(3, np.float32), requires_grad=True)
    for recorded in (True, False):
        with set_grad_enabled(recorded):
            h = w * 2
            h += np.ones(3)
            assert h.dtype == np.float32
            with pytest.raises(ValueError, match=r"add in place: .*\(2, 3\) does not fit a Tensor of \(3,\)"):
                h += np.ones((2, 3))
    h = w * 2
    h += np.ones(3)
    assert gradients(h.sum(), w).tolist() == [2, 2, 2]


def test_data_given_as_a_tensor_is_copied():
    a, b, c = (Tensor([v, v], requires_grad=True) for v in (1.0, 2.0, 3.0))
    c.data = b
    y = (a * b).sum()
    with no_grad():
        c.fill_(100)
    assert gradients(y, a).tolist() == [2, 2]


def test_no_write_is_lost_without_a_word():
    x = Tensor(2.0)
    for array in (x.data, x.numpy()):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 5
    x.fill_(5)
    x += 1
    assert x.item() == 6


def test_a_copy_by_index_is_no_view():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    part = x[np.array([0, 1])].detach()
    y = (x * x).sum()
    part.fill_(9)
    assert gradients(y, x).tolist() == [2, 4, 6]


def test_shapes_that_make_no_sense_are_refused():
    x = Tensor(np.arange(24.0).reshape(2, 3, 4))
    assert x.narrow(2, -2, 2).tolist() == x[..., 2:].tolist()
    for start, length in ((2, 5), (5, 1), (-5, 2), (0, -1)):
        with pytest.raises(IndexError, match="narrow: dim 2 has length 4"):
            x.narrow(2, start, length)
    with pytest.raises(ValueError, match="start_dim 2 comes after end_dim 1"):
        x.flatten(2, 1)
    with pytest.raises(ValueError, match="a new dimension has none"):
        Tensor([1.0, 2.0]).expand(-1, 2)


def test_set_grad_enabled_acts_at_once_and_as_a_block_and_as_a_decorator():
    set_grad_enabled(False)
    assert not is_grad_enabled()
    set_grad_enabled(True)
    with set_grad_enabled(False):
        assert not is_grad_enabled()
    assert is_grad_enabled()

    @set_grad_enabled(False)
    def decorated():
        return is_grad_enabled()

    @no_grad
    def bare():
        """Keeps its docstring."""
        return is_grad_enabled()

    assert is_grad_enabled()
    assert not decorated()
    assert not bare()
    assert bare.__doc__ == "Keeps its docstring."
    assert is_grad_enabled()


def test_classes_as_targets_leave_float32_alone():
    logits = Tensor(np.zeros(3, np.float32), requires_grad=True)
    for target in (np.array([True, False, True]), np.array([1, 0, 1]), Tensor([1, 0, 1])):
        loss = nn.functional.binary_cross_entropy_with_logits(logits, target)
        assert loss.dtype == np.float32
        assert np.isclose(loss.item(), np.log(2))


def test_a_module_passes_settings_on_and_loads_what_fits():
    class Scaled(nn.Module):
        def __init__(self):
            self.part = nn.Linear(2, 2)

        def forward(self, x, scale=1.0):
            return self.part(x) * scale

    net = Scaled()
    x = np.ones((1, 2), np.float32)
    assert np.allclose(net(x, scale=2).data, 2 * net(x).data)
    net.load_state_dict({"part.bias": np.array([5.0, 6.0]), "other": np.zeros(3)}, strict=False)
    assert net.part.bias.tolist() == [5, 6]
    with pytest.raises(ValueError, match="unexpected"):
        net.load_state_dict({"part.bias": np.array([5.0, 6.0]), "other": np.zeros(3)})


def test_an_optimiser_refuses_nan_and_keeps_its_dtype():
    p = nn.Parameter(np.ones(2, np.float32))
    with pytest.raises(ValueError, match="lr must not be negative, got nan"):
        optim.SGD([p], lr=float("nan"))
    sgd = optim.SGD([p], lr=0.1, momentum=0.9)
    sgd.step([Tensor([1.0, 1.0])])
    assert sgd.state[0]["momentum_buffer"].dtype == np.float32


def test_arrays_and_tensors_of_booleans_combine_from_both_sides():
    mask, other = np.array([True, False]), Tensor([True, True])
    assert (mask & other).tolist() == (other & mask).tolist() == [True, False]
    assert (mask | other).tolist() == (other | mask).tolist() == [True, True]


def test_an_infinite_gradient_stops_where_relu_is_flat(torch):
    x = Tensor([-1.0, 0.0, 4.0], requires_grad=True)
    t = torch.tensor([-1.0, 0.0, 4.0], dtype=torch.float64, requires_grad=True)
    t.relu().sqrt().sum().backward()
    assert gradients(x.relu().sqrt().sum(), x).tolist() == t.grad.tolist() == [0, 0, 0.25]


TOO_FEW = [([1.0], 1), ([2.0, 2.0], 2), ([1.0, 2.0], 2), ([1.0, 3.0, 2.0], 5), ([np.nan, 1.0], 2), ([], 1)]


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
@pytest.mark.parametrize(("data", "correction"), TOO_FEW)
def test_the_spread_of_too_few_is_nan_with_a_warning(name, data, correction, torch):
    x, t = Tensor(data, requires_grad=True, dtype=float), torch.tensor(data, dtype=torch.float64, requires_grad=True)
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match="it needs more than . elements") as told:
        out = getattr(mg, name)(x, dim=0, correction=correction)
    assert {w.filename for w in told} == {__file__}
    with warnings.catch_warnings(action="ignore"):  # theirs comes from some of the four
        wanted = getattr(torch, name)(t, dim=0, correction=correction)
    out, wanted = (a[0] if isinstance(a, tuple) else a for a in (out, wanted))
    np.testing.assert_array_equal(out.data, wanted.detach().numpy())
    ours, (theirs,) = gradients(out, x, create_graph=True), torch.autograd.grad(wanted, t, create_graph=True)
    if np.isnan(out.item()):  # where it is infinite, theirs depends on whether dim is given
        np.testing.assert_array_equal(ours.data, theirs.detach().numpy())


def test_the_spread_of_rows_of_one_keeps_shape_and_dtype(torch):
    x = np.ones((1, 3), np.float32)
    with pytest.warns(RuntimeWarning, match=r"over dims \(0,\) of shape \(1, 3\) is nan"):
        out = Tensor(x).std(dim=0, keepdim=True)
    assert (out.shape, out.dtype) == ((1, 3), np.float32)
    assert np.isnan(out.data).all()
    assert Tensor(x).var(dim=0, correction=0).tolist() == [0, 0, 0]


POLYNOMIALS = {
    "x**2": lambda x: x**2,
    "x**3": lambda x: x**3,
    "x**2.0 + x": lambda x: x**2.0 + x,
    "mean of x**2": lambda x: (x**2).mean(),
    "x**1": lambda x: x**1,
    "x**0": lambda x: x**0,
    "x*x": lambda x: x * x,
    "linear": lambda x: 3 * x - x / 2,
    "sum": lambda x: x.sum(),
    "x**-1": lambda x: x**-1,
    "x**0.5": lambda x: x**0.5,
}


@pytest.mark.parametrize("walk", ["grad", "backward"])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_derivatives_go_on_past_a_constant_one_as_in_pytorch(name, walk, torch):
    """Order by order the same numbers, the same requires_grad, and the same end."""

    def orders(lib, x):
        y, found = POLYNOMIALS[name](x), []
        for _ in range(5):
            found.append((bool(y.requires_grad), y.tolist()))
            try:
                if walk == "grad":
                    (y,) = lib.autograd.grad(y.sum(), x, create_graph=True)
                else:
                    x.grad = None
                    y.sum().backward(create_graph=True)
                    y = x.grad
            except RuntimeError:
                found.append("no gradient reaches it")
                break
        x.grad = None
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of the cycle that create_graph makes
        theirs = orders(torch, torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True))
    ours = orders(mg, Tensor([1.0, 2.0], requires_grad=True))
    for a, b in zip(ours, theirs, strict=True):
        assert a == b or (a[0] == b[0] and np.allclose(a[1], b[1], rtol=1e-14))


def test_a_constant_derivative_of_others_is_unused_as_in_pytorch(torch):
    for lib, leaf in ((mg, Tensor([1.0], requires_grad=True)), (torch, torch.ones(1, requires_grad=True))):
        (g,) = lib.autograd.grad((leaf**2).sum(), leaf, create_graph=True)
        (h,) = lib.autograd.grad(g.sum(), leaf, create_graph=True)
        assert h.requires_grad
        assert lib.autograd.grad(h.sum(), leaf)[0].tolist() == [0]
        other = (leaf * 1).detach().requires_grad_()
        assert lib.autograd.grad((leaf**2).sum() * 1, other, allow_unused=True) == (None,)


GRADIENTS = {
    "a number": (lambda m, x: 5, TypeError),
    "an array": (lambda m, x: np.ones(2), TypeError),
    "a list": (lambda m, x: [1.0, 2.0], TypeError),
    "another shape": (lambda m, x: m.ones(2, 2), RuntimeError),
    "what would broadcast": (lambda m, x: m.ones(1), RuntimeError),
    "another dtype": (lambda m, x: x.detach().double(), RuntimeError),
    "integers": (lambda m, x: x.detach().long(), RuntimeError),
    "itself": (lambda m, x: x, RuntimeError),
    "None": (lambda m, x: None, None),
    "the same kind": (lambda m, x: x.detach() * 2, None),
    "one with a history": (lambda m, x: x * 2, None),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_what_is_assigned_to_grad_is_checked_as_in_pytorch(name, torch):
    make, error = GRADIENTS[name]
    for m, x in ((mg, Tensor([1.0, 2.0], True, np.float32)), (torch, torch.tensor([1.0, 2.0], requires_grad=True))):
        given = make(m, x)
        if error is None:
            x.grad = given
            assert x.grad is given
        else:
            (x * 3).sum().backward()
            before = x.grad
            with pytest.raises(error):
                x.grad = given
            assert x.grad is before
            assert before.tolist() == [3, 3]


def test_a_gradient_that_does_not_fit_gets_a_sentence():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"\.grad is a Tensor or None, got int; Tensor\(...\) makes one"):
        x.grad = 5
    with pytest.raises(RuntimeError, match=r"\.grad of shape \(2, 2\) does not fit a Tensor of shape \(2,\)"):
        x.grad = mg.ones(2, 2)
