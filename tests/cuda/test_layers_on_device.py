"""Every layer and loss as a module on a device: values, gradients and state are the host's; nothing is read back."""

import numpy as np
import pytest

from minigrad import Generator, Tensor, gradients, nn, optim
from minigrad.device import device_of
from tests.minigrad.test_layers import LAYERS, conv_net

MORE = {
    "Linear": (lambda m: m.Linear(4, 3), (5, 4)),
    "Maxout": (lambda m: m.Maxout(4, 3, 2), (5, 4)),
    "Tanh": (lambda m: m.Tanh(), (3, 4)),
    "Sigmoid": (lambda m: m.Sigmoid(), (3, 4)),
    "Softplus": (lambda m: m.Softplus(), (3, 4)),
    "LeakyReLU": (lambda m: m.LeakyReLU(0.2), (3, 4)),
    "ReLU": (lambda m: m.ReLU(), (3, 4)),
}
EVERY = {**LAYERS, **MORE}
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


def twins(build):
    """The same module on the host and on the device."""
    here, there = build(nn), build(nn).to("cuda")
    there.load_state_dict(here.state_dict())
    return here, there


def same(here, there):
    assert device_of(there._data).type == "cuda"
    assert (there.dtype, there.shape) == (here.dtype, here.shape)
    np.testing.assert_allclose(there.detach().cpu().numpy(), here.detach().numpy(), **TOLERANCE)


@pytest.mark.parametrize("name", EVERY)
def test_a_layer_in_training_and_in_use(name, cupy_module, host_reads):
    build, shape = EVERY[name]
    here, there = twins(build)
    for step in range(3):
        if step == 2:
            here.eval(), there.eval()
        x = numbers(*shape, seed=step)
        a, b = Tensor(x, requires_grad=True), Tensor(x, requires_grad=True, device="cuda")
        out = here(a)
        g = numbers(*out.shape, seed=9)
        wanted = gradients(out, [a, *here.parameters()], Tensor(g))
        g = Tensor(g, device="cuda")
        before = host_reads()
        result = there(b)
        found = gradients(result, [b, *there.parameters()], g)
        assert host_reads() == before
        for p, q in zip((out, *wanted), (result, *found), strict=True):
            same(p, q)
    for name, value in here.state_dict().items():
        np.testing.assert_allclose(there.state_dict()[name], value, **TOLERANCE)


CLASSES = np.array([0, 2, 1])
OF_CLASS = np.array([0.5, 1.0, 2.0], np.float32)
LOSSES = {  # name -> (the module, what comes after the input)
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(OF_CLASS, label_smoothing=0.1), (CLASSES,)),
    "NLLLoss": (lambda: nn.NLLLoss(OF_CLASS, ignore_index=1), (CLASSES,)),
    "MultiMarginLoss": (lambda: nn.MultiMarginLoss(weight=OF_CLASS), (CLASSES,)),
    "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(OF_CLASS, pos_weight=OF_CLASS), (numbers(3, 3) > 0,)),
    "MSELoss": (nn.MSELoss, (numbers(3, 3, seed=1),)),
    "HuberLoss": (nn.HuberLoss, (numbers(3, 3, seed=1),)),
    "KLDivLoss": (lambda: nn.KLDivLoss("batchmean"), (np.abs(numbers(3, 3, seed=1)),)),
    "GaussianNLLLoss": (nn.GaussianNLLLoss, (numbers(3, 3, seed=1), np.abs(numbers(3, 3, seed=2)))),
    "PoissonNLLLoss": (lambda: nn.PoissonNLLLoss(full=True), (np.abs(numbers(3, 3, seed=1)),)),
    "TripletMarginLoss": (nn.TripletMarginLoss, (numbers(3, 3, seed=1), numbers(3, 3, seed=2))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss(name, cupy_module, host_reads):
    build, others = LOSSES[name]
    here, there = build(), build().to("cuda")
    a, b = Tensor(numbers(3, 3), requires_grad=True), Tensor(numbers(3, 3), requires_grad=True, device="cuda")
    out = here(a, *map(Tensor, others))
    moved = [Tensor(other, device="cuda") for other in others]
    before = host_reads()
    result = there(b, *moved)
    found = gradients(result, b)
    assert host_reads() == before
    same(out, result)
    same(gradients(out, a), found)


def test_an_embedding_takes_numbers_from_either_device(cupy_module):
    here, there = twins(lambda m: m.Embedding(5, 3, padding_idx=1, generator=Generator(0)))
    rows = np.array([[0, 1], [4, 4]])
    out = here(Tensor(rows))
    for given in (Tensor(rows), Tensor(rows, device="cuda"), rows):
        result = there(given)
        same(out, result)
        same(gradients(here(Tensor(rows)).sum(), here.weight), gradients(result.sum(), there.weight))


def test_a_small_convolutional_network_trains_as_on_the_host(cupy_module, host_reads):
    here, there = twins(conv_net)
    x, y = numbers(6, 1, 10, 9), np.random.default_rng(1).integers(0, 3, 6)
    data = {"cpu": (Tensor(x), Tensor(y)), "cuda": (Tensor(x, device="cuda"), Tensor(y, device="cuda"))}
    losses = {}
    for net, device in ((here, "cpu"), (there, "cuda")):
        sgd = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        loss = nn.CrossEntropyLoss(label_smoothing=0.1).to(device)
        images, classes = data[device]
        before, history = host_reads(), []
        for _ in range(4):
            net.zero_grad()
            out = loss(net(images), classes)
            out.backward()
            sgd.step()
            history.append(out.detach())
        assert host_reads() == before
        losses[device] = [float(value) for value in history]
    np.testing.assert_allclose(losses["cuda"], losses["cpu"], rtol=1e-4)
    assert losses["cpu"][-1] < losses["cpu"][0]
    for name, value in here.state_dict().items():
        np.testing.assert_allclose(there.state_dict()[name], value, rtol=1e-4, atol=1e-5)
