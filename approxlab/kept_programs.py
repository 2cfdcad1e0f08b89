"""Compiled programs for further calls: at most so many, and the one unused for longest goes first.

`jax.jit` keeps a program, and the text that it was compiled from, for every shape as long as its
function lives: over a megabyte for the smallest. A library whose functions live as long as the
process, and whose callers bring new shapes and new functions all the time, would grow without end.
Here programs are compiled ahead of time, their text is dropped, and their number is bounded.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

__all__ = ["PROGRAMS", "KeptPrograms", "context", "forms", "hides_something", "parts", "shared"]

_OUTSIDE = ("callback", "ffi")  # in the names of primitives that call what is not of the program
_SETTINGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_device",
    "jax_numpy_dtype_promotion",
)


class KeptPrograms:
    """Programs by key.

    Attributes:
        most: How many are kept.

    Example:
        >>> kept = KeptPrograms(most=1)
        >>> kept.of("a", lambda: "first"), kept.of("a", lambda: "second"), len(kept)
        ('first', 'first', 1)
        >>> kept.of("b", lambda: "third"), len(kept)
        ('third', 1)
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._programs: OrderedDict[Any, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._programs)

    def of(self, key: Any, compiled: Callable[[], Any]) -> Any:
        """The program of a key; `compiled` makes it where it is not there."""
        program = self._programs.pop(key, None)
        if program is None:
            program = compiled()
        self._programs[key] = program
        while len(self._programs) > self.most:
            self._programs.popitem(last=False)
        return program


PROGRAMS = KeptPrograms(most=512)
"""Those of this process: about a quarter of a megabyte each."""


def context() -> tuple[Any, ...]:
    """Settings of JAX on which a program depends."""
    return tuple(getattr(jax.config, name) for name in _SETTINGS)


def forms(tree: Any) -> tuple[Any, ...]:
    """What a compiled program asks of its arguments: structure, shapes, dtypes and devices."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, *map(_form, leaves)


def _form(array: Any) -> tuple[Any, ...]:
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    placed = isinstance(array, jax.Array) and array.committed
    return array.shape, dtype, array.sharding if placed else None


def shared(lowered: Any, form: tuple[Any, ...]) -> Any:
    """The compiled program; one of the same text is taken as it is."""
    name = hashlib.sha256(f"{form} {lowered.as_text()}".encode()).digest()
    return PROGRAMS.of(name, lowered.compile)


def hides_something(traced: Any) -> bool:
    """Whether a program holds arrays or calls Python, which its text need not show."""
    if getattr(traced, "consts", ()):
        return True
    for equation in getattr(traced, "jaxpr", traced).eqns:
        if equation.effects or any(word in equation.primitive.name for word in _OUTSIDE):
            return True
        if any(np.ndim(getattr(value, "val", 0)) for value in equation.invars):
            return True
        inner = (
            part for part in parts(equation) if hasattr(part, "eqns") or hasattr(part, "consts")
        )
        if any(hides_something(part) for part in inner):
            return True
    return False


def parts(equation: Any) -> Iterator[Any]:
    """The parameters of an equation, one by one; among them are the programs inside of it."""
    for parameter in equation.params.values():
        yield from parameter if isinstance(parameter, tuple | list) else (parameter,)
