"""Networks that equal a function on all finite float16: digits, runs, orders, first layers."""

import dataclasses
import itertools

import numpy as np
import pytest

from experiments.float_universality import (
    by_digits,
    by_runs,
    functions,
    half,
    orders,
    separation,
    usual,
)
from experiments.float_universality.experiment import EXPERIMENT
from experiments.float_universality.half import FINITE, INPUTS
from tests.sampling import mostly_slow

INFINITY = np.float16(np.inf)
LEAST = np.float16(2.0**-24)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def left_to_right():
    return orders.order("left to right", 0)


def different(network, numbers, chosen=slice(None), order="left to right", watch=None):
    """At how many of the chosen inputs the network has another value."""
    got = half.values(network, INPUTS[chosen], orders.order(order, 1), watch)
    assert got.dtype == np.float16
    return np.count_nonzero(got != functions.at_inputs(numbers)[chosen])


def piecewise(rng, ends, infinite=False):
    """A function with a run up to each end, and a random value in each."""
    heights = rng.choice(FINITE, len(ends) + 1)
    if infinite:
        heights[[1, -1]] = [INFINITY, -INFINITY]
    return heights[np.searchsorted(np.sort(ends), FINITE)]


def test_inputs_are_all_finite_numbers_in_order():
    patterns = np.arange(2**16, dtype=np.uint16)
    every = patterns.view(np.float16)
    assert set(INPUTS.view(np.uint16)) == set(patterns[np.isfinite(every)])
    assert len(INPUTS) == 63_488
    assert np.all(np.diff(FINITE.astype(float)) > 0)
    assert len(FINITE) == 63_487


def test_sums_and_products_of_float16_are_rounded_once(rng):
    """Sums and products of two float16 numbers are exact in float64."""
    a, b = rng.choice(FINITE, (2, 200_000))
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        for got, exact in ((a + b, wide_a + wide_b), (a * b, wide_a * wide_b)):
            assert got.dtype == np.float16
            assert np.array_equal(got, exact.astype(np.float16))


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "sin", "cos"])
@pytest.mark.parametrize("every", mostly_slow([61, 1], [61]))
def test_activations_are_correctly_rounded(name, every):
    """The exact value lies between the middles towards the neighbours."""
    flint = pytest.importorskip("flint")
    flint.ctx.prec = 120
    inputs = FINITE[::every]
    values = half.activated(name, inputs)
    down, up = (np.nextafter(values, end) for end in (-INFINITY, INFINITY))
    for x, value, below, above in zip(inputs, values, down, up, strict=True):
        z = flint.arb(float(x))
        exact = 1 / (1 + (-z).exp()) if name == "sigmoid" else getattr(z, name)()
        y = flint.arb(float(value))
        assert y + flint.arb(float(below)) <= 2 * exact <= y + flint.arb(float(above)), x


@pytest.mark.parametrize("activation", by_runs.ACTIVATIONS)
def test_thresholds_are_exact_at_every_float16(activation):
    """Each of the 63 486 thresholds, at its neighbours and far away."""
    ends = FINITE[:-1]
    layers = by_runs.thresholds(ends, activation)
    above, below = FINITE[1:], np.concatenate([FINITE[:1], ends[:-1]])
    far = [np.full_like(ends, x) for x in (FINITE[0], FINITE[-1], LEAST, -LEAST, 0.0, -0.0)]
    cases = [ends, above, np.append(above[1:], FINITE[-1]), below, *far]
    beyond, up_to = {
        "step": ((1.0,), (0.0,)),
        "relu": ((0.0,), (1.0,)),
        "tanh": ((1.0,), (0.0, -1.0)),
        "sigmoid": ((1.0,), (0.0, 0.5)),
    }[activation]
    with np.errstate(over="ignore", under="ignore"):
        for x in cases:
            seen = x
            for layer in layers:
                assert np.array_equal(layer.rows, np.arange(len(ends)))
                seen = half.activated(layer.activation, layer.weights * seen + layer.bias)
                assert np.all(np.isfinite(seen))
            assert np.all(np.isin(seen[x > ends], beyond))
            assert np.all(np.isin(seen[x <= ends], up_to))


