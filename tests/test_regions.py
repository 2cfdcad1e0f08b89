"""Affine pieces: counts against breakpoints walked in exact rationals."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.regions import pieces_on_grid

GOLDEN = 0.381966011250105  # where in each interval the slope is taken


def walked(net, lower, upper):
    """Ends and slopes of all affine pieces of a ReLU network on [lower, upper], in rationals."""
    weights = [[[Fraction(float(v)) for v in row] for row in np.asarray(w)] for w in net.weights]
    biases = [[Fraction(float(v)) for v in np.asarray(b)] for b in net.biases]
    x, pieces = Fraction(lower), []
    while x < upper:
        end, units = Fraction(upper), [(Fraction(1), Fraction(0))]  # each unit: slope, constant
        for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
            units = [
                tuple(
                    sum(w * u[k] for w, u in zip(row, units, strict=True)) + k * c for k in (0, 1)
                )
                for row, c in zip(W, b, strict=True)
            ]
            if layer == net.depth:
                break
            nonlinear = len(units) - net.passthrough[layer]
            for i, (slope, constant) in enumerate(units[:nonlinear]):
                kink = -constant / slope if slope else x
                end = kink if x < kink < end else end
                value = slope * x + constant
                if not (value > 0 or (value == 0 and slope > 0)):
                    units[i] = (Fraction(0), Fraction(0))
        slope = units[0][0]
        if pieces and pieces[-1][1] == slope:
            pieces.pop()
        pieces.append((end, slope))
        x = end
    return pieces


def expected(net, grid, rtol):
    """Pieces as told by slopes at one point of every interval of the grid."""
    pieces = walked(net, grid[0], grid[-1])
    inside = grid[:-1] + GOLDEN * np.diff(grid)
    ends = np.array([float(end) for end, _ in pieces[:-1]])
    slopes = np.array([float(s) for _, s in pieces])[np.searchsorted(ends, inside, side="right")]
    steps = np.abs(np.diff(slopes))
    return 1 + np.count_nonzero(steps > rtol * np.max(np.abs(slopes))), len(pieces)


def random_network(seed):
    rng = np.random.default_rng(seed)
    dtype = ["float32", "float64"][seed % 2]
    hidden = tuple(int(width) for width in rng.integers(1, 7, rng.integers(1, 5)))
    init = [None, "spread", "uniform_knots", "glorot"][rng.integers(4)]
    net = al.MLP.init(jax.random.key(seed), 1, hidden, "relu", init=init, dtype=dtype)
    shift = [0.0, 0.5][rng.integers(2)]
    net = jax.tree.map(lambda a: a + shift * jnp.asarray(rng.normal(size=a.shape), a.dtype), net)
    scale, shift = [(1.0, 0.0), (1e-30, 0.0), (1.0, 1e6), (1e12, -3.0)][rng.integers(4)]
    net = al.postcompose(net, scale, shift)
    lower, upper = [(-1.0, 1.0), (0.0, 1.0), (-3.3, 2.5), (1e6, 1e6 + 1)][rng.integers(4)]
    if lower == 1e6:
        net = al.precompose(net, 1.0, -1e6)
    return net, np.linspace(lower, upper, int(rng.choice([1001, 20001, 20000])))


@pytest.mark.parametrize("seed", mostly_slow(range(200), range(6)))
def test_random_networks_have_the_pieces_of_exact_rationals(seed):
    net, grid = random_network(seed)
    found = pieces_on_grid(net, grid)
    rtol = 1e-9 + 8 * float(np.finfo(net.dtype).eps)
    wanted, pieces = expected(net, grid, rtol)
    assert found == wanted <= pieces


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_cancels_inside_a_deep_network_is_not_counted(dtype):
    net = al.MLP.init(jax.random.key(5), 1, (5, 5, 5), "relu", dtype=dtype)
    for lower, pieces in ((-1.0, 2), (0.0, 1)):
        grid = np.linspace(lower, 1.0, 100001)
        assert len(walked(net, lower, 1.0)) == pieces == pieces_on_grid(net, grid)
        assert pieces_on_grid(lambda x: net(x), grid) == pieces
    moved = al.postcompose(al.precompose(net, 1.0, -1e6), 1e-30)
    grid = np.linspace(1e6 - 1, 1e6 + 1, 20001)
    assert pieces_on_grid(moved, grid) <= len(walked(moved, grid[0], grid[-1]))


def test_a_region_where_a_unit_is_zero_by_cancellation_is_one_piece():
    third = 1 / 3
    weights = [[[third], [1.0]], [[1.0, -third], [-1.0, third]], [[1.0, 1.0]]]
    net = al.MLP.from_arrays(weights, [[0.0, 0.0], [0.0, 0.0], [0.0]], "relu")
    assert pieces_on_grid(net, np.linspace(-1.0, 1.0, 100001)) == 1


def test_a_slice_through_the_plane():
    plane = al.MLP.init(jax.random.key(5), 2, (5, 5, 5), "relu")
    line = al.precompose(plane, jnp.array([[1.0], [0.0]]), jnp.array([0.0, 0.5]))
    grid = np.linspace(-1.0, 1.0, 20001)
    counted = pieces_on_grid(lambda t: plane(jnp.array([t[0], 0.5])), grid)
    assert counted == pieces_on_grid(line, grid) == len(walked(line, -1.0, 1.0))


def hidden(size, x):
    """A constant that the compiler cannot cancel."""
    return size * jnp.cos(0 * x[0])


FUNCTIONS = {
    "kink between points": (lambda x: jnp.abs(x[0]), 1000, 2),
    "large constant": (lambda x: jnp.abs(x[0] - 0.3) + 1e6, 100001, 2),
    "large constant that cancels": (lambda x: (jnp.abs(x[0]) + hidden(1e8, x)) - 1e8, 100001, 2),
    "small scale": (lambda x: 1e-30 * jnp.abs(x[0] - 0.3), 10001, 2),
    "constant": (lambda x: 0 * x[0] + 3.0, 1001, 1),
    "zero": (lambda x: jnp.zeros(()), 1001, 1),
    "jumps": (lambda x: jnp.floor(8 * x[0]), 100000, 16),
    "jump and kink": (lambda x: jnp.where(x[0] > 0.3, 1.0, jnp.abs(x[0])), 1000, 3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    function, n, pieces = FUNCTIONS[name]
    assert pieces_on_grid(function, np.linspace(-1.0, 1.0, n)) == pieces
    with jax.enable_x64(False):
        if "cancels" not in name:  # in float32, 1e8 + abs(x) is 1e8
            assert pieces_on_grid(function, np.linspace(-1.0, 1.0, n)) == pieces


def test_steps_of_a_network():
    arrays = [[[1.0], [1.0]], [[1.0, 2.0]]], [[0.1, -0.3], [0.0]]
    net = al.MLP.from_arrays(*arrays, "heaviside")
    assert pieces_on_grid(net, np.linspace(-1.0, 1.0, 1001)) == 3


@pytest.mark.parametrize("activation", ["leaky_relu", "abs"])
def test_networks_of_other_kinks(activation):
    arrays = [[[1.0], [1.0]], [[1.0, 2.0]]], [[0.1, -0.3], [0.0]]
    net = al.MLP.from_arrays(*arrays, activation)
    assert pieces_on_grid(net, np.linspace(-1.0, 1.0, 1001)) == 3


def test_a_rule_for_reverse_mode_only():
    @jax.custom_vjp
    def kink(x):
        return jnp.abs(x)

    kink.defvjp(lambda x: (jnp.abs(x), x), lambda x, u: (u * jnp.sign(x),))
    assert pieces_on_grid(lambda x: kink(x[0]), np.linspace(-1.0, 1.0, 100)) == 2


HUGE = al.MLP.from_arrays([[[1e308]], [[1e308]]], [[0.0], [0.0]], "relu")
REFUSED = {
    "smooth function": (lambda x: jnp.sin(x[0]), 1001, "cannot tell"),
    "smooth network": (al.MLP.init(jax.random.key(0), 1, (4,), "tanh"), 1001, "'tanh'"),
    "jumps closer than points": (lambda x: jnp.floor(2000 * x[0]), 1001, "cannot tell"),
    "teeth closer than points": (al.constructions.square_deep(25).network, 1001, "cannot tell"),
    "noise as large as values": (lambda x: (x[0] + hidden(1e16, x)) - 1e16, 1001, "cannot tell"),
    "values that overflow": (HUGE, 9, "finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_refused(name):
    function, n, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        pieces_on_grid(function, np.linspace(-1.0, 1.0, n))


def test_points_closer_than_roundings_are_refused():
    with pytest.raises(ValueError, match="roundings of float64"):
        pieces_on_grid(lambda x: x[0], 1e6 + np.arange(5) * 1e-9)
    # Parameters tell what values cannot.
    net = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[-1e6 - 2e-9], [0.0]], "relu")
    assert pieces_on_grid(net, 1e6 + np.arange(5) * 1e-9) == 2
