"""What JAX says that the derivative is, in the modes that a function has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.derivatives.checking._flat_function import FlatFunction, Mode, vector

__all__ = ["Claims", "existing_claims"]

_NO_MODE: dict[Mode, tuple[str, ...]] = {
    "forward": ("custom_vjp", "JVP", "forward-mode"),
    "reverse": ("everse-mode", "ranspose rule", "JVP"),
}
"""Words by which JAX refuses a mode."""

_WHY: dict[Mode, str] = {
    "forward": "a custom reverse rule, which has no forward mode, expected ('reverse',).",
    "reverse": "a loop of unknown length, which has no reverse mode, expected ('forward',).",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Claims:
    """The derivative in one mode.

    Attributes:
        mode: "forward" or "reverse".
        pushed: J v for each direction; None where a reverse rule cannot be differentiated.
        pull: u to J^T u, in reverse mode.
    """

    mode: Mode
    pushed: list[np.ndarray | None]
    pull: Callable[..., Any] | None = None


class _MissingModeError(Exception):
    pass


def existing_claims(
    flat: FlatFunction,
    modes: Sequence[Mode] | None,
    lines: list[list[np.ndarray]],
    rng: np.random.Generator,
) -> list[Claims]:
    """The claims in the modes asked for, or in those that there are."""
    found, errors = [], []
    for mode in modes or ("forward", "reverse"):
        try:
            found.append(_forward(flat, lines) if mode == "forward" else _reverse(flat, lines, rng))
        except _MissingModeError as missing:
            error = missing.__cause__
            errors.append(error)
            if modes is not None:
                raise ValueError(f"modes: got {mode!r} for a function with {_WHY[mode]}") from error
        except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
            raise TypeError(
                "f: got a function that needs numbers where JAX passes tracers, expected one of "
                "jax.numpy. Use jnp.sin, not math.sin or np.sin, and jnp.where, not if."
            ) from error
    if not found:
        raise ValueError(
            "f: got a function with neither forward nor reverse mode, expected one that JAX can "
            "differentiate. Give it a rule by jax.custom_jvp or jax.custom_vjp."
        ) from errors[-1]
    return found


def _forward(flat: FlatFunction, lines: list[list[np.ndarray]]) -> Claims:
    pushed: list[np.ndarray | None] = []
    for v in lines:
        try:
            tangents = jax.jvp(flat.flat, tuple(flat.leaves), tuple(map(jnp.asarray, v)))[1]
        except Exception as error:
            raise _named("forward", error) from error
        pushed.append(vector(tangents))
    return Claims("forward", pushed)


def _reverse(flat: FlatFunction, lines: list[list[np.ndarray]], rng: np.random.Generator) -> Claims:
    u = flat.cotangent(rng.choice([-1.0, 1.0], sum(leaf.size for leaf in flat.start)), rng)
    try:
        pull = jax.vjp(flat.flat, *flat.leaves)[1]
    except Exception as error:
        raise _named("reverse", error) from error
    try:
        push = jax.vjp(pull, u)[1]
        pushed = [vector(push(tuple(map(jnp.asarray, v)))[0]) for v in lines]
    except Exception as error:  # a rule of any kind, which may refuse for any reason
        if isinstance(named := _named("reverse", error), _MissingModeError):
            try:
                pull(u)  # it may be only the rule that has no derivative
            except Exception as first:
                raise named from first
        return Claims("reverse", [None] * len(lines), pull)
    return Claims("reverse", list(pushed), pull)


def _named(mode: Mode, error: Exception) -> Exception:
    """The error, or that there is no such mode."""
    known = isinstance(error, TypeError | ValueError | NotImplementedError)
    if known and any(word in str(error) for word in _NO_MODE[mode]):
        return _MissingModeError()
    return error
