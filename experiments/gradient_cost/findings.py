"""What the rows of `gradient_cost` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from experiments.drawing.rows import Row, of

__all__ = ["CASES", "KEPT", "caption", "check", "exact", "is_undone", "table"]

CASES = {
    "equal": "equal widths, batch",
    "many_inputs": "many inputs, batch",
    "small": "small network, one sample",
}
"""Kinds of networks of the ratios."""

KEPT = {
    "everything": "all layers kept",
    "layers": "every layer again",
    "blocks": "blocks of $\\sqrt{L}$ layers again",
}
"""What the tape keeps, by the names in the figure."""

_EPS = {"float32": 2.0**-23, "float64": 2.0**-52}


def exact(row: Row, name: str) -> Fraction:
    """Gradient over function, or Hessian-vector product over gradient, in matrix products."""
    other = {"gradient": "value", "hvp": "gradient"}[name]
    return Fraction(row[f"{name}_dot_flops"], row[f"{other}_dot_flops"])


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings; no time is asserted.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="ratio"):
        where = f"{row['case']}, {row['layers']} layers"
        for name in ("value", "gradient", "hvp"):
            counted = row[f"{name}_jaxpr_dot_flops"]
            assert row[f"{name}_dot_flops"] == counted, f"{where}: {name} is counted as {counted}"
        P, c0 = row["weights"], row["first_weights"]
        assert exact(row, "gradient") == 3 - Fraction(c0, P), f"{where}: gradient is not 3 - c0/P"
        assert 2 <= exact(row, "gradient") < 3, f"{where}: gradient is not 2 to 3 functions"
        product = Fraction(18 * P - 10 * c0, 6 * P - 2 * c0)
        assert exact(row, "hvp") == product, f"{where}: Hessian-vector product"
        assert 2 <= product < 3, f"{where}: Hessian-vector product is not 2 to 3 gradients"
        if row["case"] != "many_inputs":
            assert Fraction(c0, P) == Fraction(1, row["layers"]), f"{where}: widths are not equal"
    for row in of(rows, story="tape"):
        _check_tape(row)


def _check_tape(row: Row) -> None:
    where = f"{row['kept']}, {row['layers']} layers"
    found, stated = row["measured_tape_bytes"], row["tape_bytes"]
    assert found == stated, f"{where}: the tape holds {found} bytes, not the predicted {stated}"
    found, stated = row["jaxpr_dot_flops"], row["dot_flops"]
    assert found == stated, f"{where}: {found} FLOPs counted, {stated} by formula"
    layers = row["layers"]  # of equal widths, so that c0 / P = cL / P = 1 / L
    functions = 3 - Fraction(1, layers) if row["kept"] == "everything" else 4 - Fraction(2, layers)
    assert Fraction(stated, row["value_dot_flops"]) == functions, f"{where}: not {functions}"
    limit = 64 * row["layers"] * row["width"] * _EPS[row["dtype"]]
    assert row["largest_difference"] <= limit, f"{where}: a different gradient"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    said = []
    second = []
    for case, name in CASES.items():
        deepest = max(of(rows, story="ratio", case=case), key=lambda row: row["layers"])
        said.append(
            f"{name}: {deepest['gradient_ratio_s']:.2f} measured, "
            f"{float(exact(deepest, 'gradient')):.2f} exact"
        )
        second.append(
            f"{name}: {deepest['hvp_ratio_s']:.2f} measured, "
            f"{float(exact(deepest, 'hvp')):.2f} exact"
        )
    return " ".join(
        [
            "Counting matrix products, the gradient of a tanh network costs exactly 3 - c0/P "
            "times the function (P weights, with c0 in the first layer), and a Hessian-vector "
            "product (18P - 10 c0)/(6P - 2 c0) times the gradient: 2 for one layer, always below "
            "3.",
            "Times are medians of paired ratios with quartiles. Gradient over function for the "
            f"deepest networks: {'; '.join(said)}. The exact ratios do not include elementwise "
            "work, memory and the start of programs; those of the small network are those of equal "
            f"widths. Hessian-vector product over gradient: {'; '.join(second)}.",
            _of_tapes(of(rows, story="tape")),
        ]
    )


def _of_tapes(rows: Sequence[Row]) -> str:
    """Memory saved at the greatest depth, in JAX and then in XLA."""
    depth = max(row["layers"] for row in rows)
    tape = {row["kept"]: row for row in of(rows, layers=depth)}
    every, blocks = tape["everything"], tape["blocks"]
    megabytes = (
        f"{every['temp_bytes'] / 1e6:.2g} to {blocks['temp_bytes'] / 1e6:.2g} MB, or to "
        f"{tape['layers']['temp_bytes'] / 1e6:.2g} MB when every layer is recomputed"
    )
    fate = (
        "This version of XLA detects that the recomputation equals the first computation and "
        f"removes it, so that the buffers it allocates (dotted) change from {megabytes}."
        if is_undone(blocks, every)
        else f"The buffers allocated by XLA (dotted) change from {megabytes}."
    )
    return (
        "The tape is what `jax.vjp` holds, exactly as many bytes as predicted. With "
        f"{depth} layers, recomputing blocks makes it "
        f"{every['tape_bytes'] / blocks['tape_bytes']:.1f} times smaller, at the cost of one more "
        "pass through the layers between the first and the last: in all 4 - (c0 + cL)/P times the "
        f"function (cL weights in the last layer). {fate}"
    )


def is_undone(again: Row, once: Row) -> bool:
    """Whether the compiler has removed most of the recomputation."""
    added = again["dot_flops"] - once["dot_flops"]
    return bool(again["compiled_flops"] - once["compiled_flops"] < 0.5 * added)


def table(rows: Sequence[Row]) -> str:
    """Ratios of all networks, tapes of all depths."""
    lines = [f"{'':28}{'layers':>7}{'grad/f':>8}{'measured':>10}{'hvp/grad':>10}{'measured':>10}"]
    for case, name in CASES.items():
        for row in of(rows, story="ratio", case=case):
            lines.append(
                f"{name:28}{row['layers']:>7}{float(exact(row, 'gradient')):>8.3f}"
                f"{row['gradient_ratio_s']:>10.2f}{float(exact(row, 'hvp')):>10.3f}"
                f"{row['hvp_ratio_s']:>10.2f}"
            )
    lines.append(
        f"{'':28}{'layers':>7}{'tape, MB':>10}{'XLA, MB':>10}{'grad/f':>8}{'measured':>10}"
    )
    for kept in KEPT:
        for row in of(rows, story="tape", kept=kept):
            lines.append(
                f"{kept:28}{row['layers']:>7}{row['tape_bytes'] / 1e6:>10.2f}"
                f"{row['temp_bytes'] / 1e6:>10.2f}"
                f"{row['dot_flops'] / row['value_dot_flops']:>8.3f}"
                f"{row['gradient_ratio_s']:>10.2f}"
            )
    return "\n".join(lines)
