"""`MLP`, its activations and initialisations, and the calculus of networks."""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
