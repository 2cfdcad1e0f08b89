"""approxlab: approximation theory of multi-layer perceptrons, with numbers that can be trusted.

How large a network does this function need, what does depth buy, and what do derivatives cost?

    import approxlab as al

Every public name is loaded when it is first used: importing approxlab sets nothing, prints nothing,
creates no array and loads no matplotlib.
"""

from approxlab.faces import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(__name__, __file__)
