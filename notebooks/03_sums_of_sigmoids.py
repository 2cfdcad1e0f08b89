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
# # 3. Sums of sigmoids: from one step to a proof
#
# Cybenko proved in 1989 that sums of sigmoids are dense in the continuous functions: whatever
# continuous g on an interval and whatever eps > 0, there is
#
# $$f(x) = \sum_i \alpha_i \, s(w_i x + b_i) \quad\text{with}\quad |f(x) - g(x)| < \varepsilon
# \quad\text{everywhere.}$$
#
# His proof shows that there is one; it does not build it. Here it is built, in four pictures: a
# step, a bump, a staircase, and a number of units that is proved to be enough.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)

x = np.linspace(0.0, 1.0, 801)
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for w in (5.0, 20.0, 100.0):
    unit = al.constructions.sigmoid_sum([w], [-0.3 * w], [1.0])
    ax.plot(x, al.evaluate(unit, x[:, None]), label=f"w = {w:g}, b = {-0.3 * w:g}")
ax.set(
    xlabel="x", ylabel="s(w x + b)", title="One sigmoid. The step is where w x + b = 0: at -b / w"
)
_ = ax.legend()

# %% [markdown]
# ## One step
#
# All three are 1/2 at x = -b / w = 0.3. The larger the weight, the steeper the step.
# `al.constructions.step` comes with a **claim**: outside a margin around the jump the error is at
# most a number that is proved.

# %%
step = al.constructions.step(100.0, -30.0)
print(step.claim)
print("sampled:", al.errors.sup(step.network, step.target))

# %%
assert float(step.network(jnp.array([0.3]))) == 0.5
assert al.errors.sup(step.network, step.target).value <= step.claim.bound.value

# %% [markdown]
# ## Two steps make a bump
#
# One unit goes up at 0.2, another of opposite height goes down at 0.4.

# %%
bump = al.constructions.bump(100.0, -20.0, -40.0)
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.plot(x, al.evaluate(bump.network, x[:, None]))
_ = ax.set(xlabel="x", ylabel="value", title="s(100 x - 20) - s(100 x - 40)")

# %%
assert bump.network.num_hidden_units == 2
assert round(float(bump.network(jnp.array([0.3]))), 3) == 1.0

# %% [markdown]
# ## Steps side by side: a staircase
#
# Cut the interval into n cells, and let the value jump in the middle of each from the target at
# the left node to the target at the right one. If the target has Lipschitz constant L, no value
# can be missed by more than half of what the target changes on a cell: **L h / 2**, h the width
# of a cell. That is the whole proof, but for the tails of the sigmoids, which the claim includes.

# %%
square = al.targets.get("square")  # x^2 on [0, 1], with L = 2
steep = {n: al.constructions.staircase(square, n, 32.0) for n in (8, 16, 32, 64)}
for n, built in steep.items():
    estimate = al.errors.sup(built.network, square)
    print(f"n = {n:2}   proved {built.claim.bound.value:.4f}   sampled {estimate.value:.4f}")

# %% [markdown]
# Twice as many units, half the error. With 16 units the claim is 0.0625 = L h / 2 (and a little for
# the tails). The largest error that was seen is nine tenths of it: near x = 1, where the slope is
# close to 2, the theorem is nearly sharp.

# %%
proved = {n: built.claim.bound.value for n, built in steep.items()}
assert 0.0625 < proved[16] < 0.063
assert all(al.errors.sup(steep[n].network, square).value <= proved[n] for n in steep)
assert al.errors.sup(steep[16].network, square).value > 0.89 * proved[16]  # 0.0560, seen
assert abs(proved[32] / proved[64] - 2) < 0.01

# %% [markdown]
# ## Soft steps are better
#
# Steep steps copy the idea of the proof. But a sum of soft, overlapping steps is smoother, and
# follows the slope of the target, too. At gain 0.5 a unit needs about two cells to rise; with
# eight more jumps outside the interval the error falls like h^2 instead of h.

# %%
soft = al.constructions.staircase(square, 64, 0.5, halo=8)
print("64 steep units:", steep[64].claim.bound)
print("80 soft units: ", soft.claim.bound)

# %%
assert soft.network.num_hidden_units == 80
assert soft.claim.bound.value < proved[64] / 50

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
few_steep = al.constructions.staircase(square, 8, 32.0)
few_soft = al.constructions.staircase(square, 8, 0.5, halo=4)
for ax, built, name in zip(axes, (few_steep, few_soft), ("steep", "soft, with halo"), strict=True):
    ax.plot(x, x**2, color="0.6", lw=4, label="target")
    ax.plot(x, al.evaluate(built.network, x[:, None]), label=f"8 cells, {name}")
    ax.set(xlabel="x")
    ax.legend()
_ = axes[0].set_ylabel("value")

# %% [markdown]
# ## Any eps, any target: `cybenko`
#
# Now turn the question round. How many units are **provably enough** for eps? `cybenko` chooses
# cells, gain and halo, so that the claim, rounding included, is below eps. For Runge's function
# 69 units suffice for 0.01. For |x - 1/3|, which has no second derivative, only the Lipschitz
# constant helps: 51 units, and ten times as many for a tenth of the error.

# %%
runge, kink = al.targets.get("runge"), al.targets.get("kink")
units = {
    (target.name, eps): al.constructions.cybenko(target, eps).claim.num_hidden_units
    for target in (runge, kink)
    for eps in (1e-1, 1e-2, 1e-3)
}
for key, number in units.items():
    print(*key, number)

# %%
assert units["runge", 1e-2] == 69
assert units["kink", 1e-2] == 51
assert 9 < units["kink", 1e-3] / units["kink", 1e-2] < 11

# %% [markdown]
# ## And the least that is possible?
#
# A proof that 69 units are enough says nothing about fewer. Let the computer solve for the
# network: eight tanh units, whose steps it may place itself, come closer than the 69.

# %%
fit = al.fit(runge, hidden=(8,), activation="tanh", method="variable_projection", seeds=3)
error = al.errors.sup(fit.network, runge)
print(fit)
print(error)

# %%
assert error.value < 1e-2 / 10

# %% [markdown]
# The first number is a **bound**: it holds at every point, by proof. The last one is an
# **estimate**: the largest error that was seen. Notebook 10 turns it into a bound as well.

# %% [markdown]
# ## Exercises
#
# 1. What is the value of a sum of 64 steep units for x^2 at x = 2, outside the interval? Why?
# 2. At which gain is the staircase of 64 cells with a halo of 8 best? Try 0.2, 0.3, 0.5, 1, 2.
# 3. `cybenko` refuses the target "step". Which word of the theorem does that target not satisfy?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. All units are saturated: the value is that of the last node, 1. The theorem is about the
# interval only.
print(float(steep[64].network(jnp.array([2.0]))))
assert abs(float(steep[64].network(jnp.array([2.0]))) - 1.0) < 1e-12

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. Between 0.3 and 0.5. Softer steps reach beyond the halo, steeper ones follow the steps.
bounds = {
    gain: al.constructions.staircase(square, 64, gain, halo=8).claim.bound.value
    for gain in (0.2, 0.3, 0.5, 1.0, 2.0)
}
print({gain: f"{bound:.1e}" for gain, bound in bounds.items()})
assert min(bounds, key=bounds.get) in (0.3, 0.5)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. "Continuous". No continuous function is closer than 1/2 to a jump of height 1.
try:
    al.constructions.cybenko(al.targets.get("step"), 0.1)
except ValueError as error:
    print(error)
else:
    raise AssertionError("a jump was approximated")
