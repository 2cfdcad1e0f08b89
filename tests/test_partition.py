"""The polygons of networks of two variables against rational arithmetic, laws and counted cases."""

import dataclasses
import itertools
from fractions import Fraction

import jax
import numpy as np
import pytest

from approxlab import MLP, Box, regions
from approxlab.evaluation import evaluate
from approxlab.regions.literature import bounds
from approxlab.regions.two_dimensional import partition
from tests.plane_oracle import rational, rational_polygons
from tests.sampling import mostly_slow

SQUARE = Box([-1.0, -1.0], [1.0, 1.0])


def random_network(seed):
    """A small network, its box and plane: half of them degenerate in one of seven ways."""
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(1, 4))
    d = int(rng.choice([2, 2, 2, 3, 5]))
    sizes = [d, *rng.integers(1, 6 if depth < 3 else 5, size=depth), int(rng.choice([1, 1, 2]))]
    kind = str(rng.choice(["plain"] * 7 + ["integers", "zeros", "twins", "no bias", "dead", "sides",
                                           "dyadic"]))  # fmt: skip
    weights = [rng.normal(size=(m, n)) for n, m in itertools.pairwise(sizes)]
    biases = [rng.normal(size=m) for m in sizes[1:]]
    if kind == "integers":
        weights = [np.rint(W) for W in weights]
        biases = [np.rint(b) for b in biases]
    if kind == "dyadic":
        weights = [np.rint(4 * W) / 4 for W in weights]
        biases = [np.rint(4 * b) / 4 for b in biases]
    if kind == "zeros":
        weights = [W * (rng.random(W.shape) < 0.5) for W in weights]
    if kind == "twins":
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            factor = rng.choice([-2.0, 0.5, 1.0, 3.0])
            W[-1], b[-1] = factor * W[0], factor * b[0]
    if kind == "no bias":
        biases = [0.0 * b for b in biases]
    if kind == "dead":
        biases[0] -= 8.0
    if kind == "sides":  # lines along the sides and the diagonals of the box
        weights[0][:] = 0.0
        rows = np.arange(len(biases[0]))
        weights[0][rows, rng.integers(0, d, len(rows))] = rng.choice([-1.0, 1.0], len(rows))
        biases[0][:] = rng.choice([-1.0, 0.0, 1.0, 0.5], len(rows))
    passed = [int(rng.integers(0, n)) if rng.random() < 0.2 else 0 for n in sizes[1:-1]]
    activation = str(rng.choice(["relu", "relu", "relu", "leaky_relu", "abs", "identity"]))
    net = MLP.from_arrays(
        weights, biases, activation, passthrough=passed,
        dtype=str(rng.choice(["float32", "float64"])),
        out_size=None if sizes[-1] == 1 else sizes[-1],
    )  # fmt: skip
    box = [SQUARE, Box([3.0, -7.0], [5.0, -2.0]), SQUARE][int(rng.integers(0, 3))]
    plane = None if d == 2 else np.rint(4 * rng.normal(size=(3, d))) / 4
    if plane is not None and np.linalg.matrix_rank(plane[1:]) < 2:
        plane[1:] = np.eye(2, d)
    return net, (SQUARE if kind == "sides" else box), plane


def he_network(sizes, seed=0, bias=0.1):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(m, n)) * np.sqrt(2 / n) for n, m in itertools.pairwise(sizes)]
    biases = [bias * rng.normal(size=m) for m in sizes[1:]]
    return MLP.from_arrays(weights, biases, "relu", dtype="float64")


def lines_network(lines):
    """One ReLU along each line (a, b, c): a x + b y + c = 0."""
    lines = np.asarray(lines, float)
    return MLP.from_arrays(
        [lines[:, :2], np.arange(1.0, 1.0 + len(lines))[None]], [lines[:, 2], [0.0]], "relu",
        dtype="float64",
    )  # fmt: skip


# Against rational numbers


