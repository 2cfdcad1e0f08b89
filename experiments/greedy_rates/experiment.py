"""How fast do greedy networks converge, compared with theory and with published errors?

The orthogonal greedy algorithm adds one unit relu(w.x + b)^k at a time and projects again. Error
against units for exp(-8 |x - 1/2|^2) in one, two and three dimensions against the proved rate
n^(-1/2 - (2k + 1) / (2d)); the same with all kinks moved at the end; and published tables against
the errors found here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.greedy_rates.cases import PUBLISHED, REQUIRED, bump, case_target, graded
from experiments.greedy_rates.figure import draw
from experiments.greedy_rates.findings import caption, check, table

if TYPE_CHECKING:
    from approxlab.fitting import GreedyFit

REVISION = 2

Case = Literal[
    "sine", "parabola", "two_sines", "sine_product", "gabor", "corner", "sine_product_3d",
    "gaussian_10d",
]  # fmt: skip
_FIRST = 4  # number of units from which errors are recorded


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dims: tuple[int, ...] = (1, 2, 3)
    """Dimensions of the curves, at most 3."""
    powers: tuple[int, ...] = (0, 1, 2, 3)
    """Powers k of the units."""
    units: tuple[int, ...] = (256, 128, 64)
    """Largest number of units, one per dimension."""
    polished: tuple[int, ...] = (16, 32, 64)
    """Numbers of units of the fits whose kinks are moved at the end, for powers of at least 1."""
    cases: tuple[Case, ...] = ("sine", "parabola", "two_sines", "sine_product")
    """Targets with a published table."""
    polish_cases: tuple[int, ...] = (128,)
    """Units of polished fits of the published target `sine`."""


PRESETS = {
    "smoke": Config(dims=(1, 2), powers=(1,), units=(32, 16), polished=(8,), cases=("parabola",),
                    polish_cases=()),
    "default": Config(),
    "paper": Config(units=(512, 512, 128), polished=(16, 32, 64),
                    cases=("sine", "parabola", "two_sines", "sine_product", "gabor", "corner",
                           "sine_product_3d", "gaussian_10d"), polish_cases=(128, 512)),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Curves, polished fits of the same targets, then published tables."""
    if len(config.units) != len(config.dims):
        raise ValueError(f"units: got {config.units}, expected one number per dimension.")
    for dim, n in zip(config.dims, config.units, strict=True):
        if dim not in (1, 2, 3) or n < 2 * _FIRST:
            raise ValueError(
                f"dims: got {dim} with {n} units, expected 1, 2 or 3 with {2 * _FIRST} or more."
            )
    check_positive(**{f"polished[{i}]": n for i, n in enumerate(config.polished)})
    sizes = list(zip(config.dims, config.units, strict=True))
    curves = [
        {"story": "rate", "dim": dim, "power": power, "n": n}
        for dim, n in sizes
        for power in config.powers
    ]
    moved = [
        {"story": "polish", "dim": dim, "power": power, "n": n}
        for dim, most in sizes
        for power in config.powers
        for n in config.polished
        if power > 0 and n <= most
    ]
    tables = [
        {"story": "published", "case": case, "method": method, "n": max(PUBLISHED[case])}
        for case in config.cases
        for method in ("as published", "best step")
        if method == "best step" or case in ("sine", "parabola", "two_sines")
    ]
    if "sine_product" in config.cases:
        tables.append({"story": "published", "case": "sine_product", "method": "random",
                       "n": max(PUBLISHED["sine_product"])})  # fmt: skip
    polished = [
        {"story": "published", "case": "sine", "method": "polished", "n": n}
        for n in config.polish_cases
    ]
    return [*curves, *moved, *tables, *polished]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Rows of one fit: one per doubling of the units, or one per published number."""
    if unit["story"] == "published":
        return _published(unit, run)
    from approxlab.fitting import greedy

    dim, power, n = unit["dim"], unit["power"], unit["n"]
    polish = unit["story"] == "polish"
    fit = greedy(bump(dim), n, power=power, polish=polish)
    theory = -0.5 - (2 * power + 1) / (2 * dim)
    if polish:
        greedy_error = float(fit.errors[-1])
        return [{"num_hidden_units": len(fit.biases), "l2_error": float(fit.error),
                 "greedy_l2_error": greedy_error, "ending": fit.polish}]  # fmt: skip
    sizes = [_FIRST * 2**i for i in range(20) if _FIRST * 2**i <= len(fit.errors)]
    sizes = sorted({*sizes, *(round(m * 2**0.5) for m in sizes[:-1]), len(fit.errors)})
    return [
        {
            "num_hidden_units": m,
            "l2_error": float(fit.errors[m - 1]),
            "fit_l2_error": float(fit.residuals[m - 1]),
            "theory_slope": theory,
            "ending": str(fit.status),
        }
        for m in sizes
    ]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    each = {1: 0.02, 2: 0.03, 3: 0.06}
    curves = sum(n * each[dim] for dim, n in zip(config.dims, config.units, strict=True))
    tables = {"sine": 6.0, "parabola": 0.5, "two_sines": 8.0, "sine_product": 20.0, "gabor": 40.0,
              "corner": 110.0, "sine_product_3d": 60.0, "gaussian_10d": 40.0}  # fmt: skip
    polish = 1.5 * len(config.dims) * len(config.polished) + 0.15 * sum(config.polish_cases)
    return 5.0 + curves * len(config.powers) + polish + sum(tables[case] for case in config.cases)


def _published(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    case, method = unit["case"], unit["method"]
    fit = _case_fit(unit, run)
    wanted = [unit["n"]] if method == "polished" else list(PUBLISHED[case])
    rows: list[dict[str, Any]] = []
    for m in wanted:
        error = float(fit.error) if m == len(fit.biases) else float(fit.errors[m - 1])
        row = {
            "dim": fit.directions.shape[1],
            "power": fit.power,
            "num_hidden_units": m,
            "l2_error": error,
            "published_l2_error": PUBLISHED[case][m],
        }
        required = REQUIRED.get((case, method, m))
        rows.append(row if required is None else {**row, "asked_l2_error": required})
    return rows


def _case_fit(unit: Mapping[str, Any], run: runner.RunInfo) -> GreedyFit:
    """One fit, with points and dictionary chosen for its target."""
    import jax

    from approxlab.fitting import Dictionary, greedy

    case, method, n = unit["case"], unit["method"], unit["n"]
    target = case_target(case)
    if method == "as published":
        return greedy(target, n, normalise=False, refine=False, points=2048)
    if method == "polished":
        return greedy(target, n, refine=False, points=16 * n, polish=60)
    if method == "random":
        key = jax.random.fold_in(jax.random.key(run.seed), n)
        return greedy(target, n, dictionary=Dictionary(random=True), key=key, refine=False)
    special: dict[str, dict[str, Any]] = {
        "gabor": {"points": 64, "refine": False},
        "corner": {"power": 2, "points": graded(16, 8, 3), "test_points": graded(25, 12, 4),
                   "dictionary": Dictionary(96, 128)},
        "sine_product_3d": {"refine": False, "points": 10},
        "gaussian_10d": {"refine": False, "dictionary": Dictionary(random=True),
                         "key": jax.random.fold_in(jax.random.key(run.seed), n)},
    }  # fmt: skip
    return greedy(target, n, **special.get(case, {"refine": False}))


EXPERIMENT = runner.Experiment(
    name="greedy_rates",
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
