"""What is known of an error: the word, the norm and the sentence that a figure says."""

from __future__ import annotations

import dataclasses
import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context
from typing import Any

__all__ = ["MARKS", "Stated", "common_norm", "stated"]

MARKS = {
    "estimate": ("o", "-"),
    "bound": ("v", "--"),
    "mean bound": ("D", "--"),
    "optimum": ("s", ":"),
    "number": ("o", "-"),
}
"""Marker and line of each kind, so that no kind is told by its colour alone."""


@dataclasses.dataclass(frozen=True)
class Stated:
    """An error as a figure states it.

    Attributes:
        kind: "estimate", "bound", "mean bound", "optimum" or "number".
        value: The error.
        norm: Such as "sup" or "relative l2"; None where it is not said.
        least: A proved lower end, of a certificate.
        sign: What stands before the value: "=", "<=", ">=" or "about".
        problem: Why there is no value, such as points where the model is not finite.
    """

    kind: str
    value: float
    norm: str | None = None
    least: float | None = None
    sign: str = ""
    problem: str = ""

    @property
    def band(self) -> bool:
        """Whether it proves that |model - target| is nowhere larger."""
        return self.kind == "bound" and self.norm == "sup" and math.isfinite(self.value)

    @property
    def text(self) -> str:
        """Such as "bound: sup error <= 0.01"."""
        norm = "" if self.norm is None else f"{self.norm} "
        least = "" if self.least is None else f"{_short(self.least, ROUND_FLOOR)} <= "
        head = "error" if self.kind == "number" else f"{self.kind}: {least}{norm}error"
        if not math.isfinite(self.value):
            return f"{head} unknown{f', {self.problem}' if self.problem else ''}"
        # Rounded so that what is written holds.
        way = {"<=": ROUND_CEILING, ">=": ROUND_FLOOR}.get(self.sign, ROUND_HALF_EVEN)
        return f"{head} {self.sign} {_short(self.value, way)}".replace("  ", " ")


def _short(value: float, way: str) -> str:
    """Three figures, rounded up or down."""
    nearest = f"{value:.3g}"
    if not math.isfinite(value) or float(nearest) == value:
        return nearest
    return f"{float(Context(prec=3, rounding=way).create_decimal_from_float(value)):.3g}"


def stated(name: str, error: Any) -> Stated:
    """An estimate, a bound, a claim, a certificate, an optimum or a number, as a figure states it.

    Raises:
        TypeError: If it is none of these.

    Example:
        >>> from approxlab.claims import Bound
        >>> stated("error", Bound(0.01, "interpolation")).text
        'bound: error <= 0.01'
    """
    if hasattr(error, "guaranteed") and hasattr(error, "witness"):  # a certificate
        kind = "bound" if error.guaranteed else "number"
        least = float(error.lower) if error.guaranteed else None
        return Stated(kind, float(error.upper), "sup", least, "<=" if error.guaranteed else "")
    claim = hasattr(error, "bound") and hasattr(error, "norm")
    norm = _norm(error)
    known = error.bound if claim else error
    kind = getattr(known, "word", "number")
    if kind not in MARKS or isinstance(known, bool | str) or not _is_number(known):
        raise TypeError(
            f"{name}: got {type(error).__name__}, expected an Estimate, a Bound, a Claim, a "
            "Certificate, an Optimum or a number."
        )
    problem = getattr(known, "problem", None) or ""
    return Stated(kind, float(known), norm, None, _sign(kind, known, norm), problem)


def common_norm(name: str, errors: list[Stated], drawn: set[str] | None = None) -> str | None:
    """The one norm of errors that share an axis, with those that were drawn before.

    Raises:
        ValueError: If they are of different norms.
    """
    norms = {error.norm for error in errors if error.norm is not None} | (drawn or set())
    if len(norms) > 1:
        raise ValueError(
            f"{name}: got {' and '.join(sorted(norms))} errors, expected one norm. Draw each on "
            "axes of its own."
        )
    return next(iter(norms), None)


def _is_number(known: Any) -> bool:
    return hasattr(known, "__float__") and getattr(known, "shape", ()) == ()


def _norm(error: Any) -> str | None:
    if getattr(error, "word", None) == "mean bound":
        return "mean squared"
    norm = getattr(error, "norm", None)
    return None if norm is None else f"{'relative ' * getattr(error, 'relative', False)}{norm}"


def _sign(kind: str, known: Any, norm: str | None) -> str:
    if kind == "optimum":
        return {"exact": "=", "lower": ">=", "asymptotic": "about"}[known.kind]
    if kind in ("bound", "mean bound"):
        return "=" if known.exact else "<="
    # A sampled sup error is at most the true one.
    return ">=" if kind == "estimate" and norm in ("sup", "relative sup") else "="
