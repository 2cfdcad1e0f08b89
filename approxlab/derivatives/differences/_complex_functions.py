"""Elementary functions just off the real axis, with imaginary parts that keep all their digits.

The imaginary part is tiny beside the real one, so it never goes through a sum with it, a square of
it, or a product that may be rearranged (three real products for a complex one lose it entirely).
Off the domain of the real function there is a branch of the complex one, which is another function:
there the result is nan, and the run notes why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["BINARY", "UNARY", "Run", "joined", "powers"]

Numbers = Any
"""An array, or a scalar of NumPy, which its functions return for arrays of shape ()."""


@dataclasses.dataclass
class Run:
    """One evaluation: as it is, or with every result moved by one to three eps of itself.

    The movements, random in size and sign, show how much rounding can change what comes out,
    cancellation and underflow included.

    Attributes:
        signs: Source of the signs; None for an evaluation without movements.
        outside: Operations that were asked for values outside of their domain.
    """

    signs: np.random.Generator | None = None
    outside: set[str] = dataclasses.field(default_factory=set)

    def moved(self, z: Numbers, depends: Any = True) -> Numbers:
        """A result and its roundings; where `depends`, the imaginary part may have underflowed."""
        if self.signs is None:
            return z
        re, im = (self._relative(part) for part in (z.real, z.imag))
        return joined(re, self.underflow(im, depends))

    def underflow(self, im: Numbers, depends: Any) -> Numbers:
        """An imaginary part, and the spacing of the smallest numbers."""
        if self.signs is None:
            return im
        info = np.finfo(im.dtype)
        # Some results below the smallest normal number are kept, those of library functions in
        # single precision are flushed to 0.
        step = info.tiny if im.dtype == np.float32 else info.smallest_subnormal
        return np.asarray(im + np.where(depends, step * self._signs(im), 0), im.dtype)

    def _relative(self, part: Numbers) -> Numbers:
        eps = np.finfo(part.dtype).eps
        assert self.signs is not None
        by = eps * self.signs.uniform(1.0, 3.0, part.shape) * self._signs(part)
        return np.asarray(part * np.asarray(1.0 + by, part.dtype), part.dtype)

    def _signs(self, like: Numbers) -> Numbers:
        assert self.signs is not None
        return (2 * self.signs.integers(0, 2, like.shape) - 1).astype(like.dtype)


def joined(re: Any, im: Any) -> Numbers:
    """Re + i im, where an infinite part does not make the other one nan."""
    re, im = np.broadcast_arrays(re, im)
    z = np.empty(re.shape, np.result_type(re.dtype, im.dtype, np.complex64))
    z.real, z.imag = re, im
    return z


def _parts(z: Numbers) -> tuple[Numbers, Numbers]:
    return (z.real, z.imag) if np.iscomplexobj(z) else (z, np.zeros_like(z))


# One operand


def _inside(
    name: str,
    f: Callable[..., Any],
    allowed: Callable[[Numbers], Any],
    real: Callable[..., Any] | None = None,
) -> Callable[[Run, Numbers], Numbers]:
    """A function with its branch cut left out: the interior of the real domain."""

    def at(run: Run, z: Numbers) -> Numbers:
        out, inside = f(z), allowed(z.real)
        if np.all(inside):
            return np.asarray(out)
        moves = z.imag != 0
        if np.any(moves & ~inside):
            run.outside.add(name)
        re = np.where(inside, out.real, (real or f)(z.real))
        return joined(re, np.where(inside, out.imag, np.where(moves, np.nan, 0)))

    return at


def _plain(f: Callable[..., Any]) -> Callable[[Run, Numbers], Numbers]:
    return lambda run, z: np.asarray(f(z))


def _exp2(run: Run, z: Numbers) -> Numbers:
    size, angle = (
        np.exp2(z.real),
        run.underflow(z.imag * z.real.dtype.type(np.log(2.0)), z.imag != 0),
    )
    return joined(size * np.cos(angle), size * np.sin(angle))


def _logistic(run: Run, z: Numbers) -> Numbers:
    """1 / (1 + e^-z), or e^z / (1 + e^z) on the left, where e^-z would overflow."""
    left = z.real < 0
    e = np.exp(joined(np.where(left, z.real, -z.real), np.where(left, z.imag, -z.imag)))
    above = joined(np.where(left, e.real, 1), np.where(left, e.imag, 0))
    return _div(run, above, joined(1 + e.real, e.imag))


def _reciprocal_root(run: Run, z: Numbers) -> Numbers:
    return _div(run, np.ones_like(z.real), UNARY["sqrt"](run, z))


UNARY: dict[str, Callable[[Run, Numbers], Numbers]] = {
    **{
        name: _plain(getattr(np, {"asinh": "arcsinh", "atan": "arctan"}.get(name, name)))
        for name in ("asinh", "atan", "cos", "cosh", "exp", "expm1", "sin", "sinh", "tan", "tanh")
    },
    "neg": _plain(np.negative),
    "log": _inside("log", np.log, lambda x: x > 0),
    "log1p": _inside("log1p", np.log1p, lambda x: x > -1),
    "sqrt": _inside("sqrt", np.sqrt, lambda x: x > 0),
    "asin": _inside("asin", np.arcsin, lambda x: np.abs(x) < 1),
    "acos": _inside("acos", np.arccos, lambda x: np.abs(x) < 1),
    "atanh": _inside("atanh", np.arctanh, lambda x: np.abs(x) < 1),
    "acosh": _inside("acosh", np.arccosh, lambda x: x > 1),
    "exp2": _exp2,
    "logistic": _logistic,
    "rsqrt": _reciprocal_root,
    "square": lambda run, z: _mul(run, z, z),
}
"""Functions of one operand by the names of their primitives."""


# Two operands, of which one may be real


def _mul(run: Run, z: Numbers, w: Numbers) -> Numbers:
    (a, b), (c, d) = _parts(z), _parts(w)
    # A real operand has no imaginary part at all: 0 times its infinity is not formed.
    cross = (a * d if np.iscomplexobj(w) else 0) + (b * c if np.iscomplexobj(z) else 0)
    return joined(a * c - b * d, cross)


def _div(run: Run, z: Numbers, w: Numbers) -> Numbers:
    """Smith's quotient: no square of the divisor, which may over- or underflow."""
    (a, b), (c, d) = _parts(z), _parts(w)
    if not np.iscomplexobj(w):
        return joined(a / c, b / c)
    if np.any((c == 0) & (d != 0)):
        run.outside.add("div")
    ratio = run.underflow(d / c, d != 0)
    length = c + d * ratio
    return joined((a + b * ratio) / length, (b - a * ratio) / length)


