"""Every layer and loss as a Module beside PyTorch's: names of the state, repr, values, gradients, training and use."""

import numpy as np
import pytest

from minigrad import Generator, Tensor, gradients, nn, optim, use_kernels

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
TOLERANCE = {"float64": {"rtol": 1e-10, "atol": 1e-11}, "float32": {"rtol": 2e-4, "atol": 2e-5}}

# name -> (the module in either library, the input's shape)
LAYERS = {
    "Conv1d": (lambda m: m.Conv1d(2, 4, 3), (2, 2, 7)),
    "Conv1d settings": (lambda m: m.Conv1d(4, 6, 3, 2, 1, 2, 2, False), (2, 4, 9)),
    "Conv2d": (lambda m: m.Conv2d(2, 3, 3), (2, 2, 5, 6)),
    "Conv2d settings": (lambda m: m.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), groups=2), (2, 4, 5, 6)),
    "Conv2d same": (lambda m: m.Conv2d(1, 2, 3, padding="same", dilation=2), (2, 1, 5, 6)),
    "Conv2d unbatched": (lambda m: m.Conv2d(2, 3, 3), (2, 5, 6)),
    "ConvTranspose1d": (lambda m: m.ConvTranspose1d(4, 2, 3, 2, 1, 1, 2), (2, 4, 5)),
    "ConvTranspose2d": (lambda m: m.ConvTranspose2d(2, 3, 3, 2, 1, 1), (2, 2, 3, 4)),
    "ConvTranspose2d dilation": (lambda m: m.ConvTranspose2d(2, 3, 2, bias=False, dilation=2), (2, 2, 3, 4)),
    "MaxPool1d": (lambda m: m.MaxPool1d(2), (2, 3, 5)),
    "MaxPool2d": (lambda m: m.MaxPool2d(3, 2, 1), (2, 3, 5, 6)),
    "MaxPool2d up": (lambda m: m.MaxPool2d((2, 3), ceil_mode=True), (2, 3, 5, 7)),
    "AvgPool1d": (lambda m: m.AvgPool1d(3, 2, 1), (2, 3, 5)),
    "AvgPool2d": (lambda m: m.AvgPool2d(2), (2, 3, 4, 5)),
    "AvgPool2d settings": (lambda m: m.AvgPool2d(3, 2, 1, True, False), (2, 3, 6, 5)),
    "AdaptiveAvgPool1d": (lambda m: m.AdaptiveAvgPool1d(2), (2, 3, 5)),
    "AdaptiveAvgPool2d": (lambda m: m.AdaptiveAvgPool2d((1, 1)), (2, 3, 4, 5)),
    "AdaptiveAvgPool2d kept": (lambda m: m.AdaptiveAvgPool2d((None, 3)), (2, 3, 4, 5)),
    "AdaptiveMaxPool1d": (lambda m: m.AdaptiveMaxPool1d(3), (2, 3, 5)),
    "AdaptiveMaxPool2d": (lambda m: m.AdaptiveMaxPool2d(3), (2, 3, 4, 5)),
    "Upsample": (lambda m: m.Upsample(scale_factor=2), (2, 3, 2, 3)),
    "PixelShuffle": (lambda m: m.PixelShuffle(2), (2, 4, 2, 3)),
    "BatchNorm1d": (lambda m: m.BatchNorm1d(3), (5, 3)),
    "BatchNorm1d long": (lambda m: m.BatchNorm1d(3, eps=1e-3, momentum=0.3), (4, 3, 2)),
    "BatchNorm1d average": (lambda m: m.BatchNorm1d(3, momentum=None), (4, 3)),
    "BatchNorm2d": (lambda m: m.BatchNorm2d(2), (3, 2, 3, 2)),
    "BatchNorm2d plain": (lambda m: m.BatchNorm2d(2, affine=False, track_running_stats=False), (3, 2, 3, 2)),
    "InstanceNorm1d": (lambda m: m.InstanceNorm1d(2), (3, 2, 4)),
    "InstanceNorm1d unbatched": (lambda m: m.InstanceNorm1d(2), (2, 4)),
    "InstanceNorm2d": (lambda m: m.InstanceNorm2d(2, affine=True, track_running_stats=True), (3, 2, 3, 2)),
    "LayerNorm": (lambda m: m.LayerNorm(4), (3, 4)),
    "LayerNorm two": (lambda m: m.LayerNorm([3, 4], eps=1e-3), (2, 3, 4)),
    "LayerNorm plain": (lambda m: m.LayerNorm(4, elementwise_affine=False), (3, 4)),
    "LayerNorm without bias": (lambda m: m.LayerNorm(4, bias=False), (3, 4)),
    "RMSNorm": (lambda m: m.RMSNorm(4), (3, 4)),
    "GroupNorm": (lambda m: m.GroupNorm(2, 4), (2, 4, 3)),
    "LocalResponseNorm": (lambda m: m.LocalResponseNorm(2), (2, 4, 3)),
    "Identity": (lambda m: m.Identity(3, any="thing"), (2, 3)),
    "Flatten": (lambda m: m.Flatten(), (2, 3, 4)),
    "Unflatten": (lambda m: m.Unflatten(1, (2, -1)), (2, 6, 3)),
    "ELU": (lambda m: m.ELU(0.7), (3, 4)),
    "CELU": (lambda m: m.CELU(0.5), (3, 4)),
    "SELU": (lambda m: m.SELU(), (3, 4)),
    "GELU": (lambda m: m.GELU(), (3, 4)),
    "GELU tanh": (lambda m: m.GELU("tanh"), (3, 4)),
    "SiLU": (lambda m: m.SiLU(), (3, 4)),
    "Mish": (lambda m: m.Mish(), (3, 4)),
    "Hardtanh": (lambda m: m.Hardtanh(), (3, 4)),
    "ReLU6": (lambda m: m.ReLU6(), (3, 4)),
    "Hardsigmoid": (lambda m: m.Hardsigmoid(), (3, 4)),
    "Hardswish": (lambda m: m.Hardswish(), (3, 4)),
    "Softsign": (lambda m: m.Softsign(), (3, 4)),
    "LogSigmoid": (lambda m: m.LogSigmoid(), (3, 4)),
    "Tanhshrink": (lambda m: m.Tanhshrink(), (3, 4)),
    "Softshrink": (lambda m: m.Softshrink(0.3), (3, 4)),
    "Hardshrink": (lambda m: m.Hardshrink(0.3), (3, 4)),
    "Threshold": (lambda m: m.Threshold(0.2, -7.0), (3, 4)),
    "PReLU": (lambda m: m.PReLU(), (3, 4)),
    "PReLU channels": (lambda m: m.PReLU(4), (3, 4, 2)),
    "GLU": (lambda m: m.GLU(), (3, 4)),
    "Softmax": (lambda m: m.Softmax(dim=1), (3, 4)),
    "Softmin": (lambda m: m.Softmin(dim=1), (3, 4)),
    "LogSoftmax": (lambda m: m.LogSoftmax(dim=-1), (3, 4)),
    "Softplus beta": (lambda m: m.Softplus(2, 1.5), (3, 4)),
    "Softplus threshold": (lambda m: m.Softplus(threshold=0.5), (3, 4)),
    "Softmax2d": (lambda m: m.Softmax2d(), (2, 3, 2, 2)),
    "PixelUnshuffle": (lambda m: m.PixelUnshuffle(2), (2, 1, 4, 6)),
    "Unfold": (lambda m: m.Unfold((2, 3), padding=1, stride=2), (2, 2, 4, 5)),
    "Fold": (lambda m: m.Fold((4, 5), 2), (2, 8, 12)),
    "Linear without bias": (lambda m: m.Linear(2, 3, bias=False), (3, 2)),
    "LayerNorm with scale": (lambda m: m.LayerNorm(4, bias=False), (3, 4)),
    "BatchNorm1d without bias": (lambda m: m.BatchNorm1d(3, bias=False), (5, 3)),
    "GroupNorm without bias": (lambda m: m.GroupNorm(2, 4, bias=False), (2, 4, 3)),
    "InstanceNorm1d without bias": (lambda m: m.InstanceNorm1d(2, affine=True, bias=False), (3, 2, 4)),
    **{
        f"Conv{n}d {mode} {padding}": (
            lambda m, n=n, mode=mode, padding=padding: getattr(m, f"Conv{n}d")(
                2, 3, 4 if n == 1 else (2, 3), padding=padding, dilation=1 if padding == 2 else 2, padding_mode=mode
            ),
            (2, 2, 9) if n == 1 else (2, 2, 5, 6),
        )
        for n in (1, 2)
        for mode in ("reflect", "replicate", "circular")
        for padding in (2, "same", "valid")
    },
    **{
        f"{kind}{n}d": (
            lambda m, kind=kind, n=n: getattr(m, f"{kind}{n}d")(
                1 if n == 1 else (1, 2, 0, 1), *((2.5,) if kind == "ConstantPad" else ())
            ),
            (2, 3, 4) if n == 1 else (2, 3, 4, 5),
        )
        for n in (1, 2)
        for kind in ("ConstantPad", "ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad")
    },
}


