"""A run that stops, wherever it stops, goes on as if it had not: the same bytes. What it writes down and when."""

import json
import math
import os
import re
import signal
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan import checkpoint, pictures, validation
from gan import settings as presets
from gan import training as training_module
from gan.data import Dataset, load
from gan.data.minibatches import Minibatches
from gan.errors import UserError
from gan.evaluate import evaluate
from gan.evaluate.gauge import gauge
from gan.run_folder import RunFolder
from gan.sampling import Player
from gan.training import Training, generate, resumed, train
from minigrad import Generator

SMALL = {"generator_layers": (16, 16), "discriminator_layers": (8, 8), "pieces": 3}
TINY = {"generator_layers": (3,), "discriminator_layers": (2,), "pieces": 2, "noise_dim": 2, "batch_size": 6}
LIVELY = {"generator_init": 0.5, "discriminator_init": 0.5}  # a few steps are seen in a picture


def tiny_data(**planted):
    x = np.random.default_rng(1).random((37, 6), np.float32)
    for row, value in planted.items():
        x[int(row.removeprefix("row"))] = value
    return Dataset(name="tiny", train=x, valid=x[:3], test=x[:1], image_shape=(2, 3))


OFTEN = {"log_every": 4, "sample_every": 5, "checkpoint_every": 3, "validate_every": 2, "parzen_every": 5}


def tiny(preset="paper", **overrides):
    return presets.make("mnist", preset, **{**TINY, **LIVELY, **OFTEN, **overrides})


def begin(folder, settings, dataset):
    training = Training(settings, dataset)
    with RunFolder.create(folder, settings.as_dict(), ["gan"]) as run:
        return train(run, training, ["gan"])


def go_on(folder, steps, dataset):
    with RunFolder.open(folder) as run:
        settings = replace(presets.from_dict(run.settings), steps=steps)
        training = resumed(run, settings, dataset)
        run.write_settings(settings.as_dict())
        return train(run, training, ["gan"])


def results(folder):
    """All that must not depend on stops: the checkpoints, what was measured and every picture."""
    files = [*folder.glob("*.safetensors"), *folder.glob("[mv]*.jsonl"), *sorted((folder / "samples").iterdir())]
    found = {path.name: path.read_bytes() for path in files}
    if "best.safetensors" in found:  # says how many steps were planned when it was written
        arrays, metadata = checkpoint.load(folder / "best.safetensors")
        del metadata["settings"]["steps"]
        found["best.safetensors"] = ({name: a.tobytes() for name, a in arrays.items()}, metadata)
    return found


@pytest.fixture(autouse=True)
def few_samples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "SAMPLES", 60)
        yield


# ------------------------------------------------------------------------------------------------ exact resume

RUNS = {
    "digits, paper, k = 2": ("digits", "paper", {"k": 2}),
    "digits, authors": ("digits", "authors", {}),
    "digits, adam": ("digits", "paper", {"optimizer": "adam", "learning_rate": 2e-4}),
    "ring": ("ring", "paper", {"sample_every": 1000}),
    "gaussian, minimax, sgd": ("gaussian", "paper", {"objective": "minimax", "optimizer": "sgd", "sample_every": 1000}),
}


@pytest.mark.parametrize("name", RUNS)
def test_200_steps_are_100_and_100_more(name, tmp_path):
    data, preset, settings = RUNS[name]
    often = {"log_every": 30, "sample_every": 80, "checkpoint_every": 30, "validate_every": 40, "parzen_every": 80}
    settings = presets.make(
        data, preset, **{**SMALL, **LIVELY, **often, **settings, "steps": 200, "momentum_epochs": 9}
    )
    dataset = load(data)
    assert begin(tmp_path / "whole", settings, dataset)
    assert begin(tmp_path / "parts", replace(settings, steps=100), dataset)
    assert go_on(tmp_path / "parts", 200, dataset)
    whole, parts = results(tmp_path / "whole"), results(tmp_path / "parts")
    assert parts.pop("step-000100.png")  # the end of the first part
    assert parts == whole


CASES = {
    "paper": {},
    "paper, several epochs in a step": {"k": 9},
    "authors": {"preset": "authors"},
    "adam": {"optimizer": "adam"},
}


@cache
def straight(case):
    training = Training(tiny(**CASES[case], momentum_epochs=20), tiny_data())
    return [training.iterate() for _ in range(20)], training.state()


