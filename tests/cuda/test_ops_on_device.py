"""Every line of the catalogue on a device: values, first and second derivatives are the host's; nothing is read back.

One body for CuPy and its stand-in. What a line needs and the library at hand lacks is in NOT_RUN, and skipped by name.
"""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from minigrad import Tensor, ops
from minigrad.device import device_of, put
from minigrad.engine import gradients
from minigrad.testing.catalogue import CASES

ONCE = settings(
    max_examples=max(2, settings.default.max_examples // 30),
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

NOT_RUN = {}  # a line's name -> what the stand-in lacks for it

READS = {  # an op's or a line's name -> what the host has to know from the device; all others leave it alone
    "allclose": "the result is Python's",
    "argwhere": "how many elements are not 0",
    "bincount": "the largest number, and whether one is negative",
    "equal": "the result is Python's",
    "getitem:mask": "how many elements the mask takes",
    "getitem:rows": "how many rows the mask takes",
    "histc": "the smallest and the largest element",
    "index_put:mask": "how many elements the mask takes",
    "masked_select": "how many elements the mask takes",
    "matrix_exp": "how often to square",
    "nonzero": "how many elements are not 0",
    "one_hot:largest": "the largest class, which is a length",
    "repeat_interleave:each": "the counts, whose sum is a length",
    "unique": "how many values differ",
    "unique_consecutive": "how many values differ",
}

FREE_SIGN = ("eigh", "qr", "svd")  # on a GPU cuSOLVER, and not LAPACK, gives the vectors their signs


def moved(x, to):
    """Arrays and Tensors inside of lists, tuples and dicts on another device."""
    if isinstance(x, dict):
        return {k: moved(v, to) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(moved(v, to) for v in x)
    if isinstance(x, Tensor):
        return Tensor(put(x.data, to), x.requires_grad)
    return put(x, to) if isinstance(x, np.ndarray) else x


def flat(x):
    """The results of an op, one after another."""
    return [y for part in x for y in flat(part)] if isinstance(x, (tuple, list)) else [x]


def all_of(case, arrays, options, to):
    """Results, and the derivatives of these and of their derivatives by the arguments, weighted by fixed numbers."""
    tensors = [Tensor(a, a.dtype.kind == "f", device=to) for a in arrays]
    outs = flat(case.ours(ops, *tensors, *moved(options, to)))
    found = {"result": outs}
    leaves = [t for t in tensors if t.requires_grad]
    for order in ("first derivative", "second derivative"):
        outs = [t for t in outs if isinstance(t, Tensor) and t.requires_grad]
        if not outs or not case.smooth:
            break
        weights = [Tensor(weight(t), device=to) for t in outs]
        outs = found[order] = gradients(outs, leaves, weights, create_graph=True, allow_unused=True)
    return found


def weight(t):
    rng = np.random.default_rng(t.numel())
    return rng.uniform(0.5, 1.5, t.shape).astype(t.dtype)


def assert_same(case, want, got, to):
    assert want.keys() == got.keys()
    for what, values in want.items():
        assert len(values) == len(got[what])
        for x, y in zip(values, got[what], strict=True):
            assert type(x) is type(y), what
            if not isinstance(x, Tensor):
                assert x == y, what
                continue
            assert device_of(y._data) == to, what
            assert (y.dtype, tuple(y.shape)) == (x.dtype, tuple(x.shape)), what
            x, y = x.detach().numpy(), y.detach().cpu().numpy()
            size = np.max(np.abs(x[np.isfinite(x)]), initial=1)
            tolerance = 1e-9 if x.dtype == np.float64 else 1e-5
            np.testing.assert_allclose(y, x, rtol=tolerance, atol=tolerance * float(size), err_msg=what)


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_a_line_of_the_catalogue(case, cupy_module, host_reads):
    counted = getattr(cupy_module, "is_stand_in", False)
    if counted and case.name in NOT_RUN:
        pytest.skip(f"not run: {NOT_RUN[case.name]}")
    if not counted and case.op in FREE_SIGN:
        pytest.skip("not run: the vectors' signs are the library's")
    read = []

    @settings(ONCE)
    @given(case.inputs)
    def run(drawn):
        arrays, options = drawn
        arrays = [np.asarray(a) for a in arrays]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy, about the numbers drawn
            want = all_of(case, arrays, options, "cpu")
            before = host_reads()
            got = all_of(case, arrays, options, "cuda")
            read.append(host_reads() - before)
        assert_same(case, want, got, "cuda")

    run()
    if counted:
        expected = bool({case.name, case.op} & READS.keys())
        assert any(read) == expected, f"{case.name} reads the device: {any(read)}"
