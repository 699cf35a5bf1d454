"""A change in place is named with its line, and the op that needed the old value with the line that called it."""

import inspect
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, detect_anomaly, nn, no_grad, optim
from minigrad.errors import written


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


def line():
    """Where this is called, as messages write it."""
    frame = inspect.currentframe().f_back
    return written((frame.f_code.co_filename, frame.f_lineno))


def message(out):
    with pytest.raises(RuntimeError, match="changed in place after it was recorded") as error:
        out.sum().backward()
    return str(error.value)


def iadd(t):
    t += 1


CHANGES = {
    "fill_": lambda t: t.fill_(3),
    "copy_": lambda t: t.copy_([5.0, 6.0]),
    "index": lambda t: t.__setitem__(0, 5.0),
    "+=": iadd,
    "data": lambda t: setattr(t, "data", np.zeros(2)),
    "an optimiser": lambda t: optim.SGD([t], lr=0.1).step([Tensor([1.0, 1.0])]),
    "by a view": lambda t: t.detach()[1:].fill_(3),
}


@pytest.mark.parametrize("name", CHANGES)
def test_both_places_are_named(name):
    x = leaf(1, 2)
    with detect_anomaly():
        y, called = x * x, line()
    with no_grad():
        CHANGES[name](x)
    changed = CHANGES[name].__code__
    text = message(y)
    assert f"multiply called at {called}" in text
    first = written((changed.co_filename, changed.co_firstlineno + (name == "+=")))
    assert f"changed at {first})" in text


def test_the_change_is_named_without_anomaly_mode_too():
    x = leaf(1, 2)
    y = x.exp()
    with no_grad():
        _, changed = y.zero_(), line()
    text = message(y)
    assert text.endswith(f"run backward before the change, or change a copy (changed at {changed})")
    assert "called at" not in text


def test_a_network_that_was_moved_says_where():
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    optimizer = optim.SGD(list(net.parameters()), lr=0.1)
    with mg.use_kernels("plain"):
        loss = (net(np.ones((1, 2), np.float32)) ** 2).mean()
        _, changed = optimizer.minimize(loss, retain_graph=True), line()
        assert f"changed at {changed}" in message(loss)


def test_versions_count_as_pytorchs(torch):
    counts = []
    for make in (lambda v: Tensor(v), lambda v: torch.tensor(v, dtype=torch.float64)):
        x = make([1.0, 2.0])
        seen = [x._version]
        x.zero_()
        seen.append(x._version)
        d = x.detach()
        v = x.reshape(1, 2)
        d += 1
        seen += [x._version, d._version, v._version]
        v.fill_(2)
        seen += [x._version, d._version, (x * 2)._version, x.clone()._version]
        counts.append(seen)
    assert counts[0] == counts[1] == [0, 1, 2, 2, 2, 3, 3, 0, 0]


def test_a_change_is_noticed_whoever_made_it_last():
    """One clock for all threads: the shortcut of a walk after no change is not fooled by another thread's."""
    x, y = leaf(1, 2), leaf(3, 4)
    out = x * x
    with no_grad():
        x.fill_(5)
    thread = threading.Thread(target=lambda: y.detach().fill_(1))
    thread.start()
    thread.join()
    assert "changed in place" in message(out)
    (x * x).sum().backward()
    assert x.grad.tolist() == [10, 10]


def test_an_unknown_place_is_called_so():
    assert written(None) == "an unknown place"
    assert written(("/somewhere/else.py", 3)) == "/somewhere/else.py:3"
