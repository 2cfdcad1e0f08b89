"""Costs of the value of a network and of its derivatives in the inputs, layer by layer."""

from __future__ import annotations

from approxlab.derivatives.counts.unit_costs import Cost, UnitCosts, unit_costs
from approxlab.derivatives.formulas._sums import times
from approxlab.derivatives.formulas._terms import Architecture, CostSums
from approxlab.derivatives.planner.plans import Node, Plan, plan_network, structured_plan

__all__ = ["JACOBIANS", "add_loss", "add_spared", "add_units", "add_value", "write"]


def write(
    costs: CostSums, net: Architecture, want: str, method: str, scheme: str, value: bool
) -> None:
    """Adds all terms of one question."""
    units = unit_costs(net.activation, net.dtype)
    if want == "jacobian":
        central = (method, scheme) == ("differences", "central")
        (_central_differences if central else JACOBIANS[method])(costs, net, units, value)
        return
    s = net.symbols
    kept = value or want in ("value", "gradient", "hvp")
    add_value(costs, net, units, True)
    if not kept:
        _drop_value(costs, net)
        add_spared(costs, net, units.spared_forward if want == "jvp" else units.spared_reverse)
    if want in ("jvp", "vjp", "gradient"):
        costs.dots.add(2, "P", s["P"])
    if want == "jvp":
        add_units(costs, net, units.shared_forward, units.tangent, "", 1)
    elif want in ("vjp", "gradient"):
        add_units(costs, net, units.shared_reverse, units.cotangent, "", 1)
        costs.rest.add(1, "K", s["K"])
    if want == "gradient":
        add_loss(costs, net, 1, value=True)
    if want == "hvp":  # tangents of both sweeps
        costs.dots.add(6, "P", s["P"])
        add_units(costs, net, units.second - units.value, Cost(), "", 0)
        costs.rest.add(2, "K", s["K"])
        add_loss(costs, net, 2, value=False)


