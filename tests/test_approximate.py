"""The cheapest proved network: claims, costs never above a single construction, refusals, forms."""

import dataclasses
import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from errors_on_pieces import against
from sampling import mostly_slow

import approxlab as al
from approxlab import Box, Target, approximate
from approxlab import constructions as built
from approxlab.approximation import choice
from approxlab.approximation.candidates import CANDIDATES
from approxlab.approximation.offers import Offer

ONE = {
    "square": {},
    "cube": {},
    "power11": {},
    "exp": {},
    "sine2": {},
    "sine4": {},
    "runge": {},
    "chirp": {},
    "kink": {},
    "tent": {"k": 4},
}
SEVERAL = ["sine_product", "oscillatory"]
ELSEWHERE = [Box([3.0], [5.0]), Box([-7.0], [-2.0])]
CASES = [(name, eps) for name in [*ONE, *SEVERAL] for eps in 10.0 ** -np.arange(1, 7)]
ALWAYS = [("exp", 1e-3), ("kink", 1e-6), ("sine_product", 1e-1)]


def error_of(network, target):
    """On exact pieces, for ReLU networks of one variable; else at many points."""
    if target.dim == 1 and network.activation == "relu" and network.depth:
        return against(network, target)
    points = np.asarray(target.domain.random(jax.random.key(0), 4000))
    if target.dim == 1:
        points = target.domain.uniform(10_001)
    return float(np.max(np.abs(al.evaluate(network, points) - al.evaluate(target, points))))


def named(pairs):
    return [(name, float(eps)) for name, eps in pairs]


@pytest.mark.parametrize("case", mostly_slow(named(CASES), always=named(ALWAYS)), ids=str)
def test_claims_of_twelve_targets(case):
    name, eps = case
    target = al.targets.get(name, **ONE.get(name, {}))
    found = approximate(target, eps)
    claim = float(found.claim.bound)
    assert error_of(found.network, target) <= claim <= eps
    assert found.table[0].note == "chosen"
    assert found.table[0].units == found.network.num_hidden_units == found.claim.num_hidden_units
    assert all(cost.units is None or cost.units >= found.table[0].units for cost in found.table)
    moved = found.network.biases[-1] + 2.1 * eps
    spoiled = dataclasses.replace(found.network, biases=(*found.network.biases[:-1], moved))
    assert error_of(spoiled, target) > claim


@pytest.mark.parametrize("box", mostly_slow(ELSEWHERE, always=ELSEWHERE[:1]), ids=str)
@pytest.mark.parametrize("eps", mostly_slow([1e-1, 1e-3, 1e-6], always=[1e-3]))
@pytest.mark.parametrize("name", mostly_slow(["exp", "runge", "kink", "sine2"], always=["exp"]))
def test_claims_elsewhere(name, eps, box):
    target = al.targets.get(name).moved_to(box)
    found = approximate(target, eps)
    assert error_of(found.network, target) <= float(found.claim.bound) <= eps


SINGLE = [
    lambda target, eps: built.cybenko(target, eps),
    lambda target, eps: built.cybenko(target, eps, activation="relu"),
    lambda target, eps: built.cybenko(target, eps, activation="heaviside"),
    lambda target, eps: built.placed_spline(target, eps),
    lambda target, eps: built.analytic_deep(target, eps),
    lambda target, eps: built.analytic_deep(target, eps, expansion="taylor"),
    lambda target, eps: built.ridge_sum(target, eps, activation="relu"),
    lambda target, eps: built.ridge_sum(target, eps),
    lambda target, eps: built.orthant_sum(target, eps=eps),
]


@pytest.mark.parametrize(
    "case",
    mostly_slow(
        [(n, e) for n in [*ONE, *SEVERAL] for e in (0.2, 0.1, 0.03, 0.01)],
        always=[("exp", 0.1), ("sine_product", 0.2)],
    ),
)
def test_never_more_units_than_a_single_construction(case):
    name, eps = case
    target = al.targets.get(name)
    units = approximate(target, eps).network.num_hidden_units
    tried = 0
    for construct in SINGLE:
        try:
            other = construct(target, eps)
        except ValueError:
            continue
        tried += 1
        assert float(other.claim.bound) <= eps
        assert units <= other.network.num_hidden_units
    assert tried >= 2


