"""Eigenvalues of kernels on the circle and on spheres: which frequencies a network learns first."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from approxlab.arguments import check_number, check_positive
from approxlab.domains import Box
from approxlab.kernels._arguments import Kind, check_kind
from approxlab.kernels.limit import InfiniteNetwork

__all__ = ["Spectrum", "spectrum"]

# Rules of few nodes on many cells: the weights of a rule of hundreds have errors beyond rounding.
_NODES, _LEAST_CELLS, _FREQUENCIES_PER_CELL = 24, 32, 4
_DOUBLINGS, _ROUNDING = 5, 64.0


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """Eigenvalues of a kernel on a sphere, by frequency (degree of the harmonics).

    Attributes:
        kind: "nngp" or "ntk".
        dim: Dimension d of the space: 2 for the circle.
        frequencies: k, shape (n,).
        eigenvalues: Of the integral operator with the uniform probability measure, shape (n,). What
            is below `floor` is rounding.
        multiplicities: How many independent harmonics have this eigenvalue, shape (n,).
        floor: Rounding of the quadrature: eps times the value of the kernel on the diagonal; and
            its error, where a kernel is too sharp for it.
    """

    kind: Kind
    dim: int
    frequencies: np.ndarray
    eigenvalues: np.ndarray
    multiplicities: np.ndarray
    floor: float

    def slope(self, low: int, high: int, *, parity: str | None = None) -> float:
        """Slope of log eigenvalue against log frequency, by least squares.

        Args:
            low: Smallest frequency.
            high: Largest frequency.
            parity: "even" or "odd" frequencies alone; by default all.

        Raises:
            ValueError: If fewer than three eigenvalues lie above ten times the floor, or one of
                those asked for does not: then there is no power to be seen.
        """
        last = int(self.frequencies[-1])
        if not 0 < low < high <= last:
            raise ValueError(
                f"low, high: got {low} and {high}, expected increasing numbers up to {last}, the "
                "highest frequency. Compute more: spectrum(..., highest=...)."
            )
        if parity not in (None, "even", "odd"):
            raise ValueError(f"parity: got {parity!r}, expected None, 'even' or 'odd'.")
        k = self.frequencies
        chosen = (k >= low) & (k <= high) & (k > 0)
        if parity is not None:
            chosen &= k % 2 == (parity == "odd")
        values = self.eigenvalues[chosen]
        if len(values) < 3 or np.any(values <= 10 * self.floor):
            raise ValueError(
                f"low, high: got {low} to {high}, where {np.sum(values <= 10 * self.floor)} of "
                f"{len(values)} eigenvalues are not above rounding ({10 * self.floor:.1e}), "
                "expected three or more that are. Take lower frequencies, or one parity."
            )
        return float(np.polyfit(np.log(k[chosen]), np.log(values), 1)[0])

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """Eigenvalues against frequencies; see `plotting.plot_spectrum`."""
        from approxlab.plotting.spectra import plot_spectrum

        return plot_spectrum(self, ax=ax, **style)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per frequency."""
        columns = zip(self.frequencies, self.eigenvalues, self.multiplicities, strict=True)
        return [
            {"frequency": int(k), "eigenvalue": float(v), "multiplicity": int(m)}
            for k, v, m in columns
        ]

    def __repr__(self) -> str:
        place = "circle" if self.dim == 2 else f"sphere in {self.dim} dimensions"
        return f"Spectrum({self.kind} on the {place}, {len(self.frequencies)} frequencies)"


