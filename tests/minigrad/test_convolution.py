"""Convolution and pooling where the table of ops does not look: adjoints, third order, ties, nan, sentences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import Tensor, gradients
from minigrad.nn import functional as F


def numbers(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(dtype)


def test_a_convolution_is_the_sum_that_its_docstring_says():
    x, w = numbers(2, 3, 6), numbers(4, 3, 2, seed=1)
    out = F.conv1d(x, w, stride=2, padding=1, dilation=3)
    wide = np.pad(x, [(0, 0), (0, 0), (1, 1)])
    expected = [
        [
            [sum(wide[n, c, 2 * p + 3 * k] * w[o, c, k] for c in range(3) for k in range(2)) for p in range(3)]
            for o in range(4)
        ]
        for n in range(2)
    ]
    np.testing.assert_allclose(out, expected, rtol=1e-12)


@given(st.data())
def test_a_transposed_convolution_is_the_adjoint(data):
    """<conv(x), y> = <x, conv_transpose(y)>, for the output_padding that leads back to x's size."""
    stride, padding, dilation, kernel = (data.draw(st.integers(a, b)) for a, b in ((1, 3), (0, 2), (1, 2), (1, 3)))
    reach = dilation * (kernel - 1) + 1
    size = data.draw(st.integers(max(reach - 2 * padding, 1), 8))
    x, w = numbers(2, 4, size, seed=size), numbers(6, 2, kernel, seed=kernel)
    out = F.conv1d(x, w, None, stride, padding, dilation, 2)
    y = numbers(*out.shape, seed=3)
    left_over = (size + 2 * padding - reach) % stride
    back = F.conv_transpose1d(y, w, None, stride, padding, left_over, 2, dilation)
    assert back.shape == x.shape
    np.testing.assert_allclose((out * y).sum(), (x * back).sum(), rtol=1e-9, atol=1e-9)


def test_derivatives_of_third_order(torch):
    x, w = numbers(1, 2, 4, 4), numbers(2, 2, 2, 2, seed=1)

    def third(conv, grad, x, w):
        y = (conv(x, w) ** 3).sum()
        [g] = grad(y, [x], create_graph=True)
        [h] = grad((g**2).sum(), [w], create_graph=True)
        return grad((h**2).sum(), [x])[0]

    ours = third(F.conv2d, gradients, Tensor(x, requires_grad=True), Tensor(w, requires_grad=True))
    x, w = (torch.tensor(a, requires_grad=True) for a in (x, w))
    theirs = third(torch.conv2d, torch.autograd.grad, x, w)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9)


def test_folding_what_was_unfolded_counts_each_element_as_often_as_it_was_taken():
    x = numbers(2, 3, 5, 6)
    columns = F.unfold(x, 3, padding=1)
    times = F.fold(F.unfold(np.ones_like(x), 3, padding=1), (5, 6), 3, padding=1)
    np.testing.assert_allclose(F.fold(columns, (5, 6), 3, padding=1), x * times, rtol=1e-12)
    assert times[0, 0, 2, 2] == 9
    assert times[0, 0, 0, 0] == 4


def test_an_empty_batch_is_an_empty_batch():
    assert F.conv2d(np.ones((0, 2, 5, 5)), np.ones((3, 2, 3, 3))).shape == (0, 3, 3, 3)
    assert F.max_pool2d(np.ones((0, 2, 5, 5)), 2).shape == (0, 2, 2, 2)
    w = Tensor(np.ones((3, 2, 3, 3)), requires_grad=True)
    F.conv2d(Tensor(np.ones((0, 2, 5, 5))), w).sum().backward()
    assert not w.grad.numpy().any()


def test_integers_and_layouts():
    x = np.arange(50).reshape(1, 2, 5, 5)
    w = np.arange(16.0).reshape(2, 2, 2, 2)
    np.testing.assert_array_equal(F.conv2d(x, w), F.conv2d(x.astype(float), w))
    np.testing.assert_array_equal(F.max_pool2d(x, 2), F.max_pool2d(x.astype(float), 2))
    strange = np.asfortranarray(x[..., ::-1].astype(float))[:, :, ::2]
    np.testing.assert_array_equal(F.conv2d(strange, w), F.conv2d(strange.copy(), w))


# ------------------------------------------------------------------------------------------------------------ pooling


@pytest.mark.parametrize("value", [0.0, 1.0, -np.inf, np.nan])
def test_ties_and_nan_as_pytorch(value, torch):
    x = np.full((1, 2, 5, 6), value)
    x[0, 1, 2, 3] = 5
    x[0, 1, 3, 3] = 5
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    for settings in ((3, 2, 1), (2,), (3, 1, 1, 2)):
        out, indices = F.max_pool2d(a, *settings, return_indices=True)
        expected, places = torch.nn.functional.max_pool2d(b, *settings, return_indices=True)
        np.testing.assert_array_equal(out.detach().numpy(), expected.detach().numpy())
        np.testing.assert_array_equal(indices.numpy(), places.numpy())
        a.grad = b.grad = None
        out.sum().backward(), expected.sum().backward()
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())


