"""What the rows of `certified_errors` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["METHODS", "caption", "check", "slack", "table", "understated"]

METHODS = {
    "adam": "Adam",
    "lbfgs": "L-BFGS",
    "levenberg_marquardt": "Levenberg-Marquardt",
    "variable_projection": "variable projection",
    "solve": "random units, one solve",
}
_ROUNDING = 1e-9  # of claims and of the program that samples


def slack(row: Row) -> float:
    """What a theorem claims over the proved upper end: at most claim over truth."""
    return float(row["claimed"] / row["certified_upper"])


def understated(row: Row) -> float:
    """By what share of the proved lower end the sampled error is certainly too small."""
    return max(1.0 - float(row["sampled_sup"] / row["certified_lower"]), 0.0)


def _name(row: Row) -> str:
    if row["story"] == "construction":
        return str(row["name"])
    return f"{row['target']}, {row['method']}, {row['width']} units"


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        where = _name(row)
        low, high = row["certified_lower"], row["certified_upper"]
        assert row["guaranteed"], f"{where}: not guaranteed on this machine"
        assert 0.0 <= low <= high < math.inf, f"{where}: [{low}, {high}] is no interval"
        rounding = _ROUNDING * high + 1e-11  # of the executed program, absolute
        assert row["sampled_sup"] <= high + rounding, f"{where}: sampled above the proof"
        assert row["boxes"] <= row["most_boxes"], f"{where}: more boxes than allowed"
        assert row["certify_s"] > 0, f"{where}: negative times"
        if row["status"] == "ok":
            widest = max(low * (1 + row["rtol"]), low + 1e-12)
            assert high <= widest * (1 + _ROUNDING), f"{where}: wider than asked for"
    for row in of(rows, story="construction"):
        where, claimed = _name(row), row["claimed"]
        assert row["certified_lower"] <= claimed * (1 + _ROUNDING), f"{where}: theorem refuted"
        if row["attained"]:
            assert claimed <= row["certified_upper"] * (1 + _ROUNDING), f"{where}: not attained"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    built, fits = of(rows, story="construction"), of(rows, story="fit")
    said = [
        "Sup norm of network minus target, enclosed from both sides in exact real arithmetic by "
        f"certify.sup_norm: {len(built)} constructions and {len(fits)} fits with tanh."
    ]
    closed = of(rows, status="ok")
    if closed:
        most = max(_ratio(row) for row in closed)
        said.append(
            f"{len(closed)} of {len(rows)} intervals are closed to upper/lower at most {most:.4f}; "
            f"a proof took {min(column(rows, 'certify_s')):.1f} to "
            f"{max(column(rows, 'certify_s')):.1f} s."
        )
    endings = {
        "precision": "where binary64 tells no more",
        "budget": f"after {rows[0]['most_boxes']} boxes",
    }
    others = [
        f"{len(of(rows, status=s))} end {w}" for s, w in endings.items() if of(rows, status=s)
    ]
    if others:
        said.append(f"{' and '.join(others)}: what is proved there (bars) is a theorem too.")
    if built:
        exact = of(built, attained=True)
        loose = [row for row in built if not row["attained"]]
        said.append("No theorem is refuted.")
        if exact:
            said.append(f"The {len(exact)} claims said to be attained lie in their intervals.")
        if loose:
            found = [slack(row) for row in loose]
            said.append(
                f"The other claims are {min(found):.2f} to {max(found):.2f} times the truth."
            )
    sure = [row for row in rows if row["certified_lower"] > 0]
    worst = max(sure, key=understated)
    said.append(
        f"The estimate of errors.sup is nowhere above the proved upper end; it is at most "
        f"{100 * understated(worst):.2g} per cent below the proved lower end "
        f"({_name(worst)})."
        if understated(worst) > 0
        else "The estimate of errors.sup lies in every interval."
    )
    return " ".join(said)


def _ratio(row: Row) -> float:
    low = row["certified_lower"]
    return float(row["certified_upper"] / low) if low > 0 else math.inf


def table(rows: Sequence[Row]) -> str:
    """A line per construction; the intervals of the fits."""
    lines = [
        f"{'':44}{'units':>6}{'claimed':>12}{'lower':>14}{'upper':>14}{'sampled':>14}{'boxes':>8}"
    ]
    for row in rows:
        claimed = f"{row['claimed']:.6g}" if "claimed" in row else ""
        lines.append(
            f"{_name(row):44}{row['num_hidden_units']:>6}{claimed:>12}"
            f"{row['certified_lower']:>14.6g}{row['certified_upper']:>14.6g}"
            f"{row['sampled_sup']:>14.6g}{row['boxes']:>8}  {row['status']}"
        )
    lines.append(f"targets of the fits: {', '.join(distinct(of(rows, story='fit'), 'target'))}")
    return "\n".join(lines)
