"""What the rows of `certified_growth` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, column, of

__all__ = ["caption", "check", "table"]

_ROUNDING = 1e-9  # of the program that samples


def _name(row: Row) -> str:
    return f"{row['dim']}D, {row['depth']} x {row['width']} units"


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        where, low, high = _name(row), row["certified_lower"], row["certified_upper"]
        assert row["guaranteed"], f"{where}: not guaranteed on this machine"
        assert 0.0 < low <= high < math.inf, f"{where}: [{low}, {high}] is no interval"
        assert row["sampled_sup"] <= high * (1 + _ROUNDING), f"{where}: sampled above the proof"
        assert row["boxes"] <= row["most_boxes"], f"{where}: more boxes than allowed"
        assert row["processor_s"] > 0, f"{where}: negative times"
        if row["status"] == "ok":
            assert high <= low * (1 + row["rtol"]) * (1 + _ROUNDING), f"{where}: wider than asked"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    said = [
        "Boxes that certify.sup_norm looks at for fitted tanh networks, and seconds of processor "
        f"time; {sum(row['status'] == 'ok' for row in rows)} of {len(rows)} proofs reach the "
        "relative width that was asked for."
    ]
    spread = sorted(of(rows, story="dimension"), key=lambda row: row["dim"])
    if len(spread) > 1:
        first, last = spread[0], spread[-1]
        each = (last["boxes"] / first["boxes"]) ** (1.0 / (last["dim"] - first["dim"]))
        said.append(
            f"With the dimension: from {first['boxes']} boxes in {first['dim']}D to "
            f"{last['boxes']} in {last['dim']}D, {each:.0f} times as many for each dimension; the "
            f"last proof, of an error of {last['certified_upper']:.2g}, took "
            f"{last['processor_s']:.0f} s."
        )
    for story in ("width", "depth"):
        cells = of(rows, story=story)
        if len(cells) > 1:
            said.append(
                f"With the {story}: {min(column(cells, 'boxes'))} to {max(column(cells, 'boxes'))} "
                f"boxes, {min(column(cells, 'processor_s')):.1f} to "
                f"{max(column(cells, 'processor_s')):.1f} s."
            )
    return " ".join(said)


def table(rows: Sequence[Row]) -> str:
    """A line per network."""
    lines = [f"{'':12}{'network':22}{'lower':>12}{'upper':>12}{'boxes':>10}{'s':>8}"]
    lines.extend(
        f"{row['story']:12}{_name(row):22}{row['certified_lower']:>12.4g}"
        f"{row['certified_upper']:>12.4g}{row['boxes']:>10}{row['processor_s']:>8.1f}  "
        f"{row['status']}"
        for row in rows
    )
    return "\n".join(lines)
