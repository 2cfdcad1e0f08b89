"""Units in parts: which are divided, and that rows do not show it."""

import dataclasses
import importlib
import itertools
import math
from pathlib import Path

import jax
import numpy as np
import pytest

import approxlab as al
from approxlab import records
from experiments import runner
from experiments.runner.parts import Joined, Part, divided, rounds
from experiments.runner.plan import Job

ROOT = Path(__file__).parent.parent


def experiment(name):
    return importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT


NAMES = sorted(path.parent.name for path in (ROOT / "experiments").glob("*/__main__.py"))
WITH_SEEDS = [name for name in NAMES if experiment(name).seeds is not None]


# Which units are divided


def limit(units, workers, cores):
    longest = max((u.seconds or 0.0) / rounds(u.seeds, cores) for u in units)
    return max(sum(u.seconds or 0.0 for u in units) / workers, longest)


@pytest.mark.parametrize("seed", range(40))
def test_only_units_beyond_the_limit_are_divided_and_into_few_parts(seed):
    numbers = np.random.default_rng(seed)
    workers, cores = int(numbers.integers(1, 100)), int(numbers.integers(1, 5))
    units = [
        Part(str(i), range(numbers.integers(1, 9)), None if i % 7 == 6 else numbers.exponential())
        for i in range(int(numbers.integers(1, 60)))
    ]
    parts = divided(units, workers, cores)
    most = limit(units, workers, cores)
    by_unit = {key: [*group] for key, group in itertools.groupby(parts, lambda part: part.unit)}
    assert list(by_unit) == [unit.unit for unit in units]
    for unit in units:
        mine = by_unit[unit.unit]
        if unit.seconds is None or unit.seconds <= most:
            assert mine == [Part(unit.unit, None, unit.seconds)]
            continue
        assert [i for part in mine for i in part.seeds] == [*unit.seeds], "each once, in order"
        assert all(part.seconds <= most * (1 + 1e-12) for part in mine)
        assert sum(part.seconds for part in mine) == pytest.approx(unit.seconds, rel=1e-12)
        assert all(len(part.seeds) % cores == 0 for part in mine[:-1]), "no core is left idle"
        each = unit.seconds / rounds(unit.seeds, cores)
        size = cores * max(1, math.floor(most / each))
        assert len(mine) == -(-len(unit.seeds) // size), "as few as keep to the limit"


def test_what_is_never_divided():
    long, short = Part("long", range(4), 8.0), Part("short", range(4), 1.0)
    whole = [Part("long", None, 8.0), Part("short", None, 1.0)]
    assert divided([long, short], workers=1, cores=1) == whole
    assert divided([long, short], workers=64, cores=4) == whole, "all seeds at once"
    one = Part("one", range(1), 9.0)
    assert [part.seeds for part in divided([long, one], 64, 1)] == [None, None], "none would gain"
    unknown = [dataclasses.replace(unit, seconds=None) for unit in (long, short)]
    assert [part.seeds for part in divided(unknown, 64, 1)] == [None, None]
    assert len(divided([long, short], workers=64, cores=1)) == 5


# Rows of parts become rows of units


def test_rows_come_in_the_order_of_the_seeds_whichever_part_ends_first():
    parts = [Part("a", range(2)), Part("b", None), Part("a", range(2, 3)), Part("a", range(3, 5))]
    rows = [[{"seed": i} for i in part.seeds or [0]] for part in parts]
    for order in itertools.permutations(range(4)):
        joined, found = Joined(parts), {}
        for index in order:
            finished = joined.added(index, rows[index], 0.5)
            last = index == [i for i in order if parts[i].unit == parts[index].unit][-1]
            assert (finished is not None) == last
            if finished is not None:
                found[finished[0]] = finished[1:]
        assert found["a"] == ([{"seed": i} for i in range(5)], 1.5, None)
        assert found["b"] == ([{"seed": 0}], 0.5, None)


def test_a_unit_of_which_parts_fail_is_told_once_and_has_no_rows():
    parts = [Part("a", range(1)), Part("a", range(1, 2)), Part("a", range(2, 3)), Part("b", None)]
    for order in itertools.permutations(range(4)):
        joined, told = Joined(parts), []
        for index in order:
            wrong = index in (0, 2)
            told.append(joined.failed(index, "no") if wrong else joined.added(index, [{}], 1.0))
        told = [one for one in told if one is not None]
        assert sorted(told) == [("a", [], None, "no"), ("b", [{}], 1.0, None)]


# Seeds apart give the bits of seeds together


@pytest.mark.parametrize("method", ["adam", "lbfgs", "levenberg_marquardt", "ssbroyden"])
def test_some_seeds_of_a_fit_are_those_of_all(method):
    options = {"hidden": (5,), "method": method, "steps": 40, "points": 33}
    whole = al.fit(al.targets.get("runge"), seeds=5, **options)
    for seeds in (range(2), range(3, 5), (4, 1)):
        some = al.fit(al.targets.get("runge"), seeds=seeds, **options)
        assert some.seeds == tuple(seeds)
        for a, b in zip(*map(jax.tree.leaves, (whole.networks, some.networks)), strict=True):
            assert np.array_equal(np.asarray(a)[list(seeds)], b)
        assert records.same_numbers([whole.to_rows()[i] for i in seeds], some.to_rows())
        assert f"<td>{seeds[0]}</td>" in some._repr_html_()


def test_with_a_start_seeds_are_numbered_as_its_networks():
    start = al.fit(al.targets.get("runge"), hidden=(3,), steps=2, seeds=2).networks
    again = al.fit(al.targets.get("runge"), start=start, steps=2, seeds=range(2))
    assert again.seeds == (0, 1)
    with pytest.raises(ValueError, match=r"seeds: got range\(1, 3\) with 2 networks in start"):
        al.fit(al.targets.get("runge"), start=start, steps=2, seeds=range(1, 3))


def test_a_unit_has_no_other_seeds_than_its_own():
    unit = al.sweeps.Unit("runge", width=2, depth=1, seeds=3, steps=2)
    target = al.targets.get("runge")
    assert al.sweeps.run_unit(target, unit, seeds=[2]).seeds == (2,)
    with pytest.raises(ValueError, match=r"seeds: got \[3\], expected numbers from 0 to 2"):
        al.sweeps.run_unit(target, unit, seeds=[3])


def of_three_seeds(name):
    """The first unit of every kind whose seeds can be computed apart, at its smallest."""
    found, smoke = experiment(name), experiment(name).presets["smoke"]
    more = {
        field.name: 3
        for field in dataclasses.fields(smoke)
        if field.name == "seeds" or field.name.endswith("_seeds")
    }
    if name == "deep_relu_training":
        more |= {"ways": ("adam", "levenberg_marquardt", "continuation"), "solver_steps": 10}
    kinds = {}
    for unit in found.units(dataclasses.replace(smoke, **more)):
        if found.seeds(unit) > 1:
            kinds.setdefault((unit["story"], unit.get("way")), unit)
    return found, list(kinds.values())


def parts_are_the_whole(name, order=(range(2), range(2, 3))):
    found, units = of_three_seeds(name)
    assert units
    info = runner.RunInfo(0, "float64", "smoke")
    for unit in units:
        assert found.seeds(unit) == 3
        whole = found.compute(dict(unit), info)
        parts = [found.compute(dict(unit), dataclasses.replace(info, seeds=s)) for s in order]
        joined = [dict(row) for rows in parts for row in rows]
        assert records.same_numbers([dict(row) for row in whole], joined), unit


@pytest.mark.parametrize("name", WITH_SEEDS)
def test_the_rows_of_some_seeds_are_those_of_the_unit(name):
    parts_are_the_whole(name)


def test_rows_in_another_order_would_be_seen():
    with pytest.raises(AssertionError):
        parts_are_the_whole("width_vs_depth", (range(2, 3), range(2)))


# Times that are known before a first run


def test_units_last_as_long_as_the_fits_of_the_published_record(tmp_path):
    found = experiment("width_vs_depth")
    units = {str(i): dict(u) for i, u in enumerate(found.units(found.presets["paper"]))}
    job = Job(found, runner.flags.Options(out=tmp_path), None, {}, units)
    seconds = job.seconds()
    trained = [key for key, unit in units.items() if unit["story"] != "built"]
    assert {key for key, value in seconds.items() if value is None} == {*units} - {*trained}
    longest = max(trained, key=seconds.get)
    assert (units[longest]["width"], units[longest]["depth"]) == (64, 6)
    rows = records.read_record(ROOT / "figures" / "width_vs_depth.json").rows
    names = ("story", "target", "activation", "width", "depth")
    (row, *_) = [r for r in rows if all(r.get(n) == units[longest][n] for n in names)]
    assert seconds[longest] == row["compile_s"] + row["run_s"]
    with records.RowFile(tmp_path / "rows.jsonl") as file:
        file.append("earlier", [{**units[longest], "value": 0.0}], 0.25)
    assert job.seconds() == {**seconds, longest: 0.25}, "of a run of one's own, rather"


def test_an_unreadable_record_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Job, "published_file", tmp_path / "torn.json")
    (tmp_path / "torn.json").write_text("{")
    found = experiment("width_vs_depth")
    units = {str(i): dict(u) for i, u in enumerate(found.units(found.presets["smoke"]))}
    job = Job(found, runner.flags.Options(out=tmp_path), None, {}, units)
    assert {*job.seconds().values()} == {None}
