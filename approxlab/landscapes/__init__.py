"""The loss as a function of the weights: its gradient, its curvature, its minima.

- `sharpness`, `stable_step`, `negative_curvature`, `hessian_spectrum`: eigenvalues of the Hessian
  of any loss; `sharpness_along` a training run.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
