"""The captured iteration of a Game: the plain one's numbers and streams, in a fixed number of nodes."""

import numpy as np
import pytest

from gan import settings as presets
from gan.captured import CapturedGame, unfit
from gan.data import Dataset
from gan.training import Training
from minigrad import nn, optim

SMALL = {
    **{"generator_layers": (20, 16), "discriminator_layers": (7, 5), "noise_dim": 5, "batch_size": 8},
    **{"generator_init": 0.2, "discriminator_init": 0.1},
    **{"learning_rate_decay": 1.01, "momentum_epochs": 3, "kernels": "plain"},
}
STEPS = 20
TOLERANCE = 1e-4  # of the largest number of a kind of array, after STEPS steps in float32

pytestmark = pytest.mark.usefixtures("cupy_cublas")


def pixels(n=53, d=12):
    """53 examples make an epoch of 6 minibatches, and 5 are left out."""
    x = np.random.default_rng(1).random((n, d), np.float32)
    return Dataset("digits", x, x[:30].copy(), x[:5].copy(), image_shape=(4, d // 4))


def plain(preset, **overrides):
    """A Training of small players on the processor, by the plain ops."""
    return Training(presets.make("digits", preset, **{**SMALL, **overrides}), pixels())


def captured(preset, captured=True, **overrides):
    """The same players' CapturedGame, and the Training that they are from."""
    training = plain(preset, **overrides)
    return game_of(training, captured), training


def game_of(training, captured=True):
    s = training.settings
    return CapturedGame(
        training.game,
        s.update,
        s.k,
        training.z if s.noise == "uniform" else None,
        optim.ExponentialDecay(s.learning_rate, s.learning_rate_decay, s.learning_rate_min),
        None if s.optimizer == "adam" else optim.LinearRamp(s.momentum_start, s.momentum_end, s.momentum_epochs - 1),
        training.step,
        captured,
    )


def arrays(training):
    """Parameters and optimisers' states of both players, as host arrays by name."""
    out = {}
    for name, net, optimizer in zip("GD", (training.G, training.D), training.optimizers, strict=True):
        for parameter, p in net.named_parameters():
            out[f"{name}.{parameter}"] = p._data
        for i, state in optimizer.state.items():
            out |= {f"{name}.{i}.{key}": v for key, v in state.items() if np.ndim(v)}
    return {key: v.get() if hasattr(v, "get") else np.array(v) for key, v in out.items()}


def assert_close(ours, theirs, tolerance=TOLERANCE):
    """Beside the largest number of its kind: one velocity of one number may just be passing 0."""
    assert ours.keys() == theirs.keys()
    largest = {}
    for name, expected in theirs.items():
        kind = name[0], name.rpartition(".")[2]
        largest[kind] = max(largest.get(kind, 0), np.abs(expected).max())
    for name, expected in theirs.items():
        worst = np.abs(ours[name] - expected).max() / largest[name[0], name.rpartition(".")[2]]
        assert worst < tolerance, f"{name} differs by {worst:.1e} of the largest of its kind"


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        np.testing.assert_array_equal(ours[name], expected, name)


VARIANTS = {
    "as it is": {},
    "gaussian noise": {"noise": "gaussian"},
    "no dropout": {"dropout_input": 0.0, "dropout_hidden": 0.0},
    "no dropout of inputs": {"dropout_input": 0.0},
    "minimax": {"objective": "minimax"},
    "adam": {"optimizer": "adam", "learning_rate": 0.001},
    "sgd": {"optimizer": "sgd"},
    "max norm": {"max_norm": 0.5},
    "sgd with max norm": {"optimizer": "sgd", "max_norm": 0.5},
    "odd sizes": {"batch_size": 7, "generator_layers": (13, 1), "discriminator_layers": (3,), "pieces": 2},
    "points": {"generator_output": "linear", "generator_bias": "zero", "generator_activations": ("relu", "sigmoid")},
}
CASES = [("paper", v) for v in VARIANTS] + [("authors", v) for v in VARIANTS]


@pytest.mark.parametrize(("preset", "variant"), CASES)
def test_twenty_steps_are_the_plain_ones(preset, variant):
    assert_plain(preset, **VARIANTS[variant])


@pytest.mark.parametrize("k", [2, 3, 9])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_k_updates_of_D(k, dropout):
    """An epoch of 6 minibatches ends within a step with k = 4; with k = 9 in every one."""
    assert_plain("paper", k=k, dropout_input=dropout)


def assert_plain(preset, **overrides):
    theirs = plain(preset, **overrides)
    game, ours = captured(preset, **overrides)
    sums = dict.fromkeys(theirs.sums, 0.0)
    for _ in range(STEPS):
        for name, number in theirs.iterate().items():
            sums[name] += number
    game.run(STEPS)
    game.write_back()
    assert game.losses() == pytest.approx(sums, rel=1e-4)
    assert game.losses() == dict.fromkeys(sums, 0.0)
    assert_close(arrays(ours), arrays(theirs))
    mine, plains = ours.state()[1], theirs.state()[1]
    for stream in ("minibatches", "masks", "z", "optimizers"):
        assert mine[stream] == plains[stream]
    group = theirs.optimizers[0].param_groups[0]
    assert game.numbers.get()[0] == pytest.approx(group["lr"], rel=1e-12)
    if "momentum" in group:
        assert game.numbers.get()[1] == pytest.approx(group["momentum"], rel=1e-12)


@pytest.mark.parametrize(("preset", "k"), [("paper", 1), ("paper", 2), ("authors", 1)])
def test_kernel_by_kernel_captured_and_many_at_a_time_are_the_same(preset, k):
    ends = []
    for with_graph, runs in ((False, [STEPS]), (True, [1] * STEPS), (True, [3, 1, STEPS - 4])):
        game, training = captured(preset, with_graph, k=k)
        for n in runs:
            game.run(n)
        game.write_back()
        ends.append((arrays(training), game.losses(), training.state()[1]))
    for end in ends[1:]:
        assert_equal(end[0], ends[0][0])
        assert end[1:] == ends[0][1:]


@pytest.mark.parametrize("preset", ["paper", "authors"])
@pytest.mark.parametrize("optimizer", ["pylearn2_momentum", "adam"])
def test_a_run_goes_on_exactly_where_it_stopped(preset, optimizer):
    overrides = {"optimizer": optimizer, "learning_rate": 0.01, "batch_size": 7}  # noise of 35 numbers: half words wait
    game, whole = captured(preset, **overrides)
    game.run(13)
    game, first = captured(preset, **overrides)
    game.run(8)
    game.write_back()
    second = plain(preset, **overrides)
    second.step = 8
    for ours, theirs in zip((second.G, second.D), (first.G, first.D), strict=True):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p.data = q._data.get()
    for ours, theirs in zip(second.optimizers, first.optimizers, strict=True):
        ours.state = {
            i: {key: v.get() if np.ndim(v) else v for key, v in state.items()} for i, state in theirs.state.items()
        }
        ours.param_groups[0]["lr"] = game.numbers.get()[0]
        if "momentum" in ours.param_groups[0]:
            ours.param_groups[0]["momentum"] = game.numbers.get()[1]
    for name in ("masks", "z", "minibatches"):
        getattr(second, name).load_state_dict(getattr(first, name).state_dict())
    game_of(second).run(5)
    assert_equal(arrays(second), arrays(whole))


# ------------------------------------------------------------------------------------------------- the graph

FORWARD_G = ["gemm", "bias_activation"] * 3
FORWARD_D = ["gemm", "bias_maxout"] * 2 + ["head", "gan_losses"]
CHAIN = ["maxout_backward", "gemm"] * 2
BACKWARD_G = [*["activation_backward", "gemm", "gemm"] * 2, "activation_backward", "gemm"]
NODES = {  # what each node is: the budget of the step, at any width and batch
    "paper": [
        *["uniform", "masks", "gather"],
        *FORWARD_G,
        *FORWARD_D,
        *["head_backward", "maxout_backward", "gemm", "gemm", "maxout_backward", "gemm", "momentum"],
        *FORWARD_D,
        *CHAIN,
        *BACKWARD_G,
        *["momentum", "end_step"],
    ],
    "authors": [
        *["uniform", "masks", "gather"],
        *FORWARD_G,
        *FORWARD_D,
        *["head_backward", *CHAIN],
        *BACKWARD_G,
        *["scale_rows", "gemm"] * 2,
        *["momentum", "momentum", "end_step"],
    ],
}


@pytest.mark.parametrize(("preset", "budget"), [("paper", 42), ("authors", 35)])
def test_the_nodes_of_the_graph(preset, budget):
    game, _ = captured(preset)
    game.run()
    nodes = ["gemm" if "gemm" in name.lower() else name for name in game.program.graph.nodes]
    assert nodes == NODES[preset]
    assert len(nodes) == budget


def test_nothing_is_allocated_after_the_capture(cupy_cublas):
    game, _ = captured("paper")
    game.run()
    pool = cupy_cublas.get_default_memory_pool()
    used = pool.used_bytes()
    game.run(5)
    assert pool.used_bytes() == used


def test_a_parameter_that_was_replaced_is_refused():
    game, training = captured("paper")
    game.run(2)
    weight = training.G[0].weight
    weight._data = weight._data.copy()
    with pytest.raises(RuntimeError, match="was replaced after the capture"):
        game.run()


# ------------------------------------------------------------------------------------------- what does not fit


def with_hook(training):
    training.G[0].register_forward_hook(lambda *_: None)


def in_float64(training):
    training.D[1].weight._data = training.D[1].weight._data.astype(np.float64)


def with_another_optimizer(training):
    training.game.optimizer_G = optim.RMSprop(training.G.parameters())


def with_two_streams(training):
    training.D[2].generator = None


def without_maxout(training):
    training.game.D = nn.Sequential(nn.Linear(12, 3), nn.ReLU(), nn.Linear(3, 1))


def with_pieces(training):
    training.game.D = nn.Sequential(nn.Maxout(12, 3, 300), nn.Linear(3, 1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_hook, "G: its modules have hooks"),
        (in_float64, "D: its parameters are not float32"),
        (with_another_optimizer, "G: RMSprop has no kernel; Pylearn2Momentum, SGD, Adam have"),
        (with_two_streams, "D: its Dropouts draw from several streams"),
        (without_maxout, "D: it is not a network of Maxout layers that ends in one logit"),
        (with_pieces, "D: it has a Maxout of more than 256 pieces"),
    ],
)
def test_what_does_not_fit_is_said(change, reason):
    training = plain("paper")
    assert unfit(training.game) is None
    change(training)
    assert unfit(training.game) == reason


def test_a_momentum_that_grows_from_nothing_does_not_fit():
    training = plain("paper", optimizer="sgd", momentum_start=0.0)
    assert unfit(training.game) is None
    assert "begins at 0" in unfit(training.game, optim.LinearRamp(0.0, 0.7, 3))
