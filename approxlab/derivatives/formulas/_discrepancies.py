"""A sentence for every discrepancy between the counts of one derivative."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from approxlab.derivatives._methods import Wrt
from approxlab.derivatives.counts.jaxprs import Count
from approxlab.derivatives.formulas._terms import Formula
from approxlab.networks.mlp import MLP

__all__ = ["Case", "discrepancies", "question"]

_NAMES = {
    "value": "value",
    "gradient": "gradient of the squared error",
    "jvp": "Jacobian-vector product",
    "vjp": "vector-Jacobian product",
    "jacobian": "Jacobian",
    "hvp": "Hessian-vector product of the squared error",
    "gram": "J J^T",
    "gram_diagonal": "diagonal of J^T J",
    "gradient_norms": "norm of every sample's gradient",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """All counts of one derivative.

    Attributes:
        net: The network.
        wrt: "inputs" or "weights".
        want: The derivative, as in `formula`.
        method: The method, "" if there is one way.
        scheme: Of the method "differences".
        batch: Number of points.
        whole: The formula, value included.
        needed: The formula of what the program has to compute.
        traced: The count of the jaxpr.
        live: The count of its equations whose results are used.
        xla: XLA's count as lowered.
        compiled: XLA's count as compiled, if asked for.
    """

    net: MLP
    wrt: Wrt
    want: str
    method: str
    scheme: str
    batch: int
    whole: Formula
    needed: Formula
    traced: Count
    live: Count
    xla: float
    compiled: float | None


def question(case: Case) -> str:
    """The derivative, its method, the network and the batch, in words."""
    place = {"inputs": "input", "weights": "weight"}[case.wrt]
    how = f", {case.method}" if case.method else ""
    if case.method == "differences" and case.scheme != "forward":
        how = f", {case.scheme} differences"
    points = f" at {case.batch} points" if case.batch > 1 else ""
    what = _NAMES[case.want] if case.want == "value" else f"{place} {_NAMES[case.want]}"
    return f"{what}{how}, of {case.net!r}{points}"


def discrepancies(case: Case) -> tuple[str, ...]:
    """How formula, jaxpr and XLA differ, and why."""
    return tuple(
        sentence for part in (_of_jaxpr, _of_rules, _of_batches, _of_xla) for sentence in part(case)
    )


def _of_jaxpr(case: Case) -> Iterator[str]:
    """Formula against jaxpr."""
    off = case.traced.dot_flops - case.whole.dot_flops
    if off:
        yield f"The jaxpr has {_more(off)} dot FLOPs than the formula: {_why_off(case)}."
    dead = case.traced.flops - case.live.flops
    if dead:
        value = case.whole.flops - case.needed.flops
        last = (
            f", {value:,} of them for the value, whose last product is traced and then dropped"
            if value
            else ""
        )
        yield (
            f"{dead:,} FLOPs of the jaxpr compute what nothing uses{last}; JAX leaves them out "
            "when it lowers the program."
        )
    off = case.live.flops - case.needed.flops
    if off:
        yield (
            f"The used part of the jaxpr has {_more(off)} FLOPs than the formula: {_why_off(case)}."
        )
    yield from (f"Assumed: {sentence}" for sentence in case.traced.assumptions)


def _why_off(case: Case) -> str:
    if case.method == "differences":
        return "steps are chosen, and points are shifted by them"
    if any(k == w for k, w in zip(case.net.passthrough, case.net.sizes[1:-1], strict=True)):
        return "a hidden layer is linear throughout, and JAX drops or shares what follows from it"
    return "the derivative rules of this version of JAX are not those of the formula"


def _of_rules(case: Case) -> Iterator[str]:
    """Conventions by which the same work has several numbers."""
    rest = case.needed.flops - case.needed.dot_flops
    if rest:
        yield (
            f"{rest:,} FLOPs are elementwise: activations and their derivatives, biases, sums. "
            "They are in FLOPs and not in dot FLOPs."
        )
    if case.needed.transcendentals:
        yield (
            f"{case.needed.transcendentals:,} transcendentals are counted separately, by XLA too; "
            "each takes the time of several FLOPs."
        )
    outer = _outer_products(case)
    if outer:
        yield (
            f"Outer products count {2 * outer:,} dot FLOPs by the rule 2 x output x contracted "
            f"size, though each of their {outer:,} numbers takes one multiplication and no sum."
        )
    size = _identity(case)
    if size:
        layer = "first" if case.method == "forward" else "last"
        yield (
            f"The identity of size {size} that starts all sweeps costs {2 * size * size:,} "
            f"FLOPs to make, and is multiplied by the {layer} layer as if it were full."
        )


def _outer_products(case: Case) -> int:
    """Numbers made by outer products that sum over nothing."""
    weights = sum(a * b for a, b in zip(case.net.sizes, case.net.sizes[1:], strict=False))
    first = case.net.sizes[0] * case.net.sizes[1]
    if case.wrt != "weights":
        return 0
    if case.want in ("gradient", "vjp"):
        return weights if case.batch == 1 else 0
    if case.want == "hvp":
        return 3 * weights - first if case.batch == 1 else 0
    if case.want == "gradient_norms":
        return case.batch * weights if case.method == "reverse" else 0
    reverse = case.method == "reverse" and case.want in ("jacobian", "gram", "gram_diagonal")
    return case.batch * case.net.sizes[-1] * weights if reverse else 0


def _identity(case: Case) -> int:
    """Size of the basis of unit vectors that `jacfwd` and `jacrev` start from."""
    if case.want not in ("jacobian", "gram", "gram_diagonal"):
        return 0
    if case.method == "reverse":
        return case.net.sizes[-1]
    if case.method != "forward":
        return 0
    return case.net.in_size if case.wrt == "inputs" else case.net.num_parameters


def _of_batches(case: Case) -> Iterator[str]:
    if case.batch > 1 and _identity(case) and case.wrt == "inputs":
        yield (
            "The product of the identity with a layer is the same for all samples and computed "
            "once; so the batch costs less than its samples one by one."
        )


def _of_xla(case: Case) -> Iterator[str]:
    off = case.xla - case.live.flops
    if case.xla != case.xla:
        yield "XLA does not say how many FLOPs it counts."
    elif off:
        yield (
            f"XLA counts {_more(round(off))} FLOPs than the jaxpr has: it folds constants, counts "
            "the body of a loop once and calls to libraries not at all."
        )
    if case.compiled is not None and case.compiled != case.xla:
        note = (
            " With a single sample XLA turns products with vectors into multiplications and sums,"
            " which it counts otherwise."
            if case.batch == 1
            else ""
        )
        yield (
            f"Compiled, XLA counts {_more(round(case.compiled - case.xla))} FLOPs than lowered: "
            f"after its optimisations it is another program.{note}"
        )


def _more(off: Any) -> str:
    return f"{abs(off):,} {'more' if off > 0 else 'fewer'}"
