"""Curvature of a loss: eigenvalues of its Hessian in the parameters, however many there are.

Up to some hundreds of parameters the Hessian is formed and decomposed by LAPACK. Beyond that only
products with it are computed, by forward over reverse mode, and ARPACK's Lanczos finds the ends of
the spectrum. Results say which it was.

At kinks (relu) the Hessian is the derivative of the gradient as JAX computes it: it misses the
curvature that is concentrated in the kink.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_positive
from approxlab.host_threads import one_thread
from approxlab.landscapes._lanczos import ends
from approxlab.landscapes._products import Curved, NotFiniteError, curved
from approxlab.landscapes._stacks import at_first_of, entries_of_stack

__all__ = [
    "NegativeCurvature",
    "Spectrum",
    "hessian_spectrum",
    "negative_curvature",
    "sharpness",
    "sharpness_along",
    "stable_step",
]

Loss = Callable[..., Any]
Method = Literal["auto", "dense", "lanczos"]
Which = Literal["largest", "smallest", "all"]

DENSE_SIZE = 300  # up to here the whole Hessian costs no more than some tens of products
_LARGEST_MATRIX = 5000  # 200 MB
_MOST_PRODUCTS = 20_000
_ROUNDINGS = 64.0  # of the largest eigenvalue; up to 27 were seen, for 200000 points
_STACK_NUMBERS = 2**22  # of the Hessians that are held at once


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """Eigenvalues of a Hessian, with their directions.

    Attributes:
        values: Shape (k,), from the asked end inwards; all of them increasing.
        vectors: Shape (n, k), orthonormal columns over the entries of all floating-point leaves.
        rounding: Eigenvalues of smaller absolute value may be zero: max(64, n) eps times the
            largest eigenvalue and, where the Hessian was formed, its asymmetry. A guide, not a
            bound: sums inside the loss that cancel, or run over very many points, may lose more.
            Then compare float64.
        residual: An eigenvalue of the Hessian is so close to each value.
        method: "dense" or "lanczos".
        products: Number of Hessian-vector products.
    """

    values: np.ndarray
    vectors: np.ndarray
    rounding: float
    residual: float
    method: Literal["dense", "lanczos"]
    products: int
    _at: Curved

    def direction(self, index: int = 0) -> Any:
        """The unit vector of one eigenvalue, shaped like the parameters; its sign is arbitrary."""
        if not 0 <= index < len(self.values):
            raise ValueError(f"index: got {index}, expected 0 to {len(self.values) - 1}.")
        return self._at.direction(self.vectors[:, index])

    def __repr__(self) -> str:
        shown = ", ".join(f"{v:.6g}" for v in self.values[:4])
        more = ", ..." if len(self.values) > 4 else ""
        n = self.vectors.shape[0]
        return f"Spectrum({shown}{more}; {self.method}, {n} parameters)"

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """Eigenvalues in their order; see `plotting.plot_spectrum`."""
        from approxlab.plotting.spectra import plot_spectrum

        return plot_spectrum(self, ax=ax, **style)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per eigenvalue."""
        names = ("rounding", "residual", "method", "products")
        known = {name: getattr(self, name) for name in names}
        values = enumerate(self.values)
        return [{"index": i, "eigenvalue": float(value), **known} for i, value in values]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NegativeCurvature:
    """The smallest eigenvalue, and whether it is below rounding; true in an `if` when it is.

    Attributes:
        found: Whether the eigenvalue is below `-rounding`.
        eigenvalue: The smallest one.
        direction: Its unit vector shaped like the parameters, `None` if none was found.
        rounding: See `Spectrum`.
        method: "dense" or "lanczos".
    """

    found: bool
    eigenvalue: float
    direction: Any
    rounding: float
    method: Literal["dense", "lanczos"]

    def __bool__(self) -> bool:
        return self.found

    def __repr__(self) -> str:
        said = "found" if self.found else "none found"
        value, level = f"{self.eigenvalue:.6g}", f"{self.rounding:.1e}"
        return f"NegativeCurvature({said}: smallest eigenvalue {value}, rounding {level})"


