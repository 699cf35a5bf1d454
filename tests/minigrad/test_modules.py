"""Module itself: buffers, hooks, names, containers, conversion; and that fused code minds hooks."""

import copy

import numpy as np
import pytest

from minigrad import Generator, Tensor, gradients, nn, no_grad, optim, use_kernels
from minigrad.nn import init, utils


def numbers(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(dtype)


def counter(m, tensor):
    """Parameters, buffers and parts in an order of its own, in either library."""

    class Counter(m.Module):
        def __init__(self):
            super().__init__()
            self.part = m.BatchNorm1d(2)
            self.register_buffer("count", tensor([1.0]))
            self.scale = m.Parameter(tensor([2.0]))
            self.register_buffer("hidden", tensor([3.0]), persistent=False)
            self.register_buffer("nothing", None)
            self.register_parameter("shift", m.Parameter(tensor([4.0])))
            self.register_parameter("absent", None)

    return Counter()


def make():
    return counter(nn, Tensor)


# ------------------------------------------------------------------------------------------------ names and buffers


def test_names_are_pytorchs(torch):
    ours, theirs = make(), counter(torch.nn, torch.tensor)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for listing in ("named_parameters", "named_buffers", "named_modules"):
        assert [n for n, _ in getattr(ours, listing)()] == [n for n, _ in getattr(theirs, listing)()]
        assert [n for n, _ in getattr(ours, listing)(prefix="a")] == [
            n for n, _ in getattr(theirs, listing)(prefix="a")
        ]
    assert [b.shape for b in ours.buffers()] == [tuple(b.shape) for b in theirs.buffers()]


def test_a_buffer_is_state_and_no_parameter():
    net = make()
    assert "count" not in dict(net.named_parameters())
    assert all(p is not net.count for p in net.parameters())
    net.count = Tensor([7.0])  # another Tensor of the same name is the buffer from then on
    assert net.state_dict()["count"] == 7
    state = net.state_dict()
    state["count"][:] = 8
    state["part.num_batches_tracked"][...] = 5
    net.load_state_dict(state)
    assert net.count.item() == 8
    assert net.part.num_batches_tracked.item() == 5
    assert net.part.num_batches_tracked.dtype == np.int64
    other = copy.deepcopy(net)
    other.count.fill_(1)
    assert net.count.item() == 8
    assert make().count.item() == 1


def test_buffers_of_the_wrong_shape_or_name_are_refused_whole():
    net = make()
    state = net.state_dict()
    state["scale"][:] = 9
    with pytest.raises(ValueError, match=r"part.running_mean has shape \(3,\) in the state, \(2,\) in the network"):
        net.load_state_dict({**state, "part.running_mean": np.zeros(3)})
    with pytest.raises(ValueError, match=r"missing \['count'\]"):
        net.load_state_dict({k: v for k, v in state.items() if k != "count"})
    assert net.scale.item() == 2
    net.load_state_dict({"count": [5.0]}, strict=False)
    assert net.count.item() == 5


@pytest.mark.parametrize("name", ["", "a.b", "forward", "training"])
def test_a_name_with_another_meaning_is_refused(name):
    for register in ("register_buffer", "register_parameter", "add_module"):
        with pytest.raises(KeyError, match="cannot name a part of Module"):
            getattr(nn.Module(), register)(name, None)


@pytest.mark.parametrize(
    ("register", "value", "sentence"),
    [
        ("register_buffer", 1.0, "buffer 'x' must be a Tensor or None, got float"),
        ("register_parameter", Tensor([1.0]), "parameter 'x' must be a Parameter or None, got Tensor"),
        ("add_module", abs, "part 'x' must be a Module or None, got builtin"),
    ],
)
def test_what_is_registered_has_its_kind(register, value, sentence):
    with pytest.raises(TypeError, match=sentence):
        getattr(nn.Module(), register)("x", value)


def outcome(call):
    """What a call raises: the kinds that both libraries' errors share."""
    try:
        call()
    except (TypeError, RuntimeError) as error:
        return TypeError if isinstance(error, TypeError) else RuntimeError
    return None


ASSIGNED = {  # a name of counter's, and what is given to it
    "a Tensor for a parameter": ("scale", lambda m, tensor: tensor([1.0])),
    "a number for a parameter": ("scale", lambda m, tensor: 3),
    "None for a parameter": ("scale", lambda m, tensor: None),
    "a parameter for a parameter": ("scale", lambda m, tensor: m.Parameter(tensor([5.0, 6.0]))),
    "a Tensor for an absent parameter": ("absent", lambda m, tensor: tensor([1.0])),
    "a parameter for an absent one": ("absent", lambda m, tensor: m.Parameter(tensor([1.0]))),
    "a number for a buffer": ("count", lambda m, tensor: 3),
    "None for a buffer": ("count", lambda m, tensor: None),
    "a Tensor for a buffer": ("nothing", lambda m, tensor: tensor([1.0])),
    "a number for an empty buffer": ("nothing", lambda m, tensor: 1.0),
    "a parameter for a buffer": ("count", lambda m, tensor: m.Parameter(tensor([1.0]))),
    "a Tensor for a part": ("part", lambda m, tensor: tensor([1.0])),
    "None for a part": ("part", lambda m, tensor: None),
    "another part": ("part", lambda m, tensor: m.Linear(1, 1)),
    "anything for another name": ("other", lambda m, tensor: 3),
}


@pytest.mark.parametrize("what", ASSIGNED)
def test_assigning_is_as_pytorchs(torch, what):
    name, value = ASSIGNED[what]
    ours, theirs = make(), counter(torch.nn, torch.tensor)
    wrong = outcome(lambda: setattr(theirs, name, value(torch.nn, torch.tensor)))
    assert outcome(lambda: setattr(ours, name, value(nn, Tensor))) is wrong
    assert set(ours.state_dict()) == set(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in theirs.named_buffers()]
    if wrong:
        with pytest.raises(TypeError, match=rf"Counter\.{name} is a .*: assign a \w+ or None, got \w+; or"):
            setattr(ours, name, value(nn, Tensor))


def test_none_keeps_the_place_of_a_parameter_and_deleting_does_not():
    layer = nn.Linear(2, 1)
    layer.bias = None
    with pytest.raises(TypeError, match=r"Linear\.bias is a parameter"):
        layer.bias = Tensor([1.0])
    del layer.bias
    layer.bias = Tensor([1.0])
    assert list(layer.state_dict()) == ["weight"]
    net = make()
    del net.count
    net.count = 3
    assert "count" not in net.state_dict()


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("changes", [{}, {"new": [1.0], "newer": [2.0]}, {"scale": None, "part.bias": None}])
def test_names_that_only_one_side_has_are_told_as_by_pytorch(torch, strict, changes):
    ours, theirs = make(), counter(torch.nn, torch.tensor)
    results = []
    for net, tensor in ((ours, Tensor), (theirs, torch.tensor)):
        state = {k: v for k, v in net.state_dict().items() if k not in changes}
        state |= {k: tensor(v) for k, v in changes.items() if v is not None}
        if strict and changes:
            with pytest.raises(RuntimeError, match=r"new|scale"):
                net.load_state_dict(state)
        else:
            keys = net.load_state_dict(state, strict=strict)
            missing, unexpected = keys
            assert (missing, unexpected) == (keys.missing_keys, keys.unexpected_keys)
            results.append((missing, unexpected, str(keys) == "<All keys matched successfully>"))
    assert len(set(map(str, results))) == (0 if strict and changes else 1)


def test_a_state_that_does_not_fit_is_both_errors():
    net = nn.Linear(2, 2)
    for state in ({}, {"weight": np.zeros((3, 3)), "bias": np.zeros(2)}):
        for error in (ValueError, RuntimeError):
            with pytest.raises(error, match="state"):
                net.load_state_dict(state)
    average = optim.swa_utils.AveragedModel(net)
    keys = average.load_state_dict({"module.bias": np.zeros(2)}, strict=False)
    assert keys == (["n_averaged", "module.weight"], [])
    with pytest.raises(RuntimeError, match="missing \\['n_averaged'\\]"):
        average.load_state_dict({"module.weight": np.zeros((2, 2)), "module.bias": np.zeros(2)})


def test_modules_by_name():
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, nn.Sequential(nn.ReLU(), shared))
    assert [n for n, _ in net.named_modules()] == ["", "0", "1", "1.0"]
    assert net.get_submodule("1.0") is net[1][0]
    assert net.get_submodule("") is net
    with pytest.raises(AttributeError, match=r"Sequential has no Module '1\.7\.2': nothing there is named '7'"):
        net.get_submodule("1.7.2")
    seen = []
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Sequential"]
    assert net(Tensor([[1.0, 2.0]])).shape == (1, 2)  # the shared one runs twice


