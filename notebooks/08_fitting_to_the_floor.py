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
# # 8. Fitting to the floor: why Adam stops at 1e-3
#
# Networks of sixteen tanh units can approximate Runge's function to nine digits. Trained the
# usual way, they reach two. The network is not to blame. This notebook shows what is: the method.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)

runge = al.targets.get("runge")
adam = al.fit(runge, hidden=(16,), method="adam", seeds=2, steps=5000, learning_rate=1e-2)
print(adam)
print(al.errors.sup(adam.network, runge))

# %% [markdown]
# ## Smaller steps do not help
#
# With a smaller learning rate Adam does not come closer in as many steps; it only has not moved
# as far. With a larger one it bounces.

# %%
errors = {1e-2: al.errors.sup(adam.network, runge).value}
for rate in (1e-3, 1e-4):
    r = al.fit(runge, hidden=(16,), method="adam", seeds=2, steps=5000, learning_rate=rate)
    errors[rate] = al.errors.sup(r.network, runge).value
print({rate: f"{error:.1e}" for rate, error in errors.items()})

# %%
assert 1e-3 < errors[1e-2] < 2e-2
assert errors[1e-4] > errors[1e-3] > errors[1e-2]

# %% [markdown]
# ## The same network, other methods
#
# L-BFGS knows about the curvature along the steps it took. Levenberg-Marquardt knows that the
# loss is a sum of squares, and solves a least-squares problem at each step. Same network, same
# points, same seeds.

# %%
methods = {"adam": adam}
for name in ("lbfgs", "levenberg_marquardt"):
    methods[name] = al.fit(runge, hidden=(16,), method=name, seeds=2, steps=1000)
for name, r in methods.items():
    print(f"{name:20} sup error {al.errors.sup(r.network, runge).value:.1e}")

# %%
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for r in methods.values():
    al.plotting.plot_history(r, ax=ax)
_ = ax.set_title("16 tanh units on Runge's function, two seeds each")

# %%
reached = {name: al.errors.sup(r.network, runge).value for name, r in methods.items()}
assert reached["lbfgs"] < reached["adam"] / 10
assert reached["levenberg_marquardt"] < 1e-8

# %% [markdown]
# ## What is so hard for gradients?
#
# Near a minimum a least-squares loss looks like a valley whose steepest and flattest directions
# are the squared singular values of the Jacobian of the network in its weights. A gradient method
# must take steps that the steepest direction allows, and then needs about as many steps as the
# ratio of the two.

# %%
X = jnp.linspace(-1.0, 1.0, 201)[:, None]
of_weights = al.derivatives.weight_jacobian(adam.network, X).dense()
J = np.concatenate([np.reshape(leaf, (201, -1)) for leaf in jax.tree.leaves(of_weights)], axis=1)
s = np.linalg.svd(J, compute_uv=False)
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.semilogy(np.arange(1, s.size + 1), (s / s[0]) ** 2, ".-")
_ = ax.set(
    xlabel="direction in the space of weights",
    ylabel="relative curvature",
    title="Curvatures of the loss where Adam stopped",
)

# %% [markdown]
# Forty-nine directions over more than fifteen orders of magnitude. A method that steps along
# gradients moves in the first few of them, and hardly at all in the others. The missing digits
# are there.

# %%
assert s.size == adam.network.num_parameters == 49
assert (s[-1] / s[0]) ** 2 < 1e-15

# %% [markdown]
# ## Is the last layer to blame? No
#
# The last layer enters linearly. For *given* hidden units it need not be trained: it is solved.
# Take Adam's hidden layer as it is, and only solve for the 17 numbers behind it.

# %%
solved = al.fitting.readout(adam.network, runge)
error_solved = al.errors.sup(solved.network, runge)
print("trained:", al.errors.sup(adam.network, runge))
print("solved: ", error_solved)

# %%
assert errors[1e-2] / 2 < error_solved.value < errors[1e-2]

# %% [markdown]
# Less than a factor of two. These hidden units cannot do better: what Adam did not find is where
# the units should be. Variable projection starts from this: it eliminates the last layer from the
# loss, and Levenberg-Marquardt moves the hidden units alone.

# %%
projected = al.fit(runge, hidden=(16,), method="variable_projection", seeds=2, steps=1000)
error_projected = al.errors.sup(projected.network, runge)
print(error_projected)

# %%
assert error_projected.value < 1e-5

# %% [markdown]
# ## The floor
#
# Numbers of float64 have sixteen digits, numbers of float32 seven. Errors near the last digits are
# the floor of every method: in float32, the same sixteen units stay above 1e-6.

# %%
single = al.MLP.init(jax.random.key(0), 1, (16,), "tanh", dtype="float32")
r32 = al.fit(runge, start=single, method="levenberg_marquardt", steps=500)
error32 = al.errors.sup(r32.network, runge)
print(r32)
print(error32)

# %%
assert r32.network.dtype == np.float32
assert 1e-6 < error32.value < 1e-4

# %% [markdown]
# ## Exercises
#
# 1. Give Adam ten times as many steps. How much does the error fall?
# 2. Solve the last layer for a hidden layer that was **never trained**: `al.MLP.init` with 16 and
#    with 64 tanh units. Which error does it have?
# 3. Start Levenberg-Marquardt from where Adam stopped (`start=adam.network`). Is it as good as
#    from random weights?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. Less than ten times.
longer = al.fit(runge, hidden=(16,), method="adam", seeds=2, steps=50_000, learning_rate=1e-2)
error_longer = al.errors.sup(longer.network, runge)
print(error_longer)
assert error_longer.value > errors[1e-2] / 100

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. 0.73, with any number of units! All biases are 0 at the start, so that every unit is an odd
# function; Runge's function is even, and nothing but the constant helps. Training must move biases.
for units in (16, 64):
    net = al.MLP.init(jax.random.key(1), 1, (units,), "tanh")
    error_of_random = al.errors.sup(al.fitting.readout(net, runge).network, runge)
    print(units, error_of_random)
    assert round(error_of_random.value, 2) == 0.73

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. It goes on where Adam stopped, and gets as far.
both = al.fit(runge, start=adam.network, method="levenberg_marquardt", steps=1000)
error_both = al.errors.sup(both.network, runge)
print(error_both)
assert error_both.value < 1e-6
