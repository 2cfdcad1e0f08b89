"""The shapes of matrix calculus: derivatives of scalars, vectors and matrices, entry by entry.

One rule gives all of them: the axes of the value come first, then those of the argument. It is the
numerator layout where both are vectors, the Jacobian of y in R^m by x in R^n being (m, n), and it
is what `jax.jacobian` returns. A scalar has no axes, so the gradient by a vector is a vector (n,),
not a row, and that by a matrix has the matrix's own shape; books that keep the numerator layout
strictly write both transposed.

`TABLE` states the shapes, `CLOSED_FORMS` some derivatives that are often needed; both are data, so
that each row can be tested and printed (`markdown`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from approxlab.derivatives._absent_modes import Mode, as_jax_function, by_mode_that_exists
from approxlab.derivatives.vector_products import jacobian_vector_product

__all__ = [
    "CLOSED_FORMS",
    "TABLE",
    "ClosedForm",
    "ShapeRow",
    "TotalDerivative",
    "gradient_by_matrix",
    "gradient_by_vector",
    "jacobian_by_vector",
    "markdown",
    "matrix_by_matrix",
    "matrix_by_scalar",
    "total_derivative",
    "vector_by_matrix",
    "vector_by_scalar",
]

Function = Callable[[Array], Array]


@dataclasses.dataclass(frozen=True)
class ShapeRow:
    """One row of the table of shapes.

    Attributes:
        expression: The derivative as it is written.
        value: Axes of the value, by name.
        argument: Axes of the argument, by name.
        derivative: Axes of the derivative, by name.
        entry: The entries, by index.
        layout: The convention, and that of other books.
        function: Name of the function of this module that computes it.
        call: The same in JAX.
    """

    expression: str
    value: tuple[str, ...]
    argument: tuple[str, ...]
    derivative: tuple[str, ...]
    entry: str
    layout: str
    function: str
    call: str


@dataclasses.dataclass(frozen=True)
class ClosedForm:
    """One derivative in closed form.

    Attributes:
        value: The function.
        by: The variable.
        derivative: The result.
        shape: Its axes, by name.
        remark: Where it occurs.
    """

    value: str
    by: str
    derivative: str
    shape: tuple[str, ...]
    remark: str


TABLE: tuple[ShapeRow, ...] = (
    ShapeRow("dy/dt", ("m",), (), ("m",), "D[i] = dy[i]/dt", "a column: numerator layout",
          "vector_by_scalar", "jax.jacfwd(f)(t)"),
    ShapeRow("dY/dt", ("m", "n"), (), ("m", "n"), "D[i, j] = dY[i, j]/dt", "numerator layout",
          "matrix_by_scalar", "jax.jacfwd(f)(t)"),
    ShapeRow("df/dx", (), ("n",), ("n",), "D[j] = df/dx[j]",
          "the gradient, neither row nor column; strict numerator layout: a row",
          "gradient_by_vector", "jax.grad(f)(x)"),
    ShapeRow("dy/dx", ("m",), ("n",), ("m", "n"), "D[i, j] = dy[i]/dx[j]",
          "the Jacobian: numerator layout; denominator layout: its transpose (n, m)",
          "jacobian_by_vector", "jax.jacobian(f)(x)"),
    ShapeRow("df/dX", (), ("m", "n"), ("m", "n"), "D[i, j] = df/dX[i, j]",
          "the shape of X; strict numerator layout: its transpose (n, m)",
          "gradient_by_matrix", "jax.grad(f)(X)"),
    ShapeRow("dy/dX", ("l",), ("n", "m"), ("l", "n", "m"), "D[k, i, j] = dy[k]/dX[i, j]",
          "value first, then argument", "vector_by_matrix", "jax.jacobian(f)(X)"),
    ShapeRow("dY/dX", ("p", "q"), ("m", "n"), ("p", "q", "m", "n"),
          "D[k, l, i, j] = dY[k, l]/dX[i, j]",
          "value first, then argument", "matrix_by_matrix", "jax.jacobian(f)(X)"),
    ShapeRow("df/dt along x_1(t), ..., x_k(t)", (), (), (), "D = sum over i of df/dx_i dx_i/dt",
          "a sum over paths; for vectors x_i each term is a row times a column",
          "total_derivative", "jax.jvp(f, xs, dxs)[1]"),
)  # fmt: skip
"""The shapes, a row each: tested against JAX entry by entry."""

CLOSED_FORMS: tuple[ClosedForm, ...] = (
    ClosedForm("W x", "x", "W", ("m", "n"), "a layer, in its input"),
    ClosedForm(
        "W x",
        "W",
        "D[k, i, j] = x[j] if k = i, else 0",
        ("m", "m", "n"),
        "a layer, in its weights: one entry in m is not zero",
    ),
    ClosedForm("W x + b", "b", "I", ("m", "m"), "a layer, in its bias"),
    ClosedForm("s(z)", "z", "diag(s'(z))", ("n", "n"), "an activation"),
    ClosedForm("v . (W x)", "W", "v x^T", ("m", "n"), "the pullback of a layer: an outer product"),
    ClosedForm("v . (W x)", "x", "W^T v", ("n",), "the pullback of a layer, to its input"),
    ClosedForm("x . (A x)", "x", "(A + A^T) x", ("n",), "a quadratic form"),
    ClosedForm("|A x - b|^2", "x", "2 A^T (A x - b)", ("n",), "least squares"),
    ClosedForm("trace(B X)", "X", "B^T", ("n", "m"), "a linear function of a matrix"),
    ClosedForm("log det X", "X", "X^-T", ("n", "n"), "for det X > 0"),
)
"""Derivatives in closed form, a row each: tested against JAX."""


def gradient_by_vector(f: Function, x: Any) -> Inexact[Array, " n"]:
    """df/dx of a scalar by a vector, shape (n,): D[j] = df/dx[j].

    Example:
        >>> gradient_by_vector(lambda x: x[0] * x[1], jnp.array([2.0, 5.0])).tolist()
        [5.0, 2.0]
    """
    return _derivative(f, x, 0, 1)


def jacobian_by_vector(f: Function, x: Any) -> Inexact[Array, "m n"]:
    """The Jacobian dy/dx of a vector by a vector, shape (m, n): D[i, j] = dy[i]/dx[j].

    Example:
        >>> f = lambda x: jnp.stack([x[0] * x[1], x[0], x[1] ** 2])
        >>> jacobian_by_vector(f, jnp.array([2.0, 5.0])).tolist()
        [[5.0, 2.0], [1.0, 0.0], [0.0, 10.0]]
    """
    return _derivative(f, x, 1, 1)


def gradient_by_matrix(f: Function, X: Any) -> Inexact[Array, "m n"]:
    """df/dX of a scalar by a matrix, the shape (m, n) of X: D[i, j] = df/dX[i, j].

    Example:
        >>> X = jnp.array([[2.0, 3.0], [4.0, 5.0]])
        >>> gradient_by_matrix(lambda X: X[0, 0] * X[1, 1], X).tolist()
        [[5.0, 0.0], [0.0, 2.0]]
    """
    return _derivative(f, X, 0, 2)


def vector_by_matrix(f: Function, X: Any) -> Inexact[Array, "l n m"]:
    """dy/dX of a vector in R^l by a matrix (n, m), shape (l, n, m): D[k, i, j] = dy[k]/dX[i, j].

    Example:
        >>> vector_by_matrix(lambda X: X[:, 0], jnp.ones((2, 3))).tolist()
        [[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]]
    """
    return _derivative(f, X, 1, 2)


def matrix_by_matrix(f: Function, X: Any) -> Inexact[Array, "p q m n"]:
    """dY/dX of a matrix by a matrix, shape (p, q, m, n): D[k, l, i, j] = dY[k, l]/dX[i, j].

    Example:
        >>> matrix_by_matrix(lambda X: X.T, jnp.ones((2, 3))).shape
        (3, 2, 2, 3)
    """
    return _derivative(f, X, 2, 2)


def vector_by_scalar(f: Function, t: Any) -> Inexact[Array, " m"]:
    """dy/dt of a vector by a scalar, shape (m,): D[i] = dy[i]/dt.

    Example:
        >>> vector_by_scalar(lambda t: jnp.stack([t, t**2]), 3.0).tolist()
        [1.0, 6.0]
    """
    return _derivative(f, t, 1, 0)


def matrix_by_scalar(f: Function, t: Any) -> Inexact[Array, "m n"]:
    """dY/dt of a matrix by a scalar, shape (m, n): D[i, j] = dY[i, j]/dt.

    Example:
        >>> matrix_by_scalar(lambda t: jnp.array([[1.0, 2.0], [3.0, 4.0]]) * t, 3.0).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    return _derivative(f, t, 2, 0)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TotalDerivative:
    """df/dt as the sum over the paths from t to f.

    Attributes:
        value: f, of any shape.
        terms: One array per path i, df/dx_i dx_i/dt, shaped like the value.
    """

    value: Array
    terms: tuple[Array, ...]

    @property
    def total(self) -> Array:
        """The sum of the terms."""
        return sum(self.terms[1:], start=self.terms[0])

    def __repr__(self) -> str:
        return f"TotalDerivative({len(self.terms)} paths, value of shape {self.value.shape})"


