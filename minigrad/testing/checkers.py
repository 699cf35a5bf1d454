"""Who can say that a derivative is wrong: our two checkers, and those that other libraries publish.

A checker judges one op at one draw of its inputs: it returns, or raises. Every peer is called as its documentation
says, in float64, at the same draws. MyGrad and tinygrad publish no checker.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .adapters import package
from .check_op import check_op
from .gradcheck import gradcheck, gradgradcheck
from .mutants.libraries import library


@dataclass(frozen=True)
class Checker:
    """``check(function, inputs)`` raises where it thinks the function's derivatives wrong.

    ``library`` is where the function comes from, ``package`` what has to be installed. A checker that ``draws`` for
    itself gets a strategy for ``inputs``, all others one list of arrays.
    """

    name: str
    title: str
    library: str
    package: str
    check: Callable[..., object]
    draws: bool = False


SEED = 0


def _check_op(function: Any, inputs: Any, engine: str = "minigrad", **options: Any) -> None:
    order = 1 if "second" in library(engine).lacks else 2
    check_op(function, inputs, engine=engine, order=order, **options)


def _gradcheck(function: Any, arrays: list[Any]) -> None:
    tensors = [library("minigrad").wrap(a) for a in arrays]
    gradcheck(function, tensors)
    gradgradcheck(function, tensors)


def _torch(function: Any, arrays: list[Any]) -> None:
    torch = package("torch")
    torch.manual_seed(SEED)
    tensors = [library("torch").wrap(a) for a in arrays]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.autograd.gradcheck(function, tensors)
        torch.autograd.gradgradcheck(function, tensors)


def _jax(function: Any, arrays: list[Any]) -> None:
    jax, test_util = package("jax"), package("jax.test_util")
    with jax.enable_x64(True):  # custom_vjp has no forward mode
        test_util.check_grads(function, tuple(arrays), order=2, modes=["rev"])


def _autograd(function: Any, arrays: list[Any]) -> None:
    test_util = package("autograd.test_util")
    np.random.seed(SEED)  # noqa: NPY002  autograd draws its directions there
    argnum = tuple(range(len(arrays))) if len(arrays) > 1 else 0
    test_util.check_grads(function, argnum, modes=["rev"], order=2)(*(library("autograd").wrap(a) for a in arrays))


def _scipy(function: Any, arrays: list[Any]) -> None:
    """SciPy checks scalar functions of a vector: a random weighted sum of the outputs, of all arguments end to end."""
    optimize = package("scipy.optimize")
    ends = np.cumsum([a.size for a in arrays])[:-1]
    weights = np.random.default_rng(SEED).standard_normal(np.shape(function(*map(library("numpy").wrap, arrays))))

    def parts(v: Any) -> list[Any]:
        return [p.reshape(a.shape) for p, a in zip(np.split(v.copy(), ends), arrays, strict=True)]

    def value(v: Any) -> Any:
        return np.sum(weights * function(*parts(v)))

    def gradient(v: Any) -> Any:
        found = function.pull(weights.copy() if weights.ndim else weights, *parts(v))
        return np.concatenate([np.ravel(g) for g in found])

    x = np.concatenate([np.ravel(a) for a in arrays])
    error = optimize.check_grad(value, gradient, x, seed=SEED)
    allowed = 1e-5 * max(1.0, float(np.linalg.norm(gradient(x))))
    if not error <= allowed:
        raise AssertionError(f"check_grad returned {error:.3g}, more than {allowed:.3g}")


OURS = ("check_op", "gradcheck")
PEERS = ("torch", "jax", "autograd", "scipy")
ENGINES = ("torch", "jax", "autograd", "mygrad")
CHECKERS: dict[str, Checker] = {
    checker.name: checker
    for checker in (
        Checker("check_op", "minigrad.testing.check_op", "minigrad", "minigrad", _check_op, draws=True),
        Checker("gradcheck", "minigrad.testing gradcheck + gradgradcheck", "minigrad", "minigrad", _gradcheck),
        Checker("torch", "torch.autograd gradcheck + gradgradcheck", "torch", "torch", _torch),
        Checker("jax", "jax.test_util.check_grads, order 2", "jax", "jax", _jax),
        Checker("autograd", "autograd.test_util.check_grads, order 2", "autograd", "autograd", _autograd),
        Checker("scipy", "scipy.optimize.check_grad", "numpy", "scipy", _scipy),
        *(
            Checker(f"check_op@{e}", f"check_op, engine={e!r}", e, e, partial(_check_op, engine=e), draws=True)
            for e in ENGINES
        ),
    )
}
NO_CHECKER = {"mygrad": "MyGrad publishes no checker", "tinygrad": "tinygrad publishes no checker"}
