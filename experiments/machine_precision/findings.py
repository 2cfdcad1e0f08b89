"""What the rows of `machine_precision` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.drawing.rows import Row, of, of_the_catalogue

__all__ = ["METHODS", "REQUIRED", "caption", "check", "first", "table"]

METHODS = {
    "tanh": "tanh units, equal centres",
    "graded": "tanh units, graded centres",
    "polynomial": "polynomial at Chebyshev points",
    "rational": "rational function (AAA)",
}

REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "exp": {"relative_l2_error": 1e-15, "widths": (96,)},
    "sine4": {"relative_l2_error": 2e-15, "widths": (192,)},
    "runge": {"relative_l2_error": 2e-15, "widths": (215,)},
    "chirp": {"relative_l2_error": 3e-14, "widths": (390, 430)},
}
"""Largest relative L2 error allowed at 8001 points of [-1, 1], with at most so many units."""

_FEW = 1e-12
_PLANE = {
    1000: {"sine_product": 2e-12, "bump": 1e-13, "compositional": 2e-10},
    1500: {"sine_product": 1e-12, "bump": 1e-13, "compositional": 5e-12},
}
"""Largest relative L2 error allowed with at least so many ridges."""
_SUP_TOL = 0.01


def first(rows: Sequence[Row], limit: float) -> int | None:
    """The smallest size from which on all errors are at most the limit."""
    found = None
    for row in sorted(rows, key=lambda row: row["n"], reverse=True):
        if not row["relative_l2_error"] <= limit:
            break
        found = int(row["n"])
    return found


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        if "num_hidden_units" in row:
            where = f"{row['story']}, {row['target']}, n = {row['n']}"
            assert row["num_hidden_units"] == row["n"], f"{where}: {row['num_hidden_units']} units"
            assert row["rank"] <= row["n"] + 1, f"{where}: rank {row['rank']}"
    if rows[0]["dtype"] == "float64":
        _check_rounding(rows)
        _check_sup(rows)


def _check_rounding(rows: Sequence[Row]) -> None:
    """The required errors on an interval, those of 48 graded units, and those of many ridges."""
    for row in of(rows, story="acceptance"):
        assert row["reached"] <= row["asked"], (
            f"{row['target']}, {row['n']} units: {row['reached']:.1e} is above {row['asked']:.0e}"
        )
        assert row["n"] <= row["asked_units"], f"{row['target']}: {row['n']} units are too many"
    errors = of(rows, story="error")
    for row in of(errors, method="graded", n=48):
        assert row["relative_l2_error"] <= _FEW, "Runge, 48 graded units: above 1e-12"
    for row in of(errors, target="exp", method="polynomial"):
        assert row["n"] < 16 or row["relative_l2_error"] <= 4e-15, "exp, polynomial: above 4e-15"
    for row in of(errors, target="exp", method="rational"):
        assert row["n"] < 8 or row["relative_l2_error"] <= 1e-13, "exp, rational: above 1e-13"
    for row in of(of_the_catalogue(rows), story="plane", method="ridges"):
        known = [limits for n, limits in _PLANE.items() if n <= row["n"]]
        limits = [1.0, *(each.get(row["target"], 1.0) for each in known)]
        assert row["relative_l2_error"] <= min(limits), (
            f"{row['target']}, {row['n']} ridges: above {min(limits):.0e}"
        )
        for more in of(rows, story="plane", method="ridges", target=row["target"]):
            better = 10 * row["relative_l2_error"] < more["relative_l2_error"]
            better = better and row["n"] < more["n"]
            assert not better, f"{row['target']}: {row['n']} ridges are better than {more['n']}"


def _check_sup(rows: Sequence[Row]) -> None:
    """The least maximum lies between its bounds and below the maximum of least squares."""
    for row in of(rows, story="sup"):
        where = f"sup norm, {row['target']}, n = {row['n']}"
        low, high = row["least_largest_residual"], row["largest_residual"]
        assert low <= high, f"{where}: the attained {high} is below the lower bound {low}"
        if row["status"] == "converged":
            squares = row["least_squares_largest_residual"]
            assert high <= squares, f"{where}: {high:.1e} is above least squares, {squares:.1e}"
            assert high <= (1.0 + _SUP_TOL) * low, f"{where}: not within {_SUP_TOL}"
    for row in of(rows, story="curve"):
        assert abs(row["least_maximum_error"]) <= 1.02 * row["lower"], "the curve leaves its bounds"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    said = [
        f"{row['target']} {row['reached']:.1e} with {row['n']} units"
        for row in of(rows, story="acceptance")
    ]
    parts = [
        "One hidden layer of wide tanh units, its last layer by one solve. Relative L2 error on "
        f"8001 points: {'; '.join(said)}. For comparison: polynomials against their number of "
        "coefficients, rational functions against their number of support points.",
        _graded_words(rows),
        _plane_words(rows),
        _sup_words(rows),
        "All errors are estimates; solved networks make no claim.",
    ]
    return " ".join(part for part in parts if part)


def _graded_words(rows: Sequence[Row]) -> str:
    errors = of(rows, story="error", target="runge")
    equal, graded = (first(of(errors, method=method), _FEW) for method in ("tanh", "graded"))
    if equal is None or graded is None:
        return ""
    return (
        f"Runge's function to 1e-12: {graded} units with graded centres, {equal} with equally "
        "spaced ones."
    )


def _plane_words(rows: Sequence[Row]) -> str:
    said = []
    for target in dict.fromkeys(row["target"] for row in of(rows, story="plane")):
        ridges = of(rows, story="plane", target=target, method="ridges")
        row = max(ridges, key=lambda row: row["n"])
        said.append(f"{target} {row['relative_l2_error']:.1e} with {row['n']}")
    return f"Ridges in two dimensions: {'; '.join(said)}."


def _sup_words(rows: Sequence[Row]) -> str:
    solves = of(rows, story="sup")
    done = len(of(solves, status="converged"))
    rest = (
        ""
        if done == len(solves)
        else " In the other cases rounding is as large as the remaining gap."
    )
    return (
        f"The same units with the last layer of least maximum error: in {done} of {len(solves)} "
        "cases the maximum at the points of the solve is proved to be within one per cent of the "
        f"least possible.{rest}"
    )


def table(rows: Sequence[Row]) -> str:
    """Required and reached errors; sizes that reach 1e-12; two dimensions; the sup norm."""
    lines = [
        f"{'':14}{'required':>9}{'units':>7}{'reached':>10}{'width':>7}{'rank':>6}{'solve_s':>9}"
    ]
    for row in of(rows, story="acceptance"):
        lines.append(
            f"{row['target']:14}{row['asked']:>9.0e}{row['asked_units']:>7}{row['reached']:>10.1e}"
            f"{row['n']:>7}{row['rank']:>6}{row['solve_s']:>9.3f}"
        )
    return "\n".join([*lines, "", *_sizes(rows), "", *_plane(rows), "", *_sup(rows)])


def _sizes(rows: Sequence[Row]) -> list[str]:
    lines = [f"{'':14}{'':32}{'to 1e-12':>9}{'floor':>10}{'at':>6}"]
    errors = of(rows, story="error")
    for target in dict.fromkeys(row["target"] for row in errors):
        for method, name in METHODS.items():
            cells = of(errors, target=target, method=method)
            if cells:
                best = min(cells, key=lambda row: row["relative_l2_error"])
                lines.append(
                    f"{target:14}{name:32}{first(cells, _FEW) or '-':>9}"
                    f"{best['relative_l2_error']:>10.1e}{best['n']:>6}"
                )
    return lines


def _plane(rows: Sequence[Row]) -> list[str]:
    plane = of(rows, story="plane", method="ridges")
    targets = list(dict.fromkeys(row["target"] for row in plane))
    lines = ["relative L2 error of ridges".ljust(30) + "".join(f"{t:>16}" for t in targets)]
    for n in sorted({row["n"] for row in plane}):
        found = (of(plane, target=target, n=n) for target in targets)
        cells = "".join(
            f"{row[0]['relative_l2_error'] if row else float('nan'):>16.1e}" for row in found
        )
        lines.append(f"{n:>12} ridges".ljust(30) + cells)
    return lines


def _sup(rows: Sequence[Row]) -> list[str]:
    lines = [
        f"{'sup norm':14}{'units':>6}{'squares':>11}{'maximum':>11}{'at least':>11}{'steps':>7}"
        "  status"
    ]
    for row in of(rows, story="sup"):
        lines.append(
            f"{row['target']:14}{row['n']:>6}{row['least_squares_largest_residual']:>11.2e}"
            f"{row['largest_residual']:>11.2e}{row['least_largest_residual']:>11.2e}"
            f"{row['steps']:>7}  {row['status']}"
        )
    return lines
