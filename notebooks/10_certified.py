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
# # 10. Certified
#
# Samples can miss the worst point. `al.certify.sup_norm` does not sample: it **proves**
#
# $$\text{lower} \;\le\; \sup_x |\text{network}(x) - \text{target}(x)| \;\le\; \text{upper}$$
#
# over every point of the box, for the stored weights taken exactly, with rounding outward in
# every operation. The proof is a list of boxes that anybody can check again.

# %%
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)

exp = al.targets.get("exp")
fit = al.fit(exp, hidden=(16,), method="levenberg_marquardt", steps=100)
estimate = al.errors.sup(fit.network, exp)
certificate = al.certify.sup_norm(fit.network, exp, rtol=1e-6)
print(estimate)
print(certificate)

# %% [markdown]
# The estimate lies between the two ends, and the ends agree to six digits.

# %%
assert certificate.status == "ok"
assert certificate.lower <= estimate.value * (1 + 1e-12)
assert estimate.value <= certificate.upper <= certificate.lower * (1 + 2e-6)

# %% [markdown]
# ## What sampling misses
#
# Add a peak to the sine: 0.001 high and a ten-millionth wide. Ten thousand equally spaced points
# do not see it. The proof cannot overlook it, for it has to enclose the values on *all* of the
# interval.

# %%
box = al.Box([0.0], [1.0])


def peaked(x):
    """A sine with a peak at 0.3217."""
    return jnp.sin(x[0]) + 1e-3 / (1 + ((x[0] - 0.3217) / 1e-7) ** 2)


def smooth(x):
    """The sine alone."""
    return jnp.sin(x[0])


points = np.linspace(0.0, 1.0, 10_001)[:, None] + 3e-5
seen = float(np.max(np.abs(al.evaluate(peaked, points) - al.evaluate(smooth, points))))
proved = al.certify.sup_norm(peaked, smooth, box=box)
print(f"seen by 10 001 points: {seen:.1e}")
print("proved:", proved)
print("where: ", proved.witness)

# %%
assert seen < 1e-6
assert 0.99e-3 < proved.lower <= 1e-3 <= proved.upper < 1.01e-3
assert abs(proved.witness[0] - 0.3217) < 1e-8

# %% [markdown]
# ## Where does the error sit?
#
# In two dimensions the largest error of a fit is often on the edge of the box. The witness is a
# point at which the lower end is reached.

# %%
bump = al.targets.get("bump")
plane = al.fit(bump, hidden=(12,), activation="tanh", method="variable_projection", steps=100)
in_two = al.certify.sup_norm(plane.network, bump, rtol=1e-2)
print(in_two, "at", in_two.witness, "by", in_two.boxes, "boxes")

# %%
side = np.linspace(0.0, 1.0, 121)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
difference = np.abs(al.evaluate(plane.network, grid) - al.evaluate(bump, grid))
fig, ax = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
image = ax.pcolormesh(side, side, np.reshape(difference, (121, 121)), rasterized=True)
fig.colorbar(image, ax=ax, label="|network - target|")
ax.plot(*in_two.witness, "w*", ms=14, mec="k", clip_on=False)
_ = ax.set(xlabel="x", ylabel="y", aspect="equal", title="The star is the witness")

# %%
assert in_two.status == "ok"
assert in_two.upper <= 1.01 * in_two.lower
assert np.max(difference) <= in_two.upper

# %% [markdown]
# ## A proof that travels
#
# Save it, and let somebody else check it: `python -m approxlab.certify verify FILE` reads the
# boxes, encloses the difference on each of them again, and needs neither JAX nor trust in the
# search. Change one number, and it is rejected.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "exp.json"
    certificate.save(path)
    print("checked again:", al.certify.verify(path))
    text = path.read_text()
    changed = text.replace(certificate.upper.hex(), certificate.lower.hex())
    assert changed != text
    path.write_text(changed)
    try:
        al.certify.verify(path)
    except ValueError as error:
        print("rejected:", error)
    else:
        raise AssertionError("a forged certificate was accepted")

# %% [markdown]
# ## The third term
#
# The theorem is about the network in exact arithmetic. The program that runs rounds. How much,
# says `evaluation_gap`: a bound, under a stated model of the accuracy of tanh. Added up:

# %%
gap = al.certify.evaluation_gap(fit.network, exp.domain)
print(f"approximation <= {certificate.upper:.3e}")
print(f"execution     {gap}")

# %%
assert gap.value < 1e-12

# %% [markdown]
# ## Exercises
#
# 1. Which numbers can the fitted network take on [-1, 1]? Ask `al.certify.range_`.
# 2. How far is the *derivative* of the network from the derivative of e^x?
# 3. Ask for a proof in six dimensions. What does the answer say?

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. From about 1/e to about e.
values = al.certify.range_(fit.network, exp.domain)
print(values)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. More than a hundred times farther than the values: small errors may wiggle.
slope = al.certify.derivative_sup_norm(fit.network, exp)
print(slope)
assert slope.lower > 100 * certificate.upper

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. It refuses, and says how many boxes it would take.
six = al.Box([0.0] * 6, [1.0] * 6)
try:
    al.certify.sup_norm(al.MLP.init(jax.random.key(0), 6, (8,)), lambda x: jnp.sum(x), box=six)
except ValueError as error:
    print(error)
else:
    raise AssertionError("a proof in six dimensions was tried")