def numbers(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(dtype)


def pair(torch, build, dtype):
    """(ours, theirs) with the same state, drawn at random."""
    theirs, ours = build(torch.nn).to(getattr(torch, dtype)), build(nn).to(dtype)
    for p in theirs.parameters():
        torch.nn.init.normal_(p)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def same(ours, theirs, dtype):
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.detach().numpy(), theirs, **TOLERANCE[dtype])


def same_state(ours, theirs, dtype):
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in theirs.named_buffers()]
    for name, value in theirs.state_dict().items():
        assert state[name].dtype == value.numpy().dtype
        np.testing.assert_allclose(state[name], value.numpy(), **TOLERANCE[dtype])


IN_FLOAT32 = {"Hardsigmoid"}  # PyTorch rounds 1/6 to float32


@DTYPES
@pytest.mark.parametrize("name", LAYERS)
def test_layer_is_pytorchs_in_training_and_in_use(name, dtype, torch):
    build, shape = LAYERS[name]
    if name in IN_FLOAT32 and dtype == "float64":
        pytest.skip("exact here only")
    ours, theirs = pair(torch, build, dtype)
    same_state(ours, theirs, dtype)
    for step in range(4):
        if step == 2:
            ours.eval(), theirs.eval()
        x = numbers(*shape, dtype=dtype, seed=step)
        a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        out, expected = ours(a), theirs(b)
        same(out, expected, dtype)
        g = numbers(*out.shape, dtype=dtype, seed=9)
        ours_g = gradients(out, [a, *ours.parameters()], Tensor(g))
        theirs_g = torch.autograd.grad(expected, [b, *theirs.parameters()], torch.tensor(g))
        for p, q in zip(ours_g, theirs_g, strict=True):
            same(p, q, dtype)
    same_state(ours, theirs, dtype)


