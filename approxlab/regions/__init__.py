"""Affine pieces of piecewise affine functions of one variable: `pieces_on_grid`."""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
