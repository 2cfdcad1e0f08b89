"""Boxes: where a target lives, its points and its quadrature rules; points of the unit ball.

Points and weights are computed by NumPy in float64, whatever JAX's default precision is: they are
data, and `approxlab.evaluate` brings them to the dtype of the model.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from approxlab.arguments import check_positive

__all__ = ["Box", "check_interval", "uniform_in_ball"]

Corner = Sequence[int | float] | np.ndarray | int | float

_MAX_POINTS = 2**26


def _corner(name: str, values: object) -> tuple[float, ...]:
    array = np.asarray(values)
    if array.ndim == 0:
        array = array[None]
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"{name}: got {values!r}, expected a non-empty list of numbers, one per dimension, "
            "such as [0.0, 0.0]."
        )
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: got {values!r}, expected finite numbers. A box is bounded.")
    return tuple(float(v) for v in array)


@dataclasses.dataclass(frozen=True)
class Box:
    """The box [lower_1, upper_1] x ... x [lower_d, upper_d].

    Args:
        lower: The lower corner, d numbers.
        upper: The upper corner, d numbers, each larger than the one below it.

    Raises:
        ValueError: If the corners are empty, not finite, of different lengths, or not ordered.

    Example:
        >>> box = Box([0.0], [1.0])
        >>> box.uniform(3).tolist()
        [[0.0], [0.5], [1.0]]
        >>> points, weights = box.gauss_legendre(4)
        >>> round(float(weights @ points[:, 0] ** 7), 12)   # exact for degree 2 * 4 - 1
        0.125
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def __init__(self, lower: Corner, upper: Corner) -> None:
        low, high = _corner("lower", lower), _corner("upper", upper)
        if len(low) != len(high):
            raise ValueError(
                f"upper: got {len(high)} numbers for a lower corner of {len(low)}, expected "
                "corners of equal length."
            )
        if not all(a < b for a, b in zip(low, high, strict=True)):
            raise ValueError(
                f"upper: got {list(high)} with lower {list(low)}, expected lower < upper in every "
                "dimension. Exchange the corners, or leave out a dimension of no width."
            )
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    @classmethod
    def unit(cls, dim: int = 1) -> Box:
        """The unit cube [0, 1]^dim."""
        check_positive(dim=dim)
        return cls([0.0] * dim, [1.0] * dim)

    @classmethod
    def cube(cls, lower: int | float, upper: int | float, dim: int = 1) -> Box:
        """The cube [lower, upper]^dim."""
        check_positive(dim=dim)
        return cls([lower] * dim, [upper] * dim)

    def __repr__(self) -> str:
        sides = " x ".join(f"[{a:g}, {b:g}]" for a, b in zip(self.lower, self.upper, strict=True))
        return f"Box({sides})"

    # Sizes

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return len(self.lower)

    @property
    def widths(self) -> np.ndarray:
        """Side lengths, shape (d,)."""
        return np.subtract(self.upper, self.lower)

    @property
    def center(self) -> np.ndarray:
        """Centre, shape (d,)."""
        return 0.5 * np.add(self.lower, self.upper)

    @property
    def volume(self) -> float:
        """Product of the side lengths."""
        return float(np.prod(self.widths))

    def contains(self, points: Float[np.ndarray, "n d"]) -> np.ndarray:
        """Which points lie in the closed box: shape (n,), boolean."""
        points = self._checked(points)
        return np.all((points >= self.lower) & (points <= self.upper), axis=1)

    # Affine maps

    def map_to(self, other: Box) -> tuple[np.ndarray, np.ndarray]:
        """Scale and shift of the affine map onto another box: y = scale * x + shift.

        Args:
            other: A box of the same dimension.

        Returns:
            `(scale, shift)`, each of shape (d,).

        Example:
            >>> scale, shift = Box([3.0], [5.0]).map_to(Box([0.0], [1.0]))
            >>> float(scale[0]), float(shift[0])
            (0.5, -1.5)
        """
        if other.dim != self.dim:
            raise ValueError(
                f"other: got a box of dimension {other.dim}, expected dimension {self.dim}."
            )
        scale = other.widths / self.widths
        return scale, np.asarray(other.lower) - scale * np.asarray(self.lower)

    def place(self, unit_points: Float[np.ndarray, "n d"]) -> np.ndarray:
        """Take points of the unit cube to this box; 0 and 1 land on the faces exactly."""
        t = self._checked(unit_points)
        return (1.0 - t) * np.asarray(self.lower) + t * np.asarray(self.upper)

    # Points

    def uniform(self, n: int | Sequence[int]) -> np.ndarray:
        """Tensor grid of n equally spaced points per axis, ends included: shape (n^d, d)."""
        return self._tensor([np.linspace(0.0, 1.0, m) for m in self._counts(n, least=2)])

    def midpoints(self, n: int | Sequence[int]) -> np.ndarray:
        """Tensor grid of the midpoints of n equal cells per axis: shape (n^d, d)."""
        return self._tensor([(np.arange(m) + 0.5) / m for m in self._counts(n, least=1)])

    def chebyshev(self, n: int | Sequence[int]) -> np.ndarray:
        """Tensor grid of n Chebyshev points of the second kind per axis, ends included.

        These are (1 - cos(pi j / (n - 1))) / 2, j = 0..n-1, placed on the box: the extrema of the
        Chebyshev polynomial of degree n - 1.
        """
        counts = self._counts(n, least=2)
        return self._tensor([0.5 - 0.5 * np.cos(np.pi * np.arange(m) / (m - 1)) for m in counts])

    def sobol(self, n: int, *, seed: int | None = None) -> np.ndarray:
        """The first n points of the Sobol sequence, shape (n, d); scrambled if a seed is given.

        Balanced when n is a power of two. From `scipy.stats.qmc`; at most 21201 dimensions.
        """
        from scipy.stats import qmc  # here: it takes longer to import than all the rest

        (count,) = self._counts(n, least=1, axes=1)
        engine = qmc.Sobol(self.dim, scramble=seed is not None, rng=seed)
        power = (count - 1).bit_length()  # drawing a power of two keeps scipy from warning
        return self.place(engine.random_base2(power)[:count])

    def halton(self, n: int, *, seed: int | None = None) -> np.ndarray:
        """The first n points of the Halton sequence, shape (n, d); scrambled if a seed is given."""
        from scipy.stats import qmc  # here: it takes longer to import than all the rest

        (count,) = self._counts(n, least=1, axes=1)
        return self.place(qmc.Halton(self.dim, scramble=seed is not None, rng=seed).random(count))

    def random(self, key: Array, n: int, dtype: str | None = None) -> Float[Array, "n d"]:
        """Draw n independent uniform points with JAX, shape (n, d); can be traced by `jit`."""
        t = jax.random.uniform(key, (n, self.dim), dtype=dtype or jnp.result_type(float))
        lower = jnp.asarray(self.lower, t.dtype)
        return lower[None, :] + t * (jnp.asarray(self.upper, t.dtype) - lower)[None, :]

    def corners(self) -> np.ndarray:
        """All 2^d corners, shape (2^d, d)."""
        if self.dim > 20:
            raise ValueError(f"dim: got {self.dim}, expected at most 20: there are 2^dim corners.")
        return np.array(list(itertools.product(*zip(self.lower, self.upper, strict=True))))

    # Quadrature

    def gauss_legendre(
        self, n: int, *, panels: int | Sequence[int] = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tensor Gauss-Legendre rule with n nodes on each of `panels` equal cells per axis.

        Exact for polynomials of degree 2 n - 1 in each variable on every cell; for a function with
        2 n bounded derivatives the error falls like panels^(-2 n).

        Args:
            n: Nodes per cell and axis.
            panels: Cells per axis, one number or d of them.

        Returns:
            `(points, weights)` of shapes (N, d) and (N,), N = prod(n * panels); the weights are
            positive and sum to the volume.
        """
        (nodes_per_cell,) = self._counts(n, least=1, axes=1)
        cells = self._counts(panels, least=1, name="panels")
        if np.prod([float(nodes_per_cell * m) for m in cells]) > _MAX_POINTS:
            raise ValueError(
                f"panels: got {panels!r} with n = {n} in {self.dim} dimensions, expected at most "
                f"{_MAX_POINTS} nodes in all. Use sobol points in many dimensions."
            )
        t, w = np.polynomial.legendre.leggauss(nodes_per_cell)
        axes = [(((np.arange(m)[:, None] + 0.5 + 0.5 * t) / m).ravel()) for m in cells]
        weights = [np.tile(0.5 * w / m, m) for m in cells]
        product = weights[0]
        for factor in weights[1:]:
            product = np.multiply.outer(product, factor)
        return self._tensor(axes), product.ravel() * self.volume

    # Internals

    def _tensor(self, axes: list[np.ndarray]) -> np.ndarray:
        if len(axes) == 1:
            return self.place(axes[0][:, None])
        grids = np.meshgrid(*axes, indexing="ij")
        return self.place(np.stack([g.ravel() for g in grids], axis=1))

    def _counts(
        self, n: int | Sequence[int], *, least: int, axes: int | None = None, name: str = "n"
    ) -> tuple[int, ...]:
        dims = self.dim if axes is None else axes
        counts = tuple(n) if isinstance(n, Sequence) else (n,) * dims
        if len(counts) != dims or any(
            not isinstance(m, (int, np.integer)) or isinstance(m, bool) or m < least for m in counts
        ):
            raise ValueError(
                f"{name}: got {n!r}, expected an integer of at least {least}"
                + (f", or {dims} of them." if dims > 1 else ".")
            )
        if np.prod([float(m) for m in counts]) > _MAX_POINTS:
            raise ValueError(
                f"{name}: got {n!r} in {dims} dimensions, expected at most {_MAX_POINTS} points "
                "in all. A tensor grid grows like n^d: use sobol or halton points instead."
            )
        return tuple(int(m) for m in counts)

    def _checked(self, points: np.ndarray) -> np.ndarray:
        array = np.asarray(points)
        if array.ndim != 2 or array.shape[1] != self.dim:
            raise ValueError(
                f"points: got shape {array.shape}, expected (n, {self.dim}): one point per row."
            )
        return array


def check_interval(box: Box, name: str = "domain") -> tuple[float, float]:
    """The ends of a box of one dimension; any other box is refused."""
    if box.dim != 1:
        raise ValueError(
            f"{name}: got {box!r} of {box.dim} dimensions, expected an interval such as "
            "al.Box([0.0], [1.0])."
        )
    return box.lower[0], box.upper[0]


def uniform_in_ball(key: Array, n: int, dim: int) -> np.ndarray:
    """Draw n independent uniform points of the unit ball of R^dim: shape (n, dim), float64.

    A normal vector has a uniform direction, and the part of the ball within r has volume r^dim.

    Args:
        key: A typed key; it seeds NumPy's generator.
        n: Number of points.
        dim: Dimension.

    Example:
        >>> points = uniform_in_ball(jax.random.key(0), 100, 3)
        >>> bool(np.all(np.sum(points**2, axis=1) <= 1.0))
        True
    """
    check_positive(n=n, dim=dim)
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    radii = random.uniform(size=(n, 1)) ** (1.0 / dim)
    vectors = random.standard_normal((n, dim))
    return radii * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def __dir__() -> list[str]:
    return __all__
