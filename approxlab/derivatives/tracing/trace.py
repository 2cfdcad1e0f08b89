"""Evaluation traces: a function as a list of elementary steps, differentiated in both directions.

The trace (Wengert list) of f at a point writes its n arguments as v_{1-n}, ..., v_0 and its
intermediate values as v_1, v_2, ... Forward mode carries tangents down the list, one for every
seed; reverse mode carries adjoints up, and adds a contribution for every use of a variable.
Notation and order are those of Baydin, Pearlmutter, Radul and Siskind, "Automatic differentiation
in machine learning: a survey", JMLR 18 (2018), Tables 2 and 3.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_instance
from approxlab.derivatives._absent_modes import as_jax_function
from approxlab.derivatives.tracing import _sweeps as sweeps
from approxlab.derivatives.tracing import _tables as tables
from approxlab.derivatives.tracing._steps import TraceStep
from approxlab.derivatives.tracing._wengert_list import is_real, wengert_list
from approxlab.evaluation import settled
from approxlab.records.tables import to_pandas

__all__ = ["Trace", "trace"]

_LARGEST = 4096  # entries of an argument
_LONGEST = 5000  # steps


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """A function at a point, step by step.

    Attributes:
        value: The value of the function.
        gradients: One per argument, of its structure: the cotangent of the output pulled back.
        tangents: The tangent of the output, one per seed.
        seeds: Names of the seeds.
        steps: The inputs, then every step in the order in which the function runs them.
        output: Name of the step that is returned; None if the result depends on no argument.
    """

    value: Any
    gradients: tuple[Any, ...]
    tangents: tuple[Any, ...]
    seeds: tuple[str, ...]
    steps: tuple[TraceStep, ...]
    output: str | None

    def __repr__(self) -> str:
        inputs = sum(step.op == "" for step in self.steps)
        counts = (("input", inputs), ("step", len(self.steps) - inputs))
        said = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts)
        return f"Trace({said}, value {tables.values(self.value)})"

    def _repr_html_(self) -> str:
        return tables.html(self.steps, self.seeds)

    def __getitem__(self, name: str) -> TraceStep:
        """The step of that name, such as "v3", or of that label, such as "x1" or "t0"."""
        if name in self._by_name:
            return self._by_name[name]
        names = ", ".join(step.name for step in self.steps)
        raise KeyError(f"name: got {name!r}, expected one of {names}.")

    @functools.cached_property
    def _by_name(self) -> dict[str, TraceStep]:
        found: dict[str, TraceStep] = {}
        for step in self.steps:
            for name in (step.name, step.label):
                found.setdefault(name, step)
        return found

    def to_rows(self) -> list[dict[str, Any]]:
        """Flat rows: one per entry of a step, then one per entry of a contribution.

        A contribution says what an equation (`source`) adds to the adjoint of `name`, in the
        `order` of the reverse sweep, and what the adjoint is so far.
        """
        return tables.rows(self.steps, self.seeds, self.output)

    def table(
        self,
        fmt: Literal["text", "markdown", "latex"] = "text",
        mode: Literal["forward", "reverse", "both"] = "both",
        digits: int = 6,
    ) -> str:
        """The trace as a table.

        Args:
            fmt: "text", "markdown" or "latex" (a tabular that needs amsmath only).
            mode: "forward": values and tangents, from the first step to the last. "reverse": every
                addition of the reverse sweep, in its order. "both": a line per step with value,
                tangents, adjoint and the contributions to the adjoint, in order.
            digits: Decimals of the numbers.

        Raises:
            ValueError: If fmt or mode is unknown.
        """
        return tables.table(self.steps, self.seeds, fmt, mode, digits)

    def to_latex(
        self, mode: Literal["forward", "reverse", "both"] = "both", digits: int = 6
    ) -> str:
        """The trace as a tabular: `table("latex", ...)`."""
        return self.table("latex", mode, digits)

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame."""
        return to_pandas(self.to_rows())

    def dot(self) -> str:
        """The graph in the DOT language of Graphviz: values and gradients as labels of edges."""
        return tables.dot(self.steps, self.output)

    def plot(self, ax: Any = None, **style: Any) -> Any:
        """The graph with values above and gradients below its edges; see `plotting.plot_trace`."""
        from approxlab.plotting.graphs import plot_trace

        return plot_trace(self, ax=ax, **style)

    draw = plot  # as earlier versions named it


