"""Wrong calls: each message names the argument, the value received, the form expected, the fix.

The calls run in a process of their own, without the type checks that the test suite switches on: as
a user would make them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SETUP = """
import jax, jax.numpy as jnp, numpy as np, optax, tempfile, pathlib
from importlib import import_module
jax.config.update("jax_enable_x64", True)
import approxlab as al
from approxlab.fitting.last_layer.solving import readout
from approxlab.fitting.last_layer.sup_norm import solve_sup
key = jax.random.key(0)
net = al.MLP.init(key, 1, (4,), "tanh")
relu = al.MLP.init(key, 1, (4,), "relu")
runge = al.targets.get("runge")
step = al.targets.get("step")
x = np.linspace(0.0, 1.0, 9)[:, None]
bad = np.where(np.arange(9) == 3, np.nan, 1.0)
"""

# Call, exception, and what the message must contain: argument, value received, form expected.
CALLS = [
    ("al.Box([], [])", "ValueError", ["lower", "[]", "non-empty list of numbers"]),
    ("al.Box([0.0], [1.0, 2.0])", "ValueError", ["upper", "got 2 numbers", "equal length"]),
    ("al.Box([1.0], [0.0])", "ValueError", ["upper", "[0.0]", "lower < upper", "Exchange"]),
    ("al.Box([0.0], [np.inf])", "ValueError", ["upper", "inf", "finite numbers"]),
    ("al.Box(['a'], [1.0])", "ValueError", ["lower", "'a'", "numbers"]),
    ("al.Box.unit().uniform(1)", "ValueError", ["n", "got 1", "integer of at least 2"]),
    ("al.Box.unit(8).uniform(100)", "ValueError", ["n", "100", "at most", "sobol"]),
    (
        "al.Box.unit(2).gauss_legendre(8, panels=10**4)",
        "ValueError",
        ["panels", "10000", "at most"],
    ),
    ("al.Box.unit().map_to(al.Box.unit(2))", "ValueError", ["other", "dimension 2", "dimension 1"]),
    ("al.regression.polynomial(runge, 2.5)", "ValueError", ["degree", "got 2.5", "integer"]),
    ("al.regression.polynomial(runge, 2, basis='sines')", "ValueError", ["basis", "'sines'"]),
    (
        "al.regression.polynomial(runge, 2, kind='full')",
        "ValueError",
        ["kind", "'full'", "'total'"],
    ),
    ("al.regression.polynomial(runge, 2, box=(0, 1))", "TypeError", ["box", "tuple", "al.Box("]),
    ("al.networks.collapse(relu)", "ValueError", ["'relu'", "acts on 4 units", "all linear"]),
    ("al.networks.collapse(jnp.sin)", "TypeError", ["net", "expected an MLP"]),
    ("al.MLP.init(key, 0, (4,))", "ValueError", ["in_size", "got 0", "positive integer"]),
    ("al.MLP.init(key, 1, 32)", "ValueError", ["hidden", "got 32", "widths", "(32,)"]),
    ("al.MLP.init(key, 1, (4, -1))", "ValueError", ["hidden", "got -1", "positive integer"]),
    ("al.MLP.init(key, 1, (4,), 'tahn')", "ValueError", ["activation", "'tahn'", "tanh", "names"]),
    ("al.MLP.init(key, 1, (4,), init='xavier')", "ValueError", ["init", "'xavier'", "glorot"]),
    ("al.MLP.init(key, 1, (4,), dtype='int32')", "ValueError", ["dtype", "int32", "'float32'"]),
    (
        "al.MLP.from_arrays([[[1.0]], [[1.0, 2.0]]], [[0.0], [0.0]], 'relu')",
        "ValueError",
        ["weights", "(1, 2)", "expected (out, 1)", "(out, in)"],
    ),
    (
        "al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [0.0]], 'relu', passthrough=(2,))",
        "ValueError",
        ["passthrough", "got 2", "expected 0 to 1"],
    ),
    (
        "al.MLP.from_arrays([[[1.0]]], [[0.0]], 'relu', out_size=3)",
        "ValueError",
        ["out_size", "got 3", "expected None"],
    ),
    ("net(x)", "ValueError", ["x", "(9, 1)", "expected (1,)", "approxlab.evaluate"]),
    ("al.plotting.plot_heat_map([], x='w', y='d', value='e')", "ValueError", ["rows", "none"]),
    (
        "al.splines.Spline(np.array([0.0, 0.0]), np.zeros(2))",
        "ValueError",
        ["knots", "[0. 0.]", "increasing", "np.unique"],
    ),
    ("al.splines.Spline(np.arange(3), [0.0])", "ValueError", ["heights", "(1,)", "(3,)"]),
    ("al.landscapes.sharpness(3.0, np.ones(2))", "TypeError", ["loss", "float", "function"]),
    (
        "al.landscapes.sharpness(jnp.sum, np.ones(2), method='qr')",
        "ValueError",
        ["method", "'qr'", "'lanczos'"],
    ),
    (
        "al.landscapes.hessian_spectrum(jnp.sum, np.ones(2), which='top')",
        "ValueError",
        ["which", "'top'", "'smallest'"],
    ),
    (
        "al.landscapes.TwoLayerLoss(x, np.ones(9))(net)",
        "TypeError",
        ["theta", "got MLP", "loss.weights(net)"],
    ),
    (
        "al.landscapes.permuted(net, 3)",
        "ValueError",
        ["order", "got 3", "permutation of 0 to 3"],
    ),
    ("al.fitting.greedy(runge, 8, power=5)", "ValueError", ["power", "got 5", "0, 1, 2, 3 or 4"]),
    (
        "al.fitting.greedy(runge, 8, power=0, polish=True)",
        "ValueError",
        ["polish", "no derivative"],
    ),
    ("al.fitting.greedy(runge, 90, points=8)", "ValueError", ["points", "24 points for 90 units"]),
    ("al.fitting.greedy(np.exp, 8)", "TypeError", ["target", "ufunc", "expected a Target"]),
    ("al.fitting.free_knots(runge, 4, 'l1')", "ValueError", ["norm", "'l1'", "'l2' or 'sup'"]),
    ("al.fitting.free_knots(np.exp, 4)", "TypeError", ["target", "ufunc", "(X, Y)", "Wrap"]),
    ("al.fitting.free_knots((x, bad), 4)", "ValueError", ["Y", "nan", "(3,)", "finite"]),
    ("al.fitting.free_knots((x, x), 4)", "ValueError", ["target", "(9, 1) and (9, 1)", "(k,)"]),
    ("net.member(0)", "ValueError", ["index", "single network", "stacked"]),
    ("al.compose(relu, net)", "ValueError", ["activation", "'tanh'", "'relu'", "same"]),
    ("al.precompose(net, [1.0, 2.0])", "ValueError", ["scale", "(2,)", "expected ()"]),
    ("al.parallel([])", "ValueError", ["nets", "none", "at least one"]),
    (
        "al.parallel([net, al.MLP.init(key, 2, (4,))])",
        "ValueError",
        ["nets", "MLP(2-4-1", "equal inputs"],
    ),
    ("readout(3.0, runge)", "TypeError", ["network", "float", "MLP"]),
    ("readout(net, net)", "TypeError", ["target", "MLP", "(X, Y)", "al.Target("]),
    ("readout(net, runge, norm='l1')", "ValueError", ["norm", "'l1'", "'l2' or 'sup'"]),
    ("readout(net, runge, weights=x[:, 0])", "ValueError", ["weights", "None", "gauss_legendre"]),
    ("readout(net, (x, bad))", "ValueError", ["Y", "nan", "index (3,)"]),
    ("readout(net, (x, x))", "ValueError", ["network", "out_size None", "expected 1"]),
    ("readout(net, (x, x[1:, 0]))", "ValueError", ["Y", "(8,)", "9 points"]),
    ("solve_sup(x, x[:, 0], tol=0)", "ValueError", ["tol", "0", "1e-3"]),
    (
        "al.fitting.quasi_interpolant(runge, 32, grading=lambda s: s**2)",
        "ValueError",
        ["grading", "not increasing", "clustered(0.5, 0.1)"],
    ),
    (
        "al.fitting.quasi_interpolant(runge, 32, grading=lambda s: 2 * s)",
        "ValueError",
        ["grading", "[0.0, 2.0]", "0 and 1"],
    ),
    ("al.fitting.clustered(2.0, 0.1)", "ValueError", ["at", "2.0", "[0, 1]"]),
    ("al.fitting.clustered(0.5, 0.0)", "ValueError", ["scale", "0.0", "0.1"]),
    (
        "al.fitting.ridge_quasi_interpolant(runge, 64)",
        "ValueError",
        ["target", "dimension 1", "two variables", "quasi_interpolant"],
    ),
    (
        "al.fitting.ridge_quasi_interpolant(al.targets.get('bump'), 64, directions=32)",
        "ValueError",
        ["halo", "2 centres", "32 directions", "Raise width"],
    ),
    ("al.evaluate(net, x[:, 0])", "ValueError", ["points", "(9,)", "(n, d)", "x[:, None]"]),
    ("al.evaluate(net, np.arange(3)[:, None])", "TypeError", ["points", "int64", "floating"]),
    ("al.evaluate(3.0, x)", "TypeError", ["model", "float", "function of one point"]),
    ("al.errors.sup(net, lambda x: x[0])", "ValueError", ["domain", "None", "expected a Box"]),
    (
        "al.errors.l2(lambda x: x, runge)",
        "ValueError",
        ["model", "(1,)", "equal shapes", "out_size"],
    ),
    ("al.errors.rate([1, 2], [1.0, 0.5])", "ValueError", ["sizes", "got 2", "three", "floor"]),
    ("al.errors.rate([1, 2, 3], [1.0, -0.5, 0.1])", "ValueError", ["errors", "-0.5", "at least 0"]),
    (
        "al.errors.rate([1, 2, 3], [1.0, 0.5, 0.1], confidence=95)",
        "ValueError",
        ["confidence", "95"],
    ),
    ("al.errors.sup(net, runge, points=1)", "ValueError", ["points", "got 1", "at least 2"]),
    ("al.errors.l2(net, runge, nodes=0)", "ValueError", ["nodes", "got 0", "positive"]),
    ("al.MLP.init(0, 1, (4,))", "TypeError", ["key", "got 0", "jax.random.key"]),
    ("al.MLP.init(key, 1, (4,), domain=([0], [1]))", "TypeError", ["domain", "expected a Box"]),
    ("al.MLP((jnp.array([[2]]),), (jnp.array([1]),))", "TypeError", ["weights", "int", "floating"]),
    ("al.MLP(([[2.0]],), ([1.0],))", "TypeError", ["weights", "list", "from_arrays"]),
    ("al.sweeps.plan('runge', depths=[1], widths=[4])", "ValueError", ["targets", "['runge']"]),
    (
        "al.optimal.relu_spline_asymptotic(step, 4)",
        "ValueError",
        ["target", "'jump'", "expected a smooth target"],
    ),
    (
        "al.optimal.relu_spline(step, 4)",
        "ValueError",
        ["target", "'jump'", "expected a continuous"],
    ),
    ("al.optimal.relu_spline(runge, 4, 'l1')", "ValueError", ["norm", "'l1'", "'sup'"]),
    ("al.optimal.best_polynomial(runge, 0)", "ValueError", ["degree", "0", "positive integer"]),
    (
        "al.optimal.relu_spline(lambda x: x[0], 4)",
        "ValueError",
        ["target", "without a domain", "al.Target"],
    ),
    (
        "al.constructions.relu_interpolant(al.Target(lambda x: x[0], domain=al.Box.unit(), "
        "lipschitz=1.0, mask=lambda x: x[0] < 0.5), 3)",
        "ValueError",
        ["target", "masked", "whole box"],
    ),
    ("al.optimal.square_by_units(600)", "ValueError", ["pieces", "601 bits", "at most 500"]),
    (
        "al.fit(runge.scaled(2.0**-160), dtype='float32')",
        "ValueError",
        ["target", "float32", "expected sizes between"],
    ),
    ("al.regions.pieces_on_grid(lambda x: jnp.nan * x[0], x[:, 0])", "ValueError", ["not finite"]),
    ("al.targets.get('rung')", "ValueError", ["name", "'rung'", "runge"]),
    ("al.targets.get('tent', k=0)", "ValueError", ["k", "0"]),
    ("al.Target(3.0, domain=al.Box.unit())", "TypeError", ["fn", "3.0"]),
    (
        "al.Target(lambda x: x[0], domain=al.Box.unit(), lipschitz=-1.0)",
        "ValueError",
        ["lipschitz", "-1.0"],
    ),
    ("runge.moved_to(al.Box.unit(2))", "ValueError", ["box", "2"]),
    ("runge(0.5)", "ValueError", ["x", "()", "(1,)", "evaluate"]),
    (
        "al.constructions.relu_interpolant(step, 4)",
        "ValueError",
        ["target", "step", "second_derivative", "lipschitz"],
    ),
    ("al.constructions.relu_interpolant(np.sin, 4)", "TypeError", ["target", "ufunc", "Target"]),
    ("al.constructions.square_deep(0)", "ValueError", ["levels", "got 0", "positive integer"]),
    ("al.constructions.square_deep(99)", "ValueError", ["levels", "got 99", "at most 25"]),
    (
        "al.constructions.tent_shallow(30)",
        "ValueError",
        ["k", "got 30", "at most 16", "1073741824"],
    ),
    ("al.optimal.square_by_pieces(4, 'l1')", "ValueError", ["norm", "'l1'", "'l2' or 'sup'"]),
    ("al.optimal.square_by_pieces(2.5)", "ValueError", ["pieces", "2.5", "positive integer"]),
    (
        "al.optimal.relu_spline_asymptotic(al.targets.get('bump'), 4)",
        "ValueError",
        ["target.domain", "2 dimensions", "interval"],
    ),
    ("al.Bound(-1.0, 'x')", "ValueError", ["value", "-1.0", "at least 0"]),
    ("al.Bound(float('nan'), 'x')", "ValueError", ["value", "nan", "not a proof"]),
    ("al.fit(runge, hidden=32)", "ValueError", ["hidden", "32"]),
    ("al.fit(runge, method='sgdd')", "ValueError", ["method", "'sgdd'", "adam", "lbfgs"]),
    ("al.fit(runge, seeds=0)", "ValueError", ["seeds", "0", "positive"]),
    ("al.fit(runge, key=0)", "TypeError", ["key", "0", "jax.random.key"]),
    ("al.fit((x, bad))", "ValueError", ["nan", "3"]),
    ("al.fit((x, np.ones(5)))", "ValueError", ["5", "9"]),
    ("al.fit(runge, steps=-5)", "ValueError", ["steps", "-5", "positive"]),
    ("al.fit(runge, grid='gauss')", "ValueError", ["grid", "'gauss'", "chebyshev"]),
    ("al.fit((x, x[:, 0]), grid='uniform')", "ValueError", ["grid", "with arrays"]),
    ("al.fit(runge, hidden=(4,), passthrough=(5,))", "ValueError", ["passthrough", "(5,)", "(4,)"]),
    ("al.fit(runge, start=3)", "TypeError", ["start", "int", "MLP"]),
    ("al.fit(runge, start=net, hidden=(8,))", "ValueError", ["hidden", "(8,)", "(4,)", "Leave"]),
    ("al.fit(runge, start=net, seeds=2)", "ValueError", ["seeds", "got 2", "1 networks"]),
    ("al.fit(runge, start=net, init='he')", "ValueError", ["init", "'he'", "with a start"]),
    (
        "al.fit(al.targets.get('sine_product'), start=net)",
        "ValueError",
        ["start", "in_size 1", "expected 2"],
    ),
    (
        "al.fit(runge, method='variable_projection', hidden=())",
        "ValueError",
        ["hidden", "()", "levenberg_marquardt"],
    ),
    (
        "al.fit(runge, method='levenberg_marquardt', hidden=(200, 200), points=10**5)",
        "ValueError",
        ["hidden", "40801 parameters", "GiB", "solver='cg'"],
    ),
    (
        "al.fit(runge, method='levenberg_marquardt', batch=8)",
        "ValueError",
        ["batch", "got 8", "same points in every step"],
    ),
    ("al.fitting.LevenbergMarquardt(corrections=-1)", "ValueError", ["corrections", "-1", "4"]),
    ("al.fitting.LevenbergMarquardt(solver='svd')", "ValueError", ["solver", "'svd'", "'cg'"]),
    (
        "al.fitting.LevenbergMarquardt(solver='cg', eliminate=True)",
        "ValueError",
        ["solver", "'cg'", "'qr'"],
    ),
    ("al.fitting.fit_stages(runge, [])", "ValueError", ["hidden", "[]", "each stage"]),
    ("al.fitting.fit_stages(runge, (20, 20))", "ValueError", ["hidden", "(20, 20)", "each stage"]),
    ("al.fitting.fit_stages(runge, [(4,)], grid='gauss')", "ValueError", ["grid", "'gauss'"]),
    (
        "al.fitting.greedy(runge, 2, points=(np.array([[0.1], [-5.0]]), np.ones(2)))",
        "ValueError",
        ["points", "outside the box"],
    ),
    ("al.sweeps.width_for_budget(2, depth=3)", "ValueError", ["budget", "got 2", "at least 8"]),
    ("al.sweeps.plan(['runge'], depths=[1])", "ValueError", ["widths", "[]", "expected widths or"]),
    ("al.plotting.style('poster')", "ValueError", ["name", "'poster'", "screen"]),
    ("al.plotting.plot_error_against_size([], x='n', y='e')", "ValueError", ["rows", "none"]),
    # Derivatives
    ("al.costs.measure({})", "ValueError", ["contenders", "none", "at least one"]),
    (
        "al.derivatives.jacobian(net, x[0], 'backward')",
        "ValueError",
        ["method", "'backward'", "reverse"],
    ),
    (
        "al.derivatives.jacobian(jnp.sin, x[0], 'planned')",
        "ValueError",
        ["method", "'planned'", "MLP"],
    ),
    (
        "al.derivatives.jacobian(net, np.ones(3))",
        "ValueError",
        ["x", "(3,)", "(1,)", "batch (N, 1)"],
    ),
    (
        "al.derivatives.jacobian(jnp.sin, np.arange(3))",
        "TypeError",
        ["x", "int64", "astype(float)"],
    ),
    (
        "al.derivatives.jacobian(net, x[0], wrt='biases')",
        "ValueError",
        ["wrt", "'biases'", "'weights'"],
    ),
    (
        "al.derivatives.jacobian(jnp.sin, np.ones(10**5))",
        "ValueError",
        ["max_bytes", "80000000000", "74.5 GiB", "jacobian_vector_product"],
    ),
    (
        "al.derivatives.choose(jnp.sin, x[0], methods=['planned'])",
        "ValueError",
        ["methods", "'planned'"],
    ),
    ("al.derivatives.plan_network([3])", "ValueError", ["net", "[3]", "widths"]),
    (
        "al.derivatives.plan_network([64, 8, 64], max_bytes=10)",
        "ValueError",
        ["max_bytes", "got 10", "at least 32768"],
    ),
    ("al.derivatives.plan([])", "ValueError", ["factors", "[]", "at least one"]),
    ("al.derivatives.Factor(2, 3, -1, 1)", "ValueError", ["tangent_flops", "-1", "at least 0"]),
    (
        "al.derivatives.value_and_jacobian_by(al.derivatives.plan_network([2, 2]), net, x[0])",
        "ValueError",
        ["plan", "2-2", "1-4-1", "plan_network(net)"],
    ),
    (
        "al.derivatives.chain_jacobian([jnp.sum, jnp.sin], jnp.ones(3))",
        "ValueError",
        ["fns", "shape ()", "[None]"],
    ),
    (
        "al.derivatives.explicit_weight_tensor(1000, jnp.ones(1000))",
        "ValueError",
        ["max_bytes", "8000000000", "KroneckerOuter"],
    ),
    (
        "al.derivatives.product(al.derivatives.Dense(jnp.ones((2, 2))), 3.0)",
        "TypeError",
        ["factors", "got float", "Dense(W)"],
    ),
    ("al.derivatives.Dense(3.0)", "TypeError", ["matrix", "got 3.0", "floating-point array"]),
    (
        "al.derivatives.n_mode_product(jnp.ones((2, 3)), jnp.ones(2), 0)",
        "ValueError",
        ["mode", "got 0", "expected 1 to 2"],
    ),
    ("al.derivatives.weight_jacobian(net, x[:, 0])", "ValueError", ["X", "(9,)", "x[None, :]"]),
    (
        "al.derivatives.weight_jacobian(net, x).dense(max_bytes=100)",
        "ValueError",
        ["max_bytes", "936", "gram"],
    ),
    (
        "al.derivatives.per_sample_gradients(net, x, np.ones(9), lambda v, y: 3)",
        "TypeError",
        ["loss", "int", "one floating-point"],
    ),
    (
        "al.derivatives.hessian_vector_product(jnp.sum, jnp.ones(2), jnp.ones(3))",
        "ValueError",
        ["v", "(3,)", "expected (2,)"],
    ),
    ("al.derivatives.trace(jnp.sin, 2)", "TypeError", ["got 2", "int", "floating", "Write 2.0"]),
    (
        "al.derivatives.trace(jnp.sum, np.ones(5000))",
        "ValueError",
        ["5000", "at most 4096", "pictures", "jax.vjp"],
    ),
    ("al.derivatives.trace(jnp.sin, np.ones(2))", "ValueError", ["seed_out", "(2,)", "cotangent"]),
    (
        "al.derivatives.trace(lambda x: (x, x), 2.0)",
        "TypeError",
        ["f", "2 arrays", "floating-point"],
    ),
    (
        "al.derivatives.trace(jnp.sin, 2.0, seeds=['q'])",
        "ValueError",
        ["seeds", "'q'", "such as x"],
    ),
    (
        "al.derivatives.trace(jnp.sin, 2.0, labels='ab')",
        "ValueError",
        ["labels", "'ab'", "1 names"],
    ),
    (
        "al.derivatives.trace(jnp.sin, 2.0).table('html')",
        "ValueError",
        ["fmt", "'html'", "markdown"],
    ),
    ("al.plotting.plot_trace([])", "ValueError", ["trace", "0 steps", "1 to 200"]),
    ("al.derivatives.explain(jnp.sin)", "TypeError", ["net", "expected an MLP", "count(f, *args)"]),
    (
        "al.derivatives.explain(net, method='backward')",
        "ValueError",
        ["method", "'backward'", "one of reverse, forward"],
    ),
    (
        "al.derivatives.explain(net, want='hvp', method='reverse')",
        "ValueError",
        ["method", "'reverse'", "there is one way"],
    ),
    ("al.derivatives.formula([3])", "ValueError", ["net", "[3]", "an MLP or its widths"]),
    (
        "al.derivatives.formula([3, 2], want='hessian')",
        "ValueError",
        ["want", "'hessian'", "gradient"],
    ),
    ("al.derivatives.formula([3, 2], want='gram')", "ValueError", ["want", "'gram'", "'weights'"]),
    ("al.derivatives.predicted_tape(net, 0)", "ValueError", ["batch", "got 0", "positive integer"]),
    (
        "al.derivatives.measured_tape(net, jnp.ones((2, 3)))",
        "ValueError",
        ["x", "(2, 3)", "expected a point (1,)"],
    ),
    (
        "al.derivatives.difference(jnp.sin, 1)",
        "TypeError",
        ["x", "int", "float32 or float64", "jnp.asarray"],
    ),
    (
        "al.derivatives.difference(jnp.sin, jnp.ones(2))",
        "ValueError",
        ["direction", "None", "(2,)", "jacobian"],
    ),
    (
        "al.derivatives.difference(jax.nn.relu, 1.0, scheme='complex')",
        "ValueError",
        ["f", "'max'", "analytic", "central"],
    ),
    (
        "al.derivatives.difference(jnp.sin, 1.0, step=-1.0)",
        "ValueError",
        ["step", "-1.0", "positive number"],
    ),
    (
        "al.derivatives.optimal_step('richardson', float, order=5)",
        "ValueError",
        ["order", "got 5", "4, 6, 8 or 10"],
    ),
    ("al.derivatives.check_derivatives(jnp.sin, 1)", "TypeError", ["args", "floating-point array"]),
    (
        "al.derivatives.check_derivatives(jnp.sin, 1.0, modes='forward')",
        "ValueError",
        ["modes", "'forward'", "('reverse',)"],
    ),
    (
        "al.derivatives.check_derivatives(jnp.sin, 1.0, key=0)",
        "TypeError",
        ["key", "got 0", "jax.random.key(0)"],
    ),
    (
        "al.derivatives.check_derivatives(1.0, jnp.sin)",
        "TypeError",
        ["f: got float", "expected a function", "comes first"],
    ),
    (
        "al.derivatives.plan(net)",
        "ValueError",
        ["factors", "MLP(1-4-1", "Factor", "plan_network(net)"],
    ),
    ("al.derivatives.plan([jnp.sin])", "ValueError", ["factors", "sin", "chain_factors(fns, x)"]),
    (
        "al.derivatives.chain_jacobian(net, x[0])",
        "TypeError",
        ["fns", "MLP(1-4-1", "list of functions", "jacobian(net, x)"],
    ),
    ("al.derivatives.chain_jacobian(jnp.sin, x[0])", "TypeError", ["fns", "sin", "Write [f]"]),
    (
        "al.derivatives.chain_jacobian([jnp.sin, 3.0], x[0])",
        "TypeError",
        ["fns", "3.0", "list of functions"],
    ),
    ("al.derivatives.gradient(x[0], jnp.sum)", "TypeError", ["f: got ndarray", "gradient(f, x)"]),
    (
        "al.derivatives.hessian_vector_product(x[0], jnp.sum, x[0])",
        "TypeError",
        ["f: got ndarray", "comes first"],
    ),
    (
        "al.derivatives.jacobian_vector_product(x[0], jnp.sin, x[0])",
        "TypeError",
        ["f: got ndarray", "comes first"],
    ),
    (
        "al.derivatives.vector_jacobian_product(x[0], jnp.sin, x[0])",
        "TypeError",
        ["f: got ndarray", "comes first"],
    ),
    ("al.derivatives.difference(1.0, jnp.sin)", "TypeError", ["f: got float", "comes first"]),
    ("al.derivatives.count(3.0)", "TypeError", ["fn: got float", "expected a function"]),
    (
        'al.derivatives.choose(jnp.sin, x[0], methods="forward")',
        "ValueError",
        ["methods", "'forward'", "several", "['forward']"],
    ),
    ("al.evaluate(lambda x: np.sin(x[0]), x)", "TypeError", ["NumPy", "one of JAX", "jnp.sin"]),
    (
        "al.errors.sup(net, al.Target(np.sin, domain=al.Box.unit()))",
        "TypeError",
        ["NumPy", "jnp.sin"],
    ),
    (
        "import math; al.errors.l2(net, al.Target(lambda x: math.sin(x[0]), domain=al.Box.unit()))",
        "TypeError",
        ["math", "jnp.sin"],
    ),
    (
        "al.evaluate(lambda x: x[0] if x[0] > 0 else 0.0, x)",
        "TypeError",
        ["an if on its argument", "jnp.where"],
    ),
    ('al.errors.gap("x", 1.0)', "TypeError", ["error", "'x'", "number"]),
    (
        'al.plotting.plot_error_against_size([{"n": 1}], x="n", y="error")',
        "ValueError",
        ["rows", "a row with n", "'error'"],
    ),
    (
        'al.plotting.plot_error_against_size({"n": [1]}, x="n", y="e")',
        "TypeError",
        ["rows", "got dict", "record.rows"],
    ),
    (
        'al.plotting.plot_heat_map([{"w": 1, "d": 1}], x="w", y="d", value="e")',
        "ValueError",
        ["rows", "w, d", "'e'"],
    ),
    ('al.plotting.quartiles([], x="n", y="e")', "ValueError", ["rows", "none"]),
    ("al.plotting.plot_trace(3)", "TypeError", ["trace", "got int", "the rows of one"]),
    ('al.records.to_pandas({"n": [1]})', "TypeError", ["rows", "got dict", "list of flat rows"]),
    ("al.records.to_pandas(3)", "TypeError", ["rows", "got int"]),
    (
        'al.sweeps.plan(["runge"], depths=1, widths=[4])',
        "ValueError",
        ["depths", "got 1", "Write [1]"],
    ),
    (
        'al.sweeps.plan(["runge"], depths=[1], widths=4)',
        "ValueError",
        ["widths", "got 4", "Write [4]"],
    ),
    (
        'al.sweeps.plan(["runge"], depths=[1], widths=[4], seed=3)',
        "TypeError",
        ["seed", "got 3", "seeds", "run_unit"],
    ),
    (
        'al.sweeps.run_unit("runge", al.sweeps.Unit("runge", width=4, depth=1))',
        "TypeError",
        ["target", "'runge'", "targets.get('runge')"],
    ),
    ('al.sweeps.run_unit(runge, "runge")', "TypeError", ["unit", "'runge'", "a Unit"]),
    (
        'al.sweeps.unit_key(10**23, al.sweeps.Unit("runge", width=4, depth=1))',
        "ValueError",
        ["seed", "1000", "2^63 - 1"],
    ),
    (
        'al.fit(runge, hidden=(4,), steps=2).errors(runge, norm="l1")',
        "ValueError",
        ["norm", "'l1'", "'l2' or 'sup'"],
    ),
    (
        "al.fit(runge, hidden=(200, 200), method=al.fitting.self_scaled_broyden(max_bytes=2**20))",
        "ValueError",
        ["params", "got 40801 parameters", "12.4 GiB", "method='lbfgs'"],
    ),
]

RUN = """
import json, sys
answers = []
for call in json.load(sys.stdin):
    try:
        exec(call)
        answers.append(("no error", ""))
    except Exception as error:
        answers.append((type(error).__name__, str(error)))
print(json.dumps(answers))
"""


def answers(calls, *, x64=True):
    setup = SETUP if x64 else SETUP.replace('"jax_enable_x64", True', '"jax_enable_x64", False')
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", setup + RUN],
        input=json.dumps(calls),
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def table():
    return dict(zip((c for c, *_ in CALLS), answers([c for c, *_ in CALLS]), strict=True))


@pytest.mark.parametrize(("call", "kind", "fragments"), CALLS, ids=[c for c, *_ in CALLS])
def test_message(call, kind, fragments, table):
    got, message = table[call]
    assert got == kind, message
    for fragment in fragments:
        assert fragment in message, f"{fragment!r} is not in: {message}"


def test_there_are_thirty_and_a_right_call_has_no_message():
    assert len(CALLS) >= 30
    assert answers(["al.Box([0.0], [1.0])"]) == [["no error", ""]]


def test_float64_without_x64_says_what_to_write():
    calls = ["al.MLP.init(key, 1, (4,), dtype='float64')", "al.fit(runge, dtype='float64')"]
    for kind, message in answers(calls, x64=False):
        assert kind == "ValueError"
        assert "float64" in message
        assert "jax.config.update('jax_enable_x64', True)" in message
