"""Networks on cuda: moved, trained, saved and taken back, with the numbers that they have on the cpu."""

import copy

import numpy as np
import pytest

from minigrad import DeviceError, Generator, Tensor, nn, no_grad, optim
from minigrad.device import put
from minigrad.nn import functional as F
from minigrad.nn import init


@pytest.fixture(autouse=True)
def cupy(cupy_module):
    return cupy_module


def network(seed=0):
    rng = Generator(seed)
    return nn.Sequential(
        nn.Linear(4, 6, generator=rng), nn.BatchNorm1d(6), nn.LeakyReLU(0.1), nn.Maxout(6, 3, 2, generator=rng)
    )


def places(net):
    return {str(t.device) for t in (*net.parameters(), *net.buffers())}


def numbers(*shape, seed=1, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_a_network_moves_as_a_whole_and_in_place():
    net = network()
    parameters, before = list(net.parameters()), net.state_dict()
    assert net.to("cuda") is net
    assert places(net) == {"cuda:0"}
    assert all(p is q for p, q in zip(parameters, net.parameters(), strict=True))
    assert all(p.requires_grad and p.is_leaf for p in parameters)
    assert net.cpu() is net
    assert places(net) == {"cpu"}
    assert net.cuda() is net
    assert places(net) == {"cuda:0"}
    after = net.state_dict()
    assert before.keys() == after.keys()
    for name in before:
        assert isinstance(after[name], np.ndarray)  # a state lies on the cpu
        np.testing.assert_array_equal(after[name], before[name])


def test_a_device_and_a_dtype_at_once_or_those_of_another_tensor():
    net = network().to("cuda", "float64")
    assert places(net) == {"cuda:0"}
    assert {p.dtype.name for p in net.parameters()} == {"float64"}
    net.to(Tensor([1.0], dtype=np.float32))
    assert places(net) == {"cpu"}
    assert {p.dtype.name for p in net.parameters()} == {"float32"}
    assert net.to(device="cuda").double() is net
    assert places(net) == {"cuda:0"}
    with pytest.raises(TypeError, match="cannot make them int64"):
        net.to("cpu", int)
    assert places(net) == {"cuda:0"}


def test_gradients_move_with_their_parameters():
    net = network()
    net(Tensor(numbers(5, 4))).sum().backward()
    here = [p.grad.numpy().copy() for p in net.parameters()]
    net.cuda()
    for p, g in zip(net.parameters(), here, strict=True):
        assert p.grad.is_cuda
        np.testing.assert_array_equal(p.grad.cpu().numpy(), g)
    net.to("float64")
    assert all(p.grad is None for p in net.parameters())


def test_forward_and_backward_are_those_of_the_cpu():
    x, here, there = numbers(5, 4), network(), network().to("cuda")
    y, z = here(Tensor(x)), there(Tensor(x, device="cuda"))
    assert z.is_cuda
    np.testing.assert_allclose(z.detach().cpu().numpy(), y.detach().numpy(), rtol=1e-5, atol=1e-6)
    (y * y).sum().backward()
    (z * z).sum().backward()
    for p, q in zip(here.parameters(), there.parameters(), strict=True):
        assert q.grad.is_cuda
        np.testing.assert_allclose(q.grad.cpu().numpy(), p.grad.numpy(), rtol=1e-4, atol=1e-5)
    for p, q in zip(here.buffers(), there.buffers(), strict=True):
        np.testing.assert_allclose(q.cpu().numpy(), p.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kernels", ["plain", "auto", "fused"])
def test_input_and_network_on_two_devices(kernels):
    from minigrad import use_kernels

    with use_kernels(kernels):
        with pytest.raises(RuntimeError, match=r"same device.*linear got \(5, 4\) float32 on cpu"):
            network().cuda()(Tensor(numbers(5, 4)))
        with pytest.raises(RuntimeError, match=r"same device.*linear got \(5, 4\) float32 on cuda:0"):
            network()(Tensor(numbers(5, 4), device="cuda"))


def test_fused_kernels_of_the_processor_leave_a_network_that_has_moved():
    """Its parameters were theirs a moment ago: no address of theirs is used again."""
    from minigrad import use_kernels

    net = nn.Sequential(nn.Linear(4, 3, generator=Generator(0)), nn.ReLU(), nn.Linear(3, 1, generator=Generator(1)))
    optimizer = optim.Pylearn2Momentum(net.parameters(), lr=0.1, momentum=0.5)
    plain = copy.deepcopy(net)
    other = optim.Pylearn2Momentum(plain.parameters(), lr=0.1, momentum=0.5)
    x = numbers(5, 4)
    for step, place in enumerate(["cpu", "cuda", "cpu", "cuda"]):
        net.to(place)
        with use_kernels("fused"):
            loss = F.mse_loss(net(Tensor(x, device=place)), Tensor(np.ones((5, 1), np.float32), device=place))
            if step % 2:
                optimizer.minimize(loss)
            else:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with use_kernels("plain"):
            other.minimize(F.mse_loss(plain(Tensor(x)), Tensor(np.ones((5, 1), np.float32))))
    for p, q in zip(net.cpu().parameters(), plain.parameters(), strict=True):
        np.testing.assert_allclose(
            p.numpy() if not p.requires_grad else p.detach().numpy(), q.detach().numpy(), rtol=1e-5
        )


def test_a_state_goes_to_either_device():
    here, there = network(0), network(1).cuda()
    there.load_state_dict(here.state_dict())
    assert places(there) == {"cuda:0"}
    for name, value in there.state_dict().items():
        np.testing.assert_array_equal(value, here.state_dict()[name])
    other = network(2)
    other.load_state_dict({name: put(value, "cuda") for name, value in here.state_dict().items()})  # arrays there
    assert places(other) == {"cpu"}
    other.load_state_dict({name: Tensor(value, device="cuda") for name, value in here.state_dict().items()})
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(value, here.state_dict()[name])
    with pytest.raises(ValueError, match="shape"):
        there.load_state_dict({**here.state_dict(), "0.bias": np.zeros(7)})


def test_swapping_a_networks_own_arrays_on_cuda():
    """What is about to be overwritten is copied first, on cuda too."""
    net = nn.Sequential(nn.Linear(2, 2, generator=Generator(0)), nn.Linear(2, 2, generator=Generator(1))).cuda()
    before = net.state_dict()
    own = dict(net.named_parameters())
    net.load_state_dict({name: own[str(1 - int(name[0])) + name[1:]].data for name in own})
    after = net.state_dict()
    for name in before:
        np.testing.assert_array_equal(after[name], before[str(1 - int(name[0])) + name[1:]])


def test_copies_of_networks():
    net = network().cuda()
    other = copy.deepcopy(net)
    assert places(other) == {"cuda:0"}
    with no_grad():
        next(other.parameters()).zero_()
    assert np.abs(net.state_dict()["0.weight"]).sum() > 0


def test_no_gpu_moves_nothing(monkeypatch):
    import sys

    net = network()
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(DeviceError, match="cuda needs CuPy"):
        net.to("cuda")
    assert places(net) == {"cpu"}


INITIALISERS = {
    "uniform_": lambda t: init.uniform_(t, -1, 1, Generator(0)),
    "normal_": lambda t: init.normal_(t, 0, 1, Generator(0)),
    "constant_": lambda t: init.constant_(t, 3.0),
    "xavier_uniform_": lambda t: init.xavier_uniform_(t, generator=Generator(0)),
    "kaiming_normal_": lambda t: init.kaiming_normal_(t, generator=Generator(0)),
    "trunc_normal_": lambda t: init.trunc_normal_(t, generator=Generator(0)),
    "orthogonal_": lambda t: init.orthogonal_(t, generator=Generator(0)),
    "eye_": init.eye_,
    "dirac_": init.dirac_,
}


@pytest.mark.parametrize("name", INITIALISERS)
def test_first_values_are_the_same_everywhere(name):
    shape = (3, 3, 3) if name == "dirac_" else (4, 3)
    here, there = (Tensor(np.zeros(shape, np.float32), device=place) for place in ("cpu", "cuda"))
    INITIALISERS[name](here)
    INITIALISERS[name](there)
    assert there.is_cuda
    np.testing.assert_array_equal(there.cpu().numpy(), here.numpy())


def test_clipping_and_vectors():
    net, other = network(), network().cuda()
    for place, n in (("cpu", net), ("cuda", other)):
        (n(Tensor(numbers(5, 4), device=place)) ** 2).sum().backward()
    totals = [nn.utils.clip_grad_norm_(n.parameters(), 0.5) for n in (net, other)]
    np.testing.assert_allclose(totals[1].cpu().numpy(), totals[0].numpy(), rtol=1e-5)
    for order in (1.0, 0.0, float("inf"), float("-inf")):
        a, b = (nn.utils.get_total_norm([p.grad for p in n.parameters()], order) for n in (net, other))
        assert b.is_cuda
        np.testing.assert_allclose(b.cpu().numpy(), a.numpy(), rtol=1e-5)
    nn.utils.clip_grad_value_(other.parameters(), 0.01)
    vector = nn.utils.parameters_to_vector(other.parameters())
    assert vector.is_cuda
    nn.utils.vector_to_parameters(vector * 2, other.parameters())
    np.testing.assert_allclose(other.state_dict()["0.bias"], 2 * net.state_dict()["0.bias"], rtol=1e-6)


def test_averages_stay_with_their_model():
    net = network().cuda()
    average = optim.swa_utils.AveragedModel(net)
    for value in (1.0, 2.0, 6.0):
        with no_grad():
            for p in net.parameters():
                p.fill_(value)
        average.update_parameters(net)
    assert places(average) == {"cuda:0"}
    assert average.state_dict()["module.0.weight"].min() == 3.0


@pytest.mark.parametrize("wrapped", [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_weights_that_are_recomputed(wrapped):
    x = numbers(2, 4)
    here, there = (nn.Linear(4, 3, generator=Generator(0)).to(place) for place in ("cpu", "cuda"))
    for layer in (here, there):
        wrapped(layer, **({"generator": Generator(5)} if wrapped is nn.utils.spectral_norm else {}))
    for _ in range(2):
        y, z = here(Tensor(x)), there(Tensor(x, device="cuda"))
        np.testing.assert_allclose(z.detach().cpu().numpy(), y.detach().numpy(), rtol=1e-5, atol=1e-6)
    y = here.cuda()(Tensor(x, device="cuda"))
    np.testing.assert_allclose(y.detach().cpu().numpy(), there.cpu()(Tensor(x)).detach().numpy(), rtol=1e-4, atol=1e-6)
