"""Grey faces of 48 x 48 pixels, the shape of the Toronto Face Dataset (TFD) that the GAN paper trains on.

TFD is not openly available. In its place:

`faces`        photographs: the Olivetti faces, 10 of each of 40 persons, AT&T Laboratories Cambridge, 1992 to 1994
               (F. Samaria and A. Harter, "Parameterisation of a stochastic model for human face identification",
               1994), as scikit-learn fetches them; only 300 of them to train on
`drawn_faces`  a stand-in that needs no download: as many cartoons of faces as TFD has photographs, roughly, each of
               its own geometry, light and expression, computed here from random numbers and nothing else

Numbers on either cannot be compared with published numbers on TFD.
"""

import os
import warnings
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from . import Dataset

SIDE = 48
PERSONS = (30, 5, 5)  # train, valid, test: no person is in two of them
DRAWN = (20_000, 5_000, 5_000)
DRAWN_SEED = 2014

Pixels = NDArray[np.float32]


def load(data_dir: str | PathLike[str] | None = None) -> Dataset:
    """Return the Olivetti faces without labels: 300 / 50 / 50 images of 2304 pixels in [0, 1], float32.

    Persons 0..29 train, 30..34 validate, 35..39 test; 64 x 64 pixels become 48 x 48 by averages over areas.
    scikit-learn looks for its file `olivetti.pkz` in `data_dir` and nowhere else; without `data_dir` in its own cache,
    filled by download. That file is a pickle, which can run code: use one that scikit-learn made.
    UserError where it is not to be had.
    """
    from sklearn.datasets import fetch_olivetti_faces

    home = None if data_dir is None else os.path.expanduser(data_dir)
    try:
        if home is not None and not os.path.isdir(home):  # scikit-learn would make it
            raise NotADirectoryError(f"{home} is no folder")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Retry downloading")  # the sentence below says what it came to
            found = fetch_olivetti_faces(data_home=home, download_if_missing=home is None)
    except Exception as error:  # of the network, of the file, and whatever unpickling a wrong file may raise
        where = "could not be downloaded" if home is None else f"are not in {home}"
        raise UserError(
            f"The Olivetti faces {where} ({error}); train on the stand-in drawn_faces, which needs no file, or fetch"
            " them where there is a network, by sklearn.datasets.fetch_olivetti_faces(data_home=DIR), and pass DIR"
            " with --data-dir."
        ) from error
    images = smaller(np.asarray(found.images, np.float32))
    last = np.cumsum(PERSONS)
    train, valid, test = (
        images[(found.target >= b - n) & (found.target < b)] for n, b in zip(PERSONS, last, strict=True)
    )
    return Dataset(name="faces", train=train, valid=valid, test=test, image_shape=(SIDE, SIDE))


def smaller(images: Pixels) -> Pixels:
    """(n, 64, 64) -> (n, 2304): each new pixel is the mean over its area of 4/3 x 4/3 old ones."""
    old = images.shape[1]
    edges = np.arange(SIDE + 1) * old / SIDE
    cells = np.arange(old)
    # the share of old pixel j, from j to j + 1, in new pixel i; rows sum to 1
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    share = (np.clip(overlap, 0, None) * SIDE / old).astype(np.float32)
    out: Pixels = np.clip(share @ images @ share.T, 0, 1).reshape(len(images), SIDE * SIDE)
    return out


# ----------------------------------------------------------------------------------------------- the stand-in


def load_drawn(counts: tuple[int, int, int] = DRAWN, seed: int = DRAWN_SEED) -> Dataset:
    """Return drawn faces without labels: 20,000 / 5,000 / 5,000 images of 2304 pixels in [0, 1], float32.

    A stand-in to run TFD's configuration on, always the same one. It takes some seconds and 280 MB.
    """
    images = draw(sum(counts), seed)
    train, valid, test = np.split(images, np.cumsum(counts)[:-1])
    return Dataset(name="drawn_faces", train=train, valid=valid, test=test, image_shape=(SIDE, SIDE))


def draw(n: int, seed: int) -> Pixels:
    """n faces, (n, 2304) float32 in [0, 1]."""
    numbers = np.random.Generator(np.random.PCG64(seed)).random((n, len(RANGES)), dtype=np.float32)
    images = np.empty((n, SIDE, SIDE), np.float32)
    for start in range(0, n, BLOCK):
        part = slice(start, start + BLOCK)
        images[part] = _faces(numbers[part])
    return images.reshape(n, SIDE * SIDE)


BLOCK = 100  # images at a time, so that they stay in cache
RANGES = {  # uniform between these; lengths in half sides of the picture, y downwards, angles in radians
    "tilt": (-0.12, 0.12),
    "turn": (-0.5, 0.5),  # of the head, to the side
    "size": (0.92, 1.08),
    "left": (-0.05, 0.05),
    "up": (-0.05, 0.05),
    "width": (0.62, 0.78),
    "jaw": (0.05, 0.35),  # how much narrower below
    "skin": (0.45, 0.85),
    "ground": (0.05, 0.75),
    "hair": (0.03, 0.6),
    "hairline": (-0.85, -0.5),
    "parting": (-0.5, 0.5),
    "light": (-1.0, 1.0),  # from the left or the right
    "above": (-0.2, 0.7),
    "contrast": (0.25, 0.75),
    "eyes": (0.27, 0.35),  # from the middle of the face
    "height": (-0.22, -0.1),
    "eye": (0.09, 0.13),
    "lids": (0.25, 0.65),
    "gaze": (-0.35, 0.35),
    "iris": (0.05, 0.4),
    "brows": (0.13, 0.24),
    "frown": (-0.35, 0.35),
    "thick": (0.025, 0.055),
    "nose": (0.1, 0.24),
    "nostrils": (0.06, 0.11),
    "mouth": (0.42, 0.58),
    "lips": (0.17, 0.32),
    "smile": (-0.5, 1.0),
    "open": (0.0, 0.12),
    "red": (0.1, 0.35),
    "beard": (-0.6, 0.3),
}


