"""Costs of a network's derivatives in its weights, and of products and norms made from them."""

from __future__ import annotations

from approxlab.derivatives.counts.unit_costs import Cost, UnitCosts, unit_costs
from approxlab.derivatives.formulas._input_formulas import add_loss, add_units, add_value
from approxlab.derivatives.formulas._terms import Architecture, CostSums

__all__ = ["FROM_JACOBIANS", "write"]


def write(costs: CostSums, net: Architecture, want: str, method: str, value: bool) -> None:
    """Adds all terms of one question."""
    units = unit_costs(net.activation, net.dtype)
    if want in ("gram", "gram_diagonal", "gradient_norms"):
        FROM_JACOBIANS[want, method](costs, net, units, value)
        return
    if want == "jacobian":
        (_reverse if method == "reverse" else _forward)(costs, net, units, value)
        return
    add_value(costs, net, units, value or want in ("value", "gradient", "hvp"))
    {
        "value": lambda *_: None,
        "jvp": _jvp,
        "vjp": _vjp,
        "gradient": _gradient,
        "hvp": _hvp,
    }[want](costs, net, units)


def _jvp(costs: CostSums, net: Architecture, units: UnitCosts) -> None:
    """In every layer dW a, W da and db; the first one has no da."""
    s = net.symbols
    costs.dots.add(4, "P", s["P"]).add(-2, "c0", s["c0"])
    add_units(costs, net, units.shared_forward, units.tangent, "", 1)
    costs.rest.add(1 + int(net.biases), "B", s["B"]).add(-1, "n1", s["n1"])


def _vjp(costs: CostSums, net: Architecture, units: UnitCosts) -> None:
    """In every layer delta a^T, and delta W except in the first."""
    s = net.symbols
    costs.dots.add(4, "P", s["P"]).add(-2, "c0", s["c0"])
    add_units(costs, net, units.shared_reverse, units.cotangent, "", 1)
    costs.rest.add(1, "K", s["K"])
    _add_bias_sums(costs, net, 1)


def _gradient(costs: CostSums, net: Architecture, units: UnitCosts) -> None:
    _vjp(costs, net, units)
    add_loss(costs, net, 1, value=True)


def _hvp(costs: CostSums, net: Architecture, units: UnitCosts) -> None:
    """Forward over reverse, gradient included: the products of both sweeps by the Leibniz rule."""
    s, b = net.symbols, int(net.biases)
    costs.dots.add(16, "P", s["P"]).add(-10, "c0", s["c0"])
    add_units(costs, net, units.second - units.value, Cost(), "", 0)
    costs.rest.add(1 + b, "B", s["B"]).add(-1, "n1", s["n1"])  # tangents of the values
    costs.rest.add(1, "U", s["U"]).add(2, "K", s["K"])  # W delta' + W' delta
    costs.rest.add(1, "P", s["P"], once=True).add(-1, "c0", s["c0"], once=True)  # of the weights
    _add_bias_sums(costs, net, 2)
    add_loss(costs, net, 2, value=False)


def _add_bias_sums(costs: CostSums, net: Architecture, sweeps: int) -> None:
    """Cotangents of biases, summed over the samples."""
    if net.biases and net.batch > 1:
        b = net.symbols["B"]
        costs.rest.add(sweeps, "B", b).add(-sweeps, "B", b, once=True)


# Jacobians


