"""Every experiment end to end at its smallest, its committed record, and what README shows."""

import contextlib
import importlib
import io
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sampling import mostly_slow

from approxlab import records
from approxlab.fitting.training import programs
from experiments import runner

ROOT = Path(__file__).parent.parent
NAMES = sorted(path.parent.name for path in (ROOT / "experiments").glob("*/__main__.py"))

ALL_OF_THEM = """
import importlib, sys
from experiments import runner
for name in sys.argv[2:]:
    found = importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT
    code = runner.main(found, ["--preset", "smoke", "--out", f"{sys.argv[1]}/{name}", "--quiet"])
    assert code == 0, name
"""


def experiment(name):
    return importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT


def run(name, *flags):
    """Exit code and what was printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = runner.main(experiment(name), list(flags))
    return code, out.getvalue()


def rows_in(folder):
    rows, problems = records.read_rows(*sorted(Path(folder).glob("rows*.jsonl")))
    assert not problems
    return [row for unit in records.finished_units(rows).values() for row in unit]


# Smoke runs of eight seconds and more: slow tests, of which .ci/run takes a quarter per commit.
LONG_SMOKES = {
    *(
        "cluster_speedup",
        "cybenko_2d",
        "deep_relu_training",
        "depth_separation",
        "jacobian_cost",
        "kernel_limit",
    ),
    *("linear_polynomial_mlp", "network_calculus", "student_teacher", "three_questions"),
    "trained_or_solved",
}
SMOKES = mostly_slow(NAMES, [name for name in NAMES if name not in LONG_SMOKES])


@pytest.fixture(scope="module", params=SMOKES)
def smoke(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    before = programs.compilations()
    code, text = run(request.param, "--preset", "smoke", "--out", str(folder), "--quiet")
    return request.param, folder, code, text, programs.compilations() - before


def test_smoke_leaves_figure_numbers_and_rows(smoke):
    name, folder, code, text, _ = smoke
    assert code == 0, text
    second = [f"{name}_detail.png"] if experiment(name).draw_detail is not None else []
    for file in (f"{name}.png", *second):
        assert (folder / file).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(list(folder.glob("*.png"))) == 1 + len(second)
    record = records.read_record(folder / f"{name}.json")
    assert (record.experiment, record.revision) == (name, experiment(name).revision)
    assert record.rows
    assert record.caption
    assert len(rows_in(folder)) == len(record.rows)


# Run twice in the ordinary suite: one of each kind, and quick. The others are slow tests.
TWICE = ("barron_rate", "computational_graphs", "sigmoid_shapes")
twice = pytest.mark.parametrize(
    "smoke",
    [pytest.param(name, marks=[] if name in TWICE else pytest.mark.slow) for name in NAMES],
    indirect=True,
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, request):
    """Smoke runs once more, in another process: one for all, since its start costs most."""
    folder = tmp_path_factory.mktemp("elsewhere")
    asks = "test_same_seed_in_another_process_gives_the_same_rows"
    items = [i for i in request.session.items if getattr(i, "originalname", None) == asks]
    chosen = {item.callspec.params["smoke"] for item in items}
    command = [sys.executable, "-c", ALL_OF_THEM, folder, *sorted(chosen)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@twice
def test_same_seed_in_another_process_gives_the_same_rows(smoke, elsewhere):
    name, folder, *_ = smoke
    ours, theirs = rows_in(folder), rows_in(elsewhere / name)
    assert records.same_numbers(ours, theirs)
    spoiled = [{**theirs[0], "sup_error": 2.0}, *theirs[1:]]
    assert not records.same_numbers(ours, spoiled)


@twice
def test_another_seed_gives_other_rows(smoke, tmp_path):
    name, folder, *_ = smoke
    code, text = run(name, "--preset", "smoke", "--seed", "1", "--out", str(tmp_path), "--quiet")
    assert code == 0, text
    assert not records.same_numbers(rows_in(folder), rows_in(tmp_path))


# For every experiment: a field that its check speaks of, a factor that must make it fail, and what
# the changed rows then claim.
SPOILED = {
    "depth_separation": {
        ("num_hidden_units", 2): "units miscounted",
        ("pieces", 2): "twice as many pieces as needed",
        ("pieces", 0.1): "trained networks better than their pieces can be",
        ("eps", 0.1): "networks ten times better than they are",
        ("sup_error", 2): "errors above eps",
        ("sup_error", 0.5): "errors below the least ones",
        ("claimed_sup_error", 0.5): "claims below the errors",
        ("claimed_sup_error", 10): "claims above eps",
        ("l2_error", 100): "mean errors above the largest ones",
        ("least_sup_error_lower", 2): "a least error above one that is reached",
        ("least_sup_error_upper", 0.25): "a reached error below the least one",
        ("pieces_above", 2): "more pieces counted than suffice",
        ("pieces_below", 0.5): "fewer pieces counted than needed",
        ("l1_error", 0.1): "fits below the least error",
        ("l1_error_lower", 2): "a lower bound above what is reached",
        ("l1_error_upper", 0.9): "another error than that of the built function",
    },
    "finite_differences": {
        ("relative_error", 100): "errors far above the predicted ones",
        ("error_over_bound", 100): "errors above their bounds",
        ("relative_bound", 0.01): "bounds below the errors",
        ("truncation_bound", 1e6): "a bound smaller than one of its parts",
        ("predicted_error", 0.1): "a best step better than it is",
        ("step", 1.5): "another step as the predicted best one",
        ("dot_flops", 2): "twice the operations of the formula",
        ("relative_gradient_error", 1e4): "wrong gradients",
    },
    "gradient_descent": {
        ("roundings_away", 100): "errors that are not those of the closed form",
        ("error", 1e-9): "errors that have fallen",
        ("error", 1e9): "errors that have grown",
        ("alpha_times_lambda_max", 1.01): "another step size",
        ("one side", 2): "more outcomes than starts",
        ("across", 0): "no start that converges across",
        ("bounded", 0): "outcomes that are missing",
        ("x", 1.01): "exceptional starts elsewhere",
        ("sharpness", 1.2): "late sharpness above 2/alpha",
        ("sharpness", 0.5): "trainings that do not come to 2/alpha",
    },
    "computational_graphs": {
        ("primal", 1.001): "other values of the intermediate steps",
        ("adjoint", 1.001): "other adjoints",
        ("contribution", 1.001): "contributions that are not adjoint times local derivative",
        ("so_far", 1.001): "sums of contributions that do not add up",
        ("local", 1.001): "other local derivatives",
        ("tangent_x1", 1.001): "other tangents of forward mode",
    },
    "kernel_spectra": {
        ("even_slope", 1.1): "slopes that are not those of theory",
        ("odd_missing", 0): "a frequency that can be learnt where none can",
    },
    "kernel_limit": {
        ("distance", 2): "kernels twice as far from the limit as computed",
        ("expected_distance", 0.5): "half the exact distance",
        ("difference", 100): "networks that do not follow the kernel",
        ("kernel_s", -1): "negative times",
        ("kernel_s", 100): "kernels that take minutes",
        ("least_s", 1e4): "medians below the least time",
    },
    "kernel_or_features": {
        ("error", 10): "models that are not better than the other one",
        ("error", 0.1): "errors below the least of all settings",
        ("best_error", 0.1): "models that could have been as good",
        ("best_error", 2): "least errors that are not the least",
        ("start_share", 5): "one direction that was seen before training",
        ("share", 0.3): "features spread more evenly than over all directions",
    },
    "linear_polynomial_mlp": {
        ("test_rms", 1e-6): "a linear model that is good enough for all",
        ("training_rms", -1): "training errors that rise with the degree",
        ("num_parameters", 2): "parameters miscounted",
        ("chebyshev_points_condition", 1000): "ill-conditioned orthogonal polynomials",
    },
    "linear_layer_vjp": {
        ("entry", 2): "entries of dy/dW that are not x_j",
        ("dot_flops", 2): "a product twice as dear as its formula",
        ("flops", 2): "operations beside the product",
        ("argument_bytes", 0.5): "half of the arguments",
        ("output_bytes", 2): "a result twice as large",
        ("relative_difference", 1e9): "two ways that give different gradients",
        ("largest_size", 1000): "a large array where none is to be formed",
        ("run_s", -1): "negative times",
    },
    "jacobian_chain": {
        ("dot_flops", 2): "programs twice as dear as counted",
        ("predicted_flops", 2): "plans twice as dear as executed",
        ("difference", 1e9): "orders of multiplication with different results",
        ("ratio_s", 0.01): "more operations in less time",
        ("peak_bytes", -1): "dearer plans that hold more",
        ("forward_flops", 0.01): "a plan dearer than forward mode",
        ("flops", 2): "a tree whose nodes cost more than the whole",
    },
    "jacobian_cost": {
        ("formula_dot_flops", 2): "a formula twice what is traced",
        ("jaxpr_dot_flops", 2): "a trace with twice the operations of the formula",
        ("xla_flops", 3): "operations that XLA counts three times",
        ("flops_ratio", 2): "the crossing of the modes elsewhere",
        ("largest_difference", 1e9): "methods with different Jacobians",
        ("batch_flops_ratio", 3): "a batch dearer than its points",
        ("planned_dot_flops", 3): "plans that are not the cheapest",
        ("structured_predicted", 0): "a choice that is not the cheapest predicted",
    },
    "gradient_cost": {
        ("gradient_dot_flops", 2): "gradients that cost twice the formula",
        ("gradient_jaxpr_dot_flops", 2): "gradients counted twice",
        ("hvp_dot_flops", 2): "Hessian-vector products that cost twice the formula",
        ("weights", 2): "twice as many weights in the formula",
        ("first_weights", 2): "twice as many weights of the first layer in the formula",
        ("tape_bytes", 2): "a tape predicted twice as large",
        ("measured_tape_bytes", 2): "a tape measured twice as large",
        ("dot_flops", 2): "a formula of twice the operations",
        ("jaxpr_dot_flops", 2): "a trace of twice the operations",
    },
    "deep_relu_training": {
        ("mean_square", 1e-5): "deep networks below what their pieces can reach",
        ("mean_square", 100): "deep networks not ten times below shallow ones",
        ("mean_square_of_500", 10): "500 points that tell another error",
        ("pieces", 0.05): "a deep network that is a shallow one in disguise",
        ("pieces", 2): "one layer of more pieces than its units allow",
        ("num_hidden_units", 2): "more units than told",
        ("least_mean_square_lower", 2e3): "a lower end above the upper one",
        ("least_mean_square_upper", 0.5): "an upper end below the lower one",
    },
    "gap_to_optimum": {
        ("l2_error", 0.1): "networks below the optimum",
        ("least_l2_error_lower", 1.5): "a lower end above the upper one",
        ("least_l2_error_upper", 0.9): "an upper end below the lower one",
        ("least_l2_error_upper", 1.1): "an optimum not enclosed to two per cent",
        ("asymptotic_l2_error", 2): "optima at half their leading term",
        ("num_kinks", 2): "more pieces than allowed",
        ("num_hidden_units", 2): "more units than pieces",
        ("placed", 2): "placed knots above the published error",
        ("polished", 2): "a polish that made it worse",
        ("asked", 0.9): "a published error that is not reached",
    },
    "linear_regions": {
        ("mean_breakpoints", 100): "a mean above the largest count",
        ("most", 100): "more regions than the sizes allow",
        ("fewest", 100): "a smallest count above the mean",
        ("pieces", 2): "tent maps with twice as many pieces",
        ("mean_pieces", 100): "a mean above the largest count of pieces",
        ("polygons", 2): "polygons that do not obey Euler's formula",
        ("crossings", 2): "twice as many crossings of lines",
        ("mean_degree", 2): "a region graph of mean degree above 4",
        ("affine", 100): "more functions than polygons",
        ("bound", 0.001): "more polygons than possible",
        ("complete", 0): "polygons that were dropped",
    },
    "first_use": {
        ("first_s", -1): "negative times",
        ("again_s", -1): "negative times of the second call",
        ("first_s", 1e9): "calls that take years",
        ("first_compile_s", 1e3): "a compilation that takes longer than the call",
        ("first_programs", 0): "first calls that compile nothing",
        ("finite", 0): "results that are not finite",
        ("repeats", 2): "half of the measurements",
    },
    "cluster_speedup": {
        ("same_rows", 0): "rows that are not those of one process",
        ("num_units", 100): "more units than rows",
        ("first_s", 1e-3): "runs that end before their units",
        ("again_s", 1e-3): "later runs that end before their units",
        ("first_longest_s", 1e3): "a unit that takes longer than the run",
        ("again_units_s", 1e-3): "units that take less than the longest of them",
        ("start_s", -1): "negative times",
    },
    "growth": {
        ("run_s", -1): "negative times",
        ("run_s", 1e9): "calls that take years",
        ("first_s", -1): "negative times of the first call",
    },
    "greedy_rates": {
        ("l2_error", 3): "errors far above those at the points of the fit",
        ("fit_l2_error", 0.1): "fits ten times better at their points than elsewhere",
        ("greedy_l2_error", 0.1): "a polish that raised the error",
        ("theory_slope", 2): "a rate below the theory",
        ("published_l2_error", 2): "other published errors",
    },
    "student_teacher": {
        ("test_rmse", 1e6): "students far off between the training points",
        ("train_rmse", 1e-6): "training errors far below those elsewhere",
        ("run_s", -1): "negative times",
        ("num_parameters", 100): "networks larger than 600 parameters",
        ("steps_done", 3): "more steps than allowed",
    },
    "trained_or_solved": {
        ("relative_l2_error", 1e3): "solves far above rounding",
        ("relative_l2_error", math.inf): "an error that is infinite",
        ("relative_error", math.nan): "an error along the way that is no number",
    },
    "training_throughput": {
        ("steps_per_s", -1): "negative rates",
        ("steps_per_s", 1e9): "rates beyond the peak of the machine",
    },
    "certified_benchmark": {
        ("certified_upper", 1.1): "intervals wider than asked for",
        ("certified_lower", 0.9): "lower ends too low",
        ("certified_lower", 1.1): "lower ends above upper ones",
        ("sampled_sup", 1.1): "samples above what is proved",
        ("boxes", 1e6): "more boxes than allowed",
        ("published_eps", 2): "other published tolerances",
        ("guaranteed", 0): "a machine whose arithmetic failed",
        ("certify_s", -1): "negative times",
    },
    "certified_errors": {
        ("claimed", 0.9): "theorems that are refuted",
        ("claimed", 1.1): "claims that are not attained",
        ("certified_upper", 1.1): "intervals wider than asked for",
        ("certified_lower", 1.1): "lower ends above upper ones",
        ("sampled_sup", 1.1): "samples above what is proved",
        ("guaranteed", 0): "a machine whose arithmetic failed",
        ("boxes", 1e6): "more boxes than allowed",
        ("certify_s", -1): "negative times",
    },
    "certified_growth": {
        ("certified_upper", 1.2): "intervals wider than asked for",
        ("certified_lower", 1.2): "lower ends above upper ones",
        ("sampled_sup", 1.2): "samples above what is proved",
        ("guaranteed", 0): "a machine whose arithmetic failed",
        ("boxes", 1e7): "more boxes than allowed",
        ("processor_s", -1): "negative times",
    },
    "fault_share": {
        ("found", 0): "faults that no test finds",
        ("found", 2): "more found than planted",
        ("possible", 0.5): "more faults than there are",
        ("line", -1): "lines before the first",
    },
    "sampling_misses": {
        ("searched", 1.1): "a search above what is proved",
        ("most_share", 1.5): "samples above what is proved",
        ("median_share", 1.5): "medians above the largest",
        ("certified_lower", 2): "lower ends above upper ones",
        ("certified_upper", 1.2): "ridges of another height",
        ("guaranteed", 0): "a machine whose arithmetic failed",
        ("certify_s", -1): "negative times",
    },
    "float_universality": {
        ("equal", 0.999): "networks that equal at almost all inputs",
        ("sums_of_any_order", 0.999): "sums whose order may matter",
        ("num_hidden_units", 2): "units miscounted",
        ("num_weights", 2): "more weights than two tables",
        ("fewest_parameters", 0.9): "another count of functions",
        ("taken_for_zero", 2): "other inputs taken for zero",
        ("told_apart", 0.999): "inputs that are not told apart",
        ("largest_weight", 2): "weights that overflow",
        ("sup_error", -1): "negative errors",
    },
    "network_calculus": {
        ("sup_error_at_most", 100): "networks that are not exact",
        ("coefficients", 4): "exact networks of too many numbers",
        ("integral", 1.01): "an integral that is not that of the curve",
        ("slope", 1.1): "slopes that are not those of the curve",
        ("maximum", 1.01): "a maximum above the curve",
        ("total_variation", 0.99): "a variation below that of the curve",
        ("arc_length", 1.01): "a longer curve",
        ("l2_norm", 1.01): "a larger norm",
        ("num_roots", 2): "roots that are missing",
        ("x", 0.9): "roots and extrema elsewhere",
        ("sup_error", 0.9): "a sup error below what is sampled",
        ("error_at_100_points", 1.1): "samples that find more than was found",
        ("num_bending", 2): "more units that bend",
    },
    "barron_rate": {
        ("mean_squared_error", 8): "errors eight times what is expected",
        ("bound_of_mean_squared_error", 0.5): "half the bound of the theorem",
        ("expected_mean_squared_error", 0.1): "expectations far below the measured means",
        ("largest_mean_squared_error", 100): "a draw above the bound",
    },
    "steep_or_solved": {
        ("sup_error", 10): "errors above their claims",
        ("claimed_sup_error", 0.1): "claims below the errors",
        ("relative_l2_error", 3): "steep units for exp not at 1e-3",
        ("num_hidden_units", 2): "units miscounted",
    },
    "machine_precision": {
        ("reached", 100): "errors above those asked for",
        ("relative_l2_error", 100): "errors far above rounding",
        ("num_hidden_units", 2): "units miscounted",
        ("largest_residual", 0.5): "a maximum below its lower bound",
        ("least_largest_residual", 2): "a lower bound above the maximum",
        ("lower", 0.5): "an error curve outside of its bounds",
        ("least_maximum_error", 2): "a curve twice as high as its bound",
    },
    "cybenko_1d": {
        ("sup_error", 20): "errors above their claims",
        ("claimed_sup_error", 0.1): "claims below the errors",
        ("rate_slope", 2): "staircases of order 2",
        ("num_hidden_units", 99): "more units than constant pieces",
        ("claim_over_error", 30): "claims that are not tight",
    },
    "sigmoid_shapes": {
        ("sup_error", 2): "errors above their claims",
        ("position", 1.01): "units elsewhere than at -b / w",
        ("slope", 2): "slopes that are not those of the formula",
        ("slope_there", 1.01): "measured slopes that are not those of the formula",
        ("value_there", 0.5): "not half the height in the middle",
    },
    "cybenko_2d": {
        ("sup_error", 20): "errors above their claims",
        ("sup_error", 0.05): "towers without holes, and claims that are not tight",
        ("claimed_sup_error", 0.3): "claims below the errors",
        ("lowest", 1e30): "a hole that is filled",
        ("claimed_sup_error", 20): "claims that miss their goal",
    },
    "three_questions": {
        ("difference_eps", 1e6): "gradients that differ",
        ("without_slopes_eps", 1e-12): "a wrong formula that is as good",
        ("middle_loss", 2): "another loss half way than by hand",
        ("smallest_eigenvalue", -1): "no negative eigenvalue",
        ("loss_of_weights", 1.1): "a readout that is not the best",
        ("slope", 1e12): "minima that are none",
        ("position", 0.5): "a segment that ends half way",
    },
    "radial_separation": {
        ("error", 3): "errors far above those of validation",
        ("error", 0): "no error at all",
        ("validation_error", 0.5): "validation that is too good",
        ("share_inside", 1.2): "a ball that is not half of the data",
        ("num_parameters", 1.1): "networks of another size",
        ("share_misclassified", 10): "more wrong answers than the error allows",
        ("chosen", False): "no way of training that is chosen",
    },
    "width_vs_depth": {
        ("sup_error", 1.5): "built networks off their claim",
        ("pieces", 2): "twice as many pieces as proved",
        ("num_hidden_units", 2): "units miscounted",
        ("relative_l2_error", 1e-9): "trained networks below what is possible",
        ("best_sup_error", 1e9): "a least error above those reached",
    },
}


def test_check_can_fail(smoke):
    """The twin of the check: it does not accept rows whose numbers were changed."""
    name, folder, *_ = smoke
    rows = records.read_record(folder / f"{name}.json").rows
    experiment(name).check(rows)
    for (field, factor), claimed in SPOILED[name].items():
        changed = [{**row, field: factor * row[field]} if row.get(field) else row for row in rows]
        assert changed != rows, claimed
        try:
            experiment(name).check(changed)
        except AssertionError:
            continue
        pytest.fail(f"{name}: the check accepts {claimed} ({field} times {factor})")


@pytest.mark.parametrize("smoke", ["width_vs_depth"], indirect=True)
def test_width_vs_depth_compiles_once_per_shape(smoke):
    name, _, _, _, compiled = smoke
    units = [
        u
        for u in experiment(name).units(experiment(name).presets["smoke"])
        if u["story"] != "built"
    ]
    shapes = {(u["in_size"], u["activation"], u["depth"], u["width"]) for u in units}
    assert len(shapes) < len(units)  # two stories share a shape
    assert compiled == len(shapes)


@pytest.mark.slow
def test_more_cells_do_not_change_the_numbers_of_the_others(tmp_path):
    name = "width_vs_depth"
    flags = ("--preset", "smoke", "--quiet", "--levels", "1", "--map-widths", "6")
    assert run(name, *flags, "--budgets", "20", "--out", str(tmp_path / "a"))[0] == 0
    assert run(name, *flags, "--budgets", "40", "20", "--out", str(tmp_path / "b"))[0] == 0
    few, many = rows_in(tmp_path / "a"), rows_in(tmp_path / "b")
    assert len(many) > len(few)
    kept = [row for row in many if row.get("budget") in (20, None)]
    assert records.same_numbers(few, kept)


def test_plan_knows_the_dimensions_of_its_targets():
    from approxlab import targets
    from experiments.width_vs_depth import experiment

    for dim, names in experiment._DIMENSIONS.items():
        assert {targets.get(name).dim for name in names} == {dim}


def test_radial_targets_have_the_deviations_that_errors_are_divided_by():
    from experiments.radial_separation import experiment, findings

    for dim in (1, 2, 32):
        for target, deviation in findings.DEVIATIONS.items():
            unit = {"target": target, "dim": dim}
            points, values = experiment._samples(np.random.default_rng(0), 40_000, unit)
            assert points.shape == (40_000, dim)
            assert np.std(values) == pytest.approx(deviation, rel=0.02)  # 4 standard errors
        assert np.mean(np.linalg.norm(points, axis=1) <= 1) == pytest.approx(0.5, abs=0.01)


def test_first_use_fits_by_every_method():
    from typing import get_args

    from approxlab.fitting import METHODS
    from experiments.first_use import cases

    assert set(cases.METHODS) == set(METHODS)
    assert {*cases.CALLS, cases.MAIN} == set(cases.TITLES) == set(get_args(cases.Case))


def test_times_of_compilation_that_overlap_count_once():
    from experiments.first_use import timing

    seen = timing._Compilation()
    seen.spans = [(1.0, 4.0), (2.0, 3.0), (3.5, 5.0), (7.0, 8.0)]
    assert seen.seconds == 5.0


@pytest.mark.parametrize("smoke", ["radial_separation"], indirect=True)
def test_caption_of_radial_separation_says_which_depth_is_better(smoke):
    name, folder, *_ = smoke
    rows = records.read_record(folder / f"{name}.json").rows

    def caption(error_of_two):
        errors = {1: 0.1, 2: error_of_two}
        return experiment(name).caption([{**row, "error": errors[row["layers"]]} for row in rows])

    assert "two layers have the smaller median error for d = 8 (2 times)" in caption(0.05)
    assert "the median errors are within a factor 1.5 for d = 8" in caption(0.09)
    assert "one layer has the smaller median error for d = 8 (3 times)" in caption(0.3)


@pytest.mark.parametrize("smoke", ["width_vs_depth"], indirect=True)
def test_letters_of_width_vs_depth_are_large_enough_at_1024_pixels(smoke):
    """No letter of both figures is smaller than 9 points where a figure is 1024 pixels wide."""
    from matplotlib.text import Text

    name, folder, *_ = smoke
    published = records.read_record(ROOT / "figures" / f"{name}.json").rows
    for rows in (records.read_record(folder / f"{name}.json").rows, published):
        for draw in (experiment(name).draw, experiment(name).draw_detail):
            figure = draw(rows)
            points_per_inch = 1024 / figure.get_figwidth() / 100  # at 100 pixels per inch
            letters = [text for text in figure.findobj(Text) if text.get_text().strip()]
            assert len(letters) > 10
            assert min(text.get_fontsize() for text in letters) * points_per_inch >= 9
    assert len(experiment(name).draw(published).axes) <= 6


@pytest.mark.parametrize("smoke", ["width_vs_depth"], indirect=True)
def test_caption_of_width_vs_depth_says_what_the_rows_show(smoke):
    name, folder, *_ = smoke
    rows = records.read_record(folder / f"{name}.json").rows

    def caption(deep_error):
        changed = [
            {**row, "relative_l2_error": deep_error if row["depth"] > 1 else 0.01}
            if row["story"] == "trained"
            else row
            for row in rows
        ]
        return experiment(name).caption(changed)

    assert "beats depth 1 on square relu (10 times, depth 2)" in caption(1e-3)
    assert "is within a factor 2 of depth 1 on square relu" in caption(0.011)
    assert "is worse than depth 1 on square relu (10 times, depth 2)" in caption(0.1)
    assert "or depth 1 is not finite on square relu" in caption(float("nan"))


@pytest.mark.slow
def test_single_precision_run(tmp_path):
    few = ("--levels", "12", "--budgets", "20", "--map-widths", "6")
    flags = ("--preset", "smoke", "--no-x64", *few, "--quiet", "--out", str(tmp_path))
    code, text = run("width_vs_depth", *flags)
    assert code == 0, text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--targets", "rung"), "targets: got 'rung', expected some of square"),
        (("--budgets", "5"), "budget: got 5, expected at least"),
        (("--depths", "0"), "depth: got 0, expected a positive integer"),
        (("--levels", "30"), "levels: got 30, expected 1 to 12"),
        (("--steps", "0"), "steps: got 0, expected a positive integer"),
        (("--activations", "tahn"), "tahn"),
    ],
)
def test_settings_that_do_not_fit_are_a_usage_error(flags, message, tmp_path):
    code, text = run("width_vs_depth", "--preset", "smoke", *flags, "--out", str(tmp_path))
    assert code == 2
    assert message in text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_committed_record_is_written_again_as_it_is(name, tmp_path):
    """So that a reworded caption changes nothing but the caption and the seal."""
    path, again = ROOT / "figures" / f"{name}.json", tmp_path / "again.json"
    record = records.read_record(path)
    about = {"revision": record.revision, "caption": record.caption}
    records.write_record(again, name, record.rows, record.provenance, **about)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_committed_record_is_of_todays_experiment(name):
    record = records.read_record(ROOT / "figures" / f"{name}.json")
    today = experiment(name)
    assert record.revision == today.revision, "REVISION was raised: make the figure again"
    assert (ROOT / "figures" / f"{name}.png").exists()
    assert record.caption == today.caption(record.rows)
    today.check(record.rows)
    preset = record.provenance["preset"]
    fields = vars(today.presets[preset])
    stored = {key: tuple(v) if isinstance(v, list) else v
              for key, v in record.provenance["config"].items()}  # fmt: skip
    assert stored == fields, f"the preset {preset} changed: make the figure again"


def test_figures_have_experiments_and_are_small():
    second = {f"{name}_detail.png" for name in NAMES if experiment(name).draw_detail is not None}
    found = {path.name for path in (ROOT / "figures").iterdir()}
    assert second <= found
    for path in (ROOT / "figures").iterdir():
        known = path.stem in NAMES or path.name in second
        assert known, f"{path.name} belongs to no experiment"
        assert path.stat().st_size < 1_000_000, path.name


def test_readme_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_readme_names_real_commands_and_figures():
    text = (ROOT / "README.md").read_text()
    assert "pytest" in next(line for line in text.splitlines() if "pytest" in line)
    for module in re.findall(r"python -m experiments\.(\w+)", text):
        command = (ROOT / "experiments" / f"{module}.py").is_file()  # over all experiments
        assert module in NAMES or module == "NAME" or command
    for figure in re.findall(r"figures/(\w+)\.png", text):
        assert (ROOT / "figures" / f"{figure}.png").exists()
