from .certificates import Certificate as Certificate
from .certificates import verify as verify
from .evaluation_gaps import EvaluationGap as EvaluationGap
from .evaluation_gaps import evaluation_gap as evaluation_gap
from .sup_norms import sup_norm as sup_norm
from .value_ranges import Range as Range
from .value_ranges import derivative_sup_norm as derivative_sup_norm
from .value_ranges import range_ as range_
