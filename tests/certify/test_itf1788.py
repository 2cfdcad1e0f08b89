"""The Apache-licensed part of ITF1788, the test suite of IEEE 1788 (interval arithmetic).

The environment variable APPROXLAB_ITF1788 names the folder with `libieeep1788_elem.itl`
(github.com/oheim/ITF1788); without it these tests are skipped. Every bare test of an operation that
the kernel has must be contained in its result; where the arguments are inside of the domain and
bounded the result is as narrow as the lemmas say.
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from elementary_references import LEMMAS

from approxlab.certify import _compositions as compositions
from approxlab.certify import _elementary as elementary
from approxlab.certify._intervals import Intervals
from approxlab.certify._rounding import LARGEST

FOLDER = os.environ.get("APPROXLAB_ITF1788")

OPERATIONS = {
    "pos": lambda x: x,
    "neg": lambda x: -x,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "recip": lambda x: 1.0 / x,
    "sqr": lambda x: x.square(),
    "fma": lambda x, y, z: x * y + z,
    "pown": lambda x, n: x.power(n),
    "pow": compositions.power,
    "abs": abs,
    "min": lambda x, y: x.minimum(y),
    "max": lambda x, y: x.maximum(y),
    "sqrt": elementary.sqrt,
    "exp": elementary.exp,
    "log": elementary.log,
    "sin": elementary.sin,
    "cos": elementary.cos,
    "tan": compositions.tan,
    "atan": elementary.arctan,
    "tanh": elementary.tanh,
    "sinh": compositions.sinh,
    "cosh": compositions.cosh,
}
# Units in the last place: two for sums and products, four for quotients, and for elementary
# functions twice their lemma, two halves for the sum with the bound, and one step on each side.
NAMES = {"exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tanh": "tanh", "atan": "arctan"}
WIDTHS = {"add": 2, "sub": 2, "mul": 2, "sqr": 2, "div": 4, "recip": 4, "sqrt": 2} | {
    theirs: 2 * LEMMAS[ours] + 3 for theirs, ours in NAMES.items()
}


def number(word):
    word = word.strip().lower().replace("infinity", "inf")
    return float.fromhex(word) if "0x" in word else float(word)


def interval(word):
    """[a, b], [a], [empty], [entire] as a pair, None for the empty set."""
    inside = word.strip()[1:-1].strip().lower()
    if inside == "empty":
        return None
    if inside == "entire":
        return -np.inf, np.inf
    ends = [number(part) for part in inside.split(",")]
    return ends[0], ends[-1]


LINE = re.compile(r"^\s*(\w+)\s+((?:\[[^\]]*\]\s*|-?\d+\s+)+)=\s*(\[[^\]]*\])\s*;")
OPERAND = re.compile(r"\[[^\]]*\]|-?\d+")


def bare_tests(text):
    """Name, operands and result of the tests without decorations and without empty sets."""
    for line in text.splitlines():
        match = LINE.match(line)
        if not match or match[1] not in OPERATIONS or "nai" in line:
            continue
        operands = [
            interval(word) if word.startswith("[") else int(word)
            for word in OPERAND.findall(match[2])
        ]
        result = interval(match[3])
        if None not in operands and result is not None:
            yield match[1], operands, result


def evaluated(name, operands):
    given = [
        Intervals(np.array([value[0]]), np.array([value[1]])) if isinstance(value, tuple) else value
        for value in operands
    ]
    found = OPERATIONS[name](*given)
    return float(found.lo[0]), float(found.hi[0])


@pytest.fixture(scope="module")
def suite():
    if not FOLDER:
        pytest.skip("APPROXLAB_ITF1788 does not name the folder of the test suite")
    return list(bare_tests((Path(FOLDER) / "libieeep1788_elem.itl").read_text()))


def test_every_result_is_contained(suite):
    missed = []
    for name, operands, (lo, hi) in suite:
        below, above = evaluated(name, operands)
        if not (below <= lo and hi <= above):
            missed.append((name, operands, (lo, hi), (below, above)))
    assert missed == []
    assert len(suite) > 1500


def test_results_are_narrow(suite):
    wide = []
    for name, operands, (lo, hi) in suite:
        touching = name in ("div", "recip") and operands[-1][0] <= 0 <= operands[-1][1]
        outside = name in ("log", "sqrt") and operands[0][0] <= 0
        far = name in ("sin", "cos") and max(map(abs, operands[0])) > 2.0**20
        if name not in WIDTHS or touching or outside or far:
            continue
        for end, found in zip((lo, hi), evaluated(name, operands), strict=True):
            if not np.isfinite(end) or abs(end) == LARGEST:  # one step outward of which is infinity
                continue
            allowed = WIDTHS[name] * np.spacing(min(max(abs(end), abs(found)), 1e308))
            if not abs(found - end) <= allowed + 16 * 2.0**-1074:
                wide.append((name, operands, end, found))
    assert wide == []


def test_the_parser_reads_the_forms_of_the_suite():
    text = """
    add [1.0,2.0] [-0x1p-1, infinity] = [0.5,infinity];
    pown [-3.1,2] -2 = [entire];
    sqr [empty] = [empty];
    add [1.0,2.0]_com [5.0,7.0]_com = [6.0,9.0]_com;
    unknown [1.0] = [1.0];
    """
    assert list(bare_tests(text)) == [
        ("add", [(1.0, 2.0), (-0.5, np.inf)], (0.5, np.inf)),
        ("pown", [(-3.1, 2.0), -2], (-np.inf, np.inf)),
    ]
    assert evaluated("add", [(1.0, 1.0), (2.0, 2.0)])[0] <= 3.0
