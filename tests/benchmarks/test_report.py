"""The page and the pictures, from a document that says what the answer has to be."""

import json

import pytest

from benchmarks import cases, goals, report
from benchmarks.__main__ import main
from benchmarks.peers import FLOOR, OURS, PEERS, PLAIN


def result(times, status="ok", **more):
    return {"status": status, "reason": "", "errors": {"loss": 1e-7}, "estimate": 1.0, "times": times, **more}


def cell(group, case, threads=2, **times):
    measured = {
        name: t if isinstance(t, dict) else result([t * f for f in (1.0, 1.1, 0.9)]) for name, t in times.items()
    }
    return {"group": group, "case": cases.to_json(case), "threads": threads, "results": measured}


def fresh(peak):
    return [{"status": "ok", "build": 0.1, "first": 2.0, "steady": 0.01, "peak": peak, "process": 2 * peak}]


@pytest.fixture
def document():
    names = (OURS, PLAIN, "torch_eager", "jax_jit", "numpy_by_hand", FLOOR)
    peers = {n: {"label": PEERS[n].label, "library": PEERS[n].library, "version": "1.0"} for n in names}
    peers["tinygrad_jit"] = {"label": "tinygrad TinyJit", "library": "tinygrad", "missing": "tinygrad is not installed"}
    wide = {OURS: 0.010, "torch_eager": 0.008, "jax_jit": 0.020, FLOOR: 0.004}
    return {
        "schema": report.SCHEMA,
        "short": False,
        "date": "2026-01-01T00:00:00Z",
        "machine": {
            "cpu": "a CPU", "cores": 2, "memory_gib": 8.0, "system": "Linux", "python": "3.11", "blas": "b", "load": 0.1
        },
        "bandwidth": {"2": 2e10},
        "options": {"rounds": 3},
        "run": None,
        "peers": peers,
        "cells": [
            cell("mlp", cases.MLP(16, 128), minigrad_fused=1e-4, torch_eager=4e-4, jax_jit=1e-3, gemm_floor=1e-6),
            cell("mlp", cases.MLP(256, 128), **wide),
            cell("mlp", cases.MLP(64, 128), **wide | {"jax_jit": result([], "wrong", errors={"gradients": 0.5})}),
            cell("mlp", cases.MLP(256, 16), minigrad_fused=1e-3, torch_eager=2e-3, gemm_floor=1e-4),
            cell("overhead", cases.Chain(), minigrad_plain=3e-4, minigrad_fused=9.0, torch_eager=4e-4, jax_jit=1e-6),
            *(cell("graph", cases.Chain("add", n), minigrad_plain=n * 1e-6, torch_eager=n * 2e-6) for n in (10, 100)),
        ],
        "start": {OURS: fresh(3e7), "torch_eager": fresh(1e8)},
        "start_case": cases.to_json(cases.PAPER),
        "imports": {"minigrad": 0.1, "torch": 1.5},
    }  # fmt: skip


def test_the_furthest_from_its_goal_comes_first(document):
    found = report.rows(document)
    shortfall = [row.ratio.median / row.goal for row in found]
    assert shortfall == sorted(shortfall, reverse=True)
    assert "64, batch 128" in found[0].what
    assert found[0].verdict == "lost"


def test_lost_cells_stand_before_won_ones_on_the_page(document, tmp_path):
    text = report.write(document, tmp_path)
    lost, won = text.index("## Lost"), text.index("## Won")
    assert lost < text.index("MLP 3 x 256, batch 128") < won < text.index("MLP 3 x 16, batch 128")
    assert "Lost: 3 of" in text


def test_goals(document):
    goal_of = {(row.what.split(",")[0], row.peer): row.goal for row in report.rows(document)}
    assert goal_of["100 scalar multiplications", "PyTorch eager"] == 0.65
    assert ("100 scalar multiplications", "JAX jit") not in goal_of
    assert goal_of["MLP 3 x 16", "PyTorch eager"] == 0.5
    assert goal_of["peak memory", "PyTorch eager"] == 0.5
    medians = {OURS: 1.0, "torch_eager": 1.0, FLOOR: 0.8}
    assert goals.goal(cases.MLP(4096, 4096), "torch_eager", medians) == goals.LEVEL
    assert goals.goal(cases.MLP(4096, 4096), FLOOR, medians) is None
    assert goals.goal(cases.SMALL, "jax_jit", medians) == 0.35
    in_a_run = cases.from_json(cases.to_json(cases.PAPER) | {"source": "checkpoint"})
    assert goals.goal(in_a_run, FLOOR, medians) == 0.65


def test_overhead_is_that_of_the_plain_kernels(document):
    row = next(row for row in report.rows(document) if row.what.startswith("100 scalar"))
    assert row.ratio.median == pytest.approx(0.75)
    assert not row.won


def test_wrong_and_missing_peers_are_named_and_not_compared(document, tmp_path):
    text = report.write(document, tmp_path)
    table = text[text.index("## Not timed") :]
    assert "tinygrad is not installed" in table
    assert "wrong" in table
    assert "gradients: error 0.5" in table
    assert not any("64, batch 128" in row.what and row.peer == "JAX jit" for row in report.rows(document))


def test_an_interval_around_the_goal_is_noise():
    row = report.Row("cell", "peer", 1.0, 1.0, report.Ratio(0.98, 0.9, 1.1), 1.0)
    assert row.verdict == "won, within noise"


def test_report_draws_from_the_file_alone(document, tmp_path, capsys):
    file = tmp_path / "results.json"
    file.write_text(json.dumps(document))
    assert main(["report", str(file), "--out", str(tmp_path / "again")]) == 0
    written = {path.name for path in (tmp_path / "again").iterdir()}
    assert {"report.md", "grid.png", "width.svg", "graph.png", "memory.svg", "start.png"} <= written
    assert (tmp_path / "again" / "report.md").read_text().startswith("# minigrad and its peers")
    assert "## Lost" in capsys.readouterr().out


def test_a_run_that_was_stopped_early_still_makes_a_page(document, tmp_path):
    for name in ("start", "imports"):
        document[name] = {}
    del document["start_case"]
    document["cells"] = []
    assert "Lost: 0 of 0" in report.write(document, tmp_path)
