"""Results to pictures: the only part of approxlab that imports matplotlib.

Every `plot_*(result, *, ax=None, **style)` draws on the given axes (or on new ones) and returns
them. Results have it as a method: `result.plot(ax=ax)`. Nothing is shown, no file is written, no
global setting changes. Errors are told by their words: an estimate was sampled, a bound is proved,
an optimum is the best possible. `colors` gives the colours of all figures by meaning.

| to see | write |
|---|---|
| a model beside its target or data | `plot_model(model, target)`, `fit.plot(target)` |
| where the error lies, and what is known of it | `plot_error(model, target, error=claim)` |
| an error that is proved | `certificate.plot()` |
| errors against sizes | `plot_error_against_size(rows, x="units", y="error")` |
| a network, its units and weights | `net.plot()` |
| its pieces | `al.regions.pieces(net, box).plot()`, `al.regions.partition(net, box).plot()` |
| a training | `fit.plot()` |
| a loss and its curvature | `plot_loss_surface`, `segment.plot()`, `spectrum.plot()` |
| what derivatives cost | `al.derivatives.choose(net, x).plot()`, `plan.plot()` |
| a computational graph | `al.derivatives.trace(f, x).plot()` |
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
