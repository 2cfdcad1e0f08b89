"""Results draw themselves in one call: on axes that are given, readable, silent, and truthful."""

import ast
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

import approxlab as al
from approxlab import plotting
from approxlab.plotting._stated_errors import stated

ROOT = Path(__file__).parent.parent
SMALLEST = 9.0  # points


def network(*sizes, activation="tanh", key=0):
    return al.MLP.init(jax.random.key(key), sizes[0], sizes[1:], activation)


def limit():
    return al.kernels.InfiniteNetwork(
        hidden_layers=1,
        activation="relu",
        weight_variance=2.0,
        bias_variance=1.0,
        parameterisation="ntk",
    )


def regression_with_a_kernel():
    x = np.linspace(-1.0, 1.0, 5)[:, None]
    return al.kernels.regress(limit(), x, np.cos(3.0 * x[:, 0]), kind="nngp")


def compared_kernels():
    x = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
    return al.kernels.compare(limit().draw(jax.random.key(1), 3, 16), limit(), x)


def runge():
    return al.targets.get("runge")


def made():
    return al.constructions.relu_interpolant(al.targets.get("square"), 4)


def fitted():
    return al.fit(runge(), hidden=(4,), seeds=2, steps=5)


def random_construction():
    return al.constructions.maurey(1, 8, jax.random.key(0))


# How to have one of each public result that draws itself.
RESULTS = {
    "answers.Answer": lambda: al.answer("kink", 1e-2, max_fits=1, timed=False),
    "approximation.Approximation": lambda: al.approximate(runge(), 0.1),
    "certify.Certificate": lambda: al.certify.sup_norm(made().network, made().target),
    "claims.Construction": made,
    "claims.RandomConstruction": random_construction,
    "derivatives.Choice": lambda: al.derivatives.choose(network(2, 8), jnp.zeros(2)),
    "derivatives.Plan": lambda: al.derivatives.plan_network([100, 50, 2]),
    "derivatives.Trace": lambda: al.derivatives.trace(lambda x, y: x * y + y, 2.0, 3.0),
    "fitting.DeepFit": lambda: al.fitting.fit_deep(al.targets.get("square"), (3, 3)),
    "fitting.DescentPath": lambda: al.fitting.descend(
        lambda w: jnp.sum(w**2), jnp.ones(2), learning_rate=0.1, steps=5
    ),
    "fitting.FitResult": fitted,
    "fitting.FreeKnots": lambda: al.fitting.free_knots(runge(), 4, polish=False),
    "fitting.GreedyFit": lambda: al.fitting.greedy(runge(), 3),
    "fitting.History": lambda: fitted().history,
    "fitting.SolvedNetwork": lambda: al.fitting.readout(network(1, 6), runge()),
    "fitting.StagedFit": lambda: al.fitting.fit_stages(runge(), [(2,), (2,)], steps=5),
    "kernels.KernelComparison": compared_kernels,
    "kernels.KernelRegression": regression_with_a_kernel,
    "kernels.Spectrum": lambda: al.kernels.spectrum(limit(), "ntk", highest=8),
    "landscapes.Segment": lambda: al.landscapes.loss_on_segment(
        lambda w: 1.0 - w[0] ** 2, -jnp.ones(1), jnp.ones(1)
    ),
    "landscapes.Spectrum": lambda: al.landscapes.hessian_spectrum(
        lambda w: w[0] ** 2 - w[1] ** 2, jnp.zeros(2)
    ),
    "networks.MLP": lambda: network(2, 40, 3),
    "optimal.NearBestRational": lambda: al.optimal.near_best_rational(runge(), 4),
    "optimal.PieceOptimum": lambda: al.optimal.relu_spline(runge(), 3, "sup"),
    "optimal.PolynomialOptimum": lambda: al.optimal.best_polynomial(runge(), 4),
    "regions.Partition": lambda: al.regions.partition(
        network(2, 4, activation="relu"), al.Box([-1.0, -1.0], [1.0, 1.0])
    ),
    "regions.Pieces": lambda: al.regions.pieces(
        al.constructions.tent_deep(2).network, al.Box([0.0], [1.0])
    ),
    "regression.Regression": lambda: al.regression.polynomial(runge(), 4),
    "records.Record": None,
    "targets.Target": runge,
}
SLOW = {
    *("answers.Answer", "approximation.Approximation", "derivatives.Choice", "fitting.StagedFit"),
    *("fitting.GreedyFit", "kernels.KernelComparison", "kernels.KernelRegression"),
    *("claims.RandomConstruction", "fitting.DeepFit", "kernels.Spectrum", "regions.Partition"),
    *("certify.Certificate", "fitting.FreeKnots", "fitting.History", "fitting.SolvedNetwork"),
    *("optimal.PieceOptimum", "optimal.NearBestRational", "landscapes.Spectrum"),
}
DRAWN = [
    pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW))
    for name, make in RESULTS.items()
    if make is not None
]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def methods_plot():
    """The class and the method, for every class of the library that draws itself."""
    for path in (ROOT / "approxlab").rglob("*.py"):
        for found in ast.walk(ast.parse(path.read_text())):
            if isinstance(found, ast.ClassDef):
                for part in found.body:
                    if isinstance(part, ast.FunctionDef) and part.name == "plot":
                        yield found.name, part


