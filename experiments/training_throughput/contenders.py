"""The contenders of `training_throughput`, each in its own process.

    python -m experiments.training_throughput.contenders NAMES WIDTHS POINTS SEEDS

reads lines with a name and a number of training steps for each seed, and answers each with the time
that all seeds took. All train 1-WIDTHS-1 tanh networks on sin 3x by Adam with a constant learning
rate (in approxlab it falls along a cosine), in float32, with all points in every step, and start
from new weights every time.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from experiments.training_throughput import pieces
from experiments.training_throughput.cases import Case

_RATE = 1e-3
SCANNED = 20  # steps in one program of the contender `scan`, which runs multiples of it
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Run = Callable[[int], dict[str, float] | None]


def environment(name: str, case: Case) -> Mapping[str, str]:
    """Environment variables to set before the process starts, the best for each contender."""
    others = ("pytorch_default", "pytorch", "pytorch_compiled", "scikit_learn")
    alone = case.small and name in others
    return _ONE_THREAD if alone or name == "pytorch_twice" else {}


def installed(name: str) -> bool:
    """Whether the packages of a contender are installed."""
    if name == "pytorch_compiled" and shutil.which("c++") is None:
        return False  # its programs are written in C++
    package = "torch" if name.startswith("pytorch") else {"scikit_learn": "sklearn"}.get(name)
    return package is None or importlib.util.find_spec(package) is not None


# ------------------------------------------------------------------------------------ ours


def _sweep(case: Case) -> Run:
    """`approxlab.fit` as experiments call it: one device per core."""
    from experiments.runner.cores import one_device_per_core

    with one_device_per_core():
        return _fit(case)


def _single_device(case: Case) -> Run:
    """The same call with one device."""
    return _fit(case)


def _single_call(case: Case) -> Run:
    """The same with one record at the end, so that the whole run is one call of a program."""
    from experiments.runner.cores import one_device_per_core

    with one_device_per_core():
        return _fit(case, recorded=False)


def _fit(case: Case, recorded: bool = True) -> Run:
    import jax

    import approxlab as al

    jax.devices()  # starts the backend with the current flags

    def run(steps: int) -> None:
        stride = None if recorded else steps
        result = al.fit(
            case.data, hidden=case.widths, steps=steps, seeds=case.seeds, dtype="float32",
            learning_rate=_RATE, tol=0.0, stride=stride,
        )  # fmt: skip
        assert set(result.statuses) == {"budget"}

    return run


# ------------------------------------------------------------------------- plain JAX, one device


def _jax_training(case: Case) -> tuple[Any, Any, Any]:
    """Initial state and one step, as a reader of the documentation would write them, and keys."""
    import jax
    import jax.numpy as jnp
    import optax

    x, y = (jnp.asarray(a) for a in case.data)
    adam = optax.adam(_RATE)

    def init(key: Any) -> Any:
        keys = jax.random.split(key, len(case.sizes) - 1)
        params = [
            (jax.random.normal(k, (n, m)) / n**0.5, jnp.zeros(m))
            for k, n, m in zip(keys, case.sizes[:-1], case.sizes[1:], strict=True)
        ]
        return params, adam.init(params)

    def loss(params: Any) -> Any:
        h = x
        for w, b in params[:-1]:
            h = jnp.tanh(h @ w + b)
        w, b = params[-1]
        return jnp.mean((h @ w + b - y[:, None]) ** 2)

    def step(state: Any) -> Any:
        params, moments = state
        gradient = jax.grad(loss)(params)
        updates, moments = adam.update(gradient, moments, params)
        return optax.apply_updates(params, updates), moments

    return init, step, jax.random.split(jax.random.key(0), case.seeds)


def _scan(case: Case) -> Run:
    """Runs of SCANNED steps in one program: a scan over the steps, one seed after another."""
    import jax

    init, step, keys = _jax_training(case)

    def train(key: Any) -> Any:
        return jax.lax.scan(lambda s, _: (step(s), None), init(key), length=SCANNED)[0]

    program = jax.jit(lambda keys: jax.lax.map(train, keys))

    def run(steps: int) -> None:
        for _ in range(steps // SCANNED):
            jax.block_until_ready(program(keys))

    return run


def _python_loop(case: Case) -> Run:
    """A compiled step called from a loop in Python, one seed after another."""
    import jax

    init, step, keys = _jax_training(case)
    compiled, start = jax.jit(step, donate_argnums=0), jax.jit(init)

    def run(steps: int) -> None:
        for key in keys:
            state = start(key)
            for _ in range(steps):
                state = compiled(state)
            jax.block_until_ready(state)

    return run


# ------------------------------------------------------------------------- other libraries


def _pytorch_default(case: Case) -> Run:
    """Eager PyTorch with Adam as it comes, one seed after another: what tutorials write."""
    return _torch_run(case, case.seeds, fused=None)


def _pytorch(case: Case) -> Run:
    """The same with the fused Adam, which all further ones have."""
    return _torch_run(case, case.seeds)


def _pytorch_compiled(case: Case) -> Run:
    """The same with loss and gradient compiled by `torch.compile`."""
    import torch

    return _torch_run(case, case.seeds, compiled=torch.compile)


def _torch_run(
    case: Case,
    seeds: int,
    *,
    fused: bool | None = True,
    compiled: Callable[[Any], Any] = lambda f: f,
) -> Run:
    import torch

    x, y = (torch.from_numpy(a) for a in case.data)
    layers: list[Any] = []
    for n, m in zip(case.sizes[:-1], case.sizes[1:], strict=True):
        layers += [torch.nn.Linear(n, m), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers[:-1])
    loss = compiled(lambda: torch.nn.functional.mse_loss(model(x)[:, 0], y))

    def run(steps: int) -> None:
        for _ in range(seeds):
            for linear in model[::2]:
                linear.reset_parameters()
            adam = torch.optim.Adam(model.parameters(), lr=_RATE, fused=fused)
            for _ in range(steps):
                adam.zero_grad(set_to_none=True)
                loss().backward()
                adam.step()

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))))
    return run


def _pytorch_twice(case: Case) -> Run:
    """Two processes with one thread and half of the seeds each."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(2):
        here, there = context.Pipe()
        context.Process(target=_torch_half, args=(case, there), daemon=True).start()
        pipes.append(here)

    def run(steps: int) -> None:
        for pipe in pipes:
            pipe.send(steps)
        for pipe in pipes:
            pipe.recv()

    return run


