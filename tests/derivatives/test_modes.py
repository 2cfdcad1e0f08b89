"""Jacobians by every method: equal to JAX's own, at the cost that is stated, or refused."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from laws import close, jit_is_eager

import approxlab as al
from approxlab.derivatives import _methods
from approxlab.derivatives._point_programs import point_program, sweeps_within
from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.formulas._input_formulas import JACOBIANS
from approxlab.derivatives.formulas._weight_formulas import FROM_JACOBIANS
from approxlab.derivatives.modes import METHODS, jacobian, value_and_jacobian

EXACT = [m for m in METHODS if m != "differences"]
NETS = [
    ((3, 8, 5), "tanh", 4, None),
    ((3, 8, 2, 8), "sin", 5, None),
    ((4, 6), "relu", None, None),
    ((2, 7, 5), "gelu", 1, (3, 0)),
    ((5,), "identity", 3, None),
]


def network(sizes, activation, out_size, linear, dtype="float64"):
    net = al.MLP.init(
        jax.random.key(3), sizes[0], sizes[1:], activation, out_size=out_size, dtype=dtype
    )
    passthrough = net.passthrough if linear is None else linear
    biases = tuple(0.3 + b for b in net.biases)
    return al.MLP(net.weights, biases, activation, passthrough, out_size)


def scale_of(array):
    return 1.0 + float(np.max(np.abs(array)))


def by_all_methods(net, x, methods=EXACT, **options):
    """Value and Jacobian by each method, in one program: one compilation for all."""
    return jax.jit(lambda x: {m: value_and_jacobian(net, x, m, **options) for m in methods})(x)


def check_against_jax(net, x, found, *, c=64):
    values, expected = jax.jit(lambda x: (net(x), jax.jacrev(net)(x)))(x)
    for value, jac in found.values():
        assert jac.shape == expected.shape
        assert jac.dtype == expected.dtype == x.dtype
        close(value, values, c=c, scale=scale_of(values), dtype=x.dtype)
        close(jac, expected, c=c, scale=scale_of(expected), dtype=x.dtype)


@pytest.mark.parametrize(
    ("dtype", "index"), [("float32", 0), *(("float64", i) for i in range(len(NETS)))]
)
def test_every_method_gives_the_jacobian(index, dtype):
    sizes, activation, out_size, linear = NETS[index]
    net = network(sizes, activation, out_size, linear, dtype)
    x = jnp.linspace(-1.5, 2.0, sizes[0], dtype=dtype)
    found = by_all_methods(net, x)
    check_against_jax(net, x, found)
    for method, (value, jac) in found.items():
        with pytest.raises(AssertionError, match="differ by"):
            check_against_jax(net, x, {method: (value, 1.01 * jac)})


@pytest.mark.parametrize(
    ("scheme", "order"), [("forward", 0.5), ("backward", 0.5), ("central", 2 / 3)]
)
def test_differences_are_near_it(scheme, order):
    net = network(*NETS[0])
    x = jnp.linspace(-1.5, 2.0, 3)
    found = jacobian(net, x, "differences", scheme=scheme)
    error = float(jnp.max(jnp.abs(found - jax.jacrev(net)(x))))
    assert 0 < error <= 20 * np.finfo(float).eps ** order


def test_a_batch_is_a_loop_over_points():
    net = network(*NETS[1])
    points = jax.random.normal(jax.random.key(1), (4, 3), "float64") + 2
    expected = jnp.stack([jax.jit(jax.jacrev(net))(p) for p in points])
    for value, found in by_all_methods(net, points).values():
        assert (value.shape, found.shape) == ((4, 5), (4, 5, 3))
        close(found, expected, c=64, scale=scale_of(found))


def test_jit_is_eager():
    net = network(*NETS[0])
    jit_is_eager(lambda x: jacobian(net, x, "auto"), jnp.linspace(-1.5, 2.0, 3), scale=4.0)


@pytest.mark.parametrize(
    "shapes", [((), ()), ((3,), ()), ((), (2,)), ((2, 3), (4,)), ((2,), (3, 2))]
)
def test_functions_of_arrays_of_any_shape(shapes):
    given, out = shapes
    weight = jax.random.normal(jax.random.key(0), out + given, "float64")

    def f(x):
        return jnp.sin(jnp.tensordot(weight, x**2, axes=len(given)))

    x = jnp.asarray(np.linspace(3.0, 4.0, int(np.prod(given))).reshape(given))
    expected = jax.jit(jax.jacfwd(f))(x)
    methods = ["auto", "forward", "reverse", "chunked"]
    for value, found in by_all_methods(f, x, methods).values():
        assert value.shape == out
        assert found.shape == out + given
        close(found, expected, c=64, scale=scale_of(expected))


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("in_size", [3, 9])
def test_any_chunk_gives_the_whole(chunk, in_size):
    net = network((in_size, 8), "tanh", 6, None)
    x = jnp.linspace(-1.5, 2.0, in_size)
    close(jacobian(net, x, "chunked", chunk=chunk), jax.jacrev(net)(x), c=64, scale=2.0)


def test_chunks_hold_back_the_working_memory():
    net = network((200, 64), "tanh", 200, None)
    x = jnp.linspace(-1.0, 1.0, 200)
    largest = {
        chunk: count(lambda x, c=chunk: jacobian(net, x, "chunked", chunk=c), x).largest_size
        for chunk in (10, 200)
    }
    assert largest[10] == 200 * 200  # the result alone
    sweep = jax.linearize(net, x)[1]
    sweeps = [sweeps_within(sweep, x, budget) for budget in (1, 10**6, 10**7)]
    assert sweeps[0] == 1
    assert sweeps[0] < sweeps[1] < sweeps[2]


def test_shared_weights_do_not_make_chunks_short():
    net = network((1024, 1024), "tanh", 1024, None, "float32")
    sweep = jax.linearize(net, x := jnp.ones(1024, "float32"))[1]
    budget = 1024 * 4 * 1024 * 40  # 40 vectors for each of 1024 sweeps
    assert sweeps_within(sweep, x, budget) >= 1024


def test_flops_are_those_stated():
    for sizes in [(16, 32, 24, 8), (5, 9), (3, 4, 5, 6, 7)]:
        net = network(sizes[:-1], "tanh", sizes[-1], None, "float32")
        n, m = sizes[0], sizes[-1]
        products = [a * b for a, b in itertools.pairwise(sizes)]
        P, first, last = sum(products), products[0], products[-1]
        stated = {
            "forward": 2 * P * (1 + n),
            "reverse": 2 * P * (1 + m),
            "chunked": 2 * P * (1 + min(n, m)),
            "differences": 2 * P * (1 + n),
            "structured": 2 * P + min(2 * n * (P - first), 2 * m * (P - last)),
        }
        x = jnp.ones(n, "float32")
        for method, flops in stated.items():
            found = count(lambda x, k=method: value_and_jacobian(net, x, k), x).dot_flops  # noqa: B023
            assert found == flops, (sizes, method)


def test_a_jacobian_that_would_not_fit_is_refused_before_anything_is_computed():
    calls = []

    def large(x):
        calls.append(x)
        return jnp.broadcast_to(jnp.sum(x), (10**6,))

    with pytest.raises(ValueError, match=r"\(1000000, 1000\).* 8000000000 \(7.45 GiB\)"):
        jacobian(large, jnp.ones(1000))
    assert all(isinstance(x, jax.core.Tracer) for x in calls), "the function was computed"
    with pytest.raises(ValueError, match="jacobian_vector_product"):
        jacobian(network(*NETS[0]), jnp.ones((10, 3)), max_bytes=10 * 4 * 3 * 8 - 1)
    assert jacobian(network(*NETS[0]), jnp.ones((10, 3)), max_bytes=10 * 4 * 3 * 8).shape == (
        10,
        4,
        3,
    )


def test_an_identity_that_would_not_fit_is_refused_too():
    for method in ("forward", "differences"):
        with pytest.raises(ValueError, match=r"\(100000, 100000\).*method='chunked'"):
            jacobian(lambda x: jnp.sum(x**2), jnp.ones(100_000), method)
    with pytest.raises(ValueError, match=r"\(100000, 100000\).*method='chunked'"):
        jacobian(lambda x: x[0] * jnp.ones(100_000), jnp.ones(1), "reverse")


@pytest.mark.parametrize("method", ["forward", "reverse", "chunked"])
def test_the_jacobian_has_the_dtype_of_the_value(method):
    def f(x):
        return jnp.stack([x[0], x[1] * x[0]]).astype(jnp.float32)

    found = jacobian(f, jnp.asarray([1.5, 2.0]), method)
    assert found.dtype == jnp.float32
    assert found.tolist() == [[1.0, 0.0], [2.0, 1.5]]


# The table of methods


def test_the_table_names_every_method_once():
    assert tuple(row.name for row in _methods.TABLE) == METHODS
    for row in _methods.TABLE:
        assert f'| "{row.name}" | ' in value_and_jacobian.__doc__


def test_every_method_has_what_its_row_says():
    """A program for each but "auto", a formula where the row names one, and nothing besides."""
    x = jnp.ones(NETS[0][0][0])
    for row in _methods.TABLE:
        if row.name == "auto":
            continue
        value, _ = jax.eval_shape(lambda x, m=row.name: point_program(m)(network(*NETS[0]), x), x)
        assert value.shape == (4,)
        if row.needs_layers:
            with pytest.raises(ValueError, match=f"method: got '{row.name}'.*expected an MLP"):
                jacobian(jnp.sin, x, row.name)
        else:
            assert jacobian(jnp.sin, x, row.name).shape == (3, 3)
        if row.in_weights:
            jacobian(network(*NETS[0]), x, row.name, wrt="weights")
        else:
            with pytest.raises(ValueError, match=f"method: got '{row.name}' with wrt='weights'"):
                jacobian(network(*NETS[0]), x, row.name, wrt="weights")
    assert set(JACOBIANS) == set(_methods.with_formula("inputs", "jacobian"))
    from_jacobians = {
        (want, method)
        for want in ("gram", "gram_diagonal", "gradient_norms")
        for method in _methods.with_formula("weights", want)
    }
    assert set(FROM_JACOBIANS) == from_jacobians
    for question, default in _methods.DEFAULTS.items():
        assert _methods.with_formula(*question)[0] == default
    assert _methods.with_formula("weights", "hvp") == ()


# In the weights


@pytest.mark.parametrize("index", [0, 2, 3])
def test_in_the_weights_all_methods_agree(index):
    net = network(*NETS[index])
    points = jax.random.normal(jax.random.key(1), (3, net.in_size), "float64") + 2

    @jax.jit
    def run(points):
        value, kept = value_and_jacobian(net, points, wrt="weights")
        _, reverse = value_and_jacobian(net, points, "reverse", wrt="weights")
        _, forward = value_and_jacobian(net, points[0], "forward", wrt="weights")
        return value, kept.dense(), reverse, forward, jax.vmap(net)(points)

    value, dense, reverse, forward, expected = run(points)
    close(value, expected, c=64, scale=scale_of(value))
    for ours, theirs in zip(jax.tree.leaves(dense), jax.tree.leaves(reverse), strict=True):
        close(ours, theirs, c=256, scale=scale_of(theirs))
    for one, many in zip(jax.tree.leaves(forward), jax.tree.leaves(reverse), strict=True):
        close(one, many[0], c=256, scale=scale_of(many))


def test_verbose_in_the_weights_says_why(capsys):
    jacobian(network(*NETS[0]), jnp.ones(3), wrt="weights", verbose=True)
    assert "structured" in capsys.readouterr().out


def test_a_weight_jacobian_that_would_not_fit_names_the_structured_one():
    net = network((100, 100), "tanh", 10, None)
    for method in ("forward", "reverse"):
        with pytest.raises(ValueError, match="method='structured', which keeps factors"):
            jacobian(net, jnp.ones(100), method, wrt="weights", max_bytes=10**5)


def test_verbose_prints_why(capsys):
    jacobian(network(*NETS[0]), jnp.ones(3), verbose=True)
    out = capsys.readouterr().out
    assert "predicted" in out
    assert "structured" in out
