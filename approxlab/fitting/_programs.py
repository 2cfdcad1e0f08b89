"""The compiled part of gradient training: start, advance by some steps, finish.

Data, keys, learning rate and numbers of steps enter as arrays; everything that shapes the program
is in a `Shape`. Equal shapes share one compilation, whatever the target.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from approxlab.evaluation import split
from approxlab.fitting._places import Places, places
from approxlab.fitting._problem import Problem, Settings
from approxlab.networks import MLP, activation, postcompose, precompose
from approxlab.networks.initialisation import all_draws, all_layers, default_initialisation

_FINAL_RATE = 1e-3  # the cosine ends at this fraction of the learning rate
_MEMORY = 20  # pairs kept by L-BFGS; optax's 10 stalls ten times earlier on small networks
_KEPT = 128  # programs held for further calls

Tree = Any


@dataclasses.dataclass(frozen=True)
class Shape:
    """All that a program depends on, hashable: the key of the compilation cache."""

    in_size: int
    hidden: tuple[int, ...]
    activation: str
    out_size: int | None
    init: str | None
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


@dataclasses.dataclass(frozen=True)
class Program:
    """Three executables; members of the group lie along the leading axis of every state."""

    start: Callable[..., Any]
    advance: Callable[..., Any]
    finish: Callable[..., Any]


def arrays_of(problem: Problem, settings: Settings) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """The data as arrays of the training dtype, and the static parts of a target to draw from.

    Points and values are stored as columns, (d, n) and (m, n): so every layer is one product
    `W @ h`, a quarter faster on a CPU than rows or a vmap over points.
    """
    columns = {"inputs": problem.inputs.T, "outputs": problem.outputs.T}
    maps = {
        "scale": 1.0 / problem.half,
        "shift": -problem.center / problem.half,
        "mean": problem.mean,
        "spread": problem.spread,
        "unit": problem.unit,
    }
    data: dict[str, Any] = _cast({**columns, **maps}, settings.dtype)
    if settings.batch is None or problem.function is None:
        return data, ()
    corners = {"lower": problem.center - problem.half, "upper": problem.center + problem.half}
    data |= _cast(corners, settings.dtype)
    parts = [split(f) for f in problem.function if f is not None]
    data["functions"] = tuple(arrays for _, arrays in parts)
    return data, tuple(static for static, _ in parts)


def original(data: dict[str, Any], problem: Problem, settings: Settings) -> dict[str, Any]:
    """The same data with points and values not normalised, to measure a finished network."""
    columns = {"inputs": problem.points.T, "outputs": problem.values.T}
    return {**data, **_cast(columns, settings.dtype)}


def shape_of(
    problem: Problem, settings: Settings, data: dict[str, Any], statics: tuple[Any, ...]
) -> Shape:
    """The cache key of a fit."""
    leaves, treedef = jax.tree.flatten(data)
    return Shape(
        in_size=problem.inputs.shape[1],
        hidden=settings.hidden,
        activation=settings.activation,
        out_size=problem.out_size,
        init=settings.init,
        dtype=settings.dtype,
        method=settings.method,
        batch=settings.batch,
        statics=statics,
        data=(treedef, *(_form(a) for a in leaves)),
        key=(jax.random.key_impl(settings.key), *_form(jax.random.key_data(settings.key))),
        places=places(settings.seeds, settings.devices),
        surroundings=(jax.config.jax_default_matmul_precision,),  # type: ignore[attr-defined]
    )


def program(shape: Shape) -> tuple[Program, float]:
    """The program of that shape, and the seconds its compilation took now: 0 if it was there."""
    before, began = compilations(), time.perf_counter()
    result = _compiled(shape)
    return result, time.perf_counter() - began if compilations() > before else 0.0


def compilations() -> int:
    """How many programs have been compiled in this process: one per shape."""
    return _compiled.cache_info().misses


@lru_cache(maxsize=_KEPT)
def _compiled(shape: Shape) -> Program:
    member, where = _Member(shape), shape.places
    treedef, *leaves = shape.data
    data = jax.tree.unflatten(treedef, [jax.ShapeDtypeStruct(*form) for form in leaves])
    key = jax.ShapeDtypeStruct(*shape.key[1:])
    numbers = jax.ShapeDtypeStruct((where.together,), jnp.int32)
    knobs = jax.ShapeDtypeStruct((2,), shape.dtype)
    drawn = jax.eval_shape(lambda: _stacked([_drawn(shape, jax.random.key(0))] * where.together))
    keys = jax.ShapeDtypeStruct((where.together, *key.shape), key.dtype)
    state = jax.eval_shape(where.over_members(member.start, (0, 0)), drawn, keys)
    return Program(
        where.executable(member.start, (0, 0), drawn, keys),
        where.executable(member.advance, (0, None, None, 0), state, data, knobs, numbers),
        where.executable(member.finish, (0, None), state.params, data),
    )


def beginning(shape: Shape, key: Array, numbers: Sequence[int]) -> tuple[Tree, Array]:
    """What `start` takes: for each seed, random numbers for its layers and the key of its points.

    A group that is not full is filled with copies of its last seed, which never take a step. Drawn
    outside of the program: a random generator inside would be compiled for every shape, which took
    a third of all the time that compilation takes.
    """
    seeds = [jax.random.split(jax.random.fold_in(key, number)) for number in numbers]
    drawn = [_drawn(shape, key_layers) for key_layers, _ in seeds]
    keys = [jax.random.key_data(key_points) for _, key_points in seeds]
    missing = shape.places.together - len(seeds)
    return (
        shape.places.spread(_stacked(drawn + drawn[-1:] * missing)),
        shape.places.spread(jnp.stack(keys + keys[-1:] * missing)),
    )


def _drawn(shape: Shape, key: Array) -> Tree:
    return all_draws(key, shape.sizes, shape.dtype)


def _stacked(trees: Sequence[Tree]) -> Tree:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


class State(NamedTuple):
    """Of one seed: steps done, parameters, state of the method, key of the random points.

    Keys go in and out as their data: with typed keys, calling a compiled program takes JAX's slow
    path, half a millisecond instead of a twentieth.
    """

    step: Any
    params: Tree
    method: Tree
    key: Any


class _Member:
    """The training of one seed: pure functions of arrays for one `Shape`."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.act = activation(shape.activation)
        template = jax.eval_shape(lambda: self._layers(_drawn(shape, jax.random.key(0))))
        # One vector instead of many small arrays: half the operations, half the compilation. A
        # transformation of the caller's sees the layers: it may treat matrices in its own way.
        self.flat = isinstance(shape.method, str)
        _, self.unravel = ravel_pytree(jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), template))
        self.transformation = optax.with_extra_args_support(_transformation(shape.method))

    def start(self, drawn: Tree, key_points: Array) -> State:
        """The state of one seed before the first step, from the numbers drawn for it."""
        params = self._pack(self._layers(drawn))
        with jax.numpy_dtype_promotion("standard"):
            method_state = self.transformation.init(params)
        step = jnp.zeros((), jnp.int32)
        return State(step, params, _like(method_state, method_state), key_points)

    def advance(
        self, state: State, data: dict[str, Any], knobs: Array, count: Array
    ) -> tuple[State, Array, Array, Array]:
        """Up to `count` steps: as a number, so that a shorter chunk is no other program.

        Returns:
            The state; the loss at all training points; the number of steps whose loss was finite;
            whether everything is finite. If not, the state is of no use.
        """

        def going(carry: Tree) -> Array:
            done, finite, _ = carry
            return (done < count) & finite

        def body(carry: Tree) -> Tree:
            done, _, state = carry
            x, y, weight = self._draw(state, data)

            def loss_of(p: Tree) -> Array:
                return self._mean_square(p, x, y, weight)

            loss, state = self._step(loss_of, state, knobs)
            finite = jnp.isfinite(loss)
            return done + finite.astype(jnp.int32), finite, state

        carry = (jnp.zeros((), jnp.int32), jnp.ones((), bool), state)
        done, finite, state = jax.lax.while_loop(going, body, carry)
        loss = self._mean_square(state.params, data["inputs"], data["outputs"], None)
        finite &= jnp.isfinite(loss)
        for leaf in jax.tree.leaves(state.params):
            finite &= jnp.all(jnp.isfinite(leaf))
        return state, loss, done, finite

    def finish(self, params: Tree, data: dict[str, Any]) -> tuple[Tree, Tree]:
        """Fold the affine maps in: parameters for values divided by `unit`, layers for the target.

        The first are what `advance` takes, so that it can measure the finished network.
        """
        weights, biases = self._unpack(params)
        net = MLP(
            weights, biases, self.shape.activation, (0,) * len(weights[1:]), self.shape.out_size
        )
        net = precompose(net, data["scale"], data["shift"])
        net = postcompose(net, data["spread"], data["mean"])
        whole = postcompose(net, data["unit"])
        return self._pack((net.weights, net.biases)), (whole.weights, whole.biases)

    # Internals

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
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            x = self.act(w @ x + b[:, None])
        square = jnp.square(weights[-1] @ x + biases[-1][:, None] - y)
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

    def _step(
        self, loss_of: Callable[[Tree], Array], state: State, knobs: Array
    ) -> tuple[Array, State]:
        """Loss before the step, state after it."""
        method, params = self.shape.method, state.params
        with jax.numpy_dtype_promotion("standard"):
            if method == "lbfgs":  # its line search has left value and gradient in the state
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
        return loss, State(
            state.step + 1, _like(new_params, params), _like(method_state, state.method), state.key
        )


def _transformation(method: Any) -> Any:
    if method == "adam":
        return optax.scale_by_adam()
    if method == "lbfgs":
        return optax.lbfgs(memory_size=_MEMORY)
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


def _form(array: Any) -> tuple[Any, Any]:
    return array.shape, array.dtype


def _cast(arrays: dict[str, Any], dtype: str) -> dict[str, Any]:
    return {name: jnp.asarray(array, dtype) for name, array in arrays.items()}
