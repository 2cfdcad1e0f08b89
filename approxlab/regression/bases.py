"""Polynomial bases on boxes: monomials, Chebyshev and Legendre polynomials in d variables.

A box is mapped to [-1, 1]^d, where all three are at most 1 in size. In one variable they follow
from three-term recurrences; in d variables they are products of one factor per variable.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.domains import Box

__all__ = ["BASES", "Basis", "Chebyshev", "Kind", "Legendre", "Monomials"]

Kind = Literal["total", "tensor"]
_INTERVAL = Box([-1.0], [1.0])
_MOST = 2**20  # polynomials of one basis


@dataclasses.dataclass(frozen=True)
class Basis:
    """Products of polynomials in one variable, at the point t of [-1, 1]^d that belongs to x.

    Attributes:
        degree: Highest degree n, at least 0.
        box: Where the points x live; by default [-1, 1].
        kind: "total" for all products whose degrees sum to at most n, (n + d)! / (n! d!) of them;
            "tensor" for all with degree at most n in each variable, (n + 1)^d of them.

    Raises:
        ValueError: If the degree is no integer of at least 0, the kind is unknown, or there are
            more than a million polynomials.
        TypeError: If `box` is not a `Box`.
    """

    degree: int
    box: Box = _INTERVAL
    kind: Kind = "total"
    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if type(self) is Basis:
            raise TypeError("Basis: got no polynomials, expected Monomials, Chebyshev or Legendre.")
        whole = hasattr(self.degree, "__index__") and not isinstance(self.degree, bool)
        if not whole or self.degree < 0:
            raise ValueError(f"degree: got {self.degree!r}, expected an integer of at least 0.")
        object.__setattr__(self, "degree", int(self.degree))
        if not isinstance(self.box, Box):
            raise TypeError(
                f"box: got {type(self.box).__name__}, expected a Box such as al.Box([0.0], [1.0])."
            )
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind: got {self.kind!r}, expected 'total' or 'tensor'.")
        if self.num_features > _MOST:
            raise ValueError(
                f"degree: got {self.degree} in {self.box.dim} dimensions, of which there are "
                f"{self.num_features} products, expected at most {_MOST}. Lower the degree, or "
                "write kind='total'."
            )

    @property
    def in_size(self) -> int:
        """Dimension d of the points."""
        return self.box.dim

    @property
    def num_features(self) -> int:
        """Number of polynomials."""
        n, d = self.degree, self.box.dim
        return math.comb(n + d, d) if self.kind == "total" else (n + 1) ** d

    @property
    def exponents(self) -> np.ndarray:
        """The degree of each polynomial in each variable, shape (num_features, d)."""
        return _exponents(self.degree, self.box.dim, self.kind)

    def __call__(self, x: Any) -> jax.Array:
        """All polynomials at one point of shape (d,), in the order of `exponents`."""
        x = jnp.asarray(x)
        if x.shape != (self.in_size,):
            raise ValueError(
                f"x: got shape {x.shape} for {self!r}, expected ({self.in_size},): one point."
            )
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))
        return _products(self._scanned(self._mapped(x, jnp)), self.exponents)

    def matrix(self, points: np.ndarray) -> np.ndarray:
        """All polynomials at points (n, d), by NumPy and in float64 whatever JAX computes in.

        Returns:
            Shape (n, num_features), one row per point.
        """
        t = self._mapped(np.asarray(points, np.float64), np)
        values = [np.ones_like(t), t][: self.degree + 1]
        for k in range(1, self.degree):
            values.append(self._next(k, t, values[-1], values[-2]))
        table = np.stack(values)
        return np.ascontiguousarray(_products(np.moveaxis(table, 1, 2), self.exponents).T)

    def _mapped(self, x: Any, xp: Any) -> Any:
        # The centre in two parts: in float32 too, nothing is lost far from the origin.
        centre, half = self.box.center, 0.5 * self.box.widths
        high = centre.astype(x.dtype)
        low = (centre - high.astype(np.float64)).astype(x.dtype)
        shift, rest, half = (
            xp.broadcast_to(xp.asarray(a), x.shape) for a in (high, low, half.astype(x.dtype))
        )
        return ((x - shift) - rest) / half

    def _scanned(self, t: jax.Array) -> jax.Array:
        """Degrees 0 to n at t: shape (n + 1, d).

        A loop, since the recurrence written out takes XLA longer than quadratic time to compile.
        """

        def step(pair: tuple[jax.Array, jax.Array], k: jax.Array) -> Any:
            before, last = pair
            following = self._next(k, t, last, before)
            return (last, following), following

        one = jnp.ones_like(t)
        first = jnp.stack([one, t][: self.degree + 1])
        if self.degree < 2:
            return first
        _, others = jax.lax.scan(step, (one, t), jnp.arange(1, self.degree, dtype=t.dtype))
        return jnp.concatenate([first, others])

    def _next(self, k: Any, t: Any, last: Any, before: Any) -> Any:
        """Degree k + 1 from degrees k and k - 1."""
        raise NotImplementedError


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Monomials(Basis):
    """1, t, t^2, ... : nearly dependent from degree 20 on, as their condition shows.

    Args:
        degree: Highest degree.
        box: Where the points live.
        kind: "total" or "tensor".

    Example:
        >>> Monomials(3)(jnp.array([2.0])).tolist()
        [1.0, 2.0, 4.0, 8.0]
        >>> Monomials(2, Box.cube(-1.0, 1.0, 2)).exponents.tolist()
        [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    """

    name: ClassVar[str] = "monomial"

    def _next(self, k: Any, t: Any, last: Any, before: Any) -> Any:
        return t * last


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Chebyshev(Basis):
    """T_k(cos theta) = cos(k theta), by T_{k+1} = 2 t T_k - T_{k-1}.

    Args:
        degree: Highest degree.
        box: Where the points live.
        kind: "total" or "tensor".

    Example:
        >>> Chebyshev(3)(jnp.array([0.5])).tolist()
        [1.0, 0.5, -0.5, -1.0]
        >>> Chebyshev(2, Box([100.0], [101.0]))(jnp.array([101.0])).tolist()
        [1.0, 1.0, 1.0]
    """

    name: ClassVar[str] = "chebyshev"

    def _next(self, k: Any, t: Any, last: Any, before: Any) -> Any:
        return 2.0 * t * last - before


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Legendre(Basis):
    """Orthogonal in L2 with P_k(1) = 1: (k + 1) P_{k+1} = (2 k + 1) t P_k - k P_{k-1}.

    Args:
        degree: Highest degree.
        box: Where the points live.
        kind: "total" or "tensor".

    Example:
        >>> Legendre(2)(jnp.array([0.5])).tolist()
        [1.0, 0.5, -0.125]
    """

    name: ClassVar[str] = "legendre"

    def _next(self, k: Any, t: Any, last: Any, before: Any) -> Any:
        return ((2.0 * k + 1.0) * t * last - k * before) / (k + 1.0)


BASES = {basis.name: basis for basis in (Monomials, Chebyshev, Legendre)}


@lru_cache(maxsize=64)
def _exponents(degree: int, dim: int, kind: Kind) -> np.ndarray:
    """By total degree, and within it from the first variable to the last."""
    if kind == "tensor":
        rows = list(itertools.product(range(degree + 1), repeat=dim))
    else:
        rows = [
            tuple(np.bincount(np.array(chosen, int), minlength=dim).tolist())
            for total in range(degree + 1)
            for chosen in itertools.combinations_with_replacement(range(dim), total)
        ]
    found = np.array(rows, int)
    found.flags.writeable = False
    return found


def _products(table: Any, exponents: np.ndarray) -> Any:
    """The product over the variables of table[degree, variable, ...], for each row of exponents."""
    if exponents.shape[1] == 1:
        return table[:, 0]
    result = table[exponents[:, 0], 0]
    for j in range(1, exponents.shape[1]):
        result = result * table[exponents[:, j], j]
    return result
