"""Types for kinds of certainty: sampled errors, proved bounds, least possible errors.

Five kinds of numbers have types of their own, so that they cannot be mistaken for one another:

- `Estimate`: an error found by sampling. The true value is at least this large (sup norm), or about
  this large, with an indication of the uncertainty of the quadrature (L2 norm).
- `Bound`: an error proved on the whole box. The true value is never larger.
- `MeanBound`: a mean squared error proved in expectation over random networks. A single
  network may exceed it.
- `Optimum`: the least error that any network (or spline) of a kind and size can have.
- `Rate`: a fitted slope with its confidence interval.

`float(...)` gives the number of each of them. They do not compare with one another: to compare an
estimate with a bound, write `float(estimate) <= float(bound)`.
"""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from approxlab.networks.mlp import MLP

__all__ = [
    "Bound",
    "Claim",
    "Construction",
    "Estimate",
    "MeanBound",
    "Optimum",
    "RandomConstruction",
    "Rate",
]

Norm = Literal["sup", "l2"]


def _formatted(number: Any, spec: str) -> str:
    """The number alone where a form is asked for, as in f"{estimate:.2e}"; else its whole text."""
    return format(float(number), spec) if spec else repr(number)


class _OfTarget:
    """Numbers that know their target: pickled without it where it is a lambda or the like."""

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        try:
            pickle.dumps(state["target"])
        except Exception:  # pickling errors, and whatever an object's own __reduce__ raises
            state["target"] = None
        return state

    def __copy__(self) -> _OfTarget:
        return self  # frozen, so a copy in the same process may keep the target

    def __deepcopy__(self, memo: dict[int, Any]) -> _OfTarget:
        return self


@dataclasses.dataclass(frozen=True, eq=False)
class Estimate(_OfTarget):
    """An error found by sampling.

    Attributes:
        value: The error. `nan` when the model or the target is not finite at a sampled point.
        norm: "sup" (largest absolute value) or "l2" (square root of the integral of the square).
        points: Number of points at which the error was evaluated.
        relative: Whether the error was divided by the same norm of the target on the domain.
        at: A point where a sup estimate is attained, or the first point that is not finite.
        uncertainty: For "l2", the difference from a coarser rule (beyond 4 dimensions, a standard
            error): an indication, not a bound; `nan` where it does not apply.
        problem: Why the value is `nan`: the first number that is not finite, and its position.
        target: The function the error is measured against, where it is known; see `errors.gap`.
            Pickle leaves out one that it cannot write, such as a lambda.

    Example:
        >>> float(Estimate(0.25, norm="sup", points=9))
        0.25
    """

    word: ClassVar[str] = "estimate"  # as figures call it
    value: float
    norm: Norm
    points: int
    relative: bool = False
    at: tuple[float, ...] | None = None
    uncertainty: float = math.nan
    problem: str | None = None
    target: Any = None

    def __float__(self) -> float:
        return float(self.value)

    def __format__(self, spec: str) -> str:
        return _formatted(self, spec)

    def __repr__(self) -> str:
        word = "relative " if self.relative else ""
        uncertainty = f" ± {self.uncertainty:.1e}" if math.isfinite(self.uncertainty) else ""
        position = f", at {tuple(round(x, 6) for x in self.at)}" if self.at is not None else ""
        text = f"{word}{self.norm} {self.value:.6g}{uncertainty}, {self.points} points{position}"
        return f"Estimate({text}{f', {self.problem}' if self.problem else ''})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: the value, named by its norm, and the number of points."""
        name = f"{'relative_' if self.relative else ''}{self.norm}_error"
        return [{name: self.value, f"{self.norm}_points": self.points}]


