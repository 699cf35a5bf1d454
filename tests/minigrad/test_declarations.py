"""minigrad/_methods.pyi says exactly what is hung on Tensor at run time, and user code type-checks against it."""

import ast
import inspect
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, engine

PACKAGE = Path(minigrad.__file__).parent
REQUIRED = inspect.Parameter.empty


def body(file, name):
    """The statements of a class."""
    tree = ast.parse((PACKAGE / file).read_text())
    return next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def declared():
    """name -> its definitions in the stub; several where it is overloaded."""
    found = defaultdict(list)
    for node in body("_methods.pyi", "TensorMethods"):
        assert isinstance(node, ast.FunctionDef), ast.unparse(node)
        found[node.name].append(node)
    return dict(found)


def attached():
    """name -> what was hung on Tensor after its class statement."""
    own = {
        "__slots__",
        "__module__",
        "__doc__",
        "__annotations__",
        "__static_attributes__",
        "__firstlineno__",
        "__slotnames__",  # where pickle and copy note the slots
        *Tensor.__slots__,
    }
    for node in body("engine.py", "Tensor"):
        if isinstance(node, ast.FunctionDef):
            own.add(node.name)
        elif isinstance(node, ast.Assign):
            own.update(target.id for target in node.targets)
    return {name: value for name, value in vars(Tensor).items() if name not in own}


def written(node):
    """[(name, kind, default)] of a definition in the stub, without self."""
    a, P = node.args, inspect.Parameter
    names = [*a.posonlyargs, *a.args]
    defaults = [REQUIRED] * (len(names) - len(a.defaults)) + [ast.literal_eval(d) for d in a.defaults]
    out = [(p.arg, P.POSITIONAL_OR_KEYWORD, d) for p, d in zip(names, defaults, strict=True)]
    if a.vararg:
        out.append((a.vararg.arg, P.VAR_POSITIONAL, REQUIRED))
    for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        out.append((p.arg, P.KEYWORD_ONLY, REQUIRED if d is None else ast.literal_eval(d)))
    if a.kwarg:
        out.append((a.kwarg.arg, P.VAR_KEYWORD, REQUIRED))
    assert out[0][0] == "self"
    return out[1:]