def test_the_kinds_of_networks_that_are_chosen():
    names = {
        ("tent", 1e-3): "tent_deep",
        ("kink", 1e-3): "placed_spline",
        ("square", 1e-6): "square_deep",
        ("exp", 1e-4): "analytic_deep",
        ("sine2", 2.0): "constant",
    }
    for (name, eps), wanted in names.items():
        assert approximate(al.targets.get(name), eps).name == wanted


@pytest.mark.slow
def test_units_grow_slowly_where_depth_helps():
    exp = al.targets.get("exp")
    units = [approximate(exp, eps).network.num_hidden_units for eps in (1e-2, 1e-4, 1e-8)]
    assert units[0] < units[1] < units[2] < 4 * units[1] < 100


@pytest.mark.parametrize("dim", mostly_slow([2, 3], always=[2]))
def test_products_and_sums_of_squares(dim):
    box = Box([3.0, -7.0, 0.0][:dim], [5.0, -2.0, 1.0][:dim])
    for construction, name in [
        (built.product_deep(domain=box, eps=1.0), "product_deep"),
        (built.sum_of_squares_deep(2, box), "sum_of_squares_deep"),
    ]:
        found = approximate(construction.target, 1e-2)
        assert found.name == name
        assert error_of(found.network, found.target) <= float(found.claim.bound) <= 1e-2


@pytest.mark.slow
def test_polynomials_are_analytic_functions_of_their_degree():
    target = built.polynomial_deep([1, -1, 2, 0, 1], 1e-3, domain=Box([3.0], [5.0])).target
    found = approximate(target, 1e-3)
    direct = built.polynomial_deep([1, -1, 2, 0, 1], 1e-3, domain=Box([3.0], [5.0]))
    assert found.network.num_hidden_units <= direct.network.num_hidden_units
    assert error_of(found.network, target) <= float(found.claim.bound) <= 1e-3


def test_a_function_without_facts_is_read_from_its_program():
    target = Target(lambda x: jnp.log(2.0 + x[0]) * jnp.tanh(x[0]), domain=Box([-1.0], [1.0]))
    found = approximate(target, 1e-2)
    assert error_of(found.network, target) <= float(found.claim.bound) <= 1e-2
    lacking = next(cost for cost in found.table if cost.name == "relu_interpolant")
    assert lacking.units is None
    assert "lacks the fact lipschitz" in lacking.note


@pytest.mark.parametrize("name", mostly_slow(["exp", "runge", "kink"], always=["exp"]))
def test_in_float32(name):
    with jax.enable_x64(False):
        target = al.targets.get(name)
        found = approximate(target, 1e-2)
        assert found.network.dtype == jnp.float32
        error = error_of(found.network, target)
        assert error <= float(found.claim.bound) + 1e-6  # the target is computed in float32 too
        assert float(found.claim.bound) <= 1e-2


def test_linear_units_count_if_they_are_asked_to():
    target = al.targets.get("exp")
    few, all_units = approximate(target, 1e-3), approximate(target, 1e-3, count="all")
    assert few.network.num_linear_units > 0
    assert sum(all_units.network.sizes[1:-1]) <= sum(few.network.sizes[1:-1])
    totals = [c.units + c.linear_units for c in all_units.table if c.units is not None]
    assert totals[0] == min(totals)
    assert all_units.name == "placed_spline"


def test_forms_of_the_result():
    found = approximate(al.targets.get("exp"), 1e-2)
    rows = found.to_rows()
    assert len(rows) == len(found.table)
    assert [row["chosen"] for row in rows] == [True] + [False] * (len(rows) - 1)
    assert json.loads(json.dumps(rows)) == rows
    assert found.name in found.reason
    assert found.name in repr(found)
    assert str(found).count("\n") == len(rows) + 2
    page = found._repr_html_()
    assert page.count("<tr>") == len(rows) + 1
    assert "&lt;" in page
    assert found.target is al.targets.get("exp")
    assert pickle.loads(pickle.dumps(found.table)) == found.table
    assert "nonlinear units" in found.reason
    assert all(repr(cost).startswith("Cost(") for cost in found.table)


