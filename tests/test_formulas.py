"""Formulas of docstrings as mathematics in the reference: carried over sign by sign, or left."""

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _docs(name):
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(ROOT / "docs"))


FORMULAS, DOCSTRINGS = _docs("formulas"), _docs("plain_docstrings")


def found(text):
    return [text[start:end] for start, end, _ in FORMULAS.spans(text)]


UNDERSTOOD = {
    "sum_k c_k sigmoid(w_k x + b_k)": (
        r"\sum_{k} c_{k} \operatorname{sigmoid} ( w_{k} x + b_{k} )"
    ),
    "x -> W_L s(W_{L-1} ... s(W_0 x + b_0) ...) + b_L": (
        r"x \to W_{L} s ( W_{L - 1} \dots s ( W_{0} x + b_{0} ) \dots ) + b_{L}"
    ),
    "|f_n| <= (2 C_f)^2 / n": r"| f_{n} | \le ( 2 C_{f} )^{2} / n",
    "c_j H(a_j.x - t_j)": r"c_{j} H ( a_{j} \cdot x - t_{j} )",
    "sup_{x in B} |f(x) - g(x)|": r"\sup_{x \in B} | f ( x ) - g ( x ) |",
    "x^(n + 1)": "x^{n + 1}",
    "f^(n)(x) h^2": "f^{(n)} ( x ) h^{2}",  # a derivative is no power
    "10^-6": "10^{-6}",
    "J_1^T J": "J_{1}^{T} J",
    "sqrt(2 h_k)": r"\sqrt{2 h_{k}}",
    "n_1 x ... x n_d": r"n_{1} \times \dots \times n_{d}",
}


@pytest.mark.parametrize(("text", "latex"), UNDERSTOOD.items())
def test_a_formula_in_the_symbols_of_the_code_is_mathematics(text, latex):
    assert FORMULAS.whole(text) == latex
    sentence = f"Here it is {text}, as said."
    assert found(sentence) == [text]


LEFT = [
    "weight_variance h . h' / n_L + bias_variance",  # goes on in words
    "lo <= sup_{x in B} |f(x) - g(x)| <= hi",
    "|f(x) - f(y)| <= lipschitz |x - y|",
    "tent^k(t) / 2^k",
    "n_j x n_k",  # a size, or a product with x?
    "df/dx_i dx_i/dt",
    "shape (n, d), float64, 1e-9 and -0.5",
    "upper <= max(lower (1 + rtol), lower + atol)",
    "a function of a point I draw",
    "the largest |direction_i x_i| + |offset|",
    "min_s, at_least <= low, num_units_2",
    "|x_i - (y_i|)",
    "loss_of_sum and rms_residual",
    "sum_{k >= 1} of weights",
    "python -m approxlab.certify verify FILE",
    "dtype float32 -> float64",
]


@pytest.mark.parametrize("text", LEFT)
def test_what_is_not_understood_is_left(text):
    assert not [part for part in found(text) if len(part) > 4], found(text)
    assert FORMULAS.whole(text) is None


def test_articles_and_remarks_are_no_factors():
    assert found("A x_1 with a c_k and the norm |v_1| (l2)") == ["x_1", "c_k", "|v_1|"]


def test_names_of_arguments_stay_and_code_stays():
    lines = ["Moves x_1.", "", "Args:", "    x_1: At x_1^2, see `x_1`.", "    min_s: Seconds."]
    out = DOCSTRINGS.translated(lines)
    assert out[0] == "Moves :math:`x_{1}`."
    assert out[3:] == ["    x_1: At :math:`x_{1}^{2}`, see ``x_1``.", "    min_s: Seconds."]
    assert DOCSTRINGS.translated(["`sum_k a_k x^k`"]) == [r":math:`\sum_{k} a_{k} x^{k}`"]


def test_blocks_are_mathematics_as_a_whole_or_not_at_all():
    text = ["It is", "", "    u_1 = H y,    v = s / (y.s) - u / (y.u),", "", "in all."]
    assert ".. math::" in DOCSTRINGS.translated(text)
    words = ["It is", "", "    h^2 <= the rest of it", "", "in all."]
    assert "::" in DOCSTRINGS.translated(words)
    assert ".. math::" not in DOCSTRINGS.translated(words)


# No formula of the library is garbled


def docstrings():
    for path in sorted((ROOT / "approxlab").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                yield ast.get_docstring(node) or ""


def signs(source):
    """Letters, digits and operators in their order: what a formula says."""
    return re.findall(r"[A-Za-z]+|\d|<=|>=|->|\.\.\.|[-+/=<>|!]", source)


BACK = {
    r"\\,d": "d",
    r"\\(?:operatorname|mathrm)\{(\w+)\}": r"\1",
    r"\\le(?![A-Za-z])": "<=",
    r"\\ge(?![A-Za-z])": ">=",
    r"\\to(?![A-Za-z])": "->",
    r"\\dots(?![A-Za-z])": "...",
    r"\\times(?![A-Za-z])": "x",
    r"\\circ(?![A-Za-z])": "o",
    r"\\in(?![A-Za-z])": "in",
    r"\\infty(?![A-Za-z])": "inf",
    r"\\int(?![A-Za-z])": "integral",
    r"\\ast(?![A-Za-z])": "",
    r"\\(?:cdot|sim|\{|\})": " ",
    r"\\([A-Za-z]+)": r"\1",
}


def test_every_formula_says_what_was_written():
    seen = 0
    for text in docstrings():
        for start, end, latex in FORMULAS.spans(text):
            back = latex
            for sign, plain in BACK.items():
                back = re.sub(sign, plain, back)
            source = text[start:end]
            assert "".join(signs(back)) == "".join(signs(source)), (source, latex)
            assert latex.count("{") == latex.count("}"), latex
            assert "\n" not in latex
            seen += 1
    assert seen > 800
