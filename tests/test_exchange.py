"""Networks from and to other libraries, by plain dicts and objects of the same structure."""

import dataclasses
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from approxlab.networks import MLP

X = jnp.array([0.3, -0.7])


def net(**options):
    return MLP.init(jax.random.key(0), 2, (5, 4), "tanh", out_size=3, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_there_and_back(dtype):
    given = net(dtype=dtype)
    for back in (
        MLP.from_torch(given.to_torch(), "tanh"),
        MLP.from_flax(given.to_flax(), "tanh"),
        MLP.from_flax(given.to_flax()["params"], "tanh"),
    ):
        assert back.dtype == given.dtype
        assert np.array_equal(back(X), given(X))


def test_an_equinox_model_is_read_by_its_structure():
    given = net()
    pairs = zip(given.weights, given.biases, strict=True)
    layers = tuple(types.SimpleNamespace(weight=w, bias=b) for w, b in pairs)
    model = types.SimpleNamespace(layers=layers, activation=jnp.tanh, out_size=3)
    assert np.array_equal(MLP.from_equinox(model)(X), given(X))
    model.final_activation = jnp.tanh
    with pytest.raises(ValueError, match="final activation"):
        MLP.from_equinox(model)
    model = types.SimpleNamespace(layers=layers, activation=lambda z: z)
    with pytest.raises(ValueError, match="activation: got '<lambda>'"):
        MLP.from_equinox(model)


def test_ten_layers_of_flax_keep_their_order():
    deep = MLP.init(jax.random.key(1), 2, (3,) * 11, "tanh", out_size=1)
    params = deep.to_flax()["params"]
    by_name = {name: params[name] for name in sorted(params)}
    assert np.array_equal(MLP.from_flax(by_name, "tanh")(X), deep(X))


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"0.weight": np.ones((4, 3, 2, 2)), "0.bias": np.ones(4)},
        {"0.weight": np.ones(4), "0.bias": np.ones(4)},
        {"0.weight": np.ones((4, 2)), "0.running_mean": np.ones(4)},
        {"0.weight": np.ones((4, 2)), "2.weight": np.ones((1, 5))},
    ],
)
def test_what_is_no_chain_of_linear_layers_is_refused(state):
    with pytest.raises(ValueError, match=r"state: got .* expected"):
        MLP.from_torch(state, "relu")


def test_flax_layers_without_numbers_or_nested_are_refused():
    dense = {"kernel": np.ones((2, 2)), "bias": np.ones(2)}
    for params in ({"out": dense, "first": dense}, {"block": {"Dense_0": dense}}):
        with pytest.raises(ValueError, match="params: got"):
            MLP.from_flax(params, "relu")


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Linear:
    """As of equinox: arrays are leaves."""

    weight: Any
    bias: Any


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Model:
    layers: tuple[Linear, ...]
    activation: Any
    out_size: Any = dataclasses.field(metadata={"static": True}, default=3)


def model_arrays(given):
    return zip(given.weights, given.biases, strict=True)


def model(given, **options):
    pairs = model_arrays(given)
    return Model(tuple(Linear(w + 1, b + 1) for w, b in pairs), jnp.tanh, **options)


def test_weights_are_put_into_an_equinox_model():
    given = net()
    filled = given.to_equinox(model(given))
    assert isinstance(filled, Model)
    back = MLP.from_equinox(filled)
    jax.tree.map(np.testing.assert_array_equal, back, given)
    scalar = MLP.init(jax.random.key(0), 2, (5,), "tanh")
    back = MLP.from_equinox(scalar.to_equinox(model(scalar, out_size="scalar")))
    assert np.array_equal(back(X), scalar(X))


