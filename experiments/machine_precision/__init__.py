"""Do tanh networks reach machine precision, and how many units does it take beside polynomials?"""
