"""What the rows of `kernel_spectra` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.drawing.rows import Row, of

__all__ = ["NETWORKS", "SLOPES", "caption", "check", "missing", "slopes", "table"]

# Powers of the frequency with which eigenvalues of (NNGP, NTK) fall; None: faster than any power.
SLOPES: dict[str, tuple[int, int] | None] = {
    "relu": (-4, -2),
    "abs": (-4, -2),
    "relu2": (-6, -4),
    "relu3": (-8, -6),
    "erf": None,
    "tanh": None,
}
NETWORKS = {
    "one layer": "one hidden layer, no biases",
    "with biases": "one hidden layer, biases",
    "two layers": "two hidden layers, no biases",
}
_WITHIN = 0.05  # of the slopes of relu
_PARITIES = ("even", "odd")


def slopes(row: Row) -> list[float]:
    """The measured slopes of a kernel: of even and of odd frequencies, where there is one."""
    found = (row["even_slope"], row["odd_slope"])
    return [slope for slope in found if slope is not None]


def missing(row: Row) -> list[str]:
    """The parities whose eigenvalues are rounding from frequency 5 on: they cannot be learnt."""
    return [parity for parity in _PARITIES if row[f"{parity}_missing"]]


def expected_missing(row: Row) -> list[str]:
    """By symmetry, without a bias; with one, none but what is below rounding anyhow."""
    name, shallow = row["activation"], row["depth"] == 1
    if row["bias"]:
        return []
    if name in ("erf", "tanh"):
        return ["even"]  # odd functions of odd functions are odd
    if name == "abs":
        return ["odd"]
    if not shallow:
        return []
    return ["even"] if name == "relu2" else ["odd"]


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, row="kernel"):
        where = f"{row['activation']}, depth {row['depth']}, {row['kind']}, bias {row['bias']}"
        assert missing(row) == expected_missing(row), f"{where}: {missing(row)} vanish"
        theory = SLOPES[row["activation"]]
        if row["activation"] in ("relu", "abs") and theory:
            for slope in slopes(row):
                power = theory[row["kind"] == "ntk"]
                assert not abs(slope - power) > _WITHIN, f"{where}: slope {slope:.3f}"
    for row in of(rows, story="trained", network="one layer"):
        assert abs(row["coefficient"]) < 0.05, f"one layer: {row['coefficient']:.2f} of cos 3t"
    if not of(rows, story="trained") or rows[-1]["steps"] < 1000:
        return
    for name in ("with biases", "two layers"):
        for row in of(rows, story="trained", network=name):
            assert row["coefficient"] > 0.95, f"{name}: {row['coefficient']:.2f} of cos 3t"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    kernels = of(rows, row="kernel")
    said = []
    for name, theory in SLOPES.items():
        for kind, power in zip(("nngp", "ntk"), theory or (), strict=False):
            mine = of(kernels, activation=name, kind=kind)
            found = [slope for row in mine for slope in slopes(row)]
            if found:
                last = min(row[f"{p}_last"] for row in mine for p in _PARITIES if row[f"{p}_last"])
                said.append(
                    f"{name} {kind.upper()} {_between(found, 2)} (theory {power}; seen up to "
                    f"frequency {last} or more)"
                )
    smooth = [name for name in ("erf", "tanh") if of(kernels, activation=name)]
    learnt = [
        f"{NETWORKS[name]}: {_between(c, 3)}"
        for name in NETWORKS
        if (c := [row["coefficient"] for row in of(rows, story="trained", network=name)])
    ]
    sentences = [
        "Eigenvalues of the kernels of infinitely wide networks on the unit circle. Slopes of log "
        "eigenvalue against log frequency, over the last two octaves above rounding, with and "
        f"without biases, all depths: {'; '.join(said)}.",
        f"{' and '.join(smooth)}: no power of the frequency, so no slope." if smooth else "",
        _missing_sentence(kernels),
        f"Networks trained on cos 3t have learnt this part of it: {'; '.join(learnt)}."
        if learnt
        else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _between(values: Sequence[float], digits: int) -> str:
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _missing_sentence(kernels: Sequence[Row]) -> str:
    """Which eigenvalues from frequency 5 on are all rounding, without a bias; with one, none."""
    found: dict[str, list[str]] = {}
    for row in of(kernels, bias=0.0, kind="ntk"):
        for parity in missing(row):
            deep = "one layer" if row["depth"] == 1 else "deeper"
            found.setdefault(f"{parity} ones of {row['activation']}", []).append(deep)
    parts = [f"{name} ({' and '.join(dict.fromkeys(where))})" for name, where in found.items()]
    return (
        f"Without biases these frequencies from 5 on have the eigenvalue 0 to rounding: "
        f"{'; '.join(parts)}. With biases none is missing."
        if parts
        else ""
    )


def table(rows: Sequence[Row]) -> str:
    """Measured slopes beside theory, and what is missing, for every kernel."""
    head = f"{'':8}{'depth':>6}{'bias':>6}{'kernel':>8}{'even':>9}{'odd':>9}{'theory':>8}  missing"
    lines = [head]
    for row in of(rows, row="kernel"):
        theory = SLOPES[row["activation"]]
        power = "none" if theory is None else str(theory[row["kind"] == "ntk"])
        cells = "".join(
            f"{'-':>9}" if (s := row[f"{p}_slope"]) is None or theory is None else f"{s:>9.3f}"
            for p in _PARITIES
        )
        lines.append(
            f"{row['activation']:8}{row['depth']:>6}{row['bias']:>6g}{row['kind']:>8}{cells}"
            f"{power:>8}  {', '.join(missing(row)) or '-'}"
        )
    for row in of(rows, story="trained"):
        lines.append(
            f"{NETWORKS[row['network']]}, seed {row['seed']}: loss {row['loss']:.1e} of "
            f"{row['mean_square']:.2f}, coefficient of cos 3t {row['coefficient']:.4f}"
        )
    return "\n".join(lines)
