"""Tensors on cuda: where they are, how they get there and back, and what is said when they cannot."""

import copy
import pickle
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad
from minigrad import DeviceError, Tensor, cuda, device, optim
from minigrad.device import CPU, CUDA, device_of, is_array, put


@pytest.fixture(autouse=True)
def cupy(cupy_module):
    return cupy_module


def on_cuda(values, **settings):
    return Tensor(values, device="cuda", **settings)


# ------------------------------------------------------------------------------------------------- the word device


def test_a_device_is_what_it_is_called():
    assert device("cuda") == device("cuda:0") == device("cuda", 0) == "cuda" == CUDA
    assert device("cuda") == "cuda:0" != device("cpu") == "cpu"
    assert (device("cuda").type, device("cuda").index, device("cpu").index) == ("cuda", 0, None)
    assert (repr(device("cuda")), str(device("cuda"))) == ("device(type='cuda', index=0)", "cuda:0")
    assert repr(device("cpu")) == "device(type='cpu')"
    assert device(device("cuda")) == CUDA == pickle.loads(pickle.dumps(CUDA))
    assert len({device("cuda"), device("cuda:0"), CPU}) == 2


@pytest.mark.parametrize(("said", "sentence"), [("gpu", "a device is"), ("cuda:x", "a device is"), (0, "a device is")])
def test_no_other_devices(said, sentence):
    with pytest.raises(DeviceError, match=f"{sentence}.*got '{said}'"):
        device(said)


def test_one_gpu_for_a_process():
    with pytest.raises(DeviceError, match=r"one GPU, cuda:0; got 'cuda:1'.*CUDA_VISIBLE_DEVICES=1"):
        device("cuda:1")


# -------------------------------------------------------------------------------------------------- there and back


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint8", "float16", "float32", "float64"])
def test_there_and_back(dtype, cupy):
    values = (np.arange(6).reshape(2, 3) % 3).astype(dtype)
    x = on_cuda(values)
    assert isinstance(x.data, cupy.ndarray)
    assert x.device == "cuda"
    assert x.is_cuda
    assert (x.dtype, x.shape) == (dtype, (2, 3))
    back = x.cpu()
    assert isinstance(back.data, np.ndarray)
    assert not back.is_cuda
    np.testing.assert_array_equal(back.numpy(), values)


def test_only_what_the_gpu_computes_in_goes_there():
    with pytest.raises(TypeError, match=r"cuda has no (longdouble|float128)"):
        put(np.zeros(3, np.longdouble), "cuda")


def test_put_copies_in_c_order_and_only_if_it_must():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert put(array, "cpu") is array
    there = put(array, "cuda")
    assert there.flags.c_contiguous
    assert put(there, CUDA) is there
    np.testing.assert_array_equal(put(there, CPU), array)


def test_without_dimensions():
    x = on_cuda(2.5)
    assert (x.shape, x.item(), float(x), x.tolist()) == ((), 2.5, 2.5, 2.5)
    assert isinstance(x.cpu()._data, np.float64)
    assert put(np.float32(3), "cuda").shape == ()


def test_itself_if_it_is_there():
    x, y = on_cuda([1.0]), Tensor([1.0])
    assert x.to("cuda") is x.cuda() is x.to(x) is x.to("cuda", np.float64) is x.to_device("cuda") is x
    assert y.to("cpu") is y.cpu() is y.to(dtype="float64", device="cpu") is y


def test_to_a_device_and_a_dtype_at_once():
    x = Tensor([1.0, 2.0]).to("cuda", np.float32)
    assert (x.device, x.dtype) == ("cuda", np.float32)
    y = Tensor([1.0]).to(x)
    assert (y.device, y.dtype) == ("cuda", np.float32)
    assert x.to(Tensor([1])).dtype == np.int64


def test_gradients_flow_to_where_the_values_came_from(cupy):
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (x.cuda() ** 2).cpu() * Tensor([1.0, 10.0, 100.0])
    y.sum().backward()
    assert x.grad.device == "cpu"
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 40.0, 600.0])
    z = on_cuda([3.0], requires_grad=True)
    (first,) = minigrad.gradients((z.cpu() ** 3).sum(), [z], create_graph=True)
    assert first.is_cuda
    first.sum().backward()
    assert isinstance(z.grad.data, cupy.ndarray)
    assert z.grad.item() == 18.0


