"""Methods as objects: one object behaves as its name does, and compiles as often."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import approxlab as al
from approxlab.fitting import (
    METHODS,
    GradientDescent,
    LevenbergMarquardt,
    Method,
    fit,
    self_scaled_bfgs,
    self_scaled_broyden,
)
from approxlab.fitting.training.methods import as_method
from approxlab.fitting.training.programs import compilations
from approxlab.fitting.training.self_scaled import SelfScaled

X = np.linspace(-1.0, 1.0, 33)[:, None]
DATA = (X, np.sin(3 * X[:, 0] + 1))
SMALL = {"hidden": (5,), "steps": 40, "stride": 10}

# Every way to write a method, and the name under which it is known.
WRITTEN = {
    **{f"METHODS[{name!r}]": (name, method) for name, method in METHODS.items()},
    "self_scaled_bfgs()": ("ssbfgs", self_scaled_bfgs()),
    "self_scaled_broyden()": ("ssbroyden", self_scaled_broyden()),
    "LevenbergMarquardt()": ("levenberg_marquardt", LevenbergMarquardt()),
    "eliminate=True": ("variable_projection", LevenbergMarquardt(eliminate=True)),
    "GradientDescent()": ("gradient_descent", GradientDescent()),
    "GradientDescent(0.9)": ("momentum", GradientDescent(momentum=0.9)),
}
BOTH = pytest.mark.parametrize(("name", "written"), WRITTEN.values(), ids=list(WRITTEN))


def small(name):
    """Options of a small fit, with a step size where there is no default."""
    needed = METHODS[name].default_learning_rate is None
    return {**SMALL, "learning_rate": 1e-3} if needed else SMALL


@BOTH
def test_an_object_is_its_name(name, written):
    by_name = fit(DATA, **small(name), method=name, seeds=2)
    before = compilations()
    by_object = fit(DATA, **small(name), method=written, seeds=2)
    assert compilations() == before  # one program for both
    assert by_object.method == by_name.method == name
    assert by_object.statuses == by_name.statuses
    assert np.array_equal(by_object.history.losses, by_name.history.losses)
    for a, b in zip(
        jax.tree.leaves(by_object.networks), jax.tree.leaves(by_name.networks), strict=True
    ):
        assert np.array_equal(a, b)
    other = fit(DATA, **small(name), method=name, seeds=2, key=jax.random.key(1))
    assert not np.array_equal(by_object.history.losses, other.history.losses)


@BOTH
def test_an_object_refuses_what_its_name_refuses(name, written):
    for options in ({"batch": 8}, {"learning_rate": 0.1}):
        messages = []
        for method in (name, written):
            try:
                fit(DATA, **{**small(name), **options}, method=method)
                messages.append(None)
            except ValueError as error:
                messages.append(str(error))
        assert messages[0] == messages[1]
        known = METHODS[name]
        refused = known.same_points if "batch" in options else known.no_learning_rate is not None
        assert (messages[0] is not None) == refused


def test_which_methods_take_batches_and_learning_rates():
    strict = ("lbfgs", "ssbfgs", "ssbroyden", "levenberg_marquardt", "variable_projection")
    assert all(METHODS[name].same_points and METHODS[name].no_learning_rate for name in strict)
    assert not METHODS["adam"].same_points
    assert METHODS["adam"].no_learning_rate is None
    for name in ("gradient_descent", "momentum"):
        assert METHODS[name].same_points
        assert METHODS[name].no_learning_rate is None
        with pytest.raises(ValueError, match="learning_rate: got None.*expected a positive number"):
            fit(DATA, **SMALL, method=name)


@BOTH
def test_an_object_has_the_defaults_of_its_name(name, written):
    known, given = METHODS[name], as_method(written)
    assert given == known
    assert hash(given) == hash(known)
    attributes = ("patience", "grid", "same_points", "sees_layers", "no_learning_rate")
    for attribute in (*attributes, "own_units", "default_learning_rate"):
        assert getattr(given, attribute) == getattr(known, attribute)
    assert given.initialisation("tanh") == known.initialisation("tanh")
    assert given.initialisation("relu") is None


def test_patience_is_the_methods():
    """Where nothing can be gained a search by gradients stagnates, and so does its object."""
    options = {"hidden": (), "steps": 600}
    for method in ("ssbroyden", self_scaled_broyden()):
        assert fit(DATA, **options, method=method).status == "stagnated"
    still = fit(DATA, **options, method=optax.sgd(1e-12))
    assert still.status == "budget"  # nothing is known of an optax transformation


def test_settings_that_differ_are_other_methods():
    assert LevenbergMarquardt(corrections=0) != LevenbergMarquardt()
    assert self_scaled_bfgs().method != self_scaled_broyden().method
    assert self_scaled_bfgs(max_bytes=2**20).method == SelfScaled(False, 2**20)
    assert self_scaled_bfgs(max_bytes=2**20).method != self_scaled_bfgs().method
    with pytest.raises(dataclasses.FrozenInstanceError):
        LevenbergMarquardt().corrections = 3


def test_one_optax_object_compiles_once():
    method = optax.chain(optax.clip(1.0), optax.sgd(1e-2))
    before = compilations()
    for _ in range(2):
        fit(DATA, **SMALL, method=method)
    assert compilations() == before + 1
    fit(DATA, **SMALL, method=optax.chain(optax.clip(1.0), optax.sgd(1e-2)))
    assert compilations() == before + 2  # an equal one has functions of its own


def test_a_self_scaled_method_is_still_an_optax_transformation():
    chained = optax.chain(self_scaled_broyden(), optax.scale(1.0))

    def loss(x):
        return jnp.sum(jnp.square(x - 1.0))

    x = jnp.zeros(3)
    state = chained.init(x)
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(5):
            value, grad = jax.value_and_grad(loss)(x)
            step, state = chained.update(grad, state, x, value=value, grad=grad, value_fn=loss)
            x = x + step
    np.testing.assert_allclose(x, 1.0, atol=1e-6)
    assert as_method(chained).name == "optax"


def test_its_memory_is_checked_before_anything_is_compiled():
    before = compilations()
    with pytest.raises(ValueError, match=r"params: got 16 parameters.*expected at most"):
        fit(DATA, hidden=(5,), method=self_scaled_bfgs(max_bytes=2**10), steps=1)
    assert compilations() == before
    assert fit(DATA, hidden=(5,), method=self_scaled_bfgs(max_bytes=2**11), steps=1).steps == [1]


@dataclasses.dataclass(frozen=True)
class SignDescent(Method):
    """An optimiser of a user's own: a step of fixed length against the sign of the gradient."""

    length: float

    same_points = False
    name = "sign_descent"

    def init(self, params):
        return jnp.zeros((), jnp.int32)

    def step(self, objective, params, state):
        loss, gradient = jax.value_and_grad(objective.loss)(params)
        return loss, params - jnp.asarray(self.length, loss.dtype) * jnp.sign(gradient), state + 1


def test_a_method_of_the_users_own():
    found = fit(DATA, **{**SMALL, "steps": 300}, method=SignDescent(1e-2))
    assert found.method == "sign_descent"
    assert found.relative_loss < 0.5
    before = compilations()
    again = fit(DATA, **{**SMALL, "steps": 300}, method=SignDescent(1e-2))
    assert compilations() == before
    assert np.array_equal(again.history.losses, found.history.losses)
    assert fit(DATA, **SMALL, method=SignDescent(1e-3), batch=4).steps == [40]
    staged = al.fitting.fit_stages(DATA, [(3,), (3,)], method=SignDescent(1e-3), steps=20)
    assert len(staged.stages) == 2


@pytest.mark.parametrize("method", ["sgd", 3, None, object(), LevenbergMarquardt])
def test_what_is_not_a_method(method):
    with pytest.raises(ValueError, match=r"method: got .*expected one of adam, .*lbfgs, .*optax"):
        fit(DATA, **SMALL, method=method)
