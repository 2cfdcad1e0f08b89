"""Derivatives by differences: bounds that hold, steps that are best, and what is refused."""

import math

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.differences._complex_step import non_analytic_primitives
from approxlab.derivatives.differences.jacobians import difference_jacobian
from approxlab.derivatives.differences.quotients import difference
from approxlab.derivatives.differences.stencils import optimal_step, power_of_two, stencil
from approxlab.derivatives.modes import jacobian
from approxlab.networks import ACTIVATIONS

DTYPES = ["float32", "float64"]
REAL = [("forward", 4), ("backward", 4), ("central", 4), ("richardson", 4), ("richardson", 6)]
EPS = {name: float(np.finfo(name).eps) for name in DTYPES}

# Name: function, its derivative in extended precision, and |f^(k)| on [x - h, x + h], k = 0..7.
FUNCTIONS = {
    "exp": (jnp.exp, np.exp, lambda x, h: [math.exp(x + h)] * 8),
    "sin": (jnp.sin, np.cos, lambda x, h: [1.0] * 8),
    "sin3": (lambda x: jnp.sin(3 * x), lambda x: 3 * np.cos(3 * x),
             lambda x, h: [3.0**k for k in range(8)]),
    "tanh": (jnp.tanh, lambda x: 1 / np.cosh(x) ** 2,
             lambda x, h: [1.0, 1.0, 0.78, 2.0, 4.09, 16.0, 51.6, 272.0]),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2,
                   lambda x, h: [math.factorial(k) / (abs(x) - h) ** (k + 1) for k in range(8)]),
    "log": (jnp.log, lambda x: 1 / x,
            lambda x, h: [math.inf, *(math.factorial(k - 1) / (x - h) ** k for k in range(1, 8))]),
    "power5": (lambda x: x**5, lambda x: 5 * x**4,
               lambda x, h: [math.perm(5, k) * (abs(x) + h) ** max(5 - k, 0) for k in range(8)]),
}  # fmt: skip


def points_of(name, rng):
    low = 1.0 if name in ("reciprocal", "log") else -4.0
    return [*rng.uniform(low, 5.0, 4), 3.0, 1.0, *(() if name == "exp" else (47.3, 1000.7))]


def value_error(dtype, name, x):
    """Of sin(3 x) the argument is rounded too: at large x that is more than 4 eps |f|."""
    return EPS[dtype] * (4.0 + 1.5 * (abs(x) + 0.5 * max(1.0, abs(x)))) if name == "sin3" else None


def combinations(dtype, name, seed=0):
    """(quotient, its error, the truth): all schemes and several steps at each point."""
    f, slope, sizes = FUNCTIONS[name]
    rng = np.random.default_rng([seed, len(name)])
    for x in points_of(name, rng):
        point = np.dtype(dtype).type(x)
        for scheme, order in REAL:
            steps = np.exp(rng.uniform(np.log(EPS[dtype] ** 0.8), np.log(0.4), 3))
            for h in [*steps, power_of_two(steps[0]), None]:
                reach = 0.4 * max(1.0, abs(x)) if h is None else float(h) * 1.001
                bounds = sizes(float(point), min(reach, 0.45 * max(1.0, abs(x))))
                given = {k: bounds[k] for k in (1, 2, 3, 5, 7)}
                found = difference(
                    f,
                    jnp.asarray(point),
                    scheme=scheme,
                    order=order,
                    step=None if h is None else float(h),
                    derivatives=given,
                    value_error=value_error(dtype, name, x),
                )
                truth = float(slope(np.longdouble(point)))
                yield found, abs(float(found.value) - truth), truth


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_is_below_its_bound(dtype, name):
    """About 190 combinations for each function and dtype, 2700 in all."""
    number = 0
    for found, error, truth in combinations(dtype, name):
        assert found.proved
        # The truth itself is rounded to a double.
        assert error <= float(found.bound) + 2 * EPS["float64"] * abs(truth), (found, error)
        assert found.value.dtype == dtype
        number += 1
    assert number >= 150


