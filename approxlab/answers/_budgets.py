"""How long an answer may take: seconds by the clock, and a number of fits for each family."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any

__all__ = ["Budget", "shown"]


class Budget:
    """Seconds that are left, and who is told what was done.

    Args:
        seconds: All seconds; infinity for no clock.
        max_fits: Fits of one family at most.
        bar: A bar of tqdm, or None.
    """

    def __init__(self, seconds: float, max_fits: int, bar: Any = None) -> None:
        self.seconds, self.max_fits, self._bar = seconds, max_fits, bar
        self._start = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def left(self, share: float = 1.0) -> float:
        """Seconds until a share of all is spent; infinity without a clock."""
        return self.seconds * share - self.spent if math.isfinite(self.seconds) else math.inf

    def told(self, stage: str, best: str = "") -> None:
        """Show the stage that begins, and the best so far."""
        if self._bar is not None:
            self._bar.set_description_str(f"answer: {stage}")
            if best:
                self._bar.set_postfix_str(best)
            if math.isfinite(self.seconds):
                self._bar.update(min(self.spent, self.seconds) - self._bar.n)


@contextlib.contextmanager
def shown(progress: bool, seconds: float) -> Iterator[Any]:
    """A bar over the seconds of the budget, or None."""
    if not progress:
        yield None
        return
    from tqdm import tqdm

    total = seconds if math.isfinite(seconds) else None
    form = "{desc} {elapsed} {postfix}" if total is None else None
    with tqdm(total=total, bar_format=form or "{desc} |{bar}| {elapsed}{postfix}") as bar:
        yield bar
