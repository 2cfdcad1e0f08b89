"""The other libraries of `trained_or_solved`: PyTorch, optimistix, SciPy, each in its own process.

    python -m experiments.trained_or_solved.peers NAME < REQUEST

reads one request as JSON (initial layers, points, values, relative error to reach, limit in
seconds) and answers with the time at which that error was reached, the history of the error, and
the final layers. All minimise the mean square error in float64 at the same points, from the same
network. The clock starts at the first evaluation, after imports and a first call that may compile.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["RACERS", "THREADS", "installed", "main", "race_request"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables for the number of threads of a process, read when it starts."""
_RECORDED_EVERY = 0.05  # seconds
_ADAM_RATE = 1e-3  # the best here of 1e-2, 3e-3 and 1e-3

Layers = list[tuple[np.ndarray, np.ndarray]]


class _Stop(Exception):
    """The goal or the time limit is reached."""


class Watch:
    """Ends a run at a given relative error, which every library knows at no further cost."""

    def __init__(self, goal: float, limit_s: float) -> None:
        self.goal, self.limit_s = goal, limit_s
        self.records: list[tuple[float, float]] = []
        self.evaluations = 0
        self.reached = False
        self.best = math.inf
        self.began = time.perf_counter()

    def see(self, relative_error: float) -> None:
        """Records an error; raises an exception to end the run."""
        now = time.perf_counter() - self.began
        self.evaluations += 1
        self.best = min(self.best, relative_error)
        self.reached = self.best <= self.goal
        stop = self.reached or now >= self.limit_s
        if stop or not self.records or now - self.records[-1][0] >= _RECORDED_EVERY:
            self.records.append((now, self.best))
        if stop:
            raise _Stop

    @property
    def spent_s(self) -> float:
        return time.perf_counter() - self.began


def race_request(
    layers: Sequence[tuple[Any, Any]], x: Any, y: Any, goal: float, limit_s: float
) -> dict[str, Any]:
    """A request to be sent as JSON, which preserves every number exactly."""
    lists = [[np.asarray(w).tolist(), np.asarray(b).tolist()] for w, b in layers]
    return {
        "layers": lists,
        "x": np.asarray(x).tolist(),
        "y": np.asarray(y).tolist(),
        "goal": goal,
        "limit_s": limit_s,
    }


def installed(name: str) -> bool:
    """Whether the packages of a contender are installed."""
    package = {"pytorch": "torch", "optimistix": "optimistix", "scipy": "scipy"}
    return importlib.util.find_spec(package[name.split("_")[0]]) is not None


# ------------------------------------------------------------------------------------ PyTorch


def _torch_network(layers: Layers, x: np.ndarray, y: np.ndarray) -> tuple[Any, Callable[[], Any]]:
    import torch

    modules: list[Any] = []
    for w, b in layers:
        linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w))
            linear.bias.copy_(torch.from_numpy(b))
        modules += [linear, torch.nn.Tanh()]
    model = torch.nn.Sequential(*modules[:-1])
    inputs, outputs = torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None]
    return model, lambda: torch.nn.functional.mse_loss(model(inputs), outputs)


def _torch_layers(model: Any) -> Layers:
    flat = [p.detach().numpy() for p in model.parameters()]
    return list(zip(flat[::2], flat[1::2], strict=True))


def _pytorch_adam(layers: Layers, x: np.ndarray, y: np.ndarray, watch: Watch) -> Layers:
    """Fused Adam; its learning rate falls along a cosine to zero at the time limit."""
    import torch

    model, loss_of = _torch_network(layers, x, y)
    adam = torch.optim.Adam(model.parameters(), lr=_ADAM_RATE, fused=True)
    loss_of().backward()
    watch.began = time.perf_counter()
    try:
        while True:
            part = min(watch.spent_s / watch.limit_s, 1.0)
            adam.param_groups[0]["lr"] = _ADAM_RATE * 0.5 * (1.0 + math.cos(math.pi * part))
            adam.zero_grad(set_to_none=True)
            loss = loss_of()
            loss.backward()
            watch.see(math.sqrt(loss.item()))
            adam.step()
    except _Stop:
        return _torch_layers(model)


def _pytorch_lbfgs(layers: Layers, x: np.ndarray, y: np.ndarray, watch: Watch) -> Layers:
    """L-BFGS with strong Wolfe conditions and a long memory, restarted where it stops."""
    import torch

    model, loss_of = _torch_network(layers, x, y)
    loss_of().backward()

    def closure() -> Any:
        lbfgs.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        watch.see(math.sqrt(loss.item()))
        return loss

    watch.began = time.perf_counter()
    try:
        while True:
            lbfgs = torch.optim.LBFGS(
                model.parameters(),
                max_iter=10**6,
                max_eval=10**7,
                tolerance_grad=0.0,
                tolerance_change=0.0,
                history_size=100,
                line_search_fn="strong_wolfe",
            )
            before = watch.best
            lbfgs.step(closure)
            if watch.best >= before:  # a restart did not help
                break
    except _Stop:
        pass
    return _torch_layers(model)


# ------------------------------------------------------------------------------------ SciPy


