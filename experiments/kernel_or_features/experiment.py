"""When does a network that learns features beat its own kernel, and when does it not?

ReLU networks with one hidden layer are trained by Adam on samples of two targets on the sphere of
radius sqrt(d) in d = 10 dimensions: a wave along one unknown direction, and a quadratic form that
depends on all directions. Beside them stands regression with the tangent kernel of the infinitely
wide network of the same kind, which learns no features. Both see the same samples; a fifth of them
is held back and chooses the ridge of the kernel, and the rate and the end of the training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.kernel_or_features.figure import draw
from experiments.kernel_or_features.findings import TARGETS, caption, check, table

if TYPE_CHECKING:
    import numpy as np

    from approxlab import MLP
    from approxlab.kernels import InfiniteNetwork

REVISION = 1

_DIM = 10
_FRESH = 1000  # points of the error
_CHECKS = 30  # along a training: it ends at the best of them
_RIDGES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_SMALL = 0.1  # factor of the last layer at the start: a small first function, as usual for features


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[Literal["ridge", "quadratic"], ...] = ("ridge", "quadratic")
    """The wave along one direction, and the quadratic form."""
    samples: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048)
    """Numbers of samples, those held back included."""
    seeds: int = 5
    """Of the target, the samples and the network, together."""
    width: int = 256
    """Of the hidden layer."""
    steps: int = 1500
    """Of Adam with all samples, at a rate that falls to 0 like a cosine."""
    rates: tuple[float, ...] = (0.01, 0.03)
    """Largest rates of Adam, of which one is chosen."""


PRESETS = {
    "smoke": Config(samples=(64, 512), seeds=1, width=128, steps=600),
    "default": Config(),
    "paper": Config(
        samples=(64, 128, 256, 512, 1024, 2048, 4096),
        seeds=10,
        width=1024,
        steps=3000,
        rates=(0.003, 0.01, 0.03),
    ),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Both models on every target, with every number of samples and every seed."""
    check_positive(seeds=config.seeds, width=config.width, steps=config.steps)
    if config.steps < _CHECKS:
        raise ValueError(f"steps: got {config.steps}, expected at least {_CHECKS}.")
    if not config.samples or min(config.samples) < 20:
        raise ValueError(f"samples: got {config.samples}, expected numbers of at least 20.")
    if unknown := set(config.targets) - set(TARGETS):
        raise ValueError(f"targets: got {unknown.pop()!r}, expected some of {list(TARGETS)}.")
    if not config.rates or min(config.rates) <= 0:
        raise ValueError(f"rates: got {config.rates}, expected positive numbers.")
    return [
        {
            "target": target,
            "samples": samples,
            "seed": seed,
            "width": config.width,
            "steps": config.steps,
            "rates": " ".join(map(repr, config.rates)),
        }
        for samples in config.samples
        for target in config.targets
        for seed in range(config.seeds)
    ]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """A row for the kernel and one for the network, with their errors at fresh points."""
    import numpy as np

    numbers = np.random.default_rng([run.seed, unit["seed"], list(TARGETS).index(unit["target"])])
    target = _target(unit["target"], numbers)
    fresh, points = _sphere(numbers, _FRESH), _sphere(numbers, unit["samples"])
    kept = unit["samples"] * 4 // 5
    X, held = points[:kept], points[kept:]
    data = X, target(X), held, target(held), fresh, target(fresh)
    return [_kernel(*data), _network(unit, run, *data)]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    cells, size = len(config.targets) * config.seeds, sum(config.samples)
    training = 5e-9 * config.steps * config.width * len(config.rates)
    return 8.0 + 1.5 * len(config.samples) + cells * (size * training + 1e-3 * size)


def _sphere(numbers: np.random.Generator, count: int) -> np.ndarray:
    """Uniform points on the sphere of radius sqrt(d)."""
    import numpy as np

    normal = numbers.standard_normal((count, _DIM))
    return np.asarray(_DIM**0.5 * normal / np.linalg.norm(normal, axis=1, keepdims=True))


def _target(name: str, numbers: np.random.Generator) -> Any:
    """A wave sin 2 u.x for a random direction u, or x.Ax, A symmetric without trace."""
    import numpy as np

    if name == "ridge":
        direction = numbers.standard_normal(_DIM)
        direction /= np.linalg.norm(direction)
        return lambda X: np.sin(2 * X @ direction)
    form = numbers.standard_normal((_DIM, _DIM))
    form = (form + form.T) / 2
    form -= np.trace(form) / _DIM * np.eye(_DIM)
    form /= np.linalg.norm(form)
    return lambda X: np.einsum("ni,ij,nj->n", X, form, X)


