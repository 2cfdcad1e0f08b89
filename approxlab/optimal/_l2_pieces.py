"""Lower bound on the least L2 error of n affine pieces, which may be discontinuous at the knots.

Let e(I) be the least squared L2 error of an affine function on the interval I. If J lies in I, then
e(J) <= e(I). So a piece may be replaced by the grid cells that lie completely between its two
knots; the cell that contains a knot is left out, wherever in the cell the knot lies. The minimum
over all choices of n - 1 cells is therefore at most the minimum over all knots. A dynamic program
finds it. Each knot costs one cell: with m cells per piece the bound is about (1 - 1/m)^(5/2) times
the least error.

The program considers only pieces of at most W cells, where W is such that every run of W cells has
e > `above`. A partition with a longer piece has an error above `above`, so the minimum of `above`
and of the errors of the other partitions is a lower bound.

For up to 16 pieces the program counts the pieces. For more pieces, each piece costs a penalty mu:
the least penalised error minus n mu is a lower bound for every mu (weak duality), and the program
searches for the best mu. This program looks at few of the W starts of a last piece, and finds what
it would find with all: the error of a run of cells grows with the run, so what a start costs at one
end is at most what it costs at later ends, and one start bounds the least cost at all ends of a
block from above.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

__all__ = ["Cells", "Lower", "lower_bound"]

Function = Callable[[np.ndarray], np.ndarray]

_EPS = float(np.finfo(np.float64).eps)
_NODES = 8
_ROWS = 64  # errors are tabulated for this many ends of pieces at once
_MANY = 2**14  # errors, above which one more look at their span pays
_KEPT = 2**26  # bytes of moments
_LAYERS = 16
_PENALTIES = 8
# The search ends when ((k - n) / n)^2 is below this, for k pieces found; a better penalty would
# improve the bound by about ten times that square.
_NEAR = 1e-4


@dataclasses.dataclass(frozen=True)
class Cells:
    """Values of a function at the Gauss-Legendre nodes of the cells of a grid.

    Attributes:
        grid: Ends of the cells, shape (M + 1,).
        points: Nodes, shape (M, 8).
        values: Values at the nodes, shape (M, 8).
        weights: Weights of the unit cell, shape (8,).
    """

    grid: np.ndarray
    points: np.ndarray
    values: np.ndarray
    weights: np.ndarray

    @classmethod
    def sample(cls, function: Function, grid: np.ndarray) -> Cells:
        """Evaluate a function on the cells of a grid."""
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        points = grid[:-1, None] + np.diff(grid)[:, None] * (0.5 + 0.5 * nodes)
        values = function(points.ravel()).reshape(points.shape)
        return cls(grid, points, values, 0.5 * weights)

    def __len__(self) -> int:
        return len(self.points)

    def squared_errors(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Errors e of the cells starts[k]..ends[k]-1; the runs should lie close together."""
        first = int(starts[0])
        moments = self.moments(first, int(ends[-1]))
        return _errors(moments, moments[:, starts - first], moments[:, ends - first])

    def band(self, first: int, last: int, reach: int) -> np.ndarray:
        """Errors e of the cells b-reach+c..b-2 in row b - first and column c, b from first to last.

        Zero for an empty run of cells; infinite for a run that starts before the grid.
        """
        low, rows = max(0, first - reach), last - first + 1
        missing = low - (first - reach)
        moments = self.moments(low, last - 1)
        padded = np.concatenate([np.repeat(moments[:, :1], missing, axis=1), moments], axis=1)
        starts = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=1)
        ends = padded[:, reach - 1 :, None]
        errors = _errors(moments, starts, ends)
        for row in range(min(rows, missing)):
            errors[row, : missing - row] = np.inf
        return errors

    def moments(self, first: int, last: int) -> np.ndarray:
        """Sums from cell `first` on: positions and integrals of g, g t and g^2; shape (4, N + 1).

        The first row holds t at the ends of the cells. Here g is the function minus a chord over
        the cells first..last-1, and t is the position relative to their middle. With this choice
        cancellation in e costs about four digits instead of all.
        """
        x, y, h = self.points[first:last], self.values[first:last], np.diff(self.grid)[first:last]
        if last <= first:
            return np.zeros((4, 1))
        origin = 0.5 * (self.grid[first] + self.grid[last])
        slope = (y[-1, -1] - y[0, 0]) / (x[-1, -1] - x[0, 0])
        t, g = x - origin, y - y[0, 0] - slope * (x - x[0, 0])
        moments = np.zeros((4, last - first + 1))
        moments[0] = self.grid[first : last + 1] - origin
        for row, part in ((1, g), (2, g * t), (3, g * g)):
            np.cumsum(h * (part @ self.weights), out=moments[row, 1:])
        return moments


