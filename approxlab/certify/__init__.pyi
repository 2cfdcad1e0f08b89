from .certificates import Certificate as Certificate
from .certificates import verify as verify
from .sup_norms import sup_norm as sup_norm
