"""detect_anomaly names the first nan or inf and the line it comes from; strict_broadcasting the unwanted dimension."""

import inspect
import threading
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import BroadcastingWarning, Tensor, detect_anomaly, gradients, nn, set_detect_anomaly, strict_broadcasting
from minigrad.autograd import Function
from minigrad.errors import written
from minigrad.recording import thread, watching


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


def here(offset=0):
    frame = inspect.currentframe().f_back
    return written((frame.f_code.co_filename, frame.f_lineno + offset))


@pytest.fixture(autouse=True)
def _nobody_looks_on_afterwards():
    yield
    assert thread.watchers == ()
    assert watching == []


@pytest.fixture(autouse=True)
def _quiet():
    """NumPy's warnings come before ours; these tests are about ours."""
    with np.errstate(all="ignore"):
        yield


def anomaly(act):
    with pytest.raises(RuntimeError, match=r" made (nan|inf) ") as error, detect_anomaly():
        act()
    return str(error.value)


# -------------------------------------------------------------------------------------------------- forward


def test_a_result_that_is_not_finite_raises_at_once_and_says_where():
    x = leaf(1, -1)
    place = here(1)
    text = anomaly(lambda: (x * 2).log().exp())
    assert text == f"log of shapes (2,) made nan from finite arguments; called at {place}"


def test_arguments_that_were_not_finite_already_are_named():
    x, bad = leaf(1, 2), Tensor([[np.inf, 1.0]])
    text = anomaly(lambda: x * bad)
    assert "multiply of shapes (2,), (1, 2) made inf given argument 1 of shape (1, 2) with inf;" in text
    assert "given argument 0 of shape (2,) with nan" in anomaly(lambda: Tensor([np.nan, 1.0]) + 1)


def test_unrecorded_ops_are_looked_at_too():
    assert "log of shapes (1,) made inf" in anomaly(lambda: Tensor([0.0]).log())
    with mg.no_grad():
        assert "log of shapes (1,) made inf" in anomaly(lambda: leaf(0).log())


def test_what_is_finite_or_not_floating_passes():
    with detect_anomaly():
        x = leaf(1, 2)
        y = (x.log() * (x > 1)).sum() + x.argmax()
        y.backward()
    assert x.grad.tolist() == [0, 0.5]


def test_infinities_and_nans_may_be_let_through():
    with detect_anomaly(check_inf=False):
        assert leaf(0).log().item() == -np.inf
        with pytest.raises(RuntimeError, match="made nan"):
            leaf(-1).log()
        with detect_anomaly(check_nan=False):
            assert np.isnan(leaf(-1).log().item())
        with pytest.raises(RuntimeError, match="made nan"):
            leaf(-1).log()


# ------------------------------------------------------------------------------------------------- backward


def test_a_derivative_that_is_not_finite_names_the_line_of_the_forward_call():
    x = leaf(0, 4)

    def act():
        y = x.sqrt()
        out = (y * 2).sum()
        out.backward()

    text = anomaly(act)
    place = written((__file__, act.__code__.co_firstlineno + 1))
    assert "the derivative of sqrt of shapes (2,) for argument 0 made inf from finite arguments; " in text
    assert text.endswith(f"the op was called at {place}")
    assert x.grad is None
    assert mg.is_grad_enabled()


def test_a_graph_from_before_the_block_has_no_line():
    x = leaf(0, 4)
    out = x.sqrt().sum()
    assert anomaly(out.backward).endswith("the op was called at an unknown place")


def test_second_derivatives_are_looked_at_too():
    x = leaf(0, 1)
    with detect_anomaly():
        (g,) = gradients((x**1.5).sum(), [x], create_graph=True)
        place = here(-1)
    text = anomaly(lambda: g.sum().backward())
    assert "the derivative of power of shapes (2,) for argument 0 made inf" in text
    assert text.endswith(f"called at {place}")  # the line that asked for the first derivative


