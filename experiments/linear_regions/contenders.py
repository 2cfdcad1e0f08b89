"""Polygons of one network by another library, in a process of its own.

    python -m experiments.linear_regions.contenders NAME FILE REPEATS

reads weights and biases from FILE (npz: W0, b0, W1, ...), partitions the square [-1, 1]^2, and
prints the number of polygons and the seconds of each repetition as one line of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["available"]

Layers = Sequence[tuple[Any, Any]]


def available(name: str) -> bool:
    """Whether a library can be used here; parx asks for a Julia of its own beside it."""
    found = importlib.util.find_spec(name) is not None
    return found and (name != "parx" or shutil.which("julia") is not None)


def _regioncam(layers: Layers) -> int:
    """In float32, which is its only precision."""
    import regioncam

    found = regioncam.Regioncam(size=1.0)
    for i, (weight, bias) in enumerate(layers):
        found.add(regioncam.Linear(weight.T.astype(np.float32), bias.astype(np.float32)))
        if i < len(layers) - 1:
            found.relu()
    return int(found.num_faces)


CONTENDERS: dict[str, Callable[[Layers], int]] = {"regioncam": _regioncam}


def main(name: str, file: str, repeats: int) -> None:
    """Prints the answer."""
    with np.load(file) as arrays:
        layers = [(arrays[f"W{i}"], arrays[f"b{i}"]) for i in range(len(arrays.files) // 2)]
    seconds, polygons = [], 0
    for _ in range(repeats):
        start = time.perf_counter()
        polygons = CONTENDERS[name](layers)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"polygons": polygons, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
