"""PyTorch's schedulers, beside PyTorch's: the same rates in every group after every step, and from a saved state."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import Tensor, nn, optim
from minigrad.optim import lr_scheduler as ours_

factors = st.sampled_from([0.1, 0.5, 0.9, 1.0])
counts = st.integers(1, 8)
KINDS = {
    "StepLR": {"step_size": counts, "gamma": factors},
    "MultiStepLR": {"milestones": st.lists(st.integers(1, 12), max_size=4), "gamma": factors},
    "ConstantLR": {"factor": factors, "total_iters": counts},
    "LinearLR": {"start_factor": factors, "end_factor": factors, "total_iters": counts},
    "ExponentialLR": {"gamma": factors},
    "PolynomialLR": {"total_iters": counts, "power": st.sampled_from([0.5, 1.0, 2.0])},
    "CosineAnnealingLR": {"T_max": counts, "eta_min": st.sampled_from([0.0, 0.01])},
    "CosineAnnealingWarmRestarts": {"T_0": counts, "T_mult": st.integers(1, 3), "eta_min": st.just(0.01)},
    "LambdaLR": {"lr_lambda": st.just(lambda t: 1 / (1 + t))},
}


def optimizers(torch, rates=(0.1, 3.0)):
    ours = optim.SGD([{"params": [nn.Parameter([1.0])], "lr": lr} for lr in rates])
    return ours, torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in rates], lr=1.0)


def close(ours, theirs):
    np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12, atol=1e-15)
    assert ours.get_last_lr() == [group["lr"] for group in ours.optimizer.param_groups]


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=20)
@given(data=st.data())
def test_rates_are_pytorchs(torch, name, data):
    chosen = data.draw(st.fixed_dictionaries(KINDS[name]))
    a, b = optimizers(torch)
    ours, theirs = getattr(ours_, name)(a, **chosen), getattr(torch.optim.lr_scheduler, name)(b, **chosen)
    b.step()  # there, a scheduler that steps first warns
    for _ in range(25):
        close(ours, theirs)
        ours.step()
        theirs.step()
    assert ours.base_lrs == theirs.base_lrs == [0.1, 3.0]
    assert ours.last_epoch == theirs.last_epoch == 25


def sequence(m, optimizer):
    parts = [m.LinearLR(optimizer, total_iters=3), m.CosineAnnealingLR(optimizer, 5), m.ExponentialLR(optimizer, 0.9)]
    return m.SequentialLR(optimizer, parts, [4, 9])


@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")  # there, by SequentialLR itself
def test_a_sequence_is_pytorchs(torch):
    a, b = optimizers(torch)
    ours, theirs = sequence(ours_, a), sequence(torch.optim.lr_scheduler, b)
    b.step()
    for _ in range(20):
        close(ours, theirs)
        ours.step()
        theirs.step()


@pytest.mark.parametrize("name", KINDS)
def test_state_goes_on_here_and_from_pytorch(torch, name):
    chosen = {
        **{"StepLR": {"step_size": 3}, "MultiStepLR": {"milestones": [2, 5]}, "ExponentialLR": {"gamma": 0.9}},
        **{"CosineAnnealingLR": {"T_max": 7}, "CosineAnnealingWarmRestarts": {"T_0": 4}},
        **{"LambdaLR": {"lr_lambda": lambda t: 1 / (1 + t)}},
    }.get(name, {})
    a, b = optimizers(torch)
    ours, theirs = getattr(ours_, name)(a, **chosen), getattr(torch.optim.lr_scheduler, name)(b, **chosen)
    b.step()
    for _ in range(6):
        ours.step()
        theirs.step()
    for saved in (json.loads(json.dumps(ours.state_dict())), theirs.state_dict()):
        fresh = getattr(ours_, name)(optimizers(torch, (7.0, 8.0))[0], **chosen)
        fresh.load_state_dict(saved)
        assert fresh.get_last_lr() == ours.get_last_lr()
        fresh.step()
        assert fresh.last_epoch == 7
        np.testing.assert_allclose(fresh.get_last_lr(), ours.rates(7), rtol=1e-15)
    assert ours.state_dict().keys() <= theirs.state_dict().keys()


def test_going_on_behind_an_epoch(torch):
    a, _ = optimizers(torch)
    ours = ours_.StepLR(a, 2, last_epoch=3)
    assert ours.last_epoch == 4
    np.testing.assert_allclose(ours.get_last_lr(), [0.001, 0.03])


def test_the_first_rate_travels_with_the_optimisers_state(torch):
    a, _ = optimizers(torch)
    scheduler = ours_.ExponentialLR(a, 0.5)
    scheduler.step()
    b, _ = optimizers(torch, (1.0, 1.0))
    b.load_state_dict(copy.deepcopy(a.state_dict()))
    assert ours_.ExponentialLR(b, 0.5).get_last_lr() == [0.1, 3.0]


@settings(max_examples=40)
@given(
    metrics=st.lists(st.sampled_from([1.0, 0.9, 0.8999, 0.5, 0.0, -1.0, 2.0, float("nan")]), min_size=5, max_size=30),
    chosen=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.sampled_from([0.1, 0.5]),
            "patience": st.integers(0, 3),
            "threshold": st.sampled_from([1e-4, 0.1]),
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "cooldown": st.integers(0, 3),
            "min_lr": st.sampled_from([0.0, 0.01, [0.01, 0.5]]),
            "eps": st.sampled_from([1e-8, 0.05]),
        }
    ),
)
def test_plateaus_are_pytorchs(torch, metrics, chosen):
    a, b = optimizers(torch)
    ours, theirs = ours_.ReduceLROnPlateau(a, **chosen), torch.optim.lr_scheduler.ReduceLROnPlateau(b, **chosen)
    for t, metric in enumerate(metrics):
        ours.step(Tensor(metric) if t % 2 else metric)
        theirs.step(metric)
        close(ours, theirs)
        state, expected = ours.state_dict(), theirs.state_dict()
        assert {k: expected[k] for k in state} == state
        ours = ours_.ReduceLROnPlateau(a, **chosen)
        ours.load_state_dict(expected if t % 2 else state)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda o: ours_.StepLR([1], 2), TypeError, "StepLR schedules an Optimizer, got list"),
        (lambda o: ours_.StepLR(o, 0), ValueError, "StepLR needs at least one step between changes, got 0"),
        (lambda o: ours_.ConstantLR(o, 2.0), ValueError, r"ConstantLR: factor lies in \[0, 1\], got 2.0"),
        (lambda o: ours_.LinearLR(o, 0), ValueError, r"LinearLR: start_factor lies in \(0, 1\], got 0"),
        (lambda o: ours_.LinearLR(o, 1, 2), ValueError, r"LinearLR: end_factor lies in \[0, 1\], got 2"),
        (lambda o: ours_.LambdaLR(o, [abs]), ValueError, "LambdaLR got 1 functions for 2 groups"),
        (lambda o: ours_.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0 and T_mult are at least 1, got 0 and 1"),
        (lambda o: ours_.SequentialLR(o, [], [1]), ValueError, "0 schedulers have -1 milestones between them, got 1"),
        (
            lambda o: ours_.SequentialLR(o, [ours_.ReduceLROnPlateau(o)], []),
            TypeError,
            "scheduler 0 is a ReduceLROnPlateau, no formula of the step",
        ),
        (
            lambda o: ours_.SequentialLR(o, [ours_.StepLR(optim.SGD([nn.Parameter(1.0)]), 2)], []),
            ValueError,
            "scheduler 0 belongs to another optimizer",
        ),
        (lambda o: ours_.ReduceLROnPlateau(o, factor=1), ValueError, "a factor below 1 reduces, got 1"),
        (lambda o: ours_.ReduceLROnPlateau(o, "low"), ValueError, "mode is \"min\" or \"max\" .* got 'low' and 'rel'"),
        (lambda o: ours_.ReduceLROnPlateau(o, min_lr=[1]), ValueError, "got 1 min_lrs for 2 groups"),
        (
            lambda o: ours_.StepLR(o, 2).load_state_dict({"base_lrs": [1], "last_epoch": 1}),
            ValueError,
            "the saved state is of 1 groups, the optimizer has 2",
        ),
        (lambda o: ours_.LRScheduler(o), NotImplementedError, "LRScheduler has no rate"),
    ],
)
def test_bad_input_gets_a_sentence(torch, call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(optimizers(torch)[0])
