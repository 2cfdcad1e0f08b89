"""The sup norm of model minus target, proved from both sides."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from approxlab.arguments import check_positive
from approxlab.certify._problems import (
    check_double,
    check_tolerances,
    cuts_of,
    difference,
    domain_of,
    name_of,
)
from approxlab.certify._progress import progress_bar
from approxlab.certify._search import Limits, search
from approxlab.certify._self_test import self_test
from approxlab.certify.certificates import Certificate

__all__ = ["proved", "sup_norm"]

_ASSUMPTIONS = (
    "NumPy's float64 + - * / sqrt follow IEEE 754 with rounding to nearest, in any order of sums",
    "the error bounds of approxlab's own elementary functions, proved on paper and tested",
    "the correctness of approxlab.certify",
)
_MOST_DIMENSIONS = 5


def sup_norm(
    model: Any,
    target: Any,
    box: Any = None,
    *,
    rtol: Any = 1e-3,
    atol: Any = 1e-12,
    max_boxes: Any = None,
    seconds: Any = None,
    progress: bool = False,
) -> Certificate:
    """Prove lower <= sup |model - target| <= upper on a box.

    The statement. For the function `f` defined in exact real arithmetic by the stored parameters
    (each a binary floating-point number, taken exactly) and the target `g` defined in exact real
    arithmetic by its expression, approxlab certifies `lo <= sup_{x in B} |f(x) - g(x)| <= hi`. The
    proof uses the IEEE 754 binary64 rules for `+ - * / sqrt` as executed by NumPy on this machine
    (checked by a self-test when certifying), the error lemmas of approxlab's own elementary
    kernels, and the correctness of the checker's Python. It does not rely on XLA, BLAS or libm
    accuracy, on rounding modes, or on sampling.

    Literals of a function are the binary64 numbers that they are: 0.1 is not a tenth, and math.pi
    is not pi. Constants of any dtype are taken exactly, and arithmetic of them inside the function
    is exact arithmetic: float32(0.1) + float32(0.2) is the exact sum of the two float32 numbers,
    not the float32 number that it is rounded to.

    What is not claimed: that the float32 or float64 program that evaluates f has the same error;
    see `evaluation_gap`. A jump counts with all values between its sides. Of vectors,
    the largest component counts.

    Boxes are halved where |f - g| may be largest. On each, f - g is expanded to second order at
    the centre, with a proved remainder, so that what f and g have in common cancels. Smooth
    functions are bounded to third order in the width of a box, units with kinks to first order
    where they bend. Cost grows with the oscillations of the error and with the dimension: some
    hundred boxes in one, 1e4 in two, 1e5 in three, 1e6 in four dimensions.

    Args:
        model: An `MLP`, or any JAX function of one point of shape (d,): an equinox or flax network,
            a target. Its values have shape () or (m,).
        target: The same.
        box: A `Box`; by default that of the target.
        rtol: Stop where upper <= lower (1 + rtol).
        atol: Or where upper <= lower + atol, which a sup norm of 0 needs.
        max_boxes: Most boxes to look at; by default 8 million.
        seconds: Most seconds; by default 600. One box and one point are always looked at,
            whatever they cost.
        progress: Whether to show a bar.

    Returns:
        A `Certificate`. Its status is "ok", or "budget" if boxes or seconds ran out first, or
        "precision" if binary64 cannot tell more; its interval is proved in each of the cases.

    Raises:
        TypeError: If a function uses a primitive that cannot be enclosed; the message names it and
            what could be used in its place.
        ValueError: If there is no box, sizes do not fit, JAX is in float32 mode, or a budget is
            missing beyond 5 dimensions.

    Source: Moore 1966; Hansen and Walster 2004; Makino and Berz 2003; for networks, Mathiesen et
    al. 2025 (arXiv 2505.15497) answer yes or no at a given error.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> import approxlab as al
        >>> found = sup_norm(lambda x: jax.numpy.tanh(x[0]), lambda x: x[0], al.Box([0.0], [1.0]))
        >>> found.lower <= 0.2384058440442351 <= found.upper, found.status
        (True, 'ok')
    """
    limits = {"rtol": rtol, "atol": atol, "max_boxes": max_boxes, "seconds": seconds}
    return proved(model, target, box, **limits, progress=progress)


def proved(
    model: Any,
    target: Any,
    box: Any = None,
    *,
    rtol: Any = 1e-3,
    atol: Any = 1e-12,
    max_boxes: Any = None,
    seconds: Any = None,
    progress: bool = False,
    beside: bool = False,
) -> Certificate:
    """`sup_norm`; its lower bound on a small box around the witness, if asked for `beside`."""
    start = time.monotonic()
    check_double()
    check_tolerances(rtol, atol)
    domain = domain_of(model, target, box)
    limits = _limits(rtol, atol, max_boxes, seconds, domain.dim)
    limits = dataclasses.replace(limits, start=start, beside=beside)
    expression = difference(model, target, domain.dim)
    cuts = cuts_of(domain, model, target)
    failures = self_test()
    with progress_bar(progress) as told:
        found = search(expression, cuts, limits, told)
    return Certificate(
        lower=found.lower,
        upper=found.upper,
        status=found.status,
        guaranteed=not failures,
        assumptions=(*_ASSUMPTIONS, *(f"NOT HELD: {reason}" for reason in failures)),
        witness=tuple(float(x) for x in found.witness),
        boxes=found.boxes,
        seconds=time.monotonic() - start,
        rtol=float(rtol),
        atol=float(atol),
        expression=expression,
        cuts=tuple(tuple(axis.tolist()) for axis in cuts),
        tree=found.code,
        model=name_of(model),
        target=name_of(target),
    )


def _limits(rtol: Any, atol: Any, max_boxes: Any, seconds: Any, dim: int) -> Limits:
    if dim > _MOST_DIMENSIONS and max_boxes is None and seconds is None:
        raise ValueError(
            f"box: got {dim} dimensions, about 1e{dim + 3} boxes expected; expected at most "
            f"{_MOST_DIMENSIONS}. Give max_boxes= or seconds= for the interval that these allow."
        )
    boxes = 8_000_000 if max_boxes is None else max_boxes
    check_positive(max_boxes=boxes)
    limit = 600.0 if seconds is None else seconds
    number = hasattr(limit, "__float__") and not hasattr(limit, "__len__")
    if not number or not float(limit) > 0.0:
        raise ValueError(f"seconds: got {seconds!r}, expected a positive number.")
    return Limits(float(rtol), float(atol), int(boxes), float(limit))
