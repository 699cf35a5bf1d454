"""A whole run on cuda by the captured step: the files of the cpu's run, exact resumption, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gan import iterations, validation
from gan import settings as presets
from gan.data import Dataset
from gan.errors import UserError
from gan.run_folder import RunFolder
from gan.training import Training, resumed, train

SMALL = {"generator_layers": (9, 8), "discriminator_layers": (7, 5), "pieces": 3, "noise_dim": 4, "batch_size": 10}
LIVELY = {"generator_init": 0.5, "discriminator_init": 0.5, "kernels": "fused", "device": "cuda"}
OFTEN = {"steps": 23, "log_every": 5, "validate_every": 7, "parzen_every": 9, "sample_every": 50, "checkpoint_every": 4}

pytestmark = pytest.mark.usefixtures("cupy_cublas")


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr(validation, "SAMPLES", 60)


@pytest.fixture(scope="module")
def dataset():
    x = np.random.default_rng(1).random((64, 12), np.float32)
    return Dataset(name="tiny", train=x, valid=x[:5], test=x[:2], image_shape=(3, 4))


def made(preset="authors", **overrides):
    return presets.make("mnist", preset, **{**SMALL, **LIVELY, **OFTEN, **overrides})


def run_of(folder, settings, dataset, stops=()):
    """Train to the end, stopping and starting again at these steps; the lines of both files, and the last arrays."""
    with RunFolder.create(folder, settings.as_dict(), ["gan"]) as run:
        train(run, Training(replace(settings, steps=min([*stops, settings.steps])), dataset), ["gan"])
    for end in [*stops[1:], settings.steps] if stops else ():
        with RunFolder.open(folder) as run:
            train(run, resumed(run, replace(settings, steps=end), dataset), ["gan"])
    files = [[*map(json.loads, (folder / f"{n}.jsonl").read_text().splitlines())] for n in ("metrics", "validation")]
    with RunFolder.open(folder) as run:
        return files, run.load_checkpoint()


@pytest.mark.parametrize("preset", ["paper", "authors"])
@pytest.mark.parametrize("noise", ["uniform", "gaussian"])
def test_the_files_are_those_of_the_cpu(preset, noise, dataset, tmp_path):
    settings = made(preset, noise=noise)
    there, (arrays, metadata) = run_of(tmp_path / "there", settings, dataset)
    here, (expected, other) = run_of(tmp_path / "here", replace(settings, device="cpu", kernels="plain"), dataset)
    assert len(there[0]) == 5
    for ours, theirs in zip(there, here, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert a == pytest.approx(b, rel=1e-3, abs=1e-4)
    for name, value in expected.items():
        np.testing.assert_allclose(arrays[name], value, rtol=1e-3, atol=1e-5, err_msg=name)
    for name in ("step", "minibatches", "masks", "z"):
        assert metadata[name] == other[name]


@pytest.mark.parametrize("preset", ["paper", "authors"])
def test_a_run_goes_on_exactly_where_it_stopped(preset, dataset, tmp_path):
    whole = run_of(tmp_path / "whole", made(preset), dataset)
    parts = run_of(tmp_path / "parts", made(preset), dataset, stops=(4, 11))
    assert [line for line in parts[0][0] if line["step"] % 5 == 0 or line["step"] == 23] == whole[0][0]
    for name, value in whole[1][0].items():
        np.testing.assert_array_equal(parts[1][0][name], value, name)
    assert parts[1][1] | {"sums": 0} == whole[1][1] | {"sums": 0}


def test_it_is_the_captured_step_that_runs(dataset):
    training = Training(made(), dataset)
    training.advance(3)
    assert len(training.together.program.graph.nodes) == 35
    assert training.step == 3
    plain = Training(made(kernels="plain"), dataset)
    plain.advance(3)
    assert plain.step == 1  # op by op: one at a time
    unfit = Training(made(optimizer="sgd", momentum_start=0.0), dataset)
    unfit.advance(3)
    assert unfit.step == 1


def test_a_state_that_is_restored_takes_the_place_of_the_captured_one(dataset):
    training = Training(made(), dataset)
    training.advance(2)
    state = training.state()
    first = training.advance(4)
    training.restore(*state)
    assert training.advance(4) == first


def test_a_loss_that_diverges_is_told_and_nothing_is_saved(dataset, tmp_path):
    settings = made(learning_rate=1e30)
    with RunFolder.create(tmp_path / "run", settings.as_dict(), ["gan"]) as run:
        with pytest.raises(
            UserError, match=r"between steps 1 and 4 \w+ became (nan|inf|-inf); nothing of them is saved"
        ):
            train(run, Training(settings, dataset), ["gan"])
        assert not run.checkpoint_file.exists()


@pytest.mark.parametrize(("step", "expected"), [(0, 4), (4, 1), (5, 2), (7, 1), (8, 1), (9, 1), (20, 1), (22, 1)])
def test_iterations_until_something_is_written(step, expected):
    assert iterations.until_due(made(), step) == expected
