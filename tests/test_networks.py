"""MLP: values against NumPy, counts, calculus, storage, and the laws of the activations."""

import json

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest

import approxlab as al
from approxlab.networks import ACTIVATIONS, INITIALISATIONS, activation, host_threefry
from approxlab.networks.activations import KINK_SLOPES, kink_slopes
from approxlab.networks.forward import add_to_columns, hidden_units, outputs
from approxlab.networks.initialisation import draws
from approxlab.networks.raw_keys import raw_key

SMOOTH = [name for name in ACTIVATIONS if name != "heaviside"]


def slow_value(net, x):
    """The network as a NumPy loop over layers and units: slow and obvious."""
    x = np.asarray(x, np.float64)
    act = activation(net.activation)
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        units = [sum(w * v for w, v in zip(row, x, strict=True)) for row in np.asarray(weight)]
        z = np.array(units) + np.asarray(bias)
        if i < net.depth:
            nonlinear = len(z) - net.passthrough[i]
            z[:nonlinear] = np.asarray(act(jnp.asarray(z[:nonlinear])))
        x = z
    return x[0] if net.out_size is None else x


def random_net(key, *, in_size=2, hidden=(5, 4), passthrough=(0, 0), act="tanh", out_size=None):
    net = al.MLP.init(key, in_size, hidden, act, out_size=out_size, init="uniform_knots")
    biases = tuple(b + 0.1 * (i + 1) for i, b in enumerate(net.biases))
    return al.MLP(net.weights, biases, act, passthrough, out_size)


@pytest.mark.parametrize("passthrough", [(0, 0), (2, 4)])
def test_one_forward_pass_for_points_and_columns(key, passthrough):
    net = random_net(key, passthrough=passthrough, out_size=3)
    layers = activation(net.activation), net.weights, net.biases, net.passthrough
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (7, 2))
    columns = outputs(*layers, jnp.asarray(points.T), add_to_columns)
    hidden = hidden_units(*layers, jnp.asarray(points.T), add_to_columns)
    assert (columns.shape, hidden.shape) == ((3, 7), (4, 7))
    for i, x in enumerate(points):
        laws.close(columns[:, i], net(x), c=64)
        assert np.array_equal(outputs(*layers, jnp.asarray(x)), net(x))
    laws.close(net.weights[-1] @ hidden + net.biases[-1][:, None], columns, c=64)


@pytest.mark.parametrize("passthrough", [(0, 0), (2, 0), (1, 3), (5, 4)])
@pytest.mark.parametrize("out_size", [None, 1, 3])
def test_value_is_the_layer_by_layer_loop(key, passthrough, out_size):
    net = random_net(key, passthrough=passthrough, out_size=out_size)
    x = jnp.array([0.3, -0.7])
    assert net(x).shape == (() if out_size is None else (out_size,))
    laws.close(net(x), slow_value(net, x), c=32, scale=laws.coefficient_sum(net))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activation_laws(name, key):
    fn = activation(name)
    z = jax.random.normal(key, (64,)) * 3.0
    laws.jit_is_eager(fn, z, scale=50.0)
    laws.vmap_is_loop(fn, z, scale=50.0)
    laws.keeps_dtype(fn, z)
    if name in SMOOTH:
        for x in z[:8]:
            laws.gradient_is_difference(fn, x, jnp.ones(()), scale=10.0)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("sigmoid", {0.0: 0.5, np.log(3.0): 0.75}),
        ("tanh", {0.0: 0.0, 0.5 * np.log(3.0): 0.5}),
        ("relu", {-1.0: 0.0, 2.0: 2.0}),
        ("relu2", {-1.0: 0.0, 3.0: 9.0}),
        ("relu3", {-1.0: 0.0, 2.0: 8.0}),
        ("relu4", {-1.0: 0.0, 2.0: 16.0}),
        ("leaky_relu", {-2.0: -0.02, 0.0: 0.0, 3.0: 3.0}),
        ("abs", {-2.5: 2.5, 0.0: 0.0, 3.0: 3.0}),
        ("heaviside", {-1e-300: 0.0, 0.0: 0.5, 1e-300: 1.0}),
        ("softplus", {0.0: np.log(2.0)}),
        ("gelu", {0.0: 0.0, 1.0: 0.8413447460685429}),
        ("swish", {0.0: 0.0, np.log(3.0): 0.75 * np.log(3.0)}),
        ("sin", {np.pi / 2: 1.0}),
        ("identity", {-2.5: -2.5}),
    ],
)
def test_activation_values(name, known):
    # 1e-300 and not a subnormal: XLA flushes those to zero.
    for z, value in known.items():
        laws.close(activation(name)(jnp.asarray(z)), value, c=4)


