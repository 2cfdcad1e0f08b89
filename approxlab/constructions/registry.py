"""The constructions by name: all whose theorem speaks of every network that they build."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from approxlab.claims import Construction
from approxlab.constructions._cybenko import cybenko
from approxlab.constructions.exact_functions import (
    l1_norm,
    maximum,
    median_of_three,
    minimum,
)
from approxlab.constructions.orthant_sums import orthant_sum
from approxlab.constructions.polynomials import monomial_deep, polynomial_deep
from approxlab.constructions.products import (
    product_deep,
    sum_of_squares_deep,
    sum_of_squares_shallow,
)
from approxlab.constructions.radial import ball_indicator, radial_function
from approxlab.constructions.relu2_polynomials import relu2_polynomial
from approxlab.constructions.relu_splines import relu_interpolant, square_shallow, tent_shallow
from approxlab.constructions.ridge_sums import ridge_sum
from approxlab.constructions.sawtooth import square_deep, tent_deep
from approxlab.constructions.self_similar import self_similar_deep, takagi_deep
from approxlab.constructions.sigmoid_shapes import bump, step
from approxlab.constructions.sigmoid_sums import costarelli_spigler, staircase
from approxlab.constructions.squares import square_layered
from approxlab.constructions.towers import tower
from approxlab.constructions.zigzags import most_pieces, sawtooth_deep

__all__ = ["CONSTRUCTIONS"]

CONSTRUCTIONS: Mapping[str, Callable[..., Construction]] = MappingProxyType(
    {
        "ball_indicator": ball_indicator,
        "bump": bump,
        "costarelli_spigler": costarelli_spigler,
        "cybenko": cybenko,
        "l1_norm": l1_norm,
        "maximum": maximum,
        "median_of_three": median_of_three,
        "minimum": minimum,
        "monomial_deep": monomial_deep,
        "most_pieces": most_pieces,
        "orthant_sum": orthant_sum,
        "polynomial_deep": polynomial_deep,
        "product_deep": product_deep,
        "radial_function": radial_function,
        "relu2_polynomial": relu2_polynomial,
        "relu_interpolant": relu_interpolant,
        "ridge_sum": ridge_sum,
        "sawtooth_deep": sawtooth_deep,
        "self_similar_deep": self_similar_deep,
        "square_deep": square_deep,
        "square_layered": square_layered,
        "square_shallow": square_shallow,
        "staircase": staircase,
        "step": step,
        "sum_of_squares_deep": sum_of_squares_deep,
        "sum_of_squares_shallow": sum_of_squares_shallow,
        "takagi_deep": takagi_deep,
        "tent_deep": tent_deep,
        "tent_shallow": tent_shallow,
        "tower": tower,
    }
)
"""Name to construction: the explicit table that tests and experiments read."""