def test_to_converts_parameters_and_floating_buffers():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    net(Tensor(numbers(4, 2, dtype="float32"))).sum().backward()
    net.double()
    assert {v.dtype.name for v in net.state_dict().values()} == {"float64", "int64"}
    assert all(p.grad is None and p.is_leaf and p.requires_grad for p in net.parameters())
    assert net(Tensor(numbers(4, 2))).dtype == "float64"
    assert {p.dtype.name for p in net.float().parameters()} == {"float32"}
    with pytest.raises(TypeError, match="cannot make them int64"):
        net.to("int64")


# ------------------------------------------------------------------------------------------------------------ hooks


def test_hooks_see_and_replace_as_pytorchs(torch):
    log = []

    def listen(linear, times):
        linear.register_forward_pre_hook(lambda m, args: log.append("pre") or (times(args[0], 2),))
        linear.register_forward_hook(lambda m, args, out: log.append("post") or times(out, args[0].sum()))
        linear.register_forward_hook(lambda m, args, out: log.append("first") or None, prepend=True)
        linear.register_forward_pre_hook(
            lambda m, args, kwargs: log.append(sorted(kwargs)) or (args, kwargs), with_kwargs=True
        )
        linear.register_forward_hook(lambda m, args, kwargs, out: out - 1, with_kwargs=True)

    ours, theirs = nn.Linear(2, 2).double(), torch.nn.Linear(2, 2).double()
    ours.load_state_dict(theirs.state_dict())
    results = []
    for layer, tensor in ((ours, Tensor), (theirs, torch.tensor)):
        listen(layer, lambda x, y: x * y)
        results.append(layer(tensor(numbers(3, 2))).detach().numpy())
        assert log == ["pre", [], "first", "post"]
        log.clear()
    np.testing.assert_allclose(*results, rtol=1e-13)


