"""Exact counts of a JAX program: its jaxpr is walked, loops multiplied out, nothing compiled.

XLA's own figure counts a loop once, however often it runs; depends on its version; and after
optimisation counts another program. The jaxpr is the program as the caller wrote it, so its count
is the reference here, and XLA's is a cross-check.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax

from approxlab.arguments import check_function
from approxlab.derivatives._absent_modes import as_jax_function
from approxlab.derivatives.counts._primitive_work import NOT_COUNTED, Number, operations, weigh
from approxlab.derivatives.counts.inner_jaxprs import (
    CALLS,
    CONTROL,
    called,
    live_equations,
    open_jaxpr,
    scan_liveness,
    solver,
    trip_count,
)
from approxlab.derivatives.counts.jaxpr_constants import Known, constants_of, is_folded, passed_on
from approxlab.evaluation import settled

__all__ = ["Count", "Work", "count", "count_jaxpr"]

_UNKNOWN_STEPS = (
    "while: its body is counted once, since the number of steps is not known before it runs."
)


@dataclasses.dataclass(frozen=True)
class Work:
    """Work of one primitive in all its equations, each as often as it runs.

    Attributes:
        equations: How often it runs.
        dot_flops: FLOPs, if it is a matrix product.
        flops: FLOPs.
        transcendentals: Transcendentals.
        bytes: Bytes of inputs and outputs.

    A number of operations that nothing tells is nan.
    """

    equations: int
    dot_flops: Number
    flops: Number
    transcendentals: Number
    bytes: int


@dataclasses.dataclass(frozen=True, repr=False)
class Count:
    """The operations of a program, in all its loops.

    A program with a part that cannot be counted, such as a callback, has nan in the place of its
    numbers of operations, which is printed as "not counted"; `assumptions` names the part.

    Attributes:
        dot_flops: FLOPs of matrix products, 2 x output size x contracted size each.
        flops: All FLOPs, those of elementwise operations included, by XLA's convention.
        transcendentals: Elements of exp, log, tanh, sin, sqrt, pow, erf and the like.
        bytes: Inputs and outputs of every equation: the traffic if nothing were fused.
        by_primitive: `Work` of each primitive, by name.
        assumptions: A sentence for everything that the program leaves open.
        largest_size: Elements of the largest array that an equation writes.
        largest_bytes: Bytes of the array with most bytes.
    """

    dot_flops: Number
    flops: Number
    transcendentals: Number
    bytes: int
    by_primitive: Mapping[str, Work]
    assumptions: tuple[str, ...]
    largest_size: int
    largest_bytes: int

    @property
    def complete(self) -> bool:
        """Whether every part of the program was counted."""
        return not math.isnan(self.flops)

    def whole_flops(self) -> int:
        """All FLOPs, for plans that need a number.

        Raises:
            ValueError: If a part of the program is not counted.
        """
        if not self.complete:
            raise ValueError(f"flops: got no number, expected a program to count. {self._missing}")
        return int(self.flops)

    @property
    def _missing(self) -> str:
        return " ".join(said for said in self.assumptions if ": not counted" in said)

    def __repr__(self) -> str:
        if not self.complete:
            return f"Count(FLOPs not counted, {self.bytes:,} bytes; {self._missing})"
        work = f"{self.dot_flops:,} dot FLOPs, {self.flops:,} FLOPs"
        rest = f"{self.transcendentals:,} transcendentals, {self.bytes:,} bytes"
        assumed = f", {len(self.assumptions)} assumptions" if self.assumptions else ""
        once = f"; {_UNKNOWN_STEPS}" if _UNKNOWN_STEPS in self.assumptions else ""
        return f"Count({work}, {rest}{assumed}{once})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per primitive, most expensive first; "not counted" in a number's place."""
        ranked = sorted(self.by_primitive.items(), key=lambda pair: -_ranked(pair[1].flops))
        return [
            {"primitive": name, **{k: _said(v) for k, v in dataclasses.asdict(work).items()}}
            for name, work in ranked
        ]


def _ranked(number: Number) -> Number:
    """Numbers in order; what is not counted may be the largest."""
    return math.inf if math.isnan(number) else number


def _said(number: Any) -> Any:
    return "not counted" if math.isnan(number) else number


def count(fn: Callable[..., Any], *args: Any, live_only: bool = False) -> Count:
    """Count the operations of `fn(*args)` from its jaxpr, without running or compiling it.

    A `scan` costs its length times its body. A `while` costs its number of steps where a counter
    with known start, step and bound decides them; otherwise its body is counted once, and
    `assumptions` says so. The most expensive branch of a `cond` is counted. Calls, custom
    derivatives and rematerialised parts are entered, and so is the solver of a
    `custom_linear_solve`. Factorisations, Fourier transforms and sorts cost their standard leading
    terms, n^3 / 3 for a Cholesky factorisation, and are named. A primitive without a rule is
    counted as XLA counts it alone, and named. Where none of this tells (a callback, a kernel, a
    random generator lowered to a loop) the numbers are nan, printed as "not counted".

    Args:
        fn: Any function that JAX can trace.
        args: Arrays, pytrees of them, or `jax.ShapeDtypeStruct`: values are not used.
        live_only: Leave out equations whose results are not used, as JAX does when it lowers. The
            jaxpr of `jax.jacfwd(f)` holds all of the value of f, which is then dropped.

    Example:
        >>> import jax.numpy as jnp
        >>> W, x = jax.ShapeDtypeStruct((16, 16), "float32"), jax.ShapeDtypeStruct((16,), "float32")
        >>> def steps(W, x):
        ...     return jax.lax.scan(lambda x, _: (jnp.tanh(W @ x), None), x, length=10)[0]
        >>> count(steps, W, x).dot_flops
        5120
    """
    check_function("fn", fn)
    with as_jax_function("fn"):
        jaxpr = jax.make_jaxpr(settled(fn))(*args)
    return count_jaxpr(jaxpr, live_only=live_only)


