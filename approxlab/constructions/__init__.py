"""Networks built by theorems, each with a claim that is tested.

`CONSTRUCTIONS` lists every construction with small arguments at which the laws of the test suite
hold it to its claim.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from approxlab.claims import Construction
from approxlab.constructions._cybenko import cybenko
from approxlab.constructions.relu_splines import relu_interpolant, square_shallow, tent_shallow
from approxlab.constructions.sawtooth import square_deep, tent_deep
from approxlab.constructions.sigmoid_shapes import bump, sigmoid_sum, step, unit_shape
from approxlab.constructions.sigmoid_sums import costarelli_spigler, staircase

__all__ = [
    "CONSTRUCTIONS",
    "bump",
    "costarelli_spigler",
    "cybenko",
    "relu_interpolant",
    "sigmoid_sum",
    "square_deep",
    "square_shallow",
    "staircase",
    "step",
    "tent_deep",
    "tent_shallow",
    "unit_shape",
]

CONSTRUCTIONS: Mapping[str, Callable[..., Construction]] = MappingProxyType(
    {
        "bump": bump,
        "costarelli_spigler": costarelli_spigler,
        "cybenko": cybenko,
        "relu_interpolant": relu_interpolant,
        "square_deep": square_deep,
        "square_shallow": square_shallow,
        "staircase": staircase,
        "step": step,
        "tent_deep": tent_deep,
        "tent_shallow": tent_shallow,
    }
)
"""Name to construction: the explicit table that tests and experiments read."""
