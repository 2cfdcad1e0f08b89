"""The matrix of features at points: held where it is small, else computed again by blocks of rows.

So memory holds a large matrix once, in the solve, and not a second time for sizes of columns,
residuals and singular values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from approxlab.evaluation import values_at
from approxlab.fitting.target_or_arrays import check_finite
from approxlab.regression.bases import Basis
from approxlab.regression.models import OwnFeatures

__all__ = ["FeatureRows"]

_BLOCK_ENTRIES = 2**21  # 16 MiB


class FeatureRows:
    """Blocks of rows of the matrix of features, and the largest size of each column.

    Attributes:
        shape: Points and features.
        sizes: The largest absolute value in each column, shape (n,).

    Raises:
        ValueError: If a value is not finite.
    """

    def __init__(self, features: Basis | OwnFeatures, points: np.ndarray, count: int) -> None:
        self._features, self._points = features, points
        self._rows = max(1, _BLOCK_ENTRIES // count)
        self.shape = len(points), count
        self._held: np.ndarray | None = None
        self.sizes = np.zeros(count)
        for first, block in zip(range(0, len(points), self._rows), self.blocks(), strict=True):
            check_finite("features", block, points[first : first + self._rows])
            self.sizes = np.maximum(self.sizes, np.max(np.abs(block), axis=0))
            if len(block) == len(points):
                self._held = block

    def blocks(self) -> Iterator[np.ndarray]:
        """From the first row to the last, in float64."""
        if self._held is not None:
            yield self._held
            return
        for first in range(0, len(self._points), self._rows):
            part = self._points[first : first + self._rows]
            yield (
                self._features.matrix(part)
                if isinstance(self._features, Basis)
                else values_at(self._features, part)
            )

    def weighted(self, weights: np.ndarray | None) -> Iterator[np.ndarray]:
        """The blocks, rows multiplied by the square roots of their weights."""
        first = 0
        for block in self.blocks():
            if weights is not None:
                roots = np.sqrt(np.asarray(weights[first : first + len(block)], np.float64))
                first += len(block)
                block = block * roots[:, None]
            yield block
