"""How much finite steepness adds to the error of a sum of sigmoids: all tails, in closed form.

Everything is measured in cells. S(z) = 1 / (1 + exp(-4 z)) has slope 1 at 0, a jump at p is
S(g (t - p)) with the gain g, and S(g .) is the distribution function of a symmetric random number
X (the logistic law of scale 1 / (4 g)). So a sum of sigmoids is an expectation: the staircase with
infinitely steep jumps takes y to f(N(y)), N(y) the node whose cell holds y, and

    s(t) = E f(N(t - X)).

This accounts for every jump, and each error is bounded by a moment of N(t - X) - t:

- Lipschitz: |s - f| <= L h sup_t E|N(t - X) - t|.
- Second derivative: f(N) = f + f' (N - t) + R with |R| <= M (N - t)^2 / 2, so
  |s - f| <= L h sup_t |E N(t - X) - t| + (M h^2 / 2) sup_t E (N(t - X) - t)^2.

The jumps lie halfway between nodes (then N is the nearest node), or are moved by `shift` cells.
Everything holds for tanh too, as (1 + tanh(2 z)) / 2 is S(z), and for g = inf.
"""

from __future__ import annotations

import math

__all__ = ["curvature_factors", "lipschitz_factor", "missing_jumps", "rise", "rounding"]

_OMEGA = 0.2784645427610738  # max of v / (1 + exp(v)): Lambert's W(1 / e)


def rise(z: float | int) -> float:
    """S(z) = 1 / (1 + exp(-4 z)): rises from 0 to 1, with slope 1 at 0; z may be infinite."""
    return math.exp(min(4.0 * z, 0.0)) / (1.0 + math.exp(-abs(4.0 * z)))


def tail_sum(gain: float | int, start: float | int) -> float:
    """Upper bound of sum_{i >= 0} S(-g (start + i)), start >= 0: a term and a geometric series."""
    rest = math.exp(-4.0 * gain * (start + 1.0)) / -math.expm1(-4.0 * gain)
    return rise(-gain * start) + rest


def lipschitz_factor(gain: float | int, shifts: tuple[float, ...]) -> float:
    """Upper bound of sup_t E|N(t - X) - t|, for jumps moved by each of `shifts`, equally weighted.

    Without a shift, let t lie at distance u from the middle of two nodes, |u| <= 1/2. The two
    nearest nodes contribute at most (1/2 - u) S(g u) + (1/2 + u) S(-g u) = 1/2 - u tanh(2 g u)
    <= 1/2. Every other pair of jumps contributes S(-g (i - u)) + S(-g (i + u)), i >= 1, which is
    convex in u, so largest at u = 1/2. The sum is 1/2 + S(-g/2) + 2 sum_{i >= 1} S(-g (i + 1/2)).
    A second bound is |N(y) - y| <= 1/2 with E|X| = ln 2 / (2 g). A shift by 1/2 adds at most 1/2.

    For the mean of the shifts -1/2 and 1/2, let t be the distance from the node on the left. Then
    E|N(t - X) - t| is
    1/2 + t S(-g t) + (1 - t) S(-g (1 - t)) + sum_{i >= 1} (S(-g (t + i)) + S(-g (1 - t + i))).
    Here t S(-g t) <= W / (4 g), W = max v / (1 + exp v), and the sum over i is convex in t, so
    largest at t = 0.
    """
    if math.isinf(gain):
        return 0.5 if len(shifts) > 1 else 0.5 + abs(shifts[0])
    excess = min(rise(-0.5 * gain) + 2.0 * tail_sum(gain, 1.5), math.log(2.0) / (2.0 * gain))
    moved = 0.5 + excess + max(map(abs, shifts))
    if len(shifts) == 1:
        return moved
    return min(moved, 0.5 + _OMEGA / (2 * gain) + tail_sum(gain, 1.0) + tail_sum(gain, 2.0))


