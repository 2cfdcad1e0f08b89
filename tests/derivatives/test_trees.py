"""One rule for trees: floating-point leaves are differentiated, all others are held fixed."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives._trees import as_tree, check_same_shape, is_tree

d = al.derivatives
X = jnp.asarray([0.5, 0.3, -1.2])
FLOAT0 = np.zeros(2, jax.dtypes.float0)


@jax.tree_util.register_pytree_node_class
@dataclasses.dataclass
class Layer:
    weight: object
    scale: object
    steps: object
    name: object

    def tree_flatten(self):
        return (self.weight, self.scale, self.steps, self.name), None

    @classmethod
    def tree_unflatten(cls, _, children):
        return cls(*children)


def value_of(weight, scale, steps, fn):
    """steps is used as a Python number, which a traced array could not be."""
    total = 0.0
    for _ in range(steps):
        total = total + scale * jnp.sum(fn(weight))
    return total


# Every kind of tree with the same four numbers, and what is to be held fixed.
TREES = {
    "dict": (
        {"w": X, "c": 1.5, "n": 2, "g": jnp.sin, "name": "sin", "on": True, "none": None},
        lambda t: value_of(t["w"], t["c"], t["n"], t["g"]),
        lambda t: (t["w"], t["c"]),
    ),
    "tuple": (
        (X, 1.5, 2, jnp.sin, np.arange(3), FLOAT0),
        lambda t: value_of(t[0], t[1], t[2], t[3]),
        lambda t: (t[0], t[1]),
    ),
    "list": (
        [X, np.float64(1.5), np.int32(2), jnp.sin, "sin", jax.random.key(0)],
        lambda t: value_of(t[0], t[1], t[2], t[3]),
        lambda t: (t[0], t[1]),
    ),
    "node": (
        Layer(X, 1.5, 2, jnp.sin),
        lambda t: value_of(t.weight, t.scale, t.steps, t.name),
        lambda t: (t.weight, t.scale),
    ),
    "nested": (
        {"a": [X, {"n": 2}], "b": (1.5, jnp.asarray(True), jnp.sin)},
        lambda t: value_of(t["a"][0], t["b"][0], t["a"][1]["n"], t["b"][2]),
        lambda t: (t["a"][0], t["b"][0]),
    ),
}
SLOPES = (3.0 * np.cos(X), 2.0 * float(np.sum(np.sin(X))))


def fixed_of(tree, moved):
    """All leaves but those two, `None` included."""
    leaves = jax.tree.leaves(tree, is_leaf=lambda leaf: leaf is None)
    return [leaf for leaf in leaves if not any(leaf is one for one in moved)]


METHODS = ["auto", "forward", "reverse", "chunked", "differences"]


@pytest.mark.parametrize("name", mostly_slow(list(TREES), ["dict", "tuple"]))
def test_gradients_and_products(name):
    tree, f, moved = TREES[name]
    slope = d.gradient(f, tree)
    for found, expected in zip(moved(slope), SLOPES, strict=True):
        laws.close(found, expected, c=16, scale=5.0)
    assert all(leaf is None for leaf in fixed_of(slope, moved(slope)))
    squares = float(np.sum(SLOPES[0] ** 2) + SLOPES[1] ** 2)
    along = d.jacobian_vector_product(f, tree, slope)  # None where nothing moves
    laws.close(along, squares, c=64, scale=30.0)
    full = jax.tree.map(lambda a: a, tree)  # or the leaves themselves
    expected = float(SLOPES[0] @ X + 1.5 * SLOPES[1])
    laws.close(d.jacobian_vector_product(f, tree, full), expected, c=64, scale=30.0)
    back = d.vector_jacobian_product(f, tree, 2.0)
    laws.close(moved(back)[0], 2.0 * SLOPES[0], c=16, scale=5.0)
    second = d.hessian_vector_product(f, tree, slope)
    wanted = -3.0 * np.sin(X) * SLOPES[0] + 2.0 * np.cos(X) * SLOPES[1]
    laws.close(moved(second)[0], wanted, c=64, scale=30.0)


@pytest.mark.parametrize("name", mostly_slow(list(TREES), ["node"]))
@pytest.mark.parametrize("method", mostly_slow(METHODS, ["auto", "differences"]))
def test_jacobians(name, method):
    tree, f, moved = TREES[name]
    vector = lambda t: jnp.stack([f(t), 2.0 * f(t)])  # noqa: E731
    value, found = d.value_and_jacobian(vector, tree, method)
    assert value.shape == (2,)
    c = 1e9 if method == "differences" else 64
    for block, expected in zip(moved(found), SLOPES, strict=True):
        laws.close(block, np.stack([expected, 2.0 * np.asarray(expected)]), c=c, scale=9.0)
    assert all(leaf is None for leaf in fixed_of(found, moved(found)))
    if method == "auto":
        assert d.choose(vector, tree).method in ("forward", "reverse")


def test_a_network_is_a_tree():
    net = al.MLP.init(jax.random.key(0), 3, (4,), "tanh", out_size=2, dtype="float64")
    found = d.jacobian(lambda net: net(X), net)
    expected = jax.jacrev(lambda net: net(X))(net)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        laws.close(ours, theirs, c=64, scale=3.0)


def test_values_that_are_trees():
    def f(x):
        return {"y": x**2, "n": jnp.argmax(x), "flag": x > 0.0, "word": "here"}

    found = d.jacobian_vector_product(f, X, jnp.ones(3))
    laws.close(found.pop("y"), 2.0 * X, c=4, scale=3.0)
    assert found == {"n": None, "flag": None, "word": None}
    u = {"y": [1.0, 2.0, 3.0], "n": None, "flag": None, "word": None}
    laws.close(d.vector_jacobian_product(f, X, u), 2.0 * X * jnp.arange(1.0, 4.0), c=4, scale=9.0)


def test_lists_of_numbers_are_arrays_where_one_is_wanted():
    assert [is_tree(x) for x in (1.0, [1.0, 2], ((1.0,), (2.0,)), [X, 1.0], {"a": 1}, "word")] == [
        False,
        False,
        False,
        True,
        True,
        False,
    ]
    laws.close(d.jacobian(jnp.square, [1.0, 2.0]), np.diag([2.0, 4.0]), c=4, scale=4.0)
    by_list = d.vector_jacobian_product(jnp.square, X, [1.0, 2.0, 3.0])
    laws.close(by_list, 2.0 * X * jnp.arange(1.0, 4.0), c=4, scale=9.0)
    by_row = d.vector_jacobian_product(lambda x: {"a": x}, X, {"a": [1.0, 2.0, 3.0]})
    laws.close(by_row, [1.0, 2.0, 3.0], c=4, scale=3.0)
    laws.close(d.jacobian(lambda x: x**2, 1.5), 3.0, c=4, scale=3.0)
    assert d.gradient(lambda x: 3.0, X).tolist() == [0.0, 0.0, 0.0]
    assert d.jacobian(lambda x: 3.0, X, "forward").tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("method", mostly_slow(METHODS, ["auto", "differences"]))
def test_no_entries(method):
    none = jnp.zeros(0)
    assert d.jacobian(jnp.sin, none, method).shape == (0, 0)
    assert d.jacobian(jnp.sum, none, method).shape == (0,)
    assert d.jacobian(lambda x: jnp.ones((2, 3)) * jnp.sum(x), none, method).shape == (2, 3, 0)
    assert d.jacobian(lambda x: x[:0], X, method).shape == (0, 3)
    assert d.gradient(jnp.sum, none).shape == (0,)


# Refusals

INTEGERS = {
    "int": lambda x: jnp.round(x).astype(int),
    "bool": lambda x: x > 0.0,
    "argmax": jnp.argmax,
    "python": lambda x: 3,
    "float0": lambda x: FLOAT0,
}


@pytest.mark.parametrize("name", INTEGERS)
def test_values_without_derivative_are_refused_by_name(name):
    f = INTEGERS[name]
    words = "f: got (values of )?dtype (int|bool|float0).*, expected floating-point numbers"
    calls = [
        lambda: d.gradient(f, X),
        lambda: d.jacobian_vector_product(f, X, X),
        lambda: d.vector_jacobian_product(f, X, X),
        lambda: d.hessian_vector_product(f, X, X),
    ]
    if name != "float0":  # which JAX itself does not trace
        methods = ("auto", "forward", "reverse", "chunked", "differences")
        calls += [lambda m=m: d.jacobian(f, X, m) for m in methods]
    for call in calls:
        with pytest.raises(TypeError, match=words):
            call()


def numpy_net(x):
    return np.tanh(np.ones((2, 3)) @ np.asarray(x))


TRACED = {
    "if": lambda x: x if x[0] > 0.0 else -x,
    "while": lambda x: x if all(x > 0.0) else -x,
    "math": lambda x: math.sin(x[0]) * x,
    "float": lambda x: float(x[0]) * x,
    "numpy": numpy_net,
    "index": lambda x: [1.0, 2.0, 3.0][x[0].astype(int)] * x,
    "mask": lambda x: x[x > 0.0],
}


@pytest.mark.parametrize("name", TRACED)
def test_functions_that_are_not_of_jax(name):
    f = TRACED[name]
    calls = [lambda: d.jacobian(f, X), lambda: d.choose(f, X), lambda: d.jacobian(f, X, "chunked")]
    if name in ("math", "float", "numpy"):  # elsewhere the branch taken has a derivative
        calls += [
            lambda: d.gradient(lambda x: jnp.sum(f(x)), X),
            lambda: d.jacobian_vector_product(f, X, X),
            lambda: d.chain_jacobian([jnp.sin, f], X),
        ]
    for call in calls:
        with pytest.raises(TypeError, match=r"jnp.where in place of `if`, and jnp.sin in place of"):
            call()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: d.gradient(jnp.sum, {"n": 3}), TypeError, "x: got dtype int64, expected floating"),
        (lambda: d.gradient(jnp.sum, "word"), TypeError, "x: got a str, expected floating"),
        (lambda: d.gradient(jnp.sum, []), TypeError, "x: got no leaves"),
        (lambda: d.jacobian(jnp.sum, {"n": 3}), TypeError, "x: got dtype int64"),
        (lambda: d.jacobian(jnp.sum, "word"), TypeError, "x: got str"),
        (lambda: d.jacobian(jnp.sum, None), TypeError, "x: got no leaves"),
        (
            lambda: d.jacobian_vector_product(jnp.sin, X, jnp.ones((3, 1))),
            ValueError,
            r"v: got shape \(3, 1\), expected \(3,\), that of x",
        ),
        (
            lambda: d.vector_jacobian_product(jnp.sin, X, 1.0),
            ValueError,
            r"u: got shape \(\), expected \(3,\), that of the value of f",
        ),
        (
            lambda: d.jacobian_vector_product(lambda t: t["a"], {"a": X}, {"b": X}),
            ValueError,
            "v: got a tree .* that of x",
        ),
        (lambda: d.chain_jacobian([jnp.sin, jnp.argsort], X), TypeError, "fns: got values of"),
        (lambda: check_same_shape("Y", (3, 4), (3,), "f"), ValueError, r"Y: got shape \(3, 4\)"),
        (lambda: as_tree("x", (1, True)), TypeError, "x: got dtype int64, dtype bool"),
    ],
)  # fmt: skip
def test_messages(call, error, words):
    with pytest.raises(error, match=words):
        call()
