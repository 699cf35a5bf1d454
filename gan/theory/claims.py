"""A claim is one number beside what the theory says of it, and whether they agree; and the paper to draw on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import UserError

if TYPE_CHECKING:  # slow to import
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Claim = dict[str, Any]
Results = dict[str, Any]
"""What an experiment returns, fit for JSON: statement, settings, claims, curves."""


def claim(says: str, measured: float, relation: str, theory: float, tolerance: float = 0.0) -> Claim:
    """``{"says", "measured", "relation", "theory", "tolerance", "holds"}``, the comparison made.

    relation "=": |measured - theory| <= tolerance; "<=": measured <= theory + tolerance; ">=": the other way round.
    A measured nan holds for none. UserError for another relation.
    """
    measured, theory = float(measured), float(theory)
    excess = {"=": abs(measured - theory), "<=": measured - theory, ">=": theory - measured}
    if relation not in excess:
        raise UserError(f"relation is {relation!r}; choose =, <= or >=")
    return {
        "says": says,
        "measured": measured,
        "relation": relation,
        "theory": theory,
        "tolerance": float(tolerance),
        "holds": bool(excess[relation] <= tolerance),
    }


def panels(n: int, width: float = 4.8, height: float = 3.9) -> tuple[Figure, list[Axes]]:
    """``n`` pairs of axes side by side, in a figure that no global state knows; inches for each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((n * width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, n, squeeze=False)[0])
