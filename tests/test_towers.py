"""Towers and their holes, sums over orthants: the cases by hand, claims on boxes everywhere."""

import itertools

import jax.numpy as jnp
import laws
import numpy as np
import pytest

import approxlab as al
from approxlab import Box
from approxlab import constructions as built
from approxlab.constructions import _grids, orthant_sums

SHIFTED = Box([3.0, -7.0], [5.0, -2.0])
PLANE = [
    "sine_product", "bump", "compositional", "gaussian", "oscillatory", "product_peak",
    "corner_peak", "genz_gaussian", "continuous", "gabor",
]  # fmt: skip
EPS = np.finfo(float).eps


def s(z):
    return 1 / (1 + np.exp(-4 * z))


def sampled(model, target, counts=None, gain=32.0):
    """Largest error at 4096 points, most of them about the vertices of a grid, where it is largest.

    A grid with a local search does not see the corners, whose width is that of a ridge.
    """
    rng, box = np.random.default_rng(0), target.domain
    points = box.place(rng.random((4096, box.dim)))
    if counts is not None:
        cells = np.asarray(counts if isinstance(counts, tuple) else (counts,) * box.dim)
        vertices = rng.integers(1, np.maximum(cells, 2), (3072, box.dim)) / cells
        offsets = rng.normal(size=(3072, box.dim)) / (2.0 * gain * cells)
        points[:3072] = box.place(np.clip(vertices + offsets, 0.0, 1.0))
    error = np.asarray(al.evaluate(model, points)) - np.asarray(al.evaluate(target, points))
    return float(np.max(np.abs(error)))


def test_tower_by_hand():
    """Four ridges and a threshold, written out."""
    gain, outer = 8.0, 5.0
    net = built.tower(Box([0.25, 0.5], [0.5, 0.75]), gain=gain, outer_gain=outer).network
    for x, y in [(0.3, 0.6), (0.25, 0.5), (0.1, 0.9), (0.5, 0.74)]:
        ridges = [s(gain * (v - t) / 0.25) for v, t in ((x, 0.25), (x, 0.5), (y, 0.5), (y, 0.75))]
        value = s(outer * (ridges[0] - ridges[1] + ridges[2] - ridges[3] - 1.5))
        assert abs(float(net(jnp.array([x, y]))) - value) <= 64 * EPS


def test_tower_at_a_corner_of_the_box_has_fewer_ridges():
    construction = built.tower(Box([3.0, -7.0], [4.0, -4.0]), SHIFTED, 20.0)
    assert construction.network.sizes == (2, 2, 1, 1)
    laws.claim_holds(construction)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "heaviside"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_tower_claim(activation, dim):
    gain = None if activation == "heaviside" else 6.0
    cell = Box.cube(0.25, 0.5, dim)
    construction = built.tower(cell, gain=gain, margin=0.2, activation=activation)
    error = float(al.errors.sup(construction.network, construction.target, points=33))
    claim = float(construction.claim.bound)
    assert error <= claim
    if gain is not None:  # not a claim that holds by being large
        assert claim <= 0.1
        assert error >= claim / 100


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_holes_of_isolated_towers_stay(activation):
    """At a vertex nothing is left of a function that is 1 there, however steep the units."""
    target = al.targets.get("bump")
    for gain in (8.0, 64.0, 512.0):
        net = built.isolated_towers(target, 8, gain, activation=activation)
        value = float(net(jnp.array([0.5, 0.5])))
        # The four cells about the vertex have equal heights; farther ridges are within S(-gain).
        height = float(target(jnp.array([0.4375, 0.4375])))
        expected = height * built.vertex_value(2, gain)
        assert abs(value - expected) <= 1e-6 * expected + 64 * EPS
        orthants = built.orthant_sum(target, 8, gain, activation=activation).network
        assert sampled(net, target, 8, gain) >= 0.99
        assert sampled(orthants, target, 8, gain) < 0.3


