"""What the rows of `sampling_misses` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, distinct, of

__all__ = ["caption", "check", "missed", "quality", "searched", "table"]

_ROUNDING = 1e-9  # of the program that samples


def missed(row: Row, which: str = "median") -> float:
    """The share of the proved lower end that samples certainly miss: median, least or most."""
    if which == "median":
        return max(1.0 - float(row["median_share"]), 0.0)
    return max(1.0 - float(row["most_share" if which == "least" else "least_share"]), 0.0)


def searched(row: Row) -> float:
    """The share of the proved lower end that `errors.sup` certainly misses."""
    return max(1.0 - float(row["searched"] / row["certified_lower"]), 0.0)


def quality(row: Row) -> str:
    """How the network was fitted, for legends."""
    name = {"relu": "ReLU"}.get(row["activation"], row["activation"])
    return f"{name}, {row['steps']} steps"


def _networks(rows: Sequence[Row]) -> list[Row]:
    """One row per network: that of the fewest points."""
    return of(rows, points=min(row["points"] for row in rows)) if rows else []


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        where = f"{row['story']}, {row['dim']} dimensions, {row['points']} points"
        low, high = row["certified_lower"], row["certified_upper"]
        assert row["guaranteed"], f"{where}: not guaranteed on this machine"
        assert 0.0 < low <= high < math.inf, f"{where}: [{low}, {high}] is no interval"
        assert row["searched"] <= high * (1 + _ROUNDING), f"{where}: the search is above the proof"
        least, median, most = (row[f"{w}_share"] for w in ("least", "median", "most"))
        assert 0.0 <= least <= median <= most, f"{where}: shares out of order"
        assert most * low <= high * (1 + _ROUNDING), f"{where}: samples above the proof"
        assert row["certify_s"] > 0, f"{where}: negative times"
    for row in of(rows, story="ridge"):
        where = f"ridge {row['width']}, {row['dim']} dimensions"
        low, high = row["certified_lower"], row["certified_upper"]
        assert low > 0.9, f"{where}: a height of 1 that was not proved"
        if row["status"] == "ok":
            assert high < 1.1, f"{where}: an upper end far above the height"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    fits, ridges = of(rows, story="fit"), of(rows, story="ridge")
    said = [
        "The largest error at N points drawn uniformly, compared with a proved lower end of the "
        "sup norm: what is called missed is certainly missed. Shares are medians of "
        f"{rows[0]['repeats']} draws."
    ]
    for dim in distinct(fits, "dim"):
        some = of(fits, dim=dim)
        few, many = (pick(row["points"] for row in some) for pick in (min, max))
        first, last = ([missed(row) for row in of(some, points=n)] for n in (few, many))
        said.append(
            f"{dim}D fits: {_per_cent(first)} missed with {few} points, {_per_cent(last)} with "
            f"{many}."
        )
    nets = _networks(fits)
    if nets:
        worst = max(nets, key=searched)
        over = sum(searched(row) > 0.001 for row in nets)
        said.append(
            "errors.sup, a grid with a local search, misses more than 0.1 per cent for "
            f"{over} of the {len(nets)} fits, at most {100 * searched(worst):.2g} per cent "
            f"({worst['dim']}D, {quality(worst)})."
        )
    for dim in distinct(ridges, "dim"):
        some = _networks(of(ridges, dim=dim))
        lost = [row["width"] for row in some if searched(row) > 0.5]
        words = "finds all"
        if lost:
            words = f"loses {len(lost)} of {len(some)}, the widest of them {max(lost):g} wide"
        said.append(f"Planted ridges of height 1 in {dim}D: errors.sup {words}.")
    if ridges:
        said.append(_proofs(_networks(ridges)))
    return " ".join(said)


def _proofs(rows: Sequence[Row]) -> str:
    """How the proofs of the ridges ended."""
    least = min(row["certified_lower"] for row in rows)
    closed = of(rows, status="ok")
    said = (
        f"Proved of every ridge: at least {least:.2f}; {len(closed)} of {len(rows)} proofs close."
    )
    if len(closed) < len(rows):
        said += f" The others end after {rows[0]['most_boxes']} boxes with a larger upper end."
    return said


def _per_cent(shares: Sequence[float]) -> str:
    low, high = (f"{100 * share:.2g}" for share in (min(shares), max(shares)))
    return f"{low} to {high} per cent"


def table(rows: Sequence[Row]) -> str:
    """A line per network: the proved interval, the search, and the medians."""
    counts = distinct(rows, "points")
    lines = [
        f"{'':30}{'lower':>12}{'upper':>12}{'boxes':>8}{'search misses':>15}"
        + "".join(f"{f'{n} miss':>14}" for n in counts)
    ]
    for row in _networks(rows):
        shown = quality(row) if row["story"] == "fit" else f"ridge {row['width']:g}"
        same = [
            other
            for other in rows
            if all(
                other.get(name) == row.get(name)
                for name in ("story", "dim", "activation", "steps", "width")
            )
        ]
        lines.append(
            f"{row['dim']}D {shown:27}{row['certified_lower']:>12.4g}"
            f"{row['certified_upper']:>12.4g}{row['boxes']:>8}{searched(row):>15.2%}"
            + "".join(f"{missed(other):>14.2%}" for other in same)
        )
    return "\n".join(lines)
