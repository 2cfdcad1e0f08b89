"""What does a gradient cost, compared with the function, in time and in memory?

The cost of a gradient divided by that of the function, and of a Hessian-vector product divided by
that of a gradient, for networks of growing depth: exact ratios for matrix products, and ratios of
measured times. And the tape of reverse mode: its bytes predicted and measured, with and without
recomputing parts of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.gradient_cost.figure import draw
from experiments.gradient_cost.findings import KEPT, caption, check, table

if TYPE_CHECKING:
    from approxlab import MLP
    from approxlab.costs import Measurement

REVISION = 1

_WIDER = 4  # inputs of the networks with many inputs, in widths


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    layers: tuple[int, ...] = (1, 2, 3, 4, 6, 8)
    """Numbers of layers of the networks whose ratios are measured."""
    width: int = 256
    """Units of each layer, for networks whose time is mostly spent in matrix products."""
    batch: int = 256
    """Number of samples for these networks."""
    small_width: int = 16
    """Units of each layer, for networks whose time is mostly overhead, with one sample."""
    tape_layers: tuple[int, ...] = (2, 4, 8, 16, 32)
    """Numbers of layers of the networks whose tape is measured."""
    tape_width: int = 64
    """Units of each layer of these networks."""
    repeats: int = 9
    """Repetitions of every measurement."""
    least_s: float = 0.02
    """Least duration of a repetition, in seconds."""


PRESETS = {
    "smoke": Config(layers=(2,), width=16, batch=32, small_width=4, tape_layers=(4,),
                    tape_width=8, repeats=2, least_s=0.0005),
    "default": Config(),
    "paper": Config(layers=(1, 2, 3, 4, 5, 6, 8, 10, 12, 16), tape_layers=(2, 4, 8, 16, 32, 64),
                    repeats=25, least_s=0.05),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every depth of three kinds of networks, and every depth of the tape."""
    check_positive(
        width=config.width,
        batch=config.batch,
        small_width=config.small_width,
        tape_width=config.tape_width,
        repeats=config.repeats,
    )
    for name, least, layers in (
        ("layers", 1, config.layers),
        ("tape_layers", 2, config.tape_layers),
    ):
        if not layers or min(layers) < least:
            raise ValueError(f"{name}: got {layers}, expected numbers of at least {least}.")
    if not config.least_s > 0:
        raise ValueError(f"least_s: got {config.least_s}, expected a positive number of seconds.")
    timed = {"repeats": config.repeats, "least_s": config.least_s}
    shapes = {
        "equal": (config.width, config.width, config.batch),
        "many_inputs": (_WIDER * config.width, config.width, config.batch),
        "small": (config.small_width, config.small_width, 1),
    }
    ratios = [
        {"story": "ratio", "case": case, "layers": layers, "inputs": inputs, "width": width,
         "batch": batch, **timed}
        for layers in config.layers
        for case, (inputs, width, batch) in shapes.items()
    ]  # fmt: skip
    tapes = [
        {"story": "tape", "layers": layers, "inputs": config.tape_width,
         "width": config.tape_width, "batch": config.batch, **timed}
        for layers in config.tape_layers
    ]  # fmt: skip
    return [*ratios, *tapes]


