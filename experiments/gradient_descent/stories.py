"""The three stories of `gradient_descent`: a quadratic, two weights, a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import approxlab as al
from approxlab.fitting import descend
from approxlab.landscapes import sharpness_along, stable_step
from experiments.gradient_descent.central_flow import central_flow
from experiments.gradient_descent.smallest_network import (
    OUTCOMES,
    landing,
    outcomes,
    saddle_reach,
)
from experiments.runner import RunInfo

__all__ = ["STORIES"]

Rows = list[dict[str, Any]]

REACH = 3.0  # starts of two weights lie in [-3, 3]^2
_BESIDE = 1e-3  # how far beside an exceptional start an ordinary one is taken
_DEGREE = 4
_WATCHED = 3  # eigenvalues of the central flow


def _quadratic(unit: Mapping[str, Any], run: RunInfo) -> Rows:
    """Errors of a line w x + b fitted to random points, beside (I - alpha H)^k e_0."""
    rng = np.random.default_rng([run.seed, 0])
    x = rng.uniform(-1.0, 1.0, 12).astype(run.dtype)
    y = (2.0 * x + rng.normal(size=12)).astype(run.dtype)
    features = np.stack([x, np.ones_like(x)], axis=1)

    def loss(w: Any) -> Any:
        return 0.5 * jnp.sum((features @ w - y) ** 2)

    exact = features.astype(np.float64)
    best = np.linalg.lstsq(exact, y.astype(np.float64))[0]
    start = np.array([3.0, 3.0], run.dtype)
    limit = stable_step(loss, start)
    path = descend(loss, start, learning_rate=unit["factor"] * limit, steps=unit["steps"])
    alpha = float(np.asarray(unit["factor"] * limit, run.dtype))
    eigenvalues, vectors = np.linalg.eigh(exact.T @ exact)
    modes = (1.0 - alpha * eigenvalues) ** path.steps[:, None] * (vectors.T @ (start - best))
    found, closed = path.points - best, modes @ vectors.T
    away = np.linalg.norm(found - closed, axis=1)
    largest = np.maximum.accumulate(np.abs(path.points).max(axis=1))
    rounding = float(np.finfo(run.dtype).eps) * (1.0 + path.steps) * largest
    shown = np.unique(np.geomspace(1, unit["steps"], 60).round().astype(int))
    first = float(np.linalg.norm(closed[0]))
    return [
        {
            "step": int(k),
            "alpha_times_lambda_max": float(alpha * eigenvalues[-1]),
            "error": float(np.linalg.norm(found[k])) / first,
            "closed_form": float(np.linalg.norm(closed[k])) / first,
            "roundings_away": float(away[k] / rounding[k]),
        }
        for k in (0, *shown)
        if k < len(found)
    ]


def _map(unit: Mapping[str, Any], run: RunInfo) -> Rows:
    """One row for each y: the outcomes of all x as digits, see `OUTCOMES`."""
    side = (np.arange(unit["side"]) + 0.5) / unit["side"] * 2 * REACH - REACH
    # Off the diagonal y = -x, whose starts are exceptions.
    x, y = np.meshgrid(side + 1e-3, side)
    found = outcomes(x.ravel(), y.ravel(), unit["alpha"], unit["steps"]).reshape(x.shape)
    return [
        {
            "y": float(height),
            "x_from": float(side[0] + 1e-3),
            "x_to": float(side[-1] + 1e-3),
            "outcomes": "".join(map(str, line)),
        }
        for height, line in zip(side, found, strict=True)
    ]


def _shares(unit: Mapping[str, Any], run: RunInfo) -> Rows:
    """How many of the random starts have each outcome."""
    rng = np.random.default_rng([run.seed, 1])
    x, y = rng.uniform(-REACH, REACH, (2, unit["starts"]))
    counts = np.bincount(outcomes(x, y, unit["alpha"], unit["steps"]), minlength=len(OUTCOMES))
    return [{name: int(count) for name, count in zip(OUTCOMES, counts, strict=True)}]


def _exceptions(unit: Mapping[str, Any], run: RunInfo) -> Rows:
    """Starts of measure zero: one that lands on x y = 1, one that goes to the saddle, neighbours.

    Few steps from the first: where the minimiser is unstable, rounding would leave it again.
    """
    alpha, rows = unit["alpha"], []
    for kind, x, sign, steps in (
        ("landing", landing(alpha), 1.0, 10),
        ("saddle", 0.9 * saddle_reach(alpha), -1.0, unit["steps"]),
    ):
        if not x:
            continue
        starts = np.array([x, x + _BESIDE])
        first, beside = (
            OUTCOMES[outcomes(starts[i : i + 1], sign * starts[:1], alpha, n)[0]]
            for i, n in ((0, steps), (1, unit["steps"]))
        )
        rows.append({"kind": kind, "x": x, "y": sign * x, "outcome": first, "beside": beside})
    return rows


def _training(unit: Mapping[str, Any], run: RunInfo) -> Rows:
    """Loss and sharpness along the training of a tanh network."""
    loss, net = _network(unit, run)
    steps = round(unit["time"] / unit["alpha"])
    stride = max(1, round(steps / unit["records"]))
    path = descend(loss, net, learning_rate=unit["alpha"], steps=steps, stride=stride)
    found = sharpness_along(loss, path.points)
    return [
        {
            "step": int(step),
            "t": float(step * unit["alpha"]),
            "loss": float(value),
            "sharpness": float(sharp),
        }
        for step, value, sharp in zip(path.steps, path.losses, found, strict=True)
    ]


def _central(unit: Mapping[str, Any], run: RunInfo) -> Rows:
    """The central flow, and the mean loss of the gradient descent that it stands for."""
    loss, net = _network(unit, run)
    weights, unravel = ravel_pytree(net)

    def of_vector(w: Any) -> Any:
        return loss(unravel(w))

    alpha, records = unit["alpha"], unit["records"]
    rows = central_flow(of_vector, weights, alpha, unit["time"], records, _WATCHED)
    steps = round(rows[-1]["t"] / alpha)
    losses = descend(of_vector, weights, learning_rate=alpha, steps=steps).losses[:-1]
    means = losses.reshape(records, -1).mean(axis=1)
    return [{**row, "mean_loss": float(mean)} for row, mean in zip(rows, means, strict=True)]


def _network(unit: Mapping[str, Any], run: RunInfo) -> tuple[Callable[[Any], Any], Any]:
    """Half the sum of squares, and the network at its start."""
    x = jnp.linspace(-1.0, 1.0, unit["points"], dtype=run.dtype)
    y = jnp.cos(_DEGREE * jnp.arccos(x))
    key = jax.random.fold_in(jax.random.key(run.seed), unit["network"])
    net = al.MLP.init(key, 1, (unit["width"], unit["width"]), "tanh", dtype=run.dtype)

    def loss(net: Any) -> Any:
        return 0.5 * jnp.sum((jax.vmap(net)(x[:, None]) - y) ** 2)

    return loss, net


STORIES: Mapping[str, Callable[[Mapping[str, Any], RunInfo], Rows]] = {
    "quadratic": _quadratic,
    "map": _map,
    "shares": _shares,
    "exceptions": _exceptions,
    "edge": _training,
    "flow": _training,
    "central": _central,
}
