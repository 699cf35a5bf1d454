"""What CuPy has, in names.json: its functions with their parameters, its ufuncs with their types, its classes' members.

``python -m tests.cuda.standin.table`` writes names.json from an installed CuPy, which needs no driver to be asked. The
stand-in has nothing that the table has not: no function, no keyword, no type of argument.
"""

import importlib
import inspect
import json
from pathlib import Path

FILE = Path(__file__).with_name("names.json")
CLASSES = {
    "ndarray": "ndarray",
    "RawModule": "RawModule",
    "cuda.Stream": "cuda.Stream",
    "cuda.Event": "cuda.Event",
    "cuda.Graph": "cuda.Graph",
    "cuda.Device": "cuda.Device",
    "cuda.MemoryPointer": "cuda.MemoryPointer",
    "cuda.MemoryPool": "cuda.MemoryPool",
}
MODULES = ("", "linalg", "lib.stride_tricks", "cuda", "cuda.runtime", "cuda.memory", "cupyx", "cupyx.scipy.special")


def parameters(function):
    """The parameters in one line, where those after ``|`` may be omitted: "a | axis dtype out keepdims"."""
    words = []
    optional = False
    kind = None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty and not optional:
            words.append("|")
            optional = True
        if parameter.kind is parameter.KEYWORD_ONLY and kind not in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL):
            words.append("*")
        kind = parameter.kind
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(kind, "")
        words.append(star + parameter.name)
    return " ".join(words)


def described(value):
    """One entry: a list of types for a ufunc, a line of parameters for a function, None for what says nothing more."""
    if type(value).__name__ == "ufunc":
        return value.types
    if not callable(value) or isinstance(value, type):
        return None
    try:
        return parameters(value)
    except ValueError:  # compiled, without a signature
        return None


def found(module, path):
    """The object at a dotted path below a module; cupyx, its companion, by its whole name."""
    if path.startswith("cupyx"):
        return importlib.import_module(path)
    for name in path.split(".") if path else ():
        module = getattr(module, name)
    return module


def table(cupy):
    """The whole table of an imported CuPy."""
    import cupy.lib.stride_tricks  # which the package does not import by itself

    modules = {}
    for path in MODULES:
        module = found(cupy, path)
        names = [name for name in dir(module) if not name.startswith("_")]
        plain = path.startswith("cuda")  # names alone: its functions are compiled
        modules[path] = {name: None if plain else described(getattr(module, name)) for name in names}
    classes = {name: sorted(dir(found(cupy, path))) for name, path in CLASSES.items()}
    return {"version": cupy.__version__, "modules": modules, "classes": classes}


def text(table):
    """The file's text: one line per name."""
    parts = []
    for kind in ("modules", "classes"):
        groups = []
        for name, group in table[kind].items():
            entries = (
                [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in group.items()]
                if isinstance(group, dict)
                else [json.dumps(entry) for entry in group]
            )
            brackets = "{}" if isinstance(group, dict) else "[]"
            joined = ",\n".join(entries)
            groups.append(f"{json.dumps(name)}: {brackets[0]}\n{joined}\n{brackets[1]}")
        parts.append(f"{json.dumps(kind)}: {{\n" + ",\n".join(groups) + "\n}")
    return f'{{"version": {json.dumps(table["version"])},\n' + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    import cupy

    FILE.write_text(text(table(cupy)))
