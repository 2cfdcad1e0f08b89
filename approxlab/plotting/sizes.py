"""Error against size, and error over width and depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from approxlab.plotting._axes import draw_legend, own_axes
from approxlab.plotting._stated_errors import MARKS, Stated, common_norm, stated
from approxlab.plotting.palette import colors as colors_of

__all__ = ["plot_error_against_size", "plot_heat_map", "quartiles"]

Row = Mapping[str, Any]

_WORDS = {"number": "plain number"}
_MOST_TICKS = 8  # sizes that are written at the axis, each one
_NORM = "approxlab norm "  # marks the lines of errors whose norm is known


def quartiles(
    rows: Sequence[Row], *, x: str, y: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lower quartile, median and upper quartile of `y` at every value of `x`.

    Values that are not finite count as infinitely large: a run that diverged is a bad run, not an
    absent one.

    Values are numbers, or estimates and other errors with a norm, which must be one and the same.

    Returns:
        `(x, lower, median, upper)`, each of shape (number of different x,).

    Raises:
        ValueError: If there are no rows, a field is missing, or norms or kinds of errors, such as
            estimates and bounds, are mixed.

    Example:
        >>> quartiles([{"n": 1, "e": v} for v in (1.0, 2.0, 4.0)], x="n", y="e")[2].tolist()
        [2.0]
    """
    _check_rows(rows, x, y)
    known = _checked(rows, y)
    places = sorted({row[x] for row in rows})
    columns = []
    for place in places:
        values = np.array([e.value for e, row in zip(known, rows, strict=True) if row[x] == place])
        values = np.sort(np.where(np.isfinite(values), values, np.inf))
        columns.append([_order_statistic(values, q) for q in (0.25, 0.5, 0.75)])
    lower, median, upper = np.array(columns).T
    return np.array(places, float), lower, median, upper


def plot_error_against_size(
    rows: Sequence[Row],
    *,
    x: str,
    y: str,
    by: str | None = None,
    ax: Axes | None = None,
    label: Callable[[Any], str] = str,
    colors: Sequence[str] | None = None,
    band: bool = True,
    **style: Any,
) -> Axes:
    """Median of an error against a size, one line per group, quartiles as a band; both axes log.

    Errors may be numbers, estimates, claims, bounds, certificates and optima, mixed: each kind of a
    group is a line of its own with its marker, and the legend says which. Norms that are known
    must be one, in all calls on the same axes.

    Args:
        rows: Flat rows; several rows with equal `x` and group (seeds) are summarised.
        x: Field with the size.
        y: Field with the error.
        by: Field that splits the rows into lines; by default a single line.
        ax: Axes to draw on; by default new ones.
        label: Legend text of a group.
        colors: One colour per group, in order of the groups.
        band: Whether to draw the quartiles.
        **style: Passed to `Axes.plot`.

    Returns:
        The axes.

    Raises:
        TypeError: If an error is none of these.
        ValueError: If there are no rows, a field is missing, the errors are of different norms, or
            none of them is positive and finite.

    Example:
        >>> from approxlab.claims import Bound, Estimate
        >>> rows = [{"n": 4, "error": Estimate(0.1, "sup", 99)}, {"n": 4, "error": Bound(0.2, "-")}]
        >>> ax = plot_error_against_size(rows, x="n", y="error")
        >>> ax.get_ylabel(), [text.get_text() for text in ax.get_legend().get_texts()]
        ('sup error', ['estimate', 'bound'])
        >>> ax.figure.clear()
    """
    _check_rows(rows, x, y, *([] if by is None else [by]))
    known = [stated(f"rows: field {y!r}", row[y]) for row in rows]
    norm = common_norm(f"rows: field {y!r}", known, _drawn_norms(ax))
    if ax is None and not any(0.0 < error.value < np.inf for error in known):
        raise ValueError(
            f"rows: got no finite positive error in the field {y!r}, expected one at least, since "
            "the scale is logarithmic."
        )
    told = any(error.kind != "number" for error in known)
    alone, ax = ax is None, own_axes(ax)
    groups = [None] if by is None else sorted({row[by] for row in rows})
    for i, group in enumerate(groups):
        members = [
            (row, error)
            for row, error in zip(rows, known, strict=True)
            if by is None or row[by] == group
        ]
        own: dict[str, Any] = {} if colors is None else {"color": colors[i]}
        for kind in [kind for kind in MARKS if any(e.kind == kind for _, e in members)]:
            options: dict[str, Any] = {"marker": "o", **own, **style}
            text = "_nolegend_" if by is None else label(group)
            if told:
                marker, dashes = MARKS[kind]
                hue = {"color": colors_of("claims")[kind]} if by is None else {}
                options = {"marker": marker, "linestyle": dashes, **hue, **own, **style}
                text = _WORDS.get(kind, kind) if by is None else f"{text}, {kind}"
            numbers = [{x: row[x], y: e.value} for row, e in members if e.kind == kind]
            place, lower, median, upper = quartiles(numbers, x=x, y=y)
            gid = None if norm is None else _NORM + norm
            (line,) = ax.plot(place, median, label=text, gid=gid, **options)
            own = {"color": line.get_color()} if by is not None else own  # one for all kinds
            if band:
                ax.fill_between(
                    place, lower, upper, color=line.get_color(), alpha=0.16, linewidth=0
                )
    ax.set_xscale("log")
    ax.set_yscale("log")
    places = sorted({row[x] for row in rows})
    if alone and len(places) <= _MOST_TICKS and all(isinstance(place, int) for place in places):
        ax.set_xticks(places, [str(place) for place in places])
        ax.set_xticks([], minor=True)
    if told:
        ax.set_xlabel(ax.get_xlabel() or x)
        ax.set_ylabel(ax.get_ylabel() or ("error" if norm is None else f"{norm} error"))
        draw_legend(ax)
    return ax


