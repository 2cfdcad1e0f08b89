"""The command `python -m approxlab answer`: an answer in the shell, and in files."""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]

_FORM = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")


def main(arguments: list[str]) -> int:
    """0 with an answer, 1 if no network was found, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    import jax

    jax.config.update("jax_enable_x64", True)
    from approxlab.answers.asking import answer
    from approxlab.domains import Box

    try:
        target = _target(options.target)
        box = None if options.box is None else _box(options.box, Box)
        found = answer(
            target,
            options.eps,
            box=box,
            seconds=options.seconds,
            max_fits=options.max_fits,
            progress=not options.quiet and sys.stderr.isatty(),
        )
    except (ValueError, TypeError) as error:
        print(f"answer: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    print(found.latex() if options.latex else found.bibtex() if options.bibtex else found)
    if options.save is not None:
        found.save(options.save)
    if options.figure is not None:
        found.plot().savefig(options.figure)
    return 0 if found.found else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m approxlab",
        description="How small can a network within eps of a function be, and what is proved?",
    )
    commands = parser.add_subparsers(required=True, metavar="answer")
    what = "the smallest networks within eps, proved least sizes, certificates and costs"
    ask = commands.add_parser("answer", help=what, description=what)
    ask.add_argument("target", help="a name of the catalogue, such as runge, or FILE.py:name")
    ask.add_argument("--eps", type=float, required=True, help="largest error in the sup norm")
    ask.add_argument("--box", help="of a plain function, such as 0,1 or -1,1x0,2")
    ask.add_argument("--seconds", type=float, default=30.0, help="by the clock (default 30)")
    ask.add_argument("--max-fits", type=int, default=12, help="of each family (default 12)")
    ask.add_argument("--save", metavar="FOLDER", help="write numbers, networks, certificates")
    ask.add_argument("--figure", metavar="FILE", help="write the page: .png, .pdf or .svg")
    form = ask.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print LaTeX in place of the table")
    form.add_argument("--bibtex", action="store_true", help="print the works it rests on")
    ask.add_argument("--quiet", action="store_true", help="no bar")
    return parser


def _target(text: str) -> Any:
    """The name of a target in the catalogue, or what a file calls by the name behind the colon."""
    match = _FORM.fullmatch(text)
    if match is None:
        return text
    file = Path(match["file"])
    if not file.is_file():
        raise ValueError(f"target: got {text!r}, expected a file; there is no {file.name}.")
    spec = importlib.util.spec_from_file_location("_target_of_answer", file)
    assert spec is not None  # it ends with .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent.resolve()))  # for what it imports from beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"target: {file.name} could not be run: {error!r}.") from error
    finally:
        del sys.path[0]
    if not hasattr(module, match["name"]):
        names = sorted(name for name in vars(module) if not name.startswith("_"))
        raise ValueError(
            f"target: got {text!r}, expected a name in {file.name}: {', '.join(names)}."
        )
    return _made(getattr(module, match["name"]))


def _made(found: Any) -> Any:
    """A target, also one that a function without arguments returns; or the function itself."""
    from approxlab.targets.target import Target

    code = getattr(found, "__code__", None)
    if isinstance(found, Target) or code is None or code.co_argcount > 0:
        return found
    return found()


def _box(text: str, box: Any) -> Any:
    """A box from text: sides a,b joined by x."""
    try:
        sides = [tuple(float(end) for end in side.split(",")) for side in text.split("x")]
        return box([a for a, _ in sides], [b for _, b in sides])
    except ValueError as error:
        raise ValueError(
            f"box: got {text!r}, expected sides such as 0,1 or -1,1x0,2 ({error})."
        ) from error
