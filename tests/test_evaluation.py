"""evaluate: batches, chunks, dtypes, any callable, and one compilation per shape."""

import gc
import weakref

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest

import approxlab as al
from approxlab.kept_programs import PROGRAMS


def test_chunks_give_what_one_batch_gives(key):
    net = al.MLP.init(key, 2, (16, 16))
    points = np.random.default_rng(0).uniform(size=(1000, 2))
    whole = al.evaluate(net, points)
    # A budget of 3000 bytes holds a handful of points; 1000 is no multiple of the chunk.
    laws.close(al.evaluate(net, points, max_bytes=3000), whole, c=64)
    assert whole.shape == (1000,)
    assert al.evaluate(al.MLP.init(key, 2, (4,), out_size=3), points).shape == (1000, 3)


def test_values_on_the_host_are_the_values(key):
    net = al.MLP.init(key, 2, (5,), out_size=2, dtype="float32")
    points = np.random.default_rng(0).uniform(size=(3000, 2))
    found = al.evaluation.values_at(net, points)
    assert isinstance(found, np.ndarray)
    assert (found.dtype, found.shape) == (np.float64, (3000, 2))
    laws.close(found, al.evaluate(net, points), c=64, dtype=np.float32)


def test_chunks_compile_once(key, compilations):
    net = al.MLP.init(key, 1, (13,))
    with compilations() as count:
        al.evaluate(net, np.linspace(0.0, 1.0, 997)[:, None], max_bytes=20_000)
        assert count() == 1
        al.evaluate(net, np.linspace(0.0, 1.0, 1997)[:, None], max_bytes=20_000)
        al.evaluate(net, np.linspace(0.0, 1.0, 2997)[:, None], max_bytes=20_000)
        assert count() == 1


def test_two_networks_of_one_shape_share_a_compilation(key, compilations):
    points = jnp.linspace(0.0, 1.0, 50)[:, None]
    nets = [al.MLP.init(k, 1, (9,)) for k in jax.random.split(key, 2)]
    laws.second_call_does_not_compile(lambda m: al.evaluate(m, points), *nets, compilations)


def test_plain_functions_and_foreign_pytrees():
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert al.evaluate(lambda x: x[0] * x[1], points).tolist() == [2.0, 12.0]
    linear = jax.tree_util.Partial(lambda w, x: w @ x, jnp.array([1.0, -1.0]))
    assert al.evaluate(linear, points).tolist() == [-1.0, -1.0]


def test_dtype_is_the_models(key):
    points = np.random.default_rng(0).uniform(size=(8, 1))
    assert al.evaluate(al.MLP.init(key, 1, (4,), dtype="float32"), points).dtype == jnp.float32
    assert al.evaluate(al.MLP.init(key, 1, (4,)), points.astype("f4")).dtype == jnp.float64


def test_gradient_through_a_batch(key):
    """Evaluate is a JAX function of the network: it can be differentiated."""
    net = al.MLP.init(key, 1, (4,))
    points = jnp.linspace(0.0, 1.0, 5)[:, None]
    slope = jax.grad(lambda m: jnp.sum(al.evaluate(m, points)))(net)
    assert float(slope.biases[-1][0]) == pytest.approx(5.0, rel=1e-14)


def test_batches_share_a_compilation_and_change_nothing(key, compilations):
    net = al.MLP.init(key, 1, (17,))
    points = np.linspace(0.0, 1.0, 300)[:, None]
    whole = al.evaluate(net, points)
    laws.close(al.evaluate(net, points, batch=128), whole, c=64)
    with compilations() as count:
        for n in (1, 100, 128, 257):
            assert al.evaluate(net, points[:n], batch=128).shape == (n,)
        assert count() == 0


def test_a_function_is_taken_as_it_is_now():
    """Compiled code is not reused when what a function closes over has changed."""
    slope = 2.0

    def line(x):
        return slope * x[0]

    assert al.evaluate(line, [[1.0]]).tolist() == [2.0]
    slope = 3.0
    assert al.evaluate(line, [[1.0]]).tolist() == [3.0]
    assert float(al.errors.sup(line, lambda x: 0.0 * x[0], al.Box.unit())) == 3.0


def test_static_leaves_of_equal_value_and_other_type():
    kinds = [
        al.evaluate(jax.tree_util.Partial(lambda leaf, x: jnp.asarray(leaf), leaf), [[1.0]]).dtype
        for leaf in (1, 1.0, True)
    ]
    assert kinds == [jnp.int64, jnp.float64, jnp.bool_]


