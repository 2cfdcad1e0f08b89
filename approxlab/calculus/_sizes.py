"""Bounds of |f| where the sign of f is hidden by rounding, as of a difference of equal networks.

On a part of centre c and half width r, by Taylor's formula,

    |f| <= sum_{k < K} |c_k| r^k + |c_K(part)| r^K,

with the coefficients c_k at the centre, which are known up to rounding however much cancels.
"""

from __future__ import annotations

import numpy as np

from approxlab.calculus._smooth import Smooth

__all__ = ["sizes_on"]

_PARTS = 64
_ROUNDS = 6
_MOST = 2048  # parts
_TERMS = 12


def sizes_on(f: Smooth, low: float, high: float, enough: float) -> tuple[np.ndarray, np.ndarray]:
    """Widths of parts of the interval and bounds of |f| on them.

    Args:
        f: A smooth function.
        low: Left end.
        high: Right end.
        enough: Parts with a larger bound are halved, some times.
    """
    x = np.linspace(low, high, _PARTS + 1)
    start, end = x[:-1], x[1:]
    widths, sizes = [], []
    for i in range(_ROUNDS):
        size = _size(f, start, end, enough)
        bad = size > enough
        if i == _ROUNDS - 1 or 2 * np.count_nonzero(bad) > _MOST:
            bad[:] = False
        widths.append((end - start)[~bad])
        sizes.append(size[~bad])
        if not np.any(bad):
            break
        start, end = start[bad], end[bad]
        middle = 0.5 * start + 0.5 * end
        start, end = np.append(start, middle), np.append(middle, end)
    return np.concatenate(widths), np.concatenate(sizes)


def _size(f: Smooth, low: np.ndarray, high: np.ndarray, enough: float) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.array(f.bounds(low, high, 1)[0].size)
        open_ = np.flatnonzero(~(size <= enough))
        if len(open_):
            found = _by_taylor(f, low[open_], high[open_])
            size[open_] = np.fmin(size[open_], found)
    return np.where(np.isnan(size), np.inf, size)


def _by_taylor(f: Smooth, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    # Powers of relu have one derivative only that is Lipschitz or better in all cases.
    terms = 1 if f.net.activation.startswith("relu") else _TERMS
    middle = 0.5 * low + 0.5 * high
    radius = np.maximum(middle - low, high - middle) * (1 + 1e-14)
    centre = f.bounds(middle, middle, terms)
    rest = f.bounds(low, high, terms + 1)[terms]
    parts = [c.size * radius**k for k, c in enumerate([*centre, rest])]
    return np.asarray(sum(parts)) * (1 + 1e-14)
