"""Figure 1: the density against closed forms, panels against their criteria, files that are whole and stay the same."""

import json
import math
import xml.etree.ElementTree as ET
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy import integrate, stats

from gan.errors import UserError
from gan.figures import figure1, line
from gan.figures import panels as finding
from gan.figures.figure1 import draw, run, save
from gan.figures.line import Gaussian, Generated, Z, snapshot
from gan.figures.panels import MOVE, X
from minigrad import Generator, nn, ops
from minigrad.nn import init

P_Z = 1 / (2 * Z)


class Map(nn.Module):
    """A hand-made G."""

    def __init__(self, forward):
        self.forward = forward


def density(forward, x, **ends):
    generated = Generated(Map(forward), **ends)
    assert generated.exact
    return generated.density(x), len(generated.branches)


# p_g by change of variables


@pytest.mark.parametrize("slope", [0.5, -2.0])
def test_an_affine_generator(slope):
    x = np.linspace(-6, 8, 1401)
    p, branches = density(lambda z: slope * z + 1, x)
    inside = np.abs(x - 1) < abs(slope) * Z
    np.testing.assert_allclose(p, np.where(inside, P_Z / abs(slope), 0), rtol=1e-12)
    assert branches == 1
    assert np.trapezoid(p, x) == pytest.approx(1, abs=0.01)


def test_a_monotone_generator():
    x = np.linspace(0.01, 7, 20_000)
    p, branches = density(ops.exp, x)
    inside = (math.exp(-Z) < x) & (x < math.exp(Z))
    np.testing.assert_allclose(p, np.where(inside, P_Z / x, 0), rtol=1e-7)
    assert branches == 1
    assert np.trapezoid(p, x) == pytest.approx(1, abs=1e-3)


def test_a_generator_that_turns_once():
    x = np.linspace(1e-3, 4, 4001)
    p, branches = density(lambda z: z * z, x, low=-1.0, high=2.0)
    expected = (1.0 * (x < 1) + (x < 4)) / (3 * 2 * np.sqrt(x))
    np.testing.assert_allclose(p[1:-1], expected[1:-1], rtol=1e-5)
    assert branches == 2


def test_a_generator_with_three_branches():
    """G(z) = z^3 - z, whose preimages are roots of a polynomial."""
    x = np.linspace(-3.7, 3.7, 1000)
    p, branches = density(lambda z: z * z * z - z, x)
    expected = np.zeros_like(x)
    for i, target in enumerate(x):
        roots = np.roots([1, 0, -1, -target])
        real = roots[np.abs(roots.imag) < 1e-9].real
        expected[i] = (P_Z / np.abs(3 * real**2 - 1))[np.abs(real) < Z].sum()
    np.testing.assert_allclose(p, expected, rtol=1e-5)
    assert branches == 3


def test_a_generator_with_a_kink():
    x = np.linspace(0.01, 4, 400)
    p, branches = density(lambda z: 2 * ops.relu(z) + ops.relu(-z), x)
    np.testing.assert_allclose(p, P_Z / 2 * (x < 2 * Z) + P_Z * (x < Z), rtol=1e-12)
    assert branches == 2


@pytest.mark.parametrize("seed", range(4))
def test_a_network_against_counting(seed):
    """Shares of G(z) in cells of x, for a million z."""
    stream = Generator(seed)
    G = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    for parameter in G.parameters():
        init.uniform_(parameter, -1.5, 1.5, stream)
    generated = Generated(G)
    z = -Z + 2 * Z * (np.arange(1_000_000) + 0.5) / 1_000_000
    y = np.concatenate([generated.values(part) for part in np.split(z, 100)])
    edges = np.linspace(y.min() - 0.1, y.max() + 0.1, 41)
    counted = np.histogram(y, edges)[0] / len(y)
    fine = np.linspace(edges[0], edges[-1], 40 * 500 + 1)
    middles = (fine[1:] + fine[:-1]) / 2
    shares = generated.density(middles).reshape(40, 500).mean(axis=1) * (edges[1] - edges[0])
    np.testing.assert_allclose(shares, counted, atol=4e-3)
    assert shares.sum() == pytest.approx(1, abs=0.01)
    turns = np.sign(np.diff(y))
    assert len(generated.branches) == 1 + np.count_nonzero(turns[1:] != turns[:-1])


