"""approxlab: approximation theory of multi-layer perceptrons, with numbers that can be trusted.

How large a network does this function need, what does depth buy, and what do derivatives cost?

    import approxlab as al

Every public name is loaded when it is first used: importing approxlab sets nothing, prints nothing,
creates no array and loads no matplotlib.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_MODULES = (
    "claims",
    "constructions",
    "costs",
    "derivatives",
    "domains",
    "errors",
    "evaluation",
    "fitting",
    "networks",
    "optimal",
    "plotting",
    "records",
    "regions",
    "solves",
    "splines",
    "sweeps",
    "targets",
)
_NAMES = {
    "Bound": "claims",
    "Box": "domains",
    "Claim": "claims",
    "Construction": "claims",
    "Estimate": "claims",
    "FitResult": "fitting",
    "MLP": "networks",
    "MeanBound": "claims",
    "Optimum": "claims",
    "RandomConstruction": "claims",
    "Rate": "claims",
    "Target": "targets",
    "compose": "networks",
    "evaluate": "evaluation",
    "fit": "fitting",
    "parallel": "networks",
    "postcompose": "networks",
    "precompose": "networks",
}

__all__ = sorted([*_NAMES, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"approxlab.{name}")
    if name in _NAMES:
        return getattr(import_module(f"approxlab.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'approxlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