def _torch_half(case: Case, pipe: Any) -> None:
    run = _torch_run(case, case.seeds // 2)
    with contextlib.suppress(EOFError):  # the other end was closed
        while True:
            run(pipe.recv())
            pipe.send(None)


def _scikit_learn(case: Case) -> Run:
    """`MLPRegressor` with full batches, one seed after another."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    warnings.simplefilter("ignore", ConvergenceWarning)
    x, y = case.data

    def run(steps: int) -> None:
        for seed in range(case.seeds):
            MLPRegressor(
                hidden_layer_sizes=case.widths, activation="tanh", alpha=0.0, tol=0.0,
                batch_size=case.points, learning_rate_init=_RATE, max_iter=steps,
                n_iter_no_change=steps + 1, random_state=seed, shuffle=False,
            ).fit(x, y)  # fmt: skip

    return run


CONTENDERS: Mapping[str, Callable[[Case], Run]] = MappingProxyType(
    {
        "sweep": _sweep,
        "single_call": _single_call,
        "single_device": _single_device,
        "scan": _scan,
        "python_loop": _python_loop,
        "pytorch_default": _pytorch_default,
        "pytorch": _pytorch,
        "pytorch_compiled": _pytorch_compiled,
        "pytorch_twice": _pytorch_twice,
        "scikit_learn": _scikit_learn,
        "products": pieces.products,
        "activation": pieces.activation,
        "optimiser": pieces.optimiser,
        "peak": pieces.peak,
    }
)


def main(names: str, widths: str, points: str, seeds: str) -> None:
    """Serves one or several contenders until its input ends."""
    case = Case(tuple(map(int, widths.split(","))), int(points), int(seeds))
    runs = {name: CONTENDERS[name](case) for name in names.split(",")}
    for line in sys.stdin:
        name, steps = line.split()
        began = time.perf_counter()
        found = runs[name](int(steps)) or {}
        print(json.dumps({"seconds_s": time.perf_counter() - began, **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
