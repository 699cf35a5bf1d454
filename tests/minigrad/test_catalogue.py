"""Every smooth line of the catalogue through ``check_op``: a few examples in CI, hundreds in the thorough profile."""

import numpy as np
import pytest
from hypothesis import settings

from minigrad import ops
from minigrad.testing import check_op
from minigrad.testing.catalogue import CASES

SMOOTH = [c for c in CASES if c.smooth]
CHANGES_DTYPE = ("astype", "float_power", "power:array", "vector_norm:dtype")
FEW = max(4, settings.default.max_examples // 12)


class Settings(tuple):
    """What an example passes on beside its arrays: nothing to differentiate, so check_op shall not look inside."""


@pytest.mark.parametrize("case", SMOOTH, ids=[c.name for c in SMOOTH])
def test_a_line_of_the_catalogue(case):
    inputs = case.inputs.map(lambda drawn: [*map(np.asarray, drawn[0]), Settings(drawn[1])])

    def op(*given):
        *arrays, options = given
        return case.ours(ops, *arrays, *options)

    single = not case.name.startswith(CHANGES_DTYPE)
    report = check_op(op, inputs, max_examples=FEW, broadcasts=False, edges=False, float32=single, name=case.name)
    assert report.passed["gradient"]