def test_a_hook_is_removed_by_its_handle():
    layer, seen = nn.ReLU(), []
    handle = layer.register_forward_hook(lambda *_: seen.append(1))
    layer(Tensor([1.0]))
    handle.remove(), handle.remove()
    layer(Tensor([1.0]))
    with layer.register_forward_pre_hook(lambda m, args: seen.append(2)):
        layer(Tensor([1.0]))
    layer(Tensor([1.0]))
    assert seen == [1, 2]
    assert not layer._hooks


def test_a_hook_may_remove_itself_and_a_copy_has_hooks_of_its_own():
    layer, seen = nn.ReLU(), []
    handle = layer.register_forward_hook(lambda *_: (seen.append(1), handle.remove())[0])
    other = copy.deepcopy(layer)
    layer(Tensor([1.0])), layer(Tensor([1.0]))
    assert seen == [1]
    assert other._hooks


def test_hooks_run_where_fused_code_would_have_skipped_them():
    net = nn.Sequential(nn.Linear(3, 4, generator=Generator(1)), nn.ReLU(), nn.Linear(4, 2, generator=Generator(2)))
    x, seen = Tensor(numbers(5, 3, dtype="float32")), []
    with use_kernels("fused"):
        fused = net(x)
        assert fused._op.fused
        handle = net[1].register_forward_hook(lambda m, args, out: seen.append(out.shape) or out * 2)
        with use_kernels("plain"):
            expected = net(x).detach().numpy()
        doubled = net(x)
        assert not getattr(doubled._op, "fused", False)
        np.testing.assert_array_equal(doubled.detach().numpy(), expected)
        assert seen == [(5, 4)] * 2
        sgd = optim.SGD(net.parameters(), lr=0.1)
        before = net.state_dict()
        sgd.minimize((net(x) ** 2).sum())
        assert len(seen) == 3
        assert any((before[k] != v).any() for k, v in net.state_dict().items())
        handle.remove()
        assert net(x)._op.fused


