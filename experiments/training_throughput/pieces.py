"""The pieces of a training step, each timed alone, and the peak of the machine.

Every piece runs on all devices at once, as the sweep does, once for each step. The times of the
pieces need not sum to that of the step: the compiler fuses some, and caches are warmer for one
piece alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.training_throughput.cases import Case

_SIDES = (128, 256, 512, 1024)  # of square matrices; the fastest product gives the peak
_PEAK_FLOPS = 1e8  # operations on each device for one step of a measurement of the peak

Piece = Callable[[int], dict[str, float] | None]


def products(case: Case) -> Piece:
    """The matrix products of a step: forward, for weights, for inputs."""
    import jax
    import jax.numpy as jnp

    sizes = list(zip(case.sizes[:-1], case.sizes[1:], strict=True))

    def start() -> Any:
        weights = [_orthogonal(m, n) for n, m in sizes]
        return jnp.ones((1, case.points)), jnp.ones((1, case.points)), weights, weights

    def step(_: Any, carry: Any) -> Any:
        # Outputs become inputs of the same size, so that no product can be left out or moved.
        x, g, weights, _ = carry
        inputs = [x]
        for w in weights:
            inputs.append(w @ inputs[-1])
        gradients = []
        for i, w in reversed(list(enumerate(weights))):
            gradients.append(g @ inputs[i].T)
            g = w.T @ g if i else g
        return inputs[-1], g[:1], weights, gradients[::-1]

    return _on_all_devices(case, start, lambda n, c: jax.lax.fori_loop(0, n, step, c))


def activation(case: Case) -> Piece:
    """The tanh of every hidden unit at every point, and the product with its derivative."""
    import jax
    import jax.numpy as jnp

    def start() -> Any:
        return [jnp.linspace(-1.0, 1.0, m * case.points).reshape(m, -1) for m in case.widths]

    def step(_: Any, values: Any) -> Any:
        tanhs = [jnp.tanh(v) for v in values]
        return [t + 0.5 * (1.0 - t * t) for t in tanhs]

    return _on_all_devices(case, start, lambda n, c: jax.lax.fori_loop(0, n, step, c))


def optimiser(case: Case) -> Piece:
    """Adam's update of all parameters, as one vector."""
    import jax
    import jax.numpy as jnp
    import optax

    adam = optax.adam(1e-3)
    count = sum(m * (n + 1) for n, m in zip(case.sizes[:-1], case.sizes[1:], strict=True))

    def start() -> Any:
        params = jnp.linspace(-1.0, 1.0, count)
        return params, adam.init(params)

    def step(_: Any, carry: Any) -> Any:
        params, state = carry
        updates, state = adam.update(params, state)
        return optax.apply_updates(params, updates), state

    return _on_all_devices(case, start, lambda n, c: jax.lax.fori_loop(0, n, step, c))


def peak(case: Case) -> Piece:
    """The best rate of square float32 products on all devices, whatever the case."""
    import jax

    devices = _devices()
    programs = [(side, _chain(side), _orthogonal(side, side)) for side in _SIDES]

    def rate(steps: int, side: int, program: Any, factor: Any) -> float:
        count = max(1, round(steps * _PEAK_FLOPS / (2 * side**3)))
        factors = [jax.device_put(factor, d) for d in devices]
        jax.block_until_ready([program(1, f) for f in factors])
        began = time.perf_counter()
        jax.block_until_ready([program(count, f) for f in factors])
        return len(devices) * count * 2 * side**3 / (time.perf_counter() - began)

    def run(steps: int) -> dict[str, float]:
        return {"flops_per_s": max(rate(steps, *each) for each in programs)}

    return run


def _chain(side: int) -> Any:
    import jax

    return jax.jit(lambda n, a: jax.lax.fori_loop(0, n, lambda _, b: a @ b, a))


def _devices() -> Sequence[Any]:
    import jax

    from experiments.runner.cores import one_device_per_core

    with one_device_per_core():
        return jax.devices()


def _orthogonal(rows: int, columns: int) -> Any:
    """A part of a rotation with this shape, so that numbers neither grow nor shrink."""
    import jax.numpy as jnp
    import numpy as np

    side = max(rows, columns)
    q = np.linalg.qr(np.cos(np.arange(side * side, dtype=float) ** 1.5).reshape(side, side))[0]
    return jnp.asarray(q[:rows, :columns], jnp.float32)


def _on_all_devices(case: Case, start: Callable[[], Any], loop: Callable[..., Any]) -> Piece:
    import jax

    devices = _devices()
    program = jax.jit(loop)
    states = [jax.device_put(start(), device) for device in devices]

    def run(steps: int) -> None:
        count = -(-case.seeds * steps // len(devices))
        jax.block_until_ready([program(count, state) for state in states])

    return run
