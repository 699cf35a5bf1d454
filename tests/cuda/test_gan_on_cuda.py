"""Training on cuda, op by op: the metrics of the cpu, exact resumption, and runs that change devices."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import minigrad.device
from gan import settings as presets
from gan import validation
from gan.cli import main
from gan.data import Dataset
from gan.errors import UserError
from gan.networks import limit_norms
from gan.run_folder import RunFolder
from gan.training import Training, load, resumed, train
from minigrad import Generator, nn

SMALL = {"generator_layers": (9, 8), "discriminator_layers": (7, 5), "pieces": 3, "noise_dim": 4, "batch_size": 10}
LIVELY = {"generator_init": 0.5, "discriminator_init": 0.5, "log_every": 5, "kernels": "plain"}
CASES = {
    "paper": ("paper", {"k": 2}),
    "authors": ("authors", {}),
    "minimax": ("paper", {"objective": "minimax", "optimizer": "adam", "learning_rate": 0.001}),
    "max norm, gaussian": ("authors", {"max_norm": 0.8, "noise": "gaussian"}),
}


@pytest.fixture(autouse=True)
def cupy(cupy_module, monkeypatch):
    monkeypatch.setattr(validation, "SAMPLES", 60)
    return cupy_module


@pytest.fixture(scope="module")
def dataset():
    x = np.random.default_rng(1).random((64, 12), np.float32)
    return Dataset(name="tiny", train=x, valid=x[:5], test=x[:2], image_shape=(3, 4))


def made(case="paper", **overrides):
    preset, own = CASES[case]
    return presets.make("mnist", preset, **{**SMALL, **LIVELY, **own, **overrides})


def on(device, settings, dataset):
    return Training(replace(settings, device=device), dataset)


def close(there, here, rtol=1e-4):
    for name, value in here.items():
        np.testing.assert_allclose(there[name], value, rtol=rtol, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kernels", ["plain", "fused"])
def test_twenty_steps_as_on_the_cpu(case, kernels, dataset):
    """The noise, the masks and the order of the data are the same numbers, so nothing is injected."""
    here, there = on("cpu", made(case), dataset), on("cuda", made(case, kernels=kernels), dataset)
    for _ in range(20):
        close(there.iterate(), here.iterate())
    assert {str(p.device) for net in (there.G, there.D) for p in net.parameters()} == {"cuda:0"}
    arrays, metadata = there.state()
    expected, other = here.state()
    close(arrays, expected)
    for name in ("step", "minibatches", "masks", "z"):
        assert metadata[name] == other[name]
    close(there.validate(), here.validate())
    close(there.means(), here.means())


def test_nothing_comes_from_the_host_in_a_step(dataset, cupy, monkeypatch):
    """But one order of the data in an epoch; what is read back are numbers."""
    training = on("cuda", made("paper", kernels="fused"), dataset)
    training.iterate()  # the streams' states go there once
    copies = []
    asarray = cupy.asarray
    monkeypatch.setattr(cupy, "asarray", lambda a, *more: copies.append(a.shape) or asarray(a, *more))
    for _ in range(6):
        training.iterate()
    assert copies == [(64,)] * (14 // 6)


@pytest.mark.parametrize("first", ["cpu", "cuda"])
@pytest.mark.parametrize("then", ["cpu", "cuda"])
def test_a_run_goes_on_exactly_on_its_device_and_nearly_on_the_other(first, then, dataset, tmp_path):
    settings = made("authors", steps=6, checkpoint_every=3, sample_every=100, validate_every=100, parzen_every=100)
    with RunFolder.create(tmp_path / "run", replace(settings, device=first).as_dict(), ["gan"]) as run:
        assert train(run, on(first, settings, dataset), ["gan"])
    longer = replace(settings, steps=11, device=then)
    with RunFolder.open(tmp_path / "run") as run:
        training = resumed(run, longer, dataset)
    at_once = on(first, settings, dataset)
    for _ in range(6):
        at_once.iterate()
    assert training.step == 6
    for _ in range(5):
        close(training.iterate(), at_once.iterate())
    arrays, expected = training.state()[0], at_once.state()[0]
    for name, value in expected.items():
        assert isinstance(arrays[name], np.ndarray)
        if first == then:
            np.testing.assert_array_equal(arrays[name], value)
    close(arrays, expected)
    assert {str(p.device) for p in training.G.parameters()} == {"cpu" if then == "cpu" else "cuda:0"}


def test_the_checkpoint_still_belongs_to_its_settings(dataset, tmp_path):
    settings = made("authors", steps=2, checkpoint_every=1, sample_every=100)
    with RunFolder.create(tmp_path / "run", settings.as_dict(), ["gan"]) as run:
        train(run, on("cuda", settings, dataset), ["gan"])
    with RunFolder.open(tmp_path / "run") as run, pytest.raises(UserError, match=r"other settings \(seed\)"):
        load(on("cpu", replace(settings, seed=1), dataset), run)


def test_the_limit_of_norms():
    here, there = (nn.Linear(4, 3, generator=Generator(0)).to(place) for place in ("cpu", "cuda"))
    for layer in (here, there):
        limit_norms(layer, 0.3)
    np.testing.assert_allclose(there.state_dict()["weight"], here.state_dict()["weight"], rtol=1e-6)


def test_the_command(tmp_path):
    out = tmp_path / "run"
    small = ["--data", "gaussian", "--generator-layers", "8", "--discriminator-layers", "8", "--batch-size", "16"]
    first = CliRunner().invoke(main, ["train", *small, "--steps", "3", "--device", "cuda", "--out", str(out)])
    assert first.exit_code == 0, first.output
    assert RunFolder.read(out).settings["device"] == "cuda"
    again = CliRunner().invoke(main, ["train", "--resume", "--out", str(out), "--steps", "5", "--device", "cpu"])
    assert again.exit_code == 0, again.output
    assert RunFolder.read(out).settings["device"] == "cpu"


def test_no_gpu_is_said_before_a_folder_is_made(monkeypatch, dataset):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(UserError, match=r"device cuda: cuda needs CuPy.*pip install"):
        on("cuda", made(), dataset)


def test_no_memory_is_said(monkeypatch, dataset):
    training = on("cuda", made(), dataset)

    def full():
        raise minigrad.cuda.OutOfMemoryError("out of memory on cuda: matmul found no room")

    training.game.noise = full
    with pytest.raises(UserError, match=r"step 1: out of memory on cuda.*nothing of it is saved"):
        training.iterate()
