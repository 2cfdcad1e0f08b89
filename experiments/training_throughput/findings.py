"""What the rows of `training_throughput` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from experiments.drawing.rows import Row

__all__ = [
    "NAMES",
    "PIECES",
    "caption",
    "cases",
    "check",
    "per_step",
    "rates",
    "sizes",
    "table",
]

NAMES = {
    "sweep": "approxlab, sweep over all cores",
    "single_device": "approxlab, one device",
    "scan": "JAX, one scan, one device",
    "python_loop": "JAX, step in a Python loop",
    "pytorch_twice": "PyTorch eager, fused, two processes",
    "pytorch_compiled": "PyTorch compiled, fused Adam",
    "pytorch": "PyTorch eager, fused Adam",
    "pytorch_default": "PyTorch eager, default Adam",
    "scikit_learn": "scikit-learn",
}
"""Names of the ways to train in the figure."""

PIECES = ("products", "activation", "optimiser", "rest", "host")
"""The pieces of a step: rest is loss, biases and copies; host is the time between programs."""


def cases(rows: Sequence[Row]) -> list[str]:
    """The cases in the order of the rows."""
    return list(dict.fromkeys(row["case"] for row in rows))


def sizes(case: str) -> str:
    """Name, layers and number of points of a case."""
    return {
        "small": "small: 1-32-32-1, 256 points",
        "medium": "medium: 1-64-64-64-64-1, 1024 points",
    }[case]


def rates(rows: Sequence[Row], case: str, contender: str) -> list[float]:
    """Steps per second of a contender in all measurements, sorted; empty if it was not timed."""
    return sorted(
        row["steps_per_s"]
        for row in rows
        if (row["case"], row["contender"], row["status"]) == (case, contender, "timed")
    )


def check(rows: Sequence[Row]) -> None:
    """Everything was timed as often as required, and nothing is faster than the machine allows.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for case in cases(rows):
        mine = [row for row in rows if row["case"] == case]
        for name in mine[0]["contenders"].split(","):
            timed = rates(rows, case, name)
            absent = any(r["contender"] == name and r["status"] != "timed" for r in mine)
            assert absent or len(timed) == mine[0]["repeats"], f"{case}: {name} is missing"
            assert all(0 < rate < math.inf for rate in timed), f"{case}: a rate of {name}"
        share = _share(rows, case)
        assert share is None or share < 1.2, f"{case}: {share:.2f} of the best rate of products"


def per_step(rows: Sequence[Row], case: str) -> dict[str, float] | None:
    """Seconds of the whole machine for a step of one network, by piece; None if one is missing.

    Products, activation and optimiser are timed alone. The rest is the additional time of one
    program for the whole run, and host the additional time of the sweep over that program.
    """
    needed = {name: rates(rows, case, name) for name in ("sweep", "single_call", *PIECES[:3])}
    if not all(needed.values()):
        return None
    time = {name: 1.0 / median(found) for name, found in needed.items()}
    pieces = {name: time[name] for name in PIECES[:3]}
    pieces["rest"] = time["single_call"] - sum(pieces.values())
    pieces["host"] = time["sweep"] - time["single_call"]
    return pieces


def ratio(rows: Sequence[Row], case: str, one: str, other: str) -> float | None:
    """Median speed of one contender divided by that of another, if both were timed."""
    fast, slow = rates(rows, case, one), rates(rows, case, other)
    return median(fast) / median(slow) if fast and slow else None


def _share(rows: Sequence[Row], case: str) -> float | None:
    """Operations per second in products of the sweep, divided by the best rate of the machine."""
    best = peak(rows)
    timed = rates(rows, case, "sweep")
    if best is None or not timed:
        return None
    flops = next(r["product_flops"] for r in rows if r["case"] == case and r["status"] == "timed")
    return median(timed) * flops / best


def peak(rows: Sequence[Row]) -> float | None:
    """The best rate of products in any measurement, in operations per second.

    The best and not a median, since disturbances can only slow a measurement down.
    """
    return max((row["flops_per_s"] for row in rows if row["contender"] == "peak"), default=None)


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    first = rows[0]
    parts = [
        f"Training {first['seeds']} networks by Adam in float32, all points in every step: "
        f"{'; '.join(map(sizes, cases(rows)))}. Medians of "
        f"{first['repeats']} alternating measurements, each contender in its own process; "
        "compilation is not included."
    ]
    for case in cases(rows):
        said = [
            f"{value:.{digits}f} {text}"
            for text, digits, value in (
                ("times one scan on one device", 1, ratio(rows, case, "sweep", "scan")),
                ("times PyTorch eager", 1, ratio(rows, case, "sweep", "pytorch_default")),
                ("times the same with fused Adam", 1, ratio(rows, case, "sweep", "pytorch")),
                ("times PyTorch compiled", 1, ratio(rows, case, "sweep", "pytorch_compiled")),
                ("times PyTorch in two processes", 1, ratio(rows, case, "sweep", "pytorch_twice")),
                ("of the best rate of matrix products", 2, _share(rows, case)),
            )
            if value is not None
        ]
        if said:
            parts.append(f"Speed of the sweep, {case}: {', '.join(said)}.")
    return " ".join(parts)


def table(rows: Sequence[Row]) -> str:
    """Medians, their range, and compilation."""
    lines = [
        f"{'case':7} {'contender':32} {'steps/s':>10} {'least':>10} {'most':>10} {'compile':>8}"
    ]
    for case in cases(rows):
        for name in dict.fromkeys(row["contender"] for row in rows if row["case"] == case):
            timed = rates(rows, case, name)
            label = NAMES.get(name, name)
            if not timed:
                lines.append(f"{case:7} {label:32} {'not installed':>10}")
            elif name != "peak":
                compile_s = next(
                    row["compile_s"]
                    for row in rows
                    if (row["case"], row["contender"]) == (case, name)
                )
                lines.append(
                    f"{case:7} {label:32} {median(timed):10.4g} {timed[0]:10.4g} "
                    f"{timed[-1]:10.4g} {compile_s:7.2f}s"
                )
        share = _share(rows, case)
        if share is not None:
            lines.append(f"{case:7} share of the best rate of matrix products: {share:.2f}")
    best = peak(rows)
    if best is not None:
        lines.append(f"best rate of matrix products: {best / 1e9:.0f} GFLOP/s")
    return "\n".join(lines)