def test_every_activation_has_a_known_value():
    marks = test_activation_values.pytestmark[0].args[1]
    assert {name for name, _ in marks} == set(ACTIVATIONS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kink_slopes_are_what_programs_multiply_by(dtype):
    """To the last bit: two values on each side of 0 tell the slope, and 1 is exact."""
    for name in KINK_SLOPES:
        left, right = (float(activation(name)(jnp.asarray(z, dtype))) for z in (-1.0, 1.0))
        assert kink_slopes(name, dtype) == (-left, right)
    z = jnp.asarray(np.random.default_rng(0).standard_normal(99), dtype)
    ours, theirs = activation("leaky_relu")(z), jax.nn.leaky_relu(z)
    assert ours.tolist() == theirs.tolist()
    assert kink_slopes("leaky_relu", "float32") != kink_slopes("leaky_relu", "float64")


def test_spoiled_activation_breaks_the_laws(key):
    z = jax.random.normal(key, (8,))

    @jax.custom_jvp
    def wrong(x):
        return jnp.tanh(x)

    wrong.defjvp(lambda p, t: (jnp.tanh(p[0]), 1.001 * t[0] * (1 - jnp.tanh(p[0]) ** 2)))
    with pytest.raises(AssertionError):
        laws.gradient_is_difference(wrong, z[0], jnp.ones(()), scale=0.1)
    with pytest.raises(AssertionError):
        laws.keeps_dtype(lambda x: x.astype(jnp.float64), z)
    with pytest.raises(AssertionError):
        laws.vmap_is_loop(lambda x: x - jax.lax.stop_gradient(jnp.max(x)) * _inside_vmap(x), z)


def _inside_vmap(x):
    return float(isinstance(x, jax.core.Tracer))


def test_network_laws(key, compilations):
    net = random_net(key)
    points = jax.random.uniform(key, (16, 2))
    scale = laws.coefficient_sum(net)
    laws.jit_is_eager(net, points[0], scale=scale)
    laws.vmap_is_loop(net, points, scale=scale)
    laws.gradient_is_difference(net, points[0], jnp.array([0.6, 0.8]))
    doubled = jax.tree.map(lambda leaf: 2.0 * leaf, net)
    laws.second_call_does_not_compile(lambda m: al.evaluate(m, points), net, doubled, compilations)
    with pytest.raises(AssertionError):  # the twin: another shape does compile
        laws.second_call_does_not_compile(
            lambda m: al.evaluate(m, points), net, random_net(key, hidden=(5, 7)), compilations
        )


def test_counts():
    net = al.MLP.init(jax.random.key(0), 3, (7, 5), "relu", out_size=2)
    net = al.MLP(net.weights, net.biases, "relu", (2, 1), 2)
    assert net.num_parameters == (3 + 1) * 7 + (7 + 1) * 5 + (5 + 1) * 2
    assert net.num_parameters == sum(leaf.size for leaf in jax.tree.leaves(net))
    assert (net.depth, net.num_hidden_units, net.num_linear_units) == (2, 9, 3)
    assert net.sizes == (3, 7, 5, 2)
    assert repr(net) == "MLP(3-7-5-2, relu, 3 linear units, 80 parameters, float64)"
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), net)
    assert stacked.num_parameters == net.num_parameters
    assert repr(stacked).startswith("MLP(2 x 3-7-5-2")


def test_affine_function_has_no_hidden_layer(key):
    net = al.MLP.init(key, 2, ())
    assert net.depth == 0
    assert net(jnp.ones(2)).shape == ()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("init", sorted(INITIALISATIONS))
def test_initialisation_has_its_variance_and_dtype(init, dtype, key):
    n, m = 200, 300
    net = al.MLP.init(key, n, (m, m), "tanh", init=init, dtype=dtype)
    expected = {"glorot": 2 / (2 * m), "he": 2 / m, "lecun": 1 / m, "uniform_knots": 2 / m,
                "spread": 2 / m}[init]  # fmt: skip
    got = float(jnp.var(net.weights[1]))
    # The sample variance of k normal numbers has relative standard deviation sqrt(2 / k).
    assert abs(got / expected - 1) < 5 * np.sqrt(2 / m**2)
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(net)} == {dtype}
    largest = float(jnp.max(jnp.abs(net.biases[1])))
    assert 0.9 < largest <= 1.0 if init == "spread" else largest == 0.0


