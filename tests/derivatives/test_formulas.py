"""Closed formulas of derivative costs against jaxprs and XLA, to the unit."""

import functools
import itertools
import random
from fractions import Fraction

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives._methods import with_formula
from approxlab.derivatives.counts.jaxprs import count, count_jaxpr
from approxlab.derivatives.counts.xla import xla_flops
from approxlab.derivatives.formulas._programs import program
from approxlab.derivatives.formulas.closed_formulas import formula
from approxlab.derivatives.planner.plans import forward_plan, reverse_plan

S = jax.ShapeDtypeStruct
GOLDEN_WIDTHS = (16, 32, 24, 8)
QUESTIONS = [
    (wrt, want, method, scheme)
    for wrt, wants in {
        "inputs": "value gradient jvp vjp jacobian hvp",
        "weights": "value gradient jvp vjp jacobian hvp gram gram_diagonal gradient_norms",
    }.items()
    for want in wants.split()
    for method in with_formula(wrt, want) or (None,)
    for scheme in (("forward", "central") if method == "differences" else ("forward",))
]


def random_widths(seed, most=12):
    """Depth 1 to 6: every list of 200 of its own."""
    rng = random.Random(seed)
    return tuple(rng.randint(1, most) for _ in range(rng.randint(2, 7)))


def network(widths, activation="tanh", *, scalar=False, passthrough=None, dtype="float32"):
    """Shapes alone: nothing is drawn, nothing is compiled."""
    pairs = list(zip(widths[1:], widths[:-1], strict=True))
    linear = passthrough or (0,) * (len(widths) - 2)

    def made():
        weights = tuple(jnp.zeros(pair, dtype) for pair in pairs)
        biases = tuple(jnp.zeros(pair[:1], dtype) for pair in pairs)
        return al.MLP(weights, biases, activation, linear, None if scalar else widths[-1])

    return jax.eval_shape(made)


# The nine formulas, on networks without biases written by hand


def plain(weights, x):
    """A tanh network as the formulas have it: products, tanh, and nothing else."""
    for weight in weights[:-1]:
        x = lax.tanh(lax.dot(weight, x))
    return lax.dot(weights[-1], x)


def loss(weights, x, y):
    return jnp.sum(lax.integer_pow(plain(weights, x) - y, 2))


def nine(widths):
    """Name to (program, arguments, what is asked of `formula`, whether the value is returned)."""
    weights = tuple(S((b, a), "float32") for a, b in itertools.pairwise(widths))
    x, y = S(widths[:1], "float32"), S(widths[-1:], "float32")

    def jvp_weights(weights, x, tangents):
        return jax.jvp(lambda w: plain(w, x), (weights,), (tangents,))

    def jvp_inputs(weights, x, tangent):
        return jax.jvp(functools.partial(plain, weights), (x,), (tangent,))

    def vjp_inputs(weights, x, cotangent):
        value, pull = jax.vjp(functools.partial(plain, weights), x)
        return value, pull(cotangent)

    def hvp(weights, x, y, tangents):
        return jax.jvp(jax.grad(lambda w: loss(w, x, y)), (weights,), (tangents,))

    ask = functools.partial
    return {
        "forward": (plain, (weights, x), ask(formula, want="value"), True),
        "gradient": (jax.value_and_grad(loss), (weights, x, y),
                     ask(formula, wrt="weights", want="gradient"), True),
        "jvp weights": (jvp_weights, (weights, x, weights),
                        ask(formula, wrt="weights", want="jvp"), True),
        "jvp inputs": (jvp_inputs, (weights, x, x), ask(formula, want="jvp"), True),
        "vjp inputs": (vjp_inputs, (weights, x, y), ask(formula, want="vjp"), True),
        "jacfwd": (jax.jacfwd(plain, argnums=1), (weights, x),
                   ask(formula, method="forward"), False),
        "jacrev": (jax.jacrev(plain, argnums=1), (weights, x),
                   ask(formula, method="reverse"), False),
        "jacrev weights": (jax.jacrev(plain), (weights, x), ask(formula, wrt="weights"), False),
        "hvp": (hvp, (weights, x, y, weights), ask(formula, wrt="weights", want="hvp"), True),
    }  # fmt: skip


