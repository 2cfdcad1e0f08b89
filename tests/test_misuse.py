"""More wrong calls: exchanged arguments, names and classes for functions, functions of NumPy.

No message is a traceback of JAX or NumPy, and nothing wrong is taken in silence.
"""

import pytest
from test_messages import answers

NUMPY = ["a function of NumPy, sin", "Write jnp.sin"]

CALLS = [
    ("al.nonsense", "AttributeError", ["approxlab has no 'nonsense'", "dir(approxlab)"]),
    ("al.Tagret", "AttributeError", ["approxlab has no 'Tagret'", "did you mean 'Target'"]),
    ("al.derivatives.jacobain", "AttributeError", ["derivatives has no", "mean 'jacobian'"]),
    ("al.errors.sup(net, 'runge')", "TypeError", ["target", "'runge'", "al.targets.get('runge')"]),
    ("al.errors.l2('runge', net)", "TypeError", ["model", "'runge'", "al.targets.get('runge')"]),
    ("al.errors.sup(net, None)", "TypeError", ["target", "NoneType", "sup(model, target)"]),
    ("al.errors.sup(net, np.sin)", "TypeError", ["target", *NUMPY]),
    ("al.errors.l2(net, 3.0)", "TypeError", ["target", "float", "function of one point"]),
    ("al.errors.sup(runge, net)", "ValueError", ["domain", "None", "the target comes second"]),
    ("al.errors.sup(net, runge, domain=(0, 1))", "ValueError", ["domain", "(0, 1)", "a Box"]),
    ("al.errors.sup(al.MLP, runge)", "TypeError", ["model", "the class MLP", "instance"]),
    ("al.errors.l2(net, runge, relative='yes')", "TypeError", ["relative", "'yes'", "True"]),
    ("al.errors.rate('abc', [1, 2, 3])", "TypeError", ["sizes", "'abc'", "numbers"]),
    ("al.fit(runge, learning_rate='x')", "ValueError", ["learning_rate", "'x'", "positive number"]),
    ("al.fit(runge, tol='x')", "ValueError", ["tol", "'x'", "at least 0"]),
    ("al.regions.pieces_on_grid(x[:, 0], net)", "TypeError", ["points", "MLP", "comes first"]),
    ("al.regions.pieces_on_grid(relu, 'grid')", "TypeError", ["points", "'grid'", "(n,)"]),
    ("al.regions.pieces_on_grid(None, x[:, 0])", "TypeError", ["model", "NoneType", "function"]),
    ("al.regions.pieces_on_grid(al.MLP, x[:, 0])", "TypeError", ["model", "the class MLP"]),
    ("al.regions.pieces_on_grid(np.sin, x[:, 0])", "TypeError", ["model", *NUMPY]),
    ("al.regions.pieces_on_grid(net, x[:, 0])", "ValueError", ["model", "'tanh'", "'relu'"]),
    (
        "al.regions.pieces_on_grid(relu, x[:, 0], rtol='x')",
        "ValueError",
        ["rtol", "'x'", "at least 0"],
    ),
    (
        "al.regions.pieces_on_grid(lambda x: 1j * x[0], x[:, 0])",
        "TypeError",
        ["model", "complex128", "floating-point"],
    ),
    ("al.evaluate(x, net)", "TypeError", ["points", "MLP", "evaluate(model, points)"]),
    ("al.evaluate(net, 'x')", "TypeError", ["points", "'x'", "(n, d)"]),
    ("al.evaluate(net, None)", "TypeError", ["points", "None", "(n, d)"]),
    ("al.evaluate(al.MLP, x)", "TypeError", ["model", "the class MLP", "instance"]),
    ("al.evaluate(net, x, max_bytes=-1)", "ValueError", ["max_bytes", "-1", "positive"]),
    ("al.MLP.init(key, 1, (4,), domain=al.Box)", "TypeError", ["domain", "class", "a Box"]),
    ("al.MLP.init(key, 1, (4,), domain=al.Box.unit(2))", "ValueError", ["domain", "dimension 1"]),
    ("al.MLP.from_arrays('a', 'b', 'relu')", "TypeError", ["weights", "str", "real numbers"]),
    ("al.MLP.from_arrays([['x']], [[0.0]], 'relu')", "TypeError", ["weights", "real numbers"]),
    ("net('x')", "TypeError", ["x", "str", "real numbers"]),
    ("net(None)", "TypeError", ["x", "NoneType", "real numbers"]),
    ("net(jnp.array([1j]))", "TypeError", ["x", "complex128", "real numbers"]),
    ("al.compose(net, jnp.sin)", "TypeError", ["inner", "expected an MLP"]),
    ("al.compose(runge, net)", "TypeError", ["outer", "Target", "expected an MLP"]),
    ("al.parallel(net)", "TypeError", ["nets", "MLP", "list of networks"]),
    ("al.parallel([net, runge])", "TypeError", ["nets", "Target", "expected an MLP"]),
    ("al.precompose(2.0, net)", "TypeError", ["net", "float", "expected an MLP"]),
    ("al.precompose(net, 'x')", "TypeError", ["scale", "str", "real numbers"]),
    ("al.postcompose(net, None)", "TypeError", ["scale", "NoneType", "real numbers"]),
    ("al.Box.unit('2')", "ValueError", ["dim", "'2'", "positive integer"]),
    ("al.Box.cube(0.0, 1.0, 1.5)", "ValueError", ["dim", "1.5", "positive integer"]),
    (
        "al.constructions.square_deep(3, domain=(0, 1))",
        "TypeError",
        ["domain", "(0, 1)", "expected a Box"],
    ),
    ("al.costs.measure(jnp.sin)", "TypeError", ["contenders", "a dict of names"]),
    ("al.costs.measure({'a': jnp.sin})", "TypeError", ["contenders", "'a'", "(function, (x"]),
    ("al.costs.measure({'a': (1.0, (x,))})", "TypeError", ["contenders", "'a'", "(function"]),
    # A ufunc ended the process.
    ("al.derivatives.difference(np.sin, 1.0)", "TypeError", ["f", *NUMPY]),
    ("al.derivatives.jacobian(np.sin, x[0])", "TypeError", ["f", *NUMPY]),
    ("al.derivatives.jacobian(al.MLP, x[0])", "TypeError", ["f", "the class MLP", "instance"]),
    ("al.derivatives.gradient(np.sin, 1.0)", "TypeError", ["f", *NUMPY]),
    ("al.derivatives.trace(np.sin, 1.0)", "TypeError", ["f", *NUMPY]),
    ("al.derivatives.choose(np.sin, x[0])", "TypeError", ["f", *NUMPY]),
    ("al.derivatives.count(np.sin, 1.0)", "TypeError", ["fn", *NUMPY]),
    ("al.derivatives.chain_jacobian([np.sin], x[0])", "TypeError", ["fns", *NUMPY]),
    ("al.derivatives.ntk(np.sin, x, params=1.0)", "TypeError", ["f", *NUMPY]),
    ("al.derivatives.ntk(jnp.sin, x)", "TypeError", ["net", "an MLP", "params=params"]),
    ("al.derivatives.plan([jnp.sin, 3], x=x[0])", "TypeError", ["fns", "list of functions"]),
    ("al.derivatives.plan(3, x=x[0])", "TypeError", ["fns", "got 3", "list of functions"]),
    ("al.derivatives.plan(net, x=x)", "ValueError", ["x", "(9, 1)", "(n,)"]),
    ("al.derivatives.plan(net, x='x')", "TypeError", ["x", "str", "(n,)"]),
    ("net.to_equinox(None)", "TypeError", ["model", "NoneType", "equinox.nn.MLP"]),
    # A target that jumps has no best continuous approximation in the sup norm that means anything.
    ("al.optimal.relu_spline(jumps, 4)", "ValueError", ["target", "continuous"]),
    ("al.optimal.relu_spline(jumps, 4, 'sup')", "ValueError", ["target", "continuous"]),
    ("al.optimal.relu_spline_asymptotic(jumps, 4)", "ValueError", ["target", "not continuous"]),
    ("al.optimal.best_polynomial(jumps, 4)", "ValueError", ["target", "continuous"]),
    ("al.constructions.relu_interpolant(jumps, 4)", "ValueError", ["target"]),
    (
        "al.Target(lambda x: jnp.floor(x[0]), domain=al.Box.unit(), second_derivative=0.0, "
        "continuous=False)",
        "ValueError",
        ["continuous", "False", "second_derivative 0.0", "every point"],
    ),
    ("al.constructions.orthant_sum(jumps, 4)", "ValueError", ["target", "not continuous"]),
    ("al.constructions.cybenko(jumps, 0.1)", "ValueError", ["target", "continuous"]),
]
JUMPS = "jumps = al.Target(lambda x: jnp.floor(2 * x[0]), domain=al.Box.unit(), continuous=False); "


@pytest.fixture(scope="module")
def table():
    calls = [JUMPS * ("jumps" in call) + call for call, *_ in CALLS]
    return dict(zip((c for c, *_ in CALLS), answers(calls), strict=True))


@pytest.mark.parametrize(("call", "kind", "fragments"), CALLS, ids=[c for c, *_ in CALLS])
def test_message(call, kind, fragments, table):
    got, message = table[call]
    assert got == kind, message
    for fragment in fragments:
        assert fragment in message, f"{fragment!r} is not in: {message}"


def test_faces_are_lazy_and_right_names_are_found():
    right = ["al.errors.sup", "from approxlab import Target", "assert 'sup' in dir(al.errors)"]
    lazy = "import subprocess, sys; subprocess.run([sys.executable, '-c', %r], check=True)"
    code = "import sys, approxlab, approxlab.errors; assert 'jax' not in sys.modules"
    assert answers([*right, lazy % code]) == [["no error", ""]] * 4
