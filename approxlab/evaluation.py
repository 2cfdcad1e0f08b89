"""Calling any model on many points: compiled once per shape, streamed in chunks.

A model is anything that maps one point of shape (d,) to a value of shape () or (m,): an `MLP`, a
target, an equinox module, a plain JAX function. Its arrays are traced, everything else is static,
so two networks of the same shape share one compilation.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_instance, check_positive, part_to_write
from approxlab.kept_programs import PROGRAMS, context, forms, hides_something, parts
from approxlab.kept_programs import shared as shared_program

__all__ = ["evaluate", "values_at"]

Model = Callable[[Any], Any]

_BATCH = 2048  # of `values_at`
_MOST_BYTES = 2**28
_CACHED = 2**25  # bytes: all intermediate values of a chunk; a few of them are alive at once


@dataclasses.dataclass(frozen=True)
class _Static:
    """The parts of a model that are not arrays: hashable, as a static argument of jit must be."""

    treedef: Any
    leaves: tuple[tuple[type, Any], ...]  # with their types: 1, 1.0 and True are equal

    def join(self, arrays: tuple[Any, ...]) -> Model:
        supply = iter(arrays)
        leaves = [next(supply) if leaf is _HOLE else leaf for _, leaf in self.leaves]
        return jax.tree.unflatten(self.treedef, leaves)


class _Hole:
    """Marks the position of an array among static leaves."""


_HOLE = _Hole()


def split(model: Model) -> tuple[_Static, tuple[Any, ...]]:
    """Take a model apart into a hashable static part and the tuple of its arrays."""
    if not callable(model):
        raise TypeError(
            f"model: got {type(model).__name__}, expected a function of one point of shape (d,), "
            f"such as an MLP, a Target or a plain JAX function.{part_to_write(model)}"
        )
    leaves, treedef = jax.tree.flatten(model)
    is_array = [isinstance(leaf, (jax.Array, np.ndarray)) for leaf in leaves]
    arrays = tuple(leaf for leaf, yes in zip(leaves, is_array, strict=True) if yes)
    rest = [_HOLE if yes else leaf for leaf, yes in zip(leaves, is_array, strict=True)]
    static = _Static(treedef, tuple((type(leaf), leaf) for leaf in rest))
    try:
        hash(static)
    except TypeError as error:
        raise TypeError(
            f"model: got {type(model).__name__} with a part that cannot be hashed ({error}), "
            "expected a function, a frozen dataclass or a registered pytree. Wrap it: "
            "lambda x: model(x)."
        ) from error
    return static, arrays


def settled(model: Model) -> Model:
    """The model as it is now: what a function closes over may change between two calls.

    A function that is not a registered pytree gets a wrapper of its own for every call from
    outside, by which it is traced anew (see `_Programs`). Pytrees and targets are values and need
    none.
    """
    if not callable(model) or getattr(model, "immutable", False) or isinstance(model, _Settled):
        return model
    leaves = jax.tree.leaves(model)
    return _Settled(model) if len(leaves) == 1 and leaves[0] is model else model


def lasting(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss under an identity that stays only where it is a value or compiled already.

    As `settled`, and a function that `jax.jit` has wrapped stays itself: JAX keeps its code anyway.
    """
    return loss if isinstance(loss, jax.stages.Wrapped) else settled(loss)


class _Settled:
    """A function under an identity of its own, with the programs compiled for it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.programs = _Programs(lambda: function)

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


NEEDS_NUMBERS = (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError)


def form_of(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Shape and dtype of a value, by `jax.eval_shape`.

    Raises:
        TypeError: If the function needs numbers where JAX has none, as those of NumPy do.
    """
    try:
        return jax.eval_shape(function, *arguments)
    except NEEDS_NUMBERS as error:
        raise not_of_jax(name, error) from error


def not_of_jax(name: str, error: Exception) -> TypeError:
    """What to say where a function, named as an argument, met one of `NEEDS_NUMBERS`."""
    reason = str(error).splitlines()[0]
    return TypeError(
        f"{name}: got a function of NumPy or math, or one with an if on its argument, expected "
        "one of JAX. Write jnp.sin(x[0]) for np.sin(x[0]) and math.sin(x[0]), jnp.where for if "
        f"(jax says: {reason})"
    )


