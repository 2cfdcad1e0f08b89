"""Can a float16 network equal a given function on every float16, in any order of sums?

Networks are built and run in float16 alone, each product and each partial sum rounded: on all
63 488 finite inputs and in several orders of every sum. Those of `by_runs` have one hot unit per
run of equal values, in four activations; that of `by_digits` is deep and has 2185 ReLUs for every
function. Beside them the usual ways, run in the same arithmetic: a sum of jumps and a fit. At last,
activations with which no network of any size equals some function: small inputs look like zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments import runner
from experiments.float_universality.figure import draw
from experiments.float_universality.findings import caption, check, table

if TYPE_CHECKING:
    import numpy as np

    from experiments.float_universality.half import Layer

REVISION = 2

_ORDERS = ("left to right", "right to left", "pairwise", "smallest first", "random")


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    by_runs: tuple[str, ...] = ("powers", "logistic in 64 steps")
    """Functions of few values, for networks with one hot unit per run."""
    activations: tuple[str, ...] = ("step", "sigmoid", "relu", "tanh")
    """Activations of those networks."""
    by_digits: tuple[str, ...] = ("random", "identity", "bell")
    """Functions for the deep network."""
    usual: str = "bell"
    """The function of the sum of jumps and of the fit."""
    every: int = 1
    """Of the groups of 256 neighbouring inputs, every how manieth is run: 1 is all of them."""
    every_of_jumps: int = 8
    """The same for the sum of jumps, which has thousands of terms."""
    width: int = 16
    """Hidden units of the fit."""
    largest_inputs: tuple[float, ...] = (*(2.0**k for k in range(4, 16)), 65504.0)
    """Ends X of the inputs |x| <= X of which first layers are examined."""
    failing: tuple[str, ...] = ("cos", "soft shrinkage")
    """Activations that take inputs for zero."""
    separating: tuple[str, ...] = ("relu", "sigmoid", "sin")
    """Activations whose units tell all inputs apart."""


PRESETS = {
    "smoke": Config(
        by_runs=("powers",),
        activations=("step", "relu"),
        by_digits=("random",),
        every=31,
        every_of_jumps=31,
        width=4,
        largest_inputs=(256.0, 65504.0),
        separating=("sin",),
    ),
    "default": Config(),
    "paper": Config(
        by_runs=("sign", "powers", "logistic in 64 steps", "logistic in 256 steps"),
        by_digits=("random", "identity", "bell", "sine"),
        every_of_jumps=1,
        separating=("relu", "sigmoid", "tanh", "sin"),
    ),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every network in every order; and what first layers tell apart."""
    _check(config)
    plan: list[dict[str, Any]] = [
        {"story": "runs", "function": function, "activation": activation, "every": config.every}
        for function in config.by_runs
        for activation in config.activations
    ]
    plan += [
        {"story": "digits", "function": function, "activation": "relu", "every": config.every}
        for function in config.by_digits
    ]
    plan.append(
        {
            "story": "jumps",
            "function": config.usual,
            "activation": "step",
            "every": config.every_of_jumps,
        }
    )
    plan.append(
        {
            "story": "fit",
            "function": config.usual,
            "activation": "tanh",
            "every": config.every,
            "width": config.width,
        }
    )
    plan += [
        {"story": "zero", "activation": activation, "largest_input": largest}
        for activation in (*config.failing, *config.separating)
        for largest in config.largest_inputs
    ]
    plan += [{"story": "apart", "activation": activation} for activation in config.separating]
    return plan


