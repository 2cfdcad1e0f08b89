"""Linear programs along a chain of pieces: the interior-point method against the simplex method."""

import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.fitting.knots import exchange
from approxlab.optimal import _chain_programs as programs
from approxlab.optimal import _sup_splines, pieces
from approxlab.optimal._curve import Curve
from approxlab.splines import Spline

# HiGHS keeps constraints to 1e-7 in units of the largest error, so its least error may be this much
# below the least one.
HIGHS = 1e-7


def own(fn, *kinks):
    return al.Target(fn, domain=al.Box([-1.0], [1.0]), kinks=kinks or None)


TARGETS = {
    "runge": al.targets.get("runge"),
    "root": al.targets.get("sqrt"),
    "oscillating": own(lambda x: jnp.sin(9.0 * x[0])),
    "kinks": own(lambda x: jnp.abs(x[0] - 1 / 3) + jnp.exp(-4.0 * x[0] ** 2), 1 / 3),
    "undeclared kink": own(lambda x: jnp.abs(x[0] - 0.1) + x[0] ** 2),
    "flat": own(lambda x: jnp.maximum(x[0], 0.0) ** 3),
    "nearly a line": own(lambda x: x[0] + 1e-6 * jnp.sin(5.0 * x[0])),
    "steep": own(lambda x: jnp.tanh(100.0 * x[0])),
    "degree 40": own(lambda x: jnp.cos(40.0 * jnp.arccos(0.999 * x[0]))),
}


def from_pieces(monkeypatch, long):
    for module in (_sup_splines, pieces, exchange):
        monkeypatch.setattr(module, "LONG", long)


def both_solutions(monkeypatch, run):
    """The pairs of solutions of all programs that are met."""
    pairs = []
    for module in (_sup_splines, exchange):
        monkeypatch.setattr(module, "LONG", 1)
        chain, simplex = module._chain_solution, module._simplex_solution

        def both(*given, chain=chain, simplex=simplex):
            found, asked = chain(*given), simplex(*given)
            if found is not None and asked is not None:
                pairs.append((float(found[-1]), float(asked[-1])))
            return found

        monkeypatch.setattr(module, "_chain_solution", both)
    monkeypatch.setattr(pieces, "LONG", 1)
    run()
    return np.array(pairs)


@pytest.mark.parametrize("name", TARGETS)
def test_least_errors_are_those_of_the_simplex_method(monkeypatch, name):
    def run():
        al.optimal.relu_spline(TARGETS[name], 16, "sup", cells=64)
        al.fitting.free_knots(TARGETS[name], 16, "sup")

    pairs = both_solutions(monkeypatch, run)
    assert len(pairs) >= 4
    assert np.max(pairs[:, 0] - pairs[:, 1]) <= 2.0 * HIGHS
    if name != "nearly a line":  # there HiGHS ends early: a knot that moves alone changes much
        assert np.max(pairs[:, 1] - pairs[:, 0]) <= 2.0 * HIGHS
    spread = np.ptp(pairs[:, 1])
    assert spread > 100.0 * HIGHS  # they differ by far more from each other


def chain_of(target, n):
    """The first program of a spline with equal pieces."""
    curve = Curve.of(target)
    knots = np.linspace(curve.lower, curve.upper, n + 1)
    spline = Spline(knots, curve(knots))
    extrema, error = _sup_splines._extremes(curve, spline)
    seen = []

    def seen_by(chain, pieces):
        seen.append(chain)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sup_splines, "least_largest_move", seen_by)
        patch.setattr(_sup_splines, "LONG", 1)
        patch.setattr(_sup_splines, "_simplex_solution", lambda *_: None)
        _sup_splines._step(curve, spline, extrema, error, 0.5)
    return seen[0]


def test_the_move_is_allowed_and_has_its_error():
    n = 40
    chain = chain_of(TARGETS["oscillating"], n)
    heights, positions, least = programs.least_largest_move(chain, n)
    assert np.max(np.abs(positions)) <= 1.0
    ends = np.stack([heights, positions], axis=1)
    moves = np.concatenate([ends[:-1], ends[1:]], axis=1)[chain.piece]
    left = chain.errors + np.sum(chain.slopes * moves, axis=1)
    assert np.max(np.abs(left)) == pytest.approx(least, rel=1e-12)
    assert least < 0.9  # 1 is no move


