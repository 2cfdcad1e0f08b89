"""In which order should layer Jacobians be multiplied, and is the cheapest order the fastest?

Networks w-w-b-w-w with a bottleneck of b units. Both modes of JAX, forward and reverse accumulation
that skip the identity, and the bracketing planned by dynamic programming: FLOPs executed, time and
memory, against b and against the batch. Also: the FLOPs of the best plan for every memory budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.jacobian_chain.figure import draw
from experiments.jacobian_chain.findings import METHODS, WRITING, caption, check, table

if TYPE_CHECKING:
    from approxlab import MLP
    from approxlab.derivatives.planner.plans import Plan

REVISION = 1


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    width: int = 512
    """Units of all layers except the narrow one, inputs and outputs included."""
    bottlenecks: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128, 256, 512)
    """Units of the narrow layer, at batch 1."""
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    """Numbers of points, with bottleneck `shown`."""
    shown: int = 8
    """The bottleneck of the trees and of the batches."""
    chain: tuple[int, ...] = (32, 1024, 64, 512, 64, 16, 128, 32, 256, 64)
    """Widths of the network that is planned for every memory budget."""
    repeats: int = 9
    """Measurements of every contender; contenders alternate."""
    turn: float = 0.01
    """Least duration of a repetition, in seconds."""


PRESETS = {
    "smoke": Config(bottlenecks=(8,), batches=(1,), repeats=3, turn=0.004),
    "default": Config(),
    "paper": Config(batches=(1, 2, 4, 8, 16, 32, 64, 128), repeats=25, turn=0.03),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """The trees, the budgets, and a unit for each network and batch, whose contenders alternate."""
    check_positive(width=config.width, shown=config.shown, repeats=config.repeats)
    for name, sizes in (("bottlenecks", config.bottlenecks), ("batches", config.batches)):
        if not sizes:
            raise ValueError(f"{name}: got none, expected at least one.")
        check_positive(**{f"{name}[{i}]": size for i, size in enumerate(sizes)})
    planned = [
        {"story": "tree", "widths": _text(_bottleneck(config.width, config.shown))},
        {"story": "budget", "widths": _text(config.chain)},
    ]
    cells = dict.fromkeys(
        [(b, 1) for b in config.bottlenecks] + [(config.shown, n) for n in config.batches]
    )
    timed = [
        {
            "story": "time",
            "widths": _text(_bottleneck(config.width, b)),
            "bottleneck": b,
            "batch": n,
            "repeats": config.repeats,
            "turn": config.turn,
        }
        for b, n in cells
    ]
    return [*planned, *timed]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Nodes of the trees, plans for all budgets, or the cost of five contenders."""
    widths = tuple(map(int, unit["widths"].split("-")))
    if unit["story"] == "tree":
        return _trees(widths)
    return _budgets(widths) if unit["story"] == "budget" else _timed(widths, unit, run.seed)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    cells = len(config.bottlenecks) + len(config.batches)
    points = len(config.bottlenecks) + sum(config.batches)
    each = 1.5 + 5 * config.repeats * (config.turn + 0.005)
    return 3.0 + cells * each + 0.012 * config.repeats * points


def _trees(widths: tuple[int, ...]) -> list[dict[str, Any]]:
    """A row per node of the planned tree and of that of forward accumulation."""
    from approxlab.derivatives.planner import plans as planner

    plans = {
        "forward": planner.forward_plan(widths, dtype="float32"),
        "planned": planner.plan_network(widths, dtype="float32"),
    }
    return [
        {"tree": name, "text": plan.text, "kind": plan.kind, "dot_flops": plan.dot_flops,
         "first": node.first, "last": node.last, **row}
        for name, plan in plans.items()
        for node, row in zip(plan.tree.walk(), plan.to_rows(), strict=True)
    ]  # fmt: skip


