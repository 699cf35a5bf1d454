"""What meets a Tensor on cuda beside the ops: transforms, hooks, Functions, array API, NumPy's functions, DLPack."""

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, array_api, autograd, detect_anomaly, strict_broadcasting
from minigrad.device import put


@pytest.fixture(autouse=True)
def cupy(cupy_module):
    return cupy_module


def pair(values, **settings):
    return [Tensor(values, device=place, **settings) for place in ("cpu", "cuda")]


def same(there, here):
    assert there.device == "cuda"
    assert there.shape == here.shape
    assert there.dtype == here.dtype
    np.testing.assert_allclose(there.detach().cpu().numpy(), here.detach().numpy(), rtol=1e-12)


def f(x):
    return (x * x * x).sum() + (x[0] * x[1]) ** 2


TRANSFORMS = {
    "grad": lambda x: minigrad.grad(f)(x),
    "value_and_grad": lambda x: minigrad.value_and_grad(f)(x)[0],
    "jacobian of nothing": lambda x: minigrad.jacobian(lambda x: x[:0])(x),
    "jacobian": lambda x: minigrad.jacobian(lambda x: x * x.sum())(x),
    "hessian": lambda x: minigrad.hessian(f)(x),
    "hvp": lambda x: minigrad.hvp(f, (x,), (minigrad.ones_like(x),))[0],
    "hvp along an array": lambda x: minigrad.hvp(
        f, (x,), (np.array([1.0, 2.0, 3.0]) if not x.is_cuda else put([1.0, 2.0, 3.0], "cuda"),)
    )[0],
    "jvp": lambda x: minigrad.jvp(lambda x: x * x, (x,), (minigrad.ones_like(x),))[1],
    "vjp": lambda x: minigrad.vjp(lambda x: x * x, x)[1](minigrad.ones_like(x))[0],
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name):
    here, there = (TRANSFORMS[name](x) for x in pair([1.0, 2.0, 3.0]))
    same(there, here)


def test_hooks():
    found = []
    for x in pair([1.0, 2.0], requires_grad=True):
        y = x * 3
        y.retain_grad()
        y.register_hook(lambda g: found.append(g) or g * 2)
        (y * y).sum().backward()
        found.append(x.grad)
        found.append(y.grad)
    for here, there in zip(found[:3], found[3:], strict=True):
        same(there, here)


def test_a_hook_keeps_to_the_device():
    x = Tensor([1.0, 2.0], requires_grad=True, device="cuda")
    x.register_hook(lambda g: g.cpu())
    with pytest.raises(RuntimeError, match=r"returned a gradient on cpu for a Tensor on cuda:0"):
        (x * x).sum().backward()


class Cube(autograd.Function):
    """Two outputs, of which one is not used."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x, x + 1

    @staticmethod
    def backward(ctx, g, h):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g + h


def test_functions_of_the_users():
    found = []
    for x in pair([1.0, 2.0], requires_grad=True):
        y, _ = Cube.apply(x)
        y.sum().backward()
        found.append(x.grad)
    same(found[1], found[0])


def test_diagnosis():
    x = Tensor([-1.0, 4.0], requires_grad=True, device="cuda")
    with detect_anomaly(), np.errstate(all="ignore"), pytest.raises(RuntimeError, match="log"):
        x.log()
    with strict_broadcasting(), pytest.warns(minigrad.BroadcastingWarning, match=r"\(2,\) and \(2, 1\)"):
        x * x.reshape(2, 1)


ARRAYS = {
    "asarray": lambda place: array_api.asarray([[1, 2], [3, 4]], device=place),
    "arange": lambda place: array_api.arange(2, 9, 3, device=place),
    "linspace": lambda place: array_api.linspace(0, 1, 4, device=place),
    "eye": lambda place: array_api.eye(3, 4, k=1, device=place),
    "full": lambda place: array_api.full((2, 3), 7, device=place),
    "ones": lambda place: array_api.ones((2, 3), device=place),
    "zeros_like": lambda place: array_api.zeros_like(Tensor([1, 2], device=place)),
    "tril": lambda place: array_api.tril(Tensor(np.ones((3, 3)), device=place), k=-1),
    "triu": lambda place: array_api.triu(Tensor(np.ones((3, 3)), device=place)),
    "astype": lambda place: array_api.astype(Tensor([1, 2]), np.float32, device=place),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_the_array_api(name):
    same(ARRAYS[name]("cuda"), ARRAYS[name]("cpu"))


def test_the_array_api_of_what_is_there(cupy):
    x = cupy.arange(3.0)
    assert array_api.asarray(x).data is x
    assert array_api.asarray(x, device="cpu").tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="cannot be on cpu without a copy"):
        array_api.asarray(x, device="cpu", copy=False)
    info = array_api.__array_namespace_info__()
    assert info.devices() == ["cpu", "cuda"]
    assert info.default_device() == "cpu"


def test_numpys_functions_of_tensors():
    here, there = pair([[1.0, 2.0], [3.0, 4.0]])
    for function in (
        np.exp,
        np.sum,
        np.transpose,
        lambda x: np.add.reduce(x, axis=0),
        lambda x: np.concatenate([x, x]),
    ):
        same(function(there), function(here))
    same(there.data * there, here.data * here)


def test_dlpack_to_and_from_the_gpus_own(cupy, monkeypatch):
    x = Tensor([1.0, 2.0], device="cuda")
    with pytest.raises(BufferError, match="gradient"):
        Tensor([1.0], requires_grad=True, device="cuda").__dlpack__()
    given = []
    monkeypatch.setattr(cupy, "from_dlpack", lambda array: given.append(array) or x.data)

    class Other:
        """Another library's array on the GPU."""

        def __dlpack_device__(self):
            return 2, 0

    taken = minigrad.from_dlpack(Other())
    assert taken.data is x.data
    assert len(given) == 1
    assert minigrad.from_dlpack(Other(), copy=True).data is not x.data
    assert minigrad.from_dlpack(Other(), device="cpu").tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="cannot be on cpu without a copy"):
        minigrad.from_dlpack(Other(), device="cpu", copy=False)
    assert minigrad.from_dlpack(np.ones(2), device="cuda").is_cuda
