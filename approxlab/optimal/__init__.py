"""Least possible errors: lower bounds for all networks of a given kind and size.

- `square_by_pieces`, `square_by_units`: the exact least errors for x^2.
- `relu_spline`: an interval that contains the least error of n linear pieces, for any target.
- `relu_spline_asymptotic`: the leading term for linear splines with free knots and smooth targets.
- `best_polynomial`, `near_best_rational`: errors of polynomials and rational functions.
- `max_pieces`: an upper bound on the affine pieces of a ReLU network on an interval.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
