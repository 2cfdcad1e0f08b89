"""Networks built by theorems, each with a claim that is tested.

`CONSTRUCTIONS` lists every construction with small arguments at which the laws of the test suite
hold it to its claim. `maurey` is not among them: its theorem bounds the mean over random draws.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from approxlab.claims import Construction
from approxlab.constructions._cybenko import cybenko
from approxlab.constructions.barron import maurey, maurey_constant
from approxlab.constructions.orthant_sums import orthant_sum
from approxlab.constructions.relu_splines import (
    relu_interpolant,
    spline_network,
    square_shallow,
    tent_shallow,
)
from approxlab.constructions.ridge_expansions import (
    Ridge,
    RidgeExpansion,
    cosine_expansion,
    gaussian_expansion,
)
from approxlab.constructions.ridge_sums import expansions, replaced, ridge_sum
from approxlab.constructions.sawtooth import square_deep, tent_deep
from approxlab.constructions.sigmoid_shapes import bump, sigmoid_sum, step, unit_shape
from approxlab.constructions.sigmoid_sums import costarelli_spigler, staircase
from approxlab.constructions.towers import isolated_towers, tower, vertex_value

__all__ = [
    "CONSTRUCTIONS",
    "Ridge",
    "RidgeExpansion",
    "bump",
    "cosine_expansion",
    "costarelli_spigler",
    "cybenko",
    "expansions",
    "gaussian_expansion",
    "isolated_towers",
    "maurey",
    "maurey_constant",
    "orthant_sum",
    "relu_interpolant",
    "replaced",
    "ridge_sum",
    "sigmoid_sum",
    "spline_network",
    "square_deep",
    "square_shallow",
    "staircase",
    "step",
    "tent_deep",
    "tent_shallow",
    "tower",
    "unit_shape",
    "vertex_value",
]

CONSTRUCTIONS: Mapping[str, Callable[..., Construction]] = MappingProxyType(
    {
        "bump": bump,
        "costarelli_spigler": costarelli_spigler,
        "cybenko": cybenko,
        "orthant_sum": orthant_sum,
        "relu_interpolant": relu_interpolant,
        "ridge_sum": ridge_sum,
        "square_deep": square_deep,
        "square_shallow": square_shallow,
        "staircase": staircase,
        "step": step,
        "tent_deep": tent_deep,
        "tent_shallow": tent_shallow,
        "tower": tower,
    }
)
"""Name to construction: the explicit table that tests and experiments read."""
