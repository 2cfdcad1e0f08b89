"""Constants that a jaxpr carries in itself, and the operations on them that cost nothing.

On its way from JAX to XLA a program loses x + 0, x - 0, 1 x, x / 1, conversions to the same dtype,
and arithmetic on constants alone. Most of these come from derivative rules: the cotangent of a sum
is an array of ones, and an identity matrix is compared with its diagonal 0. Arrays of constants with
several values are taken for data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jax.extend import core

__all__ = ["Known", "constants_of", "is_folded", "passed_on", "value_of"]

Known = dict[Any, Any]
"""Variables whose entries all have one known value; None where only that they are constant is."""

_NEUTRAL = {"add": 0, "add_any": 0, "sub": 0, "mul": 1, "div": 1}
_MOVES = frozenset("broadcast_in_dim copy expand_dims reshape squeeze transpose".split())
_FOLDED = _MOVES | frozenset(
    "add add_any and convert_element_type div eq exp ge gt integer_pow le lt max min mul ne neg not or "
    "sub".split()
)


def constants_of(jaxpr: Any) -> Known:
    """Integers that a closed jaxpr holds beside its equations: bounds of loops, mostly."""
    inner, values = getattr(jaxpr, "jaxpr", jaxpr), getattr(jaxpr, "consts", ())
    return {
        v: int(value)
        for v, value in zip(inner.constvars, values, strict=False)
        if getattr(value, "shape", None) == () and value.dtype.kind in "iu"
    }


def passed_on(eqn: Any, inner: Any, known: Mapping[Any, Any]) -> Known:
    """What a called jaxpr, closed or open, knows of its inputs.

    What is computed again for the backward pass is shut off from its surroundings, so that nothing
    is folded there.
    """
    if "prevent_cse" in eqn.params:
        return constants_of(inner)
    names = getattr(inner, "jaxpr", inner).invars
    pairs = zip(names, eqn.invars, strict=False)
    return constants_of(inner) | {v: value_of(w, known) for v, w in pairs if _is_known(w, known)}


def value_of(v: Any, known: Mapping[Any, Any]) -> Any | None:
    """The value of a literal or a known variable; None if it has none that is known."""
    if not isinstance(v, core.Literal):
        return known.get(v)
    return v.val if not getattr(v.aval, "shape", ()) else None


def is_folded(eqn: Any, known: Known) -> bool:
    """Whether XLA receives nothing of this equation; notes what becomes known of its outputs."""
    name = eqn.primitive.name
    constant = eqn.invars and all(_is_known(v, known) for v in eqn.invars)
    scalar = not any(getattr(v.aval, "shape", ()) for v in eqn.outvars)
    if constant and (name in _FOLDED or (name == "select_n" and scalar)):
        moved = name in _MOVES or name == "convert_element_type"
        value = value_of(eqn.invars[0], known) if moved else None
        known.update(dict.fromkeys(eqn.outvars, value))
        return True
    if name == "convert_element_type":
        return bool(eqn.invars[0].aval.dtype == eqn.outvars[0].aval.dtype)
    if name not in _NEUTRAL:
        return False
    places = eqn.invars[1:] if name in ("sub", "div") else eqn.invars
    values = [value_of(v, known) for v in places]
    return any(value is not None and bool(value == _NEUTRAL[name]) for value in values)


def _is_known(v: Any, known: Mapping[Any, Any]) -> bool:
    return isinstance(v, core.Literal) or v in known