def check_against_oracle(found, truth, box):
    assert len(found) == len(truth)
    by_pattern = {tuple(p): i for i, p in enumerate(found.patterns.tolist())}
    assert set(by_pattern) == {pattern for pattern, _, _ in truth}
    exact = {}
    size = max(1.0, np.max(np.abs(found.gradients), initial=0.0), np.max(np.abs(found.offsets)))
    for pattern, area, forms in truth:
        i = by_pattern[pattern]
        assert abs(found.areas[i] - float(area)) <= 1e-13 * box.volume
        rows = np.column_stack(
            [found.gradients[i].reshape(-1, 2), np.reshape(found.offsets[i], (-1, 1))]
        )
        assert np.max(np.abs(rows - np.array(forms, float))) <= 1e-13 * size
        exact.setdefault(tuple(forms), set()).add(int(found.functions[i]))
    assert found.count("affine") == len(exact)
    assert all(len(numbers) == 1 for numbers in exact.values())


def check_laws(found, box):
    assert found.complete
    assert len(found.vertices) - len(found.edges) + len(found) == 1
    assert abs(np.sum(found.areas) - box.volume) <= 1e-12 * box.volume
    numbers = [found.count(k) for k in ("activation", "proper", "open_connected", "affine")]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize("seed", mostly_slow(range(600), range(60)))
def test_random_networks_equal_rational_arithmetic(seed):
    net, box, plane = random_network(seed)
    found = partition(net, box, plane)
    check_laws(found, box)
    check_against_oracle(found, rational_polygons(net, box, plane), box)


@pytest.mark.parametrize("seed", range(6))
def test_numbers_whose_products_are_below_float64(seed):
    """Signs are those of the exact numbers, although all values of the second layer underflow."""
    rng = np.random.default_rng(seed)
    sizes = (2, 3, 3, 2, 1)
    weights = [rng.normal(size=(m, n)) for n, m in itertools.pairwise(sizes)]
    biases = [0.3 * rng.normal(size=m) for m in sizes[1:]]
    factors = (1e-200, 1e-200, 1e300, 1e100)
    scale = np.cumprod(np.array(factors[:2]))  # second biases are below the smallest number: zero
    biases = [biases[0] * scale[0], 0 * biases[1], 0 * biases[2], biases[3]]
    scaled = [f * W for f, W in zip(factors, weights, strict=True)]
    net = MLP.from_arrays(scaled, biases, "relu", dtype="float64")
    found, truth = partition(net, SQUARE), rational_polygons(net, SQUARE)
    assert len(found) > 3
    check_laws(found, SQUARE)
    check_against_oracle(found, truth, SQUARE)
    corner = found.polygon(0)[0]
    assert np.all(np.isfinite(found.values))
    assert (np.ptp(found.values) > 0) == bool(np.any(found.gradients))
    assert found.gradients[0] @ corner + found.offsets[0] == pytest.approx(
        found.values[found.loops[0]], rel=1e-12, abs=1e-300
    )


def test_the_oracle_tells_spoiled_partitions():
    net, box, plane = random_network(1)
    found, truth = partition(net, box, plane), rational_polygons(net, box, plane)
    check_against_oracle(found, truth, box)
    spoiled = [
        dataclasses.replace(found, patterns=-found.patterns),
        dataclasses.replace(found, offsets=found.offsets + 1e-9),
        dataclasses.replace(found, vertices=found.vertices * (1 + 1e-9)),
    ]
    for one in spoiled:
        with pytest.raises(AssertionError):
            check_against_oracle(one, truth, box)
    with pytest.raises(AssertionError):
        check_against_oracle(found, truth[1:], box)
    assert not dataclasses.replace(found, vertices=found.vertices * (1 + 1e-9)).complete
    assert not dataclasses.replace(found, edges=found.edges[:-1]).complete


# Lines that can be counted