def curvature_factors(gain: float | int, shifts: tuple[float, ...]) -> tuple[float, float]:
    """Upper bounds of sup_t |E N(t - X) - t| and of sup_t E (N(t - X) - t)^2.

    Without a shift N(y) = y - saw(y) with saw(y) = sum_m (-1)^(m+1) sin(2 pi m y) / (pi m). The
    characteristic function of X at 2 pi m is c_m = m z / sinh(m z), z = pi^2 / (2 g), so
    |E N - t| <= sum_m c_m / (pi m) <= (z / pi) / (sinh(z) (1 - exp(-z))), because
    sinh(m z) >= sinh(z) exp((m - 1) z). It is also at most 1/2.

    Likewise E (N - t)^2 is E X^2 + 1/12 plus a ripple, with E X^2 = pi^2 / (48 g^2). The ripple is
    at most the sum of c_m / (pi m)^2, from the series of saw^2, plus the sum of
    2 |c'(2 pi m)| / (pi m), from 2 E[X saw], where |c'| <= c pi / (4 g). By Minkowski's inequality
    E (N - t)^2 is also at most (sqrt(E X^2) + 1/2)^2.

    A shift d changes E N - t by -d, and the square by at most d^2 + 2 |d| |E N - t|; in the mean
    over the shifts -1/2 and 1/2 the terms of first order cancel.
    """
    ripple, square = 0.5, 0.25
    if math.isfinite(gain):
        z, variance = math.pi**2 / (2.0 * gain), (math.pi / gain) ** 2 / 48.0
        decay = 2.0 * math.exp(-z) / (-math.expm1(-2.0 * z) * -math.expm1(-z))
        ripple = min(0.5, z / math.pi * decay)
        smooth = variance + 1.0 / 12.0 + z * decay * (math.pi**-2 + 0.5 / gain)
        square = min(smooth, (math.sqrt(variance) + 0.5) ** 2)
    if len(shifts) > 1:
        return ripple, square + 0.25
    moved = abs(shifts[0])
    return moved + ripple, square + moved**2 + 2.0 * moved * ripple


def missing_jumps(gain: float | int, shifts: tuple[float, ...], halo: int, n: int) -> float:
    """Upper bound of what jumps beyond the halo would add on the box, relative to the largest jump.

    At an end of the box, the missing jumps of that side are halo + 1/2 + i cells away, plus the
    shift, and those of the other side n cells more. Between the ends the sum is convex.
    """
    if math.isinf(gain):
        # A jump at an end of the box has half its height there.
        return sum(0.5 * (halo == 0 and abs(d) == 0.5) for d in shifts) / len(shifts)
    worst = (0.5 - abs(shifts[0]),) if len(shifts) == 1 else [0.5 + d for d in shifts]
    sums = [tail_sum(gain, halo + d) + tail_sum(gain, n + halo + d) for d in worst]
    return sum(sums) / len(sums)


def rounding(
    units: int,
    total: float | int,
    reach: float | int,
    lipschitz: float | int,
    gain: float | int,
    eps: float | int,
) -> float:
    """Upper bound of the rounding when the sum is evaluated in floating point.

    Summation in any order adds at most units * eps / 2 times the sum `total` of the absolute
    coefficients (Higham 2002, section 4.2). The activation is taken to be accurate to 8 units in
    the last place, and coefficients are rounded once. The argument w x + b, with the stored w and
    b, has at most 6 roundings of a number of size w * reach, `reach` the largest |x|: it is as if
    every jump were displaced by 3 eps reach. A displacement changes the sum by at most L (g + 1)
    times as much, as the slopes of all jumps at t add up to at most (g + 1) / h. For g = inf and a
    displacement D <= h/2 at most one jump is on the wrong side, which adds L D; beyond, at most
    2 D / h + 1 <= 4 D / h jumps of height L h are.
    """
    steep = 2.0 if math.isinf(gain) else gain + 1.0
    return eps * (0.5 * (units + 24) * total + 6.0 * reach * lipschitz * steep)
