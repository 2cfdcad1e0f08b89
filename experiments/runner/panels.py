"""The panels of a drawn figure, and what is written around them, to be laid out anew."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase
    from matplotlib.legend import Legend
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox


@dataclasses.dataclass(eq=False)
class Panel:
    """Axes that stay together: one with its colour bars, or several that overlap.

    Attributes:
        axes: All of them, the first one that was drawn first.
        frames: Their frames as drawn, in inches from the lower left corner of the figure.
        above: Headings of the figure and subfigures it lies in, from the outside.
        below: Their legends and the notes under them.
        natural_width: In inches with all labels, as drawn.
    """

    axes: list[Axes]
    frames: list[tuple[float, float, float, float]]
    above: list[Text]
    below: list[Any]
    natural_width: float = 0.0

    def show(self, visible: bool) -> None:
        """On the page or not."""
        for ax in self.axes:
            ax.set_visible(visible)

    def wrap_titles(self, width: float) -> None:
        """Breaks titles that are wider than so many inches."""
        for ax in self.axes:
            for title in (ax._left_title, ax.title, ax._right_title):  # type: ignore[attr-defined]
                wrapped(title, width)
            wrapped(ax.xaxis.label, width + 0.5)

    def take_out_legends(self, width: float) -> None:
        """Legends that are wider than so many inches go under the frame, which they would fill."""
        for ax in self.axes:
            legend = ax.get_legend()
            if legend is None or not legend.get_visible() or legend in self.below:
                continue
            if size_of(legend)[0] > width:
                self.below.insert(0, legend)

    def wrap_texts(self, width: float) -> None:
        """Breaks what is written in and beside the frames where it is wider than so many inches."""
        for text in (text for ax in self.axes for text in ax.texts if text.get_visible()):
            wrapped(text, width)

    def wrap_names(self, width: float) -> float:
        """Breaks names beside the axes that are wider than so many inches; gives the widest."""
        from matplotlib.ticker import FixedLocator

        widest = 0.0
        for ax in self.axes:
            labels = ax.get_yticklabels()
            if not isinstance(ax.yaxis.get_major_locator(), FixedLocator) or not labels:
                continue
            if any(size_of(label)[0] > width for label in labels):
                for label in labels:
                    wrapped(label, width)
                ax.set_yticks(ax.get_yticks(), [label.get_text() for label in labels])
            widest = max(widest, *(size_of(label)[0] for label in ax.get_yticklabels()))
        return widest

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """What encloses all frames: left, lower, right, upper, in inches."""
        lefts, lowers, rights, uppers = zip(*self.frames, strict=True)
        return min(lefts), min(lowers), max(rights), max(uppers)

    def put(self, left: float, lower: float, width: float, height: float) -> None:
        """Moves the frames into this rectangle, in inches of the figure as it is now."""
        x, y, right, upper = self.frame
        across, up = width / (right - x), height / (upper - y)
        for ax, (x0, y0, x1, y1) in zip(self.axes, self.frames, strict=True):
            place = (left + (x0 - x) * across, lower + (y0 - y) * up)
            _move(ax, *place, (x1 - x0) * across, (y1 - y0) * up)

    def extent(self) -> Bbox:
        """What it covers with its labels, in inches."""
        return _inches(self.axes[0], _union([_tight(ax) for ax in self.axes]))


def panels_of(figure: Figure) -> list[Panel]:
    """The panels in reading order. The layout of the figure is fixed from here on."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    figure.set_layout_engine("none")
    found: list[Panel] = []
    _collect(figure, [], [], found)
    for panel in found:
        _label_all(panel)
        _title_of_column(panel, found)
    for panel in found:
        panel.natural_width = panel.extent().width
    return found


def _collect(
    part: FigureBase, above: Sequence[Text], below: Sequence[Any], found: list[Panel]
) -> None:
    clusters = _clusters([ax for ax in _inside(part) if ax.figure is part])
    inner = [(sub, _inside(sub)) for sub in part.subfigs]
    groups = [*clusters, *(axes for _, axes in inner if axes)]
    extents = [_union([_tight(ax) for ax in axes]) for axes in groups]
    texts = [text for text in part.texts if text.get_text().strip() and text.get_visible()]
    boxes = {text: _extent(text) for text in texts}
    feet = [t for t in texts if all(boxes[t].y1 < _middle(extent) for extent in extents)]
    heads = {text: box for text, box in boxes.items() if text not in feet}
    around = [
        ([*above, *_heading_over(heads, extent)], [*part.legends, *feet, *below])
        for extent in extents
    ]
    for axes, (mine, under) in zip(clusters, around, strict=False):
        frames = [_frame(ax) for ax in axes]
        found.append(Panel(axes, frames, mine, [*_legends_outside(axes), *under]))
    subfigures = [sub for sub, axes in inner if axes]
    for sub, (mine, under) in zip(subfigures, around[len(clusters) :], strict=True):
        _collect(sub, mine, under, found)


