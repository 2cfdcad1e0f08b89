"""Which frequencies does an infinitely wide network learn first, and which ones never?

Eigenvalues of NNGP and NTK on the unit circle: how fast they fall with the frequency, by activation
and depth, and which parities vanish without a bias. A ReLU network with one hidden layer and no
bias has the eigenvalue 0 at frequency 3: three networks of finite width are trained on cos 3t, one
of that kind, one with biases and one with two hidden layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from approxlab.arguments import check_positive
from experiments import runner
from experiments.kernel_spectra.figure import draw
from experiments.kernel_spectra.findings import SLOPES, caption, check, table

if TYPE_CHECKING:
    from approxlab import MLP
    from approxlab.kernels import InfiniteNetwork

REVISION = 1

_BIAS = 0.5
_KEPT = 96  # eigenvalues of a curve that is drawn, equally spaced in the logarithm
_CURVES = (("relu", 1), ("relu", 3))
_TRAINED = (("one layer", 1, False), ("with biases", 1, True), ("two layers", 2, False))
_RATE = 3e-3
_POINTS = 64  # of the circle, to train on
_SEEN, _ROUNDING = 100.0, 30.0  # times eps K(x, x): what is an eigenvalue, and what counts as 0


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    activations: tuple[str, ...] = ("relu", "abs", "relu2", "relu3", "erf", "tanh")
    """Of relu, abs, relu2, relu3, erf, tanh."""
    depths: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Numbers of hidden layers."""
    highest: int = 512
    """Highest frequency."""
    width: int = 256
    """Of the hidden layers of the trained networks."""
    steps: int = 2000
    """Of Adam."""
    seeds: int = 3
    """Trained networks of each kind."""