def actual(function):
    """The same of the function itself (an op's forward, through __wrapped__), without its first parameter."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()][1:]


def test_every_attached_name_is_declared_and_every_declared_name_attached():
    assert set(declared()) == set(attached())
    assert len(attached()) > 100


@pytest.mark.parametrize("name", sorted(attached()))
def test_parameters_and_defaults_are_those_of_the_function(name):
    value, definitions = attached()[name], declared()[name]
    if isinstance(value, property):
        assert [ast.unparse(d) for d in definitions[0].decorator_list] == ["property"]
        assert written(definitions[0]) == [] == actual(value.fget)
        return
    expected = actual(value)
    if len(definitions) == 1:
        assert definitions[0].decorator_list == []
        assert written(definitions[0]) == expected
        return
    for definition in definitions:  # an overload may require what another leaves out
        assert [ast.unparse(d) for d in definition.decorator_list] == ["overload"]
        assert [p[:2] for p in written(definition)] == [p[:2] for p in expected]
        assert all(default in (REQUIRED, e[2]) for (*_, default), e in zip(written(definition), expected, strict=True))
    assert expected in [written(d) for d in definitions]


SAMPLES = {  # by the parameter's name
    **{"condition": True, "dim": 0, "dim0": 0, "dim1": 1, "dims": (1, 0), "dtype": "float32", "index": 0},
    **{"indices": np.zeros((1, 2), int), "length": 1, "min": 0.0, "other": 0.0, "pieces": 2, "shape": (2, 2)},
    **{"split_size": 1, "start": 0, "value": 1.0, "hook": print, "L": np.eye(2), "upper": True},
    **{"end": 2.0, "n": 1, "tensor1": 1.0, "tensor2": 2.0, "threshold": 0.5, "values": 0.5, "weight": np.ones(1)},
    **{"sizes": (2, 1), "axis0": 0, "axis1": 1, "source": 0, "destination": 1, "chunks": 2, "indices_or_sections": 2},
    **{"src": 1.0, "mask": np.eye(2) > 0, "shifts": 1, "repeats": 2, "dimension": 0, "size": 1, "step": 1, "k": 1},
    **{"n": 1, "q": 0.5, "bins": 2, "fill_value": 1.0, "data": [1.0]},
}


MATRICES = {  # what takes other shapes than two by two
    **{name: {"self": (2,), "y": (2,), "vec2": (2,)} for name in ("dot", "vdot", "outer")},
    **{"mv": {"vec": (2,)}, "bmm": {"self": (1, 2, 2), "mat2": (1, 2, 2)}, "cross": {"self": (3,), "y": (3,)}},
    **{
        "addmm": {"mat1": (2, 2), "mat2": (2, 2)},
        "mm": {"mat2": (2, 2)},
        "addmv": {"self": (2,), "mat": (2, 2), "vec": (2,)},
    },
    **{"ger": {"self": (2,), "vec2": (2,)}, "addr": {"vec1": (2,), "vec2": (2,)}},
    **{name: {"B": (2, 2)} for name in ("lstsq", "solve", "solve_triangular")},
    **{name: {"batch1": (3, 2, 2), "batch2": (3, 2, 2)} for name in ("addbmm", "baddbmm")},
}
PICKED = np.zeros((1, 2), int)
REPEATED = {  # in place too
    **{"put": {"source": 1.0}, "index_put": {"indices": ([0],)}, "renorm": {"p": 2, "maxnorm": 1.0}},
    "masked_scatter": {"source": np.ones(2)},
}
OF_ITS_OWN = {  # where one name means different things
    **{name: {"index": PICKED} for name in ("gather", "scatter", "scatter_")},
    **{name: {"index": PICKED, "src": np.ones((1, 2))} for name in ("scatter_add", "scatter_add_")},
    **{f"scatter_reduce{_}": {"index": PICKED, "src": np.ones((1, 2)), "reduce": "sum"} for _ in ("", "_")},
    **{f"{name}{_}": given for name, given in REPEATED.items() for _ in ("", "_")},
    **{
        "select_scatter": {"src": np.ones(2)},
        "slice_scatter": {"src": np.ones((2, 2)), "end": 2},
    },
    **{"fill_diagonal_": {"fill_value": 1.0}, "diagonal_scatter": {"src": np.ones(1)}, "sum_to_size": {"size": (1, 2)}},
    **{name: {"index": [0]} for name in ("index_select", "index_fill", "index_fill_")},
    **{f"index_{name}": {"index": [0], "source": np.ones((1, 2))} for name in ("add", "copy", "add_", "copy_")},
    **{name: {"other": Tensor(np.ones(4))} for name in ("reshape_as", "view_as")},
    **{"expand_as": {"other": Tensor(np.ones((3, 2, 2)))}},
    **{"roll": {"dims": 0}, "repeat": {"repeats": (2, 2)}, "matrix_norm": {"ord": "fro", "dim": (0, 1)}},
}


BOOLEAN = ("__and__", "__rand__", "__or__", "__ror__", "__xor__", "__rxor__", "__invert__")
WITHIN_ONE = ("asin", "arcsin", "acos", "arccos", "atanh", "arctanh", "erfinv", "logit")


@pytest.mark.parametrize("name", sorted(name for name, found in declared().items() if len(found) == 1))
def test_what_comes_back_is_what_is_declared(name):
    [definition] = declared()[name]
    boolean = name in BOOLEAN or name.startswith(("logical_", "bitwise_"))
    x = Tensor(np.eye(2) > 0 if boolean else np.eye(2) / 2 if name in WITHIN_ONE else np.eye(2) + 1)
    x.requires_grad_(name.startswith("register_") or name == "retain_grad")
    if name == "bincount":
        x = Tensor([0, 2, 2])
    if isinstance(attached()[name], property):
        result = getattr(x, name)
    else:
        shaped = {parameter: Tensor(np.ones(shape)) for parameter, shape in MATRICES.get(name, {}).items()}
        x, samples = (
            shaped.get("self", x),
            {**SAMPLES, "y": Tensor(x), "x": Tensor(x), **shaped, **OF_ITS_OWN.get(name, {})},
        )
        given = [(p, kind) for p, kind, _ in written(definition) if p in samples]
        given = [(p, kind) for p, kind in given if (name, p) != ("matrix_norm", "dim")]  # there it is two
        positional = [samples[p] for p, kind in given if kind is not inspect.Parameter.KEYWORD_ONLY]
        named = {p: samples[p] for p, kind in given if kind is inspect.Parameter.KEYWORD_ONLY}
        result = getattr(x, name)(*positional, **named)
    match ast.unparse(definition.returns):
        case "Tensor":
            assert type(result) is Tensor
        case "Self":
            assert result is x
        case "None":
            assert result is None
        case "int" | "bool" | "RemovableHandle" as kind:
            assert type(result).__name__ == kind
        case "Node | None":
            assert result is None
            assert type((Tensor(1.0, requires_grad=True) * 2).grad_fn).__name__ == "Node"
        case "tuple[Tensor, ...]" | "tuple[Tensor, Tensor]":
            assert {type(part) for part in result} == {Tensor}
        case "Extremes" | "Sorted" | "Range" | "SLogDet" | "Eigh" | "SVD" | "QR" as kind:
            assert type(result).__name__ == kind
            assert {type(part) for part in result} == {Tensor}
        case "Any":
            pass
        case other:
            pytest.fail(f"{name} is declared to return {other}")


def test_nothing_declared_is_already_in_the_engine():
    """A stub line would silently overrule what the class statement says."""
    inside = {node.name for node in body("engine.py", "Tensor") if isinstance(node, ast.FunctionDef)}
    assert not inside & set(declared())


def test_the_base_class_at_run_time_is_the_protocol():
    assert engine.TensorMethods is minigrad.protocols.ArrayProtocol


# What must be refused carries a `type: ignore`, and --strict reports one that ignores nothing.
USER_CODE = """
from typing import Any, assert_type

