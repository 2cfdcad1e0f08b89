"""The networks of `depth_separation`, and their errors.

Lower bounds for one hidden layer of n ReLUs, which is affine on n + 1 pieces of a line at most:

- x^2: 1/(8 (n + 1)^2), `optimal.square_by_pieces`. The same for xy, which is t^2 on the diagonal
  (t, t) of the unit square.
- Takagi function T: with n < 2^j kinks one of the 2^j dyadic intervals of length 2^-j has none
  inside. There T is an affine function plus 2^-j T(2^j x), and T is at least 1/3 away from every
  affine function: T has the values 0, 2/3, 2/3, 0 at 0, 1/3, 2/3, 1. So the error is 2^-j / 3.
- tent^k in L1: each of the 2^(k-1) teeth, on a base of length 2^(1-k), is at least 2^-k / 2 away
  from every affine function, and one kink spoils at most one tooth: 1/4 - n 2^(-k-1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from approxlab import MLP, Construction

__all__ = ["after_layers", "fitted_tent", "least_teeth", "point"]

_GRID = 2**16  # points of L1 and L2 errors, midpoints of equal cells


def point(unit: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Units and error of one network, or of the bound on all of them."""
    name, kind = unit["target"], unit["kind"]
    if kind == "least":
        return _least(name, unit["pieces"])
    if kind == "trained":
        return _trained(unit, seed)
    eps = 10.0 ** -unit["digits"]
    return _row(_shallow(name, eps) if kind == "shallow" else _deep(name, eps, kind == "plain"))


def _row(built: Construction | tuple[MLP, Any, float]) -> dict[str, Any]:
    import approxlab as al

    if isinstance(built, al.Construction):
        network, target, claim = built.network, built.target, float(built.claim.bound)
    else:
        network, target, claim = built
    return {
        "num_hidden_units": network.num_hidden_units,
        "num_linear_units": network.num_linear_units,
        "num_layers": network.depth,
        "error": claim,
        "sup_error": float(al.errors.sup(network, target)),
    }


def _least(name: str, n: int) -> dict[str, Any]:
    """What n - 1 ReLUs in one hidden layer cannot do better than."""
    import approxlab as al

    if name in ("square", "product"):
        error = float(al.optimal.square_by_pieces(n))
    elif name == "takagi":
        error = 2.0 ** -math.ceil(math.log2(n)) / 3.0  # n - 1 < 2^j kinks
    else:
        error = float(al.optimal.relu_spline(al.targets.get(name), n, "sup").lower)
    return {"num_hidden_units": n - 1, "error": error}


