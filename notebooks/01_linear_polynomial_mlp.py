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
# # 1. Linear models, polynomials, MLPs
#
# Three ways to approximate a function: a line, a polynomial, a network. All three are weighted
# sums of features. They differ in **who makes the features**: a basis that somebody chose, a
# person who knows the target, or training.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

import approxlab as al

jax.config.update("jax_enable_x64", True)  # all numbers below are those of float64

box = al.Box([-1.0], [1.0])
line = al.Target(lambda x: 0.5 - 0.8 * x[0], domain=box, name="line")
kink = al.Target(lambda x: jnp.abs(x[0] - 1 / 3), domain=box, name="kink")
runge = al.targets.get("runge")  # 1 / (1 + 25 x^2), with proved facts
runge

# %% [markdown]
# ## A linear model is right when the target is a line
#
# `al.regression.linear` solves the least-squares problem. For the line the error is rounding. For
# the other two, no amount of data helps: the relative L2 error is 0.36 for the kink and 0.72 for
# Runge's function, and these are the best that any line can do.

# %%
lines = {t.name: al.regression.linear(t) for t in (line, kink, runge)}
for name, fit in lines.items():
    print(f"{name:6}", fit.error)

# %%
assert lines["line"].error.value < 1e-15
assert round(lines["kink"].error.value, 2) == 0.36
assert round(lines["runge"].error.value, 2) == 0.72

# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained", sharey=True)
for ax, target in zip(axes, (line, kink, runge), strict=True):
    al.plotting.plot_model(lines[target.name].model, target, ax=ax, label="line of least squares")
    ax.set_title(target.name)

# %% [markdown]
# ## One feature made by hand
#
# Whoever knows where the kink is can give the linear model the feature |x - 1/3|. Three numbers
# are then enough for an error of rounding. The model is still linear *in its coefficients*: it is
# solved for, not trained. But a person had to know the answer.

# %%
by_hand = al.regression.regress(
    kink, lambda x: jnp.stack([jnp.ones(()), x[0], jnp.abs(x[0] - 1 / 3)])
)
error_by_hand = al.errors.sup(by_hand.model, kink)
error_by_hand

# %%
assert by_hand.model.num_parameters == 3
assert error_by_hand.value < 1e-14

# %% [markdown]
# ## A basis that somebody chose: polynomials
#
# Chebyshev polynomials up to a degree. For Runge's function, which is analytic, every further
# degree divides the error by about the same factor. For the kink the error only falls like
# 1/degree. Beside each fit stands the **optimum**: the least sup error that *any* polynomial of
# that degree can have: `al.optimal.best_polynomial` computes it by exchange, with a proof from
# below.

# %%
degrees = (5, 10, 20, 40)
fits = {d: al.regression.polynomial(runge, d) for d in degrees}
fits_of_kink = {d: al.regression.polynomial(kink, d) for d in degrees}
sup = {d: al.errors.sup(fits[d].model, runge).value for d in degrees}
sup_of_kink = {d: al.errors.sup(fits_of_kink[d].model, kink).value for d in degrees}
optimum = {d: al.optimal.best_polynomial(runge, d).lower.value for d in degrees}
print("degree   Runge, sup   optimum    kink, sup")
for d in degrees:
    print(f"{d:6}   {sup[d]:.2e}     {optimum[d]:.2e}   {sup_of_kink[d]:.2e}")

# %% [markdown]
# From degree 20 to degree 40 the error of Runge's function falls 38 times, the error of the kink
# only 2.0 times. The least-squares polynomials are within a factor 2.5 of the best ones.

# %%
assert round(sup[20] / sup[40]) == 38
assert round(sup_of_kink[20] / sup_of_kink[40], 1) == 2.0
assert all(optimum[d] < sup[d] < 2.5 * optimum[d] for d in degrees)

# %% [markdown]
# ### The basis decides how well the computer can do it
#
# Monomials 1, x, x^2, ... span the same polynomials. But their columns become nearly dependent:
# at degree 40 the condition number is above 10^13, against 7.2 for Chebyshev polynomials.