def _flat(layers: Layers) -> np.ndarray:
    return np.concatenate([np.concatenate([w.ravel(), b]) for w, b in layers])


def _unflattened(p: np.ndarray, like: Layers) -> Layers:
    result, at = [], 0
    for w, b in like:
        shaped = p[at : at + w.size].reshape(w.shape), p[at + w.size : at + w.size + b.size]
        result.append(shaped)
        at += w.size + b.size
    return result


def _hidden(layers: Layers, x: np.ndarray) -> list[np.ndarray]:
    """Inputs of every layer, and the output, as columns: one row per point."""
    values = [x[:, None]]
    for i, (w, b) in enumerate(layers):
        z = values[-1] @ w.T + b
        values.append(np.tanh(z) if i < len(layers) - 1 else z)
    return values


def _jacobian(layers: Layers, x: np.ndarray) -> np.ndarray:
    """Exact derivatives of the output by all parameters, shape (points, parameters)."""
    values = _hidden(layers, x)
    sensitive = np.ones((len(x), 1))
    blocks: list[np.ndarray] = []
    for i in range(len(layers) - 1, -1, -1):
        products = sensitive[:, :, None] * values[i][:, None, :]
        blocks[:0] = [products.reshape(len(x), -1), sensitive]
        if i:
            sensitive = (sensitive @ layers[i][0]) * (1.0 - values[i] ** 2)
    return np.concatenate(blocks, axis=1)


def _scipy(method: str, layers: Layers, x: np.ndarray, y: np.ndarray, watch: Watch) -> Layers:
    """`least_squares` with the exact Jacobian and tolerances that do not end it early."""
    from scipy.optimize import least_squares

    best, least = _flat(layers), math.inf

    def residuals(p: np.ndarray) -> np.ndarray:
        nonlocal best, least
        difference: np.ndarray = _hidden(_unflattened(p, layers), x)[-1][:, 0] - y
        error = math.sqrt(np.mean(difference**2))
        if error < least:
            best, least = p.copy(), error
        watch.see(error)
        return difference

    tiny = 1.5 * np.finfo(float).eps
    watch.began = time.perf_counter()
    with contextlib.suppress(_Stop):
        least_squares(
            residuals, _flat(layers), lambda p: _jacobian(_unflattened(p, layers), x),
            method=method, ftol=tiny, xtol=tiny, gtol=tiny, max_nfev=10**6,
        )  # fmt: skip
    return _unflattened(best, layers)


# --------------------------------------------------------------------------------- optimistix


def _optimistix_lm(layers: Layers, x: np.ndarray, y: np.ndarray, watch: Watch) -> Layers:
    """Levenberg-Marquardt by QR, one compiled step after another, until goal or time limit."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optimistix as optx

    jax.config.update("jax_enable_x64", True)
    inputs, outputs = jnp.asarray(x), jnp.asarray(y)

    def residuals(p: Any, _: Any) -> tuple[Any, None]:
        h = inputs[None, :]
        for w, b in p[:-1]:
            h = jnp.tanh(w @ h + b[:, None])
        w, b = p[-1]
        return (w @ h + b[:, None])[0] - outputs, None

    solver = optx.LevenbergMarquardt(rtol=1e-15, atol=1e-15)
    p = [(jnp.asarray(w), jnp.asarray(b)) for w, b in layers]
    shapes = jax.eval_shape(residuals, p, None)
    state = solver.init(residuals, p, None, {}, *shapes, frozenset())

    @eqx.filter_jit
    def step(p: Any, state: Any) -> tuple[Any, Any, Any]:
        p, state, _ = solver.step(residuals, p, None, {}, state, frozenset())
        return p, state, jnp.sqrt(jnp.mean(residuals(p, None)[0] ** 2))

    jax.block_until_ready(step(p, state)[2])
    watch.began = time.perf_counter()
    with contextlib.suppress(_Stop):
        while True:
            p, state, error = step(p, state)
            watch.see(float(error))
    return [(np.asarray(w), np.asarray(b)) for w, b in p]


RACERS: Mapping[str, Callable[[Layers, np.ndarray, np.ndarray, Watch], Layers]] = MappingProxyType(
    {
        "pytorch_adam": _pytorch_adam,
        "pytorch_lbfgs": _pytorch_lbfgs,
        "optimistix_lm": _optimistix_lm,
        "scipy_lm": lambda *a: _scipy("lm", *a),
        "scipy_trf": lambda *a: _scipy("trf", *a),
    }
)


def main(name: str, request: str) -> str:
    """The answer of one contender to one request, both as JSON."""
    given = json.loads(request)
    layers = [(np.array(w, float), np.array(b, float)) for w, b in given["layers"]]
    watch = Watch(given["goal"], given["limit_s"])
    final = RACERS[name](layers, np.array(given["x"]), np.array(given["y"]), watch)
    return json.dumps(
        {
            "reached": watch.reached,
            "spent_s": watch.records[-1][0] if watch.reached else watch.spent_s,
            "evaluations": watch.evaluations,
            "records": watch.records,
            "layers": [[w.tolist(), b.tolist()] for w, b in final],
        }
    )


if __name__ == "__main__":
    print(main(sys.argv[1], sys.stdin.read()))
