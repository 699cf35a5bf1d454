"""The time of compiling is taken without a cache, in turn with another checkout; one small kernel stands for all."""

import json
import re
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmarks import compiling

ROOT = Path(__file__).parents[2]


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["compiling", *map(str, arguments)])
    return compiling.main()


@pytest.mark.slow
def test_two_trees_in_turn(tmp_path, monkeypatch, capsys):
    asked = "--kernels", "loss", "--rounds", "1", "--beside", ROOT, "--json", tmp_path / "f.json"
    assert command(monkeypatch, *asked) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^here: [\d.]+ \[[\d.]+, [\d.]+\] s, median \[least, most\] of 1\nbeside: ", printed)
    found = json.loads((tmp_path / "f.json").read_text())
    (here,), (beside,) = found["seconds"]["here"], found["seconds"]["beside"]
    assert found["ratios"] == [round(here / beside, 3)]


@pytest.mark.slow
def test_a_cache_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling.tempfile, "TemporaryDirectory", lambda: nullcontext(str(tmp_path)))
    assert compiling.seconds(ROOT, ["loss"]) > 0
    with pytest.raises(RuntimeError, match="not all of loss were compiled"):
        compiling.seconds(ROOT, ["loss"])


def test_bad_arguments_get_a_sentence(tmp_path, monkeypatch, capsys):
    for arguments, sentence in (
        (("--rounds", "0"), "--rounds is 1 or more, got 0"),
        (("--beside", tmp_path), "is no checkout of minigrad"),
    ):
        with pytest.raises(SystemExit) as end:
            command(monkeypatch, *arguments)
        assert end.value.code == 2
        assert sentence in capsys.readouterr().err
