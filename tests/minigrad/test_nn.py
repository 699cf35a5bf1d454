"""Layers, losses, state and initial values against PyTorch's: values, gradients, names, dtypes, errors."""

import copy
import math
import os

import numpy as np
import pytest

from minigrad import Generator, Tensor, manual_seed, nn, no_grad, random
from minigrad.nn import functional as F
from minigrad.nn import init

if os.environ.get("CI") == "true":  # where the oracle must not be missing unseen
    import torch
else:
    torch = pytest.importorskip("torch", reason="the oracle, of the extra [test]")

TOLERANCE = {"float64": {"rtol": 1e-12, "atol": 1e-13}, "float32": {"rtol": 2e-5, "atol": 2e-6}}
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


class TorchMaxout(torch.nn.Linear):
    """Linear, view, max: the definition of maxout in PyTorch's words."""

    def __init__(self, in_features, units, pieces):
        super().__init__(in_features, units * pieces)
        self.pieces = pieces

    def forward(self, x):
        return super().forward(x).unflatten(-1, (-1, self.pieces)).max(-1).values


def mlp(m, maxout):
    """The same network in either library."""
    return m.Sequential(
        m.Linear(5, 7),
        m.LeakyReLU(0.2),
        m.Sequential(maxout(7, 4, 3), m.Linear(4, 6, bias=False), m.Tanh()),
        m.ReLU(),
        m.Linear(6, 2),
    )


LAYERS = {
    "Linear": lambda m, maxout: m.Linear(5, 3),
    "Linear without bias": lambda m, maxout: m.Linear(5, 3, bias=False),
    "Maxout": lambda m, maxout: maxout(5, 4, 3),
    "Maxout of one piece": lambda m, maxout: maxout(5, 2, 1),
    "ReLU": lambda m, maxout: m.ReLU(),
    "LeakyReLU": lambda m, maxout: m.LeakyReLU(),
    "LeakyReLU 0.2": lambda m, maxout: m.LeakyReLU(0.2),
    "Sigmoid": lambda m, maxout: m.Sigmoid(),
    "Tanh": lambda m, maxout: m.Tanh(),
    "Softplus": lambda m, maxout: m.Softplus(),
    "Sequential": mlp,
}


def pair(build, dtype="float32"):
    """(ours, theirs) with the same parameters, theirs."""
    theirs = build(torch.nn, TorchMaxout).to(getattr(torch, dtype))
    ours = build(nn, nn.Maxout)
    for module in ours.modules():  # Linear is made in float32
        for name, value in vars(module).items():
            if isinstance(value, nn.Parameter):
                setattr(module, name, nn.Parameter(value, dtype=dtype))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def numbers(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(dtype)


def same(ours, theirs, dtype):
    """Equal values of equal dtype."""
    theirs = theirs.detach().numpy()
    assert ours.dtype == theirs.dtype == dtype
    np.testing.assert_allclose(ours.detach().numpy(), theirs, **TOLERANCE[dtype])


# ------------------------------------------------------------------------------------------------- layers


@dtypes
@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 3, 5)], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_layer_equals_pytorch(name, shape, dtype):
    ours, theirs = pair(LAYERS[name], dtype)
    x = numbers(*shape, dtype=dtype)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = ours(a), theirs(b)
    same(out, expected, dtype)
    g = numbers(*out.shape, dtype=dtype, seed=1)
    out.backward(Tensor(g))
    expected.backward(torch.tensor(g))
    same(a.grad, b.grad, dtype)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        same(p.grad, q.grad, dtype)


FUNCTIONS = {
    "relu": (),
    "leaky_relu": (0.3,),
    "sigmoid": (),
    "tanh": (),
    "softplus": (),
    "logsigmoid": (),
    "softmax": (1,),
    "log_softmax": (0,),
}


