"""A function on a box, with proved facts about it."""

from __future__ import annotations

import dataclasses
import html
import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, get_args

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.domains import Box
from approxlab.targets.sampled_facts import check_facts

__all__ = ["Smoothness", "Target"]

Smoothness = Literal["analytic", "smooth", "kink", "singular", "jump", "fractal"]
"""analytic; smooth (all derivatives exist, but not analytic); kink (Lipschitz, piecewise smooth);
singular (a derivative is unbounded); jump (not continuous); fractal (nowhere differentiable)."""

_ATTAINABLE = ("value_min", "value_max", "lipschitz", "second_derivative")
_NOT_NEGATIVE = ("lipschitz", "second_derivative", "barron")
_NUMBERS = (*_ATTAINABLE, "integral", "barron")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Target:
    """The function to approximate, on its box (and mask), with proved facts about it.

    A target maps one point of shape (d,) to a value of shape () in the dtype of the point; use
    `approxlab.evaluate` for many points. It hashes by identity, so it can be a static argument of
    `jax.jit`. Every fact is optional; None means "unknown or does not exist". All facts are proved
    and hold on the box of the target, restricted to the mask; distances are Euclidean.

    Attributes:
        fn: The function of one point, written with jax.numpy.
        domain: The box.
        name: A short name.
        value_min: Lower bound on the values.
        value_max: Upper bound on the values.
        lipschitz: |f(x) - f(y)| <= lipschitz |x - y|.
        second_derivative: Upper bound on |f''|, or on the spectral norm of the Hessian.
        integral: The integral over the box.
        barron: First Fourier moment C_f: the integral of |w| |F|(dw), where f(x) is the integral
            of exp(i w.x) F(dw) over all of R^d (Barron 1993).
        smoothness: One of "analytic", "smooth", "kink", "singular", "jump", "fractal".
        continuous: Whether f is continuous; True by default if `lipschitz` is given.
        kinks: In one dimension, all positions where f is not differentiable; None if they are
            unknown, infinitely many or too many to list.
        source: Why the facts hold.
        sharp: Names of the bounds that are attained (as a supremum or infimum), so they cannot be
            improved.
        mask: Function of one point, true where the point belongs to the domain; None if the
            domain is the whole box.

    Raises:
        TypeError: If `fn` or `mask` is not callable or `domain` is not a Box.
        ValueError: If a fact contradicts itself or another one.

    Example:
        >>> mine = Target(lambda x: jnp.sin(3 * x[0]), domain=Box([0.0], [1.0]), name="mine",
        ...               lipschitz=3.0)
        >>> mine
        Target(mine on Box([0, 1]))
        >>> float(mine(jnp.array([0.0]))), mine.continuous
        (0.0, True)
    """

    fn: Callable[[Array], Any]
    domain: Box
    _: dataclasses.KW_ONLY
    name: str = "target"
    value_min: float | None = None
    value_max: float | None = None
    lipschitz: float | None = None
    second_derivative: float | None = None
    integral: float | None = None
    barron: float | None = None
    smoothness: Smoothness | None = None
    continuous: bool | None = None
    kinks: Sequence[float] | None = None
    source: str = ""
    sharp: frozenset[str] = frozenset()
    mask: Callable[[Array], Any] | None = None
    immutable: ClassVar[bool] = True  # so programs compiled for it may be kept
    # Whether the facts need no sampling: they are proved here, or were sampled.
    _facts_hold: bool = dataclasses.field(default=False, init=False)

    def __post_init__(self) -> None:
        self._check_kinds()
        for name in _NUMBERS:
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        self._check_values()
        object.__setattr__(self, "sharp", self._checked_sharp())
        object.__setattr__(self, "kinks", self._checked_kinks())
        if self.continuous is None and self.lipschitz is not None:
            object.__setattr__(self, "continuous", True)

    def __call__(self, x: Any) -> Array:
        """The value at one point of shape (d,): shape (), in the dtype of the point."""
        point = jnp.asarray(x)
        if point.shape != (self.dim,):
            raise ValueError(
                f"x: got shape {point.shape}, expected ({self.dim},): one point of {self!r}. "
                "For many points write approxlab.evaluate(target, points)."
            )
        if not jnp.issubdtype(point.dtype, jnp.floating):
            raise TypeError(
                f"x: got dtype {point.dtype}, expected a floating-point dtype. "
                "Write x.astype(float)."
            )
        value = jnp.asarray(self.fn(point))
        if value.shape != ():
            raise ValueError(
                f"fn: got a value of shape {value.shape} at one point, expected shape (). "
                "Write x[0] instead of x in the function of one variable."
            )
        if jnp.iscomplexobj(value):
            raise TypeError(f"fn: got a value of dtype {value.dtype}, expected a real one.")
        return value.astype(point.dtype)

    def plot(self, *, ax: Any = None, **options: Any) -> Any:
        """Its values, in one or two dimensions; see `plotting.plot_model`."""
        from approxlab.plotting.models import plot_model

        return plot_model(self, ax=ax, **{"label": self.name, **options})

    @property
    def dim(self) -> int:
        """Number of dimensions d."""
        return self.domain.dim

    def __repr__(self) -> str:
        masked = ", masked" if self.mask is not None else ""
        return f"Target({self.name} on {self.domain!r}{masked})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(text)}</td></tr>"
            for name, text in self._table()
        )
        return f"<table><caption>{html.escape(repr(self))}</caption>{rows}</table>"

    def check(self) -> None:
        """Sample the facts that are declared, at a few thousand points.

        Bounds of values, Lipschitz constant, second derivative, Barron constant (it bounds slopes),
        integral (within what the other facts leave open), and in one dimension jumps and corners
        that `kinks`, `continuous` or `smoothness` exclude. A fact that is contradicted is false;
        one that passes is not proved. Rounding raises no alarm. Constructions call this once for a
        target that is not from the catalogue.

        Raises:
            TypeError: If `fn` is not a function of JAX.
            ValueError: If a fact is contradicted; the message names the point.

        Example:
            >>> Target(lambda x: 2 * x[0], domain=Box.unit(), lipschitz=1.0).check()
            Traceback (most recent call last):
            ...
            ValueError: lipschitz: got 1.0 ... at x = ...
        """
        check_facts(self)
        _with_facts(self)

    # New targets from this one

    def moved_to(self, box: Box) -> Target:
        """The same function on another box, composed with the affine map between the boxes.

        The new target is g(x) = f(T^(-1) x), where T maps the old box onto the new one. The bounds
        on the values stay. The Lipschitz constant is multiplied by the largest ratio
        old width / new width, the second derivative by the square of this ratio, and the integral
        by the ratio new volume / old volume. Where the ratios of the widths differ, the first two
        are only bounds. The Barron constant becomes None.

        Args:
            box: A box of the same dimension.

        Returns:
            A target on `box`.

        Raises:
            ValueError: If the dimensions differ.

        Example:
            >>> line = Target(lambda x: 2 * x[0], domain=Box([0.0], [1.0]), lipschitz=2.0,
            ...               integral=1.0)
            >>> moved = line.moved_to(Box([3.0], [7.0]))
            >>> float(moved(jnp.array([5.0]))), moved.lipschitz, moved.integral
            (1.0, 0.5, 4.0)
        """
        if not isinstance(box, Box):
            raise TypeError(_box_message("box", box))
        if box.dim != self.dim:
            raise ValueError(
                f"box: got {box!r} of dimension {box.dim}, expected dimension {self.dim}, that of "
                f"{self!r}."
            )
        if box == self.domain:
            return self
        ratios = self.domain.widths / box.widths
        steepest, back = float(np.max(ratios)), _BackToOld(self.domain, box)
        kept = self.sharp
        if np.any(ratios != ratios[0]):
            kept = kept - {"lipschitz", "second_derivative"}
        mask = self.mask
        moved = dataclasses.replace(
            self,
            fn=lambda x: self(back(x)),
            domain=box,
            lipschitz=_times(self.lipschitz, steepest),
            second_derivative=_times(self.second_derivative, steepest**2),
            integral=_times(self.integral, box.volume / self.domain.volume),
            barron=None,
            kinks=None if self.kinks is None else [back.inverse(kink) for kink in self.kinks],
            sharp=kept,
            mask=None if mask is None else lambda x: mask(back(x)),
        )
        return _with_facts(moved) if self._facts_hold else moved

    def scaled(self, factor: float) -> Target:
        """The target multiplied by a number, with the facts of the product.

        Args:
            factor: A finite number, not zero. A power of two causes no rounding.

        Returns:
            The target factor * f on the same box.

        Raises:
            ValueError: If the factor is zero or not finite.

        Example:
            >>> line = Target(lambda x: x[0], domain=Box([0.0], [1.0]), value_min=0.0,
            ...               value_max=1.0)
            >>> flipped = line.scaled(-2.0)
            >>> flipped.value_min, flipped.value_max
            (-2.0, 0.0)
        """
        if not math.isfinite(factor) or factor == 0:
            raise ValueError(f"factor: got {factor!r}, expected a finite number, not zero.")
        factor = float(factor)
        low, high = _times(self.value_min, factor), _times(self.value_max, factor)
        sharp = self.sharp
        if factor < 0:
            low, high = high, low
            swap = {"value_min": "value_max", "value_max": "value_min"}
            sharp = frozenset(swap.get(name, name) for name in sharp)
        scaled = dataclasses.replace(
            self,
            fn=lambda x: factor * self(x),
            value_min=low,
            value_max=high,
            lipschitz=_times(self.lipschitz, abs(factor)),
            second_derivative=_times(self.second_derivative, abs(factor)),
            integral=_times(self.integral, factor),
            barron=_times(self.barron, abs(factor)),
            sharp=sharp,
        )
        return _with_facts(scaled) if self._facts_hold else scaled

    # Internals

    def _table(self) -> list[tuple[str, str]]:
        def text(name: str) -> str:
            value = getattr(self, name)
            return f"{value:.6g}{', attained' if name in self.sharp else ''}"

        rows = [(name, text(name)) for name in _NUMBERS if getattr(self, name) is not None]
        if self.smoothness is not None:
            rows.append(("smoothness", self.smoothness))
        if self.kinks is not None and len(self.kinks) > 0:
            rows.append(("kinks", str(len(self.kinks))))
        return [*rows, ("source", self.source)] if self.source else rows

    def _check_kinds(self) -> None:
        if not callable(self.fn):
            raise TypeError(
                f"fn: got {self.fn!r}, expected a function of one point of shape (d,), such as "
                "lambda x: jnp.sin(x[0])."
            )
        if not isinstance(self.domain, Box):
            raise TypeError(_box_message("domain", self.domain))
        if self.mask is not None and not callable(self.mask):
            raise TypeError(
                f"mask: got {self.mask!r}, expected a function of one point of shape (d,) that "
                "returns a boolean of shape (), or None."
            )
        if self.smoothness is not None and self.smoothness not in get_args(Smoothness):
            raise ValueError(
                f"smoothness: got {self.smoothness!r}, expected one of "
                f"{', '.join(get_args(Smoothness))}, or None."
            )

    def _check_values(self) -> None:
        for name in _NOT_NEGATIVE:
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(
                    f"{name}: got {value!r}, expected a number that is at least 0, or None if "
                    "it is unknown."
                )
        low, high = self.value_min, self.value_max
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"value_min: got {low!r} with value_max {high!r}, expected "
                "value_min <= value_max. Exchange the two."
            )
        if self.continuous is False and self.second_derivative is not None:
            raise ValueError(
                f"continuous: got False with second_derivative {self.second_derivative!r}, "
                "expected True: a bound of |f''| holds at every point. Leave one of them out."
            )
        if self.continuous is False and self.lipschitz is not None:
            raise ValueError(
                f"continuous: got False with lipschitz {self.lipschitz!r}, expected True: a "
                "Lipschitz function is continuous. Leave one of them out."
            )

    def _checked_sharp(self) -> frozenset[str]:
        sharp = frozenset(self.sharp)
        for name in sorted(sharp):
            if name not in _ATTAINABLE or getattr(self, name) is None:
                raise ValueError(
                    f"sharp: got {name!r}, expected names of given facts among "
                    f"{', '.join(_ATTAINABLE)}."
                )
        return sharp

    def _checked_kinks(self) -> tuple[float, ...] | None:
        if self.kinks is None:
            return None
        low, high = self.domain.lower[0], self.domain.upper[0]
        kinks = tuple(sorted(float(kink) for kink in self.kinks))
        if self.dim != 1 or not all(low <= kink <= high for kink in kinks):
            raise ValueError(
                f"kinks: got {list(kinks)!r}, expected positions in a one-dimensional box, here "
                f"{self.domain!r}. In more dimensions leave kinks out."
            )
        return kinks


