"""Which method is the fastest for a Jacobian: predicted from exact counts.

FLOPs alone do not decide: a small product costs its call, a large one its memory traffic, and a
batch of Jacobians that is computed column by column is transposed at the end. The prediction is

    seconds = call + products * a + dot_flops / b + bytes / c + transposed * d

with exact counts of the traced program (`count`: `bytes` are those that the operations read and
write; `transposed` are the entries of the result that a transpose writes last) and five numbers of
the machine. These were fitted to measured times of one processor, and only their ratios matter. The
record of the experiment `jacobian_cost` says how often the prediction names the fastest.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.derivatives._absent_modes import Mode, refusal, why_absent
from approxlab.derivatives._methods import Method, compared
from approxlab.derivatives._point_programs import as_point, mapped, point_program, value_of
from approxlab.derivatives._trees import by_entries, is_tree
from approxlab.derivatives.counts._primitive_work import Number
from approxlab.derivatives.counts.jaxprs import count_jaxpr
from approxlab.networks.mlp import MLP

__all__ = ["CPU", "Candidate", "Choice", "Counts", "Machine", "choose"]


@dataclasses.dataclass(frozen=True)
class Machine:
    """Speeds of a machine, which turn counts into seconds. From experiment, not from theory.

    Attributes:
        name: Kind of device.
        call_s: Seconds of a call, whatever it computes.
        product_s: Seconds of a matrix product beyond its arithmetic.
        flops_per_s: Rate of matrix products in float64; float32 is twice as fast.
        bytes_per_s: Rate of reading and writing by all operations, before any are fused.
        transposed_s: Seconds for each entry of a result that is written by a transpose.
    """

    name: str
    call_s: float
    product_s: float
    flops_per_s: float
    bytes_per_s: float
    transposed_s: float

    def seconds(self, work: Counts, dtype: Any) -> float:
        """Predicted seconds of a program that computes in this dtype."""
        return (
            self.call_s
            + self.product_s * work.products
            + work.dot_flops * jnp.dtype(dtype).itemsize / (8 * self.flops_per_s)
            + work.bytes / self.bytes_per_s
            + self.transposed_s * work.transposed
        )


CPU = Machine("one core of a CPU", 4.9e-5, 1e-6, 4.8e10, 8.7e10, 9e-10)
"""Fitted to times of random networks; `jacobian_cost` tests it on other ones."""


@dataclasses.dataclass(frozen=True)
class Counts:
    """Exact counts of a program, as the prediction needs them.

    Attributes:
        products: Number of matrix products.
        dot_flops: FLOPs of these.
        flops: All FLOPs.
        bytes: Bytes that its operations read and write.
        transposed: Entries of results that a transpose writes.
    """

    products: int
    dot_flops: Number
    flops: Number
    bytes: int
    transposed: int


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A method with its exact counts and its predicted time.

    Attributes:
        method: Name of the method.
        dot_flops: FLOPs of its matrix products.
        flops: All FLOPs of its program.
        bytes: Bytes that its operations read and write.
        predicted_s: Predicted seconds on the machine, after compilation.
    """

    method: Method
    dot_flops: Number
    flops: Number
    bytes: int
    predicted_s: float


