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
# # 6. The chain rule as a graph
#
# A program is a graph of elementary steps. Each step knows its own derivative. The chain rule
# joins them, and it can be walked in two directions: **forward**, together with the values, and
# in **reverse**, when all values are known. `al.derivatives.trace` writes down every step of
# both.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

import approxlab as al

jax.config.update("jax_enable_x64", True)


def f(x, y, z):
    """The graph that every lecture begins with."""
    return (x + y) * z


trace = al.derivatives.trace(f, -2.0, 5.0, -4.0)
trace

# %% [markdown]
# ## Two steps, read from left to right and back
#
# The columns d/dx, d/dy, d/dz are **tangents**: how much the value of the step changes with each
# input. They are found from top to bottom. The column *adjoint* is how much the **output**
# changes with the value of the step. It is found from bottom to top, and begins with 1.

# %%
print(trace.table())

# %% [markdown]
# The gradient is (-4, -4, 3): it stands in the last line of the tangents, and in the first three
# lines of the adjoints.

# %%
assert tuple(float(g) for g in trace.gradients) == (-4.0, -4.0, 3.0)
assert tuple(float(t) for t in trace.steps[-1].tangents) == (-4.0, -4.0, 3.0)
assert tuple(jax.grad(f, argnums=(0, 1, 2))(-2.0, 5.0, -4.0)) == (-4.0, -4.0, 3.0)

# %%
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
_ = al.plotting.plot_trace(trace, ax=ax)

# %% [markdown]
# ## A value that is used twice
#
# In x exp(sin x) the input x is used twice, so two paths lead from it to the output. Derivatives
# along paths are multiplied; paths are added. In the reverse sweep the two contributions arrive
# one after the other.

# %%
twice = al.derivatives.trace(lambda x: x * jnp.exp(jnp.sin(x)), 0.7)
print(twice.table())

# %%
x = 0.7
by_hand = jnp.exp(jnp.sin(x)) + x * jnp.exp(jnp.sin(x)) * jnp.cos(x)
print(f"{by_hand:.6f} by hand")
assert abs(twice.gradients[0] - by_hand) < 1e-14
assert round(float(by_hand), 6) == 2.924144
assert len(twice.steps[0].contributions) == 2

# %% [markdown]
# ## What a direction costs
#
# One forward sweep follows **one input**; one reverse sweep follows **one output**. A function of
# 3 inputs with one output needs three sweeps forward and one in reverse. The library calls a
# sweep by what it computes: `jacobian_vector_product` (J v, forward) and
# `vector_jacobian_product` (u^T J, reverse).

# %%
net = al.MLP.init(jax.random.key(0), 3, (4, 4), out_size=2)
at = jnp.ones(3)
J = al.derivatives.jacobian(net, at)
u, v = jnp.array([1.0, -2.0]), jnp.array([0.5, 0.0, 1.0])
Jv = al.derivatives.jacobian_vector_product(net, at, v)
uJ = al.derivatives.vector_jacobian_product(net, at, u)
print("J\n", J)
print("J v  ", Jv)
print("u^T J", uJ)

# %%
assert J.shape == (2, 3)
assert jnp.allclose(Jv, J @ v, rtol=0, atol=1e-15)
assert jnp.allclose(uJ, u @ J, rtol=0, atol=1e-15)

# %% [markdown]
# ## A network is a chain of small Jacobians
#
# Every layer has a Jacobian of its own: a matrix for the weights, a diagonal for the activation.
# Their product is the Jacobian of the network. Five factors for two hidden layers; the diagonals
# are stored as diagonals.

# %%
factors = al.derivatives.layer_jacobians(net, at)
for factor in factors:
    print(factor)

# %%
product = jnp.eye(3)
for factor in factors:
    product = factor.dense() @ product
assert len(factors) == 5
assert jnp.allclose(product, J, rtol=0, atol=1e-15)

# %% [markdown]
# ## Is a derivative right?
#
# The chain rule is exact; a difference quotient is not. `check_derivatives` compares the two and
# says how small an error it would have seen. With a wrong derivative it says where the two
# disagree.

# %%
print(al.derivatives.check_derivatives(lambda x: x * jnp.exp(jnp.sin(x)), 0.7))


@jax.custom_jvp
def wrong(x):
    """A sine with the derivative of somebody who forgot that it changes its name."""
    return jnp.sin(x)


wrong.defjvp(lambda primals, tangents: (jnp.sin(primals[0]), jnp.sin(primals[0]) * tangents[0]))
report = al.derivatives.check_derivatives(wrong, 0.7)
print(report)

# %%
assert al.derivatives.check_derivatives(lambda x: x * jnp.exp(jnp.sin(x)), 0.7).ok
assert not report.ok

# %% [markdown]
# ## Exercises
#
# 1. Trace x^3 written as x * x * x. How many contributions reach x in the reverse sweep?
# 2. Which of the two modes is cheaper for a function with 1000 inputs and 2 outputs? Ask
#    `al.derivatives.choose`.
# 3. Draw the graph of a tanh unit, tanh(w x + b), with w, x and b as inputs. Which of the three
#    adjoints is the derivative of the activation itself?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. Three: one for each time that x is used.
cube = al.derivatives.trace(lambda x: x * x * x, 2.0)
print(cube.table())
assert len(cube.steps[0].contributions) == 3
assert float(cube.gradients[0]) == 12.0

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. Reverse: two sweeps instead of a thousand, 334 times fewer FLOPs. Of a network the library
# knows the factors, too: "structured" multiplies them, which is the reverse mode without a tape.
wide = al.MLP.init(jax.random.key(0), 1000, (32,), out_size=2)
chosen = al.derivatives.choose(wide, jnp.ones(1000))
flops = {candidate.method: candidate.dot_flops for candidate in chosen.candidates}
print(chosen)
assert round(flops["forward"] / flops["reverse"]) == 334

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. That of b: the derivatives in w and x are multiplied by x and w.
unit = al.derivatives.trace(lambda w, x, b: jnp.tanh(w * x + b), 1.5, 0.4, -0.2)
print(unit.table())
slope = 1 - jnp.tanh(1.5 * 0.4 - 0.2) ** 2
assert abs(unit.gradients[2] - slope) < 1e-15
