"""Is this derivative right? A check that is equally strict for one output and for ten thousand.

A derivative is compared with finite differences component by component, each with the error that
its own differences show, never by a norm over all components: where errors are averaged, or
tolerances grow with the size, a large array hides a wrong entry. `jax.test_util.check_grads`
multiplies its tolerances by the number of outputs: in float32, whose tolerance is 1%, it accepts in
forward mode a derivative of 1000 outputs that is wrong by a factor of 2.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_function, check_key, check_positive
from approxlab.derivatives.checking._flat_function import FlatFunction, Mode, vector
from approxlab.derivatives.checking._ladder import CAUTION, Ladder

__all__ = ["CheckReport", "Disagreement", "check", "check_derivatives"]

Verdict = Literal["agrees", "wrong", "not finite", "not differentiable here?"]

_GRADED: tuple[Verdict, ...] = ("wrong", "not differentiable here?", "not finite")


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """One place where a derivative and finite differences do not agree.

    Attributes:
        mode: "forward", "reverse", or for higher orders "forward of reverse" and so on.
        verdict: The probable cause.
        place: The component of the value of f, such as "output['y'][3, 0]".
        got: The derivative there, along the direction that was tried.
        expected: The same by finite differences.
        uncertainty: By how much these may be wrong.
        number: Number of components with such a disagreement.
    """

    mode: str
    verdict: Verdict
    place: str
    got: float
    expected: float
    uncertainty: float
    number: int

    def __str__(self) -> str:
        more = f", and {self.number - 1} more components" if self.number > 1 else ""
        return (
            f"{self.mode} mode, {self.place}: {self.verdict}: got {self.got:.9g}, differences say "
            f"{self.expected:.9g} +- {self.uncertainty:.2g}{more}"
        )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CheckReport:
    """The comparisons of one check, and all disagreements.

    Attributes:
        disagreements: The worst place of each kind in each mode; empty if all agree.
        compared: Number of components that were compared, over all directions and modes.
        resolution: The relative error of the derivative as a whole that would have been seen:
            the least over all components. 0 where the derivative is zero as far as differences
            show; infinite where they are all rounding, and agreement says nothing.
        typical_resolution: The same for one component alone: the median over all of them.
        kinks: Number of components at a kink, whose derivative is that of one side.
        evaluations: How often f was called.
    """

    disagreements: tuple[Disagreement, ...]
    compared: int
    resolution: float
    typical_resolution: float
    kinks: int
    evaluations: int

    @property
    def ok(self) -> bool:
        """Whether nothing disagrees."""
        return not self.disagreements

    @property
    def verdict(self) -> Verdict:
        """The gravest disagreement, or "agrees"."""
        found = [one.verdict for one in self.disagreements]
        return next((kind for kind in _GRADED if kind in found), "agrees")

    @property
    def conclusive(self) -> bool:
        """Whether an error of 1% of the derivative as a whole would have been seen."""
        return self.resolution <= 0.01

    def raise_if_wrong(self) -> None:
        """Raise an AssertionError with all disagreements, if there are any."""
        if not self.ok:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        lines = [f"  {one}" for one in self.disagreements]
        kinks = f", {self.kinks} of them beside a kink" if self.kinks else ""
        seen = f"errors of {self.resolution:.1g} of it would have been seen"
        blind = "" if self.conclusive else "; differences are too rough here to say more"
        head = f"derivative {self.verdict}: {self.compared} components compared{kinks}, {seen}"
        return "\n".join([head + blind, *lines])

    def __repr__(self) -> str:
        return f"CheckReport({self.verdict}, {self.compared} components, {self.resolution:.1g})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One row per disagreement."""
        return [dataclasses.asdict(one) for one in self.disagreements]


def check(f: Callable[..., Any], *args: Any, **options: Any) -> CheckReport:
    """As `check_derivatives`, but a derivative that is wrong is an AssertionError.

    Example:
        >>> check(jnp.sin, jnp.asarray([0.3, 4.0])).ok
        True
    """
    report = check_derivatives(f, *args, **options)
    report.raise_if_wrong()
    return report


