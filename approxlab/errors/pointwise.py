"""Model minus target at points, in NumPy and float64 whatever the dtypes of the two.

Model and target are evaluated separately, each compiled once per shape: measuring many networks of
one shape, or one network against many targets, compiles nothing twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_instance, part_to_write
from approxlab.domains import Box
from approxlab.evaluation import settled, values_at

Function = Callable[[Any], Any]


def box_and_mask(model: Any, target: Any, domain: Any) -> tuple[Box, Function | None]:
    """The box and the mask on which to measure; anything but two functions is refused."""
    for name, function in (("model", model), ("target", target)):
        _check_measured(name, function)
    box = domain if domain is not None else getattr(target, "domain", None)
    if not isinstance(box, Box):
        where = "" if hasattr(target, "domain") else " and a target without one"
        fix = " The model has one: the target comes second." if hasattr(model, "domain") else ""
        raise ValueError(
            f"domain: got {domain!r}{where}, expected a Box such as al.Box([0.0], [1.0]).{fix}"
        )
    mask = getattr(target, "mask", None)
    return box, None if mask is None else settled(mask)


def _check_measured(name: str, function: Any) -> None:
    if isinstance(function, str):
        raise TypeError(
            f"{name}: got {function!r}, expected a function. Write al.targets.get({function!r}) "
            "for the target of that name."
        )
    if not callable(function):
        raise TypeError(
            f"{name}: got {type(function).__name__}, expected a function of one point of shape "
            "(d,), such as an MLP, a Target or a plain JAX function: errors.sup(model, target)."
            f"{part_to_write(function)}"
        )
    check_instance(name, function)


def check_relative(relative: Any) -> None:
    """Whether the norm of the target divides: no number, and no name."""
    if not isinstance(relative, bool | np.bool_):
        raise TypeError(f"relative: got {relative!r}, expected True or False.")


@dataclasses.dataclass(frozen=True, eq=False)
class OnBox:
    """A function with the box on which it was measured; see `Estimate.target`."""

    function: Function
    domain: Box

    def __call__(self, x: Any) -> Any:
        """The value at one point."""
        return self.function(x)

    def __repr__(self) -> str:
        return f"{self.function!r} on {self.domain!r}"


def measured(target: Function, box: Box) -> Function:
    """The target if the box is its own one, else with the box."""
    return target if getattr(target, "domain", None) == box else OnBox(target, box)


def inside(mask: Function | None, points: np.ndarray) -> np.ndarray:
    """Which points count: shape (n,), boolean."""
    if mask is None:
        return np.ones(len(points), bool)
    return values_at(mask, points) != 0.0


def not_finite_entry(**functions: Function) -> str | None:
    """The first number that is not finite in the arrays of functions; None where all are finite.

    The arrays are examined because values need not show it: tanh(inf) is 1 and relu(-inf) is 0.
    """
    for name, function in functions.items():
        for path, leaf in jax.tree_util.tree_leaves_with_path(function):
            if not isinstance(leaf, jax.Array | np.ndarray) or not _is_float(leaf):
                continue
            bad = np.argwhere(~np.isfinite(np.asarray(leaf, np.float64)))
            if len(bad):
                index = tuple(int(i) for i in bad[0])
                where = f"{name}{jax.tree_util.keystr(path)}"
                return f"{where} is {float(leaf[index])} at index {index}"
    return None


def not_finite_value(at: tuple[float, ...], **functions: Function) -> str:
    """Which of the functions is not finite at a point."""
    for name, function in functions.items():
        value = values_at(function, np.array([at]))[0]
        if not np.all(np.isfinite(value)):
            return f"{name} is {value.tolist()} at the point {list(at)}"
    return f"the error is too large a number at the point {list(at)}"


def _is_float(array: Any) -> bool:
    return bool(jnp.issubdtype(array.dtype, jnp.floating))


def model_minus_target(model: Function, target: Function, points: np.ndarray) -> np.ndarray:
    """Values of model - target; shapes that differ are an error, not a broadcast."""
    return error_and_target(model, target, points)[0]


def error_and_target(
    model: Function, target: Function, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of model - target, and those of the target."""
    got, want = values_at(model, points), values_at(target, points)
    if got.shape != want.shape:
        raise ValueError(
            f"model: got values of shape {got.shape[1:]} at a point where the target has shape "
            f"{want.shape[1:]}, expected equal shapes. For MLPs, out_size=None gives shape ()."
        )
    return got - want, want
