from .choice import approximate as approximate
from .result import Approximation as Approximation
from .result import Cost as Cost
