"""What the rows of `network_calculus` show: checks, caption and table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from experiments.drawing.rows import Row, column, distinct, of
from experiments.network_calculus.cases import CASES

__all__ = ["WAYS", "caption", "cell", "check", "names_of", "table"]

WAYS = {
    "chebfun, plain": "Chebfun",
    "chebfun, breaks": "Chebfun, breaks stated",
    "network": "network, breaks stated",
}
_SMOOTH = ("runge", "wave")
_ALSO = (
    ("min", "chebfun, breaks", "smooth pieces between stated kinks, as of min(sin, cos)"),
    ("kahaner", "chebfun, plain", "narrow spikes that are smooth, as Kahaner's"),
)
"""Where polynomials win as well."""


def names_of(rows: Sequence[Row]) -> list[str]:
    """Functions of the gallery, in its order."""
    found = distinct(of(rows, story="gallery"), "case")
    return [name for name in CASES if name in found]


def cell(rows: Sequence[Row], name: str, by: str) -> Row | None:
    """One row of the gallery, if it is known."""
    found = of(rows, story="gallery", case=name, by=by)
    return found[0] if found and found[0]["coefficients"] is not None else None


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for name in names_of(rows):
        _check_case(rows, name)
    for name, by, _ in _ALSO:
        found = cell(rows, name, by)
        assert found is None or found["sup_error_at_most"] <= 1e-13, f"{name}: not resolved"
    _check_picture(rows)
    _check_sine(rows)


def _check_case(rows: Sequence[Row], name: str) -> None:
    ours, plain = cell(rows, name, "network"), cell(rows, name, "chebfun, plain")
    assert ours is not None, f"{name}: no network"
    if CASES[name].exact:
        assert ours["sup_error_at_most"] <= 1e-13, f"{name}: the network is not exact"
        assert ours["coefficients"] <= 3 + 3 * len(CASES[name].breaks), f"{name}: too many units"
        if plain is not None:
            assert plain["coefficients"] > 10_000, f"{name}: few polynomials do"
            assert plain["sup_error_at_most"] > 1e-7, f"{name}: polynomials resolve it"
    else:
        assert 1e-13 < ours["sup_error_at_most"] < 0.5, f"{name}: an error that cannot be"
    if name in _SMOOTH and plain is not None:
        assert plain["sup_error_at_most"] <= 1e-13, f"{name}: the polynomial is not exact"
        assert plain["build_s"] < ours["build_s"], f"{name}: the polynomial takes longer"


def _check_picture(rows: Sequence[Row]) -> None:
    """What was computed from the network, against its curves."""
    shown = of(rows, story="picture")
    curve, (numbers,) = of(shown, drawn="curve"), of(shown, drawn="numbers")
    x, f, s, area = (column(curve, name) for name in ("x", "value", "slope", "integral"))
    close = 1e-6 * (1.0 + max(map(abs, f)))
    steps = list(zip(x, x[1:], f, f[1:], strict=False))
    sums, inside = 0.0, 0.0
    for i, (a, b, u, v) in enumerate(steps):
        sums += 0.5 * (b - a) * (u + v)
        inside += abs(v - u)
        assert abs(sums - area[i + 1]) < close, "the integral is not that of the curve"
    rises = [(v - u) / (b - a) for a, b, u, v in steps]
    for i in range(1, len(steps)):
        if min(x[i] - x[i - 1], x[i + 1] - x[i]) > 1e-4:  # values are rounded
            least, most = min(rises[i - 1 : i + 1]), max(rises[i - 1 : i + 1])
            assert least - 1e-3 <= s[i] <= most + 1e-3, "the slope is not that of the curve"
    assert abs(numbers["maximum"] - max(f)) < close, "the maximum is not that of the curve"
    assert abs(numbers["minimum"] - min(f)) < close, "the minimum is not that of the curve"
    assert abs(numbers["total_variation"] - inside) < close, "the variation is not that"
    length = sum(math.hypot(b - a, v - u) for a, b, u, v in steps)
    assert abs(numbers["arc_length"] - length) < close, "the length is not that of the curve"
    squares = sum((b - a) * (u * u + u * v + v * v) / 3 for a, b, u, v in steps)
    assert abs(numbers["l2_norm"] ** 2 - squares) < close, "the L2 norm is not that of the curve"
    for root in column(of(shown, drawn="root"), "x"):
        near = [(u, v) for a, b, u, v in steps if a - 1e-8 <= root <= b + 1e-8]
        assert any(u * v <= 0.0 for u, v in near), "a root where the curve has none"
    crossed = sum(u * v < 0 for _, _, u, v in steps)
    assert crossed <= numbers["num_roots"] == len(of(shown, drawn="root")), "roots are missing"
    places = dict(zip(x, f, strict=True))
    for kind, sign in (("maximum", 1), ("minimum", -1)):
        for row in of(shown, drawn=kind):
            near = [v for t, v in places.items() if abs(t - row["x"]) < 0.01]
            top = max(sign * v for v in near)
            assert abs(sign * row["value"] - top) < close, f"a local {kind} that is none"


def _check_sine(rows: Sequence[Row]) -> None:
    for by in ("trained", "placed"):
        found = _sine(rows, by)
        curve = of(rows, story="sine", drawn="curve", by=by)
        seen = max(abs(row["error"]) for row in curve)
        assert seen <= found["sup_error"] + 1e-9, f"{by}: an error above its largest"
        assert found["error_at_100_points"] <= found["sup_error"] + 1e-9, f"{by}: not the largest"
        assert found["error_at_2001_points"] < found["sup_error"] + 1e-9, f"{by}: not the largest"
        assert found["sup_error"] < 1.02 * found["error_at_2001_points"], f"{by}: too large"
        assert found["num_pieces"] <= found["num_bending"] + 1, f"{by}: too many pieces"
        assert found["num_bending"] <= found["num_hidden_units"], f"{by}: too many units bend"
    trained, placed = _sine(rows, "trained"), _sine(rows, "placed")
    shares = _seen(rows)
    assert max(shares) <= 1 + 1e-9, "samples above the largest error"
    least = trained["error_at_100_points"] / trained["sup_error"]
    assert abs(min(shares) - least) < 1e-3, "another network is drawn"
    assert least < 0.95, "samples do"
    assert placed["num_hidden_units"] <= trained["num_hidden_units"], "more units"
    assert placed["sup_error"] < trained["sup_error"], "placed knots are not better"


def _seen(rows: Sequence[Row]) -> list[float]:
    """The largest error at 100 points over the largest of all, in order."""
    return sorted(column(of(rows, story="sine", drawn="sample"), "seen"))


def _sine(rows: Sequence[Row], by: str) -> Row:
    (found,) = of(rows, story="sine", drawn="numbers", by=by)
    return found


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    names = names_of(rows)
    exact = [name for name in names if CASES[name].exact]
    pieces = of(rows, story="gallery")[0]["pieces"]
    (numbers,) = of(rows, story="picture", drawn="numbers")
    trained, placed, seen = _sine(rows, "trained"), _sine(rows, "placed"), _seen(rows)
    return (
        f"Left: numbers that describe a function (coefficients and breaks, or knots and jumps), "
        f"largest error over largest value, and seconds to construct (a second time, after what is "
        f"compiled or loaded once), by Chebyshev polynomials "
        f"(package chebfun, to rounding where it can; with breaks stated it gets one-sided limits "
        f"there) and by networks of one hidden layer whose breaks are stated. "
        f"{_kinks_sentence(rows, exact)} {_smooth_sentence(rows, names, pieces)} Middle: a random "
        f"ReLU network with {numbers['num_kinks']} kinks, its derivative (a step network), its "
        f"integral from the left (a relu2 network), its {numbers['num_roots']} roots and its local "
        f"extrema, none missing: L1 norm {numbers['l1_norm']:.4g}, L2 norm "
        f"{numbers['l2_norm']:.4g}, total variation {numbers['total_variation']:.4g}. Right: of "
        f"{len(seen)} ReLU networks 1-{trained['num_hidden_units']}-1 that Adam trained on the "
        f"sine on [0, pi], the largest error at 100 points is less than the largest of all by "
        f"{1 - statistics.median(seen):.0%} in the middle and {1 - seen[0]:.0%} at most: that one "
        f"is drawn, {trained['error_at_100_points']:.5f} for {trained['sup_error']:.5f}, at a kink "
        f"near {trained['at']:.4f}. {placed['num_hidden_units']} units whose knots are placed "
        f"reach {placed['sup_error']:.3g}, {trained['sup_error'] / placed['sup_error']:.1f} times "
        f"less."
    )


def _kinks_sentence(rows: Sequence[Row], exact: Sequence[str]) -> str:
    most = max(cell(rows, name, "network")["coefficients"] for name in exact)  # type: ignore[index]
    plain = [found for name in exact if (found := cell(rows, name, "chebfun, plain"))]
    said = f"Kinks, jumps and hats are networks of at most {most} numbers, exact to 1e-13"
    if not plain:
        return f"{said} (chebfun was not installed)."
    errors = column(plain, "sup_error_at_most")
    stated = [found for name in exact if (found := cell(rows, name, "chebfun, breaks"))]
    with_breaks = [found for found in stated if found["sup_error_at_most"] <= 1e-13]
    return (
        f"{said}; {min(column(plain, 'coefficients'))} and more coefficients of polynomials leave "
        f"errors of {min(errors):.1e} to {max(errors):.2g}. With breaks stated polynomials are "
        f"exact too, in {len(with_breaks)} of {len(stated)} cases, with at most "
        f"{max(column(with_breaks, 'coefficients'), default=0)} numbers."
    )


def _smooth_sentence(rows: Sequence[Row], names: Sequence[str], pieces: int) -> str:
    smooth = [name for name in names if name in _SMOOTH]
    ours = [cell(rows, name, "network") for name in smooth]
    plain = [cell(rows, name, "chebfun, plain") for name in smooth]
    worst = max(found["sup_error_at_most"] for found in ours if found)
    said = f"Analytic functions are for polynomials: {pieces} pieces leave errors up to {worst:.1e}"
    known = [found["coefficients"] for found in plain if found]
    if not known:
        return f"{said}."
    also = [
        f"{what} ({found['coefficients']} numbers)"
        for name, by, what in _ALSO
        if name in names and (found := cell(rows, name, by))
    ]
    more = f" So are {' and '.join(also)}." if also else ""
    return f"{said}, {max(known)} coefficients nothing above 1e-13.{more}"


def table(rows: Sequence[Row]) -> str:
    """Numbers, errors and seconds per function, and the errors of both networks for the sine."""
    lines = [f"{'function':10}{'by':24}{'numbers':>10}{'error at most':>16}{'seconds':>10}"]
    for name in names_of(rows):
        for by in WAYS:
            found = cell(rows, name, by)
            if found:
                lines.append(
                    f"{name:10}{by:24}{found['coefficients']:>10}"
                    f"{found['sup_error_at_most']:>16.1e}{found['build_s']:>10.4f}"
                )
    for by in ("trained", "placed"):
        found = _sine(rows, by)
        lines.append(
            f"sine, {by}: {found['error_at_100_points']:.6f} at 100 points, largest "
            f"{found['sup_error']:.6f}"
        )
    return "\n".join(lines)
