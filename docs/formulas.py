"""Formulas in the code's symbols, as LaTeX: sum_k c_k s(w_k x + b_k) and the like.

Signs are carried over one by one, in their order, and nothing is regrouped: a / b stays a / b. What
holds a word that is no symbol is no formula here, and stays what it was.
"""

import re

_GREEK = re.compile(
    "alpha|beta|gamma|delta|theta|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|psi|omega|"
    "kappa|eta|zeta|Gamma|Delta|Theta|Lambda|Sigma|Phi|Psi|Omega"
)
_NAMED = re.compile(  # known to LaTeX
    "sin|cos|tan|sinh|cosh|tanh|exp|log|max|min|sup|det|arctan"
)
_UPRIGHT = re.compile("relu|sigmoid|sign|trace|binom|erf|erfc|log1p|expm1|softplus")
_DIFFERENTIALS = {"dt", "dx", "ds", "dq", "dr", "du"}
_LARGE = {"sum": r"\sum", "prod": r"\prod", "integral": r"\int"}  # with a subscript only
_SIGNS = {
    "<=": r"\le",
    ">=": r"\ge",
    "->": r"\to",
    "...": r"\dots",
    "~": r"\sim",
    "*": "*",
    "{": r"\{",
    "}": r"\}",
    "|": "|",
    "!": "!",
    **{sign: sign for sign in "+-/=<>()[],;"},
}
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)|(?P<name>[A-Za-z]+[0-9]*'*)"
    r"|(?P<script>[_^])|(?P<sign><=|>=|->|\.\.\.|[-+/=<>()\[\],;|!~*{}])|(?P<dot>\.)"
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_OPERATORS = {"+", "-", "/", "=", "<", ">", "<=", ">=", "->", "*", "~", ",", ";", "."}
_FUNCTIONS = "fghsuFGH'"
_BRACKETS = {"(", ")", "[", "]"}
_ARTICLES = {"a", "A", "I"}


class _Token:
    """A symbol with its scripts: where it stands in the text, and its LaTeX."""

    def __init__(self, start, end, text, latex, strong=False):
        self.start, self.end, self.text, self.latex, self.strong = start, end, text, latex, strong


def _symbol(name, followed):
    """LaTeX of a name, or None if it is a word. `followed` is what stands behind it."""
    base = name.rstrip("'")
    primes = name[len(base) :]
    letters = base.rstrip("0123456789")
    digits = base[len(letters) :]
    if name in _LARGE:
        return _LARGE[name] if followed == "_" else None
    if _NAMED.fullmatch(name):
        return "\\" + name if followed[:1] in ("(", "_", "^") else None
    if _UPRIGHT.fullmatch(base):
        return r"\operatorname{" + base + "}" + primes if followed[:1] == "(" else None
    if name == "eps" or name in _DIFFERENTIALS:
        return rf"\mathrm{{{name}}}" if name == "eps" else rf"\,d{name[1]}"
    if _GREEK.fullmatch(letters):
        return "\\" + letters + (f"_{{{digits}}}" if digits else "") + primes
    if len(letters) == 1:
        return letters + (f"_{{{digits}}}" if digits else "") + primes
    return None


def _group(text, at):
    """The end of the bracket that opens at `at`, or None."""
    inside = []
    for i in range(at, len(text)):
        if text[i] in _CLOSING:
            inside.append(_CLOSING[text[i]])
        elif inside and text[i] == inside[-1]:
            inside.pop()
            if not inside:
                return i
        elif text[i] in ")]}" or text[i] == "\n":
            return None
    return None


def _script(text, at):
    """LaTeX and end of what is raised or lowered behind a sign at `at`, or None."""
    sign = text[at]
    if at + 1 < len(text) and text[at + 1] in "({":
        end = _group(text, at + 1)
        inner = None if end is None else _inside(text[at + 2 : end])
        if inner is None:
            return None
        # f^(k) is a derivative, x^(k + 1) a power: one keeps its brackets, the other needs none.
        derivative = text[at + 1] == "(" and (
            text[at - 1] in _FUNCTIONS or "(" in text[end + 1 :][:1]
        )
        return f"{sign}{{({inner})}}" if derivative else f"{sign}{{{inner}}}", end + 1
    plain = r"-?(?:\d+(?:\.\d+)?|[A-Za-z])(?![A-Za-z_(])|[T+*](?![A-Za-z0-9_])|[+*]"
    lower = r"\d*[a-z]{1,2}(?![A-Za-z(])|\d+(?![A-Za-z(])|[A-Za-z](?![A-Za-z])|inf(?![a-z])"
    found = re.compile(plain if sign == "^" else lower).match(text, at + 1)
    if not found:
        return None
    inner = {"inf": r"\infty", "*": r"\ast"}.get(found[0], found[0])
    return f"{sign}{{{inner}}}", found.end()


def _inside(text):
    """LaTeX of all of a text, with the word "in" as the sign of a set; None if not understood."""
    parts = []
    for part in re.split(r"\s+in\s+", text):
        tokens = list(_tokens(part))
        if len(tokens) != 1 or not tokens[0] or not _whole(part, tokens[0]):
            return None
        parts.append(_latex(tokens[0]))
    return r" \in ".join(parts)


def _whole(text, run):
    return not text[: run[0].start].strip() and not text[run[-1].end :].strip() and _balanced(run)


def _tokens(text):
    """Runs of symbols that follow one another, as lists of tokens."""
    run, at, line_end = [], 0, len(text)
    while at < line_end:
        found = _TOKEN.match(text, at)
        token = None
        if found and found["space"]:
            at = found.end()
            continue
        if found:
            token = _read(text, found, run)
        if token is None:
            if run:
                yield run
            run = []
            word = re.compile(r"[\w']+|.", re.DOTALL).match(text, at)
            at = word.end()
            continue
        run.append(token)
        at = token.end
    if run:
        yield run


def _read(text, found, run):
    """One token with its scripts, or None where the run ends."""
    start, end = found.span()
    if start and text[start - 1].isalnum() and (not run or run[-1].end != start):
        return None
    if found["dot"]:
        return _dot(text, start, end, run)
    if found["script"]:
        return None
    kind, name = found.lastgroup, found[0]
    if name == "sqrt" and text[end : end + 1] == "(":
        return _root(text, start, end)
    latex = name if kind == "number" else _SIGNS.get(name)
    if kind == "name":
        latex = _symbol(name, text[end : end + 1])
        if latex is None or text[end : end + 1].isalnum():
            return None
    strong = kind == "sign" and name in ("<=", ">=")
    if kind != "sign" or name in ")]|!}":
        while end < len(text) and text[end] in "_^":
            script = _script(text, end)
            if script is None:
                return None
            latex, end, strong = latex + script[0], script[1], True
    return _Token(start, end, name, latex, strong)


def _root(text, start, opening):
    end = _group(text, opening)
    inner = None if end is None else _inside(text[opening + 1 : end])
    return None if inner is None else _Token(start, end + 1, "sqrt", rf"\sqrt{{{inner}}}", True)


def _dot(text, start, end, run):
    """The product of two vectors: a dot between symbols, with spaces on both sides or none."""
    before, after = text[start - 1 : start], text[end : end + 1]
    spaced = before.isspace() and after == " "
    tight = run and run[-1].end == start and re.match(r"[a-z](?![a-z'])", text[end:])
    if run and (spaced or tight) and not text[run[-1].start :][:1].isdigit():
        return _Token(start, end, ".", r"\cdot")
    return None


def _balanced(run):
    inside = []
    for token in run:
        if token.text in _CLOSING:
            inside.append(_CLOSING[token.text])
        elif token.text == "|" and inside[-1:] != ["|"]:
            inside.append("|")
        elif token.text in (")", "]", "}", "|") and (not inside or inside.pop() != token.text):
            return False
    return not inside


def _trimmed(run):
    """The run without what belongs to the sentence: articles, brackets of words.

    Empty if it begins or ends with an operator: then it goes on in words, and is not understood.
    """
    run = list(run)
    brackets = len(run) > 3 and run[-3].text == "(" and run[-1].text == ")"
    if brackets and run[-2].text.isalnum() and run[-4].end != run[-3].start:
        run = run[:-3]  # a remark, such as (l2)
    while run:
        first, last = run[0], run[-1]
        second, before = (run[1], run[-2]) if len(run) > 1 else (None, None)
        if first.text in _OPERATORS - {"-"} or last.text in _OPERATORS:
            return []
        elif first.text in _ARTICLES and first.latex == first.text and _beside(first, second):
            run.pop(0)
        elif last.text in _ARTICLES and last.latex == last.text and _beside(before, last):
            run.pop()
        elif first.text == "-" and (second is None or second.start != first.end):
            return []
        elif not _balanced(run) and first.text in _BRACKETS:
            run.pop(0)
        elif not _balanced(run) and last.text in _BRACKETS:
            run.pop()
        else:
            break
    return run


def _beside(one, other):
    """Whether two symbols stand next to each other without an operator between them."""
    if one is None or other is None:
        return True
    return one.text not in _OPERATORS and other.text not in _OPERATORS and one.end != other.start


def _split(run):
    """Parts of a run between commas that are in no bracket."""
    part, depth = [], 0
    for token in run:
        depth += (token.text in _CLOSING) - (token.text in (")", "]", "}"))
        if token.text in (",", ";") and depth <= 0:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _latex(run):
    """The signs one by one; beside dots x is a product of sizes, and o one of functions."""
    out = []
    for i, token in enumerate(run):
        beside = {other.text for other in run[max(i - 1, 0) : i + 2]}
        product = {"x": r"\times", "o": r"\circ"}.get(token.latex, token.latex)
        out.append(product if "..." in beside else token.latex)
    return " ".join(out)


def spans(text):
    """The formulas in a sentence: (start, end, LaTeX), in their order.

    A formula has a script or an inequality; a lone letter, a shape or a call stays text.
    """
    for run in _tokens(text):
        for part in _split(run):
            found = _trimmed(part)
            if found and _understood(text, found):
                yield found[0].start, found[-1].end, _latex(found)


def _understood(text, run):
    """Whether a run is a formula that ends where it seems to, and can be read in one way only."""
    start, end = run[0].start, run[-1].end
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    apart = (not before or before in ' \n(["') and after not in ("(", "[", "{", "/", "_", "^", "|")
    open_end = run[-1].latex.startswith((*_LARGE.values(), r"\operatorname")) or (
        _NAMED.fullmatch(run[-1].text)
    )
    return (
        any(token.strong for token in run)
        and _balanced(run)
        and apart
        and not after.isalnum()
        and not open_end
        and _clear(text, run)
    )


def _clear(text, run):
    """No bar, no x and no d that may be read in two ways."""
    bars = [token for token in run if token.text == "|"]
    for i, bar in enumerate(bars):
        beside = text[bar.start - 1 : bar.start] if i % 2 else text[bar.end : bar.end + 1]
        if not beside.strip():
            return False
    integral = any(token.latex.startswith(r"\int") for token in run)
    if not integral and any(token.text in _DIFFERENTIALS for token in run):
        return False
    for one, sign, other in zip(run, run[1:], run[2:], strict=False):
        operands = not {one.text, other.text} & (_OPERATORS | {"(", ")", "[", "]", "|", "..."})
        if sign.latex in ("x", "o") and operands and text[sign.start - 1] == " ":
            return False
    return True


def whole(text):
    """LaTeX of a text that is one formula from end to end, or None."""
    runs = list(_tokens(text))
    if len(runs) != 1 or not _whole(text, runs[0]) or not _understood(text, runs[0]):
        return None
    return _latex(runs[0])


def displayed(lines):
    """LaTeX of the lines of a block, one each, or None if one of them is not understood.

    Three spaces or more are space in the formula, and a few words between formulas are text.
    """
    out = []
    for line in lines:
        parts = []
        for piece in re.split(r"\s{3,}", line.strip()):
            words = re.split(r"^((?:for|where|if|with)\b)", piece)
            said = r"\text{" + words[1] + r" }" if len(words) > 1 else ""
            end = re.search(r"[,.]?$", words[-1])[0]
            body = words[-1][: len(words[-1]) - len(end)]
            latex = _line(body)
            if latex is None:
                return None
            parts.append(said + latex + end)
        out.append(r" \quad ".join(parts))
    return out if out and any(re.search(r"[_^]", line) for line in lines) else None


def _line(text):
    runs = list(_tokens(text))
    if len(runs) != 1 or not _whole(text, runs[0]) or not _clear(text, runs[0]):
        return None
    return _latex(runs[0])