def test_every_result_that_draws_itself_is_tested_here():
    methods = list(methods_plot())
    assert sorted(name for name, _ in methods) == sorted(name.split(".")[1] for name in RESULTS)
    for name, method in methods:
        named = [argument.arg for argument in (*method.args.args, *method.args.kwonlyargs)]
        assert "ax" in named or method.args.kwarg, name
        assert ast.get_docstring(method), name


def letters(figure):
    figure.canvas.draw()
    texts = figure.findobj(lambda artist: isinstance(artist, plt.Text))
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("name", DRAWN)
def test_a_result_draws_itself_on_given_axes_and_on_new_ones(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_: pytest.fail("shown"))
    result = RESULTS[name]()
    figure, ax = plt.subplots(figsize=(7.0, 5.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert result.plot(ax=ax) is ax
        assert len(plt.get_fignums()) == 1
        figure.canvas.draw()
        drawn = result.plot()
        assert len(plt.get_fignums()) == 2
        own = getattr(drawn, "figure", drawn)
        # A graph scales with its axes; at its natural size its letters are as large.
        assert all(text.get_fontsize() >= SMALLEST for text in letters(own)), name
    assert ax.has_data() or ax.texts


# What is said of an error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (al.Estimate(0.015625, "sup", 9), "estimate: sup error >= 0.0156"),
        (al.Estimate(0.5, "l2", 9, relative=True), "estimate: relative l2 error = 0.5"),
        (al.Bound(0.015625, "-"), "bound: error <= 0.0157"),
        (al.Bound(0.25, "-", exact=True), "bound: error = 0.25"),
        (al.Optimum(0.123456, "sup", "lower", "-"), "optimum: sup error >= 0.123"),
        (al.Optimum(0.5, "sup", "asymptotic", "-"), "optimum: sup error about 0.5"),
        (al.MeanBound(0.3, "-", "uniform"), "mean bound: mean squared error <= 0.3"),
        (al.Claim("sup", al.Bound(0.1001, "-"), 1, 0, 1), "bound: sup error <= 0.101"),
        (
            al.Estimate(float("nan"), "sup", 9, problem="inf at (0,)"),
            "estimate: sup error unknown, inf at (0,)",
        ),
    ],
)
def test_an_error_is_told_by_its_word_and_rounded_so_that_it_holds(error, text):
    assert stated("error", error).text == text


@pytest.mark.parametrize("bad", ["0.1", None, True, np.ones(2), [0.1]])
def test_what_is_no_error_is_refused(bad):
    with pytest.raises(TypeError, match="error: got"):
        stated("error", bad)


def test_only_a_proof_in_the_sup_norm_is_a_band():
    claim = made().claim
    drawn = made().plot()
    (band,) = drawn.collections
    assert band.get_label().startswith("bound: sup error <=")
    heights = band.get_paths()[0].vertices[:, 1]
    assert np.isclose(heights.min(), -float(claim.bound))
    for known in (al.Estimate(0.1, "sup", 9), al.Bound(0.1, "-"), al.Estimate(0.1, "l2", 9)):
        ax = plotting.plot_model(made().network, made().target, error=known)
        assert not ax.collections
        assert stated("error", known).text in [t.get_text() for t in ax.get_legend().get_texts()]


def test_an_error_curve_is_the_distance_and_its_line_the_known_error():
    target, net = made().target, made().network
    ax = plotting.plot_error(net, target, error=made().claim, points=33, label="net")
    curve, line = ax.lines
    x = curve.get_xdata()
    wanted = np.abs(al.evaluate(net, x[:, None]) - x**2)
    shown = np.isfinite(curve.get_ydata())
    np.testing.assert_allclose(curve.get_ydata()[shown], wanted[shown], atol=1e-7)
    assert np.all(wanted[~shown] < 1e-7)
    assert line.get_ydata()[0] == float(made().claim.bound)
    own = plotting.plot_error(net, target, points=33).lines[1]
    assert own.get_label().startswith("estimate: sup error >= ")
    assert own.get_linestyle() == "--"


