"""Networks of one smooth hidden layer on many boxes, without the coefficients of single units.

For f(x) = sum_i a_i s(w_i.x + b_i) + c at x = m + r s: with z_i = w_i.m + b_i, rho_i = |w_i|.r,

    value   = sum_i a_i s(z_i) + c
    slopes  = r_j sum_i a_i w_ij s'(z_i)
    curves  = r_j r_k sum_i a_i w_ij w_ik s''(z_i), half of it for j = k
    rest   <= sum_i |a_i| (remainder of s at z_i up to rho_i), plus rounding.

So one product of a matrix of boxes and units with a matrix of units and coefficients does it. The
computed z_i errs by at most zeta_i = gamma(d + 2) (|w_i|.|m| + |b_i|), which counts as part of the
distance from z_i: its effect is at most zeta (max|s'| + max|s''| (rho + zeta)) on a unit.
"""

from __future__ import annotations

import numpy as np

from approxlab.certify._error_bounds import gamma, upward
from approxlab.certify._expression import Expression, Node
from approxlab.certify._local_expansions import FAST
from approxlab.certify._taylor_models import Models, pairs

__all__ = ["HiddenLayer", "hidden_layers"]

_STEPS = 160
_ENTRIES = 2**16


class HiddenLayer:
    """x -> V s(W x + b) + c with everything that does not depend on the box.

    Args:
        activation: A key of `FAST`.
        inner: W and b.
        outer: V and c.
    """

    def __init__(self, activation: str, inner: Node, outer: Node) -> None:
        self.expansion = FAST[activation]
        self.weights, self.biases = inner.data
        self.outer, self.shift = outer.data
        dim = self.weights.shape[1]
        self.sizes = np.abs(self.weights).T.copy()
        self.outer_sizes = np.abs(self.outer).T.copy()
        # Of shape (units, outputs d): column (o, j) holds V_oi W_ij, rounded.
        self.first = np.einsum("oi,ij->ioj", self.outer, self.weights).reshape(-1, self._wide(dim))
        both = [(j, k) for j, k in pairs(dim)]
        halves = [0.5 if j == k else 1.0 for j, k in both]
        bent = [self.weights[:, j] * self.weights[:, k] for j, k in both]
        squares = np.stack([h * column for h, column in zip(halves, bent, strict=True)], axis=1)
        self.second = np.einsum("oi,ip->iop", self.outer, squares).reshape(len(squares), -1)

    def _wide(self, dim: int) -> int:
        return len(self.outer) * dim

    @property
    def units(self) -> int:
        """Number of hidden units."""
        return len(self.biases)

    def models(self, points: Models) -> Models:
        """Models of the values, from those of the point, which are centres and radii."""
        centre, dim = points.value, points.value.shape[1]
        radius = np.zeros_like(centre)
        if points.slopes is not None:
            radius = np.stack([points.slopes[j, :, j] for j in range(dim)], axis=1)
        rows = max(_ENTRIES // self.units, 1)
        starts = range(0, len(centre), rows)
        parts = [self._part(centre[k : k + rows], radius[k : k + rows]) for k in starts]
        value, slopes, curves, rest = (np.concatenate(p, axis=-2) for p in zip(*parts, strict=True))
        low, high = np.full_like(value, -np.inf), np.full_like(value, np.inf)
        return Models(value, slopes, curves, rest, low, high).settled()

    def _part(self, centre: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, ...]:
        """Value, slopes, curves and rest on a few boxes, whose arrays fit the cache."""
        boxes, dim = centre.shape
        outputs, units = self.outer.shape
        z = centre @ self.weights.T + self.biases
        most = np.abs(centre).max(axis=0)
        zeta = upward(gamma(dim + 2) * (most @ self.sizes + np.abs(self.biases)), dim + 16)
        rho = upward(radius @ self.sizes, dim + 4)
        reach = rho + zeta
        local = self.expansion(z)
        limit = local.limit
        rounding = gamma(units + 16)
        size = np.abs(local.f0) if np.isinf(limit.high) else 1.0
        lost = local.beyond(upward(reach, 2)) + (local.e0 + gamma(16) * size)
        lost = lost + zeta * (limit.first + limit.second * reach)
        lost = lost + rho * (
            (local.e1 + rounding * limit.first)
            + rho * (0.5 * local.e2 + (0.5 * rounding) * limit.second)
        )
        rest = lost @ self.outer_sizes + gamma(units.bit_length() + 8) * self._whole(size)
        rest = upward(rest, units + _STEPS)
        slopes = (local.f1 @ self.first).reshape(boxes, outputs, dim) * radius[:, None, :]
        products = np.stack([radius[:, j] * radius[:, k] for j, k in pairs(dim)], axis=1)
        curves = (local.f2 @ self.second).reshape(boxes, outputs, -1) * products[:, None, :]
        value = self._sums(local.f0) + self.shift
        return value, slopes.transpose(2, 0, 1), curves.transpose(2, 0, 1), rest

    def _whole(self, size: np.ndarray | float) -> np.ndarray:
        """Sum of |V| |s| and |c|, which bounds the rounding of the values."""
        if isinstance(size, float):
            return size * self.outer_sizes.sum(axis=0) + np.abs(self.shift)
        return size @ self.outer_sizes + np.abs(self.shift)

    def _sums(self, values: np.ndarray) -> np.ndarray:
        """V times the values, by halves of halves: log2(units) + 1 roundings on every path."""
        found = []
        for row in self.outer:
            terms = values * row
            while terms.shape[1] > 1:
                half = terms.shape[1] // 2
                sums = terms[:, :half] + terms[:, half : 2 * half]
                odd = terms[:, 2 * half :]
                terms = np.concatenate([sums, odd], axis=1) if odd.shape[1] else sums
            found.append(terms[:, 0])
        return np.stack(found, axis=1)


def _moderate(weights: np.ndarray) -> bool:
    """Whether no product of three such weights overflows or underflows."""
    size = np.abs(weights[weights != 0.0])
    return bool(np.all((size >= 2.0**-200) & (size <= 2.0**200)))


def hidden_layers(expression: Expression) -> dict[int, HiddenLayer]:
    """The nodes of an expression that are networks of one smooth hidden layer."""
    nodes, found = expression.nodes, {}
    for i, node in enumerate(nodes):
        if node.op != "linear" or nodes[node.args[0]].op not in FAST:
            continue
        activation = nodes[node.args[0]]
        inner = nodes[activation.args[0]]
        plain = inner.op == "linear" and nodes[inner.args[0]].op == "input"
        if plain and _moderate(inner.data[0]) and _moderate(node.data[0]):
            found[i] = HiddenLayer(activation.op, inner, node)
    return found
