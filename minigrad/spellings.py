"""The names of arguments: PyTorch's and NumPy's keywords are understood beside a function's own.

Looked at only where a call has keywords that the signature lacks: a call by position never comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, wraps
from inspect import Parameter, signature
from typing import Any

SPELLINGS: dict[str, tuple[str, ...]] = {  # keyword: what signatures call it; the first that a signature has is meant
    "input": ("x", "A", "B", "values"),
    "self": ("x", "A", "B"),
    "other": ("y",),
    "input1": ("x1",),
    "input2": ("x2",),
    "axis": ("dim", "dims"),
    "axes": ("dims",),
    "keepdims": ("keepdim",),
    "size": ("shape",),
}
OF_ONE: dict[str, dict[str, str]] = {  # by function, without underscores: where a keyword means something there alone
    "atan2": {"input": "y", "self": "y", "other": "x"},
    "cholesky_inverse": {"input": "L", "self": "L"},
    "cholesky_solve": {"input2": "L"},
    "copy": {"src": "value", "other": "value"},
    "dot": {"tensor": "y"},
    "float_power": {"exponent": "y"},
    "from_numpy": {"ndarray": "array"},
    "one_hot": {"tensor": "x"},
    "power": {"exponent": "y"},
    "requires_grad": {"mode": "requires_grad"},
    "result_type": {"tensor": "tensor1", "other": "tensor2"},
    "scatter": {"value": "src"},
    "split": {"tensor": "x", "split_size_or_sections": "split_size"},
    "tensor_split": dict.fromkeys(("indices", "sections", "tensor_indices_or_sections"), "indices_or_sections"),
    "tensordot": {"a": "x", "b": "y"},
}
TWINS = (
    ("dim", "axis"),
    ("dims", "axis"),
    ("dims", "axes"),
    ("keepdim", "keepdims"),
)  # a signature may have both, for one argument


class Keywords:
    """What the arguments of ``function`` may be called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = signature(function).parameters.values()
        self.call = function.__name__.strip("_") + "()"
        self.also = OF_ONE.get(function.__name__.strip("_"), {})
        self.defaults = {p.name: p.default for p in parameters}
        self.positional = [p.name for p in parameters if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
        self.settings = frozenset(p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY)
        self.rest = next((p.name for p in parameters if p.kind is Parameter.VAR_POSITIONAL), None)
        self.open = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)  # and so takes what it does not name
        self.own = self.settings.union(self.positional)
        self.twins = [pair for pair in TWINS if set(self.defaults).issuperset(pair)]

    def arranged(self, args: tuple[Any, ...], given: dict[str, Any], data: bool = False) -> tuple[Any, dict[str, Any]]:
        """The same call under the names of the signature; as ``data``, with all but the settings by position."""
        self._require_one_of_twins(args, given)
        if not data and self.own.issuperset(given):
            return args, given
        by_position = dict(zip(self.positional, args, strict=False))
        named: dict[str, Any] = {}
        for keyword, value in given.items():
            name = self._meant(keyword)
            if name in by_position or name in named or (name == self.rest and len(args) > len(by_position)):
                spelled = "" if name == keyword else f", once as {keyword!r}"
                raise TypeError(f"{self.call} got multiple values for argument {name!r}{spelled}")
            named[name] = value
        if not data and self.rest not in named:
            return args, named
        return (*args, *self._positions(len(args), named)), named

    def _require_one_of_twins(self, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        for one, other in self.twins:
            if other in given and given[other] is not self.defaults[other]:
                first = given.get(one, self.defaults[one])
                if one in self.positional[: len(args)]:
                    first = args[self.positional.index(one)]
                if first is not self.defaults[one]:
                    raise TypeError(
                        f"{self.call}: {one} and {other} are two names for one argument, "
                        f"got {one}={first!r} and {other}={given[other]!r}"
                    )

    def _meant(self, keyword: str) -> str:
        """What the signature calls it."""
        for name in (self.also.get(keyword, keyword), *SPELLINGS.get(keyword, ())):
            if name in self.own or name == self.rest:
                return name
        if self.open:
            return keyword
        names = ", ".join(n for n in self.defaults)
        raise TypeError(f"{self.call} got an unexpected keyword argument {keyword!r}; its arguments are: {names}")

    def _positions(self, start: int, named: dict[str, Any]) -> Iterable[Any]:
        """Take what belongs after the first ``start`` arguments, up to the last that is there, out of ``named``."""
        missing = self.positional[start:]
        while missing and self.rest not in named and missing[-1] not in named:
            missing.pop()
        for name in missing:
            value = named.pop(name, self.defaults[name])
            if value is Parameter.empty:
                raise TypeError(f"{self.call} missing a required argument: {name!r}")
            yield value
        if self.rest in named:
            yield named.pop(self.rest)


@cache
def spelled(function: Any) -> Any:
    """``function``, which also takes the other names of its arguments. An op does so by itself."""
    if hasattr(function, "rules") or hasattr(function, "__wrapped__"):
        return function
    keywords = Keywords(function)
    own = keywords.own - {other for _, other in keywords.twins}

    @wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        if given and not own.issuperset(given):
            args, given = keywords.arranged(args, given)
        return function(*args, **given)

    return call


def respell(namespace: dict[str, Any], names: Iterable[str]) -> None:
    """Have the functions of these names, in the namespace of a module, understand the other names too."""
    for name in names:
        function, namespace[name] = namespace[name], spelled(namespace[name])
        if namespace[name].__module__ == function.__module__ and namespace[name] is not function:
            namespace[name].__module__, namespace[name].__qualname__ = namespace["__name__"], name  # for pickle
