"""Numbers that are not finite: named with their place, and never taken for a success."""

import json
import math
import random

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import approxlab as al
from approxlab.networks import ACTIVATIONS

TARGET = al.targets.get("runge")
MEASURES = [al.errors.sup, al.errors.l2]
POINTS = np.linspace(0.0, 1.0, 33)[:, None]
BAD = [math.nan, math.inf, -math.inf]
HOLE = al.Target(
    lambda x: jnp.where(x[0] == 0.5, jnp.nan, x[0]), domain=al.Box([0.0], [1.0]), name="hole"
)


def network(activation="tanh"):
    return al.MLP.init(jax.random.key(0), 1, (4, 3), activation)


def spoil(net, leaf, value):
    """The network with one number replaced, by name and index of its array."""
    arrays, index = list(getattr(net, leaf)), (1,) * getattr(net, leaf)[1].ndim
    arrays[1] = arrays[1].at[index].set(value)
    given = {"weights": net.weights, "biases": net.biases, leaf: tuple(arrays)}
    return al.MLP(given["weights"], given["biases"], net.activation, net.passthrough, net.out_size)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_spoiled_network_has_no_error_and_its_number_is_named(measure, activation):
    for leaf, place in (("weights", "(1, 1)"), ("biases", "(1,)")):
        for value in BAD:
            error = measure(spoil(network(activation), leaf, value), TARGET)
            assert math.isnan(float(error))
            assert error.problem == f"model.{leaf}[1] is {value} at index {place}"
            assert error.problem in repr(error)
    assert math.isfinite(float(measure(network(activation), TARGET)))


def test_the_values_alone_would_not_show_it():
    """Why the arrays are looked at: these networks have finite values everywhere."""
    for activation, value in (("tanh", math.inf), ("relu", -math.inf), ("sigmoid", -math.inf)):
        values = al.evaluate(spoil(network(activation), "biases", value), POINTS)
        assert np.isfinite(np.asarray(values)).all()


@pytest.mark.parametrize("measure", MEASURES)
def test_a_spoiled_network_is_saved_loaded_and_still_named(measure, tmp_path):
    spoil(network(), "weights", math.nan).save(tmp_path / "net.npz")
    error = measure(al.MLP.load(tmp_path / "net.npz"), TARGET)
    assert error.problem == "model.weights[1] is nan at index (1, 1)"


def test_a_damaged_network_file_is_refused_or_loads_bit_for_bit(tmp_path):
    """One bit in every byte: a flip in what the archive says twice or not at all may pass."""
    path, net, rng = tmp_path / "net.npz", network(), random.Random(0)
    net.save(path)
    content, refused = path.read_bytes(), 0
    for at in range(len(content)):
        spoiled = bytearray(content)
        spoiled[at] ^= 1 << rng.randrange(8)
        path.write_bytes(spoiled)
        try:
            loaded = al.MLP.load(path)
        except ValueError as error:
            refused += 1
            assert "net.npz" in str(error)  # noqa: PT017, both outcomes are allowed
            continue
        assert jax.tree.structure(loaded) == jax.tree.structure(net)
        for ours, theirs in zip(jax.tree.leaves(net), jax.tree.leaves(loaded), strict=True):
            assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()
    assert refused > len(content) / 2


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("relative", [False, True])
def test_a_target_that_is_not_finite_is_named_with_the_point(measure, relative):
    target = al.Target(lambda x: 1 / jnp.maximum(x[0] - 0.5, 0.0), domain=al.Box([0.0], [1.0]))
    error = measure(lambda x: x[0], target, relative=relative)
    assert math.isnan(float(error))
    assert error.problem == f"target is inf at the point {list(error.at)}"
    error = measure(lambda x: jnp.log(x[0] - 2.0), target.__class__(jnp.sum, target.domain))
    assert error.problem == f"model is nan at the point {list(error.at)}"


def test_a_hole_in_the_target_is_found_by_the_grid_that_meets_it():
    error = al.errors.sup(lambda x: x[0], HOLE)
    assert (math.isnan(float(error)), error.at) == (True, (0.5,))
    with pytest.raises(ValueError, match=r"target: got nan at the point \[0.5\] \(1 such values"):
        al.fit(HOLE, hidden=(4,), points=33, steps=1)


