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
# # 9. Kernels: the network of infinite width
#
# Make a hidden layer wider and wider. The random network tends to a Gaussian process, and its
# training to regression with a fixed kernel, the **neural tangent kernel** K(x, x') = <df(x)/dW,
# df(x')/dW>. That limit can be computed in closed form, and it explains what wide networks learn
# first, and what they never learn.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)

limit = al.kernels.InfiniteNetwork(
    hidden_layers=1,
    activation="relu",
    weight_variance=2.0,
    bias_variance=0.0,
    parameterisation="ntk",
)
X = jax.random.normal(jax.random.key(1), (10, 3))
print(al.kernels.compare(limit.draw(jax.random.key(2), 3, 64), limit, X))

# %% [markdown]
# ## How wide is wide?
#
# The kernel of a random network of n units beside the limit: the distance falls like n^(-1/2), as
# means of random numbers do. Five draws for each width, and their median.

# %%
widths = (16, 64, 256, 1024)
keys = jax.random.split(jax.random.key(0), 5)
distances = {
    n: np.median([al.kernels.compare(limit.draw(k, 3, n), limit, X).distance for k in keys])
    for n in widths
}
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.loglog(widths, list(distances.values()), "o-", label="median of 5 draws")
ax.loglog(widths, [distances[16] * (n / 16) ** -0.5 for n in widths], "k:", label="slope -1/2")
ax.set(xlabel="width n", ylabel="relative distance to the limit")
_ = ax.legend()

# %%
slope = np.polyfit(np.log(widths), np.log(list(distances.values())), 1)[0]
print(f"slope {slope:.2f}")
assert -0.65 < slope < -0.35

# %% [markdown]
# ## Which functions are easy?
#
# On the unit circle the eigenfunctions of the kernel are the waves cos(k t) and sin(k t). A wave
# with a large eigenvalue is learnt fast, one with a small eigenvalue slowly, and one with the
# eigenvalue 0 **never**.

# %%
with_bias = al.kernels.InfiniteNetwork(
    hidden_layers=1,
    activation="relu",
    weight_variance=2.0,
    bias_variance=0.5,
    parameterisation="ntk",
)
spectra = {
    "without biases": al.kernels.spectrum(limit, "ntk", dim=2, highest=12),
    "with biases": al.kernels.spectrum(with_bias, "ntk", dim=2, highest=12),
}
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for (name, spectrum), marker in zip(spectra.items(), "os", strict=True):
    seen = spectrum.eigenvalues > 10 * spectrum.floor
    ax.semilogy(spectrum.frequencies[seen], spectrum.eigenvalues[seen], marker, label=name)
ax.set(xlabel="frequency k", ylabel="eigenvalue", title="One hidden layer of ReLUs on the circle")
_ = ax.legend()

# %% [markdown]
# Without biases the odd frequencies 3, 5, 7, ... are missing: their eigenvalues are 0 up to
# rounding. With biases all frequencies are there, and fall like a power of k.

# %%
without, having = spectra["without biases"], spectra["with biases"]
assert all(abs(without.eigenvalues[k]) < 10 * without.floor for k in (3, 5, 7, 9, 11))
assert all(without.eigenvalues[k] > 1e-3 for k in (0, 1, 2, 4, 6, 8, 10, 12))
assert np.all(having.eigenvalues > 1e-4)

# %% [markdown]
# ## The prediction comes true
#
# Twenty-four points on the circle, the values cos(k t), regression with both kernels. For k = 3
# the error without biases is 1.00: nothing is learnt, whatever the data.


# %%
def circle(t):
    """Points at the angles t."""
    return np.stack([np.cos(t), np.sin(t)], axis=1)


t, between = np.arange(24) * 2 * np.pi / 24, np.linspace(0, 2 * np.pi, 200)
error = {}
for k in (1, 2, 3, 4, 8):
    for name, network in (("without", limit), ("with", with_bias)):
        fit = al.kernels.regress(network, circle(t), np.cos(k * t), kind="ntk", ridge=1e-3)
        difference = fit.mean(circle(between)) - np.cos(k * between)
        error[k, name] = float(np.max(np.abs(difference)))
    print(f"k = {k}: without biases {error[k, 'without']:.2f}, with biases {error[k, 'with']:.2f}")

# %%
assert round(error[3, "without"], 2) == 1.00
assert error[3, "with"] < 0.1
assert error[8, "with"] > error[4, "with"] > error[2, "with"]

# %% [markdown]
# ## Features against kernels
#
# A kernel is fixed before it sees data. A network of finite width moves its units. Take a
# function of ten variables that depends on **one direction** only, f(x) = cos(3 v.x), and 400
# random points. The kernel does not know the direction; eight trained units find it.

# %%
dim, v = 10, np.ones(10) / np.sqrt(10)
train = jax.random.normal(jax.random.key(3), (400, dim))
test = jax.random.normal(jax.random.key(9), (500, dim))
y, y_test = jnp.cos(3 * (train @ v)), jnp.cos(3 * (test @ v))


def relative(values):
    """Root mean square error on the test points, over the root mean square of the target."""
    return float(jnp.sqrt(jnp.mean((values - y_test) ** 2) / jnp.mean(y_test**2)))


by_kernel = relative(al.kernels.regress(with_bias, train, y, kind="ntk").mean(test))
mlp = al.fit((train, y), hidden=(8,), method="levenberg_marquardt", seeds=8, steps=300).network
by_features = relative(al.evaluate(mlp, test))
print(f"kernel {by_kernel:.2f}, eight trained units {by_features:.2f}")

# %%
assert by_kernel > 0.9  # no better than the constant 0
assert by_features < by_kernel / 10

# %% [markdown]
# ## Exercises
#
# 1. Add a second hidden layer without biases. Are the odd frequencies still missing?
# 2. Draw a network of 1024 units. Are the diagonal entries of its kernel larger or smaller than
#    those of the limit?
# 3. Repeat the last comparison with 100 points. Who wins?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. No: the second layer sees units that are not odd or even any more.
two = al.kernels.InfiniteNetwork(
    hidden_layers=2,
    activation="relu",
    weight_variance=2.0,
    bias_variance=0.0,
    parameterisation="ntk",
)
of_two = al.kernels.spectrum(two, "ntk", dim=2, highest=12)
print(of_two.eigenvalues[[3, 5, 7]])
assert np.all(of_two.eigenvalues[[3, 5, 7]] > 1e-4)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. Both happen: they scatter around it.
compared = al.kernels.compare(limit.draw(jax.random.key(2), 3, 1024), limit, X)
ratio = np.diag(compared.empirical) / np.diag(compared.limit)
print(ratio)
assert np.all(np.abs(ratio - 1) < 0.3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. Nobody: with 97 parameters and 100 points the network fits the data and nothing else.
few, values = train[:100], y[:100]
print("kernel", relative(al.kernels.regress(with_bias, few, values, kind="ntk").mean(test)))
small = al.fit((few, values), hidden=(8,), method="levenberg_marquardt", seeds=8, steps=300)
print("eight units", relative(al.evaluate(small.network, test)))
assert small.network.num_parameters == 97
assert relative(al.evaluate(small.network, test)) > 0.9
