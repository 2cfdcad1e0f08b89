"""Steep units with coefficients read off the target, or wide units with solved coefficients?

Both are one hidden layer with equally spaced centres. Staircases (classical, midpoint) and
Costarelli-Spigler operators take their coefficients from values of the target; the
quasi-interpolant has wide units and solves one least-squares problem. Error against the number of
units on four targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.runner import own_targets
from experiments.steep_or_solved.figure import draw
from experiments.steep_or_solved.findings import caption, check, table

if TYPE_CHECKING:
    from approxlab import Construction, Target

REVISION = 3

_TARGETS = ("exp", "sine2", "sine4", "runge", "chirp", "square", "cube", "power11")
_METHODS = ("classical", "midpoint", "costarelli_spigler", "midpoint_tuned")
_STEEP = 32.0  # gain of practically a jump
_MODERATE = (0.35, 0.4, 0.5, 0.6, 0.75, 1.0, 2.0)  # the best of these gains is taken
_HALO = 8


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[str, ...] = ("exp", "sine4", "runge", "chirp")
    """Targets of one variable, with proved Lipschitz constants: exp, sine2, sine4, runge, chirp,
    square, cube, power11, or your own as path/to/file.py:name or module:name."""
    cells: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 1024)
    """Numbers of cells of the staircases and operators."""
    widths: tuple[int, ...] = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 320, 430)
    """Numbers of solved units."""
    shown: int = 16
    """Number of units of the two small networks that are drawn."""


PRESETS = {
    "smoke": Config(targets=("exp",), cells=(128, 512, 1024), widths=(16, 32), shown=8),
    "default": Config(),
    "paper": Config(cells=(16, 32, 64, 128, 256, 512, 1024, 2048, 4096),
                    widths=(8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192,
                            224, 256, 304, 360, 430, 512)),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Two networks to draw, then every method at every size; equal sizes are neighbours."""
    check_positive(shown=config.shown)
    for name, least, sizes in (("cells", 8, config.cells), ("widths", 4, config.widths)):
        if not sizes or min(sizes) < least:
            raise ValueError(f"{name}: got {sizes}, expected sizes of at least {least}.")
    if config.shown < 4:
        raise ValueError(f"shown: got {config.shown}, expected at least 4.")
    for name in config.targets:
        own_targets.check("targets", name, _TARGETS, dim=1, facts=("lipschitz",))
    pictures = [
        {"story": "picture", "target": "exp", "method": method, "n": config.shown}
        for method in ("classical", "solved")
    ]
    steep = [
        {"story": "error", **own_targets.fields(target), "method": method, "n": n}
        for n in config.cells
        for method in _METHODS
        for target in config.targets
    ]
    solved = [
        {"story": "error", **own_targets.fields(target), "method": "solved", "n": n}
        for n in config.widths
        for target in config.targets
    ]
    return [*pictures, *steep, *solved]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row with the errors of a network, or a row for each unit of a network to draw."""
    from approxlab import targets

    target = own_targets.find(unit) or targets.get(unit["target"])
    if unit["story"] == "picture":
        return _units_of(target, unit)
    return [_solved(target, unit) if unit["method"] == "solved" else _built(target, unit)]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    cells = sum(config.cells) * len(config.targets)
    return 5.0 + 1.2e-3 * cells + 0.15 * len(config.targets) * len(config.widths)


def _built(target: Target, unit: Mapping[str, Any]) -> dict[str, Any]:
    """A construction with its claim; where several gains are tried, the one of least L2 error."""
    import approxlab as al

    def error(built: Construction) -> float:
        return float(al.errors.l2(built.network, target, relative=True))

    method, n = unit["method"], unit["n"]
    gains = _MODERATE if method in ("midpoint_tuned", "costarelli_spigler") else (_STEEP,)
    tried = [(_construction(target, method, n, gain), gain) for gain in gains]
    best, gain = min(tried, key=lambda pair: error(pair[0]))
    return {
        **best.to_rows()[0],
        "gain": gain,
        "relative_l2_error": error(best),
        "sup_error": float(al.errors.sup(best.network, target)),
    }


def _construction(target: Target, method: str, n: int, gain: float) -> Construction:
    from approxlab import constructions

    if method == "costarelli_spigler":
        return constructions.costarelli_spigler(target, n, gain, halo=_HALO)
    if method == "midpoint_tuned":
        return constructions.staircase(target, n, gain, halo=_HALO)
    jumps: Literal["classical", "midpoint"] = "classical" if method == "classical" else "midpoint"
    return constructions.staircase(target, n, gain, jumps=jumps)


def _solved(target: Target, unit: Mapping[str, Any]) -> dict[str, Any]:
    import approxlab as al

    solved = al.fitting.quasi_interpolant(target, unit["n"])
    row = solved.to_rows()[0]
    row["condition"] = float(f"{row['condition']:.2g}")  # an estimate: its last bits vary
    return {**row, "sup_error": float(al.errors.sup(solved.network, target))}


def _units_of(target: Target, unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Weights of every unit of a small network, for drawing."""
    import numpy as np

    from approxlab.fitting import quasi_interpolant

    if unit["method"] == "solved":
        network = quasi_interpolant(target, unit["n"]).network
    else:
        network = _construction(target, unit["method"], unit["n"], _STEEP).network
    inner, outer = (np.asarray(weight, float) for weight in network.weights)
    shifts, (constant,) = (np.asarray(bias, float) for bias in network.biases)
    return [
        {
            "activation": network.activation,
            "weight": float(w),
            "bias": float(b),
            "coefficient": float(c),
            "constant": float(constant),
        }
        for w, b, c in zip(inner[:, 0], shifts, outer[0], strict=True)
    ]


EXPERIMENT = runner.Experiment(
    name="steep_or_solved",
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
