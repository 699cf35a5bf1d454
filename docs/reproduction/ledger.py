"""The ledger: docs/reproduction.md from the result files in docs/reproduction/results/.

    python docs/reproduction/ledger.py               write the page
    python docs/reproduction/ledger.py --check       exit code 1 if the page is not what the files say

docs/reproduction/collect.py put the files there. How they were made stands on the page, beside what they say. No
measured number is typed here; those of the paper and of its released code are, each with where it stands there.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from collect import JUDGEMENTS, RESULTS, minibatches, read, runs

from gan.table1 import PAPER, over_seeds

PAGE = Path(__file__).parents[1] / "reproduction.md"

TABLE_1 = [
    ("DBN", "138 ± 2", "1909 ± 66"),
    ("Stacked CAE", "121 ± 1.6", "2110 ± 50"),
    ("Deep GSN", "214 ± 1.1", "1890 ± 29"),
    ("Adversarial nets", "225 ± 2", "2057 ± 26"),
]
DEEP_GSN = 214.0
TFD_EPOCHS = 50  # of its first stage
DRAWN = 20_000  # training examples of the stand-in

DIFFERENCES = [  # what, the paper, the released code (goodfeli/adversarial, mnist.yaml, pylearn2 of June 2014), here
    ("order of the updates", "D k times, then G", "both at once, at the same old parameters", "`paper` / `authors`"),
    ("noise and masks", "fresh for each update", "one noise, one fake pass, its masks shared", "`paper` / `authors`"),
    ("D ascends", "V", "V / 2: half the step", "`paper` / `authors`"),
    (
        "G descends",
        "Algorithm 1: log(1 - D(G(z))); the text recommends -log D(G(z))",
        "-log D(G(z))",
        "-log D(G(z)); the other with `--objective minimax`",
    ),
    ("noise", "not named", "uniform on ±√3 for MNIST", "uniform on ±√3"),
    ("G's output bias", "not named", "logit of the mean image", "logit of the mean image"),
    ("learning rate", "not named", ".1, divided by 1.000004 after each minibatch", "the same"),
    ("momentum", '"momentum"', ".5 in epoch 1 to .7 in epoch 250", "the same"),
    ("end of training", "not named", "none: stopped by hand", "best validation Parzen estimate, every 5 epochs"),
    ("TFD", "one network", "two stages, column norms of at most 1.9365", "see TFD below"),
    ("D in evaluation", "not named", "no dropout, no rescaling (inverted dropout)", "the same"),
]

QUALITATIVE = [  # table 2, and sections 6 and 7: what is no number
    ("Training needs D and G in step", "the Dirac GAN above: the four combinations of update and loss"),
    ("No Markov chain, no inference while training", "gan/algorithm.py: two losses, two updates"),
    ("Sampling has no difficulties", "`gan sample RUN`"),
    ("p(x) is not represented; Parzen windows may approximate it", "table 1 here, with its yardsticks"),
    ("Any differentiable function may be G", "networks are settings; the engine tests every op's derivative"),
]


def main(arguments: list[str]) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.check:
        return int(PAGE.read_text() != page())
    PAGE.write_text(page())
    return 0


# ------------------------------------------------------------------------------------------------------ the page


def page() -> str:
    """docs/reproduction.md."""
    found = runs()
    parts = [
        "# Generative Adversarial Nets, reproduced",
        "",
        "Goodfellow et al., 2014 (arXiv 1406.2661), claim by claim: what the paper says, what its released code does,",
        "what is done here, what came. Written by `python docs/reproduction/ledger.py` from the files in",
        "[reproduction/results/](reproduction/results); nothing measured is typed by hand. Log-likelihoods and",
        "divergences are in nats; ± is the standard error over test examples, unless it says over seeds.",
        "",
        *differences(),
        *table_1(found),
        *beside_parzen(),
        *figures(),
        *theory(),
        *qualitative(),
        *tfd(found),
    ]
    return "\n\n".join(flow(paragraph) for paragraph in "\n".join(parts).strip().split("\n\n")) + "\n"


def flow(paragraph: str) -> str:
    """Prose in lines of one width; tables, code, headings, pictures as they are."""
    return paragraph if paragraph.startswith(("|", "```", "#", "!", "<")) else textwrap.fill(paragraph, 118, **WHOLE)


WHOLE: Any = {"break_long_words": False, "break_on_hyphens": False}


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table of Markdown."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)] + [""]


def differences() -> list[str]:
    """Where the paper and its code are two."""
    return [
        "## The paper and its code",
        "",
        "They differ, so there are two presets. Every row is held by tests/gan/test_settings.py,",
        "tests/gan/test_algorithm.py and tests/gan/test_transcription.py, where ten steps equal a float64",
        "transcription",
        "of the released algorithm.",
        "",
        *table(["", "paper", "released code", "here"], [list(row) for row in DIFFERENCES]),
    ]


def of_preset(found: dict[str, Any], preset: str, k: int | None = None) -> dict[str, Any]:
    """The MNIST runs of a preset."""
    return {
        name: run
        for name, run in found.items()
        if (s := run["settings"]["settings"])["data"] == "mnist" and s["preset"] == preset and k in (None, s["k"])
    }


def table_1(found: dict[str, Any]) -> list[str]:
    """The paper's numbers, ours, and the verdict."""
    authors = of_preset(found, "authors")
    lines = [
        "## Table 1: Parzen window log-likelihood of the test set",
        "",
        *table(["model (the paper's table)", "MNIST", "TFD"], [list(row) for row in TABLE_1]),
        "The protocol, as in the paper: 10,000 samples, the width that gives the first 1000 validation images the",
        "highest mean, all 10,000 test images, once. The checkpoint is the one of the best validation estimate.",
        "",
    ]
    if not authors:
        return [*lines, "No run has been kept yet.", ""]
    rows = []
    for name, run in {**authors, **of_preset(found, "paper")}.items():
        e, took = run["evaluation"], run["took"]
        per_epoch = 500
        rows.append(
            [
                name,
                f"{took['steps'] / per_epoch * minibatches(run):.0f}",
                f"{e['step'] / per_epoch * minibatches(run):.0f}",
                f"{e['sigma']:.3f}",
                f"{e['validation']:.1f}",
                f"**{e['log_likelihood']:.1f} ± {e['standard_error']:.1f}**",
                f"{e['distance']:.1f}",
                f"≥ {e['gauge']['jsd']:.3f} ± {e['gauge']['standard_error']:.3f}",
                f"{took['seconds'] / 3600:.1f} h, {took['steps'] / took['seconds']:.0f}/s",
            ]
        )
    head = ["run", "epochs", "best at", "sigma", "validation", "test", "distance", "JSD", "time, steps"]
    lines += table(head, rows)
    lines += [
        "Distance: mean squared distance of a validation image to its nearest sample. JSD: the gauge on test images, a",
        "lower bound, at most ln 2 = .693. Times are of two cores that were shared with other work and other runs.",
        "",
        *verdict(authors),
        "Each run again, and its evaluation (NAME, PRESET, SEED and K as in the table):",
        "",
        "```sh",
        "gan train --data mnist --preset PRESET --seed SEED --k K --epochs N --parzen-every 2500 --out runs/NAME",
        "gan evaluate --best runs/NAME",
        "```",
        "",
        f"Versions: {_versions(authors)}. {_threads(authors)}",
        "",
        "![validation estimates over epochs](reproduction/results/curves.svg)",
        "",
    ]
    return lines


