"""Parameter and Module: a network is an object whose attributes are its parameters and its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import kernels, memory
from ..engine import Tensor
from ..mode import no_grad


class Parameter(Tensor):
    """A leaf that a Module counts as its own. Requires gradients unless told otherwise."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, dtype: Any = None) -> None:
        super().__init__(data, requires_grad, dtype)
        if self.ndim:
            self._data = memory.copied(self._data)


class Module:
    """Base of all layers and networks, used as PyTorch's: assign parts in ``__init__``, write ``forward``."""

    training: bool = True

    def forward(self, *args: Any) -> Any:
        """Compute the output. Every Module writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """``forward``."""
        return self.forward(*args, **settings)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, part) of the Modules that are attributes, in the order they were assigned."""
        return ((name, part) for name, part in vars(self).items() if isinstance(part, Module))

    def children(self) -> Iterator[Module]:
        """The Modules that are attributes."""
        return (part for _, part in self.named_children())

    def modules(self) -> Iterator[Module]:
        """This Module and all below it."""
        yield self
        for part in self.children():
            yield from part.modules()

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """("layer.weight", Parameter) for all parameters here and below; a shared one comes once."""
        seen: set[int] = set()
        for name, parameter in self._all_parameters(f"{prefix}." if prefix else ""):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def _all_parameters(self, prefix: str) -> Iterator[tuple[str, Parameter]]:
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield prefix + name, value
        for name, part in self.named_children():
            yield from part._all_parameters(f"{prefix}{name}.")

    def parameters(self) -> Iterator[Parameter]:
        """All parameters here and below."""
        return (parameter for _, parameter in self.named_parameters())

    def train(self, mode: bool = True) -> Module:
        """Switch what differs between training and use, such as dropout, here and below."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """``train(False)``."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Set ``requires_grad`` of all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of all parameters by name, PyTorch's names for the same layers.

        PyTorch wants Tensors of its own: ``{name: from_numpy(array) for name, array in net.state_dict().items()}``.
        """
        return {name: parameter.data.copy() for name, parameter in self._all_parameters("")}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Take parameters from ``state`` (arrays, Tensors or PyTorch's tensors). All must fit, or none is taken.

        Not ``strict``: names that only one side has are passed over.
        """
        own = dict(self._all_parameters(""))
        if not strict:
            own = {name: parameter for name, parameter in own.items() if name in state}
            state = {name: state[name] for name in own}
        missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unexpected:
            raise ValueError(f"state does not fit {type(self).__name__}: missing {missing}, unexpected {unexpected}")
        arrays = {name: np.asarray(v.detach() if hasattr(v, "detach") else v) for name, v in state.items()}
        for name, parameter in own.items():
            if arrays[name].shape != parameter.shape:
                raise ValueError(
                    f"{name} has shape {arrays[name].shape} in the state, {parameter.shape} in the network"
                )
        fitting = {name: arrays[name].astype(parameter.dtype, copy=False) for name, parameter in own.items()}
        for name, array in fitting.items():  # what is about to be overwritten is copied first
            if any(np.may_share_memory(array, parameter.data) for parameter in own.values()):
                fitting[name] = array.copy()
        with no_grad():
            for name, parameter in own.items():
                parameter.copy_(fitting[name])

    def __repr__(self) -> str:
        parts = [f"  ({name}): {part!r}".replace("\n", "\n  ") for name, part in self.named_children()]
        inside = "\n" + "\n".join(parts) + "\n" if parts else self.extra_repr()
        return f"{type(self).__name__}({inside})"

    def extra_repr(self) -> str:
        """The settings shown by ``repr``."""
        return ""


class Sequential(Module):
    """Modules applied one after another, named "0", "1", ..."""

    def __init__(self, *modules: Module) -> None:
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential takes Modules; part {i} is {type(module).__name__}")
            setattr(self, str(i), module)

    def forward(self, x: Any) -> Any:
        """Each Module applied to the result of the one before."""
        return kernels.run(self, x)

    def __len__(self) -> int:
        return len(list(self.children()))

    def __getitem__(self, i: int) -> Module:
        return list(self.children())[i]

    def __iter__(self) -> Iterator[Module]:
        return self.children()
