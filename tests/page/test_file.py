"""The page is what its sources give, one file without addresses, each source of one topic."""

import re
from pathlib import Path

import pytest

import page.__main__ as page

SOURCES = sorted(page.SOURCES.iterdir())


def test_the_page_is_up_to_date():
    assert page.PAGE.read_text() == page.built(), "run: python -m page"


def test_the_page_stands_alone():
    text = page.PAGE.read_text()
    assert len(text.encode()) < 10**6
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, nothing is fetched
    assert not re.findall(r"\b(eval|Function|fetch|XMLHttpRequest|WebSocket|import)\b *\(", text)
    assert "default-src 'none'" in text


def test_every_module_is_on_the_page():
    modules = {path.name for path in SOURCES if path.suffix == ".js"}
    assert modules == set(page.in_order("main.js", []))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_sources_are_short(path: Path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 400, "two topics"
    if path.suffix == ".js":
        assert lines[0].startswith("// ")
        assert max(map(len, lines)) <= 100
