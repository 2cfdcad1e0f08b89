"""Formulas of targets in figures, and headings above groups of panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

__all__ = ["formula", "heading"]

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
