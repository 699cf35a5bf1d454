"""The GPU benchmark's command: its plan, its second call, its page; no GPU is needed for any of it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cases import to_json
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import plan, predictions, report
from benchmarks.gpu.peers import CAPTURED, FLOOR, PEERS
from benchmarks.gpu.stages import sanitizer, steps, suites

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "step-100"], "there is no stage 'step-100'; choose from inventory, tests"),
        (["--again", "all"], "there is no stage 'all'"),
        (["--minutes", "nine"], "minutes are a number above 0"),
        (["--minutes", "-1"], "minutes are a number above 0"),
        (["report", "nowhere"], "No such file"),
    ],
)
def test_bad_arguments_are_told_in_a_sentence(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_report_of_something_else(tmp_path, capsys):
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(SystemExit) as end:
        command.main(["report", str(tmp_path)])
    assert end.value.code == 2
    assert "not what python -m benchmarks.gpu writes" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------- the plan


class Stages:
    """In the place of the processes: what each stage would find, and which were run."""

    def __init__(self):
        self.ran, self.found = [], {"inventory": {"device": "a GPU"}}

    def run(self, stage, device, limit, log):
        self.ran.append(stage.name)
        data = dict(self.found.get(stage.name, {}))
        reason = data.pop("failed", "") or data.pop("missing", "")
        status = "ok" if not reason else "not measured" if "missing" in self.found[stage.name] else "failed"
        return {"status": status, "reason": reason, "seconds": 1.0, "data": data}


@pytest.fixture
def stages(monkeypatch):
    made = Stages()
    monkeypatch.setattr(command, "run", made.run)
    return made


def call(tmp_path, *arguments):
    return command.main(["--out", str(tmp_path), *arguments])


def results(tmp_path):
    return json.loads((tmp_path / "results.json").read_text())


def test_a_second_call_does_what_is_left(stages, tmp_path):
    stages.found["products"] = {"failed": "a product is wrong"}
    assert call(tmp_path) == 1
    assert stages.ran == list(plan.NAMES)
    stages.ran, stages.found["products"] = [], {}
    assert call(tmp_path) == 0
    assert stages.ran == ["inventory", "products"]
    stages.ran = []
    assert call(tmp_path, "--again", "kernels") == 0
    assert stages.ran == ["inventory", "kernels"]


def test_nothing_begins_that_would_end_too_late(stages, tmp_path, capsys):
    assert call(tmp_path, "--minutes", "2.5") == 0
    assert stages.ran == ["inventory", "contract", "kernels", "products", "sanitizer"]
    assert results(tmp_path)["stages"]["tests"]["status"] == "not measured"
    assert "planned for 4 minutes, and 2.5 were left: call again" in capsys.readouterr().out
    stages.ran = []
    call(tmp_path)
    assert stages.ran == ["inventory", "tests", "steps-100", "steps-1000", "steps-10000"]


def test_a_call_without_a_device_takes_nothing_away(stages, tmp_path):
    call(tmp_path)
    before = results(tmp_path)["stages"]
    stages.found["inventory"] = {"device": "a GPU", "missing": "no driver"}
    call(tmp_path, "--again", "kernels")
    after = results(tmp_path)["stages"]
    assert after["kernels"] == before["kernels"]
    assert after["inventory"]["status"] == "not measured"


@pytest.mark.parametrize("changed", ["device", "versions", "code"])
def test_what_is_of_another_machine_or_code_is_put_aside(stages, tmp_path, monkeypatch, changed):
    call(tmp_path)
    if changed == "code":
        monkeypatch.setattr(command, "code", lambda: "other")
    else:
        stages.found["inventory"] = {**stages.found["inventory"], changed: {"other": "1"}}
    stages.ran = []
    call(tmp_path)
    assert stages.ran == list(plan.NAMES)
    assert (tmp_path / "results.before.json").exists()


def test_the_plan_fits_into_three_calls_of_ten_minutes():
    assert sum(stage.minutes for stage in plan.STAGES) <= 24  # with what three starts take
    assert all(stage.minutes < stage.limit <= 8 for stage in plan.STAGES)
    text = command.__doc__
    assert f"planned to {sum(stage.minutes for stage in plan.STAGES):g} minutes" in text


def test_a_stage_that_takes_too_long_or_dies_is_ended(tmp_path):
    stage = next(s for s in plan.STAGES if s.name == "contract")
    with (tmp_path / "log").open("a") as log:
        late = command.run(stage, "cpu", 0.001, log)
        dead = command.run(replace(stage, name="nothing"), "cpu", 1, log)
    assert (late["status"], late["reason"]) == ("failed", "not done after 0.001 minutes")
    assert dead["status"] == "failed"
    assert "log.txt says why" in dead["reason"]


def test_without_a_gpu_everything_is_not_measured(tmp_path):
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--out", tmp_path],
        cwd=ROOT,
        env=hidden,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert {stage["status"] for stage in results(tmp_path)["stages"].values()} == {"not measured"}
    for line in (tmp_path / "report.md").read_text().splitlines():
        if line.startswith("| batch"):
            assert line.split("|")[3].strip() == "not measured"
    assert str(ROOT) not in json.dumps(results(tmp_path))


@pytest.mark.slow
def test_the_rehearsal(tmp_path):
    """Every stage, in its processes, on the stand-in for CuPy: all is right, and nothing is timed."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--rehearse", "--out", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + (tmp_path / "log.txt").read_text()[-3000:]
    document = results(tmp_path)
    assert {name: s["status"] for name, s in document["stages"].items()} == dict.fromkeys(document["stages"], "ok")
    cells = document["stages"]["steps-100"]["data"]["cells"]
    assert len(cells) == 2
    timed = [r for cell in cells for r in cell["results"].values() if r["times"] or r["host"] or r["estimate"]]
    assert not timed
    assert {r["status"] for r in cells[0]["results"].values()} == {"ok"}
    assert "TFLOP/s in float32" not in (tmp_path / "report.md").read_text()


