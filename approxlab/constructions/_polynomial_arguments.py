"""Polynomials as they are given: coefficients in three bases, or objects of numpy.polynomial."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.constructions._chebyshev_forms import (
    Series,
    chebyshev_of,
    range_of,
    trimmed,
)
from approxlab.constructions._polynomial_programs import SCHEMES
from approxlab.constructions._relu_rounding import check_held
from approxlab.domains import Box, check_interval
from approxlab.targets.catalogue import get
from approxlab.targets.one_dimensional import Power
from approxlab.targets.target import Target, _with_facts

__all__ = ["check_scheme", "interval", "power_target", "series_of", "series_target"]

_BASES = ("monomial", "chebyshev", "legendre")
_MAX_DEGREE = 100
_OBJECTS = {
    np.polynomial.Polynomial: "monomial",
    np.polynomial.Chebyshev: "chebyshev",
    np.polynomial.Legendre: "legendre",
}


def check_scheme(scheme: Any) -> None:
    """A scheme, by name."""
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise ValueError(f"scheme: got {scheme!r}, expected one of {', '.join(SCHEMES)}.")


def interval(domain: Any) -> Box:
    """An interval; by default [0, 1]."""
    if domain is None:
        return Box.unit()
    if not isinstance(domain, Box):
        raise TypeError(f"domain: got {domain!r}, expected a Box, such as al.Box([0.0], [1.0]).")
    check_interval(domain)
    return domain


def series_of(coefficients: Any, basis: Any, domain: Any) -> tuple[Series, Box]:
    """The polynomial as a Chebyshev series in the position on the box, without any rounding."""
    if isinstance(coefficients, np.polynomial._polybase.ABCPolyBase):
        return _series_of_object(coefficients, basis, domain)
    name = "monomial" if basis is None else basis
    if not isinstance(name, str) or name not in _BASES:
        raise ValueError(f"basis: got {basis!r}, expected one of {', '.join(_BASES)}.")
    numbers = _numbers(coefficients)
    box = interval(domain)
    at, per = _center_and_half(box) if name == "monomial" else (Fraction(0), Fraction(1))
    return _checked(trimmed(chebyshev_of(name, numbers, at, per)), coefficients), box


def _series_of_object(given: Any, basis: Any, domain: Any) -> tuple[Series, Box]:
    name = _OBJECTS.get(type(given))
    if name is None:
        raise TypeError(
            f"coefficients: got {type(given).__name__}, expected Polynomial, Chebyshev or "
            "Legendre. Write given.convert(kind=numpy.polynomial.Chebyshev)."
        )
    if basis is not None and basis != name:
        raise ValueError(
            f"basis: got {basis!r} for an object of class {type(given).__name__}, expected None: "
            "the object has its own basis."
        )
    numbers = _numbers(given.coef)
    ends, window = _ends(given, "domain"), _ends(given, "window")
    if domain is None and not ends[0] < ends[1]:
        raise ValueError(
            f"coefficients: got an object with domain {given.domain!r}, expected its left end "
            "first. Write domain=al.Box([left], [right]) for the interval."
        )
    box = Box([float(ends[0])], [float(ends[1])]) if domain is None else interval(domain)
    center, half = _center_and_half(box)
    slope = (window[1] - window[0]) / (ends[1] - ends[0])
    at = window[0] + (center - ends[0]) * slope
    return _checked(trimmed(chebyshev_of(name, numbers, at, half * slope)), given), box


def _ends(given: Any, name: str) -> list[Fraction]:
    """The two ends of the domain or the window of an object, which are finite and not equal."""
    ends = np.asarray(getattr(given, name))
    held = ends.shape == (2,) and ends.dtype.kind in "fiu" and bool(np.all(np.isfinite(ends)))
    if not held or ends[0] == ends[1]:
        raise ValueError(
            f"coefficients: got an object with {name} {ends!r}, expected two finite numbers that "
            f"are not equal. Write {type(given).__name__}(coef, {name}=[-1, 1])."
        )
    return [_fraction(v) for v in ends]


def _fraction(value: Any) -> Fraction:
    """A number of Python or NumPy as it is, without rounding."""
    if hasattr(value, "__index__"):
        return Fraction(operator.index(value))
    return (
        Fraction(*value.as_integer_ratio())
        if hasattr(value, "as_integer_ratio")
        else (Fraction(float(value)))
    )


def _center_and_half(box: Box) -> tuple[Fraction, Fraction]:
    low, high = Fraction(box.lower[0]), Fraction(box.upper[0])
    return (low + high) / 2, (high - low) / 2


def _numbers(coefficients: Any) -> list[Fraction]:
    form = "a list of finite real numbers, from degree 0 on, such as [1.0, 0.0, -2.0]"
    try:
        array = np.asarray(coefficients)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    if array.ndim == 1 and not hasattr(coefficients, "dtype"):
        # As given: of integers and floats together NumPy makes floats, which round the integers.
        array = np.array([*coefficients, None], dtype=object)[:-1]
        if not all(_is_number(v) for v in array):
            array = np.asarray(None)
    elif array.dtype.kind not in "fiu":
        array = np.asarray(None)
    if array.ndim != 1:
        raise TypeError(f"coefficients: got {coefficients!r}, expected {form}.")
    if not array.size or not all(_is_finite(v) for v in array):
        raise ValueError(f"coefficients: got {coefficients!r}, expected {form}.")
    numbers = [_fraction(v) for v in array]
    if len(trimmed(numbers)) > _MAX_DEGREE + 1:
        raise ValueError(
            f"coefficients: got degree {len(trimmed(numbers)) - 1}, expected at most {_MAX_DEGREE}."
        )
    return numbers


def _is_number(value: Any) -> bool:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    plain = isinstance(value, int | float | Fraction) and not isinstance(value, bool)
    return plain or (kind != "" and kind in "fiu" and value.shape == ())


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | Fraction) or bool(np.isfinite(value))


def _checked(series: Series, given: Any) -> Series:
    try:
        size = float(sum(abs(c) for c in series))
    except OverflowError:
        size = math.inf
    check_held("coefficients", given, size)
    return series


def _derivative(series: Series, half: Fraction) -> Series:
    """By T_k' = 2 k (T_{k-1} + T_{k-3} + ...), where T_0 counts half."""
    out = [Fraction(0)] * max(len(series) - 1, 1)
    for k in range(1, len(series)):
        for j in range(k - 1, -1, -2):
            out[j] += series[k] * k * (2 if j else 1) / half
    return trimmed(out)


