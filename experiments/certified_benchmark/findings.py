"""What the rows of `certified_benchmark` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.certified_benchmark.systems import SYSTEMS
from experiments.drawing.rows import Row, distinct, of

__all__ = ["KINDS", "caption", "check", "kind", "smaller", "table"]

KINDS = {
    ("small", "relu"): "ReLU, published size",
    ("small", "tanh"): "tanh, published size",
    ("large", "tanh"): "tanh, 3 layers of 64",
}
_ROUNDING = 1e-9  # of the program that samples, and of the ratio


def kind(row: Row) -> str:
    """Which of the three kinds of network a row is of."""
    return KINDS[row["size"], row["activation"]]


def smaller(row: Row) -> float:
    """The published tolerance over the proved upper end."""
    return float(row["published_eps"] / row["certified_upper"])


def _ratio(row: Row) -> float:
    return float(row["certified_upper"] / row["certified_lower"])


def _understated(row: Row) -> float:
    """By what share of the proved lower end the sampled error is too small."""
    return 1.0 - float(row["sampled_sup"] / row["certified_lower"])


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        where = f"{row['system']}, {kind(row)}"
        low, high = row["certified_lower"], row["certified_upper"]
        assert row["guaranteed"], f"{where}: not guaranteed on this machine"
        assert 0.0 < low <= high < math.inf, f"{where}: [{low}, {high}] is no interval"
        assert row["sampled_sup"] <= high * (1 + _ROUNDING), f"{where}: sampled above the proof"
        assert row["status"] in ("ok", "budget"), f"{where}: status {row['status']}"
        if row["status"] == "ok":
            assert _ratio(row) <= (1 + row["rtol"]) * (1 + _ROUNDING), f"{where}: too wide"
        assert row["boxes"] <= row["most_boxes"], f"{where}: more boxes than allowed"
        assert min(row["certify_s"], row["fit_s"]) > 0, f"{where}: negative times"
        system = SYSTEMS[row["system"]]
        published = system.large_eps if row["size"] == "large" else system.eps
        assert row["published_eps"] == published, f"{where}: another published tolerance"
    for row in of(rows, size="small", activation="tanh"):
        where = f"{row['system']}, {kind(row)}"
        assert smaller(row) > 1.0, f"{where}: not proved below the published tolerance"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    closed, tanh = of(rows, status="ok"), of(rows, size="small", activation="tanh")
    said = [
        f"Largest error of any component on the whole box, proved from both sides by "
        f"certify.sup_norm, for {len(rows)} networks on {len(distinct(rows, 'system'))} of the "
        "published vector fields, beside the tolerances that Mathiesen et al. (arXiv 2505.15497) "
        "proved for theirs."
    ]
    if closed:
        said.append(
            f"{len(closed)} of {len(rows)} intervals are closed to upper/lower at most "
            f"{max(_ratio(row) for row in closed):.3f}, in "
            f"{min(row['certify_s'] for row in closed):.1f} to "
            f"{max(row['certify_s'] for row in closed):.1f} s each."
        )
    for row in rows:
        if row["status"] != "ok":
            said.append(
                f"{row['system']} with {kind(row)} ended at {row['most_boxes']} boxes, ratio "
                f"{_ratio(row):.3g}: still a theorem."
            )
    if tanh:
        found = [smaller(row) for row in tanh]
        tight = sum(row["certified_upper"] < SYSTEMS[row["system"]].large_eps for row in tanh)
        said.append(
            f"With tanh and the published hidden layers the proved error is {min(found):.3g} to "
            f"{max(found):.3g} times below the tolerance of the same size, and {tight} of "
            f"{len(tanh)} are below the one published for three layers of 64."
        )
    for size, activation in (("small", "relu"), ("large", "tanh")):
        some = of(rows, size=size, activation=activation)
        if some:
            below = sum(smaller(row) > 1.0 for row in some)
            said.append(
                f"{KINDS[size, activation]}: {below} of {len(some)} below the published tolerance."
            )
    worst = max(rows, key=_understated)
    if _understated(worst) > 0.001:
        said.append(
            f"The sampled estimate of errors.sup is up to {100 * _understated(worst):.1f} per cent "
            f"below what is proved ({worst['system']}, {kind(worst)})."
        )
    said.append(
        "Fields, boxes, hidden layers and what is measured are the same. Not comparable: theirs is "
        "the answer yes at one tolerance, for ReLU networks of other training in float32, without "
        "outward rounding; these are float64 networks fitted by Levenberg-Marquardt (three layers: "
        "L-BFGS), the best sampled error of a few seeds, with training points dense where a slope "
        "is infinite. Seconds are of this machine."
    )
    return " ".join(said)


def table(rows: Sequence[Row]) -> str:
    """A line per network."""
    lines = [
        f"{'':17}{'network':22}{'hidden':>10}{'published':>11}{'lower':>12}{'upper':>12}"
        f"{'ratio':>8}{'boxes':>9}{'certify':>10}{'fit':>9}  status"
    ]
    for row in rows:
        lines.append(
            f"{row['system']:17}{kind(row):22}{row['hidden']:>10}{row['published_eps']:>11.3g}"
            f"{row['certified_lower']:>12.4g}{row['certified_upper']:>12.4g}{_ratio(row):>8.3f}"
            f"{row['boxes']:>9}{row['certify_s']:>8.1f} s{row['fit_s']:>7.1f} s  {row['status']}"
        )
    return "\n".join(lines)
