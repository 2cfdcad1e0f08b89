"""Least errors of n linear pieces: oracles by brute force, closed forms, and attacks from below."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.optimal import _l2_pieces, _l2_splines, _sup_pieces
from approxlab.optimal._curve import Curve

SINE = al.Target(
    lambda x: jnp.sin(x[0]),
    domain=al.Box([-math.pi], [math.pi]),
    name="sin",
    smoothness="analytic",
)
SMOOTH = {"sin": SINE, **{name: al.targets.get(name) for name in ("sine2", "exp", "runge")}}
SQUARE = al.targets.get("square")


def least_squares(function, a, b):
    """Squared error of the best affine function on [a, b], by lstsq."""
    if b <= a:
        return 0.0
    x, w = al.Box([a], [b]).gauss_legendre(12, panels=4)
    design = np.stack([np.ones(len(x)), x[:, 0] - a], axis=1) * np.sqrt(w)[:, None]
    right = np.sqrt(w) * function(x[:, 0])
    residual = design @ np.linalg.lstsq(design, right)[0] - right
    return float(residual @ residual)


def pieces_error(function, knots):
    return sum(least_squares(function, a, b) for a, b in itertools.pairwise(knots))


def wavy(x):
    return np.sin(5.0 * x) + 0.3 * x**2


GRID = np.sort(np.concatenate([[3.0, 5.0], 3.0 + 2.0 * np.random.default_rng(1).random(11)]))


@pytest.fixture(scope="module")
def cells():
    return _l2_pieces.Cells.sample(wavy, GRID)


def test_errors_of_runs_of_cells_against_least_squares(cells):
    starts, ends = np.array([0, 2, 3, 11]), np.array([12, 5, 10, 12])
    want = [least_squares(wavy, GRID[i], GRID[j]) for i, j in zip(starts, ends, strict=True)]
    for i, j, error in zip(starts, ends, want, strict=True):
        assert cells.squared_errors(np.array([i]), np.array([j]))[0] == pytest.approx(error)
    # States 2 to 13, pieces from up to 5 states before; state b ends a piece with cell b - 2.
    band = cells.band(2, 13, 5)
    assert band[8, 1] == pytest.approx(least_squares(wavy, GRID[6], GRID[9]))
    assert band[0, 0] == np.inf
    assert np.all(band[:, -1] == 0.0)


def by_brute_force(pieces):
    """All choices of cells for the knots, each cell left out."""
    best = np.inf
    for used in range(pieces):
        for knots in itertools.combinations(range(len(GRID) - 1), used):
            starts, ends = [0, *(k + 1 for k in knots)], [*knots, len(GRID) - 1]
            pairs = zip(starts, ends, strict=True)
            best = min(best, sum(least_squares(wavy, GRID[i], GRID[j]) for i, j in pairs))
    return best


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_dynamic_program_against_all_partitions(cells, pieces):
    above = pieces_error(wavy, np.linspace(3.0, 5.0, pieces + 1))
    found = _l2_pieces.lower_bound(cells, pieces, above)
    assert found.value == pytest.approx(by_brute_force(pieces), rel=1e-9)
    assert len(found.knots) <= pieces - 1


def test_penalties_against_counted_pieces(monkeypatch):
    """Weak duality: never above the exact minimum, and here close to it."""
    curve = Curve.of(SMOOTH["runge"])
    knots, above = _l2_splines.polished(curve, _l2_splines.equidistributed(curve, 18, "l2"))
    grid = _l2_pieces.Cells.sample(curve, curve.refined(knots, 20))
    priced = _l2_pieces.lower_bound(grid, 18, above * 1.001)
    monkeypatch.setattr(_l2_pieces, "_LAYERS", 18)
    counted = _l2_pieces.lower_bound(grid, 18, above * 1.001)
    assert priced.penalty > 0.0 == counted.penalty
    assert 0.98 * counted.value <= priced.value <= counted.value * (1.0 + 1e-9)


def by_all_starts(cells, reach, penalty):
    """The penalised program as it is written down: every start of every last piece."""
    total = len(cells)
    cost, previous = np.full(total + 2, np.inf), np.zeros(total + 2, int)
    cost[0] = 0.0
    for first in range(1, total + 2, _l2_pieces._ROWS):
        last = min(first + _l2_pieces._ROWS, total + 2) - 1
        for b, errors in enumerate(cells.band(first, last, reach), first):
            low = max(0, b - reach)
            options = cost[low:b] + errors[reach - (b - low) :]
            previous[b] = low + np.argmin(options)
            cost[b] = options[previous[b] - low] + penalty
    knots, b = [], int(previous[-1])
    while b > 0:
        knots.append(b - 1)
        b = int(previous[b])
    return cost[-1], knots[::-1]


FOLDED = {
    "wave": lambda x: np.sin(9.0 * x) * x,
    "affine, then bent": lambda x: np.where(x < 0.2, 2.0 * x, 0.4 + np.sin(8.0 * (x - 0.2))),
    "steps": lambda x: np.floor(4.0 * x),
    "nearly affine": lambda x: 1e3 + x + 1e-6 * np.cos(11.0 * x),
}


@pytest.mark.parametrize("name", FOLDED)
@pytest.mark.parametrize("reach", [5, 60, 700])
def test_few_starts_find_what_all_starts_find(name, reach, monkeypatch):
    """Bit for bit, with short and long pieces, with kept moments and without."""
    cells = _l2_pieces.Cells.sample(FOLDED[name], np.linspace(-1.0, 1.0, 800))
    size = float(np.sum(cells.squared_errors(np.array([0]), np.array([799]))))
    blocks = _l2_pieces._Blocks(cells, reach)
    for part in (1e-1, 1e-4, 1e-9, 0.0):
        value, knots = _l2_pieces._priced(blocks, part * size)
        monkeypatch.setattr(_l2_pieces, "_KEPT", 2**16 if part > 1e-3 else 0)
        want, all_knots = by_all_starts(cells, reach, part * size)
        assert (value, list(knots)) == (want, all_knots)


@pytest.mark.parametrize("box", [al.Box([0.0], [1.0]), al.Box([3.0], [5.0])])
@pytest.mark.parametrize("pieces", [1, 4, 20])
@pytest.mark.parametrize("norm", ["l2", "sup"])
def test_square_on_boxes(box, pieces, norm):
    """The closed form lies in the interval, at its upper end."""
    target = al.Target(lambda x: x[0] ** 2, domain=box, smoothness="analytic")
    best = al.optimal.relu_spline(target, pieces, norm, cells=100)
    exact = float(al.optimal.square_by_pieces(pieces, norm, domain=box))
    assert float(best.upper) == pytest.approx(exact, rel=1e-9)
    assert (1 - 1 / 100) ** 2.6 * exact <= float(best.lower) <= exact


@pytest.mark.parametrize("norm", ["l2", "sup"])
def test_root_in_closed_form(norm):
    """sqrt x has the sup optimum 1 / (4 n (n + 1)).

    The best affine function on [a^2, b^2] has the error (b - a)^2 / (8 (a + b)), which is the same
    on all pieces for the knots (i (i + 1) / (n (n + 1)))^2.
    """
    best = al.optimal.relu_spline(al.targets.get("sqrt"), 6, norm, cells=100)
    if norm == "sup":
        knots = (np.arange(7) * np.arange(1, 8) / 42) ** 2
        assert best.knots == pytest.approx(knots, abs=1e-6)
        assert float(best.lower) <= 1 / (4 * 6 * 7) * (1 + 1e-9)
        assert float(best.upper) == pytest.approx(1 / (4 * 6 * 7), rel=1e-6)
    assert 0.97 < float(best.lower) / float(best.upper) < 1.0


@pytest.mark.parametrize("name", SMOOTH)
def test_the_interval_is_narrow_and_tends_to_the_asymptotic_constant(name):
    """Twice the distance to the constant at n = 12 is not reached any more at n = 48."""
    target, away = SMOOTH[name], {}
    for pieces in (12, 48):
        best = al.optimal.relu_spline(target, pieces, cells=64)
        low, high = float(best.lower), float(best.upper)
        assert 0.98 * (1 - 1 / 64) ** 2.5 * high < low < high
        constant = float(al.optimal.relu_spline_asymptotic(target, pieces, "l2"))
        away[pieces] = abs(high / constant - 1.0)
    assert away[48] < max(0.5 * away[12], 1e-4)


def test_the_published_constant_of_sine():
    best = al.optimal.relu_spline(SINE, 64, cells=120)
    low, high = 64**2 * float(best.lower), 64**2 * float(best.upper)
    assert 0.985 * 2.0954 < high < 2.0954
    assert 0.995 * (1 - 1 / 120) ** 2.5 * high < low < high


def test_no_knots_are_below_the_lower_end():
    """Random and optimised knots of pieces that need not join; a bound 3 % larger is refuted."""
    from scipy.optimize import minimize

    best = al.optimal.relu_spline(SMOOTH["runge"], 4, cells=200)
    curve, low = Curve.of(SMOOTH["runge"]), float(best.lower)

    def error(inner):
        knots = np.sort(np.clip(inner, -0.999, 0.999))
        if np.min(np.diff(knots)) < 1e-6:
            return 1.0
        knots = np.concatenate([[-1.0], knots, [1.0]])
        return math.sqrt(float(np.sum(_l2_splines.Pieces.of(curve, knots).affine()[2])))

    random = np.random.default_rng(0)
    assert min(error(random.uniform(-1, 1, 3)) for _ in range(200)) > low
    found = min(
        minimize(error, start, method="Nelder-Mead").fun
        for start in (best.knots[1:-1], best.knots[1:-1] + np.array([0.03, -0.02, 0.05]))
    )
    assert low <= found <= 1.03 * low


@pytest.mark.parametrize("norm", ["l2", "sup"])
def test_the_upper_end_is_attained(norm):
    """By another rule, on many points; and no small move of knots is better."""
    best = al.optimal.relu_spline(SMOOTH["exp"], 5, norm, cells=64)
    x = (np.arange(400_000) + 0.5) / 200_000 - 1.0
    residual = np.exp(x) - np.interp(x, best.knots, best.values)
    size = math.sqrt(2.0 * np.mean(residual**2)) if norm == "l2" else np.max(np.abs(residual))
    assert size == pytest.approx(float(best.upper), rel=1e-6)
    measured = al.errors.l2(best, best.target) if norm == "l2" else al.errors.sup(best, best.target)
    assert float(measured) == pytest.approx(float(best.upper), rel=1e-3)
    if norm == "l2":
        for shift in 0.02 * np.random.default_rng(3).standard_normal((20, 4)):
            moved = best.knots + np.concatenate([[0.0], shift, [0.0]])
            other = al.splines.best_l2(np.exp, moved)
            assert al.splines.l2_error(np.exp, other) > float(best.upper)


def level_by_triples(x, y):
    """Best affine sup error on few points: the largest levelled error of three of them."""
    worst = 0.0
    for i, j, k in itertools.combinations(range(len(x)), 3):
        share = (x[j] - x[i]) / (x[k] - x[i])
        worst = max(worst, abs(y[j] - (1 - share) * y[i] - share * y[k]) / 2)
    return worst


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_levels_against_all_partitions_of_points(pieces):
    x, y = GRID, wavy(GRID)
    best = min(
        max(level_by_triples(x[i:j], y[i:j]) for i, j in itertools.pairwise([0, *cuts, len(x)]))
        for used in range(pieces)
        for cuts in itertools.combinations(range(1, len(x)), used)
    )
    level, ends = _sup_pieces.level_bound(x, y, pieces, 1.01 * best, 0.1)
    assert (1 - 2e-4) * best <= level <= best
    assert len(ends) <= pieces - 1


def test_a_kink_is_met_exactly():
    for norm in ("l2", "sup"):
        best = al.optimal.relu_spline(al.targets.get("kink"), 5, norm)
        assert float(best.upper) < 1e-15
        assert float(best.lower) == 0.0


def test_gap_of_an_interpolant():
    best = al.optimal.relu_spline(SMOOTH["exp"], 8, cells=64)
    network = al.constructions.relu_interpolant(SMOOTH["exp"], 8).network
    gap = best.gap(al.errors.l2(network, SMOOTH["exp"]))
    assert 1.0 < gap.lower < gap.upper < 1.1 * gap.lower
    assert best.gap(float(best.lower)).upper == 1.0
    with pytest.raises(ValueError, match="norm"):
        best.gap(al.errors.sup(network, SMOOTH["exp"]))
    assert repr(best).startswith("PieceOptimum(l2 in [0.00")
    (row,) = best.to_rows()
    assert row["pieces"] == 8
    assert row["least_l2_error_lower"] < row["least_l2_error_upper"]


def test_a_flat_target_with_a_declared_kink():
    flat = al.Target(lambda x: 0.0 * x[0], domain=al.Box.unit(), kinks=(0.5,), name="flat")
    for pieces in (2, 4):
        assert float(al.optimal.relu_spline(flat, pieces).upper) == 0.0
