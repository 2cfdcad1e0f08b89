"""Closed formulas in the making: what a cost depends on, its letters, and the sums of its terms."""

from __future__ import annotations

import dataclasses
import itertools

from approxlab.derivatives.formulas._sums import Sum

__all__ = ["MEANINGS", "Architecture", "CostSums", "Formula"]

MEANINGS = {
    "n": "inputs",
    "m": "outputs",
    "P": "weights",
    "c0": "weights of the first layer",
    "cL": "weights of the last layer",
    "H": "nonlinear hidden units",
    "B": "biases",
    "n1": "units of the first hidden layer",
    "h1": "nonlinear units of the first hidden layer",
    "h": "nonlinear units of the last hidden layer",
    "K": "units of layers that have linear units too",
    "U": "hidden units",
    "L": "layers",
    "N": "samples",
    "S": "numbers scaled by derivatives of activations",
}
"""What the letters of the formulas stand for."""


@dataclasses.dataclass(frozen=True, repr=False)
class Formula:
    """A cost in closed form.

    Attributes:
        text: Dot FLOPs as a formula, such as "6P - 2 c0".
        dot_flops: Its value.
        flops_text: All FLOPs as a formula, such as "4P + 4H".
        flops: Its value.
        transcendentals: Number of exp, tanh, sin, erf and the like.
        symbols: What the letters stand for.
    """

    text: str
    dot_flops: int
    flops_text: str
    flops: int
    transcendentals: int
    symbols: dict[str, int]

    def __repr__(self) -> str:
        return f"Formula({self.text} = {self.dot_flops:,} dot FLOPs, {self.flops:,} FLOPs)"


@dataclasses.dataclass(frozen=True)
class Architecture:
    """All that a cost depends on: the structure of the network, its batch and its dtype."""

    widths: tuple[int, ...]
    activation: str = "tanh"
    passthrough: tuple[int, ...] = ()
    biases: bool = True
    batch: int = 1
    dtype: str = "float32"

    @property
    def layers(self) -> tuple[int, ...]:
        """Weights of each layer, n_{l-1} n_l."""
        return tuple(a * b for a, b in itertools.pairwise(self.widths))

    @property
    def nonlinear_layers(self) -> tuple[int, ...]:
        """Numbers, from 1, of the hidden layers whose derivative depends on the sample."""
        return () if self.activation == "identity" else tuple(range(1, len(self.layers)))

    @property
    def head(self) -> tuple[str, int]:
        """Weights up to the first nonlinearity: their derivative is the same for all samples."""
        first = self.nonlinear_layers[0] if self.nonlinear_layers else len(self.layers)
        return "c0" if self.nonlinear_layers else "P", sum(self.layers[:first])

    @property
    def tail(self) -> tuple[str, int]:
        """Weights after the last nonlinearity, whose outputs no derivative in the inputs needs."""
        last = self.nonlinear_layers[-1] if self.nonlinear_layers else 0
        return "cL" if self.nonlinear_layers else "P", sum(self.layers[last:])

    @property
    def symbols(self) -> dict[str, int]:
        """The letters of the formulas."""
        layers, linear = self.layers, self.passthrough
        return {
            "n": self.widths[0],
            "m": self.widths[-1],
            "P": sum(layers),
            "c0": layers[0],
            "cL": layers[-1],
            "H": sum(self.widths[1:-1]) - sum(linear),
            "B": sum(self.widths[1:]),
            "n1": self.widths[1],
            "h1": self._nonlinear_units(self.nonlinear_layers[:1]),
            "h": self._nonlinear_units(self.nonlinear_layers[-1:]),
            "K": sum(w for w, k in zip(self.widths[1:-1], linear, strict=False) if k),
            "U": sum(self.widths[1:-1]),
            "L": len(layers),
            "N": self.batch,
        }

    def _nonlinear_units(self, layers: tuple[int, ...]) -> int:
        linear = self.passthrough or (0,) * (len(self.widths) - 2)
        return sum(self.widths[i] - linear[i - 1] for i in layers)


@dataclasses.dataclass
class CostSums:
    """FLOPs of products, all other FLOPs, and transcendentals, while terms are added."""

    dots: Sum
    rest: Sum
    transcendentals: Sum
    symbols: dict[str, int]

    @classmethod
    def of(cls, net: Architecture) -> CostSums:
        """Empty sums for a network and a batch."""
        return cls(Sum(net.batch), Sum(net.batch), Sum(net.batch), net.symbols)

    def formula(self) -> Formula:
        """The sums as a formula; elementwise terms follow those of the products."""
        all_terms = Sum(self.dots.batch)
        for part in (self.dots, self.rest):
            for terms, once in ((part.each, False), (part.once, True)):
                for symbol, (coefficient, size) in terms.items():
                    all_terms.add(coefficient, symbol, size, once=once)
        return Formula(
            self.dots.text,
            self.dots.total,
            all_terms.text,
            all_terms.total,
            self.transcendentals.total,
            self.symbols,
        )
