"""The page: what is lost first, each cell against its goal; from results.json alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import figures, goals
from .cases import PAPER, from_json
from .goals import goal, subject
from .peers import OURS
from .stats import Ratio, median, ratio

SCHEMA = "minigrad benchmark 1"

BUSY = 0.5  # cores' worth of other work

NOT_TIMED = ("wrong", "failed", "too slow")


@dataclass(frozen=True)
class Row:
    """One cell against one peer."""

    what: str
    peer: str
    ours: float
    theirs: float
    ratio: Ratio
    goal: float
    unit: str = "time"

    @property
    def won(self) -> bool:
        return self.ratio.median <= self.goal

    @property
    def verdict(self) -> str:
        """Undecided where the interval contains the goal."""
        sure = not self.ratio.low <= self.goal <= self.ratio.high or self.ratio.low == self.ratio.high
        return ("won" if self.won else "lost") + ("" if sure else ", within noise")


def load(path: str) -> dict[str, Any]:
    """A results.json. ValueError, told as a user's error, for anything else."""
    try:
        document = json.loads(Path(path).read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise OSError(f"{path} is no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise OSError(f"{path} is not what python -m benchmarks writes ({SCHEMA})")
    return document


def times(cell: dict[str, Any]) -> dict[str, list[float]]:
    """Of the peers that were timed."""
    return {name: r["times"] for name, r in cell["results"].items() if r["status"] == "ok" and r["times"]}


def title(cell: dict[str, Any]) -> str:
    threads = cell["threads"]
    return f"{from_json(cell['case']).title}, {threads} thread{'s' * (threads > 1)}"


def rows(document: dict[str, Any]) -> list[Row]:
    """Every cell with every peer that it has a goal for; the furthest from its goal first."""
    found: list[Row] = []
    for cell in document["cells"]:
        case, timed = from_json(cell["case"]), times(cell)
        ours = timed.get(subject(case))
        if not ours:
            continue
        medians = {name: median(t) for name, t in timed.items()}
        for name, theirs in timed.items():
            aim = goal(case, name, medians) if name not in (OURS, subject(case)) else None
            if aim is not None:
                label = document["peers"][name]["label"]
                found.append(Row(title(cell), label, medians[subject(case)], medians[name], ratio(ours, theirs), aim))
    found += memory(document)
    return sorted(found, key=lambda row: row.ratio.median / row.goal, reverse=True)


def start(document: dict[str, Any], name: str, what: str) -> float | None:
    """The median over the fresh processes of a peer."""
    values = [r[what] for r in document["start"].get(name, []) if r.get("status") == "ok"]
    return median(values) if values else None


def memory(document: dict[str, Any]) -> Iterator[Row]:
    """Peak memory of the paper's step against the peers that have a goal."""
    if document.get("start_case", {}).get("dimension") != PAPER.dimension:
        return
    ours = start(document, OURS, "peak")
    for name, aim in goals.MEMORY.items():
        theirs = start(document, name, "peak")
        if ours is not None and theirs:
            what = f"peak memory, {from_json(document['start_case']).title}"
            share = ours / theirs
            label = document["peers"][name]["label"]
            yield Row(what, label, ours, theirs, Ratio(share, share, share), aim, "memory")


# ---------------------------------------------------------------------------------------------- the page


def seconds(t: float | None) -> str:
    """With a unit that suits it."""
    if t is None:
        return "-"
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if t * factor >= 1 or unit == "us":
            break
    return f"{t * factor:.3g} {unit}"


def mib(n: float | None) -> str:
    return "-" if n is None else f"{n / 2**20:.1f} MiB"


def table(head: list[str], body: list[list[str]]) -> list[str]:
    """Markdown that is aligned as text too."""
    if not body:
        return ["none", ""]
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    line = lambda cells: "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"
    return [line(head), line(["-" * w for w in widths]), *map(line, body), ""]


def compared(found: list[Row]) -> list[str]:
    def amount(row: Row, value: float) -> str:
        return seconds(value) if row.unit == "time" else mib(value)

    head = ["cell", "peer", "minigrad", "peer's", "ratio [95%]", "goal", "verdict"]
    body = [
        [r.what, r.peer, amount(r, r.ours), amount(r, r.theirs), str(r.ratio), f"{r.goal:.2f}", r.verdict]
        for r in found
    ]
    return table(head, body)


def page(document: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The summary, printed too, and the rest."""
    found = rows(document)
    lost, won = [r for r in found if not r.won], [r for r in found if r.won]
    summary = [f"## Lost: {len(lost)} of {len(found)}", "", *compared(lost), "## Won", "", *compared(won)]
    summary += ["## Not timed", "", *not_timed(document), "## Start and memory", "", *starts(document)]
    rest = ["## Times", "", *all_times(document), "## Errors against float64", "", *errors(document)]
    return summary, rest


def not_timed(document: dict[str, Any]) -> list[str]:
    body = [
        ["all", peer["label"], "missing", peer["missing"]] for peer in document["peers"].values() if "missing" in peer
    ]
    for cell in document["cells"]:
        for name, r in cell["results"].items():
            if r["status"] in NOT_TIMED:
                why = r["reason"] or ", ".join(f"{k}: error {v:.1g}" for k, v in r["errors"].items())
                body.append([title(cell), document["peers"][name]["label"], r["status"], why.replace("|", "/")])
    # a peer that cannot start fails in every cell for one reason: once is enough
    once = {(b[1], b[3]): [b for c in body if c[1] == b[1] and c[3] == b[3]] for b in body}
    return table(
        ["cell", "peer", "status", "reason"],
        [same[0] if len(same) == 1 else [f"{len(same)} cells", *same[0][1:]] for same in once.values()],
    )


def starts(document: dict[str, Any]) -> list[str]:
    body = []
    for name, peer in document["peers"].items():
        if start(document, name, "first") is not None:
            of = {what: start(document, name, what) for what in ("build", "first", "steady", "peak", "process")}
            imported = document["imports"].get(peer["library"])
            times = [seconds(t) for t in (imported, of["build"], of["first"], of["steady"])]
            body.append([peer["label"], *times, mib(of["peak"]), mib(of["process"])])
    case = from_json(document["start_case"]).title if "start_case" in document else ""
    head = ["peer", "import", "build", "first step", "a later step", "peak memory", "of the process"]
    note = [
        f"{case}, in fresh processes. Memory is resident, above what a tiny step had left, which loads the libraries.",
        "",
    ]
    return [*note, *table(head, body)] if body else ["none", ""]


def all_times(document: dict[str, Any]) -> list[str]:
    names = list(document["peers"])
    body = []
    for cell in document["cells"]:
        timed = times(cell)
        body.append([title(cell), *(seconds(median(timed[n])) if n in timed else "-" for n in names)])
    return table(["cell", *(document["peers"][n]["label"] for n in names)], body)


def errors(document: dict[str, Any]) -> list[str]:
    """The worst of all cells."""
    body = []
    for name, peer in document["peers"].items():
        worst: dict[str, float] = {}
        for cell in document["cells"]:
            for what, error in cell["results"].get(name, {}).get("errors", {}).items():
                kind = what.split()[0]
                worst[kind] = max(worst.get(kind, 0), error)
        if worst:
            body.append([peer["label"], ", ".join(f"{what} {error:.1e}" for what, error in worst.items())])
    return table(["peer", "largest relative error"], body)


def about(document: dict[str, Any]) -> list[str]:
    m, options = document["machine"], document["options"]
    bandwidth = ", ".join(f"{b / 1e9:.1f} GB/s with {n}" for n, b in document["bandwidth"].items())
    versions = {p["library"]: p["version"] for p in document["peers"].values() if "version" in p}
    lines = [
        f"- {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}, Python {m['python']}, {m['blas']}",
        f"- load in the minute before: {m['load']}{' (**the machine was busy**)' if m['load'] > BUSY else ''}",
        f"- memory bandwidth, by threads: {bandwidth}",
        f"- {', '.join(f'{library} {version}' for library, version in versions.items())}",
        f"- at most {options['rounds']} rounds a cell; measured {document['date']}",
    ]
    if document.get("run"):
        run = document["run"]
        shares = ", ".join(map(str, run["relu_density"]))
        lines.append(f"- the run on {run['data']} at step {run['step']}: positive ReLU outputs of G by layer: {shares}")
    if document["short"]:
        lines.append("- **short**: a smoke test, whose ratios say little")
    return [*lines, ""]


METHOD = """\
Every peer runs in a process of its own and computes the numbers of a float64 reference before it is timed. In each
round each peer has one turn, in a new order, 0.1 s after the last and after one step that is not timed. A ratio is
the median over rounds of minigrad's time to the peer's, with the 95% interval of its bootstrap.
"""


def write(document: dict[str, Any], out: Path) -> str:
    """report.md and the pictures into ``out``; the summary as text."""
    summary, rest = page(document)
    pictures = [f"![{name}]({name}.svg)" for name in figures.draw(document, out)]
    head = ["# minigrad and its peers", "", *METHOD.splitlines(), "", *about(document), *goals.WORDS.splitlines(), ""]
    (out / "report.md").write_text("\n".join([*head, *summary, "## Pictures", "", *pictures, "", *rest]))
    return "\n".join(summary)