@pytest.mark.parametrize(("scheme", "order"), [*REAL, ("richardson", 8), ("richardson", 10)])
@pytest.mark.parametrize("x", [0.0, 3.0, -7.0])
def test_truncation_is_attained(scheme, order, x):
    """(t - x)^(p+1) has error c h^p (p+1)! exactly; half the constant would be broken."""
    rule = stencil(scheme, order)
    p = rule.order

    def f(t):
        return (t - x) ** (p + 1) + 2.0 * (t - x)

    given = {p + 1: math.factorial(p + 1)}
    found = difference(f, jnp.asarray(x), scheme=scheme, order=order, step=0.5, derivatives=given)
    error = abs(float(found.value) - 2.0)
    assert found.point_rounding == 0.0
    assert error <= float(found.bound)
    assert error >= (1 - 1e-9) * float(found.truncation) - float(found.roundoff)
    assert error > 0.5 * float(found.truncation) + float(found.roundoff)  # the twin: half of it


@pytest.mark.parametrize(("scheme", "order"), REAL)
@pytest.mark.parametrize("dtype", DTYPES)
def test_roundoff_is_attained(scheme, order, dtype):
    """Values that are wrong by E in the worst direction: the error is E sum |w|, no less."""
    rule, h, x, E = stencil(scheme, order), 2.0**-6, 3.0, 2.0**-10
    pairs = zip(rule.offsets, rule.weights, strict=True)
    worst = {x + s * h: math.copysign(E, w) for s, w in pairs}
    at, errors = (jnp.asarray(a, dtype) for a in (list(worst), list(worst.values())))

    def f(t):
        return jnp.sum(jnp.where(at == t[None], errors, jnp.zeros_like(errors)))

    found = difference(
        f,
        jnp.asarray(x, dtype),
        scheme=scheme,
        order=order,
        step=h,
        derivatives={rule.order + 1: 0.0},
        value_error=E,
    )
    error = abs(float(found.value))  # the true derivative is 0
    assert found.truncation == 0.0
    assert 0.99 * float(found.roundoff) <= error <= float(found.bound)
    assert error > 0.5 * float(found.bound)  # the twin


def test_rounding_of_points_is_attained():
    """x + h is rounded by half an ulp: the slope of f turns that into an error, M_1 bounds it."""
    x, h = 2.0**52, 0.5  # x + h lies in the middle of two numbers and becomes x
    found = difference(
        lambda t: 3.0 * (t - x),
        jnp.asarray(x),
        scheme="forward",
        step=h,
        derivatives={1: 3.0, 2: 0.0},
        value_error=0.0,
    )
    assert float(found.value) == 0.0
    assert 3.0 <= float(found.bound) < 3.0 + 1e-9
    with pytest.raises(ValueError, match="vanishes"):  # M_1 is needed there
        difference(
            lambda t: 3.0 * (t - x),
            jnp.asarray(x),
            scheme="forward",
            step=h,
            derivatives={2: 0.0},
            value_error=0.0,
        )


def test_tangent_of_a_teaching_notebook():
    """autodidact: tanh'(1), a central quotient with h = 1e-4, and the gap that theory predicts."""
    exact, shown, h = 0.41997434161402603, 0.41997434264973155, 1e-4
    third = -2 / np.cosh(1.0) ** 4 + 4 * np.tanh(1.0) ** 2 / np.cosh(1.0) ** 2
    found = difference(jnp.tanh, jnp.asarray(1.0), step=h, derivatives={1: 1.0, 3: 0.66})
    assert abs(float(jax.grad(jnp.tanh)(1.0)) - exact) <= EPS["float64"]
    assert abs(float(found.value) - shown) <= 2 * float(found.roundoff)
    assert abs(h**2 / 6 * third - 1.0360e-9) < 1e-13
    assert abs(float(found.value) - exact - h**2 / 6 * third) < float(found.roundoff)
    assert float(found.bound) < 1.2e-9  # nearly all of it is truncation
    assert found.evaluations == 2


