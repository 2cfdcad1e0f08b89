"""What a fit is given: a target on a box, or arrays (X, Y) of points and values.

All ways of fitting check it here; some take a target alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.domains import Box
from approxlab.targets.target import Target

__all__ = [
    "are_arrays",
    "box_of",
    "check_finite",
    "check_target",
    "check_without_mask",
    "checked_arrays",
    "real_array",
]


def are_arrays(target: Any) -> bool:
    """Whether arrays were given rather than a target."""
    return isinstance(target, tuple | list)


def box_of(target: Any, shapes: str = "(n, d) and (n,) or (n, m)") -> Box:
    """The box of a target; what is neither a target nor arrays is refused.

    Args:
        target: Not arrays.
        shapes: Those of X and Y that the caller takes, for the message.
    """
    box = getattr(target, "domain", None)
    if not callable(target) or not isinstance(box, Box):
        raise TypeError(
            f"target: got {type(target).__name__}, expected a Target or arrays (X, Y) of shapes "
            f"{shapes}. Wrap a function: al.Target(f, domain=al.Box([0.0], [1.0]))."
        )
    return box


def check_target(target: Any) -> None:
    """Refuse all but a `Target`, where arrays will not do."""
    if not isinstance(target, Target):
        raise TypeError(
            f"target: got {target!r}, expected a Target. Write al.Target(function, domain=box)."
        )


def check_without_mask(target: Any) -> None:
    """Refuse a target with a mask."""
    if getattr(target, "mask", None) is not None:
        raise ValueError(
            f"target: got {target!r} with a mask, expected one on its whole box. Fit each part of "
            "the mask on a box of its own."
        )


def checked_arrays(pair: Any, points: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """X of shape (n, d) and Y of shape (n,) or (n, m): real, finite, float64.

    Args:
        pair: The arrays (X, Y).
        points: The argument of that name, which does not go together with arrays.
    """
    if len(pair) != 2:
        raise ValueError(f"target: got {len(pair)} arrays, expected two, (X, Y).")
    if points is not None:
        raise ValueError(
            f"points: got {points!r} with arrays, expected None: the arrays are the points."
        )
    x, y = real_array("X", pair[0]), real_array("Y", pair[1])
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            f"X: got shape {x.shape}, expected (n, d), one point per row. "
            "Write x[:, None] for points of an interval."
        )
    if y.ndim not in (1, 2) or len(y) != len(x) or 0 in y.shape:
        raise ValueError(
            f"Y: got shape {y.shape} for {len(x)} points, expected ({len(x)},) or ({len(x)}, m): "
            "one value per row of X."
        )
    check_finite("X", x)
    check_finite("Y", y)
    return x, y


def check_finite(name: str, array: np.ndarray, points: np.ndarray | None = None) -> None:
    """Refuse NaN and infinity, naming the first index, or the point of the first row."""
    bad = np.argwhere(~np.isfinite(array))
    if not len(bad):
        return
    index = tuple(int(i) for i in bad[0])
    where = f"index {index}" if points is None else f"the point {points[index[0]].tolist()}"
    raise ValueError(
        f"{name}: got {array[index]} at {where} ({len(bad)} such values in all), expected finite "
        f"numbers. {'Remove those rows' if points is None else 'Choose a box or mask without it'}."
    )


def real_array(name: str, array: Any) -> np.ndarray:
    """Real numbers as float64; anything else is refused by name: nothing is dropped in a cast."""
    try:
        result = np.asarray(array)
    except ValueError as error:
        raise ValueError(
            f"{name}: got rows of unequal lengths, expected an array. Write np.asarray({name}, "
            "float) once all rows have one length."
        ) from error
    if np.ma.is_masked(array):
        raise ValueError(
            f"{name}: got a masked array with {np.ma.count_masked(array)} masked entries, expected "
            f"all of them. Remove those rows from X and Y: keep = ~{name}.mask."
        )
    if result.dtype.kind not in "fiu" and str(result.dtype) != "bfloat16":
        raise TypeError(
            f"{name}: got dtype {result.dtype}, expected real numbers. {_as_real(name, result)}"
        )
    return result.astype(np.float64)


def _as_real(name: str, array: np.ndarray) -> str:
    """How to turn an array of another kind into real numbers."""
    kind = array.dtype.kind
    if kind == "c":
        parts = f"np.stack([{name}.real, {name}.imag], axis=1)"
        return (
            f"Two real columns hold the same: {parts}."
            if array.ndim == 1
            else (f"Give {name}.real and {name}.imag as columns side by side.")
        )
    if kind == "M":
        return f"Write ({name} - {name}[0]) / np.timedelta64(1, 's') for seconds."
    if kind == "m":
        return f"Write {name} / np.timedelta64(1, 's') for seconds."
    return f"Write np.asarray({name}, float) if these are real numbers."
