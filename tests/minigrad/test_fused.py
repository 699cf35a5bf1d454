"""Fused kernels give the plain layers' numbers: values, gradients to second order, and every optimiser's steps."""

import copy
import gc
import os
import platform
import subprocess
import sys
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import Generator, Tensor, gradients, nn, no_grad, ops, optim, use_kernels
from minigrad.nn import functional as F

pytest.importorskip("numba", reason="the kernels are compiled by it")

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}  # of the largest element: sums in another order
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)
ACTIVATIONS = {
    "none": lambda: [],
    "relu": lambda: [nn.ReLU()],
    "leaky": lambda: [nn.LeakyReLU(0.2)],
    "sigmoid": lambda: [nn.Sigmoid()],
    "tanh": lambda: [nn.Tanh()],
    "softplus": lambda: [nn.Softplus()],
}


@pytest.fixture(autouse=True)
def own_mode():
    with use_kernels("auto"):
        yield


def build(spec, dtype="float32", seed=0):
    """A network and fresh streams for its weights and masks, the same for the same seed."""
    weights, masks = Generator(seed), Generator(seed + 1)
    parts, width = [], spec["width"]
    if spec["entry"]:
        parts.append(nn.Dropout(spec["entry"], generator=masks))
    for kind, out, act, bias, drop in spec["layers"]:
        if kind:
            parts.append(nn.Maxout(width, out, kind, dtype=dtype, generator=weights))
        else:
            parts += [nn.Linear(width, out, bias, dtype=dtype, generator=weights), *ACTIVATIONS[act]()]
        if drop:
            parts.append(nn.Dropout(drop, generator=masks))
        width = out
    return nn.Sequential(*parts)


widths = st.integers(1, 40) | st.sampled_from([63, 64, 65, 100, 130])
drops = st.sampled_from([0, 0, 0.2, 0.5])
layers = st.tuples(
    st.sampled_from([0, 0, 1, 2, 3, 5, 6]), widths, st.sampled_from(list(ACTIVATIONS)), st.booleans(), drops
)
networks = st.fixed_dictionaries({"width": widths, "entry": drops, "layers": st.lists(layers, min_size=1, max_size=4)})
seeds = st.integers(0, 2**20)
batches = st.integers(1, 9) | st.sampled_from([33, 100])


def batch(spec, m, dtype, seed):
    return np.random.default_rng(seed).standard_normal((m, spec["width"])).astype(dtype)


def assert_close(ours, plain, dtype, what=""):
    for i, (a, b) in enumerate(zip(ours, plain, strict=True)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape) == (dtype, b.shape), (what, i)
        scale = max(np.abs(b).max(initial=0), 1e-6)
        assert np.abs(a - b).max(initial=0) <= TOLERANCE[dtype] * scale * 10, (what, i, np.abs(a - b).max() / scale)


def one_pass(mode, spec, m, dtype, seed):
    """Output, gradient for x and for every parameter."""
    with use_kernels(mode):
        net = build(spec, dtype, seed)
        x = Tensor(batch(spec, m, dtype, seed), requires_grad=True)
        y = net(x)
        direction = np.random.default_rng(seed + 1).standard_normal(y.shape).astype(dtype)
        found = gradients(y, [x, *net.parameters()], direction)
        return [y.data, *(g.data for g in found)]


# --------------------------------------------------------------------------------------------- same numbers


@dtypes
@given(spec=networks, m=batches, seed=seeds, threads=st.sampled_from([1, 2]))
def test_values_and_gradients_are_the_plain_ones(dtype, spec, m, seed, threads):
    with force_threads(threads):
        assert_close(one_pass("fused", spec, m, dtype, seed), one_pass("plain", spec, m, dtype, seed), dtype, spec)


class force_threads:
    """Use so many threads whatever the size: by default small networks use one."""

    def __init__(self, n):
        self.n = n

    def __enter__(self):
        from minigrad.fused import workspace
        from minigrad.fused.cpu import compiled

        self.saved = workspace.PARALLEL, mg.get_num_threads()
        mg.set_num_threads(min(self.n, compiled.MOST_THREADS))
        workspace.PARALLEL = -1 if mg.get_num_threads() > 1 else float("inf")

    def __exit__(self, *exc):
        from minigrad.fused import workspace

        workspace.PARALLEL = self.saved[0]
        mg.set_num_threads(self.saved[1])


def relus(*widths, last="none", drop=0):
    return [*((0, width, "relu", True, drop) for width in widths[:-1]), (0, widths[-1], last, True, 0)]


GAN = {
    "G": {"width": 100, "entry": 0, "layers": relus(256, 192, 784, last="sigmoid")},
    "D": {"width": 784, "entry": 0.2, "layers": [(5, 48, "", True, 0.5), (5, 32, "", True, 0.5), *relus(1)]},
    "relu and dropout": {"width": 96, "entry": 0, "layers": relus(200, 135, 70, drop=0.5)},
}


