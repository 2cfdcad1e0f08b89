"""The compiled part of gradient training: start, advance by some steps, finish.

Data, keys, learning rate and numbers of steps enter as arrays; everything that shapes the program
is in a `ProgramKey`. Equal keys share one compilation, whatever the target.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.evaluation import split
from approxlab.fitting.training.data import TrainingData
from approxlab.fitting.training.devices import devices_for
from approxlab.fitting.training.program_key import ProgramKey
from approxlab.fitting.training.seed import SeedTraining, drawn
from approxlab.fitting.training.settings import Settings
from approxlab.networks.calculus import postcompose, precompose
from approxlab.networks.raw_keys import ANY_KEY, RawKey, raw_key

_KEPT = 128  # programs held for further calls
_SHORT = 1e8  # values of activations: half a second of training

Tree = Any


@dataclasses.dataclass(frozen=True)
class Executables:
    """Three executables; the seeds of a group lie along the leading axis of every state."""

    start: Callable[..., Any]
    advance: Callable[..., Any]
    finish: Callable[..., Any]


def arrays_of(
    training_data: TrainingData, settings: Settings
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """The data as arrays of the training dtype, and the static parts of a target to draw from.

    Points and values are stored as columns, (d, n) and (m, n): so every layer is one product
    `W @ h`, a quarter faster on a CPU than rows or a vmap over points. Recorded losses are relative
    to the square of `recorded`, which is 1 where the values are normalised already.
    """
    plain = training_data.plain
    columns = {"inputs": training_data.inputs.T, "outputs": training_data.outputs.T}
    maps = {
        "scale": 1.0 / training_data.half,
        "shift": -training_data.center / training_data.half,
        "mean": np.zeros_like(training_data.mean) if plain else training_data.mean,
        "deviation": np.ones_like(training_data.deviation) if plain else training_data.deviation,
        "unit": training_data.unit,
        "recorded": training_data.deviation if plain else np.ones_like(training_data.deviation),
    }
    data: dict[str, Any] = _cast({**columns, **maps}, settings.dtype)
    if settings.batch is None or training_data.function is None:
        return data, ()
    corners = {
        "lower": training_data.center - training_data.half,
        "upper": training_data.center + training_data.half,
    }
    data |= _cast(corners, settings.dtype)
    parts = [split(f) for f in training_data.function if f is not None]
    data["functions"] = tuple(arrays for _, arrays in parts)
    return data, tuple(static for static, _ in parts)


def original(
    data: dict[str, Any], training_data: TrainingData, settings: Settings
) -> dict[str, Any]:
    """The same data with points and values not normalised, to measure a finished network."""
    columns = {"inputs": training_data.points.T, "outputs": training_data.values.T}
    columns["recorded"] = np.ones_like(training_data.deviation)
    return {**data, **_cast(columns, settings.dtype)}


def program_key_of(
    training_data: TrainingData, settings: Settings, data: dict[str, Any], statics: tuple[Any, ...]
) -> ProgramKey:
    """The key of the program of a fit."""
    leaves, treedef = jax.tree.flatten(data)
    return ProgramKey(
        in_size=training_data.inputs.shape[1],
        hidden=settings.hidden,
        passthrough=settings.passthrough,
        activation=settings.activation,
        out_size=training_data.out_size,
        init=settings.init,
        warm=settings.start is not None,
        dtype=settings.dtype,
        method=settings.method,
        batch=settings.batch,
        statics=statics,
        data=(treedef, *(_form(a) for a in leaves)),
        key=(jax.random.key_impl(settings.key), *_form(jax.random.key_data(settings.key))),
        devices=devices_for(len(settings.seeds), settings.devices),
        matmul_precision=jax.config.jax_default_matmul_precision,  # type: ignore[attr-defined]
    )


def compiled(key: ProgramKey, work: float) -> tuple[Executables, float]:
    """The executables of a key, and the seconds their compilation took: 0 if they were there.

    Args:
        key: The key.
        work: Values of activations that the training computes at most. A program compiled quickly
            takes longer for each: that pays for short training.
    """
    before, began = _programs_made(), time.perf_counter()
    start, finish = _ends(key)
    result = Executables(start, _advance(key, work < _SHORT), finish)
    return result, time.perf_counter() - began if _programs_made() > before else 0.0


def compilations() -> int:
    """How many keys have had programs compiled in this process."""
    return _ends.cache_info().misses


def _programs_made() -> int:
    return _ends.cache_info().misses + _advance.cache_info().misses


@lru_cache(maxsize=_KEPT)
def _ends(key: ProgramKey) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`start` and `finish`, which run once or twice."""
    training, (draws, keys, state), data = SeedTraining(key), _states(key), _data(key)
    executable = partial(key.devices.executable, quickly=True)
    return (
        executable(training.start, (0, 0), draws, keys),
        executable(training.finish, (0, None), state.params, data),
    )


