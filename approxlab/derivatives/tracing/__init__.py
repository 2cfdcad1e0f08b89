"""Evaluation traces: a function as elementary steps, differentiated in both directions."""
