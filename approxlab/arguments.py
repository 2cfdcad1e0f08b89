"""Checks of arguments that many functions share: one wording for one mistake.

Every message gives the argument, the value received, the form expected and, where there is one, the
usual fix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from approxlab.domains import Box

__all__ = ["check_interval", "check_positive", "check_widths"]


def check_positive(**values: Any) -> None:
    """Each keyword must be an integer of at least 1.

    Example:
        >>> check_positive(n=0)
        Traceback (most recent call last):
        ...
        ValueError: n: got 0, expected a positive integer.
    """
    for name, value in values.items():
        if not hasattr(value, "__index__") or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}: got {value!r}, expected a positive integer.")


def check_widths(hidden: Any) -> tuple[int, ...]:
    """The widths of hidden layers as a tuple of integers; a single number is refused."""
    if isinstance(hidden, str) or not hasattr(hidden, "__len__"):
        raise ValueError(
            f"hidden: got {hidden!r}, expected the widths of the hidden layers, such as (32, 32). "
            f"Write ({hidden!r},) for one hidden layer."
        )
    for width in hidden:
        check_positive(hidden=width)
    return tuple(int(width) for width in hidden)


def check_interval(box: Box, name: str = "domain") -> tuple[float, float]:
    """The ends of a box of one dimension; any other box is refused."""
    if box.dim != 1:
        raise ValueError(
            f"{name}: got {box!r} of {box.dim} dimensions, expected an interval such as "
            "al.Box([0.0], [1.0])."
        )
    return box.lower[0], box.upper[0]
