"""docs/tour.md runs, prints what it says, and quotes the package as it is; and the check of that sees what is wrong."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TOUR = (DOCS / "tour.md").read_text()
OPENING = TOUR[: TOUR.index("\n## 9.")]  # without the sections that train


def tour(*arguments):
    """(exit code, all that was printed) of the command, but for what a machine is told once, that kernels compile."""
    result = subprocess.run([sys.executable, DOCS / "tour.py", *arguments], capture_output=True, text=True)
    printed = (result.stdout + result.stderr).splitlines(keepends=True)
    return result.returncode, "".join(line for line in printed if not line.startswith("minigrad: compiling the "))


def written(tmp_path, page):
    path = tmp_path / "page.md"
    path.write_text(page)
    return path


def test_the_tour_is_what_the_package_says_and_does():
    assert tour() == (0, "")


def test_nothing_in_the_tour_escapes_the_check():
    """As many cells as code blocks, and every print has its result."""
    blocks = re.findall(
        r"^(<!-- source: \S+ -->\n)?```python\n(.*?)^```\n(\n(?:<!-- [^\n]* -->\n)?```text)?", TOUR, re.M | re.S
    )
    assert len(blocks) == TOUR.count("```python\n") > 50
    assert sum(bool(source) for source, _, _ in blocks) > 15
    assert [code for source, code, result in blocks if not source and "print(" in code and not result] == []
    assert re.findall(r"\]\((?!http|#)([^)#]+)\)", TOUR)
    assert [link for link in re.findall(r"\]\((?!http|#)([^)#]+)\)", TOUR) if not (DOCS / link).exists()] == []
    headings = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)", TOUR, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TOUR)) <= headings


PLANTED = {
    "a wrong number": ("y moves 6.010 times", "y moves 6.011 times", "+h = 0.01   y moves 6.010 times"),
    "a wrong line of source": (
        "lambda g, out, x, y: g * y,",
        "lambda g, out, x, y: g * x,",
        "+    lambda g, out, x, y: g * y,",
    ),
    "a cell that raises": ("y = x * x\nprint(y)", "y = x @ x\nprint(y)", 'page.md", line'),
    "a result of nothing": (
        "u = a * b  # 6\n",
        "u = a * b  # 6\nprint(u)\n",
        "+tensor(6., grad_fn=<mul",
    ),
    "a result without its print": ("print(first.item(), second.item(), third.item())\n", "", "-12.0 12.0 6.0"),
    "a name that is not there": ("minigrad.engine:history", "minigrad.engine:histories", "no definition of histories"),
    "a warning": ("judge = (np.sin", "np.log(0.0)\njudge = (np.sin", "RuntimeWarning"),
    "a block beside the check": ("## 2. What", "```text\n1\n```\n\n## 2. What", "nothing checks"),
}


def test_the_opening_is_right(tmp_path):
    assert tour(written(tmp_path, OPENING)) == (0, "")


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault, tmp_path):
    right, wrong, said = PLANTED[fault]
    assert OPENING.count(right) == 1
    code, printed = tour(written(tmp_path, OPENING.replace(right, wrong)))
    assert code == 1
    assert said in printed


def test_update_mends_results_and_quotations(tmp_path):
    page = written(tmp_path, OPENING)
    for fault in ("a wrong number", "a wrong line of source"):
        page.write_text(page.read_text().replace(*PLANTED[fault][:2]))
    assert tour(page, "--update") == (0, "")
    assert page.read_text() == OPENING


MARKED = "```python\nprint({printed!r})\n```\n\n<!-- {mark} -->\n```text\n{shown}\n```\n"


@pytest.mark.parametrize(
    ("mark", "shown", "printed", "code"),
    [
        ("within 0.3", "loss   0.60 at  10", "loss  -0.10 at  10", 1),
        ("within 0.3", "loss   0.10 at  10", "loss  -0.10 at  10", 0),
        ("within 0.3", "loss 0.60 at 10", "loss 0.61 at 11", 1),
        ("within 0.3", "loss 0.60", "loss nan", 1),
        ("within 0.3", "loss 0.60", "loss 0.60 0.60", 1),
        ("alike", "ab", "cd", 0),
        ("alike", "ab", "cde", 1),
        ("alike", "ab", "cd\nef", 1),
    ],
)
def test_marks_allow_what_they_say(mark, shown, printed, code, tmp_path):
    assert tour(written(tmp_path, MARKED.format(mark=mark, shown=shown, printed=printed)))[0] == code
