"""Lists the experiments, with the question each one answers; imports none of them."""

import ast
import sys
from pathlib import Path


def experiments(folder: Path) -> dict[str, str]:
    """Names of the experiments in a folder, with the first line of their docstrings."""
    found = {}
    for path in sorted(folder.glob("*/__main__.py")):
        text = ast.get_docstring(ast.parse(path.with_name("__init__.py").read_text("utf-8")))
        found[path.parent.name] = (text or "(no description)").splitlines()[0]
    return found


def main(arguments: list[str]) -> int:
    """Prints the list; with any argument, says how an experiment is run instead."""
    found = experiments(Path(__file__).parent)
    if arguments:
        name = arguments[0] if arguments[0] in found else "NAME"
        print(f"An experiment runs with: python -m experiments.{name} [--help]", file=sys.stderr)
        return 2
    width = max(map(len, found), default=0)
    for name, question in found.items():
        print(f"{name:{width}}  {question}")
    print("\nRun one:    python -m experiments.NAME\nIts flags:  python -m experiments.NAME --help")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
