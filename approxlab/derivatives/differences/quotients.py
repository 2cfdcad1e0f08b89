"""Derivatives by differences, each with what can be proved of its error.

A difference quotient needs values of f only. It is never exact: with a long step it is another
slope, with a short one the difference of two rounded numbers. Both errors are known in advance, and
so is the step at which their sum is least; `stencils` has the constants and the proofs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_function
from approxlab.claims import Bound
from approxlab.derivatives.differences._complex_quotients import complex_quotient
from approxlab.derivatives.differences._values import Values, check_floating, quotient
from approxlab.derivatives.differences.stencils import (
    Scheme,
    Stencil,
    check_order,
    checked_step,
    optimal_step,
    power_of_two,
    stencil,
)

__all__ = ["Difference", "difference"]

ULPS = 4
"""Assumed error of a value where none is given, in units of eps |f|."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Difference:
    """A difference quotient, and how wrong it can be.

    The three parts of the error have the shape of the value. They are proved where `proved` says
    so, under the `assumptions`; otherwise a bound was replaced by a sample of f, and their sum is
    an estimate, which may be too small.

    Attributes:
        value: The quotient, in the dtype of f, of the shape of f.
        truncation: Error of the quotient if it were computed without rounding.
        roundoff: Error from rounded values of f and from the quotient's own arithmetic.
        point_rounding: Error from points x + t v that are rounded; 0 where they are exact.
        proved: Whether nothing in these three was sampled.
        assumptions: What the bounds assume, a sentence each.
        step: The step h.
        scheme: "forward", "backward", "central", "richardson" or "complex".
        order: Power of h in the truncation error.
        evaluations: Number of values of f that were computed, those for estimates included.
        tableau: For "richardson": row j holds the central quotient of step h / 2^j, and what
            extrapolation makes of it and the rows above: column m is of order 2m + 2. Empty else.
    """

    value: np.ndarray
    truncation: np.ndarray
    roundoff: np.ndarray
    point_rounding: np.ndarray
    proved: bool
    assumptions: tuple[str, ...]
    step: float
    scheme: Scheme
    order: int
    evaluations: int
    tableau: tuple[tuple[np.ndarray, ...], ...] = ()

    @property
    def error(self) -> np.ndarray:
        """Sum of the three parts."""
        return np.asarray(self.truncation + self.roundoff + self.point_rounding)

    @property
    def bound(self) -> Bound | None:
        """The largest component of the error as a `Bound`; None where it is not proved, or nan."""
        if not self.proved or not np.all(np.isfinite(self.error)):
            return None
        return Bound(float(np.max(self.error, initial=0.0)), "; ".join(self.assumptions))

    @property
    def estimate(self) -> float | None:
        """The same where it is not proved; None where `bound` is there."""
        return None if self.bound else float(np.max(self.error, initial=0.0))

    def __repr__(self) -> str:
        error = float(np.max(self.error, initial=0.0))
        word = "error <=" if self.proved else "error about"
        value = f"{float(self.value):.10g}" if self.value.ndim == 0 else f"shape {self.value.shape}"
        return f"Difference({self.scheme}, {value}, {word} {error:.2g}, step {self.step:.3g})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: the largest of each part of the error."""
        parts = ("truncation", "roundoff", "point_rounding")
        largest = {name: float(np.max(getattr(self, name), initial=0.0)) for name in parts}
        return [
            {
                "scheme": self.scheme,
                "step": self.step,
                **largest,
                "proved": self.proved,
                "evaluations": self.evaluations,
            }
        ]


