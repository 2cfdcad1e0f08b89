"""Which inputs a first layer can tell apart, over all float16 weights and biases.

What no unit s(fl(fl(w x) + b)) of a first layer tells apart, no network does, of any width and
depth: its later layers see the same numbers. For networks that equal every function it is
necessary that the first layer tells every two inputs apart (Hwang, Park, Lee & Park 2025; for any
order of sums and inexact activations, Park, Hwang, Lee & Park 2026, who name the correctly rounded
cosine as one that fails). Their proofs are not used here. Ours, for inputs |x| <= X:

- *Units must be finite.* cos and soft shrinkage are infinite or NaN where their pre-activation is,
  and so are all later values then, even through a weight zero: the function is finite, so the units
  must be. So their weights are at most W, the largest with fl(W X) finite: W = 1 for X = 65504. The
  sigmoid and tanh saturate, and take every weight.
- *Small inputs are absorbed.* Let t = fl(W x). A unit moves its bias b at most to fl(b - t) and
  fl(b + t), since rounding is monotone. If s has one value from the one to the other, for every
  float16 b, then no unit tells x from 0. That is tried for all biases; the largest such t is found
  by bisection, since a smaller t moves b less.

For cos with X = 65504: a t below 2^-17 moves b by nothing, unless b is small, where cos is
rounded to 1. So 0 and 254 other inputs are one to it, and it equals no finite function with
f(0) != f(2^-24). Soft shrinkage with threshold 1/2, as it is by default in PyTorch, takes 6142
inputs for zero. A smaller X allows larger weights, and less is lost.

That step, relu, tanh and sigmoid tell all inputs apart is a consequence of `by_runs`; of relu,
tanh, sigmoid and sin it is shown here once more, by units that are exhibited. Without biases an
even activation such as cos cannot tell x from -x, either, since w (-x) = -(w x) exactly.
"""

from __future__ import annotations

import numpy as np

from experiments.float_universality.half import FINITE, activated

__all__ = ["SATURATING", "largest_weight", "taken_for_zero", "told_apart"]

SATURATING = ("step", "tanh", "sigmoid")
"""Activations that are finite at infinite pre-activations."""

_ZERO = len(FINITE) // 2
_MOST = float(FINITE[-1])


def largest_weight(activation: str, largest_input: float) -> np.float16:
    """The largest weight with which a first layer may be finite for all |x| <= largest_input."""
    if activation in SATURATING:
        return np.float16(_MOST)
    with np.errstate(over="ignore"):
        products = FINITE[_ZERO:] * np.float16(largest_input)
    return FINITE[_ZERO:][np.isfinite(products)][-1]


def taken_for_zero(activation: str, largest_input: float) -> int:
    """The number of inputs other than zero that no unit of a first layer tells from zero.

    Args:
        activation: Name, as in `half`.
        largest_input: A positive float16 X; inputs are all float16 with |x| <= X.
    """
    seen = activated(activation, FINITE)
    changes = np.concatenate([[0], np.cumsum(seen[1:] != seen[:-1])])
    sizes = FINITE[_ZERO:]
    low, high = 0, len(sizes)  # sizes[low] moves no bias far enough
    while high - low > 1:
        middle = (low + high) // 2
        with np.errstate(over="ignore"):
            ends = [FINITE - sizes[middle], FINITE + sizes[middle]]
        first, last = (changes[_place(end)] for end in ends)
        low, high = (middle, high) if np.array_equal(first, last) else (low, middle)
    with np.errstate(over="ignore", under="ignore"):
        products = sizes * largest_weight(activation, largest_input)
    lost = (products <= sizes[low]) & (sizes <= np.float16(largest_input))
    return 2 * (int(np.count_nonzero(lost)) - 1)


def _place(numbers: np.ndarray) -> np.ndarray:
    """Indices in `FINITE`; of what is infinite, the first or the last."""
    finite = np.clip(numbers, FINITE[0], FINITE[-1]) + np.float16(0.0)  # -0 becomes 0
    patterns = finite.view(np.uint16).astype(np.int64)
    return np.where(patterns < 2**15, _ZERO + patterns, _ZERO + 2**15 - patterns)


def told_apart(activation: str, seed: int, most_units: int = 2000) -> tuple[int, int]:
    """Into how many classes finite units divide the 63 487 numbers, and how many units were used.

    Each unit is drawn so that it changes near an input that is not yet told apart from another.
    """
    generator = np.random.default_rng(seed)
    most = float(largest_weight(activation, _MOST))
    classes = np.zeros(len(FINITE), np.int64)
    used = 0
    for _ in range(most_units):
        together = np.flatnonzero(np.bincount(classes)[classes] > 1)
        if not len(together):
            break
        p = float(FINITE[generator.choice(together)])
        spacing = np.exp2(max(np.frexp(p)[1] - 11.0, -24.0))
        width = np.exp2(generator.uniform(-9.0, 3.0)) / spacing
        if abs(p) >= 16.0:
            width = min(width, 2.0**15 / abs(p), 0.5 * most)
        weight = np.float16(min(width, most))
        shift = generator.choice([-2.0, 2.0]) * np.exp2(-generator.uniform(0.0, 25.0))
        bias = np.float16(shift - float(weight) * p)
        with np.errstate(over="ignore", under="ignore"):
            seen = activated(activation, weight * FINITE + bias)
        if np.all(np.isfinite(seen)):
            classes, used = _refined(classes, seen), used + 1
    return int(classes.max()) + 1, used


def _refined(classes: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Classes of inputs that agree so far and in what was seen now; the two zeros are one."""
    patterns = (seen + np.float16(0.0)).view(np.uint16)
    return np.unique(classes * 2**16 + patterns, return_inverse=True)[1].reshape(-1)
