"""Where a function of one variable needs closer nodes: spikes, kinks and jumps found by halving.

Quadrature and extrema on an even grid are wrong without notice where the function has a feature
between the nodes. So the interval is divided into panels such that on each of them the polynomial
through 17 Chebyshev points agrees with the function at many other points. A panel on which they
differ is halved, down to neighbouring floating-point numbers. At first the other points are so
close that 2^17 of them fill the interval: features narrower than 2^-17 of it may stay unseen, and
nothing that samples a function can exclude them.

The idea is that of splitting in Chebfun: Pachon, Platte and Trefethen 2010, IMA J. Numer. Anal. 30,
898-916.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from approxlab.evaluation import values_at

__all__ = ["Resolution", "resolution_of", "resolve"]

_PANELS = 64
_NODES = 17
_SCAN = 2**17  # points in the interval before the first halving
_CHECKS = 32  # points in a panel, at least
_CLOSE = 1e-12  # of the largest value: the agreement that is expected
_MOST = 8192  # panels
_ULPS = 64.0  # a panel this narrow is not halved
_TINY = 1e-300  # as narrow as a panel at zero may be
_ROUNDED = 1e-4  # of the largest value: no larger disagreement is taken for rounding
_EPS = float(np.finfo(np.float64).eps)


@dataclasses.dataclass(frozen=True)
class Resolution:
    """Panels of an interval on which a function is a polynomial, up to rounding.

    Attributes:
        edges: Ends of the panels, increasing, shape (n + 1,).
        halved: For each panel, whether it is a part of a larger one.
        size: The largest absolute value found.
        sensitivity: The largest |x| times difference quotient found: how much values change by the
            rounding of positions, in units of the relative rounding.
        jumps: Ends of panels too narrow to be halved, and the change of the function there.
        open: A panel that is not resolved and the disagreement there; None if all are resolved.
        bad: A point where the function is not finite; None if there is none.
    """

    edges: np.ndarray
    halved: np.ndarray
    size: float
    sensitivity: float
    jumps: tuple[tuple[float, float, float], ...] = ()
    open: tuple[float, float, float] | None = None
    bad: float | None = None

    @property
    def even(self) -> bool:
        """Whether no panel had to be halved."""
        return not np.any(self.halved)

    def narrow(self, count: int = 8) -> np.ndarray:
        """The ends of the halved panels and `count` points between them; all numbers at jumps."""
        left, width = self.edges[:-1][self.halved], np.diff(self.edges)[self.halved]
        shares = np.arange(count + 2) / (count + 1)
        points = left[:, None] + width[:, None] * shares
        everyone = [np.linspace(low, high, int(_ULPS) + 1) for low, high, _ in self.jumps]
        return np.unique(np.concatenate([points.ravel(), *everyone]))

    def unclear(self, least_jump: float) -> str | None:
        """What stands in the way of an integral or a maximum, in words; None if nothing does.

        Args:
            least_jump: Changes below this size between neighbouring numbers are accepted.
        """
        if self.bad is not None:
            return f"a value that is not finite at x = {self.bad:.6g}"
        if self.open is not None:
            low, high, differs = self.open
            return (
                f"values that {_MOST} polynomials of degree {_NODES - 1} do not follow (off by "
                f"{differs:.2g} between x = {low:.6g} and {high:.6g})"
            )
        if self.jumps:
            low, high, change = max(self.jumps, key=lambda jump: jump[2])
            if change > least_jump:
                return f"a change of {change:.3g} within rounding of x = {0.5 * (low + high):.9g}"
        return None


def resolve(
    function: Callable[[np.ndarray], np.ndarray],
    lower: float,
    upper: float,
    breaks: Sequence[float] | np.ndarray = (),
) -> Resolution:
    """Divide an interval into panels on each of which a function is resolved.

    Args:
        function: Maps points of shape (n,) to float64 values of shape (n,) or (n, m).
        lower: Left end.
        upper: Right end.
        breaks: Points that shall be ends of panels, such as known kinks.

    Returns:
        A `Resolution`; `even` and with 64 panels, and those that `breaks` add, if the function is
        smooth.

    Example:
        >>> found = resolve(lambda x: np.exp(-((x - 0.7088) / 1e-4) ** 2), 0.0, 1.0)
        >>> found.even, bool(np.min(np.abs(found.edges - 0.7088)) < 1e-3)
        (False, True)
    """
    inside = [point for point in breaks if lower < point < upper]
    edges = np.union1d(np.linspace(lower, upper, _PANELS + 1), inside)
    checks = int(np.ceil(_SCAN * np.max(np.diff(edges)) / (upper - lower)))
    search = _Search(function)
    left, right, count = edges[:-1], edges[1:], len(edges) - 1
    kept = [edges]
    while len(left):
        off, differs = search.check(left, right, max(checks, _CHECKS))
        if not np.any(off):
            break
        left, right, differs = left[off], right[off], differs[off]
        count += len(left)
        if count > _MOST:
            worst = int(np.argmax(differs))
            search.open = (float(left[worst]), float(right[worst]), float(differs[worst]))
            break
        middle = left + 0.5 * (right - left)
        kept.append(middle)
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        checks //= 2
    ends = np.unique(np.concatenate(kept))
    return Resolution(
        ends,
        ~(np.isin(ends[:-1], edges) & np.isin(ends[1:], edges)),
        search.size,
        search.sensitivity,
        tuple(search.jumps),
        search.open,
        search.bad,
    )


def resolution_of(function: Callable[[Any], Any], lower: float, upper: float) -> Resolution:
    """Panels of a function of one point of shape (1,); kept for functions that cannot change.

    Args:
        function: Maps one point of shape (1,) to a value of shape () or (m,), such as a `Target`.
        lower: Left end.
        upper: Right end.

    Example:
        >>> resolution_of(lambda x: abs(x[0] - 0.3), -1.0, 1.0).even
        False
    """
    double = bool(jax.config.read("jax_enable_x64"))  # values differ
    if getattr(function, "immutable", False):
        return _kept_resolution(function, lower, upper, double)
    return _kept_resolution.__wrapped__(function, lower, upper, double)


@lru_cache(maxsize=64)
def _kept_resolution(
    function: Callable[[Any], Any], lower: float, upper: float, double: bool
) -> Resolution:
    kinks = getattr(function, "kinks", None) or ()
    return resolve(lambda x: values_at(function, x[:, None]), lower, upper, kinks)


class _Search:
    """Checks panels, and notes what it saw."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        self.function, self.size, self.sensitivity = function, 0.0, 0.0
        self.jumps: list[tuple[float, float, float]] = []
        self.floor, self.usual = 0.0, np.inf
        self.open: tuple[float, float, float] | None = None
        self.bad: float | None = None

    def check(
        self, left: np.ndarray, right: np.ndarray, checks: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which panels are to be halved, and how far their polynomials are off."""
        places, matrix = _rule(checks)
        width = (right - left)[:, None]
        x = left[:, None] + width * places
        values = np.asarray(self.function(x.ravel()), np.float64).reshape(*x.shape, -1)
        if not np.all(finite := np.isfinite(values)):
            self.bad = float(x[~np.all(finite, axis=-1)][0])
            values = np.where(finite, values, 0.0)
        self.size = max(self.size, float(np.max(np.abs(values))))
        nodes, others = values[:, :_NODES], values[:, _NODES:]
        differs = np.max(np.abs(np.matmul(matrix, nodes) - others), axis=(1, 2))
        change = np.max(np.abs(np.diff(others, axis=1)), axis=(1, 2))
        spacing = width[:, 0] / checks
        farthest = np.maximum(np.abs(left), np.abs(right))
        with np.errstate(over="ignore"):
            steep = np.divide(change, spacing, out=np.zeros_like(change), where=spacing > 0)
        steep = np.minimum(steep, 1e290)
        noise = 8.0 * _EPS * (self.size + farthest * steep)
        narrow = width[:, 0] <= np.maximum(_ULPS * _EPS * farthest, _TINY)
        if np.any(~narrow):
            self.sensitivity = max(self.sensitivity, float(np.max((farthest * steep)[~narrow])))
        ranges = np.max(np.max(values, axis=1) - np.min(values, axis=1), axis=1)
        at = narrow & (ranges > _CLOSE * self.size)
        self.jumps += zip(left[at].tolist(), right[at].tolist(), ranges[at].tolist(), strict=True)
        # The rounding of positions excuses a disagreement, but not one that a jump explains better.
        excused = np.where(ranges < 64.0 * noise, 0.0, noise)
        off = ~narrow & (differs > _CLOSE * self.size + excused)
        return off & (differs > self._floor(differs, off)), differs

    def _floor(self, differs: np.ndarray, off: np.ndarray) -> float:
        """Rounding of the function, as in single precision: halving most panels does not help."""
        usual = float(np.median(differs))
        same = usual > 0.25 * self.usual and usual < _ROUNDED * self.size
        if same and len(off) >= _PANELS and np.mean(off) > 0.75:
            self.floor = max(self.floor, 8.0 * usual)
        self.usual = usual
        return self.floor


@lru_cache(maxsize=32)
def _rule(checks: int) -> tuple[np.ndarray, np.ndarray]:
    """Relative positions, nodes first, and the matrix from values at nodes to those at the rest."""
    angles = np.pi * np.arange(_NODES) / (_NODES - 1)
    nodes = 0.5 - 0.5 * np.cos(angles)
    others = (np.arange(checks) + 0.5) / checks
    weights = (-1.0) ** np.arange(_NODES)
    weights[[0, -1]] *= 0.5
    gaps = others[:, None] - nodes
    hits = gaps == 0.0
    shares = weights / np.where(hits, 1.0, gaps)
    matrix = shares / np.sum(shares, axis=1, keepdims=True)
    return np.concatenate([nodes, others]), np.where(hits.any(axis=1)[:, None], hits, matrix)


def __dir__() -> list[str]:
    return __all__
