"""The orthogonal greedy algorithm for networks of one hidden layer with relu^k units.

from approxlab.fitting import Dictionary, greedy

fit = greedy(al.targets.get("sine_product"), 128)                    # the best unit in every step
fit = greedy(target, 512, normalise=False, refine=False)             # as published
fit = greedy(target, 128, polish=True)                               # then all kinks at once
fit = greedy(target, 128, power=2, dictionary=Dictionary(random=True), key=jax.random.key(1))
"""

from __future__ import annotations

import time
from typing import Any, Literal

import jax
import numpy as np
from scipy.linalg import solve_triangular

from approxlab.arguments import check_key, check_positive
from approxlab.claims import Estimate
from approxlab.domains import Box
from approxlab.fitting.orthogonal_greedy import ridge_units
from approxlab.fitting.orthogonal_greedy.dictionaries import Dictionary
from approxlab.fitting.orthogonal_greedy.polishing import polished
from approxlab.fitting.orthogonal_greedy.projection import Projection, Span
from approxlab.fitting.orthogonal_greedy.result import GreedyFit, GreedyStatus
from approxlab.fitting.orthogonal_greedy.rules import Rule, rules
from approxlab.fitting.orthogonal_greedy.search import Search
from approxlab.fitting.orthogonal_greedy.spline_projection import SplineProjection, Unresolved
from approxlab.fitting.target_or_arrays import check_target
from approxlab.host_threads import one_thread
from approxlab.networks.mlp import MLP
from approxlab.targets.target import Target

__all__ = ["greedy"]

_POLISH_STEPS = 50
_BATCH = 4096
_STORED = 256  # units up to which a stored basis is as quick


@one_thread()
def greedy(
    target: Target,
    units: int,
    *,
    power: int = 1,
    dictionary: Dictionary | None = None,
    key: Any = None,
    normalise: bool | Literal["unit"] = True,
    refine: bool = True,
    polish: bool | int = False,
    points: Any = None,
    test_points: Any = None,
    max_bytes: int = 2**30,
) -> GreedyFit:
    """Fit sum_i c_i relu(w_i.x + b_i)^k, |w_i| = 1, by adding the best unit and projecting anew.

    In every step the unit of largest score joins the network, and all outer coefficients become
    those of the L2 projection onto the chosen units. On the closure of the convex hull of the units
    the published algorithm converges like n^(-1/2 - (2k + 1) / (2d)), the best rate for that class.

    Computes on the host in float64: small dense products that leave nothing for compilation to
    gain. Memory is about 8 N (units + 2 d units if polished) bytes for N points, and that of the
    dictionary. More than 256 ReLU units of one variable span a space of linear splines, and are
    projected onto as such, in O(N) a step and without the N units: then units and errors are those
    of a stored basis up to rounding.

    Args:
        target: A `Target`; points outside its mask are left out.
        units: Number of units n; the errors of 1 to n units come for the price of one fit.
        power: The power k, 0 (steps) to 4.
        dictionary: Where units are looked for; by default `Dictionary()`.
        key: A typed key for random dictionaries; by default `jax.random.key(0)`.
        normalise: True divides |<residual, g>| by the norm of what is new in g: the unit that
            lowers the error most. "unit" divides by the norm of g, False by nothing, as published.
        refine: Move the best units of the dictionary by Newton steps in angles and bias.
        polish: Afterwards move all units at once by Newton's method with the outer coefficients
            eliminated; True is at most 50 steps, a number that many. Not for k = 0.
        points: Quadrature of the fit: cells per axis, with three Gauss nodes each (number of Sobol
            points beyond three dimensions), or a pair of points (N, d) and weights (N,).
        test_points: Quadrature of the reported errors; by default a finer rule than the fit's
            default, with other nodes (four each if cells are given). Give it beside `points`.
        max_bytes: Memory for the cells of a fixed dictionary, 12 + 8 (k + 1) bytes per point and
            direction; what does not fit is computed anew in every step.

    Returns:
        A `GreedyFit`.

    Raises:
        TypeError: If target, dictionary or key is of another kind.
        ValueError: If a number is out of range, there are fewer points than units, or the target
            is not finite at a point.

    Source:
        Siegel and Xu 2022, Optimal convergence rates for the orthogonal greedy algorithm; Chen,
        Billings and Luo 1989 (the score); Xu and Xu 2024 (random dictionaries).

    Example:
        >>> import jax.numpy as jnp
        >>> from approxlab import Box
        >>> hat = Target(lambda x: jnp.abs(x[0] - 0.5), domain=Box([0.0], [1.0]))
        >>> fit = greedy(hat, 8)
        >>> fit.status, bool(fit.errors[7] < 0.1 * fit.errors[1])
        (<GreedyStatus.COMPLETE: 'complete'>, True)
    """
    begin = time.perf_counter()
    chosen = Dictionary() if dictionary is None else dictionary
    _check(target, units, power, chosen, normalise, polish, max_bytes)
    if key is not None:
        check_key(key)
    fit, test = rules(target, units, points, test_points)
    score: Literal["product", "unit", "new"] = (
        "unit" if normalise == "unit" else "new" if normalise else "product"
    )
    centre = target.domain.center
    box = Box(target.domain.lower - centre, target.domain.upper - centre)
    random = jax.random.key(0) if key is None else key

    def search() -> Search:
        return Search(fit, box, power, chosen, score, random, refine, max_bytes)

    try:
        grown = _grown(search(), _projection(fit, units, power), units)
    except Unresolved:
        grown = _grown(search(), _stored(fit, units), units)
    vectors, biases, projection, residuals, status, skipped = grown
    triangle, coordinates = projection.factors()
    coefficients = _solved(triangle, coordinates)
    errors = (
        projection.errors(test, triangle, coordinates)
        if isinstance(projection, SplineProjection)
        else _errors(test, vectors, biases, power, triangle, coordinates)
    )
    outcome, polish_residuals = "off", list[float]()
    final = vectors, biases, coefficients
    if polish and len(biases):
        half = 0.5 * box.widths
        steps = _POLISH_STEPS if polish is True else int(polish)
        better, outcome, polish_residuals = polished(vectors, biases, fit, power, half, steps)
        if better is not None and better.error < residuals[-1]:
            final = better.vectors, better.biases, better.coefficients
    return GreedyFit(
        network=_network(*final, power, centre),
        error=_estimate(test, *final, power),
        errors=errors,
        residuals=residuals,
        status=status,
        skipped=skipped,
        polish=outcome,
        polish_residuals=np.array(polish_residuals),
        directions=vectors,
        biases=biases - vectors @ centre,
        power=power,
        points=len(fit.points),
        run_s=time.perf_counter() - begin,
    )


