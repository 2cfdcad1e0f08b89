"""The training of one seed: start, advance by some steps, finish, as pure functions of arrays.

Everything that shapes a program is in a `ProgramKey`; data, random keys, learning rate and numbers
of steps enter as arrays.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from approxlab.fitting.training.method import Objective, Tree
from approxlab.fitting.training.program_key import ProgramKey
from approxlab.networks.activations import activation
from approxlab.networks.calculus import postcompose, precompose
from approxlab.networks.forward import outputs
from approxlab.networks.initialisation import all_draws, all_layers, default_initialisation
from approxlab.networks.mlp import MLP
from approxlab.networks.raw_keys import ANY_KEY, RawKey

RECORDS = 64  # losses that one call of `advance` may record: a call costs as much as many steps
GOING, CONVERGED, STAGNATED, DIVERGED = range(4)  # what is decided about a seed


def drawn(program_key: ProgramKey, key: RawKey) -> Tree:
    """The random numbers that the layers of one seed are made of."""
    return all_draws(key, program_key.sizes, program_key.dtype)


class State(NamedTuple):
    """State of one seed: steps done, least loss and its step, parameters, method's state, key.

    Keys go in and out as their data: with typed keys, calling a compiled program takes JAX's slow
    path, half a millisecond instead of a twentieth of one.
    """

    step: Any
    best: Any
    best_step: Any
    params: Tree
    method: Tree
    key: Any


class Report(NamedTuple):
    """What the host is given about one seed, in two arrays: each array that it reads costs time.

    Attributes:
        losses: Losses of the m outputs at the records, shape (RECORDS, m); those beyond the last
            record mean nothing. The mean over the outputs is what is minimised.
        progress: Number of records, steps done up to the last of them, steps taken after it before
            a number was not finite, and the decision (GOING to DIVERGED): shape (4,), integers.
    """

    losses: Any
    progress: Any


class SeedTraining:
    """The training of one seed: pure functions of arrays for one `ProgramKey`."""

    def __init__(self, program_key: ProgramKey) -> None:
        self.program_key, self.method = program_key, program_key.method
        self.act = activation(program_key.activation)
        template = jax.eval_shape(lambda: self._initial_layers(drawn(program_key, ANY_KEY)))
        # One vector instead of many small arrays: half the operations, half the compilation.
        # It is asked for while nothing is computed: of arrays, JAX compiles a copy of every shape.
        jax.eval_shape(self._keep_unravel, template)

    def _keep_unravel(self, layers: Tree) -> Array:
        vector, self.unravel = ravel_pytree(layers)
        return vector

    def start(self, begin: Tree, key_points: Array) -> State:
        """The state of one seed before the first step.

        Args:
            begin: The numbers drawn for its layers; the layers themselves if the start is warm.
            key_points: Data of the key of its points.
        """
        params = self._pack(begin if self.program_key.warm else self._initial_layers(begin))
        method_state = self.method.init(params)
        step = jnp.zeros((), jnp.int32)
        best = jnp.full((), jnp.inf, self.program_key.dtype)
        return State(step, best, step, params, method_state, key_points)

    def advance(
        self, state: State, data: dict[str, Any], schedule: Array, intervals: Array, count: Array
    ) -> tuple[State, Report]:
        """Up to `count` steps with a record after every stride, and after the last step.

        Numbers of steps are arguments, so that fewer steps need no other program. With `count` 0
        there is one record, of the state as it is. A seed that converges or stagnates ends at
        that record; one whose numbers are no longer finite goes back to the record before.

        Args:
            state: The state of one seed.
            data: See `arrays_of`.
            schedule: Learning rate, steps in all, tolerance.
            intervals: Steps between two records, and steps without progress that are stagnation.
            count: Number of steps, at most RECORDS strides.
        """

        def going(carry: Tree) -> Array:
            _, (_, (records, done, _, status)) = carry
            return (records == 0) | ((done < count) & (status == GOING))

        def to_the_next_record(carry: Tree) -> Tree:
            state, (losses, (records, done, _, _)) = carry
            span = jnp.minimum(intervals[0], count - done)
            taken, new = self._steps(state, data, schedule, span)
            losses_of_outputs = self._mean_squares(new.params, data["inputs"], data["outputs"])
            losses_of_outputs = losses_of_outputs / data["recorded"] / data["recorded"]
            loss = jnp.mean(losses_of_outputs)
            finite = (taken == span) & jnp.isfinite(loss)
            for leaf in jax.tree.leaves(new.params):
                finite &= jnp.all(jnp.isfinite(leaf))
            new, status = _judged(new, loss, schedule[2], intervals[1])
            state = jax.lax.cond(finite, lambda: new, lambda: state)
            kept = finite.astype(jnp.int32)
            progress = (
                records + 1,
                done + kept * taken,
                (1 - kept) * taken,
                jnp.where(finite, status, jnp.int32(DIVERGED)),
            )
            return state, Report(losses.at[records].set(losses_of_outputs), progress)

        zero = jnp.zeros((), jnp.int32)
        losses = jnp.zeros((RECORDS, len(data["outputs"])), self.program_key.dtype)
        nothing = Report(losses, (zero, zero, zero, zero))
        state, report = jax.lax.while_loop(going, to_the_next_record, (state, nothing))
        return state, Report(report.losses, jnp.stack(report.progress))

    def finish(self, params: Tree, data: dict[str, Any]) -> tuple[Tree, Tree]:
        """Fold the affine maps in: parameters for values divided by `unit`, layers for the target.

        The first are what `advance` takes, so that it can measure the finished network.
        """
        net = self._network(self._unpack(params))
        net = precompose(net, data["scale"], data["shift"])
        net = postcompose(net, data["deviation"], data["mean"])
        whole = postcompose(net, data["unit"])
        return self._pack((net.weights, net.biases)), (whole.weights, whole.biases)

    # Internals

    def _steps(
        self, state: State, data: dict[str, Any], schedule: Array, span: Array
    ) -> tuple[Array, State]:
        """Steps until there are `span` of them or a loss is not finite; how many, and the state."""

        def going(carry: Tree) -> Array:
            taken, finite, _ = carry
            return (taken < span) & finite

        def body(carry: Tree) -> Tree:
            taken, _, state = carry
            x, y, weight = self._draw(state, data)

            def loss_of(p: Tree) -> Array:
                return self._mean_square(p, x, y, weight)

            objective = Objective(
                loss=loss_of,
                network=self._network,
                layers=self._unpack,
                inputs=x,
                outputs=y,
                steps_done=state.step,
                learning_rate=schedule[0],
                steps=schedule[1],
            )
            loss, params, method_state = self.method.step(objective, state.params, state.method)
            state = state._replace(step=state.step + 1, params=params, method=method_state)
            finite = jnp.isfinite(loss)
            return taken + finite.astype(jnp.int32), finite, state

        begin = (jnp.zeros((), jnp.int32), jnp.ones((), bool), state)
        taken, _, state = jax.lax.while_loop(going, body, begin)
        return taken, state

    def _network(self, layers: Tree) -> MLP:
        (weights, biases), key = layers, self.program_key
        return MLP(weights, biases, key.activation, key.passthrough, key.out_size)

    def _typed(self, data: Array) -> Array:
        return jax.random.wrap_key_data(data, impl=self.program_key.key[0])

    def _initial_layers(self, drawn: Tree) -> Tree:
        key = self.program_key
        name = key.init or default_initialisation(key.activation)
        return tuple(zip(*all_layers(name, drawn, key.sizes), strict=True))

    def _pack(self, layers: Tree) -> Tree:
        return layers if self.method.sees_layers else ravel_pytree(layers)[0]

    def _unpack(self, params: Tree) -> Tree:
        return params if self.method.sees_layers else self.unravel(params)

    def _mean_squares(self, params: Tree, x: Array, y: Array) -> Array:
        """Mean square error of every output at the columns of x, shape (m,)."""
        if len(y) == 1:
            return self._mean_square(params, x, y, None)[None]
        return jnp.mean(self._squares(params, x, y), axis=1)

    def _mean_square(self, params: Tree, x: Array, y: Array, weight: Array | None) -> Array:
        """Mean square error of the network at the columns of x; equals that of the `MLP`."""
        square = self._squares(params, x, y)
        if weight is None:
            return jnp.mean(square)
        return jnp.mean(square @ weight) / jnp.maximum(jnp.sum(weight), 1)

    def _squares(self, params: Tree, x: Array, y: Array) -> Array:
        """Squared errors at the columns of x, shape (m, N)."""
        weights, biases = self._unpack(params)
        # A bias is repeated over the points by a product with ones: then its gradient is a product
        # too, and not a sum along rows, which takes a tenth of a step of a small network.
        ones = jnp.ones((1, x.shape[1]), x.dtype)

        def add(z: Array, bias: Array) -> Array:
            return z + bias[:, None] @ ones

        found = outputs(self.act, weights, biases, self.program_key.passthrough, x, add)
        return jnp.square(found - y)

    def _draw(self, state: State, data: dict[str, Any]) -> tuple[Array, Array, Array | None]:
        """The points of one step: all of them, random rows, or fresh ones."""
        batch, fixed = self.program_key.batch, self.program_key
        if batch is None:
            return data["inputs"], data["outputs"], None
        key = jax.random.fold_in(self._typed(state.key), state.step)
        if not fixed.statics:
            rows = jax.random.randint(key, (batch,), 0, data["inputs"].shape[1])
            return data["inputs"][:, rows], data["outputs"][:, rows], None
        t = jax.random.uniform(key, (batch, fixed.in_size), fixed.dtype)
        lower, upper = data["lower"][None, :], data["upper"][None, :]
        # Rounding must not carry a point out of the box, where a target need not be defined.
        points = jnp.clip(lower + t * (upper - lower), lower, upper)
        target, *mask = (
            jax.vmap(static.join(arrays))
            for static, arrays in zip(fixed.statics, data["functions"], strict=True)
        )
        y = target(points).astype(fixed.dtype).reshape(batch, -1).T / data["unit"][:, None]
        y = (y - data["mean"][:, None]) / data["deviation"][:, None]
        if not mask:
            return 2.0 * t.T - 1.0, y, None
        weight = mask[0](points).astype(fixed.dtype)
        return 2.0 * t.T - 1.0, jnp.where(weight[None, :] > 0, y, 0.0), weight


def _judged(state: State, loss: Array, tol: Array, patience: Array) -> tuple[State, Array]:
    """The state with the least loss brought up to date, and the decision at this record."""
    least_gain = math.sqrt(jnp.finfo(loss.dtype).eps)
    better = loss < state.best * (1.0 - least_gain)
    best = jnp.where(better, loss, state.best)
    best_step = jnp.where(better, state.step, state.best_step)
    stagnated = jnp.where(state.step - best_step >= patience, STAGNATED, GOING)
    status = jnp.where(loss <= tol, CONVERGED, stagnated)
    return state._replace(best=best, best_step=best_step), status.astype(jnp.int32)
