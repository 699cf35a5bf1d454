"""Activations as layers.

``inplace`` is taken for PyTorch's sake: the value is the same, and nothing is changed in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import greater, where
from ..recording import no_grad
from . import functional as F
from .module import Module, Parameter


class _MayBeInplace(Module):
    inplace: bool = False
    _shows_inplace = True  # PyTorch's do, but for two
    _shown: tuple[str, ...] = ()  # the settings that repr shows

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The settings."""
        settings = [f"{name}={getattr(self, name)}" for name in self._shown]
        return ", ".join([*settings, *(["inplace=True"] if self.inplace and self._shows_inplace else [])])


class ReLU(_MayBeInplace):
    """``max(x, 0)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.relu(x)


class LeakyReLU(_MayBeInplace):
    """``x`` where x > 0, else ``negative_slope x``."""

    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.leaky_relu(x, self.negative_slope)


class Sigmoid(Module):
    """``1 / (1 + e^-x)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.sigmoid(x)


class Tanh(Module):
    """Hyperbolic tangent."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.tanh(x)


class Softplus(Module):
    """``log(1 + e^(beta x)) / beta``, computed so that no x overflows.

    Hence the ``threshold`` of 20, where PyTorch goes over to x, needs no care here: the value is exact. With another
    one, it is x where ``beta x > threshold``.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta, self.threshold = beta, threshold

    @property
    def plain(self) -> bool:
        """Whether it is ``functional.softplus`` as it stands."""
        return self.beta == 1 and self.threshold == 20

    def forward(self, x: Any) -> Any:
        """Element by element."""
        if self.plain:
            return F.softplus(x)
        out = F.softplus(x * self.beta) / self.beta
        return out if self.threshold == 20 else where(greater(x * self.beta, self.threshold), x, out)

    def extra_repr(self) -> str:
        """The settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class ELU(_MayBeInplace):
    """``x`` where x > 0, else ``alpha (e^x - 1)`` (Clevert et al., 2016)."""

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.elu(x, self.alpha)


class CELU(_MayBeInplace):
    """``x`` where x > 0, else ``alpha (e^(x / alpha) - 1)`` (Barron, 2017)."""

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.celu(x, self.alpha)


class SELU(_MayBeInplace):
    """``elu`` scaled so that mean 0 and variance 1 are kept (Klambauer et al., 2017)."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.selu(x)


class GELU(Module):
    """``x P(normal < x)`` (Hendrycks and Gimpel, 2016), or nearly so for ``approximate="tanh"``."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        """The setting."""
        return f"approximate={self.approximate!r}"


class SiLU(_MayBeInplace):
    """``x sigmoid(x)``, also called swish."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.silu(x)


class Mish(_MayBeInplace):
    """``x tanh(softplus(x))`` (Misra, 2019)."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.mish(x)


class Hardtanh(_MayBeInplace):
    """``x`` limited to [min_val, max_val]."""

    _shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.hardtanh(x, self.min_val, self.max_val)


class ReLU6(_MayBeInplace):
    """``x`` limited to [0, 6]."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.relu6(x)


class Hardsigmoid(_MayBeInplace):
    """``(x + 3) / 6`` limited to [0, 1]."""

    _shows_inplace = False

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.hardsigmoid(x)


class Hardswish(_MayBeInplace):
    """``x hardsigmoid(x)``."""

    _shows_inplace = False

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.hardswish(x)


class Softsign(Module):
    """``x / (1 + |x|)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.softsign(x)


class LogSigmoid(Module):
    """``log sigmoid(x)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.logsigmoid(x)


class Tanhshrink(Module):
    """``x - tanh x``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.tanhshrink(x)


class Softshrink(Module):
    """``x`` moved towards 0 by ``lambd``, and 0 where it would pass it."""

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.softshrink(x, self.lambd)

    def extra_repr(self) -> str:
        """The setting."""
        return f"{self.lambd}"


class Hardshrink(Module):
    """``x`` where |x| > ``lambd``, else 0."""

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.hardshrink(x, self.lambd)

    def extra_repr(self) -> str:
        """The setting."""
        return f"{self.lambd}"


class Threshold(_MayBeInplace):
    """``x`` where x > ``threshold``, else ``value``."""

    _shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.threshold(x, self.threshold, self.value)


class PReLU(Module):
    """``x`` where x > 0, else ``weight x``, with a weight for all, or one for each channel (He et al., 2015)."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = np.float32) -> None:
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(np.full(num_parameters, init, dtype))

    def reset_parameters(self) -> None:
        """Start anew, with ``init``."""
        with no_grad():
            self.weight.fill_(self.init)

    def forward(self, x: Any) -> Any:
        """Element by element; channels are dimension 1."""
        return F.prelu(x, self.weight)

    def extra_repr(self) -> str:
        """How many weights."""
        return f"num_parameters={self.num_parameters}"


class GLU(Module):
    """``a sigmoid(b)``, a and b the halves of the input along ``dim`` (Dauphin et al., 2017)."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """Half as long along ``dim``."""
        return F.glu(x, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmax(Module):
    """``exp(x) / sum exp(x)`` along ``dim``."""

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """The input's shape."""
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmin(Softmax):
    """``softmax(-x)`` along ``dim``."""

    def forward(self, x: Any) -> Any:
        """The input's shape."""
        return F.softmin(x, self.dim)


class LogSoftmax(Softmax):
    """``log softmax(x)`` along ``dim``."""

    def forward(self, x: Any) -> Any:
        """The input's shape."""
        return F.log_softmax(x, self.dim)


class Softmax2d(Module):
    """``softmax`` over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, x: Any) -> Any:
        """The input's shape."""
        if x.ndim not in (3, 4):
            raise ValueError(f"Softmax2d takes inputs of 3 or 4 dimensions, got {tuple(x.shape)}")
        return F.softmax(x, -3)
