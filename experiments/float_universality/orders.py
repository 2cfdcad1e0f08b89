"""Orders in which a sum is computed in float16, and a proof that none of them matters.

A sum is the same in every order, whatever the tree of its additions, where at most two terms are
not zero; and where all terms are multiples of one power of two g, and their absolute values add up
to at most 2^11 g: then every partial sum is a multiple of g of at most 2^11 g, which float16 has,
and no addition is rounded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["ORDERS", "Independence", "order"]

_GRID = 2.0**24  # every finite float16 is a multiple of 2^-24
_WHOLE = 2**11
_FEW = 8


def _one_by_one(terms: np.ndarray) -> np.ndarray:
    total = terms[0].copy()
    for term in terms[1:]:
        total += term
    return total


def _pairwise(terms: np.ndarray) -> np.ndarray:
    while len(terms) > 1:
        odd = terms[len(terms) - len(terms) % 2 :]
        terms = np.concatenate([terms[0 : len(terms) - len(odd) : 2] + terms[1::2], odd])
    return terms[0]


def _smallest_first(terms: np.ndarray) -> np.ndarray:
    """The sign is moved to the lowest bit, so that integers are ordered by absolute value."""
    patterns = terms.view(np.uint16)
    keys = (patterns << 1) | (patterns >> 15)
    if len(keys) > _FEW:
        keys.sort(axis=0)
    else:
        for end in range(len(keys) - 1, 0, -1):  # bubble sort of whole arrays
            for i in range(end):
                first, second = keys[i].copy(), keys[i + 1]
                np.minimum(first, second, out=keys[i])
                np.maximum(first, second, out=keys[i + 1])
    return _one_by_one(((keys >> 1) | (keys << 15)).view(np.float16))


def _random(seed: int) -> Callable[[np.ndarray], np.ndarray]:
    generator = np.random.default_rng(seed)
    return lambda terms: _one_by_one(terms[generator.permutation(len(terms))])


ORDERS = (
    "left to right",
    "right to left",
    "pairwise",
    "smallest first",
    "random",
)


def order(name: str, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """The function that adds terms along the first axis in this order, each sum rounded.

    A random order is drawn anew for every layer and every group of inputs.
    """
    return {
        "left to right": _one_by_one,
        "right to left": lambda terms: _one_by_one(terms[::-1]),
        "pairwise": _pairwise,
        "smallest first": _smallest_first,
        "random": _random(seed),
    }[name]


class Independence:
    """Counts sums, and those that are proved to be the same in every order.

    Attributes:
        sums: Sums seen.
        proved: Those of at most two terms, or without rounding in any order.
    """

    def __init__(self) -> None:
        self.sums = 0
        self.proved = 0

    def __call__(self, terms: np.ndarray) -> None:
        """Looks at the sums of terms of shape (terms, units, inputs) along the first axis."""
        self.sums += terms[0].size
        if len(terms) <= 2:
            self.proved += terms[0].size
            return
        counts = np.zeros(terms[0].shape, np.int32)
        for term in terms:
            counts += term != 0
        several = counts > 2
        self.proved += several.size - int(np.count_nonzero(several))
        long = terms[:, several].astype(np.float64)
        finite = np.all(np.isfinite(long), axis=0)
        whole = np.abs(_GRID * long[:, finite]).astype(np.int64)
        together = np.bitwise_or.reduce(whole, axis=0)
        self.proved += int(
            np.count_nonzero(np.sum(whole, axis=0) <= _WHOLE * (together & -together))
        )
