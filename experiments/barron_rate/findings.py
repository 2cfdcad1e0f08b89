"""What the rows of `barron_rate` show: checks, caption and table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, of

__all__ = ["caption", "check", "slope", "table"]

_DEVIATIONS = 6.0  # allowed distance from the expectation, in standard errors
_FLOOR = 1e-28  # smaller squared errors are rounding


def slope(rows: Sequence[Row]) -> tuple[float, float]:
    """Slope of log(error) against log(n), and its standard error from those of the rows."""
    from approxlab.rates import rate  # SciPy: not for --help

    sizes, errors = ([row[name] for row in rows] for name in ("n", "mean_squared_error"))
    weights = [math.log(n) - sum(map(math.log, sizes)) / len(sizes) for n in sizes]
    parts = [
        w * row["mean_squared_error_standard_error"] / row["mean_squared_error"]
        for w, row in zip(weights, rows, strict=True)
    ]
    return rate(sizes, errors).slope, math.hypot(*parts) / sum(w * w for w in weights)


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any seed.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    sampled = [row for row in rows if row["story"] != "polynomial"]
    for row in sampled:
        where = f"d = {row['dim']}, n = {row['n']}, {row['sampling']}"
        measured, uncertainty = row["mean_squared_error"], row["mean_squared_error_standard_error"]
        expected = row["expected_mean_squared_error"]
        assert abs(measured - expected) <= _DEVIATIONS * uncertainty, (
            f"{where}: measured {measured:.3g} with standard error {uncertainty:.1g}, expected "
            f"{expected:.3g}"
        )
        assert row["largest_mean_squared_error"] >= measured, f"{where}: the mean is above the max"
        bound = row["bound_of_mean_squared_error"]
        assert row["largest_mean_squared_error"] <= bound, f"{where}: a draw above the bound"
        moment = math.sqrt(2) * math.exp(
            math.lgamma((row["dim"] + 1) / 2) - math.lgamma(row["dim"] / 2)
        )
        assert abs(bound * row["n"] / (2 * moment) ** 2 - 1) < 1e-12, f"{where}: not the bound"
    for dim, cells in _by_dim(of(sampled, story="rate")).items():
        found, uncertainty = slope(cells)
        assert abs(found + 1) <= _DEVIATIONS * uncertainty, f"d = {dim}: slope {found:.3f}, not -1"
    for dim, cells in _by_dim(of(rows, story="polynomial")).items():
        errors = [row["mean_squared_error"] for row in cells]
        for before, after in itertools.pairwise(errors):
            assert after <= before or after < _FLOOR, f"polynomials, d = {dim}: the error grows"
        for row in of(sampled, story="constant", dim=dim):
            steps = row["n"] * row["expected_mean_squared_error"] / cells[-1]["dimension"]
            assert errors[-1] < steps, f"polynomials, d = {dim}: no better than sampled steps"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    rates = of(rows, story="rate")
    slopes = [
        f"{found:.3f} +- {uncertainty:.3f} (d = {dim})"
        for dim, (found, uncertainty) in ((d, slope(cells)) for d, cells in _by_dim(rates).items())
    ]
    constants = of(rows, story="constant")
    ratios = [
        r["bound_of_mean_squared_error"] / r["expected_mean_squared_error"] for r in constants
    ]
    dims = _by_dim(of(rows, story="polynomial"))
    return " ".join(
        [
            "exp(-|x|^2/2) on the unit ball by n random steps; mean squared error, averaged over "
            f"{rates[0]['draws']} draws of the network: fitted slopes {', '.join(slopes)}. "
            "The dimension enters the constant, not the exponent.",
            "The bound (2 C_f)^2 / n on the mean over draws, where C_f is the mean of |w| over the "
            f"Fourier density of f, is {min(ratios):.0f} to {max(ratios):.0f} times the exact "
            f"expectation for d = {constants[0]['dim']} to {constants[-1]['dim']}.",
            f"In d = {', '.join(map(str, dims))} polynomials win on this one smooth function. "
            "Barron's lower bound of order n^(-2/d) for fixed n-dimensional linear spaces is about "
            "the class of all functions with the same C_f, not about the Gaussian.",
        ]
    )


def table(rows: Sequence[Row]) -> str:
    """Measured errors against n, with slopes; then n times the error in each dimension."""
    rates = of(rows, story="rate")
    sizes = sorted({row["n"] for row in rates})
    lines = [
        "Mean squared error, averaged over draws",
        f"{'d':>3}" + "".join(f"{f'n = {n}':>11}" for n in sizes) + f"{'slope':>16}",
    ]
    for dim, cells in _by_dim(rates).items():
        errors = "".join(f"{row['mean_squared_error']:>11.2e}" for row in cells)
        found, uncertainty = slope(cells)
        lines.append(f"{dim:>3}{errors}{f'{found:.3f} +- {uncertainty:.3f}':>16}")
    lines += [
        "n times the mean squared error",
        f"{'d':>3}{'bound':>9}{'fourier':>9}{'measured':>9}{'ridge':>9}{'measured':>9}",
    ]
    for dim, cells in _by_dim(of(rows, story="constant")).items():
        numbers = [cells[0]["n"] * cells[0]["bound_of_mean_squared_error"]]
        for name in ("fourier", "ridge"):
            (row,) = of(cells, sampling=name)
            numbers += [row["n"] * row["expected_mean_squared_error"]]
            numbers += [row["n"] * row["mean_squared_error"]]
        lines.append(f"{dim:>3}" + "".join(f"{number:>9.4g}" for number in numbers))
    return "\n".join(lines)


def _by_dim(rows: Sequence[Row]) -> dict[int, list[Row]]:
    return {dim: of(rows, dim=dim) for dim in sorted({row["dim"] for row in rows})}
