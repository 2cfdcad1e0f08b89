"""What the rows of `width_vs_depth` say: checked, in words, and as a table.

Everything here reads rows only, so a figure can be drawn again without computing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

__all__ = ["Row", "caption", "check", "of", "table"]

Row = Mapping[str, Any]

_GAP = 3.0  # "far above": the least factor that the caption claims of trained deep networks


def of(rows: Sequence[Row], **fields: object) -> list[Row]:
    """The rows with these values."""
    return [row for row in rows if all(row.get(name) == value for name, value in fields.items())]


def check(rows: Sequence[Row]) -> None:
    """Every sentence of the caption that holds for any seed.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="built"):
        name, n = row["construction"], row["levels"]
        claim, error = row["claimed_sup_error"], row["sup_error"]
        assert abs(error - claim) <= 1e-12 * claim, f"{name}, {n} levels: {error} is not {claim}"
        assert row["pieces"] == 2**n, f"{name}, {n} levels: {row['pieces']} pieces, not 2^{n}"
    for row in of(rows, story="built", construction="square_deep"):
        assert row["sup_error"] <= 2.0 ** (-2 * row["levels"] - 3) * (1 + 1e-12)
        assert row["num_hidden_units"] == row["levels"], "not one ReLU per level"
    for row in of(rows, target="square", activation="relu"):
        assert not row["relative_l2_error"] < row["optimum_relative_l2"] * (1 - 1e-6), (
            f"a network with {row['num_parameters']} parameters is better than any can be"
        )
    for (depth, _), gap in _gaps(rows).items():
        assert depth == 1 or gap >= _GAP, f"depth {depth} comes within {gap:.2g} of its optimum"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    deep, shallow = (of(rows, construction=f"square_{kind}") for kind in ("deep", "shallow"))
    last, wide = deep[-1], shallow[-1]
    lines = [
        f"Built: for x^2 on [0, 1], {last['num_hidden_units']} ReLUs in as many layers and "
        f"{wide['num_hidden_units']} in one layer have the same sup error "
        f"{last['sup_error']:.2g}; with N ReLUs no wiring goes below 2^(-2N-3).",
        "Trained: median and quartiles over seeds, L-BFGS on all training points.",
        *_sentences(rows),
    ]
    return " ".join(lines)


def table(rows: Sequence[Row]) -> str:
    """Median relative L2 error at the largest budget, by depth."""
    trained = of(rows, story="trained")
    depths = sorted({row["depth"] for row in trained})
    budget = max(row["budget"] for row in trained)
    width = max(len(f"{row['target']} {row['activation']}") for row in trained)
    head = f"{'':{width}}" + "".join(f"{f'depth {d}':>11}" for d in depths)
    lines = [f"Median relative L2 error, about {budget} parameters", head]
    for target, activation in _panels(rows):
        cells = [_median(rows, target, activation, depth, budget) for depth in depths]
        numbers = "".join(f"{value:>11.1e}" for value in cells)
        lines.append(f"{f'{target} {activation}':{width}}{numbers}")
    for (depth, size), gap in _gaps(rows).items():
        word = "optimum" if depth == 1 else "least error of its number of pieces"
        lines.append(f"x^2, ReLU, depth {depth}, {size} parameters: {gap:.3g} times the {word}")
    return "\n".join(lines)


def _sentences(rows: Sequence[Row]) -> list[str]:
    """What training made of depth: said of the data, whatever they show."""
    trained = of(rows, story="trained")
    budget = max(row["budget"] for row in trained)
    depths = sorted({row["depth"] for row in trained})
    gains = []
    for target, activation in _panels(rows):
        errors = {d: _median(rows, target, activation, d, budget) for d in depths}
        best = min(errors, key=lambda d: errors[d])
        gains.append((target, activation, best, errors[depths[0]] / errors[best]))
    deeper = [f"{t} {a} ({g:.2g}x, depth {d})" for t, a, d, g in gains if g > 2]
    same = [f"{t} {a}" for t, a, _, g in gains if g <= 2]
    text = [f"At about {budget} parameters the median error of the best depth is"]
    if deeper:
        text.append(f"below that of depth {depths[0]} for {', '.join(deeper)}" + "," * bool(same))
    if same:
        text.append(f"within a factor 2 of it for {', '.join(same)}")
    sentences = [" ".join(text) + "."]
    gaps = {depth: gap for (depth, _), gap in _gaps(rows).items()}
    if gaps:
        listed = ", ".join(f"{gap:.2g} at depth {depth}" for depth, gap in gaps.items())
        sentences.append(
            f"Training does not realise what depth allows: for x^2 the ReLU networks of about "
            f"{budget} parameters end above the least possible error by a factor of {listed}."
        )
    return sentences


def _panels(rows: Sequence[Row]) -> list[tuple[str, str]]:
    trained = of(rows, story="trained")
    return list(dict.fromkeys((row["target"], row["activation"]) for row in trained))


def _median(rows: Sequence[Row], target: str, activation: str, depth: int, budget: int) -> float:
    cell = of(rows, story="trained", target=target, activation=activation, depth=depth)
    errors = [row["relative_l2_error"] for row in cell if row["budget"] == budget]
    return median(e if math.isfinite(e) else math.inf for e in errors)


def _gaps(rows: Sequence[Row]) -> dict[tuple[int, int], float]:
    """(depth, parameters) at the largest budget: median error for x^2 over the least possible."""
    cells = of(rows, story="trained", target="square", activation="relu")
    if not cells:
        return {}
    largest = of(cells, budget=max(row["budget"] for row in cells))
    gaps: dict[tuple[int, int], list[float]] = {}
    for row in largest:
        gap = row["relative_l2_error"] / row["optimum_relative_l2"]
        gaps.setdefault((row["depth"], row["num_parameters"]), []).append(gap)
    return {key: median(values) for key, values in sorted(gaps.items())}
