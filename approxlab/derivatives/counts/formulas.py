"""Closed formulas for what a network's derivatives cost, in its widths, exact to the unit.

A network of widths n = n_0, ..., n_L = m has P = sum n_l n_{l-1} weights, c0 = n_0 n_1 of them in
the first layer and cL = n_{L-1} n_L in the last, B = sum n_l biases, H hidden units that bend; N is
the number of samples. One multiply-add is 2 FLOPs. `dot_flops` are those of matrix products; an
outer product of p and q numbers counts 2 p q, as XLA counts it, though it adds nothing up. `flops`
are all, by XLA's convention, and transcendentals are apart. `MEANINGS` explains the other letters.

| | dot FLOPs, one sample, value of the function included |
|---|---|
| value | 2P |
| gradient of a scalar loss in the weights; a weight JVP or VJP | 6P - 2 c0 |
| JVP or VJP in the inputs | 4P |
| Jacobian in the inputs, forward | 2P (1 + n), and so much for one-sided differences |
| Jacobian in the inputs, reverse | 2P (1 + m) |
| Jacobian in the inputs, structured | the lesser of 2P + 2n (P - c0) and 2P + 2m (P - cL) |
| Jacobian in the weights, reverse | 2P + m (4P - 2 c0) |
| Hessian-vector product in the weights, forward over reverse | 18P - 10 c0 |

So a gradient costs 3 - c0/P functions: 2 for one layer, 3 - 1/L for L layers of equal width, never
3. Central differences cost 4P n, the value not included, since they do not need it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, Literal, get_args

from approxlab.arguments import check_positive
from approxlab.derivatives.counts._sums import Sum
from approxlab.networks.activations import activation as activation_named
from approxlab.networks.mlp import MLP, float_dtype

__all__ = ["Formula", "Shape", "formula"]

Want = Literal[
    "value", "gradient", "jvp", "vjp", "jacobian", "hvp", "gram", "gram_diagonal", "gradient_norms"
]
Wrt = Literal["inputs", "weights"]
Method = Literal["forward", "reverse", "structured", "planned", "differences", "central"]

METHODS: dict[tuple[str, str], tuple[str, ...]] = {
    ("inputs", "jacobian"): (
        "reverse",
        "forward",
        "structured",
        "planned",
        "differences",
        "central",
    ),
    ("weights", "jacobian"): ("reverse", "forward"),
    ("weights", "gram"): ("structured", "reverse"),
    ("weights", "gram_diagonal"): ("structured", "reverse"),
    ("weights", "gradient_norms"): ("structured", "reverse"),
}
"""Methods of a derivative, the default one first; others know one way."""


MEANINGS = {
    "n": "inputs",
    "m": "outputs",
    "P": "weights",
    "c0": "weights of the first layer",
    "cL": "weights of the last layer",
    "H": "hidden units that bend",
    "B": "biases",
    "n1": "units of the first hidden layer",
    "h1": "units that bend in the first hidden layer",
    "h": "units that bend in the last hidden layer",
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
class Shape:
    """All that a cost depends on: of the network, its batch and the settings of JAX."""

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
    def bends(self) -> tuple[int, ...]:
        """Numbers, from 1, of the hidden layers whose derivative depends on the sample."""
        return () if self.activation == "identity" else tuple(range(1, len(self.layers)))

    @property
    def head(self) -> tuple[str, int]:
        """Weights up to the first bend: there the derivative is the same for all samples."""
        first = self.bends[0] if self.bends else len(self.layers)
        return "c0" if self.bends else "P", sum(self.layers[:first])

    @property
    def tail(self) -> tuple[str, int]:
        """Weights after the last bend: no derivative in the inputs needs what comes out of them."""
        last = self.bends[-1] if self.bends else 0
        return "cL" if self.bends else "P", sum(self.layers[last:])

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
            "h1": self._bent(self.bends[:1]),
            "h": self._bent(self.bends[-1:]),
            "K": sum(w for w, k in zip(self.widths[1:-1], linear, strict=False) if k),
            "U": sum(self.widths[1:-1]),
            "L": len(layers),
            "N": self.batch,
        }

    def _bent(self, layers: tuple[int, ...]) -> int:
        linear = self.passthrough or (0,) * (len(self.widths) - 2)
        return sum(self.widths[i] - linear[i - 1] for i in layers)


@dataclasses.dataclass
class Costs:
    """Three sums in the making."""

    dots: Sum
    rest: Sum
    transcendentals: Sum
    symbols: dict[str, int]

    @classmethod
    def of(cls, shape: Shape) -> Costs:
        """Empty sums for a network and a batch."""
        return cls(Sum(shape.batch), Sum(shape.batch), Sum(shape.batch), shape.symbols)

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


def formula(
    net: MLP | Sequence[int],
    *,
    wrt: Wrt = "inputs",
    want: Want = "jacobian",
    method: Method | None = None,
    batch: int = 1,
    activation: str = "tanh",
    biases: bool = True,
    value: bool = True,
    dtype: Any = None,
) -> Formula:
    """What a derivative of a network costs, in closed form.

    `batch` samples are mapped by `jax.vmap`; what does not depend on the sample is computed once,
    such as the first product of the identity with a layer. Losses are sums of squared errors.
    "forward" and "reverse" are JAX's own modes, "structured" and "planned" multiply the layers'
    matrices, "differences" are one-sided, "central" are central ones, of both without what finds
    the steps. For "gram" (J J^T over all pairs of samples), "gram_diagonal" (the diagonal of
    J^T J) and "gradient_norms" (one norm per sample), "reverse" forms the Jacobian or the
    gradients, "structured" does not.

    Where a hidden layer is linear throughout, by `passthrough`, JAX drops or shares what follows
    from it, and may do less than the formula.

    Args:
        net: A network, or its widths from the inputs to the outputs.
        wrt: Derivative in the "inputs" or in the "weights" (and biases, if there are any).
        want: "value", "gradient" of the loss, "jvp", "vjp", "jacobian", "hvp", "gram",
            "gram_diagonal" or "gradient_norms".
        method: How; by default "reverse" for Jacobians, "structured" for what is made of them.
            All else is done in one way.
        batch: Number N of samples.
        activation: Name of the activation; for widths alone.
        biases: Whether the layers have biases; for widths alone.
        value: Whether the value of the function is wanted too. Without it the last product of the
            forward pass drops out: `jax.jacfwd` drops it, `jax.value_and_grad` needs it.
        dtype: For widths alone; elementwise costs of gelu depend on it.

    Raises:
        ValueError: If a name is unknown, a method is not for this derivative, or the sizes are no
            positive integers.

    Example:
        >>> formula([16, 32, 24, 8], wrt="weights", want="gradient")
        Formula(6P - 2 c0 = 7,808 dot FLOPs, 8,... FLOPs)
        >>> formula([16, 32, 24, 8], method="reverse").text
        '2P(1 + m)'
    """
    from approxlab.derivatives.counts import _input_formulas, _weight_formulas

    shape = shape_of(net, activation, biases, batch, dtype)
    check_question(wrt, want, method)
    chosen = method or METHODS.get((wrt, want), ("",))[0]
    write = _input_formulas.write if wrt == "inputs" else _weight_formulas.write
    costs = Costs.of(shape)
    write(costs, shape, want, chosen, value)
    return costs.formula()


def shape_of(
    net: Any, activation: str = "tanh", biases: bool = True, batch: int = 1, dtype: Any = None
) -> Shape:
    """All that the costs of a network depend on."""
    check_positive(batch=batch)
    if isinstance(net, MLP):
        linear = net.passthrough if any(net.passthrough) else ()
        return Shape(net.sizes, net.activation, linear, True, batch, str(net.dtype))
    if isinstance(net, str) or not hasattr(net, "__len__") or len(net) < 2:
        raise ValueError(
            f"net: got {net!r}, expected an MLP or its widths from the inputs to the outputs, such "
            "as (2, 64, 64, 1)."
        )
    for width in net:
        check_positive(net=width)
    activation_named(activation)
    widths = tuple(int(width) for width in net)
    return Shape(widths, activation, (), biases, batch, str(float_dtype(dtype)))


def check_question(wrt: Any, want: Any, method: Any) -> None:
    """The names of what is asked for."""
    for name, given, known in (("wrt", wrt, get_args(Wrt)), ("want", want, get_args(Want))):
        if given not in known:
            raise ValueError(f"{name}: got {given!r}, expected one of {', '.join(known)}.")
    if wrt == "inputs" and want in ("gram", "gram_diagonal", "gradient_norms"):
        raise ValueError(f"want: got {want!r} with wrt='inputs', expected wrt='weights' for it.")
    allowed = METHODS.get((wrt, want), ())
    if method is not None and method not in allowed:
        raise ValueError(
            f"method: got {method!r} for want={want!r} with wrt={wrt!r}, expected "
            f"{'one of ' + ', '.join(allowed) if allowed else 'None: there is one way'}."
        )
