"""The choice among all constructions: sizes first, then the network of the cheapest one."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.approximation.candidates import CANDIDATES
from approxlab.approximation.offers import Offer
from approxlab.approximation.result import Approximation, Cost
from approxlab.arguments import float_below
from approxlab.claims import Construction
from approxlab.constructions._target_checks import check_target
from approxlab.targets.target import Target

__all__ = ["approximate"]

_COUNTS = ("hidden", "all")
# A refusal, or numbers or arrays too large for one construction: others may still do.
_PROBLEMS = (ValueError, ArithmeticError, MemoryError, RuntimeError)


def approximate(target: Any, eps: Any, *, count: Any = "hidden") -> Approximation:
    """The cheapest network that this library can prove to be within eps of a target.

    The constructions asked what they cost are: the constant; ReLU splines with equal and with
    placed knots; staircases of sigmoids and of jumps, and the operator of Costarelli and Spigler;
    deep networks of analytic functions, by Chebyshev series; sums of ridges and over orthants in
    several variables; and, for targets whose function is one of this library's own, deep and
    shallow squares, powers, polynomials, products, sums of squares, tents, self-similar sums,
    maxima, minima, medians and l1 norms. Not asked are `maurey` (a mean of random draws),
    `radial_function`, `ball_indicator`, `relu2_polynomial` and towers: a `Target` does not tell
    what they need. The one with the fewest units is built, and its claim, rounding in the dtype of
    networks included, is at most eps.

    Cost is the number of nonlinear hidden units (`count="hidden"`), or of all hidden units with the
    linear ones, which pass numbers on (`count="all"`). Among equal costs the fewest units of the
    other kind win, then the fewest layers.

    Args:
        target: A `Target`, of any number of variables; what is proved depends on its facts and, in
            one variable, on its program.
        eps: A positive number, in the sup norm on the whole box; scalars of NumPy and JAX do.
        count: "hidden" or "all".

    Returns:
        `Approximation`: network, claim, the reason for the choice and the table of all costs.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If eps is not positive, or nothing is proved of any construction; the message
            names what each is missing.

    Example:
        >>> from approxlab.targets import get
        >>> found = approximate(get("exp"), 1e-3)
        >>> found.name, float(found.claim.bound) <= 1e-3, found.network.num_hidden_units < 15
        ('analytic_deep', True, True)
        >>> approximate(get("exp"), 0.1).network.depth
        2
    """
    eps = _checked(target, eps, count)
    offers: dict[str, Offer] = {}
    refused: dict[str, str] = {}
    for name, candidate in CANDIDATES.items():
        try:
            offers[name] = candidate(target, eps)
        except _PROBLEMS as problem:
            refused[name] = _why(problem, target)
    built = _cheapest(target, offers, refused, eps, count)
    if built is None:
        raise ValueError(_nothing(target, eps, refused))
    name, construction, made = built
    table = _table(name, offers, made, refused, count)
    return Approximation(construction, eps, name, _reason(name, table, count), table)


def _checked(target: Any, eps: Any, count: Any) -> float:
    check_target(target)
    number = _real(eps)
    if number is None or not 0.0 < number < math.inf:
        raise ValueError(
            f"eps: got {_text(eps)}, expected a positive number, such as 1e-3: the largest error "
            "in the sup norm."
        )
    if not isinstance(count, str) or count not in _COUNTS:
        raise ValueError(
            f"count: got {count!r}, expected 'hidden' (nonlinear units) or 'all' (linear ones too)."
        )
    return number


def _real(value: Any) -> float | None:
    """A real number of Python, NumPy or JAX as a float; None for anything else."""
    if isinstance(value, bool | jax.core.Tracer):
        return None
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        dtype = value.dtype
        real = jnp.issubdtype(dtype, jnp.integer) or jnp.issubdtype(dtype, jnp.floating)
        return float_below(value) if value.shape == () and real else None
    if not isinstance(value, int | float):
        return None
    try:
        return float_below(value)
    except OverflowError:  # an integer such as 10**400
        return None


def _text(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # integers of more than 4300 digits have no decimal form
        return "an integer of thousands of digits"
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def _cost(units: int, linear: int, layers: int, count: str) -> tuple[int, int, int]:
    return (units, linear, layers) if count == "hidden" else (units + linear, units, layers)


def _cheapest(
    target: Target, offers: dict[str, Offer], refused: dict[str, str], eps: float, count: str
) -> tuple[str, Construction, dict[str, Construction]] | None:
    """Offers in the order of their costs are built until none is left that may be cheaper."""

    def offered(name: str) -> tuple[int, int, int]:
        one = offers[name]
        return _cost(one.units, one.linear_units, one.layers, count)

    best: tuple[tuple[int, int, int], str] | None = None
    made: dict[str, Construction] = {}
    for name in sorted(offers, key=offered):
        if best is not None and offered(name) >= best[0]:
            break
        try:
            construction = offers[name].build()
        except _PROBLEMS as problem:
            refused[name] = _why(problem, target)
            continue
        if not float(construction.claim.bound) <= eps:
            refused[name] = f"its claim is {float(construction.claim.bound):.3g}, with rounding"
            continue
        net = construction.network
        made[name] = construction
        cost = _cost(net.num_hidden_units, net.num_linear_units, net.depth, count)
        if best is None or cost < best[0]:
            best = cost, name
    return None if best is None else (best[1], made[best[1]], made)


def _table(
    chosen: str,
    offers: dict[str, Offer],
    made: dict[str, Construction],
    refused: dict[str, str],
    count: str,
) -> tuple[Cost, ...]:
    rows: list[Cost] = []
    for name, offer in offers.items():
        if name in made:
            net, claim = made[name].network, float(made[name].claim.bound)
            size = (net.num_hidden_units, net.num_linear_units, net.depth)
            rows.append(Cost(name, *size, claim, "chosen" if name == chosen else ""))
        elif name not in refused:
            size = (offer.units, offer.linear_units, offer.layers)
            rows.append(Cost(name, *size, None, "", offer.at_least))

    def key(row: Cost) -> tuple[bool, tuple[int, int, int]]:
        cost = _cost(row.units or 0, row.linear_units or 0, row.layers or 0, count)
        return row.name != chosen, cost

    rows.sort(key=key)
    return (*rows, *(Cost(name, note=note) for name, note in refused.items()))


def _reason(name: str, table: tuple[Cost, ...], count: str) -> str:
    what = "units, linear ones included" if count == "all" else "nonlinear units"
    total = _total(table[0], count)
    others = [row for row in table[1:] if row.units is not None]
    if not others:
        return f"{name}: {total} {what}; of no other construction anything is proved."
    least = min(_total(row, count) for row in others)
    next_best = next(row for row in others if _total(row, count) == least)
    more = f"{'at least ' if next_best.at_least else ''}{least}"
    if least == total:
        return f"{name}: {total} {what}, as {next_best.name}, with fewer other units or layers."
    return f"{name}: {total} {what}; the next best, {next_best.name}, takes {more}."


def _total(row: Cost, count: str) -> int:
    return (row.units or 0) + ((row.linear_units or 0) if count == "all" else 0)


def _nothing(target: Target, eps: float, refused: dict[str, str]) -> str:
    names: dict[str, list[str]] = {}
    for name, note in refused.items():
        if not note.startswith("for "):
            names.setdefault(note, []).append(name)
    notes = "; ".join(f"{', '.join(names[note])}: {note}" for note in names)
    return (
        f"target: of {target!r} no construction is proved to be within {eps:g}, expected facts "
        f"that prove one. {notes}. Give facts as keywords of Target (lipschitz, "
        "second_derivative, kinks, value_min, value_max), take a smaller box or a larger eps."
    )


def _why(problem: Exception, target: Target) -> str:
    if isinstance(problem, ValueError):
        return _short(str(problem), target)
    text = f"{type(problem).__name__}: {problem}".rstrip(": ")
    return _short(text, target)


def _short(note: str, target: Target) -> str:
    """A refusal without its advice and without the name of the target, in one line."""
    line = " ".join(note.split())
    for before in (f"target: of {target!r} ", f"target: got {target!r}, which ", "target: "):
        line = line.removeprefix(before)
    line = line.replace(f"{target!r} ", "it ").replace(f" for {target!r}", "")
    for end in (", expected", ". "):
        line = line.split(end)[0]
    return line.rstrip(".")