def test_a_number_on_the_cpu_meets_anything():
    """As in PyTorch; its gradient comes back to the cpu, through whatever made it."""
    t = Tensor([1.0, 2.0], requires_grad=True)
    x = on_cuda([1.0, 2.0, 3.0], requires_grad=True)
    (t.sum() * x).sum().backward()
    assert t.grad.device == "cpu"
    assert x.grad.is_cuda
    np.testing.assert_array_equal(t.grad.numpy(), [6.0, 6.0])
    np.testing.assert_array_equal(x.grad.cpu().numpy(), [3.0, 3.0, 3.0])
    s, y = Tensor(2.0, requires_grad=True), on_cuda(5.0)
    (s * y).backward()
    assert (s.grad.device, s.grad.item()) == ("cpu", 5.0)


# ---------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "mix",
    [
        lambda x, y: x + y,
        lambda x, y: y * x,
        lambda x, y: x @ y,
        lambda x, y: minigrad.cat([x, y]),
        lambda x, y: minigrad.where(x > 0, x, y),
        lambda x, y: minigrad.maximum(x, y.data),
    ],
    ids=["+", "*", "@", "cat", "where", "array"],
)
def test_two_devices_in_one_op(mix):
    sentence = "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
    with pytest.raises(RuntimeError, match=sentence) as caught:
        mix(on_cuda([1.0, 2.0]), Tensor([3.0, 4.0]))
    assert re.search(r"\(.*2.*\) float64 on (cuda:0|cpu), \(.*2.*\) float64 on", str(caught.value))
    assert ".to(device)" in str(caught.value)


def test_numpy_is_not_reached_without_a_word():
    x = on_cuda([1.0, 2.0])
    for refused in (x.numpy, lambda: np.asarray(x), lambda: np.array(x)):
        with pytest.raises(TypeError, match=r"can't convert cuda:0 device type tensor to numpy\. Use Tensor\.cpu\(\)"):
            refused()


def test_the_gradient_to_start_from_is_on_the_same_device():
    x = on_cuda([1.0, 2.0], requires_grad=True)
    y = x * 3
    with pytest.raises(RuntimeError, match="the gradient is on cpu, the Tensor it belongs to on cuda:0"):
        y.backward(Tensor([1.0, 1.0]))
    with pytest.raises(RuntimeError, match="the gradient is on cpu"):
        y.backward(np.ones(2))
    y.backward([1.0, 2.0])  # of no device
    np.testing.assert_array_equal(x.grad.cpu().numpy(), [3.0, 6.0])


def test_out_of_memory(cupy, monkeypatch):
    def fail(*args, **settings):
        raise cupy.cuda.memory.OutOfMemoryError(800, 1000, 0)

    said = r"out of memory on cuda: fail of \(4,\) float64 on cuda:0 found no room.*empty_cache"
    x = on_cuda(np.zeros(4))
    with pytest.raises(cuda.OutOfMemoryError, match=said) as caught:
        minigrad.op(fail)(x)
    assert isinstance(caught.value, MemoryError)
    assert isinstance(caught.value, DeviceError)
    monkeypatch.setattr(cupy, "asarray", fail)
    with pytest.raises(cuda.OutOfMemoryError, match=r"an array of 8,000 bytes found no room.*take smaller batches"):
        put(np.zeros(1000), "cuda")


def test_out_of_memory_on_the_way_back_and_in_a_step(cupy):
    """Where no op is that could say it: a rule's own arithmetic, an optimiser's."""

    def fail(*args):
        raise cupy.cuda.memory.OutOfMemoryError(800, 1000, 0)

    def twice(x):
        return x + x

    op = minigrad.op(twice)
    minigrad.derivatives(op, lambda g, out, x: fail())
    x = on_cuda([1.0], requires_grad=True)
    with pytest.raises(cuda.OutOfMemoryError, match=r"a backward pass found no room.*take smaller batches"):
        op(x).backward([1.0])
    optimizer = optim.SGD([x], lr=0.1)
    optimizer.update = fail
    x.grad = on_cuda([1.0])
    with pytest.raises(cuda.OutOfMemoryError, match=r"an optimiser's step found no room"):
        optimizer.step()


def test_the_processors_memory_speaks_for_itself():
    def fail(*args):
        raise MemoryError("of the processor")

    x = Tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([x], lr=0.1)
    optimizer.update = fail
    x.grad = Tensor([1.0])
    with pytest.raises(MemoryError, match=r"^of the processor$"):
        optimizer.step()


@pytest.mark.parametrize("function", [np.spacing, lambda x: np.geomspace(x, 2, 3)], ids=["ufunc", "function"])
def test_what_cupy_lacks_names_the_op_and_a_way_out(function):
    def spaced(x):
        return function(x)

    said = r"spaced of \(2,\) float64 on cuda:0 is not possible on cuda.*x\.cpu\(\)"
    with pytest.raises(NotImplementedError, match=said):
        minigrad.op(spaced)(on_cuda([1.0, 2.0]))


