"""The command prints the table, and counts fairly."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from minigrad.testing import __main__ as command
from minigrad.testing import killtable
from minigrad.testing.checkers import CHECKERS, Checker
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


def test_the_catalogue_is_judged_once_part_by_part(monkeypatch):
    cases = [case for case in killtable.CASES if case.smooth][:5]
    monkeypatch.setattr(killtable, "CASES", [replace(cases[0], smooth=False), *cases])
    monkeypatch.setattr(killtable, "PART", 2)
    judged, of = [], []

    def check(function, arrays):
        judged.append(function)
        raise AssertionError("never content")

    def watch(parts, count):
        of.append(count)
        return parts

    monkeypatch.setitem(CHECKERS, "gradcheck", Checker("gradcheck", "", "minigrad", "minigrad", check))
    (column,) = kill_table(["gradcheck"], [], count=6, watch=watch).columns
    assert of == [1 + 3]
    assert list(column.alarms) == [case.name for case in cases]
    assert column.judged == 5
    assert len(judged) == 5 * 2  # draws


def test_pytorch_is_not_blamed_for_its_batch_norm(monkeypatch, require):
    """Whose gradient is wrong where the weight is strided (2.13, on a CPU): gradcheck is right to complain."""
    require("torch")
    monkeypatch.setattr(killtable, "CASES", [c for c in killtable.CASES if c.name == "batch_norm"])
    (column,) = kill_table(["torch"], []).columns
    assert column.alarms == {}
    assert column.judged == 1


def test_processes_find_what_one_finds():
    checkers, mutants = ["gradcheck", "check_op"], [m for m in MUTANTS if m.kind == "0-d"]
    one, two = (kill_table(checkers, mutants, count=2, catalogue=False, jobs=jobs).columns for jobs in (1, 2))
    assert [c.checker.name for c in two] == checkers
    assert [(c.verdicts, c.judged, c.alarms) for c in one] == [(c.verdicts, c.judged, c.alarms) for c in two]


def test_a_mutant_of_ones_own_is_judged_in_this_process():
    own = replace(next(m for m in MUTANTS if m.kind == "sign"), name="my own")
    (column,) = kill_table(["gradcheck"], [own], count=2, catalogue=False).columns
    assert column.verdicts == {"my own": KILLED}
    with pytest.raises(ValueError, match="minigrad's own mutants only; judge others with jobs=1"):
        kill_table(["gradcheck"], [own], count=2, catalogue=False, jobs=2)


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


def test_bad_arguments_get_a_sentence(capsys, monkeypatch, tmp_path):
    assert command.main(["kill-table", "--only", "no such thing"]) == 2
    assert "no mutant has 'no such thing' in its class or name" in capsys.readouterr().err
    for option in ("--jobs", "--draws"):
        for number in ("0", "two"):
            with pytest.raises(SystemExit) as end:
                command.main(["kill-table", option, number])
            assert end.value.code == 2
            assert f"a whole number of 1 or more is needed, got '{number}'" in capsys.readouterr().err
    for file in (tmp_path / "nowhere" / "page.md", tmp_path):  # said before the work, not after it
        assert command.main(["kill-table", "--markdown", str(file)]) == 2
        assert f"{file} cannot be written" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "torch", None)
    assert command.main(["kill-table", "--only", "sign", "--ours", "--peers", "torch", "--no-catalogue"]) == 2
    assert "pip install torch" in capsys.readouterr().err


def test_it_runs_as_a_module():
    run = [sys.executable, "-m", "minigrad.testing", "kill-table", "--help"]
    result = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--markdown" in result.stdout
