"""The page: what was run and what was not, and every measurement beside what was expected; from results.json alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..cases import from_json
from ..report import seconds, table
from ..stats import median, ratio
from . import predictions
from .cases import PRECISIONS, TrainingStep
from .peers import CAPTURED, FLOOR, PEERS
from .plan import BATCHES, STAGES
from .stages.steps import cells

SCHEMA = "minigrad gpu benchmark 1"
NONE = "not measured"

METHOD = """\
Every peer runs in a process of its own, on the same GPU, and first computes three steps or more of a float64 reference
with given random numbers (two at batch 10,000): a peer with other numbers is not timed. A step is Algorithm 1 with
k = 1: noise, masks, the minibatch gathered from a shuffled data set on the device, an update of D, one of G,
schedules. PyTorch's D is frozen in G's update. In each round each peer has one turn, in a new order, behind 20 ms of
its own work; a turn is 50 ms or more between two CUDA events, for JAX by the host's clock, to the end of the device's
work. Times are medians, ratios medians over rounds with the bootstrap's 95% interval. "expected" was written down
before (benchmarks/gpu/predictions.py) and is no measurement; where it says "over", it is the arithmetic at the data
sheet's rates.
"""


def load(file: Path) -> dict[str, Any]:
    """A results.json. OSError, told as a user's error, for anything else."""
    try:
        document = json.loads(file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise OSError(f"{file} is no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise OSError(f"{file} is not what python -m benchmarks.gpu writes ({SCHEMA})")
    return document


def write(document: dict[str, Any], out: Path) -> str:
    """report.md into ``out``, and as text."""
    parts = ["# minigrad on a GPU", "", *about(document), *METHOD.splitlines(), ""]
    parts += ["## What ran", "", *stages(document)]
    parts += ["## The goals", "", *goals(document)]
    for batch in BATCHES[: 1 if document["rehearsal"] else None]:
        size = "small" if document["rehearsal"] else f"batch {batch:,}"
        parts += [f"## A training step, {size}", "", *steps(document, batch)]
    parts += ["## The kernels", "", *kernels(document), "## The matrix products", "", *matrix_products(document)]
    parts += ["## The tests", "", *suites(document), "## compute-sanitizer", "", *sanitizer(document)]
    text = "\n".join(parts)
    (out / "report.md").write_text(text)
    return text


def data_of(document: dict[str, Any], stage: str) -> dict[str, Any]:
    found: dict[str, Any] = document["stages"].get(stage, {}).get("data", {})
    return found


def about(document: dict[str, Any]) -> Iterator[str]:
    """The machine and its versions."""
    m, d = document["machine"], data_of(document, "inventory")
    if document["rehearsal"]:
        yield "**A rehearsal without a GPU**: everything at small sizes on a stand-in for CuPy. It has no times."
    elif d.get("multiprocessors"):
        yield (
            f"- {d['device']}, compute capability {d['compute_capability']}, {d['multiprocessors']} multiprocessors,"
            f" {d['memory_gib']} GiB, {d['l2_mib']} MiB of L2, driver {d['driver']}, runtime {d['runtime']}"
        )
        for name, when in (("nvidia-smi", "before"), ("nvidia-smi, busy", "after load")):
            if d.get(name):
                yield f"- {when}: " + ", ".join(f"{k} {v}" for k, v in d[name].items())
        if d.get("ceilings"):
            c = d["ceilings"]
            yield (
                f"- measured ceilings: copies {c['bytes'] / 1e12:.2f} TB/s, products of 8192 x 8192"
                f" {c['float32'] / 1e12:.1f} TFLOP/s in float32, {c['tf32'] / 1e12:.0f} in TF32"
            )
    else:
        yield "**No GPU: nothing here is measured.**"
    yield f"- {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}, Python {m['python']}"
    yield f"- {', '.join(f'{k} {v}' for k, v in d.get('versions', {}).items())}"
    yield f"- begun {document['date']}, code {document['code']}"
    yield ""


def stages(document: dict[str, Any]) -> list[str]:
    body = []
    for stage in STAGES:
        found = document["stages"].get(stage.name, {"status": NONE, "reason": "not asked for", "seconds": 0})
        took = f"{found['seconds'] / 60:.1f}" if found["seconds"] else "-"
        body.append([stage.name, stage.what, f"{stage.minutes:g}", took, found["status"], clean(found["reason"])])
    return table(["stage", "what", "planned, min", "took", "status", "why"], body)


def clean(text: str) -> str:
    """Fit for a cell of a table."""
    return text.replace("|", "/").replace("\n", " ")[:400]


# ------------------------------------------------------------------------------------------------------ steps


Cell = tuple[TrainingStep, dict[str, Any]]


def cells_of(document: dict[str, Any], batch: int) -> list[Cell]:
    """What was measured, or in its place what is planned, with no results."""
    found = data_of(document, f"steps-{batch}").get("cells", [])
    measured: list[Cell] = [(from_json(cell["case"]), cell["results"]) for cell in found]  # type: ignore[misc]
    if document["rehearsal"]:
        return measured
    titles = {case.title for case, _ in measured}
    return measured + [(case, {}) for case in cells(batch) if case.title not in titles]


def times_of(results: dict[str, Any], peer: str) -> list[float]:
    found: list[float] = results.get(peer, {}).get("times", [])
    return found


def steps(document: dict[str, Any], batch: int) -> list[str]:
    """A line for each cell and peer, ours first."""
    body = []
    absent = data_of(document, f"steps-{batch}").get("absent", {})
    for case, results in cells_of(document, batch):
        ours = times_of(results, CAPTURED)
        for name, peer in PEERS.items():
            result = results.get(name, {})
            if result.get("status") == "not applicable":
                continue
            times = times_of(results, name)
            each = median(times) / case.steps if times else None
            compared = str(ratio(ours, times)) if ours and len(ours) == len(times) and name != CAPTURED else "-"
            said = seconds(each) if each else told(result, absent.get(name, ""))
            worst = max(result.get("errors", {}).values(), default=None)
            error = "-" if worst is None else f"{worst:.0e}"
            expected = "-" if document["rehearsal"] else predictions.expected(case, name)
            body.append([case.title, peer.label, said, expected, compared, error])
    head = ["step", "who", "measured, a step", "expected", "minigrad's captured to it [95%]", "error"]
    return table(head, body)


def told(result: dict[str, Any], absent: str) -> str:
    """Why there is no time."""
    status = result.get("status", "ok")
    why = absent or (
        "" if status == "ok" else f"{status}{': ' if result.get('reason') else ''}{result.get('reason', '')}"
    )
    return f"{NONE}{f' ({clean(why)})' if why else ''}"


def goals(document: dict[str, Any]) -> list[str]:
    """The issue's, each beside what was measured."""
    body = []
    for precision in PRECISIONS:
        mine = the_cell(document, 100, precision)
        ours = times_of(mine, CAPTURED)
        value = seconds(median(ours)) if ours else NONE
        goal = predictions.GOALS[precision]
        body.append(
            [
                f"captured step, batch 100, {precision}",
                f"at most {seconds(goal)}",
                value,
                met(ours and median(ours) <= goal),
            ]
        )
        if precision != "float32":
            continue
        for peer, goal in predictions.RATIOS.items():
            theirs = times_of(mine, peer)
            both = ratio(ours, theirs) if ours and len(ours) == len(theirs) else None
            what = f"captured step to {PEERS[peer].label}, batch 100, float32"
            body.append([what, f"at most {goal}", str(both or NONE), met(both and both.median <= goal)])
    for precision in PRECISIONS:
        results = the_cell(document, 10_000, precision)
        ours, floor = times_of(results, CAPTURED), times_of(results, FLOOR)
        share = median(floor) / median(ours) if ours and floor else None
        said = NONE if share is None else f"{share:.0%}"
        what = f"share of the products' rate, batch 10,000, {precision}"
        body.append([what, f"at least {predictions.SHARE:.0%}", said, met(share and share >= predictions.SHARE)])
    return table(["goal", "wanted", "measured", "reached"], body)


def the_cell(document: dict[str, Any], batch: int, precision: str) -> dict[str, Any]:
    """The results of the main case: alternating, one step a call, no largest norm."""
    if document["rehearsal"]:
        return {}
    main = cells(batch)[2 * PRECISIONS.index(precision)]
    return next((results for case, results in cells_of(document, batch) if case == main), {})


def met(reached: Any) -> str:
    """A verdict, if there is anything to judge."""
    return NONE if reached is None or reached == [] else "yes" if reached else "**no**"


# ----------------------------------------------------------------------------------------------------- the rest


def kernels(document: dict[str, Any]) -> list[str]:
    body = []
    ceiling = data_of(document, "inventory").get("ceilings", {}).get("bytes")
    for row in data_of(document, "kernels").get("kernels", []):
        rate = row["bytes"] / row["seconds"] if row["seconds"] else None
        share = f"{rate / ceiling:.0%}" if rate and ceiling else "-"
        said = [seconds(row["seconds"]), f"{rate / 1e9:,.0f}"] if rate else [NONE, NONE]
        body.append(
            [row["kernel"], f"{row['rows']:,}", f"{row['bytes'] / 1e6:,.2f}", *said, share, f"{row['error']:.0e}"]
        )
    head = ["kernel", "rows", "MB read and written", "time", "GB/s", "of the copy's", "error"]
    note = "In a graph of 20 launches on the same arrays: what fits into the L2 comes from there, and beats a copy."
    return [note, "", *table(head, body)] if body else [NONE, ""]


def matrix_products(document: dict[str, Any]) -> list[str]:
    body = []
    for row in data_of(document, "products").get("products", []):
        took, tuned = row["seconds"], row["tuned"]
        rates = [f"{row['flops'] / t / 1e12:,.1f}" if t else NONE for t in (took, tuned)]
        shape = f"{row['m']} x {row['n']} x {row['k']}"
        turned = {(0, 0): "-", (0, 1): "b", (1, 0): "a", (1, 1): "both"}[row["turned_a"], row["turned_b"]]
        times = [seconds(t) if t else NONE for t in (took, tuned)]
        body.append(
            [f"{row['batch']:,}", row["precision"], row["what"], shape, turned, times[0], rates[0], times[1], rates[1],
             f"{row['error']:.0e}"]
        )  # fmt: skip
    head = [
        "batch",
        "precision",
        "product",
        "m x n x k",
        "transposed",
        "cuBLAS",
        "TFLOP/s",
        "tuned",
        "TFLOP/s",
        "error",
    ]
    return table(head, body) if body else [NONE, ""]


def suites(document: dict[str, Any]) -> Iterator[str]:
    for name in ("tests", "contract"):
        data = data_of(document, name)
        if "counts" in data:
            yield f"- {name}: " + ", ".join(f"{n} {what}" for what, n in data["counts"].items())
            yield from (f"  - {test}" for test in data["names"])
        elif "collected" in data:
            yield f"- {name}: {data['collected']} tests would run"
        else:
            yield f"- {name}: {NONE}"
    yield ""


def sanitizer(document: dict[str, Any]) -> Iterator[str]:
    checks = data_of(document, "sanitizer").get("checks", {})
    for name, check in checks.items():
        verdict = "clean" if check["clean"] else "**not clean**"
        yield f"- {name}: {verdict}, {check['ran']} kernels and steps ran; {check['says']}"
    if not checks:
        yield NONE
    yield ""