def test_memory_estimate_looks_inside_jit(key):
    net = al.MLP.init(key, 1, (50_000,))
    point = jax.ShapeDtypeStruct((1,), jnp.float64)

    def bytes_of(model):
        static, arrays = al.evaluation.split(al.evaluation.settled(model))
        shapes = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays)
        return al.evaluation._bytes_per_point(static, shapes, point)

    assert bytes_of(jax.jit(net)) >= bytes_of(net) >= 50_000 * 8


def test_thousands_of_chunks_are_one_program(key, compilations):
    """Neither slices of an array of JAX nor the pieces are compiled one by one."""
    net = al.MLP.init(key, 1, (3,))
    points = jnp.linspace(0.0, 1.0, 3000)[:, None]
    whole = al.evaluate(net, points)
    with compilations() as count:
        values = al.evaluate(net, points, max_bytes=1)
        assert count() <= 1
    laws.close(values, whole, c=64)


def test_a_traced_call_streams_in_one_program(key, compilations):
    net = al.MLP.init(key, 1, (4,))
    points = jnp.linspace(0.0, 1.0, 999)[:, None]
    with compilations() as count:
        slope = jax.jit(jax.grad(lambda m: jnp.sum(al.evaluate(m, points, max_bytes=1000))))(net)
        assert count() == 1
    assert float(slope.biases[-1][0]) == pytest.approx(999.0, rel=1e-14)
    values = jax.jit(lambda x: al.evaluate(net, x, max_bytes=1000))(points)
    laws.close(values, al.evaluate(net, points), c=64)


def test_chunks_stay_in_the_cache_whatever_the_budget(key, monkeypatch):
    """Arrays of hundreds of megabytes leave it: then the memory decides on the time."""
    seen = []
    mapped = al.evaluation._mapped
    monkeypatch.setattr(
        al.evaluation, "_mapped", lambda *a: seen.append(len(a[-1])) or mapped(*a), raising=True
    )
    for dtype, most in (("float64", 8), ("float32", 4)):
        net = al.MLP.init(key, 1, (1000,), dtype=dtype)
        al.evaluate(net, np.linspace(0.0, 1.0, 3000)[:, None].astype(dtype))
        assert len(seen) > 1
        assert max(seen) * 1000 * most <= 2**24  # one array of the units
        assert min(seen) >= 256  # and not so few that calls cost more than units
        seen.clear()


def test_a_function_that_holds_traced_numbers_is_part_of_the_program():
    points = np.linspace(0.0, 1.0, 50)[:, None]
    for budget in (2**28, 8):  # in one piece, and in fifty

        def mean(w, budget=budget):
            return jnp.mean(al.evaluate(lambda x: w * x[0], points, max_bytes=budget))

        assert float(jax.grad(mean)(2.0)) == pytest.approx(0.5, rel=1e-12)
        assert float(jax.jit(mean)(2.0)) == pytest.approx(1.0, rel=1e-12)


def test_one_function_is_compiled_once_and_another_one_anew(compilations):
    points = np.linspace(0.0, 1.0, 7)[:, None]
    with compilations() as count:
        for factor, programs in ((7.25, 1), (7.25, 1), (7.5, 2), (7.25, 2)):
            values = np.asarray(al.evaluate(lambda x, k=factor: k * x[0], points))
            assert values[-1] == factor
            assert count() == programs


@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: lambda x: jax.jit(f)(x)])
def test_arrays_inside_of_a_function_are_those_of_this_function(wrap):
    """Programs of one text may hold different arrays, which need not be part of the text."""
    for factor in (1.0, 2.0):
        for size in (1, 2000):
            host = factor * np.arange(1.0, size + 1.0)
            for table in (host, jnp.asarray(host)):
                found = al.evaluate(wrap(lambda x, t=table: jnp.sum(t) * x[0]), [[1.0]])
                assert float(found[0]) == pytest.approx(float(host.sum()), rel=1e-12)
        scalar = jnp.asarray(factor)
        found = al.evaluate(wrap(lambda x, s=scalar: s * x[0]), [[1.0]])
        assert float(found[0]) == factor


