"""What the rows of `depth_separation` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from approxlab.claims import Rate
from approxlab.rates import rate
from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["KINDS", "NAMES", "caption", "check", "depth_rate", "shallow_rate", "table"]

NAMES = {"square": "x^2", "product": "xy", "cube": "x^3", "exp": "e^x", "takagi": "Takagi"}
KINDS = {
    "least": "one hidden layer: proved least",
    "shallow": "one hidden layer, built",
    "deep": "deep, built (with linear units)",
    "plain": "deep, built (plain layers)",
    "trained": "deep, trained (plain layers)",
}


def shallow_rate(rows: Sequence[Row], target: str) -> Rate:
    """The fitted exponent of the least error of one hidden layer, against its pieces."""
    cells = of(rows, story="curve", target=target, kind="least")
    return rate(column(cells, "pieces"), column(cells, "error"))


def depth_rate(rows: Sequence[Row], target: str) -> Rate:
    """Error ~ 2^(slope units): the fitted slope of the deep networks that are built."""
    cells = _one_per_size(of(rows, story="curve", target=target, kind="deep"))
    return rate([2.0 ** row["num_hidden_units"] for row in cells], column(cells, "error"))


def _one_per_size(cells: Sequence[Row]) -> list[Row]:
    """The last row of each number of units: two errors asked for may give one network."""
    return list({row["num_hidden_units"]: row for row in cells}.values())


def at_the_end(rows: Sequence[Row], target: str) -> tuple[Row, float]:
    """The most accurate deep network, and about how many units one layer takes at its error.

    The second number is that of the fitted exponent, from the least error of most pieces on.
    """
    last = of(rows, story="curve", target=target, kind="deep")[-1]
    end = of(rows, story="curve", target=target, kind="least")[-1]
    slope = abs(shallow_rate(rows, target).slope)
    return last, end["pieces"] * (end["error"] / last["error"]) ** (1.0 / slope)


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    curves = of(rows, story="curve")
    for row in curves:
        where = f"{row['target']}, {row['kind']}, {row['num_hidden_units']} units"
        if "digits" in row:
            assert row["error"] <= 1.0000001 * 10.0 ** -row["digits"], (
                f"{where}: above what is asked"
            )
            assert row["sup_error"] <= row["error"] * 1.000001, f"{where}: above its claim"
        if row["kind"] == "shallow":
            for least in of(rows, story="curve", target=row["target"], kind="least"):
                if least["num_hidden_units"] >= row["num_hidden_units"]:
                    assert least["error"] <= row["error"], f"{where}: below the least possible"
        if row["kind"] in ("plain", "trained"):
            assert not row.get("num_linear_units"), f"{where}: linear units in plain layers"
    for target in distinct(curves, "target"):
        _check_target(rows, target)
    for row in of(rows, story="tent"):
        where = f"tent^{row['k']}, {row['n']} units"
        limit = 0.25 - row["n"] * 2.0 ** (-row["k"] - 1)
        assert abs(row["least_l1_error"] - max(0.0, limit)) < 1e-12, f"{where}: another bound"
        for name in ("l1_error", "copied_l1_error"):
            assert row[name] >= row["least_l1_error"] - 1e-9, f"{where}: below the bound"
    _check_layers(rows)


def _check_target(rows: Sequence[Row], target: str) -> None:
    name = NAMES[target]
    slope, expected = shallow_rate(rows, target), -1.0 if target == "takagi" else -2.0
    assert abs(slope.slope - expected) < 0.15, f"{name}: the least error falls like n^{slope}"
    assert depth_rate(rows, target).upper < 0.0, f"{name}: no exponential rate of depth"
    last, needed = at_the_end(rows, target)
    assert needed > last["num_hidden_units"], f"{name}: depth does not pay"
    cells = of(rows, story="curve", target=target, kind="deep")
    counts = column(cells, "num_hidden_units")
    assert counts == sorted(counts), f"{name}: fewer units for a smaller error"


def _check_layers(rows: Sequence[Row]) -> None:
    for target, how in {(row["target"], row["how"]) for row in of(rows, story="layers")}:
        errors = column(of(rows, story="layers", target=target, how=how), "l2_error")
        if how == "built":
            assert errors == sorted(errors, reverse=True), f"{target}: a layer raised the error"
        if target == "square":
            for layer, error in enumerate(errors, 1):
                exact = 4.0**-layer / math.sqrt(180.0)
                assert abs(error / exact - 1.0) < 3e-3, f"after layer {layer}: not 4^-k / sqrt(180)"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    curves = of(rows, story="curve")
    targets = distinct(curves, "target")
    slopes, bits, ends = [], [], []
    for target in targets:
        one, many = shallow_rate(rows, target), depth_rate(rows, target)
        slopes.append(f"{NAMES[target]} n^{_interval(one)}")
        bits.append(f"{NAMES[target]} {-many.slope:.2f} [{-many.upper:.2f}, {-many.lower:.2f}]")
        last, needed = at_the_end(rows, target)
        ends.append(
            f"{NAMES[target]} to {last['error']:.0e}: {last['num_hidden_units']} in "
            f"{last['num_layers']} layers, one layer about {needed:.2g}"
        )
    most = max(row["num_linear_units"] / row["num_hidden_units"] for row in of(curves, kind="deep"))
    tents = of(rows, story="tent")
    k = tents[0]["k"]
    return " ".join(
        [
            "ReLUs that a sup error takes, on the unit interval or square. One hidden layer: the "
            "dashed line is a proved lower bound. Fitted exponents of its error in the number n "
            f"of pieces: {'; '.join(slopes)}. Deep networks, built, with their claims: bits of "
            f"accuracy per ReLU, fitted: {'; '.join(bits)}. ReLUs at the smallest error shown: "
            f"{'; '.join(ends)} (by the fitted exponent).",
            f"Linear units are not counted, at most {most:.1f} per ReLU; in plain layers there are "
            "none. Trained networks have layers of 4 ReLUs; they are trained in L2, and the best "
            "sup error of all seeds is shown.",
            f"tent^{k} is a deep network of {k} ReLUs: L1 error of fitted shallow networks, of "
            "those that copy the first teeth, and a proved lower bound; it is above Telgarsky's "
            f"1/64 up to {_below(k)} ReLUs.",
            "After each layer of one deep network: L2 error of the best affine function of its "
            "units.",
        ]
    )


def _below(k: int) -> int:
    """The most kinks n with 1/4 - n 2^(-k-1) >= 1/64."""
    return math.floor((0.25 - 1.0 / 64.0) * 2.0 ** (k + 1))


def _interval(found: Rate) -> str:
    return f"{found.slope:.2f} [{found.lower:.2f}, {found.upper:.2f}]"


def table(rows: Sequence[Row]) -> str:
    """Units per target, kind and error; tents; errors after layers."""
    lines = [f"{'target':8}{'kind':9}{'ReLUs':>7}{'linear':>8}{'layers':>8}{'error':>12}"]
    for row in of(rows, story="curve"):
        lines.append(
            f"{NAMES[row['target']]:8}{row['kind']:9}{row['num_hidden_units']:>7}"
            f"{row.get('num_linear_units', 0):>8}{row.get('num_layers', 1):>8}{row['error']:>12.2e}"
        )
    for row in of(rows, story="tent"):
        lines.append(
            f"tent^{row['k']}, {row['n']:>3} ReLUs in one layer: L1 error fitted "
            f"{row['l1_error']:.4f}, copied {row['copied_l1_error']:.4f}, at least "
            f"{row['least_l1_error']:.4f}"
        )
    for row in of(rows, story="layers"):
        lines.append(
            f"{NAMES[row['target']]}, {row['how']}, after layer {row['layer']}: L2 error "
            f"{row['l2_error']:.2e}"
        )
    return "\n".join(lines)
