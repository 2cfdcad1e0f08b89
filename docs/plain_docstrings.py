"""Docstrings are plain text, where |x| and x* are mathematics; here they become markup.

Formulas that `formulas` understands are set as mathematics, all others stay as they are written.
"""

import re

import formulas

_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Example|Examples|Source|Yields|Note):\s*$")
_SPECIAL = re.compile(r"([\\*|])|(?<=\w)(_)(?!\w)")


def _escaped(text):
    """Text with its code in double backticks, its formulas as such, and no accidental markup."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(_code(part) if i % 2 else _prose(part) for i, part in enumerate(parts))


def _code(part):
    """Code in double backticks; as a formula only what no program would be: sums and powers."""
    latex = formulas.whole(part[1:-1]) if re.search(r"\^|\b(sum|prod|integral)_", part) else None
    return f"`{part}`" if latex is None else f":math:`{latex}`"


def _prose(text):
    out, done = "", 0
    for start, end, latex in formulas.spans(text):
        out += _plain(text[done:start])
        # Markup begins and ends at a sign that is no letter; an escaped space separates and is not
        # shown.
        gap = "\\ " if out[-1:].isalnum() else ""
        after = "\\ " if text[end : end + 1].isalnum() else ""
        out, done = f"{out}{gap}:math:`{latex}`{after}", end
    return out + _plain(text[done:])


def _plain(text):
    return _SPECIAL.sub(lambda m: "\\" + m[0], text)


def _indent(line):
    return len(line) - len(line.lstrip())


def translated(lines):
    """The lines of a docstring: prose with formulas; others, and tables, in literal blocks."""
    out, section, part, block = [], "", [], []

    def finish():
        out.extend(_paragraph("\n".join(part), section).split("\n") if part else [])
        part.clear()
        for made in _block(block, section) if block else ():
            if made or (out and out[-1]):
                out.append(made)
        block.clear()

    for line in lines:
        if match := _SECTION.match(line):
            finish()
            section = match[1]
            out.append("Example:" if section == "Examples" else line)
            continue
        if section in ("Example", "Examples"):
            out.append(line)
            continue
        if not line.strip():
            finish()
            if out and out[-1]:
                out.append("")
            continue
        in_text = not section
        as_it_is = line.lstrip().startswith("| ") or (in_text and _indent(line) >= 4)
        begins = (section and _indent(line) <= 4) or line.lstrip().startswith("- ")
        if as_it_is:
            if part:
                finish()
            block.append(line)
        else:
            if block or begins:
                finish()
            part.append(line)
    finish()
    return out


def _paragraph(text, section):
    """A paragraph; the name of an argument before its colon is no formula."""
    name = re.match(r"\s*\*{0,2}\w[\w, *]*:(?=\s|$)", text) if section else None
    head = name[0] if name else ""
    return _plain(head) + _escaped(text[len(head) :])


def _block(lines, section):
    """Formulas that are all understood as mathematics, anything else in a literal block."""
    latex = None if lines[0].lstrip().startswith("| ") else formulas.displayed(lines)
    before = " " * (0 if not section else _indent(lines[0]))
    if latex is not None:
        return ["", before + ".. math::", "", *(f"{before}   {line}" for line in _split(latex)), ""]
    extra = "    " if _indent(lines[0]) < 4 else ""
    return ["", before + "::", "", *(extra + line for line in lines), ""]


def _split(latex):
    return [f"{line} \\\\" for line in latex[:-1]] + latex[-1:]


def _process(app, what, name, obj, options, lines):
    lines[:] = translated(lines)


def setup(app):
    """Runs before the Google style is read."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"parallel_read_safe": True}
