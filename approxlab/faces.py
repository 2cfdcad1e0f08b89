"""The face of a room: its public names, loaded when first used; a wrong name is told the next one.

Every room's `__init__.py` attaches the names of its table of contents, `__init__.pyi`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import lazy_loader

__all__ = ["attach"]


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], Any]:
    """`__getattr__`, `__dir__` and `__all__` of a room.

    Args:
        package: Its `__name__`.
        file: Its `__file__`.

    Example:
        >>> import approxlab
        >>> approxlab.Tagret
        Traceback (most recent call last):
        ...
        AttributeError: approxlab has no 'Tagret', did you mean 'Target'?...
    """
    load, names, public = lazy_loader.attach_stub(package, file)

    def get(name: str) -> Any:
        if name in public:
            return load(name)
        near = [] if name.startswith("_") else difflib.get_close_matches(name, public, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"see dir({package})."
        raise AttributeError(f"{package} has no {name!r}, {hint}")

    return get, names, public