@given(st.sampled_from(list(CASES)), st.sets(st.integers(0, 19)))
def test_a_state_through_json_at_any_step_changes_nothing(case, stops):
    settings = tiny(**CASES[case], momentum_epochs=20)
    expected, (wanted, wanted_metadata) = straight(case)
    got, training = [], Training(settings, tiny_data())
    for step in range(20):
        if step in stops:
            arrays, metadata = training.state()
            training = Training(settings, tiny_data())
            training.restore(arrays, json.loads(json.dumps(metadata)))
        got.append(training.iterate())
    assert got == expected
    arrays, metadata = training.state()
    assert metadata == wanted_metadata
    assert {name: a.tobytes() for name, a in arrays.items()} == {name: a.tobytes() for name, a in wanted.items()}


class Killed(BaseException):
    pass


def test_killed_before_or_after_any_write(tmp_path, monkeypatch):
    """The n-th time that the run writes anything it dies there, for all n: before the write, then after it."""
    settings = tiny(steps=12, seed=4)
    dataset = tiny_data()
    begin(tmp_path / "whole", settings, dataset)
    whole = results(tmp_path / "whole")
    writes, dies_at = [], None

    def dying(plain):
        def write(*args, **kwargs):
            for moment in ("before", "after"):
                if moment == "after":
                    plain(*args, **kwargs)
                writes.append(moment)
                if len(writes) - 1 == dies_at:
                    raise Killed

        return write

    for owner, name in (
        (RunFolder, "append_metrics"),
        (RunFolder, "append_validation"),
        (RunFolder, "save_best"),
        (RunFolder, "save_checkpoint"),
        (RunFolder, "append_session"),
        (pictures, "save"),
    ):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))
    begin(tmp_path / "counted", settings, dataset)
    moments = len(writes)
    # metrics at 4, 8, 12; checkpoints at 3, 6, 9, 12; pictures at 0, 5, 10, 12; validation at 2, 4, 5, 6, 8, 10, 12
    with RunFolder.read(tmp_path / "whole") as run:
        parzen = [line["parzen"] for line in run.validation() if "parzen" in line]
    bests = sum(value > max(parzen[:i], default=-np.inf) for i, value in enumerate(parzen))
    assert moments == 2 * (3 + 4 + 1 + 4 + 7 + bests)
    for n in range(moments):
        folder = tmp_path / str(n)
        writes.clear()
        dies_at = n
        with pytest.raises(Killed):
            begin(folder, settings, dataset)
        dies_at = None
        if n < moments - 2:  # the very last write only says who worked here when
            with RunFolder.open(folder) as run:
                step = resumed(run, settings, dataset).step
            if step < 12:
                go_on(folder, 12, dataset)
        assert results(folder) == whole, n