def backward_log(m, tensor, hooks):
    """What backward hooks see of two Linears of two inputs, and the gradients, in either library."""

    class Net(m.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = m.Linear(2, 2).double(), m.Linear(2, 3).double()

        def forward(self, x, y, scale):
            return self.a(x) * scale, self.b(y).sum()

    net, log = Net(), []
    arrays = np.random.default_rng(3)
    net.load_state_dict({k: tensor(arrays.normal(size=tuple(v.shape))) for k, v in net.state_dict().items()})
    seen = lambda grads: [None if g is None else g.detach().numpy().copy() for g in grads]
    for name, part in (("net", net), ("a", net.a)):
        if "look" in hooks:
            part.register_full_backward_hook(lambda _, i, o, name=name: log.append([name, *seen(i), "from", *seen(o)]))
            part.register_full_backward_pre_hook(lambda _, o, name=name: log.append([name, "pre", *seen(o)]))
        if "first" in hooks:
            part.register_full_backward_hook(lambda *_, name=name: log.append([name, "first"]), prepend=True)
        if "replace" in hooks:
            part.register_full_backward_pre_hook(lambda _, o: tuple(None if g is None else g * 2 for g in o))
            part.register_full_backward_hook(lambda _, i, o: tuple(None if g is None else g + 1 for g in i))
    x, y = (m.Parameter(tensor(arrays.normal(size=(4, 2)))) for _ in range(2))
    if "constant input" in hooks:
        x = x.detach()
    p, q = net(x, y, 3.0) if "both" in hooks else (net(x, y, 3.0)[0], 0)
    ((p**2).sum() + q).backward()
    return log, [None if t.grad is None else t.grad.numpy() for t in (x, y, *net.parameters())]


@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")  # there, without inputs that need it
@pytest.mark.parametrize(
    "hooks",
    [
        "look",
        "look both",
        "look first both",
        "look replace both",
        "replace",
        "look constant input both",
    ],
)
def test_backward_hooks_see_and_replace_as_pytorchs(torch, hooks):
    (log, grads), (their_log, their_grads) = (
        backward_log(m, tensor, hooks) for m, tensor in ((nn, Tensor), (torch.nn, torch.tensor))
    )
    assert len(log) == len(their_log)
    for line, expected in zip([*log, grads], [*their_log, their_grads], strict=True):
        assert len(line) == len(expected)
        for a, b in zip(line, expected, strict=True):
            if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
            else:
                assert a is b is None or a == b


def test_backward_hooks_serve_every_order_and_go_away():
    net, seen = nn.Linear(2, 1).double(), []
    x = Tensor(numbers(3, 2), requires_grad=True)
    handle = net.register_full_backward_hook(lambda _, i, o: seen.append(i[0].requires_grad) or (i[0] * 2,))
    g = gradients((net(x) ** 2).sum(), x, create_graph=True)
    h = gradients((g**2).sum(), x)
    assert seen[0] is True
    handle.remove()
    w = net.weight.detach().numpy()
    np.testing.assert_allclose(g.detach().numpy(), 4 * net(x).detach().numpy() * w, rtol=1e-12)
    assert h.shape == (3, 2)
    assert not net._hooks
    with no_grad():
        net.register_full_backward_hook(lambda *_: 1 / 0)
        net(x)


def test_backward_hooks_that_return_too_few_get_a_sentence():
    x = Tensor(numbers(3, 2), requires_grad=True)
    net = nn.Linear(2, 1).double()
    with (
        net.register_full_backward_hook(lambda _, i, o: ()),
        pytest.raises(RuntimeError, match="0 of grad_input, expected 1"),
    ):
        net(x).sum().backward()
    with net.register_full_backward_hook(lambda _, i, o: (x,)), pytest.raises(RuntimeError, match="replaces none"):
        net(x.detach()).sum().backward()


def test_parameters_and_buffers_by_name():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert net.get_parameter("0.weight") is net[0].weight
    assert net.get_buffer("1.running_mean") is net[1].running_mean
    for get, name, what in (
        (net.get_parameter, "1.running_mean", "parameter"),
        (net.get_buffer, "0.weight", "buffer"),
        (net.get_parameter, "0.nothing", "parameter"),
    ):
        with pytest.raises(AttributeError, match=f"Sequential has no {what} '{name}'"):
            get(name)


@pytest.mark.parametrize("kind", ["Sequential", "ModuleList"])
def test_numbered_parts_change_as_pytorchs(torch, kind):
    def build(m):
        make = getattr(m, kind)
        parts = lambda *names: [getattr(m, name)() for name in names]
        many = make(*parts("ReLU", "Tanh")) if kind == "Sequential" else make(parts("ReLU", "Tanh"))
        many.append(m.GELU()).extend(parts("SiLU", "Mish"))
        many.insert(1, m.Sigmoid())
        many.insert(0, m.ELU())
        del many[2]
        del many[-2:]
        popped = many.pop(0)
        more = many + (make(m.SELU()) if kind == "Sequential" else make([m.SELU()]))
        more += make(m.CELU()) if kind == "Sequential" else make([m.CELU()])
        return repr(many), repr(popped), repr(more), [n for n, _ in more.named_children()]

    assert build(nn) == build(torch.nn)
    listed = getattr(nn, kind)()
    with pytest.raises(TypeError, match="takes Modules; part 0 is int"):
        listed.insert(0, 3)
    with pytest.raises(IndexError, match=f"{kind} has 0 parts; none can be put before number 1"):
        listed.insert(1, nn.ReLU())
    with pytest.raises(TypeError):
        listed + 3


def test_weight_norm_is_not_fused():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    utils.weight_norm(net[0])
    x = Tensor(numbers(5, 3, dtype="float32"))
    with use_kernels("fused"):
        out = net(x)
    with use_kernels("plain"):
        np.testing.assert_array_equal(out.detach().numpy(), net(x).detach().numpy())
    grads = gradients(out.sum(), [net[0].weight_g, net[0].weight_v])
    assert [g.shape for g in grads] == [(4, 1), (4, 3)]


def test_layers_that_kernels_do_not_know_run_between_those_they_do():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 2), nn.GELU(), nn.Linear(2, 2))
    x = Tensor(numbers(6, 3, dtype="float32"))
    results = []
    for mode in ("plain", "fused"):
        other = copy.deepcopy(net)
        with use_kernels(mode):
            other(x).sum().backward()
        results.append([p.grad.numpy() for p in other.parameters()] + list(other.state_dict().values()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------------------------------- containers


def test_containers_name_their_parts_as_pytorchs(torch):
    def build(m, tensor):
        class Net(m.Module):
            def __init__(self):
                super().__init__()
                self.list = m.ModuleList([m.Linear(2, 2), m.ReLU()])
                self.list.append(m.Linear(2, 3)).extend([m.Tanh()]).insert(1, m.Linear(2, 2, bias=False))
                self.dict = m.ModuleDict({"a": m.Linear(2, 1), "b": m.ReLU()})
                self.dict["c"] = m.Linear(1, 1)
                self.parameter_list = m.ParameterList([tensor([1.0]), tensor([2.0])]).append(m.Parameter(tensor([3.0])))
                self.parameter_dict = m.ParameterDict({"x": tensor([1.0]), "y": tensor([2.0])})

        return Net()

    ours, theirs = build(nn, Tensor), build(torch.nn, torch.tensor)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert [type(m).__name__ for m in ours.list] == [type(m).__name__ for m in theirs.list]
    assert list(ours.dict) == list(theirs.dict) == ["a", "b", "c"]


def test_containers_are_containers():
    parts = [nn.ReLU(), nn.Tanh(), nn.GELU()]
    listed = nn.ModuleList(parts)
    assert len(listed) == 3
    assert listed[-1] is parts[2]
    assert list(listed[1:]) == parts[1:]
    assert type(listed[:1]) is nn.ModuleList
    assert type(nn.Sequential(*parts)[:2]) is nn.Sequential
    listed[0] = parts[1]
    assert list(listed) == [parts[1], parts[1], parts[2]]
    with pytest.raises(TypeError, match="ModuleList takes Modules; part 3 is int"):
        listed.append(3)
    with pytest.raises(NotImplementedError, match="ModuleList has no forward"):
        listed(1)
    named = nn.ModuleDict({"a": parts[0]})
    assert "a" in named
    assert "b" not in named
    assert list(named.items()) == [("a", parts[0])]
    assert named.pop("a") is parts[0]
    assert len(named) == 0
    with pytest.raises(KeyError, match="cannot name a part"):
        named["keys"] = parts[0]
    ps = nn.ParameterList([np.ones(2)])
    ps[0] = np.zeros(3)
    assert [p.shape for p in ps] == [(3,)]
    d = nn.ParameterDict({"a": np.ones(2)})
    del d["a"]
    assert len(d) == 0
    assert "a" not in d
    ordered = nn.Sequential({"first": parts[0], "second": parts[1]})
    assert [n for n, _ in ordered.named_children()] == ["first", "second"]
    assert ordered.second is parts[1]


# --------------------------------------------------------------------------------------------------- weights, vectors


@pytest.mark.parametrize("dim", [0, 1, -1, None])
@pytest.mark.parametrize("kind", ["Linear", "Conv2d"])
def test_weight_norm_is_pytorchs(kind, dim, torch):
    def build(m):
        layer = m.Linear(3, 4) if kind == "Linear" else m.Conv2d(3, 4, 2)
        return layer.double()

    ours, theirs = build(nn), build(torch.nn)
    shape = (5, 3) if kind == "Linear" else (2, 3, 4, 4)
    with pytest.warns(FutureWarning):
        theirs = torch.nn.utils.weight_norm(theirs, dim=dim)
    assert utils.weight_norm(ours, dim=dim) is ours
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    with no_grad():
        ours.weight_g *= 1.5
    with torch.no_grad():
        theirs.weight_g.mul_(1.5)
    x = numbers(*shape)
    out, expected = ours(Tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    (out**2).sum().backward(), (expected**2).sum().backward()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-12)
    names = [n for n, _ in build(nn).named_parameters()]
    utils.remove_weight_norm(ours)
    assert sorted(n for n, _ in ours.named_parameters()) == sorted(names)
    assert not ours._hooks
    np.testing.assert_allclose(ours(Tensor(x)).detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    with pytest.raises(ValueError, match="weight_norm of 'weight' was not applied to"):
        utils.remove_weight_norm(ours)


def test_spectral_norm_is_pytorchs(torch):
    ours, theirs = nn.Conv2d(2, 3, 2).double(), torch.nn.Conv2d(2, 3, 2).double()
    utils.spectral_norm(ours, n_power_iterations=2)
    torch.nn.utils.spectral_norm(theirs, n_power_iterations=2)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    for step in range(4):
        if step == 2:
            ours.eval(), theirs.eval()
        x = numbers(2, 2, 4, 4, seed=step)
        out, expected = ours(Tensor(x)), theirs(torch.tensor(x))
        np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-10)
        ours.zero_grad(), theirs.zero_grad()
        (out**2).sum().backward(), (expected**2).sum().backward()
        np.testing.assert_allclose(ours.weight_orig.grad.numpy(), theirs.weight_orig.grad.numpy(), rtol=1e-8)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), rtol=1e-10)
    utils.remove_spectral_norm(ours)
    assert sorted(ours.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(ours(Tensor(x)).detach().numpy(), expected.detach().numpy(), rtol=1e-10)


def test_a_weight_is_taken_once():
    layer = utils.weight_norm(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="weight_norm: Linear has no parameter 'weight', or it was taken already"):
        utils.weight_norm(layer)
    with pytest.raises(ValueError, match="spectral_norm: ReLU has no parameter"):
        utils.spectral_norm(nn.ReLU())


def test_parameters_as_one_vector():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).double()
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (13,)
    (vector * numbers(13)).sum().backward()
    np.testing.assert_array_equal(net[0].weight.grad.numpy(), numbers(13)[:6].reshape(3, 2))
    utils.vector_to_parameters(Tensor(np.arange(13.0)), net.parameters())
    np.testing.assert_array_equal(net[1].bias.detach().numpy(), [12])
    assert net[1].bias.is_leaf
    with pytest.raises(ValueError, match=r"13 elements are needed, the vector has shape \(12,\)"):
        utils.vector_to_parameters(Tensor(np.arange(12.0)), net.parameters())
    with pytest.raises(ValueError, match="there are no parameters"):
        utils.parameters_to_vector([])


