"""How large are errors really, proved from both sides, and how tight are the theorems?"""
