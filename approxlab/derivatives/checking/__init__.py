"""Derivatives compared with finite differences, equally strictly for large and small arrays."""
