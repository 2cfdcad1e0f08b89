"""The methods of `fit` by name, and what else may be given as a method."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from approxlab.fitting.training.gradient_descent import GradientDescent
from approxlab.fitting.training.levenberg_marquardt import LevenbergMarquardt
from approxlab.fitting.training.limited_memory import LBFGS
from approxlab.fitting.training.method import Method
from approxlab.fitting.training.optax_methods import Adam, Optax
from approxlab.fitting.training.self_scaled import SelfScaled

__all__ = ["METHODS", "as_method"]

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "adam": Adam(),
        "lbfgs": LBFGS(),
        "ssbfgs": SelfScaled(broyden=False),
        "ssbroyden": SelfScaled(broyden=True),
        "levenberg_marquardt": LevenbergMarquardt(),
        "variable_projection": LevenbergMarquardt(eliminate=True),
        "gradient_descent": GradientDescent(),
        "momentum": GradientDescent(momentum=0.9),
    }
)
"""Name to method: `fit(method=name)` and `fit(method=METHODS[name])` are the same call."""


def as_method(method: Any) -> Method:
    """The method of a name, of a `Method`, or of an optax transformation.

    A transformation that this library made, such as `self_scaled_broyden()`, brings its method
    along; any other is wrapped as it is.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(method, str) and method in METHODS:
        return METHODS[method]
    own = getattr(method, "method", method)
    if isinstance(own, Method):
        return own
    if callable(getattr(method, "init", None)) and callable(getattr(method, "update", None)):
        return Optax(method)
    raise ValueError(
        f"method: got {method!r}, expected one of {', '.join(sorted(METHODS))}, a "
        "Method such as LevenbergMarquardt(), or an optax GradientTransformation such as "
        "optax.sgd(1e-2)."
    )
