"""Rows of results: identity, checksum, append and resume, provenance, record files.

A row is a flat dict: names to numbers, strings, booleans or None. A unit is what is computed and
resumed in one piece, and consists of one or more rows. Rows of a run are appended to a row file;
the rows behind a figure are kept, with their provenance, in one small JSON record.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