@pytest.mark.parametrize("name", LAYERS)
def test_repr_is_pytorchs(name, torch):
    build, _ = LAYERS[name]
    assert repr(build(nn)) == repr(build(torch.nn))


@pytest.mark.parametrize("name", [n for n in LAYERS if "Conv" in n])
def test_convolutions_start_within_pytorchs_bounds(name, torch):
    build, _ = LAYERS[name]
    ours, theirs = build(nn), build(torch.nn)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        fan = np.prod(theirs.weight.shape[1:])
        assert p.shape == tuple(q.shape)
        assert p.dtype == "float32"
        assert np.abs(p.detach().numpy()).max() <= 1 / np.sqrt(fan) + 1e-6
    assert ours.weight.detach().numpy().std() > 0.2 / np.sqrt(fan)


def test_initial_values_come_from_the_generator():
    def weights(seed):
        g = Generator(seed)
        return [nn.Conv2d(2, 3, 3, generator=g), nn.Embedding(4, 5, generator=g), nn.Bilinear(2, 3, 4, generator=g)]

    for a, b, c in zip(weights(1), weights(1), weights(2), strict=True):
        np.testing.assert_array_equal(a.state_dict()["weight"], b.state_dict()["weight"])
        assert (a.state_dict()["weight"] != c.state_dict()["weight"]).all()


# ------------------------------------------------------------------------------------------------- a whole network


