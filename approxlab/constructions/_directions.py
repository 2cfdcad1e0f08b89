"""Directions to average over, and the error of this average of plane waves of a Gaussian.

The functions b_l and the numbers k_l are those of `ridge_expansions`, where they are derived.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np

_ICOSAHEDRAL = (6, 16, 31)


def axes(
    dim: int, directions: int | np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors, one of each pair u, -u, and weights that sum to 1."""
    if isinstance(directions, int | np.integer):
        if weights is not None:
            raise ValueError("weights: got weights for a number of directions, expected vectors.")
        return _rule(dim, int(directions))
    vectors = np.asarray(directions, float)
    count = len(vectors)
    masses = np.full(count, 1.0 / max(count, 1)) if weights is None else np.asarray(weights, float)
    if vectors.ndim != 2 or vectors.shape[1] != dim or masses.shape != (count,) or count == 0:
        raise ValueError(
            f"directions: got shape {vectors.shape} with weights of shape {masses.shape}, expected "
            f"(A, {dim}) and (A,)."
        )
    off = np.max(np.abs(np.linalg.norm(vectors, axis=1) - 1.0))
    if off > 1e-12 or abs(math.fsum(masses) - 1.0) > 1e-12 or masses.min() <= 0:
        raise ValueError(
            "directions: got other vectors or weights, expected unit vectors and positive "
            "weights that sum to 1. Divide by the norms and by the sum."
        )
    return vectors, masses


def _rule(dim: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    if count < 1:
        raise ValueError(f"directions: got {count}, expected at least 1.")
    if dim == 1:
        return np.ones((1, 1)), np.ones(1)
    if dim == 2:
        angles = np.pi * (np.arange(count) + 0.5) / count
        return np.stack([np.cos(angles), np.sin(angles)], axis=1), np.full(count, 1.0 / count)
    if dim == 3 and count in _ICOSAHEDRAL:
        return _icosahedral(count)
    raise ValueError(
        f"directions: got {count} in {dim} dimensions, expected any number in 2 dimensions, one of "
        f"{', '.join(map(str, _ICOSAHEDRAL))} in 3, or unit vectors of shape (A, {dim})."
    )


def _icosahedral(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Axes through vertices (6), faces (10) and edges (15) of the icosahedron.

    The spherical harmonics invariant under the group of the icosahedron have the even degrees 0, 6,
    10, 12, ... With two kinds of axes the weights remove degree 6, with three kinds 6 and 10.
    """
    golden = 0.5 * (1.0 + math.sqrt(5.0))
    vertices = _cyclic([(0.0, 1.0, s * golden) for s in (1, -1)])
    faces = [(1.0, s, t) for s in (1.0, -1.0) for t in (1.0, -1.0)]
    faces += _cyclic([(0.0, golden, s / golden) for s in (1, -1)])
    edges = _cyclic([(0.0, 0.0, 1.0)])
    edges += _cyclic([(1.0, s / golden, t * golden) for s in (1, -1) for t in (1, -1)])
    orbits = [np.array(kind) for kind in (vertices, faces, edges)][: _ICOSAHEDRAL.index(count) + 1]
    orbits = [o / np.linalg.norm(o, axis=1, keepdims=True) for o in orbits]
    degrees = (0, 6, 10)[: len(orbits)]
    pole = orbits[0][0]
    means = [[float(np.mean(_zonal(3, degree, o @ pole))) for o in orbits] for degree in degrees]
    totals = np.linalg.solve(np.array(means), np.eye(len(orbits))[0])
    masses = [np.full(len(o), t / len(o)) for o, t in zip(orbits, totals, strict=True)]
    return np.concatenate(orbits), np.concatenate(masses)


def _cyclic(points: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    return [p[i:] + p[:i] for p in points for i in range(3)]  # type: ignore[misc]


def _zonal(dim: int, degree: int, t: np.ndarray) -> np.ndarray:
    """The Legendre polynomial of dimension d and this degree, 1 at 1 (d = 2: Chebyshev's)."""
    before, now = np.ones_like(t), t
    if degree == 0:
        return before
    for k in range(1, degree):
        before, now = now, ((2 * k + dim - 2) * t * now - k * before) / (k + dim - 2)
    return now


def remainder_of_mean(vectors: np.ndarray, masses: np.ndarray, radius: float) -> float:
    """Bound of |sum_r m_r p(u_r . y) - exp(-|y|^2)| over |y| <= radius; see `ridge_expansions`.

    The sum over the degrees ends where each term is less than half the one before; a geometric
    series bounds the rest. Rounding of k_l^2 is included: where it should be 0, k_l is about 1e-7.
    """
    dim = vectors.shape[1]
    if dim == 1:
        return 0.0
    cosines = np.clip(vectors @ vectors.T, -1.0, 1.0)
    total, before = 0.0, math.inf
    for degree in itertools.count(2, 2):
        size = _wave_part(dim, degree, radius)
        if size < 0.5 * before and size < 1e-17:
            return total + 2.0 * before
        square = float(masses @ _zonal(dim, degree, cosines) @ masses)
        total += size * math.sqrt(max(square, 0.0) + 8 * degree * np.finfo(float).eps)
        before = size
    raise AssertionError("not reached")


@functools.lru_cache(1024)  # the same for all sets of directions
def _wave_part(dim: int, degree: int, radius: float) -> float:
    """Max over r <= radius of |b_l(r)|; see `ridge_expansions`.

    With a = (l + d)/2 and b = l + d/2, r^l M(a; b; -r^2) is the mean of r^l exp(-u) over u = r^2 t,
    where t has a Beta law. Its logarithmic derivative is (l - 2 E u) / r, with E u taken under the
    weight exp(-u). That E u grows with r (monotone likelihood ratio, as b - a >= 1), so b_l rises
    to one maximum and then falls.
    """
    from scipy.optimize import brentq
    from scipy.special import hyp1f1

    half, b = 0.5 * degree, degree + 0.5 * dim

    def slope(r: float) -> float:
        ratio = hyp1f1(half, b + 1.0, r * r) / hyp1f1(half, b, r * r)  # by Kummer's transformation
        return degree - 2.0 * r * r * (half + 0.5 * dim) / b * float(ratio)

    r = radius if slope(radius) >= 0.0 else float(brentq(slope, 0.0, radius, xtol=1e-13))
    harmonics = (2 * degree + dim - 2) * math.exp(
        math.lgamma(degree + dim - 2) - math.lgamma(degree + 1) - math.lgamma(dim - 1)
    )
    factor = math.exp(math.lgamma(half + 0.5 * dim) - math.lgamma(b) - r * r)
    return harmonics * factor * r**degree * float(hyp1f1(half, b, r * r))
