"""A run from settings to samples: build the players, iterate, write down, and go on exactly where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from minigrad import DeviceError, Generator, get_num_threads, ops, optim, use_kernels

from . import pictures
from .algorithm import Game, alternating, simultaneous
from .data import Dataset
from .data.minibatches import Minibatches
from .errors import UserError
from .evaluate.gauge import reading
from .interrupt import Interrupt
from .iterations import captured, learning_rate_decay, momentum_ramp, until_due
from .networks import MaxNorm, discriminator_network, generator_network, marginal_logits, put_on_top
from .objectives import GENERATOR_LOSSES
from .progress import Progress
from .run_folder import RunFolder, session
from .sampling import Player, draw_noise, generate, logits
from .settings import Settings, from_dict
from .validation import Validation

Array = np.ndarray[Any, Any]

SHOWN_IMAGES, SHOWN_POINTS = 64, 5_000  # samples in a picture, from the same z at every step

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "pylearn2_momentum": optim.Pylearn2Momentum,
    "sgd": optim.SGD,
    "adam": lambda params, lr, momentum: optim.Adam(params, lr, betas=(momentum, 0.999)),
}


class Training:
    """One run's whole state: the players, their optimisers and schedules, the random streams, the place in the data."""

    def __init__(self, settings: Settings, dataset: Dataset, fresh: bool = True) -> None:
        """At step 0. Not ``fresh``: to be restored, so that the ``pretrained`` run is not looked for."""
        s = self.settings = settings
        self.dataset = dataset
        self.step = 0
        weights, self.masks, self.z, order, shown, held_out = Generator(s.seed).split(6)
        self.G = generator_network(
            s, dataset.dimension, marginal_logits(dataset.train) if s.generator_bias == "marginals" else None, weights
        )
        if s.pretrained and fresh:
            put_on_top(self.G, _earlier(s.pretrained).G)
        self.D = discriminator_network(s, dataset.dimension, weights, self.masks)
        try:
            self.G.to(s.device)
            self.D.to(s.device)
            self.minibatches = Minibatches(dataset.train, s.batch_size, order, s.device)
        except DeviceError as error:
            raise UserError(f"device {s.device}: {error}") from None
        make = OPTIMIZERS[s.optimizer]
        self.optimizers = [
            make(net.parameters(), lr=s.learning_rate, momentum=s.momentum_start) for net in (self.G, self.D)
        ]
        moving = self.optimizers
        if s.max_norm:
            moving = [MaxNorm(o, net, s.max_norm) for o, net in zip(moving, (self.G, self.D), strict=True)]
        lr, momentum = learning_rate_decay(s), momentum_ramp(s)
        self.every_iteration = [optim.Scheduler(o, lr=lr) for o in self.optimizers]
        self.every_epoch = [optim.Scheduler(o, momentum=momentum) for o in self.optimizers if s.optimizer != "adam"]
        self.game = Game(
            self.G,
            self.D,
            moving[0],
            moving[1],
            self.minibatches,
            lambda: draw_noise(s, s.batch_size, self.z, s.device),
            GENERATOR_LOSSES[s.objective],
            s.discriminator_scale,
        )
        self.shown = draw_noise(s, SHOWN_IMAGES if dataset.image_shape else SHOWN_POINTS, shown)
        self.validation = Validation(s, dataset, held_out)
        self.best: dict[str, float] | None = None  # the highest validation Parzen estimate so far, and its step
        self.sums = dict.fromkeys(("d_loss", "g_loss", "d_real", "d_fake"), 0.0)  # since the last line of metrics
        self.together: Any = None  # the CapturedGame; False: there is none, iterations are taken op by op

    def iterate(self) -> dict[str, float]:
        """One iteration: the losses, and D's mean verdicts on data and on samples."""
        s = self.settings
        try:
            # what diverges is told below, in a sentence
            with use_kernels(s.kernels), np.errstate(over="ignore", invalid="ignore"):
                losses = alternating(self.game, s.k) if s.update == "alternating" else simultaneous(self.game)
        except DeviceError as error:
            raise UserError(f"step {self.step + 1}: {error}; nothing of it is saved") from None
        except FloatingPointError as error:
            raise UserError(
                f"step {self.step + 1}: {error}; nothing of it is saved; try a lower learning_rate in another --out"
            ) from None
        before, self.step = self._epoch(), self.step + 1
        for scheduler in self.every_iteration + self.every_epoch * (self._epoch() - before):
            scheduler.step()
        now = {
            "d_loss": losses.d_loss.item(),
            "g_loss": losses.g_loss.item(),
            "d_real": ops.sigmoid(losses.a_real.data).mean().item(),
            "d_fake": ops.sigmoid(losses.a_fake.data).mean().item(),
        }
        for name, number in now.items():
            self.sums[name] += number
        return now

    def advance(self, most: int) -> dict[str, float]:
        """Up to ``most`` iterations; the means over them of what ``iterate`` returns. Many at once on a GPU."""
        if self.together is None:
            try:
                self.together = captured(self) or False
            except (DeviceError, MemoryError) as error:
                raise UserError(f"device {self.settings.device}: {error}") from None
        if self.together is False:
            return self.iterate()
        try:
            self.together.run(most)
            now = self.together.losses()
        except (DeviceError, MemoryError) as error:
            raise UserError(f"step {self.step + 1}: {error}; nothing of it is saved") from None
        self.step += most
        for which, total in now.items():
            if not np.isfinite(total):
                raise UserError(
                    f"between steps {self.step - most + 1} and {self.step} {which} became {total}; nothing of them is"
                    " saved; try a lower learning_rate in another --out, or --kernels plain to see the op"
                )
            self.sums[which] += total
        self._set_schedules()
        return {which: total / most for which, total in now.items()}

    def _set_schedules(self) -> None:
        for scheduler in self.every_iteration:
            scheduler.load_state_dict({"count": self.step})
        for scheduler in self.every_epoch:
            scheduler.load_state_dict({"count": self._epoch()})

    def require_finite(self) -> None:
        """UserError if a parameter has become nan or infinite: nothing is drawn from it or saved."""
        for name, net in (("G", self.G), ("D", self.D)):
            for parameter, array in net.named_parameters():
                if not np.isfinite(array.data).all():
                    raise UserError(
                        f"step {self.step}: {name}.{parameter} has become infinite or nan; "
                        "nothing of it is saved; try a lower learning_rate in another --out"
                    )

    def _epoch(self) -> int:
        """How many times all training examples have been seen."""
        minibatches = self.step * (self.settings.k if self.settings.update == "alternating" else 1)
        return minibatches // self.minibatches.per_epoch

    def means(self, reset: bool = True) -> dict[str, Any]:
        """One line of metrics: the means over the iterations since the last multiple of ``log_every``."""
        count = self.step % self.settings.log_every or self.settings.log_every
        group = self.optimizers[0].param_groups[0]
        line = {"step": self.step, "epoch": self._epoch(), **{n: total / count for n, total in self.sums.items()}}
        if reset:
            self.sums = dict.fromkeys(self.sums, 0.0)
        return line | {"learning_rate": group["lr"], "momentum": group.get("momentum", self.settings.momentum_start)}

    def judge(self, x: Array) -> Array:
        """D(x) without dropout: (n, dimension) -> (n,)."""
        return np.asarray(ops.sigmoid(logits(self.D, x.astype(np.float32))))

    def validate(self) -> dict[str, Any]:
        """One line of validation: the JSD gauge, and when it is due the Parzen estimate; see gan/validation.py."""
        line = {"step": self.step, "epoch": self._epoch()} | self.validation.gauge(self.G, self.D)
        if self.step % self.settings.parzen_every == 0:
            line |= self.validation.parzen(self.G)
        return line

    def reading(self) -> str:
        """What the loss means now, in a sentence."""
        g = self.validation.read(self.G, self.D)
        return f"{g} nats: {reading(g.d_loss, g.standard_error)}"

    # ------------------------------------------------------------------------------------- checkpoints

    def state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """All that the rest of the run depends on: arrays, and metadata fit for JSON."""
        if self.together:
            self.together.write_back()
        arrays: dict[str, Array] = {}
        numbers: list[dict[str, Any]] = []
        for name, net, optimizer in zip("GD", (self.G, self.D), self.optimizers, strict=True):
            arrays |= {f"{name}.{parameter}": array for parameter, array in net.state_dict().items()}
            numbers.append({})
            for i, state in optimizer.state_dict()["state"].items():
                for key, v in state.items():
                    if isinstance(v, np.ndarray):
                        arrays[f"optimizer_{name}.{i}.{key}"] = v
                    else:
                        numbers[-1][f"{i}.{key}"] = v
        return arrays, {
            "settings": self.settings.as_dict(),
            "dimension": self.dataset.dimension,
            "image_shape": self.dataset.image_shape,
            "step": self.step,
            "best": self.best,
            "sums": self.sums,
            "optimizers": numbers,
            "minibatches": self.minibatches.state_dict(),
            "masks": self.masks.state_dict(),
            "z": self.z.state_dict(),
        }

    def restore(self, arrays: Mapping[str, Array], metadata: Mapping[str, Any]) -> None:
        """Go on exactly where ``state`` was taken."""
        for name, net, optimizer, numbers in zip(
            "GD", (self.G, self.D), self.optimizers, metadata["optimizers"], strict=True
        ):
            net.load_state_dict({k[2:]: v for k, v in arrays.items() if k.startswith(f"{name}.")})
            saved = optimizer.state_dict()
            prefix = f"optimizer_{name}."
            items = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)} | numbers
            for key, v in items.items():
                i, _, what = key.partition(".")
                saved["state"].setdefault(int(i), {})[what] = v
            optimizer.load_state_dict(saved)
        self.step = metadata["step"]
        self.best = metadata.get("best")
        self.sums = {name: metadata["sums"][name] for name in self.sums}  # in this order: a checkpoint sorts its keys
        self.together = None  # what is on the device is of another time
        self._set_schedules()
        self.minibatches.load_state_dict(metadata["minibatches"])
        self.masks.load_state_dict(metadata["masks"])
        self.z.load_state_dict(metadata["z"])


