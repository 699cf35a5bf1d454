"""Optimisers on cuda: the steps that they take on the cpu, and states that follow their parameters."""

import numpy as np
import pytest

from minigrad import Tensor, optim


@pytest.fixture(autouse=True)
def cupy(cupy_module):
    return cupy_module


OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "SGD momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "SGD nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, maximize=True),
    "Pylearn2Momentum": lambda p: optim.Pylearn2Momentum(p, lr=0.1, momentum=0.5),
    "Adam": lambda p: optim.Adam(p, lr=0.1, weight_decay=0.01),
    "Adam amsgrad": lambda p: optim.Adam(p, lr=0.1, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1),
    "NAdam": lambda p: optim.NAdam(p, lr=0.1),
    "Adamax": lambda p: optim.Adamax(p, lr=0.1),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.1, momentum=0.5, centered=True),
    "Adadelta": lambda p: optim.Adadelta(p, lr=0.1),
}


def parameters(place):
    """A matrix in Fortran's order, as Linear has it, a vector, and a number."""
    rng = np.random.default_rng(0)
    values = [np.asfortranarray(rng.standard_normal((3, 4))), rng.standard_normal(5), rng.standard_normal()]
    return [Tensor(v, requires_grad=True, dtype=np.float32, device=place) for v in values]


def step(optimizer, params, seed):
    rng = np.random.default_rng(seed)
    for p in params:
        p.grad = Tensor(rng.standard_normal(p.shape), dtype=np.float32, device=p.device)
    optimizer.step()


def close(there, here):
    for p, q in zip(there, here, strict=True):
        np.testing.assert_allclose(p.detach().cpu().numpy(), q.detach().cpu().numpy(), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_steps_of_the_cpu(name):
    here, there = parameters("cpu"), parameters("cuda")
    a, b = OPTIMIZERS[name](here), OPTIMIZERS[name](there)
    for seed in range(4):
        step(a, here, seed)
        step(b, there, seed)
        assert all(p.is_cuda for p in there)
        close(there, here)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_states_follow_their_parameters(name):
    """To the GPU and back between steps, by assignment as Module.to does it."""
    here, moving = parameters("cpu"), parameters("cpu")
    a, b = OPTIMIZERS[name](here), OPTIMIZERS[name](moving)
    for seed, place in enumerate(["cpu", "cuda", "cuda", "cpu"]):
        for p in moving:
            p.data = p.detach().to(place)
        step(a, here, seed)
        step(b, moving, seed)
        assert all(p.device == place for p in moving)
        close(moving, here)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("first", "then"), [("cuda", "cuda"), ("cuda", "cpu"), ("cpu", "cuda")])
def test_a_saved_state_goes_on_on_either_device(name, first, then):
    params = parameters(first)
    optimizer = OPTIMIZERS[name](params)
    for seed in range(2):
        step(optimizer, params, seed)
    saved = optimizer.state_dict()
    arrays = [v for state in saved["state"].values() for v in state.values() if hasattr(v, "dtype")]
    assert all(isinstance(v, np.ndarray) for v in arrays)
    others = [Tensor(p.detach(), requires_grad=True, device=then) for p in params]
    other = OPTIMIZERS[name](others)
    other.load_state_dict(saved)
    for seed in range(2, 4):
        step(optimizer, params, seed)
        step(other, others, seed)
        close(others, params)
    assert all(v.device == then for v in others)


def test_a_saved_state_is_a_copy():
    params = parameters("cuda")
    optimizer = OPTIMIZERS["Adam"](params)
    step(optimizer, params, 0)
    saved = optimizer.state_dict()
    before = saved["state"][0]["exp_avg"].copy()
    step(optimizer, params, 1)
    np.testing.assert_array_equal(saved["state"][0]["exp_avg"], before)


def test_states_may_come_from_the_device():
    params, other = parameters("cuda"), parameters("cuda")
    a, b = OPTIMIZERS["Adam"](params), OPTIMIZERS["Adam"](other)
    step(a, params, 0)
    step(b, other, 0)
    saved = a.state_dict()
    saved["state"] = {i: {k: Tensor(v, device="cuda") for k, v in s.items()} for i, s in saved["state"].items()}
    b.load_state_dict(saved)
    assert b.state[0]["step"] == 1
    step(a, params, 1)
    step(b, other, 1)
    close(other, params)


def test_a_gradient_of_another_device_is_refused():
    (p, *_) = params = parameters("cuda")
    optimizer = OPTIMIZERS["SGD"](params)
    elsewhere = Tensor(np.ones(p.shape), dtype=np.float32)
    with pytest.raises(RuntimeError, match="the gradient of parameter 0 is on cpu, the parameter on cuda:0"):
        optimizer.step([elsewhere, *(None for _ in params[1:])])
    with pytest.raises(RuntimeError, match=r"\.grad of device cpu does not fit a Tensor of device cuda:0"):
        p.grad = elsewhere


def test_schedules():
    (p, *_) = params = parameters("cuda")
    optimizer = OPTIMIZERS["SGD"](params)
    schedule = optim.Scheduler(optimizer, lr=optim.ExponentialDecay(0.5, 2.0, 0.01))
    p.grad = Tensor(np.ones(p.shape), dtype=np.float32, device="cuda")
    before = p.detach().cpu().numpy()
    schedule.step()
    optimizer.step()
    np.testing.assert_allclose(p.detach().cpu().numpy(), before - 0.25, rtol=1e-6)
