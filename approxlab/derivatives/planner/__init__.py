"""The cheapest bracketing of a chain of Jacobians: planned, and executed."""
