"""`MLP`, its activations and initialisations, the calculus of networks, and linear layers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