def by_hand(widths):
    """The nine closed forms of the table, as integers, written independently of `formula`."""
    layers = [a * b for a, b in itertools.pairwise(widths)]
    P, c0, n, m = sum(layers), layers[0], widths[0], widths[-1]
    return {
        "forward": 2 * P,
        "gradient": 6 * P - 2 * c0,
        "jvp weights": 6 * P - 2 * c0,
        "jvp inputs": 4 * P,
        "vjp inputs": 4 * P,
        "jacfwd": 2 * P * (1 + n),
        "jacrev": 2 * P * (1 + m),
        "jacrev weights": 2 * P + m * (4 * P - 2 * c0),
        "hvp": 18 * P - 10 * c0,
    }


def check_nine(widths, counted_widths=None, *, elementwise=True):
    """The law: closed form = `formula` = jaxpr; and what is used of it, elementwise terms too."""
    closed = by_hand(widths)
    for name, (fn, args, ask, keeps) in nine(counted_widths or widths).items():
        jaxpr = jax.make_jaxpr(fn)(*args)
        whole = ask(widths, biases=False, dtype="float32")
        assert count_jaxpr(jaxpr).dot_flops == whole.dot_flops == closed[name], name
        if not elementwise:
            continue
        needed = ask(widths, biases=False, dtype="float32", value=keeps)
        live = count_jaxpr(jaxpr, live_only=True)
        assert live.dot_flops == needed.dot_flops, name
        assert live.flops == needed.flops, name
        assert live.transcendentals == needed.transcendentals, name


@pytest.mark.parametrize("chunk", mostly_slow(range(8), (0, 5)))
def test_nine_formulas_on_two_hundred_networks(chunk):
    for seed in range(25 * chunk, 25 * chunk + 25):
        check_nine(random_widths(seed), elementwise=seed % 5 == 0)


def test_nine_formulas_can_fail():
    with pytest.raises(AssertionError):  # the twin: one unit too many in one layer
        check_nine((3, 4, 5, 2), counted_widths=(3, 4, 6, 2))


def test_golden_numbers_of_the_table():
    """16-32-24-8, P = 1472."""
    assert list(by_hand(GOLDEN_WIDTHS).values()) == [
        2944,
        7808,
        7808,
        5888,
        5888,
        50048,
        26496,
        41856,
        21376,
    ]
    check_nine(GOLDEN_WIDTHS)
    texts = [ask(GOLDEN_WIDTHS).text for *_, ask, _ in nine(GOLDEN_WIDTHS).values()]
    assert texts == [
        "2P",
        "6P - 2 c0",
        "6P - 2 c0",
        "4P",
        "4P",
        "2P(1 + n)",
        "2P(1 + m)",
        "2P + m(4P - 2 c0)",
        "18P - 10 c0",
    ]


@pytest.mark.parametrize(
    ("widths", "P", "forward", "gradient", "jacfwd", "jacrev", "best"),
    [
        ((2, 64, 64, 1), 4288, 8576, 25472, 25728, 17152, 17024),
        ((784, 256, 256, 10), 268800, 537600, 1211392, 422016000, 5913600, 5862400),
        ((64, 64, 64, 64), 12288, 24576, 65536, 1597440, 1597440, 1073152),
        ((100, 50, 100), 10000, 20000, 50000, 2020000, 2020000, 1020000),
        ((16, 256, 4), 5120, 10240, 22528, 174080, 51200, 43008),
        ((512, 512, 8, 512, 512), 532480, 1064960, 2670592, 546324480, 546324480, 13647872),
    ],
)
def test_golden_networks(widths, P, forward, gradient, jacfwd, jacrev, best):
    found = [
        formula(widths, want="value"),
        formula(widths, wrt="weights", want="gradient"),
        formula(widths, method="forward"),
        formula(widths, method="reverse"),
        formula(widths, method="planned"),
    ]
    assert [f.dot_flops for f in found] == [forward, gradient, jacfwd, jacrev, best]
    assert found[0].symbols["P"] == P


# Corollaries, exactly


