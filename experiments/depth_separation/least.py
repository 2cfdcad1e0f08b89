"""The fewest pieces with which a sup error is possible, and so the fewest units of one layer.

Convex targets (x^2 and x^3 on [0, 1], e^x on [-1, 1]). The best affine function on a piece is the
chord, lowered by half of its largest distance d from the target, with error d/2. d grows with the
piece, so the fewest pieces are found by making each, from left to right, as long as the error
allows. Neighbours have the value f - eps at their knot, so the result is continuous.

The Takagi function. Let the error be below 2^-m / 3 and n <= 2^m pieces. Some dyadic interval of
length 2^-m holds no knot in its interior. There T is affine + 2^-m T(2^m x - j), and no affine
function is closer to T than 1/3: at 0, 1/3, 2/3, 1 it is 0, 2/3, 2/3, 0. So n > 2^m.

The product. On the diagonal of the square, xy is t^2, and a unit of one hidden layer has one kink.

Units. n units of one hidden layer have at most n kinks, so n + 1 pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["fewest_pieces", "takagi_level"]

_SECANTS = 60
_MARGIN = 1.0 + 1e-9  # so that rounding never makes the count larger


def fewest_pieces(target: str, eps: float) -> int:
    """Affine pieces below which no function has this sup error, proved at the head of this file.

    For convex targets so many suffice, too. Of the Takagi function 3/4 of the next power of two do.

    Example:
        >>> fewest_pieces("square", 1 / 128), fewest_pieces("takagi", 0.2)
        (4, 2)
    """
    if target in ("square", "product"):
        return math.ceil(1.0 / math.sqrt(8.0 * eps) * (1.0 - 1e-12))
    if target == "takagi":
        return 2 ** (takagi_level(eps) - 1) + 1 if takagi_level(eps) else 1
    distance = {"cube": _from_chord_of_cube, "exp": _from_chord_of_exp}[target]
    left, count = (-1.0 if target == "exp" else 0.0), 0
    while left < 1.0:
        left, count = _longest(distance, left, 2.0 * eps * _MARGIN), count + 1
    return count


def takagi_level(eps: float) -> int:
    """The least m with 2^-m / 3 <= eps."""
    return max(0, math.ceil(-math.log2(3.0 * eps) * (1.0 - 1e-12)))


def _longest(distance: Callable[[float, float], float], left: float, most: float) -> float:
    """The right end of the longest piece from `left` whose chord is at most so far away."""
    if distance(left, 1.0) <= most:
        return 1.0
    low, high = left, 1.0
    width = min(1.0 - left, math.sqrt(most))
    for _ in range(_SECANTS):  # the distance is nearly quadratic in the width
        found = distance(left, left + width)
        if found <= most:
            low = max(low, left + width)
        else:
            high = min(high, left + width)
        if abs(found - most) <= 1e-10 * most:
            break
        width *= math.sqrt(most / found)
        if not low < left + width < high:
            width = 0.5 * (low + high) - left
    else:
        return high  # rather too long
    return left + width


def _from_chord_of_cube(a: float, b: float) -> float:
    """With center c and radius r, chord - x^3 = r^2 (1 - s^2) (3 c + r s) for s in [-1, 1]."""
    c, r = 0.5 * (a + b), 0.5 * (b - a)
    # Where the derivative r - 6 c s - 3 r s^2 is zero.
    s = r / (3.0 * c + math.sqrt(9.0 * c * c + 3.0 * r * r))
    return r * r * (1.0 - s * s) * (3.0 * c + r * s)


def _from_chord_of_exp(a: float, b: float) -> float:
    """e^a times the distance on [0, h], with slope m = (e^h - 1) / h: m log m - m + 1."""
    h = b - a
    z = sum(h**k / math.factorial(k + 1) for k in range(1, 25))  # m - 1, without cancellation
    if z > 0.5:
        return math.exp(a) * ((1.0 + z) * math.log1p(z) - z)
    # (1 + z) log(1 + z) - z as its series, which alternates.
    total = sum((-1) ** k * z**k / (k * (k - 1)) for k in range(2, 60))
    return math.exp(a) * total
