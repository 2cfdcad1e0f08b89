"""Functions that JAX differentiates in one direction only, or cannot trace at all.

`while_loop` and `fori_loop` with a traced bound have no reverse mode, a function with a reverse
rule of its own (`custom_vjp`) has no forward mode, a callback has neither. Nothing is looked up in
a list, nor in the words of JAX: a mode is run, and where that fails it is traced alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Mode", "as_jax_function", "by_mode_that_exists", "linearized", "refusal", "why_absent"]

Mode = Literal["forward", "reverse"]
T = TypeVar("T")

_NEEDS_NUMBERS = (
    jax.errors.ConcretizationTypeError,  # and with it `if x > 0`
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def by_mode_that_exists(
    modes: Sequence[Mode],
    f: Callable[..., Any],
    leaves: Sequence[Any],
    run: Callable[[Mode], T],
    name: str = "f",
) -> T:
    """`run(mode)` by the first of these modes that f has at these arrays.

    Nothing is traced besides unless `run` fails.

    Raises:
        ValueError: If f has none of them; an error of `run` that has another cause stays as it is.
    """
    absent: dict[Mode, str] = {}
    for mode in modes:
        try:
            return run(mode)
        except Exception:  # JAX has no class of errors for this
            why = why_absent(mode, f, leaves)
            if why is None:
                raise
            absent[mode] = why
    raise refusal(absent, f, leaves, name)


def refusal(
    absent: dict[Mode, str], f: Callable[..., Any], leaves: Sequence[Any], name: str = "f"
) -> ValueError:
    """The error that says which modes f does not have, and which one it has."""
    others: list[Mode] = [mode for mode in ("forward", "reverse") if mode not in absent]
    there = [mode for mode in others if why_absent(mode, f, leaves) is None]
    fix = (
        f"Use {there[0]} mode, which it has, as jacobian(f, x, {there[0]!r}) does."
        if there
        else "Use method='differences', or give it a rule by jax.custom_jvp."
    )
    modes = " and no ".join(f"{mode} mode" for mode in absent)
    said = "; ".join(dict.fromkeys(absent.values()))
    return ValueError(f"{name}: got a function that has no {modes} in JAX ({said}). {fix}")


def why_absent(mode: Mode, f: Callable[..., Any], leaves: Sequence[Any]) -> str | None:
    """What JAX says against this mode of f; None if it has it, or cannot be traced at all."""
    points = tuple(jnp.asarray(leaf) for leaf in leaves)

    def forward(*at: Any) -> Any:
        # Under vmap, since jvp alone stages the refusal of a custom_vjp function for later.
        tangents = tuple(jnp.ones_like(leaf)[None] for leaf in at)
        return jax.vmap(lambda *v: jax.jvp(f, at, v)[1])(*tangents)

    def reverse(*at: Any) -> Any:
        value, pull = jax.vjp(f, *at)
        return pull(jax.tree.map(_cotangent, value))

    try:
        jax.eval_shape(f, *points)
    except Exception:  # then it is no matter of the mode
        return None
    try:
        jax.eval_shape(forward if mode == "forward" else reverse, *points)
    except Exception as error:  # whatever a rule raises
        first = str(error).strip().split("\n")[0].split(". ")[0].rstrip(".")
        return first or type(error).__name__
    return None


def linearized(f: Callable[[Any], Any], x: Any) -> tuple[Any, Callable[[Any], Any]]:
    """f(x), and v -> J v, with the value computed once where JAX can."""
    try:
        value, push = jax.linearize(f, x)
    except Exception:  # it fails on some functions that have a forward mode
        if why_absent("forward", f, (x,)) is not None:
            raise
        return f(x), lambda v: jax.jvp(f, (x,), (v,))[1]
    return value, push


@contextlib.contextmanager
def as_jax_function(name: str = "f") -> Iterator[None]:
    """Says in plain words that a function asks for the numbers behind traced arrays."""
    try:
        yield
    except _NEEDS_NUMBERS as error:
        said = str(error).split("\n")[0].split(". ")[0].rstrip(".")
        raise TypeError(
            f"{name}: got a function that needs the numbers behind an array, expected a JAX "
            f"function ({said}). Use jnp.where in place of `if`, and jnp.sin in place of math.sin "
            "or np.sin."
        ) from error


def _cotangent(leaf: Any) -> Any:
    if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact):
        return jnp.ones_like(leaf)
    return np.zeros(jnp.shape(leaf), jax.dtypes.float0)
