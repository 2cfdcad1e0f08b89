"""Certified errors: what is proved of a network on a whole box, in floating point.

`sup_norm(model, target)` returns a `Certificate`: lower <= sup |model - target| <= upper in exact
real arithmetic, proved with intervals that are rounded outward. Saved certificates are proved again
in another process, without JAX:

    python -m approxlab.certify verify FILE
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
