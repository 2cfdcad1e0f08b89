"""A network that equals a function on all finite float16, one hot unit per run of equal values.

The function is constant on K runs of neighbouring numbers, with values v_1 ... v_K that are finite
or infinite. Let p be the last number of a run and q > p the next float16.

1. *Thresholds.* A unit's pre-activation is z(x) = fl(fl(w x) - w p), w a power of two for which
   w p is a float16. Rounding is monotone, so z is; z(p) = 0; and z(q) is not rounded, hence
   positive (this needs subnormal numbers). So z(x) <= 0 for x <= p and z(x) >= z(q) > 0 for
   x >= q: the sign is exact, for every x. Each activation turns the sign into few values:

   - step: 1 if z > 0, else 0.
   - relu: r = relu(z) is 0, or at least d = z(q), a power of two from 2^-24 to 16. With
     g = min(1/d, 2^15) and h = 1/(g d) <= 512: s = relu(1 - g r) is 1, or at most 1 - g d, and
     n = relu(h s - (h - 1)) is 1 for x <= p and 0 otherwise. With w = 1/2 for |p| >= 16 no r
     overflows; s is 0 where g r does.
   - tanh: with w as large as p allows, z is 0, or at least 2^-9 in size; u = tanh(2^15 tanh(z)) is
     -1, 0 or 1, since tanh(z) is 0 or at least 2^-9 in size, and tanh(64) is rounded to 1.
   - sigmoid: in the same way the sigmoid of 65504 sigmoid(z) - 32752 is 0, 1/2 or 1.

2. *One hot.* Unit k sees the thresholds below and above its run, and is 1 there and 0 elsewhere:
   the sums are small multiples of 1/2, exact in any order, and the activations saturate exactly
   (tanh: at 8 and more; sigmoid: at 32 and more, and to 0 at -32).

3. *Output.* sum_k v_k h_k has one term that is not zero, so no order matters. An infinite value is
   the sum of two terms 65504, which overflows.

So the values are equal as numbers; a value -0 comes out as 0. The numbers of hidden units are
2 K - 1 (step), 3 K - 2 (sigmoid), 4 K - 3 (relu), 4 K - 2 (tanh).
"""

from __future__ import annotations

import numpy as np

from experiments.float_universality.half import FINITE, Layer

__all__ = ["ACTIVATIONS", "equal_by_runs", "runs"]

_MOST = 65504.0
# weights of the thresholds below and above a run, bias; what stands for a threshold that is absent
_ONE_HOT = {
    "step": (1.0, -1.0, -0.5, 1.0, 0.0),
    "relu": (-1.0, 1.0, 0.0, 0.0, 1.0),
    "sigmoid": (256.0, -128.0, -160.0, 1.0, 0.0),
    "tanh": (32.0, -16.0, -24.0, 1.0, -1.0),
}

ACTIVATIONS = tuple(_ONE_HOT)


def runs(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Last numbers of all runs but the last, and the values of all runs.

    Args:
        numbers: The function's values at `FINITE`, shape (63487,), float16.
    """
    ends = np.flatnonzero(numbers[1:] != numbers[:-1])
    return FINITE[ends], numbers[np.append(ends, len(numbers) - 1)]


def equal_by_runs(numbers: np.ndarray, activation: str) -> list[Layer]:
    """The network of the module's docstring, in plain layers.

    Args:
        numbers: The function's values at `FINITE`, shape (63487,), float16, none of them NaN.
        activation: One of `ACTIVATIONS`.

    Raises:
        ValueError: If a value is NaN, or the shape or the activation is another one.
    """
    if numbers.shape != FINITE.shape or np.any(np.isnan(numbers)):
        raise ValueError(
            f"numbers: got shape {numbers.shape}, expected {FINITE.shape} without NaN."
        )
    if activation not in _ONE_HOT:
        raise ValueError(f"activation: got {activation!r}, expected one of {ACTIVATIONS}.")
    ends, heights = runs(numbers)
    network = [*thresholds(ends, activation), _one_hot(len(heights), activation)]
    if activation == "tanh":  # from -1 and 1 to 0 and 1
        network.append(_each(np.full(len(heights), 8.0), np.full(len(heights), 8.0), "tanh"))
    infinite = np.isinf(heights)
    columns = np.concatenate([np.arange(len(heights)), np.flatnonzero(infinite)])
    weights = np.clip(heights.astype(np.float64), -_MOST, _MOST)[columns]
    network[-1] = _copied(network[-1], columns)
    network.append(_sum_of(weights, 0.0))
    return network


def thresholds(ends: np.ndarray, activation: str) -> list[Layer]:
    """Layers whose last tells x <= p from x > p, for every p in `ends`."""
    p = ends.astype(np.float64)
    if activation in ("tanh", "sigmoid"):
        _, exponents = np.frexp(p)  # |p| < 2^exponent
        scale = np.exp2(16.0 - np.maximum(exponents, 1))
        gain, shift = (2.0**15, 0.0) if activation == "tanh" else (_MOST, -_MOST / 2.0)
        return [
            _first(scale, p, activation),
            _each(np.full(len(p), gain), np.full(len(p), shift), activation),
        ]
    if activation == "step":
        return [_first(np.ones(len(p)), p, activation)]
    scale = np.where(np.abs(p) < 16.0, 1.0, 0.5)
    least = scale * (np.nextafter(ends, np.float16(np.inf)).astype(np.float64) - p)
    return [_first(scale, p, "relu"), *amplified(least)]


def amplified(least: np.ndarray) -> list[Layer]:
    """Two ReLU layers that turn r = 0 into 1, and r >= least, a power of two, into 0."""
    gain = np.minimum(1.0 / least, 2.0**15)
    rest = 1.0 / (gain * least)
    return [_each(-gain, np.ones(len(least)), "relu"), _each(rest, 1.0 - rest, "relu")]


def _first(scale: np.ndarray, p: np.ndarray, activation: str) -> Layer:
    units = np.arange(len(p))
    return Layer.sparse(units, np.zeros_like(units), scale, -scale * p, activation)


def _each(weights: np.ndarray, bias: np.ndarray, activation: str) -> Layer:
    units = np.arange(len(weights))
    return Layer.sparse(units, units, weights, bias, activation)


def _one_hot(count: int, activation: str) -> Layer:
    """One unit per run, from the thresholds between runs."""
    below, above, bias, absent_below, absent_above = _ONE_HOT[activation]
    units, inner = np.arange(count), np.arange(count - 1)
    shifts = np.full(count, bias)
    shifts[0] += below * absent_below
    shifts[-1] += above * absent_above
    return Layer.sparse(
        np.concatenate([units[1:], units[:-1]]),
        np.concatenate([inner, inner]),
        np.repeat([below, above], count - 1),
        shifts,
        activation,
    )


def _copied(layer: Layer, which: np.ndarray) -> Layer:
    """The layer with these units, some of them twice."""
    entries = [np.flatnonzero(layer.rows == unit) for unit in which[len(layer.bias) :]]
    extra = np.repeat(np.arange(len(layer.bias), len(which)), [len(some) for some in entries])
    taken = np.concatenate([np.arange(len(layer.rows)), *entries]).astype(int)
    return Layer(
        np.concatenate([layer.rows, extra]).astype(int),
        layer.columns[taken],
        layer.weights[taken],
        layer.bias[which],
        layer.activation,
    )


def _sum_of(weights: np.ndarray, bias: float) -> Layer:
    columns = np.arange(len(weights))
    return Layer.sparse(np.zeros_like(columns), columns, weights, np.array([bias]), "linear")
