"""The presets against the released configuration, as a table and as what is really built and applied; bad settings."""

import json
import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan import settings as presets
from gan import training as training_module
from gan.algorithm import Losses
from gan.data import Dataset
from gan.errors import UserError
from gan.settings import Settings
from gan.training import Training
from minigrad import Tensor
from minigrad.optim import Pylearn2Momentum

# The released MNIST configuration (goodfeli/adversarial, mnist.yaml, on pylearn2 of June 2014).
AUTHORS = {
    "data": "mnist",
    "preset": "authors",
    "update": "simultaneous",  # both gradients at the same old parameters
    "k": 1,
    "objective": "non_saturating",
    "discriminator_scale": 0.5,
    "batch_size": 100,
    "noise": "uniform",  # on +- sqrt 3
    "noise_dim": 100,
    "generator_layers": (1200, 1200),
    "generator_activations": ("relu",),
    "generator_sigmoid_bias": 0.0,  # pylearn2's default
    "generator_output": "sigmoid",
    "generator_init": 0.05,
    "generator_output_init": 0.0,  # as the others
    "generator_output_sparse": 0,
    "generator_bias": "marginals",
    "pretrained": "",
    "discriminator_layers": (240, 240),
    "pieces": 5,
    "discriminator_init": 0.005,
    "dropout_input": 0.2,  # keeps 0.8
    "dropout_hidden": 0.5,
    "max_norm": 0.0,
    "optimizer": "pylearn2_momentum",  # inc = m inc - lr grad; theta += inc
    "learning_rate": 0.1,
    "learning_rate_decay": 1.000004,  # after every minibatch
    "learning_rate_min": 1e-6,
    "momentum_start": 0.5,
    "momentum_end": 0.7,
    "momentum_epochs": 250,
}
# What tfd_pretrain/pretrain.yaml and cifar10_fully_connected.yaml have otherwise. The rest is said again in them.
FACES = {
    "noise": "gaussian",  # the default of their Generator
    "generator_layers": (8000, 8000),
    "generator_activations": ("relu", "sigmoid"),
    "generator_sigmoid_bias": -2.0,  # init_bias of h1
    "generator_output_sparse": 100,  # sparse_init of y
    "discriminator_layers": (1200, 1200),
    "max_norm": 1.9365,  # max_col_norm of every layer
    "learning_rate": 0.05,
}
CIFAR10 = {
    "noise": "gaussian",
    "generator_layers": (8000, 8000),
    "generator_activations": ("relu", "sigmoid"),
    "generator_output": "linear",
    "generator_output_init": 0.5,  # irange of y
    "generator_bias": "zero",
    "discriminator_layers": (1600, 1600),
    "learning_rate": 0.025,
}
NOT_IN_THE_TABLE = {
    *("seed", "device", "kernels", "steps"),
    *("log_every", "sample_every", "checkpoint_every", "validate_every", "parzen_every"),
}
LEARNING_RATES = {1: 0.09980, 50: 0.09048, 100: 0.08187, 250: 0.06065, 500: 0.03679, 1000: 0.01353}  # after that epoch
MOMENTA = {1: 0.5, 50: 0.5394, 125: 0.5996, 250: 0.7, 251: 0.7, 500: 0.7}  # in that epoch

G_LAYERS = [
    ("Linear", (1200, 100)),
    ("ReLU", None),
    ("Linear", (1200, 1200)),
    ("ReLU", None),
    ("Linear", (784, 1200)),
    ("Sigmoid", None),
]
D_LAYERS = [
    ("Dropout", 0.2),
    ("Maxout", (1200, 784)),  # 240 units of 5 pieces
    ("Dropout", 0.5),
    ("Maxout", (1200, 240)),
    ("Dropout", 0.5),
    ("Linear", (1, 240)),
]