def _projection(rule: Rule, units: int, power: int) -> Span:
    """Of many ReLU units of one variable without a stored basis: then it is quicker."""
    x = rule.points[:, 0]
    spline = power == 1 and rule.points.shape[1] == 1 and units > _STORED
    if not spline or np.any(np.diff(x) <= 0.0):
        return _stored(rule, units)
    roots = np.sqrt(rule.weights)
    return SplineProjection(rule.values * roots, x, roots)


def _stored(rule: Rule, units: int) -> Projection:
    return Projection(rule.values * np.sqrt(rule.weights), units)


def _grown(
    search: Search, projection: Span, units: int
) -> tuple[np.ndarray, np.ndarray, Span, np.ndarray, GreedyStatus, int]:
    """Unit after unit, until there are enough or there is nothing left to gain."""
    floor = 4.0 * np.finfo(float).eps * float(np.linalg.norm(projection.residual))
    residuals, skipped, status = [], 0, GreedyStatus.COMPLETE
    while projection.count < units:
        if float(np.linalg.norm(projection.residual)) <= floor:
            status = GreedyStatus.FLOOR
            break
        passed = search.add_best(projection)
        if passed is None:
            status = GreedyStatus.DEPENDENT
            break
        skipped += passed
        residuals.append(float(np.linalg.norm(projection.residual)))
    return *search.chosen(), projection, np.array(residuals), status, skipped


def _solved(triangle: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    if not len(coordinates):
        return coordinates
    return np.asarray(solve_triangular(triangle, coordinates))


def _errors(
    rule: Rule,
    vectors: np.ndarray,
    biases: np.ndarray,
    power: int,
    triangle: np.ndarray,
    coordinates: np.ndarray,
) -> np.ndarray:
    """Errors after 1, 2, ... units at points that were not fitted.

    The units at these points times R^-1 are the orthonormal functions of the fit there; the
    network of m units is the sum of the first m of them times their coordinates.
    """
    squares = np.zeros(len(biases))
    for at in range(0, len(rule.points) if len(biases) else 0, _BATCH):
        part = slice(at, at + _BATCH)
        values = ridge_units.units_at(rule.points[part], vectors, biases, power)
        functions = solve_triangular(triangle, values.T, trans="T", overwrite_b=True)
        functions *= coordinates[:, None]
        left = rule.values[part] - np.cumsum(functions, axis=0)
        squares += (left**2) @ rule.weights[part]
    return np.sqrt(squares)


def _estimate(
    rule: Rule, vectors: np.ndarray, biases: np.ndarray, coefficients: np.ndarray, power: int
) -> Estimate:
    """The L2 error of the network itself; by one rule, so without an uncertainty."""
    squares = np.empty(len(rule.points))
    for at in range(0, len(squares), _BATCH):
        part = slice(at, at + _BATCH)
        values = ridge_units.units_at(rule.points[part], vectors, biases, power) @ coefficients
        squares[part] = (values - rule.values[part]) ** 2
    return Estimate(float(np.sqrt(rule.weights @ squares)), "l2", len(squares))


def _network(
    vectors: np.ndarray,
    biases: np.ndarray,
    coefficients: np.ndarray,
    power: int,
    centre: np.ndarray,
) -> MLP:
    if not len(biases):  # the zero function: one unit that counts nothing
        vectors, biases, coefficients = np.eye(1, vectors.shape[1]), np.zeros(1), np.zeros(1)
    biases = biases - vectors @ centre
    return MLP.from_arrays(
        [vectors, coefficients[None, :]], [biases, np.zeros(1)], ridge_units.ACTIVATIONS[power]
    )


def _check(
    target: Any,
    units: int,
    power: int,
    dictionary: Any,
    normalise: Any,
    polish: bool | int,
    max_bytes: int,
) -> None:
    check_target(target)
    if not isinstance(dictionary, Dictionary):
        raise TypeError(
            f"dictionary: got {dictionary!r}, expected a Dictionary, such as "
            "Dictionary(directions=128, biases=64)."
        )
    check_positive(units=units, max_bytes=max_bytes)
    if power not in ridge_units.ACTIVATIONS or isinstance(power, bool):
        raise ValueError(f"power: got {power!r}, expected 0, 1, 2, 3 or 4: units relu^k.")
    if normalise not in (True, False, "unit"):
        raise ValueError(f"normalise: got {normalise!r}, expected True, False or 'unit'.")
    if polish is not True and polish is not False:
        check_positive(polish=polish)
    if polish and power == 0:
        raise ValueError(
            "polish: got power 0, expected a power of at least 1: a step has no derivative in its "
            "kink. Leave polish out."
        )
