"""The same samples by other measures than Parzen windows, real images beside them."""

from __future__ import annotations

import math
from typing import Any

from collect import judgements
from markdown import prose, table

PARTS = ("precision", "recall", "density", "coverage")
BASELINES = ("training images", "k-means centres")
ERRORS = 3  # standard errors that tell a difference from chance


def judged() -> dict[str, Any] | None:
    """All judgements in one; None if there are none."""
    files = judgements()
    if not files:
        return None
    return {
        "yardstick": files[-1]["yardstick"],
        "samples": {name: of for file in files for name, of in file["samples"].items()},
        "commands": [file["command"] for file in files],
    }


def said(found: dict[str, Any]) -> tuple[str, str]:
    """Whether samples are copies, for the table of claims: what came, the verdict."""
    ours = {name: of["memorisation"] for name, of in found["samples"].items() if name not in BASELINES}
    copies = sum(m["copies"] for m in ours.values())
    return f"{copies} copies among {sum(m['n_samples'] for m in ours.values()):,} samples", (
        "holds" if not copies else "**fails**"
    )


def beside_parzen() -> list[str]:
    """The section."""
    found = judged()
    if found is None:
        return []
    yard, samples = found["yardstick"], found["samples"]
    return [
        "## Beside Parzen windows",
        "",
        *covered(samples, yard),
        *remembered(samples, yard),
        *repeated(samples),
        *prose("; ".join(f"`{command}`" for command in found["commands"]) + "."),
        *parzen(samples),
    ]


def covered(samples: dict[str, Any], yard: dict[str, Any]) -> list[str]:
    """Precision, recall, density, coverage, classes."""

    def row(name: str, parzen: str, of: dict[str, Any]) -> list[str]:
        spaces = [of["prdc"]["pixels"], of["prdc"]["features"]]
        each = [f"{space[part]:.2f}" for space in spaces for part in PARTS]
        return [name, parzen, *each, f"{of['classes']['kl']:.4f}"]

    def estimate(p: dict[str, Any]) -> str:
        return f"{p['log_likelihood']:.1f} ± {p['standard_error']:.1f}"

    rows = [row(name, estimate(of["parzen"]), of) for name, of in samples.items()]
    rows.append(row("real: validation images", "", yard))
    head = ["samples", "Parzen", *PARTS, *(f"{part}, features" for part in PARTS), "KL of classes"]
    chance = (len(yard["classes"]["counts"]) - 1) / 2 / sum(yard["classes"]["counts"])
    ours = [of["classes"]["counts"] for name, of in samples.items() if name not in BASELINES]
    lines = [
        *table(head, rows),
        *prose("Precision: the share of samples that lie among real images; recall: of real images that lie among"
               " samples (Kynkäänniemi et al., 2019, k = 3); density and coverage: the same with less weight on"
               " outliers (Naeem et al., 2020, k = 5). Against the test images, in pixels, and in the last hidden"
               " layer of a classifier trained on our own engine"
               f" ({100 * yard['accuracy']['test']:.2f} % right on test images). It also counts the classes: KL from"
               f" uniform, of which chance alone gives {chance:.5f}."),
    ]  # fmt: skip
    if ours:
        totals = [sum(counts[c] for counts in ours) / sum(map(sum, ours)) for c in range(len(ours[0]))]
        most, least = (f(range(len(totals)), key=totals.__getitem__) for f in (max, min))
        lines += prose(f"G draws too many of {most} ({totals[most]:.1%} of all samples) and too few of {least}"
                       f" ({totals[least]:.1%}); none of ten is missing.")  # fmt: skip
    return lines


