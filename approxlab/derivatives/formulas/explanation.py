"""What a derivative costs by formula, by its jaxpr and by XLA, and why these numbers differ."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

import jax
import jaxlib

from approxlab.derivatives._methods import DEFAULTS, JacobianScheme, Method, Want, Wrt
from approxlab.derivatives.counts.jaxprs import Count, count_jaxpr
from approxlab.derivatives.counts.tapes import predicted_tape
from approxlab.derivatives.counts.xla import xla_flops
from approxlab.derivatives.formulas._discrepancies import Case, discrepancies, question
from approxlab.derivatives.formulas._programs import program
from approxlab.derivatives.formulas._terms import MEANINGS, Formula
from approxlab.derivatives.formulas.closed_formulas import check_question, formula
from approxlab.networks.mlp import MLP

__all__ = ["Explanation", "explain"]


@dataclasses.dataclass(frozen=True, repr=False)
class Explanation:
    """The costs of one derivative of one network.

    Attributes:
        question: The derivative, its method, the network and the batch, in words.
        formula: Dot FLOPs in closed form, the value of the function included.
        dot_flops: Its value.
        flops_formula: All FLOPs in closed form, of what the program has to compute: without the
            last product of the value where the program returns none.
        flops: Its value.
        transcendentals: Number of exp, tanh, sin, erf and the like.
        jaxpr_dot_flops: Dot FLOPs of the jaxpr as traced.
        jaxpr_flops: All FLOPs of the jaxpr as traced.
        live_flops: All FLOPs of the equations of the jaxpr whose results are used.
        xla_flops: XLA's count of the program as JAX lowers it; `nan` if it does not say.
        compiled_flops: XLA's count after optimisation, if asked for: for information.
        bytes: Inputs and outputs of every equation whose results are used: traffic without fusion.
        largest_bytes: Bytes of the largest array that is written.
        tape_bytes: Bytes that reverse mode keeps of the network between its two sweeps, without
            those of a loss; None for other modes.
        symbols: What the letters of the formulas stand for.
        discrepancies: A sentence for every discrepancy between these numbers.
        versions: Versions of jax and jaxlib by which the counts were taken.
    """

    question: str
    formula: str
    dot_flops: int
    flops_formula: str
    flops: int
    transcendentals: int
    jaxpr_dot_flops: int
    jaxpr_flops: int
    live_flops: int
    xla_flops: float
    compiled_flops: float | None
    bytes: int
    largest_bytes: int
    tape_bytes: int | None
    symbols: dict[str, int]
    discrepancies: tuple[str, ...]
    versions: str

    def __repr__(self) -> str:
        return f"Explanation({self.question}: {self.formula} = {self.dot_flops:,} dot FLOPs)"

    def __str__(self) -> str:
        width = max(len(name) for name, *_ in self._lines())
        lines = [f"  {name:{width}}  {figure:>15}  {note}" for name, figure, note in self._lines()]
        said = [f"- {sentence}" for sentence in self.discrepancies]
        body = [line.rstrip() for line in lines]
        return "\n".join([self.question, *body, f"  {self._legend()}", *said, self.versions])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td style='text-align:right'>{figure}</td>"
            f"<td>{html.escape(note)}</td></tr>"
            for name, figure, note in self._lines()
        )
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.discrepancies)
        return (
            f"<b>{html.escape(self.question)}</b><table>{rows}</table>"
            f"{html.escape(self._legend())}<ul>{items}</ul><small>{self.versions}</small>"
        )

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row of all numbers and the formulas."""
        fields = dataclasses.asdict(self)
        for name in ("symbols", "discrepancies"):
            del fields[name]
        return [fields]

    def _lines(self) -> list[tuple[str, str, str]]:
        """Name, figure, note."""
        lines = [
            ("dot FLOPs, formula", f"{self.dot_flops:,}", self.formula),
            ("dot FLOPs, jaxpr", f"{self.jaxpr_dot_flops:,}", ""),
            ("FLOPs, formula", f"{self.flops:,}", self.flops_formula),
            ("FLOPs, jaxpr", f"{self.jaxpr_flops:,}", f"{self.live_flops:,} of them used"),
            ("FLOPs, XLA", f"{self.xla_flops:,.0f}", "as lowered"),
            ("transcendentals", f"{self.transcendentals:,}", "counted separately"),
            ("bytes, unfused", f"{self.bytes:,}", f"largest array {self.largest_bytes:,}"),
        ]
        if self.compiled_flops is not None:
            lines.insert(5, ("FLOPs, XLA", f"{self.compiled_flops:,.0f}", "as compiled"))
        if self.tape_bytes is not None:
            lines.append(("bytes of tape", f"{self.tape_bytes:,}", "kept between the two sweeps"))
        return lines

    def _legend(self) -> str:
        letters = (f"{name} = {n:,} {MEANINGS[name]}" for name, n in self.symbols.items())
        return "where " + ", ".join(letters) + "."


