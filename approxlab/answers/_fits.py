"""The smallest fitted networks: sizes by doubling from the proved least one, then bisection."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Generator
from typing import Any

from approxlab.answers._budgets import Budget
from approxlab.answers.found_networks import FoundNetwork
from approxlab.errors.sup_norm import sup
from approxlab.fitting.continuation.following import fit_deep
from approxlab.fitting.knots.placement import free_knots
from approxlab.fitting.training.fit import fit
from approxlab.networks.mlp import MLP
from approxlab.targets.target import Target

__all__ = ["Family", "Search", "families"]

_PROBLEMS = (ValueError, ArithmeticError, MemoryError, RuntimeError)
_MOST_UNITS = {"free knots": 4096}
_FEW_UNITS = 256  # of networks whose fit is a dense least squares problem
_STEPS = 150
_FIRST_UNITS = 4  # then more or fewer
_DEEP_WIDTH = 4
_GROWTH = 1.5  # how many times as long the next fit may take


@dataclasses.dataclass(frozen=True)
class Family:
    """Networks of one kind, one of each size.

    Attributes:
        name: How they are fitted.
        activation: Their activation.
        layers: Their number of hidden layers; None where the size is this number.
        units: Hidden units of a size.
        make: The fitted network of a size.
        first: The first size that is tried.
        first_step: From the first size to the second; None to double it.
        growth: How much longer each step is than the one before.
    """

    name: str
    activation: str
    layers: int | None
    units: Callable[[int], int]
    make: Callable[[int], MLP]
    first: int = 1
    first_step: int | None = None
    growth: int = 2

    @property
    def most(self) -> int:
        """The largest size that is tried."""
        return 10 if self.layers is None else _MOST_UNITS.get(self.name, _FEW_UNITS)


def families(target: Target, key: Any) -> list[Family]:
    """What is fitted: in one variable placed knots, tanh networks and deep ReLU networks."""

    def trained(hidden: Callable[[int], tuple[int, ...]], activation: str, method: str) -> Any:
        options = {"activation": activation, "method": method, "steps": _STEPS, "key": key}
        return lambda n: fit(target, hidden=hidden(n), **options).network

    tanh = Family(
        "variable projection",
        "tanh",
        1,
        lambda n: n,
        trained(lambda n: (n,), "tanh", "variable_projection"),
        first=_FIRST_UNITS,
    )
    if target.dim > 1 or target.mask is not None:
        deep = trained(lambda n: (n, n), "tanh", "levenberg_marquardt")
        relu = trained(lambda n: (n,), "relu", "variable_projection")
        return [
            tanh,
            dataclasses.replace(tanh, activation="relu", make=relu),
            Family("Levenberg-Marquardt", "tanh", 2, lambda n: 2 * n, deep, 3),
        ]

    def folded(layers: int) -> MLP:
        made = fit_deep(target, (_DEEP_WIDTH,) * layers, seeds=1, key=key, stages=64)
        return made.network

    def placed(n: int) -> MLP:
        return free_knots(target, n, "sup").network

    knots = Family("free knots", "relu", 1, lambda n: n, placed, first_step=1)
    deep = Family("fit_deep", "relu", None, lambda n: _DEEP_WIDTH * n, folded, 2, 1, 1)
    return [knots, tanh, deep]


class Search:
    """The smallest network of a family whose sampled error is at most eps.

    Attributes:
        found: The smallest one so far, or None.
        nearest: The least sampled error of those that were too far, or infinity.
        problem: Why nothing was fitted, "" where something was.
        fits: How many were fitted.
    """

    def __init__(self, family: Family, target: Target, eps: float) -> None:
        self.family, self._target, self._eps = family, target, eps
        self.found: FoundNetwork | None = None
        self.nearest, self.problem, self.fits = math.inf, "", 0

    def run(self, needed: int, below: int, budget: Budget, share: float) -> None:
        """Fit sizes from `needed` on, while they have fewer units than `below` and time is left."""
        sizes, last = self._sizes(needed), 0.0
        size = next(sizes, None)
        while size is not None and self.fits < budget.max_fits:
            late = self.fits > 0 and budget.left(share) < _GROWTH * last
            if late or budget.left() <= 0.0 or self.family.units(size) >= below:
                break
            before = budget.spent
            sent = self._fitted(size)
            last = budget.spent - before
            if sent is None:
                break
            try:
                size = sizes.send(sent)
            except StopIteration:
                break

    def _sizes(self, needed: int) -> Generator[int, bool, None]:
        """Sizes to try; each is answered by whether its network is near enough."""
        size = max(needed, self.family.first)
        bad, step = needed - 1, self.family.first_step or size
        while not (yield size):
            bad, size, step = size, size + step, self.family.growth * step
            if size > self.family.most:
                return
        good = size
        while good - bad > 1:
            middle = (good + bad) // 2
            near = yield middle
            good, bad = (middle, bad) if near else (good, middle)

    def _fitted(self, size: int) -> bool | None:
        """Whether the network of this size is near enough; None if there is none."""
        self.fits += 1
        try:
            network = self.family.make(size)
            estimate = sup(network, self._target)
        except _PROBLEMS as problem:
            self.problem = " ".join(str(problem).split())
            return None
        error = float(estimate)
        if not error <= self._eps:
            self.nearest = min(self.nearest, error) if math.isfinite(error) else self.nearest
            return False
        if self.found is None or network.num_hidden_units < self.found.units:
            self.found = FoundNetwork(network, self.family.name, True, estimate=estimate)
        return True
