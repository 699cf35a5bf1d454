"""Where PyTorch refuses shapes or dimensions, so does minigrad: every op of the catalogue, given what does not fit."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minigrad import Tensor, ops
from minigrad.testing.catalogue import CASES

FEW = settings(max_examples=max(4, settings.default.max_examples // 12))
REFUSALS = (ValueError, TypeError, IndexError, RuntimeError)


@st.composite
def spoiled(draw, inputs):
    """An example of which one array has got another shape, or one number another value."""
    arrays, options = draw(inputs)
    arrays, options = list(arrays), list(options)
    numbers = [i for i, o in enumerate(options) if type(o) is int]
    if numbers and draw(st.booleans()):
        options[draw(st.sampled_from(numbers))] += draw(st.sampled_from([-7, 7]))
    else:
        assume(arrays)
        i = draw(st.integers(0, len(arrays) - 1))
        shape = list(arrays[i].shape)
        change = draw(st.sampled_from(["longer", "more dimensions", "fewer"]))
        if change == "longer" and shape:
            shape[draw(st.integers(0, len(shape) - 1))] += draw(st.integers(1, 3))
        elif change == "fewer" and shape:
            shape.pop(draw(st.integers(0, len(shape) - 1)))
        else:
            shape.insert(draw(st.integers(0, len(shape))), draw(st.integers(0, 4)))
        arrays[i] = np.resize(arrays[i], shape) if arrays[i].size else np.ones(shape)
    return arrays, options


def for_torch(torch, setting):
    if isinstance(setting, tuple):
        return tuple(for_torch(torch, s) for s in setting)
    return torch.tensor(setting.copy()) if isinstance(setting, np.ndarray) else setting


# These lines compare with an expression of PyTorch's that means the same, but refuses more than the op itself.
EQUIVALENT = ("cond", "scatter_add:long")
JUDGED = [c for c in CASES if not c.name.startswith(EQUIVALENT)]


@pytest.mark.parametrize("case", JUDGED, ids=[c.name for c in JUDGED])
@FEW
@given(data=st.data())
def test_what_pytorch_refuses_is_refused(case, data, torch):
    arrays, options = data.draw(spoiled(case.inputs))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # theirs, of what they may refuse one day
            case.theirs(torch, *(torch.tensor(a.copy()) for a in arrays), *(for_torch(torch, o) for o in options))
    except ZeroDivisionError:
        return  # in the line of the catalogue itself
    except REFUSALS as error:
        theirs = str(error).splitlines()[0]
        assume(not any(gap in theirs for gap in ("not supported", "Only ", "Non-empty ")))  # gaps of theirs
    else:
        return  # what only minigrad refuses, or takes too, is the matter of other tests
    try:
        outs = case.ours(ops, *(Tensor(a) for a in arrays), *options)
    except REFUSALS as refusal:
        sentence = str(refusal)
    else:
        pytest.fail(f"PyTorch says {theirs!r}; minigrad computed {getattr(outs, 'shape', outs)}")
    assert 0 < len(sentence) < 400