def test_a_function_is_named():
    class Bad(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y, x * 1

        @staticmethod
        def backward(ctx, g, h):
            return g, g * np.nan

    x, y = leaf(1, 2), leaf(3, 4)
    place = here(1)
    text = anomaly(lambda: Bad.apply(x, y)[0].sum().backward())
    assert text.startswith("the derivative of Bad of shapes (2,), (2,) for argument 1 made nan")
    assert text.endswith(f"called at {place}")

    class Worse(Bad):
        @staticmethod
        def forward(ctx, x, y):
            return Tensor(np.array([np.nan, 1.0]))

    assert anomaly(lambda: Worse.apply(x, y)).startswith("Worse of shapes (2,), (2,) made nan from finite arguments")


@pytest.mark.parametrize("kernels", ["plain", "fused"])
def test_networks_on_both_paths(kernels):
    if kernels == "fused":
        pytest.importorskip("numba")
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    for parameter in net.parameters():
        parameter.data = np.abs(parameter.data) + np.float32(0.1)  # inf times a unit that is 0 would be nan
    x = np.ones((2, 3), np.float32)
    with mg.use_kernels(kernels):
        with detect_anomaly():
            (net(x) ** 2).mean().backward()
        assert "made nan" in anomaly(lambda: net(x * np.float32(np.nan)))
        out = net(x)
        assert "made inf" in anomaly(lambda: out.backward(np.full((2, 1), np.inf, np.float32)))


# ---------------------------------------------------------------------------------------------------- modes


def is_on():
    try:
        leaf(0).log()
    except RuntimeError:
        return True
    return False


def test_as_a_block_a_decorator_and_a_switch():
    assert not is_on()
    with detect_anomaly():
        assert is_on()
        with set_detect_anomaly(False):
            assert not is_on()
        assert is_on()
    assert detect_anomaly()(is_on)()
    assert not is_on()
    set_detect_anomaly(True)
    assert is_on()
    set_detect_anomaly(False)
    assert not is_on()
    with pytest.raises(KeyError), detect_anomaly():
        raise KeyError
    assert not is_on()


def test_each_thread_for_itself():
    seen = []
    with detect_anomaly(), np.errstate(all="ignore"):
        other = threading.Thread(target=lambda: seen.append(np.errstate(all="ignore")(is_on)()))
        other.start()
        other.join()
        seen.append(is_on())
    assert seen == [False, True]


def test_nothing_is_told_when_nobody_looks_on(monkeypatch):
    monkeypatch.setattr("minigrad.engine.tell", None)
    x = leaf(1, 2)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4]


# -------------------------------------------------------------------------------------------- broadcasting

ROW, COLUMN = np.ones(3), np.ones((3, 1))
WARNED = {
    "subtract": lambda: Tensor(ROW) - Tensor(COLUMN),
    "add an array": lambda: Tensor(COLUMN) + ROW,
    "multiply": lambda: leaf(1, 2, 3) * COLUMN,
    "compare": lambda: Tensor(ROW) < COLUMN,
    "power": lambda: Tensor(ROW) ** Tensor(COLUMN),
    "maximum": lambda: mg.maximum(Tensor(ROW), COLUMN),
    "where": lambda: mg.where(Tensor(ROW) > 0, Tensor(COLUMN), 0.0),
    "unrecorded": mg.no_grad()(lambda: leaf(1, 2, 3) / COLUMN),
    "other lengths": lambda: Tensor(np.ones(2)) * COLUMN,
}
NOT_WARNED = {
    "a bias": lambda: Tensor(np.ones((4, 3))) + ROW,
    "a number": lambda: Tensor(ROW) * 2 + 1.0,
    "0-d": lambda: Tensor(COLUMN) * Tensor(2.0),
    "one element": lambda: Tensor(np.ones(1)) * np.ones((1, 1)),
    "the same": lambda: Tensor(COLUMN) * COLUMN,
    "expanded": lambda: Tensor(ROW).expand(3, 3) - Tensor(COLUMN),
    "a product of matrices": lambda: Tensor(COLUMN) @ Tensor(COLUMN).T,
    "a layer": lambda: mg.linear(Tensor(COLUMN), Tensor(COLUMN)),
    "joined": lambda: mg.cat([Tensor(ROW), Tensor(ROW)]),
    "empty": lambda: Tensor(np.ones(0)) * np.ones((0, 1)),
    "in the backward pass": lambda: (Tensor(COLUMN, requires_grad=True).sum(0) * ROW).sum().backward(),
}


@pytest.mark.parametrize("name", WARNED)
def test_two_that_make_each_other_larger_are_warned_of(name):
    with (
        pytest.warns(BroadcastingWarning, match=r" of .*\(3, 1\).* made \(3, [23]\): each made") as caught,
        strict_broadcasting(),
    ):
        WARNED[name]()
    assert caught[0].filename == __file__
    assert len(caught) == 1


@pytest.mark.parametrize("name", NOT_WARNED)
def test_others_are_not(name):
    with strict_broadcasting():
        NOT_WARNED[name]()


def test_the_warning_names_op_shapes_and_line():
    with pytest.warns(BroadcastingWarning) as caught, strict_broadcasting():
        difference, line = Tensor(ROW) - Tensor(COLUMN), inspect.currentframe().f_lineno
    assert difference.shape == (3, 3)
    assert "subtract of (3,) and (3, 1) made (3, 3): each made the other larger" in str(caught[0].message)
    assert caught[0].lineno == line
    assert issubclass(BroadcastingWarning, UserWarning)


def test_it_is_off_outside_and_can_be_switched_off_inside():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Tensor(ROW) - Tensor(COLUMN)
        with strict_broadcasting():
            with strict_broadcasting(False):
                Tensor(ROW) - Tensor(COLUMN)
            assert not caught
            Tensor(ROW) - Tensor(COLUMN)
            with detect_anomaly():  # both look on
                Tensor(ROW) - Tensor(COLUMN)
    assert len(caught) == 2


def test_as_an_error_it_stops_at_the_line():
    with pytest.raises(BroadcastingWarning), strict_broadcasting():
        Tensor(ROW) - Tensor(COLUMN)
