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
# # 5. Width against depth
#
# "A shallow network needs exponentially more units." This notebook shows the sentence where it is
# a theorem, measures what it is worth for x^2, and asks whether training finds it.

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)

unit_interval = al.Box([0.0], [1.0])
x = np.linspace(0.0, 1.0, 1025)

fig, axes = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained", sharey=True)
for ax, k in zip(axes, (1, 2, 5), strict=True):
    folded = al.constructions.tent_deep(k)
    ax.plot(x, al.evaluate(folded.network, x[:, None]))
    ax.set(xlabel="x", title=f"folded {k} times: {2**k} pieces")
_ = axes[0].set_ylabel("value")

# %% [markdown]
# ## Folding: two pieces, four, eight, ...
#
# The tent map goes up to 1 and down again: 2 pieces. Apply it to itself, and each piece becomes
# two. k hidden layers with **one ReLU each** (and one linear unit beside it) have 2^k pieces. In
# one layer every unit can add one bend only, so 2^k pieces need 2^k - 1 units, whatever their
# weights.
#
# `al.regions.pieces` counts by finding the pieces, not by a formula.

# %%
for k in (3, 6, 10):
    deep = al.constructions.tent_deep(k)
    found = al.regions.pieces(deep.network, unit_interval).count("affine")
    print(
        f"k = {k:2}: {deep.claim.num_hidden_units:2} ReLUs in {k} layers have {found} pieces;"
        f" one layer needs {found - 1} ReLUs"
    )

# %%
deep = al.constructions.tent_deep(10)
shallow = al.constructions.tent_shallow(6)
assert deep.claim.num_hidden_units == 10
assert al.regions.pieces(deep.network, unit_interval).count("affine") == 1024
assert al.regions.pieces(shallow.network, unit_interval).count("affine") == 64
assert al.errors.sup(deep.network, deep.target).value == 0.0  # exact, not only close

# %% [markdown]
# ## x^2: from folds to a smooth function
#
# x^2 minus its linear interpolant with 2^m pieces is a sum of folded tents, halved again and
# again (Yarotsky 2017). So m ReLUs in m layers reach 2^-(2m + 3), and one layer of n ReLUs only 1
# / (8 n^2). Both numbers are **optimal**: nothing better exists with that many ReLUs in that many
# layers.

# %%
print("ReLUs      deep     shallow")
for m in (4, 8, 12):
    deep_error = al.constructions.square_deep(m).claim.bound.value
    shallow_error = al.constructions.square_shallow(m).claim.bound.value
    print(f"{m:5}   {deep_error:.2e}   {shallow_error:.2e}")

# %%
twelve = al.constructions.square_deep(12).claim
least = al.optimal.square_by_units(12)
in_one_layer = al.constructions.square_shallow(4096).claim.bound
print("12 ReLUs in 12 layers:", twelve.bound)
print("no network of 12 ReLUs is better than", least)
print("4096 ReLUs in 1 layer:", in_one_layer)

# %%
assert round(al.errors.gap(twelve, least), 4) == 1.0
assert in_one_layer.value >= least.value

# %%
sizes = np.arange(2, 25)
deep_errors = [al.optimal.square_by_units(int(n)).value for n in sizes]
shallow_errors = 1 / (8 * (sizes + 1.0) ** 2)
fig, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
ax.semilogy(sizes, shallow_errors, "s-", ms=4, label="one layer, optimum for n + 1 pieces")
ax.semilogy(sizes, deep_errors, "o-", ms=4, label="one unit a layer, optimum")
ax.set(xlabel="number of ReLUs", ylabel="sup error of $x^2$", title="What depth can buy")
_ = ax.legend()

# %% [markdown]
# ## Does training find it?
#
# Train a network of four layers from random weights, and compare with what the theorem builds
# with four ReLUs.

# %%
square = al.targets.get("square")
trained = al.fit(square, hidden=(3, 3, 3, 3), activation="relu", seeds=3)
error_trained = al.errors.sup(trained.network, square).value
error_built = al.constructions.square_deep(4).claim.bound.value
pieces_trained = al.regions.pieces(trained.network, unit_interval).count("affine")
print(f"trained, 12 ReLUs in 4 layers: {error_trained:.1e} with {pieces_trained} pieces")
print(f"built,    4 ReLUs in 4 layers: {error_built:.1e} with 16 pieces")

# %% [markdown]
# Three times as many units, and yet a larger error. The weights that fold exist; gradient descent
# from random weights does not come near them. Start *from* folds, and it does: `fit_deep` carries
# a folding network to the target in small steps. The gap below compares it with the best error
# that **any** single layer of 20 ReLUs can have: below 1 means that depth has paid, by proof.

# %%
exp = al.targets.get("exp")
followed = al.fitting.fit_deep(exp, hidden=(4, 4, 4, 4, 4), seeds=2)
gap = followed.gap_to_shallow()
print(followed)
print("error over the best of one layer:", gap)

# %%
assert error_trained > error_built
assert gap.upper < 0.5

# %% [markdown]
# ## Exercises
#
# 1. How many ReLUs in one layer reach an error of 1e-9 for x^2? How many, one in each layer?
# 2. Fold the tent 20 times. Is the network still exact in float32? Try dtype float32 inputs.
# 3. Ask `al.approximate` for e^x and eps = 1e-4. Which construction needs the fewest nonlinear
#    units, and how many would a shallow interpolant need?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. One layer: 1 / (8 (n + 1)^2) <= 1e-9 needs 11 180. Deep: 2^-(2m + 3) <= 1e-9 needs 14.
one_layer = int(np.ceil(1 / np.sqrt(8e-9))) - 1
layers = next(m for m in range(1, 30) if al.optimal.square_by_units(m).value <= 1e-9)
print(one_layer, layers)
assert (one_layer, layers) == (11_180, 14)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. Yes: all its numbers are small multiples of powers of two, as long as 2^-20 x fits.
folded = al.constructions.tent_deep(20)
points = np.linspace(0, 1, 257, dtype=np.float32)[:, None]  # multiples of 2^-8
assert np.all(al.evaluate(folded.network, points)[1:-1] == 0.0)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. A sum of a few powers, built in depth: 22 units. The linear interpolant takes 117.
answer = al.approximate(exp, eps=1e-4)
assert answer.name == "analytic_deep"
assert answer.construction.claim.num_hidden_units == 22
assert al.constructions.cybenko(exp, 1e-4, activation="relu").claim.num_hidden_units == 117
print(answer)
