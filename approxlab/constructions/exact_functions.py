"""Piecewise linear functions of several variables that small ReLU networks compute exactly.

Sizes. In plain layers, on all of R^d:

- The maximum of two numbers is relu(x - y) + y, with y = relu(y) - relu(-y): 3 ReLUs. No layer has
  fewer: it bends at x = y, which takes one unit, and what is left is linear, not zero, and not a
  multiple of x - y; a linear function that bends nowhere takes two units more.
- The l1 norm is 2 sum_i relu(x_i) - sum_i x_i: d + 2 ReLUs, or 2 d where that is less. No layer has
  fewer, by the same argument: one unit per coordinate, and what is left is linear and not zero.
- For the maximum of d > 2 numbers and the median of three the sizes are the least known to this
  library. The maximum by a tree has ceil(log2 d) layers (Arora et al. 2018). Two layers are enough
  for d <= 5 (Bakaev et al. 2025, "Better neural network expressivity: subdividing the simplex"), a
  network that is not built here; one layer is not enough for d >= 3 (Mukherjee & Basu 2017).

With linear units, a maximum of two takes one ReLU, since y is passed on as it is.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_positive, checked_flag
from approxlab.claims import Claim, Construction
from approxlab.constructions._relu_rounding import check_held, with_rounding
from approxlab.domains import Box
from approxlab.networks.mlp import MLP
from approxlab.targets.target import Target

__all__ = ["l1_norm", "maximum", "median_of_three", "minimum", "sort_two"]


def largest_of(x: Array) -> Array:
    """The largest coordinate of a point."""
    return jnp.max(x)


def least_of(x: Array) -> Array:
    """The least coordinate of a point."""
    return jnp.min(x)


def sum_of_sizes(x: Array) -> Array:
    """The sum of the absolute values of the coordinates of a point."""
    return jnp.sum(jnp.abs(x))


def second_of(x: Array) -> Array:
    """The second of the coordinates in increasing order; of three, the median."""
    return jnp.sort(x)[1]


_MOST_INPUTS = 1024  # the first layer has about 3/2 d^2 weights


def maximum(
    dim: Any, domain: Any = None, *, linear_units: Any = False, largest: Any = True
) -> Construction:
    """The maximum of d numbers, exactly, by a binary tree of ceil(log2 d) layers.

    Each layer halves the numbers, by max(u, v) = relu(u - v) + v; an odd one is passed on. In plain
    layers v = relu(v) - relu(-v). One number is an affine network without hidden layers.

    Args:
        dim: Number of numbers d, at most 1024.
        domain: A box of dimension d for the target and the claim; by default [-1, 1]^d. The
            network is the maximum on all of R^d.
        linear_units: If true, d - 1 ReLUs in all, and linear units for v and for odd numbers; else
            3 ReLUs for a pair and 2 for an odd number.
        largest: If false, the minimum.

    Returns:
        A construction with error 0 in exact arithmetic; the claim is the rounding of points and
        evaluation.

    Raises:
        ValueError: If `dim` is not an integer from 1 to 1024, or the box has another dimension.

    Source:
        Arora, Basu, Mianjy & Mukherjee 2018, Lemma D.3; sizes at the head of the module.

    Example:
        >>> built = maximum(5)
        >>> built.network.sizes, float(built.network(jnp.array([0.5, -2.0, 1.5, 0.0, 1.0])))
        ((5, 8, 5, 3, 1), 1.5)
        >>> maximum(5, linear_units=True).network.num_hidden_units
        4
    """
    box = _box(dim, domain)
    linear_units = checked_flag("linear_units", linear_units)
    largest = checked_flag("largest", largest)
    sign = 1.0 if largest else -1.0
    weights, through = [], []
    wires = [sign * row for row in np.eye(int(dim))]
    while len(wires) > 1:
        rows, linear, wires = _halved(wires, linear_units)
        weights.append(rows)
        through.append(linear)
    network = _network([*weights, sign * np.array(wires)], through)
    name = "maximum" if largest else "minimum"
    end = max if largest else min
    target = Target(
        largest_of if largest else least_of,
        domain=box,
        name=f"{name} of {int(dim)}",
        value_min=float(end(box.lower)),
        value_max=float(end(box.upper)),
        lipschitz=1.0,
        smoothness="kink",
        source="a maximum of coordinates",
    )
    return _exact(network, target, f"{name} by pairs")


def minimum(dim: Any, domain: Any = None, *, linear_units: Any = False) -> Construction:
    """The minimum of d numbers, exactly: -max(-x). Sizes, arguments and errors as in `maximum`.

    Example:
        >>> float(minimum(3).network(jnp.array([0.5, -2.0, 1.5])))
        -2.0
    """
    return maximum(dim, domain, linear_units=linear_units, largest=False)


def _halved(wires: list[np.ndarray], linear: bool) -> tuple[np.ndarray, int, list[np.ndarray]]:
    """The next layer, its number of linear units, and the maxima of pairs as sums of its units."""
    rows: list[np.ndarray] = []
    carried: list[np.ndarray] = []
    sums: list[list[tuple[str, int, float]]] = []

    def passed(v: np.ndarray) -> list[tuple[str, int, float]]:
        if linear:
            carried.append(v)
            return [("linear", len(carried) - 1, 1.0)]
        rows.extend([v, -v])
        return [("relu", len(rows) - 2, 1.0), ("relu", len(rows) - 1, -1.0)]

    for u, v in zip(wires[::2], wires[1::2], strict=False):
        rows.append(u - v)
        sums.append([("relu", len(rows) - 1, 1.0), *passed(v)])
    if len(wires) % 2:
        sums.append(passed(wires[-1]))
    new = np.zeros((len(sums), len(rows) + len(carried)))
    for i, terms in enumerate(sums):
        for kind, j, factor in terms:
            new[i, j if kind == "relu" else len(rows) + j] = factor
    return np.array(rows + carried), len(carried), list(new)


def l1_norm(dim: Any, domain: Any = None, *, linear_units: Any = False) -> Construction:
    """The sum of |x_i|, exactly, by one layer of min(2 d, d + 2) ReLUs, the fewest on all of R^d.

    sum_i |x_i| = 2 sum_i relu(x_i) - s with s = sum_i x_i, which two ReLUs or one linear unit pass
    on. For d <= 2, |x_i| = relu(x_i) + relu(-x_i) needs no more.

    Args:
        dim: Number of coordinates d, at most 1024.
        domain: A box of dimension d for the target and the claim; by default [-1, 1]^d.
        linear_units: If true, d ReLUs and one linear unit.

    Returns:
        A construction with error 0 in exact arithmetic; the claim is the rounding.

    Raises:
        ValueError: If `dim` is not an integer from 1 to 1024, or the box has another dimension.

    Source:
        Elementary; that no layer has fewer ReLUs is shown at the head of the module.

    Example:
        >>> built = l1_norm(4)
        >>> built.network.num_hidden_units, float(built.network(jnp.array([1.0, -2.0, 0.5, 0.0])))
        (6, 3.5)
    """
    box = _box(dim, domain)
    linear_units = checked_flag("linear_units", linear_units)
    d, total = int(dim), np.ones((1, int(dim)))
    if linear_units:
        rows, last, through = [np.eye(d), total], [[2.0] * d + [-1.0]], 1
    elif d <= 2:
        rows, last, through = [np.eye(d), -np.eye(d)], [[1.0] * (2 * d)], 0
    else:
        rows, last, through = [np.eye(d), total, -total], [[2.0] * d + [-1.0, 1.0]], 0
    network = _network([np.concatenate(rows), np.array(last)], [through])
    low = [max(a, -b, 0.0) for a, b in zip(box.lower, box.upper, strict=True)]
    target = Target(
        sum_of_sizes,
        domain=box,
        name=f"l1 norm in {d} dimensions",
        value_min=float(sum(low)),
        value_max=float(np.sum(np.max(np.abs([box.lower, box.upper]), axis=0))),
        lipschitz=float(np.sqrt(d)),
        smoothness="kink",
        source="the triangle inequality; Cauchy-Schwarz for the Lipschitz constant",
    )
    return _exact(network, target, "sum of |x_i| by positive parts", d)


def median_of_three(domain: Any = None, *, linear_units: Any = False) -> Construction:
    """The median of three numbers, exactly, by two layers.

    With l = min(x, y) = y - relu(y - x) and u = max(x, y) = y + relu(x - y), the median is z
    clamped to [l, u]: l + relu(z - l) - relu(z - u).

    Args:
        domain: A box of dimension 3 for the target and the claim; by default [-1, 1]^3.
        linear_units: If true, 3 ReLUs and 4 linear units; else layers of 6 and 4 ReLUs.

    Returns:
        A construction with error 0 in exact arithmetic; the claim is the rounding.

    Raises:
        ValueError: If the box is not of dimension 3.

    Source:
        Elementary; the sizes are the least known to this library.

    Example:
        >>> float(median_of_three().network(jnp.array([0.5, -0.25, 0.75])))
        0.5
    """
    box = _box(3, domain)
    linear_units = checked_flag("linear_units", linear_units)
    x, y, z = np.eye(3)
    if linear_units:
        first = np.array([x - y, x, y, z])
        r, u_x, u_y, u_z = np.eye(4)
        low, high, passed = u_x - r, u_y + r, u_z
        second = np.array([passed - low, passed - high, low])
        network = _network([first, second, np.array([[1.0, -1.0, 1.0]])], [3, 1])
    else:
        first = np.array([x - y, y - x, y, -y, z, -z])
        r, back, plus, minus, z_plus, z_minus = np.eye(6)
        low, high, passed = plus - minus - back, plus - minus + r, z_plus - z_minus
        second = np.array([passed - low, passed - high, low, -low])
        network = _network([first, second, np.array([[1.0, -1.0, 1.0, -1.0]])], [0, 0])
    target = Target(
        second_of,
        domain=box,
        name="median of three",
        value_min=float(sorted(box.lower)[1]),
        value_max=float(sorted(box.upper)[1]),
        lipschitz=1.0,
        smoothness="kink",
        source="one of three coordinates",
    )
    return _exact(network, target, "z clamped to [min(x, y), max(x, y)]")


def sort_two(*, linear_units: Any = False) -> MLP:
    """Two numbers in order, exactly, as a network with two outputs: (min(x, y), max(x, y)).

    min = y - relu(y - x) and max = y + relu(x - y): 4 ReLUs with y = relu(y) - relu(-y), or one
    ReLU and two linear units, x and y. No layer has fewer than 4: min + max and max - min are
    x + y and |x - y|, on two lines.

    Args:
        linear_units: Whether x and y are linear units.

    Returns:
        The network, with values of shape (2,). It has no claim: only functions with one value are
        targets. Each output alone is that of `minimum` or `maximum`.

    Example:
        >>> sort_two()(jnp.array([2.0, -1.0])).tolist()
        [-1.0, 2.0]
    """
    linear_units = checked_flag("linear_units", linear_units)
    x, y = np.eye(2)
    if linear_units:
        rows, outputs, through = [x - y, x, y], [[-1.0, 1.0, 0.0], [1.0, 0.0, 1.0]], 1 + 1
    else:
        rows, through = [x - y, y - x, y, -y], 0
        outputs = [[0.0, -1.0, 1.0, -1.0], [1.0, 0.0, 1.0, -1.0]]
    return MLP.from_arrays(
        [np.array(rows), np.array(outputs)],
        [np.zeros(len(rows)), np.zeros(2)],
        "relu",
        passthrough=(through,),
        out_size=2,
    )


def _box(dim: Any, domain: Any) -> Box:
    check_positive(dim=dim)
    if dim > _MOST_INPUTS:
        raise ValueError(
            f"dim: got {dim}, expected at most {_MOST_INPUTS}: the layers are full matrices."
        )
    if domain is None:
        return Box.cube(-1.0, 1.0, int(dim))
    if not isinstance(domain, Box):
        raise TypeError(
            f"domain: got {domain!r}, expected a Box, such as al.Box([-1.0, -1.0], [1.0, 1.0])."
        )
    if domain.dim != dim:
        raise ValueError(f"domain: got {domain!r}, expected a box of dimension {dim}.")
    check_held("domain", domain, 64.0 * dim * float(np.max(np.abs([domain.lower, domain.upper]))))
    return domain


def _network(weights: list[np.ndarray], through: list[int]) -> MLP:
    biases = [np.zeros(len(rows)) for rows in weights]
    return MLP.from_arrays(weights, biases, "relu", passthrough=tuple(through))


def _exact(network: MLP, target: Target, source: str, terms: int = 1) -> Construction:
    """The claim: no error in exact arithmetic, and the rounding of what the network computes.

    A wire is a sum of at most 3 units, and a unit's input one of 6, all at most 2 R in size, with R
    the largest coordinate. So a layer errs by at most 3 (6 + 2) 12 R eps, and a maximum passes
    errors on without making them larger. A sum of d coordinates has size d R, and d terms.
    """
    info = np.finfo(network.dtype)
    eps, box = float(info.eps), target.domain
    reach = float(np.max(np.abs([box.lower, box.upper])))
    layers = 300.0 * max(1, network.depth) * eps * reach * terms
    whole = layers + 8.0 * eps * terms * terms * reach + 16.0 * terms * float(info.tiny)
    bound = with_rounding(0.0, whole, source, network.dtype, True)
    claim = Claim("sup", bound, network.num_hidden_units, network.num_linear_units, network.depth)
    return Construction(network, target, claim)
