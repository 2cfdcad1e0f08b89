"""What `three_questions` computes, one story at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments import runner

__all__ = ["compute"]

_SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_POINTS = 41  # of the map's data, and of the network whose minima are permuted
# Named one by one, so that an activation that joins the library changes no record.
_ACTIVATIONS = (
    *("tanh", "swish", "softplus", "sin", "sigmoid", "relu4", "relu3", "relu2", "relu"),
    *("identity", "heaviside", "gelu"),
)


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one unit."""
    stories = {"gradient": _gradients, "reduced": _reduced, "witness": _witness, "minima": _minima}
    return stories[unit["story"]](unit, run)


def _gradients(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """One row per shape: the formula, and one that forgets the slopes, against `jax.grad`."""
    import jax
    import numpy as np

    kind = unit["number_type"]
    if kind == "float64" and run.dtype == "float32":
        raise ValueError(
            "number_types: got float64 with --no-x64, expected float32 alone. Write "
            "--number-types float32."
        )
    rows = []
    for number in range(unit["shapes"]):
        loss, theta = _random_case(run.seed, number, np.dtype(kind))
        found, exact, wrong, sizes = (jax.tree.leaves(part) for part in _together(loss, theta))
        (N, d), m, n = loss.X.shape, loss.Y.shape[1], theta.W1.shape[0]
        rows.append(
            {
                "number": number,
                "points": N,
                "inputs": d,
                "hidden": n,
                "outputs": m,
                "activation": loss.activation,
                "biases": loss.biases,
                "parameters": sum(leaf.size for leaf in found),
                "difference_eps": _distance(found, exact, sizes, kind),
                "without_slopes_eps": _distance(wrong, exact, sizes, kind),
            }
        )
    return rows


def _distance(leaves: Any, exact: Any, sizes: Any, kind: str) -> float:
    """The largest difference, in eps of the sums of absolute terms: halves at least, two digits.

    What is below depends on the order of sums, which XLA may choose anew in every process.
    """
    import numpy as np

    largest = 0.0
    for a, b, size in zip(leaves, exact, sizes, strict=True):
        apart = np.abs(np.asarray(a, float) - np.asarray(b, float))
        scale = np.asarray(size, float) * float(np.finfo(kind).eps)
        # Where all terms are zero, as behind a dead unit, both must be zero.
        ratio = np.divide(apart, scale, out=np.where(apart > 0, np.inf, 0.0), where=scale > 0)
        largest = float(np.maximum(largest, ratio.max()))  # nan stays nan
    halves = np.maximum(0.5, 0.5 * np.ceil(2.0 * largest))
    return float(f"{halves:.2g}")


def _random_case(seed: int, number: int, dtype: Any) -> tuple[Any, Any]:
    """A loss and weights of random shape; every number another activation."""
    import jax.numpy as jnp
    import numpy as np

    from approxlab.landscapes import TwoLayerLoss, TwoLayerWeights

    draws = np.random.default_rng((seed, number))
    powers = ((2, 6), (0, 3), (1, 5), (0, 2))
    N, d, n, m = (int(2 ** draws.uniform(low, high)) for low, high in powers)
    biases = bool(draws.integers(2))

    def drawn(*shape: int) -> Any:
        return jnp.asarray(draws.standard_normal(shape), dtype)

    name = _ACTIVATIONS[number % len(_ACTIVATIONS)]
    loss = TwoLayerLoss(drawn(N, d), drawn(N, m), name, biases=biases)
    in_biases = (drawn(n), drawn(m)) if biases else (None, None)
    return loss, TwoLayerWeights(drawn(n, d), drawn(m, n), *in_biases)


def _together(loss: Any, theta: Any) -> Any:
    """Closed gradient, autodiff, a wrong formula, sums of absolute terms: one compilation."""
    import jax
    import jax.numpy as jnp

    from approxlab.landscapes import TwoLayerWeights
    from approxlab.networks import activation

    act = activation(loss.activation)

    def direct(theta: Any, loss: Any) -> Any:
        net = loss.network(theta, out_size=loss.Y.shape[1])
        return jnp.sum((jax.vmap(net)(loss.X) - loss.Y) ** 2) / 2

    def derivative(f: Any) -> Any:
        return lambda z: jax.jvp(f, (z,), (jnp.ones_like(z),))[1]

    @jax.jit
    def program(loss: Any, theta: Any) -> Any:
        X, W1, W2 = (jnp.abs(part) for part in (loss.X, theta.W1, theta.W2))
        Z, size = loss.X @ theta.W1.T, X @ W1.T
        if loss.biases:
            Z, size = Z + theta.b1[None], size + jnp.abs(theta.b1)[None]
        slope, bend = derivative(act)(Z), derivative(derivative(act))(Z)
        H = jnp.abs(act(Z)) + jnp.abs(slope) * size
        R = jnp.abs(loss.Y) + H @ W2.T
        R = R + jnp.abs(theta.b2)[None] if loss.biases else R
        # The slope of tanh is 1 - tanh^2: its terms are as large as tanh where they cancel.
        D = (R @ W2) * (jnp.abs(slope) + jnp.minimum(H, 1) + jnp.abs(bend) * size)
        in_biases = (D.sum(axis=0), R.sum(axis=0)) if loss.biases else (None, None)
        sizes = TwoLayerWeights(D.T @ X, R.T @ H, *in_biases)
        found = loss.gradient(theta)
        wrong = found._replace(W1=-(loss.residuals(theta) @ theta.W2).T @ loss.X)
        return found, jax.grad(direct)(theta, loss), wrong, sizes

    return program(loss, theta)


def _reduced(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Lines of the map, then the minimum below its lowest point, with its seven images."""
    import numpy as np
    from scipy.optimize import minimize

    from approxlab.landscapes import TwoLayerLoss

    x = np.linspace(-1.0, 1.0, _POINTS)
    noise = 0.01 * np.random.default_rng(run.seed).standard_normal(_POINTS)
    y = np.tanh(6.0 * x) - 1.5 * np.tanh(1.5 * x) + noise
    loss = TwoLayerLoss(x[:, None], y, "tanh", biases=False)
    side, reach = unit["side"], unit["reach"]
    # The two grids do not meet where two units are equal or opposite, or one is zero: there the
    # features are dependent and the reduced loss jumps.
    step = 2 * reach / side
    across, up = (step * (np.arange(side) + part) - reach for part in (0.5, 0.25))
    values = np.array([[loss.reduced([[w1], [w2]]) for w1 in across] for w2 in up])
    rows: list[dict[str, Any]] = [
        {"kind": "line", "w2": float(w2), "values": " ".join(f"{v:.4g}" for v in line)}
        for w2, line in zip(up, values, strict=True)
    ]

    def both(w: Any) -> Any:
        W1 = w.reshape(2, 1)
        return loss.reduced(W1), loss.reduced_gradient(W1).W1.ravel()

    i, j = np.unravel_index(np.argmin(values), values.shape)
    end = minimize(both, [across[j], up[i]], jac=True, method="BFGS", options={"gtol": 1e-10})
    # tanh is odd: a unit may change its sign, and the two may change places.
    for w in [np.array(v) * sign for v in (end.x, end.x[::-1]) for sign in _SIGNS]:
        value, slope = both(w)
        best = loss.best_readout(w.reshape(2, 1))
        rows.append(
            {
                "kind": "minimum",
                "w1": float(w[0]),
                "w2": float(w[1]),
                "loss": value,
                "loss_of_weights": float(loss(best.weights)),
                "slope": float(np.linalg.norm(slope)),
                "condition": best.condition,
                "readout_1": float(best.weights.W2[0, 0]),
                "readout_2": float(best.weights.W2[0, 1]),
            }
        )
    return rows


def _witness(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Numbers to be checked by hand."""
    from approxlab.landscapes import nonconvexity_witness

    found = nonconvexity_witness(unit["activation"])
    return [
        {
            "start_loss": found.test.start,
            "end_loss": found.test.end,
            "middle_loss": found.test.middle,
            "smallest_eigenvalue": found.eigenvalues[0],
            "largest_eigenvalue": found.eigenvalues[1],
            "text": str(found),
        }
    ]


def _minima(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """A teacher's loss is zero at its weights and at all permuted ones: plane and segment."""
    import jax
    import numpy as np

    import approxlab as al
    from approxlab import landscapes

    key = jax.random.key(run.seed)
    n = unit["units"]
    X = jax.random.uniform(jax.random.fold_in(key, 1), (_POINTS, 2), minval=-1.0, maxval=1.0)
    teacher = al.MLP.init(jax.random.fold_in(key, 2), 2, (n,), "tanh", domain=al.Box.unit(2))
    Y = jax.vmap(teacher)(X)
    loss = landscapes.TwoLayerLoss(X, Y, "tanh")
    orders = [np.roll(np.arange(n), -shift) for shift in range(3)]
    nets = [landscapes.permuted(teacher, order) for order in orders]
    points = [loss.weights(net) for net in nets]
    rows: list[dict[str, Any]] = []
    for order, net, theta in zip(orders, nets, points, strict=True):
        low = landscapes.negative_curvature(loss, theta)
        rows.append(
            {
                "kind": "minimum",
                "order": " ".join(str(i + 1) for i in order),
                "loss": float(loss(theta)),
                "largest_change_of_function": float(np.max(np.abs(jax.vmap(net)(X) - Y))),
                "smallest_eigenvalue": low.eigenvalue,
                "rounding": low.rounding,
                "negative_curvature": low.found,
            }
        )
    segment = landscapes.loss_on_segment(loss, points[0], points[1], points=unit["points"])
    for t, value in zip(segment.positions, segment.losses, strict=True):
        at = jax.tree.map(lambda a, b, t=t: (1 - t) * a + t * b, points[0], points[1])
        low = landscapes.negative_curvature(loss, at)
        rows.append(
            {
                "kind": "segment",
                "position": float(t),
                "loss": float(value),
                "smallest_eigenvalue": low.eigenvalue,
                "rounding": low.rounding,
            }
        )
    across, up, values, places = al.plotting.loss_on_plane(loss, points, side=unit["side"])
    for height, line in zip(up, values, strict=True):
        rows.append(
            {
                "kind": "line",
                "low": float(across[0]),
                "high": float(across[-1]),
                "height": float(height),
                "values": " ".join(f"{v:.4g}" for v in line),
            }
        )
    places_of = zip(rows[:3], places, strict=True)
    for row, (a, b) in places_of:
        row |= {"across": float(a), "up": float(b)}
    return rows
