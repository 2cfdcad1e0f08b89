"""The nine published vector fields: formulas, boxes, hidden layers, and tolerances proved there.

Source: Mathiesen, Vertovec, Fabiano, Laurenti and Abate, "Certified Neural Approximations of
Nonlinear Dynamics" (arXiv 2505.15497), its table and its public code; six of the nine go back to
Abate, Edwards and Giacobbe, "Neural Abstractions" (2022).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from approxlab import Box

__all__ = ["LARGE", "SYSTEMS", "System", "box", "grid", "vector_field"]

LARGE = (64, 64, 64)


@dataclasses.dataclass(frozen=True)
class System:
    """One vector field of the table.

    Attributes:
        formula: As drawn in the figure.
        lower: Lower corner of the box.
        upper: Upper corner of the box.
        hidden: Widths of the small network, or None if the table has only the large one.
        eps: Tolerance published for the small network, or None.
        large_eps: Tolerance published for three layers of 64 units.
        steep: Degree of the substitution that makes points dense where the first coordinate has an
            infinite slope; 1 for smooth fields.
    """

    formula: str
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    hidden: tuple[int, ...] | None
    eps: float | None
    large_eps: float
    steep: int = 1


_P = math.pi
SYSTEMS: Mapping[str, System] = {
    "water_tank": System(r"$3/2-\sqrt{x}$", (0.1,), (10.0,), (12,), 0.097, 0.007),
    "jet_engine": System("jet engine, cubic", (-1.0, -1.0), (1.0, 1.0), (10, 16), 0.039, 0.012),
    "steam_governor": System("steam governor, 3D", (-1.0,) * 3, (1.0,) * 3, (12,), 0.105, 0.06),
    "exponential": System(
        r"$-\sin e^{y^3+1}-y^2,\ -x$", (-1.0, -1.0), (1.0, 1.0), (14, 14), 0.112, 0.04
    ),
    "non_lipschitz_1": System(
        r"$y,\ \sqrt{x}$ from $x=0$", (0.0, -1.0), (1.0, 1.0), (10,), 0.11, 0.03, steep=3
    ),
    "non_lipschitz_2": System(
        r"$x^2+y,\ x^{2/3}-x$", (-1.0, -1.0), (1.0, 1.0), (12, 10), 0.081, 0.02, steep=3
    ),
    "van_der_pol": System("Van der Pol", (-3.0, -3.0), (3.0, 3.0), None, None, 0.25),
    "sine_2d": System(r"$\sin(y/2),\ -\sin x$", (-_P, -_P), (_P, _P), None, None, 0.02),
    "oscillator": System(
        "oscillator, 1D", (-3.0,), (3.0,), None, None, 0.003 * (55 - math.sin(3.0))
    ),
}


def vector_field(name: str) -> Callable[[Any], Any]:
    """The function of one point, shape (d,), with values of shape (m,)."""
    import jax.numpy as jnp

    def water_tank(x: Any) -> Any:
        return jnp.array([1.5 - jnp.sqrt(x[0])])

    def jet_engine(x: Any) -> Any:
        return jnp.array([-x[1] - 1.5 * x[0] ** 2 - 0.5 * x[0] ** 3 - 0.1, 3.0 * x[0] - x[1]])

    def steam_governor(x: Any) -> Any:
        pushed = x[2] ** 2 * jnp.sin(x[0]) * jnp.cos(x[0]) - jnp.sin(x[0]) - 3.0 * x[1]
        return jnp.array([x[1], pushed, 1.0 - jnp.cos(x[0])])

    def exponential(x: Any) -> Any:
        return jnp.array([-jnp.sin(jnp.exp(x[1] ** 3 + 1.0)) - x[1] ** 2, -x[0]])

    def non_lipschitz_1(x: Any) -> Any:
        return jnp.array([x[1], jnp.sqrt(x[0])])

    def non_lipschitz_2(x: Any) -> Any:
        return jnp.array([x[0] ** 2 + x[1], jnp.cbrt(x[0] ** 2) - x[0]])

    def van_der_pol(x: Any) -> Any:
        return jnp.array([x[1], (1.0 - x[0] ** 2) * x[1] - x[0]])

    def sine_2d(x: Any) -> Any:
        return jnp.array([jnp.sin(0.5 * x[1]), -jnp.sin(x[0])])

    def oscillator(x: Any) -> Any:
        return jnp.array([-x[0] - 0.5 * x[0] ** 3 + 0.3 * jnp.sin(x[0])])

    made = (water_tank, jet_engine, steam_governor, exponential, non_lipschitz_1, non_lipschitz_2)
    found = {f.__name__: f for f in (*made, van_der_pol, sine_2d, oscillator)}
    return found[name]


def box(system: System) -> Box:
    """The box of a system."""
    from approxlab import Box

    return Box(list(system.lower), list(system.upper))


def grid(system: System, points: int) -> np.ndarray:
    """About so many points: a grid of Chebyshev's, denser where the first slope is infinite."""
    import numpy as np

    dim = len(system.lower)
    each = max(round(points ** (1.0 / dim)), 3)
    line = -np.cos(np.pi * np.arange(each) / (each - 1))
    axes = []
    for j, (a, b) in enumerate(zip(system.lower, system.upper, strict=True)):
        axis = a + 0.5 * (b - a) * (line + 1.0)
        axes.append(axis**system.steep if j == 0 else axis)  # both steep boxes are 0 or 1 wide
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
