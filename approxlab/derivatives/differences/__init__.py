"""Difference quotients: their values, their best steps, and what is proved of their errors."""