def _faces(numbers: Pixels) -> Pixels:
    """(n, parameters) in [0, 1) -> (n, 48, 48)."""
    low, high = (np.array(ends, np.float32) for ends in zip(*RANGES.values(), strict=True))
    p = dict(zip(RANGES, (low + (high - low) * numbers).T[:, :, None, None], strict=True))
    at = (np.arange(SIDE, dtype=np.float32) + 0.5) / (SIDE / 2) - 1
    # into the face's own coordinates
    x, y = at[None, None, :] + p["left"], at[None, :, None] + p["up"]
    cos, sin = np.cos(p["tilt"]) / p["size"], np.sin(p["tilt"]) / p["size"]
    x, y = cos * x + sin * y, cos * y - sin * x
    # the head: an ellipsoid that narrows downwards, under one lamp
    half = p["width"] * (1 - p["jaw"] * np.clip(y, 0, None) ** 2)
    u, v = x / half, y / 0.95
    r2 = u * u + v * v
    normal_z = np.sqrt(np.clip(1 - r2, 0.02, None))
    lamp = (u * p["light"] - v * p["above"] + normal_z) / np.sqrt(1 + p["light"] ** 2 + p["above"] ** 2)
    shade = 1 - p["contrast"] * (1 - np.clip(lamp, 0, None))
    # what lies on the head turns with it, farther where it is nearer to the eye
    x = x - 0.35 * p["turn"] * normal_z
    skin = p["skin"] * shade
    side = np.abs(x)
    bridge = np.exp(-((x / 0.07) ** 2)) * _inside(np.abs(y - 0.5 * p["nose"]) - p["nose"], 0.2)
    skin = skin * (1 + 0.18 * bridge * (1 - p["light"] * np.sign(x) * 0.8))
    skin = skin * (1 - 0.35 * np.exp(-(((side - p["eyes"]) / 0.17) ** 2) - ((y - p["height"] + 0.03) / 0.12) ** 2))
    nostril = np.exp(-(((side - p["nostrils"]) / 0.04) ** 2) - ((y - 1.45 * p["nose"]) / 0.035) ** 2)
    skin = skin * (1 - 0.55 * nostril)
    beard = np.clip(p["beard"], 0, None) * _inside(0.3 - y + 0.25 * side, 0.25)
    skin = skin * (1 - beard)
    # eyes: an almond of white, a round iris, cut by the lids; brows above
    dx, dy = (side - p["eyes"]) / p["eye"], (y - p["height"]) / p["eye"]
    almond = _inside(dx * dx + (dy / p["lids"]) ** 2 - 1, 0.8)
    away = (x - np.sign(x) * p["eyes"]) / p["eye"] - p["gaze"]
    iris = _inside(away * away + dy * dy - 0.3, 0.3)
    white = (0.55 + 0.45 * shade) * 0.9
    skin = skin + almond * (white * (1 - iris) + p["iris"] * iris - skin)
    lash = np.exp(-(((dy + p["lids"] * (1 - 0.6 * dx * dx)) / 0.3) ** 2)) * _inside(dx * dx - 1.2, 0.5)
    skin = skin * (1 - 0.5 * lash)
    arch = y - p["height"] + p["brows"] - p["frown"] * (side - p["eyes"]) - 0.8 * (side - p["eyes"]) ** 2
    brow = np.exp(-((arch / p["thick"]) ** 2)) * _inside(np.abs(side - p["eyes"]) - 0.15, 0.08)
    skin = skin + brow * (p["hair"] - skin) * 0.8
    # the mouth: a bent line, lips about it, dark between them where it is open
    along = x / p["lips"]
    bent = y - p["mouth"] + 0.1 * p["smile"] * (along * along - 0.4)
    ends = _inside(along * along - 1, 0.5)
    gape = p["open"] * np.clip(1 - along * along, 0, None)
    lips = ends * _inside(np.abs(bent) - gape - 0.055, 0.05)
    skin = skin * (1 - p["red"] * lips)
    skin = skin * (1 - 0.65 * ends * _inside(np.abs(bent) - gape, 0.04))
    # hair above the hairline, and the ground behind
    line = p["hairline"] + 0.35 * np.clip(side - 0.25, 0, None) + 0.15 * p["parting"] * x
    hair = _inside(y - line - 0.6 * np.clip(side - 0.55, 0, None) * 2, 0.12)
    head = skin + hair * (p["hair"] * (0.55 + 0.6 * np.clip(lamp, 0, None)) - skin)
    ground = p["ground"] * (1 + 0.15 * p["light"] * at[None, None, :])
    face: Pixels = np.clip(ground + _inside(r2 - 1, 0.12) * (head - ground), 0, 1)
    return face


def _inside(distance: Pixels, soft: float) -> Pixels:
    """1 where the distance to an edge is negative, 0 where it is positive, smooth over ``soft`` about 0."""
    t = np.clip(0.5 - distance / np.float32(soft), 0, 1)
    out: Pixels = t * t * (3 - 2 * t)
    return out
