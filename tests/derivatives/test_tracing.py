"""Evaluation traces: the survey's tables, JAX's own derivatives step by step, tables, pictures."""

import math

import jax
import jax.numpy as jnp
import laws
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives.tracing.trace import trace
from approxlab.plotting.graphs import plot_trace
from experiments.computational_graphs import experiment as graphs
from experiments.computational_graphs import findings

EPS = 2.0**-52


def traced(name):
    function, point, labels = graphs._FUNCTIONS[name]
    return trace(function, *point, labels=labels)


@pytest.fixture(scope="module")
def survey():
    return traced("survey")


# The survey's Tables 2 and 3.


def test_forward_table_of_the_survey(survey):
    lines = {
        "v-1": (2.0, 1.0, 0.0),
        "v0": (5.0, 0.0, 1.0),
        "v1": (math.log(2), 0.5, 0.0),
        "v2": (10.0, 5.0, 2.0),
        "v3": (math.sin(5), 0.0, math.cos(5)),
        "v4": (math.log(2) + 10, 5.5, 2.0),
        "v5": (math.log(2) + 10 - math.sin(5), 5.5, 2 - math.cos(5)),
    }
    assert survey.seeds == ("x1", "x2")
    assert [step.name for step in survey.steps] == list(lines)
    for step in survey.steps:
        laws.close([step.primal, *step.tangents], lines[step.name], c=2, scale=16)
    assert f"{float(survey.value):.6f}" == "11.652071"
    assert [f"{float(g):.6f}" for g in survey.gradients] == ["5.500000", "1.716338"]
    laws.close(survey.tangents, survey.gradients, c=4)
    assert survey.output == "v5"


def test_reverse_table_of_the_survey_with_its_accumulations(survey):
    added = sorted(
        (each.order, step.name, each.source, float(each.so_far))
        for step in survey.steps
        for each in step.contributions
    )
    order = [(name, source) for _, name, source, _ in added]
    assert order == [
        ("v5", "seed"),
        ("v4", "v5"),
        ("v3", "v5"),
        ("v1", "v4"),
        ("v2", "v4"),
        ("v0", "v3"),
        ("v-1", "v2"),
        ("v0", "v2"),
        ("v-1", "v1"),
    ]
    exact = [1, 1, -1, 1, 1, -math.cos(5), 5, 2 - math.cos(5), 5.5]
    laws.close([so_far for *_, so_far in added], exact, c=2, scale=6)
    x2 = survey["x2"]
    assert [f"{float(c.so_far):.6f}" for c in x2.contributions] == ["-0.283662", "1.716338"]
    assert [c.source for c in x2.contributions] == ["v3", "v2"]
    assert [float(c.so_far) for c in survey["v-1"].contributions] == [5.0, 5.5]
    assert [float(c.local) for c in survey["v-1"].contributions] == [5.0, 0.5]


