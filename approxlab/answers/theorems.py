"""What an answer rests on, as LaTeX and BibTeX."""

from __future__ import annotations

import re
from typing import Any

from approxlab.answers._tables import counted, headline, tables

__all__ = ["bibliography", "cited", "latex_document"]

_ENTRIES: dict[str, tuple[str, str, str]] = {
    # Key: a pattern in a source, the kind of entry, its fields.
    "valleepoussin1919": (
        r"Vall[eé]e Poussin 1919",
        "book",
        "author = {de la Vall{\\'e}e Poussin, Charles-Jean}, title = {Le{\\c c}ons sur "
        "l'approximation des fonctions d'une variable r{\\'e}elle}, publisher = "
        "{Gauthier-Villars}, address = {Paris}, year = {1919}",
    ),
    "telgarsky2016": (
        r"Telgarsky 2016",
        "inproceedings",
        "author = {Telgarsky, Matus}, title = {Benefits of depth in neural networks}, booktitle = "
        "{Conference on Learning Theory}, series = {PMLR}, volume = {49}, pages = {1517--1539}, "
        "year = {2016}",
    ),
    "yarotsky2017": (
        r"Yarotsky 2017",
        "article",
        "author = {Yarotsky, Dmitry}, title = {Error bounds for approximations with deep {ReLU} "
        "networks}, journal = {Neural Networks}, volume = {94}, pages = {103--114}, year = {2017}",
    ),
    "montufar2014": (
        r"Montufar et al\. 2014|Montufar, Pascanu, Cho and Bengio 2014",
        "inproceedings",
        "author = {Mont{\\'u}far, Guido and Pascanu, Razvan and Cho, Kyunghyun and Bengio, "
        "Yoshua}, title = {On the number of linear regions of deep neural networks}, booktitle = "
        "{Advances in Neural Information Processing Systems}, volume = {27}, year = {2014}",
    ),
    "polya1925": (
        r"Polya and Szego 1925",
        "book",
        "author = {P{\\'o}lya, George and Szeg{\\H o}, G{\\'a}bor}, title = {Aufgaben und "
        'Lehrs{\\"a}tze aus der Analysis II}, publisher = {Springer}, address = {Berlin}, '
        "year = {1925}",
    ),
    "cybenko1989": (
        r"Cybenko 1989",
        "article",
        "author = {Cybenko, George}, title = {Approximation by superpositions of a sigmoidal "
        "function}, journal = {Mathematics of Control, Signals and Systems}, volume = {2}, "
        "pages = {303--314}, year = {1989}",
    ),
    "barron1993": (
        r"Barron 1993",
        "article",
        "author = {Barron, Andrew R.}, title = {Universal approximation bounds for superpositions "
        "of a sigmoidal function}, journal = {IEEE Transactions on Information Theory}, volume = "
        "{39}, number = {3}, pages = {930--945}, year = {1993}",
    ),
    "costarelli2013": (
        r"Costarelli and Spigler 2013",
        "article",
        "author = {Costarelli, Danilo and Spigler, Renato}, title = {Approximation results for "
        "neural network operators activated by sigmoidal functions}, journal = {Neural Networks}, "
        "volume = {44}, pages = {101--106}, year = {2013}",
    ),
    "moore1966": (
        r"interval arithmetic",
        "book",
        "author = {Moore, Ramon E.}, title = {Interval Analysis}, publisher = {Prentice-Hall}, "
        "address = {Englewood Cliffs}, year = {1966}",
    ),
    "golub1973": (
        r"variable projection",
        "article",
        "author = {Golub, Gene H. and Pereyra, Victor}, title = {The differentiation of "
        "pseudo-inverses and nonlinear least squares problems whose variables separate}, journal = "
        "{SIAM Journal on Numerical Analysis}, volume = {10}, number = {2}, pages = {413--432}, "
        "year = {1973}",
    ),
    "marquardt1963": (
        r"Levenberg-Marquardt|fit_deep",
        "article",
        "author = {Marquardt, Donald W.}, title = {An algorithm for least-squares estimation of "
        "nonlinear parameters}, journal = {Journal of the Society for Industrial and Applied "
        "Mathematics}, volume = {11}, number = {2}, pages = {431--441}, year = {1963}",
    ),
}
_SIGNS = {
    **{sign: rf"\{sign}" for sign in "%&#_{}$"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
_RELATIONS = {"<=": r"\ensuremath{\le}", ">=": r"\ensuremath{\ge}"}


def cited(text: str) -> list[str]:
    """Keys of the works that a text names."""
    return [key for key, (pattern, _, _) in _ENTRIES.items() if re.search(pattern, text)]


def _sources(answer: Any) -> list[str]:
    found = [f"{one.method} {one.bound.source if one.bound else ''}" for one in answer.found]
    return [*found, *(least.source for least in answer.least_sizes)]


def bibliography(answer: Any) -> str:
    """BibTeX entries of all works that the answer names."""
    keys = dict.fromkeys(key for source in _sources(answer) for key in cited(source))
    return "\n\n".join(_entry(key) for key in keys)


def _entry(key: str) -> str:
    _, kind, fields = _ENTRIES[key]
    lines = re.split(r", (?=[a-z]+ = )", fields)
    return f"@{kind}{{{key},\n  " + ",\n  ".join(lines) + "\n}"


def latex_document(answer: Any) -> str:
    """A table of the networks, and an item for each statement; it needs no package."""
    (_, found), (_, least), _ = tables(answer)
    title = f"{answer.target} on {answer.box!r}, eps = {answer.eps:g}: {headline(answer)}."
    items = []
    for one in answer.found:
        source = one.bound.source if one.bound is not None else "no proof: an estimate at samples"
        items.append(_item(f"{one.units} units, {one.error_text()}: {source}", one.method + source))
    items += [
        _item(f"{kind}: at least {counted(units)}; {why}", why) for kind, units, why in least[1:]
    ]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escaped(title)}}}",
            r"\footnotesize",
            rf"\begin{{tabular}}{{{'l' * len(found[0])}}}",
            r"\hline",
            _row(found[0]) + r" \hline",
            *(_row(row) for row in found[1:]),
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
            r"\begin{itemize}",
            *items,
            r"\end{itemize}",
        ]
    )


def _row(cells: tuple[str, ...]) -> str:
    return " & ".join(_escaped(cell) for cell in cells) + r" \\"


def _item(text: str, source: str) -> str:
    keys = cited(source)
    return rf"\item {_escaped(text)}" + (rf" \cite{{{','.join(keys)}}}" if keys else "")


def _escaped(text: str) -> str:
    parts = re.split("(<=|>=)", text)
    return "".join(
        _RELATIONS.get(part) or "".join(_SIGNS.get(sign, sign) for sign in part) for part in parts
    )
