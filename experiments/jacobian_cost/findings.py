"""What the rows of `jacobian_cost` show: checks, caption and table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from experiments.drawing.rows import Row, of

__all__ = ["AXES", "MARGIN", "NAMES", "caption", "check", "decided", "is_right", "table"]

AXES = ("in_size", "out_size", "width", "depth", "batch")
NAMES = {
    "forward": "forward mode",
    "reverse": "reverse mode",
    "chunked": "chunked",
    "differences": "finite differences",
    "structured": "structured",
    "planned": "planned",
}
MARGIN = 1.1  # times with a smaller ratio count as equal
_RACED = ("structured", "planned", "forward", "reverse")
_COUNTER = 8  # most FLOPs of the counter of a loop
_FOLDED = 2  # FLOPs to make an identity of size 1
_CLEAR = 8  # with this ratio of FLOPs, overhead does not decide which mode is faster


def decided(row: Row) -> bool:
    """Whether the choice of a method matters: the slowest is slower than the fastest."""
    times = [row[f"{method}_s"] for method in _RACED]
    return max(times) > MARGIN * min(times)


def is_right(row: Row) -> bool:
    """Whether the chosen method is the fastest, or within the margin of it."""
    return _is_fast(row, row["chosen"])


def _is_fast(row: Row, method: str) -> bool:
    least = min(row[f"{other}_s"] for other in _RACED)
    return bool(row[f"{method}_s"] <= MARGIN * least)


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="sweep"):
        _check_counts(row)
    for row in of(rows, story="map"):
        _check_crossing(row)
    for row in of(rows, story="three"):
        expected = {"value": 1, "one sweep": 2, "three sweeps": 4}[row["program"]]
        assert row["flops_ratio"] == expected, f"{row['program']}: {row['flops_ratio']} forwards"
        assert row["batch_flops_ratio"] <= expected, f"{row['program']}: more FLOPs in a batch"
    for row in of(rows, story="shape"):
        fewest = min(row[f"{method}_dot_flops"] for method in _RACED)
        assert row["planned_dot_flops"] == fewest, f"{row['sizes']}: not the fewest FLOPs"
        predicted = [row[f"{method}_predicted"] for method in _RACED]
        assert row[f"{row['chosen']}_predicted"] == min(predicted), f"{row['sizes']}: not chosen"
    shapes = [row for row in of(rows, story="shape") if decided(row)]
    if len(shapes) >= 100:
        right = sum(map(is_right, shapes))
        assert right >= 0.9 * len(shapes), f"the fastest chosen in {right} of {len(shapes)} cases"


def _check_counts(row: Row) -> None:
    where = f"{row['method']}, {row['axis']} = {row[row['axis']]}"
    exact, traced = row["formula_dot_flops"], row["jaxpr_dot_flops"]
    assert exact == traced, f"{where}: formula {exact}, traced {traced}"
    counted, by_xla = row["jaxpr_flops"], row["xla_flops"]
    if row["method"] == "chunked":  # the loop once, and its counter
        assert by_xla <= counted + _COUNTER, f"{where}: {by_xla} FLOPs by XLA, not {counted}"
    else:
        # An identity of size 1 is a constant, which XLA folds.
        folded = _FOLDED if 1 in (row["in_size"], row["out_size"]) else 0
        assert 0 <= counted - by_xla <= folded, f"{where}: {by_xla} FLOPs by XLA, not {counted}"
    eps = 2.0**-23 if row["number_type"] == "float32" else 2.0**-52
    allowed = 200 * eps**0.5 if row["method"] == "differences" else 100 * eps
    assert row["largest_difference"] <= allowed, f"{where}: wrong by {row['largest_difference']}"


def _check_crossing(row: Row) -> None:
    n, m = row["in_size"], row["out_size"]
    exact = (1 + n) / (1 + m)
    assert row["flops_ratio"] == exact, f"{n} to {m}: not (1 + n) / (1 + m)"
    assert (row["xla_flops_ratio"] > 1) == (n > m), f"{n} to {m}: FLOPs cross elsewhere"
    if exact >= _CLEAR:
        assert row["ratio_s"] > 1, f"{n} to {m}: forward mode is faster"
    if exact <= 1 / _CLEAR:
        assert row["ratio_s"] < 1, f"{n} to {m}: reverse mode is faster"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    parts = [
        "Value and Jacobian of tanh networks, all points of a batch together. Matrix-product FLOPs "
        "by formula and by count of the traced program are exactly equal in every row; XLA's count "
        "of the lowered program equals ours, except in chunks, whose loop it counts once, and for "
        "identities of size 1, which it folds (1 or 2 FLOPs less)."
    ]
    crossing = of(rows, story="map")
    equal = [row["ratio_s"] for row in crossing if row["in_size"] == row["out_size"]]
    if equal:
        parts.append(
            "Forward and reverse mode need equally many FLOPs exactly where there are as many "
            f"inputs as outputs; there forward mode takes {statistics.median(equal):.2f} times as "
            f"long as reverse mode (median of {len(equal)} sizes, {min(equal):.2f} to "
            f"{max(equal):.2f})."
        )
    for side, mode in (("outputs", "reverse"), ("inputs", "forward")):
        for row in of(rows, story="three", three=side, program="three sweeps"):
            parts.append(
                f"Three {side} need three sweeps of {mode} mode: at one point, value included, "
                f"the FLOPs of 4 forward passes; in a batch the FLOPs of "
                f"{row['batch_flops_ratio']:.2f} forward passes, since points share a product, and "
                f"the time of {row['ratio_s']:.1f}."
            )
    shapes = of(rows, story="shape")
    counted = [row for row in shapes if decided(row)]
    if counted:
        right = sum(map(is_right, counted))
        always = sum(_is_fast(row, "planned") for row in counted)
        modes = sum(_is_fast(row, "forward") or _is_fast(row, "reverse") for row in counted)
        parts.append(
            f"In {len(counted)} of {len(shapes)} random networks the smallest times of the four "
            "methods (forward, reverse, structured, planned) differ by more than 10%. Among these, "
            "`choose` picks the fastest method, or one within 10% of it, in "
            f"{right} cases ({right / len(counted):.1%}); always taking planned would do so in "
            f"{always}, always the better of forward and reverse in {modes}. Predicted times "
            "include a constant time per call, which does not affect the choice."
        )
    return " ".join(parts)


def table(rows: Sequence[Row]) -> str:
    """The methods at the last size of each axis, three sweeps, and the score of the prediction."""
    lines = [f"{'':10}{'':>6} {'':20}{'FLOPs':>15}{'XLA':>15}{'time':>11}{'temp. bytes':>13}"]
    for axis in AXES:
        cells = of(rows, story="sweep", axis=axis)
        if not cells:
            continue
        last = cells[-1][axis]
        for row in of(cells, **{axis: last}):
            lines.append(
                f"{axis:10}{last:>6} {NAMES[row['method']]:20}{row['jaxpr_flops']:>15,}"
                f"{row['xla_flops']:>15,}{1e6 * row['run_s']:>8.0f} us{row['temp_bytes']:>13,}"
            )
    for row in of(rows, story="three"):
        lines.append(
            f"three {row['three']:8} {row['program']:14}{row['flops_ratio']:>4.0f} forward passes "
            f"of FLOPs, {row['ratio_s']:.2f} of time"
        )
    shapes = of(rows, story="shape")
    for kind in dict.fromkeys((row["number_type"], row["batch"]) for row in shapes):
        some = [r for r in of(shapes, number_type=kind[0], batch=kind[1]) if decided(r)]
        right = sum(map(is_right, some))
        lines.append(f"fastest chosen, {kind[0]}, batch {kind[1]:>2}: {right} of {len(some)}")
    return "\n".join(lines)