def median_error(dtype, scheme, order, h, xs):
    """Relative, of exp: all points as one function of a vector."""
    x = np.asarray(xs, dtype)
    found = difference(
        jnp.exp,
        jnp.asarray(x),
        np.ones_like(x),
        scheme=scheme,
        order=order,
        step=h,
        derivatives=dict.fromkeys((1, 2, 3, 5), 1.0),
    )
    return float(np.median(np.abs(found.value / np.exp(x.astype(float)) - 1)))


@pytest.mark.parametrize(
    ("scheme", "dtype"),
    [
        ("forward", "float32"),
        ("forward", "float64"),
        ("central", "float32"),
        ("central", "float64"),
        ("richardson", "float64"),
    ],
)
def test_slopes_and_minimum(scheme, dtype):
    """Error ~ h^p above the best step and 1 / h below it; its least is what theory says."""
    p, best = stencil(scheme).order, power_of_two(optimal_step(scheme, dtype))
    xs = np.random.default_rng(3).uniform(0.5, 1.5, 24)

    def slope(exponents):
        errors = [median_error(dtype, scheme, 4, best * 2.0**e, xs) for e in exponents]
        return np.polyfit(exponents, np.log2(errors), 1)[0]

    room = -round(math.log2(best))  # up to h = 1
    assert abs(slope([e for e in (4, 5, 6, 7) if e < room]) - p) < 0.1
    assert abs(slope(range(-9, -2)) + 1) < 0.1
    least = min(median_error(dtype, scheme, 4, best * 2.0**e, xs) for e in range(-3, 3))
    assert median_error(dtype, scheme, 4, optimal_step(scheme, dtype), xs) <= 3 * least
    assert least / 3 <= typical_least(scheme, dtype) <= 3 * least
    assert median_error(dtype, scheme, 4, 16 * best, xs) > 3 * least  # the twins: other steps
    assert median_error(dtype, scheme, 4, best / 64, xs) > 3 * least


def typical_least(scheme, dtype):
    """Relative error at the best step for exp, if values are rounded to nearest at random.

    Their errors have the standard deviation ulp / sqrt(12), the ulp is 0.72 eps |f| on average, and
    the median of a normal variable's absolute value is 0.67 standard deviations.
    """
    rule = stencil(scheme)
    E = 0.67 * 0.72 / math.sqrt(12) * EPS[dtype] * math.sqrt(sum(w * w for w in rule.weights))
    h = (E / (rule.order * rule.truncation)) ** (1 / (rule.order + 1))
    return (rule.order + 1) * rule.truncation * h**rule.order


@pytest.mark.parametrize(("dtype", "gain"), [("float32", 10), ("float64", 10)])
def test_steps_that_know_the_dtype(dtype, gain):
    """At least ten times better than the fixed 1e-4 of JAX's own checker; medians over points."""
    xs = np.random.default_rng(5).uniform(0.5, 1.5, 48)
    chosen, fixed = (
        median_error(dtype, "central", 4, h, xs)
        for h in (power_of_two(optimal_step("central", dtype)), 1e-4)
    )
    assert fixed > gain * chosen
    assert not chosen > gain * fixed  # the twin


