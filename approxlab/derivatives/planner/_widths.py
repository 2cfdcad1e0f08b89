"""The widths of a network that is to be planned: of an MLP, or as they are given."""

from __future__ import annotations

from typing import Any

from approxlab.arguments import check_positive
from approxlab.networks.mlp import MLP

__all__ = ["widths_of"]


def widths_of(net: Any) -> tuple[int, ...]:
    """Sizes from the input to the output.

    Raises:
        ValueError: If it is no network and no list of positive integers.
    """
    if isinstance(net, MLP):
        return net.sizes
    if not hasattr(net, "__len__") or len(net) < 2:
        raise ValueError(
            f"net: got {net!r}, expected an MLP or its widths from the input to the output, such "
            "as (2, 64, 64, 1)."
        )
    for width in net:
        check_positive(net=width)
    return tuple(int(width) for width in net)
