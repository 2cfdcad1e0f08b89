"""Regression with a kernel: what infinitely wide networks predict from data."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from approxlab.derivatives.layers.weights import weight_jacobian
from approxlab.evaluation import check_points, values_at
from approxlab.fitting.last_layer.solved_networks import with_last_layer
from approxlab.kernels.limit import InfiniteNetwork, Kind
from approxlab.networks.mlp import MLP
from approxlab.solves import solve

__all__ = ["KernelRegression", "random_feature_network", "regress"]

_TIMES_HIGHER = 10.0  # from one jitter that fails to the next
_MOST_TRIES = 8


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class KernelRegression:
    """Kernel (ridge) regression: f(x) = k(x, X) (K + ridge I)^-1 Y, through a Cholesky factor.

    With the NNGP kernel and ridge as the variance of the noise, it is the posterior of the Gaussian
    process. With the NTK it is where gradient flow takes an infinitely wide network that starts at
    zero (Jacot, Gabriel and Hongler 2018; Lee et al. 2019).

    Attributes:
        network: The infinitely wide network.
        kind: "nngp" or "ntk".
        X: Points, shape (n, d).
        Y: Values, shape (n,) or (n, m).
        ridge: What was asked to be added to the diagonal.
        jitter: What was added beyond: 0 unless K + ridge I was not positive definite to rounding.
        kernel: K, shape (n, n).
        factor: Lower Cholesky factor of K + (ridge + jitter) I, shape (n, n).
    """

    network: InfiniteNetwork
    kind: Kind
    X: Any
    Y: Any
    ridge: float
    jitter: float
    kernel: Any
    factor: Any

    def mean(self, points: Any) -> Float[np.ndarray, "p ..."]:
        """Predictions at points of shape (p, d): shape (p,) or (p, m).

        Example:
            >>> network = InfiniteNetwork(hidden_layers=1, activation="relu", weight_variance=2.0,
            ...                           bias_variance=1.0, parameterisation="ntk")
            >>> X = np.array([[-1.0], [0.0], [1.0]])
            >>> fit = regress(network, X, np.array([1.0, 0.0, 1.0]), kind="ntk")
            >>> np.round(fit.mean(X), 4).tolist()
            [1.0, 0.0, 1.0]
        """
        found: np.ndarray = self._across(points) @ self._coefficients
        return found

    def variance(self, points: Any) -> Float[np.ndarray, " p"]:
        """Posterior variance of the Gaussian process, shape (p,), without the noise.

        Raises:
            ValueError: With kind "ntk", whose formula of the same form is no posterior.
        """
        from scipy.linalg import solve_triangular

        if self.kind != "nngp":
            raise ValueError(
                "kind: got 'ntk', whose kernel is not the covariance of a prior, expected 'nngp' "
                "for a posterior variance."
            )
        across = self._across(points)
        own = self.network.variances(_rows(points, self.X))
        half = solve_triangular(self.factor, across.T, lower=True)
        return np.asarray(own - np.sum(half * half, axis=0))

    def at_time(
        self, points: Any, time: float, *, start: Callable[[Any], Any] | None = None
    ) -> Float[np.ndarray, "p ..."]:
        """Predictions after gradient flow for a time, from a start: no ridge, no inverse.

        df/dt = -K (f - Y) on the data, the flow of half the sum of squares; so k steps of gradient
        descent with step alpha on that loss last k alpha, and on the mean of squares 2 k alpha / n.

        Args:
            points: Shape (p, d).
            time: At least 0; infinity for the end.
            start: The function at time 0, say the network itself; by default zero.

        Raises:
            ValueError: If the time is negative or the kind is "nngp".
        """
        if self.kind != "ntk":
            raise ValueError("kind: got 'nngp', expected 'ntk': it is the kernel of gradient flow.")
        if not time >= 0:
            raise ValueError(f"time: got {time!r}, expected a number that is at least 0.")
        values, vectors = self._spectrum
        rows = _rows(points, self.X)
        begin, begin_data = (0.0, 0.0) if start is None else (
            values_at(start, rows), values_at(start, np.asarray(self.X))
        )  # fmt: skip
        # What a kernel direction has learnt, over its eigenvalue; at infinity, rounding is not.
        floor = len(values) * np.finfo(values.dtype).eps * values[-1]
        kept = np.where(values > floor, values, np.inf if np.isinf(time) else 1.0)
        gains = np.where(values > floor, -np.expm1(-values * time), 0 if np.isinf(time) else time)
        weights = gains / kept
        missing = vectors.T @ (np.asarray(self.Y) - begin_data)
        step = vectors @ (weights * missing.T).T
        found: np.ndarray = begin + self._across(points) @ step
        return found

    @functools.cached_property
    def _coefficients(self) -> np.ndarray:
        from scipy.linalg import cho_solve

        found: np.ndarray = cho_solve((self.factor, True), np.asarray(self.Y))
        return found

    @functools.cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = np.linalg.eigh(self.kernel)
        return values, vectors

    def _across(self, points: Any) -> np.ndarray:
        return np.asarray(_of(self.network, self.kind)(_rows(points, self.X), self.X))

    def __repr__(self) -> str:
        n, d = np.shape(self.X)
        text = f"{n} points in {d} dimensions, ridge {self.ridge:.2g}, jitter {self.jitter:.2g}"
        return f"KernelRegression({self.kind}, {text})"


def regress(
    network: InfiniteNetwork,
    X: Any,
    Y: Any,
    *,
    kind: Kind,
    ridge: float = 0.0,
    jitter: float | None = None,
) -> KernelRegression:
    """Fit data with the kernel of an infinitely wide network.

    Args:
        network: The infinitely wide network.
        X: Points, shape (n, d).
        Y: Values, shape (n,) or (n, m).
        kind: "nngp" for the Bayesian posterior, "ntk" for the end of gradient flow.
        ridge: Added to the diagonal: the variance of the noise.
        jitter: Added beyond that. By default 0, and where the matrix is not positive definite to
            rounding, the least power of ten times n eps of its mean diagonal that makes it so;
            `jitter` of the result says it. With 0, such a matrix is refused.

    Raises:
        ValueError: If shapes do not fit, a number is not finite, or no jitter helps.

    Example:
        >>> network = InfiniteNetwork(hidden_layers=2, activation="erf", weight_variance=2.0,
        ...                           bias_variance=0.1, parameterisation="ntk")
        >>> X = np.linspace(-1.0, 1.0, 9)[:, None]
        >>> fit = regress(network, X, np.sin(3 * X[:, 0]), kind="nngp", ridge=1e-4)
        >>> fit
        KernelRegression(nngp, 9 points in 1 dimensions, ridge 0.0001, jitter 0)
        >>> bool(fit.variance(np.array([[3.0]]))[0] > fit.variance(X)[4])
        True
    """
    points = np.asarray(check_points(X))
    values = np.asarray(Y)
    if values.ndim not in (1, 2) or len(values) != len(points):
        raise ValueError(
            f"Y: got shape {values.shape} for {len(points)} points, expected ({len(points)},) or "
            f"({len(points)}, m)."
        )
    if not np.all(np.isfinite(values)):
        raise ValueError("Y: got numbers that are not finite, expected finite ones.")
    for name, number in {"ridge": ridge, "jitter": 0.0 if jitter is None else jitter}.items():
        if not 0 <= number < np.inf:
            raise ValueError(f"{name}: got {number!r}, expected a number that is at least 0.")
    kernel = np.asarray(_of(network, kind)(points))
    added, factor = _factored(kernel, ridge, jitter)
    return KernelRegression(network, kind, points, values, ridge, added, kernel, factor)


def random_feature_network(
    network: InfiniteNetwork,
    key: Array,
    width: int,
    X: Any,
    Y: Any,
    *,
    ridge: float = 0.0,
) -> MLP:
    """A network with random hidden layers whose last layer is solved for, with least norm.

    The weights of the last layer minimise sum_i (f(x_i) - y_i)^2 + ridge |parameters|^2, for
    parameters with unit variance in the prior. As the width grows, f tends to the mean of the NNGP
    regression with that ridge (Rahimi and Recht 2008).

    Args:
        network: The infinitely wide network.
        key: A typed key, of the hidden layers.
        width: Of every hidden layer.
        X: Points, shape (n, d).
        Y: Values, shape (n,) or (n, m).
        ridge: As in `regress`; 0 for the solution of least norm.

    Raises:
        ValueError: If shapes do not fit, or the activation is none of an MLP.

    Example:
        >>> import jax
        >>> network = InfiniteNetwork(hidden_layers=1, activation="relu", weight_variance=2.0,
        ...                           bias_variance=1.0, parameterisation="ntk")
        >>> X = np.linspace(-1.0, 1.0, 9)[:, None]
        >>> random_feature_network(network, jax.random.key(0), 256, X, np.abs(X[:, 0]))
        MLP(1-256-1, relu, 769 parameters, float...)
    """
    points, values = np.asarray(check_points(X)), np.asarray(Y)
    outputs = None if values.ndim == 1 else values.shape[1]
    net = network.draw(key, points.shape[1], width, out_size=outputs, dtype=str(points.dtype))
    units = np.asarray(weight_jacobian(net, points, biases=False).inputs[-1])
    weight = (network.weight_variance[-1] / width) ** 0.5
    bias = network.bias_variance[-1] ** 0.5
    matrix = np.concatenate([weight * units, np.full((len(points), 1), bias, units.dtype)], axis=1)
    wanted = values
    if ridge > 0:
        matrix, wanted = _with_ridge(matrix, values, ridge)
    found = solve(matrix, wanted, method="complete").solution
    found = found[: width + 1]
    scaled = np.concatenate([weight * found[:-1], bias * found[-1:]])
    return with_last_layer(net, scaled)


def _with_ridge(
    matrix: np.ndarray, values: np.ndarray, ridge: float
) -> tuple[np.ndarray, np.ndarray]:
    """A problem of least squares whose solution of least norm minimises |A w - y|^2 + ridge |w|^2.

    With more unknowns than rows the residuals e become unknowns, A w + sqrt(ridge) e = y, so that
    the matrix stays as wide as it is.
    """
    rows, columns = matrix.shape
    root = np.asarray(ridge**0.5, matrix.dtype)
    if rows <= columns:
        return np.concatenate([matrix, root * np.eye(rows, dtype=matrix.dtype)], axis=1), values
    below = root * np.eye(columns, dtype=matrix.dtype)
    zeros = np.zeros((columns, *values.shape[1:]), values.dtype)
    return np.concatenate([matrix, below]), np.concatenate([values, zeros])


def _of(network: Any, kind: Any) -> Callable[..., Any]:
    if not isinstance(network, InfiniteNetwork):
        raise TypeError(f"network: got {type(network).__name__}, expected an InfiniteNetwork.")
    if kind not in ("nngp", "ntk"):
        raise ValueError(f"kind: got {kind!r}, expected 'nngp' or 'ntk'.")
    return network.nngp if kind == "nngp" else network.ntk


def _rows(points: Any, X: np.ndarray) -> np.ndarray:
    return np.asarray(check_points(points, X.shape[1]), X.dtype)


def _factored(
    kernel: np.ndarray, ridge: float, jitter: float | None
) -> tuple[float, Float[np.ndarray, "n n"]]:
    """What was added beyond the ridge, and the Cholesky factor."""
    count = len(kernel)
    least = count * float(np.finfo(kernel.dtype).eps) * float(np.mean(np.diag(kernel)))
    tries = [jitter] if jitter is not None else [
        0.0, *(least * _TIMES_HIGHER**k for k in range(_MOST_TRIES))
    ]  # fmt: skip
    for added in tries:
        shifted = kernel + (ridge + added) * np.eye(count, dtype=kernel.dtype)
        try:
            return added, np.linalg.cholesky(shifted)
        except np.linalg.LinAlgError:
            continue
    raise ValueError(
        f"kernel: got a {count} x {count} matrix that is not positive definite with "
        f"{ridge + tries[-1]:.2g} on its diagonal of mean {np.mean(np.diag(kernel)):.2g}, expected "
        "a positive definite one. Give a ridge, or leave out points that are equal, or opposite "
        "without a bias."
    )