def test_gradient_over_function_is_three_less_a_fraction():
    for seed in range(200):
        widths = random_widths(seed, most=300)
        value = formula(widths, want="value")
        gradient = formula(widths, wrt="weights", want="gradient")
        P, c0 = value.symbols["P"], value.symbols["c0"]
        ratio = Fraction(gradient.dot_flops, value.dot_flops)
        assert ratio == 3 - Fraction(c0, P)
        assert 2 <= ratio < 3
        assert (ratio == 2) == (len(widths) == 2)
    for layers in range(1, 7):  # equal widths
        widths = (64,) * (layers + 1)
        gradient = formula(widths, wrt="weights", want="gradient").dot_flops
        assert Fraction(gradient, formula(widths, want="value").dot_flops) == 3 - Fraction(
            1, layers
        )


def test_hessian_vector_over_gradient_goes_from_two_to_three():
    ratios = []
    for layers in range(1, 40):
        widths = (5,) * (layers + 1)
        product, gradient = (
            formula(widths, wrt="weights", want=want).dot_flops for want in ("hvp", "gradient")
        )
        ratios.append(Fraction(product, gradient))
    assert ratios[0] == 2
    assert all(a < b < 3 for a, b in itertools.pairwise(ratios))
    assert ratios[-1] > Fraction(294, 100)


def test_transposing_a_linear_program_keeps_its_cost():
    """Weight JVP and VJP cost the same, and so do a linearised network and its transpose."""
    for seed in range(12):
        widths = random_widths(seed)
        ask = functools.partial(formula, widths, wrt="weights")
        assert ask(want="jvp").dot_flops == ask(want="vjp").dot_flops
        weights = tuple(S((b, a), "float32") for a, b in itertools.pairwise(widths))

        def tangents(weights, x, tangent):
            return jax.linearize(lambda w: plain(w, x), weights)[1](tangent)

        def cotangents(weights, x, cotangent):
            linear = jax.linearize(lambda w: plain(w, x), weights)[1]
            return jax.linear_transpose(linear, weights)(cotangent)

        x, y = S(widths[:1], "float32"), S(widths[-1:], "float32")
        there, back = (
            count(fn, weights, x, arg) for fn, arg in ((tangents, weights), (cotangents, y))
        )
        assert there.dot_flops == back.dot_flops


def test_differences_cost_what_exact_derivatives_cost():
    for seed in range(40):
        widths = random_widths(seed, most=99)
        ask = functools.partial(formula, widths)
        one_sided, exact = ask(method="differences"), ask(method="forward")
        assert one_sided.dot_flops == exact.dot_flops
        central = ask(method="differences", scheme="central", value=False)
        assert central.dot_flops == 4 * widths[0] * central.symbols["P"]
        assert central.text == "4P n"


def test_modes_cross_where_inputs_equal_outputs():
    for n, m, hidden in [(7, 7, (3, 50)), (7, 8, (3, 50)), (8, 7, (3, 50)), (5, 4, (1,))]:
        forward, reverse = (
            formula((n, *hidden, m), method=method).dot_flops for method in ("forward", "reverse")
        )
        assert (forward < reverse, forward == reverse) == (n < m, n == m)


def test_structured_is_the_cheaper_end():
    for seed in range(40):
        widths = random_widths(seed)
        s = formula(widths, want="value").symbols
        ends = (
            2 * s["P"] + 2 * s["n"] * (s["P"] - s["c0"]),
            2 * s["P"] + 2 * s["m"] * (s["P"] - s["cL"]),
        )
        plans = forward_plan(widths).dot_flops, reverse_plan(widths).dot_flops
        assert plans == ends
        structured = formula(widths, method="structured").dot_flops
        assert structured == min(ends) >= formula(widths, method="planned").dot_flops


def test_tangent_kernels_without_the_jacobian():
    """784-256-256-10 with 32 samples: at least 300 times fewer FLOPs than by the array."""
    widths, N = (784, 256, 256, 10), 32
    ask = functools.partial(formula, widths, wrt="weights", want="gram", batch=N, biases=False)
    dense, structured = ask(method="reverse"), ask(method="structured")
    # The dense sum of the literature multiplies the identity for every sample anew.
    assert dense.dot_flops + 2 * (N - 1) * 10 * 2560 == 55_283_056_640
    # And 3 N^2 m^2 more for the elementwise products of the two factors of three layers.
    assert structured.dot_flops + 3 * N**2 * 10**2 == 166_965_248
    assert dense.flops > 300 * structured.flops


# All questions, elementwise terms, batches, activations, dtypes