# ------------------------------------------------------------------------------- what is missing (no fixture's CuPy)


def gpu_less(monkeypatch, **runtime):
    """A CuPy that finds no GPU, for these reasons."""
    found = {"driverGetVersion": 13000, "runtimeGetVersion": 13000, "getDeviceCount": 0} | runtime

    def answer(value):
        def ask():
            if isinstance(value, Exception):
                raise value
            return value

        return ask

    names = SimpleNamespace(**{name: answer(value) for name, value in found.items()})
    module = SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: False, runtime=names), ndarray=type("nd", (), {})
    )
    monkeypatch.setitem(sys.modules, "cupy", module)


MISSING = [
    ({"driverGetVersion": 0}, "this machine has no NVIDIA driver; install one"),
    (
        {"driverGetVersion": 12080},
        r"the NVIDIA driver is of CUDA 12\.8, too old for .*CUDA 13\.0; update.*cupy-cuda12x",
    ),
    ({}, "the driver shows this process no GPU; see what nvidia-smi lists"),
    ({"getDeviceCount": RuntimeError("cudaErrorNoDevice: none")}, "the driver shows this process no GPU"),
    ({"getDeviceCount": RuntimeError("cudaErrorECC: bad")}, "the GPU does not answer.*cudaErrorECC"),
    ({"getDeviceCount": 1}, "start the process again"),
]


@pytest.mark.parametrize(("runtime", "sentence"), MISSING)
def test_which_part_is_missing(monkeypatch, runtime, sentence):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpu_less(monkeypatch, **runtime)
    with pytest.raises(DeviceError, match=sentence):
        Tensor([1.0]).to("cuda")
    assert not cuda.is_available()
    assert cuda.device_count() == 0


