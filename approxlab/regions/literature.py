"""How many linear regions networks of given sizes can have: bounds of the literature."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

from approxlab.networks.activations import KINK_SLOPES

__all__ = ["CountBounds", "bounds", "generic_arrangement"]


@dataclasses.dataclass(frozen=True)
class CountBounds:
    """What is known of the largest number of regions of networks of given sizes.

    Attributes:
        lower: Some network of these sizes has at least so many regions on the whole space.
        upper: No network of these sizes has more, on the space or on a part of it that is convex.
        source_lower: Author, year and theorem.
        source_upper: The same.
    """

    lower: int
    upper: int
    source_lower: str
    source_upper: str


def bounds(sizes: Any, activation: str = "relu") -> CountBounds:
    """Bounds of the largest number of full-dimensional activation regions ("proper" ones).

    For hidden widths n_1, ..., n_L and n_0 inputs:

    - lower: prod_{l < L} floor(n_l / n_0)^n_0 * sum_{j <= n_0} C(n_L, j) for ReLUs, if every width
      is at least n_0; for one hidden layer sum_{j <= n_0} C(n_1, j), which is attained.
    - upper: for ReLUs the sum of prod_l C(n_l, j_l) over all (j_1, ..., j_L) with
      j_l <= min(n_0, n_1 - j_1, ..., n_{l-1} - j_{l-1}, n_l); for other kinks
      prod_l sum_{j <= min(n_0, ..., n_l)} C(n_l, j).

    The upper bounds hold for all kinds of regions but "activation", since no kind is larger than
    "proper"; with one input the second one is prod_l (1 + n_l).

    Source: Montufar, Pascanu, Cho and Bengio 2014 (lower); Serra, Tjandraatmadja and
    Ramalingam 2018, theorem 1 (upper, ReLU); Montufar 2017, "Notes on
    the number of linear regions of deep neural networks" (upper); Zaslavsky 1975
    (one hidden layer).

    Args:
        sizes: (n_0, n_1, ..., n_L, outputs), as `net.sizes`.
        activation: "relu", "leaky_relu" or "abs"; or "identity", for which both are 1.

    Raises:
        ValueError: If sizes are not two or more positive integers, or the activation is another.

    Example:
        >>> bounds((1, 4, 4, 1)).lower, bounds((1, 4, 4, 1)).upper
        (20, 25)
        >>> bounds((2, 5, 1)).upper, generic_arrangement(5, 2)
        (16, 16)
    """
    found = _sizes(sizes)
    if activation not in KINK_SLOPES:
        raise ValueError(
            f"activation: got {activation!r}, expected one of {', '.join(sorted(KINK_SLOPES))}."
        )
    inputs, hidden = found[0], found[1:-1]
    if activation == "identity" or not hidden:
        return CountBounds(1, 1, "affine", "affine")
    if len(hidden) == 1:
        number = generic_arrangement(hidden[0], inputs)
        return CountBounds(number, number, "Zaslavsky 1975", "Zaslavsky 1975")
    lower, source = 1, "one region"
    if activation == "relu" and min(hidden) >= inputs:
        lower = math.prod((n // inputs) ** inputs for n in hidden[:-1])
        lower *= generic_arrangement(hidden[-1], inputs)
        source = "Montufar, Pascanu, Cho and Bengio 2014"
    if activation == "relu":
        upper = _serra(hidden, inputs)
        return CountBounds(lower, upper, source, "Serra et al. 2018, theorem 1")
    dims = [min(found[: i + 1]) for i in range(1, len(hidden) + 1)]
    upper = math.prod(generic_arrangement(n, d) for n, d in zip(hidden, dims, strict=True))
    return CountBounds(lower, upper, source, "Montufar 2017")


def generic_arrangement(number: Any, dim: Any) -> int:
    """Parts into which hyperplanes in general position divide the space: sum_{j <= dim} C(n, j).

    For n lines of the plane 1 + n + n (n - 1) / 2; on a box in which only k of the crossings lie
    (and which all lines meet) 1 + n + k.

    Source: Zaslavsky 1975; Schlaefli 1901.

    Raises:
        ValueError: If one of the two is no integer of at least 0.

    Example:
        >>> generic_arrangement(4, 2)
        11
    """
    for name, value in (("number", number), ("dim", dim)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{name}: got {value!r}, expected an integer of at least 0.")
    return sum(math.comb(number, j) for j in range(min(number, dim) + 1))


def _serra(hidden: tuple[int, ...], inputs: int) -> int:
    """The sum over (j_1, ..., j_L), layer by layer: only the least n_l - j_l so far matters."""

    @functools.cache
    def behind(layer: int, dim: int) -> int:
        if layer == len(hidden):
            return 1
        n = hidden[layer]
        return sum(
            math.comb(n, j) * behind(layer + 1, min(dim, n - j)) for j in range(min(dim, n) + 1)
        )

    return behind(0, inputs)


def _sizes(sizes: Any) -> tuple[int, ...]:
    try:
        found = tuple(sizes)
    except TypeError:
        found = ()
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in found)
    if len(found) < 2 or not whole:
        raise ValueError(
            f"sizes: got {sizes!r}, expected numbers of inputs, of hidden units and of outputs, "
            "such as net.sizes."
        )
    return found
