"""Taylor models hold the exact values: random functions, boxes and points against decimals."""

import decimal
import itertools
from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.certify._boxes import Boxes
from approxlab.certify._enclosures import Enclosure, magnitudes
from approxlab.certify._expression import Builder, Expression
from approxlab.certify._local_expansions import FAST
from approxlab.certify._problems import difference, single
from tests.certify.exact_values import DIGITS, check_model, exact, slack, value

ACTIVATIONS = sorted(set(al.networks.ACTIVATIONS) - {"heaviside"})

FUNCTIONS = {
    "polynomial": lambda x: x[0] ** 3 - 2.0 * x[0] * x[-1] + 0.1,
    "rational": lambda x: 1.0 / (1.0 + 25.0 * jnp.sum(x**2)),
    "exponentials": lambda x: jnp.exp(jnp.sin(3.0 * x[0])) + jnp.expm1(x[-1]),
    "logarithms": lambda x: jnp.log(2.0 + x[0]) * jnp.log1p(0.5 + x[-1] ** 2),
    "roots": lambda x: jnp.sqrt(1.5 + x[0]) + jnp.cbrt(x[-1]) + (x[0] ** 2) ** 0.3,
    "waves": lambda x: jnp.sin(17.0 * (x[0] - 3.0)) * jnp.cos(x[-1] - 3.0),
    "kinks": lambda x: jnp.abs(x[0] - 0.3) + jnp.maximum(x[-1], -x[0]) - jnp.minimum(x[0], 0.1),
    "branches": lambda x: jnp.where(x[0] > 0.2, x[-1] ** 2, jnp.tanh(x[0])),
    "clip": lambda x: jnp.clip(x[0] * 3.0, -0.5, 0.75) * jax.nn.softplus(x[-1]),
    "steps": lambda x: jnp.floor(3.0 * x[0]) + jnp.sign(x[-1] - 0.25) * jnp.round(2.0 * x[0]),
    "errors": lambda x: jax.scipy.special.erf(x[0]) - jax.scipy.special.erfc(x[-1]),
    "angles": lambda x: jnp.arctan(3.0 * x[0]) + jnp.tan(x[-1]) + jnp.sinh(x[0]),
    "units": lambda x: jax.nn.gelu(2.0 * x[0]) + jax.nn.silu(x[-1]) + jax.nn.elu(x[0]),
    "remainders": lambda x: jnp.mod(3.0 * x[0], 1.0) + jnp.max(x) * jnp.prod(x),
}


def random_boxes(rng, dim, count):
    """Boxes of a tree on a box with ends of all kinds."""
    low = rng.choice([-1.0, -0.7, 0.0, -1.0 / 3.0], dim)
    high = low + rng.choice([1.0, 0.3, 2.0 / 3.0, 1.4], dim)
    depth = rng.integers(0, rng.choice([4, 12, 40]), (count, dim))
    index = (rng.uniform(size=(count, dim)) * 2.0**depth).astype(np.int64)
    ends = (np.broadcast_to(end, (count, dim)) for end in (low, high))
    return Boxes(*ends, depth, np.minimum(index, 2**depth - 1))


def random_points(rng, boxes):
    """Points of the boxes and their places s in the models: inside, and near corners."""
    centre, radius = boxes.centres_and_radii()
    low, high = boxes.bounds(centre, radius)
    share = rng.choice([1e-3, 0.999, 0.5, rng.uniform(0.001, 0.999)], centre.shape)
    points = np.clip(low + share * (high - low), low, high)
    with decimal.localcontext() as context:
        context.prec = 2 * DIGITS
        places = [
            [(exact(x) - exact(c)) / exact(r) for x, c, r in zip(*row, strict=True)]
            for row in zip(points, centre, radius, strict=True)
        ]
    # Only points of the box itself count: outward rounding may leave it by a bit.
    inside = [all(abs(s) <= 1 for s in row) for row in places]
    return points, places, inside


