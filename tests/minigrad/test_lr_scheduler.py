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
    "MultiplicativeLR": {"lr_lambda": st.just([lambda t: 1 / (1 + t), lambda t: 0.9])},
    "CyclicLR": {
        "base_lr": st.sampled_from([0.01, [0.1, 0.2]]),
        "max_lr": st.sampled_from([0.5, [0.4, 0.3]]),
        "step_size_up": counts,
        "step_size_down": st.none() | counts,
        "mode": st.sampled_from(["triangular", "triangular2", "exp_range"]),
        "gamma": factors,
        "scale_fn": st.sampled_from([None, lambda by: 1 / (1 + by)]),
        "scale_mode": st.sampled_from(["cycle", "iterations"]),
        "cycle_momentum": st.booleans(),
        "max_momentum": st.sampled_from([0.95, [0.9, 0.99]]),
    },
    "OneCycleLR": {
        "max_lr": st.sampled_from([0.5, [0.4, 0.3]]),
        "total_steps": st.integers(26, 40),
        "pct_start": st.sampled_from([0.1, 0.3, 0.45]),
        "anneal_strategy": st.sampled_from(["cos", "linear"]),
        "cycle_momentum": st.booleans(),
        "base_momentum": st.sampled_from([0.85, [0.5, 0.6]]),
        "div_factor": st.sampled_from([25.0, 2.0]),
        "final_div_factor": st.sampled_from([1e4, 10.0]),
        "three_phase": st.booleans(),
    },
}


def optimizers(torch, rates=(0.1, 3.0)):
    ours = optim.SGD([{"params": [nn.Parameter([1.0])], "lr": lr} for lr in rates], momentum=0.5)
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in rates]
    return ours, torch.optim.SGD(groups, lr=1.0, momentum=0.5)


def close(ours, theirs):
    np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12, atol=1e-15)
    assert ours.get_last_lr() == [group["lr"] for group in ours.optimizer.param_groups]
    momenta = [[group["momentum"] for group in s.optimizer.param_groups] for s in (ours, theirs)]
    np.testing.assert_allclose(*momenta, rtol=1e-12)


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
    assert ours.base_lrs == theirs.base_lrs
    assert name in CYCLES or ours.base_lrs == [0.1, 3.0]
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


CYCLES = ("CyclicLR", "OneCycleLR")


@pytest.mark.parametrize("name", KINDS)
def test_state_goes_on_here_and_from_pytorch(torch, name):
    chosen = {
        **{"StepLR": {"step_size": 3}, "MultiStepLR": {"milestones": [2, 5]}, "ExponentialLR": {"gamma": 0.9}},
        **{"CosineAnnealingLR": {"T_max": 7}, "CosineAnnealingWarmRestarts": {"T_0": 4}},
        **{"LambdaLR": {"lr_lambda": lambda t: 1 / (1 + t)}, "MultiplicativeLR": {"lr_lambda": lambda t: 0.5}},
        **{"CyclicLR": {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3}},
        **{"OneCycleLR": {"max_lr": 0.5, "total_steps": 20}},
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
    assert name in CYCLES or ours.state_dict().keys() <= theirs.state_dict().keys()


OTHER = {  # settings, and others that the state overwrites
    "StepLR": ({"step_size": 2, "gamma": 0.5}, {"step_size": 5, "gamma": 0.9}),
    "MultiStepLR": ({"milestones": [2, 2, 5], "gamma": 0.5}, {"milestones": [7]}),
    "ConstantLR": ({"factor": 0.1, "total_iters": 9}, {}),
    "LinearLR": ({"start_factor": 0.1, "end_factor": 0.5, "total_iters": 9}, {}),
    "ExponentialLR": ({"gamma": 0.5}, {"gamma": 0.9}),
    "PolynomialLR": ({"total_iters": 9, "power": 2.0}, {}),
    "CosineAnnealingLR": ({"T_max": 9, "eta_min": 0.01}, {"T_max": 3}),
    "CosineAnnealingWarmRestarts": ({"T_0": 2, "T_mult": 2, "eta_min": 0.01}, {"T_0": 5}),
    "CyclicLR": (
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3, "mode": "triangular2"},
        {"base_lr": 0.2, "max_lr": 0.9},
    ),
    "OneCycleLR": ({"max_lr": 0.5, "total_steps": 20}, {"max_lr": 0.9, "total_steps": 50, "pct_start": 0.5}),
}


@pytest.mark.parametrize("name", OTHER)
def test_the_state_has_all_settings_as_pytorchs(torch, name):
    own, other = OTHER[name]
    (a, b), (c, d) = optimizers(torch), optimizers(torch)
    ours, theirs = getattr(ours_, name)(a, **own), getattr(torch.optim.lr_scheduler, name)(b, **own)
    b.step(), d.step()
    for _ in range(3):
        ours.step(), theirs.step()
    states = [json.loads(json.dumps(ours.state_dict()))]
    states += [] if name in CYCLES else [theirs.state_dict()]
    for state in states:
        resumed = getattr(ours_, name)(c, **other)
        resumed.load_state_dict(state)
        again = getattr(ours_, name)(optimizers(torch)[0], **own)
        for _ in range(3):
            again.step()
        for _ in range(8):
            assert resumed.get_last_lr() == again.get_last_lr()
            resumed.step(), again.step()
    old = {k: v for k, v in ours.state_dict().items() if k in ("base_lrs", "last_epoch", "_last_lr")}
    resumed = getattr(ours_, name)(c, **own)
    resumed.load_state_dict(old)  # as it was before settings were in it
    assert resumed.get_last_lr() == ours.get_last_lr()


