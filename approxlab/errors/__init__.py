"""Errors found by sampling: sup norm, L2 norm, fitted rates, and the gap to the best possible.

Every function takes any callable of one point, so no kind of model is favoured. What comes back is
an `Estimate`: a sup estimate is a lower value of the true sup norm, however well it was refined.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