def check(expression, rng, dim, count):
    boxes = random_boxes(rng, dim, count)
    models = Enclosure(expression).on(boxes)
    bound = magnitudes(models, dim).bound
    points, places, inside = random_points(rng, boxes)
    tried = 0
    for row in range(count):
        if inside[row]:
            wanted = value(expression, points[row])
            check_model(models, row, wanted, places[row])
            largest = max(v.copy_abs() for v in wanted)
            with decimal.localcontext() as context:
                context.prec = 2 * DIGITS
                most = exact(bound[row]) + slack(largest) if np.isfinite(bound[row]) else largest
                assert largest <= most
            tried += 1
    return tried


def random_network(rng, activation, dim, hidden):
    sizes = (dim, *hidden, 1)
    weights = [rng.normal(size=(m, n)) for n, m in itertools.pairwise(sizes)]
    biases = [rng.normal(size=m) for m in sizes[1:]]
    return al.MLP.from_arrays(weights, biases, activation)


CASES = [(name, hidden) for name in ACTIVATIONS for hidden in ((5,), (4, 3))]
OFTEN = [("tanh", (5,)), ("tanh", (4, 3)), ("relu", (4, 3)), ("gelu", (5,)), ("softplus", (5,))]


@pytest.mark.parametrize("case", mostly_slow(CASES, OFTEN))
def test_models_of_networks_hold_exact_values(case):
    activation, hidden = case
    tried = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        dim = 1 + seed % 3
        expression = single(random_network(rng, activation, dim, hidden), dim)
        tried += check(expression, rng, dim, 16)
    assert tried > 30


@pytest.mark.parametrize("name", FUNCTIONS)
def test_models_of_functions_hold_exact_values(name):
    tried = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        dim = 1 + seed % 3
        tried += check(single(FUNCTIONS[name], dim), rng, dim, 12)
    assert tried > 15


def test_models_of_differences_hold_exact_values():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        network = random_network(rng, "tanh", 2, (6,))
        expression = difference(network, FUNCTIONS["waves"], 2)
        assert check(expression, rng, 2, 20) > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_many_models_hold_exact_values(seed):
    tried = 0
    rng = np.random.default_rng(1000 + seed)
    while tried < 5000:
        dim = int(rng.integers(1, 5))
        if rng.uniform() < 0.7:
            hidden = tuple(rng.integers(1, 6, rng.integers(1, 4)).tolist())
            model = random_network(rng, str(rng.choice(ACTIVATIONS)), dim, hidden)
        else:
            model = FUNCTIONS[str(rng.choice(sorted(FUNCTIONS)))]
        tried += check(single(model, dim), rng, dim, 60)


def test_a_model_that_is_a_little_too_narrow_is_noticed():
    rng = np.random.default_rng(0)
    expression = single(random_network(rng, "tanh", 1, (5,)), 1)
    boxes = random_boxes(rng, 1, 200)
    models = Enclosure(expression).on(boxes)
    narrow = type(models)(
        models.value,
        models.slopes,
        models.curves,
        np.full_like(models.rest, 2.0**-60),
        models.low,
        models.high,
    )
    points, places, inside = random_points(rng, boxes)
    caught = 0
    for row in np.flatnonzero(inside):
        try:
            check_model(narrow, row, value(expression, points[row]), places[row])
        except AssertionError:
            caught += 1
    assert caught > 50


def test_one_hidden_layer_is_enclosed_as_by_its_units():
    """The short way and the general one hold the same values, nearly as narrow."""
    rng = np.random.default_rng(3)
    for activation in ("tanh", "sigmoid", "softplus", "sin"):
        expression = single(random_network(rng, activation, 2, (30,)), 2)
        boxes = random_boxes(rng, 2, 50)
        short, general = Enclosure(expression), Enclosure(expression, short=False)
        assert short.layers
        assert not general.layers
        boxes = boxes[general.on(boxes).rest[:, 0] < 0.1]
        a, b = short.on(boxes), general.on(boxes)
        assert len(boxes) > 10
        assert np.all(a.rest < 1.5 * b.rest + 1e-12)
        assert np.all(b.rest < 3.0 * a.rest + 1e-12)
        assert np.all(np.abs(a.value - b.value) <= a.rest + b.rest)
        assert np.allclose(a.slopes, b.slopes, rtol=1e-9, atol=1e-12)
        assert np.allclose(a.curves, b.curves, rtol=1e-9, atol=1e-12)