def test_holes_get_narrower():
    """Their width is that of the ridges: it falls like 1 / gain."""
    target = al.targets.get("bump")
    line = 0.5 + np.linspace(0.0, 0.0624, 4000)
    points = np.stack([line, line], axis=1)
    widths = []
    for gain in (16.0, 32.0, 64.0, 128.0):
        net = built.isolated_towers(target, 8, gain)
        error = np.abs(np.asarray(al.evaluate(net, points) - al.evaluate(target, points)))
        widths.append(line[error > 0.5][-1] - 0.5)
    assert abs(al.errors.rate([16, 32, 64, 128], widths).slope + 1) < 0.15


def test_no_hole_in_one_dimension():
    net = built.isolated_towers(al.targets.get("square"), 32, 64.0)
    assert sampled(net, al.targets.get("square"), 32, 64.0) < 0.05


def test_orthant_sum_by_hand():
    """Two by two cells: G_0, two single faces and one quadrant with the mixed difference."""
    target = al.targets.get("compositional")
    net = built.orthant_sum(target, 2, 3.0, outer_gain=7.0).network
    g = {(i, j): float(target(jnp.array([i - 0.5, j - 0.5]))) for i in (0, 1) for j in (0, 1)}
    for x, y in [(0.01, -0.02), (0.3, 0.2), (-0.9, 0.05), (0.0, 0.0)]:
        a, b = s(3 * x), s(3 * y)
        value = (
            g[0, 0]
            + (g[1, 0] - g[0, 0]) * s(7 * (a - 0.5))
            + (g[0, 1] - g[0, 0]) * s(7 * (b - 0.5))
            + (g[1, 1] - g[1, 0] - g[0, 1] + g[0, 0]) * s(7 * (a + b - 1.5))
        )
        assert abs(float(net(jnp.array([x, y]))) - value) <= 256 * EPS * 8


@pytest.mark.parametrize("counts", [(4, 7), (3, 2, 5), (1, 6)])
def test_steep_orthant_sum_is_the_step_function(counts):
    """Away from faces it takes the midpoint value of the cell: masses add up to G again."""
    box = Box([3.0, -7.0, 1.0][: len(counts)], [5.0, -2.0, 1.5][: len(counts)])
    target = al.targets.get("oscillatory", dim=len(counts)).moved_to(box)
    construction = built.orthant_sum(target, counts, activation="heaviside")
    units = sum(counts) - len(counts) + np.prod(counts) - 1
    assert construction.network.num_hidden_units == units
    midpoints = box.midpoints(counts)
    width = box.widths / np.asarray(counts)
    inside = midpoints + 0.49 * width * np.array([1, -1, 1][: len(counts)])
    values = np.asarray(al.evaluate(target, midpoints))
    assert np.max(np.abs(np.asarray(al.evaluate(construction.network, inside)) - values)) < 1e-13


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_weights_about_a_vertex(dim, key):
    """What the proof says of F_A = sum of w_c G_c: the sum of |w_c| is at most 3^(d-1)."""
    subsets = np.array(list(itertools.product([0, 1], repeat=dim)))
    rng = np.random.default_rng(dim)
    worst = 0.0
    for levels in rng.random((2000, dim)):
        family = ((subsets @ levels < 0.5) * 1.0).reshape((2,) * dim)
        for k in range(dim):
            view = np.moveaxis(family, k, 0)
            view[0] -= view[1]
        assert abs(family.sum() - 1) < 1e-12
        worst = max(worst, np.abs(family).sum())
    assert 3 <= worst <= 3 ** (dim - 1)


@pytest.mark.parametrize("name", PLANE)
def test_orthant_claim_on_unit_and_shifted_boxes(name):
    for target in (al.targets.get(name), al.targets.get(name).moved_to(SHIFTED)):
        construction = built.orthant_sum(target, 12, 32.0)
        laws.size_is_claimed(construction)
        error, claim = sampled(construction.network, target, 12), float(construction.claim.bound)
        assert error <= claim
        diagonal = float(np.linalg.norm(target.domain.widths)) / 12
        if target.lipschitz * diagonal <= 0.5 * (target.value_max - target.value_min):
            assert claim <= 10 * error, (name, claim / error)
        spoiled = al.postcompose(construction.network, 1.0, 1.5 * claim)
        assert sampled(spoiled, target, 12) > claim


