"""How many sigmoids does a function of one variable need, by proof, and how steep are they?"""
