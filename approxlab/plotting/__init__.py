"""Records to pictures: the only part of approxlab that imports matplotlib.

Every `plot_*(rows, *, ax=None, **style)` draws on the given axes (or on new ones) and returns them.
Nothing is shown, no file is written, no global setting changes. `colors` gives the colours of all
figures by meaning.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