def add_value(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    """The forward pass; without the value its last product and bias drop out."""
    s = net.symbols
    costs.dots.add(2, "P", s["P"])
    if net.biases:
        costs.rest.add(1, "B", s["B"])
    if not value:
        costs.dots.add(-2, "cL", s["cL"])
        costs.rest.add(-int(net.biases), "m", s["m"])
    add_units(costs, net, units.value, Cost(), "", 0)


def add_units(
    costs: CostSums, net: Architecture, shared: Cost, per: Cost, variable: str, times_: int
) -> None:
    """Elementwise work at the hidden units: a shared part, and a part per tangent or cotangent."""
    h = net.symbols["H"]
    for sum_, a, b in (
        (costs.rest, per.flops, shared.flops),
        (costs.transcendentals, per.transcendentals, shared.transcendentals),
    ):
        if a and variable:
            sum_.add(1, f"{times(a, variable, b)}H", (a * times_ + b) * h)
        else:
            sum_.add(a * times_ + b, "H", h)


def add_spared(costs: CostSums, net: Architecture, spared: Cost) -> None:
    """The last hidden layer's values, where only derivatives that do not need them are wanted."""
    h = net.symbols["h"]
    costs.rest.add(-spared.flops, "h", h)
    costs.transcendentals.add(-spared.transcendentals, "h", h)


def add_loss(costs: CostSums, net: Architecture, orders: int, *, value: bool) -> None:
    """Sum of (f - y)^2: errors, twice the errors (and tangents), squares if the value is wanted."""
    m = net.symbols["m"]
    costs.rest.add(1 + orders, "m", m)
    if value:
        costs.rest.add(2, "m", m).add(-1, "", 1, once=True)


# Jacobians


def _forward(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    s = net.symbols
    n = s["n"]
    if net.batch == 1:
        costs.dots.add(2, "P(1 + n)", s["P"] * (1 + n))
    else:  # the first layer times the identity is the same for all samples
        name, head = net.head
        costs.dots.add(2, "P", s["P"]).add(2, f"n(P - {name})", n * (s["P"] - head))
        costs.dots.add(2, f"n {name}", n * head, once=True)
        _share(costs, units.lone_tangent, "n h1", n * s["h1"])
    _without_value(costs, net, value)
    if not value:
        add_spared(costs, net, units.spared_forward)
    both = _plus(units.value, units.shared_forward)
    add_units(costs, net, both, units.tangent, "n", n)
    costs.rest.add(2, "n^2", n * n, once=True)


def _reverse(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    s = net.symbols
    m = s["m"]
    if net.batch == 1:
        costs.dots.add(2, "P(1 + m)", s["P"] * (1 + m))
    else:  # the identity times the last layer is the same for all samples
        name, tail = net.tail
        costs.dots.add(2, "P", s["P"]).add(2, f"m(P - {name})", m * (s["P"] - tail))
        costs.dots.add(2, f"m {name}", m * tail, once=True)
        _share(costs, units.lone_cotangent, "m h", m * s["h"])
    _without_value(costs, net, value)
    if not value:
        add_spared(costs, net, units.spared_reverse)
    both = _plus(units.value, units.shared_reverse)
    add_units(costs, net, both, units.cotangent, "m", m)
    costs.rest.add(1, "m K", m * s["K"]).add(2, "m^2", m * m, once=True)


def _chained(costs: CostSums, net: Architecture, units: UnitCosts, value: bool, plan: Plan) -> None:
    """A plan of the layers' matrices: the smaller one of two factors is scaled by s'."""
    s, same = (
        net.symbols,
        not net.nonlinear_layers,
    )  # of an affine network all samples share the products
    costs.dots.add(2, "P", s["P"])
    if plan.kind == "forward":
        costs.dots.add(2, "n(P - c0)", s["n"] * (s["P"] - s["c0"]), once=same)
    elif plan.kind == "reverse":
        costs.dots.add(2, "m(P - cL)", s["m"] * (s["P"] - s["cL"]), once=same)
    else:
        costs.dots.add(1, plan.text, plan.product_flops, once=same)
    _without_value(costs, net, value)
    if not value:
        add_spared(costs, net, units.spared_slope)
    add_units(costs, net, _plus(units.value, units.slope), Cost(), "", 0)
    costs.symbols["S"] = 0 if same else _scaled(plan.tree, plan.widths)
    costs.rest.add(1, "S", costs.symbols["S"])


def _structured(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    _chained(costs, net, units, value, structured_plan(net.widths, dtype=net.dtype))


def _planned(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    _chained(costs, net, units, value, plan_network(net.widths, dtype=net.dtype))


def _differences(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    n, m = net.widths[0], net.widths[-1]
    _add_values(costs, net, units, 1 + n, "(1 + n)")
    costs.rest.add(2, "n m", n * m)


def _central_differences(costs: CostSums, net: Architecture, units: UnitCosts, value: bool) -> None:
    n, m = net.widths[0], net.widths[-1]
    if value:
        _add_values(costs, net, units, 1, "")
    _add_values(costs, net, units, n, " n", 2)
    costs.rest.add(2, "n m", n * m)


def _add_values(
    costs: CostSums, net: Architecture, units: UnitCosts, points: int, name: str, times_: int = 1
) -> None:
    """The value at so many points, so many times."""
    s = net.symbols
    costs.dots.add(2 * times_, f"P{name}", s["P"] * points)
    costs.rest.add(int(net.biases) * times_, f"B{name}", s["B"] * points)
    costs.rest.add(units.value.flops * times_, f"H{name}", s["H"] * points)
    costs.transcendentals.add(units.value.transcendentals * times_, f"H{name}", s["H"] * points)


JACOBIANS = {
    "forward": _forward,
    "reverse": _reverse,
    "structured": _structured,
    "planned": _planned,
    "differences": _differences,
}
"""The terms of every method with a formula for the Jacobian in the inputs."""


def _without_value(costs: CostSums, net: Architecture, value: bool) -> None:
    """Biases of the forward pass, and the part that drops out if the value is not wanted."""
    costs.rest.add(int(net.biases), "B", net.symbols["B"])
    if not value:
        _drop_value(costs, net)


def _drop_value(costs: CostSums, net: Architecture) -> None:
    """The forward pass after the last nonlinearity, which no derivative in the inputs needs."""
    costs.dots.add(-2, *net.tail)
    last = "m" if net.nonlinear_layers else "B"
    costs.rest.add(-int(net.biases), last, net.symbols[last])


def _share(costs: CostSums, lone: Cost, symbol: str, size: int) -> None:
    """Work that all samples share instead of doing it each."""
    costs.rest.add(-lone.flops, symbol, size).add(lone.flops, symbol, size, once=True)


def _plus(a: Cost, b: Cost) -> Cost:
    return Cost(a.flops + b.flops, a.transcendentals + b.transcendentals)


def _scaled(node: Node, widths: tuple[int, ...]) -> int:
    """Numbers that a plan scales: the smaller operand of every product."""
    if node.first == node.last:
        return 0
    middle = node.right.last if node.right else node.first
    left = widths[node.last] * widths[middle]
    right = widths[middle] * widths[node.first - 1]
    inner = sum(_scaled(part, widths) for part in (node.left, node.right) if part is not None)
    return inner + min(left, right)