def _size(series: Series) -> float:
    low, high = range_of(series)
    return float(max(abs(low), abs(high))) * (1 + 1e-12)


def series_target(series: Series, box: Box, name: str = "") -> Target:
    """The polynomial as a target, evaluated by Clenshaw's rule, with its facts."""
    half = _center_and_half(box)[1]
    slope = _derivative(series, half)
    values = range_of(series)
    whole = sum((-2 * c / (k * k - 1) for k, c in enumerate(series) if k % 2 == 0), Fraction(0))
    target = Target(
        Clenshaw([float(c) for c in series], box),
        domain=box,
        name=name or f"polynomial of degree {len(series) - 1}",
        value_min=math.nextafter(float(values[0]), -math.inf),
        value_max=math.nextafter(float(values[1]), math.inf),
        lipschitz=_size(slope),
        second_derivative=_size(_derivative(slope, half)),
        integral=float(whole * half),
        smoothness="analytic",
        kinks=(),
        source="ranges of polynomials from their values at Chebyshev points",
    )
    return _with_facts(target)


def power_target(k: int, series: Series, box: Box) -> Target:
    """x^k itself, with its facts; the one of the catalogue on [0, 1]."""
    if box == Box.unit():
        return get("power", degree=k)

    made = dataclasses.replace(series_target(series, box, f"power{k}"), fn=Power(k))
    return _with_facts(made)


class Clenshaw:
    """The value of a Chebyshev series at a point of shape (1,)."""

    def __init__(self, coefficients: Sequence[float], box: Box) -> None:
        self.coefficients, self.box = tuple(coefficients), box

    def __call__(self, x: Array) -> Array:
        low, high = self.box.lower[0], self.box.upper[0]
        t = ((x[0] - low) - (high - x[0])) / (high - low)
        later, here = jnp.zeros_like(t), jnp.zeros_like(t)
        for c in self.coefficients[:0:-1]:
            later, here = here, c + 2.0 * t * here - later
        return self.coefficients[0] + t * here - later
