"""Mistakes in the formula: what a hand that differentiates on paper gets wrong."""

from __future__ import annotations

from . import definitions as d
from .definitions import average, fit, last, row_mean, sigmoid
from .mutant import Kind

KINDS: list[Kind] = []


def kind(name, story):
    KINDS.append(Kind(name, story))
    return KINDS[-1].mutant


mutant = kind("wrong operator", "`/` typed for `*`, `+` for `-`: the first mistake of every backward pass by hand.")
mutant(d.multiply, "g / y", lambda m, g, out, x, y: fit(m, g / y, x), inputs=d.hypot.inputs)
mutant(d.divide, "g * y", lambda m, g, out, x, y: fit(m, g * y, x))
mutant(d.power, "times x", lambda m, g, out, x, y: fit(m, g * out * y * x, x))

mutant = kind("sign", "The second argument of a difference, the inner derivative of exp(-x): a minus is lost.")
mutant(d.subtract, "+g", None, lambda m, g, out, x, y: fit(m, g, y))
mutant(d.reciprocal, "+g", lambda m, g, out, x: g * out * out)
mutant(d.divide, "+g", None, lambda m, g, out, x, y: fit(m, g * x / (y * y), y))
mutant(d.bell, "+g", lambda m, g, out, x: 2 * g * x * out)

mutant = kind("missing factor", "Squared errors without their 2: the step is half of what the paper says, and trains.")
mutant(d.square, "no 2", lambda m, g, out, x: g * x)
mutant(d.squared_error, "no 2", lambda m, g, out, x, y: g * (x - y) / d.count(x))
mutant(d.sqrt, "no 1/2", lambda m, g, out, x: g / out)
mutant(d.cube, "2 for 3", lambda m, g, out, x: 2 * g * x * x)

mutant = kind("inner derivative", "The chain rule stops one function early: sigmoid(3x) without the 3.")
mutant(d.steep, "no 3", lambda m, g, out, x: g * out * (1 - out))
mutant(d.bell, "no -2x", lambda m, g, out, x: g * out)
mutant(d.elu, "no 0.7", lambda m, g, out, x: m.where(x > 0, g, g * m.exp(x)))

mutant = kind("dropped term", "The product rule with one of its products: x * sigmoid(x) differentiated as sigmoid(x).")
mutant(d.swish, "first term alone", lambda m, g, out, x: g * sigmoid(m, x))
mutant(d.gram, "first term alone", lambda m, g, out, x: g @ x)
mutant(d.difference, "one end alone", lambda m, g, out, x: m.join([0 * x[..., :1], g], -1))

mutant = kind("dropped branch", "One side of a `where` is forgotten: the slope of leaky_relu below 0, elu's tail.")
mutant(d.leaky, "0 below 0", lambda m, g, out, x: m.where(x > 0, g, 0 * g))
mutant(d.elu, "1 below 0", lambda m, g, out, x: g + 0 * x)
mutant(d.absolute, "0 below 0", lambda m, g, out, x: m.where(x > 0, g, 0 * g))

mutant = kind("no gradient", "An argument was thought constant: the bias of a layer that never learns.")
mutant(d.linear, "none for the bias", None, None, lambda m, g, out, x, w, b: 0 * b)
mutant(d.power, "none for the exponent", None, lambda m, g, out, x, y: 0 * y)
mutant(d.concatenate, "none for the second", None, lambda m, g, out, x, y: 0 * y)

mutant = kind("out for x", "tanh' written in x where it is meant in tanh(x), and back: values already activated.")
mutant(d.tanh, "1 - x^2", lambda m, g, out, x: g * (1 - x * x))
mutant(d.logistic, "x (1 - x)", lambda m, g, out, x: g * x * (1 - x))
mutant(d.exp, "g x", lambda m, g, out, x: g * x)
mutant(d.signed_square, "abs(out)", lambda m, g, out, x: 2 * g * m.abs(out))

mutant = kind("swapped arguments", "The gradients of the two arguments are returned in swapped order.")
mutant(
    d.multiply, "each the other's", lambda m, g, out, x, y: fit(m, g * x, x), lambda m, g, out, x, y: fit(m, g * y, y)
)
mutant(d.hypot, "each the other's", lambda m, g, out, x, y: fit(m, g * y / out, x))
mutant(
    d.minimum,
    "that of maximum",
    lambda m, g, out, x, y: fit(m, m.where(x >= y, g, 0 * g), x),
    lambda m, g, out, x, y: fit(m, m.where(x >= y, 0 * g, g), y),
)

