"""The tape against a naive twin: random programs of ops, views, changes in place, hooks and repeated backward passes.

The twin knows no rule and no walk. It differentiates each op by a complex step (Squire and Trapp, 1998), at the values
its arguments had when it was called, and goes forward from each target through everything that was computed since.
Which nodes are freed, and which changes in place are forbidden, it decides from its own list of what was done.
"""

from itertools import count

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import minigrad as mg
from minigrad import Tensor, gradients, no_grad, set_grad_enabled

STEP = 1e-30
# name: (function of arrays or Tensors, does it read no values, is its result a view)
OPS = {
    "add": (lambda m, a, b: a + b, True, False),
    "subtract": (lambda m, a, b: a - b, True, False),
    "multiply": (lambda m, a, b: a * b, False, False),
    "cat": (lambda m, a, b: (np.concatenate if m is np else mg.cat)([a, b]), True, False),
    "negative": (lambda m, a: -a, True, False),
    "double": (lambda m, a: a * 2.0, False, False),
    "tanh": (lambda m, a: m.tanh(a), False, False),
    "square": (lambda m, a: a**2, False, False),
    "sum": (lambda m, a: a.sum(), True, False),
    "row": (lambda m, a: a.reshape(1, -1), True, True),
    "first": (lambda m, a: a[:1], True, True),
}
BINARY = ("add", "subtract", "multiply", "cat")
anyone = st.integers(-3, 5)
values = st.lists(st.sampled_from([-1.5, -0.5, 0.0, 0.25, 1.0, 2.0]), min_size=1, max_size=2)
clock = count(1)
BURST = {"leaf": 1, "compute": 16, "detach": 1, "cut": 1, "forget_the_gradient": 1, "retain_grad": 2}
BURST |= {"change_in_place": 1, "hook": 2, "unhook": 1, "walk": 8}
MOST = 40  # Tensors in one run


def close(a, b):
    return a.shape == b.shape and bool((np.abs(a - b) <= 1e-9 + 1e-9 * np.abs(b)).all())


class Twin:
    """What a Tensor should be."""

    def __init__(self, value, needs=False, op=None, args=(), memory=None):
        self.value, self.needs, self.op, self.args = value, needs, op, args
        self.then = [a.value.copy() for a in args]  # the arguments when the op was called
        self.memory = {"changed": 0} if memory is None else memory
        self.time, self.freed = next(clock), False
        self.factors, self.retains, self.grad = {}, False, None
        self.known = {}  # derivatives

    @property
    def is_leaf(self):
        return self.op is None

    def derivative(self, i):
        """d self / d argument i, as a matrix."""
        if i in self.known:
            return self.known[i]
        f, x, columns = OPS[self.op][0], self.then[i], []
        for k in range(x.size):
            moved = [a.astype(complex) for a in self.then]
            moved[i].flat[k] += STEP * 1j
            columns.append(np.imag(f(np, *moved)).ravel() / STEP)
        self.known[i] = np.reshape(columns, (x.size, -1)).T
        return self.known[i]

    def order(self):
        """Every Twin that gradients pass through from here, arguments first."""
        found = []

        def visit(t):
            if t.needs and not any(t is u for u in found):
                for a in () if t.freed else t.args:
                    visit(a)
                found.append(t)

        visit(self)
        return found

    def gradient(self, target, seed):
        """What arrives at ``target`` if ``seed`` starts here; None if there is no way."""
        flow = {}
        for t in self.order():
            through = [t.derivative(i) @ flow[id(a)] for i, a in enumerate(t.args) if flow.get(id(a)) is not None]
            total = np.eye(t.value.size) if t is target else sum(through) if through else None
            flow[id(t)] = total if total is None else total * np.prod(list(t.factors.values()))
        found = flow.get(id(self))
        return None if found is None else (seed.ravel() @ found).reshape(target.value.shape)