def _errors(moments: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Squared errors from the moments at both ends of each piece; 0 for pieces of length zero.

    A bound on the rounding of the sums, 4 N eps times the sum of squares, is subtracted.
    """
    length = ends[0] - starts[0]
    np.copyto(length, np.inf, where=length <= 0.0)
    mean = ends[1] - starts[1]
    tilt = (0.5 * (ends[0] + starts[0])) * mean
    np.subtract(ends[2] - starts[2], tilt, out=tilt)
    tilt /= length
    mean *= mean
    tilt *= tilt
    tilt *= 12.0 / length
    error = ends[3] - starts[3]
    error -= mean / length
    error -= tilt
    error -= _rounding(moments)
    return np.maximum(error, 0.0, out=error)


def _rounding(moments: np.ndarray) -> float:
    return float(4.0 * moments.shape[1] * _EPS * moments[3, -1])


@dataclasses.dataclass(frozen=True)
class Lower:
    """A lower bound on the least squared error, and the partition that gives it.

    Attributes:
        value: The bound.
        knots: The cells that contain the knots of its partition; for more than 16 pieces their
            number may differ slightly from n - 1.
        penalty: The penalty per piece; 0 for up to 16 pieces.
    """

    value: float
    knots: np.ndarray
    penalty: float


def lower_bound(cells: Cells, pieces: int, above: float, penalty: float = 0.0) -> Lower:
    """A lower bound on the least squared L2 error.

    Args:
        cells: The function on a grid.
        pieces: Number n of pieces.
        above: A squared error attained by n pieces.
        penalty: Start of the search for the best penalty; 0 for a default.
    """
    width = _widest(cells, above)
    if pieces <= _LAYERS:
        value, knots = _counted(cells, width, pieces)
        return Lower(min(value, above), knots, 0.0)
    best, low, high = Lower(-np.inf, np.empty(0, int), 0.0), None, None
    mu = penalty or 4.0 * above / pieces  # minus the derivative of C / n^4
    blocks = _Blocks(cells, width + 1)
    for _ in range(_PENALTIES):
        value, knots = _priced(blocks, mu)
        bound, excess = value - pieces * mu, len(knots) + 1 - pieces
        if bound > best.value:
            best = Lower(bound, knots, mu)
        if excess**2 <= _NEAR * pieces**2:
            break
        line = (mu, bound, excess)  # the dual function is concave; its slope here is `excess`
        low, high = (line, high) if excess > 0 else (low, line)
        if low is None or high is None:
            mu *= ((pieces + 1.5 * excess) / pieces) ** 5
            continue
        offset = (high[1] - low[1] - high[2] * (high[0] - low[0])) / (low[2] - high[2])
        if low[1] + low[2] * offset <= best.value * (1.0 + 1e-4):
            break
        mu = low[0] + offset
    return dataclasses.replace(best, value=min(best.value, above))


def _widest(cells: Cells, above: float) -> int:
    """The least W, to within 5 %, such that every run of W cells has an error above `above`."""
    total = len(cells)

    def sufficient(width: int) -> bool:
        rows = max(_ROWS, width)
        for first in range(0, total - width + 1, rows):
            starts = np.arange(first, min(first + rows, total - width + 1))
            if np.any(cells.squared_errors(starts, starts + width) <= above):
                return False
        return True

    high = 8
    while high < total and not sufficient(high):
        high *= 2
    if high >= total:
        high = total
    low = high // 2
    while high - low > max(2, low // 20):
        middle = (low + high) // 2
        low, high = (low, middle) if sufficient(middle) else (middle, high)
    return high


def _counted(cells: Cells, width: int, pieces: int) -> tuple[float, np.ndarray]:
    """Least sum of squared errors of at most n pieces, and the cells that contain the knots.

    In state b a knot lies in cell b - 1, and the next piece starts with cell b; state 0 is the left
    end, state M + 1 the right end. A piece from state b' to b > b' consists of the cells b'..b-2.
    Column k holds the least error of exactly k pieces.
    """
    states, reach = len(cells) + 2, width + 1  # a longer piece has an error above the known one
    cost = np.full((pieces + 1, reach + states), np.inf)  # state b at reach + b, behind no states
    cost[0, reach] = 0.0
    previous = np.zeros((pieces + 1, states), np.int32)
    for first in range(1, states, _ROWS):
        last = min(first + _ROWS, states) - 1
        errors, ends = cells.band(first, last, reach), np.arange(first, last + 1)
        options = np.empty_like(errors)
        # Fewer pieces reach none of these ends, and after more the right end is out of reach.
        fewest, left = -(-first // reach), -(-(states - 1 - last) // reach)
        for k in range(fewest, pieces - left + 1):
            before = np.lib.stride_tricks.sliding_window_view(cost[k - 1], reach)
            np.add(before[first : last + 1], errors, out=options)
            chosen = np.argmin(options, axis=1)
            cost[k, reach + ends] = options[np.arange(len(ends)), chosen]
            previous[k, ends] = np.maximum(ends - reach + chosen, 0)
    column = int(np.argmin(cost[:, -1]))
    value, knots, b = float(cost[column, -1]), list[int](), states - 1
    while b > 0:
        b = int(previous[column, b])
        column -= 1
        knots.append(b)
    return value, np.array(knots[-2::-1], int) - 1


@dataclasses.dataclass(frozen=True)
class _Block:
    """Errors of pieces that end in the states first..last and are at most `reach` states long."""

    first: int
    last: int
    reach: int
    moments: np.ndarray

    def errors(self, starts: np.ndarray, ends: np.ndarray | int) -> np.ndarray:
        """Errors e of pieces between states; shapes are broadcast."""
        low = max(0, self.first - self.reach)
        moments = self.moments
        return _errors(moments, moments[:, starts - low], moments[:, np.asarray(ends) - 1 - low])

    @property
    def room(self) -> float:
        """By how much a computed error may be above that of a longer piece."""
        return 2.0 * _rounding(self.moments)


class _Blocks:
    """All blocks of states; their moments are the same for all penalties and kept for the next."""

    def __init__(self, cells: Cells, reach: int) -> None:
        self._cells, self._kept = cells, list[_Block]()
        self.states, self.reach = len(cells) + 2, reach

    def __iter__(self) -> Iterator[_Block]:
        for at, first in enumerate(range(1, self.states, _ROWS)):
            if at < len(self._kept):
                yield self._kept[at]
                continue
            last = min(first + _ROWS, self.states) - 1
            moments = self._cells.moments(max(0, first - self.reach), last - 1)
            block = _Block(first, last, self.reach, moments)
            if at == len(self._kept) and at * moments.nbytes < _KEPT:
                self._kept.append(block)
            yield block


def _priced(blocks: _Blocks, penalty: float) -> tuple[float, np.ndarray]:
    """Least sum of squared errors and of a penalty per piece, and the cells that contain the knots.

    States as in `_counted`. If a piece that starts inside of a block could be the best for a later
    end of the block, the block ends before that end.
    """
    cost, previous = np.full(blocks.states, np.inf), np.zeros(blocks.states, np.int32)
    cost[0], size = 0.0, _ROWS
    known = cost.copy()  # what a last piece with this start costs at least, for all ends to come
    for block in blocks:
        b = block.first
        while b <= block.last:
            end = min(b + min(size, blocks.reach) - 1, block.last)
            starts, bound = _starts(block, cost, known, int(previous[b - 1]), (b, end))
            ends = np.arange(b, end + 1)
            options = cost[starts] + block.errors(starts, ends[:, None])
            if starts[0] < end - blocks.reach:
                options[starts < ends[:, None] - blocks.reach] = np.inf
            chosen = np.argmin(options, axis=1)
            least = options[np.arange(len(ends)), chosen]
            inside = np.minimum.accumulate(least + penalty)[:-1]
            unclear = np.flatnonzero((least[1:] > inside) | (least[1:] > bound))
            done = int(unclear[0]) + 1 if len(unclear) else len(ends)
            size = done if len(unclear) else min(_ROWS, size + 1 + size // 8)
            now = ends[:done]
            cost[now] = known[now] = least[:done] + penalty
            previous[now] = starts[chosen[:done]]
            known[starts] = np.maximum(known[starts], options[done - 1])
            b += done
    value, knots, b = float(cost[-1]), list[int](), blocks.states - 1
    while b > 0:
        b = int(previous[b])
        knots.append(b)
    return value, np.array(knots[-2::-1], int) - 1


def _starts(
    block: _Block, cost: np.ndarray, known: np.ndarray, last: int, ends: tuple[int, int]
) -> tuple[np.ndarray, float]:
    """States that may be the best start of a piece for some of the ends, and a bound on its cost.

    Args:
        block: The block of the ends.
        cost: Least costs of the states before.
        known: What a piece with a start costs at least, for all of these ends; made larger.
        last: The best start for the state before.
        ends: The first and the last end.
    """
    first, end = ends
    steps = np.arange(0, end - first + 2, max(1, (end - first) // 8))
    tried = np.clip(last + steps, max(0, end - block.reach), first - 1)
    bound = block.room + float(np.min(cost[tried] + block.errors(tried, end)))
    starts = _span(known, max(0, first - block.reach), first, bound + block.room)
    if len(starts) * (end + 1 - first) > _MANY:  # what one end shows makes the span shorter
        known[starts] = np.maximum(known[starts], cost[starts] + block.errors(starts, first))
        starts = _span(known, int(starts[0]), int(starts[-1]) + 1, bound + block.room)
    return starts, bound


def _span(values: np.ndarray, low: int, high: int, bound: float) -> np.ndarray:
    """The shortest range of indices from `low` to `high` beyond which values are above a bound."""
    found = np.flatnonzero(values[low:high] <= bound)
    return np.arange(low + found[0], low + found[-1] + 1)