@pytest.fixture(scope="module")
def data():
    """As many examples as MNIST; zeros, which cost no memory, but for 100 rows that give the pixels their means."""
    train = np.zeros((50_000, 784), np.float32)
    train[::500] = np.linspace(0, 1, 784, dtype=np.float32)
    rest = np.zeros((1, 784), np.float32)
    return Dataset(name="mnist", train=train, valid=rest, test=rest.copy(), image_shape=(28, 28))


@pytest.fixture(scope="module")
def authors(data):
    return Training(presets.make("mnist", "authors"), data)


def test_every_setting_is_the_released_one():
    assert AUTHORS.keys() | NOT_IN_THE_TABLE == {f.name for f in fields(Settings)}
    made = presets.make("mnist", "authors")
    assert {name: getattr(made, name) for name in AUTHORS} == AUTHORS


@pytest.mark.parametrize(("data", "table"), [("faces", FACES), ("drawn_faces", FACES), ("cifar10", CIFAR10)])
def test_every_setting_of_the_other_released_configurations(data, table):
    made = presets.make(data, "authors")
    assert {name: getattr(made, name) for name in AUTHORS} == {**AUTHORS, "data": data, **table}


def test_the_stages_for_faces():
    """50 epochs, then 22 of 100-8000-100-8000-8000-2304, whose new layers are a ReLU's and a sigmoid's."""
    first = presets.make("drawn_faces", "authors")
    assert presets.with_length(first, None, 50, 20_000) == first
    second = presets.make("drawn_faces", "authors", generator_layers=(8000, 100, 8000, 8000), pretrained="stage1")
    changed = {name for name, value in second.as_dict().items() if value != first.as_dict()[name]}
    assert changed == {"generator_layers", "pretrained"}


@pytest.mark.parametrize("data", presets.ADAPTED)
def test_paper_is_authors_but_for_algorithm_1_as_printed(data):
    paper, authors = presets.make(data, "paper").as_dict(), presets.make(data, "authors").as_dict()
    differ = {name: paper[name] for name in paper if paper[name] != authors[name]}
    assert differ == {"preset": "paper", "update": "alternating", "discriminator_scale": 1.0}
    assert paper["k"] == 1  # "the least expensive option", the paper's own


def test_the_networks_are_the_released_ones(authors):
    for net, table, size in ((authors.G, G_LAYERS, 2_503_984), (authors.D, D_LAYERS, 1_231_441)):
        built = [(type(part).__name__, part.weight.shape if hasattr(part, "weight") else None) for part in net]
        assert built == [(kind, shape if isinstance(shape, tuple) else None) for kind, shape in table]
        assert sum(p.data.size for p in net.parameters()) == size
        assert all(p.dtype == np.float32 for p in net.parameters())
    assert [part.pieces for part in authors.D if type(part).__name__ == "Maxout"] == [5, 5]
    assert [part.p for part in authors.D if type(part).__name__ == "Dropout"] == [0.2, 0.5, 0.5]


@pytest.mark.parametrize(("place", "drop"), [(0, 0.2), (2, 0.5), (4, 0.5)])
def test_dropout_scales_the_survivors_and_is_off_in_use(authors, place, drop):
    ones = np.ones((100, 784), np.float32)
    out = authors.D[place](ones)
    assert np.unique(out).tolist() == [0, np.float32(1 / (1 - drop))]
    assert (out == 0).mean() == pytest.approx(drop, abs=0.01)
    first = authors.judge(ones)
    np.testing.assert_array_equal(first, authors.judge(ones))
    assert authors.D[place].training


def test_initial_weights_are_uniform_in_their_range(authors):
    for net, bound in ((authors.G, 0.05), (authors.D, 0.005)):
        for name, p in net.named_parameters():
            if name.endswith("weight"):
                n = p.data.size
                assert bound * (1 - 20 / n) < np.abs(p.data).max() <= np.float32(bound)
                assert p.data.std() == pytest.approx(bound / math.sqrt(3), rel=3 / math.sqrt(n))
                assert abs(p.data.mean()) < 5 * bound / math.sqrt(3 * n)
            elif (net, name) != (authors.G, "4.bias"):
                assert not p.data.any()