def test_a_flat_piece_has_no_density_and_says_so():
    generated = Generated(Map(ops.relu))
    assert not generated.exact
    assert generated.method == "Parzen window"
    x = np.linspace(-3, 5, 4001)
    p = generated.density(x)
    assert np.trapezoid(p, x) == pytest.approx(1, abs=1e-3)
    assert np.trapezoid(p[x < 0.5], x[x < 0.5]) > 0.5  # the half of z that goes to 0
    assert "monotone branches: 2" in Generated(Map(lambda z: z * z)).method


# what a snapshot measures

UNIFORM = SimpleNamespace(G=Map(lambda z: z), step=7, judge=lambda x: np.full(len(x), 0.625, np.float32))


def test_the_measures_of_a_uniform_generator():
    s = snapshot(UNIFORM, Gaussian(0.5, 2.0), np.linspace(-12, 13, 10_001))
    p = stats.norm(0.5, 2.0).pdf

    def mixture(f):
        """The mean of f(p_data, p_g) over (p_data + p_g) / 2."""
        parts = [(-12, -Z, 0), (-Z, Z, P_Z), (Z, 13, 0)]
        return sum(integrate.quad(lambda x, q=q: (p(x) + q) / 2 * f(p(x), q), a, b)[0] for a, b, q in parts)

    def entropy(d):
        return sum(y * math.log(2 * y) for y in (d, 1 - d) if y > 0)

    assert s.jsd == pytest.approx(mixture(lambda p, q: entropy(p / (p + q))), abs=1e-3)
    assert s.d_error == pytest.approx(mixture(lambda p, q: abs(0.625 - p / (p + q))), abs=1e-3)
    assert s.d_right == pytest.approx(mixture(lambda p, q: p > q), abs=1e-3)
    assert (s.d_flat, s.d_fake) == (0.125, 0.625)
    assert (s.mean, s.offset) == (pytest.approx(0, abs=1e-12), pytest.approx(0.25))
    assert (s.std, s.spread) == (pytest.approx(1, abs=1e-4), pytest.approx(0.5, abs=1e-4))
    assert s.step == 7


def test_d_flat_is_of_the_central_90_percent():
    x = np.linspace(-5, 5, 10_001)
    judge = lambda points: 0.5 + 0.05 * np.abs(points[:, 0] - 1)
    s = snapshot(SimpleNamespace(G=Map(lambda z: z), step=0, judge=judge), Gaussian(1.0, 0.5), x)
    assert s.d_flat == pytest.approx(0.05 * 0.5 * stats.norm.ppf(0.95), abs=1e-4)


def test_the_curves_of_a_snapshot(tmp_path):
    x = np.linspace(-4, 4, 101)
    s = snapshot(UNIFORM, Gaussian(0.5, 2.0), x)
    p, q = stats.norm(0.5, 2.0).pdf(x), P_Z * (np.abs(x) < Z)
    np.testing.assert_allclose(s.p_data, p)
    np.testing.assert_allclose(s.p_g, q)
    np.testing.assert_allclose(s.D_star, p / (p + q))
    np.testing.assert_array_equal(s.D, np.full(101, 0.625))
    np.testing.assert_allclose(s.arrows[:, 0], np.linspace(-Z, Z, 17))
    np.testing.assert_allclose(s.arrows[:, 1], s.arrows[:, 0])


def test_the_players_are_those_of_the_settings_with_round_units_and_biases():
    settings = finding.presets.make("gaussian", "paper", **line.SETTINGS)
    training = line.players(settings, finding.load("gaussian"))
    x = np.linspace(-2, 2, 101)
    unit = training.G[1]
    np.testing.assert_allclose(unit(x).data, np.log1p(np.exp(6 * x)) / 6, atol=1e-12)
    for net, spread in ((training.G, 1), (training.D, 2)):
        *hidden, last = [layer for layer in net if isinstance(layer, nn.Linear)]
        assert all(0.5 * spread < np.abs(layer.bias.data).max() <= spread for layer in hidden)
        assert not last.bias.data.any()