def _budgets(widths: tuple[int, ...]) -> list[dict[str, Any]]:
    """The plans for which no other plan needs both fewer FLOPs and fewer bytes."""
    from approxlab.derivatives.planner import plans as planner

    factors = planner.layer_factors(widths)
    passes = sum(factor.tangent_flops or 0 for factor in factors)
    plans = planner.plan_frontier(factors, value_flops=passes, dtype="float32")
    return [
        {
            "text": plan.text,
            "kind": plan.kind,
            "dot_flops": plan.dot_flops,
            "peak_bytes": plan.peak_bytes,
            "forward_flops": plan.forward_flops,
            "reverse_flops": plan.reverse_flops,
        }
        for plan in plans
    ]


def _timed(widths: tuple[int, ...], unit: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """FLOPs, time and memory of the contenders, in float32 whatever the precision of the run."""
    import jax
    import numpy as np

    from approxlab import MLP
    from approxlab.costs import ONE_THREAD, measure
    from approxlab.derivatives.counts.jaxprs import count
    from approxlab.derivatives.planner import plans as planner

    batch = unit["batch"]
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), unit["bottleneck"]), batch)
    net = MLP.init(key, widths[0], widths[1:-1], out_size=widths[-1], dtype="float32")
    points = jax.random.normal(jax.random.fold_in(key, 1), (batch, widths[0]), "float32")
    x = points[0] if batch == 1 else points
    plans = {
        "structured_forward": planner.forward_plan(net),
        "structured_reverse": planner.reverse_plan(net),
        "planned": planner.plan_network(net),
    }
    best = plans["planned"]
    predicted = {"forward": best.jacfwd_flops, "reverse": best.jacrev_flops, WRITING: 0}
    predicted |= {name: plan.dot_flops for name, plan in plans.items()}
    ways = {name: _contender(name, plans.get(name), batch) for name in (*METHODS, WRITING)}
    found = measure(
        {name: (way, (net, x)) for name, way in ways.items()},
        repeats=unit["repeats"],
        min_s=unit["turn"],
        compiler_options=ONE_THREAD,
    )
    values = {name: np.asarray(jax.jit(ways[name])(net, x)[1]) for name in METHODS}
    scale = float(np.max(np.abs(values["planned"])))
    far = {name: float(np.max(np.abs(J - values["planned"]))) / scale for name, J in values.items()}
    return [
        {
            "method": name,
            "text": best.text,
            "kind": best.kind,
            "predicted_flops": predicted[name],
            "dot_flops": count(way, net, x).dot_flops,
            "difference": far.get(name),
            "peak_bytes": plans[name].peak_bytes if name in plans else None,
            "result_bytes": values["planned"].nbytes,
            "temp_bytes": found[name].temp_bytes,
            "run_s": found[name].run_s,
            "ratio_s": found[name].ratio_to(found["planned"]),
        }
        for name, way in ways.items()
    ]


def _contender(name: str, plan: Plan | None, batch: int) -> Callable[[MLP, Any], Any]:
    """Value and Jacobian at a point, or at every point of a batch, the value computed once.

    `WRITING` fills an array of the size of the Jacobian and computes nothing.
    """
    import jax
    import jax.numpy as jnp

    from approxlab.derivatives.planner.chains import value_and_jacobian_by

    def forward(net: MLP, x: Any) -> Any:
        def push(tangent: Any) -> Any:
            return jax.jvp(net, (x,), (tangent,))

        return jax.vmap(push, out_axes=(None, -1))(jnp.eye(x.size, dtype=x.dtype))

    def reverse(net: MLP, x: Any) -> Any:
        value, pull = jax.vjp(net, x)
        return value, jax.vmap(pull)(jnp.eye(value.size, dtype=x.dtype))[0]

    def by_plan(net: MLP, x: Any) -> Any:
        assert plan is not None
        return value_and_jacobian_by(plan, net, x)

    def writing(net: MLP, x: Any) -> Any:
        return x, jnp.broadcast_to(x, (net.sizes[-1], x.size))

    way = {"forward": forward, "reverse": reverse, WRITING: writing}.get(name, by_plan)
    return way if batch == 1 else jax.vmap(way, in_axes=(None, 0))


def _bottleneck(width: int, b: int) -> tuple[int, ...]:
    return (width, width, b, width, width)


def _text(widths: Sequence[int]) -> str:
    return "-".join(map(str, widths))


EXPERIMENT = runner.Experiment(
    name="jacobian_chain",
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
    inline=True,
)
