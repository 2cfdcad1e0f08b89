"""Radial functions: a sum of ridges near |x - c|^2, then a function of one variable of it.

Let s(x) = sum_j phi_j(x_j), with phi_j the interpolant of (x_j - c_j)^2 at n + 1 equally spaced
points, lowered by half its error. Then |s(x) - |x - c|^2| <= delta = sum_j w_j^2 / (8 n^2), and
that is attained. A function g of s is one more hidden layer. In two hidden layers the first one
holds d n ridges; in three, phi_j is built by two layers of p and p + 1 units with p^2 >= n
(`square_layered`), so d (2 p + 1) units replace d n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_number, check_positive
from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions._folds import folded, folded_rounding
from approxlab.constructions._relu_rounding import with_rounding
from approxlab.constructions._target_checks import interval_of, lipschitz_of
from approxlab.constructions.relu_splines import relu_interpolant
from approxlab.constructions.squares import square_levels
from approxlab.domains import Box
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.targets.target import Target

__all__ = ["ball_indicator", "radial_function"]

_MOST_RIDGES, _MOST_WEIGHTS = 100_000, 2**25


def ball_indicator(
    dim: Any,
    margin: Any,
    radius: Any = 0.5,
    domain: Any = None,
    *,
    center: Any = None,
    depth: Any = 2,
) -> Construction:
    """The indicator of a ball, exactly, except in a shell around its sphere.

    With s as at the head of the module and gap = 2 r m - m^2, for a margin m below r, |x - c|^2
    differs from r^2 by at least the gap wherever | |x - c| - r | >= m. So a ramp of s that falls
    from 1 to 0 while s grows from r^2 - tau to r^2 + tau, with delta + tau < gap, is the indicator
    there: 2 ReLUs. n is the least with delta <= 7/8 gap, about sqrt(d / (14 r m)) max w_j: for a
    fixed shell the network has O(d^(3/2)) units. In the shell the values lie between 0 and 1, so
    the squared L2 error is at most the volume of the shell in the box.

    Args:
        dim: Dimension d.
        margin: The half width m of the shell, above 0 and below the radius.
        radius: The radius r of the ball.
        domain: A box of dimension d; by default [-1, 1]^d.
        center: The centre c, d numbers in the box; by default that of the box.
        depth: Number of hidden layers, 2 or 3.

    Returns:
        A construction with d n + 2 units in two layers, or d (2 p + 1) + 2 units in three. Its
        target is the indicator with a mask that leaves out the shell; the claim is the rounding.

    Raises:
        ValueError: If an argument is out of range, more than 100000 ridges are needed, or rounding
            in the dtype of networks is not small against the gap.

    Source:
        Eldan & Shamir 2016, Lemma 10, and Safran & Shamir 2017 (a sum of ridges, then a threshold);
        the constants are ours.

    Example:
        >>> built = ball_indicator(3, 0.125)
        >>> built.network.sizes, float(built.network(jnp.array([0.1, 0.2, -0.2])))
        ((3, 12, 2, 1), 1.0)
        >>> ball_indicator(3, 0.125, depth=3).network.sizes
        (3, 6, 9, 2, 1)
    """
    box = _box(dim, domain)
    check_number("radius", radius, positive=True)
    check_number("margin", margin, positive=True)
    if not margin < radius:
        raise ValueError(f"margin: got {margin!r}, expected less than the radius {radius!r}.")
    point = _center(center, box)
    r, gap = float(radius), float(2 * radius * margin - margin * margin)
    pieces = math.sqrt(float(np.sum(box.widths**2)) / (7.0 * gap)) if gap > 0.0 else math.inf
    n = max(1, math.ceil(min(pieces, 1e18) - 1e-12))
    teeth = _teeth("margin", margin, n, depth, box.dim)
    inner, error, rounding, reach = _squared_distance(box, point, teeth)
    # Rounding of the threshold itself, and the room for all of it on both sides of the ramp.
    eps = float(np.finfo(float_dtype(None)).eps)
    room = 4.0 * (rounding + 8.0 * eps * (reach + r * r))
    tau = gap - error - room
    if not tau > 0.0:
        raise ValueError(
            f"margin: got {margin!r}, for which rounding in {float_dtype(None)}, {room:.2g}, is "
            f"not small against 2 r m - m^2 = {gap:.2g}. Take a larger margin, or x64."
        )
    outer = np.ones((2, 1)), np.array([tau - r * r, -tau - r * r])
    network = _joined(inner, *outer, np.array([[-0.5 / tau, 0.5 / tau]]), 1.0)
    # Each of the two units sums all ridges, perhaps in another order: their slopes are 1 / (2 tau).
    value = 16.0 * eps * (1.0 + (reach + r * r) / tau) + rounding / tau
    source = f"|x - c|^2 to {error:.3g} by {n} pieces per axis, outside of a shell"
    bound = Bound(value, source, without_rounding=0.0, attained=True)
    target = _indicator(box, point, r, float(margin))
    return Construction(network, target, _claim(network, bound))


def radial_function(
    profile: Any,
    n: Any,
    m: Any,
    domain: Any = None,
    *,
    dim: Any = 2,
    center: Any = None,
    depth: Any = 2,
) -> Construction:
    """f(x) = g(|x - c|^2), for a Lipschitz target g of one variable, by two or three hidden layers.

    With s as at the head of the module and g_m the interpolant of g at m + 1 points, the error of
    g_m(s(x)) is at most L delta plus that of g_m, L the Lipschitz constant of g.

    Args:
        profile: g, a function of the squared distance q, on an interval [0, Q]. Q is at least
            delta more than the largest q in the box.
        n: Pieces of each square; in three layers, at least n.
        m: Pieces of g_m, which are the units of the last hidden layer.
        domain: A box of dimension d; by default [-1, 1]^d.
        dim: Dimension d, of the default box.
        center: The centre c, d numbers in the box; by default that of the box.
        depth: Number of hidden layers, 2 or 3.

    Returns:
        A construction with d n + m units in two layers, or d (2 p + 1) + m in three, p^2 >= n.

    Raises:
        TypeError: If the profile is not a `Target`.
        ValueError: If the profile has no fact `lipschitz`, its interval does not start at 0 or is
            too short, or an argument is out of range.

    Source:
        Eldan & Shamir 2016, Lemma 10; the constants are ours.

    Example:
        >>> from approxlab.targets import Target
        >>> g = Target(lambda q: jnp.exp(-q[0]), domain=Box([0.0], [3.0]), lipschitz=1.0,
        ...            second_derivative=1.0)
        >>> built = radial_function(g, 32, 12)
        >>> built.network.sizes, built.claim.bound.without_rounding < 0.01
        ((2, 64, 12, 1), True)
    """
    interval = interval_of(profile)
    slope = lipschitz_of(profile)
    check_positive(n=n, m=m)
    box = _box(dim if domain is None else getattr(domain, "dim", dim), domain)
    point = _center(center, box)
    inner, error, rounding, _ = _squared_distance(
        box, point, _teeth("n", n, int(n), depth, box.dim)
    )
    farthest = float(np.sum(np.maximum(box.upper - point, point - box.lower) ** 2))
    if interval.lower[0] != 0.0 or not interval.upper[0] >= farthest + error + rounding:
        raise ValueError(
            f"profile: got {profile!r}, expected a target on [0, Q] with Q at least "
            f"{farthest + error + rounding:.9g}: the largest |x - c|^2 in {box!r}, and its error."
        )
    last = relu_interpolant(profile, int(m))
    network = _joined(
        inner,
        np.asarray(last.network.weights[0]),
        np.asarray(last.network.biases[0]),
        np.asarray(last.network.weights[1]),
        float(last.network.biases[1][0]),
    )
    exact = float(last.claim.bound.without_rounding or 0.0) + slope * error
    eps = float(np.finfo(float_dtype(None)).eps)
    values = 8.0 * eps * (slope * farthest * (box.dim + 2) + float(last.claim.bound))
    whole = float(last.claim.bound) + slope * (error + 2.0 * rounding) + values
    source = "Lipschitz constant times the error of |x - c|^2, and linear interpolation"
    bound = with_rounding(exact, whole, source, network.dtype, False)
    target = Target(
        lambda x: profile(jnp.sum((x - jnp.asarray(point, x.dtype)) ** 2)[None]),
        domain=box,
        name=f"radial {profile.name}",
        value_min=profile.value_min,
        value_max=profile.value_max,
        lipschitz=2.0 * slope * math.sqrt(farthest),
        source="the chain rule",
    )
    return Construction(network, target, _claim(network, bound))


def _squared_distance(
    box: Box, point: np.ndarray, teeth: Sequence[int]
) -> tuple[MLP, float, float, float]:
    """The network s, its error delta in exact arithmetic, its rounding, and its largest value."""
    parts, error, rounding, reach = [], 0.0, 0.0, 0.0
    for low, high, c in zip(box.lower, box.upper, point, strict=True):
        axis = Box([low], [high])
        left, width = Fraction(low), Fraction(high) - Fraction(low)
        offset = left - Fraction(float(c))
        levels = square_levels(teeth, offset, width)
        shift = -(width**2) / (8 * math.prod(teeth) ** 2)
        parts.append(folded(levels, left, Fraction(0), shift, False))
        rounding += folded_rounding(levels, axis, Fraction(0), shift, parts[-1])
        error -= float(shift)
        reach += float(max(abs(offset), abs(offset + width)) ** 2)
    # The rounding of x moves |x - c|^2 too, and the sum over the axes is rounded.
    eps = float(np.finfo(parts[0].dtype).eps)
    ridges = sum(part.sizes[-2] for part in parts)
    sizes = sum(float(np.abs(np.asarray(p.weights[-1])).sum()) for p in parts)
    rounding += eps * (ridges + 4.0) * sizes * float(np.max(box.widths))
    return _beside(parts), error, rounding, reach


def _beside(parts: Sequence[MLP]) -> MLP:
    """The sum of networks of one variable each, of one depth, as a network of all variables."""
    weights = [_block_diagonal([p.weights[0] for p in parts])]
    for layer in range(1, parts[0].depth):
        weights.append(_block_diagonal([p.weights[layer] for p in parts]))
    weights.append(np.concatenate([np.asarray(p.weights[-1]) for p in parts], axis=1))
    biases = [
        np.concatenate([np.asarray(p.biases[layer]) for p in parts])
        for layer in range(parts[0].depth)
    ]
    biases.append(np.sum([np.asarray(p.biases[-1]) for p in parts], axis=0))
    return MLP.from_arrays(weights, biases, "relu")


def _block_diagonal(blocks: Sequence[Any]) -> np.ndarray:
    blocks = [np.asarray(block) for block in blocks]
    rows = sum(b.shape[0] for b in blocks)
    whole = np.zeros((rows, sum(b.shape[1] for b in blocks)))
    row = column = 0
    for block in blocks:
        whole[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return whole


def _joined(
    inner: MLP, rows: np.ndarray, bias: np.ndarray, last: np.ndarray, constant: float
) -> MLP:
    """A network of one hidden layer after `inner`: its first affine map takes in inner's last."""
    arrays = [np.asarray(w) for w in inner.weights[:-1]], [np.asarray(b) for b in inner.biases[:-1]]
    first = rows @ np.asarray(inner.weights[-1])
    offset = bias + rows[:, 0] * float(inner.biases[-1][0])
    weights, biases = [*arrays[0], first, last], [*arrays[1], offset, np.array([constant])]
    return MLP.from_arrays(weights, biases, "relu")


