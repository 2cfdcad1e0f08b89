"""Units of a sweep: which cells there are, in which order, and from which key each one starts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from approxlab.arguments import check_positive

if TYPE_CHECKING:
    from jaxtyping import Array

    from approxlab.fitting.training.result import FitResult

__all__ = ["Unit", "parameters", "plan", "run_unit", "shapes", "unit_key", "width_for_budget"]


def parameters(in_size: int, width: int, depth: int, out_size: int | None = None) -> int:
    """Number of weights and biases of an MLP whose hidden layers are equally wide.

    Args:
        in_size: Dimension of the points.
        width: Units per hidden layer.
        depth: Number of hidden layers.
        out_size: `None` for values of shape (), m for values of shape (m,).

    Example:
        >>> parameters(1, 32, 2)
        1153
    """
    outputs = 1 if out_size is None else out_size
    check_positive(in_size=in_size, width=width, depth=depth, out_size=outputs)
    return (in_size + 1) * width + (depth - 1) * (width + 1) * width + (width + 1) * outputs


def width_for_budget(
    budget: int, *, depth: int, in_size: int = 1, out_size: int | None = None
) -> int:
    """The width whose number of parameters is nearest to a budget; of two, the smaller.

    Args:
        budget: Number of parameters wanted.
        depth: Number of hidden layers, all of that width.
        in_size: Dimension of the points.
        out_size: `None` for values of shape (), m for values of shape (m,).

    Raises:
        ValueError: If the budget is smaller than a network of width 1.

    Example:
        >>> width_for_budget(1153, depth=2), width_for_budget(1153, depth=1)
        (32, 384)
    """
    check_positive(budget=budget)
    least = parameters(in_size, 1, depth, out_size)
    if budget < least:
        raise ValueError(
            f"budget: got {budget}, expected at least {least}, the parameters of a network of "
            f"width 1 with {depth} hidden layers. Raise the budget or lower the depth."
        )
    # Over the budget at `above`, at most at it at `width`: halve between them.
    width, above = 1, budget + 1
    while above - width > 1:
        middle = (width + above) // 2
        if parameters(in_size, middle, depth, out_size) <= budget:
            width = middle
        else:
            above = middle
    short = budget - parameters(in_size, width, depth, out_size)
    over = parameters(in_size, above, depth, out_size) - budget
    return width if short <= over else above


@dataclasses.dataclass(frozen=True)
class Unit:
    """One network shape and one target, with all its seeds.

    Attributes:
        target: Name of the target.
        in_size: Dimension of the target.
        activation: Name of the activation.
        width: Units per hidden layer.
        depth: Number of hidden layers.
        budget: The number of parameters the width was chosen for, if it was.
        seeds: Number of seeds.
        method: A method of `approxlab.fit`, by name.
        steps: Steps at most.
        learning_rate: See `approxlab.fit`.
        points: See `approxlab.fit`.
        batch: See `approxlab.fit`.
        init: See `approxlab.fit`.
        dtype: See `approxlab.fit`.

    Example:
        >>> unit = Unit("runge", width=16, depth=2)
        >>> unit.num_parameters, unit.to_row()["target"]
        (321, 'runge')
    """

    target: str
    _: dataclasses.KW_ONLY
    in_size: int = 1
    activation: str = "tanh"
    width: int
    depth: int
    budget: int | None = None
    seeds: int = 1
    method: str = "adam"
    steps: int = 2000
    learning_rate: float | None = None
    points: int | None = None
    batch: int | None = None
    init: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        check_positive(in_size=self.in_size, width=self.width, depth=self.depth, seeds=self.seeds)
        if not isinstance(self.target, str) or not isinstance(self.method, str):
            raise TypeError(
                f"target, method: got {self.target!r} and {self.method!r}, expected names: a unit "
                "is written into records."
            )

    @property
    def num_parameters(self) -> int:
        """Number of weights and biases of one network."""
        return parameters(self.in_size, self.width, self.depth)

    @property
    def shape(self) -> tuple[Any, ...]:
        """Equal for units that share a compilation; with a batch, the target is part of it."""
        drawn = (self.batch, self.target) if self.batch is not None else ()
        network = (self.in_size, self.activation, self.depth, self.width, self.init, self.dtype)
        return (*network, self.method, self.points, *drawn)

    def to_row(self) -> dict[str, Any]:
        """The fields as a flat dict: what identifies the unit in a record."""
        return dataclasses.asdict(self)


def plan(
    targets: Iterable[Any],
    *,
    depths: Sequence[int],
    widths: Sequence[int] = (),
    budgets: Sequence[int] = (),
    activations: Sequence[str] = ("tanh",),
    in_size: int = 1,
    **settings: Any,
) -> tuple[Unit, ...]:
    """The grid of targets x activations x depths x (widths and budgets), grouped by shape.

    Units that share a compilation stand next to each other; apart from that the order is that of
    the arguments: shapes by depth, size and activation, and within a shape by target. Equal units
    (two budgets with the same nearest width) are kept apart by their budget.

    Args:
        targets: Targets, or names of targets of dimension `in_size`.
        depths: Numbers of hidden layers.
        widths: Units per hidden layer.
        budgets: Numbers of parameters, see `width_for_budget`.
        activations: Names of activations.
        in_size: Dimension of the targets that are given by name.
        **settings: Further fields of `Unit`, equal in all units: seeds, method, steps, dtype, ...

    Raises:
        ValueError: If there are neither widths nor budgets, or two units are equal.
        TypeError: If a setting is not a field of `Unit`.

    Example:
        >>> units = plan(["runge", "kink"], depths=[1, 2], budgets=[100], seeds=3)
        >>> [(u.target, u.depth, u.width) for u in units]
        [('runge', 1, 33), ('kink', 1, 33), ('runge', 2, 8), ('kink', 2, 8)]
        >>> len(shapes(units))
        2
    """
    lists = {"targets": targets, "activations": activations}
    lists |= {"depths": depths, "widths": widths, "budgets": budgets}
    for name, value in lists.items():
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError(f"{name}: got {value!r}, expected several. Write [{value!r}].")
    fields = [field.name for field in dataclasses.fields(Unit)]
    if unknown := [name for name in settings if name not in fields]:
        raise TypeError(
            f"{unknown[0]}: got {settings[unknown[0]]!r}, expected settings among "
            f"{', '.join(fields)}. The root seed belongs to run_unit(..., seed=0)."
        )
    sizes = [(width, None) for width in widths] + [(None, budget) for budget in budgets]
    named = [_name_and_size(target, in_size) for target in targets]
    if not sizes or not named or not depths or not activations:
        raise ValueError(
            f"widths: got {list(widths)!r} with budgets {list(budgets)!r}, depths {list(depths)!r},"
            f" activations {list(activations)!r} and {len(named)} targets, expected widths or "
            "budgets, and at least one of each of the others."
        )
    units = [
        _unit(name, size, activation, depth, width, budget, settings)
        for depth in depths
        for width, budget in sizes
        for activation in activations
        for name, size in named
    ]
    if len(set(units)) < len(units):
        twice = next(unit for unit in units if units.count(unit) > 1)
        raise ValueError(f"plan: got {twice!r} twice, expected every cell once.")
    # A stable sort by the first appearance of the shape.
    order = {shape: i for i, shape in reversed(list(enumerate(u.shape for u in units)))}
    return tuple(sorted(units, key=lambda unit: order[unit.shape]))


def shapes(units: Iterable[Unit]) -> tuple[tuple[Any, ...], ...]:
    """The distinct shapes of a plan, in its order: as many as there are compilations.

    (Exactly so for targets without a mask; a mask changes the number of training points.)
    """
    return tuple(dict.fromkeys(unit.shape for unit in units))


def unit_key(seed: int, unit: Unit) -> Array:
    """The typed key of a unit, folded from the root seed and the unit's cell of the grid.

    The cell is target, dimension, activation, width and depth. The number of seeds does not enter,
    so more seeds do not change the first ones; neither do the method and its settings, so methods
    are compared from equal starts, nor other units and the order of calls.

    Args:
        seed: The root seed of the sweep.
        unit: The unit.

    Example:
        >>> import dataclasses
        >>> unit = Unit("runge", width=16, depth=2)
        >>> unit_key(0, unit) == unit_key(0, dataclasses.replace(unit, seeds=9))
        Array(True, dtype=bool)
    """
    import jax  # here: plans do not load it

    if not hasattr(seed, "__index__") or not -(2**63) <= seed < 2**63:
        raise ValueError(f"seed: got {seed!r}, expected a whole number from 0 to 2^63 - 1.")
    cell = [unit.target, unit.in_size, unit.activation, unit.width, unit.depth]
    digest = hashlib.sha256(json.dumps(cell).encode()).digest()
    key = jax.random.key(seed)
    for start in (0, 4):  # 64 bits: even a million units do not collide
        key = jax.random.fold_in(key, int.from_bytes(digest[start : start + 4], "big"))
    return key


def run_unit(
    target: Any,
    unit: Unit,
    *,
    seed: int = 0,
    seeds: Sequence[int] | None = None,
    progress: bool = False,
    devices: Sequence[Any] | None = None,
) -> FitResult:
    """Fit all seeds of a unit, or some of them.

    Args:
        target: The target the unit names.
        unit: The unit.
        seed: The root seed of the sweep.
        seeds: The numbers of some of the unit's seeds, such as `range(2, 4)`; None for all. On CPUs
            their numbers are those of the whole unit, to the last bit.
        progress: Show a progress bar, in a terminal or a notebook.
        devices: See `approxlab.fit`.

    Returns:
        The `FitResult`. Rows for a record are `{**unit.to_row(), **row}` for each row of its
        `to_rows()`; the networks are left for the caller to measure, by `approxlab.errors`.

    Raises:
        ValueError: If the target has another name or dimension than the unit says, or the unit has
            no such seeds.

    Example:
        >>> from approxlab import targets
        >>> unit = Unit("runge", width=4, depth=1, steps=50, seeds=2)
        >>> run_unit(targets.get("runge"), unit).statuses
        (<Status.BUDGET: 'budget'>, <Status.BUDGET: 'budget'>)
    """
    from approxlab.fitting.training.fit import fit  # here: plans do not load JAX

    if not isinstance(unit, Unit):
        raise TypeError(f"unit: got {unit!r}, expected a Unit. Write sweeps.plan([...], ...)[0].")
    if isinstance(target, str):
        raise TypeError(
            f"target: got {target!r}, expected a Target. Write targets.get({target!r})."
        )
    name, size = _name_and_size(target, unit.in_size)
    if (name, size) != (unit.target, unit.in_size):
        raise ValueError(
            f"target: got {name!r} of dimension {size} for {unit!r}, expected {unit.target!r} of "
            f"dimension {unit.in_size}."
        )
    if seeds is not None and not {*seeds} <= {*range(unit.seeds)}:
        raise ValueError(f"seeds: got {seeds!r}, expected numbers from 0 to {unit.seeds - 1}.")
    return fit(
        target,
        hidden=(unit.width,) * unit.depth,
        activation=unit.activation,
        method=unit.method,
        seeds=unit.seeds if seeds is None else seeds,
        key=unit_key(seed, unit),
        steps=unit.steps,
        learning_rate=unit.learning_rate,
        points=unit.points,
        batch=unit.batch,
        init=unit.init,
        dtype=unit.dtype,
        progress=progress,
        devices=devices,
    )


def _name_and_size(target: Any, in_size: int) -> tuple[str, int]:
    if isinstance(target, str):
        return target, in_size
    name, dim = getattr(target, "name", None), getattr(target, "dim", None)
    if not isinstance(name, str) or not isinstance(dim, int):
        raise TypeError(
            f"targets: got {target!r}, expected Targets (with a name and a dimension) or names."
        )
    return name, dim


def _unit(
    name: str,
    in_size: int,
    activation: str,
    depth: int,
    width: int | None,
    budget: int | None,
    settings: dict[str, Any],
) -> Unit:
    if width is None:
        assert budget is not None
        width = width_for_budget(budget, depth=depth, in_size=in_size)
    return Unit(
        name,
        in_size=in_size,
        activation=activation,
        width=width,
        depth=depth,
        budget=budget,
        **settings,
    )
