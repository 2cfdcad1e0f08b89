"""Slopes of the pieces, and which pieces have the same affine function, decided for certain."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from approxlab.regions._breakpoints import Breakpoints, block_of_columns
from approxlab.regions._rounding import EPS, TINY

__all__ = ["bends", "function_numbers", "slopes"]

Slopes = tuple[np.ndarray, np.ndarray]
"""Slopes of the outputs on the pieces to the right of the columns, and bounds of their rounding."""


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def slopes(known: Breakpoints) -> tuple[Slopes, np.ndarray, np.ndarray]:
    """Of the outputs; and how much they change at each column, with bounds of that.

    A change is followed by itself: it starts at the units that bend, and only what they reach
    changes. So it is exactly zero where nothing of it arrives, and large slopes hide none.
    """
    total, outputs = len(known.x), known.networks.biases[-1].shape[1]
    if len(known.start) > 2:
        return _slopes(known, slice(0, total))
    found = [np.empty((outputs, total)) for _ in range(4)]
    step = block_of_columns(max(b.shape[1] for b in known.networks.biases))
    for one in range(0, total, step):
        two, before = min(one + step, total), max(one - 1, 0)  # a change needs the piece before
        parts = _slopes(known, slice(before, two))
        for array, part in zip(found, (*parts[0], *parts[1:]), strict=True):
            array[:, one:two] = part[:, one - before :]
    return (found[0], found[1]), found[2], found[3]


def _slopes(known: Breakpoints, part: slice) -> tuple[Slopes, np.ndarray, np.ndarray]:
    """At some neighbouring columns; the change at the first of them is left out."""
    nets = known.networks
    total = part.stop - part.start
    firsts = known.start[:-1][known.start[:-1] >= part.start] - part.start
    low, high = nets.parameters
    rise = (nets.ends[1] - nets.ends[0]) / (high - low)
    g = np.repeat(rise[:, None], total, axis=1)
    dg = np.where((g != 0) & (len(rise) > 1), 2 * EPS * np.abs(g) + TINY, 0.0)
    jump, djump = np.zeros(g.shape), np.zeros(g.shape)
    rough = any(slope % 1.0 != 0 for slope in nets.slopes)
    no_bias = [np.zeros_like(b) for b in nets.biases]
    for layer in range(len(nets.linear) + 1):
        g, dg = known.affine(layer, g, dg, bias=no_bias)
        jump, djump = known.affine(layer, jump, djump, bias=no_bias)
        if layer == len(nets.linear):
            break
        signs = known.signs[layer][:, part]
        here = nets.factors(signs, layer)
        zero = signs == 0
        g[zero], dg[zero] = 0.0, 0.0
        # A unit that is zero on one of the two pieces has no slope there: any factor is right.
        before = np.where(zero[:, :-1], here[:, 1:], here[:, :-1])
        after = np.where(zero[:, 1:], here[:, :-1], here[:, 1:])
        step = after - before
        carried, own = after * jump[:, 1:], step * g[:, :-1]
        if rough:
            moves = (step != 0) & ((g[:, :-1] != 0) | (dg[:, :-1] > 0))
            moves |= (jump[:, 1:] != 0) | (djump[:, 1:] > 0)
        jump[:, 1:] = carried + own
        djump[:, 1:] = np.abs(after) * djump[:, 1:] + np.abs(step) * dg[:, :-1]
        rounds = ((carried != 0) & (own != 0)) | (step % 1.0 != 0) | (after % 1.0 != 0)
        djump[:, 1:] += np.where(rounds, 4 * EPS * (np.abs(carried) + np.abs(own)), 0.0)
        if rough:
            djump[:, 1:] += np.where(moves, TINY, 0.0)
        silent = zero[:, 1:] & zero[:, :-1]
        jump[:, 1:][silent], djump[:, 1:][silent] = 0.0, 0.0
        jump[:, firsts], djump[:, firsts] = 0.0, 0.0
        if rough:  # products with a slope that is no integer may underflow
            moves = (here != 0.0) & ((g != 0) | (dg > 0))
        g = np.where(here != 0.0, here * g, 0.0)
        rounds = (here != 0.0) & (np.abs(here) != 1.0)
        dg = np.abs(here) * dg + np.where(rounds, 2 * EPS * np.abs(g), 0.0)
        if rough:
            dg += np.where(moves, TINY, 0.0)
    return (g, dg), jump, djump


def exact_functions(known: Breakpoints, column: int) -> tuple[tuple[Fraction, Fraction], ...]:
    """Slope and constant of every output on the piece to the right of a column."""
    number = int(np.searchsorted(known.start, column, side="right")) - 1
    signs = [layer[:, column] for layer in known.signs]
    value, shift = known.integers(number).forms(signs)[-1]
    return tuple((Fraction(int(s), 1 << shift), Fraction(int(c), 1 << shift)) for s, c in value)


def bends(known: Breakpoints, jump: np.ndarray, djump: np.ndarray) -> np.ndarray:
    """Whether the affine function changes at each column; False at the ends."""
    found = (np.abs(jump) - djump).max(axis=0) > 0
    unsure = ~found & (djump.max(axis=0) > 0)
    for column in np.flatnonzero(unsure):
        one, two = (exact_functions(known, int(column) - k) for k in (1, 0))
        found[column] = one != two
        number = int(np.searchsorted(known.start, column, side="right")) - 1
        known.ties[number] += 1
    return found


def function_numbers(known: Breakpoints, found: Slopes, bent: np.ndarray) -> np.ndarray:
    """The same number for pieces of one network with the same affine function, from 0 on.

    Shape (C,); a last column repeats the piece before it.
    """
    heads = bent.copy()
    heads[known.start[:-1]] = True
    heads &= ~known.last
    of_head = np.cumsum(heads) - 1
    columns = np.flatnonzero(heads)
    numbers = np.empty(len(columns), np.int64)
    networks = known.network[columns]
    for number in range(len(known.start) - 1):
        own = np.flatnonzero(networks == number)
        numbers[own] = _numbers(known, found, columns[own], number)
    result: np.ndarray = numbers[of_head]
    return result


def _chains(x: np.ndarray, dx: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Numbers, from 0 on, of the parts of each group whose intervals x -+ dx hang together."""
    low, high = x - dx, x + dx
    order = np.lexsort((low, groups))
    ranks = np.empty(len(x), np.int64)
    upwards = np.argsort(high, kind="stable")
    ranks[upwards] = np.arange(len(x))
    # The highest end so far, group by group.
    before = np.maximum.accumulate(groups[order] * len(x) + ranks[order])[:-1]
    apart = np.ones(len(x), bool)
    apart[1:] = (np.diff(groups[order]) != 0) | (low[order][1:] > high[upwards[before % len(x)]])
    found = np.empty(len(x), np.int64)
    found[order] = np.cumsum(apart) - 1
    return found


