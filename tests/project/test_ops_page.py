"""docs/ops.md says what the code says: every op, its formula, its rules."""

import importlib
from pathlib import Path

import pytest

from minigrad import ops
from minigrad.nn import functional

ROOT = Path(__file__).parents[2]


@pytest.fixture
def table(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return importlib.import_module("ops")


def test_the_page_is_what_the_code_says(table):
    assert table.main(["--check"]) == 0


def test_a_rule_that_changes_changes_the_page(table, monkeypatch):
    rules = table.rules()
    rules["exp"] = ["g"]
    monkeypatch.setattr(table, "rules", lambda: rules)
    assert table.main(["--check"]) == 1


def test_every_op_is_on_it(table):
    names = [name for family in table.families().values() for name in family]
    assert {*names, *ops.aliases.__all__} >= {*ops.__all__, *functional.__all__} - {"linear", "log_softmax", "softmax"}
    assert {"linear", "softmax"} <= set(names)


def test_rules_are_read_from_the_source(table):
    rules = table.rules()
    assert rules["exp"] == ["g * out"]
    assert rules["multiply"] == ["g * y", "g * x"]


def test_what_a_case_shows(table):
    (case,) = (c for c in table.CASES if c.name == "divide")
    proven = table.Proven()
    for arrays, options in table.examples(case.inputs):
        proven.see(case, arrays, options)
    assert (proven.parts, proven.orders, proven.jvp, proven.broadcast) == ({"divide"}, 2, True, True)
