"""Hypothesis at the wheel: draw examples, and shrink the one that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from .measure import Rejected
from .properties import Finding


def drive(
    example: Callable[[list[Any], Any, int], None], inputs: Any, makers: Sequence[Any], count: int, seed: int | None
) -> Finding | None:
    """Call ``example(inputs, maker, number)`` ``count`` times; the simplest Finding that it raised, if any.

    The same examples every time, others for another ``seed``. Rejected draws are no examples.
    """

    failed: list[Finding] = []

    def drawn(arguments: Any, maker: Any, number: int) -> None:
        try:
            example(list(arguments) if isinstance(arguments, (tuple, list)) else [arguments], maker, number)
        except Rejected:
            hypothesis.reject()
        except Finding as found:
            failed.append(found)
            raise

    arguments = inputs if isinstance(inputs, SearchStrategy) else st.tuples(*inputs)
    run = hypothesis.given(arguments, st.sampled_from(makers), st.integers(0, 99))(drawn)
    if seed is not None:
        run = hypothesis.seed(seed)(run)
    run = hypothesis.settings(
        max_examples=count,
        derandomize=seed is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        print_blob=False,
    )(run)
    try:
        run()
    except Finding as found:
        return found
    except Flaky as error:  # the same draw failed once and not again
        if failed:
            last = failed[-1]
            sentence = f"the same inputs do not fail every time: {last.sentence}"
            return Finding("purity", sentence, last.point, error=error)
        raise
    except Unsatisfiable:  # every draw was rejected: the caller counts them
        pass
    return None
