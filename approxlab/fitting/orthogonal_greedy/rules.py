"""Quadrature rules of a greedy fit: one to fit on, a finer one to measure on."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from approxlab.arguments import check_positive
from approxlab.errors.pointwise import inside
from approxlab.evaluation import values_at
from approxlab.targets.target import Target

_SOBOL = 2**14


@dataclasses.dataclass(frozen=True)
class Rule:
    """Points (N, d) minus the centre of the box, positive weights (N,), values of the target (N,).

    With the origin in the centre, turning a unit and shifting its kink are nearly independent, and
    a box far from the origin costs no digits.
    """

    points: np.ndarray
    weights: np.ndarray
    values: np.ndarray

    @property
    def spacing(self) -> float:
        """A typical distance of neighbouring points."""
        volume, (count, dim) = float(self.weights.sum()), self.points.shape
        return float((volume / count) ** (1.0 / dim))


def rules(target: Target, units: int, points: Any, test_points: Any) -> tuple[Rule, Rule]:
    """The rule of the fit and the rule of the measured error."""
    fit = _rule("points", target, points, units, finer=False)
    return fit, _rule("test_points", target, test_points, units, finer=True)


def _rule(name: str, target: Target, points: Any, units: int, *, finer: bool) -> Rule:
    if isinstance(points, tuple):
        nodes, weights = (np.asarray(a, float) for a in points)
        if nodes.ndim != 2 or nodes.shape[1] != target.dim or weights.shape != nodes.shape[:1]:
            raise ValueError(
                f"{name}: got shapes {nodes.shape} and {weights.shape}, expected (N, "
                f"{target.dim}) and (N,): points and quadrature weights."
            )
        if not (np.all(np.isfinite(nodes)) and np.all(weights > 0) and np.all(weights < np.inf)):
            raise ValueError(
                f"{name}: got points or weights out of range, expected finite points and positive "
                "weights."
            )
        lower, upper = np.asarray(target.domain.lower), np.asarray(target.domain.upper)
        if np.any(nodes < lower) or np.any(nodes > upper):
            raise ValueError(
                f"{name}: got points outside the box {target.domain!r}, expected points in it."
            )
    else:
        nodes, weights = _default(name, target, points, units, finer)
    if target.mask is not None:
        kept = inside(target.mask, nodes)
        nodes, weights = nodes[kept], weights[kept]
    if len(nodes) < units:
        raise ValueError(
            f"{name}: got {len(nodes)} points for {units} units, expected at least as many points. "
            "Raise points."
        )
    wanted = values_at(target, nodes)
    if not np.all(np.isfinite(wanted)):
        i = int(np.argmin(np.isfinite(wanted)))
        raise ValueError(
            f"target: got {wanted[i]} at the point {nodes[i].tolist()}, expected finite values."
        )
    return Rule(nodes - target.domain.center, weights, wanted)


def _default(
    name: str, target: Target, points: Any, units: int, finer: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre on equal cells in up to three dimensions, Sobol points beyond."""
    box = target.domain
    if box.dim > 3:
        count = _SOBOL if points is None else points
        check_positive(**{name: count})
        count = 2 * count if finer and points is None else count
        # Scrambled: the plain sequence begins in a corner, and both rules would share points.
        return box.sobol(count, seed=int(finer)), np.full(count, box.volume / count)
    cells = _cells(units, box.dim) if points is None else points
    check_positive(**{name: cells})
    # Other nodes on other cells: what one rule does not see, the other does.
    scale = {1: 2.0, 2: 1.5, 3: 1.25}[box.dim] if finer and points is None else 1.0
    return box.gauss_legendre(4 if finer else 3, panels=int(np.ceil(scale * cells)))


def _cells(units: int, dim: int) -> int:
    """About 24 points for each kink of a line, and 12 to 40 points per parameter beyond."""
    if dim == 1:
        return max(64, 8 * units)
    if dim == 2:
        return max(16, min(64, 2 * int(units**0.5)))
    return max(6, min(12, round(2 * units ** (1 / 3))))
