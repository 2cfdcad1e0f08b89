"""From what a polish found to a network, and to an error that is that of the network.

A polish looks at a few points per piece. Its result is taken as it is where all panels of the
target show the same error; otherwise the polish is done again with all panels. Where the network
does not reach the error of its spline, rounding stands in the way: the network is turned to the
form with the least cancellation, then knots are moved apart.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from approxlab.claims import Estimate
from approxlab.constructions.relu_splines import spline_network
from approxlab.fitting.knots.exchange import half_way
from approxlab.fitting.knots.fewer_pieces import not_above_fewer
from approxlab.fitting.knots.function_or_data import Data, Function
from approxlab.fitting.knots.newton import start
from approxlab.fitting.knots.polish import Found, polished
from approxlab.fitting.knots.rounding import separated, two_sided_network
from approxlab.fitting.training.result import Status
from approxlab.networks.mlp import MLP
from approxlab.splines import Spline

__all__ = ["Fit", "data_fit", "function_fit"]

_AGREES = 1e-3  # relative difference of the error of the network from that of the polish
_APART = 10.0 ** -np.arange(2.0, 15.0)  # least widths of pieces that are tried, of the interval


class Fit(NamedTuple):
    """What was found, as a network with its own error, and what is to be said of it."""

    found: Found
    network: MLP
    error: Estimate
    remark: str | None = None


def data_fit(given: Data, pieces: int, steps: int) -> Fit:
    """The fit to data."""
    found, remark = not_above_fewer(given, pieces, steps)
    fit = _realised(given, found)
    if fit is None or not _agrees(given, fit):
        fit = _steadied(given, found, fit)
    uncertain = remark is not None and fit.found.status == Status.CONVERGED
    status = Status.STAGNATED if uncertain else fit.found.status
    remarks = "; ".join(text for text in (fit.remark, remark) if text) or None
    return fit._replace(found=fit.found._replace(status=status), remark=remarks)


def function_fit(given: Function, pieces: int, steps: int) -> Fit:
    """The fit to a function."""
    found = polished(given, pieces, steps)
    fit = _realised(given, found)
    if fit is None or not (_agrees(given, fit) and _not_above_plain(given, fit)):
        given = given.in_panels(pieces)
        again = polished(given, pieces, steps, found)
        found = again._replace(first=found.first, steps=found.steps + again.steps)
        fit = _realised(given, found)
        if fit is None or not _agrees(given, fit):
            fit = _steadied(given, found, fit)
    return _commented(given, fit)


def _realised(given: Function | Data, found: Found) -> Fit | None:
    """The fit with the usual network; None where a slope is too large a number for it."""
    heights = given.unit * found.heights
    with np.errstate(over="ignore"):
        slopes = np.diff(heights) / np.diff(found.knots)
        if not np.all(np.isfinite(np.diff(slopes, prepend=0.0))):
            return None
    return _measured(given, found, spline_network(found.knots, heights))


def _measured(given: Function | Data, found: Found, network: MLP) -> Fit:
    return Fit(found, network, given.error(network, found.knots))


def _size(fit: Fit) -> float:
    size = float(fit.error)
    return size if math.isfinite(size) else math.inf


def _agrees(given: Function | Data, fit: Fit) -> bool:
    """Whether the network has the error of which the polish tells."""
    told, rounding = given.unit * fit.found.error, given.unit * given.rounding(fit.found.knots)
    return abs(_size(fit) - told) <= _AGREES * told + rounding


def _not_above_plain(given: Function, fit: Fit) -> bool:
    """Whether the error is at most that of the middle of the values and of the chord."""
    return given.norm == "l2" or _size(fit) <= given.unit * (1.0 + _AGREES) * given.plain + (
        given.unit * given.rounding(fit.found.knots)
    )


def _steadied(given: Function | Data, found: Found, fit: Fit | None) -> Fit:
    """The best of networks of the other form, and of those with knots farther apart."""
    fits = [] if fit is None else [fit]
    turned = two_sided_network(Spline(found.knots, given.unit * found.heights))
    if turned is not None:
        fits.append(_measured(given, found, turned))
        if _agrees(given, fits[-1]):
            return fits[-1]
    length, n = found.knots[-1] - found.knots[0], len(found.knots) - 1
    for least in [*(_APART[_APART * n < 0.5]), 1.0]:
        moved = _on_knots(given, found, separated(found.knots, least * length))
        turned = None
        if moved is not None:
            turned = two_sided_network(Spline(moved.knots, given.unit * moved.heights))
        if moved is not None and turned is not None:
            fits.append(_measured(given, moved, turned))
    best = min(fits, key=_size)
    remark = "knots are kept apart as far as the rounding of the network demands"
    return best._replace(found=best.found._replace(status=Status.STAGNATED), remark=remark)


def _on_knots(given: Function | Data, found: Found, knots: np.ndarray) -> Found | None:
    """Heights on other knots."""
    if isinstance(given, Function) and given.norm == "sup":
        level = half_way(given.values, knots, given.more)
        return found._replace(knots=knots, heights=level.heights, error=level.largest)
    state = start(given.samples, knots)
    if state is None:
        return None
    return found._replace(knots=knots, heights=state.heights, error=math.sqrt(state.squares))


def _commented(given: Function, fit: Fit) -> Fit:
    """The fit with its remark, and with a status that holds."""
    remarks, parts, status = [fit.remark] if fit.remark else [], given.parts, fit.found.status
    if parts.jump is not None:
        (x, change), least = parts.jump, 0.5 * parts.jump[1]
        remarks.append(f"a change of {change:.6g} within rounding of x = {x:.9g}")
        if given.norm == "sup":
            remarks[-1] += f": no continuous function is below {least:.6g} in the sup norm"
            best = _size(fit) <= (1.0 + _AGREES) * least
            status = Status.CONVERGED if best else Status.STAGNATED
    if parts.unresolved is not None:
        remarks.append(parts.unresolved)
    rounded = not _agrees(given, fit)
    if rounded:
        told = given.unit * fit.found.error
        remarks.append(f"the polish saw an error of {told:.3g}, the network has {_size(fit):.3g}")
        if given.norm == "l2":  # what is noise of rounding no quadrature integrates well
            noise = max(fit.error.uncertainty, abs(_size(fit) - told))
            fit = fit._replace(error=dataclasses.replace(fit.error, uncertainty=noise))
    if status == Status.CONVERGED and (rounded or parts.unresolved is not None):
        status = Status.STAGNATED
    remark = "; ".join(remarks) or None
    return fit._replace(found=fit.found._replace(status=status), remark=remark)
