"""Every optimiser that PyTorch has too, step by step beside it: random shapes, settings, gradients; states too."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import Tensor, nn, optim, use_kernels

rates = st.sampled_from([0.0, 1e-3, 0.1, 1.0])
decays = st.sampled_from([0.0, 0.01, 0.5])
betas = st.tuples(st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.0, 0.8, 0.999]))
averages = st.sampled_from([0.5, 0.9, 0.99])
small = st.sampled_from([1e-10, 1e-6, 0.1])
common = {"lr": rates, "weight_decay": decays, "maximize": st.booleans()}
FAMILY = {
    "SGD": {**common, "momentum": st.sampled_from([0.0, 0.9]), "dampening": st.sampled_from([0.0, 0.3])},
    "Adagrad": {**common, "lr_decay": decays, "initial_accumulator_value": decays, "eps": small},
    "RMSprop": {**common, "alpha": averages, "eps": small, "momentum": decays, "centered": st.booleans()},
    "Adadelta": {**common, "rho": averages, "eps": small},
    "Adam": {**common, "betas": betas, "eps": small, "amsgrad": st.booleans()},
    "AdamW": {**common, "betas": betas, "eps": small, "amsgrad": st.booleans()},
    "NAdam": {
        **common,
        "betas": betas,
        "eps": small,
        "momentum_decay": decays,
        "decoupled_weight_decay": st.booleans(),
    },
    "Adamax": {**common, "betas": betas, "eps": small},
    "RAdam": {**common, "betas": betas, "eps": small, "decoupled_weight_decay": st.booleans()},
    "Rprop": {
        "lr": rates,
        "etas": st.sampled_from([(0.5, 1.2), (0.9, 3.0)]),
        "step_sizes": st.sampled_from([(1e-6, 50), (0.01, 0.2)]),
        "maximize": st.booleans(),
    },
    "ASGD": {**common, "lambd": decays, "alpha": averages, "t0": st.sampled_from([0.0, 3.0, 1e6])},
}


@pytest.fixture(autouse=True)
def _numbers_of_float64(torch):
    """PyTorch keeps NAdam's product in the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


names = pytest.mark.parametrize("name", FAMILY)
shapes = st.lists(st.sampled_from([(), (1,), (3,), (2, 3), (0, 2), (2, 1, 2)]), min_size=1, max_size=3)


def pair(torch, name, starts, **chosen):
    ours = getattr(optim, name)([nn.Parameter(a) for a in starts], **chosen)
    theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.tensor(a)) for a in starts], **chosen)
    return ours, theirs


def move(torch, ours, theirs, rng, skip=None):
    """One step of both along the same gradients; one parameter may have none."""
    for i, (p, q) in enumerate(zip(ours.parameters(), theirs.param_groups[0]["params"], strict=True)):
        g = np.asarray(rng.normal(size=p.shape) + 0.1 * p.detach().numpy(), p.dtype)
        p.grad, q.grad = (None, None) if i == skip else (Tensor(g), torch.tensor(g))
    ours.step()
    theirs.step()


def agree(ours, theirs, rtol=1e-12, atol=1e-12):
    for p, q in zip(ours.parameters(), theirs.param_groups[0]["params"], strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=atol)
        assert str(p.dtype) == str(q.dtype).removeprefix("torch.")