class Tape(RuleBasedStateMachine):
    """Each rule does the same to a Tensor and to its Twin."""

    def __init__(self):
        super().__init__()
        self.all, self.handles = [], []

    def pick(self, i):
        """Of all that was made, the i-th from the end; for a negative number from the beginning."""
        return self.all[(-i if i < 0 else -1 - i) % len(self.all)]

    # -------------------------------------------------------------------------------------------- making

    @initialize(value=values)
    def first_leaf(self, value):
        self.leaf(value, True)

    @rule(value=values, needs=st.booleans())
    def leaf(self, value, needs):
        self.all.append((Tensor(value, requires_grad=needs), Twin(np.array(value), needs)))

    @rule(calls=st.lists(st.tuples(st.sampled_from(sorted(OPS)), anyone, anyone), min_size=1, max_size=5))
    def compute(self, calls):
        for name, i, j in calls:
            self.call(name, True, i, j)

    @rule(name=st.sampled_from(sorted(OPS)), i=anyone, j=anyone)
    def compute_unrecorded(self, name, i, j):
        self.call(name, False, i, j)

    def call(self, name, recorded, *numbers):
        f, _, view = OPS[name]
        pairs = [self.pick(i) for i in numbers][: 2 if name in BINARY else 1]
        twins = [twin for _, twin in pairs]
        try:
            value = f(np, *(t.value for t in twins))
        except (ValueError, IndexError):  # shapes that do not fit
            return
        if len(self.all) == MOST or value.size > 8 or np.abs(value).max() > 100 or (view and not twins[0].value.ndim):
            return
        with set_grad_enabled(recorded):
            tensor = f(mg, *(t for t, _ in pairs))
        needs = recorded and any(t.needs for t in twins)
        shared = twins[0].memory if view else None
        value = value if view else np.array(value)
        twin = Twin(value, needs, name if needs else None, twins if needs else (), shared)
        self.all.append((tensor, twin))

    @rule(i=anyone)
    def detach(self, i):
        tensor, twin = self.pick(i)
        value = twin.value if twin.value.ndim else twin.value.copy()
        self.all.append((tensor.detach(), Twin(value, memory=twin.memory)))

    # ------------------------------------------------------------------------------------------ changing

    @rule(i=anyone, value=st.sampled_from([-1.0, 0.5, 3.0]), add=st.booleans())
    def change_in_place(self, i, value, add):
        tensor, twin = self.pick(i)
        with no_grad():
            if add:
                tensor += value
            else:
                tensor.fill_(value)
        twin.value[...] = twin.value + value if add else value
        twin.memory["changed"] = next(clock)

    @rule(i=anyone)
    def cut(self, i):
        tensor, twin = self.pick(i)
        tensor.detach_()
        twin.needs, twin.op, twin.args, twin.freed = False, None, (), False

    @rule(i=anyone)
    def forget_the_gradient(self, i):
        for t in self.pick(i):
            t.grad = None

    @rule(i=anyone, factor=st.sampled_from([-1.0, 2.0, 0.5]))
    def hook(self, i, factor):
        tensor, twin = self.pick(i)
        if twin.needs:
            handle = tensor.register_hook(lambda g: g * factor)
            twin.factors[handle.id] = factor
            self.handles.append((handle, twin))

    @precondition(lambda self: self.handles)
    @rule(i=st.integers(0, 5))
    def unhook(self, i):
        handle, twin = self.handles.pop(i % len(self.handles))
        handle.remove()
        twin.factors.pop(handle.id)

    @rule(i=anyone)
    def retain_grad(self, i):
        tensor, twin = self.pick(i)
        if twin.needs and not twin.is_leaf:
            tensor.retain_grad()
            twin.retains = True

    # ------------------------------------------------------------------------------------------- walking

    def expected_error(self, twin, passed):
        """What the walk should say, None if it should go through."""
        if not twin.needs:
            return "no gradient reaches"
        if any(t.freed for t in twin.order()):
            return "freed by an earlier backward pass"
        for t in passed:
            if not OPS[t.op][1] and any(u.memory["changed"] > t.time for u in (t, *t.args)):
                return "changed in place"
        return None

    def walk(self, a, seed, retain, wrt):
        """backward, or gradients for ``wrt``."""
        tensor, twin = a
        twins = None if wrt is None else [t for _, t in wrt]
        order = twin.order() if twin.needs else []
        useful = {id(t) for t in (order if twins is None else twins)}
        passed = []
        for t in order:
            if not t.is_leaf and (twins is None or any(id(u) in useful for u in t.args)):
                useful.add(id(t))
                passed.append(t)
        expected = self.expected_error(twin, passed)
        start, said = np.full(twin.value.shape, seed), None
        try:
            if wrt is None:
                tensor.backward(start, retain_graph=retain or expected is not None)
            else:
                settings = {"retain_graph": retain or expected is not None, "allow_unused": True}
                found = gradients(tensor, [t for t, _ in wrt], start, **settings)
        except RuntimeError as error:
            said = str(error)
        assert (said is None) == (expected is None), said
        if expected is not None:
            assert expected in said
            for other, its_twin in self.all:  # a walk that stops on its way may have met some of these
                if its_twin.retains:
                    other.grad = its_twin.grad = None
            return
        if wrt is not None:
            for g, t in zip(found, twins, strict=True):
                wanted = twin.gradient(t, start)
                assert (g is None) == (wanted is None)
                if g is not None:
                    assert close(g.data, wanted)
        for t in order:
            if id(t) in useful and (t.retains or (t.is_leaf and twins is None)):
                g = twin.gradient(t, start)
                t.grad = g if t.grad is None else t.grad + g
        if not retain:
            kept = []
            for t in order:
                if t.is_leaf or (OPS[t.op][1] and all(any(u is k for k in kept) for u in t.args)):
                    kept.append(t)
            for t in passed:
                t.freed = t.freed or not any(t is k for k in kept)

    @rule(i=anyone, seed=st.sampled_from([1.0, -2.0]), retain=st.booleans())
    def backward(self, i, seed, retain):
        self.walk(self.pick(i), seed, retain, None)

    @rule(i=anyone, j=anyone, k=anyone, seed=st.sampled_from([1.0, -2.0]), retain=st.booleans())
    def take_gradients(self, i, j, k, seed, retain):
        wrt = [p for p in (self.pick(j), self.pick(k)) if p[1].needs]
        if wrt:
            self.walk(self.pick(i), seed, retain, wrt)

    @rule(seed=st.integers(0, 10**6))
    def a_burst(self, seed):
        """Many at once: alone, Hypothesis seldom comes to where a graph is freed in part and then walked again."""
        rng = np.random.default_rng(seed)
        for action in rng.choice([a for a, weight in BURST.items() for _ in range(weight)], 20):
            i, j, k = (int(n) for n in rng.integers(-3, 6, 3))
            number, flag = rng.choice([-1.0, 0.5, 2.0]), bool(rng.integers(2))
            match action:
                case "leaf":
                    self.leaf([number], True)
                case "compute":
                    self.call(rng.choice(sorted(OPS)), True, i, j)
                case "detach" | "cut" | "forget_the_gradient" | "retain_grad":
                    getattr(self, action)(i)
                case "change_in_place":
                    self.change_in_place(i, number, flag)
                case "hook":
                    self.hook(i, number)
                case "unhook" if self.handles:
                    self.unhook(abs(i))
                case "walk":
                    tracked = [p for p in self.all if p[1].needs]
                    made = [p for p in tracked if not p[1].is_leaf]
                    if made:
                        wrt = [tracked[n % len(tracked)] for n in (j, k)] if rng.integers(2) else None
                        self.walk(made[-1 - abs(i) % len(made)], number, flag, wrt)

    # ---------------------------------------------------------------------------------------- always true

    @invariant()
    def all_is_as_the_twins_say(self):
        for tensor, twin in self.all:
            assert close(tensor.data, twin.value)
            assert tensor.requires_grad == twin.needs
            assert tensor.is_leaf == twin.is_leaf
            assert (tensor.grad is None) == (twin.grad is None)
            if twin.grad is not None:
                assert close(tensor.grad.data, twin.grad)
        assert mg.is_grad_enabled()


TestTape = Tape.TestCase
TestTape.settings = settings(stateful_step_count=15)
