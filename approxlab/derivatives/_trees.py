"""One rule for trees: floating-point leaves are differentiated, all others are held fixed.

A Python float is such a leaf, and so is a complex one; integers, booleans, `float0`, strings,
functions and all else are handed to the function as they are. In results they have `None` in their
place, since no derivative belongs to them.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["Form", "OnLeaves", "Tree", "as_tree", "by_entries", "check_same_shape", "is_tree"]

Leaves = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Form:
    """What is known of a tree without its numbers: containers, and its floating-point leaves.

    Attributes:
        structure: The containers.
        moves: For every leaf whether it is differentiated.
        shapes: Shapes of those that are.
        dtypes: Their dtypes.
    """

    structure: Any
    moves: tuple[bool, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]

    def filled(self, leaves: Sequence[Any], fixed: Sequence[Any] | None = None) -> Any:
        """The tree with these in place of its floating-point leaves, and `None` for the others."""
        moved = iter(leaves)
        rest = iter(fixed if fixed is not None else [None] * (len(self.moves) - len(leaves)))
        full = [next(moved) if moves else next(rest) for moves in self.moves]
        return jax.tree.unflatten(self.structure, full)

    def leaves_of(self, name: str, tree: Any, of: str) -> Leaves:
        """The leaves of another tree of this form, in its dtypes; where it is fixed any will do."""
        try:
            # Each leaf of ours may meet a list of numbers.
            parts = self.structure.flatten_up_to(tree)
        except (ValueError, TypeError, KeyError):
            raise ValueError(
                f"{name}: got a tree {jax.tree.structure(tree)}, expected {self.structure}, that "
                f"of {of}: the same containers with the same settings."
            ) from None
        moved = [part for part, moves in zip(parts, self.moves, strict=True) if moves]
        arrays = []
        for part, shape, dtype in zip(moved, self.shapes, self.dtypes, strict=True):
            array = _as_array(part)
            check_same_shape(name, array.shape, shape, of)
            if jnp.iscomplexobj(array) and not jnp.issubdtype(dtype, jnp.complexfloating):
                raise TypeError(
                    f"{name}: got dtype {array.dtype}, expected real numbers as {of}. Write "
                    f"{name}.real and {name}.imag, one call for each."
                )
            arrays.append(array if array.dtype == dtype else array.astype(dtype))
        return tuple(arrays)


@dataclasses.dataclass(frozen=True)
class Tree:
    """A tree as its floating-point leaves, and all else.

    Attributes:
        form: Containers, shapes and dtypes.
        leaves: The floating-point leaves, as arrays.
        fixed: The others, as they came.
    """

    form: Form
    leaves: Leaves
    fixed: Leaves

    def filled(self, leaves: Sequence[Any]) -> Any:
        """The tree at another point."""
        return self.form.filled(leaves, self.fixed)


def as_tree(name: str, tree: Any, fix: str | None = None) -> Tree:
    """The tree with its floating-point leaves apart.

    Args:
        name: Of the argument, for the message.
        tree: Containers of any kind.
        fix: What to write instead, for the message.

    Raises:
        TypeError: If it has none.

    Example:
        >>> found = as_tree("x", {"scale": 2.0, "steps": 3, "name": "tanh"})
        >>> found.form.filled(["here"])
        {'name': None, 'scale': 'here', 'steps': None}
    """
    leaves, structure = jax.tree.flatten(tree)
    moves = tuple(_is_floating(leaf) for leaf in leaves)
    if not any(moves):
        raise TypeError(
            f"{name}: got {_kinds(leaves)}, expected floating-point numbers. Write "
            f"{fix or f'jnp.asarray({name}, float)'}."
        )
    moved = tuple(_as_array(leaf) for leaf, m in zip(leaves, moves, strict=True) if m)
    fixed = tuple(leaf for leaf, m in zip(leaves, moves, strict=True) if not m)
    shapes = tuple(leaf.shape for leaf in moved)
    return Tree(Form(structure, moves, shapes, tuple(leaf.dtype for leaf in moved)), moved, fixed)


class OnLeaves:
    """f as a function of the floating-point leaves of x, to those of its value.

    Attributes:
        form: Of the value, once the function has been called.
    """

    def __init__(self, f: Callable[[Any], Any], point: Tree) -> None:
        self.f, self.point = f, point
        self.form: Form

    def __call__(self, *leaves: Any) -> Leaves:
        value = as_tree("f", self.f(self.point.filled(leaves)), "value.astype(float)")
        self.form = value.form
        return value.leaves


def is_tree(x: Any) -> bool:
    """Whether x is a container; lists and tuples of plain numbers are arrays.

    Example:
        >>> is_tree([[1.0, 2.0], [3.0, 4.0]]), is_tree([jnp.ones(2), 3.0]), is_tree({"a": 1.0})
        (False, True, True)
    """
    return not jax.tree_util.all_leaves([x]) and not _is_numbers(x)


def by_entries(
    f: Callable[[Any], Any], x: Any
) -> tuple[Callable[[Array], Any], Array, Callable[[Array], Any]]:
    """F as a function of one vector, that vector, and what cuts a last axis into the tree.

    The vector holds the entries of all floating-point leaves, in the order of the leaves.
    """
    point = as_tree("x", x)
    for dtype in point.form.dtypes:
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"x: got dtype {dtype}, expected real floating-point numbers.")
    shapes = point.form.shapes
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]

    def of_vector(entries: Array) -> Any:
        parts = jnp.split(entries, ends)
        return f(
            point.filled(
                [
                    part.reshape(shape).astype(dtype)
                    for part, shape, dtype in zip(parts, shapes, point.form.dtypes, strict=True)
                ]
            )
        )

    def cut(array: Array) -> Any:
        parts = jnp.split(array, ends, axis=-1)
        axes = array.shape[:-1]
        pairs = zip(parts, shapes, strict=True)
        return point.form.filled([part.reshape(*axes, *shape) for part, shape in pairs])

    kind = functools.reduce(jnp.promote_types, point.form.dtypes)
    entries = jnp.concatenate([leaf.ravel().astype(kind) for leaf in point.leaves])
    return of_vector, entries, cut


def check_same_shape(name: str, got: Sequence[int], expected: Sequence[int], of: str) -> None:
    """Refuses an array of another shape by its name: nothing is broadcast.

    Example:
        >>> check_same_shape("Y", (3, 1), (3,), "the values of the network")
        Traceback (most recent call last):
        ...
        ValueError: Y: got shape (3, 1), expected (3,), that of the values of the network.
    """
    if tuple(got) != tuple(expected):
        raise ValueError(
            f"{name}: got shape {tuple(got)}, expected {tuple(expected)}, that of {of}."
        )


def _as_array(leaf: Any) -> Any:
    # asarray costs as much as a small step of arithmetic, also where nothing is to be done.
    return leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf)


def _is_floating(leaf: Any) -> bool:
    if isinstance(leaf, float | complex):
        return True
    is_array = isinstance(leaf, jax.Array | np.ndarray | np.generic)
    return is_array and jnp.issubdtype(leaf.dtype, jnp.inexact)


def _is_numbers(x: Any) -> bool:
    if type(x) in (list, tuple):
        return all(_is_numbers(part) for part in x)
    return isinstance(x, numbers.Number | np.generic)


def _kinds(leaves: Sequence[Any]) -> str:
    if not leaves:
        return "no leaves"
    return ", ".join(dict.fromkeys(map(_kind, leaves)))


def _kind(leaf: Any) -> str:
    dtype = getattr(leaf, "dtype", None)
    if dtype == jax.dtypes.float0:
        return "dtype float0"
    if isinstance(leaf, bool | int):
        dtype = jnp.asarray(leaf).dtype
    return f"a {type(leaf).__name__}" if dtype is None else f"dtype {dtype}"
