"""What the GPU benchmark runs of ours computes what it should: on a GPU, and on the stand-in."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import reference
from benchmarks.gpu import cases, kernel_table, peers
from benchmarks.gpu import reference as exact
from benchmarks.gpu.operands import Operands
from benchmarks.gpu.stages import Context, inventory, products
from benchmarks.gpu.stages import kernels as stage
from minigrad.fused.cuda.launch import Kernels

TINY = cases.TINY_STEP
CASES = [
    TINY,
    replace(TINY, precision="tf32"),
    replace(TINY, steps=7, decay=1.2, max_norm=0.9),
    replace(TINY, update="simultaneous", steps=3, decay=1.2, max_norm=0.9, dropout=(0.0, 0.5)),
]
OURS = [name for name, peer in peers.PEERS.items() if peer.ours and name != peers.FLOOR]


@pytest.fixture(autouse=True)
def settings(cupy_cublas):
    """Those of the whole process, put back."""
    import minigrad

    precision = minigrad.get_float32_matmul_precision()
    with minigrad.use_kernels(minigrad.use_kernels.mode):
        yield
    minigrad.set_float32_matmul_precision(precision)


def load(name):
    """Without its setup, which installs the stand-in: the fixture has."""
    return __import__(f"benchmarks.gpu.peers.{name}", fromlist=["step"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
@pytest.mark.parametrize("name", OURS)
def test_the_references_numbers_from_our_own_random_streams(name, case):
    several = cases.checked(case)
    step = load(name).step(several, cases.inputs_of(several), "cpu")
    step.run()
    step.wait()
    found = reference.errors(step.read(), exact.step(several), exact.start(several))
    assert max(found.values()) < (1e-4 if case.precision == "float32" else exact.TOLERANCES["tf32"]), found


@pytest.mark.parametrize("changed", [{"decay": 1.0}, {"max_norm": 0.0}, {"momentum": 0.0}, {"scale": 0.5}])
def test_what_is_computed_otherwise_is_noticed(changed):
    case = replace(TINY, steps=3, decay=1.2, max_norm=0.9)
    step = load(peers.CAPTURED).step(replace(case, **changed), cases.inputs_of(case), "cpu")
    step.run()
    found = reference.errors(step.read(), exact.step(case), exact.start(case))
    assert max(found.values()) > 10 * exact.TOLERANCES["float32"]


def test_the_products_alone():
    step = load(peers.FLOOR).step(TINY, cases.inputs_of(TINY, checked=False), "cpu")
    first = step.mark()
    step.run()
    last = step.mark()
    step.wait()
    assert step.between(first, last) >= 0


def test_the_ceilings(monkeypatch):
    monkeypatch.setattr(inventory, "SIDE", 32)
    monkeypatch.setattr(inventory, "COPIED", 4096)
    assert set(inventory.ceilings()) == {"float32", "tf32", "bytes"}


def test_the_products_of_a_step(tmp_path, monkeypatch):
    """Each is right, and one with a wrong result would be told."""
    monkeypatch.setattr(products, "setup", lambda device: None)  # the fixture has
    monkeypatch.setattr(products, "seconds", lambda call, stream: 1.0)
    data = products.measure(Context("products", "cpu", tmp_path / "stage.json"))
    assert "failed" not in data
    assert len({(row["m"], row["n"], row["k"]) for row in data["products"]}) > 10
    assert all(row["seconds"] is None and row["tuned"] is None for row in data["products"])
    product, a, b, out = Operands(TINY).all[0]
    out[...] = 0
    assert products.error(product, a, b, out) > products.LARGEST_ERROR["tf32"]


@pytest.mark.parametrize("name", kernel_table.KERNELS)
def test_every_kernel_of_the_table(name):
    work = kernel_table.KERNELS[name](kernel_table.Arrays(33, small=True))
    assert work.bytes > 0
    assert not stage.error(work) < stage.LARGEST_ERROR, "nothing was launched yet"
    work.call()
    assert stage.error(work) < stage.LARGEST_ERROR


def test_the_table_has_every_kernel():
    methods = {name for name, value in vars(Kernels).items() if callable(value) and not name.startswith("_")}
    assert methods == set(kernel_table.KERNELS)


def test_a_wrong_word_or_number_is_noticed():
    work = kernel_table.KERNELS["momentum"](kernel_table.Arrays(3, small=True))
    work.call()
    work.call()  # one step too many
    assert stage.error(work) > 100 * stage.LARGEST_ERROR
    work = kernel_table.KERNELS["bernoulli"](kernel_table.Arrays(3, small=True))
    work.call()
    out, expected = work.results()[0]
    work.results = lambda: [
        (out, np.where(np.arange(expected.size).reshape(expected.shape) == 5, 1 - expected, expected))
    ]
    assert stage.error(work) == float("inf")
