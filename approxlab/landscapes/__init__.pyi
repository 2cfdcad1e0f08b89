from .curvature import NegativeCurvature as NegativeCurvature
from .curvature import Spectrum as Spectrum
from .curvature import hessian_spectrum as hessian_spectrum
from .curvature import negative_curvature as negative_curvature
from .curvature import sharpness as sharpness
from .curvature import sharpness_along as sharpness_along
from .curvature import stable_step as stable_step
