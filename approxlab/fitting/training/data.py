"""The data of a training in one form: points in [-1, 1]^d, values of unit mean square.

Everything here is NumPy in float64: the data are prepared once, whatever the dtype of the training.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from approxlab.domains import Box
from approxlab.errors.pointwise import inside
from approxlab.evaluation import values_at
from approxlab.fitting.target_or_arrays import are_arrays, box_of, check_finite, checked_arrays

_POINTS = {1: 256, 2: 1024}  # of the training grid, by dimension
_SOBOL_POINTS = 2048


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Points and values, and the affine maps between them and their normalised form.

    The normalised points are (x - center) / half, the normalised values
    (y / unit - mean) / deviation with powers of two in `unit`. A power of two that multiplies the
    target therefore changes nothing but `unit`: exactly. Of several outputs each has its own unit
    and deviation, or all have one.

    Attributes:
        points: The points as given, shape (n, d).
        inputs: The normalised points, shape (n, d).
        values: The values divided by `unit`, shape (n, m).
        outputs: The normalised values, shape (n, m).
        center: Centre of the box, shape (d,).
        half: Half the side lengths, shape (d,).
        unit: Powers of two, just above the largest absolute values, shape (m,).
        mean: Mean of `values` over the points, shape (m,).
        deviation: Root of the mean square of `values - mean`, shape (m,); 1 for a constant.
        out_size: `None` for values of shape (), m for values of shape (m,).
        function: The target and its mask, where fresh points can be drawn.
        plain: Whether training sees points and values as they were given: then `inputs` and
            `outputs` are these, `unit` is 1, and nothing is folded into the networks.
    """

    points: np.ndarray
    inputs: np.ndarray
    values: np.ndarray
    outputs: np.ndarray
    center: np.ndarray
    half: np.ndarray
    unit: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    out_size: int | None
    function: tuple[Callable[..., Any], Callable[..., Any] | None] | None
    plain: bool = False

    @property
    def variances(self) -> np.ndarray:
        """Mean squares of the outputs about their means, in their own units, shape (m,)."""
        return np.square(self.unit * self.deviation)


def prepare(
    target: Any,
    points: int | None,
    dtype: str,
    grid: str = "uniform",
    scaling: str = "each",
    plain: bool = False,
) -> TrainingData:
    """The training data of a target, or of arrays `(X, Y)`, for training in that dtype.

    Args:
        target: A target, or arrays (X, Y).
        points: Number of training points of a target.
        dtype: That of the training.
        grid: "uniform" or "chebyshev".
        scaling: "each" to divide every output by its own spread, "common" to divide all by one.
        plain: Whether training sees points and values as they are; losses are divided all the same.

    Raises:
        ValueError: If shapes do not fit or a number is not finite, or out of the dtype's reach.
        TypeError: If the target is neither.
    """
    if are_arrays(target):
        data = _from_arrays(*checked_arrays(target, points), dtype, scaling)
    else:
        box = box_of(target)
        data = _from_target(target, box, _grid(box.dim, points, grid), dtype, scaling)
    return _as_given(data, dtype) if plain else data


def _as_given(data: TrainingData, dtype: str) -> TrainingData:
    """The same data for training in their own units; mean and deviation still measure losses."""
    values, limits = data.values * data.unit, np.finfo(dtype)
    bottom, top = math.sqrt(float(limits.tiny)) * 1024, math.sqrt(float(limits.max)) / 1024
    for size in np.abs(values).max(axis=0):
        if size > 0 and not bottom <= size <= top:
            raise ValueError(
                f"target: got values of size {size:.3g} for training in their own units in "
                f"{dtype}, expected sizes between {bottom:.0e} and {top:.0e}: their squares make "
                "the loss. Choose other units."
            )
    return dataclasses.replace(
        data,
        inputs=data.points,
        values=values,
        outputs=values,
        center=np.zeros_like(data.center),
        half=np.ones_like(data.half),
        unit=np.ones_like(data.unit),
        mean=data.mean * data.unit,
        deviation=data.deviation * data.unit,
        plain=True,
    )


def _from_target(target: Any, box: Box, cube: np.ndarray, dtype: str, scaling: str) -> TrainingData:
    placed = box.place(0.5 * (cube + 1.0))
    mask = getattr(target, "mask", None)
    keep = inside(mask, placed)
    if not keep.any():
        raise ValueError(
            f"points: none of the {len(placed)} points of the training grid lies inside the mask "
            f"of {target!r}, expected at least one. Raise points."
        )
    placed, cube = placed[keep], cube[keep]
    y = values_at(target, placed)
    check_finite("target", y, placed)
    _within("domain", 0.5 * box.widths, np.abs(placed).max(axis=0), dtype)
    sizes = _sizes(y, scaling)
    _within("target", sizes, sizes, dtype)
    return _normalised(placed, cube, y, box.center, 0.5 * box.widths, (target, mask), scaling)