def verdict(authors: dict[str, Any]) -> list[str]:
    """Mean over seeds beside the paper's number."""
    tests = [run["evaluation"]["log_likelihood"] for run in authors.values()]
    (mean, error), n = over_seeds(tests), len(tests)
    said = f"**`authors`, {n} seeds: {mean:.1f}" + (f" ± {error:.1f} over seeds" if n > 1 else "") + "**; "
    target = PAPER[0]
    if mean >= target and min(tests) > DEEP_GSN:
        said += f"the paper's {target:.0f} is reached."
    else:
        said += f"the paper's {target:.0f} is **not reached**: {target - mean:.1f} are missing."
    trends = []
    for run in authors.values():
        lines = [v for v in run["validation"] if "parzen" in v]
        half = [v["parzen"] for v in lines if v["step"] <= lines[-1]["step"] / 2]
        trends.append(max(v["parzen"] for v in lines) - max(half))
    gain = sum(trends) / len(trends)
    return [f"{said} The second half of these epochs still gained {gain:.1f} on validation.", ""]


def _versions(found: dict[str, Any]) -> str:
    each = {
        ", ".join(f"{k} {v}" for k, v in run["settings"]["versions"].items() if k in ("python", "numpy"))
        for run in found.values()
    }
    return "; ".join(sorted(each))


def _threads(found: dict[str, Any]) -> str:
    each = sorted({n for run in found.values() for n in run["took"]["kernel_threads"]})
    return f"Kernel threads of a run: {', '.join(map(str, each))}."


