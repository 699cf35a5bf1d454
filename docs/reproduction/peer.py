"""The released configuration in PyTorch, from its own random numbers: what does another implementation reach?

    python docs/reproduction/peer.py --data-dir DIR --epochs 45 --out docs/reproduction/results/peer.json

The updates are those of tests/gan/transcriptions.py, in float32: PyTorch's modules and its autograd. First weights,
noise, masks and the order of the data are drawn by PyTorch and NumPy here. The validation estimate is the one of
`gan train`: 10,000 samples, the first 1000 validation images, every 5 epochs. Needs the extra [test].
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan.data import mnist
from gan.evaluate import SELECTION, select_sigma
from gan.run_folder import versions
from gan.validation import SAMPLES

SOURCE = Path(__file__).parents[2] / "tests" / "gan" / "transcriptions.py"
NOISE = 3**0.5, 100  # z is uniform on +- this, in so many dimensions
EVERY = 2500  # iterations between estimates


class Draws:
    """What is random, from one seed."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.orders = np.random.default_rng(seed)

    def noise(self, n: int = 100) -> Any:
        """(n, 100) draws of p_z."""
        return ((2 * torch.rand(n, NOISE[1]) - 1) * NOISE[0]).numpy()

    def order(self, n: int) -> Any:
        """An epoch's order of the data."""
        return self.orders.permutation(n)

    def mask(self, keep: float, shape: tuple[int, ...]) -> Any:
        """True with probability ``keep``."""
        return (torch.rand(shape) < keep).numpy()


def first_weights(images: Any) -> dict[str, dict[str, Any]]:
    """Uniform on +-.05 in G and on +-.005 in D, biases 0 but for G's last: the logit of each pixel's mean."""

    def layers(sizes: list[tuple[int, int]], places: tuple[int, ...], bound: float) -> dict[str, Any]:
        state = {}
        for place, (n_in, n_out) in zip(places, sizes, strict=True):
            state[f"{place}.weight"] = ((2 * torch.rand(n_out, n_in) - 1) * bound).numpy()
            state[f"{place}.bias"] = np.zeros(n_out, np.float32)
        return state

    G = layers([(100, 1200), (1200, 1200), (1200, 784)], (0, 2, 4), 0.05)
    p = np.clip((images / 255).mean(axis=0), 1e-7, 1 - 1e-7)
    G["4.bias"] = np.float32(np.log(p / (1 - p)))
    return {"G": G, "D": layers([(784, 1200), (240, 1200), (240, 1)], (1, 3, 5), 0.005)}


def transcription(images: Any, draws: Draws) -> Any:
    """The released algorithm before its first step, in float32."""
    spec = util.spec_from_file_location("transcriptions", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = type("InFloat32", (module.in_pytorch(torch),), {"dtype": np.float32})
    return page(first_weights(images), images, draws)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    valid = mnist.load(asked.data_dir).valid[:SELECTION]
    images = mnist.read("train-images-idx3-ubyte", asked.data_dir or mnist.cache_dir())[:50_000].reshape(-1, 784)
    draws = Draws(asked.seed)
    held_out = draws.noise(SAMPLES)
    page, lines, started = transcription(images, draws), [], time.perf_counter()
    for step in range(1, asked.epochs * page.per_epoch + 1):
        losses = page.step()
        if step % EVERY:
            continue
        with torch.no_grad():
            samples = page.G(torch.from_numpy(held_out)).numpy()
        chosen = select_sigma(valid, samples)
        lines.append({"step": step, "epoch": step // page.per_epoch, "parzen": chosen.validation})
        lines[-1] |= {"sigma": chosen.sigma, "distance": chosen.distance, "losses": losses}
        print(lines[-1], flush=True)
        words = ["python", "docs/reproduction/peer.py", "--epochs", str(asked.epochs), "--seed", str(asked.seed)]
        record = {"command": " ".join(words), "seconds": time.perf_counter() - started}
        record |= {"versions": {**versions(), "torch": torch.__version__}, "validation": lines}
        asked.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