def remembered(samples: dict[str, Any], yard: dict[str, Any]) -> list[str]:
    """Memorisation, with a verdict."""
    real = yard["memorisation"]
    rows, excess = [], []
    for name, m in [*((n, of["memorisation"]) for n, of in samples.items()), ("real: test images", real)]:
        rows.append([
            name, f"{m['subset']:.2f} ± {m['subset_error']:.2f}", f"{m['valid']:.2f} ± {m['valid_error']:.2f}",
            f"{m['difference']:+.2f} ± {m['difference_error']:.2f}", str(m["copies"]),
        ])  # fmt: skip
        if name not in (*BASELINES, "real: test images"):
            more = m["difference"] - real["difference"]
            excess.append((more, more / math.hypot(m["difference_error"], real["difference_error"]), m["valid"]))
    head = ["samples", "to training images", "to unseen images", "difference", "copies"]
    lines = [
        "**Are samples remembered?** Mean squared distance of a sample to the nearest of 10,000 training images, and"
        " to the nearest of 10,000 validation images; ± over samples; for the difference, also over subsets of the"
        " images. Copies: samples within 5 grey levels (root mean square) of some training image.",
        "",
        *table(head, rows),
    ]
    if excess:
        shift, errors, distance = (sum(column) / len(excess) for column in zip(*excess, strict=True))
        clear = min(abs(e) for _, e, _ in excess) > ERRORS
        lines += prose(
            f"No sample is a copy. Samples are nearer to training images than to unseen ones by {-shift:.2f} more than"
            f" test images are, {-shift / distance:.1%} of the distance"
            + (f" and {-errors:.1f} standard errors: G leans a little towards what it was trained on, as"
               " every model does that is fitted to a sample; training images themselves"
               if clear else ", within the errors; training images themselves")
            + f" would show {-samples['training images']['memorisation']['difference']:.1f}."
            " (Test images are by other writers, so their own difference need not be 0.)"
        )  # fmt: skip
    return lines


def repeated(samples: dict[str, Any]) -> list[str]:
    """The birthday test: support, all classes and class by class, as a ratio to real images."""
    first = next(iter(samples.values()))["birthday"]
    rows = []
    for name, of in samples.items():
        b = of["birthday"]
        each = [_ratio(c) if c else "none" for c in b["by_class"]]
        rows.append([name, _support(b["samples"]), _support(b["real"]), *each])
    head = ["samples", "support", "of test images", *(str(c) for c in range(len(first["by_class"])))]
    return [
        "**How many different images?** After Arora and Zhang (2017): n (n - 1) / 2 over the number of duplicate"
        f" pairs: those nearer than a squared distance of {first['threshold']:.2f}, as one validation image in"
        f" {1 / first['quantile']:.0f} is to its neighbour. That finds only the plainest digits, so the columns 0 to 9"
        " use a distance for each digit (as one image in 20 has) and give the ratio to as many test images of that"
        " digit. ± assumes that the number of pairs is Poisson's.",
        "",
        *table(head, rows),
        *prose("A ratio below 1 means less variety than real images have."),
    ]


def _support(b: dict[str, Any]) -> str:
    """From all pairs; or from none, a lower bound."""
    if not b["pairs"]:
        return f"> {b['n'] * (b['n'] - 1) / 2:,.0f}"
    support, error = b["pair_support"], b["pair_support"] / math.sqrt(b["pairs"])
    return f"{float(f'{support:.2g}'):,.0f} ± {float(f'{error:.1g}'):,.0f}"


def _ratio(b: dict[str, Any]) -> str:
    mine, real = b["samples"], b["real"]
    if not mine["pairs"] or not real["pairs"]:
        return "no pairs"
    ratio = mine["pair_support"] / real["pair_support"]
    return f"{ratio:.2g} ± {ratio * math.sqrt(1 / mine['pairs'] + 1 / real['pairs']):.1g}"


def parzen(samples: dict[str, Any]) -> list[str]:
    """What a Parzen estimate can and cannot say, by its own numbers."""
    if not {*BASELINES} <= samples.keys():
        return []
    real, centres = (samples[name] for name in BASELINES)
    copies, n = (centres["memorisation"][key] for key in ("copies", "n_samples"))
    return prose(
        "**What the Parzen estimate says.** It is one number of one protocol: comparable between models whose samples"
        " went through the same 10,000, the same widths, the same split, and with nothing else. It mostly measures how"
        " far a test image is from its nearest sample; it does not say which model is nearer to p_data. Here true"
        f" images score {real['parzen']['log_likelihood']:.1f}, and 10,000 k-means centres of the training images"
        f" {centres['parzen']['log_likelihood']:.1f}, though nothing about them is new: {copies / n:.0%} are copies of"
        " training images, the others means of a few. They were put where that distance is small, and that is all the"
        " estimate sees. A model above the true images is not better than the truth."
    )
