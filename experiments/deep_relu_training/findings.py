"""What the rows of `deep_relu_training` show: checks, caption and table."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

from experiments.drawing.rows import Row, column, distinct, of, of_the_catalogue

__all__ = [
    "VARIANT_NAMES",
    "WAYS",
    "below_shallow",
    "best",
    "by_shape",
    "caption",
    "check",
    "median",
    "shallow",
    "table",
    "worst",
]

WAYS = {
    "adam": "Kaiming, Adam",
    "levenberg_marquardt": "Kaiming, Levenberg-Marquardt",
    "continuation": "fit_deep",
}
VARIANT_NAMES = {
    "one_stage": "no stages",
    "opposite": "opposite bend",
    "spread_0.01": "start blurred 1%",
    "spread_0.05": "start blurred 5%",
}
PLAIN = "4-4-4-4-4"
_UNITS = 20
_ENOUGH = 10.0  # how far below the best shallow network the root mean square on exp must be
_POINTS_TELL = 3.0  # mean squares at 500 points and over the interval differ by less, if smooth
_SMOOTH = ("cube", "power11", "exp", "runge")


def best(rows: Sequence[Row], field: str = "mean_square") -> float:
    """The smallest of the errors."""
    return float(min(column(rows, field)))


def median(rows: Sequence[Row], field: str = "mean_square") -> float:
    """The middle of the errors."""
    return float(statistics.median(column(rows, field)))


def worst(rows: Sequence[Row], field: str = "mean_square") -> float:
    """The largest of the errors."""
    return float(max(column(rows, field)))


def shallow(rows: Sequence[Row], target: str) -> Row:
    """The row of shallow networks of as many units."""
    (row,) = of(rows, story="shallow", target=target)
    return row


def below_shallow(rows: Sequence[Row], target: str) -> float:
    """Root mean square of the best shallow network, at least, over that of the best deep one."""
    least = shallow(rows, target)["least_mean_square_lower"]
    return math.sqrt(least / best(of(rows, story="trained", target=target, way="continuation")))


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        if "pieces" in row:
            _check_network(rows, row)
    for row in of(rows, story="shallow"):
        where = f"{row['target']}, shallow"
        low, high = row["least_mean_square_lower"], row["least_mean_square_upper"]
        assert low <= high, f"{where}: the optimum is not enclosed"
        assert row["num_hidden_units"] == _UNITS, f"{where}: units miscounted"
        assert row["mean_square"] >= low, f"{where}: below what is possible"
    floors = sorted(of(rows, story="floor"), key=lambda row: float(row["n"]))
    for few, many in itertools.pairwise(floors):
        assert few["least_mean_square_upper"] >= many["least_mean_square_lower"], (
            f"{many['n']} pieces: more pieces are worse"
        )
    for target in distinct(of(of_the_catalogue(rows), story="trained"), "target"):
        _check_ours(rows, target)


def _check_network(rows: Sequence[Row], row: Row) -> None:
    where = f"{row['story']}, {row['target']}, {row['hidden']}, network {row['network']}"
    widths = [int(width) for width in row["hidden"].split("-")]
    assert row["num_hidden_units"] == sum(widths) == _UNITS, f"{where}: units miscounted"
    (flat,) = of(rows, story="shallow", target=row["target"])
    if row["pieces"] <= _UNITS + 1:
        assert row["mean_square"] >= flat["least_mean_square_lower"], (
            f"{where}: below what so many pieces can reach"
        )
    if len(widths) == 1:
        assert row["pieces"] <= _UNITS + 1, f"{where}: more pieces than one layer has"
    if "least_mean_square_lower" in row:
        low, high = row["least_mean_square_lower"], row["least_mean_square_upper"]
        assert low <= min(high, row["mean_square"]), f"{where}: below the bound for its pieces"


def _check_ours(rows: Sequence[Row], target: str) -> None:
    ours = of(rows, story="trained", target=target, way="continuation")
    top = _top(ours)
    assert top["pieces"] > _UNITS + 1, f"{target}: the best deep network is a shallow one"
    assert "least_mean_square_lower" in top, f"{target}: no bound for the best network's pieces"
    assert below_shallow(rows, target) > 1.0, f"{target}: the best is not below shallow networks"
    if target == "exp":
        assert below_shallow(rows, target) >= _ENOUGH, "exp: not ten times below shallow networks"
    if target in _SMOOTH:
        ratio = top["mean_square_of_500"] / top["mean_square"]
        assert 1.0 / _POINTS_TELL < ratio < _POINTS_TELL, f"{target}: 500 points tell another error"
    for other in of(rows, story="trained", target=target):
        if other["way"] != "continuation":
            same = of(rows, story="trained", target=target, way=other["way"])
            assert best(ours) < best(same), (
                f"{target}: {other['way']} from random weights is better"
            )
    for row in of(rows, story="published", target=target):
        where = f"{target}, published {row['start']}"
        assert row["best"] <= row["mean"], f"{where}: the best is worse than the mean"
        assert best(ours, "mean_square_of_500") < row["best"], f"{where}: a better best"
        assert median(ours, "mean_square_of_500") < row["mean"], f"{where}: a mean below our median"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    trained = of(rows, story="trained")
    targets = distinct(trained, "target")
    ours = {target: of(trained, target=target, way="continuation") for target in targets}
    seeds = len(ours[targets[0]])
    reached = "; ".join(
        f"{target} {best(mine):.1e}, {median(mine):.1e}, {worst(mine):.1e}"
        for target, mine in ours.items()
    )
    factors = ", ".join(f"{target} {below_shallow(rows, target):.3g}" for target in targets)
    under = ", ".join(f"{target} {_under(rows, mine)}" for target, mine in ours.items())
    pieces = [_top(mine)["pieces"] for mine in ours.values()]
    random = [row for row in trained if row["way"] != "continuation"]
    return " ".join(
        [
            f"Networks of 20 ReLUs in five plain layers of four, {seeds} per target and way, on "
            "[0, 1]. Mean square error over the interval after fit_deep (best, median, worst): "
            f"{reached}.",
            "One hidden layer of 20 ReLUs has at most 21 pieces, and the error of every such "
            "function is bounded from below (black bars; proved up to quadrature). The best deep "
            "network has a root mean square error this many times below that bound: "
            f"{factors}. Of {seeds} networks of fit_deep so many are below it: {under}.",
            f"The best have {min(pieces)} to {max(pieces)} pieces.",
            f"Of {len(random)} networks trained from random weights {_under(rows, random)} are "
            "below it."
            if random
            else "",
            *(_compared(rows, target) for target in targets),
            _tried(rows),
        ]
    ).replace("  ", " ")


def _top(mine: Sequence[Row]) -> Row:
    return min(mine, key=lambda row: float(row["mean_square"]))


def _under(rows: Sequence[Row], some: Sequence[Row]) -> int:
    """How many networks are below the bound for one hidden layer."""
    return sum(
        row["mean_square"] < shallow(rows, row["target"])["least_mean_square_lower"] for row in some
    )


def _compared(rows: Sequence[Row], target: str) -> str:
    found = of(rows, story="published", target=target, start="milkert")
    if not found:
        return ""
    mine = of(rows, story="trained", target=target, way="continuation")
    return (
        f"{target}, mean square at 500 points: best {best(mine, 'mean_square_of_500'):.1e}, median "
        f"{median(mine, 'mean_square_of_500'):.1e}; published best {found[0]['best']:.2e}, mean "
        f"{found[0]['mean']:.2e}."
    )


def _tried(rows: Sequence[Row]) -> str:
    """Medians of what else was tried on the shown target."""
    shown = of(rows, story="floor")[0]["target"]
    said = [
        f"{name} {median(of(rows, story='variant', variant=variant)):.1e}"
        for variant, name in VARIANT_NAMES.items()
        if of(rows, story="variant", variant=variant)
    ]
    shapes = [
        f"{shape} {median(mine):.1e}" for shape, mine in by_shape(rows).items() if shape != PLAIN
    ]
    return (
        f"On {shown}, medians of other ways to begin or to follow: {', '.join(said)}; of 20 ReLUs "
        f"in fewer layers: {', '.join(shapes)}."
    )


def by_shape(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Networks of `fit_deep` on the shown target, by their layers, the shallowest first."""
    shown = of(rows, story="floor")[0]["target"]
    mine = [
        *of(rows, story="shape"),
        *of(rows, story="trained", target=shown, way="continuation"),
    ]
    named: dict[str, list[Row]] = {}
    for row in mine:
        named.setdefault(row["hidden"], []).append(row)
    return named


