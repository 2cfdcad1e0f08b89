"""What the rows of `student_teacher` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from experiments.drawing.rows import Row, of

__all__ = ["ARCHITECTURES", "LIMITS", "METHODS", "PUBLISHED", "caption", "check", "ends", "table"]

METHODS = {
    "adam": "Adam",
    "lbfgs": "L-BFGS",
    "staged": "L-BFGS, two stages",
    "ssbroyden": "self-scaled Broyden",
    "plain": "Levenberg-Marquardt, plain",
    "corrected": "Levenberg-Marquardt, corrected steps",
    "projected": "variable projection, corrected steps",
}
ARCHITECTURES = {
    "plain": "plain",
    "one": "1 linear unit as bottleneck",
    "two": "2 linear units as bottleneck",
    "small": "2 linear units, small",
}
PUBLISHED = {"lbfgs": 4.10e-8, "staged": 3.17e-13}
"""Test RMSE of Michaud, Liu and Tegmark 2023, BFGS, one stage and two, with 10^5 points."""
LIMITS = {"projected": 1e-10, "two": 1e-6}
"""Largest test RMSE required of a student fitted in one stage, and for exp(sin(pi x) + y^2)."""
_FULL = 5  # number of teachers from which these requirements are checked


def ends(rows: Sequence[Row], **fields: object) -> list[Row]:
    """The rows with the final errors of students."""
    return of(rows, story="teacher", kind="end", **fields)


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in [*ends(rows), *of(rows, story="shape")]:
        where = f"{row.get('method') or row['shape']}, {row['number']}"
        limit = 100 * row["train_rmse"] + 1e-13
        assert 0 <= row["test_rmse"] <= limit, f"{where}: large error between training points"
        assert row["run_s"] >= 0, f"{where}: negative time"
        if "shape" in row:
            assert row["num_parameters"] <= 600, f"{where}: more than 600 parameters"
        else:
            assert row["steps_done"] <= row["steps"] * (1 + (row["method"] == "staged")), where
    plain, projected = ends(rows, method="plain"), ends(rows, method="projected")
    if plain and projected:
        assert _median(projected) < _median(plain), "variable projection: not below plain steps"
    if len(projected) >= _FULL and projected[0]["dtype"] == "float64":
        kept = [row for row in projected if row["test_rmse"] <= LIMITS["projected"]]
        assert len(kept) >= len(projected) - 1, "variable projection: 1e-10 missed more than once"
        assert max(row["run_s"] for row in kept) < 60, "variable projection: over 60 s"
        ratio = _median(plain) / _median(ends(rows, method="corrected"))
        assert ratio > 100, f"corrected steps: only {ratio:.0f} times below plain ones"
        shaped = of(rows, story="shape", shape="two")
        assert max(row["test_rmse"] for row in shaped) <= LIMITS["two"], "bottleneck: above 1e-6"
        assert max(row["run_s"] for row in shaped) < 30, "bottleneck: over 30 s"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    first = ends(rows)[0]
    said = []
    for method, name in METHODS.items():
        found = ends(rows, method=method)
        if found:
            worst = max(row["test_rmse"] for row in found)
            said.append(f"{name} {_median(found):.1e} (worst {worst:.1e})")
    sentences = [
        f"Students 1-{first['hidden']}-1 of {len(ends(rows, method=first['method']))} random "
        f"teachers 1-3-3-1, tanh; root mean square error at 10001 points, median over teachers: "
        f"{'; '.join(said)}.",
        "All students are fitted at the same 256 points, and an error of zero is possible. "
        "Published by Michaud, Liu and Tegmark (2023) for BFGS, other teachers and 10^5 points: "
        f"{PUBLISHED['lbfgs']:.1e} in one stage, {PUBLISHED['staged']:.1e} in two.",
    ]
    shapes = []
    for shape, name in ARCHITECTURES.items():
        found = of(rows, story="shape", shape=shape)
        if found:
            errors = sorted(row["test_rmse"] for row in found)
            shapes.append(
                f"{name} (2-{found[0]['hidden']}-1, {found[0]['num_parameters']} parameters) "
                f"{errors[0]:.1e} to {errors[-1]:.1e}"
            )
    sentences.append(
        f"exp(sin(pi x) + y^2) by Levenberg-Marquardt, continued from the best of {_starts(rows)} "
        f"starts: {'; '.join(shapes)}."
    )
    return " ".join(sentences)


def table(rows: Sequence[Row]) -> str:
    """Errors and times of every method and every architecture."""
    lines = [f"{'student':38}{'best':>9}{'median':>9}{'worst':>9}{'steps':>8}{'s':>7}"]
    for method, name in METHODS.items():
        found = ends(rows, method=method)
        if found:
            steps = median(row["steps_done"] for row in found)
            lines.append(f"{name:38}{_range(found)}{steps:>8.0f}{_slowest(found):>7.1f}")
    lines.append(f"{'exp(sin(pi x) + y^2)':38}{'':27}{'param.':>8}")
    for shape, name in ARCHITECTURES.items():
        found = of(rows, story="shape", shape=shape)
        if found:
            size = found[0]["num_parameters"]
            lines.append(f"{name:38}{_range(found)}{size:>8}{_slowest(found):>7.1f}")
    required = (
        ("student, variable projection, RMSE", ends(rows, method="projected"), "projected"),
        ("exp(sin(pi x) + y^2), 2 linear units", of(rows, story="shape", shape="two"), "two"),
    )
    for name, found, limit in required:
        if found:
            below = sum(row["test_rmse"] <= LIMITS[limit] for row in found)
            lines.append(f"{name}: {below} of {len(found)} at most {LIMITS[limit]:.0e}")
    return "\n".join(lines)


def _starts(rows: Sequence[Row]) -> int:
    return int(of(rows, story="shape")[0]["starts"])


def _median(rows: Sequence[Row]) -> float:
    return median(row["test_rmse"] for row in rows)


def _slowest(rows: Sequence[Row]) -> float:
    return max(row["run_s"] for row in rows)


def _range(rows: Sequence[Row]) -> str:
    errors = sorted(row["test_rmse"] for row in rows)
    return "".join(f"{error:>9.1e}" for error in (errors[0], _median(rows), errors[-1]))