REFUSED = [
    ("sqrt", 0.1, "no construction is proved .*lacks the fact lipschitz.*second_derivative"),
    ("takagi", 1e-15, "no construction is proved .*takagi_deep: its claim, rounding included"),
    ("step", 0.1, "no construction is proved .*is not continuous"),
    ("corner", 0.1, "no construction is proved .*mask"),
    ("exp", 0.0, "eps: got 0.0, expected a positive number"),
    ("exp", True, "eps: got True"),
    ("exp", float("nan"), "eps: got nan"),
    ("exp", "1e-3", "eps: got '1e-3'"),
    ("exp", 10**400, r"eps: got 10+\.\.\. \(401 characters\)"),
    ("exp", 10**5000, "eps: got an integer of thousands of digits"),
    ("exp", np.True_, "eps: got np.True_"),
    ("exp", jnp.asarray(True), "eps: got Array"),
    ("exp", 1j, "eps: got 1j"),
    ("exp", np.array([0.1]), "eps: got array"),
    ("exp", None, "eps: got None"),
    ("exp", 1e-17, "no construction is proved .*1e-17, which takes"),
]


@pytest.mark.parametrize(("name", "eps", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refusals(name, eps, message):
    with pytest.raises(ValueError, match=message):
        approximate(al.targets.get(name), eps)


def test_other_bad_arguments():
    with pytest.raises(TypeError, match="target: got"):
        approximate(jnp.exp, 0.1)
    with pytest.raises(ValueError, match="count: got 'linear', expected 'hidden'"):
        approximate(al.targets.get("exp"), 0.1, count="linear")
    false = Target(lambda x: jnp.sin(9 * x[0]), domain=Box([0.0], [1.0]), lipschitz=0.1)
    with pytest.raises(ValueError, match="lipschitz: got 0.1"):
        approximate(false, 0.1)


SCALARS = [np.float32(0.25), np.float64(0.25), np.array(0.25), jnp.float32(0.25), jnp.asarray(1)]


@pytest.mark.parametrize("eps", SCALARS, ids=lambda eps: f"{type(eps).__name__} {eps.dtype}")
def test_scalars_of_numpy_and_jax_are_numbers(eps):
    kink = al.targets.get("kink")
    found, same = approximate(kink, eps), approximate(kink, float(eps))
    assert found.eps == float(eps)
    assert type(found.eps) is float
    assert repr(found) == repr(same)


def test_a_traced_eps_is_refused():
    def traced(eps):
        approximate(al.targets.get("kink"), eps)
        return eps

    with pytest.raises(ValueError, match="eps: got .*expected a positive number"):
        jax.jit(traced)(0.1)


def names_in(found):
    return {cost.name for cost in found.table if cost.units is not None}


def same_function(name, box, **facts):
    return Target(al.targets.get(name).fn, domain=box, **facts)


def test_a_function_outside_of_the_box_of_its_construction():
    """The tent map repeats nothing outside of [0, 1], and the network of [0, 1] is not its own."""
    wide = same_function("tent", Box([-1.0], [2.0]), lipschitz=8.0)
    found = approximate(wide, 0.5)
    assert not names_in(found) & {"tent_deep", "tent_shallow"}
    assert error_of(found.network, wide) <= float(found.claim.bound)
    for name, box in [
        ("tent", Box.unit(2)),
        ("square", Box.unit(2)),
        ("cube", Box.unit(2)),
        ("takagi", Box([0.0], [2.0])),
        ("takagi", Box.unit(2)),
    ]:
        bounded = same_function(name, box, value_min=-9.0, value_max=9.0)
        assert approximate(bounded, 10.0).name == "constant"
        with pytest.raises(ValueError, match="no construction is proved"):
            approximate(bounded, 1e-3)
    median = built.median_of_three().target.fn
    with pytest.raises(ValueError, match="no construction is proved"):
        approximate(Target(median, domain=Box.unit(4)), 1e-3)


@pytest.mark.parametrize("name", ["tent", "takagi"])
def test_a_part_of_the_box_of_its_construction(name):
    part = same_function(name, Box([0.25], [0.7]))
    found = approximate(part, 1e-3)
    assert found.name == f"{name}_deep"
    assert found.target is part
    assert found.claim.target is part
    assert found.claim.pieces is None
    points = part.domain.uniform(4001)
    error = np.max(np.abs(al.evaluate(found.network, points) - al.evaluate(part, points)))
    assert error <= float(found.claim.bound) <= 1e-3


@pytest.mark.parametrize("levels", [1, 4, 9])
def test_takagi_takes_the_levels_of_its_own_construction(levels):
    direct = built.takagi_deep(levels, linear_units=True)
    found = approximate(al.targets.get("takagi"), float(direct.claim.bound))
    assert found.name == "takagi_deep"
    assert found.network.num_hidden_units == levels
    assert found.claim.bound.attained
    finer = approximate(al.targets.get("takagi"), 0.999 * 2.0**-levels / 3)
    assert finer.network.num_hidden_units == levels + 1


KNOWN = [
    lambda: built.self_similar_deep(-0.5, 5, 3, Box([3.0], [5.0]), linear_units=True),
    lambda: built.self_similar_deep(0.25, 6, linear_units=True),
    lambda: built.monomial_deep(8, 1e-2),
    lambda: built.monomial_deep(8, 1e-2, domain=Box([-1.0], [2.0])),
    lambda: built.polynomial_deep([1, -1, 2, 0, 1], 1e-2),
    lambda: built.maximum(5, linear_units=True),
    lambda: built.minimum(3, Box([3.0, -7.0, 0.0], [5.0, -2.0, 1.0]), linear_units=True),
    lambda: built.l1_norm(3, linear_units=True),
    lambda: built.median_of_three(linear_units=True),
]


@pytest.mark.parametrize("construct", mostly_slow(KNOWN, always=[KNOWN[i] for i in (1, 4, 6, 8)]))
def test_the_targets_of_single_constructions_take_no_more_units(construct):
    direct = construct()
    # With an eps of 1e-2 the claim may be smaller, but not every smaller eps takes as few units.
    eps = max(float(direct.claim.bound), 1e-2)
    found = approximate(direct.target, eps)
    assert found.network.num_hidden_units <= direct.network.num_hidden_units
    assert error_of_points(found) <= float(found.claim.bound) <= eps
    every = approximate(direct.target, eps, count="all")
    assert sum(every.network.sizes[1:-1]) <= sum(direct.network.sizes[1:-1])


def error_of_points(found):
    points = np.asarray(found.target.domain.random(jax.random.key(1), 2000))
    return np.max(np.abs(al.evaluate(found.network, points) - al.evaluate(found.target, points)))


@pytest.mark.parametrize("eps", [1e-2, 1e-4, 1e-6])
def test_squares_in_layers_have_the_fewest_units_of_both_kinds(eps):
    found = approximate(al.targets.get("square"), eps, count="all")
    total = sum(found.network.sizes[1:-1])
    for teeth in [(4,) * 5, (3,) * 7, (2,) * 9, (4, 4), (3, 3), (4, 3), (4, 4, 4), (10,)]:
        other = built.square_layered(teeth)
        if float(other.claim.bound) <= eps:
            assert total <= sum(other.network.sizes[1:-1])


LOWER = [(n, e) for n in ("sine_product", "oscillatory", "bump") for e in (1.5, 0.7, 0.2, 0.05)]


@pytest.mark.parametrize(
    "case", mostly_slow(LOWER, always=[("sine_product", 1.5), ("oscillatory", 0.2)])
)
def test_offers_of_sums_in_the_plane_are_lower_bounds(case):
    name, eps = case
    target = al.targets.get(name)
    seen = 0
    for kind in ("ridge_sum, relu", "ridge_sum, sigmoid", "orthant_sum"):
        try:
            offer = CANDIDATES[kind](target, eps)
            network = offer.build().network
        except ValueError:
            continue
        seen += 1
        assert 1 <= offer.units <= network.num_hidden_units
    assert seen >= 2


@pytest.mark.parametrize(
    "problem", [OverflowError("too large"), MemoryError(), FloatingPointError("divide")]
)
@pytest.mark.parametrize("late", [False, True])
def test_what_fails_in_one_construction_is_a_row_of_the_table(problem, late, monkeypatch):
    def fails(*_):
        raise problem

    def offers(*_):
        return Offer(0, 0, 0, fails)

    candidates = {"failing": offers if late else fails, **CANDIDATES}
    monkeypatch.setattr(choice, "CANDIDATES", candidates)
    found = approximate(al.targets.get("kink"), 0.1)
    row = next(cost for cost in found.table if cost.name == "failing")
    assert row.units is None
    assert type(problem).__name__ in row.note
    assert str(problem) in row.note


@pytest.mark.parametrize("name", ["square", "takagi", "kink", "tent"])
def test_an_eps_below_all_rounding_is_refused_or_exact(name):
    if name == "tent":
        assert float(approximate(al.targets.get(name), 5e-324).claim.bound) == 0.0
        return
    with pytest.raises(ValueError, match="no construction is proved"):
        approximate(al.targets.get(name), 5e-324)
