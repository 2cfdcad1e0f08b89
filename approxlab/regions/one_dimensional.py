"""Exact pieces of piecewise linear networks along an interval or a segment, and their number.

NumPy and not JAX: how many breakpoints there are is known only when they are found, and it changes
from layer to layer, so a compiled program would be compiled again for every number or carry the
largest one; zeros are sorted, ties go to integers of any size; and float64 is needed whatever JAX
is set to. Networks of equal shape go through each step together, as the columns of one array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from approxlab.domains import Box
from approxlab.host_threads import one_thread
from approxlab.networks.activations import KINK_SLOPES, kink_slopes
from approxlab.networks.mlp import MLP
from approxlab.regions._affine_functions import bends, function_numbers, slopes
from approxlab.regions._breakpoints import Breakpoints, Limits, Networks
from approxlab.regions._checks import check_alone, check_piecewise_linear
from approxlab.regions._rational_pieces import rational_pieces
from approxlab.regions.piecewise import Pieces, check_kind

__all__ = ["breakpoints", "count", "count_many", "pieces", "pieces_of_many"]

_TOGETHER = 2**18  # numbers in one array, about, where many networks go together: they fit a cache


@one_thread()
def pieces(net: Any, box: Any = None, *, segment: Any = None, exact: bool = False) -> Pieces:
    """The pieces of a piecewise linear network: where it bends, and what it is in between.

    Along an interval of its one input, or along the segment from a point to another of d inputs,
    x(t) = (1 - t) start + t end with t in [0, 1]; for a line take a segment that is long enough.
    Breakpoints are followed from layer to layer in float64 with bounds of the rounding, and what
    these leave open is decided in integers, so no piece is lost or invented, however short.

    Args:
        net: One network of relu, leaky_relu, abs or identity units, of any depth, with linear units
            or without.
        box: An interval, as `al.Box([-1.0], [1.0])`; for networks of one input.
        segment: Two points of shape (d,), in place of a box.
        exact: Computed in rational numbers from the definitions, and rounded once at the end: slow,
            for small networks, to compare with.

    Returns:
        `Pieces`: the activation regions of nonzero length.

    Raises:
        TypeError: If `net` is no MLP.
        ValueError: If the network is not continuous and piecewise linear, is a stack of networks,
            or has numbers that are not finite; if box or segment do not fit to it; if values
            overflow; or if the pieces are too many, or too much is left open by rounding.

    Example:
        >>> net = MLP.from_arrays([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [1.0]], "relu")
        >>> found = pieces(net, Box([-1.0], [1.0]))
        >>> found.edges.tolist(), found.values.tolist(), found.slopes.tolist()
        ([-1.0, 0.0, 0.5, 1.0], [1.0, 1.0, 1.5, 1.0], [0.0, 1.0, -1.0])
    """
    check_piecewise_linear(net)
    check_alone(net)
    ends, parameters, interval = _interval(net, box, segment)
    if exact:
        return rational_pieces(net, ends, parameters, interval)
    networks = _networks([net], ends, parameters)
    return _all_pieces(Breakpoints(networks, Limits()), interval, net.out_size is None)[0]


@one_thread()
def count(net: Any, box: Any = None, *, kind: str, segment: Any = None) -> int:
    """The number of linear regions of a network, for the definition that is named.

    Six definitions are in use and differ. On an interval, for P pieces, from many to few:

    - "activation": patterns that occur, where a unit is active if its input is positive; a pattern
      may occur at a single point.
    - "proper": patterns that occur on an interval of nonzero length (full-dimensional ones).
    - "convex": the fewest convex sets on which the network is affine, that cover the interval.
    - "open_connected": largest open connected sets on which it is affine.
    - "closed_connected": largest closed connected sets on which it is affine. In one variable
      these three are the same number.
    - "affine": different affine functions that it is equal to on an interval of nonzero length.

    Source: Stargalla, Hertrich and Reichman 2025, "The computational complexity of counting linear
    regions in ReLU neural networks", arXiv 2505.16716.

    Args:
        net: As in `pieces`.
        box: As in `pieces`.
        kind: One of the names above.
        segment: As in `pieces`.

    Raises:
        TypeError: As `pieces`.
        ValueError: As `pieces`, or if there is no such kind.

    Example:
        >>> hat = [[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[0.0, -1.0, -2.0], [0.0]]
        >>> net, box = MLP.from_arrays(*hat, "relu"), Box([-1.0], [3.0])
        >>> [count(net, box, kind=kind) for kind in ("proper", "convex", "affine")]
        [4, 4, 3]
    """
    check_kind(kind)
    check_piecewise_linear(net)
    check_alone(net)
    ends, parameters, _ = _interval(net, box, segment)
    known = Breakpoints(_networks([net], ends, parameters), Limits())
    return int(_counts(known, kind)[0])


@one_thread()
def pieces_of_many(nets: Any, box: Any = None, *, segment: Any = None) -> list[Pieces]:
    """`pieces` of each of many networks, computed together where their shapes are equal.

    Args:
        nets: Networks stacked along one leading axis, as `fit` returns its seeds, or a sequence of
            networks, as those of a history of training.
        box: As in `pieces`.
        segment: As in `pieces`.

    Example:
        >>> nets = [MLP.from_arrays([[[1.0]]], [[float(b)]], "relu") for b in range(3)]
        >>> [len(found) for found in pieces_of_many(nets, Box([0.0], [1.0]))]
        [1, 1, 1]
    """
    members = _members(nets)
    found: list[Any] = [None] * len(members)
    for indices, group in _groups(members):
        ends, parameters, interval = _interval(group[0], box, segment)
        known = Breakpoints(_networks(group, ends, parameters), Limits())
        for i, own in zip(
            indices, _all_pieces(known, interval, group[0].out_size is None), strict=True
        ):
            found[i] = own
    return found


@one_thread()
def count_many(nets: Any, box: Any = None, *, kind: str, segment: Any = None) -> np.ndarray:
    """`count` for each of many networks, computed together where their shapes are equal.

    Args:
        nets: As in `pieces_of_many`.
        box: As in `pieces`.
        kind: As in `count`.
        segment: As in `pieces`.

    Returns:
        Integers of shape (N,).

    Example:
        >>> nets = MLP.init(jax.random.key(0), 1, (8, 8), "relu")
        >>> stacked = jax.tree.map(lambda leaf: leaf[None].repeat(3, axis=0), nets)
        >>> numbers = count_many(stacked, Box([-1.0], [1.0]), kind="proper")
        >>> numbers.shape, bool(numbers[0] == count(nets, Box([-1.0], [1.0]), kind="proper"))
        ((3,), True)
    """
    check_kind(kind)
    members = _members(nets)
    found = np.zeros(len(members), np.int64)
    for indices, group in _groups(members):
        ends, parameters, _ = _interval(group[0], box, segment)
        known = Breakpoints(_networks(group, ends, parameters), Limits())
        found[indices] = _counts(known, kind)
    return found


@one_thread()
def breakpoints(net: MLP, box: Box, limits: Limits) -> np.ndarray | None:
    """Edges of the pieces of a network of one variable; None where they are not to be had.

    Args:
        net: Any network.
        box: An interval.
        limits: Beyond them, None.
    """
    if net.activation not in KINK_SLOPES and net.num_hidden_units > net.num_linear_units:
        return None
    if net.depth == 1:
        return _kinks_of_units(net, box, limits)
    ends, parameters, _ = _interval(net, box, None)
    try:
        known = Breakpoints(_networks([net], ends, parameters), limits)
    except ValueError:
        return None
    return np.maximum.accumulate(known.x)


def _kinks_of_units(net: MLP, box: Box, limits: Limits) -> np.ndarray | None:
    """Of one hidden layer: every kink is the zero of one unit, rounded once."""
    (low,), (high,) = box.lower, box.upper
    w, b = (
        np.asarray(a[0], np.float64)[: -net.passthrough[0] or None]
        for a in (net.weights, net.biases)
    )
    w = w[:, 0] if net.activation != "identity" else np.zeros(len(w))
    with np.errstate(all="ignore"):
        kinks = -b[w != 0] / w[w != 0]
    kinks = kinks[(kinks > low) & (kinks < high)]
    if len(kinks) > limits.columns:
        return None
    return np.array([low, *np.unique(kinks), high])


# What is asked


def _interval(net: MLP, box: Any, segment: Any) -> tuple[np.ndarray, tuple[float, float], Box]:
    """The two end points in the inputs, their parameters, and the interval of the parameter."""
    if segment is not None:
        if box is not None:
            raise ValueError("segment: got one beside a box, expected one of the two.")
        return _segment(net, segment), (0.0, 1.0), Box([0.0], [1.0])
    if net.in_size != 1:
        raise ValueError(
            f"net: got {net.in_size} inputs and no segment, expected one input. Write "
            "segment=(start, end) with two points of the inputs, or for two inputs "
            "al.regions.partition(net, box), for more with plane=(origin, one, two)."
        )
    if isinstance(box, Box) and box.dim != 1:
        raise ValueError(
            f"box: got {box!r} of dimension {box.dim}, expected one of dimension 1: the network "
            "has one input."
        )
    if not isinstance(box, Box):
        raise ValueError(f"box: got {box!r}, expected an interval such as al.Box([-1.0], [1.0]).")
    low, high = box.lower[0], box.upper[0]
    return np.array([[low], [high]]), (low, high), box


def _segment(net: MLP, segment: Any) -> np.ndarray:
    try:
        ends = np.asarray(segment, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"segment: got {segment!r}, expected two points of shape (d,).") from error
    if ends.shape == (2, net.in_size) and not np.all(np.isfinite(ends)):
        raise ValueError(f"segment: got {ends.tolist()}, expected finite numbers.")
    if ends.shape != (2, net.in_size):
        raise ValueError(
            f"segment: got shape {ends.shape}, expected two points of shape ({net.in_size},)."
        )
    if np.array_equal(ends[0], ends[1]):
        raise ValueError(f"segment: got twice {ends[0].tolist()}, expected two different points.")
    return ends


def _members(nets: Any) -> list[MLP]:
    """Single networks, all of them looked at."""
    if isinstance(nets, MLP):
        check_piecewise_linear(nets)
        if nets.weights[0].ndim != 3:
            raise ValueError(
                f"nets: got {nets!r} with {nets.weights[0].ndim - 2} leading axes, expected "
                "networks stacked along one, or a sequence of networks."
            )
        arrays = jax.device_get(nets)
        return [
            jax.tree.map(lambda leaf, i=i: leaf[i], arrays) for i in range(len(nets.weights[0]))
        ]
    if not isinstance(nets, Sequence) or isinstance(nets, str):
        raise TypeError(
            f"nets: got {type(nets).__name__}, expected a sequence of MLPs or a stacked MLP."
        )
    for i, net in enumerate(nets):
        try:
            check_piecewise_linear(net)
            check_alone(net)
        except (TypeError, ValueError) as error:
            raise type(error)(f"nets[{i}]: {error}") from None
    return list(nets)


def _groups(members: list[MLP]) -> list[tuple[list[int], list[MLP]]]:
    """Networks of one structure, some at a time."""
    kinds: dict[Any, list[int]] = {}
    for i, net in enumerate(members):
        key = (net.sizes, net.passthrough, net.activation, net.out_size, str(net.dtype))
        kinds.setdefault(key, []).append(i)
    found = []
    for indices in kinds.values():
        net = members[indices[0]]
        units = max(net.sizes) * (2 + net.num_hidden_units)
        size = max(1, min(len(indices), _TOGETHER // units))
        parts = [indices[k : k + size] for k in range(0, len(indices), size)]
        found += [(part, [members[i] for i in part]) for part in parts]
    return found


def _networks(nets: list[MLP], ends: np.ndarray, parameters: tuple[float, float]) -> Networks:
    first = nets[0]
    weights, biases = (
        [
            np.stack([np.asarray(getattr(net, name)[k], np.float64) for net in nets])
            for k in range(first.depth + 1)
        ]
        for name in ("weights", "biases")
    )
    linear = first.passthrough
    slopes = kink_slopes(first.activation, first.dtype) if first.activation in KINK_SLOPES else None
    return Networks(weights, biases, linear, slopes or (1.0, 1.0), ends, parameters)


# What is answered


def _counts(known: Breakpoints, kind: str) -> np.ndarray:
    """For each network."""
    lengths = np.diff(known.start) - 1
    if kind == "proper":
        return lengths
    if kind == "activation":
        return lengths + np.add.reduceat(_points(known), known.start[:-1])
    found, jump, djump = slopes(known)
    bent = bends(known, jump, djump)
    if kind != "affine":
        return 1 + np.add.reduceat(bent.astype(np.int64), known.start[:-1])
    numbers = function_numbers(known, found, bent)
    return 1 + np.maximum.reduceat(numbers, known.start[:-1])


def _points(known: Breakpoints) -> np.ndarray:
    """Whether a column alone is an activation region; 0 or 1."""
    found = known.below & known.above
    first, last = known.start[:-1], known.start[1:] - 1
    found[first], found[last] = known.above[first], known.below[last]
    return found.astype(np.int64)


def _all_pieces(known: Breakpoints, interval: Box, scalar: bool) -> list[Pieces]:
    (g, dg), jump, djump = slopes(known)
    numbers = function_numbers(known, (g, dg), bends(known, jump, djump))
    points = _points(known).astype(bool)

    def outputs(array: np.ndarray) -> np.ndarray:
        return array[0] if scalar else array.T

    found = []
    for i, (one, two) in enumerate(zip(known.start[:-1], known.start[1:], strict=True)):
        all_, inner = slice(one, two), slice(one, two - 1)
        patterns = [layer[:, inner] for layer in known.signs]
        edges = np.maximum.accumulate(known.x[all_])
        # An edge that rounding put before another one is moved there, and as well known as that.
        other = np.maximum.accumulate(np.where(known.x[all_] == edges, np.arange(two - one), 0))
        empty = np.empty((0, two - 1 - one), np.int8)
        found.append(
            Pieces(
                edges=edges,
                edge_errors=np.maximum(known.dx[all_], known.dx[all_][other]),
                values=outputs(known.values[:, all_]),
                value_errors=outputs(known.errors[:, all_]),
                slopes=outputs(g[:, inner]),
                slope_errors=outputs(dg[:, inner]),
                patterns=np.concatenate([empty, *patterns]).T,
                layers=known.layer[one + 1 : two - 1],
                functions=numbers[inner],
                points=points[all_],
                ties=int(known.ties[i]),
                box=interval,
            )
        )
    return found
