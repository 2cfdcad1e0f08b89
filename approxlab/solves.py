"""Rank-revealing least squares: column-pivoted QR and the complete orthogonal decomposition.

Bases of neurons are nearly dependent: the singular values of smooth units decay to the level of
rounding. Such a problem has many solutions with nearly the same residual, and the chosen rank
decides how small this residual is. Here the weighted A is factored once by LAPACK's QR with column
pivoting, A P = Q R. The rank r is the largest for which the leading r x r triangle of R is not
singular to working precision. Then one of two solutions is computed:

- "pivoted": only the r chosen columns have coefficients, all others are zero.
- "complete": the solution of least norm among those with the same residual, by a second orthogonal
  factorisation of the first r rows of R (the complete orthogonal decomposition).

`numpy.linalg.lstsq` by default drops singular values below max(m, n) eps times the largest, a
cautious bound on rounding: with 32 tanh units for exp and 4801 points it reaches 7e-12, this
module 1e-15.

LAPACK does the work, on the host, in the dtype of the matrix, with one thread: for matrices of a
few hundred columns, threads that wait for busy cores cost more than they gain. No program needs
OPENBLAS_NUM_THREADS=1 for this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, get_args

import numpy as np

from approxlab.host_threads import one_thread

__all__ = ["LeastSquares", "solve", "solve_blocks"]

Method = Literal["pivoted", "complete"]
Blocks = Callable[[], Iterator[np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LeastSquares:
    """The solution of a least-squares problem, with its rank and condition.

    Attributes:
        solution: Coefficients, shape (n,) or (n, k) for k right-hand sides.
        residual: Root of the weighted sum of squared residuals, shape () or (k,).
        rank: Number of columns that are linearly independent to within `rtol`.
        columns: Indices of these columns, in the order in which pivoting chose them.
        condition: LAPACK's estimate of the condition number, in the 1-norm, of the leading r x r
            triangle of R; at most 1 / rtol, and 1 for rank 0. The relative error of the
            coefficients of the chosen columns may be about condition * eps; the residual does not
            have this error.
        rtol: The tolerance that determined the rank.
        method: "pivoted" or "complete".
    """

    solution: np.ndarray
    residual: np.ndarray
    rank: int
    columns: np.ndarray
    condition: float
    rtol: float
    method: Method

    def __repr__(self) -> str:
        n, left = self.solution.shape[0], float(np.max(self.residual, initial=0.0))
        text = f"rank {self.rank} of {n}, residual {left:.2g}, condition {self.condition:.1e}"
        return f"LeastSquares({self.method}, {text})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: rank, condition, and the largest residual."""
        return [
            {
                "rank": self.rank,
                "condition": self.condition,
                "residual": float(np.max(self.residual, initial=0.0)),
            }
        ]


@one_thread()
def solve(
    A: Any,
    b: Any,
    *,
    weights: Any = None,
    rtol: float | None = None,
    method: Method = "pivoted",
) -> LeastSquares:
    """Minimise sum_i w_i |(A x - b)_i|^2, where the columns of A may be nearly dependent.

    Computes in the dtype of A, float32 or float64 (integers become float64); right-hand sides are
    converted to it. The rank r is the largest for which the reciprocal condition number of the
    leading r x r triangle of R, as estimated by LAPACK in the 1-norm, is at least `rtol`; this
    number does not increase with r. Columns are not rescaled: if their sizes have no meaning, scale
    them to equal norms first.

    Args:
        A: Matrix of shape (m, n), any m and n of at least 1.
        b: Right-hand side of shape (m,), or k right-hand sides of shape (m, k), solved with one
            factorisation.
        weights: Non-negative weights w_i of the rows, shape (m,); by default 1. Quadrature weights
            make the residual an L2 norm.
        rtol: Smallest allowed reciprocal condition number, between 0 and 1; by default eps of the
            dtype.
        method: "pivoted" (r nonzero coefficients at most) or "complete" (least norm).

    Returns:
        A `LeastSquares` with solution, rank, residual and condition.

    Raises:
        TypeError: If A, b or `weights` is complex or not numeric, or A has another floating-point
            dtype.
        ValueError: If the shapes do not fit, a number is not finite, a weight is negative, or rtol
            or method is not one of the allowed values.

    Source:
        Golub 1965 (pivoting); Hanson and Lawson 1969 (complete orthogonal decomposition).

    Example:
        >>> A = np.array([[1.0, 1.0], [2.0, 2.0]])          # two equal columns
        >>> solve(A, [2.0, 4.0]).solution.round(12).tolist()
        [2.0, 0.0]
        >>> solve(A, [2.0, 4.0], method="complete").solution.round(12).tolist()
        [1.0, 1.0]
    """
    matrix = _matrix(A)
    return _solved(lambda: iter((matrix,)), matrix.shape, matrix.dtype, b, weights, rtol, method)


