"""Every kernel compiles for three generations of GPUs, keeps all it has in registers, and takes few of them."""

import os
import re
from functools import cache

import pytest

from minigrad.fused.cuda.source import FAMILIES, FOLDER, OPTIONS, family_of, signatures, source
from tests.cuda import nvrtc

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")  # A100, H100 and H200, B200
REGISTERS = 48  # of a thread: 1,280 threads and more fit on one multiprocessor
CUPYS = ("-ftz=true", "--device-as-default-execution-space")  # what CuPy adds to a module's own options
KEPT = re.compile(r"\b0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
KERNELS = [kernel for family in FAMILIES for kernel in signatures(family)]


@cache
def library():
    try:
        return nvrtc.load()
    except OSError as error:
        reason = f"needs NVRTC, of the extra [test]: {error}"
    return pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@cache
def built(family, architecture):
    """{kernel: what the compiler reports of it}, and the cubin."""
    cubin, log = nvrtc.compiled(library(), source(family), architecture, (*OPTIONS, *CUPYS))
    reports = re.split(r"Compiling entry function '(\w+)' for '\w+'", log)
    return cubin, dict(zip(reports[1::2], reports[2::2], strict=True))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_spills_and_few_registers(kernel, architecture):
    cubin, reports = built(family_of(kernel), architecture)
    assert cubin[:4] == b"\x7fELF"
    report = reports[kernel]
    assert KEPT.search(report), report
    assert int(re.search(r"Used (\d+) registers", report)[1]) <= REGISTERS, report


def test_a_spill_would_be_seen():
    """The report of a kernel with an array that cannot lie in registers."""
    loop = "int a[100]; for (int j = 0; j < 100; j++) a[j] = x[j * i]; x[0] = a[i];"
    _, log = nvrtc.compiled(library(), f'extern "C" __global__ void k(int* x, int i) {{ {loop} }}', "sm_90", OPTIONS)
    assert "400 bytes stack frame" in log
    assert not KEPT.search(log)


def test_what_does_not_compile_names_file_and_line():
    broken = source("maxout").replace("int which = 0;", "int which = nothing;")
    line = (FOLDER / "maxout.cu").read_text().split("int which = 0;")[0].count("\n") + 1
    with pytest.raises(SyntaxError, match=rf'maxout\.cu\({line}\): error: identifier "nothing" is undefined'):
        nvrtc.compiled(library(), broken, "sm_90", OPTIONS)


def test_every_file_is_of_a_family_and_every_kernel_says_what_it_equals():
    assert sorted(p.name for p in FOLDER.iterdir()) == sorted(["common.cuh", *(f"{f}.cu" for f in FAMILIES)])
    bookkeeping = {"advance_state"}
    for family in FAMILIES:
        text = (FOLDER / f"{family}.cu").read_text()
        for kernel in signatures(family):
            before = text[: re.search(rf"__global__ void {kernel}\(", text).start()].rsplit("\n\n", 1)[1]
            assert re.search(r"\b[Ee]quals\b", before) or kernel in bookkeeping, f"{kernel} does not say what it equals"


def test_a_file_of_kernels_stays_small():
    for path in FOLDER.iterdir():
        code = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("//")]
        assert len(code) <= 300
        assert max(map(len, path.read_text().splitlines())) <= 120, path.name
