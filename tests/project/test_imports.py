"""The picture of who imports whom. Data flows one way: numpy -> engine -> ops -> nn -> networks -> ... -> cli."""

import ast
import fnmatch
import graphlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# module -> what it may import of the project, at the top or inside a function; `x.*` is all below x. A module that is
# not in the picture has no place in the house yet: give it one, as far up the stream as it will go.
MINIGRAD = {
    "device": "",
    "cuda": "device fused.cuda.graph",  # the latter later, when it is wanted
    "memory": "device",
    "recording": "",
    # recording; the others later, when they are wanted
    "kernels": "recording fused.descent fused.loss fused.mlp fused.optim fused.cpu.compiled fused.cuda.draws",
    "protocols": "device interop.printing array_api engine",  # the latter two later, when they are wanted
    "interop": "",
    "interop.printing": "",
    "interop.numpy_own": "array_api array_api.linalg ops ops.norms",
    "interop.numpy_calls": "array_api array_api.common device engine interop.numpy_own ops protocols",
    "interop.exchange": "device engine memory protocols versions",
    "random": "device kernels",
    "creation": "device engine random",
    "names": "creation engine spellings",
    "errors": "device",
    "versions": "errors",
    "spellings": "",
    "engine": "device errors recording protocols spellings versions",
    "diagnosis": "device engine errors recording versions",
    "ops.placement": "device recording",
    "ops.elementary": "engine",
    "ops.shape": "errors engine ops.placement",
    "ops.comparison": "engine ops.placement",
    "ops.rounding": "engine ops.placement",
    "ops.trigonometric": "engine ops.elementary",
    "ops.special": "device engine ops.comparison ops.elementary ops.placement",
    "ops.activations": "engine ops.joining ops.elementary ops.reductions ops.shape ops.special ops.placement",
    "ops.aliases": "ops.*",
    "ops.arithmetic": "engine errors ops.elementary ops.placement ops.rounding ops.shape",
    "ops.reductions": "engine errors ops.elementary ops.shape ops.joining ops.indexing",
    "ops.windows": "errors engine ops.shape ops.placement",
    "ops.convolution": "errors engine ops.shape ops.windows ops.placement",
    "ops.pooling": "errors engine ops.joining ops.reductions ops.shape ops.windows ops.placement",
    "ops.joining": "errors engine ops.shape ops.placement",
    "ops.indexing": "errors engine ops.elementary ops.shape ops.placement",
    "ops.scattering": "errors engine ops.elementary ops.indexing ops.joining ops.placement ops.rounding ops.shape",
    "ops.rearranging": "errors engine ops.shape ops.joining ops.indexing ops.placement",
    "ops.diagonals": "errors engine ops.joining ops.placement ops.shape",
    "ops.cumulative": "engine ops.elementary ops.shape ops.joining ops.indexing ops.placement ops.reductions "
    "ops.special",
    "ops.calculus": "ops.cumulative ops.elementary ops.joining ops.placement ops.reductions ops.shape",
    "ops.statistics": "errors ops.diagonals ops.elementary ops.placement ops.products ops.reductions ops.shape",
    "ops.sorting": "engine ops.cumulative ops.elementary ops.shape ops.joining ops.indexing ops.reductions "
    "ops.placement",
    "ops.counting": "engine ops.indexing ops.placement",
    "ops.products": "errors engine ops.indexing ops.joining ops.shape",
    "ops.contractions": "errors engine ops.shape ops.placement",
    "ops.linalg": "device engine ops.indexing ops.joining errors ops.elementary ops.products ops.shape ops.placement",
    "ops.decompositions": "device engine errors ops.elementary ops.indexing ops.joining ops.linalg ops.placement "
    "ops.shape",
    "ops.factorizations": "engine errors ops.decompositions ops.diagonals ops.elementary ops.indexing ops.joining "
    "ops.linalg ops.placement ops.shape",
    "ops.norms": "errors engine ops.decompositions ops.elementary ops.indexing ops.linalg ops.reductions ops.shape",
    "ops": "engine spellings ops.*",
    "linalg": "errors spellings ops ops.arithmetic ops.decompositions ops.diagonals ops.factorizations ops.norms",
    "inplace": "device engine errors recording ops random spellings versions",
    "optim": "optim.*",
    "optim.*": "device engine kernels memory optim.*",
    "optim.optimizer": "device engine kernels memory recording",
    "optim.swa_utils": "errors recording nn.module",
    "nn.hooks": "engine function hooks recording",
    "nn.module": "device engine errors memory recording protocols nn.hooks",
    "nn.functional.*": "errors engine kernels recording ops ops.* nn.functional.*",
    "nn.functional.dropping": "device random",
    "nn.functional": "ops ops.* spellings nn.functional.*",
    "hooks": "device engine errors",
    "function": "device engine errors recording versions",
    "autograd": "diagnosis engine function recording testing testing.gradcheck",  # the latter two later
    "trees": "",
    "transforms": "device engine recording ops trees",
    "array_api": "ops array_api.*",
    "array_api.*": "device engine ops interop.exchange array_api.*",
    "nn.init": "engine recording random",
    "nn.utils": "engine recording ops nn.weight_norm",
    "nn.losses": "engine nn.functional nn.module nn.padding",
    "nn.dropout": "random nn.functional nn.functional.dropping nn.module",
    "nn.*": "device engine kernels recording ops random nn.functional nn.hooks nn.init nn.module",
    "nn": "nn.*",
    "fused": "",
    "fused.cpu": "",
    "fused.cpu.*": "fused.cpu fused.cpu.*",
    "fused.cuda": "",
    "fused.cuda.source": "",
    "fused.cuda.module": "device fused.cuda.*",
    "fused.cuda.launch": "optim fused.cuda.*",  # the schedules
    "fused.cuda.streams": "random",
    "fused.cuda.mlp": "device nn nn.* versions fused.blocks fused.cuda.*",
    "fused.cuda.program": "device fused.cuda.*",
    "fused.cuda.descent": "device optim fused.cuda.*",
    "fused.cuda.graph": "device errors",
    "fused.cuda.cublas": "device",
    "fused.cuda.lt": "device fused.cuda.cublas fused.cuda.graph",
    "fused.cuda.blas": "device fused.cuda.cublas fused.cuda.graph fused.cuda.lt",
    "fused.cuda.draws": "device random fused.cuda.launch",
    "fused.workspace": "memory fused.cpu fused.cpu.*",
    "fused.deferred": "engine memory fused.cpu fused.cpu.* fused.workspace",
    "fused.loss": "engine memory nn.functional fused.cpu fused.cpu.* fused.workspace",
    "fused.buffers": "memory nn fused.cpu fused.cpu.* fused.workspace",
    "fused.blocks": "nn nn.*",
    "fused.mlp": "engine memory recording nn nn.* fused.blocks fused.buffers fused.cpu fused.cpu.* fused.deferred "
    "fused.workspace",
    "fused.optim": "device memory optim optim.* versions fused.cpu fused.cpu.* fused.workspace",
    "fused.descent": "engine optim optim.* versions fused.*",
    "testing.*": "device engine linalg nn.functional ops transforms trees testing.*",
    "testing.catalogue.functional": "nn.functional random testing.*",  # the seed of the masks
    "testing.strategies": "engine nn random testing.*",
    "testing": "testing.*",
}
BOTTOM = "errors files"  # the sentences of bad input, and files that are whole or absent
GAN = {
    "errors": "",
    "interrupt": "",
    "progress": "",
    "files": "errors",
    "settings": "errors",
    "checkpoint": BOTTOM,
    "pictures": BOTTOM,
    "run_folder": f"{BOTTOM} checkpoint",
    "data": f"{BOTTOM} data.*",
    "data.minibatches": f"{BOTTOM} minigrad",  # for the Generator that shuffles
    "data.*": f"{BOTTOM} data data.idx",
    "data.cifar10": f"{BOTTOM} data data.mnist",  # for the folder of downloads
    "evaluate": "evaluate.*",
    "evaluate.*": f"{BOTTOM} evaluate.*",
    "evaluate.judge": f"{BOTTOM} data evaluate.*",  # all of them
    "evaluate.classes": f"minigrad {BOTTOM} data data.minibatches evaluate.*",  # trains a classifier on our own engine
    "objectives": "minigrad",
    "networks": "minigrad errors settings",  # the sizes are settings
    "algorithm": "minigrad objectives networks",
    "captured": "minigrad minigrad.fused.cuda minigrad.fused.cuda.* algorithm data.minibatches networks objectives",
    "iterations": "minigrad settings captured",
    "sampling": f"minigrad {BOTTOM} settings networks run_folder",
    "validation": f"minigrad {BOTTOM} settings data evaluate evaluate.gauge sampling",
    "training": f"minigrad {BOTTOM} data data.* checkpoint pictures run_folder settings interrupt progress "
    "objectives networks algorithm iterations evaluate.gauge sampling validation",
    "evaluation": f"minigrad {BOTTOM} settings data evaluate evaluate.gauge run_folder sampling",
    "table1": f"minigrad {BOTTOM} settings data run_folder interrupt evaluation",
    "theory": "theory.*",
    "theory.*": f"minigrad {BOTTOM} theory theory.* objectives algorithm evaluate evaluate.* pictures",
    "figures": "",
    "figures.*": f"minigrad {BOTTOM} figures figures.* settings data pictures objectives algorithm run_folder "
    "evaluate.neighbours sampling training",
    "cli": f"{BOTTOM} cli.*",
    "cli.*": f"{BOTTOM} data evaluate evaluate.* pictures run_folder settings sampling training evaluation table1 "
    "figures.* theory",
    "cli.tables": f"{BOTTOM} data run_folder settings table1 cli.training",  # whose options it hands on
    "__main__": "cli",
    "": "",
}
EVERYTHING_BUT_TOOLS = {m for m in (*MINIGRAD, "nn.*", "ops.*") if not m.startswith(("testing", "fused"))}


