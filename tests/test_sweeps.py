"""Plans: counts by brute force, order, keys that depend on nothing else, no JAX for planning."""

import dataclasses
import subprocess
import sys
import types
from pathlib import Path

import jax
import numpy as np
import pytest

import approxlab as al
from approxlab.fitting.training.programs import compilations
from approxlab.sweeps import Unit, parameters, plan, run_unit, shapes, unit_key, width_for_budget

SETTINGS = {"steps": 30, "points": 33}


@pytest.mark.parametrize(("in_size", "out_size"), [(1, None), (3, None), (2, 4)])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_parameters_are_those_of_the_network(in_size, out_size, depth):
    net = al.MLP.init(jax.random.key(0), in_size, (6,) * depth, out_size=out_size)
    assert parameters(in_size, 6, depth, out_size) == net.num_parameters


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_width_is_the_nearest_by_brute_force(depth):
    counts = [parameters(2, width, depth) for width in range(1, 200)]
    for budget in range(counts[0], 600):
        best = min(range(199), key=lambda i: (abs(counts[i] - budget), i)) + 1
        assert width_for_budget(budget, depth=depth, in_size=2) == best


def test_ties_go_to_the_smaller_width():
    assert [parameters(2, width, 1) for width in (3, 4)] == [13, 17]
    assert width_for_budget(15, depth=1, in_size=2) == 3
    assert width_for_budget(16, depth=1, in_size=2) == 4
    assert width_for_budget(10**15, depth=1) == (10**15 - 1 + 1) // 3


def test_a_plan_groups_by_shape_in_the_order_of_its_arguments():
    units = plan(["b", "a"], depths=[2, 1], widths=[8], budgets=[97, 98], activations=["tanh"])
    assert [(u.target, u.depth, u.width, u.budget) for u in units] == [
        ("b", 2, 8, None),  # 97 and 98 parameters are both nearest to width 8
        ("a", 2, 8, None),
        ("b", 2, 8, 97),
        ("a", 2, 8, 97),
        ("b", 2, 8, 98),
        ("a", 2, 8, 98),
        ("b", 1, 8, None),
        ("a", 1, 8, None),
        ("b", 1, 32, 97),
        ("a", 1, 32, 97),
        ("b", 1, 32, 98),
        ("a", 1, 32, 98),
    ]
    assert len(shapes(units)) == 3
    places = [shapes(units).index(unit.shape) for unit in units]
    assert places == sorted(places)
    shuffled = [units[0], units[-1], units[1]]
    places = [shapes(shuffled).index(unit.shape) for unit in shuffled]
    assert places != sorted(places)  # the same assertion fails on an order that is not grouped


def test_targets_of_different_dimensions_have_different_shapes():
    targets = [al.targets.get("runge"), al.targets.get("gaussian", dim=2), al.targets.get("kink")]
    units = plan(targets, depths=[1], widths=[4])
    assert [unit.in_size for unit in units] == [1, 1, 2]
    assert len(shapes(units)) == 2
    assert len(shapes(plan(targets, depths=[1], widths=[4], batch=8))) == 3


def run_all(units):
    return {
        (unit.target, unit.width): run_unit(al.targets.get(unit.target), unit, seed=3)
        for unit in units
    }


def compiles_as_planned(units, shapes_expected):
    before = compilations()
    results = run_all(units)
    assert compilations() - before == shapes_expected
    return results


def same_rows(a, b):
    """Rows equal to the last bit, but for the times."""
    kept = [
        [{k: v for k, v in row.items() if not k.endswith("_s")} for row in r.to_rows()]
        for r in (a, b)
    ]
    assert kept[0] == kept[1]


def test_a_wider_plan_changes_no_other_row_and_compiles_once_per_shape():
    narrow = plan(["runge", "kink"], depths=[1], widths=[3], **SETTINGS)
    first = compiles_as_planned(narrow, len(shapes(narrow)))
    wide = plan(["kink", "runge"], depths=[1], widths=[4, 3], seeds=2, **SETTINGS)
    second = compiles_as_planned(wide, 1)
    for place, result in first.items():
        row, *_ = second[place].to_rows()
        assert row["loss"] == result.to_rows()[0]["loss"]
        for a, b in zip(result.networks.weights, second[place].networks.weights, strict=True):
            assert np.array_equal(a[0], b[0])
    again = run_all(narrow)
    for place, result in first.items():
        same_rows(result, again[place])
    with pytest.raises(AssertionError):
        same_rows(first["runge", 3], first["kink", 3])
    with pytest.raises(AssertionError):
        compiles_as_planned(wide, 1)  # nothing is left to compile


def test_keys_depend_on_the_place_alone():
    unit = Unit("runge", width=16, depth=2)

    def data(other, seed=0):
        return jax.random.key_data(unit_key(seed, other)).tolist()

    # These two words are part of what a record means: they must not change between versions.
    assert data(unit) == [2832534678, 1208708732]
    for same in ({"seeds": 5}, {"method": "lbfgs"}, {"budget": 300}, {"steps": 7}):
        assert data(dataclasses.replace(unit, **same)) == data(unit)
    others = [
        {"target": "kink"},
        {"width": 17},
        {"depth": 3},
        {"activation": "relu"},
        {"in_size": 2},
    ]
    keys = [tuple(data(unit, 0)), tuple(data(unit, 1))]
    keys += [tuple(data(dataclasses.replace(unit, **other))) for other in others]
    assert len(set(keys)) == len(keys)


def test_planning_does_not_load_jax():
    script = (
        "import sys, approxlab as al\n"
        "al.sweeps.plan(['runge'], depths=[1, 2], budgets=[100])\n"
        "assert 'jax' not in sys.modules and 'numpy' not in sys.modules\n"
        "al.sweeps.unit_key(0, al.sweeps.Unit('runge', width=2, depth=1))\n"
        "assert 'jax' in sys.modules\n"
    )
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: width_for_budget(5, depth=2),
            r"budget: got 5, expected at least 6, the parameters of a network of width 1 with 2",
        ),
        (lambda: width_for_budget(0, depth=2), r"budget: got 0, expected a positive integer"),
        (lambda: width_for_budget(9, depth=0), r"depth: got 0, expected a positive integer"),
        (lambda: Unit("runge", width=0, depth=1), r"width: got 0, expected a positive integer"),
        (
            lambda: plan(["a"], depths=[1]),
            r"widths: got \[\] with budgets \[\].*expected widths",
        ),
        (lambda: plan([], depths=[1], widths=[2]), r"and 0 targets, expected"),
        (lambda: plan(["a", "a"], depths=[1], widths=[2]), r"plan: got Unit.* twice, expected"),
        (lambda: plan([3], depths=[1], widths=[2]), r"targets: got 3, expected Targets"),
        (lambda: plan(["a"], depths=[1], widths=[2], width=3), r"multiple values.*width"),
        (
            lambda: run_unit(al.targets.get("kink"), Unit("runge", width=2, depth=1)),
            r"target: got 'kink' of dimension 1 for Unit.*expected 'runge' of dimension 1",
        ),
    ],
)
def test_mistakes_are_named_at_once(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize(("notebook", "progress"), [(True, True), (True, False), (False, True)])
def test_progress_is_shown_in_a_notebook_though_it_is_no_terminal(
    monkeypatch, capsys, notebook, progress
):
    if notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    unit = Unit("runge", width=4, depth=1, steps=20)
    run_unit(al.targets.get("runge"), unit, progress=progress)
    assert ("fit adam" in capsys.readouterr().err) == (notebook and progress)