@dataclasses.dataclass(frozen=True, eq=False)
class Bound:
    """An error proved on the whole box: the true error is never larger.

    Attributes:
        value: The bound, at least zero.
        source: Author, year and theorem, or the argument in one line.
        exact: Whether the true error equals the bound. Of a network: at the points that its dtype
            holds, as it is evaluated.
        without_rounding: The part of the bound that holds in exact arithmetic; None where `value`
            is not split. The rest is the rounding of points, parameters and evaluation in the dtype
            of the network.
        attained: Whether the error in exact arithmetic equals `without_rounding`.

    Example:
        >>> Bound(0.125, source="error of linear interpolation", exact=True)
        Bound(= 0.125, error of linear interpolation)
        >>> Bound(0.126, "with rounding", without_rounding=0.125, attained=True)
        Bound(<= 0.126, with rounding; = 0.125 in exact arithmetic)
    """

    word: ClassVar[str] = "bound"  # as figures call it
    value: float
    source: str
    exact: bool = False
    without_rounding: float | None = None
    attained: bool = False

    def __post_init__(self) -> None:
        if not self.value >= 0:
            raise ValueError(
                f"value: got {self.value!r}, expected a number that is at least 0. "
                "A bound on an error is not negative, and nan is not a proof."
            )
        if not self.source:
            raise ValueError("source: got an empty string, expected author, year and theorem.")

    def __float__(self) -> float:
        return float(self.value)

    def __format__(self, spec: str) -> str:
        return _formatted(self, spec)

    def __repr__(self) -> str:
        text = f"{'=' if self.exact else '<='} {self.value:.6g}, {self.source}"
        if self.without_rounding is not None:
            sign = "=" if self.attained else "<="
            text += f"; {sign} {self.without_rounding:.6g} in exact arithmetic"
        return f"Bound({text})"


@dataclasses.dataclass(frozen=True, eq=False)
class MeanBound:
    """A mean squared error proved in expectation over random networks, not for a single one.

    The mean is over the points, with the stated law, and over the draws of the network. Therefore
    some network is at least as good, and by Markov's inequality the error exceeds bound / p in at
    most a fraction p of all draws.

    Attributes:
        value: The bound on the mean of the squared error, at least zero.
        source: Author, year and theorem, or the argument in one line.
        law: The law of the points, such as "x uniform on the unit ball".
        exact: Whether the mean equals the bound.

    Example:
        >>> MeanBound(0.25, source="variance of a mean", law="x uniform on [0, 1]")
        MeanBound(<= 0.25, x uniform on [0, 1], variance of a mean)
    """

    word: ClassVar[str] = "mean bound"  # as figures call it
    value: float
    source: str
    law: str
    exact: bool = False

    def __post_init__(self) -> None:
        Bound(self.value, self.source)  # the same checks
        if not self.law:
            raise ValueError(
                "law: got an empty string, expected the law of the points, such as "
                "'x uniform on the unit ball'."
            )

    def __float__(self) -> float:
        return float(self.value)

    def __format__(self, spec: str) -> str:
        return _formatted(self, spec)

    def __repr__(self) -> str:
        sign = "=" if self.exact else "<="
        return f"MeanBound({sign} {self.value:.6g}, {self.law}, {self.source})"


@dataclasses.dataclass(frozen=True, eq=False)
class Optimum(_OfTarget):
    """The least error that any network or spline of a stated kind and size can have.

    Attributes:
        value: The error.
        norm: "sup" or "l2".
        kind: "exact" (attained at this size), "lower" (a lower bound for this kind and size) or
            "asymptotic" (the leading term as the size grows; no statement about any given size).
        source: Author, year and theorem, or the argument in one line.
        relative: Whether the error was divided by the same norm of the target on the domain.
        target: The function that is approximated, where it is known; see `errors.gap`. Pickle
            leaves out one that it cannot write, such as a lambda.

    Example:
        >>> Optimum(0.125, norm="sup", kind="exact", source="x^2, one piece")
        Optimum(sup 0.125, exact, x^2, one piece)
    """

    word: ClassVar[str] = "optimum"  # as figures call it
    value: float
    norm: Norm
    kind: Literal["exact", "lower", "asymptotic"]
    source: str
    relative: bool = False
    target: Any = None

    def __float__(self) -> float:
        return float(self.value)

    def __format__(self, spec: str) -> str:
        return _formatted(self, spec)

    def __repr__(self) -> str:
        word = "relative " if self.relative else ""
        return f"Optimum({word}{self.norm} {self.value:.6g}, {self.kind}, {self.source})"


