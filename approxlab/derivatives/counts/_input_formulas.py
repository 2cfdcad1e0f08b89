"""Costs of the value of a network and of its derivatives in the inputs, layer by layer."""

from __future__ import annotations

from typing import Any

from approxlab.derivatives.counts._sums import times
from approxlab.derivatives.counts._unit_costs import Cost, UnitCosts, unit_costs
from approxlab.derivatives.counts.formulas import Costs, Shape

__all__ = ["add_loss", "add_spared", "add_units", "add_value", "write"]


def write(costs: Costs, shape: Shape, want: str, method: str, value: bool) -> None:
    """Adds all terms of one question."""
    units = unit_costs(shape.activation, shape.dtype)
    if want == "jacobian":
        _JACOBIANS[method](costs, shape, units, value)
        return
    s = shape.symbols
    kept = value or want in ("value", "gradient", "hvp")
    add_value(costs, shape, units, True)
    if not kept:
        _drop_value(costs, shape)
        add_spared(costs, shape, units.spared_forward if want == "jvp" else units.spared_reverse)
    if want in ("jvp", "vjp", "gradient"):
        costs.dots.add(2, "P", s["P"])
    if want == "jvp":
        add_units(costs, shape, units.shared_forward, units.tangent, "", 1)
    elif want in ("vjp", "gradient"):
        add_units(costs, shape, units.shared_reverse, units.cotangent, "", 1)
        costs.rest.add(1, "K", s["K"])
    if want == "gradient":
        add_loss(costs, shape, 1, value=True)
    if want == "hvp":  # tangents of both sweeps
        costs.dots.add(6, "P", s["P"])
        add_units(costs, shape, units.second - units.value, Cost(), "", 0)
        costs.rest.add(2, "K", s["K"])
        add_loss(costs, shape, 2, value=False)


def add_value(costs: Costs, shape: Shape, units: UnitCosts, value: bool) -> None:
    """The forward pass; without the value its last product and bias drop out."""
    s = shape.symbols
    costs.dots.add(2, "P", s["P"])
    if shape.biases:
        costs.rest.add(1, "B", s["B"])
    if not value:
        costs.dots.add(-2, "cL", s["cL"])
        costs.rest.add(-int(shape.biases), "m", s["m"])
    add_units(costs, shape, units.value, Cost(), "", 0)


def add_units(
    costs: Costs, shape: Shape, shared: Cost, per: Cost, variable: str, times_: int
) -> None:
    """Elementwise work at the hidden units: shared, and so much per tangent or cotangent."""
    h = shape.symbols["H"]
    for sum_, a, b in (
        (costs.rest, per.flops, shared.flops),
        (costs.transcendentals, per.transcendentals, shared.transcendentals),
    ):
        if a and variable:
            sum_.add(1, f"{times(a, variable, b)}H", (a * times_ + b) * h)
        else:
            sum_.add(a * times_ + b, "H", h)


def add_spared(costs: Costs, shape: Shape, spared: Cost) -> None:
    """The last hidden layer's values, where only derivatives are wanted and these do without."""
    h = shape.symbols["h"]
    costs.rest.add(-spared.flops, "h", h)
    costs.transcendentals.add(-spared.transcendentals, "h", h)


def add_loss(costs: Costs, shape: Shape, orders: int, *, value: bool) -> None:
    """Sum of (f - y)^2: differences, their double (and its tangents), squares if it is wanted."""
    m = shape.symbols["m"]
    costs.rest.add(1 + orders, "m", m)
    if value:
        costs.rest.add(2, "m", m).add(-1, "", 1, once=True)


# Jacobians


def _forward(costs: Costs, shape: Shape, units: UnitCosts, value: bool) -> None:
    s = shape.symbols
    n = s["n"]
    if shape.batch == 1:
        costs.dots.add(2, "P(1 + n)", s["P"] * (1 + n))
    else:  # the first layer times the identity is the same for all samples
        name, head = shape.head
        costs.dots.add(2, "P", s["P"]).add(2, f"n(P - {name})", n * (s["P"] - head))
        costs.dots.add(2, f"n {name}", n * head, once=True)
        _share(costs, units.lone_tangent, "n h1", n * s["h1"])
    _without_value(costs, shape, value)
    if not value:
        add_spared(costs, shape, units.spared_forward)
    both = _plus(units.value, units.shared_forward)
    add_units(costs, shape, both, units.tangent, "n", n)
    costs.rest.add(2, "n^2", n * n, once=True)