@dtypes
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_equals_pytorch_at_its_kink_too(name, dtype):
    x = numbers(3, 4, dtype=dtype)
    x[0, 0] = 0
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = getattr(F, name)(a, *FUNCTIONS[name]), getattr(torch.nn.functional, name)(b, *FUNCTIONS[name])
    same(out, expected, dtype)
    (out * numbers(3, 4, dtype=dtype, seed=1)).sum().backward()
    (expected * torch.tensor(numbers(3, 4, dtype=dtype, seed=1))).sum().backward()
    same(a.grad, b.grad, dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_of_a_bare_array_is_a_bare_array(name):
    x = numbers(3, 4)
    out = getattr(F, name)(x, *FUNCTIONS[name])
    assert isinstance(out, np.ndarray)
    np.testing.assert_array_equal(out, getattr(F, name)(Tensor(x), *FUNCTIONS[name]).numpy())


def test_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no forward"):
        Empty()(1)


def test_sequential_is_a_sequence():
    parts = nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)
    net = nn.Sequential(*parts)
    assert len(net) == 3
    assert net[1] is parts[1]
    assert net[-1] is parts[2]
    assert list(net) == list(net.children()) == list(parts)
    assert dict(net.named_children()) == {"0": parts[0], "1": parts[1], "2": parts[2]}
    x = Tensor([[1.0, 2.0]])
    assert nn.Sequential()(x) is x


def test_switches_reach_every_part():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(), nn.Linear(2, 1)))
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train() is net
    assert all(m.training for m in net.modules())
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())
    net.requires_grad_()
    net(Tensor(numbers(3, 2))).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_a_copy_of_a_network_is_another_network():
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    other = copy.deepcopy(net)
    before = net.state_dict()
    with no_grad():
        other[0].weight += 1
    np.testing.assert_array_equal(net.state_dict()["0.weight"], before["0.weight"])
    np.testing.assert_array_equal(other.state_dict()["0.weight"], before["0.weight"] + 1)


def test_repr_is_pytorchs():
    def build(m):
        inner = m.Sequential(m.Linear(3, 2, bias=False), m.Sequential(m.Sigmoid()), m.BCEWithLogitsLoss())
        return m.Sequential(m.Linear(4, 3), m.ReLU(), m.LeakyReLU(0.2), inner, m.Tanh())

    assert repr(build(nn)) == repr(build(torch.nn))
    assert repr(nn.Maxout(784, 240, 5)) == "Maxout(in_features=784, units=240, pieces=5)"
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"
    assert repr(nn.Softplus()) == repr(torch.nn.Softplus())


# ------------------------------------------------------------------------------------------------- losses


@dtypes
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("pos_weight", [None, (3,), (4, 3)], ids=str)
@pytest.mark.parametrize("weight", [None, (3,), (4, 1)], ids=str)
def test_binary_cross_entropy_equals_pytorch(weight, pos_weight, reduction, dtype):
    logits = numbers(4, 3, dtype=dtype)
    target = np.random.default_rng(1).random((4, 3)).astype(dtype)
    target[0] = [0, 1, 0.5]
    weights = [None if s is None else np.abs(numbers(*s, dtype=dtype, seed=2)) for s in (weight, pos_weight)]
    a, y = Tensor(logits, requires_grad=True), Tensor(target, requires_grad=True)
    b, z = torch.tensor(logits, requires_grad=True), torch.tensor(target, requires_grad=True)
    theirs = [None if w is None else torch.tensor(w) for w in weights]
    out = F.binary_cross_entropy_with_logits(a, y, weights[0], reduction, weights[1])
    expected = torch.nn.BCEWithLogitsLoss(theirs[0], reduction=reduction, pos_weight=theirs[1])(b, z)
    same(out, expected, dtype)
    out.sum().backward()
    expected.sum().backward()
    same(a.grad, b.grad, dtype)
    same(y.grad, z.grad, dtype)
    module = nn.BCEWithLogitsLoss(weights[0], reduction=reduction, pos_weight=weights[1])
    np.testing.assert_array_equal(module(a, y).detach().numpy(), out.detach().numpy())


@dtypes
def test_binary_cross_entropy_of_huge_logits_is_finite_and_linear(dtype):
    logits = np.array([-1e4, -1e4, -50, 50, 1e4, 1e4], dtype)
    target = np.array([0, 1, 1, 0, 0, 1], dtype)
    a, b = Tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
    out = F.binary_cross_entropy_with_logits(a, target, reduction="none")
    np.testing.assert_array_equal(out.detach().numpy(), np.array([0, 1e4, 50, 50, 1e4, 0], dtype))
    out.sum().backward()
    torch.nn.functional.binary_cross_entropy_with_logits(b, torch.tensor(target), reduction="sum").backward()
    same(a.grad, b.grad, dtype)


