"""Tasks of the greedy algorithm and of solved last layers."""

from __future__ import annotations

from typing import Any

from experiments.growth.task import Call, Task

__all__ = ["TASKS"]


def _wave(dim: int, seed: int) -> Any:
    """A smooth target in which no unit is exact."""
    import jax.numpy as jnp

    from approxlab import Box, Target

    phase = 0.1 * (seed + 1)
    return Target(
        lambda x: jnp.prod(jnp.sin(3.0 * x + phase)) + jnp.exp(x[0]), domain=Box.unit(dim)
    )


def _greedy(dim: int) -> Any:
    def prepare(units: int, seed: int) -> Call:
        from approxlab.fitting import greedy

        target = _wave(dim, seed)
        return lambda: float(greedy(target, units).residuals[-1])

    return prepare


def _readout(units: int, seed: int) -> Call:
    import jax

    import approxlab as al
    from approxlab.fitting import readout

    net = al.MLP.init(jax.random.key(seed), 1, (units,), "relu", init="uniform_knots")
    target = _wave(1, seed)
    return lambda: float(readout(net, target).to_rows()[0]["relative_l2_error"])


TASKS = (
    Task(
        name="greedy_1d",
        title="greedy in 1D",
        size="units",
        smoke=(4, 8),
        default=(64, 128, 256, 512),
        paper=(1024,),
        before=512,
        prepare=_greedy(1),
    ),
    Task(
        name="greedy_2d",
        title="greedy in 2D",
        size="units",
        smoke=(4, 8),
        default=(32, 64, 128),
        paper=(256, 512),
        before=512,
        prepare=_greedy(2),
    ),
    Task(
        name="greedy_3d",
        title="greedy in 3D",
        size="units",
        smoke=(4, 8),
        default=(16, 32, 64),
        paper=(128, 256),
        before=256,
        prepare=_greedy(3),
    ),
    Task(
        name="readout",
        title="readout of ReLUs",
        size="units",
        smoke=(4, 8),
        default=(128, 256, 512),
        paper=(1024, 2048),
        before=1024,
        prepare=_readout,
    ),
)