# the run


@pytest.fixture(scope="module")
def whole():
    return run(0)


def panels(whole):
    return [panel.snapshot for panel in whole.panels.values()]


def test_the_panels_come_in_order(whole):
    assert list(whole.panels) == ["a", "b", "c", "d"]
    a, b, c, d = panels(whole)
    assert a.step == b.step == c.step == MOVE < d.step
    assert 0 < a.d_updates < b.d_updates == c.d_updates
    assert a.g_updates == b.g_updates == 0 < c.g_updates
    assert (d.d_updates, d.g_updates) == (0, 0)


def mixed_error(s):
    """|D - D*| over (p_data + p_g) / 2, by the rectangles of the grid."""
    return ((s.p_data + s.p_g) / 2 * np.abs(s.D - s.D_star)).sum() * (X[1] - X[0])


def test_panel_a_is_displaced_and_d_partly_right(whole):
    a = panels(whole)[0]
    mean = (X * a.p_g).sum() * (X[1] - X[0])
    assert abs(mean) >= 0.5
    assert abs(mean - a.mean) < 0.02
    assert 0.8 <= a.std <= 1.25
    assert mixed_error(a) >= 0.05
    right = (a.D > 0.5) == (a.D_star > 0.5)
    assert ((a.p_data + a.p_g) / 2 * right).sum() * (X[1] - X[0]) >= 0.74


def test_panel_b_has_the_same_g_and_a_d_near_its_best(whole):
    a, b = panels(whole)[:2]
    np.testing.assert_array_equal(b.p_g, a.p_g)
    assert mixed_error(b) <= 0.037
    assert mixed_error(b) < mixed_error(a) / 2


def test_panel_c_has_the_same_d_and_p_g_has_moved_to_where_it_is_larger(whole):
    _, b, c, _ = panels(whole)
    np.testing.assert_array_equal(c.D, b.D)
    assert abs(c.mean) <= 0.7 * abs(b.mean)
    assert (c.p_g * c.D).sum() > (b.p_g * b.D).sum()
    assert c.d_fake > b.d_fake
    assert c.jsd < b.jsd


def test_panel_d_is_the_end_of_the_game(whole):
    d = panels(whole)[3]
    assert d.jsd <= 0.04
    assert np.abs(d.D - 0.5)[np.abs(X) <= 1.645].max() <= 0.1
    assert all(s.jsd <= 0.04 for s in whole.snapshots if s.step >= d.step)
    assert any(s is d for s in whole.snapshots)


def test_panel_d_is_taken_from_the_part_that_stays():
    states = [(201, 0.001, 0.0), (210, 0.05, 0.0), (220, 0.02, 0.01), (230, 0.01, 0.05), (240, 0.005, 0.2)]
    end = finding._end([SimpleNamespace(step=step, jsd=jsd, d_flat=flat) for step, jsd, flat in states])
    assert end.snapshot.step == 230


def test_the_run_goes_from_far_to_near_twice(whole):
    jsd = {s.step: s.jsd for s in whole.snapshots}
    moved = next(s for s, later in pairwise(whole.snapshots) if later.step == s.step == MOVE)
    assert jsd[0] > 0.5
    assert moved.jsd < 0.06
    assert jsd[MOVE] > 0.15  # the same p_g, beside the data that has moved
    assert jsd[whole.settings.steps] <= 0.04


def test_every_snapshot_has_the_best_d_for_its_densities(whole):
    moved = next(i for i, (s, later) in enumerate(pairwise(whole.snapshots)) if later.step == s.step)
    means = [1.5] * (moved + 1) + [0.0] * (len(whole.snapshots) - moved - 1)
    for s, mean in zip([*whole.snapshots, *panels(whole)], [*means, 0, 0, 0, 0], strict=True):
        p = stats.norm(mean, 1).pdf(X)
        np.testing.assert_allclose(s.p_data, p)
        np.testing.assert_allclose(s.D_star, p / (p + s.p_g))
        assert s.offset == pytest.approx(abs(s.mean - mean))
        assert s.method.startswith("change of variables")


