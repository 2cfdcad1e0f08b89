"""Polygons of a small network in rational numbers, from the definitions: slow and obvious."""

from fractions import Fraction

import numpy as np

SLOPES = {"relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0), "abs": (-1.0, 1.0), "identity": (1.0, 1.0)}


def rational(array):
    return [[Fraction(float(v)) for v in row] for row in np.atleast_2d(np.asarray(array))]


def after(rows, bias, inner):
    """Coefficients (a, b, c) of every unit: W times those of the layer before, plus the bias."""
    out = []
    for row, own in zip(rows, bias, strict=True):
        a, b, c = (sum(w * f[k] for w, f in zip(row, inner, strict=True)) for k in range(3))
        out.append((a, b, c + own))
    return out


def height(form, point):
    return form[0] * point[0] + form[1] * point[1] + form[2]


def clipped(polygon, form, sign):
    """The part of a convex polygon where sign * form >= 0, without its middle points."""
    found = []
    for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        f, g = sign * height(form, p), sign * height(form, q)
        if f >= 0:
            found.append(p)
        if f * g < 0:
            t = f / (f - g)
            found.append((p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])))
    return found


def area(polygon):
    total = Fraction(0)
    for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        total += p[0] * q[1] - p[1] * q[0]
    return total / 2


def rational_polygons(net, box, plane=None):
    """(pattern, exact area, exact coefficients of the outputs) of every full-dimensional region."""
    (a, b), (c, d) = ([Fraction(v) for v in corner] for corner in (box.lower, box.upper))
    start = [(Fraction(1), Fraction(0), Fraction(0)), (Fraction(0), Fraction(1), Fraction(0))]
    if plane is not None:
        origin, one, two = (rational(v)[0] for v in plane)
        start = list(zip(one, two, origin, strict=True))
    left, right = (Fraction(float(np.asarray(s, net.dtype))) for s in SLOPES[net.activation])
    cells = [([(a, b), (c, b), (c, d), (a, d)], (), start)]
    for layer in range(net.depth):
        rows, bias = rational(net.weights[layer]), rational(net.biases[layer])[0]
        bent = len(bias) - net.passthrough[layer]
        if net.activation == "identity":
            bent = 0
        found = []
        for polygon, pattern, inner in cells:
            forms = after(rows, bias, inner)
            parts = [(polygon, ())]
            for form in forms[:bent]:
                parts = [
                    (piece, (*signs, sign))
                    for part, signs in parts
                    for piece, sign in both_sides(part, form)
                ]
            for part, signs in parts:
                slopes = [right if s > 0 else left for s in signs]
                slopes += [Fraction(1)] * (len(bias) - bent)
                bends = [tuple(s * v for v in f) for s, f in zip(slopes, forms, strict=True)]
                found.append((part, pattern + signs + (1,) * (len(bias) - bent), bends))
        cells = found
    rows, bias = rational(net.weights[-1]), rational(net.biases[-1])[0]
    return [(pattern, area(part), after(rows, bias, inner)) for part, pattern, inner in cells]


def both_sides(polygon, form):
    heights = [height(form, p) for p in polygon]
    if all(h == 0 for h in heights):
        return [(polygon, 0)]
    if min(heights) >= 0 or max(heights) <= 0:
        return [(polygon, 1 if max(heights) > 0 else -1)]
    return [(clipped(polygon, form, sign), sign) for sign in (1, -1)]