@pytest.mark.parametrize("activation", by_runs.ACTIVATIONS)
def test_by_runs_equals_a_function_on_all_float16(activation, rng):
    """Ends at zero, at subnormal numbers, at a jump of the spacing and at the largest numbers."""
    special = [FINITE[0], -LEAST, 0.0, LEAST, 2.0**-14, 1.0, 16.0, FINITE[-2]]
    ends = np.unique(np.concatenate([np.float16(special), rng.choice(FINITE[:-1], 20)]))
    numbers = piecewise(rng, ends, infinite=True)
    network = by_runs.equal_by_runs(numbers, activation)
    watch = orders.Independence()
    assert different(network, numbers, watch=watch) == 0
    assert watch.proved == watch.sums > 0
    count = len(by_runs.runs(numbers)[1])
    per_run, rest = {"step": (2, -1), "sigmoid": (3, -2), "relu": (4, -3), "tanh": (4, -2)}[
        activation
    ]
    assert half.num_hidden_units(network) == per_run * count + rest + 2  # two infinite runs
    for order in orders.ORDERS:
        assert different(network, numbers, slice(None, None, 97), order) == 0


@pytest.mark.parametrize("activation", by_runs.ACTIVATIONS)
@pytest.mark.parametrize("value", [0.0, -3.0, np.inf])
def test_a_constant_is_one_run(activation, value):
    numbers = np.full(FINITE.shape, value, np.float16)
    network = by_runs.equal_by_runs(numbers, activation)
    assert different(network, numbers, slice(None, None, 999)) == 0


def high_bytes(every):
    """All inputs of some pairs of sign and high byte: the first, two around zero, some others."""
    pairs = np.union1d(np.arange(0, 248, every), [123, 124])
    return np.add.outer(256 * pairs, np.arange(256)).reshape(-1)


TABLES = {
    "random": lambda rng: rng.choice(FINITE, FINITE.shape),
    "identity": lambda rng: FINITE,
    "extremes": lambda rng: np.where(np.arange(len(FINITE)) % 2, FINITE[0], FINITE[-1]),
    "least": lambda rng: rng.choice([LEAST, -LEAST], FINITE.shape),
    "minus zero": lambda rng: np.full(FINITE.shape, -0.0, np.float16),
}


@pytest.mark.parametrize("name", mostly_slow(list(TABLES), ["random", "extremes"]))
@pytest.mark.parametrize("every", mostly_slow([99, 1], [99]))
def test_by_digits_equals_any_finite_function(name, every, rng):
    numbers = TABLES[name](rng)
    network = by_digits.equal_by_digits(numbers)
    assert half.num_hidden_units(network) == 2185
    assert half.num_weights(network) < 2 * len(FINITE) + 14_000
    chosen = high_bytes(every)
    watch = orders.Independence()
    assert different(network, numbers, chosen, watch=watch) == 0
    assert watch.proved == watch.sums
    for order in orders.ORDERS[1:]:
        assert different(network, numbers, chosen, order) == 0


def dense_values(network, inputs):
    """Every product is formed and added, those with zeros, too, from left to right."""
    seen = inputs[None]
    for layer in network:
        matrix = np.zeros((len(layer.bias), len(seen)), np.float16)
        matrix[layer.rows, layer.columns] = layer.weights
        total = np.zeros((len(layer.bias), len(inputs)), np.float16)
        with np.errstate(over="ignore", under="ignore"):
            for column, values in zip(matrix.T, seen, strict=True):
                total += column[:, None] * values
            seen = half.activated(layer.activation, total + layer.bias[:, None])
    return seen[0]


def test_products_with_zeros_change_nothing(rng):
    inputs = np.append(rng.choice(INPUTS, 20), np.float16([0.0, -0.0, 65504.0, -65504.0, LEAST]))
    numbers = rng.choice(FINITE, FINITE.shape)
    some = piecewise(rng, rng.choice(FINITE[:-1], 9), infinite=True)
    for network in (
        by_digits.equal_by_digits(numbers),
        *(by_runs.equal_by_runs(some, name) for name in by_runs.ACTIVATIONS),
        usual.sum_of_jumps(functions.table("logistic in 256 steps", 0)),
    ):
        sparse = half.values(network, inputs, left_to_right())
        assert np.array_equal(dense_values(network, inputs), sparse)