def test_complex_step():
    one = jnp.asarray(1.0)
    found = difference(jnp.exp, one, scheme="complex", step=1e-200)
    assert abs(float(found.value) - math.e) <= 2 * EPS["float64"]  # an ulp, which exp(1) has too
    for dtype in DTYPES:
        x = jnp.asarray(1.3, dtype)
        found = difference(jnp.tanh, x, scheme="complex", derivatives={3: 2.0})
        exact = 1 / np.cosh(np.longdouble(np.asarray(x))) ** 2
        assert found.value.dtype == dtype
        assert abs(float(found.value) - float(exact)) <= float(found.error) <= 6 * EPS[dtype]
        assert not found.proved  # the error of an imaginary part is nowhere proved ...
        assert found.truncation < 1e-38
        assert found.estimate > 0
    known = difference(jnp.tanh, x, scheme="complex", derivatives={3: 2.0}, value_error=1e-15)
    assert known.bound.value < 2e-15  # ... unless it is given
    assert np.isnan(difference(jnp.log, -one, scheme="complex").value)  # log(-1 + ih) is a number


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "activation", mostly_slow(sorted(ACTIVATIONS), ("heaviside", "relu", "tanh"))
)
def test_complex_step_of_networks(dtype, activation, key):
    """Networks cast their input to the dtype of the weights: their jaxpr does not."""
    refused = {
        "gelu": "erf",
        "softplus": "max",
        "relu": "max",
        "relu2": "max",
        "relu3": "max",
        "relu4": "max",
        "leaky_relu": "ge",
        "abs": "abs",
        "heaviside": "gt",
    }
    net = al.MLP.init(key, 3, (8, 8), activation, out_size=2, dtype=dtype)
    x, v = jnp.asarray([0.3, -0.4, 3.5], dtype), jnp.asarray([1.0, 2.0, -1.0], dtype)
    if activation in refused:
        with pytest.raises(ValueError, match=f"operation '{refused[activation]}"):
            difference(net, x, v, scheme="complex")
        return
    found = difference(net, x, v, scheme="complex")
    exact = np.asarray(jax.jvp(net, (x,), (v,))[1])
    laws.close(found.value, exact, c=64, scale=float(np.max(np.abs(exact))), dtype=dtype)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (jnp.abs, "abs"), (jnp.sign, "sign"), (jnp.floor, "floor"), (jnp.round, "round"),
        (jnp.sort, "sort"), (lambda x: jnp.maximum(x, 0.1), "max"), (jax.nn.relu, "max"),
        (jax.jit(lambda x: jax.jit(jax.nn.relu)(x) * x), "max"), (jax.nn.relu6, "max"),
        (lambda x: jnp.minimum(x, 0.1), "min"), (lambda x: x * (x > 0.2).astype(x.dtype), "gt"),
        (lambda x: jnp.where(x > 0, x, -x), "gt"), (jax.lax.stop_gradient, "stop_gradient"),
        (lambda x: x * jnp.argmax(x).astype(x.dtype), "argmax"), (jax.nn.softmax, "reduce_max"),
        (lambda x: x.astype(int).astype(x.dtype), "convert_element_type"),
        (lambda x: jax.lax.while_loop(lambda c: c.sum() < 9, lambda c: 2 * c, x), "while"),
        (lambda x: jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, x), "gt"),
        (jax.scipy.special.erf, "erf"), (jnp.cbrt, "cbrt"),
        (lambda x: jnp.real(jnp.conj(jax.lax.complex(x, x))), "complex"),
        (lambda x: jax.checkpoint(jnp.abs)(x), "abs"),
        (lambda x: jnp.linalg.inv(jnp.outer(x, x) + jnp.eye(2)), "stop_gradient"),
    ],
)  # fmt: skip
def test_complex_step_refuses_by_name(f, name):
    """Instead of a derivative that is silently zero."""
    x = jnp.asarray([0.3, 0.7])
    assert non_analytic_primitives(f, x) == (name,)
    with pytest.raises(ValueError, match=f"got the operation '{name}'.*scheme='central'"):
        difference(f, x, jnp.ones(2), scheme="complex")


def test_complex_step_allows_what_does_not_depend_on_x():
    def f(x):
        fixed = jnp.abs(jnp.arange(3.0) - 1.0)
        chosen = jax.lax.cond(jnp.max(fixed) > 0.5, lambda z: z * z, lambda z: z, x[0])
        padded = jnp.pad(jnp.where(fixed > 0, x[1], 1.0), 1)
        return chosen + jnp.cumsum(padded)[3] + jnp.concatenate([x, x])[2] + x[::-1][0] / x[0]

    x, v = jnp.asarray([0.3, 0.7]), jnp.asarray([2.0, -1.0])
    assert non_analytic_primitives(f, x) == ()
    exact = jax.jvp(f, (x,), (v,))[1]
    laws.close(difference(f, x, v, scheme="complex").value, exact, c=16, scale=10.0)


