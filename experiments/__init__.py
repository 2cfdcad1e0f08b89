"""Experiments: one module, one question, one figure and the numbers behind it."""
