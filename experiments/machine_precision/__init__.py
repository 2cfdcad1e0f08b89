"""Do tanh networks reach machine precision, and with how many units compared with polynomials?"""
