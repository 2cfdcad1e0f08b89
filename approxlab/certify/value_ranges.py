"""The range of a model on a box, and the error of a derivative, proved by sup norms."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.certify._problems import domain_of
from approxlab.certify.certificates import Certificate
from approxlab.certify.sup_norms import proved, sup_norm
from approxlab.domains import Box, check_interval
from approxlab.networks.mlp import MLP

__all__ = ["Range", "derivative_sup_norm", "range_"]


@dataclasses.dataclass(frozen=True, eq=False)
class Range:
    """Proved intervals for the least and the largest value of a model on a box.

    Attributes:
        least: An interval that holds the least value.
        largest: An interval that holds the largest value.
        status: "ok", "budget" or "precision", as of a `Certificate`.
        guaranteed: Whether the arithmetic of this machine passed its tests.
        certificates: Of sup |f - c| and sup |f + c| for a constant c >= sup |f|, which prove both.
    """

    least: tuple[float, float]
    largest: tuple[float, float]
    status: str
    guaranteed: bool
    certificates: tuple[Certificate, Certificate]

    def __repr__(self) -> str:
        low, high = self.least, self.largest
        return (
            f"Range({low[0]:.9g} <= least <= {low[1]:.9g}, "
            f"{high[0]:.9g} <= largest <= {high[1]:.9g}, {self.status})"
        )


def range_(
    model: Any, box: Any = None, *, rtol: Any = 1e-3, max_boxes: Any = None, seconds: Any = None
) -> Range:
    """Prove how small and how large the values of a model get on a box.

    With c >= sup |f|: max f = sup |f + c| - c and min f = c - sup |f - c|.

    Args:
        model: A network or a JAX function of one point, with values of shape ().
        box: The box; by default `model.domain`.
        rtol: Width of both intervals, as a part of sup |f|.
        max_boxes: As for `sup_norm`, for each of three searches.
        seconds: As for `sup_norm`, for each of three searches.

    Raises:
        TypeError: As `sup_norm`.
        ValueError: As `sup_norm`, or if the values are unbounded, as far as is known.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> import approxlab as al
        >>> found = range_(lambda x: x[0] ** 2 - x[0], al.Box([0.0], [1.0]))
        >>> found.least[0] <= -0.25 <= found.least[1], found.largest[0] <= 0.0 <= found.largest[1]
        (True, True)
    """
    domain = domain_of(model, model, box)
    limits = {"atol": 0.0, "max_boxes": max_boxes, "seconds": seconds}
    size = sup_norm(model, _constant(0.0), domain, rtol=0.5, **limits)
    if not np.isfinite(size.upper):
        raise ValueError(
            f"model: got values of which no bound is known on {domain!r}, expected bounded ones. "
            "Leave out where it divides by 0, or raise max_boxes."
        )
    c = size.upper or 2.0**-300
    limits["atol"] = float(rtol) * size.lower
    above = sup_norm(model, _constant(-c), domain, rtol=0.0, **limits)
    below = sup_norm(model, _constant(c), domain, rtol=0.0, **limits)
    statuses = {above.status, below.status}
    status = next((s for s in ("budget", "precision") if s in statuses), "ok")
    return Range(
        least=(_down(c - below.upper), _up(c - below.lower)),
        largest=(_down(above.lower - c), _up(above.upper - c)),
        status=status,
        guaranteed=above.guaranteed and below.guaranteed,
        certificates=(below, above),
    )


def _constant(c: float) -> Any:
    return lambda x: 0.0 * x[0] + c


def _up(value: float) -> float:
    return float(np.nextafter(value, np.inf))


def _down(value: float) -> float:
    return float(np.nextafter(value, -np.inf))


def derivative_sup_norm(model: Any, target: Any, box: Any = None, **limits: Any) -> Certificate:
    """Prove lower <= sup |model' - target'| <= upper on an interval: the error in C^1.

    The derivatives are those of JAX's rules, in exact arithmetic: the derivatives wherever the
    functions have one, unless a function declares another by `jax.custom_jvp`. At kinks
    and jumps, where JAX's rules give a number that is no derivative, they do not count for the
    lower end, which holds on a small interval around the witness. For the upper end, all numbers
    between the one-sided derivatives count, of every unit apart: relu(x) - relu(-x) against x has
    the interval [0, 1], though both have the derivative 1 everywhere.

    Args:
        model: A network or a JAX function of one point of shape (1,), with values of shape ().
        target: The same.
        box: An interval; by default that of the target.
        **limits: As for `sup_norm`: rtol, atol, max_boxes, seconds, progress.

    Raises:
        TypeError: As `sup_norm`.
        ValueError: As `sup_norm`, or if the box is not an interval.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> import approxlab as al
        >>> tanh = lambda x: jax.numpy.tanh(x[0])
        >>> found = derivative_sup_norm(tanh, lambda x: x[0], al.Box([0.0], [1.0]))
        >>> found.lower <= 0.5800256583859735 <= found.upper    # tanh(1)^2
        True
    """
    domain = domain_of(model, target, box)
    check_interval(domain, "box")
    cut = _Cut(domain, target)
    return proved(_Derivative(model), cut, domain, **limits, beside=True)


class _Derivative:
    """x -> f'(x)."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.kinks = getattr(function, "kinks", None)

    def __repr__(self) -> str:
        return f"derivative of {self.function!r}"

    def __call__(self, x: Any) -> Any:
        one = jnp.ones_like(x)
        return jax.jvp(lambda t: jnp.reshape(_plain(self.function)(t), ()), (x,), (one,))[1]


class _Cut(_Derivative):
    """The same with the box of a target."""

    def __init__(self, domain: Box, function: Any) -> None:
        super().__init__(function)
        self.domain = domain


def _plain(function: Any) -> Any:
    """A network with float64 parameters, so that no dtype is in the way of its derivative."""
    if not isinstance(function, MLP):
        return function
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), function)
