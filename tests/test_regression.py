"""Models linear in their parameters: bases, the solve, what it reports, and exact networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.errors.pointwise import box_and_mask
from approxlab.regression import (
    Chebyshev,
    FeatureModel,
    Legendre,
    Monomials,
    linear,
    polynomial,
    regress,
)

EPS = np.finfo(float).eps
ONE = al.Box([-1.0], [1.0])
NODES = -np.cos((np.arange(61) + 0.5) * np.pi / 61)
FITS = {
    "chebyshev": np.polynomial.chebyshev.chebfit,
    "legendre": np.polynomial.legendre.legfit,
    "monomial": np.polynomial.polynomial.polyfit,
}
VANDERMONDE = {
    Chebyshev: np.polynomial.chebyshev.chebvander,
    Legendre: np.polynomial.legendre.legvander,
    Monomials: np.polynomial.polynomial.polyvander,
}


def smooth(x):
    return np.exp(x) * np.sin(5.0 * x)


def cubic(box):
    """A target of degree 3 in the mapped variable of an interval."""
    (a,), (b,) = box.lower, box.upper
    return al.Target(lambda x: ((2 * x[0] - a - b) / (b - a)) ** 3 + 1.0, domain=box)


# Bases


@pytest.mark.parametrize("basis", VANDERMONDE)
def test_bases_are_those_of_numpy(basis):
    wanted = VANDERMONDE[basis](NODES, 30)
    on_the_host = basis(30).matrix(NODES[:, None])
    by_jax = np.asarray(al.evaluate(basis(30), NODES[:, None]))
    np.testing.assert_allclose(on_the_host, wanted, atol=100 * EPS)
    np.testing.assert_allclose(by_jax, wanted, atol=100 * EPS)
    single = np.asarray(al.evaluate(basis(30), NODES[:, None].astype(np.float32)))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wanted, atol=1e-4)


@pytest.mark.parametrize("kind", ["total", "tensor"])
def test_products_in_several_variables(kind):
    box = al.Box([3.0, -7.0, 0.0], [5.0, -2.0, 1.0])
    basis = Legendre(3, box, kind)
    x = box.sobol(17)
    t = 2.0 * (x - np.asarray(box.lower)) / box.widths - 1.0
    one = [np.polynomial.legendre.legvander(t[:, j], 3) for j in range(3)]
    wanted = np.stack(
        [one[0][:, i] * one[1][:, j] * one[2][:, k] for i, j, k in basis.exponents], axis=1
    )
    np.testing.assert_allclose(basis.matrix(x), wanted, atol=100 * EPS)
    np.testing.assert_allclose(np.asarray(al.evaluate(basis, x)), wanted, atol=100 * EPS)
    assert basis.num_features == len(basis.exponents) == {"total": 20, "tensor": 64}[kind]
    assert len({tuple(row) for row in basis.exponents}) == basis.num_features


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_the_lowest_degrees(degree):
    assert al.evaluate(Chebyshev(degree), NODES[:, None]).shape == (61, degree + 1)
    assert Monomials(degree, al.Box.unit(2)).num_features == (1, 3, 6)[degree]


def test_far_from_the_origin_single_precision_loses_only_what_its_points_have_lost():
    box = al.Box([100.1], [100.9])
    x = box.uniform(201).astype(np.float32)
    got = np.asarray(al.evaluate(Chebyshev(30, box), x), float)
    np.testing.assert_allclose(got, Chebyshev(30, box).matrix(x), atol=900 * 1.2e-7 * 4)
    shifted = np.asarray(2.5 * x - np.float32(251.25), np.float32)  # the map as scale and shift
    assert np.abs(np.cos(30 * np.arccos(np.clip(shifted, -1, 1))) - got[:, -1:]).max() > 1e-3


# The solve


@pytest.mark.parametrize("basis", ["chebyshev", "legendre"])
def test_degree_thirty_agrees_with_numpy(basis):
    y = smooth(NODES)
    fit = polynomial((NODES[:, None], y), 30, basis=basis, box=ONE)
    wanted = FITS[basis](NODES, y, 30)
    difference = np.abs(np.asarray(fit.model.coefficients) - wanted).max()
    assert difference <= 1e-12 * np.abs(wanted).max()
    assert fit.condition < 1e2
    assert fit.rank == 31
    assert fit.rms_residual < 1e-14
    other = FITS[basis](NODES, smooth(NODES * (1 + 1e-9)), 30)
    assert np.abs(other - wanted).max() > 1e-12 * np.abs(wanted).max()


def test_the_condition_of_monomials_is_the_true_one():
    fit = polynomial((NODES[:, None], smooth(NODES)), 30, basis="monomial", box=ONE)
    true = np.linalg.cond(np.polynomial.polynomial.polyvander(NODES, 30))
    # A smallest singular value is known to eps times the largest, whoever computes it.
    assert fit.condition == pytest.approx(true, rel=np.finfo(float).eps * true)
    assert fit.condition == pytest.approx(1.5216548e11, rel=1e-4), "by rational arithmetic"
    assert fit.condition_kind == "2-norm"
    assert "condition 1.52e+11 (2-norm)" in repr(fit)
    single = polynomial(
        (NODES[:, None], smooth(NODES)), 30, basis="monomial", box=ONE, dtype="float32"
    )
    assert single.condition == pytest.approx(true, rel=0.1)
    assert single.rank < 31, "single precision cannot use what it cannot represent"


def test_a_condition_beyond_rounding_is_a_lower_bound():
    """61 monomials have condition 1e23 here; singular values in float64 cannot show it."""
    x = np.linspace(-1.0, 1.0, 200)
    fit = polynomial((x[:, None], smooth(x)), 60, basis="monomial", box=ONE)
    assert fit.condition_kind == "lower bound"
    assert 1e12 < fit.condition < 1e15
    assert "at least" in repr(fit)
    assert fit.rms_residual < 1e-13


def test_the_condition_holds_the_weights():
    x, w = ONE.gauss_legendre(40)
    fit = polynomial((x, smooth(x[:, 0])), 9, basis="legendre", weights=w, box=ONE)
    assert fit.condition == pytest.approx(np.sqrt(19.0), rel=1e-9)  # norms 2 / (2 k + 1)
    residual = np.asarray(al.evaluate(fit.model, x)) - smooth(x[:, 0])
    assert fit.rms_residual == pytest.approx(np.sqrt(w @ residual**2 / 2.0), rel=1e-9)


@pytest.mark.parametrize(
    "box",
    mostly_slow(
        [ONE, al.Box([100.0], [101.0]), al.Box([-7.0], [1000.0])], [al.Box([100.0], [101.0])]
    ),
)
def test_degree_thirty_on_any_box(box):
    (a,), (b,) = box.lower, box.upper
    wave = al.Target(lambda x: jnp.sin(7.0 * (x[0] - a) / (b - a)), domain=box)
    fit = polynomial(wave, 30)
    assert float(fit.error) < 1e-13 * (1.0 + 100.0 / (b - a))
    assert fit.condition < 1e2
    single = polynomial(wave, 30, dtype="float32")
    spacing = 1.2e-7 * (1.0 + max(abs(a), abs(b)) / (b - a))
    assert float(single.error) < 10.0 * 7.0 * spacing
    assert single.model.dtype == jnp.float32


@pytest.mark.parametrize("kind", ["total", "tensor"])
def test_several_variables_and_outputs(kind):
    box = al.Box([3.0, -1.0], [5.0, 2.0])
    x = box.sobol(256)
    y = np.stack([x[:, 0] ** 2 * x[:, 1], x[:, 0] - 2.0 * x[:, 1] ** 3], axis=1)
    fit = polynomial((x, y), 3, kind=kind)
    np.testing.assert_allclose(al.evaluate(fit.model, x), y, atol=1e-11)
    assert fit.model.out_size == 2
    assert fit.model.num_parameters == 2 * {"total": 10, "tensor": 16}[kind]
    low = polynomial((x, y), 2)
    assert low.rms_residual > 1e-3


def test_features_of_the_users_own_enter_by_the_same_door():
    target = al.targets.get("sine2")
    frequencies = jnp.arange(1.0, 4.0)

    def waves(x):
        return jnp.sin(2.0 * jnp.pi * frequencies * x[0])

    fit = regress(target, waves)
    assert float(fit.error) < 1e-14
    np.testing.assert_allclose(fit.model.coefficients, [1.0, 0.0, 0.0], atol=1e-14)
    twice = regress(target, lambda x: jnp.concatenate([waves(x), waves(x)]))
    assert (twice.rank, twice.condition_kind) == (3, "lower bound")
    assert float(twice.error) < 1e-13
    assert float(al.errors.sup(fit.model, target)) < 1e-13
    slope = al.derivatives.gradient(fit.model, jnp.array([0.0]))
    assert float(slope[0]) == pytest.approx(2.0 * np.pi)


def test_features_that_change_between_two_fits_are_computed_anew():
    power = [1]

    def feature(x):
        return x ** power[0]

    target = cubic(ONE)
    first = regress(target, feature)
    power[0] = 2
    second = regress(target, feature)
    assert first.model.coefficients[0] == pytest.approx(0.6, abs=1e-4)
    assert second.model.coefficients[0] == pytest.approx(5.0 / 3.0, abs=1e-4)


def test_features_that_are_a_pytree_keep_their_arrays_as_leaves():
    features = jax.tree_util.Partial(lambda w, x: jnp.tanh(w * x[0]), jnp.array([1.0, 2.0, 3.0]))
    model = regress(al.targets.get("exp"), features).model
    assert len(jax.tree.leaves(model)) == 2
    gradient = jax.grad(lambda m: m(jnp.array([0.3])))(model)
    assert jax.tree.leaves(gradient)[0].shape == (3,)
    assert len(jax.tree.leaves(polynomial(al.targets.get("exp"), 3).model)) == 1


def test_scales_of_features_do_not_decide_the_rank():
    target = al.targets.get("exp")
    scaled = regress(target, lambda x: jnp.stack([1e-200 + 0.0 * x[0], 1e200 * x[0], x[0] ** 2]))
    assert scaled.rank == 3
    assert float(scaled.error) == pytest.approx(float(polynomial(target, 2).error), rel=1e-9)


def test_a_feature_that_is_zero_has_an_infinite_condition():
    for feature in (lambda x: jnp.stack([x[0], 0.0 * x[0]]), lambda x: 0.0 * x):
        fit = regress(DATA, feature)
        assert (fit.condition, fit.condition_kind) == (np.inf, "2-norm")
        assert "condition inf" in repr(fit)


def test_points_that_rounding_makes_equal_are_named():
    x = 1e8 + np.arange(9.0)[:, None]
    with pytest.raises(ValueError, match="rounding to float32 leaves 2.*Subtract an offset"):
        polynomial((x, x[:, 0]), 4, dtype="float32")
    assert polynomial((x - 1e8, x[:, 0]), 4, dtype="float32").rank == 5
    assert polynomial((x, x[:, 0]), 4, dtype="float64").rank == 5


def test_a_result_is_no_function_and_says_what_is():
    fit, trained = linear(DATA), al.fit(DATA, hidden=(1,), method="adam", steps=1)
    target = al.Target(lambda x: x[0], domain=ONE)
    for name, result in (("model", fit), ("network", trained)):
        for call in (
            lambda r: box_and_mask(r, target, None),  # of l2 and sup, whose types are checked here
            lambda r: al.plotting.plot_model(r, target),
        ):
            with pytest.raises(TypeError, match=rf"Write fit\.{name}"):
                call(result)


def test_more_features_than_points_report_the_rank():
    x = np.linspace(0.0, 1.0, 4)[:, None]
    fit = regress((x, x[:, 0]), lambda x: jnp.cos(jnp.arange(9.0) * x[0]))
    assert (fit.rank, fit.condition) == (4, np.inf)
    assert fit.rms_residual < 1e-13
    circle = np.linspace(0.0, 6.0, 40)
    on_it = np.stack([np.cos(circle), np.sin(circle)], axis=1)
    fit = polynomial((on_it, circle), 2, box=al.Box.cube(-1.0, 1.0, 2))
    assert fit.rank == 5, "x^2 + y^2 = 1 on the circle"
    assert "rank 5 of 6" in repr(fit)


def test_rows_tell_size_error_rank_and_condition():
    (row,) = polynomial(al.targets.get("runge"), 8).to_rows()
    assert (row["basis"], row["degree"], row["num_parameters"], row["rank"]) == (
        "chebyshev", 8, 9, 9,
    )  # fmt: skip
    assert row["relative_l2_error"] > row["rms_residual"] > 0.0
    (row,) = linear(al.targets.get("runge")).to_rows()
    assert (row["num_parameters"], row["condition_kind"]) == (2, "2-norm")
    assert "basis" not in row


# Exact networks


@pytest.mark.parametrize("moved", [1.0, 3.0, 100.0])
def test_a_linear_model_is_a_network_without_hidden_layers(moved):
    box = al.Box([moved, -moved], [moved + 1.0, moved])
    x = box.sobol(64)
    y = np.stack([2.0 * x[:, 0] - x[:, 1] + 0.5, x[:, 1]], axis=1)
    model = linear((x, y)).model
    assert isinstance(model, al.MLP)
    assert (model.depth, model.num_parameters) == (0, 6)
    np.testing.assert_allclose(model.weights[0], [[2.0, -1.0], [0.0, 1.0]], atol=1e-12)
    np.testing.assert_allclose(model.biases[0], [0.5, 0.0], atol=1e-13 * moved**1)
    constant = np.stack([x[:, 0], np.full(64, 7.0)], axis=1)
    fit = linear((constant, y[:, 0] * 0.0 + x[:, 0]))
    assert fit.rank == 2, "a coordinate with one value adds nothing"


@pytest.mark.parametrize("basis", [Monomials, Chebyshev, Legendre])
@pytest.mark.parametrize("dim", mostly_slow([1, 2, 3], [1, 3]))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_degree_two_is_a_layer_of_relu2_units(basis, dim, dtype):
    box = al.Box([100.0, -3.0, 0.0][:dim], [101.0, 5.0, 0.1][:dim])
    features, rng = basis(2, box), np.random.default_rng(dim)
    coefficients = rng.standard_normal((features.num_features, 2)).astype(dtype)
    model = FeatureModel(features, jnp.asarray(coefficients))
    net = model.to_mlp()
    assert (net.activation, net.depth, net.num_linear_units) == ("relu2", 1, 0)
    assert net.num_hidden_units == 2 * dim * (dim + 2)
    assert net.dtype == dtype
    x = np.concatenate([box.sobol(64), box.corners(), 3.0 * box.sobol(8)[:, :] - 2.0 * box.center])
    x = x[box.contains(x)] if dtype == np.float32 else x
    wanted = features.matrix(x.astype(dtype)) @ coefficients.astype(float)
    got = np.asarray(al.evaluate(net, x), float)
    size = float(np.finfo(dtype).eps) * (1.0 + 2.0 * np.abs(box.center / box.widths).max())
    scale = np.abs(coefficients).sum() * np.abs(features.matrix(x)).max()
    assert np.abs(got - wanted).max() <= 20.0 * size * scale
    assert np.abs(got - 1.01 * wanted).max() > 20.0 * size * scale


@pytest.mark.parametrize("basis", [Monomials, Chebyshev, Legendre])
def test_degrees_below_two_are_affine_and_those_above_need_depth(basis):
    box = al.Box([2.0, -1.0], [3.0, 4.0])
    for degree in (0, 1):
        model = FeatureModel(basis(degree, box), jnp.arange(1.0, 2.0 + 2.0 * degree))
        net = model.to_mlp()
        assert net.depth == 0
        x = box.sobol(16)
        np.testing.assert_allclose(al.evaluate(net, x), al.evaluate(model, x), atol=1e-13)
    tensor = FeatureModel(basis(1, box, "tensor"), jnp.array([1.0, 2.0, 3.0, 4.0]))  # holds s t
    np.testing.assert_allclose(al.evaluate(tensor.to_mlp(), x), al.evaluate(tensor, x), atol=1e-12)
    for high in (basis(3, box), basis(2, box, "tensor"), basis(1, al.Box.unit(3), "tensor")):
        with pytest.raises(ValueError, match="higher degrees need depth"):
            FeatureModel(high, jnp.ones(high.num_features)).to_mlp()


# Linear layers


@pytest.mark.parametrize("out_size", [None, 3])
@pytest.mark.parametrize("hidden", mostly_slow([(), (5,), (4, 1, 6)], [(4, 1, 6)]))
def test_linear_layers_are_one_matrix(hidden, out_size):
    net = al.MLP.init(jax.random.key(1), 2, hidden, "identity", out_size=out_size)
    rng = np.random.default_rng(0)
    net = jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape)), net)
    passing = al.MLP(net.weights, net.biases, "tanh", hidden, out_size)
    x = rng.standard_normal((20, 2))
    for deep in (net, passing):
        assert al.networks.is_affine(deep)
        flat = al.networks.collapse(deep)
        assert flat.depth == 0
        np.testing.assert_allclose(al.evaluate(flat, x), al.evaluate(deep, x), atol=1e-12)
    if hidden:
        real = al.MLP(net.weights, net.biases, "tanh", (*hidden[:-1], hidden[-1] - 1), out_size)
        assert not al.networks.is_affine(real)
        with pytest.raises(
            ValueError, match=f"'tanh' acts on 1 units of hidden layer {len(hidden) - 1}"
        ):
            al.networks.collapse(real)


def test_stacked_linear_networks_collapse_together():
    rng = np.random.default_rng(0)
    shapes = ((4, 2), (3, 4), (1, 3))
    nets = al.MLP.from_arrays(
        [rng.standard_normal((3, *shape)) for shape in shapes],
        [rng.standard_normal((3, shape[0])) for shape in shapes],
        "identity",
    )
    flat = al.networks.collapse(nets)
    x = jnp.array([0.3, -0.2])
    for i in range(3):
        np.testing.assert_allclose(flat.member(i)(x), nets.member(i)(x), atol=1e-14)


def test_two_linear_layers_are_linear_in_the_point_and_not_in_the_weights():
    """f(x) = w2 w1 x: at w = (1, 1) and (1, 1), f of the sum is 4 x, and the sum of both is 2 x."""
    net = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [0.0]], "identity")
    x = jnp.array([3.0])
    gap = al.networks.additivity_gap
    rng = np.random.default_rng(0)
    for a, b in rng.standard_normal((5, 2, 1)):
        assert float(gap(net, jnp.asarray(a), jnp.asarray(b))) == pytest.approx(0.0, abs=1e-14)
    assert float(gap(lambda net: net(x), net, net)) == 6.0
    bent = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [0.0]], "tanh")
    assert abs(float(gap(bent, x, x))) > 0.1
    shifted = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [2.0]], "identity")
    assert float(gap(shifted, x, -x)) == -2.0
    with pytest.raises(ValueError, match="equal structures and shapes"):
        gap(net, x, jnp.ones(2))


# Refusals

DATA = (NODES[:, None], smooth(NODES))
WAVE = al.Target(lambda x: jnp.sin(x[0]), domain=ONE, name="wave")
REFUSED = {
    "too high": (
        lambda: polynomial((DATA[0][:20], DATA[1][:20]), 20), ValueError, "rank is at most 20",
    ),
    "few different": (
        lambda: polynomial((DATA[0] * 0.0, DATA[1]), 1), ValueError, "rank is at most 1",
    ),
    "no weight": (
        lambda: polynomial(DATA, 3, weights=np.eye(61)[0]), ValueError, "rank is at most 1",
    ),
    "few points": (lambda: polynomial(WAVE, 9, points=8), ValueError, "rank is at most 8"),
    "one point": (lambda: linear((DATA[0][:1], DATA[1][:1])), ValueError, "rank is at most 1"),
    "number": (lambda: regress(WAVE, lambda x: x[0]), ValueError, r"shape \(\)"),
    "list": (lambda: regress(WAVE, lambda x: [x[0], 1.0]), ValueError, "got a list"),
    "matrix": (lambda: regress(WAVE, lambda x: jnp.ones((2, 2))), ValueError, r"shape \(2, 2\)"),
    "complex": (lambda: regress(WAVE, lambda x: jax.lax.complex(x, x)), TypeError, "real numbers"),
    "numpy": (lambda: regress(WAVE, lambda x: np.sin(x)), TypeError, "one of JAX"),
    "infinite features": (lambda: regress(WAVE, lambda x: jnp.log(x)), ValueError, "features: got"),
    "a class": (lambda: regress(WAVE, Chebyshev), TypeError, r"Chebyshev\(9\)"),
    "no function": (lambda: regress(WAVE, 3), TypeError, "features: got int"),
    "dimension": (lambda: regress(WAVE, Chebyshev(2, al.Box.unit(2))), ValueError, "2 variables"),
    "nan in Y": (
        lambda: polynomial((DATA[0], np.where(NODES > 0, np.nan, 1.0)), 3), ValueError,
        "Y: got nan",
    ),
    "infinite target": (
        lambda: polynomial(al.Target(lambda x: 1.0 / (x[0] - NODES[7]), domain=ONE), 3, points=61),
        ValueError, "target: got",
    ),
    "shapes": (lambda: polynomial((DATA[0], DATA[1][:5]), 3), ValueError, "for 61 points"),
    "flat X": (lambda: polynomial((NODES, DATA[1]), 3), ValueError, r"x\[:, None\]"),
    "negative": (lambda: polynomial(WAVE, -1), ValueError, "degree: got -1"),
    "many": (lambda: Chebyshev(99, al.Box.unit(6)), ValueError, "products"),
    "function": (lambda: polynomial(jnp.sin, 2), TypeError, "expected a Target"),
    "rtol": (lambda: polynomial(WAVE, 2, rtol=2.0), ValueError, "rtol: got 2.0"),
    "weights": (lambda: polynomial(DATA, 2, weights=[1.0]), ValueError, "weights: got shape"),
    "weights alone": (lambda: polynomial(WAVE, 2, weights=[1.0]), ValueError, "chosen here"),
    "coefficients": (lambda: FeatureModel(Chebyshev(3), jnp.ones(3)), ValueError, r"\(4,\)"),
    "batch": (
        lambda: FeatureModel(Chebyshev(1), jnp.ones(2))(DATA[0]), ValueError, "maps one point",
    ),
    "own features": (
        lambda: FeatureModel(jnp.sin, jnp.ones(1)).to_mlp(), TypeError, "polynomial basis",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    call, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        call()
