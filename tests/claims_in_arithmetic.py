"""Constructions on random boxes, in both dtypes, and their errors against exact values.

Networks are evaluated in their own dtype; the target is computed and subtracted in extended
precision, from formulas of its own.
"""

import math
import zlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import approxlab as al
from approxlab import Box, Target
from approxlab import constructions as built

L = np.longdouble
TWO_PI = 2 * L("3.14159265358979323846264338327950288")


class Shape(NamedTuple):
    """A function of u in [0, 1] for JAX and in extended precision, with its facts."""

    fn: object
    exact: object
    lipschitz: float
    second: float | None
    low: float
    high: float


def _ld(x):
    return np.asarray(x, L)


SHAPES = {
    "sine": Shape(lambda u: jnp.sin(3.0 * u), lambda u: np.sin(3 * u), 3.0, 9.0, 0.0, 1.0),
    "wave": Shape(lambda u: jnp.cos(20.0 * u), lambda u: np.cos(20 * u), 20.0, 400.0, -1.0, 1.0),
    "exponential": Shape(jnp.exp, np.exp, math.e, math.e, 1.0, math.e),
    "kink": Shape(
        lambda u: jnp.abs(u - 0.375), lambda u: np.abs(u - L(0.375)), 1.0, None, 0.0, 0.625
    ),
    "lifted": Shape(lambda u: 1000.0 + u * u, lambda u: 1000 + u * u, 2.0, 2.0, 1000.0, 1001.0),
    "lorentz": Shape(
        lambda u: 1.0 / (1.0 + 100.0 * (u - 0.5) ** 2),
        lambda u: 1 / (1 + 100 * (u - L(0.5)) ** 2),
        6.5,
        200.0,
        0.0,
        1.0,
    ),
}


class Case(NamedTuple):
    """A construction, and its target in extended precision; nan where nothing is claimed."""

    name: str
    construction: object
    exact: object


def seed_of(kind, i):
    return np.random.default_rng([zlib.crc32(kind.encode()), i])


def dtype_of(i):
    return "float32" if i % 2 else "float64"


def in_dtype(dtype):
    """JAX's default dtype: float32 as without x64, or float64."""
    return jax.enable_x64(dtype == "float64")


def _interval(rng, far=6.0, narrow=-3.0):
    center = rng.choice([-1.0, 1.0]) * 10 ** rng.uniform(-2, far) * rng.choice([0.0, 1.0, 1.0])
    width = 10 ** rng.uniform(narrow, 3)
    return Box([center - 0.5 * width], [center + 0.5 * width])


def _on(shape, box):
    """The target of a shape on an interval, and its exact values."""
    a, w = box.lower[0], float(box.widths[0])
    target = Target(
        lambda x: shape.fn((x[0] - a) / w),
        domain=box,
        name="own",
        lipschitz=shape.lipschitz / w * (1 + 1e-9),
        second_derivative=None if shape.second is None else shape.second / w**2 * (1 + 1e-9),
        value_min=shape.low,
        value_max=shape.high,
    )
    return target, lambda x: shape.exact((_ld(x[:, 0]) - L(a)) / L(w))


def _size(rng, most):
    return round(2 ** rng.uniform(0, math.log2(most)))


def _own(rng):
    name = str(rng.choice(list(SHAPES)))
    box = _interval(rng)
    if rng.uniform() < 0.25:
        return f"sin(k x) on {box!r}", *_sine_of_x(rng, box)
    return f"{name} on {box!r}", *_on(SHAPES[name], box)


def _sine_of_x(rng, box):
    """sin(k x): far from 0 its argument is rounded, not only its point."""
    k = float(rng.uniform(0.5, 6.0)) / float(box.widths[0])
    target = Target(
        lambda x: jnp.sin(k * x[0]),
        domain=box,
        name="sine",
        lipschitz=k,
        second_derivative=k * k,
        value_min=-1.0,
        value_max=1.0,
    )
    return target, lambda x: np.sin(L(k) * _ld(x[:, 0]))


