"""Losses as layers: the functions of functional with their settings fixed. ``reduction``: "mean", "sum", "none"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine import Tensor
from . import functional as F
from .module import Module
from .padding import PairwiseDistance


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction

    def _keep(self, name: str, weight: Any) -> None:
        """A buffer, so that ``to`` and ``state_dict`` know it, as PyTorch's."""
        given = weight is None or isinstance(weight, Tensor)
        self.register_buffer(name, weight if given else Tensor(weight))


class L1Loss(_Loss):
    """``functional.l1_loss``: mean absolute error."""

    def forward(self, input: Any, target: Any) -> Any:
        """Two of one shape -> a scalar, or that shape for reduction="none"."""
        return F.l1_loss(input, target, self.reduction)


class MSELoss(_Loss):
    """``functional.mse_loss``: mean squared error."""

    def forward(self, input: Any, target: Any) -> Any:
        """Two of one shape -> a scalar, or that shape for reduction="none"."""
        return F.mse_loss(input, target, self.reduction)


class SmoothL1Loss(_Loss):
    """``functional.smooth_l1_loss``: squares for differences below ``beta``, absolute values above."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        """Two of one shape -> a scalar, or that shape for reduction="none"."""
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """``functional.huber_loss``: squares for differences up to ``delta``, absolute values above."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """Two of one shape -> a scalar, or that shape for reduction="none"."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(_Loss):
    """``functional.binary_cross_entropy`` of probabilities."""

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight: Any
        self._keep("weight", weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Probabilities and targets of one shape -> a scalar, or that shape for reduction="none"."""
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """``functional.binary_cross_entropy_with_logits`` with its settings fixed."""

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.weight: Any
        self.pos_weight: Any
        self._keep("weight", weight)
        self._keep("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Logits and targets in [0, 1] of one shape -> a scalar, or that shape for reduction="none"."""
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class CrossEntropyLoss(_Loss):
    """``functional.cross_entropy`` of logits."""

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ) -> None:
        super().__init__(reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing
        self.weight: Any
        self._keep("weight", weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Logits (N, C, ...) and classes (N, ...), or probabilities (N, C, ...) -> a scalar, or (N, ...)."""
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(_Loss):
    """``functional.nll_loss`` of log-probabilities."""

    def __init__(self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.ignore_index = ignore_index
        self.weight: Any
        self._keep("weight", weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Log-probabilities (N, C, ...) and classes (N, ...) -> a scalar, or (N, ...) for reduction="none"."""
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class KLDivLoss(_Loss):
    """``functional.kl_div``, whose ``reduction`` may be "batchmean" too."""

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        """Log-probabilities and probabilities of one shape -> a scalar, or that shape for reduction="none"."""
        return F.kl_div(input, target, self.reduction, self.log_target)


class GaussianNLLLoss(_Loss):
    """``functional.gaussian_nll_loss``."""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Any, target: Any, var: Any) -> Any:
        """Means, targets and variances -> a scalar, or the means' shape for reduction="none"."""
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(_Loss):
    """``functional.poisson_nll_loss``."""

    def __init__(
        self, log_input: bool = True, full: bool = False, eps: float = 1e-8, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, input: Any, target: Any) -> Any:
        """Logarithms of means, or means, and counts of one shape -> a scalar, or that shape."""
        return F.poisson_nll_loss(input, target, self.log_input, self.full, self.eps, self.reduction)


class SoftMarginLoss(_Loss):
    """``functional.soft_margin_loss``."""

    def forward(self, input: Any, target: Any) -> Any:
        """Scores and sides, 1 or -1, of one shape -> a scalar, or that shape for reduction="none"."""
        return F.soft_margin_loss(input, target, self.reduction)


class MultiLabelSoftMarginLoss(_Loss):
    """``functional.multilabel_soft_margin_loss``."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight: Any
        self._keep("weight", weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Scores and labels (N, C) -> a scalar, or (N,) for reduction="none"."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


class HingeEmbeddingLoss(_Loss):
    """``functional.hinge_embedding_loss``."""

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """Distances and sides, 1 or -1, of one shape -> a scalar, or that shape for reduction="none"."""
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class MarginRankingLoss(_Loss):
    """``functional.margin_ranking_loss``."""

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """Two scores and which is to be larger, 1 or -1 -> a scalar, or their shape for reduction="none"."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class CosineEmbeddingLoss(_Loss):
    """``functional.cosine_embedding_loss``."""

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """(N, D), (N, D) and sides (N,), 1 or -1 -> a scalar, or (N,) for reduction="none"."""
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class MultiMarginLoss(_Loss):
    """``functional.multi_margin_loss``."""

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.p, self.margin = p, margin
        self.weight: Any
        self._keep("weight", weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Scores (N, C) and classes (N,) -> a scalar, or (N,) for reduction="none"."""
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)


class TripletMarginLoss(_Loss):
    """``functional.triplet_margin_loss``."""

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """Three (N, D) -> a scalar, or (N,) for reduction="none"."""
        settings = self.margin, self.p, self.eps, self.swap, self.reduction
        return F.triplet_margin_loss(anchor, positive, negative, *settings)


class TripletMarginWithDistanceLoss(_Loss):
    """``functional.triplet_margin_with_distance_loss``."""

    def __init__(
        self,
        *,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """Three of one shape -> a scalar, or the distances' shape for reduction="none"."""
        settings: dict[str, Any] = {"margin": self.margin, "swap": self.swap, "reduction": self.reduction}
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, **settings
        )


class MultiLabelMarginLoss(_Loss):
    """``functional.multilabel_margin_loss``."""

    def forward(self, input: Any, target: Any) -> Any:
        """Scores (N, C) and lists of classes (N, C), up to the first -1 -> a scalar, or (N,) for reduction="none"."""
        return F.multilabel_margin_loss(input, target, self.reduction)