# small runs


@pytest.fixture
def small(monkeypatch):
    """Three iterations, the move, two more; every state will do for a panel."""
    monkeypatch.setattr(finding, "MOVE", 3)
    for name in ("A", "B"):
        monkeypatch.setattr(finding, name, ())
    monkeypatch.setattr(finding, "CLOSER", 100.0)
    for name in ("EQUAL", "FLAT"):
        monkeypatch.setattr(finding, name, finding.Condition("jsd", "<=", 1.0))
    return lambda **overrides: run(0, steps=5, **overrides)


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("p_g", "D", "arrows"))


def test_the_inner_loop_of_the_copy_is_that_of_the_run(small, monkeypatch):
    monkeypatch.setattr(finding, "LOOKS", {"a": range(4, 5, 4), "b": range(6, 7, 6), "c": range(1, 2)})
    found = small()
    c = found.panels["c"].snapshot
    assert (c.d_updates, c.g_updates) == (found.settings.k, 1)
    (after,) = [s for s in found.snapshots if s.step == 4]
    assert same(c, after)


def test_the_copy_leaves_the_run_alone(small, monkeypatch):
    with_copy = small()
    monkeypatch.setattr(finding, "_on_a_copy", lambda *arguments: {})
    without = small()
    assert [s.step for s in without.snapshots] == [0, 1, 2, 3, 3, 4, 5]
    assert all(map(same, with_copy.snapshots, without.snapshots))


def test_the_seed_decides(small):
    first, again = small(), small()
    assert all(map(same, first.snapshots, again.snapshots))
    assert not same(first.snapshots[-1], run(1, steps=5).snapshots[-1])


@pytest.mark.parametrize(
    ("name", "limit", "message"),
    [
        ("A", 9.0, r"figure 1 \(a\) needs offset >= 9, .* the nearest has offset = \S+, at iteration 3; try"),
        ("B", 9.0, r"figure 1 \(b\) needs offset >= 9"),
        ("EQUAL", 9.0, r"figure 1 \(d\) needs offset >= 9, .* at iteration 5"),
        ("FLAT", 9.0, r"figure 1 \(d\) needs offset >= 9"),
    ],
)
def test_a_panel_that_is_nowhere(small, monkeypatch, name, limit, message):
    wanted = finding.Condition("offset", ">=", limit)
    monkeypatch.setattr(finding, name, (wanted,) if name in "AB" else wanted)
    monkeypatch.setattr(finding, "LOOKS", {"a": range(1, 3), "b": range(1, 3), "c": range(1, 3)})
    with pytest.raises(UserError, match=message):
        small()


def test_a_g_that_does_not_move_is_no_panel_c(small, monkeypatch):
    monkeypatch.setattr(finding, "CLOSER", -1.0)
    monkeypatch.setattr(finding, "LOOKS", {"a": range(1, 2), "b": range(1, 2), "c": range(1, 3)})
    with pytest.raises(UserError, match=r"figure 1 \(c\) needs offset <= -"):
        small()


@pytest.mark.parametrize("overrides", [{"steps": MOVE}, {"noise": "gaussian"}, {"noise_dim": 2}, {"step": 300}])
def test_settings_that_do_not_fit(overrides):
    with pytest.raises(UserError, match=r"figure 1 needs one dimension|there is no setting 'step'"):
        run(0, **overrides)


# files


