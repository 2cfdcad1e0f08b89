"""Closed formulas for what a network's derivatives cost, in its widths, exact to the unit.

A network of widths n = n_0, ..., n_L = m has P = sum n_l n_{l-1} weights, c0 = n_0 n_1 of them in
the first layer and cL = n_{L-1} n_L in the last, B = sum n_l biases, H nonlinear hidden units; N is
the number of samples. One multiply-add is 2 FLOPs. `dot_flops` are those of matrix products; an
outer product of p and q numbers counts 2 p q, as XLA counts it, although it sums nothing. `flops`
are all, by XLA's convention; transcendentals are counted separately. `MEANINGS` in `_terms`
explains the other letters.

| | dot FLOPs, one sample, value of the function included |
|---|---|
| value | 2P |
| gradient of a scalar loss in the weights; a weight JVP or VJP | 6P - 2 c0 |
| JVP or VJP in the inputs | 4P |
| Jacobian in the inputs, forward, or by one-sided differences | 2P (1 + n) |
| Jacobian in the inputs, reverse | 2P (1 + m) |
| Jacobian in the inputs, structured | the lesser of 2P + 2n (P - c0) and 2P + 2m (P - cL) |
| Jacobian in the weights, reverse | 2P + m (4P - 2 c0) |
| Hessian-vector product in the weights, forward over reverse | 18P - 10 c0 |

So a gradient costs 3 - c0/P evaluations of the function: 2 for one layer, 3 - 1/L for L layers of
equal width, never 3. Central differences cost 4P n, without the value, which they do not need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from approxlab.arguments import check_positive
from approxlab.derivatives._methods import DEFAULTS, JacobianScheme, Method, Want, Wrt, with_formula
from approxlab.derivatives.formulas import _input_formulas, _weight_formulas
from approxlab.derivatives.formulas._terms import Architecture, CostSums, Formula
from approxlab.networks.activations import activation as activation_named
from approxlab.networks.mlp import MLP, float_dtype

__all__ = ["architecture_of", "check_question", "formula"]


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
    scheme: JacobianScheme = "forward",
    dtype: Any = None,
) -> Formula:
    """What a derivative of a network costs, in closed form.

    `batch` samples are mapped by `jax.vmap`; what does not depend on the sample is computed once,
    such as the first product of the identity with a layer. Losses are sums of squared errors.
    "forward" and "reverse" are JAX's own modes, "structured" and "planned" multiply the layers'
    matrices, "differences" are counted without the choice of their steps. For "gram" (J J^T over
    all pairs of samples), "gram_diagonal" (the diagonal of J^T J) and "gradient_norms" (one norm
    per sample), "reverse" forms the Jacobian or the gradients, "structured" does not.

    Where a hidden layer is linear throughout, by `passthrough`, JAX drops or shares what follows
    from it, and may do less than the formula.

    Args:
        net: A network, or its widths from the inputs to the outputs.
        wrt: Derivative in the "inputs" or in the "weights" (and biases, if there are any).
        want: "value", "gradient" of the loss, "jvp", "vjp", "jacobian", "hvp", "gram",
            "gram_diagonal" or "gradient_norms".
        method: By default "reverse" for Jacobians, and "structured" for "gram", "gram_diagonal" and
            "gradient_norms". There is one way for all others.
        batch: Number N of samples.
        activation: Name of the activation; for widths alone.
        biases: Whether the layers have biases; for widths alone.
        value: Whether the value of the function is wanted too. Without it the last product of the
            forward pass drops out: `jax.jacfwd` drops it, `jax.value_and_grad` needs it.
        scheme: For "differences": "forward", "backward" or "central".
        dtype: For widths alone; elementwise costs of gelu depend on it.

    Raises:
        ValueError: If a name is unknown, a method is not for this derivative, or the sizes are not
            positive integers.

    Example:
        >>> formula([16, 32, 24, 8], wrt="weights", want="gradient")
        Formula(6P - 2 c0 = 7,808 dot FLOPs, 8,... FLOPs)
        >>> formula([16, 32, 24, 8], method="reverse").text
        '2P(1 + m)'
    """
    structure = architecture_of(net, activation, biases, batch, dtype)
    check_question(wrt, want, method, scheme)
    chosen = method or DEFAULTS.get((wrt, want)) or ""
    costs = CostSums.of(structure)
    if wrt == "inputs":
        _input_formulas.write(costs, structure, want, chosen, scheme, value)
    else:
        _weight_formulas.write(costs, structure, want, chosen, value)
    return costs.formula()


def architecture_of(
    net: Any, activation: str = "tanh", biases: bool = True, batch: int = 1, dtype: Any = None
) -> Architecture:
    """All that the costs of a network depend on."""
    check_positive(batch=batch)
    if isinstance(net, MLP):
        linear = net.passthrough if any(net.passthrough) else ()
        return Architecture(net.sizes, net.activation, linear, True, batch, str(net.dtype))
    if isinstance(net, str) or not hasattr(net, "__len__") or len(net) < 2:
        raise ValueError(
            f"net: got {net!r}, expected an MLP or its widths from the inputs to the outputs, such "
            "as (2, 64, 64, 1)."
        )
    for width in net:
        check_positive(net=width)
    activation_named(activation)
    widths = tuple(int(width) for width in net)
    return Architecture(widths, activation, (), biases, batch, str(float_dtype(dtype)))


def check_question(wrt: Any, want: Any, method: Any, scheme: Any = "forward") -> None:
    """The names in a question, and that the method is one for this derivative."""
    for name, given, known in (
        ("wrt", wrt, get_args(Wrt)),
        ("want", want, get_args(Want)),
        ("scheme", scheme, get_args(JacobianScheme)),
    ):
        if given not in known:
            raise ValueError(f"{name}: got {given!r}, expected one of {', '.join(known)}.")
    if wrt == "inputs" and want in ("gram", "gram_diagonal", "gradient_norms"):
        raise ValueError(f"want: got {want!r} with wrt='inputs', expected wrt='weights' for it.")
    allowed = with_formula(wrt, want)
    if method is not None and method not in allowed:
        raise ValueError(
            f"method: got {method!r} for want={want!r} with wrt={wrt!r}, expected "
            f"{'one of ' + ', '.join(allowed) if allowed else 'None: there is one way'}."
        )
    if scheme != "forward" and method != "differences":
        raise ValueError(
            f"scheme: got {scheme!r} with method={method!r}, expected 'forward', which is the "
            "default: it belongs to method='differences'."
        )