def difference(
    f: Callable[[Array], Any],
    x: Any,
    direction: Any = None,
    *,
    scheme: Scheme = "central",
    step: float | None = None,
    order: int | None = None,
    derivatives: Mapping[int, Any] | None = None,
    value_error: Any = None,
) -> Difference:
    """The derivative of f at x along v, d/dt f(x + t v) at t = 0, by a quotient, with its error.

    With M_k a bound on |d^k/dt^k f(x + t v)| between the outermost points, E a bound on the error
    of a computed value, and steps that are exact:

    | scheme | quotient | truncation | roundoff | values |
    |---|---|---|---|---|
    | "forward", "backward" | (f(x + hv) - f(x)) / h | h M_2 / 2 | 2 E / h | 2 |
    | "central" | (f(x + hv) - f(x - hv)) / 2h | h^2 M_3 / 6 | E / h | 2 |
    | "richardson", order 4 | (4 D(h/2) - D(h)) / 3 | h^4 M_5 / 480 | 3 E / h | 4 |
    | "complex" | Im f(x + ihv) / h | h^2 M_3 / 6, M_3 on the complex segment | stated | 1, and f |

    plus the rounding of the quotient's own few operations, which is added. The proofs stand at the
    head of `approxlab.derivatives.differences.stencils`. Steps that are chosen here are powers of
    two, at or below the best ones (`optimal_step`) for M_k and |f| where these are given, otherwise
    for a function that varies over a length max(1, |x|) / |v|; where |x| is beyond 1000 or below
    1/1000, also for one of length min(1, |x|) / |v|, and the smaller error wins. The step is the
    one that is taken: where one number moves, h = (x + h) - x. Where points are rounded all the
    same, the error that this causes is bounded by M_1. Computes in the dtype of x. Does not work
    under jit, but `difference_jacobian` does.

    Args:
        f: A JAX function of one array of the shape of x, with one array as value.
        x: The point; floating point, any shape.
        direction: v, of the shape of x; may be left out where x is one number.
        scheme: One of the above. "complex" refuses operations that are not known to be analytic,
            and values at the edge or outside of an operation's real domain, by name.
        step: h; by default near the best one. Refused where x + h v is x.
        order: For "richardson": 4 (the default), 6, 8 or 10.
        derivatives: Proved bounds: {k: M_k}, numbers or arrays of the shape of f. The truncation
            error needs k = order + 1. k = 1 is a bound on the norm of the gradient near the
            points, and is needed only where points are rounded. Missing bounds are sampled.
        value_error: Bound on the error of computed values of f; by default 4 eps |f| is assumed.
            For "complex" it is that of the imaginary part divided by h; without it nothing is
            proved: the error is what moving every operation by a few eps changes.

    Raises:
        TypeError: If x is not floating point, or the value of f not one floating-point array.
        ValueError: If an argument is not of the form described, or f is not analytic.

    Source:
        Taylor; the optimal steps are folklore (Dennis and Schnabel 1983, section 5.4); Richardson
        1911; complex step: Squire and Trapp 1998.

    Example:
        >>> found = difference(jnp.tanh, jnp.asarray(1.0), step=0.125, derivatives={1: 1.0, 3: 2.0})
        >>> found.bound.value < 6e-3, found.proved
        (True, True)
        >>> slope = difference(jnp.exp, jnp.asarray(0.0), scheme="complex")
        >>> float(slope.value), slope.proved
        (1.0, False)
    """
    check_function("f", f)
    order = check_order(scheme, order)
    point, along = _point_and_direction(x, direction)
    bounds = {int(k): np.asarray(bound, np.float64) for k, bound in (derivatives or {}).items()}
    _check_bounds(bounds, value_error)
    rule = stencil(scheme, order)
    values = Values(f, point, along)
    if scheme == "complex":
        given = None if step is None else checked_step(step)
        return _complex(values, given, bounds, value_error)
    sizes = np.abs(point[along != 0]).astype(np.float64)
    lengths = [max(1.0, float(np.max(sizes)))]
    least = float(np.min(sizes, where=sizes > 0, initial=1.0))
    # At another scale than 1 nothing says whether f varies over |x| or over 1: both are tried.
    if step is None and rule.order + 1 not in bounds and not 1e-3 <= least <= lengths[0] <= 1e3:
        spacing = 32.0 * float(np.finfo(point.dtype).eps) * float(np.max(sizes))
        lengths.append(max(least, spacing / optimal_step(scheme, point.dtype, order=order)))
    found = []
    for length in lengths:
        scaled = length / float(np.linalg.norm(along.astype(np.float64)))
        h = _step(step, rule, values, bounds, value_error, scaled)
        h = values.taken(h, bounded=1 in bounds)
        found.append(_real(values, rule, h, bounds, value_error, scaled))
    return _better(*found, seen=lengths[1] <= 1.0) if len(found) > 1 else found[0]


def _real(
    values: Values,
    rule: Stencil,
    h: float,
    bounds: Mapping[int, np.ndarray],
    value_error: Any,
    length: float,
) -> Difference:
    """The quotient at real points, and the parts of its error."""
    sampled = [values.at(s * h) for s in rule.offsets]
    errors = [_value_error(value, value_error) for value in sampled]
    slope, arithmetic, tableau = quotient(rule, sampled, h)
    weights = [abs(w) / h for w in rule.weights]
    notes = [_value_note(value_error)]
    truncation, notes, sure = _truncation(rule, values, h, bounds, length, notes)
    rounded = sum(w * values.rounding(t * h) for w, t in zip(weights, rule.offsets, strict=True))
    steepest: Any = bounds.get(1)
    if rounded > 0.0:
        if steepest is None:
            size = np.abs(slope.astype(np.float64)) / np.linalg.norm(values.v)
            steepest = np.maximum(size, 2.0 * values.slope_along_rounding(rule.offsets[0] * h))
        sure = sure and 1 in bounds
        notes.append("points rounded, |grad f| <= M_1" if 1 in bounds else "gradient sampled")
    from_values = sum(w * e for w, e in zip(weights, errors, strict=True))
    return Difference(
        slope,
        truncation,
        _up(from_values + arithmetic, slope.shape),
        _up(rounded * steepest if rounded > 0.0 else 0.0, slope.shape),
        sure,
        tuple(notes),
        h,
        rule.scheme,
        rule.order,
        values.count,
        tableau,
    )


