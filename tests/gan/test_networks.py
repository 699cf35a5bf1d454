"""G's layers as they start, max norm as pylearn2 applies it, and a G that goes on from another run's."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from gan import cli, validation
from gan import settings as presets
from gan.data import Dataset
from gan.errors import UserError
from gan.networks import discriminator_network, generator_network, limit_norms, marginal_logits, sparse_
from gan.run_folder import RunFolder
from gan.sampling import Player
from gan.training import Training, resumed, train
from minigrad import Generator, Tensor, nn

SMALL = {"generator_layers": (40, 30), "generator_output_sparse": 10, "discriminator_layers": (12, 9), "batch_size": 20}
OFTEN = {"log_every": 4, "sample_every": 5, "checkpoint_every": 3, "validate_every": 4, "parzen_every": 4}


def small(preset="authors", data="drawn_faces", **overrides):
    return presets.make(data, preset, **{**SMALL, "steps": 6, "kernels": "plain", **OFTEN, **overrides})


def pixels(d=16):
    x = np.random.default_rng(1).random((100, d), np.float32)
    return Dataset("drawn_faces", x, x[:30].copy(), x[:5].copy(), image_shape=(4, d // 4))


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr(validation, "SAMPLES", 60)


def linears(net):
    return [part for part in net if isinstance(part, nn.Linear)]


# --------------------------------------------------------------------------------------------- how G starts


def test_the_G_for_faces():
    data = pixels()
    G = generator_network(small(generator_layers=(800, 300)), 16, marginal_logits(data.train), Generator(1))
    assert [type(part).__name__ for part in G] == ["Linear", "ReLU", "Linear", "Sigmoid", "Linear", "Sigmoid"]
    first, second, last = linears(G)
    for layer in (first, second):
        assert 0.0499 < np.abs(layer.weight.data).max() <= 0.05
    assert (first.bias.data == 0).all()
    assert (second.bias.data == -2).all()
    mean = data.train.mean(axis=0)
    np.testing.assert_allclose(last.bias.data, np.log(mean / (1 - mean)), rtol=1e-4, atol=1e-6)
    assert ((last.weight.data != 0).sum(axis=1) == 10).all()


def test_the_G_for_cifar10():
    s = small(data="cifar10", generator_output_sparse=0)
    first, second, last = linears(G := generator_network(s, 3072, None, Generator(1)))
    assert [type(part).__name__ for part in G] == ["Linear", "ReLU", "Linear", "Sigmoid", "Linear"]
    assert np.abs(first.weight.data).max() <= 0.05
    assert np.abs(second.weight.data).max() <= 0.05
    assert 0.4999 < np.abs(last.weight.data).max() <= 0.5
    assert not any(layer.bias.data.any() for layer in (first, second, last))


def test_activations_are_repeated():
    s = small(generator_layers=(5, 6, 7, 8, 10))
    kinds = [type(part).__name__ for part in generator_network(s, 3, None, Generator(0))][1::2]
    assert kinds == ["ReLU", "Sigmoid", "ReLU", "Sigmoid", "ReLU", "Sigmoid"]
    assert [b.bias.data[0] for b in linears(generator_network(s, 3, None, Generator(0)))] == [0, -2, 0, -2, 0, 0]


def test_sparse_weights_are_normal_at_distinct_inputs_of_each_unit():
    layer = nn.Linear(300, 400)
    sparse_(layer.weight, 100, Generator(3))
    w = layer.weight.data
    assert ((w != 0).sum(axis=1) == 100).all()
    values = w[w != 0]
    assert values.mean() == pytest.approx(0, abs=4 / np.sqrt(values.size))
    assert values.std() == pytest.approx(1, abs=4 / np.sqrt(2 * values.size))
    per_input = (w != 0).sum(axis=0)  # binomial(400, 1/3)
    assert abs(per_input - 400 / 3).max() < 5 * np.sqrt(400 * 2 / 9)
    assert per_input.std() == pytest.approx(np.sqrt(400 * 2 / 9), rel=0.25)
    again = nn.Linear(300, 400)
    sparse_(again.weight, 100, Generator(3))
    np.testing.assert_array_equal(again.weight.data, w)
    sparse_(again.weight, 300, Generator(3))
    assert (again.weight.data != 0).all()


# ----------------------------------------------------------------------------------------------- max norm


def constrained(rows, c):
    """pylearn2's rule for one unit after another, in float64."""
    out = np.array(rows, np.float64)
    for row in out:
        norm = np.sqrt((row**2).sum())
        row *= min(norm, c) / (1e-7 + norm)
    return out


