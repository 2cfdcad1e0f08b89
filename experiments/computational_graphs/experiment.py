"""What do forward and reverse mode do, step by step?

Four functions as graphs, with values above the edges and gradients below them: (x + y) z, one
sigmoid unit, the Gaussian negative log likelihood, and ln x1 + x1 x2 - sin x2, the example in the
survey of automatic differentiation by Baydin, Pearlmutter, Radul and Siskind (2018), with its
forward and reverse tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from experiments import runner
from experiments.computational_graphs.figure import draw
from experiments.computational_graphs.findings import caption, check, table

REVISION = 1

Name = Literal["product", "sigmoid_unit", "gaussian", "survey"]
_ALL: tuple[Name, ...] = ("product", "gaussian", "sigmoid_unit", "survey")


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    graphs: tuple[Name, ...] = _ALL
    """Which functions are traced."""


PRESETS = {"smoke": Config(graphs=("product", "survey")), "default": Config(), "paper": Config()}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One unit per function."""
    if not config.graphs or len(set(config.graphs)) < len(config.graphs):
        raise ValueError(f"graphs: got {config.graphs}, expected different names, at least one.")
    return [{"graph": name} for name in config.graphs]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Every step and every contribution of the trace."""
    from approxlab.derivatives.tracing.trace import trace

    function, point, labels = _FUNCTIONS[unit["graph"]]
    return trace(function, *point, labels=labels).to_rows()


def _product(x: Any, y: Any, z: Any) -> Any:
    return (x + y) * z


def _sigmoid_unit(w0: Any, x0: Any, w1: Any, x1: Any, w2: Any) -> Any:
    import jax.numpy as jnp

    return 1 / (1 + jnp.exp(-(w0 * x0 + w1 * x1 + w2)))


def _gaussian(x: Any, m: Any, s: Any) -> Any:
    """-log of the normal density, without exponentials: (x - m)^2 / (2 s^2) + log s + const."""
    import math

    import jax.numpy as jnp

    t0 = x - m
    t1 = t0 / s
    t2 = jnp.log(s)
    t3 = t1**2
    t4 = t2 + math.log(2 * math.pi) / 2
    t5 = t3 / 2
    return t4 + t5


def _survey(x1: Any, x2: Any) -> Any:
    import jax.numpy as jnp

    v1, v2, v3 = jnp.log(x1), x1 * x2, jnp.sin(x2)  # in the order of the survey
    return v1 + v2 - v3


_FUNCTIONS: Mapping[str, tuple[Callable[..., Any], tuple[float, ...], tuple[str, ...] | None]] = {
    "product": (_product, (-2.0, 5.0, -4.0), None),
    "sigmoid_unit": (_sigmoid_unit, (2.0, -1.0, -3.0, -2.0, -3.0), None),
    "gaussian": (_gaussian, (2.0, 0.5, 2.0), ("t0", "t1", "t2", "t3", "t4", "t5", "c")),
    "survey": (_survey, (2.0, 5.0), None),
}


EXPERIMENT = runner.Experiment(
    name="computational_graphs",
    revision=REVISION,
    config=Config,
    presets=PRESETS,
    units=units,
    compute=compute,
    check=check,
    caption=caption,
    table=table,
    draw=draw,
    seconds=lambda config: 4.0,
)
