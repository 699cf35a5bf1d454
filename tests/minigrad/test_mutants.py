"""The mutants are what they say: right halves right, wrong halves wrong, and none lives under check_op."""

import warnings
from functools import cache

import numpy as np
import pytest

from minigrad import Tensor, gradients
from minigrad.testing import OpError
from minigrad.testing.checkers import CHECKERS
from minigrad.testing.draws import draws
from minigrad.testing.killtable import quiet
from minigrad.testing.mutants import DEFINITIONS, KINDS, MUTANTS
from minigrad.testing.mutants.libraries import FEATURES, fresh, library

by_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
some_draws = cache(lambda inputs: draws(inputs, 20, seed=1))


def test_there_are_enough_of_them():
    assert len(KINDS) >= 24
    assert len(MUTANTS) >= 60
    assert min(len(kind.mutants) for kind in KINDS) >= 2


def test_names_are_unique_and_say_where_they_belong():
    assert len({m.name for m in MUTANTS}) == len(MUTANTS)
    assert len({k.name for k in KINDS}) == len(KINDS)
    assert all(m.kind == k.name and m.needs <= set(FEATURES) for k in KINDS for m in k.mutants)
    assert all(k.story.endswith(".") and "|" not in k.story for k in KINDS)
    assert not [m.name for m in MUTANTS if "|" in m.name]


# ------------------------------------------------------------------------------------------ right halves are right


def passes(checker, definition, count):
    made = library(CHECKERS[checker].library).function(definition)
    with quiet():
        for arrays in some_draws(definition.inputs)[:count]:
            CHECKERS[checker].check(made, arrays)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.name)
@pytest.mark.parametrize("checker", ["gradcheck", "torch", "autograd", "scipy"])
def test_right_halves_pass(checker, definition, require):
    require(CHECKERS[checker].package)
    passes(checker, definition, 2)


@pytest.mark.parametrize("definition", DEFINITIONS[::8], ids=lambda d: d.name)
def test_right_halves_pass_in_jax(definition, require):
    """Some of them: JAX compiles every function for every shape."""
    require("jax")
    passes("jax", definition, 1)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.name)
def test_right_halves_pass_check_op(definition):
    CHECKERS["check_op"].check(
        library("minigrad").function(definition), definition.inputs, **definition.options, max_examples=6
    )


# ------------------------------------------------------------------------------------------ wrong halves are wrong


def observed(definition, arrays, second):
    """All that a definition does with these arrays: value, types, gradients of two calls, and what it wrote into."""
    f = library("minigrad").function(definition)
    found = []
    for shift in (0.0, 0.5):
        given = [a + a.dtype.type(shift) if shift else fresh(a) for a in arrays]
        tensors = [Tensor(a, requires_grad=True) for a in given]
        for t, a in zip(tensors, given, strict=True):
            if a.ndim:
                t.data = a
        out = f(*tensors)
        seed = Tensor(np.random.default_rng(2).normal(size=out.shape).astype(out.dtype), requires_grad=second)
        before = [t.data.copy() for t in tensors]
        gs = gradients(out, tensors, seed, create_graph=second, allow_unused=True)
        found += [(str(out.dtype), out.data), *((str(g.dtype), g.data) for g in gs)]
        found += [("written", t.data) for t in tensors] + [("before", b) for b in before]
        if second:
            tracked = [g for g in gs if g.requires_grad]
            weights = [np.random.default_rng(3).normal(size=g.shape) for g in tracked]
            seconds = gradients(tracked, [*tensors, seed], weights, allow_unused=True) if tracked else []
            found += [("second", g.data) for g in seconds if g is not None] + [("count", np.array(len(seconds)))]
            found += [("none", np.array(g is None)) for g in seconds]
    return found


def variants(mutant, arrays):
    """The same inputs in the guise in which the mistake can be seen."""
    if "float32" in mutant.needs:
        yield [a.astype(np.float32) for a in arrays]
        yield arrays
    elif "identity" in mutant.needs:
        yield arrays
    elif "layout" in mutant.needs:
        yield [np.asfortranarray(a) for a in arrays]
    else:
        yield arrays


def differ(mutant):
    for arrays in some_draws(mutant.right.inputs):
        for given in variants(mutant, arrays):
            second = "second" in mutant.needs
            try:
                ours = observed(mutant.right, given, second)
                theirs = observed(mutant.wrong, given, second)
            except (RuntimeError, ValueError):
                return True
            if len(ours) != len(theirs):
                return True
            for (kind, a), (other, b) in zip(ours, theirs, strict=True):
                if kind != other or not np.array_equal(a, b, equal_nan=True):
                    return True
    return False


# These are seen by arrangement alone, as check_op arranges it: it finds them, and nothing in their right halves.
ARRANGED = ("repeated input", "ties", "cotangent's layout", "cotangent mutated", "output aliased")


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if m.kind not in ARRANGED], ids=lambda mutant: mutant.name)
def test_the_wrong_half_differs(mutant):
    """In value, type, gradient, second derivative, or in what it writes into."""
    with quiet():
        assert differ(mutant)


@by_mutant
def test_check_op_kills(mutant):
    wrong = library("minigrad").function(mutant.wrong)
    with pytest.raises(OpError), quiet():
        CHECKERS["check_op"].check(wrong, mutant.right.inputs, **mutant.right.options)


def test_every_library_plants_the_same_op(require):
    """The value of a right op is the same everywhere."""
    for name in ("minigrad", "torch", "jax", "autograd", "mygrad"):
        if name != "minigrad":
            require(name)
        made = library(name)
        for definition in DEFINITIONS[::6]:
            for arrays in some_draws(definition.inputs)[:4]:
                wanted = library("numpy").function(definition)(*map(fresh, arrays))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    out = made.function(definition)(*map(made.wrap, arrays))
                data = out.detach().numpy() if name in ("torch", "minigrad") else np.asarray(getattr(out, "data", out))
                np.testing.assert_allclose(
                    data, wanted, rtol=1e-6 if name == "jax" else 1e-13, atol=1e-6 if name == "jax" else 1e-15
                )
