"""Is a linear model good for all, and who makes the features: a basis, a hand, or training?

A line, a smooth curve, Runge's function, a kink and a step, from equally spaced samples without and
with noise. A linear model, polynomials of degree 1 to 30 and networks with one hidden layer of tanh
units, at equal numbers of parameters, and features made by hand where a person would know them.
Polynomials and hand-made features are solved for, networks are trained by variable projection or
Levenberg-Marquardt from several starts, and the one with the least training error is taken. Errors
are root mean squares: at the samples (training), and against the target itself on the whole
interval (test). Beside them the condition of the three polynomial bases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.linear_polynomial_mlp.cases import HAND_MADE, TARGETS
from experiments.linear_polynomial_mlp.figure import draw
from experiments.linear_polynomial_mlp.findings import caption, check, table

if TYPE_CHECKING:
    import numpy as np

REVISION = 2

BASES: Final = ("monomial", "chebyshev", "legendre")
_GRID = 2048  # midpoints, on which test errors are computed
_CURVE = 241  # points of a drawn curve


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[str, ...] = ("line", "smooth", "runge", "kink", "step")
    """Targets on [-1, 1]."""
    samples: int = 64
    """Equally spaced samples, ends included."""
    noise: float = 0.1
    """Standard deviation of the noise."""
    draws: int = 5
    """Draws of the noise."""
    degree: int = 30
    """Highest degree of the polynomials."""
    widths: tuple[int, ...] = (1, 2, 3, 5, 7, 10)
    """Hidden units of the networks; n of them have 3 n + 1 parameters, as degree 3 n has."""
    method: Literal["levenberg_marquardt", "variable_projection"] = "levenberg_marquardt"
    """How networks are trained."""
    seeds: int = 4
    """Starts of each network."""
    steps: int = 300
    """Largest number of steps."""
    shown: int = 7
    """Hidden units of the networks whose curves are drawn."""


PRESETS = {
    "smoke": Config(
        targets=("runge", "step"), draws=1, degree=6, widths=(1, 2), seeds=2, steps=30, shown=2
    ),
    "default": Config(),
    "paper": Config(draws=25, widths=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), seeds=16, steps=1000),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Errors per target and draw of the noise, curves to draw, and the condition of the bases."""
    check_positive(
        samples=config.samples,
        draws=config.draws,
        degree=config.degree,
        seeds=config.seeds,
        steps=config.steps,
    )
    unknown = set(config.targets) - set(TARGETS)
    if unknown or not config.targets:
        raise ValueError(
            f"targets: got {config.targets}, expected some of {', '.join(sorted(TARGETS))}."
        )
    if not config.noise > 0:
        raise ValueError(f"noise: got {config.noise!r}, expected a number above 0.")
    if config.samples <= config.degree:
        raise ValueError(
            f"degree: got {config.degree} with {config.samples} samples, whose rank is at most "
            f"{config.samples}, expected more samples than the degree."
        )
    if config.shown not in config.widths or 3 * config.shown > config.degree:
        raise ValueError(
            f"shown: got {config.shown}, expected one of {config.widths}, and at most a third of "
            f"the degree {config.degree}."
        )
    training = {"method": config.method, "seeds": config.seeds, "steps": config.steps}
    data = {"samples": config.samples}
    errors = [
        {
            "story": "errors",
            "target": target,
            "noise": noise,
            "draw": draw,
            **data,
            "degree_up_to": config.degree,
            "widths": "-".join(map(str, config.widths)),
            **training,
        }
        for noise in (0.0, config.noise)
        for draw in range(config.draws if noise else 1)
        for target in config.targets
    ]
    curves = [
        {
            "story": "curves",
            "target": target,
            "noise": config.noise,
            "draw": 0,
            **data,
            "width": config.shown,
            **training,
        }
        for target in config.targets
    ]
    bases = [
        {"story": "bases", "target": target, "noise": 0.0, **data, "degree_up_to": config.degree}
        for target in config.targets
    ]
    return [*errors, *curves, *bases]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Rows of one unit: a row per model, per point of a curve, or per basis and degree."""
    if unit["story"] == "bases":
        return _bases(unit)
    x, y = _samples(unit, run.seed)
    if unit["story"] == "curves":
        return _curves(unit, run, x, y)
    rows = [_linear(unit, x, y), *_polynomials(unit, x, y)]
    if unit["target"] in HAND_MADE:
        rows.append(_hand_made(unit, x, y))
    rows += [_trained(unit, run, int(width), x, y)[0] for width in unit["widths"].split("-")]
    return rows


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    fits = len(config.targets) * (1 + config.draws)
    return (
        8.0
        + 4.0 * len(config.widths)
        + 0.25 * 3 * config.degree
        + fits * (0.01 * config.degree + 1e-4 * config.seeds * config.steps * len(config.widths))
    )


def _samples(unit: Mapping[str, Any], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Equally spaced points (n, 1) and values with noise (n,)."""
    import jax
    import numpy as np

    x = np.linspace(-1.0, 1.0, unit["samples"])
    noise = jax.random.normal(_key(unit, seed), (unit["samples"],))
    return x[:, None], TARGETS[unit["target"]](x, np) + unit["noise"] * np.asarray(noise, float)


