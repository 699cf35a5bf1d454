"""The command prints the table, and counts fairly."""

import json
import re
import subprocess
import sys
from pathlib import Path

from minigrad.testing import __main__ as command
from minigrad.testing.checkers import CHECKERS
from minigrad.testing.killtable import KILLED, NOT_APPLICABLE, SURVIVED, kill_table
from minigrad.testing.mutants import MUTANTS

ROOT = Path(__file__).parents[2]


def test_the_command_on_a_few_mutants(tmp_path, capsys, require):
    for name in ("torch", "autograd"):
        require(name)
    written = tmp_path / "table.json", tmp_path / "table.md"
    arguments = ["kill-table", "--only", "repeated input", "--peers", "torch", "autograd", "--no-catalogue"]
    assert command.main([*arguments, "--draws", "3", "--json", str(written[0]), "--markdown", str(written[1])]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^class of mistakes +check_op +gradcheck +torch +autograd$", printed, re.M)
    assert re.search(r"^repeated input +3/3 +0/3 +0/3 +0/3$", printed, re.M)
    found = json.loads(written[0].read_text())
    assert found["kinds"] == {
        "repeated input": ["multiply: counted once", "hypot: counted once", "subtract: counted once"]
    }
    assert found["columns"]["torch"]["verdicts"] == dict.fromkeys(found["kinds"]["repeated input"], SURVIVED)
    assert found["columns"]["check_op"]["alarms"] == {}
    assert set(found["versions"]) == {"python", "numpy", "hypothesis", "torch", "autograd"}
    assert "| repeated input | 3/3 | 0/3 | 0/3 | 0/3 |" in written[1].read_text()


def test_what_cannot_be_made_there_is_not_counted(require):
    require("jax")
    mutants = [m for m in MUTANTS if m.kind == "output aliased"]
    (column,) = kill_table(["jax"], mutants, count=1, catalogue=False).columns
    assert set(column.verdicts.values()) == {NOT_APPLICABLE}
    assert column.killed_of(mutants) == NOT_APPLICABLE


def test_a_complaint_about_the_right_half_kills_nobody(monkeypatch):
    def grumble(function, arrays):
        raise AssertionError("never content")

    checker = CHECKERS["gradcheck"]
    monkeypatch.setitem(CHECKERS, "gradcheck", type(checker)("gradcheck", "", "minigrad", "minigrad", grumble))
    mutants = MUTANTS[:2]
    (column,) = kill_table(["gradcheck"], mutants, count=2, catalogue=False).columns
    assert set(column.verdicts.values()) == {SURVIVED}
    assert len(column.alarms) == column.judged == len({m.right.name for m in mutants})
    assert KILLED not in column.verdicts.values()


def test_a_survivor_of_check_op_is_an_exit_code(monkeypatch, capsys):
    checker = CHECKERS["check_op"]
    lenient = type(checker)("check_op", "", "minigrad", "minigrad", lambda function, inputs: None, draws=True)
    monkeypatch.setitem(CHECKERS, "check_op", lenient)
    assert command.main(["kill-table", "--only", "sign", "--ours", "check_op", "--peers", "--no-catalogue"]) == 1
    assert "survives: subtract: +g" in capsys.readouterr().out


def test_bad_arguments_get_a_sentence(capsys, monkeypatch):
    assert command.main(["kill-table", "--only", "no such thing"]) == 2
    assert "no mutant has 'no such thing' in its class or name" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "torch", None)
    assert command.main(["kill-table", "--only", "sign", "--ours", "--peers", "torch", "--no-catalogue"]) == 2
    assert "pip install torch" in capsys.readouterr().err


def test_it_runs_as_a_module():
    run = [sys.executable, "-m", "minigrad.testing", "kill-table", "--help"]
    result = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--markdown" in result.stdout