def test_infinity_stays_in_its_windows():
    x = np.ones((1, 1, 6))
    x[0, 0, 2] = np.inf
    np.testing.assert_array_equal(F.avg_pool1d(x, 2)[0, 0], [1, np.inf, 1])
    np.testing.assert_array_equal(F.adaptive_avg_pool1d(x, 4)[0, 0], [1, np.inf, 1, 1])


def test_a_pool_keeps_no_image_alive():
    """What max pooling remembers are indices."""
    x = Tensor(np.ones((1, 1, 4, 4)), requires_grad=True)
    out = F.max_pool2d(x * 1, 2)
    assert out._settings["indices"].size == 4
    assert out._op.linear


# ---------------------------------------------------------------------------------------------------------- sentences

IMAGE, WEIGHT = np.ones((2, 4, 5, 5)), np.ones((6, 4, 3, 3))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: F.conv2d(np.ones((5, 5)), WEIGHT), r"conv2d: the input must be \(N, C, height, width\).*got \(5, 5\)"),
        (
            lambda: F.conv1d(np.ones(5), WEIGHT),
            r"conv1d: the input must be \(N, C, length\) or \(C, length\), got \(5,\)",
        ),
        (lambda: F.conv2d(IMAGE, np.ones((6, 4, 3))), r"conv2d: the weight must have 4 dimensions"),
        (lambda: F.conv2d(IMAGE, np.ones((6, 3, 3, 3))), "an input of 4 channels in 1 groups, but a weight .* for 3"),
        (lambda: F.conv2d(IMAGE, WEIGHT, groups=4), "groups must divide the channels, got groups=4"),
        (lambda: F.conv2d(IMAGE, WEIGHT, np.ones(4)), r"conv2d: the bias must have shape \(6,\), got \(4,\)"),
        (lambda: F.conv2d(IMAGE, WEIGHT, stride=0), "conv2d: stride is a number >= 1, or 2 of them, got 0"),
        (lambda: F.conv2d(IMAGE, WEIGHT, stride=(1, 2, 3)), r"or 2 of them, got \(1, 2, 3\)"),
        (lambda: F.conv2d(IMAGE, WEIGHT, padding=-1), "conv2d: padding is a number >= 0, or 2 of them, got -1"),
        (lambda: F.conv2d(IMAGE, WEIGHT, padding=0.5), "got 0.5"),
        (lambda: F.conv2d(IMAGE, WEIGHT, padding="full"), """padding is "same", "valid" or a number, got 'full'"""),
        (lambda: F.conv2d(IMAGE, WEIGHT, None, 2, "same"), "for a stride of 1 only, got stride=2"),
        (lambda: F.conv2d(IMAGE, WEIGHT, dilation=3), r"a window of 7 elements .* into an input of size \(5, 5\)"),
        (lambda: F.conv_transpose2d(IMAGE, WEIGHT), "an input of 4 channels, but a weight .* for 6"),
        (
            lambda: F.conv_transpose2d(IMAGE, np.ones((4, 1, 3, 3)), stride=2, output_padding=2),
            "output_padding must be smaller than the stride or the dilation, got output_padding=2, stride=2",
        ),
        (lambda: F.conv_transpose2d(IMAGE, np.ones((4, 1, 1, 1)), padding=3), "too much padding"),
        (lambda: F.max_pool2d(IMAGE, 2, padding=2), "the padding may be half of the window at most, got 2"),
        (lambda: F.max_pool2d(IMAGE, 6), r"a window of 6 elements .* does not fit"),
        (lambda: F.max_pool2d(np.ones((2, 0, 4, 4)), 2), r"the input \(2, 0, 4, 4\) has images without elements"),
        (lambda: F.max_pool1d(np.ones((1, 1, 1)), 2, 1, 2, 3), "a window takes nothing but padding"),
        (lambda: F.avg_pool2d(IMAGE, 2, divisor_override=0), "divisor_override divides the sums; it must not be 0"),
        (lambda: F.adaptive_avg_pool2d(IMAGE, (2, 3, 4)), "output_size is a number >= 1, or 2 of them"),
        (lambda: F.adaptive_avg_pool2d(IMAGE, 0), "output_size is a number >= 1"),
        (lambda: F.fold(np.ones((1, 8, 5)), 4, 2), "a multiple of 4 rows, the kernel's elements, and 9 columns"),
        (lambda: F.fold(np.ones(8), 4, 2), r"the input must be \(N, C kh kw, windows\)"),
        (lambda: F.interpolate(IMAGE), "give the size or the scale_factor, one of them"),
        (lambda: F.interpolate(IMAGE, 3, mode="bicubic"), 'by mode="nearest"'),
        (lambda: F.pixel_shuffle(IMAGE, 3), r"needs a multiple of 3\^2 channels"),
        (lambda: F.pixel_unshuffle(IMAGE, 2), "need to be multiples of 2"),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
