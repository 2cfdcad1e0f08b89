"""Tasks of many points, of norms of wide networks, and of calls that are repeated."""

from __future__ import annotations

from typing import Any

from experiments.growth.task import Call, Task

__all__ = ["TASKS"]

_WIDE = 1000  # units


def _network(dim: int, width: int, seed: int) -> Any:
    import jax

    import approxlab as al

    return al.MLP.init(jax.random.key(seed), dim, (width,), "tanh")


def _evaluate(points: int, seed: int) -> Call:
    import numpy as np

    import approxlab as al

    net = _network(2, _WIDE, seed)
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, (points, 2))
    return lambda: float(np.mean(np.asarray(al.evaluate(net, x))))


def _chunks(chunks: int, seed: int) -> Call:
    """Chunks of 32 points, as a small budget of memory gives them."""
    import numpy as np

    import approxlab as al

    net = _network(1, 8, seed)
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, (32 * chunks, 1))
    return lambda: float(np.mean(np.asarray(al.evaluate(net, x, batch=32))))


def _calls(calls: int, seed: int) -> Call:
    """`errors.sup` of two plain functions, again and again."""
    import jax.numpy as jnp

    import approxlab as al

    shift, box = 0.1 * (seed + 1), al.Box([0.0], [1.0])

    def model(x: Any) -> Any:
        return jnp.tanh(x[0] + shift)

    def target(x: Any) -> Any:
        return x[0]

    return lambda: [float(al.errors.sup(model, target, box)) for _ in range(calls)][-1]


def _l2(dim: int) -> Any:
    def prepare(width: int, seed: int) -> Call:
        import approxlab as al

        net, target = _network(dim, width, seed), al.targets.get("gaussian", dim=dim)
        return lambda: float(al.errors.l2(net, target))

    return prepare


TASKS = (
    Task(
        name="evaluate",
        title="evaluate, 1000 tanh units",
        size="points",
        smoke=(100, 200),
        default=(50_000, 100_000, 200_000, 400_000),
        paper=(2_000_000, 10_000_000),
        before=10_000_000,
        prepare=_evaluate,
    ),
    Task(
        name="evaluate_chunks",
        title="evaluate in chunks of 32 points",
        size="chunks",
        smoke=(2, 4),
        default=(500, 1000, 2000, 4000),
        paper=(32_000,),
        before=4000,
        prepare=_chunks,
    ),
    Task(
        name="sup_calls",
        title="errors.sup of functions, repeated",
        size="calls",
        smoke=(1, 2),
        default=(1, 2, 4),
        paper=(16,),
        before=16,
        prepare=_calls,
    ),
    Task(
        name="l2_3d",
        title="errors.l2 in 3D, one layer",
        size="units",
        smoke=(2, 4),
        default=(64, 128, 256),
        paper=(1024,),
        before=1024,
        prepare=_l2(3),
    ),
    Task(
        name="l2_4d",
        title="errors.l2 in 4D, one layer",
        size="units",
        smoke=(2, 4),
        default=(16, 32, 64),
        paper=(1024,),
        before=1024,
        prepare=_l2(4),
    ),
)