def test_a_hidden_gpu_is_said_to_be_hidden(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    gpu_less(monkeypatch)
    with pytest.raises(DeviceError, match="no GPU \\(CUDA_VISIBLE_DEVICES is ''\\)"):
        minigrad.zeros(3, device="cuda")


def test_cupy_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(DeviceError, match=r"cuda needs CuPy.*pip install 'minigrad-gan\[cuda\]'"):
        Tensor([1.0], device="cuda")
    assert not is_array([1.0])
    assert device_of(np.ones(3)) == "cpu"


def test_cupy_is_imported_with_the_first_tensor_on_cuda_and_not_before():
    script = "import minigrad, sys; minigrad.rand(3).cpu().to('cpu'); minigrad.cuda; assert 'cupy' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


# ------------------------------------------------------------------------------------------ what a Tensor can do


def test_its_text_says_where_it_is():
    assert repr(on_cuda([1.0, 2.0])) == "tensor([1., 2.], device='cuda:0')"
    assert repr(on_cuda([1], dtype="int32")) == "tensor([1], device='cuda:0', dtype=int32)"
    x = on_cuda([1.0], requires_grad=True)
    assert repr(x) == "tensor([1.], device='cuda:0', requires_grad=True)"
    assert "grad_fn=<multiply>" in repr(x * 2)


def test_copies_and_pickles_stay_on_their_device():
    x = on_cuda([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other.is_cuda
        assert other.requires_grad
        assert other.grad.is_cuda
        np.testing.assert_array_equal(other.detach().cpu().numpy(), [1.0, 2.0])
        np.testing.assert_array_equal(other.grad.cpu().numpy(), [2.0, 4.0])
    clone = copy.deepcopy(x)
    with minigrad.no_grad():
        clone.zero_()
    assert x.tolist() == [1.0, 2.0]
    assert copy.copy(x).data is x.data
    assert copy.deepcopy(on_cuda(3.0)).item() == 3.0


def test_values_are_written_where_the_tensor_is():
    x = on_cuda(np.zeros((2, 3)))
    x[0] = np.array([1.0, 2.0, 3.0])
    x[1, 1:] = Tensor([4.0, 5.0])
    assert x.tolist() == [[1.0, 2.0, 3.0], [0.0, 4.0, 5.0]]
    x.copy_(np.ones((2, 3), np.float32))
    assert x.is_cuda
    assert x.tolist() == [[1.0] * 3] * 2
    x += 1
    x *= on_cuda([1.0, 0.0, 1.0])
    assert x.tolist() == [[2.0, 0.0, 2.0]] * 2
    y = on_cuda(1.0)
    y += 2
    assert y.item() == 3.0
    y.fill_(7)
    assert y.item() == 7.0
    with pytest.raises(RuntimeError, match="same device"):
        x += Tensor(np.ones((2, 3)))


def test_data_can_be_exchanged():
    x = on_cuda([1.0, 2.0])
    x.data = x.data * 2
    assert x.tolist() == [2.0, 4.0]
    assert x.detach().data is x.data
    x.data = np.array([5.0])
    assert not x.is_cuda
    assert x.data_ptr() != 0


def test_facts_of_the_memory():
    x = on_cuda(np.ones((3, 4), np.float32))
    assert (x.nbytes, x.itemsize, x.strides, x.stride(0), x.is_contiguous()) == (48, 4, (16, 4), 4, True)
    assert x.data_ptr() == x.data.data.ptr
    assert x[1].data_ptr() == x.data_ptr() + 16


def test_a_view_and_its_tensor_change_together():
    x = on_cuda(np.zeros(4), requires_grad=True)
    y = x.exp()
    view = y.detach()[1:3]
    with minigrad.no_grad():
        view.fill_(7.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


# -------------------------------------------------------------------------------------------------- from nothing


CREATED = {
    "zeros": lambda **k: minigrad.zeros(2, 3, **k),
    "ones": lambda **k: minigrad.ones(2, 3, dtype="float32", **k),
    "full": lambda **k: minigrad.full((2, 2), 7, **k),
    "full of a Tensor": lambda **k: minigrad.full((2, 2), Tensor(2.5), **k),
    "eye": lambda **k: minigrad.eye(2, 3, **k),
    "arange": lambda **k: minigrad.arange(1, 10, 2, **k),
    "linspace": lambda **k: minigrad.linspace(0, 1, 5, **k),
    "logspace": lambda **k: minigrad.logspace(0, 1, 5, dtype="float32", **k),
    "tril_indices": lambda **k: minigrad.tril_indices(3, 3, **k),
    "triu_indices": lambda **k: minigrad.triu_indices(3, 3, 1, **k),
    "tensor": lambda **k: minigrad.tensor([1, 2], **k),
    "as_tensor": lambda **k: minigrad.as_tensor([1.0, 2.0], **k),
    "randint": lambda **k: minigrad.randint(0, 9, (5,), generator=minigrad.Generator(1), **k),
    "randperm": lambda **k: minigrad.randperm(9, generator=minigrad.Generator(1), **k),
    "randn": lambda **k: minigrad.randn(3, 2, generator=minigrad.Generator(1), **k),
    "rand": lambda **k: minigrad.rand(3, 2, generator=minigrad.Generator(1), **k),
}


@pytest.mark.parametrize("name", CREATED)
def test_made_on_cuda_as_on_the_cpu(name):
    here, there = CREATED[name](), CREATED[name](device="cuda")
    assert (here.device, there.device) == ("cpu", "cuda")
    assert here.dtype == there.dtype
    np.testing.assert_array_equal(there.cpu().numpy(), here.numpy())


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "empty_like", "rand_like", "randn_like", "full_like"])
def test_made_like_another(name):
    x = on_cuda(np.ones((2, 3), np.float32))
    made = getattr(minigrad, name)(x, *([3.0] if name == "full_like" else []))
    assert (made.device, made.shape, made.dtype) == ("cuda", (2, 3), np.float32)
    assert not getattr(minigrad, name)(x, *([3.0] if name == "full_like" else []), device="cpu").is_cuda


def test_around_an_array_that_is_there():
    x = on_cuda([1.0, 2.0])
    assert minigrad.as_tensor(x.data).data is x.data
    assert minigrad.as_tensor(x) is x
    assert not minigrad.as_tensor(x, device="cpu").is_cuda
    assert Tensor(x.data).data is not x.data


# ------------------------------------------------------------------------------------------------------- torch.cuda


def test_the_gpu_answers(cupy):
    assert cuda.is_available()
    assert cuda.device_count() == 1
    assert cuda.current_device() == 0
    assert isinstance(cuda.get_device_name(), str)
    before = cuda.memory_allocated()
    x = on_cuda(np.zeros(1 << 16))
    assert cuda.memory_allocated() >= before + x.nbytes
    assert cuda.memory_reserved() >= cuda.memory_allocated()
    del x
    cuda.empty_cache()
    assert cuda.memory_allocated() <= before
    cuda.synchronize()
    with pytest.raises(AttributeError, match="has no attribute 'stream'"):
        cuda.stream  # noqa: B018


def test_precision_is_pytorchs_setting():
    assert minigrad.get_float32_matmul_precision() == "highest"
    with pytest.raises(ValueError, match=r'"highest" \(float32\) or "high" \(TF32\), got \'medium\''):
        minigrad.set_float32_matmul_precision("medium")
    try:
        minigrad.set_float32_matmul_precision("high")
        assert minigrad.get_float32_matmul_precision() == "high"
    finally:
        minigrad.set_float32_matmul_precision("highest")
