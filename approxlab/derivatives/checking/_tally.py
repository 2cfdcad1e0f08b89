"""Claimed derivatives judged by the differences along each direction, and counted."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from approxlab.derivatives.checking._flat_function import FlatFunction, vector
from approxlab.derivatives.checking._ladder import CAUTION, Ladder
from approxlab.derivatives.checking._report import CheckReport, Disagreement, Verdict

__all__ = ["Judgement", "Tally", "judged"]

_SETTLED = 0.1  # differences tell a derivative if they are this exact, compared with it,
_FLAT = 1e-3  # or so exact compared with slopes nearby, which show that it nearly vanishes

_FAR = 2.5
"""Nothing is wrong unless off by this times the error that passes: beside a kink hidden in noise
observed errors were seen to be a little too small."""


@dataclasses.dataclass(frozen=True, eq=False)
class Judgement:
    """What the differences along one direction say of a claim, component by component.

    Attributes:
        agrees: The claim is the slope, and the slope is well known.
        one_side: The claim is the slope to one side of a kink.
        weak: Both vanish within the rounding of f, which does not show that they are equal.
        wrong: The slope is well known, and is not the claim.
        kinked: f has a kink or a jump at x as far as floating-point numbers show.
        broken: The claim is not finite.
        allowed: The difference that passes.
    """

    agrees: np.ndarray
    one_side: np.ndarray
    weak: np.ndarray
    wrong: np.ndarray
    kinked: np.ndarray
    broken: np.ndarray
    allowed: np.ndarray

    @property
    def passed(self) -> bool:
        """Whether shorter steps could say nothing more."""
        return bool(np.all(self.agrees | self.weak | self.broken))


def judged(ladder: Ladder, found: np.ndarray, rtol: float, eps: float) -> Judgement:
    with np.errstate(all="ignore"):
        slope, error = ladder.slope, CAUTION * ladder.uncertainty
        broken = ~np.isfinite(found)
        largest = np.maximum(np.abs(found), np.abs(slope))
        allowed = error + rtol * largest
        close = np.abs(found - slope) <= allowed
        exact = error <= np.maximum(_SETTLED * largest, _FLAT * ladder.nearby)
        small = error <= eps ** (2.0 / 3.0) * ladder.size
        exact |= small & (found == 0.0)
        kinked, last = ladder.kinked(np.where(broken, np.nan, found), close)
        rough = kinked | ladder.jumps | broken
        if not ladder.final:
            rough |= ladder.edge
        agrees = close & exact & ~rough
        weak = close & small & ~exact & ~rough
        (left, left_error), (right, right_error) = ladder.behind, ladder.ahead
        gap = np.abs(left - right)
        one_side = np.zeros(found.shape, bool)
        for side, its in ((left, left_error), (right, right_error)):
            same = np.abs(found - side) <= CAUTION * its + rtol * np.abs(side)
            one_side |= same & (CAUTION * its <= 0.1 * gap)
        one_side &= kinked & ~ladder.jumps
        both = CAUTION * (left_error + right_error) <= 0.5 * gap
        stays = (kinked & last & both) | ladder.jumps
        far = np.abs(found - slope) > _FAR * error + rtol * largest
        wrong = ~close & far & np.isfinite(allowed) & ~rough & ~ladder.restless
        return Judgement(
            agrees, one_side, weak, wrong, stays & ~one_side & ~broken, broken, allowed
        )


class Tally:
    """Comparisons as they come in."""

    def __init__(self, flat: FlatFunction, modes: tuple[str, ...]) -> None:
        self.flat, self.modes = flat, modes
        self.disagreements: dict[tuple[str, Verdict], Disagreement] = {}
        self.compared, self.kinks = 0, 0
        self.seen: list[np.ndarray] = []
        self.products: list[float] = []
        self.told: dict[str, list[np.ndarray]] = {}
        self.last: dict[str, tuple[np.ndarray, Ladder, np.ndarray]] = {}
        self.strong = False

    def values_are_finite(self) -> bool:
        value = vector(self.flat.start)
        bad = ~np.isfinite(value)
        if np.any(bad):
            self._note("value", "not finite", bad, value, value, np.zeros(value.shape))
        return not np.any(bad)

    def add(self, mode: str, ladder: Ladder, found: np.ndarray, rtol: float) -> None:
        """Every component against its own differences."""
        says = judged(ladder, found, rtol, self.flat.eps)
        self.kinks += int(np.sum(says.one_side))
        self.compared += found.size
        kinds: tuple[tuple[Verdict, np.ndarray], ...] = (
            ("not finite", says.broken),
            ("not differentiable here?", says.kinked),
            ("wrong", says.wrong),
        )
        for verdict, where in kinds:
            self._note(mode, verdict, where, found, ladder.slope, says.allowed)
        named = says.broken | says.kinked | says.wrong
        told = says.agrees | says.one_side | says.weak | named
        self.told.setdefault(mode, []).append(told)
        if mode not in self.last or not np.all(told):
            self.last[mode] = found, ladder, says.allowed
        with np.errstate(all="ignore"):
            zero = (found == 0.0) & says.agrees
            ratios = np.where(zero, np.nan, says.allowed / np.abs(found))
        self.seen.append(np.where(told, ratios, np.inf))
        self.strong |= bool(np.any(says.agrees | says.one_side))

    def add_product(self, pulled: float, pushed: float, slack: float) -> None:
        """<J^T u, v> against <u, J v>."""
        self.compared += 1
        self.products.append(slack / abs(pushed) if pushed else math.inf)
        self.strong |= slack <= _SETTLED * abs(pushed) or pulled == pushed == 0.0
        if abs(pulled - pushed) <= slack:
            return
        verdict: Verdict = "wrong" if math.isfinite(pulled) else "not finite"
        place = "<J^T u, v> against <u, J v>"
        self.disagreements.setdefault(
            ("reverse", verdict),
            Disagreement("reverse", verdict, place, pulled, pushed, slack, 1),
        )

    def add_known(self, mode: str, ladder: Ladder, known: np.ndarray) -> None:
        """The components that enter a product, where none is compared by itself."""
        self.told.setdefault(mode, []).append(known)
        if mode not in self.last or not np.all(known):
            error = CAUTION * ladder.uncertainty
            self.last[mode] = np.full(known.shape, np.nan), ladder, error

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
        for mode, told in self.told.items():
            dark = np.mean(told, axis=0) < 0.5
            found, ladder, allowed = self.last[mode]
            self._note(mode, "cannot tell", dark, found, ladder.slope, allowed)
            if not self.strong:
                self._note(mode, "cannot tell", ~dark, found, ladder.slope, allowed)
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
            self.modes,
        )
