"""A function of pytrees as one of a list of arrays, evaluated along lines, for the checker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.derivatives.checking._directions import direction, line, next_steps, start_steps
from approxlab.derivatives.checking._ladder import Ladder, Rungs, climb

__all__ = ["FlatFunction", "Mode", "vector"]

Mode = Literal["forward", "reverse"]

_TOGETHER = 2**24  # numbers that are held at once where points are evaluated together


class FlatFunction:
    """f as a function of a list of floating-point arrays, and of one vector of values."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], scale: float) -> None:
        self.scale = scale
        everything, structure = jax.tree.flatten(args)
        moved = [i for i, leaf in enumerate(everything) if _is_moved("args", leaf)]
        if not moved:
            raise TypeError("args: got no floating-point array, expected at least one.")
        self.leaves = [jnp.asarray(everything[i]) for i in moved]
        if not sum(leaf.size for leaf in self.leaves):
            raise TypeError("args: got only empty arrays, expected at least one number.")
        self.evaluations = 0

        def flat(*changed: Array) -> list[Array]:
            full = list(everything)
            for i, leaf in zip(moved, changed, strict=True):
                full[i] = leaf
            out = jax.tree.leaves(f(*jax.tree.unflatten(structure, full)))
            return [jnp.asarray(leaf) for leaf in out if _is_moved("f", leaf)]

        self.flat = flat
        full = list(everything)
        for i, leaf in zip(moved, self.leaves, strict=True):
            full[i] = leaf
        value = f(*jax.tree.unflatten(structure, full))
        paths = jax.tree_util.tree_leaves_with_path(value)
        kept = [(path, jnp.asarray(leaf)) for path, leaf in paths if _is_moved("f", leaf)]
        if not kept:
            raise TypeError(f"f: got a value {value!r} without floating-point arrays.")
        self.names = [jax.tree_util.keystr(path) for path, _ in kept]
        self.start = [leaf for _, leaf in kept]
        self.eps = max(float(jnp.finfo(a.dtype).eps) for a in (*self.leaves, *self.start))
        self.size = sum(a.size for a in (*self.leaves, *self.start))
        self.here = [np.asarray(leaf) for leaf in self.leaves]

    def direction(self, rng: np.random.Generator) -> list[np.ndarray]:
        return direction(self.here, self.eps, self.scale, rng)

    def rungs(self, v: list[np.ndarray], before: Rungs | None) -> Rungs:
        """Values along v, at shorter steps too than before if there are any."""
        steps = start_steps(self.eps)
        if before is not None:
            shorter = next_steps(before.steps, self.eps, self.here, v)
            if shorter is None:
                return before
            steps = shorter
        points, reached, slip = line(self.here, v, steps)
        values = self.along(points)
        many = len(steps)
        new = Rungs(values[0], steps, reached, values[1 : many + 1], values[many + 1 :], slip)
        return new if before is None else before.longer(new)

    def ladders(self, rungs: list[Rungs], final: bool) -> list[Ladder]:
        return climb(rungs, self.eps, final)

    def along(self, points: list[np.ndarray]) -> np.ndarray:
        """F at all points of a line, shape (points, m)."""
        many = len(points[0])
        self.evaluations += many
        if self.size * many <= _TOGETHER:
            try:
                together = jax.vmap(self.flat)(*map(jnp.asarray, points))
            except Exception:  # not every function can be mapped: then one point after another
                self.size = _TOGETHER  # which is not tried again
            else:
                parts = [np.asarray(a, np.float64).reshape(many, -1) for a in together]
                return np.concatenate(parts, axis=1)
        rows = zip(*points, strict=True)
        return np.stack([vector(self.flat(*map(jnp.asarray, row))) for row in rows])

    def cotangent(self, signs: np.ndarray, rng: np.random.Generator) -> list[Array]:
        """Entries between 1/2 and 3/2 with these signs; 0 where the sign is."""
        numbers = np.sign(signs) * rng.uniform(0.5, 1.5, signs.shape)
        ends = np.cumsum([leaf.size for leaf in self.start])[:-1]
        return [
            jnp.asarray(part.reshape(leaf.shape), leaf.dtype)
            for part, leaf in zip(np.split(numbers, ends), self.start, strict=True)
        ]

    def derivative(self, mode: Mode, rng: np.random.Generator) -> Callable[..., Any]:
        """J v or J^T u as a function of the point, for fixed v or u."""
        if mode == "forward":
            v = [jnp.asarray(entries) for entries in self.direction(rng)]
            return lambda *leaves: jax.jvp(self.flat, leaves, tuple(v))[1]
        u = self.cotangent(np.ones(sum(leaf.size for leaf in self.start)), rng)
        return lambda *leaves: jax.vjp(self.flat, *leaves)[1](u)

    def place(self, index: int) -> str:
        """The name of a component of the value."""
        for name, leaf in zip(self.names, self.start, strict=True):
            if index < leaf.size:
                at = ", ".join(str(int(i)) for i in np.unravel_index(index, leaf.shape))
                return f"output{name}" + (f"[{at}]" if leaf.ndim else "")
            index -= leaf.size
        return "output"


def _is_moved(name: str, leaf: Any) -> bool:
    """Whether a leaf is real and floating point; integers, text, functions are held fixed."""
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        if not isinstance(leaf, float | complex):
            return False
        dtype = jnp.asarray(leaf).dtype
    if not jnp.issubdtype(dtype, jnp.inexact):
        return False
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    if dtype not in (jnp.float32, jnp.float64):
        raise TypeError(
            f"{name}: got dtype {dtype}, expected float32 or float64: differences of shorter "
            "numbers do not show 1%, and complex ones are two real numbers."
        )
    return True


def vector(leaves: Sequence[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in leaves])
