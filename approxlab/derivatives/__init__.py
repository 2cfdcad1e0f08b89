"""Derivatives of a network: what they are, what they cost, and how to do without forming them.

- `jacobian`, `value_and_jacobian`: by a method of the caller's choice; `choose` names the fastest.
- `gradient`, `jacobian_vector_product`, `vector_jacobian_product`, `hessian_vector_product`: what
  most algorithms need in place of a Jacobian.
- `weight_jacobian`, `ntk`, `gram_diagonal`, `per_sample_gradients`, `per_sample_gradient_norms`:
  the derivative in the weights, which is never formed.
- `layer_jacobians`, `product`: the Jacobian of one layer, and products that keep its structure;
  `explicit_weight_tensor` shows the whole tensor. `shapes`: the table of matrix calculus.
- `plan_network`, `plan`, `chain_jacobian`: the cheapest bracketing of a chain, planned, executed.
- `explain`, `formula`, `count`, `predicted_tape`: exact costs, by formula and by count.
- `trace`: the evaluation trace, as a table and as a graph.
- `difference`, `optimal_step`: difference quotients with their errors; `check` and
  `check_derivatives`: a derivative compared with finite differences.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
