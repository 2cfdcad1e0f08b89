"""A million values of elementary functions against two libraries nobody here wrote.

`python-flint` (Arb: balls of any precision) and `crival` (tightest intervals, its module is `ival`)
are oracles of these tests only; without them the tests are skipped.
"""

import numpy as np
import pytest
from elementary_references import LEMMAS

from approxlab.certify import _elementary as elementary
from approxlab.certify._intervals import Intervals

BALLS = {
    "exp": lambda x: x.exp(),
    "expm1": lambda x: x.expm1(),
    "tanh": lambda x: x.tanh(),
    "logistic": lambda x: 1 / (1 + (-x).exp()),
    "softplus": lambda x: x.exp().log1p(),
    "log": lambda x: x.log(),
    "log1p": lambda x: x.log1p(),
    "erf": lambda x: x.erf(),
    "erfc": lambda x: x.erfc(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "arctan": lambda x: x.atan(),
    "sqrt": lambda x: x.sqrt(),
    "cbrt": lambda x: x if x == 0 else x.root(3) if x > 0 else -((-x).root(3)),
}
COUNT = 72_000  # times 14 functions


def places(name, count, seed):
    rng = np.random.default_rng(seed)
    part = count // 6
    widest = 2.0**20 if name in ("sin", "cos") else 745.0
    multiples = rng.integers(-1000, 1000, part) * (np.pi if name in ("sin", "cos") else np.log(2))
    found = np.concatenate(
        [
            rng.standard_normal(part),
            rng.uniform(-10, 10, part),
            rng.uniform(-30, 30, part),
            rng.uniform(-widest, min(widest, 709) if widest < 1000 else widest, part),
            np.ldexp(rng.uniform(-2, 2, part), rng.integers(-1074, 0, part)),
            multiples / 2 * (1 + rng.integers(-3, 4, part) * 2.0**-53),
        ]
    )
    if name in ("log", "sqrt"):
        return np.abs(found[found != 0])
    return found[found > -1] if name == "log1p" else found


def missed(name, x, enclosure):
    """The floats at which the interval does not contain the ball."""
    from flint import arb, ctx

    ctx.prec = 200
    function = BALLS[name]
    found = []
    for number, lo, hi in zip(
        x.tolist(), enclosure.lo.tolist(), enclosure.hi.tolist(), strict=True
    ):
        exact = function(arb(number))
        below = lo == -np.inf or not arb(lo) > exact
        above = hi == np.inf or not arb(hi) < exact
        if not (exact.is_finite() and below and above):
            found.append(number)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", BALLS)
def test_a_million_values_are_enclosed(name):
    pytest.importorskip("flint")
    x = places(name, COUNT, 0)
    assert missed(name, x, getattr(elementary, name)(Intervals(x, x))) == []


def test_the_ball_oracle_finds_a_bound_that_is_too_small():
    pytest.importorskip("flint")
    x = places("exp", 600, 1)
    value = np.exp(np.minimum(x, 700.0))
    assert len(missed("exp", np.minimum(x, 700.0), Intervals(value, value))) > 100


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exp", "expm1", "tanh", "log", "log1p", "erf", "erfc", "sin",
                                  "cos", "arctan", "sqrt", "cbrt"])  # fmt: skip
def test_tightest_intervals_lie_inside(name):
    ival = pytest.importorskip("ival")
    rng = np.random.default_rng(2)
    lo = places(name, 20_000, 3)
    hi = lo + np.abs(rng.standard_normal(lo.size)) * 10.0 ** rng.integers(-12, 1, lo.size)
    theirs = {"arctan": "atan"}.get(name, name)
    tight = getattr(ival, theirs)(ival.Interval(lo, hi))
    ours = getattr(elementary, name)(Intervals(lo, hi))
    assert (ours.lo <= tight.lo).all()
    assert (tight.hi <= ours.hi).all()
    narrow = (LEMMAS[name] + 2) * np.spacing(np.minimum(ours.magnitude, 1e308)) + 2.0**-1069
    assert (ours.hi - tight.hi <= narrow)[np.isfinite(ours.hi)].all()
