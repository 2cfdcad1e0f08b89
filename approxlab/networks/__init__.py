"""`MLP`, its activations and initialisations, the calculus of networks, and linear layers."""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
