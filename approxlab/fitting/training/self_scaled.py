"""Self-scaled BFGS and Broyden methods with a dense inverse Hessian.

With step s, change of gradient y and inverse Hessian H, every method of Broyden's class sets

    H+ = (H - u u^T / (y.u) + phi (y.u) v v^T) / tau + s s^T / (y.s),
    u = H y,    v = s / (y.s) - u / (y.u),

so that H+ y = s. BFGS has phi = 1 and tau = 1. The Hessians of networks have eigenvalues over many
orders of magnitude; a scale tau < 1 lifts H before it is corrected, where it was too small along
the step, and theta (see `scaling`) chooses between BFGS (0), DFP (1) and what lies beyond.

H is kept as R R^T and R is what is updated, by a matrix of rank two. In the columns of R, with
w = R^T y, z = R^(-1) s (known: R^T times the gradient, times minus the rate of the line search) and
orthonormal e1 = w / |w|, e2 in the plane of w and z,

    R+ = R / sqrt(tau) + (s / sqrt(y.s) - R e1 / sqrt(tau)) e1^T
         + (sqrt(1 + phi a) - 1) / sqrt(tau) R e2 e2^T,    a = (e2.z / e1.z)^2,

for which R+ R+^T is the H+ above. Updated directly, H loses its positive eigenvalues to
rounding when their ratio nears 1 / eps, and the line search finds no descent. A step takes 10 p^2
operations on p parameters, without those of the line search, and the state holds p^2 numbers.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.arguments import check_positive
from approxlab.fitting.training.line_search import wolfe_step
from approxlab.fitting.training.method import Method, Objective, Size

__all__ = ["MAX_BYTES", "SEARCH_STEPS", "SelfScaled", "SelfScaledState", "scaling"]

MAX_BYTES = 2**30
SEARCH_STEPS = 30

Tree = Any


class Search(NamedTuple):
    """What a step leaves for the next: its rate, and value and gradient at the new parameters."""

    learning_rate: Any
    value: Any
    grad: Any


class SelfScaledState(NamedTuple):
    """The inverse Hessian of the flat parameters, and the state of the line search.

    Attributes:
        root: R of the inverse Hessian R R^T, shape (p, p).
        updates: Number of corrections since it was the identity.
        search: State of the line search: rate, and value and gradient at the new parameters.
    """

    root: Any
    updates: Any
    search: Tree

    @property
    def inverse_hessian(self) -> Array:
        """Symmetric and positive definite, shape (p, p)."""
        result: Array = self.root @ self.root.T
        return result


@dataclasses.dataclass(frozen=True)
class SelfScaled(Method):
    """The methods "ssbfgs" and "ssbroyden" of `fit`.

    Attributes:
        broyden: Whether tau and phi are chosen in Broyden's class, or those of self-scaled BFGS.
        max_bytes: The most that the p^2 numbers of the state may take.
    """

    broyden: bool
    max_bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        check_positive(max_bytes=self.max_bytes)

    @property
    def name(self) -> str:
        """The name of the method in results."""
        return "ssbroyden" if self.broyden else "ssbfgs"

    def check(self, size: Size) -> None:
        """Refuse a state of more bytes than allowed."""
        check_memory(size.parameters, jnp.dtype(size.dtype), self.max_bytes)

    def init(self, params: Tree) -> SelfScaledState:
        """The identity as inverse Hessian."""
        zero, dtype = jnp.zeros((), jnp.int32), params.dtype
        unknown = Search(jnp.ones((), dtype), jnp.full((), jnp.inf, dtype), jnp.zeros_like(params))
        return SelfScaledState(jnp.eye(params.size, dtype=dtype), zero, unknown)

    def step(self, objective: Objective, params: Tree, state: Tree) -> tuple[Array, Tree, Tree]:
        """One step with its line search, whose last gradient is that of the next step.

        The same as `update` of the optax transformation, up to rounding, with a search that is
        compiled in half of the time.
        """
        value, gradient = state.search.value, state.search.grad
        size = jnp.sqrt(first_size(state, gradient))
        inside = -(gradient @ state.root) / size
        direction = state.root @ inside / size
        found = wolfe_step(objective.loss, params, direction, value, gradient, SEARCH_STEPS)
        # Where the search has found value and gradient at its beginning, the direction was its own.
        size = jnp.sqrt(first_size(state, found.gradient_before))
        inside = jnp.where(jnp.isfinite(value), inside, -found.gradient_before / size)
        y = found.gradient - found.gradient_before
        search = Search(found.rate, found.value, found.gradient)
        new = after_step(state, size, found.direction, inside, y, search, self.broyden)
        return found.value_before, found.params, new


def scaling(
    a: Any, b: Any, parameters: int, *, broyden: bool, first: Any = False
) -> tuple[Array, Array]:
    """The factors tau and phi of one update.

    From b = s.B s / (y.s), h = y.H y / (y.s), a = b h - 1 with B = H^(-1): b > 1 says that H is
    too small along s. With c = sqrt(a / (1 + a)) and r = min(1, h (1 - c)), the choice is

        theta = max((r - 1) / a, min(1 / r, (1 - b) / b)),    sigma = 1 + a theta > 0,

    or theta = 0 for BFGS; then phi = (1 - theta) / sigma and

        tau = min(1, 1 / b) min(sigma^(1 / (1 - p)), 1 / theta)    where theta > 0,
        tau = min(min(1, 1 / b) sigma^(1 / (1 - p)), sigma)        elsewhere.

    Args:
        a: At least 0, 0 only if s and H y are parallel (theta then has no effect), shape ().
        b: Positive, shape ().
        parameters: Their number p.
        broyden: Whether theta is chosen as above, or 0.
        first: Whether H is still a multiple of the identity: then tau = h / sigma, which sets
            the size of H from y and s.

    Returns:
        tau > 0 and phi, with 1 + phi a = (1 + a) / sigma > 0; both of shape ().

    Source:
        Al-Baali 1993, 1998; in this form Urban, Stefanou and Pons 2025, section 3.

    Example:
        >>> tau, phi = scaling(1.0, 4.0, 10, broyden=False)  # H was a quarter of what it should be
        >>> float(tau), float(phi)
        (0.25, 1.0)
    """
    b = jnp.asarray(b)
    tiny = 8.0 * jnp.finfo(b.dtype).eps
    a = jnp.maximum(a, tiny)  # 0 / 0 otherwise
    h = (1.0 + a) / b
    r = jnp.minimum(1.0, h * (1.0 - jnp.sqrt(a / (1.0 + a))))
    r = jnp.maximum(r, tiny)
    theta = jnp.maximum((r - 1.0) / a, jnp.minimum(1.0 / r, (1.0 - b) / b))
    theta = theta if broyden else jnp.zeros_like(b)
    sigma = 1.0 + a * theta
    lift = jnp.minimum(1.0, 1.0 / b)
    even = sigma ** (1.0 / (1.0 - max(parameters, 2)))
    positive = theta > 0.0
    inverse = 1.0 / jnp.where(positive, theta, 1.0)
    tau = jnp.where(positive, lift * jnp.minimum(even, inverse), jnp.minimum(lift * even, sigma))
    return jnp.where(first, h / sigma, tau), (1.0 - theta) / sigma


# Internals


def first_size(state: SelfScaledState, gradient: Array) -> Array:
    """By what H is divided: before the first step it knows nothing, and the step is at most 1."""
    return jnp.where(state.updates == 0, jnp.maximum(1.0, jnp.linalg.norm(gradient)), 1.0)


def after_step(
    state: SelfScaledState,
    size: Array,
    direction: Array,
    inside: Array,
    y: Array,
    search: Tree,
    broyden: bool,
) -> SelfScaledState:
    """The state after the step that `search` has found along `direction`.

    Args:
        state: Before the step.
        size: By what the root is divided first, shape ().
        direction: The divided root times `inside`, shape (p,).
        inside: Shape (p,).
        y: The change of the gradient, shape (p,).
        search: State of the line search after the step.
        broyden: As in `scaling`.
    """
    rate, fresh = search.learning_rate, state.updates == 0
    s = rate * direction
    corrected, fit = _corrected(state.root / size, s, rate * inside, y, fresh, broyden)
    moved = jnp.any(s != 0.0)
    eye = jnp.eye(len(s), dtype=s.dtype)
    root = jnp.where(moved, jnp.where(fit, corrected, state.root), eye)
    count = jnp.where(moved, state.updates + fit.astype(jnp.int32), 0)
    return SelfScaledState(root, count, search)


def _corrected(
    root: Array, s: Array, z: Array, y: Array, fresh: Array, broyden: bool
) -> tuple[Array, Array]:
    """The root of H+ after the step s = root z, and whether the step was fit for it."""
    w = y @ root
    length, ys = jnp.linalg.norm(w), w @ z
    e1 = w / length
    along = e1 @ z
    across = z - along * e1
    across = across - (e1 @ across) * e1  # again: rounding has left a part along e1
    width = jnp.linalg.norm(across)
    eps = jnp.finfo(s.dtype).eps
    parallel = width <= jnp.sqrt(eps) * jnp.abs(along)
    width = jnp.where(parallel, 1.0, width)
    a = jnp.where(parallel, 0.0, jnp.square(width / along))
    tau, phi = scaling(a, z @ z / ys, s.size, broyden=broyden, first=fresh)
    scale = 1.0 / jnp.sqrt(tau)
    root_e1 = root @ e1
    root_e2 = (s - along * root_e1) / width
    first = s / jnp.sqrt(ys) - scale * root_e1
    second = scale * (jnp.sqrt(1.0 + phi * a) - 1.0) * root_e2
    # One pass over the matrix.
    change = first[:, None] * e1[None, :] + second[:, None] * (across / width)[None, :]
    corrected = scale * root + change
    return corrected, (ys > 0.0) & jnp.isfinite(jnp.sum(corrected))


def check_memory(parameters: int, dtype: Any, max_bytes: int) -> None:
    needed = parameters**2 * dtype.itemsize
    if needed > max_bytes:
        raise ValueError(
            f"params: got {parameters} parameters, whose inverse Hessian takes "
            f"{needed / 2**30:.3g} GiB in {dtype}, expected at most {max_bytes / 2**30:.3g} GiB. "
            "Use method='lbfgs', or raise max_bytes."
        )
