"""``check_op``: one call that asks of an op all that is true of a right derivative, on inputs that Hypothesis draws."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import conduct, properties
from .compare import UNDERFLOW
from .engines import Engine, NoArray, engine_named
from .kinks import flat
from .measure import Point, Rejected, quietly
from .properties import Finding
from .report import OpError, failure, name_of
from .variants import BROADCAST, EDGES, varied

EXAMPLES = 80
_ALWAYS = ("gradient", "linearity", "second_order", "broadcasting")  # the others for every second draw: they need fewer
_MOST_WITNESSES = 25
_NO_INPUT = "for want of a floating array among the inputs"
_NO_OUTPUT = "for want of a floating output"
_NOT_DOUBLE = "for floating inputs that are not float64"
_ASSUMED = "by an assume inside of fn"


@dataclass
class Report:
    """What was asked, how often each property was answered, and how often each input was there and was judged."""

    name: str
    engine: str
    examples: int = 0
    empty: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    met: Counter[int] = field(default_factory=Counter)
    judged: Counter[int] = field(default_factory=Counter)
    complex_step: bool = True
    seconds: float = 0.0

    def __str__(self) -> str:
        checked = ", ".join(f"{name} {count}" for name, count in self.passed.items())
        left = f"; {self.rejected.total()} draws not judged" if self.rejected.total() else ""
        return f"{self.name} on {self.engine}: {self.examples} examples in {self.seconds:.2f} s: {checked}{left}"


def check_op(
    fn: Callable[..., Any],
    inputs: Any,
    *,
    engine: str | Engine = "minigrad",
    reference: Callable[..., Any] | None = None,
    analytic: bool | None = None,
    order: int = 2,
    broadcasts: bool | None = None,
    float32: bool = True,
    edges: bool = True,
    max_examples: int | None = None,
    seed: int | None = None,
    name: str | None = None,
) -> Report:
    """Check the derivatives of ``fn``, a function of an engine's arrays, wherever ``inputs`` leads.

    ``inputs``: one Hypothesis strategy for each argument, or one of the tuple or list of all, or of the only one.
    NumPy arrays of float64 are differentiated, of float32 refused; whatever else is drawn is passed on. What is asked:
    properties.py and conduct.py. Points are judged by error bars, which are wide at kinks, so that no convention there
    is called wrong (kinks.py).

    - ``engine``: "minigrad", the name of an adapter, or an Engine of your own.
    - ``reference``: another function of the same engine that has the same values and gradients.
    - ``analytic``: whether fn takes complex NumPy arrays and is analytic; None: found by trying.
    - ``order``: 1 leaves second derivatives out.
    - ``broadcasts``: whether its floating inputs broadcast; None: found by trying, False: not asked.
    - ``float32``: whether float32 must stay float32; ``edges``: whether lengths 0 and 1 and 0-d are tried as well.
    - ``max_examples`` (default 80); ``seed``: another than the fixed one; ``name``: for the report.

    Raises OpError, an AssertionError, with the simplest counterexample, a test to paste and a guess at the bug; also if
    nearly no draw could be judged, or one input in none. Returns a Report.
    """
    drive = _hypothesis()
    name = str(name or name_of(fn))
    judge = _Judge(fn, engine_named(engine), reference, analytic, order, broadcasts, float32)
    report, started = Report(name, judge.engine.name), time.perf_counter()
    makers = [None, None, None, *(BROADCAST if broadcasts is not False else ()), *(EDGES if edges else ())]
    witnesses: list[Finding] = []

    def example(drawn: Any, maker: Any, number: int) -> None:
        report.examples += 1
        try:
            judge.examine(list(drawn), maker, number, report)
        except Rejected as reason:
            report.rejected[str(reason)] += 1
            raise
        except Finding as found:
            if witnesses and found.property != witnesses[0].property:
                return  # so that shrinking does not wander from one mistake to another
            if len(witnesses) < _MOST_WITNESSES:
                witnesses.append(found)
            raise
        except Exception as error:
            if type(error).__name__ == "UnsatisfiedAssumption":
                report.rejected[_ASSUMED] += 1
            raise

    found = drive(example, inputs, makers, max_examples or EXAMPLES, seed)
    if found is not None and (simpler := judge.before(found.property)):  # a wrong gradient breaks other properties too
        earlier, witnesses[:] = list(witnesses), []
        judge.only = simpler
        found_simpler = drive(example, inputs, makers, max_examples or EXAMPLES, seed)
        found, witnesses = (found_simpler, witnesses) if found_simpler else (found, earlier)
    if found is not None:
        raise failure(found, name, witnesses, judge.options)
    report.seconds, report.complex_step = time.perf_counter() - started, judge.analytic is not False
    if not report.examples:
        raise OpError(f"{name}: inputs has no example to draw, so nothing was judged")
    if report.examples == report.empty:
        raise OpError(f"{name}: every draw of inputs is without elements, so nothing was judged")
    if report.rejected.total() > 0.9 * (report.examples - report.empty):
        reasons = ", ".join(f"{count} times {reason}" for reason, count in report.rejected.most_common())
        advice = _ADVICE.get(report.rejected.most_common(1)[0][0], _ADVICE[""])
        raise OpError(f"{name}: of {report.examples} draws nearly none could be judged ({reasons}). {advice}")
    for k in report.met:
        if not report.judged[k]:
            raise OpError(f"{name}: input {k} could be judged in none of {report.met[k]} draws. {_ADVICE['']}")
    return report


_ADVICE = {
    _NO_INPUT: "Draw NumPy arrays of float64: what else is drawn is passed on, and not differentiated",
    _NOT_DOUBLE: "Draw float64: the rounding of other types would hide mistakes; float32 is asked for by itself",
    _NO_OUTPUT: "Let fn return a floating array: integers, and nothing at all, have no derivative",
    "": "Draw inputs inside the domain and away from kinks: minigrad.testing.away_from_kinks(fn, strategy) does the "
    "latter",
}


def check_at(
    fn: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    engine: str | Engine = "minigrad",
    reference: Callable[..., Any] | None = None,
    analytic: bool | None = None,
    order: int = 2,
    broadcasts: bool | None = None,
    float32: bool = True,
    seed: int = 0,
    name: str | None = None,
) -> None:
    """All of ``check_op`` at one point, without Hypothesis: what its counterexamples paste.

    ``seed`` draws the cotangents.

    Raises OpError; where nothing can be judged, because ``inputs`` stand on a kink or outside of the domain, too.
    """
    name = str(name or name_of(fn))
    judge = _Judge(fn, engine_named(engine), reference, analytic, order, broadcasts, float32)
    try:
        judge.examine(list(inputs), None, seed, Report(name, judge.engine.name), everything=True)
    except Finding as found:
        raise failure(found, name, (), judge.options) from None
    except Rejected as reason:
        raise OpError(f"{name}: these inputs cannot be judged, {reason}") from None


def _hypothesis() -> Callable[..., Finding | None]:
    """drive.py, which needs Hypothesis: loaded here, so that gradcheck does without."""
    try:
        from .drive import drive
    except ImportError as error:
        raise ImportError(f"check_op draws its examples with Hypothesis: pip install hypothesis ({error})") from error
    return drive


class _Judge:
    """Which properties are asked of one drawn example, in which order."""

    def __init__(
        self,
        fn: Callable[..., Any],
        engine: Engine,
        reference: Callable[..., Any] | None,
        analytic: bool | None,
        order: int,
        broadcasts: bool | None,
        float32: bool,
    ) -> None:
        self.fn, self.engine, self.reference, self.analytic = fn, engine, reference, analytic
        self.order, self.broadcasts, self.float32 = order, broadcasts, float32
        self.only: list[str] | None = None
        given = {"reference": reference, "analytic": analytic, "broadcasts": broadcasts}
        self.options: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        self.options |= {"order": order} if order != 2 else {}
        self.options |= {} if float32 else {"float32": False}

    def before(self, prop: str) -> list[str]:
        """The properties that are asked before this one, those of the gradient at least."""
        names = [name for name, _ in self._properties()]
        return names[: names.index(prop)] if prop in names[2:] else []

    def examine(self, inputs: list[Any], maker: Any, number: int, report: Report, everything: bool = False) -> None:
        """Raise Finding for the first property that fails, Rejected where none can be asked.

        ``everything``: also what is asked of every second draw only.
        """
        point = self._point([_protected(a) for a in inputs], number)
        if maker is not None and (other := self._variant(point, maker, number)) is not point:
            if self.only is None or "gradient" in self.only:
                quietly(properties.gradient, point)
            point = other
        report.empty += all(point.inputs[k].size == 0 for k in point.floating)
        for prop, ask in self._properties():
            if (self.only is not None and prop not in self.only) or (
                prop not in _ALWAYS and number % 2 and not everything
            ):
                continue
            try:
                answered = quietly(ask, point)
            except (Finding, Rejected):
                raise
            except Exception as error:
                _let_hypothesis_through(error)
                sentence = f"{type(error).__name__}: {error}"
                raise Finding(prop, sentence, point, error=error) from error
            if answered is not False:
                report.passed[prop] += 1
            if prop == "gradient":
                report.met.update(k for k in point.floating if point.inputs[k].size)
                report.judged.update(point.judged)
        if self.analytic is None and not point.analytic:
            self.analytic = False

    def _point(self, inputs: list[Any], number: int) -> Point:
        point = Point(self.fn, inputs, self.engine, number, self.analytic is not False)
        try:
            value = point.value
        except NoArray as error:
            raise Finding("forward", str(error), point, error=error) from error
        except Exception as error:
            _let_hypothesis_through(error)
            raise Finding("forward", f"fn raises {type(error).__name__}: {error}", point, error=error) from error
        if any(point.inputs[k].dtype != np.float64 for k in point.floating):
            raise Rejected(_NOT_DOUBLE)
        for arrays, what in ((point.floating, _NO_INPUT), (value, _NO_OUTPUT)):
            if not arrays:
                raise Rejected(what)
        if not np.isfinite(flat(value)).all():
            raise Rejected("for values that are not finite")
        if any(((point.inputs[k] != 0) & (np.abs(point.inputs[k]) < UNDERFLOW)).any() for k in point.floating):
            raise Rejected(f"for inputs below {UNDERFLOW}, where float64 has fewer digits")
        return point

    def _variant(self, point: Point, maker: Any, number: int) -> Point:
        """The point in another shape, or the same where fn does not take that."""
        inputs = varied(maker, point.inputs, number)
        if inputs is None:
            return point
        other = point.at(inputs)
        broadcast = maker in BROADCAST
        try:
            if not other.value or not np.isfinite(flat(other.value)).all():
                return point
        except Exception as error:
            if broadcast and self.broadcasts:
                sentence = f"inputs that broadcast are refused, {type(error).__name__}: {error}"
                raise Finding("broadcasting", sentence, other, error=error) from error
            return point
        if broadcast and [a.shape for a in other.value] != [a.shape for a in point.value]:
            return point
        if broadcast and self.broadcasts is None and conduct.expanded(other) is None:
            return point
        return other

    def _properties(self) -> list[tuple[str, Callable[[Point], bool | None]]]:
        """By name; each raises Finding, or returns False where it could not be asked."""
        asked: list[tuple[str, Callable[[Point], bool | None]]] = []
        asked += [("purity", conduct.purity), ("gradient", _judged_gradient)]
        asked.append(("linearity", properties.linearity))
        second = self.order > 1 and self.engine.gradient is not None
        forward = [("forward_mode", lambda p: properties.forward_mode(p, second))] if self.engine.jvp else []
        asked += forward if not self.engine.jvp_by_rules else []
        if second:
            asked.append(("second_order", properties.second_order))
        asked += forward if self.engine.jvp_by_rules and self.order > 1 else []
        asked += [("repeated_input", properties.repeated_input), ("two_calls", properties.two_calls)]
        if self.broadcasts is not False:
            asked.append(("broadcasting", conduct.broadcasting))
        if self.float32:
            asked.append(("float32", conduct.float32))
        asked.append(("layouts", conduct.layouts))
        if self.reference is not None:
            asked.append(("reference", lambda p: properties.reference(p, self.reference)))  # type: ignore[arg-type]
        return asked


def _judged_gradient(point: Point) -> None:
    properties.gradient(point)
    if not point.judged and any(point.inputs[k].size for k in point.floating):
        raise Rejected("for derivatives that differences do not find: kinks, or a domain's edge")


def _protected(a: Any) -> Any:
    """A copy that cannot be written into: the array itself is the user's."""
    if isinstance(a, np.ndarray):
        a = a.copy(order="K")
        a.flags.writeable = False
    return a


def _let_hypothesis_through(error: Exception) -> None:
    """An ``assume`` inside fn speaks to Hypothesis."""
    if type(error).__module__.startswith("hypothesis."):
        raise error
