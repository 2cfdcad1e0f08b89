"""The catalogue: every target by name. Some targets have parameters."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from approxlab.targets import gaussians, genz, many_dimensional, one_dimensional
from approxlab.targets.target import Target, _with_facts

__all__ = ["CATALOGUE", "get", "names"]

CATALOGUE: Mapping[str, Callable[..., Target]] = MappingProxyType(
    {
        "square": one_dimensional.square,
        "cube": one_dimensional.cube,
        "power11": one_dimensional.power11,
        "power": one_dimensional.power,
        "sqrt": one_dimensional.sqrt,
        "kink": one_dimensional.kink,
        "exp": one_dimensional.exp,
        "sine2": one_dimensional.sine2,
        "sine4": one_dimensional.sine4,
        "runge": one_dimensional.runge,
        "chirp": one_dimensional.chirp,
        "step": one_dimensional.step,
        "takagi": one_dimensional.takagi,
        "tent": one_dimensional.tent,
        "sine_product": many_dimensional.sine_product,
        "bump": gaussians.bump,
        "gabor": gaussians.gabor,
        "compositional": many_dimensional.compositional,
        "corner": many_dimensional.corner,
        "ball": many_dimensional.ball,
        "oscillatory": genz.oscillatory,
        "product_peak": genz.product_peak,
        "corner_peak": genz.corner_peak,
        "genz_gaussian": gaussians.genz_gaussian,
        "continuous": genz.continuous,
        "discontinuous": genz.discontinuous,
        "gaussian": gaussians.gaussian,
    }
)
"""Maps each name to the function that makes the target; `get` passes its parameters to it."""


def names() -> tuple[str, ...]:
    """The names in the catalogue, in its order.

    Example:
        >>> names()[:3]
        ('square', 'cube', 'power11')
    """
    return tuple(CATALOGUE)


def get(name: str, **parameters: Any) -> Target:
    """The target with this name.

    A second call with equal parameters returns the same object, so that programs compiled for it
    are used again.

    Args:
        name: A name in the catalogue.
        **parameters: Parameters of the target, such as `dim`, `k`, `at`, `c` and `w`.

    Returns:
        The target with its facts.

    Raises:
        ValueError: If the name or a parameter is unknown, or a parameter has a wrong value.

    Example:
        >>> get("tent", k=4).lipschitz
        16.0
        >>> get("runge") is get("runge")
        True
    """
    if not isinstance(name, str) or name not in CATALOGUE:
        near = difflib.get_close_matches(str(name), CATALOGUE, n=3)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(
            f"name: got {name!r}, expected one of {', '.join(CATALOGUE)}. {hint}"
            "For a function of your own write approxlab.Target(fn, domain=box)."
        )
    known = inspect.signature(CATALOGUE[name]).parameters
    for given in parameters:
        if given not in known:
            form = ", ".join(f"{p.name}={p.default!r}" for p in known.values()) or "no parameters"
            raise ValueError(
                f"{given}: got a parameter that {name} does not have, expected {form}."
            )
    hashable = {k: _hashable(value) for k, value in parameters.items()}
    try:
        return _made(name, **hashable)
    except TypeError:  # a value that cannot be hashed: the function itself raises the right error
        return _with_facts(CATALOGUE[name](**hashable))


def _hashable(value: Any) -> Any:
    plain = value.tolist() if isinstance(value, np.ndarray) else value
    return tuple(plain) if isinstance(plain, list) else plain


@lru_cache(maxsize=256, typed=True)
def _made(name: str, **parameters: Any) -> Target:
    return _with_facts(CATALOGUE[name](**parameters))
