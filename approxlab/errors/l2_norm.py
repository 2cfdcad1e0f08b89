"""The L2 norm by quadrature, with an uncertainty of its value."""

from __future__ import annotations

import math

import numpy as np

from approxlab.arguments import check_positive
from approxlab.claims import Estimate
from approxlab.domains import Box
from approxlab.errors._cells import Cells
from approxlab.errors._narrow_parts import narrow_edges, network_edges
from approxlab.errors._scattered import scattered
from approxlab.errors._squares import Squares, quotient, root_of_squares
from approxlab.errors.pointwise import (
    Function,
    box_and_mask,
    check_relative,
    measured,
    not_finite_entry,
    not_finite_value,
)
from approxlab.evaluation import settled

__all__ = ["l2"]

_PANELS = {1: 256, 2: 16, 3: 4, 4: 2}  # cells per axis of the coarser rule
_TOLERANCE = {False: 1e-6, True: 1e-2}  # of squares, in one and in several dimensions
_PROMISING, _SMOOTH = 1e-5, 1e-6  # of the norm, beyond two dimensions: fewer points will do
_LONG_PANELS, _SHORT = 64, 128  # cells beside the pieces of a network, and how many pieces are many
_OF_PIECES = 1e-10  # of squares: between kinks the rules agree at once
_MORE, _MOST = 30, 2**20  # times as many evaluations at most, and not more than this


def l2(
    model: Function,
    target: Function,
    domain: Box | None = None,
    *,
    panels: int | None = None,
    nodes: int = 8,
    relative: bool = False,
) -> Estimate:
    """Estimate the L2 norm of model - target over the box (and mask) of the target.

    Tensor Gauss-Legendre rules on equal cells in up to 4 dimensions; the square root of the
    integral of the squared error, so that the error 1 on a box of volume V has norm sqrt(V). The
    value is that of the finer of two rules (twice as many cells per axis, one node more; in three
    and four dimensions half the nodes where two such rules agree to 1e-6 of the norm). Cells on
    which the two differ much are halved; in one dimension cells also end at kinks, at steep units
    of an `MLP`, and where `approxlab.resolution` finds narrow parts of model or target (down to
    2^-17 of the interval). A piecewise linear `MLP` of one variable is integrated piece by piece
    (`approxlab.regions`), so that no part between two kinks is missed: against another one, or a
    target that is a polynomial between its `kinks`, without any error of quadrature if there is no
    mask. Only of a deep one of more than 2^14 pieces (fewer if it has layers of more than 256
    units), or one with so many ties of its units that they would take many seconds, as of functions
    that are not such networks, parts far narrower than the cells can be missed, and the uncertainty
    does not show them. The `uncertainty` is the sum of the differences over the cells that are
    left: an indication, not a bound. Beyond 4 dimensions scrambled Sobol points are used, and the
    uncertainty is the standard error over 8 scramblings; if few points carry the integral, boxes
    that shrink around the largest error are sampled one by one.

    Args:
        model: A function of one point of shape (d,) with values of shape () or (m,).
        target: The same; a `Target` brings its domain and mask along.
        domain: The box; by default `target.domain`.
        panels: Cells per axis of the coarser rule, which are then neither cut nor halved; by
            default 256, 16, 4, 2 for d = 1, 2, 3, 4, and as many more as needed.
        nodes: Gauss-Legendre nodes per cell and axis: exact for degree 2 * nodes - 1.
        relative: Divide by the L2 norm of the target on the domain, estimated alike.

    Returns:
        An `Estimate` with `uncertainty`. Its value is `nan` if model or target is not finite at a
        node, or holds an array that is not; `problem` then names the first such number.

    Raises:
        ValueError: If there is no domain, or the shapes of the values differ.
        TypeError: If model or target is not a function, such as a name or a class.

    Example:
        >>> import math
        >>> error = l2(lambda x: 0.0 * x[0], lambda x: x[0], Box([0.0], [1.0]))
        >>> abs(float(error) - 1 / math.sqrt(3)) < 1e-6
        True
    """
    box, mask = box_and_mask(model, target, domain)
    check_relative(relative)
    about = measured(target, box)
    cells = panels if panels is not None else _PANELS.get(box.dim, 1)
    check_positive(panels=cells, nodes=nodes)
    if problem := not_finite_entry(model=model, target=target):
        return Estimate(math.nan, "l2", 0, relative, problem=problem)
    squares = Squares(settled(model), settled(target), mask)
    if box.dim > 4:
        value, uncertainty = scattered(squares, box, relative=relative)
    else:
        value, uncertainty = _by_cells(squares, box, cells, nodes, relative, panels is None)
    if squares.bad is not None:
        problem = not_finite_value(squares.bad, model=squares.model, target=squares.target)
        return Estimate(math.nan, "l2", squares.count, relative, squares.bad, problem=problem)
    return Estimate(value, "l2", squares.count, relative, None, uncertainty, target=about)