def test_an_error_map_has_the_distances_and_says_what_is_known():
    target = al.targets.get("sine_product")
    net = network(2, 4)
    known = al.Estimate(2.0, "sup", 9)
    ax = plotting.plot_error(net, target, error=known, points=7)
    grid = target.domain.uniform(7)
    wanted = np.abs(al.evaluate(net, grid) - al.evaluate(target, grid))
    drawn = np.asarray(ax.collections[0].get_array()).ravel()
    np.testing.assert_allclose(drawn[wanted > 0.0], wanted[wanted > 0.0], rtol=1e-5)
    assert "estimate: sup error >= 2" in ax.get_title()
    assert len(ax.figure.axes) == 2


def test_nothing_is_drawn_of_an_error_outside_of_a_mask():
    masked = al.Target(lambda x: x[0], al.Box([0.0], [1.0]), mask=lambda x: x[0] < 0.5)
    curve = plotting.plot_error(lambda x: 2.0 * x[0], masked, points=11).lines[0]
    hidden = curve.get_xdata() >= 0.5
    assert np.isnan(curve.get_ydata()[hidden]).all()


def test_an_error_that_is_not_finite_somewhere_is_not_told_as_a_number():
    ax = plotting.plot_error(lambda x: jnp.log(x[0]), runge(), points=21)
    assert [line.get_label() for line in ax.lines] == [
        "model",
        "estimate: sup error unknown, not finite at 11 of the points",
    ]
    ax.figure.canvas.draw()


def test_errors_without_a_place_on_the_scale_are_refused():
    lost = al.Estimate(float("nan"), "sup", 9)
    with pytest.raises(ValueError, match="rows: got no finite positive error in the field 'error'"):
        plotting.plot_error_against_size(rows_of(lost, 0.0), x="n", y="error")


def test_a_long_name_leaves_room_for_the_picture():
    ax = plotting.plot_model(runge(), label=60 * "long ")
    ax.figure.canvas.draw()
    assert ax.get_window_extent().width > 0.5 * ax.figure.bbox.width


def test_a_model_that_is_right_everywhere_has_an_empty_picture():
    for name in ("square", "sine_product"):
        target = al.targets.get(name)
        ax = plotting.plot_error(target, target, points=9)
        ax.figure.canvas.draw()


REFUSED = [
    (lambda t3, net: plotting.plot_error(net, t3), ValueError, "target: cube3: got 3 dimensions"),
    (lambda t3, net: t3.plot(), ValueError, "target: cube3: got 3 dimensions"),
    (lambda t3, net: plotting.plot_error(net, None), TypeError, "target: got None"),
    (lambda t3, net: plotting.plot_error(3.0, runge()), TypeError, "model: got float"),
    (
        lambda t3, net: plotting.plot_error(net, runge(), error=al.Estimate(1.0, "l2", 9, True)),
        ValueError,
        "error: got a relative l2 error, expected an absolute one",
    ),
    (lambda t3, net: plotting.plot_certificate(net), TypeError, "certificate: got MLP"),
    (lambda t3, net: plotting.plot_network(runge()), TypeError, "net: got Target"),
    (lambda t3, net: net.plot(units=2), ValueError, "units: got 2, expected at least 3"),
    (lambda t3, net: fitted().networks.plot(), ValueError, "net: got stacked networks"),
    (lambda t3, net: plotting.plot_costs("fast"), TypeError, "costs: got str"),
    (lambda t3, net: plotting.plot_costs([]), ValueError, "costs: got none"),
    (lambda t3, net: plotting.plot_spectrum(net), TypeError, "spectrum: got MLP"),
    (lambda t3, net: plotting.plot_segment(net), TypeError, "segment: got MLP"),
    (lambda t3, net: plotting.plot_kernels(net), TypeError, "comparison: got MLP"),
    (lambda t3, net: plotting.plot_kernel_regression(net), TypeError, "regression: got MLP"),
]


@pytest.mark.parametrize(("call", "kind", "text"), REFUSED)
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_opened(call, kind, text):
    cube = al.Target(lambda x: jnp.sum(x), al.Box([0.0] * 3, [1.0] * 3), name="cube3")
    net = network(1, 3)
    with pytest.raises(kind, match=text):
        call(cube, net)
    assert not plt.get_fignums()


# Errors against sizes


def rows_of(*errors):
    return [{"n": n, "error": error} for n, error in enumerate(errors, 2)]


