"""CuPy for the tests of this folder: the real one where there is a GPU, the stand-in everywhere else."""

import functools
import warnings

import pytest


@functools.cache
def real_cupy():
    """CuPy, if it is installed and finds a device; else None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what is missing beside it
        try:
            import cupy
        except ImportError:
            return None
        return cupy if cupy.cuda.is_available() else None


@pytest.fixture
def cupy_module():
    """What ``import cupy`` gives inside the test. Tests that use it have the marker ``gpu``."""
    if real_cupy() is not None:
        yield real_cupy()
        return
    from tests.cuda import standin

    yield standin.install()
    standin.uninstall()


@pytest.fixture
def fake_cupy():
    """The stand-in, with or without a GPU: for what only it refuses."""
    from tests.cuda import standin

    yield standin.install()
    standin.uninstall()


@pytest.fixture
def cupy_cublas(cupy_module):
    """``cupy_module``, with the stand-in's cuBLAS beside the stand-in; on a GPU both are real."""
    if not getattr(cupy_module, "is_stand_in", False):
        yield cupy_module
        return
    from tests.cuda.standin import cublas

    cublas.install()
    yield cupy_module
    cublas.uninstall()


@pytest.fixture
def fake_cublas(fake_cupy):
    """The stand-in's cuBLAS, with the stand-in installed: for what only it refuses."""
    from tests.cuda.standin import cublas

    cublas.install()
    yield cublas
    cublas.uninstall()


@pytest.fixture
def gpu():
    """Real CuPy. Without a GPU the test is not run, and says so."""
    return real_cupy() or pytest.skip("not run: there is no GPU here")


@pytest.fixture
def host_reads(cupy_module):
    """A function that says how often the host has read the device so far. Real CuPy does not tell: 0."""
    if not getattr(cupy_module, "is_stand_in", False):
        return lambda: 0
    from tests.cuda.standin.streams import State

    return lambda: State.host_reads


def pytest_collection_modifyitems(items):
    """``-m gpu`` selects all that a GPU has a say in."""
    for item in items:
        if {"cupy_module", "gpu"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("gpu")
