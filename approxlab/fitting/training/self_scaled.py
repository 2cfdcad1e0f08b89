"""Self-scaled BFGS and Broyden methods with a dense inverse Hessian, as optax transformations.

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
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from approxlab.arguments import check_positive
from approxlab.fitting.training.line_search import wolfe_step
from approxlab.fitting.training.method import Method, Objective, Size
from approxlab.fitting.training.optax_methods import transformation_init

__all__ = [
    "SelfScaled",
    "SelfScaledState",
    "SelfScaledTransformation",
    "scaling",
    "self_scaled_bfgs",
    "self_scaled_broyden",
]

_MAX_BYTES = 2**30
_SEARCH_STEPS = 30
_CURVATURE = 0.9  # of the strong Wolfe conditions; 0.2 to 0.7 need as many steps

Tree = Any


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
    max_bytes: int = _MAX_BYTES

    def __post_init__(self) -> None:
        check_positive(max_bytes=self.max_bytes)

    @property
    def name(self) -> str:
        """The name of the method in results."""
        return "ssbroyden" if self.broyden else "ssbfgs"

    def check(self, size: Size) -> None:
        """Refuse a state of more bytes than allowed."""
        _check_memory(size.parameters, jnp.dtype(size.dtype), self.max_bytes)

    def init(self, params: Tree) -> SelfScaledState:
        """The identity as inverse Hessian."""
        state: SelfScaledState = transformation_init(self.transformation(), params)
        return state

    def step(self, objective: Objective, params: Tree, state: Tree) -> tuple[Array, Tree, Tree]:
        """One step with its line search, whose last gradient is that of the next step.

        The same as `update` of the transformation, up to rounding, with a search that is compiled
        in half of the time.
        """
        value, gradient = state.search.value, state.search.grad
        size = jnp.sqrt(_first_size(state, gradient))
        inside = -(gradient @ state.root) / size
        direction = state.root @ inside / size
        found = wolfe_step(objective.loss, params, direction, value, gradient, _SEARCH_STEPS)
        # Where the search has found value and gradient at its beginning, the direction was its own.
        size = jnp.sqrt(_first_size(state, found.gradient_before))
        inside = jnp.where(jnp.isfinite(value), inside, -found.gradient_before / size)
        y = found.gradient - found.gradient_before
        search = state.search._replace(
            learning_rate=found.rate, value=found.value, grad=found.gradient
        )
        new = _after_step(state, size, found.direction, inside, y, search, self.broyden)
        return found.value_before, found.params, new

    def transformation(self) -> SelfScaledTransformation:
        """The same method for any loop with optax."""
        return SelfScaledTransformation(self)


class SelfScaledTransformation(optax.GradientTransformationExtraArgs):
    """A self-scaled method as an optax transformation, which `fit` treats as that method.

    Attributes:
        method: The method.
    """

    method: SelfScaled

    def __new__(cls, method: SelfScaled) -> SelfScaledTransformation:
        """The transformation of a method."""
        made: SelfScaledTransformation = super().__new__(cls, *_functions(method))
        made.method = method
        return made


def self_scaled_bfgs(*, max_bytes: int = _MAX_BYTES) -> SelfScaledTransformation:
    """BFGS that lifts H where it was too small along the step: phi = 1, tau = min(1, 1 / b).

    With b = s.H^(-1) s / (y.s). Use and state are those of `self_scaled_broyden`.

    Args:
        max_bytes: The most that the p^2 numbers of the state may take.

    Returns:
        A transformation with a line search, for `al.fit(method=...)` or any loop with optax.

    Raises:
        ValueError: From `init`, where they take more.

    Source:
        Oren and Luenberger 1974 (the factor b); Al-Baali 1998 (to use it where b > 1 only).

    Example:
        >>> self_scaled_bfgs().init(jnp.zeros(3)).inverse_hessian.shape
        (3, 3)
    """
    return SelfScaled(False, max_bytes).transformation()


def self_scaled_broyden(*, max_bytes: int = _MAX_BYTES) -> SelfScaledTransformation:
    """The self-scaled method of Broyden's class with tau and phi by `scaling`.

    Its `update` takes `value`, `grad` and `value_fn` as keywords, as that of `optax.lbfgs` does,
    and gives a whole step, a line search (strong Wolfe conditions) included: add it to the
    parameters. `optax.value_and_grad_from_state` finds value and gradient at the new parameters in
    the state. Parameters may be any tree of arrays of one dtype, with the same points every step.

    A step along which the gradient does not grow leaves H as it is; after a search that moves no
    parameter, H begins anew as the identity.

    Args:
        max_bytes: The most that the p^2 numbers of the state may take; a compiled loop holds a few
            copies.

    Returns:
        A transformation with a line search, for `al.fit(method=...)` or any loop with optax.

    Raises:
        ValueError: From `init`, where they take more.

    Source:
        Al-Baali 1993, 1998 (scaling and choice); Urban, Stefanou and Pons 2025, who found that it
        trains networks far below L-BFGS; Nocedal and Wright 2006, 3.5 and 6.3 (line search,
        Broyden's class); Brodlie, Gourlay and Greenstadt 1973 (products in place of sums).

    Example:
        >>> import numpy as np
        >>> import approxlab as al
        >>> x = np.linspace(0.0, 1.0, 65)[:, None]
        >>> method = self_scaled_broyden()
        >>> al.fit((x, np.sin(9 * x[:, 0])), hidden=(8,), method=method, steps=300).loss < 1e-7
        True
    """
    return SelfScaled(True, max_bytes).transformation()


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


def _functions(method: SelfScaled) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`init` and `update` of the transformation."""
    max_bytes, broyden = method.max_bytes, method.broyden
    search = optax.scale_by_zoom_linesearch(
        _SEARCH_STEPS, curv_rtol=_CURVATURE, initial_guess_strategy="one"
    )

    def init(params: Tree) -> SelfScaledState:
        flat, _ = ravel_pytree(params)
        _check_memory(flat.size, flat.dtype, max_bytes)
        zero = jnp.zeros((), jnp.int32)
        return SelfScaledState(jnp.eye(flat.size, dtype=flat.dtype), zero, search.init(params))

    def update(
        updates: Tree,
        state: SelfScaledState,
        params: Tree,
        *,
        value: Any,
        grad: Tree,
        value_fn: Callable[..., Any],
        **more: Any,
    ) -> tuple[Tree, SelfScaledState]:
        gradient, unravel = ravel_pytree(updates)
        size = jnp.sqrt(_first_size(state, gradient))
        inside = -(gradient @ state.root) / size
        direction = state.root @ inside / size
        with jax.numpy_dtype_promotion("standard"):
            known = {"value": value, "grad": grad, "value_fn": value_fn, **more}
            steps, found = search.update(unravel(direction), state.search, params, **known)
        y = ravel_pytree(found.grad)[0] - gradient
        return steps, _after_step(state, size, direction, inside, y, found, broyden)

    return init, update


def _first_size(state: SelfScaledState, gradient: Array) -> Array:
    """By what H is divided: before the first step it knows nothing, and the step is at most 1."""
    return jnp.where(state.updates == 0, jnp.maximum(1.0, jnp.linalg.norm(gradient)), 1.0)


def _after_step(
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


def _check_memory(parameters: int, dtype: Any, max_bytes: int) -> None:
    needed = parameters**2 * dtype.itemsize
    if needed > max_bytes:
        raise ValueError(
            f"params: got {parameters} parameters, whose inverse Hessian takes "
            f"{needed / 2**30:.3g} GiB in {dtype}, expected at most {max_bytes / 2**30:.3g} GiB. "
            "Use method='lbfgs', or raise max_bytes."
        )
