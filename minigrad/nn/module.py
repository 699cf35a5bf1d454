"""Parameter and Module: a network is an object whose attributes are its parameters, its buffers and its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .. import memory
from ..device import CPU, CUDA, as_array, device_of, put
from ..engine import Tensor
from ..errors import StateError
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

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns: names that only the network has, and names that only the state has."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Module:
    """Base of all layers and networks, used as PyTorch's: assign parts in ``__init__``, write ``forward``."""

    training: bool = True
    _buffers: Mapping[str, bool] = MappingProxyType({})  # names of attributes, and whether state_dict has them
    _absent: frozenset[str] = frozenset()  # names of parameters that are None
    _hooks: Hooks | None = None

    def forward(self, *args: Any) -> Any:
        """Compute the output. Every Module writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """``forward``, and what was registered to be called before and after it."""
        if self._hooks:
            return self._hooks.call(self, args, settings)
        return self.forward(*args, **settings)

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep it. The name of a parameter, a part or a buffer goes on to be one: what is none is refused, but None."""
        old = self.__dict__.get(name)
        if isinstance(value, (Parameter, Module)):
            self._forget(name)
        elif isinstance(old, Parameter) or name in self._absent:
            if value is not None:
                raise TypeError(self._unfit(name, value, "parameter", "Parameter", "write into it: copy_ in no_grad()"))
            self._absent |= {name}
        elif isinstance(old, Module) and value is not None:
            raise TypeError(self._unfit(name, value, "part", "Module", "delete it first"))
        elif name in self._buffers and not (value is None or isinstance(value, Tensor)):
            raise TypeError(self._unfit(name, value, "buffer", "Tensor", "write into it: copy_"))
        object.__setattr__(self, name, value)

    def _unfit(self, name: str, value: Any, what: str, kind: str, otherwise: str) -> str:
        return (
            f"{type(self).__name__}.{name} is a {what}: assign a {kind} or None, got {type(value).__name__}; "
            f"or {otherwise}"
        )

    def __delattr__(self, name: str) -> None:
        """Take it away; the name means nothing any more."""
        object.__delattr__(self, name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        """The name is that of no absent parameter and no buffer."""
        if name in self._absent:
            self._absent -= {name}
        if name in self._buffers:
            self.__dict__.pop(name, None)  # so that a parameter of this name comes last
            self._buffers = {k: kept for k, kept in self._buffers.items() if k != name}

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

    def get_parameter(self, target: str) -> Parameter:
        """The Parameter of the name "body.0.weight", say."""
        found: Parameter = self._named(target, Parameter, lambda module, name: vars(module).get(name))
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of the name "body.1.running_mean", say."""

        def buffer(module: Module, name: str) -> Any:
            return vars(module).get(name) if name in module._buffers else None

        found: Tensor = self._named(target, Tensor, buffer)
        return found

    def _named(self, target: str, kind: type, found: Callable[[Module, str], Any]) -> Any:
        path, _, name = target.rpartition(".")
        value = found(self.get_submodule(path), name)
        if not isinstance(value, kind):
            what = "parameter" if kind is Parameter else "buffer"
            raise AttributeError(f"{type(self).__name__} has no {what} {target!r}")
        return value

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
        if param is None:
            self._absent |= {name}

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

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` once a walk has the gradients of the outputs of ``forward``, a tuple.

        What it returns, unless None, takes their place. ``prepend``: before those that are there.
        """
        self._hooks = Hooks() if self._hooks is None else self._hooks
        return RemovableHandle(self._hooks.backward_before, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` once a walk has the gradients of the positional arguments.

        Both are tuples, with None for what is no Tensor. What it returns, unless None, takes the
        place of grad_input. ``prepend``: before those that are there.
        """
        self._hooks = Hooks() if self._hooks is None else self._hooks
        return RemovableHandle(self._hooks.backward, hook, prepend)

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

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; not ``set_to_none``: those that there are become zeros."""
        for parameter in self.parameters():
            forget = set_to_none or parameter.grad is None
            parameter.grad = None if forget else Tensor(np.zeros_like(parameter._data))

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

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Take parameters and buffers from ``state``: arrays, Tensors or PyTorch's. All must fit, or none is taken.

        They may be on any device, and stay on that of the network. Returns (missing_keys, unexpected_keys), the names
        that only one side has: not ``strict``, they are passed over; else they raise, as shapes that differ always do,
        a ValueError that is a RuntimeError too.
        """
        own = dict(self._state(""))
        missing, unexpected = [k for k in own if k not in state], [k for k in state if k not in own]
        if strict and (missing or unexpected):
            raise StateError(f"state does not fit {type(self).__name__}: missing {missing}, unexpected {unexpected}")
        own = {name: parameter for name, parameter in own.items() if name in state}
        state = {name: state[name] for name in own}
        arrays = {name: _array(value) for name, value in state.items()}
        for name, parameter in own.items():
            if arrays[name].shape != parameter.shape:
                raise StateError(
                    f"{name} has shape {arrays[name].shape} in the state, {parameter.shape} in the network"
                )
        fitting = {name: arrays[name].astype(parameter.dtype, copy=False) for name, parameter in own.items()}
        for name, array in fitting.items():  # what is about to be overwritten is copied first
            if any(_share_memory(array, parameter.data) for parameter in own.values()):
                fitting[name] = array.copy()
        with no_grad():
            for name, parameter in own.items():
                parameter.copy_(fitting[name])
        return IncompatibleKeys(missing, unexpected)

    def __repr__(self) -> str:
        parts = self._shown_parts()
        lines = [f"  ({name}): {part}".replace("\n", "\n  ") for name, part in parts]
        own = self.extra_repr()
        inside = "\n" + "\n".join([*([f"  {own}"] if own else []), *lines]) + "\n" if parts else own
        return f"{type(self).__name__}({inside})"

    def _shown_parts(self) -> list[tuple[str, str]]:
        """Names and texts of the parts, as ``repr`` shows them."""
        return [(name, repr(part)) for name, part in self.named_children()]

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
