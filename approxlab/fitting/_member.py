"""The training of one seed: start, advance by some steps, finish, as pure functions of arrays.

Everything that shapes a program is in a `Shape`; data, keys, learning rate and numbers of steps
enter as arrays.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from approxlab.fitting._places import Places
from approxlab.fitting._residuals import of_all_weights, of_inner_weights
from approxlab.fitting.least_squares import Damping, LevenbergMarquardt
from approxlab.fitting.least_squares import step as least_squares_step
from approxlab.fitting.self_scaled import self_scaled_bfgs, self_scaled_broyden
from approxlab.networks import MLP, activation, postcompose, precompose
from approxlab.networks.activations import layer
from approxlab.networks.initialisation import all_draws, all_layers, default_initialisation

_FINAL_RATE = 1e-3  # the cosine ends at this fraction of the learning rate
_MEMORY = 20  # pairs kept by L-BFGS; optax's 10 stalls ten times earlier on small networks
RECORDS = 8  # losses that one call of `advance` may record: a call costs as much as many steps
LINE_SEARCHES = ("lbfgs", "ssbfgs", "ssbroyden")  # methods that find their steps by one
GOING, CONVERGED, STAGNATED, DIVERGED = range(4)  # what is decided of a member

Tree = Any


@dataclasses.dataclass(frozen=True)
class Shape:
    """All that a program depends on, hashable: the key of the compilation cache."""

    in_size: int
    hidden: tuple[int, ...]
    passthrough: tuple[int, ...]
    activation: str
    out_size: int | None
    init: str | None
    warm: bool  # whether a member starts from given layers
    dtype: str
    method: Any
    batch: int | None
    statics: tuple[Any, ...]  # of the target and its mask, where points are drawn in the program
    data: tuple[Any, ...]  # names, shapes and dtypes
    key: tuple[Any, ...]  # implementation of the keys, shape and dtype of their data
    places: Places
    surroundings: tuple[Any, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of units of every layer, inputs and outputs included."""
        return (self.in_size, *self.hidden, self.out_size or 1)


def drawn(shape: Shape, key: Array) -> Tree:
    """The random numbers that the layers of one seed are made of."""
    return all_draws(key, shape.sizes, shape.dtype)


class State(NamedTuple):
    """Of one seed: steps done, least loss and its step, parameters, state of the method, key.

    Keys go in and out as their data: with typed keys, calling a compiled program takes JAX's slow
    path, half a millisecond instead of a twentieth.
    """

    step: Any
    best: Any
    best_step: Any
    params: Tree
    method: Tree
    key: Any


class Report(NamedTuple):
    """What the host learns of one seed, in two arrays: each one that it reads costs time.

    Attributes:
        losses: Losses at the records, shape (RECORDS,); those beyond the last one mean nothing.
        facts: Number of records, steps done up to the last of them, steps taken after it before a
            number was not finite, and what is decided (GOING to DIVERGED): shape (4,), integers.
    """

    losses: Any
    facts: Any


