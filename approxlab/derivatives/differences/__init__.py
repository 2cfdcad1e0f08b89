"""Difference quotients: their values, their best steps, and proved bounds of their errors."""
