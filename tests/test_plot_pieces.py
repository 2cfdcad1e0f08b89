"""The picture of the pieces of a network: every breakpoint, in the colour of its layer."""

import matplotlib
import numpy as np
import pytest

import approxlab as al
from approxlab.plotting import ordered_colors, plot_pieces

matplotlib.use("Agg")
BOX = al.Box([0.0], [1.0])


@pytest.mark.parametrize("k", [1, 4])
def test_every_breakpoint_is_drawn_in_the_colour_of_its_layer(k):
    found = al.regions.pieces(al.constructions.tent_deep(k).network, BOX)
    ax = plot_pieces(found)
    (curve,) = ax.lines
    assert curve.get_xydata().tolist() == np.stack([found.edges, found.values], 1).tolist()
    dots = [part for part in ax.collections if part.get_label().startswith("layer")]
    drawn = {
        (float(x), matplotlib.colors.to_hex(part.get_facecolor()[0]))
        for part in dots
        for x in part.get_offsets()[:, 0]
    }
    colors = ordered_colors(k)
    layers = zip(found.edges[1:-1].tolist(), found.layers.tolist(), strict=True)
    assert drawn == {(x, colors[layer - 1]) for x, layer in layers}
    assert [len(dot.get_offsets()) for dot in dots] == [2**i for i in range(k)]
    assert ax.get_ylim()[0] < 0.0
    ax.figure.clear()


def test_many_breakpoints_are_marks_alone():
    ax = plot_pieces(al.regions.pieces(al.constructions.tent_deep(10).network, BOX))
    assert (
        sum(len(part.get_offsets()) for part in ax.collections if part.get_label()[0] == "l") == 0
    )
    assert ax.get_legend().get_texts()[-1].get_text() == "layer 10: 512 breakpoints"
    ax.figure.clear()


def test_outputs_and_bad_input():
    net = al.MLP.from_arrays([[[1.0], [-2.0]]], [[0.0, 1.0]], "relu", out_size=2)
    found = al.regions.pieces(net, BOX)
    ax = plot_pieces(found, output=1, color="red")
    assert ax.lines[0].get_ydata().tolist() == [1.0, -1.0]
    assert (ax.lines[0].get_color(), ax.get_legend()) == ("red", None)
    ax.figure.clear()
    with pytest.raises(ValueError, match="output: got None, expected one of 0 to 1"):
        plot_pieces(found)
    with pytest.raises(TypeError, match=r"al\.regions\.pieces"):
        plot_pieces(net)