def test_spread_slopes_and_bends(key):
    net = al.MLP.init(key, 2, (50,), init="spread", domain=al.Box([3.0, -1.0], [5.0, 1.0]))
    slopes = np.linalg.norm(net.weights[0], axis=1)
    np.testing.assert_allclose(slopes, 1.0 + 2.0 * (np.arange(50) + 0.5) / 50, rtol=1e-12)
    # Every unit bends on a line through the square: at some corner it is positive, at some not.
    corners = np.array([[3.0, -1.0], [3.0, 1.0], [5.0, -1.0], [5.0, 1.0]])
    z = corners @ np.asarray(net.weights[0]).T + np.asarray(net.biases[0])
    assert np.all(z.max(axis=0) > 0)
    assert np.all(z.min(axis=0) < 0)


@pytest.mark.parametrize("box", [al.Box([0.0], [1.0]), al.Box([3.0], [5.0])])
def test_uniform_knots_fill_the_interval(box, key):
    net = al.MLP.init(key, 1, (2000,), "relu", init="uniform_knots", domain=box)
    knots = np.sort(-np.asarray(net.biases[0]) / np.asarray(net.weights[0])[:, 0])
    assert np.all(box.contains(knots[:, None]))
    uniform = box.lower[0] + box.widths[0] * (np.arange(2000) + 0.5) / 2000
    # Kolmogorov-Smirnov: sqrt(n) D exceeds 2 with probability 7e-4.
    assert np.max(np.abs(knots - uniform)) < 2.0 * box.widths[0] / np.sqrt(2000)


def test_domain_of_init_is_a_change_of_variable(key):
    box = al.Box([-7.0, 3.0], [-2.0, 5.0])
    base = al.MLP.init(key, 2, (6,), init="uniform_knots")
    moved = al.MLP.init(key, 2, (6,), init="uniform_knots", domain=box)
    reference = al.Box.cube(-1.0, 1.0, 2)
    points = np.random.default_rng(0).uniform(size=(20, 2))
    there, here = al.evaluate(moved, box.place(points)), al.evaluate(base, reference.place(points))
    laws.close(there, here, c=64, scale=laws.coefficient_sum(moved) * 7)


def test_compose(key):
    inner = random_net(key, passthrough=(1, 2), out_size=3)
    outer = random_net(jax.random.fold_in(key, 1), in_size=3, passthrough=(0, 1))
    both = al.compose(outer, inner)
    x = jnp.array([0.2, 0.9])
    laws.close(both(x), outer(inner(x)), c=64, scale=laws.coefficient_sum(both))
    assert both.depth == inner.depth + outer.depth
    assert both.num_linear_units == inner.num_linear_units + outer.num_linear_units
    assert al.compose(al.MLP.init(key, 1, (), "relu"), random_net(key)).activation == "tanh"


def test_parallel(key):
    keys = jax.random.split(key, 3)
    nets = [
        random_net(keys[0], passthrough=(2, 1)),
        random_net(keys[1], hidden=(3, 6), passthrough=(0, 3), out_size=2),
        random_net(keys[2], hidden=(1, 1), passthrough=(1, 0), out_size=1),
    ]
    together = al.parallel(nets)
    x = jnp.array([-0.4, 0.8])
    apart = jnp.concatenate([jnp.atleast_1d(net(x)) for net in nets])
    laws.close(together(x), apart, c=64, scale=laws.coefficient_sum(together))
    assert together.num_hidden_units == sum(net.num_hidden_units for net in nets)
    assert together.passthrough == (3, 4)
    spoiled = al.parallel([nets[1], nets[0], nets[2]])
    with pytest.raises(AssertionError):
        laws.close(spoiled(x), apart, c=64, scale=laws.coefficient_sum(together))


def test_affine_changes(key):
    net = random_net(key, out_size=2)
    x = jnp.array([0.3])
    matrix, shift = jnp.array([[2.0], [-1.0]]), jnp.array([0.5, 0.25])
    moved = al.precompose(net, matrix, shift)
    laws.close(moved(x), net(matrix @ x + shift), c=64, scale=laws.coefficient_sum(moved))
    changed = al.postcompose(net, jnp.array([2.0, -3.0]), 1.0)
    y = jnp.array([0.3, 0.1])
    laws.close(changed(y), jnp.array([2.0, -3.0]) * net(y) + 1.0, c=64, scale=20.0)


