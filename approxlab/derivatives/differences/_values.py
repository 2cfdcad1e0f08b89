"""Values of a function along a line, where in floating point they really lie; their quotient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.derivatives.differences.stencils import Stencil, power_of_two

__all__ = ["Values", "check_floating", "quotient"]


class Values:
    """Values of f at x + t v, each computed once, and counted."""

    def __init__(self, f: Callable[[Array], Any], x: np.ndarray, v: np.ndarray) -> None:
        self.f, self.x, self.v, self.count = f, x, v, 0
        value = jax.eval_shape(f, jax.ShapeDtypeStruct(x.shape, x.dtype))
        if not hasattr(value, "dtype") or not jnp.issubdtype(value.dtype, jnp.floating):
            raise TypeError(f"f: got a value {value!r}, expected one floating-point array.")
        self.shape, self.dtype = tuple(value.shape), np.dtype(value.dtype)
        self._kept: dict[float, np.ndarray] = {}

    def at(self, t: float) -> np.ndarray:
        """f(x + t v)."""
        if t not in self._kept:
            self._kept[t] = np.asarray(self.f(jnp.asarray(self.x + self._shift(t))))
            self.count += 1
        return self._kept[t]

    @property
    def eps(self) -> float:
        """Of the coarser of the dtypes of points and values."""
        return max(float(np.finfo(kind).eps) for kind in (self.x.dtype, self.dtype))

    def rounding(self, t: float) -> float:
        """Distance of the point used from x + t v: Knuth's exact error of a sum, and of t v."""
        shift = self._shift(t)
        total = self.x + shift
        back = total - self.x
        lost = np.abs((self.x - (total - back)) + (shift - back))
        exact = (np.abs(np.frexp(self.v)[0]) == 0.5) | (math.frexp(abs(t))[0] in (0.5, 0.0))
        ulps = np.where(
            exact | (self.v == 0), 0.0, 0.5
        )  # t v is exact where t or v is a power of 2
        ulps = ulps + (0.0 if float(self.x.dtype.type(t)) == t else 1.0)  # t itself was rounded
        slip = ulps * float(np.finfo(self.x.dtype).eps) * np.abs(shift.astype(np.float64))
        return float(np.linalg.norm(lost.astype(np.float64) + slip))

    def sampled_change(self, k: int, length: float, step: float) -> np.ndarray:
        """step^(k-1) |g^(k)|, of three k-th differences around x the largest; no bound."""
        h = power_of_two(self.eps ** (1.0 / (k + 2)) * length)
        found = [self.at((i - 0.5 * k) * h).astype(np.float64) for i in range(-1, k + 2)]
        weights = [(-1.0) ** i * math.comb(k, i) for i in range(k + 1)]
        sums = [np.abs(np.tensordot(weights, found[i : i + k + 1], 1)) for i in range(3)]
        return np.asarray(np.max(sums, axis=0) * np.float64(step / h) ** (k - 1) / h)

    def taken(self, h: float, *, bounded: bool) -> float:
        """The step that x + h v really takes, where one number moves; h where several do.

        Args:
            h: The step asked for.
            bounded: Whether a bound on |f'| is known. It then bounds what is lost where x + h v is
                x, and h is returned.

        Raises:
            ValueError: If none moves, without a bound.
        """
        moves = self.v != 0
        there = self.x + self._shift(h)
        if np.all(there[moves] == self.x[moves]):
            if bounded:
                return h
            size = float(np.max(np.abs(self.x[moves])))
            raise ValueError(
                f"step: got {h!r}, which vanishes in x + step * direction for x of size "
                f"{size:.3g}, expected at least {size * float(np.finfo(self.x.dtype).eps):.1e} in "
                "all. Leave it out for one that suits x."
            )
        if np.sum(moves) != 1:
            return h
        # In the dtype of x, where the difference of two numbers that are so close is exact.
        return float(np.abs((there - self.x)[moves] / self.v[moves])[0])

    def slope_along_rounding(self, t: float) -> np.ndarray:
        """|df| per distance along the direction in which x + t v is rounded; no bound."""
        shift = self._shift(t)
        total = self.x + shift
        lost = shift - (total - self.x)
        size = float(np.linalg.norm(lost.astype(np.float64)))
        if size == 0.0:
            return np.zeros(self.shape)
        by = np.asarray(lost * self.x.dtype.type(abs(t) * np.linalg.norm(self.v) / size))
        self.count += 1
        there = np.asarray(self.f(jnp.asarray(self.x + by)))
        change = np.abs(there.astype(np.float64) - self.at(0.0).astype(np.float64))
        return np.asarray(change / np.linalg.norm(by.astype(np.float64)))

    def _shift(self, t: float) -> np.ndarray:
        return np.asarray(self.v * self.x.dtype.type(t))


def quotient(
    rule: Stencil, values: list[np.ndarray], h: float
) -> tuple[np.ndarray, np.ndarray, tuple[tuple[np.ndarray, ...], ...]]:
    """The quotient in the dtype of the values, a bound on its own rounding, and the tableau.

    Every operation is right to a factor within 1 +- u, u = eps / 2: a running error analysis.
    """
    kind = values[0].dtype.type
    u = 0.5 * float(np.finfo(kind).eps)
    rows: list[list[np.ndarray]] = []
    errors: list[list[np.ndarray]] = []
    for j in range(len(values) // 2):
        length = (rule.offsets[2 * j] - rule.offsets[2 * j + 1]) * h
        first = np.asarray((values[2 * j] - values[2 * j + 1]) / kind(length))
        row, error = [first], [np.asarray(3.1 * u * _size(first))]
        for m in range(1, j + 1):
            by = kind(4.0**m - 1.0)
            change = np.asarray((row[-1] - rows[-1][m - 1]) / by)
            before = error[-1] + (error[-1] + errors[-1][m - 1]) / float(by)
            row.append(np.asarray(row[-1] + change))
            error.append(np.asarray(before + u * (2.1 * _size(change) + 1.1 * _size(row[-1]))))
        rows.append(row)
        errors.append(error)
    tableau = tuple(map(tuple, rows)) if rule.scheme == "richardson" else ()
    return rows[-1][-1], np.asarray(errors[-1][-1]), tableau


def _size(array: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(array.astype(np.float64)))


def check_floating(dtype: Any) -> None:
    """The dtype of points is one in which differences show something."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(
            f"x: got dtype {dtype}, expected float32 or float64. Write jnp.asarray(x, float)."
        )
