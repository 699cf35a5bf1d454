"""Animations: frames that come out as they went in, a page that needs nothing but itself."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from gan.errors import UserError
from gan.figures.animation import Curve, gif, page


def pictures(n, shape=(20, 30)):
    """White frames with a bar that wanders, in a few colours."""
    frames = np.full((n, *shape, 3), 255, np.uint8)
    for i, frame in enumerate(frames):
        frame[:, i % shape[1]] = (0, 114, 178)
        frame[i % shape[0]] = (0, 158, 115)
    return list(frames)


# gif


def test_frames_come_out_as_they_went_in(tmp_path):
    frames = pictures(12)
    gif(iter(frames), tmp_path / "a.gif", milliseconds=70, last=1500)
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.info["loop"]) == (12, 0)
        for i, frame in enumerate(frames):
            image.seek(i)
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), frame)
            assert image.info["duration"] == (1500 if i == 11 else 70)


def test_too_many_colours_go_to_the_nearest_and_the_ground_stays(tmp_path):
    frame = np.full((40, 40, 3), 255, np.uint8)
    frame[0, :, 0] = np.arange(40) * 6
    frame[1, :20] = (10, 20, 30)
    gif([frame], tmp_path / "a.gif", colours=2)
    with Image.open(tmp_path / "a.gif") as image:
        shown = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(shown[2:], frame[2:])
    assert set(map(tuple, shown.reshape(-1, 3).tolist())) == {(255, 255, 255), (10, 20, 30)}


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in "ab":
        gif(pictures(5), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_equal_frame_prolongs_the_one_before(tmp_path):
    first, second = pictures(2)
    gif([first, first, second], tmp_path / "a.gif", milliseconds=100, last=500)
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.info["duration"]) == (2, 200)


@pytest.mark.parametrize(
    ("frames", "settings", "message"),
    [
        ([], {}, "needs a frame"),
        ([*pictures(1), pictures(1, (20, 31))[0]], {}, r"frame 1 is uint8 \(20, 31, 3\)"),
        ([pictures(1)[0] / 255], {}, "frame 0 is float64"),
        ([pictures(1)[0][:, :, 0]], {}, "all must be uint8"),
        (pictures(1), {"colours": 257}, "colours is 257"),
        (pictures(1), {"milliseconds": 10}, "milliseconds 10"),
    ],
)
def test_frames_that_do_not_fit(tmp_path, frames, settings, message):
    with pytest.raises(UserError, match=message):
        gif(frames, tmp_path / "a.gif", **settings)
    assert not list(tmp_path.iterdir())


# page

HEIGHTS = np.array([[0.0, 0.5, 1.0], [2.0, 1.0, -1.0]])  # over a top of 1.25, the 2 and the -1 are cut off
MOVING = Curve("p<g>", HEIGHTS, "#009E73", "#2fd3a3", "4 2")
STILL = Curve("data", np.array([0.1, 0.2, 0.3]), "black", "#eee")
ARROWS = np.array([[[0.0, 0.5], [1.0, 0.25]], [[0.0, 1.5], [1.0, 1.0]]])


def written(path, **changes):
    arguments = {
        "title": "A & B",
        "text": ["one", "two </p>"],
        "curves": [MOVING, STILL],
        "captions": ["first", "</script>"],
        "top": 1.25,
        "ticks": ((0.5, "half"),),
        "arrows": ARROWS,
        "names": ("x", "z"),
    }
    page(path, **{**arguments, **changes})
    return path.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """All start tags, and the text of each kind of element."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts = [], [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def having(self, **attributes):
        return [a for _, a in self.tags if all(a.get(k.rstrip("_")) == v for k, v in attributes.items())]


def data_of(text):
    return json.loads(re.search(r"const data = (.*), page = ", text)[1].replace("<\\/", "</"))


def test_the_page_holds_the_numbers(tmp_path):
    data = data_of(written(tmp_path / "a.html", milliseconds=80))
    assert data["captions"] == ["first", "</script>"]
    assert data["curves"] == [[[0, 400, 800], [1000, 800, 0]], [80, 160, 240]]
    assert data["arrows"] == ARROWS.tolist()
    assert data["milliseconds"] == 80


def test_the_page_has_an_element_for_everything_that_moves(tmp_path):
    elements = Elements(written(tmp_path / "a.html"))
    assert [a["id"] for a in elements.having(class_="curve")] == ["curve0", "curve1"]
    assert len(elements.having(class_="arrow")) == 2
    (slider,) = elements.having(type="range")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "1", "0")
    assert slider["aria-label"] == "frame"
    (picture,) = elements.having(role="img")
    assert picture["aria-label"] == "A & B"
    assert elements.having(id=picture["aria-describedby"])
    assert elements.having(id="play")
    script = "".join(elements.texts["script"])
    for needed in ("ArrowLeft", "ArrowRight", "Home", "End", '" "', "aria-valuetext"):
        assert needed in script
    for name in re.findall(r'get\("(\w+)"\)', script):
        assert elements.having(id=name), f"the script looks for {name}"


def test_what_is_said_is_escaped(tmp_path):
    elements = Elements(written(tmp_path / "a.html"))
    assert "".join(elements.texts["title"]) == "A & B"
    assert "two </p>" in elements.texts["p"]
    assert any(t.strip() == "p<g>" for t in elements.texts["span"])
    assert sum(tag == "script" for tag, _ in elements.tags) == 1
    assert "p<g>" not in elements.texts["script"][0]


def test_the_page_needs_nothing_else(tmp_path):
    text = written(tmp_path / "a.html")
    assert "http" not in text
    assert "//" not in text
    assert not re.search(r"\b(?:src|href|import|fetch)\b", text)


def test_light_and_dark(tmp_path):
    text = written(tmp_path / "a.html")
    light, dark = text.split("prefers-color-scheme: dark", 1)
    assert "--curve0: #009E73;" in light
    assert "--curve0: #2fd3a3;" in dark
    assert 'stroke-dasharray="4 2"' in text


def test_without_arrows_there_are_no_lines_for_them(tmp_path):
    without = Elements(written(tmp_path / "a.html", arrows=None))
    assert len(without.having(class_="axis")) == 1
    assert not without.having(class_="arrow")
    assert data_of((tmp_path / "a.html").read_text(encoding="utf-8"))["arrows"] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"captions": []}, "0 captions"),
        ({"curves": []}, "0 curves"),
        ({"top": 0.0}, "top 0"),
        ({"curves": [MOVING, Curve("odd", np.zeros(4), "red", "red")]}, r"'odd' has values of shape \(4,\)"),
        ({"curves": [Curve("bad", np.array([0.0, np.nan]), "red", "red")]}, "expected finite"),
        ({"arrows": ARROWS[:1]}, r"arrows have shape \(1, 2, 2\); expected \(2, k, 2\)"),
    ],
)
def test_pages_that_do_not_fit(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        written(tmp_path / "a.html", **changes)
    assert not list(tmp_path.iterdir())
