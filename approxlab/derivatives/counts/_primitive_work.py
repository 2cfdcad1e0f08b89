"""The cost of one equation of a jaxpr, by XLA's convention.

The rules are those of XLA's own analysis of a program as JAX hands it over, before optimisation: a
dot costs 2 x output size x contracted size; arithmetic, comparisons, selections and conversions
cost 1 per element; transcendentals (exp, log, tanh, sin, sqrt, pow, erf, ...) are a count of their
own; moving data is free; a reduction applies its operation (input - output) times. A primitive that
JAX hands over as several operations costs their sum: `logistic` is 1 / (1 + exp(-x)), 3 FLOPs and
one transcendental. Factorisations, Fourier transforms and sorts have their standard counts
(`_library_calls`); what no rule is known for is not counted, and its numbers are nan.
"""

from __future__ import annotations

import math
from typing import Any

import jax
from jax.extend import core

from approxlab.derivatives.counts._library_calls import library_flops
from approxlab.derivatives.counts.inner_jaxprs import holds_a_jaxpr
from approxlab.derivatives.counts.jaxpr_constants import names
from approxlab.derivatives.counts.xla import analysis_of

__all__ = ["NOT_COUNTED", "Number", "operations", "weigh"]

Number = int | float
"""A number of operations; `NOT_COUNTED` if nothing tells it."""

NOT_COUNTED = math.nan
"""In the place of a number of operations that nothing tells."""
_NOTHING_TOLD = (NOT_COUNTED, NOT_COUNTED, NOT_COUNTED)

# Per element of the output: FLOPs 1.
_ARITHMETIC = names(
    "abs add add_any and bitcast_convert_type ceil clamp clz convert_element_type div eq eq_to "
    "floor ge gt imag is_finite le le_to lt lt_to max min mul ne neg not or population_count real "
    "reduce_precision rem round select_n shift_left shift_right_arithmetic shift_right_logical "
    "sign square sub xor"
)
# Per element of the output: (FLOPs, transcendentals).
_TRANSCENDENTAL = {
    **dict.fromkeys(
        names("atan atan2 cbrt cos erf exp expm1 log log1p pow rsqrt sin sqrt tan tanh"), (0, 1)
    ),
    "exp2": (1, 1),  # exp(x log 2)
    "logistic": (3, 1),  # 1 / (1 + exp(-x))
    "one_minus_square": (3, 0),  # (1 + x) (1 - x), the derivative of tanh in newer JAX
}
_FREE = names(
    "broadcast_in_dim concatenate copy copy_p create_token device_put dynamic_slice "
    "dynamic_update_slice empty empty2 expand_dims gather iota layout_constraint name "
    "optimization_barrier pad pbroadcast pvary random_unwrap random_wrap reshape rev "
    "sharding_constraint slice split squeeze stop_gradient tie_in transpose zeros_like"
)
_REDUCTIONS = names("reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_sum reduce_xor")


def weigh(variables: Any) -> tuple[int, int, int]:
    """Bytes of all, elements of the largest, bytes of the largest; literals and tokens count 0."""
    total = largest_size = largest_bytes = 0
    for v in variables:
        aval = v.aval
        if isinstance(v, core.Literal) or not hasattr(aval, "dtype"):
            continue
        size = math.prod(aval.shape)
        weight = size * aval.dtype.itemsize
        total += weight
        largest_size, largest_bytes = max(largest_size, size), max(largest_bytes, weight)
    return total, largest_size, largest_bytes


def operations(eqn: Any) -> tuple[Number, Number, Number, str | None]:
    """Dot FLOPs, FLOPs, transcendentals of an equation; what had to be assumed."""
    name = eqn.primitive.name
    size = math.prod(getattr(eqn.outvars[0].aval, "shape", ())) if eqn.outvars else 0
    if name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        shape = eqn.invars[0].aval.shape
        flops = 2 * size * math.prod(int(shape[i]) for i in contracted)
        return flops, flops, 0, None
    if name in _FREE:
        return 0, 0, 0, None
    if name in _ARITHMETIC:
        return 0, size, 0, None
    if name in _TRANSCENDENTAL:
        flops, transcendentals = _TRANSCENDENTAL[name]
        return 0, flops * size, transcendentals * size, None
    if name == "integer_pow":
        return 0, _multiplications(eqn.params["y"]) * size, 0, None
    if name in _REDUCTIONS:
        return 0, max(0, math.prod(eqn.invars[0].aval.shape) - size), 0, None
    standard = library_flops(eqn)
    if standard is not None:
        return 0, standard[0], 0, standard[1]
    if name in _WITH_A_COMBINER or not holds_a_jaxpr(eqn):
        return _as_xla_says(eqn)
    return (*_NOTHING_TOLD, f"{name}: not counted, how often its inner program runs is not known.")


def _multiplications(power: int) -> int:
    """Of x^power by repeated squaring, and one division if it is negative."""
    n = abs(power)
    return 0 if n == 0 else n.bit_length() - 1 + n.bit_count() - 1 + (power < 0)


# Their jaxpr combines two numbers, and XLA counts it as often as it is applied.
_WITH_A_COMBINER = names(
    "reduce reduce_window scatter scatter-add scatter_add scatter-mul scatter_mul scatter-sub "
    "scatter_sub scatter-min scatter_min scatter-max scatter_max select_and_scatter"
)
# What XLA's count of the lowered primitive cannot see: loops are counted once, calls not at all.
_OPAQUE = ("stablehlo.while", "stablehlo.custom_call")

_ASKED: dict[str, tuple[Number, Number, Number, str]] = {}


def _as_xla_says(eqn: Any) -> tuple[Number, Number, Number, str]:
    """A primitive without a rule here, such as erfc or cumsum: lowered alone, counted by XLA.

    The figure belongs to this version of JAX and to these shapes.
    """
    name = eqn.primitive.name
    key = f"{name} {[v.aval for v in eqn.invars]} {eqn.params}"
    if key not in _ASKED:
        _ASKED[key] = _ask(eqn)
    return _ASKED[key]


def _ask(eqn: Any) -> tuple[Number, Number, Number, str]:
    name = eqn.primitive.name
    free = [v for v in eqn.invars if not isinstance(v, core.Literal)]

    def alone(*args: Any) -> Any:
        given = iter(args)
        operands = [v.val if isinstance(v, core.Literal) else next(given) for v in eqn.invars]
        return eqn.primitive.bind(*operands, **eqn.params)

    try:
        shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in free]
        lowered = jax.jit(alone).lower(*shapes)
        figures, text = analysis_of(lowered), lowered.as_text()
    except Exception:  # whatever it is that cannot be lowered alone, it is named
        return (*_NOTHING_TOLD, f"{name}: not counted, no rule is known for it.")
    if figures is None or any(word in text for word in _OPAQUE):
        why = "it is lowered to a loop or to a call of a library"
        return (*_NOTHING_TOLD, f"{name}: not counted, {why}.")
    flops, transcendentals = (
        max(0, round(figures.get(kind, 0.0))) for kind in ("flops", "transcendentals")
    )
    said = f"{name}: counted as JAX {jax.__version__} lowers it, by XLA."
    return 0, flops, transcendentals, said
