"""What the rows of `greedy_rates` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, of

__all__ = ["caption", "check", "curves", "slope", "table"]

_REPRODUCED = {512: 0.05}  # relative distance from the published error, by number of units
_NEARBY = 0.2  # the same at all other numbers of units
_FLOOR = 1e-11  # smaller errors are rounding of large coefficients


def curves(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each curve, by number of units."""
    cells = of(rows, story="rate")
    keys = dict.fromkeys((row["dim"], row["power"]) for row in cells)
    found = [of(cells, dim=dim, power=power) for dim, power in keys]
    return [sorted(curve, key=lambda row: row["num_hidden_units"]) for curve in found]


def slope(curve: Sequence[Row]) -> float:
    """Slope of log(error) against log(units), by least squares over the larger sizes.

    These have at least twice as many units as there are polynomials of degree k: smaller networks
    do little more than represent these polynomials.
    """
    from approxlab.rates import rate  # SciPy: not for --help

    least = max(8, 2 * _polynomials(curve))
    kept = [r for r in curve if r["num_hidden_units"] >= least and r["l2_error"] > _FLOOR]
    if len(kept) < 3:
        return math.nan
    return rate([r["num_hidden_units"] for r in kept], [r["l2_error"] for r in kept]).slope


def _polynomials(curve: Sequence[Row]) -> int:
    """Dimension of the polynomials of degree k in d variables."""
    return math.comb(curve[0]["dim"] + curve[0]["power"], curve[0]["power"])


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for curve in curves(rows):
        where = f"d = {curve[0]['dim']}, k = {curve[0]['power']}"
        found, theory = slope(curve), curve[0]["theory_slope"]
        for row in curve:
            ratio = row["l2_error"] / max(row["fit_l2_error"], _FLOOR)
            assert ratio < 2, f"{where}: the error is {ratio:.2f} times that on the fit's points"
        if curve[-1]["num_hidden_units"] < 12 * _polynomials(curve):
            continue  # too few units to see a rate
        assert not found > theory + 0.15, f"{where}: slope {found:.2f}, theory {theory:.2f}"
    for row in of(rows, story="polish"):
        assert row["l2_error"] <= 1.02 * row["greedy_l2_error"], f"{row['dim']}D: polish raised it"
    for row in of(rows, story="published"):
        _check_published(row)


def _check_published(row: Row) -> None:
    where = f"{row['case']}, {row['method']}, n = {row['num_hidden_units']}"
    ratio = row["l2_error"] / row["published_l2_error"]
    if row["method"] == "as published":
        allowed = _REPRODUCED.get(row["num_hidden_units"], _NEARBY)
        if row["num_hidden_units"] >= 32:
            assert abs(ratio - 1) <= allowed, f"{where}: {ratio:.3f} times the published error"
    elif row["case"] != "parabola":  # for it repeated bisection beats the greedy choice
        assert ratio < 1, f"{where}: {ratio:.3f} times the published error"
    if row["dtype"] == "float64" and "asked_l2_error" in row:
        assert row["l2_error"] <= row["asked_l2_error"], f"{where}: {row['l2_error']:.3e}"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    rates = "; ".join(
        f"d = {c[0]['dim']}, k = {c[0]['power']}: {slope(c):.2f} ({c[0]['theory_slope']:.2f})"
        for c in curves(rows)
    )
    gains = [r["greedy_l2_error"] / r["l2_error"] for r in of(rows, story="polish")]
    published = of(rows, story="published")
    best = "; ".join(
        f"{case} {row['published_l2_error'] / row['l2_error']:.2f}"
        for case in dict.fromkeys(row["case"] for row in published)
        for row in [
            max(
                of(published, case=case, method="best step"),
                key=lambda row: row["num_hidden_units"],
            )
        ]
    )
    text = [
        "One hidden layer of units relu(w.x + b)^k found one by one for exp(-8 |x - 1/2|^2); L2 "
        "errors are estimates at points not used by the fit. Fitted slopes (proved exponent "
        f"-1/2 - (2k+1)/(2d)): {rates}.",
    ]
    if gains:
        text.append(
            f"Moving all kinks at the end divides the error by {min(gains):.2f} to "
            f"{max(gains):.2f}."
        )
    if best:
        text.append(
            "Published error divided by ours with the same number of units, where each step takes "
            f"the unit that lowers the error most: {best}."
        )
    return " ".join(text)


def table(rows: Sequence[Row]) -> str:
    """Fitted and proved slopes, then published errors and ours."""
    lines = [f"{'d':>2}{'k':>3}{'slope':>8}{'proved':>8}{'units':>7}{'L2':>11}"]
    for c in curves(rows):
        last = c[-1]
        lines.append(
            f"{last['dim']:>2}{last['power']:>3}{slope(c):>8.2f}{last['theory_slope']:>8.2f}"
            f"{last['num_hidden_units']:>7}{last['l2_error']:>11.3e}"
        )
    lines.append(f"{'':2}{'k':>3}{'polished':>8}{'':8}{'units':>7}{'L2':>11}{'greedy':>11}")
    for r in of(rows, story="polish"):
        lines.append(
            f"{r['dim']:>2}{r['power']:>3}{r['ending']:>16}{r['num_hidden_units']:>7}"
            f"{r['l2_error']:>11.3e}{r['greedy_l2_error']:>11.3e}"
        )
    lines.append(f"{'':17}{'':14}{'units':>7}{'published':>11}{'L2':>11}{'required':>10}")
    for r in of(rows, story="published"):
        required = f"{r['asked_l2_error']:.2e}" if "asked_l2_error" in r else ""
        lines.append(
            f"{r['case']:17}{r['method']:14}{r['num_hidden_units']:>7}"
            f"{r['published_l2_error']:>11.3e}{r['l2_error']:>11.3e}{required:>10}"
        )
    return "\n".join(lines)
