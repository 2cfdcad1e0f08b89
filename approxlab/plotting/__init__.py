"""Records to pictures: the only part of approxlab that imports matplotlib.

Every `plot_*(rows, *, ax=None, **style)` draws on the given axes (or on new ones) and returns them.
Nothing is shown, no file is written, no global setting changes.
"""

from approxlab.plotting.graphs import plot_trace
from approxlab.plotting.sizes import plot_error_against_size, plot_heat_map, quartiles
from approxlab.plotting.style import ordered_colors, style

__all__ = [
    "ordered_colors",
    "plot_error_against_size",
    "plot_heat_map",
    "plot_trace",
    "quartiles",
    "style",
]
