"""Errors found by sampling: sup norm, L2 norm, fitted rates, and the gap to the best possible.

Every function takes any callable of one point, so no kind of model is favoured. What comes back is
an `Estimate`: a sup estimate is a lower value of the true sup norm, however well it was refined.
"""

from approxlab.errors.l2 import l2
from approxlab.errors.rates import gap, rate
from approxlab.errors.sup import sup

__all__ = ["gap", "l2", "rate", "sup"]
