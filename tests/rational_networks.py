"""Piecewise linear networks in fractions, slow and obvious: an oracle for exact operations."""

import itertools
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

import approxlab as al
from approxlab.networks.activations import kink_slopes

BOXES = ((-1.0, 1.0), (3.0, 5.0), (-7.0, -2.0))


def bent(z, net, unit, layer):
    """The value of a unit, from its input."""
    width = len(net.biases[layer])
    if net.activation == "identity" or unit >= width - net.passthrough[layer]:
        return z
    left, right = kink_slopes(net.activation, net.dtype)
    return Fraction(right) * z if z > 0 else Fraction(left) * z


def inputs_of(net, x, layer):
    """Inputs of the units of a layer (the last one: the outputs) at a rational point."""
    a = [Fraction(x)]
    for i in range(layer + 1):
        weight, bias = np.asarray(net.weights[i]), np.asarray(net.biases[i])
        z = [
            sum((Fraction(float(w)) * v for w, v in zip(row, a, strict=True)), Fraction(float(b)))
            for row, b in zip(weight, bias, strict=True)
        ]
        if i < layer:
            a = [bent(v, net, unit, i) for unit, v in enumerate(z)]
    return z


def value(net, x):
    """The one output at a rational point."""
    return inputs_of(net, x, net.depth)[0]


def places(nets, box):
    """All points of the box where a unit of a network bends, and both ends, as fractions."""
    xs = [Fraction(box.lower[0]), Fraction(box.upper[0])]
    for net in nets:
        for layer in range(net.depth):
            z = [inputs_of(net, x, layer) for x in xs]
            new = set(xs)
            for (x0, z0), (x1, z1) in zip(
                zip(xs, z, strict=True), list(zip(xs, z, strict=True))[1:], strict=False
            ):
                for u, v in zip(z0, z1, strict=True):
                    if u * v < 0:
                        new.add(x0 + (x1 - x0) * u / (u - v))
            xs = sorted(new)
    return xs


def vertices(function, xs):
    """(x, f(x)) where the slope changes, and at both ends."""
    points = [(x, function(x)) for x in xs]
    kept = points[:1]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        left = (here[1] - before[1]) / (here[0] - before[0])
        right = (after[1] - here[1]) / (after[0] - here[0])
        if left != right:
            kept.append(here)
    return [*kept, points[-1]]


def random_network(seed, act, *, depth=None, width=None, box=None):
    """A random network with kinks in the box; degenerate for some seeds."""
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(1, 4)) if depth is None else depth
    widths = [int(rng.integers(1, 6)) if width is None else width for _ in range(depth)]
    low, high = BOXES[seed % 3] if box is None else (box.lower[0], box.upper[0])
    sizes = [1, *widths, 1]
    weights = [rng.normal(size=(m, n)) for n, m in itertools.pairwise(sizes)]
    biases = [0.3 * rng.normal(size=m) for m in sizes[1:]]
    biases[0] = -weights[0][:, 0] * rng.uniform(low, high, sizes[1])
    if seed % 4 == 1:  # dyadic: exact ties
        weights = [np.round(2 * w) / 2 for w in weights]
        biases = [np.round(2 * b) / 2 for b in biases]
    if seed % 5 == 2:  # duplicates and zeros
        weights[0][-1], biases[0][-1] = weights[0][0], biases[0][0]
        weights[-1][0, 0] = 0.0
    if seed % 7 == 3:
        weights[0][0] = 0.0
    passthrough = [int(rng.integers(0, 2)) if n > 1 else 0 for n in widths]
    net = al.MLP.from_arrays(weights, biases, act, passthrough=passthrough)
    return net, al.Box([low], [high])


def affine(slope, at_zero):
    """The network x -> slope x + at_zero."""
    return al.MLP.from_arrays([[[slope]]], [[at_zero]], "relu")


def at(net, x):
    """The value as the network is evaluated, in its dtype."""
    return float(net(jnp.array([float(x)])))