def _reverse(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """M pullbacks; the identity times the last layer is shared by all samples."""
    s = net.symbols
    m = s["m"]
    add_value(costs, net, units, value)
    costs.dots.add(1, "m(4P - 2 c0)", m * (4 * s["P"] - 2 * s["c0"]))
    name, tail = net.tail
    if net.batch > 1:
        shared = m * (tail if net.nonlinear_layers else tail - s["c0"])
        costs.dots.add(-2, f"m {name}", shared).add(2, f"m {name}", shared, once=True)
        costs.rest.add(-units.lone_cotangent.flops, "m h", m * s["h"])
        costs.rest.add(units.lone_cotangent.flops, "m h", m * s["h"], once=True)
    add_units(costs, net, units.shared_reverse, units.cotangent, "m", m)
    costs.rest.add(1, "m K", m * s["K"]).add(2, "m^2", m * m, once=True)


def _forward(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """A pushforward for every weight and bias, p of them."""
    s, b = net.symbols, int(net.biases)
    p = s["P"] + b * s["B"]
    name = "(P + B)" if b else "P"
    add_value(costs, net, units, value)
    costs.dots.add(1, f"{name}(4P - 2 c0)", p * (4 * s["P"] - 2 * s["c0"]))
    add_units(costs, net, units.shared_forward, units.tangent, name, p)
    costs.rest.add(1 + b, f"{name}B", p * s["B"]).add(-1, f"{name}n1", p * s["n1"])
    costs.rest.add(2, f"{name}^2", p * p, once=True)


# Products and norms made from Jacobians


def _factors(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """a_l, s'(z_l) and B_l = df/dz_l, where W_L enters as it is: m n_l numbers a layer."""
    s = net.symbols
    add_value(costs, net, units, value)
    add_units(costs, net, units.slope, Cost(), "", 0)
    if s["L"] > 1:
        m, inner = s["m"], s["P"] - s["c0"] - s["cL"]
        costs.dots.add(2, "m(P - c0 - cL)", m * inner)
        costs.rest.add(1 if net.nonlinear_layers else 0, "m U", m * s["U"])


def _gram(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """For every layer (a . a' + 1) B B'^T; B_L is the identity."""
    s = net.symbols
    n2, m2, ins = s["N"] ** 2, s["m"] ** 2, sum(net.widths[:-1])
    _factors(costs, net, units, value)
    costs.dots.add(2, "N^2 (n0 + ... + n{L-1})", n2 * ins, once=True)
    costs.dots.add(2, "N^2 m^2 U", n2 * m2 * s["U"], once=True)
    costs.rest.add(2 * s["L"] - 1, "N^2 m^2", n2 * m2, once=True)
    costs.rest.add(s["L"] * int(net.biases), "N^2", n2, once=True)
    costs.rest.add(2, "m^2", m2, once=True)


def _dense_gram(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """The Jacobian by reverse mode, then its product with its transpose, leaf by leaf."""
    s, b = net.symbols, int(net.biases)
    n2, m2 = s["N"] ** 2, s["m"] ** 2
    _reverse(costs, net, units, value)
    costs.dots.add(2, "N^2 m^2 P", n2 * m2 * s["P"], once=True)
    costs.dots.add(2 * b, "N^2 m^2 B", n2 * m2 * s["B"], once=True)
    costs.rest.add((1 + b) * s["L"] - 1, "N^2 m^2", n2 * m2, once=True)


def _gram_diagonal(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """For every layer the squares of B summed over outputs, times the squares of a."""
    s, b = net.symbols, int(net.biases)
    m, last = s["m"], net.widths[-2]
    _factors(costs, net, units, value)
    costs.dots.add(2, "P", s["P"]).add(-2, "cL", s["cL"])
    costs.rest.add(1, "(n0 + ... + n{L-1})", sum(net.widths[:-1]))
    costs.rest.add(1, "n{L-1}", last).add(-1, "n{L-1}", last, once=True)
    costs.rest.add(1, "(2m - 1)U", (2 * m - 1) * s["U"])
    costs.rest.add(b, "U", s["U"]).add(-b, "U", s["U"], once=True)


def _dense_gram_diagonal(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """The Jacobian by reverse mode, its squares summed over samples and outputs."""
    s, b = net.symbols, int(net.biases)
    p, name = s["P"] + b * s["B"], "(P + B)" if b else "P"
    _reverse(costs, net, units, value)
    costs.rest.add(2, f"m {name}", s["m"] * p).add(-1, name, p, once=True)


def _norms(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """One forward and one backward sweep; for every layer the norms of delta and a."""
    s, b = net.symbols, int(net.biases)
    _factors_of_gradients(costs, net, units)
    ins = sum(net.widths[:-1])
    costs.rest.add(2, "(n0 + ... + n{L-1})", ins).add(2, "B", s["B"])
    costs.rest.add((1 + b) - 1, "L", s["L"]).add(-1, "", 1)
    costs.transcendentals.add(1, "", 1)


def _factors_of_gradients(costs: CostSums, net: Architecture, units: UnitCosts) -> None:
    s = net.symbols
    add_value(costs, net, units, True)
    costs.dots.add(2, "P", s["P"]).add(-2, "c0", s["c0"])
    add_units(costs, net, units.slope, Cost(), "", 0)
    costs.rest.add(1 if net.nonlinear_layers else 0, "U", s["U"])  # times s', unless that is 1
    add_loss(costs, net, 1, value=False)


def _dense_norms(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """The gradient of every sample, its squares summed."""
    s, b = net.symbols, int(net.biases)
    p, name = s["P"] + b * s["B"], "(P + B)" if b else "P"
    add_value(costs, net, units, True)
    costs.dots.add(4, "P", s["P"]).add(-2, "c0", s["c0"])
    add_units(costs, net, units.shared_reverse, units.cotangent, "", 1)
    costs.rest.add(1, "K", s["K"])
    add_loss(costs, net, 1, value=False)
    costs.rest.add(2, name, p).add(-1, "", 1)
    costs.transcendentals.add(1, "", 1)


FROM_JACOBIANS = {
    ("gram", "structured"): _gram,
    ("gram", "reverse"): _dense_gram,
    ("gram_diagonal", "structured"): _gram_diagonal,
    ("gram_diagonal", "reverse"): _dense_gram_diagonal,
    ("gradient_norms", "structured"): _norms,
    ("gradient_norms", "reverse"): _dense_norms,
}
"""The terms of every method of a product or norm made from Jacobians in the weights."""
