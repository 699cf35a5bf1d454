"""docs/property-testing.md runs, and its counterexamples are the real ones."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_prints_what_it_says():
    page = DOCS / "property-testing.md"
    result = subprocess.run([sys.executable, DOCS / "tour.py", page], capture_output=True, text=True)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    text = page.read_text()
    assert text.count("print(") == 7
    assert len(re.findall(r"^```text$", text, re.M)) == 5
    assert [link for link in re.findall(r"\]\((?!http|#)([^)#]+)\)", text) if not (DOCS / link).exists()] == []
