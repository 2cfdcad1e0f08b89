"""What the rows of `finite_differences` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, of

__all__ = ["EPS", "METHODS", "ORDERS", "SCHEMES", "caption", "check", "dot_flops", "slope", "table"]

SCHEMES = {
    "forward": "forward",
    "backward": "backward",
    "central": "central",
    "richardson": "Richardson, order 4",
    "complex": "complex step",
}
ORDERS = {"forward": 1, "backward": 1, "central": 2, "richardson": 4, "complex": 2}
EPS = {"float32": 2.0**-23, "float64": 2.0**-52}
METHODS = {
    "central": "central, $2n$ values",
    "one-sided": "one-sided, $n+1$ values",
    "reverse": "one reverse pass",
    "value": "the value alone",
}


def dot_flops(method: str, n: int, weights: int) -> int:
    """The closed formulas, with P weights and one output."""
    P = weights
    return {"value": 2 * P, "reverse": 4 * P, "one-sided": 2 * P * (1 + n), "central": 4 * P * n}[
        method
    ]


def slope(rows: Sequence[Row], low: float, high: float) -> float:
    """Slope of log(error) against log(step) for steps in [low, high]; nan for fewer than three."""
    from approxlab.rates import rate  # SciPy: not for --help

    kept = [row for row in rows if low <= row["step"] <= high and row["relative_error"] > 0]
    if len(kept) < 3:
        return math.nan
    return rate([row["step"] for row in kept], [row["relative_error"] for row in kept]).slope


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="error"):
        where = f"{row['scheme']}, {row['number_type']}, step {row['step']:.2g}"
        assert row["error_over_bound"] <= 1.0, f"{where}: above its bound"
        assert row["relative_error"] <= row["relative_bound"], f"{where}: median above its bound"
        parts = row["truncation_bound"] + row["roundoff_bound"]
        assert row["relative_bound"] >= 0.999 * parts, f"{where}: bound below its parts"
    for kind in EPS:
        for scheme in SCHEMES:
            cells = of(rows, story="error", number_type=kind, scheme=scheme)
            if cells:
                (_check_complex if scheme == "complex" else _check_real)(cells, kind, scheme)
    for row in of(rows, story="cost"):
        expected = dot_flops(row["method"], row["n"], row["weights"])
        assert row["dot_flops"] == expected, f"{row['method']}, n = {row['n']}: {row['dot_flops']}"
        limit = {"central": 3e-3, "one-sided": 0.1}.get(row["method"], 0.0)
        error = row["relative_gradient_error"]
        assert error <= limit, f"{row['method']}, n = {row['n']}: gradient wrong by {error}"


def _check_real(cells: Sequence[Row], kind: str, scheme: str) -> None:
    """Slopes on both sides, and the predicted step."""
    order, (best,) = ORDERS[scheme], of(cells, predicted=True)
    assert 0.5 < best["step"] / best["best_step"] <= 1.0, f"{scheme}, {kind}: not the best step"
    assert best["relative_error"] <= 2 * best["predicted_error"], f"{scheme}, {kind}: not predicted"
    assert best["predicted_error"] <= best["relative_bound"], f"{scheme}, {kind}: above its bound"
    tried = of(cells, predicted=False)
    up, down = _slopes(tried, best["step"])
    few = cells[0]["points"] < 50  # medians over few points vary more
    room = 0.4 if few else 0.1
    assert not abs(up - order) > 0.1, f"{scheme}, {kind}: slope {up:.2f} at long steps"
    assert not abs(down + 1) > room, f"{scheme}, {kind}: slope {down:.2f} at short steps"
    least = min(row["relative_error"] for row in tried)
    assert best["relative_error"] <= (6 if few else 3) * least, (
        f"{scheme}, {kind}: at the predicted step {best['step']:.1g} the error is "
        f"{best['relative_error']:.1g}, the least is {least:.1g}"
    )


def _slopes(tried: Sequence[Row], best: float) -> tuple[float, float]:
    """Slopes at steps well above the best one, and well below."""
    return slope(tried, 8 * best, 0.13 if best < 1e-3 else 0.3), slope(tried, 0.0, best / 8)


def _check_complex(cells: Sequence[Row], kind: str, scheme: str) -> None:
    """No roundoff, however short the step: from eps^(1/2) down the error is one of rounding."""
    for row in cells:
        if row["step"] <= EPS[kind] ** 0.5:
            assert row["relative_error"] <= 2 * EPS[kind], f"complex step, {kind}: not rounding"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    said = []
    for kind in EPS:
        best = {
            scheme: of(rows, story="error", number_type=kind, scheme=scheme, predicted=True)
            for scheme in SCHEMES
        }
        named = [f"{scheme} {row[0]['relative_error']:.1e}" for scheme, row in best.items() if row]
        if named:
            said.append(f"{kind}: {', '.join(named)}")
    parts = [
        "Left: relative error of difference quotients of exp, medians over random points in "
        "[3, 5]. Dashed: the proved bounds, truncation plus roundoff for values with relative "
        "error at most 4 eps; they hold at all points and steps. Crosses: the predicted best step "
        "and the error predicted there, the bound for values with relative error at most eps. At "
        "the largest power of two not above that step, the measured error is at most twice the "
        "predicted one and at most 3 times the smallest of all steps (6 times if there are few "
        "points). Complex steps have no roundoff, however short. Errors below eps / 5 are drawn at "
        "eps / 5.",
        f"Errors at the predicted step: {'; '.join(said)}." if said else "",
    ]
    costs = of(rows, story="cost")
    if costs:
        largest = max(row["n"] for row in costs)
        cells = {row["method"]: row for row in of(costs, n=largest)}
        sides = [
            f"{cells[m]['dot_flops'] / cells['reverse']['dot_flops']:g} times the FLOPs and "
            f"{cells[m]['ratio_to_reverse_s']:.1f} times the time ({m})"
            for m in ("one-sided", "central")
        ]
        width = costs[0]["width"]
        parts += [
            f"Right: the gradient with respect to the n inputs of a tanh network "
            f"n-{width}-{width}-1. Differences need n + 1 or 2n values, a reverse pass the work of "
            f"two: at n = {largest} differences cost {' and '.join(sides)} of value and gradient "
            "by a reverse pass. FLOPs are those of matrix products, counted from the program, and "
            "exactly equal to the formulas; times include the dispatch of a call, which dominates "
            "for small n."
        ]
    return " ".join(part for part in parts if part)


def table(rows: Sequence[Row]) -> str:
    """Predicted steps with their errors, then the costs."""
    lines = [f"{'':9}{'':21}{'step':>9}{'error':>9}{'bound':>9}{'least':>9}{'slopes':>14}"]
    for kind in EPS:
        for scheme, name in SCHEMES.items():
            cells = of(rows, story="error", number_type=kind, scheme=scheme)
            for row in of(cells, predicted=True):
                tried = of(cells, predicted=False)
                least = min(cell["relative_error"] for cell in tried)
                sides = ""
                if scheme != "complex":
                    sides = "{:.2f} {:.2f}".format(*_slopes(tried, row["step"]))
                lines.append(
                    f"{kind:9}{name:21}{row['step']:>9.1e}{row['relative_error']:>9.1e}"
                    f"{row['relative_bound']:>9.1e}{least:>9.1e}{sides:>14}"
                )
    lines.append(f"{'n':>6}  {'':12}{'dot FLOPs':>13}{'us':>10}{'/ reverse':>11}{'error':>9}")
    for row in of(rows, story="cost"):
        lines.append(
            f"{row['n']:>6}  {row['method']:12}{row['dot_flops']:>13,}{1e6 * row['run_s']:>10.1f}"
            f"{row['ratio_to_reverse_s']:>11.2f}{row['relative_gradient_error']:>9.1e}"
        )
    return "\n".join(lines)
