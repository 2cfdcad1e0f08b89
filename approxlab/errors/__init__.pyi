from .comparisons import gap as gap
from .comparisons import rate as rate
from .l2_norm import l2 as l2
from .sup_norm import sup as sup
