"""The L2 norm by quadrature, with the doubt about its own value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from approxlab.claims import Estimate
from approxlab.domains import Box
from approxlab.errors.differences import (
    Function,
    blame,
    difference,
    inside,
    place,
    spoiled,
    values,
)

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
    `uncertainty` the difference between the two. Beyond 4 dimensions scrambled Sobol points are
    used, and the uncertainty is the standard error over 8 scramblings.

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
        >>> error = l2(lambda x: 0.0 * x[0], lambda x: x[0], Box([0.0], [1.0]))
        >>> abs(float(error) - 1 / math.sqrt(3)) < 1e-6
        True
    """
    box, mask = place(target, domain)
    if problem := spoiled(model=model, target=target):
        return Estimate(math.nan, "l2", 0, relative, problem=problem)
    if box.dim > 4:
        squares, count, bad = _sobol_squares(model, target, mask, box)
    else:
        cells = panels if panels is not None else _PANELS[box.dim]
        # Another number of nodes too: a kink that both rules miss alike would go unnoticed.
        rules = [box.gauss_legendre(nodes + i, panels=(1 + i) * cells) for i in (0, 1)]
        squares, count, bad = _rule_squares(model, target, mask, rules)
    if bad is not None:
        problem = blame(bad, model=model, target=target)
        return Estimate(math.nan, "l2", count, relative, bad, problem=problem)
    errors = np.sqrt(squares[:, 0])
    if relative:
        norms = np.sqrt(squares[:, 1])
        errors = np.divide(errors, norms, out=np.where(errors > 0, np.inf, 0.0), where=norms > 0)
    if box.dim > 4:
        mean = float(np.sqrt(np.mean(errors**2)))
        spread = float(np.std(errors, ddof=1) / math.sqrt(len(errors)))
        return Estimate(mean, "l2", count, relative, None, spread)
    doubt = float(abs(errors[1] - errors[0]))
    return Estimate(float(errors[1]), "l2", count, relative, None, doubt)


def _squares(
    model: Any, target: Any, mask: Any, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[float, ...] | None]:
    counts = inside(mask, points)
    both = (difference(model, target, points), values(target, points))
    with np.errstate(over="ignore"):  # an infinite square is found below
        error, norm = (np.square(a).reshape(len(points), -1).sum(axis=1) for a in both)
    wrong = counts & ~(np.isfinite(error) & np.isfinite(norm))
    bad = tuple(float(v) for v in points[np.argmax(wrong)]) if np.any(wrong) else None
    return np.where(counts, error, 0.0), np.where(counts, norm, 0.0), bad


def _rule_squares(model: Any, target: Any, mask: Any, rules: Any) -> tuple[np.ndarray, int, Any]:
    rows, count, bad = [], 0, None
    for points, weights in rules:
        error, norm, wrong = _squares(model, target, mask, points)
        rows.append((weights @ error, weights @ norm))
        count, bad = count + len(points), bad or wrong
    return np.array(rows), count, bad


def _sobol_squares(model: Any, target: Any, mask: Any, box: Box) -> tuple[np.ndarray, int, Any]:
    weights = np.full(_SOBOL_POINTS, box.volume / _SOBOL_POINTS)
    rules = [(box.sobol(_SOBOL_POINTS, seed=s), weights) for s in range(_SCRAMBLINGS)]
    return _rule_squares(model, target, mask, rules)
