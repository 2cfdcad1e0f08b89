"""The cheapest bracketing of a chain of Jacobians, by dynamic programming, under a byte budget.

The Jacobian of F = F_q o ... o F_1 is the product J_q ... J_1. The order of multiplication changes
the cost, not the result. Forward mode multiplies from the right, reverse mode from the left, and
neither is best for a chain that is narrow in its middle. A sub-chain i..j gets its
Jacobian in one of these ways:

- product: two sub-results, n_j x n_k times n_k x n_i, 2 n_j n_k n_i FLOPs;
- tangents: the columns of the Jacobian of i..j-1 are pushed through F_j, one Jacobian-vector
  product each; F_j needs no matrix;
- adjoints: the rows of the Jacobian of i+1..j are pulled back through F_i, one vector-Jacobian
  product each; the tape of F_i must be kept meanwhile;
- a single factor: its known matrix, or one tangent per input, or one adjoint per output.

Pushing through several factors is pushing through one after another, at the same cost. With q
factors the table of sub-chains has q(q+1)/2 entries of at most q splits each.

The budget limits the bytes of all Jacobians of sub-chains that are held at once when the tree is
evaluated depth first, child by child, in the order it states (of two children the better one
first), result included, and the tape of the factor that adjoints are passing. Known matrices
(matrix_flops = 0) belong to the network and count nothing, and so do the values between factors,
which every plan keeps. The peak of a tree grows with the peaks of its children and the cost is a
sum, so for each sub-chain it suffices to keep the pairs (FLOPs, peak) that no other pair beats in
both: the plan found is the cheapest of all that fit. XLA may schedule compiled code otherwise.

Source: Griewank and Naumann 2003, "Accumulating Jacobians as chained sparse matrix products";
Naumann 2024, arXiv 2406.11862 (matrix-free and limited-memory chains). There the tape of a whole
run of factors is kept at once; here values between factors are kept, so one tape at a time is.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_positive
from approxlab.derivatives.planner._array_table import best_tree
from approxlab.derivatives.planner._bracketings import (
    Chain,
    Factor,
    Kind,
    Node,
    cheapest,
    front,
    is_known,
    is_pure,
    smallest,
)
from approxlab.derivatives.planner._function_factors import factors_at
from approxlab.derivatives.planner._widths import widths_of
from approxlab.networks.mlp import MLP, float_dtype

__all__ = [
    "Factor",
    "Node",
    "Plan",
    "forward_plan",
    "layer_factors",
    "plan",
    "plan_frontier",
    "plan_network",
    "reverse_plan",
    "structured_plan",
]

Network = MLP | Sequence[int]


@dataclasses.dataclass(frozen=True, repr=False)
class Plan:
    """A bracketing of a chain with its exact costs. Hashable, so a static argument of jit.

    Attributes:
        factors: The chain, first factor first.
        tree: Its root node, the Jacobian of the whole chain.
        value_flops: Dot FLOPs of the forward pass: 2P of a network, else as given.
        itemsize: Bytes of one number.
        max_bytes: The budget under which it was made.
    """

    factors: tuple[Factor, ...]
    tree: Node
    value_flops: int
    itemsize: int
    max_bytes: int | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """Sizes between the factors, from the input to the output."""
        return (self.factors[0].in_size, *(factor.out_size for factor in self.factors))

    @property
    def product_flops(self) -> int:
        """FLOPs of the Jacobian alone, without the forward pass."""
        return self.tree.flops

    @property
    def dot_flops(self) -> int:
        """FLOPs of value and Jacobian."""
        return self.value_flops + self.tree.flops

    @property
    def peak_bytes(self) -> int:
        """Bytes of Jacobians and tape held at once, see the module."""
        return self.tree.peak_bytes

    @property
    def kind(self) -> Kind:
        """Whether the brackets are those of forward or of reverse accumulation, or neither.

        Two factors have one bracketing: it is named after the JAX mode that is cheaper.
        """
        order = Chain(self.factors, self.itemsize).preference
        return next((kind for kind in order if is_pure(self.tree, kind)), "mixed")

    @property
    def text(self) -> str:
        """The bracketing, last factor first, such as ((J4 J3)(J2 J1))."""
        return self.tree.text

    @property
    def forward_flops(self) -> int:
        """Of forward accumulation that starts at the first Jacobian, value included."""
        return self.value_flops + _pure(Chain(self.factors, self.itemsize), "forward").flops

    @property
    def reverse_flops(self) -> int:
        """Of reverse accumulation that starts at the last Jacobian, value included."""
        return self.value_flops + _pure(Chain(self.factors, self.itemsize), "reverse").flops

    @property
    def jacfwd_flops(self) -> int:
        """Of `jax.jacfwd`, which pushes the identity: 2P (1 + n) for a network."""
        return self.value_flops + self._sweeps("forward")

    @property
    def jacrev_flops(self) -> int:
        """Of `jax.jacrev`, which pulls the identity back: 2P (1 + m) for a network."""
        return self.value_flops + self._sweeps("reverse")

    def _sweeps(self, kind: Kind) -> int:
        found = Chain(self.factors, self.itemsize).sweeps(kind)
        if found is None:
            raise _no_mode(kind)
        return found

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """Its operations beside forward and reverse accumulation; see `plotting.plot_costs`."""
        from approxlab.plotting.costs import plot_costs

        return plot_costs(self, ax=ax, **style)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per node in the order of evaluation."""
        rows = []
        for node in self.tree.walk():
            below = sum(child.flops for child in (node.left, node.right) if child)
            size = self.widths[node.last] * self.widths[node.first - 1] * self.itemsize
            rows.append(
                {
                    "node": node.text,
                    "method": node.method,
                    "rows": self.widths[node.last],
                    "cols": self.widths[node.first - 1],
                    "flops": node.flops - below,
                    "bytes": 0 if is_known(self.factors, node) else size,
                    "peak_bytes": node.peak_bytes,
                }
            )
        return rows

    def table(self) -> str:
        """The nodes that cost something, in the order of evaluation, and the totals."""
        rows = [row for row in self.to_rows() if row["method"] != "matrix" or row["flops"]]
        wide = max(len("forward pass"), *(len(row["node"]) for row in rows), 12)
        lines = [f"{'':{wide}}  {'method':9}{'size':>13}{'FLOPs':>16}{'bytes held':>14}"]
        if self.value_flops:
            lines.append(f"{'forward pass':{wide}}  {'':9}{'':13}{self.value_flops:>16,}")
        for row in rows:
            size = f"{row['rows']} x {row['cols']}"
            lines.append(
                f"{row['node']:{wide}}  {row['method']:9}{size:>13}{row['flops']:>16,}"
                f"{row['peak_bytes']:>14,}"
            )
        lines.append(f"{'together':{wide}}  {'':22}{self.dot_flops:>16,}{self.peak_bytes:>14,}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        shape = "-".join(str(width) for width in self.widths)
        costs = f"{self.dot_flops:,} FLOPs, {self.peak_bytes:,} bytes held"
        return f"Plan({shape}, {self.kind}, {self.text}, {costs})"


def plan(
    factors: Any,
    max_bytes: int | None = None,
    *,
    x: Any = None,
    params: Any = None,
    value_flops: int = 0,
    dtype: Any = None,
) -> Plan:
    """The cheapest way to the Jacobian of a chain, among those within a byte budget.

    Of several plans of equal cost the one of forward or reverse accumulation is taken if it is
    among them (of these two the one whose JAX mode is cheaper), then one that holds the least.

    Args:
        factors: The chain, first factor first; with `x` a function or a list of functions.
        max_bytes: Largest allowed peak of bytes held, see the module; `None` for no limit.
        x: A point of shape (n,), at which functions are counted as by `chain_factors`.
        params: Parameters of the function f(params, x), or one tree for each of a list.
        value_flops: FLOPs of the forward pass, added to every total.
        dtype: "float32" or "float64", for the bytes of a number; by default JAX's default.

    Raises:
        ValueError: If sizes of neighbours differ, or no plan fits: the message names the least
            budget that works.

    Example:
        >>> opaque = [Factor(n, m, 2 * n * m, 2 * n * m) for n, m in [(9, 9), (9, 1), (1, 9)]]
        >>> plan(opaque).text, plan(opaque).product_flops
        ('(T3 (J2 A1))', 342)
        >>> plan(lambda p, x: p @ x, x=jnp.ones(3), params=jnp.ones((2, 3))).tree.method
        'adjoints'
    """
    if x is not None:
        factors, dtype = factors_at(factors, x, params), jnp.asarray(x).dtype
    elif params is not None:
        raise ValueError("x: got None with params, expected the point at which f is counted.")
    chain = _chain(factors, dtype)
    if max_bytes is not None:
        check_positive(max_bytes=max_bytes)
    tree = _cheapest_within(chain, max_bytes)
    return Plan(chain.factors, tree, value_flops, chain.itemsize, max_bytes)


@functools.lru_cache(maxsize=256)
def _cheapest_within(chain: Chain, max_bytes: int | None) -> Node:
    # The cheapest of all holds the least among those of its cost: if it fits, it is the one.
    best = [best_tree(chain) or chain.table(cheapest)[0]]
    if max_bytes is not None and best[0].peak_bytes > max_bytes:
        best = chain.table(lambda found: front(found, max_bytes))
    if not best:
        least = (best_tree(chain, peak_first=True) or chain.table(smallest)[0]).peak_bytes
        raise ValueError(
            f"max_bytes: got {max_bytes}, expected at least {least}, the least that any bracketing "
            f"of {'-'.join(map(str, chain.widths))} holds at once. Raise the budget, or use "
            "Jacobian-vector products instead of the Jacobian."
        )
    return chain.named(best[0], max_bytes)


def plan_frontier(
    factors: Sequence[Factor], *, value_flops: int = 0, dtype: Any = None
) -> tuple[Plan, ...]:
    """All plans that no other plan beats in both FLOPs and bytes held, the cheapest first.

    Under a budget of b bytes the best plan is the first whose peak is at most b.

    Example:
        >>> for found in plan_frontier(layer_factors([4, 32, 8, 128, 8]), dtype="float32"):
        ...     print(found.text, found.product_flops, found.peak_bytes)
        (J4 (J3 (J2 J1))) 18432 2176
        ((J4 J3)(J2 J1)) 18944 512
    """
    chain = _chain(factors, dtype)
    trees = chain.table(lambda found: front(found, None))
    return tuple(
        Plan(chain.factors, chain.named(tree, tree.peak_bytes), value_flops, chain.itemsize)
        for tree in trees
    )


def plan_network(net: Network, *, max_bytes: int | None = None, dtype: Any = None) -> Plan:
    """The cheapest bracketing of the layer Jacobians of a network, its value included.

    Args:
        net: A network, or its widths from the input to the output.
        max_bytes: Largest allowed peak of bytes held by one point, see the module.
        dtype: "float32" or "float64"; by default that of the network, JAX's default for widths.

    Raises:
        ValueError: If the widths are not positive integers, or no plan fits the budget.

    Example:
        >>> best = plan_network([512, 512, 8, 512, 512], dtype="float32")
        >>> best
        Plan(512-512-8-512-512, mixed, ((J4 J3)(J2 J1)), 13,647,872 FLOPs, 1,081,344 bytes held)
        >>> best.jacfwd_flops, best.jacrev_flops
        (546324480, 546324480)
        >>> plan_network([2, 64, 64, 1]).kind
        'reverse'
    """
    factors, value_flops, dtype = _network(net, dtype)
    return plan(factors, max_bytes, value_flops=value_flops, dtype=dtype)


def forward_plan(net: Network, *, dtype: Any = None) -> Plan:
    """Forward accumulation without the identity: 2P + 2n (P - n_0 n_1) FLOPs, value included.

    Example:
        >>> forward_plan([16, 32, 24, 8])
        Plan(16-32-24-8, forward, (J3 (J2 J1)), 33,664 FLOPs, ... bytes held)
    """
    return _pure_plan(net, "forward", dtype)


def reverse_plan(net: Network, *, dtype: Any = None) -> Plan:
    """Reverse accumulation without the identity: 2P + 2m (P - n_{L-1} n_L), value included.

    Example:
        >>> reverse_plan([16, 32, 24, 8])
        Plan(16-32-24-8, reverse, ((J3 J2) J1), 23,424 FLOPs, ... bytes held)
    """
    return _pure_plan(net, "reverse", dtype)


def structured_plan(net: Network, *, dtype: Any = None) -> Plan:
    """The cheaper of forward and reverse accumulation; reverse, if they cost the same.

    Example:
        >>> structured_plan([2, 3, 6, 3]).kind
        'reverse'
    """
    pure = reverse_plan(net, dtype=dtype), forward_plan(net, dtype=dtype)
    return min(pure, key=lambda plan: plan.dot_flops)


def layer_factors(net: Network) -> tuple[Factor, ...]:
    """The layers of a network as factors: known matrices D W, products at 2 n_l n_{l-1} FLOPs.

    Example:
        >>> layer_factors([3, 2])[0].tangent_flops
        12
    """
    widths = widths_of(net)
    return tuple(
        Factor(n, m, tangent_flops=2 * n * m, adjoint_flops=2 * n * m, matrix_flops=0)
        for n, m in itertools.pairwise(widths)
    )


# Arguments


def _pure_plan(net: Network, kind: Kind, dtype: Any) -> Plan:
    factors, value_flops, dtype = _network(net, dtype)
    chain = _chain(factors, dtype)
    return Plan(chain.factors, _pure(chain, kind), value_flops, chain.itemsize)


def _pure(chain: Chain, kind: Kind) -> Node:
    tree = chain.pure(kind)
    if tree is None:
        raise _no_mode(kind)
    return tree


def _no_mode(kind: Kind) -> ValueError:
    return ValueError(
        f"factors: got one without {kind} mode, expected it of every factor. Use plan(factors), "
        "which mixes the modes."
    )


def _network(net: Network, dtype: Any) -> tuple[tuple[Factor, ...], int, Any]:
    factors = layer_factors(net)
    kind = net.dtype if isinstance(net, MLP) and dtype is None else dtype
    return factors, sum(factor.tangent_flops or 0 for factor in factors), kind


def _chain(factors: Sequence[Factor], dtype: Any) -> Chain:
    chain = tuple(factors) if isinstance(factors, Iterable) else ()
    if not chain or not all(isinstance(factor, Factor) for factor in chain):
        raise ValueError(
            f"factors: got {factors!r}, expected a list of at least one Factor. Write "
            "plan_network(net) for a network, plan(chain_factors(fns, x)) or plan(fns, x=x) for "
            "functions."
        )
    for i, (one, two) in enumerate(itertools.pairwise(chain), 1):
        if one.out_size != two.in_size:
            raise ValueError(
                f"factors: got out_size {one.out_size} of factor {i} before in_size {two.in_size}, "
                "expected equal sizes of neighbours, first factor first."
            )
    return Chain(chain, np.dtype(float_dtype(dtype)).itemsize)
