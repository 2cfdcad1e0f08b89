"""Networks built by theorems, each with a claim that is tested.

`CONSTRUCTIONS` lists every construction with small arguments at which the laws of the test suite
hold it to its claim. Beside them stand `maurey`, whose theorem speaks of the mean over random
draws, and `quasi_interpolant`, a least-squares fit on equal centres, which claims nothing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from approxlab.claims import Construction
from approxlab.constructions._cybenko import cybenko
from approxlab.constructions.barron import maurey, maurey_constant
from approxlab.constructions.quasi_interpolants import SolvedNetwork, quasi_interpolant
from approxlab.constructions.relu_splines import relu_interpolant, square_shallow, tent_shallow
from approxlab.constructions.sawtooth import square_deep, tent_deep
from approxlab.constructions.sigmoid_shapes import bump, sigmoid_sum, step, unit_shape
from approxlab.constructions.sigmoid_sums import costarelli_spigler, staircase

__all__ = [
    "CONSTRUCTIONS",
    "SolvedNetwork",
    "bump",
    "costarelli_spigler",
    "cybenko",
    "maurey",
    "maurey_constant",
    "quasi_interpolant",
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
