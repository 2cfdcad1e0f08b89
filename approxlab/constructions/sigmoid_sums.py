"""Staircases: a target of one variable as a sum of steep sigmoids, one for every jump.

The interval is cut into n cells of width h with the nodes x_j between them. With infinitely steep
sigmoids the sum is constant between its jumps. With finite steepness it is a mean of such
staircases, and this is how the tails of all sigmoids are bounded (`_sigmoid_tails`).

The claim of `staircase` is the least of three bounds, all tails included. L and M are the proved
bounds of |f'| and |f''|, V = value_max - value_min and S(z) = 1 / (1 + exp(-4 z)):

- Lipschitz: L h (1/2 + tails) for midpoint jumps, L h (1 + tails) for classical ones, with
  tails = min(S(-gain/2) + 2 sum_{i >= 1} S(-gain (i + 1/2)), ln 2 / (2 gain)).
- Oscillation: V (2 V with a halo), since every value of the sum is a mean of values of f.
- Second derivative: L h (r + m) + M h^2 q / 2. Here r = z / (pi sinh(z) (1 - e^-z)), with
  z = pi^2 / (2 gain), is the ripple on a straight line (r = 3.3e-4 at the gain 1/2), q is about
  pi^2 / (48 gain^2) + 1/12, and m bounds the tails of the jumps that are missing outside [a, b].

A halo adds cells outside [a, b], on which f continues by 2 f(a) - f(2 a - x), and so makes m small:
with gain 1/2 and halo 8 the error is of order h^2 as long as r is negligible. Classical jumps are
late by h/2, so their error stays of order h.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from approxlab.arguments import check_positive
from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions._sigmoid_tails import (
    curvature_factors,
    lipschitz_factor,
    missing_jumps,
    rounding,
)
from approxlab.constructions._target_checks import interval_of, lipschitz_of
from approxlab.constructions.sigmoid_shapes import sigmoid_sum, steepness
from approxlab.evaluation import values_at
from approxlab.networks.mlp import float_dtype
from approxlab.targets.target import Target

__all__ = ["MOST_UNITS", "costarelli_spigler", "staircase"]

MOST_UNITS = 2**22
"""Larger sums are refused before any memory is used; the message gives the number of units."""

_LEAST_GAIN, _MOST_GAIN = 1e-30, 1e30  # squares, and weights in float32, are numbers
_BYTES_PER_UNIT = 24  # weight, bias and height in float64
_SHIFTS = {"midpoint": (0.0,), "classical": (0.5,), "costarelli_spigler": (-0.5, 0.5)}


def staircase(
    target: Target,
    n: int,
    gain: float | int | np.number,
    *,
    jumps: Literal["midpoint", "classical"] = "midpoint",
    activation: str = "sigmoid",
    halo: int = 0,
) -> Construction:
    """A target as f(a) + sum_j (f(x_j) - f(x_{j-1})) s(w (x - p_j)): one unit for each jump.

    [a, b] is cut into n cells of width h, with nodes x_j = a + j h. The jump from f(x_{j-1}) to
    f(x_j) lies at p_j = x_j - h/2 ("midpoint") or at p_j = x_j ("classical"). `gain` is the slope
    of a unit of height 1 times the cell width: for the logistic function s the weight is
    w = 4 gain / h, for tanh w = 2 gain / h with the unit (1 + tanh) / 2, which is the same
    function. At gain 1 a unit rises over about one cell; at gain 32 it is practically a jump.

    The claim is the least of three bounds: by the Lipschitz constant, about L h / 2 for midpoint
    jumps and L h for classical ones at large gain; by the oscillation of the target; and by its
    second derivative, of order h^2 for midpoint jumps at a moderate gain with a halo. All tails are
    included, and so is rounding in the dtype of the network. The formulas are at the head of the
    module.

    Args:
        target: A target of one variable with a proved `lipschitz` fact; `value_min`, `value_max`
            and `second_derivative` are used where they are known.
        n: Number of cells.
        gain: Slope times cell width, positive and finite; ignored for "heaviside".
        jumps: "midpoint" or "classical".
        activation: "sigmoid", "tanh" or "heaviside".
        halo: Number of additional jumps on each side of the interval.

    Returns:
        A construction with n + 2 halo units in one hidden layer.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If an argument is not of the stated form; if the target is not one-dimensional,
            has a mask, is not continuous or lacks the fact `lipschitz`; or if there would be
            more than `MOST_UNITS` units.

    Source:
        Cybenko 1989 for the idea; Costarelli and Spigler 2013 for the classical jumps; the
        constants are proved in `_sigmoid_tails`.

    Example:
        >>> from approxlab.targets import get
        >>> c = staircase(get("square"), 16, 32.0)
        >>> c.network.num_hidden_units, float(c.claim.bound) < 0.063   # L h / 2 = 2 / 16 / 2
        (16, True)
        >>> staircase(get("square"), 64, 0.5, halo=8).claim.bound
        Bound(<= 0.000..., midpoint staircase with halo: ...)
    """
    if jumps not in ("midpoint", "classical"):
        raise ValueError(f"jumps: got {jumps!r}, expected 'midpoint' or 'classical'.")
    return _sum(target, n, gain, jumps, activation, halo)


def costarelli_spigler(
    target: Target,
    n: int,
    gain: float | int | np.number,
    *,
    activation: str = "sigmoid",
    halo: int = 0,
) -> Construction:
    """The operator of Costarelli and Spigler: at each node f(x_k) times a bump of two sigmoids.

    It is sum_k f(x_k) (s(w (x - x_{k-1})) - s(w (x - x_{k+1}))) / 2, and the bumps of all nodes add
    up to 1. Collected by sigmoids, it is f(a) + sum_j (f(x_{j+1}) - f(x_{j-1})) / 2 s(w (x - x_j)):
    the mean of two staircases, one with jumps half a cell early and one half a cell late. Outside
    the interval f continues as for `staircase`, and is constant beyond the halo.

    The claim is the least of the same three bounds as for `staircase`, with two changes: the first
    is L h (1/2 + 0.14 / gain + tails), and q in the third is larger by 1/4. So at equal gain the
    midpoint staircase has the smaller claim.

    Args:
        target: As for `staircase`.
        n: Number of cells.
        gain: Slope times cell width; w = 4 gain / h for the logistic function.
        activation: "sigmoid", "tanh" or "heaviside".
        halo: Number of additional cells on each side of the interval.

    Returns:
        A construction with n + 1 + 2 halo units in one hidden layer.

    Raises:
        TypeError: As for `staircase`.
        ValueError: As for `staircase`.

    Source:
        Costarelli and Spigler 2015, "Approximation by series of sigmoidal functions with
        applications to neural networks" (there without a gain: w = 1 / h).

    Example:
        >>> from approxlab.targets import get
        >>> costarelli_spigler(get("exp"), 8, 1.0).network.num_hidden_units
        9
    """
    return _sum(target, n, gain, "costarelli_spigler", activation, halo)


def claimed_bound(
    target: Target, n: int, gain: float | int, kind: str, halo: int, total: float, eps: float
) -> Bound:
    """The least bound that the facts of a target prove; `total` sums the absolute coefficients."""
    shifts, width = _SHIFTS[kind], float(target.domain.widths[0])
    lipschitz, h = lipschitz_of(target), width / n
    name = f"{kind.replace('_', '-')} staircase{' with halo' if halo else ''}"
    factor = lipschitz_factor(gain, shifts)
    bounds = [(lipschitz * h * factor, f"{name}: L h (1/2 or 1, and the tails of all jumps)")]
    if target.value_min is not None and target.value_max is not None:
        oscillation = (target.value_max - target.value_min) * (2.0 if halo else 1.0)
        bounds.append((oscillation, f"{name}: oscillation of the target"))
    if target.second_derivative is not None:
        first, second = curvature_factors(gain, shifts)
        first += missing_jumps(gain, shifts, halo, n)
        curved = lipschitz * h * first + 0.5 * target.second_derivative * h * h * second
        bounds.append((curved, f"{name}: |f''| h^2 and ripple"))
    value, source = min(bounds)
    reach = max(map(abs, (*target.domain.lower, *target.domain.upper))) + halo * h
    units = n + 2 * halo + (len(shifts) > 1)
    return Bound(value + rounding(units, total, reach, lipschitz, gain, eps), source)


def check_units(units: float | int, asked: str) -> None:
    """Refuse sums that do not fit into memory; `asked` is the argument that asks for so many."""
    if units > MOST_UNITS:
        raise ValueError(
            f"{asked}, which takes {units:.3g} units, {units * _BYTES_PER_UNIT / 2**30:.3g} GiB of "
            f"weights in float64, expected at most {MOST_UNITS} units. The error of steep "
            "staircases falls like 1 / n only: for a smooth target give the fact second_derivative "
            "and let cybenko choose a moderate gain, or take relu_interpolant (1 / n^2), or solve "
            "for the coefficients."
        )


def _sum(
    target: Any, n: int, gain: float | int | np.number, kind: str, activation: str, halo: int
) -> Construction:
    """All three kinds of sum: jumps of the extended target, at shifted midpoints of the cells."""
    box = interval_of(target)
    check_positive(n=n)
    steep = steepness(activation)
    lipschitz_of(target)
    number = isinstance(gain, int | float | np.number) and not isinstance(gain, bool)
    if not (number and _LEAST_GAIN <= gain <= _MOST_GAIN):
        raise ValueError(
            f"gain: got {gain!r}, expected a positive finite number from {_LEAST_GAIN:g} to "
            f"{_MOST_GAIN:g}, the slope of a unit times the cell width. For jumps write "
            "activation='heaviside'."
        )
    gain = float(gain)
    if not hasattr(halo, "__index__") or isinstance(halo, bool) or halo < 0:
        raise ValueError(f"halo: got {halo!r}, expected an integer of at least 0.")
    check_units(n + 2 * halo, f"n: got {n} with halo {halo}")
    h = float(box.widths[0]) / n
    heights = _extended(values_at(target, box.uniform(n + 1)), halo)
    jumps, middles = np.diff(heights), box.lower[0] + h * (np.arange(-halo, n + halo) + 0.5)
    if kind == "costarelli_spigler":
        jumps = 0.5 * (np.append(jumps, 0.0) + np.append(0.0, jumps))
        middles = box.lower[0] + h * np.arange(-halo, n + halo + 1)
    elif kind == "classical":
        middles = box.lower[0] + h * np.arange(1 - halo, n + halo + 1)
    weight = 1.0 if activation == "heaviside" else steep * gain / h
    weights = np.full(len(jumps), weight)
    network = sigmoid_sum(weights, -weight * middles, jumps, float(heights[0]), activation)
    total = float(np.abs(jumps).sum() + abs(heights[0]))
    steepest = math.inf if activation == "heaviside" else gain
    eps = float(np.finfo(float_dtype(None)).eps)
    bound = claimed_bound(target, n, steepest, kind, halo, total, eps)
    return Construction(network, target, Claim("sup", bound, len(jumps), 0, 1))


def _extended(nodes: np.ndarray, halo: int) -> np.ndarray:
    """Values at the nodes and at `halo` more on each side, by odd reflection at the ends.

    2 f(a) - f(2 a - x) continues f with the same Lipschitz constant and the same bound of |f''|.
    """
    n = len(nodes) - 1
    period, index = np.divmod(np.arange(-halo, n + halo + 1), 2 * n)
    reflected = np.concatenate([nodes[:-1], 2.0 * nodes[-1] - nodes[:0:-1]])
    return reflected[index] + 2.0 * period * (nodes[-1] - nodes[0])
