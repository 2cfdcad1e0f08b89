"""What `approximate` returns: the network with its claim, and the table of all costs."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

from approxlab.claims import Claim, Construction
from approxlab.networks.mlp import MLP

__all__ = ["Approximation", "Cost"]


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one construction would cost for an error of eps.

    Attributes:
        name: Name of the construction.
        units: Nonlinear hidden units; None where nothing is proved.
        linear_units: Linear hidden units.
        layers: Hidden layers.
        claim: The error that is claimed, of a network that was built; else None.
        note: "chosen", "" for one that would do as well, or why it does not apply.
        at_least: Whether `units` is a lower bound of what it takes.
    """

    name: str
    units: int | None = None
    linear_units: int | None = None
    layers: int | None = None
    claim: float | None = None
    note: str = ""
    at_least: bool = False

    def __repr__(self) -> str:
        if self.units is None:
            return f"Cost({self.name}: {self.note})"
        least = "at least " if self.at_least else ""
        linear = f" + {self.linear_units} linear" if self.linear_units else ""
        claim = f", claim {self.claim:.3g}" if self.claim is not None else ""
        note = f", {self.note}" if self.note else ""
        size = f"{least}{self.units}{linear} units, {self.layers} layers"
        return f"Cost({self.name}: {size}{claim}{note})"


@dataclasses.dataclass(frozen=True, eq=False)
class Approximation:
    """A network that is within eps of a target by proof, and the table it was chosen from.

    Attributes:
        construction: The network with its target and claim.
        eps: The error that was asked for.
        name: Name of the construction.
        reason: Why it was chosen, in a sentence.
        table: The costs of all constructions, the cheapest first; those that do not apply last.
    """

    construction: Construction
    eps: float
    name: str
    reason: str
    table: tuple[Cost, ...]

    @property
    def network(self) -> MLP:
        """The network."""
        return self.construction.network

    @property
    def target(self) -> Any:
        """The target."""
        return self.construction.target

    @property
    def claim(self) -> Claim:
        """What is claimed of the network; its bound is at most eps."""
        return self.construction.claim

    def __repr__(self) -> str:
        return (
            f"Approximation({self.name} for {self.target!r}: {self.network!r}, "
            f"error <= {float(self.claim.bound):.3g})"
        )

    def __str__(self) -> str:
        """The choice, its reason, and the table."""
        rows: list[tuple[str, ...]] = [("construction", "units", "linear", "layers", "claim", "")]
        rows += [_texts(cost) for cost in self.table]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            "  ".join(
                text.ljust(width) if i == 0 else text.rjust(width)
                for i, (text, width) in enumerate(zip(row[:5], widths, strict=True))
            )
            + (f"  {row[5]}" if row[5] else "")
            for row in rows
        ]
        return "\n".join([repr(self), self.reason, *lines])

    def _repr_html_(self) -> str:
        names = ("construction", "units", "linear units", "layers", "claim", "")
        head = "".join(f"<th>{name}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in _texts(cost)) + "</tr>"
            for cost in self.table
        )
        text = html.escape(f"{self!r} {self.reason}")
        return f"<p>{text}</p><table><tr>{head}</tr>{body}</table>"

    def plot(self, **options: Any) -> Any:
        """Network and target, with the band that the claim proves; see `plotting.plot_model`."""
        return self.construction.plot(**options)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per construction, in the order of the table."""
        return [
            {
                "target": getattr(self.target, "name", "target"),
                "eps": self.eps,
                "construction": cost.name,
                "chosen": cost.note == "chosen",
                "num_hidden_units": cost.units,
                "num_linear_units": cost.linear_units,
                "depth": cost.layers,
                "claimed_sup_error": cost.claim,
                "at_least": cost.at_least,
                "note": cost.note,
            }
            for cost in self.table
        ]


def _texts(cost: Cost) -> tuple[str, ...]:
    if cost.units is None:
        return (cost.name, "-", "-", "-", "-", cost.note)
    units = f">= {cost.units}" if cost.at_least else str(cost.units)
    claim = "" if cost.claim is None else f"{cost.claim:.3g}"
    linear = "" if cost.linear_units is None else str(cost.linear_units)
    layers = "" if cost.layers is None else str(cost.layers)
    return (cost.name, units, linear, layers, claim, cost.note)