def test_limit_norms_is_pylearn2s_rule_for_each_unit_and_piece():
    s = small(generator_output_sparse=0, generator_init=0.8, discriminator_init=1.2)
    for net in (
        generator_network(s, 16, None, Generator(1)),
        discriminator_network(s, 16, Generator(1), Generator(1)),
    ):
        layers = linears(net)
        layers[0].bias.data += 3
        layers[1].weight.data[0] = 0
        layers[1].weight.data[1] *= 1e-9
        layers[1].weight.data[2] *= 0.1
        before = [(layer.weight.data.copy(), layer.bias.data.copy()) for layer in layers]
        assert (np.linalg.norm(before[1][0], axis=1) > 1.9365).any()
        arrays = [layer.weight.data for layer in layers]
        limit_norms(net, 1.9365)
        for layer, array, (weight, bias) in zip(layers, arrays, before, strict=True):
            np.testing.assert_allclose(layer.weight.data, constrained(weight, 1.9365), rtol=1e-5, atol=1e-14)
            np.testing.assert_array_equal(layer.bias.data, bias)
            assert layer.weight.data is array  # in place, and in the order of elements that kernels have seen


def test_limit_norms_is_seen_by_a_backward_pass_that_needs_the_old_weights():
    net = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid())
    x = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    loss = net(x).sum()
    limit_norms(net, 0.1)
    with pytest.raises(RuntimeError, match=r"in place"):
        loss.backward()


def norms(net):
    return np.concatenate([np.linalg.norm(layer.weight.data.astype(np.float64), axis=1) for layer in linears(net)])


LIVELY = {"learning_rate": 2.0, "max_norm": 0.4, "generator_init": 0.3, "discriminator_init": 0.3}


@pytest.mark.parametrize(("preset", "k"), [("authors", 1), ("paper", 3)])
def test_norms_are_limited_after_every_update(preset, k):
    training = Training(small(preset, k=k, **LIVELY), pixels())
    at_noise, at_g_loss = [], []
    draw, loss = training.game.noise, training.game.generator_loss
    training.game.noise = lambda: at_noise.append(norms(training.D).max()) or draw()
    training.game.generator_loss = lambda a: at_g_loss.append(norms(training.D).max()) or loss(a)
    training.iterate()
    limit = 0.4 * (1 + 1e-5)
    assert norms(training.G).max() <= limit
    assert norms(training.D).max() <= limit
    if preset == "paper":  # noise for each of D's updates, and after the last for G's
        assert at_noise[0] > limit
        assert len(at_noise) == 4
        assert max(at_noise[1:]) <= limit
        assert at_g_loss[0] <= limit
    for net in (training.G, training.D):
        assert (norms(net) > 0.4 * (1 - 1e-5)).sum() > 5  # and the limit is reached


@pytest.mark.parametrize("optimizer", ["pylearn2_momentum", "adam"])
@pytest.mark.parametrize("preset", ["authors", "paper"])
def test_fused_kernels_see_the_limit(preset, optimizer):
    """Weights that a kernel took from elsewhere than the parameter would go on from their unlimited values."""
    ends = {}
    lively = LIVELY | ({"learning_rate": 0.02} if optimizer == "adam" else {})
    for kernels in ("plain", "fused"):
        training = Training(small(preset, kernels=kernels, optimizer=optimizer, **lively), pixels())
        losses = [training.iterate() for _ in range(6)]
        ends[kernels] = [p.data for net in (training.G, training.D) for p in net.parameters()], losses
    for a, b in zip(*(ends[kernels][0] for kernels in ends), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)
    for a, b in zip(*(ends[kernels][1] for kernels in ends), strict=True):
        assert a == pytest.approx(b, rel=1e-3, abs=1e-5)


def test_hidden_sigmoid_layers_are_fused():
    from minigrad.fused.mlp import Run, fused

    (run,) = fused(generator_network(small(), 16, None, Generator(0)))
    assert isinstance(run, Run)
    assert len(run.blocks) == 3


def test_without_a_limit_nothing_is_limited():
    training = Training(small(**{**LIVELY, "max_norm": 0.0}), pixels())
    training.iterate()
    assert norms(training.D).max() > 0.6


# --------------------------------------------------------------------------------------------- pretrained


def run_of(folder, settings, dataset):
    training = Training(settings, dataset)
    with RunFolder.create(folder, settings.as_dict(), ["gan"]) as run:
        train(run, training, ["gan"])
    return training


@pytest.fixture(scope="module")
def stage1(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained") / "stage1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "SAMPLES", 60)
        run_of(folder, small(noise_dim=7), pixels())
    return folder


SECOND = {"noise_dim": 5, "generator_layers": (25, 7, 40, 30)}  # 5-25-7-[40-30-16]


def test_stage_2_starts_from_new_layers_below_trained_ones(stage1):
    earlier = RunFolder.read(stage1).load_checkpoint()[0]
    training, other = (
        Training(small(**SECOND, pretrained=p, discriminator_init=0.3), pixels()) for p in (str(stage1), "")
    )
    for i, layer in enumerate(linears(training.G)[2:]):
        np.testing.assert_array_equal(layer.weight.data, earlier[f"G.{2 * i}.weight"])
        np.testing.assert_array_equal(layer.bias.data, earlier[f"G.{2 * i}.bias"])
    below = [(layer.weight.shape, layer.bias.data[0]) for layer in linears(training.G)[:2]]
    assert below == [((25, 5), 0), ((7, 25), -2)]
    for ours, theirs in zip(linears(training.G)[:2], linears(other.G)[:2], strict=True):
        np.testing.assert_array_equal(ours.weight.data, theirs.weight.data)
    for ours, theirs in zip(training.D.parameters(), other.D.parameters(), strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)  # a fresh D
    before = [p.data.copy() for p in training.G.parameters()]
    training.iterate()
    assert all((p.data != old).any() for p, old in zip(training.G.parameters(), before, strict=True))  # all train


