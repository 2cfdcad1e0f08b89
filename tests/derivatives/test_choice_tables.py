"""What a choice says agrees with the table below it, for every function."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.derivatives.choice import CPU, Candidate, Choice, Machine, _reason

d = al.derivatives
COLUMNS = ("dot", "all", "bytes", "time")


def table_of(text):
    """The printed numbers: method -> dot FLOPs, all FLOPs, bytes, microseconds."""
    rows = {}
    for line in text.split("\n")[2:-1]:
        method, *numbers = line.replace(" us", "").replace(",", "").split()
        rows[method] = dict(zip(COLUMNS, map(float, numbers), strict=True))
    return rows


def check_said(text):
    """The law: the sentence against the printed numbers alone."""
    chosen, reason = text.split("\n")[0].split(": ", 1)
    rows = table_of(text)
    first = rows[chosen]
    least = {name: min(row[name] for row in rows.values()) for name in COLUMNS}
    assert next(iter(rows)) == chosen
    assert first["time"] == least["time"]
    if len(rows) == 1:
        assert "only" in reason
        return
    assert "least predicted time" in reason
    assert ("fewest FLOPs and" in reason) == (
        first["all"] == least["all"] and first["dot"] == least["dot"]
    )
    if "fewest bytes" in reason:
        assert first["bytes"] == least["bytes"]
    more = re.search(r"though ([\d.e+]+) times the fewest FLOPs( of products)?", reason)
    if more:
        column = "dot" if more[2] else "all"
        assert float(more[1]) == pytest.approx(first[column] / least[column], rel=6e-3)
        assert first[column] > least[column]
    later = re.search(r"the next, (\w+), (.*)", reason)
    if later:
        other = rows[later[1]]["time"]
        assert other > first["time"]
        if "times as long" in later[2]:
            ratio = float(later[2].split()[0])
            assert ratio == pytest.approx(other / first["time"], rel=1.5e-2)
            assert ratio > 1.0
        else:
            assert other / first["time"] < 1.0051
    else:
        assert all(row["time"] == first["time"] for row in rows.values())


def random_function(rng):
    """A few steps without products of matrices, or with them, from R^n to R^m."""
    n, m = (int(k) for k in rng.integers(1, 9, 2))
    steps = rng.integers(0, 5, rng.integers(1, 5))
    A = jnp.asarray(rng.standard_normal((n, n)))
    picks = rng.integers(0, n, m)

    def f(x):
        for step in steps:
            x = (jnp.sin(x), x * x[::-1], A @ x, jnp.cumsum(x), jnp.exp(-x * x))[step]
        return jnp.stack([x[i] * x[0] for i in picks])

    return f, jnp.asarray(rng.uniform(0.5, 1.5, n))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_what_is_said_is_what_is_shown(seed):
    rng = np.random.default_rng(seed)
    for _ in range(150 if seed else 12):
        f, x = random_function(rng)
        check_said(str(d.choose(f, x)))


def test_three_to_three_without_products(capsys):
    def F(x):
        return jnp.stack([x[0] * x[1], jnp.sin(x[2]), x[0] + x[1] * x[2]])

    d.jacobian(F, jnp.ones(3), verbose=True)
    text = capsys.readouterr().out.rstrip("\n")
    check_said(text)
    rows = table_of(text)
    assert {row["dot"] for row in rows.values()} == {0.0}
    assert rows["forward"]["all"] < rows["reverse"]["all"]
    # The twin: what holds of products alone, where reverse mode takes less time and more FLOPs.
    reason = (
        "fewest FLOPs and least predicted time of 2 methods; the next, forward, 1 times as long"
    )
    compared = candidates(("reverse", 0, 70, 10, 1.0), ("forward", 0, 40, 20, 1.5))
    with pytest.raises(AssertionError):
        check_said(str(Choice("reverse", reason, compared, CPU.name)))


def candidates(*rows):
    found = [Candidate(m, dot, flops, size, time) for m, dot, flops, size, time in rows]
    return tuple(found)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            candidates(("reverse", 0, 70, 10, 1.0), ("forward", 0, 40, 20, 1.5)),
            "least predicted time and fewest bytes, though 1.75 times the fewest FLOPs of 2 "
            "methods; the next, forward, 1.5 times as long",
        ),
        (
            candidates(("reverse", 8, 70, 30, 1.0), ("forward", 4, 70, 20, 1.001)),
            "least predicted time, though 2 times the fewest FLOPs of products of 2 methods; the "
            "next, forward, 0.1% longer",
        ),
        (
            candidates(("reverse", 0, 70, 30, 1.0), ("forward", 0, 0, 30, 1.0)),
            "least predicted time and fewest bytes, though 70 more than the fewest FLOPs of 2 "
            "methods, which are all predicted to take this time",
        ),
        (
            candidates(("forward", 0, 7, 30, 1.0), ("reverse", 0, 7, 30, 2.0)),
            "fewest FLOPs and least predicted time of 2 methods; the next, reverse, 2 times as "
            "long",
        ),
    ],
)
def test_reasons(rows, words):
    reason = _reason(rows, [])
    assert reason == words
    check_said(str(Choice(rows[0].method, reason, rows, CPU.name)))


def test_equal_times_go_to_fewer_flops():
    still = Machine("a call costs all", 1.0, 0.0, 1e30, 1e30, 0.0)
    f = lambda x: jnp.stack([jnp.sum(jnp.sin(x))] * 2)  # noqa: E731
    for x in (jnp.ones(9), jnp.ones(1)):
        chosen = d.choose(f, x, machine=still)
        assert chosen.candidates[0].flops == min(c.flops for c in chosen.candidates)
        check_said(str(chosen))


def test_networks_say_what_they_show():
    for sizes, out in (((3, 8, 8), 4), ((8, 32, 2, 32), 8), ((2, 5), None), ((1, 3), 9)):
        net = al.MLP.init(jax.random.key(0), sizes[0], sizes[1:], "tanh", out_size=out)
        check_said(str(d.choose(net, jnp.ones(sizes[0]))))


def test_a_single_method_by_name():
    with pytest.raises(ValueError, match=r"methods: got 'forward'.* \['forward'\]"):
        d.choose(jnp.sin, jnp.ones(2), methods="forward")
    assert d.choose(jnp.sin, jnp.ones(2), methods=["forward"]).reason == "the only method asked for"