def test_layers_that_share_an_array_get_arrays_of_their_own():
    given = jax.tree.map(
        lambda leaf: leaf + 1, MLP.init(jax.random.key(0), 3, (3, 3), "relu", out_size=3)
    )
    weight, zeros = jnp.eye(3), jnp.zeros(3)
    there = Model(tuple(Linear(weight, zeros) for _ in range(3)), jax.nn.relu)
    back = MLP.from_equinox(given.to_equinox(there))
    jax.tree.map(np.testing.assert_array_equal, back, given)
    assert there.layers[0].bias is zeros  # nothing is written into the model that is given
    shared = MLP.from_equinox(there)  # one array in every layer, on this side
    for state in (
        MLP.from_torch(shared.to_torch(), "relu"),
        MLP.from_flax(shared.to_flax(), "relu"),
    ):
        jax.tree.map(np.testing.assert_array_equal, state, shared)
    back = MLP.from_equinox(shared.to_equinox(there))
    jax.tree.map(np.testing.assert_array_equal, back, shared)


def test_a_model_whose_arrays_are_no_leaves_is_refused():
    given = net()
    layers = tuple(types.SimpleNamespace(weight=w, bias=b) for w, b in model_arrays(given))
    for there in (
        types.SimpleNamespace(layers=layers, activation=jnp.tanh, out_size=3),
        Model(layers, jnp.tanh),
    ):
        with pytest.raises(TypeError, match="no pytree of its arrays"):
            given.to_equinox(there)


def test_an_equinox_model_of_other_layers_is_refused():
    given = net()
    other = MLP.init(jax.random.key(0), 2, (5, 7), "tanh", out_size=3)
    with pytest.raises(ValueError, match="model: got weights of shapes"):
        given.to_equinox(model(other))
    with pytest.raises(ValueError, match="form of values"):
        given.to_equinox(model(given, out_size="scalar"))
    with pytest.raises(ValueError, match="activation 'tanh'"):
        MLP.init(jax.random.key(0), 2, (5, 4), "relu", out_size=3).to_equinox(model(given))
    with pytest.raises(TypeError, match="model: got dict"):
        given.to_equinox({})
    without = model(given)
    without.layers[1].bias = None
    biased = jax.tree.map(lambda leaf: leaf + 1, given)
    with pytest.raises(ValueError, match="without bias"):
        biased.to_equinox(without)


# The libraries themselves, where they are installed.


def test_torch_itself():
    torch = pytest.importorskip("torch")
    linear = torch.nn.Linear
    there = torch.nn.Sequential(linear(2, 5), torch.nn.Tanh(), linear(5, 4), torch.nn.Tanh())
    there.append(linear(4, 3))
    given = net(dtype="float32")
    there.load_state_dict({k: torch.tensor(np.asarray(v)) for k, v in given.to_torch().items()})
    value = there(torch.tensor(np.asarray(X), dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(value, given(X), rtol=1e-5)
    assert np.array_equal(MLP.from_torch(there, "tanh")(X), given(X))


def test_flax_itself():
    linen = pytest.importorskip("flax.linen")

    class There(linen.Module):
        @linen.compact
        def __call__(self, x):
            for width in (5, 4):
                x = jnp.tanh(linen.Dense(width)(x))
            return linen.Dense(3)(x)

    given = net(dtype="float32")
    value = There().apply(given.to_flax(), X.astype("float32"))
    np.testing.assert_allclose(value, given(X), rtol=1e-5)
    drawn = There().init(jax.random.key(1), X.astype("float32"))
    value = There().apply(drawn, X.astype("float32"))
    np.testing.assert_allclose(MLP.from_flax(drawn, "tanh")(X), value, rtol=1e-5)


def test_equinox_itself():
    equinox = pytest.importorskip("equinox")
    there = equinox.nn.MLP(2, 3, 5, 2, jnp.tanh, key=jax.random.key(1))
    given = MLP.init(jax.random.key(0), 2, (5, 5), "tanh", out_size=3)
    filled = given.to_equinox(there)
    np.testing.assert_allclose(filled(X), given(X), rtol=1e-12)
    assert np.array_equal(MLP.from_equinox(filled)(X), given(X))
