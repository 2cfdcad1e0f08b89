"""Exact costs: the count of a program, the formula of a network, and why they differ."""
