"""The perceptron in kernels, by itself: its passes, an optimiser's step over its buffers, and random streams."""

import numpy as np
import pytest

from minigrad import Generator, Tensor, gradients, nn, optim
from minigrad.fused.cuda.descent import Descent, numbers_of
from minigrad.fused.cuda.mlp import MLP, Drop, Pass
from minigrad.fused.cuda.program import Program
from minigrad.fused.cuda.streams import packed, unpack
from minigrad.nn import functional as F

F32 = np.float32
ACTIVATIONS = {
    **{"identity": [], "relu": [nn.ReLU()], "leaky_relu": [nn.LeakyReLU(0.2)]},
    **{"sigmoid": [nn.Sigmoid()], "tanh": [nn.Tanh()], "softplus": [nn.Softplus()]},
}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=F32)


def coins(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2, shape, np.uint8)


def network(activation, p=0.0):
    """3 -> 5 -> maxout 4 -> 2, a dropout behind both hidden layers where p is not 0."""
    weights = Generator(1)
    drop = [nn.Dropout(p)] if p else []
    first = [nn.Linear(3, 5, generator=weights), *ACTIVATIONS[activation], *drop]
    return nn.Sequential(*first, nn.Maxout(5, 4, 3, generator=weights), *drop, nn.Linear(4, 2, generator=weights))


def plain(net, x, masks, g, row_scale, last_mask):
    """Output, gradient for x, gradients for the parameters; by the ops, with these masks."""
    x, masks = Tensor(x, requires_grad=True), iter(masks)
    y = x
    for module in net:
        y = F.masked_dropout(y, next(masks), module.p) if isinstance(module, nn.Dropout) else module(y)
    if last_mask is not None:
        y = F.masked_dropout(y, last_mask, 0.25)
    return y.data, *(v.data for v in gradients(y, [x, *net.parameters()], Tensor(g * row_scale)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("p", "m"), [(0.0, 1), (0.5, 33), (0.3, 31)])
def test_a_pass_there_and_back_is_the_ops(cupy_cublas, activation, p, m):
    cp, net = cupy_cublas, network(activation, p)
    x, g, row_scale, last_mask = numbers(m, 3), numbers(m, 2, seed=1), numbers(m, 1, seed=2), coins(m, 2, seed=3)
    masks = [coins(m, 5, seed=4), coins(m, 4, seed=5)] if p else []
    expected = plain(net, x, [mask.astype(bool) for mask in masks], g, row_scale, last_mask.astype(bool))

    mlp = MLP(net, m + 2)
    on_device = [cp.asarray(mask) for mask in masks] or [None, None]
    out, below = cp.empty((m, 2), F32), cp.empty((m, 3), F32)
    drop = Drop(cp.asarray(last_mask), 1 / 0.75, out)
    through = Pass(mlp, 1, m + 1, cp.asarray(x), [*on_device, None], drop=drop)  # not the first rows of its room
    through.last.g[...] = cp.asarray(g)
    factors = cp.asarray(row_scale)

    def step(gemm):
        through.forward(gemm)
        through.backward(gemm, below, factors)

    Program(step, tuple, captured=False).run()
    found = [out, below, *mlp.flat.views(mlp.gradients)]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.get(), theirs, rtol=1e-4, atol=1e-5)


def test_the_networks_parameters_are_views_of_the_buffer(cupy_module):
    net = network("relu")
    before = [p.data.copy() for p in net.parameters()]
    mlp = MLP(net, 2)
    for p, value in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(p._data.get(), value)
        assert p._data.data.ptr % 256 == mlp.values.data.ptr % 256
    mlp.values.fill(2)
    assert all((p._data.get() == 2).all() for p in net.parameters())


def test_a_network_that_does_not_fit_is_refused(cupy_module):
    with pytest.raises(RuntimeError, match="a Linear without a bias; use the plain ops"):
        MLP(nn.Sequential(nn.Linear(2, 2, bias=False)), 1)
    layer = nn.Linear(2, 2)
    with pytest.raises(RuntimeError, match="share a parameter"):
        MLP(nn.Sequential(layer, nn.ReLU(), layer), 1)
    with pytest.raises(RuntimeError, match="other modules than"):
        MLP(nn.Sequential(nn.Linear(2, 2), nn.GELU()), 1)


OPTIMIZERS = {
    "pylearn2": lambda p: optim.Pylearn2Momentum(p, lr=0.1, momentum=0.5),
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.5, weight_decay=0.1, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.1, maximize=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_descent_is_the_optimisers_steps(cupy_module, name):
    nets = network("relu"), network("relu")
    ours, theirs = (OPTIMIZERS[name](net.parameters()) for net in nets)
    grads = [numbers(*p.shape, seed=i) for i, p in enumerate(nets[1].parameters())]
    theirs.step([Tensor(g) for g in grads])  # the state goes on, from a step that was taken on the processor
    ours.step([Tensor(g) for g in grads])
    mlp = MLP(nets[0], 1)
    descent = Descent(mlp, ours, numbers_of(ours))
    for view, g in zip(mlp.flat.views(mlp.gradients), grads, strict=True):
        view[...] = cupy_module.asarray(g)
    for _ in range(3):
        descent.step()
        theirs.step([Tensor(g) for g in grads])
    descent.write_back()
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        np.testing.assert_allclose(p._data.get(), q.data, rtol=1e-6, atol=1e-7)
    for i, state in theirs.state.items():
        assert ours.state[i].keys() == state.keys()
        assert ours.state[i].get("step") == state.get("step")


def test_a_descent_refuses_what_it_would_get_wrong(cupy_module):
    net = network("relu")
    mlp = MLP(net, 1)
    wrong = optim.SGD(net.parameters(), lr=0.1, momentum=0.5, dampening=0.5)
    with pytest.raises(RuntimeError, match="dampening"):
        Descent(mlp, wrong, numbers_of(wrong))
    some = optim.Adam(list(net.parameters())[:2])
    with pytest.raises(RuntimeError, match="are not the network's, all of them"):
        Descent(mlp, some, numbers_of(some))


@pytest.mark.parametrize("words", range(9))
@pytest.mark.parametrize("halves", range(3))
def test_a_stream_packed_and_unpacked_goes_on(words, halves):
    stream, other = Generator(5), Generator(5)
    stream.uniform(0, 1, halves)
    if words:
        stream.bernoulli(0.5, 64 * words)
    unpack(packed(stream), other)
    np.testing.assert_array_equal(other.uniform(0, 1, 3), stream.uniform(0, 1, 3))
    np.testing.assert_array_equal(other.bernoulli(0.2, 9), stream.bernoulli(0.2, 9))
    assert other.state_dict() == stream.state_dict()
