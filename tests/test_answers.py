"""One answer for a function and an accuracy: sizes, proved least sizes, proofs, forms, refusals."""

import dataclasses
import json
import math
import re
from fractions import Fraction

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sampling import mostly_long, mostly_slow

import approxlab as al
from approxlab import answers
from approxlab.__main__ import main
from approxlab.answers import _fits, asking

QUICK = {"seconds": None, "max_fits": 1, "timed": False}
UNIT = al.Box([0.0], [1.0])


def bell(x):
    return jnp.exp(-4.0 * x[0] ** 2)


@pytest.fixture(scope="module")
def square():
    """With placed knots as the only fit: it compiles nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "families", lambda *given: _fits.families(*given)[:1])
        patch.setattr(asking, "_SHARES", {1: (1.0,)})
        return al.answer("square", 1e-2, **QUICK)


# ------------------------------------------------------------------------------ proved least sizes


def kinked(target, eps):
    sizes = al.answers.least_sizes(target, eps)
    return {x.layers: x.units for x in sizes if "relu" in x.activations}


def of(target, eps, activation):
    (one,) = [x for x in al.answers.least_sizes(target, eps) if activation in x.activations]
    return one


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_least_sizes_of_the_parabola_are_those_of_theory(n):
    """n pieces reach 1/(8 n^2): a little below, n units of one layer are needed."""
    least = kinked(al.targets.get("square"), 0.99 / (8 * n**2))
    assert n - 1 <= least[1] <= n
    assert least[None] == math.ceil(math.log2(least[1] + 1))
    just_enough = kinked(al.targets.get("square"), 1.0001 / (8 * n**2))
    assert just_enough[1] <= n - 1


def test_least_sizes_of_a_tent_are_exact():
    for k in (1, 3):
        least = kinked(al.targets.get("tent", k=k), 1e-3)
        assert (least[1], least[None]) == (2**k - 1, k)


def test_a_jump_is_one_step_whatever_its_value_in_the_middle():
    assert of(al.targets.get("step"), 1e-2, "heaviside").units == 1
    stairs = al.Target(lambda x: jnp.floor(3.0 * x[0]), domain=UNIT)
    assert of(stairs, 0.1, "heaviside").units in (2, 3)  # the value 3 at the point 1 is one more


def test_sigmoids_are_counted_by_their_turns():
    wave = al.Target(lambda x: jnp.sin(20.0 * x[0]), domain=UNIT)
    one = of(wave, 0.1, "tanh")
    assert one.units == 3  # 6 zeros in the open interval need more than 2^2 - 1
    line = al.Target(lambda x: 2.0 * x[0], domain=UNIT)
    assert of(line, 0.1, "sigmoid").units == 1


@pytest.mark.parametrize("name", ["runge", "takagi", "sine_product"])
def test_every_bend_is_proved_by_its_three_points(name):
    """Once more in rational arithmetic, with values in floating point and their rounding."""
    target, eps = al.targets.get(name), 1e-2
    one = next(x for x in al.answers.least_sizes(target, eps) if x.layers == 1)
    triples = np.array(one.witness).reshape(-1, 3)
    assert len(triples) == one.units
    assert np.all(triples[:-1, 2] <= triples[1:, 0])
    diagonal = one.line == "the diagonal"
    assert diagonal or target.dim == 1
    for row in triples:
        points = np.repeat(row[:, None], target.dim, axis=1)
        a, b, c = (Fraction(float(y)) for y in al.evaluate(target, points))
        left, middle, right = (Fraction(float(x)) for x in row)
        share = (right - middle) / (right - left)
        assert abs(b - share * a - (1 - share) * c) > 2 * eps * (1 - 1e-9)


def test_least_sizes_are_unknown_where_nothing_can_be_proved():
    (masked,) = al.answers.least_sizes(al.targets.get("corner"), 1e-2)
    assert masked.units is None
    assert "mask" in masked.source
    no_rule = al.Target(lambda x: jax.scipy.special.gammaln(x[0]), domain=al.Box([1.0], [2.0]))
    (absent,) = al.answers.least_sizes(no_rule, 1e-2)
    assert absent.units is None
    assert "enclosed" in absent.source
    assert "unknown" in repr(absent)


def test_least_sizes_of_layers_are_the_least_sums():
    from approxlab.answers.lower_bounds import _layered

    for pieces in range(2, 60):
        two = min(a + b for a in range(60) for b in range(60) if (a + 1) * (b + 1) >= pieces)
        assert _layered(pieces, 2) == max(2, two)


# ----------------------------------------------------------------------------------------- answers


def test_the_parabola_is_answered_by_the_optimum(square):
    assert square.smallest.units == square.least.units == 2
    assert square.gap == 1.0
    assert square.smallest.proof(square.eps) == "theorem"
    assert "2 ReLUs in 2 hidden layers" in square.depth_saves
    assert "(proved)" in square.depth_saves
    assert square.costs[0].name == "value"
    assert square.costs[1].per_value > 1.0
    assert any("theorem" in line for line in square.verify().not_proved)


CASES = {
    "smooth": ("exp", 5e-2),
    "kink": ("kink", 1e-2),
    "fractal": ("takagi", 5e-2),
    "own": (al.Target(bell, domain=al.Box([-1.0], [1.0])), 5e-2),
    "far": (al.Target(lambda x: jnp.sin(x[0]), domain=al.Box([100.0], [103.0])), 5e-2),
    "steep": (al.Target(lambda x: jnp.tanh(40.0 * x[0]), domain=al.Box([-1.0], [2.0])), 5e-2),
}


@pytest.mark.parametrize("kind", mostly_slow(CASES, []))
def test_targets_of_several_kinds_have_sound_answers(kind):
    target, eps = CASES[kind]
    found = al.answer(target, eps, **QUICK)
    check_sound(found, target)
    assert found.proved is not None


def check_sound(found, target):
    target = al.targets.get(target) if isinstance(target, str) else target
    for one in found.found:
        measured = float(al.errors.sup(one.network, target))
        assert measured <= found.eps * (1 + 1e-6)
        if one.bound is not None:
            assert measured <= float(one.bound) * (1 + 1e-6) + 1e-12
        least = found.least_for(one)
        assert least is None or least.units <= one.units
        if one.fitted and one.certificate is None:
            assert one.proof(found.eps) == "none"


@pytest.mark.parametrize("name", mostly_long(al.targets.names(), []))
def test_no_least_size_exceeds_a_network_of_the_catalogue(name):
    for eps in (0.3, 3e-2, 3e-3):
        check_sound(al.answer(name, eps, seconds=None, max_fits=2, timed=False), name)


@pytest.mark.slow
def test_two_dimensions():
    ring = al.Target(
        lambda x: jnp.exp(-3.0 * (x[0] ** 2 + x[1] ** 2)), domain=al.Box([-1.0] * 2, [1.0] * 2)
    )
    found = al.answer(ring, 0.05, **{**QUICK, "max_fits": 3})
    check_sound(found, ring)
    assert found.proved is not None
    assert found.proved.proof(found.eps) == "certificate"
    plt.close(found.plot())


@pytest.mark.parametrize("dim", mostly_slow([1, 2, 3], [2]))
def test_a_constant_suffices_where_eps_is_larger_than_the_range(dim):
    def ripples(x):
        return jnp.sin(3.0 * jnp.sum(x)) / 2

    found = al.answer(ripples, 0.6, box=al.Box.unit(dim), **QUICK)
    assert (found.smallest.units, found.gap) == (0, 1.0)
    assert found.smallest.proof(found.eps) != "none"
    assert "nothing" in found.depth_saves
    assert found.costs == ()


def test_an_affine_target_needs_no_unit():
    found = al.answer(lambda x: 3.0 * x[0] - 2.0 * x[1], 1e-9, box=al.Box.unit(2), **QUICK)
    assert found.smallest.units == 0
    assert found.smallest.proof(found.eps) == "certificate"


def test_a_network_that_a_certificate_refutes_is_left_out(monkeypatch):
    """A spike that samples miss: the estimate is small, and the proof says no."""
    target = al.Target(bell, domain=al.Box([-1.0], [1.0]), name="bell")
    wrong = al.MLP.from_arrays([np.array([[0.0]])], [np.array([0.5])], "relu")
    monkeypatch.setattr(
        "approxlab.answers.asking.sup", lambda *_: al.Estimate(1e-3, norm="sup", points=3)
    )
    monkeypatch.setattr("approxlab.answers.asking.affine_network", lambda *_: wrong)
    monkeypatch.setattr("approxlab.answers.asking.families", lambda *_: [])
    monkeypatch.setattr("approxlab.answers.asking._constructed", lambda *_: ([], (), ""))
    monkeypatch.setattr("approxlab.answers.asking._SHARES", {1: ()})
    found = al.answer(target, 0.05, **QUICK)
    assert found.found == ()
    assert any("refuted" in note for note in found.notes)


def test_sizes_are_doubled_and_bisected():
    for smallest in range(1, 40):
        tried = []
        family = _fits.Family("f", "tanh", 1, lambda n: n, lambda n: None, first=4)
        search = _fits.Search(family, al.targets.get("square"), 1.0)
        sizes = search._sizes(1)
        size, good = next(sizes), []
        while True:
            tried.append(size)
            good += [size] if size >= smallest else []
            try:
                size = sizes.send(size >= smallest)
            except StopIteration:
                break
        assert min(good) == smallest
        assert len(tried) <= 11


def test_the_clock_ends_the_fits():
    found = al.answer("exp", 1e-2, seconds=1e-6, timed=True)
    assert all(not one.fitted or one.certificate is None for one in found.found)
    assert found.smallest is not None
    assert not any(one.method == "free knots" for one in found.found)
    assert found.costs[0].run_s is None


# ------------------------------------------------------------------------------------------- forms


def test_text_html_rows_and_repr_say_the_same(square):
    text, page = str(square), square._repr_html_()
    for words in (
        "2 relu units in 2 layers",
        "none of its kind is smaller (proved)",
        "square_deep",
    ):
        assert words in text
        assert words in page
    assert page.count("<table>") == page.count("</table>") == 4
    rows = square.rows()
    assert rows == square.to_rows()
    assert {row["row"] for row in rows} == {"found", "least size"}
    assert rows[0]["num_hidden_units"] == rows[0]["least_units"] == 2
    json.dumps(rows)
    assert repr(square).startswith("Answer(square, eps 0.01: 2 relu units")


def test_latex_and_bibtex(square):
    found = square.latex()
    bare = re.sub(r"\\[{}%&#_$]", "", found)
    depth = 0
    for sign in bare:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    assert r"error \ensuremath{\le}" in found
    assert found.count(r"\begin{") == found.count(r"\end{") == 3
    assert not re.search(r"(?<!\\)[%#_$]", re.sub(r"\\cite\{[^}]*\}", "", found))
    columns = re.search(r"\\begin\{tabular\}\{(l+)\}", found)[1]
    for line in found.splitlines():
        if line.endswith(r"\\"):
            assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1
    keys = {k for group in re.findall(r"\\cite\{([^}]*)\}", found) for k in group.split(",")}
    entries = re.findall(r"@\w+\{([^,]+),", square.bibtex())
    assert keys
    assert keys <= set(entries)
    assert len(entries) == len(set(entries))
    assert square.bibtex().count("{") == square.bibtex().count("}")


def test_saved_and_loaded_answers_are_equal(square, tmp_path):
    square.save(tmp_path / "a")
    again = al.Answer.load(tmp_path / "a")
    assert str(again) == str(square)
    assert again.rows() == square.rows()
    assert again.bibtex() == square.bibtex()
    for one, other in zip(again.found, square.found, strict=True):
        assert all(map(np.array_equal, one.network.weights, other.network.weights))
    assert all(map(np.array_equal, again.curve, square.curve))
    assert again.verify() == square.verify()
    assert al.certify.verify(sorted((tmp_path / "a").glob("certificate_*.json"))[0])


def test_verify_says_what_it_proves(square):
    alone, whole = square.verify(), square.verify("square")
    certified = sum(one.certificate is not None for one in square.found)
    assert certified == len(alone.proved) > 0
    assert any("least sizes: give the target" in line for line in alone.not_proved)
    assert len(whole.proved) == 2 * certified + len(square.least_sizes)
    assert all("theorem" in line for line in whole.not_proved)
    assert "not proved again:" in str(whole)
    with pytest.raises(ValueError, match="expected the one of this answer"):
        square.verify(al.targets.get("exp"))
    other = square.verify(lambda x: 1.2 * x[0] ** 2)
    assert any("about another program" in line for line in other.not_proved)
    with pytest.raises(ValueError, match="only 0 are proved now"):
        square.verify(lambda x: 0.01 * x[0])


def test_a_changed_folder_is_refused(square, tmp_path):
    square.save(tmp_path / "a")
    file = tmp_path / "a" / "answer.json"
    content = file.read_text()
    file.write_text(content.replace('"units": 2', '"units": 1', 1))
    with pytest.raises(ValueError, match="checksum"):
        al.Answer.load(tmp_path / "a")
    with pytest.raises(ValueError, match=r"expected a folder written by Answer\.save"):
        al.Answer.load(tmp_path / "absent")


SPOILED = {
    "fewer units than needed": lambda a: {
        "least_sizes": tuple(
            dataclasses.replace(x, units=None if x.units is None else x.units + 9)
            for x in a.least_sizes
        )
    },
    "sampled error above eps": lambda a: {"eps": 1e-9},
    "without an error": lambda a: {
        "found": tuple(
            dataclasses.replace(x, bound=None, estimate=None, certificate=None) for x in a.found
        )
    },
    "not that of its certificate": lambda a: {
        "found": tuple(
            dataclasses.replace(x, bound=al.Bound(9.0, "made up"), estimate=None)
            for x in a.found
            if x.certificate is not None
        )
    },
    "above its bound": lambda a: {
        "found": tuple(
            dataclasses.replace(x, bound=al.Bound(1e-9, "made up"), certificate=None)
            for x in a.found
            if x.certificate is not None
        )
    },
}
MATCHES = {
    "fewer units than needed": "proved to be needed",
    "sampled error above eps": "at a sampled point",
}


@pytest.mark.parametrize("how", SPOILED)
def test_answers_that_contradict_themselves_are_refused(square, how):
    with pytest.raises(ValueError, match=re.escape(MATCHES.get(how, how.split(" that")[0]))):
        dataclasses.replace(square, **SPOILED[how](square))


def test_the_page_has_its_four_parts(square):
    figure = square.plot()
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    assert "Units that were found, and that are needed" in titles
    assert not [t for ax in figure.axes for t in ax.texts if t.get_fontsize() < 9]
    plt.close(figure)


# ---------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("eps", [0.0, -1e-3, math.nan, math.inf, "small", None, True, 1e-3j])
def test_eps_must_be_positive(eps):
    with pytest.raises(ValueError, match="eps: got .* expected a positive number"):
        al.answer("square", eps)


REFUSED = [
    (lambda x: 1.0 / x[0], {"box": UNIT}, ValueError, "expected finite values"),
    (lambda x: jnp.log(x[0] - 0.5), {"box": UNIT}, ValueError, "expected finite values"),
    (lambda x: x, {"box": UNIT}, ValueError, r"values of shape \(1,\)"),
    (lambda x: jnp.stack([x[0], x[1]]), {"box": al.Box.unit(2)}, ValueError, "each component"),
    (bell, {}, TypeError, "expected the box"),
    (bell, {"box": (0.0, 1.0)}, TypeError, "expected the box"),
    (3.0, {"box": UNIT}, TypeError, "expected a function"),
    ("rung", {}, ValueError, "Did you mean runge"),
    ("runge", {"box": UNIT}, ValueError, "a target has a box of its own"),
    ("square", {"seconds": 0}, ValueError, "seconds: got 0"),
    ("square", {"max_fits": 0}, ValueError, "max_fits: got 0"),
    ("square", {"timed": "no"}, ValueError, "timed: got 'no'"),
    ("square", {"key": 0}, TypeError, "key: got 0"),
]


@pytest.mark.parametrize(("target", "options", "kind", "words"), REFUSED)
def test_what_cannot_be_answered_is_refused_by_name(target, options, kind, words):
    with pytest.raises(kind, match=words):
        al.answer(target, 1e-2, **options)


def test_an_unbounded_box_is_refused():
    with pytest.raises(ValueError, match="finite"):
        al.answer(bell, 1e-2, box=al.Box([0.0], [math.inf]))


def test_a_false_fact_is_refused():
    false = al.Target(lambda x: 5.0 * x[0], domain=UNIT, lipschitz=1.0)
    with pytest.raises(ValueError, match="lipschitz: got 1.0"):
        al.answer(false, 1e-2)


# ----------------------------------------------------------------------------------------- command


def test_the_command_answers_for_functions_of_files(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("import approxlab as al\ndef flat(x):\n    return 0.1 * x[0] ** 2\n")
    folder = tmp_path / "saved"
    options = ["--box=-1,1", "--eps", "0.2", "--quiet", "--save", str(folder)]
    assert main(["answer", f"{file}:flat", *options]) == 0
    assert "0 hidden units" in capsys.readouterr().out
    assert al.Answer.load(folder).smallest.units == 0
    assert main(["answer", f"{file}:flot", "--eps", "0.2"]) == 2
    assert "expected a name in mine.py: al, flat" in capsys.readouterr().err
    assert main(["answer", f"{file}:flat", "--box", "0..1", "--eps", "0.2"]) == 2
    assert "expected sides such as" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_writes_the_page(tmp_path):
    figure = tmp_path / "page.png"
    assert main(["answer", "square", "--eps", "0.2", "--figure", str(figure)]) == 0
    assert figure.stat().st_size > 10_000


def test_the_command_prints_latex(capsys):
    assert main(["answer", "square", "--eps", "0.2", "--latex"]) == 0
    assert capsys.readouterr().out.startswith(r"\begin{table}")


# ------------------------------------------------------------- what is not proved is not told so


def _with(answer, **changes):
    return dataclasses.replace(answer, **changes)


def _one_unit(activation, bound=None):
    net = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [0.0]], activation)
    return answers.FoundNetwork(net, "by hand", False, bound, al.Estimate(1e-4, "sup", 11), None)


def test_a_network_that_is_only_estimated_is_not_called_optimal(square):
    least = answers.LeastSize(("abs",), 1, 1, "one bend")
    estimated = _with(square, found=(_one_unit("abs"),), least_sizes=(least,))
    assert estimated.gap == 1.0
    assert "1.00, optimal if it is within eps" in str(estimated)
    proved = _with(estimated, found=(_one_unit("abs", al.Bound(1e-3, "by hand")),))
    assert "1.00, optimal (" in str(proved)


def test_an_affine_network_that_is_only_estimated_is_an_estimate(square):
    net = al.MLP.init(jax.random.key(0), 1, ())
    found = answers.FoundNetwork(net, "affine", True, None, al.Estimate(1e-4, "sup", 11), None)
    assert _with(square, found=(found,), least_sizes=()).depth_saves.endswith("(estimate)")


def test_units_are_called_by_their_activation(square):
    net = al.MLP.from_arrays([[[1.0]]] * 3, [[0.0]] * 3, "abs")
    deep = answers.FoundNetwork(net, "by hand", False, al.Bound(1e-3, "x"), None, None)
    least = answers.LeastSize(("relu", "leaky_relu", "abs"), 1, 7, "seven bends")
    words = _with(square, found=(deep,), least_sizes=(least,)).depth_saves
    assert words.startswith("2 abs units in 2 hidden layers do what takes at least 7")


def test_values_outside_of_a_mask_do_not_hide_a_contradiction(square):
    wrong = answers.FoundNetwork(
        _one_unit("abs").network,
        "x",
        False,
        al.Bound(1e-6, "x"),
        al.Estimate(9e-3, "sup", 11),
        None,
    )
    points, values = square.curve
    curve = points, np.where(points[:, 0] < 0.5, np.nan, values)
    with pytest.raises(ValueError, match="one of the two is wrong"):
        _with(square, found=(wrong,), least_sizes=(), curve=curve)


@pytest.mark.parametrize("eps", [-1.0, 0.0, math.nan, math.inf, "x"])
def test_least_sizes_ask_for_a_positive_eps(eps):
    with pytest.raises(ValueError, match="eps: got .*, expected a positive number"):
        al.answers.least_sizes(al.targets.get("square"), eps)


def test_least_sizes_of_targets_with_hardly_a_value():
    nowhere = al.Target(lambda x: jnp.log(-2.0 - x[0]), domain=UNIT, name="nowhere")
    (unknown,) = al.answers.least_sizes(nowhere, 1e-2)
    assert unknown.units is None
    large = al.Target(lambda x: 1e308 * jnp.sign(x[0] - 0.5) + 1e307 * x[0], domain=UNIT)
    assert all((least.units or 0) <= 4 for least in al.answers.least_sizes(large, 1e300))


def test_another_network_in_a_saved_folder_is_refused(square, tmp_path):
    square.save(tmp_path)
    other = jax.tree.map(lambda leaf: 100.0 * leaf, square.found[0].network)
    other.save(tmp_path / "network_0.npz")
    with pytest.raises(ValueError, match=r"network_0\.npz was changed after it was saved"):
        al.Answer.load(tmp_path)
