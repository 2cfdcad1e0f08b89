"""What the rows of `linear_layer_vjp` show: checks, caption and table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, of

__all__ = [
    "NETWORK_WAYS",
    "WAYS",
    "bytes_of",
    "caption",
    "check",
    "formed_dot_flops",
    "size_of",
    "structured_dot_flops",
    "table",
    "tensor_bytes",
    "times",
]

WAYS = {
    "form": "form dy/dW, then contract",
    "contract": "contract only, dy/dW given",
    "outer": "outer product $v\\,x^T$",
}
NETWORK_WAYS = {"formed": "J formed", "structured": "J in factors"}
_EPS = {"float32": 2.0**-23, "float64": 2.0**-52}


def structured_dot_flops(widths: Sequence[int], batch: int) -> int:
    """Forward sweep, backward sweep without products by identities, and the small products."""
    layers = [a * b for a, b in itertools.pairwise(widths)]
    P, m, units = sum(layers), widths[-1], sum(widths[1:-1])
    inner = P - layers[0] - layers[-1] if len(layers) > 1 else 0
    sweeps = 2 * batch * P + 2 * batch * m * inner
    return sweeps + 2 * batch**2 * sum(widths[:-1]) + 2 * batch**2 * m**2 * units


def formed_dot_flops(widths: Sequence[int], batch: int) -> int:
    """`jacrev` of every sample, then J J^T; the product of I and W_L is one for all samples."""
    layers = [a * b for a, b in itertools.pairwise(widths)]
    P, m = sum(layers), widths[-1]
    by_sample = batch * (2 * P + m * (4 * P - 2 * layers[0]))
    shared = 2 * (batch - 1) * m * layers[-1] if len(layers) > 1 else 0
    return 2 * batch**2 * m**2 * P + by_sample - shared


def tensor_bytes(row: Row) -> int:
    """Bytes of the (m, m, n) array."""
    return _itemsize(row["dtype"]) * row["m"] ** 2 * row["n"]


def bytes_of(row: Row) -> int:
    """Bytes of everything a program holds: arguments, buffers, results."""
    return row["argument_bytes"] + row["temp_bytes"] + row["output_bytes"]


def size_of(number: int) -> str:
    """A number of bytes in a suitable unit.

    Example:
        >>> size_of(199_176_704), size_of(512)
        ('199 MB', '512 bytes')
    """
    for power, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number >= power:
            return f"{number / power:.3g} {unit}"
    return f"{number} bytes"


def times(ratio: float) -> str:
    """A ratio of times as text.

    Example:
        >>> times(1131.4), times(0.91)
        ('1131', '0.91')
    """
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    _check_tensor(of(rows, story="tensor"))
    for row in of(rows, story="layer"):
        _check_layer(row)
    for row in of(rows, story="network"):
        _check_network(row)
    network = {row["way"]: row for row in of(rows, story="network")}
    if network["formed"]["widths"] == "784-256-256-10" and network["formed"]["batch"] == 32:
        ratio = network["formed"]["dot_flops"] / network["structured"]["dot_flops"]
        assert ratio > 300, f"J J^T: only {ratio:.0f} times fewer FLOPs"
    measured = [row[name] for row in rows for name in ("run_s", "ratio_s") if name in row]
    assert all(0 < time < math.inf for time in measured), "a time is not a positive number"


def _check_tensor(rows: Sequence[Row]) -> None:
    m, n = rows[0]["m"], rows[0]["n"]
    assert len(rows) == m * m * n, "the number of entries of the tensor is not m m n"
    for row in rows:
        expected = row["x_j"] if row["k"] == row["i"] else 0.0
        assert row["entry"] == expected, f"entry {row['k'], row['i'], row['j']} of dy/dW"
    assert m * sum(row["entry"] != 0 for row in rows) == len(rows), "the density is not 1/m"


def _check_layer(row: Row) -> None:
    m, n, size = row["m"], row["n"], _itemsize(row["dtype"])
    where = f"{row['way']}, m = {m}, n = {n}"
    if row["way"] == "outer":
        assert (row["dot_flops"], row["flops"]) == (0, m * n), f"{where}: not m n FLOPs"
        assert row["argument_bytes"] == size * (m + n), f"{where}: more than x and v"
        assert row["temp_bytes"] < size * (m * n + 64), (
            f"{where}: a buffer in addition to the result"
        )
    else:
        assert row["dot_flops"] == 2 * m * m * n, f"{where}: not 2 m^2 n FLOPs"
        # 2 m times as many as the outer product, exactly.
        assert row["dot_flops"] == 2 * m * (m * n), f"{where}: not 2 m times as many"
        assert row["flops"] >= row["dot_flops"], f"{where}: fewer FLOPs than those of the product"
    if row["way"] == "contract":
        assert row["flops"] == row["dot_flops"], f"{where}: more than a product"
        assert row["argument_bytes"] == tensor_bytes(row) + size * m, f"{where}: bytes of dy/dW"
    assert row["output_bytes"] == size * m * n, f"{where}: bytes of the result"
    assert row["largest_difference"] == 0.0, f"{where}: not the outer product, bit for bit"


def _check_network(row: Row) -> None:
    widths, batch = [int(size) for size in row["widths"].split("-")], row["batch"]
    weights = sum(a * b for a, b in itertools.pairwise(widths))
    m = widths[-1]
    where = f"J J^T of {row['widths']}, {row['way']}"
    if row["way"] == "structured":
        expected = structured_dot_flops(widths, batch)
        kept = batch * max((m * batch * m, *(m * width for width in widths)))
        assert row["largest_size"] <= max(kept, batch * max(widths)), f"{where}: a large array"
    else:
        expected = formed_dot_flops(widths, batch)
    assert row["dot_flops"] == expected, f"{where}: {row['dot_flops']} FLOPs, not {expected}"
    # Sums of at most max(widths) squares, and of all weights where J is formed.
    limit = 64 * _EPS[row["computed_in"]] * math.sqrt(weights)
    assert row["relative_difference"] <= limit, f"{where}: the two ways differ"


def _itemsize(dtype: str) -> int:
    return {"float32": 4, "float64": 8}[dtype]


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    shown = of(rows, story="tensor")
    m, n = shown[0]["m"], shown[0]["n"]
    square = [row for row in of(rows, story="layer") if row["m"] == row["n"]]
    size = max(row["m"] for row in square)
    form, contract = (of(square, m=size, way=way)[0] for way in ("form", "contract"))
    J, factors = (of(rows, story="network", way=way)[0] for way in NETWORK_WAYS)
    return " ".join(
        [
            f"Left: dy/dW of a linear layer y = W x with {n} inputs and {m} outputs has "
            f"{len(shown)} entries; {m * n} are not zero, a density of 1/{m}. Its product with v "
            "along the first axis is the outer product v x^T, bit for bit.",
            "Right: FLOPs (counted; the dashed lines are 2 m^2 n and m n), bytes (arguments, "
            "buffers and results as allocated by XLA) and time of the three ways.",
            f"For m = n = {size}, dy/dW takes {size_of(tensor_bytes(form))}, and the outer "
            f"product takes {2 * size} times fewer FLOPs than the contraction; it was "
            f"{times(form['ratio_s'])} times faster than forming and contracting, "
            f"{times(contract['ratio_s'])} times faster than contracting alone (medians; bands are "
            "quartiles). The time of small layers is mostly the overhead of a call, that of large "
            "ones mostly access to memory.",
            "In FLOPs the outer product is 2 m times cheaper for every n (grey); measured ratios "
            "also depend on calls, caches and the allocation of the tensor, and may differ.",
            f"Below right: J J^T for all weights of {J['widths']} at {J['batch']} points "
            f"({J['computed_in']}), from factors instead of J: "
            f"{J['dot_flops'] / factors['dot_flops']:.0f} times fewer FLOPs, "
            f"{times(J['ratio_s'])} times faster, {bytes_of(J) / bytes_of(factors):.0f} times "
            "fewer bytes.",
        ]
    )


def table(rows: Sequence[Row]) -> str:
    """FLOPs, bytes and time of every way."""
    lines = [f"{'m':>5}{'n':>6}  {'way':<10}{'FLOPs':>15}{'bytes':>13}{'time':>12}{'ratio':>9}"]
    for row in of(rows, story="layer"):
        lines.append(
            f"{row['m']:>5}{row['n']:>6}  {row['way']:<10}{row['flops']:>15,}{bytes_of(row):>13,}"
            f"{1e6 * row['run_s']:>9.1f} us{row['ratio_s']:>9.1f}"
        )
    for row in of(rows, story="network"):
        lines.append(
            f"J J^T of {row['widths']}, {row['batch']} points, {row['way']}: "
            f"{row['dot_flops']:,} FLOPs of products, {bytes_of(row):,} bytes, "
            f"{1e3 * row['run_s']:.2f} ms, ratio {row['ratio_s']:.1f}"
        )
    return "\n".join(lines)