def test_parameters_are_counted():
    """(2^16)^P networks of one architecture, 63487^63487 functions."""
    assert len(FINITE) < 2**16
    least = by_digits.FEWEST_PARAMETERS
    assert 16 * (least - 1) < len(FINITE) * np.log2(len(FINITE)) <= 16 * least


@pytest.mark.parametrize("layer", range(11))
def test_a_spoiled_network_differs(layer, rng):
    """The twin: the weights of one layer are the float16 below."""
    numbers = rng.choice(FINITE, FINITE.shape)
    network = by_digits.equal_by_digits(numbers)
    weights = np.nextafter(network[layer].weights, np.float16(0.0))
    network[layer] = dataclasses.replace(network[layer], weights=weights)
    assert different(network, numbers, high_bytes(99)) > 0


@pytest.mark.parametrize("activation", by_runs.ACTIVATIONS)
def test_a_spoiled_threshold_differs(activation, rng):
    numbers = piecewise(rng, rng.choice(FINITE[1000:-1000], 5, replace=False))
    network = by_runs.equal_by_runs(numbers, activation)
    bias = network[0].bias.copy()
    bias[2] = np.nextafter(bias[2], INFINITY)
    network[0] = dataclasses.replace(network[0], bias=bias)
    assert different(network, numbers) > 0


def test_infinite_hidden_values_are_refused():
    layers = [
        half.Layer.dense(np.array([[2.0]]), np.zeros(1), "relu"),
        half.Layer.dense(np.array([[1.0]]), np.zeros(1), "linear"),
    ]
    assert half.values(layers, np.float16([3.0]), left_to_right())[0] == 6.0
    with pytest.raises(ArithmeticError, match="not finite"):
        half.values(layers, np.float16([60_000.0]), left_to_right())


@pytest.mark.parametrize("weight", [0.1, 1e6, 1e-9, np.inf])
def test_weights_must_be_float16(weight):
    with pytest.raises(ValueError, match="finite float16"):
        half.Layer.dense(np.array([[weight]]), np.zeros(1), "relu")


@pytest.mark.parametrize("name", orders.ORDERS)
@pytest.mark.parametrize("count", [1, 2, 3, 6, 8, 9, 25])
def test_orders_add_every_term_once(name, count, rng):
    terms = rng.integers(-20, 20, (count, 3, 5)).astype(np.float16)
    kept = terms.copy()
    assert np.array_equal(orders.order(name, 3)(terms), np.sum(terms, axis=0))
    assert np.array_equal(terms, kept)


def test_orders_differ_where_they_can():
    terms = np.float16([1.0, 2048.0, 1.0, 1.0])[:, None]
    totals = {name: float(orders.order(name, 0)(terms)[0]) for name in orders.ORDERS}
    assert totals["left to right"] == 2048.0  # 2049 is rounded down to even, each time
    assert totals["right to left"] == 2052.0  # 2051 is half way, too, and rounded up to even
    assert totals["smallest first"] == 2052.0
    assert totals["pairwise"] == 2050.0


def every_total(terms):
    """All results of all trees of additions."""
    if len(terms) == 1:
        return {float(terms[0])}
    found = set()
    for i, j in itertools.combinations(range(len(terms)), 2):
        rest = [term for k, term in enumerate(terms) if k not in (i, j)]
        found |= every_total([*rest, terms[i] + terms[j]])
    return found


def test_what_is_proved_of_any_order_is_true_of_all_trees(rng):
    proved = 0
    for _ in range(400):
        terms = (rng.integers(-1500, 1500, 4) * 2.0 ** -rng.integers(0, 6)).astype(np.float16)
        watch = orders.Independence()
        watch(terms[:, None, None])
        assert watch.sums == 1
        if watch.proved:
            proved += 1
            assert len(every_total(list(terms))) == 1
    assert 40 < proved < 360
    for terms, expected in (
        ([2048.0, 1.0, 1.0], 0),
        ([2046.0, 1.0, 1.0], 1),
        ([65504.0, 0.0, 2.0**-24], 1),
        ([np.inf, 1.0, 1.0], 0),
        ([65504.0, 65504.0, -65504.0], 0),
    ):
        watch = orders.Independence()
        watch(np.float16(terms)[:, None, None])
        assert watch.proved == expected


