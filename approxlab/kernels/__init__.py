"""Infinitely wide networks: their kernels, and what kernel regression makes of them.

- `InfiniteNetwork`: an MLP of infinitely wide layers; its covariance `nngp`, tangent kernel `ntk`,
  whole or in blocks, and `draw`, which makes a network of finite width.
- `empirical_kernel`, `compare`: the kernel of a network of finite width in the same scaling.
- `regress`: kernel regression, its posterior variance, and gradient flow in time.
- `random_feature_network`: random hidden layers with a solved readout; tends to that regression.
- `spectrum`: eigenvalues on circles and spheres.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
