"""JAX's usual random generator by NumPy: the same numbers, and no program to compile.

The few numbers that a network starts from take NumPy a fifth of a millisecond, as long as a call of
the compiled generator, which is compiled for a sixth of a second first.

Source:
    Salmon, Moraes, Dror and Shaw 2011 (Threefry-2x32 with 20 rounds). What is hashed is what JAX
    hashes where `jax_threefry_partitionable` is set, as it is by default: the position of a number.
"""

from __future__ import annotations

import numpy as np

__all__ = ["folded", "fractions", "threefry"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


def threefry(key: np.ndarray, high: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The hash of 64-bit numbers, given and returned as their halves.

    Args:
        key: Two integers, uint32.
        high: Upper halves, uint32, any shape.
        low: Lower halves.

    Example:
        >>> ones = np.full(1, 2**32 - 1, np.uint32)
        >>> [hex(half[0]) for half in threefry(np.repeat(ones, 2), ones, ones)]
        ['0x1cb996fc', '0xbb002be7']
    """
    keys = (key[:1], key[1:], key[:1] ^ key[1:] ^ _PARITY)
    high, low = high + keys[0], low + keys[1]  # arrays of unsigned integers: sums modulo 2^32
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            high = high + low
            low = low << np.uint32(bits) | low >> np.uint32(32 - bits)
            low = low ^ high
        high = high + keys[(group + 1) % 3]
        low = low + (keys[(group + 2) % 3] + np.uint32(group + 1))
    return high, low


def folded(key: np.ndarray, number: int) -> np.ndarray:
    """The data of `jax.random.fold_in`.

    Example:
        >>> import jax
        >>> key = jax.random.fold_in(jax.random.key(3), 5)
        >>> bool((folded(np.array([0, 3], np.uint32), 5) == jax.random.key_data(key)).all())
        True
    """
    return np.concatenate(threefry(key, np.zeros(1, np.uint32), np.full(1, number, np.uint32)))


def fractions(key: np.ndarray, count: int, dtype: str) -> np.ndarray:
    """The numbers of `jax.random.uniform` in [0, 1), float32 or float64.

    Example:
        >>> import jax
        >>> expected = jax.random.uniform(jax.random.key(3), (5,), "float32")
        >>> bool((fractions(np.array([0, 3], np.uint32), 5, "float32") == expected).all())
        True
    """
    high, low = threefry(key, np.zeros(count, np.uint32), np.arange(count, dtype=np.uint32))
    # The bits of a number in [1, 2): the exponent of 1, and random ones as its fraction.
    if dtype == "float32":
        bits = (high ^ low) >> np.uint32(9) | np.float32(1).view(np.uint32)
    else:
        pairs = high.astype(np.uint64) << np.uint64(32) | low
        bits = pairs >> np.uint64(12) | np.float64(1).view(np.uint64)
    one = np.ones((), dtype)
    return np.asarray(bits.view(dtype) - one)