def _key(unit: Mapping[str, Any], seed: int) -> Any:
    import jax

    key = jax.random.key(seed)
    for number in (list(TARGETS).index(unit["target"]), unit["draw"]):
        key = jax.random.fold_in(key, number)
    return key


def _errors(unit: Mapping[str, Any], model: Any, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Root mean square errors at the samples, and against the target on a fine grid."""
    import numpy as np

    from approxlab.evaluation import values_at

    grid = (np.arange(_GRID) + 0.5) * (2.0 / _GRID) - 1.0
    wanted = TARGETS[unit["target"]](grid, np)
    return {
        "num_parameters": model.num_parameters,
        "training_rms": float(np.sqrt(np.mean((values_at(model, x) - y) ** 2))),
        "test_rms": float(np.sqrt(np.mean((values_at(model, grid[:, None]) - wanted) ** 2))),
    }


def _linear(unit: Mapping[str, Any], x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    import approxlab as al

    return {"model": "linear", **_errors(unit, al.regression.linear((x, y)).model, x, y)}


def _polynomials(unit: Mapping[str, Any], x: np.ndarray, y: np.ndarray) -> list[dict[str, Any]]:
    import approxlab as al

    rows = []
    for degree in range(1, unit["degree_up_to"] + 1):
        fit = al.regression.polynomial((x, y), degree)
        found = _errors(unit, fit.model, x, y)
        rows.append({"model": "polynomial", "degree": degree, **found})
    return rows


def _hand_made(unit: Mapping[str, Any], x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    import jax.numpy as jnp

    import approxlab as al

    target = unit["target"]

    def features(x: Any) -> Any:
        known = [x[0] ** 0, x[0]] if target != "step" else [x[0] ** 0]
        return jnp.stack(known + ([] if target == "line" else [TARGETS[target](x[0], jnp)]))

    fit = al.regression.regress((x, y), features)
    return {"model": "hand_made", **_errors(unit, fit.model, x, y)}


def _trained(
    unit: Mapping[str, Any], run: runner.RunInfo, width: int, x: np.ndarray, y: np.ndarray
) -> tuple[dict[str, Any], Any]:
    """The network with the least training error of all starts, and its row."""
    import jax

    import approxlab as al

    result = al.fit(
        (x, y),
        hidden=(width,),
        activation="tanh",
        method=unit["method"],
        seeds=unit["seeds"],
        steps=unit["steps"],
        key=jax.random.fold_in(_key(unit, run.seed), width),
        devices=run.devices,
    )
    row = {"model": "mlp", "width": width, **_errors(unit, result.network, x, y)}
    return row, result.network


def _curves(
    unit: Mapping[str, Any], run: runner.RunInfo, x: np.ndarray, y: np.ndarray
) -> list[dict[str, Any]]:
    """The samples, and values of the linear model, the polynomial and the network."""
    import numpy as np

    import approxlab as al

    width = unit["width"]
    models = {
        "linear": al.regression.linear((x, y)).model,
        "polynomial": al.regression.polynomial((x, y), 3 * width).model,
        "mlp": _trained(unit, run, width, x, y)[1],
    }
    dense = np.linspace(-1.0, 1.0, _CURVE)
    values = {
        name: np.asarray(al.evaluate(model, dense[:, None]), float)
        for name, model in models.items()
    }
    samples = [
        {"drawn": "sample", "x": float(a), "y": float(b)} for a, b in zip(x[:, 0], y, strict=True)
    ]
    return samples + [
        {"drawn": "curve", "x": float(dense[i])}
        | {name: float(f"{v[i]:.6g}") for name, v in values.items()}
        for i in range(_CURVE)
    ]


def _bases(unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Condition at equally spaced and at Chebyshev points, and the test error, per basis."""
    import numpy as np

    import approxlab as al
    from approxlab.regression import polynomial

    n, box = unit["samples"], al.Box([-1.0], [1.0])
    function, rows = TARGETS[unit["target"]], []
    equal = np.linspace(-1.0, 1.0, n)[:, None]
    cosines = -np.cos((np.arange(n) + 0.5) * np.pi / n)[:, None]
    for basis in BASES:
        for degree in range(1, unit["degree_up_to"] + 1):
            fit, other = (
                polynomial((x, function(x[:, 0], np)), degree, basis=basis, box=box)
                for x in (equal, cosines)
            )
            rows.append(
                {
                    "basis": basis,
                    "degree": degree,
                    "rank": fit.rank,
                    "condition": fit.condition,
                    "condition_kind": fit.condition_kind,
                    "chebyshev_points_condition": other.condition,
                    "chebyshev_points_condition_kind": other.condition_kind,
                    "test_rms": _errors(unit, fit.model, equal, function(equal[:, 0], np))[
                        "test_rms"
                    ],
                }
            )
    return rows


EXPERIMENT = runner.Experiment(
    name="linear_polynomial_mlp",
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
