"""Is a linear model good for all, and who makes the features: a basis, a hand, or training?"""