def test_a_seed_is_a_run(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        begin(tmp_path / name, tiny(steps=12, seed=seed), tiny_data())
    a, b, c = (results(tmp_path / name) for name in "abc")
    assert a == b
    assert [name for name in a if a[name] == c[name]] == []


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_between_two_steps_and_saves(number, tmp_path, monkeypatch):
    plain = Training.iterate

    def iterate(training):
        if training.step == 6:
            os.kill(os.getpid(), number)
        return plain(training)

    before = signal.getsignal(number)
    begin(tmp_path / "whole", tiny(steps=12), tiny_data())
    monkeypatch.setattr(Training, "iterate", iterate)
    assert not begin(tmp_path / "run", tiny(steps=12), tiny_data())
    assert signal.getsignal(number) is before
    monkeypatch.undo()
    with RunFolder.read(tmp_path / "run") as run:
        assert run.load_checkpoint()[1]["step"] == 7
        assert run.sessions()[-1]["last_step"] == 7
    assert go_on(tmp_path / "run", 12, tiny_data())
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    begin(tmp_path / "run", tiny(steps=4), tiny_data())
    begin(tmp_path / "other", tiny(steps=4, learning_rate=0.2, seed=9), tiny_data())
    os.replace(tmp_path / "other" / "checkpoint.safetensors", tmp_path / "run" / "checkpoint.safetensors")
    before = results(tmp_path / "run")
    with pytest.raises(UserError, match=r"is from a run with other settings \(learning_rate, seed\)"):
        go_on(tmp_path / "run", 6, tiny_data())
    assert results(tmp_path / "run") == before


# ------------------------------------------------------------------------------------------ what is written down


@pytest.mark.parametrize("stop", [None, 1, 5, 6])
def test_a_line_of_metrics_holds_the_means_since_the_line_before(stop, tmp_path):
    settings, numbers = tiny(steps=8), []
    reference = Training(settings, tiny_data())
    numbers = [reference.iterate() for _ in range(8)]
    begin(tmp_path / "run", replace(settings, steps=stop or 8), tiny_data())
    if stop:
        go_on(tmp_path / "run", 8, tiny_data())
    with RunFolder.read(tmp_path / "run") as run:
        lines = run.metrics()
    assert [line["step"] for line in lines] == [4, 8]
    assert [line["epoch"] for line in lines] == [0, 1]  # 6 minibatches are an epoch
    for line, part in zip(lines, (numbers[:4], numbers[4:]), strict=True):
        for name in ("d_loss", "g_loss", "d_real", "d_fake"):
            assert line[name] == pytest.approx(np.mean([n[name] for n in part]), rel=1e-14)
            assert 0 < line[name] < (1 if name.startswith("d_") and name != "d_loss" else 10)
        assert line["learning_rate"] == pytest.approx(0.1 / 1.000004 ** line["step"], rel=1e-12)
        assert line["momentum"] == pytest.approx(0.5 + 0.2 / 249 * line["epoch"], rel=1e-12)


def test_pictures_at_the_promised_steps_from_one_z(tmp_path):
    settings, dataset = tiny(steps=12), tiny_data()
    begin(tmp_path / "run", settings, dataset)
    with RunFolder.open(tmp_path / "run") as run:
        names = sorted(path.name for path in run.samples_folder.iterdir())
        assert names == [f"step-{n:06d}.png" for n in (0, 5, 10, 12)]
        assert len({run.sample_path(n).read_bytes() for n in (0, 5, 10, 12)}) == 4
        training = resumed(run, settings, dataset)
        z = Training(settings, dataset).shown  # known before the first step
        pictures.save(tmp_path / "again.png", generate(training.G, z), image_shape=(2, 3), data=None)
        assert (tmp_path / "again.png").read_bytes() == run.sample_path(12).read_bytes()


@pytest.mark.parametrize("preset", ["paper", "authors"])
def test_validation_is_the_gauge_and_the_parzen_estimate_of_the_same_noise(preset, tmp_path):
    settings, dataset = tiny(preset, steps=12), tiny_data()
    stream = Generator(0).split(6)[5]
    z = stream.uniform(-math.sqrt(3), math.sqrt(3), (1000, 2))
    begin(tmp_path / "run", settings, dataset)
    training = Training(settings, dataset)
    with RunFolder.read(tmp_path / "run") as run:
        lines = run.validation()
    assert [line["step"] for line in lines] == [2, 4, 5, 6, 8, 10, 12]
    assert [line["epoch"] for line in lines] == [0, 0, 0, 1, 1, 1, 2]
    for line in lines:
        while training.step < line["step"]:
            training.iterate()
        training.D.eval()
        read = gauge(training.D(dataset.valid).data, training.D(generate(training.G, z)).data)
        training.D.train()
        assert (line["d_loss"], line["jsd"], line["jsd_error"]) == pytest.approx(
            (read.d_loss, read.jsd, read.standard_error), rel=1e-6, abs=1e-9
        )
        assert ("parzen" in line) == (line["step"] % 5 == 0)
        if "parzen" in line:
            result = evaluate(generate(training.G, z[:60]), dataset.valid, dataset.valid)
            assert (line["parzen"], line["sigma"], line["distance"]) == pytest.approx(
                (result.log_likelihood, result.sigma, result.distance), rel=1e-6
            )


def test_validation_leaves_no_trace_in_the_training(tmp_path):
    arrays = []
    for name, often in (("often", 1), ("never", 100)):
        begin(tmp_path / name, tiny(steps=12, validate_every=often, parzen_every=often), tiny_data())
        arrays.append(RunFolder.read(tmp_path / name).load_checkpoint()[0])
    assert (tmp_path / "often" / "metrics.jsonl").read_bytes() == (tmp_path / "never" / "metrics.jsonl").read_bytes()
    assert {k: a.tobytes() for k, a in arrays[0].items()} == {k: a.tobytes() for k, a in arrays[1].items()}


def test_the_best_checkpoint_has_the_highest_parzen_estimate(tmp_path):
    begin(tmp_path / "run", tiny(steps=60, learning_rate=0.5), tiny_data())
    with RunFolder.read(tmp_path / "run") as run:
        lines = [line for line in run.validation() if "parzen" in line]
        top = max(lines, key=lambda line: line["parzen"])
        assert lines[0] is not top is not lines[-1]  # it had a choice
        player = Player(run, best=True)
        assert player.step == top["step"]
        assert run.load_checkpoint()[1]["best"] == {"step": top["step"], "parzen": top["parzen"]}
    training = Training(tiny(steps=60, learning_rate=0.5), tiny_data())
    while training.step < top["step"]:
        training.iterate()
    z = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(generate(player.G, z), generate(training.G, z))


def test_no_best_checkpoint_yet(tmp_path):
    begin(tmp_path / "run", tiny(steps=4), tiny_data())
    with pytest.raises(UserError, match="no best checkpoint yet"):
        Player(RunFolder.read(tmp_path / "run"), best=True)


# ----------------------------------------------------------------------------------------------------- nan and inf

STEP_AND_OP = r"step (\d+): the loss is (nan|-?inf): \w+ of shapes .* made (nan|inf) (given argument|from finite)"

DIVERGED = r"has become infinite or nan|step \d+: (a_real|a_fake|samples) must hold .*finite.*nothing of it is saved"


def failed_step(folder, settings, dataset, sentence):
    """The step of the sentence; the checkpoint before it is whole, finite, and fit to go on from."""
    with pytest.raises(UserError, match=sentence) as error:
        begin(folder, settings, dataset)
    assert "\n" not in str(error.value)
    step = int(re.match(r"step (\d+)", str(error.value))[1])
    with RunFolder.read(folder) as run:
        arrays, metadata = run.load_checkpoint()
        assert run.sessions()[-1]["failed"] == str(error.value)
    assert metadata["step"] <= step - 1
    assert all(np.isfinite(a).all() for a in arrays.values())
    with pytest.raises(UserError) as again:
        go_on(folder, settings.steps, dataset)
    assert str(again.value) == str(error.value)
    return step


@pytest.mark.parametrize("kernels", ["plain", "fused"])
@pytest.mark.parametrize("preset", ["paper", "authors"])
def test_a_nan_in_the_data_names_the_step_and_the_op(preset, kernels, tmp_path):
    settings = tiny(preset, steps=12, checkpoint_every=1, generator_bias="zero", seed=1, kernels=kernels)
    dataset = tiny_data(row20=np.nan)
    order = Minibatches(dataset.train, 6, Generator(1).split(5)[3])
    first = next(step for step, x in enumerate(order, 1) if np.isnan(x).any())
    assert first > 1  # so that there is a checkpoint
    sentence = (
        rf"the loss is nan: {'linear' if kernels == 'plain' else 'mlp'} of shapes \(6, 6\), \(4, 6\), \(4,\).*"
        r" made nan given argument 0 of shape \(6, 6\)"
    )
    failed = failed_step(tmp_path / "run", settings, dataset, sentence)
    if kernels == "plain":
        assert failed == first
    else:  # a dropped unit is not computed, so that its nan is not seen
        assert failed >= first


@pytest.mark.parametrize("checkpoint_every", [1, 2])
@pytest.mark.parametrize("preset", ["paper", "authors"])
def test_a_learning_rate_that_explodes(preset, checkpoint_every, tmp_path):
    """The first update alone does not: the rate jumps at step 5."""
    settings = tiny(preset, steps=50, sample_every=50, checkpoint_every=checkpoint_every, optimizer="sgd", seed=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_module.optim, "ExponentialDecay", lambda *_: lambda t: 0.1 if t < 4 else 1e38)
        step = failed_step(tmp_path / "run", settings, tiny_data(), rf"{STEP_AND_OP}|{DIVERGED}")
    assert step >= 5


def test_a_loss_that_is_inf_before_anything_is_saved(tmp_path):
    with pytest.raises(UserError, match=STEP_AND_OP):
        begin(tmp_path / "run", tiny(steps=50, learning_rate=1e38), tiny_data())
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
    (session,) = RunFolder.read(tmp_path / "run").sessions()
    assert re.match(rf"step {session['last_step'] + 1}: the loss is", session["failed"])


# -------------------------------------------------------------------------------------------------- minibatches


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**64))
def test_an_epoch_takes_every_example_once(n, batch_size, seed):
    data = np.arange(n)[:, None]
    if batch_size > n:
        with pytest.raises(UserError, match=f"batch_size is {batch_size}, but there are {n} training examples"):
            Minibatches(data, batch_size, Generator(seed))
        return
    batches = Minibatches(data, batch_size, Generator(seed))
    epochs = [np.concatenate([next(batches) for _ in range(n // batch_size)])[:, 0] for _ in range(3)]
    for epoch in epochs:
        assert len(set(epoch.tolist())) == len(epoch) == n - n % batch_size
    if n > 20 and n // batch_size:
        assert not np.array_equal(epochs[0], epochs[1])  # a new order


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 40))
def test_the_place_in_the_data_can_be_saved_anywhere(n, batch_size, taken):
    batch_size = min(batch_size, n)
    data = np.arange(n)[:, None]
    batches = Minibatches(data, batch_size, Generator(1))
    for _ in range(taken):
        next(batches)
    state = json.loads(json.dumps(batches.state_dict()))
    other = Minibatches(data, batch_size, Generator(2))
    other.load_state_dict(state)
    for _ in range(3 * n):
        np.testing.assert_array_equal(next(batches), next(other))
