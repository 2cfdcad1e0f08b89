"""Functions on the finite float16, as tables of their values at `FINITE`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.float_universality.half import FINITE

__all__ = ["FUNCTIONS", "at_inputs", "table"]


def _steps_of_logistic(count: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.round(count / (1.0 + np.exp(-x))) / count


FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sign": np.sign,
    "powers": lambda x: np.exp2(np.floor(x)),  # 0 below, infinite above
    "logistic in 64 steps": _steps_of_logistic(64),
    "logistic in 256 steps": _steps_of_logistic(256),
    "bell": lambda x: np.exp(-0.5 * x * x),
    "sine": np.sin,
    "identity": lambda x: x,
}


def table(name: str, seed: int) -> np.ndarray:
    """The function's values, rounded to float16, shape (63487,); "random" is drawn by the seed.

    The table is the function that a network is asked to equal, in its last bit too.
    """
    if name == "random":
        return np.random.default_rng(seed).choice(FINITE, len(FINITE))
    with np.errstate(over="ignore"):
        return FUNCTIONS[name](FINITE.astype(np.float64)).astype(np.float16)


def at_inputs(numbers: np.ndarray) -> np.ndarray:
    """The table at `INPUTS`: -0 has the value of 0."""
    zero = len(FINITE) // 2
    return np.insert(numbers, zero, numbers[zero])