def test_one_number_may_be_the_target_of_all():
    logits = numbers(4, 3)
    expected = F.binary_cross_entropy_with_logits(Tensor(logits), np.ones((4, 3)))
    assert F.binary_cross_entropy_with_logits(Tensor(logits), 1).item() == expected.item()


@dtypes
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mean_squared_error_equals_pytorch(reduction, dtype):
    x, y = numbers(4, 3, dtype=dtype), numbers(4, 3, dtype=dtype, seed=1)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out = F.mse_loss(a, Tensor(y), reduction)
    expected = torch.nn.functional.mse_loss(b, torch.tensor(y), reduction=reduction)
    same(out, expected, dtype)
    out.sum().backward()
    expected.sum().backward()
    same(a.grad, b.grad, dtype)


# ------------------------------------------------------------------------------------------------ dropout


@dtypes
@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_dropout_drops_with_probability_p_and_keeps_the_mean(p, dtype):
    n = 200_000
    out = nn.Dropout(p, generator=Generator(1))(Tensor(np.ones((n // 100, 100), dtype))).numpy()
    assert out.dtype == dtype
    assert set(np.unique(out)) == {0, np.dtype(dtype).type(1 / (1 - p))}
    assert abs((out == 0).mean() - p) < 6 * math.sqrt(p * (1 - p) / n)
    for axis in (0, 1):  # every row and every column on its own: neither shares a coin
        assert (out == 0).mean(axis).std() < 1.5 * math.sqrt(p * (1 - p) / out.shape[axis])


@dtypes
def test_dropout_gradient_goes_where_the_value_came_from(dtype):
    x = Tensor(numbers(20, 30, dtype=dtype), requires_grad=True)
    out = nn.Dropout(0.3, generator=Generator(2))(x)
    out.sum().backward()
    kept = out.detach().numpy() != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_array_equal(x.grad.numpy(), kept * np.dtype(dtype).type(1 / 0.7))
    np.testing.assert_array_equal(out.detach().numpy(), x.detach().numpy() * x.grad.numpy())


def test_dropout_does_nothing_in_use_and_draws_nothing():
    generator = Generator(3)
    before = generator.state_dict()
    x = Tensor(numbers(4, 3))
    layer = nn.Dropout(0.5, generator=generator).eval()
    assert layer(x) is x
    assert nn.Dropout(0.0, generator=generator)(x) is x
    assert generator.state_dict() == before
    assert layer.train()(x) is not x
    assert generator.state_dict() != before


def test_dropout_of_everything_is_zero_with_zero_gradient():
    x = Tensor(numbers(4, 3), requires_grad=True)
    out = nn.Dropout(1.0)(x)
    out.sum().backward()
    assert not out.detach().numpy().any()
    assert not x.grad.numpy().any()


def test_dropout_repeats_from_the_same_seed_only():
    x = Tensor(np.ones((50, 50), np.float32))

    def draw(seed):
        layer = nn.Dropout(0.5, generator=Generator(seed))
        return [layer(x).numpy() for _ in range(2)]

    first, second = draw(4)
    np.testing.assert_array_equal(draw(4), [first, second])
    assert (first != second).any()
    assert (draw(5)[0] != first).any()
    drawn = []
    for _ in range(2):
        manual_seed(6)
        drawn.append(nn.Dropout()(x).numpy())
    np.testing.assert_array_equal(*drawn)


def test_functional_dropout_is_pytorchs_and_draws_what_the_layer_draws():
    x = Tensor(numbers(40, 30))
    for p in (0.0, 0.3, 1.0):
        layer = nn.Dropout(p, generator=Generator(3))
        np.testing.assert_array_equal(F.dropout(x, p, generator=Generator(3)).numpy(), layer(x).numpy())
    assert not F.dropout(x, 1.0).numpy().any()
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 0.5, False) is x
    assert F.dropout(x, p=0.5, training=False, inplace=True) is x
    out = F.dropout(x, 0.5).numpy()
    assert set(np.unique(np.round(out / x.numpy(), 12))) == {0.0, 2.0}
    kept = float((torch.nn.functional.dropout(torch.ones(400, 300), 0.3) != 0).float().mean())
    assert abs((F.dropout(np.ones((400, 300)), 0.3) != 0).mean() - kept) < 0.02


def test_functional_dropout_draws_from_the_default_generator_unless_told():
    x, drawn = Tensor(np.ones((20, 20))), []
    for draw in (lambda: nn.Dropout(0.4)(x), lambda: F.dropout(x, 0.4)):
        manual_seed(6)
        drawn.append(draw().numpy())
    np.testing.assert_array_equal(*drawn)
    before = random.default_generator.state_dict()
    F.dropout(x, generator=Generator(1)), F.dropout(x, training=False), F.dropout(x, 0.0)
    assert random.default_generator.state_dict() == before


def test_a_generator_is_no_inplace():
    with pytest.raises(TypeError, match=r"Dropout: inplace is True or False; write generator=\.\.\. for a Generator"):
        nn.Dropout(0.5, Generator(1))


def test_alpha_dropout_keeps_mean_and_variance():
    x = Tensor(np.random.default_rng(0).standard_normal((400, 500)))
    for layer in (nn.AlphaDropout(0.3, generator=Generator(1)), nn.FeatureAlphaDropout(0.3, generator=Generator(1))):
        out = layer(x).numpy()
        assert abs(out.mean()) < 0.02
        assert abs(out.var() - 1) < 0.02
        assert layer.eval()(x) is x
    assert not F.alpha_dropout(x, 1.0, True).numpy().any()
    with pytest.raises(ValueError, match=r"feature_alpha_dropout takes inputs \(N, C, \.\.\.\), got \(2,\)"):
        F.feature_alpha_dropout(np.ones(2), 0.5, True)


def test_masked_dropout_uses_one_mask_as_often_as_it_is_given():
    mask = Generator(7).bernoulli(0.8, (4, 3))
    x, y = numbers(4, 3), numbers(4, 3, dtype="float32", seed=1)
    np.testing.assert_array_equal(F.masked_dropout(Tensor(x), mask, 0.2).numpy(), x * mask * 1.25)
    np.testing.assert_array_equal(F.masked_dropout(Tensor(y), mask, 0.2).numpy(), y * mask * np.float32(1.25))
    np.testing.assert_array_equal(F.masked_dropout(x, mask, 0.2), x * mask * 1.25)
    layer = nn.Dropout(0.2, generator=Generator(7))  # which draws the very same mask
    np.testing.assert_array_equal(layer(Tensor(x)).numpy(), x * mask * 1.25)
    assert not F.masked_dropout(x, np.ones((4, 3), bool), 1.0).any()


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_a_probability_outside_0_and_1_is_refused(p):
    with pytest.raises(ValueError, match=f"probability between 0 and 1, got p={p}"):
        nn.Dropout(p)
    with pytest.raises(ValueError, match=f"probability between 0 and 1, got p={p}"):
        F.masked_dropout(numbers(2), np.ones(2, bool), p)
    for drop in (F.dropout, F.alpha_dropout):
        with pytest.raises(ValueError, match=f"probability between 0 and 1, got p={p}"):
            drop(numbers(2), p, training=False)


# -------------------------------------------------------------------------------------------------- state


@dtypes
@pytest.mark.parametrize("name", LAYERS)
def test_state_goes_to_pytorch_and_comes_back(name, dtype):
    ours, theirs = pair(LAYERS[name], dtype)
    for p in theirs.parameters():
        torch.nn.init.normal_(p)
    ours.load_state_dict(theirs.state_dict())
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert {v.dtype.name for v in state.values()} <= {dtype}
    other = LAYERS[name](torch.nn, TorchMaxout).to(getattr(torch, dtype))
    other.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    for key, value in theirs.state_dict().items():
        assert torch.equal(value, other.state_dict()[key])


def test_loading_converts_to_the_networks_dtype_and_copies():
    net = nn.Linear(2, 2)
    state = {"weight": np.arange(4.0).reshape(2, 2), "bias": Tensor([5.0, 6.0], requires_grad=True)}
    net.load_state_dict(state)
    assert net.weight.dtype == net.bias.dtype == "float32"
    assert net.weight.requires_grad
    assert net.weight.is_leaf
    state["weight"][:] = 9
    net.state_dict()["weight"][:] = 9
    np.testing.assert_array_equal(net.weight.detach().numpy(), [[0, 1], [2, 3]])
    own = net.state_dict()
    net.load_state_dict(own)
    own["weight"][:] = 9
    np.testing.assert_array_equal(net.weight.detach().numpy(), [[0, 1], [2, 3]])


def test_parameters_without_dimensions_are_saved_and_loaded():
    class Scale(nn.Module):
        def __init__(self):
            self.factor = nn.Parameter(2.0)

    net = Scale()
    net.load_state_dict({"factor": np.array(3.0)})
    assert net.factor.item() == 3
    assert net.state_dict()["factor"].shape == ()


BAD_STATES = {
    "missing": (lambda s: s.pop("2.bias"), r"does not fit Sequential: missing \['2.bias'\], unexpected \[\]"),
    "unexpected": (lambda s: s.update(extra=1), r"missing \[\], unexpected \['extra'\]"),
    "other name": (lambda s: s.update(x=s.pop("0.bias")), r"missing \['0.bias'\], unexpected \['x'\]"),
    "shape": (lambda s: s.update({"2.bias": np.zeros(7)}), r"2.bias has shape \(7,\) in the state, \(2,\) in the net"),
    "transposed": (lambda s: s.update({"2.weight": np.zeros((3, 2))}), r"2.weight has shape \(3, 2\) in the state"),
    "broadcastable": (lambda s: s.update({"2.bias": np.zeros(())}), r"2.bias has shape \(\) in the state"),
    "words": (lambda s: s.update({"2.bias": np.array(["a", "b"])}), "could not convert string to float"),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_a_state_that_does_not_fit_changes_nothing(name):
    spoil, sentence = BAD_STATES[name]
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    before = net.state_dict()
    state = {k: v + 1 for k, v in before.items()}
    spoil(state)
    with pytest.raises(ValueError, match=sentence):
        net.load_state_dict(state)
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[key])


def test_loading_under_a_graph_that_needs_the_old_values_is_noticed():
    net = nn.Linear(2, 2)
    out = net(Tensor(numbers(3, 2, dtype="float32"), requires_grad=True)).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(RuntimeError, match="changed in place after it was recorded"):
        out.backward()


def test_a_shared_parameter_counts_once_and_gathers_from_all_its_places():
    def build(m):
        net = m.Sequential(m.Linear(3, 3), m.Tanh(), m.Linear(3, 3))
        net[2].weight = net[0].weight
        return net

    ours, theirs = build(nn), build(torch.nn)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert ours[0].weight is ours[2].weight
    x = numbers(4, 3, dtype="float32")
    ours(Tensor(x)).sum().backward()
    theirs(torch.tensor(x)).sum().backward()
    same(ours[0].weight.grad, theirs[0].weight.grad, "float32")


def test_a_state_may_lie_in_the_memory_that_it_is_loaded_into():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    first, second = (layer.weight.data for layer in net)
    expected = first.copy(), second.copy()
    net.load_state_dict({**net.state_dict(), "0.weight": second, "1.weight": first})
    np.testing.assert_array_equal(net[0].weight.data, expected[1])
    np.testing.assert_array_equal(net[1].weight.data, expected[0])


def test_a_shared_module_counts_once():
    def build(m):
        layer = m.Linear(3, 3)
        return m.Sequential(layer, m.Tanh(), layer)

    ours, theirs = build(nn), build(torch.nn)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_order_and_prefix_of_names_are_pytorchs():
    def build(m, parameter):
        class Net(m.Module):
            def __init__(self):
                super().__init__()
                self.body = m.Linear(2, 2)
                self.scale = parameter()
                self.head = m.Sequential(m.Linear(2, 1, bias=False))
                self.shift = parameter()

        return Net()

    ours = build(nn, lambda: nn.Parameter([1.0]))
    theirs = build(torch.nn, lambda: torch.nn.Parameter(torch.ones(1)))
    names = [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_parameters()] == names == list(ours.state_dict())
    assert [n for n, _ in ours.named_parameters("G")] == [n for n, _ in theirs.named_parameters("G")]
    assert [n for n, _ in ours.named_children()] == [n for n, _ in theirs.named_children()]
    assert [type(m).__name__ for m in ours.modules()] == [type(m).__name__ for m in theirs.modules()]


def test_a_plain_tensor_is_no_parameter():
    net = nn.Linear(2, 2)
    net.constant = Tensor([1.0])
    assert [n for n, _ in net.named_parameters()] == ["weight", "bias"]
    assert nn.Parameter([1.0]).requires_grad
    assert not nn.Parameter([1.0], requires_grad=False).requires_grad


# ----------------------------------------------------------------------------------------- initial values

SHAPE = (300, 200)  # out, in
UNIFORM = {
    "uniform_": ((-0.3, 0.3), 0.3),
    "xavier_uniform_": ((), math.sqrt(6 / 500)),
    "xavier_uniform_ gain": ((5 / 3,), 5 / 3 * math.sqrt(6 / 500)),
    "kaiming_uniform_": ((), math.sqrt(6 / 200)),
    "kaiming_uniform_ fan_out": ((0.0, "fan_out", "relu"), math.sqrt(6 / 300)),
    "kaiming_uniform_ leaky": ((0.5, "fan_in", "leaky_relu"), math.sqrt(6 / 1.25 / 200)),
    "kaiming_uniform_ tanh": ((0.0, "fan_in", "tanh"), 5 / 3 * math.sqrt(3 / 200)),
}
NORMAL = {
    "normal_": ((0.5, 0.2), 0.2),
    "xavier_normal_": ((), math.sqrt(2 / 500)),
    "xavier_normal_ gain": ((2.0,), 2 * math.sqrt(2 / 500)),
    "kaiming_normal_": ((), math.sqrt(2 / 200)),
    "kaiming_normal_ fan_out": ((0.0, "fan_out", "relu"), math.sqrt(2 / 300)),
    "kaiming_normal_ leaky": ((0.5, "fan_in", "leaky_relu"), math.sqrt(2 / 1.25 / 200)),
}
N = math.prod(SHAPE)


def drawn(name, arguments, dtype, library=init):
    function = getattr(library, name.partition(" ")[0])
    if library is init:
        tensor = nn.Parameter(np.empty(SHAPE, dtype))
        assert function(tensor, *arguments, generator=Generator(1)) is tensor
        assert tensor.is_leaf
        assert tensor.requires_grad
    else:
        generator = torch.Generator().manual_seed(1)
        tensor = function(torch.empty(SHAPE, dtype=getattr(torch, dtype)), *arguments, generator=generator)
    assert str(tensor.dtype).endswith(dtype)
    return tensor.detach().numpy()


@dtypes
@pytest.mark.parametrize("library", [init, torch.nn.init], ids=["ours", "theirs"])
@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_initial_values_fill_their_interval(name, library, dtype):
    arguments, bound = UNIFORM[name]
    x = drawn(name, arguments, dtype, library)
    assert bound * 0.999 < x.max() <= bound * (1 + 1e-6)
    assert -bound * 0.999 > x.min() >= -bound * (1 + 1e-6)
    assert abs(x.mean()) < 6 * bound / math.sqrt(3 * N)
    assert x.std() == pytest.approx(bound / math.sqrt(3), rel=0.01)  # 6 standard errors


@dtypes
@pytest.mark.parametrize("library", [init, torch.nn.init], ids=["ours", "theirs"])
@pytest.mark.parametrize("name", NORMAL)
def test_normal_initial_values_have_their_moments(name, library, dtype):
    arguments, std = NORMAL[name]
    x = drawn(name, arguments, dtype, library)
    mean = 0.5 if name == "normal_" else 0
    assert abs(x.mean() - mean) < 6 * std / math.sqrt(N)
    assert x.std() == pytest.approx(std, rel=6 / math.sqrt(2 * N))
    standard = (x.astype(float) - mean) / std
    assert abs((standard**3).mean()) < 6 * math.sqrt(15 / N)
    assert abs((standard**4).mean() - 3) < 6 * math.sqrt(96 / N)


def test_constant_initial_values():
    tensor = nn.Parameter(np.empty((2, 3), np.float32))
    assert init.zeros_(tensor) is tensor
    assert not tensor.detach().numpy().any()
    assert (init.ones_(tensor) == 1).numpy().all()
    assert (init.constant_(tensor, 0.5) == 0.5).numpy().all()
    assert tensor.dtype == "float32"


def test_initial_values_repeat_from_the_same_seed():
    def draw(**options):
        return init.normal_(Tensor(np.empty(5)), **options).numpy()

    np.testing.assert_array_equal(draw(generator=Generator(1)), draw(generator=Generator(1)))
    assert (draw(generator=Generator(1)) != draw(generator=Generator(2))).all()
    manual_seed(3)
    first = draw()
    assert (draw() != first).all()
    manual_seed(3)
    np.testing.assert_array_equal(draw(), first)


@pytest.mark.parametrize(
    "build", [lambda g: nn.Linear(16, 4000, generator=g), lambda g: nn.Maxout(16, 800, 5, generator=g)]
)
def test_a_new_linear_layer_is_uniform_within_one_over_root_in(build):
    layer = build(Generator(5))
    for p in layer.parameters():
        assert p.dtype == "float32"
        values = p.detach().numpy()
        assert 0.249 < np.abs(values).max() <= 0.25
        assert values.std() == pytest.approx(0.25 / math.sqrt(3), rel=0.06)
    again = build(Generator(5))
    np.testing.assert_array_equal(again.weight.detach().numpy(), layer.weight.detach().numpy())
    np.testing.assert_array_equal(again.bias.detach().numpy(), layer.bias.detach().numpy())


@pytest.mark.parametrize(
    ("nonlinearity", "param"),
    [("linear", None), ("sigmoid", None), ("tanh", None), ("relu", None)]
    + [("leaky_relu", p) for p in (None, 0, 0.01, 0.2, 1, 2.5)],
)
def test_gains_are_pytorchs(nonlinearity, param):
    assert init.calculate_gain(nonlinearity, param) == torch.nn.init.calculate_gain(nonlinearity, param)


# ------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: nn.Linear(3, -1), ValueError, "Linear needs sizes of at least 0, got 3 -> -1"),
        (lambda: nn.Maxout(3, 4, 0), ValueError, "Maxout needs at least one unit and one piece, got 4 x 0"),
        (lambda: nn.Sequential(nn.ReLU(), abs), TypeError, "Sequential takes Modules; part 1 is builtin"),
        (lambda: nn.Linear(3, 2)(Tensor(np.ones((5, 4)))), ValueError, r"linear of \(5, 4\) float64, \(2, 3\) float32"),
        (lambda: F.maxout(Tensor(np.ones((2, 7))), 5), ValueError, r"maxout of \(2, 7\): .* no multiple of pieces = 5"),
        (lambda: F.masked_dropout(np.ones((2, 3)), np.ones((3, 3), bool)), ValueError, r"\(2,3\) \(3,3\)"),
        (
            lambda: F.masked_dropout(Tensor(np.ones((2, 3))), np.ones((3, 3), bool)),
            ValueError,
            r"multiply of \(2, 3\) float64, \(3, 3\) float64",
        ),
        (
            lambda: F.binary_cross_entropy_with_logits(Tensor(np.ones((5, 1))), np.ones(5)),
            ValueError,
            r"binary cross entropy: logits of shape \(5, 1\), but targets of shape \(5,\)",
        ),
        (
            lambda: F.mse_loss(Tensor(np.ones((5, 1))), Tensor(np.ones(5))),
            ValueError,
            r"mean squared error: input of shape \(5, 1\), but target of shape \(5,\)",
        ),
        (
            lambda: F.mse_loss(Tensor(np.ones(2)), Tensor(np.ones(2)), "average"),
            ValueError,
            'reduction is "mean", "sum" or "none", got \'average\'',
        ),
        (
            lambda: init.xavier_uniform_(Tensor(np.ones(3))),
            ValueError,
            r"those of a weight matrix \(out, in\); this Tensor has shape \(3,\)",
        ),
        (
            lambda: init.kaiming_normal_(Tensor(np.ones((3, 2))), mode="fan"),
            ValueError,
            'mode is "fan_in" or "fan_out", got \'fan\'',
        ),
        (
            lambda: init.calculate_gain("gelu"),
            ValueError,
            "no gain is known for 'gelu'; known are conv1d, .*, leaky_relu, linear, relu, selu, sigmoid, tanh",
        ),
    ],
)
def test_bad_input_gets_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
