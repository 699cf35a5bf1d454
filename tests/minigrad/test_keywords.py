"""Arguments by keyword: PyTorch's name for each of them, and NumPy's axis and keepdims, mean what the position means.

Over the whole surface: every function and method that PyTorch has too, called as the catalogue calls it, with PyTorch's
names as its declarations (the .pyi files beside it), its signatures or its docstrings give them.
"""

import ast
import inspect
import pickle
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, gradients, ops
from minigrad.nn import functional as F
from minigrad.testing import catalogue
from minigrad.testing.draws import draws

HOMES = {"": mg, "nn.functional": F, "linalg": mg.linalg}
STUBS = {"": ("_C/_VariableFunctions.pyi", None), "nn.functional": ("_C/_nn.pyi", None)}
METHODS = ("_C/__init__.pyi", "TensorBase")


def public(library):
    found = {n: f for n, f in vars(library).items() if not n.startswith("_") and callable(f)}
    return {n: f for n, f in found.items() if not inspect.isclass(f)}


# ------------------------------------------------------------------------------------------- what PyTorch calls them


@cache
def declared(root, file, cls=None):
    """name -> the names of its positional arguments, for each overload."""
    body = ast.parse((Path(root) / file).read_text()).body
    if cls is not None:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == cls)
    found = {}
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.args.vararg:
            names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
            found.setdefault(node.name, []).append(names)
    return found


def documented(function):
    """The names in the first line of the docstring: "sum(input, *, dtype=None) -> Tensor"."""
    first = (function.__doc__ or "").strip().partition("\n")[0]
    found = re.match(r"(?:\w+\.)*\w+\((.+?)\)(?: ->|$)", first)
    names = [part.partition("=")[0].partition(":")[0].strip() for part in found[1].split(",")] if found else []
    return [n.strip("*") for n in (names[: names.index("*")] if "*" in names else names)]


def by_signature(function):
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return []
    return [] if {p.kind for p in parameters} & {2, 4} else [p.name for p in parameters if p.kind < 2]


def spellings(torch, home, name):
    """Lists of names, each one way to call the arguments in order."""
    root = str(Path(torch.__file__).parent)
    if home == "Tensor":
        function = getattr(torch.Tensor, name)
        found = [declared(root, *METHODS).get(name, []), [by_signature(function)]]
    else:
        function = getattr(eval(f"torch.{home}".rstrip("."), {"torch": torch}), name)
        found = [[by_signature(function)], [documented(function)]]
        found.append(declared(root, *STUBS[home]).get(name, []) if home in STUBS else [])
        found = [[n for n in names if "self" not in n] for names in found]  # the deprecated orders
    left_out = LEFT_OUT if home == "nn.functional" else LEFT_OUT - {"reduce"}
    each = [[n for n in names if n not in left_out] for overloads in found for names in overloads]
    return [names for names in each if names and not set(names) & NOT_SO.get(name, set())]


LEFT_OUT = {"size_average", "reduce", "inplace", "_stacklevel", "out"}  # deprecated in PyTorch, or another's business
NAMES_ELSEWHERE = {  # PyTorch's function of this name takes other arguments, not only other names
    *(("", name) for name in ("cond", "solve", "lstsq", "svd", "qr", "norm")),
    *(("Tensor", name) for name in ("solve", "lstsq", "svd", "qr", "norm")),
    ("", "from_dlpack"),  # by position only, as in the array API standard
}
NOT_SO = {  # names that PyTorch declares or documents, but does not take, or for an argument that is none here
    "bincount": {"self"},
    "isin": {"element", "test_element"},  # of numbers
    "uniform_": {"from_"},  # no name can be "from"
    "result_type": {"scalar", "scalar1"},
    "set_num_threads": {"int", "num"},
    **{name: {"unbiased"} for name in ("std", "var", "std_mean", "var_mean")},  # by keyword only
    "true_divide": {"dividend", "divisor"},
}


# ------------------------------------------------------------------------------------------- calls by position


class Recorder:
    """Stands in for minigrad.ops or nn.functional, and notes how their functions are called."""

    def __init__(self, library, calls):
        self.library, self.calls = library, calls

    def __getattr__(self, name):
        function = getattr(self.library, name)

        def call(*args, **settings):
            self.calls.append((function, args, settings))
            return function(*args, **settings)

        return call if name in self.library.__all__ else function


