"""cupyx: how errors of linear algebra are told, and scipy.special on the device."""

import contextlib
import types

import numpy as np

from . import arrays, functions, ufuncs


class Told:
    """What is done where a factorisation fails: CuPy's default is to say nothing."""

    linalg = "ignore"


@contextlib.contextmanager
def errstate(*, divide=None, over=None, under=None, invalid=None, linalg=None):
    before = Told.linalg
    if linalg not in (None, "ignore", "raise"):
        raise NotImplementedError()
    Told.linalg = linalg or before
    try:
        yield
    finally:
        Told.linalg = before


def quietly(host):
    """A function of linear algebra as CuPy's: not-a-number for a matrix that cannot be factored, and plain tuples."""

    def function(a, *args, **kwargs):
        if host is np.linalg.solve:
            _same_stacks(a, *args)
        try:
            out = host(a, *args, **kwargs)
        except np.linalg.LinAlgError:
            sizes = np.ndim(a) >= 2 and np.shape(a)[-1] == np.shape(a)[-2]
            if Told.linalg == "raise" or not sizes:
                raise
            like = np.broadcast_to(np.eye(np.shape(a)[-1], dtype=a.dtype), np.shape(a))
            out = host(like, *args, **kwargs)
            out = tuple(np.full_like(x, np.nan) for x in out) if isinstance(out, tuple) else np.full_like(out, np.nan)
        return tuple(out) if isinstance(out, tuple) else out

    function.__name__, function.__doc__ = host.__name__, host.__doc__
    return function


def _same_stacks(a, b):
    """CuPy does not broadcast the stacks of two arguments against each other; one vector serves all matrices."""
    if np.ndim(b) > 1 and np.shape(a)[:-1] != np.shape(b)[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K) for multidimensional b")


def special():
    """cupyx.scipy.special: ufuncs that SciPy computes, and what SciPy has as functions."""
    from scipy import special

    module = types.ModuleType("cupyx.scipy.special", "Special functions.")
    for name, words in functions.TABLE["modules"]["cupyx.scipy.special"].items():
        host = getattr(special, name, None)
        if isinstance(words, list) and host is not None:
            ufuncs.OTHERS.setdefault(name, host)
            ufuncs.SPECIAL[name] = ufuncs.ufunc(name, words)
    vars(module).update(ufuncs.SPECIAL)
    module.psi = getattr(module, "psi", module.digamma)
    module.polygamma = _polygamma
    return module


def _polygamma(n, x):
    from scipy.special import polygamma

    for argument in (n, x):  # CuPy broadcasts them, which it does with arrays alone
        if not isinstance(argument, arrays.ndarray):
            raise TypeError(f"Unsupported type {type(argument)}")
    return arrays.fresh(polygamma(n._a, x._a).astype(np.result_type(x.dtype, np.float32), copy=False))


def build():
    """The package with its parts: {full name: module}."""
    cupyx = types.ModuleType("cupyx", __doc__)
    cupyx.__path__ = []
    cupyx.errstate = errstate
    cupyx.scipy = types.ModuleType("cupyx.scipy", "SciPy's parts.")
    cupyx.scipy.__path__ = []
    cupyx.scipy.special = special()
    return {"cupyx": cupyx, "cupyx.scipy": cupyx.scipy, "cupyx.scipy.special": cupyx.scipy.special}
