"""The arguments of `fit` that do not describe the data, after the checks."""

from __future__ import annotations

import dataclasses
from typing import Any

from approxlab.fitting.training.method import Method

__all__ = ["Settings"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The arguments of `fit` that do not describe the data, after the checks."""

    hidden: tuple[int, ...]
    passthrough: tuple[int, ...]
    activation: str
    method: Method
    start: Any
    seeds: tuple[int, ...]
    key: Any
    steps: int
    learning_rate: float
    batch: int | None
    init: str | None
    dtype: str
    stride: int
    tol: float
    patience: int
    progress: bool
    scaling: str
    devices: tuple[Any, ...] | None