def test_the_output_bias_is_the_logit_of_the_marginals(authors, data):
    mean = np.clip(data.train.astype(np.float64).mean(axis=0), 1e-7, 1 - 1e-7)
    np.testing.assert_allclose(authors.G[4].bias.data, np.log(mean / (1 - mean)), rtol=1e-5)
    assert authors.G[4].bias.data[0] == pytest.approx(-16.118, abs=1e-3)  # a pixel that is never lit


def test_a_pixel_that_is_always_lit_has_a_finite_bias():
    logits = training_module.marginal_logits(np.array([[0, 1, 0.5], [0, 1, 1]], np.float32))
    np.testing.assert_allclose(logits, [-16.1180956, 16.1180956, math.log(3)], rtol=1e-6)


@pytest.mark.parametrize("noise", ["uniform", "gaussian"])
def test_noise_has_unit_variance(noise, data):
    z = training_module.draw_noise(presets.make("mnist", "authors", noise=noise), 1000, training_module.Generator(1))
    assert z.shape == (1000, 100)
    assert z.dtype == np.float32
    assert z.var() == pytest.approx(1, abs=0.02)
    assert z.mean() == pytest.approx(0, abs=0.02)
    assert (np.abs(z).max() > math.sqrt(3)) == (noise == "gaussian")


def test_both_players_move_by_the_same_rule(authors):
    assert authors.minibatches.per_epoch == 500
    assert [o.parameters() for o in authors.optimizers] == [list(net.parameters()) for net in (authors.G, authors.D)]
    for optimizer in authors.optimizers:
        assert type(optimizer) is Pylearn2Momentum
        (group,) = optimizer.param_groups
        assert group["lr"] == 0.1
        assert group["momentum"] == 0.5


def test_schedules_as_applied_update_by_update(data, monkeypatch):
    """Training itself counts; only the players' work, which no schedule depends on, is left out."""
    training = Training(presets.make("mnist", "authors", generator_layers=(1,), discriminator_layers=(1,)), data)
    at = [o.param_groups[0] for o in training.optimizers]
    used = []
    zero = Tensor(np.zeros((1, 1), np.float32))
    nothing = Losses(zero.sum(), zero.sum(), zero, zero)

    def update(game):
        used.append((at[0]["lr"], at[0]["momentum"]))
        assert at[0]["lr"] == at[1]["lr"]
        assert at[0]["momentum"] == at[1]["momentum"]
        return nothing

    monkeypatch.setattr(training_module, "simultaneous", update)
    for _ in range(50 * 500):
        training.iterate()
    for epoch in (250, 500, 1000):  # the way there is long: jump as --resume does
        arrays, metadata = training.state()
        training.restore(arrays, metadata | {"step": (epoch - 1) * 500})
        for _ in range(500):
            training.iterate()
    epochs = dict(zip([*range(1, 51), 250, 500, 1000], np.reshape(used, (-1, 500, 2)), strict=True))
    assert used[0] == (0.1, 0.5)
    for epoch, numbers in epochs.items():
        t = (epoch - 1) * 500 + np.arange(500)
        np.testing.assert_allclose(numbers[:, 0], 0.1 / 1.000004**t, rtol=1e-9)
        np.testing.assert_allclose(numbers[:, 1], 0.5 + 0.2 * min(1, (epoch - 1) / 249), rtol=1e-12)
        if epoch in LEARNING_RATES:
            assert numbers[-1, 0] == pytest.approx(LEARNING_RATES[epoch], abs=6e-6)
        if epoch in MOMENTA:
            assert numbers[0, 1] == pytest.approx(MOMENTA[epoch], abs=5e-5)
    training.restore(arrays, metadata | {"step": 3_000_000})
    assert at[0]["lr"] == 1e-6  # its floor