def check_derivatives(
    f: Callable[..., Any],
    *args: Any,
    modes: Sequence[Mode] = ("forward", "reverse"),
    order: int = 1,
    rtol: float | None = None,
    directions: int = 3,
    scale: float = 1.0,
    key: Array | None = None,
) -> CheckReport:
    """Compare the derivatives that JAX computes for f at a point with finite differences of f.

    Along each of a few random directions v in all arguments at once, whose entries are 3/4 or 5/4
    times a power of two so that points are exact:

    - differences: central, extrapolated, on a ladder of steps from 1/4 to 2^-16 (float32) or 2^-27
      (float64); for every component of f the best of them, and the error that the ladder shows;
    - forward mode: J v by `jax.jvp`, component by component;
    - reverse mode: the product with the transpose is linear in the cotangent, and the transpose of
      that is J v again: compared component by component, so that an error is seen at its own
      component. In addition <J^T u, v> = <u, J v> is checked for the values of J^T u themselves,
      with u chosen so that no terms cancel. Where a reverse rule cannot be differentiated, only
      that identity is checked, with differences for J v.

    A component passes if it is within 4 observed errors and `rtol` of its own size. An error of the
    derivative as a whole is seen from `resolution` on, whatever the number of components. One wrong
    entry of a Jacobian changes one component, by its own error out of all of J_i v: it is seen in
    full where rows have few entries, as those of elementwise functions, and about from sqrt(n)
    times `typical_resolution` on where they have n of like size.

    Where a component disagrees and its one-sided slopes do not converge to each other, the verdict
    is "not differentiable here?" rather than "wrong"; a derivative that is the slope to one side
    passes, and is counted in `kinks`. Functions that change by more than 1% within the shortest
    steps get the same verdict: they jump, or vary so fast that `scale` should be smaller.

    Args:
        f: A JAX function of pytrees with a pytree as value; it need not work under jit. Leaves that
            are not floating point are held fixed.
        args: The point; leaves of float32 or float64.
        modes: "forward", "reverse" or both. Functions with a custom reverse rule have no other.
        order: 2 also checks the derivatives of J v and J^T u, and so on.
        rtol: Relative error that is rounding of the derivative itself; by default 64 eps.
        directions: Number of random directions.
        scale: All steps are multiplied by it: about the length over which f varies, if not 1.
        key: A typed key for the directions; by default `jax.random.key(0)`.

    Raises:
        TypeError: If there is no floating-point leaf in the arguments or the value, or one is
            complex or of another precision.
        ValueError: If an option is not of the form described, or f has no forward mode.

    Example:
        >>> wrong = jax.custom_jvp(jnp.sin)
        >>> wrong.defjvps(lambda t, y, x: 1.01 * jnp.cos(x) * t)
        >>> check_derivatives(wrong, jnp.arange(3.0)).verdict
        'wrong'
    """
    check_function("f", f)
    if key is not None:
        check_key(key)
    check_positive(order=order, directions=directions)
    chosen = _checked_modes(modes)
    if not 0.0 < scale < math.inf:
        raise ValueError(f"scale: got {scale!r}, expected a positive length over which f varies.")
    flat = FlatFunction(f, args, scale)
    seed = np.asarray(jax.random.key_data(jax.random.key(0) if key is None else key)).ravel()
    rng = np.random.default_rng([int(word) for word in seed])
    limit = 64.0 * flat.eps if rtol is None else float(rtol)
    tally = _Tally(flat)
    if tally.values_are_finite():
        lines = [flat.direction(rng) for _ in range(directions)]
        for v, ladder in zip(lines, flat.ladders(lines), strict=True):
            for mode in chosen:
                compare = _compare_forward if mode == "forward" else _compare_reverse
                compare(tally, ladder, v, limit, rng)
    reports = [tally.report()]
    if order > 1 and reports[0].ok:
        for mode in chosen:
            below = check_derivatives(
                flat.derivative(mode, rng),
                *flat.leaves,
                modes=chosen,
                order=order - 1,
                rtol=rtol,
                directions=directions,
                scale=scale,
                key=key,
            )
            reports.append(_renamed(below, mode))
    return _together(reports)


# ---------------------------------------------------------------------------- the comparisons


def _compare_forward(
    tally: _Tally, ladder: Ladder, v: list[np.ndarray], rtol: float, rng: np.random.Generator
) -> None:
    flat = tally.flat
    try:
        found = jax.jvp(flat.flat, tuple(flat.leaves), tuple(map(jnp.asarray, v)))[1]
    except TypeError as error:
        if "custom_vjp" not in str(error):
            raise
        raise ValueError(
            "modes: got 'forward' for a function with a custom reverse rule, which has no forward "
            "mode, expected ('reverse',)."
        ) from None
    tally.add("forward", ladder, vector(found), rtol)


def _compare_reverse(
    tally: _Tally, ladder: Ladder, v: list[np.ndarray], rtol: float, rng: np.random.Generator
) -> None:
    flat = tally.flat
    pull = jax.vjp(flat.flat, *flat.leaves)[1]
    u = flat.cotangent(ladder.slope, rng)
    try:
        again = jax.vjp(pull, u)[1](tuple(map(jnp.asarray, v)))[0]
    except Exception:  # a rule of any kind, which may refuse for any reason
        pushed = ladder.slope
    else:
        pushed = vector(again)
        tally.add("reverse", ladder, pushed, rtol)
    pulled = pull(u)
    weights = vector(u)
    terms = [
        float(np.sum(np.asarray(g, np.float64) * np.asarray(line, np.float64)))
        for g, line in zip(pulled, v, strict=True)
    ]
    slack = float(np.sum(np.abs(weights) * CAUTION * ladder.uncertainty))
    slack += flat.eps**0.5 * float(np.sum(np.abs(weights * pushed)))
    tally.add_product(float(np.sum(terms)), float(np.sum(weights * pushed)), slack)