@one_thread()
def solve_blocks(
    blocks: Blocks,
    shape: tuple[int, int],
    dtype: Any,
    b: Any,
    *,
    weights: Any = None,
    rtol: float | None = None,
    method: Method = "pivoted",
) -> LeastSquares:
    """As `solve`, with A given by blocks of its rows, so that memory holds one copy of it.

    Args:
        blocks: Gives the blocks from the first row to the last one; it is called twice, once to
            factor A and once for the residual, and must give the same numbers.
        shape: Shape (m, n) of A.
        dtype: float32 or float64, that of the blocks.
        b: As in `solve`, like all others.
        weights: Weights of the rows.
        rtol: Where the rank is cut.
        method: "pivoted" or "complete".

    Returns:
        A `LeastSquares`.

    Raises:
        TypeError, ValueError: As `solve`.

    Example:
        >>> rows = lambda: (np.array([[1.0], [2.0]]) * k for k in (1, 2))
        >>> solve_blocks(rows, (4, 1), np.float64, [3.0, 6.0, 6.0, 12.0]).solution.round(9).tolist()
        [3.0]
    """

    def checked() -> Iterator[np.ndarray]:
        first = 0
        for block in blocks():
            yield _finite("A", block, first)
            first += len(block)

    return _solved(checked, shape, np.dtype(dtype), b, weights, rtol, method)


def _solved(
    blocks: Blocks,
    shape: tuple[int, int],
    dtype: np.dtype,
    b: Any,
    weights: Any,
    rtol: float | None,
    method: Method,
) -> LeastSquares:
    sides = _right_hand_sides(b, shape, dtype)
    roots = _roots(weights, shape, dtype)
    limit = _tolerance(rtol, dtype)
    if method not in get_args(Method):
        raise ValueError(f"method: got {method!r}, expected 'pivoted' or 'complete'.")
    many = sides if sides.ndim == 2 else sides[:, None]
    rotated, R, order = _factored(blocks, shape, roots, many)
    rank, condition = _rank(R, limit)
    solution = np.zeros((shape[1], many.shape[1]), dtype)
    if rank:
        form = _from_columns if method == "pivoted" else _of_least_norm
        solution[order] = form(R[:rank], rotated.T[:rank])
    residual = _residual(blocks(), solution, np.asarray(b, np.float64).reshape(many.shape), roots)
    if sides.ndim == 1:
        solution, residual = solution[:, 0], residual[0]
    return LeastSquares(
        solution, np.asarray(residual), rank, order[:rank], condition, limit, method
    )


