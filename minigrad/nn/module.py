"""Parameter and Module: a network is an object whose attributes are its parameters, its buffers and its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from .. import memory
from ..device import CPU, CUDA, as_array, device_of, put
from ..engine import Tensor
from ..protocols import destination
from ..recording import no_grad
from .hooks import Hooks, RemovableHandle


class Parameter(Tensor):
    """A leaf that a Module counts as its own. Requires gradients unless told otherwise."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, dtype: Any = None, device: Any = None) -> None:
        super().__init__(data, requires_grad, dtype, device)
        if self.ndim:
            self._data = memory.copied(self._data)


class Module:
    """Base of all layers and networks, used as PyTorch's: assign parts in ``__init__``, write ``forward``."""

    training: bool = True
    _buffers: Mapping[str, bool] = MappingProxyType({})  # names of attributes, and whether state_dict has them
    _hooks: Hooks | None = None

    def forward(self, *args: Any) -> Any:
        """Compute the output. Every Module writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """``forward``, and what was registered to be called before and after it."""
        if self._hooks:
            return self._hooks.call(self, args, settings)
        return self.forward(*args, **settings)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, part) of the Modules that are attributes, in the order they were assigned."""
        return ((name, part) for name, part in vars(self).items() if isinstance(part, Module))

    def children(self) -> Iterator[Module]:
        """The Modules that are attributes."""
        return (part for _, part in self.named_children())

    def named_modules(self, memo: set[int] | None = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """("layer", Module) for this Module, whose name is ``prefix``, and all below it; a shared one comes once.

        ``memo``: the ids of those that came already.
        """
        memo = set() if memo is None else memo
        if id(self) not in memo:
            memo.add(id(self))
            yield prefix, self
            for name, part in self.named_children():
                yield from part.named_modules(memo, f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """This Module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def get_submodule(self, target: str) -> Module:
        """The Module of the name "body.0", say; "" is this one."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = vars(module).get(name)
            if not isinstance(module, Module):
                raise AttributeError(f"{type(self).__name__} has no Module {target!r}: nothing there is named {name!r}")
        return module  # type: ignore[no-any-return]

    def apply(self, fn: Callable[[Module], Any]) -> Any:
        """Call ``fn`` on every Module below this one, then on this one; for initial values, say."""
        for part in self.children():
            part.apply(fn)
        fn(self)
        return self

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

    # ------------------------------------------------------------------------------------------ registering

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """``self.name = param``, for names that are made by code."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"parameter {name!r} must be a Parameter or None, got {type(param).__name__}")
        self._register(name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """A Tensor that is state but no parameter, such as a running mean. ``persistent``: state_dict has it."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"buffer {name!r} must be a Tensor or None, got {type(tensor).__name__}")
        self._register(name, tensor)
        self._buffers = {**self._buffers, name: persistent}

    def add_module(self, name: str, module: Module | None) -> None:
        """``self.name = module``, for names that are made by code."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"part {name!r} must be a Module or None, got {type(module).__name__}")
        self._register(name, module)

    register_module = add_module

    def _register(self, name: str, value: Any) -> None:
        if not name or "." in name or (hasattr(self, name) and name not in vars(self)):
            raise KeyError(f"{name!r} cannot name a part of {type(self).__name__}: it has a point, or another meaning")
        setattr(self, name, value)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``; what it returns, unless None, takes the place of args.

        ``with_kwargs``: ``hook(module, args, kwargs)``, which returns both. ``prepend``: before those that are there.
        """
        self._hooks = Hooks() if self._hooks is None else self._hooks
        return RemovableHandle(self._hooks.before, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``; what it returns, unless None, takes output's place.

        ``with_kwargs``: ``hook(module, args, kwargs, output)``. ``prepend``: before those that are there.
        """
        self._hooks = Hooks() if self._hooks is None else self._hooks
        return RemovableHandle(self._hooks.after, (hook, with_kwargs), prepend)

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """("layer.running_mean", Tensor) for all buffers here and below; a shared one comes once."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix):
            for name in module._buffers:
                if isinstance(tensor := getattr(module, name, None), Tensor) and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield f"{path}.{name}" if path else name, tensor

    def buffers(self) -> Iterator[Tensor]:
        """All buffers here and below."""
        return (tensor for _, tensor in self.named_buffers())

    def _state(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """What state_dict has, in PyTorch's order: parameters, buffers, then the parts'."""
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield prefix + name, value
        for name, persistent in self._buffers.items():
            if persistent and isinstance(value := getattr(self, name, None), Tensor):
                yield prefix + name, value
        for name, part in self.named_children():
            yield from part._state(f"{prefix}{name}.")

    # --------------------------------------------------------------------------------------------- switches

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

    def to(self, target: Any = None, dtype: Any = None, *, device: Any = None) -> Any:
        """Move all parameters and buffers, here and below, in place: ``to("cuda")``, ``to("float64")``, or both.

        A device moves them and their gradients; a dtype changes the floating ones, and forgets gradients. An
        optimiser's state follows its parameters at its next step.
        """
        place, kind = destination(target, dtype, device)
        if kind is not None and kind.kind != "f":
            raise TypeError(f"a network's parameters are floating numbers; cannot make them {kind}")
        for tensor in (*self.parameters(), *self.buffers()):
            changed = kind is not None and tensor.dtype.kind == "f" and tensor.dtype != kind
            if changed or (place is not None and place != tensor.device):
                array, grad = tensor.data.astype(kind) if changed else tensor.data, None if changed else tensor.grad
                if place is not None:
                    array, grad = put(array, place), None if grad is None else grad.to(place)
                tensor.data, tensor.grad = memory.copied(array) if array.ndim else array, grad
        return self

    def cuda(self) -> Any:
        """``to("cuda")``."""
        return self.to(CUDA)

    def cpu(self) -> Any:
        """``to("cpu")``."""
        return self.to(CPU)

    def float(self) -> Any:
        """``to("float32")``."""
        return self.to(np.float32)

    def double(self) -> Any:
        """``to("float64")``."""
        return self.to(np.float64)

    # ------------------------------------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of all parameters and buffers by name, on the cpu, PyTorch's names for the same layers.

        PyTorch wants Tensors of its own: ``{name: from_numpy(array) for name, array in net.state_dict().items()}``.
        """
        return {name: put(tensor.data.copy(), CPU) for name, tensor in self._state("")}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Take parameters and buffers from ``state``: arrays, Tensors or PyTorch's. All must fit, or none is taken.

        They may be on any device, and stay on that of the network.

        Not ``strict``: names that only one side has are passed over.
        """
        own = dict(self._state(""))
        if not strict:
            own = {name: parameter for name, parameter in own.items() if name in state}
            state = {name: state[name] for name in own}
        missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unexpected:
            raise ValueError(f"state does not fit {type(self).__name__}: missing {missing}, unexpected {unexpected}")
        arrays = {name: _array(value) for name, value in state.items()}
        for name, parameter in own.items():
            if arrays[name].shape != parameter.shape:
                raise ValueError(
                    f"{name} has shape {arrays[name].shape} in the state, {parameter.shape} in the network"
                )
        fitting = {name: arrays[name].astype(parameter.dtype, copy=False) for name, parameter in own.items()}
        for name, array in fitting.items():  # what is about to be overwritten is copied first
            if any(_share_memory(array, parameter.data) for parameter in own.values()):
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


def _array(value: Any) -> Any:
    """The array of a Tensor, of PyTorch's or of ours; or the array itself."""
    if isinstance(value, Tensor):
        return value.data
    return np.asarray(value.detach().cpu()) if hasattr(value, "detach") else as_array(value)


def _share_memory(x: Any, y: Any) -> bool:
    return device_of(x) == device_of(y) and bool(np.may_share_memory(x, y))
