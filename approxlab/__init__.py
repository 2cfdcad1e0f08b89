"""approxlab: approximation theory of multi-layer perceptrons, with numbers that can be trusted.

How large a network does this function need, what does depth buy, and what do derivatives cost?

    import approxlab as al

Every public name is loaded when it is first used: importing approxlab sets nothing, prints nothing,
creates no array and loads no matplotlib.
"""

import difflib

import lazy_loader

__version__ = "0.1.0"

_found, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name in __all__ or name.startswith("__"):
        return _found(name)
    near = difflib.get_close_matches(name, __all__, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" There are {', '.join(sorted(__all__))}."
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{hint}")