@pytest.mark.parametrize("n", [1, 2, 5, 20, 60])
def test_generic_lines(n):
    """1 + n + the number of crossings inside, for lines that all meet the box."""
    rng = np.random.default_rng(n)
    turn, shift = rng.uniform(0, np.pi, n), rng.uniform(-0.9, 0.9, n)
    lines = np.column_stack([np.cos(turn), np.sin(turn), shift])
    far = [0.0] + [
        np.max(np.abs(np.linalg.solve([one[:2], two[:2]], [-one[2], -two[2]])))
        for one, two in itertools.combinations(lines, 2)
    ]
    inside = np.count_nonzero(np.array(far[1:]) < 1)
    found = partition(lines_network(lines), SQUARE)
    assert len(found) == 1 + n + inside
    reach = 2.0 + 2.0 * max(far)
    whole = partition(lines_network(lines), Box([-reach, -reach], [reach, reach]))
    assert len(whole) == 1 + n + n * (n - 1) // 2
    assert len(whole.neighbours) == n * n  # every line is cut by the others into n parts


LINES = {
    "three lines through a point that no float64 holds": (
        # The lines through (1/3, 1/3) with integer coefficients meet there exactly.
        [(3, 0, -1), (0, 3, -1), (3, 3, -2), (3, -3, 0)], 8
    ),
    "ten lines through the origin": ([(k, 7 - k, 0) for k in range(10)], 20),
    "one line three times, once turned round": ([(1, 2, 0.3), (2, 4, 0.6), (-1, -2, -0.3)], 2),
    "lines along all sides": ([(1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)], 1),
    "lines through the corners": ([(1, 1, -2), (1, -1, 0), (1, 1, 0)], 4),
    "a line that touches a corner": ([(1, 1, -2), (1, 0.5, -1.5)], 1),
    "parallel lines": ([(1, 0, c) for c in (-0.5, 0.0, 0.5)], 4),
    "no line at all": ([(0, 0, 1), (0, 0, 0)], 1),
    "two lines one rounding apart": ([(1, 0, 0.5), (1, 0, 0.5 + 2.0**-53)], 3),
    "a grid": ([(1, 0, k / 8) for k in range(-7, 8)] + [(0, 1, k / 8) for k in range(-7, 8)], 256),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_degenerate_lines(name):
    lines, expected = LINES[name]
    found = partition(lines_network(lines), SQUARE)
    assert len(found) == expected
    check_laws(found, SQUARE)
    assert name.startswith("two lines") or np.min(found.areas) > 1e-3  # no slivers


def test_a_thousandth_of_a_rounding_moves_three_lines_apart():
    """Through one point: six parts. One line moved by less than float64 sees at 1/3: seven."""
    lines = [(3, 0, -1), (0, 3, -1), (3, 3, -2)]
    assert len(partition(lines_network(lines), SQUARE)) == 6
    tiny = 2.0**-53
    moved = [(3, 0, -1), (0, 3, -1), (3 * (1 - tiny), 3 * (1 - tiny), -2)]
    found = partition(lines_network(moved), SQUARE)
    assert len(found) == 7
    assert found.ties > 0
    check_laws(found, SQUARE)


# Laws of larger networks


@pytest.fixture(scope="module")
def large():
    net = he_network((2, 32, 32, 32, 1))
    return net, partition(net, SQUARE)


def test_laws_of_a_large_network(large):
    _, found = large
    assert len(found) > 2000
    check_laws(found, SQUARE)
    assert 2 * len(found.neighbours) / len(found) <= 4
    assert np.sum(found.edge_lengths[found.layers == 0]) == pytest.approx(8.0, rel=1e-14)


def test_affine_on_every_polygon(large):
    net, found = large
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(len(found)), 2)
    share = np.stack([rng.dirichlet(np.ones(3)) for _ in place])
    corners = found.vertices[found.loops[found.starts[place][:, None] + np.arange(3)]]
    x = np.sum(share[:, :, None] * corners, axis=1)
    value = np.sum(found.gradients[place] * x, axis=1) + found.offsets[place]
    wrong = np.abs(value - np.asarray(evaluate(net, x)))
    assert np.max(wrong) <= 1e-13
    moved = np.sum(found.gradients[place - 2] * x, axis=1) + found.offsets[place - 2]
    assert np.max(np.abs(moved - np.asarray(evaluate(net, x)))) > 1e-3


