"""What a run answers to a wish that it cannot fulfil, and where it says so."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path


class UsageError(Exception):
    """What was asked for cannot be done as asked; the message says what can."""


def complain(text: str) -> None:
    """Says on the standard error, above a progress bar where there is one."""
    if "tqdm" in sys.modules:
        from tqdm import tqdm  # loaded with the first progress bar: it takes a while

        tqdm.write(text, file=sys.stderr)
    else:
        print(text, file=sys.stderr)


def one_line(error: Exception) -> str:
    """What went wrong and where, without a traceback."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    line = f"{type(error).__name__}: {text} ({Path(where.filename).name}, line {where.lineno})"
    return ": ".join([*getattr(error, "__notes__", []), line])