@pytest.mark.parametrize(
    ("gain", "outer_gain"), [(0.5, 0.5), (2.0, 500.0), (500.0, 0.5), (8.0, 8.0), (500.0, 500.0)]
)
def test_orthant_claim_at_any_gain(gain, outer_gain):
    for name in ("sine_product", "continuous"):
        target = al.targets.get(name)
        construction = built.orthant_sum(target, 12, gain, outer_gain=outer_gain)
        error = sampled(construction.network, target, 12, gain)
        assert error <= float(construction.claim.bound)


def test_corners_cost_what_the_claim_says():
    """A Lipschitz function made for it: 1.7 times L D / 2, nearly all that is claimed.

    With steep ridges and steeper thresholds the network is G_10 + G_01 - G_00 beside a vertex.
    Of all functions with Lipschitz constant 1 this one is as far from that as can be.
    """
    h, x0 = 0.5, np.array([0.5, 0.5])
    centers = np.array([[0.25, 0.75], [0.75, 0.25], [0.25, 0.25]])
    far = h / np.sqrt(2)
    heights = np.array([far, far, far - h])

    def cone(x):  # the least function with Lipschitz constant 1 above 0 at x0 and the two heights
        rise = [jnp.sqrt(jnp.sum((x - jnp.asarray(c)) ** 2)) for c in (*centers, x0)]
        return jnp.max(jnp.stack([v - r for v, r in zip((*heights, 0.0), rise, strict=True)]))

    target = al.Target(cone, domain=Box.unit(2), lipschitz=1.0)
    construction = built.orthant_sum(target, 2, 1000.0, outer_gain=1000.0)
    near = x0 + np.array([[1.0, 1.0]]) * np.linspace(0, 1e-3, 2001)[:, None]
    errors = np.abs(np.asarray(al.evaluate(construction.network, near) - al.evaluate(target, near)))
    assert errors.max() >= 0.95 * (far + h)
    assert errors.max() <= float(construction.claim.bound) <= 1.1 * (far + h)


