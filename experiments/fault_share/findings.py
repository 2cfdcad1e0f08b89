"""What the rows of `fault_share` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["ANCHOR", "caption", "check", "reason", "share", "table"]

ANCHOR = 0.73  # the best share known to us of suites for interval arithmetic
_AIM = 0.95

_SAME_ARRAY = "equivalent: there, lower and upper ends are one array"
_STEP = "still sound: the radius has room for this rounding"
_REASONS = {
    ("end swapped", "self.lo"): _SAME_ARRAY,
    ("end swapped", "other.lo"): _SAME_ARRAY,
    ("end swapped", "value.lo"): _SAME_ARRAY,
    ("down dropped", "down(below - radius_below)"): _STEP,
    ("up dropped", "up(above + radius_above)"): _STEP,
    ("last digit", "0.7071067811865475"): "equivalent: numbers may be split at either place",
}


def reason(row: Row) -> str:
    """Why a change that no test finds is no fault; empty if that is not known."""
    return _REASONS.get((str(row["fault"]), str(row["code"])), "")


def share(rows: Sequence[Row]) -> float:
    """The share of the faults that is found."""
    return float(sum(column(rows, "found"))) / len(rows)


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        where = f"{row['file']}, line {row['line']}: {row['fault']} in {row['code']}"
        assert row["found"] in (0, 1), f"{where}: neither found nor not found"
        assert row["found"] or reason(row), f"{where}: a fault that no test finds"
        assert row["line"] >= 1, f"{where}: no line of a file"
    for name in distinct(rows, "file"):
        cells = of(rows, file=name)
        wanted = min(cells[0]["possible"], cells[0]["most_faults"])
        assert len(cells) == wanted, f"{name}: {len(cells)} faults instead of {wanted}"
    if len(rows) >= 100:
        assert share(rows) >= _AIM, f"only {share(rows):.3f} of the faults are found"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    left = [row for row in rows if not row["found"]]
    files, found = len(distinct(rows, "file")), len(rows) - len(left)
    all_of_them = all(row["possible"] <= row["most_faults"] for row in rows)
    said = [
        f"{len(rows)} faults planted by machine into {files} files of the kernel of "
        f"approxlab.certify, one at a time{'' if all_of_them else ' (a random sample)'}: the "
        f"self-test and the quick tests of arithmetic find {found} of them, "
        f"{100 * share(rows):.1f} per cent; the best published share of such suites is "
        f"{100 * ANCHOR:.0f} per cent."
    ]
    if left:
        equal = sum(reason(row).startswith("equivalent") for row in left)
        said.append(
            f"Of the {len(left)} changes that are not found, {equal} change nothing that a proof "
            f"uses, and {len(left) - equal} drop a rounding for which the radius has room."
        )
    return " ".join(said)


def table(rows: Sequence[Row]) -> str:
    """A line per file; the changes that no test finds."""
    lines = [f"{'file':24}{'faults':>8}{'found':>8}"]
    for name in distinct(rows, "file"):
        cells = of(rows, file=name)
        lines.append(f"{name:24}{len(cells):>8}{int(sum(column(cells, 'found'))):>8}")
    lines.extend(
        f"not found: {row['file']}.py, line {row['line']}, {row['fault']}: {row['code']} "
        f"({reason(row)})"
        for row in rows
        if not row["found"]
    )
    return "\n".join(lines)
