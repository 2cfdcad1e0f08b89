"""Bumps, hats, Lorentz curves and jumps of widths 1e-1 to 1e-5: errors and least errors hold."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_long

import approxlab as al
from approxlab.optimal import best_polynomial, relu_spline
from approxlab.resolution import resolution_of, resolve

KINDS = ("bump", "hat", "lorentz", "jump")


class Narrow:
    """A target c0 + c1 x + height * shape((x - center) / width), and what is known of it."""

    def __init__(self, kind, seed):
        rng = np.random.default_rng([KINDS.index(kind), seed])
        self.kind, self.width = kind, 10.0 ** rng.uniform(-5.0, -1.0)
        self.low = rng.uniform(-1.0, 0.5)
        self.high = self.low + rng.uniform(0.5, 1.5)
        self.center = rng.uniform(self.low, self.high)
        self.height, self.offset, self.slope = rng.normal(size=3) * rng.choice([1.0, 25.0])
        self.target = al.Target(
            lambda x: self.values(x[0], jnp),
            domain=al.Box([self.low], [self.high]),
            name=f"{kind} {seed}",
        )

    def shape(self, t, lib):
        if self.kind == "bump":
            return lib.exp(-(t**2))
        if self.kind == "hat":
            return lib.maximum(0.0, 1.0 - lib.abs(t))
        if self.kind == "lorentz":
            return 1.0 / (1.0 + t**2)
        return lib.where(t < 0.0, 0.0, 1.0)

    def values(self, x, lib):
        t = (x - self.center) / self.width
        return self.offset + self.slope * x + self.height * self.shape(t, lib)

    def mesh(self):
        """Points that accumulate at the center and around the kinks of a hat."""
        steps = np.concatenate([[0.0], np.geomspace(1e-14, 4.0, 400)])
        around = [self.center + sign * steps for sign in (-1, 1)]
        edges = [self.center + sign * self.width + steps * 0.0 for sign in (-1, 1)]
        near = self.center + self.width * np.linspace(-8.0, 8.0, 2001)
        even = np.linspace(self.low, self.high, 4001)
        points = np.unique(np.concatenate([*around, *edges, near, even]))
        return points[(points >= self.low) & (points <= self.high)]

    def nodes(self, knots=()):
        """Points and weights of quadrature between the points of the mesh and knots."""
        mesh = np.union1d(self.mesh(), knots)
        t, w = np.polynomial.legendre.leggauss(6)
        h = np.diff(mesh)[:, None]
        return (mesh[:-1, None] + h * (0.5 + 0.5 * t)).ravel(), (0.5 * h * w).ravel()

    def affine_in_l2(self):
        """The least L2 error of an affine function."""
        x, weights = self.nodes()
        t = (2.0 * x - self.low - self.high) / (self.high - self.low)
        root = np.sqrt(weights)
        basis = np.stack([np.ones_like(t), t], axis=1) * root[:, None]
        # Without the affine part, which only costs digits.
        rest = self.height * self.shape((x - self.center) / self.width, np) * root
        solution = np.linalg.lstsq(basis, rest, rcond=None)[0]
        return float(np.linalg.norm(rest - basis @ solution))


CASES = [Narrow(kind, seed) for kind in KINDS for seed in range(125)]
SOME = mostly_long(CASES, [case for i, case in enumerate(CASES) if i % 50 == 3])


def least_sup_error(case, degree):
    """The least error of polynomials on the mesh, by a linear program on points that matter."""
    from scipy.optimize import linprog

    x = case.mesh()
    t = (2.0 * x - case.low - case.high) / (case.high - case.low)
    basis, values = np.polynomial.chebyshev.chebvander(t, degree), case.values(x, np)
    chosen = np.unique(np.concatenate([np.linspace(0, len(x) - 1, 50).astype(int)]))
    scale = np.max(np.abs(values))
    for _ in range(40):
        ones = np.ones((len(chosen), 1))
        part, goal = basis[chosen], values[chosen] / scale
        program = linprog(
            np.append(np.zeros(degree + 1), 1.0),
            A_ub=np.block([[part, -ones], [-part, -ones]]),
            b_ub=np.concatenate([goal, -goal]),
            bounds=[(None, None)] * (degree + 1) + [(0.0, None)],
        )
        errors = np.abs(values / scale - basis @ program.x[:-1])
        if errors.max() <= program.x[-1] * (1.0 + 1e-6) + 1e-9:
            break
        chosen = np.union1d(chosen, np.argsort(-errors)[:10])
    return scale * float(program.x[-1])


@pytest.mark.parametrize("case", SOME, ids=lambda case: case.target.name)
def test_l2_norm_of_a_narrow_target(case):
    def affine(x):
        return case.offset + case.slope * x[0]

    x, weights = case.nodes()
    rest = case.height * case.shape((x - case.center) / case.width, np)
    exact = math.sqrt(float(weights @ rest**2))
    error = al.errors.l2(affine, case.target)
    assert abs(float(error) - exact) <= error.uncertainty + 1e-7 * exact


@pytest.mark.parametrize("case", SOME, ids=lambda case: case.target.name)
def test_sup_norm_of_a_narrow_target(case):
    def affine(x):
        return case.offset + case.slope * x[0]

    exact = abs(case.height)
    error = al.errors.sup(affine, case.target)
    assert exact * (1 - 1e-7) <= float(error) <= exact * (1 + 1e-9)


@pytest.mark.parametrize("case", SOME, ids=lambda case: case.target.name)
def test_least_l2_error_of_one_piece_is_enclosed(case):
    if case.kind == "jump":
        with pytest.raises(ValueError, match="a change of .* within rounding of x = "):
            relu_spline(case.target, 1)
        return
    best, exact = relu_spline(case.target, 1), case.affine_in_l2()
    assert float(best.lower) <= exact * (1 + 1e-8)
    assert exact * (1 - 1e-8) <= float(best.upper) <= exact * (1 + 1e-6)
    assert float(best.lower) <= float(best.upper)
    assert float(best.lower) >= 0.99 * exact


@pytest.mark.parametrize(
    "case",
    [*SOME, CASES[146]],  # a hat at which the points of an exchange were once out of order
    ids=lambda case: case.target.name,
)
def test_least_sup_error_of_polynomials_is_enclosed(case):
    degree = 1 + int(1e6 * case.width) % 6
    if case.kind == "jump":
        with pytest.raises(ValueError, match="a change of .* within rounding of x = "):
            best_polynomial(case.target, degree)
        return
    best, least = best_polynomial(case.target, degree), least_sup_error(case, degree)
    own = np.max(np.abs(al.evaluate(best, case.mesh()[:, None]) - case.values(case.mesh(), np)))
    assert own <= float(best.upper) * (1 + 1e-7)
    assert float(best.lower) <= float(best.upper)
    assert float(best.upper) >= least * (1 - 1e-5)
    assert float(best.lower) <= least * (1 + 1e-3)  # the mesh has not all points of the interval
    # In a narrower hat three points of the reference are so close that rounding is magnified.
    assert best.converged or case.width < 1e-4
    assert float(best.upper) <= float(best.lower) * (1 + 1e-5)


@pytest.mark.parametrize("pieces", [2, 4, 7])
@pytest.mark.parametrize(
    "case", mostly_long(CASES[:375:5], CASES[5:375:140]), ids=lambda case: case.target.name
)
def test_splines_have_the_error_that_is_reported(case, pieces):
    for norm in ("l2", "sup"):
        best = relu_spline(case.target, pieces, norm)
        if norm == "sup":
            x = np.union1d(case.mesh(), best.knots)
            own = np.max(np.abs(best.spline(x) - case.values(x, np)))
            # A hat with its kinks at knots is exact: what is left is the rounding of both values.
            rounding = 8 * np.finfo(float).eps * np.max(np.abs(case.values(x, np)))
            assert own <= float(best.upper) * (1 + 1e-7) + rounding
            assert own >= float(best.upper) * (1 - 1e-3) - rounding
        else:
            x, weights = case.nodes(best.knots)
            own = math.sqrt(float(weights @ (best.spline(x) - case.values(x, np)) ** 2))
            assert own == pytest.approx(float(best.upper), rel=1e-5)
        assert float(best.lower) <= float(best.upper)


# Other targets that even grids do not show

BOX = al.Box([-1.0], [1.0])


def on_box(fn, box=BOX, **facts):
    return al.Target(lambda x: fn(x[0]), domain=box, **facts)


OWN_ERRORS = {
    "cusp": (on_box(lambda x: jnp.sqrt(jnp.abs(x - 0.1))), 5, 0.169275),
    "zigzag": (
        on_box(lambda x: jnp.abs(x - 0.3) - 2 * jnp.abs(x + 0.2) + jnp.abs(x - 0.9)), 10, 0.0578671
    ),
    "chebyshev": (on_box(lambda x: jnp.cos(40 * jnp.arccos(x))), 20, 1.0),
    "fast": (on_box(lambda x: jnp.sin(3000 * x), al.Box.unit()), 5, 1.0),
    "faster than the polynomials": (on_box(lambda x: jnp.sin(100 * x)), 50, 1.0),
    "narrowest": (
        on_box(lambda x: jnp.exp(-(((x - 0.33337) / 1e-5) ** 2)), al.Box.unit()), 5, 0.5
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OWN_ERRORS)
def test_polynomials_of_least_error(name):
    target, degree, least = OWN_ERRORS[name]
    best = best_polynomial(target, degree)
    assert best.converged
    assert float(best.lower) == pytest.approx(least, rel=1e-5)
    x = np.concatenate([np.linspace(target.domain.lower[0], 1.0, 400_001), [0.1, 0.33337]])[:, None]
    own = np.max(np.abs(al.evaluate(best, x) - al.evaluate(target, x)))
    # At the cusp, rounding of the position alone changes values by 4e-9.
    assert own <= float(best.upper) * (1 + (1e-7 if name == "cusp" else 1e-9))


def test_a_polynomial_is_its_own_best_approximation():
    best = best_polynomial(al.targets.get("power"), 7)  # x^5
    assert float(best.lower) == 0.0
    assert float(best.upper) < 1e-14
    assert best.converged


def test_constants_bound_what_is_returned():
    """Never worse than the constant in the middle of the values, reached or not."""
    for target, degree in [(on_box(lambda x: jnp.sin(400 * x)), 12), (OWN_ERRORS["cusp"][0], 1)]:
        x = np.linspace(-1.0, 1.0, 100_001)[:, None]
        values = np.asarray(al.evaluate(target, x))
        middle = 0.5 * (values.max() - values.min())
        assert float(best_polynomial(target, degree).upper) <= middle * (1 + 1e-6)
        assert float(relu_spline(target, 3, "sup").upper) <= middle * (1 + 1e-6)


@pytest.mark.parametrize(
    ("fn", "facts", "words"),
    [
        (lambda x: 1.0 / (x - 0.1), {}, "not finite at x = 0.1"),
        (lambda x: jnp.where(x < 0.3, 25.0, 50.0), {"kinks": (0.3,)}, "a change of 25 within"),
        (lambda x: jnp.floor(8 * x), {}, "a change of 1 within"),
        (lambda x: jnp.sin(1e6 * x), {}, "do not follow"),
        (lambda x: x, {"continuous": False}, "a continuous"),
    ],
)
def test_least_errors_refuse_what_they_cannot_see(fn, facts, words):
    for call in (lambda t: relu_spline(t, 3), lambda t: best_polynomial(t, 3)):
        with pytest.raises(ValueError, match=words):
            call(on_box(fn, **facts))


def test_kinks_are_ends_of_the_cells_of_an_integral():
    """A ramp of width w against a jump in its middle: the error is sqrt(w / 12)."""
    jump = on_box(lambda x: jnp.where(x < 0.3, 0.0, 1.0), smoothness="jump", kinks=(0.3,))
    for width in (1e-2, 1e-4, 1e-7):
        ramp = lambda x, w=width: jnp.clip((x[0] - 0.3) / w + 0.5, 0.0, 1.0)  # noqa: E731
        error = al.errors.l2(ramp, jump)
        assert float(error) == pytest.approx(math.sqrt(width / 12), rel=1e-6)


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("width", [1e-2, 1e-4, 1e-6])
def test_narrow_networks_are_seen(activation, width):
    """Three units make a hat, two a bump; on a grid nothing is seen of either."""
    shifts, tops = ((-1.0, 0.0, 1.0), (1.0, -2.0, 1.0))
    if activation == "sigmoid":
        shifts, tops = ((-1.0, 1.0), (1.0, -1.0))
    center = 0.123456
    net = al.MLP.from_arrays(
        [np.full((len(shifts), 1), 1 / width), np.array([tops])],
        [-(center / width + np.array(shifts)), np.zeros(1)],
        activation,
    )
    t = np.linspace(-50.0, 50.0, 2_000_001)
    values = al.evaluate(net, (center + width * t)[:, None])
    sup, l2 = np.max(np.abs(values)), math.sqrt(width * np.mean(np.square(values)) * 100.0)
    zero = on_box(lambda x: 0.0 * x)
    zero = al.Target(lambda x: jnp.zeros(()), domain=zero.domain)
    assert float(al.errors.sup(net, zero)) == pytest.approx(sup, rel=1e-6)
    assert float(al.errors.l2(net, zero)) == pytest.approx(l2, rel=1e-4)


def test_singular_squares_have_a_large_uncertainty():
    """The integral of |x - 0.3|^(-0.8) over [0, 1]: much of it lies closer than numbers can."""
    exact = math.sqrt((0.3**0.2 + 0.7**0.2) / 0.2)
    pole = on_box(lambda x: jnp.abs(x - 0.3) ** -0.4, al.Box.unit())
    error = al.errors.l2(lambda x: 0.0 * x[0], pole)
    assert abs(float(error) - exact) <= error.uncertainty < 2e-3 * exact


@pytest.mark.parametrize(("dim", "width"), [(2, 3e-3), (3, 0.02), (4, 0.05), (6, 0.05), (8, 0.1)])
def test_peaks_in_several_dimensions(dim, width):
    one = width * math.sqrt(math.pi / 8)
    one *= math.erf(math.sqrt(2) * 0.47 / width) + math.erf(math.sqrt(2) * 0.53 / width)
    peak = al.Target(
        lambda x: jnp.exp(-jnp.sum((x - 0.47) ** 2) / width**2), domain=al.Box.unit(dim)
    )
    error = al.errors.l2(lambda x: 0.0 * x[0], peak)
    assert abs(float(error) - one ** (dim / 2)) <= 4 * error.uncertainty
    assert error.uncertainty < 0.05 * one ** (dim / 2)


def test_single_precision_is_not_taken_for_narrow_parts():
    found = resolution_of(lambda x: jnp.sin(3 * x[0]).astype(jnp.float32), 0.0, 1.0)
    assert found.open is None
    assert len(found.edges) < 300


def test_panels_of_a_kink_and_of_a_jump():
    found = resolve(lambda x: np.where(x < 0.3, np.abs(x), 2.0), -1.0, 1.0)
    assert np.min(np.abs(found.edges)) == 0.0  # an end of an even panel
    (low, high, change), *_ = found.jumps
    assert low < 0.3 <= high
    assert high - low < 1e-14
    assert change == pytest.approx(1.7)
    assert resolve(np.exp, 0.0, 1.0).even
