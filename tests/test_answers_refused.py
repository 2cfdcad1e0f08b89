"""Questions that `answer` takes to the safe side, or refuses: accuracies and jumps."""

import math
from decimal import Decimal
from fractions import Fraction

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

import approxlab as al
from approxlab.answers import asking
from approxlab.answers._jumps import jump_of
from approxlab.answers._questions import asked_above, checked_eps

QUICK = {"seconds": None, "max_fits": 1, "timed": False}
UNIT = al.Box([0.0], [1.0])


@pytest.mark.parametrize("eps", [0.1, 0.3, 0.25, 1e-3])
@pytest.mark.parametrize("kind", [Fraction, Decimal, np.longdouble])
def test_eps_is_never_rounded_to_the_weaker_side(eps, kind):
    """Exact values of floats stay as they are; the next ones beside them go to both sides."""
    exact, tiny = kind(eps), kind(1) / kind(10**18)
    assert checked_eps(exact) == asked_above(exact) == eps
    for asked in (exact + tiny * exact, exact - tiny * exact):
        below, above = checked_eps(asked), asked_above(asked)
        assert below < asked < above
        assert above == math.nextafter(below, 1.0)
    assert checked_eps(Fraction(1, 10)) < Fraction(1, 10) < asked_above(Fraction(1, 10)) == 0.1
    assert checked_eps(Decimal("0.3")) == 0.3 < Decimal("0.3") < asked_above(Decimal("0.3"))


@pytest.mark.parametrize("eps", [Fraction(1, 10), Decimal("0.3"), Fraction(1, 3)])
def test_networks_are_within_the_float_below_and_least_sizes_for_the_one_above(eps, monkeypatch):
    given = []
    monkeypatch.setattr(asking, "least_sizes", lambda _, eps: given.append(eps) or ())
    monkeypatch.setattr(asking, "families", lambda *_: [])
    monkeypatch.setattr(asking, "_SHARES", {1: ()})
    found = al.answer("square", eps, **QUICK)
    assert found.eps < eps < given[0] == math.nextafter(found.eps, 1.0)
    assert found.proved is not None
    assert float(found.proved.bound) <= eps


@pytest.mark.parametrize("eps", [Fraction(1, 10**400), Decimal("NaN"), Decimal("-1"), 10**400])
def test_numbers_that_no_positive_float_is_below_are_refused(eps):
    with pytest.raises(ValueError, match="eps: got .* expected a positive number"):
        al.answer("square", eps)


@pytest.mark.parametrize("build", [al.constructions.placed_spline, al.constructions.analytic_deep])
@pytest.mark.parametrize("eps", [Fraction(1, 10), np.longdouble("0.1")])
def test_constructions_keep_what_a_fraction_asks_for(build, eps):
    target = al.targets.get("exp")
    asked = build(target, eps)
    below = build(target, math.nextafter(0.1, 0.0))
    assert float(asked.claim.bound) == float(below.claim.bound) <= eps


JUMPS = {
    "declared": ("step", None, "the target jumps by 1 where x is 0.707106781"),
    "seen": (lambda x: jnp.floor(3.0 * x[0]), UNIT, "jumps, as far as floating point can tell"),
    "plane": (lambda x: jnp.where(x[0] + x[1] > 1.0, 1.0, 0.0), al.Box.unit(2), "the diagonal"),
}


@pytest.mark.parametrize("kind", JUMPS)
def test_a_jump_is_refused_in_plain_words(kind, tmp_path):
    target, box, words = JUMPS[kind]
    found = al.answer(target, 1e-2, box=box, **QUICK)
    assert (found.smallest, found.least, found.proved) == (None, None, None)
    assert math.isnan(found.gap)
    for text in (str(found), found._repr_html_()):
        assert "no network of continuous units is within eps" in text
        assert words in text
        assert "they are at least 0.5 away there in the sup norm, more than eps = 0.01" in text
    assert found.rows()
    plt.close(found.plot())
    found.save(tmp_path)
    assert str(al.Answer.load(tmp_path)) == str(found)


def test_a_jump_of_less_than_twice_eps_is_no_obstacle():
    assert jump_of(al.targets.get("step"), 0.4999) != ""
    assert jump_of(al.targets.get("step"), 0.5001) == ""


STEEP = {
    "root": lambda x: jnp.sqrt(x[0]),
    "steep": lambda x: jnp.tanh(1e9 * (x[0] - 0.3)),
    "fast": lambda x: jnp.sin(1e7 * x[0]),
}


@pytest.mark.parametrize("kind", STEEP)
def test_no_jump_is_seen_in_what_is_only_steep(kind):
    for eps in (1e-2, 1e-9):
        assert jump_of(al.Target(STEEP[kind], domain=UNIT), eps) == ""


@pytest.mark.parametrize("name", al.targets.names())
def test_only_targets_with_jumps_jump(name):
    target = al.targets.get(name)
    if target.mask is None:
        blind = al.Target(target.fn, domain=target.domain, kinks=target.kinks)
        assert bool(jump_of(blind, 1e-3)) == (target.smoothness == "jump")


@pytest.mark.parametrize("eps", [math.nextafter(0.01, 0.0), 1e-2, 1e-300])
def test_a_page_without_a_network_draws_without_a_warning(eps):
    """A lone line at eps has no limits of its own."""
    plt.close(al.answer("step", eps, **QUICK).plot())