def test_power_of_two_scaling_is_exact(key):
    net = random_net(key)
    points = jax.random.uniform(key, (32, 2))
    run = lambda m: lambda p: al.evaluate(m, p)  # noqa: E731
    for power in (-300, -1, 7, 300):
        laws.scales_exactly(run(net), run(al.postcompose(net, 2.0**power)), points, power)
        shrunk = al.precompose(net, 2.0**power)
        assert np.array_equal(al.evaluate(shrunk, points * 2.0**-power), al.evaluate(net, points))
    with pytest.raises(AssertionError):
        laws.scales_exactly(run(net), run(al.postcompose(net, 3.0)), points, 1)


@pytest.mark.parametrize("name", ["net.npz", "net.json"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_save_and_load_bit_for_bit(key, tmp_path, dtype, name):
    net = al.MLP.init(key, 2, (5, 4), "gelu", out_size=3, dtype=dtype)
    weights = (net.weights[0].at[0, 0].set(jnp.nan).at[0, 1].set(-0.0), *net.weights[1:])
    net = al.MLP(weights, net.biases, "gelu", (1, 2), 3)
    path = tmp_path / name
    net.save(path)
    back = al.MLP.load(path)
    assert jax.tree.structure(back) == jax.tree.structure(net)
    for a, b in zip(jax.tree.leaves(net), jax.tree.leaves(back), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
        assert a.dtype == b.dtype
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_damaged_file_is_refused(key, tmp_path):
    path = tmp_path / "net.npz"
    al.MLP.init(key, 1, (3,)).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="is not a network written by MLP.save, or is damaged"):
        al.MLP.load(path)
    np.savez(path, weight_0=np.ones((1, 1)))
    with pytest.raises(ValueError, match="is not a network"):
        al.MLP.load(path)


def test_a_network_as_json_is_whole_or_refused(key, tmp_path):
    path = tmp_path / "net.json"
    net = al.MLP.init(key, 1, (2,))
    net.save(path)
    whole = path.read_bytes()
    for index in range(0, len(whole), 7):  # one flipped bit
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :])
        try:
            back = al.MLP.load(path)
        except ValueError as error:
            assert "net.json" in str(error)  # noqa: PT017, both outcomes are allowed
        else:
            assert all(map(np.array_equal, jax.tree.leaves(back), jax.tree.leaves(net)))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("format", "approxlab network 9", "expected 'approxlab network 1'"),
        ("dtype", "int8", "dtype 'int8', expected one of"),
        ("weights", [[["a"], [1.0]], [[1.0, 2.0]]], "not numbers"),
        ("weights", [[[True], [False]], [[1.0, 2.0]]], "not numbers"),
        ("weights", [[[1.0], [1.0, 2.0]], [[1.0, 2.0]]], "is damaged"),
        ("weights", [[[10**400], [1]], [[1, 2]]], "not numbers"),
        ("more", 1, "fields"),
    ],
)
def test_json_written_by_others(tmp_path, field, value, words):
    document = {
        **{"format": "approxlab network 1", "dtype": "float64", "activation": "relu"},
        **{"passthrough": [0], "out_size": None},
        **{"weights": [[[1], [1.0]], [[0.1, -2]]], "biases": [[0, -0.5], [1e-300]]},
    }
    path = tmp_path / "net.json"
    path.write_text(json.dumps(document))
    assert float(al.MLP.load(path)(jnp.array([0.5]))) == 0.1 * 0.5 + 1e-300
    path.write_text(json.dumps({**document, field: value}))
    with pytest.raises(ValueError, match=words):
        al.MLP.load(path)
    path.write_text(json.dumps({**document, "dtype": "float32", "biases": [[0, 0], [1e39]]}))
    with pytest.raises(ValueError, match="too large for float32"):
        al.MLP.load(path)


