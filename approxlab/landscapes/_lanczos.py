"""Ends of the spectrum of a symmetric matrix of which only products are known: ARPACK's Lanczos.

ARPACK stops when a residual is small against the eigenvalue itself, so an eigenvalue near zero
would never be found. Here the eigenvalue of largest absolute value comes first; if it is at the
other end, the matrix is shifted by it, and then the wanted end is far from zero.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np

from approxlab.host_threads import one_thread

# Vectors that are kept: many where eigenvalues may lie close together.
_FEW, _MANY = 20, 40

__all__ = ["Ends", "NotConvergedError", "ends"]

Product = Callable[[np.ndarray], np.ndarray]


class NotConvergedError(RuntimeError):
    """Lanczos has used up its products; no eigenvalue is returned."""


@dataclasses.dataclass(frozen=True, eq=False)
class Ends:
    """What Lanczos has found.

    Attributes:
        values: Eigenvalues, from the end inwards, shape (k,).
        vectors: Their unit vectors, shape (n, k).
        residual: The largest |A v - lambda v|: an eigenvalue of A is so close to each value.
        size: The largest absolute value of an eigenvalue.
        products: How many were computed.
    """

    values: np.ndarray
    vectors: np.ndarray
    residual: float
    size: float
    products: int


class _Counted:
    """Products, counted, and refused beyond a number."""

    def __init__(self, product: Product, most: int) -> None:
        self.product, self.most, self.done = product, most, 0

    def __call__(self, v: np.ndarray) -> np.ndarray:
        if self.done >= self.most:
            raise NotConvergedError(
                f"max_products: got {self.most}, and after so many Hessian-vector products Lanczos "
                "has not converged: eigenvalues lie close together at this end of the spectrum. "
                "Give more, a larger tolerance, or method='dense'."
            )
        self.done += 1
        return self.product(np.ravel(v))


@one_thread()
def ends(
    product: Product, n: int, k: int, end: Literal["largest", "smallest"], tol: float, most: int
) -> Ends:
    """The k eigenvalues at one end of the spectrum of a symmetric matrix.

    Lanczos stops when |A v - lambda v| is `tol` times the largest absolute value of an eigenvalue.

    Raises:
        NotConvergedError: If `most` products are not enough.
    """
    counted = _Counted(product, most)
    sign = 1.0 if end == "largest" else -1.0
    start = np.random.default_rng(0).standard_normal(n)
    # ARPACK takes what is below 4e-11 for zero: the matrix is scaled, and one of zeros refused.
    unit = float(np.linalg.norm(counted(start)) / np.linalg.norm(start))
    if unit == 0.0:
        vectors = np.linalg.qr(np.random.default_rng(0).standard_normal((n, k)))[0]
        return Ends(np.zeros(k), vectors, 0.0, 0.0, counted.done)

    def scaled(v: np.ndarray) -> np.ndarray:
        return sign * (counted(v) / unit)

    values, vectors = _largest(scaled, start, 1, "LM", tol, _FEW)
    size = abs(float(values[0]))
    if k > 1 or values[0] < 0.0:

        def shifted(v: np.ndarray) -> np.ndarray:
            return scaled(v) + size * v

        values, vectors = _largest(shifted, start, k, "LA", tol, _MANY)
        if k > 1:
            values, vectors = _none_left_out(shifted, start, values, vectors, tol)
        values = values - size
    residual = max(
        float(np.linalg.norm(scaled(vector) - value * vector))
        for value, vector in zip(values, vectors.T, strict=True)
    )
    if residual > 10.0 * tol * size:
        raise NotConvergedError(
            f"loss: an eigenvector found by Lanczos has residual {unit * residual:.1e}, expected "
            f"at most {10.0 * tol * size * unit:.1e}. Use method='dense'."
        )
    return Ends(sign * unit * values, vectors, unit * residual, unit * size, counted.done)


def _largest(
    product: Product, start: np.ndarray, k: int, which: str, tol: float, inner: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k first eigenvalues, decreasing, with their vectors."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    n = start.size
    operator = LinearOperator((n, n), matvec=product, dtype=np.dtype(np.float64))
    inner = min(n, max(2 * k + 1, inner))
    try:
        # The counted products are the limit, whatever a restart costs.
        values, vectors = eigsh(
            operator, k, which=which, v0=start, ncv=inner, tol=tol, maxiter=10**9
        )
    except ArpackNoConvergence as error:
        raise NotConvergedError(f"loss: ARPACK has stopped without convergence: {error}") from error
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order]


def _none_left_out(
    product: Product, start: np.ndarray, values: np.ndarray, vectors: np.ndarray, tol: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lanczos may see an eigenvalue once that is there several times: look beside what was found.

    The matrix is positive semidefinite here.
    """
    while True:

        def beside(v: np.ndarray, known: np.ndarray = vectors) -> np.ndarray:
            inside = v - known @ (known.T @ v)
            image = product(inside)
            return image - known @ (known.T @ image)

        other = start - vectors @ (vectors.T @ start)
        if not np.any(beside(other)):
            return values, vectors
        value, vector = _largest(beside, other, 1, "LA", tol, _MANY)
        if value[0] <= values[-1] + 4.0 * tol * values[0]:
            return values, vectors
        values = np.append(values[:-1], value)
        vectors = np.column_stack([vectors[:, :-1], vector])
        order = np.argsort(-values, kind="stable")
        values, vectors = values[order], vectors[:, order]
