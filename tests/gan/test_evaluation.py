"""What `gan evaluate` and `gan table 1` write down: which split chooses, which is tested, and what a seed changes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gan import cli
from gan.data import Dataset
from gan.evaluate import SIGMAS, evaluate
from gan.evaluate.gauge import gauge
from gan.evaluation import evaluation, evaluation_file
from gan.run_folder import RunFolder
from gan.sampling import Player, logits

SMALL = ["--generator-layers", "6,5", "--discriminator-layers", "4", "--noise-dim", "3", "--discriminator-init", ".5"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "run"
    cli.main(["train", "--steps", "4", "--parzen-every", "2", "--out", str(path), *SMALL], standalone_mode=False)
    return path


@pytest.fixture
def splits(run):
    """Three splits whose best widths differ: near to this G's samples, further away, and far."""
    drawn = Player(RunFolder.read(run)).draw(300, seed=7)
    noise = np.random.default_rng(0)
    near, away, far = (
        np.float32(np.clip(drawn[i : i + 100] + noise.normal(0, s, (100, 64)), 0, 1))
        for i, s in ((0, 0.1), (100, 0.3), (200, 0.6))
    )
    return Dataset(name="digits", train=np.concatenate([far, near]), valid=near, test=away, image_shape=(8, 8))


def test_validation_chooses_and_test_is_tested(run, splits):
    found = evaluation(run, splits, n=200, seed=3)
    player = Player(RunFolder.read(run))
    samples = player.draw(200, 3)
    right = evaluate(samples, splits.valid, splits.test)
    for wrong in (evaluate(samples, splits.test, splits.test), evaluate(samples, splits.train, splits.test)):
        assert right.sigma != wrong.sigma
    for name in ("sigma", "log_likelihood", "standard_error", "validation", "distance", "n_samples"):
        assert found[name] == getattr(right, name)
    assert found["gauge"]["jsd"] == gauge(logits(player.D, splits.test), logits(player.D, samples)).jsd
    seen = splits.train[: len(splits.test)]  # as many
    assert found["gauge_training"]["jsd"] == gauge(logits(player.D, seen), logits(player.D, samples)).jsd
    assert found["gauge_training"]["jsd"] != found["gauge"]["jsd"]
    assert found["gauge"]["jsd"] != gauge(logits(player.D, splits.valid), logits(player.D, samples)).jsd


def test_the_record_is_kept(run, splits):
    for best in (False, True):
        found = evaluation(run, splits, n=50, best=best)
        assert json.loads(evaluation_file(run, best).read_text()) == json.loads(json.dumps(found))
        assert found["step"] == (4 if not best else RunFolder.read(run).load_checkpoint(best=True)[1]["step"])
    assert evaluation(run, splits, n=50, seed=1)["log_likelihood"] != found["log_likelihood"]


def test_more_widths_have_a_file_of_their_own(run, splits):
    splits = replace(splits, valid=splits.test)  # whose best width lies between two of the ten
    found = evaluation(run, splits, n=50, best=True)
    before = evaluation_file(run, best=True).read_bytes()
    finer = evaluation(run, splits, n=50, best=True, widths=91)
    assert len(finer["grid"]) == 91
    assert (finer["grid"][0], finer["grid"][-1]) == (SIGMAS[0], SIGMAS[-1])
    np.testing.assert_allclose(finer["grid"][::10], SIGMAS)  # the ten are among them
    assert finer["validation"] > found["validation"]
    assert finer["sigma"] not in SIGMAS
    assert json.loads((run / "evaluation-best-widths-91.json").read_text())["sigma"] == finer["sigma"]
    assert evaluation_file(run, best=True).read_bytes() == before  # the paper's number stays
