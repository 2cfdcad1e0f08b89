"""Plots: the numbers drawn, and that nothing global changes. Whether they please is for the eye."""

import importlib
import io
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from approxlab import plotting, records
from approxlab.claims import Estimate

FOLDER = Path(__file__).parents[1]
FIGURES = sorted(path.parent.name for path in (FOLDER / "experiments").glob("*/figure.py"))
ROWS = [
    {"n": n, "depth": d, "seed": s, "error": d * (1 + s) / n**2}
    for n in (2, 4, 8)
    for d in (1, 2)
    for s in range(5)
]


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_lines_are_medians_and_bands_are_quartiles(ax):
    drawn = plotting.plot_error_against_size(ROWS, x="n", y="error", by="depth", ax=ax)
    assert drawn is ax
    assert [line.get_label() for line in ax.lines] == ["1", "2"]
    for depth, line, band in zip((1, 2), ax.lines, ax.collections, strict=True):
        assert line.get_xdata().tolist() == [2, 4, 8]
        assert line.get_ydata() == pytest.approx([3 * depth / n**2 for n in (2, 4, 8)])
        height = band.get_paths()[0].vertices[:, 1]
        assert height.max() == pytest.approx(4 * depth / 4)
        assert height.min() == pytest.approx(2 * depth / 64)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_quartiles_are_those_of_numpy():
    values = np.random.default_rng(0).uniform(size=7)
    rows = [{"n": 1, "e": v} for v in values]
    _, *found = plotting.quartiles(rows, x="n", y="e")
    assert np.concatenate(found) == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]))


def test_a_diverged_run_is_a_bad_run():
    rows = [{"n": 1, "e": e} for e in (1.0, math.nan, math.inf)]
    _, lower, middle, upper = plotting.quartiles(rows, x="n", y="e")
    assert (middle[0], upper[0]) == (math.inf, math.inf)
    assert lower[0] == math.inf
    rows = [{"n": 1, "e": e} for e in (1.0, 2.0, math.nan)]
    assert plotting.quartiles(rows, x="n", y="e")[2][0] == 2.0


def test_heat_map_shows_medians_and_levels(ax):
    rows = [
        {"w": w, "d": d, "e": 10.0 ** -(i + 2 * j), "p": w * w * d}
        for i, w in enumerate((2, 4, 8))
        for j, d in enumerate((1, 2))
    ]
    plotting.plot_heat_map(rows, x="w", y="d", value="e", level="p", ax=ax)
    table = ax.collections[0].get_array()
    assert np.ravel(table).tolist() == pytest.approx([1, 1e-1, 1e-2, 1e-2, 1e-3, 1e-4])
    assert "1.0e-4" in [text.get_text() for text in ax.texts]
    # p = 8 is reached in the upper row at w = 2, the centre of the first cell.
    line = next(line for line in ax.lines if abs(line.get_xdata()[-2] - 0.5) < 1e-12)
    assert line.get_ydata().tolist() == [-0.5, 0.5, 1.5, 2.5]


def test_heat_map_of_a_single_cell_and_of_a_diverged_one(ax):
    rows = [{"w": w, "d": 1, "e": e} for w, e in ((1, 0.5), (2, math.inf))]
    plotting.plot_heat_map(rows, x="w", y="d", value="e", ax=ax)
    assert [text.get_text() for text in ax.texts] == ["5.0e-1", "div."]


def test_heat_map_cells_show_two_figures(ax):
    rows = [{"w": w, "d": 1, "e": e} for w, e in ((1, 0.00314), (2, 0.0096), (3, 9.96e-7))]
    plotting.plot_heat_map(rows, x="w", y="d", value="e", ax=ax)
    assert [text.get_text() for text in ax.texts] == ["3.1e-3", "9.6e-3", "1.0e-6"]


def estimates(*kinds):
    return [
        {"n": n, "d": 1, "e": Estimate(1.0 / n, norm=norm, points=9, relative=relative)}
        for n, (norm, relative) in enumerate(kinds, 1)
    ]


def test_estimates_are_drawn_as_their_values(ax):
    plotting.plot_error_against_size(estimates(("l2", False), ("l2", False)), x="n", y="e", ax=ax)
    assert ax.lines[0].get_ydata().tolist() == [1.0, 0.5]
    plotting.plot_heat_map(estimates(("sup", True), ("sup", True)), x="n", y="d", value="e")
    plt.close()