def _square(x):
    return _ld(x[:, 0]) ** 2


def square_deep(rng):
    n, box = int(rng.integers(1, 26)), _interval(rng)
    return Case(f"{n} levels on {box!r}", built.square_deep(n, box), _square)


def square_shallow(rng):
    n, box = _size(rng, 1000), _interval(rng)
    return Case(f"{n} on {box!r}", built.square_shallow(n, box), _square)


def relu_interpolant(rng):
    name, target, exact = _own(rng)
    n = _size(rng, 1000)
    return Case(f"{n} for {name}", built.relu_interpolant(target, n), exact)


def _tent(k):
    def exact(x):
        t = _ld(x[:, 0])
        for _ in range(k):
            t = 1 - np.abs(2 * t - 1)
        return t

    return exact


def tent_deep(rng):
    k = int(rng.integers(1, 23))
    return Case(f"{k}", built.tent_deep(k), _tent(k))


def tent_shallow(rng):
    k = int(rng.integers(1, 11))
    return Case(f"{k}", built.tent_shallow(k), _tent(k))


def _activation(rng):
    return str(rng.choice(["sigmoid", "tanh", "heaviside"]))


def staircase(rng):
    name, target, exact = _own(rng)
    n, gain, halo = _size(rng, 1000), 10 ** rng.uniform(-0.5, 3), int(rng.integers(0, 9))
    kind, jumps = _activation(rng), str(rng.choice(["midpoint", "classical"]))
    one = built.staircase(target, n, gain, jumps=jumps, activation=kind, halo=halo)
    return Case(f"{n} {kind} gain {gain:.3g} {jumps} halo {halo}: {name}", one, exact)


def costarelli_spigler(rng):
    name, target, exact = _own(rng)
    n, gain, halo = _size(rng, 1000), 10 ** rng.uniform(-0.5, 3), int(rng.integers(0, 9))
    kind = _activation(rng)
    one = built.costarelli_spigler(target, n, gain, activation=kind, halo=halo)
    return Case(f"{n} {kind} gain {gain:.3g} halo {halo}: {name}", one, exact)


def cybenko(rng):
    name, target, exact = _own(rng)
    kind = str(rng.choice(["sigmoid", "tanh", "heaviside", "relu"]))
    eps = 10 ** rng.uniform(-3.5, -0.5)
    return Case(f"{eps:.3g} {kind} {name}", built.cybenko(target, eps, activation=kind), exact)


def _jumps(units, margin):
    """Jumps at -b / w; what is nearer to one of them than the margin is not claimed."""

    def exact(x):
        total = np.zeros(len(x), L)
        for w, b, h in units:
            away = _ld(x[:, 0]) + L(b) / L(w)
            total += L(h) * (1 + np.sign(L(w)) * np.sign(away)) / 2
            total[np.abs(away) < L(margin) * (1 + L(1e-9))] = np.nan
        return total

    return exact


def _margin(construction, units, margin, kind):
    """The margin asked for, or the default one."""
    if margin is not None:
        return margin
    if kind != "heaviside":
        return 2.0 * {"sigmoid": 4.0, "tanh": 2.0}[kind] / abs(units[0][0])
    place = -units[0][1] / units[0][0]
    away = np.abs(np.asarray(construction.target.kinks) - place)
    return float(np.min(away[away > 0], initial=np.inf))


def _unit(rng):
    box = _interval(rng)
    w = 10 ** rng.uniform(0.5, 4) / float(box.widths[0])
    place = rng.uniform(box.lower[0], box.upper[0])
    return box, w, place, 10 ** rng.uniform(-3, 3)


