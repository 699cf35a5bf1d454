"""`gan judge`: every measure from the same samples, each with the sense it should have, and baselines beside runs."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from gan import cli
from gan.data import load
from gan.errors import UserError
from gan.evaluate import classes, evaluate
from gan.evaluate.baselines import training_examples
from gan.evaluate.classes import train_classifier
from gan.evaluate.coverage import expected_coverage
from gan.evaluate.judge import judge, yardstick


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def classifier(digits):
    return train_classifier(digits, epochs=5)


def test_true_images_noise_and_one_image_repeated(digits, classifier):
    rng = np.random.default_rng(0)
    real = training_examples(digits.train, 250)
    noise = rng.random((250, 64), np.float32)
    one = np.repeat(digits.test[:1], 250, axis=0) + np.float32(1e-4) * rng.random((250, 64), np.float32)
    a, b, c = (judge(samples, digits, classifier) for samples in (real, noise, one))
    for space in ("pixels", "features"):
        of = [found["prdc"][space] for found in (a, b, c)]
        assert of[0]["coverage"] > 0.8 > 0.1 > of[2]["coverage"]
        assert of[0]["precision"] > 0.6
        assert of[2]["precision"] == 1  # every sample is a digit
    assert b["prdc"]["pixels"]["precision"] == 0
    assert a["classes"]["kl"] < 0.1 < 2.3 < c["classes"]["kl"]
    assert a["memorisation"]["copies"] == 250
    # told from chance, which it is not where the drawn images are one of the subsets that are compared
    assert a["memorisation"]["difference"] < -5 * a["memorisation"]["difference_error"]
    assert b["memorisation"]["copies"] == c["memorisation"]["copies"] == 0
    by_class = c["birthday"]["by_class"]
    only = int(classifier.predict(digits.test[:1])[0])
    assert [i for i, of in enumerate(by_class) if of] == [only]
    assert by_class[only]["samples"]["support"] < 10 < by_class[only]["real"]["support"]
    assert by_class[only]["quantile"] == 0.05
    supports = [of["samples"]["support"] for of in a["birthday"]["by_class"]]
    assert np.median(supports) > 10 * by_class[only]["samples"]["support"]
    assert c["birthday"]["samples"]["support"] < 10 < a["birthday"]["samples"]["support"]
    assert a["parzen"]["log_likelihood"] == evaluate(real, digits.valid, digits.test).log_likelihood
    assert a["parzen"]["log_likelihood"] > max(found["parzen"]["log_likelihood"] for found in (b, c))


def test_the_yardstick_is_what_real_images_score(digits, classifier):
    found = yardstick(digits, classifier, 10_000)
    assert found["prdc"]["pixels"]["coverage"] == pytest.approx(found["expected_coverage"], abs=0.06)
    assert found["prdc"]["features"]["coverage"] == pytest.approx(found["expected_coverage"], abs=0.06)
    assert found["accuracy"] == {"valid": classifier.valid_accuracy, "test": classifier.test_accuracy}
    assert found["classes"] == asdict(classes.class_histogram(classifier, digits.valid))
    assert found["classes"] != asdict(classes.class_histogram(classifier, digits.test))
    assert found["memorisation"]["n_samples"] == len(digits.test)
    assert found["memorisation"]["copies"] == 0


def test_sets_of_the_same_size_are_compared(digits, classifier):
    """Coverage grows with the samples: thousands of bad ones would beat the few hundred images of the yardstick."""
    noisy = np.random.default_rng(0).normal(np.repeat(digits.train, 2, axis=0), 0.15).astype(np.float32)
    found, real = judge(noisy, digits, classifier), yardstick(digits, classifier, len(noisy))
    for space in ("pixels", "features"):
        assert found["prdc"][space]["n_samples"] == real["prdc"][space]["n_samples"] == len(digits.valid)
        assert found["prdc"][space]["coverage"] < real["prdc"][space]["coverage"]
    few = yardstick(digits, classifier, 50)
    assert few["prdc"]["pixels"]["n_samples"] == 50
    assert few["expected_coverage"] == expected_coverage(len(digits.test), 50)


def test_the_yardstick_draws_as_the_samples_do(digits):
    found = [yardstick(digits, None, 100, seed)["memorisation"] for seed in (0, 1)]
    assert [of["seed"] for of in found] == [0, 1]
    assert found[0]["subset"] != found[1]["subset"]


def test_points_are_not_judged():
    ring = load("ring")
    with pytest.raises(UserError, match="ring has points, not images"):
        judge(ring.train[:50], ring)


def command(*arguments):
    cli.main(["judge", *map(str, arguments)], standalone_mode=False)


@pytest.mark.slow
def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.main(["train", "--steps", "500", "--parzen-every", "500", "--out", "run"], standalone_mode=False)
    command("run", "--best", "--baselines", "--samples", 300)
    record = json.loads(Path("judgement.json").read_text())
    assert list(record["samples"]) == ["run", "training images", "k-means centres"]
    assert record["samples"]["run"]["step"] == 500
    parzen = {name: of["parzen"]["log_likelihood"] for name, of in record["samples"].items()}
    assert parzen["run"] < parzen["training images"] < parzen["k-means centres"]
    out = capsys.readouterr().out
    for name, value in parzen.items():
        assert f"{name}: Parzen {value:.1f}" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "no run and no --data"),
        (("--data", "digits"), "there is nothing to judge"),
        (("--baselines",), "no run and no --data"),
        (("elsewhere",), "there is no run in elsewhere"),
        (("--data", "ring", "--baselines"), "ring has points, not images"),
        (("--data", "digits", "--baselines", "--samples", 10**20), "is not in the range 10<=x<=1000000000"),
        (("--data", "digits", "--baselines"), "10000 samples were asked for, and there are 1297"),
        (("--data", "digits", "--baselines", "--samples", "20", "--out", "no/j.json"), "there is no folder no"),
        (("--data", "digits", "--baselines", "--samples", "20", "--out", "."), "cannot write .: it is a folder"),
    ],
)
def test_bad_input_is_refused_before_the_work(arguments, sentence, capsys, monkeypatch):
    monkeypatch.setattr(classes, "train_classifier", None)
    with pytest.raises(SystemExit) as end:
        command(*arguments)
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err
