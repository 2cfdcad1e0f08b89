"""What a fit tells of itself holds for the network that it returns, and for the data as given."""

import numpy as np
import optax
import pytest

import approxlab as al
from approxlab import host_threads
from approxlab.solves import solve

X = np.linspace(-1.0, 1.0, 60)[:, None]
SQUARE = X[:, 0] ** 2


def own_losses(result, x, y):
    values = np.asarray(al.evaluate(result.network, x), np.float64).reshape(len(x), -1)
    return np.mean(np.square(values - y.reshape(len(x), -1)), axis=0)


@pytest.mark.parametrize(
    ("x", "y"), [(X, 1e9 + 0.5 * SQUARE), (X + 1e8, SQUARE)], ids=["far values", "far points"]
)
def test_a_network_that_rounds_too_much_has_not_converged(x, y):
    found = al.fit((x, y), hidden=(6,), method="variable_projection", dtype="float32", steps=30)
    assert found.status == "limited"
    assert found.loss == pytest.approx(own_losses(found, x, y)[0], rel=1e-3)
    assert found.relative_loss > 1.0
    near = al.fit((X, SQUARE), hidden=(6,), method="variable_projection", dtype="float32", steps=30)
    assert near.status != "limited"


def test_losses_of_outputs_are_told_one_by_one():
    y = np.stack([SQUARE, np.full(60, 3.0), 1e6 * X[:, 0] ** 3], axis=1)
    found = al.fit((X, y), hidden=(4,), method="lbfgs", steps=30)
    own = own_losses(found, X, y)
    assert found.output_losses[0] == pytest.approx(own, rel=1e-6)
    assert found.loss == pytest.approx(own.mean(), rel=1e-6)
    assert found.relative_loss >= own[0] / y[:, 0].var() * (1 - 1e-6)


def test_a_fit_that_got_worse_returns_its_best_record():
    found = al.fit((X, SQUARE), hidden=(4,), learning_rate=1e6, steps=60)
    assert found.status == "diverged"
    losses = found.history.losses[0]
    assert losses[-1] > losses[0]
    assert found.loss == pytest.approx(losses.min(), rel=1e-6)


def test_an_object_takes_the_steps_of_its_name():
    named, given = (
        al.fit((X, SQUARE), hidden=(4,), method=m, steps=10)
        for m in ("lbfgs", optax.lbfgs(memory_size=20))
    )
    assert given.loss == pytest.approx(named.loss, rel=1e-6)


@pytest.mark.parametrize(
    ("y", "fix"), [(SQUARE + 1j, "imaginary"), (np.arange(60).astype("M8[s]"), "timedelta")]
)
def test_values_that_are_not_real_are_refused(y, fix):
    with pytest.raises(TypeError, match=f"Y: got dtype .*{fix}"):
        al.fit((X, y))


def test_solves_take_one_thread_and_give_the_others_back():
    controls = host_threads._controls()
    before = [get() for get, _ in controls]
    try:
        for _, put in controls:
            put(2)
        with host_threads.one_thread():
            solve(np.eye(3), np.ones(3))
            assert [get() for get, _ in controls] == [1] * len(controls)
        assert [get() for get, _ in controls] == [2] * len(controls)
    finally:
        for (_, put), count in zip(controls, before, strict=True):
            put(count)
