"""Results in the form in which people want them: formatted, as frames, in LaTeX, in files."""

import copy
import dataclasses
import math
import operator
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al

NUMBERS = [
    al.Estimate(0.0123456, norm="sup", points=9, relative=True),
    al.Bound(0.0123456, "a theorem"),
    al.claims.MeanBound(0.0123456, "a theorem", law="x uniform"),
    al.Optimum(0.0123456, norm="l2", kind="exact", source="a theorem"),
    al.claims.Rate(0.0123456, 0.01, 0.02, 5),
]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: type(number).__name__)
def test_numbers_take_the_form_of_floats_and_say_what_they_are_without_one(number):
    assert f"{number:.2e} {number:8.3f} {number:g}" == "1.23e-02    0.012 0.0123456"
    assert f"{number}" == repr(number)
    assert str(number) == repr(number)
    with pytest.raises(ValueError, match="format"):
        f"{number:d}"


def test_an_estimate_that_is_not_a_number_is_formatted_as_nan():
    assert f"{al.Estimate(math.nan, norm='sup', points=9):.2e}" == "nan"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a{b", r"\mathrm{a\{b}"),
        ("a}", r"\mathrm{a\}}"),
        ("a\\b", r"\mathrm{a{\backslash}b}"),
        ("50%_of_$x&#", r"\mathrm{50\%\_of\_\$x\&\#}"),
        ("a~b^c", r"\mathrm{a{\sim}b{\hat{\ }}c}"),
    ],
)
def test_latex_of_names_with_signs_of_latex(name, written):
    table = al.derivatives.trace(lambda x: x * x, 2.0, names=[name]).to_latex()
    assert f"$v_{{0}} = {written}$" in table
    bare = table.replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")


def test_latex_of_what_is_not_finite():
    table = al.derivatives.trace(jnp.log, 0.0).to_latex()
    assert r"$-\infty$" in table
    assert "inf$" not in table
    assert r"$\mathrm{nan}$" in al.derivatives.trace(lambda x: x * math.inf, 0.0).to_latex()


def test_a_trace_is_a_frame_and_a_tabular():
    tr = al.derivatives.trace(lambda x, y: x * y, 2.0, 3.0)
    assert tr.to_latex("reverse", 2) == tr.table("latex", "reverse", 2)
    assert len(tr.to_pandas()) == len(tr.to_rows())


def test_the_point_of_a_network_of_one_variable_has_a_tangent(key):
    net = al.MLP.init(key, 1, (3,), "tanh")
    tr = al.derivatives.trace(net, jnp.array([0.5]))
    assert tr.seeds == ("x[0]",)
    assert float(tr.tangents[0]) == pytest.approx(float(tr.gradients[0][0]))
    assert al.derivatives.trace(jnp.sum, jnp.ones(2)).seeds == ()  # which direction is not clear


def test_errors_of_all_seeds_and_the_file_of_the_best(tmp_path):
    runge = al.targets.get("runge")
    result = al.fit(runge, hidden=(4,), seeds=3, steps=20)
    for norm, one in (("sup", al.errors.sup), ("l2", al.errors.l2)):
        found = result.errors(runge, norm, relative=True)
        alone = [one(result.networks.member(i), runge, relative=True) for i in range(3)]
        assert [float(e) for e in found] == [float(e) for e in alone]
        assert {(e.norm, e.relative) for e in found} == {(norm, True)}
    result.save(tmp_path / "best.npz")
    loaded = al.MLP.load(tmp_path / "best.npz")
    assert all(map(np.array_equal, loaded.weights, result.network.weights))


def test_the_gap_of_a_polynomial():
    best = al.optimal.best_polynomial(al.targets.get("exp"), 3)
    low, high = best.gap(2 * float(best.upper))
    assert low == 2.0 <= high < 2.0 + 1e-6
    with pytest.raises(ValueError, match="norm"):
        best.gap(al.Estimate(0.1, norm="l2", points=9))


def results_of_targets():
    lambda_of_x = al.errors.sup(lambda x: x[0], lambda x: x[0] ** 2, al.Box.unit())
    own = al.Target(lambda x: x[0] ** 2, domain=al.Box.unit(), second_derivative=2.0)
    construction = al.constructions.relu_interpolant(own, 3)
    return [lambda_of_x, al.optimal.square_by_units(3), construction.claim]


@pytest.mark.parametrize("place", range(3), ids=["estimate", "optimum", "claim"])
def test_numbers_of_a_lambda_are_pickled_without_it_and_copied_with_it(place):
    result = results_of_targets()[place]
    assert result.target is not None
    back = pickle.loads(pickle.dumps(result))
    assert type(back) is type(result)
    assert back.target is None
    assert repr(dataclasses.replace(back, target=result.target)) == repr(result)
    for same in (copy.copy(result), copy.deepcopy([result])[0]):
        assert same.target is result.target


def test_a_target_that_pickle_can_write_stays():
    estimate = al.errors.sup(lambda x: x[0], operator.itemgetter(0), al.Box.unit())
    told = dataclasses.replace(estimate, target=operator.itemgetter(0))
    assert pickle.loads(pickle.dumps(told)).target([7.0]) == 7.0
