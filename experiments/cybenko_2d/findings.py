"""What the rows of `cybenko_2d` show: checks, caption and tables."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.drawing.rows import Row, of, of_the_catalogue

__all__ = ["caption", "check", "table"]


def check(rows: Sequence[Row]) -> None:
    """Checks that claims hold and are tight, goals are reached, and towers leave holes.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in _claimed(rows):
        error, claim = row["sup_error"], row["claimed_sup_error"]
        assert error <= claim + 1e-12, f"{_name(row)}: error {error} above the claim {claim}"
    for row in of(rows, story="goal"):
        assert row["claimed_sup_error"] < row["eps"], f"{_name(row)}: the claim misses {row['eps']}"
    for row in of(rows, story="size", kind="towers"):
        # With an even number of cells the middle is a vertex, and the target is 1 there.
        if row["cells"] % 2 == 0:
            error = row["sup_error"]
            assert 0.9 < error < 1.1, f"{_name(row)}: the error of towers is {error}, not 1"
    for row in of(rows, story="hole"):
        assert row["lowest"] < 0.01, f"gain {row['gain']}: the hole only falls to {row['lowest']}"
    for row in _resolved(of_the_catalogue(rows)):
        ratio = row["claimed_sup_error"] / row["sup_error"]
        assert ratio <= 10, f"{_name(row)}: the claim is {ratio:.1f} times the error"
    for ridges, orthants in _pairs(rows):
        few, many = ridges["num_hidden_units"], orthants["num_hidden_units"]
        assert few < many, f"{_name(ridges)}: {few} units in one layer, {many} in two"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    space = of(rows, story="goal", dim=3)[0]
    goals = "; ".join(
        f"{_formula(one)} {one['num_hidden_units']} and {two['num_hidden_units']}"
        for one, two in _pairs(rows)
    )
    gains = [row["gain"] for row in of(rows, story="hole")]
    return (
        "A tower is a threshold applied to crossed ridges. Towers side by side leave holes where "
        f"cells meet, down to 0 at every gain from {gains[0]:g} to {gains[-1]:g}; the sum over "
        "orthants has none. Solid: estimated sup error; dashed: the claim by theorem. Hidden units "
        f"for a claim below {_pairs(rows)[0][0]['eps']:g}, in one layer and in two: {goals}. "
        f"In three dimensions, below {space['eps']:g} in one layer: {space['num_hidden_units']}. "
        "The two differ in knowledge of the target, not only in depth: ridges use a known "
        "ridge-function expansion, orthants only values and a Lipschitz constant."
    )


def table(rows: Sequence[Row]) -> str:
    """Goals, and how tight the claims are."""
    lines = ["Goals: hidden units, claim, estimated error"]
    for row in of(rows, story="goal"):
        lines.append(
            f"  {_name(row):38} eps {row['eps']:<5g}{row['num_hidden_units']:>7}"
            f"{row['claimed_sup_error']:>10.4f}{row['sup_error']:>10.4f}"
        )
    lines.append("Claim / estimated error on the target's own box and on [3, 5] x [-7, -2]")
    for kind in ("orthants", "ridges"):
        tight = of(rows, story="tight", kind=kind)
        for target in dict.fromkeys(row["target"] for row in tight):
            cells = [_ratio(row) for row in of(tight, target=target)]
            lines.append(f"  {kind + ' ' + target:38}" + "".join(f"{c:>12}" for c in cells))
    lines.append(
        "* Lipschitz constant times cell above half the oscillation. Other claims are loose where"
        " the corner term 3 M D^2 / 2 dominates (it falls like D^2), or where the Lipschitz"
        " constant on a moved box is that of its shortest side."
    )
    return "\n".join(lines)


def _ratio(row: Row) -> str:
    star = "" if row["kind"] == "ridges" or row in _resolved([row]) else "*"
    return f"{row['claimed_sup_error'] / row['sup_error']:.2f}{star}"


def _resolved(rows: Sequence[Row]) -> list[Row]:
    """Rows whose cells resolve the target, so that the claim must be within a factor 10."""
    return [
        row
        for row in of(rows, story="tight")
        if row["kind"] == "ridges" or row["lipschitz_times_cell"] <= 0.5 * row["oscillation"]
    ]


def _claimed(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.get("claimed_sup_error") is not None]


def _pairs(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Goals in two dimensions, with one hidden layer and with two."""
    goals = of(rows, story="goal", dim=2)
    return list(zip(of(goals, kind="ridges"), of(goals, kind="orthants"), strict=True))


def _formula(row: Row) -> str:
    names = {"sine_product": "sin(pi x) sin(pi y)", "bump": "exp(-8 |x - 1/2|^2)"}
    return names.get(str(row["target"]), str(row["target"]))


def _name(row: Row) -> str:
    return f"{row['kind']} for {row['target']} in {row['dim']}D"
