"""The sup norm, estimated on a grid and refined by a local search."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from approxlab.claims import Estimate
from approxlab.domains import Box
from approxlab.errors._narrow_parts import between_edges, narrow_points, network_edges
from approxlab.errors.pointwise import (
    Function,
    box_and_mask,
    check_relative,
    inside,
    measured,
    model_minus_target,
    not_finite_entry,
    not_finite_value,
)
from approxlab.evaluation import settled, values_at

__all__ = ["sup"]

_CANDIDATES = 48
_GRID_POINTS = {1: 4097, 2: 129, 3: 33}  # per axis; beyond, Sobol points
_SOBOL_POINTS = 2**15
_DIRECTIONS = 16  # drawn per dimension and round of the local search


def sup(
    model: Function,
    target: Function,
    domain: Box | None = None,
    *,
    points: int | None = None,
    relative: bool = False,
) -> Estimate:
    """Estimate max |model(x) - target(x)| over the box (and mask) of the target.

    The largest values on a grid are refined by a local search: a stencil around each of the best
    local maxima moves and shrinks until it is as small as rounding allows. In one dimension, points
    beside kinks, at kinks or steep units of an `MLP` and in narrow parts of model and target
    (`approxlab.resolution`) are searched as well. Of a piecewise linear `MLP` of one variable every
    piece is looked at (`approxlab.regions`), so that no spike between two kinks is missed: against
    another one, or a target that is linear between its `kinks`, the result is the sup norm up to
    rounding of the two programs. Only of a deep one of more than 2^14 pieces (fewer if it has
    layers of more than 256 units), or one with so many ties of its units that they would take many
    seconds, spikes far narrower than the grid can be missed, as those of functions that are not
    such networks. On smooth errors the result agrees with the true sup norm to about 1e-10
    relative, provided that the grid resolves the oscillations of the error; at the curved edge of a
    mask, to about 1e-5. It never exceeds the true value by more than rounding.

    Args:
        model: A function of one point of shape (d,) with values of shape () or (m,); for vectors
            the largest component counts.
        target: The same; a `Target` brings its domain and mask along.
        domain: The box; by default `target.domain`.
        points: Grid points per axis in up to 3 dimensions (default 4097, 129, 33), the number of
            Sobol points beyond (default 32768; corners are added).
        relative: Divide by the sup norm of the target on the domain, estimated alike.

    Returns:
        An `Estimate` whose `at` is the point where the value is attained. Its value is `nan` if
        model or target is not finite at a sampled point, or holds an array that is not; `at` then
        names that point, and `problem` the first such number.

    Raises:
        ValueError: If there is no domain, or the shapes of the values differ.
        TypeError: If model or target is not a function, such as a name or a class.

    Example:
        >>> import jax, math
        >>> error = sup(lambda x: jax.numpy.tanh(x[0]), lambda x: x[0], Box([0.0], [1.0]))
        >>> abs(float(error) - (1 - math.tanh(1.0))) < 1e-6
        True
    """
    box, mask = box_and_mask(model, target, domain)
    check_relative(relative)
    about = measured(target, box)
    if points is not None and (not isinstance(points, int) or points < 2):
        raise ValueError(f"points: got {points!r}, expected an integer of at least 2.")
    if problem := not_finite_entry(model=model, target=target):
        return Estimate(math.nan, "sup", 0, relative, problem=problem)
    special = _beside(getattr(target, "kinks", None), box)
    model, target = settled(model), settled(target)
    pieces = np.empty((0, 2)), np.empty(0)
    if box.dim == 1:
        edges = [network_edges(function, box) for function in (model, target)]
        narrow = [narrow_points(model, box, edges[0]), narrow_points(target, box, edges[1])]
        special = np.concatenate([special, *(part[:, None] for part in narrow)])
        pieces = _inside_pieces(edges, getattr(target, "kinks", None), box, points)
    sample = _Sampler(lambda x: model_minus_target(model, target, x), mask)
    value, at = _maximise(sample, box, points, special, pieces)
    scale = _Sampler(lambda x: values_at(target, x), mask)
    if relative and sample.bad is None:
        size, _ = _maximise(scale, box, points, special, pieces)
        value = value / size if size > 0 else math.inf if value > 0 else 0.0
    bad = sample.bad or scale.bad
    if bad is not None:
        problem = not_finite_value(bad, model=model, target=target)
        return Estimate(math.nan, "sup", sample.count, relative, bad, problem=problem)
    return Estimate(value, "sup", sample.count, relative, at, target=about)


@dataclasses.dataclass
class _Sampler:
    """Absolute values at points, with a count of the points and a note of the first bad one."""

    function: Callable[[np.ndarray], np.ndarray]
    mask: Function | None
    count: int = 0
    bad: tuple[float, ...] | None = None

    def __call__(self, points: np.ndarray) -> np.ndarray:
        self.count += len(points)
        counts = inside(self.mask, points)
        size = np.abs(self.function(points)).reshape(len(points), -1).max(axis=1)
        wrong = counts & ~np.isfinite(size)
        if self.bad is None and np.any(wrong):
            self.bad = tuple(float(v) for v in points[np.argmax(wrong)])
        return np.where(counts, size, -np.inf)


def _inside_pieces(
    edges: list[np.ndarray | None],
    kinks: Sequence[float] | None,
    box: Box,
    points: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Points in those pieces of a network that the grid passes over, and their distances.

    Two networks differ by a linear function between their kinks, so that no such points are needed.
    """
    found = [own for own in edges if own is not None]
    if len(found) != 1:
        return np.empty((0, 2)), np.empty(0)
    inner = [k for k in kinks or () if box.lower[0] < k < box.upper[0]]
    spacing = float(box.widths[0]) / ((points or _GRID_POINTS[1]) - 1)
    return between_edges(np.unique([*found[0], *inner]), spacing)


