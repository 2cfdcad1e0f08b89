"""The last layer of any network is a linear problem: solved, not trained.

With its hidden layers held, a network is a sum of given functions, so the best last layer comes
from one solve: in the L2 norm by rank-revealing least squares, in the sup norm by Lawson's
algorithm. One call makes up for what training has missed in the last layer.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np

from approxlab.arguments import check_norm
from approxlab.claims import Norm
from approxlab.errors.l2_norm import l2
from approxlab.errors.sup_norm import sup
from approxlab.evaluation import values_at
from approxlab.fitting.last_layer.points_and_values import points_and_values
from approxlab.fitting.last_layer.solved_networks import (
    Solution,
    SolvedNetwork,
    blocks_of,
    check_entries,
    solve_last_layer,
    with_last_layer,
)
from approxlab.fitting.last_layer.sup_norm import solve_sup_blocks
from approxlab.fitting.target_or_arrays import are_arrays
from approxlab.networks.activations import activation
from approxlab.networks.forward import hidden_units
from approxlab.networks.mlp import MLP

__all__ = ["readout", "readouts"]


def readout(
    network: MLP,
    target: Any,
    *,
    points: Any = None,
    weights: Any = None,
    norm: Norm = "l2",
    rtol: float | None = None,
    tol: float = 1e-3,
) -> SolvedNetwork:
    """The same hidden layers with the best last layer: one linear problem.

    With the units u_1 .. u_n of the last hidden layer, the coefficients and the bias of each output
    minimise sum_i w_i |c + sum_j a_j u_j(x_i) - f(x_i)|^2, or max_i |c + sum_j a_j u_j(x_i) -
    f(x_i)| with norm "sup". All outputs share one factorisation. The solve runs in the dtype of the
    network: float64 where small errors are wanted. On a target's box the points are Chebyshev
    points of the first kind, with their quadrature weights, or Sobol points beyond two dimensions;
    those inside the mask count. Memory holds a large matrix of the units once, with norm "sup"
    twice: at most a gibibyte.

    Args:
        network: A single network with one hidden layer or more; its last layer is not used. For
            stacked ones see `readouts`.
        target: A `Target`, or arrays (X, Y) of shapes (n, d) and (n,) or (n, m).
        points: For a target: how many points (in two dimensions rounded up to a square), or the
            points themselves, shape (n, d). By default 8 per unit on an interval and at least 256,
            3 per unit and 1024 in two dimensions, 4 per unit and 2048 beyond.
        weights: Non-negative weights of given points or arrays, shape (n,); by default equal ones.
            Not for norm "sup".
        norm: "l2", or "sup" for the least maximum at the points.
        rtol: Where the rank is cut, see `approxlab.solves.solve`; by default eps of the dtype.
        tol: Of norm "sup": how close to the least maximum, see `solve_sup`.

    Returns:
        A `SolvedNetwork`: the network, the solution with rank and condition (or with both bounds
        of the sup norm), and for a target an `Estimate` of the error: relative L2, or sup.

    Raises:
        TypeError: If network or target are of another type.
        ValueError: If shapes do not fit, a number is not finite, or an option is not for that
            target or norm.

    Example:
        >>> from approxlab import targets
        >>> net = MLP.init(jax.random.key(0), 1, (24,), "relu", init="uniform_knots")
        >>> solved = readout(net, targets.get("sine2"))
        >>> solved.network.num_hidden_units, float(solved.error) < 0.15
        (24, True)
    """
    if isinstance(network, MLP) and network.weights[0].ndim > 2:
        raise ValueError(
            f"network: got stacked networks {network!r}, expected a single one. Use readouts for "
            "all of them, or networks.member(i)."
        )
    options = {"points": points, "weights": weights, "rtol": rtol, "tol": tol}
    (solved,) = readouts(network, target, norm=norm, **options)
    return solved


def readouts(
    networks: MLP,
    target: Any,
    *,
    points: Any = None,
    weights: Any = None,
    norm: Norm = "l2",
    rtol: float | None = None,
    tol: float = 1e-3,
) -> tuple[SolvedNetwork, ...]:
    """`readout` for every one of several stacked networks, such as the seeds of a fit.

    Points and values of the target are computed once, and the networks share one compilation.

    Args:
        networks: Networks stacked along a leading axis, or a single one.
        target: As in `readout`, like all others.
        points: How many points, or the points.
        weights: Of given points or arrays.
        norm: "l2" or "sup".
        rtol: Where the rank is cut.
        tol: Of norm "sup".

    Returns:
        One `SolvedNetwork` per network.

    Raises:
        TypeError, ValueError: As `readout`.

    Example:
        >>> from approxlab import targets
        >>> keys = jax.random.split(jax.random.key(0), 3)
        >>> nets = jax.vmap(lambda key: MLP.init(key, 1, (16,), "tanh"))(keys)
        >>> len(readouts(nets, targets.get("exp")))
        3
    """
    _check(networks, weights, norm)
    width = networks.sizes[-2]
    x, y, w = points_and_values(target, networks.in_size, width, points, weights)
    # Of norm "sup" memory holds two matrices of that size.
    check_entries(width, len(x), copies=1 if norm == "l2" else 2)
    _check_outputs(networks, y)
    stacked = networks.weights[0].ndim > 2
    singles = (
        [networks.member(i) for i in range(len(networks.weights[0]))] if stacked else [networks]
    )
    results = []
    for network in singles:
        solution: Solution
        if norm == "l2":
            units = partial(_units, network)
            solved, solution = solve_last_layer(network, units, x, y, weights=w, rtol=rtol)
        else:
            blocks, shape = blocks_of(partial(_units, network), x, width)
            solution = solve_sup_blocks(blocks, shape, network.dtype, y, tol=tol, rtol=rtol)
            solved = with_last_layer(network, solution.solution)
        known = None if are_arrays(target) else _error(solved, target, norm)
        results.append(SolvedNetwork(solved, target, known, solution))
    return tuple(results)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class _HiddenLayers:
    """A network without its last layer: the units of the last hidden layer at one point."""

    network: MLP

    def __call__(self, x: Any) -> Any:
        net, act = self.network, activation(self.network.activation)
        return hidden_units(act, net.weights, net.biases, net.passthrough, x.astype(net.dtype))


def _units(network: MLP, x: np.ndarray) -> np.ndarray:
    return np.asarray(values_at(_HiddenLayers(network), x), network.dtype)


def _error(network: MLP, target: Any, norm: Norm) -> Any:
    return l2(network, target, relative=True) if norm == "l2" else sup(network, target)


def _check(networks: Any, weights: Any, norm: Any) -> None:
    if not isinstance(networks, MLP):
        raise TypeError(f"network: got {type(networks).__name__}, expected an MLP.")
    if networks.depth == 0:
        raise ValueError(
            f"network: got {networks!r} without a hidden layer, expected one or more: there is "
            "nothing whose coefficients could be solved for."
        )
    check_norm(norm)
    if norm == "sup" and weights is not None:
        raise ValueError(
            "weights: got weights with norm 'sup', expected None: every point counts alike. "
            "Multiply values and units instead, for a weighted maximum."
        )


def _check_outputs(networks: MLP, y: np.ndarray) -> None:
    outputs = None if y.ndim == 1 else y.shape[1]
    if networks.out_size != outputs:
        raise ValueError(
            f"network: got out_size {networks.out_size!r} for values of shape {y.shape[1:]}, "
            f"expected {outputs!r}. Write MLP.init(..., out_size={outputs!r})."
        )
