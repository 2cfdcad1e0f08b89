"""The documentation names what there is: every public name, experiment and notebook."""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import approxlab as al

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def _module(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pages(tmp_path):
    generated = _module("generated_pages")
    generated.OUT = tmp_path
    generated._reference()
    generated._gallery()
    return tmp_path


def test_every_public_name_is_in_the_reference(pages):
    rooms = _module("generated_pages").rooms()
    assert {"fitting", "errors", "certify"} <= set(rooms)
    assert set(rooms) == {name for name in dir(al) if name.islower() and _is_room(name)}
    for room in rooms:
        text = (pages / "reference" / f"{room}.rst").read_text()
        for name in importlib.import_module(f"approxlab.{room}").__all__:
            assert f":: approxlab.{room}.{name}\n" in text, name
        assert f"(reference/{room}.rst)" in (pages / "reference.md").read_text()


def _experiments():
    folders = {path.parent.name for path in ROOT.glob("experiments/*/experiment.py")}
    return folders - {"runner"}  # it says what an experiment is


def _is_room(name):
    return importlib.util.find_spec(f"approxlab.{name}") is not None


def test_every_experiment_is_in_the_gallery_with_its_figure(pages):
    text = (pages / "gallery.md").read_text()
    experiments = _experiments()
    assert set(re.findall(r"^## (\w+)$", text, re.MULTILINE)) == experiments
    for name in experiments:
        assert (pages / "figures" / f"{name}.png").exists()
        assert f"`python -m experiments.{name}`" in text


def test_every_notebook_and_experiment_is_on_the_map():
    text = (DOCS / "lecture.md").read_text()
    for path in ROOT.glob("notebooks/[0-9]*.py"):
        assert f"generated/notebooks/{path.stem}.ipynb" in text, path.stem
    named = set(re.findall(r"`([a-z0-9_]+)`", text.replace("` --targets", "`")))
    experiments = _experiments()
    missing = {name for name in experiments if name not in text} - NOT_ON_THE_MAP
    assert not missing, missing
    assert named


def test_links_to_the_page_go_to_sections_that_it_has():
    linked = re.findall(r'href="approxlab\.html#(\w+)"', (DOCS / "lecture.md").read_text())
    sections = re.findall(r'<section id="(\w+)"', (ROOT / "page/approxlab.html").read_text())
    assert sorted(linked) == sorted(sections)  # every section is on the map, once


# Benchmarks and studies beside the lecture.
NOT_ON_THE_MAP = {
    *("cluster_speedup", "first_use", "growth", "training_throughput"),
    *("steep_or_solved", "radial_separation"),
}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_functions_named_in_the_pages_exist(page):
    for dotted in re.findall(r"`al\.([A-Za-z0-9_.]+)", page.read_text()):
        thing = al
        for part in dotted.strip(".").split("."):
            thing = getattr(thing, part)


def test_docstrings_become_markup_without_losing_a_sign(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    translated = _module("plain_docstrings").translated
    text = ["|f - g| is at most `eps`, a * b, x_ and x_1.", "", "    y = |x|", "", "Args:"]
    text += ["    f: A *function*.", "", "Example:", "    >>> a * b", "    6"]
    assert translated(text) == [
        r"\|f - g\| is at most ``eps``, a \* b, x\_ and :math:`x_{1}`.",
        "",
        "::",
        "",
        "    y = |x|",
        "",
        "Args:",
        r"    f: A \*function\*.",
        "",
        "Example:",
        "    >>> a * b",
        "    6",
    ]


@pytest.mark.slow
@pytest.mark.notebook
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("furo", reason="pip install -e '.[docs]'")
    command = ["-m", "sphinx", "-q", "-W", "--keep-going", "-t", "plain", DOCS, tmp_path / "site"]
    run = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img)[^>]*(?:src|href)="(https?:[^"]*)"', page.read_text()
        )
        assert not loaded, f"{page.name} loads {loaded} from the network"
