"""Every installed peer computes the numbers of the reference: the very code that is timed."""

import os
from dataclasses import replace

import pytest

from benchmarks import cases, peers, reference

CASES = [
    cases.Chain("mul", 20),
    cases.Chain("add", 50),
    *(cases.MLP(6, 4, 3, what) for what in ("forward", "gradients", "step")),
    cases.MLP(4, 1, 1),
    cases.TINY,
    replace(cases.TINY, dropout=(0.0, 0.0), scale=0.5),
    *(cases.Optimiser(rule, ((3, 4), (5,))) for rule in ("sgd", "momentum", "adam")),
    cases.HVP((4, 5, 6, 1), 7),
]
SLOW = ("torch_compile", "tinygrad_jit")

NOT_APPLICABLE = {
    "torch_frozen": {"chain", "mlp", "optimiser", "hvp"},
    "torch_compile": {"chain", "optimiser", "hvp"},
    "hips_autograd": {"optimiser"},
    "mygrad_tape": {"optimiser", "hvp"},
    "tinygrad_jit": {"chain", "optimiser", "hvp"},
    "numpy_by_hand": {"chain", "hvp"},
    "gemm_floor": {"chain", "optimiser", "hvp"},
}


@pytest.fixture
def load(require, monkeypatch):
    """A peer, set up on one thread; the settings of the whole process are put back."""
    import minigrad

    kernels = minigrad.use_kernels(minigrad.use_kernels.mode)
    # emulated where there is no compiler: slow, but the same graph
    for name, value in {"JAX_PLATFORMS": "cpu", "DEV": os.environ.get("DEV", "PYTHON"), "TRAINING": "1"}.items():
        monkeypatch.setenv(name, value)

    def loaded(name):
        require(peers.PEERS[name].library)
        return peers.load(name, 1)

    with kernels:
        yield loaded


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # by torch itself
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in peers.PEERS])
def test_the_references_numbers(load, name, case):
    module = load(name)
    if case.kind in NOT_APPLICABLE.get(name, ()):
        assert not hasattr(module, case.kind)
        return
    step = peers.build(module, case, checked=True)
    step.run()
    step.wait()
    if name != peers.FLOOR:
        errors = reference.errors(step.read(), reference.reference(case), reference.start(case))
        assert max(errors.values()) < 1e-4, errors
    timed = peers.build(module, case)  # with random numbers of its own
    timed.run()
    timed.run()
    timed.wait()


def test_a_forgotten_mask_is_noticed(load):
    module = load("numpy_by_hand")
    inputs = cases.gan_inputs(cases.TINY)
    inputs.draws.masks_g[1][:] = 1
    step = module.gan(cases.TINY, inputs, inputs.draws)
    step.run()
    errors = reference.errors(step.read(), reference.reference(cases.TINY), reference.start(cases.TINY))
    assert errors["gradients D"] < 1e-4
    assert errors["gradients G"] > reference.TOLERANCE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_cases_survive_json(case):
    import json

    assert cases.from_json(json.loads(json.dumps(cases.to_json(case)))) == case


def test_parameters_of_the_paper():
    case = cases.Optimiser("sgd", cases.shapes_of(cases.PAPER))
    assert len(case.shapes) == 12
    assert case.numbers == 3_735_425
