"""How many linear regions do ReLU networks have: as built, at initialisation, after training?"""
