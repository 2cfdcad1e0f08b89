"""How fast do greedy networks converge, and how far is that from what was published?"""
