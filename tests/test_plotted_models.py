"""Plots of models and of losses: the numbers that are drawn."""

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

from approxlab import Box, Target, targets
from approxlab.networks.mlp import MLP
from approxlab.plotting import loss_on_plane, plot_loss_surface, plot_model


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_a_curve_shows_model_target_and_data_once(ax):
    target = targets.get("kink")
    data = (np.array([[0.1], [0.7]]), np.array([1.0, 2.0]))
    assert plot_model(lambda x: 2 * x[0], target, data=data, points=11, ax=ax) is ax
    plot_model(lambda x: 3 * x[0], target, data=data, points=11, ax=ax, label="other")
    of = {line.get_label(): line for line in ax.lines}
    assert len(ax.lines) == len(of) == 4
    x = of["kink"].get_xdata()
    assert set(target.kinks) <= set(x)
    np.testing.assert_allclose(of["kink"].get_ydata(), [float(target(v)) for v in x[:, None]])
    np.testing.assert_allclose(of["other"].get_ydata(), 3 * of["other"].get_xdata())
    np.testing.assert_array_equal(of["data"].get_ydata(), [1.0, 2.0])


def test_a_map_shows_values_and_the_levels_of_both(ax):
    target = Target(lambda x: x[0] + x[1], Box([0.0, 0.0], [1.0, 2.0]), name="plane")
    plot_model(lambda x: x[0] - x[1], target, points=5, ax=ax)
    mesh = ax.collections[0]
    grid = target.domain.uniform(5)
    np.testing.assert_allclose(mesh.get_array().ravel(), grid[:, 0] - grid[:, 1], atol=1e-12)
    lines, wanted = ax.collections[1:3]
    np.testing.assert_allclose(lines.levels, wanted.levels)
    assert np.all((lines.levels > 0) & (lines.levels < 3))


def test_nothing_is_drawn_outside_of_a_mask(ax):
    target = Target(lambda x: x[0], Box([0.0], [1.0]), mask=lambda x: x[0] < 0.5)
    plot_model(lambda x: x[0], target, points=11, ax=ax)
    for line in ax.lines:
        hidden = line.get_xdata() >= 0.5
        assert np.isnan(line.get_ydata()[hidden]).all()
        assert np.isfinite(line.get_ydata()[~hidden]).all()


def test_the_box_is_that_of_the_data(ax):
    plot_model(lambda x: x[0], data=([[2.0], [5.0]], [0.0, 1.0]), ax=ax)
    assert ax.lines[0].get_xdata()[[0, -1]].tolist() == [2.0, 5.0]


def test_one_of_several_outputs(ax):
    net = MLP.init(jax.random.key(0), 1, (3,), out_size=2)
    plot_model(net, box=Box([0.0], [1.0]), output=1, points=3, ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata()[0], float(net(jnp.zeros(1))[1]), rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"model": 3, "box": Box([0.0], [1.0])}, TypeError, "model: got int"),
        ({}, ValueError, "box: got None"),
        ({"target": "runge", "box": Box.unit()}, TypeError, "target: got str"),
        ({"target": lambda x: x[0]}, ValueError, "box: got None"),
        ({"box": (0, 1)}, TypeError, "box: got"),
        ({"box": Box.unit(3)}, ValueError, "3 dimensions"),
        ({"model": lambda x: jnp.stack([x[0], x[0]]), "box": Box.unit()}, ValueError, "output: "),
        ({"box": Box.unit(), "output": 2}, ValueError, "output: got 2"),
        ({"data": ([1.0, 2.0], [1.0, 2.0])}, ValueError, r"X of shape \(2,\)"),
        ({"data": 5}, TypeError, "data: got int"),
        ({"data": ([[1.0], [2.0]], [1.0, np.nan])}, ValueError, "nan in row 1 of Y"),
        ({"data": ([[np.inf], [2.0]], [1.0, 2.0])}, ValueError, "inf in row 0 of X"),
        ({"data": ([[1.0]], [1.0])}, ValueError, "span no box"),
        ({"data": ([[1.0, 2.0], [1.0, 3.0]], [1.0, 2.0])}, ValueError, "same coordinate 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(ax, given, error, says):
    with pytest.raises(error, match=says):
        plot_model(**{"model": lambda x: x[0], "ax": ax, **given})


def smallest(w):
    return 0.5 * (1 - w["x"] * w["y"]) ** 2


CORNERS = [
    {"x": jnp.array(a), "y": jnp.array(b)} for a, b in [(1.0, 1.0), (-1.0, -1.0), (-1.0, 1.0)]
]


def test_distances_in_the_plane_are_those_of_parameters():
    across, up, values, places = loss_on_plane(smallest, CORNERS, side=7, margin=0.5)
    np.testing.assert_allclose(places, np.sqrt([[0, 0], [8, 0], [2, 2]]), atol=1e-6)
    # Across is the direction (-1, -1) / sqrt 2 from (1, 1), up is (-1, 1) / sqrt 2.
    a, b = np.meshgrid(across, up)
    x, y = 1 - (a + b) / np.sqrt(2), 1 - (a - b) / np.sqrt(2)
    np.testing.assert_allclose(values, 0.5 * (1 - x * y) ** 2, atol=1e-5)


def test_a_plane_in_many_dimensions_goes_through_its_points():
    nets = [MLP.init(jax.random.key(i), 2, (4,)) for i in range(3)]

    def loss(net):
        return net(jnp.array([0.3, 0.4])) ** 2

    across, up, values, places = loss_on_plane(loss, nets, side=41, margin=0.0)
    assert up[[0, -1]] == pytest.approx([0.0, places[2, 1]])
    # The first two points lie on the lower edge of the plane.
    for net, place in zip(nets[:2], places[:2], strict=True):
        assert np.interp(place[0], across, values[0]) == pytest.approx(float(loss(net)), abs=0.02)


def test_a_surface_marks_its_points(ax):
    plot_loss_surface(smallest, CORNERS, side=9, names=["a", "b", "c"], ax=ax)
    assert ax.lines[0].get_xdata().tolist() == pytest.approx([0, 8**0.5, 2**0.5])
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]
    assert ax.get_aspect() == 1.0


