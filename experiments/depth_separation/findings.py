"""What the rows of `depth_separation` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from approxlab.claims import Rate
from experiments.depth_separation.least import fewest_pieces
from experiments.drawing.rows import Row, column, distinct, of

__all__ = [
    "NAMES",
    "TELGARSKY",
    "caption",
    "check",
    "first_below",
    "grows",
    "per_digit",
    "size_at",
    "table",
]

NAMES = {
    "square": "x^2",
    "cube": "x^3",
    "exp": "e^x",
    "product": "x y",
    "takagi": "Takagi",
}
TELGARSKY = 1.0 / 64.0
"""The distance that Theorem 1.1 of Telgarsky (2016) guarantees."""
_FITTED = 1e-2  # the largest error of the fitted exponents
_MANY = 13  # errors from which the exponents are checked: six decades
_POWER = {"takagi": 1.0}  # of 1/eps; 1/2 of functions with a second derivative
_DEEP_POWER = (0.8, 2.0)  # of log(1/eps): 1 for squares, at most 2 with a series
_SMALLER = 1e-4  # the largest error at which deep beats every shallow one
_READ = 1.1  # least squares over the least possible sup error
_ROUNDING = 1e-4  # relative, of an error of 1e-8 from values near 1


def grows(rows: Sequence[Row], target: str, way: str, variable: str = "power") -> Rate:
    """The exponent of units ~ (1/eps)^p, or ~ log(1/eps)^p with `variable="log"`."""
    from approxlab.rates import rate  # SciPy: not for --help

    cells = [
        row for row in of(rows, story="units", target=target, way=way) if row["eps"] <= _FITTED
    ]
    inverse = [1.0 / row["eps"] for row in cells]
    sizes = inverse if variable == "power" else [math.log(value) for value in inverse]
    return rate(sizes, column(cells, "num_hidden_units"))


def size_at(rows: Sequence[Row], target: str, way: str, eps: float) -> Row:
    """The row of the unit count for an error."""
    found = of(rows, story="units", target=target, way=way)
    return min(found, key=lambda row: abs(math.log(row["eps"] / eps)))


def per_digit(rows: Sequence[Row], target: str) -> float:
    """ReLUs of the deep network for one more decimal of accuracy, from 1e-2 on."""
    smallest = min(column(of(rows, story="units", target=target), "eps"))
    few, many = (
        size_at(rows, target, "deep", eps)["num_hidden_units"] for eps in (_FITTED, smallest)
    )
    return float(many - few) / math.log10(_FITTED / smallest)


def first_below(rows: Sequence[Row]) -> int:
    """The fewest pieces for which the lower bound of the L1 error does not exceed 1/64."""
    cells = of(rows, story="tents", way="least")
    return min([row["n"] for row in cells if row["l1_error_lower"] < TELGARSKY] or [2 ** _k(rows)])


def _k(rows: Sequence[Row]) -> int:
    return int(of(rows, story="tents")[0]["k"])


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="units"):
        _check_size(rows, row)
    for target in distinct(of(rows, story="units"), "target"):
        if len(of(rows, story="units", target=target, way="deep")) >= _MANY:
            _check_exponents(rows, target)
    for row in of(rows, story="optimum"):
        where = f"{row['target']}, {row['n']} pieces"
        assert row["least_sup_error_lower"] <= row["least_sup_error_upper"], f"{where}: crossed"
        assert row["pieces_above"] <= row["n"] < row["pieces_below"], f"{where}: count is off"
        for name, least in (("pieces_above", "upper"), ("pieces_below", "lower")):
            needed = fewest_pieces(row["target"], row[f"least_sup_error_{least}"])
            assert abs(needed - row[name]) <= 1, f"{where}: {needed} pieces, not {row[name]}"
    for row in of(rows, story="trained"):
        where = f"{row['target']}, {row['layers']} layers, trained"
        assert row["l2_error"] <= row["sup_error"] * (1 + 1e-2), f"{where}: L2 above sup"
        assert fewest_pieces(row["target"], row["sup_error"]) <= row["pieces"], (
            f"{where}: better than so many pieces can be"
        )
    _check_tents(rows)
    for row in of(rows, story="layers", way="deep"):
        ratio = row["sup_error"] / _expected(row)
        where = f"{row['target']} after layer {row['layer']}"
        assert 1 - _ROUNDING <= ratio <= _READ, f"{where}: {ratio} times the expected error"
    errors = column(of(rows, story="layers", way="trained"), "sup_error")
    assert errors[-1] == min(errors), "e^x, trained: the last layer is not the best one"


def _expected(row: Row) -> float:
    """The sup error of `square_deep` and `takagi_deep` with so many levels."""
    levels = int(row["layer"])
    return 2.0 ** (-2 * levels - 3) if row["target"] == "square" else 0.5**levels / 3.0


def _check_size(rows: Sequence[Row], row: Row) -> None:
    target, way, eps = row["target"], row["way"], row["eps"]
    where = f"{target}, {way}, eps = {eps:.1e}"
    least = size_at(rows, target, "least", eps)["num_hidden_units"]
    if way == "least":
        pieces = fewest_pieces(target, eps)
        assert row["pieces"] == pieces, f"{where}: {row['pieces']} pieces, not {pieces}"
        assert row["num_hidden_units"] == max(1, pieces - 1), f"{where}: units miscounted"
        return
    for name in ("claimed_sup_error", "sup_error"):
        assert row.get(name, 0.0) <= eps * (1 + 1e-9), f"{where}: {name} above eps"
    if "claimed_sup_error" in row and "sup_error" in row:
        assert row["sup_error"] <= row["claimed_sup_error"], f"{where}: above its claim"
    if way == "shallow":
        assert row["num_hidden_units"] >= least, f"{where}: fewer units than possible"
    if way == "deep" and eps <= _SMALLER * (1 + 1e-9):
        assert row["num_hidden_units"] < least, f"{where}: no fewer units than in one layer"
    if target == "square" and way == "deep":
        units = max(1, math.ceil(0.5 * (-math.log2(eps) - 3.0)))
        assert row["num_hidden_units"] == units, f"{where}: not the fewest units"


def _check_exponents(rows: Sequence[Row], target: str) -> None:
    expected = _POWER.get(target, 0.5)
    for way in ("least", "shallow"):
        found = grows(rows, target, way)
        assert abs(found.slope - expected) <= 0.03, f"{target}, {way}: exponent {found.slope:.3f}"
        assert found.upper - found.lower <= 0.15, f"{target}, {way}: exponent not known"
    low, high = _DEEP_POWER
    deep = grows(rows, target, "deep", "log")
    assert low <= deep.lower, f"{target}, deep: exponent from {deep.lower:.3f}"
    assert deep.upper <= high, f"{target}, deep: exponent to {deep.upper:.3f}"
    assert grows(rows, target, "deep").upper < 0.5 * expected, f"{target}: deep grows as fast"


def _check_tents(rows: Sequence[Row]) -> None:
    lower = {row["n"]: row["l1_error_lower"] for row in of(rows, story="tents", way="least")}
    for row in of(rows, story="tents"):
        n, where = row["n"], f"tent map, {row['way']}, {row['n']} pieces"
        if row["way"] != "least":
            assert row["l1_error"] >= lower[n] * (1 - 1e-9), f"{where}: below the least error"
            continue
        expected = 0.25 * (1.0 - (n - 1.5) / 2 ** row["k"]) if n > 1 else 0.25
        assert abs(row["l1_error_upper"] - expected) <= 1e-12, f"{where}: not {expected}"
        assert row["l1_error_lower"] <= row["l1_error_upper"], f"{where}: bounds crossed"
    # Half of the pieces cost at least half of what a constant does, up to the ends.
    half = 2 ** (_k(rows) - 1)
    assert lower[half] >= 0.1, f"tent map, {half} pieces: {lower[half]}"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    told = [_of_units(rows), *_of_exponents(rows), _of_training(rows), _of_tents(rows)]
    return " ".join(part for part in [*told, _of_layers(rows)] if part)


def _of_units(rows: Sequence[Row]) -> str:
    square = of(rows, story="units", target="square", way="deep")
    return (
        "ReLUs for a sup error of at most eps. "
        + (_of_square(rows, min(square, key=lambda row: row["eps"])) if square else "")
        + "Least: proved for every network with one hidden layer; for x y by its diagonal, for the "
        "Takagi function by its dyadic intervals, else pieces counted one by one. Built: equal "
        "pieces (one layer); "
        "deep squares, products, series and tent maps, whose claims, rounding included, are at "
        "most eps; their linear units, which carry sums, are not counted."
    )


def _of_square(rows: Sequence[Row], last: Row) -> str:
    least, plain = (
        size_at(rows, "square", way, last["eps"])["num_hidden_units"] for way in ("least", "plain")
    )
    return (
        f"x^2 to {last['eps']:.0e}: at least {least:,} in one hidden layer (proved), "
        f"{last['num_hidden_units']} in {last['depth']} layers with {last['num_linear_units']} "
        f"linear units, the fewest of all ReLU networks, or {plain} in plain layers. "
    )


def _of_exponents(rows: Sequence[Row]) -> list[str]:
    shallow, deep = [], []
    for target in distinct(of(rows, story="units"), "target"):
        one, log = grows(rows, target, "least"), grows(rows, target, "deep", "log")
        shallow.append(f"{NAMES[target]} {one.slope:.2f} [{one.lower:.2f}, {one.upper:.2f}]")
        deep.append(f"{NAMES[target]} {log.slope:.2f} [{log.lower:.2f}, {log.upper:.2f}]")
    return [
        f"Exponents with 95% intervals, eps <= {_FITTED:g}: least units of one layer ~ (1/eps)^p, "
        f"p = {', '.join(shallow)}; deep units ~ log(1/eps)^q, q = {', '.join(deep)}."
    ]


def _of_training(rows: Sequence[Row]) -> str:
    parts = []
    for target in distinct(of(rows, story="trained"), "target"):
        best = min(of(rows, story="trained", target=target), key=lambda row: row["sup_error"])
        least = fewest_pieces(target, best["sup_error"]) - 1
        parts.append(
            f"{NAMES[target]} {best['sup_error']:.1e} with {best['num_hidden_units']} ReLUs (one "
            f"layer: at least {least})"
        )
    if not parts:
        return ""
    return (
        "Trained (fit_deep, which lowers the mean square, not the sup error; layers of 4, no "
        f"linear units), smallest sup error: {', '.join(parts)}."
    )


def _of_tents(rows: Sequence[Row]) -> str:
    k = _k(rows)
    cells = of(rows, story="tents", way="least")
    widest = max(row["l1_error_upper"] - row["l1_error_lower"] for row in cells)
    fits = min(
        (row["l1_error"] / of(cells, n=row["n"])[0]["l1_error_lower"], row["n"])
        for row in of(rows, story="tents")
        if row["way"] != "least"
    )
    return (
        f"The tent map iterated {k} times ({2**k} pieces; {k} ReLUs in {k} layers): the least L1 "
        "error of n pieces lies between a lower bound by dynamic programming and (1 - (n - 3/2) / "
        f"2^{k}) / 4, at most {widest:.3f} apart; one piece 1/4, and 0 with {2**k} pieces, are "
        f"exact. It is above Telgarsky's 1/64 for all n < {first_below(rows)}. Fitted shallow "
        f"networks are at least {fits[0]:.2f} times the lower bound."
    )


def _of_layers(rows: Sequence[Row]) -> str:
    cells = of(rows, story="layers", way="deep")
    most = max(row["sup_error"] / _expected(row) for row in cells) - 1.0
    last = {target: of(cells, target=target)[-1] for target in ("square", "takagi")}
    trained = of(rows, story="layers", way="trained")[-1]
    return (
        "Read out after each layer l by the affine function of its units that least squares give: "
        "the built x^2 has 2^(-2 l - 3), the least of all networks with l ReLUs, the built Takagi "
        f"function 2^-l / 3 (both within {100 * most:.1g} per cent), down to "
        f"{last['square']['sup_error']:.0e} and {last['takagi']['sup_error']:.0e}; the trained e^x "
        f"ends at {trained['sup_error']:.0e} in layer {trained['layer']}."
    )


def table(rows: Sequence[Row]) -> str:
    """Units by error and way, exponents, the tent map."""
    lines = []
    for target in distinct(of(rows, story="units"), "target"):
        lines.append(
            f"{NAMES[target]:8}{'eps':>9}{'least':>12}{'one layer':>12}{'deep':>6}{'+':>5}"
        )
        for row in of(rows, story="units", target=target, way="deep"):
            least, shallow = (
                size_at(rows, target, way, row["eps"])["num_hidden_units"]
                for way in ("least", "shallow")
            )
            lines.append(
                f"{'':8}{row['eps']:>9.1e}{least:>12}{shallow:>12}{row['num_hidden_units']:>6}"
                f"{row['num_linear_units']:>5}"
            )
        for way, variable in (
            ("least", "power"),
            ("shallow", "power"),
            ("deep", "power"),
            ("deep", "log"),
        ):
            found = grows(rows, target, way, variable)
            base = "1/eps" if variable == "power" else "log(1/eps)"
            ends = f"[{found.lower:.3f}, {found.upper:.3f}]"
            lines.append(f"{way:>8} units ~ ({base})^{found.slope:.3f} {ends}")
    for row in of(rows, story="trained"):
        lines.append(
            f"{NAMES[row['target']]:8} trained, {row['num_hidden_units']:>3} units, "
            f"{row['pieces']:>4} pieces: sup {row['sup_error']:.2e}, L2 {row['l2_error']:.2e}"
        )
    for row in of(rows, story="tents", way="least"):
        n = row["n"]
        fits = "".join(
            f"  {way} {min(column(own, 'l1_error')):.4f}"
            for way in ("placed", "trained")
            if (own := of(rows, story="tents", way=way, n=n))
        )
        ends = f"[{row['l1_error_lower']:.4f}, {row['l1_error_upper']:.4f}]"
        lines.append(f"tent map, {n:>3} pieces: {ends}{fits}")
    return "\n".join(lines)
