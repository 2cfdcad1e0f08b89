"""From a model, a target and a box to the expression whose largest absolute value is asked for."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from approxlab.arguments import check_function, part_to_write
from approxlab.certify._boxes import check_cuts
from approxlab.certify._expression import Builder, Expression
from approxlab.certify._network_expressions import add_network
from approxlab.certify._tracing import add_function
from approxlab.domains import Box
from approxlab.networks.mlp import MLP

__all__ = ["check_double", "cuts_of", "difference", "domain_of", "single"]

_MOST_CUTS = 2**12


def check_double() -> None:
    """Certificates need float64: in float32 mode JAX would round every number of a function."""
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "certify: got JAX in float32 mode, expected float64: literals of a target would be "
            "rounded. Write jax.config.update('jax_enable_x64', True) at the start of the program."
        )


def domain_of(model: Any, target: Any, box: Any) -> Box:
    """The box that was given, or that of the target."""
    check_model("model", model)
    check_model("target", target)
    domain = getattr(target, "domain", None) if box is None else box
    if domain is None:
        raise ValueError(
            "box: got None and a target without a domain, expected a box. Write "
            "box=al.Box([0.0], [1.0])."
        )
    if not isinstance(domain, Box):
        raise TypeError(f"box: got {domain!r}, expected a Box such as al.Box([0.0], [1.0]).")
    for name, function in (("model", model), ("target", target)):
        own = getattr(function, "in_size", None) if isinstance(function, MLP) else None
        own = getattr(function, "dim", None) if own is None else own
        if isinstance(own, int) and own != domain.dim:
            raise ValueError(
                f"{name}: got a function of {own} variables on {domain!r}, expected "
                f"{domain.dim} variables."
            )
        if getattr(function, "mask", None) is not None and box is None:
            raise ValueError(
                f"{name}: got {function!r} with a mask, expected a function on a whole box. Give "
                "box= a box inside of the mask."
            )
    return domain


def check_model(name: str, function: Any) -> None:
    """A function of one point, and not a result that holds one."""
    if not callable(function):
        hint = part_to_write(function)
        if hint:
            raise TypeError(f"{name}: got {type(function).__name__}, expected a function.{hint}")
    check_function(name, function)


def difference(model: Any, target: Any, dim: int) -> Expression:
    """Model - target; equal parts of the two are one node."""
    builder = Builder(dim)
    first = _values(builder, model, "model")
    second = _values(builder, target, "target")
    sizes = builder.size(first), builder.size(second)
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"target: got values of {sizes[1]} components, expected {sizes[0]}, as of the model."
        )
    return builder.expression(builder.binary("subtract", first, second))


def single(model: Any, dim: int, sign: float = 1.0) -> Expression:
    """The model alone, or its negative."""
    builder = Builder(dim)
    node = _values(builder, model, "model")
    return builder.expression(node if sign > 0 else builder.negate(node))


def _values(builder: Builder, function: Any, name: str) -> int:
    if isinstance(function, MLP) and type(function).__call__ is MLP.__call__:
        return add_network(builder, builder.input, function)
    return add_function(builder, builder.input, function, name)


def cuts_of(box: Box, model: Any, target: Any) -> tuple[np.ndarray, ...]:
    """The ends of the box along each axis; in one dimension the kinks of the target as well."""
    cuts = [np.array([a, b]) for a, b in zip(box.lower, box.upper, strict=True)]
    if box.dim == 1:
        kinks = [*(getattr(model, "kinks", None) or ()), *(getattr(target, "kinks", None) or ())]
        inner = sorted({float(k) for k in kinks if _can_cut(cuts[0], k)})
        wanted = np.array([box.lower[0], *inner, box.upper[0]])
        if len(inner) <= _MOST_CUTS and np.min(np.diff(wanted)) >= 2.0**-300:
            cuts = [wanted]
    found = tuple(cuts)
    check_cuts(found)
    return found


def _can_cut(ends: np.ndarray, kink: Any) -> bool:
    """Whether a kink lies inside and is a number that an axis can be cut at: it is only a hint."""
    try:
        check_cuts((np.array([ends[0], float(kink), ends[1]]),))
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def name_of(function: Any) -> str:
    """What a certificate calls a function."""
    own = getattr(function, "__qualname__", None)
    text = own if isinstance(own, str) else repr(function)
    return text if len(text) <= 200 and " at 0x" not in text else type(function).__name__


def check_tolerances(rtol: Any, atol: Any) -> None:
    """At least 0, not NaN, and not both 0."""
    for name, value in (("rtol", rtol), ("atol", atol)):
        number = hasattr(value, "__float__") and not hasattr(value, "__len__")
        if not number or not 0.0 <= float(value) < math.inf:
            raise ValueError(f"{name}: got {value!r}, expected a number that is at least 0.")