def conv_net(m):
    return m.Sequential(
        m.Conv2d(1, 4, 3, padding=1),
        m.BatchNorm2d(4),
        m.ReLU(),
        m.MaxPool2d(2),
        m.Sequential(m.Conv2d(4, 6, 3, groups=2), m.GroupNorm(2, 6), m.ELU()),
        m.AdaptiveAvgPool2d((2, 2)),
        m.Flatten(),
        m.Linear(24, 5),
        m.BatchNorm1d(5),
        m.Linear(5, 3),
    )


def test_a_small_convolutional_network_trains_as_pytorchs(torch):
    ours, theirs = pair(torch, conv_net, "float64")
    x, y = numbers(6, 1, 10, 9), np.random.default_rng(1).integers(0, 3, 6)
    sgd = optim.SGD(ours.parameters(), lr=0.05, momentum=0.9)
    their_sgd = torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9)
    loss, their_loss = nn.CrossEntropyLoss(label_smoothing=0.1), torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    for _ in range(4):
        ours.zero_grad(), their_sgd.zero_grad()
        out, expected = loss(ours(Tensor(x)), Tensor(y)), their_loss(theirs(torch.tensor(x)), torch.tensor(y))
        same(out, expected, "float64")
        out.backward(), expected.backward()
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            same(p.grad, q.grad, "float64")
        sgd.step(), their_sgd.step()
    same_state(ours, theirs, "float64")
    ours.eval(), theirs.eval()
    same(ours(Tensor(x)), theirs(torch.tensor(x)), "float64")
    other = conv_net(torch.nn).double()
    other.load_state_dict({k: torch.from_numpy(v) for k, v in ours.state_dict().items()})
    assert int(other[1].num_batches_tracked) == 4
    same(ours(Tensor(x)), other.eval()(torch.tensor(x)), "float64")


def test_a_convolutional_network_has_second_derivatives(torch):
    """A gradient penalty, differentiated by every parameter."""
    ours, theirs = pair(torch, conv_net, "float64")
    x = numbers(3, 1, 10, 9)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    g = gradients(ours(a).sum() ** 2 + (ours(a) ** 2).sum(), a, create_graph=True)
    [h] = torch.autograd.grad(theirs(b).sum() ** 2 + (theirs(b) ** 2).sum(), b, create_graph=True)
    same(g, h, "float64")
    second = gradients((g**2).sum(), list(ours.parameters()), allow_unused=True)
    expected = torch.autograd.grad((h**2).sum(), list(theirs.parameters()), allow_unused=True)
    for p, q in zip(second, expected, strict=True):
        np.testing.assert_allclose(0 if p is None else p.numpy(), 0 if q is None else q.numpy(), rtol=1e-7, atol=1e-7)


# --------------------------------------------------------------------------------------------- embedding, bilinear


def test_embedding_is_pytorchs(torch):
    ours, theirs = pair(torch, lambda m: m.Embedding(5, 3, padding_idx=-1), "float64")
    assert repr(ours) == repr(theirs)
    index = np.array([[0, 4, 1], [1, 1, 4]])
    out, expected = ours(Tensor(index)), theirs(torch.tensor(index))
    same(out, expected, "float64")
    (out * numbers(2, 3, 3)).sum().backward()
    (expected * torch.tensor(numbers(2, 3, 3))).sum().backward()
    same(ours.weight.grad, theirs.weight.grad, "float64")
    assert not ours.weight.grad.numpy()[4].any()
    assert not nn.Embedding(5, 3, padding_idx=2).weight.detach().numpy()[2].any()


def test_bilinear_is_pytorchs(torch):
    ours, theirs = pair(torch, lambda m: m.Bilinear(2, 3, 4), "float64")
    assert repr(ours) == repr(theirs)
    x, y = numbers(5, 2), numbers(5, 3, seed=1)
    same(ours(Tensor(x), Tensor(y)), theirs(torch.tensor(x), torch.tensor(y)), "float64")


