"""Derivatives held against difference quotients, as strictly for large arrays as for small."""