@pytest.fixture(scope="module")
def folder(whole, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figure") / "new" / "folder"
    names = [path.name for path in save(whole, folder)]
    assert names == [f"figure1.{kind}" for kind in ("png", "svg", "gif", "html", "json")]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    return folder


def test_the_gif_has_a_frame_for_each_snapshot(whole, folder):
    with Image.open(folder / "figure1.gif") as image:
        assert image.n_frames == len(whole.snapshots)
        assert 60 <= image.n_frames <= 100
    assert (folder / "figure1.gif").stat().st_size < 2**20


def test_the_frames_are_drawn_anew(whole):
    """Frames move the curves of the first; each must be as if it had been drawn alone."""
    some = figure1.Run(whole.settings, whole.snapshots[-40:], whole.panels)
    *_, last = figure1.frames(some)
    alone = figure1.Run(whole.settings, whole.snapshots[-1:], whole.panels)
    np.testing.assert_array_equal(last, next(figure1.frames(alone)))


def test_the_png_and_the_svg(whole, folder):
    with Image.open(folder / "figure1.png") as image:
        assert image.size == (2200, 700)
    root = ET.parse(folder / "figure1.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    figure1.files.save(draw(whole), folder / "again", "figure1")
    for name in ("figure1.png", "figure1.svg"):
        assert (folder / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_the_figure_draws_what_was_measured(whole):
    axes = draw(whole).axes
    for i, s in enumerate(panels(whole)):
        lines = {curve.get_label(): curve.get_ydata() for curve in axes[2 * i + 1].lines}
        unit = 0.8 * math.sqrt(2 * math.pi)
        np.testing.assert_allclose(lines["$p_{data}$"], s.p_data * unit, rtol=1e-3)
        np.testing.assert_allclose(lines["$p_g$"], s.p_g * unit, rtol=1e-3)
        np.testing.assert_array_equal(lines["$D$"], s.D)
        assert f"({'abcd'[i]})" in axes[2 * i].get_xlabel()
        (arrows,) = [c for c in axes[2 * i].collections if hasattr(c, "U")]
        low, high = figure1.SHOWN
        ends = low + (arrows.X + arrows.U) * (high - low)
        np.testing.assert_allclose(ends, s.arrows[:, 1], atol=1e-9)
        steps = np.diff(arrows.X)
        np.testing.assert_allclose(steps, steps[0])


def test_a_falling_g_is_drawn_over_minus_z(whole):
    rising = not figure1._falls(whole)
    label = draw(whole).axes[0].get_yticklabels()[0].get_text()
    assert label == ("$z$" if rising else "$-z$")
    (arrows,) = [c for c in draw(whole).axes[-2].collections if hasattr(c, "U")]
    ends = arrows.X + arrows.U
    assert ends[np.argmax(arrows.X)] > ends[np.argmin(arrows.X)]


def test_the_page(whole, folder):
    text = (folder / "figure1.html").read_text(encoding="utf-8")
    assert "http" not in text
    assert len(text.encode()) < 1e6
    data = json.loads(text.split("const data = ", 1)[1].split(", page = ", 1)[0])
    assert len(data["captions"]) == len(whole.snapshots)
    assert [len(curve) for curve in data["curves"]] == [len(whole.snapshots)] * 4
    s = whole.snapshots[-1]
    shown = (figure1.SHOWN[0] <= X) & (figure1.SHOWN[1] >= X)
    np.testing.assert_allclose(np.array(data["curves"][2][-1]) * figure1.TOP / 1000, s.D[shown], atol=6e-4)
    assert sum("the data moves" in caption for caption in data["captions"]) == 1


def test_the_record(whole, folder):
    record = json.loads((folder / "figure1.json").read_text())
    assert record["seed"] == 0
    assert record["settings"] == whole.settings.as_dict()
    assert {"python", "numpy", "minigrad-gan"} <= record["versions"].keys()
    for name, panel in whole.panels.items():
        noted = record["panels"][name]
        assert noted["criterion"] == panel.criterion
        assert noted["measured"]["step"] == panel.snapshot.step
        assert noted["measured"]["jsd"] == panel.snapshot.jsd
    assert "d_error <= 0.035" in record["panels"]["b"]["criterion"]
    assert len(record["changes"]) == 2
    assert any("(d) jsd <= 0.04" in sentence for sentence in record["caption"])
