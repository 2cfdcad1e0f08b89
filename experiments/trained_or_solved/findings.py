"""What the rows of `trained_or_solved` show: checks, caption and table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import median

from experiments.drawing.rows import Row, of, of_the_catalogue

__all__ = ["CONTENDERS", "METHODS", "STARTS", "caption", "check", "ends", "reached", "table"]

METHODS = {
    "adam": "Adam",
    "adam_lbfgs": "Adam, then L-BFGS",
    "lbfgs": "L-BFGS",
    "adam_ssbroyden": "Adam, then self-scaled Broyden",
    "ssbfgs": "self-scaled BFGS",
    "ssbroyden": "self-scaled Broyden",
    "levenberg_marquardt": "Levenberg-Marquardt",
    "variable_projection": "variable projection",
    "solve": "one solve",
}
STARTS = {"quasi_interpolant": "equal centres", "glorot": "Glorot", "spread": "spread"}
CONTENDERS = {
    "variable_projection": "variable projection",
    "ssbroyden": "self-scaled Broyden",
    "levenberg_marquardt": "Levenberg-Marquardt",
    "lbfgs": "L-BFGS",
    "adam": "Adam",
    "scipy_lm": "SciPy least_squares, lm",
    "scipy_trf": "SciPy least_squares, trf",
    "optimistix_lm": "optimistix LM",
    "pytorch_lbfgs": "PyTorch L-BFGS",
    "pytorch_adam": "PyTorch Adam",
}
OURS = ("variable_projection", "levenberg_marquardt", "ssbroyden", "lbfgs", "adam")
_ORDERS = 9  # orders of magnitude required between Adam and one solve
_RESOLVED = 1e-10  # with a larger error there are too few units for the target
_DESCENDING = ("ssbfgs", "ssbroyden", "lbfgs", "levenberg_marquardt")


def ends(rows: Sequence[Row], **fields: object) -> list[Row]:
    """The rows with the final error of a method."""
    return of(rows, story="gap", kind="end", **fields)


def reached(rows: Sequence[Row], contender: str, start: str | None = None) -> list[Row]:
    """The runs of a contender that reached the goal."""
    raced = of(rows, story="race", contender=contender)
    if start is not None:
        raced = of(raced, start=start)
    return [row for row in raced if row.get("reached_s") is not None]


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        error = row.get("relative_l2_error", row.get("relative_error", 1.0))
        where = f"{row.get('method', row.get('contender'))}, {row['target']}, {row['start']}"
        assert math.isfinite(error), f"{where}: the error is {error}"
        assert row.get("reached_s") is None or row["error_at_the_end_s"] <= row["goal"], (
            f"{where}: counted as having reached the goal with {row['error_at_the_end_s']:.1e}"
        )
        if row["story"] == "race" and row.get("status") == "converged":
            assert row["relative_l2_error"] <= 1.5 * row["goal"], (
                f"{where}: reached the goal at the training points only, {error:.1e} elsewhere"
            )
    for method in _DESCENDING:
        for start in dict.fromkeys(row["start"] for row in rows):
            path = of(rows, story="gap", kind="path", method=method, start=start)
            for one, other in itertools.pairwise(path):
                assert other["relative_error"] <= 1.001 * one["relative_error"] + 1e-15, (
                    f"{method}, {start}: the training error rises at step {other['step']}"
                )
    if rows[0]["dtype"] == "float64":
        _check_gap(rows)


def _check_gap(rows: Sequence[Row]) -> None:
    """One solve with equally spaced centres reaches rounding, training by gradients does not."""
    for solved in of_the_catalogue(ends(rows, start="quasi_interpolant", method="solve")):
        target, error = solved["target"], solved["relative_l2_error"]
        enough = {"exp": 32, "sine4": 128}.get(target, math.inf)
        if solved["width"] >= enough:
            assert error <= 1e-14, f"one solve on equal centres for {target}: {error:.1e}"
        if error > _RESOLVED:  # training moves the units and may be better
            continue
        for row in ends(rows, start="quasi_interpolant", target=target):
            assert row["relative_l2_error"] >= 0.1 * error, (
                f"{row['method']} for {target}: below the solve by a factor of ten"
            )
            required = (target, row["method"]) == ("sine4", "adam") and row["steps"] <= 3000
            if required and row["width"] >= enough:
                orders = _orders(row, solved)
                assert orders >= _ORDERS, (
                    f"Adam is only {orders:.1f} orders of magnitude above the solve"
                )


def _orders(row: Row, solved: Row) -> float:
    """Orders of magnitude between two errors."""
    return math.log10(row["relative_l2_error"] / solved["relative_l2_error"])


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    first = ends(rows)[0]
    parts = [
        f"One hidden layer of {first['width']} tanh units, {first['points']} points; Adam and "
        f"quasi-Newton methods take {first['steps']} steps ('then': the first two thirds of them "
        f"by Adam), least squares {first['solver_steps']}. Relative L2 errors are estimates at "
        "4001 other points; errors against time are at the training points."
    ]
    for solved in ends(rows, start="quasi_interpolant", method="solve"):
        mine = ends(rows, start="quasi_interpolant", target=solved["target"])
        gap = [
            f", {_orders(row, solved):.0f} orders of magnitude below Adam"
            for row in of(mine, method="adam")
        ]
        said = [
            f"{METHODS[row['method']]} {row['relative_l2_error']:.1e}"
            for row in mine
            if row is not solved
        ]
        parts.append(
            f"{solved['target']}, equally spaced centres: one solve "
            f"{solved['relative_l2_error']:.1e}{''.join(gap)}; {', '.join(said)}."
        )
    return " ".join([*parts, *_race_in_words(rows)])


def _race_in_words(rows: Sequence[Row]) -> list[str]:
    """Who reaches the goal and in what time, compared with the best other library."""
    raced = of(rows, story="race")
    if not raced:
        return []
    sizes = "-".join(["1", *raced[0]["hidden"].split(","), "1"])
    parts = [
        f"The race: {sizes} tanh for {raced[0]['target']} to a relative error of "
        f"{raced[0]['goal']:.0e}, {raced[0]['points']} points, from the same networks, without "
        "compilation."
    ]
    times = [(name, _typical(rows, name)) for name in CONTENDERS]
    there = [(name, found) for name, found in times if found is not None]
    said = []
    for name, time in there:
        counts = [
            f"{len(reached(rows, name, start))} of {len(of(raced, contender=name, start=start))} "
            f"from {STARTS[start]}"
            for start in dict.fromkeys(row["start"] for row in raced)
        ]
        said.append(f"{CONTENDERS[name]} {time:.2g} s ({', '.join(counts)})")
    if said:
        parts.append(f"Median time of the runs that reach it: {'; '.join(said)}.")
    ours = min((t for name, t in there if name in OURS), default=None)
    theirs = min((t for name, t in there if name not in OURS), default=None)
    limits = {row["limit_of_peer"] for row in raced if "limit_of_peer" in row}
    if ours is not None and theirs is not None:
        parts.append(
            f"The fastest method here is {theirs / ours:.0f} times as fast as the best of the "
            "other libraries."
        )
    elif ours is not None and limits:
        parts.append(f"No other library reaches the goal within {max(limits):.0f} s.")
    absent = {row["contender"] for row in raced if row["status"] == "not installed"}
    if absent:
        parts.append(f"Not installed: {', '.join(CONTENDERS[name] for name in sorted(absent))}.")
    return parts


def _typical(rows: Sequence[Row], contender: str) -> float | None:
    """Median seconds of the runs that reach the goal."""
    found = reached(rows, contender)
    return median(row["reached_s"] for row in found) if found else None


def table(rows: Sequence[Row]) -> str:
    """Final errors by start and target, then the race."""
    lines = []
    for start in dict.fromkeys(row["start"] for row in ends(rows)):
        mine = ends(rows, start=start)
        targets = list(dict.fromkeys(row["target"] for row in mine))
        lines.append(f"{'start: ' + STARTS[start]:34}" + "".join(f"{t:>22}" for t in targets))
        for method in dict.fromkeys(row["method"] for row in mine):
            cells = [of(mine, method=method, target=target)[0] for target in targets]
            lines.append(
                f"{METHODS[method]:34}"
                + "".join(f"{r['relative_l2_error']:>11.1e} {r['run_s']:>8.2f} s" for r in cells)
            )
    raced = of(rows, story="race")
    if raced:
        lines.append(
            f"{'race, ' + formula_in_text(raced[0]):34}{'start':>8}{'reached':>8}"
            f"{'seconds':>10}{'compile':>9}{'median error':>14}"
        )
    for name in CONTENDERS:
        for start in dict.fromkeys(row["start"] for row in raced):
            lines += _race_line(of(raced, contender=name, start=start), name, start)
    return "\n".join(lines)


def formula_in_text(row: Row) -> str:
    """Target, layers and goal in a few words."""
    return f"{row['target']} to {row['goal']:.0e}"


def _race_line(mine: Sequence[Row], name: str, start: str) -> list[str]:
    if not mine:
        return []
    head = f"{CONTENDERS[name]:34}{STARTS[start]:>8}"
    if mine[0]["status"] == "not installed":
        return [f"{head}  not installed"]
    there = [row["reached_s"] for row in mine if row["reached_s"] is not None]
    time = f"{median(there):10.2f}" if there else f"{'-':>10}"
    compile_s = max(row.get("compile_s", 0.0) for row in mine)
    error = median(row["error_at_the_end_s"] for row in mine)
    count = f"{len(there)}/{len(mine)}"
    return [f"{head}{count:>8}{time}{compile_s:9.2f}{error:14.1e}"]
