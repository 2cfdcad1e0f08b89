"""What the rows of `gap_to_optimum` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.drawing.rows import Row, of, of_the_catalogue

__all__ = ["METHODS", "best", "caption", "check", "gap", "least", "table"]

METHODS = {
    "adam": "Adam",
    "levenberg_marquardt": "Levenberg-Marquardt",
    "variable_projection": "variable projection",
    "greedy": "orthogonal greedy",
    "placed": "knots placed, one solve",
    "polished": "knots placed and polished",
}
_WIDEST = 1.02  # the least error is enclosed to two per cent, and polished fits reach the upper end
_SLOW = 2.6  # n^2 times the upper end is within 2.6 / n of its limit: 2 per cent at n = 128
_MEASURES = {
    "l2_error": "L2 error",
    "sup_error": "sup error",
    "mse_of_500": "mean squared error at 500 points",
}


def least(rows: Sequence[Row], target: str, n: int) -> Row:
    """The row with lower and upper end of the least error."""
    (row,) = of(rows, story="optimum", target=target, n=n)
    return row


def gap(rows: Sequence[Row], row: Row) -> float:
    """An error divided by the lower end of the least error with as many pieces."""
    end: float = least(rows, row["target"], row["n"])["least_l2_error_lower"]
    return float(row["l2_error"] / end)


def best(rows: Sequence[Row], target: str, n: int, method: str) -> float:
    """The smallest gap of the networks of a cell."""
    return min(gap(rows, row) for row in of(rows, story="gap", target=target, n=n, method=method))


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="gap"):
        where = f"{row['method']}, {row['target']}, n = {row['n']}"
        assert gap(rows, row) >= 1.0, f"{where}: below what n pieces can reach"
        assert row["num_kinks"] <= row["n"] - 1, f"{where}: more than n pieces"
        carries = row["method"] in ("placed", "polished")  # one more ReLU gives the first slope
        assert row["num_hidden_units"] == row["n"] - (not carries), f"{where}: units miscounted"
    for row in of(of_the_catalogue(rows), story="optimum"):
        _check_optimum(rows, row)
    for row in of(rows, story="acceptance"):
        where = f"{row['target']}, n = {row['n']}"
        assert row["num_hidden_units"] == row["n"], f"{where}: units miscounted"
        assert row["polished"] <= row["placed"], f"{where}: polishing raised the error"
        assert row["placed"] <= row["asked"], f"{where}: above {row['asked']}"


def _check_optimum(rows: Sequence[Row], row: Row) -> None:
    where = f"{row['target']}, n = {row['n']}"
    low, high = row["least_l2_error_lower"], row["least_l2_error_upper"]
    assert low <= high <= _WIDEST * low, f"{where}: the optimum is not enclosed to two per cent"
    ratio = high / row["asymptotic_l2_error"]
    assert abs(ratio - 1.0) <= _SLOW / row["n"], f"{where}: {ratio:.3f} times the leading term"
    for cell in of(rows, story="gap", target=row["target"], n=row["n"], method="polished"):
        assert cell["l2_error"] <= _WIDEST * high, f"{where}: polished above the upper end"
        for placed in of(rows, story="gap", target=row["target"], n=row["n"], method="placed"):
            assert cell["l2_error"] <= placed["l2_error"] * (1.0 + 1e-6), (
                f"{where}: polishing raised the error"
            )


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    cells = of(rows, story="gap")
    targets = list(dict.fromkeys(row["target"] for row in cells))
    most = max(row["n"] for row in cells)
    said = []
    for method, name in METHODS.items():
        if of(cells, method=method):
            found = [best(rows, target, most, method) for target in targets]
            said.append(f"{name} {_range(found)}")
    enclosed = max(
        row["least_l2_error_upper"] / row["least_l2_error_lower"]
        for row in of(rows, story="optimum")
    )
    required = "; ".join(
        f"{row['target']}, {row['n']} units, {_MEASURES[row['measured']]} {row['polished']:.3g} "
        f"({row['asked']:.3g})"
        for row in of(rows, story="acceptance")
    )
    return " ".join(
        [
            "ReLU networks of one hidden layer with at most n pieces: L2 error divided by a lower "
            "bound on the error of every piecewise linear function with n pieces. With "
            f"{most} pieces, the best network of each target: {'; '.join(said)}.",
            "Training starts from kinks drawn uniformly; lines join the best networks, dots are "
            "all networks (at the upper edge: larger ratios).",
            f"The least error is enclosed to {100 * (enclosed - 1):.1f} per cent (grey), and n^2 "
            "times the least error tends to the constant of the theory. Errors of networks are "
            "estimates; the lower end is proved up to quadrature, the upper end is attained by a "
            "network of n ReLUs.",
            f"Errors of polished networks (required: at most): {required}." if required else "",
        ]
    ).strip()


def _short(number: float) -> str:
    """Two decimals below 10, else none, so that 1.00 does not become 1."""
    return f"{number:.2f}" if number < 10 else f"{number:.0f}"


def _range(gaps: Sequence[float]) -> str:
    low, high = _short(min(gaps)), _short(max(gaps))
    return f"{low} times" if low == high else f"{low} to {high} times"


def table(rows: Sequence[Row]) -> str:
    """Gaps of the best network per cell; the enclosure; required and reached errors."""
    cells = of(rows, story="gap")
    methods = [method for method in METHODS if of(cells, method=method)]
    lines = [
        f"{'':10}{'n':>4}{'least error in':>24}" + "".join(f"{METHODS[m]:>27}" for m in methods)
    ]
    for row in of(rows, story="optimum"):
        target, n = row["target"], row["n"]
        ends = f"[{row['least_l2_error_lower']:.4g}, {row['least_l2_error_upper']:.4g}]"
        gaps = "".join(f"{best(rows, target, n, m):>27.4g}" for m in methods)
        lines.append(f"{target:10}{n:>4}{ends:>24}{gaps}")
    for row in of(rows, story="acceptance"):
        lines.append(
            f"{row['target']:8}{row['n']:>4} units, {_MEASURES[row['measured']]}: "
            f"required {row['asked']:.3g}, placed {row['placed']:.4g}, "
            f"polished {row['polished']:.4g}"
        )
    return "\n".join(lines)