def _limit() -> InfiniteNetwork:
    from approxlab.kernels import InfiniteNetwork

    return InfiniteNetwork(
        hidden_layers=1,
        activation="relu",
        weight_variance=2.0,
        bias_variance=0.5,
        parameterisation="ntk",
    )


def _kernel(X: Any, Y: Any, held: Any, held_values: Any, fresh: Any, wanted: Any) -> dict[str, Any]:
    """Ridge regression with the tangent kernel; one kernel matrix for all ridges."""
    import numpy as np
    from scipy.linalg import cho_factor, cho_solve

    limit = _limit()
    kernel, across = np.asarray(limit.ntk(X)), np.asarray(limit.ntk(np.vstack([held, fresh]), X))
    found = []
    for ridge in _RIDGES:
        factor = cho_factor(kernel + ridge * np.eye(len(X)), lower=True)
        found.append(across @ cho_solve(factor, Y))
    chosen, errors = _chosen(found, held_values, wanted)
    return {"model": "kernel", **errors, "ridge": _RIDGES[chosen]}


def _chosen(found: Any, held_values: Any, wanted: Any) -> tuple[int, dict[str, float]]:
    """Which prediction is best at the held samples; its error, and the least, at fresh points."""
    import numpy as np

    outputs, count = np.asarray(found, float), len(held_values)
    held = np.mean((outputs[:, :count] - held_values) ** 2, axis=1)
    fresh = np.sqrt(np.mean((outputs[:, count:] - wanted) ** 2, axis=1) / np.mean(wanted**2))
    chosen = int(np.argmin(held))
    return chosen, {"error": float(fresh[chosen]), "best_error": float(np.min(fresh))}


def _network(
    unit: Mapping[str, Any],
    run: runner.RunInfo,
    X: Any,
    Y: Any,
    held: Any,
    held_values: Any,
    fresh: Any,
    wanted: Any,
) -> dict[str, Any]:
    """The network at the best of its checks, for the best of the rates."""
    import dataclasses

    import jax
    import numpy as np

    key = jax.random.fold_in(jax.random.key(run.seed), unit["seed"])
    net = _limit().draw(key, _DIM, unit["width"], dtype="float32")
    net = dataclasses.replace(net, weights=(net.weights[0], _SMALL * net.weights[1]))
    points = np.vstack([held, fresh])
    train = _program(unit["steps"])
    single = [np.asarray(array, np.float32) for array in (X, Y, points)]
    rates = [float(text) for text in unit["rates"].split()]
    trained = [train(net, *single, np.float32(rate)) for rate in rates]
    found = np.concatenate([np.asarray(outputs) for outputs, _ in trained])
    chosen, errors = _chosen(found, held_values, wanted)
    rate, checked = divmod(chosen, _CHECKS)
    end = jax.tree.map(lambda leaf: leaf[checked], trained[rate][1])
    return {
        "model": "network",
        **errors,
        "rate": rates[rate],
        "start_share": _share(net),
        "share": _share(end),
    }


def _share(net: MLP) -> float:
    """The part of its strongest direction in sum_j a_j^2 w_j w_j^T: 1 / d at least, 1 at most.

    w_j are the rows of the first weights, a_j the last weights: this matrix says on which
    directions of the input the network looks.
    """
    import numpy as np

    first, last = (np.asarray(weight, float) for weight in net.weights)
    seen = first.T * last[0] ** 2 @ first
    return float(np.linalg.eigvalsh(seen)[-1] / np.trace(seen))


_programs: dict[int, Any] = {}


def _program(steps: int) -> Any:
    """Adam on the mean square, and at each check the outputs at points, and the network."""
    if steps not in _programs:
        _programs[steps] = _made(steps)
    return _programs[steps]


def _made(steps: int) -> Any:
    import jax
    import jax.numpy as jnp
    import optax

    each = steps // _CHECKS

    @jax.jit
    def train(net: MLP, X: Any, Y: Any, points: Any, rate: Any) -> Any:
        rule = optax.adam(optax.cosine_decay_schedule(rate, each * _CHECKS))

        def loss(net: MLP) -> Any:
            return jnp.mean((jax.vmap(net)(X) - Y) ** 2)

        def one_step(_: Any, carry: Any) -> Any:
            net, state = carry
            slope = jax.grad(loss)(net)
            with jax.numpy_dtype_promotion("standard"):  # which optax counts on
                change, state = rule.update(slope, state)
                return optax.apply_updates(net, change), state

        def until_next_check(carry: Any, _: Any) -> Any:
            carry = jax.lax.fori_loop(0, each, one_step, carry)
            return carry, (jax.vmap(carry[0])(points), carry[0])

        return jax.lax.scan(until_next_check, (net, rule.init(net)), None, _CHECKS)[1]

    return train


EXPERIMENT = runner.Experiment(
    name="kernel_or_features",
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
    inline=True,
)
