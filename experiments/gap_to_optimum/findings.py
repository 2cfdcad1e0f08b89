"""What the rows of `gap_to_optimum` say: checked, in words, and as a table."""

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
_WIDEST = 1.02  # the optimum is enclosed to two per cent, and polished fits reach its upper end
_SLOW = 2.6  # n^2 E of the upper end is within 2.6 / n of its limit: 2 per cent at n = 128
_MEASURES = {"l2_error": "L2", "sup_error": "sup", "mse_of_500": "MSE, 500 points"}


def least(rows: Sequence[Row], target: str, n: int) -> Row:
    """The row with both ends of the least error."""
    (row,) = of(rows, story="optimum", target=target, n=n)
    return row


def gap(rows: Sequence[Row], row: Row) -> float:
    """An error over the lower end of the least error with as many pieces."""
    end: float = least(rows, row["target"], row["n"])["least_l2_error_lower"]
    return float(row["l2_error"] / end)


def best(rows: Sequence[Row], target: str, n: int, method: str) -> float:
    """The least gap over the networks of a cell."""
    return min(gap(rows, row) for row in of(rows, story="gap", target=target, n=n, method=method))


def check(rows: Sequence[Row]) -> None:
    """Every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="gap"):
        where = f"{row['method']}, {row['target']}, n = {row['n']}"
        assert gap(rows, row) >= 1.0, f"{where}: below what n pieces can reach"
        assert row["num_kinks"] <= row["n"] - 1, f"{where}: more than n pieces"
        carries = row["method"] in ("placed", "polished")  # one ReLU is the first slope
        assert row["num_hidden_units"] == row["n"] - (not carries), f"{where}: units miscounted"
    for row in of(of_the_catalogue(rows), story="optimum"):
        _check_optimum(rows, row)
    for row in of(rows, story="acceptance"):
        where = f"{row['case']}, {row['target']}, n = {row['n']}"
        assert row["num_hidden_units"] == row["n"], f"{where}: units miscounted"
        assert row["polished"] <= row["placed"], f"{where}: the polish made it worse"
        assert row["placed"] <= row["asked"], f"{where}: above {row['asked']}"


def _check_optimum(rows: Sequence[Row], row: Row) -> None:
    where = f"{row['target']}, n = {row['n']}"
    low, high = row["least_l2_error_lower"], row["least_l2_error_upper"]
    assert low <= high <= _WIDEST * low, f"{where}: the optimum is not enclosed to two per cent"
    ratio = high / row["asymptotic_l2_error"]
    assert abs(ratio - 1.0) <= _SLOW / row["n"], f"{where}: {ratio:.3f} of the leading term"
    for cell in of(rows, story="gap", target=row["target"], n=row["n"], method="polished"):
        assert cell["l2_error"] <= _WIDEST * high, f"{where}: polished above the best known"
        for placed in of(rows, story="gap", target=row["target"], n=row["n"], method="placed"):
            assert cell["l2_error"] <= placed["l2_error"] * (1.0 + 1e-6), f"{where}: polish"


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
    wanted = ", ".join(
        f"{row['polished']:.3g} for {row['asked']:.3g} ({row['case']}, {row['target']}, "
        f"{row['n']} units)"
        for row in of(rows, story="acceptance")
    )
    return " ".join(
        [
            "ReLU networks of one hidden layer with n pieces at most, L2 errors divided by a "
            f"number below which no function with n pieces can be. With {most} pieces, the best "
            f"network of each target: {'; '.join(said)}.",
            "Training started from kinks drawn uniformly; lines join the best networks, dots are "
            "all of them (at the upper edge: beyond).",
            f"The least error is enclosed to {100 * (enclosed - 1):.1f} per cent (grey), and n^2 "
            "times it tends to the constant of the theory. Errors of networks are estimates; the "
            "lower end is proved up to quadrature, the upper end attained by a network of n ReLUs.",
            f"Acceptance rows, reached for asked: {wanted}." if wanted else "",
        ]
    ).strip()


def _short(number: float) -> str:
    """Two decimals below 10, else none: so that 1.00 does not become 1."""
    return f"{number:.2f}" if number < 10 else f"{number:.0f}"


def _range(gaps: Sequence[float]) -> str:
    low, high = _short(min(gaps)), _short(max(gaps))
    return f"{low} times" if low == high else f"{low} to {high} times"


def table(rows: Sequence[Row]) -> str:
    """Gaps of the best network per cell; the enclosure; and the acceptance rows."""
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
            f"{row['case']}  {row['target']:8}{_MEASURES[row['measured']]:16}{row['n']:>4} units: "
            f"asked {row['asked']:.3g}, placed {row['placed']:.4g}, polished {row['polished']:.4g}"
        )
    return "\n".join(lines)
