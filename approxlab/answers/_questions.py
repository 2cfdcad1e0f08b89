"""The question of an answer: a target, an accuracy and a budget, checked."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.arguments import check_function, float_above, float_below, part_to_write
from approxlab.constructions._target_checks import check_target
from approxlab.domains import Box
from approxlab.targets.catalogue import get
from approxlab.targets.target import Target

__all__ = ["asked_above", "checked_eps", "checked_seconds", "target_of"]


def target_of(target: Any, box: Any) -> Target:
    """A target as it is, by its name in the catalogue, or made of a function and a box."""
    if isinstance(target, str):
        target = get(target)
    if isinstance(target, Target):
        found = target if box is None else _on(target, box)
    else:
        found = _made(target, box)
    value = jax.eval_shape(found.fn, jax.ShapeDtypeStruct((found.dim,), jnp.zeros(0).dtype))
    shape = getattr(value, "shape", None)
    if shape not in ((), None):
        raise ValueError(
            f"target: got values of shape {shape} of {found!r}, expected shape (): an answer is "
            "for one function with values in R. Ask for each component by itself: "
            "lambda x: fn(x)[0], or write x[0] for the only variable."
        )
    check_target(found)
    return found


def _on(target: Target, box: Any) -> Target:
    if not isinstance(box, Box):
        raise TypeError(f"box: got {box!r}, expected a Box such as al.Box([0.0], [1.0]).")
    if box != target.domain:
        raise ValueError(
            f"box: got {box!r} for {target!r}, expected None: a target has a box of its own. Write "
            "target.moved_to(box), or al.Target(fn, domain=box)."
        )
    return target


def _made(function: Any, box: Any) -> Target:
    hint = part_to_write(function)
    if hint and not callable(function):
        raise TypeError(f"target: got {type(function).__name__}, expected a function.{hint}")
    check_function("target", function)
    domain = getattr(function, "domain", None) if box is None else box
    if not isinstance(domain, Box):
        raise TypeError(
            f"box: got {box!r} for a plain function, expected the box on which it is approximated. "
            "Write box=al.Box([0.0], [1.0])."
        )
    name = getattr(function, "__name__", type(function).__name__)
    return Target(function, domain=domain, name="function" if name == "<lambda>" else name)


def checked_eps(eps: Any) -> float:
    """A positive finite float, not above what was asked: within it is within that."""
    try:
        number = math.nan if isinstance(eps, bool | str) else float_below(eps)
    except (TypeError, ValueError, ArithmeticError):
        number = math.nan
    if not 0.0 < number < math.inf:
        raise ValueError(
            f"eps: got {eps!r}, expected a positive number, such as 1e-3: the largest error in the "
            "sup norm."
        )
    return number


def asked_above(eps: Any) -> float:
    """The same, not below what was asked: what no network reaches within it, none reaches."""
    checked_eps(eps)
    return float_above(eps)


def checked_seconds(seconds: Any) -> float:
    """A positive number of seconds; None for no clock."""
    if seconds is None:
        return math.inf
    number = float(seconds) if isinstance(seconds, int | float) else math.nan
    if isinstance(seconds, bool) or not number > 0.0:
        raise ValueError(
            f"seconds: got {seconds!r}, expected a positive number of seconds, or None for "
            "no limit but max_fits."
        )
    return number
