"""Networks found by computing: training, solving, greedy selection, placed knots.

`fit` trains; `readout` solves for the last layer alone, and `quasi_interpolant` for that of units
on given centres; `fit_stages` adds networks for the residual; `greedy` chooses units one by one;
`free_knots` places the knots of shallow ReLU networks.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
