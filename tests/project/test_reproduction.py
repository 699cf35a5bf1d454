"""docs/reproduction.md says what the committed result files say, and shows pictures that are there."""

import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "reproduction" / "results"


@pytest.fixture
def ledger(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "reproduction"))
    return importlib.import_module("ledger")


def test_the_page_is_what_its_files_say(ledger):
    assert ledger.PAGE.read_text() == ledger.page()
    assert ledger.main(["--check"]) == 0


def test_a_number_that_changes_changes_the_page(ledger, monkeypatch):
    runs = ledger.runs()
    name = next(name for name, run in runs.items() if "evaluation" in run)
    runs[name]["evaluation"]["log_likelihood"] += 1
    monkeypatch.setattr(ledger, "runs", lambda: runs)
    assert ledger.main(["--check"]) == 1


def test_every_picture_is_there_and_small(ledger):
    links = re.findall(r"\]\((reproduction/[^)]+)\)", ledger.page())
    assert len(links) > 8
    for link in links:
        path = ROOT / "docs" / link
        assert path.is_dir() or 0 < path.stat().st_size < 1.6 * 2**20, link


def test_no_path_of_a_machine_is_in_the_results():
    for file in (ROOT / "docs" / "reproduction").rglob("*.json*"):
        assert not re.search(r'"/(work|tmp|root|home)', file.read_text()), file


def test_the_runs_are_those_of_the_presets(ledger):
    from gan import settings

    for name, run in ledger.runs().items():
        made = settings.from_dict(run["settings"]["settings"])
        if made.data != "mnist":
            continue
        preset = settings.make("mnist", made.preset, seed=made.seed, k=made.k)
        free = {"steps", "kernels", "log_every", "sample_every", "checkpoint_every", "validate_every", "parzen_every"}
        differ = {k for k, v in preset.as_dict().items() if made.as_dict()[k] != v}
        assert differ <= free, name
        best = max((v for v in run["validation"] if "parzen" in v), key=lambda v: v["parzen"])
        assert run["evaluation"]["step"] == best["step"], name  # chosen by validation, not by test


def test_every_statement_of_section_4_holds():
    files = sorted((RESULTS / "theory").glob("*.json"))
    assert len(files) == 5
    for file in files:
        assert all(claim["holds"] for claim in json.loads(file.read_text())["claims"]), file
