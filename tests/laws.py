"""Laws that every network, target, activation and construction must keep.

Each law raises AssertionError when it is broken. Beside its use on every registered entry, each has
a spoiled twin in the tests: an entry made wrong on purpose, on which it must fail. Tolerances are
c * eps(dtype) * scale, with c in sight.
"""

import jax
import jax.numpy as jnp
import numpy as np

import approxlab as al


def coefficient_sum(net):
    """A scale for rounding: largest value any unit can reach on |x| <= 1, layer by layer."""
    size = np.ones(net.in_size)
    for weight, bias in zip(net.weights, net.biases, strict=True):
        size = np.abs(np.asarray(weight)) @ size + np.abs(np.asarray(bias))
    return float(size.max())


def close(a, b, *, c, scale=1.0, dtype=np.float64):
    limit = c * np.finfo(dtype).eps * scale
    worst = float(
        np.max(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)), initial=0.0)
    )
    assert worst <= limit, f"differ by {worst:.3e}, allowed {limit:.3e}"


def jit_is_eager(fn, x, *, c=64, scale=1.0):
    close(jax.jit(fn)(x), fn(x), c=c, scale=scale, dtype=x.dtype)


def vmap_is_loop(fn, points, *, c=64, scale=1.0):
    loop = jnp.stack([fn(x) for x in points])
    close(jax.vmap(fn)(points), loop, c=c, scale=scale, dtype=points.dtype)


def gradient_is_difference(fn, x, direction, *, step=2.0**-14, rtol=1e-6, scale=1.0):
    """Central difference with error step^2 |f'''| / 6: about 6e-10 |f'''| at this step."""
    slope = float(jnp.vdot(jax.grad(fn)(x), direction))
    difference = float(fn(x + step * direction) - fn(x - step * direction)) / (2 * step)
    assert abs(slope - difference) <= rtol * (scale + abs(slope)), (slope, difference)


def keeps_dtype(fn, x):
    for dtype in (jnp.float32, jnp.float64):
        assert fn(x.astype(dtype)).dtype == dtype


def scales_exactly(fn, scaled, points, power):
    """Multiplying by a power of two is exact in floating point, so equality holds bit for bit."""
    assert np.array_equal(np.asarray(scaled(points)), np.asarray(fn(points)) * 2.0**power)


def claim_holds(construction, *, c=64):
    """Estimated error <= claim + rounding of the network's own evaluation.

    An error that is attained in exact arithmetic is reached, up to the same rounding.
    """
    error = al.errors.sup(construction.network, construction.target)
    box = construction.target.domain
    reach = max(1.0, float(np.max(np.abs(box.corners()))))
    slack = c * np.finfo(float).eps * coefficient_sum(construction.network) * reach
    claim = float(construction.claim.bound)
    assert float(error) <= claim + slack, f"{float(error)} > {claim} + {slack}"
    bound = construction.claim.bound
    if bound.exact or bound.attained:
        least = claim if bound.exact else bound.without_rounding
        assert float(error) >= least * (1 - 1e-9) - slack, f"{float(error)} < {least}, said exact"


def size_is_claimed(construction):
    net, claim = construction.network, construction.claim
    counted = (net.num_hidden_units, net.num_linear_units, net.depth)
    assert counted == (claim.num_hidden_units, claim.num_linear_units, claim.depth)


def second_call_does_not_compile(fn, first, second, compilations):
    jax.block_until_ready(fn(first))
    with compilations() as count:
        jax.block_until_ready(fn(second))
    assert count() == 0, f"{count()} compilations for an argument of the same shape"
