"""Networks built by theorems, each with a claim that is tested.

`CONSTRUCTIONS` lists every construction with small arguments at which the laws of the test suite
hold it to its claim. `maurey` is not among them: its theorem bounds the mean over random draws.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