def picture():
    """{pattern of full names: set of patterns it may import}, the most special first."""
    rules = {"minigrad": {f"minigrad.{name}" for name in EVERYTHING_BUT_TOOLS}}
    rules |= {f"minigrad.{k}": {f"minigrad.{name}" for name in v.split()} for k, v in MINIGRAD.items()}
    library = {"minigrad", *(f"minigrad.{name}" for name in EVERYTHING_BUT_TOOLS)}
    for k, v in GAN.items():
        names = set(v.split())
        fused = {name for name in names if name.startswith("minigrad.")}
        allowed = {f"gan.{name}" for name in names - fused - {"minigrad"}} | fused
        allowed |= library if "minigrad" in names else set()
        rules[f"gan.{k}".rstrip(".")] = allowed
    return rules


RULES = picture()


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(p): p for package in ("minigrad", "gan") for p in sorted((ROOT / package).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
modules = pytest.mark.parametrize("module", FILES)


def statements(node, lazy):
    """Import statements that are executed at import time and, if ``lazy``, later; never those for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).removeprefix("typing.") == "TYPE_CHECKING":
            for other in child.orelse:
                yield from statements(ast.Module([other], []), lazy)
        elif lazy or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from statements(child, lazy)


def imported(module, lazy=True):
    """Full names of what a module imports: `from ..random import x` in minigrad.nn.init is minigrad.random."""
    found = set()
    package = module.split(".") if FILES[module].name == "__init__.py" else module.split(".")[:-1]
    for node in statements(TREES[module], lazy):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
            continue
        above = package[: len(package) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            name = f"{base}.{alias.name}"
            found.add(name if name in FILES else base)
    return found - {module}


def of_the_project(names):
    return {name for name in names if name.split(".")[0] in ("minigrad", "gan")}


def rule_of(module):
    if module in RULES:
        return RULES[module]
    return next((RULES[pattern] for pattern in RULES if fnmatch.fnmatchcase(module, pattern)), None)


@modules
def test_imports_are_those_of_the_picture(module):
    rule = rule_of(module)
    assert rule is not None, f"{module} is not in the picture: say in MINIGRAD or GAN what it may import"
    wrong = {
        name
        for name in of_the_project(imported(module))
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in rule)
    }
    assert not wrong, (
        f"{module} imports {', '.join(sorted(wrong))}; it may import {', '.join(sorted(rule)) or 'nothing'}"
    )


def test_every_module_of_the_picture_exists():
    gone = [rule for rule in RULES if not any(fnmatch.fnmatchcase(module, rule) for module in FILES)]
    assert not gone


def test_no_module_imports_itself_through_others():
    """At import time; a package may load its own parts later, as gan.data does."""
    graph = {module: of_the_project(imported(module, lazy=False)) for module in FILES}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert order.index("minigrad.engine") < order.index("minigrad.ops") < order.index("minigrad.nn")
    assert order.index("minigrad.nn") < order.index("gan.algorithm") < order.index("gan.training")


NEVER_NEEDED = ("minigrad.testing", "minigrad.fused")


@pytest.mark.parametrize("module", [m for m in FILES if m.startswith("minigrad") and not m.startswith(NEVER_NEEDED)])
def test_minigrad_needs_numpy_and_nothing_else(module):
    roots = {name.split(".")[0] for name in imported(module)}
    # for arrays on cuda; for the error and gamma functions
    later = {"minigrad.device": {"cupy", "cupyx", "scipy"}}.get(module, set())
    assert roots <= {"minigrad", "numpy", *sys.stdlib_module_names, *later}
    assert later.isdisjoint(name.split(".")[0] for name in imported(module, lazy=False))


NAMES_LIBRARIES = ("minigrad.device", "minigrad.fused.cpu", "minigrad.fused.cuda", "minigrad.testing")


@pytest.mark.parametrize("module", [m for m in FILES if not m.startswith(NAMES_LIBRARIES)])
def test_no_other_array_library_is_named(module):
    """Not even in a comment: one room says numba, one room and one file say cupy.

    minigrad.testing names PyTorch and others: it checks their functions, and ours against theirs.
    """
    assert not re.findall(r"\b(?:cupy|numba|torch)\b", FILES[module].read_text())


NUMPY = "import numpy.random"  # whose extensions bring helpers of Cython with names of their own


def loaded(statement):
    """Top-level modules, outside the standard library, that a fresh interpreter has after this statement."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout)) - set(sys.stdlib_module_names)


def test_import_minigrad_loads_numpy_and_nothing_else():
    assert loaded("import minigrad") - loaded(NUMPY) == {"minigrad"}
    assert "numpy" in loaded("import minigrad")


def test_the_paper_needs_no_more_than_the_engine():
    """Objectives, networks and Algorithm 1 can be read, and run, with NumPy alone."""
    statement = "import gan.objectives, gan.networks, gan.algorithm"
    assert loaded(statement) - loaded(NUMPY) == {"minigrad", "gan"}