GOLDEN = {
    "product": (-12.0, (-4.0, -4.0, 3.0)),
    "sigmoid_unit": (0.731058578630, (-0.196612, 0.393224, -0.393224, -0.589836, 0.196612)),
    "gaussian": (1.893335713765, (0.375, -0.375, 0.21875)),
    "survey": (11.652071, (5.5, 1.716338)),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_lecture_examples(name):
    tr = traced(name)
    value, gradients = GOLDEN[name]
    assert abs(float(tr.value) - value) < 1e-6
    assert np.allclose(tr.gradients, gradients, atol=5e-7, rtol=0)
    rows = [{**row, "graph": name, "dtype": "float64"} for row in tr.to_rows()]
    findings.check(rows)  # every value, tangent, adjoint against its closed formula
    spoiled = [{**row, "primal": 1.001 * row["primal"]} if "primal" in row else row for row in rows]
    with pytest.raises(AssertionError):
        findings.check(spoiled)


def test_exact_cases():
    tr = trace(lambda a, b: (a + b) * (b + 1), 2.0, 1.0)
    assert float(tr.value) == 6.0
    assert [float(g) for g in tr.gradients] == [2.0, 5.0]
    assert [float(c.value) for c in tr["b"].contributions] == [3.0, 2.0]
    assert [float(g) for g in traced("product").gradients] == [-4.0, -4.0, 3.0]
    square = trace(lambda x: x * x, 3.0)  # one step that reads a variable twice
    assert [float(c.value) for c in square["x"].contributions] == [3.0, 3.0]
    assert [c.position for c in square["x"].contributions] == [0, 1]
    assert float(square.gradients[0]) == 6.0


# JAX's own derivatives, of every step of random functions.

UNARY = [
    jnp.sin,
    jnp.tanh,
    jnp.cos,
    jnp.abs,
    jax.nn.sigmoid,
    jax.nn.softplus,
    jax.nn.relu,
    lambda a: jnp.exp(jnp.tanh(a)),
    lambda a: a**3 / (1 + a**2),
    jax.jit(lambda a: jnp.sin(a) * a),
    jax.checkpoint(lambda a: jnp.cos(a) * 2),
]
BINARY = [
    jnp.add,
    jnp.subtract,
    jnp.multiply,
    jnp.maximum,
    lambda a, b: a / (2 + jnp.tanh(b)),
    lambda a, b: jnp.where(a > b, a, 2 * b),
]
SHAPED = {  # by the shapes of the operands, which are (), (3,) and (3, 3)
    (1,): [jnp.sum, jnp.max, jnp.mean, jnp.cumsum, jax.nn.softmax,
           lambda v: v[1], lambda v: jnp.outer(v, v)],
    (2,): [jnp.sum, jnp.transpose, lambda m: m[1], lambda m: m[:, 2], jnp.diagonal,
           lambda m: jnp.max(m, axis=0)],
    (1, 1): [jnp.dot, lambda u, v: u[:, None] * v[None, :], lambda u, v: jnp.dot(u, u) * v],
    (2, 1): [jnp.matmul, lambda m, v: m + v[None, :], lambda m, v: m * v[:, None]],
    (2, 2): [jnp.matmul, lambda m, n: m @ n.T],
}  # fmt: skip
SHAPES = [(), (), (3,), (3, 3)]
SEEDS = ["b", "M[2, 0]"]


def random_function(seed):
    """A function of (a, b, v, M, taps) that adds a tap to each of its four intermediates."""
    rng = np.random.default_rng([seed, 5])
    ranks, recipe = [len(shape) for shape in SHAPES], []
    for _ in range(4):
        i, j = (int(rng.integers(len(ranks))) for _ in range(2))
        kind = rng.integers(3)
        pair = (ranks[i], ranks[j])
        if kind == 0:
            chosen, places = UNARY, (i,)
        elif kind == 1 and (0 in pair or pair[0] == pair[1]):
            chosen, places = BINARY, (i, j)
        elif pair in SHAPED:
            chosen, places = SHAPED[pair], (i, j)
        elif ranks[i]:
            chosen, places = SHAPED[ranks[i],], (i,)
        else:
            chosen, places = UNARY, (j,)
        few = 4 if ranks[places[0]] == 2 else len(chosen)  # matrices by few: each is compiled
        op = chosen[int(rng.integers(min(few, len(chosen))))]
        outline = [jnp.zeros((3,) * ranks[place]) for place in places]
        ranks.append(jax.eval_shape(op, *outline).ndim)
        recipe.append((op, places))
    read = {place for _, places in recipe for place in places}
    last = [k for k in range(4, len(ranks)) if k not in read]  # together they depend on all

    def function(a, b, v, M, taps=None):
        pool = [a, b, v, M]
        for k, (op, places) in enumerate(recipe):
            value = op(*(pool[place] for place in places))
            pool.append(value if taps is None else value + taps[k])
        result = jnp.sum(jnp.sin(pool[last[0]]))
        for place in last[1:]:
            result = result * 0.5 + jnp.sum(pool[place])
        return result if taps is None else (result, pool[4:])

    args = [jnp.asarray(rng.uniform(0.3, 1.7, shape)) for shape in SHAPES]
    taps = [jnp.zeros((3,) * rank) for rank in ranks[4:]]
    return function, args, taps


def directions(args):
    for i, index in [(1, ()), (3, (2, 0))]:
        yield [
            jnp.zeros_like(arg).at[index].set(1.0) if i == k else jnp.zeros_like(arg)
            for k, arg in enumerate(args)
        ]


def agrees(tr, function, args, taps):
    """Value, gradients and tangents are JAX's; every intermediate is a step with its numbers."""
    with jax.disable_jit():  # operation by operation: nothing new is compiled
        (value, found), pull = jax.vjp(function, *args, taps)
        *gradients, adjoints = pull((jnp.ones_like(value), [jnp.zeros_like(x) for x in found]))
        pushed = [jax.jvp(lambda *a: function(*a, taps), args, d)[1] for d in directions(args)]
    scale = 1 + max(float(jnp.max(jnp.abs(x))) for x in jax.tree.leaves((found, adjoints, pushed)))
    laws.close(tr.value, value, c=64, scale=scale)
    for ours, theirs in zip(tr.gradients, gradients, strict=True):
        laws.close(ours, theirs, c=256, scale=scale)
    laws.close(tr.tangents, [total for total, _ in pushed], c=256, scale=scale)
    limit = 256 * EPS * scale
    for k, (primal, adjoint) in enumerate(zip(found, adjoints, strict=True)):
        wanted = [primal, adjoint, *(inner[k] for _, inner in pushed)]
        assert any(
            step.primal.shape == primal.shape
            and step.adjoint is not None
            and all(
                np.max(np.abs(ours - theirs)) <= limit
                for ours, theirs in zip(
                    [step.primal, step.adjoint, *step.tangents], wanted, strict=True
                )
            )
            for step in tr.steps
        ), f"no step is intermediate {k}"


@pytest.mark.parametrize("seed", mostly_slow(range(50), range(3)))
def test_every_step_of_a_random_function_is_jaxs(seed):
    function, args, taps = random_function(seed)
    tr = trace(function, *args, seeds=SEEDS)
    agrees(tr, function, args, taps)
    for step in tr.steps:  # the adjoint is the sum of what was added, in the order of the sweep
        if step.adjoint is not None:
            total = sum((c.value for c in step.contributions), np.zeros_like(step.adjoint))
            assert np.array_equal(total, step.adjoint)
            assert [c.order for c in step.contributions] == sorted(
                c.order for c in step.contributions
            )
    if seed % 25 == 0:  # the twin: another point, by 1e-9
        with pytest.raises(AssertionError):
            agrees(tr, function, [(1 + 1e-9) * arg for arg in args], taps)


def test_loss_of_a_network():
    net = al.MLP.init(jax.random.key(3), 2, (2,), "tanh", dtype="float64")
    x, y = jnp.array([0.5, -1.0]), jnp.asarray(0.25)

    def loss(net, x, y):
        return (net(x) - y) ** 2

    tr = trace(loss, net, x, y, seeds=())
    with jax.disable_jit():
        value, gradients = jax.value_and_grad(loss, argnums=(0, 1, 2))(net, x, y)
    laws.close(tr.value, value, c=8)
    for ours, theirs in zip(jax.tree.leaves(tr.gradients), jax.tree.leaves(gradients), strict=True):
        laws.close(ours, theirs, c=16)
    assert isinstance(tr.gradients[0], al.MLP)
    assert [step.op for step in tr.steps if step.op][:3] == ["@", "+", "tanh"]


# Folding, rules of their own, control flow.


def test_bookkeeping_is_folded():
    def steps(f, *args, **kwargs):
        return [step.text for step in trace(f, *args, **kwargs).steps if step.op]

    v = jnp.array([1.0, 2.0])
    assert steps(lambda x: x[0] * x[1], v) == ["v0[0]", "v0[1]", "v1 * v2"]
    assert steps(lambda x, b: jnp.sum(x + b), v, 1.0) == ["v-1 + v0", "sum v1"]
    assert steps(lambda x, b: jnp.sum(x[:, None] * b[None, :]), v, v) == ["v-1 * v0", "sum v1"]
    assert steps(lambda x: x * jnp.log(2 * jnp.pi), 2.0) == ["v0 * 1.837877"]
    assert steps(jax.jit(lambda x: jax.jit(jnp.sin)(x) + 1), 2.0) == ["sin v0", "v1 + 1"]
    assert steps(lambda x: (jnp.cos(x), 2 * x)[1], 2.0) == ["2 * v0"]  # the rest is not read
    single = jnp.float32(2.0)
    tr = trace(lambda x: x.astype("float32") * 3, single)
    assert [step.text for step in tr.steps] == ["x", "v0 * 3"]
    assert tr.value.dtype == tr.gradients[0].dtype == tr.steps[1].tangents[0].dtype == np.float32
    assert trace(lambda x: x.astype("float64"), single).steps[1].op == "convert_element_type"
    assert trace(jnp.ravel, jnp.ones((1, 2)), seed_out=v).gradients[0].tolist() == [[1.0, 2.0]]


def test_texts_of_steps():
    texts = {
        "exp v0": jnp.exp, "sqrt v0": jnp.sqrt, "|v0|": jnp.abs, "v0^3": lambda x: x**3,
        "1 / v0": lambda x: 1 / x, "-v0": lambda x: -x, "v0 - 1": lambda x: x - 1,
        "2 - v0": lambda x: 2 - x, "v0 / 2": lambda x: x / 2, "softplus v0": jax.nn.softplus,
        "relu v0": jax.nn.relu, "v0 - 2": lambda x: x + -2.0, "sigmoid v0": jax.nn.sigmoid,
        "v0^1.5": lambda x: x**1.5, "max(v0, 1)": lambda x: jnp.maximum(x, 1.0),
    }  # fmt: skip
    assert [trace(f, 2.0).steps[1].text for f in texts.values()] == list(texts)
    signs = ["exp", "√", "|x|", "x³", "1/x", "×(−1)", "−1", "2−x", "/2"]
    assert [trace(f, 2.0).steps[1].op for f in list(texts.values())[:9]] == signs


@jax.custom_jvp
def straight(x):
    """A step function that is differentiated as the identity."""
    return jnp.floor(x)


straight.defjvp(lambda primals, tangents: (jnp.floor(primals[0]), tangents[0]))


@jax.custom_vjp
def doubled(x):
    """The identity with twice its gradient."""
    return x * 1.0


doubled.defvjp(lambda x: (x, None), lambda _, cotangent: (2 * cotangent,))


@jax.custom_vjp
def clipped(x):
    """The identity with a clipped gradient, which is no linear map."""
    return x * 1.0


clipped.defvjp(lambda x: (x, None), lambda _, cotangent: (jnp.clip(cotangent, -1.0, 1.0),))


def test_rules_of_functions_are_kept():
    """A rule is not the derivative of the body: one step, with the rule."""
    assert float(trace(jax.nn.relu, 0.0).gradients[0]) == 0.0  # the body, max(x, 0), would give 1/2
    assert float(jax.grad(lambda x: jnp.maximum(x, 0.0))(0.0)) == 0.5
    tr = trace(lambda x: straight(3 * x), 0.5)
    assert (float(tr.value), float(tr.gradients[0]), float(tr.tangents[0])) == (1.0, 3.0, 3.0)
    assert tr.steps[2].text == "straight(v1)"
    tr = trace(lambda x: doubled(3 * x), 0.5)
    assert (float(tr.value), float(tr.gradients[0]), float(tr.tangents[0])) == (1.5, 6.0, 6.0)
    tr = trace(lambda x: clipped(3 * x), 0.5, seeds=())
    assert (float(tr.gradients[0]), tr.tangents) == (3.0, ())
    with pytest.raises(ValueError, match=r"custom_vjp.*not linear.*seeds=\(\)"):
        trace(lambda x: clipped(3 * x), 0.5)


def test_control_flow_is_one_step_and_integers_have_values_only():
    tr = trace(lambda x: jax.lax.fori_loop(0, 3, lambda _, c: c * x, 1.0), 2.0)
    assert [step.op for step in tr.steps] == ["", "scan"]
    assert (float(tr.value), float(tr.gradients[0]), float(tr.tangents[0])) == (8.0, 12.0, 12.0)
    tr = trace(lambda x, y: jnp.where(x > y, x * y, y), 3.0, 2.0)
    test = next(step for step in tr.steps if step.op == ">")
    assert test.primal.dtype == bool
    assert (test.adjoint, test.tangents, test.contributions) == (None, (None, None), ())
    assert [float(g) for g in tr.gradients] == [2.0, 3.0]
    keys, values = jnp.array([3.0, 1.0]), jnp.array([5.0, 7.0])  # one equation, two results
    both = trace(lambda k, v: jnp.dot(*jax.lax.sort((k, v), num_keys=1)), keys, values)
    assert [step.text for step in both.steps[2:]][:2] == ["sort(v-1, v0)[0]", "sort(v-1, v0)[1]"]
    assert [g.tolist() for g in both.gradients] == [[5.0, 7.0], [3.0, 1.0]]
    loop = jax.lax.while_loop
    with pytest.raises(ValueError, match="Reverse-mode"):
        trace(lambda x: loop(lambda c: c < 10, lambda c: c * x, x), 2.0)


def test_seeds_names_and_cotangents():
    tr = trace(
        lambda W, x: W @ x,
        jnp.eye(2),
        jnp.array([3.0, 4.0]),
        names=["A", "u"],
        seeds={"turn": (jnp.array([[0.0, -1.0], [1.0, 0.0]]), jnp.zeros(2))},
        seed_out=jnp.array([1.0, 2.0]),
    )
    assert tr.seeds == ("turn",)
    assert tr.tangents[0].tolist() == [-4.0, 3.0]
    assert tr.gradients[0].tolist() == [[3.0, 4.0], [6.0, 8.0]]
    assert [step.label for step in tr.steps[:2]] == ["A", "u"]
    tree = trace(lambda p: p["w"] * p["b"], {"b": 2.0, "w": 3.0})
    assert [step.label for step in tree.steps[:2]] == ["p['b']", "p['w']"]
    assert jax.tree.map(float, tree.gradients) == ({"b": 3.0, "w": 2.0},)
    assert trace(lambda *xs: xs[0] * xs[1], 2.0, 3.0).seeds == ("x1", "x2")
    nothing = trace(lambda x: jnp.asarray(3.0), 2.0)
    assert (float(nothing.value), float(nothing.gradients[0]), nothing.output) == (3.0, 0.0, None)
    itself = trace(lambda x: x, 2.0)
    assert (itself.output, float(itself.gradients[0]), float(itself.tangents[0])) == ("v0", 1, 1)


# Tables and rows.


def test_tables(survey):
    text = survey.table(mode="both").splitlines()
    assert text[2].split()[:6] == ["v0", "=", "x2", "5", "0", "1"]
    assert text[2].endswith("-0.283662 (v3), then 2 (v2)")
    assert [line.split()[:2] for line in survey.table(mode="reverse").splitlines()[6:]] == [
        ["v0", "v3"],
        ["v-1", "v2"],
        ["v0", "v2"],
        ["v-1", "v1"],
    ]
    assert survey.table("markdown", "forward").splitlines()[-1] == (
        "| `v5 = v4 - v3` | 11.652071 | 5.5 | 1.716338 |"
    )
    latex = survey.table("latex")
    assert r"$v_{2} = v_{-1} \cdot v_{0}$ & $10$ & $5$ & $2$ & $1$ & $1$ ($v_{4}$) \\" in latex
    assert repr(survey) == "Trace(2 inputs, 5 steps, value 11.652071)"
    assert survey._repr_html_().count("<tr>") == 8
    labelled = traced("gaussian").table()
    assert "t1 = t0 / s" in labelled
    assert "0.5 (t2), then -0.28125 (t1)" in labelled
    dot = survey.dot()
    assert dot.count("->") == 9
    assert r'"v0" -> "v3" [label="5\n-0.284"];' in dot
    with pytest.raises(KeyError, match="v9"):
        survey["v9"]


def test_rows_are_flat_and_complete(survey):
    rows = survey.to_rows()
    assert sum(row["kind"] == "step" for row in rows) == 7
    cells = [value for row in rows for value in row.values()]
    assert all(isinstance(value, str | int | float | None) for value in cells)
    tr = trace(lambda W: jnp.sum(W * W), jnp.array([[1.0, 2.0], [3.0, 4.0]]))
    entries = [row for row in tr.to_rows() if row["kind"] == "step" and row["name"] == "v0"]
    assert [(row["index"], row["primal"], row["adjoint"]) for row in entries] == [
        ("0,0", 1.0, 2.0),
        ("0,1", 2.0, 4.0),
        ("1,0", 3.0, 6.0),
        ("1,1", 4.0, 8.0),
    ]


# Pictures.


def overlaps(ax):
    """Pairs of texts that overlap, and texts that reach into a node that is not theirs."""
    renderer = ax.figure.canvas.get_renderer()
    texts = [text for text in ax.texts if text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    nodes = [patch.get_window_extent(renderer) for patch in ax.patches if patch.get_zorder() == 3]
    found = []
    for i, (word, box) in enumerate(boxes):
        found += [(word, other) for other, its in boxes[:i] if box.overlaps(its)]
        middle = (0.5 * (box.x0 + box.x1), 0.5 * (box.y0 + box.y1))
        found += [(word, "node") for n in nodes if box.overlaps(n) and not n.contains(*middle)]
    return found


@pytest.mark.parametrize("name", GOLDEN)
def test_nothing_overlaps(name):
    ax = traced(name).draw()
    ax.figure.canvas.draw()
    assert not overlaps(ax)
    words = [text.get_text() for text in ax.texts]
    if name == "survey":
        for word in ("11.7", "−0.959", "−0.284", "0.693", "−0.284 + 2\n= 1.72", "$v_{-1}$", "sin"):
            assert word in words
    inside = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1, text.get_text()
    value, gradient, *_ = (text for text in ax.texts if text.get_color() in ("#007A5A", "#C44E00"))
    value.set_position(gradient.get_position())
    assert overlaps(ax)  # the twin: a label that was moved onto another
    plt.close(ax.figure)


def test_drawing_scales_with_its_axes_and_takes_rows(survey):
    figure, axes = plt.subplots(1, 2, figsize=(6, 2))
    for ax, source in zip(axes, (survey, survey.to_rows()), strict=True):
        assert plot_trace(source, ax=ax) is ax
    figure.canvas.draw()
    sizes = {text.get_fontsize() for text in axes[0].texts if text.get_text() == "11.7"}
    assert 2 < sizes.pop() < 6  # far below 11 in so small axes
    assert not overlaps(axes[0])
    assert [t.get_text() for t in axes[0].texts] == [t.get_text() for t in axes[1].texts]
    plt.close(figure)


def test_arrays_and_local_derivatives_are_drawn(survey):
    ax = survey.draw(local=True, names=False, digits=2)
    assert "−1 · 0.28 = −0.28" in [text.get_text() for text in ax.texts]
    plt.close(ax.figure)
    W, x = jnp.ones((2, 2)), jnp.array([1.0, 2.0])
    ax = trace(lambda W, x: jnp.sum(jnp.tanh(W @ x)), W, x).draw()
    ax.figure.canvas.draw()
    assert not overlaps(ax)
    assert "[1 1; 1 1]" in [text.get_text() for text in ax.texts]
    plt.close(ax.figure)


# Complex steps inside of real functions.

COMPLEX = {
    "power of a Fourier transform": lambda x: jnp.sum(jnp.abs(jnp.fft.fft(x)) ** 2),
    "there and back": lambda x: jnp.sum(jnp.sin(jnp.fft.irfft(jnp.fft.rfft(x), 3))),
    "product": lambda x: jnp.real(jax.lax.complex(x[0], x[1]) * jax.lax.complex(x[1], x[2])),
    "literal": lambda x: jnp.abs(jnp.exp(1j * x[0] * x[1]) + x[2]),
    "cube": lambda x: jnp.imag((x[0] + 1j * x[1]) ** 3) * x[2],
    "logarithm": lambda x: jnp.real(jnp.log(x[0] + 1j * x[1])),
    "angle": lambda x: jnp.angle(x[0] + 1j * x[1]) * x[2],
    "conjugate": lambda x: jnp.real(jnp.vdot(x * (1 + 2j), jnp.sin(x * 1j))),
    "eigenvalues": lambda x: jnp.sum(
        jnp.abs(jnp.linalg.eigvals(jnp.asarray([[0.0, 1.0], [-1.0, 0.0]]) * x[0] + jnp.eye(2)))
    ),
    "loop": lambda x: jnp.abs(
        jax.lax.fori_loop(0, 3, lambda _, z: z * (1 + 1j) + x[0], jax.lax.complex(x[1], x[2]))
    ),
    "constant": lambda x: jnp.real((2 + 3j) * 1j) * x[0],
}


@pytest.mark.parametrize(
    "case",
    mostly_slow(
        [(name, dtype) for name in COMPLEX for dtype in ("float32", "float64")],
        [("there and back", "float32"), ("literal", "float64"), ("constant", "float64")],
    ),
)
@jax.numpy_dtype_promotion("standard")  # 1j beside real numbers
def test_complex_steps_have_the_derivatives_of_jax(case):
    name, dtype = case
    f, x = COMPLEX[name], jnp.asarray([1.0, 2.0, 3.0], dtype)
    tr = trace(f, x, seeds=["x[0]", "x[2]"])
    rows = jax.jacfwd(f)(x)
    scale = float(jnp.max(jnp.abs(rows)))
    assert tr.gradients[0].dtype == dtype  # real, as the argument is
    assert scale > 0.1
    laws.close(tr.gradients[0], rows, c=64, dtype=dtype, scale=scale)
    laws.close(tr.tangents, rows[jnp.asarray([0, 2])], c=64, dtype=dtype, scale=scale)
    for fmt in ("text", "markdown", "latex"):
        assert tr.table(fmt)
    assert tr.dot()
    assert len(tr.to_rows()) > len(tr.steps)


def test_numbers_of_a_fourier_transform():
    """By Parseval's theorem the sum is 3 |x|^2, with gradient 6 x."""
    tr = trace(COMPLEX["power of a Fourier transform"], jnp.asarray([1.0, 2.0, 3.0]))
    laws.close(tr.gradients[0], [6.0, 12.0, 18.0], c=16, scale=18.0)


def test_a_complex_adjoint_is_that_of_the_two_parts():
    """The adjoint of v = x + i y is df/dx - i df/dy, and a picture shows it."""
    tr = trace(lambda a, b: jnp.real(jax.lax.complex(a, b) ** 2), 3.0, 2.0)
    step = next(step for step in tr.steps if step.text.startswith("complex"))
    assert complex(step.adjoint) == 6.0 + 4.0j  # of x^2 - y^2
    assert "6+4i" in tr.table()
    axes = tr.draw()
    assert any("6+4i" in text.get_text() for text in axes.texts)
    plt.close(axes.figure)


CALLS = [
    (
        lambda: trace(lambda x: jax.lax.complex(x, x), 2.0),
        TypeError,
        ["complex128", "one floating-point"],
    ),
    (lambda: trace(jnp.sin, 2), TypeError, ["got 2", "int", "floating point", "Write 2.0"]),
    (lambda: trace(jnp.sin, 1j), TypeError, ["1j", "complex", "real floating point"]),
    (lambda: jax.jit(lambda x: trace(jnp.sin, x).value)(2.0), TypeError, ["tracer", "outside of"]),
    (lambda: trace(jnp.sin, "a"), TypeError, ["str", "Close over"]),
    (lambda: trace(jnp.sum, jnp.ones(5000)), ValueError, ["5000", "4096", "pictures", "jax.vjp"]),
    (lambda: trace(jnp.sin, jnp.ones(2)), ValueError, ["seed_out", "(2,)", "cotangent"]),
    (lambda: trace(jnp.sin, 2.0, seed_out=jnp.ones(2)), ValueError, ["seed_out", "(2,)", "()"]),
    (lambda: trace(lambda x: (x, x), 2.0), TypeError, ["f", "2 arrays", "one floating-point"]),
    (lambda: trace(lambda x: x > 1, 2.0), TypeError, ["f", "bool", "one floating-point"]),
    (lambda: trace(jnp.sin, 2.0, names=["a", "b"]), ValueError, ["names", "'b'", "1 different"]),
    (lambda: trace(jnp.sin, 2.0, labels=["a", "b"]), ValueError, ["labels", "1 names", "sin x"]),
    (lambda: trace(jnp.sin, 2.0, seeds=["q"]), ValueError, ["seeds", "'q'", "such as x"]),
    (lambda: trace(jnp.sin, 2.0, seeds={"t": (1.0, 2.0)}), ValueError, ["seeds['t']", "tuple"]),
    (lambda: trace(jnp.sin, 2.0).table("html"), Exception, ["fmt", "html"]),
    (lambda: plot_trace([]), ValueError, ["trace", "0 steps", "1 to 200"]),
]


@pytest.mark.parametrize("call", range(len(CALLS)))
def test_messages(call):
    wrong, kind, fragments = CALLS[call]
    with pytest.raises(kind) as caught:
        wrong()
    for fragment in fragments:
        assert fragment in str(caught.value)
