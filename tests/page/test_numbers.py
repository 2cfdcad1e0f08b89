"""The numbers of the page are the library's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al

EPS = np.finfo(float).eps


def polygon(seed, corners=33):
    return np.round(np.random.default_rng(seed).uniform(-1.0, 1.0, corners), 3)


def target_of(values):
    """The polygon through these values as a target of the library, with its exact facts."""
    places = jnp.linspace(0.0, 1.0, len(values))
    slope = float(np.max(np.abs(np.diff(values)))) * (len(values) - 1)
    return al.Target(
        lambda x: jnp.interp(x[0], places, jnp.asarray(values)),
        domain=al.Box([0.0], [1.0]),
        lipschitz=slope,
        value_min=float(values.min()),
        value_max=float(values.max()),
    )


def same_network(found, net, rtol=0.0):
    assert found["activation"] == net.activation
    assert tuple(found["passthrough"]) == net.passthrough
    assert found["out_size"] == net.out_size
    for ours, theirs in zip(
        (*found["weights"], *found["biases"]), (*net.weights, *net.biases), strict=True
    ):
        scale = float(jnp.max(jnp.abs(theirs)))
        np.testing.assert_allclose(np.array(ours, float), theirs, rtol=0, atol=rtol * scale)


def test_the_logistic_function(numbers):
    points = [-800.0, -30.0, -1.5, -0.0, 1e-9, 0.7, 40.0, 800.0]
    found = numbers.ask("(x) => x.map(page.sigmoid)", points)
    np.testing.assert_allclose(found, jax.nn.sigmoid(jnp.array(points)), rtol=4 * EPS, atol=0)


@pytest.mark.parametrize(
    "case", mostly_slow([(1, 0.25), (10, 32.0), (64, 1.0), (7, 64.0)], [(10, 32.0)])
)
def test_staircase_and_its_claim(numbers, case):
    n, gain = case
    values = polygon(n)
    built = al.constructions.staircase(target_of(values), n, gain)
    found = numbers.ask("(v, n, g) => page.staircaseNetwork(v, n, g)", values.tolist(), n, gain)
    # A node that is rounded moves the value of the target by L eps.
    same_network(found, built.network, 4 * EPS * built.target.lipschitz)
    points = np.linspace(0, 1, 101)
    ours = numbers.ask("(net, x) => x.map((t) => page.sumAt(net, t))", found, points.tolist())
    theirs = al.evaluate(built.network, jnp.asarray(points)[:, None])
    scale = float(np.abs(np.array(found["weights"][1])).sum()) + 1.0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=4 * n * EPS * scale * gain)
    claim = numbers.ask(
        "(v, n, g, net) => page.claimedError(v, n, g, net).error", values.tolist(), n, gain, found
    )
    np.testing.assert_allclose(claim, float(built.claim.bound), rtol=1e-12)
    error = numbers.ask("(v, net) => page.sampledError(v, net).error", values.tolist(), found)
    grid = np.linspace(0, 1, 16 * (len(values) - 1) + 1)
    exact = np.interp(grid, np.linspace(0, 1, len(values)), values)
    sampled = np.abs(np.asarray(al.evaluate(built.network, jnp.asarray(grid)[:, None])) - exact)
    np.testing.assert_allclose(error, sampled.max(), rtol=1e-12)
    assert error <= claim


def least_level(values, pieces):
    """The best step function on samples, by dynamic programming: slow and obvious."""
    best = [0.0] + [np.inf] * len(values)
    for _ in range(pieces):
        best = [0.0] + [
            min(
                max(best[i], (values[i:j].max() - values[i:j].min()) / 2)
                for i in range(j)
            )
            for j in range(1, len(values) + 1)
        ]  # fmt: skip
    return best[-1]


@pytest.mark.parametrize("pieces", mostly_slow([1, 2, 5, 9], [5]))
def test_best_step_function(numbers, pieces):
    ask = "(v, k) => page.bestSteps(v, k)"
    rising = np.cumsum(np.abs(polygon(3)))
    found = numbers.ask(ask, rising.tolist(), pieces)
    np.testing.assert_allclose(
        found["error"], (rising[-1] - rising[0]) / (2 * pieces), rtol=1e-12
    )  # equal parts of the range
    values = polygon(4, 9)
    fine = np.interp(np.linspace(0, 1, 161), np.linspace(0, 1, 9), values)
    level = least_level(fine, pieces)
    found = numbers.ask(ask, values.tolist(), pieces)
    assert level <= found["error"] * (1 + 1e-12)  # fewer points are easier to fit
    assert found["error"] <= level + np.max(np.abs(np.diff(fine)))
    assert len(found["ends"]) <= pieces
    assert found["ends"][-1] == 1.0


@pytest.mark.parametrize("case", mostly_slow([(5, 0.5), (24, 2.0), (64, 32.0)], [(5, 0.5)]))
def test_solved_heights(numbers, case):
    n, gain = case
    values = polygon(n)
    found = numbers.ask("(v, n, g) => page.solvedNetwork(v, n, g)", values.tolist(), n, gain)
    points = np.linspace(0, 1, 4 * 32 + 1)
    weight = 4 * gain * n
    middles = (np.arange(n) + 0.5) / n
    matrix = np.asarray(jax.nn.sigmoid(weight * (points[:, None] - middles)))
    matrix = np.concatenate([np.ones((len(points), 1)), matrix], axis=1)
    right = np.interp(points, np.linspace(0, 1, 33), values)
    solution = np.linalg.lstsq(matrix, right)[0]
    ours = np.array([found["biases"][1][0], *found["weights"][1][0]])
    residuals = [np.linalg.norm(matrix @ heights - right) for heights in (ours, solution)]
    np.testing.assert_allclose(residuals[0], residuals[1], rtol=1e-9, atol=1e-12)


def greedy_places(matrix, right, n):
    """Orthogonal greedy algorithm by a full solve for every candidate: slow and obvious."""
    chosen = [0]
    for _ in range(n):
        basis = np.linalg.qr(matrix[:, chosen])[0]
        residual = right - basis @ (basis.T @ right)
        rest = matrix - basis @ (basis.T @ matrix)
        norms = np.linalg.norm(rest, axis=0)
        gains = np.where(norms > 1e-8, np.abs(rest.T @ residual) / np.maximum(norms, 1e-8), 0.0)
        gains[chosen] = 0.0
        chosen.append(int(np.argmax(gains)))
    return sorted(chosen[1:])


@pytest.mark.parametrize("case", mostly_slow([(5, 0.5), (16, 8.0), (24, 32.0)], [(5, 0.5)]))
def test_units_that_are_placed_greedily(numbers, case):
    n, gain = case
    values = polygon(n)
    found = numbers.ask("(v, n, g) => page.greedyNetwork(v, n, g)", values.tolist(), n, gain)
    weight, middles = 4 * gain * n, (np.arange(256) + 0.5) / 256
    assert np.ravel(found["weights"][0]).tolist() == [weight] * n
    points = np.linspace(0, 1, 4 * 32 + 1)
    right = np.interp(points, np.linspace(0, 1, 33), values)
    matrix = np.asarray(jax.nn.sigmoid(weight * (points[:, None] - middles)))
    matrix = np.concatenate([np.ones((len(points), 1)), matrix], axis=1)
    places = greedy_places(matrix, right, n)
    ours = np.sort(-np.array(found["biases"][0]) / weight)
    np.testing.assert_allclose(ours, middles[np.array(places) - 1], rtol=0, atol=1e-12)
    best = np.linalg.lstsq(matrix[:, [0, *places]], right)[0]
    heights = np.array([found["biases"][1][0], *found["weights"][1][0]])
    residuals = [np.linalg.norm(matrix[:, [0, *places]] @ c - right) for c in (heights, best)]
    np.testing.assert_allclose(residuals[0], residuals[1], rtol=1e-8, atol=1e-12)


def test_a_target_that_needs_no_units_gets_heights_of_zero(numbers):
    for value in (0.0, 0.3):
        found = numbers.ask("(v) => page.greedyNetwork(v, 3, 1)", [value] * 33)
        assert found["weights"][1] == [[0.0, 0.0, 0.0]]
        assert abs(found["biases"][1][0] - value) < 1e-12


FORMULAS = {
    "(x + y) z": lambda x, y, z: (x + y) * z,
    "x^3 sin(x y) - z / (1 + x^2)": lambda x, y, z: x**3 * jnp.sin(x * y) - z / (1 + x**2),
    "exp(-x^2) + log(2 + y^2) tanh(z)": lambda x, y, z: (
        jnp.exp(-(x**2)) + jnp.log(2 + y**2) * jnp.tanh(z)
    ),
    "sigmoid(x) * relu(y) + abs(z) sqrt(4) - cos(pi x)^-2": lambda x, y, z: (
        jax.nn.sigmoid(x) * jax.nn.relu(y) + jnp.abs(z) * 2 - jnp.cos(jnp.pi * x) ** -2
    ),
    "-x**2 - -y + 2z(x - y)": lambda x, y, z: -(x**2) + y + 2 * z * (x - y),
    "e^(-x^2) + 2^y + z^x - 4^(1/2) ln(z)": lambda x, y, z: (
        jnp.exp(-(x**2)) + 2.0**y + z**x - 2 * jnp.log(z)
    ),
    "x": lambda x, y, z: x,
}


@pytest.mark.parametrize("text", mostly_slow(list(FORMULAS), ["(x + y) z"]))
def test_the_chain_rule(numbers, text):
    point = (0.7, -1.3, 2.1)
    found = numbers.ask(
        "(f, p) => page.valueAndGradient(page.stepsOf(f, ['x', 'y', 'z']), ['x', 'y', 'z'], p)",
        *(text, dict(zip("xyz", point, strict=True))),
    )
    value, gradient = jax.value_and_grad(FORMULAS[text], (0, 1, 2))(*point)
    np.testing.assert_allclose(found["value"], value, rtol=1e-14)
    np.testing.assert_allclose(found["gradient"], gradient, rtol=1e-13, atol=1e-14)


@pytest.mark.slow
def test_random_formulas_are_read_as_python_reads_them(numbers):
    rng = np.random.default_rng(5)

    def formula(depth):
        kind = rng.integers(7) if depth else 6
        if kind == 6:
            return str(rng.choice(["x", "y", "3", "0.5", "1.5e0"]))
        if kind == 5:
            return f"-{formula(depth - 1)}"
        if kind == 4:
            return f"({formula(depth - 1)}) ** {rng.integers(1, 4)}"
        return f" {rng.choice(list('+-*/'))} ".join(
            text if rng.integers(2) else f"({text})" for text in map(formula, [depth - 1] * 2)
        )

    texts = [formula(4) for _ in range(300)]
    point = {"x": 1.3, "y": -0.7}
    found = numbers.ask(
        "(texts, p) => texts.map((f) =>"
        " page.valueAndGradient(page.stepsOf(f, ['x', 'y']), ['x', 'y'], p).value)",
        *(texts, point),
    )
    exact = []
    for text in texts:
        with np.errstate(all="ignore"):
            exact.append(float(eval(text, {k: np.float64(v) for k, v in point.items()})))
    assert np.isfinite(exact).sum() > 200
    finite = np.isfinite(exact) & (np.abs(exact) < 1e6)
    ours = np.array([np.nan if value is None else value for value in found], float)
    np.testing.assert_allclose(ours[finite], np.array(exact)[finite], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Write a formula"),
        ("x +", "missing at the end"),
        ("(x", "not closed"),
        ("x) y", "too many"),
        ("2 3", "sign is missing"),
        ("sin x", "needs brackets"),
        ("x^", "missing at the end"),
        ("alert(1)", "“alert” is not known"),
        ("constructor", "is not known"),
        ("x; y", "“;” has no meaning"),
        ("x" + " + x" * 200, "too long"),
    ],
)
def test_wrong_formulas_are_told(numbers, text, words):
    ask = "(f) => { try { page.stepsOf(f, ['x', 'y']); } catch (e) { return e.message; } }"
    assert words in numbers.ask(ask, text)


@pytest.mark.parametrize(
    "case",
    mostly_slow([(2, 8.0, 4.0), (4, 32.0, 16.0), (3, 1.0, 2.0)], [(3, 1.0, 2.0)]),
)
def test_towers(numbers, case):
    n, gain, outer = case
    one = al.Target(lambda x: jnp.ones((), x.dtype), domain=al.Box.unit(2))
    net = al.constructions.isolated_towers(one, n, gain, outer_gain=outer)
    found = numbers.ask("(n, g, o) => page.towersNetwork(n, g, o)", n, gain, outer)
    same_network(found, net, 4 * EPS)
    points = np.random.default_rng(0).uniform(size=(40, 2))
    both = numbers.ask(
        "(net, n, g, o, p) => { const fast = page.fastTowers(n, g, o);"
        " return p.map((x) => [page.networkAt(net, x), fast(...x)]); }",
        *(found, n, gain, outer, points.tolist()),
    )
    exact = np.asarray(al.evaluate(net, jnp.asarray(points)))
    np.testing.assert_allclose(both, np.stack([exact, exact], axis=1), rtol=0, atol=1e-12)
    vertex = numbers.ask("(o) => page.vertexValue(o)", outer)
    np.testing.assert_allclose(vertex, al.constructions.towers.vertex_value(2, outer), rtol=1e-14)


@pytest.mark.parametrize("k", mostly_slow([1, 2, 7, 10], [2]))
def test_folds(numbers, k):
    net = al.constructions.tent_deep(k).network
    found = numbers.ask("(k) => page.tentNetwork(k)", k)
    same_network(found, net)
    for x in (0.0, 0.3, 0.625, 1.0):
        values = numbers.ask(
            "(x, k, net) => [page.folds(x, k)[k], page.networkAt(net, [x])]", *(x, k, found)
        )
        assert values == [float(net(jnp.array([x])))] * 2


@pytest.mark.parametrize(
    "case",
    mostly_slow([(12, 16, 4), (1, 64, 32), (32, 3, 32), (5, 1, 1)], [(32, 3, 32)]),
)
def test_costs_of_jacobians(numbers, case):
    n, width, m = case
    widths = [n, width, width, m]
    found = numbers.ask("(w) => page.jacobianCosts(w)", widths)
    plans = al.derivatives
    assert found["forward"] == plans.forward_plan(widths).dot_flops
    assert found["reverse"] == plans.reverse_plan(widths).dot_flops
    assert found["best"] == plans.plan_network(widths).dot_flops
    assert found["value"] == plans.plan_network(widths).value_flops


@pytest.mark.slow
def test_descent(numbers):
    def loss(p):
        return (1 - p[0]) ** 2 + 10 * (p[1] - p[0] ** 2) ** 2

    found = numbers.ask(
        """(step) => {
          const steps = page.stepsOf("(1 - x)^2 + 10 (y - x^2)^2", ["x", "y"]);
          const gradient = (x, y) => page.valueAndGradient(steps, ["x", "y"], { x, y }).gradient;
          return page.descent(gradient, [-1.2, 1], step, 60);
        }""",
        0.01,
    )
    path = [jnp.array([-1.2, 1.0])]
    for _ in range(60):
        path.append(path[-1] - 0.01 * jax.grad(loss)(path[-1]))
    np.testing.assert_allclose(found, jnp.stack(path), rtol=1e-12, atol=1e-12)
