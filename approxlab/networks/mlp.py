"""`MLP`: the one network type, however a network was obtained."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from approxlab.arguments import check_key, check_positive, check_widths
from approxlab.networks import exchange, storage
from approxlab.networks._structure import as_numbers, check_structure
from approxlab.networks.activations import ACTIVATIONS
from approxlab.networks.activations import activation as activation_named
from approxlab.networks.affine import after_affine_map
from approxlab.networks.arithmetic import Arithmetic
from approxlab.networks.forward import outputs
from approxlab.networks.initialisation import (
    all_draws,
    all_layers,
    default_initialisation,
    initialisation,
)
from approxlab.networks.raw_keys import raw_key

__all__ = ["MLP"]


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class MLP(Arithmetic):
    """A multi-layer perceptron: x -> W_L s(W_{L-1} ... s(W_0 x + b_0) ...) + b_L.

    A pytree whose leaves are the weights and biases. It maps one point; batching is `jax.vmap` or
    `approxlab.evaluate`. Several networks of one shape may be stacked along a leading axis of all
    leaves (as `fit` returns its seeds); `net.member(i)` takes one out. Operators make new networks:
    `net + other`, `net - other`, `2.0 * net`, `-net`, and `abs(net)` of piecewise linear ones.

    Attributes:
        weights: One matrix of shape (out, in) per layer, as in y = W x + b.
        biases: One vector of shape (out,) per layer.
        activation: Name of the activation s in `approxlab.networks.ACTIVATIONS`.
        passthrough: For each hidden layer, how many of its last units are left linear.
        out_size: `None` for values of shape (), an integer m for values of shape (m,).

    Raises:
        ValueError: If the shapes do not fit together or the activation is unknown.

    Example:
        >>> net = MLP.init(jax.random.key(0), in_size=1, hidden=(8, 8), activation="tanh")
        >>> net
        MLP(1-8-8-1, tanh, 97 parameters, float...)
        >>> net(jnp.array([0.5])).shape
        ()
    """

    weights: tuple[Float[Array, "... _out _in"], ...]
    biases: tuple[Float[Array, "... _out"], ...]
    activation: str = "tanh"
    passthrough: tuple[int, ...] = ()
    out_size: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "passthrough", tuple(int(k) for k in self.passthrough))
        check_structure(self)

    # Making one

    @classmethod
    def init(
        cls,
        key: Array,
        in_size: int,
        hidden: Sequence[int],
        activation: str = "tanh",
        *,
        out_size: int | None = None,
        init: str | None = None,
        domain: Any = None,
        dtype: str | None = None,
    ) -> MLP:
        """A network with random weights.

        Args:
            key: A typed key, `jax.random.key(seed)`.
            in_size: Dimension d of the points.
            hidden: Widths of the hidden layers; `()` gives an affine function.
            activation: Name of the activation.
            out_size: `None` for values of shape (), m for values of shape (m,).
            init: "glorot", "he", "lecun", "uniform_knots" or "spread"; by default "glorot", and
                "he" for the powers of relu and for leaky_relu.
            domain: A `Box` whose affine map onto [-1, 1]^d is built into the first layer.
            dtype: "float32" or "float64"; by default JAX's default.

        Raises:
            ValueError: If a size is not a positive integer, or a name is unknown.

        Example:
            >>> net = MLP.init(jax.random.key(1), 2, (16,), "relu", init="uniform_knots")
            >>> net.num_parameters
            65
        """
        outputs = 1 if out_size is None else out_size
        check_positive(in_size=in_size, out_size=outputs)
        check_key(key)
        activation_named(activation)
        name = default_initialisation(activation) if init is None else init
        initialisation(name)
        sizes = (in_size, *check_widths(hidden), outputs)
        drawn = all_draws(raw_key(key), sizes, str(float_dtype(dtype)))
        weights, biases = zip(*all_layers(name, drawn, sizes), strict=True)
        if domain is not None:
            if isinstance(domain, type) or not hasattr(domain, "map_to"):
                raise TypeError(f"domain: got {domain!r}, expected a Box.")
            if domain.dim != in_size:
                raise ValueError(f"domain: got {domain!r}, expected dimension {in_size}.")
            kind = weights[0].dtype
            cube = type(domain).cube(-1.0, 1.0, in_size)
            maps = (jnp.asarray(a, kind) for a in domain.map_to(cube))
            weight, bias = after_affine_map(weights[0], biases[0], *maps)
            weights, biases = (weight, *weights[1:]), (bias, *biases[1:])
        return cls(weights, biases, activation, (0,) * (len(sizes) - 2), out_size)

    @classmethod
    def from_arrays(
        cls,
        weights: Sequence[Any],
        biases: Sequence[Any],
        activation: str,
        *,
        passthrough: Sequence[int] | None = None,
        out_size: int | None = None,
        dtype: str | None = None,
    ) -> MLP:
        """A network from nested lists or arrays of any kind.

        Example:
            >>> hat = MLP.from_arrays([[[1.0], [1.0]], [[2.0, -4.0]]], [[0.0, -0.5], [0.0]], "relu")
            >>> float(hat(jnp.array([0.5])))
            1.0
        """
        kind = float_dtype(dtype)
        return cls(
            tuple(as_numbers("weights", w, kind) for w in weights),
            tuple(as_numbers("biases", b, kind) for b in biases),
            activation,
            tuple(passthrough) if passthrough is not None else (0,) * (len(weights) - 1),
            out_size,
        )

    @classmethod
    def from_torch(cls, state: Any, activation: str) -> MLP:
        """A network from a torch `Module` of Linear layers, or from its `state_dict()`.

        In the order of the keys; values have shape (m,). Raises ValueError for other layers.

        Example:
            >>> state = {"0.weight": jnp.ones((1, 2)), "0.bias": jnp.ones(1)}
            >>> MLP.from_torch(state, "relu")(jnp.ones(2)).tolist()
            [3.0]
        """
        return cls._from_layers(exchange.torch_layers(state), activation)

    @classmethod
    def from_flax(cls, params: Any, activation: str) -> MLP:
        """A network from the parameters of a flax module of layers Dense_0, Dense_1, ...

        Values have shape (m,). Raises ValueError for other layers.

        Example:
            >>> layer = {"kernel": jnp.array([[2.0], [1.0]]), "bias": jnp.array([1.0])}
            >>> MLP.from_flax({"params": {"Dense_0": layer}}, "tanh")(jnp.ones(2)).tolist()
            [4.0]
        """
        return cls._from_layers(exchange.flax_layers(params), activation)

    @classmethod
    def from_equinox(cls, model: Any, activation: str | None = None) -> MLP:
        """A network from an `equinox.nn.MLP`; its activation is recognised, or given by name.

        Raises:
            TypeError: If the model has no linear layers.
            ValueError: If its activation is not recognised, or its last layer is not affine.
        """
        layers, name, scalar = exchange.equinox_layers(model)
        known = {"silu": "swish", "logistic": "sigmoid"}.get(str(name), name)
        return cls._from_layers(layers, activation or str(known), scalar)

    @classmethod
    def _from_layers(cls, layers: exchange.Layers, activation: str, scalar: bool = False) -> MLP:
        weights, biases = layers
        kind = str(weights[0].dtype)
        return cls.from_arrays(
            weights, biases, activation, out_size=None if scalar else len(biases[-1]), dtype=kind
        )

    def to_torch(self) -> dict[str, Array]:
        """The `state_dict` of `Sequential(Linear, activation, Linear, ...)`, arrays as leaves."""
        self._check_plain()
        weights = {f"{2 * i}.weight": w for i, w in enumerate(self.weights)}
        return weights | {f"{2 * i}.bias": b for i, b in enumerate(self.biases)}

    def to_flax(self) -> dict[str, Any]:
        """The variables of a flax module of layers Dense_0, Dense_1, ..."""
        self._check_plain()
        pairs = enumerate(zip(self.weights, self.biases, strict=True))
        return {"params": {f"Dense_{i}": {"kernel": w.T, "bias": b} for i, (w, b) in pairs}}

    def to_equinox(self, model: Any) -> Any:
        """A copy of an `equinox.nn.MLP` of the same layers, with the weights of this network.

        Args:
            model: Made by equinox, whose classes are not imported here; its own weights are lost.

        Raises:
            TypeError: If it has no linear layers.
            ValueError: If its layers, activation or form of values differ.
        """
        self._check_plain()
        layers, name, scalar = exchange.equinox_layers(model)
        known = {"silu": "swish", "logistic": "sigmoid"}.get(str(name), name)
        if known in ACTIVATIONS and known != self.activation:
            raise ValueError(f"model: got the activation {known!r}, expected {self.activation!r}.")
        if scalar != (self.out_size is None):
            form = "out_size='scalar'" if self.out_size is None else f"out_size={self.out_size}"
            raise ValueError(f"model: got another form of values, expected {form}.")
        return exchange.in_equinox(model, layers, self.weights, self.biases)

    def _check_plain(self) -> None:
        self._check_single()
        if self.num_linear_units:
            raise ValueError(f"passthrough: {self!r} has linear units, expected none to export.")

    # Using it

    def __call__(self, x: Any) -> Array:
        """The value at one point of shape (d,), cast to the dtype of the weights."""
        x = as_numbers("x", x, self.dtype)
        self._check_single()
        if x.shape != (self.in_size,):
            raise ValueError(
                f"x: got shape {x.shape} for {self!r}, expected ({self.in_size},): a network maps "
                "one point. Use approxlab.evaluate(net, points) for a batch."
            )
        act = activation_named(self.activation)
        y = outputs(act, self.weights, self.biases, self.passthrough, x)
        return y[0] if self.out_size is None else y

    def member(self, index: int) -> MLP:
        """One of several networks stacked along a leading axis."""
        if self.weights[0].ndim < 3:
            raise ValueError(f"index: {self!r} is a single network, expected stacked ones.")
        if not 0 <= index < self.weights[0].shape[0]:
            raise ValueError(
                f"index: got {index}, expected 0 to {self.weights[0].shape[0] - 1}, the number of "
                "stacked networks minus one."
            )
        return jax.tree.map(lambda leaf: leaf[index], self)

    def _check_single(self) -> None:
        if self.weights[0].ndim != 2:
            raise ValueError(
                f"net: got stacked networks {self!r}, expected a single one. Use net.member(i), or "
                "jax.vmap over the networks."
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file, bit for bit, without pickle; see `MLP.load`.

        Args:
            path: The file: text that other programs read if its name ends in `.json` (NaN then
                loses its payload), else an npz archive.
        """
        storage.save(path, self.weights, self.biases, self._structure())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> MLP:
        """Read a network written by `save`, in either form, or as JSON by `page/approxlab.html`.

        Raises:
            ValueError: If the file is not a saved network, or holds float64 while x64 is off.
        """
        weights, biases, structure = storage.load(path)
        return cls(
            tuple(jnp.asarray(w) for w in weights),
            tuple(jnp.asarray(b) for b in biases),
            str(structure["activation"]),
            tuple(structure["passthrough"]),
            structure["out_size"],
        )

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """The diagram of the network; its values draws `plotting.plot_model`."""
        from approxlab.plotting.diagrams import plot_network

        return plot_network(self, ax=ax, **style)

    # Counts

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of units: inputs, hidden layers, outputs."""
        return (self.in_size, *(int(b.shape[-1]) for b in self.biases))

    @property
    def in_size(self) -> int:
        """Dimension d of the points."""
        return int(self.weights[0].shape[-1])

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.weights) - 1

    @property
    def num_linear_units(self) -> int:
        """Number of hidden units that are left linear."""
        return sum(self.passthrough)

    @property
    def num_hidden_units(self) -> int:
        """Number of nonlinear hidden units."""
        return sum(self.sizes[1:-1]) - self.num_linear_units

    @property
    def num_parameters(self) -> int:
        """Number of weights and biases of one network, zeros included."""
        return sum((n + 1) * m for n, m in itertools.pairwise(self.sizes))

    @property
    def dtype(self) -> Any:
        """Dtype of the weights."""
        return self.weights[0].dtype

    def _structure(self) -> dict[str, Any]:
        return {
            "activation": self.activation,
            "passthrough": list(self.passthrough),
            "out_size": self.out_size,
        }

    def __repr__(self) -> str:
        if not all(len(getattr(w, "shape", ())) >= 2 for w in self.weights):
            return f"MLP({self.activation}, leaves {jax.tree.leaves(self)!r})"
        shape = "-".join(str(s) for s in self.sizes)
        linear = f", {self.num_linear_units} linear units" if self.num_linear_units else ""
        batch = self.weights[0].shape[:-2]
        many = f"{batch[0]} x " if batch else ""
        count = f"{self.num_parameters} parameters"
        return f"MLP({many}{shape}, {self.activation}{linear}, {count}, {self.dtype})"


def float_dtype(dtype: Any) -> Any:
    """float32 or float64 as asked for, JAX's default if not; float64 needs x64."""
    if dtype is None:
        return jnp.dtype(jnp.result_type(float))
    try:
        kind = jnp.dtype(dtype)
    except TypeError:
        kind = None
    if kind is None or not jnp.issubdtype(kind, jnp.floating):
        raise ValueError(f"dtype: got {dtype!r}, expected 'float32' or 'float64'.")
    if kind.itemsize == 8 and not jax.config.read("jax_enable_x64"):
        raise ValueError(
            f"dtype: got {dtype!r} while JAX computes in float32, expected 'float32' or x64. "
            "Write jax.config.update('jax_enable_x64', True) at the start of the program."
        )
    return kind


def _flatten(net: MLP) -> tuple[tuple[Any, Any], tuple[Any, ...]]:
    return (net.weights, net.biases), (net.activation, net.passthrough, net.out_size)


def _flatten_with_keys(net: MLP) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    names = (jax.tree_util.GetAttrKey("weights"), jax.tree_util.GetAttrKey("biases"))
    children, structure = _flatten(net)
    return tuple(zip(names, children, strict=True)), structure


def _unflatten(structure: tuple[Any, ...], children: Any) -> MLP:
    # Not by the constructor: JAX rebuilds pytrees with leaves of any kind, tree.map with results
    # of any shape.
    net = object.__new__(MLP)
    fields = ("weights", "biases", "activation", "passthrough", "out_size")
    for name, value in zip(fields, (*children, *structure), strict=True):
        object.__setattr__(net, name, value)
    return net


jax.tree_util.register_pytree_with_keys(MLP, _flatten_with_keys, _unflatten, _flatten)