def _with_facts(target: Target) -> Target:
    """This target, marked as one whose facts need no sampling: for targets of the library."""
    object.__setattr__(target, "_facts_hold", True)
    return target


class _BackToOld:
    """The affine map from a new box back onto the old one.

    The form (x - new lower) * ratio + old lower maps the lower corner to the lower corner without
    rounding, so a moved square root is never evaluated at a negative number.
    """

    def __init__(self, old: Box, new: Box) -> None:
        self._ratios, self._old, self._new = old.widths / new.widths, old, new

    def __call__(self, x: Array) -> Array:
        ratios, old = jnp.asarray(self._ratios, x.dtype), jnp.asarray(self._old.lower, x.dtype)
        return (x - jnp.asarray(self._new.lower, x.dtype)) * ratios + old

    def inverse(self, position: float) -> float:
        """The position on the new interval of a position on the old one; never outside."""
        low, high = self._new.lower[0], self._new.upper[0]
        moved = low + (position - self._old.lower[0]) / float(self._ratios[0])
        return min(max(moved, low), high)


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(
            f"{name}: got {value!r}, expected a finite number, or None if it is unknown."
        )
    return float(value)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor + 0.0  # no negative zero


def _box_message(name: str, value: object) -> str:
    return f"{name}: got {value!r}, expected a Box, such as approxlab.Box([0.0], [1.0])."
