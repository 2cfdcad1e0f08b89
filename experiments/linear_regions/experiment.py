"""How many linear regions do ReLU networks have: as built, at initialisation, after training?

Every number is exact for the stored weights (`regions.pieces`, `regions.partition`): "proper"
regions, that is activation patterns on a set that is not of measure zero. On [-1, 1]: breakpoints
against the number of units at initialisation, by depth at equal units (He weights, biases with mean
0 and variance 0.01); tent maps, whose pieces double with every layer; and pieces during
training. On [-1, 1]^2: the polygons of a shallow, a deep and the same deep network after training,
and the seconds that polygons take, beside another library with the same weights.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from approxlab.arguments import check_positive
from experiments import runner
from experiments.linear_regions.contenders import available
from experiments.linear_regions.figure import draw
from experiments.linear_regions.findings import caption, check, table
from experiments.linear_regions.networks import he_networks, sizes_of, trained

if TYPE_CHECKING:
    from approxlab import MLP
    from approxlab.regions import Partition

REVISION = 1

_PEERS = ("regioncam", "parx")
_RING = 1.5  # times pi: cos of it times the squared distance is what networks are trained on
_SIDE = 33  # training points along each axis of the square
_POINTS = 512  # training points on the interval


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    depths: tuple[int, ...] = (1, 2, 3, 4)
    """Numbers of hidden layers of equal width."""
    units: tuple[int, ...] = (24, 48, 96, 192, 384)
    """Numbers of hidden units in all, multiples of all depths."""
    networks: int = 200
    """Networks in each cell at initialisation."""
    bias_variance: float = 0.01
    """Variance of the biases at initialisation."""
    tents: int = 12
    """Largest number of hidden layers of the tent maps."""
    steps: tuple[int, ...] = (0, 10, 30, 100, 300, 1000, 3000)
    """Steps of Adam after which pieces are counted."""
    seeds: int = 16
    """Networks trained of each shape, 1-48-1 and 1-16-16-16-1."""
    drawn_units: int = 36
    """Hidden units of the three networks of two variables, a multiple of 3."""
    drawn_steps: int = 3000
    """Steps of Adam of the third one."""
    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    """Widths w of the timed networks 2-w-w-w-1."""
    batch: int = 1000
    """Networks 1-64-64-64-1 that are counted together."""
    repeats: int = 3
    """Repetitions of every measurement of time, of which the median is kept."""


PRESETS = {
    "smoke": Config(depths=(1, 2), units=(8, 16), networks=10, tents=3, steps=(0, 20), seeds=2,
                    drawn_units=9, drawn_steps=20, widths=(4, 8), batch=5, repeats=1),
    "default": Config(),
    "paper": Config(units=(24, 48, 96, 192, 384, 768), networks=1000, tents=16, seeds=64,
                    widths=(16, 32, 64, 96, 128, 192, 256), repeats=5),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Cells at initialisation, tent maps, two trainings, three pictures, timings."""
    check_positive(
        networks=config.networks, tents=config.tents, seeds=config.seeds, batch=config.batch,
        drawn_units=config.drawn_units, repeats=config.repeats,
    )  # fmt: skip
    for n in config.units:
        if any(n % depth for depth in config.depths):
            raise ValueError(f"units: got {n}, expected a multiple of all depths {config.depths}.")
    if config.drawn_units % 3:
        raise ValueError(f"drawn_units: got {config.drawn_units}, expected a multiple of 3.")
    if list(config.steps) != sorted(set(config.steps)):
        raise ValueError(f"steps: got {config.steps}, expected increasing numbers.")
    if not (config.bias_variance >= 0 and math.isfinite(config.bias_variance)):
        raise ValueError(
            f"bias_variance: got {config.bias_variance}, expected a number that is at least 0."
        )
    common = {"bias_variance": config.bias_variance}
    cells = [
        {"story": "initialisation", "depth": depth, "units": n, "networks": config.networks,
         **common}
        for depth in config.depths
        for n in config.units
    ]  # fmt: skip
    built = [{"story": "built", "depth": k} for k in range(1, config.tents + 1)]
    training = [
        {"story": "training", "depth": depth, "units": 48, "seeds": config.seeds,
         "steps": ",".join(map(str, config.steps)), **common}
        for depth in (1, 3)
    ]  # fmt: skip
    drawn = {"units": config.drawn_units, **common}
    pictures = [
        {"story": "picture", "picture": "shallow", "depth": 1, "steps": 0, **drawn},
        {"story": "picture", "picture": "deep", "depth": 3, "steps": 0, **drawn},
        {"story": "picture", "picture": "trained", "depth": 3, "steps": config.drawn_steps,
         **drawn},
    ]  # fmt: skip
    timed = {"repeats": config.repeats, **common}
    interval = [{"story": "interval", "networks": n, **timed} for n in (1, config.batch)]
    square = [{"story": "square", "width": w, **timed} for w in config.widths]
    return [*cells, *built, *training, *pictures, *interval, *square]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one unit."""
    stories: Mapping[str, Callable[[Mapping[str, Any], runner.RunInfo], Sequence[Any]]] = {
        "initialisation": _initialisation,
        "built": _built,
        "training": _training,
        "picture": _picture,
        "interval": _interval,
        "square": _square,
    }
    return stories[unit["story"]](unit, run)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    counted = config.networks * len(config.depths) * sum(config.units)
    return (
        8.0
        + 4e-5 * counted
        + 6e-4 * config.seeds * config.steps[-1] / 16
        + 1e-3 * config.drawn_steps
        + 4e-3 * config.batch * config.repeats
        + 4e-5 * sum(w * w for w in config.widths) * config.repeats
    )


def _starts(unit: Mapping[str, Any], sizes: Sequence[int], count: int, run: Any) -> MLP:
    return he_networks(sizes, count, unit["bias_variance"], run.dtype, [run.seed])


def _initialisation(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    from approxlab import Box, regions

    nets = _starts(unit, sizes_of(1, unit["units"], unit["depth"]), unit["networks"], run)
    counts = regions.count_many(nets, Box([-1.0], [1.0]), kind="proper") - 1
    bound = regions.bounds(sizes_of(1, unit["units"], unit["depth"])).upper
    spread = float(np.std(counts, ddof=1)) / math.sqrt(len(counts)) if len(counts) > 1 else 0.0
    return [
        {
            "mean_breakpoints": float(np.mean(counts)),
            "standard_error": spread,
            "fewest": int(np.min(counts)),
            "most": int(np.max(counts)),
            "log10_bound": math.log10(bound),
        }
    ]


def _built(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    from approxlab import Box, constructions, regions

    net = constructions.tent_deep(unit["depth"]).network
    found = regions.pieces(net, Box([0.0], [1.0]))
    units = {"num_hidden_units": net.num_hidden_units, "num_linear_units": net.num_linear_units}
    return [{**units, "pieces": found.count("open_connected")}]


def _training(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    import jax.numpy as jnp

    from approxlab import Box, regions

    start = _starts(unit, sizes_of(1, unit["units"], unit["depth"]), unit["seeds"], run)
    steps = [int(s) for s in unit["steps"].split(",")]
    x = np.linspace(-1.0, 1.0, _POINTS)[:, None]
    history = trained(start, lambda x: jnp.sin(3 * jnp.pi * x[0]), x, steps)
    rows = []
    for step, nets in zip(steps, history, strict=True):
        counts = regions.count_many(nets, Box([-1.0], [1.0]), kind="proper")
        rows.append(
            {
                "step": step,
                "mean_pieces": float(np.mean(counts)),
                "fewest": int(np.min(counts)),
                "most": int(np.max(counts)),
            }
        )
    return rows


def _picture(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row of numbers, then a row per polygon and per edge, for the figure."""
    import jax.numpy as jnp

    from approxlab import Box, regions

    start = _starts(unit, sizes_of(2, unit["units"], unit["depth"]), 1, run)
    net = start.member(0)
    if unit["steps"]:
        side = np.linspace(-1.0, 1.0, _SIDE)
        x = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        ring = lambda x: jnp.cos(_RING * jnp.pi * jnp.sum(x**2))  # noqa: E731
        net = trained(start, ring, x, [unit["steps"]])[0].member(0)
    found = regions.partition(net, Box([-1.0, -1.0], [1.0, 1.0]))
    return [{"shown": "numbers", **_numbers(net, found)}, *_drawn(found)]


