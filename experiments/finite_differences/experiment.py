"""What is wrong with finite differences? Error against step, cost against inputs.

Forward, backward, central, Richardson and complex-step quotients of exp at points away from the
origin, in both precisions: error, proved bound, best step. And the gradient of a network with
respect to its n inputs, by n + 1 or 2n values against one reverse pass: exact FLOPs of the
products, and time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.finite_differences.figure import draw
from experiments.finite_differences.findings import SCHEMES, caption, check, table

REVISION = 2

_LENGTHS = {"float32": 20, "float64": 49}  # steps are 2^-1 to 2^-20 or 2^-49
_TINY = {"float32": 66, "float64": 664}  # the complex step goes on to 2^-66 or 2^-664


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    number_types: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    """Precisions in which exp is differentiated."""
    points: int = 401
    """Number of random points in [3, 5]; errors are medians over them."""
    inputs: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
    """Numbers of inputs n of the networks n-64-64-1 (tanh, float32)."""
    width: int = 64
    """Width of their two hidden layers."""
    repeats: int = 9
    """Repetitions of every measurement."""
    least_s: float = 0.01
    """Least duration of a repetition, in seconds."""


PRESETS = {
    "smoke": Config(points=101, inputs=(8,), width=8, repeats=2, least_s=0.0005),
    "default": Config(),
    "paper": Config(points=4001,
                    inputs=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512,
                            768, 1024, 1536, 2048),
                    repeats=15, least_s=0.02),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every quotient in every precision at all its steps, then the networks."""
    check_positive(points=config.points, width=config.width, repeats=config.repeats)
    for n in config.inputs:
        check_positive(inputs=n)
    if not config.least_s > 0:
        raise ValueError(f"least_s: got {config.least_s}, expected a positive number of seconds.")
    quotients = [
        {"story": "error", "number_type": kind, "scheme": scheme, "points": config.points}
        for kind in config.number_types
        for scheme in SCHEMES
    ]
    networks = [
        {
            "story": "cost",
            "n": n,
            "width": config.width,
            "repeats": config.repeats,
            "least_s": config.least_s,
        }
        for n in config.inputs
    ]
    return [*quotients, *networks]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    return 4.0 + len(config.inputs) * (1.0 + 8.0 * config.repeats * config.least_s)


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row per step, or one per way to a gradient."""
    return _errors(unit, run) if unit["story"] == "error" else _costs(unit, run)


def _errors(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Relative errors and bounds, for each step the median over the points."""
    import numpy as np

    from approxlab.derivatives.differences.stencils import optimal_step, power_of_two, stencil

    kind, scheme = unit["number_type"], unit["scheme"]
    if kind == "float64" and run.dtype == "float32":
        raise ValueError(
            "number_types: got float64 with --no-x64, expected float32 alone. Write "
            "--number-types float32."
        )
    points = np.random.default_rng(run.seed).uniform(3.0, 5.0, unit["points"]).astype(kind)
    exponents = [*range(1, _LENGTHS[kind] + 1)]
    if scheme == "complex":
        exponents.append(_TINY[kind])
    rows = [{**_at_step(scheme, points, 2.0**-k), "predicted": False} for k in exponents]
    best, rule = optimal_step(scheme, kind), stencil(scheme)
    # The largest power of two not above the best step: with other steps x + h is rounded.
    predicted = _at_step(scheme, points, power_of_two(best))
    least = (rule.order + 1) * rule.truncation * best**rule.order
    return [*rows, {**predicted, "predicted": True, "best_step": best, "predicted_error": least}]


def _at_step(scheme: Any, points: Any, step: float) -> dict[str, Any]:
    """All points as one function of a vector.

    All derivatives of exp are exp, so relative errors do not depend on the point. It is assumed
    that the complex exp has a relative error of at most 4 eps, as the real one; on the segment of
    the complex step |exp| is e^x.
    """
    import jax.numpy as jnp
    import numpy as np

    from approxlab.derivatives.differences.quotients import difference

    exact = np.exp(points.astype(np.float64))
    is_complex = scheme == "complex"
    largest = exact if is_complex else exact * np.exp(step)
    found = difference(
        jnp.exp,
        jnp.asarray(points),
        np.ones_like(points),
        scheme=scheme,
        step=step,
        derivatives=dict.fromkeys((1, 2, 3, 5), largest),
        value_error=4.0 * float(np.finfo(points.dtype).eps) * exact if is_complex else None,
    )
    assert found.proved, "a bound was sampled, not proved"
    errors = np.abs(found.value.astype(np.float64) - exact)
    # The float64 reference value is rounded, too.
    over = errors / (found.error + float(np.finfo(np.float64).eps) * exact)
    return {
        "step": step,
        "relative_error": float(np.median(errors / exact)),
        "relative_bound": float(np.median(found.error / exact)),
        "truncation_bound": float(np.median(found.truncation / exact)),
        "roundoff_bound": float(np.median(found.roundoff / exact)),
        "error_over_bound": float(np.max(over)),
    }


def _costs(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Gradient with respect to the inputs by differences and by a reverse pass, alternating."""
    import jax
    import jax.numpy as jnp

    import approxlab as al
    from approxlab import costs
    from approxlab.derivatives.counts.jaxprs import count

    n, width = unit["n"], unit["width"]
    key = jax.random.fold_in(jax.random.key(run.seed), n)
    net = al.MLP.init(key, n, (width, width), "tanh", dtype="float32")
    x = jax.random.uniform(key, (n,), jnp.float32, 3.0, 5.0)
    ways = _ways(net)
    found = costs.measure(
        {name: (fn, (x,)) for name, fn in ways.items()},
        repeats=unit["repeats"],
        min_s=unit["least_s"],
        compiler_options=costs.ONE_THREAD,
    )
    weights = n * width + width * width + width
    exact = ways["reverse"](x)[1]
    rows = []
    for name, fn in ways.items():
        gradient = exact if name == "value" else fn(x)[1]
        wrong = jnp.linalg.norm(gradient - exact) / jnp.linalg.norm(exact)
        rows.append(
            {
                "method": name,
                "weights": weights,
                "dot_flops": count(fn, x, live_only=True).dot_flops,
                "relative_gradient_error": float(f"{float(wrong):.2g}"),
                "run_s": found[name].run_s,
                "ratio_to_reverse_s": found[name].ratio_to(found["reverse"]),
                "ratio_to_value_s": found[name].ratio_to(found["value"]),
            }
        )
    return rows


def _ways(net: Any) -> dict[str, Callable[[Any], Any]]:
    """Functions of the point alone, so that a call passes one array.

    Central differences do not need the value.
    """
    import jax

    from approxlab.derivatives.differences.jacobians import difference_jacobian
    from approxlab.derivatives.modes import jacobian

    return {
        "value": net,
        "reverse": jax.value_and_grad(net),
        "one-sided": lambda x: difference_jacobian(net, x),
        "central": lambda x: (None, jacobian(net, x, "differences", scheme="central")),
    }


EXPERIMENT = runner.Experiment(
    name="finite_differences",
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
