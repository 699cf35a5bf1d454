"""Check docs/tour.md against the package, or bring it up to date.

    python docs/tour.py             run every cell; show where results or quotations differ, exit code 1 if any does
    python docs/tour.py --update    run every cell; write the new results and quotations into the page

What is checked on the page (all else is prose; a python or text block that is none of these is an error):

    ```python                               a cell: all run in order, in one namespace, warnings are errors
    ```text                                 right under a cell: what it printed
    <!-- source: package.module:name -->    above a python block: it quotes that definition, down to its derivatives
    <!-- within 0.3 -->                     above a text block: its numbers may differ by so much
    <!-- alike -->                          above a text block: as many lines, each as long
"""

import argparse
import ast
import contextlib
import difflib
import importlib.util
import io
import re
import sys
import textwrap
import warnings
from pathlib import Path

BLOCK = re.compile(
    r"^(?:<!-- source: (?P<source>\S+) -->\n)?```python\n(?P<code>.*?)^```\n"
    r"(?:\n(?P<mark><!-- (?:within (?P<within>[\d.]+)|(?P<alike>alike)) -->\n)?```text\n(?P<result>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
NUMBER = re.compile(r" *-?\d+(?:\.\d+)?")


def renewed(page: str, path: Path) -> str:
    """The page as the package has it today. An exception in a cell names its line on the page."""
    if stray := re.search(r"^(?:```(?:python|text)|<!-- (?:source|within|alike)).*", BLOCK.sub("", page), re.MULTILINE):
        raise SystemExit(f"{path}: nothing checks the block {stray[0]!r}")
    namespace = {"__name__": "tour"}

    def renew(block: re.Match[str]) -> str:
        if block["source"]:
            return f"<!-- source: {block['source']} -->\n```python\n{quotation(block['source'])}```\n"
        line = page.count("\n", 0, block.start("code"))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + block["code"], path, "exec"), namespace)
        result = "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())
        result = block["result"] if agrees(block, result) else result
        cell = f"```python\n{block['code']}```\n"
        return cell + (f"\n{block['mark'] or ''}```text\n{result}```\n" if result else "")

    return BLOCK.sub(renew, page)


def agrees(block: re.Match[str], result: str) -> bool:
    """Whether the page may keep its result, by the mark above it."""
    old = block["result"]
    if not block["mark"]:
        return old == result
    if block["alike"]:
        return [len(line) for line in old.splitlines()] == [len(line) for line in result.splitlines()]
    pairs = zip(NUMBER.findall(old), NUMBER.findall(result), strict=False)
    close = all(abs(float(a) - float(b)) <= float(block["within"]) for a, b in pairs)
    return close and NUMBER.sub("0", old) == NUMBER.sub("0", result)


def quotation(source: str) -> str:
    """The lines of a module that define a name; of an op, down to its derivatives. Methods as Class.method."""
    module, _, name = source.partition(":")
    text = Path(importlib.util.find_spec(module).origin).read_text()
    *classes, name = name.split(".")
    body = ast.parse(text).body
    for outer in classes:
        body = next((n.body for n in body if isinstance(n, ast.ClassDef) and n.name == outer), [])
    found = [n for n in body if getattr(n, "name", "") == name or ast.unparse(n).startswith(f"derivatives({name},")]
    found = [n for n in found if not ast.unparse(n).startswith("@overload")]
    if not found:
        raise SystemExit(f"{source} is quoted, but {module} has no definition of {name}")
    start = min(n.lineno for n in (found[0], *getattr(found[0], "decorator_list", [])))
    return textwrap.dedent("".join(text.splitlines(keepends=True)[start - 1 : found[-1].end_lineno]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    old = arguments.page.read_text()
    new = renewed(old, arguments.page)
    if arguments.update:
        arguments.page.write_text(new)
    elif difference := list(difflib.unified_diff(old.splitlines(), new.splitlines(), "page", "package", lineterm="")):
        sys.exit("\n".join([*difference, "", "if the package is right: python docs/tour.py --update"]))


if __name__ == "__main__":
    main()
