"""Canonical JSON of flat rows, and digests of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Scalar = None | bool | int | float | str
Row = dict[str, Scalar]


def _scalar(name: str, value: object) -> Scalar:
    """JSON value of one cell: Python numbers for NumPy scalars, strings for non-finite floats."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, str) and value in _NONFINITE:
        raise ValueError(
            f"{name} is the string {value!r}, which stands for the number in a row file; "
            "expected any other string. Store the float itself or use another word."
        )
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{name} is {value!r} of type {type(value).__name__}; expected a number, a string, a "
        "boolean or None, because rows are flat. Give each entry a name or a row of its own."
    )


def encoded(name: str, value: object) -> Any:
    """A document (a config, a provenance) in JSON values; `name` is for the error message."""
    if isinstance(value, Mapping):
        return {str(key): encoded(f"{name}.{key}", item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encoded(f"{name}[{index}]", item) for index, item in enumerate(value)]
    return _scalar(name, value)


def decoded(value: object) -> Any:
    """The inverse of `encoded`, except that tuples come back as lists."""
    if isinstance(value, dict):
        return {key: decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decoded(item) for item in value]
    return _NONFINITE.get(value, value) if isinstance(value, str) else value


def canonical(parameters: Mapping) -> str:
    """Canonical JSON of one flat mapping: keys sorted, no spaces, non-finite numbers as strings.

    >>> canonical({"width": 8, "error": float("nan")})
    '{"error":"NaN","width":8}'
    """
    flat = {}
    for name, value in parameters.items():
        if not isinstance(name, str):
            raise TypeError(f"a row has the key {name!r}; expected names. Use str({name!r}).")
        flat[name] = _scalar(name, value)
    return compact(flat)


def compact(document: Mapping) -> str:
    """JSON with sorted keys and no spaces, of values returned by `encoded`."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(parameters: Mapping) -> str:
    """SHA-256 of the canonical JSON of a flat mapping; the order of its keys does not matter.

    >>> digest({"width": 8, "seed": 0}) == digest({"seed": 0, "width": 8})
    True
    """
    return hashlib.sha256(canonical(parameters).encode()).hexdigest()
