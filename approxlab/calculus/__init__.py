"""Networks of one variable as functions one can compute with, in the spirit of Chebfun.

Functions take a network and a box. They return a network where the class is closed: `maximum`,
`minimum`, `reflect`, `inverse`, `restrict`, `simplify`, `derivative`, `antiderivative`; sums,
differences, multiples and absolute values are operators of `MLP`, and `al.compose` composes. The
others return numbers and sets: `integral`, `inner`, `norm`, `arc_length`, `total_variation`,
`roots`, `level_set`, `intersections`, `extrema`, `kinks`. Products are no networks: see `multiply`.

What is exact: the parameters of a network, float32 or float64, are taken as exact numbers. Of
piecewise linear networks, kinks and values are computed in integers and rounded once to float64:
all roots, extrema and kinks are found, ties included, and sums over pieces are right to a few
roundings of the sum of the sizes of their terms. Networks for which this would take more than about
a third of a second are computed in float64, with integers where its rounding leaves a sign open.
Parameters of new networks are these numbers, rounded once more to the dtype of the network.

Of smooth networks (tanh, sigmoid, softplus, sin, gelu, swish, powers of relu) values and
derivatives are enclosed in intervals rounded outward: all roots and extrema are found or named as
not resolved, and integrals have a proved bound of their error.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
