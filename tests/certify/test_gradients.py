"""Values, gradients and Hessians of all activations and targets: programs and enclosures.

The oracle is the expression at 100 decimal digits, and its central differences with tiny steps. It
knows nothing of JAX's rules of differentiation, which are tested here forward and backward, and
nothing of the kernel, whose enclosures of values and of traced gradients must hold its numbers.
"""

import decimal
from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.certify._enclosures import Enclosure
from approxlab.certify._problems import single
from tests.certify.exact_values import exact, value

EPS = 2.0**-52
STEP = Decimal(10) ** -13
OFTEN = ["tanh", "relu", "softplus"]
ACTIVATIONS = sorted(set(al.networks.ACTIVATIONS) - {"heaviside"})


def at(expression, point, moves):
    """The value at a point moved by multiples of the step along axes."""
    moved = [exact(x) + STEP * moves.get(j, 0) for j, x in enumerate(point)]
    (found,) = value(expression, moved)
    return found


def gradient(expression, point):
    return [
        (at(expression, point, {j: 1}) - at(expression, point, {j: -1})) / (2 * STEP)
        for j in range(len(point))
    ]


def hessian(expression, point):
    def entry(j, k):
        if j == k:
            middle = 2 * at(expression, point, {})
            outer = at(expression, point, {j: 1}) + at(expression, point, {j: -1})
            return (outer - middle) / STEP**2
        corners = ((a, b) for a in (1, -1) for b in (1, -1))
        total = sum(a * b * at(expression, point, {j: a, k: b}) for a, b in corners)
        return total / (4 * STEP**2)

    return [[entry(j, k) for k in range(len(point))] for j in range(len(point))]


def scale(wanted):
    return max(1.0, *(abs(float(w)) for w in np.ravel(wanted)))


def check_program(function, point, value_, slopes, curves):
    """JAX's value, gradient and Hessian, in both modes and their compositions."""
    x = jnp.asarray(point)
    size = max(scale([value_]), scale(slopes), scale(curves))
    wanted = np.array(slopes, float), np.array(curves, float)
    assert abs(float(function(x)) - float(value_)) <= 200 * EPS * size
    for once in (jax.jacfwd, jax.jacrev):
        assert np.all(np.abs(once(function)(x) - wanted[0]) <= 500 * EPS * size)
        for twice in (jax.jacfwd, jax.jacrev):
            assert np.all(np.abs(twice(once(function))(x) - wanted[1]) <= 5000 * EPS * size)


def check_enclosed(function, dim, points, wanted):
    """At every point the oracle's numbers lie in the enclosure, which is narrow."""
    expression = single(function, dim)
    found = Enclosure(expression).at(points)
    around = Enclosure(expression).around(points, np.full_like(points, 2.0**-20))
    with decimal.localcontext() as context:
        context.prec = 100
        tiny = Decimal(10) ** -20
        for row, entries in enumerate(wanted):
            size = Decimal(scale(entries))
            for entry, number in enumerate(entries):
                for models in (found, around):
                    low, high = models.low[row, entry], models.high[row, entry]
                    assert exact(low) <= number + tiny * size
                    assert number - tiny * size <= exact(high)
                assert found.high[row, entry] - found.low[row, entry] <= 1e-11 * float(size)


def check(function, dim, points):
    expression = single(function, dim)
    with decimal.localcontext() as context:
        context.prec = 100
        values = [at(expression, point, {}) for point in points]
        slopes = [gradient(expression, point) for point in points]
        curves = [hessian(expression, point) for point in points]
    for point, *told in zip(points, values, slopes, curves, strict=True):
        check_program(function, point, *told)
    check_enclosed(function, dim, points, [[v] for v in values])
    check_enclosed(jax.grad(function), dim, points, slopes)


def unit(name):
    return lambda x: al.networks.activation(name)(x[0])


@pytest.mark.parametrize("name", mostly_slow(ACTIVATIONS, OFTEN))
def test_activations_away_from_kinks(name):
    rng = np.random.default_rng(0)
    points = [2.0**-30, -(2.0**-30), 0.3, -0.7, 1.0, -1.0, 4.0, -5.5, 17.0, -17.0]
    check(unit(name), 1, np.array([*points, *rng.normal(size=4)])[:, None])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_at_the_kink_lie_between_those_beside_it(name):
    """Of relu the left one is taken, of abs and leaky_relu the right one."""
    left, right = (float(jax.grad(unit(name))(jnp.array([x]))[0]) for x in (-1e-12, 1e-12))
    for mode in (jax.jacfwd, jax.jacrev):
        for zero in (0.0, -0.0):
            slope = float(mode(unit(name))(jnp.array([zero]))[0])
            if name in ("relu", "abs", "leaky_relu"):
                assert slope == (left if name == "relu" else right)
            else:
                assert abs(slope - left) + abs(slope - right) <= 1e-10
    slopes = Enclosure(single(jax.grad(unit(name)), 1))
    found = slopes.around(np.zeros((1, 1)), np.full((1, 1), 1e-6))
    assert found.low[0, 0] <= min(left, right)
    assert max(left, right) <= found.high[0, 0]


