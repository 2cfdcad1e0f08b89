"""Shallow ReLU networks on an interval, by placing their knots."""
