"""Jaxprs inside of equations: which there are, which results are used, how often loops run.

The names of these primitives change with the versions of JAX (`pjit` became `jit`), so they are
recognised by their parameters as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from jax.extend import core

from approxlab.derivatives.counts.jaxpr_constants import Known, names, value_of

__all__ = [
    "CALLS",
    "CONTROL",
    "called",
    "holds_a_jaxpr",
    "live_equations",
    "open_jaxpr",
    "scan_liveness",
    "scan_parts",
    "solver",
    "trip_count",
]

# Entered once, with the equation's inputs and outputs as their own.
CALLS = names(
    "pjit jit closed_call core_call remat remat2 checkpoint custom_jvp_call custom_vjp_call "
    "custom_vjp_call_jaxpr custom_lin named_call composite custom_transpose_call"
)

CONTROL = CALLS | {"scan", "while", "cond", "custom_linear_solve"}
"""Primitives with jaxprs that are understood."""


def open_jaxpr(jaxpr: Any) -> Any:
    """The jaxpr of a closed one, or the open one itself."""
    return getattr(jaxpr, "jaxpr", jaxpr)


def called(eqn: Any) -> Any | None:
    """The jaxpr that an equation calls once; None if it is not a call."""
    if eqn.primitive.name not in CALLS:
        return None
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr", "call"):
        if name in eqn.params:
            return eqn.params[name]
    return None


def solver(eqn: Any) -> tuple[Any, list[Any]]:
    """The jaxpr that a `custom_linear_solve` runs, and its operands in order.

    It holds three more, which serve its derivatives and its checks alone.
    """
    lengths = eqn.params["const_lengths"]
    before = lengths.matvec + lengths.vecmat
    constants = eqn.invars[before : before + lengths.solve]
    return eqn.params["jaxprs"].solve, [*constants, *eqn.invars[sum(lengths) :]]


def holds_a_jaxpr(eqn: Any) -> bool:
    """Whether a jaxpr is found in any parameter, in containers and dataclasses too."""
    return any(_is_or_holds(value, 0) for value in eqn.params.values())


def _is_or_holds(value: Any, depth: int) -> bool:
    if hasattr(value, "eqns") or hasattr(getattr(value, "jaxpr", None), "eqns"):
        return True
    if depth > 8:
        return False
    if isinstance(value, Mapping):
        parts = list(value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        parts = list(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    else:
        return False
    return any(_is_or_holds(part, depth + 1) for part in parts)


def live_equations(
    jaxpr: Any, used: Sequence[bool] | None = None
) -> tuple[list[tuple[Any, list[bool]]], list[bool]]:
    """Equations whose results are used, each with which of them, and which inputs are.

    Args:
        jaxpr: An open jaxpr.
        used: Which outputs are wanted; by default all.
    """
    wanted = [True] * len(jaxpr.outvars) if used is None else used
    needed = {
        v
        for v, u in zip(jaxpr.outvars, wanted, strict=True)
        if u and not isinstance(v, core.Literal)
    }
    kept = []
    for eqn in reversed(jaxpr.eqns):
        outs = [v in needed for v in eqn.outvars]
        if not any(outs) and not eqn.effects:
            continue
        kept.append((eqn, outs))
        operands = eqn.invars
        if eqn.primitive.name in CONTROL:
            ins = _needed_inputs(eqn, outs)
            operands = [v for v, u in zip(operands, ins, strict=True) if u]
        needed.update(v for v in operands if not isinstance(v, core.Literal))
    return kept[::-1], [v in needed for v in jaxpr.invars]


def _needed_inputs(eqn: Any, outs: list[bool]) -> list[bool]:
    name = eqn.primitive.name
    inner = called(eqn)
    if inner is not None and len(open_jaxpr(inner).invars) == len(eqn.invars):
        return live_equations(open_jaxpr(inner), outs)[1]
    if name == "scan":
        return scan_liveness(eqn, outs)[1]
    if name == "cond":
        branches = [live_equations(open_jaxpr(b), outs)[1] for b in eqn.params["branches"]]
        return [True, *(any(each) for each in zip(*branches, strict=True))]
    return [True] * len(eqn.invars)


def scan_liveness(eqn: Any, outs: Sequence[bool]) -> tuple[list[bool], list[bool]]:
    """Which outputs of the body are used, and which inputs of the scan.

    A carried value is used if it is wanted in the end or by a used value of the next step.
    """
    body = open_jaxpr(eqn.params["jaxpr"])
    consts, carries = scan_parts(eqn, body)
    wanted = list(outs)
    while True:
        ins = live_equations(body, wanted)[1]
        carried = [a or b for a, b in zip(wanted, ins[consts : consts + carries], strict=False)]
        if carried == wanted[:carries]:
            return wanted, ins[:consts] + carried + ins[consts + carries :]
        wanted[:carries] = carried


def scan_parts(eqn: Any, body: Any) -> tuple[int, int]:
    """Numbers of constants and of carried values.

    Found by shape, since the names of the parameters changed with JAX's versions: what is scanned
    over, or stacked, has one axis more outside of the body than in it.
    """

    def same(outside: Any, inside: Any) -> int:
        pairs = zip(outside, inside, strict=True)
        return sum(len(a.aval.shape) == len(b.aval.shape) for a, b in pairs)

    carries = same(eqn.outvars, body.outvars)
    return same(eqn.invars, body.invars) - carries, carries


def trip_count(eqn: Any, known: Known) -> int | None:
    """How often the body of a `while` runs, where a counter can be seen to decide it.

    Recognised: a condition that is one comparison of a carried integer with a bound, where the
    body adds a constant to that integer, and start and bound are known: literals, or values that
    the calling jaxpr knows. `fori_loop` and the usual hand-written counter are of this kind.
    """
    test, body = (open_jaxpr(eqn.params[name]) for name in ("cond_jaxpr", "body_jaxpr"))
    n_test, n_body = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    if len(test.eqns) != 1 or test.eqns[0].outvars[0] is not test.outvars[0]:
        return None
    compare = test.eqns[0]
    start = eqn.invars[n_test + n_body :]

    def side(v: Any) -> tuple[int | None, int | None]:
        """Value at the start, and step, of one side of the comparison."""
        if isinstance(v, core.Literal):
            return _integer(v), 0
        place = test.invars.index(v) if v in test.invars else -1
        if 0 <= place < n_test:
            return _known_integer(eqn.invars[place], known), 0
        if place < 0:
            return None, None
        i = place - n_test
        return _known_integer(start[i], known), _step(
            body, body.invars[n_body + i], body.outvars[i]
        )

    (a, step_a), (b, step_b) = side(compare.invars[0]), side(compare.invars[1])
    if a is None or b is None or step_a is None or step_b is None:
        return None
    return _runs(compare.primitive.name, b - a, step_a - step_b)


def _runs(comparison: str, gap: int, step: int) -> int | None:
    """Steps while 0 < gap - k step (or the comparison's own form), for k = 0, 1, ..."""
    if comparison in ("gt", "ge"):
        return _runs({"gt": "lt", "ge": "le"}[comparison], -gap, -step)
    if comparison == "ne":
        return gap // step if step and gap % step == 0 and gap // step >= 0 else None
    if comparison not in ("lt", "le"):
        return None
    room = gap if comparison == "lt" else gap + 1
    if room <= 0:
        return 0
    return -(-room // step) if step > 0 else None


def _step(body: Any, before: Any, after: Any) -> int | None:
    """The constant that the body adds to a carried integer; None if it is not constant."""
    if after is before:
        return 0
    for e in body.eqns:
        if after in e.outvars and e.primitive.name in ("add", "sub"):
            left, right = e.invars
            if left is before and isinstance(right, core.Literal):
                size = _integer(right)
                return size if size is None or e.primitive.name == "add" else -size
            if e.primitive.name == "add" and right is before and isinstance(left, core.Literal):
                return _integer(left)
    return None


def _known_integer(v: Any, known: Known) -> int | None:
    value = value_of(v, known)
    return int(value) if value is not None and v.aval.dtype.kind in "iu" else None


def _integer(literal: Any) -> int | None:
    kind = getattr(literal.aval, "dtype", None)
    return int(literal.val) if kind is not None and kind.kind in "iu" else None
