"""What the rows of `steep_or_solved` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, of, of_the_catalogue

__all__ = ["METHODS", "caption", "check", "slope", "table"]

METHODS = {
    "classical": "classical staircase, steep",
    "midpoint": "midpoint staircase, steep",
    "costarelli_spigler": "Costarelli-Spigler, best gain",
    "midpoint_tuned": "midpoint staircase, best gain",
    "solved": "wide units, solved",
}
_RESOLVED = 128  # cells from which all four targets show the rate


def slope(rows: Sequence[Row]) -> float:
    """Slope of log(relative L2 error) against log(n), for n that resolves the target."""
    kept = [row for row in rows if row["n"] >= _RESOLVED]
    if len(kept) < 2:
        return math.nan
    x = [math.log(row["n"]) for row in kept]
    y = [math.log(row["relative_l2_error"]) for row in kept]
    centre = sum(x) / len(x)
    size = sum((a - centre) ** 2 for a in x)
    return sum((a - centre) * b for a, b in zip(x, y, strict=True)) / size


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    errors = of(rows, story="error")
    for row in errors:
        where = f"{row['method']}, {row['target']}, n = {row['n']}"
        if row["method"] != "solved":
            assert row["sup_error"] <= row["claimed_sup_error"], f"{where}: above its claim"
        if row["method"] in ("classical", "midpoint", "solved"):
            assert row["num_hidden_units"] == row["n"], f"{where}: {row['num_hidden_units']} units"
    known = of_the_catalogue(errors)
    for target in dict.fromkeys(row["target"] for row in known):
        found = slope(of(errors, target=target, method="classical"))
        assert not abs(found + 1) > 0.1, f"classical staircase, {target}: slope {found:.2f}"
    if errors[0]["dtype"] == "float64":
        _check_rounding(known)


def _check_rounding(errors: Sequence[Row]) -> None:
    """Accuracies required for exp, and of 430 solved units."""
    for row in of(errors, target="exp", method="classical", n=1024):
        assert 8e-4 <= row["relative_l2_error"] <= 1.2e-3, "1024 steep units for exp: not 1e-3"
    for row in of(errors, target="exp", method="solved", n=32):
        assert row["relative_l2_error"] <= 4e-15, "32 solved units for exp: above 4e-15"
    for row in of(errors, method="solved", n=430):
        assert row["relative_l2_error"] <= 3e-14, f"430 solved units, {row['target']}: above 3e-14"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    errors = of(rows, story="error")
    said = []
    for target in dict.fromkeys(row["target"] for row in errors):
        cells = of(errors, target=target)
        steep = max(of(cells, method="classical"), key=lambda row: row["n"])
        solved = min(of(cells, method="solved"), key=lambda row: row["relative_l2_error"])
        said.append(
            f"{target}: {steep['relative_l2_error']:.1e} with {steep['n']} steep units, "
            f"{solved['relative_l2_error']:.1e} with {solved['n']} solved ones"
        )
    return " ".join(
        [
            "One hidden layer with equally spaced centres, analytic targets. Relative L2 error: "
            f"{'; '.join(said)}.",
            "All errors are estimates. Those of staircases and operators stay below their claims "
            "(dashed, sup norm); solved networks make no claim, and their smallest errors are "
            "rounding.",
        ]
    )


def table(rows: Sequence[Row]) -> str:
    """Errors at the largest size of each method, and 32 solved units for exp."""
    errors = of(rows, story="error")
    lines = [f"{'':10}{'':32}{'units':>7}{'rel. L2':>10}{'sup':>10}{'claim':>10}{'slope':>8}"]
    for target in dict.fromkeys(row["target"] for row in errors):
        for method, name in METHODS.items():
            cells = of(errors, target=target, method=method)
            row = max(cells, key=lambda row: row["n"])
            claim = f"{row['claimed_sup_error']:.1e}" if method != "solved" else "none"
            rate = f"{slope(cells):.2f}" if method != "solved" else ""
            lines.append(
                f"{target:10}{name:32}{row['num_hidden_units']:>7}{row['relative_l2_error']:>10.1e}"
                f"{row['sup_error']:>10.1e}{claim:>10}{rate:>8}"
            )
    for row in of(errors, target="exp", method="solved", n=32):
        lines.append(
            f"exp, 32 solved units: relative L2 {row['relative_l2_error']:.1e}, sup "
            f"{row['sup_error']:.1e}, rank {row['rank']}, condition {row['condition']:.0e}"
        )
    return "\n".join(lines)