def _legends_outside(axes: Sequence[Axes]) -> list[Any]:
    """Legends of axes that stand under or beside the frame: they may be wider than it."""
    own = [(ax.get_legend(), _extent(ax)) for ax in axes]
    return [
        legend
        for legend, frame in own
        if legend is not None and legend.get_visible() and _middle(_extent(legend)) < frame.y0
    ]


def _inside(part: FigureBase) -> list[Axes]:
    """The visible axes of a figure or subfigure, at any depth."""
    every: Any = part.axes
    own = [ax for ax in every if ax.figure is part and ax.get_visible()]
    return [*own, *(ax for sub in part.subfigs for ax in _inside(sub))]


def _middle(box: Bbox) -> float:
    return 0.5 * (box.y0 + box.y1)


def _heading_over(heads: Mapping[Text, Bbox], extent: Bbox) -> list[Text]:
    """The nearest heading over a panel; of those side by side the last that begins before it."""
    over = [text for text, box in heads.items() if _middle(box) > _middle(extent)]
    before = [text for text in over if heads[text].x0 <= 0.5 * (extent.x0 + extent.x1)]
    some = before or over
    if not some:
        return []
    lowest = min(_middle(heads[text]) for text in some)
    near = [text for text in some if _middle(heads[text]) < lowest + heads[text].height]
    return [max(near, key=lambda text: heads[text].x0)]


def _frame(ax: Axes) -> tuple[float, float, float, float]:
    box = _inches(ax, _extent(ax))
    return box.x0, box.y0, box.x1, box.y1


def _clusters(axes: Sequence[Axes]) -> list[list[Axes]]:
    """Axes that stay together, in reading order."""
    groups: list[list[Axes]] = []
    for ax in axes:
        bar = getattr(ax, "_colorbar", None)
        parents = list(getattr(ax, "_colorbar_info", {}).get("parents", [])) if bar else []
        near = [g for g in groups if any(p in g for p in parents) or _overlap(ax, g)]
        groups = [g for g in groups if g not in near]
        groups.append([*(one for g in near for one in g), ax])
    boxes = {id(g): _union([_extent(ax) for ax in g]) for g in groups}
    rows: list[tuple[float, list]] = []
    for group in sorted(groups, key=lambda g: -boxes[id(g)].y1):
        box = boxes[id(group)]
        if rows and box.y1 > rows[-1][0] - 0.3 * box.height:
            rows[-1][1].append(group)
        else:
            rows.append((box.y1, [group]))
    return [g for _, row in rows for g in sorted(row, key=lambda g: boxes[id(g)].x0)]


def _overlap(ax: Axes, group: Sequence[Axes]) -> bool:
    """Whether a frame lies over another one by a tenth of it."""
    box = _extent(ax)
    for other in (_extent(one) for one in group):
        width = min(box.x1, other.x1) - max(box.x0, other.x0)
        height = min(box.y1, other.y1) - max(box.y0, other.y0)
        least = min(box.width * box.height, other.width * other.height)
        if width > 0 and height > 0 and width * height > 0.1 * least:
            return True
    return False


def _label_all(panel: Panel) -> None:
    """Numbers and names of axes that a neighbour showed for all."""
    for ax in panel.axes[:1]:
        for letter, side in (("x", "labelbottom"), ("y", "labelleft")):
            shared = getattr(ax, f"get_shared_{letter}_axes")().get_siblings(ax)
            axis = getattr(ax, f"{letter}axis")
            if len(shared) < 2 or not axis.get_visible():
                continue
            if any(
                label.get_visible() and label.get_text()
                for one in shared
                for label in getattr(one, f"{letter}axis").get_ticklabels()
            ):
                ax.tick_params(axis=letter, **{side: True})  # type: ignore[arg-type]
            names = [getattr(one, f"{letter}axis").label for one in shared]
            names = [name for name in names if name.get_text() and name.get_visible()]
            if names and not (axis.label.get_text() and axis.label.get_visible()):
                axis.set_label_text(names[0].get_text(), fontsize=names[0].get_fontsize())
                axis.label.set_visible(True)


