"""Values that depend on the point, while a jaxpr is read."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

__all__ = ["Value", "infinite", "is_truth", "out_shape", "shape_of", "truth"]


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """An array of entries that depend on the point: the entries of a node, in a shape.

    Attributes:
        node: Position of the node in the builder.
        shape: The shape.
        truth: Whether the entries are true or false rather than numbers.
    """

    node: int
    shape: tuple[int, ...]
    truth: bool = False


def out_shape(eqn: Any) -> tuple[int, ...]:
    """The shape of the one result of an equation."""
    return tuple(eqn.outvars[0].aval.shape)


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a value or of a known array."""
    return value.shape if isinstance(value, Value) else np.shape(value)


def truth(tracer: Any, value: Any, shape: tuple[int, ...]) -> int:
    """The node of truths; known ones are 0 < t."""
    if isinstance(value, Value):
        return tracer.spread(value, shape)
    zero = tracer.builder.constant(np.zeros(int(np.prod(shape))))
    return tracer.builder.compare("less", zero, tracer.spread(value, shape))


def is_truth(value: Any) -> bool:
    """Whether the entries are true or false."""
    return value.truth if isinstance(value, Value) else value.dtype.kind == "b"


def infinite(value: Any) -> float:
    """Inf or -inf if a known array holds nothing else, else 0."""
    if isinstance(value, Value) or value.dtype.kind != "f" or not value.size:
        return 0.0
    first = float(value.ravel()[0])
    return first if np.isinf(first) and np.all(value == first) else 0.0
