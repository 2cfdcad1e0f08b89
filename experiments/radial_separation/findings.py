"""What the rows of `radial_separation` show: checks, caption and table.

Everything here reads rows only, so a figure can be drawn again without computing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["DEVIATIONS", "TARGETS", "advantage", "caption", "check", "errors", "outcome", "table"]

TARGETS = {
    "ball": "the indicator of the unit ball",
    "wave": "the wave cos(2 pi |x|)",
    "norm": "the norm |x|",
}
DEVIATIONS = {"ball": 0.5, "wave": math.sqrt(0.5), "norm": math.sqrt(1 / 3)}
"""Standard deviations of the targets for a radius uniform on [0, 2], in every dimension."""

_FACTOR = 1.5  # smaller ratios between the median errors of one and two layers count as equal
_WAYS = "init", "hidden", "rate", "ended_by"
_STEPS, _BUDGET = 2000, 2000  # from here on the sentence on the ball is required of any seed


def errors(rows: Sequence[Row], target: str, dim: int, layers: int) -> list[float]:
    """The errors of the chosen way, of every seed."""
    return column(of(rows, target=target, dim=dim, layers=layers, chosen=True), "error")


def advantage(rows: Sequence[Row], target: str, dim: int) -> float:
    """The median error of one hidden layer, divided by that of two."""
    one, two = (median(errors(rows, target, dim, layers)) for layers in (1, 2))
    return one / two


def outcome(rows: Sequence[Row], target: str) -> dict[str, list[int]]:
    """The dimensions where two layers are better, where neither is, and where one is better."""
    found: dict[str, list[int]] = {"two": [], "neither": [], "one": []}
    for dim in distinct(rows, "dim"):
        ratio = advantage(rows, target, dim)
        kind = "two" if ratio > _FACTOR else "one" if ratio * _FACTOR < 1 else "neither"
        found[kind].append(dim)
    return found


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any seed.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        where = f"{row['target']}, d = {row['dim']}, {row['layers']} layers, {row['hidden']}"
        assert abs(row["share_inside"] - 0.5) < 0.025, f"{where}: the ball is not half of the data"
        sizes = row["num_parameters"], row["budget"]
        assert abs(sizes[0] - sizes[1]) <= 0.05 * sizes[1], f"{where}: {sizes[0]} parameters"
        assert row["error"] > 0, f"{where}: error {row['error']}"
        if row["chosen"]:
            assert row["error"] < 1.2, f"{where}: far worse than the best constant"
            ratio = row["error"] / row["validation_error"]
            assert 0.8 < ratio < 1.25, f"{where}: fresh and validation samples disagree"
        if row["target"] == "ball":
            # Where the answer is wrong, the square of the error is 1/4 at least.
            most = row["error"] ** 2 * (1 + 1e-6)
            assert row["share_misclassified"] <= most, f"{where}: more wrong than the error allows"
    for cell in _cells(rows):
        _check_choice(cell)
    for dim in distinct(of(rows, target="ball"), "dim"):
        trained = rows[0]["steps"] >= _STEPS and rows[0]["budget"] >= _BUDGET
        if trained and 4 <= dim <= 16:
            ratio = advantage(rows, "ball", dim)
            assert ratio > 1, f"ball, d = {dim}: one hidden layer is better, {ratio:.2g} times"


def _check_choice(cell: Sequence[Row]) -> None:
    """The chosen way, and no other, has the least median error of validation."""
    ways: dict[tuple[object, ...], list[Row]] = {}
    for row in cell:
        ways.setdefault(tuple(row[name] for name in _WAYS), []).append(row)
    middle = {way: median(column(mine, "validation_error")) for way, mine in ways.items()}
    chosen = [way for way, mine in ways.items() if all(row["chosen"] for row in mine)]
    name = f"{cell[0]['target']}, d = {cell[0]['dim']}"
    assert len(chosen) == 1, f"{name}: {len(chosen)} ways were chosen"
    assert middle[chosen[0]] == min(middle.values()), f"{name}: the chosen way is not the best"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    first, chosen = rows[0], of(rows, chosen=True)
    ways = [len({tuple(r[n] for n in _WAYS) for r in cell}) for cell in _cells(rows)]
    return " ".join(
        [
            f"ReLU networks of about {first['budget']} parameters with one and with two hidden "
            f"layers, {first['seeds']} seeds each; the best of {min(ways)} ways of training by "
            "validation samples; root mean square error at fresh samples, divided by the standard "
            "deviation of the target, 1 for the best constant. A point is a uniform direction "
            "times a radius uniform on [0, 2].",
            *(_of_target(rows, target) for target in distinct(rows, "target")),
            *_of_growth(rows),
            *_of_the_ball(chosen),
            "This compares networks that training found; it bounds no network that it did not "
            "find.",
        ]
    )


def table(rows: Sequence[Row]) -> str:
    """Median errors of both depths, their ratio, and the ways that were chosen."""
    lines = [f"{'target':8}{'d':>4}{'one':>9}{'two':>9}{'ratio':>8}   chosen for one, for two"]
    for target in distinct(rows, "target"):
        for dim in distinct(rows, "dim"):
            one, two = (median(errors(rows, target, dim, layers)) for layers in (1, 2))
            ways = "; ".join(_way(rows, target, dim, layers) for layers in (1, 2))
            lines.append(f"{target:8}{dim:>4}{one:>9.3f}{two:>9.3f}{one / two:>8.2f}   {ways}")
    return "\n".join(lines)


def _way(rows: Sequence[Row], target: str, dim: int, layers: int) -> str:
    row = of(rows, target=target, dim=dim, layers=layers, chosen=True)[0]
    return f"{row['hidden']} {row['init']} {row['rate']:g} {row['ended_by']}"


def _cells(rows: Sequence[Row]) -> list[list[Row]]:
    cells: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["target"], row["dim"], row["layers"]), []).append(row)
    return list(cells.values())


def _of_target(rows: Sequence[Row], target: str) -> str:
    """Where a second layer pays, whatever the rows show."""
    words = {
        "two": "two layers have the smaller median error",
        "neither": f"the median errors are within a factor {_FACTOR:g}",
        "one": "one layer has the smaller median error",
    }
    said = []
    for kind, dims in outcome(rows, target).items():
        if dims:
            ratios = [advantage(rows, target, dim) for dim in dims]
            ratios = [1 / ratio for ratio in ratios] if kind == "one" else ratios
            times = f" ({_range(ratios)} times)" if kind != "neither" else ""
            said.append(f"{words[kind]} for d = {', '.join(map(str, dims))}{times}")
    name = TARGETS[target]
    return f"{name[0].upper()}{name[1:]}: {'; '.join(said)}."


def _of_growth(rows: Sequence[Row]) -> list[str]:
    """Where the advantage of two layers is largest: a theorem for large d says nothing of this."""
    dims, largest = distinct(rows, "dim"), []
    for target in distinct(rows, "target"):
        best = max(dims, key=lambda dim: advantage(rows, target, dim))
        if advantage(rows, target, best) > _FACTOR:
            largest.append(f"d = {best} for the {target}")
    if not largest or len(dims) == 1:
        return []
    return [f"The ratio of the errors is largest at {', at '.join(largest)}."]


def _range(ratios: Sequence[float]) -> str:
    low, high = f"{min(ratios):.2g}", f"{max(ratios):.2g}"
    return low if low == high else f"{low} to {high}"


def _of_the_ball(chosen: Sequence[Row]) -> list[str]:
    """How many points end on the wrong side of 1/2."""
    ball = of(chosen, target="ball")
    if not ball:
        return []
    dim = max(column(ball, "dim"))
    one, two = (
        100 * median(column(of(ball, dim=dim, layers=layers), "share_misclassified"))
        for layers in (1, 2)
    )
    return [
        f"Rounded to 0 or 1, the median network is wrong about the ball at {one:.1f} % of the "
        f"points with one layer and at {two:.1f} % with two, for d = {dim}."
    ]
