"""Docstrings are plain text, where |x| and x* are mathematics; here they become markup."""

import re

_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Example|Examples|Source|Yields|Note):\s*$")
_SPECIAL = re.compile(r"([\\*|])|(?<=\w)(_)(?!\w)")


def _escaped(line):
    """Text with its code in double backticks, and without signs that would be markup."""
    parts = re.split(r"(`[^`]+`)", line)
    return "".join(
        f"`{part}`" if i % 2 else _SPECIAL.sub(lambda m: "\\" + m[0], part)
        for i, part in enumerate(parts)
    )


def _indent(line):
    return len(line) - len(line.lstrip())


def translated(lines):
    """The lines of a docstring, with formulas and tables as they are, in literal blocks."""
    out, section, literal = [], "", False
    for line in lines:
        if match := _SECTION.match(line):
            section, literal = match[1], False
            out.append("Example:" if section == "Examples" else line)
            continue
        if section in ("Example", "Examples"):
            out.append(line)
            continue
        if not line.strip():
            out.append("")
            continue
        in_text = not section
        as_it_is = line.lstrip().startswith("| ") or (in_text and _indent(line) >= 4)
        if as_it_is and not literal:
            if not (out and out[-1] == ""):
                out.append("")
            out += [" " * (0 if in_text else _indent(line)) + "::", ""]
        elif literal and not as_it_is and out and out[-1] != "":
            out.append("")
        literal = as_it_is
        extra = "    " if as_it_is and _indent(line) < 4 else ""
        out.append(extra + line if as_it_is else _escaped(line))
    return out


def _process(app, what, name, obj, options, lines):
    lines[:] = translated(lines)


def setup(app):
    """Runs before the Google style is read."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"parallel_read_safe": True}
