"""Every smooth line of the catalogue through ``check_op``: a few examples in CI, hundreds in the thorough profile."""

import numpy as np
import pytest
from hypothesis import settings

from minigrad import Tensor, ops
from minigrad.testing import check_op
from minigrad.testing.catalogue import CASES
from minigrad.testing.draws import draws

SMOOTH = [c for c in CASES if c.smooth]
FEW = max(1, settings.default.max_examples // 12)


class Settings(tuple):
    """What an example passes on beside its arrays: nothing to differentiate, so check_op shall not look inside."""


@pytest.mark.parametrize("case", SMOOTH, ids=[c.name for c in SMOOTH])
def test_a_line_of_the_catalogue(case):
    some = case.inputs.filter(lambda drawn: any(np.size(a) for a in drawn[0]))  # empty ones: test_ops_oracles.py
    inputs = some.map(lambda drawn: [*map(np.asarray, drawn[0]), Settings(drawn[1])])

    def op(*given):
        *arrays, options = given
        return case.ours(ops, *arrays, *options)

    report = check_op(
        op, inputs, max_examples=FEW, broadcasts=False, edges=False, float32=case.keeps_dtype, name=case.name
    )
    assert report.passed["gradient"]


@pytest.mark.parametrize("case", [c for c in SMOOTH if not c.keeps_dtype], ids=lambda case: case.name)
def test_lines_that_say_so_change_the_dtype(case):
    (arrays, options), *_ = draws(case.inputs, 1)
    out = case.ours(ops, *(Tensor(np.asarray(a, np.float32)) for a in arrays), *options)
    assert out.dtype == np.float64