def hessian_spectrum(
    loss: Loss,
    params: Any,
    *args: Any,
    which: Which = "all",
    k: int | None = None,
    method: Method = "auto",
    tolerance: float | None = None,
    max_products: int = _MOST_PRODUCTS,
) -> Spectrum:
    """Eigenvalues of the Hessian of loss(params, *args) in the parameters.

    Args:
        loss: Maps the parameters, and further arguments, to a real number of shape (). A function
            wrapped in `jax.jit`, or one that is a registered pytree, is compiled once per shape; a
            plain function at every call, since what it closes over may have changed.
        params: An array or a pytree, such as an `MLP`. Floating-point leaves are differentiated.
        args: Further arguments of the loss, such as data: arrays, numbers, pytrees of them.
        which: "largest" or "smallest", counted with sign, or "all".
        k: How many at that end; by default 1. Not given with "all".
        method: "dense", "lanczos", or "auto": dense up to 300 parameters, and for "all".
        tolerance: Lanczos stops when |H v - lambda v| is this small against the largest absolute
            value of an eigenvalue; by default 1e-10, in float32 8e-6. An end where many
            eigenvalues are nearly zero needs a larger one.
        max_products: Most Hessian-vector products of Lanczos.

    Returns:
        A `Spectrum`.

    Raises:
        TypeError: If params has no real floating-point leaf, or the value is not real.
        ValueError: If a name is unknown, k does not fit, parameters or Hessian are not finite, or
            "all" is asked for more than 5000 parameters.
        RuntimeError: If Lanczos has not converged.

    Source:
        Pearlmutter 1994 (products); Lehoucq, Sorensen and Yang 1998 (ARPACK).

    Example:
        >>> hessian_spectrum(lambda w: (1 - w[0] * w[1]) ** 2 / 2, jnp.zeros(2)).values.tolist()
        [-1.0, 1.0]
    """
    if which not in get_args(Which):
        raise ValueError(f"which: got {which!r}, expected 'largest', 'smallest' or 'all'.")
    at = curved(loss, params, args)
    count = _count(which, k, at.size)
    if _resolved(method, at.size, which, count) == "dense":
        return _dense(at, which, count)
    check_positive(max_products=max_products)
    assert which != "all", "refused above"
    found = ends(at.product, at.size, count, which, _tolerance(tolerance, at), max_products)
    rounding = max(_ROUNDINGS, at.size) * at.eps * found.size
    residual = found.residual + rounding
    return Spectrum(found.values, found.vectors, rounding, residual, "lanczos", found.products, at)


def sharpness(
    loss: Loss,
    params: Any,
    *args: Any,
    method: Method = "auto",
    max_products: int = _MOST_PRODUCTS,
) -> float:
    """The largest eigenvalue of the Hessian of loss(params, *args): gradient descent feels it.

    Arguments and errors are those of `hessian_spectrum`. For many points of one run, wrap the loss
    in `jax.jit` or call `sharpness_along`.

    Example:
        >>> sharpness(lambda w: w[0] ** 2 + 3 * w[1] ** 2, jnp.zeros(2))
        6.0
    """
    found = hessian_spectrum(
        loss, params, *args, which="largest", method=method, max_products=max_products
    )
    return float(found.values[0])


def stable_step(
    loss: Loss,
    params: Any,
    *args: Any,
    method: Method = "auto",
    max_products: int = _MOST_PRODUCTS,
) -> float:
    """2 / sharpness: the largest step of gradient descent that is stable near a minimum.

    On a quadratic with positive eigenvalues, gradient descent converges below it and diverges above
    it. Infinite where the largest eigenvalue is not above rounding: then no curvature bounds the
    step. Along directions of negative curvature no step is stable.

    Arguments and errors are those of `hessian_spectrum`.

    Example:
        >>> stable_step(lambda w: w[0] ** 2 + 4 * w[1] ** 2, jnp.zeros(2))
        0.25
    """
    found = hessian_spectrum(
        loss, params, *args, which="largest", method=method, max_products=max_products
    )
    largest = float(found.values[0])
    return 2.0 / largest if largest > found.rounding else math.inf


def negative_curvature(
    loss: Loss,
    params: Any,
    *args: Any,
    method: Method = "auto",
    tolerance: float | None = 1e-6,
    max_products: int = _MOST_PRODUCTS,
) -> NegativeCurvature:
    """A direction along which the loss curves downwards, beyond rounding: then it is not convex.

    Arguments and errors are those of `hessian_spectrum`; the tolerance of Lanczos is larger, since
    near a minimum many eigenvalues are nearly zero. Found means below minus the `rounding` of
    `Spectrum`, which is a guide: close to it, repeat in float64. If nothing was found, that proves
    nothing about other points.

    Example:
        >>> found = negative_curvature(lambda w: (1 - w[0] * w[1]) ** 2 / 2, jnp.zeros(2))
        >>> found.found, found.eigenvalue
        (True, -1.0)
        >>> bool(negative_curvature(lambda w: jnp.sum(w**2), jnp.zeros(2)))
        False
    """
    found = hessian_spectrum(
        loss,
        params,
        *args,
        which="smallest",
        method=method,
        tolerance=tolerance,
        max_products=max_products,
    )
    value = float(found.values[0])
    below = value < -found.rounding
    return NegativeCurvature(
        below, value, found.direction(0) if below else None, found.rounding, found.method
    )