def trace(
    f: Callable[..., Any],
    *args: Any,
    names: Sequence[str] | None = None,
    seeds: Sequence[str] | Mapping[str, Any] | None = None,
    labels: Sequence[str] | None = None,
    seed_out: Any = None,
) -> Trace:
    """Run a function step by step, with tangents and adjoints of every step.

    The steps are the equations of `jax.make_jaxpr(f)(*args)`, each run and differentiated by JAX
    itself. Calls (jit, remat) are entered. A function with a derivative rule of its own (custom_jvp
    such as relu, custom_vjp) is one step, since its derivative is that rule and not the derivative
    of its body. Control flow (scan, cond, while) is one step as well; a while loop has no reverse
    mode, so it is refused as JAX refuses it. Equations on constants are computed beforehand; those
    that only copy, broadcast, or add and drop dimensions of size 1 are folded into the steps that
    read them; steps that the result does not depend on are left out. This changes the
    order of sums over broadcast axes, and no other value or derivative. Comparisons and integers
    have a value only. The dtype of the arguments is kept.

    Steps between may be complex (`jnp.fft.fft`, `1j * x`). Their tangents are dv = dx + i dy, and
    their adjoints follow JAX: that of v = x + i y is df/dx - i df/dy, so that a step multiplies
    it by its derivative without a conjugate. Gradients of real arguments are real.

    Args:
        f: Function of scalars, small arrays and pytrees of them, that returns one array.
        *args: The point; floating point.
        names: Names of the inputs, one per array; by default the names of f's parameters.
        seeds: Directions of the tangents. Names of scalar inputs ("x1") or of entries ("x[0]",
            "W[1, 0]"); or a mapping from the name of a seed to a tuple with one tangent per
            argument. By default one per scalar input, and one for a single
            input with one entry; () for none.
        labels: Names of the steps instead of v1, v2, ..., one per step; expressions then use
            names and labels.
        seed_out: Cotangent of the output, of its shape; by default 1 for a scalar output.

    Returns:
        A `Trace`: value, gradients, tangents, steps, and tables and pictures of them.

    Raises:
        TypeError: If an argument is not floating point, or f does not return one such array.
        ValueError: If an argument has more than 4096 entries or f more than 5000 steps; if the
            output is not a scalar and `seed_out` is missing; if names, labels or seeds do not fit;
            or if JAX cannot differentiate a step in one of the modes.

    Source:
        Wengert 1964; Baydin, Pearlmutter, Radul and Siskind 2018, Tables 2 and 3.

    Example:
        >>> tr = trace(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0)
        >>> tr
        Trace(3 inputs, 2 steps, value -12)
        >>> [float(g) for g in tr.gradients]
        [-4.0, -4.0, 3.0]
        >>> print(tr.table(mode="both"))
        step           value  d/dx  d/dy  d/dz  adjoint  added in the reverse sweep
        v-2 = x        -2     1     0     0     -4       -4 (v1)
        v-1 = y        5      0     1     0     -4       -4 (v1)
        v0 = z         -4     0     0     1     3        3 (v2)
        v1 = v-2 + v-1  3      1     1     0     -4       -4 (v2)
        v2 = v1 * v0   -12    -4    -4    3     1        1 (seed)
    """
    if not callable(f):
        raise TypeError(f"f: got {type(f).__name__}, expected a function of arrays.")
    check_instance("f", f)
    leaves, structure = jax.tree.flatten(args)
    given = _input_names(f, args, len(leaves), names)
    for name, leaf in zip(given, leaves, strict=True):
        _check_input(name, leaf)
    with as_jax_function():
        result = jax.eval_shape(f, *args)
    if len(jax.tree.leaves(result)) != 1 or not is_real(jax.tree.leaves(result)[0]):
        raise TypeError(
            f"f: got a function that returns {_outline(result)}, expected one floating-point "
            "array. Return a single array, such as a loss."
        )
    (shape,) = jax.tree.leaves(result)
    cotangent = _cotangent(seed_out, shape)
    directions = _directions(seeds, args, given, leaves)
    run = wengert_list(jax.make_jaxpr(settled(f))(*args))
    if len(run.operations) > _LONGEST:
        raise ValueError(
            f"f: got {len(run.operations)} steps, expected at most {_LONGEST}: a trace is for "
            "pictures. Write a long loop with jax.lax.scan, which is one step."
        )
    inputs = [jnp.asarray(leaf) for leaf in leaves]
    swept = sweeps.sweep(run, inputs, list(directions.values()), cotangent)
    steps = sweeps.named(run, swept, given, tuple(directions), labels)
    gradients = [jnp.asarray(swept.adjoints[i], leaf.dtype) for i, leaf in enumerate(inputs)]
    return Trace(
        value=jax.tree.leaves(jax.tree.map(lambda _: swept.value, result))[0],
        gradients=jax.tree.unflatten(structure, gradients),
        tangents=tuple(swept.value_tangents),
        seeds=tuple(directions),
        steps=tuple(steps),
        output=sweeps.output_name(run, steps),
    )


def _input_names(
    f: Callable[..., Any], args: Sequence[Any], count: int, names: Sequence[str] | None
) -> list[str]:
    """One name per array: given ones, or those of the parameters with the place in a pytree."""
    if names is not None:
        if isinstance(names, str) or len(names) != count or len(set(names)) != count:
            raise ValueError(
                f"names: got {names!r}, expected {count} different names, one per array."
            )
        return [str(name) for name in names]
    try:
        bound = inspect.signature(f).bind(*args)
        parameters = [
            name
            for name, value in bound.arguments.items()
            for _ in (value if _is_variadic(f, name) else (value,))
        ]
    except (TypeError, ValueError):
        parameters = []
    if len(parameters) != len(args) or len(set(parameters)) != len(args):
        parameters = [f"x{i}" for i in range(1, len(args) + 1)]
    paths = [
        name + jax.tree_util.keystr(path)
        for name, argument in zip(parameters, args, strict=True)
        for path, _ in jax.tree_util.tree_flatten_with_path(argument)[0]
    ]
    return paths