def powers(run: Run, z: Numbers, p: Numbers) -> Numbers:
    """z^p in polar form; for whole p of a negative number by that of -z, off the branch cut."""
    (re, im), (q, slope) = _parts(z), _parts(np.asarray(p))
    q = np.asarray(q, re.dtype)
    whole = (q == np.round(q)) & (slope == 0)
    sign = np.where((re < 0) & whole, -1, 1).astype(re.dtype)
    size = np.hypot(re, im)
    angle = np.arctan2(sign * im, sign * re)
    angle = run.underflow(angle, im != 0)
    outside = ((re < 0) & ~whole) | ((re == 0) & np.where(whole, q < 0, q < 1))
    outside = (outside & (im != 0)) | ((re <= 0) & (slope != 0))
    if np.any(outside):
        run.outside.add("pow")
    factor = np.where(sign < 0, 1 - 2 * np.abs(np.fmod(q, 2)), 1).astype(re.dtype)
    length = factor * np.power(size, q)
    turn = q * angle
    if np.iscomplexobj(p):
        length = length * np.exp(-slope * angle)
        turn = turn + slope * np.where(size > 0, np.log(size), 0)
    value = np.where((im == 0) & (slope == 0), np.power(re, q), length * np.cos(turn))
    return joined(value, np.where(outside, np.nan, np.where(turn == 0, 0, length * np.sin(turn))))


BINARY: dict[str, Callable[[Run, Numbers, Numbers], Numbers]] = {
    "add": lambda run, z, w: joined(z.real + w.real, z.imag + w.imag),
    "add_any": lambda run, z, w: joined(z.real + w.real, z.imag + w.imag),
    "sub": lambda run, z, w: joined(z.real - w.real, z.imag - w.imag),
    "mul": _mul,
    "div": _div,
    "pow": powers,
}
"""Functions of two operands by the names of their primitives."""
