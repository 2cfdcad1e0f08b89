"""No axis is left unhalved for ever: one halving that gains nothing does not rule it out."""

import jax.numpy as jnp
import pytest

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


def certified():
    weights, biases = (tuple(jnp.array(part) for part in parts) for parts in (WEIGHTS, BIASES))
    network = al.MLP(weights, biases, "tanh", (0,), 2)
    field = lambda x: jnp.array([x[1], jnp.sqrt(x[0])])  # noqa: E731
    return al.certify.sup_norm(network, field, BOX, rtol=1e-2, max_boxes=4000)


def test_vector_field_with_an_infinite_slope_at_the_edge():
    found = certified()
    assert found.status == "ok"
    assert found.upper <= 1.01 * found.lower


def test_twin_without_a_least_share_does_not_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_search, "_LEAST_SHARE", 0.0)
    found = certified()
    assert found.status == "budget"
    assert found.upper > 1.5 * found.lower
