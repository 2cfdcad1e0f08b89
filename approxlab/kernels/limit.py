"""Kernels of infinitely wide networks: NNGP and NTK of an MLP of any depth."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_key, check_number, check_positive
from approxlab.kernels._arguments import Kind, check_kind, per_layer, rows_of, widths_of
from approxlab.kernels._duals import CLOSED, KNOWN
from approxlab.kernels._hermite import series_error, terms_needed
from approxlab.kernels._programs import first_deviations, kernel_block, next_deviations
from approxlab.networks.activations import ACTIVATIONS
from approxlab.networks.mlp import MLP

__all__ = ["InfiniteNetwork"]

_MAX_BYTES = 2**31  # of a kernel that is returned whole
_SERIES_ROWS = 4096  # whose values at the nodes of a series are held at once
_BLOCK_BYTES = 2**24  # of one array of a block: small enough for a cache, large enough for XLA


@dataclasses.dataclass(frozen=True, kw_only=True)
class InfiniteNetwork:
    """An MLP whose hidden layers are infinitely wide, as a Gaussian process and as a kernel.

    A network of widths n_0 = d, n_1, ..., n_L, n_{L+1}, with L hidden layers, computes

        z_0 = W_0 x + b_0,     z_l = W_l s(z_{l-1}) + b_l     for l = 1, ..., L,

    where the entries of W_l have variance weight_variance / n_l (n_l is the number of inputs of
    layer l) and those of b_l have variance bias_variance. As the hidden widths grow, every output
    z_L is a Gaussian process with the covariance K_L (NNGP; Neal 1996, Lee et al. 2018):

        K_0(x, x') = weight_variance x . x' / d + bias_variance,
        K_l(x, x') = weight_variance E[s(u) s(v)] + bias_variance,

    for centred Gaussians u, v with covariances K_{l-1}. The tangent kernel J J^T (Jacot, Gabriel
    and Hongler 2018) depends on what is differentiated:

    - parameterisation "ntk": W_l = sqrt(weight_variance / n_l) w_l, b_l = sqrt(bias_variance) c_l,
      with standard normal w_l and c_l, which are the parameters. Its limit is T_L, with T_0 = K_0
      and T_l = K_l + weight_variance T_{l-1} E[s'(u) s'(v)].
    - parameterisation "standard": W_l and b_l are the parameters. J J^T grows with the widths, so
      they are needed: `widths`. To leading order in each of them it is T_L, with
      T_0 = x . x' + 1 and T_l = n_l E[s(u) s(v)] + 1 + weight_variance T_{l-1} E[s'(u) s'(v)].

    Attributes:
        hidden_layers: L, at least 1.
        activation: s, any of the registry, or "erf", which has a kernel alone. Powers of relu,
            heaviside, leaky_relu, abs, erf, sin and identity have closed forms; others are series
            whose error is known (`series_error`): to 1e-10 for tanh as long as values before it
            have standard deviations up to 3, in float32 up to 5; beyond, they are refused.
        weight_variance: One number, or one for each of the L + 1 layers. 2 keeps the size of relu's
            kernel from layer to layer (He et al. 2015).
        bias_variance: One number, or one for each of the L + 1 layers. With 0 all biases are 0,
            though parameters still in "standard".
        parameterisation: "ntk" or "standard"; without effect on the NNGP.
        widths: Hidden widths n_1, ..., n_L, for the tangent kernel of "standard" alone.
        rtol: Largest relative error of a series; by default 1e-10, in float32 1e-6.

    Raises:
        ValueError: If an argument does not fit.

    Example:
        >>> two_layer = InfiniteNetwork(hidden_layers=1, activation="relu", weight_variance=2.0,
        ...                             bias_variance=0.0, parameterisation="ntk")
        >>> X = jnp.array([[1.0, 0.0], [0.0, 1.0]])
        >>> np.round(np.float64(two_layer.nngp(X)), 4).tolist()  # |x|^2 / 2; at a right angle / pi
        [[1.0, 0.3183], [0.3183, 1.0]]
        >>> np.round(np.float64(two_layer.ntk(X)), 4).tolist()
        [[2.0, 0.3183], [0.3183, 2.0]]
    """

    hidden_layers: Any
    activation: Any
    weight_variance: Any
    bias_variance: Any
    parameterisation: Any
    widths: Any = None
    rtol: Any = None

    def __post_init__(self) -> None:
        check_positive(hidden_layers=self.hidden_layers)
        if not isinstance(self.activation, str) or self.activation not in KNOWN:
            raise ValueError(
                f"activation: got {self.activation!r}, expected one of {', '.join(KNOWN)}."
            )
        if self.parameterisation not in ("ntk", "standard"):
            raise ValueError(
                f"parameterisation: got {self.parameterisation!r}, expected 'ntk' or 'standard'."
            )
        if self.rtol is not None:
            check_number("rtol", self.rtol, positive=True)
        layers = self.hidden_layers + 1
        per_layer("weight_variance", self.weight_variance, layers, positive=True)
        per_layer("bias_variance", self.bias_variance, layers, positive=False)
        widths_of(self.widths, self.hidden_layers)
        for name in ("weight_variance", "bias_variance", "widths"):  # as given, but hashable
            value = getattr(self, name)
            if value is not None:
                found = np.asarray(value).tolist()
                object.__setattr__(self, name, tuple(found) if np.ndim(value) else found)

    @property
    def _weights(self) -> tuple[float, ...]:
        layers = self.hidden_layers + 1
        return per_layer("weight_variance", self.weight_variance, layers, positive=True)

    @property
    def _biases(self) -> tuple[float, ...]:
        layers = self.hidden_layers + 1
        return per_layer("bias_variance", self.bias_variance, layers, positive=False)

    def nngp(self, X: Any, X2: Any = None, *, max_bytes: Any = _MAX_BYTES) -> Array:
        """The covariance K_L of the outputs: shape (n, n), or (n, p) with other points X2.

        Symmetric to the bit, without NaN for zero, equal and opposite rows, in the dtype of X.

        Args:
            X: Points, shape (n, d).
            X2: Other points, shape (p, d); by default X.
            max_bytes: A larger kernel is refused; see `blocks`.

        Raises:
            ValueError: If shapes do not fit, numbers are not finite, the kernel is too large for
                `max_bytes` or for the dtype, or a series does not reach `rtol`.
        """
        return self._whole("nngp", X, X2, max_bytes)

    def ntk(self, X: Any, X2: Any = None, *, max_bytes: Any = _MAX_BYTES) -> Array:
        """The tangent kernel T_L: shape (n, n), or (n, p) with other points X2.

        Args:
            X: Points, shape (n, d).
            X2: Other points, shape (p, d); by default X.
            max_bytes: A larger kernel is refused; see `blocks`.

        Raises:
            ValueError: As `nngp`; for heaviside, whose tangent kernel is infinite on the diagonal;
                and for parameterisation "standard" without `widths`.
        """
        return self._whole("ntk", X, X2, max_bytes)

    def variances(self, X: Any) -> np.ndarray:
        """The diagonal of `nngp` alone, shape (n,): the variance of the output at each point.

        Args:
            X: Points, shape (n, d).
        """
        points, _, terms = self._prepared("nngp", X, None)
        return np.asarray(self._deviations(points, terms)[-1] ** 2)

    def blocks(
        self, kind: Any, X: Any, X2: Any = None, *, rows: Any = 256
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """The kernel in blocks of rows, for sets whose kernel does not fit into memory.

        Args:
            kind: "nngp" or "ntk".
            X: Points, shape (n, d).
            X2: Other points, shape (p, d); by default X.
            rows: Rows of a block.

        Yields:
            `(where, block)`: a slice of the rows of X, and their part of the kernel.

        Raises:
            ValueError: As `nngp` and `ntk`.

        Example:
            >>> network = InfiniteNetwork(hidden_layers=2, activation="erf", weight_variance=1.0,
            ...                           bias_variance=0.1, parameterisation="ntk")
            >>> X = jnp.linspace(-1.0, 1.0, 5)[:, None]
            >>> [block.shape for _, block in network.blocks("nngp", X, rows=2)]
            [(2, 5), (2, 5), (1, 5)]
        """
        check_positive(rows=rows)
        left, right, terms = self._prepared(kind, X, X2)
        return self._blocks(kind, left, right, terms, rows)

    def series_error(self, X: Any) -> float:
        """Largest relative error of the series of all layers at these points; 0 for closed forms.

        It is the larger of what the series leaves out, by Cauchy and Schwarz, and of the difference
        of two quadratures; see `approxlab.kernels._hermite`.
        """
        if self.activation in CLOSED:
            return 0.0
        left, _, terms = self._prepared("nngp", X, None)
        deviations = self._deviations(left, terms)[:-1]
        pairs = zip(deviations, terms, strict=True)
        return max(series_error(self.activation, s, k) for s, k in pairs if k is not None)

    def draw(
        self,
        key: Array,
        in_size: int,
        width: int,
        *,
        out_size: int | None = None,
        dtype: str | None = None,
    ) -> MLP:
        """A network of finite width with random weights, of the variances of this one.

        Args:
            key: A typed key.
            in_size: Dimension d of the points.
            width: Of every hidden layer.
            out_size: `None` for values of shape (), m for values of shape (m,).
            dtype: "float32" or "float64"; by default JAX's default.

        Raises:
            ValueError: If the activation is none of an MLP.

        Example:
            >>> network = InfiniteNetwork(hidden_layers=2, activation="relu", weight_variance=2.0,
            ...                           bias_variance=0.0, parameterisation="ntk")
            >>> network.draw(jax.random.key(0), 3, 64)
            MLP(3-64-64-1, relu, 4481 parameters, float...)
        """
        check_positive(in_size=in_size, width=width)
        check_key(key)
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"activation: got {self.activation!r}, which has a kernel but is none of an MLP, "
                f"expected one of {', '.join(sorted(ACTIVATIONS))}."
            )
        hidden = (width,) * self.hidden_layers
        # The shapes alone: the numbers would be drawn twice, seconds of a wide network.
        net = jax.eval_shape(
            lambda: MLP.init(key, in_size, hidden, self.activation, out_size=out_size, dtype=dtype)
        )
        sizes, weights, biases = net.sizes, [], []
        for layer, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
            first, second = jax.random.split(jax.random.fold_in(key, layer))
            scale = (self._weights[layer] / sizes[layer]) ** 0.5
            weights.append(scale * jax.random.normal(first, w.shape, w.dtype))
            spread = self._biases[layer] ** 0.5
            biases.append(spread * jax.random.normal(second, b.shape, b.dtype))
        return dataclasses.replace(net, weights=tuple(weights), biases=tuple(biases))

    def _whole(self, kind: Kind, X: Any, X2: Any, max_bytes: Any) -> Array:
        check_positive(max_bytes=max_bytes)
        left, right, terms = self._prepared(kind, X, X2)
        shape = (left.shape[0], right.shape[0])
        size = math.prod(shape) * left.dtype.itemsize
        if size > max_bytes:
            raise ValueError(
                f"X: got {shape[0]} by {shape[1]} points, whose kernel takes {size / 2**30:.3g} "
                f"GiB in {left.dtype}, expected at most {max_bytes / 2**30:.3g} GiB. Raise "
                f"max_bytes, or take it in parts: for rows, block in network.blocks({kind!r}, X)."
            )
        rows = max(1, min(shape[0], _BLOCK_BYTES // (shape[1] * left.dtype.itemsize)))
        parts = [block for _, block in self._blocks(kind, left, right, terms, rows)]
        kernel = np.concatenate(parts)
        if X2 is None:  # equal but for the order of sums inside of a series
            kernel = 0.5 * kernel + 0.5 * kernel.T
        return jnp.asarray(kernel)

    def _blocks(
        self, kind: Kind, left: Array, right: Array, terms: Any, rows: int
    ) -> Iterator[tuple[slice, np.ndarray]]:
        count, dtype = left.shape[0], left.dtype
        rows = min(rows, count)
        standard = kind == "ntk" and self.parameterisation == "standard"
        numbers = (*self._variances(dtype), _numbers(self.widths, dtype) if standard else None)
        for start in range(0, count, rows):
            # The last block is moved back to full size: one shape, one compilation.
            begin = min(start, count - rows)
            block = np.asarray(
                kernel_block(
                    self.activation, kind, terms, *numbers, left[begin : begin + rows], right
                )
            )
            block = block[start - begin :]
            if not np.all(np.isfinite(block)):
                raise ValueError(
                    f"X: got points whose {kind} kernel {left.dtype} cannot hold, expected smaller "
                    "ones. Divide X by a power of two, or use float64."
                )
            yield slice(start, start + len(block)), block

    def _prepared(self, kind: Any, X: Any, X2: Any) -> tuple[Array, Array, tuple[int | None, ...]]:
        """Points of both sides, and how many terms each layer's series takes."""
        check_kind(kind)
        if kind == "ntk" and self.activation == "heaviside":
            raise ValueError(
                "activation: got 'heaviside', whose limiting tangent kernel is infinite on the "
                "diagonal, since its derivative is not square integrable. Use nngp."
            )
        if kind == "ntk" and self.parameterisation == "standard" and self.widths is None:
            raise ValueError(
                "widths: got None with parameterisation 'standard', whose tangent kernel grows "
                "with the widths, expected one for each hidden layer. Write widths=(1024,), or "
                "parameterisation='ntk'."
            )
        left = rows_of("X", X)
        right = left if X2 is None else rows_of("X2", X2, left.shape[1]).astype(left.dtype)
        both = left if X2 is None else jnp.concatenate([left, right])
        return left, right, self._terms(both)

    def _terms(self, points: Array) -> tuple[int | None, ...]:
        closed = self.activation in CLOSED
        rtol = self.rtol
        if rtol is None:
            rtol = 1e-10 if points.dtype == jnp.float64 else 1e-6
        terms: list[int | None] = []
        deviations = self._first_deviations(points)
        for layer in range(self.hidden_layers):
            self._check_held(deviations, layer)
            terms.append(None if closed else terms_needed(self.activation, deviations, rtol))
            deviations = self._next_deviations(layer, terms[-1], deviations)
        self._check_held(deviations, self.hidden_layers)
        return tuple(terms)

    def _deviations(self, points: Array, terms: Any) -> list[np.ndarray]:
        found = [self._first_deviations(points)]
        for layer in range(self.hidden_layers):
            found.append(self._next_deviations(layer, terms[layer], found[-1]))
        return found

    def _variances(self, dtype: Any) -> tuple[Array, Array]:
        return _numbers(self._weights, dtype), _numbers(self._biases, dtype)

    def _first_deviations(self, points: Array) -> np.ndarray:
        return np.asarray(first_deviations(*self._variances(points.dtype), points))

    def _next_deviations(self, layer: int, terms: int | None, deviations: np.ndarray) -> np.ndarray:
        weights, biases = self._variances(deviations.dtype)
        after = weights[layer + 1], biases[layer + 1]
        count = 1 if terms is None else -(-len(deviations) // _SERIES_ROWS)
        parts = np.array_split(deviations, count)
        found = [next_deviations(self.activation, terms, *after, jnp.asarray(p)) for p in parts]
        return np.concatenate(found)

    def _check_held(self, deviations: np.ndarray, layer: int) -> None:
        with np.errstate(over="ignore"):
            held = np.all(np.isfinite(np.square(deviations)))
        if not held:
            raise ValueError(
                f"X: got points whose values in layer {layer} have variances that "
                f"{deviations.dtype} cannot hold, expected smaller ones. Divide X by a power of "
                "two, or use float64."
            )


def _numbers(values: Sequence[Any] | None, dtype: Any) -> Array:
    return jnp.asarray(values or (), dtype)
