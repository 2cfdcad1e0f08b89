"""Builds the page: `python -m page`; with `--check` it only says whether it is up to date."""

import argparse
import re
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "sources"
PAGE = Path(__file__).parent / "approxlab.html"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)


def in_order(name: str, seen: list[str]) -> list[str]:
    """A module and all that it imports, each after what it needs."""
    if name not in seen:
        for needed in _IMPORT.findall((SOURCES / name).read_text()):
            if needed not in seen:
                in_order(needed, seen)
        seen.append(name)
    return seen


def script() -> str:
    """All modules as one script."""
    parts = []
    for name in in_order("main.js", []):
        text = _IMPORT.sub("", (SOURCES / name).read_text())
        parts.append(f"// {name}\n" + re.sub(r"^export ", "", text, flags=re.MULTILINE))
    return "\n".join(parts)


def built() -> str:
    """The text of the page."""
    frame = (SOURCES / "frame.html").read_text()
    style = "\n".join(path.read_text() for path in sorted(SOURCES.glob("*.css")))
    return frame.replace("/* STYLE */", style).replace("/* SCRIPT */", script())


def main() -> None:
    """Writes the page, or compares it with its sources."""
    parser = argparse.ArgumentParser(prog="python -m page", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    if parser.parse_args().check:
        if not PAGE.exists() or PAGE.read_text() != built():
            sys.exit("page/approxlab.html is not what its sources give. Run: python -m page")
    else:
        PAGE.write_text(built())
        print(f"{PAGE} ({PAGE.stat().st_size / 1000:.0f} kB): open it by double click.")


if __name__ == "__main__":
    main()
