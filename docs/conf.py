"""Sphinx: `python -m sphinx -W docs build/docs`, without network.

With `-t plain` the notebooks are not executed.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

project = "approxlab"
author = "The approxlab authors"
copyright = "The approxlab authors, Apache-2.0"

extensions = [
    "generated_pages",
    "plain_docstrings",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx-mathjax-offline",
]
exclude_patterns = ["**/.ipynb_checkpoints"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

# Notebooks are executed by generated_pages, two at a time, and only if they have changed.
nb_execution_mode = "off"

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes are listed once, by their class
suppress_warnings = ["ref.python"]  # several classes have an attribute of the same name

html_theme = "furo"
html_title = "approxlab"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_extra_path = ["../page/approxlab.html"]  # the map of the lecture links to its sections
