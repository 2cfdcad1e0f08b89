"""Figures of partitions: what is filled in, colours that stay, lines by layer, what is refused."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection, TriMesh

from approxlab import MLP, Box, plotting, regions
from approxlab.plotting.partitions import pattern_colors

SQUARE = Box([-1.0, -1.0], [1.0, 1.0])


def network(outputs=None):
    rng = np.random.default_rng(0)
    sizes = (2, 6, 5, outputs or 1)
    weights = [rng.normal(size=(m, n)) for n, m in itertools.pairwise(sizes)]
    biases = [0.3 * rng.normal(size=m) for m in sizes[1:]]
    return MLP.from_arrays(weights, biases, "relu", out_size=outputs, dtype="float64")


@pytest.fixture(scope="module")
def found():
    return regions.partition(network(), SQUARE)


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def drawn(ax, kind):
    return [c for c in ax.collections if isinstance(c, kind)]


def test_values_are_those_of_the_network(found, ax):
    plotting.plot_partition(found, ax=ax)
    (mesh,) = drawn(ax, TriMesh)
    assert np.array_equal(np.asarray(mesh.get_array()), found.values)
    assert ax.get_xlim() == (-1.0, 1.0) and ax.get_aspect() == 1.0  # noqa: PT018


def test_slopes_are_gradients(found, ax):
    plotting.plot_partition(found, fill="slope", ax=ax)
    (polygons,) = drawn(ax, PolyCollection)
    assert np.allclose(np.asarray(polygons.get_array()), np.hypot(*found.gradients.T))
    assert len(polygons.get_paths()) == len(found)


def test_a_pattern_has_the_same_colour_in_another_box(found, ax):
    part = regions.partition(network(), Box([-0.5, 0.0], [0.7, 1.0]))
    assert len(part) < len(found)
    known = {
        tuple(p): c for p, c in zip(found.patterns, pattern_colors(found.patterns), strict=True)
    }
    for pattern, color in zip(part.patterns, pattern_colors(part.patterns), strict=True):
        assert np.array_equal(known[tuple(pattern)], color)
    assert len(np.unique(pattern_colors(found.patterns), axis=0)) == len(found)
    plotting.plot_partition(part, fill="pattern", ax=ax)
    assert len(drawn(ax, PolyCollection)[0].get_facecolors()) == len(part)


def test_lines_are_those_of_their_layers(found, ax):
    plotting.plot_partition(found, fill=None, ax=ax)
    lines = drawn(ax, LineCollection)
    assert [line.get_label() for line in lines] == ["layer 1", "layer 2"]
    for layer, line in enumerate(lines, 1):
        assert len(line.get_segments()) == np.count_nonzero(found.layers == layer)


def test_several_outputs_are_asked_for(ax):
    found = regions.partition(network(outputs=2), SQUARE)
    with pytest.raises(ValueError, match="which of the 2"):
        plotting.plot_partition(found, ax=ax)
    plotting.plot_partition(found, output=1, ax=ax)
    assert np.array_equal(np.asarray(drawn(ax, TriMesh)[0].get_array()), found.values[:, 1])


def test_bad_input_is_told(found, ax):
    with pytest.raises(TypeError, match=r"al\.regions\.partition"):
        plotting.plot_partition(network(), ax=ax)
    with pytest.raises(ValueError, match="value, slope, pattern"):
        plotting.plot_partition(found, fill="area", ax=ax)


def test_new_axes_have_a_legend_of_layers_and_lines_over_a_map_a_light_rim(found, ax):
    own = plotting.plot_partition(found, fill="slope")
    assert [text.get_text() for text in own.get_legend().get_texts()] == ["layer 1", "layer 2"]
    assert all(line.get_path_effects() for line in drawn(own, LineCollection))
    own.figure.clear()
    plotting.plot_partition(found, fill="pattern", ax=ax)
    assert ax.get_legend() is None
    assert not any(line.get_path_effects() for line in drawn(ax, LineCollection))
