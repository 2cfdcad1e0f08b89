"""Grids of cells, and networks whose first layer has one sigmoid per face between cells."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from approxlab.constructions.sigmoid_shapes import STEEPNESS
from approxlab.domains import Box
from approxlab.evaluation import values_at
from approxlab.networks.mlp import MLP
from approxlab.targets.target import Target

DEFAULT_GAIN = 32.0
_MOST_GAIN = 1e30  # weights do not overflow in float32
MAX_WEIGHTS = 2**25  # of the second layer: 256 MiB in float64


def gains(activation: str, gain: float | None, outer_gain: float | None) -> tuple[float, float]:
    """Both gains as numbers; infinite for Heaviside units."""
    if activation not in STEEPNESS:
        raise ValueError(
            f"activation: got {activation!r}, expected one of {', '.join(STEEPNESS)}: a threshold "
            "needs an activation with a limit on both sides."
        )
    for name, value in (("gain", gain), ("outer_gain", outer_gain)):
        if value is None:
            continue
        if activation == "heaviside":
            raise ValueError(
                f"{name}: got {value!r} with heaviside units, expected None: they have no slope."
            )
        if isinstance(value, bool) or not (0.0 < value <= _MOST_GAIN):
            raise ValueError(
                f"{name}: got {value!r}, expected a positive finite number up to {_MOST_GAIN:g}. "
                "For infinitely steep units write activation='heaviside'."
            )
    if activation == "heaviside":
        return math.inf, math.inf
    first = DEFAULT_GAIN if gain is None else float(gain)
    return first, first if outer_gain is None else float(outer_gain)


@dataclasses.dataclass(frozen=True)
class Grid:
    """A box cut into equal cells, n_k of them along axis k.

    Attributes:
        box: The box.
        counts: n_k, cells along each axis.
    """

    box: Box
    counts: tuple[int, ...]

    @classmethod
    def of(cls, target: Target, n: int | Sequence[int] | None) -> Grid:
        """The grid of a target; refuses one that would not fit into memory."""
        if not isinstance(target, Target):
            raise TypeError(
                f"target: got {type(target).__name__}, expected a Target. "
                "Write al.Target(fn, domain=..., lipschitz=...)."
            )
        counts = tuple(n) if isinstance(n, Sequence) else (n,) * target.dim
        cells = [m for m in counts if isinstance(m, int | np.integer) and not isinstance(m, bool)]
        if len(cells) != target.dim or min(cells) < 1 or max(cells) < 2:
            raise ValueError(
                f"n: got {n!r}, expected the number of cells along each of {target.dim} axes, an "
                "integer of at least 2 or a list of them (1 where an axis is not to be cut)."
            )
        grid = cls(target.domain, tuple(int(m) for m in cells))
        if grid.num_weights > MAX_WEIGHTS:
            raise ValueError(f"n: got {n!r}, which takes {grid.size_in_words()}.")
        return grid

    @property
    def dim(self) -> int:
        return self.box.dim

    @property
    def num_cells(self) -> int:
        return math.prod(self.counts)

    @property
    def num_faces(self) -> int:
        """Interior faces, summed over the axes: units of the first layer."""
        return sum(self.counts) - self.dim

    @property
    def num_weights(self) -> int:
        """Weights of a second layer with one unit per cell."""
        return self.num_cells * self.num_faces

    @property
    def cell_widths(self) -> np.ndarray:
        return self.box.widths / np.asarray(self.counts)

    @property
    def first_units(self) -> list[int]:
        """For each axis, the index of its first unit in the first layer."""
        return [sum(self.counts[:k]) - k for k in range(self.dim)]

    @property
    def faces(self) -> list[np.ndarray]:
        """Positions of the interior faces of each axis."""
        return [
            low + width * np.arange(1, m)
            for low, width, m in zip(self.box.lower, self.cell_widths, self.counts, strict=True)
        ]

    def cell_indices(self) -> np.ndarray:
        """Index of every cell along every axis, shape (cells, d); the last axis varies fastest."""
        return np.indices(self.counts).reshape(self.dim, -1).T

    def midpoint_values(self, target: Target) -> np.ndarray:
        """Values of the target at the midpoints of all cells, shape n_1 x ... x n_d."""
        return values_at(target, self.box.midpoints(self.counts)).reshape(self.counts)

    def size_in_words(self) -> str:
        """The size of the network, and the largest allowed one."""
        return (
            f"{_short(self.num_cells)} units in the second layer with {_short(self.num_weights)} "
            f"weights ({_short(self.num_weights, 3, 2**27)} GiB), expected at most "
            f"{MAX_WEIGHTS} weights"
        )


def _short(count: int, digits: int = 4, unit: int = 1) -> str:
    """A large integer as text, divided by `unit`; it may be too large for a float: 10^400."""
    if count < 1e300:
        return f"{count / unit:.{digits}g}"
    return f"10^{math.floor(math.log10(count // unit))}"


def two_layers(
    faces: Sequence[Sequence[float] | np.ndarray],
    cell_widths: np.ndarray,
    rows: np.ndarray,
    bias: np.ndarray,
    heights: np.ndarray,
    constant: float,
    activation: str,
    gain: float,
    outer_gain: float,
) -> MLP:
    """The network constant + sum_i heights_i theta(rows_i . s + bias_i), with one ridge s per face.

    Here s = S(gain (x_k - face) / h_k), theta(z) = S(outer_gain z) and S(z) = 1 / (1 + exp(-4 z)).
    As S(z) is (1 + tanh(2 z)) / 2, tanh units give the same function.
    """
    axis = np.repeat(np.arange(len(faces)), [len(f) for f in faces])
    slope = 1.0 / cell_widths[axis]
    first = np.zeros((len(axis), len(faces)))
    first[np.arange(len(axis)), axis] = slope
    shift = -slope * np.concatenate([np.asarray(f, float) for f in faces])
    factor = STEEPNESS[activation]
    inner, outer = (1.0, 1.0) if math.isinf(gain) else (factor * gain, factor * outer_gain)
    weights: list[Any] = [inner * first, outer * rows, heights[None, :]]
    biases: list[Any] = [inner * shift, outer * bias, np.array([constant])]
    if activation == "tanh":
        for layer in (1, 2):
            biases[layer] = biases[layer] + 0.5 * weights[layer].sum(axis=1)
            weights[layer] = 0.5 * weights[layer]
    return MLP.from_arrays(weights, biases, activation)


def face_displacement(dtype: Any, reach: float) -> float:
    """How far rounding may move a face: w x + b, with w, b rounded, errs by 4 eps |w| reach."""
    return 4.0 * float(np.finfo(dtype).eps) * reach