def _mapped(
    static: _Static, arrays: tuple[Any, ...], known: dict[Any, Any], points: np.ndarray
) -> Array:
    """Values of a model that is a value: its program serves all models of the same form.

    What is `known` are the programs of this call: a search by all forms takes longer than a chunk.
    """
    if points.shape not in known:
        known[points.shape] = PROGRAMS.of(
            (static, forms((arrays, points)), context()),
            lambda: _lowered(static, arrays, points).compile(),
        )
    values: Array = known[points.shape](arrays, points)
    return values


def _lowered(static: _Static, arrays: tuple[Any, ...], points: Any) -> Any:
    # A function of its own, with which JAX drops what it keeps of it.
    return jax.jit(lambda arrays, points: jax.vmap(static.join(arrays))(points)).lower(
        arrays, points
    )


class _Programs:
    """The programs of one function for points of several shapes: freed together with it.

    A function of the user is traced anew in every call from outside, since it may have changed.
    Where that gives a program that is known, it is not compiled again.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._known: dict[Any, Any] = {}

    def traced(self, point: jax.ShapeDtypeStruct) -> tuple[Any, int]:
        """The jaxpr of one point, and the bytes of its intermediate values."""
        form = (point.shape, point.dtype, *context())
        if form not in self._known:
            found = _traced(self._function(), point)
            self._known[form] = found, max(8, _bytes_of(found.jaxpr))
        known: tuple[Any, int] = self._known[form]
        return known

    def __call__(self, points: np.ndarray) -> Array:
        whole = jax.ShapeDtypeStruct(points.shape, jax.dtypes.canonicalize_dtype(points.dtype))
        form = (whole.shape, whole.dtype, *context())
        if form not in self._known:
            one = jax.ShapeDtypeStruct(whole.shape[1:], whole.dtype)
            shared = not hides_something(self.traced(one)[0])
            # Not `vmap` itself, which takes over attributes of the model: one may be `lower`. Nor
            # with `keep_unused`, whose programs JAX 0.12 holds: see `_kept_loops`.
            function = jax.vmap(self._function())
            lowered = jax.jit(lambda points: function(points)).lower(whole)
            self._known[form] = shared_program(lowered, form) if shared else lowered.compile()
        return self._known[form](points)


_of_targets: WeakKeyDictionary[Any, _Programs] = WeakKeyDictionary()


def _programs_of(model: Model) -> _Programs | None:
    """Those of a settled function or of a target; None for pytrees, whose code `jit` keeps."""
    if isinstance(model, _Settled):
        return model.programs
    if not getattr(model, "immutable", False):
        return None
    if model not in _of_targets:
        _of_targets[model] = _Programs(weakref.ref(model))
    return _of_targets[model]


def _traced(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return jax.make_jaxpr(lambda *given: function(*given))(*arguments)
    except NEEDS_NUMBERS as error:
        raise not_of_jax("model", error) from error


@lru_cache(maxsize=512)
def _bytes_per_point(static: _Static, shapes: tuple[Any, ...], point: Any) -> int:
    """All intermediate values of one point: more than is alive at once, so a safe divisor."""
    traced = _traced(lambda arrays, x: static.join(arrays)(x), shapes, point)
    return max(8, _bytes_of(traced.jaxpr))


def _bytes_of(jaxpr: Any) -> int:
    """Of all values computed in a jaxpr, those inside of jit, scan and the like included."""
    total = 0
    for equation in jaxpr.eqns:
        total += sum(v.aval.size * v.aval.dtype.itemsize for v in equation.outvars)
        for inner in parts(equation):
            inner = getattr(inner, "jaxpr", inner)
            total += _bytes_of(inner) if hasattr(inner, "eqns") else 0
    return total


def check_points(points: Any, dim: int | None = None) -> np.ndarray | Array:
    """Points as a floating-point array of shape (n, d), n >= 1; anything else is refused."""
    array = points if isinstance(points, jax.Array) else np.asarray(points)
    if array.dtype.kind in "OSU":
        raise TypeError(f"points: got {points!r}, expected numbers of shape (n, d).")
    width = "d" if dim is None else str(dim)
    if array.ndim != 2 or 0 in array.shape or (dim is not None and array.shape[1] != dim):
        raise ValueError(
            f"points: got shape {tuple(array.shape)}, expected (n, {width}), one point per row. "
            "Write x[:, None] for points of an interval, x[None, :] for a single point."
        )
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"points: got dtype {array.dtype}, expected a floating-point dtype. "
            "Write points.astype(float)."
        )
    return array


def evaluate(
    model: Model, points: Any, *, batch: int | None = None, max_bytes: int = _MOST_BYTES
) -> Array:
    """Values of a model at many points: (n, d) to (n,) or (n, m).

    The points are streamed in chunks whose intermediate values fit into `max_bytes`, and on a CPU
    into its cache, so that a network of 10^5 units can be evaluated at 10^6 points. More than one
    chunk is collected on the host. The dtype of the result is the model's.

    Args:
        model: Maps one point of shape (d,) to a value of shape () or (m,).
        points: Shape (n, d), floating point.
        batch: Evaluate in batches of exactly this many points, the last one filled up, and collect
            the values on the host: then any number of points shares one compilation, which often
            costs far more than the filling. Not for use inside `jit` or `grad`.
        max_bytes: Most that the intermediate values of one chunk may take.

    Returns:
        The values, shape (n,) or (n, m).

    Raises:
        ValueError: If the shape of `points` is not (n, d).
        TypeError: If `points` is not floating point or the model is not callable.

    Example:
        >>> evaluate(lambda x: x[0] ** 2, [[0.5], [2.0]]).tolist()
        [0.25, 4.0]
    """
    if callable(points):
        raise TypeError(
            f"points: got {type(points).__name__}, expected an array of shape (n, d). The model "
            "comes first: evaluate(model, points)."
        )
    check_instance("model", model)
    points = check_points(points)
    check_positive(max_bytes=max_bytes)
    if batch is not None:
        check_positive(batch=batch)
    values = _evaluated(model, points, batch, max_bytes)
    return values if isinstance(values, jax.Array) else jax.device_put(values)


def _evaluated(model: Model, points: Any, batch: int | None, max_bytes: int) -> np.ndarray | Array:
    """On the host where there was more than one chunk."""
    model = settled(model)
    programs = _programs_of(model)
    point = jax.ShapeDtypeStruct(points.shape[1:], jax.dtypes.canonicalize_dtype(points.dtype))
    mapped: Callable[[Any], Array]
    if programs is None:
        static, arrays = split(model)
        shapes = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays)
        each, mapped = _bytes_per_point(static, shapes, point), partial(_mapped, static, arrays, {})
    else:
        (traced, each), mapped = programs.traced(point), programs
        arrays = tuple(traced.consts)
    if any(isinstance(array, jax.core.Tracer) for array in (points, *arrays)):
        return _within_a_program(model, jnp.asarray(points), max(1, max_bytes // each))
    chunk = max(1, _room(max_bytes, arrays) // each)
    n = len(points)
    # Slices and pieces are NumPy's: JAX compiles a program for every slice, and one for all pieces.
    points = np.asarray(points)
    if batch is None and n <= chunk:
        return mapped(points)
    chunk = min(chunk, batch or chunk)
    points = np.pad(points, ((0, -n % chunk), (0, 0)), mode="edge")
    parts = [mapped(points[i : i + chunk]) for i in range(0, n, chunk)]
    return np.concatenate([np.asarray(part) for part in parts])[:n]


def _within_a_program(model: Model, points: Array, chunk: int) -> Array:
    """For calls inside of `jit` or `grad`: a loop over the chunks, as a part of that program."""
    if len(points) <= chunk:
        return jax.vmap(model)(points)
    return jax.lax.map(model, points, batch_size=chunk)


def _room(max_bytes: int, arrays: tuple[Any, ...]) -> int:
    """Bytes of the intermediate values of one chunk.

    On a CPU they should stay in its cache, and nothing is gained by less than the arrays of the
    model, which every chunk reads.
    """
    if jax.default_backend() != "cpu":
        return max_bytes
    return min(max_bytes, max(_CACHED, sum(getattr(array, "nbytes", 0) for array in arrays)))


def values_at(model: Model, points: np.ndarray) -> np.ndarray:
    """Values of a model at many points on the host, in float64 whatever its dtype.

    In batches of one size: grids, quadrature nodes and every round of a search then share one
    compilation per model.

    Args:
        model: Maps one point of shape (d,) to a value of shape () or (m,).
        points: Shape (n, d), floating point.

    Returns:
        The values, shape (n,) or (n, m).

    Example:
        >>> values_at(lambda x: x[0] ** 2, np.array([[0.5], [2.0]])).tolist()
        [0.25, 4.0]
    """
    check_instance("model", model)
    values = _evaluated(model, check_points(points), _BATCH, _MOST_BYTES)
    return np.asarray(values, np.float64)


def __dir__() -> list[str]:
    return __all__
