"""The derivative checker: nothing wrong passes at any size, nothing right is called wrong."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives.checking.check import check, check_derivatives
from approxlab.derivatives.modes import jacobian
from approxlab.networks import ACTIVATIONS

DTYPES = ["float32", "float64"]
SIZES = [1, 10, 100, 1000, 10_000]


def times(factor, custom="jvp"):
    """sin, whose derivative is said to be factor * cos: a number, or one per entry."""

    def sine(x):
        return jnp.sin(x)

    def slope(x):
        return jnp.asarray(factor, x.dtype) * jnp.cos(x)

    if custom == "jvp":
        f = jax.custom_jvp(sine)
        f.defjvps(lambda t, y, x: slope(x) * t)
        return f
    f = jax.custom_vjp(sine)
    f.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (slope(x) * g,))
    return f


def off_origin(size, dtype, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(3.0, 5.5, size), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_one_percent_of_everything_is_seen(size, dtype):
    """In forward mode, in reverse mode, and where there is only a reverse rule."""
    x = off_origin(size, dtype)
    for mode in ("forward", "reverse"):
        report = check_derivatives(times(1.01), x, modes=(mode,))
        assert report.verdict == "wrong"
        assert report.disagreements[0].mode == mode
        assert report.disagreements[0].number > 0.9 * size
        assert report.conclusive
    assert check_derivatives(times(0.99, "vjp"), x, modes=("reverse",)).verdict == "wrong"
    for custom, modes in (("jvp", ("forward", "reverse")), ("vjp", ("reverse",))):
        right = check(times(1.0, custom), x, modes=modes)  # the twin: the right one passes
        assert right.resolution < 1e-3
        assert right.typical_resolution < 2e-3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_one_wrong_entry_is_seen_and_named(size, dtype):
    """1% of a single entry of an elementwise derivative."""
    x, where = off_origin(size, dtype), size // 3
    factor = np.ones(size)
    factor[where] = 1.01
    for custom, mode in (("jvp", "forward"), ("jvp", "reverse"), ("vjp", "reverse")):
        report = check_derivatives(times(factor, custom), x, modes=(mode,))
        assert report.verdict == "wrong"
        assert report.disagreements[0].number == 1
        assert report.disagreements[0].place == f"output[{where}]"
        got, expected = report.disagreements[0].got, report.disagreements[0].expected
        assert abs(got / expected - 1.01) < 1e-3


@pytest.mark.parametrize(("dtype", "wrong"), [("float64", 0.01), ("float32", 1.0)])
@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_one_wrong_entry_of_a_dense_row(size, dtype, wrong):
    """One output, n inputs: an entry is one part in sqrt(n) of J v. float32 sees it missing."""
    factor = np.ones(size)
    factor[size // 2] += wrong
    weights = jnp.asarray(np.random.default_rng(1).uniform(0.5, 1.5, size), dtype)
    x = off_origin(size, dtype) * 0.1

    def row(f):
        return lambda x: jnp.dot(weights, f(x), precision="highest")

    assert check_derivatives(row(times(factor)), x).verdict == "wrong"
    check(row(times(1.0)), x)


def test_what_the_check_of_jax_accepts():
    """Documentation: in float32 a factor of 2 passes `check_grads` at 1000 outputs, not at 10.

    Its tolerance of 1% is multiplied by the number of outputs, in forward mode.
    """
    x = off_origin(1000, "float32")
    jax.test_util.check_grads(times(2.0), (x,), order=1, modes=["fwd"])
    with pytest.raises(AssertionError):
        jax.test_util.check_grads(times(2.0), (x[:10],), order=1, modes=["fwd"])
    with pytest.raises(AssertionError, match="forward mode.*wrong"):
        check(times(2.0), x)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_are_right(name, key):
    """In one of the two dtypes, networks of them in the other."""
    dtype = DTYPES[1 - len(name) % 2]
    act = jax.jit(ACTIVATIONS[name])
    for number in range(3):
        each = jax.random.fold_in(key, number)
        report = check(act, 3.0 * jax.random.normal(each, (400,), dtype), key=each)
        assert report.conclusive
    spoiled = jax.custom_jvp(act)
    spoiled.defjvp(
        lambda p, t: tuple(s * a for s, a in zip((1.0, 1.01), jax.jvp(act, p, t), strict=True))
    )
    x = 3.0 * jax.random.normal(key, (400,), dtype)
    found = check_derivatives(spoiled, x, modes=("forward",), key=key)
    assert found.ok == (name == "heaviside")  # its derivative is 0, and so is 1% more of it


def targets_are_right(name, dtype, number):
    """At random points of their boxes."""
    target = al.targets.get(name)
    lower, upper = (np.asarray(a) for a in (target.domain.lower, target.domain.upper))
    compiled = jax.jit(target)
    for seed in range(number):
        point = lower + (upper - lower) * np.random.default_rng(seed).uniform(size=target.dim)
        check(compiled, jnp.asarray(point, dtype))


TARGETS = sorted(set(al.targets.names()) - {"takagi"})  # which is differentiable nowhere


@pytest.mark.parametrize(("name", "dtype"), list(zip(TARGETS, DTYPES * len(TARGETS), strict=False)))
def test_targets_are_right(name, dtype):
    targets_are_right(name, dtype, 2)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TARGETS)
def test_targets_are_right_at_many_points(name, dtype):
    targets_are_right(name, dtype, 40)


def networks_are_right(name, dtype, key, hidden, number):
    """In their inputs and all their weights at once, with no false alarm.

    Biases are not zero: behind a layer of dead units the others would be exactly at their kinks.
    """
    compiled = jax.jit(lambda net, x: net(x))
    for i in range(number):
        each = jax.random.fold_in(key, i)
        net = al.MLP.init(each, 3, hidden, name, out_size=2, dtype=dtype)
        shifted = tuple(b + 0.1 * jax.random.normal(each, b.shape, dtype) for b in net.biases)
        net = dataclasses.replace(net, biases=shifted)
        x = jax.random.normal(each, (3,), dtype)
        check(compiled, net, 2.0 * x, key=each)  # that differences cannot tell is no alarm


@pytest.mark.parametrize("name", mostly_slow(sorted(ACTIVATIONS), ("gelu", "relu", "tanh")))
def test_networks_are_right(name, key):
    """The other sizes and dtypes are among the slow tests."""
    networks_are_right(name, DTYPES[len(name) % 2], key, (8, 8), 3)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("hidden", [(), (8,), (16, 16), (8, 8, 8, 8)])
def test_many_networks_are_right(name, dtype, hidden, key):
    if name in ("relu3", "relu4") and len(hidden) > 2:
        pytest.skip("a polynomial of degree 81 or 256, too large for float32")
    networks_are_right(name, dtype, key, hidden, 60)


def test_losses_are_right(key):
    from approxlab.derivatives.differences.jacobians import difference_jacobian

    net = al.MLP.init(key, 2, (8,), "tanh")
    points, values = jax.random.normal(key, (16, 2)), jnp.linspace(3.0, 5.0, 16)

    def loss(net):
        return jnp.mean((jax.vmap(net)(points) - values) ** 2)

    check(jax.jit(loss), net)
    check(jax.jit(jax.grad(loss)), net, modes=("forward",))
    check(jax.jit(lambda x: difference_jacobian(net, x, step=0.125)[1]), points[0])
    check(jax.jit(jax.nn.log_softmax), jnp.asarray([3.0, -7.0, 1.0], "float32"))


@pytest.mark.parametrize("method", ["structured", "planned"])
def test_jacobians_of_networks_are_right(method, key):
    """Their derivatives in the point and in all weights."""
    net = al.MLP.init(key, 3, (8, 8), "tanh", out_size=2, dtype="float32")
    at = jax.jit(lambda net, x: jacobian(net, x, method))
    check(at, net, jnp.asarray([3.0, -1.0, 0.5], "float32"), modes=("forward",))


def test_second_order():
    x = off_origin(20, "float64")
    assert check(jnp.sin, x, order=2).compared > check(jnp.sin, x).compared

    @jax.custom_jvp
    def slope(x):
        return jnp.cos(x)

    slope.defjvps(lambda t, y, x: -1.01 * jnp.sin(x) * t)
    f = jax.custom_jvp(jnp.sin)
    f.defjvps(lambda t, y, x: slope(x) * t)
    assert check_derivatives(f, x).ok
    report = check_derivatives(f, x, order=2)
    assert report.verdict == "wrong"
    assert {p.mode for p in report.disagreements} == {
        f"{a} of {b}" for a in ("forward", "reverse") for b in ("forward", "reverse")
    }


def test_pytrees_integers_and_names(key):
    args = ({"a": jnp.arange(3.0), "n": 2}, [jnp.ones((2, 2))])

    def f(first, second, wrong=1.0):
        powers = times(wrong)(first["a"]) ** first["n"]
        return {"sum": powers.sum(), "count": jnp.arange(3), "rows": (second[0] @ second[0],)}

    assert check(f, *args, key=key).compared == 3 * (2 * 5 + 1)
    report = check_derivatives(lambda *a: f(*a, wrong=1.01), *args)
    assert {one.place for one in report.disagreements} >= {"output['sum']"}
    assert {row["verdict"] for row in report.to_rows()} == {"wrong"}
    assert "output['sum']: wrong: got" in str(report)
    assert repr(report).startswith("CheckReport(wrong, 33 components")


def test_kinks_are_not_called_wrong():
    zero = jnp.asarray([0.0, 3.0])
    # JAX says 0, central differences as well; to the sides they say -1 and 1.
    report = check_derivatives(lambda x: jnp.maximum(x, -x), zero)
    assert report.verdict == "not differentiable here?"
    assert report.disagreements[0].place == "output[0]"
    report = check_derivatives(jax.nn.relu, zero)  # 0, the slope to the left
    assert report.ok
    assert report.kinks > 0
    step = ACTIVATIONS["heaviside"]
    assert check_derivatives(step, jnp.asarray(0.0)).verdict == "not differentiable here?"
    assert check_derivatives(step, jnp.asarray(1e-3)).ok
    assert check_derivatives(lambda x: jnp.maximum(x, 1e-3), zero).ok  # next to a kink
    assert check_derivatives(times(1.01), zero).verdict == "wrong"


def test_not_finite():
    f = jax.custom_jvp(jnp.sqrt)
    f.defjvps(lambda t, y, x: jnp.where(x > 4.0, jnp.nan, 0.5 / y) * t)
    report = check_derivatives(f, jnp.asarray([3.0, 5.0, 2.0]))
    assert report.verdict == "not finite"
    assert report.disagreements[0].place == "output[1]"
    report = check_derivatives(jnp.log, jnp.asarray([3.0, -5.0]))
    assert report.verdict == "not finite"
    assert report.disagreements[0].mode == "value"
    assert check_derivatives(jnp.sqrt, jnp.asarray(0.0)).verdict != "agrees"
    assert check(jnp.log, jnp.asarray(1e-3)).conclusive  # long steps leave the domain


def test_reverse_rules_that_cannot_be_differentiated():
    """Then <J^T u, v> is compared with differences: an error as a whole is seen at any size."""

    def rule(factor):
        def back(x, g):
            shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
            return (
                jax.pure_callback(
                    lambda x, g: np.asarray(factor * np.cos(x) * g, x.dtype),
                    shape,
                    x,
                    g,
                    vmap_method="sequential",
                ),
            )

        f = jax.custom_vjp(jnp.sin)
        f.defvjp(lambda x: (jnp.sin(x), x), back)
        return f

    for size in (1, 10_000):
        for dtype in DTYPES:
            x = off_origin(size, dtype)
            report = check(rule(1.0), x, modes=("reverse",))
            assert 0.0 < report.resolution < 0.01  # of the sum, the only thing that was compared
            assert not check_derivatives(rule(1.01), x, modes=("reverse",)).ok


def test_rules_that_forget_the_cotangent():
    f = jax.custom_vjp(jnp.sin)
    f.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (jnp.cos(x),))
    assert not check_derivatives(f, off_origin(5, "float64"), modes=("reverse",)).ok
    g = jax.custom_vjp(jnp.sin)
    g.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (jnp.cos(x) * g * g,))
    assert not check_derivatives(g, off_origin(5, "float64"), modes=("reverse",)).ok


def test_agreement_that_says_nothing():
    """Where differences drown in rounding the report does not claim to have seen anything."""
    report = check(jax.nn.sigmoid, jnp.asarray(15.5, "float32"))  # nothing is raised
    assert report.verdict == "cannot tell"
    assert not report.ok
    assert not report.conclusive
    assert "too rough" in str(report)
    assert check(jnp.zeros_like, jnp.ones(3)).resolution == 0.0


@pytest.mark.parametrize("x", [1e-6, 1.0, 1000.7, 1023.99, 5e3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_far_and_near(x, dtype):
    point = jnp.asarray([x, -x], dtype)
    for f in (jnp.sin, jnp.arctan, lambda x: x**3):
        check(f, point)
    assert not check_derivatives(times(1.01), point).ok
    check(lambda x: jnp.log(x * x), point, scale=x)


def test_functions_that_cannot_be_mapped_or_traced():
    calls = []

    def f(x):
        if not isinstance(x, jax.core.Tracer):
            calls.append(float(x[0]))  # not to be had from a tracer
        elif type(x).__name__ == "BatchTracer":
            raise TypeError("this function cannot be mapped")
        return jnp.sin(x)

    check(f, jnp.ones(3))
    assert len(calls) > 60


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: check_derivatives(jnp.sin, 1), TypeError, "args: got no floating-point array"),
        (lambda: check_derivatives(lambda x: 3, 1.0), TypeError, "f: got a value 3"),
        (lambda: check_derivatives(jnp.sin, jnp.ones(2, "float16")), TypeError, "float16"),
        (lambda: check_derivatives(jnp.sin, 1j), TypeError, "args: got dtype complex128"),
        (lambda: check_derivatives(jnp.sin, 1.0, order=0), ValueError, "order: got 0"),
        (lambda: check_derivatives(jnp.sin, 1.0, modes=()), ValueError, "modes: got"),
        (lambda: check_derivatives(jnp.sin, 1.0, rtol=-1.0), ValueError, "rtol: got -1"),
        (lambda: check_derivatives(jnp.sin, 1.0, rtol=math.nan), ValueError, "rtol: got nan"),
        (lambda: check_derivatives(np.sin, jnp.ones(2)), TypeError, "Write jnp.sin"),
        (lambda: check_derivatives(jnp.sin, jnp.ones(0)), TypeError, "only empty arrays"),
        (
            lambda: check_derivatives(times(1.0, "vjp"), jnp.ones(3), modes=("forward", "reverse")),
            ValueError,
            "'forward'.*expected .'reverse'",
        ),
    ],
)
def test_messages(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
