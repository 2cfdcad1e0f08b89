"""Chebfun in Python (package `chebfun`, imported as chebpy), in a process of its own.

    python -m experiments.network_calculus.peers NAME NAME ...

answers with one line of JSON: for every case, without and with its breaks stated, the number of
coefficients (and of breaks), the relative error and the seconds of construction.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
import time
import warnings
from typing import Any

import numpy as np

from experiments.network_calculus.cases import CASES, points, relative_error

__all__ = ["installed", "main"]


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("chebpy") is not None


def main(names: list[str]) -> dict[str, Any]:
    """What the package makes of these cases."""
    import chebpy

    warnings.simplefilter("ignore")  # that a function is not resolved is seen from its error
    chebpy.chebfun(lambda x: x**3, [0.0, 1.0])  # whatever the first call loads
    return {name: _both(chebpy.chebfun, name) for name in names}


def _both(chebfun: Any, name: str) -> dict[str, Any]:
    case = CASES[name]
    found = {"plain": _one(chebfun, name, ())}
    if case.breaks:
        found["breaks"] = _one(chebfun, name, case.breaks)
    return found


def _one(chebfun: Any, name: str, breaks: tuple[float, ...]) -> dict[str, Any]:
    case = CASES[name]
    edges = [case.box[0], *breaks, case.box[1]]
    start = time.perf_counter()
    parts = [
        chebfun(_inside(case.function, low, high), [low, high])
        for low, high in itertools.pairwise(edges)
    ]
    spent = time.perf_counter() - start
    count = sum(len(piece.coeffs) for part in parts for piece in part.funs) + len(breaks)
    x = points(case)
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(parts) - 1)
    values = np.empty(len(x))
    for i, part in enumerate(parts):
        values[place == i] = part(x[place == i])
    error = relative_error(case, values)
    return {"coefficients": int(count), "sup_error_at_most": error, "build_s": spent}


def _inside(function: Any, low: float, high: float) -> Any:
    """The function with its one-sided limits at the ends, where it may jump."""
    least, most = np.nextafter(low, high), np.nextafter(high, low)
    return lambda x: function(np.clip(x, least, most))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
