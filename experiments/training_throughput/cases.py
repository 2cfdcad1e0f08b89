"""What is trained, and how many operations one step of it takes."""

from __future__ import annotations

import dataclasses

import numpy as np

_ONE_THREAD_BEST = 2**15  # hidden units times points up to which one thread is the faster


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained: widths of the hidden layers, points, and networks."""

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
        """Whether one thread trains it faster than two: their meeting takes longer than a step."""
        return max(self.widths) * self.points < _ONE_THREAD_BEST


def product_flops(case: Case) -> int:
    """Floating-point operations of the matrix products in one step: exactly.

    A layer from n to m units multiplies (m, n) by (n, points): 2 m n points operations forward, as
    many for the gradient of its weights, and as many for that of its inputs, but in the first one.
    """
    pairs = list(zip(case.sizes[:-1], case.sizes[1:], strict=True))
    forward = [2 * m * n * case.points for n, m in pairs]
    return 3 * sum(forward) - forward[0]
