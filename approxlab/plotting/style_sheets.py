"""Style sheets and colours, applied inside a `with`: nothing global is changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from importlib import resources

import matplotlib as mpl
import matplotlib.style

__all__ = ["ordered_colors", "style"]

_STYLES = ("screen", "paper", "slides")


def style(name: str = "screen") -> AbstractContextManager[None]:
    """A context in which figures are drawn in one of the styles of approxlab.

    Args:
        name: "screen", "paper" (small, serif, 300 dots per inch) or "slides" (large).

    Raises:
        ValueError: If there is no style of that name.

    Example:
        >>> import matplotlib as mpl
        >>> with style("paper"):
        ...     print(mpl.rcParams["font.size"])
        8.0
    """
    if name not in _STYLES:
        raise ValueError(f"name: got {name!r}, expected one of {', '.join(_STYLES)}.")
    return _applied(str(resources.files("approxlab.plotting.styles") / f"{name}.mplstyle"))


@contextlib.contextmanager
def _applied(sheet: str) -> Iterator[None]:
    interactive = mpl.is_interactive()
    try:
        with matplotlib.style.context(sheet):
            try:
                yield
            finally:
                interactive = mpl.is_interactive()
    finally:
        # It is no style. A notebook's backend sets it when it is loaded, which is with the first
        # figure, and shows nothing without it.
        mpl.interactive(interactive)


def ordered_colors(n: int) -> Sequence[str]:
    """Give n colours from dark to light for an ordered quantity such as depth, readable on white.

    Example:
        >>> len(ordered_colors(4))
        4
    """
    colormap = mpl.colormaps["plasma"]
    return [mpl.colors.to_hex(colormap(0.02 + 0.80 * i / max(1, n - 1))) for i in range(n)]
