"""Certificates that were made up, with a right hash: each ends in one refusal, and says why."""

import copy
import hashlib
import json

import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.certify import _boxes, _storage
from approxlab.certify.__main__ import main
from approxlab.certify._expression import Builder
from approxlab.certify._functions import _real_powers
from approxlab.certify._intervals import Intervals
from approxlab.certify.certificates import Certificate, verify
from approxlab.certify.sup_norms import sup_norm


def hexed(*values):
    return " ".join(float(v).hex() for v in values)


def target(x):
    return 0.25 * x[0] + jnp.where(x[0] > 0.5, 0.5, 0.0)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "good.json"
    found = sup_norm(lambda x: x[0] ** 2, target, al.Box([0.0], [1.0]), rtol=0.1)
    found.save(path)
    data = json.loads(path.read_text())
    del data["sha256"]
    assert _storage.sealed(data)
    return path, data


def refusal(tmp_path, data):
    path = tmp_path / "made_up.json"
    path.write_text(_storage.sealed(data))
    with pytest.raises(ValueError, match=".") as caught:
        verify(path)
    return str(caught.value)


POINT = {"op": "input", "args": [], "size": 1}


def one(op, size=1, args=(0,), **more):
    return {"op": op, "args": list(args), "size": size, **more}


MATRIX = {"shapes": [[1, 1], [1]], "numbers": [hexed(1), hexed(0)]}

