"""The quotient Im f(x + i h v) / h, its step, and what is known of its error."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.derivatives.differences._complex_functions import Run, joined
from approxlab.derivatives.differences._complex_step import at_complex_points
from approxlab.derivatives.differences._values import Values

__all__ = ["ComplexQuotient", "complex_quotient"]

# Steps after the best one, where it does not settle the digits: longer ones, for imaginary parts
# that underflow, and shorter ones, for functions that vary over less than the step.
_EXPONENTS = {"float32": (-66, -50, -36, -24, -90, -110),
              "float64": (-664, -500, -330, -160, -80, -50, -800, -950, -1005)}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class ComplexQuotient:
    """Value and errors at one step, in double precision."""

    step: float
    value: np.ndarray
    truncation: np.ndarray
    roundoff: np.ndarray
    outside: frozenset[str]

    @property
    def error(self) -> np.ndarray:
        """Sum of the two."""
        return np.asarray(self.truncation + self.roundoff)


def complex_quotient(
    values: Values,
    step: float | None,
    bounds: Mapping[int, np.ndarray],
    value_error: Any,
    ulps: int,
) -> ComplexQuotient:
    """The quotient at the step, or at the first that settles the digits, else at the best.

    Without a proved third derivative the truncation is the difference from the quotient of an
    eighth of the step; without an error of the values the roundoff is what moving every operation
    by one to three eps of itself changes, three times the largest of three such runs.

    Raises:
        ValueError: If f is not analytic at x, or no step shows a number.
    """
    at = at_complex_points(values.f, jnp.asarray(values.x))
    real = values.at(0.0)
    known = np.isfinite(real)
    kind = "float32" if values.eps > 1e-12 else "float64"

    def quotient(h: float, run: Run) -> np.ndarray:
        z = joined(values.x, np.asarray(values.v * values.x.dtype.type(h), values.x.dtype))
        values.count += 1
        # Where f itself is nan, a branch of its complex logarithm or root may still be a number.
        return np.asarray(np.where(known, at(z, run).imag.astype(np.float64) / h, np.nan))

    def candidate(h: float) -> ComplexQuotient:
        run = Run()
        value = quotient(h, run)
        size = np.abs(value)
        if 3 in bounds:
            truncation = np.broadcast_to(np.asarray(bounds[3] / 6.0 * h * h), value.shape)
        else:
            truncation = _truncation(value, quotient(h / 8.0, Run()))
        if value_error is None:
            runs = [Run(np.random.default_rng(seed), run.outside) for seed in (0, 1, 2)]
            moved = [np.abs(quotient(h, each) - value) for each in runs]
            roundoff = ulps * values.eps * size + 3.0 * np.max(moved, axis=0)
        else:
            roundoff = np.broadcast_to(np.asarray(value_error, float), value.shape)
        # The quotient's own rounding, and numbers below the smallest normal one.
        roundoff = roundoff + values.eps * size + float(np.finfo(values.dtype).tiny)
        return ComplexQuotient(
            h, value, np.asarray(truncation), np.asarray(roundoff), frozenset(run.outside)
        )

    def settled(found: ComplexQuotient) -> np.ndarray:
        small = 64.0 * values.eps * np.abs(found.value) + 4.0 * float(np.finfo(values.dtype).tiny)
        return np.asarray(~known | (found.error <= small))

    steps = (step,) if step is not None else tuple(2.0**e for e in _EXPONENTS[kind])
    best, most = None, (-1, 0.0)
    for h in steps:
        found = candidate(h)
        done = settled(found)
        finite = np.where(np.isfinite(found.error), found.error, np.inf)
        rank = (int(np.sum(done)), -float(np.sum(np.where(known, finite, 0.0))))
        if best is None or rank > most:
            best, most = found, rank
        if np.all(done):
            break
    assert best is not None
    if not np.all(~known | np.isfinite(best.value + best.error)):
        raise ValueError(_unreached(best, step))
    return best


def _truncation(value: Any, shorter: Any) -> np.ndarray:
    """Error of a quotient from that of an eighth of its step; infinite where they part.

    An error ~ h^2 falls to a 64th, one ~ h^(1/5) to two thirds: 8 times the difference covers it.
    """
    change = np.abs(value - shorter)
    error = np.where(change < 1e-3 * np.abs(value), change * (64.0 / 63.0), 8.0 * change)
    parted = (np.abs(shorter) > 2.0 * np.abs(value)) & (change > 0)
    return np.asarray(np.where(parted, np.inf, error))


def _unreached(found: ComplexQuotient, step: float | None) -> str:
    if found.outside:
        where = ", ".join(f"'{name}'" for name in sorted(found.outside))
        why = f"values of the operation {where} at the edge or outside of its real domain"
        wanted = "points inside of it, since a branch of a complex function is another function"
    else:
        why = f"imaginary parts that over- or underflow at the step {step or found.step:.3g}"
        wanted = "values within the range of the dtype"
    return (
        f"f: got {why}, expected {wanted} for scheme='complex'. Take scheme='central' or "
        "'richardson', or jax.grad."
    )
