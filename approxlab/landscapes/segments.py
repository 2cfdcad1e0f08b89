"""A loss on the segment between two points, the barrier there, and convexity at the midpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_positive
from approxlab.landscapes._products import Curved, curved

__all__ = ["ConvexityTest", "Segment", "convexity_at_midpoint", "loss_on_segment"]

Loss = Callable[..., Any]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Segment:
    """Losses at equally spaced points from `start` to `end`.

    Attributes:
        positions: t from 0 to 1, shape (points,); the point is start + t (end - start).
        losses: Shape (points,), float64.
    """

    positions: np.ndarray
    losses: np.ndarray

    @property
    def barrier(self) -> float:
        """Most by which a loss here exceeds the straight line between those at the two ends.

        Sampled, so it is at most the barrier of the whole segment. A convex loss has none: 0.
        """
        return float(np.max(self.losses - self._line(), initial=0.0))

    @property
    def barrier_position(self) -> float:
        """Where on the segment that is."""
        return float(self.positions[int(np.argmax(self.losses - self._line()))])

    def _line(self) -> np.ndarray:
        return self.losses[0] + self.positions * (self.losses[-1] - self.losses[0])

    def __repr__(self) -> str:
        return f"Segment({len(self.positions)} points, barrier {self.barrier:.3g})"

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """The loss, and the straight line between its ends; see `plotting.plot_segment`."""
        from approxlab.plotting.spectra import plot_segment

        return plot_segment(self, ax=ax, **style)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per point."""
        pairs = zip(self.positions, self.losses, strict=True)
        return [{"position": float(t), "loss": float(value)} for t, value in pairs]


@dataclasses.dataclass(frozen=True)
class ConvexityTest:
    """The loss at two points and half way between; true in an `if` when it is not convex.

    Attributes:
        start: The loss at the first point.
        end: The loss at the second.
        middle: The loss half way.
        excess: `middle - (start + end) / 2`, at most 0 for a convex loss.
        rounding: Below this an excess proves nothing: 64 eps times the sum of the three losses,
            for their own rounding only. Where residuals cancel inside the loss, in float32 above
            all, its values may be wrong by more: use float64.
    """

    start: float
    end: float
    middle: float
    excess: float
    rounding: float

    def __bool__(self) -> bool:
        return self.excess > self.rounding


def loss_on_segment(loss: Loss, start: Any, end: Any, *args: Any, points: int = 101) -> Segment:
    """The loss at equally spaced points of the segment from `start` to `end`, both included.

    Args:
        loss: Maps the parameters, and further arguments, to a real number of shape ().
        start: An array or a pytree of parameters.
        end: Another one of the same form.
        args: Further arguments of the loss, such as data.
        points: Number of points, at least 3.

    Raises:
        TypeError: If the parameters are not real floating-point numbers.
        ValueError: If the two differ in form, or are not finite, or there are too few points.

    Source:
        Frankle, Dziugaite, Roy and Carbin 2020, "Linear mode connectivity", for the barrier.

    Example:
        >>> loss = lambda w: (1 - w[0] * w[1]) ** 2 / 2
        >>> loss_on_segment(loss, jnp.array([-1.0, -1.0]), jnp.array([1.0, 1.0])).barrier
        0.5
    """
    check_positive(points=points)
    if points < 3:
        raise ValueError(f"points: got {points}, expected at least 3: two ends and one between.")
    at, other = _pair(loss, start, end, args)
    t = np.linspace(0.0, 1.0, points)
    # Both ends exactly as given.
    weights = jnp.asarray(t, at.entries.dtype)[:, None]
    stack = (1 - weights) * at.entries[None, :] + weights * other.entries[None, :]
    return Segment(t, at.values(stack))


def convexity_at_midpoint(loss: Loss, start: Any, end: Any, *args: Any) -> ConvexityTest:
    """Whether the loss half way between two points exceeds the mean of the losses there.

    If it does by more than rounding, the loss is not convex; if it does not, nothing is proved. The
    loss is taken as accurate to a few eps of its value: where residuals cancel inside of it, as for
    data far from zero in float32, use float64. Arguments and errors are those of `loss_on_segment`.

    Example:
        >>> loss = lambda w: (1 - w[0] * w[1]) ** 2 / 2
        >>> found = convexity_at_midpoint(loss, jnp.array([-1.0, -1.0]), jnp.array([1.0, 1.0]))
        >>> bool(found), found.middle, found.excess
        (True, 0.5, 0.5)
    """
    segment = loss_on_segment(loss, start, end, *args, points=3)
    first, middle, last = (float(value) for value in segment.losses)
    eps = float(jnp.finfo(curved(loss, start, args).entries.dtype).eps)
    rounding = 64.0 * eps * (abs(first) + abs(middle) + abs(last))
    return ConvexityTest(first, last, middle, middle - (first + last) / 2.0, rounding)


def _pair(loss: Loss, start: Any, end: Any, args: tuple[Any, ...]) -> tuple[Curved, Curved]:
    at, other = curved(loss, start, args), curved(loss, end, args)
    if at.point.form != other.point.form:
        raise ValueError(
            f"end: got leaves of shapes {list(other.point.form.shapes)}, expected those of start, "
            f"{list(at.point.form.shapes)}, in the same containers and dtypes."
        )
    return at, other