def sharpness_along(
    loss: Loss,
    params_stack: Any,
    *args: Any,
    method: Method = "auto",
    max_products: int = _MOST_PRODUCTS,
) -> np.ndarray:
    """The sharpness at many points, such as those of a training run; compiled once.

    Args:
        loss: As in `hessian_spectrum`.
        params_stack: The parameters, every floating-point leaf with one more leading axis of the
            same length m; other leaves are held fixed.
        args: Further arguments of the loss, the same for all points.
        method: See `hessian_spectrum`.
        max_products: Most Hessian-vector products of Lanczos, for each point.

    Returns:
        Shape (m,), float64; nan at points whose parameters or Hessian are not finite.

    Raises:
        ValueError: If the leading axes differ; else as `hessian_spectrum`.
        RuntimeError: If Lanczos has not converged at a point.

    Example:
        >>> starts = jnp.array([[1.0, 1.0], [2.0, 0.5]])
        >>> sharpness_along(lambda w: (1 - w[0] * w[1]) ** 2 / 2, starts).tolist()
        [2.0, 4.25]
    """
    stack = entries_of_stack(params_stack)
    at = at_first_of(loss, params_stack, args)
    finite = np.all(np.isfinite(np.asarray(stack)), axis=1)
    found = np.full(stack.shape[0], np.nan)
    if _resolved(method, at.size, "largest", 1) == "dense":
        found[finite] = _largest_of_many(at, np.asarray(stack)[finite])
        return found
    check_positive(max_products=max_products)
    tol = _tolerance(None, at)
    for i in np.flatnonzero(finite):
        here = at.at(stack[i])
        try:
            found[i] = ends(here.product, at.size, 1, "largest", tol, max_products).values[0]
        except NotFiniteError:
            continue
    return found


@one_thread()
def _largest_of_many(at: Curved, stack: np.ndarray) -> np.ndarray:
    """Largest eigenvalues at points (m, n), by Hessians in chunks of one shape."""
    found = np.full(len(stack), np.nan)
    chunk = max(1, min(len(stack), _STACK_NUMBERS // at.size**2))
    for begin in range(0, len(stack), chunk):
        part = stack[begin : begin + chunk]
        filled = np.concatenate([part, np.repeat(part[-1:], chunk - len(part), axis=0)])
        hessians = at.hessians(jnp.asarray(filled, at.entries.dtype))[: len(part)]
        good = np.all(np.isfinite(hessians), axis=(1, 2))
        halves = hessians[good] / 2.0
        values = np.linalg.eigvalsh(halves + np.swapaxes(halves, 1, 2))
        found[begin : begin + chunk][good] = values[:, -1]
    return found


@one_thread()
def _dense(at: Curved, which: Which, count: int) -> Spectrum:
    hessian = at.hessian()
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2.0)
    size = float(np.max(np.abs(values)))
    # The entries are sums over data, whose rounding the number of parameters does not tell.
    rounding = max(_ROUNDINGS, at.size) * at.eps * size
    rounding += float(np.linalg.norm(hessian - hessian.T)) / 2.0
    if which == "largest":
        values, vectors = values[::-1], vectors[:, ::-1]
    return Spectrum(values[:count], vectors[:, :count], rounding, rounding, "dense", at.size, at)


def _tolerance(tolerance: float | None, at: Curved) -> float:
    """Of Lanczos: what is asked for, but not below what the dtype gives."""
    least = 64.0 * at.eps
    if tolerance is None:
        return max(least, 1e-10)
    if not 0.0 < tolerance < 1.0:
        raise ValueError(f"tolerance: got {tolerance}, expected a number between 0 and 1.")
    return max(least, float(tolerance))


def _count(which: Which, k: int | None, n: int) -> int:
    if which == "all":
        if k is not None:
            raise ValueError(f"k: got {k} with which='all', expected none. Name an end for k.")
        return n
    if k is None:
        return 1
    check_positive(k=k)
    if k > n:
        raise ValueError(f"k: got {k}, expected at most {n}, the number of parameters.")
    return k


def _resolved(method: Method, n: int, which: Which, count: int) -> Literal["dense", "lanczos"]:
    if method not in get_args(Method):
        raise ValueError(f"method: got {method!r}, expected 'auto', 'dense' or 'lanczos'.")
    if method == "dense" or (method == "auto" and (n <= DENSE_SIZE or which == "all")):
        if method == "auto" and n > _LARGEST_MATRIX:
            raise ValueError(
                f"which: got 'all' for {n} parameters, expected at most {_LARGEST_MATRIX}: the "
                f"Hessian would have {n}^2 entries. Ask for k at an end, or force method='dense'."
            )
        return "dense"
    if which == "all" or count >= n:
        raise ValueError(
            f"method: got 'lanczos' for {'all' if which == 'all' else count} of {n} eigenvalues, "
            "expected fewer than there are parameters: Lanczos finds the ends. Use method='dense'."
        )
    return "lanczos"
