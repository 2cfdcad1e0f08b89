"""Deep networks that are followed from a quadratic: their start, their steps, what they reach."""

import dataclasses
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab import fitting, regions, targets
from approxlab.fitting.continuation.damped_steps import Problem, State
from approxlab.fitting.continuation.following import _seen
from approxlab.fitting.continuation.given import given
from approxlab.fitting.continuation.plain_layers import PlainLayers
from approxlab.fitting.continuation.quadratic_start import quadratic, teeth

PLAIN = (4, 4, 4, 4, 4)


def exact_value(layers, parameters, t):
    weights, biases = layers.unpacked(parameters)
    held = [t]
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        held = [
            sum(
                (Fraction(float(w)) * h for w, h in zip(row, held, strict=True)), Fraction(float(c))
            )
            for row, c in zip(W, b, strict=True)
        ]
        if layer < len(weights) - 1:
            held = [max(h, Fraction(0)) for h in held]
    return held[0]


def network(layers, parameters):
    weights, biases = layers.unpacked(parameters)
    return al.MLP.from_arrays(weights, biases, "relu", dtype="float64")


@pytest.mark.parametrize("hidden", [(4,), (2, 3), (4, 5, 3), (8, 5, 5), (4, 9, 4)])
def test_the_start_interpolates_a_quadratic_at_equal_distances(hidden):
    layers, folds = PlainLayers(hidden), teeth(hidden, 10**6)
    assert folds == tuple(width - (layer > 0) for layer, width in enumerate(hidden))
    pieces = int(np.prod(folds))
    coefficients = (0.75, -2.5, 1.5)
    parameters = quadratic(layers, folds, coefficients)
    c0, c1, c2 = map(Fraction, coefficients)
    for j in range(0, pieces + 1, max(1, pieces // 8)):
        t = Fraction(j, pieces)
        error = exact_value(layers, parameters, t) - (c0 + c1 * t + c2 * t * t)
        assert abs(error) < 1e-13
        middle = t - Fraction(1, 2 * pieces)
        if j:  # c2 times the deviation of a parabola from its chord
            found = exact_value(layers, parameters, middle) - (c0 + c1 * middle + c2 * middle**2)
            assert abs(found - c2 * Fraction(1, 4 * pieces**2)) < 1e-13
    found = regions.pieces(network(layers, parameters), al.Box([0.0], [1.0]))
    long = np.diff(found.edges) > 1e-9
    assert int(long.sum()) == pieces


def test_folds_stay_coarser_than_the_points():
    assert 100 <= np.prod(teeth((4,) * 20, 300)) <= 300
    assert teeth((4,) * 5, 400) == (4, 3, 3, 3, 3)
    assert np.prod(teeth((50, 50), 300)) <= 300


@pytest.mark.parametrize("hidden", [(3,), (4, 3), (5, 4, 3)])
def test_the_jacobian_is_that_of_jax(hidden):
    layers = PlainLayers(hidden)
    rng = np.random.default_rng(len(hidden))
    parameters, x = rng.standard_normal(layers.size), rng.uniform(0.0, 1.0, 17)

    def values(p):
        weights, biases, at, held = [], [], 0, jnp.asarray(x)[None]
        for rows, columns in layers.shapes:
            weights.append(p[at : at + rows * columns].reshape(rows, columns))
            at += rows * columns
            biases.append(p[at : at + rows])
            at += rows
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            held = jax.nn.relu(W @ held + b[:, None])
        return (weights[-1] @ held + biases[-1][:, None])[0]

    with jax.enable_x64(True):
        wanted = jax.jacobian(values)(jnp.asarray(parameters)).T
        np.testing.assert_allclose(layers.values(parameters, x), values(parameters), rtol=1e-12)
    factors = rng.uniform(0.5, 2.0, 17)
    found = layers.jacobian(parameters, x, factors)
    np.testing.assert_allclose(found, np.asarray(wanted) * factors, rtol=1e-12, atol=1e-13)


def test_steps_never_raise_the_loss_and_end_at_a_stationary_point():
    layers = PlainLayers((4, 4))
    x = (np.arange(200) + 0.5) / 200
    problem = Problem(layers, x, np.full(200, 200**-0.5))
    state = State(quadratic(layers, teeth((4, 4), 60), (0.0, 0.0, 1.0)), np.inf)
    y, losses = np.exp(x), []
    for _ in range(30):
        state = problem.reduced(state, y, 20, 1e-12)
        losses.append(state.loss)
        if state.settled:
            break
    assert state.settled
    assert np.all(np.diff(losses) <= 0.0)
    residual = layers.values(state.parameters, x) - y
    slope = layers.jacobian(state.parameters, x, np.ones(200)) @ residual / 200
    assert np.max(np.abs(slope)) < 1e-3 * np.sqrt(state.loss)


@pytest.fixture(scope="module")
def cube():
    return fitting.fit_deep(targets.get("cube"), PLAIN, seeds=2)


def test_depth_pays_on_the_cube(cube):
    """Published for 4 x 5 ReLUs: 7.86e-8 at best; the best shallow network of 20 units: 4.9e-8."""
    assert np.all(cube.losses < 1e-8)
    assert cube.network.num_hidden_units == 20
    assert cube.network.num_linear_units == 0
    assert np.all(cube.pieces > 40)
    assert cube.gap_to_shallow().upper < 0.25
    assert 1.0 <= cube.gap_to_splines().lower < 10.0
    tall = (cube.network.num_hidden_units + 1) ** 2 * float(cube.error)
    assert tall < 0.09  # the constant of the best splines is 0.0964


def test_what_is_told_is_true_of_the_network(cube):
    x = (np.arange(20000) + 0.5) / 20000
    values = np.asarray(al.evaluate(cube.network, x[:, None]), np.float64)
    mean = np.mean((values - x**3) ** 2)
    assert mean == pytest.approx(cube.loss, rel=0.1)
    assert float(cube.error) ** 2 == pytest.approx(cube.loss, rel=0.1)
    for i, count in enumerate(cube.pieces):
        assert count == regions.count(
            cube.networks.member(i), al.Box([0.0], [1.0]), kind="activation"
        ) or count == len(regions.pieces(cube.networks.member(i), al.Box([0.0], [1.0])).slopes)
    rows = cube.to_rows()
    assert [row["pieces"] for row in rows] == cube.pieces.tolist()
    assert {row["method"] for row in rows} == {"continuation"}
    assert "DeepFit" in repr(cube)
    assert cube.history.losses.shape == cube.history.steps.shape
    assert cube.history.losses[0, -1] < 1e-3 * cube.history.losses[0, 0]


@pytest.mark.parametrize("ends", [(3.0, 5.0), (-7.0, -2.0), (1e3, 1e3 + 1.0)])
def test_boxes_and_heights_do_not_matter(ends):
    a, b = ends

    def f(x):
        return 1e3 + 1e-2 * ((x[0] - a) / (b - a)) ** 3

    with jax.enable_x64(True):
        found = fitting.fit_deep(al.Target(f, domain=al.Box([a], [b])), (4, 4, 4), seeds=1)
        unit = fitting.fit_deep(targets.get("cube"), (4, 4, 4), seeds=1)
    assert found.relative_loss == pytest.approx(unit.relative_loss, rel=0.5)


def test_float32_networks_say_that_rounding_limits_them():
    found = fitting.fit_deep(targets.get("exp"), PLAIN, seeds=1, dtype="float32")
    assert found.network.dtype == np.float32
    x = (np.arange(4000) + 0.5) / 4000
    values = np.asarray(al.evaluate(found.network, x[:, None]), np.float64)
    assert np.mean((values - np.exp(x)) ** 2) == pytest.approx(found.loss, rel=0.2)
    assert found.status in ("limited", "converged", "budget")


def test_data_take_the_place_of_a_target():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(-2.0, 1.0, 600))
    y = np.exp(x)
    found = fitting.fit_deep(
        (x[:, None], y), (4, 4, 4), seeds=1, dtype="float64" if jax.config.jax_enable_x64 else None
    )
    values = np.asarray(al.evaluate(found.network, x[:, None]), np.float64)
    assert np.mean((values - y) ** 2) == pytest.approx(found.loss, rel=1e-3)
    assert found.relative_loss < 1e-5
    for ask in (lambda: found.error, found.gap_to_shallow, found.gap_to_splines):
        with pytest.raises(ValueError, match="fitted to data"):
            ask()


@pytest.mark.parametrize(
    "f", [lambda x: 0.0 * x[0] + 3.0, lambda x: 2.0 * x[0] - 1.0, lambda x: 1e-100 * x[0] ** 3]
)
def test_flat_and_tiny_targets_are_reached(f):
    with jax.enable_x64(True):
        found = fitting.fit_deep(
            al.Target(f, domain=al.Box([0.0], [1.0])), (3, 3), seeds=1, stages=8
        )
        size = abs(float(f(np.ones(1))))
    assert found.loss <= (1e-2 * size) ** 2


@pytest.mark.parametrize("width", [1e-4, 1e-5])
def test_narrow_targets_are_not_taken_for_zero(width):
    target = al.Target(
        lambda x: jnp.exp(-(((x[0] - 0.5) / width) ** 2)), domain=al.Box([0.0], [1.0])
    )
    found = fitting.fit_deep(target, (3, 3), seeds=1, stages=8)
    square = width * np.sqrt(np.pi / 2.0)
    assert found.loss > 1e-6 * square
    assert found.loss < 1.05 * square
    assert np.sqrt(found.loss) == pytest.approx(float(found.error), rel=0.05)


def test_data_may_be_few_and_repeat_positions():
    x = np.repeat(np.linspace(0.0, 1.0, 4), 3)
    y = np.tile([0.0, 1.0, 2.0], 4) + x**2
    found = fitting.fit_deep((x[:, None], y), (3, 3), seeds=1, stages=8)
    assert found.loss == pytest.approx(2.0 / 3.0, rel=1e-3)  # the spread at each position


@pytest.mark.parametrize("x", [[0.0], [0.0, 1.0], [0.5, 0.5, 0.5], [0.0, 0.0, 1.0]])
def test_a_quadratic_needs_three_positions(x):
    data = np.array(x)[:, None], np.arange(len(x), dtype=float)
    with pytest.raises(ValueError, match="X: got fewer than three distinct positions"):
        fitting.fit_deep(data, (3, 3), seeds=1)


def test_seeds_are_reproducible_and_differ():
    first = fitting.fit_deep(targets.get("exp"), (3, 3), seeds=2, stages=8)
    again = fitting.fit_deep(targets.get("exp"), (3, 3), seeds=2, stages=8, key=jax.random.key(0))
    other = fitting.fit_deep(targets.get("exp"), (3, 3), seeds=1, stages=8, key=jax.random.key(1))
    np.testing.assert_array_equal(first.losses, again.losses)
    assert first.losses[0] != first.losses[1]
    assert other.losses[0] not in first.losses


def wave(x):
    return jnp.sin(2.0 * jnp.pi * x[0])


def s_curve(x):
    return jnp.tanh(5.0 * (x[0] - 0.4))


@pytest.mark.parametrize("f", [wave, pytest.param(s_curve, marks=pytest.mark.slow)])
def test_no_seed_is_lost_where_a_target_bends_to_both_sides(f):
    """Of single paths one in ten ends a hundred times above the others."""
    unit = al.Box([0.0], [1.0])
    found = fitting.fit_deep(al.Target(f, domain=unit), PLAIN, seeds=3, stages=64, steps=100)
    assert found.losses.max() < 30.0 * found.losses.min()
    assert found.losses.max() < 1e-5
    assert found.history.losses.shape == (3, 17)  # four paths share the stages


def test_the_ends_are_fitted_as_well_as_the_middle(cube):
    x = np.linspace(0.0, 1.0, 500)  # with both ends
    for i, loss in enumerate(cube.losses):
        values = np.asarray(al.evaluate(cube.networks.member(i), x[:, None]), np.float64)
        assert np.mean((values - x**3) ** 2) < 1.5 * loss


def spike(height, at, width):
    """A network of one layer: a tent of this height, three kinks."""
    layers = PlainLayers((3,))
    slope = 2.0 * height / width
    kinks = np.array([at - 0.5 * width, at, at + 0.5 * width])
    return (
        layers,
        layers.packed(
            [np.ones((3, 1)), slope * np.array([[1.0, -2.0, 1.0]])], [-kinks, np.zeros(1)]
        ),
        kinks,
    )


@pytest.mark.parametrize(("height", "at", "width"), [(50.0, 0.50025, 4e-4), (1e4, 0.1111, 1e-6)])
def test_a_spike_between_the_points_is_seen_and_removed(height, at, width):
    def f(x):
        return jnp.sin(6.0 * x[0])

    wanted = given(al.Target(f, domain=al.Box([0.0], [1.0])), 1000)
    layers, parameters, kinks = spike(height, at, width)
    np.testing.assert_allclose(layers.kinks(parameters), kinks, rtol=0.0, atol=1e-12)
    flat = dataclasses.replace(wanted, y=0.0 * wanted.y)
    values = (layers.values(parameters, x) for x in (flat.t, kinks))
    exact = height**2 * width / 3.0  # of a tent
    assert flat.mean_square_between(kinks, *values) == pytest.approx(exact, rel=1e-6)
    problem = Problem(layers, wanted.t, np.sqrt(wanted.weights))
    loss = problem.loss(parameters, wanted.y)
    state, seen, well = _seen(wanted, layers, State(parameters, loss), 50)
    assert len(seen.t) > len(wanted.t)
    assert well
    edges = np.union1d(np.linspace(0.0, 1.0, 20001), layers.kinks(state.parameters))
    nodes, shares = np.polynomial.legendre.leggauss(4)
    x = edges[:-1] + 0.5 * np.diff(edges) * (nodes[:, None] + 1.0)
    wrong = layers.values(state.parameters, x.ravel()) - (np.sin(6.0 * x.ravel()) - seen.shift) / (
        seen.unit
    )
    whole = 0.5 * shares @ wrong.reshape(x.shape) ** 2 @ np.diff(edges)
    assert whole == pytest.approx(state.loss, rel=0.03)
    assert whole < 0.5 * exact


def narrow(x):
    return jnp.exp(-(((x[0] - 0.37) / 0.005) ** 2))


def step(x):
    return jnp.tanh(300.0 * (x[0] - 0.4))


@pytest.mark.parametrize(
    ("f", "hidden", "seeds"),
    [
        (narrow, (4, 4, 4), 2),
        (lambda x: jnp.abs(x[0] - 0.3), (3, 3), 2),
        pytest.param(step, (4,) * 4, 6, marks=pytest.mark.slow),
        pytest.param(narrow, (3,) * 5, 12, marks=pytest.mark.slow),
        pytest.param(wave, (3,) * 4, 12, marks=pytest.mark.slow),
    ],
)
def test_losses_are_those_of_the_whole_interval(f, hidden, seeds):
    target = al.Target(f, domain=al.Box([0.0], [1.0]))
    found = fitting.fit_deep(target, hidden, seeds=seeds, stages=32)
    for i, loss in enumerate(found.losses):
        whole = float(al.errors.l2(found.networks.member(i), target))
        if loss > 1e-12:  # otherwise rounding
            assert np.sqrt(loss) == pytest.approx(whole, rel=0.02)


def test_the_opposite_curvature_is_a_worse_start(cube):
    other = fitting.fit_deep(targets.get("cube"), PLAIN, seeds=1, start="opposite")
    assert other.loss > 10.0 * cube.losses.max()


def test_without_spread_all_seeds_are_one():
    same = fitting.fit_deep(targets.get("exp"), (3, 3), seeds=2, stages=8, spread=0.0)
    assert same.losses[0] == same.losses[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden": (4, 2)}, r"hidden: got \(4, 2\), expected at least 2 units"),
        ({"hidden": ()}, r"hidden: got \(\), expected at least 2"),
        ({"hidden": 4}, r"hidden: got 4, expected the widths"),
        ({"seeds": 0}, "seeds: got 0"),
        ({"stages": 0}, "stages: got 0"),
        ({"steps": 1.5}, "steps: got 1.5"),
        ({"points": 20}, "points: got 20 for"),
        ({"start": "square"}, "start: got 'square', expected 'nearest' or 'opposite'"),
        ({"start": ["nearest"]}, "start: got"),
        ({"spread": -1e-3}, "spread: got -0.001"),
        ({"spread": float("nan")}, "spread: got nan"),
        ({"hidden": (400, 400)}, "GiB"),
        ({"target": targets.get("gaussian", dim=2)}, "target"),
        ({"target": np.exp}, "target: got"),
        ({"key": 3}, "key: got 3"),
        ({"dtype": "int8"}, "dtype"),
    ],
)
def test_bad_input_is_refused(change, words):
    asked = {"target": targets.get("cube"), "hidden": (4, 4), "seeds": 1, **change}
    with pytest.raises((TypeError, ValueError), match=words):
        fitting.fit_deep(asked.pop("target"), **asked)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "most", "best"), [("cube", 1e-9, 7.86e-8), ("power11", 5e-8, 8.86e-7)]
)
def test_medians_are_below_the_published_best(name, most, best):
    found = fitting.fit_deep(targets.get(name), PLAIN, seeds=30)
    assert np.median(found.losses) < most < best
