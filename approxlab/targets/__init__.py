"""Targets: functions on boxes with proved facts, and a catalogue of named targets.

import approxlab as al

al.targets.names()
al.targets.get("runge")
al.targets.get("tent", k=6)
al.targets.get("gaussian", dim=5).moved_to(al.Box.unit(5))
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
