"""The least errors possible: what no network of a kind and size can go below.

- `square_by_pieces`, `square_by_units`: exact values for x^2.
- `relu_spline`: an interval that holds the least error of n linear pieces, for any target.
- `relu_spline_asymptotic`: the leading term of linear splines with free knots, for smooth targets.
- `best_polynomial`, `near_best_rational`: what polynomials and rational functions reach.
- `max_pieces`: how many affine pieces a ReLU network of a shape can have on an interval.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