FUNCTIONS = {
    "tanh": jnp.tanh,
    "erf": jax.scipy.special.erf,
    "erfc": jax.scipy.special.erfc,
    "log2": lambda x: jnp.log2(40.0 + x),
    "mish": lambda x: x * jnp.tanh(jax.nn.softplus(x)),
    "normal": jax.scipy.stats.norm.cdf,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_programs_that_jax_writes_for_slopes(name):
    """1 - x^2 and exp(-x^2) are primitives, or programs of bits, from JAX 0.12 on."""
    points = np.array([-6.0, -0.7, 0.0, 2.0**-30, 0.3, 1.0, 5.5])[:, None]
    check(lambda x: FUNCTIONS[name](x[0]), 1, points)


def test_polynomials_are_enclosed_where_they_are_no_loops():
    """jnp.polyval is a primitive from JAX 0.12 on; before, a loop over arrays, which is refused."""
    numbers = [3.0, -2.0, 0.5, -7.0]

    def polynomial(x):
        return jnp.polyval(jnp.array(numbers), x[0])

    if not hasattr(jax.lax, "polynomial_p"):
        with pytest.raises(TypeError, match="'scan' over arrays"):
            single(polynomial, 1)
        return
    values = Enclosure(single(polynomial, 1)).around(*[np.array([[0.5]])] * 2)
    assert values.low[0, 0] <= np.polyval(numbers, 0.5) <= values.high[0, 0]  # exact, by hand


def test_a_function_of_ones_own_may_have_the_name_of_one_of_jax():
    @jax.custom_jvp
    def exp_neg_sq(x):
        return 2.0 * x

    exp_neg_sq.defjvps(lambda slope, value, x: 2.0 * slope)
    found = Enclosure(single(lambda x: exp_neg_sq(x[0]), 1)).around(*[np.array([[3.0]])] * 2)
    assert found.low[0, 0] <= 6.0 <= found.high[0, 0]


def places(target, count, seed):
    """Points of the box, not at its edges, where slopes may be infinite."""
    rng = np.random.default_rng(seed)
    low, high = (np.asarray(end) for end in (target.domain.lower, target.domain.upper))
    share = rng.uniform(0.02, 0.98, (count, len(low)))
    return low + share * (high - low)


def corner_by_arctan(x):
    """The target "corner" where y > x: atan2, which has no enclosure, is an arctan there."""
    angle = jnp.arctan((x[0] + x[1]) / (x[0] - x[1]))
    return jnp.cbrt(x[0] ** 2 + x[1] ** 2) * jnp.cos(angle * (2.0 / 3.0))


DIMS = {"oscillatory": 3, "corner_peak": 2, "product_peak": 2}
SOME = ["runge", "oscillatory", "sqrt"]


@pytest.mark.parametrize("name", mostly_slow(sorted({*al.targets.names()} - {"takagi"}), SOME))
def test_targets(name):
    target = al.targets.get(name, dim=DIMS[name]) if name in DIMS else al.targets.get(name)
    points = np.sort(places(target, 3, 0), axis=1)
    check(target if name != "corner" else corner_by_arctan, target.dim, points)
    if name == "corner":
        rule, other = (jax.vmap(jax.grad(f))(points) for f in (target, corner_by_arctan))
        assert np.all(np.abs(rule - other) <= 500 * EPS * scale(other))


def test_a_target_that_has_no_slope_anywhere_has_enclosed_values():
    target = al.targets.get("takagi")
    points = places(target, 3, 0)
    with decimal.localcontext() as context:
        context.prec = 100
        values = [[at(single(target, 1), point, {})] for point in points]
    check_enclosed(target, 1, points, values)
    assert np.allclose(jax.vmap(target)(points), np.array(values, float)[:, 0], rtol=8 * EPS)


@pytest.mark.parametrize("fault", ["value", "slope"])
def test_twin_with_a_wrong_rule_is_found(fault):
    @jax.custom_jvp
    def wave(x):
        return jnp.sin(x[0])

    @wave.defjvp
    def _(primals, tangents):
        return wave(primals[0]), (1.0 + 1e-9) * jnp.cos(primals[0][0]) * tangents[0][0]

    program = wave if fault == "slope" else lambda x: jnp.sin(x[0]) + 1e-9
    expression, point = single(lambda x: jnp.sin(x[0]), 1), np.array([0.3])
    with decimal.localcontext() as context:
        context.prec = 100
        told = at(expression, point, {}), gradient(expression, point), hessian(expression, point)
    check_program(lambda x: jnp.sin(x[0]), point, *told)
    with pytest.raises(AssertionError):
        check_program(program, point, *told)
