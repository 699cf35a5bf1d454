"""Linear algebra under the names of PyTorch's linalg; the functions are those of minigrad/ops."""

from .errors import LinAlgError
from .ops import (
    cholesky,
    cholesky_ex,
    cond,
    cross,
    det,
    eigh,
    eigvalsh,
    householder_product,
    inv,
    inv_ex,
    lu_factor,
    matmul,
    matrix_exp,
    matrix_norm,
    matrix_power,
    matrix_rank,
    multi_dot,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    svd,
    svdvals,
    tensorinv,
    tensorsolve,
    vecdot,
    vector_norm,
)
from .ops.arithmetic import vander_of_vectors as vander
from .ops.decompositions import least_squares as lstsq
from .ops.diagonals import diagonal_of_matrices as diagonal
from .ops.factorizations import lu, lu_solve
from .ops.norms import norm_of_vector_or_matrix as norm
from .spellings import respell

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
respell(globals(), ["norm"])
