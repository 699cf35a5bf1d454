"""How hard Hypothesis tries, and what happens where an optional package is missing."""

import importlib
import os
from pathlib import Path

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI") == "true"

if "PYTEST_XDIST_WORKER" in os.environ:
    # Kernels of several threads run beside other workers here: a thread that waits for one without a core shall sleep.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# ci draws the same examples every time, so that a red build is red again at home; quick is for one more Python.
settings.register_profile("ci", max_examples=50, derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", max_examples=25, derandomize=False, deadline=None, print_blob=True)
settings.register_profile("quick", max_examples=5, derandomize=True, deadline=None, print_blob=True)
settings.register_profile("thorough", max_examples=1000, derandomize=False, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "dev"))


def pytest_collection_modifyitems(items):
    """The long tests first: the worker that met one last would keep all others waiting."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def require():
    """Import an optional package. A test that lacks it is skipped at home and fails in CI, where all must be tested."""

    def load(name):
        try:
            return importlib.import_module(name)
        except ImportError as error:
            reason = f"needs {name}, of the extra [test]: {error}"
        return pytest.fail(reason) if IN_CI else pytest.skip(reason)

    return load


@pytest.fixture(scope="session")
def torch(require):
    """PyTorch, the oracle."""
    module = require("torch")
    module.set_num_threads(1)  # the arrays of the tests are small
    return module


@pytest.fixture(scope="session")
def find_mnist():
    """The folder of MNIST's four files, which the project does not contain; without it as with a missing package."""

    def find():
        given = os.environ.get("MINIGRAD_MNIST_DIR")
        folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared/data/mnist"
        if folder.is_dir():
            return folder
        message = f"the MNIST files are not in {folder}; name their folder in MINIGRAD_MNIST_DIR"
        return pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)

    return find