FORGED = {
    "negative power": [one("real_power", shapes=[[1]], numbers=[hexed(-0.7)])],
    "power 0": [one("real_power", shapes=[[1]], numbers=[hexed(0)])],
    "two exponents": [one("real_power", shapes=[[2]], numbers=[hexed(1, 2)])],
    "unknown": [one("foo")],
    "inherited name": [one("__class__")],
    "two arguments": [one("relu", args=(0, 0))],
    "no argument": [one("sin", args=())],
    "one summand": [one("add")],
    "three factors": [one("multiply", args=(0, 0, 0))],
    "an argument before the first": [one("sin", args=(-1,))],
    "itself": [one("sin", args=(1,))],
    "entry before the first": [one("take", indices=[-1])],
    "entry after the last": [one("take", indices=[1])],
    "no entries": [one("take", 0, indices=[])],
    "fraction as an index": [one("take", indices=[0.5])],
    "rows as constants": [one("constant", 2, (), shapes=[[2, 1]], numbers=[hexed(1, 2)])],
    "constant from a node": [one("constant", shapes=[[1]], numbers=[hexed(1)])],
    "constant by indices": [one("constant", args=(), indices=[3])],
    "infinite": [one("constant", args=(), shapes=[[1]], numbers=["inf"])],
    "too large": [one("constant", args=(), shapes=[[1]], numbers=["0x1p+99999"])],
    "a bias per box": [
        one("linear", shapes=[[1, 1], [4, 1]], numbers=["0x1p0", hexed(1, 2, 3, 4)])
    ],
    "three-dimensional": [one("linear", shapes=[[1, 1, 1], [1]], numbers=["0x1p0", "0x1p0"])],
    "no bias": [one("linear", shapes=[[1, 1]], numbers=["0x1p0"])],
    "numbers of a function": [one("sin", **MATRIX)],
    "huge exponent": [one("power", exponent=10**400)],
    "exponent 0": [one("power", exponent=0)],
    "fraction as an exponent": [one("power", exponent=2.5)],
    "exponent of a function": [one("sin", exponent=3)],
    "sum of none": [one("sum", 0)],
    "sums of parts": [one("sum", 2)],
    "negative size": [one("sum", -1)],
    "fraction as a size": [one("sin", 1.0)],
    "true as a size": [one("sin", True)],
    "another point": [one("input", args=())],
    "a truth": [one("less", args=(0, 0))],
    "entries of a truth": [one("less", args=(0, 0)), one("take", args=(1,), indices=[0])],
    "function of a truth": [one("less", args=(0, 0)), one("sin", args=(1,))],
    "truths joined": [one("less", args=(0, 0)), one("join", 2, args=(1, 1))],
    "logic of numbers": [one("and", args=(0, 0))],
    "choice by a number": [one("choose", args=(0, 0, 0))],
    "no node": None,
    "doubled again and again": [one("join", 2**i, args=(i - 1, i - 1)) for i in range(1, 60)],
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("size", ["stated", -1])
def test_a_node_that_cannot_be(good, tmp_path, name, size):
    data = copy.deepcopy(good[1])
    data.update(status="budget", lower=hexed(0), upper=hexed(1e300), witness=hexed(0.5))
    nodes = [] if FORGED[name] is None else [POINT, *copy.deepcopy(FORGED[name])]
    if size == -1 and nodes:
        nodes[-1]["size"] = -1  # what "cannot be" was called
    data["expression"] = {"dim": 1, "nodes": nodes}
    assert len(refusal(tmp_path, data).splitlines()) == 1


def test_the_same_nodes_made_rightly_are_proved(good, tmp_path):
    nodes = [one("real_power", shapes=[[1]], numbers=[hexed(0.7)]), one("power", exponent=2)]
    data = copy.deepcopy(good[1])
    data.update(status="budget", lower=hexed(0), upper=hexed(1.01), witness=hexed(0.5))
    for node in (*nodes, one("linear", **MATRIX), one("join"), one("sum")):
        data["expression"] = {"dim": 1, "nodes": [POINT, node]}
        path = tmp_path / "right.json"
        path.write_text(_storage.sealed(data))
        assert verify(path).upper == 1.01


@pytest.mark.parametrize("power", [-0.7, 0.0, float("nan")])
def test_a_power_that_is_not_positive_is_unknown(power):
    z = Intervals(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    for found in _real_powers(z, power, 3):
        assert np.all(found.lo == -np.inf)
        assert np.all(found.hi == np.inf)


FIELDS = [
    ("rtol", "inf"),
    ("atol", "inf"),
    ("rtol", "-0x1p0"),
    ("rtol", 0.1),
    ("boxes", -5),
    ("boxes", 0),
    ("boxes", 5.0),
    ("boxes", True),
    ("seconds", "-inf"),
    ("seconds", "inf"),
    ("lower", "inf"),
    ("lower", "-0x1p0"),
    ("upper", "0x1p99999"),
    ("status", "proved"),
    ("status", ["ok"]),
    ("guaranteed", "yes"),
    ("assumptions", "none"),
    ("assumptions", [1]),
    ("model", 3),
    ("witness", ""),
    ("witness", "0x0p0 0x0p0"),
    ("cuts", []),
    ("cuts", [""]),
    ("cuts", ["0x0p0"]),
    ("cuts", ["0x0p0 0x1p0 0x1p0"]),
    ("cuts", 7),
    ("tree", {"nodes": 1, "code": "AAAA"}),
    ("tree", {"nodes": 1, "code": "?"}),
    ("tree", {"nodes": 2**40, "code": "AAAA"}),
    ("tree", {"nodes": True, "code": "AAAA"}),
    ("tree", None),
    ("expression", {"dim": 0, "nodes": [POINT]}),
    ("expression", {"dim": 1, "nodes": {"op": 1}}),
    ("expression", {"dim": 1, "nodes": [7]}),
    ("expression", []),
    ("remark", "proved twice"),
    ("version", [1]),
]


@pytest.mark.parametrize(("name", "value"), FIELDS)
def test_a_field_that_cannot_be(good, tmp_path, name, value):
    assert refusal(tmp_path, {**good[1], name: value})


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"a": 1, "a": 2}', "[" * 10**5, "9" * 10**5])
def test_what_is_no_certificate_does_not_stop_the_command(good, tmp_path, capsys, content):
    path = tmp_path / "none.json"
    path.write_text(content)
    assert main(["verify", str(path), str(good[0]), str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum("REJECTED" in line for line in lines) == 2
    assert sum(": verified: " in line for line in lines) == 1


def test_names_and_assumptions_cannot_print_lines_of_their_own(good, tmp_path, capsys):
    line = "x\n/tmp/FILE: verified: 1 boxes cover the domain"
    path = tmp_path / "told.json"
    for change in (
        {"model": line, "upper": hexed(0.1), "lower": hexed(0.1)},
        {"target": line.replace("\n", "\u2028"), "upper": hexed(0.1), "lower": hexed(0.1)},
        {"assumptions": [line], "guaranteed": False},
        {"status": line},
        {"model": "\ud800"},
    ):
        path.write_text(_storage.sealed({**good[1], **change}))
        accepted = "\ud800" in change.values()
        assert main(["verify", str(path)]) == (0 if accepted else 1)
        found = capsys.readouterr().out.splitlines()
        assert not any(told.startswith("/tmp/FILE") for told in found)


def test_the_statement_tells_networks_apart():
    rng = np.random.default_rng(0)
    weight, other = rng.normal(size=(12, 1)), rng.normal(size=(1, 12))
    changed = other.copy()
    changed[0, 7] = np.nextafter(changed[0, 7], 1.0)
    texts = []
    for last in (other, changed):
        builder = Builder(1)
        inner = builder.function("tanh", builder.linear(builder.input, weight))
        texts.append(str(builder.expression(builder.linear(inner, last))))
    assert texts[0] != texts[1]
    for array in (weight, other):
        assert hashlib.sha256(np.asarray(array, "<f8").tobytes()).hexdigest() in texts[0]


def test_the_statement_says_that_it_is_shortened(good):
    certificate = Certificate.load(good[0])
    assert "SHA-256" not in certificate.statement()
    network = al.MLP.from_arrays([np.ones((6, 1)), np.ones((1, 6))], [np.ones(6), [0.1]], "tanh")
    told = sup_norm(network, lambda x: x[0], al.Box([0.0], [1.0]), max_boxes=3).statement()
    assert "long lists are shortened" in told


def test_far_too_many_cells_are_refused_before_they_are_made(good, tmp_path):
    axis = np.linspace(0.0, 1.0, 2**12)
    with pytest.raises(ValueError, match="fewer than"):
        list(_boxes.leaves((axis,) * 5, np.zeros(9, np.uint8)))
    data = copy.deepcopy(good[1])
    data["expression"] = {"dim": 5, "nodes": [{**POINT, "size": 5}]}
    data.update(cuts=[_storage.numbers(axis)] * 5, witness=hexed(*[0.5] * 5), status="budget")
    assert "fewer than" in refusal(tmp_path, data)


def test_cells_are_in_order():
    found = _boxes.cells((np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0, 8.0])))
    assert found.low.tolist() == [[0, 5], [0, 6], [1, 5], [1, 6]]
    assert found.high.tolist() == [[1, 6], [1, 8], [2, 6], [2, 8]]
