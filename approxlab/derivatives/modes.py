"""The Jacobian of a function or network at a point, by the method that the caller chooses.

Forward mode pushes a basis of the inputs through the function, reverse mode pulls a basis of the
outputs back. Neither uses that the factors of a network's Jacobian are known matrices: "structured"
and "planned" multiply these. All give the same Jacobian, up to rounding; what differs is the cost,
which `choose` predicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array

from approxlab.arguments import check_positive
from approxlab.derivatives._absent_modes import Mode, by_mode_that_exists
from approxlab.derivatives._kept_loops import compiled_once
from approxlab.derivatives._methods import METHODS, TABLE, Method, Wrt, check_options
from approxlab.derivatives._point_programs import (
    as_point,
    is_batch,
    mapped,
    point_program,
    value_of,
)
from approxlab.derivatives._structures import MAX_BYTES, check_bytes
from approxlab.derivatives._trees import by_entries, is_tree
from approxlab.derivatives.choice import choose
from approxlab.derivatives.layers.weights import weight_jacobian
from approxlab.networks.mlp import MLP

__all__ = ["METHODS", "Method", "jacobian", "value_and_jacobian"]


def jacobian(f: Callable[..., Any], x: Any, method: Method = "auto", **options: Any) -> Any:
    """The Jacobian alone; see `value_and_jacobian`, which has the same arguments.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.asarray([1.0, 2.0])
        >>> jacobian(lambda x: jnp.stack([x[0] * x[1], x[1]]), x, "reverse").tolist()
        [[2.0, 1.0], [0.0, 1.0]]
    """
    return value_and_jacobian(f, x, method, **options)[1]


def value_and_jacobian(
    f: Callable[..., Any],
    x: Any,
    method: Method = "auto",
    *,
    wrt: Wrt = "inputs",
    chunk: int | None = None,
    scheme: Any = None,
    step: Any = None,
    max_bytes: int = MAX_BYTES,
    verbose: bool = False,
) -> tuple[Any, Any]:
    """f(x), and J[k, j] = df_k/dx_j at x; or a network's derivative in its weights.

    The methods, for a network of widths n = n_0, ..., n_L = m with P weights, c0 = n_0 n_1 in the
    first and cL in the last layer; FLOPs are those of the matrix products for one point, value
    included (`explain` shows all terms):

    | method | what is done | FLOPs |
    |---|---|---|
    | "forward" | n Jacobian-vector products together (as `jax.jacfwd`) | 2P (1 + n) |
    | "reverse" | m vector-Jacobian products together (as `jax.jacrev`) | 2P (1 + m) |
    | "chunked" | the cheaper of these, as many at once as fit into `max_bytes` | the same |
    | "differences" | n + 1 values (central: 2n), with an error of truncation | 2P (1 + n) |
    | "structured" | products from the cheaper end | 2P + 2n (P - c0), 2P + 2m (P - cL) |
    | "planned" | the same in the cheapest bracketing (`plan_network`) | at most those |
    | "auto" | what `choose` predicts to be fastest | |

    Args:
        f: A JAX function of one array, or a network.
        x: The point. For a network a point (d,) or a batch (N, d); else an array of any shape, or
            a tree, whose floating-point leaves are differentiated while all others are held fixed.
        method: One of the above; "structured" and "planned" need a network.
        wrt: "weights" gives the derivative of a network in its weights and biases, by "forward" or
            "reverse" as a network whose leaves have leading axes, by "structured" or "auto" as a
            `WeightJacobian` (of a batch of one point, for a point), which never forms such an
            array.
        chunk: For "chunked": how many sweeps at once; by default as many as `max_bytes` allows.
        scheme: For "differences": "forward" (the default), "backward" or "central".
        step: For "differences": the step, or an array of one per input; by default the best one
            for the dtype and the size of each input; see `difference_jacobian`.
        max_bytes: A Jacobian larger than this is refused before anything is computed, and so is an
            identity that is swept together.
        verbose: With "auto": prints the chosen method, and why.

    Returns:
        The value, and the Jacobian of shape (m, d), (N, m, d) for a batch; without the axis m for
        values of shape (). The dtype is that of the value, complex if that is. For a tree x, a tree
        with one such array per floating-point leaf, and `None` for the others.

    Raises:
        ValueError: If the method is unknown or not for this function, an option does not belong
            to it, or the Jacobian is larger than `max_bytes`; if f does not have the mode asked
            for (`while_loop` has no reverse, `custom_vjp` no forward mode), which "auto" and
            "chunked" never take.
        TypeError: If `x` or the value is not floating point, or f is not a JAX function.

    Example:
        >>> import jax.numpy as jnp
        >>> net = MLP.init(jax.random.key(0), 3, (8,), "tanh", out_size=2)
        >>> value, slopes = value_and_jacobian(net, jnp.ones(3), "planned")
        >>> value.shape, slopes.shape
        ((2,), (2, 3))
    """
    if method not in METHODS:
        raise ValueError(f"method: got {method!r}, expected one of {', '.join(METHODS)}.")
    if wrt not in ("inputs", "weights"):
        raise ValueError(f"wrt: got {wrt!r}, expected 'inputs' or 'weights'.")
    check_options(method, wrt, chunk=chunk, scheme=scheme, step=step, verbose=verbose)
    if callable(f) and not isinstance(f, MLP) and is_tree(x):
        f, x, cut = by_entries(f, x)
    else:
        cut = None
    x = as_point(f, x)
    if wrt == "weights":
        if verbose and method == "auto":
            print("structured: the factors take no more work than their products, and less memory")
        return _in_weights(f, x, method, max_bytes)
    value = value_of(f, x)
    _check_fits(f, x, value, max_bytes)
    if method == "auto":
        chosen = choose(f, x)
        if verbose:
            print(chosen)
        method = chosen.method
    _check_basis(f, x, value, method, max_bytes)
    if chunk is not None:
        check_positive(chunk=chunk)
    each = max_bytes // max(1, len(x) if is_batch(f, x) else 1)
    program = point_program(
        method, chunk=chunk, max_bytes=each, scheme=scheme or "forward", step=step
    )
    if method in ("forward", "reverse"):
        mode: Mode = method
        found = by_mode_that_exists((mode,), f, (x,), lambda _: mapped(f, x, program))
    elif method == "chunked":

        def run(f: Callable[..., Any], x: Array) -> tuple[Array, Array]:
            return mapped(f, x, program)

        found = compiled_once(run, (method, chunk, each), f, x)
    else:
        found = mapped(f, x, program)
    return found if cut is None else (found[0], cut(found[1]))


def _check_fits(f: Callable[..., Any], x: Array, value: Any, max_bytes: int) -> None:
    """The size of the Jacobian, checked before anything is computed."""
    batch = x.shape[:1] if is_batch(f, x) else ()
    shape = (*batch, *value.shape, *x.shape[len(batch) :])
    instead = "jacobian_vector_product or vector_jacobian_product, one column or row at a time"
    check_bytes(shape, value.dtype, max_bytes, instead)


def _check_basis(f: Callable[..., Any], x: Array, value: Any, method: str, max_bytes: int) -> None:
    """The identity whose columns or rows are swept together is an array too."""
    point = jax.ShapeDtypeStruct(x.shape[is_batch(f, x) :], x.dtype)
    basis = next(row.basis for row in TABLE if row.name == method)
    if basis is None:
        return
    swept: Any = point if basis == "inputs" else value
    size = math.prod(swept.shape)
    check_bytes((size, size), swept.dtype, max_bytes, "method='chunked', which makes it in pieces")


def _in_weights(f: Callable[..., Any], x: Array, method: Method, max_bytes: int) -> Any:
    network = f if isinstance(f, MLP) else None
    if network is None:
        raise ValueError(f"wrt: got 'weights' for {type(f).__name__}, expected an MLP.")
    if method in ("auto", "structured"):
        kept = weight_jacobian(network, x if x.ndim == 2 else x[None])
        return kept.values if x.ndim == 2 else kept.values[0], kept
    if method not in [row.name for row in TABLE if row.in_weights]:
        raise ValueError(
            f"method: got {method!r} with wrt='weights', expected 'forward', 'reverse', or "
            "'structured', which keeps the structure."
        )
    batch = x.shape[:-1]
    outputs = () if network.out_size is None else (network.out_size,)
    instead = "method='structured', which keeps factors"
    shape = (*batch, *outputs, network.num_parameters)
    check_bytes(shape, network.dtype, max_bytes, instead)
    if method == "forward":  # pushes the identity of all parameters
        check_bytes((network.num_parameters,) * 2, network.dtype, max_bytes, instead)
    transform = jax.jacfwd if method == "forward" else jax.jacrev

    def at(point: Array) -> tuple[Array, Any]:
        return network(point), transform(lambda net: net(point))(network)

    return jax.vmap(at)(x) if batch else at(x)