@pytest.mark.parametrize(
    ("log", "bounds"), [(None, (0.0, 3.0)), (None, (None, 0.5)), (True, (0.01, 1.0))]
)
def test_bounds_of_colours_are_kept(ax, log, bounds):
    low, high = bounds
    plot_loss_surface(smallest, CORNERS, side=9, log=log, vmin=low, vmax=high, cmap="gray", ax=ax)
    norm = ax.collections[0].norm
    assert norm.vmax == high
    assert low is None or norm.vmin == low


@pytest.mark.parametrize("bounds", [(3.0, 1.0), (1.0, 1.0), (0.0, np.inf)])
def test_bounds_that_are_none_are_refused(ax, bounds):
    with pytest.raises(ValueError, match="vmin, vmax: got"):
        plot_loss_surface(smallest, CORNERS, side=5, vmin=bounds[0], vmax=bounds[1], ax=ax)


def test_a_constant_loss_can_be_drawn(ax):
    plot_loss_surface(lambda w: 0.0 * w["x"], CORNERS, side=5, ax=ax)
    assert np.all(ax.collections[0].get_array() == 0.0)


@pytest.mark.parametrize(
    ("loss", "corners", "error", "says"),
    [
        (3, CORNERS, TypeError, "loss: got int"),
        (smallest, CORNERS[:2], ValueError, "got 2 points"),
        (smallest, [*CORNERS[:2], CORNERS[1]], ValueError, "on one line"),
        (smallest, [*CORNERS[:2], {"x": jnp.zeros(2), "y": jnp.zeros(2)}], ValueError, "shapes"),
        (lambda w: jnp.stack([w["x"]]), CORNERS, ValueError, r"shape \(1,\)"),
        (lambda w: w["x"] * jnp.nan, CORNERS, ValueError, "no finite value"),
        (lambda w: (w["x"], w["y"]), CORNERS, ValueError, "values of type tuple"),
        (lambda w: float(w["x"]), CORNERS, TypeError, "loss: got a function of NumPy or math"),
    ],
)
def test_what_has_no_surface_is_refused(ax, loss, corners, error, says):
    with pytest.raises(error, match=says):
        plot_loss_surface(loss, corners, side=5, ax=ax)


def test_a_history_shows_every_seed_and_the_best_one_in_front(ax):
    from approxlab.fitting import History
    from approxlab.plotting import plot_history

    steps = np.array([[0, 10, 20], [0, 10, 10]])  # the second seed stopped early: repeated
    losses = np.array([[1.0, 0.5, 0.1], [2.0, np.nan, np.nan]])
    plot_history(History(steps, losses), ax=ax, label="both", color="red")
    best, other = ax.lines
    assert best.get_label() == "both"
    np.testing.assert_array_equal(best.get_xdata(), [0.5, 10, 20])
    np.testing.assert_array_equal(best.get_ydata(), [1.0, 0.5, 0.1])
    np.testing.assert_array_equal(other.get_ydata(), [2.0])
    assert other.get_color() == "red"
    assert other.get_linewidth() < best.get_linewidth()
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    with pytest.raises(TypeError, match=r"result: got 3, expected what al\.fit returns"):
        plot_history(3)