@dataclasses.dataclass(frozen=True, eq=False)
class Rate:
    """A fitted slope of log(error) against log(size), with its confidence interval.

    Attributes:
        slope: The exponent: error ~ size^slope, so a second-order method has slope -2.
        lower: Lower end of the bootstrap interval of the slope.
        upper: Upper end of this interval.
        used: Number of sizes used in the fit (those with an error above the rounding floor).
        dropped: Number of sizes left out because the error had reached the floor.
    """

    slope: float
    lower: float
    upper: float
    used: int
    dropped: int = 0

    def __float__(self) -> float:
        return float(self.slope)

    def __format__(self, spec: str) -> str:
        return _formatted(self, spec)

    def __repr__(self) -> str:
        return f"Rate({self.slope:.3f} in [{self.lower:.3f}, {self.upper:.3f}], {self.used} sizes)"


@dataclasses.dataclass(frozen=True, eq=False)
class Claim(_OfTarget):
    """What a theorem claims about a network: an error and a size.

    Attributes:
        norm: The norm of the claimed error.
        bound: The claimed error.
        num_hidden_units: Claimed number of nonlinear units.
        num_linear_units: Claimed number of linear (passthrough) units.
        depth: Claimed number of hidden layers.
        pieces: Claimed number of affine pieces, if the theorem states the exact number.
        target: The function that is approximated; `Construction` fills it in. Pickle leaves out
            one that it cannot write, such as a lambda.
    """

    norm: Norm
    bound: Bound
    num_hidden_units: int
    num_linear_units: int
    depth: int
    pieces: int | None = None
    target: Any = None

    @property
    def source(self) -> str:
        """The source of the claim."""
        return self.bound.source

    @property
    def exact(self) -> bool:
        """Whether the claimed error is attained."""
        return self.bound.exact


@dataclasses.dataclass(frozen=True, eq=False)
class Construction:
    """A network built by a theorem, the target it approximates, and the theorem's claim."""

    network: MLP
    target: Any
    claim: Claim

    def __post_init__(self) -> None:
        if self.claim.target is None:
            object.__setattr__(self, "claim", dataclasses.replace(self.claim, target=self.target))

    def __repr__(self) -> str:
        return f"Construction({self.network!r} for {self.target!r}: {self.claim.bound!r})"

    def plot(self, **options: Any) -> Any:
        """Network and target, with the band that the claim proves; see `plotting.plot_model`.

        Example:
            >>> import approxlab as al
            >>> ax = al.constructions.relu_interpolant(al.targets.get("square"), 4).plot()
            >>> ax.figure.clear()
        """
        from approxlab.plotting.models import plot_model

        return plot_model(self.network, self.target, **{"error": self.claim, **options})

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row with the sizes and the claim."""
        return [
            {
                "num_hidden_units": self.network.num_hidden_units,
                "num_linear_units": self.network.num_linear_units,
                "num_parameters": self.network.num_parameters,
                "depth": self.network.depth,
                f"claimed_{self.claim.norm}_error": float(self.claim.bound),
            }
        ]


@dataclasses.dataclass(frozen=True, eq=False)
class RandomConstruction:
    """A network drawn at random, its target, and what is proved about the mean over draws.

    Attributes:
        network: One draw.
        target: What it approximates.
        bound: The theorem's bound on the expected mean squared error.
        expected: The expected mean squared error itself.
    """

    network: MLP
    target: Any
    bound: MeanBound
    expected: MeanBound

    def __repr__(self) -> str:
        return f"RandomConstruction({self.network!r} for {self.target!r}: {self.bound!r})"

    def plot(self, **options: Any) -> Any:
        """This draw of the network and the target; see `plotting.plot_model`."""
        from approxlab.plotting.models import plot_model

        return plot_model(self.network, self.target, **{"error": self.bound, **options})

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row with the sizes, the bound and the expectation."""
        return [
            {
                "num_hidden_units": self.network.num_hidden_units,
                "num_parameters": self.network.num_parameters,
                "depth": self.network.depth,
                "bound_of_mean_squared_error": float(self.bound),
                "expected_mean_squared_error": float(self.expected),
            }
        ]


def __dir__() -> list[str]:
    return __all__
