"""Pages made from the repository: reference from the faces, gallery from the records, notebooks.

They go to `docs/generated/`, which git ignores.
"""

import ast
import hashlib
import importlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "generated"


def _write(path, text):
    """Only if it differs, so that Sphinx reads again what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def rooms():
    """The public rooms: folders with a face, and modules that stand alone."""
    face = ast.parse((ROOT / "approxlab" / "__init__.pyi").read_text())
    imports = [node for node in face.body if isinstance(node, ast.ImportFrom)]
    return [alias.name for node in imports if node.module is None for alias in node.names]


def public_names(room):
    """The names that a room shows."""
    return sorted(importlib.import_module(f"approxlab.{room}").__all__, key=str.lower)


def _reference():
    listed = []
    for room in rooms():
        module = f"approxlab.{room}"
        parts = [f"{room}\n{'=' * len(room)}\n", f".. automodule:: {module}\n   :no-members:\n"]
        for name in public_names(room):
            thing = getattr(importlib.import_module(module), name)
            kind = "autoclass" if isinstance(thing, type) else "autodata"
            kind = "autofunction" if callable(thing) and not isinstance(thing, type) else kind
            members = "   :members:\n" if kind == "autoclass" else ""
            title = f"{name[:-1]}\\_" if name.endswith("_") else name  # else it is a reference
            parts.append(f"{title}\n{'-' * len(title)}\n\n.. {kind}:: {module}.{name}\n{members}")
        _write(OUT / "reference" / f"{room}.rst", "\n".join(parts))
        first = (importlib.import_module(module).__doc__ or "").split("\n")[0]
        listed.append((room, first))
    table = "\n".join(f"| [al.{room}](reference/{room}.rst) | {first} |" for room, first in listed)
    toctree = "\n".join(f"reference/{room}" for room, _ in listed)
    _write(
        OUT / "reference.md",
        "# Reference\n\nEvery public name, by room.\n\n| room | what it holds |\n|---|---|\n"
        f"{table}\n\n```{{toctree}}\n:hidden:\n\n{toctree}\n```\n",
    )


def _question(name):
    """The first line of the experiment's docstring."""
    tree = ast.parse((ROOT / "experiments" / name / "experiment.py").read_text())
    return (ast.get_docstring(tree) or "").split("\n")[0]


def _gallery():
    parts = [
        "# Gallery\n\nEvery experiment: its question, its figure, what the figure shows, the "
        "command that makes it, and the record of its numbers. A click saves a figure at full "
        "size.\n"
    ]
    (OUT / "figures").mkdir(parents=True, exist_ok=True)
    for record in sorted((ROOT / "figures").glob("*.json")):
        name = record.stem
        for file in (record, *sorted((ROOT / "figures").glob(f"{name}*.png"))):
            if file.stem in (name, f"{name}_detail"):
                shutil.copyfile(file, OUT / "figures" / file.name)
        caption = " ".join(json.loads(record.read_text())["caption"].split())
        pictures = [
            f"[![{_question(name)}](figures/{file.name})](figures/{file.name})\n"  # at full size
            for file in sorted((OUT / "figures").glob(f"{name}*.png"))
            if file.stem in (name, f"{name}_detail")
        ]
        parts.append(
            f"## {name}\n\n**{_question(name)}**\n\n" + "\n".join(pictures) + f"\n{caption}\n\n"
            f"`python -m experiments.{name}` · {{download}}`record <figures/{name}.json>`\n"
        )
    _write(OUT / "gallery.md", "\n".join(parts))


def _notebook(source, plain):
    """The notebook as Jupyter stores it, executed unless `plain`; nothing if it has not changed."""
    import jupytext
    import nbclient
    import nbformat

    path = OUT / "notebooks" / f"{source.stem}.ipynb"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    if path.exists() and (plain or nbformat.read(path, 4).metadata.get("source_sha256") == digest):
        return
    notebook = jupytext.read(source)
    if not plain:
        nbclient.NotebookClient(notebook, timeout=300).execute()
        notebook.metadata["source_sha256"] = digest
    nbformat.write(notebook, path)


def _notebooks(plain):
    (OUT / "notebooks").mkdir(parents=True, exist_ok=True)
    sources = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
    with ThreadPoolExecutor(2) as pool:  # two kernels
        list(pool.map(lambda source: _notebook(source, plain), sources))
    toctree = "\n".join(f"notebooks/{source.stem}" for source in sources)
    _write(
        OUT / "notebooks.md",
        "# Notebooks\n\nThe lecture, to run and to change.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{toctree}\n```\n",
    )


def make(plain=False):
    """All of them; plain: notebooks without their outputs, which takes seconds."""
    _reference()
    _gallery()
    _notebooks(plain)


def setup(app):
    """Before Sphinx looks for its sources."""
    app.connect("config-inited", lambda app, config: make(app.tags.has("plain")))
    return {"parallel_read_safe": True}
