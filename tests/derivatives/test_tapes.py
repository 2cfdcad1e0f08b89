"""Tapes: predicted and measured to the byte, for every activation."""

import itertools
import random

import jax
import jax.numpy as jnp
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives.counts.tapes import measured_tape, predicted_tape, tape_bytes


def network(widths, activation="tanh", dtype="float32", *, linear=None, scalar=False):
    pairs = list(zip(widths[1:], widths[:-1], strict=True))
    return al.MLP.from_arrays(
        [jnp.full(pair, 0.1) for pair in pairs],
        [jnp.full(pair[:1], 0.2) for pair in pairs],
        activation,
        passthrough=linear,
        out_size=None if scalar else widths[-1],
        dtype=dtype,
    )


def closed_form(widths, itemsize):
    """(P - c0) + n_0 + 2H numbers: what reverse mode keeps of a tanh network."""
    layers = [a * b for a, b in itertools.pairwise(widths)]
    return itemsize * (sum(layers) - layers[0] + widths[0] + 2 * sum(widths[1:-1]))


def check_tape(net, *, spoil_bytes=0):
    """The law: predicted = measured, in bytes, of one point and of several, in both arguments."""
    for wrt in ("weights", "inputs"):
        for shape in ((net.in_size,), (3, net.in_size)):
            batch = None if len(shape) == 1 else shape[0]
            x = jnp.full(shape, 3.5, net.dtype)
            assert (
                predicted_tape(net, batch, wrt=wrt) == measured_tape(net, x, wrt=wrt) + spoil_bytes
            )


def test_tape_of_a_known_network():
    """16-32-24-8 in float32: 4352 bytes with tanh; relu adds a mask of one byte a unit."""
    assert predicted_tape(network((16, 32, 24, 8))) == closed_form((16, 32, 24, 8), 4) == 4352
    assert predicted_tape(network((16, 32, 24, 8), "sigmoid")) == 4352
    assert predicted_tape(network((16, 32, 24, 8), "relu")) == 4352 + 56
    assert measured_tape(network((16, 32, 24, 8), "relu"), jnp.ones(16)) == 4408


@pytest.mark.parametrize("seed", range(6))
def test_tape_of_tanh_is_the_closed_form(seed):
    rng = random.Random(seed)
    widths = tuple(rng.randint(1, 9) for _ in range(rng.randint(2, 7)))
    for dtype, itemsize in (("float32", 4), ("float64", 8)):
        net = network(widths, dtype=dtype)
        assert predicted_tape(net) == closed_form(widths, itemsize)
        assert measured_tape(net, jnp.ones(widths[0], dtype)) == closed_form(widths, itemsize)


@pytest.mark.parametrize(
    "activation", mostly_slow(sorted(al.networks.ACTIVATIONS), ("heaviside", "relu", "tanh"))
)
def test_tape_of_every_activation(activation):
    check_tape(network((3, 4, 4, 2), activation))  # few shapes: each is compiled
    check_tape(network((3, 6, 1), activation, "float64", linear=(2,), scalar=True))


def test_law_of_tapes_can_fail():
    with pytest.raises(AssertionError):
        check_tape(network((3, 5, 2), "relu"), spoil_bytes=1)


def test_biases_leave_nothing():
    """The same layers without biases, written by hand: the same tape."""
    net = network((4, 6, 5, 3))

    def plain(weights):
        x = jnp.full(4, 3.5, "float32")
        for weight in weights[:-1]:
            x = jnp.tanh(weight @ x)
        return weights[-1] @ x

    assert tape_bytes(jax.vjp(plain, net.weights)[1]) == predicted_tape(net)


def test_a_buffer_that_is_kept_twice_counts_once():
    x = jnp.ones(5, "float32")
    assert tape_bytes([x, x]) == 20
    assert tape_bytes([x, x + 0]) == 40
