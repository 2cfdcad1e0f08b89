"""Targets: functions on boxes with proved facts, and a catalogue of named targets.

import approxlab as al

al.targets.names()
al.targets.get("runge")
al.targets.get("tent", k=6)
al.targets.get("gaussian", dim=5).moved_to(al.Box.unit(5))
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
