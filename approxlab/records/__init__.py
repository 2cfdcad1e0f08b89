"""Rows of results: identity, checksum, append and resume, provenance, record files.

A row is a flat dict from names to numbers, strings, booleans or None. A unit is one or more rows
that are computed and resumed together. A run appends its rows to a row file; the rows of a figure
are kept, with their provenance, in one small JSON record.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