def _by_cells(
    squares: Squares, box: Box, panels: int, nodes: int, relative: bool, adaptive: bool
) -> tuple[float, float]:
    """The norm by two rules on equal cells, which are cut and halved where this is not enough."""
    if adaptive and (edges := _piece_edges(squares, box)) is not None:
        return _by_pieces(squares, box, edges, nodes, relative)
    coarse = box.gauss_legendre(nodes, panels=panels)
    sizes = [squares.sizes(coarse[0])]
    if adaptive and box.dim > 2:
        smooth = _of_smooth(squares, box, panels, nodes, relative, (coarse[1], sizes[0]))
        if smooth is not None:
            return smooth
    # Another number of nodes too: a kink that both rules miss alike would go unnoticed.
    rules = [coarse, box.gauss_legendre(nodes + 1, panels=2 * panels)]
    sizes.append(squares.sizes(rules[1][0]))
    if squares.bad is not None:
        return math.nan, math.nan
    norms = [
        [root_of_squares(weights, part) for part in parts]
        for (_, weights), parts in zip(rules, sizes, strict=True)
    ]
    fine, fine_size = norms[1]
    first, last = (quotient(*pair) if relative else pair[0] for pair in norms)
    if not adaptive:
        return last, abs(last - first)
    squares.set_scale(max(float(np.max(part)) for parts in sizes for part in parts))
    cells = _equal_cells(squares, box, panels, rules, sizes)
    better, most = cells, min(_MORE * squares.count, squares.count + _MOST)
    if box.dim == 1:
        largest = float(np.max(sizes[1][0]))
        cell = float(box.widths[0]) / panels
        edges = narrow_edges((squares.model, squares.target), box, cell, largest)
        better = cells.cut(squares, nodes, edges) if len(edges) else cells
    better = better.refined(squares, nodes, tolerance=_TOLERANCE[box.dim > 1], most=most)
    if better is not cells:
        fine, fine_size = squares.scale * np.sqrt(better.fine.sum(axis=0))
        last = quotient(fine, fine_size) if relative else fine
    return float(last), _uncertainty(squares, better, fine, fine_size, relative)


def _of_smooth(
    squares: Squares,
    box: Box,
    panels: int,
    nodes: int,
    relative: bool,
    coarse: tuple[np.ndarray, tuple[np.ndarray, np.ndarray]],
) -> tuple[float, float] | None:
    """The norm by few points, where half the nodes already give it; None where they do not.

    Half the nodes of the coarser rule are a hundredth of the points of the finer one. Where both
    agree, half the nodes on cells of half the width, placed elsewhere, are to confirm it.
    """

    def norms(weights: np.ndarray, sizes: tuple[np.ndarray, np.ndarray]) -> list[float]:
        found = [root_of_squares(weights, part) for part in sizes]
        return [found[0], quotient(*found)] if relative else found[:1]

    def close(one: list[float], other: list[float], part: float) -> bool:
        pairs = zip(one, other, strict=True)
        return squares.bad is None and all(abs(a - b) <= part * b for a, b in pairs)

    known, half = norms(*coarse), max(2, nodes // 2)
    for part, more in ((_PROMISING, 0), (_SMOOTH, 1)):
        points, weights = box.gauss_legendre(half + more, panels=(1 + more) * panels)
        found = norms(weights, squares.sizes(points))
        if not close(found, known, part):
            return None
    return found[-1], abs(found[-1] - known[-1])


def _piece_edges(squares: Squares, box: Box) -> np.ndarray | None:
    """Kinks of model and target, if one of them is a network whose pieces are to be had."""
    found = [network_edges(function, box) for function in (squares.model, squares.target)]
    known = [edges for edges in found if edges is not None]
    return np.concatenate(known) if known else None


def _by_pieces(
    squares: Squares, box: Box, edges: np.ndarray, nodes: int, relative: bool
) -> tuple[float, float]:
    """The norm by Gauss-Legendre rules on the pieces, long ones divided."""
    panels = _LONG_PANELS if squares.mask is None else _PANELS[1]  # a mask has edges of its own
    mesh = np.linspace(box.lower[0], box.upper[0], panels + 1)
    narrow = narrow_edges((squares.model, squares.target), box, 0.0, 0.0, networks=False)
    mesh = np.unique(np.concatenate([mesh, edges, narrow]))
    squares.scaled = False
    nodes = nodes if len(edges) <= _SHORT else (nodes + 1) // 2
    low, high = mesh[:-1, None], mesh[1:, None]
    cells = Cells.integrated(squares, low, high, nodes)
    if squares.bad is None:
        most = min(_MORE * squares.count, squares.count + _MOST)
        cells = cells.refined(squares, nodes, tolerance=_OF_PIECES, most=most)
    error, size = squares.scale * np.sqrt(cells.fine.sum(axis=0))
    value = quotient(error, size) if relative else error
    return float(value), _uncertainty(squares, cells, error, size, relative)


def _equal_cells(
    squares: Squares,
    box: Box,
    panels: int,
    rules: list[tuple[np.ndarray, np.ndarray]],
    sizes: list[tuple[np.ndarray, np.ndarray]],
) -> Cells:
    """What the two rules give on each cell."""
    corners = np.stack(np.meshgrid(*[np.arange(panels)] * box.dim, indexing="ij"), axis=-1)
    corners = corners.reshape(-1, box.dim)
    integrals = []
    for (points, weights), parts in zip(rules, sizes, strict=True):
        index = np.clip((points - box.lower) / box.widths * panels, 0, panels - 1).astype(int)
        index = np.ravel_multi_index(tuple(index.T), (panels,) * box.dim)
        values = weights[:, None] * squares.squared(parts)
        columns = [np.bincount(index, column, len(corners)) for column in values.T]
        integrals.append(np.stack(columns, axis=1))
    lower, width = np.asarray(box.lower), box.widths / panels
    lows, highs = lower + width * corners, lower + width * (corners + 1)
    coarse, fine = integrals
    return Cells(lows, highs, coarse, fine, np.zeros(len(lows), bool))


def _uncertainty(
    squares: Squares, cells: Cells, error: float, size: float, relative: bool
) -> float:
    """Of the norm, or of the relative one, from that of the integrals of squares."""
    parts = []
    for norm, lost in zip((error, size), cells.uncertainty(), strict=True):
        scaled = norm / squares.scale
        whole = math.sqrt(scaled**2 + lost) + scaled
        parts.append(squares.scale * (lost / whole if whole > 0 else 0.0))
    if not relative:
        return parts[0]
    return quotient(parts[0], size) + quotient(error, size) * quotient(parts[1], size)