def explain(
    net: MLP,
    *,
    wrt: Wrt = "inputs",
    want: Want = "jacobian",
    method: Method | None = None,
    batch: int = 1,
    scheme: JacobianScheme = "forward",
    compiled: bool = False,
) -> Explanation:
    """What a derivative of a network costs, by formula, by its jaxpr and by XLA.

    The program is JAX's own transform (`jax.jacfwd`, `jax.jacrev`, `jax.jvp`, `jax.vjp`,
    `jax.value_and_grad`, forward over reverse for "hvp"), or the method of this package; losses are
    sums of squared errors. Nothing is run. `print` the result for the whole account. Kernels,
    diagonals and norms are counted without their look at the scale of the numbers, and without what
    they do where squares would over- or underflow.

    For any other function, `count(f, *args)` walks its jaxpr. XLA's figure is no check of a program
    with a loop: it counts the body of a `scan` once.

    Args:
        net: A single network; its values are not used.
        wrt: Derivative in the "inputs" or in the "weights", biases included.
        want: "value", "gradient", "jvp", "vjp", "jacobian", "hvp", "gram", "gram_diagonal" or
            "gradient_norms".
        method: See `formula`; by default "reverse" for Jacobians.
        batch: Number of points, mapped by `jax.vmap`.
        scheme: For "differences": "forward", "backward" or "central".
        compiled: Whether XLA compiles the program too, and counts the compiled program.

    Raises:
        TypeError: If `net` is not an MLP.
        ValueError: If a name is unknown, or a method is not for this derivative.

    Example:
        >>> net = MLP.init(jax.random.key(0), 16, (32, 24), "relu", out_size=8, dtype="float32")
        >>> explain(net, method="reverse")
        Explanation(input Jacobian, reverse, of MLP(...): 2P(1 + m) = 26,496 dot FLOPs)
        >>> found = explain(net, wrt="weights", want="gradient")
        >>> found.formula, found.dot_flops, found.jaxpr_dot_flops, found.flops == found.xla_flops
        ('6P - 2 c0', 7808, 7808, True)
    """
    if not isinstance(net, MLP):
        raise TypeError(
            f"net: got {type(net).__name__}, expected an MLP, whose formulas are known. For other "
            "functions use count(f, *args)."
        )
    net._check_single()
    check_question(wrt, want, method, scheme)
    chosen = method or DEFAULTS.get((wrt, want))
    asked = program(net, wrt, want, chosen or "", batch, scheme)
    options: dict[str, Any] = {
        "wrt": wrt,
        "want": want,
        "method": chosen,
        "batch": batch,
        "scheme": scheme,
    }
    whole = formula(net, **options)
    needed = formula(net, **options, value=asked.keeps_value)
    jaxpr = jax.make_jaxpr(asked.fn)(*asked.args)
    traced, live = count_jaxpr(jaxpr), count_jaxpr(jaxpr, live_only=True)
    lowered = jax.jit(asked.fn).lower(*asked.args)
    said = xla_flops(lowered)
    after = xla_flops(lowered.compile()) if compiled else None
    case = Case(
        net, wrt, want, chosen or "", scheme, batch, whole, needed, traced, live, said, after
    )
    return _assembled(case, chosen)


def _assembled(case: Case, method: str | None) -> Explanation:
    whole: Formula = case.whole
    traced: Count = case.traced
    reverse = case.want in ("gradient", "vjp", "hvp")
    tape = None
    if reverse or (case.want, method) == ("jacobian", "reverse"):
        tape = predicted_tape(case.net, None if case.batch == 1 else case.batch, wrt=case.wrt)
    used = f"{whole.text} {case.needed.flops_text}"
    return Explanation(
        question(case),
        whole.text,
        whole.dot_flops,
        case.needed.flops_text,
        case.needed.flops,
        case.needed.transcendentals,
        int(traced.dot_flops),
        traced.whole_flops(),
        case.live.whole_flops(),
        case.xla,
        case.compiled,
        case.live.bytes,
        case.live.largest_bytes,
        tape,
        {name: size for name, size in whole.symbols.items() if name in _letters(used)},
        discrepancies(case),
        f"counted by jax {jax.__version__}, jaxlib {jaxlib.__version__}",
    )


def _letters(text: str) -> set[str]:
    """Symbols of a formula: one letter, and a digit or L that belongs to it."""
    parts = "".join(c if c.isalnum() else " " for c in text).split()
    return {part.lstrip("0123456789") for part in parts} | {"P"}
