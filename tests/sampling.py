"""Parameters of a test of which a few are tried in every run, and the others by the slow tests."""

import pytest


def mostly_slow(values, always):
    """The values as parameters; those that are not in `always` are marked slow."""
    assert set(always) <= set(values), "a value that there is not"
    return [v if v in always else pytest.param(v, marks=pytest.mark.slow) for v in values]