@pytest.mark.parametrize("other", [("l2", False), ("sup", True)])
def test_errors_of_different_norms_are_not_drawn_together(ax, other):
    rows = estimates(("sup", False), other)
    with pytest.raises(ValueError, match="rows: field 'e': got .*sup.* errors, expected one"):
        plotting.plot_error_against_size(rows, x="n", y="e", ax=ax)
    with pytest.raises(ValueError, match="expected one norm"):
        plotting.plot_heat_map(rows, x="n", y="d", value="e", ax=ax)
    with pytest.raises(ValueError, match="expected one norm"):
        plotting.quartiles(rows, x="d", y="e")


@pytest.mark.parametrize("name", ["screen", "paper", "slides"])
def test_styles_change_nothing_outside(name):
    before = dict(mpl.rcParams)
    with plotting.style(name):
        assert dict(mpl.rcParams) != before
        plt.close(plt.figure())
    assert dict(mpl.rcParams) == before


def test_plots_write_no_file_and_open_no_figure_beside_their_own(tmp_path, monkeypatch, ax):
    monkeypatch.chdir(tmp_path)
    before = plt.get_fignums()
    plotting.plot_error_against_size(ROWS, x="n", y="error", ax=ax)
    assert plt.get_fignums() == before
    assert not list(tmp_path.iterdir())


def test_colors_get_lighter():
    def lightness(color):
        return float(np.dot(mpl.colors.to_rgb(color), (0.299, 0.587, 0.114)))

    shades = [lightness(color) for color in plotting.ordered_colors(6)]
    assert shades == sorted(shades)
    assert len(set(plotting.ordered_colors(6))) == 6


def test_colors_are_given_by_meaning():
    assert plotting.colors("depth")["deep"] != plotting.colors("depth")["shallow"]
    with pytest.raises(ValueError, match="topic: got 'deph', expected one of depth"):
        plotting.colors("deph")
    with pytest.raises(TypeError):
        plotting.colors("depth")["deep"] = "red"


def test_figures_write_no_colors_of_their_own():
    for path in (FOLDER / "experiments").rglob("*.py"):
        assert not re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text()), path


# Notebooks: as theirs, this backend makes pyplot interactive when the first figure loads it.

BACKEND = """
import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
mpl.interactive(True)
"""
FIRST_FIGURE = """
import matplotlib.pyplot as plt
import matplotlib as mpl
from approxlab import plotting
assert not mpl.is_interactive()
size = mpl.rcParams["font.size"]
with plotting.style("paper"):
    plt.figure()
print(mpl.is_interactive(), mpl.rcParams["font.size"] == size, mpl.get_backend())
"""


def test_a_first_figure_inside_of_a_style_leaves_pyplot_interactive(tmp_path):
    (tmp_path / "of_a_notebook.py").write_text(BACKEND)
    done = subprocess.run(
        [sys.executable, "-c", FIRST_FIGURE],
        env={
            **os.environ,
            "MPLBACKEND": "module://of_a_notebook",
            "PYTHONPATH": f"{FOLDER}{os.pathsep}{tmp_path}",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "True", "module://of_a_notebook"]


@pytest.mark.parametrize("inside", [True, False])
def test_a_style_gives_back_what_is_interactive_even_after_an_error(inside):
    def failing():
        with plotting.style("slides"):
            mpl.interactive(inside)
            raise ZeroDivisionError

    before = mpl.is_interactive()
    try:
        with pytest.raises(ZeroDivisionError):
            failing()
        assert mpl.is_interactive() == inside
    finally:
        mpl.interactive(before)


@pytest.mark.parametrize("name", FIGURES)
def test_the_figure_of_an_experiment_is_shown_by_who_asked_for_it(name):
    """Pyplot keeps none of them, or a notebook would show it a second time."""
    draw = importlib.import_module(f"experiments.{name}.figure").draw
    assert draw.__wrapped__.__name__ == "draw"


def test_a_figure_that_was_given_back_can_be_saved_and_is_not_kept():
    rows = records.read_record(FOLDER / "figures" / "sigmoid_shapes.json").rows
    before = plt.get_fignums()
    figure = importlib.import_module("experiments.sigmoid_shapes.figure").draw(rows)
    assert plt.get_fignums() == before
    figure.savefig(image := io.BytesIO(), format="png")
    assert len(image.getvalue()) > 10_000
