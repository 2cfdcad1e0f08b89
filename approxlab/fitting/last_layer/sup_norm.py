"""Least sup norm in linear problems: Lawson's algorithm, certified by its own weights.

For weights w >= 0 of sum 1 and any coefficients x, sum_i w_i |b - A x|_i^2 <= max_i |b - A x|_i^2.
The least weighted sum of squares is therefore, whatever the weights are, a lower bound of the least
maximum over these points: every step of Lawson's algorithm, which solves weighted least squares and
multiplies each weight by the residual, gives a bound from below and a solution from above. Where
they meet, both are proved, for coefficients no larger than those found: an allowance for rounding
of the columns is subtracted from the bound.

The plain algorithm needs hundreds of steps for three digits. Its steps are those of a gradient
ascent in the logarithms of the weights, so they are accelerated as such, with a momentum that
starts again whenever the lower bound falls; no weight falls below a small part of the mean, so that
no point is lost for good. That takes about a tenth of the steps (experience).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from approxlab.arguments import check_positive
from approxlab.fitting.last_layer.chosen_columns import ChosenColumns
from approxlab.fitting.training.result import Status
from approxlab.host_threads import one_thread
from approxlab.solves import Blocks, LeastSquares, solve, solve_blocks

__all__ = ["SupNormSolution", "solve_sup", "solve_sup_blocks"]

_STEPS = 1000
_BLOCK_ENTRIES = 2**22  # of rows that are looked at together: 32 MiB
_PATIENCE = 100  # steps in which the ratio of the bounds must fall by _PROGRESS
_PROGRESS = 0.99
_SMALLEST = 0.01  # times tol and 1 / m: the least weight, too small to change the bound by tol
_LEAST_FACTOR = 1e-6  # of a weight in one step
_ROUNDING = 4  # times rank * eps * max |b|: what residuals may be wrong by


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SupNormSolution:
    """Coefficients of nearly least sup norm at given points, between two bounds.

    Attributes:
        solution: Coefficients, shape (n,) or (n, k) for k right-hand sides.
        attained: Largest absolute residual of the solution, shape () or (k,).
        lower: Lower bound on the largest absolute residual over all coefficients x of the chosen
            columns with sum_j |x_j| max_i |A_ij| no larger than for `solution`: proved by
            `weights`, minus an allowance for rounding. Shape () or (k,).
        status: "converged" (attained <= (1 + tol) lower, or zero), "budget" (steps spent), or
            "stagnated" (no progress, as happens where the residual is rounding); of several
            right-hand sides the worst.
        steps: Least-squares problems solved, over all right-hand sides.
        weights: The weights that prove `lower`, of sum 1, shape (m,) or (m, k): the root of the
            least weighted sum of squares is the bound before the allowance.
        rank: Number of columns that are independent at the tolerance.
        columns: Indices of these columns; all other coefficients are zero.
        tol: The tolerance asked for.
    """

    solution: np.ndarray
    attained: np.ndarray
    lower: np.ndarray
    status: Status
    steps: int
    weights: np.ndarray
    rank: int
    columns: np.ndarray
    tol: float

    def __repr__(self) -> str:
        low, high = float(np.max(self.lower)), float(np.max(self.attained))
        text = f"sup {high:.6g}, at least {low:.6g}, rank {self.rank} of {len(self.solution)}"
        return f"SupNormSolution({self.status.value} after {self.steps} steps, {text})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: the largest residual and its lower bound, status, steps, rank."""
        worst = int(np.argmax(self.attained))
        return [
            {
                "rank": self.rank,
                "largest_residual": float(self.attained.flat[worst]),
                "least_largest_residual": float(self.lower.flat[worst]),
                "status": self.status.value,
                "steps": self.steps,
            }
        ]


