"""Proved lower bounds on the number of units that any network within eps of a target needs.

One kink. A unit with one kink (ReLU, leaky ReLU, the absolute value) of one hidden layer breaks the
network at one point of a line, so k breakpoints take k units. In L layers of n_1, ..., n_L such
units each unit crosses zero at most once on each piece of the layers before, so there are at most
(n_1 + 1) ... (n_L + 1) pieces; and N units in any order, skip connections and linear units allowed,
make at most 2^N (`optimal/closed_forms.py`).

Jumps. A step of one hidden layer jumps at one point of a line.

Sigmoids. For c + sum_i a_i / (1 + exp(-w_i t - b_i)), multiplied by all its denominators, is a sum
of at most 2^n exponentials, which has at most 2^n - 1 real zeros unless it is 0 (Polya and Szego
1925, part V, problem 75). So n sigmoids in one hidden layer take a value at most 2^n - 1 times. The
hyperbolic tangent is a sigmoid of twice the argument, up to a constant.

Any activation. Without a hidden unit the network is affine on every line.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from approxlab.answers._lines import Line, lines_through
from approxlab.answers._questions import asked_above
from approxlab.answers._witnesses import Values, bends, steps, turns
from approxlab.certify._enclosures import Enclosure
from approxlab.certify._problems import single
from approxlab.certify._self_test import self_test
from approxlab.evaluation import values_at
from approxlab.networks.mlp import MLP
from approxlab.targets.target import Target

__all__ = ["KINKED", "LeastSize", "least_sizes"]

KINKED = ("relu", "leaky_relu", "abs")
"""Activations with one kink that are affine beside it."""
_SIGMOIDS = ("sigmoid", "tanh")
_FIRST_POINTS, _MOST_POINTS, _PER_BEND, _STEP_POINTS = 2049, 2**15, 64, 2**12
_LARGEST = 1e300  # of the values that are looked at: sums of a few do not overflow
_MOST_LAYERS = 4
_FEW = 64
_BENDS = "bends, three points each (de la Vallee Poussin 1919)"
_ANY_ORDER = "N units make at most 2^N pieces (Yarotsky 2017)"
_LAYERS = "a layer cuts a piece into at most n + 1 (Montufar et al. 2014)"
_EXPONENTIALS = "sums of 2^n exponentials have at most 2^n - 1 zeros (Polya and Szego 1925)"


@dataclasses.dataclass(frozen=True)
class LeastSize:
    """A proved lower bound on the number of hidden units of networks of one kind.

    Attributes:
        activations: Activations of the kind; empty for every activation.
        layers: Number of hidden layers; None for any number, skip connections allowed.
        units: So many nonlinear hidden units are needed at least; None if nothing is proved.
        source: The theorem, or why nothing is proved.
        witness: Positions on `line` that prove it, one after another.
        line: The line through the box.
    """

    activations: tuple[str, ...]
    layers: int | None
    units: int | None
    source: str
    witness: tuple[float, ...] = ()
    line: str = ""

    @property
    def kind(self) -> str:
        """The kind of networks in words."""
        names = ", ".join(self.activations) or "any activation"
        if self.layers is None:
            return f"{names}; any number of layers"
        return f"{names}; {self.layers} hidden layer{'s' * (self.layers > 1)}"

    def covers(self, network: MLP) -> bool:
        """Whether it is about networks of this activation and number of hidden layers.

        Linear units are free where units have kinks; other bounds are for networks without them.
        """
        named = not self.activations or network.activation in self.activations
        plain = network.num_linear_units == 0 or network.activation in KINKED
        return named and self.layers in (None, network.depth) and (plain or not self.activations)

    def __repr__(self) -> str:
        number = "unknown" if self.units is None else f"units >= {self.units}"
        return f"LeastSize({self.kind}: {number}, {self.source})"


def least_sizes(target: Any, eps: Any) -> tuple[LeastSize, ...]:
    """Lower bounds on the units that networks of several kinds need to be within eps of a target.

    The error is meant in the sup norm, on the whole box, in exact arithmetic; the target is what
    its program means in exact arithmetic. Nothing rests on sampling: values of the target at the
    points that prove a bound are enclosed in intervals. In several variables the bounds are those
    on lines through the box.

    Args:
        target: A `Target` of any number of variables.
        eps: A positive number; a fraction or decimal is rounded up, which proves no more than it.

    Returns:
        One `LeastSize` per kind of network; where nothing can be proved (a mask, a program that
        cannot be enclosed, JAX in float32), a single one with units None that says why.

    Source: the arguments are at the head of `answers/lower_bounds.py` and `answers/_witnesses.py`.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> import approxlab as al
        >>> found = least_sizes(al.targets.get("square"), 1e-3)
        >>> [(least.layers, least.units) for least in found if "relu" in least.activations]
        [(None, 4), (1, 11), (2, 5), (3, 4)]
    """
    eps = asked_above(eps)
    reason = _obstacle(target)
    if reason:
        return (LeastSize((), None, None, reason),)
    try:
        enclosure = Enclosure(single(target, target.dim))
    except (TypeError, ValueError) as problem:  # a primitive, or a constant, without enclosure
        reason = f"unknown: the target cannot be enclosed ({problem})"
        return (LeastSize((), None, None, reason),)
    line = _most_bent(target, lines_through(target), eps)
    if len(_sampled(target, line, _FIRST_POINTS)[0]) < 2:
        reason = f"unknown: the target has no finite values on {line.name}"
        return (LeastSize((), None, None, reason),)
    kinked, jumps, sigmoids = _on_line(target, line, eps, enclosure)
    return (*_kinked(kinked), jumps, sigmoids, _affine(kinked))


def _obstacle(target: Target) -> str:
    if target.mask is not None:
        return "unknown: the target has a mask, and its edge is not known exactly"
    if not jax.config.read("jax_enable_x64"):
        return "unknown: JAX computes in float32; set jax_enable_x64 to have proofs"
    failures = self_test()
    return f"unknown: the arithmetic of this machine is not IEEE 754 ({failures})" * bool(failures)


def _most_bent(target: Target, lines: list[Line], eps: float) -> Line:
    """The line with the most bends by values in floating point: it is only a choice."""

    def count(line: Line) -> int:
        t, y = _sampled(target, line, _FIRST_POINTS)
        return len(bends(t, y, eps, lambda x: (np.interp(x, t, y),) * 2)) if len(t) > 2 else 0

    return lines[0] if len(lines) == 1 else max(lines, key=count)


def _on_line(
    target: Target, line: Line, eps: float, enclosure: Enclosure
) -> tuple[LeastSize, LeastSize, LeastSize]:
    """Bends, steps and turns that are proved on one line."""

    def values(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = enclosure.at(line.points(t))
        return found.low[:, 0], found.high[:, 0]

    t, y, triples = _bends(target, line, eps, values)
    every = -(-len(t) // _STEP_POINTS)
    pairs = steps(t[::every], y[::every], eps, values)
    level, points = turns(t, y, eps, values)
    sigmoids = max(0, len(points) - 1).bit_length()  # the least n with 2^n - 1 >= K
    crossed = f"{max(0, len(points) - 1)} times through {level:.6g}; {_EXPONENTIALS}"
    jumps = f"{len(pairs)} steps, two points each"
    return (
        LeastSize(KINKED, 1, len(triples), f"{len(triples)} {_BENDS}", _flat(triples), line.name),
        LeastSize(("heaviside",), 1, len(pairs), jumps, _flat(pairs), line.name),
        LeastSize(_SIGMOIDS, 1, sigmoids, crossed, _flat(points), line.name),
    )


def _sampled(target: Target, line: Line, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and values where differences are finite, closer to one another beside few kinks."""
    kinks = tuple(target.kinks or ()) if target.dim == 1 else ()
    t = line.positions(count, kinks if len(kinks) < _FEW else ())
    y = np.asarray(values_at(target, line.points(t)), np.float64).reshape(-1)
    finite = np.abs(y) < _LARGEST
    return t[finite], y[finite]


