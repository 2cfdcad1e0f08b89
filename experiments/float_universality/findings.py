"""What the rows of `float_universality` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["caption", "check", "equal_to", "exact", "share", "table", "units_by_runs"]

UNITS_BY_DIGITS = 2185
_PER_RUN = {"step": (2, -1), "sigmoid": (3, -2), "relu": (4, -3), "tanh": (4, -2)}
_ALL = 63_487
_MOST = 65504.0
_KNOWN = {"cos": 254, "soft shrinkage": 6142}  # taken for zero among all finite inputs


def units_by_runs(activation: str, runs: float) -> float:
    """Hidden units of a network with one hot unit per run."""
    per_run, rest = _PER_RUN[activation]
    return per_run * runs + rest


def exact(rows: Sequence[Row]) -> list[Row]:
    """Rows of networks that are built to equal their function."""
    return [*of(rows, story="runs"), *of(rows, story="digits")]


def share(row: Row) -> float:
    """The share of the inputs at which the value is that of the function."""
    return float(row["equal"] / row["inputs"])


def equal_to(rows: Sequence[Row], story: str) -> list[Row]:
    """Rows of one kind of network for the function of the sum of jumps, or for the first there."""
    jumps = of(rows, story="jumps")
    some = of(rows, story=story)
    same = of(some, function=jumps[0]["function"]) if jumps else []
    return same or (of(some, function=some[0]["function"]) if some else [])


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in exact(rows):
        where = f"{row['story']}, {row['function']}, {row['activation']}, {row['order']}"
        assert row["equal"] == row["inputs"], f"{where}: {row['equal']} of {row['inputs']} equal"
        assert row["sums_of_any_order"] == row["sums"] > 0, f"{where}: an order may matter"
        expected = UNITS_BY_DIGITS
        if row["story"] == "runs":
            expected = units_by_runs(row["activation"], row["runs"]) + row["infinite_runs"]
        assert row["num_hidden_units"] == expected, f"{where}: not {expected} hidden units"
    for row in of(rows, story="digits"):
        assert row["infinite_runs"] == 0, "digits: an infinite value"
        assert 63_000 < row["fewest_parameters"] < _ALL, "digits: another count of functions"
        assert row["num_weights"] < 2.3 * row["fewest_parameters"], "digits: too many weights"
    for row in of(rows, story="jumps"):
        assert 0 < row["equal"] <= row["inputs"], (
            f"jumps, {row['order']}: more equal than there are"
        )
        assert row["sums_of_any_order"] < row["sums"], "jumps: no order matters"
        if row["function"] == "bell" and row["order"] == "left to right":
            assert row["equal"] == row["inputs"], "jumps: neighbours' differences were rounded"
    for row in of(rows, story="fit"):
        assert 0 <= row["equal"] <= row["inputs"], "fit: more equal than there are"
        assert row["sup_error"] >= 0, "fit: a negative error"
    _check_first_layers(rows)


def _check_first_layers(rows: Sequence[Row]) -> None:
    for row in of(rows, story="apart"):
        assert row["told_apart"] == _ALL, f"{row['activation']}: {row['told_apart']} told apart"
    apart = distinct(of(rows, story="apart"), "activation")
    for row in of(rows, story="zero"):
        where = f"{row['activation']}, inputs up to {row['largest_input']}"
        taken, saturates = row["taken_for_zero"], row["activation"] == "sigmoid"
        assert 0 <= taken < _ALL, f"{where}: {taken} taken for zero"
        assert taken % 2 == 0, f"{where}: signs differ"
        if row["activation"] in apart:
            assert taken == 0, f"{where}: told apart, and taken for zero"
        product = 1.0 if saturates else row["largest_weight"] * row["largest_input"] / _MOST
        assert 0.49 < product < 1.0003, f"{where}: another largest weight"
        if row["largest_input"] == _MOST:
            known = _KNOWN.get(row["activation"], taken)
            assert taken == known, f"{where}: {taken} taken for zero, not {known}"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    built = exact(rows)
    inputs = {row["every"]: row["inputs"] for row in built}
    seen = "all 63,488 finite float16" if set(inputs) == {1} else f"{max(inputs.values()):,} inputs"
    said = [
        "Networks run in float16 alone, every product and partial sum rounded. The networks that "
        f"are built equal their functions at {seen}, in {len(distinct(built, 'order'))} orders of "
        "every sum; and each of their sums is proved to be the same in any order. (0 and -0 count "
        "as equal.)",
        "Left: their hidden units, against the number of runs of equal values; marks are networks "
        "that were run, lines the formulas.",
    ]
    digits = of(rows, story="digits")
    if digits:
        said.append(
            f"The deep network has {digits[0]['num_hidden_units']} ReLUs for every function with "
            f"finite values and at most {max(column(digits, 'num_weights')):,} weights and biases "
            f"here; no architecture with fewer than {digits[0]['fewest_parameters']:,} float16 "
            "parameters has all of these functions."
        )
    said += [_usual(rows), *_first_layers(rows)]
    return " ".join(said)


def _usual(rows: Sequence[Row]) -> str:
    """What a sum of jumps and a fit reach."""
    jumps, fits = of(rows, story="jumps"), of(rows, story="fit")
    first, rest = share(jumps[0]), [share(row) for row in jumps[1:]]
    fitted = [share(row) for row in fits]
    return (
        f"Middle ({jumps[0]['function']}): a sum of jumps, exact in real arithmetic, has the value "
        f"at {_per_cent([first])} of {jumps[0]['inputs']:,} inputs from {jumps[0]['order']} and at "
        f"{_per_cent(rest)} in other orders; a fit with {fits[0]['width']} tanh units, whose error "
        f"is {fits[0]['sup_error']:.0e} before rounding, at {_per_cent(fitted)} of those up to 4."
    )


def _first_layers(rows: Sequence[Row]) -> list[str]:
    """What first layers take for zero."""
    said = []
    widest = max((row["largest_input"] for row in of(rows, story="zero")), default=0.0)
    for row in of(rows, story="zero", largest_input=widest):
        if row["taken_for_zero"]:
            said.append(
                f"{row['activation']} cannot tell {row['taken_for_zero']} inputs from 0 where "
                f"inputs reach {widest:g}"
            )
    if not said:
        return []
    apart = ", ".join(distinct(of(rows, story="apart"), "activation"))
    return [
        "Right: what no first layer with finite values tells from 0, no network does: "
        + "; ".join(said)
        + ", whatever the weights and biases.",
        f"Units of {apart} tell all float16 apart.",
    ]


def _per_cent(shares: Sequence[float]) -> str:
    low, high = (f"{100 * bound(shares):.3g}" for bound in (min, max))
    return f"{low} per cent" if low == high else f"{low} to {high} per cent"


def table(rows: Sequence[Row]) -> str:
    """A line per network, with the share of equal values in every order."""
    orders = distinct([row for row in rows if "order" in row], "order")
    lines = [
        f"{'':40}{'runs':>7}{'layers':>8}{'units':>8}{'weights':>9}"
        + "".join(f"{name:>16}" for name in orders)
    ]
    for first in of(rows, order=orders[0]):
        same = {name: first[name] for name in ("story", "function", "activation")}
        lines.append(
            f"{first['story']:7}{first['activation']:9}{first['function']:24}{first['runs']:>7}"
            f"{first['num_hidden_layers']:>8}{first['num_hidden_units']:>8}"
            f"{first['num_weights']:>9}"
            + "".join(f"{share(row):>16.3%}" for row in of(rows, **same))
        )
    for row in of(rows, story="zero"):
        lines.append(
            f"{row['activation']}, inputs up to {row['largest_input']:g}: "
            f"{row['taken_for_zero']} taken for zero"
        )
    for row in of(rows, story="apart"):
        lines.append(
            f"{row['activation']}: {row['num_units']} units tell {row['told_apart']} numbers apart"
        )
    return "\n".join(lines)
