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
# # 7. What a Jacobian costs: forward, reverse, planned
#
# A function with n inputs and m outputs has a Jacobian of m x n numbers. Forward mode makes it
# column by column (n sweeps), reverse mode row by row (m sweeps). Both are bracketings of one
# matrix product, and for a network with a narrow waist neither is the best one.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

import approxlab as al

jax.config.update("jax_enable_x64", True)

D = al.derivatives
tall = al.MLP.init(jax.random.key(0), 4, (64,), out_size=256)
wide = al.MLP.init(jax.random.key(0), 256, (64,), out_size=4)
for name, net in (("4 inputs, 256 outputs", tall), ("256 inputs, 4 outputs", wide)):
    choice = D.choose(net, jnp.ones(net.sizes[0]))
    flops = {c.method: c.dot_flops for c in choice.candidates}
    print(f"{name}: forward {flops['forward']:>10,} FLOPs, reverse {flops['reverse']:>10,}")

# %% [markdown]
# ## Forward or reverse: count the ends
#
# Few inputs: forward. Few outputs: reverse. A loss has one output, and that is why training uses
# reverse mode. These are counts of floating-point operations in products, exact, from the program
# that JAX traces.

# %%
counts = {
    net.sizes: {c.method: c.dot_flops for c in D.choose(net, jnp.ones(net.sizes[0])).candidates}
    for net in (tall, wide)
}
assert counts[tall.sizes]["reverse"] > 10 * counts[tall.sizes]["forward"]
assert counts[wide.sizes]["forward"] > 10 * counts[wide.sizes]["reverse"]

# %% [markdown]
# ## A waist: neither
#
# 256 inputs, a hidden layer of 8 units in the middle, 256 outputs. The Jacobian is J4 J3 J2 J1.
# Forward mode multiplies from the right, reverse mode from the left; both carry a matrix of 256
# columns or rows through everything. The best bracketing multiplies the two halves apart, and
# joins them at the waist.

# %%
waist = al.MLP.init(jax.random.key(0), 256, (256, 8, 256), out_size=256)
plan = D.plan_network(waist)
print(plan)
choice = D.choose(waist, jnp.ones(256))
print(choice)

# %%
by_method = {c.method: c.dot_flops for c in choice.candidates}
fig, ax = plt.subplots(figsize=(6.5, 2.6), layout="constrained")
ax.barh(list(by_method), [f / 1e6 for f in by_method.values()])
ax.invert_yaxis()
_ = ax.set(xlabel="millions of FLOPs in products", title="Jacobian of a 256-256-8-256-256 network")

# %% [markdown]
# The plan needs 20 times fewer FLOPs than either mode. All methods give the same matrix.

# %%
assert round(by_method["forward"] / by_method["planned"]) == 20
assert by_method["forward"] == by_method["reverse"]
J = {m: D.jacobian(waist, jnp.ones(256), method=m) for m in ("forward", "reverse", "planned")}
assert jnp.allclose(J["planned"], J["forward"], rtol=0, atol=1e-14)
assert jnp.allclose(J["planned"], J["reverse"], rtol=0, atol=1e-14)

# %% [markdown]
# ### And on the clock?
#
# FLOPs are not seconds. `al.costs.measure` compiles every contender, then times them in turns.
# Your numbers will differ; the order should not.

# %%
contenders = {
    m: (jax.jit(lambda x, m=m: D.jacobian(waist, x, method=m)), (jnp.ones(256),))
    for m in ("forward", "reverse", "planned")
}
measured = al.costs.measure(contenders, repeats=5)
for method, timing in measured.items():
    print(f"{method:8} {1e3 * timing.run_s:8.3f} ms, compiled in {timing.compile_s:.2f} s")

# %% [markdown]
# ## dz/dW, the tensor that nobody forms
#
# For z = W x with W of shape (m, n) the derivative dz_k / dW_ij has m * m * n entries, and only
# one in m is not zero: it is x_j where k = i. A vector-Jacobian product needs the outer product u
# x^T only: m n numbers.

