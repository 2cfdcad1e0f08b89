"""How the steps of a trace are written: as text, in LaTeX, and as the sign of a node."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Operand", "Wording", "latex_name", "number", "significant", "values", "worded"]


@dataclasses.dataclass(frozen=True)
class Operand:
    """An operand in words; `constant` where it depends on no argument, `short` for its node."""

    text: str
    latex: str
    constant: bool = False
    rank: int = 0
    short: str = ""


@dataclasses.dataclass(frozen=True)
class Wording:
    """A step in words: `v1 + v2` as text and in LaTeX, `+` in its node."""

    text: str
    latex: str
    sign: str


def number(value: Any, digits: int = 6) -> str:
    """A number with at most that many decimals, without trailing zeros.

    Example:
        >>> number(11.65207120), number(10.0), number(1.5e-7)
        ('11.652071', '10', '1.5e-07')
        >>> number(1.0 - 2.5j)
        '1-2.5i'
    """
    if np.iscomplexobj(value):
        return _complex(value, digits, number)
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if value != 0 and not 10.0 ** (1 - digits) <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    return _plain(f"{value:.{digits}f}")


def _complex(value: Any, digits: int, write: Callable[..., str]) -> str:
    """Real and imaginary part, each as it would be written alone; a part that is 0 is left out."""
    real, imaginary = float(np.real(value)), float(np.imag(value))
    if imaginary == 0.0:
        return write(real, digits)
    first = "" if real == 0.0 else write(real, digits)
    second = write(imaginary, digits)
    return f"{first}{'' if second[0] == '-' or not first else '+'}{second}i"


def _plain(text: str) -> str:
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if short == "-0" else short


def values(value: Any, digits: int = 6, write: Callable[..., str] = number) -> str:
    """A scalar, or up to six entries row by row, or the shape of a larger array.

    Example:
        >>> values(np.array([[1.0, 2.0], [3.0, 4.5]])), values(np.ones((8, 3)))
        ('[1 2; 3 4.5]', '8x3')
    """
    array = np.asarray(value)
    if array.dtype == bool:
        array = array.astype(int)
    if array.ndim == 0:
        return write(array, digits)
    if array.ndim > 2 or array.size > 6:
        return "x".join(map(str, array.shape)) + ("" if array.ndim > 1 else " entries")
    rows = array if array.ndim == 2 else array[None]
    return "[" + "; ".join(" ".join(write(x, digits) for x in row) for row in rows) + "]"


def significant(value: Any, digits: int = 3) -> str:
    """A number with so many significant digits.

    Example:
        >>> significant(11.65207120), significant(-0.2836621), significant(10.0)
        ('11.7', '-0.284', '10')
    """
    if np.iscomplexobj(value):
        return _complex(value, digits, significant)
    return f"{float(value):.{digits}g}"


def latex_name(name: str) -> str:
    r"""A name in mathematics: digits at its end as an index.

    Example:
        >>> latex_name("v-1"), latex_name("x2"), latex_name("sigma"), latex_name("loss")
        ('v_{-1}', 'x_{2}', '\\sigma', '\\mathrm{loss}')
    """
    found = re.fullmatch(r"([A-Za-z]+)_?(-?\d*)", name)
    if not found:
        plain = re.sub(r"([_%#&${}])", r"\\\1", name.replace("\\", "\0"))
        for sign, command in (("\0", "backslash"), ("^", "hat{\\ }"), ("~", "sim")):
            plain = plain.replace(sign, rf"{{\{command}}}")
        return r"\mathrm{" + plain + "}"
    word, index = found.groups()
    stem = word if len(word) == 1 else rf"\{word}" if word in _GREEK else rf"\mathrm{{{word}}}"
    return stem + (f"_{{{index}}}" if index else "")


def constant(value: Any) -> Operand:
    """A constant in words: its number where all entries are equal, else entries or shape."""
    array = np.asarray(value)
    one = array.size > 0 and bool(np.all(array == array.flat[0]))
    shown = array.flat[0] if one else array
    text, short = values(shown), values(shown, 3, significant)
    return Operand(text, text, constant=True, rank=0 if one else array.ndim, short=short)


def worded(name: str, parameters: Mapping[str, Any], operands: Sequence[Operand]) -> Wording:
    """The step that applies a primitive, or a function with a rule of its own, to operands."""
    for kind in (_infix, _one_operand, _special):
        found = kind(name, parameters, operands)
        if found is not None:
            return found
    listed = ", ".join(operand.text for operand in operands)
    latex = rf"\mathrm{{{name}}}(".replace("_", r"\_")
    return Wording(f"{name}({listed})", latex + ", ".join(o.latex for o in operands) + ")", name)


def _infix(name: str, parameters: Mapping[str, Any], operands: Sequence[Operand]) -> Wording | None:
    if name not in _INFIX or len(operands) != 2:
        return None
    sign, latex, node = _INFIX[name]
    left, right = operands
    if name in ("add", "sub") and right.text.startswith("-") and right.constant:
        right = Operand(right.text[1:], right.latex[1:], True, right.rank, right.short[1:])
        sign = latex = node = {"+": "-", "-": "+"}[sign]
    text = f"{left.text} {sign} {right.text}"
    if left.constant or right.constant:
        node = _with_constant(name, node, left, right)
    if name == "div":
        return Wording(text, rf"\frac{{{left.latex}}}{{{right.latex}}}", node)
    return Wording(text, f"{left.latex} {latex} {right.latex}", node)


def _with_constant(name: str, node: str, left: Operand, right: Operand) -> str:
    """The sign of a node that has swallowed a constant: +1, ×2, 1/x."""
    if left.rank or right.rank:
        return node
    given = (left if left.constant else right).short.replace("-", "−")
    if name == "div":
        return f"{given}/x" if left.constant else f"/{given}"
    if name == "sub" and left.constant:
        return f"{given}−x"
    if name == "mul" and given.startswith("−"):
        given = f"({given})"
    return f"{node.replace('-', '−')}{given}"


def _one_operand(
    name: str, parameters: Mapping[str, Any], operands: Sequence[Operand]
) -> Wording | None:
    if name not in _UNARY or len(operands) != 1:
        return None
    text, latex, sign = _UNARY[name]
    (operand,) = operands
    return Wording(text.format(operand.text), latex.replace("{}", operand.latex), sign)


def _special(
    name: str, parameters: Mapping[str, Any], operands: Sequence[Operand]
) -> Wording | None:
    maker = _SPECIAL.get(name)
    return None if maker is None else maker(parameters, operands)


def _power(parameters: Mapping[str, Any], operands: Sequence[Operand]) -> Wording:
    (base, *rest) = operands
    above = rest[0].text if rest else str(parameters["y"])
    if above == "-1" and not rest:
        return Wording(f"1 / {base.text}", rf"\frac{{1}}{{{base.latex}}}", "1/x")
    sign = "x" + above.translate(_RAISED) if set(above) <= set("-0123456789") else "pow"
    latex = rf"{{{base.latex}}}^{{{rest[0].latex if rest else above}}}"
    return Wording(f"{base.text}^{above}", latex, sign)


def _where(parameters: Mapping[str, Any], operands: Sequence[Operand]) -> Wording | None:
    if len(operands) != 3:
        return None
    test, other, this = operands
    text = ", ".join(operand.text for operand in (test, this, other))
    latex = ", ".join(operand.latex for operand in (test, this, other))
    return Wording(f"where({text})", rf"\mathrm{{where}}({latex})", "where")


def _dot(parameters: Mapping[str, Any], operands: Sequence[Operand]) -> Wording | None:
    left, right = operands
    (axes, others), (batch, _) = parameters["dimension_numbers"]
    usual = tuple(axes) == (left.rank - 1,) and tuple(others) == (max(right.rank - 2, 0),)
    if batch or not usual:
        return None
    return Wording(f"{left.text} @ {right.text}", rf"{left.latex}\, {right.latex}", "@")


def _softplus(parameters: Mapping[str, Any], operands: Sequence[Operand]) -> Wording | None:
    first, last = operands
    if not last.constant or last.text != "0":
        return None
    return Wording(f"softplus {first.text}", rf"\mathrm{{softplus}}\, {first.latex}", "softplus")


def _slice(parameters: Mapping[str, Any], operands: Sequence[Operand]) -> Wording:
    (operand,) = operands
    starts, ends = parameters["start_indices"], parameters["limit_indices"]
    strides = parameters.get("strides") or (1,) * len(starts)
    parts = []
    for start, end, stride in zip(starts, ends, strides, strict=True):
        every = "" if stride == 1 else f":{stride}"
        parts.append(str(start) if end == start + 1 else f"{start}:{end}{every}")
    place = f"[{', '.join(parts)}]"
    return Wording(operand.text + place, rf"{operand.latex}{place}", place)


def _function(word: str, latex: str | None = None) -> tuple[str, str, str]:
    return f"{word} {{}}", f"{latex} {{}}" if latex else rf"\mathrm{{{word}}}\, {{}}", word


_GREEK = frozenset(
    ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu",
     "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"]
)  # fmt: skip
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_INFIX = {
    "add": ("+", "+", "+"),
    "add_any": ("+", "+", "+"),
    "sub": ("-", "-", "−"),
    "mul": ("*", r"\cdot", "×"),
    "div": ("/", "/", "÷"),
    "gt": (">", ">", ">"),
    "lt": ("<", "<", "<"),
    "ge": (">=", r"\geq", "≥"),
    "le": ("<=", r"\leq", "≤"),
    "eq": ("==", "=", "="),
    "ne": ("!=", r"\neq", "≠"),
    "and": ("and", r"\wedge", "and"),
    "or": ("or", r"\vee", "or"),
}
_UNARY = {
    "neg": ("-{}", "-{}", "×(−1)"),
    "log": _function("ln", r"\ln"),
    "exp": _function("exp", r"\exp"),
    "sin": _function("sin", r"\sin"),
    "cos": _function("cos", r"\cos"),
    "tan": _function("tan", r"\tan"),
    "tanh": _function("tanh", r"\tanh"),
    "logistic": _function("sigmoid"),
    "relu": _function("relu"),
    "sqrt": ("sqrt {}", r"\sqrt{{}}", "√"),
    "rsqrt": ("1 / sqrt {}", r"\frac{1}{\sqrt{{}}}", "1/√"),
    "square": ("{}^2", "{{}}^2", "x²"),
    "one_minus_square": ("1 - {}^2", "1 - {{}}^2", "1−x²"),
    "log1p": ("ln(1 + {})", r"\ln(1 + {})", "ln(1+x)"),
    "expm1": ("exp({}) - 1", r"\exp({}) - 1", "exp−1"),
    "abs": ("|{}|", "|{}|", "|x|"),
    "erf": _function("erf"),
    "sign": _function("sign"),
    "not": ("not {}", r"\neg {}", "not"),
    "reduce_sum": _function("sum", r"\sum"),
    "reduce_max": _function("max", r"\max"),
    "reduce_min": _function("min", r"\min"),
    "reduce_prod": _function("prod", r"\prod"),
    "stop_gradient": _function("stop"),
    "transpose": ("{}^T", "{{}}^T", "transpose"),
}
_SPECIAL: dict[str, Callable[[Mapping[str, Any], Sequence[Operand]], Wording | None]] = {
    "integer_pow": _power,
    "pow": _power,
    "select_n": _where,
    "dot_general": _dot,
    "logaddexp": _softplus,
    "slice": _slice,
}