@dataclasses.dataclass(frozen=True)
class Choice:
    """The method that is predicted to be the fastest, and why.

    Attributes:
        method: Its name.
        reason: A sentence.
        candidates: All that were compared, the fastest first.
        machine: Name of the machine whose numbers were used.
    """

    method: Method
    reason: str
    candidates: tuple[Candidate, ...]
    machine: str

    def __repr__(self) -> str:
        return f"Choice({self.method}: {self.reason})"

    def __str__(self) -> str:
        lines = [f"{self.method}: {self.reason}"]
        lines.append(f"{'':12}{'dot FLOPs':>16}{'all FLOPs':>16}{'bytes':>16}{'predicted':>16}")
        times = _written([c.predicted_s for c in self.candidates])
        for c, time in zip(self.candidates, times, strict=True):
            lines.append(
                f"{c.method:12}{c.dot_flops:>16,}{c.flops:>16,}{c.bytes:>16,}{time:>13} us"
            )
        return "\n".join([*lines, f"predicted for {self.machine}, compiled"])

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """Predicted times of the candidates, as bars; see `plotting.plot_costs`."""
        from approxlab.plotting.costs import plot_costs

        return plot_costs(self, ax=ax, **style)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per candidate, the fastest first."""
        return [dataclasses.asdict(c) for c in self.candidates]


def choose(
    f: Callable[..., Any],
    x: Any,
    *,
    methods: Sequence[Method] | str | None = None,
    machine: Machine = CPU,
) -> Choice:
    """Which method computes the value and the Jacobian of f at x fastest.

    Nothing is computed: each program is traced and counted. For networks all counts depend on the
    structure alone, and are cached.

    Args:
        f: A JAX function of one array, or a network.
        x: The point; for a network a point (d,) or a batch (N, d).
        methods: The methods to compare; by default "forward" and "reverse", and for networks also
            "structured" and "planned". Of two that take the same time the first one is chosen. A
            mode that f does not have is left out: `while_loop` has no reverse mode, `custom_vjp`
            no forward mode.
        machine: The numbers that turn counts into seconds.

    Returns:
        The choice; its reason names a column of its table as least only where it is least there.

    Raises:
        ValueError: If a method is unknown, needs a network, or has no fixed program; or if f has
            none of the modes.
        TypeError: If `x` or the value is not floating point, or f is not a JAX function.

    Example:
        >>> net = MLP.init(jax.random.key(0), 64, (64,), out_size=1)
        >>> choose(net, jnp.ones(64), methods=["forward", "reverse"]).method
        'reverse'
        >>> print(choose(lambda x: jnp.sin(x[0]) * jnp.ones(1000), jnp.ones(2)).reason)
        fewest FLOPs and least predicted time of 2 methods; the next, reverse, ... times as long
    """
    if callable(f) and not isinstance(f, MLP) and is_tree(x):
        f, x, _ = by_entries(f, x)
    x = as_point(f, x)
    offered = compared(with_layers=isinstance(f, MLP))
    if isinstance(methods, str):
        raise ValueError(f"methods: got {methods!r}, expected several. Write [{methods!r}].")
    asked = offered if methods is None else tuple(methods)
    for method in asked:
        if method not in offered:
            raise ValueError(
                f"methods: got {method!r} for {type(f).__name__}, expected some of "
                f"{', '.join(offered)}."
            )
    if not asked:
        raise ValueError("methods: got none, expected at least one.")
    found = [
        Candidate(method, w.dot_flops, w.flops, w.bytes, machine.seconds(w, x.dtype))
        for method, w in zip(asked, _works(f, x, asked), strict=True)
        if w is not None
    ]
    left_out = [method for method in asked if method not in {c.method for c in found}]
    counted = not any(math.isnan(c.predicted_s) for c in found)
    # Stable: where all is equal the first named is taken. Bytes are known of every equation, FLOPs
    # not of all.
    ordered = tuple(
        sorted(found, key=lambda c: (c.predicted_s, c.flops) if counted else (c.bytes, 0))
    )
    return Choice(ordered[0].method, _reason(ordered, left_out), ordered, machine.name)


def _reason(ordered: Sequence[Candidate], left_out: Sequence[Method]) -> str:
    """Why the first one: what is said of FLOPs holds in both columns of the table."""
    first = ordered[0]
    if len(ordered) == 1:
        if left_out:
            return f"the only mode that this function has in JAX: it has no {left_out[0]} mode"
        return "the only method asked for"
    if any(math.isnan(c.predicted_s) for c in ordered):
        return f"least bytes of {len(ordered)} methods, since a part of f is not counted"
    least = "least predicted time"
    if first.flops == min(c.flops for c in ordered) and first.dot_flops == min(
        c.dot_flops for c in ordered
    ):
        why = f"fewest FLOPs and {least}"
    else:
        fewer = "and fewest bytes, " if first.bytes == min(c.bytes for c in ordered) else ""
        why = f"{least}{' ' if fewer else ', '}{fewer}though {_more_flops(ordered)}"
    other = next((c for c in ordered if c.predicted_s > first.predicted_s), None)
    if other is None:
        return f"{why} of {len(ordered)} methods, which are all predicted to take this time"
    excess = other.predicted_s / first.predicted_s - 1.0
    longer = (
        f"{1.0 + excess:.3g} times as long" if excess >= 0.005 else f"{100.0 * excess:.1g}% longer"
    )
    return f"{why} of {len(ordered)} methods; the next, {other.method}, {longer}"


def _more_flops(ordered: Sequence[Candidate]) -> str:
    first = ordered[0]
    fewest = min(c.flops for c in ordered)
    if first.flops > fewest:
        times = f"{first.flops / fewest:.3g} times" if fewest else f"{first.flops:,} more than"
        return f"{times} the fewest FLOPs"
    fewest = min(c.dot_flops for c in ordered)
    times = f"{first.dot_flops / fewest:.3g} times" if fewest else f"{first.dot_flops:,} more than"
    return f"{times} the fewest FLOPs of products"


def _written(seconds: Sequence[float]) -> list[str]:
    """In microseconds, in three digits or as many as show which is longer."""
    for digits in range(3, 18):
        texts = [f"{1e6 * s:.{digits}g}" for s in seconds]
        if len(set(texts)) == len(set(seconds)):
            break
    return texts


def _works(f: Callable[..., Any], x: Array, methods: Sequence[Method]) -> list[Counts | None]:
    """The counts of every method; None for a mode that f does not have."""
    if isinstance(f, MLP):
        key = (f.sizes, f.activation, f.passthrough, f.out_size, str(f.dtype), x.shape)
        return [_of_network(*key, method) for method in methods]
    found: list[Counts | None] = []
    absent: dict[Mode, str] = {}
    for method in methods:
        try:
            found.append(_work(functools.partial(point_program(method), f), x))
        except Exception:  # JAX has no class of errors for a mode that is not there
            value_of(f, x)
            mode: Mode = "forward" if method == "forward" else "reverse"
            why = why_absent(mode, f, (x,))
            if why is None:
                raise
            absent[mode] = why
            found.append(None)
    if not any(found):
        raise refusal(absent, f, (x,))
    return found


def _work(program: Callable[..., Any], *args: Any) -> Counts:
    jaxpr = jax.make_jaxpr(program)(*args)
    counted = count_jaxpr(jaxpr)
    products = counted.by_primitive.get("dot_general")
    return Counts(
        products.equations if products else 0,
        counted.dot_flops,
        counted.flops,
        counted.bytes,
        sum(_transposed(jaxpr.jaxpr, v) for v in jaxpr.jaxpr.outvars),
    )


def _transposed(jaxpr: Any, var: Any) -> int:
    """Entries of a result if a transpose writes it, perhaps under another shape."""
    for eqn in reversed(jaxpr.eqns):
        if var in eqn.outvars:
            if eqn.primitive.name == "transpose":
                return int(math.prod(var.aval.shape))
            if eqn.primitive.name not in ("reshape", "squeeze", "split", "convert_element_type"):
                return 0
            var = eqn.invars[0]
    return 0


@functools.lru_cache(maxsize=1024)
def _of_network(
    sizes: tuple[int, ...],
    activation: str,
    passthrough: tuple[int, ...],
    out_size: int | None,
    dtype: str,
    shape: tuple[int, ...],
    method: Method,
) -> Counts:
    """The counts of a network's program, which depend on its structure alone."""

    def program(weights: Any, biases: Any, x: Array) -> Any:
        net = MLP(weights, biases, activation, passthrough, out_size)
        return mapped(net, x, point_program(method))

    def of(*dims: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(dims, jnp.dtype(dtype))

    weights = tuple(of(m, n) for n, m in itertools.pairwise(sizes))
    biases = tuple(of(m) for m in sizes[1:])
    return _work(program, weights, biases, of(*shape))
