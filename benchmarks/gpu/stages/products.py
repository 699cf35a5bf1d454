"""Every matrix product of a step: its error, cuBLAS's own choice, and the best algorithm of cublasLt's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from minigrad.device import cupy, put
from minigrad.fused.cuda.blas import Blas

from ..cases import PAPER_STEP, PRECISIONS, TINY_STEP, Product
from ..operands import Operands
from ..peers.minigrad_steps import setup
from ..plan import BATCHES
from ..timing import seconds
from . import Context

LARGEST_ERROR = {"float32": 1e-5, "tf32": 2e-3}  # of a right product, in 2-norms
ROWS = 64  # of a result that are compared: all are computed alike


def measure(context: Context) -> dict[str, Any]:
    setup(context.device)
    stream = cupy().cuda.Stream(non_blocking=True)
    data: dict[str, Any] = {"products": []}
    wrong = []
    for batch in [TINY_STEP.batch] if context.rehearsal else BATCHES:
        case = replace(TINY_STEP if context.rehearsal else PAPER_STEP, batch=batch)
        unique = {product[1:]: (product, *arrays) for product, *arrays in Operands(case).all}
        for precision in PRECISIONS:
            plain, tuned = (Blas(stream, {"tf32": "high"}.get(precision, "highest"), tune=t) for t in (False, True))
            for product, a, b, out in unique.values():
                row = {"batch": batch, "precision": precision, **product._asdict(), "flops": product.flops}
                with stream:
                    plain.gemm(a, b, out, product.turned_a, product.turned_b)
                stream.synchronize()
                row["error"] = error(product, a, b, out)
                if not row["error"] < LARGEST_ERROR[precision]:
                    wrong.append(f"{product.what} at batch {batch:,}, {precision}: error {row['error']:.1e}")
                for name, blas in (("seconds", plain), ("tuned", tuned)):
                    took = seconds(lambda: blas.gemm(a, b, out, product.turned_a, product.turned_b), stream)  # noqa: B023
                    row[name] = None if context.rehearsal else took
                data["products"].append(row)
            context.keep(data)
    return data | ({"failed": "; ".join(wrong)} if wrong else {})


def error(product: Product, a: Any, b: Any, out: Any) -> float:
    """Of the first rows, against float64."""
    left = put(a[:, :ROWS] if product.turned_a else a[:ROWS], "cpu").astype(np.float64)
    right = put(b, "cpu").astype(np.float64)
    exact = (left.T if product.turned_a else left) @ (right.T if product.turned_b else right)
    return float(np.linalg.norm(put(out[:ROWS], "cpu") - exact) / np.linalg.norm(exact))
