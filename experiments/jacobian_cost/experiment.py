"""What does a Jacobian cost by each method, and which method is the fastest?

A network's value and Jacobian by forward and reverse mode, in chunks, by finite differences,
structured and planned: FLOPs by formula, by count of the traced program and by XLA; measured time
and memory; where forward and reverse mode cost the same; and how often `choose` predicts the
fastest method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.jacobian_cost.figure import draw
from experiments.jacobian_cost.findings import AXES, caption, check, table

REVISION = 1

_METHODS = ("forward", "reverse", "chunked", "differences", "structured", "planned")
_RACED = ("forward", "reverse", "structured", "planned")
_LARGEST = 2**27  # bytes of the largest array of a random shape


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    in_sizes: tuple[int, ...] = (2, 8, 32, 128, 512)
    """Numbers of inputs; all other sizes are those of the base case."""
    out_sizes: tuple[int, ...] = (2, 8, 32, 128, 512)
    """Numbers of outputs."""
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    """Widths of the hidden layers."""
    depths: tuple[int, ...] = (1, 2, 4, 8)
    """Numbers of hidden layers."""
    batches: tuple[int, ...] = (1, 4, 16, 64)
    """Numbers of points of a batch."""
    base: tuple[int, int, int, int, int] = (32, 32, 128, 3, 16)
    """The base case: inputs, outputs, width, depth, batch."""
    map_sizes: tuple[int, ...] = (1, 4, 16, 64, 256)
    """Numbers of inputs and outputs at which forward and reverse mode are compared."""
    chunk: int = 8
    """Sweeps at once in the chunked method."""
    shapes: int = 16
    """Number of random networks on which the prediction is tested."""
    largest_width: int = 512
    """Widths of these networks are drawn from 1 to this, equally often in every octave."""
    repeats: int = 5
    """Repetitions of every measurement."""
    least_s: float = 0.004
    """Least duration of a repetition, in seconds."""
    number_type: Literal["float32", "float64"] = "float32"
    """Precision; random networks alternate between both."""


PRESETS = {
    "smoke": Config(in_sizes=(2, 8), out_sizes=(), widths=(), depths=(), batches=(),
                    base=(8, 4, 16, 2, 2), map_sizes=(1, 8), chunk=2, shapes=1, largest_width=32,
                    repeats=1, least_s=0.0002),
    "default": Config(),
    "paper": Config(in_sizes=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
                    out_sizes=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
                    widths=(8, 16, 32, 64, 128, 256, 512), depths=(1, 2, 3, 4, 6, 8, 12),
                    batches=(1, 2, 4, 8, 16, 32, 64, 128),
                    map_sizes=(1, 2, 4, 8, 16, 32, 64, 128, 256), shapes=300, repeats=9,
                    least_s=0.006),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One size at a time, forward against reverse mode, three sweeps, random networks."""
    check_positive(chunk=config.chunk, repeats=config.repeats, largest_width=config.largest_width)
    if not config.least_s > 0:
        raise ValueError(f"least_s: got {config.least_s}, expected a positive number of seconds.")
    base = dict(zip(AXES, config.base, strict=True))
    for name, value in base.items():
        check_positive(**{name: value})
    common = {"repeats": config.repeats, "least_s": config.least_s}
    typed = {**common, "number_type": config.number_type}
    swept = dict(
        zip(
            AXES,
            (config.in_sizes, config.out_sizes, config.widths, config.depths, config.batches),
            strict=True,
        )
    )
    sweeps = [
        {"story": "sweep", "axis": axis, **base, axis: value, "chunk": config.chunk, **typed}
        for axis, values in swept.items()
        for value in values
    ]
    crossing = [
        {"story": "map", **base, "in_size": n, "out_size": m, **typed}
        for n in config.map_sizes
        for m in config.map_sizes
    ]
    three = [
        {"story": "three", "three": side, "width": 2 * base["width"], **typed}
        for side in ("outputs", "inputs")
    ]
    random = [
        {"story": "shape", "index": i, "batch": (1, 64)[i % 2], "largest": config.largest_width,
         "number_type": ("float32", "float64")[i // 2 % 2], **common}
        for i in range(config.shapes)
    ]  # fmt: skip
    return [*sweeps, *crossing, *three, *random]


def seconds(config: Config) -> float:
    """Expected time on two cores: compilation, and repetitions for each method."""
    sweeps = sum(
        map(len, (config.in_sizes, config.out_sizes, config.widths, config.depths, config.batches))
    )
    programs = 6 * sweeps + 2 * len(config.map_sizes) ** 2 + 6 + 3.5 * config.shapes
    return programs * (0.3 + 2.0 * config.repeats * config.least_s)


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Rows of one network: one per method, or one with the times of all methods."""
    stories = {"sweep": _sweep, "map": _map, "three": _three, "shape": _random_network}
    return stories[unit["story"]](unit, run)


def _sweep(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Every method for one network: three counts, time, memory, and the error of the result."""
    from approxlab.derivatives import formula
    from approxlab.derivatives.counts.jaxprs import count

    sizes = _sizes(unit)
    net, points = _network(sizes, unit["batch"], unit["number_type"], run.seed)
    found = _measured(net, points, ("value", *_METHODS), unit)
    value = found.pop("value")
    value_flops = formula(sizes, want="value", batch=unit["batch"]).dot_flops
    reference = _jacobian(net, points, "reverse")
    rows = []
    for method, measured in found.items():
        program = _program(method, unit)
        counted = count(program, net, points)
        stated = formula(
            sizes,
            wrt="inputs",
            want="jacobian",
            batch=unit["batch"],
            method=_counted_as(method, sizes),
        )
        rows.append(
            {
                "method": method,
                "formula": stated.text,
                "formula_dot_flops": stated.dot_flops,
                "flops_ratio": stated.dot_flops / value_flops,
                "jaxpr_dot_flops": counted.dot_flops,
                "jaxpr_flops": counted.flops,
                "xla_flops": int(measured.flops),
                "output_bytes": measured.output_bytes,
                "temp_bytes": measured.temp_bytes,
                "largest_difference": _difference(program(net, points)[1], reference),
                "ratio_s": measured.ratio_to(value),
                **_times(measured),
            }
        )
    return rows


def _map(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Forward against reverse mode, FLOPs and time."""
    sizes = _sizes(unit)
    net, points = _network(sizes, unit["batch"], unit["number_type"], run.seed)
    found = _measured(net, points, ("forward", "reverse"), unit)
    forward, reverse = found["forward"], found["reverse"]
    return [
        {
            "flops_ratio": (1 + sizes[0]) / (1 + sizes[-1]),
            "xla_flops_ratio": forward.flops / reverse.flops,
            "ratio_s": forward.ratio_to(reverse),
            "forward_s": forward.run_s,
            "reverse_s": reverse.run_s,
        }
    ]


def _three(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Three outputs by reverse mode, three inputs by forward mode, in units of the value."""
    import jax
    import jax.numpy as jnp

    from approxlab import costs
    from approxlab.derivatives.counts.jaxprs import count

    outputs, width = unit["three"] == "outputs", unit["width"]
    sizes = (width, width, width, 3) if outputs else (3, width, width, width)
    net, points = _network(sizes, 64, unit["number_type"], run.seed)

    value = _program("value", unit)

    def one_sweep(net: Any, points: Any) -> Any:
        if outputs:
            out, pull = jax.vjp(lambda p: value(net, p), points)
            return out, pull(jnp.ones_like(out))
        return jax.jvp(lambda p: value(net, p), (points,), (jnp.ones_like(points),))

    together = _program("reverse" if outputs else "forward", unit)
    programs = {"value": value, "one sweep": one_sweep, "three sweeps": together}
    found = costs.measure(
        {name: (program, (net, points)) for name, program in programs.items()},
        repeats=unit["repeats"],
        min_s=unit["least_s"],
        compiler_options=costs.ONE_THREAD,
    )

    def flops(program: Any, points: Any) -> float:
        return count(program, net, points).dot_flops / count(value, net, points).dot_flops

    return [
        {
            "program": name,
            "flops_ratio": flops(program, points[:1]),
            "batch_flops_ratio": flops(program, points),
            "ratio_s": found[name].ratio_to(found["value"]),
            **_times(found[name]),
        }
        for name, program in programs.items()
    ]


def _random_network(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One random network: the method predicted to be the fastest, and the times of all."""
    from approxlab.derivatives import choice
    from approxlab.derivatives.planner import plans as planner

    sizes = _random_sizes(unit, run.seed)
    kind = unit["number_type"] if run.dtype == "float64" else "float32"
    net, points = _network(sizes, unit["batch"], kind, run.seed + 1 + unit["index"])
    chosen = choice.choose(net, points)
    # Where the cheapest bracketing is that of forward or reverse mode, planned and structured are
    # the same program, measured once.
    same = planner.plan_network(net).kind != "mixed"
    raced = [m for m in _RACED if not (same and m == "planned")]
    found = _measured(net, points, raced, unit)
    if same:
        found["planned"] = found["structured"]
    row: dict[str, Any] = {
        "sizes": "-".join(map(str, sizes)),
        "number_type": unit["number_type"],
        "computed_in": kind,
        "same_program": same,
        "chosen": chosen.method,
    }
    for candidate in chosen.candidates:
        row[f"{candidate.method}_dot_flops"] = candidate.dot_flops
        row[f"{candidate.method}_predicted"] = float(f"{candidate.predicted_s:.4g}")
        # The smallest time, since other processes on the machine can only add to it.
        row[f"{candidate.method}_s"] = min(found[candidate.method].runs_s)
    return [row]


# ------------------------------------------------------------------------------ pieces


def _sizes(unit: Mapping[str, Any]) -> tuple[int, ...]:
    return (unit["in_size"], *[unit["width"]] * unit["depth"], unit["out_size"])


def _random_sizes(unit: Mapping[str, Any], seed: int) -> tuple[int, ...]:
    """Widths from 1 on, equally often in every octave, 2 to 5 layers; drawn again if too large."""
    import numpy as np

    rng = np.random.default_rng([seed, unit["index"]])
    while True:
        layers = int(rng.integers(2, 6))
        sizes = np.floor(2.0 ** rng.uniform(0, np.log2(unit["largest"] + 1), layers + 1))
        widest = 8 * unit["batch"] * int(max(sizes)) * int(max(sizes[0], sizes[-1]))
        if widest <= _LARGEST:
            return tuple(int(size) for size in sizes)


def _network(sizes: Sequence[int], batch: int, kind: str, seed: int) -> tuple[Any, Any]:
    import jax

    import approxlab as al

    net_key, point_key = jax.random.split(jax.random.key(seed))
    net = al.MLP.init(net_key, sizes[0], sizes[1:-1], "tanh", out_size=sizes[-1], dtype=kind)
    return net, jax.random.normal(point_key, (batch, sizes[0]), kind)


def _program(method: Any, unit: Mapping[str, Any]) -> Any:
    import jax

    from approxlab.derivatives.modes import value_and_jacobian

    if method == "value":
        return lambda net, points: jax.vmap(net)(points)
    options = {"chunk": unit["chunk"]} if method == "chunked" else {}
    return lambda net, points: value_and_jacobian(net, points, method, **options)


def _measured(net: Any, points: Any, methods: Sequence[str], unit: Mapping[str, Any]) -> dict:
    from approxlab import costs

    contenders = {method: (_program(method, unit), (net, points)) for method in methods}
    return costs.measure(
        contenders,
        repeats=unit["repeats"],
        min_s=unit["least_s"],
        compiler_options=costs.ONE_THREAD,
    )


def _jacobian(net: Any, points: Any, method: Any) -> Any:
    from approxlab.derivatives.modes import jacobian

    return jacobian(net, points, method)


def _counted_as(method: str, sizes: Sequence[int]) -> Any:
    """Chunks use the mode that needs fewer sweeps."""
    if method == "chunked":
        return "forward" if sizes[0] <= sizes[-1] else "reverse"
    return method


def _difference(found: Any, reference: Any) -> float:
    """Largest difference, relative to the largest entry."""
    import numpy as np

    size = float(np.max(np.abs(reference)))
    return float(np.max(np.abs(np.asarray(found) - np.asarray(reference)))) / size


def _times(measured: Any) -> dict[str, float]:
    row = measured.to_rows()[0]
    return {
        name: row[name]
        for name in ("run_s", "lower_quartile_s", "upper_quartile_s", "lower_s", "compile_s")
    }


EXPERIMENT = runner.Experiment(
    name="jacobian_cost",
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
