"""Is this derivative right? A check that is equally strict for one output and for ten thousand.

A derivative is compared with finite differences component by component, each with the error that
its own differences show, never by a norm over all components: where errors are averaged, or
tolerances grow with the size, a large array hides a wrong entry. `jax.test_util.check_grads`
multiplies its tolerances by the number of outputs: in float32, whose tolerance is 1%, it accepts in
forward mode a derivative of 1000 outputs that is wrong by a factor of 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_function, check_key, check_positive
from approxlab.derivatives.checking._claims import Claims, existing_claims
from approxlab.derivatives.checking._flat_function import FlatFunction, Mode, vector
from approxlab.derivatives.checking._ladder import CAUTION, Ladder
from approxlab.derivatives.checking._report import CheckReport, renamed, together
from approxlab.derivatives.checking._tally import Tally, judged

__all__ = ["check", "check_derivatives"]


def check(f: Callable[..., Any], *args: Any, **options: Any) -> CheckReport:
    """As `check_derivatives`, but a derivative that is wrong is an AssertionError.

    Where differences cannot tell nothing is raised, and the report is not `ok`.

    Example:
        >>> import jax.numpy as jnp
        >>> check(jnp.sin, jnp.asarray([0.3, 4.0])).ok
        True
    """
    report = check_derivatives(f, *args, **options)
    report.raise_if_wrong()
    return report


def check_derivatives(
    f: Callable[..., Any],
    *args: Any,
    modes: Sequence[Mode] | None = None,
    order: int = 1,
    rtol: float | None = None,
    directions: int = 3,
    scale: float = 1.0,
    key: Array | None = None,
) -> CheckReport:
    """Compare the derivatives that JAX computes for f at a point with finite differences of f.

    Along each of a few random directions v in all arguments at once, whose entries are independent
    and uniform between 1/2 and 3/2 of a power of two, of either sign:

    - differences: central, extrapolated, on a ladder of steps from 1/4 to 2^-16 (float32) or from
      1/8 to 2^-27 (float64); for every component of f the best of them, and the error that the
      ladder shows. Where they do not agree at once steps go on falling, to the scale of x and the
      spacing of floating-point numbers; at an edge of the domain they are taken to one side;
    - forward mode: J v by `jax.jvp`, component by component;
    - reverse mode: the product with the transpose is linear in the cotangent, and the transpose of
      that is J v again: compared component by component, so that an error is seen at its own
      component. In addition <J^T u, v> = <u, J v> is checked for the values of J^T u themselves,
      with u chosen so that no terms cancel. Where a reverse rule cannot be differentiated, only
      that identity is checked, with differences for J v, and also for a u with signs of its own.

    A component passes if it is within a = 4 observed errors and `rtol` of its own size. An error e
    of a row of J, its entries in units of the direction's, changes that component by <e, v>, and is
    missed if |<e, v>| <= a (and is "wrong" from 2.5 a on). The entries of v have densities of
    at most 1/2, so <e, v> has one of at
    most sqrt(2)/2 / |e| (Rogozin 1987 with Ball 1986), and a direction misses the error with a
    chance of at most sqrt(2) a / |e|. Entries are multiples of q <= 2^-7 (far less in float64),
    which makes it 2 (a / |e| + q) by Chebyshev's inequality. Directions are independent: all that
    show a component, at least half of them, miss it with a chance of the product. A transposed or
    averaged gradient that is wrong by 1% where differences show 1e-8: 1e-11 in float64 and 4e-6 in
    float32 for three directions. An error of a single entry is never below |e| / 2, so is seen for
    certain from |e| > 2 a on.

    The verdicts, where a component does not pass:

    - "wrong": differences settle, and on something else, by more than 10 observed errors.
    - "not differentiable here?": one-sided slopes do not converge to each other down to the last
      floating-point numbers, and the derivative is neither; or f jumps. A derivative that is the
      slope to one side passes, and is counted in `kinks`.
    - "not finite": the derivative, or f itself, is not.
    - "cannot tell": no finite difference, or none that settles, in more than half of the
      directions, or only on something a little off; or a derivative lost in the rounding of f.

    Args:
        f: A JAX function of pytrees with a pytree as value; it need not work under jit. Leaves that
            are not floating point (integers, booleans, text, functions) are held fixed.
        args: The point; leaves of float32 or float64.
        modes: "forward", "reverse" or both; by default those that f has. A function with a custom
            reverse rule has no forward mode, and one with a `while_loop` no reverse mode.
        order: 2 also checks the derivatives of J v and J^T u, and so on.
        rtol: Relative error that is rounding of the derivative itself; by default 64 eps.
        directions: Number of random directions.
        scale: All steps are multiplied by it: about the length over which f varies, if not 1.
        key: A typed key for the directions; by default `jax.random.key(0)`.

    Raises:
        TypeError: If there is no floating-point leaf in the arguments or the value, one is complex
            or of another precision, or f needs numbers and not the tracers of JAX.
        ValueError: If an option is not of the form described, or f has not the mode asked for.

    Sources: B. A. Rogozin, The estimate for the maximum of the convolution of bounded densities,
    Theory Probab. Appl. 32 (1987); K. Ball, Cube slicing in R^n, Proc. AMS 97 (1986).

    Example:
        >>> import jax.numpy as jnp
        >>> wrong = jax.custom_jvp(jnp.sin)
        >>> wrong.defjvps(lambda t, y, x: 1.01 * jnp.cos(x) * t)
        >>> check_derivatives(wrong, jnp.arange(3.0)).verdict
        'wrong'
    """
    check_function("f", f)
    check_positive(order=order, directions=directions)
    asked = _checked_modes(modes)
    _check_numbers(scale, rtol)
    if key is not None:
        check_key(key)
    flat = FlatFunction(f, args, scale)
    seed = np.asarray(jax.random.key_data(jax.random.key(0) if key is None else key)).ravel()
    rng = np.random.default_rng([int(word) for word in seed])
    limit = 64.0 * flat.eps if rtol is None else float(rtol)
    lines = [flat.direction(rng) for _ in range(directions)]
    claims = existing_claims(flat, asked, lines, rng)
    tally = Tally(flat, tuple(one.mode for one in claims))
    if tally.values_are_finite():
        ladders = _climbed(flat, lines, claims, limit)
        for k, (v, ladder) in enumerate(zip(lines, ladders, strict=True)):
            for one in claims:
                if (found := one.pushed[k]) is not None:
                    tally.add(one.mode, ladder, found, limit)
                if one.pull is not None:
                    _compare_products(tally, ladder, v, one, k, rng)
    reports = [tally.report()]
    if order > 1 and reports[0].ok:
        for mode in (one.mode for one in claims):
            below = check_derivatives(
                flat.derivative(mode, rng),
                *flat.leaves,
                modes=asked,
                order=order - 1,
                rtol=rtol,
                directions=directions,
                scale=scale,
                key=key,
            )
            reports.append(renamed(below, mode))
    return together(reports)


# ---------------------------------------------------------------------------- the comparisons


def _climbed(
    flat: FlatFunction, lines: list[list[np.ndarray]], claims: list[Claims], rtol: float
) -> list[Ladder]:
    """Ladders along all lines, with shorter steps as long as these might say more."""
    rungs = [flat.rungs(v, None) for v in lines]
    while True:
        ladders = flat.ladders(rungs, final=False)
        if all(
            judged(ladder, _claim(ladder, one.pushed[k]), rtol, flat.eps).passed
            for k, ladder in enumerate(ladders)
            for one in claims
        ):
            return ladders
        longer = [flat.rungs(v, before) for v, before in zip(lines, rungs, strict=True)]
        if all(one is before for one, before in zip(longer, rungs, strict=True)):
            return flat.ladders(rungs, final=True)
        rungs = longer


def _claim(ladder: Ladder, pushed: np.ndarray | None) -> np.ndarray:
    """J v; where the mode does not give it, the differences have only to settle."""
    return np.nan_to_num(ladder.slope) if pushed is None else pushed


def _compare_products(
    tally: Tally,
    ladder: Ladder,
    v: list[np.ndarray],
    claims: Claims,
    k: int,
    rng: np.random.Generator,
) -> None:
    """<J^T u, v> against <u, J v>, over the components whose J v is known."""
    flat, pushed = tally.flat, claims.pushed[k]
    if pushed is None:
        pushed = np.where(np.isfinite(ladder.slope), ladder.slope, 0.0)
        says = judged(ladder, pushed, 0.0, flat.eps)
        known = says.agrees | says.weak
        tally.add_known("reverse", ladder, known)
        random_signs = rng.choice([-1.0, 1.0], pushed.shape)
        all_signs = [np.where(pushed < 0.0, -1.0, 1.0), random_signs]
    else:
        known = np.isfinite(pushed) & np.isfinite(ladder.uncertainty)
        all_signs = [np.where(pushed < 0.0, -1.0, 1.0)]
    if not np.any(known):
        return
    for signs in all_signs:
        u = flat.cotangent(np.where(known, signs, 0.0), rng)
        pulled, weights = claims.pull(u), vector(u)  # type: ignore[misc]
        terms = [
            float(np.sum(np.asarray(g, np.float64) * np.asarray(entries, np.float64)))
            for g, entries in zip(pulled, v, strict=True)
        ]
        kept = weights * np.where(known, pushed, 0.0)
        errors = np.abs(weights) * CAUTION * np.where(known, ladder.uncertainty, 0.0)
        slack = float(np.sum(errors)) + flat.eps**0.5 * float(np.sum(np.abs(kept)))
        total = float(np.sum(terms))
        if math.isfinite(total) or np.all(known):  # else 0 times infinity, of those left out
            tally.add_product(total, float(np.sum(kept)), slack)


# ---------------------------------------------------------------------------- the options


def _checked_modes(modes: Sequence[Mode] | None) -> tuple[Mode, ...] | None:
    if modes is None:
        return None
    if isinstance(modes, str) or not modes or not set(modes) <= {"forward", "reverse"}:
        raise ValueError(f"modes: got {modes!r}, expected ('forward',), ('reverse',) or both.")
    return tuple(modes)


def _check_numbers(scale: float, rtol: float | None) -> None:
    if not 0.0 < scale < math.inf:
        raise ValueError(f"scale: got {scale!r}, expected a positive length over which f varies.")
    if rtol is not None and not 0.0 <= rtol < 1.0:
        raise ValueError(f"rtol: got {rtol!r}, expected a relative error, at least 0 and below 1.")