def _title_of_column(panel: Panel, panels: Sequence[Panel]) -> None:
    """The title that only the first panel of a column of a grid has."""
    ax, spec = panel.axes[0], panel.axes[0].get_subplotspec()
    if spec is None or any(ax.get_title(where) for where in ("left", "center", "right")):
        return
    for other in (one.axes[0] for one in panels):
        theirs = other.get_subplotspec()
        if theirs is None or theirs.get_gridspec() is not spec.get_gridspec():
            continue
        title: Text = other._left_title  # type: ignore[attr-defined]
        if theirs.colspan == spec.colspan and title.get_text() and theirs.num1 < spec.num1:
            ax.set_title(title.get_text(), loc="left", fontproperties=title.get_fontproperties())
            return


def wrapped(text: Text, width: float) -> None:
    """Breaks lines between words, never inside of mathematics, to fit into so many inches."""
    words = re.findall(r"(?:\$[^$]*\$|[^\s$])+", text.get_text())
    if len(words) < 2 or _inches(text, _extent(text)).width <= width:
        return
    lines = [words[0]]
    for word in words[1:]:
        text.set_text(f"{lines[-1]} {word}")
        if _inches(text, _extent(text)).width > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    text.set_text("\n".join(lines))


def narrowed(legend: Legend, width: float) -> Legend:
    """The legend with as many columns as fit into so many inches, at most those it has."""
    figure, ncols = legend.figure, getattr(legend, "_ncols", 1)
    entries = [text.get_text() for text in legend.get_texts()]
    size = legend.get_texts()[0].get_fontsize() if entries else None
    ncols = max(1, min(ncols, len(entries)))
    old = legend
    while True:
        legend = figure.legend(
            [handle for handle in old.legend_handles if handle is not None],
            entries,
            ncols=ncols,
            fontsize=size,
            frameon=False,
            handlelength=1.5,
            borderpad=0.2,
            title=old.get_title().get_text() or None,
            columnspacing=1.4,
        )
        if ncols == 1 or _inches(legend, _extent(legend)).width <= width:
            return legend
        legend.remove()
        ncols -= 1


def write_at(artist: Any, left: float, upper: float, figure: Figure) -> float:
    """Puts the upper left corner of a text or legend there, in inches; gives its height."""
    inches = figure.dpi_scale_trans
    if hasattr(artist, "set_bbox_to_anchor"):
        artist.set_loc("upper left")
        artist.borderaxespad = 0.0
        artist.set_bbox_to_anchor((left, upper), transform=inches)
    else:
        artist.set_transform(inches)
        artist.set(x=left, y=upper, ha="left", va="top")
    return _inches(artist, _extent(artist)).height


def size_of(artist: Any) -> tuple[float, float]:
    """Width and height in inches."""
    box = _inches(artist, _extent(artist))
    return box.width, box.height


def _move(ax: Axes, left: float, lower: float, width: float, height: float) -> None:
    root: Any = ax.get_figure(root=True)
    corners = root.dpi_scale_trans.transform([(left, lower), (left + width, lower + height)])
    (x0, y0), (x1, y1) = ax.figure.transSubfigure.inverted().transform(corners)
    ax.set_axes_locator(None)  # type: ignore[arg-type]
    ax.set_position((x0, y0, x1 - x0, y1 - y0))


def _renderer(artist: Any) -> Any:
    """That of panels_of; an artist would remember the one of the file that was written last."""
    return artist.get_figure(root=True).canvas.get_renderer()


def _extent(artist: Any) -> Bbox:
    return artist.get_window_extent(_renderer(artist))


def _tight(ax: Axes) -> Bbox:
    return ax.get_tightbbox(_renderer(ax)) or _extent(ax)


def _union(boxes: Sequence[Bbox]) -> Bbox:
    from matplotlib.transforms import Bbox

    return Bbox.union(list(boxes))


def _inches(artist: Any, box: Bbox) -> Bbox:
    return box.transformed(artist.get_figure(root=True).dpi_scale_trans.inverted())
