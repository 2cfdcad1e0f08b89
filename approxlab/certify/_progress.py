"""A bar that shows how many boxes were looked at, and how far apart the bounds still are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

__all__ = ["progress_bar"]

Told = Callable[[int, float, float], None]


@contextlib.contextmanager
def progress_bar(shown: bool) -> Iterator[Told | None]:
    """A function to call with the number of boxes and both bounds; None if nothing is shown."""
    if not shown:
        yield None
        return
    from tqdm import tqdm

    with tqdm(unit=" boxes", desc="certify") as bar:

        def told(boxes: int, lower: float, upper: float) -> None:
            bar.update(boxes - bar.n)
            bar.set_postfix_str(f"{lower:.4g} .. {upper:.4g}")

        yield told
