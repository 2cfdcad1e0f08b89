"""Targets of `deep_relu_training`, published figures, and what else was tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["PUBLISHED", "TARGETS", "VARIANTS", "make"]

TARGETS = ("cube", "power11", "sqrt", "exp", "runge")
"""All of them on [0, 1]."""

PUBLISHED: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "cube": {"milkert": (7.86e-8, 5.27e-7), "kaiming": (2.11e-5, 7.20e-2)},
    "power11": {"milkert": (8.86e-7, 7.87e-6), "kaiming": (2.19e-5, 2.82e-2)},
}
"""Best and mean over 30 runs of the mean square at 500 points of [0, 1], for networks of five plain
layers of 4 ReLUs: Milkert, Hyde and Laine, ICML 2025, their method and Kaiming initialisation."""

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "opposite": {"start": "opposite"},
    "spread_0.01": {"spread": 1e-2},
    "spread_0.05": {"spread": 5e-2},
    "one_stage": {"stages": 1},
}
"""Ways to begin or to follow that are not the default of `fit_deep`, and what they change."""

_made: dict[str, Any] = {}


def make(name: str) -> Any:
    """The target of that name on [0, 1]: one object per process, which compiles once."""
    if name not in _made:
        _made[name] = _new(name)
    return _made[name]


def _new(name: str) -> Any:
    import jax.numpy as jnp

    from approxlab import Box, Target, targets

    functions = {"exp": lambda x: jnp.exp(x[0]), "runge": lambda x: 1 / (1 + 25 * x[0] ** 2)}
    if name not in functions:
        return targets.get(name)
    return Target(functions[name], domain=Box([0.0], [1.0]), name=name, smoothness="analytic")
