"""How targets and errors are written in figures; titles and notes of panels, and headings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase
    from matplotlib.text import Text

__all__ = ["beside", "bold_title", "formula", "heading", "power_of_ten", "small_note"]

_FORMULAS = {
    "bump": r"$\exp(-8\,|x-1/2|^2)$",
    "chirp": r"$\sin 8\pi(x+1)^2$",
    "compositional": r"$\exp(\sin \pi x + y^2)$",
    "continuous": r"$\exp(-2.04\,|x-0.618|)$",
    "cube": "$x^3$",
    "exp": "$e^x$",
    "gaussian": "$e^{-x^2/2}$",
    "kink": "$|x-1/3|$",
    "power11": "$x^{11}$",
    "runge": "$1/(1+25x^2)$",
    "sin": r"$\sin x$ on $[-\pi, \pi]$",
    "sine2": r"$\sin 2\pi x$",
    "sine4": r"$\sin 4\pi x$",
    "sine_product": r"$\sin \pi x \, \sin \pi y$",
    "sqrt": r"$\sqrt{x}$",
    "square": "$x^2$",
    "tent": "tent map, 8 pieces",
}


def formula(target: str) -> str:
    """The formula of a target for headings of panels; its name where no formula is known.

    Example:
        >>> formula("cube"), formula("gabor")
        ('$x^3$', 'gabor')
    """
    return _FORMULAS.get(target, target)


def heading(figure: FigureBase, text: str) -> None:
    """Writes a line in bold above a group of panels, at its left."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=13, fontweight="bold")


def bold_title(ax: Axes, text: str, size: float | None = None, **options: Any) -> None:
    """Writes the title of a panel in bold; in the size of the style sheet unless one is given."""
    if size is not None:
        options["fontsize"] = size
    ax.set_title(text, fontweight="bold", **options)


def small_note(ax: Axes, x: float, y: float, text: str, **options: Any) -> Text:
    """Writes small letters into a panel, whose lower left corner is (0, 0), upper right (1, 1)."""
    return ax.text(x, y, text, transform=ax.transAxes, **{"fontsize": 9, **options})


def beside(
    ax: Axes, text: str, point: tuple[float, float], offset: tuple[float, float], **options: Any
) -> None:
    """Writes beside a point of the data, so many printer's points to the right and upwards."""
    ax.annotate(text, point, xytext=offset, textcoords="offset points", **options)


def power_of_ten(error: float, *, write_one: bool = False) -> str:
    r"""One digit and the power of ten, as mathematics; the digit 1 only if asked.

    Example:
        >>> print(power_of_ten(3.2e-5), power_of_ten(1e-8))
        $3\cdot 10^{-5}$ $10^{-8}$
    """
    mantissa, exponent = f"{error:.0e}".split("e")
    factor = "" if mantissa == "1" and not write_one else rf"{mantissa}\cdot "
    return rf"${factor}10^{{{int(exponent)}}}$"