@one_thread()
def solve_sup(
    A: Any, b: Any, *, tol: float = 1e-3, steps: int = _STEPS, rtol: float | None = None
) -> SupNormSolution:
    """Minimise max_i |(A x - b)_i|, where the columns of A may be nearly dependent.

    The columns are chosen once, by the pivoting of `approxlab.solves.solve`; the algorithm works in
    an orthonormal basis of them, where every weighted problem is well posed. The basis spans them
    up to rounding of each column, so the lower bound is that of the basis minus
    4 rank * eps * (max |b| + sum_j |x_j| max_i |A_ij|), and it holds for these columns and for
    coefficients x no larger in that sum than the solution's. At the floor of rounding nothing is
    proved, `lower` is 0, and the status says "stagnated"; so it does where coefficients of nearly
    dependent columns are large. A larger rtol takes fewer columns and smaller coefficients.

    Args:
        A: Matrix of shape (m, n).
        b: Right-hand side of shape (m,), or (m, k) for k of them, solved one after another.
        tol: The requested ratio of the attained maximum to the lower bound, minus 1.
        steps: Weighted least-squares problems at most, for each right-hand side.
        rtol: Least reciprocal condition number of the chosen columns, see `solve`.

    Returns:
        A `SupNormSolution` with both bounds and a status.

    Raises:
        TypeError, ValueError: As `solve`, and if tol is not between 0 and 1.

    Source:
        Lawson 1961 (thesis); Rice and Usow 1968 (its convergence). Acceleration: Nesterov 1983.

    Example:
        >>> x = np.linspace(-1.0, 1.0, 101)
        >>> line = solve_sup(np.stack([np.ones_like(x), x], axis=1), x**2)    # best: 1/2
        >>> line.status.value, bool(line.lower <= 0.5 <= line.attained + 1e-12)
        ('converged', True)
    """
    _check(tol, steps)
    chosen = solve(A, b, rtol=rtol)
    matrix = np.asarray(A, chosen.solution.dtype)
    return _solved(chosen, lambda: _rows_of(matrix), b, tol, steps)


@one_thread()
def solve_sup_blocks(
    blocks: Blocks,
    shape: tuple[int, int],
    dtype: Any,
    b: Any,
    *,
    tol: float = 1e-3,
    steps: int = _STEPS,
    rtol: float | None = None,
) -> SupNormSolution:
    """As `solve_sup`, with A given by blocks of its rows, as in `approxlab.solves.solve_blocks`.

    Memory holds A twice: an orthonormal basis, and the weighted problem that is factored. A large A
    is computed again in every step that improves the solution.
    """
    _check(tol, steps)
    chosen = solve_blocks(blocks, shape, dtype, b, rtol=rtol)
    return _solved(chosen, blocks, b, tol, steps)


def _check(tol: Any, steps: Any) -> None:
    check_positive(steps=steps)
    if not (isinstance(tol, int | float) and 0.0 < tol < 1.0):
        raise ValueError(f"tol: got {tol!r}, expected a number between 0 and 1, such as 1e-3.")