def signs_at(net, points):
    """Patterns by a plain forward pass."""
    a, found = points, []
    for W, b in zip(net.weights[:-1], net.biases[:-1], strict=True):
        z = a @ np.asarray(W).T + np.asarray(b)
        found.append(np.sign(z))
        a = np.maximum(z, 0.0)
    return np.concatenate(found, axis=1).astype(int)


def test_counts_lie_between_samples_and_bounds(large):
    net, found = large
    side = (np.arange(400) + 0.5) / 200 - 1
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    seen = set(map(bytes, np.packbits(signs_at(net, grid) > 0, axis=1)))
    known = list(map(bytes, np.packbits(found.patterns > 0, axis=1)))
    assert seen <= set(known)
    wide = found.areas > 3e-3  # so wide that the grid of step 1/200 meets them
    assert np.any(wide)
    assert all(known[i] in seen for i in np.flatnonzero(wide))
    assert not all(own in seen for own in known)
    assert len(seen) < len(found) < bounds(net.sizes).upper


def test_every_edge_bends_the_function_or_not(large):
    """Across an edge of layer l only the unit of that edge changes, in layers up to l."""
    _, found = large
    one, two = found.neighbours.T
    inner = found.sides[:, 1] >= 0
    layers, units = found.layers[inner], found.units[inner]
    changed = found.patterns[one] != found.patterns[two]
    place = 32 * (layers - 1) + units
    assert np.all(changed[np.arange(len(place)), place])
    before = np.arange(96)[None] < 32 * (layers - 1)[:, None]
    assert not np.any(changed & before)


def test_coordinates_are_as_good_as_their_bounds():
    net = he_network((2, 12, 12, 1), seed=3)
    found = partition(net, SQUARE)
    cuts = found._cuts
    for v in range(4, len(found.vertices), 7):
        x, y, w = cuts._exact_place(v)
        wrong = max(abs(found.vertices[v, 0] - x / w), abs(found.vertices[v, 1] - y / w))
        assert wrong <= found.errors[v] <= 2e-10


def rational_signs(net, x, y):
    """Signs of all hidden units at a rational point."""
    a, found = [x, y], []
    for W, b in zip(net.weights[:-1], net.biases[:-1], strict=True):
        rows, bias = rational(W), rational(b)[0]
        z = [sum(w * v for w, v in zip(row, a, strict=True)) for row in rows]
        z = [v + c for v, c in zip(z, bias, strict=True)]
        found += [(v > 0) - (v < 0) for v in z]
        a = [max(v, 0) for v in z]
    return found


def test_patterns_hold_inside_of_the_smallest_polygons():
    """At the mean of the vertices, all of it in rational numbers."""
    net = he_network((2, 24, 24, 1), seed=5)
    found = partition(net, SQUARE)
    smallest = np.argsort(found.areas)[:40]
    assert found.areas[smallest[0]] < 1e-8
    corners = {0: (-1, -1), 1: (1, -1), 2: (1, 1), 3: (-1, 1)}
    for i in smallest:
        loop = found.loops[found.starts[i] : found.starts[i + 1]].tolist()
        exact = [
            corners[v] if v < 4 else [Fraction(c, w) for c in (x, y)]
            for v in loop
            for x, y, w in [found._cuts._exact_place(v)]
        ]
        center = [sum(p[k] for p in exact) / Fraction(len(exact)) for k in (0, 1)]
        assert rational_signs(net, *center) == found.patterns[i].tolist()


