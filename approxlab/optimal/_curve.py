"""A target of one variable, evaluated at many points, with its interval, kinks and narrow parts."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from approxlab.domains import Box, check_interval
from approxlab.evaluation import values_at
from approxlab.resolution import resolution_of

__all__ = ["Curve"]

_PANELS = 64  # equal panels for quadrature, so that few pieces still have many nodes
_GRID_POINTS = 2049
_JUMP = 1e-3  # of the largest value: the change within rounding of a point that is refused


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """A target on an interval, evaluated in float64.

    Attributes:
        target: The target.
        lower: Left end.
        upper: Right end.
        kinks: The declared kinks strictly inside of the interval.
        breaks: Ends of quadrature cells inside of the interval: kinks, ends of equal panels, and
            for singular targets points that accumulate at the kinks; where equal panels do not
            resolve the target, ends of narrower ones.
        narrow: Points close to one another in these narrower panels, where the target or an error
            may have extrema that no even grid shows.
        size: The largest absolute value found.
        rounding: Rounding error of a value: 8 eps (max|f| + max|x| max|f'|), since the position is
            rounded as well; with max|x f'| where panels are narrow. Differences estimate f'.
    """

    target: Any
    lower: float
    upper: float
    kinks: np.ndarray
    breaks: np.ndarray
    narrow: np.ndarray
    size: float
    rounding: float

    @classmethod
    def of(cls, target: Any) -> Curve:
        """Check a target and sample it on a grid."""
        box = getattr(target, "domain", None)
        if not isinstance(box, Box):
            raise ValueError(
                f"target: got {target!r} without a domain, expected a target on an interval. "
                "Write al.Target(fn, domain=al.Box([0.0], [1.0]))."
            )
        a, b = check_interval(box, "target.domain")
        smoothness = getattr(target, "smoothness", None)
        rough = smoothness in ("jump", "fractal") or getattr(target, "continuous", None) is False
        if rough or getattr(target, "mask", None):
            raise ValueError(
                f"target: got {target!r} with smoothness {smoothness!r}, expected a continuous, "
                "piecewise smooth target without a mask."
            )
        if not jax.config.read("jax_enable_x64"):
            raise ValueError(
                "target: got values in float32, expected float64: rounding would hide small "
                "least errors. Write jax.config.update('jax_enable_x64', True) at the start."
            )
        kinks = np.asarray(getattr(target, "kinks", None) or (), np.float64)
        found = resolution_of(target, a, b)
        if problem := found.unclear(_JUMP * found.size):
            raise ValueError(
                f"target: got {problem} of {target!r}, expected a continuous function on its "
                "interval that many points show as it is. Choose an interval without this part."
            )
        cuts = kinks
        if smoothness == "singular":
            steps = (b - a) * 2.0 ** -np.arange(1.0, 41.0)
            cuts = (kinks[:, None] + np.concatenate([-steps, [0.0], steps])).ravel()
        cuts = np.union1d(cuts, np.linspace(a, b, _PANELS + 1))
        if found.even:
            grid = np.linspace(a, b, _GRID_POINTS)
            values = values_at(target, grid[:, None])
            size = float(np.max(np.abs(values)))
            steepest = float(np.max(np.abs(np.diff(values)))) / (grid[1] - grid[0])
            sensitivity = max(abs(a), abs(b)) * steepest
        else:
            cuts, size = np.union1d(cuts, found.edges), found.size
            sensitivity = found.sensitivity
        rounding = 8.0 * float(np.finfo(np.float64).eps) * (size + sensitivity)
        inside, cuts = (kinks > a) & (kinks < b), cuts[(cuts > a) & (cuts < b)]
        return cls(target, a, b, kinks[inside], cuts, found.narrow(), size, rounding)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values at points of shape (n,)."""
        return values_at(self.target, points[:, None])

    @property
    def width(self) -> float:
        """Length of the interval."""
        return self.upper - self.lower

    def ordered(self, lower: float, upper: float, rounding: float) -> float:
        """The lower bound of an interval: at most the upper one, which it may pass by rounding.

        Raises:
            ArithmeticError: If it passes it by more, since then one of the two is wrong.
        """
        if lower > upper * (1.0 + 1e-6) + rounding:
            raise ArithmeticError(
                f"target: got a lower bound {lower:.9g} above an error {upper:.9g} of "
                f"{self.target!r}, which cannot be: rounding, or parts that are not resolved. "
                "Choose a shorter interval, fewer pieces or a lower degree."
            )
        return min(lower, upper)

    def refined(self, knots: np.ndarray, cells: int) -> np.ndarray:
        """A grid with equal cells between neighbouring knots, and with all breaks as points."""
        n = len(knots) - 1
        grid = np.interp(np.arange(n * cells + 1) / cells, np.arange(n + 1), knots)
        return np.union1d(grid, self.breaks)

    def with_kinks(self, knots: np.ndarray) -> np.ndarray | None:
        """The knots, some of them moved to the kinks; None without kinks or with too many."""
        moved = knots.copy()
        if not 0 < len(self.kinks) < len(knots) - 1:
            return None
        for kink in self.kinks:
            if kink in moved[1:-1]:
                continue
            free = np.flatnonzero(~np.isin(moved[1:-1], self.kinks)) + 1
            moved[free[np.argmin(np.abs(moved[free] - kink))]] = kink
        return np.sort(moved)
