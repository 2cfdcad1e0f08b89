"""Linear regions of networks: exact pieces, how many there are, and bounds of the literature.

`pieces` and `count` follow the breakpoints of a piecewise linear network along an interval or a
segment, `partition` cuts a rectangle or a plane of the inputs into its polygons, and `bounds` are
those of the literature; `pieces_on_grid` counts the pieces of any function of one variable, as a
grid shows them.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