def _reverse(costs: Costs, shape: Shape, units: UnitCosts, value: bool) -> None:
    s = shape.symbols
    m = s["m"]
    if shape.batch == 1:
        costs.dots.add(2, "P(1 + m)", s["P"] * (1 + m))
    else:  # the identity times the last layer is the same for all samples
        name, tail = shape.tail
        costs.dots.add(2, "P", s["P"]).add(2, f"m(P - {name})", m * (s["P"] - tail))
        costs.dots.add(2, f"m {name}", m * tail, once=True)
        _share(costs, units.lone_cotangent, "m h", m * s["h"])
    _without_value(costs, shape, value)
    if not value:
        add_spared(costs, shape, units.spared_reverse)
    both = _plus(units.value, units.shared_reverse)
    add_units(costs, shape, both, units.cotangent, "m", m)
    costs.rest.add(1, "m K", m * s["K"]).add(2, "m^2", m * m, once=True)


def _chained(costs: Costs, shape: Shape, units: UnitCosts, value: bool, plan: Any) -> None:
    """A plan of the layers' matrices: of two factors the smaller one is scaled by s'."""
    s, same = shape.symbols, not shape.bends  # of an affine network all samples share the products
    costs.dots.add(2, "P", s["P"])
    if plan.kind == "forward":
        costs.dots.add(2, "n(P - c0)", s["n"] * (s["P"] - s["c0"]), once=same)
    elif plan.kind == "reverse":
        costs.dots.add(2, "m(P - cL)", s["m"] * (s["P"] - s["cL"]), once=same)
    else:
        costs.dots.add(1, plan.text, plan.product_flops, once=same)
    _without_value(costs, shape, value)
    if not value:
        add_spared(costs, shape, units.spared_slope)
    add_units(costs, shape, _plus(units.value, units.slope), Cost(), "", 0)
    costs.symbols["S"] = 0 if same else _scaled(plan.tree, plan.widths)
    costs.rest.add(1, "S", costs.symbols["S"])


def _structured(costs: Costs, shape: Shape, units: UnitCosts, value: bool) -> None:
    from approxlab.derivatives.planner.plans import structured_plan

    _chained(costs, shape, units, value, structured_plan(shape.widths, dtype=shape.dtype))


def _planned(costs: Costs, shape: Shape, units: UnitCosts, value: bool) -> None:
    from approxlab.derivatives.planner.plans import plan_network

    _chained(costs, shape, units, value, plan_network(shape.widths, dtype=shape.dtype))


def _differences(costs: Costs, shape: Shape, units: UnitCosts, value: bool) -> None:
    n, m = shape.widths[0], shape.widths[-1]
    _add_values(costs, shape, units, 1 + n, "(1 + n)")
    costs.rest.add(2, "n m", n * m)


def _central(costs: Costs, shape: Shape, units: UnitCosts, value: bool) -> None:
    n, m = shape.widths[0], shape.widths[-1]
    if value:
        _add_values(costs, shape, units, 1, "")
    _add_values(costs, shape, units, n, " n", 2)
    costs.rest.add(2, "n m", n * m)


def _add_values(
    costs: Costs, shape: Shape, units: UnitCosts, points: int, name: str, times_: int = 1
) -> None:
    """The value at so many points, so many times."""
    s = shape.symbols
    costs.dots.add(2 * times_, f"P{name}", s["P"] * points)
    costs.rest.add(int(shape.biases) * times_, f"B{name}", s["B"] * points)
    costs.rest.add(units.value.flops * times_, f"H{name}", s["H"] * points)
    costs.transcendentals.add(units.value.transcendentals * times_, f"H{name}", s["H"] * points)


_JACOBIANS = {
    "forward": _forward,
    "reverse": _reverse,
    "structured": _structured,
    "planned": _planned,
    "differences": _differences,
    "central": _central,
}


def _without_value(costs: Costs, shape: Shape, value: bool) -> None:
    """Biases of the forward pass; and of that, what nobody needs if the value is not wanted."""
    costs.rest.add(int(shape.biases), "B", shape.symbols["B"])
    if not value:
        _drop_value(costs, shape)


def _drop_value(costs: Costs, shape: Shape) -> None:
    """What of the forward pass no derivative in the inputs needs: all after the last bend."""
    costs.dots.add(-2, *shape.tail)
    last = "m" if shape.bends else "B"
    costs.rest.add(-int(shape.biases), last, shape.symbols[last])


def _share(costs: Costs, lone: Cost, symbol: str, size: int) -> None:
    """Work that all samples share instead of doing it each."""
    costs.rest.add(-lone.flops, symbol, size).add(lone.flops, symbol, size, once=True)


def _plus(a: Cost, b: Cost) -> Cost:
    return Cost(a.flops + b.flops, a.transcendentals + b.transcendentals)


def _scaled(node: Any, widths: tuple[int, ...]) -> int:
    """Numbers that a plan scales: the smaller operand of every product."""
    if node.first == node.last:
        return 0
    middle = node.right.last if node.right else node.first
    left = widths[node.last] * widths[middle]
    right = widths[middle] * widths[node.first - 1]
    inner = sum(_scaled(part, widths) for part in (node.left, node.right) if part is not None)
    return inner + min(left, right)
