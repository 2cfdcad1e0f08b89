"""Functions of parameters and a point, which are no MLPs: kernels, gradients per sample, plans."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab import derivatives as d

X = jax.random.normal(jax.random.key(0), (5, 2))
X2 = jax.random.normal(jax.random.key(1), (3, 2))


def network(out_size=None, dtype=None):
    return al.MLP.init(jax.random.key(2), 2, (6, 4), "tanh", out_size=out_size, dtype=dtype)


def called(model, x):
    return model(x)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Module:
    """A callable tree whose activation is a leaf, as modules of equinox are."""

    layers: list[Any]
    activation: Any

    def __call__(self, x):
        for W, b in self.layers[:-1]:
            x = self.activation(W @ x + b)
        W, b = self.layers[-1]
        return (W @ x + b)[0]


def module(net):
    return Module(list(zip(net.weights, net.biases, strict=True)), jnp.tanh)


def apply(variables, x):
    """The function of a flax module."""
    layers = variables["params"]
    for i in range(2):
        x = jnp.tanh(x @ layers[f"Dense_{i}"]["kernel"] + layers[f"Dense_{i}"]["bias"])
    return x @ layers["Dense_2"]["kernel"] + layers["Dense_2"]["bias"]


def compiled(f, *args):
    """Eagerly every operation would be compiled by itself."""
    return jax.jit(f)(*args)


def close(one, two, dtype="float64"):
    eps = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(one, two, rtol=200 * eps, atol=200 * eps)


@pytest.mark.parametrize(("out_size", "dtype"), [(None, "float64"), (3, "float32")])
def test_kernels_are_those_of_the_network(out_size, dtype):
    net = network(out_size, dtype)
    for other in (None, X2):
        found = compiled(lambda other: d.ntk(called, X, other, params=net), other)
        close(found, compiled(lambda other: d.ntk(net, X, other), other), dtype)
    assert not np.allclose(found, compiled(lambda: d.ntk(net, X, X2, biases=False)))


def test_kernels_of_other_libraries():
    net = network()
    expected = compiled(lambda: d.ntk(net, X, X2))
    close(compiled(lambda: d.ntk(called, X, X2, params=module(net))), expected)
    wide = network(1)
    found = compiled(lambda: d.ntk(apply, X, X2, params=wide.to_flax()))
    close(found, compiled(lambda: d.ntk(wide, X, X2)))


def test_leaves_that_are_no_floats_are_held_fixed():
    params = {"scale": 2.0, "power": 3, "name": "cube"}

    def f(p, x):
        return p["scale"] * jnp.sum(x) ** p["power"]

    cubes = jnp.sum(X, axis=1) ** 3
    close(d.ntk(f, X, params=params), jnp.outer(cubes, cubes))
    found = d.per_sample_gradients(f, X, cubes, lambda v, y: v * y, params=params)
    close(found.dense()["scale"], cubes**2)
    assert found.sum()["power"] is None


def test_small_and_large_gradients_keep_their_kernels():
    for size in (1e-12, 1e12):
        params = {"p": jnp.ones(2, "float32"), "size": int(np.log10(size))}

        def f(params, x):
            return 10.0 ** params["size"] * (params["p"] @ x.astype("float32"))

        found = d.ntk(f, X, params=params)
        assert found.dtype == jnp.float32
        close(found / size**2, X @ X.T, "float32")
    tiny = d.per_sample_gradients(
        lambda p, x: 1e-30 * jnp.sum(p * x.astype("float32")),
        X,
        np.ones(5),
        lambda v, y: v,
        params=jnp.ones(2, "float32"),
    )
    close(tiny.norms() * 1e30, jnp.linalg.norm(X, axis=1), "float32")


@pytest.mark.parametrize("out_size", [None, 3])
def test_gradients_per_sample_are_those_of_the_network(out_size):
    net = network(out_size)
    Y = jax.random.normal(jax.random.key(3), (5,) if out_size is None else (5, out_size))
    weights = jnp.arange(5.0)
    expected = d.per_sample_gradients(net, X, Y)
    found = d.per_sample_gradients(called, X, Y, params=net)
    assert isinstance(found, d.FunctionGradients)
    norms = compiled(expected.norms)
    close(compiled(found.norms), norms)
    close(compiled(lambda: d.per_sample_gradient_norms(called, X, Y, params=net)), norms)
    for one, two in [
        (found.dense, expected.dense),
        (found.sum, expected.sum),
        (lambda: found.sum(weights), lambda: expected.sum(weights)),
    ]:
        jax.tree.map(close, compiled(one), compiled(two))
    with pytest.raises(ValueError, match="max_bytes"):
        found.dense(max_bytes=10)


def test_loops_have_a_kernel_by_forward_mode():
    def f(p, x):
        return jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * p), (0, x[0]))[1]

    slopes = 3 * 2.0**2 * X[:, 0]
    close(d.ntk(f, X, params=2.0), jnp.outer(slopes, slopes))


def test_plans_of_functions():
    net = network(3)
    chain = [lambda p, x: jnp.tanh(p[0] @ x + p[1])] * 2 + [lambda p, x: p[0] @ x + p[1]]
    params = list(zip(net.weights, net.biases, strict=True))
    bound = [lambda x, f=f, p=p: f(p, x) for f, p in zip(chain, params, strict=True)]
    expected = d.plan(d.chain_factors(bound, X[0]))
    assert d.plan(chain, x=X[0], params=params) == expected == d.plan(bound, x=X[0])
    assert expected.widths == net.sizes
    # A single function: tangents or adjoints, whichever are fewer.
    assert d.plan(called, x=X[0], params=network()).tree.method == "adjoints"
    wide = al.MLP.init(jax.random.key(0), 1, (4,), out_size=9)
    assert d.plan(called, x=X[0, :1], params=wide).tree.method == "tangents"


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: d.ntk(3.0, X, params=1.0), TypeError, "f: got float"),
        (lambda: d.ntk(called, X, params=network(), biases=False), ValueError, "biases"),
        (lambda: d.ntk(called, X, params=3), TypeError, "params: got"),
        (lambda: d.ntk(called, 1.0, params=network()), ValueError, "X: got shape"),
        (lambda: d.ntk(lambda p, x: p * x[None], X, params=1.0), ValueError, r"\(m,\)"),
        (lambda: d.ntk(lambda p, x: jnp.asarray(p > 0, int), X, params=1.0), TypeError, "int"),
        (lambda: d.ntk(lambda p, x: p, X, params=jnp.ones(10**8)), ValueError, "max_bytes"),
        (
            lambda: d.per_sample_gradients(called, X, np.ones(4), params=network()),
            ValueError,
            "Y: got shape",
        ),
        (
            lambda: d.per_sample_gradients(called, X, X, lambda v, y: v - y, params=network()),
            TypeError,
            "loss: got values of shape",
        ),
        (lambda: d.plan([called], x=X[0], params=network()), ValueError, "params: got MLP"),
        (lambda: d.plan([], x=X[0]), ValueError, "fns: got none"),
        (lambda: d.plan(called, params=network()), ValueError, "x: got None"),
    ],
)
def test_what_is_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.parametrize("made", ["function", "module", "apply"])
def test_models_of_any_kind_go_through_errors_derivatives_and_evaluate(made):
    net = network()
    wide = al.MLP((*net.weights,), (*net.biases,), "tanh", net.passthrough, 1).to_flax()
    model = {
        "function": lambda x: net(x),
        "module": module(net),
        "apply": lambda x: apply(wide, x)[0],
    }[made]
    target = al.Target(lambda x: x[0] * x[1], domain=al.Box.unit(2))
    close(al.evaluate(model, X), al.evaluate(net, X))
    close(float(al.errors.l2(model, target)), float(al.errors.l2(net, target)))
    close(float(al.errors.sup(model, target)), float(al.errors.sup(net, target)))
    close(d.jacobian(model, X[0]), d.jacobian(net, X[0]))
    close(d.gradient(model, X[0]), d.gradient(net, X[0]))
    assert "agrees" in repr(d.check_derivatives(model, X[0]))


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e25), ("float64", 1e200)])
def test_rows_of_very_different_sizes(dtype, size):
    X = jnp.asarray([[1 / size], [size]], dtype)
    params = jnp.ones(1, dtype)
    found = d.ntk(lambda p, x: p[0] * x[0], X, params=params)
    assert float(found[0, 1]) == pytest.approx(1.0, rel=1e-6)
    assert float(found[1, 0]) == pytest.approx(1.0, rel=1e-6)