@pytest.mark.parametrize("far", [1e3, 1e6, 1e9])
def test_a_small_box_far_away(far):
    """Coordinates are coarse there, the arrangement is not: it is that of the box moved to 0."""
    near = he_network((2, 10, 8, 1), seed=6)
    shift = np.array([far, -far])
    W, b = np.asarray(near.weights[0]), np.asarray(near.biases[0])
    # Weights of 20 bits, so that the moved biases are exact.
    W = np.round(W * 2**16) / 2**16
    b = np.round(b * 2**16) / 2**16
    at_zero = MLP.from_arrays([W, near.weights[1], near.weights[2]], [b, *near.biases[1:]], "relu")
    moved = MLP.from_arrays(
        [W, near.weights[1], near.weights[2]], [b - W @ shift, *near.biases[1:]], "relu"
    )
    one = partition(at_zero, SQUARE)
    two = partition(moved, Box(shift - 1.0, shift + 1.0))
    assert len(one) == len(two)
    assert {bytes(p) for p in one.patterns} == {bytes(p) for p in two.patterns}
    check_laws(two, two.box)


# Counts


def test_three_counts_differ():
    """f = relu(|x| - 1/2) + relu(|y| - 1/2), from which one activation region after another merges.

    Kinks at -1/2, 1/2 and, where |x| < 1/2, at 0 that do not show: each of the two axes is divided
    into 4 intervals with the slopes -1, 0, 0, 1, so the square into 16 rectangles. Those at the
    middle merge: 9 open connected regions, with 9 functions. With g = relu(relu(|x| - 1/4) - 1/4)
    - 2 relu(relu(|x| - 1/4) - 1/2), which is 0 outside of two tents, three strips share 0.
    """
    fold = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    second = [[1.0, 1, 0, 0], [0, 0, 1, 1]]
    net = MLP.from_arrays(
        [fold, second, [[1.0, 1.0]]], [[0.0] * 4, [-0.5, -0.5], [0.0]], "relu", dtype="float64"
    )
    found = partition(net, SQUARE)
    assert [found.count(k) for k in ("proper", "open_connected", "affine")] == [16, 9, 9]
    tents = MLP.from_arrays(
        [fold[:2], [[1.0, 1.0]] * 3, [[1.0, -2.0, 1.0]]],
        [[0.0, 0.0], [-0.25, -0.5, -0.75], [0.0]],
        "relu",
        dtype="float64",
    )
    found = partition(tents, SQUARE)
    # Along x: 0 | up | down | 0 0 | up | down | 0, and up right of the middle is down left of it
    # up to the constant: 1 + 4 functions.
    assert [found.count(k) for k in ("proper", "open_connected", "affine")] == [8, 7, 5]


def test_activation_counts_patterns_on_lines_and_points():
    """relu(x) and relu(-x): both off on the line x = 0 only; with y too, on lines and a point."""
    one = lines_network([(1, 0, 0), (-1, 0, 0)])
    assert [partition(one, SQUARE).count(k) for k in ("activation", "proper")] == [3, 2]
    two = lines_network([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)])
    assert [partition(two, SQUARE).count(k) for k in ("activation", "proper")] == [9, 4]


def test_regions_that_are_joined():
    """relu(x) - relu(-x) is x: two activation regions, one function."""
    net = MLP.from_arrays([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]], "relu")
    found = partition(net, SQUARE)
    assert [found.count(k) for k in ("proper", "open_connected", "affine")] == [2, 1, 1]
    with pytest.raises(ValueError, match="not counted in two dimensions"):
        found.count("convex")
    with pytest.raises(ValueError, match="expected one of activation"):
        found.count("regions")


# Integral, extrema, level sets


@pytest.mark.parametrize("box", [SQUARE, Box([3.0, -7.0], [5.0, -2.0])])
def test_integral_and_extrema_of_a_known_function(box):
    """|x - a| + |y - b| on a box, in closed form."""
    a, b = box.center + 0.25 * box.widths
    net = MLP.from_arrays([np.eye(2), [[1.0, 1.0]]], [[-a, -b], [0.0]], "abs", dtype="float64")
    found = partition(net, box)
    mean = [(0.75**2 + 0.25**2) / 2 * w for w in box.widths]
    assert found.integral() == pytest.approx(box.volume * sum(mean), rel=1e-14)
    value, place = found.minimum()
    assert value == 0.0
    assert np.allclose(place, (a, b), rtol=1e-15)
    value, place = found.maximum()
    assert value == pytest.approx(0.75 * sum(box.widths), rel=1e-14)
    assert np.array_equal(place, box.lower)


