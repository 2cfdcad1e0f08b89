"""The derivative checker near edges and kinks, and for gradients that are nearly right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import gammaln

from approxlab.derivatives.checking.check import check, check_derivatives


def ruled(f, slope):
    """f with another derivative, of one number."""
    g = jax.custom_jvp(f)
    g.defjvps(lambda t, y, x: slope(x) * t)
    return g


def wiggle(x):
    return jnp.where(x == 0.0, 0.0, x * jnp.sin(1.0 / jnp.where(x == 0.0, 1.0, x)))


NEAR_AN_EDGE = {
    "log 1e-12": (jnp.log, 1e-12),
    "log 1e-8": (jnp.log, 1e-8),
    "sqrt 1e-12": (jnp.sqrt, 1e-12),
    "arcsin": (jnp.arcsin, 1 - 1e-10),
    "log1p": (jnp.log1p, -1 + 1e-10),
    "arctanh": (jnp.arctanh, 1 - 1e-9),
    "power 2.5": (lambda x: x**2.5, 0.0),
    "1/x": (lambda x: 1.0 / x, 1e-12),
    "tan": (jnp.tan, 1.5707963),
    "lgamma": (gammaln, 1e-9),
    "lgamma at a pole": (gammaln, -1 + 1e-6),
    "relu": (jax.nn.relu, 1e-9),
    "cholesky": (jnp.linalg.cholesky, [[1.0, 1 - 1e-7], [1 - 1e-7, 1.0]]),
}


@pytest.mark.parametrize("name", NEAR_AN_EDGE)
def test_right_near_an_edge(name):
    """In float64 the differences tell; float32 may not show them."""
    f, x = NEAR_AN_EDGE[name]
    assert check_derivatives(f, jnp.asarray(x, "float64")).verdict == "agrees"
    assert check_derivatives(f, jnp.asarray(x, "float32")).verdict in (
        "agrees",
        "cannot tell",
        "not finite",
    )


@pytest.mark.parametrize(
    ("f", "slope", "x"),
    [
        (jnp.log, lambda x: 1.01 / x, 1e-12),
        (jnp.sqrt, lambda x: 0.51 / jnp.sqrt(x), 1e-8),
        (jax.nn.relu, lambda x: 0.01 + 0.0 * x, 1e-9),
        (lambda x: x**2.5, lambda x: 1.0 + x, 0.0),
    ],
)
def test_wrong_near_an_edge(f, slope, x):
    assert check_derivatives(ruled(f, slope), jnp.asarray(x)).verdict == "wrong"


@pytest.mark.parametrize("slope", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_no_difference_settles(slope, seed):
    """x sin(1/x) has no derivative at 0; central differences alone would say 0."""
    f = ruled(wiggle, lambda x: slope + 0.0 * x)
    report = check_derivatives(f, jnp.asarray(0.0), key=jax.random.key(seed))
    assert report.verdict in ("cannot tell", "not differentiable here?")
    assert not report.ok


def test_one_component_that_is_not_known_does_not_hide_the_others():
    """Neither an infinite derivative nor one that is lost spoils <J^T u, v> of the others."""

    def f(x):
        return jnp.stack([jnp.sqrt(x[0]), jnp.sin(x[1])])

    report = check_derivatives(f, jnp.asarray([0.0, 1.0]))
    assert report.verdict == "not finite"
    assert {one.place for one in report.disagreements} == {"output[0]"}
    spoiled = ruled(jnp.sin, lambda x: 1.01 * jnp.cos(x))
    report = check_derivatives(
        lambda x: jnp.stack([jnp.sqrt(x[0]), spoiled(x[1])]), jnp.asarray([0.0, 1.0])
    )
    assert report.verdict == "wrong"


# ---------------------------------------------------------------------------- gradients


SPOILED = {
    "reversed": lambda g: g[::-1],
    "averaged": lambda g: np.full_like(g, np.mean(g)),
    "swapped": lambda g: np.concatenate([g[1:2], g[:1], g[2:]]),
    "rolled": lambda g: np.roll(g, 1),
    "sign": lambda g: np.concatenate([-g[:1], g[1:]]),
    "all signs": lambda g: -g,
}


def with_gradient(claimed, weights, rule):
    """The sum of w x, with another gradient."""

    def value(x):
        return jnp.dot(weights, x, precision="highest")

    if rule == "jvp":
        f = jax.custom_jvp(value)
        f.defjvp(lambda x, t: (value(*x), jnp.dot(claimed, *t, precision="highest")))
        return f
    f = jax.custom_vjp(value)
    f.defvjp(lambda x: (value(x), None), lambda _, u: (u * claimed,))
    return f


def all_rejected(size, dtype, seeds):
    for seed in seeds:
        rng = np.random.default_rng([size, seed])
        w = rng.normal(size=size)
        x = jnp.asarray(rng.normal(size=size), dtype)
        key = jax.random.key(seed)
        kinds = list(SPOILED.items())
        name, spoil = kinds[seed % len(kinds)]
        rule = ("jvp", "vjp")[seed // len(kinds) % 2]
        f = with_gradient(jnp.asarray(spoil(w), dtype), jnp.asarray(w, dtype), rule)
        assert check_derivatives(f, x, key=key).verdict == "wrong", (name, seed)
        if seed < 3:
            right = with_gradient(jnp.asarray(w, dtype), jnp.asarray(w, dtype), rule)
            assert check_derivatives(right, x, key=key).verdict == "agrees"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [2, 10])
def test_spoiled_gradients_are_wrong(size, dtype):
    all_rejected(size, dtype, range(6))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 10, 16, 25, 50, 100])
def test_many_spoiled_gradients_are_wrong(size, dtype):
    all_rejected(size, dtype, range(100))


def test_a_forgotten_transpose_and_a_mean_are_wrong():
    logdet = jax.custom_vjp(lambda a: jnp.linalg.slogdet(a)[1])
    logdet.defvjp(lambda a: (jnp.linalg.slogdet(a)[1], a), lambda a, u: (u * jnp.linalg.inv(a),))
    mean = jax.custom_jvp(lambda x: x[0] + 2.0 * x[1] + 3.0 * x[2])
    mean.defjvp(lambda x, t: (mean(*x), 6.0 * t[0][0]))
    for seed in range(4):
        key = jax.random.key(seed)
        a = jnp.eye(4) * 3.0 + jax.random.normal(key, (4, 4))
        assert check_derivatives(logdet, a, key=key).verdict == "wrong"
        assert check_derivatives(mean, jnp.ones(3), key=key).verdict == "wrong"


# ---------------------------------------------------------------------------- modes and leaves


def doubled(x):
    return jax.lax.while_loop(lambda s: s[0] < 5, lambda s: (s[0] + 1, 2.0 * s[1]), (0, x))[1]


def test_the_modes_that_there_are():
    sine = jax.custom_vjp(jnp.sin)
    sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, u: (u * jnp.cos(x),))
    report = check(sine, jnp.ones(3))
    assert (report.verdict, report.modes) == ("agrees", ("reverse",))
    assert "reverse mode alone" in str(report)
    report = check(doubled, jnp.ones(3))
    assert (report.verdict, report.modes) == ("agrees", ("forward",))
    with pytest.raises(ValueError, match="no reverse mode"):
        check(doubled, jnp.ones(3), modes=("reverse",))
    assert check(jnp.sin, 0.3).modes == ("forward", "reverse")


def test_what_is_not_floating_point_is_held_fixed():
    def f(tree, act, name, count, yes):
        out = act(tree["x"]) ** count if yes else tree["x"]
        return {"y": out, "name": name, "act": act, "n": jnp.arange(count), "none": None}

    assert check(f, {"x": jnp.ones(2), "i": np.arange(3)}, jnp.sin, "text", 2, True).ok
    assert check(lambda x: x**3 if x > 0 else x, 0.5).ok
