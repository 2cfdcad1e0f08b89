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
# # 2. Gradient descent and the three questions
#
# Before a model is trained, three questions: **Can you take the gradient? Is there a closed form?
# Is the loss convex?** For a linear model the answers are yes, yes, yes. For an MLP they are yes,
# no, no. This notebook proves the two "no" as far as they can be proved, and shows what the step
# size decides.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)


def valley(w):
    """A quadratic with the curvatures 1 and 10."""
    return 0.5 * (w[0] ** 2 + 10.0 * w[1] ** 2)


start = jnp.array([1.0, 1.0])
limit = al.landscapes.stable_step(valley, start)
print("largest stable step:", limit)

# %% [markdown]
# ## The step size on a quadratic
#
# The rule is W := W - alpha dL/dW. Along an eigenvector with curvature c every step multiplies
# the distance by 1 - alpha c. So it converges exactly if alpha < 2 / c for the *largest*
# curvature, here 2 / 10 = 0.2.

# %%
paths = {
    alpha: al.fitting.descend(valley, start, learning_rate=alpha, steps=40)
    for alpha in (0.02, 0.18, 0.21)
}
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
a, b = np.meshgrid(np.linspace(-1.4, 1.4, 101), np.linspace(-1.4, 1.4, 101))
for ax, (alpha, path) in zip(axes, paths.items(), strict=True):
    ax.contour(a, b, 0.5 * (a**2 + 10 * b**2), levels=10, colors="0.7", linewidths=0.8)
    ax.plot(*np.clip(np.asarray(path.points), -1.4, 1.4).T, ".-", ms=5)
    ax.set(title=f"step {alpha}: loss {path.losses[-1]:.1e}", xlabel="$w_1$", aspect="equal")
_ = axes[0].set_ylabel("$w_2$")

# %%
assert abs(limit - 0.2) < 1e-12
assert paths[0.18].losses[-1] < paths[0.02].losses[-1] < 1
assert paths[0.21].losses[-1] > paths[0.21].losses[0]
factor = np.asarray(paths[0.18].points)[1, 1] / np.asarray(paths[0.18].points)[0, 1]
assert abs(factor - (1 - 0.18 * 10)) < 1e-12  # 1 - alpha c: it jumps across the valley

# %% [markdown]
# ## Question 1: can you take the gradient?
#
# Yes, of the MLP too. The loss of a network with one hidden layer is L = 1/2 |Y - W2 s(W1 X)|^2,
# and the chain rule gives both gradients. Compare with a difference quotient that knows its own
# error.

# %%
x = jnp.linspace(-1.0, 1.0, 40)[:, None]
y = jnp.sin(3 * x[:, 0])
loss = al.landscapes.TwoLayerLoss(x, y, "tanh")
net = al.fit((x, y), hidden=(3,), method="lbfgs", steps=30, seeds=1).network
theta = loss.weights(net)
report = al.derivatives.check_derivatives(loss, theta)
print(report)

# %%
assert report.ok

# %% [markdown]
# ## Question 2: is there a closed form?
#
# For the linear model: the normal equations; `al.regression.linear` solves them. For the MLP,
# half of one: when the hidden layer is given, the last layer is a linear problem. `best_readout`
# solves it. For the hidden layer no formula is known, and one reason is that minima come in
# crowds: put the units in another order, and it is the same function.

# %%
readout = loss.best_readout(theta.W1, theta.b1)
print("loss as trained:       ", float(loss(theta)))
print("with the best readout: ", float(loss(readout.weights)))
orders = [[0, 1, 2], [1, 0, 2], [2, 1, 0]]
copies = [float(loss(loss.weights(al.landscapes.permuted(net, order)))) for order in orders]
print("units in another order:", copies)

# %%
assert float(loss(readout.weights)) <= float(loss(theta))
assert np.ptp(copies) < 1e-15

# %% [markdown]
# ## Question 3: is it convex?
#
# Convex means: half way between two points, the loss is at most the mean of the two. Take a
# minimum, and the same minimum with its units in another order. Both have the same small loss.
# Half way between them all hangs together wrongly.

# %%
other = loss.weights(al.landscapes.permuted(net, [1, 0, 2]))
test = al.landscapes.convexity_at_midpoint(loss, theta, other)
print(test)
segment = al.landscapes.loss_on_segment(loss, theta, other)
fig, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
ax.plot(segment.positions, segment.losses)
_ = ax.set(
    xlabel="way from one minimum to its copy",
    ylabel="loss",
    title="Between two equally good networks",
)

# %% [markdown]
# A single point is enough, too, if the loss curves downwards there.

# %%
at_zero = al.landscapes.negative_curvature(
    loss, jax.tree.map(lambda leaf: 0.1 * jnp.ones_like(leaf), theta)
)
print(at_zero)

# %%
assert test
assert np.max(segment.losses) > 10 * float(loss(theta))
assert at_zero.found

# %% [markdown]
# And a proof by hand, with whole numbers: a network of one unit and one data point.

# %%
print(al.landscapes.nonconvexity_witness("relu"))

# %% [markdown]
# ## The step size again, for the MLP
#
# Near a minimum the loss is nearly quadratic, and the largest stable step is 2 / sharpness, where
# the sharpness is the largest eigenvalue of the Hessian. Half of it is safe.

# %%
alpha = al.landscapes.stable_step(loss, theta)
safe = al.fitting.descend(loss, theta, learning_rate=0.5 * alpha, steps=500, stride=10)
print(f"2 / sharpness = {alpha:.3f}")
print(safe)

# %%
assert np.all(np.diff(np.asarray(safe.losses)) <= 0)

# %% [markdown]
# ## Exercises
#
# 1. With which step size does gradient descent on the valley converge fastest? (Make the two
#    factors 1 - alpha c equally large.)
# 2. Momentum 0.5 moves the limit of the step size. In which direction?
# 3. Is the loss of a linear model convex? What does `negative_curvature` find there?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. At alpha = 2 / (1 + 10): the factors are 9/11 and -9/11.
far = {
    alpha: float(np.linalg.norm(np.asarray(path.points)[-1]))
    for alpha in (0.17, 2 / 11, 0.19)
    for path in [al.fitting.descend(valley, start, learning_rate=alpha, steps=40)]
}
print(far)
assert min(far, key=far.get) == 2 / 11

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. Upwards: to 2 (1 + beta) / c = 0.3. At 0.21 it converges now.
with_momentum = al.fitting.descend(valley, start, learning_rate=0.21, momentum=0.5, steps=100)
print(with_momentum)
assert with_momentum.losses[-1] < 1e-6


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. It is, and no negative curvature is found anywhere.
def linear_loss(w):
    """Half the sum of squared residuals of a line."""
    return 0.5 * jnp.sum((y - w[0] - w[1] * x[:, 0]) ** 2)


found = al.landscapes.negative_curvature(linear_loss, jnp.array([0.3, -2.0]))
print(found)
assert not found.found
