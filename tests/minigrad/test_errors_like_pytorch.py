"""Where PyTorch refuses shapes or dimensions, so does minigrad: every op of the catalogue, given what does not fit."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minigrad as mg
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


# What PyTorch says where it refuses what has a meaning: a dtype, or the distinct rows of (0, 3), which are one.
GAPS = ("not supported", "Only ", "Non-empty ", "There are 0 sized dimensions")

# These lines compare with an expression of PyTorch's that means the same, but refuses more than the op itself.
EQUIVALENT = ("cond", "scatter_add:long", "scatter_reduce:zeros")
# As in NumPy, the points of an integral may have more dimensions than its values.
BROADCAST = ("cumulative_trapezoid", "trapezoid", "trapz")
JUDGED = [c for c in CASES if not c.name.startswith(EQUIVALENT + BROADCAST)]


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
        assume(not any(gap in theirs for gap in GAPS))
    else:
        return  # what only minigrad refuses, or takes too, is the matter of other tests
    try:
        outs = case.ours(ops, *(Tensor(a) for a in arrays), *options)
    except REFUSALS as refusal:
        sentence = str(refusal)
    else:
        pytest.fail(f"PyTorch says {theirs!r}; minigrad computed {getattr(outs, 'shape', outs)}")
    assert 0 < len(sentence) < 400


MISFITS = {
    "+": lambda m, x: x(2, 3) + x(2, 2),
    "maximum": lambda m, x: m.maximum(x(3), x(2)),
    "where": lambda m, x: m.where(x(3) > 0, x(2), x(3)),
    "@": lambda m, x: x(2, 3) @ x(2, 3),
    "matmul of numbers": lambda m, x: m.matmul(x(), x(2)),
    "mm": lambda m, x: x(2, 3).mm(x(3)),
    "bmm": lambda m, x: m.bmm(x(2, 2, 3), x(3, 3, 2)),
    "dot": lambda m, x: m.dot(x(2), x(3)),
    "addmm": lambda m, x: m.addmm(x(5), x(2, 3), x(3, 4)),
    "renorm": lambda m, x: x(3).renorm(2, 0, 1.0),
    "linear": lambda m, x: m.nn.functional.linear(x(2, 3), x(4, 2)),
    "einsum": lambda m, x: m.einsum("ij,jk", x(2, 3), x(2, 3)),
    "triplets": lambda m, x: m.nn.functional.triplet_margin_with_distance_loss(x(2, 3), x(3), x(3)),
    "reshape": lambda m, x: x(2, 3).reshape(4),
    "view": lambda m, x: x(2, 3).view(5, -1),
    "expand": lambda m, x: x(2, 3).expand(4, 3),
    "expand to fewer": lambda m, x: x(2, 3).expand(3),
    "broadcast_to": lambda m, x: m.broadcast_to(x(3), (2,)),
    "broadcast_tensors": lambda m, x: m.broadcast_tensors(x(3), x(2)),
    "unflatten": lambda m, x: x(6).unflatten(0, (4, 2)),
    "cat": lambda m, x: m.cat([x(2, 3), x(2, 2)]),
    "cat of other dimensions": lambda m, x: m.cat([x(2, 3), x(2, 2, 2)]),
    "stack": lambda m, x: m.stack([x(2), x(3)]),
    "split": lambda m, x: x(4).split([1, 2]),
    "conv2d": lambda m, x: m.nn.functional.conv2d(x(1, 3, 5, 5), x(4, 2, 3, 3)),
    "conv1d": lambda m, x: m.nn.functional.conv1d(x(1, 3, 2), x(4, 3, 5)),
    "max_pool2d": lambda m, x: m.nn.functional.max_pool2d(x(1, 1, 2, 2), 3),
    "gather": lambda m, x: x(2, 3).gather(0, (x(1, 4) * 0).long()),
    "scatter_reduce": lambda m, x: x(2, 3).scatter_reduce(0, (x(2, 3) * 0).long(), x(1, 3), "sum"),
    "a value in place": lambda m, x: x(2, 3).copy_(x(4)),
    "an item": lambda m, x: x(3).__setitem__(slice(0, 2), x(3)),
    "in place": lambda m, x: x(3).add_(x(2, 3)),
    "repeat": lambda m, x: x(2, 3).repeat(2),
    "unfold": lambda m, x: x(3).unfold(0, 4, 1),
    "trace": lambda m, x: x(2, 2, 2).trace(),
    "tril": lambda m, x: x(2).tril(),
}


@pytest.mark.parametrize("name", MISFITS)
def test_shapes_that_do_not_fit_are_a_runtime_error_as_in_pytorch_and_a_value_error_as_in_numpy(name, torch):
    with pytest.raises(RuntimeError):
        MISFITS[name](torch, lambda *shape: torch.ones(shape))
    for kind in (RuntimeError, ValueError):
        with pytest.raises(kind):
            MISFITS[name](mg, lambda *shape: mg.ones(*shape))
