"""Products of networks, which are no networks of their kind: exact where one exists, else near."""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.arguments import check_number, check_positive
from approxlab.calculus._line_networks import one_layer, spline
from approxlab.calculus._lines import Line, lines
from approxlab.claims import Bound
from approxlab.networks.mlp import MLP

__all__ = ["multiply"]


def multiply(
    net: Any, other: Any, box: Any, *, tol: Any = None, max_units: Any = 10_000
) -> tuple[MLP, Bound]:
    """A network near the product net(x) other(x) on the box, and a bound of the error.

    The product of two piecewise linear functions has parabolas as pieces, so no network of these
    units is equal to it. Without `tol` the result is a relu2 network that is equal to it, up to
    rounding of its parameters; there is one only if no kink is left in the product, as where both
    are affine, or where one has its kinks at zeros of the other, as in x relu(x). With `tol` it is
    a network with one hidden layer of ReLUs that interpolates the product at its kinks and between:
    the error of a chord on a piece of length h is |s t| h^2 / 4, with the slopes s and t.

    Args:
        net: One input, one output, piecewise linear.
        other: The same, of the same activation or of linear units.
        box: An interval.
        tol: The largest error allowed in the sup norm, rounding apart; `None` for an exact one.
        max_units: The largest number of units to build.

    Returns:
        The network, and the bound of the sup norm of its error, rounding in its dtype included.

    Raises:
        TypeError: If one is no network, or `box` no box.
        ValueError: If no relu2 network is equal to the product, if more than `max_units` units are
            needed, or if the networks are not piecewise linear.

    Example:
        >>> import approxlab as al
        >>> line = al.MLP.from_arrays([[[1.0]]], [[0.0]], "relu")
        >>> square, error = al.calculus.multiply(line, line, al.Box([0.0], [1.0]))
        >>> square.activation, error.without_rounding
        ('relu2', 0.0)
        >>> chords, error = al.calculus.multiply(line, line, al.Box([0.0], [1.0]), tol=0.01)
        >>> chords.num_hidden_units, error.without_rounding
        (4, 0.01)
    """
    check_positive(max_units=max_units)
    if isinstance(tol, bool | np.bool_):
        raise ValueError(f"tol: got {tol!r}, expected a positive number or None.")
    if tol is not None:
        check_number("tol", tol, positive=True)
    f, g = lines([net, other], [[1, 0], [0, 1]], box)
    dtype = str(np.result_type(net.dtype, other.dtype))
    out_size = other.out_size if net.out_size is None else net.out_size
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
        return _product(f, g, tol, max_units, dtype, out_size)


def _product(
    f: Line, g: Line, tol: Any, max_units: int, dtype: str, out_size: int | None
) -> tuple[MLP, Bound]:
    if tol is None:
        network = _square_network(f, g, dtype, max_units, out_size)
        return network, _bound(0.0, "the product of two affine functions on a piece", network, f)
    bends = f.slopes * g.slopes
    need = np.ceil(0.5 * f.widths * np.sqrt(np.abs(bends) / float(tol)) * (1 - 1e-12))
    counts = np.maximum(need, 1.0)
    if not np.sum(counts) <= max_units:
        raise ValueError(
            f"tol: got {tol!r}, which takes {np.sum(counts):.0f} units, expected at most "
            f"max_units={max_units}. Take a larger tolerance."
        )
    shares = [np.arange(n) / n for n in counts]
    x = np.concatenate([a + t * h for a, t, h in zip(f.edges[:-1], shares, f.widths, strict=True)])
    x = np.unique(np.append(x, f.edges[-1]))  # kinks that round to one float are one
    y = np.interp(x, f.edges, f.values) * np.interp(x, g.edges, g.values)
    slopes = np.diff(y) / np.diff(x)
    error = float(np.max(0.25 * np.abs(bends) * (f.widths / counts) ** 2))
    network = spline(x[0], y[[0, -1]], x[1:-1], slopes, dtype, out_size=out_size)
    source = "a chord of a parabola s t x^2 over a length h is wrong by at most |s t| h^2 / 4"
    return network, _bound(min(error, float(tol)), source, network, f)


def _bound(error: float, source: str, network: MLP, f: Line) -> Bound:
    """The bound, with the rounding of parameters and of the evaluation in the dtype."""
    far = float(np.max(np.abs(f.edges)))
    power = 2 if network.activation == "relu2" else 1
    weights = [np.abs(np.asarray(w, np.float64)) for w in network.weights]
    biases = [np.abs(np.asarray(b, np.float64)) for b in network.biases]
    sizes = weights[0][:, 0] * far + biases[0]
    if network.depth:
        bent = np.arange(len(sizes)) < len(sizes) - network.passthrough[0]
        sizes = np.where(bent, sizes**power, sizes)
        total = float(weights[1][0] @ sizes + biases[1][0])
    else:
        total = float(sizes[0])
    rounding = (len(sizes) + 16) * float(np.finfo(network.dtype).eps) * total
    text = f"{source}, and rounding in {np.dtype(network.dtype)}"
    return Bound(error + rounding, text, without_rounding=error)


def _square_network(f: Line, g: Line, dtype: str, max_units: int, out_size: int | None) -> MLP:
    """Units relu(x - t)^2 where the second derivative changes, if the first nowhere does."""
    bent_f, bent_g = f.bent(), g.bent()
    kinks = _kinks_of_product(f, g, bent_f, bent_g)
    if np.any(kinks):
        raise ValueError(
            f"tol: got None, expected a number: the product has a kink at "
            f"{f.edges[1:-1][kinks][0]:.6g}, and relu2 networks have none. Write tol=1e-3 for "
            "chords with that error."
        )
    changing = bent_f | bent_g
    changing &= np.diff(f.slopes * g.slopes) != 0.0
    kept = np.concatenate([[True], changing])
    if np.sum(kept) > max_units:
        raise ValueError(f"max_units: got {max_units}, expected at least {np.sum(kept)}.")
    bends = (f.slopes * g.slopes)[kept]
    start = f.edges[0]
    shifts = np.concatenate([[-start], -f.edges[1:-1][changing], [-start]])
    rate = f.slopes[0] * g.values[0] + f.values[0] * g.slopes[0]
    factors = np.concatenate([bends[:1], np.diff(bends), [rate]])
    height = f.values[0] * g.values[0]
    rows = np.ones_like(shifts)
    return one_layer(rows, shifts, factors, height, "relu2", dtype, 1, out_size)


def _kinks_of_product(f: Line, g: Line, bent_f: np.ndarray, bent_g: np.ndarray) -> np.ndarray:
    """Whether the slope of f g changes at each inner edge: by f [g'] + [f'] g, with jumps [.]."""
    by_f, by_g = bent_f & (g.signs(0.0)[1:-1] != 0), bent_g & (f.signs(0.0)[1:-1] != 0)
    kinks = by_f | by_g
    both = np.flatnonzero(by_f & by_g) + 1  # what may cancel is told in fractions
    steps = zip(both.tolist(), f.jumps(both), g.jumps(both), strict=True)
    for i, step_f, step_g in steps:
        kinks[i - 1] = f.value(i) * step_g + g.value(i) * step_f != 0
    return kinks
