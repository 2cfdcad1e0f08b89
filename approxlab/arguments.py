"""Checks of arguments that many functions share: one wording for one mistake.

Every message gives the argument, the value received, the form expected and, where there is one, the
usual fix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from approxlab.domains import Box

__all__ = ["check_interval", "check_positive"]


def check_positive(**values: Any) -> None:
    """Each keyword must be an integer of at least 1.

    Example:
        >>> check_positive(n=0)
        Traceback (most recent call last):
        ...
        ValueError: n: got 0, expected a positive integer.
    """
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}: got {value!r}, expected a positive integer.")


def check_interval(box: Box, name: str = "domain") -> tuple[float, float]:
    """The ends of a box of one dimension; any other box is refused."""
    if box.dim != 1:
        raise ValueError(
            f"{name}: got {box!r} of {box.dim} dimensions, expected an interval such as "
            "al.Box([0.0], [1.0])."
        )
    return box.lower[0], box.upper[0]
