"""Infinitely wide networks: their kernels, and what kernel regression makes of them."""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
