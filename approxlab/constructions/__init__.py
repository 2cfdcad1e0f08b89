"""Networks built by theorems, each with a claim that is tested.

`CONSTRUCTIONS` lists every construction with small arguments at which the laws of the test suite
hold it to its claim. Beside them stand `maurey`, whose theorem speaks of the mean over random
draws, and `quasi_interpolant`, a least-squares fit on equal centres, which claims nothing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from approxlab.claims import Construction
from approxlab.constructions.barron import maurey, maurey_constant
from approxlab.constructions.quasi_interpolants import SolvedNetwork, quasi_interpolant
from approxlab.constructions.relu_splines import relu_interpolant, square_shallow, tent_shallow
from approxlab.constructions.sawtooth import square_deep, tent_deep

__all__ = [
    "CONSTRUCTIONS",
    "SolvedNetwork",
    "maurey",
    "maurey_constant",
    "quasi_interpolant",
    "relu_interpolant",
    "square_deep",
    "square_shallow",
    "tent_deep",
    "tent_shallow",
]

CONSTRUCTIONS: Mapping[str, Callable[..., Construction]] = MappingProxyType(
    {
        "relu_interpolant": relu_interpolant,
        "square_deep": square_deep,
        "square_shallow": square_shallow,
        "tent_deep": tent_deep,
        "tent_shallow": tent_shallow,
    }
)
"""Name to construction: the explicit table that tests and experiments read."""