PRESETS = {
    "smoke": Config(
        activations=("relu", "erf"), depths=(1,), highest=128, width=32, steps=200, seeds=1
    ),
    "default": Config(),
    "paper": Config(highest=1024, width=2048, steps=10_000, seeds=5),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every kernel, with and without a bias, and every trained network."""
    check_positive(width=config.width, steps=config.steps, seeds=config.seeds)
    if config.highest < 64:
        raise ValueError(f"highest: got {config.highest}, expected at least 64.")
    if unknown := set(config.activations) - set(SLOPES):
        raise ValueError(f"activations: got {unknown.pop()!r}, expected some of {list(SLOPES)}.")
    for depth in config.depths:
        check_positive(depths=depth)
    kernels = [
        {
            "story": "kernel",
            "activation": name,
            "depth": depth,
            "kind": kind,
            "bias": bias,
            "highest": config.highest,
        }
        for name in config.activations
        for depth in config.depths
        for kind in ("nngp", "ntk")
        for bias in (0.0, _BIAS)
    ]
    networks = [
        {
            "story": "trained",
            "network": name,
            "seed": seed,
            "width": config.width,
            "steps": config.steps,
        }
        for name, _, _ in _TRAINED
        for seed in range(config.seeds)
    ]
    return [*kernels, *networks]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Slopes and vanishing parities of a kernel, its eigenvalues; or how far a network came."""
    return _trained(unit, run) if unit["story"] == "trained" else _kernel(unit)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    kernels = 4 * len(config.activations) * len(config.depths)
    network = 2e-7 * config.steps * config.width * (4 + config.width / 2)
    return 5.0 + 0.5 * kernels + config.seeds * network


def _limit(unit: Mapping[str, Any]) -> InfiniteNetwork:
    """Weights of the variance that keeps the size of a value from layer to layer."""
    from approxlab.kernels import InfiniteNetwork

    keeping = {"relu": 2.0, "abs": 1.0, "relu2": 2 / 3, "relu3": 2 / 15}
    return InfiniteNetwork(
        hidden_layers=unit["depth"],
        activation=unit["activation"],
        weight_variance=(2.0, *[keeping.get(unit["activation"], 2.0)] * unit["depth"]),
        bias_variance=unit["bias"],
        parameterisation="ntk",
    )


def _kernel(unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    from approxlab.kernels import spectrum

    found = spectrum(_limit(unit), unit["kind"], highest=unit["highest"])
    summary: dict[str, Any] = {"row": "kernel"}
    for parity in ("even", "odd"):
        summary |= {f"{parity}_{name}": value for name, value in _fit(found, parity).items()}
    rows = [summary]
    if (unit["activation"], unit["depth"]) in _CURVES and not unit["bias"]:
        wanted = np.unique(np.geomspace(1, unit["highest"], _KEPT).round().astype(int))
        seen = wanted[found.eigenvalues[wanted] > _SEEN * found.floor]
        rows += [
            {
                "row": "eigenvalue",
                "frequency": int(k),
                "eigenvalue": float(f"{found.eigenvalues[k]:.4g}"),
            }
            for k in seen
        ]
    return rows


def _fit(found: Any, parity: str) -> dict[str, Any]:
    """The slope over the last two octaves above rounding, and whether k >= 5 are all rounding."""
    k = found.frequencies
    mine = (k % 2 == (parity == "odd")) & (k >= 5)
    seen = mine & (found.eigenvalues > _SEEN * found.floor)
    # Frequencies up to the first that is lost in rounding.
    lost = k[mine & ~seen]
    last = int(lost[0]) - 1 if len(lost) else int(k[-1])
    missing = bool(np.all(np.abs(found.eigenvalues[mine]) <= _ROUNDING * found.floor))
    kept = k[seen & (k >= last // 4) & (k <= last)]
    if len(kept) < 3:
        return {"slope": None, "last": 0, "missing": missing}
    slope = found.slope(int(kept[0]), int(kept[-1]), parity=parity)
    return {"slope": round(slope, 3), "last": int(kept[-1]), "missing": missing}


def _trained(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Adam on the mean square error at points of the circle, biases held at 0 or free."""
    import jax
    import jax.numpy as jnp
    import optax

    depth, biases = {name: (d, b) for name, d, b in _TRAINED}[unit["network"]]
    limit = _limit({"activation": "relu", "depth": depth, "bias": _BIAS if biases else 0.0})
    key = jax.random.fold_in(jax.random.key(run.seed), unit["seed"])
    net = limit.draw(key, 2, unit["width"])
    angles = 2 * np.pi * np.arange(_POINTS) / _POINTS
    points = jnp.asarray(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    wanted = jnp.asarray(np.cos(3 * angles))

    def loss(net: MLP) -> Any:
        return jnp.mean((jax.vmap(net)(points) - wanted) ** 2)

    def rate(taken: Any) -> Any:
        angle = math.pi / unit["steps"] * jnp.asarray(taken, float)
        return 0.5 * _RATE * (1 + jnp.cos(angle))

    rule = optax.adam(rate)

    def step(carry: Any, _: Any) -> tuple[Any, Any]:
        net, state = carry
        value, slope = jax.value_and_grad(loss)(net)
        if not biases:
            slope = _without_biases(slope)
        with jax.numpy_dtype_promotion("standard"):  # which optax counts on
            change, state = rule.update(slope, state)
        return (optax.apply_updates(net, change), state), value

    @jax.jit
    def train(net: MLP) -> tuple[MLP, Any]:
        (net, _), losses = jax.lax.scan(step, (net, rule.init(net)), None, unit["steps"])
        return net, losses

    trained, losses = train(net)
    values = np.asarray(jax.vmap(trained)(points))
    return [
        {
            "row": "network",
            "loss": float(loss(trained)),
            "mean_square": float(jnp.mean(wanted**2)),
            # Beyond the fourth digit it is rounding where nothing can be learnt.
            "coefficient": round(float(2 * np.mean(values * np.cos(3 * angles))), 4) + 0.0,
            "start_loss": float(losses[0]),
        }
    ]


def _without_biases(net: MLP) -> MLP:
    import dataclasses

    import jax.numpy as jnp

    return dataclasses.replace(net, biases=tuple(jnp.zeros_like(b) for b in net.biases))


EXPERIMENT = runner.Experiment(
    name="kernel_spectra",
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
