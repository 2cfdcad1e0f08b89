"""What networks must be, so that their pieces are to be had."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from approxlab.networks.activations import KINK_SLOPES
from approxlab.networks.mlp import MLP

__all__ = ["check_alone", "check_piecewise_linear"]


def check_alone(net: MLP) -> None:
    """Raises an error for stacked networks."""
    if net.weights[0].ndim != 2:
        raise ValueError(
            f"net: got stacked networks {net!r}, expected a single one. Use net.member(i), or for "
            "all of them al.regions.pieces_of_many or count_many."
        )


def check_piecewise_linear(net: Any) -> None:
    """Raises an error for anything but a network that is continuous and piecewise linear."""
    if isinstance(net, (list, tuple)):
        raise TypeError(
            f"net: got a {type(net).__name__} of {len(net)} entries, expected one MLP. For several "
            "networks use al.regions.pieces_of_many or count_many."
        )
    if not isinstance(net, MLP):
        raise TypeError(
            f"net: got {type(net).__name__}, expected an MLP: pieces are found from its weights. "
            "For any other function of one variable use al.regions.pieces_on_grid."
        )
    if net.num_linear_units < net.num_hidden_units and net.activation not in KINK_SLOPES:
        why = {
            "heaviside": "jumps, so the network is not continuous",
            **{f"relu{k}": f"is a power: pieces are polynomials of degree {k}" for k in (2, 3, 4)},
        }.get(net.activation, "bends everywhere, so the network has no linear pieces")
        raise ValueError(
            f"net: got the activation {net.activation!r}, which {why}; expected one of "
            f"{', '.join(sorted(KINK_SLOPES))}. For a function of one variable that is linear "
            "between the points of a grid use al.regions.pieces_on_grid."
        )
    for array in (*net.weights, *net.biases):
        if isinstance(array, jax.core.Tracer):
            raise TypeError(
                "net: got a value that JAX traces, expected numbers: how many pieces there are is "
                "not known to a compiled program. Call it outside of jit, grad and vmap; for "
                "stacked networks use al.regions.count_many or pieces_of_many."
            )
    for name, arrays in (("weights", net.weights), ("biases", net.biases)):
        for i, array in enumerate(arrays):
            bad = np.argwhere(~np.isfinite(np.asarray(array, np.float64)))
            if len(bad):
                index = tuple(int(k) for k in bad[0])
                raise ValueError(
                    f"net: {name}[{i}] is {float(array[index])} at index {index}, expected finite "
                    "numbers."
                )
