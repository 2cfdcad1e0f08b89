"""False facts of own targets are found, with the point; gaps are of one target."""

import dataclasses

import claims_in_arithmetic as cases
import jax.numpy as jnp
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab import Box

UNIT = Box.unit()


def wave(x):
    return jnp.sin(3 * x[0])


def corner(x):
    return jnp.abs(x[0] - 0.3)


def jump(x):
    return jnp.where(x[0] > 0.3, 1.0, 0.0)


FALSE = [
    (wave, UNIT, {"lipschitz": 2.99}),
    (wave, UNIT, {"value_max": 0.99}),
    (wave, UNIT, {"value_min": 0.01}),
    (wave, UNIT, {"second_derivative": 8.9}),
    (wave, UNIT, {"barron": 2.5}),
    (corner, UNIT, {"second_derivative": 100.0}),
    (corner, UNIT, {"kinks": ()}),
    (lambda x: corner(x) + jnp.abs(x[0] - 0.6), UNIT, {"kinks": (0.3,)}),
    (corner, UNIT, {"smoothness": "smooth"}),
    (jump, UNIT, {"continuous": True}),
    (jump, UNIT, {"kinks": (0.5,)}),
    (lambda x: jump(x - 1e6), Box([1e6], [1e6 + 1]), {"continuous": True}),
    (lambda x: jnp.exp(-(((x[0] - 0.33337) / 3e-3) ** 2)), UNIT, {"lipschitz": 280.0}),
    (lambda x: jnp.sin(jnp.sum(x)), Box.unit(2), {"lipschitz": 1.3}),
    (lambda x: jnp.cos(3 * x[7]), Box.unit(10), {"lipschitz": 2.8}),
    (lambda x: jnp.cos(jnp.sum(x)), Box.unit(100), {"lipschitz": 9.0}),
    (lambda x: jnp.cos(jnp.sum(x)), Box.unit(5), {"second_derivative": 4.0}),
]


@pytest.mark.parametrize("i", range(len(FALSE)))
def test_false_facts_are_found(i):
    fn, box, facts = FALSE[i]
    with pytest.raises(ValueError, match=rf"{next(iter(facts))}: got .* at x = "):
        al.Target(fn, domain=box, **facts).check()


@pytest.mark.parametrize(
    ("box", "facts"),
    [
        (UNIT, {"integral": 0.34, "second_derivative": 2.0}),
        (UNIT, {"integral": 1.34, "value_max": 1.0}),
        (Box.unit(3), {"integral": 1.9, "lipschitz": 2.0, "second_derivative": 2.0}),
    ],
)
def test_false_integrals_are_found(box, facts):
    with pytest.raises(ValueError, match=r"integral: got .* expected a number from"):
        al.Target(lambda x: x[0] ** 2, domain=box, **facts).check()


SMOOTH = {"kinks": (), "smoothness": "analytic"}
TRUE = [
    (lambda x: x[0] ** 0.05, UNIT, {"continuous": True, "kinks": (0.0,)}),
    (lambda x: jnp.tanh(1e8 * (x[0] - 0.3)), UNIT, {"lipschitz": 1e8, **SMOOTH}),
    (lambda x: jnp.sin(1e6 * x[0]), UNIT, {"continuous": True, **SMOOTH}),
    (lambda x: jnp.abs(x[0] - 0.3) ** 0.05, UNIT, {"continuous": True}),
    (lambda x: jnp.exp(-(((x[0] - 0.7088) / 1e-4) ** 2)), UNIT, {"continuous": True, **SMOOTH}),
    (lambda x: 1.0 / x[0], Box([1e-12], [1.0]), {"lipschitz": 1e24, "value_max": 1e12, **SMOOTH}),
    (
        lambda x: jnp.floor(8 * x[0]),
        UNIT,
        {"continuous": False, "kinks": tuple(k / 8 for k in range(1, 9))},
    ),
    (
        lambda x: 1e9 + x[0],
        UNIT,
        {"lipschitz": 1.0, "second_derivative": 0.0, "integral": 1e9 + 0.5, **SMOOTH},
    ),
    (lambda x: x[0], Box([1e15], [1e15 + 2]), {"lipschitz": 1.0, "second_derivative": 0.0}),
    (lambda x: jnp.cos(jnp.sum(x)), Box.unit(10), {"lipschitz": 10**0.5, "value_max": 1.0}),
]