def step(rng):
    box, w, place, height = _unit(rng)
    w = w * rng.choice([-1.0, 1.0])
    kind = _activation(rng)
    margin = rng.choice([None, 0.01, 0.1]) or None
    margin = None if margin is None else margin * float(box.widths[0])
    domain = box if rng.uniform() < 0.7 else None
    one = built.step(w, -w * place, height, margin=margin, domain=domain, activation=kind)
    units = [(w, -w * place, height)]
    name = f"{kind} w {w:.3g} margin {margin} on {one.target.domain!r}"
    return Case(name, one, _jumps(units, _margin(one, units, margin, kind)))


def bump(rng):
    box, w, place, height = _unit(rng)
    kind = _activation(rng)
    there = place + rng.uniform(0.2, 0.6) * float(box.widths[0])
    units = [(w, -w * place, height), (w, -w * there, -height)]
    one = built.bump(w, units[0][1], units[1][1], height, domain=box, activation=kind)
    return Case(f"{kind} w {w:.3g} on {box!r}", one, _jumps(units, _margin(one, units, None, kind)))


def _rectangle(rng, dim):
    sides = [_interval(rng, 3.0, -1.0) for _ in range(dim)]
    return Box([s.lower[0] for s in sides], [s.upper[0] for s in sides])


def tower(rng):
    dim = int(rng.integers(1, 4))
    box = _rectangle(rng, dim)
    low, high = np.asarray(box.lower), np.asarray(box.upper)
    cell = Box(list(low + 0.25 * (high - low)), list(low + 0.625 * (high - low)))
    kind, margin = _activation(rng), rng.uniform(0.02, 0.4)
    gain = None if kind == "heaviside" else 10 ** rng.uniform(0.5, 3)
    one = built.tower(cell, box, gain, margin=margin, activation=kind)

    def exact(x):
        low, high, width = _ld(cell.lower), _ld(cell.upper), _ld(cell.widths)
        depth = np.min(np.minimum(_ld(x) - low, high - _ld(x)) / width, axis=1)
        near = np.abs(depth) < L(margin) * (1 + L(1e-12))
        return np.where(near, np.nan, np.where(depth > 0, L(1), L(0)))

    return Case(f"{kind} gain {gain} margin {margin:.2g} on {box!r}", one, exact)


def _product(box):
    """sin(2 u_1) cos(u_2) ... on a box: u_k in [0, 1]."""
    a, w = np.asarray(box.lower), box.widths

    def fn(x):
        u = (x - jnp.asarray(a, x.dtype)) / jnp.asarray(w, x.dtype)
        return jnp.sin(2.0 * u[0]) * jnp.prod(jnp.cos(u[1:]))

    def exact(x):
        u = (_ld(x) - _ld(a)) / _ld(w)
        return np.sin(2 * u[:, 0]) * np.prod(np.cos(u[:, 1:]), axis=1)

    steep = math.hypot(2.0, math.sqrt(len(a) - 1.0)) / float(np.min(w))
    facts = {"lipschitz": steep, "second_derivative": 6.0 / float(np.min(w)) ** 2}
    return Target(fn, domain=box, value_min=0.0, value_max=1.0, name="product", **facts), exact


def orthant_sum(rng):
    box = _rectangle(rng, int(rng.integers(1, 4)))
    target, exact = _product(box)
    counts = [int(rng.integers(2, {1: 100, 2: 14, 3: 6}[box.dim])) for _ in range(box.dim)]
    kind = _activation(rng)
    gain = None if kind == "heaviside" else 10 ** rng.uniform(0.5, 3)
    one = built.orthant_sum(target, counts, gain, activation=kind)
    return Case(f"{counts} {kind} gain {gain} on {box!r}", one, exact)


def ridge_sum(rng):
    box = _rectangle(rng, 2)
    unit = al.targets.get("sine_product")
    expansion = built.expansions(unit)[0].moved_to(box)
    kind = str(rng.choice(["sigmoid", "tanh", "heaviside", "relu"]))
    eps = 10 ** rng.uniform(-2, -0.5)
    low, width = _ld(box.lower), _ld(box.upper) - _ld(box.lower)
    old, ratio = _ld(unit.domain.lower), _ld(unit.domain.upper) - _ld(unit.domain.lower)

    def exact(x):
        u = old + (_ld(x) - low) / width * ratio
        return np.prod(np.sin(TWO_PI / 2 * u), axis=1)

    return Case(
        f"{eps:.2g} {kind} on {box!r}", built.ridge_sum(expansion, eps, activation=kind), exact
    )