class _Tally:
    """Comparisons as they come in."""

    def __init__(self, flat: FlatFunction) -> None:
        self.flat = flat
        self.disagreements: dict[tuple[str, Verdict], Disagreement] = {}
        self.compared, self.kinks = 0, 0
        self.seen: list[np.ndarray] = []
        self.products: list[float] = []

    def values_are_finite(self) -> bool:
        value = vector(self.flat.start)
        bad = ~np.isfinite(value)
        if np.any(bad):
            self._note("value", "not finite", bad, value, value, np.zeros(value.shape))
        return not np.any(bad)

    def add(self, mode: str, ladder: Ladder, found: np.ndarray, rtol: float) -> None:
        """Every component against its own differences."""
        size = np.maximum(np.abs(found), np.abs(ladder.slope))
        allowed = CAUTION * ladder.uncertainty + rtol * size
        off = ~(np.abs(found - ladder.slope) <= allowed) | ladder.jumps
        broken = ~np.isfinite(found)
        kinked, one_sided = ladder.kinked(np.where(broken, np.nan, found))
        kinked, one_sided = kinked | ladder.jumps, one_sided & ~ladder.jumps
        off |= kinked
        self.kinks += int(np.sum(off & one_sided))
        self.compared += found.size
        self._note(mode, "not finite", broken, found, ladder.slope, ladder.uncertainty)
        rest = off & ~broken & ~one_sided
        self._note(mode, "not differentiable here?", rest & kinked, found, ladder.slope, allowed)
        self._note(mode, "wrong", rest & ~kinked, found, ladder.slope, allowed)
        with np.errstate(all="ignore"):
            zero = (found == 0.0) & (np.abs(ladder.slope) <= allowed) & np.isfinite(allowed)
            self.seen.append(np.where(zero, np.nan, allowed / np.abs(found)))

    def add_product(self, pulled: float, pushed: float, slack: float) -> None:
        """<J^T u, v> against <u, J v>."""
        self.compared += 1
        self.products.append(slack / abs(pushed) if pushed else math.inf)
        if abs(pulled - pushed) <= slack:
            return
        verdict: Verdict = "wrong" if math.isfinite(pulled) else "not finite"
        self.disagreements.setdefault(
            ("reverse", verdict),
            Disagreement(
                "reverse", verdict, "<J^T u, v> against <u, J v>", pulled, pushed, slack, 1
            ),
        )

    def _note(
        self,
        mode: str,
        verdict: Verdict,
        where: np.ndarray,
        found: np.ndarray,
        slope: np.ndarray,
        uncertainty: np.ndarray,
    ) -> None:
        if not np.any(where):
            return
        with np.errstate(all="ignore"):
            excess = np.where(where, np.abs(found - slope) / (uncertainty + 1e-300), -1.0)
        worst = int(np.argmax(np.where(np.isnan(excess), np.inf, excess)))
        number = int(np.sum(where))
        before = self.disagreements.get((mode, verdict))
        if before is None or before.number < number:
            self.disagreements[mode, verdict] = Disagreement(
                mode,
                verdict,
                self.flat.place(worst),
                float(found[worst]),
                float(slope[worst]),
                float(uncertainty[worst]),
                number,
            )

    def report(self) -> CheckReport:
        # Where no component could be compared, the resolution is that of their sums.
        ratios = np.concatenate(self.seen or [np.array(self.products or [math.inf])])
        ratios = ratios[~np.isnan(ratios)]
        least, typical = (
            (float(np.min(ratios)), float(np.median(ratios))) if ratios.size else (0.0, 0.0)
        )
        return CheckReport(
            tuple(self.disagreements.values()),
            self.compared,
            least,
            typical,
            self.kinks,
            self.flat.evaluations,
        )


def _checked_modes(modes: Sequence[Mode]) -> tuple[Mode, ...]:
    if isinstance(modes, str) or not modes or not set(modes) <= {"forward", "reverse"}:
        raise ValueError(f"modes: got {modes!r}, expected ('forward',), ('reverse',) or both.")
    return tuple(modes)


def _renamed(report: CheckReport, mode: str) -> CheckReport:
    disagreements = tuple(
        dataclasses.replace(one, mode=f"{one.mode} of {mode}") for one in report.disagreements
    )
    return dataclasses.replace(report, disagreements=disagreements)


def _together(reports: list[CheckReport]) -> CheckReport:
    return CheckReport(
        tuple(one for report in reports for one in report.disagreements),
        sum(report.compared for report in reports),
        max(report.resolution for report in reports),
        max(report.typical_resolution for report in reports),
        sum(report.kinks for report in reports),
        sum(report.evaluations for report in reports),
    )
