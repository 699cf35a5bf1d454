"""Cases of the losses in minigrad/nn/functional."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ...nn import functional as F
from .case import Case, collect
from .domains import FULL, GRID, NONZERO, OFF_GRID, POSITIVE, REAL, array

CASES: list[Case] = []
case = collect(CASES)
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
PROBABILITY = st.floats(0.1, 0.9)
WEIGHT = 0.5
SIDE = st.sampled_from([-1.0, 1.0])
ROWS = st.tuples(st.integers(1, 3), st.integers(1, 3)) | st.tuples(st.integers(1, 3))


@st.composite
def alike(draw, *elements, shapes=FULL):
    """Arrays of one shape, and the reduction."""
    shape = draw(shapes)
    return [draw(array(shape, e)) for e in elements], [draw(REDUCTIONS)]


def loss(name, inputs, spelling="", **options):
    """A line for F's loss with these options."""
    case(
        f"{name}:{spelling}" if spelling else name,
        lambda m, *args, f=name: getattr(F, f)(*args[:-1], reduction=args[-1], **options),
        inputs,
        lambda m, *args, f=name: getattr(m.nn.functional, f)(*args[:-1], reduction=args[-1], **options),
    )


OFF = alike(GRID, OFF_GRID)  # their differences are odd multiples of 1/8: never at a kink
loss("mse_loss", alike(REAL, REAL))
loss("l1_loss", OFF)
loss("smooth_l1_loss", OFF)
loss("smooth_l1_loss", OFF, "beta", beta=0.5)
loss("smooth_l1_loss", OFF, "beta 0", beta=0.0)
loss("huber_loss", OFF)
loss("huber_loss", OFF, "delta", delta=0.5)
loss("binary_cross_entropy", alike(PROBABILITY, PROBABILITY))
loss("binary_cross_entropy_with_logits", alike(REAL, PROBABILITY))
for log_target in (False, True):  # PyTorch warns of "mean"
    case(
        "kl_div:log_target" if log_target else "kl_div",
        lambda m, x, y, r, q=log_target: F.kl_div(x, y, r, q),
        alike(REAL, REAL if log_target else POSITIVE),
        lambda m, x, y, r, q=log_target: {"mean": m.mean, "sum": m.sum, "none": m.clone}[r](
            m.nn.functional.kl_div(x, y, reduction="none", log_target=q)
        ),
    )
loss("gaussian_nll_loss", alike(REAL, REAL, POSITIVE))
loss("gaussian_nll_loss", alike(REAL, NONZERO, POSITIVE), "full", full=True, eps=0.01)
loss("poisson_nll_loss", alike(REAL, POSITIVE))
loss("poisson_nll_loss", alike(POSITIVE, POSITIVE), "of means", log_input=False)
loss("poisson_nll_loss", alike(REAL, st.sampled_from([0.5, 2.0, 3.5])), "full", full=True)
case(
    "kl_div:batchmean",
    lambda m, x, y: F.kl_div(x, y, "batchmean"),
    alike(REAL, POSITIVE).map(lambda drawn: (drawn[0], [])),
    lambda m, x, y: m.nn.functional.kl_div(x, y, reduction="batchmean"),
)
case(
    "binary_cross_entropy_with_logits:weights",
    lambda m, x, y: F.binary_cross_entropy_with_logits(x, y, WEIGHT, pos_weight=WEIGHT + 1),
    alike(REAL, PROBABILITY).map(lambda drawn: (drawn[0], [])),
    lambda m, x, y: m.nn.functional.binary_cross_entropy_with_logits(
        x, y, m.tensor(WEIGHT, dtype=x.dtype), pos_weight=m.tensor(WEIGHT + 1, dtype=x.dtype)
    ),
)


@st.composite
def sided(draw, *elements, shapes=FULL, one_each=False):
    """Arrays of one shape; sides 1 and -1 in that shape, or one for each row; the reduction."""
    shape = draw(shapes)
    sides = draw(array(shape[:-1] if one_each else shape, SIDE))
    return [draw(array(shape, e)) for e in elements], [sides, draw(REDUCTIONS)]


def sided_loss(name, inputs, spelling="", **options):
    """As ``loss``, for sides that are settings: in the dtype of the input."""
    case(
        f"{name}:{spelling}" if spelling else name,
        lambda m, *args, f=name: getattr(F, f)(
            *args[:-2], args[-2].astype(args[0].dtype), reduction=args[-1], **options
        ),
        inputs,
        lambda m, *args, f=name: getattr(m.nn.functional, f)(
            *args[:-2], args[-2].to(args[0].dtype), reduction=args[-1], **options
        ),
    )


sided_loss("soft_margin_loss", sided(REAL))
sided_loss("hinge_embedding_loss", sided(OFF_GRID))
sided_loss("hinge_embedding_loss", sided(OFF_GRID), "margin", margin=0.5)
sided_loss("margin_ranking_loss", sided(GRID, OFF_GRID))
sided_loss("margin_ranking_loss", sided(GRID, OFF_GRID), "margin", margin=0.5)
sided_loss("cosine_embedding_loss", sided(POSITIVE, POSITIVE, shapes=ROWS, one_each=True))
sided_loss("cosine_embedding_loss", sided(POSITIVE, POSITIVE, shapes=ROWS, one_each=True), "margin", margin=-1.5)
case(
    "multilabel_soft_margin_loss",
    lambda m, x, y, r: F.multilabel_soft_margin_loss(x, y, reduction=r),
    alike(REAL, PROBABILITY, shapes=ROWS),
    lambda m, x, y, r: m.nn.functional.multilabel_soft_margin_loss(x, y, reduction=r),
)
APART = alike(POSITIVE, POSITIVE.map(lambda x: -x), st.floats(4, 6), shapes=ROWS)  # three clouds: no distance is 0
loss("triplet_margin_loss", APART, margin=4.7331)
loss("triplet_margin_loss", APART, "swap", margin=6.7331, swap=True, p=3)
loss("triplet_margin_with_distance_loss", APART, margin=4.7331)
loss("triplet_margin_with_distance_loss", APART, "swap", margin=4.7331, swap=True)