def _bends(
    target: Target, line: Line, eps: float, values: Values
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triples on a grid that is fine enough for their number."""
    count = _FIRST_POINTS
    while True:
        t, y = _sampled(target, line, count)
        triples = bends(t, y, eps, values) if len(t) > 2 else np.empty((0, 3))
        wanted = min(_MOST_POINTS, _PER_BEND * len(triples)) + 1
        if count >= wanted:
            return t, y, triples
        count = min(_MOST_POINTS + 1, max(wanted, 4 * (count - 1) + 1))


def _flat(points: np.ndarray) -> tuple[float, ...]:
    return tuple(float(x) for x in points.ravel())


def _kinked(bent: LeastSize) -> list[LeastSize]:
    """What k bends mean for any order of units, and for few layers."""
    pieces = (bent.units or 0) + 1
    any_order = dataclasses.replace(
        bent, layers=None, units=(pieces - 1).bit_length(), source=f"{bent.source}; {_ANY_ORDER}"
    )
    layered = [
        dataclasses.replace(
            bent, layers=layers, units=_layered(pieces, layers), source=f"{bent.source}; {_LAYERS}"
        )
        for layers in range(2, _MOST_LAYERS + 1)
        if 2**layers <= pieces
    ]
    return [any_order, bent, *layered]


def _layered(pieces: int, layers: int) -> int:
    """The least n_1 + ... + n_L with (n_1 + 1) ... (n_L + 1) >= pieces: factors nearly equal."""
    total = layers
    while _product(total, layers) < pieces:
        total += 1
    return total


def _product(total: int, layers: int) -> int:
    least, more = divmod(total, layers)
    return int((least + 2) ** more * (least + 1) ** (layers - more))


def _affine(bent: LeastSize) -> LeastSize:
    needed = min(1, bent.units or 0)
    source = f"no affine function is within eps on {bent.line}"
    if not needed:
        source = "nothing excludes an affine function"
    return LeastSize((), None, needed, source, bent.witness[:3], bent.line)