def seconds(config: Config) -> float:
    """Expected time on two cores: compilation, and repetitions of each program."""
    depths = 9 * sum(config.layers) + 5 * sum(config.tape_layers)
    programs = 9 * len(config.layers) + 4 * len(config.tape_layers)
    return 4.0 + 0.06 * depths + programs * (0.15 + 2.0 * config.repeats * config.least_s)


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Rows of one network."""
    net, points, values = _network(unit, run)
    if unit["story"] == "ratio":
        return [_ratio(unit, net, points, values)]
    return _tapes(unit, net, points, values)


def _network(unit: Mapping[str, Any], run: runner.RunInfo) -> tuple[MLP, Any, Any]:
    """A tanh network, points, and values to fit; they depend on the sizes and the seed only."""
    import jax

    import approxlab as al

    key = jax.random.fold_in(jax.random.key(run.seed), unit["layers"])
    net_key, point_key, value_key = jax.random.split(jax.random.fold_in(key, unit["inputs"]), 3)
    width = unit["width"]
    net = al.MLP.init(net_key, unit["inputs"], [width] * (unit["layers"] - 1), "tanh",
                      out_size=width, dtype=run.dtype)  # fmt: skip
    points = jax.random.normal(point_key, (unit["batch"], unit["inputs"]), run.dtype)
    return net, points, jax.random.normal(value_key, (unit["batch"], width), run.dtype)


# Ratios


def _ratio(unit: Mapping[str, Any], net: MLP, points: Any, values: Any) -> dict[str, Any]:
    """Loss, gradient and Hessian-vector product: counted by formula and jaxpr, and timed."""
    from approxlab import costs
    from approxlab.derivatives import formula
    from approxlab.derivatives.counts.jaxprs import count

    loss, gradient, product = _programs()
    wanted = {
        "value": ((loss, (net, points, values)), "value"),
        "gradient": ((gradient, (net, points, values)), "gradient"),
        "hvp": ((product, (net, points, values, net)), "hvp"),
    }
    contenders = {name: contender for name, (contender, _) in wanted.items()}
    found = costs.measure(
        contenders,
        repeats=unit["repeats"],
        min_s=unit["least_s"],
        compiler_options=costs.ONE_THREAD,
    )
    row: dict[str, Any] = {"loss": float(loss(net, points, values))}
    for name, ((program, args), want) in wanted.items():
        stated: Any = formula(net, wrt="weights", want=want, batch=unit["batch"])  # type: ignore[arg-type]
        row[f"{name}_dot_flops"] = stated.dot_flops
        row[f"{name}_jaxpr_dot_flops"] = count(program, *args).dot_flops
        row[f"{name}_s"] = found[name].run_s
    row["weights"], row["first_weights"] = stated.symbols["P"], stated.symbols["c0"]
    row |= _ratios("gradient", found["gradient"], found["value"])
    return row | _ratios("hvp", found["hvp"], found["gradient"])


def _programs() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    import jax
    import jax.numpy as jnp

    def loss(net: Any, points: Any, values: Any) -> Any:
        return jnp.sum(jnp.square(jax.vmap(net)(points) - values))

    def product(net: Any, points: Any, values: Any, tangent: Any) -> Any:
        return jax.jvp(jax.grad(lambda net: loss(net, points, values)), (net,), (tangent,))

    return loss, jax.value_and_grad(loss), product


def _ratios(name: str, one: Measurement, other: Measurement) -> dict[str, float]:
    """Median and quartiles of the ratios of paired repetitions."""
    import statistics

    ratios = [a / b for a, b in zip(one.runs_s, other.runs_s, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {f"{name}_ratio_s": middle, f"{name}_low_s": low, f"{name}_high_s": high}


# Tapes


def _tapes(unit: Mapping[str, Any], net: MLP, points: Any, values: Any) -> list[dict[str, Any]]:
    """The gradient with the whole tape, recomputing every layer, and recomputing blocks."""
    import jax
    import jax.numpy as jnp

    from approxlab import costs
    from approxlab.derivatives.counts.jaxprs import count
    from approxlab.derivatives.counts.tapes import tape_bytes

    blocks = dict(zip(KEPT, (0, 1, max(1, round(math.sqrt(unit["layers"])))), strict=True))

    def loss(block: int) -> Callable[..., Any]:
        def squares(net: Any, points: Any, values: Any) -> Any:
            return jnp.sum(jnp.square(_values(net, points, block) - values))

        return squares

    args = (net, points, values)
    gradients = {kept: jax.value_and_grad(loss(block)) for kept, block in blocks.items()}
    contenders = {"value": (loss(0), args)}
    contenders |= {kept: (gradient, args) for kept, gradient in gradients.items()}
    found = costs.measure(
        contenders,
        repeats=unit["repeats"],
        min_s=unit["least_s"],
        compiler_options=costs.ONE_THREAD,
    )
    exact = jax.jit(gradients["everything"])(*args)
    rows = []
    for kept, block in blocks.items():
        pullback = jax.vjp(lambda net, block=block: _values(net, points, block), net)[1]
        again = jax.jit(gradients[kept])(*args)
        stated = _stated(unit, block, points.dtype.itemsize)
        rows.append(
            {
                "kept": kept,
                "block": block,
                **stated,
                "measured_tape_bytes": tape_bytes(pullback),
                "jaxpr_dot_flops": count(gradients[kept], *args).dot_flops,
                "compiled_flops": found[kept].compiled_flops,
                "temp_bytes": found[kept].temp_bytes,
                "largest_difference": _difference(again, exact),
                "loss": float(exact[0]),
                **_ratios("gradient", found[kept], found["value"]),
            }
        )
    return rows


def _values(net: Any, points: Any, block: int) -> Any:
    """The network at all points; the backward sweep recomputes hidden layers in blocks."""
    import jax

    from approxlab.networks import activation

    act = activation(net.activation)

    def run(layers: Any, inputs: Any) -> Any:
        for weight, bias in layers:
            inputs = jax.vmap(lambda a, weight=weight, bias=bias: act(weight @ a + bias))(inputs)
        return inputs

    hidden = list(zip(net.weights[:-1], net.biases[:-1], strict=True))
    a = points
    if block:
        for start in range(0, len(hidden), block):
            a = jax.checkpoint(run)(hidden[start : start + block], a)
    else:
        a = run(hidden, a)
    return jax.vmap(lambda a: net.weights[-1] @ a + net.biases[-1])(a)


def _stated(unit: Mapping[str, Any], block: int, itemsize: int) -> dict[str, Any]:
    """Closed forms. A block keeps its weights, biases and inputs, and recomputes its products."""
    n, w, layers, N = unit["inputs"], unit["width"], unit["layers"], unit["batch"]
    P, c0, cL, H = n * w + (layers - 1) * w * w, n * w, w * w, (layers - 1) * w
    numbers = P - c0 + N * (n + 2 * H)
    flops = 6 * P - 2 * c0
    if block:
        numbers = P + H + N * (n + w * math.ceil((layers - 1) / block))
        flops += 2 * (P - cL)
    return {
        "tape_bytes": itemsize * numbers,
        "dot_flops": N * flops,
        "value_dot_flops": N * 2 * P,
    }


def _difference(again: Any, exact: Any) -> float:
    """Largest difference of an entry of the gradient, relative to the largest entry."""
    import jax
    import numpy as np

    pairs = zip(jax.tree.leaves(again[1]), jax.tree.leaves(exact[1]), strict=True)
    sizes = [(float(np.max(np.abs(a - b))), float(np.max(np.abs(b)))) for a, b in pairs]
    return max(a for a, _ in sizes) / max(b for _, b in sizes)


EXPERIMENT = runner.Experiment(
    name="gradient_cost",
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
