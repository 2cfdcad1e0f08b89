# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11. Bring your own: function, data, network
#
# Everything in this library takes functions, data and networks that it has never seen. This
# notebook is a workbench: replace the function in the first cell by yours, and run all.

# %%
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)


def fn(x):
    """A function of one point x of shape (1,), written with jax.numpy."""
    return jnp.exp(-x[0]) * jnp.sin(6 * x[0]) + 0.3 * jnp.abs(x[0] - 0.4)


mine = al.Target(fn, domain=al.Box([0.0], [1.0]), name="mine", kinks=(0.4,), lipschitz=6.3)
mine

# %% [markdown]
# Facts are optional. Those that you give are used, so they must be true: with a Lipschitz
# constant, constructions can prove their errors. The slope is at most 6 + 0.3 here.

# %%
built = al.constructions.cybenko(mine, 0.05)
fit = al.fit(mine, hidden=(16,), method="variable_projection", steps=200)
estimate = al.errors.sup(fit.network, mine)
print(f"{built.claim.num_hidden_units} sigmoids are enough, by proof, for", built.claim.bound)
print(f"{fit.network.num_hidden_units} tanh units, fitted:", estimate)

# %%
ax = al.plotting.plot_model(fit.network, mine, label="16 tanh units")
assert al.errors.sup(built.network, mine).value <= built.claim.bound.value < 0.05
assert estimate.value < 0.05

# %% [markdown]
# ## Your data
#
# Arrays of shape (n, d) and (n,) take the place of the target. There is no truth to compare with
# then, so that errors are measured on data that were kept apart.

# %%
key, noise = jax.random.split(jax.random.key(0))
X = jax.random.uniform(key, (200, 1))
Y = al.evaluate(mine, X) + 0.02 * jax.random.normal(noise, (200,))
kept, Y_kept = X[150:], Y[150:]
root_mean_square = {}
for units in (2, 64):
    net = al.fit(
        (X[:150], Y[:150]), hidden=(units,), method="levenberg_marquardt", steps=200
    ).network
    difference = al.evaluate(net, kept) - Y_kept
    root_mean_square[units] = float(jnp.sqrt(jnp.mean(difference**2)))
print({units: f"{value:.4f}" for units, value in root_mean_square.items()})

# %% [markdown]
# The noise has size 0.02: no network can be much better than that on new data, however many units
# it has. Two are enough here.

# %%
assert all(0.015 < value < 0.03 for value in root_mean_square.values())

# %% [markdown]
# ## Your network
#
# Weights of other libraries enter by `MLP.from_torch` (a `state_dict`), `MLP.from_flax` and
# `MLP.from_equinox`; weights of any origin by `MLP.from_arrays`. Below, the names and shapes are
# those of a PyTorch `Sequential`, so that the cell runs without PyTorch.

# %%
rng = np.random.default_rng(0)
state = {
    "0.weight": rng.normal(size=(8, 1)),
    "0.bias": rng.normal(size=8),
    "2.weight": rng.normal(size=(1, 8)),
    "2.bias": rng.normal(size=1),
}
theirs = al.MLP.from_torch(state, "relu")
print(theirs)
print(al.regions.pieces(theirs, mine.domain))
back = theirs.to_torch()

# %%
by_hand = state["2.weight"] @ np.maximum(state["0.weight"] @ [0.3] + state["0.bias"], 0)
assert abs(theirs(jnp.array([0.3]))[0] - (by_hand + state["2.bias"])[0]) < 1e-14
assert all(np.array_equal(back[name], state[name]) for name in state)

# %% [markdown]
# A model that is no MLP at all enters as a function of a point; with its parameters apart, it can
# be differentiated in them.

# %%
parameters = {"a": jnp.array([1.0, 0.5]), "w": jnp.array([6.0, 12.0])}


def model(p, x):
    """A sum of two waves."""
    return p["a"] @ jnp.sin(p["w"] * x[0])


print(al.errors.sup(lambda x: model(parameters, x), mine))
kernel = al.derivatives.ntk(model, X[:5], params=parameters)
print(kernel.shape, float(kernel[0, 0]))

# %%
gradient = jax.grad(lambda p: model(p, X[0]))(parameters)
squared = sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(gradient))
assert abs(float(kernel[0, 0]) - squared) < 1e-10 * squared

# %% [markdown]
# ## A sweep, and a figure for the paper
#
# A plan is a grid of shapes; a unit is one shape with all its seeds, compiled once. Rows are
# plain dictionaries.

# %%
plan = al.sweeps.plan([mine], depths=[1, 2], budgets=[25, 100], seeds=3, steps=300, method="lbfgs")
rows = []
for unit in plan:
    result = al.sweeps.run_unit(mine, unit, seed=0)
    for seed, row in enumerate(result.to_rows()):
        error = al.errors.sup(result.networks.member(seed), mine).value
        rows.append({**unit.to_row(), **row, "sup_error": error})
print(len(rows), "rows;", ", ".join(list(rows[0])[:8]), "...")

# %%
with al.plotting.style("paper"):
    fig, ax = plt.subplots(figsize=(3.4, 2.4), layout="constrained")
    al.plotting.plot_error_against_size(
        rows, x="num_parameters", y="sup_error", by="depth", ax=ax, label="{} hidden layers".format
    )
    ax.set(xlabel="number of parameters", ylabel="sup error, sampled")
    ax.legend()
    with tempfile.TemporaryDirectory() as folder:
        fig.savefig(Path(folder) / "figure.pdf")

# %%
assert len(plan) == 4
assert len(rows) == 12

# %% [markdown]
# The same from the shell, resumable, with a record of every number: put the target into a file
# `mine.py` and run `python -m experiments.width_vs_depth --targets mine.py:mine`.

# %% [markdown]
# ## Exercises
#
# 1. Declare a Lipschitz constant that is too small, 1 say. What does `cybenko` do with it?
# 2. Fit your target in float32 (`dtype`). Where is the error then?
# 3. Prove the sup error of `fit.network` with `al.certify.sup_norm`.

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. It refuses, and names two points: facts are checked on samples before they are used. That is no
# proof that a fact is true, but most mistakes are found.
liar = al.Target(fn, domain=mine.domain, name="liar", lipschitz=1.0)
try:
    al.constructions.cybenko(liar, 0.05)
except ValueError as error:
    print(error)
else:
    raise AssertionError("a false fact was believed")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. At best some units of the seventh digit.
in_float32 = al.MLP.init(jax.random.key(0), 1, (16,), "tanh", dtype="float32")
rough = al.fit(mine, start=in_float32, method="variable_projection", steps=200)
print(al.errors.sup(rough.network, mine))
assert rough.network.dtype == np.float32

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. Two numbers, with a proof.
certificate = al.certify.sup_norm(fit.network, mine, rtol=1e-3)
print(certificate)
assert certificate.lower <= estimate.value * (1 + 1e-9)
assert estimate.value <= certificate.upper