@pytest.mark.parametrize(("preset", "scale"), [("authors", 0.5), ("paper", 1.0)])
def test_two_real_steps_of_full_size(data, monkeypatch, preset, scale):
    taken = []
    for name in ("simultaneous", "alternating"):
        plain = getattr(training_module, name)
        monkeypatch.setattr(
            training_module, name, lambda *a, plain=plain: (taken.append((plain.__name__, *a[1:])), plain(*a))[1]
        )
    training = Training(presets.make("mnist", preset), data)
    first, second = training.iterate(), training.iterate()
    # D starts almost at 1/2 everywhere, where V = -log 4.
    assert first["d_loss"] == pytest.approx(scale * math.log(4), abs=0.02)
    assert first["g_loss"] == pytest.approx(math.log(2), abs=0.02)
    assert second["d_loss"] < first["d_loss"]
    assert taken == [("simultaneous",) if preset == "authors" else ("alternating", 1)] * 2


# ------------------------------------------------------------------------------------------------- bad settings

CHOICES = {f.name: f.metadata["choices"] for f in fields(Settings) if f.metadata["choices"]}
NUMBERS = {f.name: f for f in fields(Settings) if not f.metadata["choices"] and f.name != "pretrained"}
scalars = st.one_of(st.none(), st.booleans(), st.text(max_size=5), st.just(math.nan), st.just(math.inf), st.just(-1))


def refused(data="mnist", preset="paper", **overrides):
    with pytest.raises(UserError) as error:
        presets.make(data, preset, **overrides)
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


@given(st.data())
def test_a_wrong_value_gets_a_sentence_that_names_the_setting(data):
    name = data.draw(st.sampled_from([f.name for f in fields(Settings) if f.name not in ("data", "preset")]))
    if name in CHOICES:
        bad = data.draw(st.one_of(st.text(max_size=20), st.integers(), st.none(), st.just(())))
        assert bad not in CHOICES[name]
        if name == "generator_activations":
            bad = data.draw(st.sampled_from([bad, (bad,), ("relu", bad)]))
    elif name == "pretrained":
        bad = data.draw(st.one_of(st.integers(), st.none(), st.just(()), st.just(("run",))))
    else:
        field = NUMBERS[name]
        low, high = field.metadata["low"], field.metadata["high"]
        wrong = [scalars.filter(lambda v: v != -1 or low > -1), st.floats(max_value=low, exclude_max=True)]
        if high < math.inf:
            wrong.append(st.floats(min_value=high, exclude_min=True))
        if "int" in field.type:
            wrong += [st.floats(), st.integers(max_value=int(low) - 1)]
        one = st.one_of(wrong)
        several = st.tuples(one) | st.tuples(st.just(3), one)
        bad = data.draw(st.one_of(one, several, st.just(())))
    sentence = refused(**{name: bad})
    assert sentence.startswith(f"{name} is ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"data": "minst"}, "there is no data set 'minst'; choose mnist, digits, ring, grid, gaussian, faces, "),
        ({"preset": "author"}, "there is no preset 'author'; choose paper or authors"),
        ({"momentum": 0.5}, "there is no setting 'momentum'; did you mean "),
        ({"xyzzy": 0.5}, "there is no setting 'xyzzy'"),
        ({"batch_size": 0}, "batch_size is 0; it must be at least 1"),
        ({"dropout_input": 1.0}, "dropout_input is 1.0; it must be at least 0 and at most 0.99"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'; it must be a number"),
        ({"steps": 2.5}, "steps is 2.5; it must be a whole number"),
        ({"optimizer": "rmsprop"}, "optimizer is 'rmsprop'; choose pylearn2_momentum, sgd or adam"),
        ({"generator_layers": ()}, "generator_layers is empty; give at least one number"),
        ({"generator_layers": 128}, "generator_layers is 128; it must be numbers"),
        (
            {"generator_activations": ("relu", "tanh")},
            "generator_activations is ('relu', 'tanh'); choose relu or sigmoid",
        ),
        ({"generator_activations": "relu"}, "generator_activations is 'relu'; it must be names"),
        (
            {"generator_activations": ("relu",) * 3},
            "generator_activations are 3, but generator_layers are 2; give each",
        ),
        (
            {"generator_output_sparse": 5, "generator_output_init": 0.1},
            "generator_output_init 0.1 and generator_output_",
        ),
        ({"generator_output_sparse": 1201}, "generator_output_sparse is 1201, but G's last layer has 1200 inputs"),
        ({"pretrained": 7}, "pretrained is 7; it must be one name"),
        ({"max_norm": -1}, "max_norm is -1; it must be at least 0"),
        ({"update": "simultaneous", "k": 2}, "k is 2, but a simultaneous update moves D once"),
        ({"generator_output": "linear"}, "generator_bias marginals is a logit: it needs generator_output sigmoid"),
    ],
)
def test_sentences(arguments, sentence):
    assert refused(**arguments).startswith(sentence)