def _beside(kinks: Sequence[float] | None, box: Box) -> np.ndarray:
    """Points on both sides of the kinks of a target of one variable, at all scales.

    A network may have a kink close to that of the target: the error there is a spike that lies
    between two grid points.
    """
    if box.dim != 1 or not kinks:
        return np.empty((0, box.dim))
    scales = int(np.clip(10_000 // len(kinks), 2, 40))
    offsets = float(box.widths[0]) * 2.0 ** -np.linspace(8.0, 47.0, scales)
    positions = np.asarray(kinks)[:, None] + np.concatenate([-offsets, [0.0], offsets])
    return np.clip(positions.reshape(-1, 1), box.lower, box.upper)


def _maximise(
    sample: _Sampler,
    box: Box,
    points: int | None,
    special: np.ndarray,
    pieces: tuple[np.ndarray, np.ndarray],
) -> tuple[float, tuple[float, ...] | None]:
    grid, spacing, shape = _grid(box, points)
    values = sample(grid)
    if sample.bad is not None or not np.any(values >= 0):
        if sample.bad is None:
            raise ValueError("mask: no grid point lies inside, expected a mask that holds some.")
        return math.nan, None
    centers = grid[_candidates(grid, values, spacing, shape)]
    radii = np.broadcast_to(spacing, centers.shape)
    if len(special):
        there = sample(special)
        largest = np.argsort(-there, kind="stable")[: _CANDIDATES // 4]
        centers = np.concatenate([centers, special[largest]])
        # The search widens its stencil where the best point lies at the rim.
        radii = np.concatenate([radii, np.full((len(largest), 1), 1e-9 * float(box.widths[0]))])
    if len(pieces[0]):
        least = max(float(np.max(values)), float(np.max(there)) if len(special) else -math.inf)
        more, distances = _highest_pieces(sample, *pieces, least)
        centers, radii = np.concatenate([centers, more]), np.concatenate([radii, distances])
    best, value = _search(sample, box, centers, radii)
    winner = int(np.argmax(value))
    if value[winner] >= values.max():
        return float(value[winner]), tuple(float(v) for v in best[winner])
    top = int(np.argmax(values))
    return float(values[top]), tuple(float(v) for v in grid[top])


def _highest_pieces(
    sample: _Sampler, places: np.ndarray, distances: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """The best point of every piece whose error may be above `least`, as its differences show."""
    values = sample(places.reshape(-1, 1)).reshape(places.shape)
    with np.errstate(invalid="ignore"):  # outside of a mask values are -inf
        second = np.abs(np.diff(values, 2, axis=1)).max(axis=1, initial=0.0)
        rise = second if places.shape[1] > 2 else np.ptp(values, axis=1)
    top = values.max(axis=1)
    able = np.flatnonzero(~(top + rise < least))
    chosen = able[np.argsort(-top[able], kind="stable")[: _CANDIDATES // 4]]
    best = np.argmax(values[chosen], axis=1)
    return places[chosen, best][:, None], distances[chosen][:, None]


def _grid(box: Box, points: int | None) -> tuple[np.ndarray, np.ndarray, tuple[int, ...] | None]:
    """Points, the radius of the neighbourhood each stands for, and the shape of a tensor grid."""
    if box.dim <= 3:
        n = points if points is not None else _GRID_POINTS[box.dim]
        return box.uniform(n), box.widths / (n - 1), (n,) * box.dim
    n = points if points is not None else _SOBOL_POINTS
    scattered = box.sobol(n)
    if box.dim <= 12:
        scattered = np.concatenate([scattered, box.corners()])
    return scattered, box.widths * n ** (-1.0 / box.dim), None


def _candidates(
    grid: np.ndarray, values: np.ndarray, spacing: np.ndarray, shape: tuple[int, ...] | None
) -> np.ndarray:
    """Indices of the largest local maxima of the grid values, at most `_CANDIDATES`."""
    if shape is not None:
        tensor = values.reshape(shape)
        peaks = np.flatnonzero(_is_peak(tensor).ravel() & (values >= 0))
        heights = _vertex(tensor).ravel()[peaks]
        return peaks[np.argsort(-heights, kind="stable")][:_CANDIDATES]
    chosen: list[int] = []
    for index in np.argsort(-values, kind="stable")[: 50 * _CANDIDATES]:
        far = np.all([np.max(np.abs(grid[index] - grid[j]) / spacing) > 0.5 for j in chosen])
        if far and values[index] >= 0:
            chosen.append(int(index))
        if len(chosen) == _CANDIDATES:
            break
    return np.array(chosen)


def _is_peak(values: np.ndarray) -> np.ndarray:
    """Where a grid value is a local maximum along every axis; of a plateau, its first point."""
    peak = np.ones(values.shape, bool)
    for axis in range(values.ndim):
        v, p = np.moveaxis(values, axis, 0), np.moveaxis(peak, axis, 0)
        p[1:] &= v[1:] > v[:-1]
        p[:-1] &= v[:-1] >= v[1:]
    return peak


def _vertex(values: np.ndarray) -> np.ndarray:
    """Heights of the parabolas through neighbours: grid values alone rank peaks by their luck."""
    height = np.where(np.isfinite(values), values, 0.0)
    total = height.copy()
    for axis in range(values.ndim):
        v, t = np.moveaxis(height, axis, 0), np.moveaxis(total, axis, 0)
        curvature = 2 * v[1:-1] - v[:-2] - v[2:]
        rise = np.divide(
            (v[2:] - v[:-2]) ** 2, 8 * curvature, out=np.zeros_like(curvature), where=curvature > 0
        )
        t[1:-1] += np.minimum(rise, curvature)
    return total


def _search(
    sample: _Sampler, box: Box, centers: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move a stencil around each centre to its best point; halve it where the centre stays best.

    A pattern search needs no derivatives, so it serves kinks and jumps too. In one dimension the
    stencil has 17 points and a maximum lies between the neighbours of the best one, which allows
    to shrink eightfold at once.
    """
    rng = np.random.default_rng(0)
    rounds, shrink = (40, 0.125) if box.dim == 1 else (90, 0.5)
    everyone = np.arange(len(centers))
    value = np.full(len(centers), -np.inf)
    for _ in range(rounds):
        stencil = _stencil(box.dim, rng)
        offsets = centers[:, None, :] + radii[:, None, :] * stencil[None, :, :]
        trial = np.clip(offsets, box.lower, box.upper)
        values = sample(trial.reshape(-1, box.dim)).reshape(len(centers), -1)
        if sample.bad is not None:
            break
        best = np.argmax(values, axis=1)
        stays = values[everyone, best] <= np.maximum(value, values[:, 0])
        best = np.where(stays, 0, best)  # stencil point 0 is the centre
        centers, value = trial[everyone, best], values[everyone, best]
        inner = np.max(np.abs(stencil[best]), axis=1) < 1.0
        # In one dimension a point of the rim asks for a wider stencil.
        factor = np.where(inner, shrink, 4.0) if box.dim == 1 else np.where(stays, shrink, 1.0)
        radii = radii * factor[:, None]
        if np.all(radii < 1e-14 * box.widths):
            break
    return centers, value


def _stencil(dim: int, rng: np.random.Generator) -> np.ndarray:
    """Offsets in [-1, 1]^d, the centre first.

    Beyond one dimension most are drawn anew in every round: a fixed set of directions gets stuck
    on a narrow ridge or on the curved edge of a mask that none of them follows.
    """
    if dim == 1:
        axis = np.linspace(-1.0, 1.0, 17)
        return np.concatenate([[[0.0]], axis[axis != 0.0, None]])
    axes = np.concatenate([np.eye(dim), -np.eye(dim)])
    drawn = rng.uniform(-1.0, 1.0, (_DIRECTIONS * dim, dim))
    return np.concatenate([np.zeros((1, dim)), axes, drawn])