class Member:
    """The training of one seed: pure functions of arrays for one `Shape`."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.act = activation(shape.activation)
        template = jax.eval_shape(lambda: self._layers(drawn(shape, jax.random.key(0))))
        # One vector instead of many small arrays: half the operations, half the compilation. A
        # transformation of the caller's sees the layers: it may treat matrices in its own way.
        self.squares = isinstance(shape.method, LevenbergMarquardt)
        self.flat = self.squares or isinstance(shape.method, str)
        _, self.unravel = ravel_pytree(jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), template))
        if not self.squares:
            self.transformation = optax.with_extra_args_support(_transformation(shape.method))

    def start(self, begin: Tree, key_points: Array) -> State:
        """The state of one seed before the first step.

        Args:
            begin: The numbers drawn for its layers; the layers themselves if the start is warm.
            key_points: Data of the key of its points.
        """
        params = self._pack(begin if self.shape.warm else self._layers(begin))
        method_state: Any
        if self.squares:
            method_state = Damping.start(self.shape.dtype)
        else:
            with jax.numpy_dtype_promotion("standard"):
                method_state = self.transformation.init(params)
        step = jnp.zeros((), jnp.int32)
        best = jnp.full((), jnp.inf, self.shape.dtype)
        return State(step, best, step, params, _like(method_state, method_state), key_points)

    def advance(
        self, state: State, data: dict[str, Any], knobs: Array, pace: Array, count: Array
    ) -> tuple[State, Report]:
        """Up to `count` steps with a record after every stride, and after the last step.

        Numbers of steps are arguments, so that a shorter way is no other program. With `count` 0
        there is one record, of the state as it is. A member that converges or stagnates ends at
        that record; one that leaves the finite numbers goes back to the record before.

        Args:
            state: The state of one seed.
            data: See `arrays_of`.
            knobs: Learning rate, steps in all, tolerance.
            pace: Steps between two records, and steps without progress that are stagnation.
            count: Number of steps, at most RECORDS strides.
        """

        def going(carry: Tree) -> Array:
            _, (_, (records, done, _, status)) = carry
            return (records == 0) | ((done < count) & (status == GOING))

        def to_the_next_record(carry: Tree) -> Tree:
            state, (losses, (records, done, _, _)) = carry
            span = jnp.minimum(pace[0], count - done)
            taken, new = self._steps(state, data, knobs, span)
            loss = self._mean_square(new.params, data["inputs"], data["outputs"], None)
            finite = (taken == span) & jnp.isfinite(loss)
            for leaf in jax.tree.leaves(new.params):
                finite &= jnp.all(jnp.isfinite(leaf))
            new, status = _judged(new, loss, knobs[2], pace[1])
            state = jax.lax.cond(finite, lambda: new, lambda: state)
            kept = finite.astype(jnp.int32)
            facts = (
                records + 1,
                done + kept * taken,
                (1 - kept) * taken,
                jnp.where(finite, status, jnp.int32(DIVERGED)),
            )
            return state, Report(losses.at[records].set(loss), facts)

        zero = jnp.zeros((), jnp.int32)
        losses = jnp.zeros((RECORDS,), self.shape.dtype)
        nothing = Report(losses, (zero, zero, zero, zero))
        state, report = jax.lax.while_loop(going, to_the_next_record, (state, nothing))
        return state, Report(report.losses, jnp.stack(report.facts))

    def finish(self, params: Tree, data: dict[str, Any]) -> tuple[Tree, Tree]:
        """Fold the affine maps in: parameters for values divided by `unit`, layers for the target.

        The first are what `advance` takes, so that it can measure the finished network.
        """
        net = self._network(self._unpack(params))
        net = precompose(net, data["scale"], data["shift"])
        net = postcompose(net, data["spread"], data["mean"])
        whole = postcompose(net, data["unit"])
        return self._pack((net.weights, net.biases)), (whole.weights, whole.biases)

    # Internals

    def _steps(
        self, state: State, data: dict[str, Any], knobs: Array, span: Array
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

            if self.squares:
                loss, state = self._least_squares(x, y, state)
            else:
                loss, state = self._step(loss_of, state, knobs)
            finite = jnp.isfinite(loss)
            return taken + finite.astype(jnp.int32), finite, state

        begin = (jnp.zeros((), jnp.int32), jnp.ones((), bool), state)
        taken, _, state = jax.lax.while_loop(going, body, begin)
        return taken, state

    def _network(self, layers: Tree) -> MLP:
        (weights, biases), shape = layers, self.shape
        return MLP(weights, biases, shape.activation, shape.passthrough, shape.out_size)

    def _typed(self, data: Array) -> Array:
        return jax.random.wrap_key_data(data, impl=self.shape.key[0])

    def _layers(self, drawn: Tree) -> Tree:
        name = self.shape.init or default_initialisation(self.shape.activation)
        return tuple(zip(*all_layers(name, drawn, self.shape.sizes), strict=True))

    def _pack(self, layers: Tree) -> Tree:
        return ravel_pytree(layers)[0] if self.flat else layers

    def _unpack(self, params: Tree) -> Tree:
        return self.unravel(params) if self.flat else params

    def _mean_square(self, params: Tree, x: Array, y: Array, weight: Array | None) -> Array:
        """Mean square error of the network at the columns of x; equals that of the `MLP`."""
        weights, biases = self._unpack(params)
        # A bias is spread over the points by a product with ones: then its gradient is a product
        # too, and not a sum along rows, which takes a tenth of a step of a small network.
        ones = jnp.ones((1, x.shape[1]), x.dtype)
        hidden = zip(weights[:-1], biases[:-1], self.shape.passthrough, strict=True)
        for w, b, linear in hidden:
            x = layer(self.act, w @ x + b[:, None] @ ones, linear)
        square = jnp.square(weights[-1] @ x + biases[-1][:, None] @ ones - y)
        if weight is None:
            return jnp.mean(square)
        return jnp.mean(square @ weight) / jnp.maximum(jnp.sum(weight), 1)

    def _draw(self, state: State, data: dict[str, Any]) -> tuple[Array, Array, Array | None]:
        """The points of one step: all of them, random rows, or fresh ones."""
        batch = self.shape.batch
        if batch is None:
            return data["inputs"], data["outputs"], None
        key = jax.random.fold_in(self._typed(state.key), state.step)
        if not self.shape.statics:
            rows = jax.random.randint(key, (batch,), 0, data["inputs"].shape[1])
            return data["inputs"][:, rows], data["outputs"][:, rows], None
        t = jax.random.uniform(key, (batch, self.shape.in_size), self.shape.dtype)
        lower, upper = data["lower"][None, :], data["upper"][None, :]
        # Rounding must not carry a point out of the box, where a target need not be defined.
        points = jnp.clip(lower + t * (upper - lower), lower, upper)
        target, *mask = (
            jax.vmap(static.join(arrays))
            for static, arrays in zip(self.shape.statics, data["functions"], strict=True)
        )
        y = target(points).astype(self.shape.dtype).reshape(batch, -1).T / data["unit"]
        y = (y - data["mean"][:, None]) / data["spread"]
        if not mask:
            return 2.0 * t.T - 1.0, y, None
        weight = mask[0](points).astype(self.shape.dtype)
        return 2.0 * t.T - 1.0, jnp.where(weight[None, :] > 0, y, 0.0), weight

    def _least_squares(self, x: Array, y: Array, state: State) -> tuple[Array, State]:
        """Loss before a step of Levenberg-Marquardt or variable projection, state after it."""
        method = self.shape.method
        if method.eliminate:
            model = of_inner_weights(self._network, self.unravel, state.params, x, y)
        else:
            form = method.solver == "qr"
            model = of_all_weights(self._network, self.unravel, state.params, x, y, form)
        params, damping, loss = least_squares_step(model, state.method, method.corrections)
        return loss, state._replace(step=state.step + 1, params=params, method=damping)

    def _step(
        self, loss_of: Callable[[Tree], Array], state: State, knobs: Array
    ) -> tuple[Array, State]:
        """Loss before the step, state after it."""
        method, params = self.shape.method, state.params
        with jax.numpy_dtype_promotion("standard"):
            if method in LINE_SEARCHES:  # which have left value and gradient in the state
                with_gradient = optax.value_and_grad_from_state(loss_of)
                loss, gradient = with_gradient(params, state=state.method)
            else:
                loss, gradient = jax.value_and_grad(loss_of)(params)
            updates, method_state = self.transformation.update(
                gradient, state.method, params, value=loss, grad=gradient, value_fn=loss_of
            )
            if method == "adam":
                updates = -_cosine(state.step, knobs) * updates
            new_params = optax.apply_updates(params, updates)
        return loss, state._replace(
            step=state.step + 1,
            params=_like(new_params, params),
            method=_like(method_state, state.method),
        )


def _judged(state: State, loss: Array, tol: Array, patience: Array) -> tuple[State, Array]:
    """The state with the least loss brought up to date, and what is decided at this record."""
    least_gain = math.sqrt(jnp.finfo(loss.dtype).eps)
    better = loss < state.best * (1.0 - least_gain)
    best = jnp.where(better, loss, state.best)
    best_step = jnp.where(better, state.step, state.best_step)
    stagnated = jnp.where(state.step - best_step >= patience, STAGNATED, GOING)
    status = jnp.where(loss <= tol, CONVERGED, stagnated)
    return state._replace(best=best, best_step=best_step), status.astype(jnp.int32)


def _transformation(method: Any) -> Any:
    if method == "adam":
        return optax.scale_by_adam()
    if method == "lbfgs":
        return optax.lbfgs(memory_size=_MEMORY)
    if method == "ssbfgs":
        return self_scaled_bfgs()
    if method == "ssbroyden":
        return self_scaled_broyden()
    return method


def _cosine(step: Array, knobs: Array) -> Array:
    """Half a cosine from the learning rate down to a small fraction of it at the last step."""
    peak, total = knobs[0], knobs[1]
    wave = 0.5 * (1.0 + jnp.cos(math.pi * step.astype(knobs.dtype) / total))
    return peak * (_FINAL_RATE + (1.0 - _FINAL_RATE) * wave)


def _like(new: Tree, old: Tree) -> Tree:
    """Leaves with the dtypes they had: some of optax's are 64 bit whatever the parameters are."""

    def cast(a: Any, b: Any) -> Array:
        dtype = jnp.asarray(b).dtype
        if jnp.issubdtype(dtype, jax.dtypes.extended):  # a typed key
            return a
        return jax.lax.convert_element_type(a, dtype)

    return jax.tree.map(cast, new, old)
