"""The self-test passes here, and each of its parts can fail. The kernel starts without JAX."""

import subprocess
import sys

import numpy as np
import pytest

from approxlab.certify import _self_test as tested
from approxlab.certify._frozen_points import FROZEN_POINTS
from approxlab.certify._intervals import Intervals


def test_it_passes_here():
    assert tested.self_test() == []


@pytest.mark.parametrize(
    ("name", "spoiled", "reason"),
    [
        ("up", lambda x: x + 0.0, "rounding outward"),
        ("down", lambda x: x - 0.0, "rounding outward"),
        ("matmul", lambda a, b: Intervals.exact(a @ b + 1), "matrix products"),
        ("FROZEN_POINTS", {"exp": "0x1p+0 0x1.5bf0a8b145700p+1"}, "kernels: exp"),
        ("_DIGEST", "0000000000000000", "differ from those on record"),
    ],
)
def test_each_part_can_fail(name, spoiled, reason, monkeypatch):
    monkeypatch.setattr(tested, name, spoiled)
    assert any(reason in found for found in tested.self_test())


class _Fused(np.ndarray):
    """Arrays whose products carry more digits than a double until they are added to."""

    def __mul__(self, other):
        return np.asarray(self, np.longdouble) * np.asarray(other, np.longdouble)


class _Flushing(np.ndarray):
    """Arrays whose results below 2^-1022 are 0."""

    def __mul__(self, other):
        product = np.asarray(self) * np.asarray(other)
        return np.where(np.abs(product) < 2.0**-1022, 0.0, product)


@pytest.mark.skipif(
    np.finfo(np.longdouble).nmant <= 52, reason="there are no longer floats on this machine"
)
def test_fused_products_are_seen(monkeypatch):
    monkeypatch.setattr(np, "ones", lambda n: np.full(n, 1.0).view(_Fused))
    assert any("fused multiply-add" in reason for reason in tested._rounding())


def test_flushed_numbers_are_seen(monkeypatch):
    plain = np.full
    monkeypatch.setattr(np, "full", lambda shape, value: plain(shape, value).view(_Flushing))
    assert any("flushed to zero" in reason for reason in tested._subnormals())


def test_the_frozen_points_are_values_of_the_functions():
    """Against decimal arithmetic, so that the self-test does not rest on the kernel's own word."""
    import elementary_references as references

    for name, table in FROZEN_POINTS.items():
        words = table.split()
        for x, below in zip(words[::2], words[1::2], strict=True):
            if name in ("erf", "erfc") and abs(float.fromhex(x)) > 28:
                continue
            least, most = references.bracket(name, float.fromhex(x))
            lower = float.fromhex(below)
            assert references.D(lower) <= most, (name, x)
            assert least <= references.D(float(np.nextafter(lower, np.inf))), (name, x)


def test_the_kernel_starts_without_jax():
    files = ["_self_test", "_compositions", "_matrix_products", "_activation_ranges"]
    program = "import sys\n" + "".join(f"import approxlab.certify.{file}\n" for file in files)
    program += "print([name for name in ('jax', 'jaxlib', 'scipy') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
