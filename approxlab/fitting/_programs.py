"""The compiled part of gradient training: start, advance by some steps, finish.

Data, keys, learning rate and numbers of steps enter as arrays; everything that shapes the program
is in a `Shape`. Equal shapes share one compilation, whatever the target.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.evaluation import split
from approxlab.fitting._member import Member, Shape, drawn
from approxlab.fitting._places import places
from approxlab.fitting._problem import Problem, Settings
from approxlab.networks import postcompose, precompose

_KEPT = 128  # programs held for further calls

Tree = Any


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
        passthrough=settings.passthrough,
        activation=settings.activation,
        out_size=problem.out_size,
        init=settings.init,
        warm=settings.start is not None,
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
    member, where = Member(shape), shape.places
    treedef, *leaves = shape.data
    data = jax.tree.unflatten(treedef, [jax.ShapeDtypeStruct(*form) for form in leaves])
    key = jax.ShapeDtypeStruct(*shape.key[1:])
    numbers = jax.ShapeDtypeStruct((where.together,), jnp.int32)
    knobs = jax.ShapeDtypeStruct((3,), shape.dtype)
    pace = jax.ShapeDtypeStruct((2,), jnp.int32)
    one = jax.random.key(0)
    draws = jax.eval_shape(lambda: _stacked([_begin(shape, one, None)] * where.together))
    keys = jax.ShapeDtypeStruct((where.together, *key.shape), key.dtype)
    state = jax.eval_shape(where.over_members(member.start, (0, 0)), draws, keys)
    advanced = (state, data, knobs, pace, numbers)
    return Program(
        where.executable(member.start, (0, 0), draws, keys),
        where.executable(member.advance, (0, None, None, None, 0), *advanced),
        where.executable(member.finish, (0, None), state.params, data),
    )


def beginning(
    shape: Shape, settings: Settings, problem: Problem, numbers: Sequence[int]
) -> tuple[Tree, Array]:
    """What `start` takes: for each seed, random numbers or layers, and the key of its points.

    A group that is not full is filled with copies of its last seed, which never take a step. Drawn
    outside of the program: a random generator inside would be compiled for every shape, which took
    a third of all the time that compilation takes.
    """
    seeds = [jax.random.split(jax.random.fold_in(settings.key, number)) for number in numbers]
    given = [None if settings.start is None else normalised(settings, problem, i) for i in numbers]
    draws = [
        _begin(shape, key_layers, layers)
        for (key_layers, _), layers in zip(seeds, given, strict=True)
    ]
    keys = [jax.random.key_data(key_points) for _, key_points in seeds]
    missing = shape.places.together - len(seeds)
    return (
        shape.places.spread(_stacked(draws + draws[-1:] * missing)),
        shape.places.spread(jnp.stack(keys + keys[-1:] * missing)),
    )


def _begin(shape: Shape, key: Array, layers: Tree | None) -> Tree:
    """What one seed starts from: layers if it is warm, else random numbers."""
    if not shape.warm:
        return drawn(shape, key)
    if layers is not None:
        return layers
    pairs = list(itertools.pairwise(shape.sizes))
    return (
        tuple(jnp.zeros((m, n), shape.dtype) for n, m in pairs),
        tuple(jnp.zeros(m, shape.dtype) for _, m in pairs),
    )


def normalised(settings: Settings, problem: Problem, seed: int) -> Tree:
    """The layers of a given start, for normalised points and values."""
    start = settings.start
    net = start.member(seed) if start.weights[0].ndim > 2 else start
    net = jax.tree.map(lambda leaf: leaf.astype(settings.dtype), net)
    net = precompose(net, problem.half, problem.center)
    net = postcompose(net, 1.0 / problem.unit)
    net = postcompose(net, 1.0 / problem.spread, -problem.mean / problem.spread)
    return net.weights, net.biases


def _stacked(trees: Sequence[Tree]) -> Tree:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _form(array: Any) -> tuple[Any, Any]:
    return array.shape, array.dtype


def _cast(arrays: dict[str, Any], dtype: str) -> dict[str, Any]:
    return {name: jnp.asarray(array, dtype) for name, array in arrays.items()}
