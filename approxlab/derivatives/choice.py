"""Which method is the fastest for a Jacobian: predicted from exact counts.

FLOPs alone do not decide on small networks, where a product costs its call and its memory traffic.
The prediction is therefore

    seconds = a * products + dot_flops / b + bytes / c + transcendentals * d

with exact counts of the traced program (`count`: bytes are what every operation reads and writes)
and four numbers of the machine. These were fitted once on one processor, by the experiment
`jacobian_cost`, whose record says how often the prediction names the fastest; only their ratios
matter, and they are not derived from anything.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.derivatives import modes
from approxlab.derivatives.counts import Count, count
from approxlab.networks import MLP

__all__ = ["CPU", "Candidate", "Choice", "Machine", "choose"]


@dataclasses.dataclass(frozen=True)
class Machine:
    """What the time of a program depends on, beside its counts. From experiment, not from theory.

    Attributes:
        name: Kind of device.
        product_s: Seconds of a matrix product beyond its arithmetic.
        flops_per_s: Rate of matrix products in float64; float32 is twice as fast.
        bytes_per_s: Rate of reading and writing by all operations, before any are fused.
        transcendental_s: Seconds of one exp, tanh, ... in float64; half of it in float32.
    """

    name: str
    product_s: float
    flops_per_s: float
    bytes_per_s: float
    transcendental_s: float

    def seconds(self, counted: Count, dtype: Any) -> float:
        """Predicted seconds of a program of which the dtype of the arithmetic is known."""
        scale = jnp.dtype(dtype).itemsize / 8
        products = counted.by_primitive.get("dot_general")
        return (
            self.product_s * (products.equations if products else 0)
            + scale * counted.dot_flops / self.flops_per_s
            + counted.bytes / self.bytes_per_s
            + scale * self.transcendental_s * counted.transcendentals
        )


CPU = Machine("one core of a CPU", 4e-6, 6e10, 4.5e10, 6e-9)
"""Fitted to the default measurements of `jacobian_cost`."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A method with its exact counts and its predicted time.

    Attributes:
        method: Name of the method.
        dot_flops: FLOPs of its matrix products.
        flops: All FLOPs of its program.
        bytes: What its operations read and write.
        predicted_s: Predicted seconds on the machine, after compilation.
    """

    method: str
    dot_flops: int
    flops: int
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

    method: Any
    reason: str
    candidates: tuple[Candidate, ...]
    machine: str

    def __repr__(self) -> str:
        return f"Choice({self.method}: {self.reason})"

    def __str__(self) -> str:
        lines = [f"{self.method}: {self.reason}"]
        lines.append(f"{'':12}{'dot FLOPs':>16}{'all FLOPs':>16}{'bytes':>16}{'predicted':>13}")
        for c in self.candidates:
            lines.append(
                f"{c.method:12}{c.dot_flops:>16,}{c.flops:>16,}{c.bytes:>16,}"
                f"{c.predicted_s * 1e6:>10.3g} us"
            )
        return "\n".join([*lines, f"predicted for {self.machine}, compiled"])

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per candidate, the fastest first."""
        return [dataclasses.asdict(c) for c in self.candidates]


def choose(
    f: Callable[..., Any],
    x: Any,
    *,
    methods: Sequence[str] | None = None,
    machine: Machine = CPU,
) -> Choice:
    """Which method computes the value and the Jacobian of f at x fastest.

    Nothing is computed: each program is traced and counted. For networks all counts depend on the
    widths alone, and are kept.

    Args:
        f: A JAX function of one array, or a network.
        x: Where; for a network a point (d,) or a batch (N, d).
        methods: Among which; by default "forward" and "reverse", and for networks also
            "structured" and "planned". Of two that run the same products, the one named first.
        machine: The numbers by which counts become seconds.

    Raises:
        ValueError: If a method is unknown, not for this function, or not one with a fixed program.
        TypeError: If `x` is not floating point.

    Example:
        >>> net = MLP.init(jax.random.key(0), 64, (64,), out_size=1)
        >>> choose(net, jnp.ones(64), methods=["forward", "reverse"]).method
        'reverse'
        >>> print(choose(lambda x: jnp.sin(x[0]) * jnp.ones(1000), jnp.ones(2)).reason)
        fewest FLOPs and least predicted time of 2 methods; the next, reverse, ... times as long
    """
    x = modes._point(f, x)
    known = ("structured", "planned", "forward", "reverse")
    offered = known if isinstance(f, MLP) else known[2:]
    asked = tuple(offered if methods is None else methods)
    for method in asked:
        if method not in offered:
            raise ValueError(
                f"methods: got {method!r} for {type(f).__name__}, expected some of "
                f"{', '.join(offered)}."
            )
    if not asked:
        raise ValueError("methods: got none, expected at least one.")
    counted = _counted(f, x, asked)
    found = [
        Candidate(method, c.dot_flops, c.flops, c.bytes, machine.seconds(c, x.dtype))
        for method, c in zip(asked, counted, strict=True)
    ]
    ordered = tuple(sorted(found, key=lambda c: c.predicted_s))  # stable: first named, first taken
    return Choice(ordered[0].method, _reason(ordered), ordered, machine.name)


def _reason(ordered: Sequence[Candidate]) -> str:
    first = ordered[0]
    if len(ordered) == 1:
        return "the only method asked for"
    fewest = min(c.dot_flops for c in ordered)
    why = (
        "fewest FLOPs and least predicted time"
        if first.dot_flops == fewest
        else f"least predicted time, though {first.dot_flops / fewest:.3g} times the fewest FLOPs"
    )
    other = next((c for c in ordered if c.predicted_s > first.predicted_s), None)
    if other is None:
        return f"{why} of {len(ordered)} methods, which all run the same products"
    times = other.predicted_s / first.predicted_s
    return f"{why} of {len(ordered)} methods; the next, {other.method}, {times:.3g} times as long"


def _counted(f: Callable[..., Any], x: Array, methods: Sequence[str]) -> list[Count]:
    if isinstance(f, MLP):
        key = (f.sizes, f.activation, f.passthrough, f.out_size, str(f.dtype), x.shape)
        return [_of_network(*key, method) for method in methods]
    return [count(lambda p, m=m: modes._PER_POINT[m](f, p), x) for m in methods]


@functools.lru_cache(maxsize=1024)
def _of_network(
    sizes: tuple[int, ...],
    activation: str,
    passthrough: tuple[int, ...],
    out_size: int | None,
    dtype: str,
    shape: tuple[int, ...],
    method: str,
) -> Count:
    """The counts of a network's program, which depend on its structure alone."""

    def program(weights: Any, biases: Any, x: Array) -> Any:
        net = MLP(weights, biases, activation, passthrough, out_size)
        return modes._mapped(net, x, modes._PER_POINT[method])

    def of(*dims: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(dims, jnp.dtype(dtype))

    weights = tuple(of(m, n) for n, m in itertools.pairwise(sizes))
    biases = tuple(of(m) for m in sizes[1:])
    return count(program, weights, biases, of(*shape))
