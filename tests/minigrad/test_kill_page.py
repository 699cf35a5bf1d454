"""docs/kill-table.md is a page that the code of today could have printed: its rows, its columns, its counts."""

import re
from pathlib import Path

import pytest

from minigrad.testing.checkers import CHECKERS, OURS, PEERS
from minigrad.testing.killtable import NOT_APPLICABLE
from minigrad.testing.mutants import KINDS, MUTANTS
from minigrad.testing.mutants.libraries import library

PAGE = (Path(__file__).parents[2] / "docs/kill-table.md").read_text()


def table_of(title):
    """The rows of the first table after a title, cell by cell."""
    lines = PAGE[PAGE.index(title) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[0], rows[2:]


def test_the_page_has_the_columns_and_classes_of_the_code():
    head, rows = table_of("# The kill table")
    assert head == ["class of mistakes", *OURS, *PEERS]
    assert [row[0] for row in rows] == [*(kind.name for kind in KINDS), "all", "not applicable", "false alarms"]


def test_the_page_counts_the_mutants_of_the_code(require):
    _, rows = table_of("# The kill table")
    for i, name in enumerate((*OURS, *PEERS), 1):
        require(CHECKERS[name].package)
        lacks = set(library(CHECKERS[name].library).lacks)
        for kind, row in zip(KINDS, rows, strict=False):
            possible = sum(not m.needs & lacks for m in kind.mutants)
            assert row[i] == NOT_APPLICABLE if not possible else row[i].endswith(f"/{possible}")


def test_the_page_tells_every_story():
    _, rows = table_of("## The classes")
    assert rows == [[kind.name, kind.story, "; ".join(m.name for m in kind.mutants)] for kind in KINDS]


def test_on_the_page_check_op_kills_all_and_complains_about_nothing():
    _, rows = table_of("# The kill table")
    sums = {row[0]: row[1] for row in rows}
    assert sums["all"] == f"{len(MUTANTS)}/{len(MUTANTS)}"
    alarms, judged = map(int, sums["false alarms"].split("/"))
    assert alarms == 0
    assert judged >= 200


@pytest.mark.parametrize("package", ["numpy", "hypothesis", "torch", "jax", "autograd", "scipy"])
def test_the_page_says_the_versions(package):
    assert re.search(rf"^Versions: .*\b{package} \d+\.\d+", PAGE, re.M)
