"""False facts of own targets are found, with the point; gaps are of one target."""

import jax.numpy as jnp
import pytest

import approxlab as al
from approxlab import Box


@pytest.mark.parametrize(
    "facts",
    [{"lipschitz": 0.1}, {"value_max": 0.5}, {"value_min": 0.1}, {"second_derivative": 3.0}],
)
def test_false_facts_are_found(facts):
    wave = al.Target(lambda x: jnp.sin(3 * x[0]), domain=Box.unit(), **facts)
    with pytest.raises(ValueError, match=rf"{next(iter(facts))}: got .* at x = "):
        wave.check()


def test_constructions_ask():
    wave = al.Target(lambda x: jnp.sin(3 * x[0]), domain=Box.unit(), lipschitz=0.1)
    with pytest.raises(ValueError, match="lipschitz: got 0.1"):
        al.constructions.cybenko(wave, 0.01)


@pytest.mark.parametrize("name", al.targets.names())
def test_no_false_alarm(name):
    al.targets.get(name).check()


def test_gap_refuses_another_target():
    claim = al.constructions.relu_interpolant(al.targets.get("runge"), 4).claim
    with pytest.raises(ValueError, match="same target"):
        al.errors.gap(claim, al.optimal.square_by_units(2))
    mine = al.Target(lambda x: x[0] * x[0], domain=Box.unit(), second_derivative=2.0)
    claim = al.constructions.relu_interpolant(mine, 4).claim
    assert al.errors.gap(claim, al.optimal.square_by_pieces(4)) == 2.0


def test_ridges_of_a_target_made_anew_are_known():
    again = al.targets.CATALOGUE["bump"]()
    assert again is not al.targets.get("bump")
    assert al.constructions.expansions(again)
    other = al.Target(lambda x: jnp.sum(x), domain=again.domain, name="bump")
    with pytest.raises(ValueError, match="no known expansion"):
        al.constructions.expansions(other)