# ----------------------------------------------------------------------------------------------------- initial values


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 2, 3), (3, 3)])
def test_orthogonal_values_are_orthogonal(shape):
    w = init.orthogonal_(Tensor(np.empty(shape)), 2.0, Generator(1)).numpy().reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"), [(0, 1, -2, 2), (0, 0.02, -2, 2), (1, 2, 0, 1.5), (0, 1, 4, 9), (0, 1, -30, -6)]
)
def test_truncated_normal_values(mean, std, a, b):
    scipy = pytest.importorskip("scipy.stats")
    x = init.trunc_normal_(Tensor(np.empty((200, 100))), mean, std, a, b, Generator(1)).numpy()
    assert a <= x.min() < x.max() <= b
    exact = scipy.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert scipy.kstest(x.ravel(), exact.cdf).pvalue > 1e-4


def test_identities():
    np.testing.assert_array_equal(init.eye_(Tensor(np.empty((2, 3)))).numpy(), np.eye(2, 3))


@pytest.mark.parametrize(("shape", "groups"), [((3, 2, 3), 1), ((2, 3, 3, 5), 1), ((6, 2, 4, 3), 2)])
def test_dirac_is_pytorchs(shape, groups, torch):
    ours = init.dirac_(nn.Parameter(np.empty(shape)), groups).detach().numpy()
    np.testing.assert_array_equal(ours, torch.nn.init.dirac_(torch.empty(shape), groups).numpy())


@pytest.mark.parametrize("name", ["xavier_uniform_", "kaiming_normal_", "kaiming_uniform_", "xavier_normal_"])
def test_fans_of_a_convolution_count_its_kernel(name, torch):
    shape = (40, 30, 5, 4)
    ours = getattr(init, name)(Tensor(np.empty(shape)), generator=Generator(1)).numpy()
    theirs = getattr(torch.nn.init, name)(torch.empty(shape), generator=torch.Generator().manual_seed(1)).numpy()
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    if "uniform" in name:
        assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=1e-3)


@pytest.mark.parametrize("name", ["selu", "conv1d", "conv_transpose2d"])
def test_more_gains_are_pytorchs(name, torch):
    assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda t: init.trunc_normal_(t, a=2, b=-2), "needs a < b and std > 0, got a=2, b=-2"),
        (lambda t: init.orthogonal_(t), r"orthogonal_ needs a matrix, .* got shape \(3,\)"),
        (lambda t: init.eye_(t), r"eye_ needs a matrix, got shape \(3,\)"),
        (lambda t: init.dirac_(t), r"dirac_ needs \(out, in / groups, \*kernel\)"),
    ],
)
def test_initial_values_of_the_wrong_shape(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(Tensor(np.ones(3)))