def resumed(run: RunFolder, settings: Settings, dataset: Dataset) -> Training:
    """The state of the run's checkpoint, from whichever device; UserError if it belongs to other settings.

    Unless it is at the end already, lines of metrics, pictures and a best state after it go.
    """
    begun = run.checkpoint_file.exists()
    training = Training(settings, dataset, fresh=not begun)
    if begun:
        load(training, run)
    if training.step < settings.steps and not run.go_back(training.step, settings.log_every):
        training.best = None  # its state was overwritten; the next one is the best that there is
    return training


def load(training: Training, run: RunFolder) -> None:
    """Restore a Training from the checkpoint of its run."""
    arrays, metadata = run.load_checkpoint()
    saved, own = from_dict(metadata.get("settings", {})).as_dict(), training.settings.as_dict()
    differ = sorted(k for k in own if k not in ("steps", "device") and saved[k] != own[k])
    if differ:
        raise UserError(
            f"{run.checkpoint_file} is from a run with other settings ({', '.join(differ)}); "
            "put back its own settings.json, or start a new run"
        )
    try:
        training.restore(arrays, metadata)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{run.checkpoint_file} does not fit its settings: {error}; start a new run") from None


def _earlier(pretrained: str) -> Player:
    """The run whose G goes on."""
    try:
        return Player(RunFolder.read(pretrained))
    except UserError as error:
        raise UserError(f"pretrained: {error}") from None