def test_orthant_sums_converge_with_order_one():
    """A little faster at first: what the corners add, with the second derivative, is of order 2."""
    target = al.targets.get("sine_product")
    sizes = [8, 16, 32]
    cases = [built.orthant_sum(target, n, 64.0) for n in sizes]
    errors = [sampled(c.network, target, n, 64.0) for c, n in zip(cases, sizes, strict=True)]
    claims = [float(c.claim.bound) for c in cases]
    assert -1.2 < al.errors.rate(sizes, errors).slope < -0.95
    assert -1.3 < al.errors.rate(sizes, claims).slope < -0.95


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "heaviside"])
def test_eps_is_met_with_the_fewest_cells(activation):
    target = al.targets.get("bump").moved_to(Box([3.0, -7.0], [5.0, -6.0]))
    construction = built.orthant_sum(target, eps=0.25, activation=activation)
    assert float(construction.claim.bound) < 0.25
    rows = construction.network.weights[0]
    counts = [int(np.sum(np.asarray(rows)[:, k] != 0)) + 1 for k in (0, 1)]
    assert counts[0] == 2 * counts[1] or counts[0] == 2 * counts[1] - 1  # cells are near to squares
    fewer = al.constructions.orthant_sum(
        target, [max(counts[0] - 1, 1), -(-(counts[0] - 1) // 2)],
        None if activation == "heaviside" else 1000.0, activation=activation,
    )  # fmt: skip
    assert float(fewer.claim.bound) >= 0.25
    error = sampled(construction.network, target, tuple(counts), 100.0)
    assert error <= float(construction.claim.bound)


def test_acceptance_in_the_plane():
    """Claim and estimate below 0.05, with about 2000 units in two layers."""
    for name, most in (("sine_product", 2500), ("bump", 1900)):
        construction = built.orthant_sum(al.targets.get(name), eps=0.05)
        error = sampled(construction.network, construction.target, 40, 100.0)
        assert error <= float(construction.claim.bound) < 0.05
        assert construction.claim.num_hidden_units <= most


def test_tanh_is_the_same_function(key):
    target = al.targets.get("sine_product")
    points = target.domain.random(key, 64)
    for make in (lambda **k: built.orthant_sum(target, 5, **k).network,
                 lambda **k: built.isolated_towers(target, 5, **k)):  # fmt: skip
        one, two = (al.evaluate(make(activation=a), points) for a in ("sigmoid", "tanh"))
        assert float(jnp.max(jnp.abs(one - two))) <= 1e-11


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda t: built.orthant_sum(t), ["n: got None", "eps None", "one of them"]),
        (lambda t: built.orthant_sum(t, 4, eps=0.1), ["n: got 4", "eps 0.1"]),
        (lambda t: built.orthant_sum(t, 1), ["n: got 1", "at least 2"]),
        (lambda t: built.orthant_sum(t, (4, 4, 4)), ["n: got (4, 4, 4)", "each of 2 axes"]),
        (lambda t: built.orthant_sum(t, 10**6), ["n: got 1000000", "1e+12 units", "GiB"]),
        (lambda t: built.orthant_sum(t, eps=0.0), ["eps: got 0.0", "positive"]),
        (lambda t: built.orthant_sum(t, eps=1e-9), ["eps: got 1e-09", "4.9", "e+18 units"]),
        (lambda t: built.orthant_sum(t, eps=1e-320), ["eps: got 1e-320", "units", "GiB"]),
        (
            lambda t: built.orthant_sum(t, eps=0.05, gain=1.0),
            ["eps: got 0.05", "tails at gain=1.0", "both out"],
        ),
        (
            lambda t: built.orthant_sum(al.targets.get("oscillatory", dim=60), 10**6),
            ["n: got 1000000", "10^360 units", "GiB"],
        ),
        (lambda t: built.orthant_sum(t, 4, 1e308), ["gain: got 1e+308", "1e+30"]),
        (lambda t: built.orthant_sum(t, 4, -1.0), ["gain: got -1.0", "positive finite"]),
        (
            lambda t: built.orthant_sum(t, 4, 2.0, activation="heaviside"),
            ["gain: got 2.0", "expected None"],
        ),
        (lambda t: built.orthant_sum(t, 4, activation="relu"), ["activation: got 'relu'", "tanh"]),
        (
            lambda t: built.orthant_sum(al.targets.get("ball"), 4),
            ["target: got Target(ball", "not continuous"],
        ),
        (lambda t: built.orthant_sum(al.targets.get("corner"), 4), ["with a mask", "whole box"]),
        (
            lambda t: built.orthant_sum(al.Target(lambda x: x[0], domain=Box.unit(2)), 4),
            ["no fact lipschitz", "keyword of Target"],
        ),
        (lambda t: built.tower(Box.unit(2)), ["cell: got Box", "the whole of its box"]),
        (lambda t: built.tower(Box.cube(0, 2, 2), Box.unit(2)), ["cell: got", "inside"]),
        (lambda t: built.tower(Box.cube(0.1, 0.2, 2), margin=0.7), ["margin: got 0.7", "1/2"]),
    ],
)
def test_wrong_calls(call, parts):
    with pytest.raises(ValueError, match=r"^\w+: .*(got|has).*expected") as caught:
        call(al.targets.get("sine_product"))
    for part in parts:
        assert part in str(caught.value), str(caught.value)


def test_not_a_target():
    for make in (built.orthant_sum, built.isolated_towers):
        with pytest.raises(Exception, match=r"expected a Target|type"):
            make(lambda x: x[0], 4)


def test_memory_is_asked_for_only_if_there_is_some():
    grid = _grids.Grid(Box.unit(2), (10**5, 10**5))
    assert grid.num_weights > _grids.MAX_WEIGHTS
    assert orthant_sums.MAX_GAIN == 1000.0
