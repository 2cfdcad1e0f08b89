"""What does one sigmoid look like, and how do two of them make a bump?

Four units s(w x + b) from shallow to steep; then one step, two steps, one bump and two bumps, each
with the small network that computes it. Position -b / w and slope w / 4 are measured on the
networks; bumps and steps satisfy the claim of their construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.drawing.rows import Row, of
from experiments.sigmoid_shapes.figure import draw

if TYPE_CHECKING:
    from approxlab import MLP

REVISION = 1

# For each panel its units as (w, b, height), and the interval that is drawn.
PANELS: Mapping[str, tuple[list[tuple[float, float, float]], tuple[float, float]]] = {
    "w = 5, b = 0": ([(5.0, 0.0, 1.0)], (-2.0, 2.0)),
    "w = 5, b = 3": ([(5.0, 3.0, 1.0)], (-2.0, 2.0)),
    "w = 10, b = -7": ([(10.0, -7.0, 1.0)], (-2.0, 2.0)),
    "w = 100, b = -20": ([(100.0, -20.0, 1.0)], (-2.0, 2.0)),
    "one step": ([(100.0, -20.0, 1.0)], (0.0, 1.0)),
    "two steps": ([(100.0, -20.0, 1.0), (100.0, -40.0, 1.0)], (0.0, 1.0)),
    "one bump": ([(100.0, -20.0, 1.0), (100.0, -40.0, -1.0)], (0.0, 1.0)),
    "two bumps": (
        [(100.0, -20.0, 1.0), (100.0, -40.0, -1.0), (100.0, -60.0, 2.0), (100.0, -80.0, -2.0)],
        (0.0, 1.0),
    ),
}


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    points: int = 121
    """Equally spaced points of each curve; 25 more are added around every unit."""
    activation: Literal["sigmoid", "tanh"] = "sigmoid"
    """Activation; for tanh the unit is (1 + tanh(w x + b)) / 2, twice as steep."""


PRESETS = {"smoke": Config(points=21), "default": Config(), "paper": Config(points=241)}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One unit per panel."""
    check_positive(points=config.points)
    settings = {"points": config.points, "activation": config.activation}
    return [{"panel": name, **settings} for name in PANELS]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The units with position and slope, the claims of bumps and steps, and the curve."""
    import numpy as np

    import approxlab as al

    parts, interval = PANELS[unit["panel"]]
    activation = unit["activation"]
    weights, biases, heights = (list(column) for column in zip(*parts, strict=True))
    network = al.constructions.sigmoid_sum(weights, biases, heights, activation=activation)
    rows = [_measured(w, b, height, activation) for w, b, height in parts]
    rows += _claims(parts, activation)
    points = [np.linspace(*interval, unit["points"])]
    around = np.linspace(-3, 3, 25)
    points += [row["position"] + around / row["slope"] for row in rows if row["kind"] == "unit"]
    x = np.unique(np.clip(np.concatenate(points), *interval))
    values = np.asarray(al.evaluate(network, x[:, None], batch=2048), np.float64)
    curve = [
        {"kind": "curve", "x": float(point), "value": float(value)}
        for point, value in zip(x, values, strict=True)
    ]
    return [*rows, *curve]


def _measured(w: float, b: float, height: float, activation: str) -> dict[str, Any]:
    """Position and slope by formula, and value and slope of the network at that position."""
    import jax
    import jax.numpy as jnp

    import approxlab as al

    shape = al.constructions.unit_shape(w, b, activation)
    network: MLP = al.constructions.sigmoid_sum([w], [b], [height], activation=activation)
    at = jnp.asarray([shape.position], network.dtype)
    return {
        "kind": "unit",
        "w": w,
        "b": b,
        "height": height,
        "position": shape.position,
        "slope": shape.slope,
        "value_there": float(network(at)),
        "slope_there": float(jax.grad(network)(at)[0]),
    }


def _claims(parts: list[tuple[float, float, float]], activation: str) -> list[dict[str, Any]]:
    """Every step, and every pair of units with opposite heights, as a construction with claim."""
    import approxlab as al

    built, rest = [], list(parts)
    while rest:
        w, b, height = rest.pop(0)
        if rest and rest[0][2] == -height:
            built.append(al.constructions.bump(w, b, rest.pop(0)[1], height, activation=activation))
        else:
            built.append(al.constructions.step(w, b, height, activation=activation))
    return [
        {
            "kind": "claim",
            **construction.to_rows()[0],
            "sup_error": float(al.errors.sup(construction.network, construction.target)),
        }
        for construction in built
    ]


def check(rows: Sequence[Row]) -> None:
    """Checks half the height and the slope at -b / w, and that every claim holds."""
    assert {row["panel"] for row in rows} == set(PANELS)
    for row in of(rows, kind="unit"):
        exact = 1e-12 if row["dtype"] == "float64" else 1e-4
        name = f"{row['panel']}, w = {row['w']:g}, b = {row['b']:g}"
        assert abs(row["position"] + row["b"] / row["w"]) <= exact, f"{name}: position"
        assert abs(row["value_there"] - row["height"] / 2) <= exact * 10, f"{name}: half height"
        slope = row["height"] * row["slope"]
        assert abs(row["slope_there"] - slope) <= exact * abs(slope), f"{name}: slope"
        steep = row["w"] / (4 if row["activation"] == "sigmoid" else 2)
        assert row["slope"] == steep, f"{name}: slope {row['slope']}, not {steep}"
    for row in of(rows, kind="claim"):
        assert row["sup_error"] <= row["claimed_sup_error"], f"{row['panel']}: claim"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure."""
    factor = 4 if rows[0]["activation"] == "sigmoid" else 2
    bump = of(rows, kind="claim", panel="one bump")[0]
    return (
        f"A sigmoidal unit s(w x + b) rises at -b / w with slope w / {factor} (dots, tangents). "
        "Two units of opposite heights make a bump; the network at each curve shows weights w, "
        "biases b and heights. Farther than 2 / slope from its jumps the error of the bump is at "
        f"most {bump['claimed_sup_error']:.2g} (estimate {bump['sup_error']:.2g})."
    )


def table(rows: Sequence[Row]) -> str:
    """Position and slope of every unit, claims of steps and bumps."""
    lines = [f"{'panel':18}{'w':>6}{'b':>6}{'height':>8}{'position':>10}{'slope':>8}"]
    lines += [
        f"{r['panel']:18}{r['w']:>6g}{r['b']:>6g}{r['height']:>8g}{r['position']:>10.3g}"
        f"{r['slope']:>8.3g}"
        for r in of(rows, kind="unit")
    ]
    lines += ["", f"{'panel':18}{'units':>6}{'error':>11}{'claim':>11}"]
    lines += [
        f"{r['panel']:18}{r['num_hidden_units']:>6}{r['sup_error']:>11.3g}"
        f"{r['claimed_sup_error']:>11.3g}"
        for r in of(rows, kind="claim")
    ]
    return "\n".join(lines)


EXPERIMENT = runner.Experiment(
    name="sigmoid_shapes",
    revision=REVISION,
    config=Config,
    presets=PRESETS,
    units=units,
    compute=compute,
    check=check,
    caption=caption,
    table=table,
    draw=draw,
    seconds=lambda config: 10.0,
)
