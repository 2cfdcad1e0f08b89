"""The L2 norm by quadrature, with an uncertainty of its value."""

from __future__ import annotations

import math

import numpy as np

from approxlab.arguments import check_positive
from approxlab.claims import Estimate
from approxlab.domains import Box
from approxlab.errors.pointwise import (
    Function,
    box_and_mask,
    inside,
    model_minus_target,
    not_finite_entry,
    not_finite_value,
)
from approxlab.evaluation import settled, values_at

__all__ = ["l2"]

_PANELS = {1: 256, 2: 16, 3: 4, 4: 2}  # cells per axis of the coarser rule
_SOBOL_POINTS, _SCRAMBLINGS = 2**13, 8


def l2(
    model: Function,
    target: Function,
    domain: Box | None = None,
    *,
    panels: int | None = None,
    nodes: int = 8,
    relative: bool = False,
) -> Estimate:
    """Estimate the L2 norm of model - target over the box (and mask) of the target.

    Tensor Gauss-Legendre rules on equal cells in up to 4 dimensions; the square root of the
    integral of the squared error, so that the error 1 on a box of volume V has norm sqrt(V). The
    value is that of the finer of two rules (twice as many cells per axis, one node more), its
    `uncertainty` the difference between the two: an indication, not a bound (for masks
    and kinks the error of the rule may be a few times larger). Beyond 4 dimensions scrambled Sobol
    points are used, and the uncertainty is the standard error over 8 scramblings.

    Args:
        model: A function of one point of shape (d,) with values of shape () or (m,).
        target: The same; a `Target` brings its domain and mask along.
        domain: The box; by default `target.domain`.
        panels: Cells per axis of the coarser rule (default 256, 16, 4, 2 for d = 1, 2, 3, 4).
        nodes: Gauss-Legendre nodes per cell and axis: exact for degree 2 * nodes - 1.
        relative: Divide by the L2 norm of the target.

    Returns:
        An `Estimate` with `uncertainty`. Its value is `nan` if model or target is not finite at a
        node, or holds an array that is not; `problem` then names the first such number.

    Raises:
        ValueError: If there is no domain, or the shapes of the values differ.

    Example:
        >>> import math
        >>> error = l2(lambda x: 0.0 * x[0], lambda x: x[0], Box([0.0], [1.0]))
        >>> abs(float(error) - 1 / math.sqrt(3)) < 1e-6
        True
    """
    box, mask = box_and_mask(target, domain)
    cells = panels if panels is not None else _PANELS.get(box.dim, 1)
    check_positive(panels=cells, nodes=nodes)
    if problem := not_finite_entry(model=model, target=target):
        return Estimate(math.nan, "l2", 0, relative, problem=problem)
    if box.dim > 4:
        weights = np.full(_SOBOL_POINTS, box.volume / _SOBOL_POINTS)
        rules = [(box.sobol(_SOBOL_POINTS, seed=s), weights) for s in range(_SCRAMBLINGS)]
    else:
        # Another number of nodes too: a kink that both rules miss alike would go unnoticed.
        rules = [box.gauss_legendre(nodes + i, panels=(1 + i) * cells) for i in (0, 1)]
    count = sum(len(points) for points, _ in rules)
    model, target = settled(model), settled(target)
    errors = []
    for points, weights in rules:
        error, size, bad = _norms(model, target, mask, points, weights)
        if bad is not None:
            problem = not_finite_value(bad, model=model, target=target)
            return Estimate(math.nan, "l2", count, relative, bad, problem=problem)
        errors.append(_ratio(error, size) if relative else error)
    if box.dim > 4:
        uncertainty = float(np.std(errors, ddof=1)) / math.sqrt(_SCRAMBLINGS)
        return Estimate(float(np.mean(errors)), "l2", count, relative, None, uncertainty)
    return Estimate(errors[1], "l2", count, relative, None, abs(errors[1] - errors[0]))


def _norms(
    model: Function,
    target: Function,
    mask: Function | None,
    points: np.ndarray,
    weights: np.ndarray,
) -> tuple[float, float, tuple[float, ...] | None]:
    """L2 norms of the error and of the target, and the first point where one is not finite."""
    counts = inside(mask, points)[:, None]
    error, size = (
        np.where(counts, np.abs(a.reshape(len(points), -1)), 0.0)
        for a in (model_minus_target(model, target, points), values_at(target, points))
    )
    wrong = ~np.all(np.isfinite(error) & np.isfinite(size), axis=1)
    if np.any(wrong):
        return math.nan, math.nan, tuple(float(v) for v in points[np.argmax(wrong)])
    return _root_of_squares(weights, error), _root_of_squares(weights, size), None


def _root_of_squares(weights: np.ndarray, sizes: np.ndarray) -> float:
    """Root of the weighted sum of squares; a power of two taken out keeps squares in range."""
    scale = 2.0 ** float(np.frexp(sizes.max())[1])
    return scale * math.sqrt(float(weights @ np.square(sizes / scale).sum(axis=1)))


def _ratio(error: float, size: float) -> float:
    if size > 0:
        return error / size
    return math.inf if error > 0 else 0.0
