"""Where do networks compute exactly what polynomials only approach, and where do polynomials win?

A gallery of functions with kinks, jumps and spikes, and of smooth ones: how many numbers describe
them, how large the error is, and how long the construction takes, by Chebyshev polynomials (the
package `chebfun`, with and without the breaks stated) and by networks with one hidden layer. One
network with all that can be computed from it: its derivative, its integral, its roots and extrema.
And trained networks whose largest error is looked for at 100 points.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.network_calculus.cases import CASES, HATS, points, relative_error
from experiments.network_calculus.figure import draw
from experiments.network_calculus.findings import caption, check, table
from experiments.network_calculus.peers import installed

if TYPE_CHECKING:
    from approxlab import MLP

REVISION = 1

Name = Literal["kink", "sign", "stairs", "hats", "min", "kahaner", "runge", "wave"]
_CURVE = 321


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    cases: tuple[Name, ...] = ("kink", "sign", "stairs", "hats", "min", "kahaner", "runge", "wave")
    """Functions of the gallery."""
    pieces: int = 64
    """Pieces of the networks of functions that no network of this kind is equal to."""
    units: int = 16
    """Units of the networks for the sine; even."""
    trained: int = 30
    """Networks that are trained on the sine."""
    steps: int = 3000
    """Of their training by Adam."""
    shown: tuple[int, ...] = (4, 5)
    """Pieces of the random zigzags whose composition is drawn."""


PRESETS = {
    "smoke": Config(cases=("kink", "stairs", "wave"), pieces=16, steps=1000),
    "default": Config(),
    "paper": Config(pieces=256),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every function for both sides, the network that is drawn, and the sine."""
    check_positive(
        pieces=config.pieces, units=config.units, trained=config.trained, steps=config.steps
    )
    if config.units % 2 or config.units < 4:
        raise ValueError(f"units: got {config.units}, expected an even number of at least 4.")
    for name in config.cases:
        if name not in CASES:
            raise ValueError(f"cases: got {name!r}, expected some of {', '.join(CASES)}.")
    if "wave" not in config.cases or not {"kink", "stairs"} & set(config.cases):
        raise ValueError(
            f"cases: got {config.cases}, expected 'wave' and 'kink' or 'stairs' in it."
        )
    if len(config.shown) < 2 or min(config.shown) < 2:
        raise ValueError(f"shown: got {config.shown}, expected two or more numbers above 1.")
    zigzags = ",".join(map(str, config.shown))
    return [
        *({"story": "gallery", "case": name, "pieces": config.pieces} for name in config.cases),
        {"story": "picture", "zigzags": zigzags},
        {"story": "sine", "units": config.units, "trained": config.trained, "steps": config.steps},
    ]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one unit."""
    if unit["story"] == "gallery":
        return [_ours(unit["case"], unit["pieces"]), *_theirs(unit["case"])]
    if unit["story"] == "picture":
        return _picture(tuple(map(int, unit["zigzags"].split(","))), run.seed)
    return _sine(unit, run.seed)


def seconds(config: Config) -> float:
    """Expected time on two cores."""
    return 8.0 + 3.0 * len(config.cases) + 0.02 * config.pieces * len(config.cases)


# The gallery


def _ours(name: str, pieces: int) -> dict[str, Any]:
    import numpy as np

    import approxlab as al

    case = CASES[name]
    _network(name, pieces)  # compiles
    start = time.perf_counter()
    net = _network(name, pieces)
    spent = time.perf_counter() - start
    values = np.asarray(al.evaluate(net, points(case)[:, None]), np.float64)
    knots = net.num_hidden_units
    return {
        "by": "network",
        "coefficients": 2 * knots + net.num_linear_units + 1,  # knots, jumps, a slope, a constant
        "sup_error_at_most": relative_error(case, values),
        "build_s": spent,
    }


def _network(name: str, pieces: int) -> MLP:
    """The network that is equal to the function, else the one with the best knots found."""
    import jax.numpy as jnp

    import approxlab as al

    case = CASES[name]
    box = al.Box([case.box[0]], [case.box[1]])
    if name == "kink":
        line = al.MLP.from_arrays([[[1.0]]], [[-0.5]], "relu")
        return al.calculus.simplify(abs(line), box).network
    if name == "hats":
        return al.calculus.simplify(_hats(), box).network
    if name in ("sign", "stairs"):
        jumps = [[2.0]] if name == "sign" else [[1 / 8] * 7]
        start = -1.0 if name == "sign" else 0.0
        rows, shifts = [[1.0]] * len(case.breaks), [-b for b in case.breaks]
        return al.MLP.from_arrays([rows, jumps], [shifts, [start]], "heaviside")
    functions: dict[str, Any] = {
        "min": lambda x: jnp.minimum(jnp.sin(x[0]), jnp.cos(x[0])),
        "kahaner": lambda x: sum(
            (1 / jnp.cosh(10.0**k * (x[0] - 0.2 * k))) ** (2 * k) for k in (1, 2, 3)
        ),
        "runge": lambda x: 1.0 / (1.0 + 25.0 * x[0] ** 2),
        "wave": lambda x: jnp.exp(jnp.sin(5.0 * x[0])),
    }
    target = al.Target(functions[name], domain=box, kinks=case.breaks or None)
    return al.fitting.free_knots(target, pieces, "sup").network


def _hats() -> MLP:
    """The sum of three hats, each the maximum of 0 and of 1 - |x - c| / h."""
    import functools
    import operator

    import approxlab as al

    def hat(centre: float, half: float) -> MLP:
        line = al.MLP.from_arrays([[[1.0 / half]]], [[-centre / half]], "relu")
        return al.calculus.maximum(1.0 - abs(line), 0.0 * line)

    return functools.reduce(operator.add, [hat(centre, half) for centre, half in HATS])


def _theirs(name: str) -> list[dict[str, Any]]:
    """The other package, in a process of its own; unknown where it is not installed."""
    ways = ("plain", "breaks") if CASES[name].breaks else ("plain",)
    if not installed():
        unknown = dict.fromkeys(("coefficients", "sup_error_at_most", "build_s"))
        absent = {**unknown, "status": "not installed"}
        return [{"by": f"chebfun, {way}", **absent} for way in ways]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.network_calculus.peers", name],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"chebfun failed: {done.stderr.strip().splitlines()[-1:]}")
    found = json.loads(done.stdout)[name]
    return [{"by": f"chebfun, {way}", **found[way]} for way in ways]


# One network


def _zigzags(sizes: tuple[int, ...], seed: int) -> MLP:
    """Random zigzags of [-1, 1], one after the other: a network with a hidden layer for each."""
    import functools

    import numpy as np

    import approxlab as al

    rng = np.random.default_rng(seed)
    layers = []
    for pieces in sizes:
        inner = np.linspace(-1.0, 1.0, pieces + 1)[1:-1]
        knots = np.concatenate([[-1.0], inner + rng.uniform(-0.3, 0.3, pieces - 1) / pieces, [1.0]])
        heights = rng.uniform(0.4, 1.0, pieces + 1) * (-1.0) ** np.arange(pieces + 1)
        slopes = np.diff(heights) / np.diff(knots)
        jumps = np.diff(slopes, prepend=0.0)
        layers.append(
            al.MLP.from_arrays(
                [np.ones((pieces, 1)), jumps[None, :]], [-knots[:-1], heights[:1]], "relu"
            )
        )
    return functools.reduce(lambda inner, outer: al.compose(outer, inner), layers)


def _picture(sizes: tuple[int, ...], seed: int) -> list[dict[str, Any]]:
    """A random network of mean zero, and what is computed from it."""
    import numpy as np

    import approxlab as al
    from approxlab import calculus

    box = al.Box([-1.0], [1.0])
    net = _zigzags(sizes, seed)
    net = net - 0.5 * calculus.integral(net, box)
    slope, area = calculus.derivative(net, box), calculus.antiderivative(net, box)
    x = np.unique(np.concatenate([np.linspace(-1.0, 1.0, _CURVE), calculus.kinks(net, box)]))
    curves = [np.asarray(al.evaluate(f, x[:, None])) for f in (net, slope, area)]
    rows = [
        {
            "drawn": "curve",
            "x": round(float(t), 12),
            "value": round(float(f), 9),
            "slope": round(float(s), 9),
            "integral": round(float(i), 9),
        }
        for t, f, s, i in zip(x, *curves, strict=True)
    ]
    rows += [{"drawn": "root", "x": round(float(t), 9)} for t in calculus.roots(net, box).points]
    found = calculus.extrema(net, box)
    for kind, places in (("maximum", found.local_maxima), ("minimum", found.local_minima)):
        heights = np.asarray(al.evaluate(net, places.points[:, None]))
        rows += [
            {"drawn": kind, "x": round(float(t), 9), "value": round(float(v), 9)}
            for t, v in zip(places.points, heights, strict=True)
        ]
    numbers = {
        "num_kinks": len(calculus.kinks(net, box)),
        "num_roots": len(calculus.roots(net, box)),
        "maximum": found.maximum,
        "minimum": found.minimum,
        "l1_norm": calculus.norm(net, 1, box),
        "l2_norm": calculus.norm(net, 2, box),
        "total_variation": calculus.total_variation(net, box),
        "arc_length": calculus.arc_length(net, box),
    }
    rounded = {name: round(float(v), 9) for name, v in numbers.items()}
    return [
        *rows,
        {
            "drawn": "numbers",
            **rounded,
            "num_kinks": numbers["num_kinks"],
            "num_roots": numbers["num_roots"],
        },
    ]


# The sine


def _sine(unit: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """The trained network whose samples understate its error most, and one with placed knots."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    import approxlab as al

    box = al.Box([0.0], [math.pi])
    sine = al.Target(
        lambda x: jnp.sin(x[0]),
        domain=box,
        name="sin",
        lipschitz=1.0,
        second_derivative=1.0,
        value_min=-1.0,
        value_max=1.0,
        kinks=(),
        source="f' = cos, f'' = -sin",
    )
    fit = al.fit(
        sine,
        hidden=(unit["units"],),
        activation="relu",
        seeds=unit["trained"],
        steps=unit["steps"],
        key=jax.random.key(seed),
    )
    nets = [jax.tree.map(lambda leaf, i=i: leaf[i], fit.networks) for i in range(unit["trained"])]
    seen = [_largest_at(net, sine, 100) / float(al.errors.sup(net, sine)) for net in nets]
    trained, ours = nets[int(np.argmin(seen))], _flat_in_the_middle(sine, unit["units"])
    told: list[dict[str, Any]] = [
        {"drawn": "sample", "network": i, "seen": round(share, 4)} for i, share in enumerate(seen)
    ]
    x = np.linspace(0.0, math.pi, 801)
    for by, net in (("trained", trained), ("placed", ours)):
        error = al.errors.sup(net, sine)
        sampled = [_largest_at(net, sine, n) for n in (100, 2001)]
        bent = al.calculus.simplify(net, box)
        told.append(
            {
                "drawn": "numbers",
                "by": by,
                "sup_error": round(float(error), 9),
                "at": round(error.at[0], 6) if error.at else None,
                "error_at_100_points": round(sampled[0], 9),
                "error_at_2001_points": round(sampled[1], 9),
                "num_hidden_units": net.num_hidden_units,
                "num_bending": net.num_hidden_units - bent.num_idle,
                "num_pieces": len(bent.kinks) + 1,
            }
        )
        y = np.asarray(al.evaluate(net, x[:, None])) - np.sin(x)
        told += [
            {"drawn": "curve", "by": by, "x": round(float(t), 9), "error": round(float(e), 9)}
            for t, e in zip(x, y, strict=True)
        ]
    return told


def _largest_at(net: MLP, target: Any, count: int) -> float:
    import numpy as np

    import approxlab as al

    x = target.domain.uniform(count)
    difference = np.asarray(al.evaluate(net, x)) - np.asarray(al.evaluate(target, x))
    return float(np.max(np.abs(difference)))


def _flat_in_the_middle(target: Any, count: int) -> MLP:
    """Count + 1 pieces, the middle one flat: units to its left open to the left, others right."""
    import numpy as np

    import approxlab as al

    spline = al.fitting.free_knots(target, count + 1, "sup").spline
    knots, heights = np.array(spline.knots), np.array(spline.heights)
    half = count // 2
    # The sine and its best spline are symmetric, but for rounding of the search.
    total = knots[0] + knots[-1]
    knots, heights = 0.5 * (knots + total - knots[::-1]), 0.5 * (heights + heights[::-1])
    bends = np.diff(np.diff(heights) / np.diff(knots))
    signs = np.repeat([-1.0, 1.0], half)
    weights = [signs[:, None], bends[None, :]]
    return al.MLP.from_arrays(weights, [-signs * knots[1:-1], [heights[half]]], "relu")


EXPERIMENT = runner.Experiment(
    name="network_calculus",
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