def _with_dim(rng, least):
    return _rectangle(rng, int(rng.integers(least, 5)))


def product_deep(rng):
    box, count = _with_dim(rng, 2), int(rng.integers(2, 4))
    m, shifted = int(rng.integers(1, 19)), bool(rng.integers(2))
    one = built.product_deep(m, box, squares=count, shifted=shifted)
    return Case(f"{m} levels, {count} squares on {box!r}", one, lambda x: np.prod(_ld(x), axis=1))


def _squared_norm(x):
    return np.sum(_ld(x) ** 2, axis=1)


def sum_of_squares_deep(rng):
    box, m = _with_dim(rng, 1), int(rng.integers(1, 26))
    one = built.sum_of_squares_deep(m, box, shifted=bool(rng.integers(2)))
    return Case(f"{m} levels on {box!r}", one, _squared_norm)


def sum_of_squares_shallow(rng):
    box, n = _with_dim(rng, 1), _size(rng, 300)
    one = built.sum_of_squares_shallow(n, box, shifted=bool(rng.integers(2)))
    return Case(f"{n} on {box!r}", one, _squared_norm)


def _series(basis, c, x, box):
    """sum of c_k B_k in extended precision, by the recurrence of the basis."""
    y = _ld(x[:, 0])
    if basis != "monomial":
        low, high = L(box.lower[0]), L(box.upper[0])
        y = (2 * y - low - high) / (high - low)
    before, here, total = 0 * y, 0 * y + 1, 0 * y
    for k, v in enumerate(c):
        total = total + L(v) * here
        if basis == "monomial":
            before, here = here, y * here
        elif basis == "chebyshev":
            before, here = here, (2 if k else 1) * y * here - (1 if k else 0) * before
        else:
            before, here = here, ((2 * k + 1) * y * here - k * before) / L(k + 1)
    return total


def _polynomial(rng):
    basis = str(rng.choice(["monomial", "chebyshev", "legendre"]))
    c = rng.normal(size=int(rng.integers(1, 12))) * 10 ** rng.uniform(-2, 2)
    far, narrow = (0.5, -0.5) if basis == "monomial" else (6.0, -3.0)
    box = _interval(rng, far, narrow)
    return basis, c, box, lambda x: _series(basis, c, x, box)


def polynomial_deep(rng):
    basis, c, box, exact = _polynomial(rng)
    size = float(np.max(np.abs(exact(box.uniform(100)))))
    scheme = str(rng.choice(["auto", "auto", "direct", "horner", "clenshaw"]))
    eps = size * 10 ** rng.uniform(-6, -0.5)
    one = built.polynomial_deep(c, eps, basis=basis, domain=box, scheme=scheme)
    return Case(f"{basis} {scheme} {list(c)} to {eps:.2g} on {box!r}", one, exact)


def relu2_polynomial(rng):
    basis, c, box, exact = _polynomial(rng)
    one = built.relu2_polynomial(c, basis=basis, domain=box)
    return Case(f"{basis} {list(c)} on {box!r}", one, exact)


def monomial_deep(rng):
    k, box = int(rng.integers(1, 21)), _interval(rng, 1.0, -1.0)
    largest = max(abs(box.lower[0]), abs(box.upper[0]), 10.0)
    k = min(k, int(24.0 / math.log10(largest)))  # float32 holds 3e38
    size = max(abs(box.lower[0]), abs(box.upper[0])) ** k
    one = built.monomial_deep(k, size * 10 ** rng.uniform(-6, -0.5), domain=box)
    return Case(f"x^{k} on {box!r}", one, lambda x: _ld(x[:, 0]) ** k)


