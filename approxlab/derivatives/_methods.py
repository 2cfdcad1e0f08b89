"""The methods of a Jacobian, what each is and what it applies to: the one list of them.

Every other list is derived from `TABLE`: the methods that `value_and_jacobian` runs, that `choose`
compares, and for which `formula` and `explain` have closed formulas. A new method is a row here, a
program in `approxlab.derivatives._point_programs` and, if it has one, a formula in
`approxlab.derivatives.formulas._input_formulas`; a test checks that the three agree.

"Differences" are one method. Whether they are taken forward, backward or centrally is their
`scheme`, an argument of its own.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

__all__ = [
    "DEFAULTS",
    "METHODS",
    "TABLE",
    "JacobianMethod",
    "JacobianScheme",
    "Method",
    "Want",
    "Wrt",
    "check_options",
    "compared",
    "with_formula",
]

Method = Literal["auto", "forward", "reverse", "chunked", "differences", "structured", "planned"]
Wrt = Literal["inputs", "weights"]
Want = Literal[
    "value", "gradient", "jvp", "vjp", "jacobian", "hvp", "gram", "gram_diagonal", "gradient_norms"
]
JacobianScheme = Literal["forward", "backward", "central"]
"""Schemes of the method "differences": those that need neither complex nor repeated steps."""

METHODS: tuple[Method, ...] = get_args(Method)
"""Their names, in the order in which messages name them."""

DEFAULTS: dict[tuple[Wrt, Want], Method] = {
    ("inputs", "jacobian"): "reverse",
    ("weights", "jacobian"): "reverse",
    ("weights", "gram"): "structured",
    ("weights", "gram_diagonal"): "structured",
    ("weights", "gradient_norms"): "structured",
}
"""Derivatives with more than one method: what `formula` and `explain` take by default."""


@dataclasses.dataclass(frozen=True)
class JacobianMethod:
    """One method, and what it applies to.

    Attributes:
        name: What callers write.
        what: What is done, in words.
        needs_layers: Whether it multiplies the layers' matrices, so that it takes networks only.
        in_weights: Whether it also gives the Jacobian in the weights.
        is_compared: Whether `choose` compares it: its program is exact, and fixed by f and x.
        basis: Whether an identity as large as the "inputs" or as the "outputs" is formed for it.
        formulas: The derivatives for which its cost has a closed formula.
        options: What may be said to it and to no other.
    """

    name: Method
    what: str
    needs_layers: bool = False
    in_weights: bool = False
    is_compared: bool = False
    basis: Literal["inputs", "outputs"] | None = None
    formulas: tuple[tuple[Wrt, Want], ...] = ()
    options: tuple[str, ...] = ()


_IN_INPUTS: tuple[Wrt, Want] = ("inputs", "jacobian")
_IN_WEIGHTS: tuple[Wrt, Want] = ("weights", "jacobian")
_FROM_WEIGHTS: tuple[tuple[Wrt, Want], ...] = (
    ("weights", "gram"),
    ("weights", "gram_diagonal"),
    ("weights", "gradient_norms"),
)

TABLE: tuple[JacobianMethod, ...] = (
    JacobianMethod(
        "auto", "what `choose` predicts to be the fastest", in_weights=True, options=("verbose",)
    ),
    JacobianMethod(
        "forward",
        "all Jacobian-vector products together, as `jax.jacfwd`",
        in_weights=True,
        is_compared=True,
        basis="inputs",
        formulas=(_IN_INPUTS, _IN_WEIGHTS),
    ),
    JacobianMethod(
        "reverse",
        "all vector-Jacobian products together, as `jax.jacrev`",
        in_weights=True,
        is_compared=True,
        basis="outputs",
        formulas=(_IN_INPUTS, _IN_WEIGHTS, *_FROM_WEIGHTS),
    ),
    JacobianMethod(
        "chunked",
        "the cheaper of these two, as many at once as fit into memory",
        options=("chunk",),
    ),
    JacobianMethod(
        "differences",
        "finite differences along every input",
        basis="inputs",
        formulas=(_IN_INPUTS,),
        options=("scheme", "step"),
    ),
    JacobianMethod(
        "structured",
        "the layers' matrices multiplied from the cheaper end; in the weights, factors are kept",
        needs_layers=True,
        in_weights=True,
        is_compared=True,
        formulas=(_IN_INPUTS, *_FROM_WEIGHTS),
    ),
    JacobianMethod(
        "planned",
        "the layers' matrices multiplied in the cheapest bracketing",
        needs_layers=True,
        is_compared=True,
        formulas=(_IN_INPUTS,),
    ),
)
"""All methods, in the order of `METHODS`."""


def check_options(method: Method, wrt: Wrt = "inputs", **given: Any) -> None:
    """Options that were given (neither None nor False) belong to the method.

    Raises:
        ValueError: If one does not; the message names the method that it belongs to.

    Example:
        >>> check_options("differences", step=1e-3, chunk=None)
        >>> check_options("reverse", step=1e-3)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: step: got 0.001 with method='reverse', expected None: it belongs to method=...
    """
    for name, value in given.items():
        if value is None or value is False:
            continue
        owner = next(row for row in TABLE if name in row.options)
        if owner.name != method or (wrt == "weights" and not owner.in_weights):
            other = "" if wrt == "inputs" else f" and wrt={wrt!r}"
            raise ValueError(
                f"{name}: got {value!r} with method={method!r}{other}, expected None: it belongs "
                f"to method={owner.name!r}."
            )


def compared(*, with_layers: bool) -> tuple[Method, ...]:
    """The methods that `choose` compares, in the order of preference where times are equal."""
    # Where two have equal times the first is chosen: structured ones come first.
    rows = [row for row in TABLE if row.is_compared and (with_layers or not row.needs_layers)]
    return tuple(row.name for row in sorted(rows, key=lambda row: not row.needs_layers))


def with_formula(wrt: Wrt, want: Want) -> tuple[Method, ...]:
    """Methods of a derivative with a closed formula, the default first; empty if it has one way.

    Example:
        >>> with_formula("weights", "gram")
        ('structured', 'reverse')
    """
    names = [row.name for row in TABLE if (wrt, want) in row.formulas]
    return tuple(sorted(names, key=lambda name: name != DEFAULTS[wrt, want]))
