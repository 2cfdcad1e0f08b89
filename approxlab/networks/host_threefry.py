"""JAX's usual random generator by NumPy: the same numbers, and no program to compile.

NumPy makes the few hundred numbers of a small layer about as quickly as the compiled generator, for
whose compilation a first fit would wait.

Source:
    Salmon, Moraes, Dror and Shaw 2011 (Threefry-2x32 with 20 rounds). What is hashed is what JAX
    hashes where `jax_threefry_partitionable` is set, as it is by default: the position of a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["folded", "fractions", "threefry"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY, _ALL = 0x1BD11BDA, 0xFFFFFFFF


def threefry(key: tuple[Any, Any], high: Any, low: Any) -> tuple[Any, Any]:
    """The hash of 64-bit numbers, given and returned as their halves.

    Args:
        key: Its two halves: integers, or arrays of uint32, which are broadcast.
        high: Upper halves, of the same kind.
        low: Lower halves.

    Example:
        >>> ones = 2**32 - 1
        >>> [hex(half) for half in threefry((ones, ones), ones, ones)]
        ['0x1cb996fc', '0xbb002be7']
    """
    keys = (*key, key[0] ^ key[1] ^ _PARITY)
    high, low = (high + keys[0]) & _ALL, (low + keys[1]) & _ALL
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            high = (high + low) & _ALL
            low = (((low << bits) & _ALL) | (low >> (32 - bits))) ^ high
        high = (high + keys[(group + 1) % 3]) & _ALL
        low = (low + ((keys[(group + 2) % 3] + group + 1) & _ALL)) & _ALL
    return high, low


def folded(key: np.ndarray, number: int) -> np.ndarray:
    """The data of `jax.random.fold_in`.

    Example:
        >>> import jax
        >>> key = jax.random.fold_in(jax.random.key(3), 5)
        >>> bool((folded(np.array([0, 3], np.uint32), 5) == jax.random.key_data(key)).all())
        True
    """
    return np.array(threefry((int(key[0]), int(key[1])), 0, number), np.uint32)


def fractions(keys: np.ndarray, count: int, dtype: str) -> np.ndarray:
    """For each key, the numbers of `jax.random.uniform` in [0, 1): float32 or float64.

    Args:
        keys: Shape (k, 2).
        count: How many for each.
        dtype: "float32" or "float64".

    Example:
        >>> import jax
        >>> expected = jax.random.uniform(jax.random.key(3), (5,), "float32")
        >>> bool((fractions(np.array([[0, 3]], np.uint32), 5, "float32")[0] == expected).all())
        True
    """
    zeros = np.zeros(count, np.uint32)
    high, low = threefry((keys[:, :1], keys[:, 1:]), zeros, np.arange(count, dtype=np.uint32))
    # The bits of a number in [1, 2): the exponent of 1, and random ones as its fraction.
    if dtype == "float32":
        bits = ((high ^ low) >> 9) | np.float32(1).view(np.uint32)
    else:
        pairs = (high.astype(np.uint64) << 32) | low
        bits = (pairs >> 12) | np.float64(1).view(np.uint64)
    one = np.ones((), dtype)
    return np.asarray(bits.view(dtype) - one)
