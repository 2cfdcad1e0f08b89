"""What the rows of `linear_regions` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, distinct, of

__all__ = ["PICTURES", "Growth", "caption", "check", "growth", "table"]

PICTURES = {
    "shallow": "one hidden layer",
    "deep": "three layers, at initialisation",
    "trained": "the same three layers, trained",
}
_NEAR = 0.1  # the exponent is 1 within this, its interval included
_ENOUGH = (4, 50)  # sizes and networks in a cell from which the exponent is checked
_SIGMAS = 1.96  # of a normal distribution: 95 per cent

Growth = tuple[float, float, float]
"""An exponent, half of its interval, and the factor at exponent 1: breakpoints per unit."""


def growth(rows: Sequence[Row], depth: int) -> Growth:
    """Breakpoints ~ units^exponent: a straight line through the logarithms of the means.

    The interval is that of sampling the networks: 1.96 standard errors of the slope, from the
    standard errors of the means. The factor is the ratio of all breakpoints to all units.
    """
    cells = of(rows, story="initialisation", depth=depth)
    x = [math.log(row["units"]) for row in cells]
    y = [math.log(row["mean_breakpoints"]) for row in cells]
    middle = sum(x) / len(x)
    weights = [(v - middle) / sum((u - middle) ** 2 for u in x) for v in x]
    relative = [row["standard_error"] / row["mean_breakpoints"] for row in cells]
    error = math.sqrt(sum((w * e) ** 2 for w, e in zip(weights, relative, strict=True)))
    slope = sum(w * v for w, v in zip(weights, y, strict=True))
    factor = sum(row["mean_breakpoints"] for row in cells) / sum(row["units"] for row in cells)
    return slope, _SIGMAS * error, factor


def _is_large(rows: Sequence[Row], depth: int) -> bool:
    cells = of(rows, story="initialisation", depth=depth)
    return len(cells) >= _ENOUGH[0] and all(row["networks"] >= _ENOUGH[1] for row in cells)


def _depths(rows: Sequence[Row]) -> list[int]:
    return distinct(of(rows, story="initialisation"), "depth")


def _numbers(rows: Sequence[Row]) -> list[Row]:
    return of(rows, story="picture", shown="numbers")


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for depth in _depths(rows):
        if _is_large(rows, depth):
            slope, half, _ = growth(rows, depth)
            assert abs(slope - 1) + half <= _NEAR, f"depth {depth}: exponent {slope} +- {half}"
    for row in of(rows, story="initialisation"):
        where = f"depth {row['depth']}, {row['units']} units"
        assert row["most"] >= row["mean_breakpoints"] >= row["fewest"], f"{where}: mean"
        assert math.log10(1 + row["most"]) <= row["log10_bound"] + 1e-12, f"{where}: above bound"
        if row["depth"] == 1:
            assert row["most"] <= row["units"], f"{where}: more breakpoints than units"
    for row in of(rows, story="built"):
        assert row["pieces"] == 2 ** row["depth"], f"tent map {row['depth']}: {row['pieces']}"
    for row in of(rows, story="training"):
        where = f"training, depth {row['depth']}, step {row['step']}"
        assert row["fewest"] <= row["mean_pieces"] <= row["most"], where
        if row["depth"] == 1:
            assert row["most"] <= 1 + row["units"], f"{where}: more pieces than units allow"
    for row in _numbers(rows):
        _check_partition(row)
    for row in of(rows, story="square", contender="approxlab"):
        assert row["complete"], f"width {row['width']}: polygons were dropped"


def _check_partition(row: Row) -> None:
    name = row["picture"]
    euler = row["vertices"] - row["edges"] + row["polygons"]
    assert euler == 1, f"{name}: V - E + F = {euler}"
    assert row["complete"], f"{name}: polygons were dropped"
    assert row["mean_degree"] <= 4, f"{name}: mean degree {row['mean_degree']}"
    assert row["affine"] <= row["open_connected"] <= row["polygons"], f"{name}: order of counts"
    assert row["polygons"] <= row["bound"], f"{name}: more polygons than possible"
    if "crossings" in row:
        expected = 1 + row["lines"] + row["crossings"]
        assert row["polygons"] == expected, f"{name}: {row['polygons']} polygons, not {expected}"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    parts = ["Linear regions of ReLU networks, counted exactly for the stored weights."]
    parts += _of_initialisation(rows)
    built = of(rows, story="built")
    if built:
        last = built[-1]
        parts.append(
            f"Tent maps have exactly 2^k pieces for k = 1 to {last['depth']}: {last['pieces']} "
            f"with {last['num_hidden_units']} ReLUs and {last['num_linear_units']} linear units."
        )
    for depth, name in ((1, "One hidden layer"), (3, "Three hidden layers")):
        cells = of(rows, story="training", depth=depth)
        if cells:
            parts.append(
                f"{name} of {cells[0]['units']} units in all, trained by Adam on sin 3 pi x: "
                f"{cells[0]['mean_pieces']:.1f} pieces on average at step {cells[0]['step']}, "
                f"{cells[-1]['mean_pieces']:.1f} at step {cells[-1]['step']}."
            )
    numbers = {row["picture"]: row for row in _numbers(rows)}
    if len(numbers) == len(PICTURES):
        shallow = numbers["shallow"]
        parts.append(
            f"On the square, with {shallow['units']} units each: one hidden layer "
            f"{shallow['polygons']} polygons = 1 + {shallow['lines']} lines + "
            f"{shallow['crossings']} crossings; three layers {numbers['deep']['polygons']} at "
            f"initialisation and {numbers['trained']['polygons']} after "
            f"{numbers['trained']['steps']} steps on cos(1.5 pi |x|^2). V - E + F = 1 and a mean "
            "degree of the region graph of at most 4 hold in each."
        )
    return " ".join(parts + _of_times(rows))


def _of_initialisation(rows: Sequence[Row]) -> list[str]:
    depths = _depths(rows)
    if not depths:
        return []
    cells = of(rows, story="initialisation")
    found = []
    for depth in depths:
        slope, half, factor = growth(rows, depth)
        found.append(f"{slope:.3f} +- {half:.3f} and {factor:.2f} (depth {depth})")
    variance = cells[0]["bias_variance"]
    large = all(_is_large(rows, depth) for depth in depths)
    claim = (
        " Every exponent is 1 within 0.1, interval included, in line with the mean bound of Hanin "
        "and Rolnick (2019): at initialisation it is units that count, not depth."
    )
    return [
        f"At initialisation (He weights, biases of variance {variance:g}, {cells[0]['networks']} "
        "networks in a cell) the breakpoints on [-1, 1] grow as units^p; exponent p with its 95% "
        f"interval from sampling, and breakpoints per unit: {', '.join(found)}."
        + (claim if large else "")
    ]


def _of_times(rows: Sequence[Row]) -> list[str]:
    parts = []
    square = of(rows, story="square", contender="approxlab")
    if square:
        last = square[-1]
        parts.append(
            f"{last['polygons']} polygons of 2-{last['width']}-{last['width']}-{last['width']}-1 "
            f"take {last['partition_s']:.2f} s."
        )
    for name in distinct(of(rows, story="square", status="timed"), "contender"):
        others = of(rows, story="square", contender=name, status="timed")
        if name == "approxlab" or not others:
            continue
        equal = sum(
            row["polygons"] == of(square, width=row["width"])[0]["polygons"] for row in others
        )
        ratio = others[-1]["partition_s"] / square[-1]["partition_s"]
        parts.append(
            f"{name}, which computes in float32, takes {ratio:.2f} times as long on the same "
            f"weights, and finds the same number of polygons for {equal} of {len(others)} networks."
        )
    missing = distinct(of(rows, story="square", status="not installed"), "contender")
    if missing:
        parts.append(f"Not installed where this ran: {', '.join(missing)}.")
    return parts


def table(rows: Sequence[Row]) -> str:
    """Growth by depth, polygons of the pictures, and times."""
    lines = [f"{'depth':>6}{'exponent':>10}{'+-':>8}{'per unit':>10}"]
    for depth in _depths(rows):
        slope, half, factor = growth(rows, depth)
        lines.append(f"{depth:>6}{slope:>10.3f}{half:>8.3f}{factor:>10.3f}")
    lines.append(f"{'picture':10}{'polygons':>10}{'joined':>8}{'affine':>8}{'degree':>8}")
    lines += [
        f"{row['picture']:10}{row['polygons']:>10}{row['open_connected']:>8}{row['affine']:>8}"
        f"{row['mean_degree']:>8.2f}"
        for row in _numbers(rows)
    ]
    for row in of(rows, story="interval"):
        lines.append(f"pieces of {row['networks']} of 1-64-64-64-1: {1e3 * row['count_s']:.1f} ms")
    lines.append(f"{'width':>6} {'':12}{'polygons':>10}{'seconds':>10}")
    lines += [
        f"{row['width']:>6} {row['contender']:12}{row['polygons']:>10}{row['partition_s']:>10.3f}"
        for row in of(rows, story="square", status="timed")
    ]
    return "\n".join(lines)
