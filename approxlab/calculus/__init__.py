"""Networks of one variable as functions one can compute with. (Docstring to come.)"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
