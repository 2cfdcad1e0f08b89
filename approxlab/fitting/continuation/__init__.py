"""Deep ReLU networks of one variable, followed from a quadratic that depth builds to a target."""
