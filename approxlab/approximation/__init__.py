"""The cheapest network that the library can prove to be within eps of a target.

`approximate` asks every construction, and returns an `Approximation`:

    found = al.approximate(al.targets.get("exp"), 1e-3)
    found.network, found.claim, found.reason
    found.table   # what every other construction would cost, or why it does not apply
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
