"""Does the error of n sampled units grow with the dimension? Barron's rate for the Gaussian.

Networks of n random steps for exp(-|x|^2 / 2) on the unit ball, drawn as in the proof of Barron's
theorem: the mean squared error against n, its exact expectation, and the bound (2 C_f)^2 / n. For
comparison: polynomials of the same dimension, by least squares on the ball.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.barron_rate.figure import draw
from experiments.barron_rate.findings import caption, check, table

REVISION = 1

_SAMPLINGS = ("fourier", "ridge")
_POLYNOMIAL_DIMS = (1, 2, 3)
_MOST_DEGREE = 18  # the error there is rounding


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dims: tuple[int, ...] = (1, 2, 5, 10)
    """Dimensions of the curves over n."""
    sizes: tuple[int, ...] = (4, 16, 64, 256, 1024, 4096)
    """Numbers n of units."""
    constant_dims: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    """Dimensions in which n times the error is measured, for both ways to sample."""
    constant_size: int = 256
    """Number of units there."""
    draws: int = 64
    """Networks drawn for each dimension and size."""
    points: int = 1024
    """Random points of the ball, new ones for each network."""
    dimension: int = 300
    """Largest dimension of the polynomials."""


PRESETS = {
    "smoke": Config(
        dims=(2,),
        sizes=(4, 32, 256),
        constant_dims=(2,),
        constant_size=32,
        draws=32,
        points=256,
        dimension=12,
    ),
    "default": Config(),
    "paper": Config(draws=400, points=4096, dimension=500),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Curves over n, then the constants for both ways to sample, then polynomials."""
    if not config.dims or not config.constant_dims:
        raise ValueError("dims: got none, expected one or more, also of constant_dims.")
    for dim in (*config.dims, *config.constant_dims):
        if not 1 <= dim <= 100:
            raise ValueError(f"dims: got {dim}, expected dimensions from 1 to 100.")
    check_positive(
        constant_size=config.constant_size, points=config.points, dimension=config.dimension
    )
    for size in config.sizes:
        check_positive(sizes=size)
    if len(set(config.sizes)) < 3:
        raise ValueError(f"sizes: got {config.sizes}, expected three or more, to fit a slope.")
    if config.draws < 8:
        raise ValueError(f"draws: got {config.draws}, expected at least 8, for a standard error.")
    shared = {"draws": config.draws, "points": config.points}
    curves = [
        {"story": "rate", "dim": dim, "n": n, "sampling": "fourier", **shared}
        for dim in config.dims
        for n in config.sizes
    ]
    constants = [
        {"story": "constant", "dim": dim, "n": config.constant_size, "sampling": name, **shared}
        for dim in config.constant_dims
        for name in _SAMPLINGS
    ]
    polynomials = [
        {
            "story": "polynomial",
            "dim": dim,
            "degree": degree,
            "dimension": math.comb(dim + degree, dim),
        }
        for dim in _POLYNOMIAL_DIMS
        for degree in range(0, _MOST_DEGREE + 1, 2)  # odd degrees add nothing: f is even
        if math.comb(dim + degree, dim) <= config.dimension
    ]
    return [*curves, *constants, *polynomials]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row: the mean over draws with its standard error, or the error of one polynomial."""
    return [_polynomial(unit) if unit["story"] == "polynomial" else _sampled(unit, run)]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    steps = [
        u["n"] * u["draws"] * u["points"] * (1 + 0.2 * u["dim"])
        for u in units(config)
        if u["story"] != "polynomial"
    ]
    return 8.0 + 4e-9 * sum(steps) + 0.3 * len(steps)


def _sampled(unit: Mapping[str, Any], run: runner.RunInfo) -> dict[str, Any]:
    """Mean squared errors of the draws, each at new points: unbiased in network and points."""
    import jax
    import numpy as np

    import approxlab as al

    dim, n = unit["dim"], unit["n"]
    root = jax.random.key(run.seed)
    for label in (dim, n, _SAMPLINGS.index(unit["sampling"])):
        root = jax.random.fold_in(root, label)
    errors, row = [], {}
    for draw_number in range(unit["draws"]):
        for_network, for_points = jax.random.split(jax.random.fold_in(root, draw_number))
        drawn = al.constructions.maurey(dim, n, for_network, sampling=unit["sampling"])
        points = al.domains.uniform_in_ball(for_points, unit["points"], dim)
        values, wanted = (np.asarray(al.evaluate(f, points)) for f in (drawn.network, drawn.target))
        (row,) = drawn.to_rows()
        errors.append(float(np.mean((values - wanted).astype(float) ** 2)))
    return {
        **row,
        "mean_squared_error": float(np.mean(errors)),
        "mean_squared_error_standard_error": float(np.std(errors, ddof=1) / len(errors) ** 0.5),
        "largest_mean_squared_error": max(errors),
    }


def _polynomial(unit: Mapping[str, Any]) -> dict[str, Any]:
    """Least squares in the polynomials of total degree at most `degree`, at points of the ball."""
    import itertools

    import jax
    import numpy as np

    from approxlab.domains import uniform_in_ball
    from approxlab.solves import solve

    dim, degree = unit["dim"], unit["degree"]
    powers = [p for p in itertools.product(range(degree + 1), repeat=dim) if sum(p) <= degree]

    def basis(points: np.ndarray) -> np.ndarray:
        axes = np.polynomial.chebyshev.chebvander(points, degree)  # (points, dim, degree + 1)
        columns = [np.prod([axes[:, i, k] for i, k in enumerate(p)], axis=0) for p in powers]
        return np.stack(columns, axis=1)

    fit, test = (uniform_in_ball(jax.random.key(i), 40 * len(powers) + 400, dim) for i in (0, 1))
    f_fit, f_test = (np.exp(-0.5 * np.sum(x**2, axis=1)) for x in (fit, test))
    solved = solve(basis(fit), f_fit)
    wrong = basis(test) @ solved.solution - f_test
    return {"rank": solved.rank, "mean_squared_error": float(np.mean(wrong**2))}


EXPERIMENT = runner.Experiment(
    name="barron_rate",
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