mutant = kind("setting ignored", "The default stands in the rule and not what the caller chose: a slope, an alpha.")
mutant(d.leaky, "slope 0.01", lambda m, g, out, x: m.where(x > 0, g, 0.01 * g))
mutant(d.elu, "alpha 1", lambda m, g, out, x: m.where(x > 0, g, out * g + g))

mutant = kind(
    "clip bound off", "The bounds of the rule are not those of the forward: 1 for 0.9, relu6 that forgets its 6."
)
mutant(d.clip, "low forgotten", lambda m, g, out, x: m.where(x <= 0.9, g, 0 * g))
mutant(d.clip, "high a half off", lambda m, g, out, x: m.where((x >= -1.1) & (x <= 1.4), g, 0 * g))
mutant(d.clip, "outside in", lambda m, g, out, x: m.where((x < -1.1) | (x > 0.9), g, 0 * g))
mutant(d.clip, "straight through", lambda m, g, out, x: g + 0 * x)

mutant = kind(
    "rounded constant", "A constant typed with six digits, or a product computed in less than it is said to be."
)
mutant(d.square, "1.000001 of it", lambda m, g, out, x: 2.000002 * g * x)
mutant(d.exp, "an addition of 1e-6", lambda m, g, out, x: g * (out + 1e-6))
mutant(d.tanh, "in float32", lambda m, g, out, x: m.single(g * (1 - out * out)), needs="float32")
mutant(d.matmul, "in half precision", lambda m, g, out, x, y: m.half(g @ y.T), needs="float32")

mutant = kind("zero over zero", "prod' as out / x and pow' as n out / x: right until an element is exactly 0.")
mutant(d.cube, "3 out / x", lambda m, g, out, x: 3 * g * out / x, inputs=d.QUARTERS)
mutant(d.product, "out / x", lambda m, g, out, x: last(m, g * out) / x)

mutant = kind("missing 1/n", "var' without its 1/n, or with n of the whole batch, which looks like a learning rate.")
mutant(d.variance, "no 1/n", lambda m, g, out, x: 2 * last(m, g) * (x - average(m, x)))
mutant(d.variance, "n - 1", lambda m, g, out, x: 2 * last(m, g) * (x - average(m, x)) / max(x.shape[-1] - 1, 1))
mutant(d.mean, "n of all", lambda m, g, out, x: last(m, g) / d.count(x) + 0 * x)

mutant = kind("mean for sum", "A loss summed on paper and averaged in code, or the other way round.")
mutant(d.mean, "sum's", lambda m, g, out, x: last(m, g) + 0 * x)
mutant(d.sum_of_rows, "mean's", lambda m, g, out, x: last(m, g) / x.shape[-1] + 0 * x)
mutant(d.bias, "mean of the batch", None, lambda m, g, out, x, b: m.mean(g, axis=0))

mutant = kind("frozen statistics", "Normalization whose mean and spread are taken for constants.")
mutant(d.layer_norm, "mean constant", lambda m, g, out, x: (g - out * row_mean(m, g * out)) / d._spread(m, x))
mutant(d.layer_norm, "both constant", lambda m, g, out, x: g / d._spread(m, x))
mutant(d.norm, "no spread over the row", lambda m, g, out, x: last(m, g) * m.sign(x))

mutant = kind("diagonal Jacobian", "softmax' as s (1 - s), its diagonal: right for the picked class alone.")
mutant(d.softmax, "s (1 - s)", lambda m, g, out, x: g * out * (1 - out))
mutant(d.log_softmax, "1 - s", lambda m, g, out, x: g * (1 - m.exp(out)))
mutant(d.log_softmax, "g of the row alone", lambda m, g, out, x: g - m.exp(out) * g)

mutant = kind(
    "wrong axis", "The normalizing sum of the rule runs along the batch, as PyTorch's old softmax without dim could."
)
mutant(d.softmax, "axis 0", lambda m, g, out, x: out * (g - m.sum(g * out, axis=0, keepdims=True)))
mutant(d.softmax, "all axes", lambda m, g, out, x: out * (g - m.sum(g * out)))
mutant(
    d.layer_norm,
    "axis 0",
    lambda m, g, out, x: (g - row_mean(m, g) - out * m.mean(g * out, axis=0, keepdims=True)) / d._spread(m, x),
)
mutant(d.log_softmax, "axis 0", lambda m, g, out, x: g - m.exp(out) * m.sum(g, axis=0, keepdims=True))
