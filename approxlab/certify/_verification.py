"""Re-proving a certificate: leaf by leaf, from the expression and the tree alone."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from approxlab.certify._boxes import Boxes, check_cuts, leaves
from approxlab.certify._enclosures import Enclosure, magnitudes, point_bounds
from approxlab.certify._expression import Expression
from approxlab.certify._expression_checks import check_expression
from approxlab.certify._self_test import self_test

__all__ = ["Verified", "reproved"]


@dataclasses.dataclass(frozen=True)
class Verified:
    """What a verification found.

    Attributes:
        leaves: How many boxes were proved again.
        largest: The largest bound among them, as it was computed now.
        seconds: What it took.
    """

    leaves: int
    largest: float
    seconds: float


def reproved(
    expression: Expression,
    cuts: tuple[np.ndarray, ...],
    code: np.ndarray,
    witness: np.ndarray,
    lower: float,
    upper: float,
) -> Verified:
    """Prove lower <= sup |expression| <= upper on the box of the cuts.

    Raises:
        ValueError: If it is not proved.
    """
    start = time.monotonic()
    failures = self_test()
    if failures:
        raise ValueError(f"certificate: cannot be checked on this machine: {'; '.join(failures)}.")
    if not 0.0 <= lower <= upper:
        raise ValueError(f"certificate: got lower {lower!r} and upper {upper!r}, in a wrong order.")
    check_cuts(cuts)
    check_expression(expression)
    if len(cuts) != expression.dim:
        raise ValueError("certificate: box and expression are of different dimensions.")
    enclosure = Enclosure(expression)
    _check_witness(enclosure, cuts, witness, lower)
    count, largest = 0, 0.0
    chunk = enclosure.chunk
    for level in leaves(cuts, code):
        for begin in range(0, len(level), chunk):
            bound = _bound(enclosure, level[begin : begin + chunk])
            if not np.all(bound <= upper):  # NaN too is not proved
                worst = float(np.max(bound))
                raise ValueError(
                    f"certificate: a box has the bound {worst!r}, more than upper = {upper!r}."
                )
            count += len(bound)
            largest = max(largest, float(np.max(bound)))
    return Verified(count, largest, time.monotonic() - start)


def _bound(enclosure: Enclosure, boxes: Boxes) -> np.ndarray:
    return magnitudes(enclosure.on(boxes), enclosure.expression.dim).bound


def _check_witness(
    enclosure: Enclosure, cuts: tuple[np.ndarray, ...], witness: np.ndarray, lower: float
) -> None:
    inside = len(witness) == len(cuts) and all(
        axis[0] <= x <= axis[-1] for x, axis in zip(witness, cuts, strict=True)
    )
    if not inside:
        raise ValueError("certificate: the witness is not a point of the box.")
    least, _ = point_bounds(enclosure.at(witness[None, :]))
    if not least[0] >= lower:
        raise ValueError(
            f"certificate: the value at the witness is proved to be {float(least[0])!r} at least, "
            f"less than lower = {lower!r}."
        )
