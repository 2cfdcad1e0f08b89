"""Derivatives at kinks, where the rules of JAX give numbers that are no derivatives."""

import jax
import jax.numpy as jnp
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.certify import derivative_sup_norm

BOX = al.Box([-1.0], [1.0])


def identity(x):
    return x[0]


SAME = {
    "network": (
        al.MLP.from_arrays([[[1.0], [-1.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]], "relu"),
        identity,
    ),
    "relus": (lambda x: jax.nn.relu(x[0]) - jax.nn.relu(-x[0]), identity),
    "value": (lambda x: jnp.where(x[0] == 0.5, 0.5, x[0]), identity),
    "sign": (lambda x: jnp.abs(x[0]) * jnp.sign(x[0]), identity),
    "maximum": (lambda x: jnp.maximum(x[0], -x[0]), lambda x: jnp.abs(x[0])),
    "ends": (lambda x: jnp.maximum(x[0], -1.0) + jnp.minimum(x[0], 1.0), lambda x: 2.0 * x[0]),
}


@pytest.mark.parametrize("name", mostly_slow(SAME, ("network", "sign")))
def test_functions_that_are_equal_have_no_error(name):
    """Both derivatives agree wherever they are, so that a lower end above 0 would be false."""
    found = derivative_sup_norm(*SAME[name], BOX, max_boxes=40)
    assert found.lower == 0.0


def test_a_true_error_is_found_beside_a_kink():
    """|x|' - 0 is 1 everywhere but at 0, and relu is as steep."""
    for model, truth in ((lambda x: jnp.abs(x[0]), 1.0), (lambda x: jax.nn.relu(x[0]), 1.0)):
        found = derivative_sup_norm(model, lambda x: 0.0 * x[0], BOX)
        assert found.status == "ok"
        assert found.lower <= truth <= found.upper
        found.verify()


def test_ends_of_the_box_are_reached_within_the_tolerance():
    """(x^3)' is 3 at the end."""
    found = derivative_sup_norm(lambda x: x[0] ** 3, lambda x: 0.0 * x[0], BOX)
    assert found.status == "ok"
    assert found.lower <= 3.0 <= found.upper
    found.verify()
