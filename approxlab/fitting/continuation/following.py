"""Training that finds what depth allows: a path from x^2, which depth builds exactly, to a target.

From random weights no method finds the folds that make depth pay: the pieces of a random network
are about as many as its units, and local minima keep them. A deep network that folds its interval
in every layer is a quadratic with exponentially many pieces. The target is moved in small stages
from that quadratic to the function that is wanted, and Levenberg-Marquardt on all weights follows:
the folds stay, and bend. (Numerical continuation, or homotopy.)
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import jax
import numpy as np

from approxlab.arguments import check_key, check_number, check_positive, check_widths
from approxlab.domains import Box
from approxlab.evaluation import values_at
from approxlab.fitting.continuation.damped_steps import Problem, State
from approxlab.fitting.continuation.given import Given, given
from approxlab.fitting.continuation.plain_layers import PlainLayers
from approxlab.fitting.continuation.quadratic_start import quadratic, teeth
from approxlab.fitting.continuation.result import DeepFit
from approxlab.fitting.training.least_squares import working_bytes
from approxlab.fitting.training.result import History, Status
from approxlab.host_threads import one_thread
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.regions.one_dimensional import pieces_of_many

__all__ = ["fit_deep"]

_LEAST_POINTS, _POINTS_PER_PARAMETER = 1000, 8
_MOST_BYTES = 2**31  # of one step
_STEPS, _ENOUGH = 10, 0.1  # of a stage: steps at most, and the fall of the loss that ends it
_TRIES = 4  # paths of a seed where no side is the right one; they share the stages
_LAST_FALL = 1e-9  # the same of the last stage
_ROUNDS = 3  # of points that are refined, where a network does something between them
_SEEN = 1.03  # mean square over the interval over that on the points: less is seen by them
_ROUNDING = 1e-28  # a mean square that is one of rounding, of values of size one
_LIMITED = 1.5  # loss in the network's dtype over the loss in training, and more


@one_thread()
def fit_deep(
    target: Any,
    hidden: Any = (4, 4, 4, 4, 4),
    *,
    seeds: Any = 4,
    key: Any = None,
    stages: Any = 128,
    steps: Any = 300,
    points: Any = None,
    start: Any = "nearest",
    spread: Any = 1e-3,
    dtype: str | None = None,
) -> DeepFit:
    """Fit a deep ReLU network of one variable so that its depth pays.

    Each seed begins as a quadratic q, built with the folds of `quadratic_start` (width 4, depth 5:
    324 pieces) and perturbed a little. Then for s = 1/stages, 2/stages, ..., 1 all weights are
    fitted to (1 - s) q + s f by a few steps of Levenberg-Marquardt, which start from the weights of
    the stage before; the last stage goes on until no step lowers the loss. q is the quadratic
    nearest to f. Where f bends to both sides no quadratic is on its side, and local minima are
    worse: the stages are shared by four paths, from q and the quadratic of opposite curvature in
    turn, and the last stage is that of the best of them.

    All layers are plain: no linear units, all ReLUs counted. The result is a local minimum. What it
    is worth is told by `gap_to_shallow` and `gap_to_splines` of the result; the experiment
    `deep_relu_training` compares it with training from random weights and published figures.

    Args:
        target: A `Target` of one variable without a mask, or data `(X, Y)` of shapes (k, 1) and
            (k,). Of a target the mean square over the interval is minimised, of data that over the
            data.
        hidden: Widths of the hidden layers: at least 2 units in the first, 3 in the others, two to
            fold and one to carry the sum.
        seeds: Number of networks.
        key: A typed key; by default `jax.random.key(0)`. Seed i uses it folded with i.
        stages: Number of stages; more are slower and mostly better.
        steps: Steps of the last stage at most.
        points: Number of points of a target; by default 8 per parameter, and 1000 at least.
        start: "nearest", or "opposite" to begin with the opposite curvature, which ends worse where
            the target bends to one side and is there to be compared with.
        spread: Relative size of the random perturbation of the start.
        dtype: "float32" or "float64" of the returned networks; by default JAX's default. The fit
            itself is in float64, whatever JAX is set to, but the values of a target are JAX's.

    Returns:
        A `DeepFit`.

    Raises:
        TypeError: If the target is neither a target nor data, or the key is not typed.
        ValueError: If the target is not one-dimensional, has a mask or is not finite; if a layer is
            too narrow to fold; if a number is not a positive integer, or `spread` is negative; or
            if one step would take more than 2 GiB.

    Source:
        The start: Yarotsky 2017, Proposition 2, with folds of several pieces. Levenberg 1944;
        Marquardt 1963. Continuation: Allgower and Georg 1990. Milkert, Hyde and Laine 2025 train
        networks of this shape from folds with free peaks.

    Example:
        >>> from approxlab import targets
        >>> cube = fit_deep(targets.get("cube"), hidden=(4, 4, 4), seeds=1, stages=32)
        >>> cube.network.num_hidden_units, bool(cube.pieces[0] > 13)
        (12, True)
    """
    layers = PlainLayers(_check_hidden(hidden))
    check_positive(seeds=seeds, stages=stages, steps=steps)
    check_number("spread", spread)
    path = Path(_check_start(start), float(spread), stages, steps)
    if key is not None:
        check_key(key)
    first = jax.random.key(0) if key is None else key
    kind = str(float_dtype(dtype))
    wanted = given(target, _number_of_points(points, layers))
    _check_memory(layers, len(wanted.t))
    begin = time.perf_counter()
    runs = [_followed(wanted, layers, first, i, path) for i in range(seeds)]
    ends = [_seen(wanted, layers, state, steps) for state, _, _ in runs]
    run_s = time.perf_counter() - begin
    return _result(target, wanted, layers, runs, ends, kind, run_s)


def _check_hidden(hidden: Any) -> tuple[int, ...]:
    widths = check_widths(hidden)
    if not widths or widths[0] < 2 or min(widths[1:], default=3) < 3:
        raise ValueError(
            f"hidden: got {widths}, expected at least 2 units in the first layer and 3 in each "
            "other one: two to fold and one to carry the sum. Use for example (4, 4, 4)."
        )
    return widths


def _number_of_points(points: Any, layers: PlainLayers) -> int:
    if points is None:
        return max(_LEAST_POINTS, _POINTS_PER_PARAMETER * layers.size)
    check_positive(points=points)
    if points < layers.size:
        raise ValueError(
            f"points: got {points} for {layers.size} parameters, expected at least as many as "
            f"parameters; {_POINTS_PER_PARAMETER} times as many are usual."
        )
    return int(points)


def _check_memory(layers: PlainLayers, points: int) -> None:
    needed = working_bytes(points, layers.size)
    if needed > _MOST_BYTES:
        raise ValueError(
            f"hidden: got {layers.size} parameters for {points} points, whose step takes "
            f"{needed / 2**30:.3g} GiB, expected at most {_MOST_BYTES / 2**30:.3g} GiB. Take "
            "narrower layers; depth costs less."
        )


def _check_start(start: Any) -> bool:
    if not isinstance(start, str) or start not in ("nearest", "opposite"):
        raise ValueError(f"start: got {start!r}, expected 'nearest' or 'opposite'.")
    return start == "opposite"


@dataclasses.dataclass(frozen=True)
class Path:
    """How all seeds go: from which side, how far apart, in how many stages, steps at the end."""

    opposite: bool
    spread: float
    stages: int
    steps: int


Run = tuple[State, list[int], list[float]]
End = tuple[State, Given, bool]


def _followed(wanted: Given, layers: PlainLayers, key: Any, seed: int, path: Path) -> Run:
    """One seed: the end of its best path, and steps tried and loss after every stage of it."""
    problem = Problem(layers, wanted.t, np.sqrt(wanted.weights))
    rng = np.random.default_rng(np.asarray(jax.random.key_data(jax.random.fold_in(key, seed))))
    nearest, one_side = wanted.quadratic()
    opposite = wanted.with_curvature(-nearest[2])
    tries = 1 if one_side else _TRIES
    stages = -(-path.stages // tries)
    runs = []
    for i in range(tries):
        coefficients = (nearest, opposite)[(i + path.opposite) % 2]
        start = quadratic(layers, teeth(layers.hidden, len(wanted.t) // 3), coefficients)
        begin = start * (1.0 + path.spread * rng.standard_normal(len(start)))
        runs.append(_one_path(problem, begin, coefficients, wanted.y, stages))
    state, trials, losses = min(runs, key=lambda run: run[0].loss)
    state = problem.reduced(state, wanted.y, path.steps, _LAST_FALL)
    return state, [*trials[:-1], state.trials], [*losses[:-1], state.loss]


def _seen(wanted: Given, layers: PlainLayers, state: State, steps: int) -> End:
    """The end of a seed, the points that see all it does, and whether they do.

    A network may leave a spike between the points of a fit. Then its kinks become points too, and
    the last stage is repeated.
    """
    for again in range(_ROUNDS + 1):
        if _sees(wanted, layers, state):
            return state, wanted, True
        refined = wanted.refined(layers.kinks(state.parameters))
        problem = Problem(layers, refined.t, np.sqrt(refined.weights))
        loss = problem.loss(state.parameters, refined.y)
        if loss <= _SEEN * state.loss:
            return dataclasses.replace(state, loss=loss), refined, True
        wanted, state = refined, dataclasses.replace(state, loss=loss)
        if again == _ROUNDS or working_bytes(len(refined.t), layers.size) > _MOST_BYTES:
            break
        state = problem.reduced(state, refined.y, steps, _LAST_FALL)
    return state, wanted, False


def _sees(wanted: Given, layers: PlainLayers, state: State) -> bool:
    if wanted.function is None or state.loss <= _ROUNDING:
        return True
    kinks = layers.kinks(state.parameters)
    values = (layers.values(state.parameters, x) for x in (wanted.t, kinks))
    return wanted.mean_square_between(kinks, *values) <= _SEEN * state.loss


def _one_path(
    problem: Problem,
    begin: np.ndarray,
    coefficients: tuple[float, float, float],
    y: np.ndarray,
    stages: int,
) -> Run:
    """From the quadratic of these coefficients to the values y, without the last long stage."""
    t = problem.x
    state = State(begin, np.inf)
    near = coefficients[0] + t * (coefficients[1] + t * coefficients[2])
    trials, losses = [0], [problem.loss(begin, y)]
    for stage in range(1, stages + 1):
        share = stage / stages
        state = problem.reduced(state, (1.0 - share) * near + share * y, _STEPS, _ENOUGH)
        trials.append(state.trials)
        losses.append(problem.loss(state.parameters, y))
    return state, trials, losses


def _result(
    target: Any,
    wanted: Given,
    layers: PlainLayers,
    runs: list[Run],
    ends: list[End],
    kind: str,
    run_s: float,
) -> DeepFit:
    parts = [layers.unpacked(state.parameters) for state, _, _ in ends]
    weights, biases = (
        [np.stack(same) for same in zip(*each, strict=True)] for each in zip(*parts, strict=True)
    )
    networks = wanted.network(weights, biases, kind)
    members = [networks.member(i) for i in range(len(runs))]
    f = wanted.shift + wanted.unit * wanted.y
    losses = np.array(
        [_mean_square(net, seen) for net, (_, seen, _) in zip(members, ends, strict=True)]
    )
    best = int(np.argmin(losses))
    variance = float(wanted.weights @ (f - wanted.weights @ f) ** 2)
    box = Box([wanted.start], [wanted.start + wanted.width])
    counted = [len(found.slopes) for found in pieces_of_many(networks, box)]
    return DeepFit(
        network=members[best],
        networks=networks,
        best=best,
        seeds=tuple(range(len(runs))),
        statuses=tuple(
            _status(state, float(own), state.loss * wanted.unit**2, seen)
            for (state, _, seen), own in zip(ends, losses, strict=True)
        ),
        losses=losses,
        relative_losses=losses / (variance or wanted.unit**2),
        output_losses=losses[:, None],
        history=History(
            np.array([trials for _, trials, _ in runs]),
            np.array([path for _, _, path in runs]) * wanted.unit**2,
        ),
        steps=np.array([state.trials for state, _, _ in ends]),
        method="continuation",
        compile_s=0.0,
        run_s=run_s,
        target=target,
        pieces=np.array(counted),
    )


def _mean_square(net: MLP, wanted: Given) -> float:
    f = wanted.shift + wanted.unit * wanted.y
    return float(wanted.weights @ (values_at(net, wanted.x[:, None]) - f) ** 2)


def _status(state: State, own: float, trained: float, seen: bool) -> Status:
    if not seen or not own <= _LIMITED * trained:
        return Status.LIMITED
    return Status.CONVERGED if state.settled else Status.BUDGET
