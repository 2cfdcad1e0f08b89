"""`FeatureModel`: fixed features of a point and coefficients, a network whose readout is solved."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.networks.mlp import MLP
from approxlab.regression.bases import Basis
from approxlab.regression.quadratic_networks import quadratic_network

__all__ = ["FeatureModel", "OwnFeatures", "as_features"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class OwnFeatures:
    """A function of one point with values of shape (n,), checked at every call.

    A pytree: arrays of a function that is a pytree are leaves, any other function is structure.
    Compiled code is kept by identity, and what a function closes over may change between two fits:
    so each has an identity of its own.
    """

    function: Any
    in_size: int | None = None

    def __call__(self, x: Any) -> jax.Array:
        """The values at one point, cast to its dtype."""
        values = self.function(x)
        shape = getattr(values, "shape", None)
        if shape is None or len(shape) != 1 or shape[0] == 0:
            got = f"shape {shape}" if shape is not None else f"a {type(values).__name__}"
            raise ValueError(
                f"features: got {got} at a point of shape {x.shape}, expected an array of shape "
                "(n,), one number per feature. Write jnp.stack([x[0], jnp.sin(x[0])])."
            )
        values = jnp.asarray(values)
        if jnp.issubdtype(values.dtype, jnp.complexfloating):
            raise TypeError(
                f"features: got dtype {values.dtype}, expected real numbers. Stack real and "
                "imaginary parts."
            )
        return values.astype(x.dtype)

    def __repr__(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))


class _Itself:
    """A function under an identity of its own."""

    def __init__(self, function: Any) -> None:
        self.function = function


def _flatten_own(own: OwnFeatures) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    leaves = jax.tree.leaves(own.function)
    if len(leaves) == 1 and leaves[0] is own.function:
        identity = own.__dict__.setdefault("_identity", _Itself(own.function))
        return (), (identity, own.in_size)
    return (own.function,), (None, own.in_size)


def _unflatten_own(structure: tuple[Any, ...], children: Any) -> OwnFeatures:
    identity, in_size = structure
    if identity is None:
        return OwnFeatures(children[0], in_size)
    own = OwnFeatures(identity.function, in_size)
    own.__dict__["_identity"] = identity
    return own


jax.tree_util.register_pytree_node(OwnFeatures, _flatten_own, _unflatten_own)


def as_features(features: Any, in_size: int | None = None) -> Basis | OwnFeatures:
    """A basis as it is, and any other function with its values checked."""
    if isinstance(features, Basis | OwnFeatures):
        return features
    if not callable(features) or isinstance(features, type):
        name = features.__name__ if isinstance(features, type) else type(features).__name__
        raise TypeError(
            f"features: got {name}, expected a basis such as al.regression.Chebyshev(9), or a "
            "function of one point of shape (d,) with values of shape (n,)."
        )
    return OwnFeatures(features, in_size)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FeatureModel:
    """A network x -> sum_k c_k p_k(x): one layer of fixed features and a linear readout.

    A pytree whose leaves are the coefficients (and arrays of the features, if these are a pytree).
    It maps one point; for many points see `approxlab.evaluate`. It computes in the dtype of its
    coefficients.

    Attributes:
        features: `Monomials`, `Chebyshev`, `Legendre`, or any function of a point of shape (d,)
            with values of shape (n,).
        coefficients: Shape (n,) for values of shape (), or (n, m) for values of shape (m,).

    Raises:
        TypeError: If the features are no function, or the coefficients not real.
        ValueError: If shapes do not fit together.

    Example:
        >>> from approxlab.regression import Chebyshev
        >>> model = FeatureModel(Chebyshev(2), jnp.array([0.5, 0.0, 0.5]))      # t^2
        >>> model
        FeatureModel(chebyshev of degree 2 on Box([-1, 1]), 3 parameters, float...)
        >>> float(model(jnp.array([3.0])))
        9.0
    """

    features: Any
    coefficients: jax.Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", as_features(self.features))
        coefficients = jnp.asarray(self.coefficients)
        if jnp.issubdtype(coefficients.dtype, jnp.integer):
            coefficients = coefficients.astype(jnp.result_type(float))
        if not jnp.issubdtype(coefficients.dtype, jnp.floating):
            raise TypeError(f"coefficients: got dtype {coefficients.dtype}, expected real numbers.")
        count = self.features.num_features if isinstance(self.features, Basis) else None
        shape = coefficients.shape
        if len(shape) not in (1, 2) or 0 in shape or (count is not None and shape[0] != count):
            n = "n" if count is None else count
            raise ValueError(
                f"coefficients: got shape {shape} for {self.features!r}, expected ({n},) or "
                f"({n}, m): one row per feature."
            )
        object.__setattr__(self, "coefficients", coefficients)

    def __call__(self, x: Any) -> jax.Array:
        """The value at one point of shape (d,), cast to the dtype of the coefficients."""
        x = jnp.asarray(x, self.dtype)
        d = self.in_size
        if x.ndim != 1 or (d is not None and x.shape != (d,)):
            raise ValueError(
                f"x: got shape {x.shape} for {self!r}, expected ({'d' if d is None else d},): a "
                "model maps one point. Use approxlab.evaluate(model, points) for a batch."
            )
        values = self.features(x)
        if values.shape != self.coefficients.shape[:1]:
            raise ValueError(
                f"features: got {values.shape[0]} values at a point, expected "
                f"{self.coefficients.shape[0]}, one per row of the coefficients."
            )
        return jnp.matmul(values, self.coefficients, precision="highest")

    def to_mlp(self) -> MLP:
        """The same function as an `MLP`, exact up to rounding, for degrees of at most 2.

        Degree 1 becomes an affine function, `hidden=()`. Degree 2 becomes one hidden layer of relu2
        units by t^2 = relu2(t) + relu2(-t) and 4 s t = (s + t)^2 - (s - t)^2, where s = 1 gives the
        terms of degree 1: 2 d (d + 2) units in d variables.

        Raises:
            ValueError: If some polynomial of the basis has total degree 3 or more.
            TypeError: If the features are not one of the polynomial bases.

        Example:
            >>> from approxlab.regression import Legendre
            >>> square = FeatureModel(Legendre(2), jnp.array([1.0, 0.0, 2.0])).to_mlp()  # 3 t^2
            >>> square
            MLP(1-6-1, relu2, 19 parameters, float...)
            >>> float(square(jnp.array([2.0])))
            12.0
        """
        if not isinstance(self.features, Basis):
            raise TypeError(
                f"features: got {self.features!r}, expected a polynomial basis: other features "
                "are not known to be sums of neurons."
            )
        return quadratic_network(self.features, self.coefficients)

    @property
    def in_size(self) -> int | None:
        """Dimension d of the points; None where features of your own do not tell."""
        return self.features.in_size

    @property
    def out_size(self) -> int | None:
        """`None` for values of shape (), m for values of shape (m,)."""
        return None if self.coefficients.ndim == 1 else int(self.coefficients.shape[1])

    @property
    def num_features(self) -> int:
        """Number n of features."""
        return int(self.coefficients.shape[0])

    @property
    def num_parameters(self) -> int:
        """Number of coefficients; the features have none."""
        return int(self.coefficients.size)

    @property
    def dtype(self) -> Any:
        """Dtype of the coefficients."""
        return self.coefficients.dtype

    def __repr__(self) -> str:
        if not hasattr(self.coefficients, "dtype"):
            return f"FeatureModel({self.features!r}, {self.coefficients!r})"
        basis = self.features
        if isinstance(basis, Basis):
            kind = f" {basis.kind}" if basis.in_size > 1 else ""
            text = f"{basis.name} of{kind} degree {basis.degree} on {basis.box!r}"
        else:
            text = f"{self.coefficients.shape[0]} features {basis!r}"
        return f"FeatureModel({text}, {self.num_parameters} parameters, {self.dtype})"


def _flatten_with_keys(model: FeatureModel) -> tuple[tuple[Any, ...], None]:
    names = (jax.tree_util.GetAttrKey(name) for name in ("features", "coefficients"))
    return tuple(zip(names, (model.features, model.coefficients), strict=True)), None


def _flatten(model: FeatureModel) -> tuple[tuple[Any, ...], None]:
    return (model.features, model.coefficients), None


def _unflatten(_: None, children: Any) -> FeatureModel:
    # Not by the constructor: JAX rebuilds pytrees with leaves of any kind and shape.
    model = object.__new__(FeatureModel)
    for name, value in zip(("features", "coefficients"), children, strict=True):
        object.__setattr__(model, name, value)
    return model


jax.tree_util.register_pytree_with_keys(FeatureModel, _flatten_with_keys, _unflatten, _flatten)