def _claim(network: MLP, bound: Bound) -> Claim:
    return Claim("sup", bound, network.num_hidden_units, 0, network.depth)


def _teeth(name: str, got: Any, n: int, depth: Any, dim: int) -> tuple[int, ...]:
    if not hasattr(depth, "__index__") or isinstance(depth, bool) or depth not in (2, 3):
        raise ValueError(f"depth: got {depth!r}, expected 2 or 3 hidden layers.")
    p = max(2, math.isqrt(n - 1) + 1)  # the least with p^2 >= n
    ridges = dim * (n if depth == 2 else 2 * p + 1)
    weights = dim * dim * (n if depth == 2 else p * (p + 1))
    if ridges > _MOST_RIDGES or weights > _MOST_WEIGHTS:
        raise ValueError(
            f"{name}: got {got!r}, for which {n:.3g} pieces per axis in {dim} dimensions take "
            f"{ridges:.3g} ridges and {weights:.3g} weights, expected fewer: {_MOST_RIDGES} and "
            f"{_MOST_WEIGHTS} at most. Take a wider shell, a smaller box, or another depth."
        )
    return (n,) if depth == 2 else (p, p)


def _box(dim: Any, domain: Any) -> Box:
    check_positive(dim=dim)
    if domain is None:
        return Box.cube(-1.0, 1.0, int(dim))
    if not isinstance(domain, Box):
        raise TypeError(
            f"domain: got {domain!r}, expected a Box, such as al.Box([-1.0, -1.0], [1.0, 1.0])."
        )
    if domain.dim != dim:
        raise ValueError(f"domain: got {domain!r}, expected a box of dimension {dim}.")
    return domain


def _center(center: Any, box: Box) -> np.ndarray:
    if center is None:
        return np.asarray(box.center, np.float64)
    try:
        point = np.asarray(center, np.float64)
    except (TypeError, ValueError):
        point = np.array(math.nan)
    if point.shape != (box.dim,) or not box.contains(point[None])[0]:
        raise ValueError(f"center: got {center!r}, expected a point of {box!r}: {box.dim} numbers.")
    return point


def _indicator(box: Box, point: np.ndarray, r: float, margin: float) -> Target:
    def distance(x: Array) -> Any:
        return jnp.sqrt(jnp.sum((x - jnp.asarray(point, x.dtype)) ** 2))

    return Target(
        lambda x: jnp.where(distance(x) < r, 1.0, 0.0),
        domain=box,
        name="indicator of a ball",
        value_min=0.0,
        value_max=1.0,
        smoothness="jump",
        continuous=False,
        source="an indicator",
        mask=lambda x: jnp.abs(distance(x) - r) >= margin,
    )