def _factored(
    blocks: Blocks, shape: tuple[int, int], roots: np.ndarray, many: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Q' b)', R and the order of the columns: LAPACK's own order of entries, factored in place."""
    from scipy.linalg import qr_multiply

    rows, first = np.empty(shape, roots.dtype, order="F"), 0
    for block in blocks():
        part = slice(first, first + len(block))
        np.multiply(block, roots[part, None], out=rows[part])
        first += len(block)
    # Q is applied without being formed: right-hand sides enter as rows, (Q' b)' = b' Q.
    sides = (many * roots[:, None]).T
    rotated, R, order = qr_multiply(rows, sides, mode="right", pivoting=True, overwrite_a=True)
    return rotated, R, order


def _residual(
    blocks: Iterable[np.ndarray], solution: np.ndarray, given: np.ndarray, roots: np.ndarray
) -> np.ndarray:
    """In float64 against b as given, also where the solve was in float32 with b rounded to it."""
    x = np.asarray(solution, np.float64)
    values = [np.asarray(block, np.float64) @ x for block in blocks]
    left = given - np.concatenate(values)
    return np.linalg.norm(left * roots[:, None], axis=0).astype(roots.dtype)


def _rank(R: np.ndarray, limit: float) -> tuple[int, float]:
    """Size of the largest well-conditioned leading triangle, and its condition number.

    The inverse of a leading triangle is the leading triangle of the inverse. So the norms of both,
    and the condition number, grow with the size, and bisection finds the last size that is allowed.
    """
    from scipy.linalg.lapack import get_lapack_funcs

    (estimate,) = get_lapack_funcs(("trcon",), (R,))

    def reciprocal(r: int) -> float:
        # LAPACK's estimate overflows where the diagonal is zero or subnormal.
        if not np.all(np.abs(np.diag(R)[:r]) > np.finfo(R.dtype).tiny):
            return 0.0
        return float(estimate(R[:r, :r], norm="1")[0])

    low, high = 0, min(R.shape)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if reciprocal(middle) >= limit else (low, middle - 1)
    return low, 1.0 / reciprocal(low) if low else 1.0


def _from_columns(R: np.ndarray, rotated: np.ndarray) -> np.ndarray:
    """Coefficients of the chosen columns, zeros for the others."""
    from scipy.linalg import solve_triangular

    rank, n = R.shape
    chosen = solve_triangular(R[:, :rank], rotated)
    return np.concatenate([chosen, np.zeros((n - rank, rotated.shape[1]), R.dtype)])


def _of_least_norm(R: np.ndarray, rotated: np.ndarray) -> np.ndarray:
    """With R' = Z T, the least-norm solution of R x = c is Z y, where T' y = c."""
    from scipy.linalg import qr, solve_triangular

    Z, T = qr(R.T, mode="economic")
    return Z @ solve_triangular(T, rotated, trans="T")


def _matrix(A: Any) -> np.ndarray:
    matrix = _numbers("A", A)
    if matrix.dtype.kind in "iub":
        matrix = matrix.astype(np.float64)
    if matrix.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"A: got dtype {matrix.dtype}, expected float32 or float64. Write A.astype(float)."
        )
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"A: got shape {matrix.shape}, expected (m, n) with m and n at least 1: one row "
            "per point, one column per function."
        )
    return _finite("A", matrix)


def _right_hand_sides(b: Any, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    sides = _numbers("b", b)
    if sides.ndim not in (1, 2) or sides.shape[0] != shape[0]:
        raise ValueError(
            f"b: got shape {sides.shape} for A of shape {shape}, expected "
            f"({shape[0]},) or ({shape[0]}, k)."
        )
    return _finite("b", sides.astype(dtype))


def _roots(weights: Any, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    if weights is None:
        return np.ones(shape[0], dtype)
    array = _numbers("weights", weights)
    if array.shape != shape[:1]:
        raise ValueError(
            f"weights: got shape {array.shape} for A of shape {shape}, expected "
            f"({shape[0]},): one per row."
        )
    if np.any(array < 0):
        i = int(np.argmax(array < 0))
        raise ValueError(
            f"weights: got {array[i]} at index {i}, expected numbers of at least 0: the rows are "
            "multiplied by their square roots."
        )
    return np.sqrt(_finite("weights", array)).astype(dtype)


def _tolerance(rtol: float | None, dtype: np.dtype) -> float:
    eps = float(np.finfo(dtype).eps)
    if rtol is None:
        return eps
    if not (isinstance(rtol, int | float | np.floating) and 0.0 < rtol < 1.0):
        raise ValueError(
            f"rtol: got {rtol!r}, expected a number between 0 and 1, such as {eps:.1e}: the "
            "smallest allowed reciprocal condition number."
        )
    return float(rtol)


def _numbers(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name}: got dtype {array.dtype}, expected real numbers. Solve for real and imaginary "
            "parts separately, as two right-hand sides."
        )
    return array


def _finite(name: str, array: np.ndarray, first: int = 0) -> np.ndarray:
    """The array; its first row is told as row `first`."""
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        told = [first + index[0], *index[1:]]
        raise ValueError(
            f"{name}: got {float(array[index])} at index {told}, expected finite numbers."
        )
    return array


def __dir__() -> list[str]:
    return __all__