def spectrum(
    network: Any,
    kind: Any,
    *,
    dim: Any = 2,
    highest: Any = 64,
    radius: Any = 1.0,
    panels: Any = None,
) -> Spectrum:
    """Eigenvalues of a kernel on the sphere of a radius, for frequencies 0 to `highest`.

    On a sphere the kernel depends on the angle q between two points alone, and by the formula of
    Funk and Hecke its eigenfunctions are the spherical harmonics, with

        eigenvalue_k = integral of K(cos q) P_k(cos q) sin(q)^(d-2) dq / integral of sin(q)^(d-2) dq

    over [0, pi], for the Legendre polynomial P_k of dimension d, P_k(1) = 1 (cos k q on the
    circle). Seen as functions of q, the kernels here have no kink, so Gauss-Legendre quadrature in
    q converges fast; cells are halved until what is left is rounding, and `floor` says how much.

    Args:
        network: The infinitely wide network.
        kind: "nngp" or "ntk".
        dim: Dimension d of the space, at least 2.
        highest: Largest frequency.
        radius: Of the sphere.
        panels: Cells of 24 nodes of the quadrature to begin with; by default one per four
            frequencies and at least 32.

    Raises:
        ValueError: If an argument does not fit.

    Example:
        >>> relu = InfiniteNetwork(hidden_layers=2, activation="relu", weight_variance=2.0,
        ...                        bias_variance=1.0, parameterisation="ntk")
        >>> found = spectrum(relu, "ntk", highest=8)
        >>> bool(np.all(np.diff(found.eigenvalues[1:]) < 0))       # low frequencies come first
        True
    """
    check_positive(dim=dim, highest=highest)
    if dim < 2:
        raise ValueError(f"dim: got {dim}, expected at least 2: a circle or a sphere.")
    check_number("radius", radius, positive=True)
    check_kind(kind)
    if not isinstance(network, InfiniteNetwork):
        raise TypeError(f"network: got {type(network).__name__}, expected an InfiniteNetwork.")
    cells = max(_LEAST_CELLS, -(-highest // _FREQUENCIES_PER_CELL)) if panels is None else panels
    check_positive(panels=cells)
    angles, weights, values, top, eps, doubt = _resolved(network, kind, dim, float(radius), cells)
    density = weights * np.sin(angles) ** (dim - 2)
    density /= density.sum()
    found = _legendre(dim, highest, np.cos(angles)) @ (density * values)
    k = np.arange(highest + 1)
    many = np.array([_multiplicity(dim, int(j)) for j in k])
    return Spectrum(kind, dim, k, found, many, eps * top + doubt)


def _resolved(
    network: InfiniteNetwork, kind: Kind, dim: int, radius: float, cells: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float, float]:
    """Angles, weights and values of the kernel on enough cells, K(x, x), eps, and the doubt.

    The last coefficients of the values on a cell, in Legendre polynomials, tell what a polynomial
    of degree 23 leaves out. Cells are doubled until this is rounding, or told as a doubt.
    """
    kernel = network.nngp if kind == "nngp" else network.ntk
    nodes, _ = np.polynomial.legendre.leggauss(_NODES)
    transform = np.linalg.inv(np.polynomial.legendre.legvander(nodes, _NODES - 1))[-2:]
    for doubling in range(_DOUBLINGS + 1):
        rule = Box([0.0], [math.pi]).gauss_legendre(_NODES, panels=cells * 2**doubling)
        angles, weights = rule[0][:, 0], rule[1]
        points = np.zeros((len(angles) + 1, dim))  # the pole itself comes last
        points[:, 0], points[:, 1] = np.cos([*angles, 0.0]), np.sin([*angles, 0.0])
        row = np.asarray(kernel(radius * points[-1:], radius * points)[0])
        values, top = row[:-1].astype(float), float(row[-1])
        last = np.abs(values.reshape(-1, _NODES) @ transform.T).sum(axis=1)
        doubt, eps = float(np.mean(last)), float(np.finfo(row.dtype).eps)
        if doubt <= _ROUNDING * eps * top:
            return angles, weights, values, top, eps, 0.0
    return angles, weights, values, top, eps, doubt


def _legendre(dim: int, highest: int, t: np.ndarray) -> np.ndarray:
    """P_0 .. P_highest of dimension d at t, shape (highest + 1, len(t))."""
    rows = [np.ones_like(t), t]
    for k in range(1, highest):
        rows.append(((2 * k + dim - 2) * t * rows[-1] - k * rows[-2]) / (k + dim - 2))
    return np.stack(rows[: highest + 1])


def _multiplicity(dim: int, k: int) -> int:
    """Dimension of the harmonics of degree k."""
    if k == 0:
        return 1
    return (2 * k + dim - 2) * math.comb(k + dim - 3, k - 1) // k