def test_the_remainder_is_of_third_order():
    """Half the radius: an eighth of the remainder, or less where the third derivative is 0."""
    rng = np.random.default_rng(4)
    for seed in range(20):
        network = random_network(np.random.default_rng(seed), "tanh", 2, (8, 8))
        enclosure = Enclosure(difference(network, FUNCTIONS["waves"], 2))
        centre = rng.uniform(-0.5, 0.5, (10, 2))
        rests = [enclosure.around(centre, np.full((10, 2), r)).rest for r in (2e-3, 1e-3)]
        ratio = rests[0] / rests[1]
        assert np.all(ratio > 7.0), ratio
        assert np.all(ratio < 17.0), ratio


def test_parts_of_a_box_have_no_larger_bounds():
    """Isotone up to the second-order terms: the bound of halves is never larger by much."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        enclosure = Enclosure(single(random_network(rng, "tanh", 2, (8,)), 2))
        boxes = random_boxes(rng, 2, 30)
        boxes = boxes[np.all(boxes.depth > 2, axis=1)]
        if len(boxes):
            whole = magnitudes(enclosure.on(boxes), 2)
            halves = magnitudes(enclosure.on(boxes.halves(np.zeros(len(boxes), int))), 2)
            slack = 1e-12 + 0.01 * np.repeat(whole.upper - whole.lower, 2)
            assert np.all(halves.upper <= np.repeat(whole.upper, 2) + slack)
            assert np.all(halves.lower >= np.repeat(whole.lower, 2) - slack)


def test_nothing_is_claimed_where_a_function_is_not_defined():
    for function in (
        lambda x: jnp.log(x[0]),
        lambda x: jnp.sqrt(x[0] - 0.5),
        lambda x: 1.0 / x[0],
        lambda x: jnp.tan(3.0 * x[0]),
    ):
        enclosure = Enclosure(single(function, 1))
        found = magnitudes(enclosure.around(np.array([[0.25]]), np.array([[0.5]])), 1)
        assert found.bound[0] == np.inf


def test_nan_in_any_part_is_not_proved():
    rng = np.random.default_rng(0)
    enclosure = Enclosure(single(random_network(rng, "tanh", 2, (5,)), 2))
    models = enclosure.on(random_boxes(rng, 2, 4))
    for name in ("value", "slopes", "curves", "rest"):
        parts = {k: getattr(models, k).copy() for k in ("value", "slopes", "curves", "rest")}
        parts[name][..., 1, :] = np.nan
        unknown = np.full_like(models.low, np.inf)
        found = magnitudes(type(models)(**parts, low=-unknown, high=unknown), 2)
        assert found.bound[1] == np.inf, name
        assert np.all(np.isfinite(found.bound[[0, 2, 3]]))


def test_constants_and_points_alone():
    builder = Builder(2)
    expression = builder.expression(builder.constant([2.5]))
    assert isinstance(expression, Expression)
    found = magnitudes(Enclosure(expression).at(np.zeros((3, 2))), 2)
    assert found.bound.tolist() == [2.5] * 3
    assert value(expression, [0.0, 0.0]) == [Decimal("2.5")]


def test_bounds_of_derivatives_hold_everywhere_and_are_nearly_attained():
    """Derivatives of tanh as polynomials in t; the logistic function and softplus follow."""
    t = np.linspace(-1.0, 1.0, 200_001)
    slope = 1.0 - t**2
    sizes = [slope, -2.0 * t * slope, slope * (6.0 * t**2 - 2.0), 16 * t - 40 * t**3 + 24 * t**5]
    tanh, logistic, softplus = (FAST[n](np.zeros(1)).limit for n in ("tanh", "sigmoid", "softplus"))
    names = ("first", "second", "third", "fourth")
    for k, (name, size) in enumerate(zip(names, sizes, strict=True)):
        most = float(np.max(np.abs(size)))
        assert most <= getattr(tanh, name) <= 1.0001 * most
        assert 0.5 ** (k + 2) * most <= getattr(logistic, name) <= 1.0001 * 0.5 ** (k + 2) * most
        if k < 3:
            assert getattr(softplus, names[k + 1]) == getattr(logistic, name)