def check_network(net, batch, *, spoil_dot_flops=0):
    """The law: dots as traced, and all FLOPs of what is used, are those of the formula."""
    for wrt, want, method, scheme in QUESTIONS:
        asked = program(net, wrt, want, method or "", batch, scheme)
        jaxpr = jax.make_jaxpr(asked.fn)(*asked.args)
        question = {"wrt": wrt, "want": want, "method": method, "scheme": scheme}
        ask = functools.partial(formula, net, **question, batch=batch)
        whole, needed = ask(value=True), ask(value=asked.keeps_value)
        live = count_jaxpr(jaxpr, live_only=True)
        where = (wrt, want, method, scheme, net, batch)
        assert count_jaxpr(jaxpr).dot_flops == whole.dot_flops + spoil_dot_flops, where
        assert live.dot_flops == needed.dot_flops, where
        assert live.transcendentals == needed.transcendentals, where
        if method != "differences":  # these also choose their steps
            assert live.flops == needed.flops, where


CASES = [
    ((4, 3, 5, 2), "tanh", False, (0, 0), 1, "float32"),
    ((4, 3, 5, 2), "tanh", False, (1, 0), 3, "float64"),
    ((3, 5, 4, 1), "sigmoid", True, (0, 2), 3, "float32"),
    ((2, 4, 3), "relu", False, (1,), 1, "float64"),
    ((2, 4, 1), "relu2", True, (0,), 3, "float32"),
    ((5, 2), "tanh", False, (), 3, "float32"),
    ((2, 3, 4, 5, 2), "relu3", False, (0, 0, 0), 1, "float32"),
    ((2, 3, 2), "relu4", False, (0,), 1, "float64"),
    ((3, 4, 2), "leaky_relu", False, (1,), 3, "float32"),
    ((2, 3, 4, 2), "abs", False, (0, 0), 3, "float64"),
    ((3, 4, 2), "heaviside", False, (0,), 3, "float32"),
    ((3, 4, 3, 2), "softplus", False, (0, 0), 3, "float64"),
    ((2, 4, 3, 1), "gelu", True, (0, 0), 3, "float32"),
    ((3, 4, 5), "swish", False, (0,), 1, "float32"),
    ((3, 4, 5, 2), "sin", False, (0, 1), 3, "float64"),
    ((6, 2, 1, 6, 4), "identity", False, (0, 0, 0), 3, "float64"),
]


@pytest.mark.parametrize(("widths", "act", "scalar", "linear", "batch", "dtype"), CASES)
def test_every_question_of_every_activation(widths, act, scalar, linear, batch, dtype):
    net = network(widths, act, scalar=scalar, passthrough=linear, dtype=dtype)
    check_network(net, batch)


def test_every_activation_is_among_the_cases():
    assert {case[1] for case in CASES} == set(al.networks.ACTIVATIONS)


def test_law_of_networks_can_fail():
    with pytest.raises(AssertionError):
        check_network(network((4, 3, 5, 2)), 1, spoil_dot_flops=1)


def test_lowered_figures_in_closed_form_and_of_xla():
    """tanh without biases: the four lowered counts on 16-32-24-8, to the unit.

    JAX writes the derivative of tanh as (g + g t)(1 - t) in older versions, 3 FLOPs per tangent and
    unit and 1 shared, and as g ((1 + t)(1 - t)) in newer ones, 1 per tangent and 3 shared.
    """
    per, shared = (3, 1) if _old_tanh() else (1, 3)
    P, cL, H, n, m = 1472, 192, 56, 16, 8
    expected = {
        "jvp inputs": 4 * P + 4 * H,
        "vjp inputs": 4 * P + 4 * H - 2 * cL,
        "jacfwd": 2 * P * (1 + n) - 2 * cL + (per * n + shared) * H + 2 * n * n,
        "jacrev": 2 * P * (1 + m) - 2 * cL + (per * m + shared) * H + 2 * m * m,
    }
    if _old_tanh():
        assert list(expected.values()) == [6112, 5728, 52920, 27640]
    for name, (fn, args, ask, keeps) in nine(GOLDEN_WIDTHS).items():
        if name == "vjp inputs":  # without the value here

            def fn(weights, x, u):
                return jax.vjp(functools.partial(plain, weights), x)[1](u)

            keeps = False
        closed = ask(GOLDEN_WIDTHS, biases=False, dtype="float32", value=keeps)
        assert xla_flops(jax.jit(fn).lower(*args)) == closed.flops, name
        assert expected.get(name, closed.flops) == closed.flops, name