# -------------------------------------------------------------------------------------------------- channel dropout


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Dropout1d, (50, 40, 3)), (nn.Dropout1d, (400, 3)), (nn.Dropout2d, (50, 40, 2, 3))]
)
def test_channels_are_dropped_whole(layer, shape):
    out = layer(0.25, generator=Generator(1))(Tensor(np.ones(shape, np.float32))).numpy()
    assert out.dtype == np.float32
    flat = out.reshape(-1, np.prod(shape[1 if len(shape) == 2 else 2 :]))
    assert (flat == flat[:, :1]).all()
    assert set(np.unique(flat)) == {0, np.float32(1 / 0.75)}
    assert abs((flat[:, 0] == 0).mean() - 0.25) < 6 * np.sqrt(0.1875 / len(flat))
    x = Tensor(np.ones(shape))
    assert layer(0.25).eval()(x) is x


def test_channel_dropout_wants_channels():
    with pytest.raises(ValueError, match=r"dropout2d takes inputs of 3 or 4 dimensions, got \(2, 3\)"):
        nn.Dropout2d()(Tensor(np.ones((2, 3))))


# ---------------------------------------------------------------------------------------------------------- losses

PROBABILITIES = np.random.default_rng(5).random((4, 3))
CLASSES = np.array([0, 2, 1, 2])
SIDES = np.array([[1.0, -1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, 1]])
WEIGHT = [0.5, 1.0, 2.0]
LOSSES = {
    "L1Loss": ({}, numbers(4, 3), [numbers(4, 3, seed=1)]),
    "MSELoss": ({}, numbers(4, 3), [numbers(4, 3, seed=1)]),
    "SmoothL1Loss": ({"beta": 0.5}, numbers(4, 3), [numbers(4, 3, seed=1)]),
    "HuberLoss": ({"delta": 0.5}, numbers(4, 3), [numbers(4, 3, seed=1)]),
    "BCELoss": ({"weight": WEIGHT}, PROBABILITIES, [PROBABILITIES[::-1].copy()]),
    "BCEWithLogitsLoss": ({"pos_weight": WEIGHT}, numbers(4, 3), [PROBABILITIES]),
    "CrossEntropyLoss": ({"weight": WEIGHT, "ignore_index": 1, "label_smoothing": 0.1}, numbers(4, 3), [CLASSES]),
    "NLLLoss": ({"weight": WEIGHT, "ignore_index": 1}, numbers(4, 3), [CLASSES]),
    "KLDivLoss": ({"log_target": True, "reduction": "batchmean"}, numbers(4, 3), [numbers(4, 3, seed=1)]),
    "GaussianNLLLoss": ({"full": True}, numbers(4, 3), [numbers(4, 3, seed=1), PROBABILITIES[:, :1]]),
    "PoissonNLLLoss": ({"full": True}, numbers(4, 3), [np.arange(12.0).reshape(4, 3) % 4]),
    "SoftMarginLoss": ({}, numbers(4, 3), [SIDES]),
    "MultiLabelSoftMarginLoss": ({"weight": WEIGHT}, numbers(4, 3), [(SIDES > 0).astype(float)]),
    "HingeEmbeddingLoss": ({"margin": 0.5}, PROBABILITIES, [SIDES]),
    "MarginRankingLoss": ({"margin": 0.5}, numbers(4, 3), [numbers(4, 3, seed=1), SIDES]),
    "CosineEmbeddingLoss": ({"margin": -0.5}, numbers(4, 3), [numbers(4, 3, seed=1), SIDES[:, 0].copy()]),
    "MultiMarginLoss": ({"p": 2, "margin": 0.5, "weight": WEIGHT}, numbers(4, 3), [CLASSES]),
    "MultiLabelMarginLoss": ({}, numbers(4, 3), [np.array([[0, -1, 1], [2, 0, -1], [-1, 0, 1], [1, 1, 0]])]),
    "TripletMarginWithDistanceLoss": ({"swap": True}, numbers(4, 3), [numbers(4, 3, seed=s) for s in (1, 2)]),
    "TripletMarginLoss": ({"margin": 2.0, "swap": True}, numbers(4, 3), [numbers(4, 3, seed=s) for s in (1, 2)]),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_pytorchs(name, reduction, torch):
    options, x, others = LOSSES[name]
    options = {"reduction": reduction, **options}
    theirs_options = {k: torch.tensor(v, dtype=torch.float64) if "weight" in k else v for k, v in options.items()}
    ours, theirs = getattr(nn, name)(**options), getattr(torch.nn, name)(**theirs_options)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = ours(a, *map(Tensor, others)), theirs(b, *map(torch.tensor, others))
    same(out, expected, "float64")
    out.sum().backward(), expected.sum().backward()
    same(a.grad, b.grad, "float64")


def test_every_module_is_compared_with_pytorch():
    elsewhere = "Module Parameter Sequential ModuleList ModuleDict ParameterList ParameterDict Embedding Bilinear "
    elsewhere += "CosineSimilarity PairwiseDistance"
    in_test_nn = "Linear Maxout ReLU LeakyReLU Sigmoid Tanh Softplus Dropout Dropout1d Dropout2d AlphaDropout "
    in_test_nn += "FeatureAlphaDropout"
    here = {name.partition(" ")[0] for name in (*LAYERS, *LOSSES)}
    assert {n for n in nn.__all__ if n[0].isupper()} == here | {*elsewhere.split(), *in_test_nn.split()}


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_a_norm_of_nothing_is_nothing(shape):
    x = Tensor(np.zeros(shape), requires_grad=True)
    out = nn.functional.layer_norm(x, shape[-1:])
    (g,) = gradients((out**2).sum(), [x], create_graph=True)
    (h,) = gradients((g**2).sum(), [x])
    assert out.shape == g.shape == h.shape == shape


# ------------------------------------------------------------------------------------- what PyTorch's layers have too


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_distances_are_pytorchs(torch, p):
    x, y = numbers(4, 3), numbers(4, 3, seed=1)
    for build in (lambda m: m.PairwiseDistance(p, keepdim=True), lambda m: m.CosineSimilarity(dim=0)):
        ours, theirs = build(nn), build(torch.nn)
        assert repr(ours) == repr(theirs)
        same(ours(Tensor(x), Tensor(y)), theirs(torch.tensor(x), torch.tensor(y)), "float64")


IN_PLACE = {
    **dict.fromkeys(("ReLU", "SELU", "SiLU", "Mish", "ReLU6", "Hardsigmoid", "Hardswish"), ()),
    **{"LeakyReLU": (0.2,), "ELU": (0.7,), "CELU": (0.5,), "Hardtanh": (-0.5, 0.7), "Threshold": (0.2, -7.0)},
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_inplace_is_taken_and_changes_nothing(torch, name):
    ours, theirs = (getattr(m, name)(*IN_PLACE[name], inplace=True) for m in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    x = numbers(3, 4)
    out = ours(Tensor(x)).numpy()
    np.testing.assert_array_equal(out, getattr(nn, name)(*IN_PLACE[name])(Tensor(x)).numpy())
    np.testing.assert_array_equal(x, numbers(3, 4))
    np.testing.assert_allclose(out, theirs(torch.tensor(x)).numpy(), rtol=1e-6)


def test_reprs_of_containers_and_parameters_are_pytorchs(torch):
    def build(m):
        blocks = m.ModuleList(
            [m.ReLU(), m.ReLU(), m.Tanh(), m.Sequential(m.Linear(1, 1)), m.Sequential(m.Linear(1, 1))]
        )
        return m.Sequential(
            m.Sequential(m.ReLU(), m.ReLU()), blocks, m.ModuleDict({"a": m.Dropout(0.1)}), m.ModuleList()
        )

    assert repr(build(nn)) == repr(build(torch.nn))
    ours, theirs = nn.Parameter([1.0, 2.5]), torch.nn.Parameter(torch.tensor([1.0, 2.5]))
    assert repr(ours) == repr(theirs)


RESET = ["Linear", "Bilinear", "Embedding", "Conv1d", "Conv2d", "ConvTranspose2d", "PReLU"]
RESET += ["BatchNorm1d", "InstanceNorm2d", "LayerNorm", "GroupNorm", "RMSNorm"]


@pytest.mark.parametrize("name", RESET)
def test_parameters_are_reset_to_where_they_start(name):
    made = {
        **{"Linear": (2, 3), "Bilinear": (2, 3, 4), "Embedding": (4, 5, 1), "Conv1d": (2, 3, 2), "Conv2d": (2, 3, 2)},
        **{
            "ConvTranspose2d": (2, 3, 2),
            "PReLU": (3, 0.1),
            "BatchNorm1d": (3,),
            "InstanceNorm2d": (3, 1e-5, 0.1, True),
        },
        **{"LayerNorm": (3,), "GroupNorm": (1, 3), "RMSNorm": (3,)},
    }[name]
    drawn = "generator" in getattr(nn, name).reset_parameters.__code__.co_varnames
    layer = getattr(nn, name)(*made, **({"generator": Generator(1)} if drawn else {}))
    start = layer.state_dict()
    for p in layer.parameters():
        p.detach().fill_(7)
    layer.reset_parameters(*([Generator(1)] if drawn else []))
    for key, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, start[key])


def test_a_bias_that_is_absent_is_a_parameter_still():
    for layer in (nn.Linear(2, 1, False), nn.Conv1d(1, 1, 1, bias=False), nn.BatchNorm1d(2, affine=False)):
        with pytest.raises(TypeError, match="bias is a parameter: assign a Parameter or None, got Tensor"):
            layer.bias = Tensor([1.0])


def test_padding_modes_that_there_are_not_get_a_sentence():
    with pytest.raises(ValueError, match=r"Conv1d: padding_mode is one of zeros, reflect, .* got 'mirror'"):
        nn.Conv1d(1, 1, 1, padding_mode="mirror")
    with pytest.raises(ValueError, match="ConvTranspose1d: padding_mode is one of zeros, got 'reflect'"):
        nn.ConvTranspose1d(1, 1, 1, padding_mode="reflect")
    with pytest.raises(ValueError, match=r"ZeroPad2d takes a number or 4 of them, got \(1, 2\)"):
        nn.ZeroPad2d((1, 2))


@pytest.mark.parametrize(
    "options", [{"max_norm": 1.0}, {"max_norm": 0.5, "norm_type": 1.0}, {"scale_grad_by_freq": True}]
)
def test_embeddings_options_are_pytorchs(torch, options):
    ours, theirs = pair(torch, lambda m: m.Embedding(5, 3, **options), "float64")
    assert repr(ours) == repr(theirs)
    index = np.array([[0, 4, 1], [1, 1, 4]])
    out, expected = ours(Tensor(index)), theirs(torch.tensor(index))
    same(out, expected, "float64")
    (out * numbers(2, 3, 3)).sum().backward()
    (expected * torch.tensor(numbers(2, 3, 3))).sum().backward()
    same(ours.weight.grad, theirs.weight.grad, "float64")
    same_state(ours, theirs, "float64")


def test_an_embedding_of_a_table(torch):
    table = numbers(5, 3)
    ours = nn.Embedding.from_pretrained(Tensor(table), padding_idx=1)
    theirs = torch.nn.Embedding.from_pretrained(torch.tensor(table), padding_idx=1)
    assert repr(ours) == repr(theirs)
    same_state(ours, theirs, "float64")
    assert not ours.weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    with pytest.raises(ValueError, match=r"takes a table \(count, D\), got the shape \(3,\)"):
        nn.Embedding.from_pretrained(np.zeros(3))


def test_softplus_with_settings_is_not_fused():
    net = nn.Sequential(nn.Linear(3, 4), nn.Softplus(2.0, 1.0))
    x = Tensor(numbers(5, 3, dtype="float32"))
    with use_kernels("fused"):
        out = net(x)
    with use_kernels("plain"):
        np.testing.assert_array_equal(out.detach().numpy(), net(x).detach().numpy())


def test_a_linear_layer_of_no_inputs_gives_its_bias():
    layer = nn.Linear(0, 2)
    for mode in ("plain", "fused"):
        with use_kernels(mode):
            np.testing.assert_array_equal(nn.Sequential(layer)(Tensor(np.ones((3, 0), "float32"))).detach().numpy(), 0)
    with pytest.raises(ValueError, match="Linear needs sizes of at least 0, got -1 -> 2"):
        nn.Linear(-1, 2)