@cache
def recorded():
    """function -> [(args, settings, leaves)], from the catalogue."""
    found = {}
    modules = [m for m in vars(catalogue).values() if inspect.ismodule(m) and hasattr(m, "F")]
    calls = []
    for module in modules:
        module.F = Recorder(F, calls)
    try:
        for case in catalogue.CASES:
            for arrays, settings in draws(case.inputs, 1):
                leaves = [Tensor(a, requires_grad=case.smooth and np.asarray(a).dtype.kind == "f") for a in arrays]
                calls.clear()
                try:
                    case.ours(Recorder(ops, calls), *leaves, *settings)
                except AttributeError:  # it asks whether this is ops: what it calls is in BY_HAND
                    continue
                for function, args, options in calls:
                    found.setdefault(function, []).append((args, options, leaves))
    finally:
        for module in modules:
            module.F = F
    return found


X, SQUARE = np.array([[1.0, 2.0, 4.0], [3.0, 7.0, 5.0]]), np.array([[2.0, 1.0], [0.5, 3.0]])
BY_HAND = {  # what the catalogue has not, or not by position
    "all": [(X, 0, True)],
    "any": [(X, 0, True)],
    "repeat_interleave": [(X, 2, 1)],
    "unique": [(X, True, False, False, 1)],
    **{f"linalg.{name}": [(SQUARE,)] for name in ("vander", "diagonal", "lu", "lu_factor", "inv_ex", "cholesky_ex")},
    "linalg.lstsq": [(SQUARE, SQUARE)],
    "linalg.lu_solve": [(*mg.linalg.lu_factor(Tensor(SQUARE)), SQUARE)],
    "dropout1d": [(np.ones((2, 3, 4)), 0.5, True)],
    "dropout2d": [(np.ones((2, 3, 4, 5)), 0.5, True)],
    "feature_alpha_dropout": [(np.ones((2, 3, 4)), 0.5, True)],
    "arange": [(5,), (2, 5), (2, 9, 3)],
    "as_tensor": [(X, "float32")],
    "can_cast": [("float32", "int64")],
    "eye": [(2,), (2, 3)],
    "from_dlpack": [(X,)],
    "from_numpy": [(X,)],
    "full": [((2, 3), 7.0)],
    "full_like": [(X, 7.0)],
    "is_floating_point": [(X,)],
    "is_tensor": [(X,)],
    "linspace": [(0.0, 1.0, 3)],
    "logspace": [(0.0, 1.0, 3, 2.0)],
    "norm": [(X, 2.0, 1, True)],
    "numel": [(X,)],
    "ones": [((2, 3),)],
    "ones_like": [(X,)],
    "rand": [((2, 3),)],
    "rand_like": [(X,)],
    "randint": [(5, (2, 3)), (2, 5, (2, 3))],
    "randn": [((2, 3),)],
    "randn_like": [(X,)],
    "randperm": [(4,)],
    "result_type": [(X, X)],
    "set_float32_matmul_precision": [("highest",)],
    "svd": [(SQUARE, False)],
    "tensor": [(X,)],
    "tril_indices": [(3, 4, 1)],
    "triu_indices": [(3, 4, 1)],
    "zeros": [((2, 3),)],
    "zeros_like": [(X,)],
}
NOTHING_TO_COMPARE = {"empty", "empty_like", "manual_seed", "set_num_threads"}  # the test of a seed is another's
NO_NAMES = {  # nothing to give by keyword: no arguments, or any number of them
    *("get_num_threads", "get_float32_matmul_precision", "is_grad_enabled"),
    *(
        "atleast_1d",
        "atleast_2d",
        "atleast_3d",
        "block_diag",
        "broadcast_tensors",
        "cartesian_prod",
        "chain_matmul",
        "meshgrid",
    ),
    *("einsum", "unique_consecutive"),  # the latter's are anything in PyTorch
}
SURFACE = [(home, name) for home, library in HOMES.items() for name in sorted(public(library))]


def calls_of(home, name):
    function = getattr(HOMES[home], name)
    by_hand = BY_HAND.get(f"{home}.{name}", BY_HAND.get(name))
    if by_hand is None:
        return recorded()[function]
    leaf = {} if name.startswith("from") else {id(a): Tensor(a, requires_grad=True) for a in (X, SQUARE)}
    return [([leaf.get(id(a), a) for a in args], {}, [*leaf.values()]) for args in by_hand]


def compared(call, args, settings, leaves):
    """The values, and the gradients of their sum."""
    mg.manual_seed(0)
    out = call(*args, **settings)
    outs = [t for t in (out if isinstance(out, (tuple, list)) else [out]) if isinstance(t, Tensor)]
    inputs = [t for t in leaves if t.requires_grad]
    flowing = [t for t in outs if t.requires_grad]
    grads = []
    if inputs and flowing:
        seeds = [Tensor(np.cos(np.arange(t.numel())).reshape(t.shape), dtype=t.dtype) for t in flowing]
        grads = gradients(flowing, inputs, seeds, retain_graph=True, allow_unused=True)
    return [np.asarray(t.detach()) if isinstance(t, Tensor) else t for t in (*(outs or [out]), *grads)]