def count_jaxpr(jaxpr: Any, *, live_only: bool = False) -> Count:
    """Count the operations of a jaxpr, closed or open; see `count`.

    Example:
        >>> import jax.numpy as jnp
        >>> closed = jax.make_jaxpr(lambda x: 2.0 * jnp.sin(x))(jnp.zeros(5))
        >>> count_jaxpr(closed).flops, count_jaxpr(closed).transcendentals
        (5, 5)
    """
    inner = open_jaxpr(jaxpr)
    tally = _walk(inner, [True] * len(inner.outvars), constants_of(jaxpr), live_only)
    by_primitive = {
        name: Work(*map(_one_nan, tally.by_primitive[name])) for name in sorted(tally.by_primitive)
    }
    return Count(
        tally.total(1),
        tally.total(2),
        tally.total(3),
        tally.total(4),
        MappingProxyType(by_primitive),
        tuple(tally.assumptions),
        tally.largest_size,
        tally.largest_bytes,
    )


@dataclasses.dataclass
class _Tally:
    """A count in the making."""

    by_primitive: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    assumptions: dict[str, None] = dataclasses.field(default_factory=dict)  # an ordered set
    largest_size: int = 0
    largest_bytes: int = 0

    def add(self, other: _Tally, times: int = 1) -> None:
        for name, work in other.by_primitive.items():
            self.put(name, [times * number if times else 0 for number in work])
        self.assumptions |= other.assumptions
        self.largest_size = max(self.largest_size, other.largest_size)
        self.largest_bytes = max(self.largest_bytes, other.largest_bytes)

    def add_equation(self, eqn: Any, known: Known) -> None:
        """Few calls, since programs have many equations."""
        read, _, _ = weigh(eqn.invars)
        written, size, weight = weigh(eqn.outvars)
        work = (0, 0, 0, None) if is_folded(eqn, known) else operations(eqn)
        self.put(eqn.primitive.name, [1, *work[:3], read + written])
        if work[3] is not None:
            self.assumptions[work[3]] = None
        self.largest_size = max(self.largest_size, size)
        self.largest_bytes = max(self.largest_bytes, weight)

    def put(self, name: str, work: list[Any]) -> None:
        """Numbers in the order of `Work`."""
        before = self.by_primitive.get(name)
        self.by_primitive[name] = work if before is None else list(map(operator.add, before, work))

    def total(self, i: int) -> Any:
        """Over all primitives, of one number of `Work`; nan where a part is not counted."""
        return _one_nan(sum(work[i] for work in self.by_primitive.values()))


def _one_nan(number: Any) -> Any:
    """The same nan everywhere, so that equal counts compare equal."""
    return NOT_COUNTED if math.isnan(number) else number


def _walk(jaxpr: Any, used: Sequence[bool], known: Known, live_only: bool) -> _Tally:
    """All equations of an open jaxpr, or those alone whose results are used."""
    tally = _Tally()
    if live_only:
        equations = live_equations(jaxpr, used)[0]
    else:
        equations = [(eqn, [True] * len(eqn.outvars)) for eqn in jaxpr.eqns]
    for eqn, outs in equations:
        name = eqn.primitive.name
        if name not in CONTROL:
            tally.add_equation(eqn, known)
        elif name in CALLS:
            inner = called(eqn)
            constants = passed_on(eqn, inner, known, eqn.invars)
            tally.add(_walk(open_jaxpr(inner), outs, constants, live_only))
        elif name == "custom_linear_solve":
            inner, operands = solver(eqn)
            constants = passed_on(eqn, inner, known, operands)
            tally.add(_walk(open_jaxpr(inner), outs, constants, live_only))
        elif name == "scan":
            wanted = scan_liveness(eqn, outs)[0] if live_only else [True] * len(eqn.outvars)
            body = eqn.params["jaxpr"]
            one = _walk(open_jaxpr(body), wanted, constants_of(body), live_only)
            tally.add(one, eqn.params["length"])
        elif name == "while":
            _add_while(tally, eqn, known, live_only)
        elif name == "cond":
            _add_cond(tally, eqn, outs, live_only)
    return tally


def _add_while(tally: _Tally, eqn: Any, known: Known, live_only: bool) -> None:
    """The body as often as it runs, the condition once more than that."""
    runs = trip_count(eqn, known)
    if runs is None:
        tally.assumptions[_UNKNOWN_STEPS] = None
        runs = 1
    for name, times in (("cond_jaxpr", runs + 1), ("body_jaxpr", runs)):
        part = eqn.params[name]
        inner = open_jaxpr(part)
        one = _walk(inner, [True] * len(inner.outvars), constants_of(part), live_only)
        tally.add(one, times)


def _add_cond(tally: _Tally, eqn: Any, outs: list[bool], live_only: bool) -> None:
    branches = [
        _walk(open_jaxpr(b), outs, constants_of(b), live_only) for b in eqn.params["branches"]
    ]
    tally.add(
        max(branches, key=lambda branch: (_ranked(branch.total(2)), _ranked(branch.total(3))))
    )
    tally.assumptions[f"cond: the most expensive of its {len(branches)} branches is counted."] = (
        None
    )