def _rows_of(matrix: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, _BLOCK_ENTRIES // matrix.shape[1])
    for first in range(0, len(matrix), rows):
        yield matrix[first : first + rows]


def _solved(
    chosen: LeastSquares, blocks: Blocks, b: Any, tol: float, steps: int
) -> SupNormSolution:
    n, columns, given = chosen.solution.shape[0], chosen.columns, np.asarray(b, np.float64)
    matrix = ChosenColumns(blocks, len(given), columns, chosen.solution.dtype)
    sides = np.asarray(b, matrix.dtype).reshape(len(given), -1)
    basis, R = matrix.factored()
    runs = [_lawson(matrix, basis, R, y, tol, steps) for y in sides.T]
    _measure_as_given(runs, matrix, sides, given.reshape(sides.shape))
    solution = np.zeros((n, len(runs)), matrix.dtype)
    solution[columns] = np.stack([run.coefficients for run in runs], axis=1)
    weights = np.stack([run.weights for run in runs], axis=1)
    attained, lower = (np.array([getattr(run, k) for run in runs]) for k in ("attained", "lower"))
    worst = max((_status(run, tol, steps) for run in runs), key=list(Status).index)
    if np.ndim(b) == 1:
        solution, weights, attained, lower = solution[:, 0], weights[:, 0], attained[0], lower[0]
    return SupNormSolution(
        solution=solution,
        attained=np.asarray(attained),
        lower=np.asarray(lower),
        status=worst,
        steps=sum(run.steps for run in runs),
        weights=weights,
        rank=chosen.rank,
        columns=columns,
        tol=float(tol),
    )


@dataclasses.dataclass
class _Run:
    """The best so far of one right-hand side."""

    coefficients: np.ndarray
    attained: float
    lower: float
    weights: np.ndarray
    steps: int = 0
    proved: float = 0.0  # the lower bound of the basis, before the allowance for rounding


def _status(run: _Run, tol: float, steps: int) -> Status:
    if run.attained <= (1.0 + tol) * run.lower or run.attained == 0.0:
        return Status.CONVERGED
    return Status.BUDGET if run.steps >= steps else Status.STAGNATED


def _measure_as_given(
    runs: Sequence[_Run], matrix: ChosenColumns, sides: np.ndarray, given: np.ndarray
) -> None:
    """Errors and bounds for the right-hand sides as given, where float32 has rounded them."""
    for run, rounded, exact in zip(runs, sides.T, given.T, strict=True):
        moved = float(np.abs(exact - rounded).max())
        if moved:
            left = exact - matrix.times(run.coefficients.astype(np.float64))
            run.attained = float(np.abs(left).max())
            run.lower = max(run.lower - moved, 0.0)


def _lawson(
    matrix: ChosenColumns, basis: np.ndarray, R: np.ndarray, y: np.ndarray, tol: float, steps: int
) -> _Run:
    """Weighted least squares again and again, each weight multiplied by its residual."""
    m, rank = basis.shape
    unit = _ROUNDING * rank * float(np.finfo(y.dtype).eps)
    sizes, largest = matrix.sizes, float(np.max(np.abs(y)))
    run = _Run(np.zeros(rank, y.dtype), math.inf, 0.0, np.full(m, 1.0 / m))
    logs = before = np.zeros(m)
    gathered, last, record, checked = 0, 0.0, math.inf, 0
    while run.steps < steps:
        run.steps += 1
        w = _weights(logs + gathered / (gathered + 1.0) * (logs - before), tol)
        found = solve(basis, y, weights=w) if rank else None
        c = found.solution if found is not None else np.zeros(0, y.dtype)
        left = np.abs(y - basis @ c)
        bound = math.sqrt(float(w @ np.square(left))) if found is None or found.rank == rank else 0
        _keep(run, matrix, R, c, y, w, left, bound)
        rounding = unit * (largest + float(np.abs(run.coefficients) @ sizes))
        run.lower = max(0.0, run.proved - rounding)
        ratio = run.attained / run.lower if run.lower else math.inf
        if ratio <= 1.0 + tol or run.attained == 0.0 or not np.any(left):
            break
        if ratio - 1.0 < _PROGRESS * record:
            record, checked = ratio - 1.0, run.steps
        elif run.steps - checked >= _PATIENCE:
            break
        gathered = 0 if bound < last else gathered + 1
        last, before = bound, logs
        logs = np.log(w) + np.log(np.maximum(left / np.max(left), _LEAST_FACTOR))
    return run


def _weights(logs: np.ndarray, tol: float) -> np.ndarray:
    """Of sum 1, none below a part of the mean."""
    w = np.exp(logs - np.max(logs))
    w = np.maximum(w / np.sum(w), _SMALLEST * tol / len(w))
    return w / np.sum(w)


def _keep(
    run: _Run,
    matrix: ChosenColumns,
    R: np.ndarray,
    c: np.ndarray,
    y: np.ndarray,
    w: np.ndarray,
    left: np.ndarray,
    bound: float,
) -> None:
    """Better bounds replace the old ones; the upper one is that of the coefficients themselves."""
    if np.max(left) < run.attained:
        x = solve_triangular(R, c) if len(c) else c
        attained = float(np.max(np.abs(y - matrix.times(x))))
        if attained < run.attained:
            run.coefficients, run.attained = x, attained
    if bound > run.proved:
        run.proved, run.weights = bound, w
