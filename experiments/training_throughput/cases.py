"""The networks that are trained, and the number of operations of one step."""

from __future__ import annotations

import dataclasses

import numpy as np

_ONE_THREAD_BEST = 2**15  # hidden units times points up to which one thread is faster than two


@dataclasses.dataclass(frozen=True)
class Case:
    """Widths of the hidden layers, number of training points, number of networks."""

    widths: tuple[int, ...]
    points: int
    seeds: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of units of every layer."""
        return (1, *self.widths, 1)

    @property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Training points (n, 1) and values (n,)."""
        x = np.linspace(-1.0, 1.0, self.points, dtype=np.float32)[:, None]
        return x, np.sin(3.0 * x[:, 0])

    @property
    def small(self) -> bool:
        """Whether one thread is faster than two, whose synchronisation takes longer than a step."""
        return max(self.widths) * self.points < _ONE_THREAD_BEST


def product_flops(case: Case) -> int:
    """The exact number of floating-point operations of the matrix products in one step.

    A layer from n to m units multiplies (m, n) by (n, points): 2 m n points operations forward, as
    many for the gradient of its weights, and, except in the first layer, as many for that of its
    inputs.
    """
    pairs = list(zip(case.sizes[:-1], case.sizes[1:], strict=True))
    forward = [2 * m * n * case.points for n, m in pairs]
    return 3 * sum(forward) - forward[0]
