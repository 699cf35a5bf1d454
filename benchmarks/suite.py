"""Which cases are measured, and with which peers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .cases import DIGITS, GAN, HVP, MLP, PAPER, SMALL, Case, Chain, Optimiser, shapes_of

GROUPS = ("overhead", "gan", "mlp", "parts", "depth", "optimisers", "second-order", "graph")

WIDTHS = (16, 64, 256, 1024, 4096)
BATCHES = (1, 16, 128, 1024, 4096)
DEPTHS = (1, 4, 16, 64)
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
DIAGONAL = ((16, 1), (64, 16), (256, 128), (1024, 128), (1024, 1024), (4096, 16))  # (width, batch)


@dataclass(frozen=True)
class Cell:
    """A case in one number of threads, in a group of cases that are told together."""

    group: str
    case: Case
    threads: int = field(default=2)


def cases(run: GAN | None) -> list[tuple[str, Case]]:
    """All cases by group; ``run``: the GAN in the middle of a run."""
    gans = [SMALL, DIGITS, PAPER, *([run] if run else [])]
    return [
        ("overhead", Chain("mul", 100)),
        *(("gan", gan) for gan in gans),
        *(("mlp", MLP(w, b)) for w in WIDTHS for b in BATCHES),
        *(("parts", MLP(w, b, what=what)) for what in ("forward", "gradients") for w, b in DIAGONAL),
        *(("depth", MLP(64, 128, n)) for n in DEPTHS),
        *(("optimisers", Optimiser(rule, shapes_of(PAPER))) for rule in ("sgd", "momentum", "adam")),
        ("second-order", HVP()),
        *(("graph", Chain("add", n)) for n in LENGTHS),
    ]


def full(threads: list[int], run: GAN | None) -> list[Cell]:
    """Everything with the most threads; GANs, three steps of an MLP and the optimisers with fewer too."""
    most = max(threads)
    every = [Cell(group, case, most) for group, case in cases(run)]
    few = [c for c in every if c.group in ("gan", "optimisers")]
    few += [Cell("mlp", MLP(w, b), most) for w, b in ((16, 1), (64, 16), (256, 128), (1024, 128))]
    return every + [replace(c, threads=n) for n in sorted(set(threads) - {most}, reverse=True) for c in few]


def short(threads: list[int], run: GAN | None) -> list[Cell]:
    """A smoke test: one small case of every kind."""
    chosen: list[tuple[str, Case]] = [
        ("overhead", Chain("mul", 100)),
        ("gan", run or SMALL),
        ("mlp", MLP(64, 16)),
        ("parts", MLP(64, 16, what="gradients")),
        ("optimisers", Optimiser("momentum", shapes_of(SMALL))),
        ("second-order", HVP()),
        ("graph", Chain("add", 1_000)),
    ]
    return [Cell(group, case, max(threads)) for group, case in chosen]