def beside_parzen() -> list[str]:
    """The judgement of the same samples by other measures."""
    judged = [file for name in JUDGEMENTS if (file := read(f"{name}.json")) is not None]
    if not judged:
        return []
    found = {**judged[0], "samples": {name: of for file in judged for name, of in file["samples"].items()}}
    lines = ["## Beside Parzen windows", ""]
    head = ["samples", "Parzen", "precision", "recall", "density", "coverage", "in features", "KL of classes"]
    rows = []
    yard = found["yardstick"]

    def shares(prdc: dict[str, Any], key: str) -> str:
        return f"{prdc[key]:.2f}"

    def row(name: str, parzen: str, of: dict[str, Any]) -> list[str]:
        pixels, features = of["prdc"]["pixels"], of["prdc"].get("features")
        inside = " / ".join(f"{features[k]:.2f}" for k in ("precision", "recall", "density", "coverage"))
        four = [shares(pixels, k) for k in ("precision", "recall", "density", "coverage")]
        return [name, parzen, *four, inside, f"{of['classes']['kl']:.4f}"]

    for name, of in found["samples"].items():
        p = of["parzen"]
        rows.append(row(name, f"{p['log_likelihood']:.1f} ± {p['standard_error']:.1f}", of))
    rows.append(row("real: validation images", "", yard))
    lines += table(head, rows)
    lines += [
        "Precision and recall (Kynkäänniemi et al., 2019, k = 3), density and coverage (Naeem et al., 2020, k = 5),",
        "against the test images, in pixels and in the last hidden layer of a classifier trained on our own engine",
        f"({100 * yard['accuracy']['test']:.2f} % right on test images), which also counts the classes: KL",
        "from uniform.",
        "",
    ]
    head = ["samples", "nearest training image", "nearest unseen", "difference", "copies", "support", "of a class"]
    first = next(iter(found["samples"].values()))["birthday"]
    rows = []
    for name, of in [*found["samples"].items(), ("real: test images", yard)]:
        m, b = of["memorisation"], of.get("birthday", first)
        side = "samples" if "birthday" in of else "real"
        rows.append(
            [
                name,
                f"{m['subset']:.2f} ± {m['subset_error']:.2f}",
                f"{m['valid']:.2f} ± {m['valid_error']:.2f}",
                f"{m['difference']:+.2f} ± {m['difference_error']:.2f}",
                str(m["copies"]),
                _support(b[side]),
                "; ".join(_support(c[side]) for c in b["by_class"] if c),
            ]
        )
    lines += table(head, rows)
    lines += [
        "Mean squared distance of a sample to the nearest of 10,000 training images, and to the nearest of 10,000",
        "validation images: memorised samples would be nearer to the former by more than real test images",
        "are. Support:",
        "how many different images there are, after Arora and Zhang (2017), n (n - 1) / 2 over the number",
        "of pairs that",
        f"are the same: nearer than {first['threshold']:.1f} squared, as one validation image in",
        f"{1 / first['quantile']:.0f} is to its",
        "neighbour; and for each class by its own distance, of one image in "
        f"{1 / first['by_class'][0]['quantile']:.0f}: from 0 to 9. The latter tells more.",
        "",
        "; ".join(f"`{file['command']}`" for file in judged) + ".",
        "",
        *honest(found),
    ]
    return lines


def _support(b: dict[str, Any]) -> str:
    """From all pairs, the sharper number; or from none."""
    n = b["n"]
    number = b["pair_support"] if b["pairs"] else n * (n - 1) / 2
    return ("" if b["pairs"] else "> ") + f"{float(f'{number:.2g}'):,.0f}"


def honest(found: dict[str, Any]) -> list[str]:
    """What a Parzen estimate can and cannot say, by its own numbers."""
    samples = found["samples"]
    if not {"training images", "k-means centres"} <= samples.keys():
        return []
    real, means = (samples[k]["parzen"] for k in ("training images", "k-means centres"))
    return [
        "**What the Parzen estimate says.** It is one number of one protocol: comparable between models whose samples",
        "went through the same 10,000, the same grid of widths, the same split, and with nothing else. It",
        "mostly measures",
        "how far a test image is from its nearest sample. It does not say which model is nearer to p_data: here",
        f"true images score {real['log_likelihood']:.1f}, and k-means centres, blurred means that nobody",
        "takes for digits,",
        f"{means['log_likelihood']:.1f}. A model above the true images is not better than the truth; it is",
        "smoother. That is",
        "why the table beside it is there.",
        "",
    ]