def test_members_of_a_stack(key):
    nets = [random_net(k) for k in jax.random.split(key, 3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)
    x = jnp.array([0.1, 0.2])
    assert float(stacked.member(1)(x)) == float(nets[1](x))
    with pytest.raises(ValueError, match="index: got 3, expected 0 to 2"):
        stacked.member(3)


def test_an_mlp_is_an_ordinary_pytree(key):
    """JAX and optax rebuild pytrees with leaves of any shape."""
    import optax

    net = random_net(key)
    norms = jax.tree.map(jnp.linalg.norm, net)
    assert all(leaf.shape == () for leaf in jax.tree.leaves(norms))
    assert "leaves" in repr(norms)
    optax.adafactor(1e-2).init(net)
    curvature = jax.hessian(lambda n: n(jnp.array([0.1, 0.2])))(net)
    assert curvature.biases[0].biases[0].shape == (5, 5)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(net)]
    assert paths[0] == ".weights[0]"
    assert jax.tree.structure(net) == jax.tree.structure(jax.tree.map(lambda a: 2 * a, net))
    jax.jit(lambda n: n).lower(net)


def test_stacked_networks_are_named_for_what_they_are(key):
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), random_net(key))
    for call in (
        lambda: stacked(jnp.ones(2)),
        lambda: al.precompose(stacked, 2.0),
        lambda: al.compose(stacked, stacked),
        lambda: al.parallel([stacked, stacked]),
    ):
        with pytest.raises(ValueError, match="got stacked networks"):
            call()
    scaled = jax.vmap(lambda net: al.postcompose(net, 2.0))(stacked)
    assert scaled.weights[0].ndim == 3


def test_nan_stays_nan():
    for name in ACTIVATIONS:
        assert bool(jnp.isnan(activation(name)(jnp.asarray(jnp.nan)))), name


@pytest.mark.parametrize("seed", [0, 3, 2**31 + 5, 2**40 + 1])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("where", ["on the host", "on a device", "other generator", "old rule"])
def test_random_numbers_are_those_of_jax(seed, dtype, where):
    """Bit for bit: made by fewer programs, they are the same as by `normal` and `uniform`."""
    with jax.threefry_partitionable(where != "old rule"):
        key = jax.random.key(seed, impl="rbg" if where == "other generator" else "threefry2x32")
        if where == "on a device":
            key = jax.device_put(key, jax.devices()[0])
        raw = raw_key(key)
        assert isinstance(raw.data, np.ndarray) == (where == "on the host")
        for number in (0, 1, 2**32 - 1, seed % 2**32):
            own = jax.random.fold_in(key, number)
            assert np.array_equal(raw.fold_in(number).data, jax.random.key_data(own))
        found = draws(raw, 5000, dtype)
        normal, uniform = jax_draws(key, 5000, dtype)
        assert found.normal.dtype == found.uniform.dtype == dtype
        assert found.normal.committed == (where == "on a device")
        assert np.array_equal(found.normal[:5000], normal)
        assert np.array_equal(found.uniform[:5000], uniform)


def jax_draws(key, count, dtype):
    """The first of as many numbers as are drawn: other generators depend on their number."""
    first, second = (jax.random.fold_in(key, i) for i in (0, 1))
    length = 1 << (count - 1).bit_length()
    normal = jax.random.normal(first, (length,), dtype)
    return normal[:count], jax.random.uniform(second, (length,), dtype, -1.0, 1.0)[:count]


@pytest.mark.parametrize("count", [2**14 - 1, 2**14, 2**14 + 1])
def test_many_random_numbers_come_from_the_compiled_generator(count, monkeypatch):
    """The same ones; NumPy makes few of them, and none of a traced key."""
    asked = []
    by_numpy = host_threefry.fractions
    monkeypatch.setattr(
        host_threefry, "fractions", lambda *args: (asked.append(args[1]), by_numpy(*args))[1]
    )
    key = jax.random.key(7)
    expected = jax_draws(key, count, "float32")
    for found in (
        draws(raw_key(key), count, "float32"),
        jax.jit(lambda key: draws(raw_key(key), count, "float32"))(key),
    ):
        assert all(np.array_equal(a[:count], b) for a, b in zip(found, expected, strict=True))
    assert asked == ([count] if count <= 2**14 else [])


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", ">f4"])
def test_other_dtypes_are_not_drawn(dtype):
    with pytest.raises(ValueError, match=r"dtype: got .*, expected 'float32' or 'float64'"):
        al.MLP.init(jax.random.key(0), 2, (5,), dtype=dtype)


@pytest.mark.parametrize("seed", [0, 3, 2**31 + 5])
def test_keys_split_as_they_are_folded(seed):
    key = jax.random.key(seed)
    for i, own in enumerate(jax.random.split(key, 3)):
        assert np.array_equal(raw_key(key).fold_in(i).data, jax.random.key_data(own))
    with pytest.raises(OverflowError):
        raw_key(key).fold_in(2**32)
