"""The command line, and the processes behind it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cases, runner
from benchmarks.__main__ import main
from benchmarks.suite import Cell, full, short

ROOT = Path(__file__).parents[2]

QUICK = runner.Options(rounds=3, fewest=3, budget=1.0, cap=5.0, repeats=1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "gans"], "there is no group 'gans'; choose from overhead, gan"),
        (["--peers", "jax,torch"], "there is no peer 'jax'"),
        (["--threads", "two"], "threads are numbers from 1 on"),
        (["--threads", "4096"], "would wait for each other"),
        (["--rounds", "0"], "rounds are a number from 1 on"),
        (["--data-dir", "somewhere"], "it needs --checkpoint"),
        (["--checkpoint", "nowhere.safetensors"], "there is no checkpoint nowhere.safetensors"),
        (["report", "nowhere.json"], "No such file"),
        (["tables"], "invalid choice"),
    ],
)
def test_bad_arguments_are_told_in_a_sentence(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", "\x00"])
def test_a_report_of_something_else(text, tmp_path, capsys):
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(SystemExit) as end:
        main(["report", str(file)])
    assert end.value.code == 2
    assert str(file) in capsys.readouterr().err


def collect(cells, names, options=QUICK):
    found, done = [], []
    runner.measure(cells, names, options, lambda what, n: done.append(n), lambda cell, results: found.append(results))
    return found, sum(done)


def test_peers_are_checked_and_timed_in_processes_of_their_own():
    names = ["minigrad_plain", "numpy_by_hand", "gemm_floor"]
    cells = [Cell("gan", cases.TINY, 1), Cell("second-order", cases.HVP((4, 3, 1), 5), 1)]
    (gan, hvp), done = collect(cells, names)
    assert done == pytest.approx(len(cells) * len(names))
    assert [gan[name].status for name in names] == ["ok"] * 3
    assert all(len(gan[name].times) == QUICK.rounds and min(gan[name].times) > 0 for name in names)
    assert max(gan["numpy_by_hand"].errors.values()) < 1e-4
    assert hvp["minigrad_plain"].status == "ok"
    assert hvp["numpy_by_hand"].status == "not applicable"


def test_a_wrong_peer_is_not_timed(monkeypatch):
    monkeypatch.setattr(runner.reference, "reference", lambda case: {"gradient": [np.array(3.0)]})
    (results,), _ = collect([Cell("overhead", cases.Chain("add", 4), 1)], ["minigrad_plain"])
    assert results["minigrad_plain"].status == "wrong"
    assert results["minigrad_plain"].errors["gradient"] > 0.5
    assert not results["minigrad_plain"].times


def test_a_slow_step_is_not_timed():
    options = runner.Options(rounds=3, cap=1e-9)
    (results,), done = collect([Cell("mlp", cases.MLP(8, 4), 1)], ["numpy_by_hand", "gemm_floor"], options)
    assert results["gemm_floor"].status == "too slow"
    assert "the products alone" in results["numpy_by_hand"].reason
    assert done == pytest.approx(2)


def test_a_child_that_dies_or_hangs_is_told():
    child = runner.Child("gemm_floor", 1)
    os.kill(child.process.pid, 9)
    os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)  # gone before it is asked: the pipe is broken
    assert child.ask(10, do="turn", steps=1) == {"status": "failed", "reason": "killed by signal 9"}
    child = runner.Child("gemm_floor", 1)
    assert child.answer(0.05)["reason"] == "no answer in 0 s"
    assert not child.alive


def test_memory_and_first_step_in_fresh_processes():
    told = runner.fresh("numpy_by_hand", 1, cases.MLP(512, 4))
    assert told["status"] == "ok"
    weights = 3 * 512 * 512 * 4
    assert 2 * weights < told["peak"] < 30 * weights
    assert told["first"] > 0
    assert told["process"] > told["peak"]


def test_the_suites():
    cells = full([1, 2], None)
    sgd = {(c.case.width, c.case.batch) for c in cells if c.group == "mlp" and c.threads == 2}
    assert len(sgd) == 25
    assert {c.threads for c in cells} == {1, 2}
    assert len(short([2], None)) < len(cells) / 3


def test_the_command(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--short", "--only", "overhead", "--peers", "minigrad_plain"]
    result = subprocess.run(
        [*command, "--threads", "1", "--rounds", "2", "--out", tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    document = json.loads((tmp_path / "results.json").read_text())
    assert set(document["peers"]) == {"minigrad_fused", "minigrad_plain"}
    assert str(ROOT) not in json.dumps(document)
    assert "## Lost" in result.stdout
    assert (tmp_path / "report.md").exists()