@dtypes
@pytest.mark.parametrize("name", GAN)
@pytest.mark.parametrize("limits", [(0, 0, 0), (1001, 1001, 1001)], ids=["dense", "sparse"])
@pytest.mark.parametrize("threads", [1, 2])
def test_dense_and_sparse_ways_agree(name, limits, dtype, threads):
    """Which of them is taken depends on how many zeros relu leaves; here each is forced."""
    from minigrad.fused.cpu import fields as f
    from minigrad.fused.workspace import kernels

    work = kernels(np.dtype(dtype).char).work
    columns = [f.LIMIT_FORWARD, f.LIMIT_BACKWARD, f.LIMIT_UPDATE]
    saved = work[columns].copy()
    work[columns] = limits
    try:
        with force_threads(threads):
            ours = one_pass("fused", GAN[name], 100, dtype, 3)
    finally:
        work[columns] = saved
    assert_close(ours, one_pass("plain", GAN[name], 100, dtype, 3), dtype)


MODES = ("fused", "plain")

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "weight decay, maximize": lambda p: optim.SGD(p, lr=0.01, weight_decay=0.1, maximize=True),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "dampening": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "pylearn2": lambda p: optim.Pylearn2Momentum(p, lr=0.1, momentum=0.7),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adam, weight decay, maximize": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1, maximize=True),
}


def trained(mode, make, spec, dtype, steps=4, twice=False, minimize=False):
    """Parameters and optimiser states after some steps; ``twice``: the network is used on two batches a step."""
    with use_kernels(mode):
        net = build(spec, dtype, 5)
        optimizer = make(list(net.parameters()))
        for step in range(steps):
            y = net(Tensor(batch(spec, 30, dtype, step)))
            loss = (y * y).mean()
            if twice:
                loss = loss - net(Tensor(batch(spec, 17, dtype, 50 + step))).mean()
            if minimize:
                optimizer.minimize(loss)
            else:
                optimizer.step(gradients(loss, optimizer.parameters()))
        states = [v for s in optimizer.state_dict()["state"].values() for v in s.values() if isinstance(v, np.ndarray)]
        return [p.data for p in net.parameters()] + states


@dtypes
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("net", GAN)
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("minimize", [False, True])
def test_optimisers_take_the_plain_steps(name, net, dtype, twice, minimize):
    make = OPTIMIZERS[name]
    ours, plain = (trained(mode, make, GAN[net], dtype, twice=twice, minimize=minimize) for mode in ("fused", "plain"))
    if "adam" in name:  # divides by sqrt(v): where v is rounding error, so is the step
        for a, b in zip(ours, plain, strict=True):
            assert np.quantile(np.abs(a - b), 0.999) <= 10 * TOLERANCE[dtype] * np.abs(b).max()
    else:
        assert_close(ours, plain, dtype)


# ----------------------------------------------------------------------------------------------------- losses

X = np.random.default_rng(0).standard_normal((20, 70))
LOSSES = {"mse": F.mse_loss, "bce": F.binary_cross_entropy_with_logits}
losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def loss_and_slopes(mode, loss, a, t, reduction, order=1):
    """The loss, its gradient and, for order 2, the gradient of the gradient's square."""
    with use_kernels(mode):
        a = Tensor(a, requires_grad=True)
        value = loss(a, t, reduction=reduction)
        assert value._op.__name__ == "loss" or mode == "plain"
        out = [value.data]
        (g,) = gradients(3 * value, [a], create_graph=order == 2)
        out.append(g.data)
        if order == 2:
            out.append(gradients((g * g).sum(), a).data)
    return out


@dtypes
@losses
@given(shape=st.sampled_from([(1,), (7,), (3, 5), (4097,), (130, 129)]), seed=seeds, threads=st.sampled_from([1, 2]))
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_losses_are_the_plain_ones(loss, reduction, dtype, shape, seed, threads):
    rng = np.random.default_rng(seed)
    a, t = (5 * rng.standard_normal(shape)).astype(dtype), rng.random(shape).astype(dtype)
    for order in (1, 2):
        with force_threads(threads):
            ours = loss_and_slopes("fused", loss, a, t, reduction, order)
        assert ours[0].dtype == ours[1].dtype == dtype
        assert_close(ours, loss_and_slopes("plain", loss, a, t, reduction, order), dtype)


