"""What the rows of `jacobian_chain` show: checks, caption and table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from experiments.drawing.rows import Row, of

__all__ = ["METHODS", "WRITING", "caption", "check", "flop_ratio", "shared", "table"]

METHODS = {
    "forward": "JAX, forward mode",
    "reverse": "JAX, reverse mode",
    "structured_forward": "forward, identity skipped",
    "structured_reverse": "reverse, identity skipped",
    "planned": "planned bracketing",
}
WRITING = "writing"  # an array as large as the Jacobians, without computing anything
_MODES = ("forward", "reverse")
_EPS = 2.0**-23
_LARGE = 10**8  # with more FLOPs the overhead of a call is negligible


def flop_ratio(rows: Sequence[Row], row: Row) -> float:
    """FLOPs executed by a contender divided by those of the plan, for the same network."""
    (best,) = of(
        rows, story="time", method="planned", bottleneck=row["bottleneck"], batch=row["batch"]
    )
    return row["dot_flops"] / best["dot_flops"]


def shared(row: Row) -> int:
    """FLOPs saved in a batch by the modes of JAX: the product with the identity is made once."""
    n = [int(width) for width in row["widths"].split("-")]
    once = {"forward": 2 * n[0] * n[0] * n[1], "reverse": 2 * n[-1] * n[-1] * n[-2]}
    return (row["batch"] - 1) * once.get(row["method"], 0)


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    timed = of(rows, story="time")
    for row in timed:
        if row["method"] == WRITING:
            continue
        where = f"{row['method']}, bottleneck {row['bottleneck']}, batch {row['batch']}"
        executed = row["batch"] * row["predicted_flops"] - shared(row)
        assert row["dot_flops"] == executed, f"{where}: {row['dot_flops']} FLOPs, not {executed}"
        assert flop_ratio(timed, row) >= 1, f"{where}: fewer FLOPs than the plan"
        limit = 64 * _EPS * int(row["widths"].split("-")[0])
        assert row["difference"] <= limit, f"{where}: differs by {row['difference']:.1e}"
        if row["method"] in _MODES and flop_ratio(timed, row) > 10 and row["dot_flops"] > _LARGE:
            assert row["ratio_s"] > 1, f"{where}: 10 times the FLOPs of the plan, but faster"
    for tree in ("planned", "forward"):
        nodes = of(rows, story="tree", tree=tree)
        widths = [int(width) for width in nodes[0]["widths"].split("-")]
        passes = sum(2 * n * m for n, m in itertools.pairwise(widths))
        total = passes + sum(node["flops"] for node in nodes)
        assert total == nodes[0]["dot_flops"], f"{tree}: nodes and forward pass cost {total}"
    plans = of(rows, story="budget")
    for one, two in itertools.pairwise(plans):
        assert one["dot_flops"] < two["dot_flops"], "a smaller budget does not need more FLOPs"
        assert one["peak_bytes"] > two["peak_bytes"], "a plan with more FLOPs does not hold less"
    assert plans[0]["dot_flops"] <= min(plans[0]["forward_flops"], plans[0]["reverse_flops"])


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    timed, trees, plans = (of(rows, story=name) for name in ("time", "tree", "budget"))
    planned = of(trees, tree="planned")[0]
    first = of(timed, batch=1)
    shown = [row for row in first if row["widths"] == planned["widths"]]
    said = [
        f"Value and Jacobian of a {planned['widths']} tanh network in float32. "
        f"The tree {planned['text']} costs {planned['dot_flops']:,} FLOPs, "
        "the forward pass included"
    ]
    for row in shown or first[:2]:
        if row["method"] in _MODES:
            said.append(
                f"{METHODS[row['method']]} {row['predicted_flops']:,} "
                f"({flop_ratio(timed, row):.1f} times the FLOPs, {row['ratio_s']:.1f} times the "
                "time at one point)"
            )
    lower = of(trees, tree="forward")[0]["dot_flops"]
    text = "; ".join(said) + ". "
    text += f"The lower tree, forward mode without the product by the identity, costs {lower:,}. "
    text += (
        "FLOPs executed are exactly those of the plan. In a batch JAX multiplies the identity by "
        "the outer weights once for all points, and it is counted once. Times are medians of "
        "paired ratios in one run. "
    )
    text += _end_of_gain(timed) + _writing(timed, planned["widths"])
    return text + (
        f"Memory budgets (predicted): the {len(plans)} best plans for {plans[0]['widths']} range "
        f"from {plans[0]['dot_flops'] / 1e6:.1f} MFLOP and {plans[0]['peak_bytes'] / 1024:.0f} KiB "
        f"to {plans[-1]['dot_flops'] / 1e6:.1f} MFLOP and {plans[-1]['peak_bytes'] / 1024:.0f} "
        "KiB; fewer FLOPs always need more bytes."
    )


def _end_of_gain(timed: Sequence[Row]) -> str:
    """The gain of the plan at the widest bottleneck, where it is smallest."""
    widest = max(row["bottleneck"] for row in timed)
    cells = of(timed, bottleneck=widest, batch=1)
    mode = min((row for row in cells if row["method"] in _MODES), key=lambda row: row["ratio_s"])
    pure = [row for row in cells if row["method"].startswith("structured")]
    best = min(pure, key=lambda row: row["dot_flops"])
    return (
        f"At b = {widest} the better mode of JAX takes {flop_ratio(timed, mode):.2f} times the "
        f"FLOPs and {mode['ratio_s']:.2f} times the time of the plan; one mode that only skips the "
        f"identity takes {flop_ratio(timed, best):.2f} times the FLOPs and {best['ratio_s']:.2f} "
        "times the time. "
    )


def _writing(timed: Sequence[Row], widths: str) -> str:
    """The share of writing the result in the time of the plan, at the largest batch."""
    cells = of(timed, method=WRITING, widths=widths)
    if not cells:
        return ""
    row = max(cells, key=lambda row: row["batch"])
    return (
        f"Only writing {row['result_bytes'] / 2**20:.0f} MiB of Jacobians, without computing them, "
        f"takes {100 * row['ratio_s']:.0f}% of the time of the plan at batch {row['batch']}. "
        "Memory: markers are buffers of XLA; the line of the plan does not include scaled copies "
        "and the forward pass. "
    )


def table(rows: Sequence[Row]) -> str:
    """Ratios to the plan: FLOPs executed and time, by bottleneck and batch."""
    timed = of(rows, story="time")
    lines = [
        f"{'b':>5}{'batch':>7}  {'method':28}{'FLOPs':>16}{'ratio':>8}{'time':>12}{'ratio':>8}"
        f"{'extra memory':>16}"
    ]
    for row in timed:
        name = METHODS.get(row["method"], "writing the result alone")
        lines.append(
            f"{row['bottleneck']:>5}{row['batch']:>7}  {name:28}"
            f"{row['dot_flops']:>16,}{flop_ratio(timed, row):>8.2f}{row['run_s'] * 1e6:>9.0f} us"
            f"{row['ratio_s']:>8.2f}{row['temp_bytes'] / 1024:>12.0f} KiB"
        )
    lines.append("")
    for plan in of(rows, story="budget"):
        lines.append(
            f"{plan['peak_bytes']:>9,} bytes held, {plan['dot_flops']:>12,} FLOPs  {plan['text']}"
        )
    return "\n".join(lines)
