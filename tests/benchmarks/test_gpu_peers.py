"""Every peer of the GPU benchmark computes the training step of float64: its own code, on the CPU at small sizes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import cases, reference
from benchmarks.gpu import cases as gpu_cases
from benchmarks.gpu import peers
from benchmarks.gpu import reference as exact

TINY = gpu_cases.TINY_STEP
CASES = [
    TINY,
    replace(TINY, precision="tf32", scale=0.5),
    replace(TINY, steps=7, decay=1.2, max_norm=0.9),  # more minibatches than the data set has
    replace(TINY, update="simultaneous", dropout=(0.0, 0.0)),
    replace(TINY, update="simultaneous", steps=3, decay=1.2, max_norm=0.9),
]
OTHERS = [name for name, peer in peers.PEERS.items() if not peer.ours]
SLOW = ("torch_compile",)

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")


@pytest.fixture
def load(require, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")

    def loaded(name):
        for library in peers.PEERS[name].libraries:
            require(library)
        return peers.load(name, "cpu")

    return loaded


def errors_of(step, case):
    """Of a step of this very case."""
    step.run()
    step.wait()
    return reference.errors(step.read(), exact.step(case), exact.start(case))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in OTHERS])
def test_the_references_numbers(load, name, case):
    module = load(name)
    several = gpu_cases.checked(case)
    step = module.step(several, gpu_cases.inputs_of(several), "cpu")
    if name == "torch_compile" and case.update == "simultaneous":
        assert step is None
        return
    found = errors_of(step, several)
    assert set(found) == {"losses", "velocity D", "velocity G", "parameters D", "parameters G"}
    assert max(found.values()) < 1e-4, found
    timed = peers.build(module, case, "cpu")  # with random numbers of its own
    if case.steps > 1 and not module.SEVERAL:
        assert timed is None
        return
    states = []
    for _ in range(2):
        timed.run()
        timed.wait()
        states.append(timed.read())
    for name, arrays in states[0].items():
        assert all(np.isfinite(a).all() for a in arrays)
        assert not any(np.array_equal(a, b) for a, b in zip(arrays, states[1][name], strict=True)), name


PLANTED = {
    "a mask is forgotten": lambda inputs: inputs.draws[0].masks_g[1].fill(1),
    "a mask of data is that of samples": lambda inputs: (
        inputs.draws[0].masks_d[0].__setitem__(slice(0, TINY.batch), inputs.draws[0].masks_d[0][TINY.batch :])
    ),
    "minibatches are not shuffled": lambda inputs: inputs.order.sort(),
    "a step takes the noise of the step before": lambda inputs: inputs.draws[1].z_d.__setitem__(
        slice(None), inputs.draws[0].z_d
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_differs_is_noticed(load, planted):
    case = replace(TINY, steps=2)
    inputs = gpu_cases.inputs_of(case)
    PLANTED[planted](inputs)
    found = errors_of(load("torch_graph").step(case, inputs, "cpu"), case)
    assert max(found.values()) > 10 * exact.TOLERANCES["float32"], found


@pytest.mark.parametrize("changed", [{"decay": 1.0}, {"max_norm": 0.0}, {"momentum": 0.0}, {"scale": 0.5}])
def test_what_is_computed_otherwise_is_noticed(load, changed):
    case = replace(TINY, steps=3, decay=1.2, max_norm=0.9)
    wrong = replace(case, **changed)
    step = load("torch_graph").step(wrong, gpu_cases.inputs_of(case), "cpu")
    assert max(errors_of(step, case).values()) > 10 * exact.TOLERANCES["float32"]


def test_one_step_of_it_is_the_step_of_the_other_benchmark():
    """benchmarks/reference.py has the same iteration: there it is written another time."""
    inputs = gpu_cases.inputs_of(TINY)
    ours = exact.step(TINY)
    given = cases.GANInputs(inputs.G, inputs.D, gpu_cases.minibatch(TINY, inputs, 0)[None], inputs.draws[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "gan_inputs", lambda case: given)
        theirs = reference.gan(TINY)
    for name in ("losses", "parameters D", "parameters G"):
        for a, b in zip(ours[name], theirs[name], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_cases_survive_json():
    for case in CASES:
        assert cases.from_json(json.loads(json.dumps(cases.to_json(case)))) == case


def test_a_check_shows_momentum_and_computes_no_more_rows_than_are_affordable():
    assert gpu_cases.checked(replace(TINY, batch=100)).steps == 3
    assert gpu_cases.checked(replace(TINY, batch=100, steps=10)).steps == 10
    assert gpu_cases.checked(replace(TINY, batch=10_000, steps=10)).steps == 2
    assert gpu_cases.checked(replace(TINY, batch=30_000)).steps == 1


def test_products_of_the_papers_step():
    """The arithmetic of the plain step, 3.57 GFLOP at batch 100, in three products less: G runs once."""
    case = gpu_cases.PAPER_STEP
    found = gpu_cases.products(case)
    assert len(found) == 17
    assert sum(p.flops for p in found) / 1e9 == pytest.approx(3.57, abs=0.02)
    assert len(gpu_cases.products(replace(case, update="simultaneous"))) == 14
    assert sum(p.flops for p in gpu_cases.products(replace(case, batch=1000))) == 10 * sum(p.flops for p in found)
    shapes = {(p.m, p.n, p.k) for p in found}
    assert (200, 1200, 784) in shapes  # D's first layer sees data and samples at once
    assert (1200, 784, 200) in shapes


def test_too_small_a_data_set_is_told():
    with pytest.raises(ValueError, match="a minibatch of 6 is more than the 5 examples"):
        gpu_cases.inputs_of(replace(TINY, examples=5))