def test_estimates_are_not_bounds():
    """Where bounds are missing the sizes of derivatives are sampled, and the result says so."""
    x = jnp.asarray(0.7)
    for scheme, order in REAL:
        found = difference(jnp.sin, x, scheme=scheme, order=order)
        assert not found.proved
        assert found.bound is None
        assert any("sampled" in note for note in found.assumptions)
        assert abs(float(found.value) - math.cos(0.7)) <= 3 * found.estimate < 1e-6
        assert "about" in repr(found)
    assert found.order == 6
    assert difference(jnp.sin, x, scheme="forward", derivatives={2: 1.0}).bound is not None
    assert np.isnan(difference(jnp.sin, jnp.asarray(np.nan), derivatives={3: 1.0}).value)
    assert difference(jnp.sin, jnp.asarray(np.nan), derivatives={3: 1.0}).bound is None


def test_tableau_of_richardson():
    found = difference(
        jnp.exp, jnp.asarray(0.0), scheme="richardson", order=6, step=0.5, derivatives={7: 2.0}
    )
    halves = [difference(jnp.exp, jnp.asarray(0.0), step=0.5 / 2**j).value for j in range(3)]
    assert [len(row) for row in found.tableau] == [1, 2, 3]
    assert [row[0] for row in found.tableau] == halves
    assert found.tableau[2][2] == found.value
    assert found.evaluations == 6
    laws.close(found.tableau[1][1], (4 * halves[1] - halves[0]) / 3, c=4)


