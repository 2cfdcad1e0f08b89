"""An answer as text and as HTML: the same lines in both."""

from __future__ import annotations

import html
import math
from typing import Any

__all__ = ["counted", "facts", "headline", "page", "tables", "text"]

_PROOFS = {"theorem": "theorem", "certificate": "certificate", "none": "none (estimate)"}


def headline(answer: Any) -> str:
    """The answer in a sentence."""
    best, proved, least = answer.smallest, answer.proved, answer.least
    if best is None and answer.refusal:
        return "no network of continuous units is within eps: the target jumps"
    if best is None:
        return "no network within eps was found; see notes"
    sentence = _size(best)
    sentence += ", error proved" if best is proved else ", error only an estimate"
    if proved is not None and best is not proved:
        sentence += f"; the smallest that is proved: {_size(proved)}"
    if least is None:
        return f"{sentence}; how many are needed is unknown"
    if best.units == least.units:
        same = "none of its kind is smaller" if best is proved else "that many are needed"
        return f"{sentence}; {same} (proved)"
    verb = "is" if least.units == 1 else "are"
    return f"{sentence}; at least {least.units} {verb} needed ({least.kind}; proved)"


def counted(units: Any) -> str:
    """A number of units in words."""
    return f"{units} unit" + "s" * (str(units) != "1")


def _size(one: Any) -> str:
    if one.units == 0:
        return "0 hidden units (an affine function)"
    layers = f"{one.layers} layer" + "s" * (one.layers > 1)
    return f"{one.units} {one.network.activation} unit{'s' * (one.units > 1)} in {layers}"


def tables(answer: Any) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Titles and tables, whose first row holds the names of the columns."""
    names = (
        "units",
        "linear",
        "layers",
        "activation",
        "found by",
        "error",
        "proof",
        "least",
        "gap",
    )
    found: list[tuple[str, ...]] = [names]
    for one in answer.found:
        least = answer.least_for(one)
        needed = None if least is None else least.units
        found.append(
            (
                str(one.units),
                str(one.network.num_linear_units),
                str(one.layers),
                one.network.activation if one.units else "-",
                f"{one.method} ({'fit' if one.fitted else 'construction'})",
                one.error_text(),
                _PROOFS[one.proof(answer.eps)],
                "unknown" if needed is None else str(needed),
                _ratio(one.units, needed, one.proof(answer.eps)),
            )
        )
    least = [("kind of network", "units at least", "source")]
    least += [(x.kind, _known(x.units), x.source) for x in answer.least_sizes]
    costs = [("of the smallest network", "FLOPs at a point", "in values", "seconds for a batch")]
    costs += [
        (
            one.name,
            f"{one.flops:,}",
            f"{one.per_value:.2f}",
            "-" if one.run_s is None else f"{one.run_s:.2g} for {one.points} points",
        )
        for one in answer.costs
    ]
    return [
        ("Networks within eps", found),
        ("Proved least sizes (bounds)", least),
        ("Value and derivatives", costs),
    ]


def _known(units: int | None) -> str:
    return "unknown" if units is None else str(units)


def _ratio(units: int, needed: int | None, proof: str) -> str:
    if needed is None or (needed == 0 and units > 0):
        return "unknown"
    return f"1{_optimal(proof)}" if units == needed else f"{units / needed:.2f}"


def _optimal(proof: str) -> str:
    """What is said of a network with as many units as are needed."""
    return ", optimal" if proof != "none" else ", optimal if it is within eps"


def facts(answer: Any) -> list[tuple[str, str]]:
    """Named sentences."""
    gap = answer.gap
    known = f"{gap:.2f}" if math.isfinite(gap) else "unknown"
    if gap == 1.0:
        known += _optimal(answer.smallest.proof(answer.eps))
    found = [
        ("answer", headline(answer)),
        ("gap", f"{known} (units over the proved least of that kind)"),
        ("depth saves", answer.depth_saves),
    ]
    if answer.refusal:
        return [found[0], ("why", answer.refusal)]
    if answer.smallest is not None:
        found.insert(1, ("error", answer.smallest.error_text()))
    return found


def text(answer: Any) -> str:
    """The answer in lines of plain text."""
    lines = [f"{answer.target} on {answer.box!r}, eps = {answer.eps:g} in the sup norm"]
    lines += [f"  {name}: {value}" for name, value in facts(answer)]
    for title, table in tables(answer):
        if len(table) > 1:
            lines += ["", title, *_aligned(table)]
    if answer.notes:
        lines += ["", "Not found or not proved", *(f"  {note}" for note in answer.notes)]
    return "\n".join([*lines, "", f"{answer.seconds:.1f} s"])


def _aligned(table: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def page(answer: Any) -> str:
    """The answer as HTML for a notebook, without a style of its own but widths."""
    title = f"{answer.target} on {answer.box!r}, eps = {answer.eps:g} in the sup norm"
    parts = [f"<div style='overflow-x:auto'><p><b>{html.escape(title)}</b></p>"]
    parts.append(_html_table([("", ""), *facts(answer)], head=False))
    for name, table in tables(answer):
        if len(table) > 1:
            parts.append(f"<p><b>{html.escape(name)}</b></p>{_html_table(table)}")
    if answer.notes:
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in answer.notes)
        parts.append(
            f"<details><summary>Not found or not proved</summary><ul>{notes}</ul></details>"
        )
    return "".join([*parts, "</div>"])


def _html_table(table: list[tuple[str, ...]], head: bool = True) -> str:
    style = "style='text-align:left'"

    def row(cells: tuple[str, ...], kind: str) -> str:
        inside = "".join(f"<{kind} {style}>{html.escape(cell)}</{kind}>" for cell in cells)
        return f"<tr>{inside}</tr>"

    top = f"<thead>{row(table[0], 'th')}</thead>" if head else ""
    return f"<table>{top}<tbody>{''.join(row(r, 'td') for r in table[1:])}</tbody></table>"
