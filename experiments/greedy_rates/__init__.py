"""How fast do greedy networks converge, compared with theory and with published errors?"""