def blas_threads(training: Training) -> threadpool_limits:
    """One BLAS thread for small products, which lose more by waiting for each other than they gain; else all.

    Fused kernels bring threads of their own, and leave BLAS one.
    """
    if training.settings.kernels == "fused" and training.settings.device == "cpu":
        get_num_threads()
        return threadpool_limits(1, user_api="blas")
    widest = max(p.numel() for net in (training.G, training.D) for p in net.parameters())
    small = training.settings.batch_size * widest < 1e7
    return threadpool_limits(1 if small else None, user_api="blas")


def train(run: RunFolder, training: Training, command: list[str]) -> bool:
    """Iterate up to ``settings.steps``, writing metrics, pictures and checkpoints. False if the user stopped it.

    UserError if the run cannot go on; sessions.jsonl keeps its sentence.
    """
    s = training.settings
    first, started = training.step, time.perf_counter()
    with blas_threads(training), Interrupt() as interrupt, Progress(training.step, s.steps, s.log_every) as progress:
        threads = {
            "blas_threads": max((p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"), default=1),
            "kernel_threads": get_num_threads() if s.kernels == "fused" and s.device == "cpu" else 0,
        }
        try:
            _iterations(run, training, interrupt, progress)
        except UserError as error:
            with suppress(UserError):  # where even a line cannot be written, the first error is what is said
                run.append_session(session(command, first, training.step, started) | threads | {"failed": str(error)})
            raise
    run.append_session(session(command, first, training.step, started) | threads)
    return training.step >= s.steps


def _iterations(run: RunFolder, training: Training, interrupt: Interrupt, progress: Progress) -> None:
    """Up to the last, or to the one in which the user stops them."""
    s = training.settings
    if training.step == 0:
        _draw(run, training)
    while training.step < s.steps and not interrupt.requested:
        now = training.advance(until_due(s, training.step))
        progress.advance(training.step, now)
        if training.step % s.log_every == 0:
            run.append_metrics(training.means())
        if training.step % s.validate_every == 0 or training.step % s.parzen_every == 0:
            _validate(run, training, progress)
        if training.step % s.sample_every == 0 or training.step == s.steps:
            _draw(run, training)  # before the checkpoint: after a kill between them it is drawn again
        if training.step % s.checkpoint_every == 0:
            _save(run, training)
    if training.step == s.steps and training.step % s.log_every:
        run.append_metrics(training.means(reset=False))
    if training.step % s.checkpoint_every:
        _save(run, training)


def _save(run: RunFolder, training: Training) -> None:
    training.require_finite()
    run.save_checkpoint(*training.state())


def _validate(run: RunFolder, training: Training, progress: Progress) -> None:
    """Write down what the held-out examples say, and keep the state that they like best."""
    training.require_finite()
    try:
        line = training.validate()
    except UserError as error:  # finite parameters can make infinite samples and logits
        raise UserError(
            f"step {training.step}: {error}; nothing of it is saved; try a lower learning_rate in another --out"
        ) from None
    progress.jsd = line["jsd"]
    run.append_validation(line)
    if "parzen" in line and (training.best is None or line["parzen"] > training.best["parzen"]):
        training.best = {"step": training.step, "parzen": line["parzen"]}
        run.save_best(*training.state())


def _draw(run: RunFolder, training: Training) -> None:
    training.require_finite()
    data = training.dataset
    pictures.save(
        run.sample_path(training.step),
        generate(training.G, training.shown),
        image_shape=data.image_shape,
        data=None if data.image_shape else data.valid,
        discriminator=training.judge if data.dimension == 1 else None,
    )
