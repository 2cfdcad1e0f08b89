"""Checks of arguments that many functions share: one wording for one mistake.

Every message gives the argument, the value received, the form expected and, where there is one, the
usual fix.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "check_function",
    "check_key",
    "check_norm",
    "check_positive",
    "check_rate",
    "check_widths",
]


def check_positive(**values: Any) -> None:
    """Each keyword must be an integer of at least 1.

    Example:
        >>> check_positive(n=0)
        Traceback (most recent call last):
        ...
        ValueError: n: got 0, expected a positive integer.
    """
    for name, value in values.items():
        if not hasattr(value, "__index__") or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}: got {value!r}, expected a positive integer.")


def check_rate(learning_rate: Any) -> float:
    """A step size: a finite number above 0.

    Example:
        >>> check_rate(-0.1)
        Traceback (most recent call last):
        ...
        ValueError: learning_rate: got -0.1, expected a positive number.
    """
    try:
        number = float(learning_rate)
    except (TypeError, ValueError):
        number = 0.0
    if isinstance(learning_rate, str | bool) or not 0 < number < float("inf"):
        raise ValueError(f"learning_rate: got {learning_rate!r}, expected a positive number.")
    return number


def check_widths(hidden: Any) -> tuple[int, ...]:
    """The widths of hidden layers as a tuple of integers; a single number is refused."""
    if isinstance(hidden, str) or not hasattr(hidden, "__len__"):
        raise ValueError(
            f"hidden: got {hidden!r}, expected the widths of the hidden layers, such as (32, 32). "
            f"Write ({hidden!r},) for one hidden layer."
        )
    for width in hidden:
        check_positive(hidden=width)
    return tuple(int(width) for width in hidden)


def check_norm(norm: Any) -> None:
    """The L2 norm or the sup norm, by name.

    Example:
        >>> check_norm("l1")
        Traceback (most recent call last):
        ...
        ValueError: norm: got 'l1', expected 'l2' or 'sup'.
    """
    if not isinstance(norm, str) or norm not in ("l2", "sup"):
        raise ValueError(f"norm: got {norm!r}, expected 'l2' or 'sup'.")


def check_function(name: str, function: Any) -> None:
    """A function, which stands before its arguments.

    Example:
        >>> check_function("f", 3.0)
        Traceback (most recent call last):
        ...
        TypeError: f: got float, expected a function. It comes first: gradient(f, x), not (x, f).
    """
    if not callable(function):
        raise TypeError(
            f"{name}: got {type(function).__name__}, expected a function. It comes first: "
            "gradient(f, x), not (x, f)."
        )


def check_key(key: Any) -> None:
    """One typed key, as from `jax.random.key`."""
    import jax  # not at the top: plans of sweeps check their arguments without loading JAX

    dtype = getattr(key, "dtype", None)
    typed = dtype is not None and jax.numpy.issubdtype(dtype, jax.dtypes.prng_key)
    if not typed or key.shape != ():
        raise TypeError(
            f"key: got {key!r}, expected one typed key. Write jax.random.key(0), not "
            "jax.random.PRNGKey(0) or a number."
        )


def __dir__() -> list[str]:
    return __all__