def test_stage_2_needs_stage_1_at_its_start_only(stage1, tmp_path):
    copy = tmp_path / "stage1"
    shutil.copytree(stage1, copy)
    settings = small(**SECOND, pretrained=str(copy), steps=6)
    whole = run_of(tmp_path / "whole", settings, pixels())
    run_of(tmp_path / "parts", replace(settings, steps=3), pixels())
    shutil.rmtree(copy)
    with RunFolder.open(tmp_path / "parts") as run:
        training = resumed(run, settings, pixels())
        assert training.step == 3
        train(run, training, ["gan"])
    for ours, theirs in zip(training.G.parameters(), whole.G.parameters(), strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)
    player = Player(RunFolder.read(tmp_path / "whole"))
    assert player.draw(3, 0).shape == (3, 16)
    np.testing.assert_array_equal(player.G[6].weight.data, whole.G[6].weight.data)


def test_a_run_without_a_checkpoint_starts_from_stage_1_again(stage1, tmp_path):
    settings = small(**SECOND, pretrained=str(stage1))
    with RunFolder.create(tmp_path / "killed", settings.as_dict(), ["gan"]) as run:
        again = resumed(run, settings, pixels())
    for ours, theirs in zip(again.G.parameters(), Training(settings, pixels()).G.parameters(), strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)


@pytest.mark.parametrize(
    ("wrong", "dimension", "sentence"),
    [
        ({"generator_layers": (40, 30)}, 16, "the pretrained G has 3 layers and this one 3, which leaves none to put"),
        ({"generator_layers": (30,), "generator_activations": ("relu",)}, 16, "has 3 layers and this one 2, which"),
        ({"generator_layers": (25, 8, 40, 30)}, 16, "-> 40 ReLU -> 30 Sigmoid -> 16 Sigmoid, and this one is 5 -> 25"),
        ({"generator_layers": (25, 7, 41, 30)}, 16, "which does not end so"),
        ({}, 20, "and this one is .* -> 20 Sigmoid, which does not end so"),
        ({"generator_activations": ("sigmoid",)}, 16, "which does not end so"),
        ({"generator_output": "linear", "generator_bias": "zero"}, 16, "which does not end so"),
    ],
)
def test_layers_that_do_not_fit(stage1, wrong, dimension, sentence):
    with pytest.raises(UserError, match=sentence):
        Training(small(**{**SECOND, "pretrained": str(stage1), **wrong}), pixels(dimension))


def test_a_pretrained_run_that_is_not_there(stage1, tmp_path):
    with pytest.raises(UserError, match=r"^pretrained: there is no run in .*nowhere"):
        Training(small(**SECOND, pretrained=str(tmp_path / "nowhere")), pixels())
    with RunFolder.create(tmp_path / "begun", small().as_dict(), ["gan"]):
        pass
    with pytest.raises(UserError, match=r"^pretrained: there is no checkpoint"):
        Training(small(**SECOND, pretrained=str(tmp_path / "begun")), pixels())


def test_the_two_stages_by_command(tmp_path, capsys):
    def gan(*arguments):
        cli.main(["train", "--data", "digits", "--preset", "authors", *arguments], standalone_mode=False)
        return capsys.readouterr().out

    players = ["--generator-activations", "relu, sigmoid", "--generator-sigmoid-bias", "-2", "--max-norm", "1.9365"]
    players += ["--discriminator-layers", "8,8", "--generator-output-sparse", "10", "--steps", "2"]
    gan(*players, "--generator-layers", "30,20", "--out", str(tmp_path / "1"))
    gan(
        *players, "--generator-layers", "30,20,30,20", "--out", str(tmp_path / "2"), "--pretrained", str(tmp_path / "1")
    )
    saved = RunFolder.read(tmp_path / "2").settings
    assert saved["pretrained"] == str(tmp_path / "1")
    assert saved["generator_activations"] == ["relu", "sigmoid"]
    assert (saved["generator_sigmoid_bias"], saved["max_norm"], saved["generator_output_sparse"]) == (-2, 1.9365, 10)
    gan("--resume", "--out", str(tmp_path / "2"), "--steps", "3", "--generator-activations", "relu,sigmoid")
    with pytest.raises(SystemExit):
        gan("--generator-activations", "relu,elu", "--out", str(tmp_path / "3"))
    assert "generator_activations is ('relu', 'elu'); choose relu or sigmoid" in capsys.readouterr().err
