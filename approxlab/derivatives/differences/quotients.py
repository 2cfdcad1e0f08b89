"""Derivatives by differences, each with what can be proved of its error.

A difference quotient needs values of f only. It is never exact: with a long step it is another
slope, with a short one the difference of two rounded numbers. Both errors are known in advance, and
so is the step at which their sum is least; `stencils` has the constants and the proofs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_function
from approxlab.claims import Bound
from approxlab.derivatives.differences._complex_step import at_complex_points
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
    order: int = 4,
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
    for a function that varies over a length max(1, |x|) / |v|. Where points are rounded all the
    same, the error that this causes is bounded by M_1. Computes in the dtype of x. Does not work
    under jit, but `difference_jacobian` does.

    Args:
        f: A JAX function of one array of the shape of x, with one array as value.
        x: The point; floating point, any shape.
        direction: v, of the shape of x; may be left out where x is one number.
        scheme: One of the above. "complex" refuses functions with operations that are not known
            to be analytic, by name.
        step: h; by default near the best one.
        order: For "richardson": 4, 6, 8 or 10.
        derivatives: Proved bounds: {k: M_k}, numbers or arrays of the shape of f. The truncation
            error needs k = order + 1. k = 1 is a bound on the norm of the gradient near the
            points, and is needed only where points are rounded. Missing bounds are sampled.
        value_error: Bound on the error of computed values of f; by default 4 eps |f| is assumed.
            For "complex" it is that of the imaginary part divided by h; without it nothing is
            proved, since it does not follow from any assumption on f.

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
    check_order(scheme, order)
    point, along = _point_and_direction(x, direction)
    bounds = {int(k): np.asarray(bound, np.float64) for k, bound in (derivatives or {}).items()}
    _check_bounds(bounds, value_error)
    rule = stencil(scheme, order)
    values = Values(f, point, along)
    length = max(1.0, float(np.max(np.abs(point)))) / float(np.linalg.norm(along))
    h = _step(step, rule, values, bounds, value_error, length)
    if scheme == "complex":
        return _complex(values, rule, h, bounds, value_error, length)
    sampled = [values.at(s * h) for s in rule.offsets]
    errors = [_value_error(value, value_error) for value in sampled]
    slope, arithmetic, tableau = quotient(rule, sampled, h)
    weights = [abs(w) / h for w in rule.weights]
    notes = [_value_note(value_error)]
    truncation, notes, sure = _truncation(rule, values, h, bounds, length, notes)
    rounded = sum(w * values.rounding(t * h) for w, t in zip(weights, rule.offsets, strict=True))
    steepest = bounds.get(1, np.abs(slope.astype(np.float64)) / np.linalg.norm(along))
    if rounded > 0.0:
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
        scheme,
        rule.order,
        values.count,
        tableau,
    )


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
    size = bounds[k] if given else values.sampled_derivative(k, length)
    where = " on the complex segment" if rule.scheme == "complex" else ""
    note = f"|d^{k} f| <= M_{k}{where}" if given else f"d^{k} f sampled"
    error = rule.truncation * h**rule.order * size
    return _up(error, values.shape), [*notes, note], given


def _complex(
    values: Values,
    rule: Stencil,
    h: float,
    bounds: Mapping[int, np.ndarray],
    value_error: Any,
    length: float,
) -> Difference:
    real = values.at(0.0)
    at = at_complex_points(values.f, jnp.asarray(values.x))
    z = jax.lax.complex(jnp.asarray(values.x), jnp.asarray(values.v * values.x.dtype.type(h)))
    values.count += 1
    # Where f itself is nan, a branch of its complex logarithm or root may still be a number.
    slope = np.where(np.isfinite(real), np.asarray(at(z)).imag / real.dtype.type(h), np.nan)
    assumed = (
        "error of Im f / h as given"
        if value_error is not None
        else f"Im f / h right to {ULPS} eps of itself, which fails where terms cancel"
    )
    truncation, notes, sure = _truncation(rule, values, h, bounds, length, [assumed])
    size = np.abs(slope.astype(np.float64))
    error = ULPS * values.eps * size if value_error is None else np.asarray(value_error, float)
    return Difference(
        slope.astype(real.dtype),
        truncation,
        _up(error + values.eps * size, slope.shape),
        np.zeros(slope.shape),
        sure and value_error is not None,
        tuple(notes),
        h,
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
    if rule.scheme == "complex":
        return optimal_step("complex", _kind(values.eps))
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
