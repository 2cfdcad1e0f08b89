"""Regression with fixed features: one rank-revealing solve."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from approxlab.domains import Box
from approxlab.errors.l2_norm import l2
from approxlab.evaluation import values_at
from approxlab.fitting.last_layer.points_and_values import points_and_values
from approxlab.fitting.last_layer.solved_networks import check_entries
from approxlab.fitting.target_or_arrays import are_arrays, box_of, check_finite, checked_arrays
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.regression.bases import BASES, Basis, Kind, Monomials
from approxlab.regression.feature_rows import FeatureRows
from approxlab.regression.models import FeatureModel, OwnFeatures, as_features
from approxlab.regression.quadratic_networks import quadratic_network
from approxlab.regression.result import Regression, condition_of
from approxlab.solves import LeastSquares, solve_blocks

__all__ = ["linear", "polynomial", "regress"]


def linear(
    target: Any,
    *,
    points: Any = None,
    weights: Any = None,
    rtol: float | None = None,
    dtype: str | None = None,
) -> Regression:
    """The best affine function of the point: an `MLP` with `hidden=()`.

    Minimises sum_i w_i |W x_i + b - y_i|^2 over W and b.

    Args:
        target: A `Target`, or arrays (X, Y) of shapes (n, d) and (n,) or (n, m).
        points: For a target: how many points, or the points themselves; see `regress`.
        weights: Non-negative weights of given points or arrays.
        rtol: Where the rank is cut, see `approxlab.solves.solve`.
        dtype: "float32" or "float64"; by default JAX's default.

    Returns:
        A `Regression` whose model is an `MLP`. Its condition is that of 1 and of the coordinates
        mapped to [-1, 1] from the bounding box.

    Raises:
        TypeError, ValueError: As `regress`.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [2.0]])
        >>> fit = linear((x, 3.0 * x[:, 0] + 1.0))
        >>> fit.model
        MLP(1-1, identity, 2 parameters, float...)
        >>> round(float(fit.model(np.array([5.0]))), 4)
        16.0
    """
    options = {"points": points, "weights": weights, "rtol": rtol, "dtype": dtype}
    basis = Monomials(1, _box(target, points, None))
    return _solved(target, basis, affine=True, **options)


def polynomial(
    target: Any,
    degree: int,
    *,
    basis: Literal["monomial", "chebyshev", "legendre"] = "chebyshev",
    kind: Kind = "total",
    points: Any = None,
    weights: Any = None,
    box: Box | None = None,
    rtol: float | None = None,
    dtype: str | None = None,
) -> Regression:
    """The best polynomial of a degree, in one or several variables.

    All bases describe the same polynomials; they differ in condition. In float32 the rank is cut at
    its eps, so that monomials lose rank from about degree 15 on: use Chebyshev polynomials there,
    or dtype="float64". See `regress` for points and weights.

    Args:
        target: A `Target`, or arrays (X, Y) of shapes (n, d) and (n,) or (n, m).
        degree: Highest degree, at least 0.
        basis: "monomial", "chebyshev" or "legendre".
        kind: "total": degrees of the variables sum to at most `degree`. "tensor": each is at most
            `degree`.
        points: For a target: how many points, or the points themselves.
        weights: Non-negative weights of given points or arrays.
        box: Mapped to [-1, 1]^d before powers are taken; by default the target's box, or the
            bounding box of X.
        rtol: Where the rank is cut, see `approxlab.solves.solve`.
        dtype: "float32" or "float64"; by default JAX's default.

    Returns:
        A `Regression` whose model is a `FeatureModel`.

    Raises:
        TypeError, ValueError: As `regress`, and for an unknown basis, kind or degree.

    Example:
        >>> import jax, approxlab as al
        >>> target = al.targets.get("runge")
        >>> key, other = jax.random.split(jax.random.key(0))
        >>> x = target.domain.random(key, 60)
        >>> data = x, al.evaluate(target, x) + 0.05 * jax.random.normal(other, (60,))
        >>> fit, mlp = polynomial(data, 9), al.fit(data, hidden=(3,), steps=500).network
        >>> print(al.errors.l2(fit.model, target), fit.condition)
        Estimate(l2 ...) ...
        >>> ax = al.plotting.plot_model(fit.model, target, data=data, label="degree 9")
        >>> ax = al.plotting.plot_model(mlp, target, ax=ax, label="MLP")
        >>> ax.figure.clear()
    """
    if basis not in BASES:
        raise ValueError(f"basis: got {basis!r}, expected one of {', '.join(sorted(BASES))}.")
    features = BASES[basis](degree, _box(target, points, box), kind)
    return regress(target, features, points=points, weights=weights, rtol=rtol, dtype=dtype)


def regress(
    target: Any,
    features: Any,
    *,
    points: Any = None,
    weights: Any = None,
    rtol: float | None = None,
    dtype: str | None = None,
) -> Regression:
    """The best combination of given features: a linear problem, solved.

    Minimises sum_i w_i |sum_k c_k p_k(x_i) - y_i|^2. Polynomials are evaluated and solved for in
    float64 on the host, whatever JAX computes in, features of your own in `dtype`; then the
    coefficients are rounded to it. On a target's box the points are Chebyshev points of the first
    kind with their quadrature weights, or Sobol points beyond two dimensions, as in
    `fitting.readout`; those inside the mask count.

    Args:
        target: A `Target`, or arrays (X, Y) of shapes (n, d) and (n,) or (n, m).
        features: `Monomials`, `Chebyshev`, `Legendre`, or any function of one point of shape (d,)
            with values of shape (n,).
        points: For a target: how many points, or the points themselves, shape (n, d). By default 8
            per feature on an interval and at least 256, 3 per feature and 1024 in two dimensions, 4
            per feature and 2048 beyond.
        weights: Non-negative weights of given points or arrays, shape (n,); by default equal ones.
        rtol: Where the rank is cut, see `approxlab.solves.solve`; by default eps of `dtype`.
            Columns are scaled to equal size before.
        dtype: "float32" or "float64"; by default JAX's default.

    Returns:
        A `Regression`: model, error, residual, rank and condition.

    Raises:
        TypeError: If target or features are of another type, or values not real.
        ValueError: If shapes do not fit, a number is not finite, or a polynomial has more
            coefficients than there are different points in `dtype`. Features of your own may be
            more than the points: then those are used that are independent, `rank` of them.

    Example:
        >>> import approxlab as al
        >>> fit = regress(al.targets.get("runge"), lambda x: jnp.stack([x[0] ** 0, x[0] ** 2]))
        >>> fit.rank, fit.model.num_parameters
        (2, 2)
    """
    return _solved(target, features, points=points, weights=weights, rtol=rtol, dtype=dtype)


def _solved(
    target: Any,
    features: Any,
    *,
    points: Any,
    weights: Any,
    rtol: float | None,
    dtype: str | None,
    affine: bool = False,
) -> Regression:
    kind = float_dtype(dtype)
    features = as_features(features)
    dim = _dimension(target, features)
    if isinstance(features, OwnFeatures):
        features = dataclasses.replace(features, in_size=dim)
    count = _number_of(features, dim, kind)
    x, y, w = points_and_values(target, dim, count, points, weights)
    check_entries(count, len(x))
    check_finite("target", y, x)
    given, x = x, x.astype(kind)
    matrix = FeatureRows(features, x, count)
    found = _solve(matrix, y, w, rtol if rtol is not None else float(np.finfo(kind).eps))
    if isinstance(features, Basis):
        _check_rank(features, given, x, w)
    coefficients = jnp.asarray(found.solution, kind)
    model: FeatureModel | MLP
    model = (quadratic_network if affine else FeatureModel)(features, coefficients)
    eps = np.finfo(np.float64 if isinstance(features, Basis) else kind).eps
    return Regression(
        model,
        target,
        None if are_arrays(target) else l2(model, target, relative=True),
        _rms(values_at(model, x) - y, w),
        found,
        *condition_of(matrix.weighted(w), matrix.shape, float(eps), found),
    )


def _solve(matrix: FeatureRows, y: np.ndarray, w: Any, rtol: float) -> LeastSquares:
    """The solution with columns scaled to about equal size, by powers of two and so exactly."""
    powers = np.round(np.log2(np.where(matrix.sizes > 0.0, matrix.sizes, 1.0)))
    scale = np.exp2(-np.clip(powers, -1000.0, 1000.0))
    found = solve_blocks(
        lambda: (block * scale for block in matrix.blocks()),
        matrix.shape,
        np.float64,
        y,
        weights=w,
        rtol=rtol,
    )
    solution = found.solution * (scale if y.ndim == 1 else scale[:, None])
    return dataclasses.replace(found, solution=solution)


def _number_of(features: Basis | OwnFeatures, dim: int, kind: Any) -> int:
    if isinstance(features, Basis):
        return features.num_features
    return int(values_at(features, np.zeros((1, dim), kind)).shape[1])


def _rms(residuals: np.ndarray, w: np.ndarray | None) -> float:
    squares = np.square(residuals).reshape(len(residuals), -1).sum(axis=1)
    return float(np.sqrt(np.average(squares, weights=w)))


def _dimension(target: Any, features: Basis | OwnFeatures) -> int:
    dim = _points_of(target).shape[1] if are_arrays(target) else box_of(target).dim
    if features.in_size not in (None, dim):
        raise ValueError(
            f"features: got {features!r} of {features.in_size} variables for points of dimension "
            f"{dim}, expected the same. Give the basis a box of {dim} dimensions."
        )
    return dim


def _points_of(pair: Any) -> np.ndarray:
    return checked_arrays(pair)[0]


def _box(target: Any, points: Any, box: Any) -> Box:
    """The box given, or that of the target, or the bounding box of X."""
    if box is not None:
        if not isinstance(box, Box):
            raise TypeError(
                f"box: got {type(box).__name__}, expected a Box such as al.Box([0.0], [1.0])."
            )
        return box
    if not are_arrays(target):
        return box_of(target)
    x = _points_of(target)
    low, high = x.min(axis=0), x.max(axis=0)
    # A coordinate with one value has no width: any will do, since the mapped value is then 0.
    half = np.where(low < high, 0.0, 0.5 * np.maximum(1.0, np.abs(low)))
    return Box(low - half, high + half)


def _check_rank(basis: Basis, given: np.ndarray, x: np.ndarray, w: Any) -> None:
    """Refuse more coefficients than different points of positive weight, in the dtype of x."""
    used = np.ones(len(x), bool) if w is None else np.asarray(w) > 0.0
    different = len(np.unique(x[used], axis=0))
    if different < basis.num_features:
        before = len(np.unique(given[used], axis=0))
        if before > different:
            raise ValueError(
                f"X: got {before} different points, of which rounding to {x.dtype} leaves "
                f"{different}, so the rank is at most {different}, expected at least "
                f"{basis.num_features} for degree {basis.degree}. Subtract an offset from X, or "
                "use dtype='float64' (with jax_enable_x64)."
            )
        raise ValueError(
            f"degree: got {basis.degree} with {basis.num_features} coefficients for {different} "
            f"different points, so the rank is at most {different}, expected at least as many "
            "points as coefficients. Lower the degree, or give more points."
        )
