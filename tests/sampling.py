"""Parameters of a test of which a few are tried in every run, and the others by the slow tests."""

import pytest


def mostly_slow(values, always):
    """The values as parameters; those that are not in `always` are marked slow."""
    assert set(always) <= set(values), "a value that there is not"
    return [v if v in always else pytest.param(v, marks=pytest.mark.slow) for v in values]


def mostly_long(values, always):
    """The same for sweeps that take minutes together: they are not in the share of every commit."""
    assert set(always) <= set(values), "a value that there is not"
    marks = [pytest.mark.slow, pytest.mark.long]
    return [v if v in always else pytest.param(v, marks=marks) for v in values]
