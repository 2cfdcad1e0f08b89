"""Why does nobody form dy/dW? The tensor of one linear layer against the outer product v x^T."""
