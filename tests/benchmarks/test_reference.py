"""The float64 reference against central differences and, for second order, against differences of its own gradient."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import cases, reference
from benchmarks.cases import flat

MLP = cases.MLP(5, 4)
WITHOUT_DROPOUT = replace(cases.TINY, dropout=(0.0, 0.0))


def slope(f, array, i, h=1e-5):
    kept = array.flat[i]
    array.flat[i] = kept + h
    above = f()
    array.flat[i] = kept - h
    below = f()
    array.flat[i] = kept
    return (above - below) / (2 * h)


def wide(inputs):
    """In float64 the step of a difference is not rounded away."""
    for name, value in vars(inputs).items():
        if isinstance(value, list):
            setattr(inputs, name, reference.wide(value))
    return inputs


def compare(monkeypatch, case, kind, inputs, arrays, gradients, loss):
    monkeypatch.setattr(reference, f"{kind}_inputs", lambda case: inputs)
    for array, gradient in zip(arrays, gradients, strict=True):
        for i in np.random.default_rng(0).integers(0, array.size, 4):
            expected = slope(lambda: loss(reference.reference(case)), array, i)
            assert gradient.flat[i] == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_mlp(monkeypatch):
    inputs = wide(cases.mlp_inputs(MLP))
    monkeypatch.setattr(reference, "mlp_inputs", lambda case: inputs)
    gradients = reference.reference(MLP)["gradients"]
    compare(monkeypatch, MLP, "mlp", inputs, flat(inputs.layers), gradients, lambda r: r["loss"][0])


@pytest.mark.parametrize(
    "case", [cases.TINY, WITHOUT_DROPOUT, replace(cases.TINY, scale=0.5)], ids=lambda c: str(c)[:40]
)
@pytest.mark.parametrize("player", ["D", "G"])
def test_gan(monkeypatch, case, player):
    case = replace(case, lr=0.0)  # then both gradients are taken at the same D, which the differences move
    inputs = wide(cases.gan_inputs(case))
    monkeypatch.setattr(reference, "gan_inputs", lambda case: inputs)
    gradients = reference.reference(case)[f"gradients {player}"]
    loss = lambda r: r["losses"][0]["DG".index(player)]
    compare(monkeypatch, case, "gan", inputs, flat(getattr(inputs, player)), gradients, loss)


def test_g_is_updated_against_the_moved_d():
    moving, still = (reference.reference(replace(cases.TINY, lr=lr)) for lr in (0.5, 0.0))
    assert np.allclose(moving["gradients D"][0], still["gradients D"][0])
    assert not np.allclose(moving["gradients G"][0], still["gradients G"][0])


def test_hessian_vector_product(torch):
    case = cases.HVP((4, 5, 6, 1), 7)
    inputs = wide(cases.hvp_inputs(case))
    params = [torch.tensor(a, requires_grad=True) for a in flat(inputs.layers)]
    x = torch.tensor(inputs.x.astype(np.float64))
    for i, (w, b) in enumerate(cases.in_pairs(params)):
        x = x @ w.T + b
        x = torch.tanh(x) if i < 2 else x
    loss = ((x - torch.tensor(inputs.y)) ** 2).mean()
    slopes = torch.autograd.grad(loss, params, create_graph=True)
    exact = torch.autograd.grad(slopes, params, [torch.tensor(v) for v in flat(inputs.v)])
    for ours, theirs in zip(reference.reference(case)["hvp"], exact, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6, atol=1e-9)


def test_chain():
    assert reference.reference(cases.Chain("add", 9))["gradient"][0] == 10
    assert reference.reference(cases.Chain("mul", 2))["gradient"][0] == pytest.approx(3 * reference.CHAIN_X**2)


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_optimiser(torch, rule):
    case = cases.Optimiser(rule, ((3, 4), (5,)))
    values, grads = cases.optimiser_inputs(case)
    params = [torch.nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in values]
    momentum = case.momentum if rule == "momentum" else 0
    made = torch.optim.Adam(params, case.lr) if rule == "adam" else torch.optim.SGD(params, case.lr, momentum)
    for _ in range(reference.OPTIMISER_STEPS):
        for p, g in zip(params, grads, strict=True):
            p.grad = torch.tensor(g, dtype=torch.float64)
        made.step()
    for ours, theirs in zip(reference.reference(case)["parameters"], params, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9)


def test_errors_see_what_float32_leaves_of_an_update():
    before = {"parameters": [np.full(100, 3.0, np.float32)]}
    exact = {"parameters": [np.full(100, 3.001)]}
    right = {"parameters": [np.full(100, 3.001, np.float32)]}
    half = {"parameters": [np.full(100, 3.0005, np.float32)]}
    assert reference.errors(right, exact, before)["parameters"] < reference.TOLERANCE
    assert reference.errors(half, exact, before)["parameters"] > 0.4
    assert reference.errors(before, exact, before)["parameters"] > 0.9


@pytest.mark.parametrize("got", [{}, {"loss": []}, {"loss": [np.zeros(2)]}, {"loss": [np.array(np.nan)]}])
def test_errors_of_what_is_missing_or_not_finite_are_infinite(got):
    assert reference.errors(got, {"loss": [np.array(1.0)]}, {})["loss"] == float("inf")


def test_results_survive_a_file(tmp_path):
    exact = reference.reference(cases.TINY)
    path = str(tmp_path / "r.npz")
    reference.write(path, exact)
    again = reference.read(path)
    assert list(again) == list(exact)
    assert all(np.array_equal(a, b) for name in exact for a, b in zip(exact[name], again[name], strict=True))
