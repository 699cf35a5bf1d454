"""Matrix products inside Numba: SciPy's BLAS, called by the address of its function, one thread for each call."""

from __future__ import annotations

from functools import cache

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic


@cache
def gemm_address(dtype: str) -> int:
    """Where sgemm (float32) or dgemm (float64) is in this process."""
    name = {"float32": "sgemm", "float64": "dgemm"}[dtype]
    return int(get_cython_function_address("scipy.linalg.cython_blas", name))


@intrinsic
def gemm(typing, address, ta, tb, m, n, k, alpha, a, ao, lda, b, bo, ldb, beta, c, co, ldc):
    """``C = alpha op(A) op(B) + beta C`` by rows: op(A) (m, k), op(B) (k, n), C (m, n); op transposes if ta (tb).

    Each matrix is a flat array, the offset of its first element and the distance between its rows.
    """
    scalar = a.dtype
    intp = types.intp
    signature = types.void(
        types.int64, types.boolean, types.boolean, intp, intp, intp, scalar, a, intp, intp, b, intp, intp, scalar, c,
        intp, intp,
    )  # fmt: skip

    def code(context, builder, sig, args):
        address, ta, tb, m, n, k, alpha, a, ao, lda, b, bo, ldb, beta, c, co, ldc = args
        char, integer = ir.IntType(8), ir.IntType(32)

        def pointer(value):  # Fortran takes everything by reference
            slot = cgutils.alloca_once(builder, value.type)
            builder.store(value, slot)
            return builder.bitcast(slot, char.as_pointer())

        def flag(transposed):
            return pointer(builder.select(transposed, char(ord("T")), char(ord("N"))))

        def size(value):
            return pointer(builder.trunc(value, integer))

        def matrix(i, value, offset):
            data = context.make_array(sig.args[i])(context, builder, value).data
            return builder.bitcast(builder.gep(data, [offset]), char.as_pointer())

        # Fortran reads rows as columns: it sees the transposes, and C^T = op(B)^T op(A)^T.
        values = [flag(tb), flag(ta), size(n), size(m), size(k), pointer(alpha), matrix(10, b, bo), size(ldb)]
        values += [matrix(7, a, ao), size(lda), pointer(beta), matrix(14, c, co), size(ldc)]
        kind = ir.FunctionType(ir.VoidType(), [char.as_pointer()] * len(values))
        builder.call(builder.inttoptr(address, kind.as_pointer()), values)
        return context.get_dummy_value()

    return signature, code