def _shallow(name: str, eps: float) -> Construction | tuple[MLP, Any, float]:
    import numpy as np

    import approxlab as al
    from approxlab import constructions

    if name == "square":
        n = math.ceil(math.sqrt(1.0 / (8.0 * eps)))
        while float((built := constructions.square_shallow(n)).claim.bound) > eps:
            n += max(1, n // 2000)  # the rounding of thousands of units
        return built
    if name == "product":
        return _product_of_ridges(math.floor(0.5 / math.sqrt(eps)) + 1)
    target = al.targets.get(name)
    if name == "takagi":
        # At multiples of 2^-j the interpolant is below T by at most 2^-j 2/3; half is added.
        j = max(1, math.ceil(math.log2(1.0 / (3.0 * eps))))
        knots = np.arange(2**j + 1) / 2.0**j
        heights = np.asarray(al.evaluate(target, knots[:, None])) + 2.0**-j / 3.0
        network = constructions.spline_network(knots, heights)
        return network, target, 2.0**-j / 3.0 + _rounding(network)
    return constructions.placed_spline(target, eps)


def _product_of_ridges(n: int) -> tuple[MLP, Any, float]:
    """Xy = ((x + y)/2)^2 - ((x - y)/2)^2, both interpolated on n pieces: 2 n ridges, 1/(4 n^2)."""
    import numpy as np

    import approxlab as al
    from approxlab.constructions import product_deep, spline_network

    nodes = np.arange(n + 1) / n
    parts = [spline_network(t, t**2) for t in (nodes, nodes - 0.5)]
    inner = [np.asarray(parts[0].weights[0]) @ [[0.5, 0.5]]]
    inner += [np.asarray(parts[1].weights[0]) @ [[0.5, -0.5]]]
    outer = [np.asarray(parts[0].weights[1]), -np.asarray(parts[1].weights[1])]
    network = al.MLP.from_arrays(
        [np.concatenate(inner), np.concatenate(outer, axis=1)],
        [
            np.concatenate([np.asarray(p.biases[0]) for p in parts]),
            np.asarray(parts[0].biases[1]) - np.asarray(parts[1].biases[1]),
        ],
        "relu",
    )
    return network, product_deep(1).target, 0.25 / (n * n) + _rounding(network)


def _rounding(network: MLP) -> float:
    """Bound of the rounding of one hidden layer of n units, each at most 1 in size.

    n eps sum |v_j| for the sum, eps twice the unit roundoff (Higham 2002, section 4.2); once more
    each for the units, the parameters, and the values of the target.
    """
    import numpy as np

    heights = np.abs(np.asarray(network.weights[-1], np.float64))
    eps = float(np.finfo(np.float64).eps)
    return (heights.size + 8) * eps * (float(heights.sum()) + 4.0)


def _deep(name: str, eps: float, plain: bool) -> Construction:
    import approxlab as al
    from approxlab import constructions

    if name == "square":
        if plain:
            return constructions.square_layered(least_teeth(math.sqrt(1.0 / (8.0 * eps))))
        return constructions.square_deep(max(1, math.ceil(0.5 * (math.log2(1.0 / eps) - 3.0))))
    if name == "product":
        return constructions.product_deep(eps=eps)
    if name == "cube":
        return constructions.monomial_deep(3, eps)
    if name == "exp":
        return constructions.analytic_deep(al.targets.get("exp"), eps)
    levels = max(1, math.ceil(math.log2(1.0 / (3.0 * eps))))
    return constructions.takagi_deep(levels, linear_units=not plain)


def least_teeth(pieces: float) -> tuple[int, ...]:
    """Teeth per layer with a product of at least `pieces` and the fewest units in plain layers.

    Example:
        >>> least_teeth(100.0)
        (5, 5, 4)
    """
    found: list[tuple[int, tuple[int, ...]]] = []
    for depth in range(1, 41):
        p = max(2, math.floor(pieces ** (1.0 / depth)))
        for many in range(depth + 1):
            teeth = (p + 1,) * many + (p,) * (depth - many)
            if math.prod(teeth) >= pieces:
                found.append((sum(teeth) + depth - 1, teeth))
                break
    return min(found)[1]


def _trained(unit: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The network with the least sup error of all seeds; they are trained in L2."""
    import approxlab as al

    target = al.targets.get(unit["target"])
    fit = _fit_deep(target, unit["depth"], unit, seed)
    errors = [float(al.errors.sup(fit.networks.member(i), target)) for i in range(unit["seeds"])]
    best = min(range(len(errors)), key=errors.__getitem__)
    return {
        "num_hidden_units": 4 * unit["depth"],
        "num_layers": unit["depth"],
        "pieces": int(fit.pieces[best]),
        "error": errors[best],
    }


def _fit_deep(target: Any, depth: int, unit: Mapping[str, Any], seed: int) -> Any:
    import jax

    from approxlab.fitting import fit_deep

    key = jax.random.fold_in(jax.random.key(seed), depth)
    return fit_deep(target, (4,) * depth, seeds=unit["seeds"], key=key, stages=unit["stages"])


def fitted_tent(unit: Mapping[str, Any], seed: int, devices: Any) -> dict[str, Any]:
    """The least L1 error of shallow fits, of a network that copies the first teeth, the bound."""
    import jax
    import numpy as np

    import approxlab as al
    from approxlab.constructions import spline_network

    k, n = unit["k"], unit["n"]
    target = al.targets.get("tent", k=k)
    fit = al.fit(
        target,
        hidden=(n,),
        passthrough=(1,),
        activation="relu",
        init="uniform_knots",
        method="variable_projection",
        seeds=unit["seeds"],
        key=jax.random.fold_in(jax.random.key(seed), n),
        steps=unit["steps"],
        points=1024,
        devices=devices,
    )
    errors = [_l1(fit.networks.member(i), target) for i in range(unit["seeds"])]
    # The first n - 1 turning points, then half of a piece down or up to 1/2, then constant.
    turns = min(n, 2**k)
    knots = np.append(np.arange(turns) / 2.0**k, min(turns - 0.5, 2.0**k) / 2.0**k)
    heights = np.append(np.arange(turns) % 2, 0.5)
    copied = spline_network(np.append(knots, 2.0), np.append(heights, 0.5))
    return {
        "num_hidden_units": n,
        "l1_error": min(errors),
        "copied_l1_error": _l1(copied, target),
        "least_l1_error": max(0.0, 0.25 - n * 2.0 ** (-k - 1)),
    }


def _l1(network: MLP, target: Any) -> float:
    """The L1 error on [0, 1], at midpoints of cells."""
    import numpy as np

    import approxlab as al

    x = (np.arange(_GRID) + 0.5)[:, None] / _GRID
    return float(np.mean(np.abs(np.asarray(al.evaluate(network, x) - al.evaluate(target, x)))))


def after_layers(unit: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """L2 error of the best affine function of the units of layer 1, 2, ..., L of one network."""
    import numpy as np

    import approxlab as al
    from approxlab import constructions

    target, count = al.targets.get(unit["target"]), unit["layers"]
    if unit["how"] == "trained":
        network = _fit_deep(target, count, unit, seed).network
    elif unit["target"] == "square":
        network = constructions.square_deep(count).network
    else:
        network = constructions.takagi_deep(count, linear_units=True).network
    x = (np.arange(_GRID) + 0.5)[:, None] / _GRID
    y = np.asarray(al.evaluate(target, x), np.float64)
    return [
        {"layer": layer, "l2_error": _left_over(network, layer, x, y)}
        for layer in range(1, network.depth + 1)
    ]


def _left_over(network: MLP, layer: int, x: Any, y: Any) -> float:
    """Least squares of the values with the units of one layer, and a constant."""
    import numpy as np

    import approxlab as al

    width = network.sizes[layer]
    units = al.MLP.from_arrays(
        [*[np.asarray(w) for w in network.weights[:layer]], np.eye(width)],
        [*[np.asarray(b) for b in network.biases[:layer]], np.zeros(width)],
        "relu",
        passthrough=tuple(network.passthrough[:layer]),
        out_size=width,
    )
    columns = np.column_stack([np.ones(len(x)), np.asarray(al.evaluate(units, x), np.float64)])
    scale = np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    found, *_ = np.linalg.lstsq(columns / scale, y, rcond=1e-13)
    return float(np.sqrt(np.mean((columns / scale @ found - y) ** 2)))
