"""What is waited for: calls that a user makes first, by name. Loads nothing of the library."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Literal

__all__ = ["CALLS", "MAIN", "METHODS", "TITLES", "Case"]

MAIN = "width_vs_depth"
"""The main command, which is a process by itself: `python -m experiments.width_vs_depth`."""

METHODS = (
    "adam",
    "lbfgs",
    "ssbfgs",
    "ssbroyden",
    "gradient_descent",
    "momentum",
    "levenberg_marquardt",
    "variable_projection",
)
"""The methods of `fit` by name."""

Case = Literal[
    "import",
    "evaluate",
    "sup",
    "l2",
    "jacobian",
    "adam",
    "lbfgs",
    "ssbfgs",
    "ssbroyden",
    "gradient_descent",
    "momentum",
    "levenberg_marquardt",
    "variable_projection",
    "deep_variable_projection",
    "width_vs_depth",
]

Call = Callable[[int, int], Any]  # from seed and steps to a result

_STEP_SIZES = {"gradient_descent": 1e-4, "momentum": 1e-4}  # they have no default
_HIDDEN, _DEEP = (16, 16), (8,) * 16


def _import(seed: int, steps: int) -> Any:
    import approxlab

    return approxlab.__name__ == "approxlab"


def _network(seed: int, size: int, hidden: tuple[int, ...], out_size: int | None = None) -> Any:
    import jax

    import approxlab as al

    return al.MLP.init(jax.random.key(seed), size, hidden, out_size=out_size)


def _evaluate(seed: int, steps: int) -> Any:
    import numpy as np

    import approxlab as al

    return al.evaluate(_network(seed, 1, _HIDDEN), np.linspace(-1.0, 1.0, 1000)[:, None])


def _error(norm: str) -> Call:
    def call(seed: int, steps: int) -> Any:
        import approxlab as al

        net, target = _network(seed, 1, _HIDDEN), al.targets.get("runge")
        return float(getattr(al.errors, norm)(net, target))

    return call


def _jacobian(seed: int, steps: int) -> Any:
    import numpy as np

    import approxlab as al

    return al.derivatives.jacobian(_network(seed, 512, (8,), 512), np.ones(512))


def _fit(method: str, hidden: tuple[int, ...] = _HIDDEN) -> Call:
    def call(seed: int, steps: int) -> Any:
        import jax

        import approxlab as al

        return al.fit(
            al.targets.get("runge"),
            hidden=hidden,
            method=method,
            steps=steps,
            learning_rate=_STEP_SIZES.get(method),
            key=jax.random.key(seed),
        )

    return call


CALLS: MappingProxyType[str, Call] = MappingProxyType(
    {
        "import": _import,
        "evaluate": _evaluate,
        "sup": _error("sup"),
        "l2": _error("l2"),
        "jacobian": _jacobian,
        **{method: _fit(method) for method in METHODS},
        "deep_variable_projection": _fit("variable_projection", _DEEP),
    }
)
"""The calls. A call makes all that it needs, so that nothing of it is compiled before."""

TITLES: MappingProxyType[str, str] = MappingProxyType(
    {
        "import": "import approxlab",
        "evaluate": "evaluate, 1-16-16-1",
        "sup": "errors.sup, 1-16-16-1",
        "l2": "errors.l2, 1-16-16-1",
        "jacobian": "jacobian, 512-8-512",
        **{method: f"fit, {method}" for method in METHODS},
        "deep_variable_projection": "the same, 16 layers of 8",
        MAIN: "main command",
    }
)
"""How the cases are called in figure and table."""
