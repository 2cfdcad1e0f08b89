"""Experiments: one room each, for one question, one figure and the numbers behind it."""

import os

# One device for each core, and linear algebra of the host beside them: threads of one small
# factorisation that wait for a busy core take many times longer than one thread alone. NumPy and
# SciPy read this when they are first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