@pytest.mark.parametrize("name", ["oscillating", "nearly a line", "kinks", "root"])
def test_multipliers_prove_the_least_error(name):
    """A combination of errors that no move changes has a size that is a bound from below."""
    n = 40
    chain = chain_of(TARGETS[name], n)
    chain = programs._along_shares(chain, programs._shares(chain, n))
    system = programs._System(chain, n)
    point = system.start()
    for _ in range(60):
        if point.gap <= 1e-11:
            break
        point = system.step(point)
    k = len(chain.errors)
    weights = point.multipliers[:k] - point.multipliers[k : 2 * k]
    change = system.against(weights)
    bound = weights @ chain.errors - np.sum(np.abs(change[1::2]))  # positions move by at most 1
    assert np.max(np.abs(change[::2])) <= 1e-9  # heights move freely
    assert np.sum(point.multipliers[: 2 * k]) == pytest.approx(1.0, abs=1e-9)
    assert bound <= point.level <= bound + 1e-9
    spoiled = weights * np.where(np.arange(k) == np.argmax(np.abs(weights)), 2.0, 1.0)
    assert np.max(np.abs(system.against(spoiled)[::2])) > 1e-4


@pytest.mark.parametrize("name", ["runge", "root", "steep"])
def test_steps_do_not_grow_with_the_number_of_pieces(monkeypatch, name):
    counts = []
    step = programs._System.step

    def counted(self, point):
        counts[-1] += 1
        return step(self, point)

    monkeypatch.setattr(programs._System, "step", counted)
    for n in (32, 128, 512, 2048):
        counts.append(0)
        assert programs.least_largest_move(chain_of(TARGETS[name], n), n) is not None
    assert max(counts) <= 40


@pytest.mark.parametrize("name", ["runge", "root"])
def test_long_chains_need_no_simplex_method(monkeypatch, name):
    def refused(*_):
        raise AssertionError("the simplex method was called")

    for module in (_sup_splines, exchange):
        monkeypatch.setattr(module, "_simplex_solution", refused)
    n = programs.LONG
    best = al.optimal.relu_spline(TARGETS[name], n, "sup", cells=64)
    fit = al.fitting.free_knots(TARGETS[name], n, "sup")
    assert float(best.lower) <= float(fit.error) * (1.0 + 1e-9)
    assert float(fit.error) <= 1.05 * float(best.lower)
    with pytest.raises(AssertionError, match="simplex"):
        al.optimal.relu_spline(TARGETS[name], n - 1, "sup", cells=64)
    with pytest.raises(AssertionError, match="simplex"):
        al.fitting.free_knots(TARGETS[name], n - 1, "sup")


def test_where_rounding_ends_the_search_the_simplex_method_follows(monkeypatch):
    target, n = TARGETS["runge"], 12
    curve, knots = Curve.of(target), np.linspace(-1.0, 1.0, n + 1)
    spline = Spline(knots, curve(knots))
    given = curve, spline, *_sup_splines._extremes(curve, spline), 0.5

    def results():
        moved, least = _sup_splines._step(*given)
        fit = al.fitting.free_knots(target, n, "sup")
        return [*moved.knots, *moved.heights, least, *fit.spline.knots, *fit.spline.heights]

    want = results()
    from_pieces(monkeypatch, 1)
    assert results() != want
    monkeypatch.setattr(programs._System, "step", lambda self, point: None)
    assert programs.least_largest_move(chain_of(target, n), n) is None
    assert results() == want


@pytest.mark.parametrize("name", TARGETS)
def test_values_and_bounds_of_both_ways(monkeypatch, name):
    """Bounds hold for both, and the searches end equally low, up to which minimum is near."""
    target, n, found, fits = TARGETS[name], 16, [], []
    for long in (10**9, 8):
        from_pieces(monkeypatch, long)
        found.append(al.optimal.relu_spline(target, n, "sup", cells=100))
        fits.append(float(al.fitting.free_knots(target, n, "sup").error))
    errors = [float(best.upper) for best in found]
    for best in found:
        assert all(float(best.lower) <= error * (1.0 + 1e-9) for error in errors + fits)
    assert errors[1] <= 1.01 * errors[0]
    assert fits[1] <= 1.01 * fits[0]


@pytest.mark.parametrize("name", ["root", "square", "exp"])
def test_of_convex_targets_both_ways_find_the_optimum(monkeypatch, name):
    target = {"root": TARGETS["root"]}.get(name) or al.targets.get(name)
    errors = []
    for long in (10**9, 8):
        from_pieces(monkeypatch, long)
        errors.append(float(al.optimal.relu_spline(target, 20, "sup").upper))
        errors.append(float(al.fitting.free_knots(target, 20, "sup").error))
    np.testing.assert_allclose(errors, errors[0], rtol=1e-6)


def test_across_a_jump(monkeypatch):
    step = al.targets.get("step")
    errors = []
    for long in (10**9, 8):
        from_pieces(monkeypatch, long)
        errors.append(float(al.fitting.free_knots(step, 16, "sup").error))
    assert errors[1] == pytest.approx(errors[0], rel=1e-6)