def figures() -> list[str]:
    """The three figures."""
    folder = RESULTS / "figures"
    lines = ["## Figures", ""]
    if (one := read("figures/figure1.json")) is not None:
        lines += [
            "**Figure 1** (`gan figure 1`): a real run, not a drawing; its panels were found in it by criteria.",
            "",
            "![figure 1](reproduction/results/figures/figure1.svg)",
            "",
            *[line for sentence in one["caption"] for line in (sentence, "")],
            f"What differs from the preset: {'; '.join(one['changes'])}.",
            "",
            "The whole run: [GIF](reproduction/results/figures/figure1.gif),",
            "[HTML with a slider](reproduction/results/figures/figure1.html).",
            "",
        ]
    if (two := read("figures/figure2.json")) is not None:
        lines += [
            f"**Figure 2** (`gan figure 2 --best RUN`): the first draws of seed {two['seed']}, step",
            f"{two['step']}; framed, the",
            "training image nearest to the fifth of its row. None was chosen.",
            "",
            "![figure 2](reproduction/results/figures/figure2.png)",
            "",
        ]
    if (three := read("figures/figure3.json")) is not None:
        lines += [
            "**Figure 3** (`gan figure 3 --best RUN`): straight lines in z from a 1 to a 5 and from a 7 to",
            "a 1, as in the",
            f"paper. The ends are the first draws of seed {three['seed']} whose nearest training image is that digit:",
            f"draws {three['ends'][0][0]} and {three['ends'][0][1]}, {three['ends'][1][0]} and {three['ends'][1][1]}.",
            "",
            "![figure 3](reproduction/results/figures/figure3.png)",
            "",
        ]
    return lines if folder.exists() else []


def theory() -> list[str]:
    """Section 4, by `gan theory`."""
    lines = ["## Section 4, computed", "", "`gan theory`; tests/gan/test_theory_*.py hold the same.", ""]
    found = sorted((RESULTS / "theory").glob("*.json"))
    for file in found:
        results = json.loads(file.read_text())
        claims = results["claims"]
        held = sum(c["holds"] for c in claims)
        lines += [
            f"### {results['statement']}",
            "",
            f"{held} of {len(claims)} claims hold.",
            "",
            f"![{file.stem}](reproduction/results/theory/{file.stem}.svg)",
            "",
            "<details><summary>the claims</summary>",
            "",
            *table(
                ["claim", "measured", "", "theory", "within", "holds"],
                [
                    [
                        c["says"],
                        f"{c['measured']:.6g}",
                        c["relation"],
                        f"{c['theory']:.6g}",
                        f"{c['tolerance']:.2g}",
                        "yes" if c["holds"] else "**no**",
                    ]
                    for c in claims
                ],
            ),
            "</details>",
            "",
        ]
    return lines if found else []


def qualitative() -> list[str]:
    """What the paper says without a number."""
    return [
        "## Table 2 and section 6: claims without numbers",
        "",
        *table(["claim", "where it can be seen"], [list(row) for row in QUALITATIVE]),
    ]


def tfd(found: dict[str, Any]) -> list[str]:
    """The data set that is not openly available: what its configuration does on a stand-in, and what it costs."""
    faces = {name: run for name, run in found.items() if run["settings"]["settings"]["data"] == "drawn_faces"}
    lines = [
        "## TFD",
        "",
        "The Toronto Face Database is not openly available: the paper's 2057 ± 26 cannot be reproduced here, and no",
        "number of another data set stands for it. The released configuration (two stages, limited norms, sparse first",
        "weights; a field-by-field test in tests/gan/test_settings.py) runs on Olivetti faces (`--data faces`) and on",
        "drawn faces, a generated stand-in (`--data drawn_faces`, gan/data/faces.py):",
        "",
        "```sh",
        "gan train --preset authors --data drawn_faces --epochs 50 --out stage1",
        "gan train --preset authors --data drawn_faces --epochs 22 --generator-layers 8000,100,8000,8000 \\",
        "    --pretrained stage1",
        "```",
        "",
    ]
    rows = []
    for name, run in faces.items():
        s, took, e = run["settings"]["settings"], run["took"], run.get("evaluation")
        rate = took["steps"] / took["seconds"]
        hours = TFD_EPOCHS * DRAWN / s["batch_size"] / rate / 3600
        layers = [s["noise_dim"], *s["generator_layers"], 2304]
        parzen = f"{e['log_likelihood']:.0f} ± {e['standard_error']:.0f}" if e else ""
        rows.append([name, "-".join(map(str, layers)), str(took["steps"]), f"{rate:.2f}", f"{hours:.1f}", parzen])
    if rows:
        head = ["run", "G", "steps", "steps/s", f"hours for {TFD_EPOCHS} epochs of {DRAWN:,}", "Parzen, of drawn faces"]
        lines += table(head, rows)
    for name in faces:
        if (RESULTS / "runs" / name / "samples.png").exists():
            lines += [f"Samples of {name}:", "", f"![{name}](reproduction/results/runs/{name}/samples.png)", ""]
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