def table(rows: Sequence[Row]) -> str:
    """Best, median and worst of every way, pieces, bounds, and what else was tried."""
    head = (
        f"{'':10}{'way':32}{'best':>10}{'median':>10}{'worst':>10}{'best/500':>11}{'med/500':>10}"
    )
    lines = [head + f"{'pieces':>14}"]
    for target in distinct(of(rows, story="trained"), "target"):
        for way, name in WAYS.items():
            mine = of(rows, story="trained", target=target, way=way)
            if mine:
                lines.append(_line(target, name, mine))
        flat = shallow(rows, target)
        lines.append(
            f"{target:10}{'20 units in one layer: at least':32}"
            f"{flat['least_mean_square_lower']:>10.2e}, found {flat['mean_square']:.2e}, "
            f"at 500 points {flat['mean_square_of_500']:.2e}"
        )
        top = _top(of(rows, story="trained", target=target, way="continuation"))
        lines.append(
            f"{target:10}{'the best one: with its pieces':32}"
            f"{top['least_mean_square_lower']:>10.2e} at least; root mean square "
            f"{below_shallow(rows, target):.3g} times below one layer"
        )
        for row in of(rows, story="published", target=target):
            lines.append(
                f"{target:10}{'published: ' + row['start']:32}{'':30}{row['best']:>11.2e}"
                f"{'mean':>6}{row['mean']:>10.2e}"
            )
    for variant, name in VARIANT_NAMES.items():
        if mine := of(rows, story="variant", variant=variant):
            lines.append(_line(mine[0]["target"], name, mine))
    for shape, mine in by_shape(rows).items():
        lines.append(_line(mine[0]["target"], shape, mine))
    return "\n".join(lines)


def _line(target: str, name: str, mine: Sequence[Row]) -> str:
    numbers = [
        *(of_all(mine) for of_all in (best, median, worst)),
        *(of_all(mine, "mean_square_of_500") for of_all in (best, median)),
    ]
    low, high = min(column(mine, "pieces")), max(column(mine, "pieces"))
    shown = "".join(f"{number:>14.2e}" for number in numbers)
    return f"{target:10}{name:32}{shown}{f'{low} to {high}':>14}"