def _numbers(net: MLP, found: Partition) -> dict[str, Any]:
    from approxlab import regions

    row = {
        "polygons": found.count("proper"),
        "open_connected": found.count("open_connected"),
        "affine": found.count("affine"),
        "vertices": len(found.vertices),
        "edges": len(found.edges),
        "mean_degree": 2 * len(found.neighbours) / len(found),
        "complete": found.complete,
        "bound": regions.bounds(net.sizes).upper,
    }
    if net.depth == 1:
        row |= _lines(np.asarray(net.weights[0], float), np.asarray(net.biases[0], float))
    return row


def _lines(weight: np.ndarray, bias: np.ndarray) -> dict[str, int]:
    """Of one line per unit: how many meet the open square, and the crossings in it."""
    meet = np.abs(bias) < np.sum(np.abs(weight), axis=1)
    inside = 0
    for i in range(len(bias)):
        for j in range(i):
            det = weight[i, 0] * weight[j, 1] - weight[i, 1] * weight[j, 0]
            x = (weight[i, 1] * bias[j] - weight[j, 1] * bias[i]) / det
            y = (weight[j, 0] * bias[i] - weight[i, 0] * bias[j]) / det
            inside += bool(abs(x) < 1 and abs(y) < 1)
    return {"lines": int(np.count_nonzero(meet)), "crossings": inside}


