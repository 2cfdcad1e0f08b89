"""How large are errors really, proved from both sides, and how tight are the theorems?

For constructions, whose theorems claim an upper bound of the sup norm, and for fits of several
methods and widths, `certify.sup_norm` encloses the sup norm of network minus target in exact real
arithmetic. Beside the interval stands the sampled estimate of `errors.sup`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.certified_errors.cases import CASES, construction
from experiments.certified_errors.figure import draw
from experiments.certified_errors.findings import caption, check, table

if TYPE_CHECKING:
    from approxlab import MLP, Target

REVISION = 3

Method = Literal["adam", "lbfgs", "levenberg_marquardt", "variable_projection", "solve"]
_METHODS: tuple[Method, ...] = (
    "adam",
    "lbfgs",
    "levenberg_marquardt",
    "variable_projection",
    "solve",
)


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    constructions: tuple[str, ...] = tuple(CASES)
    """Names of the constructions."""
    targets: tuple[str, ...] = ("runge", "compositional")
    """Targets of the fits, names of the catalogue."""
    methods: tuple[Method, ...] = _METHODS
    """How the fits are found."""
    widths: tuple[int, ...] = (4, 8, 16, 32)
    """Widths of the one hidden layer of tanh."""
    steps: int = 100
    """Largest number of steps of least squares; others make thirty times as many."""
    rtol: float = 1e-3
    """Relative width of the proved intervals."""
    most_boxes: int = 200_000
    """Boxes after which a proof ends with the interval that it has."""


PRESETS = {
    "smoke": Config(
        constructions=("square_shallow", "costarelli_spigler"),
        targets=("runge",),
        methods=("levenberg_marquardt", "solve"),
        widths=(4,),
        steps=10,
    ),
    "default": Config(),
    "paper": Config(widths=(4, 8, 16, 32, 64), steps=300, most_boxes=4_000_000),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every construction, and every fit."""
    check_positive(steps=config.steps, most_boxes=config.most_boxes)
    if not config.rtol > 0:
        raise ValueError(f"rtol: got {config.rtol}, expected a positive number.")
    for name in config.constructions:
        if name not in CASES:
            raise ValueError(f"constructions: got {name!r}, expected some of {tuple(CASES)}.")
    if not config.methods or not config.widths or not config.targets:
        raise ValueError("methods, widths, targets: got none, expected one of each at least.")
    proof = {"rtol": config.rtol, "most_boxes": config.most_boxes}
    return [
        *({"story": "construction", "name": name, **proof} for name in config.constructions),
        *(
            {
                "story": "fit",
                "target": target,
                "method": method,
                "width": width,
                "steps": config.steps,
                **proof,
            }
            for target in config.targets
            for method in config.methods
            for width in config.widths
        ),
    ]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row: the sampled error, the proved interval, and for a construction its claim."""
    import approxlab as al

    if unit["story"] == "construction":
        built = construction(unit["name"])
        bound = built.claim.bound
        told = {"claimed": float(bound), "attained": bound.exact or bound.attained}
        network, target = built.network, built.target
    else:
        target = al.targets.get(unit["target"])
        network, told = _fitted(target, unit, run), {}
    found = al.certify.sup_norm(network, target, rtol=unit["rtol"], max_boxes=unit["most_boxes"])
    return [
        {
            **told,
            "num_hidden_units": network.num_hidden_units,
            "sampled_sup": float(al.errors.sup(network, target)),
            **found.to_rows()[0],
        }
    ]


def _fitted(target: Target, unit: Mapping[str, Any], run: runner.RunInfo) -> MLP:
    import jax

    import approxlab as al

    method, width = unit["method"], unit["width"]
    key = jax.random.fold_in(jax.random.key(run.seed), width)
    if method == "solve":
        start = al.MLP.init(key, target.dim, (width,), init="spread", domain=target.domain)
        return al.fitting.readout(start, target, rtol=1e-9).network
    least_squares = method in ("levenberg_marquardt", "variable_projection")
    result = al.fit(
        target,
        hidden=(width,),
        method=method,
        steps=unit["steps"] * (1 if least_squares else 30),
        points=256 if target.dim == 1 else 625,
        key=key,
        devices=run.devices,
    )
    return result.networks.member(0)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    fits = len(config.targets) * len(config.methods) * len(config.widths)
    return 5.0 + 1.5 * len(config.constructions) + fits * (0.8 + 8e-3 * config.steps)


EXPERIMENT = runner.Experiment(
    name="certified_errors",
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
