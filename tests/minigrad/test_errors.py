"""What bad input gets: one sentence that names the op, the shapes and dtypes it was given, and what to do."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, ops


def ones(*shape, dtype=float):
    return Tensor(np.ones(shape), requires_grad=dtype is float, dtype=dtype)


X, Y, INTEGERS = ones(2, 3), ones(4), ones(2, dtype=int)

SENTENCES = [
    (lambda: X + Y, ValueError, r"add of \(2, 3\) float64, \(4,\) float64: .*broadcast"),
    (lambda: X * np.ones(4, "float32"), ValueError, r"multiply of \(2, 3\) float64, \(4,\) float32: .*broadcast"),
    (lambda: X / Y, ValueError, r"divide of \(2, 3\) float64, \(4,\)"),
    (lambda: X**Y, ValueError, r"power_of_two_tensors of \(2, 3\) float64, \(4,\)"),
    (lambda: X @ Y, ValueError, r"matmul of \(2, 3\) float64, \(4, 1\) float64: .*size 4 is different from 3"),
    (lambda: X @ 2.0, ValueError, r"matmul of \(2, 3\) and \(\): needs arrays of one dimension or more; \* scales"),
    (lambda: Tensor(2.0) @ X, ValueError, r"matmul of \(\) and \(2, 3\): needs arrays"),
    (lambda: X @ [1.0, 2.0, 3.0], ValueError, r"matmul of \(2, 3\) and \(3,\): needs arrays"),
    (lambda: mg.linear(X, ones(4, 5)), ValueError, r"linear of \(2, 3\) float64, \(4, 5\) float64"),
    (
        lambda: mg.linear(X, ones(3)),
        ValueError,
        r"linear of \(2, 3\) float64, \(3,\) float64: the weight must be \(out, in\)",
    ),
    (lambda: mg.linear(X, ones(4, 3), ones(5)), ValueError, r"linear of \(2, 3\) float64, \(4, 3\) float64, \(5,\)"),
    (lambda: mg.where(X > 0, X, Y), ValueError, r"where of \(2, 3\) bool, \(2, 3\) float64, \(4,\) float64"),
    (lambda: mg.maximum(X, Y), ValueError, r"maximum of \(2, 3\) float64, \(4,\) float64"),
    (lambda: X == Y, ValueError, r"eq of \(2, 3\) float64, \(4,\)"),
    (lambda: X & X, TypeError, r"bitwise_and of \(2, 3\) float64, \(2, 3\) float64: .*not supported"),
    (lambda: ~X, TypeError, r"bitwise_not of \(2, 3\) float64"),
    (lambda: INTEGERS**-1, ValueError, r"power of \(2,\) int64: Integers to negative integer powers"),
    (
        lambda: X.reshape(4),
        ValueError,
        r"reshape of \(2, 3\) float64: cannot reshape array of size 6 into shape \(4,\)",
    ),
    (lambda: X.expand(2, 4), ValueError, r"expand of \(2, 3\) float64"),
    (lambda: X.expand(3), ValueError, r"expand of \(2, 3\) to \(3,\): there must be a length for each dimension"),
    (lambda: X.permute(0), ValueError, r"permute of \(2, 3\) float64: axes don't match array"),
    (lambda: X.permute(0, 0), ValueError, r"permute of \(2, 3\) float64: repeated axis"),
    (lambda: X[2], IndexError, r"getitem of \(2, 3\) float64: index 2 is out of bounds for axis 0 with size 2"),
    (lambda: X[0, 0, 0], IndexError, r"getitem of \(2, 3\) float64: too many indices"),
    (lambda: X[1.0], IndexError, r"getitem of \(2, 3\) float64"),
    (lambda: X[Tensor([0.5])], IndexError, r"getitem of \(2, 3\) float64: arrays used as indices must be of integer"),
    (lambda: mg.cat([X, Y]), ValueError, r"cat of \(2, 3\) float64, \(4,\) float64: .*dimension"),
    (lambda: mg.cat([X, X], dim=2), IndexError, r"cat of \(2, 3\) float64, \(2, 3\) float64: axis 2 is out of bounds"),
    (lambda: mg.cat([]), ValueError, "need at least one array to concatenate"),
    (lambda: mg.stack([X, ones(3, 3)], 1), ValueError, r"cat of \(2, 1, 3\) float64, \(3, 1, 3\) float64"),
    (lambda: X.split([1, 2]), ValueError, r"split: the sizes \[1, 2\] do not add up to 2, the length of dim 0"),
    (lambda: X.split(0), ValueError, "split needs a positive size, got 0"),
    (lambda: ops.take_along_dim(X, np.array([[5]]), 0), IndexError, r"take_along of \(2, 3\) float64: index 5 is out"),
    (lambda: X.maxout(2), ValueError, r"maxout of \(2, 3\): the last dimension is no multiple of pieces = 2"),
    (lambda: X.maxout(0), ValueError, "pieces = 0"),
    (lambda: Tensor(1.0).maxout(1), ValueError, r"maxout of \(\)"),
    (lambda: X.clip(), ValueError, "clip needs min, max or both"),
    (lambda: X.softmax(), TypeError, r"softmax needs the dimension .* dim=-1"),
    (lambda: X.sum(dim=0, axis=1), TypeError, "two names for one argument, got dim=0 and axis=1"),
    (lambda: X.sum(2), IndexError, "axis 2 is out of bounds for array of dimension 2"),
    (lambda: X.mean((0, 0)), ValueError, "repeated axis in `dim`"),
    (lambda: X.max(5), IndexError, r"argmax of \(2, 3\) float64: axis 5 is out of bounds"),
    (lambda: ones(0).amax(), ValueError, r"amax of \(0,\) float64: zero-size array"),
    (lambda: X.transpose(0, 2), IndexError, "axis 2 is out of bounds for array of dimension 2"),
    (lambda: X.unsqueeze(4), IndexError, "axis 4 is out of bounds for array of dimension 3"),
    (lambda: mg.exp(np.array(["a"])), TypeError, r"exp of \(1,\) <U1"),
    (lambda: X + "a", TypeError, r"add of \(2, 3\) float64, 'a'"),
    (lambda: X + None, TypeError, r"add of \(2, 3\) float64, None"),
    (lambda: mg.exp(X, out=X), TypeError, r"exp\(\) got an unexpected keyword argument 'out'; its arguments are: x"),
    (lambda: mg.exp(), TypeError, "exp of : .*missing 1 required positional argument: 'x'"),
    (lambda: mg.multiply(X), TypeError, r"multiply of \(2, 3\) float64: .*missing"),
]


@pytest.mark.parametrize(("act", "kind", "sentence"), SENTENCES, ids=[s for *_, s in SENTENCES])
def test_bad_input_gets_a_sentence(act, kind, sentence):
    with pytest.raises(kind, match=sentence) as error:
        act()
    assert error.value.__cause__ is None
    assert len(str(error.value)) < 300


def test_a_huge_argument_is_not_printed():
    with pytest.raises(TypeError) as error:
        X + ("very long " * 1000)
    assert len(str(error.value)) < 300


def test_an_error_leaves_no_trace():
    """Recording and the graph are as they were."""
    x = ones(2)
    y = x * x
    with pytest.raises(ValueError, match="add of"):
        y + ones(3)
    assert mg.is_grad_enabled()
    assert mg.gradients(y.sum(), x).tolist() == [2, 2]