def test_integral_and_extrema_against_quadrature(large):
    net, found = large
    side = (np.arange(500) + 0.5) / 250 - 1
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    values = np.asarray(evaluate(net, grid))
    assert found.integral() == pytest.approx(4 * np.mean(values), abs=1e-5)
    lipschitz = np.max(np.hypot(*found.gradients.T))
    low, high = found.minimum()[0], found.maximum()[0]
    assert np.min(values) - lipschitz / 250 <= low <= np.min(values)
    assert np.max(values) <= high <= np.max(values) + lipschitz / 250
    for value, place in (found.minimum(), found.maximum()):
        assert float(evaluate(net, place[None])[0]) == pytest.approx(value, rel=1e-13)


def test_level_sets_of_known_functions():
    net = MLP.from_arrays([np.eye(2), [[1.0, 1.0]]], [[0.0, 0.0], [0.0]], "abs", dtype="float64")
    found = partition(net, SQUARE)
    (diamond,) = found.level_set(0.5)  # |x| + |y| = 1/2
    assert np.array_equal(diamond[0], diamond[-1])
    assert len(diamond) == 5
    assert np.allclose(np.abs(diamond).sum(axis=1), 0.5)
    assert len(found.level_set(1.5)) == 4  # the four corners, open lines
    assert found.level_set(3.0) == []
    assert found.level_set(0.0) == []
    flat = lines_network([(1, 0, -0.5)])  # zero left of x = 1/2
    (line,) = partition(flat, SQUARE).level_set(0.0)
    assert np.allclose(line[:, 0], 0.5)
    assert np.allclose(np.ptp(line[:, 1]), 2.0)


def test_level_sets_of_a_large_network(large):
    net, found = large
    low, high = found.minimum()[0], found.maximum()[0]
    for share in (0.2, 0.5, 0.8):
        level = low + share * (high - low)
        lines = found.level_set(level)
        assert lines
        for line in lines:
            closed = np.array_equal(line[0], line[-1])
            assert closed or np.all(np.max(np.abs(line[[0, -1]]), axis=1) == 1.0)
            middle = 0.5 * (line[1:] + line[:-1])
            for points in (line, middle):  # straight between vertices: the level holds there too
                assert np.max(np.abs(np.asarray(evaluate(net, points)) - level)) <= 1e-13
    again = partition(net, SQUARE)  # the partition itself is not cut by asking
    assert len(found) == len(again)
    assert found.complete


def test_several_outputs():
    net = MLP.from_arrays([np.eye(2), [[1.0, 1.0], [1.0, -1.0]]], [[0.0, 0.0], [0.0, 0.5]], "abs",
                          out_size=2, dtype="float64")  # fmt: skip
    found = partition(net, SQUARE)
    assert np.allclose(found.integral(), [4.0, 2.0], rtol=1e-14)
    assert found.minimum(1)[0] == -0.5
    assert found.maximum(0)[0] == 2.0
    assert len(found.level_set(0.5, output=0)) == 1
    assert len(found.level_set(0.5, output=1)) == 4  # from the origin, where two lines cross
    for wrong in (None, 2, -1):
        with pytest.raises(ValueError, match="which of the outputs"):
            found.minimum(wrong)
    with pytest.raises(ValueError, match="finite"):
        found.level_set(np.nan, output=0)


def test_an_affine_network_is_one_polygon():
    found = partition(MLP.from_arrays([[[2.0, -1.0]]], [[0.5]], "relu"), SQUARE)
    assert [found.count(k) for k in ("activation", "proper", "open_connected", "affine")] == [1] * 4
    assert found.integral() == 2.0
    (line,) = found.level_set(0.5)
    assert np.allclose(2 * line[:, 0], line[:, 1])