# ------------------------------------------------------------------------------------------------- the page


def measured(seconds_of, errors=1e-6):
    """The document of a run whose peers took these times at batch 100 and 10,000."""
    document = command.fresh(rehearsal=False)
    for batch in (100, 10_000):
        found = []
        for case in steps.cells(batch):
            times = {name: [seconds_of(name, case) * (1 + i / 100)] for name in PEERS for i in range(1)}
            each = {"status": "ok", "reason": "", "errors": {"losses": errors}, "estimate": 0.0, "host": []}
            rows = {name: {**each, "times": times[name] * 5} for name in PEERS}
            found.append({"case": to_json(case), "results": rows})
        stage = {"status": "ok", "reason": "", "seconds": 60.0, "data": {"cells": found, "absent": {}}}
        document["stages"][f"steps-{batch}"] = stage
    return document


def test_goals_are_judged_by_what_was_measured(tmp_path):
    def fast(name, case):
        return case.steps * (90e-6 if name == FLOOR else 100e-6 if name == CAPTURED else 1e-3)

    def slow(name, case):
        return case.steps * (90e-6 if name == FLOOR else 900e-6 if name == CAPTURED else 1e-3)

    assert [line.split("|")[4].strip() for line in goal_lines(measured(fast))] == ["yes"] * 6
    assert [line.split("|")[4].strip() for line in goal_lines(measured(slow))] == ["**no**"] * 6
    text = report.write(measured(fast), tmp_path)
    assert "100 us" in text
    assert "0.10 [0.10, 0.10]" in text
    several = next(line for line in text.splitlines() if "10 steps a call" in line and "minigrad, captured" in line)
    assert several.split("|")[3].strip() == "100 us"  # a step, not a call


def goal_lines(document):
    return [line for line in report.goals(document) if line.startswith(("| captured", "| share"))]


def test_a_wrong_or_failed_peer_has_no_time():
    document = measured(lambda name, case: 1e-4)
    cell = document["stages"]["steps-100"]["data"]["cells"][0]["results"]
    cell["jax_jit"] |= {"status": "wrong", "times": []}
    cell[CAPTURED] |= {"status": "failed", "reason": "it | broke", "times": []}
    lines = [line for line in report.steps(document, 100) if "batch 100, float32, alternating " in line]
    assert "not measured (wrong)" in next(line for line in lines if "JAX" in line)
    assert "not measured (failed: it / broke)" in next(line for line in lines if "captured" in line)
    assert goal_lines(document)[0].split("|")[4].strip() == "not measured"


def test_expectations_are_of_every_peer():
    for precision in predictions.AT_100.values():
        assert set(precision) == set(PEERS)
        assert all(low < high for low, high in precision.values())
    small, large = (predictions.floor(steps.cells(n)[0]) for n in (100, 10_000))
    assert 40e-6 < small < 60e-6  # 3.57 GFLOP at 67 TFLOP/s
    assert large == pytest.approx(100 * small, rel=0.01)


# ------------------------------------------------------------------------------------------------- the stages

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.cuda.test_a" name="test_x[1]"/>
<testcase classname="tests.cuda.test_a" name="test_y"><failure message="no">...</failure></testcase>
<testcase classname="tests.cuda.test_b" name="test_z"><skipped/></testcase>
</testsuite></testsuites>"""


def test_failed_tests_are_named(tmp_path):
    file = tmp_path / "junit.xml"
    file.write_text(JUNIT)
    found = suites.counted(file)
    assert found["counts"] == {"passed": 1, "failed": 1, "skipped": 1}
    assert found["names"] == ["tests/cuda/test_a.py::test_y"]
    assert found["failed"] == "1 of 3 tests failed, 1 passed"
    file.write_text('<testsuites><testsuite><testcase name="a"><skipped/></testcase></testsuite></testsuites>')
    assert "0 passed" in suites.counted(file)["failed"]  # nothing ran: that is no success


@pytest.mark.parametrize(
    ("output", "code", "clean"),
    [
        ("ran uniform\n========= ERROR SUMMARY: 0 errors\n", 0, True),
        ("ran uniform\n========= ERROR SUMMARY: 3 errors\n", 0, False),
        ("ran uniform\n========= RACECHECK SUMMARY: 2 hazards displayed (1 error, 1 warning)\n", 0, False),
        ("========= ERROR SUMMARY: 0 errors\n", 0, False),  # nothing was checked
        ("ran uniform\n", 1, False),
    ],
)
def test_what_the_sanitizer_says(output, code, clean):
    assert sanitizer.summary(output, code)["clean"] is clean


def test_the_committed_page_is_what_its_file_says(tmp_path):
    committed = ROOT / "docs/results/cuda"
    assert report.write(report.load(committed / "results.json"), tmp_path) == (committed / "report.md").read_text()
