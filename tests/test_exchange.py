"""Networks from and to other libraries, by plain dicts and objects of the same structure."""

import types

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