# Planes


def test_a_plane_equals_the_network_of_two_inputs():
    net = he_network((5, 10, 8, 1), seed=4)
    rng = np.random.default_rng(0)
    origin, one, two = np.rint(8 * rng.normal(size=(3, 5))) / 8
    found = partition(net, SQUARE, (origin, one, two))
    first = np.asarray(net.weights[0])
    composed = MLP.from_arrays(
        [first @ np.column_stack([one, two]), *net.weights[1:]],
        [np.asarray(net.biases[0]) + first @ origin, *net.biases[1:]],
        "relu",
        dtype="float64",
    )
    other = partition(composed, SQUARE)
    assert len(found) == len(other)
    assert np.allclose(found.vertices, other.vertices, atol=1e-12)
    assert found.integral() == pytest.approx(other.integral(), rel=1e-12)


# What is refused


def refused():
    net = he_network((2, 3, 1))
    yield he_network((2, 3, 1)), Box([0.0], [1.0]), {}, "box: got"
    yield net, None, {}, "expected a rectangle"
    yield he_network((3, 3, 1)), SQUARE, {}, "plane=\\(origin, one, two\\)"
    yield he_network((1, 3, 1)), SQUARE, {}, "al.regions.pieces"
    yield net, SQUARE, {"plane": np.ones((3, 2))}, "parallel"
    yield net, SQUARE, {"plane": np.ones((2, 2))}, "shape \\(2, 2\\)"
    yield net, SQUARE, {"plane": [[0.0, np.nan], [1.0, 0.0], [0.0, 1.0]]}, "finite"
    yield net, SQUARE, {"limit": 3}, "more than 3 polygons"
    yield net, SQUARE, {"limit": 0}, "limit"
    tanh = MLP.from_arrays(net.weights, net.biases, "tanh", dtype="float64")
    yield tanh, SQUARE, {}, "bends everywhere"
    stacked = jax.tree.map(lambda a: np.stack([a, a]), net)
    yield stacked, SQUARE, {}, "stacked|single"
    broken = MLP.from_arrays([net.weights[0] * np.nan, net.weights[1]], net.biases, "relu")
    yield broken, SQUARE, {}, "finite"
    weights = [1e200 * net.weights[0], 1e200 * np.ones((3, 3)), net.weights[1]]
    biases = [net.biases[0], net.biases[0], net.biases[1]]
    huge = MLP.from_arrays(weights, biases, "relu", dtype="float64")
    yield huge, SQUARE, {}, "overflow"


@pytest.mark.parametrize(("net", "box", "more", "message"), list(refused()))
def test_bad_input_is_told(net, box, more, message):
    with pytest.raises(ValueError, match=message):
        partition(net, box, **more)
    assert len(partition(he_network((2, 3, 1)), SQUARE)) > 1


def test_one_function_counts_in_one_and_two_dimensions():
    net = lines_network([(1, 0, 0), (-1, 0, 0)])
    kinds = ("activation", "proper", "open_connected", "affine")
    assert [regions.count(net, SQUARE, kind=k) for k in kinds] == [3, 2, 2, 2]
    across = np.array([[-1.0, 0.25], [1.0, 0.25]])
    assert [regions.count(net, segment=across, kind=k) for k in kinds] == [3, 2, 2, 2]
    plane = np.array([[0.5, 0.0], [1.0, 1.0], [-1.0, 1.0]])
    assert regions.count(net, SQUARE, kind="proper", plane=plane) == 2
    with pytest.raises(ValueError, match="beside a rectangle"):
        regions.count(net, SQUARE, kind="proper", segment=across)
    with pytest.raises(ValueError, match="not counted in two dimensions"):
        regions.count(net, SQUARE, kind="convex")
    with pytest.raises(ValueError, match="expected an interval|no segment"):
        regions.count(net, kind="proper")
