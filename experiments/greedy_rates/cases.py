"""Targets of `greedy_rates`, errors published for them, and errors required of the library."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from approxlab import Target

__all__ = ["PUBLISHED", "REQUIRED", "bump", "case_target", "graded"]

# L2 errors by number of units; ReLU except where the power is given. Xu and Xu, code and logs of
# "Randomized greedy algorithms", repository RandomizedOGA, and course notebooks
# ProgrammingAssignment.
PUBLISHED: dict[str, dict[int, float]] = {
    "sine": {4: 2.82e-1, 8: 5.90e-2, 16: 1.24e-2, 32: 2.999e-3, 64: 7.573e-4, 128: 1.822e-4,
             256: 4.501e-5, 512: 1.124e-5},
    "parabola": {16: 3.36e-4, 32: 8.5e-5, 64: 2.1e-5, 128: 5e-6},
    "two_sines": {64: 6.33e-3, 128: 1.32e-3, 256: 3.37e-4, 512: 8.6e-5},
    "sine_product": {512: 1.683e-4},
    "gabor": {512: 4.36e-3},
    "corner": {1024: 1.00e-4},
    "sine_product_3d": {512: 1.83e-3},
    "gaussian_10d": {512: 7.63e-3},
}  # fmt: skip

REQUIRED = {
    ("sine", "polished", 128): 1.31e-4,
    ("sine_product", "best step", 512): 1.3e-4,
    ("gabor", "best step", 512): 3e-3,
    ("corner", "best step", 1024): 8e-5,
}
"""Largest L2 error allowed, below the published one, by target, method and number of units."""


def bump(dim: int) -> Target:
    """exp(-8 |x - 1/2|^2) on the unit cube, which is not a sum of a few ridge functions."""
    import jax.numpy as jnp

    from approxlab import Box, Target

    return Target(
        lambda x: jnp.exp(-8.0 * jnp.sum((x - 0.5) ** 2)), domain=Box.unit(dim), name=f"bump{dim}"
    )


def case_target(name: str) -> Target:
    """The target of a published table."""
    import jax.numpy as jnp

    from approxlab import Box, Target, targets

    pi = math.pi
    functions: dict[str, tuple[Any, Box]] = {
        "sine": (lambda x: jnp.sin(x[0]), Box([-pi], [pi])),
        "parabola": (lambda x: (x[0] - 0.5) ** 2 - 0.25, Box.unit()),
        "two_sines": (lambda x: jnp.sin(2 * pi * x[0]) + 0.2 * jnp.sin(20 * pi * x[0]), Box.unit()),
        "sine_product_3d": (lambda x: jnp.prod(jnp.sin(pi * x)), Box.unit(3)),
        "gaussian_10d": (lambda x: jnp.exp(-jnp.sum((0.703 * (x - 0.5)) ** 2)), Box.unit(10)),
    }
    if name in functions:
        function, box = functions[name]
        return Target(function, domain=box, name=name)
    return targets.get(name)


def graded(cells: int, halvings: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """A Gauss rule on [-1, 1]^2 whose cells are halved repeatedly towards the axes.

    The gradient of the corner target grows like r^(-1/3), which equal cells do not resolve.
    """
    import numpy as np

    t, w = np.polynomial.legendre.leggauss(nodes)
    small = 0.5 ** np.arange(halvings, 0, -1) / cells
    edges = np.concatenate([[0.0], small, np.arange(1, cells + 1) / cells])
    widths = np.diff(edges)[:, None]
    half = (edges[:-1, None] + widths * (0.5 + 0.5 * t)).ravel()
    weight = (0.5 * widths * w).ravel()
    line, weights = np.concatenate([-half[::-1], half]), np.concatenate([weight[::-1], weight])
    points = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return points, np.outer(weights, weights).ravel()
