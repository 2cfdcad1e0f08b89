"""All kinks at once: Newton's method for the error with the outer coefficients eliminated.

For units phi_i with parameters p_i (angles, bias) and best coefficients c, the squared error
|r|^2 / 2, r = y - Phi c, has by variable projection (Golub and Pereyra 1973) the gradient -A' r and
the Hessian

    A' (I - Q Q') A - S,   A = [c_i dphi_i / dp_i],   S_i = c_i <r, d^2 phi_i / dp_i^2>

up to terms with the gradient itself. Gauss-Newton leaves out S, which matters for kinks: a smooth
shift of all knots of a spline with n pieces changes the error about n^2 times less than Gauss-
Newton believes, so it takes about n^2 iterations where Newton takes a few.

For relu the second derivative is a unit mass on the kink; it is replaced by a hat over a few points
of the rule, and r there is averaged. The Hessian is formed as a product, not as a QR factorisation
of the Jacobian: these errors are 1e-3 to 1e-7 of the target, a step need not be more accurate than
that, and whether it is taken is decided by the projection itself, which is a QR factorisation.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, qr, solve_triangular

from approxlab.fitting.orthogonal_greedy import ridge_units
from approxlab.fitting.orthogonal_greedy.rules import Rule

_BATCH = 2048
_MARGIN = 2e-3  # of the half range: nearer to a corner of the box a unit is affine or zero
_HAT = 2.5  # half-width of the hat, in points
_SMALLEST = 1e-12  # diagonal of R, relative to its column, where the units are dependent
_STILL = 1e-5  # relative decrease of the error, in three steps together, that is no progress
_CANCELLED = 1e-11  # part of a diagonal entry that is rounding after the projection
_TRIES = 8


@dataclasses.dataclass(frozen=True)
class Projected:
    """Units, their orthonormal basis Q, coefficients, residual, and its norm."""

    vectors: np.ndarray
    biases: np.ndarray
    basis: np.ndarray
    coefficients: np.ndarray
    residual: np.ndarray
    error: float


def projected(vectors: np.ndarray, biases: np.ndarray, rule: Rule, power: int) -> Projected | None:
    """The best coefficients of given units; None where the units are dependent."""
    roots = np.sqrt(rule.weights)
    columns = ridge_units.units_at(rule.points, vectors, biases, power)
    columns *= roots[:, None]
    sizes = np.linalg.norm(columns, axis=0)
    if not sizes.min() > 0.0:
        return None
    columns /= sizes
    Q, R = qr(columns, mode="economic", overwrite_a=True, check_finite=False)
    if np.abs(np.diag(R)).min() < _SMALLEST:
        return None
    values = rule.values * roots
    inner = Q.T @ values
    residual = values - Q @ inner
    error = float(np.linalg.norm(residual))
    return Projected(vectors, biases, Q, solve_triangular(R, inner) / sizes, residual, error)


def polished(
    vectors: np.ndarray,
    biases: np.ndarray,
    rule: Rule,
    power: int,
    half: np.ndarray,
    steps: int,
) -> tuple[Projected | None, str, list[float]]:
    """Units after Newton steps, how it ended, and the errors; None where it could not begin."""
    limits = ridge_units.Limits.around(vectors, biases, half, _MARGIN)
    now = projected(vectors, biases, rule, power)
    if now is None:
        return None, "dependent", []
    damping, errors = 1e-3, [now.error]
    for _ in range(steps):
        hessian, slope, scale = _quadratic(now, rule, power)
        found, damping = _step(now, rule, power, limits, (hessian, slope, scale), damping)
        if found is None:
            return now, "converged", errors
        now = found
        errors.append(now.error)
        if len(errors) > 3 and errors[-4] - now.error <= _STILL * now.error:
            return now, "converged", errors
    return now, "budget", errors


def _quadratic(now: Projected, rule: Rule, power: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hessian, negative gradient, and the diagonal of the Gauss-Newton part as its scale."""
    n, dim = now.vectors.shape
    frames, width = ridge_units.tangents(now.vectors), _HAT * rule.spacing
    total, inner = np.zeros((dim * n, dim * n)), np.zeros((n, dim * n))
    slope, second = np.zeros(dim * n), np.zeros((dim, dim, n))
    roots = np.sqrt(rule.weights)
    for at in range(0, len(rule.points), _BATCH):
        part = slice(at, at + _BATCH)
        points, root, residual = rule.points[part], roots[part], now.residual[part]
        z = points @ now.vectors.T + now.biases
        moves = [points @ frames[:, :, j].T for j in range(dim - 1)]
        outer = ridge_units.slope_of(z, power) * (root[:, None] * now.coefficients)
        jacobian = np.concatenate([*(outer * move for move in moves), outer], axis=1)
        total += jacobian.T @ jacobian
        inner += now.basis[part].T @ jacobian
        slope += residual @ jacobian
        curvature = ridge_units.curvature_of(z, power, width) * (root * residual)[:, None]
        moves.append(np.ones((1, 1)))
        for i in range(dim):
            for j in range(i, dim):
                second[i, j] += np.sum(curvature * moves[i] * moves[j], axis=0)
    before = np.diag(total).copy()
    total -= inner.T @ inner
    scale = np.maximum(np.diag(total), _CANCELLED * before + np.finfo(float).tiny)
    own = np.arange(n)
    for i in range(dim):
        for j in range(i, dim):
            block = now.coefficients * second[i, j]
            total[i * n + own, j * n + own] -= block
            if j > i:
                total[j * n + own, i * n + own] -= block
    return total, slope, scale


def _step(
    now: Projected,
    rule: Rule,
    power: int,
    limits: ridge_units.Limits,
    quadratic: tuple[np.ndarray, np.ndarray, np.ndarray],
    damping: float,
) -> tuple[Projected | None, float]:
    """The first step of falling length that lowers the error, and the damping for the next."""
    hessian, slope, scale = quadratic
    growth, tries = 2.0, 0
    frames = ridge_units.tangents(now.vectors)
    while tries < _TRIES and damping < 1e8:
        damped = hessian.copy()
        damped[np.diag_indices_from(damped)] += damping * scale
        try:
            move = cho_solve(cho_factor(damped, overwrite_a=True, check_finite=False), slope)
        except LinAlgError:  # not convex here: more damping, which costs no evaluation
            damping, growth = damping * growth, min(2.0 * growth, 64.0)
            continue
        tries += 1
        steps = move.reshape(-1, len(now.vectors)).T
        vectors, biases = ridge_units.moved(now.vectors, now.biases, frames, steps)
        biases = limits.kept(vectors, biases)
        found = projected(vectors, biases, rule, power)
        if found is not None and found.error < now.error:
            promised = float(move @ slope + damping * move @ (scale * move))
            ratio = min((now.error**2 - found.error**2) / promised, 1.0)
            return found, max(damping * max(0.2, 1.0 - (2.0 * ratio - 1.0) ** 3), 1e-10)
        damping, growth = damping * growth, min(2.0 * growth, 64.0)
    return None, damping