def maximum(rng):
    box, linear = _with_dim(rng, 1), bool(rng.integers(2))
    one = built.maximum(box.dim, box, linear_units=linear)
    return Case(f"{box!r}", one, lambda x: np.max(_ld(x), axis=1))


def minimum(rng):
    box, linear = _with_dim(rng, 1), bool(rng.integers(2))
    one = built.minimum(box.dim, box, linear_units=linear)
    return Case(f"{box!r}", one, lambda x: np.min(_ld(x), axis=1))


def l1_norm(rng):
    box, linear = _with_dim(rng, 1), bool(rng.integers(2))
    one = built.l1_norm(box.dim, box, linear_units=linear)
    return Case(f"{box!r}", one, lambda x: np.sum(np.abs(_ld(x)), axis=1))


def median_of_three(rng):
    box = _rectangle(rng, 3)
    one = built.median_of_three(box, linear_units=bool(rng.integers(2)))
    return Case(f"{box!r}", one, lambda x: np.sort(_ld(x), axis=1)[:, 1])


def _teeth(rng, layers, most):
    return tuple(int(p) for p in rng.integers(2, most + 1, size=int(rng.integers(1, layers + 1))))


def square_layered(rng):
    teeth, box = _teeth(rng, 6, 9), _interval(rng)
    one = built.square_layered(teeth, box, linear_units=bool(rng.integers(2)))
    return Case(f"{teeth} on {box!r}", one, _square)


def _folded(box, p):
    """z^k of all positions on the box, for k = 1, 2, ...: zigzags of p teeth."""

    def levels(x, count):
        t = (_ld(x[:, 0]) - L(box.lower[0])) / (L(box.upper[0]) - L(box.lower[0]))
        for _ in range(count):
            t = np.abs(p * t - 2 * np.round(p * t / 2))
            yield t

    return levels


def sawtooth_deep(rng):
    teeth, box = _teeth(rng, 3, 5), _interval(rng, 1.0, 0.0)
    one = built.sawtooth_deep(teeth, box, linear_units=bool(rng.integers(2)))
    levels = _folded(box, math.prod(teeth))
    return Case(f"{teeth} on {box!r}", one, lambda x: next(levels(x, 1)))


def most_pieces(rng):
    width, depth = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    one = built.most_pieces(width, depth)
    with jax.enable_x64(True):
        precise = built.most_pieces(width, depth).network
    layers = [(_ld(w), _ld(b)) for w, b in zip(precise.weights, precise.biases, strict=True)]

    def exact(x):
        held = _ld(x).T
        for w, b in layers[:-1]:
            held = np.maximum(w @ held + b[:, None], 0)
        return (layers[-1][0] @ held + layers[-1][1][:, None])[0]

    return Case(f"{width} x {depth}", one, exact)


def takagi_deep(rng):
    n, box = int(rng.integers(1, 21)), _interval(rng, 1.0, 0.0)
    one = built.takagi_deep(n, box, linear_units=bool(rng.integers(2)))
    levels = _folded(box, 2)
    return Case(f"{n} levels on {box!r}", one, lambda x: _weighted(levels(x, 60), 0.5))


def _weighted(levels, weight):
    return sum(L(weight) ** (k + 1) * z for k, z in enumerate(levels))


def self_similar_deep(rng):
    weight = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.6))
    n, p, box = int(rng.integers(1, 13)), int(rng.integers(2, 4)), _interval(rng, 1.0, 0.0)
    one = built.self_similar_deep(weight, n, p, box, linear_units=bool(rng.integers(2)))
    levels = _folded(box, p)
    return Case(
        f"{weight:.3g}, {n} levels, {p} teeth on {box!r}",
        one,
        lambda x: _weighted(levels(x, 90), weight),
    )


def _cube(rng):
    width, dim = 10 ** rng.uniform(-1, 1), int(rng.integers(1, 4))
    low = width * rng.uniform(-3.0, 2.0, size=dim)
    return Box(list(low), list(low + width))


