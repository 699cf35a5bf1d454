"""What is drawn is what was promised, shrinks to something readable, and programs run on PyTorch too."""

import numpy as np
import pytest
from hypothesis import find, given, settings

import minigrad as mg
import minigrad.testing
from minigrad import Tensor
from minigrad.testing import arrays, broadcastable, mlps, programs, shapes, tensors, well_conditioned
from minigrad.testing.report import code
from minigrad.testing.strategies import Network, numbers

MANY = settings(max_examples=60, derandomize=True, deadline=None)
SEARCH = settings(max_examples=2000, derandomize=True, deadline=None, database=None)


@MANY
@given(arrays(), tensors((2,)), broadcastable(3))
def test_arrays(a, t, together):
    assert a.dtype == np.float64
    assert (np.abs(a) <= 3).all()
    assert isinstance(t, Tensor)
    assert t.requires_grad
    assert t.shape == (2,)
    np.broadcast_shapes(*(x.shape for x in together))


@MANY
@given(well_conditioned(), well_conditioned(4, symmetric=True))
def test_matrices_can_be_inverted(a, symmetric):
    assert np.linalg.cond(a) < 20
    assert (np.linalg.eigvalsh(symmetric) >= 0.99).all()
    np.testing.assert_array_equal(symmetric, symmetric.T)


@MANY
@given(programs(kinks=True))
def test_a_program_runs_on_minigrad_and_on_pytorch(torch, program):
    xs = [Tensor(a, requires_grad=True) for a in program.inputs]
    ts = [torch.tensor(a, requires_grad=True) for a in program.inputs]
    ours, theirs = program(mg, *xs), program(torch, *ts)
    np.testing.assert_allclose(ours.detach().data, theirs.detach().numpy(), rtol=1e-9, atol=1e-9)
    namespace = {"np": np}
    exec(repr(program), namespace)
    again = namespace["program"](mg, *(namespace[f"x{i}"] for i in range(len(xs))))
    np.testing.assert_allclose(again, ours.detach().data, rtol=1e-12, atol=1e-12)


def test_a_program_shrinks_to_what_matters():
    found = find(programs(), lambda p: any(s.op == "softmax" for s in p.steps), settings=SEARCH)
    assert len(found.steps) == 1
    assert found.code == "def program(m, x0):\n    x1 = m.softmax(x0, 0)\n    return x1"
    assert repr(found).endswith("x0 = np.array([0.0])")


def test_arrays_shrink_to_round_numbers():
    assert find(arrays(shapes(1)), lambda a: a.sum() > 1, settings=SEARCH).tolist() == [1.125]


@MANY
@given(numbers(0.3, 0.7), numbers(0.3, 0.35))
def test_numbers_stay_between_their_bounds(few_eighths, no_eighth):
    assert 0.3 <= few_eighths <= 0.7
    assert 0.3 <= no_eighth <= 0.35


def test_text_is_written_as_it_is():
    assert eval(code(("inf", "nan", np.inf)), {"np": np}) == ("inf", "nan", np.inf)


@MANY
@given(mlps())
def test_networks_are_said_by_what_makes_them(network):
    out = network.net(Tensor(network.x))
    assert out.shape == (network.batch, network.sizes[-1])
    again = eval(repr(network), {"Network": Network})
    np.testing.assert_array_equal(again.net(Tensor(again.x)).data, out.data)


@pytest.mark.parametrize(
    "a",
    [np.array(1.5), np.zeros((0, 3)), np.zeros((0,), np.int64), np.array([[1, 2]]), np.array([np.nan, -np.inf]),
     np.array([1.0], np.float32), (np.array(True), [1, 2.5], None), (3,), float("inf"), np.float64(2.0), slice(1, 2)],
    ids=repr,
)  # fmt: skip
def test_code_makes_the_value_again(a):
    again = eval(code(a), {"np": np})
    np.testing.assert_equal(again, a)
    assert getattr(again, "dtype", float) == getattr(a, "dtype", float)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute strange"):
        mg.testing.strange  # noqa: B018
