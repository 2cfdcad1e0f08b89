"""Exact pieces along an interval: against rational numbers, and against numbers found by hand."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.regions import (
    Pieces,
    _breakpoints,
    bounds,
    count,
    count_many,
    generic_arrangement,
    pieces,
    pieces_of_many,
)
from approxlab.regions._breakpoints import Limits
from approxlab.regions.one_dimensional import _networks, breakpoints
from approxlab.regions.piecewise import KINDS

BOXES = [
    al.Box([-1.0], [1.0]),
    al.Box([3.0], [5.0]),
    al.Box([-7.0], [-2.0]),
    al.Box([-0.3], [2 / 3]),
]
WIDTHS = {1: 16, 2: 10, 3: 7, 4: 5, 5: 4}  # by depth, so that rational numbers take no minutes
SLOPES = {"relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0), "abs": (-1.0, 1.0)}


def relu_net(weights, biases, activation="relu", **more):
    return al.MLP.from_arrays(weights, biases, activation, **more)


def random_case(seed):
    """A network most of whose units bend in the interval, and something degenerate in it."""
    rng = np.random.default_rng(seed)
    activation = ["relu", "relu", "leaky_relu", "abs"][rng.integers(4)]
    depth = 1 + seed % 5
    wide = WIDTHS[depth] if seed < 900 else 16
    hidden = [int(v) for v in rng.integers(1, wide + 1, depth)]
    inputs = int(rng.integers(2, 4)) if seed % 7 == 0 else 1
    out = [None, None, 2][rng.integers(3)]
    sizes = [inputs, *hidden, out or 1]
    dyadic = bool(rng.integers(2))

    def draw(*shape):
        return rng.integers(-4, 5, shape) / 4 if dyadic else rng.standard_normal(shape)

    box = BOXES[rng.integers(4)]
    ends = (
        np.array([box.lower, box.upper]) if inputs == 1 else draw(2, inputs) + np.array([[0], [3]])
    )
    a = ends[:1].T + rng.integers(0, 9, 16) / 8 * (ends[1:] - ends[:1]).T
    weights, biases = [], []
    for layer, size in enumerate(sizes[1:]):
        W, b = draw(size, sizes[layer]), 0 * draw(size)
        if layer < depth:
            b = -(W @ a)[np.arange(size), np.arange(size) % 16]  # zeros at eighths of the interval
            b = np.round(4 * b) / 4 if dyadic else b
            what = rng.integers(8)
            if what == 0 and size > 1:  # two units that bend at one place
                i, j = rng.choice(size, 2, replace=False)
                W[i], b[i] = (factor := [1, 2, 3, -1][rng.integers(4)]) * W[j], factor * b[j]
            elif what == 1:
                W[rng.integers(size)] = 0.0
            elif what == 2:
                b = b - 2 * np.abs(b) - 9 * np.abs(W).sum()  # a dead layer, or one
            elif what == 3 and layer:  # a unit that bends where one of the layer before does
                W[0], b[0] = np.eye(sizes[layer])[0], 0.0
            elif what == 4 and inputs == 1 and not layer:  # a kink on the boundary
                b[0] = -W[0, 0] * ends[rng.integers(2), 0]
            elif what == 5:
                b = 0 * b
        weights, biases = [*weights, W], [*biases, b]
        z = W @ a + b[:, None]
        left, right = SLOPES[activation]
        a = np.where(z > 0, right, left) * z
    linear = [int(rng.integers(0, h + 1)) if rng.integers(6) == 0 else 0 for h in hidden]
    net = relu_net(
        weights, biases, activation, passthrough=linear, out_size=out,
        dtype=["float32", "float64"][rng.integers(2)],
    )  # fmt: skip
    return net, {"box": box} if inputs == 1 else {"segment": ends}


def check_against_rationals(found, exact):
    """The law: what is discrete is equal, numbers differ by their rounding."""
    for name in ("patterns", "layers", "functions", "points"):
        assert np.array_equal(getattr(found, name), getattr(exact, name)), name
    for kind in KINDS:
        assert found.count(kind) == exact.count(kind), kind
    assert np.all(np.abs(found.edges - exact.edges) <= found.edge_errors + exact.edge_errors)
    assert np.all(np.diff(found.edges) >= 0)
    for name in ("values", "slopes"):
        one, two = getattr(found, name), getattr(exact, name)
        bound = getattr(found, f"{name[:-1]}_errors")
        assert one.shape == two.shape == bound.shape
        assert np.all(np.abs(one - two) <= bound + getattr(exact, f"{name[:-1]}_errors")), name
        assert np.max(np.abs(one - two)) <= 1e-11 * (1 + np.max(np.abs(two))), name


@pytest.mark.parametrize("seed", mostly_slow(range(1000), range(60)))
def test_random_networks_have_the_pieces_of_rational_numbers(seed):
    net, where = random_case(seed)
    found, exact = pieces(net, **where), pieces(net, **where, exact=True)
    check_against_rationals(found, exact)
    assert exact.ties == 0
    for kind in ("proper", "activation", "convex", "affine"):
        assert count(net, **where, kind=kind) == exact.count(kind)


def test_the_law_can_fail():
    net, where = random_case(16)
    found, exact = pieces(net, **where), pieces(net, **where, exact=True)
    moved = jax.tree.map(lambda leaf: leaf * (1 + 1e-6), net)
    with pytest.raises(AssertionError):
        check_against_rationals(pieces(moved, **where), exact)
    assert len(found) > 3


@pytest.mark.parametrize("seed", mostly_slow(range(60), (16, 21, 24)))
def test_blocks_of_columns_change_nothing(seed, monkeypatch):
    """Arrays are made a block of columns at a time; here with more blocks than usual."""
    rng = np.random.default_rng(seed)
    sizes = [1, 24, 24, 1]
    weights = [rng.standard_normal((m, n)) for n, m in itertools.pairwise(sizes)]
    net = relu_net(weights, [rng.standard_normal(n) for n in sizes[1:]], dtype="float64")
    whole = pieces(net, al.Box([-4.0], [4.0]))
    monkeypatch.setattr(_breakpoints, "_BLOCK", 1)
    parts = pieces(net, al.Box([-4.0], [4.0]))
    assert len(whole) > 2 * 16
    for name in ("patterns", "layers", "functions", "points"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name
    assert np.allclose(whole.slopes, parts.slopes, rtol=1e-12, atol=1e-12)
    net, where = random_case(seed)
    check_against_rationals(pieces(net, **where), pieces(net, **where, exact=True))


def test_too_much_is_refused_and_not_begun():
    net = al.constructions.tent_deep(10).network
    box = al.Box([0.0], [1.0])
    assert len(breakpoints(net, box, Limits())) == 2**10 + 1
    assert breakpoints(net, box, Limits(columns=1000)) is None
    assert breakpoints(net, box, Limits(numbers=1000)) is None
    third = 1 / 3
    weights = [[[third], [1.0]], [[1.0, -third], [-1.0, third]], [[1.0, 1.0]]]
    tied = relu_net(weights, [[0.0, 0.0], [0.0, 0.0], [0.0]], dtype="float64")
    assert breakpoints(tied, BOXES[0], Limits(products=3)) is None
    networks = _networks([tied], np.array([[-1.0], [1.0]]), (-1.0, 1.0))
    with pytest.raises(ValueError, match="rounding hides the signs"):
        _breakpoints.Breakpoints(networks, Limits(products=3))


FOUR = relu_net(
    # A hat on [0, 2], a unit that falls where another rises, and a kink that reaches no output.
    [[[1.0], [1.0], [1.0], [-1.0], [1.0]], [[1.0, -2.0, 1.0, 0.0, 0.0]]],
    [[0.0, -1.0, -2.0, 0.0, -2.5], [0.0]],
)


def test_four_counts_of_one_network():
    box = al.Box([-1.0], [3.0])
    wanted = {"activation": 6, "proper": 5, "affine": 3}
    wanted |= dict.fromkeys(("convex", "open_connected", "closed_connected"), 4)
    assert {kind: count(FOUR, box, kind=kind) for kind in KINDS} == wanted
    for exact in (False, True):
        found = pieces(FOUR, box, exact=exact)
        assert {kind: found.count(kind) for kind in KINDS} == wanted
        assert found.edges.tolist() == [-1.0, 0.0, 1.0, 2.0, 2.5, 3.0]
        assert found.values.tolist() == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
        assert found.slopes.tolist() == [0.0, 1.0, -1.0, 0.0, 0.0]
        assert found.functions.tolist() == [0, 1, 2, 0, 0]
        assert found.patterns[0].tolist() == [-1, -1, -1, 1, -1]
        assert found.merged().edges.tolist() == [-1.0, 0.0, 1.0, 2.0, 3.0]
        assert len(found.merged()) == found.merged().count("convex") == 4


def test_an_edge_of_the_box_can_be_an_activation_region():
    """At 0 the unit is not active, right of it it is."""
    net = relu_net([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    assert count(net, al.Box([0.0], [1.0]), kind="activation") == 2
    assert count(net, al.Box([-1.0], [0.0]), kind="activation") == 1
    assert count(net, al.Box([0.0], [1.0]), kind="proper") == 1


@pytest.mark.parametrize("k", mostly_slow(range(1, 21), range(1, 17)))
def test_tent_maps_have_exactly_two_to_the_k_pieces(k):
    net = al.constructions.tent_deep(k).network
    box = al.Box([0.0], [1.0])
    assert count(net, box, kind="proper") == 2**k
    if k <= 12:
        found = pieces(net, box)
        assert {found.count(kind) for kind in KINDS} == {2**k}
        assert found.edges.tolist() == (np.arange(2**k + 1) / 2**k).tolist()
        assert found.values.tolist() == [float(i % 2) for i in range(2**k + 1)]
        assert found.slopes.tolist() == [(-1.0) ** i * 2.0**k for i in range(2**k)]
        assert found.ties == 0, "small dyadic numbers need no integers"


def test_ties_are_decided_in_integers():
    third = 1 / 3
    weights = [[[third], [1.0]], [[1.0, -third], [-1.0, third]], [[1.0, 1.0]]]  # v - v in layer 2
    net = relu_net(weights, [[0.0, 0.0], [0.0, 0.0], [0.0]], dtype="float64")
    box = al.Box([-1.0], [0.7])
    found, exact = pieces(net, box), pieces(net, box, exact=True)
    check_against_rationals(found, exact)
    assert len(found) == 2
    assert found.ties > 0
    assert found.values.tolist() == [0.0, 0.0, 0.0]


def test_pieces_shorter_than_the_spacing_of_numbers_are_there():
    """Between 1/3 and the number of float64 next to it."""
    near = relu_net([[[3.0], [1.0]], [[1.0, 1.0]]], [[-1.0, -1 / 3], [0.0]], dtype="float64")
    found = pieces(near, al.Box([0.0], [1.0]))
    assert (len(found), found.ties) == (3, 1)
    assert found.edges[1] == found.edges[2]
    assert found.slopes.tolist() == [0.0, 1.0, 4.0]  # 1/3 is more than the number next to it
    same = relu_net([[[3.0], [6.0]], [[1.0, 1.0]]], [[-1.0, -2.0], [0.0]], dtype="float64")
    assert len(pieces(same, al.Box([0.0], [1.0]))) == 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("out", [None, 2])
def test_values_are_those_of_the_network(dtype, out, key):
    net = al.MLP.init(key, 1, (16, 16), "leaky_relu", out_size=out, dtype=dtype)
    net = jax.tree.map(lambda a: a + 0.1, net)
    found = pieces(net, al.Box([-2.0], [3.0]))
    x = np.linspace(-2.0, 3.0, 1001)
    scale = 64 * float(np.finfo(dtype).eps) * float(np.max(np.abs(found.values)))
    assert np.max(np.abs(found(x) - np.asarray(al.evaluate(net, x[:, None])))) < scale
    assert found(x).shape == ((1001,) if out is None else (1001, 2))
    assert found(0.5).shape == (() if out is None else (2,))
    with pytest.raises(ValueError, match="outside"):
        found(3.5)


def test_a_segment_of_the_plane(key):
    """As the network of one variable that first goes along the segment."""
    plane = al.MLP.init(key, 3, (9, 9), "abs", dtype="float64")
    start, end = np.array([0.25, -1.0, 0.5]), np.array([-0.5, 1.5, 2.0])
    line = al.precompose(plane, (end - start)[:, None], start)
    along, there = pieces(plane, segment=(start, end)), pieces(line, al.Box([0.0], [1.0]))
    assert np.array_equal(along.patterns, there.patterns)
    assert np.allclose(along.edges, there.edges, rtol=0, atol=1e-13)
    assert np.allclose(along.slopes, there.slopes, rtol=0, atol=1e-12)
    assert count(plane, segment=(start, end), kind="proper") == len(along) > 5


def test_networks_without_kinks():
    for net in (
        relu_net([[[2.0]]], [[1.0]]),
        relu_net([[[2.0]], [[1.0]]], [[1.0], [0.0]], "identity"),
        relu_net([[[2.0]], [[1.0]]], [[1.0], [0.0]], "tanh", passthrough=(1,)),
    ):
        found = pieces(net, BOXES[0])
        assert (len(found), found.edges.tolist(), found.slopes.tolist()) == (1, [-1, 1], [2.0])
        assert found.values.tolist() == [-1.0, 3.0]
        check_against_rationals(found, pieces(net, BOXES[0], exact=True))


def test_many_networks_are_counted_as_each():
    rng = np.random.default_rng(0)
    shapes = [(8, 1), (8,), (5, 8), (5,), (1, 5), (1,)]
    arrays = [rng.standard_normal((7, *shape)) for shape in shapes]
    history = [
        relu_net([a[i] for a in arrays[::2]], [a[i] for a in arrays[1::2]]) for i in range(7)
    ]
    stacked = al.MLP(
        tuple(jnp.asarray(a) for a in arrays[::2]),
        tuple(jnp.asarray(a) for a in arrays[1::2]), "relu", (0, 0),
    )  # fmt: skip
    for nets, members in ((stacked, history), ([*history[:2], FOUR, history[2]], None), ([], [])):
        each = [pieces(net, BOXES[0]) for net in (nets if members is None else members)]
        for kind in KINDS:
            counted = count_many(nets, BOXES[0], kind=kind)
            assert counted.tolist() == [found.count(kind) for found in each]
        for one, two in zip(pieces_of_many(nets, BOXES[0]), each, strict=True):
            assert one.edges.tolist() == pytest.approx(two.edges.tolist(), abs=1e-12)
            assert np.array_equal(one.patterns, two.patterns)
            assert (one.ties, one.functions.tolist()) == (two.ties, two.functions.tolist())
    assert max(len(found) for found in pieces_of_many(stacked, BOXES[0])) > 5


def made(activation="relu", inputs=1):
    return al.MLP.init(jax.random.key(0), inputs, (4,), activation)


BOX = BOXES[0]
STACK = jax.tree.map(lambda leaf: leaf[None], made())
REFUSED = {
    "a smooth network": (lambda: pieces(made("tanh"), BOX), "'tanh', which bends everywhere"),
    "steps": (lambda: pieces(made("heaviside"), BOX), "'heaviside', which jumps"),
    "powers": (lambda: count(made("relu2"), BOX, kind="proper"), "polynomials of degree 2"),
    "a plane": (lambda: pieces(made(inputs=2), al.Box.unit(2)), "got 2 inputs and no segment"),
    "no box": (lambda: pieces(made()), "box: got None"),
    "a box of two": (lambda: pieces(made(), al.Box.unit(2)), "expected one of dimension 1"),
    "both": (lambda: pieces(made(), BOX, segment=([0.0], [1.0])), "one of the two"),
    "short points": (lambda: pieces(made(inputs=2), segment=([0.0], [1.0])), r"\(2, 1\)"),
    "one point": (lambda: pieces(made(inputs=2), segment=([0, 1], [0, 1])), "two different"),
    "a stack": (lambda: pieces(STACK, BOX), "got stacked networks"),
    "no stack": (lambda: count_many(made(), BOX, kind="proper"), "0 leading axes"),
    "a kind": (lambda: count(made(), BOX, kind="linear"), "kind: got 'linear'.*proper"),
    "nan": (
        lambda: pieces(jax.tree.map(lambda a: a * np.nan, made()), BOX), r"weights\[0\] is nan",
    ),
    "overflow": (
        lambda: pieces(relu_net([[[1e308]], [[1e308]]], [[0.0], [0.0]], dtype="float64"), BOX),
        "overflow",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_refused_by_type():
    for call in (lambda: pieces(abs, BOX), lambda: count_many(3, BOX, kind="proper")):
        with pytest.raises(TypeError, match="expected"):
            call()
    assert repr(pieces(FOUR, al.Box([-1.0], [3.0]))) == (
        "Pieces(6 activation, 5 proper, 4 convex, 3 affine on [-1, 3])"
    )
    assert isinstance(pieces(FOUR, BOX), Pieces)


# Bounds of the literature


def serra_by_hand(inputs, hidden):
    """The sum over all (j_1, ..., j_L), one by one."""
    total = 0
    for j in itertools.product(*(range(n + 1) for n in hidden)):
        caps = [
            min([inputs, hidden[k], *(hidden[i] - j[i] for i in range(k))]) for k in range(len(j))
        ]
        if all(one <= cap for one, cap in zip(j, caps, strict=True)):
            total += math.prod(math.comb(n, k) for n, k in zip(hidden, j, strict=True))
    return total


@pytest.mark.parametrize("sizes", [(1, 4, 4, 1), (2, 3, 4, 1), (3, 5, 2, 3, 1), (2, 6, 1, 5, 2)])
def test_bounds_are_the_sums_of_their_theorems(sizes):
    found = bounds(sizes)
    assert found.upper == serra_by_hand(sizes[0], sizes[1:-1])
    assert 1 <= found.lower <= found.upper <= bounds(sizes, "abs").upper
    assert bounds(sizes, "identity").upper == 1


def test_known_bounds():
    assert [generic_arrangement(n, 2) for n in range(5)] == [1, 2, 4, 7, 11]
    one = bounds((1, 5, 6, 7, 1))
    assert (one.lower, one.upper) == (5 * 6 * 8, 6 * 7 * 8)
    narrow = bounds((1, 1, 6, 1))  # a half-line is constant behind a single ReLU
    assert (narrow.lower, narrow.upper) == (7, 8)
    assert bounds((3, 2, 1)).upper == 4
    assert bounds((2, 8, 1)) == bounds((2, 8, 1), "leaky_relu")
    for bad in ((3,), (1, 0, 1), 5, (1.0, 2, 1)):
        with pytest.raises(ValueError, match="sizes: got"):
            bounds(bad)
    with pytest.raises(ValueError, match="'tanh'"):
        bounds((1, 2, 1), "tanh")


@pytest.mark.parametrize("seed", range(8))
def test_no_network_has_more_pieces_than_its_bound(seed):
    net, where = random_case(5 * seed + 1)
    if "box" in where:
        found = bounds(net.sizes, net.activation)
        assert count(net, **where, kind="proper") <= found.upper
    assert count(al.constructions.tent_deep(5).network, al.Box.unit(), kind="proper") == 32
    assert bounds(al.constructions.tent_deep(5).network.sizes).upper >= 32
