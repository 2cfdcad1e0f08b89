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
# # 12. One answer
#
# The three questions of the lecture in one call. For a function and an accuracy:
#
# 1. **How small** can a network be that is within eps, everywhere on the box?
# 2. **What does depth save?**
# 3. **What do its derivatives cost?**
#
# `al.answer` constructs, fits, proves and counts. What it returns says of every number whether it
# is an *estimate* (sampled), or a *bound* (proved).

# %%
import tempfile
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import approxlab as al

jax.config.update("jax_enable_x64", True)

ask = {"seconds": None, "max_fits": 4, "timed": False}  # no clock
found = al.answer("square", 1e-3, **ask)
found

# %% [markdown]
# Read it from above. The **smallest** network has 2 tanh units, and its error is certified:
# an interval that is proved, whose upper end is far below eps. The **least** number that is proved
# for its kind is 1, so the **gap** is 2: no network of one tanh unit has been found, and none is
# excluded.

# %%
assert found.smallest.units == 2
assert found.smallest.network.activation == "tanh"
assert found.smallest.proof(found.eps) == "certificate"
assert found.smallest.certificate.upper < 1e-3 * found.eps
assert found.least.units == 1
assert found.gap == 2.0

# %% [markdown]
# ## Question 1: found, and needed
#
# The other two networks are made of ReLUs. The deep one comes with a theorem, the other one was
# fitted and then certified. Beside each is the least number of units of its kind: 4 ReLUs in any
# wiring are needed, and 4 do it, so nothing is smaller. In one layer 11 are needed, 12 were found.

# %%
deep, wide = (one for one in found.found if one.network.activation == "relu")
print(deep.method, "|", deep.error_text(), "|", found.least_for(deep))
print(wide.method, "|", wide.error_text(), "|", found.least_for(wide))

# %%
assert (deep.units, found.least_for(deep).units, deep.proof(found.eps)) == (4, 4, "theorem")
assert (wide.units, found.least_for(wide).units, wide.proof(found.eps)) == (12, 11, "certificate")

# %% [markdown]
# Why 11? Because of 11 triples of points. Between the three points of each, no affine function is
# within eps of the parabola, so every network within eps has a bend there. One ReLU of one layer
# makes one bend. The triples are kept, and here they are, tested once more in rational numbers:

# %%
triples = np.array(found.least_for(wide).witness).reshape(-1, 3)
for row in triples:
    left, middle, right = (Fraction(x) for x in row)
    share = (right - middle) / (right - left)
    bent = middle**2 - share * left**2 - (1 - share) * right**2
    assert abs(bent) > 2 * Fraction(found.eps)
assert len(triples) == 11
assert np.all(triples[:-1, 2] <= triples[1:, 0])  # one after another: 11 different bends
print(triples.round(3))

# %% [markdown]
# One page of pictures: the target and the smallest network, the error below eps, units found
# beside units needed, and the answer in words.

# %%
_ = found.plot()

# %% [markdown]
# ## Question 2: what depth saves
#
# 4 ReLUs, one in each of four layers, do what takes at least 11 in one layer. "Proved" is said
# only where both sides are: the error of the deep network, and the least size of shallow ones.

# %%
print(found.depth_saves)
assert found.depth_saves.startswith("4 ReLUs in 4 hidden layers")
assert "at least 11 in one hidden layer (proved)" in found.depth_saves

# %% [markdown]
# How does that go on? Least sizes alone are quick. When eps is divided by 100, the ReLUs of one
# layer are about ten times as many, since an error of 1/(8 n²) needs n pieces; with any number of
# layers it takes 3 or 4 units more, since each unit can at most double the pieces.

# %%
square = al.targets.get("square")
sizes = {eps: al.answers.least_sizes(square, eps) for eps in (1e-3, 1e-5, 1e-7)}
shallow = [
    next(x.units for x in s if x.layers == 1 and "relu" in x.activations) for s in sizes.values()
]
any_depth = [
    next(x.units for x in s if x.layers is None and "relu" in x.activations) for s in sizes.values()
]
for eps, one, many in zip(sizes, shallow, any_depth, strict=True):
    print(f"eps = {eps:g}: at least {one} ReLUs in one layer, {many} in any number of layers")

# %%
assert shallow == [11, 110, 1092]
assert any_depth == [4, 7, 11]

# %% [markdown]
# ## Question 3: what derivatives cost
#
# Of the smallest network, counted in operations at one point, as multiples of a value. The gradient
# costs less than five values, as it has to, whatever the number of weights. With `timed=True` the
# table has seconds as well.

# %%
for cost in found.costs:
    print(f"{cost.name}: {cost.flops} operations, {cost.per_value:.2f} values")

