"""What is timed: one call of the library at several sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Task"]

Call = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A call whose time is measured against one size.

    The modules of tasks import nothing of approxlab before `prepare` is called: the process that
    measures decides which version of the library that is.

    Attributes:
        name: Its name in rows and flags.
        title: What is called, for the figure.
        size: What the size counts, such as "units".
        smoke: Sizes of the preset smoke.
        default: Sizes of the preset default: a few seconds each at most.
        paper: Sizes of the preset paper, beyond those of default.
        before: The largest size that an earlier version of the library is asked for.
        prepare: From size and seed to a call without arguments, which returns one number of its
            result: versions of the library are compared by it.
    """

    name: str
    title: str
    size: str
    smoke: tuple[int, ...]
    default: tuple[int, ...]
    paper: tuple[int, ...] = ()
    before: int
    prepare: Callable[[int, int], Call]

    def sizes(self, preset: str) -> tuple[int, ...]:
        """The sizes of a preset: "smoke", "default" or "paper"."""
        if preset == "smoke":
            return self.smoke
        return self.default + (self.paper if preset == "paper" else ())