def test_finite_values_with_squares_that_are_not_have_a_norm():
    big = al.Target(lambda x: 1e200 * x[0], domain=al.Box([1.0], [2.0]))
    error = al.errors.l2(lambda x: 0.0 * x[0], big)
    assert float(error) == pytest.approx(1e200 * math.sqrt(7 / 3), rel=1e-14)
    assert error.problem is None


@pytest.mark.parametrize(("name", "place"), [("X", r"\(3, 0\)"), ("Y", r"\(3,\)")])
@pytest.mark.parametrize("value", BAD)
def test_data_that_are_not_finite_are_named(name, place, value):
    data = {"X": POINTS.copy(), "Y": POINTS[:, 0].copy()}
    data[name][3] = value
    data[name][7] = math.nan
    with pytest.raises(ValueError, match=rf"{name}: got {value} at index {place} \(2 such"):
        al.fit((data["X"], data["Y"]), hidden=(4,), steps=1)


@pytest.mark.parametrize(
    ("x_factor", "y_factor", "dtype", "name"),
    [
        (1.0, 1e39, "float32", "Y"),
        (1.0, 3e38, "float32", "Y"),
        (1.0, 1e-46, "float32", "Y"),
        (1e39, 1.0, "float32", "X"),
        (1e-42, 1.0, "float32", "X"),
        (1.0, 1.7e308, "float64", "Y"),
        (1.0, 1e-310, "float64", "Y"),
        (1e-310, 1.0, "float64", "X"),
    ],
)
def test_sizes_beyond_the_dtype_are_refused(x_factor, y_factor, dtype, name):
    """Networks with infinite weights came back as successes here, or an OverflowError."""
    data = (POINTS * x_factor, np.sin(POINTS[:, 0]) * y_factor)
    with pytest.raises(
        ValueError, match=rf"{name}: got numbers of size .* expected sizes .*{dtype}"
    ):
        al.fit(data, hidden=(4,), steps=1, dtype=dtype)


@pytest.mark.parametrize("better", [False, True])
def test_a_network_that_overflows_at_the_end_has_diverged_and_gives_way_to_its_start(better):
    """Finite in training, whether better than the start or not, but not with the maps folded in."""

    def leap(gradient, state, params):
        (first, last), biases = params
        if better:  # the mean of the values, by units whose slopes are too large for these points
            zeros = jax.tree.map(jnp.negative, (last, biases))
            return ((jnp.full_like(first, 1e10), zeros[0]), zeros[1]), state
        return jax.tree.map(lambda leaf: jnp.full_like(leaf, 1e6), params), state

    method = optax.GradientTransformation(lambda params: (), leap)
    x, y = (1e-30 * POINTS, -POINTS[:, 0]) if better else (POINTS, 2e35 * POINTS[:, 0])
    result = al.fit((x, y), hidden=(4,), steps=1, dtype="float32", method=method)
    losses = result.history.losses[0]
    assert np.isfinite(losses).all()
    assert (losses[-1] < losses[0]) == better
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(result.network))
    assert result.loss == pytest.approx(losses[0], rel=1e-3)
    assert result.status == "diverged"


def test_fresh_points_that_meet_a_hole_end_as_diverged():
    hole = al.Target(
        lambda x: jnp.where(jnp.abs(x[0] - 0.5) < 3e-3, jnp.nan, x[0]),
        domain=al.Box([0.0], [1.0]),
    )
    result = al.fit(hole, hidden=(4,), points=8, batch=64, steps=60)
    assert result.status == "diverged"
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(result.network))


@pytest.mark.parametrize("value", BAD)
def test_bounds_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match=r"got .*(nan|inf)"):
        al.Box([0.0], [value])
    if math.isnan(value):
        with pytest.raises(ValueError, match="nan is not a proof"):
            al.claims.Bound(value, source="none")


# The same seed, the same bits


def bits(net):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(net)]


@pytest.mark.parametrize("method", ["adam", "lbfgs"])
def test_a_seed_alone_and_among_others_in_any_order_is_bitwise_the_same(method):
    options = {"hidden": (5,), "method": method, "steps": 40, "points": 35}
    many = al.fit(TARGET, **options, seeds=5)
    again = al.fit(TARGET, **options, seeds=5)
    alone = al.fit(TARGET, **options, seeds=1)
    assert bits(many.networks) == bits(again.networks)
    assert bits(many.networks.member(0)) == bits(alone.networks.member(0))
    assert json.dumps(many.history.losses.tolist()) == json.dumps(again.history.losses.tolist())
    assert bits(many.networks.member(1)) != bits(alone.networks.member(0))