@given(
    st.sampled_from(list(presets.ADAPTED)),
    st.sampled_from(list(presets.PRESETS)),
    st.fixed_dictionaries(
        {},
        optional={
            "seed": st.integers(0, 2**200),
            "learning_rate": st.floats(1e-12, 1e300),
            "generator_layers": st.lists(st.integers(100, 100_000), min_size=2, max_size=4).map(tuple),
            "generator_activations": st.lists(st.sampled_from(["relu", "sigmoid"]), min_size=1, max_size=2).map(tuple),
            "pretrained": st.text(),
            "dropout_hidden": st.floats(0, 0.99),
            "optimizer": st.sampled_from(["sgd", "adam"]),
        },
    ),
)
def test_settings_survive_json(data, preset, overrides):
    made = presets.make(data, preset, **overrides)
    assert presets.from_dict(json.loads(json.dumps(made.as_dict()))) == made


@pytest.mark.parametrize("wrong", [{"new": 1}, {"seed": [1, 2]}, {"generator_layers": 3}, {"steps": "9"}])
def test_damaged_saved_settings(wrong):
    with pytest.raises(UserError):
        presets.from_dict(presets.make("ring", "paper").as_dict() | wrong)


def test_saved_settings_lack_one():
    saved = presets.make("ring", "paper").as_dict()
    del saved["pieces"]
    with pytest.raises(UserError, match="pieces missing or unknown"):
        presets.from_dict(saved)


def test_a_run_of_version_0_1_0_goes_on():
    """Its settings.json, name by name."""
    first = """data preset seed steps update k objective discriminator_scale batch_size noise noise_dim generator_layers
        generator_output generator_init generator_bias discriminator_layers pieces discriminator_init dropout_input
        dropout_hidden optimizer learning_rate learning_rate_decay learning_rate_min momentum_start momentum_end
        momentum_epochs kernels log_every sample_every checkpoint_every"""
    made = presets.make("mnist", "authors")
    assert presets.from_dict({name: made.as_dict()[name] for name in first.split()}) == made


def test_settings_younger_than_the_run_have_their_defaults():
    made = presets.make("mnist", "paper")
    saved = {name: value for name, value in made.as_dict().items() if name not in presets.YOUNGER}
    assert presets.YOUNGER
    assert len(saved) == len(made.as_dict()) - len(presets.YOUNGER)
    assert presets.from_dict(saved) == made


@pytest.mark.parametrize(
    ("preset", "k", "epochs", "steps"), [("authors", 1, 20, 10_000), ("paper", 1, 20, 10_000), ("paper", 3, 2, 334)]
)
def test_epochs_are_passes_of_D_over_the_data(preset, k, epochs, steps):
    made = presets.make("mnist", preset, k=k)
    assert presets.with_length(made, None, epochs, 50_000).steps == steps
    assert presets.with_length(made, 7, None, 50_000).steps == 7
    with pytest.raises(UserError, match="epochs is 0"):
        presets.with_length(made, None, 0, 50_000)
