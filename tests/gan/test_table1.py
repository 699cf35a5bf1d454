"""`gan table 1`: runs in processes of their own, stopped and gone on with; their numbers once and their mean."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gan
from gan import cli, table1
from gan.errors import UserError

ROOT = Path(gan.__file__).parents[1]
SMALL = [
    *("--data", "digits", "--generator-layers", "6,5", "--discriminator-layers", "4", "--noise-dim", "3"),
    *("--log-every", "5", "--validate-every", "10", "--parzen-every", "10", "--sample-every", "100"),
    *("--checkpoint-every", "10", "--kernels", "plain", "--generator-init", ".5", "--discriminator-init", ".5"),
]
FILES = ("metrics.jsonl", "validation.jsonl")


@pytest.fixture
def table(capsys, monkeypatch, tmp_path):
    """`gan table 1` on small networks, in this process: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main(["table", "1", *SMALL, *map(str, arguments)], prog_name="gan")
        return (end.value.code or 0, *capsys.readouterr())

    return run


@pytest.mark.slow
def test_runs_go_further_and_are_judged_once_each(table):
    code, out, err = table("--seeds", "0,1", "--epochs", 2)
    assert code == 0, err
    for seed in (0, 1):
        assert f"digits-authors-{seed}: training\n" in err
        assert re.search(rf"digits-authors-{seed}: epoch 1, validation -?\d+\.\d nats\n", err)
    record = json.loads(Path("table1/table1.json").read_text())
    tests = [row["log_likelihood"] for row in record["runs"].values()]
    assert [*record["runs"]] == ["digits-authors-0", "digits-authors-1"]
    assert tests[0] != tests[1]
    assert record["mean"] == pytest.approx(np.mean(tests))
    assert record["standard_error"] == pytest.approx(np.std(tests, ddof=1) / np.sqrt(2))
    assert f"mean over 2 seeds: {record['mean']:.1f} ± {record['standard_error']:.1f} nats" in out
    for name, row in record["runs"].items():
        lines = [json.loads(line) for line in Path(f"table1/{name}/validation.jsonl").read_text().splitlines()]
        assert row["step"] == max(lines, key=lambda line: line["parzen"])["step"]
        assert row == json.loads(Path(f"table1/{name}/evaluation-best.json").read_text())

    judged = Path("table1/digits-authors-0/evaluation-best.json").stat().st_mtime_ns
    code, again, err = table("--seeds", "0,1", "--epochs", 2)
    assert (code, again, err) == (0, out, "")  # trained already, tested already
    assert Path("table1/digits-authors-0/evaluation-best.json").stat().st_mtime_ns == judged

    assert table("--seeds", "0", "--epochs", 3)[0] == 0
    assert '"last_step": 36,' in Path("table1/digits-authors-0/sessions.jsonl").read_text()