def test_functions_are_not_in_the_state_but_what_objects_remember_is(torch):
    class Decay:
        def __init__(self, by):
            self.by = by

        def __call__(self, t):
            return self.by**t

    for name in ("LambdaLR", "MultiplicativeLR"):
        (a, b), (c, _) = optimizers(torch), optimizers(torch)
        chosen = lambda by: [Decay(by), lambda t: 1 / (1 + t)]
        ours = getattr(ours_, name)(a, chosen(0.5))
        theirs = getattr(torch.optim.lr_scheduler, name)(b, chosen(0.5))
        assert ours.state_dict()["lr_lambdas"] == theirs.state_dict()["lr_lambdas"] == [{"by": 0.5}, None]
        resumed = getattr(ours_, name)(c, chosen(0.9))
        resumed.load_state_dict(theirs.state_dict())
        for _ in range(3):
            ours.step(), resumed.step()
        assert ours.get_last_lr() == resumed.get_last_lr()


def test_a_sequence_restores_its_parts_too(torch):
    a, _ = optimizers(torch)
    whole = sequence(ours_, a)
    for _ in range(5):
        whole.step()
    other = optimizers(torch)[0]
    parts = [ours_.LinearLR(other, 0.9), ours_.CosineAnnealingLR(other, 2), ours_.ExponentialLR(other, 0.1)]
    resumed = ours_.SequentialLR(other, parts, [1, 2])
    resumed.load_state_dict(json.loads(json.dumps(whole.state_dict())))
    for _ in range(10):
        assert resumed.get_last_lr() == whole.get_last_lr()
        whole.step(), resumed.step()
    with pytest.raises(ValueError, match="the saved state is of 1 schedulers, SequentialLR has 3"):
        resumed.load_state_dict({**whole.state_dict(), "_schedulers": [{}]})


CHAINS = {
    "two": lambda m, o: [m.ConstantLR(o, 0.1, 4), m.ExponentialLR(o, 0.9)],
    "all": lambda m, o: [
        m.LinearLR(o, 0.5, total_iters=6),
        m.StepLR(o, 3, 0.5),
        m.MultiStepLR(o, [2, 5], 0.9),
        m.PolynomialLR(o, 30, 2.0),
        m.MultiplicativeLR(o, lambda t: 0.99),
    ],
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_pytorchs(torch, name):
    a, b = optimizers(torch)
    ours = ours_.ChainedScheduler(CHAINS[name](ours_, a))
    theirs = torch.optim.lr_scheduler.ChainedScheduler(CHAINS[name](torch.optim.lr_scheduler, b), optimizer=b)
    b.step()
    for t in range(20):
        close(ours, theirs)
        ours.step(), theirs.step()
        if t == 7:
            states = ours.state_dict(), theirs.state_dict()
            now = list(ours.get_last_lr())
    for state in states:
        c, _ = optimizers(torch)
        resumed = ours_.ChainedScheduler(CHAINS[name](ours_, c), c)
        resumed.load_state_dict(state)
        np.testing.assert_allclose(resumed.get_last_lr(), now, rtol=1e-12)


def test_one_cycle_counts_epochs_and_ends(torch):
    adam = optim.Adam([nn.Parameter([1.0])], betas=(0.9, 0.99))
    ours = ours_.OneCycleLR(adam, 0.1, epochs=2, steps_per_epoch=3)
    assert adam.param_groups[0]["betas"] == (0.95, 0.99)
    for _ in range(5):
        ours.step()
    with pytest.raises(ValueError, match="OneCycleLR has 6 steps in all, from 0; there is none of number 6"):
        ours.step()


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
        (
            lambda o: ours_.ChainedScheduler([ours_.LambdaLR(o, lambda t: 1.0)]),
            TypeError,
            "scheduler 0 is a LambdaLR, whose rates are no multiples of base",
        ),
        (lambda o: ours_.ChainedScheduler([]), ValueError, "needs at least one scheduler"),
        (
            lambda o: ours_.ChainedScheduler([ours_.StepLR(o, 1)], optim.SGD([nn.Parameter(1.0)])),
            ValueError,
            "scheduler 0 belongs to another optimizer",
        ),
        (lambda o: ours_.CyclicLR(o, 0.1, [0.2]), ValueError, "CyclicLR got 1 of max_lr for 2 groups"),
        (lambda o: ours_.CyclicLR(o, 0.1, 0.2, mode="up"), ValueError, "mode is .* got 'up'"),
        (
            lambda o: ours_.CyclicLR(optim.Adagrad([nn.Parameter(1.0)]), 0.1, 0.2),
            ValueError,
            "Adagrad has neither momentum nor betas to cycle; set cycle_momentum=False",
        ),
        (lambda o: ours_.OneCycleLR(o, 0.1), ValueError, "give total_steps, or epochs and steps_per_epoch"),
        (lambda o: ours_.OneCycleLR(o, 0.1, 0), ValueError, "OneCycleLR needs at least one step, got 0"),
        (lambda o: ours_.OneCycleLR(o, 0.1, 9, pct_start=2), ValueError, "pct_start is .* from 0 to 1, got 2"),
        (lambda o: ours_.OneCycleLR(o, 0.1, 9, anneal_strategy="up"), ValueError, "anneal_strategy is .* got 'up'"),
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
