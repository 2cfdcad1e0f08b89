"""What a check of derivatives tells: one verdict, and where and by how much it is not agreement."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

__all__ = ["CheckReport", "Disagreement", "Verdict", "renamed", "together"]

Verdict = Literal["agrees", "wrong", "not finite", "not differentiable here?", "cannot tell"]

_GRADED: tuple[Verdict, ...] = ("wrong", "not differentiable here?", "not finite", "cannot tell")


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """One place where a derivative and finite differences do not agree.

    Attributes:
        mode: "forward", "reverse", or for higher orders "forward of reverse" and so on.
        verdict: The probable cause; "cannot tell" where differences show nothing.
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
            show; infinite where they are all rounding.
        typical_resolution: The same for one component alone: the median over all of them.
        kinks: Number of components at a kink, whose derivative is that of one side.
        evaluations: How often f was called.
        modes: The modes that were checked: those that f has, unless some were asked for.
    """

    disagreements: tuple[Disagreement, ...]
    compared: int
    resolution: float
    typical_resolution: float
    kinks: int
    evaluations: int
    modes: tuple[str, ...] = ("forward", "reverse")

    @property
    def ok(self) -> bool:
        """Whether everything agrees. Where differences cannot tell, it is not said to."""
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
        """Raise an AssertionError with all disagreements, unless it is only that none can tell."""
        if self.verdict not in ("agrees", "cannot tell"):
            raise AssertionError(str(self))

    def __str__(self) -> str:
        lines = [f"  {one}" for one in self.disagreements]
        kinks = f", {self.kinks} of them beside a kink" if self.kinks else ""
        seen = f"errors of {self.resolution:.1g} of it would have been seen"
        blind = "" if self.conclusive else "; differences are too rough here to say more"
        only = f" in {self.modes[0]} mode alone" if len(self.modes) == 1 else ""
        head = (
            f"derivative {self.verdict}: {self.compared} components compared{only}{kinks}, {seen}"
        )
        return "\n".join([head + blind, *lines])

    def __repr__(self) -> str:
        return f"CheckReport({self.verdict}, {self.compared} components, {self.resolution:.1g})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One row per disagreement."""
        return [dataclasses.asdict(one) for one in self.disagreements]


def renamed(report: CheckReport, mode: str) -> CheckReport:
    """A report on the derivative of a derivative."""
    disagreements = tuple(
        dataclasses.replace(one, mode=f"{one.mode} of {mode}") for one in report.disagreements
    )
    return dataclasses.replace(report, disagreements=disagreements)


def together(reports: list[CheckReport]) -> CheckReport:
    """One report of several; the modes are those of the first."""
    return CheckReport(
        tuple(one for report in reports for one in report.disagreements),
        sum(report.compared for report in reports),
        max(report.resolution for report in reports),
        max(report.typical_resolution for report in reports),
        sum(report.kinks for report in reports),
        sum(report.evaluations for report in reports),
        reports[0].modes,
    )