def _squared_distance(box):
    center = [0.5 * (a + b) for a, b in zip(box.lower, box.upper, strict=True)]
    return center, lambda x: np.sum((_ld(x) - _ld(center)) ** 2, axis=1)


def ball_indicator(rng):
    box = _cube(rng)
    radius = 0.4 * float(box.widths[0])
    margin = radius * float(rng.uniform(0.2, 0.6))
    center, squared = _squared_distance(box)
    depth = int(rng.integers(2, 4))
    one = built.ball_indicator(box.dim, margin, radius, box, center=center, depth=depth)

    def exact(x):
        off = np.sqrt(squared(x)) - L(radius)
        near = np.abs(off) < L(margin) * (1 + L(1e-12))
        return np.where(near, np.nan, np.where(off < 0, L(1), L(0)))

    return Case(f"radius {radius:.2g}, margin {margin:.2g} on {box!r}", one, exact)


def radial_function(rng):
    box, n = _cube(rng), int(rng.integers(4, 17))
    center, squared = _squared_distance(box)
    far = 0.5 * float(np.sum(box.widths**2))
    profile = Target(
        lambda q: jnp.exp(-q[0] / far), domain=Box([0.0], [far]), name="bell", lipschitz=1.0 / far
    )
    depth, m = int(rng.integers(2, 4)), int(rng.integers(2, 33))
    one = built.radial_function(profile, n, m, box, dim=box.dim, center=center, depth=depth)
    return Case(f"n = {n}, m = {m} on {box!r}", one, lambda x: np.exp(-squared(x) / L(far)))


KINDS = {
    one.__name__: one
    for one in (
        square_deep,
        square_shallow,
        relu_interpolant,
        tent_deep,
        tent_shallow,
        staircase,
        costarelli_spigler,
        cybenko,
        step,
        bump,
        tower,
        orthant_sum,
        ridge_sum,
        product_deep,
        sum_of_squares_deep,
        sum_of_squares_shallow,
        monomial_deep,
        polynomial_deep,
        relu2_polynomial,
        maximum,
        minimum,
        l1_norm,
        median_of_three,
        square_layered,
        sawtooth_deep,
        most_pieces,
        takagi_deep,
        self_similar_deep,
        ball_indicator,
        radial_function,
    )
}


def seen(case, rng, dtype):
    """The largest error at many points of the box, and the point."""
    network, box = case.construction.network, case.construction.target.domain
    low, high = np.asarray(box.lower), np.asarray(box.upper)
    points = low + (high - low) * rng.uniform(size=(2048, box.dim))
    if box.dim == 1:
        grid = np.linspace(low[0], high[0], 2048)
        knots = _knots(network)
        sides = [np.nextafter(knots, side, dtype=dtype) for side in (-np.inf, np.inf)]
        beside = np.concatenate([knots, *sides]).astype(np.float64)
        points = np.concatenate([grid, points[:, 0], beside])
        points = points[(low[0] <= points) & (points <= high[0])][:, None]
    if "tent" in case.construction.target.name:  # slopes are 2^k: of points as they are stored
        points = points.astype(dtype).astype(np.float64)
    values = np.asarray(al.evaluate(network, points, batch=4096))
    assert values.dtype == dtype
    errors = np.abs(values.astype(L) - case.exact(points))
    if np.all(np.isnan(errors)):
        return 0.0, None
    worst = int(np.nanargmax(errors))
    return float(errors[worst]), points[worst]


def _knots(network):
    """Where units of the first layer change, at most 3000 of them."""
    weights, biases = (np.asarray(a) for a in (network.weights[0][:, 0], network.biases[0]))
    with np.errstate(all="ignore"):
        knots = (-biases / weights).astype(biases.dtype)
    knots = knots[np.isfinite(knots)]
    return knots[:: max(1, len(knots) // 1000)]
