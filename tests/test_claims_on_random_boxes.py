"""Claims hold in the arithmetic of the network: both dtypes, far and narrow boxes, all sizes."""

import claims_in_arithmetic as cases
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab import Box
from approxlab import constructions as built


def check(name, i):
    """The error seen is at most the claim; a refusal names its argument."""
    dtype, rng = cases.dtype_of(i), cases.seed_of(name, i)
    with cases.in_dtype(dtype):
        try:
            case = cases.KINDS[name](rng)
        except ValueError as refusal:
            if not str(refusal).startswith(("eps: got", "margin: got")):
                raise
            return None
        error, at = cases.seen(case, rng, dtype)
    claim = float(case.construction.claim.bound)
    assert error <= claim, f"{name} {i}, {dtype}, {case.name}: {error} > {claim} at {at}"
    return claim, error


def test_every_construction_is_tried():
    assert set(cases.KINDS) == set(built.CONSTRUCTIONS)


@pytest.mark.parametrize("i", mostly_slow([1, 0], always=[1]))
@pytest.mark.parametrize("name", sorted(cases.KINDS))
def test_claim_on_a_random_box(name, i):
    check(name, i)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", sorted(cases.KINDS))
def test_claims_on_200_random_boxes(name):
    found = [pair for i in range(200) if (pair := check(name, i)) is not None]
    assert len(found) > 60
    ratios = [claim / error for claim, error in found if error > 0]
    print(f"{name}: claim / seen: median {np.median(ratios):.3g}, most {np.max(ratios):.3g}")


SMALL = {
    "25 levels in float64": ("float64", lambda: built.square_deep(25), cases._square),
    "far from 0": (
        "float64",
        lambda: built.square_deep(12, Box([1e6], [1e6 + 1])),
        cases._square,
    ),
    "12 levels in float32": ("float32", lambda: built.square_deep(12), cases._square),
    "far from 0 in float32": (
        "float32",
        lambda: built.square_deep(3, Box([1e6], [1e6 + 1])),
        cases._square,
    ),
    "1000 pieces in float32": ("float32", lambda: built.square_shallow(1000), cases._square),
    "a jump between numbers of float32": (
        "float32",
        lambda: built.step(
            1.0, -1000.1, margin=1e-9, domain=Box([1e3], [1e3 + 1]), activation="heaviside"
        ),
        lambda x: np.where(cases._ld(x[:, 0]) > 1000.1, cases.L(1), cases.L(0)),
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_rounding_is_claimed(name):
    """Each has an error far above its claim in exact arithmetic, as a spoiled twin shows."""
    dtype, build, exact = SMALL[name]
    with cases.in_dtype(dtype):
        construction = build()
        case = cases.Case(name, construction, exact)
        error, _ = cases.seen(case, np.random.default_rng(0), dtype)
    bound = construction.claim.bound
    assert bound.without_rounding < error <= float(bound), bound
    assert not bound.exact
    assert f"rounding in {dtype}" in bound.source
    assert "in exact arithmetic" in repr(bound)


def test_interpolant_far_from_zero_in_float32():
    box = Box([1e3], [1e3 + 1])
    with cases.in_dtype("float32"):
        target = al.Target(
            lambda x: jnp.sin(x[0]), domain=box, lipschitz=1.0, second_derivative=1.0
        )
        construction = built.relu_interpolant(target, 1000)
        case = cases.Case("sine", construction, lambda x: np.sin(cases._ld(x[:, 0])))
        error, _ = cases.seen(case, np.random.default_rng(0), "float32")
    assert construction.claim.bound.without_rounding == 1.25e-7
    assert 1.25e-7 < error <= float(construction.claim.bound)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tents_are_exact_at_the_points_of_their_dtype(dtype):
    with cases.in_dtype(dtype):
        construction = built.tent_deep(12)
        case = cases.Case("tent", construction, cases._tent(12))
        error, _ = cases.seen(case, np.random.default_rng(0), dtype)
    assert error == float(construction.claim.bound) == 0.0
    assert construction.claim.bound.exact
