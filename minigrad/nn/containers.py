"""Modules that hold others, or parameters, by number or by name. PyTorch's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .. import kernels
from .module import Module, Parameter


class _Numbered(Module):
    """Modules named "0", "1", ..."""

    _together = False  # whether repr shows equal neighbours as one line

    def __init__(self, *modules: Module) -> None:
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> Any:
        """Add one at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} takes Modules; part {len(self)} is {type(module).__name__}")
        setattr(self, str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add several at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put one before position ``index``; those from there on move up by one."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} takes Modules; part {index} is {type(module).__name__}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"{type(self).__name__} has {len(self)} parts; none can be put before number {index}")
        modules = list(self)
        modules.insert(index, module)
        return self._renamed(modules)

    def pop(self, key: int) -> Module:
        """Take one out and return it; those behind it move down by one."""
        module: Module = self[key]
        del self[key]
        return module

    def _renamed(self, modules: list[Module]) -> Any:
        for name, _ in list(self.named_children()):
            delattr(self, name)
        for module in modules:
            self.append(module)
        return self

    def __delitem__(self, i: int | slice) -> None:
        modules = list(self)
        del modules[i]
        self._renamed(modules)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, _Numbered):
            return NotImplemented
        return type(self)._of([*self, *other])

    def __iadd__(self, other: Any) -> Any:
        return self.extend(other)

    def _shown_parts(self) -> list[tuple[str, str]]:
        parts = super()._shown_parts()
        if not self._together:
            return parts
        runs: list[list[Any]] = []
        for i, (_, text) in enumerate(parts):
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        return [(str(i), text) if i == j else (f"{i}-{j}", f"{j - i + 1} x {text}") for i, j, text in runs]

    def __len__(self) -> int:
        return len(list(self.children()))

    def __getitem__(self, i: int | slice) -> Any:
        found = list(self.children())[i]
        return type(self)._of(found) if isinstance(found, list) else found

    def __setitem__(self, i: int, module: Module) -> None:
        setattr(self, [name for name, _ in self.named_children()][i], module)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    @classmethod
    def _of(cls, modules: list[Module]) -> Any:
        return cls(*modules)


class Sequential(_Numbered):
    """Modules applied one after another, named "0", "1", ..., or by the keys of one dictionary."""

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            super().__init__(*modules)  # type: ignore[arg-type]

    def forward(self, x: Any) -> Any:
        """Each Module applied to the result of the one before."""
        return kernels.run(self, x)


class ModuleList(_Numbered):
    """A list of Modules whose parameters belong to the Module that holds it. It has no ``forward`` of its own."""

    _together = True

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__(*modules)

    @classmethod
    def _of(cls, modules: list[Module]) -> Any:
        return cls(modules)


class ModuleDict(Module):
    """A dictionary of Modules whose parameters belong to the Module that holds it."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add all of another dictionary."""
        for name, module in modules.items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        return dict(self.named_children())[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def pop(self, name: str) -> Module:
        """Take one out and return it."""
        module = self[name]
        delattr(self, name)
        return module

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def keys(self) -> list[str]:
        """The names."""
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        """The Modules."""
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        """(name, Module)."""
        return list(self.named_children())


class ParameterList(Module):
    """A list of Parameters that belong to the Module that holds it. Arrays and Tensors become Parameters."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.extend(values)

    def append(self, value: Any) -> ParameterList:
        """Add one at the end."""
        setattr(self, str(len(self)), value if isinstance(value, Parameter) else Parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several at the end."""
        for value in values:
            self.append(value)
        return self

    def _listed(self) -> list[Parameter]:
        return [value for value in vars(self).values() if isinstance(value, Parameter)]

    def __len__(self) -> int:
        return len(self._listed())

    def __getitem__(self, i: int) -> Parameter:
        return self._listed()[i]

    def __setitem__(self, i: int, value: Any) -> None:
        name = str(range(len(self))[i])
        setattr(self, name, value if isinstance(value, Parameter) else Parameter(value))

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._listed())


class ParameterDict(Module):
    """A dictionary of Parameters that belong to the Module that holds it. Arrays and Tensors become Parameters."""

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        for name, value in (parameters or {}).items():
            self[name] = value

    def __getitem__(self, name: str) -> Parameter:
        return dict(self.items())[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.register_parameter(name, value if isinstance(value, Parameter) else Parameter(value))

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def __len__(self) -> int:
        return len(self.items())

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.items())

    def __contains__(self, name: object) -> bool:
        return name in dict(self.items())

    def items(self) -> list[tuple[str, Parameter]]:
        """(name, Parameter)."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Parameter)]