@pytest.mark.parametrize("dtype", mostly_slow(["float32", "float64"], always=["float32"]))
@pytest.mark.parametrize("i", range(len(TRUE)))
def test_true_facts_pass(i, dtype):
    fn, box, facts = TRUE[i]
    with cases.in_dtype(dtype):
        al.Target(fn, domain=box, **facts).check()


@pytest.mark.slow
@pytest.mark.parametrize("name", cases.SHAPES)
def test_true_facts_pass_on_random_boxes(name):
    for i in range(120):
        box = cases._interval(cases.seed_of(name, i))
        with cases.in_dtype(cases.dtype_of(i)):
            made, _ = cases._on(cases.SHAPES[name], box)
            low, width = box.lower[0], float(box.widths[0])
            kinks = (low + 0.375 * width,) if name == "kink" else ()
            dataclasses.replace(made, kinks=kinks).check()


def test_constructions_ask():
    mine = al.Target(wave, domain=Box.unit(), lipschitz=0.1)
    with pytest.raises(ValueError, match=r"lipschitz: got 0\.1"):
        al.constructions.cybenko(mine, 0.01)
    with pytest.raises(ValueError, match=r"lipschitz: got 0\.1"):
        al.constructions.staircase(mine, 8, 8.0)
    flat = al.Target(lambda x: jnp.sin(3 * x[0] + x[1]), domain=Box.unit(2), lipschitz=0.1)
    with pytest.raises(ValueError, match=r"lipschitz: got 0\.1"):
        al.constructions.orthant_sum(flat, 4)


def test_they_ask_once_and_not_for_the_catalogue(monkeypatch):
    asked = []
    check = al.Target.check
    monkeypatch.setattr(al.Target, "check", lambda self: (asked.append(self), check(self)))
    mine = al.Target(wave, domain=Box.unit(), lipschitz=3.0)
    for n in (2, 3, 4):
        al.constructions.relu_interpolant(mine, n)
        al.constructions.relu_interpolant(mine.moved_to(Box([2.0], [3.0])).scaled(2.0), n)
        al.constructions.relu_interpolant(al.targets.get("runge"), n)
    assert asked == [mine]


def test_the_check_cannot_be_switched_off():
    false = al.Target(wave, domain=Box.unit(), lipschitz=0.1)
    assert not {"proved", "checked"} & set(dir(false))
    with pytest.raises((TypeError, ValueError), match="_facts_hold"):
        dataclasses.replace(false, _facts_hold=True)
    copied = dataclasses.replace(al.targets.get("runge"), lipschitz=0.1)  # facts of its own
    with pytest.raises(ValueError, match=r"lipschitz: got 0\.1"):
        al.constructions.relu_interpolant(copied, 4)


@pytest.mark.parametrize(
    "name", mostly_slow(list(al.targets.names()), always=["kink", "step", "bump"])
)
def test_no_false_alarm(name):
    al.targets.get(name).check()


def test_gap_refuses_another_target():
    claim = al.constructions.relu_interpolant(al.targets.get("runge"), 4).claim
    with pytest.raises(ValueError, match="same target"):
        al.errors.gap(claim, al.optimal.square_by_units(2))
    mine = al.Target(lambda x: x[0] * x[0], domain=Box.unit(), second_derivative=2.0)
    claim = al.constructions.relu_interpolant(mine, 4).claim
    assert al.errors.gap(claim, al.optimal.square_by_pieces(4)) == 2.0


def spike(center, width):
    return al.Target(lambda x: jnp.exp(-(((x[0] - center) / width) ** 2)), domain=Box.unit())


