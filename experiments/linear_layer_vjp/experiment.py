"""Why does nobody form dy/dW? The tensor of one linear layer against the outer product v x^T.

For y = W x the derivative dy/dW is an array of shape (m, m, n), and one in m entries is not zero.
Contracting it with v gives the same matrix as the outer product v x^T: FLOPs, bytes and time of
both, against m and n. The same structure in a whole network: J J^T with and without forming J.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.linear_layer_vjp.figure import draw
from experiments.linear_layer_vjp.findings import caption, check, table

if TYPE_CHECKING:
    from approxlab.costs import Measurement

REVISION = 2

_LARGEST = 2**28  # bytes of the largest tensor


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    shown: tuple[int, int] = (4, 6)
    """Outputs m and inputs n of the tensor that is drawn."""
    sizes: tuple[int, ...] = (8, 16, 32, 64, 128, 192, 256, 292)
    """Sizes m = n of a layer; the tensor of the largest one takes 200 MB in float64."""
    outputs: tuple[int, ...] = (4, 16, 64, 256, 512)
    """Numbers of outputs m, with `fixed` inputs."""
    inputs: tuple[int, ...] = (4, 16, 64, 256, 1024, 4096)
    """Numbers of inputs n, with `fixed` outputs."""
    fixed: int = 64
    """The size that stays the same while the other one changes."""
    network: tuple[int, ...] = (784, 256, 256, 10)
    """Widths of the network: inputs, hidden layers, outputs."""
    batch: int = 32
    """Number of points at which J J^T is taken."""
    number_type: Literal["float32", "float64"] = "float32"
    """Precision of the network."""
    repeats: int = 7
    """Repetitions of every measurement."""
    least_s: float = 0.01
    """Least duration of a repetition, in seconds."""


PRESETS = {
    "smoke": Config(sizes=(4, 16), outputs=(4, 8), inputs=(), fixed=8, network=(12, 8, 8, 3),
                    batch=4, repeats=2, least_s=0.0005),
    "default": Config(),
    "paper": Config(sizes=(8, 12, 16, 24, 32, 48, 64, 96, 128, 160, 192, 224, 256, 292),
                    outputs=(2, 4, 8, 16, 32, 64, 128, 256, 512),
                    inputs=(2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096), repeats=15,
                    least_s=0.02),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """The tensor that is drawn, the network, then the layers of all sizes."""
    m, n = config.shown
    check_positive(batch=config.batch, fixed=config.fixed, repeats=config.repeats, shown=m * n)
    if not config.least_s > 0:
        raise ValueError(f"least_s: got {config.least_s}, expected a positive number of seconds.")
    if len(config.network) < 2:
        raise ValueError(f"network: got {config.network}, expected inputs and outputs at least.")
    layers = [("sizes", size, size) for size in config.sizes]
    layers += [("outputs", size, config.fixed) for size in config.outputs]
    layers += [("inputs", config.fixed, size) for size in config.inputs]
    for name, m, n in layers:
        check_positive(**{name: m * n})
        if 8 * m * m * n > _LARGEST:
            raise ValueError(
                f"{name}: got m = {m}, n = {n}, whose tensor takes {8 * m * m * n} bytes, expected "
                f"at most {_LARGEST}."
            )
    timed = {"repeats": config.repeats, "least_s": config.least_s}
    return [
        {"story": "tensor", "m": config.shown[0], "n": config.shown[1]},
        {
            "story": "network",
            "widths": "-".join(map(str, config.network)),
            "batch": config.batch,
            "number_type": config.number_type,
            **timed,
        },
        *({"story": "layer", "axis": axis, "m": m, "n": n, **timed} for axis, m, n in layers),
    ]


def seconds(config: Config) -> float:
    """Expected time on two cores: compilation, repetitions, and the Jacobian of the network."""
    layers = len(config.sizes) + len(config.outputs) + len(config.inputs)
    weights = sum(a * b for a, b in zip(config.network, config.network[1:], strict=False))
    formed = 2e-11 * (config.batch * config.network[-1]) ** 2 * weights
    return 3.0 + layers * (0.5 + 4 * config.repeats * config.least_s) + config.repeats * formed


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The entries of the tensor, or one row per way with its counts and times."""
    return {"tensor": _tensor, "layer": _layer, "network": _network}[unit["story"]](unit, run)


def _arguments(unit: Mapping[str, Any], run: runner.RunInfo) -> tuple[Any, Any]:
    """Input x and cotangent v: between 0.1 and 1 in size, of both signs, so that no entry is 0."""
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng([run.seed, unit["m"], unit["n"]])
    x, v = (
        jnp.asarray(rng.uniform(0.1, 1.0, size) * rng.choice([-1.0, 1.0], size), run.dtype)
        for size in (unit["n"], unit["m"])
    )
    return x, v


