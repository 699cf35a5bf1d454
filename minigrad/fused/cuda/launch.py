"""One method for each kernel: it checks shapes, chooses grid and block, and launches on the current stream.

``kernels()`` is the object that has them. Each does what the plain function that its kernel names does (kernels/*.cu),
writes its results into arrays that are given, and allocates nothing once it has run with these sizes on this stream.
Arrays lie on the device, in C order, float32 unless said; masks are uint8 or bool, 1 = kept; ``numbers``, the settings
of an update, are float64. What is None is left out.
"""

from __future__ import annotations

from typing import Any

from ...optim import ExponentialDecay, LinearRamp
from .module import Array, Grid, Module, matrix, need, whole

ACTIVATIONS = ("identity", "relu", "leaky_relu", "sigmoid", "tanh", "softplus")  # in the order of affine.cu's enum
GENERATOR_LOSSES = ("minimax", "non_saturating")  # in the order of losses.cu's

STATE = 8  # words of a random state: counter[4], key[2], position, half word; kernels/random.cu says more
FAIR = -1  # the threshold of a fair coin, which takes one random bit

COLUMNS, CHUNK = 32, 512  # of a block that sums columns: common.cuh's
BLOCKS = 2048  # of an elementwise kernel, at most: each thread then has several elements


def threshold(p: float) -> int:
    """How ``masks`` takes a probability: FAIR for 0.5, else the nearest number of 2^-16ths."""
    if not 0 <= p <= 1:
        raise ValueError(f"bernoulli needs a probability between 0 and 1, got p={p}")
    return FAIR if p == 0.5 else round(p * 2**16)


def kernels() -> Kernels:
    """The kernels, compiled when they are first used. DeviceError if there is no GPU to compile them for."""
    found: Kernels = Kernels.of_the_device()
    return found