import numpy as np

from minigrad import Tensor, gradients, nn, no_grad, optim
from minigrad.ops.reductions import Extremes
from minigrad.ops.sorting import Sorted

x = Tensor([1.0], requires_grad=True)
y = (x.exp() * 2).sum()
assert_type(y, Tensor)
assert_type(2 / x - x @ x.T ** 2, Tensor)
assert_type(x[0], Tensor)
assert_type(x == 1, Tensor)
assert_type(x.max(), Tensor)
assert_type(x.max(0), Extremes)
assert_type(x.min(axis=0), Extremes)
assert_type(x.split(1), tuple[Tensor, ...])
assert_type(x.sort(), Sorted)
assert_type(x.median(0), Extremes)
assert_type(x.median(), Tensor)
assert_type(x.nonzero(as_tuple=True), tuple[Tensor, ...])
assert_type(x.float(), Tensor)
assert_type(x.grad, Tensor | None)
assert_type(x.shape, tuple[int, ...])
assert_type(nn.Parameter(1.0).fill_(2), nn.Parameter)
x.register_hook(lambda g: 2 * g).remove()
y.backward()
with no_grad():
    x -= 0.1 * np.ones(1)
net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
sgd = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
sgd.step(gradients(y, list(net.parameters()), allow_unused=True))

x.exp(2)  # type: ignore[call-arg]
x.maxout()  # type: ignore[call-arg]
x.leaky_relu(slope=0.1)  # type: ignore[call-arg]
x + "1"  # type: ignore[operator]
x.logarithm()  # type: ignore[attr-defined]
"""


def test_a_users_script_type_checks(tmp_path):
    pytest.importorskip("mypy", reason="the type checker is an extra")
    script = tmp_path / "script.py"
    script.write_text(USER_CODE)
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            "--config-file=",
            f"--cache-dir={tmp_path}",
            script,
        ],
        env={**os.environ, "MYPYPATH": str(PACKAGE.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