# %%
small = D.explicit_weight_tensor(2, jnp.array([3.0, 4.0]))
print(small)
m, n = 512, 512
print(f"for W of shape ({m}, {n}): {m * m * n:,} entries, {8 * m * m * n / 2**30:.0f} GiB")

# %%
W, x, u = jax.random.normal(jax.random.key(1), (3, 2)), jnp.array([3.0, 4.0]), jnp.ones(3)
(outer,) = jax.vjp(lambda W: W @ x, W)[1](u)
full = D.explicit_weight_tensor(3, x)
assert jnp.allclose(outer, jnp.einsum("k,kij->ij", u, full))
assert jnp.allclose(outer, jnp.outer(u, x))
assert m * m * n * 8 == 2**30  # 1 GiB
assert jnp.count_nonzero(small) / small.size == 1 / 2

# %% [markdown]
# The same sparsity in a whole network: the neural tangent kernel J J^T of 64 points needs inner
# products of rows of a Jacobian with all weights as columns. `al.derivatives.ntk` never forms it.

# %%
X = jax.random.normal(jax.random.key(2), (64, 256))
K = D.ntk(wide, X)
rows = 64 * wide.sizes[-1]
print(f"kernel {K.shape}; the Jacobian would have {rows} x {wide.num_parameters:,} entries")

# %% [markdown]
# ## Differences are not a way out
#
# A quotient of differences needs n + 1 evaluations, and has two errors: too large a step
# truncates, too small a step rounds. The best step is a compromise, and half of the digits are
# lost.

# %%
steps = 2.0 ** -jnp.arange(1, 52)
errors = jnp.abs((jnp.sin(1 + steps) - jnp.sin(1.0)) / steps - jnp.cos(1.0))
best = int(jnp.argmin(errors))
fig, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
ax.loglog(steps, errors, ".-")
_ = ax.set(xlabel="step h", ylabel="error", title="(sin(1 + h) - sin 1) / h")
print(
    f"best error {errors[best]:.1e} at h = {steps[best]:.1e}; by automatic differentiation: "
    f"{abs(jax.grad(jnp.sin)(1.0) - jnp.cos(1.0)):.1e}"
)

# %%
assert 1e-10 < errors[best] < 1e-7
assert jax.grad(jnp.sin)(1.0) == jnp.cos(1.0)

# %% [markdown]
# ## Exercises
#
# 1. Move the waist: hidden layers (8, 256, 256). Is the plan still better than reverse mode?
# 2. At which number of outputs m is forward mode cheaper than reverse for 16 inputs and one
#    hidden layer of 64?
# 3. How exact is the central difference of sin at 1, and what does `al.derivatives.difference`
#    say of its own error?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. As much as before: the products begin at the waist, and J1 comes last.
moved = al.MLP.init(jax.random.key(0), 256, (8, 256, 256), out_size=256)
costs = {c.method: c.dot_flops for c in D.choose(moved, jnp.ones(256)).candidates}
print(D.plan_network(moved), costs)
assert costs["planned"] < costs["reverse"] / 20

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. Where m exceeds n = 16, about.
for outputs in (8, 16, 17, 32):
    net = al.MLP.init(jax.random.key(0), 16, (64,), out_size=outputs)
    cost = {c.method: c.dot_flops for c in D.choose(net, jnp.ones(16)).candidates}
    print(outputs, "forward" if cost["forward"] < cost["reverse"] else "reverse", cost)
assert cost["forward"] < cost["reverse"]  # with 32 outputs

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. Within the 1e-10 that it says of itself.
central = D.difference(jnp.sin, 1.0)
print(central, abs(float(central.value) - float(jnp.cos(1.0))))
assert abs(float(central.value) - float(jnp.cos(1.0))) < 1e-10
