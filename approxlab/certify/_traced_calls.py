"""Programs inside of programs: calls, branches and loops of known length."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.certify._traced_truths import choose
from approxlab.certify._traced_values import Value

__all__ = ["CALLS"]

Rule = Callable[..., Any]


def _call(parameter: str) -> Rule:
    def rule(tracer: Any, eqn: Any, args: list[Any]) -> list[Any]:
        inner = eqn.params[parameter]
        return tracer.run(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), args)

    return rule


_plain = _call("call_jaxpr")


def _custom_jvp(tracer: Any, eqn: Any, args: list[Any]) -> list[Any]:
    """exp(-x^2) for the program that computes it from the bits of x; any other as it is."""
    program = str(eqn.params["call_jaxpr"])
    if _BITS in program and isinstance(args[0], Value):
        aval = eqn.invars[0].aval
        if program == _program_of_exp_neg_sq(tuple(aval.shape), str(aval.dtype)):
            build = tracer.builder
            square = build.power(tracer.node(args[0]), 2)
            return [Value(build.function("exp", build.negate(square)), tuple(aval.shape))]
    return _plain(tracer, eqn, args)


_BITS = "bitcast_convert_type"


@functools.lru_cache(32)
def _program_of_exp_neg_sq(shape: tuple[int, ...], dtype: str) -> str:
    """What JAX calls in the derivative of erf, from 0.12 on; nothing before.

    The whole program is compared, since one of a user's own may be called by the same name.
    """
    slope = jax.make_jaxpr(lambda x: jax.jvp(jax.scipy.special.erf, (x,), (jnp.ones_like(x),))[1])
    for eqn in slope(jax.ShapeDtypeStruct(shape, dtype)).jaxpr.eqns:
        program = str(eqn.params.get("call_jaxpr", ""))
        if _BITS in program:
            return program
    return ""


def _cond(tracer: Any, eqn: Any, args: list[Any]) -> list[Any]:
    which, *rest = args
    branches = eqn.params["branches"]
    if not isinstance(which, Value):
        chosen = branches[int(np.clip(int(which), 0, len(branches) - 1))]
        return tracer.run(chosen.jaxpr, chosen.consts, rest)
    found = [tracer.run(branch.jaxpr, branch.consts, rest) for branch in branches]
    shapes = [tuple(var.aval.shape) for var in eqn.outvars]
    return [
        choose(tracer, which, c, s) for c, s in zip(zip(*found, strict=True), shapes, strict=True)
    ]


def _scan(tracer: Any, eqn: Any, args: list[Any]) -> list[Any]:
    """A loop of known length, unrolled; only its last state may be used."""
    params = eqn.params
    fixed, carried = params["num_consts"], params["num_carry"]
    if len(args) > fixed + carried or len(eqn.outvars) > carried:
        raise TypeError(
            f"{tracer.name}: cannot enclose 'scan' over arrays, expected a loop in Python."
        )
    if params["length"] > 1024:
        raise TypeError(
            f"{tracer.name}: cannot enclose 'scan' of {params['length']} steps, expected at most "
            "1024."
        )
    body, state = params["jaxpr"], args[fixed:]
    for _ in range(params["length"]):
        state = tracer.run(body.jaxpr, body.consts, [*args[:fixed], *state])
    return state


CALLS: Mapping[str, Rule] = {
    "jit": _call("jaxpr"),
    "pjit": _call("jaxpr"),
    "closed_call": _call("call_jaxpr"),
    "core_call": _call("call_jaxpr"),
    "custom_jvp_call": _custom_jvp,
    "custom_vjp_call": _call("call_jaxpr"),
    "custom_vjp_call_jaxpr": _call("fun_jaxpr"),
    "remat": _call("jaxpr"),
    "remat2": _call("jaxpr"),
    "checkpoint": _call("jaxpr"),
    "cond": _cond,
    "scan": _scan,
}
