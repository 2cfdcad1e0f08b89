"""JAX functions as expressions: their jaxpr, one primitive after another.

A primitive that moves entries (reshape, slice, gather with known indices) is applied to the numbers
of the entries and becomes a `take`. Arithmetic on known floating-point numbers stays in the
expression: it is meant exactly, and folding would round it. Arithmetic on known integers and truths
is exact and done at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from approxlab.certify._expression import Builder
from approxlab.certify._primitives import MOVES, REFUSED, RULES
from approxlab.certify._traced_calls import CALLS
from approxlab.certify._traced_integers import check_integer_results, check_kinds
from approxlab.certify._traced_values import Value, shape_of

__all__ = ["Tracer", "add_function"]


def add_function(builder: Builder, point: int, function: Callable[..., Any], name: str) -> int:
    """The node of the values of a function at the node of a point, as a vector."""
    shape = jax.ShapeDtypeStruct((builder.dim,), np.float64)
    try:
        # A function of its own: JAX keeps what it traced of this one, which may have changed.
        closed = jax.make_jaxpr(lambda x: function(x))(shape)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise TypeError(
            f"{name}: got a function that JAX cannot trace, expected one of jax.numpy, without "
            f"numpy, float() or if on values that depend on the point. {str(error).splitlines()[0]}"
        ) from error
    except AttributeError as error:
        raise TypeError(
            f"{name}: got a function that JAX cannot trace, expected one whose parts return arrays "
            f"(of jnp.piecewise, constants are given as numbers): {error}."
        ) from error
    if len(closed.out_avals) != 1:
        raise ValueError(f"{name}: got {len(closed.out_avals)} results, expected one array.")
    kind = closed.out_avals[0].dtype
    if not np.issubdtype(kind, np.floating):
        raise TypeError(f"{name}: got values of dtype {kind}, expected a floating-point dtype.")
    if len(closed.out_avals[0].shape) > 1:
        raise ValueError(
            f"{name}: got values of shape {closed.out_avals[0].shape}, expected () or (m,). "
            "Flatten them with jnp.ravel."
        )
    tracer = Tracer(builder, name)
    (value,) = tracer.run(closed.jaxpr, closed.consts, [Value(point, (builder.dim,))])
    return tracer.node(value)


class Tracer:
    """Reads jaxprs into a builder.

    Args:
        builder: Where nodes are added.
        name: The argument that is read, for messages.
    """

    def __init__(self, builder: Builder, name: str) -> None:
        self.builder, self.name = builder, name
        self.bounds_of_integers: dict[int, tuple[int, int] | None] = {}
        self._primitive = ""

    def run(self, jaxpr: Any, consts: Any, args: list[Any]) -> list[Any]:
        """Values of the results of a jaxpr."""
        known: dict[Any, Any] = {}
        known.update(zip(jaxpr.constvars, (self._known(c) for c in consts), strict=True))
        known.update(zip(jaxpr.invars, args, strict=True))

        def read(atom: Any) -> Any:
            return np.asarray(atom.val) if hasattr(atom, "val") else known[atom]

        for eqn in jaxpr.eqns:
            found = self._apply(eqn, [read(atom) for atom in eqn.invars])
            known.update(zip(eqn.outvars, found, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _known(self, constant: Any) -> np.ndarray:
        if jax.dtypes.issubdtype(getattr(constant, "dtype", None), jax.dtypes.prng_key):
            raise TypeError(f"{self.name}: cannot enclose 'random_key'{REFUSED['random_bits']}")
        return np.asarray(constant)

    def _apply(self, eqn: Any, args: list[Any]) -> list[Any]:
        self._primitive = name = eqn.primitive.name
        if name in CALLS:
            return CALLS[name](self, eqn, args)
        if all(isinstance(a, np.ndarray) and a.dtype.kind in "iub" for a in args) and (
            name not in REFUSED and all(v.aval.dtype.kind in "iub" for v in eqn.outvars)
        ):
            return self._computed(eqn, args)
        if name == "iota":
            return self._computed(eqn, args)
        if name in MOVES:
            return self.moved(eqn, args)
        if name not in RULES:
            raise TypeError(
                f"{self.name}: cannot enclose the primitive {name!r}"
                f"{REFUSED.get(name, ', expected ' + _KNOWN)}"
            )
        name = _OF_TRUTHS.get(name, name) if eqn.outvars[0].aval.dtype == bool else name
        if any(isinstance(a, Value) for a in args):
            check_kinds(self, eqn, name, args)
        found = [RULES[name](self, eqn, *args)]
        check_integer_results(self, eqn, found)
        return found

    def _computed(self, eqn: Any, args: list[Any]) -> list[Any]:
        """Integers and truths that do not depend on the point."""
        found = eqn.primitive.bind(*args, **eqn.params)
        many = found if eqn.primitive.multiple_results else [found]
        return [np.asarray(part) for part in many]

    # Arrays of entries

    def node(self, value: Any) -> int:
        """The node of a value; known numbers become a constant."""
        if isinstance(value, Value):
            return value.node
        return self.builder.constant(self.numbers(value))

    def numbers(self, value: Any) -> np.ndarray:
        """Known numbers as binary64, which must hold them exactly."""
        array = np.asarray(value)
        found = array if array.dtype.kind == "c" else array.astype(np.float64)
        wrong = found[~np.isfinite(found)]
        if array.dtype.kind == "c":
            raise TypeError(
                f"{self.name}: cannot enclose {self._primitive!r} with complex numbers, expected "
                "real ones."
            )
        if wrong.size:
            raise ValueError(
                f"{self.name}: {self._primitive!r} got {wrong.ravel()[0]}, expected finite numbers,"
                " also in branches that are not taken."
            )
        whole = array.dtype.kind in "iu" and array.size
        if whole and max(-int(array.min()), int(array.max())) > 2**53:
            raise TypeError(
                f"{self.name}: cannot enclose {self._primitive!r} with integers beyond 2^53, "
                "expected floating-point numbers."
            )
        return found

    def spread(self, value: Any, shape: tuple[int, ...]) -> int:
        """The node of a value that is broadcast to a shape."""
        if not isinstance(value, Value):
            return self.builder.constant(np.broadcast_to(self.numbers(value), shape))
        entries = np.arange(int(np.prod(value.shape, dtype=int))).reshape(value.shape)
        return self.builder.take(value.node, np.broadcast_to(entries, shape))

    def moved(self, eqn: Any, args: list[Any]) -> list[Any]:
        """A primitive that moves entries, done to their numbers."""
        which = MOVES[eqn.primitive.name]
        places = range(len(args)) if which is None else range(which)
        moving = [args[i] for i in places]
        for i, arg in enumerate(args):
            if i not in places and isinstance(arg, Value):
                raise TypeError(
                    f"{self.name}: cannot enclose {eqn.primitive.name!r} with indices that depend "
                    "on the point, expected known ones."
                )
        starts, start = [], 0
        for value in moving:
            size = int(np.prod(np.shape(value) if isinstance(value, np.ndarray) else value.shape))
            starts.append(start)
            start += size
        numbers = [
            begin + np.arange(int(np.prod(shape_of(v)))).reshape(shape_of(v))
            for begin, v in zip(starts, moving, strict=True)
        ]
        given = [numbers[i] if i in places else args[i] for i in range(len(args))]
        found = eqn.primitive.bind(*given, **eqn.params)
        many = [np.asarray(f) for f in (found if eqn.primitive.multiple_results else [found])]
        for entries in many:
            if entries.size and (entries.min() < 0 or entries.max() >= start):
                raise TypeError(
                    f"{self.name}: {eqn.primitive.name!r} reads outside of an array, expected "
                    "indices inside."
                )
        if all(isinstance(v, np.ndarray) for v in moving):
            flat = np.concatenate([v.ravel() for v in moving])
            return [np.asarray(flat[entries], moving[0].dtype) for entries in many]
        truth = any(isinstance(v, Value) and v.truth for v in moving)
        if truth and len(moving) > 1:
            return self._joined_truths(moving, many)
        whole = self.builder.join([self.node(v) for v in moving])
        return [Value(self.builder.take(whole, e), e.shape, truth) for e in many]

    def _joined_truths(self, moving: list[Any], many: list[np.ndarray]) -> list[Any]:
        """Truths of several arrays: as numbers 0 and 1, of which those above 0 are true."""
        build, parts = self.builder, []
        for value in moving:
            node = self.node(value)
            if isinstance(value, Value):
                zero, one = (build.constant(np.full(build.size(node), c)) for c in (0.0, 1.0))
                node = build.choose(node, zero, one)
            parts.append(node)
        whole = build.join(parts)
        true = build.compare("less", build.constant(np.zeros(build.size(whole))), whole)
        return [Value(build.take(true, e), e.shape, truth=True) for e in many]


_OF_TRUTHS = {"max": "or", "min": "and", "reduce_max": "reduce_or", "reduce_min": "reduce_and"}
_KNOWN = "one of jax.numpy's elementary functions, sums, products, matrices, comparisons and where."
