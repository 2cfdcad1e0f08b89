"""Constants that a jaxpr carries in itself, and the operations on them that cost nothing.

On its way from JAX to XLA a program loses x + 0, x - 0, 1 x, conversions to the same dtype, and
arithmetic on constants alone. Most of these come from derivative rules: the cotangent of a sum is
an array of ones, and an identity matrix is compared with its diagonal 0. Arrays of constants with
several values are taken for data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jax.extend import core

__all__ = ["Known", "constants_of", "is_folded", "names", "passed_on", "value_of"]

Known = dict[Any, Any]
"""Variables whose entries all have one value; None where they are constant but it is not known."""


def names(text: str) -> frozenset[str]:
    """The words of a text: names of primitives."""
    return frozenset(text.split())


_NEUTRAL = {"add": 0, "add_any": 0, "sub": 0, "mul": 1}
_APART = frozenset(["checkpoint", "jit", "pjit", "remat", "remat2"])
_MOVES = names("broadcast_in_dim copy expand_dims reshape squeeze transpose")
_FOLDED = _MOVES | names(
    "add add_any and convert_element_type div eq exp ge gt integer_pow le lt max min mul ne neg "
    "not or sub"
)


def constants_of(jaxpr: Any) -> Known:
    """Integer constants of a closed jaxpr: mostly bounds of loops."""
    inner, values = getattr(jaxpr, "jaxpr", jaxpr), getattr(jaxpr, "consts", ())
    return {
        v: int(value)
        for v, value in zip(inner.constvars, values, strict=False)
        if getattr(value, "shape", None) == () and value.dtype.kind in "iu"
    }


def passed_on(eqn: Any, inner: Any, known: Mapping[Any, Any], operands: Sequence[Any]) -> Known:
    """Known values of the inputs of a called jaxpr, closed or open.

    JAX lowers functions under `jit` and rematerialised parts separately, so that nothing from
    outside is folded there; only bounds of loops are looked up. `operands` are those of the
    equation in the order of the called jaxpr.
    """
    pairs = zip(getattr(inner, "jaxpr", inner).invars, operands, strict=False)
    values = {v: value_of(w, known) for v, w in pairs if _is_known(w, known)}
    if eqn.primitive.name in _APART:
        values = {v: n for v, n in values.items() if n is not None and v.aval.dtype.kind in "iu"}
    return constants_of(inner) | values


def value_of(v: Any, known: Mapping[Any, Any]) -> Any | None:
    """The value of a literal or a known variable; None if it has none that is known."""
    if not isinstance(v, core.Literal):
        return known.get(v)
    return v.val if not getattr(v.aval, "shape", ()) else None


def is_folded(eqn: Any, known: Known) -> bool:
    """Whether XLA never sees this equation; records the outputs whose values become known."""
    name, operands = eqn.primitive.name, eqn.invars
    fixed = [isinstance(v, core.Literal) or v in known for v in operands]
    if operands and all(fixed):
        scalar = not any(getattr(v.aval, "shape", ()) for v in eqn.outvars)
        if name in _FOLDED or (name == "select_n" and scalar):
            moved = name in _MOVES or name == "convert_element_type"
            value = value_of(operands[0], known) if moved else None
            known.update(dict.fromkeys(eqn.outvars, value))
            return True
    if name == "convert_element_type":
        return bool(operands[0].aval.dtype == eqn.outvars[0].aval.dtype)
    if name not in _NEUTRAL or not any(fixed):
        return False
    neutral = operands[1:] if name == "sub" else operands
    values = [value_of(v, known) for v in neutral]
    return any(value is not None and bool(value == _NEUTRAL[name]) for value in values)


def _is_known(v: Any, known: Mapping[Any, Any]) -> bool:
    return isinstance(v, core.Literal) or v in known
