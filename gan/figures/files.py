"""A figure as PNG and as SVG: the same bytes for the same figure, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import in_words, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 200
NO_DATE = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def make(folder: Path) -> None:
    """The folder, if it is not there. UserError where that cannot be."""
    with in_words("create the folder", folder):
        folder.mkdir(parents=True, exist_ok=True)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write NAME.png and NAME.svg into the folder, made if need be; their paths. UserError where it cannot."""
    import matplotlib

    make(folder)
    paths = []
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        for kind, metadata in NO_DATE.items():
            content = io.BytesIO()
            figure.savefig(content, format=kind, dpi=DPI, metadata=metadata)
            paths.append(folder / f"{name}.{kind}")
            write_atomically(paths[-1], content.getvalue())
    return paths
