"""Regression with a kernel: what infinitely wide networks predict from data."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from approxlab.arguments import check_number
from approxlab.derivatives.layers.weights import weight_jacobian
from approxlab.evaluation import values_at
from approxlab.fitting.last_layer.solved_networks import with_last_layer
from approxlab.kernels._arguments import Kind, check_kind, rows_of, values_of
from approxlab.kernels.limit import InfiniteNetwork
from approxlab.networks.mlp import MLP
from approxlab.solves import solve

__all__ = ["KernelRegression", "random_feature_network", "regress"]

_TIMES_HIGHER = 10.0  # from one jitter that fails to the next
_MOST_TRIES = 12
_BLOCK_NUMBERS = 2**24  # of a kernel between points and data, at a time


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
        rounding: How far the coefficients miss their equations by rounding, relative to the largest
            value: about what it moves `mean` by.
        kernel: K, shape (n, n).
        factor: Lower Cholesky factor of K + (ridge + jitter) I, shape (n, n).
        coefficients: (K + (ridge + jitter) I)^-1 Y, shape (n,) or (n, m).
    """

    network: InfiniteNetwork
    kind: Kind
    X: Any
    Y: Any
    ridge: float
    jitter: float
    rounding: float
    kernel: Any
    factor: Any
    coefficients: Any

    def mean(self, points: Any) -> Float[np.ndarray, "p ..."]:
        """Predictions at points of shape (p, d): shape (p,) or (p, m).

        Example:
            >>> network = InfiniteNetwork(hidden_layers=1, activation="relu", weight_variance=2.0,
            ...                           bias_variance=1.0, parameterisation="ntk")
            >>> X = np.array([[-1.0], [0.0], [1.0]])
            >>> fit = regress(network, X, np.array([1.0, 2.0, 1.0]), kind="ntk")
            >>> bool(np.allclose(fit.mean(X), [1.0, 2.0, 1.0], atol=1e-3))
            True
        """
        return self._across(points, lambda block, _: block @ self.coefficients)

    def variance(self, points: Any) -> Float[np.ndarray, " p"]:
        """Posterior variance of the Gaussian process, shape (p,), without the noise.

        A difference that rounding makes negative is 0.

        Raises:
            ValueError: With kind "ntk", whose formula of the same form is no posterior.
        """
        from scipy.linalg import solve_triangular

        if self.kind != "nngp":
            raise ValueError(
                "kind: got 'ntk', whose kernel is not the covariance of a prior, expected 'nngp' "
                "for a posterior variance."
            )
        own = self.network.variances(_rows(points, self.X))

        def left(block: np.ndarray, where: slice) -> np.ndarray:
            half = solve_triangular(self.factor, block.T, lower=True)
            return np.asarray(own[where] - np.sum(half * half, axis=0))

        return np.maximum(self._across(points, left), 0)

    def at_time(
        self, points: Any, time: Any, *, start: Callable[[Any], Any] | None = None
    ) -> Float[np.ndarray, "p ..."]:
        """Predictions after gradient flow for a time, from a start, without an inverse.

        df/dt = -K (f - Y) on the data, the flow of half the sum of squares; so k steps of gradient
        descent with step alpha on that loss last k alpha, and on the mean of squares 2 k alpha / n.
        With a ridge, ridge |parameters - their start|^2 / 2 is added to the loss. In directions of
        the data that K does not reach beyond rounding, nothing is learnt once it would matter. The
        parameters are those of the network's parameterisation: an MLP that is trained in its own
        weights needs "standard", with its widths.

        Args:
            points: Shape (p, d).
            time: At least 0; infinity for the end.
            start: The function at time 0, say the network itself, with values of the shape of one
                row of Y; by default zero.

        Raises:
            ValueError: If the time is negative, the kind is "nngp", or values of the start have
                another shape.
        """
        if self.kind != "ntk":
            raise ValueError("kind: got 'nngp', expected 'ntk': it is the kernel of gradient flow.")
        if not (isinstance(time, float) and time == np.inf):
            check_number("time", time)
        values, vectors = self._spectrum
        rows = _rows(points, self.X)
        begin, missing = np.zeros(()), np.asarray(self.Y)
        if start is not None:
            begin, there = values_at(start, rows), values_at(start, self.X)
            if there.shape != missing.shape:
                raise ValueError(
                    f"start: got values of shape {there.shape[1:]}, expected {missing.shape[1:]}, "
                    "as in Y. For MLPs, out_size=None gives shape ()."
                )
            missing = missing - there
        gains = _gains(values, self.ridge, float(time)).astype(missing.dtype)
        step = vectors @ (gains * (vectors.T @ missing).T).T
        return begin + self._across(rows, lambda block, _: block @ step)

    @functools.cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = np.linalg.eigh(self.kernel)
        return values, vectors

    def _across(
        self, points: Any, part: Callable[[np.ndarray, slice], np.ndarray]
    ) -> Float[np.ndarray, "p ..."]:
        """What `part` makes of the kernel between points and data, some rows at a time."""
        rows = _rows(points, self.X)
        count = max(1, _BLOCK_NUMBERS // len(self.X))
        blocks = self.network.blocks(self.kind, rows, self.X, rows=count)
        return np.concatenate([part(block, where) for where, block in blocks])

    def plot(self, target: Any = None, *, ax: Any = None, **options: Any) -> Any:
        """Predictions, data and target; see `plotting.plot_kernel_regression`."""
        from approxlab.plotting.kernels import plot_kernel_regression

        return plot_kernel_regression(self, target, ax=ax, **options)

    def __repr__(self) -> str:
        n, d = np.shape(self.X)
        text = f"{n} points in {d} dimensions, ridge {self.ridge:.2g}, jitter {self.jitter:.2g}"
        return f"KernelRegression({self.kind}, {text})"


def regress(
    network: Any,
    X: Any,
    Y: Any,
    *,
    kind: Any,
    ridge: Any = 0.0,
    jitter: Any = None,
    max_bytes: Any = 2**31,
) -> KernelRegression:
    """Fit data with the kernel of an infinitely wide network.

    Args:
        network: The infinitely wide network.
        X: Points, shape (n, d).
        Y: Values, shape (n,) or (n, m).
        kind: "nngp" for the Bayesian posterior, "ntk" for the end of gradient flow.
        ridge: Added to the diagonal: the variance of the noise.
        jitter: Added beyond that. By default 0; and where the matrix is not positive definite to
            rounding, or rounding moves the mean by more than sqrt(eps) of the largest value, the
            least power of ten times n eps of its mean diagonal that cures it. `jitter` of the
            result says it. A number is taken as it is, and `rounding` tells what came of it.
        max_bytes: A larger kernel is refused.

    Raises:
        TypeError: If `network` is no `InfiniteNetwork`, or Y holds no real numbers.
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
    _check_network(network)
    check_kind(kind)
    points = np.asarray(rows_of("X", X))
    values = values_of(Y, len(points), points.dtype)
    check_number("ridge", ridge)
    if jitter is not None:
        check_number("jitter", jitter)
    whole = network.nngp if kind == "nngp" else network.ntk
    kernel = np.asarray(whole(points, max_bytes=max_bytes))
    solved = _solved(kernel, values, float(ridge), jitter)
    added, rounding, factor, coefficients = solved
    return KernelRegression(
        network, kind, points, values, float(ridge), added, rounding, kernel, factor, coefficients
    )


def random_feature_network(
    network: Any,
    key: Array,
    width: Any,
    X: Any,
    Y: Any,
    *,
    ridge: Any = 0.0,
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
    _check_network(network)
    check_number("ridge", ridge)
    points = np.asarray(rows_of("X", X))
    values = values_of(Y, len(points), points.dtype)
    outputs = None if values.ndim == 1 else values.shape[1]
    net = network.draw(key, points.shape[1], width, out_size=outputs, dtype=str(points.dtype))
    units = np.asarray(weight_jacobian(net, points, biases=False).inputs[-1])
    weight = (network._weights[-1] / width) ** 0.5
    bias = network._biases[-1] ** 0.5
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


def _check_network(network: Any) -> None:
    if not isinstance(network, InfiniteNetwork):
        raise TypeError(
            f"network: got {type(network).__name__}, expected an InfiniteNetwork. It comes first."
        )


def _rows(points: Any, X: np.ndarray) -> np.ndarray:
    return np.asarray(rows_of("points", points, X.shape[1])).astype(X.dtype)


def _gains(values: np.ndarray, ridge: float, time: float) -> np.ndarray:
    """What a direction of the data with that eigenvalue has learnt, over its eigenvalue."""
    floor = len(values) * np.finfo(values.dtype).eps * values[-1]
    decay = np.maximum(values.astype(float), 0) + ridge
    if time * floor > 1:
        decay = np.where(decay > floor, decay, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        passed = np.where(np.isinf(decay), 0.0, -np.expm1(-decay * time))
        # Where decay time is small, (1 - exp(-decay time)) / decay is the time.
        return np.where(decay * time < 1e-300, time if time * floor <= 1 else 0.0, passed / decay)


def _solved(
    kernel: np.ndarray, values: np.ndarray, ridge: float, jitter: float | None
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """What was added beyond the ridge, the rounding, the Cholesky factor, the coefficients."""
    from scipy.linalg import cho_solve

    count, eps = len(kernel), float(np.finfo(kernel.dtype).eps)
    least = count * eps * float(np.mean(np.diag(kernel)))
    tries = [0.0, *(least * _TIMES_HIGHER**k for k in range(_MOST_TRIES))]
    size = max(float(np.max(np.abs(values))), np.finfo(kernel.dtype).tiny)
    for added in tries if jitter is None else [float(jitter)]:
        shifted = kernel + (ridge + added) * np.eye(count, dtype=kernel.dtype)
        try:
            factor = np.linalg.cholesky(shifted)
        except np.linalg.LinAlgError:
            continue
        found = cho_solve((factor, True), values)
        rounding = float(np.max(np.abs(shifted @ found - values))) / size
        if jitter is not None or rounding <= eps**0.5:
            return added, rounding, factor, found
    last = ridge + (tries[-1] if jitter is None else float(jitter))
    raise ValueError(
        f"kernel: got a {count} x {count} matrix that is not positive definite to rounding with "
        f"{last:.2g} on its diagonal of mean {np.mean(np.diag(kernel)):.2g}, expected a positive "
        "definite one. Give a ridge, or leave out points that are equal, or opposite without a "
        "bias."
    )
