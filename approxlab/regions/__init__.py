"""Affine pieces of piecewise affine functions of one variable: `pieces_on_grid`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