def _old_tanh():
    names = {
        eqn.primitive.name
        for eqn in jax.make_jaxpr(lambda z, t: jax.jvp(jnp.tanh, (z,), (t,)))(1.0, 1.0).eqns
    }
    return "one_minus_square" not in names


@pytest.mark.parametrize(
    ("act", "wrt", "want", "method", "batch"),
    [
        ("relu", "weights", "gradient", None, 5),
        ("gelu", "inputs", "jacobian", "forward", 3),
        ("softplus", "weights", "hvp", None, 1),
        ("sin", "inputs", "jacobian", "reverse", 1),
        ("swish", "inputs", "jacobian", "planned", 1),
        ("sigmoid", "weights", "gram", "structured", 4),
        ("heaviside", "inputs", "vjp", None, 1),
        ("relu3", "weights", "jacobian", "reverse", 3),
    ],
)
def test_lowered_programs_of_other_activations(act, wrt, want, method, batch):
    net = network((5, 7, 6, 3), act)
    asked = program(net, wrt, want, method or "", batch)
    closed = formula(net, wrt=wrt, want=want, method=method, batch=batch, value=asked.keeps_value)
    assert xla_flops(jax.jit(asked.fn).lower(*asked.args)) == closed.flops


def test_texts():
    def text(*args, **options):
        return formula(GOLDEN_WIDTHS, *args, biases=False, **options).text

    assert text(method="reverse", batch=5) == "N (2P + 2m(P - cL)) + 2m cL"
    assert text(method="forward", batch=5) == "N (2P + 2n(P - c0)) + 2n c0"
    assert text(want="value", batch=5) == "N 2P"
    assert text(method="structured") == "2P + 2m(P - cL)"
    assert formula((512, 512, 8, 512, 512), method="planned").text == "2P + ((J4 J3)(J2 J1))"
    old, lowered = _old_tanh(), formula(GOLDEN_WIDTHS, biases=False, method="forward", value=False)
    assert lowered.flops_text == (
        "2P(1 + n) - 2 cL + (3n + 1)H + 2n^2" if old else "2P(1 + n) - 2 cL + (n + 3)H + 2n^2"
    )
    assert formula((3, 2), biases=False).flops_text == "2P(1 + m) + 2m^2"  # nothing is nonlinear
    assert repr(formula((2, 3, 1), want="value", biases=False)) == (
        "Formula(2P = 18 dot FLOPs, 18 FLOPs)"
    )


def test_networks_and_widths_give_the_same():
    net = network((5, 7, 3), "relu")
    for wrt, want, method, scheme in QUESTIONS:
        question = {"wrt": wrt, "want": want, "method": method, "scheme": scheme}
        ask = functools.partial(formula, **question, batch=2)
        assert ask(net) == ask((5, 7, 3), activation="relu", dtype="float32")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: formula((3,)), "net: got (3,), expected an MLP or its widths"),
        (lambda: formula((3, 0)), "net: got 0, expected a positive integer"),
        (lambda: formula("32"), "net: got '32', expected an MLP or its widths"),
        (lambda: formula((3, 2), activation="tahn"), "activation: got 'tahn'"),
        (lambda: formula((3, 2), wrt="bias"), "wrt: got 'bias', expected one of inputs, weights"),
        (lambda: formula((3, 2), want="hessian"), "want: got 'hessian', expected one of value"),
        (lambda: formula((3, 2), method="backward"), "method: got 'backward' for want='jacobian'"),
        (lambda: formula((3, 2), want="hvp", method="reverse"), "expected None: there is one way"),
        (lambda: formula((3, 2), want="gram"), "want: got 'gram' with wrt='inputs'"),
        (lambda: formula((3, 2), batch=0), "batch: got 0, expected a positive integer"),
    ],
)
def test_messages(call, words):
    from jaxtyping import TypeCheckError

    with pytest.raises((ValueError, TypeCheckError)) as caught:
        call()
    assert isinstance(caught.value, TypeCheckError) or words in str(caught.value)
