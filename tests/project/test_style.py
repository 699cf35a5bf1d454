"""Ruff and mypy are clean, and files stay small enough to hold in the head."""

import ast
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUDGET = 300  # lines of code in one file of a package: no docstrings, comments, blank lines


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=" ".join)
def test_ruff(arguments):
    result = subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_mypy():
    result = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def lines_of_code(path: Path) -> int:
    docstrings = {
        line
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    with path.open("rb") as file:
        tokens = [t for t in tokenize.tokenize(file.readline) if t.type not in skipped | {tokenize.ENCODING}]
    return len({line for t in tokens for line in range(t.start[0], t.end[0] + 1)} - docstrings)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "minigrad").rglob("*.py")) + sorted((ROOT / "gan").rglob("*.py")), ids=lambda p: p.name
)
def test_files_stay_small(path):
    assert lines_of_code(path) <= BUDGET
