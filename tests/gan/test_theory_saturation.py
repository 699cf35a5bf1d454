"""Saturation: the engine's gradients against closed forms and central differences."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from gan.objectives import GENERATOR_LOSSES
from gan.theory import saturation
from gan.theory.saturation import logit_gradients, parameter_gradients, train_discriminator
from minigrad import Tensor, no_grad


@pytest.fixture(scope="module")
def results():
    return saturation.experiment()


@pytest.fixture(scope="module")
def trained():
    return train_discriminator()


def test_every_claim_holds(results):
    assert [c["says"] for c in results["claims"] if not c["holds"]] == []
    assert len(results["claims"]) == 7


@given(st.lists(st.floats(-300, 300), min_size=1, max_size=9))
def test_gradients_with_respect_to_the_logit(a):
    a = np.array(a)
    found = logit_gradients(a)
    np.testing.assert_allclose(found["minimax"], -expit(a), rtol=1e-13)
    np.testing.assert_allclose(found["non_saturating"], -expit(-a), rtol=1e-13)


def test_the_gradient_of_G_is_that_of_central_differences(trained):
    G, D, _ = trained
    z = np.random.default_rng(0).normal(size=(7, 1))

    def loss(name):
        with no_grad():
            return GENERATOR_LOSSES[name](D(G(Tensor(z)))).item()

    for name, norm in parameter_gradients(G, D, z).items():
        square = 0.0
        for p in G.parameters():
            kept = p.data.copy()
            for i in np.ndindex(p.shape):
                e = np.zeros(p.shape)
                e[i] = 1e-5
                values = []
                for moved in (kept + e, kept - e):
                    p.data = moved
                    values.append(loss(name))
                square += ((values[0] - values[1]) / 2e-5) ** 2
            p.data = kept
        assert norm == pytest.approx(np.sqrt(square), rel=1e-6)


def test_D_learns_and_G_stays(trained):
    G, D, curves = trained
    with no_grad():
        fake = G(Tensor(np.linspace(-2, 2, 9)[:, None])).data
        assert fake.min() > -2  # an untrained G, far from the data
        assert fake.max() < 2
        real = expit(D(Tensor(np.array([[3.5], [4.0], [4.5]]))).data)
    assert real.min() > 0.99
    assert curves["d_fake"][0] > 0.3
    assert curves["d_fake"][-1] < 0.01
    again = train_discriminator()[0]
    for p, q in zip(G.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_minimax_fades_with_D_and_the_other_does_not(trained):
    curves = trained[2]
    assert len(curves["step"]) == len(curves["minimax"]) == saturation.STEPS // saturation.EVERY + 1
    late = slice(10, None)
    assert np.diff(curves["minimax"][late]).max() < 0
    assert np.diff(curves["d_fake"][late]).max() < 0
    assert curves["non_saturating"][-1] > 100 * curves["minimax"][-1]
    assert curves["non_saturating"][-1] > curves["non_saturating"][0]


def test_the_losses_swapped_are_noticed(monkeypatch):
    swapped = dict(zip(GENERATOR_LOSSES, reversed(GENERATOR_LOSSES.values()), strict=True))
    monkeypatch.setattr(saturation, "GENERATOR_LOSSES", swapped)
    wrong = [c["says"] for c in saturation.experiment()["claims"] if not c["holds"]]
    assert len(wrong) == 6  # all but that D is sure


def test_results_are_json_and_the_picture_is_drawn_from_it(results):
    loaded = json.loads(json.dumps(results, allow_nan=False))
    assert loaded == results
    figure = saturation.draw(loaded)
    figure.canvas.draw()
    left, right = figure.axes
    minimax, strong = (line.get_xydata() for line in left.lines)
    np.testing.assert_allclose(minimax[:, 1], minimax[:, 0], rtol=1e-12)
    np.testing.assert_allclose(strong[:, 1], 1 - strong[:, 0], rtol=1e-10)
    assert len(right.lines) == 3
