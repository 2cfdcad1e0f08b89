"""What the rows of `three_questions` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["LIMIT_EPS", "barrier", "caption", "check", "numbers", "table"]

LIMIT_EPS = 50.0  # difference of the two gradients, in eps of the sums of absolute terms


def numbers(line: str) -> list[float]:
    """The numbers of one line of a map."""
    return [float(word) for word in line.split()]


def barrier(rows: Sequence[Row]) -> float:
    """Most by which the segment between two minima is above the straight line of their losses."""
    segment = of(rows, story="minima", kind="segment")
    first, last = segment[0]["loss"], segment[-1]["loss"]
    return max(row["loss"] - first - row["position"] * (last - first) for row in segment)


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption, for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    _check_gradients(of(rows, story="gradient"))
    _check_reduced(of(rows, story="reduced"))
    for row in of(rows, story="witness"):
        where = f"the witness for {row['activation']}"
        mean = (row["start_loss"] + row["end_loss"]) / 2
        assert row["middle_loss"] > mean + 1e-6, f"{where}: convex at the midpoint"
        assert row["smallest_eigenvalue"] < -0.1, f"{where}: no negative eigenvalue"
        if row["activation"] == "identity":
            found = [row[name] for name in ("start_loss", "end_loss", "middle_loss")]
            found += [row["smallest_eigenvalue"], row["largest_eigenvalue"]]
            assert found == [0.0, 0.0, 0.5, -1.0, 1.0], f"{where}: {found}"
    _check_minima(of(rows, story="minima"))


def _check_gradients(rows: Sequence[Row]) -> None:
    for row in rows:
        where = f"shape {row['number']}, {row['number_type']}, {row['activation']}"
        found = row["difference_eps"]
        assert found <= LIMIT_EPS, f"{where}: the gradients differ by {found:.0f} eps"
    for kind in distinct(rows, "number_type"):
        for row in of(rows, number_type=kind):
            if row["activation"] != "identity":  # whose s' is 1: nothing is forgotten
                where = f"shape {row['number']}, {kind}, {row['activation']}"
                wrong = row["without_slopes_eps"]
                assert wrong > LIMIT_EPS, f"{where}: a formula without s' is not found"


def _check_reduced(rows: Sequence[Row]) -> None:
    minima = of(rows, kind="minimum")
    if not minima:
        return
    assert len(minima) == 8, f"{len(minima)} minima"
    low = min(column(minima, "loss"))
    for row in minima:
        where = f"the minimum at ({row['w1']:.2f}, {row['w2']:.2f})"
        assert abs(row["loss"] - low) <= 1e-9 * (1 + low), f"{where}: another loss"
        assert abs(row["loss"] - row["loss_of_weights"]) <= 1e-9, f"{where}: not L at its readout"
        assert row["slope"] <= 1e-5, f"{where}: slope {row['slope']:.1e}"
    for row in of(rows, kind="line"):
        assert min(numbers(row["values"])) >= low * 0.999, (
            f"w2 = {row['w2']:.2f}: below the minimum"
        )


def _check_minima(rows: Sequence[Row]) -> None:
    minima = of(rows, kind="minimum")
    for row in minima:
        where = f"the minimum with units {row['order']}"
        assert row["loss"] <= 1e-20, f"{where}: loss {row['loss']:.1e}"
        assert row["largest_change_of_function"] <= 1e-12, f"{where}: another function"
        assert row["smallest_eigenvalue"] >= -row["rounding"], f"{where}: curved downwards"
    segment = of(rows, kind="segment")
    if segment:
        ends = [segment[0]["position"], segment[-1]["position"]]
        assert ends == [0.0, 1.0], f"the segment reaches from {ends[0]} to {ends[1]}"
        assert barrier(segment) > 1e-3, f"no barrier: {barrier(segment):.1e}"
        top = max(segment, key=lambda row: row["loss"])
        assert top["smallest_eigenvalue"] < -top["rounding"], "no negative curvature at the top"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    parts = ["Three questions of the loss L = 1/2 tr(R^T R), R = Y - s(W1 X^T)^T W2^T."]
    gradients = of(rows, story="gradient")
    if gradients:
        shapes = len(of(gradients, number_type=gradients[0]["number_type"]))
        names = len(distinct(gradients, "activation"))
        said = [
            f"{max(column(of(gradients, number_type=kind), 'difference_eps')):.1f} eps in {kind}"
            for kind in distinct(gradients, "number_type")
        ]
        parts.append(
            f"(1) The gradient: the formula in matrices against automatic differentiation on "
            f"{shapes} random shapes with {names} activations; they differ by at most "
            f"{' and '.join(said)}, relative to the sums of the absolute terms ({LIMIT_EPS:.0f} "
            "allowed; counted in halves). The formula without s' is found on every "
            "shape whose activation is not the identity, for which s' = 1."
        )
    minima = of(rows, story="reduced", kind="minimum")
    if minima:
        low, w = minima[0]["loss"], sorted(abs(minima[0][name]) for name in ("w1", "w2"))
        parts.append(
            "(2) A closed form: for W2 yes, one least-squares solve, done at every point of the "
            "map; what is left is a function of the two hidden weights of a tanh network without "
            f"biases on noisy data. Its minimum of {low:.2g} lies at |w| = {w[0]:.2f} and "
            f"{w[1]:.2f}, eight times: two orders, four signs."
        )
    hand = of(rows, story="witness", activation="identity")
    if hand:
        parts.append(
            "(3) Convex: no. By hand, for L = (1 - w1 w2)^2 / 2: L(1, 1) = L(-1, -1) = "
            f"{hand[0]['start_loss']:g}, half way L(0, 0) = {hand[0]['middle_loss']:g}, where the "
            f"Hessian has eigenvalues {hand[0]['smallest_eigenvalue']:g} and "
            f"{hand[0]['largest_eigenvalue']:g}."
        )
    segment = of(rows, story="minima", kind="segment")
    if segment:
        units = segment[0]["units"]
        low = min(column(segment, "smallest_eigenvalue"))
        parts.append(
            f"And a tanh network with {units} units on data that it can fit: the same function "
            "with its units in three orders, loss zero to rounding each, on the plane that they "
            f"span; on the segment between two of them a barrier of {barrier(segment):.2g}, and a "
            f"Hessian with an eigenvalue down to {low:.2g}."
        )
    return " ".join(parts)


def table(rows: Sequence[Row]) -> str:
    """The numbers that can be checked by hand, then the largest differences, minima and barrier."""
    lines = [line for row in of(rows, story="witness") for line in row["text"].splitlines()]
    for kind in distinct(of(rows, story="gradient"), "number_type"):
        cells = of(rows, story="gradient", number_type=kind)
        worst = max(cells, key=lambda row: row["difference_eps"])
        lines.append(
            f"{kind}: {len(cells)} shapes, gradients differ by at most "
            f"{worst['difference_eps']:.2f} eps ({worst['activation']}, {worst['parameters']} "
            "parameters)"
        )
    for row in of(rows, story="reduced", kind="minimum"):
        lines.append(
            f"reduced loss {row['loss']:.6g} at w1 = {row['w1']:.4f}, w2 = {row['w2']:.4f}, slope "
            f"{row['slope']:.1e}, condition {row['condition']:.3g}"
        )
    for row in of(rows, story="minima", kind="minimum"):
        lines.append(
            f"units in order {row['order']}: loss {row['loss']:.1e}, smallest eigenvalue "
            f"{row['smallest_eigenvalue']:.2e}"
        )
    if of(rows, story="minima", kind="segment"):
        lines.append(f"barrier on the segment between the first two: {barrier(rows):.4g}")
    return "\n".join(lines)
