"""A function of pytrees as one of a list of arrays, evaluated along lines, for the checker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.derivatives.checking._ladder import Ladder, climb, mantissa_steps

__all__ = ["FlatFunction", "Mode", "vector"]

Mode = Literal["forward", "reverse"]

_TOGETHER = 2**24  # numbers that are held at once where points are evaluated together


class FlatFunction:
    """f as a function of a list of floating-point arrays, and of one vector of values."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], scale: float) -> None:
        self.scale = scale
        leaves, structure = jax.tree.flatten(args)
        arrays = [jnp.asarray(leaf) for leaf in leaves]
        moved = [i for i, leaf in enumerate(arrays) if _is_inexact("args", leaf)]
        if not moved:
            raise TypeError("args: got no floating-point array, expected at least one.")
        self.leaves = [arrays[i] for i in moved]
        self.evaluations = 0

        def flat(*changed: Array) -> list[Array]:
            full = list(arrays)
            for i, leaf in zip(moved, changed, strict=True):
                full[i] = leaf
            out = jax.tree.leaves(f(*jax.tree.unflatten(structure, full)))
            return [leaf for leaf in map(jnp.asarray, out) if _is_inexact("f", leaf)]

        self.flat = flat
        value = f(*jax.tree.unflatten(structure, arrays))
        paths = jax.tree_util.tree_leaves_with_path(value)
        kept = [(path, jnp.asarray(leaf)) for path, leaf in paths]
        kept = [(path, leaf) for path, leaf in kept if _is_inexact("f", leaf)]
        if not kept:
            raise TypeError(f"f: got a value {value!r} without floating-point arrays.")
        self.names = [jax.tree_util.keystr(path) for path, _ in kept]
        self.start = [leaf for _, leaf in kept]
        self.eps = max(float(jnp.finfo(a.dtype).eps) for a in (*self.leaves, *self.start))
        self.steps, self.reach = mantissa_steps(self.eps)
        self.size = sum(a.size for a in (*self.leaves, *self.start))

    def direction(self, rng: np.random.Generator) -> list[np.ndarray]:
        """3/4 or 5/4 with random signs: short numbers, and no period that steps would hit."""
        lines = []
        for leaf in self.leaves:
            x = np.asarray(leaf)
            size = np.maximum(self.scale, self.reach * np.where(np.isfinite(x), np.abs(x), 0.0))
            power = 2.0 ** np.ceil(np.log2(size))
            quarters = rng.choice([3.0, 5.0], x.shape) * rng.choice([-1.0, 1.0], x.shape)
            lines.append(np.asarray(quarters / 4.0 * power, x.dtype))
        return lines

    def ladders(self, lines: list[list[np.ndarray]]) -> list[Ladder]:
        here = [np.asarray(leaf) for leaf in self.leaves]
        slips = [self._slips(here, v) for v in lines]
        return climb([self.along(here, v) for v in lines], self.steps, self.eps, slips)

    def _slips(self, here: list[np.ndarray], v: list[np.ndarray]) -> np.ndarray:
        """By how much each step is missed where x + t v is rounded.

        Most points are exact, unless a sum needs one bit more. The error of a sum is computed
        exactly, by Knuth's formula.
        """
        found = np.zeros(len(self.steps))
        for x, line in zip(here, v, strict=True):
            for k, h in enumerate(self.steps):
                for shift in (line * x.dtype.type(h), line * x.dtype.type(-h)):
                    back = (total := x + shift) - x
                    lost = np.abs((x - (total - back)) + (shift - back)) / np.abs(line)
                    found[k] = max(found[k], float(np.max(lost, initial=0.0)))
        return found

    def along(self, here: list[np.ndarray], v: list[np.ndarray]) -> np.ndarray:
        """f(x + t v) for all t of a ladder, shape (2 steps + 1, m)."""
        times = np.concatenate([[0.0], self.steps, -self.steps])
        points = []
        for x, line in zip(here, v, strict=True):
            t = times.astype(x.dtype).reshape(-1, *(1,) * x.ndim)
            points.append(x[None] + line[None] * t)
        self.evaluations += len(times)
        if self.size * len(times) <= _TOGETHER:
            try:
                together = jax.vmap(self.flat)(*map(jnp.asarray, points))
            except Exception:  # not every function can be mapped: then one point after another
                self.size = _TOGETHER  # which is not tried again
            else:
                parts = [np.asarray(a, np.float64).reshape(len(times), -1) for a in together]
                return np.concatenate(parts, axis=1)
        rows = zip(*points, strict=True)
        return np.stack([vector(self.flat(*map(jnp.asarray, row))) for row in rows])

    def cotangent(self, slope: np.ndarray, rng: np.random.Generator) -> list[Array]:
        """Entries between 1/2 and 3/2 with the signs of J v: no two terms of <u, J v> cancel."""
        signs = np.where(np.sign(slope) == 0.0, 1.0, np.sign(slope))
        numbers = signs * rng.uniform(0.5, 1.5, slope.shape)
        ends = np.cumsum([leaf.size for leaf in self.start])[:-1]
        return [
            jnp.asarray(part.reshape(leaf.shape), leaf.dtype)
            for part, leaf in zip(np.split(numbers, ends), self.start, strict=True)
        ]

    def derivative(self, mode: Mode, rng: np.random.Generator) -> Callable[..., Any]:
        """J v or J^T u as a function of the point, for fixed v or u."""
        if mode == "forward":
            v = [jnp.asarray(line) for line in self.direction(rng)]
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


def _is_inexact(name: str, leaf: Array) -> bool:
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):
        return False
    if leaf.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(
            f"{name}: got dtype {leaf.dtype}, expected float32 or float64: differences of shorter "
            "numbers do not show 1%, and complex ones are two real numbers."
        )
    return True


def vector(leaves: Sequence[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in leaves])
