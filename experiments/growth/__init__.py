"""How does the time of the dearest calls grow with the size of the problem?"""
