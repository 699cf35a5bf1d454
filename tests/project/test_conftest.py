"""The surroundings of the tests do what they say."""

import os

import pytest
from hypothesis import settings


def test_a_missing_package_skips_at_home_and_fails_in_ci(require):
    outcome = pytest.fail.Exception if os.environ.get("CI") == "true" else pytest.skip.Exception
    with pytest.raises(outcome, match="needs no_such_package, of the extra"):
        require("no_such_package")
    assert require("math").pi > 3


def test_long_tests_come_first(request):
    long = [item.get_closest_marker("slow") is not None for item in request.session.items]
    assert long == sorted(long, reverse=True)


def test_ci_draws_the_same_examples_every_time():
    ci, dev, thorough = (settings.get_profile(name) for name in ("ci", "dev", "thorough"))
    assert ci.derandomize
    assert not dev.derandomize
    assert dev.max_examples < ci.max_examples < thorough.max_examples
    assert all(p.print_blob and p.deadline is None for p in (ci, dev, thorough))