@lru_cache(maxsize=_KEPT)
def _advance(key: ProgramKey, quickly: bool) -> Callable[..., Any]:
    schedule = jax.ShapeDtypeStruct((3,), key.dtype)
    intervals = jax.ShapeDtypeStruct((2,), jnp.int32)
    numbers = jax.ShapeDtypeStruct((key.devices.together,), jnp.int32)
    forms = (_states(key)[2], _data(key), schedule, intervals, numbers)
    advance, axes = SeedTraining(key).advance, (0, None, None, None, 0)
    result: Callable[..., Any] = key.devices.executable(advance, axes, *forms, quickly=quickly)
    return result


def _data(key: ProgramKey) -> Tree:
    treedef, *leaves = key.data
    return jax.tree.unflatten(treedef, [jax.ShapeDtypeStruct(*form) for form in leaves])


@lru_cache(maxsize=1)
def _states(key: ProgramKey) -> tuple[Tree, Any, Any]:
    """Forms of what `start` takes, and of the state it makes."""
    where = key.devices
    shape, dtype = key.key[1:]
    draws = jax.eval_shape(lambda: _stacked([_begin(key, ANY_KEY, None)] * where.together))
    keys = jax.ShapeDtypeStruct((where.together, *shape), dtype)
    return (
        draws,
        keys,
        jax.eval_shape(where.over_seeds(SeedTraining(key).start, (0, 0)), draws, keys),
    )


def beginning(
    key: ProgramKey, settings: Settings, training_data: TrainingData, numbers: Sequence[int]
) -> tuple[Tree, Any]:
    """What `start` takes: for each seed, random numbers or layers, and the key of its points.

    A group that is not full is filled with copies of its last seed, which never take a step. Random
    numbers are drawn outside of the program: a generator inside would be compiled for every key,
    which took a third of the time of all compilation.
    """
    keys = [raw_key(settings.key).fold_in(number) for number in numbers]
    given = [
        None if settings.start is None else normalised(settings, training_data, i) for i in numbers
    ]
    draws = [_begin(key, own.fold_in(0), layers) for own, layers in zip(keys, given, strict=True)]
    key_data = [own.fold_in(1).data for own in keys]
    missing = key.devices.together - len(keys)
    return (
        key.devices.distributed(_joined(draws + draws[-1:] * missing)),
        key.devices.distributed(_joined(key_data + key_data[-1:] * missing)),
    )


def _begin(key: ProgramKey, random: RawKey, layers: Tree | None) -> Tree:
    """What one seed starts from: layers if it is warm, else random numbers."""
    if not key.warm:
        return drawn(key, random)
    if layers is not None:
        return layers
    pairs = list(itertools.pairwise(key.sizes))
    return (
        tuple(jnp.zeros((m, n), key.dtype) for n, m in pairs),
        tuple(jnp.zeros(m, key.dtype) for _, m in pairs),
    )


def normalised(settings: Settings, training_data: TrainingData, seed: int) -> Tree:
    """The layers of a given start, for normalised points and values."""
    start = settings.start
    net = start.member(seed) if start.weights[0].ndim > 2 else start
    net = jax.tree.map(lambda leaf: leaf.astype(settings.dtype), net)
    if training_data.plain:
        return net.weights, net.biases
    net = precompose(net, training_data.half, training_data.center)
    net = postcompose(net, 1.0 / training_data.unit)
    net = postcompose(
        net, 1.0 / training_data.deviation, -training_data.mean / training_data.deviation
    )
    return net.weights, net.biases


def _stacked(trees: Sequence[Tree]) -> Tree:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _joined(trees: Sequence[Tree]) -> Tree:
    """The same on the host, where stacking compiles nothing."""
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *trees)


def _form(array: Any) -> tuple[Any, Any]:
    return array.shape, array.dtype


def _cast(arrays: dict[str, Any], dtype: str) -> dict[str, Any]:
    # Rounded by NumPy and put: `jnp.asarray` compiles conversions and copies of every shape.
    return {name: jax.device_put(np.asarray(array, dtype)) for name, array in arrays.items()}
