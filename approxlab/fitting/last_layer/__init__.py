"""Networks whose last layer is the solution of a linear problem."""
