"""Standard operation counts of factorisations, Fourier transforms and sorts.

Their programs are calls to libraries, or loops that end when they have converged, so no jaxpr and
no figure of XLA holds their operations. What is counted is the leading term that textbooks give,
for one matrix, times the number of matrices; complex entries cost 4 times as much, as an addition
and a multiplication of complex numbers are 8 real operations in place of 2.

With m x n matrices, p = max(m, n), k = min(m, n):

| primitive | FLOPs | source |
|---|---|---|
| cholesky | n^3 / 3 | Golub and Van Loan 2013, 4.2.5 |
| lu | k^2 (p - k / 3) | 3.2.10 |
| geqrf, qr | 2 k^2 (p - k / 3); and Q | 5.2.2 |
| householder_product | 4 m c r - 2 (m + c) r^2 + 4 r^3 / 3, of r reflectors, c columns | 5.1.6 |
| triangular_solve | n^2 for each right-hand side | 3.1.2 |
| tridiagonal_solve | 3 n + 5 n for each right-hand side | 4.3.6 |
| eigh | 9 n^3; only values 4 n^3 / 3 | 8.3.3 |
| svd | 14 p k^2 + 8 k^3; full 4 p^2 k + 8 p k^2 + 9 k^3; values 4 p k^2 - 4 k^3 / 3 | 8.6.3 |
| eig, schur | 25 n^3; only values 10 n^3 | 7.5.6 |
| hessenberg | 10 n^3 / 3 | 7.4.3 |
| tridiagonal | 4 n^3 / 3 | 8.3.1 |
| fft | 5 N log2 N for N complex numbers, half of it if one side is real | Van Loan 1992, 1.4 |
| sort | n ceil(log2 n) comparisons of each row | Knuth 1998, 5.3.1 |
| top_k | as sort, of each row | |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["library_flops"]

_Rule = Callable[[Any], Any]


def library_flops(eqn: Any) -> tuple[int, str] | None:
    """FLOPs of a call with a standard count, and the sentence that says so; None for others."""
    rule = _RULES.get(eqn.primitive.name)
    if rule is None:
        return None
    name = eqn.primitive.name
    complex_too = 4 if name not in _REAL_COUNTS and _dtype(eqn).kind == "c" else 1
    sentence = f"{name}: counted by the standard leading term, not by the library that runs."
    return round(complex_too * rule(eqn)), sentence


def _dtype(eqn: Any) -> Any:
    return eqn.invars[0].aval.dtype


def _matrices(eqn: Any, i: int = 0) -> tuple[int, int, int]:
    """How many matrices the i-th operand holds, their rows and their columns."""
    *batch, rows, columns = eqn.invars[i].aval.shape
    return math.prod(batch), rows, columns


def _power(factor: float) -> _Rule:
    """Factor n^3 for each square matrix."""

    def rule(eqn: Any) -> Any:
        many, n, _ = _matrices(eqn)
        return many * factor * n**3

    return rule


def _lu(eqn: Any) -> Any:
    many, m, n = _matrices(eqn)
    k, p = min(m, n), max(m, n)
    return many * k**2 * (p - k / 3)


def _reflectors_applied(m: int, columns: int, reflectors: int) -> Any:
    r = reflectors
    return 4 * m * columns * r - 2 * (m + columns) * r**2 + 4 * r**3 / 3


def _qr(eqn: Any) -> Any:
    many, m, n = _matrices(eqn)
    columns = eqn.outvars[0].aval.shape[-1]  # of Q
    return 2 * _lu(eqn) + many * _reflectors_applied(m, columns, min(m, n))


def _householder_product(eqn: Any) -> Any:
    many, m, columns = _matrices(eqn)
    return many * _reflectors_applied(m, columns, eqn.invars[1].aval.shape[-1])


def _triangular_solve(eqn: Any) -> Any:
    _, n, _ = _matrices(eqn)
    return n * math.prod(eqn.outvars[0].aval.shape)


def _tridiagonal_solve(eqn: Any) -> Any:
    return 3 * math.prod(eqn.invars[0].aval.shape) + 5 * math.prod(eqn.outvars[0].aval.shape)


def _eigh(eqn: Any) -> Any:
    many, n, _ = _matrices(eqn)
    return many * n**3 * (9 if eqn.params.get("compute_eigenvectors", True) else 4 / 3)


def _svd(eqn: Any) -> Any:
    many, m, n = _matrices(eqn)
    k, p = min(m, n), max(m, n)
    if not eqn.params.get("compute_uv", True):
        return many * (4 * p * k**2 - 4 * k**3 / 3)
    if eqn.params.get("full_matrices", False):
        return many * (4 * p**2 * k + 8 * p * k**2 + 9 * k**3)
    return many * (14 * p * k**2 + 8 * k**3)


def _eig(eqn: Any) -> Any:
    many, n, _ = _matrices(eqn)
    sides = ("compute_left_eigenvectors", "compute_right_eigenvectors")
    return many * n**3 * (25 if any(eqn.params.get(side) for side in sides) else 10)


def _schur(eqn: Any) -> Any:
    many, n, _ = _matrices(eqn)
    return many * n**3 * (25 if eqn.params.get("compute_schur_vectors", True) else 10)


def _fft(eqn: Any) -> Any:
    """By the longer side: that of the real numbers, where one side is real."""
    length = math.prod(eqn.params["fft_lengths"])
    sides = (eqn.invars[0].aval, eqn.outvars[0].aval)
    real = any(side.dtype.kind != "c" for side in sides)
    numbers = max(math.prod(side.shape) for side in sides)
    return (2.5 if real else 5) * numbers * _log2(length)


def _sort(eqn: Any) -> Any:
    shape = eqn.invars[0].aval.shape
    return math.prod(shape) * math.ceil(_log2(shape[eqn.params["dimension"]]))


def _top_k(eqn: Any) -> Any:
    shape = eqn.invars[0].aval.shape
    return math.prod(shape) * math.ceil(_log2(shape[eqn.params.get("axis", -1)]))


def _log2(n: int) -> Any:
    return math.log2(n) if n > 1 else 0.0


_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "cholesky": _power(1 / 3),
        "lu": _lu,
        "geqrf": lambda eqn: 2 * _lu(eqn),
        "qr": _qr,
        "householder_product": _householder_product,
        "triangular_solve": _triangular_solve,
        "tridiagonal_solve": _tridiagonal_solve,
        "eigh": _eigh,
        "svd": _svd,
        "eig": _eig,
        "schur": _schur,
        "hessenberg": _power(10 / 3),
        "tridiagonal": _power(4 / 3),
        "fft": _fft,
        "sort": _sort,
        "top_k": _top_k,
    }
)
_REAL_COUNTS = frozenset(["fft", "sort", "top_k"])
"""Counts that hold for complex entries as they stand."""
