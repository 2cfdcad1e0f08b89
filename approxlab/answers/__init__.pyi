from ._costs import DerivativeCost as DerivativeCost
from ._verification import Verification as Verification
from .asking import answer as answer
from .found_networks import FoundNetwork as FoundNetwork
from .lower_bounds import LeastSize as LeastSize
from .lower_bounds import least_sizes as least_sizes
from .result import Answer as Answer