def _is_variadic(f: Callable[..., Any], name: str) -> bool:
    return inspect.signature(f).parameters[name].kind is inspect.Parameter.VAR_POSITIONAL


def _check_input(name: str, leaf: Any) -> None:
    if not hasattr(leaf, "dtype") and not isinstance(leaf, bool | int | float | complex):
        raise TypeError(
            f"{name}: got {type(leaf).__name__}, expected floating-point numbers. Close over "
            "values that are not arrays: trace(lambda x: f(x, setting), x)."
        )
    if isinstance(leaf, jax.core.Tracer):
        raise TypeError(
            f"{name}: got a tracer, expected numbers, since a trace has numbers in its lines. Call "
            "trace outside of jit, grad and vmap."
        )
    if not is_real(leaf):
        raise TypeError(
            f"{name}: got {leaf!r} of dtype {jax.dtypes.result_type(leaf)}, expected real floating "
            "point: integers have no derivative. Write 2.0 for 2, or close over the integer."
        )
    if np.size(leaf) > _LARGEST:
        raise ValueError(
            f"{name}: got {np.size(leaf)} entries, expected at most {_LARGEST}: a trace is for "
            "pictures. Use jax.vjp or jax.jvp."
        )


def _cotangent(seed_out: Any, output: Any) -> Any:
    if seed_out is None:
        if output.shape != ():
            raise ValueError(
                f"seed_out: got None for an output of shape {output.shape}, expected a cotangent "
                "of that shape. Pass jnp.ones(...) for the sum of the entries."
            )
        return jnp.ones((), output.dtype)
    if np.shape(seed_out) != output.shape:
        raise ValueError(
            f"seed_out: got the shape {np.shape(seed_out)}, expected {output.shape}, that of the "
            "output."
        )
    return jnp.asarray(seed_out, output.dtype)


def _directions(
    seeds: Any, args: Sequence[Any], names: Sequence[str], leaves: Sequence[Any]
) -> dict[str, list[Any]]:
    """For every seed a tangent of every input array."""
    if isinstance(seeds, Mapping):
        return {str(name): _given(name, value, args, leaves) for name, value in seeds.items()}
    entries = {}
    for i, (name, leaf) in enumerate(zip(names, leaves, strict=True)):
        for index in np.ndindex(np.shape(leaf)):
            place = f"[{', '.join(map(str, index))}]" if index else ""
            entries[name + place] = (i, index)
    if seeds is None and len(leaves) == 1 and np.size(leaves[0]) == 1:
        seeds = list(entries)  # the point of a network of one variable has shape (1,)
    elif seeds is None:
        seeds = [name for name, leaf in zip(names, leaves, strict=True) if np.shape(leaf) == ()]
    wrong = [seed for seed in seeds if seed not in entries]
    if isinstance(seeds, str) or wrong:
        known = ", ".join(list(entries)[:8])
        raise ValueError(
            f"seeds: got {seeds if isinstance(seeds, str) else wrong[0]!r}, expected scalar inputs "
            f"or entries of arrays, such as {known}; or a mapping from names to directions."
        )
    zeros = [np.zeros(np.shape(leaf), jnp.asarray(leaf).dtype) for leaf in leaves]
    directions = {}
    for seed in seeds:
        i, index = entries[seed]
        directions[seed] = [*zeros[:i], zeros[i].copy(), *zeros[i + 1 :]]
        directions[seed][i][index] = 1.0
    return directions


def _given(name: Any, direction: Any, args: Sequence[Any], leaves: Sequence[Any]) -> list[Any]:
    tangents, structure = jax.tree.flatten(tuple(direction))
    wanted: Any = jax.tree.structure(tuple(args))
    shapes = [np.shape(leaf) for leaf in leaves]
    if structure != wanted or [np.shape(t) for t in tangents] != shapes:
        raise ValueError(
            f"seeds[{name!r}]: got {_outline(direction)}, expected a tuple with one tangent per "
            f"argument, of shapes {shapes}."
        )
    pairs = zip(tangents, leaves, strict=True)
    return [jnp.asarray(tangent, jnp.asarray(leaf).dtype) for tangent, leaf in pairs]


def _outline(tree: Any) -> str:
    """A pytree in words, without its numbers."""
    leaves = jax.tree.leaves(tree)
    if len(leaves) == 1:
        return f"an array of dtype {jax.dtypes.result_type(leaves[0])}"
    return f"{len(leaves)} arrays of shapes {[np.shape(leaf) for leaf in leaves]}"