# %%
assert found.costs[0].per_value == 1.0
assert all(1.0 < cost.per_value < 5.0 for cost in found.costs[1:])

# %% [markdown]
# ## A function of yours
#
# Any function of one point, in JAX, with a box. An accuracy may be a fraction or a decimal number.
# No float is 1/100: networks are then within the float below, and least sizes hold for the one
# above, so that everything that is said holds for 1/100 itself.


# %%
def bell(x):
    """A bell with a shoulder."""
    return jnp.exp(-4.0 * x[0] ** 2) + 0.3 * jnp.tanh(3.0 * x[0])


mine = al.answer(bell, Fraction(1, 100), box=al.Box([-1.0], [1.0]), **ask)
mine

# %%
_ = mine.plot()

# %%
assert mine.eps < Fraction(1, 100)
assert mine.proved is not None
assert float(mine.proved.bound) <= Fraction(1, 100)
assert all(mine.least_for(one).units <= one.units for one in mine.found)

# %% [markdown]
# ## What it refuses
#
# What cannot be answered is refused by name. A step jumps, and networks of ReLU or tanh units are
# continuous: halfway up the jump, they are half its height away, whatever their size.

# %%
jump = al.answer("step", 0.01, **ask)
jump

# %%
assert jump.found == ()
assert "at least 0.5 away" in jump.refusal
for wrong in (lambda x: x, lambda x: 1.0 / x[0]):  # a vector of values; not finite at 0
    try:
        al.answer(wrong, 0.01, box=al.Box([0.0], [1.0]))
    except ValueError as error:
        print(error)
    else:
        raise AssertionError("a question without an answer was answered")

# %% [markdown]
# ## Kept, and proved again
#
# An answer is saved as a folder: numbers, networks, certificates. `verify` proves again what can
# be proved again and names what was not. With the target, the least sizes are proved once more.
# That the deep network is within eps is a theorem, which is not proved again.

# %%
with tempfile.TemporaryDirectory() as folder:
    found.save(Path(folder) / "square")
    print(*sorted(file.name for file in (Path(folder) / "square").iterdir()), sep="\n")
    again = al.Answer.load(Path(folder) / "square")
print(again.verify("square"))

# %%
assert str(again) == str(found)
assert len(again.verify("square").not_proved) == 1
x = np.linspace(0.0, 1.0, 101)[:, None]
assert np.array_equal(
    al.evaluate(again.smallest.network, x), al.evaluate(found.smallest.network, x)
)

# %% [markdown]
# ## Into a paper
#
# A table and a list of statements with citations, for `\input`; and the works that it rests on, as
# BibTeX.

# %%
print(found.latex())
print(found.bibtex().split("\n\n")[0])

# %%
assert found.latex().count(r"\begin{tabular}") == 1
assert "valleepoussin1919" in found.latex()
assert "valleepoussin1919" in found.bibtex()

# %% [markdown]
# ## Exercises
#
# 1. For which accuracies does e^x on [-1, 1] need no hidden unit at all? Find the border by
#    `al.answers.least_sizes`, and compare it with the best line.
# 2. Ask for sin(20 x) on [0, 1]. Why are tanh units needed at all, and how many are proved to be?
# 3. Forge an answer: change a number of the saved folder, and load it.

# %% [markdown]
# ### Solutions
#
# Open the cells below when you have tried.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 1. Above the error of the best line. By bisection on what is proved:
exp = al.targets.get("exp")
low, high = 0.1, 0.5
for _ in range(20):
    eps = (low + high) / 2
    units = al.answers.least_sizes(exp, eps)[-1].units
    low, high = (eps, high) if units else (low, eps)
best = al.optimal.best_polynomial(exp, 1)
print(low, best)
assert abs(low - float(best.lower)) < 1e-5

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 2. The sine takes a value just above 0 seven times. A sum of n sigmoids takes a value at most
# 2^n - 1 times, so three are needed at least.
wave = al.Target(lambda x: jnp.sin(20.0 * x[0]), domain=al.Box([0.0], [1.0]), name="wave")
needed = next(x for x in al.answers.least_sizes(wave, 0.1) if "tanh" in x.activations)
print(needed)
assert needed.units == 3

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# 3. A checksum over the file, and the SHA-256 of networks and certificates, tell.
with tempfile.TemporaryDirectory() as folder:
    found.save(folder)
    file = Path(folder) / "answer.json"
    file.write_text(file.read_text().replace('"units": 11', '"units": 12', 1))
    try:
        al.Answer.load(folder)
    except ValueError as error:
        print(error)
    else:
        raise AssertionError("a forged answer was loaded")
