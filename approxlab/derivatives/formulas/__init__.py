"""Closed formulas for the costs of a network's derivatives, and why other counts differ."""
