"""What the rows of `computational_graphs` show: checks by formulas, caption and table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from experiments.drawing.rows import Row, of

__all__ = ["FORMULAS", "caption", "check", "inputs", "steps", "sweep", "table"]

# A line of a trace by closed formulas: its value, its derivatives by the inputs in order, and the
# derivative of the result by this value.
Line = tuple[float, tuple[float, ...], float]


def _product(x: float, y: float, z: float) -> dict[str, Line]:
    return {
        "v-2": (x, (1, 0, 0), z),
        "v-1": (y, (0, 1, 0), z),
        "v0": (z, (0, 0, 1), x + y),
        "v1": (x + y, (1, 1, 0), z),
        "v2": ((x + y) * z, (z, z, x + y), 1),
    }


def _sigmoid_unit(w0: float, x0: float, w1: float, x1: float, w2: float) -> dict[str, Line]:
    inner = (x0, w0, x1, w1, 1.0)  # derivatives of z = w0 x0 + w1 x1 + w2
    z = w0 * x0 + w1 * x1 + w2
    e = math.exp(-z)
    value = 1 / (1 + e)
    slope = value * (1 - value)

    def line(at: float, by_z: float, adjoint: float) -> Line:
        return at, tuple(by_z * d for d in inner), adjoint

    units = [tuple(float(i == j) for j in range(5)) for i in range(5)]
    entries = zip(
        ("v-4", "v-3", "v-2", "v-1", "v0"), (w0, x0, w1, x1, w2), units, inner, strict=True
    )
    return {
        **{name: (at, unit, slope * d) for name, at, unit, d in entries},
        "v1": (w0 * x0, (x0, w0, 0, 0, 0), slope),
        "v2": (w1 * x1, (0, 0, x1, w1, 0), slope),
        "v3": (w0 * x0 + w1 * x1, (x0, w0, x1, w1, 0), slope),
        "v4": line(z, 1, slope),
        "v5": line(-z, -1, -slope),
        "v6": line(e, -e, -(value**2)),
        "v7": line(1 + e, -e, -(value**2)),
        "v8": line(value, slope, 1),
    }


def _gaussian(x: float, m: float, s: float) -> dict[str, Line]:
    u = (x - m) / s
    constant = 0.5 * math.log(2 * math.pi)
    result = (u / s, -u / s, (1 - u * u) / s)
    return {
        "x": (x, (1, 0, 0), result[0]),
        "m": (m, (0, 1, 0), result[1]),
        "s": (s, (0, 0, 1), result[2]),
        "t0": (x - m, (1, -1, 0), u / s),
        "t1": (u, (1 / s, -1 / s, -u / s), u),
        "t2": (math.log(s), (0, 0, 1 / s), 1),
        "t3": (u * u, (2 * u / s, -2 * u / s, -2 * u * u / s), 0.5),
        "t4": (math.log(s) + constant, (0, 0, 1 / s), 1),
        "t5": (0.5 * u * u, (u / s, -u / s, -u * u / s), 1),
        "c": (math.log(s) + constant + 0.5 * u * u, result, 1),
    }


def _survey(x1: float, x2: float) -> dict[str, Line]:
    product = math.log(x1) + x1 * x2
    return {
        "v-1": (x1, (1, 0), 1 / x1 + x2),
        "v0": (x2, (0, 1), x1 - math.cos(x2)),
        "v1": (math.log(x1), (1 / x1, 0), 1),
        "v2": (x1 * x2, (x2, x1), 1),
        "v3": (math.sin(x2), (0, math.cos(x2)), -1),
        "v4": (product, (1 / x1 + x2, x1), 1),
        "v5": (product - math.sin(x2), (1 / x1 + x2, x1 - math.cos(x2)), 1),
    }


FORMULAS: Mapping[str, Callable[..., dict[str, Line]]] = {
    "product": _product,
    "gaussian": _gaussian,
    "sigmoid_unit": _sigmoid_unit,
    "survey": _survey,
}


def steps(rows: Sequence[Row], graph: str) -> list[Row]:
    """The lines of a trace, inputs first."""
    return of(rows, graph=graph, kind="step")


def inputs(rows: Sequence[Row], graph: str) -> list[Row]:
    """The inputs of a trace."""
    return [row for row in steps(rows, graph) if not row["op"]]


def sweep(rows: Sequence[Row], graph: str) -> list[Row]:
    """Every addition of the reverse sweep, in its order."""
    return sorted(of(rows, graph=graph, kind="contribution"), key=lambda row: row["order"])


def check(rows: Sequence[Row]) -> None:
    """Values, tangents, adjoints and contributions of every step equal closed formulas.

    Raises:
        AssertionError: With the number that differs from its formula.
    """
    for graph in dict.fromkeys(row["graph"] for row in rows):
        _check_steps(rows, graph)
        _check_sweep(rows, graph)
    if of(rows, graph="survey"):
        _check_survey(rows)


def _near(found: float, exact: float, row: Row, what: str) -> None:
    eps = 2.0**-52 if row["dtype"] == "float64" else 2.0**-23
    limit = 32 * eps * max(1.0, abs(exact))
    where = f"{row['graph']}, {row['name']}"
    assert abs(found - exact) <= limit, f"{where}: {what} {found}, by its formula {exact}"


def _check_steps(rows: Sequence[Row], graph: str) -> None:
    given = inputs(rows, graph)
    lines = FORMULAS[graph](*(row["primal"] for row in given))
    found = steps(rows, graph)
    assert [row["symbol"] for row in found] == list(lines), f"{graph}: other steps than expected"
    for row in found:
        value, slopes, adjoint = lines[row["symbol"]]
        _near(row["primal"], value, row, "value")
        _near(row["adjoint"], adjoint, row, "adjoint")
        for one, slope in zip(given, slopes, strict=True):
            _near(row[f"tangent_{one['label']}"], slope, row, f"tangent of {one['label']}")
    (output,) = of(found, output=True)
    for one in given:  # forward and reverse mode agree on the gradient
        _near(output[f"tangent_{one['label']}"], one["adjoint"], one, "gradient")


def _check_sweep(rows: Sequence[Row], graph: str) -> None:
    """Each contribution is an adjoint times a derivative, and their sum is the adjoint."""
    added = sweep(rows, graph)
    adjoints = {row["name"]: row["adjoint"] for row in steps(rows, graph)}
    sums = dict.fromkeys(adjoints, 0.0)
    assert [row["order"] for row in added] == list(range(len(added))), f"{graph}: order"
    for row in added:
        if row["source"] != "seed":
            _near(row["contribution"], adjoints[row["source"]] * row["local"], row, "contribution")
        sums[row["name"]] += row["contribution"]
        _near(row["so_far"], sums[row["name"]], row, "sum so far")
    for row in steps(rows, graph):
        _near(sums[row["name"]], row["adjoint"], row, "sum of contributions")


def _check_survey(rows: Sequence[Row]) -> None:
    """The order of Table 3 in the survey: x2 by the sine, both by the product, then x1 by ln."""
    x1, x2 = (row["primal"] for row in inputs(rows, "survey"))
    order = [(row["name"], row["source"]) for row in sweep(rows, "survey")]
    assert order == [
        ("v5", "seed"), ("v4", "v5"), ("v3", "v5"), ("v1", "v4"), ("v2", "v4"), ("v0", "v3"),
        ("v-1", "v2"), ("v0", "v2"), ("v-1", "v1"),
    ], "not the order of the survey"  # fmt: skip
    last = sweep(rows, "survey")[-4:]
    expected = (-math.cos(x2), x2, x1 - math.cos(x2), x2 + 1 / x1)
    for row, exact in zip(last, expected, strict=True):
        _near(row["so_far"], exact, row, "adjoint so far")


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    said = [
        "Computational graphs: values of the forward pass above the edges, gradients of the "
        "reverse pass below them; the gradient of a variable that is used twice is a sum."
    ]
    for graph in dict.fromkeys(row["graph"] for row in rows):
        (output,) = of(steps(rows, graph), output=True)
        slopes = ", ".join(f"{row['label']} {row['adjoint']:.6g}" for row in inputs(rows, graph))
        said.append(f"{_TITLES[graph]}: {output['primal']:.8g}, gradient {slopes}.")
    if of(rows, graph="survey"):
        first, second = (row for row in sweep(rows, "survey") if row["name"] == "v0")
        said.append(
            f"The adjoint of x2 is first {first['so_far']:.6f} (through the sine), then "
            f"{second['so_far']:.6f} (with the product added), as in Table 3 of Baydin, "
            "Pearlmutter, Radul and Siskind (2018)."
        )
    return " ".join(said)


_TITLES = {
    "product": "(x + y) z",
    "gaussian": "Gaussian negative log likelihood",
    "sigmoid_unit": "sigmoid unit",
    "survey": "ln x1 + x1 x2 - sin x2",
}


def table(rows: Sequence[Row]) -> str:
    """Every step with its value, tangents and adjoint, and the parts of the adjoint."""
    lines = []
    for graph in dict.fromkeys(row["graph"] for row in rows):
        given = [row["label"] for row in inputs(rows, graph)]
        head = "".join(f"{f'd/d{name}':>11}" for name in given)
        lines += ["", f"{_TITLES[graph]:33}{'value':>11}{head}{'adjoint':>11}  added"]
        symbols = {row["name"]: row["symbol"] for row in steps(rows, graph)}
        for row in steps(rows, graph):
            numbers = [row["primal"], *(row[f"tangent_{name}"] for name in given), row["adjoint"]]
            written = "".join(f"{number + 0.0:>11.6f}" for number in numbers)
            parts = ", then ".join(
                f"{each['contribution']:.6g} ({symbols.get(each['source'], 'seed')})"
                for each in sweep(rows, graph)
                if each["name"] == row["name"]
            )
            named = row["symbol"] != row["text"]
            text = f"{row['symbol']} = {row['text']}" if named else row["text"]
            lines.append(f"{text:33}{written}  {parts}")
    return "\n".join(lines[1:])
