"""Layers of networks of other libraries, read by their structure: none of these is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

__all__ = ["Layers", "equinox_layers", "flax_layers", "in_equinox", "torch_layers"]

Layers = tuple[list[np.ndarray], list[np.ndarray]]
"""Weights (out, in) and biases (out,), from the first layer to the last."""


def torch_layers(state: Any) -> Layers:
    """Of a torch `Module` of Linear layers, or of its `state_dict()`, in the order of its keys."""
    found = state.state_dict() if hasattr(state, "state_dict") else state
    if not isinstance(found, Mapping):
        raise TypeError(f"state: got {type(state).__name__}, expected a Module or its state_dict.")
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name, value in found.items():
        prefix, _, kind = str(name).rpartition(".")
        layers.setdefault(prefix, {})[kind] = _array(value)
    return _chain("state", layers, "weight", transposed=False)


def flax_layers(params: Any) -> Layers:
    """Of a flax module's variables or parameters, {"Dense_0": {"kernel", "bias"}, ...}."""
    if not isinstance(params, Mapping):
        raise TypeError(f"params: got {type(params).__name__}, expected a dict of Dense layers.")
    if "params" in params:
        others = sorted(set(params) - {"params"})
        if others:
            raise ValueError(f"params: got the collections {others} too, expected Dense layers.")
        params = params["params"]
    for name, layer in params.items():
        if not isinstance(layer, Mapping) or any(isinstance(v, Mapping) for v in layer.values()):
            raise ValueError(f"params: got {name!r}, expected a Dense layer: a kernel and a bias.")
    ends = {name: re.findall(r"\d+$", str(name)) for name in params}
    if len(params) > 1 and not all(ends.values()):
        raise ValueError(
            f"params: got the layers {list(params)}, expected names with numbers such as Dense_0: "
            "a dict of JAX is sorted by name, which tells no order."
        )
    order = sorted(params, key=lambda name: int(ends[name][0]) if ends[name] else 0)
    layers = {str(n): {k: _array(v) for k, v in params[n].items()} for n in order}
    return _chain("params", layers, "kernel", transposed=True)


def equinox_layers(model: Any) -> tuple[Layers, str | None, bool]:
    """Of an `equinox.nn.MLP`; the name of its activation, and whether values have shape ()."""
    layers = getattr(model, "layers", None)
    if not isinstance(layers, list | tuple) or not all(hasattr(v, "weight") for v in layers):
        raise TypeError(f"model: got {type(model).__name__}, expected an equinox.nn.MLP.")
    final = getattr(model, "final_activation", None)
    probe = np.array([-1.5, 0.5])
    if final is not None and not np.array_equal(np.asarray(final(probe)), probe):
        raise ValueError("model: got a final activation, expected an affine last layer.")
    found = {
        str(i): {"weight": _array(v.weight)}
        | ({} if getattr(v, "bias", None) is None else {"bias": _array(v.bias)})
        for i, v in enumerate(layers)
    }
    name = getattr(getattr(model, "activation", None), "__name__", None)
    scalar = getattr(model, "out_size", None) == "scalar"
    return _chain("model", found, "weight", transposed=False), name, scalar


def in_equinox(model: Any, layers: Layers, weights: Any, biases: Any) -> Any:
    """The model with other arrays in its linear layers, its leaves found by their place."""
    wanted, found = ([w.shape for w in group] for group in (weights, layers[0]))
    if wanted != found:
        raise ValueError(f"model: got weights of shapes {found}, expected {wanted}.")
    leaves, structure = jax.tree.flatten(model)
    # A mark for every leaf, since several layers may hold one array.
    marks = [object() for _ in leaves]
    places = {id(mark): place for place, mark in enumerate(marks)}
    marked = jax.tree.unflatten(structure, marks)
    for layer, weight, bias in zip(_linear(marked, model), weights, biases, strict=True):
        given = {"weight": weight}
        if getattr(layer, "bias", None) is not None:
            given["bias"] = bias
        elif np.any(np.asarray(bias)):
            raise ValueError("model: got a layer without bias, expected one in every layer.")
        for name, array in given.items():
            place = places.get(id(getattr(layer, name, None)))
            if place is None:
                raise _no_pytree(model)
            leaves[place] = array
    return jax.tree.unflatten(structure, leaves)


def _linear(marked: Any, model: Any) -> Any:
    """Its layers; a model that is a leaf itself has become a mark without any."""
    if not hasattr(marked, "layers"):
        raise _no_pytree(model)
    return marked.layers


def _no_pytree(model: Any) -> TypeError:
    return TypeError(
        f"model: got {type(model).__name__}, which is no pytree of its arrays, expected an "
        "equinox.nn.MLP."
    )


def _array(value: Any) -> np.ndarray:
    """Of any library; tensors of torch are taken off their graph and device first."""
    for step in ("detach", "cpu"):
        value = getattr(value, step)() if hasattr(value, step) else value
    return np.asarray(value)


def _chain(argument: str, layers: Mapping[str, Any], kind: str, *, transposed: bool) -> Layers:
    """The layers in order; anything but matrices that fit one another is refused."""
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    for name, parts in layers.items():
        if not {kind} <= set(parts) <= {kind, "bias"} or parts[kind].ndim != 2:
            shapes = {k: v.shape for k, v in parts.items()}
            raise ValueError(
                f"{argument}: got {shapes} in layer {name!r}, expected a chain of linear layers: "
                f"a {kind} of two axes and a bias each."
            )
        weight = parts[kind].T if transposed else parts[kind]
        if weights and weight.shape[1] != weights[-1].shape[0]:
            raise ValueError(
                f"{argument}: got {weight.shape[1]} inputs in layer {name!r} after "
                f"{weights[-1].shape[0]} outputs, expected a chain of linear layers."
            )
        weights.append(weight)
        biases.append(parts.get("bias", np.zeros(weight.shape[0], weight.dtype)))
    if not weights:
        raise ValueError(f"{argument}: got no layers, expected at least one linear layer.")
    return weights, biases
