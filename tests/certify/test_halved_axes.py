"""Which axis is halved: the one that matters, found soon, and none is left unhalved for ever."""

import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.certify import _search

# Fitted to (y, sqrt x) on [0, 1] x [-1, 1] and rounded: the third unit is steep near the edge.
WEIGHTS = (
    [
        [0.234, -0.355],
        [-1.593, -0.001],
        [82.943, 35.992],
        [24.047, 0.002],
        [0.275, -0.418],
        [0.57, 0.019],
    ],
    [[-2.302, -0.103, -0.001, 0.215, -1.69, 1.158], [0.034, -38.157, 0.001, 19.053, 0.026, 0.782]],
)
BIASES = ([-0.663, -2.618, -43.016, 2.751, 0.723, -0.308], [-0.259, -56.402])
BOX = al.Box([0.0, -1.0], [1.0, 1.0])
MOST = {2: 1500, 3: 4000, 4: 60_000}  # boxes, of dimensions


def certified():
    weights, biases = (tuple(jnp.array(part) for part in parts) for parts in (WEIGHTS, BIASES))
    network = al.MLP(weights, biases, "tanh", (0,), 2)
    field = lambda x: jnp.array([x[1], jnp.sqrt(x[0])])  # noqa: E731
    return al.certify.sup_norm(network, field, BOX, rtol=1e-2, max_boxes=4000)


def test_vector_field_with_an_infinite_slope_at_the_edge():
    found = certified()
    assert found.status == "ok"
    assert found.upper <= 1.01 * found.lower


def steep_inside_and_at_the_edge():
    """Along x one halving gains nothing and several gain all; along y each one gains a little."""
    wave = lambda x: x**2 - 2.0 * x**3 + 0.2 * jnp.tanh(9.0 * x)  # noqa: E731
    function = lambda x: jnp.tanh(30.0 * wave(x[0])) + jnp.cbrt(x[1])  # noqa: E731
    box = al.Box([0.0, 0.0], [1.0, 1.0])
    return al.certify.sup_norm(function, lambda x: 0.0 * x[0], box, rtol=1e-2, max_boxes=2000)


def test_one_halving_that_gains_nothing_does_not_rule_out_an_axis():
    found = steep_inside_and_at_the_edge()
    assert found.status == "ok"
    assert found.boxes < 100


def test_twin_without_a_least_share_does_not_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_search, "_LEAST_SHARE", 0.0)
    assert steep_inside_and_at_the_edge().status == "budget"


def ridge(dim, axis, width, place, side):
    """Two sigmoids whose difference is nearly 1 in a strip across an axis, and -0.05 sin x."""
    gain = 16.0 / width
    weights = np.zeros((2, dim))
    weights[:, axis] = gain if side == "up" else -gain
    shift = weights[0, axis] * place
    network = al.MLP.from_arrays(
        [weights, [[1.0, -1.0]]], [[8.0 - shift, -8.0 - shift], [0.0]], "sigmoid"
    )
    target = lambda x: 0.05 * jnp.prod(jnp.sin(jnp.pi * x))  # noqa: E731
    return network, target, al.Box([0.0] * dim, [1.0] * dim)


RIDGES = [
    (dim, axis, width, place, side)
    for dim in (2, 3, 4)
    for axis in range(dim)
    for width in (1e-3, 1e-5)
    for place, side in ((0.6180339887, "up"), (0.3, "down"), (0.97, "up"))
]
ALWAYS = [
    (2, 1, 1e-3, 0.6180339887, "up"),
    (3, 0, 1e-5, 0.6180339887, "up"),
    (3, 2, 1e-3, 0.3, "down"),
]


@pytest.mark.parametrize("case", mostly_slow(RIDGES, ALWAYS))
def test_a_narrow_ridge_needs_few_boxes(case):
    """By the lower halves alone, 27000 boxes and more than 400000 in three dimensions."""
    network, target, box = ridge(*case)
    found = al.certify.sup_norm(network, target, box, rtol=1e-2, max_boxes=MOST[box.dim])
    assert found.status == "ok"
    assert 0.99 < found.lower < found.upper < 1.07


def test_twin_that_halves_in_turns_needs_more_boxes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_search._State, "_shares", lambda self, boxes, found, inherited: inherited)
    network, target, box = ridge(*ALWAYS[1])
    found = al.certify.sup_norm(network, target, box, rtol=1e-2, max_boxes=2 * MOST[3])
    assert found.status == "budget"
