"""Markdown: tables whose cells may hold any character, and prose in lines of one width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

WHOLE: Any = {"break_long_words": False, "break_on_hyphens": False}


def table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    """The lines of a table, and an empty one."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in lines] + [""]


def prose(text: str) -> list[str]:
    """One paragraph, and an empty line."""
    return [" ".join(text.split()), ""]


def bullets(items: Iterable[str]) -> list[str]:
    """A list."""
    lines: list[str] = []
    for item in items:
        text = " ".join(item.split())
        lines += textwrap.wrap(text, 118, initial_indent="- ", subsequent_indent="  ", **WHOLE)
    return [*lines, ""]


def folded(summary: str, lines: list[str]) -> list[str]:
    """What is shown when the reader asks for it."""
    return [f"<details><summary>{summary}</summary>", "", *lines, "</details>", ""]


def code(lines: Iterable[str]) -> list[str]:
    """Commands."""
    return ["```sh", *lines, "```", ""]


def page(lines: list[str]) -> str:
    """All of it: prose is filled; tables, code, headings, pictures, lists stay as they are."""
    paragraphs, block = [], False
    for paragraph in "\n".join(lines).strip().split("\n\n"):
        kept = block or paragraph.startswith(("|", "```", "#", "!", "<", "- "))
        paragraphs.append(paragraph if kept else textwrap.fill(paragraph, 118, **WHOLE))
        block ^= paragraph.count("```") % 2 == 1
    return "\n\n".join(paragraphs) + "\n"