def test_vectors_directions_and_rows(key):
    """Bounds by component along a direction, off the origin."""
    A = jax.random.normal(key, (4, 3))
    x, v = jnp.asarray([3.0, -7.0, 50.0]), jnp.asarray([1.0, -2.0, 0.5])

    def f(x):
        return jnp.sin(A @ x)

    rate = np.abs(np.asarray(A @ v))
    error = 64 * EPS["float64"] * float(jnp.sum(jnp.abs(A))) * 50
    given = {1: np.linalg.norm(np.asarray(A), axis=1), 3: rate**3, 5: rate**5}
    exact = np.asarray(jax.jvp(f, (x,), (v,))[1])
    for scheme in ("central", "richardson"):
        found = difference(f, x, v, scheme=scheme, derivatives=given, value_error=error)
        assert found.proved
        assert np.all(np.abs(found.value - exact) <= found.error)
        assert not np.all(np.abs(found.value + exact) <= found.error)  # the twin
    (row,) = found.to_rows()
    assert row["scheme"] == "richardson"
    assert row["proved"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_jacobian(dtype, key):
    net = al.MLP.init(key, 5, (16,), "tanh", out_size=3, dtype=dtype)
    x = jnp.asarray([0.1, -3.0, 2.0, 0.0, 100.0], dtype)
    exact = np.asarray(jax.jacfwd(net)(x))
    for scheme, power in {"forward": 0.5, "backward": 0.5, "central": 2 / 3}.items():
        value, J = difference_jacobian(net, x, scheme)
        assert J.dtype == value.dtype == dtype
        assert J.shape == (3, 5)
        assert EPS[dtype] ** 0.9 < np.max(np.abs(J - exact)) < 30 * EPS[dtype] ** power
        laws.close(value, net(x), c=16, dtype=dtype, scale=4.0)
    batch = jax.jit(jax.vmap(lambda x: jacobian(net, x, "differences")))(jnp.stack([x, -x]))
    assert np.max(np.abs(batch[0] - exact)) < 30 * EPS[dtype] ** 0.5
    scalar = jacobian(
        lambda x: jnp.sum(jnp.sin(x)), jnp.ones((2, 3), dtype), "differences", scheme="central"
    )
    assert scalar.shape == (2, 3)
    assert jacobian(jnp.exp, jnp.asarray(0.5, dtype), "differences").shape == ()
    fixed = jacobian(jnp.sin, jnp.asarray(0.0, dtype), "differences", step=0.5)
    laws.close(fixed, 2 * math.sin(0.5), c=4, dtype=dtype)


def test_steps_of_a_jacobian_are_exact():
    """Powers of two, also under jit: a linear function with integer slopes comes out exactly."""
    A = jnp.asarray([[3.0, -2.0], [1.0, 4.0]])
    for scheme in ("forward", "backward", "central"):
        for x in (jnp.asarray([5.0, -3.0]), jnp.asarray([1000.0, 0.0])):
            J = jax.jit(
                lambda x, scheme=scheme: jacobian(lambda x: A @ x, x, "differences", scheme=scheme)
            )(x)
            assert np.array_equal(J, A)


@pytest.mark.parametrize(("n", "hidden", "m"), [(4, (8, 6), 3), (7, (5,), 2), (1, (3, 3, 3), 1)])
def test_products_that_differences_cost(n, hidden, m, key):
    """2P (1 + n) FLOPs one-sided, as forward mode; 4 P n central, and 2P more for the value."""
    net = al.MLP.init(key, n, hidden, "tanh", out_size=m)
    P = sum(a * b for a, b in zip((n, *hidden), (*hidden, m), strict=True))
    x = jnp.ones(n)
    one_sided = count(lambda x: difference_jacobian(net, x), x).dot_flops
    assert one_sided == 2 * P * (1 + n) == count(jax.jacfwd(net), x).dot_flops
    central = count(lambda x: difference_jacobian(net, x, "central"), x).dot_flops
    assert central == 4 * P * n + 2 * P
    alone = count(
        lambda x: jacobian(net, x, "differences", scheme="central"), x, live_only=True
    ).dot_flops
    assert alone == 4 * P * n


def test_best_steps():
    """The closed forms, and that the bound is least there."""
    for dtype in DTYPES:
        eps = EPS[dtype]
        assert math.isclose(
            optimal_step("forward", dtype, value=3.0, derivative=2.0), 2 * math.sqrt(eps * 3 / 2)
        )
        assert math.isclose(
            optimal_step("central", dtype, value=-3.0, derivative=2.0), (3 * eps * 3 / 2) ** (1 / 3)
        )
        assert math.isclose(optimal_step("richardson", dtype), (360 * eps) ** 0.2)
        for scheme, order in REAL:
            rule, best = stencil(scheme, order), optimal_step(scheme, dtype, order=order)

            def total(h, rule=rule, eps=eps):
                return rule.truncation * h**rule.order + rule.amplification * eps / h

            assert total(best) < min(total(0.9 * best), total(1.1 * best))
            assert math.isclose(total(best), (rule.order + 1) * rule.truncation * best**rule.order)
    assert optimal_step("central", "float64", derivative=0.0) == math.inf
    assert optimal_step("complex", "float64") == 2.0**-664


def test_weights_of_all_orders_are_exact_for_polynomials():
    for scheme, order in [*REAL, ("richardson", 8), ("richardson", 10)]:
        rule = stencil(scheme, order)
        for k in range(rule.order + 1):
            moment = sum(w * s**k for w, s in zip(rule.weights, rule.offsets, strict=True))
            assert abs(moment - (k == 1)) < 1e-12 * rule.amplification
        moment = sum(
            w * s ** (rule.order + 1) for w, s in zip(rule.weights, rule.offsets, strict=True)
        )
        assert abs(abs(moment) / math.factorial(rule.order + 1) / rule.truncation - 1) < 1e-9


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: difference(jnp.sin, 1, scheme="central"), TypeError, "x: got dtype int"),
        (lambda: difference(jnp.sin, jnp.ones(2)), ValueError, "direction: got None.*jacobian"),
        (lambda: difference(jnp.sin, jnp.ones(2), jnp.zeros(2)), ValueError, "not all zero"),
        (lambda: difference(jnp.sin, jnp.ones(2), jnp.ones(3)), ValueError, "shape \\(2,\\)"),
        (lambda: difference(jnp.sin, 1.0, step=-1.0), ValueError, "step: got -1.0"),
        (lambda: difference(jnp.sin, 1.0, derivatives={3: -1.0}), ValueError, "derivatives.3."),
        (lambda: difference(jnp.sin, 1.0, value_error=math.nan), ValueError, "value_error"),
        (lambda: difference(lambda x: (x, x), 1.0), TypeError, "one floating-point array"),
        (lambda: optimal_step("richardson", float, order=5), ValueError, "order: got 5"),
        (lambda: jacobian(jnp.sin, jnp.arange(3), "differences"), TypeError, "x: got dtype int"),
    ],
)
def test_messages(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
