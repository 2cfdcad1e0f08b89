"""Checks of arguments that many functions share: one wording for one mistake.

Every message gives the argument, the value received, the form expected and, where there is one, the
usual fix.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = [
    "check_function",
    "check_instance",
    "check_key",
    "check_norm",
    "check_number",
    "check_positive",
    "check_widths",
    "checked_flag",
    "float_above",
    "float_below",
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


def checked_flag(name: str, value: Any) -> bool:
    """True or False, as it is, not a number or a string that only counts as one of them.

    Example:
        >>> checked_flag("shifted", "no")
        Traceback (most recent call last):
        ...
        ValueError: shifted: got 'no', expected True or False.
    """
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):  # of NumPy
        return bool(value)
    raise ValueError(f"{name}: got {value!r}, expected True or False.")


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
    check_instance(name, function)


def part_to_write(value: Any) -> str:
    """For a result that holds a function, which of its attributes is meant: a sentence, or "".

    Example:
        >>> import types
        >>> part_to_write(types.SimpleNamespace(network=abs))
        ' Write fit.network for the function that the result holds.'
    """
    for name in ("network", "model"):
        if callable(getattr(value, name, None)):
            return f" Write fit.{name} for the function that the result holds."
    return ""


def check_instance(name: str, function: Any) -> None:
    """What is callable, but no function of points: a class, or a function of NumPy's own kind.

    Example:
        >>> check_instance("model", dict)
        Traceback (most recent call last):
        ...
        TypeError: model: got the class dict, expected a function or an instance of the class.
    """
    if isinstance(function, type):
        raise TypeError(
            f"{name}: got the class {function.__name__}, expected a function or an instance of the "
            "class."
        )
    if type(function).__name__ == "ufunc":  # without loading NumPy
        called = function.__name__
        raise TypeError(
            f"{name}: got a function of NumPy, {called}, expected one of JAX. Write jnp.{called}, "
            f"or lambda x: jnp.{called}(x[0]) for a value of shape () at a point of shape (1,)."
        )


def check_number(name: str, value: Any, *, positive: bool = False) -> None:
    """A finite number, of any kind, that is at least 0 or larger.

    Example:
        >>> check_number("tol", "small")
        Traceback (most recent call last):
        ...
        ValueError: tol: got 'small', expected a number that is at least 0.
    """
    if _finite(value) and (value > 0 if positive else value >= 0):
        return
    form = "a positive number" if positive else "a number that is at least 0"
    raise ValueError(f"{name}: got {value!r}, expected {form}.")


def float_below(value: Any) -> float:
    """The largest float that is not above a real number of any type.

    An error is promised to be at most eps. The float nearest to a fraction or a decimal may be
    above it, so that a promise about the float would be a weaker one.

    Example:
        >>> from fractions import Fraction
        >>> float(Fraction(1, 10)) > Fraction(1, 10), float_below(Fraction(1, 10)) > Fraction(1, 10)
        (True, False)
    """
    nearest = float(value)
    return math.nextafter(nearest, -math.inf) if nearest > value else nearest


def float_above(value: Any) -> float:
    """The least float that is not below a real number: for what is proved of all errors up to it.

    Example:
        >>> from decimal import Decimal
        >>> float_above(Decimal("0.3")) > Decimal("0.3"), float(Decimal("0.3")) > Decimal("0.3")
        (True, False)
    """
    nearest = float(value)
    return math.nextafter(nearest, math.inf) if nearest < value else nearest


def _finite(value: Any) -> bool:
    """Whether a value is one real number that a float holds; True and False are none."""
    if not hasattr(value, "__float__") or type(value).__name__ in ("bool", "bool_"):
        return False
    dtype = getattr(value, "dtype", None)
    if getattr(value, "shape", ()) != () or getattr(dtype, "kind", "f") not in "fiuV":
        return False  # arrays, and arrays of one truth value; V is bfloat16
    try:
        return math.isfinite(float(value))
    except (OverflowError, TypeError, ValueError):
        return False


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