@pytest.mark.slow
def test_stopped_by_the_user_it_goes_on_to_the_same_bytes(table, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    command = ["--seeds", "3", "--epochs", "100", "--log-every", "100", "--checkpoint-every", "300"]
    command += ["--validate-every", "300", "--parzen-every", "300", "--sample-every", "5000"]
    assert table(*command, "--out", whole)[0] == 0

    argv = [sys.executable, "-m", "gan", "table", "1", *SMALL, *command, "--out", str(stopped)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert "training" in process.stderr.readline()
    assert "epoch 25, validation" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "stopped and saved; the same command goes on\n")
    before = (stopped / "digits-authors-3" / "metrics.jsonl").read_bytes()
    assert before != (whole / "digits-authors-3" / "metrics.jsonl").read_bytes()
    assert not (stopped / "table1.json").exists()

    assert table(*command, "--out", stopped)[0] == 0
    for name in FILES:
        assert (stopped / "digits-authors-3" / name).read_bytes() == (whole / "digits-authors-3" / name).read_bytes()


@pytest.mark.slow
def test_a_run_that_fails_stops_the_others(table):
    Path("table1/digits-authors-1").mkdir(parents=True)  # in the way, and no run
    Path("table1/digits-authors-1/notes").write_text("mine")
    code, out, err = table("--seeds", "0,1", "--epochs", 5000, "--jobs", 2)
    assert (code, out) == (2, "")
    assert "gan: digits-authors-1 could not be trained: table1/digits-authors-1 is not empty" in err
    assert '"last_step": 60000,' not in Path("table1/digits-authors-0/sessions.jsonl").read_text()


@pytest.mark.slow
def test_what_is_there_is_not_taken_for_what_is_asked(table):
    """Other settings, fewer epochs, a damaged checkpoint, an evaluation of other samples."""
    assert table("--seeds", "0,1", "--epochs", 2)[0] == 0
    file, number = Path("table1/digits-authors-0/evaluation-best.json"), "log_likelihood"
    tested = json.loads(file.read_text())[number]
    before = Path("table1/table1.json").read_bytes()
    for options, sentence in (
        (("--objective", "minimax"), "objective is 'non_saturating' in the run table1/digits-authors-0, not 'minimax'"),
        (("--max-norm", "3"), "max_norm is 0.0 in the run table1/digits-authors-0, not 3.0; leave it out"),
        (("--epochs", 1), "table1/digits-authors-0 is trained to step 24, and --epochs 1 are 12; give more --epochs"),
    ):
        code, out, err = table("--seeds", "0,1", "--epochs", 2, *options)
        assert (code, out) == (2, "")
        assert sentence in err
    assert Path("table1/table1.json").read_bytes() == before

    for look in (("--samples", "50"), ("--seed", "7")):
        cli.main(["evaluate", "table1/digits-authors-0", "--best", *look], standalone_mode=False)
        assert json.loads(file.read_text())[number] != tested
        assert table("--seeds", "0,1", "--epochs", 2)[0] == 0
        assert json.loads(file.read_text())[number] == tested

    Path("table1/digits-authors-1/checkpoint.safetensors").write_bytes(b"no checkpoint")
    code, _, err = table("--seeds", "1", "--epochs", 2)
    assert code == 2
    assert "table1/digits-authors-1/checkpoint.safetensors" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--seeds x", "'x' is not a list of whole numbers such as 0,1,2"),
        ("--seeds 1,1", "'1,1' must be different numbers, 0 or more"),
        ("--seeds -1", "'-1' must be different numbers, 0 or more"),
        ("--epochs 0", "0 is not in the range x>=1"),
        ("--jobs 0", "0 is not in the range x>=1"),
        ("--data ring", "table 1 is of images, and ring has points"),
        ("--data minst", "there is no data set 'minst'"),
        ("--preset nips", "there is no preset 'nips'"),
        ("--seed 3", "--seed is not for the runs of a table"),
        ("--steps=3", "--steps=3 is not for the runs of a table"),
        ("--resume", "--resume is not for the runs of a table"),
        ("--data mnist --data-dir nowhere", "nowhere"),
        ("--learning-speed 3 --seeds 0", "No such option '--learning-speed'"),
        ("--learning-rate -3", "learning_rate is -3.0; it must be at least 1e-12"),
    ],
)
def test_bad_input_is_a_sentence_and_leaves_nothing(table, tmp_path, arguments, sentence):
    code, out, err = table(*arguments.split())
    assert (code, out) == (2, "")
    assert sentence in err
    assert [*tmp_path.iterdir()] == []


def test_mean_and_standard_error_over_seeds():
    values = [181.6, 186.3, 186.0]
    mean, error = table1.over_seeds(values)
    assert mean == pytest.approx(np.mean(values))
    assert error == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
    assert np.isnan(table1.over_seeds([1.0])[1])


def test_a_run_without_an_estimate(tmp_path):
    from gan import settings
    from gan.run_folder import RunFolder

    RunFolder.create(tmp_path / "run", settings.make("digits", "authors").as_dict(), ["gan"]).close()
    with pytest.raises(UserError, match="run has no Parzen estimate yet; train for more --epochs"):
        table1.judge([table1.Plan(tmp_path / "run", [], True)], None)
