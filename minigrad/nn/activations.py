"""Activations as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import functional as F
from .module import Module, Parameter


class ReLU(Module):
    """``max(x, 0)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.relu(x)


class LeakyReLU(Module):
    """``x`` where x > 0, else ``negative_slope x``."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


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
    """``log(1 + e^x)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.softplus(x)


class ELU(Module):
    """``x`` where x > 0, else ``alpha (e^x - 1)`` (Clevert et al., 2016)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """The setting."""
        return f"alpha={self.alpha}"


class CELU(Module):
    """``x`` where x > 0, else ``alpha (e^(x / alpha) - 1)`` (Barron, 2017)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.celu(x, self.alpha)

    def extra_repr(self) -> str:
        """The setting."""
        return f"alpha={self.alpha}"


class SELU(Module):
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


class SiLU(Module):
    """``x sigmoid(x)``, also called swish."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.silu(x)


class Mish(Module):
    """``x tanh(softplus(x))`` (Misra, 2019)."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.mish(x)


class Hardtanh(Module):
    """``x`` limited to [min_val, max_val]."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        """The settings."""
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU6(Module):
    """``x`` limited to [0, 6]."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.relu6(x)


class Hardsigmoid(Module):
    """``(x + 3) / 6`` limited to [0, 1]."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.hardsigmoid(x)


class Hardswish(Module):
    """``x hardsigmoid(x)``."""

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


class Threshold(Module):
    """``x`` where x > ``threshold``, else ``value``."""

    def __init__(self, threshold: float, value: float) -> None:
        self.threshold, self.value = threshold, value

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        """The settings."""
        return f"threshold={self.threshold}, value={self.value}"


class PReLU(Module):
    """``x`` where x > 0, else ``weight x``, with a weight for all, or one for each channel (He et al., 2015)."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = np.float32) -> None:
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, init, dtype))

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