@names
@settings(max_examples=15)
@given(data=st.data())
def test_step_by_step_beside_pytorch(torch, name, data):
    chosen = data.draw(st.fixed_dictionaries(FAMILY[name]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    starts = [rng.normal(size=shape) for shape in data.draw(shapes)]
    ours, theirs = pair(torch, name, starts, **chosen)
    skip = data.draw(st.sampled_from([None, 0]))
    for t in range(data.draw(st.integers(5, 20))):
        move(torch, ours, theirs, rng, skip if t == 2 else None)
        # a step of 1e10 and its successors lose digits that no library owes
        scale = max(1.0, *(float(np.abs(p.data).max(initial=0)) for p in ours.parameters()))
        agree(ours, theirs, atol=1e-12 * scale)


@names
def test_float32_stays_and_agrees(torch, name):
    rng = np.random.default_rng(0)
    ours, theirs = pair(torch, name, [rng.normal(size=s).astype(np.float32) for s in ((3, 4), (5,), ())])
    for _ in range(20):
        move(torch, ours, theirs, rng)
        agree(ours, theirs, rtol=1e-4, atol=1e-5)
    arrays = [v for s in ours.state.values() for v in s.values() if isinstance(v, np.ndarray)]
    assert {a.dtype for a in arrays} <= {np.dtype("float32")}


@names
def test_defaults_are_pytorchs(torch, name):
    ours, theirs = pair(torch, name, [np.ones(3)])
    assert ours.defaults.items() <= theirs.defaults.items()
    rng = np.random.default_rng(1)
    for _ in range(5):
        move(torch, ours, theirs, rng)
    agree(ours, theirs)


RICH = {
    "SGD": {"momentum": 0.9},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adam": {"amsgrad": True},
    "AdamW": {"amsgrad": True},
}


@names
def test_the_states_layout_is_pytorchs_and_its_states_load(torch, name):
    rng = np.random.default_rng(2)
    starts = [rng.normal(size=s) for s in ((3, 4), (5,), ())]
    ours, theirs = pair(torch, name, starts, lr=0.05, **RICH.get(name, {}))
    for _ in range(7):
        move(torch, ours, theirs, rng)
    saved, expected = ours.state_dict(), theirs.state_dict()
    assert saved["state"].keys() == expected["state"].keys()
    for i, state in saved["state"].items():
        assert state.keys() == expected["state"][i].keys()
        for key, value in state.items():
            wanted = expected["state"][i][key]
            np.testing.assert_allclose(value, wanted, rtol=1e-11, atol=1e-12)
    assert saved["param_groups"][0].items() <= expected["param_groups"][0].items()

    other = getattr(optim, name)([nn.Parameter(p.detach().numpy()) for p in theirs.param_groups[0]["params"]], lr=9.0)
    other.load_state_dict(copy.deepcopy(expected))
    for _ in range(5):
        move(torch, other, theirs, rng)
    agree(other, theirs)


@names
def test_going_on_from_a_saved_state_is_going_on(name):
    rng = np.random.default_rng(3)

    def run(optimizer, steps, seed):
        rng = np.random.default_rng(seed)
        for _ in range(steps):
            optimizer.step([Tensor(rng.normal(size=p.shape)) for p in optimizer.parameters()])

    make = lambda values: getattr(optim, name)([nn.Parameter(v) for v in values], lr=0.05, **RICH.get(name, {}))
    whole = make([rng.normal(size=s) for s in ((3, 4), (5,), ())])
    run(whole, 6, 0)
    resumed = make([p.data for p in whole.parameters()])
    resumed.load_state_dict(whole.state_dict())
    for optimizer in (whole, resumed):
        run(optimizer, 9, 1)
    for p, q in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert p.data.tobytes() == q.data.tobytes()


@names
def test_a_parameter_that_moved_is_noticed_by_a_graph(name):
    p = nn.Parameter([1.0, 2.0])
    loss = (p * p).sum()
    getattr(optim, name)([p], lr=0.1).step([Tensor([1.0, 1.0])])
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_amsgrad_takes_no_kernel_that_does_not_know_it():
    values = {}
    for mode in ("plain", "fused"):
        p = nn.Parameter(np.ones((4, 4)))
        adam = optim.Adam([p], lr=0.1, amsgrad=True)
        with use_kernels(mode):
            for g in (3.0, 0.1, 0.1):
                adam.step([Tensor(np.full((4, 4), g))])
        values[mode] = p.data
    np.testing.assert_array_equal(values["plain"], values["fused"])


def test_a_centred_constant_gradient_leaves_no_negative_variance():
    p = nn.Parameter(np.full(3, 1.0))
    rmsprop = optim.RMSprop([p], lr=1e-9, alpha=0.5, centered=True)
    for _ in range(200):
        rmsprop.step([Tensor([0.1, 0.3, 0.7])])
    assert np.isfinite(p.data).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda p: optim.RMSprop([p], alpha=-1), "RMSprop: alpha must not be negative, got -1"),
        (lambda p: optim.Adagrad([p], lr_decay=-1), "Adagrad: lr_decay must not be negative, got -1"),
        (
            lambda p: optim.Adagrad([p], initial_accumulator_value=-1),
            "Adagrad: initial_accumulator_value must not be negative, got -1",
        ),
        (lambda p: optim.Adadelta([p], rho=1.5), r"Adadelta: rho lies in \[0, 1\], got 1.5"),
        (lambda p: optim.AdamW([p], betas=(1.0, 0.9)), r"AdamW: betas lie in \[0, 1\), got \(1.0, 0.9\)"),
        (lambda p: optim.NAdam([p], momentum_decay=-1), "NAdam: momentum_decay must not be negative, got -1"),
        (lambda p: optim.Rprop([p], etas=(1.0, 1.2)), r"Rprop: etas lie in \(0, 1\) and above 1, got \(1.0, 1.2\)"),
        (lambda p: optim.Adamax([p], lr=-1), "Adamax: lr must not be negative, got -1"),
    ],
)
def test_bad_settings_get_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(nn.Parameter([1.0]))


