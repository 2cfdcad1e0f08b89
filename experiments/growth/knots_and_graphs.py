"""Tasks of placed knots, of plans of long chains, and of traces and chunked Jacobians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from experiments.growth.task import Call, Task

__all__ = ["TASKS"]


def _spline(norm: Literal["l2", "sup"]) -> Callable[[int, int], Call]:
    """The knots are placed by an iteration, so versions agree in their number alone."""

    def prepare(pieces: int, seed: int) -> Call:
        import approxlab as al

        target = al.targets.get("runge")
        return lambda: float(al.optimal.relu_spline(target, pieces, norm).spline.pieces)

    return prepare


def _free_knots(pieces: int, seed: int) -> Call:
    import approxlab as al

    target = al.targets.get("runge")
    return lambda: float(al.fitting.free_knots(target, pieces, "sup").network.num_hidden_units)


def _plan(layers: int, seed: int) -> Call:
    import numpy as np

    import approxlab as al
    from approxlab.derivatives.planner import plans

    widths = [int(n) for n in np.random.default_rng(seed).integers(1, 600, layers + 1)]

    def call() -> float:
        plans._cheapest_within.cache_clear()
        return float(al.derivatives.plan_network(widths).dot_flops)

    return call


def _trace(inputs: int, seed: int) -> Call:
    import jax.numpy as jnp

    import approxlab as al

    def f(*xs: Any) -> Any:
        total = xs[0]
        for x in xs[1:]:
            total = jnp.sin(total) * x
        return total

    point = [0.5 + 0.1 * ((i + seed) % 7) for i in range(inputs)]
    return lambda: float(al.derivatives.trace(f, *point).gradients[-1])


def _trace_steps(steps: int, seed: int) -> Call:
    import jax.numpy as jnp

    import approxlab as al

    def f(x: Any) -> Any:
        y = x
        for _ in range(steps // 2):
            y = jnp.sin(y) * x
        return y

    point = 1.5 + 0.01 * (seed % 7)
    return lambda: float(al.derivatives.trace(f, point).value)


def _trace_layers(layers: int, seed: int) -> Call:
    import jax
    import jax.numpy as jnp

    import approxlab as al

    net = al.MLP.init(jax.random.key(seed), 2, (16,) * layers)
    return lambda: float(al.derivatives.trace(net, jnp.ones(2)).value)


def _chunked(width: int, seed: int) -> Call:
    import jax
    import jax.numpy as jnp

    import approxlab as al

    net = al.MLP.init(jax.random.key(seed), width, (width, width), out_size=width)
    x = jnp.ones(width)
    return lambda: float(jnp.mean(al.derivatives.jacobian(net, x, method="chunked") ** 2))


def _chunked_calls(calls: int, seed: int) -> Call:
    """Small Jacobians, of a function that is new at each call."""
    import jax.numpy as jnp

    import approxlab as al

    x = jnp.linspace(0.1, 0.9, 4)

    def one(k: int) -> float:
        scale = 1.0 + 0.01 * (seed + k)
        found = al.derivatives.jacobian(lambda x: jnp.tanh(scale * x), x, method="chunked")
        return float(jnp.sum(found))

    return lambda: [one(k) for k in range(calls)][-1]


TASKS = (
    Task(
        name="spline_sup",
        title="best ReLU spline, sup norm",
        size="pieces",
        smoke=(4, 8),
        default=(64, 128, 256, 512, 1024),
        before=1024,
        prepare=_spline("sup"),
    ),
    Task(
        name="spline_l2",
        title="best ReLU spline, L2 norm",
        size="pieces",
        smoke=(4, 8),
        default=(17, 32, 64, 128),
        paper=(256, 512, 1024),
        before=1024,
        prepare=_spline("l2"),
    ),
    Task(
        name="free_knots_sup",
        title="free_knots, sup norm",
        size="pieces",
        smoke=(4, 8),
        default=(64, 128, 256, 1024, 4096),
        before=4096,
        prepare=_free_knots,
    ),
    Task(
        name="plan",
        title="plan_network",
        size="layers",
        smoke=(4, 8),
        default=(100, 200, 400),
        before=400,
        prepare=_plan,
    ),
    Task(
        name="trace",
        title="trace of scalar inputs",
        size="inputs",
        smoke=(2, 4),
        default=(16, 32, 64),
        paper=(128, 256),
        before=256,
        prepare=_trace,
    ),
    Task(
        name="trace_steps",
        title="trace of many steps",
        size="steps",
        smoke=(4, 8),
        default=(500, 1000, 2000, 5000),
        before=5000,
        prepare=_trace_steps,
    ),
    Task(
        name="trace_layers",
        title="trace of a deep network",
        size="layers",
        smoke=(2, 4),
        default=(32, 64, 128),
        before=128,
        prepare=_trace_layers,
    ),
    Task(
        name="chunked_calls",
        title="chunked Jacobians, repeated",
        size="calls",
        smoke=(1, 2),
        default=(4, 8, 16),
        before=16,
        prepare=_chunked_calls,
    ),
    Task(
        name="chunked",
        title="chunked Jacobian, three layers",
        size="width",
        smoke=(4, 8),
        default=(256, 512, 1024),
        paper=(2048,),
        before=2048,
        prepare=_chunked,
    ),
)
