"""The loss as a function of the weights: its gradient, its curvature, its minima.

- `TwoLayerLoss`: the regression loss of one hidden layer in matrix form, its gradient in closed
  form, and its minimum over the readout (variable projection).
- `sharpness`, `stable_step`, `negative_curvature`, `hessian_spectrum`: eigenvalues of the Hessian
  of any loss; `sharpness_along` a training run.
- `loss_on_segment`, `permuted`: the barrier between two minima, such as two that differ by the
  order of hidden units.
- `convexity_at_midpoint`, `nonconvexity_witness`: numbers that prove that a loss is not convex.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
