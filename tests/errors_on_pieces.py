"""The sup error of a network of one variable, at points of each of its exact pieces."""

import numpy as np
import pytest

import approxlab as al


def largest_error(network, exact, box, per_piece=9):
    """The largest error at ends of exact pieces and in between; `exact` maps points (n, 1).

    Of networks with hundreds of units that nearly cancel, pieces are refused: then at many points.
    """
    if not pieces_are_told(network, box):
        points = box.uniform(200_001)
        return float(np.max(np.abs(al.evaluate(network, points) - exact(points))))
    pieces = al.regions.pieces(network, box)
    t = np.linspace(0.0, 1.0, per_piece)
    x = pieces.edges[:-1, None] * (1 - t) + pieces.edges[1:, None] * t
    return float(np.max(np.abs(pieces(x) - exact(x.reshape(-1, 1)).reshape(x.shape))))


def pieces_are_told(network, box):
    if network.num_hidden_units < 50 or network.depth == 1:
        return True
    try:
        al.regions.pieces(network, box)
    except ValueError as refusal:
        if "cannot tell its pieces" in str(refusal):
            return False
        pytest.fail(str(refusal))
    return True


def against(network, target, per_piece=9):
    """Against a target, in float64."""
    return largest_error(
        network, lambda x: np.asarray(al.evaluate(target, x)), target.domain, per_piece
    )
