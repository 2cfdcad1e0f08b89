"""What `answer` returns: networks, proved least sizes, proofs and costs, shown in several forms."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import numpy as np

from approxlab.answers import _storage, _tables
from approxlab.answers._costs import DerivativeCost
from approxlab.answers._verification import Verification, verified
from approxlab.answers.found_networks import FoundNetwork
from approxlab.answers.lower_bounds import KINKED, LeastSize
from approxlab.answers.theorems import bibliography, latex_document
from approxlab.approximation.result import Cost
from approxlab.domains import Box
from approxlab.evaluation import values_at
from approxlab.targets.target import Target

__all__ = ["Answer", "curve_of"]

_CURVE, _MAP = 1001, 65
_ROUNDING = 1e-6  # relative: how far rounding may take a sampled error above a proved one


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """How small a network within eps of a target can be: what was found, and what is proved.

    Attributes:
        target: The name of the target.
        box: Its box.
        eps: The accuracy in the sup norm on the box.
        found: The networks within eps, the smallest first; among equals the proved ones.
        least_sizes: Proved lower bounds on the number of units, by kind of network.
        constructions: What each construction would cost, or why it does not apply.
        costs: What value and derivatives of the smallest network cost.
        notes: What was not found or not proved, and why.
        refusal: Why there is no network at all, and what to ask instead; "" where there may be one.
        curve: Points and values of the target for pictures: in more than two dimensions, on the
            line through the middle of the box along the first axis.
        seconds: What it took.
        max_fits: Fits of each family at most.
    """

    target: str
    box: Box
    eps: float
    found: tuple[FoundNetwork, ...]
    least_sizes: tuple[LeastSize, ...]
    constructions: tuple[Cost, ...]
    costs: tuple[DerivativeCost, ...]
    notes: tuple[str, ...]
    curve: tuple[np.ndarray, np.ndarray]
    seconds: float
    max_fits: int
    refusal: str = ""

    def __post_init__(self) -> None:
        for one in self.found:
            self._check(one)

    def _check(self, one: FoundNetwork) -> None:
        """Refuse an answer whose numbers contradict one another."""
        for least in self.least_sizes:
            if least.covers(one.network) and (least.units or 0) > one.units:
                raise ValueError(
                    f"found: got {one.units} units of {one.method}, fewer than the {least.units} "
                    f"that are proved to be needed ({least.kind}): one of the two is wrong."
                )
        sampled = float(one.estimate) if one.estimate is not None else None
        proved = float(one.bound) if one.bound is not None else None
        if sampled is None and proved is None:
            raise ValueError(f"found: got {one.method} without an error, expected a bound.")
        if sampled is not None and not sampled <= self.eps:
            raise ValueError(
                f"found: got {one.method} with an error of {sampled:.6g} at a sampled point, more "
                f"than eps = {self.eps:.6g}."
            )
        if sampled is not None and proved is not None:
            size = np.abs(self.curve[1])
            largest = float(np.max(size, initial=0.0, where=np.isfinite(size)))
            room = _ROUNDING * sampled + 1e-12 * (1.0 + largest)
            if sampled > proved + room:
                raise ValueError(
                    f"found: got {one.method} with a sampled error of {sampled:.9g} above its "
                    f"bound {proved:.9g}: one of the two is wrong."
                )
        if one.certificate is not None and proved != one.certificate.upper:
            raise ValueError(f"found: the bound of {one.method} is not that of its certificate.")

    @property
    def smallest(self) -> FoundNetwork | None:
        """The network with the fewest units, proved or not; None if nothing was found."""
        return self.found[0] if self.found else None

    @property
    def proved(self) -> FoundNetwork | None:
        """The smallest network whose error is proved to be at most eps."""
        return next((one for one in self.found if one.proof(self.eps) != "none"), None)

    @property
    def least(self) -> LeastSize | None:
        """The largest proved lower bound on the units of networks like the smallest one."""
        return None if self.smallest is None else self.least_for(self.smallest)

    def least_for(self, one: FoundNetwork) -> LeastSize | None:
        """The largest proved lower bound on the units of networks like this one."""
        known = [x for x in self.least_sizes if x.units is not None and x.covers(one.network)]
        return max(known, key=lambda least: least.units or 0, default=None)

    @property
    def gap(self) -> float:
        """Units of the smallest network over the least that is proved for its kind.

        One means that no network of its kind is smaller; `nan` that nothing is proved of it.
        """
        one, least = self.smallest, self.least
        if one is None or least is None or least.units is None:
            return math.nan
        if one.units == least.units:
            return 1.0
        return one.units / least.units if least.units else math.inf

    @property
    def depth_saves(self) -> str:
        """What networks of several hidden layers save, in a sentence that says what is proved."""
        kinked = [one for one in self.found if one.network.activation in KINKED]
        shallow = [x for x in self.least_sizes if x.layers == 1 and KINKED[0] in x.activations]
        needed = max((x.units or 0 for x in shallow), default=None)
        deep = min((x for x in kinked if x.layers > 1), key=lambda x: x.units, default=None)
        wide = min((x for x in kinked if x.layers == 1), key=lambda x: x.units, default=None)
        if self.smallest is not None and self.smallest.units == 0:
            sure = "" if self.smallest.proof(self.eps) != "none" else " (estimate)"
            return f"nothing: no hidden unit is needed{sure}"
        if deep is None:
            return "unknown: no network of several hidden layers of ReLUs was found"
        units = {"relu": "ReLUs"}.get(deep.network.activation, f"{deep.network.activation} units")
        words = f"{deep.units} {units} in {deep.layers} hidden layers"
        if linear := int(deep.network.num_linear_units):
            words += f" (and {linear} linear units)"
        if needed is not None and deep.units < needed:
            sure = "proved" if deep.proof(self.eps) != "none" else "estimate"
            return f"{words} do what takes at least {needed} in one hidden layer ({sure})"
        if wide is not None and deep.units < wide.units:
            return f"{words} were found, {wide.units} in one hidden layer; nothing is proved"
        if wide is None:
            return f"unknown: {words} were found, and none in one hidden layer"
        return f"nothing among what was found: {words}, {wide.units} in one hidden layer"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The answer in a few named sentences."""
        return _tables.facts(self)

    def verify(self, target: Any = None) -> Verification:
        """Prove again what can be proved again; the result names what was not.

        Each certificate is a theorem about the network and the target that it holds, and is proved
        again, box by box. With the target, the least sizes are proved once more, and certificates
        are compared with network and target. Theorems of constructions are not proved again, and
        estimates are no proofs. `load` checks by their SHA-256 that networks and certificates are
        those that `save` wrote.

        Args:
            target: What was asked about; None if it is not at hand.

        Returns:
            A `Verification`; print it.

        Raises:
            ValueError: If a certificate or a least size is not proved.
        """
        return verified(self, target)

    def __repr__(self) -> str:
        return f"Answer({self.target}, eps {self.eps:g}: {_tables.headline(self)})"

    def __str__(self) -> str:
        """The whole answer as a table."""
        return _tables.text(self)

    def _repr_html_(self) -> str:
        return _tables.page(self)

    def rows(self) -> list[dict[str, Any]]:
        """Flat rows for records: one per network, then one per proved least size."""
        head = {"target": self.target, "dim": self.box.dim, "eps": self.eps}
        networks = [
            {**head, "row": "found", **one.to_row(self.eps), "least_units": self._units(one)}
            for one in self.found
        ]
        sizes = [
            {**head, "row": "least size", "kind": x.kind, "least_units": x.units, "proof": x.source}
            for x in self.least_sizes
        ]
        return [*networks, *sizes]

    def to_rows(self) -> list[dict[str, Any]]:
        """The same as `rows`, by the name that all results have."""
        return self.rows()

    def _units(self, one: FoundNetwork) -> int | None:
        least = self.least_for(one)
        return None if least is None else least.units

    def plot(self, *, ax: Any = None) -> Any:
        """One page: target and network, the error against eps, sizes beside least ones, in words.

        Args:
            ax: Axes for target and smallest network alone; by default the whole page.

        Returns:
            A figure of matplotlib; the axes, if they are given.
        """
        from approxlab.plotting.answers import plot_answer

        return plot_answer(self, ax=ax)

    def latex(self) -> str:
        """A table and the statements with their citations, to be input into a LaTeX document."""
        return latex_document(self)

    def bibtex(self) -> str:
        """BibTeX of what the answer rests on."""
        return bibliography(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a folder: `answer.json`, networks (`MLP.load`) and certificates.

        A certificate is proved again by `python -m approxlab.certify verify FILE`.
        """
        _storage.save(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Answer:
        """Read a folder written by `save`.

        Raises:
            ValueError: If it is not an answer, was changed, or contradicts itself.
        """
        return cls(**_storage.load(path))


def curve_of(target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Points and values that pictures show; values are nan outside of the mask."""
    box = target.domain
    if box.dim == 1:
        points = box.uniform(_CURVE)
        if target.kinks:
            points = np.unique(np.concatenate([points[:, 0], target.kinks[:_CURVE]]))[:, None]
    elif box.dim == 2:
        points = box.uniform(_MAP)
    else:
        points = np.repeat(box.center[None, :], _CURVE, axis=0)
        points[:, 0] = np.linspace(box.lower[0], box.upper[0], _CURVE)
    values = np.array(values_at(target, points), np.float64).reshape(-1)
    if target.mask is not None:
        inside = np.asarray(values_at(target.mask, points)).astype(bool).reshape(-1)
        values[~inside] = np.nan
    return points, values