def _drawn_norms(ax: Axes | None) -> set[str]:
    """The norms of the errors that are on these axes already."""
    gids = [] if ax is None else [str(line.get_gid()) for line in ax.lines]
    return {gid.removeprefix(_NORM) for gid in gids if gid.startswith(_NORM)}


def plot_heat_map(
    rows: Sequence[Row],
    *,
    x: str,
    y: str,
    value: str,
    level: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Median of an error over two sizes, as numbers on a logarithmic colour scale.

    Args:
        rows: Flat rows covering a full grid of `x` by `y`.
        x: Field across.
        y: Field upwards.
        value: Field with the error.
        level: Field of which lines of equal value are drawn (say the number of parameters).
        ax: Axes to draw on; by default new ones.
        **style: Passed to `Axes.pcolormesh`.

    Returns:
        The axes.

    Raises:
        ValueError: If there are no rows, a cell of the grid has none, a field is missing, or the
            values are of different norms.
    """
    _check_rows(rows, x, y, value, *([] if level is None else [level]))
    _checked(rows, value)
    ax = own_axes(ax)
    columns, lines = sorted({row[x] for row in rows}), sorted({row[y] for row in rows})
    table = np.full((len(lines), len(columns)), np.nan)
    levels = np.full_like(table, np.nan)
    for i, line in enumerate(lines):
        for j, column in enumerate(columns):
            cell = [row for row in rows if row[x] == column and row[y] == line]
            if not cell:
                raise ValueError(f"rows: none with {x} = {column}, {y} = {line}; expected a grid.")
            table[i, j] = quartiles(cell, x=x, y=value)[2][0]
            levels[i, j] = np.nan if level is None else cell[0][level]
    finite = table[np.isfinite(table) & (table > 0)]
    low, high = finite.min(initial=np.inf), finite.max(initial=0.0)
    norm = mpl.colors.LogNorm(low, high) if low < high else mpl.colors.LogNorm(1e-1, 1e1)
    mesh = ax.pcolormesh(table, norm=norm, edgecolor="white", linewidth=1.0, **style)
    for (i, j), number in np.ndenumerate(table):
        shade = mesh.cmap(float(norm(number))) if np.isfinite(number) else (1, 1, 1, 1)
        dark = float(np.dot(shade[:3], (0.299, 0.587, 0.114))) < 0.5
        ax.text(j + 0.5, i + 0.5, _short(number), ha="center", va="center",
                fontsize="small", color="white" if dark else "black", zorder=4,
                bbox={"facecolor": shade, "linewidth": 0, "pad": 1.2})  # fmt: skip
    if level is not None:
        _draw_levels(ax, levels)
    ax.set_xticks(np.arange(len(columns)) + 0.5, [str(c) for c in columns])
    ax.set_yticks(np.arange(len(lines)) + 0.5, [str(line) for line in lines])
    ax.set(xlabel=x, ylabel=y)
    ax.grid(False)
    return ax


def _check_rows(rows: Any, *fields: str) -> None:
    """Rows that have these fields."""
    if isinstance(rows, Mapping | str) or not isinstance(rows, Sequence):
        raise TypeError(
            f"rows: got {type(rows).__name__}, expected a list of flat rows. Write record.rows for "
            "a record, frame.to_dict('records') for a DataFrame."
        )
    if not rows:
        raise ValueError("rows: got none, expected at least one row.")
    for row in rows:
        if missing := [field for field in fields if field not in row]:
            raise ValueError(
                f"rows: got a row with {', '.join(map(str, row))}, expected the field "
                f"{missing[0]!r} in every row."
            )


def _checked(rows: Sequence[Row], field: str) -> list[Stated]:
    """Errors that can be summarised: of one norm and one kind."""
    known = [stated(f"rows: field {field!r}", row[field]) for row in rows]
    common_norm(f"rows: field {field!r}", known)
    kinds = {error.kind for error in known} - {"number"}
    if len(kinds) > 1:
        raise ValueError(
            f"rows: got {' and '.join(sorted(kinds))} in the field {field!r}, expected one kind, "
            "since a median of both says nothing. Take the rows of one kind."
        )
    return known


def _draw_levels(ax: Axes, levels: np.ndarray) -> None:
    """Lines of equal level, a factor of four apart, named where they leave the map at the top."""
    count, columns = levels.shape
    if count < 2 or columns < 2:
        return
    low, high = np.log2(levels[-1].min()), np.log2(levels[-1].max())
    heights = np.arange(-1, count + 1) + 0.5
    for mark in 2.0 ** np.arange(np.ceil(low), high + 1e-9, 2.0):
        inner = [_crossing(np.log(row), np.log(mark)) for row in levels]
        # Half a cell further at both ends, in a straight line.
        across = np.array([2 * inner[0] - inner[1], *inner, 2 * inner[-1] - inner[-2]])
        ax.plot(across, heights, "--", color="white", linewidth=1.2, zorder=3)
        top = 0.5 * (across[-1] + across[-2])
        if 0 <= top <= columns:
            ax.annotate(f"{round(mark)}", (top, count), xytext=(0, 2), textcoords="offset points",
                        ha="center", va="bottom", fontsize="small", color="0.3")  # fmt: skip
    ax.set(xlim=(0, columns), ylim=(0, count))


def _crossing(logs: np.ndarray, mark: float) -> float:
    """Where increasing values at the cell centres reach a mark; straight on beyond the ends."""
    i = int(np.clip(np.searchsorted(logs, mark), 1, len(logs) - 1))
    return float(i - 0.5 + (mark - logs[i - 1]) / (logs[i] - logs[i - 1]))


def _order_statistic(values: np.ndarray, q: float) -> float:
    """Quantile by linear interpolation that copes with infinite entries."""
    position = q * (len(values) - 1)
    low, high = int(np.floor(position)), int(np.ceil(position))
    if low == high or values[low] == values[high]:
        return float(values[low])
    if not np.isfinite(values[high]):
        return float("inf")
    return float(values[low] + (position - low) * (values[high] - values[low]))


def _short(number: float) -> str:
    """Two figures: 3.1e-5, without the zero that Python puts in the exponent."""
    if not np.isfinite(number):
        return "div."
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"