def _drawn(found: Partition) -> list[dict[str, Any]]:
    from matplotlib.colors import to_hex

    from approxlab.plotting.partitions import pattern_colors

    colors = pattern_colors(found.patterns)
    polygons = [
        {"shown": "polygon", "color": to_hex(colors[i]), "corners": _text(found.polygon(i))}
        for i in range(len(found))
    ]
    lines = []
    for layer in range(1, int(np.max(found.layers)) + 1):
        own = found.vertices[found.edges[found.layers == layer]].reshape(-1, 2)
        lines.append({"shown": "lines", "layer": layer, "corners": _text(own)})
    return polygons + lines


def _text(points: np.ndarray) -> str:
    """Coordinates to three decimals, as x,y x,y: what a figure shows."""
    return " ".join(f"{x + 0.0:.3f},{y + 0.0:.3f}" for x, y in points)


# Times


def _median(repeats: int, program: Callable[[], Any]) -> tuple[float, Any]:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = program()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def _interval(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    from approxlab import Box, regions

    box, count = Box([-1.0], [1.0]), unit["networks"]
    nets = _starts(unit, (1, 64, 64, 64, 1), count, run)
    if count == 1:
        net = nets.member(0)
        regions.count(net, box, kind="proper")  # what is loaded at the first use
        took, _ = _median(unit["repeats"], lambda: regions.count(net, box, kind="proper"))
    else:
        took, _ = _median(unit["repeats"], lambda: regions.count_many(nets, box, kind="proper"))
    return [{"count_s": took}]


def _square(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The polygons of one network, by us and by other libraries, with the same float32 weights."""
    from approxlab import Box, regions

    box, width = Box([-1.0, -1.0], [1.0, 1.0]), unit["width"]
    sizes, variance = (2, width, width, width, 1), unit["bias_variance"]
    net = he_networks(sizes, 1, variance, "float32", [run.seed]).member(0)
    regions.partition(net, Box([-0.01, -0.01], [0.01, 0.01]))  # what is loaded at the first use
    took, found = _median(unit["repeats"], lambda: regions.partition(net, box))
    rows: list[dict[str, Any]] = [
        {"contender": "approxlab", "status": "timed", "polygons": len(found),
         "complete": found.complete, "partition_s": took}
    ]  # fmt: skip
    for name in _PEERS:
        if available(name):
            rows.append({"contender": name, "status": "timed", **_other(name, net, unit)})
        else:
            rows.append({"contender": name, "status": "not installed"})
    return rows


def _other(name: str, net: MLP, unit: Mapping[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.npz"
        arrays: dict[str, Any] = {f"W{i}": np.asarray(w) for i, w in enumerate(net.weights)}
        arrays |= {f"b{i}": np.asarray(b) for i, b in enumerate(net.biases)}
        np.savez(file, **arrays)
        command = [sys.executable, "-m", "experiments.linear_regions.contenders", name, str(file)]
        answer = subprocess.run(
            [*command, str(unit["repeats"])], check=True, capture_output=True, text=True
        )
    found = json.loads(answer.stdout.splitlines()[-1])
    return {"polygons": found["polygons"], "partition_s": statistics.median(found["seconds"])}


EXPERIMENT = runner.Experiment(
    name="linear_regions",
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