# %%
monomial = al.regression.polynomial(runge, 40, basis="monomial")
print("Chebyshev:", fits[40].condition)
print("monomials:", monomial.condition)

# %%
assert round(fits[40].condition, 1) == 7.2
assert monomial.condition > 1e13

# %% [markdown]
# ## Features that are learnt: an MLP
#
# A network with one hidden layer is again a linear model in its last layer. Its features
# tanh(w x + b) or relu(w x + b) are chosen by training. Two ReLUs know nothing of the kink at 1/3,
# and find it: seven parameters, and the squared loss over the training points is zero up to
# rounding.

# %%
relu = al.fit(kink, hidden=(2,), activation="relu", method="variable_projection", seeds=3)
error_of_relu = al.errors.sup(relu.network, kink)
print(relu)
print(error_of_relu)

# %% [markdown]
# Look at the two lines again. The loss says 1e-30. The sup error is 2e-3 all the same, in a strip
# around the kink that is so narrow that no training point lies in it. **A loss is not an error**:
# `al.errors` measures between the training points, and that is why it is there.

# %%
assert relu.network.num_parameters == 7
assert relu.loss < 1e-25
assert 1e-4 < error_of_relu.value < 1e-2

# %% [markdown]
# ## The three side by side
#
# Thirteen parameters each on Runge's function: a polynomial of degree 12 and a network of four
# tanh units.

# %%
tanh = al.fit(runge, hidden=(4,), activation="tanh", method="variable_projection", seeds=3)
same_size = al.regression.polynomial(runge, 12)
error_of_tanh = al.errors.sup(tanh.network, runge)
error_of_same_size = al.errors.sup(same_size.model, runge)
print("MLP       ", tanh.network.num_parameters, "parameters:", error_of_tanh)
print("polynomial", same_size.model.num_parameters, "parameters:", error_of_same_size)

# %%
fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
al.plotting.plot_model(same_size.model, runge, ax=ax, label="polynomial of degree 12")
al.plotting.plot_model(tanh.network, runge, ax=ax, label="MLP with 4 tanh units")
_ = ax.set_title("Thirteen parameters each")

# %% [markdown]
# At this size the network is more than ten times closer. That is a statement about this target:
# for e^x the polynomial wins (exercise 2). "Which model is better" has no answer without the
# function.

# %%
assert tanh.network.num_parameters == same_size.model.num_parameters == 13
assert error_of_same_size.value > 10 * error_of_tanh.value

# %% [markdown]
# ## Exercises
#
# 1. Move the kink to 0.1 and fit two ReLUs again. Is the loss zero again? Is the sup error?
# 2. Compare a polynomial of degree 12 and four tanh units on e^x (`al.targets.get("exp")`). Which
#    is better, and by how many orders of magnitude?
# 3. How many parameters has a polynomial of total degree 10 in 2, 5 and 10 variables?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. The loss is zero up to rounding, for two pieces are what two ReLUs can make. The sup error is
# decided by how near the kink a training point happens to lie.
moved = al.Target(lambda x: jnp.abs(x[0] - 0.1), domain=box, name="moved kink")
fit = al.fit(moved, hidden=(2,), activation="relu", method="variable_projection", seeds=3)
print(fit.loss, al.errors.sup(fit.network, moved))
assert fit.loss < 1e-25

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. The polynomial: e^x is analytic in the whole plane. Degree 12 is at 1e-13 or so.
exp = al.targets.get("exp")
of_polynomial = al.errors.sup(al.regression.polynomial(exp, 12).model, exp).value
four = al.fit(exp, hidden=(4,), activation="tanh", method="variable_projection", seeds=3)
of_network = al.errors.sup(four.network, exp).value
print(f"polynomial {of_polynomial:.1e}, network {of_network:.1e}")
assert of_polynomial < of_network

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. C(10 + d, d): 66, 3003 and 184 756.
from math import comb

print([comb(10 + d, d) for d in (2, 5, 10)])
assert [comb(10 + d, d) for d in (2, 5, 10)] == [66, 3003, 184_756]
