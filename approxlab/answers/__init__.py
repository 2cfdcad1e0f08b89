"""One answer for a function and an accuracy: how small can a network be, and what is proved?

`answer` returns an `Answer`, which shows, draws, saves and cites itself:

    found = al.answer("runge", 1e-3)
    print(found)      # networks, proved least sizes, what depth saves, costs
    found.plot()      # one page
    found.save("runge_1e-3"), found.latex(), found.bibtex()
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
