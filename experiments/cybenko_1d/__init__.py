"""How many sigmoids provably suffice for a function of one variable, and how steep are they?"""
