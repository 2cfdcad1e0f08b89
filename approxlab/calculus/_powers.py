"""Networks with one hidden layer of relu(z)^k: derivatives and integrals stay in the family."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.calculus._line_networks import one_layer
from approxlab.calculus._networks import interval
from approxlab.networks.mlp import MLP

__all__ = ["POWERS", "one_power_less", "one_power_more"]

POWERS: Mapping[str, int] = {"heaviside": 0, "relu": 1, "relu2": 2, "relu3": 3, "relu4": 4}
"""The power k of an activation relu(z)^k."""

_NAMES = {power: name for name, power in POWERS.items()}


def one_power_less(net: MLP) -> MLP:
    """The derivative: units k w relu(w x + b)^(k - 1), and linear units as a constant."""
    power = POWERS[net.activation]
    if power == 0:
        raise ValueError(f"net: got {net!r}, whose derivative is no function: it jumps.")
    bent = net.biases[0].shape[0] - net.passthrough[0]
    (first, last), linear = net.weights, net.weights[1][:, bent:]
    rates = first[:, 0]
    height = linear @ rates[bent:]
    return MLP(
        (first[:bent], power * last[:, :bent] * rates[None, :bent]),
        (net.biases[0][:bent], height),
        _NAMES[power - 1],
        (0,),
        net.out_size,
    )


def one_power_more(net: MLP, box: Any) -> MLP:
    """The integral from the left end a, in units relu(+-(x - t) / s)^(k + 1), s about the width.

    A unit that bends at t in the box has an integral of one such unit. The others are polynomials
    there: their sum is computed without rounding in powers of (x - a) / s, and written by units
    that bend at a - s i, whatever the sizes of the weights: none of these bends far away.

    Raises:
        ValueError: If the power is the highest one, the network is deep, a step network has a
            linear unit with a slope, or a parameter overflows.
    """
    power = POWERS[net.activation]
    if net.depth > 1 or power + 1 not in _NAMES:
        raise ValueError(
            f"net: got {net!r}, expected one hidden layer of heaviside, relu2 or relu3 units: no "
            "activation of this library holds the integral."
        )
    (low, high), bent = interval(box), net.biases[0].shape[0] - net.passthrough[0]
    columns = (net.weights[0][:, 0], net.biases[0], net.weights[1][0])
    units = list(zip(*([Fraction(float(v)) for v in np.asarray(c)] for c in columns), strict=True))
    if power == 0 and any(w and c for w, _, c in units[bent:]):
        raise ValueError(
            f"net: got {net!r} with a linear unit that is not constant: its integral is a square, "
            "which relu units do not make. Replace it by two units that bend."
        )
    scale = math.ldexp(1.0, math.frexp(high - low)[1])
    start, end, s = Fraction(low), Fraction(high), Fraction(scale)
    sums = [Fraction(0)] * (power + 2)
    sums[1] = s * Fraction(float(net.biases[1][0]))
    bends, heights = [], []
    for i, (w, b, c) in enumerate(units):
        left, right = w * start + b, w * end + b
        if i >= bent:
            _add_integral(sums, 1, left, w * s, c * s)
        elif w == 0:
            _add_integral(sums, 0, _power(b, power), Fraction(0), c * s * _power(b, power))
        elif min(left, right) >= 0:
            _add_integral(sums, power, left, w * s, c * s)
        elif max(left, right) > 0:
            factor = c * abs(w * s) ** power * s / (power + 1)
            rising = 1 if w > 0 else -1
            bends.append((rising / scale, b / w / s * rising, factor * rising))
            if w < 0:
                heights.append(_to_float(factor) * float(left / (s * abs(w))) ** (power + 1))
    return _in_units(net, bends, sums, heights, low / scale, scale)


def _add_integral(
    sums: list[Fraction], power: int, start: Fraction, rise: Fraction, factor: Fraction
) -> None:
    """Add the coefficients in u of factor times the integral of (start + rise u)^power from 0."""
    for j in range(power + 1):
        part = math.comb(power, j) * start ** (power - j) * rise**j
        sums[j + 1] += factor * part / (j + 1)


def _in_units(
    net: MLP, bends: list[Any], sums: list[Fraction], heights: list[float], at: float, scale: float
) -> MLP:
    """The network of units that bend in the box, and of a polynomial in u = x / scale - at."""
    power = POWERS[net.activation] + 1
    numbers = [_to_float(v) for v in sums]
    count = power - 1 if any(numbers[2:]) else 0
    matrix = [
        [math.comb(power, j) * float(i) ** (power - j) for i in range(count)]
        for j in range(2, count + 2)
    ]
    factors = np.linalg.solve(matrix, numbers[2:]) if count else np.empty(0)
    places = np.arange(count, dtype=np.float64)  # (u + i)^power holds lower powers of u too
    linear = numbers[1] - power * float(factors @ places ** (power - 1))
    height = math.fsum([numbers[0], -float(factors @ places**power), *heights])
    rows, shifts, outer = ([_to_float(unit[k]) for unit in bends] for k in range(3))
    return one_layer(
        np.array([*rows, *np.full(count + 1, 1.0 / scale)]),
        np.array([*shifts, *(places - at), -at]),
        np.array([*outer, *factors, linear]),
        height,
        _NAMES[power],
        str(net.dtype),
        linear=1,
        out_size=net.out_size,
    )


def _to_float(number: Any) -> float:
    """The nearest float; infinite where there is none, for the check of the network."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _power(z: Fraction, power: int) -> Fraction:
    return Fraction((z > 0) + (z >= 0), 2) if power == 0 else max(z, Fraction(0)) ** power
