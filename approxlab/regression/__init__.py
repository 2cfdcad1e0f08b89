"""Models that are linear in their parameters: one linear problem, no training.

- `linear`: an affine function of the point, as an `MLP` without hidden layers.
- `polynomial`: monomials, Chebyshev or Legendre polynomials on any box.
- `regress`: any features of a point, of the library or of your own.

All are networks: a layer of fixed features and a readout that is solved for by rank-revealing least
squares, with rank and condition reported. A polynomial beside a network, from noisy data:

    target = al.targets.get("runge")
    key, other = jax.random.split(jax.random.key(0))
    x = target.domain.random(key, 60)
    data = x, al.evaluate(target, x) + 0.05 * jax.random.normal(other, (60,))
    fit = al.regression.polynomial(data, 9); print(al.errors.l2(fit.model, target), fit.condition)
    ax = al.plotting.plot_model(fit.model, target, data=data)
    al.plotting.plot_model(al.fit(data, hidden=(3,)).network, target, ax=ax)
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
