"""Random programs on minigrad and on PyTorch, side by side: values, gradients and second gradients are the same.

HYPOTHESIS_PROFILE=thorough runs ten thousand of them.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import Tensor, gradients
from minigrad.testing import programs

MANY = settings(max_examples=10 * settings.default.max_examples)


def both_orders(outs, xs, v, w, grad):
    """(value, gradients, gradients of <gradients, w>): the last of zeros where they depend on nothing."""
    first = grad(outs, xs, v, create_graph=True, allow_unused=True)
    pairs = [(g, u) for g, u in zip(first, w, strict=True) if g is not None and g.requires_grad]
    second = grad([g for g, _ in pairs], xs, [u for _, u in pairs], allow_unused=True) if pairs else [None] * len(xs)
    return first, second


@MANY
@given(program=programs(kinks=True), seed=st.integers(0, 99))
def test_a_program_is_the_same_on_both(torch, program, seed):
    rng = np.random.default_rng(seed)
    ours = [Tensor(a, requires_grad=True) for a in program.inputs]
    theirs = [torch.tensor(a, requires_grad=True) for a in program.inputs]
    out, wanted = program(minigrad, *ours), program(torch, *theirs)
    np.testing.assert_allclose(out.data, wanted.numpy(force=True), rtol=1e-11, atol=1e-11)
    v = rng.standard_normal(out.shape)
    w = [rng.standard_normal(x.shape) for x in ours]
    mine = both_orders([out], ours, [Tensor(v)], [Tensor(u) for u in w], gradients)
    other = both_orders([wanted], theirs, [torch.tensor(v)], [torch.tensor(u) for u in w], torch.autograd.grad)
    for order, (gs, hs) in enumerate(zip(mine, other, strict=True), 1):
        size = max((float(h.detach().abs().max()) for h in hs if h is not None and h.numel()), default=0.0)
        for g, h, x in zip(gs, hs, ours, strict=True):
            g = np.zeros(x.shape) if g is None else g.data
            h = np.zeros(x.shape) if h is None else h.numpy(force=True)
            np.testing.assert_allclose(g, h, rtol=1e-9, atol=1e-10 * (1 + size), err_msg=f"order {order}")