def _tensor(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Every entry, zeros included, with the numbers in its formula."""
    import numpy as np

    from approxlab.derivatives.layers.products import explicit_weight_tensor

    x, v = _arguments(unit, run)
    tensor = np.asarray(explicit_weight_tensor(unit["m"], x), float)
    return [
        {"k": k, "i": i, "j": j, "entry": float(tensor[k, i, j]), "x_j": float(x[j]),
         "v_k": float(v[k])}
        for k, i, j in np.ndindex(tensor.shape)
    ]  # fmt: skip


def _layer(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Three ways to the same matrix: form and contract, contract only, outer product."""
    import numpy as np

    from approxlab import costs
    from approxlab.derivatives.counts.jaxprs import count
    from approxlab.derivatives.layers.jacobians import Identity, KroneckerOuter
    from approxlab.derivatives.layers.products import explicit_weight_tensor, n_mode_product

    m = unit["m"]
    x, v = _arguments(unit, run)
    tensor = explicit_weight_tensor(m, x)

    def form_and_contract(x: Any, v: Any) -> Any:
        return n_mode_product(explicit_weight_tensor(m, x), v, mode=1)

    def contract(tensor: Any, v: Any) -> Any:
        return n_mode_product(tensor, v, mode=1)

    def outer(x: Any, v: Any) -> Any:
        return KroneckerOuter(Identity(m), x).vjp(v)

    ways = {
        "form": (form_and_contract, (x, v)),
        "contract": (contract, (tensor, v)),
        "outer": (outer, (x, v)),
    }
    found = costs.measure(
        ways, repeats=unit["repeats"], min_s=unit["least_s"], compiler_options=costs.ONE_THREAD
    )
    expected = np.outer(v, x)
    return [
        {
            "way": way,
            **_counted(count(fn, *args), found[way], found["outer"]),
            "largest_difference": float(np.max(np.abs(np.asarray(fn(*args)) - expected))),
        }
        for way, (fn, args) in ways.items()
    ]


def _network(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """J J^T of all weights, biases apart, by the array of the Jacobian and by its factors."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    import approxlab as al
    from approxlab import costs
    from approxlab.derivatives.counts.jaxprs import count
    from approxlab.derivatives.layers.weights import weight_jacobian

    sizes = [int(size) for size in unit["widths"].split("-")]
    kind = unit["number_type"] if run.dtype == "float64" else "float32"
    key = jax.random.key(run.seed)
    net = al.MLP.init(key, sizes[0], sizes[1:-1], "tanh", out_size=sizes[-1], dtype=kind)
    X = jax.random.normal(jax.random.fold_in(key, 1), (unit["batch"], sizes[0]), kind)

    def formed(net: Any, X: Any) -> Any:
        rest = (net.biases, net.activation, net.passthrough, net.out_size)

        def one(x: Any) -> Any:
            return jax.jacrev(lambda weights: al.MLP(weights, *rest)(x))(net.weights)

        # Layer by layer, so that the Jacobian is not copied.
        blocks = [jnp.einsum("nkij,mlij->nkml", J, J) for J in jax.vmap(one)(X)]
        return sum(blocks[1:], start=blocks[0])

    def structured(net: Any, X: Any) -> Any:
        return weight_jacobian(net, X, biases=False).gram()

    ways = {"formed": (formed, (net, X)), "structured": (structured, (net, X))}
    found = costs.measure(
        ways, repeats=unit["repeats"], min_s=unit["least_s"], compiler_options=costs.ONE_THREAD
    )
    kernels = {way: np.asarray(jax.jit(fn)(*args), float) for way, (fn, args) in ways.items()}
    largest = float(np.max(np.abs(kernels["formed"])))
    difference = float(np.max(np.abs(kernels["formed"] - kernels["structured"])))
    rows = []
    for way, (fn, args) in ways.items():
        counted = count(fn, *args)
        rows.append(
            {
                "way": way,
                "computed_in": kind,
                **_counted(counted, found[way], found["structured"]),
                "largest_size": counted.largest_size,
                "relative_difference": difference / largest,
                "largest_entry": largest,
            }
        )
    return rows


def _counted(counted: Any, measured: Measurement, best: Measurement) -> dict[str, Any]:
    """Counts of the traced program, XLA's buffers, times."""
    row = measured.to_rows()[0]
    return {
        "dot_flops": counted.dot_flops,
        "flops": counted.flops,
        "argument_bytes": measured.argument_bytes,
        "temp_bytes": row["temp_bytes"],
        "output_bytes": row["output_bytes"],
        "run_s": row["run_s"],
        "lower_quartile_s": row["lower_quartile_s"],
        "upper_quartile_s": row["upper_quartile_s"],
        "ratio_s": measured.ratio_to(best),
    }


EXPERIMENT = runner.Experiment(
    name="linear_layer_vjp",
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
