"""Sums over orthants: two hidden layers of sigmoids that converge in d dimensions.

Isolated towers have holes where cells meet; the sum over orthants has none. It writes the step
function with the midpoint values G of all cells as sum_i Delta_i 1[x_k >= t_{k, i_k} for all k],
Delta the mixed differences of G, and replaces the indicator of an orthant by
theta(sum_k s_{k, i_k} - |S| + 1/2).

The claim of `orthant_sum`. Let L be the Lipschitz constant, M the bound of the second derivative,
D = |h| the diagonal of a cell, d the number of axes that are cut, V = sum |Delta_i|, and r any
number in (0, 1/2]. The error is at most the least of

    L (1/2 + r) D + L sum_{k >= 2} 3^(k-2) h_(k)     (widths in decreasing order),
    L D / 2 + 3^(d-1) M ((1/2 + r) D)^2 / 2          (if M is known),
    (1 + 3^(d-1)) (max g - min g) / 2                (if these are known),

plus the tails V (S(-outer_gain / 2) + d outer_gain S(-gain r)), plus rounding. The r with the
least bound is taken. The step function alone has the error L D / 2. The rest comes from the
corners, where 2^d cells meet and the network takes values that are not those of any cell.

Proof. (1) Fix x. Along each axis at most one face is nearer than r h_k; let t_k = 1 - s there. At
all other faces replace s by its limit 0 or 1, with an error of at most S(-gain r). Where no near
face is involved, or some s is 0, replace theta by its limit, with an error of at most
S(-outer_gain / 2). As theta has slope at most outer_gain, these errors add up to the tails.
(2) What remains depends only on the cells around one vertex. It is
sum_e delta_e theta(1/2 - sum_{k in e} t_k), e the subsets of the near axes. theta is a mixture of
thresholds, so the sum is a mixture of sums F_A = sum_{e in A} delta_e = sum_c w_c G_c over families
A of subsets that contain, with e, all subsets of e. Splitting A along an axis, F_A = F_{A_0} +
(F_{A_1} at the upper cells - F_{A_1} at the lower cells), with A_1 contained in A_0. Hence
sum_c |w_c| <= 3^(d-1), and the k-th axis adds at most 3^(k-2) L h_k to |F_A - g(x)|: this is the
first line. The third line follows because the sum of the |w_c| over all negative w_c is at most
(3^(d-1) - 1) / 2. (3) In the mixture sum_c w_c = 1. Along axis k its mean is
x_k + h_k (theta(1/2 - t_k) - 1/2 - z), with z in [-r, r] the signed distance from the face in
cells. As theta - 1/2 has the sign of z, the mean differs from x_k by at most h_k / 2. In Taylor's
formula at x, the linear terms give L D / 2 and the quadratic ones sum |w_c| M |m_c - x|^2 / 2, with
|m_c - x| <= (1/2 + r) D: this is the second line.

Rounding: faces displaced by 4 eps max|x|, the sums of ridges, and the sum over all units are
included, with eps that of the network's dtype. Midpoint values are taken as the target computes
them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np

from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions import _grids
from approxlab.constructions._grids import Grid
from approxlab.constructions._sigmoid_tails import rise
from approxlab.constructions._target_checks import check_target, check_whole
from approxlab.targets.target import Target

__all__ = ["orthant_sum", "units_needed"]

MAX_GAIN = 1000.0  # such units are practically Heaviside units
_ZONES = np.geomspace(1e-3, 0.5, 61)  # trial values of r
_TAILS = (
    " The claim includes the tails at gain={}, outer_gain={}: leave both out to have them chosen."
)
_MOST_ALONG = 2**60  # a grid with so many cells along an axis is refused later
_GAINS = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


def orthant_sum(
    target: Target,
    n: int | Sequence[int] | None = None,
    gain: float | None = None,
    *,
    outer_gain: float | None = None,
    eps: float | None = None,
    activation: str = "sigmoid",
) -> Construction:
    """Approximate a Lipschitz function on a box of any dimension by two layers of sigmoids.

    The box is cut into n_k cells of width h_k along axis k, G are the values at their midpoints and
    t_{k,1}, ..., t_{k,n_k - 1} the interior faces. With S(z) = 1 / (1 + exp(-4 z)), which has slope
    1 at 0, s_{k,i} = S(gain (x_k - t_{k,i}) / h_k) and theta(z) = S(outer_gain z), the network is

        G_0 + sum_i Delta_i theta(sum_{k in S} s_{k,i_k} - |S| + 1/2),

    over all i != 0 with 0 <= i_k < n_k, S the axes with i_k > 0, Delta_i the mixed difference of G
    in the directions S at i: sum (n_k - 1) units in the first layer, prod n_k - 1 in the second.

    The claim is of order L |h| (L |h| / 2 and terms of second order, if the target has a bound on
    its second derivative), plus the tails of both layers, plus rounding. The formula and its proof
    are at the head of the module.

    Args:
        target: A target with a `lipschitz` fact (Euclidean) on its whole box.
        n: Cells along each axis, one number or d of them; or give `eps`.
        gain: Slope of a ridge times the cell's width along its axis. By default 32; with `eps` the
            least power of two, or 1000, that makes the claim small enough. None for "heaviside".
        outer_gain: Slope of the sigmoids of the second layer, whose argument changes by 1 at a
            face; by default `gain`.
        eps: The claim stays below it: the least number of cells, as near to cubes as possible, is
            taken.
        activation: "sigmoid", "tanh" (the same function, rescaled) or "heaviside" (no tails).

    Returns:
        A construction with sum (n_k - 1) + prod n_k - 1 hidden units in two layers.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If the target is not continuous, has a mask or no Lipschitz constant; if both or
            neither of `n` and `eps` are given; or if the network does not fit into memory (the
            message gives the number of units).

    Source:
        Two layers: Cybenko 1989 and, for towers, Lapedes & Farber 1988; the sum over orthants is
        the distribution function of a discrete measure, whose masses are the mixed differences.

    Example:
        >>> from approxlab.targets import get
        >>> built = orthant_sum(get("sine_product"), 16)
        >>> built.network.sizes, float(built.claim.bound) < 0.19
        ((2, 30, 255, 1), True)
    """
    _check_target(target)
    if (n is None) == (eps is None):
        raise ValueError(
            f"n: got {n!r} with eps {eps!r}, expected one of them: the number of cells along each "
            "axis, or the largest allowed claim."
        )
    both = _grids.gains(activation, gain, outer_gain)
    if eps is not None:
        return _chosen(target, eps, activation, gain, outer_gain)
    return _StepFunction.of(target, Grid.of(target, n)).construction(activation, *both)


def _check_target(target: Target) -> None:
    check_target(target)
    if target.continuous is False:
        raise ValueError(
            f"target: got {target!r}, which is not continuous, expected a continuous one: in the "
            "sup norm, sums of continuous units do not converge to a jump."
        )
    check_whole(target)
    if target.lipschitz is None:
        raise ValueError(
            f"target: {target!r} has no fact lipschitz, expected a Lipschitz constant: without it "
            "nothing is proved. Give it as a keyword of Target."
        )


@dataclasses.dataclass(frozen=True)
class _StepFunction:
    """The midpoint values of a target on a grid: the claim depends on these and on the gains."""

    target: Target
    grid: Grid
    midpoints: np.ndarray

    @classmethod
    def of(cls, target: Target, grid: Grid) -> _StepFunction:
        return cls(target, grid, grid.midpoint_values(target))

    @property
    def masses(self) -> np.ndarray:
        """Delta_i for all orthants, shape n_1 x ... x n_d; the first one is G_0."""
        masses = self.midpoints
        for k in range(masses.ndim):
            masses = np.diff(masses, axis=k, prepend=0.0)
        return masses

    def bound(self, gain: float, outer_gain: float) -> Bound:
        """The claim of `orthant_sum`, at the best r."""
        variation = float(np.sum(np.abs(self.masses.ravel()[1:])))
        eps = float(np.finfo(jnp.result_type(float)).eps)
        reach = float(np.max(np.abs([self.grid.box.lower, self.grid.box.upper])))
        shift = _grids.face_displacement(jnp.result_type(float), reach)
        cells = shift / float(np.min(self.grid.cell_widths))
        value, form = min(
            (step + variation * self._tail(r - cells, gain, outer_gain), form)
            for r in _ZONES
            for step, form in _step_errors(self.target, self.grid, float(r))
        )
        units, dim = self.grid.num_cells, self.grid.dim
        slope = 4.0 * outer_gain if math.isfinite(outer_gain) else 0.0
        ordered = units + slope * (dim + 2) ** 2
        masses = units * 2.0**dim * float(np.max(np.abs(self.midpoints)))
        moved = self.target.lipschitz or 0.0
        rounding = eps * (variation * ordered + masses) + moved * shift * math.sqrt(dim)
        return Bound(value + rounding, f"orthant sum: {form}, tails of both layers, rounding")

    def _tail(self, r: float, gain: float, outer_gain: float) -> float:
        """Error of one orthant of height 1, apart from the cells around one vertex.

        Faces of jumps that rounding moves by more than the zone, r < 0, may be on either side.
        """
        if math.isinf(gain):
            return 0.0 if r > 0.0 else 1.0
        cut = sum(m > 1 for m in self.grid.counts)
        return rise(-outer_gain / 2) + cut * outer_gain * rise(-gain * r)

    def construction(self, activation: str, gain: float, outer_gain: float) -> Construction:
        """The network, one row of the second layer per orthant, and its claim."""
        counts, masses = self.grid.counts, self.masses.ravel()
        corners = self.grid.cell_indices()[1:]
        rows = np.zeros((len(corners), self.grid.num_faces))
        for k, first in enumerate(self.grid.first_units):
            cut = np.flatnonzero(corners[:, k])
            rows[cut, first + corners[cut, k] - 1] = 1.0
        network = _grids.two_layers(
            self.grid.faces,
            self.grid.cell_widths,
            rows,
            0.5 - np.count_nonzero(corners, axis=1),
            masses[1:],
            float(masses[0]),
            activation,
            gain,
            outer_gain,
        )
        units = sum(counts) - len(counts) + len(corners)
        claim = Claim("sup", self.bound(gain, outer_gain), units, 0, 2)
        return Construction(network, self.target, claim)


def _step_errors(target: Target, grid: Grid, r: float) -> list[tuple[float, str]]:
    """Bounds on the error of the step function and at its corners, for r as in the claim."""
    widths, lipschitz = grid.cell_widths, target.lipschitz or 0.0
    cut = sorted(widths[np.asarray(grid.counts) > 1], reverse=True)
    diagonal = float(np.linalg.norm(widths))
    corners = sum(3.0 ** (k - 1) * float(h) for k, h in enumerate(cut) if k > 0)
    weight = 3.0 ** (len(cut) - 1)
    forms = [(lipschitz * ((0.5 + r) * diagonal + corners), "Lipschitz form")]
    if target.second_derivative is not None:
        quadratic = weight * ((0.5 + r) * diagonal) ** 2 / 2
        value = lipschitz * diagonal / 2 + target.second_derivative * quadratic
        forms.append((value, "L D / 2 and second derivative"))
    if target.value_min is not None and target.value_max is not None:
        forms.append(((target.value_max - target.value_min) * (1 + weight) / 2, "oscillation"))
    return forms


def _chosen(
    target: Target, eps: float, activation: str, gain: float | None, outer_gain: float | None
) -> Construction:
    """The least number of cells, then the least gain, with a claim below eps."""
    if isinstance(eps, bool) or not 0.0 < eps < math.inf:
        raise ValueError(f"eps: got {eps!r}, expected a positive number.")
    steepest = _both(activation, MAX_GAIN if gain is None else gain, outer_gain)
    along = _cells_along(target, eps)
    while True:
        grid = _cubes(target, along)
        if grid.num_weights > _grids.MAX_WEIGHTS:
            given = "" if gain is None and outer_gain is None else _TAILS.format(gain, outer_gain)
            raise ValueError(f"eps: got {eps!r}, which takes {grid.size_in_words()}.{given}")
        steps = _StepFunction.of(target, grid)
        if float(steps.bound(*steepest)) < eps:
            break
        along += 1 + along // 64
    for power in _GAINS if gain is None and activation != "heaviside" else ():
        both = _both(activation, power, outer_gain)
        if float(steps.bound(*both)) < eps:
            return steps.construction(activation, *both)
    return steps.construction(activation, *steepest)


def _cells_along(target: Target, eps: float) -> int:
    """The least number of cells on the longest axis, before tails and rounding."""
    return _least(lambda m: min(_step_errors(target, _cubes(target, m), _ZONES[0]))[0] < eps)


def units_needed(target: Target, eps: float) -> int:
    """At least how many units `orthant_sum` takes for eps: without tails and rounding."""
    _check_target(target)
    grid = _cubes(target, _cells_along(target, eps))
    return grid.num_faces + grid.num_cells - 1


def _both(activation: str, gain: float | None, outer_gain: float | None) -> tuple[float, float]:
    return _grids.gains(activation, None if activation == "heaviside" else gain, outer_gain)


def _cubes(target: Target, along: int) -> Grid:
    """Cells as near to cubes as possible, `along` of them on the longest axis."""
    widths = target.domain.widths
    cells = np.ceil(widths / float(np.max(widths)) * along * (1 - 1e-12))
    return Grid(target.domain, tuple(int(m) for m in cells))


def _least(enough: Callable[[int], bool]) -> int:
    """The least integer >= 2 that is enough, by doubling and bisection."""
    high = 2
    while not enough(high):
        high *= 2
        if high > _MOST_ALONG:
            return high
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