@as_jax_function()
def total_derivative(
    f: Callable[..., Array], paths: Sequence[Callable[[Any], Array]], t: Any
) -> TotalDerivative:
    """df/dt of f(x_1(t), ..., x_k(t)): the sum over paths i of df/dx_i dx_i/dt, term by term.

    A function that depends on t directly as well has one more path, `lambda t: t`. Each x_i and the
    value may have any shape.

    Args:
        f: Function of k arguments.
        paths: The functions x_1 to x_k.
        t: The point, a number.

    Raises:
        ValueError: If there is no path, or t is not a number.

    Example:
        >>> found = total_derivative(lambda x, y: x * y, [jnp.sin, jnp.exp], 0.0)
        >>> [float(term) for term in found.terms], float(found.total)
        ([1.0, 0.0], 1.0)
    """
    if not paths:
        raise ValueError("paths: got none, expected at least one function of t.")
    t = _argument("t", t, 0)
    moved = [_moved(path, (t,), (jnp.ones_like(t),)) for path in paths]
    points = [jnp.asarray(point) for point, _ in moved]
    terms = []
    for i, (_, speed) in enumerate(moved):
        # All other arguments stand still: the derivative along one path.
        still = [jnp.zeros_like(point) for point in points]
        still[i] = speed
        value, term = _moved(f, tuple(points), tuple(still))
        terms.append(term)
    return TotalDerivative(value, tuple(terms))