@st.composite
def classes(draw, probabilities=False, dims=2):
    """Logits; the right classes, some of them -1 and not to be counted; weights; the reduction."""
    count = draw(st.integers(1, 4))
    lead = draw(st.sampled_from([(), (1,), (3,)]))
    shape = (*lead, count, *(draw(st.lists(st.integers(1, 2), max_size=dims)) if lead else ()))
    logits = draw(array(shape))
    if probabilities:
        return [logits, draw(array(shape, PROBABILITY))], [draw(array((count,), POSITIVE)), draw(REDUCTIONS)]
    right = np.array(draw(array((*lead, *shape[2:]), st.integers(-1, count - 1), np.int64)))
    right.reshape(-1)[:1] = np.maximum(right.reshape(-1)[:1], 0)  # one at least counts
    return [logits], [right, draw(array((count,), POSITIVE)), draw(REDUCTIONS)]


NEGATIVE = -1  # the class that does not count
for name in ("cross_entropy", "nll_loss"):
    for spelling, used, smoothing in (("", False, 0), ("weight", True, 0), ("label_smoothing", True, 0.3)):
        if name == "nll_loss" and smoothing:
            continue
        more = {"label_smoothing": smoothing} if smoothing else {}
        case(
            f"{name}:{spelling}" if spelling else name,
            lambda m, x, y, w, r, f=name, u=used, o=more: getattr(F, f)(x, y, w if u else None, NEGATIVE, r, **o),
            classes(),
            lambda m, x, y, w, r, f=name, u=used, o=more: getattr(m.nn.functional, f)(
                x, y, w.to(x.dtype) if u else None, ignore_index=NEGATIVE, reduction=r, **o
            ),
        )
for smoothing in (0.0, 0.2):
    case(
        f"cross_entropy:probabilities, label_smoothing {smoothing}",
        lambda m, x, y, w, r, s=smoothing: F.cross_entropy(x, y, w, reduction=r, label_smoothing=s),
        classes(probabilities=True),
        lambda m, x, y, w, r, s=smoothing: m.nn.functional.cross_entropy(
            x, y, w.to(x.dtype), reduction=r, label_smoothing=s
        ),
    )


@st.composite
def scores(draw):
    """Scores that no margin's kink is near; the right classes; weights; the reduction."""
    shape = draw(ROWS)
    steps = draw(st.permutations(range(int(np.prod(shape)))))
    right = draw(array(shape[:-1], st.integers(0, shape[-1] - 1), np.int64))
    x = 0.3 * np.reshape(steps, shape) + 0.0
    return [x], [np.array(right), draw(array((shape[-1],), POSITIVE)), draw(REDUCTIONS)]


def multi_margin(m, x, y, p, w):
    """PyTorch's cannot be differentiated twice."""
    right = y.unsqueeze(-1)
    terms = (0.77 - x.gather(-1, right) + x).clamp_min(0) ** p * w[right]
    others = m.nn.functional.one_hot(y, x.shape[-1]) == 0
    return (terms * others).sum(-1) / x.shape[-1]


for p in (1, 2):
    case(
        "multi_margin_loss" if p == 1 else "multi_margin_loss:squares",
        lambda m, x, y, w, r, p=p: F.multi_margin_loss(x, y, p, 0.77, w, reduction=r),
        scores(),
        lambda m, x, y, w, r, p=p: {"mean": m.mean, "sum": m.sum, "none": m.clone}[r](
            multi_margin(m, x, y, p, w.to(x.dtype))
        ),
    )


@st.composite
def lists_of_classes(draw):
    """Scores that no kink is near, lists of right classes up to the first -1, and the reduction."""
    [x], [_, _, reduction] = draw(scores())
    return [x], [draw(array(x.shape, st.integers(-1, x.shape[-1] - 1), np.int64)), reduction]


def multilabel_margin(m, x, y):
    """One row of scores by the definition; PyTorch's cannot be differentiated twice."""
    listed = y.tolist()
    right = listed[: listed.index(-1)] if -1 in listed else listed
    terms = [(1 - x[j] + x[i]).clamp_min(0) for j in right for i in range(len(x)) if i not in right]
    return m.stack([0 * x.sum(), *terms]).sum() / len(x)


def multilabel_margins(m, x, y, reduction):
    """All rows."""
    rows = [multilabel_margin(m, *row) for row in zip(x, y, strict=True)] if x.ndim == 2 else None
    out = multilabel_margin(m, x, y) if rows is None else m.stack(rows)
    return {"mean": m.mean, "sum": m.sum, "none": m.clone}[reduction](out)


case(
    "multilabel_margin_loss",
    lambda m, x, y, r: F.multilabel_margin_loss(x, y, reduction=r),
    lists_of_classes(),
    multilabel_margins,
)