# --------------------------------------------------------------------------- the surface that all have in common


@names
def test_repr_is_pytorchs(torch, name):
    """Every line, of the settings that are here too."""
    ours, theirs = pair(torch, name, [np.ones(3)], lr=0.5)
    mine, wanted = repr(ours).split("\n"), repr(theirs).split("\n")
    numbers = lambda lines: [line.removesuffix(".0") for line in lines]
    kept = {line.split(":")[0] for line in mine}
    assert numbers(mine) == numbers(line for line in wanted if line.split(":")[0] in kept)


def test_a_step_with_a_closure_is_pytorchs(torch):
    values = []
    for m, o, tensor in ((nn, optim, Tensor), (torch.nn, torch.optim, torch.tensor)):
        p = m.Parameter(tensor([1.0, 2.0]))
        sgd = o.SGD([p], lr=0.1, momentum=0.5)

        def closure(p=p, sgd=sgd):
            sgd.zero_grad()
            loss = (p**2).sum()
            loss.backward()
            return loss

        with (torch if m is torch.nn else minigrad).no_grad():
            losses = [sgd.step(closure), sgd.step(closure=closure)]
        assert sgd.step() is None
        values.append([*(loss.item() for loss in losses), *p.detach().numpy()])
    np.testing.assert_allclose(*values, rtol=1e-12)
    with pytest.raises(TypeError, match="the gradients or a closure that computes them, not both"):
        optim.SGD([nn.Parameter([1.0])]).step([None], closure=closure)


def test_zero_grad_sets_to_none_or_to_zeros(torch):
    for m, o in ((nn, optim), (torch.nn, torch.optim)):
        net = m.Linear(2, 1)
        sgd = o.SGD(net.parameters(), lr=0.1)
        for forget in (sgd, net):
            (net.weight * 2).sum().backward()
            forget.zero_grad(set_to_none=False)
            assert net.weight.grad.numpy().tolist() == [[0, 0]]
            assert net.bias.grad is None
            forget.zero_grad(set_to_none=True)
            assert net.weight.grad is None


def test_parameters_with_names_leave_them_in_the_group(torch):
    states = []
    for m, o, tensor in ((nn, optim, Tensor), (torch.nn, torch.optim, torch.tensor)):
        net = m.Sequential(m.Linear(2, 3), m.Linear(3, 1))
        adam = o.Adam(net.named_parameters(), lr=0.5)
        assert adam.param_groups[0]["param_names"] == ["0.weight", "0.bias", "1.weight", "1.bias"]
        net(m.Parameter(tensor([[1.0, 2.0]], dtype=net[0].weight.dtype))).sum().backward()
        adam.step()
        states.append(adam.state_dict())
        with pytest.raises(ValueError, match=r"names|param"):
            adam.add_param_group({"params": [m.Parameter(tensor([1.0]))]})
    ours, theirs = states
    assert ours["param_groups"][0].items() <= theirs["param_groups"][0].items()
    other = optim.Adam(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).parameters())
    for state in states:
        other.load_state_dict(state)
        assert other.param_groups[0]["lr"] == 0.5
    with pytest.raises(ValueError, match="of 2 parameters 1 have names"):
        optim.SGD([("w", nn.Parameter([1.0])), nn.Parameter([1.0])])