@dtypes
def test_cross_entropy_at_extreme_logits(dtype):
    a, t = np.array([-1e4, -90, -20, 0, 20, 90, 1e4]), np.array([1, 0, 0, 0, 1, 1, 0])
    small = np.exp(-np.abs(a))
    exact = np.maximum(a, 0) - a * t + np.log1p(small), np.where(a > 0, 1, small) / (1 + small) - t
    ours = loss_and_slopes("fused", LOSSES["bce"], a.astype(dtype), t.astype(dtype), "sum")
    np.testing.assert_allclose(ours[0], exact[0].sum(), rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(ours[1] / 3, exact[1], rtol=TOLERANCE[dtype], atol=np.finfo(dtype).eps)
    for logit in (np.inf, np.nan):
        value, _ = loss_and_slopes("fused", LOSSES["bce"], np.array([logit], dtype), np.zeros(1, dtype), "sum")
        assert not np.isfinite(value)


@losses
def test_a_loss_is_walked_twice_and_its_gradients_are_apart(loss):
    a, t = Tensor(X, requires_grad=True), np.ones_like(X)
    with use_kernels("fused"):
        value = loss(a, t)
        first, second = (gradients(value, a, retain_graph=True).data for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.shares_memory(first, second)


@losses
def test_losses_that_kernels_cannot_take_go_the_plain_way(loss):
    x = Tensor(X, requires_grad=True)
    others = {
        "none": lambda: loss(x, X, reduction="none"),
        "no gradient": lambda: loss(Tensor(X), X),
        "a target with a gradient": lambda: loss(Tensor(X, requires_grad=True), x),
        "two dtypes": lambda: loss(x, X.astype(np.float32)),
        "no elements": lambda: loss(x[:0], X[:0], reduction="sum"),
        "columns": lambda: loss(x, np.asfortranarray(X)),
    }
    for name, make in others.items():
        with use_kernels("fused"):
            ours = make()
        assert ours._op is None or ours._op.__name__ != "loss", name
        with use_kernels("plain"):
            np.testing.assert_array_equal(ours.data, make().data, err_msg=name)
    with use_kernels("fused"), pytest.raises(ValueError, match='"mean", "sum" or "none", got \'average\''):
        loss(x, X, reduction="average")


def test_auto_takes_the_kernel_for_what_a_fused_network_says():
    net = nn.Sequential(nn.Linear(5, 3))
    for mode, name in (("plain", "mean"), ("fused", "loss")):
        with use_kernels(mode):
            y = net(Tensor(np.ones((2, 5), np.float32)))
        assert F.mse_loss(y, np.zeros_like(y.data))._op.__name__ == name


# ------------------------------------------------------------------------------ parameters moved on the way back


def stepped(mode, minimize, net, loss, optimizer):
    with use_kernels(mode):
        value = loss(net)
        if minimize:
            optimizer.minimize(value)
        else:
            optimizer.step(gradients(value, optimizer.parameters()))
    return [p.data.copy() for p in optimizer.parameters()]


def both_ways(make, loss, parameters=lambda net: list(net.parameters()), optimizer=lambda p: optim.SGD(p, lr=0.1)):
    """minimize with kernels, beside plain gradients and step."""
    ours, plain = (
        stepped(mode, minimize, net, loss, optimizer(parameters(net)))
        for mode, minimize, net in (("fused", True, make()), ("plain", False, make()))
    )
    assert_close(ours, plain, "float64")
    return ours


@dtypes
@given(spec=networks, m=batches, seed=seeds, threads=st.sampled_from([1, 2]), momentum=st.sampled_from([0.0, 0.9]))
def test_minimize_is_gradients_and_step(dtype, spec, m, seed, threads, momentum):
    def moved(mode, minimize):
        net = build(spec, dtype, seed)
        optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=momentum)
        return stepped(mode, minimize, net, lambda net: (net(batch(spec, m, dtype, seed)) ** 2).mean(), optimizer)

    with force_threads(threads):
        ours = moved("fused", True)
    assert_close(ours, moved("plain", False), dtype)


def small(act=nn.ReLU):
    with use_kernels("plain"):
        net = nn.Sequential(nn.Linear(70, 80, generator=Generator(1)), act(), nn.Linear(80, 66, generator=Generator(2)))
    for p in net.parameters():
        p.data = p.data.astype(np.float64)
    return net


def test_the_pass_itself_moves_the_parameters(monkeypatch):
    from minigrad.fused.workspace import Kernels

    calls = []
    for name in ("backward", "update"):
        real = getattr(Kernels, name)
        monkeypatch.setattr(Kernels, name, lambda *a, name=name, real=real: calls.append(name) or real(*a))
    both_ways(small, lambda net: (net(X) ** 2).mean())
    assert calls == ["backward"]


@pytest.mark.parametrize(
    "loss",
    [
        lambda net: (net(X) ** 2).mean() + (net(2 * X) ** 3).mean(),  # two passes read each parameter
        lambda net: (net(X) ** 2).mean() + (net[0].weight ** 2).sum(),  # a parameter is read beside the pass
        lambda net: (
            nn.Sequential(net[2])(nn.Sequential(*net[:2])(X).tanh()) ** 2
        ).mean(),  # two runs: only the lower needs no gradient for x
    ],
    ids=["twice", "beside", "two runs"],
)
def test_parameters_that_are_read_elsewhere_too(loss):
    both_ways(small, loss)


def test_layers_that_share_memory():
    """A constant layer in the memory of one above it, which must not move before the constant has been used."""

    def make():
        net = nn.Sequential(*(nn.Linear(70, 70, generator=Generator(i)) for i in range(3)))
        for layer in net:
            layer.weight.data, layer.bias.data = (p.data.astype(np.float64) for p in layer.parameters())
        net[1].weight = nn.Parameter(net[2].weight.detach(), requires_grad=False)
        return net

    both_ways(
        make,
        lambda net: (net(X) ** 2).mean(),
        lambda net: [net[0].weight, net[2].weight],
        lambda p: optim.SGD(p, lr=100),
    )


def test_a_parameter_replaced_between_two_passes():
    def loss(net):
        first = net(X)
        net[0].weight = nn.Parameter(2 * net[0].weight.data)
        return (first**2).mean() + (net(X) ** 2).mean()

    def parameters(net):
        return [net[0].bias, net[2].weight]  # in both passes

    both_ways(small, loss, parameters)
    nets = [small(), small()]
    values = [loss(net) for net in nets]
    for mode, net, value in zip(("fused", "plain"), nets, values, strict=True):
        with use_kernels(mode):
            optim.SGD([net[0].weight], lr=0.1).minimize(value)
    assert_close([nets[0][0].weight.data], [nets[1][0].weight.data], "float64")


@pytest.mark.parametrize("reached", [True, False])
def test_a_pass_that_no_gradient_reaches(reached):
    def loss(net):
        chosen = net(2 * X) if reached else Tensor(np.ones((20, 66)), requires_grad=True)
        return ops.where(net(X), chosen, 0.0).mean()

    if reached:
        both_ways(small, loss)
        return
    for mode, sentence in (("fused", "no gradient of the loss reaches"), ("plain", "does not depend on all of wrt")):
        with use_kernels(mode):
            net = small()
            with pytest.raises(RuntimeError, match=sentence):
                optim.SGD(net.parameters(), lr=0.1).minimize(loss(net))


def after_a_change(change, mode):
    """Two steps, a change, and two more."""
    net = small()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    with use_kernels(mode):
        for step in range(4):
            if step == 2:
                change(net, optimizer)
            optimizer.minimize((net(X) ** 2).mean())
    return [p.data.copy() for p in optimizer.parameters()]


CHANGES = {
    "nothing": lambda net, o: None,
    "new arrays": lambda net, o: [setattr(p, "data", p.data / 2) for p in net.parameters()],
    "the other order": lambda net, o: setattr(net[2].weight, "data", np.ascontiguousarray(net[2].weight.data)),
    "a square layer in the other order": lambda net, o: setattr(
        net[0].weight, "data", np.array(net[0].weight.data, order="C")
    ),
    "no momentum": lambda net, o: o.param_groups[0].update(momentum=0.0),
    "a state that was saved": lambda net, o: o.load_state_dict(o.state_dict()),
    "a state of another order": lambda net, o: o.state[0].update(
        momentum_buffer=np.ascontiguousarray(o.state[0]["momentum_buffer"])
    ),
    "another learning rate": lambda net, o: o.param_groups[0].update(lr=0.01),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_kept_from_the_last_step_is_noticed_to_have_changed(change):
    assert_close(after_a_change(change, "fused"), after_a_change(change, "plain"), "float64")


def test_gradients_after_a_weight_was_stored_in_the_other_order():
    nets = [small(), small()]
    for mode, net in zip(("fused", "plain"), nets, strict=True):
        with use_kernels(mode):
            for _ in range(2):
                (net(X) ** 2).mean().backward()
                net[0].weight.data = np.ascontiguousarray(net[0].weight.data)
    assert_close(*([p.grad.data for p in net.parameters()] for net in nets), "float64")


def test_a_step_that_was_interrupted_leaves_no_trace(monkeypatch):
    from minigrad.fused.workspace import Kernels

    net = small()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with use_kernels("fused"), monkeypatch.context() as broken:
        broken.setattr(Kernels, "backward", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            optimizer.minimize((net(X) ** 2).mean())
    (net(X) ** 2).mean()
    with use_kernels("fused"):
        found = gradients((net(X) ** 2).mean(), net.parameters())
    with use_kernels("plain"):
        plain = gradients((net(X) ** 2).mean(), net.parameters())
    assert_close([g.data for g in found], [g.data for g in plain], "float64")


def test_some_parameters_only():
    both_ways(small, lambda net: (net(X) ** 2).mean(), lambda net: [net[0].bias])
    both_ways(small, lambda net: (net(X) ** 2).mean(), lambda net: [net[2].weight, net[0].bias])


def test_an_optimiser_of_ones_own():
    class Sign(optim.Optimizer):
        def update(self, p, g, state, group):
            return p - group["lr"] * np.sign(g)

    both_ways(small, lambda net: (net(X) ** 2).mean(), optimizer=lambda p: Sign(p, {"lr": 0.1}))


@pytest.mark.parametrize("mode", ["plain", "fused"])
def test_a_graph_whose_parameters_moved_is_not_walked_again(mode):
    net = small()
    with use_kernels(mode):
        loss = (net(X) ** 2).mean()
        optim.SGD(net[2].parameters(), lr=0.1).minimize(loss, retain_graph=True)
        with pytest.raises(RuntimeError, match="changed in place after it was recorded"):
            optim.SGD(net[0].parameters(), lr=0.1).minimize(loss)


def test_minimize_leaves_grad_alone_and_says_what_is_unused():
    net = small()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with use_kernels("fused"):
        optimizer.minimize((net(X) ** 2).mean())
        assert all(p.grad is None for p in net.parameters())
        with pytest.raises(RuntimeError, match="does not depend on all of wrt"):
            optimizer.minimize((net[0](X) ** 2).mean())
        before = net[2].weight.data.copy()
        optimizer.minimize((net[0](X) ** 2).mean(), allow_unused=True)
        assert (net[2].weight.data == before).all()


@dtypes
@given(spec=networks, m=st.integers(1, 6), seed=seeds)
def test_second_derivatives_are_the_plain_ones(dtype, spec, m, seed):
    def penalty(mode):
        with use_kernels(mode):
            net = build(spec, dtype, seed)
            x = Tensor(batch(spec, m, dtype, seed), requires_grad=True)
            y = net(x)
            dx = gradients((y * y).sum(), x, create_graph=True)
            loss = (dx * dx).sum() + y.sum()
            found = gradients(loss, [x, *net.parameters()], allow_unused=True)
            return [dx.data, *(np.zeros(1, dtype) if g is None else g.data for g in found)]

    ours, plain = penalty("fused"), penalty("plain")
    for a, b in zip(ours, plain, strict=True):
        assert np.abs(a - b).max() <= 100 * TOLERANCE[dtype] * max(1, np.abs(b).max())


def test_very_wide_layers():
    both = [one_pass(mode, {"width": 1, "entry": 0, "layers": relus(70_000, 1)}, 3, "float32", 0) for mode in MODES]
    assert_close(*both, "float32")


def test_runs_are_found_once_whatever_else_a_network_holds(net):
    from minigrad.fused.mlp import fused

    net.statistics = np.zeros(3)
    known = fused(net)
    net.statistics = np.ones(3)
    assert fused(net.eval()) is fused(net.train()) is known


def test_without_a_compiler_auto_is_plain_and_fused_says_why():
    script = SCRIPT.replace('mg.use_kernels("fused")', "mg.kernels.WARM = 0")
    done = run_script(script, NUMBA_DISABLE_JIT="1")
    assert done.stdout.strip() == str(expected()), done.stderr
    done = run_script(SCRIPT, NUMBA_DISABLE_JIT="1")
    assert 'NUMBA_DISABLE_JIT forbids to compile fused kernels; unset it, or use_kernels("plain")' in done.stderr


def test_auto_is_plain_again_where_gradients_are_differentiated(net):
    x = Tensor(np.ones((2, 5), "float32"))
    names = []
    with use_kernels("auto"):
        for _ in range(104):
            y = net(x)
            names.append(y._op.__name__)
            if len(names) > 101:
                slope = gradients((y * y).sum(), net[0].weight, create_graph=True)
                gradients((slope * slope).sum(), net[0].weight)
    assert names[99:] == ["linear", "mlp", "mlp", "linear", "linear"]


def test_a_parameter_that_the_input_depends_on_too():
    """create_graph recomputes the layers; the walk through them must stop at their input."""

    def find(mode):
        with use_kernels(mode):
            net = nn.Sequential(nn.Linear(4, 4, dtype=float, generator=Generator(1)), nn.Tanh())
            w = net.children().__next__().weight
            x = w * 2.0
            g = gradients((net(x) ** 2).sum(), [w, x], create_graph=True)
            return [t.data for t in (*g, *gradients((g[0] * g[0]).sum() + g[1].sum(), [w, x]))]

    assert_close(find("fused"), find("plain"), "float64")


def test_a_network_used_twice_on_the_way():
    """The second pass must not write where the first has left what its gradient needs."""

    def find(mode):
        with use_kernels(mode):
            net = build({"width": 6, "entry": 0.2, "layers": [(2, 6, "", True, 0.5)]}, "float64", 2)
            x = Tensor(batch({"width": 6}, 5, "float64", 0), requires_grad=True)
            return [g.data for g in gradients(net(net(x)).sum(), [x, *net.parameters()])]

    assert_close(find("fused"), find("plain"), "float64")


# ------------------------------------------------------------------------- everything a user may do still works


@pytest.fixture
def net():
    with use_kernels("fused"):
        yield nn.Sequential(nn.Linear(5, 8, generator=Generator(0)), nn.ReLU(), nn.Linear(8, 3, generator=Generator(1)))


def test_the_fused_path_is_taken(net):
    assert net(Tensor(np.ones((2, 5), "float32")))._op.__name__ == "mlp"
    with use_kernels("plain"):
        assert net(Tensor(np.ones((2, 5), "float32")))._op.__name__ == "linear"


def test_auto_is_plain_first_and_fused_after_a_hundred_passes(net):
    x = Tensor(np.ones((2, 5), "float32"))
    with use_kernels("auto"):
        names = [net(x)._op.__name__ for _ in range(103)]
    assert names == ["linear"] * 100 + ["mlp"] * 3


@pytest.mark.parametrize(
    "x",
    [
        np.ones((2, 3, 5), "float32"),
        np.ones(5, "float32"),
        np.ones((2, 5)),
        np.ones((0, 5), "float32"),
    ],
    ids=["3-D", "1-D", "other dtype", "empty"],
)
def test_what_kernels_cannot_take_goes_the_plain_way(net, x):
    y = net(Tensor(x))
    with use_kernels("plain"):
        np.testing.assert_array_equal(y.data, net(Tensor(x)).data)


def test_a_wrong_width_gets_the_plain_sentence(net):
    with pytest.raises(ValueError, match=r"linear of \(2, 4\) float32, \(8, 5\) float32"):
        net(Tensor(np.ones((2, 4), "float32")))


def test_subclasses_and_own_modules_are_not_fused():
    class Loud(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    class Own(nn.Module):
        def forward(self, x):
            return x + 1

    with use_kernels("fused"):
        net = nn.Sequential(Loud(3, 3, generator=Generator(0)), Own(), nn.Linear(3, 2, generator=Generator(1)))
        x = Tensor(np.ones((4, 3), "float32"))
        y = net(x)
    with use_kernels("plain"):
        np.testing.assert_allclose(y.data, net(x).data, rtol=1e-6)


def test_layers_replaced_and_switched_after_the_first_pass(net):
    x = Tensor(np.ones((2, 5), "float32"))
    net(x)
    setattr(net, "1", nn.Tanh())
    changed = net(x).data
    with use_kernels("plain"):
        np.testing.assert_allclose(changed, net(x).data, rtol=1e-5)
    dropping = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.5, generator=Generator(0)))
    assert (dropping(x).data == 0).any()
    dropping.eval()
    assert not (dropping(x).data == 0).any()


def test_gradients_of_weights_are_tensors_like_any(net):
    """They are products that nobody has multiplied out, until somebody looks."""
    x = Tensor(np.ones((2, 5), "float32"))
    g = gradients(net(x).sum(), list(net.parameters()))
    assert [t.shape for t in g] == [(8, 5), (8,), (3, 8), (3,)]
    assert all(t.dtype == np.float32 and isinstance(t, Tensor) for t in g)
    net(Tensor(np.zeros((2, 5), "float32")))  # takes other buffers
    with use_kernels("plain"):
        plain = gradients(net(x).sum(), list(net.parameters()))
    for ours, theirs in zip(g, plain, strict=True):
        np.testing.assert_allclose((ours * 2.0).data, (theirs * 2.0).data, rtol=1e-5)


def test_backward_accumulates_into_grad(net):
    x = Tensor(np.ones((2, 5), "float32"))
    for _ in range(2):
        net(x).sum().backward()
    twice = [p.grad.data for p in net.parameters()]
    net.zero_grad()
    net(x).sum().backward()
    for a, p in zip(twice, net.parameters(), strict=True):
        np.testing.assert_allclose(a, 2 * p.grad.data, rtol=1e-6)


def test_two_backward_passes_through_one_graph(net):
    """The second must not overwrite what the first one's gradients are products of."""
    y = net(Tensor(np.ones((2, 5), "float32")))
    first = gradients(y.sum(), list(net.parameters()), retain_graph=True)
    second = gradients((y * 3.0).sum(), list(net.parameters()))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(3 * a.data, b.data, rtol=1e-5)


def test_the_input_may_change_before_the_gradient_is_looked_at(net):
    x = np.ones((2, 5), "float32")
    g = gradients(net(x).sum(), list(net.parameters()))
    x[:] = 7
    with use_kernels("plain"):
        plain = gradients(net(np.ones((2, 5), "float32")).sum(), list(net.parameters()))
    np.testing.assert_allclose(g[0].data, plain[0].data, rtol=1e-5)


def test_a_weight_changed_before_backward_is_noticed(net):
    y = net(Tensor(np.ones((2, 5), "float32"))).sum()
    with no_grad():
        next(net.parameters()).zero_()
    with pytest.raises(RuntimeError, match="was changed in place after it was recorded"):
        y.backward()


def test_a_weight_that_is_no_leaf(net):
    """A gradient goes on through what made the weight."""
    layer = next(net.children())
    factor = Tensor(np.float32(2), requires_grad=True)
    w = Tensor(layer.weight.data)

    def find(mode):
        with use_kernels(mode):
            del net.__dict__["0"].weight  # the name may be any Tensor's then, as in PyTorch
            net.__dict__["0"].weight = w * factor
            return gradients(net(Tensor(np.ones((2, 5), "float32"))).sum(), factor).item()

    assert find("fused") == pytest.approx(find("plain"), rel=1e-5)


def test_frozen_parameters_and_unused_ones(net):
    first, *_ = net.parameters()
    first.requires_grad = False
    y = net(Tensor(np.ones((2, 5), "float32"))).sum()
    assert len(gradients(y, list(net.parameters())[1:])) == 3


def test_nan_goes_through(net):
    assert np.isnan(net(Tensor(np.full((2, 5), np.nan, "float32"))).data).all()
    sigmoid = nn.Sequential(nn.Linear(5, 3), nn.Sigmoid())
    assert np.isnan(sigmoid(Tensor(np.full((2, 5), np.nan, "float32"))).data).all()


@pytest.mark.parametrize("x", [0.0, 1e-30, 20.0, 90.0, 1e4, np.inf])
@pytest.mark.parametrize("act", list(ACTIVATIONS))
def test_activations_at_extreme_inputs(act, x):
    """One weight of 1: what goes in is what the activation sees."""
    for sign in (1, -1):
        net = nn.Sequential(nn.Linear(1, 1), *ACTIVATIONS[act]())
        with no_grad():
            for p, v in zip(net.parameters(), (1.0, 0.0), strict=True):
                p.fill_(v)
        at = np.array([[sign * x]], "float32")
        with use_kernels("fused"):
            ours = net(at).data
        with use_kernels("plain"), np.errstate(all="ignore"):
            np.testing.assert_allclose(ours, net(at).data, rtol=1e-6, atol=1e-37)


# ---------------------------------------------------------------------------------------- memory and lifetime


def test_graphs_are_freed_without_the_garbage_collector(net):
    gc.collect()
    gc.disable()
    try:
        for create in (False, True):
            x = Tensor(np.ones((2, 5), "float32"), requires_grad=True)
            y = net(x)
            g = gradients((y * y).sum(), [x, *net.parameters()], create_graph=create)
            watched = [weakref.ref(t) for t in (x, y, *g)]
            del x, y, g
            assert all(r() is None for r in watched)
    finally:
        gc.enable()


def test_buffers_come_back(net):
    """After warm-up a step needs no new buffers: as many are free before it as after it."""
    from minigrad.fused.mlp import fused

    (run,) = fused(net)
    optimizer = optim.SGD(list(net.parameters()), lr=0.1)

    def step():
        optimizer.step(gradients(net(np.ones((4, 5), "float32")).sum(), optimizer.parameters()))

    step()
    pools = [*run._buffers.values(), *run._deltas.values()]
    free = [list(map(id, pool.free)) for pool in pools]
    assert [len(ids) for ids in free] == [1, 1]
    for _ in range(3):
        step()
        assert [list(map(id, pool.free)) for pool in pools] == free


def test_many_batch_sizes_keep_few_buffers(net):
    from minigrad.fused.mlp import SIZES, fused

    for m in range(1, 30):
        net(np.ones((m, 5), "float32"))
    (run,) = fused(net)
    assert len(run._buffers) <= SIZES


def test_networks_can_be_copied(net):
    x = np.ones((2, 5), "float32")
    net(x)
    twin = copy.deepcopy(net)
    with no_grad():
        next(twin.parameters()).zero_()
    assert not np.array_equal(twin(x).data, net(x).data)


# ------------------------------------------------------------------------------------------- modes and threads


def test_bad_modes_and_threads_get_a_sentence():
    with pytest.raises(ValueError, match='kernels are "auto", "plain" or "fused", got \'fast\''):
        use_kernels("fast")
    with pytest.raises(ValueError, match="threads: 1 to "):
        mg.set_num_threads(0)


def test_a_statement_lasts_and_a_block_ends():
    use_kernels("plain")
    with use_kernels("fused"):
        assert use_kernels.mode == "fused"
    assert use_kernels.mode == "plain"


def test_blas_has_one_thread_beside_ours(net):
    from threadpoolctl import threadpool_info

    net(np.ones((2, 5), "float32"))
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


@pytest.mark.parametrize("first", ["mg.set_num_threads(mg.get_num_threads())", "mg.use_kernels('fused')"])
def test_blas_has_one_thread_whoever_starts_first(first):
    """SciPy's BLAS is loaded late; a limit set before that would miss it, and each of our threads would start more."""
    script = f"""
import minigrad as mg, numpy as np
from minigrad import nn
{first}
mg.use_kernels("fused")
nn.Sequential(nn.Linear(3, 4), nn.ReLU())(np.ones((2, 3), "float32"))
from threadpoolctl import threadpool_info
print({{p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}})
"""
    result = run_script(script)
    assert result.stdout.strip() == "{1}", result.stdout + result.stderr


def test_numba_may_have_fewer_threads_than_there_are_cores():
    result = run_script("import minigrad as mg\nprint(mg.get_num_threads())", NUMBA_NUM_THREADS="1")
    assert result.stdout.strip() == "1", result.stdout + result.stderr


def run_script(script, **env):
    return subprocess.run(
        [sys.executable, "-W", "default", "-c", script], env={**os.environ, **env}, capture_output=True, text=True
    )


SCRIPT = """
import numpy as np
import minigrad as mg
from minigrad import nn
mg.use_kernels("fused")
net = nn.Sequential(nn.Linear(3, 4, generator=mg.Generator(0)), nn.ReLU(), nn.Linear(4, 1, generator=mg.Generator(1)))
x = np.arange(6, dtype="float32").reshape(2, 3)
print(np.round(net(x).data.ravel(), 4).tolist())
"""


def expected():
    with use_kernels("plain"):
        net = nn.Sequential(nn.Linear(3, 4, generator=Generator(0)), nn.ReLU(), nn.Linear(4, 1, generator=Generator(1)))
        return str(np.round(net(np.arange(6, dtype="float32").reshape(2, 3)).data.ravel(), 4).tolist())


def test_the_second_start_compiles_nothing(tmp_path):
    first, second = (run_script(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "compiling the forward kernel for float32 (once)" in first.stderr
    assert "compiling" not in second.stderr
    assert first.stdout.strip() == second.stdout.strip() == expected()


VERSIONS = """
from minigrad.fused.cpu import backward, compiled, elementwise, forward, tiles, update
compiled.kernel("backward", "float32", True)
for module in (backward, elementwise, forward, tiles, update):
    for name, function in vars(module).items():
        versions = getattr(function, "signatures", [])
        if len(versions) > 1:
            print(name, len(versions))
"""


def test_a_cache_that_cannot_be_written_is_said_and_done_without(tmp_path):
    """And nothing is compiled twice: a literal argument, or a thread's number without a sign, is a version of its own,
    also of all that is called with it; compiling took twice as long for that."""
    file = tmp_path / "file"
    file.write_text("a folder cannot be made below a file")
    result = run_script(SCRIPT + VERSIONS, NUMBA_CACHE_DIR=str(file))
    assert result.returncode == 0, result.stderr
    assert "compiled kernels cannot be kept in" in result.stderr
    assert "set NUMBA_CACHE_DIR" in result.stderr
    assert result.stdout.strip() == expected()


def test_the_fingerprint_follows_the_sources(tmp_path, monkeypatch):
    """Numba does not notice that a function called by a cached one has changed: the folder's name must."""
    from minigrad.fused.cpu import compiled

    (tmp_path / "tiles.py").write_text("before")
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    before = compiled.fingerprint()
    assert compiled.fingerprint() == before
    (tmp_path / "tiles.py").write_text("after")
    assert compiled.fingerprint() != before


def test_old_kernels_are_thrown_away(tmp_path):
    """Each version of the sources has a folder of its own; the last few are kept."""
    for i in range(9):
        (tmp_path / "minigrad" / f"old{i}").mkdir(parents=True)
        os.utime(tmp_path / "minigrad" / f"old{i}", (i, i))
    result = run_script(
        "from minigrad.fused.cpu.compiled import cache_folder; cache_folder()", NUMBA_CACHE_DIR=tmp_path
    )
    assert result.returncode == 0, result.stderr
    left = {folder.name for folder in (tmp_path / "minigrad").iterdir()}
    assert {name for name in left if name.startswith("old")} == {"old5", "old6", "old7", "old8"}
    assert len(left) == 5


HASWELL = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+f16c,+popcnt,+sse4.2,+movbe,+lzcnt",
}


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="instructions of another processor")
def test_processors_with_narrower_vectors_get_the_same_numbers():
    """AVX2, half of AVX-512: sizes that are multiples of neither, all kinds of layers, and parameters moved."""
    from minigrad.fused.cpu.tiles import REGISTER

    if REGISTER < 16:
        pytest.skip("this processor has no wider vectors than AVX2: all other tests here are of these")
    chosen = "test_values_and_gradients_are_the_plain_ones or test_minimize_is_gradients_and_step"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", f"({chosen}) and float32", __file__],
        env={**os.environ, **HASWELL},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