def test_a_sum_of_jumps_depends_on_the_order():
    numbers = functions.table("bell", 0)
    network, chosen = usual.sum_of_jumps(numbers), slice(None, None, 499)
    watch = orders.Independence()
    assert different(network, numbers, chosen, watch=watch) == 0
    assert watch.proved < watch.sums
    assert different(network, numbers, chosen, "right to left") > 10


def products(size, most):
    """All fl(w x) for |w| <= most."""
    with np.errstate(over="ignore", under="ignore"):
        return np.unique(FINITE[np.abs(FINITE) <= most] * size)


def told_from_zero(activation, size, most):
    """By all weights and all biases."""
    at_bias = half.activated(activation, FINITE)
    with np.errstate(over="ignore"):
        return any(
            not np.array_equal(half.activated(activation, FINITE + product), at_bias)
            for product in products(size, most)
        )


@pytest.mark.parametrize("largest", [65504.0, 5000.0])
def test_cos_takes_inputs_for_zero_by_all_weights_and_biases(largest):
    count = separation.taken_for_zero("cos", largest)
    most = separation.largest_weight("cos", largest)
    assert np.isfinite(most * np.float16(largest))
    with np.errstate(over="ignore"):
        assert np.isinf(np.nextafter(most, INFINITY) * np.float16(largest))
    assert count == {65504.0: 254, 5000.0: 18}[largest]
    zero = len(FINITE) // 2
    assert not told_from_zero("cos", FINITE[zero + count // 2], most)
    assert told_from_zero("cos", FINITE[zero + count // 2 + 1], most)


def test_soft_shrinkage_takes_a_tenth_for_zero(rng):
    count = separation.taken_for_zero("soft shrinkage", 65504.0)
    assert count == 6142
    zero, bias = len(FINITE) // 2, FINITE
    lost, told = FINITE[zero + count // 2], FINITE[zero + count // 2 + 1]
    at_bias = half.activated("soft shrinkage", bias)
    for product in rng.choice(products(lost, 1.0), 50):
        assert np.array_equal(half.activated("soft shrinkage", bias + product), at_bias)
    assert np.any(half.activated("soft shrinkage", bias + told) != at_bias)


@pytest.mark.parametrize("activation", ["relu", "sin", "sigmoid", "tanh"])
def test_others_take_nothing_for_zero(activation):
    assert separation.taken_for_zero(activation, 65504.0) == 0
    weight = separation.largest_weight(activation, 65504.0)
    assert weight == (65504.0 if activation in separation.SATURATING else 1.0)


def test_sines_tell_all_float16_apart():
    classes, used = separation.told_apart("sin", 3)
    assert classes == len(FINITE)
    assert used < 100
    classes, used = separation.told_apart("cos", 3, most_units=60)
    assert classes <= len(FINITE) - 254  # the twin


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda n: by_runs.equal_by_runs(n[1:], "relu"), "shape"),
        (lambda n: by_runs.equal_by_runs(n * np.float16(np.nan), "relu"), "without NaN"),
        (lambda n: by_runs.equal_by_runs(n, "cos"), "activation: got 'cos'"),
        (lambda n: by_digits.equal_by_digits(n[1:]), "shape"),
        (lambda n: by_digits.equal_by_digits(n + INFINITY), "equal_by_runs"),
    ],
)
def test_bad_tables_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build(FINITE)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"by_runs": ("cubes",)}, "functions: got 'cubes'"),
        ({"by_digits": ("powers",)}, "finite values"),
        ({"usual": "random"}, "usual: got 'random'"),
        ({"activations": ("cos",)}, "activations: got 'cos'"),
        ({"largest_inputs": (1e6,)}, "1 to 65504"),
        ({"every": 0}, "every"),
    ],
)
def test_bad_settings_are_refused(changed, message):
    config = dataclasses.replace(EXPERIMENT.presets["smoke"], **changed)
    with pytest.raises(ValueError, match=message):
        EXPERIMENT.units(config)
