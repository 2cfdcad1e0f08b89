"""Programs that are compiled as a whole when they are called eagerly, and serve further calls.

Eagerly, JAX runs a function operation by operation, but compiles a loop at each call: its body is a
new function every time. Compiled as a whole, the program is found again: for a network or another
value by the form of its arrays, for a plain function by the text of the program, since what it
closes over may have changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax.interpreters import mlir
from jaxtyping import Array

from approxlab.evaluation import split
from approxlab.kept_programs import PROGRAMS, context, forms, hides_something, shared

__all__ = ["compiled_once"]

Run = Callable[[Callable[..., Any], Array], Any]


def compiled_once(run: Run, name: tuple[Any, ...], f: Callable[..., Any], x: Array) -> Any:
    """`run(f, x)` by one compiled program; within a program of JAX, a part of that.

    Args:
        run: Made of JAX's functions, and determined by `name`.
        name: Hashable.
        f: A function of JAX, whose value is one array; a pytree is a value, as in `evaluate`.
        x: The point.
    """
    if _is_value(f):
        static, arrays = split(f)
        if _traced((x, arrays)):
            return run(f, x)
        program = PROGRAMS.of(
            (name, static, forms((arrays, x)), context()),
            lambda: jax.jit(lambda a, x: run(static.join(a), x)).lower(arrays, x).compile(),
        )
        return program(arrays, x)
    if _traced(x):
        return run(f, x)
    # A function of its own: JAX keeps what it traced of f, which may have changed.
    closed = jax.make_jaxpr(lambda point: f(point))(x)
    if _traced(closed.consts):
        return run(f, x)
    return _of_function(run, name, closed, x)


def _of_function(run: Run, name: tuple[Any, ...], closed: Any, x: Array) -> Any:
    """Arrays that the function closes over, and its numbers, are arguments of the program."""
    jaxpr, numbers = _without_numbers(closed.jaxpr)
    (value,) = closed.out_avals

    def at(consts: list[Any], x: Array) -> Any:
        inner = jex.jaxpr_as_fun(jex.ClosedJaxpr(jaxpr, consts))
        found = run(lambda point: jnp.asarray(inner(point)[0], value.dtype), x)
        return _with_all_used(found, (consts, x))

    arguments = [*map(jnp.asarray, closed.consts), *numbers], x
    traced = jax.jit(at).trace(*arguments)
    lowered = traced.lower()
    if hides_something(traced.jaxpr):
        return lowered.compile()(*arguments)
    return shared(lowered, (name, forms(arguments), context()))(*arguments)


def _without_numbers(jaxpr: Any) -> tuple[Any, list[Array]]:
    """Floating-point literals as further constants: functions that differ in them share a text."""
    variables, numbers, equations = list(jaxpr.constvars), [], []
    for equation in jaxpr.eqns:
        operands = list(equation.invars)
        for place, atom in enumerate(operands):
            aval: Any = atom.aval
            if isinstance(atom, jex.Literal) and jnp.issubdtype(aval.dtype, jnp.floating):
                operands[place] = jex.Var(aval)
                variables.append(operands[place])
                numbers.append(jnp.asarray(atom.val, aval.dtype))
        equations.append(equation.replace(invars=operands))
    return jaxpr.replace(constvars=variables, eqns=equations), numbers


# Returns its first operands and uses all, so that the text of a program shows every argument, also
# those it does not need. So does `keep_unused` of `jax.jit`, but JAX 0.12 holds what was compiled
# with it until 2048 newer ones have come: where nothing is pruned, its cache of pruned jaxprs
# (`_dce_jaxpr`) has a jaxpr as the value of its own weak key, and so all that was made of it.
_uses = jex.Primitive("uses")
_uses.multiple_results = True
_uses.def_abstract_eval(lambda *operands, results: operands[:results])
mlir.register_lowering(_uses, lambda _, *operands, results: operands[:results])


def _with_all_used(found: Any, arguments: Any) -> Any:
    results, structure = jax.tree.flatten(found)
    results = _uses.bind(*results, *jax.tree.leaves(arguments), results=len(results))
    return jax.tree.unflatten(structure, results)


def _is_value(f: Callable[..., Any]) -> bool:
    leaves = jax.tree.leaves(f)
    if len(leaves) == 1 and leaves[0] is f:
        return False
    try:
        split(f)
    except TypeError:  # with a part that cannot be hashed
        return False
    return True


def _traced(tree: Any) -> bool:
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))
