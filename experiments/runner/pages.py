"""A figure for paper or slides: its panels are laid out anew, on as many pages as they need."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from experiments.runner.panels import Panel, narrowed, panels_of, size_of, wrapped, write_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GAP = 0.12  # inches between panels, and around all
_TALL = 2.8  # inches of a frame on paper at most
# Of the width of a page at most: names beside an axis, texts, legends inside of frames.
_NAMES, _TEXTS, _LEGENDS = 0.4, 0.8, 0.42
_STRETCH = 1.5  # of a panel at most, where a page need not be full


@dataclasses.dataclass(frozen=True)
class Medium:
    """Where a figure is shown; lengths in inches.

    Attributes:
        width: Width of a page.
        height: Its height; on paper at most.
        slide: Whether a page is one slide: one row of panels, as large as it can be.
        scale: Of panels, against those of the figure on a screen.
        letters: Smallest and largest size of letters, in points.
        dots: Width of PNG files.
    """

    width: float
    height: float
    slide: bool
    scale: float
    letters: tuple[float, float]
    dots: float


def medium(style: str, columns: int) -> Medium:
    """A slide has 1920 by 1080 dots: 10 points on 7.2 inches are 14 points at 1024 dots."""
    if style == "slides":
        return Medium(7.2, 4.05, True, 1.0, (10.0, 13.0), 1920.0)
    width = {1: 3.4, 2: 7.0}[columns]
    return Medium(width, 9.0, False, 0.8, (8.0, 9.0), 300.0 * width)


def pages(figure: Figure, shown: Medium) -> Iterator[Figure]:
    """The pages one after another: the same figure, with other parts of it visible each time.

    A figure of one panel is one page, as drawn: what it says stands beside its axes.
    """
    if len(figure.axes) == 1:
        yield figure
        return
    _resize_letters(figure, shown)
    panels = panels_of(figure)
    for panel in panels:
        panel.take_out_legends(_LEGENDS * (shown.width - 2 * _GAP))
    for legend in (one for panel in panels for one in panel.below):
        legend.set_visible(False)
    _hide_all(figure)
    rows = list(_rows(panels, shown))
    while rows:
        figure.set_size_inches(shown.width, shown.height)
        used, taken = 0.0, 0
        parts: list[_Part] = []
        for index, row in enumerate(rows):
            before = rows[index - 1] if index else None
            after = rows[index + 1] if index + 1 < len(rows) and not shown.slide else None
            part = _Part(figure, row, shown, before if taken else None, after)
            if taken and (shown.slide or used + part.height > shown.height):
                part.undo()
                last = parts.pop()  # a page has the legends of its panels
                last.undo()
                parts.append(_Part(figure, last.row, shown, last.before, None))
                used += parts[-1].height - last.height
                break
            parts.append(part)
            used, taken = used + part.height, taken + 1
        figure.set_size_inches(shown.width, shown.height if shown.slide else used + _GAP)
        upper = figure.get_figheight()
        for part in parts:
            part.place(upper)
            upper -= part.height
        yield figure
        for part in parts:
            part.undo()
        rows = rows[taken:]


def _rows(panels: Sequence[Panel], shown: Medium) -> Iterator[list[Panel]]:
    """Panels of one heading that fit beside each other at their natural widths."""
    row: list[Panel] = []
    used = 0.0
    for panel in panels:
        width = shown.scale * panel.natural_width + _GAP
        same = row and (row[0].above, row[0].below) == (panel.above, panel.below)
        if row and not (same and used + width <= shown.width - _GAP):
            yield row
            row, used = [], 0.0
        row.append(panel)
        used += width
    if row:
        yield row


class _Part:
    """A row of panels with the headings over it and the legends under it."""

    def __init__(
        self,
        figure: Figure,
        row: Sequence[Panel],
        shown: Medium,
        before: Sequence[Panel] | None,
        after: Sequence[Panel] | None,
    ) -> None:
        self.figure, self.row, self.shown, self.before = figure, row, shown, before
        inside = shown.width - 2 * _GAP
        said = before[0].above if before else []
        follows = after[0].below if after else []
        self.above = [text for text in row[0].above if text not in said]
        self.below: list[Any] = [one for one in row[0].below if one not in follows]
        self.narrow: list[Any] = []
        self.margins: list[tuple[float, float, float, float]] = []
        for text in (*self.above, *self.below):
            if not hasattr(text, "get_texts"):
                text.set_visible(True)
                wrapped(text, inside)
        for i, one in enumerate(self.below):
            if hasattr(one, "get_texts"):
                self.below[i] = narrowed(one, inside)
                self.narrow.append(self.below[i])
        sizes = [size_of(one)[1] + 0.5 * _GAP for one in (*self.above, *self.below)]
        around = sum(sizes) + 2 * _GAP
        for panel in row:
            panel.show(True)
            names = panel.wrap_names(_NAMES * inside)
            panel.wrap_texts(_TEXTS * (inside - names))
        room = shown.height - around
        self.frames = self._arranged(inside, room)
        top = max(margins[3] for margins in self.margins)
        bottom = max(margins[1] for margins in self.margins)
        self.top = top
        self.height = around + top + bottom + max(height for _, height in self.frames)

    def _arranged(self, inside: float, room: float) -> list[tuple[float, float]]:
        """Widths and heights of the frames: as labels leave room for them."""
        natural = [panel.frame for panel in self.row]
        scale = self.shown.scale
        tallest = scale * max(y1 - y0 for _, y0, _, y1 in natural)
        if not self.shown.slide:
            room, tallest = min(room, _TALL + 1.5), min(tallest, _TALL)
        across, height = _Solved(scale), _Solved(min(tallest, room))
        for _ in range(8):
            sizes = [(across.at * (x1 - x0), height.at) for x0, _, x1, _ in natural]
            self._measure(sizes)
            wide = sum(m[0] + m[2] for m in self.margins) + sum(width for width, _ in sizes)
            high = height.at + max(m[3] for m in self.margins) + max(m[1] for m in self.margins)
            most = (10.0, 10.0) if self.shown.slide else (scale * _STRETCH, tallest)
            across.step(wide, inside - _GAP * (len(self.row) - 1), most[0])
            height.step(high, room, most[1])
        return sizes

    def _measure(self, sizes: Sequence[tuple[float, float]]) -> None:
        """How far labels reach out of frames of these sizes, on all four sides."""
        self.margins.clear()
        for panel, (width, height) in zip(self.row, sizes, strict=True):
            panel.put(1.0, 1.0, width, height)
            panel.wrap_titles(width + 0.3)
            box = panel.extent()
            ends = (1.0 - box.x0, 1.0 - box.y0, box.x1 - 1.0 - width, box.y1 - 1.0 - height)
            left, lower, right, upper = (max(0.0, end) for end in ends)
            self.margins.append((left, lower, right, upper))

    def place(self, upper: float) -> None:
        """Puts all below this height, in inches."""
        upper -= _GAP
        for text in self.above:
            upper -= write_at(text, _GAP, upper, self.figure) + 0.5 * _GAP
        left = _GAP
        tallest = max(height for _, height in self.frames)
        base = upper - self.top - tallest
        for panel, (width, height), margins in zip(
            self.row, self.frames, self.margins, strict=True
        ):
            left += margins[0]
            panel.put(left, base + tallest - height, width, height)
            left += width + margins[2] + _GAP
        lower = base - max(margins[1] for margins in self.margins) - 0.5 * _GAP
        for one in self.below:
            lower -= write_at(one, _GAP, lower, self.figure) + 0.5 * _GAP

    def undo(self) -> None:
        """Takes all off the page again."""
        for legend in self.narrow:
            legend.remove()
        for text in (*self.above, *self.below):
            text.set_visible(False)
        for panel in self.row:
            panel.show(False)


class _Solved:
    """A length that is sought, by secants: labels outside of a frame may grow with it or not."""

    def __init__(self, at: float) -> None:
        self.at, self.slope = at, 1.0
        self.last: tuple[float, float] | None = None

    def step(self, covered: float, wanted: float, most: float) -> None:
        """The next length, from what this one covers, at most so long."""
        if self.last is not None and abs(self.at - self.last[0]) > 1e-3:
            self.slope = max(0.3, (covered - self.last[1]) / (self.at - self.last[0]))
        elif self.last is None:
            self.slope = max(1.0, covered / self.at)
        self.last = (self.at, covered)
        # Not less than half at once: a title that is as wide as before hides what the frame does.
        self.at = min(most, max(0.1, 0.5 * self.at, self.at + (wanted - covered) / self.slope))


def _hide_all(figure: Figure) -> None:
    for ax in figure.axes:
        ax.set_visible(False)
    parts: list[Any] = [figure]
    while parts:
        part = parts.pop()
        parts += part.subfigs
        for artist in (*part.texts, *part.legends):
            artist.set_visible(False)


def _resize_letters(figure: Figure, shown: Medium) -> None:
    from matplotlib.text import Text

    low, high = shown.letters

    def fitting(size: Any) -> float:
        return min(high, max(low, shown.scale * size))

    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if labels := axis.get_ticklabels():
                axis.set_tick_params(which="both", labelsize=fitting(labels[0].get_fontsize()))
    for text in figure.findobj(Text):
        text.set_fontsize(fitting(text.get_fontsize()))
    figure.set_dpi(100)
