"""The table of matrix-calculus shapes: every row against JAX, entry by entry."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest

from approxlab.derivatives import shapes
from approxlab.derivatives.shapes import CLOSED_FORMS, TABLE, markdown, total_derivative

LENGTHS = {"l": 4, "m": 3, "n": 2, "p": 3, "q": 2, "k": 2}


def numbers(seed, *shape):
    """Off the origin."""
    return jnp.asarray(np.random.default_rng(seed).uniform(1.0, 2.0, shape))


def lengths(axes):
    return tuple(LENGTHS[axis] for axis in axes)


def curved(argument, value, seed=0):
    """A function with random coefficients from arrays of one shape to arrays of another."""
    C = numbers(seed, *value, *argument)
    return lambda x: jnp.sin(jnp.tensordot(C, x, axes=len(argument)) / (1 + C.size))


def differences(f, x, step=2.0**-16):
    """The oracle: every entry of the argument moved by itself, in NumPy; argument axes last."""
    x = np.asarray(x, float)
    columns = []
    for index in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[index] = step
        columns.append((np.asarray(f(x + e)) - np.asarray(f(x - e))) / (2 * step))
    D = np.stack(columns, axis=-1)
    return D.reshape(*D.shape[:-1], *x.shape)


ROWS = [row for row in TABLE if row.function != "total_derivative"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.expression)
def test_rows_have_the_shape_and_the_entries_they_state(row):
    value, argument = lengths(row.value), lengths(row.argument)
    f, x = curved(argument, value), numbers(1, *argument)
    D = getattr(shapes, row.function)(f, x)
    assert f(x).shape == value
    assert D.shape == lengths(row.derivative) == (*value, *argument)
    assert row.derivative == (*row.value, *row.argument)  # numerator layout
    assert np.max(np.abs(D - differences(f, x))) < 1e-8
    name = "X" if len(argument) == 2 else "x" if argument else "t"
    called = eval(row.call, {"jax": jax, "f": f, name: x})
    assert called.dtype == D.dtype
    laws.close(called, D, c=4, scale=4.0)
    with pytest.raises(AssertionError):  # the twin: wrong by a thousandth
        laws.close(1.001 * called, D, c=4, scale=4.0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.expression)
def test_the_entry_formula_is_the_entry(row):
    """What the row says stands at D[index], read from its text and differentiated alone."""
    left, top, bottom = re.fullmatch(r"D\[(.*)\] = d(.*)/d(.*)", row.entry).groups()
    names = left.split(", ")
    value, argument = lengths(row.value), lengths(row.argument)
    f, x = curved(argument, value), numbers(1, *argument)
    D = getattr(shapes, row.function)(f, x)

    def place(text):
        """The positions of the indices of y among those of D; none for a number."""
        inside = re.search(r"\[(.*)\]", text)
        return [names.index(i) for i in inside[1].split(", ")] if inside else []

    for index in np.ndindex(D.shape):
        out = tuple(index[i] for i in place(top))
        inn = tuple(index[i] for i in place(bottom))
        e = np.zeros(argument)
        e[inn] = 2.0**-16
        one = (f(x + e)[out] - f(x - e)[out]) / 2.0**-15
        assert abs(float(one - D[index])) < 1e-8, (row.expression, index)


def test_the_total_derivative_is_the_sum_over_paths():
    """f(x(t), y(t), t) with three paths; each term by hand, their sum by differences."""
    t = 1.7
    found = total_derivative(
        lambda x, y, t: x**2 * y + t, [jnp.sin, lambda t: t**3, lambda t: t], t
    )
    x, y = np.sin(t), t**3
    by_hand = [2 * x * y * np.cos(t), x**2 * 3 * t**2, 1.0]
    for term, expected in zip(found.terms, by_hand, strict=True):
        laws.close(term, expected, c=16, scale=20.0)
    laws.close(found.total, sum(by_hand), c=16, scale=20.0)
    laws.close(found.value, x**2 * y + t, c=16, scale=10.0)
    whole = jax.grad(lambda t: jnp.sin(t) ** 2 * t**3 + t)(t)
    laws.close(found.total, whole, c=16, scale=20.0)
    with pytest.raises(AssertionError):  # the twin: one path forgotten
        laws.close(sum(found.terms[:2]), whole, c=16, scale=20.0)
    assert repr(found) == "TotalDerivative(3 paths, value of shape ())"


def test_paths_of_vectors():
    A = numbers(1, 3, 2)
    f = lambda x, y: A @ x * y  # noqa: E731
    paths = [lambda t: jnp.stack([t, t**2]), lambda t: jnp.stack([jnp.exp(t), t, jnp.ones_like(t)])]
    found = total_derivative(f, paths, 0.5)
    assert found.total.shape == found.value.shape == (3,)
    laws.close(found.total, jax.jacfwd(lambda t: f(*(p(t) for p in paths)))(0.5), c=32, scale=10.0)
    (row,) = [row for row in TABLE if row.function == "total_derivative"]
    xs, dxs = zip(*(jax.jvp(p, (jnp.array(0.5),), (jnp.array(1.0),)) for p in paths), strict=True)
    laws.close(
        eval(row.call, {"jax": jax, "f": f, "xs": xs, "dxs": dxs}), found.total, c=32, scale=10.0
    )


def forms():
    """Every closed form of the table: the function, the argument, the derivative in NumPy."""
    m, n = LENGTHS["m"], LENGTHS["n"]
    W, x, b, v, z = numbers(1, m, n), numbers(2, n), numbers(3, m), numbers(4, m), numbers(5, n)
    A, B, X = numbers(6, n, n), numbers(7, m, n), numbers(8, n, n) + 3.0 * jnp.eye(n)
    tall, side = numbers(9, m, n), numbers(10, m)
    layer = np.zeros((m, m, n))
    layer[range(m), range(m)] = x
    return {
        ("W x", "x"): (lambda x: W @ x, x, W),
        ("W x", "W"): (lambda W: W @ x, W, layer),
        ("W x + b", "b"): (lambda b: W @ x + b, b, np.eye(m)),
        ("s(z)", "z"): (jnp.tanh, z, np.diag(1 - np.tanh(z) ** 2)),
        ("v . (W x)", "W"): (lambda W: v @ (W @ x), W, np.outer(v, x)),
        ("v . (W x)", "x"): (lambda x: v @ (W @ x), x, W.T @ v),
        ("x . (A x)", "x"): (lambda x: x @ (A @ x), x, (A + A.T) @ x),
        ("|A x - b|^2", "x"): (
            lambda x: jnp.sum((tall @ x - side) ** 2),
            x,
            2 * tall.T @ (tall @ x - side),
        ),
        ("trace(B X)", "X"): (lambda X: jnp.trace(B @ X), numbers(11, n, m), B.T),
        ("log det X", "X"): (lambda X: jnp.linalg.slogdet(X)[1], X, np.linalg.inv(X).T),
    }


def test_closed_forms():
    known = forms()
    assert [(row.value, row.by) for row in CLOSED_FORMS] == list(known)
    for row in CLOSED_FORMS:
        f, x, expected = known[row.value, row.by]
        D = jax.jacobian(f)(x)
        assert D.shape == lengths(row.shape), row.value
        laws.close(D, expected, c=64, scale=30.0)
        with pytest.raises(AssertionError):  # the twin
            laws.close(1.0001 * D, expected, c=64, scale=30.0)


def test_the_table_in_markdown():
    text = markdown()
    lines = text.split("\n")
    assert lines[0].startswith("| expression | value | argument | derivative | entry |")
    assert lines[1] == "|---|---|---|---|---|---|---|---|"
    assert len(lines) == 2 + len(TABLE)
    cells = {len(re.split(r"(?<!\\)\|", line)) for line in lines}
    assert cells == {10}
    assert "| dy/dX | (l,) | (n, m) | (l, n, m) | D[k, i, j] = dy[k]/dX[i, j] |" in text
    assert r"| \|A x - b\|^2 |" in markdown(CLOSED_FORMS)
    with pytest.raises(ValueError, match="rows: got none"):
        markdown(())


def test_the_page_shows_the_tables():
    page = (Path(__file__).parent.parent.parent / "docs" / "matrix_calculus.md").read_text()
    assert markdown() in page
    assert markdown(CLOSED_FORMS) in page


def test_dtypes_and_programs():
    x = jnp.ones(3, "float32")
    assert shapes.gradient_by_vector(lambda x: x @ x, x).dtype == jnp.float32
    assert shapes.vector_by_scalar(lambda t: jnp.stack([t, t]), x[0]).dtype == jnp.float32
    f = jax.jit(lambda x: shapes.jacobian_by_vector(jnp.sin, x))
    laws.close(f(jnp.ones(2)), np.cos(1.0) * np.eye(2), c=4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: shapes.gradient_by_vector(jnp.sin, jnp.ones(2)),
            ValueError,
            "f: got values of shape \\(2,\\), expected a number",
        ),
        (
            lambda: shapes.jacobian_by_vector(jnp.sum, jnp.ones(2)),
            ValueError,
            "f: got values of shape \\(\\), expected a vector",
        ),
        (
            lambda: shapes.vector_by_matrix(jnp.sin, jnp.ones(2)),
            ValueError,
            "X: got shape \\(2,\\), expected a matrix",
        ),
        (
            lambda: shapes.matrix_by_scalar(jnp.sin, jnp.ones(2)),
            ValueError,
            "t: got shape \\(2,\\), expected a number",
        ),
        (
            lambda: shapes.gradient_by_vector(jnp.sum, jnp.arange(2)),
            TypeError,
            "x: got dtype int64",
        ),
        (lambda: total_derivative(jnp.sin, [], 1.0), ValueError, "paths: got none"),
        (lambda: total_derivative(jnp.sin, [jnp.cos], jnp.ones(2)), ValueError, "t: got shape"),
    ],
)
def test_messages(call, error, words):
    with pytest.raises(error, match=words):
        call()