def _check(config: Config) -> None:
    from approxlab.arguments import check_positive
    from experiments.float_universality.by_runs import ACTIVATIONS
    from experiments.float_universality.functions import FUNCTIONS

    check_positive(every=config.every, every_of_jumps=config.every_of_jumps, width=config.width)
    if config.usual not in FUNCTIONS:
        raise ValueError(f"usual: got {config.usual!r}, expected one of {tuple(FUNCTIONS)}.")
    known = (*FUNCTIONS, "random")
    for name in (*config.by_runs, *config.by_digits):
        if name not in known:
            raise ValueError(f"functions: got {name!r}, expected some of {known}.")
    if "powers" in (*config.by_digits, config.usual):
        raise ValueError("by_digits, usual: got 'powers', expected functions of finite values.")
    for name in config.activations:
        if name not in ACTIVATIONS:
            raise ValueError(f"activations: got {name!r}, expected some of {ACTIVATIONS}.")
    if not all(1.0 <= largest <= 65504.0 for largest in config.largest_inputs):
        raise ValueError(f"largest_inputs: got {config.largest_inputs}, expected 1 to 65504.")


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row per order of sums, or what one first layer tells apart."""
    from experiments.float_universality import separation

    if unit["story"] == "zero":
        taken = separation.taken_for_zero(unit["activation"], unit["largest_input"])
        weight = separation.largest_weight(unit["activation"], unit["largest_input"])
        return [{"taken_for_zero": taken, "largest_weight": float(weight)}]
    if unit["story"] == "apart":
        classes, units_used = separation.told_apart(unit["activation"], run.seed)
        return [{"told_apart": classes, "num_units": units_used}]
    return _compared(unit, run)


def _compared(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The network's values beside the function's, in every order of the sums."""
    import numpy as np

    from experiments.float_universality import functions, half, orders
    from experiments.float_universality.by_runs import runs

    numbers = functions.table(unit["function"], run.seed)
    network, largest, told = _network(unit, run, numbers)
    chosen = np.arange(len(half.INPUTS)) // half.GROUP % unit["every"] == 0
    chosen &= np.abs(half.INPUTS) <= largest
    inputs, wanted = half.INPUTS[chosen], functions.at_inputs(numbers)[chosen]
    heights = runs(numbers)[1]
    rows: list[dict[str, Any]] = []
    for name in _ORDERS:
        watch = orders.Independence() if name == _ORDERS[0] else None
        got = half.values(network, inputs, orders.order(name, run.seed), watch)
        rows.append(
            {
                "order": name,
                "inputs": len(inputs),
                "equal": int(np.count_nonzero(got == wanted)),
                "runs": len(heights),
                "infinite_runs": int(np.count_nonzero(np.isinf(heights))),
                "num_hidden_units": half.num_hidden_units(network),
                "num_hidden_layers": len(network) - 1,
                "num_weights": half.num_weights(network),
                **told,
            }
        )
        if watch is not None:
            told |= {"sums": watch.sums, "sums_of_any_order": watch.proved}
            rows[0] |= told
    return rows


def _network(
    unit: Mapping[str, Any], run: runner.RunInfo, numbers: np.ndarray
) -> tuple[list[Layer], float, dict[str, Any]]:
    """The unit's network, the largest input it is meant for, and what else is told of it."""
    from experiments.float_universality import by_digits, by_runs, usual

    if unit["story"] == "runs":
        return by_runs.equal_by_runs(numbers, unit["activation"]), 65504.0, {}
    if unit["story"] == "digits":
        fewest = {"fewest_parameters": by_digits.FEWEST_PARAMETERS}
        return by_digits.equal_by_digits(numbers), 65504.0, fewest
    if unit["story"] == "jumps":
        return usual.sum_of_jumps(numbers), 65504.0, {}
    network, error = usual.fitted(unit["function"], unit["width"], run)
    return network, usual.LARGEST, {"sup_error": error}


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    runs = 0.3 * len(config.by_runs) * len(config.activations) * len(_ORDERS)
    digits = 4.0 * len(config.by_digits) * len(_ORDERS)
    return 12.0 + (runs + digits) / config.every + 60.0 / config.every_of_jumps


EXPERIMENT = runner.Experiment(
    name="float_universality",
    revision=REVISION,
    config=Config,
    presets=PRESETS,
    units=units,
    compute=compute,
    check=check,
    caption=caption,
    table=table,
    draw=draw,
    seconds=seconds,
)
