"""Plots: the numbers drawn, and that nothing global changes. Whether they please is for the eye."""

import math
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from approxlab import plotting

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
    assert "1e-4" in [text.get_text() for text in ax.texts]
    # p = 8 is reached in the upper row at w = 2, the centre of the first cell.
    line = next(line for line in ax.lines if abs(line.get_xdata()[-2] - 0.5) < 1e-12)
    assert line.get_ydata().tolist() == [-0.5, 0.5, 1.5, 2.5]


def test_heat_map_of_a_single_cell_and_of_a_diverged_one(ax):
    rows = [{"w": w, "d": 1, "e": e} for w, e in ((1, 0.5), (2, math.inf))]
    plotting.plot_heat_map(rows, x="w", y="d", value="e", ax=ax)
    assert [text.get_text() for text in ax.texts] == ["5e-1", "div."]


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
    folder = Path(__file__).parents[1] / "experiments"
    for path in folder.rglob("*.py"):
        assert not re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text()), path
