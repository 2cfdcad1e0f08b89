"""What the rows of `gradient_descent` show: checks, caption and table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import fmean, median

from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["caption", "check", "late", "reached", "table"]

_LATE = 0.75  # the last quarter of the time is late
_WITHIN = 0.15
_ROUNDINGS = 10.0
_MEAN_WITHIN = 0.15  # of the mean loss, by the central flow


def late(rows: Sequence[Row]) -> float:
    """Median sharpness over the last quarter of the time, as a multiple of 2/alpha."""
    end = max(row["t"] for row in rows)
    cells = [row for row in rows if row["t"] >= _LATE * end]
    return 0.5 * cells[0]["alpha"] * median(column(cells, "sharpness"))


def reached(rows: Sequence[Row]) -> bool:
    """Whether a training came to 2/alpha in the first half of the time."""
    end = max(row["t"] for row in rows)
    early = [row for row in rows if row["t"] <= 0.5 * end]
    return 0.5 * early[0]["alpha"] * max(column(early, "sharpness")) >= 1.0


def trainings(rows: Sequence[Row], story: str) -> list[list[Row]]:
    """The rows of each training."""
    cells = of(rows, story=story)
    pairs = dict.fromkeys((row["alpha"], row["network"]) for row in cells)
    return [of(cells, alpha=alpha, network=network) for alpha, network in pairs]


def at_the_edge(rows: Sequence[Row]) -> list[Row]:
    """The rows of a central flow from the first time on at which it is held at 2/alpha."""
    held = [row["t"] for row in rows if row["at_the_edge"]]
    return [row for row in rows if held and row["t"] > held[0]]


def mean_losses(rows: Sequence[Row]) -> tuple[float, float]:
    """Mean loss of a gradient descent at the edge, predicted and measured."""
    cells = at_the_edge(rows)
    return fmean(column(cells, "predicted")), fmean(column(cells, "mean_loss"))


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for factor in distinct(of(rows, story="quadratic"), "factor"):
        _check_quadratic(of(rows, story="quadratic", factor=factor), factor)
    for row in of(rows, story="shares"):
        _check_counts(row)
    for alpha in distinct(of(rows, story="map"), "alpha"):
        digits = "".join(column(of(rows, story="map", alpha=alpha), "outcomes"))
        counts = {name: digits.count(str(i)) for i, name in enumerate(_OUTCOMES)}
        _check_counts({"alpha": alpha, "starts": len(digits), **counts})
    for row in of(rows, story="exceptions"):
        _check_exception(row)
    edges = trainings(rows, "edge")
    for cells in edges:
        where = f"alpha {cells[0]['alpha']:g}, network {cells[0]['network']}"
        assert 0.5 * cells[0]["alpha"] * cells[0]["sharpness"] < 1.0, f"{where}: sharp at the start"
        if reached(cells):
            over = late(cells)
            assert abs(over - 1.0) <= _WITHIN, f"{where}: late sharpness {over:.2f} times 2/alpha"
    arrived = sum(map(reached, edges))
    assert 3 * arrived >= 2 * len(edges), f"{arrived} of {len(edges)} trainings come to 2/alpha"
    for flow in trainings(rows, "flow"):
        where = f"network {flow[0]['network']}"
        top = max(column(flow, "sharpness"))
        assert 0.5 * flow[0]["alpha"] * top < 1.0, f"{where}: short steps come to their 2/alpha"
        losses = column(flow, "loss")
        falls = all(b < a for a, b in itertools.pairwise(losses))
        assert falls, f"{where}: the loss of short steps rises"
        for cells in edges:
            if cells[0]["network"] == flow[0]["network"] and reached(cells):
                assert top > 2.0 / cells[0]["alpha"], f"{where}: short steps stay below 2/alpha"
    for cells in trainings(rows, "central"):
        _check_central(cells)


def _check_central(cells: Sequence[Row]) -> None:
    where = f"central flow, network {cells[0]['network']}"
    edge = at_the_edge(cells)
    if not edge:
        return
    for row in edge:
        over = 0.5 * row["alpha"] * row["sharpness"]
        assert abs(over - 1.0) <= 0.01, f"{where}: sharpness {over:.3f} times 2/alpha"
    predicted, measured = mean_losses(cells)
    ratio = predicted / measured
    assert abs(ratio - 1.0) <= _MEAN_WITHIN, f"{where}: {ratio:.2f} times the mean loss"


_OUTCOMES = ("one side", "across", "saddle", "bounded", "diverged")


def _check_quadratic(cells: Sequence[Row], factor: float) -> None:
    for row in cells:
        where = f"{factor:g} x 2/lambda_max, step {row['step']}"
        assert row["roundings_away"] <= _ROUNDINGS, f"{where}: not the closed form"
        product = row["alpha_times_lambda_max"]
        assert abs(product / (2 * factor) - 1) <= 1e-5, f"{where}: alpha lambda_max is {product}"
        if row["closed_form"] > 1e-3:
            ratio = row["error"] / row["closed_form"]
            assert abs(ratio - 1) <= 0.01, f"{where}: {ratio:.3g} times the closed form"
    errors, steps = column(cells, "error"), column(cells, "step")
    if steps[-1] * abs(factor - 1.0) >= 1.0:
        above = errors[-1] > 2 * errors[0]
        below = errors[-1] < 0.5 * errors[0]
        assert above if factor > 1 else below, f"{factor:g} x 2/lambda_max: error {errors[-1]:.2g}"
    if factor == 1.0:
        assert 0.1 < errors[-1] < 10, f"at 2/lambda_max the error is {errors[-1]:.2g}"


def _check_counts(row: Row) -> None:
    alpha, where = row["alpha"], f"alpha {row['alpha']:g}"
    total = sum(row[name] for name in _OUTCOMES)
    assert total == row["starts"], f"{where}: {total} outcomes of {row['starts']} starts"
    assert row["saddle"] == 0, f"{where}: starts go to the saddle"
    if alpha > 0.5:
        assert row["one side"] == 0, f"{where}: {row['one side']} converge on one side"
    if alpha > 1.0:
        assert row["across"] == 0, f"{where}: {row['across']} converge"
    if 0.1 <= alpha < 0.495:
        assert row["one side"] > 0, f"{where}: none converges on one side"
    if 0.1 <= alpha < 0.995:
        assert row["across"] > 0, f"{where}: none converges across"


def _check_exception(row: Row) -> None:
    where = f"alpha {row['alpha']:g}, exception at x = {row['x']:.4g}"
    if row["kind"] == "landing":
        assert abs(row["alpha"] * row["x"] * (row["x"] + 1) - 1) < 1e-12, f"{where}: does not land"
        assert row["outcome"] == "one side", f"{where}: {row['outcome']}"
        ordinary = {"one side", "across"} if row["alpha"] <= 1 else {"bounded", "diverged"}
        if 0.5 < row["alpha"] <= 1:
            ordinary = {"across"}
        assert row["beside"] in ordinary, f"{where}: its neighbour is {row['beside']}"
    else:
        assert row["x"] ** 2 < 2 / row["alpha"] - 1, f"{where}: too far for the saddle"
        assert row["outcome"] == "saddle", f"{where}: {row['outcome']}"
        assert row["beside"] != "saddle", f"{where}: its neighbour goes to the saddle"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    parts = ["W := W - alpha dL/dW, the same alpha in every step."]
    cells = of(rows, story="quadratic")
    if cells:
        away = max(column(cells, "roundings_away"))
        at_limit = ", and at 2/lambda_max it comes to a level" if of(cells, factor=1.0) else ""
        parts.append(
            "(a) A line w x + b fitted to random points, L half the sum of squares. Dots: distance "
            "to the least squares; lines: the closed form (I - alpha H)^k e_0. Below 2/lambda_max "
            "(0.999 times it included) the distance falls, above (1.001 times) it grows"
            f"{at_limit}. Dots and "
            f"closed form differ by at most {away:.2g} (k + 1) eps times the largest weight."
        )
    shares = of(rows, story="shares")
    if shares:
        starts = shares[0]["starts"]
        parts.append(
            "(b) The network y x with two weights, L = (1 - x y)^2 / 2. At a minimiser the Hessian "
            "has the eigenvalues 0 and x^2 + y^2 >= 2, so steps come closer only if "
            "alpha (x^2 + y^2) <= 2. Maps: what becomes of each start in [-3, 3]^2. Right: "
            f"shares of {starts} random starts in the same square. For alpha > 1/2 none converges "
            "without going across x y = 1, for alpha > 1 none converges to a minimiser; a little "
            "above 1 those that stay bounded come to a cycle of two points. Exceptions of measure "
            "zero: the circle, "
            "a start x = y with alpha x (x + 1) = 1, lands on x y = 1 in one step; starts on the "
            "dashed line y = -x go to the saddle at 0. Neighbours of both do not."
        )
    edges = trainings(rows, "edge")
    if edges:
        arrived = [cells for cells in edges if reached(cells)]
        values = [late(cells) for cells in arrived]
        first = edges[0][0]
        flows = of(rows, story="flow")
        parts.append(
            f"(c) tanh networks 1-{first['width']}-{first['width']}-1 on {first['points']} points "
            "of Chebyshev's polynomial of degree 4. The sharpness, the largest eigenvalue of the "
            "Hessian of L, begins below 2/alpha (dashed) and rises. "
            f"{len(arrived)} of {len(edges)} trainings reach 2/alpha in the first half of the "
            "time; the median of their sharpness over the last quarter is "
            f"{min(values):.2f} to {max(values):.2f} times 2/alpha (edge of stability)."
            if values
            else ""
        )
        if flows:
            parts.append(
                f"Much shorter steps (black, alpha = {flows[0]['alpha']:g}), which follow the "
                "gradient flow, go on beyond these values, and their loss falls all the time."
            )
    central = [cells for cells in trainings(rows, "central") if at_the_edge(cells)]
    if central:
        pairs = [mean_losses(cells) for cells in central]
        told = " and ".join(f"{p:.3g} (measured {m:.3g})" for p, m in pairs[:3])
        parts.append(
            f"Green: the central flow of alpha = {central[0][0]['alpha']:g} (Cohen et al. 2025), "
            "whose sharpness is 2/alpha from the time on at which it comes there; from there to "
            f"t = {central[0][-1]['t']:g} it predicts a mean loss of {told}. Orange dots: the "
            "loss of gradient descent averaged between two records."
        )
    return " ".join(part for part in parts if part)


def table(rows: Sequence[Row]) -> str:
    """Last errors of (a), counts of (b), late sharpness of (c)."""
    lines = [f"{'x 2/lambda_max':>14}{'steps':>8}{'error':>10}{'closed form':>13}{'roundings':>11}"]
    for factor in distinct(of(rows, story="quadratic"), "factor"):
        cells = of(rows, story="quadratic", factor=factor)
        worst, last = max(column(cells, "roundings_away")), cells[-1]
        lines.append(
            f"{factor:>14g}{last['step']:>8}{last['error']:>10.2e}{last['closed_form']:>13.2e}"
            f"{worst:>11.2g}"
        )
    lines.append(f"{'alpha':>14}" + "".join(f"{name:>10}" for name in _OUTCOMES))
    for row in of(rows, story="shares"):
        lines.append(f"{row['alpha']:>14g}" + "".join(f"{row[name]:>10}" for name in _OUTCOMES))
    lines.append(f"{'alpha':>14}{'network':>8}{'2/alpha':>10}{'late sharpness':>16}{'over':>8}")
    for cells in trainings(rows, "edge"):
        alpha, over = cells[0]["alpha"], late(cells)
        lines.append(
            f"{alpha:>14g}{cells[0]['network']:>8}{2 / alpha:>10.4g}{2 * over / alpha:>16.4g}"
            f"{over:>8.3f}{'' if reached(cells) else '  not reached in half of the time'}"
        )
    for cells in trainings(rows, "flow"):
        alpha, top = cells[0]["alpha"], max(column(cells, "sharpness"))
        lines.append(f"{alpha:>14g}{cells[0]['network']:>8}{2 / alpha:>10.4g}{top:>16.4g}    flow")
    for cells in trainings(rows, "central"):
        if at_the_edge(cells):
            predicted, measured = mean_losses(cells)
            lines.append(
                f"{cells[0]['alpha']:>14g}{cells[0]['network']:>8}    central flow: mean loss "
                f"{predicted:.4g}, measured {measured:.4g}"
            )
    return "\n".join(lines)
