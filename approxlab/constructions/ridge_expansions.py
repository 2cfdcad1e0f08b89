"""Ridge-function expansions: g(x) = constant + sum_r p_r(a_r . x + b_r) + remainder.

A ridge function varies in one direction only, so each profile p_r is a target of one variable, and
an approximation of the profile gives one of the ridge function with the same error. Three sources:

- `cosine_expansion`: a trigonometric polynomial with a bound on the remainder. Waves of the same
  direction are added up in one profile.
- `gaussian_expansion`: exp(-|y|^2) is the mean over all directions u of p(u . y), p the Kummer
  function M(d/2; 1/2; -s^2). A mean over finitely many directions has an explicit remainder.
- `RidgeExpansion` itself, from any list of ridges with a proved remainder.

The Gaussian. exp(-|y|^2) is the characteristic function of a normal law in R^d with variances 2, so
it is the mean of p(u . y) over the unit sphere, with p(s) = E cos(|Z| s) = M(d/2; 1/2; -s^2),
Kummer's function; for d = 3 that is exp(-s^2) (1 - 2 s^2). Always |p| <= 1,
|p'| <= E|Z| = 2 Gamma((d+1)/2) / Gamma(d/2) and |p''| <= E|Z|^2 = 2 d.

Now replace the mean by weights m_r on directions u_r. By the expansion of plane waves in spherical
harmonics (Funk and Hecke) the error is sum_{l = 2, 4, ...} b_l(|y|) sum_r m_r P_l(u_r . y / |y|),
with P_l the Legendre polynomial of dimension d (Chebyshev's for d = 2) and

    |b_l(r)| = N_l Gamma((l + d) / 2) / Gamma(l + d/2) r^l exp(-r^2) M(l/2; l + d/2; r^2),

N_l the dimension of the space of harmonics of degree l. As P_l is a positive definite kernel, the
sum over r is at most k_l = sqrt(sum_{r,s} m_r m_s P_l(u_r . u_s)). So the remainder is bounded for
any directions and weights.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.claims import Bound
from approxlab.constructions._directions import axes, remainder_of_mean
from approxlab.domains import Box
from approxlab.networks.mlp import float_dtype
from approxlab.targets.target import Target, _with_facts

__all__ = ["Ridge", "RidgeExpansion", "cosine_expansion", "gaussian_expansion"]


_LARGEST = {"float64": 600.0, "float32": 80.0}  # e to this power does not overflow


@dataclasses.dataclass(frozen=True)
class Ridge:
    """The function profile(direction . x + offset).

    Attributes:
        direction: A vector of d numbers, of any norm.
        offset: A number.
        profile: A target of one variable, with facts, on an interval that contains all arguments.
    """

    direction: tuple[float, ...]
    offset: float
    profile: Target


@dataclasses.dataclass(frozen=True)
class RidgeExpansion:
    """A target as a sum of ridges, up to a remainder with a proved bound.

    Attributes:
        target: The target g.
        ridges: The ridges.
        constant: A constant added to the sum of the ridges.
        remainder: Bound on |g(x) - constant - sum of the ridges| on the box of the target.

    Raises:
        ValueError: If there is no ridge, a direction does not have d numbers, a profile is not of
            one variable, or its interval does not contain all arguments.

    Example:
        >>> import math
        >>> from approxlab.targets import get
        >>> expansion = cosine_expansion(
        ...     get("sine_product"), [[math.pi, -math.pi], [math.pi, math.pi]], [0.5, -0.5])
        >>> round(float(expansion(jnp.array([0.5, 0.5]))), 12)
        1.0
    """

    target: Target
    ridges: tuple[Ridge, ...]
    constant: float
    remainder: Bound

    def __post_init__(self) -> None:
        if not self.ridges:
            raise ValueError("ridges: got none, expected at least one.")
        for ridge in self.ridges:
            if len(ridge.direction) != self.target.dim or ridge.profile.dim != 1:
                raise ValueError(
                    f"ridges: got a direction of {len(ridge.direction)} numbers with a profile of "
                    f"{ridge.profile.dim} variables, expected {self.target.dim} numbers, the "
                    f"dimension of {self.target!r}, and a profile of one variable."
                )
            low, high = _arguments(ridge.direction, ridge.offset, self.target.domain)
            own = ridge.profile.domain
            most = largest_term(ridge.direction, ridge.offset, self.target.domain)
            slack = float(np.finfo(float).eps) * (self.target.dim + 6) * most
            if low < own.lower[0] - slack or high > own.upper[0] + slack:
                raise ValueError(
                    f"ridges: got a profile on {own!r} for arguments in [{low:g}, {high:g}], "
                    "expected an interval that contains them."
                )

    def __call__(self, x: Any) -> Array:
        """The sum at one point, without the remainder."""
        x = jnp.asarray(x)
        total = jnp.asarray(self.constant, x.dtype)
        for ridge in self.ridges:
            argument = jnp.asarray(ridge.direction, x.dtype) @ x + ridge.offset
            total = total + ridge.profile(argument[None])
        return total

    def moved_to(self, box: Box) -> RidgeExpansion:
        """The expansion of the target transplanted onto another box: directions are rescaled.

        Example:
            >>> from approxlab.targets import get
            >>> e = cosine_expansion(get("oscillatory", c=(3.0, 4.0), w=(0.0, 0.0)), [[3.0, 4.0]],
            ...                      [1.0])
            >>> e.moved_to(Box([2.0, 2.0], [4.0, 4.0])).ridges[0].direction
            (1.5, 2.0)
        """
        target = self.target.moved_to(box)
        old = self.target.domain
        ratios = old.widths / box.widths
        shift = np.asarray(old.lower) - ratios * np.asarray(box.lower)
        ridges = tuple(
            Ridge(
                tuple(float(v) for v in ratios * np.asarray(ridge.direction)),
                ridge.offset + float(shift @ np.asarray(ridge.direction)),
                ridge.profile,
            )
            for ridge in self.ridges
        )
        return dataclasses.replace(self, target=target, ridges=ridges)


def cosine_expansion(
    target: Target,
    frequencies: Sequence[Sequence[float]] | np.ndarray,
    amplitudes: Sequence[float] | np.ndarray,
    phases: Sequence[float] | np.ndarray | None = None,
    *,
    remainder: Bound | None = None,
) -> RidgeExpansion:
    """The expansion sum_k A_k cos(w_k . x + phi_k); waves of the same direction form one ridge.

    The profile of a direction u, with w_k = m_k u, is sum A_k cos(m_k s + phi_k). Its values,
    slopes and second derivatives are at most sum |A_k|, sum |A_k m_k| and sum |A_k| m_k^2.

    Args:
        target: The target.
        frequencies: w_k, shape (K, d). A row of zeros adds A_k cos(phi_k) to the constant.
        amplitudes: A_k, K numbers.
        phases: phi_k, K numbers; 0 if left out.
        remainder: Bound on the difference on the box. Without it the sum is taken to be equal to
            the target: the caller has to know that.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> import math
        >>> from approxlab.targets import get
        >>> waves = cosine_expansion(
        ...     get("sine_product"), [[math.pi, -math.pi], [math.pi, math.pi]], [0.5, -0.5])
        >>> [ridge.profile.lipschitz for ridge in waves.ridges]
        [0.5, 0.5]
    """
    waves = np.asarray(frequencies, float)
    sizes = np.asarray(amplitudes, float)
    shifts = np.zeros(len(sizes)) if phases is None else np.asarray(phases, float)
    if (
        waves.ndim != 2
        or waves.shape[1] != target.dim
        or not len(waves) == len(sizes) == len(shifts)
    ):
        raise ValueError(
            f"frequencies: got shape {waves.shape} with {len(sizes)} amplitudes and {len(shifts)} "
            f"phases, expected (K, {target.dim}) and K numbers each."
        )
    flat = ~np.any(waves, axis=1)
    constant = float(np.sum(sizes[flat] * np.cos(shifts[flat])))
    waves, sizes, shifts = waves[~flat], sizes[~flat], shifts[~flat]
    ridges = [
        _wave(target.domain, waves[group[0]], waves[group], sizes[group], shifts[group])
        for group in _parallel(waves)
    ]
    known = Bound(0.0, "a finite sum of waves", exact=True) if remainder is None else remainder
    return RidgeExpansion(target, tuple(ridges), constant, known)


def gaussian_expansion(
    target: Target,
    squares: Sequence[float],
    center: Sequence[float],
    directions: int | np.ndarray,
    weights: np.ndarray | None = None,
) -> RidgeExpansion:
    """exp(-sum_i c_i^2 (x_i - w_i)^2) as a mean of ridges over finitely many directions.

    With y_i = c_i (x_i - w_i), exp(-|y|^2) is the mean of p(u . y) over all unit vectors u, where
    p(s) = M(d/2; 1/2; -s^2) is Kummer's function. Here the mean is taken over the given directions.
    The bound on the remainder is derived at the head of the module.

    Args:
        target: The target, a Gaussian on a box.
        squares: c_i^2, d numbers.
        center: w, d numbers.
        directions: Their number: any in 2 dimensions (equally spaced over the half circle); 6, 16
            or 31 in 3 dimensions (axes of the icosahedron through vertices, faces and edges). Or
            unit vectors, shape (A, d).
        weights: Positive weights of the given vectors, with sum 1; equal by default.

    Raises:
        ValueError: If the shapes do not fit or there is no rule with that number of directions.

    Source:
        Funk-Hecke formula, e.g. Mueller 1966, "Spherical harmonics"; Weber's integral of a Bessel
        function times a Gaussian. The degree-9 rule with 16 axes is McLaren's 1963.

    Example:
        >>> from approxlab.targets import get
        >>> for count in (4, 6, 8):
        ...     built = gaussian_expansion(get("bump"), (8.0, 8.0), (0.5, 0.5), count)
        ...     print(f"{float(built.remainder):.1e}")
        4.0e-02
        1.6e-03
        3.4e-05
    """
    d, box = target.dim, target.domain
    if not len(squares) == len(center) == d:
        raise ValueError(
            f"squares: got {len(squares)} with {len(center)} coordinates of the center, expected "
            f"{d} of each for {target!r}."
        )
    if not all(0.0 < square < math.inf for square in squares):
        raise ValueError(f"squares: got {list(squares)}, expected positive numbers c_i^2.")
    vectors, masses = axes(d, directions, weights)
    scales = np.sqrt(np.asarray(squares, float))
    far = np.maximum(np.asarray(box.upper) - center, np.asarray(center) - box.lower)
    radius, dtype = float(np.linalg.norm(scales * far)), str(float_dtype(None))
    if radius**2 > _LARGEST[dtype]:
        raise ValueError(
            f"squares: got {list(squares)}, with |y|^2 up to {radius**2:.4g} on {box!r}, expected "
            f"at most {_LARGEST[dtype]:g}: beyond, series overflow in {dtype}. Take a smaller box."
        )
    value = remainder_of_mean(vectors, masses, radius)
    source = f"mean of plane waves over {len(vectors)} directions, Funk-Hecke"
    ridges = []
    for vector, mass in zip(vectors, masses, strict=True):
        direction = tuple(float(v) for v in scales * vector)
        offset = -float(np.dot(direction, center))
        interval = Box(*([end] for end in _arguments(direction, offset, box)))
        ridges.append(Ridge(direction, offset, _gaussian_profile(d, interval).scaled(float(mass))))
    return RidgeExpansion(target, tuple(ridges), 0.0, Bound(value, source))


def _gaussian_profile(dim: int, interval: Box) -> Target:
    """M(d/2; 1/2; -s^2) = exp(-s^2) M((1 - d)/2; 1/2; s^2), by the series of the latter.

    For odd d the series is finite; for even d all terms from the d/2-th on have the same sign. The
    coefficients are the terms at the largest s^2, and the variable is s^2 divided by it: so neither
    powers nor factorials overflow.
    """
    largest = max(abs(interval.lower[0]), abs(interval.upper[0])) ** 2
    terms = [1.0]
    for k in itertools.count():
        terms.append(terms[-1] * largest * (0.5 * (1 - dim) + k) / ((0.5 + k) * (k + 1)))
        if terms[-1] == 0.0 or (k >= max(dim, 2.0 * largest) and abs(terms[-1]) < 1e-17):
            break

    def profile(x: Array) -> Array:
        square = x[0] ** 2
        series = jnp.polyval(jnp.asarray(terms[::-1], x.dtype), square / largest)
        return jnp.exp(-square) * series

    slope = 2.0 * math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2))
    return _with_facts(
        Target(
            profile,
            domain=interval,
            name=f"Gaussian's plane waves in {dim} dimensions",
            value_min=-1.0,
            value_max=1.0,
            lipschitz=slope,
            second_derivative=2.0 * dim,
            smoothness="analytic",
            source="p(s) = E cos(|Z| s), Z normal with variances 2",
        )
    )


def _wave(
    box: Box, direction: np.ndarray, waves: np.ndarray, sizes: np.ndarray, shifts: np.ndarray
) -> Ridge:
    """The ridge of waves that are multiples of one direction."""
    along = tuple(float(v) for v in direction)
    multiples = waves @ direction / float(direction @ direction)

    def profile(x: Array) -> Array:
        angles = jnp.asarray(multiples, x.dtype) * x[0] + jnp.asarray(shifts, x.dtype)
        return jnp.asarray(sizes, x.dtype) @ jnp.cos(angles)

    most = float(np.abs(sizes).sum())
    target = _with_facts(
        Target(
            profile,
            domain=Box(*([end] for end in _arguments(along, 0.0, box))),
            name="waves of one direction",
            value_min=-most,
            value_max=most,
            lipschitz=float(np.abs(sizes * multiples).sum()),
            second_derivative=float(np.abs(sizes * multiples**2).sum()),
            smoothness="analytic",
            source="sum of the amplitudes, times multiples",
        )
    )
    return Ridge(along, 0.0, target)


def _parallel(waves: np.ndarray) -> list[list[int]]:
    """Indices of waves grouped by direction, up to sign.

    Within a group every component agrees up to its own rounding. Then w . x, computed along the
    first direction, has an error of a few eps times sum |w_i x_i|, which the claims include.
    (Cosines of angles would not distinguish directions at a distance of 1e-8.)
    """
    rounding = 8.0 * float(np.finfo(float).eps)
    units = waves / np.linalg.norm(waves, axis=1, keepdims=True)
    groups: list[list[int]] = []
    for i, unit in enumerate(units):
        for group in groups:
            first = units[group[0]]
            same = np.sign(first @ unit) * unit
            if np.all(np.abs(same - first) <= rounding * np.abs(first)):
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def largest_term(direction: Sequence[float], offset: float, box: Box) -> float:
    """The largest sum |direction_i x_i| + |offset| on the box: rounding is relative to it."""
    far = np.maximum(*np.abs([box.lower, box.upper]))
    return float(np.abs(direction) @ far) + abs(offset)


def _arguments(direction: Sequence[float], offset: float, box: Box) -> tuple[float, float]:
    """Least and largest value of direction . x + offset on the box."""
    ends = np.asarray(direction)[:, None] * np.stack([box.lower, box.upper], axis=1)
    return offset + float(ends.min(axis=1).sum()), offset + float(ends.max(axis=1).sum())
