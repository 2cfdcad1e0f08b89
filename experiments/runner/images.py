"""Figures as files: in every style and format the same bytes for the same rows."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.runner.flags import Options
from experiments.runner.pages import medium, pages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from approxlab.records import Row

# No date and no version inside; letters of a PDF are fonts, which can be searched and edited.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
_SETTINGS: Any = {"pdf.fonttype": 42, "svg.hashsalt": "approxlab"}


def images_of(
    draw: Callable[[Sequence[Row]], Figure], rows: Sequence[Row], file: Path, options: Options
) -> dict[Path, bytes]:
    """The files of one figure, by their names, in the style and format that the options ask for.

    Args:
        draw: Draws the figure for a screen.
        rows: What it is drawn from.
        file: Name of the figure on a screen; others have the style in their names.
        options: With `style`, `format` and `columns`.
    """
    import matplotlib as mpl

    if "ipykernel" not in sys.modules:  # a notebook opens no windows, and shows nothing by Agg
        mpl.use("Agg")
    figure, ending = draw(rows), options.format
    try:
        if options.style == "screen":
            return {file.with_suffix(f".{ending}"): _bytes(figure, ending, "figure")}
        shown = medium(options.style, options.columns or 2)
        images = [
            _bytes(page, ending, shown.dots / page.get_figwidth()) for page in pages(figure, shown)
        ]
    finally:
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close(figure)
    name = f"{file.stem}_{options.style}"
    names = [name] if len(images) == 1 else [f"{name}_{i}" for i in range(1, len(images) + 1)]
    return {
        file.with_name(f"{one}.{ending}"): image for one, image in zip(names, images, strict=True)
    }


def _bytes(figure: Figure, ending: str, dpi: Any) -> bytes:
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context(_SETTINGS):
        figure.savefig(buffer, format=ending, dpi=dpi, metadata=_METADATA[ending])
    return buffer.getvalue()
