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
# # 4. Towers: two dimensions
#
# In one dimension two steps make a bump, and bumps make any function. In two dimensions one
# expects: four steps make a tower, and towers make any function. The first is true. The second is
# **false** as it is usually drawn, and this notebook shows why and what repairs it.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)

grid = np.linspace(0.0, 1.0, 161)
points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)


def picture(ax, network, title):
    """The values of a network on the unit square."""
    values = np.asarray(al.evaluate(network, points)).reshape(161, 161)
    image = ax.pcolormesh(grid, grid, values, rasterized=True)
    ax.set(xlabel="x", ylabel="y", title=title, aspect="equal")
    ax.figure.colorbar(image, ax=ax, shrink=0.8)


# %% [markdown]
# ## Four ridges and a threshold
#
# A unit of the first layer is a ridge: it rises across a line and is constant along it. Four of
# them, one at each side of a square, add up to 4 inside and to at most 3 elsewhere. One unit of a
# **second** layer cuts that at 3.5: a tower.

# %%
cell = al.Box([0.25, 0.25], [0.5, 0.5])
tower = al.constructions.tower(cell, gain=32.0)
print(tower.network)
print(tower.claim.bound)

# %%
ridges = tower.network.weights[0], tower.network.biases[0]
sum_of_ridges = al.MLP.from_arrays(
    [ridges[0], jnp.ones((1, 4))], [ridges[1], jnp.zeros(1)], "sigmoid"
)
fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
picture(axes[0], sum_of_ridges, "one layer: the sum of four ridges")
picture(axes[1], tower.network, "two layers: the tower")

# %%
assert tower.network.sizes == (2, 4, 1, 1)
assert abs(float(tower.network(jnp.array([0.375, 0.375]))) - 1) < 1e-6
assert al.errors.sup(tower.network, tower.target).value <= tower.claim.bound.value

# %% [markdown]
# ## A tower on every cell has holes
#
# Put towers of the right heights on all cells of a grid. Look at a corner where four cells meet.
# Two of the four ridges of each tower are at 1/2 there, the sum is 3, and the threshold of 3.5
# gives nearly 0. So at that point the sum of the towers is 0 however high the target is, **and
# steeper ridges do not help**: the hole gets narrower, never shallower. The target below is 1 in
# its centre, where four of the sixteen cells meet.

# %%
target = al.targets.get("bump")  # a bump on the unit square, 1 at its centre
holes = {g: al.constructions.isolated_towers(target, 4, gain=g) for g in (8.0, 32.0, 128.0)}
centre = jnp.array([0.5, 0.5])
for gain, network in holes.items():
    print(f"gain {gain:5g}: value at the centre {float(network(centre)):.1e}, target 1")

# %%
fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
picture(axes[0], holes[8.0], "16 towers, gain 8")
picture(axes[1], holes[32.0], "16 towers, gain 32: thinner, as deep")

# %%
assert all(abs(float(network(centre))) < 1e-6 for network in holes.values())
assert float(target(centre)) == 1.0
assert all(round(al.errors.sup(network, target).value, 3) == 1.0 for network in holes.values())
assert al.constructions.vertex_value(2) == 0.0  # the limit of steep ridges, in two dimensions

# %% [markdown]
# ## The repair: quarter planes instead of towers
#
# A tower ends on all four sides, so that neighbours must fit together. A **quarter plane** (all
# points right of x = a and above y = b) has no neighbour to fit to: where it begins the function
# takes a step, and goes on. The heights are the mixed differences of the target, as the steps of
# a staircase are its differences. The error then is proved, and falls with the width of the
# cells.

# %%
built = {n: al.constructions.orthant_sum(target, n) for n in (8, 16, 32)}
for n, c in built.items():
    estimate = al.errors.sup(c.network, target)
    print(f"{n:2} x {n:2} cells: proved {c.claim.bound.value:.3f}, sampled {estimate.value:.3f}")

# %%
fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
picture(axes[0], built[8].network, "quarter planes, 8 x 8 cells")
picture(axes[1], target, "the target")

# %% [markdown]
# With 32 x 32 cells the proved error is 0.071, almost seven times less than with 8 x 8. No hole
# is left.

# %%
assert all(al.errors.sup(c.network, target).value <= c.claim.bound.value for c in built.values())
assert round(built[32].claim.bound.value, 3) == 0.071
assert 6.5 < built[8].claim.bound.value / built[32].claim.bound.value < 7

# %% [markdown]
# ## What it costs
#
# 32 x 32 cells need 1085 units: 2 times 31 ridges and 1023 quarter planes. In d dimensions n^d
# cells need about n^d units: the **curse of dimension**. It is a property of the class of all
# Lipschitz functions, not of networks: a fitted network adapts to the target. Twelve units,
# solved for, come closer than the 1085.

# %%
fit = al.fit(target, hidden=(12,), activation="tanh", method="variable_projection", steps=100)
error = al.errors.sup(fit.network, target)
print(built[32].network.num_hidden_units, "units by theorem:", built[32].claim.bound)
print(fit.network.num_hidden_units, "units by fitting: ", error)

# %%
assert built[32].network.num_hidden_units == 1085
assert error.value < built[32].claim.bound.value

# %% [markdown]
# ## Exercises
#
# 1. How deep is the hole of towers in three dimensions, where eight cells meet? And in one? Ask
#    `al.constructions.vertex_value`.
# 2. How many ridges and how many quarter planes need 10 x 10 x 10 cells in three dimensions?
# 3. Cybenko's theorem needs one hidden layer only. `al.constructions.ridge_sum` builds that for
#    targets that are sums of plane waves. How many units does it take for "sine_product" and eps
#    = 0.05?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. In one dimension there is no hole: two bumps side by side sum to 1 where they meet. In two and
# in three dimensions the hole is complete.
print([al.constructions.vertex_value(d) for d in (1, 2, 3)])
assert [al.constructions.vertex_value(d) for d in (1, 2, 3)] == [1.0, 0.0, 0.0]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. 3 * 9 ridges and 10^3 - 1 quarter planes (octants, there).
print(3 * 9, 10**3 - 1)
assert (3 * 9, 10**3 - 1) == (27, 999)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. Two ridges, cos pi (x + y) and cos pi (x - y), each a staircase of its own.
product = al.constructions.ridge_sum(al.targets.get("sine_product"), 0.05)
print(product.network, product.claim.bound)
assert product.claim.depth == 1
assert product.claim.bound.value < 0.05
