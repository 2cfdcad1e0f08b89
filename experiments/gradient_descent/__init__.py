"""What does the step size decide? Gradient descent on a quadratic, on two weights, on an MLP."""
