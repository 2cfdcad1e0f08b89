"""A trace as rows, as a table in text, Markdown, LaTeX or HTML, and as a DOT graph."""

from __future__ import annotations

import html as escapes
from collections.abc import Sequence
from typing import Any

import numpy as np

from approxlab.derivatives.tracing._steps import Contribution, TraceStep
from approxlab.derivatives.tracing._wording import latex_name, significant, values

__all__ = ["dot", "html", "rows", "table", "values"]

_FORMATS = ("text", "markdown", "latex")
_MODES = ("forward", "reverse", "both")


def rows(
    steps: Sequence[TraceStep], seeds: Sequence[str], output: str | None
) -> list[dict[str, Any]]:
    """Flat rows of steps and contributions; see `Trace.to_rows`."""
    lines = [
        {
            "kind": "step",
            "name": step.name,
            "label": step.label,
            "symbol": step.symbol,
            "text": step.text,
            "op": step.op,
            "operands": " ".join(step.operands),
            "output": step.name == output,
            "shape": "x".join(map(str, step.primal.shape)),
            "index": ",".join(map(str, index)),
            "primal": _scalar(step.primal, index),
            **{
                f"tangent_{seed}": _scalar(tangent, index)
                for seed, tangent in zip(seeds, step.tangents, strict=True)
            },
            "adjoint": _scalar(step.adjoint, index),
        }
        for step in steps
        for index in np.ndindex(step.primal.shape)
    ]
    added = [
        {
            "kind": "contribution",
            "name": step.name,
            "order": each.order,
            "source": each.source,
            "position": each.position,
            "index": ",".join(map(str, index)),
            "local": _scalar(each.local, ()),
            "contribution": _scalar(each.value, index),
            "so_far": _scalar(each.so_far, index),
        }
        for step, each in _sweep(steps)
        for index in np.ndindex(each.value.shape)
    ]
    return [*lines, *added]


def _scalar(value: Any, index: tuple[int, ...]) -> Any:
    return None if value is None else value[index].item()


def _sweep(steps: Sequence[TraceStep]) -> list[tuple[TraceStep, Contribution]]:
    """Every addition of the reverse sweep, in its order."""
    added = [(step, each) for step in steps for each in step.contributions]
    return sorted(added, key=lambda pair: pair[1].order)


def table(
    steps: Sequence[TraceStep], seeds: Sequence[str], fmt: str, mode: str, digits: int
) -> str:
    """See `Trace.table`."""
    if fmt not in _FORMATS:
        raise ValueError(f"fmt: got {fmt!r}, expected one of {', '.join(_FORMATS)}.")
    if mode not in _MODES:
        raise ValueError(f"mode: got {mode!r}, expected one of {', '.join(_MODES)}.")
    head, body = _cells(steps, seeds, mode, digits, latex=fmt == "latex")
    return {"text": _text, "markdown": _markdown, "latex": _latex}[fmt](head, body)


def html(steps: Sequence[TraceStep], seeds: Sequence[str]) -> str:
    """A small table for notebooks."""
    head, body = _cells(steps, seeds, "both", 6, latex=False)
    lines = [_html_line("th", head), *(_html_line("td", line) for line in body)]
    return "<table>" + "".join(lines) + "</table>"


def _html_line(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escapes.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _cells(
    steps: Sequence[TraceStep], seeds: Sequence[str], mode: str, digits: int, *, latex: bool
) -> tuple[list[str], list[list[str]]]:
    if mode == "reverse":
        return _reverse_cells(steps, digits, latex=latex)
    symbols = {step.name: step.symbol for step in steps}
    head = ["step", "value", *(_seed(seed, latex) for seed in seeds)]
    body = [
        [_line(step, latex), *(_shown(x, digits, latex) for x in (step.primal, *step.tangents))]
        for step in steps
    ]
    if mode == "both":
        head += ["adjoint", "added in the reverse sweep"]
        for step, cells in zip(steps, body, strict=True):
            added = [
                f"{_shown(each.value, digits, latex)} "
                f"({_symbol(symbols.get(each.source, each.source), latex)})"
                for each in step.contributions
            ]
            cells += [_shown(step.adjoint, digits, latex), ", then ".join(added) or "nothing"]
    return head, body


def _reverse_cells(
    steps: Sequence[TraceStep], digits: int, *, latex: bool
) -> tuple[list[str], list[list[str]]]:
    """A line per addition: whose adjoint, through which step, how much, and the sum so far."""
    symbols = {step.name: step.symbol for step in steps}
    head = ["adjoint of", "through", "local derivative", "added", "sum so far"]
    body = []
    for step, each in _sweep(steps):
        source = symbols.get(each.source, each.source)
        numbers = [_shown(x, digits, latex) for x in (each.local, each.value, each.so_far)]
        body.append([_symbol(step.symbol, latex), _symbol(source, latex), *numbers])
    return head, body


def _line(step: TraceStep, latex: bool) -> str:
    if latex:
        right = f"{latex_name(step.symbol)} = {step.latex}"
        return f"${right}$" if step.symbol != step.text else f"${step.latex}$"
    return f"{step.symbol} = {step.text}" if step.symbol != step.text else step.text


def _symbol(symbol: str, latex: bool) -> str:
    return f"${latex_name(symbol)}$" if latex and symbol != "seed" else symbol


def _seed(seed: str, latex: bool) -> str:
    return rf"$\partial / \partial {latex_name(seed)}$" if latex else f"d/d{seed}"


def _shown(value: Any, digits: int, latex: bool) -> str:
    if value is None:
        return "--" if latex else "-"
    text = values(value, digits)
    if not latex or "x" in text or "e" in text:
        return text
    text = text.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
    return f"${text}$"


def _text(head: list[str], body: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *body)
    ]
    return "\n".join(lines)


def _markdown(head: list[str], body: list[list[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    code = [[f"`{cells[0]}`", *cells[1:]] for cells in body]
    return "\n".join([line(head), line(["---"] * len(head)), *map(line, code)])


def _latex(head: list[str], body: list[list[str]]) -> str:
    lines = [" & ".join(line) + r" \\" for line in (head, *body)]
    columns = "l" + "r" * (len(head) - 2) + "l"
    inner = "\n".join([r"\hline", lines[0], r"\hline", *lines[1:], r"\hline"])
    return f"\\begin{{tabular}}{{{columns}}}\n{inner}\n\\end{{tabular}}"


def dot(steps: Sequence[TraceStep], output: str | None) -> str:
    """See `Trace.dot`."""
    lines = ["digraph trace {", "  rankdir=LR;", "  node [shape=circle];"]
    by_name = {step.name: step for step in steps}
    below = {
        (step.name, each.source, each.position): each.value
        for step in steps
        for each in step.contributions
    }
    for step in steps:
        shape = "" if step.op else ", shape=box"
        lines.append(f'  "{step.name}" [label="{_quoted(step.op or step.label)}"{shape}];')
    for step in steps:
        for position, name in enumerate(step.operands):
            above = values(by_name[name].primal, 3, significant)
            added = below.get((name, step.name, position))
            under = [] if added is None else [values(added, 3, significant)]
            label = r"\n".join([above, *under])
            lines.append(f'  "{name}" -> "{step.name}" [label="{label}"];')
    if output is not None:
        step = by_name[output]
        (seed,) = (each for each in step.contributions if each.source == "seed")
        label = f"{values(step.primal, 3, significant)}\\n{values(seed.value, 3, significant)}"
        lines.append('  "output" [label="", shape=none];')
        lines.append(f'  "{step.name}" -> "output" [label="{label}"];')
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