def _moved(f: Callable[..., Any], at: tuple[Any, ...], speeds: tuple[Any, ...]) -> tuple[Any, Any]:
    """The value, and how fast it moves, by the mode that f has."""

    def run(mode: Mode) -> tuple[Any, Any]:
        if mode == "forward":
            return jax.jvp(f, at, speeds)
        return f(*at), jacobian_vector_product(lambda xs: f(*xs), at, speeds)

    return by_mode_that_exists(("forward", "reverse"), f, at, run)


def markdown(rows: Sequence[ShapeRow | ClosedForm] = TABLE) -> str:
    """The table of shapes, or of closed forms, in Markdown.

    Example:
        >>> print(markdown(CLOSED_FORMS[:1]))
        | value | by | derivative | shape | remark |
        |---|---|---|---|---|
        | W x | x | W | (m, n) | a layer, in its input |
    """
    if not rows:
        raise ValueError("rows: got none, expected rows of TABLE or CLOSED_FORMS.")
    names = [field.name for field in dataclasses.fields(rows[0])]
    lines = [names, ["---"] * len(names)]
    lines += [[_cell(getattr(row, name)) for name in names] for row in rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return text.replace("| --- ", "|---").replace("|--- |", "|---|")


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(value)}{',' if len(value) == 1 else ''})"
    # A bar would end the cell.
    return str(value).replace("|", r"\|")


_KINDS = ("a number", "a vector", "a matrix")


def _derivative(f: Function, x: Any, value_rank: int, argument_rank: int) -> Array:
    """D of shape value + argument: by forward mode for a number, by reverse mode otherwise.

    Complex values by forward mode, which does not lose their imaginary part.
    """
    x = _argument("t" if argument_rank == 0 else "xX"[argument_rank - 1], x, argument_rank)
    with as_jax_function():
        value = jax.eval_shape(f, x)
    if not hasattr(value, "shape"):
        raise TypeError(f"f: got a {type(value).__name__} as value, expected one array.")
    shape = value.shape
    if len(shape) != value_rank:
        raise ValueError(
            f"f: got values of shape {shape}, expected {_KINDS[value_rank]}. The table of shapes "
            "(approxlab.derivatives.shapes.TABLE) names the function for every kind."
        )
    if not jnp.issubdtype(value.dtype, jnp.inexact):
        raise TypeError(
            f"f: got values of dtype {value.dtype}, expected floating-point numbers, which have "
            "derivatives. Write value.astype(float)."
        )
    forward = argument_rank == 0 or jnp.issubdtype(value.dtype, jnp.complexfloating)
    order: tuple[Mode, Mode] = ("forward", "reverse") if forward else ("reverse", "forward")

    def run(mode: Mode) -> Array:
        derivative: Array = (jax.jacfwd if mode == "forward" else jax.jacrev)(f)(x)
        return derivative

    return by_mode_that_exists(order, f, (x,), run)


def _argument(name: str, x: Any, rank: int) -> Array:
    array = jnp.asarray(x)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"{name}: got dtype {array.dtype}, expected floating-point numbers. Write "
            f"jnp.asarray({name}, float)."
        )
    if array.ndim != rank:
        raise ValueError(f"{name}: got shape {array.shape}, expected {_KINDS[rank]}.")
    return array


def __dir__() -> list[str]:
    return __all__