def require_same(call, args, settings, leaves, keywords, names):
    wanted = compared(call, args, settings, leaves)
    for i in range(keywords, len(args)):
        by_name = dict(zip(names[i : len(args)], args[i:], strict=True))
        if by_name.keys() & settings.keys():
            continue
        for a, b in zip(compared(call, args[:i], {**by_name, **settings}, leaves), wanted, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("home", "name"), SURFACE, ids=map(".".join, SURFACE))
def test_a_function_takes_pytorchs_names(home, name, torch):
    theirs = eval(f"torch.{home}".rstrip("."), {"torch": torch})
    if not hasattr(theirs, name) or name in NO_NAMES | NOTHING_TO_COMPARE or (home, name) in NAMES_ELSEWHERE:
        return
    tried = 0
    for names in spellings(torch, home, name):
        for args, settings, leaves in calls_of(home, name):
            if 0 < len(args) <= len(names):
                require_same(getattr(HOMES[home], name), args, settings, leaves, 0, names)
                tried += 1
    assert tried


@pytest.mark.parametrize("name", sorted(n for n in public(Tensor)))
def test_a_method_takes_pytorchs_names(name, torch):
    if not hasattr(torch.Tensor, name) or ("Tensor", name) in NAMES_ELSEWHERE:
        return
    for args, settings, leaves in recorded().get(getattr(mg, name, None), ()):
        for names in spellings(torch, "Tensor", name):
            if isinstance(args[0], Tensor) and 1 < len(args) <= len(names):
                require_same(getattr(Tensor, name), args, settings, leaves, 1, names)


IN_PLACE = {
    **dict.fromkeys(("add_", "sub_", "mul_", "div_", "pow_", "fill_", "copy_"), (2.0,)),
    **{"addcmul_": (X, X), "addcdiv_": (X, X), "lerp_": (X, 0.25), "clamp_": (2.0, 3.0), "clip_": (2.0, 3.0)},
    **{"masked_fill_": (X > 2, 0.5), "requires_grad_": (False,)},
    **{name: (1, np.array([[0], [2]]), X[:, :1]) for name in ("scatter_", "scatter_add_")},
    **{f"index_{name}_": (1, np.array([0, 2]), X[:, :2]) for name in ("add", "copy")},
    "index_fill_": (1, np.array([0, 2]), 7.0),
    **dict.fromkeys(("floor_divide_", "remainder_", "exponential_"), (2.0,)),
    **dict.fromkeys(("normal_", "uniform_"), (1.0, 2.0)),
    **dict.fromkeys(("round_", "tril_", "triu_"), (1,)),
    **dict.fromkeys(("squeeze_", "unsqueeze_"), (0,)),
    **{"bernoulli_": (0.5,), "fill_diagonal_": (7.0, False), "transpose_": (0, 1), "renorm_": (2.0, 0, 1.0)},
    **{"masked_scatter_": (X > 2, X), "nan_to_num_": (0.0, 1.0, 2.0), "put_": (np.array([0, 2]), X[0, :2], False)},
    "index_put_": ((np.array([0, 1]), np.array([2, 0])), X[0, :2], False),
    "scatter_reduce_": (1, np.array([[0], [2]]), X[:, :1], "sum"),
}


@pytest.mark.parametrize("name", sorted(n for n in public(Tensor) if n.endswith("_")))
def test_a_method_in_place_takes_pytorchs_names(name, torch):
    args = (None, *IN_PLACE.get(name, ()))
    for names in spellings(torch, "Tensor", name):
        for i in range(1, min(len(args), len(names))):
            by_name = dict(zip(names[i:], args[i:], strict=False))
            mg.manual_seed(0)
            wanted = getattr(Tensor(X), name)(*args[1:])
            mg.manual_seed(0)
            np.testing.assert_array_equal(getattr(Tensor(X), name)(*args[1:i], **by_name), wanted)
    assert name in IN_PLACE or len(by_signature(getattr(Tensor, name))) == 1


WITH_DIM = [
    (home, name)
    for home, name in SURFACE
    if {"dim", "dims"} & {*by_signature(getattr(HOMES[home], name))} and name != "tensorsolve"  # several or None
]
NUMPYS = {"dim": "axis", "dims": "axis", "keepdim": "keepdims"}
PAIRS = {"tensordot": "axes", "rot90": "axes"}  # what NumPy calls several dimensions