def test_programs_of_plain_functions_are_bounded(monkeypatch):
    monkeypatch.setattr(PROGRAMS, "most", 3)
    for k in range(6):
        al.evaluate(lambda x, k=k: (100.5 + k) * x[0], [[1.0]])
        assert len(PROGRAMS) <= 3


def test_programs_of_networks_and_of_numbers_of_points_are_bounded(key, monkeypatch):
    monkeypatch.setattr(PROGRAMS, "most", 3)
    net = al.MLP.init(key, 1, (4,))
    al.evaluate(net, np.ones((40, 1)))
    alive = _alive()
    for n in range(41, 61):
        assert al.evaluate(net, np.ones((n, 1))).shape == (n,)
    assert len(PROGRAMS) == 3
    assert _alive() <= alive + 3


def test_programs_of_errors_of_new_functions_are_bounded(monkeypatch):
    monkeypatch.setattr(PROGRAMS, "most", 4)
    box, counts = al.Box([0.0], [1.0]), []
    for k in range(50):
        model, target = (lambda x, k=k: jnp.tanh(k * x[0])), (lambda x, k=k: k + x[0])
        assert float(al.errors.sup(model, target, box)) > 0.2
        counts.append(_alive())
    assert counts[-1] <= counts[2] + 4


def _alive():
    """Compiled programs that this process holds."""
    gc.collect()
    return len(jax.devices()[0].client.live_executables())


def test_networks_on_other_devices_have_programs_of_their_own(key):
    device = jax.devices()[-1]
    net = al.MLP.init(key, 1, (4,))
    points = np.linspace(0.0, 1.0, 30)[:, None]
    here = al.evaluate(net, points)
    there = al.evaluate(jax.device_put(net, device), points)
    assert there.devices() == {device}
    np.testing.assert_array_equal(here, there)


def test_programs_of_a_target_go_with_it():
    target = al.Target(lambda x: jnp.sin(3.7 * x[0]), domain=al.Box.unit())
    al.evaluate(target, [[0.5]])
    assert len(al.evaluation._of_targets)
    gone = weakref.ref(target)
    del target
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("call", ["pure_callback", "io_callback", "inside_jit"])
def test_functions_that_call_python_do_not_share_a_program(call):
    """The text of their programs is the same; what they call is not in it."""
    from jax.experimental import io_callback

    def times(factor):
        def outside(x):
            return np.asarray(x) * factor

        def model(x):
            form = jax.ShapeDtypeStruct((), x.dtype)
            if call == "io_callback":
                return io_callback(outside, form, x[0])
            return jax.pure_callback(outside, form, x[0], vmap_method="sequential")

        return jax.jit(model) if call == "inside_jit" else lambda x: model(x)

    points = np.array([[1.0], [2.0]])
    for factor in (2.0, 3.0):
        np.testing.assert_array_equal(al.evaluate(times(factor), points), [factor, 2 * factor])


def test_numbers_that_differ_in_the_last_digit_do_not_share_a_program():
    points = np.ones((2, 1))
    for number in (0.1, np.nextafter(0.1, 1.0), np.nextafter(0.1, 0.0)):
        values = al.evaluate(lambda x, c=number: c * x[0], points)
        assert values[0] == number


def test_a_model_may_have_attributes_named_like_those_of_jax():
    class Model:
        lower, trace, eval_shape, clear_cache = 1.0, 2.0, None, "x"

        def __init__(self):
            self.lower = self.trace = 3.0

        def __call__(self, x):
            return x[0] ** 2

    points = np.array([[2.0], [3.0]])
    np.testing.assert_array_equal(al.evaluate(Model(), points), [4.0, 9.0])
    assert float(al.errors.sup(Model(), lambda x: 0.0 * x[0], al.Box([0.0], [1.0]))) == 1.0


def test_a_network_of_a_new_width_compiles_little(key, compilations):
    """JAX keeps each of its own small programs, with over a megabyte, as long as the process."""
    al.MLP.init(key, 2, (5,), "relu", init="he")
    al.fit(al.targets.get("runge"), hidden=(5,), steps=20)
    with compilations() as count:
        for init in ("glorot", "he", "lecun"):
            al.MLP.init(key, 3, (6, 11), "relu", init=init, out_size=2)
        assert count() == 0
        al.fit(al.targets.get("runge"), hidden=(6,), steps=20)
        # Start, steps and finish; JAX 0.12 tells twice of a program with options of the compiler.
        assert count() == 3 * (1 if jax.__version_info__ < (0, 12) else 2)
