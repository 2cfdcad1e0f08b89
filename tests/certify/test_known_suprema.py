"""Certified intervals hold suprema known by hand, by Arb or from Sollya, and are narrow."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.certify.sup_norms import sup_norm

UNIT = al.Box([0.0], [1.0])


def checked(found, value, width):
    """The interval holds the value, and is no wider than stated, relative to it."""
    assert found.guaranteed
    assert found.lower <= value <= found.upper, (found.lower, value, found.upper)
    assert found.upper - found.lower <= width * value, (found.upper - found.lower) / value
    return found


def sigmoid(x):
    return jax.nn.sigmoid(x)


def interpolant(n, dim=1):
    """sum_j of the relu interpolants of x_j^2 at multiples of 1/n: numbers without rounding."""
    knots = np.arange(n) / n
    bends = np.concatenate([[1.0 / n], np.full(n - 1, 2.0 / n)])
    eye = np.eye(dim)
    return al.MLP.from_arrays(
        [np.kron(eye, np.ones((n, 1))), np.tile(bends, dim)[None, :]],
        [np.tile(-knots, dim), [0.0]],
        "relu",
    )


@pytest.mark.parametrize("n", mostly_slow([2, 4, 16, 64, 256], [4, 64]))
def test_interpolant_of_the_square(n):
    found = sup_norm(interpolant(n), lambda x: x[0] ** 2, UNIT, rtol=1e-13, atol=0.0)
    checked(found, 0.25 / n**2, 1e-12)


@pytest.mark.parametrize("n", [2, 8])
def test_maxima_of_both_signs(n):
    shift = 0.125 / n**2

    def lowered(x):
        return x[0] ** 2 + shift

    found = sup_norm(interpolant(n), lowered, UNIT, rtol=1e-13, atol=0.0)
    checked(found, shift, 1e-12)


@pytest.mark.parametrize("depth", mostly_slow([1, 2, 4, 6], [4]))
def test_deep_sawtooth_network_of_the_square(depth):
    built = al.constructions.square_deep(depth)
    found = sup_norm(built.network, lambda x: x[0] ** 2, UNIT, rtol=1e-12, atol=0.0)
    checked(found, 0.5 * 4.0 ** -(depth + 1), 1e-11)  # errors of both signs


@pytest.mark.parametrize("dim", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_sums_of_interpolants(dim):
    found = sup_norm(interpolant(2, dim), lambda x: jnp.sum(x**2), al.Box.unit(dim), rtol=1e-3)
    checked(found, dim / 16, 1.01e-3)


def product_network(n):
    """2 F((x + y) / 2) - F(x) / 2 - F(y) / 2 with the interpolant F of the square on n pieces."""
    base = interpolant(n)
    knots, bends = -np.asarray(base.biases[0]), np.asarray(base.weights[1])[0]
    rows = [[0.5, 0.5]] * n + [[1.0, 0.0]] * n + [[0.0, 1.0]] * n
    outer = np.concatenate([2.0 * bends, -0.5 * bends, -0.5 * bends])
    biases = [-np.tile(knots, 3), [0.0]]
    return al.MLP.from_arrays([np.array(rows), outer[None, :]], biases, "relu")


@pytest.mark.parametrize("m", [1, 2])
def test_product_by_three_squares(m):
    found = sup_norm(product_network(2**m), lambda x: x[0] * x[1], al.Box.unit(2), rtol=1e-3)
    checked(found, 2.0 ** -(2 * m + 1), 1.01e-3)


def test_a_network_and_itself():
    for network in (interpolant(4), al.MLP.init(jax.random.key(0), 2, (8, 8), "tanh")):
        box = al.Box.unit(network.in_size)
        found = sup_norm(network, network, box)
        assert (found.lower, found.upper, found.status) == (0.0, 0.0, "ok")
        again = sup_norm(network, lambda x, network=network: network(x), box)
        assert again.lower == 0.0
        assert again.upper <= 1e-12
        assert again.status == "ok"


WIDE = (math.sqrt(0.5), math.sqrt(0.5) - math.atanh(math.sqrt(0.5)) / 2)
SMOOTH = {
    "tanh": (lambda x: jnp.tanh(x[0]), lambda x: x[0], (0, 1), 0.2384058440442351118805417),
    "logistic": (
        lambda x: sigmoid(4.0 * (x[0] - 1.0)),
        lambda x: x[0] / 2.0,
        (0, 2),
        0.1332099938383880058922698,
    ),
    "steep tanh": (lambda x: jnp.tanh(2.0 * x[0]), lambda x: x[0], (0, 1), WIDE[1]),
    "bump": (
        lambda x: sigmoid(32.0 * x[0] - 8.0) - sigmoid(32.0 * x[0] - 24.0),
        lambda x: 0.0 * x[0],
        (0, 1),
        0.9993292997390670437922433,
    ),
    "softplus": (
        lambda x: jax.nn.softplus(8.0 * x[0]) / 8.0,
        lambda x: jax.nn.relu(x[0]),
        (-4, 4),
        0.08664339756999316367715402,
    ),
    "runge": (lambda x: 1.0 / (1.0 + 25.0 * x[0] ** 2), lambda x: 0.0 * x[0], (-1, 1), 1.0),
    "gelu": (
        lambda x: jax.nn.gelu(x[0], approximate=True),
        lambda x: jax.nn.gelu(x[0], approximate=False),
        (-8, 8),
        4.7323552068728e-4,
    ),
    "normal law": (
        lambda x: sigmoid(1.702 * x[0]),
        lambda x: 0.5 * (1.0 + jax.scipy.special.erf(x[0] / jnp.sqrt(2.0))),
        (-8, 8),
        0.0094863244455859,
    ),
}


@pytest.mark.parametrize("name", mostly_slow(list(SMOOTH), ["logistic", "softplus", "gelu"]))
def test_smooth_functions(name):
    model, target, (a, b), value = SMOOTH[name]
    found = sup_norm(model, target, al.Box([a], [b]), rtol=1e-9)
    # The constants of the functions are binary numbers near those of the theory.
    assert found.lower * (1 - 1e-12) <= value <= found.upper * (1 + 1e-12)
    assert found.status == "ok"
    assert found.upper <= found.lower * (1 + 1e-9)


STAIRCASES = [
    (4, 16, 0.0529325371920082),
    (8, 32, 0.02844835780775004),
    (16, 64, 0.01471970133253832),
    (16, 128, 0.01691329056571966),
    (32, 128, 0.00748373127343499),
]


def staircase(n, gain):
    steps = np.arange(1, n + 1)
    heights = (steps / n) ** 2 - ((steps - 1) / n) ** 2
    centres = (2 * steps - 1) / (2 * n)
    weights = [np.full((n, 1), float(gain)), heights[None, :]]
    return al.MLP.from_arrays(weights, [-gain * centres, [0.0]], "sigmoid")


@pytest.mark.parametrize("case", mostly_slow(STAIRCASES, STAIRCASES[3:4]))
def test_staircases_of_sigmoids(case):
    n, gain, value = case
    found = sup_norm(staircase(n, gain), lambda x: x[0] ** 2, UNIT, rtol=1e-9)
    assert found.lower * (1 - 1e-14) <= value <= found.upper * (1 + 1e-14)
    assert found.status == "ok"


def deep():
    i = np.arange(1, 5)
    signs = (-1.0) ** (i[:, None] + i[None, :])
    weights = [i[:, None] * 1.0, 0.5 * signs, 0.25 * (-1.0) ** i[None, :]]
    return al.MLP.from_arrays(weights, [-i / 2, i / 8, [0.5]], "tanh")


@pytest.mark.parametrize(
    ("target", "low", "high"),
    [
        (lambda x: jnp.sin(3.0 * x[0]), 0.57297691529073, 0.57297691529116),
        (lambda x: x[0] ** 2, 0.39554421758744, 0.39554421758780),
    ],
)
def test_two_hidden_layers(target, low, high):
    found = sup_norm(deep(), target, UNIT, rtol=1e-9)
    assert found.lower <= high
    assert low <= found.upper
    assert found.status == "ok"


# Published by Sollya


def test_relative_error_of_the_manual():
    coefficients = (1.0, 2097145 / 2**22, 349527 / 2**21, 87609 / 2**21, 4369 / 2**19)

    def ratio(x):
        t, total = x[0], 0.0
        for c in coefficients[::-1]:
            total = total * t + c
        return t * total / jnp.expm1(t)

    box = al.Box([1 / 64], [1 / 4])
    found = sup_norm(ratio, lambda x: 1.0 + 0.0 * x[0], box, rtol=1e-6, atol=0.0)
    checked(found, 9.834913197221081e-8, 1e-6)


def parts(numerator, exponent):
    """A long binary number as the sum of two of binary64, up to 2^-106."""
    whole = Fraction(numerator) * Fraction(2) ** exponent
    high = float(whole)
    return high, float(whole - Fraction(high))


def polynomial(coefficients):
    pairs = [parts(*c) for c in coefficients]

    def f(x):
        total = 0.0 * x[0]
        for high, low in pairs[::-1]:
            total = total * x[0] + high + low
        return total

    return f


def test_polynomial_for_the_exponential_function():
    p = polynomial(
        [
            (11692536319630510474283968587625525849426869787677, -163),
            (23384922893552793741208186896732057180708286140565, -164),
            (46692941277611593554424973690517694800554713844979, -166),
            (3891678517537147456387754739468835779118224484425, -164),
            (1024072943597638219514404758611859127188920401873, -164),
            (26154763285557255659575812244171511366994513699585, -171),
        ]
    )
    found = sup_norm(p, lambda x: jnp.exp(x[0]), al.Box([-1.0], [1.0]), rtol=1e-8, atol=0.0)
    checked(found, 4.52055210438262578856e-5, 1e-8)


def waves(x):
    return jnp.sin(17.0 * (x[0] - 3.0)) * jnp.cos(x[0] - 3.0) * jnp.exp(x[0] / 4.0)


@pytest.mark.slow
def test_waves():
    box = al.Box([-2.0], [2.0])
    found = sup_norm(waves, lambda x: 0.0 * x[0], box, rtol=1e-9)
    checked(found, 0.99499421113322612138, 1.01e-9)
    p = polynomial(
        [
            (5841986838484490273226357258541178809257197853603, -160),
            (-1657010884744388725768284702475520358103564313103, -163),
            (1566987824830335456879991047308861887585745670967, -162),
            (18637702919758264241676014573759486129098461080361, -165),
            (-4691389977422298284816628406735202847317903770937, -165),
            (-3641480240898210056437514385988871012264138539689, -165),
        ]
    )
    found = sup_norm(lambda x: waves(x) + 4.0, p, box, rtol=1e-9)
    checked(found, 0.97892059188733938, 1.01e-9)


# One dimension lifted to several: the supremum is known


RIDGES = {2: np.array([0.5, 0.5]), 3: np.array([0.5, 0.25, 0.25]), 4: np.full(4, 0.25)}
LIFTS = [(name, d) for name in ("tanh", "logistic", "runge") for d in (2, 3, 4)]
# Where the error is largest along a whole plane of kinks, boxes of first order fill that plane.
LIFTS += [("softplus", 2), ("softplus", 3)]


def mostly_slow_ones(cases):
    often = cases[:1]
    return [c if c in often else pytest.param(*c, marks=pytest.mark.slow) for c in cases]


@pytest.mark.parametrize(("name", "dim"), mostly_slow_ones(LIFTS))
def test_ridges(name, dim):
    """Functions of the mean of the coordinates: the supremum is unchanged."""
    model, target, (a, b), value = SMOOTH[name]
    weights = RIDGES[dim]

    def lifted(f):
        return lambda x: f(jnp.sum(jnp.asarray(weights) * x)[None])

    rtol = {2: 1e-3, 3: 3e-2, 4: 1e-1}[dim]
    box = al.Box.cube(float(a), float(b), dim)
    found = sup_norm(lifted(model), lifted(target), box, rtol=rtol, seconds=120)
    checked(found, value, 1.01 * rtol)


@pytest.mark.parametrize(("name", "dim"), mostly_slow_ones([("logistic", d) for d in (2, 3, 4)]))
def test_sums_over_coordinates(name, dim):
    """sum_j e(x_j) is largest at dim max e, or dim max (-e)."""
    model, target, (a, b), value = SMOOTH[name]

    def lifted(f):
        return lambda x: sum(f(x[j : j + 1]) for j in range(dim))

    rtol = {2: 1e-3, 3: 1e-2, 4: 5e-2}[dim]
    box = al.Box.cube(float(a), float(b), dim)
    found = sup_norm(lifted(model), lifted(target), box, rtol=rtol, seconds=120)
    checked(found, dim * value, 1.01 * rtol)


def test_the_largest_component_counts():
    found = sup_norm(
        lambda x: jnp.stack([jnp.tanh(x[0]), 2.0 * jnp.tanh(x[0])]),
        lambda x: jnp.stack([x[0], 2.0 * x[0]]),
        UNIT,
        rtol=1e-6,
    )
    checked(found, 2 * 0.2384058440442351118805417, 1.01e-6)


@pytest.mark.parametrize("seed", mostly_slow(range(12), [0]))
def test_spikes_are_never_missed_by_the_upper_end(seed):
    """A bump of width 1e-6 at a random place: no grid sees it."""
    rng = np.random.default_rng(seed)
    a, k, shift, height = rng.uniform(0.1, 0.9), 4e6, 4.0, rng.uniform(0.5, 2.0)
    smooth = al.MLP.init(jax.random.key(seed), 1, (8,), "sigmoid")

    def spiked(x):
        z = k * (x[0] - a)
        return smooth(x) + height * (sigmoid(z + shift) - sigmoid(z - shift))

    found = sup_norm(spiked, lambda x: smooth(x), UNIT, rtol=1e-3)
    top = height * math.tanh(shift / 2)  # at x = a
    assert found.upper >= top * (1 - 1e-9)
    assert found.status == "ok"
    assert found.lower >= top * (1 - 2e-3)