@pytest.mark.parametrize(("home", "name"), WITH_DIM, ids=map(".".join, WITH_DIM))
def test_axis_is_dim_and_keepdims_keepdim(home, name):
    function = getattr(HOMES[home], name)
    names = by_signature(function)
    at = next(i for i, n in enumerate(names) if n in ("dim", "dims"))
    dim, axis = names[at], PAIRS.get(name, "axis")
    numpys = [axis if n == dim else NUMPYS.get(n, n) for n in names]
    tried = 0
    for args, settings, leaves in calls_of(home, name):
        if len(args) > at:
            require_same(function, args, settings, leaves, at, numpys)
        elif settings.keys() & {dim, "axis", "axes", "as_tuple"} or not getattr(args[0], "ndim", 1):
            continue
        sample = {"matrix_norm": (0, 1), "rot90": (1, 0), "cross": -1}.get(name, 0)
        value = args[at] if len(args) > at else sample
        by_name = dict(zip(names[at + 1 :], args[at + 1 :], strict=False))
        wanted = compared(function, args[:at], {**by_name, dim: value, **settings}, leaves)
        for a, b in zip(
            compared(function, args[:at], {**by_name, axis: value, **settings}, leaves), wanted, strict=True
        ):
            np.testing.assert_array_equal(a, b)
        tried += 1
        if value is not None:
            with pytest.raises(TypeError, match=r"two names for one argument|multiple values"):
                function(*args[:at], **{dim: (value,) if isinstance(value, int) else value, axis: value}, **settings)
    assert tried


KEEPING = [
    n for h, n in SURFACE if not h and {"keepdim", "keepdims"} <= {*inspect.signature(getattr(mg, n)).parameters}
]


@pytest.mark.parametrize("name", KEEPING)
def test_keepdim_and_keepdims_together_are_refused(name):
    for settings in ({"dim": 0}, {"axis": 0}):
        with pytest.raises(TypeError, match=f"{name}.*keepdim and keepdims are two names for one argument"):
            getattr(mg, name)(Tensor(SQUARE), keepdim=True, keepdims=True, **settings)


@pytest.mark.parametrize(("home", "name"), SURFACE, ids=map(".".join, SURFACE))
def test_an_unknown_keyword_is_refused_by_name(home, name):
    """The sentence has the name of the op and those of its arguments."""
    function = getattr(HOMES[home], name)
    if function not in recorded():
        return
    args, settings, _ = recorded()[function][0]
    known = "" if name in ("std", "std_mean", "var_mean") else r"; its arguments are: \w"  # they hand options on to var
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'nonsense'" + known):
        function(*args, **settings, nonsense=1)


def test_what_is_missing_and_what_comes_twice_is_said():
    x = Tensor(X)
    for call, sentence in (
        (lambda: mg.add(other=x), r"add\(\) missing .*argument: 'x'"),
        (lambda: mg.reshape(shape=(6,)), r"reshape\(\) missing a required argument: 'x'"),
        (lambda: mg.exp(x, input=x), r"exp\(\) got multiple values for argument 'x', once as 'input'"),
        (lambda: mg.sum(x, input=x), r"sum\(\) got multiple values for argument 'x', once as 'input'"),
        (lambda: mg.add(x, y=x, other=x), r"add\(\) got multiple values for argument 'y', once as 'other'"),
        (lambda: x.reshape(6, shape=(6,)), r"reshape\(\) got multiple values for argument 'shape'"),
        (lambda: mg.zeros(2, size=(3,)), r"zeros\(\) got multiple values for argument 'size'"),
        (lambda: mg.cat([x], dim=0, axis=0), r"cat\(\) got multiple values for argument 'dim', once as 'axis'"),
        (lambda: x.sort(dim=0, axis=1), r"sort\(\): dim and axis are two names for one argument, got dim=0 and axis=1"),
    ):
        with pytest.raises(TypeError, match=sentence):
            call()


def test_an_op_of_a_user_takes_its_data_by_name_too():
    @mg.op
    def scaled(x, weight=2.0, shift=0.0, *, times=1):
        return x * weight * times + shift

    mg.derivatives(scaled, lambda g, out, x, w, s, times: g * w * times, None, lambda g, out, x, w, s, times: g)
    x, shift = Tensor([1.0, 2.0], requires_grad=True), Tensor([5.0, 5.0], requires_grad=True)
    out = scaled(input=x, shift=shift, times=3)  # the default between them is filled in
    np.testing.assert_array_equal(out.data, [11, 17])
    for g, wanted in zip(gradients(out.sum(), [x, shift]), (6, 1), strict=True):
        np.testing.assert_array_equal(g.data, [wanted, wanted])


def test_functions_are_found_where_users_find_them():
    """A function is one under all its names, and pickle finds it."""
    assert F.relu6 is mg.relu6 is ops.relu6
    for function in (mg.sum, mg.degrees, mg.zeros, mg.exp, F.mse_loss, F.unfold, mg.unfold, mg.linalg.norm):
        assert pickle.loads(pickle.dumps(function)) is function
