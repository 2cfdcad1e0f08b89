"""What the rows of `cybenko_1d` show: checks, caption and tables."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.drawing.rows import Row, of, of_the_catalogue

__all__ = ["NAMES", "caption", "check", "table"]

NAMES = {
    "classical": "classical",
    "costarelli_spigler": "Costarelli-Spigler",
    "midpoint": "midpoint",
    "moderate": "midpoint, gain 0.4",
}


def check(rows: Sequence[Row]) -> None:
    """Checks that estimates are below claims and eps, orders agree with theory, claims are tight.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        if "claimed_sup_error" in row:
            name = f"{row['story']}, {row['target']}"
            assert row["sup_error"] <= row["claimed_sup_error"], f"{name}: claim broken"
    if rows[0]["dtype"] != "float64":
        return
    for row in of(rows, story="chosen"):
        name = f"cybenko({row['target']}, {row['eps']:g})"
        assert row["sup_error"] <= row["claimed_sup_error"] < row["eps"], f"{name}: not below eps"
    rows = of_the_catalogue(rows)
    for row in of(rows, story="size", construction="classical", rate_fine=True):
        assert -1.1 <= row["rate_slope"] <= -0.9, (
            f"classical staircase of {row['target']}: order {-row['rate_slope']:.3f}, not 1"
        )
    for row in of(rows, story="chosen"):
        name = f"cybenko({row['target']}, {row['eps']:g})"
        least = row["least_constant_pieces"]
        assert row["num_hidden_units"] <= least + 2, f"{name}: more units than constant pieces"
        assert row["gain_per_cell"] <= 1e3, f"{name}: units as steep as jumps"
    for row in of(rows, story="tight", fine=True):
        assert 1.0 <= row["claim_over_error"] <= 10.0, (
            f"{row['construction']} of {row['target']} on {row['box']}: claim is "
            f"{row['claim_over_error']:.3g} times the error"
        )
    for target in _targets(rows, "steep"):
        errors = [row["sup_error"] for row in of(rows, story="steep", target=target, kind="gain")]
        assert min(errors) < 0.9 * min(errors[0], errors[-1]), f"{target}: no optimal steepness"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    tight = of(rows, story="tight", fine=True)
    chosen = of(rows, story="chosen")
    smooth = max(chosen, key=lambda r: r["least_constant_pieces"] / r["num_hidden_units"])
    best = [_best(rows, target) for target in _targets(rows, "steep")]
    wide = of(rows, story="size", construction="moderate")[0]
    halo = wide["num_hidden_units"] - wide["n"]
    gains = ", ".join(f"{row['target']} {row['gain']:.2g}" for row in best)
    return (
        "Markers are estimates; dashed lines are claims that hold by theorem and include the tails "
        "of all jumps. The error of steep staircases (gain 32) falls like 1/n on every target; at "
        f"gain 0.4, with {halo} more units outside the interval, the steps overlap and the order "
        "for smooth targets is two. "
        f"The best gain at {best[0]['n']} cells (slope times cell width): {gains}. "
        "cybenko(g, eps) chooses cells, gain and halo from the claim alone: "
        f"{smooth['num_hidden_units']} units for {smooth['target']} and eps = {smooth['eps']:g}; "
        "constant pieces for the whole Lipschitz class need "
        f"{smooth['least_constant_pieces']:.0f}. "
        f"Claims are at most {max(r['claim_over_error'] for r in tight):.2g} times the estimate in "
        f"all {len(tight)} cases where L h (Lipschitz constant times cell width) is at most half "
        "the oscillation."
    )


def table(rows: Sequence[Row]) -> str:
    """Rates, sizes chosen by `cybenko`, and how tight the claims are."""
    return "\n".join([*_rates(rows), "", *_choices(rows), "", *_ratios(rows)])


def _rates(rows: Sequence[Row]) -> list[str]:
    lines = ["Measured order (95% interval); n >= 16 and L h at most half the oscillation"]
    lines.append(f"{'':12}" + "".join(f"{name:>24}" for name in NAMES.values()))
    for target in _targets(rows, "size"):
        cells = []
        for kind in NAMES:
            row = of(rows, story="size", target=target, construction=kind)[0]
            low, high = -row["rate_upper"], -row["rate_lower"]
            cells.append(f"{-row['rate_slope']:.3f} [{low:.2f}, {high:.2f}]")
        lines.append(f"{target:12}" + "".join(f"{cell:>24}" for cell in cells))
    return lines


def _choices(rows: Sequence[Row]) -> list[str]:
    lines = ["Units chosen by cybenko (error / eps), and L (b - a) / (2 eps)"]
    epsilons = list(dict.fromkeys(row["eps"] for row in of(rows, story="chosen")))
    lines.append(f"{'':12}" + "".join(f"{f'eps = {eps:g}':>26}" for eps in epsilons))
    for target in _targets(rows, "chosen"):
        cells = []
        for eps in epsilons:
            row = of(rows, story="chosen", target=target, eps=eps)[0]
            share = row["sup_error"] / eps
            cells.append(
                f"{row['num_hidden_units']} ({share:.2f}) {row['least_constant_pieces']:.0f}"
            )
        lines.append(f"{target:12}" + "".join(f"{cell:>26}" for cell in cells))
    return lines


def _ratios(rows: Sequence[Row]) -> list[str]:
    """Largest ratio over the boxes; a star where L h exceeds half the oscillation."""
    cells = of(rows, story="tight")
    lines = [f"Claim / estimate at n = {cells[0]['n']}, the largest over three boxes"]
    lines.append(f"{'':16}" + "".join(f"{name:>20}" for name in NAMES.values()))
    for target in _targets(rows, "tight"):
        ratios = []
        for kind in NAMES:
            found = of(cells, target=target, construction=kind)
            star = "" if all(row["fine"] for row in found) else "*"
            ratios.append(f"{max(row['claim_over_error'] for row in found):.3f}{star}")
        lines.append(f"{target:16}" + "".join(f"{ratio:>20}" for ratio in ratios))
    if not all(row["fine"] for row in cells):
        lines.append("* L h above half the oscillation: a cell is too wide for its steepest slope")
    return lines


def _targets(rows: Sequence[Row], story: str) -> list[str]:
    return list(dict.fromkeys(row["target"] for row in of(rows, story=story)))


def _best(rows: Sequence[Row], target: str) -> Row:
    return min(
        of(rows, story="steep", target=target, kind="gain"), key=lambda row: row["sup_error"]
    )