def test_kinds_of_errors_are_told_by_marker_and_word():
    mixed = rows_of(
        al.Estimate(0.1, "sup", 9),
        al.Bound(0.2, "-"),
        al.Optimum(0.05, "sup", "exact", "-"),
        al.Claim("sup", al.Bound(0.3, "-"), 1, 0, 1),
        0.4,
    )
    ax = plotting.plot_error_against_size(mixed, x="n", y="error")
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["estimate", "bound", "optimum", "plain number"]
    assert len({line.get_marker() for line in ax.lines[:3]}) == 3
    assert ax.get_ylabel() == "sup error"
    assert ax.lines[1].get_ydata().tolist() == [0.2, 0.3]


def test_norms_are_not_mixed_in_one_call_or_on_one_axis():
    sup, l2 = al.Estimate(0.1, "sup", 9), al.Optimum(0.1, "l2", "exact", "-")
    with pytest.raises(ValueError, match="got l2 and sup errors, expected one norm"):
        plotting.plot_error_against_size(rows_of(sup, l2), x="n", y="error")
    ax = plotting.plot_error_against_size(rows_of(sup, sup), x="n", y="error")
    with pytest.raises(ValueError, match="expected one norm"):
        plotting.plot_error_against_size(rows_of(l2, l2), x="n", y="error", ax=ax)
    squared = al.MeanBound(0.1, "-", "uniform")
    with pytest.raises(ValueError, match="mean squared"):
        plotting.plot_error_against_size(rows_of(sup, squared), x="n", y="error")


def test_a_median_is_of_one_kind():
    mixed = [{"n": 1, "d": 1, "error": e} for e in (al.Estimate(0.1, "sup", 9), al.Bound(1.0, "-"))]
    with pytest.raises(ValueError, match="got bound and estimate .*expected one kind"):
        plotting.quartiles(mixed, x="n", y="error")
    with pytest.raises(ValueError, match="expected one kind"):
        plotting.plot_heat_map(mixed, x="n", y="d", value="error")


def test_plain_numbers_are_drawn_as_before():
    ax = plotting.plot_error_against_size(rows_of(0.1, 0.05), x="n", y="error")
    assert ax.get_legend() is None
    assert ax.get_ylabel() == ""


def test_the_rows_of_a_record_are_drawn():
    record = al.records.Record("toy", 1, {}, rows_of(0.1, 0.05))
    assert record.plot(x="n", y="error").lines[0].get_ydata().tolist() == [0.1, 0.05]


# Certificates, networks, costs


def test_a_certificate_encloses_its_error_at_points():
    certificate = al.certify.sup_norm(made().network, made().target)
    x = np.linspace(0.0, 1.0, 17)[:, None]
    low, high = certificate.errors_at(x)
    true = np.abs(np.interp(x[:, 0], np.arange(5) / 4, (np.arange(5) / 4) ** 2) - x[:, 0] ** 2)
    assert np.all(low <= true + 1e-6)
    assert np.all(true - 1e-6 <= high)
    assert np.all(high <= certificate.upper * (1 + 1e-9))
    with pytest.raises(ValueError, match="points: got shape"):
        certificate.errors_at(np.ones(3))


def test_a_diagram_has_a_line_for_every_weight_and_says_the_sizes():
    net = al.MLP.from_arrays([[[2.0], [-1.0]], [[0.5, 0.0]]], [[0.0, 0.25], [1.0]], "relu")
    ax = net.plot()
    dashed = [c.get_linestyle()[0][1] is not None for c in ax.collections]
    assert dashed == [False, True, False]  # 2, -1, 0.5; none of the weight that is zero
    assert [len(c.get_segments()) for c in ax.collections] == [1, 1, 1]
    texts = [text.get_text() for text in ax.texts]
    assert {"1 input", "2 relu", "1 output", ".25", "0", "1.0"} <= set(texts)


def test_a_large_layer_is_elided_and_its_size_told():
    ax = network(2, 500).plot()
    texts = [text.get_text() for text in ax.texts]
    assert "500 tanh" in texts
    assert "⋮" in texts
    assert len(texts) < 30


def test_a_plan_is_drawn_beside_the_pure_accumulations():
    plan = al.derivatives.plan_network([64, 8, 64, 64])
    ax = plan.plot()
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == [plan.dot_flops, plan.forward_flops, plan.reverse_flops]


def test_data_and_deep_fits_draw_what_they_were_fitted_to():
    x = np.linspace(0.0, 1.0, 33)
    found = al.fitting.free_knots((x[:, None], x**2), 3)
    assert "data" in [line.get_label() for line in found.plot().lines]
    assert fitted().plot(runge()).get_ylabel() == "value"