def _numbers(known: Breakpoints, found: Slopes, columns: np.ndarray, number: int) -> np.ndarray:
    """Of the pieces at some columns of one network; exact where float64 does not tell."""
    (g, dg), v, dv = found, known.values, known.errors
    x = known.x[columns] - known.x[columns[0]]
    g, dg, v, dv = (a[0, columns] for a in (g, dg, v, dv))
    c = v - g * x
    moves = ((g != 0) | (dg > 0)) & ((x != 0) | (known.dx[columns] > 0))
    dc = dv + np.abs(g) * known.dx[columns] + dg * np.abs(x)
    dc += (4 * EPS * (np.abs(v) + np.abs(g * x)) + TINY) * moves
    labels = _chains(c, dc, _chains(g, dg, np.zeros(len(columns), np.int64)))
    sizes = np.bincount(labels)
    together = np.flatnonzero(sizes[labels] > 1)
    names: dict[object, int] = {}
    sure = (dg == 0) & (dc == 0) if len(known.values) == 1 else np.zeros(len(columns), bool)
    certain = np.ones(len(sizes), bool)
    certain[labels[together[~sure[together]]]] = False
    for i in together:
        if certain[labels[i]]:
            key: object = (float(g[i]), float(c[i]))
        else:
            key = exact_functions(known, int(columns[i]))
            known.ties[number] += 1
        labels[i] = len(sizes) + names.setdefault(key, len(names))
    first = {label: k for k, label in enumerate(dict.fromkeys(labels.tolist()))}
    return np.array([first[label] for label in labels.tolist()])