class Kernels(Module):
    """The kernels of one device. Get it from ``kernels()``."""

    # ------------------------------------------------------------------------------------------------ random.cu

    def uniform(
        self, out: Array, state: Array, skip: int = 0, low: float = 0.0, high: float = 1.0, halves: int = 0
    ) -> None:
        """``out`` = Generator.uniform's numbers, ``skip`` words of 64 bits and ``halves`` numbers after ``state``."""
        need("uniform", state=(state, (STATE,)))
        at: dict[str, Any] = {"words": skip, "halves": halves, "n": out.size}
        self.launch("uniform", *each(out.size // 2 + 1), out=out, state=state, low=low, span=high - low, **at)

    def bernoulli(self, out: Array, state: Array, skip: int = 0, p: float = 0.5) -> None:
        """``out`` (uint8 or bool) = Generator.bernoulli's next coins, ``skip`` words of 64 bits after ``state``."""
        need("bernoulli", state=(state, (STATE,)))
        words = -(-out.size // (64 if p == 0.5 else 4))
        self.launch("bernoulli", *each(words), out=out, state=state, skip=skip, threshold=threshold(p), n=out.size)

    def masks(self, out: Array, state: Array, segments: Array) -> None:
        """Several ``bernoulli`` at once: ``segments`` (n, 4) int64 = first element of out, elements, skip, threshold.

        ``threshold(p)`` makes the last. The first element should be a multiple of 8.
        """
        n = need("masks", segments=(segments, (None, 4)), state=(state, (STATE,)))[0][0]
        (blocks,), block = each(out.size // 4 // max(n, 1) + 1)
        self.launch("masks", (blocks, n), block, out=out, state=state, segments=segments, n=out.size)

    def advance(self, state: Array, words: int = 0, halves: int = 0) -> None:
        """Move ``state`` on by words of 64 bits (those of bernoulli), then by float32 numbers (those of uniform)."""
        need("advance", state=(state, (STATE,)))
        self.launch("advance_state", (1,), (1,), state=state, words=words, halves=halves)

    def end_step(
        self,
        clock: Array,
        numbers: Array,
        states: Array,
        draws: Array,
        rows: int = 0,
        decay: ExponentialDecay | None = None,
        ramp: LinearRamp | None = None,
        minibatches: int = 1,
        per_epoch: int = 1,
    ) -> None:
        """All that moves on when a step ends: random states, the clock, the settings that follow a schedule.

        ``states`` (n, 8) by ``draws`` (n, 2) int64 = words, halves; ``clock`` int64 (2,) = steps taken, place in the
        data, by 1 and ``rows``. Then the first of ``numbers``, the learning rate, is ``decay`` at the steps taken, and
        the second, the momentum, ``ramp`` at the epoch, which is steps taken * minibatches // per_epoch.
        """
        n = need("end_step", states=(states, (None, STATE)), clock=(clock, (2,)))[0][0]
        need("end_step", draws=(draws, (n, 2)))
        if numbers.size < 2 or per_epoch < 1:
            raise ValueError(f"end_step needs 2 numbers or more and per_epoch >= 1, got {numbers.size} and {per_epoch}")
        d = ExponentialDecay(0, 0) if decay is None else decay
        r = LinearRamp(0, 0, 1) if ramp is None else ramp
        self.launch(
            "end_step",
            (1,),
            (1,),
            clock=clock,
            numbers=numbers,
            states=states,
            draws=draws,
            n_states=n,
            rows=rows,
            lr=d.start,
            factor=d.factor,
            lr_minimum=d.minimum,
            ramp_start=r.start,
            ramp_end=r.end,
            ramp_steps=0 if ramp is None else r.steps,
            minibatches=minibatches,
            per_epoch=per_epoch,
        )

    # -------------------------------------------------------------------------------------------------- data.cu

    def gather(
        self, out: Array, data: Array, order: Array, place: Array, mask: Array | None = None, scale: float = 1.0
    ) -> None:
        """``out[i] = data[order[place[0] + i]]``, times mask scale; order int32, place int64 (1,). nan outside."""
        m, d = matrix("gather", "out", out)
        need("gather", place=(place, (1,)), mask=(mask, (m, d)))
        (examples, _), (length,) = need("gather", data=(data, (None, d)), order=(order, (None,)))
        self.launch(
            "gather",
            *table(m, d),
            out=out,
            data=data,
            order=order,
            place=place,
            mask=mask,
            scale=scale,
            m=m,
            d=d,
            length=length,
            examples=examples,
        )

    def dropout(self, x: Array, mask: Array, scale: float, out: Array) -> None:
        """``out = x mask scale``; out may be x."""
        need("dropout", mask=(mask, x.shape), out=(out, x.shape))
        self.launch("dropout", *each(x.size), x=x, mask=mask, scale=scale, out=out, n=x.size)

    def scale_rows(self, u: Array, s: Array, db: Array | None = None) -> None:
        """In place ``u *= s[:, None]``; ``db`` = the column sums of the result. s has m elements."""
        m, n = matrix("scale_rows", "u", u)
        need("scale_rows", s=(s, m), db=(db, (n,)))
        self.launch("scale_rows", *sums(m, n), u=u, s=s, db=db, m=m, n=n)

    # ------------------------------------------------------------------------------------------------ affine.cu

    def bias_activation(
        self,
        y: Array,
        bias: Array,
        activation: str,
        slope: float = 0.01,
        mask: Array | None = None,
        scale: float = 1.0,
        dropped: Array | None = None,
    ) -> None:
        """In place ``y = activation(y + bias)``, one of ACTIVATIONS; with a mask also ``dropped = y mask scale``."""
        m, n = matrix("bias_activation", "y", y)
        need("bias_activation", bias=(bias, (n,)), mask=(mask, (m, n)), dropped=(dropped, (m, n)))
        if (mask is None) != (dropped is None):
            raise ValueError("bias_activation: mask and dropped go together, and one of them is None")
        which = chosen("activation", activation, ACTIVATIONS)
        at: dict[str, Any] = {"mask": mask, "dropped": dropped, "scale": scale, "m": m, "n": n}
        self.launch("bias_activation", *table(m, n), y=y, bias=bias, activation=which, slope=slope, **at)

    def activation_backward(
        self,
        g: Array,
        y: Array,
        activation: str,
        db: Array | None = None,
        slope: float = 0.01,
        mask: Array | None = None,
        scale: float = 1.0,
        row_scale: Array | None = None,
    ) -> None:
        """In place ``g *= activation'``, from y = activation(x); ``db`` = the column sums of the result.

        Before that g is multiplied by mask and scale, and row i by row_scale[i].
        """
        m, n = matrix("activation_backward", "g", g)
        need("activation_backward", y=(y, (m, n)), db=(db, (n,)), mask=(mask, (m, n)), row_scale=(row_scale, m))
        self.launch(
            "activation_backward",
            *sums(m, n),
            g=g,
            y=y,
            activation=chosen("activation", activation, ACTIVATIONS),
            slope=slope,
            mask=mask,
            scale=scale,
            row_scale=row_scale,
            db=db,
            m=m,
            n=n,
        )

    def head(self, h: Array, w: Array, b: Array, a: Array) -> None:
        """``a[i] = h[i] . w + b``: h (m, n), w with n elements, b with one, a with m."""
        m, n = matrix("head", "h", h)
        need("head", w=(w, n), b=(b, 1), a=(a, m))
        self.launch("head", (-(-m // 4),), (128,), h=h, w=w, b=b, a=a, m=m, n=n)

    def head_backward(
        self, h: Array, w: Array, da: Array, dh: Array | None, dw: Array | None = None, db: Array | None = None
    ) -> None:
        """``dh[i] = da[i] w``; ``dw = sum da[i] h[i]`` and ``db = sum da[i]``, which go together."""
        m, n = matrix("head_backward", "h", h)
        need("head_backward", w=(w, n), da=(da, m), dh=(dh, (m, n)), dw=(dw, n), db=(db, 1))
        if (dw is None) != (db is None):
            raise ValueError("head_backward: dw and db go together, and one of them is None")
        self.launch("head_backward", *sums(m, n + 1), h=h, w=w, da=da, dh=dh, dw=dw, db=db, m=m, n=n)

    # ------------------------------------------------------------------------------------------------ maxout.cu

    def bias_maxout(
        self, a: Array, bias: Array, y: Array, winner: Array, mask: Array | None = None, scale: float = 1.0
    ) -> None:
        """``y = maxout(a + bias)``, times mask times scale; ``winner`` (uint8) = the piece that it is.

        a (m, units pieces), y, winner and mask (m, units).
        """
        m, units = matrix("bias_maxout", "y", y)
        n = matrix("bias_maxout", "a", a)[1]
        pieces = pieces_of("bias_maxout", n, units)
        need("bias_maxout", a=(a, (m, n)), bias=(bias, (n,)), winner=(winner, (m, units)), mask=(mask, (m, units)))
        at: dict[str, Any] = {"mask": mask, "scale": scale, "m": m, "units": units, "pieces": pieces}
        self.launch("bias_maxout", *table(m, units), a=a, bias=bias, y=y, winner=winner, **at)

    def maxout_backward(
        self,
        g: Array,
        winner: Array,
        da: Array,
        db: Array | None = None,
        mask: Array | None = None,
        scale: float = 1.0,
        rows: Array | None = None,
    ) -> None:
        """``da`` = g mask scale at the winners, 0 elsewhere; ``db = sum_i rows[i] da[i]``, da itself without rows.

        g is (m, units), or (units,) or (1, units), the same for all rows.
        """
        m, units = matrix("maxout_backward", "winner", winner)
        n = matrix("maxout_backward", "da", da)[1]
        pieces = pieces_of("maxout_backward", n, units)
        one_row = g.ndim < 2 or len(g) != m
        need("maxout_backward", g=(g, units if one_row else (m, units)), da=(da, (m, n)), db=(db, (n,)))
        need("maxout_backward", mask=(mask, (m, units)), rows=(rows, m))
        at: dict[str, Any] = {"rows": rows, "m": m, "units": units, "pieces": pieces, "one_row": one_row}
        self.launch("maxout_backward", *sums(m, n), g=g, winner=winner, mask=mask, scale=scale, da=da, db=db, **at)

    # ------------------------------------------------------------------------------------------------ losses.cu

    def gan_losses(
        self,
        a_real: Array | None,
        a_fake: Array,
        scale: float,
        kind: str,
        da_real: Array | None = None,
        da_fake: Array | None = None,
        dg_fake: Array | None = None,
        sums: Array | None = None,
    ) -> None:
        """The two losses of gan.objectives from logits (m of each, in any shape), and their derivatives.

        ``da_real``, ``da_fake``: of D's loss, with its ``scale``; both None leaves it out, and a_real may be None.
        ``dg_fake``: of G's loss, of this ``kind``; None leaves it out. ``sums`` (4,) float64 += D's loss, G's loss,
        mean D(x), mean D(G(z)): what is left out adds nothing (D's part is all but the second).
        """
        m = a_fake.size
        need("gan_losses", a_real=(a_real, m), da_real=(da_real, m), da_fake=(da_fake, m), dg_fake=(dg_fake, m))
        need("gan_losses", sums=(sums, (4,)))
        if (da_real is None) != (da_fake is None) or (da_real is not None and a_real is None):
            raise ValueError("gan_losses: D's loss takes all of a_real, da_real and da_fake, or neither da")
        given = {"a_real": a_real, "a_fake": a_fake, "da_real": da_real, "da_fake": da_fake, "dg_fake": dg_fake}
        kinds = {"scale": scale, "kind": chosen("kind", kind, GENERATOR_LOSSES)}
        self.launch("gan_losses", (1,), (512,), **given, **kinds, sums=sums, m=whole("gan_losses", m))

    def bce_with_logits(self, a: Array, t: Array, factor: float, grad: Array, loss: Array) -> None:
        """``loss[0] = factor sum((1 - t) a + softplus(-a))``, and ``grad``, its derivative. factor 1 / n: the mean."""
        self._loss("bce_with_logits", a, t, factor, grad, loss)

    def mse(self, a: Array, t: Array, factor: float, grad: Array, loss: Array) -> None:
        """``loss[0] = factor sum((a - t)^2)``, and ``grad``, its derivative for a. factor 1 / n: the mean."""
        self._loss("mse", a, t, factor, grad, loss)

    def _loss(self, name: str, a: Array, t: Array, factor: float, grad: Array, loss: Array) -> None:
        need(name, t=(t, a.shape), grad=(grad, a.shape), loss=(loss, 1))
        (blocks,), block = each(whole(name, a.size))
        self.launch(name, (min(blocks, 256),), block, a=a, t=t, factor=factor, grad=grad, loss=loss, n=a.size)

    # ------------------------------------------------------------------------------------------------ update.cu

    def momentum(self, p: Array, v: Array, g: Array, numbers: Array) -> None:
        """Pylearn2Momentum's step, ``numbers`` = lr, momentum: ``v = momentum v - lr g``, ``p += v``."""
        need("momentum", v=(v, p.shape), g=(g, p.shape))
        at_least("momentum", numbers, 2)
        self.launch("momentum", *each(-(-p.size // 4)), p=p, v=v, g=g, numbers=numbers, n=p.size)

    def sgd(self, p: Array, v: Array, g: Array, numbers: Array, nesterov: bool = False) -> None:
        """SGD's step, ``numbers`` = lr, momentum, share, weight_decay, sign.

        ``v = momentum v + share g``, ``p -= lr v``, g having weight_decay p added. share: 1 at the first step, then
        1 - dampening. sign: -1 to ascend, else 1.
        """
        need("sgd", v=(v, p.shape), g=(g, p.shape))
        at_least("sgd", numbers, 5)
        self.launch("sgd", *each(p.size), p=p, v=v, g=g, numbers=numbers, nesterov=nesterov, n=p.size)

    def adam(self, p: Array, m: Array, v: Array, g: Array, numbers: Array, clock: Array) -> None:
        """Adam's step, ``numbers`` = lr, beta1, beta2, eps, weight_decay, sign; m, v its two moments.

        ``clock`` uint32 (2,) = (steps taken, 0): the step counts itself.
        """
        need("adam", m=(m, p.shape), v=(v, p.shape), g=(g, p.shape), clock=(clock, (2,)))
        at_least("adam", numbers, 6)
        self.launch("adam", *each(p.size), p=p, m=m, v=v, g=g, numbers=numbers, clock=clock, n=p.size)

    def max_norm(self, w: Array, limit: float) -> None:
        """In place ``w *= min(|w|, limit) / (1e-7 + |w|)`` for each row of w."""
        rows, n = matrix("max_norm", "w", w)
        self.launch("max_norm", (rows,), (128,), w=w, limit=limit, n=n)

    def momentum_max_norm(self, p: Array, v: Array, g: Array, numbers: Array, segments: Array, limit: float) -> None:
        """``momentum``, then ``max_norm``, in one pass over the flat p.

        ``segments`` (k, 3) int32 = first element, length, and 1 where the norm is limited (a row of a weight) or 0 (a
        bias). Together they are to cover p, each element once.
        """
        k = need("momentum_max_norm", segments=(segments, (None, 3)), v=(v, p.shape), g=(g, p.shape))[0][0]
        at_least("momentum_max_norm", numbers, 2)
        at: dict[str, Any] = {"numbers": numbers, "segments": segments, "limit": limit}
        self.launch("momentum_max_norm", (k,), (128,), p=p, v=v, g=g, **at)


# ------------------------------------------------------------------------------------------------ grids and refusals


def each(n: int) -> tuple[Grid, Grid]:
    """Grid and block for n elements."""
    return (min(-(-n // 256), BLOCKS),), (256,)


def table(m: int, n: int) -> tuple[Grid, Grid]:
    """For (m, n) elements: a thread for each column, in several rows where there are many."""
    return (-(-n // 128), min(m, 1024)), (128,)


def sums(m: int, n: int) -> tuple[Grid, Grid]:
    """For the sums of n columns of m rows."""
    return (-(-n // COLUMNS), max(1, -(-m // CHUNK))), (COLUMNS, 16)


def chosen(what: str, name: str, names: tuple[str, ...]) -> int:
    """The number by which a kernel knows the name."""
    if name not in names:
        raise ValueError(f"{what} is one of {', '.join(names)}, got {name!r}")
    return names.index(name)


def pieces_of(kernel: str, n: int, units: int) -> int:
    """How many pieces each unit has."""
    if units < 1 or n % units or not 1 <= n // units <= 256:
        raise ValueError(f"{kernel}: {n} columns are not 1 to 256 pieces for each of {units} units")
    return n // units


def at_least(kernel: str, numbers: Array, count: int) -> None:
    """Refuse too few settings."""
    if numbers.size < count:
        raise ValueError(f"{kernel} reads {count} numbers, got {numbers.size}; see its docstring for what they are")
