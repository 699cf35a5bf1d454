"""The ledger's result files: docs/reproduction/results/, from what the commands of `gan` wrote.

    python docs/reproduction/collect.py WHAT ...

WHAT is the folder of a run that `gan evaluate --best` has judged, or a file that `gan figure`, `gan theory` or
`gan judge` wrote. Paths of this machine stay behind. The picture of all runs' curves is drawn anew.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import shutil
from pathlib import Path
from typing import Any

from gan.table1 import PAPER

RESULTS = Path(__file__).parent / "results"
BASELINES = "baselines"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", type=Path, nargs="*", metavar="WHAT")
    asked = parser.parse_args().what
    for path in asked:  # all of them, before any is taken
        if path.is_dir() and not (path / "sessions.jsonl").exists():
            parser.error(f"{path} is no run that was trained: it holds no sessions.jsonl")
        if not path.exists():
            parser.error(f"{path} does not exist")
    for path in asked:
        (keep if path.is_dir() else adopt)(path)
    curves()


def keep(run: Path) -> None:
    """Settings, validation and evaluation of a run, and how long it took, without this machine's paths."""
    folder = RESULTS / "runs" / run.name
    folder.mkdir(parents=True, exist_ok=True)
    settings = json.loads((run / "settings.json").read_text())
    settings["command"] = None
    if pretrained := settings["settings"].get("pretrained"):
        settings["settings"]["pretrained"] = Path(pretrained).name
    contents: dict[str, Any] = {"settings": settings}
    if (run / "validation.jsonl").exists():
        shutil.copy(run / "validation.jsonl", folder)
    if (run / "evaluation-best.json").exists():
        contents["evaluation"] = json.loads((run / "evaluation-best.json").read_text()) | {"command": None}
        if settings["settings"]["data"] != "mnist":  # whose samples are figure 2
            shutil.copy(max((run / "samples").iterdir()), folder / "samples.png")
    earlier = [json.loads(file.read_text()) for file in run.glob("evaluation-earlier*.json")]
    if earlier:  # tests before the last: said, for a test should be made once
        contents["earlier"] = [test | {"command": None} for test in sorted(earlier, key=lambda test: test["step"])]
    if finer := sorted(run.glob("evaluation-best-widths-*.json")):
        contents["finer"] = json.loads(finer[-1].read_text()) | {"command": None}
    sessions = [json.loads(line) for line in (run / "sessions.jsonl").read_text().splitlines()]
    contents["took"] = {
        "steps": max(s["last_step"] for s in sessions),
        "seconds": sum(s["seconds"] for s in sessions),
        "sessions": len(sessions),
        "kernel_threads": sorted({s["kernel_threads"] for s in sessions}),
    }
    if "failed" in sessions[-1]:
        contents["took"]["failed"] = sessions[-1]["failed"]
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def adopt(file: Path) -> None:
    """A figure, an experiment's results and picture, or a judgement; JSON without this machine's paths."""
    if file.name.startswith("figure"):
        folder = RESULTS / "figures"
    else:
        judgement = file.stem == BASELINES or file.stem.startswith("judgement")
        folder = RESULTS if judgement else RESULTS / "theory"
    folder.mkdir(parents=True, exist_ok=True)
    if file.suffix != ".json":
        shutil.copy(file, folder)
        return
    content = json.loads(file.read_text())
    if isinstance(content.get("command"), list):
        content["command"] = _command(content["command"])
    if "samples" in content:
        named = [(Path(name).name, of) for name, of in content["samples"].items()]
        if len(dict(named)) < len(named):
            raise SystemExit(f"{file} judges two runs of one name; rename one of the folders, and judge again")
        content["samples"] = dict(named)
    (folder / file.name).write_text(json.dumps(content, indent=1) + "\n")


def runs() -> dict[str, dict[str, Any]]:
    """All kept runs by name, each with its validation lines that have a Parzen estimate."""
    found = {}
    for folder in sorted((RESULTS / "runs").glob("*")):
        found[folder.name] = {"name": folder.name} | {f.stem: json.loads(f.read_text()) for f in folder.glob("*.json")}
        validation = folder / "validation.jsonl"
        lines = validation.read_text().splitlines() if validation.exists() else []
        found[folder.name]["validation"] = [json.loads(line) for line in lines]
    return found


def read(name: str) -> Any:
    """A result file, None if it was not made."""
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None


def judgements() -> list[Any]:
    """What `gan judge` wrote: judgement.json, judgement-MORE.json for runs of another day, the baselines last."""
    files = [*sorted(RESULTS.glob("judgement*.json"), key=lambda f: f.stem), RESULTS / f"{BASELINES}.json"]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def _command(argv: list[str]) -> str:
    """As typed, without this machine's paths."""
    words: list[str] = []
    skip = False
    for word in argv[1:]:
        if skip or word == "--data-dir" or word == "--out":
            skip = not skip
            continue
        words.append(word)
    return " ".join(["gan", *(f"runs/{Path(w).name}" if w.startswith("/") else w for w in words)])


def minibatches(run: dict[str, Any]) -> int:
    """Minibatches of data in a step."""
    s = run["settings"]["settings"]
    return int(s["k"]) if s["update"] == "alternating" else 1


def curves() -> None:
    """Validation estimate and JSD gauge over epochs, one line per run: curves.png and curves.svg."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = {name: run for name, run in runs().items() if run["settings"]["settings"]["data"] == "mnist"}
    if not found:
        return
    figure = Figure((10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for i, (name, run) in enumerate(found.items()):
        per_epoch = 500 / minibatches(run)
        lines = run["validation"]
        parzen = [v for v in lines if "parzen" in v]
        released = run["settings"]["settings"]["learning_rate_decay"] == 1.000004
        style = {"color": f"C{i}", "linewidth": 1.4, "label": name, "linestyle": "-" if released else "--"}
        left.plot([v["step"] / per_epoch for v in parzen], [v["parzen"] for v in parzen], **style)
        right.plot([v["step"] / per_epoch for v in lines], [v["jsd"] for v in lines], **style)
    left.axhline(PAPER[0], color="black", linewidth=0.8, linestyle=":")
    left.text(0, PAPER[0], " paper, test: 225", va="bottom", fontsize=8)
    left.set(xlabel="epochs", ylabel="validation log-likelihood (nats)", ylim=(0, None))  # the first epochs are below
    right.axhline(math.log(2), color="black", linewidth=0.8, linestyle=":")
    right.text(0, math.log(2), " ln 2", va="bottom", fontsize=8)
    right.set(xlabel="epochs", ylabel="JSD is at least (nats, held out)", ylim=(0, 0.75))
    left.legend(frameon=False, fontsize=8, loc="lower right")
    with matplotlib.rc_context({"svg.hashsalt": "curves", "svg.fonttype": "path"}):
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, dpi=130, metadata=metadata)
            (RESULTS / f"curves.{kind}").write_bytes(content.getvalue())


if __name__ == "__main__":
    main()
