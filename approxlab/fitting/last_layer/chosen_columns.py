"""The columns of a matrix that a solve has chosen: held where small, else taken block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

__all__ = ["ChosenColumns"]

_HELD = 2**22  # entries: 32 MiB

Blocks = Callable[[], Iterator[np.ndarray]]


class ChosenColumns:
    """Some columns of a matrix given by blocks of its rows.

    Attributes:
        shape: Rows, and columns chosen.
        dtype: That of the blocks.
        sizes: The largest absolute value in each column, shape (r,).
    """

    def __init__(self, blocks: Blocks, rows: int, columns: np.ndarray, dtype: np.dtype) -> None:
        self._given, self._columns = blocks, columns
        self.shape, self.dtype = (rows, len(columns)), dtype
        self._held: np.ndarray | None = None
        if rows * len(columns) <= _HELD:
            parts = list(self.blocks())
            self._held = parts[0] if len(parts) == 1 else np.concatenate(parts)
        self.sizes = np.zeros(len(columns), dtype)
        for block in self.blocks():
            self.sizes = np.maximum(self.sizes, np.max(np.abs(block), axis=0, initial=0.0))

    def blocks(self) -> Iterator[np.ndarray]:
        """From the first row to the last."""
        if self._held is not None:
            yield self._held
            return
        for block in self._given():
            yield block[:, self._columns]

    def times(self, x: np.ndarray) -> np.ndarray:
        """The matrix times a vector, in the dtype of the vector."""
        return np.concatenate([block.astype(x.dtype, copy=False) @ x for block in self.blocks()])

    def factored(self) -> tuple[np.ndarray, np.ndarray]:
        """An orthonormal basis of the columns, and R: of a large matrix in its own memory."""
        if self._held is not None:
            basis, triangle = np.linalg.qr(self._held)
            return basis, triangle
        from scipy.linalg import qr

        matrix, first = np.empty(self.shape, self.dtype, order="F"), 0
        for block in self.blocks():
            matrix[first : first + len(block)] = block
            first += len(block)
        basis, triangle = qr(matrix, mode="economic", overwrite_a=True)
        return basis, triangle
