"""What a derivative of a network is, what it costs, and how to have it without forming it.

- `jacobian`, `value_and_jacobian`: by the method of one's choice; `choose` names the fastest.
- `gradient`, `jacobian_vector_product`, `vector_jacobian_product`, `hessian_vector_product`: what
  is wanted in place of a Jacobian.
- `weight_jacobian`, `ntk`, `gram_diagonal`, `per_sample_gradients`, `per_sample_gradient_norms`:
  the derivative in the weights, which is never formed.
- `layer_jacobians`, `product`: what one layer's Jacobian is, and products that keep its structure;
  `explicit_weight_tensor` for those who want to see it. `shapes`: the table of matrix calculus.
- `plan_network`, `plan`, `chain_jacobian`: the cheapest bracketing of a chain, planned, executed.
- `explain`, `formula`, `count`, `predicted_tape`: exact costs, by formula and by count.
- `trace`: the evaluation trace, as a table and as a graph.
- `difference`, `optimal_step`: difference quotients with their errors; `check` and
  `check_derivatives`: a derivative against differences.
"""

from approxlab.derivatives import shapes
from approxlab.derivatives.checking.check import CheckReport, Problem, check, check_derivatives
from approxlab.derivatives.choice import CPU, Candidate, Choice, Counts, Machine, choose
from approxlab.derivatives.counts.explanation import Explanation, explain, xla_flops
from approxlab.derivatives.counts.formulas import Formula, formula
from approxlab.derivatives.counts.jaxprs import Count, count, count_jaxpr
from approxlab.derivatives.counts.tapes import measured_tape, predicted_tape, tape_bytes
from approxlab.derivatives.differences.quotients import (
    Difference,
    difference,
    difference_jacobian,
    optimal_step,
)
from approxlab.derivatives.layers.jacobians import (
    Dense,
    Diagonal,
    Identity,
    KroneckerOuter,
    LayerJacobian,
    Transposed,
)
from approxlab.derivatives.layers.per_sample import (
    PerSampleGradients,
    per_sample_gradient_norms,
    per_sample_gradients,
    squared_error,
)
from approxlab.derivatives.layers.products import (
    explicit_weight_tensor,
    layer_jacobians,
    n_mode_product,
    product,
    product_flops,
)
from approxlab.derivatives.layers.weights import WeightJacobian, gram_diagonal, ntk, weight_jacobian
from approxlab.derivatives.modes import METHODS, jacobian, value_and_jacobian
from approxlab.derivatives.planner.chains import (
    chain_factors,
    chain_jacobian,
    value_and_jacobian_by,
)
from approxlab.derivatives.planner.plans import (
    Factor,
    Node,
    Plan,
    forward_plan,
    layer_factors,
    plan,
    plan_frontier,
    plan_network,
    reverse_plan,
    structured_plan,
)
from approxlab.derivatives.tracing.trace import Contribution, Step, Trace, trace
from approxlab.derivatives.vector_products import (
    gradient,
    hessian_vector_product,
    jacobian_vector_product,
    vector_jacobian_product,
)

__all__ = [
    "CPU",
    "METHODS",
    "Candidate",
    "CheckReport",
    "Choice",
    "Contribution",
    "Count",
    "Counts",
    "Dense",
    "Diagonal",
    "Difference",
    "Explanation",
    "Factor",
    "Formula",
    "Identity",
    "KroneckerOuter",
    "LayerJacobian",
    "Machine",
    "Node",
    "PerSampleGradients",
    "Plan",
    "Problem",
    "Step",
    "Trace",
    "Transposed",
    "WeightJacobian",
    "chain_factors",
    "chain_jacobian",
    "check",
    "check_derivatives",
    "choose",
    "count",
    "count_jaxpr",
    "difference",
    "difference_jacobian",
    "explain",
    "explicit_weight_tensor",
    "formula",
    "forward_plan",
    "gradient",
    "gram_diagonal",
    "hessian_vector_product",
    "jacobian",
    "jacobian_vector_product",
    "layer_factors",
    "layer_jacobians",
    "measured_tape",
    "n_mode_product",
    "ntk",
    "optimal_step",
    "per_sample_gradient_norms",
    "per_sample_gradients",
    "plan",
    "plan_frontier",
    "plan_network",
    "predicted_tape",
    "product",
    "product_flops",
    "reverse_plan",
    "shapes",
    "squared_error",
    "structured_plan",
    "tape_bytes",
    "trace",
    "value_and_jacobian",
    "value_and_jacobian_by",
    "vector_jacobian_product",
    "weight_jacobian",
    "xla_flops",
]
