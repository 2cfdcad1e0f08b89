"""The notebooks run from top to bottom, without a warning, and are made as CONTRIBUTING says."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
ONE_CELL = 60  # seconds; the whole notebook stays below a minute on two quiet cores


def _cells(path):
    """(heading, text) for every cell of the percent format."""
    parts = re.split(r"^# %%(.*)$", path.read_text(), flags=re.MULTILINE)[1:]
    return [(parts[i].strip(), parts[i + 1].strip()) for i in range(0, len(parts), 2)]


def _names(path):
    return path.stem


def test_the_numbers_of_the_notebooks_have_no_hole():
    assert [int(path.name[:2]) for path in NOTEBOOKS] == list(range(1, len(NOTEBOOKS) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=_names)
def test_no_sentence_becomes_a_list(path):
    """Markdown begins a list at a line with + or - in front, also in the middle of a formula."""
    for heading, text in _cells(path):
        lines = text.splitlines() if heading == "[markdown]" else []
        for before, line in itertools.pairwise(lines):
            sign = re.match(r"# [-+*] ", line)
            assert not sign or before.startswith(("# - ", "#   ")) or before == "#", line


@pytest.mark.parametrize("path", NOTEBOOKS, ids=_names)
def test_form(path):
    cells = _cells(path)
    first_code = next(text for heading, text in cells if not heading.startswith("[markdown]"))
    assert 'jax.config.update("jax_enable_x64", True)' in first_code
    assert cells[0][0] == "[markdown]", "a title first"
    assert re.match(rf"# # {int(path.name[:2])}\. ", cells[0][1]), "the title has its number"
    titles = [text.splitlines()[0] for heading, text in cells if heading == "[markdown]"]
    assert "# ## Exercises" in titles, "exercises"
    assert "# ### Solutions" in titles, "solutions"
    solutions = cells[[text.startswith("# ### Solutions") for _, text in cells].index(True) + 1 :]
    assert solutions, "no solution"
    for heading, text in solutions:
        assert '"source_hidden": true' in heading, f"a solution is open: {text[:60]}"
    code = "\n".join(text for heading, text in cells if not heading.startswith("[markdown]"))
    assert code.count("assert ") >= 4, "the numbers in the prose are asserted"
    assert "warnings.filter" not in code, "nothing warns, and nothing is silenced"


def test_a_notebook_runs_as_a_script():
    """The smoke subset of the ordinary command; all of them run in a kernel by `-m notebook`."""
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", FOLDER / "06_chain_rule.py"],
        env={"MPLBACKEND": "Agg", "PATH": "", "PYTHONPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=_names)
def test_runs_in_a_kernel(path, tmp_path):
    jupytext = pytest.importorskip("jupytext", reason="pip install -e '.[notebooks]'")
    nbclient = pytest.importorskip("nbclient")
    notebook = jupytext.read(path)
    client = nbclient.NotebookClient(
        notebook, timeout=ONE_CELL, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    told = [
        out["text"] for out in outputs if out.get("name") == "stderr" and "it/s" not in out["text"]
    ]
    assert not told, f"warnings: {told}"
    pictures = [out for out in outputs if "image/png" in out.get("data", {})]
    assert pictures, "a notebook shows at least one picture"