def test_gaps_of_estimates_refuse_another_target():
    network = al.constructions.square_shallow(4).network
    best = al.optimal.square_by_pieces(4)
    assert al.errors.gap(al.errors.sup(network, al.targets.get("square")), best) == pytest.approx(1)
    assert al.errors.gap(al.errors.sup(network, lambda x: x[0] * x[0], Box.unit()), best) > 0.99
    others = (al.targets.get("cube"), Box.unit()), (lambda x: x[0] ** 2, Box([0.0], [0.5]))
    for target, box in others:
        with pytest.raises(ValueError, match="same target on the same box"):
            al.errors.gap(al.errors.sup(network, target, box), best)
    best_l2 = al.optimal.square_by_pieces(4, "l2")
    with pytest.raises(ValueError, match="same target"):
        al.errors.gap(al.errors.l2(network, al.targets.get("exp")), best_l2)
    pieces = al.optimal.relu_spline(al.targets.get("exp"), 4)
    with pytest.raises(ValueError, match="same target"):
        pieces.gap(al.errors.l2(network, al.targets.get("square")))


def test_spikes_between_the_compared_points():
    """Values at a few points cannot tell them apart: code and its numbers do."""
    error = al.errors.sup(lambda x: 0.0 * x[0], spike(0.7088, 1e-4))
    for center, same in ((0.7088, True), (0.33337, False)):
        best = al.Optimum(0.5, "sup", "lower", "test", target=spike(center, 1e-4))
        if same:
            assert al.errors.gap(error, best) == pytest.approx(2.0, rel=1e-6)
        else:
            with pytest.raises(ValueError, match="same target"):
                al.errors.gap(error, best)


def test_what_a_function_holds_is_compared():
    def wave(number):
        def fn(x, *, k=number):
            return jnp.sin(k * x[0])

        return al.Target(fn, domain=Box.unit())

    def masked(low):
        return al.Target(lambda x: x[0] ** 2, domain=Box.unit(), mask=lambda x: x[0] > low)

    error = al.errors.sup(lambda x: 0.0 * x[0], wave(1.0))
    assert al.errors.gap(error, al.Optimum(0.5, "sup", "lower", "", target=wave(1.0))) > 1
    square = al.targets.get("square")
    near = al.Target(lambda x: x[0] ** 2 + 5e-5 * jnp.sin(50 * x[0]), domain=Box.unit())
    part = al.errors.sup(lambda x: 0.0 * x[0], masked(0.5))
    lower = al.optimal.relu_spline(square, 4, "sup").lower
    others = [
        (error, al.Optimum(0.5, "sup", "lower", "", target=wave(3.0))),
        (part, al.optimal.square_by_pieces(4)),
        (al.errors.sup(lambda x: 0.0 * x[0], near), al.optimal.square_by_pieces(4)),
        (al.errors.sup(lambda x: 0.0 * x[0], al.targets.get("exp")), lower),
    ]
    for other, best in others:
        with pytest.raises(ValueError, match="same target on the same box"):
            al.errors.gap(other, best)


@pytest.mark.parametrize(
    ("fn", "box", "facts"),
    [
        (
            lambda x: x[0] ** 4 - 8 * x[0] ** 3 + 24 * x[0] ** 2 - 32 * x[0] + 16,
            Box([1.99], [2.01]),
            {"value_min": 0.0},
        ),
        (lambda x: (1 - jnp.cos(x[0])) / x[0] ** 2, Box([1e-4], [1.0]), {"second_derivative": 1.0}),
        (lambda x: jnp.log(1 + x[0]) / x[0], Box([1e-6], [1.0]), {"second_derivative": 1.0}),
    ],
)
def test_cancellation_inside_of_a_function_refutes_no_fact(fn, box, facts):
    al.Target(fn, domain=box, **facts).check()
    name, value = next(iter(facts.items()))
    wrong = {name: 1e-3 if name == "value_min" else 0.05 * value}
    with pytest.raises(ValueError, match=f"{name}: got"):
        al.Target(fn, domain=box, **wrong).check()


def test_ridges_of_a_target_made_anew_are_known():
    again = al.targets.CATALOGUE["bump"]()
    assert again is not al.targets.get("bump")
    assert al.constructions.expansions(again)
    other = al.Target(lambda x: jnp.sum(x), domain=again.domain, name="bump")
    with pytest.raises(ValueError, match="no known expansion"):
        al.constructions.expansions(other)