def _from_arrays(x: np.ndarray, y: np.ndarray, dtype: str, scaling: str) -> TrainingData:
    lower, upper = x.min(axis=0), x.max(axis=0)
    # A coordinate that never changes has no width to divide by: it is only shifted.
    half = np.where(upper > lower, 0.5 * upper - 0.5 * lower, 1.0)
    _within("X", half, np.abs(x).max(axis=0), dtype)
    sizes = _sizes(y, scaling)
    _within("Y", sizes, sizes, dtype)
    center = 0.5 * lower + 0.5 * upper
    return _normalised(x, (x - center) / half, y, center, half, None, scaling)


def _sizes(y: np.ndarray, scaling: str) -> np.ndarray:
    """Largest absolute values: of every output, shape (m,), or of all together."""
    sizes = np.abs(y.reshape(len(y), -1)).max(axis=0)
    return sizes if scaling == "each" else np.full_like(sizes, sizes.max())


def _normalised(
    points: np.ndarray,
    inputs: np.ndarray,
    y: np.ndarray,
    center: np.ndarray,
    half: np.ndarray,
    function: Any,
    scaling: str,
) -> TrainingData:
    out_size = None if y.ndim == 1 else y.shape[1]
    y = y.reshape(len(y), -1)
    sizes = _sizes(y, scaling)
    # An output of zeros has no size of its own: it takes the least of the others.
    sizes = np.where(sizes > 0, sizes, sizes.min(where=sizes > 0, initial=np.inf))
    exponent = np.frexp(np.where(np.isfinite(sizes), sizes, 0.0))[1]
    scaled = np.ldexp(y, -exponent)
    mean = scaled.mean(axis=0)
    deviation = _deviations(scaled - mean, scaling)
    # A constant minus its mean leaves rounding, which must not be magnified.
    deviation = np.where(deviation > 8 * np.finfo(float).eps, deviation, 1.0)
    return TrainingData(
        points=points,
        inputs=inputs,
        values=scaled,
        outputs=(scaled - mean) / deviation,
        center=center,
        half=half,
        unit=np.ldexp(1.0, exponent),
        mean=mean,
        deviation=deviation,
        out_size=out_size,
        function=function,
    )


def _deviations(centred: np.ndarray, scaling: str) -> np.ndarray:
    """Roots of the mean squares, of every output or of all together, shape (m,)."""
    count = centred.shape[1]
    parts = np.split(centred, count, axis=1) if scaling == "each" else [centred] * count
    return np.array([np.sqrt(np.mean(np.square(part))) for part in parts])


def _grid(dim: int, points: int | None, grid: str) -> np.ndarray:
    """Training points in [-1, 1]^d: a tensor grid in one and two dimensions, Sobol beyond.

    Chebyshev's points, also of Sobol's, lie denser towards the faces, where a fit that nearly
    interpolates would oscillate.
    """
    count = _POINTS.get(dim, _SOBOL_POINTS) if points is None else points
    cube = Box.cube(-1.0, 1.0, dim)
    if dim > 2:
        points_ = cube.sobol(count)
        return np.sin(0.5 * np.pi * points_) if grid == "chebyshev" else points_
    side = max(2, round(count ** (1.0 / dim)))
    if grid == "uniform":
        return cube.uniform(side)
    nodes = -np.cos((np.arange(side) + 0.5) * np.pi / side)
    return np.stack(np.meshgrid(*[nodes] * dim, indexing="ij"), axis=-1).reshape(-1, dim)


def _within(name: str, least: Any, largest: Any, dtype: str) -> None:
    """Refuse sizes that the dtype cannot hold with room for weights, or whose squares overflow."""
    limits = np.finfo(dtype)
    top = min(float(limits.max) / 1024, math.sqrt(np.finfo(float).max) / 1024)
    bottom = max(float(limits.tiny) * 1024, math.sqrt(np.finfo(float).tiny) * 1024)
    small, large = np.atleast_1d(least), np.atleast_1d(largest)
    wrong = [v for v in small if 0 < v < bottom] + [v for v in large if v > top]
    if wrong:
        raise ValueError(
            f"{name}: got numbers of size {wrong[0]:.3g}, expected sizes between {bottom:.0e} and "
            f"{top:.0e} for training in {dtype}. Choose other units"
            f"{' or dtype=' + repr('float64') if dtype == 'float32' else ''}."
        )
