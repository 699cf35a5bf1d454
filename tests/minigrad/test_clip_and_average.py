"""Clipping of gradients and averages of parameters, beside PyTorch's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigrad import Tensor, gradients, nn
from minigrad.optim import swa_utils

values = st.floats(-100, 100) | st.just(0.0)
arrays = hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3), elements=values)


def both(torch, grads):
    ours = [nn.Parameter(np.zeros_like(g)) for g in grads]
    theirs = [torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.tensor(g).dtype)) for g in grads]
    for p, q, g in zip(ours, theirs, grads, strict=True):
        p.grad, q.grad = Tensor(g), torch.tensor(g)
    return [*ours, nn.Parameter([1.0])], [*theirs, torch.nn.Parameter(torch.ones(1))]  # the last has no gradient


def agree(ours, theirs, **tolerance):
    for p, q in zip(ours, theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), **{"rtol": 1e-12, "atol": 1e-13, **tolerance})
            assert p.grad.dtype == p.dtype


@settings(max_examples=40)
@given(
    grads=st.lists(arrays, min_size=1, max_size=3),
    max_norm=st.sampled_from([0.0, 0.5, 1e3]),
    order=st.sampled_from([1, 2.0, 3, 0.5, float("inf")]),
)
def test_clipping_the_norm(torch, grads, max_norm, order):
    if order == float("inf"):
        grads = [g for g in grads if g.size] or [np.ones(1)]  # there, the largest of nothing raises
    ours, theirs = both(torch, grads)
    a = nn.utils.clip_grad_norm_(iter(ours), max_norm, order)
    b = torch.nn.utils.clip_grad_norm_(theirs, max_norm, order)
    np.testing.assert_allclose(a.item(), b.item(), rtol=1e-12)
    agree(ours, theirs)


@given(grads=st.lists(arrays, min_size=1, max_size=3), limit=st.sampled_from([0.0, 1.0, 50]))
def test_clipping_the_values(torch, grads, limit):
    ours, theirs = both(torch, grads)
    nn.utils.clip_grad_value_(ours, limit)
    torch.nn.utils.clip_grad_value_(theirs, limit)
    agree(ours, theirs)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_norms_that_are_not_finite(torch, bad):
    ours, theirs = both(torch, [np.array([1.0, bad])])
    with pytest.raises(RuntimeError, match=r"total norm of order 2.0 is (nan|inf)"):
        nn.utils.clip_grad_norm_(ours, 1.0, error_if_nonfinite=True)
    agree(ours, theirs)
    assert not np.isfinite(nn.utils.clip_grad_norm_(ours, 1.0).item())
    torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    agree(ours, theirs)


def test_one_parameter_none_at_all_and_float32(torch):
    p = nn.Parameter(np.float32([3, 4]))
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == 0
    (p * p.detach()).sum().backward()
    norm = nn.utils.clip_grad_norm_(p, 1.0)
    assert norm.dtype == p.grad.dtype == np.float32
    assert norm.item() == 5
    np.testing.assert_allclose(p.grad.data, [0.6, 0.8], rtol=1e-6)


def test_a_clipped_gradient_is_noticed_by_its_graph():
    p = nn.Parameter([3.0, 4.0])
    p.grad = gradients((p**3).sum(), p, create_graph=True)
    nn.utils.clip_grad_value_(p, 1.0)
    assert p.grad.tolist() == [1, 1]


# ------------------------------------------------------------------------------------------------------ averages


@pytest.mark.parametrize("kind", ["mean", "exponential"])
def test_averages_are_pytorchs(torch, kind):
    theirs_utils = torch.optim.swa_utils
    a = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    b = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)).double()
    a = a if next(a.parameters()).dtype == np.float64 else nn.Sequential(*a)
    b.to(getattr(torch, str(next(a.parameters()).dtype)))
    ours = swa_utils.AveragedModel(a, None if kind == "mean" else swa_utils.get_ema_avg_fn(0.9))
    theirs = theirs_utils.AveragedModel(b, avg_fn=None if kind == "mean" else theirs_utils.get_ema_avg_fn(0.9))
    rng = np.random.default_rng(0)
    for _ in range(10):
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            value = np.asarray(rng.normal(size=p.shape), p.dtype)
            p.data = value
            q.data = torch.tensor(value)
        ours.update_parameters(a)
        theirs.update_parameters(b)
        for name, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), rtol=1e-5, atol=1e-6)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    x = rng.normal(size=(4, 2)).astype(next(a.parameters()).dtype)
    np.testing.assert_allclose(ours(Tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-4)

    fresh = swa_utils.AveragedModel(a)
    fresh.load_state_dict(theirs.state_dict())
    assert fresh.n_averaged == 10
    for p, q in zip(fresh.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.detach().numpy())


@pytest.mark.parametrize("use_buffers", [False, True])
def test_buffers_follow_the_model_or_are_averaged(torch, use_buffers):
    """Without them a network with BatchNorm normalises by 0 and 1 for ever."""
    a, b = nn.Sequential(nn.BatchNorm1d(2)).double(), torch.nn.Sequential(torch.nn.BatchNorm1d(2)).double()
    ours = swa_utils.AveragedModel(a, use_buffers=use_buffers)
    theirs = torch.optim.swa_utils.AveragedModel(b, use_buffers=use_buffers)
    rng = np.random.default_rng(0)
    for _ in range(3):
        x = rng.normal(3, 2, (5, 2))
        a(Tensor(x)), b(torch.tensor(x))
        ours.update_parameters(a)
        theirs.update_parameters(b)
    for name in ("running_mean", "running_var"):
        mine, peers = getattr(ours.module[0], name).data, getattr(theirs.module[0], name).numpy()
        np.testing.assert_allclose(mine, peers, rtol=1e-12)
        assert (np.abs(mine - getattr(a[0], name).data).max() > 1e-3) == use_buffers
    assert int(ours.module[0].num_batches_tracked.item()) == 3


def test_the_average_is_a_copy_and_the_model_stays():
    model = nn.Linear(2, 2)
    before = model.state_dict()
    average = swa_utils.AveragedModel(model)
    average.update_parameters(model)
    next(model.parameters()).data = np.zeros((2, 2))
    average.update_parameters(model)
    np.testing.assert_allclose(average.module.weight.data, before["weight"] / 2, rtol=1e-6)
    with pytest.raises(ValueError, match=r"decay of a moving average lies in \[0, 1\], got 2"):
        swa_utils.get_ema_avg_fn(2)