def _better(long: Difference, short: Difference, *, seen: bool) -> Difference:
    """The quotient of the smaller error, where the shorter step judges the longer one.

    Roundoff is known and truncation is sampled: what the two differ by, beyond the error of the
    short one, is truncation of the long one. Unless lengths of 1 are `seen`, x is so large that its
    dtype has no points there: where the two differ nothing is known of the error, which is
    infinite.
    """
    apart = np.abs(long.value.astype(np.float64) - short.value.astype(np.float64))
    if not seen:
        blind = np.where(apart > long.error + short.error, np.inf, 0.0)
        long, short = (
            dataclasses.replace(each, truncation=np.asarray(each.truncation + blind))
            for each in (long, short)
        )
    missed = np.asarray(np.maximum(long.truncation, apart - short.error))
    long = dataclasses.replace(long, truncation=missed, evaluations=short.evaluations)
    errors = [np.max(np.nan_to_num(each.error, nan=np.inf), initial=0.0) for each in (long, short)]
    return long if errors[0] <= errors[1] else short


# The parts of the error


def _truncation(
    rule: Stencil,
    values: Values,
    h: float,
    bounds: Mapping[int, np.ndarray],
    length: float,
    notes: list[str],
) -> tuple[np.ndarray, list[str], bool]:
    """The bound from M_(p+1), or the same from a sampled derivative."""
    k = rule.order + 1
    given = k in bounds
    note = f"|d^{k} f| <= M_{k}" if given else f"d^{k} f sampled"
    if given:
        error = rule.truncation * bounds[k]
        for _ in range(rule.order):  # not h^p, which may overflow where the product does not
            error = error * h
    else:
        error = rule.truncation * values.sampled_change(k, length, h)
    return _up(error, values.shape), [*notes, note], given


def _complex(
    values: Values, step: float | None, bounds: Mapping[int, np.ndarray], value_error: Any
) -> Difference:
    found = complex_quotient(values, step, bounds, value_error, ULPS)
    notes = (
        "error of Im f / h as given"
        if value_error is not None
        else "roundings of Im f / h sampled",
        "|d^3 f| <= M_3 on the complex segment" if 3 in bounds else "truncation sampled",
    )
    return Difference(
        found.value.astype(values.dtype),
        _up(found.truncation, found.value.shape),
        _up(found.roundoff, found.value.shape),
        np.zeros(found.value.shape),
        3 in bounds and value_error is not None,
        notes,
        found.step,
        "complex",
        2,
        values.count,
    )


def _step(
    step: float | None,
    rule: Stencil,
    values: Values,
    bounds: Mapping[int, np.ndarray],
    value_error: Any,
    length: float,
) -> float:
    if step is not None:
        return checked_step(step)
    usual = optimal_step(rule.scheme, _kind(values.eps), order=rule.order) * length
    known = bounds.get(rule.order + 1)
    if known is None:
        return power_of_two(usual)
    error = (
        values.eps * float(np.max(np.abs(values.at(0.0))))
        if value_error is None
        else float(np.max(value_error))
    )
    best = optimal_step(
        rule.scheme,
        _kind(values.eps),
        value_error=error,
        order=rule.order,
        derivative=float(np.max(known)),
    )
    return power_of_two(best if 0.0 < best < 0.5 * length else usual)


# Arguments


def _point_and_direction(x: Any, direction: Any) -> tuple[np.ndarray, np.ndarray]:
    point = np.asarray(jnp.asarray(x))
    check_floating(point.dtype)
    if direction is None:
        if point.size != 1:
            raise ValueError(
                f"direction: got None for x of shape {point.shape}, expected an array of that "
                "shape. For all partial derivatives take `jacobian`."
            )
        return point, np.ones_like(point)
    along = np.asarray(direction, point.dtype)
    if along.shape != point.shape or not np.any(along) or not np.all(np.isfinite(along)):
        raise ValueError(
            f"direction: got {along.tolist()!r} of shape {along.shape}, expected finite numbers of "
            f"shape {point.shape}, not all zero."
        )
    return point, along


def _check_bounds(bounds: Mapping[int, np.ndarray], value_error: Any) -> None:
    for name, bound in [
        *((f"derivatives[{k}]", b) for k, b in bounds.items()),
        ("value_error", value_error),
    ]:
        if bound is not None and not np.all(np.asarray(bound, float) >= 0.0):
            raise ValueError(f"{name}: got {bound!r}, expected a bound that is at least 0.")


def _value_error(value: np.ndarray, given: Any) -> np.ndarray:
    if given is not None:
        return np.asarray(given, np.float64)
    eps = float(np.finfo(value.dtype).eps)
    return np.asarray(ULPS * eps * np.abs(value.astype(np.float64)))


def _value_note(given: Any) -> str:
    return "error of values as given" if given is not None else f"values right to {ULPS} eps |f|"


def _kind(eps: float) -> Any:
    return np.float64 if eps < 1e-12 else np.float32


def _up(error: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An error of that shape, with what the few operations of the bound itself may have lost."""
    return np.broadcast_to(np.asarray(error, np.float64) * (1.0 + 2.0**-40), shape)
